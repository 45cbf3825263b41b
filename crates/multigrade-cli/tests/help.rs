//! The help pages: their examples run, and they say how the program ends.

mod place;

use place::Place;

const COMMANDS: [&str; 13] = [
    "demo",
    "fit",
    "construct",
    "predict",
    "evaluate",
    "inspect",
    "truncate",
    "report",
    "certify",
    "check",
    "export",
    "reproduce",
    "completions",
];

/// The lines under `Examples:` that are commands, without the name of the program.
fn examples(help: &str) -> Vec<Vec<&str>> {
    let lines = help.lines().skip_while(|line| *line != "Examples:").skip(1).take_while(|line| !line.is_empty());
    lines
        .filter_map(|line| line.trim().strip_prefix("multigrade "))
        .map(|line| line.split(' ').map(|word| word.trim_matches('\'')).collect())
        .collect()
}

/// The engine data in small, under the names that the examples use.
fn engine() -> Place {
    let place = Place::new();
    let all = include_str!("../../../testdata/b777_engine.csv");
    let every = |step: usize, first: usize| -> String {
        let rows = all.lines().skip(1 + first).step_by(step);
        std::iter::once(all.lines().next().unwrap()).chain(rows).map(|line| format!("{line}\n")).collect()
    };
    place.write("engine.csv", every(23, 0));
    place.write("new.csv", every(31, 7));
    place.write("square.safetensors", include_bytes!("../../../testdata/certificates/square.safetensors"));
    place.write("square.certificate.json", include_bytes!("../../../testdata/certificates/square.certificate.json"));
    let quick = ["--grades", "2", "--solver", "random", "--quiet"];
    let args = [&["fit", "engine.csv", "--target", "thrust,sfc", "--out", "model.safetensors"], &quick[..]].concat();
    place.run(&args).expect_status(0);
    place.write("wave.csv", place::smooth(45));
    let relu = ["--grade", "8:relu", "--solver", "random", "--quiet"];
    let args = [&["fit", "wave.csv", "--target", "z", "--out", "wave"], &relu[..]].concat();
    place.run(&args).expect_status(0);
    place
}

#[test]
fn every_example_on_every_help_page_runs() {
    for command in COMMANDS.map(Some).into_iter().chain([None]) {
        let place = engine();
        let help = place.run(&command.into_iter().chain(["--help"]).collect::<Vec<_>>()).expect_status(0).out;
        let examples = examples(&help);
        assert!(!examples.is_empty(), "{command:?} has no example");
        // The plain demo takes its time; its own test runs it.
        for example in examples.into_iter().filter(|example| *example != ["demo"]) {
            let answer = place.run(&example).expect_status(0);
            assert!(!answer.err.contains("panicked"), "{example:?}");
        }
    }
}

#[test]
fn every_help_page_says_how_the_command_can_end_and_fits_its_lines() {
    let place = Place::new();
    for command in COMMANDS.map(Some).into_iter().chain([None]) {
        let help = place.run(&command.into_iter().chain(["--help"]).collect::<Vec<_>>()).expect_status(0).out;
        assert!(help.contains("Exit status: 0 done") && help.contains("2 could not run"), "{command:?}");
        assert!(help.lines().all(|line| line.chars().count() <= 100), "{command:?}");
        let short = place.run(&command.into_iter().chain(["-h"]).collect::<Vec<_>>()).expect_status(0).out;
        assert_eq!(help, short, "{command:?}");
    }
    for interruptible in ["fit", "demo", "reproduce"] {
        assert!(place.run(&[interruptible, "-h"]).out.contains("1 interrupted"));
    }
}

#[test]
fn without_a_command_it_shows_what_there_is_and_fails() {
    let answer = Place::new().run(&[]).expect_status(2);
    assert!(COMMANDS.iter().all(|command| answer.err.contains(command)), "{answer:?}");
}

#[test]
fn the_version_is_that_of_the_package() {
    let answer = Place::new().run(&["--version"]).expect_status(0);
    assert_eq!(answer.out, format!("multigrade {}\n", env!("CARGO_PKG_VERSION")));
}

#[test]
fn every_shell_gets_a_script_that_knows_the_commands() {
    let place = Place::new();
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let script = place.run(&["completions", shell]).expect_status(0).out;
        assert!(COMMANDS.iter().all(|command| script.contains(command)), "{shell}");
    }
}

/// Whoever reads the output may stop reading.
#[cfg(unix)]
#[test]
fn a_reader_that_goes_away_is_no_failure() {
    use std::process::Stdio;
    let place = engine();
    let mut child = place
        .command(&["predict", "model.safetensors", "engine.csv"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let ended = child.wait_with_output().unwrap();
    assert_eq!((ended.status.code(), ended.stderr.as_slice()), (Some(0), &b""[..]));
}
