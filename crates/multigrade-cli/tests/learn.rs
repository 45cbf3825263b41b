//! `multigrade fit --function`: what it writes is what it says, and `check` agrees.

mod place;

use place::Place;

const SINE: [&str; 6] = ["fit", "--function", "sin(3*x)", "--domain", "x=0..1", "--quiet"];
const SMALL: [&str; 8] = ["--grade", "8", "--grade", "6", "--rows", "400", "--out", "n"];

#[test]
fn every_learned_grade_is_proved_and_the_certificate_is_accepted() {
    let place = Place::new();
    for (project, tol) in [(&[][..], "0.05"), (&["--project"], "0.1")] {
        let more = ["--tol", tol, "--json", "--force"];
        let answer = place.run(&[&SINE[..], &SMALL, &more, project].concat()).expect_status(0);
        let document = answer.json();
        assert_eq!((&document["reached"], &document["projected"]), (&true.into(), &(!project.is_empty()).into()));
        assert!(document["advice"].is_null());
        let grades = document["grades"].as_array().unwrap();
        assert_eq!(grades.len(), 2);
        for grade in grades {
            let ends = grade["proved"]["exact"].as_array().unwrap();
            let proved = ends.iter().map(|x| x.as_f64().unwrap().abs()).fold(0.0, f64::max);
            assert!(grade["measured"]["f64"].as_f64().unwrap() <= proved, "{grade}");
        }
        place.run(&["check", "n.certificate.json", "n"]).expect_status(0);
    }
    assert_eq!(place.names(), ["n.certificate.json", "n.html", "n.run.json", "n.safetensors"]);
    let again = place.run(&[&SINE[..], &SMALL].concat()).expect_status(2);
    assert!(again.err.contains("n.safetensors: the file exists"), "{again:?}");
}

#[test]
fn a_missed_tolerance_ends_with_status_1_says_what_to_try_and_writes_the_best() {
    let place = Place::new();
    let answer = place.run(&[&SINE[..], &SMALL, &["--tol", "1e-7"]].concat()).expect_status(1);
    for part in ["the tolerance 0.0000001 is not proved", "--grades", "--grade 64", "multigrade construct 'sin(3*x)'"] {
        assert!(answer.err.contains(part), "{part}: {answer:?}");
    }
    assert!(answer.out.contains("Proved: for every point of x=0..1"), "{answer:?}");
    place.run(&["check", "n.certificate.json", "n"]).expect_status(0);
    let page = String::from_utf8(place.read("n.html")).unwrap();
    assert!(page.contains("is not proved"));
    // Few boxes: no error is found, but nothing good enough is proved.
    let few = ["--tol", "0.05", "--boxes", "1", "--force"];
    let answer = place.run(&[&SINE[..], &SMALL, &few].concat()).expect_status(1);
    assert!(answer.err.contains("though no error above") && answer.err.contains("--boxes"), "{answer:?}");
}

#[test]
fn formulas_without_a_bound_name_the_place_and_wrong_options_are_refused() {
    let place = Place::new();
    let pole = ["fit", "--function", "1/(x-0.3)", "--domain", "x=0..1", "--quiet", "--project"];
    let answer = place.run(&[&pole[..], &SMALL].concat()).expect_status(1);
    assert!(answer.err.contains("nothing is proved") && answer.err.contains("may be undefined"), "{answer:?}");
    assert!(!place.names().contains(&"n.certificate.json".to_owned()));
    for (args, expected) in [
        (&["fit", "--function", "x", "--out", "m"][..], "--domain"),
        (&["fit", "--out", "m"], "--target"),
        (&["fit", "a.csv", "--target", "y", "--tol", "1", "--out", "m"], "--function"),
        (&["fit", "a.csv", "--target", "y", "--function", "x", "--domain", "x=0..1", "--out", "m"], "cannot be used"),
        (&["fit", "--function", "foo(x)", "--domain", "x=0..1", "--out", "m"], "--function: "),
        (&["fit", "--function", "x", "--domain", "x=1..0", "--out", "m"], "--domain: "),
        (&["fit", "--function", "ln(x)", "--domain", "x=0..1", "--out", "m"], "at x=0"),
        (&["fit", "--function", "x", "--domain", "x=0..1", "--activation", "tanh", "--out", "m"], "expected relu"),
        (&["fit", "--function", "x", "--domain", "x=0..1", "--solver", "convex", "--out", "m"], "expected lbfgs, lm"),
        (&["fit", "--function", "x", "--domain", "x=0..1", "--tol", "-1", "--out", "m"], "a positive number"),
    ] {
        let answer = place.run(args).expect_status(2);
        assert!(answer.err.contains(expected), "{args:?}: {answer:?}");
    }
}
