//! Many rows, many processes, many threads: memory of predictions does not grow with their number, and what runs beside each
//! other does not disturb each other.
#![cfg(target_os = "linux")]

mod place;

use std::process::{Command, Stdio};

use place::{Place, QUICK, smooth};

/// Predictions for `n` rows within `kib` of address space.
fn predict(place: &Place, n: usize, kib: usize) -> std::process::Output {
    place.write("many.csv", smooth(n));
    let limited = format!("ulimit -v {kib}; exec \"$0\" \"$@\"");
    let mut command = Command::new("sh");
    command.args([
        "-c",
        &limited,
        env!("CARGO_BIN_EXE_multigrade"),
        "predict",
        "m",
        "many.csv",
        "--threads",
        "2",
        "--out",
        "p.csv",
    ]);
    command.args(["--force"]).current_dir(place.root()).stdin(Stdio::null()).output().unwrap()
}

#[test]
fn predictions_of_many_rows_take_memory_for_their_numbers_and_little_more() {
    let place = Place::with_model();
    // 300,000 rows of three columns are 7 MB as numbers and 15 MB as text; the program itself reserves most of the limit.
    let answer = predict(&place, 300_000, 400_000);
    assert!(answer.status.success(), "{answer:?}");
    assert_eq!(String::from_utf8(place.read("p.csv")).unwrap().lines().count(), 300_001);
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
