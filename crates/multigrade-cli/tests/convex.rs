//! Convex grades as a user meets them: the printed line, the report, the check from the data, refusals.

mod place;

use place::{Place, smooth};

/// A noisy wave in one input.
fn wave(n: usize) -> String {
    let row = |i: usize| {
        let t = (i as f64 * 0.618_033_988_749_895).fract();
        let noise = (i as f64 * 0.754_877_666_246_693).fract() - 0.5;
        format!("{t},{}\n", (9.0 * t).sin() + 0.2 * noise)
    };
    "t,y\n".to_owned() + &(0..n).map(row).collect::<String>()
}

fn fit(place: &Place, args: &[&str]) -> place::Answer {
    let all = [&["fit", "wave.csv", "--target", "y", "--out", "m", "--solver", "convex", "--force", "--quiet"], args];
    place.run(&all.concat())
}

fn with_wave() -> Place {
    let place = Place::new();
    place.write("wave.csv", wave(120));
    place
}

#[test]
fn the_proof_is_printed_shown_by_inspect_and_verified_from_the_table() {
    let place = with_wave();
    let answer = fit(&place, &[]).expect_status(0);
    assert!(answer.out.contains("proved within") && answer.out.contains("RMSE of the global optimum"), "{answer:?}");
    assert!(answer.out.contains("one grade is the right model for one input"), "{answer:?}");
    assert!(place.run(&["inspect", "m"]).expect_status(0).out.contains("proved within"));
    let verified = place.run(&["inspect", "m", "--verify", "wave.csv"]).expect_status(0);
    assert!(verified.out.contains("grade 1: verified. P ="), "{verified:?}");
    let json = place.run(&["inspect", "m", "--verify", "wave.csv", "--json"]).expect_status(0).json();
    assert_eq!((&json["proofs"][0]["grade"], &json["proofs"][0]["holds"]), (&1.into(), &true.into()));

    place.write("other.csv", wave(119));
    let refused = place.run(&["inspect", "m", "--verify", "other.csv"]).expect_status(1);
    assert!(refused.out.contains("NOT verified") && refused.out.contains("--weights"), "{refused:?}");
    place.write("smooth.csv", smooth(45));
    place.fit("smooth.csv", "z", "trained", &[]).expect_status(0);
    let none = place.run(&["inspect", "trained", "--verify", "smooth.csv"]).expect_status(1);
    assert!(none.err.contains("no grade has a proof"), "{none:?}");
}

#[test]
fn json_holds_the_numbers_of_the_proof_and_the_report_its_hinges() {
    let place = with_wave();
    let json = fit(&place, &["--json", "--penalty", "neurons:9"]).expect_status(0).json();
    let convex = &json["grades"][1]["convex"];
    let number = |key: &str| convex[key].as_f64().unwrap();
    assert_eq!(convex["status"], "proved");
    assert!(number("dual") <= number("primal") && number("rel_gap") <= 1e-9);
    assert!((number("primal") - number("dual") - number("gap")).abs() <= 1e-12 * number("primal"));
    assert!(number("neurons") <= 9.0 && convex["hinges"].as_array().unwrap().len() as f64 == number("neurons"));
    let page = String::from_utf8(place.read("m.html")).unwrap();
    for words in ["Grade 1: a convex grade", "Hinges. ", "The fit and its knots. ", "slope change of y"] {
        assert!(page.contains(words), "{words}");
    }
    assert!(!page.contains("they decided where to stop"), "held-out rows decided nothing");
    // Made again from the table, the report says the same.
    let again = place.run(&["report", "m", "wave.csv", "--json"]).expect_status(0).json();
    assert_eq!(again["grades"][1]["convex"], *convex);
}

