//! What a table file may hold, what is read from it, and what a bad one is told.

use std::collections::HashSet;
use std::io::{self, Read};

use multigrade::table::{
    DecimalMark, Delimiter, Header, MAX_COLUMNS, MAX_ROW_BYTES, ReadOptions, Table, TableError, WriteError, write_csv,
};
use proptest::prelude::*;

fn parse(text: impl AsRef<[u8]>) -> Result<Table, TableError> {
    Table::parse("t.csv", text.as_ref(), &ReadOptions::default())
}

fn table(text: impl AsRef<[u8]>) -> Table {
    parse(text).unwrap()
}

/// What the message about a bad file says, without the file's name in front.
fn problem(text: impl AsRef<[u8]>) -> String {
    let message = parse(text).unwrap_err().to_string();
    message.strip_prefix("t.csv: ").expect("every message begins with the table's name").to_owned()
}

fn column_problem(text: &str, column: &str) -> String {
    table(text).numbers(column).unwrap_err().problem.to_string()
}

fn bits(numbers: &[f64]) -> Vec<u64> {
    numbers.iter().map(|number| number.to_bits()).collect()
}

// Formats

#[test]
fn delimiter_line_end_and_byte_order_mark_do_not_change_the_table() {
    for delimiter in [",", ";", "\t"] {
        for line_end in ["\n", "\r\n", "\r"] {
            for mark in ["", "\u{feff}"] {
                for last in ["", line_end] {
                    let text = format!("{mark}a,b{line_end}1,-2.5{line_end}\"3\", 4e0 {last}").replace(',', delimiter);
                    let table = table(&text);
                    assert_eq!(table.column_names(), ["a", "b"], "{text:?}");
                    assert_eq!(table.numbers("a").unwrap(), [1.0, 3.0], "{text:?}");
                    assert_eq!(table.numbers("b").unwrap(), [-2.5, 4.0], "{text:?}");
                    assert_eq!(table.line_of_row(1), Some(3), "{text:?}");
                }
            }
        }
    }
}

#[test]
fn a_first_row_with_names_is_a_header_and_one_of_numbers_is_not() {
    let with_header = ["a,b\n1,2\n", "x,2019,2020\n1,2,3\n", "kind,maker\nred,NA\n", ",a\n0,1\n", "NA,a\n0,1\n"];
    for text in with_header {
        assert_eq!(table(text).n_rows(), 1, "{text:?}");
    }
    let without = ["1,2\n3,4\n", "red,1\nblue,2\n", "1,NaN\n2,3\n", "1,n/a\n2,3\n", "-,1\n1,2\n", "2019,2020\n1,2\n"];
    for text in without {
        assert_eq!((table(text).n_rows(), table(text).column_names()[1].as_str()), (2, "x2"), "{text:?}");
    }
}

#[test]
fn a_header_is_where_the_caller_says_it_is() {
    let read =
        |header| Table::parse("t", "7,8\n1,2\n".as_bytes(), &ReadOptions { header, ..Default::default() }).unwrap();
    assert_eq!(read(Header::Yes).column_names(), ["7", "8"]);
    assert_eq!(read(Header::Yes).numbers("7").unwrap(), [1.0]);
    assert_eq!(read(Header::No).column_names(), ["x1", "x2"]);
    assert_eq!(read(Header::No).numbers("x1").unwrap(), [7.0, 1.0]);
}

#[test]
fn a_column_without_a_name_is_called_after_its_place() {
    let table = table(",a,b,\n0,1,2,\n");
    assert_eq!(table.column_names(), ["x1", "a", "b", "x4"]);
    assert_eq!(table.position("x4").unwrap(), 3);
}

#[test]
fn the_delimiter_is_the_one_that_cuts_most_rows_alike_and_makes_most_numbers() {
    let names = |text: &str| table(text).column_names().join("|");
    // Only the header has a semicolon, so it belongs to the name.
    assert_eq!(names("a;b\n1\n"), "a;b");
    // Both cut all rows alike; the comma makes numbers.
    assert_eq!(names("n,k,p;q\n1,2,r;s\n3,4,t;u\n"), "n|k|p;q");
    // The comma makes more numbers, but the semicolon cuts all rows alike.
    assert_eq!(names("id;codes\na;1,2,3\nb;4,5,6\n"), "id|codes");
    // Read with semicolons, the text breaks off at the third row.
    assert_eq!(names("x,y;z\nu,v;w\n\"p,q\",r;s\n"), "x|y;z");
    // Where nothing else decides, the rarer mark is the delimiter.
    assert_eq!(names("x,y;z\nu,v;w\n"), "x,y|z");
    assert_eq!(names("x;y\tz\nu;v\tw\n"), "x;y|z");
}

