//! Classes on the command line: from a table of labels to labels, probabilities and scores.

mod place;

use place::{Answer, Place};

const QUICK: [&str; 9] = ["--grades", "1", "--solver", "random", "--activation", "tanh", "--branches", "1", "--quiet"];

/// Three kinds of leaves on a grid; the code is a whole number for each kind.
fn leaves() -> String {
    let mut table = String::from("length,width,kind,code\n");
    for i in 0..90 {
        let (x, y) = ((i % 10) as f64, (i / 10) as f64);
        let kind = if x + y < 7.0 {
            0
        } else if x > y {
            1
        } else {
            2
        };
        table += &format!("{x},{y},{},{}\n", ["oak", "ash tall", "elm"][kind], 10 * kind);
    }
    table
}

fn place() -> Place {
    let place = Place::new();
    place.write("leaves.csv", leaves());
    place
}

fn fit(place: &Place, more: &[&str]) -> Answer {
    place.run(&[&["fit", "leaves.csv", "--out", "m"], &QUICK[..], more].concat())
}

fn column(answer: &Answer, name: &str) -> Vec<String> {
    answer.columns().into_iter().find(|(found, _)| found == name).unwrap().1
}

#[test]
fn a_target_of_texts_is_learned_as_classes_and_predicted_with_probabilities() {
    let place = place();
    let made = fit(&place, &["--target", "kind", "--ignore", "code"]).expect_status(0);
    assert!(made.out.contains("kind: accuracy") && made.out.contains("majority class"), "{}", made.out);
    let predicted = place.run(&["predict", "m", "leaves.csv"]).expect_status(0);
    let names: Vec<String> = predicted.columns().into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["kind", "P(ash tall)", "P(elm)", "P(oak)"]);
    let numbers = |name: &str| -> Vec<f64> { column(&predicted, name).iter().map(|p| p.parse().unwrap()).collect() };
    let (ash, elm, oak) = (numbers("P(ash tall)"), numbers("P(elm)"), numbers("P(oak)"));
    let mut right = 0;
    let truth = leaves();
    for (row, label) in column(&predicted, "kind").iter().enumerate() {
        assert!((ash[row] + elm[row] + oak[row] - 1.0).abs() < 1e-14);
        let best = ash[row].max(elm[row]).max(oak[row]);
        let own = match label.as_str() {
            "oak" => oak[row],
            "elm" => elm[row],
            _ => ash[row],
        };
        assert_eq!(own, best);
        right += usize::from(truth.lines().nth(row + 1).unwrap().contains(label));
    }
    let scores = place.run(&["evaluate", "m", "leaves.csv", "--json"]).expect_status(0).json();
    let last = scores["grades"].as_array().unwrap().last().unwrap().clone();
    assert!((last["accuracy"].as_f64().unwrap() - right as f64 / 90.0).abs() < 1e-12);
    let counted: f64 = scores["confusion"]["weights"]
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|row| row.as_array().unwrap())
        .map(|w| w.as_f64().unwrap())
        .sum();
    assert_eq!(counted, 90.0);
    let page = String::from_utf8(place.read("m.html")).unwrap();
    assert!(
        page.contains("Calibration.")
            && page.contains("Which classes are taken for which")
            && page.contains("ash tall")
    );
    let again = place.run(&["report", "m", "leaves.csv", "--json"]).expect_status(0).json();
    assert_eq!(again["warnings"].as_array().unwrap().len(), 0);
    assert_eq!(again["classes"]["labels"][0], "ash tall");
}

#[test]
fn whole_numbers_are_classes_when_asked_and_numbers_when_not() {
    let place = place();
    fit(&place, &["--target", "code", "--ignore", "kind", "--task", "classification", "--no-report"]).expect_status(0);
    let predicted = place.run(&["predict", "m", "leaves.csv", "--staged"]).expect_status(0);
    let names: Vec<String> = predicted.columns().into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["code@1", "P(0)@1", "P(10)@1", "P(20)@1"]);
    place.run(&["evaluate", "m", "leaves.csv", "--min-accuracy", "0.5"]).expect_status(0);
    place.run(&["evaluate", "m", "leaves.csv", "--min-accuracy", "1.1"]).expect_status(1);
    place.run(&["evaluate", "m", "leaves.csv", "--max-rmse", "1"]).expect_status(2);
    fit(&place, &["--target", "code", "--ignore", "kind", "--no-report", "--force"]).expect_status(0);
    assert_eq!(place.run(&["predict", "m", "leaves.csv"]).expect_status(0).columns()[0].0, "code");
    place.run(&["evaluate", "m", "leaves.csv", "--min-accuracy", "0.5"]).expect_status(2);
}

#[test]
fn labels_that_make_no_classes_are_refused_with_their_line() {
    let place = Place::new();
    let answer = |table: &str, more: &[&str]| {
        place.write("leaves.csv", table);
        fit(&place, &[&["--target", "kind", "--force"], more].concat()).expect_status(2).err
    };
    let ask = ["--task", "classification"];
    assert!(answer("x,kind\n1,a\n2,a\n3,a\n", &[]).contains("found a single class, 'a', expected at least two"));
    assert!(answer("x,kind\n1,a\n2,b\n3,c\n", &[]).contains("column 'kind' holds 3 different texts in 3 rows"));
    assert!(answer("x,kind\n1,a\n2,\n3,a\n4,b\n", &[]).contains("line 3: the cell is empty; expected a class"));
    assert!(answer("x,kind\n1,1\n2,1.5\n3,2\n", &ask).contains("line 3: found 1.5, expected classes"));
    // A single slip in a column of numbers does not turn it into classes.
    assert!(answer("x,kind\n1,1\n2,oops\n3,2\n", &[]).contains("oops"));
    place.write("leaves.csv", leaves());
    let two = ["--target", "kind,code", "--task", "classification"];
    let err = place.run(&[&["fit", "leaves.csv", "--out", "m"], &QUICK[..], &two].concat()).expect_status(2).err;
    assert!(err.contains("--task classification learns one target"), "{err}");
    fit(&place, &["--target", "kind", "--ignore", "code", "--force"]).expect_status(0);
    place.write("new.csv", "length,width,kind\n1,1,oak\n1,1,beech\n");
    let err = place.run(&["evaluate", "m", "new.csv"]).expect_status(2).err;
    assert!(err.contains("line 3: found 'beech', expected one of the classes ash tall, elm, oak"), "{err}");
}

#[test]
fn a_certificate_of_a_classifier_speaks_about_a_logit() {
    let place = place();
    let shape =
        ["--grade", "6:relu", "--solver", "random", "--quiet", "--no-report", "--target", "kind", "--ignore", "code"];
    place.run(&[&["fit", "leaves.csv", "--out", "m"], &shape[..]].concat()).expect_status(0);
    let certify =
        ["certify", "m", "--function", "width - length", "--domain", "length=0..9,width=0..8", "--boxes", "500"];
    let names = "kind=ash tall, kind=elm, kind=oak";
    place.run(&certify).expect_refusal(&["the model has the outputs", names, "name one of them with --output"]);
    let oak = [&certify[..], &["--output", "kind=oak", "--quiet"]].concat();
    let proved = place.run(&oak).expect_status(0);
    assert!(proved.out.contains("the logit kind=oak"), "{}", proved.out);
    let checked = place.run(&["check", "m.certificate.json", "m"]).expect_status(0);
    let said = checked.out.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(said.contains("and the logit kind=oak of the model after grade 1"), "{said}");
}
