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
        let ends = grade["proved"]["exact"].as_array().unwrap();
        let proved = ends.iter().map(|x| x.as_f64().unwrap().abs()).fold(0.0, f64::max);
        assert!(grade["measured"]["f64"].as_f64().unwrap() <= proved);
        assert!(grade["norms"]["linf"].as_f64().unwrap() <= proved);
    }
}

#[test]
fn a_compiled_formula_is_proved_and_its_certificate_is_accepted() {
    let place = Place::new();
    let args =
        ["construct", "x*y", "--domain", "x=0..1,y=0..1", "--tol", "1e-4", "--strategy", "compile", "--out", "n"];
    let document = place.run(&[&args[..], &["--json", "--quiet"]].concat()).expect_status(0).json();
    assert_eq!(document["reached"], true);
    assert_eq!((&document["scheme"], &document["grades"][0]["built"]["nodes"]), (&"plain".into(), &12.into()));
    place.run(&["check", "n.certificate.json", "n"]).expect_status(0);
    let monotone = ["--force", "--scheme", "monotone", "--json", "--quiet"];
    let document = place.run(&[&args[..], &monotone].concat()).expect_status(0).json();
    assert_eq!((&document["reached"], document["grades"].as_array().unwrap().len()), (&true.into(), 4));
    place.run(&["check", "n.certificate.json", "n"]).expect_status(0);
    let refused = place.run(&[&args[..], &["--force", "--one-sided", "above"]].concat()).expect_status(2);
    assert!(refused.err.contains("a network on one side"), "{refused:?}");
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
    let few = ["--strategy", "mesh", "--max-nodes", "150"];
    let answer = place.run(&[&args[..], &few].concat()).expect_status(1);
    assert!(answer.err.contains("more nodes would have been needed"), "{answer:?}");
    place.run(&["check", "n.certificate.json", "n"]).expect_status(0);
}

/// The numbers in the cells of the page's tables, row after row.
fn cells(page: &str) -> Vec<String> {
    let cells = page.split("<td>").skip(1).filter_map(|rest| rest.split('<').next());
    cells.map(str::to_owned).collect()
}

#[test]
fn the_report_of_one_two_and_three_variables_holds_the_numbers_of_the_json_and_asks_for_nothing() {
    use multigrade::report::significant;
    let place = Place::new();
    for (formula, domain, tolerance, panels) in [
        ("sin(6*x)", "x=0..1", "1e-2", "What is left after each grade."),
        ("x*y", "x=-1..1,y=0..1", "5e-2", "The formula and the network."),
        ("x + 2*y - z", "x=0..1,y=0..1,z=0..1", "2", "The residual through the worst point found."),
    ] {
        let args = ["construct", formula, "--domain", domain, "--tol", tolerance, "--out", "n"];
        let answer = place.run(&[&args[..], &["--force", "--json", "--quiet"]].concat()).expect_status(0);
        let document = answer.json();
        let page = String::from_utf8(place.read("n.html")).unwrap();
        let cells = cells(&page);
        let numbers: Vec<f64> = cells.iter().filter_map(|cell| cell.parse().ok()).collect();
        let is_bound = |x: f64| numbers.iter().any(|shown| (x..=x + 1.001e-3 * x.abs()).contains(shown));
        for grade in document["grades"].as_array().unwrap() {
            let measured = ["l1", "l2", "l4"].map(|norm| &grade["norms"][norm]);
            for value in measured.into_iter().chain([&grade["measured"]["f64"], &grade["measured"]["f32"]]) {
                let shown = significant(value.as_f64().unwrap(), 4);
                assert!(cells.contains(&shown), "{formula}: {shown} of {value}");
            }
            for format in ["exact", "f64", "f32"] {
                let ends = grade["proved"][format].as_array().unwrap();
                let size = ends.iter().map(|end| end.as_f64().unwrap().abs()).fold(0.0, f64::max);
                assert!(is_bound(size), "{formula}: {size}");
            }
            let extent = &grade["extent"];
            assert!(is_bound(extent["lipschitz"].as_f64().unwrap()) && is_bound(extent["range"][1].as_f64().unwrap()));
            for count in [&grade["relus"], &grade["layers"], &extent["two_sided"], &grade["built"]["nodes"]] {
                assert!(cells.contains(&count.to_string()), "{formula}: {count}");
            }
            assert!(extent["two_sided"].as_u64() <= grade["relus"].as_u64());
        }
        assert!(
            page.contains(panels) && page.contains("multigrade check n.certificate.json n.safetensors"),
            "{formula}"
        );
        let figures: Vec<&str> = page.split("<figure").skip(1).collect();
        assert_eq!(figures.len(), 3, "{formula}");
        // Grid and axes are two of the paths, a key is another.
        assert!(figures.iter().all(|figure| figure.matches(" d=\"M").count() > 3), "{formula}");
        for request in ["http:", "https:", "//", "url(", "@import", "NaN", "\"inf"] {
            assert!(!page.contains(request), "{formula}: {request}");
        }
    }
}

#[test]
fn the_rate_of_uniform_meshes_is_shown_where_the_grades_are_such_meshes_and_holds() {
    let place = Place::new();
    let document = place.run(&[&SQUARE[..], &["--json", "--quiet"]].concat()).expect_status(0).json();
    for (k, grade) in (1..).zip(document["grades"].as_array().unwrap()) {
        let rate = &grade["built"]["rate"];
        // 2 ω(2^-k) with ω(s) <= 2 s.
        let expected = 4.0 * 0.5f64.powi(k);
        let bound = rate["bound"].as_f64().unwrap();
        assert!((expected..expected * (1.0 + 1e-9)).contains(&bound), "{rate}");
        assert!(grade["proved"]["exact"][1].as_f64().unwrap() <= bound);
    }
    let knots = ["construct", "exp(x)", "--domain", "x=0..1", "--tol", "1e-2", "--out", "e", "--json", "--quiet"];
    let document = place.run(&knots).expect_status(0).json();
    assert!(document["grades"].as_array().unwrap().iter().all(|grade| grade["built"]["rate"].is_null()));
}

#[test]
fn a_report_is_written_beside_the_model_unless_it_is_not_wanted_and_never_over_another_file() {
    let place = Place::new();
    place.run(&[&SQUARE[..], &["--no-report"]].concat()).expect_status(0);
    assert_eq!(place.names(), ["square.certificate.json", "square.run.json", "square.safetensors"]);
    place.write("square.html", "mine");
    for name in ["square.certificate.json", "square.run.json", "square.safetensors"] {
        std::fs::remove_file(place.path(name)).unwrap();
    }
    place.run(&SQUARE).expect_refusal(&["square.html", "exists", "--force"]);
    assert_eq!(place.names(), ["square.html"]);
    place.run(&[&SQUARE[..], &["--force"]].concat()).expect_status(0);
    assert!(place.read("square.html").starts_with(b"<!DOCTYPE html>"));
    assert_eq!(place.names(), ["square.certificate.json", "square.html", "square.run.json", "square.safetensors"]);
}
