//! NumPy's arrays and archives of them as tables: `testdata/arrays/make_arrays.py` wrote the files with NumPy.

use std::io::Write;
use std::path::PathBuf;

use multigrade::table::{ReadOptions, Table};
use proptest::prelude::*;

fn file(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../testdata/arrays").join(name)
}

fn table(name: &str) -> Table {
    Table::read(file(name), &ReadOptions { texts: vec!["kind".into()], ..ReadOptions::default() }).unwrap()
}

fn problem(bytes: &[u8]) -> String {
    Table::parse("t", bytes, &ReadOptions::default()).unwrap_err().to_string()
}

/// An array of version 1 with this header.
fn array(header: &str, data: &[u8]) -> Vec<u8> {
    let mut bytes = b"\x93NUMPY\x01\0".to_vec();
    bytes.extend((header.len() as u16).to_le_bytes());
    bytes.extend_from_slice(header.as_bytes());
    bytes.extend_from_slice(data);
    bytes
}

fn header(descr: &str, shape: &str) -> String {
    format!("{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}, }}\n")
}

#[test]
fn every_type_byte_order_and_axis_order_gives_the_same_numbers() {
    let expected = [[1.0, 2.0, 3.0], [4.0, 5.0, 100.0]];
    let names = ["f8", "f4", "i1", "i8", "u2", "big", "fortran", "version2"];
    for name in names {
        let table = table(&format!("{name}.npy"));
        assert_eq!(table.column_names(), ["x1", "x2", "x3"], "{name}");
        assert!(!table.has_names());
        let rows = table.rows(&["x1", "x2", "x3"]).unwrap();
        assert_eq!(rows, expected.concat(), "{name}");
    }
    assert_eq!(table("i8_extremes.npy").numbers("x1").unwrap(), [i64::MIN as f64, -1.0, i64::MAX as f64]);
    assert_eq!(table("bool.npy").numbers("x1").unwrap(), [1.0, 0.0]);
}

#[test]
fn records_and_archives_name_their_columns() {
    let records = table("records.npy");
    assert_eq!(records.column_names(), ["x", "kind", "n"]);
    assert!(records.has_names());
    assert_eq!(records.numbers("n").unwrap(), [-1.0, 7.0]);
    assert_eq!(records.texts("kind").unwrap().unwrap(), ["oak", "ash é"]);
    for name in ["stored.npz", "deflated.npz"] {
        let table = table(name);
        assert_eq!(table.column_names(), ["x1", "x2", "y", "kind"], "{name}");
        assert_eq!(table.rows(&["x1", "x2", "y"]).unwrap(), [1.0, 2.0, 9.0, 3.0, 4.0, 8.0], "{name}");
        assert_eq!(table.texts("kind").unwrap().unwrap(), ["oak", "elm"], "{name}");
    }
}

#[test]
fn a_cell_that_is_no_finite_number_is_named_by_its_row() {
    let table = table("with_nan.npy");
    assert_eq!(table.numbers("x1").unwrap(), [1.0, 2.0, 3.0]);
    let message = table.numbers("x2").unwrap_err().to_string();
    assert!(message.contains("column 'x2', row 2: found \"NaN\""), "{message}");
}

#[test]
fn what_an_array_declares_is_checked_before_anything_is_allocated() {
    let huge = array(&header("'<f8'", "(1152921504606846976, 3)"), &[]);
    assert!(problem(&huge).contains("it says that it holds 1152921504606846976 rows of 3, the limit is"));
    // Just below the limit: numbers that are not there take no memory.
    let long = array(&header("'<f8'", "(268435456,)"), &[0; 80]);
    assert!(problem(&long).contains("it ends before its last number"));
    let cases: [(&str, &str, &str); 8] = [
        ("'<c16'", "(1,)", "values of type '<c16'"),
        ("'|O'", "(1,)", "values of type '|O'"),
        ("'<f8'", "(1, 1, 1)", "found 3 axes"),
        ("'<f8'", "()", "found 0 axes"),
        ("'<f8'", "(0, 3)", "there is no number in it"),
        ("'<f8'", "(1, 70000)", "70000 columns"),
        ("'<f8'", "(-1,)", "its header cannot be read"),
        ("[('a', '<f8', (2,))]", "(1,)", "no single value"),
    ];
    for (descr, shape, words) in cases {
        let message = problem(&array(&header(descr, shape), &[0; 64]));
        assert!(message.contains(words), "{descr} {shape}: {message}");
    }
    assert!(problem(&array(&header("'<f8'", "(1,)"), &[0; 9])).contains("it goes on after its last number"));
    assert!(problem(&array(&"[".repeat(60_000), &[])).contains("its header cannot be read"));
    assert!(problem(b"\x93NUMPY\x09\0").contains("version 9"));
}