#[test]
fn the_delimiter_of_rows_longer_than_the_sample_is_found() {
    let row = |cell: &str| vec![cell; 60_000].join(";");
    let names: Vec<String> = (0..60_000).map(|i| format!("column_{i}")).collect();
    let text = format!("{}\n{}\n", names.join(";"), row("0,1234567890"));
    assert!(names.join(";").len() < 1 << 20 && text.len() > 1 << 20);
    assert_eq!(table(&text).numbers("column_59999").unwrap(), [0.123456789]);
    let only_row = row("0,12345678901234567890");
    assert!(only_row.len() > 1 << 20);
    assert_eq!(table(&only_row).numbers("x60000").unwrap(), [0.12345678901234568]);
}

#[test]
fn a_given_delimiter_is_not_second_guessed() {
    let options = ReadOptions { delimiter: Some(Delimiter::Tab), ..Default::default() };
    let table = Table::parse("t", "a,b\n1,2\n".as_bytes(), &options).unwrap();
    assert_eq!(table.column_names(), ["a,b"]);
}

#[test]
fn semicolon_files_may_have_decimal_commas() {
    let table = table("a;b\n1;2,5\n-1,5e3;,25\n");
    assert_eq!(table.numbers("a").unwrap(), [1.0, -1500.0]);
    assert_eq!(table.numbers("b").unwrap(), [2.5, 0.25]);
}

#[test]
fn the_decimal_mark_can_be_given() {
    let read = |decimal| {
        let options = ReadOptions { decimal: Some(decimal), ..Default::default() };
        Table::parse("t", "a\tb\n1,5\t2.5\n".as_bytes(), &options).unwrap()
    };
    assert_eq!(read(DecimalMark::Comma).numbers("a").unwrap(), [1.5]);
    assert_eq!(read(DecimalMark::Point).numbers("b").unwrap(), [2.5]);
    assert!(read(DecimalMark::Comma).numbers("b").is_err());
    assert!(read(DecimalMark::Point).numbers("a").is_err());
}

#[test]
fn rows_without_content_at_either_end_are_no_rows() {
    let table = table("\n,\n\na,b\n1,2\n3,4\n\n ,\n  \n,\n");
    assert_eq!(table.column_names(), ["a", "b"]);
    assert_eq!([0, 1, 2].map(|row| table.line_of_row(row)), [Some(5), Some(6), None]);
    assert_eq!(table.numbers("b").unwrap(), [2.0, 4.0]);
}

#[test]
fn a_blank_line_between_rows_is_ignored_unless_it_may_be_a_missing_value() {
    let two_columns = table("a,b\n1,2\n\n3,4\n");
    assert_eq!(two_columns.numbers("b").unwrap(), [2.0, 4.0]);
    assert_eq!(two_columns.line_of_row(1), Some(4));

    assert_eq!(table("a\n1\n\n3\n").n_rows(), 3);
    assert!(column_problem("a\n1\n\n3\n", "a").starts_with("column 'a', line 3: the cell is empty"));
    let message = column_problem("a,b\n1,2\n,\n,\n3,4\n,\n,\n5,6\n,\n", "b");
    assert!(message.starts_with("column 'b', line 3: the cell is empty, expected a finite number (4 of its 7 cells"));
}

#[test]
fn quoted_fields_may_hold_delimiters_quotes_and_line_ends() {
    let table = table("\"say \"\"a, b\"\"\",\"two\nlines\"\n\"1\",2\n\"x\r\n\n\",3\n4,5\n");
    assert_eq!(table.column_names(), ["say \"a, b\"", "two\nlines"]);
    assert_eq!(table.numbers("two\nlines").unwrap(), [2.0, 3.0, 5.0]);
    assert_eq!([0, 1, 2].map(|row| table.line_of_row(row)), [Some(3), Some(4), Some(7)]);
}

