//! The command that runs experiments again: what it refuses, and that it goes on where it ended.

mod place;

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

#[test]
fn runs_that_are_there_are_not_made_again() {
    let place = Place::new();
    let args = ["reproduce", "decay", "--markdown", "report.md", "--force"];
    let first = place.run(&args).expect_status(0);
    assert!(first.err.contains("1 of 27"), "{}", first.err);
    let page = place.read("multigrade-reproduced/decay-quick.html");
    let again = place.run(&args).expect_status(0);
    // Not even the times differ.
    assert!(!again.err.contains("1 of 27") && again.out == first.out, "{}", again.err);
    assert_eq!(place.read("multigrade-reproduced/decay-quick.html"), page);
    assert!(String::from_utf8(place.read("report.md")).unwrap().contains("| target |"));
}
