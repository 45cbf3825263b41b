//! Tables of extreme size and units end in a model or in a clear message, within a limit of memory.
#![cfg(target_os = "linux")]

mod place;

use std::fmt::Write;
use std::process::Command;

use place::{Answer, Place};

/// Numbers in [0, 1), the same every time.
fn number(i: usize) -> f64 {
    (i as f64 * 0.754_877_666_246_692_7).fract()
}

/// Rows of `a,b,z` with columns in these units.
fn table(rows: std::ops::Range<usize>, units: [f64; 3]) -> String {
    let mut table = String::from("a,b,z\n");
    for i in rows {
        let (a, b) = (number(i), number(7 * i + 3));
        let z = (3.0 * a).sin() + b * b;
        let _ = writeln!(table, "{:e},{:e},{:e}", a * units[0], b * units[1], z * units[2]);
    }
    table
}

/// The columns of a table of numbers.
fn column(table: &str, j: usize) -> Vec<f64> {
    table.lines().skip(1).map(|line| line.split(',').nth(j).unwrap().parse().unwrap()).collect()
}

/// The program in this much address space (KiB).
fn limited(place: &Place, memory: u32, args: &[&str]) -> Answer {
    let limit = format!("ulimit -v {memory}; exec \"$0\" \"$@\"");
    let mut command = Command::new("sh");
    command.args(["-c", &limit, env!("CARGO_BIN_EXE_multigrade")]);
    let output = command.args(args).current_dir(place.root()).output().unwrap();
    Answer {
        status: output.status.code(),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

#[test]
fn predictions_follow_units_that_are_powers_of_two_bit_for_bit() {
    let place = Place::new();
    let predicted = |name: &str, units: [f64; 3]| {
        let (rows, held) = (format!("{name}.csv"), format!("{name}_held.csv"));
        place.write(&rows, table(0..80, units));
        place.write(&held, table(80..110, units));
        // Which rows are held out depends on their content.
        place.fit(&rows, "z", name, &["--validation", &held]).expect_status(0);
        column(&place.run(&["predict", name, &held]).expect_status(0).out, 0)
    };
    let unit = 2.0_f64.powi(90);
    let (plain, scaled) = (predicted("plain", [1.0; 3]), predicted("scaled", [1.0 / unit, unit, unit]));
    let back: Vec<f64> = scaled.iter().map(|z| z / unit).collect();
    assert_eq!(plain, back);
}

#[test]
fn columns_of_1e_30_and_1e30_are_learned_as_well_as_others() {
    let place = Place::new();
    place.write("t.csv", table(0..150, [1e-30, 1e30, 1e30]));
    place.fit("t.csv", "z", "m", &[]).expect_status(0);
    let scores = place.run(&["evaluate", "m", "t.csv", "--json"]).expect_status(0).json();
    let output = &scores["outputs"][0];
    let last = output["grades"].as_array().unwrap().last().unwrap()["l2"].as_f64().unwrap();
    assert!(last < output["target_spread"].as_f64().unwrap() / 10.0, "{scores}");
    place.write("new.csv", table(150..160, [1e-30, 1e30, 1e30]));
    let (found, truth) = (place.run(&["predict", "m", "new.csv"]).expect_status(0).out, table(150..160, [1.0; 3]));
    for (found, truth) in column(&found, 0).iter().zip(column(&truth, 2)) {
        assert!((found / 1e30 - truth).abs() < 0.5, "{found} {truth}");
    }
}

#[test]
fn two_thousand_columns_of_a_hundred_rows_are_fitted_within_300_mb() {
    let place = Place::new();
    let mut table: String = (0..2000).map(|j| format!("x{j},")).collect::<String>() + "z\n";
    for i in 0..100 {
        (0..2000).for_each(|j| write!(table, "{},", number(i * 2000 + j)).unwrap());
        let _ = writeln!(table, "{}", number(i * 2000) - number(i * 2000 + 5));
    }
    place.write("wide.csv", table);
    let shape =
        ["--solver", "lbfgs", "--iterations", "5", "--grades", "1", "--branches", "1", "--quiet", "--threads", "2"];
    let args = [&["fit", "wide.csv", "--target", "z", "--out", "m", "--no-report"][..], &shape].concat();
    let fitted = limited(&place, 300_000, &args).expect_status(0);
    assert!(fitted.err.contains("only 100 rows for 2000 inputs"), "{fitted:?}");
    assert_eq!(limited(&place, 300_000, &["predict", "m", "wide.csv"]).expect_status(0).out.lines().count(), 101);
}

#[test]
fn a_million_rows_are_fitted_within_one_and_a_half_gigabytes() {
    let place = Place::new();
    let mut table = String::from("x,z\n");
    (0..1_000_000).for_each(|i| writeln!(table, "{},{:.5}", number(i), (9.0 * number(i)).sin()).unwrap());
    place.write("long.csv", table);
    let shape =
        ["--solver", "random", "--grades", "1", "--branches", "1", "--activation", "relu", "--weight-decay", "1e-6"];
    let args =
        [&["fit", "long.csv", "--target", "z", "--out", "m", "--no-report", "--quiet", "--threads", "2"][..], &shape];
    limited(&place, 1_500_000, &args.concat()).expect_status(0);
}

#[test]
fn constant_columns_and_a_single_row_make_a_model_that_says_so() {
    let place = Place::new();
    place.write("constant.csv", "a,b,z\n".to_owned() + &"3,1e30,5\n".repeat(20));
    let fitted = place.fit("constant.csv", "z", "c", &[]).expect_status(0);
    for word in ["input 'a' is 3 in every row", "input 'b' is", "target 'z' is 5 in every row"] {
        assert!(fitted.err.contains(word), "{fitted:?}");
    }
    place.write("one.csv", "a,b,z\n1e-30,2,7\n");
    place.fit("one.csv", "z", "o", &[]).expect_status(0);
    for (model, value) in [("c", 5.0), ("o", 7.0)] {
        let predicted = place.run(&["predict", model, "one.csv"]).expect_status(0).out;
        assert_eq!(column(&predicted, 0), [value]);
    }
}