#[test]
fn the_edges_of_the_number_range_are_read_to_the_last_bit() {
    let edges = [0.0, -0.0, 5e-324, f64::MIN_POSITIVE, f64::EPSILON, 1e300, f64::MAX, f64::MIN, 0.1, 1e16, 1e23];
    let mut file = Vec::new();
    write_csv(&mut file, Delimiter::Comma, &["v"], &edges).unwrap();
    assert_eq!(bits(table(&file).numbers("v").unwrap()), bits(&edges));
    assert_eq!(table("v\n+1.5\n1.\n.5\n1E3\n1e-400\n").numbers("v").unwrap(), [1.5, 1.0, 0.5, 1000.0, 0.0]);
}

// Cells that are not numbers

#[test]
fn a_bad_cell_is_reported_when_its_column_is_asked_for() {
    let text = "speed,wind speed\n1,2\n3,n/a\n5,\n";
    assert_eq!(table(text).numbers("speed").unwrap(), [1.0, 3.0, 5.0]);
    assert_eq!(
        table(text).numbers("wind speed").unwrap_err().to_string(),
        "t.csv: column 'wind speed', line 3: found \"n/a\", expected a finite number (2 of its 3 cells are not); \
         put a number there, or remove the row; --missing drop leaves such rows out, a fit with --missing impute fills them"
    );
    assert_eq!(
        column_problem("kind,v\nred,1\nblue,2\n", "kind"),
        "column 'kind' holds no finite number (line 2: found \"red\"); write numbers in its place"
    );
}

#[test]
fn a_column_of_one_bad_cell_is_told_about_that_cell() {
    assert!(
        column_problem("a,b\n1,x\n", "b").starts_with("column 'b', line 2: found \"x\", expected a finite number;")
    );
}

#[test]
fn nothing_but_a_finite_decimal_number_is_a_number() {
    let found = [
        ("NaN", "found \"NaN\", expected a finite number"),
        ("-inf", "found \"-inf\", expected a finite number"),
        ("infinity", "found \"infinity\", expected a finite number"),
        ("1e400", "found \"1e400\", which is beyond the range of a 64-bit number"),
        ("", "the cell is empty, expected a finite number"),
        ("   ", "the cell is empty, expected a finite number"),
        ("0x10", "found \"0x10\", expected"),
        ("1_000", "found \"1_000\", expected"),
        ("1 000", "found \"1 000\", expected"),
        ("12%", "found \"12%\", expected"),
        ("--5", "found \"--5\", expected"),
        ("\u{2212}5", "found \"\\u{2212}5\", expected"),
        ("1.2.3", "found \"1.2.3\", expected"),
        ("\"1,234.5\"", "found \"1,234.5\", expected"),
        ("\"1,5\"", "found \"1,5\" with a decimal comma, but the decimal mark is the point"),
        ("\u{1b}[31m", "found \"\\u{1b}[31m\", expected"),
    ];
    for (cell, expected) in found {
        let message = column_problem(&format!("a,b\n1,2\n{cell},2\n"), "a");
        assert!(message.starts_with(&format!("column 'a', line 3: {expected}")), "{cell:?}: {message}");
    }
}

#[test]
fn a_long_cell_is_cut_in_the_message() {
    let message = column_problem(&format!("a,b\n1,2\n{},2\n", "é".repeat(100_000)), "a");
    assert!(message.contains(&format!("found \"{}…\"", "é".repeat(60))), "{message}");
}

#[test]
fn the_line_of_a_bad_cell_is_its_own_even_when_its_row_spans_lines() {
    let text = "note,v\n\"two\r\nlines\",5\n\"a\nb\",n/a\n";
    assert_eq!(table(text).line_of_row(1), Some(4));
    assert!(column_problem(text, "v").starts_with("column 'v', line 5:"));
}

#[test]
fn a_second_decimal_mark_is_a_bad_cell_that_names_the_line_of_the_first() {
    assert_eq!(
        column_problem("a;b\n1;2\n1,5;2\n2;3.25\n", "b"),
        "column 'b', line 4: found \"3.25\" with a decimal point, but line 3 has a decimal comma; \
         use one decimal mark in the whole file"
    );
    let message = column_problem("a;b\n1.5;2\n2;3,25\n", "b");
    assert!(message.contains("found \"3,25\" with a decimal comma, but line 2 has a decimal point"), "{message}");
    let message = column_problem("a;b\n1.234,5;2\n2;2\n", "a");
    assert!(message.contains("found \"1.234,5\", expected a finite number"), "{message}");
}

