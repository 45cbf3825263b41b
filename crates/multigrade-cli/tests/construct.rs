//! `multigrade construct`: what it writes is what it says, and `check` agrees.

mod place;

use place::Place;

const SQUARE: [&str; 8] = ["construct", "x^2", "--domain", "x=0..1", "--tol", "1e-6", "--out", "square"];

#[test]
fn a_constructed_network_is_proved_and_its_certificate_is_accepted() {
    let place = Place::new();
    let answer = place.run(&SQUARE).expect_status(0);
    let said = answer.out.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(said.starts_with("Proved: for every point of x=0..1, x^2 and the network after grade 9"), "{answer:?}");
    place.run(&["check", "square.certificate.json", "square"]).expect_status(0);
    let again = place.run(&SQUARE).expect_status(2);
    assert!(again.err.contains("square.safetensors: the file exists"), "{again:?}");
    let document = place.run(&[&SQUARE[..], &["--force", "--json", "--quiet"]].concat()).expect_status(0).json();
    assert_eq!(document["reached"], true);
    let grades = document["grades"].as_array().unwrap();
    assert_eq!(grades.len(), 9);
    for grade in grades {
        let proved = grade["exact"].as_array().unwrap().iter().map(|x| x.as_f64().unwrap().abs()).fold(0.0, f64::max);
        assert!(grade["measured_maximum"].as_f64().unwrap() <= proved);
    }
}

#[test]
fn what_makes_no_sense_is_refused_in_words_and_nothing_is_written() {
    let place = Place::new();
    for (formula, domain, tol, expected) in [
        ("x + q", "x=0..1", "1e-2", "the variable 'q'"),
        ("foo(x)", "x=0..1", "1e-2", "the formula: "),
        ("x", "x=1..0", "1e-2", "expected a lower end below the upper end"),
        ("x", "x=0..0", "1e-2", "expected a lower end below the upper end"),
        ("x", "x=0..inf", "1e-2", "--domain: "),
        ("exp(x)", "x=0..1", "0", "expected a positive number"),
        ("exp(x)", "x=0..1", "1e-20", "ask for at least"),
        ("if(x < 0.5, 0, 1)", "x=0..1", "1e-2", "jumps near 0.5"),
        ("1/x", "x=-1..1", "1e-2", "not finite"),
    ] {
        let answer =
            place.run(&["construct", formula, "--domain", domain, "--tol", tol, "--out", "n"]).expect_status(2);
        assert!(answer.err.contains(expected), "{formula} on {domain} to {tol}: {answer:?}");
    }
    place.run(&["inspect", "n"]).expect_status(2);
}

#[test]
fn a_budget_that_is_too_small_writes_the_best_so_far_and_ends_with_status_1() {
    let place = Place::new();
    let args = ["construct", "sin(3*x)*cos(2*y)", "--domain", "x=0..1,y=0..1", "--tol", "1e-3", "--out", "n"];
    let answer = place.run(&[&args[..], &["--max-nodes", "150"]].concat()).expect_status(1);
    assert!(answer.err.contains("more nodes would have been needed"), "{answer:?}");
    place.run(&["check", "n.certificate.json", "n"]).expect_status(0);
}