#[test]
fn every_rule_for_the_penalty_runs_and_a_wrong_one_says_what_there_is() {
    let place = with_wave();
    for rule in ["gcv", "held-out", "blocks:4", "noise:0.06", "neurons:20", "relative:0.01", "0.02", "0"] {
        let answer = fit(&place, &["--penalty", rule]).expect_status(0);
        assert!(answer.out.contains("- grade 1: P = "), "{rule} {answer:?}");
        place.run(&["inspect", "m", "--verify", "wave.csv"]).expect_status(0);
    }
    // A line explains nothing of this wave, so there is no grade.
    let none = fit(&place, &["--penalty", "neurons:0"]).expect_status(0);
    assert!(!none.out.contains("- grade 1") && !none.out.contains("One input: --solver convex"), "{none:?}");
    for (rule, words) in [
        ("-1", "penalty: found -1"),
        ("noise:0", "noise: found 0"),
        ("noise:-2", "noise: found -2"),
        ("blocks:0", "block: found 0"),
        ("neurons:-3", "expected gcv, held-out"),
        ("lots", "expected gcv, held-out"),
    ] {
        fit(&place, &["--penalty", rule]).expect_refusal(&[words]);
    }
}

#[test]
fn options_that_do_not_go_with_convex_grades_are_refused_in_words_that_help() {
    let place = with_wave();
    for (args, words) in [
        (&["--activation", "tanh"][..], &["activation: found tanh", "convex grades are ReLU grades"][..]),
        (&["--branches", "3"], &["branches: found 3"]),
        (&["--weight-decay", "0.1"], &["weight decay", "penalty instead"]),
        (&["--no-carry"], &["carry inputs"]),
        (&["--precision", "f32"], &["f64"]),
        (&["--readout", "as-trained"], &["readout"]),
        (&["--grade", "32"], &["widths: found 32", "number of grades"]),
        (&["--gap", "2"], &["tolerance: found 2"]),
        (&["--epochs", "5"], &["--epochs belongs to --solver adam"]),
    ] {
        fit(&place, args).expect_refusal(words);
    }
    let lonely = place.run(&["fit", "wave.csv", "--target", "y", "--out", "m", "--penalty", "gcv"]);
    lonely.expect_refusal(&["--penalty belongs to --solver convex"]);
}

#[test]
fn dense_neurons_are_a_class_of_their_own_with_rules_of_their_own() {
    let place = Place::new();
    place.write("smooth.csv", smooth(45));
    let dense = ["--solver", "convex", "--convex-class", "dense", "--quiet", "--force", "--grades", "1"];
    let args =
        |more: &[&'static str]| [&["fit", "smooth.csv", "--target", "z", "--out", "m"], &dense[..], more].concat();
    let answer = place.run(&args(&["--penalty", "relative:0.1", "--gap", "1e-4"])).expect_status(0);
    assert!(answer.out.contains("neurons that read all features"), "{answer:?}");
    place.run(&["inspect", "m", "--verify", "smooth.csv"]).expect_status(0);
    place.run(&args(&["--penalty", "neurons:5"])).expect_refusal(&["--convex-class dense knows", "relative:X"]);
}

#[test]
fn several_solvers_serve_the_grades_in_turn() {
    let place = with_wave();
    let args = ["--solver", "convex,lbfgs", "--iterations", "5", "--grades", "2"];
    let all = [&["fit", "wave.csv", "--target", "y", "--out", "two", "--quiet", "--activation", "tanh"], &args[..]];
    place.run(&all.concat()).expect_status(0);
    let about = place.run(&["inspect", "two", "--json"]).expect_status(0).json();
    let solver = |k: usize| about["history"]["grades"][k]["solver"].as_str().unwrap().to_owned();
    assert!(solver(1).starts_with("convex") && solver(2).starts_with("L-BFGS"), "{} {}", solver(1), solver(2));
    place.run(&["inspect", "two", "--verify", "wave.csv"]).expect_status(0);
}

#[test]
fn a_trained_fit_of_one_input_recommends_a_convex_grade_where_it_is_as_good() {
    let place = with_wave();
    let quick = ["--solver", "random", "--grades", "1", "--quiet"];
    let args = [&["fit", "wave.csv", "--target", "y", "--out", "m"], &quick[..]].concat();
    let answer = place.run(&args).expect_status(0);
    assert!(answer.out.contains("One input: --solver convex finds"), "{answer:?}");
}