#[test]
fn nobody_is_told_to_read_a_thousands_separator_as_a_decimal_mark() {
    for certain in ["1,000,000", "-12,345.5", "1.234.567,8", "+1.234.567"] {
        let message = column_problem(&format!("a\tb\n{certain}\t1\n"), "a");
        let expected = format!(
            "column 'a', line 2: found \"{certain}\", expected a finite number; remove the thousands separators"
        );
        assert_eq!(message, expected);
    }
    let message = column_problem("a,b\n\"1,000\",1\n\"2,500\",1\n", "a");
    assert!(
        message.contains(
            "(2 of its 2 cells are not); remove the thousands separators; or, if the comma is the decimal mark of every"
        ),
        "{message}"
    );
    // No number is grouped like this: these commas are decimal marks.
    for decimal in ["0,125", "1,00", "1,0000", "1234,567", "-,125"] {
        let message = column_problem(&format!("a\tb\n{decimal}\t1\n"), "a");
        assert!(message.contains("with a decimal comma") && !message.contains("thousands"), "{message}");
    }
    // One mark of each kind in a file that has decided: still nobody knows.
    let message = column_problem("a;b\n1.5;2\n1,500;2\n", "a");
    assert!(
        message.contains("remove the thousands separators; or, if the comma is the decimal mark of every"),
        "{message}"
    );
}

#[test]
fn columns_separated_by_spaces_are_recognised_and_refused() {
    let message = column_problem("a b c\n1 2 3\n4 5 6\n", "a b c");
    assert!(message.contains("separate columns by a comma, a semicolon or a tab"), "{message}");
    for asked in ["a", "c", "speed"] {
        let message = column_problem("a b c\n1 2 3\n4 5 6\n", asked);
        let expected = format!("no column '{asked}'; the table has one column only, called 'a b c': spaces do not");
        assert!(message.starts_with(&expected), "{message}");
    }
    let message = column_problem("wind speed\n1\n", "wind sped");
    assert!(message.contains("did you mean 'wind speed'?"), "{message}");
}

#[test]
fn a_header_of_numbers_that_was_taken_for_data_is_pointed_out() {
    let message = column_problem("2019,2020\n1,2\n", "2020");
    assert!(message.ends_with("Columns: x1, x2 (called after their places, since the first row was read as data; with --header it names them)"), "{message}");
}

// Names

#[test]
fn an_unknown_column_is_told_the_nearest_name() {
    let text = "speed,thrust,Wind\n1,2,3\n";
    let message = |name: &str| table(text).position(name).unwrap_err().problem.to_string();
    assert_eq!(message("thrsut"), "no column 'thrsut'; did you mean 'thrust'? Columns: speed, thrust, Wind");
    assert_eq!(message("THRUST"), "no column 'THRUST'; did you mean 'thrust'? Columns: speed, thrust, Wind");
    assert_eq!(message("wind "), "no column 'wind '; did you mean 'Wind'? Columns: speed, thrust, Wind");
    assert_eq!(message("a\nb"), "no column 'a\\nb'. Columns: speed, thrust, Wind");
    let asked_for_numbers = table(text).numbers("lift").unwrap_err().to_string();
    assert_eq!(asked_for_numbers, "t.csv: no column 'lift'. Columns: speed, thrust, Wind");
}

#[test]
fn a_long_list_of_columns_is_cut() {
    let names: Vec<String> = (0..1000).map(|i| format!("channel_{i}")).collect();
    let text = format!("{}\n{}\n", names.join(","), vec!["1"; 1000].join(","));
    let message = table(text).position("chanel_7").unwrap_err().to_string();
    assert!(message.contains("did you mean 'channel_7'?"), "{message}");
    assert!(message.ends_with(" more") && message.len() < 500, "{message}");
}

#[test]
fn two_columns_with_one_name_are_refused() {
    let message = problem("a,b,a\n1,2,3\n");
    assert!(message.starts_with("columns 1 and 3 are both called 'a'; give every column its own name"), "{message}");
    assert!(problem("x2,\n1,2\n").starts_with("columns 1 and 2 are both called 'x2'"));
}

// Files that are no tables

