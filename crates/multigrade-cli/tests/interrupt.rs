//! Ctrl-C.
#![cfg(unix)]

mod place;

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use place::{Place, smooth};

#[test]
fn an_interrupted_fit_writes_the_grades_done_so_far_and_ends_with_status_1() {
    let place = Place::new();
    place.write("t.csv", smooth(45));
    // Far more epochs than anybody would wait for.
    let args = "fit t.csv --target z --out m --grade 8:tanh --weight-decay 0 --solver adam --epochs 4000000000";
    let mut child = place
        .command(&args.split(' ').collect::<Vec<_>>())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines().map(Result::unwrap);
    // Said once it listens.
    assert!(lines.next().unwrap().contains("Ctrl-C stops"));
    let sent = Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(sent.success());
    let rest: Vec<String> = lines.collect();
    assert_eq!(child.wait().unwrap().code(), Some(1), "{rest:?}");
    assert!(rest.iter().any(|line| line.contains("Ctrl-C again quits")), "{rest:?}");
    assert!(rest.iter().any(|line| line.contains("m.safetensors holds the 1 grade done so far")), "{rest:?}");

    assert_eq!(place.names(), ["m.html", "m.run.json", "m.safetensors", "t.csv"]);
    let about = place.run(&["inspect", "m", "--json"]).expect_status(0).json();
    assert!(about["history"]["stop"].as_str().unwrap().contains("interrupted"));
    place.run(&["predict", "m", "t.csv"]).expect_status(0);
    let run: serde_json::Value = serde_json::from_slice(&place.read("m.run.json")).unwrap();
    assert_eq!(run["interrupted"], true);
}
