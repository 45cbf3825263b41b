//! `multigrade certify`: what it proves, what it says when it cannot, and how it ends.

mod place;

use place::{Place, smooth};
use serde_json::Value;

const DOMAIN: [&str; 2] = ["--domain", "x=0..1, y=0..1"];

/// A small ReLU network `m` of `x` and `y`, fitted to `sin(3x) + y^2`.
fn relu() -> Place {
    let place = Place::new();
    place.write("smooth.csv", smooth(45));
    let shape = ["--grade", "8:relu", "--grade", "6:relu", "--solver", "random", "--quiet"];
    place.run(&[&["fit", "smooth.csv", "--target", "z", "--out", "m"], &shape[..]].concat()).expect_status(0);
    place
}

fn certify(place: &Place, function: &str, rest: &[&str]) -> place::Answer {
    place.run(&[&["certify", "m", "--function", function, "--force", "--quiet"], rest].concat())
}

#[test]
fn the_bound_is_at_least_what_was_measured_and_the_certificate_is_accepted() {
    let place = relu();
    let answer = certify(&place, "sin(3*x) + y^2", &[&DOMAIN[..], &["--json"]].concat()).expect_status(0);
    let document: Value = serde_json::from_str(&answer.out).unwrap();
    let grades = document["grades"].as_array().unwrap();
    assert_eq!((grades.len(), &document["stop"]), (2, &Value::from("the goal was reached")));
    for grade in grades {
        let measured = grade["measured"]["f64"].as_f64().unwrap();
        let bounds = [&grade["proved"]["f64"][0], &grade["proved"]["f64"][1]].map(|x| x.as_f64().unwrap());
        let bound = bounds[1].max(-bounds[0]);
        assert!(measured <= bound && bound <= 1.3 * measured, "{grade}");
    }
    place.run(&["check", "m.certificate.json", "m.safetensors"]).expect_status(0);
}

#[test]
fn a_tolerance_that_is_not_reached_ends_with_1_and_the_best_bound_is_written() {
    let place = relu();
    let answer = certify(&place, "sin(3*x) + y^2", &[&DOMAIN[..], &["--tol", "1e-6"]].concat()).expect_status(1);
    assert!(answer.out.contains("tolerance 0.000001: not proved"), "{answer:?}");
    place.run(&["check", "m.certificate.json", "m.safetensors"]).expect_status(0);
    certify(&place, "sin(3*x) + y^2", &[&DOMAIN[..], &["--tol", "10"]].concat()).expect_status(0);
    // A limit that bites leaves a bound that is true, if not tight.
    certify(&place, "sin(3*x) + y^2", &[&DOMAIN[..], &["--boxes", "1"]].concat()).expect_status(0);
    place.run(&["check", "m.certificate.json", "m.safetensors"]).expect_status(0);
}

#[test]
fn a_place_without_a_bound_is_named() {
    let place = relu();
    for (function, what) in [
        ("1/(x - 0.3)", "there f may be undefined"),
        ("sqrt(y - 0.5)", "there f is undefined"),
        ("if(x < 0.3, -1, 1)*if(x < 0.3, -9, 9)", "there f may jump"),
    ] {
        let boxes = ["--boxes", "2000"];
        let answer = certify(&place, function, &[&DOMAIN[..], &boxes, &["--tol", "1"]].concat()).expect_status(1);
        assert!(answer.out.contains(what), "{function}: {answer:?}");
    }
}