#[test]
fn a_path_without_a_table_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let read = |path: &std::path::Path| Table::read(path, &ReadOptions::default());
    let message = |path: &std::path::Path| read(path).unwrap_err().to_string();

    let missing = folder.path().join("none.csv");
    assert!(message(&missing).starts_with(&format!("{}: no such file", missing.display())));
    assert!(message(folder.path()).starts_with(&format!("{}: this is a folder, not a file", folder.path().display())));

    let there = folder.path().join("t.csv");
    std::fs::write(&there, "a\n1\n").unwrap();
    let table = read(&there).unwrap();
    assert_eq!((table.name(), table.numbers("a").unwrap()), (there.to_str().unwrap(), [1.0].as_slice()));
}

#[test]
fn a_source_that_fails_is_reported() {
    struct Broken;
    impl Read for Broken {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(io::Error::other("the disk is on fire"))
        }
    }
    let read = |source: &mut dyn Read| Table::parse("t", source, &ReadOptions::default()).unwrap_err().to_string();
    assert_eq!(read(&mut Broken), "t: cannot be read: the disk is on fire");
    // Past the sample that detection looks at, too.
    let long = "1,2\n".repeat(1 << 19);
    assert_eq!(read(&mut long.as_bytes().chain(Broken)), "t: cannot be read: the disk is on fire");
}

#[test]
fn a_file_without_rows_and_one_without_data_are_told_apart() {
    for empty in ["", "\n\n", " \r\n", "\u{feff}", ",,\n,,\n"] {
        assert!(problem(empty).starts_with("there is nothing in it; expected a row of column names"), "{empty:?}");
    }
    assert!(problem("\na,b\n").starts_with("no data: line 2 names 2 columns and no row follows; add rows"));
    assert!(problem("a,b\n\n,\n").starts_with("no data: line 1 names 2 columns"));
    assert!(problem("a").starts_with("no data: line 1 names 1 column and"));
}

#[test]
fn a_row_with_other_fields_than_the_first_names_both_lines() {
    let message = problem("a,b,c\n1,2,3\n\n\"x\ny\",2\n7,8,9\n");
    assert!(message.starts_with("line 4 has 2 fields, but line 1 has 3; every row needs the same number"), "{message}");
    assert!(problem("\n1,2\n1,2,3\n4,5\n").starts_with("line 3 has 3 fields, but line 2 has 2;"));
    let message = problem("Engine test\na,b\n1,2\n");
    assert!(message.contains("remove a title above the column names"), "{message}");
}

#[test]
fn text_in_another_encoding_and_other_formats_are_recognised() {
    let message = problem(b"a,b\n1,2\n\"x\ny\",caf\xe9 5\n");
    assert!(message.starts_with("line 4, field 2: \"caf\\xe9 5\" is not text in UTF-8; save the file"), "{message}");
    assert!(problem(b"\xff\xfea\0,\0b\0\n\0").starts_with("line 1: this is not text but looks like text in UTF-16;"));
    assert!(problem(b"a\n1\n2\0\n").starts_with("line 3: this is not text (it holds a zero byte); expected"));
    assert!(problem(b"a\n\"x\0\"\n").starts_with("line 2: this is not text (it holds a zero byte)"));
    assert!(problem(b"PK\x03\x04abc").contains("looks like a zip archive or a spreadsheet"));
    assert!(problem(b"\x1f\x8babc").contains("looks like a gzip archive"));
}

#[test]
fn a_quote_that_is_left_open_or_written_past_is_reported_where_it_stands() {
    let message = problem("a,b\n1,2\n3,\"4\n5,6\n");
    assert!(message.starts_with("line 3, field 2: the quote (\") that opens here is never closed"), "{message}");
    assert!(problem("a,b\n1,2\n\"3\"x,4\n").starts_with("line 3, field 1: text follows a closing quote;"));
    // A quote inside a plain field is a character like any other.
    assert_eq!(table("a\",b\n1,2\n").column_names(), ["a\"", "b"]);
}

/// The same bytes over and over.
struct Endless {
    bytes: &'static [u8],
    n_read: usize,
}

impl Read for Endless {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        for slot in buffer.iter_mut() {
            *slot = self.bytes[self.n_read % self.bytes.len()];
            self.n_read += 1;
        }
        Ok(buffer.len())
    }
}

