//! Every hostile file given to every command: none panics, hangs on endless input, takes memory without limit, prints
//! control characters or leaves a file behind. `cargo test -p multigrade-cli --test hostile -- --nocapture` prints what
//! happened as a table.
#![cfg(target_os = "linux")]

mod place;

use std::collections::BTreeMap;
use std::process::{Command, Stdio};

use place::Place;

/// Address space of the program in KiB. Threads and the allocator reserve far more than they use, so this is no tight bound of
/// memory; it stops whatever believes a length of gigabytes that a small file declares.
const MEMORY: &str = "3000000";

const CERTIFICATE: &[u8] = include_bytes!("../../../testdata/certificates/square.certificate.json");
const PROVED: &[u8] = include_bytes!("../../../testdata/certificates/square.safetensors");

const PARQUET: &[u8] = include_bytes!("../../../testdata/parquet/snappy.parquet");

/// A safetensors file with this header, whatever it says.
fn safetensors(header: &str) -> Vec<u8> {
    let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
    bytes.extend_from_slice(header.as_bytes());
    bytes
}

fn replaced(bytes: &[u8], from: &str, to: &str) -> Vec<u8> {
    let text = String::from_utf8_lossy(bytes);
    assert!(text.contains(from), "{from}");
    text.replacen(from, to, 1).into_bytes()
}

/// A positive whole number as Thrift writes it.
fn thrift(n: u64) -> Vec<u8> {
    varint(2 * n)
}

fn varint(n: u64) -> Vec<u8> {
    let digits = (u64::BITS - n.leading_zeros()).div_ceil(7).max(1);
    (0..digits).map(|i| (n >> (7 * i)) as u8 & 0x7f | if i + 1 < digits { 0x80 } else { 0 }).collect()
}

/// What the one page of a Parquet file is: the column's type, whether it is a page of data or a dictionary, its encoding.
type Page = (&'static [u8], &'static [u8; 2], u8);

/// Doubles; truths in a dictionary, which the format does not have; texts by their differences in length.
const DOUBLES: Page = (b"\x0a\x25\0\x18\x01x", b"\0\x2c", 0);
const TRUTHS: Page = (b"\0\x25\0\x18\x01x", b"\x04\x4c", 0);
const TEXTS: Page = (b"\x0c\x25\0\x18\x01x\x25\0", b"\0\x2c", 12);

/// A Parquet file with one column `x` of so many rows, in one page compressed by Zstandard that unpacks to `unpacked` bytes and
/// says that it holds so many values.
fn parquet((column, [kind, header], encoding): Page, rows: u64, values: u64, unpacked: u64, packed: &[u8]) -> Vec<u8> {
    let length = packed.len() as u64;
    // Its sizes, its number of values, as they are.
    let sizes = [vec![0x15, *kind, 0x15], thrift(unpacked), b"\x15".to_vec(), thrift(length), vec![*header, 0x15]];
    let page = [sizes.concat(), thrift(values), vec![0x15, encoding, 0, 0], packed.to_vec()].concat();
    // The root with one child, a required column; the rows; one group with one chunk.
    let schema = [b"\x15\x02\x19\x2c\x48\x01r\x15\x02\0\x15", column, b"\0\x16"].concat();
    let chunk = [&b"\x19\x1c\x19\x1c\x3c\x45\x0c\x36"[..], &thrift(page.len() as u64), b"\x26\x08\0\0\x26"].concat();
    let end = [schema, thrift(rows), chunk, thrift(rows), b"\0\0".to_vec()].concat();
    [b"PAR1", &page[..], &end, &(end.len() as u32).to_le_bytes(), b"PAR1"].concat()
}

/// Some bytes and zeros as Zstandard packs them: 128 KiB of zeros in four bytes.
fn zeros_after(start: &[u8], blocks: u32) -> Vec<u8> {
    let block = |i: u32| [u8::from(i + 1 == blocks) | 2, 0, 16, 0];
    let length = start.len() as u32 + (blocks << 17);
    let raw = if start.is_empty() { Vec::new() } else { [&[(start.len() as u8) << 3, 0, 0], start].concat() };
    let head = [&b"\x28\xb5\x2f\xfd\xa0"[..], &length.to_le_bytes(), &raw].concat();
    head.into_iter().chain((0..blocks).flat_map(block)).collect()
}