#[test]
fn what_does_not_fit_together_is_refused_in_one_sentence() {
    let place = relu();
    place.fit("smooth.csv", "z", "tanh", &[]).expect_status(0);
    place.write("two.csv", smooth(45).replace("x,y,z", "x,z1,z2"));
    place.fit("two.csv", "z1,z2", "two", &["--activation", "relu"]);
    for (args, what) in [
        (["m", "-f", "x + t", "-d", "x=0..1, y=0..1"], "'t', which is no input of the model (its inputs: x, y)"),
        (["m", "-f", "x", "-d", "x=0..1"], "no side for the input 'y' of the model; write y=lower..upper"),
        (["m", "-f", "x", "-d", "x=0..1, y=0..1, t=0..1"], "'t', which is no input of the model"),
        (["m", "-f", "sin(x", "-d", "x=0..1, y=0..1"], "--function: "),
        (["m", "-f", "x", "-d", "x=1..0, y=0..1"], "--domain: the side of 'x' goes from 1 to 0"),
        (["m", "-f", "x", "-d", "x=0..1, y=0..1, x=2..3"], "'x' already has a side"),
        (["tanh", "-f", "x", "-d", "x=0..1, y=0..1"], "activation tanh; bounds are proved for relu and identity only"),
    ] {
        let answer = place.run(&[&["certify"], &args[..]].concat()).expect_status(2);
        assert!(answer.err.contains(what), "{args:?}: {answer:?}");
    }
    let base = ["certify", "m", "-f", "x", "-d", "x=0..1, y=0..1"];
    for (option, value, what) in [
        ("--output", "u", "the model has no output 'u', only z"),
        ("--tol", "-1", "goal: found within -1, expected a positive number"),
        ("--boxes", "0", "boxes: found 0, expected at least 1"),
        ("--time-limit", "0", "time limit: found 0"),
        ("--out", "m.safetensors", "never overwrites"),
    ] {
        let answer = place.run(&[&base[..], &[option, value, "--force"]].concat()).expect_status(2);
        assert!(answer.err.contains(what), "{option} {value}: {answer:?}");
    }
    assert!(!place.names().iter().any(|name| name.contains("certificate")), "{:?}", place.names());
}

#[test]
fn a_model_with_several_outputs_needs_the_name_of_one() {
    let place = Place::new();
    place.write("two.csv", smooth(45).replace("x,y,z", "x,u,v"));
    let shape = ["--grade", "6:relu", "--solver", "random", "--quiet"];
    place.run(&[&["fit", "two.csv", "--target", "u,v", "--out", "m"], &shape[..]].concat()).expect_status(0);
    let answer = certify(&place, "x", &["--domain", "x=0..1"]).expect_status(2);
    assert!(answer.err.contains("the model has the outputs u, v; name one of them with --output"), "{answer:?}");
    let answer = certify(&place, "x", &["--domain", "x=0..1", "--output", "v"]).expect_status(0);
    assert!(answer.out.contains("|f - v|"), "{answer:?}");
    place.run(&["check", "m.certificate.json", "m.safetensors"]).expect_status(0);
}

#[test]
fn the_report_lies_beside_the_certificate_and_says_what_is_not_proved() {
    let place = relu();
    place.run(&["certify", "m", "-f", "sin(3*x) + y^2", "-d", DOMAIN[1], "--quiet"]).expect_status(0);
    let page = String::from_utf8(place.read("m.certificate.html")).unwrap();
    assert!(page.contains("<b>Proved:</b>") && page.contains("multigrade check m.certificate.json m.safetensors"));
    assert_eq!(page.matches("<figure").count(), 3);
    let unreached = ["--tol", "1e-6", "--out", "c.json"];
    certify(&place, "sin(3*x) + y^2", &[&DOMAIN[..], &unreached].concat()).expect_status(1);
    let page = String::from_utf8(place.read("c.html")).unwrap();
    assert!(page.contains("The tolerance 0.000001 is not proved"), "{page}");
    let undefined = ["--tol", "1", "--out", "u.json", "--boxes", "2000"];
    certify(&place, "1/(x - 0.3)", &[&DOMAIN[..], &undefined].concat()).expect_status(1);
    let page = String::from_utf8(place.read("u.html")).unwrap();
    assert!(page.contains("<b>Nothing is proved</b>") && page.contains("there f may be undefined"), "{page}");
    assert!(!page.contains("multigrade check") && !page.contains("NaN") && !page.contains("not a number"));
    certify(&place, "x", &[&DOMAIN[..], &["--out", "bare", "--no-report"]].concat()).expect_status(0);
    assert!(!place.names().iter().any(|name| name.starts_with("bare.")), "{:?}", place.names());
}
