//! Parquet files as tables: `testdata/parquet/make_tables.py` wrote them with pyarrow, fastparquet and polars, and listed what is
//! in them.

use std::collections::BTreeMap;
use std::path::PathBuf;

use multigrade::table::{ReadOptions, Table};
use proptest::prelude::*;

const FILES: [&str; 9] =
    ["plain", "snappy", "gzip", "zstd", "version2", "groups", "encodings", "fastparquet", "polars"];

fn path(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../testdata/parquet").join(name)
}

fn file(name: &str) -> Vec<u8> {
    std::fs::read(path(&format!("{name}.parquet"))).unwrap()
}

/// Column -> cells as texts, empty where they are missing.
type Cells = BTreeMap<String, Vec<String>>;

fn expected(table: &str) -> Cells {
    let all: BTreeMap<String, Cells> = serde_json::from_slice(&std::fs::read(path("expected.json")).unwrap()).unwrap();
    all[table].clone()
}

fn read(bytes: &[u8], max_numbers: usize) -> Result<Table, String> {
    let options = ReadOptions { texts: vec!["kind".into()], gaps: true, max_numbers, ..ReadOptions::default() };
    Table::parse("t", bytes, &options).map_err(|error| error.to_string())
}

fn check(name: &str, expected: &Cells) {
    let table = read(&file(name), 1 << 20).unwrap_or_else(|error| panic!("{name}: {error}"));
    assert_eq!(table.column_names().len(), expected.len());
    for (column, cells) in expected {
        if let Some(texts) = table.texts(column).unwrap() {
            assert_eq!(&texts, cells, "{name}");
            continue;
        }
        let numbers = table.numbers_or_gaps(column).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(numbers.len(), cells.len(), "{name}, {column}");
        for (found, cell) in numbers.iter().zip(cells) {
            let number = match cell.as_str() {
                "" => f64::NAN,
                "True" => 1.0,
                "False" => 0.0,
                digits => digits.parse().unwrap(),
            };
            assert!(*found == number || (found.is_nan() && number.is_nan()), "{name}, {column}: {found} {cell}");
        }
    }
}

#[test]
fn every_cell_of_three_writers_encodings_and_compressions_is_what_was_written() {
    let expected = expected("columns");
    FILES.iter().for_each(|name| check(name, &expected));
}

#[test]
fn narrow_and_unsigned_numbers_and_missing_ones_are_what_they_were() {
    check("narrow", &expected("narrow"));
}

#[test]
fn what_is_no_number_spoils_its_own_column_only() {
    let table = read(&file("nested"), 100).unwrap();
    assert_eq!(table.numbers("x").unwrap(), [1.0, 2.0]);
    let refused = table.numbers("list").unwrap_err().to_string();
    assert_eq!(
        refused,
        "t: column 'list' holds no finite number (row 1: found \"a list or another nested value\"); write numbers in its place"
    );
    let table = Table::parse("t", &file("snappy")[..], &ReadOptions::default()).unwrap();
    let refused = table.numbers("gap").unwrap_err().to_string();
    assert!(refused.starts_with("t: column 'gap', row 3: the cell is empty, expected a finite number"), "{refused}");
    assert!(table.numbers("kind").unwrap_err().to_string().contains("found \"oak\""));
    assert_eq!(table.place_of_row(2), "row 3");
}

#[test]
fn a_text_whose_first_column_is_called_like_the_format_is_a_text() {
    assert_eq!(read(b"PAR1,y\n1,2\n", 100).unwrap().column_names(), ["PAR1", "y"]);
    assert_eq!(read(b"PAR1\n1\n", 100).unwrap().column_names(), ["PAR1"]);
}

#[test]
fn more_numbers_than_the_limit_are_refused_before_they_are_read() {
    let refused = read(&file("plain"), 7 * 40 - 1).unwrap_err();
    let expected = "t: this Parquet table cannot be read: it says that it holds 40 rows of 7, the limit is 279 numbers";
    assert_eq!(refused, expected);
    assert!(read(&file("plain"), 7 * 40).is_ok());
}

#[test]
fn a_file_that_is_too_large_to_be_read_whole_is_not_called_cut_off() {
    let large = [&b"PAR1"[..], &[0; 3 << 20], b"PAR1"].concat();
    let refused = read(&large, 1000).unwrap_err();
    assert!(refused.contains("more bytes than 1000 numbers, the limit"), "{refused}");
}

#[test]
fn a_description_that_takes_many_times_its_bytes_is_refused() {
    // Field 2, a list of so many structures of one byte each.
    let of = |n: usize| {
        let length = [n & 127 | 128, n >> 7 & 127 | 128, n >> 14 & 127].map(|byte| byte as u8);
        let about = [&[0x29, 0xfc], &length[..], &vec![0; n + 1]].concat();
        [b"PAR1\0", &about[..], &(about.len() as u32).to_le_bytes(), b"PAR1"].concat()
    };
    let refused = |n, max_numbers| read(&of(n), max_numbers).unwrap_err();
    assert!(refused(100_000, 1000).contains("takes more memory than the limit"), "{}", refused(100_000, 1000));
    assert!(refused(100_000, 1 << 20).contains("there is no column in it"), "{}", refused(100_000, 1 << 20));
}

#[test]
fn the_texts_of_truths_are_true_and_false_as_in_other_formats() {
    let expected = expected("columns");
    let is_truth = |cells: &Vec<String>| cells.iter().all(|cell| ["", "True", "False"].contains(&cell.as_str()));
    let (name, cells) = expected.iter().find(|(_, cells)| is_truth(cells)).unwrap();
    let options = ReadOptions { texts: vec![name.clone()], gaps: true, ..ReadOptions::default() };
    for writer in FILES {
        let table = Table::parse("t", &file(writer)[..], &options).unwrap();
        let lower: Vec<String> = cells.iter().map(|cell| cell.to_lowercase()).collect();
        assert_eq!(table.texts(name).unwrap().unwrap(), lower, "{writer}");
    }
}

#[test]
fn a_file_that_is_cut_off_anywhere_is_refused() {
    for name in ["plain", "zstd", "version2"] {
        let bytes = file(name);
        for end in 5..bytes.len() {
            let refused = read(&bytes[..end], 1 << 20).unwrap_err();
            assert!(refused.contains("was it altered or cut off?"), "{name}, {end}: {refused}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]
    #[test]
    fn altered_bytes_are_a_table_of_as_many_rows_or_an_error(
        which in 0..FILES.len(), places in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
    ) {
        let mut bytes = file(FILES[which]);
        for (place, byte) in places {
            let place = place.index(bytes.len() - 5) + 5;
            bytes[place] = byte;
        }
        if let Ok(table) = read(&bytes, 1 << 12) {
            for name in table.column_names() {
                if let Ok(numbers) = table.numbers(name) {
                    prop_assert!(numbers.len() == table.n_rows() && numbers.iter().all(|x| x.is_finite()));
                }
            }
        }
    }
}