#[test]
fn no_source_can_exhaust_the_memory() {
    let read = |source: &mut dyn Read, max_numbers| {
        let options =
            ReadOptions { delimiter: Some(Delimiter::Comma), header: Header::No, max_numbers, ..Default::default() };
        Table::parse("t", source, &options).unwrap_err().problem.to_string()
    };
    let too_long = format!("the row that starts on line 1 is longer than {} MiB;", MAX_ROW_BYTES >> 20);
    assert!(read(&mut io::repeat(b'1'), 9).starts_with(&too_long));
    assert!(read(&mut b"\"".chain(io::repeat(b'\n')), 9).starts_with(&too_long));
    let too_many = format!("line 1 has more than {MAX_COLUMNS} fields, the most a table may have");
    assert_eq!(read(&mut io::repeat(b','), 9), too_many);
    let read_endless = |bytes| read(&mut Endless { bytes, n_read: 0 }, 10);
    // The second column holds text and is not kept: ten numbers are the first ten rows of the first column.
    let message = read_endless(b"1,a\n");
    assert!(message.starts_with("the rows up to line 11 take more memory than 10 numbers, the limit;"), "{message}");
    // Nothing but the lines of rows that do not follow each other is kept.
    assert_eq!(
        read_endless(b"a,\"\n\"\n").split(';').next(),
        Some("the rows up to line 13 take more memory than 10 numbers, the limit")
    );
    assert_eq!(
        read_endless(b"a,\n\n").split(';').next(),
        Some("the rows up to line 13 take more memory than 10 numbers, the limit")
    );
}

#[test]
fn a_table_of_exactly_the_allowed_numbers_is_read() {
    let read =
        |max_numbers| Table::parse("t", "1,2\n3,4\n".as_bytes(), &ReadOptions { max_numbers, ..Default::default() });
    assert_eq!(read(4).unwrap().n_rows(), 2);
    assert!(read(3).is_err());
}

// Writing

#[test]
fn what_cannot_be_a_table_is_not_written() {
    let write = |names: &[&str], rows: &[f64]| write_csv(Vec::new(), Delimiter::Comma, names, rows);
    assert!(matches!(write(&["a", "b"], &[1.0, 2.0, 3.0]), Err(WriteError::Shape { n_values: 3, n_columns: 2 })));
    assert!(matches!(write(&[], &[]), Err(WriteError::Shape { n_values: 0, n_columns: 0 })));
    assert!(matches!(write(&["a", ""], &[]), Err(WriteError::Name { column: 2, .. })));
    assert!(matches!(write(&["a\0"], &[]), Err(WriteError::Name { column: 1, .. })));
}

#[test]
fn names_are_quoted_where_they_would_be_read_differently() {
    let names =
        ["\u{feff}a", " b", "c\u{85}", "d\re", "f\ng", "h,i", "j;k", "l\tm", "\"n\"", "o\"p", "'q'", "r s", "#t", "-"];
    for delimiter in Delimiter::ALL {
        let mut file = Vec::new();
        write_csv(&mut file, delimiter, &names, &[0.5; 14]).unwrap();
        assert_eq!(table(&file).column_names(), names);
        assert!(String::from_utf8(file).unwrap().contains("'q'"));
    }
}

#[test]
fn numbers_are_written_shortest_and_without_a_wall_of_zeros() {
    let mut file = Vec::new();
    let row = [1.0, -0.0, 0.1, 1e15, 1e16, -1.5e300, 5e-324, 1e-5, 9.5e-6, f64::NAN, f64::INFINITY];
    let names: Vec<String> = (0..row.len()).map(|i| format!("c{i}")).collect();
    write_csv(&mut file, Delimiter::Semicolon, &names, &row).unwrap();
    let text = String::from_utf8(file).unwrap();
    let expected = "1;-0;0.1;1000000000000000;1e16;-1.5e300;5e-324;0.00001;9.5e-6;NaN;inf";
    assert_eq!(text.lines().nth(1), Some(expected));
}

// Laws

fn delimiters() -> impl Strategy<Value = Delimiter> {
    prop::sample::select(Delimiter::ALL.as_slice())
}

fn finite() -> impl Strategy<Value = f64> {
    use prop::num::f64::{NEGATIVE, NORMAL, POSITIVE, SUBNORMAL, ZERO};
    prop_oneof![POSITIVE | NEGATIVE | NORMAL | SUBNORMAL | ZERO, -1e3..1e3, (-9..9_i8).prop_map(f64::from)]
}

/// Names with everything in them that a CSV file treats specially.
fn names() -> impl Strategy<Value = Vec<String>> {
    let name = prop_oneof!["[a,;\t\n\r\"'é\u{feff}\u{85} 1.#-]{1,5}", "\\PC{1,8}", "[a-z]{1,4}"];
    prop::collection::vec(name, 1..5)
        .prop_filter("names differ", |names| names.iter().collect::<HashSet<_>>().len() == names.len())
}