fn zeros(blocks: u32) -> Vec<u8> {
    zeros_after(&[], blocks)
}

/// Names and contents: of no format, and of each format with something that is not true.
fn hostile(place: &Place) -> Vec<(&'static str, Vec<u8>)> {
    let model = place.read("m.safetensors");
    let half = model.len() / 2;
    let flipped = |at: usize| {
        let mut bytes = model.clone();
        bytes[at] ^= 0x10;
        bytes
    };
    let long_length = |length: u64| {
        let mut bytes = model.clone();
        bytes[..8].copy_from_slice(&length.to_le_bytes());
        bytes
    };
    let deep = "[".repeat(200_000);
    let wide_header = (0..70_000).map(|j| format!("c{j}")).collect::<Vec<_>>().join(",") + "\n";
    let escape = "\u{1b}[31m\u{1b}]0;title\u{7}\u{202e}<script>alert(1)</script>\u{0085}";
    let huge_shape = r#"{"a":{"dtype":"F64","shape":[4294967296,4294967296,2],"data_offsets":[0,8]}}        "#;
    let far_offsets = r#"{"a":{"dtype":"F64","shape":[1],"data_offsets":[18446744073709551608,18446744073709551615]}}"#;
    vec![
        ("nothing", Vec::new()),
        ("a zero byte", vec![0]),
        ("zeros", vec![0; 100_000]),
        ("255s", vec![255; 100_000]),
        ("a line end", b"\n".to_vec()),
        ("quotes", vec![b'"'; 100_001]),
        ("an open quote", b"x,y,z\n1,2,\"3\n4,5,6\n".to_vec()),
        ("a row of 17 MiB", vec![b'1'; 17 << 20]),
        ("70,000 columns", wide_header.into_bytes()),
        ("ragged rows", b"x,y,z\n1,2,3\n4,5\n".to_vec()),
        ("names that escape", format!("{escape},y,z\n1,2,3\n2,3,5\n3,1,2\n").into_bytes()),
        ("cells that escape", format!("x,y,z\n1,2,{escape}\n").into_bytes()),
        ("numbers beyond all bounds", b"x,y,z\n1e999,-1e999,1\n1,2,nan\n".to_vec()),
        ("numbers at the bounds", b"x,y,z\n1e308,-1e308,1e308\n-1e308,1e308,-1e308\n4e-324,0,-4e-324\n".to_vec()),
        ("long numbers", format!("x,y,z\n{}\n", vec!["9".repeat(100_000); 3].join(",")).into_bytes()),
        ("half a letter", b"x,y,z\n1,2,\xc3\n".to_vec()),
        ("UTF-16", b"\xff\xfex\0,\0y\0\n\0".to_vec()),
        ("a spreadsheet", b"PK\x03\x04\x14\0\x06\0".to_vec()),
        ("a gzip archive", b"\x1f\x8b\x08\0\0\0\0\0".to_vec()),
        ("the start of a Parquet file", b"PAR1\x15\x04\x15\x10".to_vec()),
        ("a Parquet file without content", b"PAR1\xff\xff\xff\x7fPAR1".to_vec()),
        ("half a Parquet file", PARQUET[..PARQUET.len() / 2].to_vec()),
        ("a Parquet file of 2^60 rows", parquet(DOUBLES, 1 << 60, 1 << 60, 8, &zeros(1))),
        ("a Parquet page of 256 MiB in 8 KiB", parquet(DOUBLES, 8, 8, 1 << 28, &zeros(1 << 11))),
        ("a Parquet page of 2 GiB", parquet(DOUBLES, 8, 8, 1 << 31, &zeros(1 << 11))),
        ("a Parquet dictionary of 2^28 truths", parquet(TRUTHS, 8, 1 << 28, 1 << 25, &zeros(1 << 8))),
        ("a Parquet page of 2^47 texts", {
            let head = [varint(1 << 20), varint(1), varint(1 << 47), varint(0)].concat();
            parquet(TEXTS, 8, 1 << 47, head.len() as u64 + (1 << 25), &zeros_after(&head, 1 << 8))
        }),
        ("the start of a NumPy file", b"\x93NUMPY\x01\0\xff\xff".to_vec()),
        ("a NumPy file of 8 EiB", {
            let header = "{'descr': '<f8', 'fortran_order': False, 'shape': (1152921504606846976, 1), }\n";
            [&b"\x93NUMPY\x01\0"[..], &(header.len() as u16).to_le_bytes(), header.as_bytes()].concat()
        }),
        ("half a model", model[..half].to_vec()),
        ("a model and one byte", [&model[..], &[0]].concat()),
        ("a flipped bit in the header", flipped(half / 2)),
        ("a flipped bit in the last weight", flipped(model.len() - 1)),
        ("a header of 16 EiB", long_length(u64::MAX)),
        ("a header of 90 MB", long_length(90_000_000)),
        ("a tensor of 2^67 numbers", safetensors(huge_shape)),
        ("offsets that overflow", safetensors(far_offsets)),
        ("a deep header", safetensors(&deep)),
        ("a deep document", safetensors(&format!(r#"{{"__metadata__":{{"multigrade":"{deep}"}}}}"#))),
        ("half a certificate", CERTIFICATE[..CERTIFICATE.len() / 2].to_vec()),
        ("a forged function", replaced(CERTIFICATE, "x^2", "x^3")),
        ("a forged model", replaced(CERTIFICATE, "\"model\":\"sha256:", "\"model\":\"sha256:0")),
        ("a deep certificate", deep.clone().into_bytes()),
        (
            "a certificate of another version",
            replaced(CERTIFICATE, "\"version\":1", "\"version\":18446744073709551615"),
        ),
        ("JSON of another kind", br#"{"a":[1,2,{"b":null}]}"#.to_vec()),
        ("a true certificate", CERTIFICATE.to_vec()),
        ("another model", PROVED.to_vec()),
    ]
}

/// Every command that reads a file, with the hostile one in the place of `FILE`.
const COMMANDS: [&[&str]; 16] = [
    &["fit", "FILE", "--target", "z", "--out", "out", "--solver", "random", "--grades", "1", "--branches", "1"],
    &[
        "fit",
        "smooth.csv",
        "--target",
        "z",
        "--out",
        "out",
        "--validation",
        "FILE",
        "--solver",
        "random",
        "--grades",
        "1",
    ],
    &["fit", "smooth.csv", "--continue", "FILE", "--out", "out"],
    &["fit", "FILE", "--continue", "m", "--out", "out"],
    &["predict", "m", "FILE"],
    &["predict", "FILE", "smooth.csv"],
    &["evaluate", "m", "FILE"],
    &["evaluate", "FILE", "smooth.csv", "--json"],
    &["inspect", "FILE", "--json"],
    &["inspect", "m", "--verify", "FILE"],
    &["truncate", "FILE", "--grades", "1", "--out", "out"],
    &["report", "m", "FILE", "--out", "out.html"],
    &["certify", "FILE", "--function", "x+y", "--domain", "x=0..1,y=0..1", "--out", "out.json", "--boxes", "20"],
    &["check", "FILE", "p"],
    &["check", "c.json", "FILE"],
    &["export", "FILE", "--format", "onnx", "--out", "out.onnx"],
];

/// Formulas and boxes that are none, or too much.
fn formulas() -> Vec<(String, String)> {
    let unit = "x=0..1".to_owned();
    let formula = |text: &str| (text.to_owned(), unit.clone());
    let domain = |text: &str| ("x".to_owned(), text.to_owned());
    vec![
        formula(""),
        formula(&"(".repeat(100_000)),
        formula(&"-".repeat(100_000)),
        formula(&format!("x{}", "+x".repeat(60_000))),
        formula(&format!("x{}", "^2".repeat(5000))),
        formula("1e999*x"),
        formula("x/0"),
        formula("\u{1b}[31m"),
        formula("x\u{202e}y"),
        formula("1/(x-0.5)"),
        formula("exp(exp(exp(exp(99*x))))"),
        domain(""),
        domain("x=1..0"),
        domain("x=nan..nan"),
        domain("x=-1e308..1e308"),
        domain("x=0..1e999"),
        domain("x=0..1,x=0..1"),
        domain(&(0..5000).map(|i| format!("x{i}=0..1")).collect::<Vec<_>>().join(",")),
    ]
}

/// How the program ended, within a limit of memory.
fn run(place: &Place, args: &[String]) -> place::Answer {
    let program = env!("CARGO_BIN_EXE_multigrade");
    let limited = format!("ulimit -v {MEMORY}; exec \"$0\" \"$@\"");
    let mut command = Command::new("sh");
    command.args(["-c", &limited, program]).args(args).current_dir(place.root()).stdin(Stdio::null());
    let output = command.output().unwrap();
    place::Answer {
        status: output.status.code(),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

/// It ended as it should, whatever it was given.
fn assert_sane(what: &str, answer: &place::Answer) {
    let shown = || format!("{what}: {:.600} {answer:.600?}", "");
    assert!(matches!(answer.status, Some(0..=2)), "{}", shown());
    assert!(!answer.err.contains("panicked"), "{}", shown());
    if answer.status == Some(2) {
        assert!(answer.err.lines().any(|line| line.starts_with("error: ")) && answer.out.is_empty(), "{}", shown());
    }
    let is_control = |c: char| (c.is_control() && c != '\n' && c != '\t') || c == '\u{202e}';
    assert!(!answer.err.contains(is_control) && !answer.out.contains(is_control), "{}", shown());
    assert!(answer.err.len() < 20_000, "{}: a message of {} bytes", what, answer.err.len());
}

/// A short word for the end of a run.
fn cell(answer: &place::Answer) -> String {
    answer.status.map_or("signal".into(), |status| status.to_string())
}

fn place() -> Place {
    let place = Place::with_model();
    place.write("p.safetensors", PROVED);
    place.write("c.json", CERTIFICATE);
    place
}

#[test]
fn no_command_panics_or_leaves_a_file_behind_whatever_file_it_is_given() {
    let place = place();
    println!("| file | {} |", COMMANDS.map(|command| command[..2].join(" ")).join(" | "));
    println!("|{}", "---|".repeat(COMMANDS.len() + 1));
    let mut files = hostile(&place);
    files.push(("a folder", Vec::new()));
    files.push(("no file", Vec::new()));
    for device in ["/dev/zero", "/dev/urandom", "/dev/null"] {
        files.push((device, Vec::new()));
    }
    let names = place.names();
    let mut counts = BTreeMap::new();
    for (name, bytes) in files {
        let file = match name {
            "a folder" => place.root().display().to_string(),
            "no file" => "missing".to_owned(),
            device if device.starts_with("/dev/") => device.to_owned(),
            _ => {
                place.write("hostile.bin", bytes);
                "hostile.bin".to_owned()
            }
        };
        let mut cells = Vec::new();
        for command in COMMANDS {
            let args: Vec<String> =
                command.iter().map(|word| if *word == "FILE" { file.clone() } else { (*word).to_owned() }).collect();
            let answer = run(&place, &args);
            assert_sane(&format!("{name}, {}", command.join(" ")), &answer);
            *counts.entry(answer.status).or_insert(0) += 1;
            let left: Vec<String> =
                place.names().into_iter().filter(|n| !names.contains(n) && n != "hostile.bin").collect();
            match answer.status {
                Some(2) => assert!(left.is_empty(), "{name}, {command:?}: {left:?}"),
                _ => left.iter().for_each(|name| std::fs::remove_file(place.path(name)).unwrap()),
            }
            cells.push(cell(&answer));
        }
        println!("| {name} | {} |", cells.join(" | "));
    }
    println!("\n{counts:?}");
}

#[test]
fn no_formula_or_box_makes_a_command_panic() {
    let place = place();
    let names = place.names();
    for (formula, domain) in formulas() {
        for command in ["construct", "certify"] {
            let args: Vec<&str> = match command {
                "construct" => vec![
                    "construct",
                    &formula,
                    "--domain",
                    &domain,
                    "--tol",
                    "0.1",
                    "--out",
                    "out",
                    "--max-nodes",
                    "100",
                    "--time-limit",
                    "2",
                    "--quiet",
                ],
                _ => vec![
                    "certify",
                    "p",
                    "--function",
                    &formula,
                    "--domain",
                    &domain,
                    "--out",
                    "out.json",
                    "--boxes",
                    "50",
                    "--quiet",
                ],
            };
            let args: Vec<String> = args.into_iter().map(str::to_owned).collect();
            let answer = run(&place, &args);
            let what = format!("{command} {formula:.40} on {domain:.40}");
            assert_sane(&what, &answer);
            println!("| {what} | {} |", cell(&answer));
            for name in place.names().iter().filter(|name| !names.contains(name)) {
                std::fs::remove_file(place.path(name)).unwrap();
            }
        }
    }
}