#[test]
fn an_archive_that_was_altered_or_unpacks_without_end_is_refused() {
    let whole = std::fs::read(file("deflated.npz")).unwrap();
    // Any byte of the packed numbers of the first array.
    let start = 30 + 6;
    let mut altered = whole.clone();
    altered[start + 24] ^= 1;
    assert!(Table::parse("t", &altered[..], &ReadOptions::default()).is_err());
    // The last two bytes are the length of a comment, which nobody needs.
    for end in 1..whole.len() - 2 {
        assert!(Table::parse("t", &whole[..end], &ReadOptions::default()).is_err(), "{end} bytes");
    }
    // A gigabyte of zeros, packed a thousand times smaller, behind a header that asks for it.
    let header = array(&header("'<f8'", "(134217728,)"), &[]);
    let mut packer = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::best());
    packer.write_all(&header).unwrap();
    (0..1024).for_each(|_| packer.write_all(&[0; 1 << 20]).unwrap());
    let packed = packer.finish().unwrap();
    let name = b"x.npy";
    let mut bytes = b"PK\x03\x04".to_vec();
    bytes.extend([20, 0, 0, 0, 8, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    let sizes = [&(packed.len() as u32).to_le_bytes()[..], &(header.len() as u32 + (1 << 30)).to_le_bytes()].concat();
    bytes.extend_from_slice(&sizes);
    bytes.extend([5, 0, 0, 0]);
    bytes.extend_from_slice(name);
    bytes.extend_from_slice(&packed);
    let list = bytes.len() as u32;
    bytes.extend_from_slice(b"PK\x01\x02\x14\0\x14\0\0\0\x08\0\0\0\0\0\0\0\0\0");
    bytes.extend_from_slice(&sizes);
    bytes.extend_from_slice(b"\x05\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0");
    bytes.extend_from_slice(name);
    let length = bytes.len() as u32 - list;
    bytes.extend_from_slice(b"PK\x05\x06\0\0\0\0\x01\0\x01\0");
    bytes.extend_from_slice(&length.to_le_bytes());
    bytes.extend_from_slice(&list.to_le_bytes());
    bytes.extend_from_slice(&[0, 0]);
    let few = ReadOptions { max_numbers: 1 << 20, ..ReadOptions::default() };
    let message = Table::parse("t", &bytes[..], &few).unwrap_err().to_string();
    assert!(
        message.contains("array 'x': it says that it holds 134217728 rows of 1, the limit is 1048576"),
        "{message}"
    );
}

proptest! {
    #[test]
    fn numbers_come_back_bit_for_bit(numbers in prop::collection::vec(-1e300..1e300_f64, 1..60)) {
        let data: Vec<u8> = numbers.iter().flat_map(|x| x.to_le_bytes()).collect();
        let table = Table::parse("t", &array(&header("'<f8'", &format!("({},)", numbers.len())), &data)[..], &ReadOptions::default()).unwrap();
        let bits = |x: &[f64]| x.iter().map(|x| x.to_bits()).collect::<Vec<_>>();
        prop_assert_eq!(bits(table.numbers("x1").unwrap()), bits(&numbers));
    }

    #[test]
    fn no_header_makes_the_reader_panic(descr in "[<>|=]?[a-zA-Z][0-9]{0,30}|.{0,20}", shape in "\\([0-9, ]{0,40}\\)|.{0,20}") {
        let _ = Table::parse("t", &array(&header(&format!("'{descr}'"), &shape), &[7; 100])[..], &ReadOptions::default());
        let _ = Table::parse("t", &array(&format!("{descr}{shape}"), &[7; 100])[..], &ReadOptions::default());
    }
}