fn rows(n_columns: usize) -> impl Strategy<Value = Vec<f64>> {
    (1..8_usize).prop_flat_map(move |n_rows| prop::collection::vec(finite(), n_rows * n_columns))
}

fn named_rows() -> impl Strategy<Value = (Vec<String>, Vec<f64>)> {
    names().prop_flat_map(|names| {
        let n_columns = names.len();
        (Just(names), rows(n_columns))
    })
}

fn row_major(table: &Table) -> Vec<f64> {
    let columns: Vec<&[f64]> = table.column_names().iter().map(|name| table.numbers(name).unwrap()).collect();
    (0..table.n_rows()).flat_map(|row| columns.iter().map(move |column| column[row])).collect()
}

proptest! {
    #[test]
    fn what_is_written_is_read_back_to_the_last_bit((names, rows) in named_rows(), delimiter in delimiters()) {
        let mut file = Vec::new();
        write_csv(&mut file, delimiter, &names, &rows).unwrap();
        // The delimiter is left to detection.
        let options = ReadOptions { header: Header::Yes, ..Default::default() };
        let table = Table::parse("t", file.as_slice(), &options).unwrap();
        prop_assert_eq!(table.column_names(), &names);
        prop_assert_eq!(bits(&row_major(&table)), bits(&rows));
    }

    #[test]
    fn the_delimiter_is_found_whatever_other_delimiters_the_names_hold(
        marks in prop::collection::vec("[,;\t]{0,3}", 2..5),
        n_rows in 1..6_usize,
        number in finite(),
        delimiter in delimiters(),
    ) {
        let own = char::from(delimiter.byte());
        let names: Vec<String> =
            marks.iter().enumerate().map(|(i, mark)| format!("n{i}{}z", mark.replace(own, ""))).collect();
        let row = vec![format!("{number:e}"); names.len()].join(&own.to_string());
        let text = format!("{}\n{}", names.join(&own.to_string()), format!("{row}\n").repeat(n_rows));
        let table = table(&text);
        prop_assert_eq!(table.column_names(), &names);
        prop_assert_eq!(table.n_rows(), n_rows);
    }

    #[test]
    fn decimal_commas_between_semicolons_are_read_to_the_last_bit(
        (n_columns, rows) in (2..5_usize).prop_flat_map(|n_columns| (Just(n_columns), rows(n_columns))),
        header in any::<bool>(),
    ) {
        let mut file = Vec::new();
        let names: Vec<String> = (1..=n_columns).map(|i| format!("x{i}")).collect();
        write_csv(&mut file, Delimiter::Semicolon, &names, &rows).unwrap();
        let text = String::from_utf8(file).unwrap().replace('.', ",");
        let text = if header { text.as_str() } else { text.split_once('\n').unwrap().1 };
        let table = table(text);
        prop_assert_eq!(table.column_names(), &names);
        prop_assert_eq!(bits(&row_major(&table)), bits(&rows));
    }

    #[test]
    fn no_bytes_make_reading_panic(
        bytes in prop_oneof![
            prop::collection::vec(any::<u8>(), 0..200),
            "[a1.,;\t\r\n\" \u{feff}é-]{0,80}".prop_map(String::into_bytes),
        ],
        delimiter in prop::option::of(delimiters()),
        header in prop::sample::select([Header::Auto, Header::Yes, Header::No].as_slice()),
        asked in "\\PC{0,6}",
    ) {
        let options = ReadOptions { delimiter, header, ..Default::default() };
        match Table::parse("t", bytes.as_slice(), &options) {
            Err(error) => prop_assert!(error.to_string().starts_with("t: ")),
            Ok(table) => {
                let n_lines = 1 + bytes.iter().filter(|&&byte| byte == b'\n' || byte == b'\r').count() as u64;
                prop_assert!(table.line_of_row(table.n_rows() - 1).is_some_and(|line| line <= n_lines));
                for name in table.column_names().iter().chain([&asked]) {
                    match table.numbers(name) {
                        Ok(numbers) => {
                            prop_assert_eq!(numbers.len(), table.n_rows());
                            prop_assert!(numbers.iter().all(|number| number.is_finite()));
                        }
                        Err(error) => prop_assert!(error.to_string().starts_with("t: ")),
                    }
                }
            }
        }
    }
}
