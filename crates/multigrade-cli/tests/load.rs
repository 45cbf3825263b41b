//! Many rows, many processes, many threads: memory of predictions does not grow with their number, and what runs beside each
//! other does not disturb each other.
#![cfg(target_os = "linux")]

mod place;

use std::fs::File;
use std::io::{BufWriter, Write};
use std::process::{Command, Output, Stdio};

use multigrade::table::{CsvColumn, Delimiter, ReadOptions, Table, write_columns};
use multigrade::{Multigrade, Precision, Predictor};
use place::{Place, QUICK, smooth};

/// A table of `n` rows, those of `smooth.csv` again and again.
fn write_many(place: &Place, n: usize) {
    let smooth = smooth(9000);
    let (names, rows) = smooth.split_once('\n').unwrap();
    let mut file = BufWriter::new(File::create(place.path("many.csv")).unwrap());
    writeln!(file, "{names}").unwrap();
    for _ in 0..n / 9000 {
        file.write_all(rows.as_bytes()).unwrap();
    }
    rows.lines().take(n % 9000).for_each(|row| writeln!(file, "{row}").unwrap());
}

/// Predictions for the rows of `many.csv` within `kib` of address space.
fn predict(place: &Place, kib: usize, more: &[&str]) -> Output {
    let limited = format!("ulimit -v {kib}; exec \"$0\" \"$@\"");
    let mut command = Command::new("sh");
    command.args(["-c", &limited, env!("CARGO_BIN_EXE_multigrade"), "predict", "m", "many.csv", "--threads", "2"]);
    command.args(["--force", "--out", "p.csv"]).args(more);
    command.current_dir(place.root()).stdin(Stdio::null()).output().unwrap()
}

fn n_lines(place: &Place, name: &str) -> usize {
    place.read(name).iter().filter(|byte| **byte == b'\n').count()
}

/// Address space for predictions, in KiB: the program reserves nearly all of it for its code and the stacks of its threads.
const LIMIT: usize = 200_000;

#[test]
fn predictions_of_ten_times_the_rows_take_no_more_memory() {
    let place = Place::with_model();
    for n in [300_000, 3_000_000] {
        write_many(&place, n);
        let answer = predict(&place, LIMIT, &[]);
        assert!(answer.status.success(), "{n} rows: {answer:?}");
        assert_eq!(n_lines(&place, "p.csv"), n + 1);
    }
    // Of all grades, with every column, from a table that is read twice.
    write_many(&place, 600_000);
    let answer = predict(&place, LIMIT, &["--staged", "--keep", "all"]);
    assert!(answer.status.success(), "{answer:?}");
    assert_eq!(n_lines(&place, "p.csv"), 600_001);
}

#[test]
fn a_bad_cell_far_down_is_named_and_leaves_nothing_half_written() {
    let place = Place::with_model();
    write_many(&place, 1_234_565);
    let mut file = File::options().append(true).open(place.path("many.csv")).unwrap();
    writeln!(file, "0.5,oops,1\n0.5,0.5,1").unwrap();
    place.write("p.csv", "mine");
    let names = place.names();
    let answer = predict(&place, LIMIT, &[]);
    let err = String::from_utf8(answer.stderr).unwrap();
    assert_eq!(answer.status.code(), Some(2), "{err}");
    for words in ["many.csv", "column 'y'", "line 1234567", "oops", "put a number there"] {
        assert!(err.contains(words), "{words}: {err}");
    }
    assert_eq!((place.names(), place.read("p.csv")), (names, b"mine".to_vec()));
    let answer = place.run(&["predict", "m", "many.csv"]);
    answer.expect_refusal(&["line 1234567"]);
}

