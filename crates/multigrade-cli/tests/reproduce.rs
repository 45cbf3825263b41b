//! The command that runs experiments again: what it refuses, and that it goes on where it ended.

mod place;

use std::io::{BufRead, BufReader};
use std::process::Stdio;

use place::Place;

#[test]
fn an_unknown_experiment_is_refused_with_the_names_there_are() {
    let place = Place::new();
    let refused = place.run(&["reproduce", "xi"]).expect_status(2);
    for name in ["golden", "xu", "spectral", "manifold", "rates", "decay", "stability"] {
        assert!(refused.err.contains(name), "{}", refused.err);
    }
}

#[test]
fn files_that_it_did_not_make_are_not_overwritten_unless_asked() {
    let place = Place::new();
    for (file, content) in [("golden-quick.json", "{}"), ("golden-quick.html", "a page")] {
        let place = Place::new();
        place.write(file, content);
        let refused = place.run(&["reproduce", "golden", "--out", "."]).expect_status(2);
        assert!(refused.err.contains(file), "{}", refused.err);
    }
    place.write("report.md", "mine");
    let refused = place.run(&["reproduce", "golden", "--markdown", "report.md"]).expect_status(2);
    assert!(refused.err.contains("report.md"), "{}", refused.err);
}

/// How many runs the file of an experiment holds; none where there is no file yet.
fn saved(place: &Place, file: &str) -> usize {
    let Ok(text) = std::fs::read(place.path(file)) else { return 0 };
    let document: serde_json::Value = serde_json::from_slice(&text).unwrap();
    document["records"].as_array().unwrap().len()
}

#[test]
fn a_killed_command_loses_no_run_that_was_made_and_runs_that_are_there_are_not_made_again() {
    const FILE: &str = "multigrade-reproduced/decay-quick.json";
    let place = Place::new();
    let args = ["reproduce", "decay", "--markdown", "report.md", "--force"];
    let mut child = place.command(&args).stderr(Stdio::piped()).spawn().unwrap();
    let mut begun = BufReader::new(child.stderr.take().unwrap()).lines().map(Result::unwrap);
    // The names of the runs in their order; a run is saved before its thread begins the next but one.
    let first: Vec<String> = begun.by_ref().filter(|line| line.contains(" of ")).take(6).collect();
    child.kill().unwrap();
    child.wait().unwrap();
    let kept = saved(&place, FILE);
    assert!(kept >= 2, "{first:?}");

    let next = place.run(&args).expect_status(0);
    let again = first.iter().filter(|run| next.err.contains(run.as_str())).count();
    assert!(again <= first.len() - 2, "{first:?} {}", next.err);
    let all = saved(&place, FILE);
    assert_eq!(next.err.matches(" of ").count(), all - kept, "{}", next.err);
    let page = place.read("multigrade-reproduced/decay-quick.html");
    let again = place.run(&args).expect_status(0);
    // Not even the times differ.
    assert!(!again.err.contains(" of ") && again.out == next.out, "{}", again.err);
    assert_eq!(place.read("multigrade-reproduced/decay-quick.html"), page);
    assert!(String::from_utf8(place.read("report.md")).unwrap().contains("| target |"));
    let files: Vec<_> =
        std::fs::read_dir(place.path("multigrade-reproduced")).unwrap().map(|f| f.unwrap().file_name()).collect();
    assert_eq!(files.len(), 3, "{files:?}");
}