#[test]
fn answers_for_blocks_of_rows_are_bit_for_bit_those_for_all_rows_at_once() {
    let place = Place::with_model();
    let model = Multigrade::load(&place.path("m.safetensors")).unwrap();
    let predictor = Predictor::new(&model, Precision::F64);
    // Blocks end in the middle of rows that are left out, which lie before, behind and across the ends of blocks.
    for (n, gap) in [(40_000, 7), (16_384, 1000), (16_385, 2), (33_000, 12_345)] {
        let all = smooth(n);
        let (names, rows) = all.split_once('\n').unwrap();
        let is_whole = |i: usize| i == 0 || !(i.is_multiple_of(gap) || (200..900).contains(&(i % 16_000)));
        let row = |(i, row): (usize, &str)| if is_whole(i) { format!("{row}\n") } else { "NA,0.25,1\n".to_owned() };
        place.write("gaps.csv", format!("{names}\n{}", rows.lines().enumerate().map(row).collect::<String>()));

        let kept = rows.lines().enumerate().filter(|(i, _)| is_whole(*i)).map(|(_, row)| format!("{row}\n"));
        let whole = format!("{names}\n{}", kept.collect::<String>());
        let table = Table::parse("whole", whole.as_bytes(), &ReadOptions::default()).unwrap();
        let stages = predictor.staged(&table.rows(&["x", "y"]).unwrap()).unwrap();
        let mut columns = vec![CsvColumn::Numbers(table.numbers("z").unwrap().to_vec())];
        columns.extend(stages.into_iter().map(CsvColumn::Numbers));
        let mut expected = Vec::new();
        write_columns(&mut expected, Delimiter::Comma, &["z", "z@1", "z@2"], &columns).unwrap();

        let args = ["predict", "m", "gaps.csv", "--missing", "drop", "--staged", "--keep", "z"];
        let answer = place.run(&args).expect_status(0);
        let dropped = n - table.n_rows();
        assert!(answer.err.contains(&format!("{dropped} of its {n} rows have a missing cell")), "{}", answer.err);
        assert!(answer.out.as_bytes() == expected, "{n} rows, {gap}");
    }
}

#[test]
fn a_fit_whose_features_do_not_fit_computes_them_again() {
    let place = Place::new();
    // No two rows are equal, for those would be one row.
    let at = |i: usize| ((i as f64 * 0.754_877_666) % 1.0, (i as f64 * 0.569_840_291) % 1.0);
    let row = |(x, y): (f64, f64)| format!("{x},{y},{}\n", (3.0 * x).sin() + y * y);
    place.write("many.csv", format!("x,y,z\n{}", (0..100_000).map(|i| row(at(i))).collect::<String>()));
    // What two grades of width 128 make of the rows takes 104 MB, and training reads a copy of it.
    let fit = |out: &str, memory: &str| {
        let limited = "ulimit -v 450000; exec \"$0\" \"$@\"";
        let mut command = Command::new("sh");
        command.args(["-c", limited, env!("CARGO_BIN_EXE_multigrade"), "fit", "many.csv", "--target", "z"]);
        command.args([
            "--out",
            out,
            "--memory",
            memory,
            "--validation",
            "0",
            "--threads",
            "2",
            "--quiet",
            "--no-report",
        ]);
        command.args(["--grade", "128:relu", "--grade", "128:relu", "--weight-decay", "1e-6", "--branches", "1"]);
        command.args(["--solver", "lbfgs", "--iterations", "2"]);
        command.current_dir(place.root()).stdin(Stdio::null()).output().unwrap()
    };
    let answer = fit("m", "64");
    assert!(answer.status.success(), "{answer:?}");
    assert!(!fit("kept", "4096").status.success());
}

#[test]
fn eight_fits_at_once_and_more_threads_than_cores_give_the_same_model() {
    let place = Place::new();
    place.write("smooth.csv", smooth(60));
    let fit = |out: &str, threads: &str| {
        let args = [&["fit", "smooth.csv", "--target", "z", "--out", out, "--threads", threads], &QUICK[..]].concat();
        place.command(&args).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap()
    };
    let names: Vec<String> = (0..8).map(|k| format!("m{k}")).collect();
    let running: Vec<_> =
        names.iter().zip(["1", "2", "3", "64", "7", "64", "1", "16"]).map(|(out, n)| fit(out, n)).collect();
    for child in running {
        let answer = child.wait_with_output().unwrap();
        assert!(answer.status.success(), "{answer:?}");
    }
    let first = place.read("m0.safetensors");
    assert!(names.iter().all(|name| place.read(&format!("{name}.safetensors")) == first));
    assert!(place.names().iter().all(|name| !name.starts_with('.')));
}
