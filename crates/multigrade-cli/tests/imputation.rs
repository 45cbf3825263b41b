//! `--missing impute`: cells that are not there are answered, by every command, as if somebody had filled them by hand.

mod place;

use place::{Answer, Place, QUICK};

/// Rows of `x,y,z` where every fifth `x` is missing, which raises `z` by 10; as marks of missing cells or filled by `fill` with
/// a column that tells.
fn table(rows: std::ops::Range<usize>, by_hand: Option<f64>) -> String {
    let mut table = String::from(if by_hand.is_some() { "x,y,is,z\n" } else { "x,y,z\n" });
    for i in rows {
        let (x, y, is_missing) = ((i % 9) as f64, (i / 9) as f64 / 4.0, i % 5 == 3);
        let z = if is_missing { 10.0 + y } else { (x / 3.0).sin() + y };
        table += &match by_hand {
            Some(fill) => format!("{},{y},{},{z}\n", if is_missing { fill } else { x }, u8::from(is_missing)),
            None if is_missing => format!("{},{y},{z}\n", ["", "NA", "nan", "?"][i % 4]),
            None => format!("{x},{y},{z}\n"),
        };
    }
    table
}

/// A place with a table that has missing cells, one that is whole, and held-out rows of both kinds.
fn place() -> Place {
    let place = Place::new();
    place.write("gaps.csv", table(0..60, None));
    place.write("held.csv", table(60..80, None));
    place
}

fn fit(place: &Place, data: &str, out: &str, more: &[&str]) -> Answer {
    place.run(&[&["fit", data, "--target", "z", "--out", out][..], &QUICK, more].concat())
}

fn fill_of_x(place: &Place, model: &str) -> f64 {
    place.run(&["inspect", model, "--json"]).expect_status(0).json()["schema"]["imputation"]["fills"][0]
        .as_f64()
        .unwrap()
}

#[test]
fn a_fit_that_imputes_is_one_on_cells_filled_by_hand_with_a_column_that_tells() {
    let place = place();
    fit(&place, "gaps.csv", "m", &["--missing", "impute", "--validation", "held.csv"]).expect_status(0);
    let fill = fill_of_x(&place, "m");
    assert_eq!(fill, 4.0, "the median of the cells that are there");
    place.write("hand.csv", table(0..60, Some(fill)));
    place.write("hand_held.csv", table(60..80, Some(fill)));
    fit(&place, "hand.csv", "h", &["--features", "x,y,is", "--validation", "hand_held.csv"]).expect_status(0);
    let predicted = |model: &str, data: &str| place.run(&["predict", model, data]).expect_status(0).out;
    assert_eq!(predicted("m", "gaps.csv"), predicted("h", "hand.csv"));
    assert_eq!(predicted("m", "held.csv"), predicted("h", "hand_held.csv"));
    let scores = |model: &str, data: &str| place.run(&["evaluate", model, data, "--json"]).expect_status(0).json();
    assert_eq!(scores("m", "held.csv"), scores("h", "hand_held.csv"));
}

#[test]
fn every_command_knows_from_the_model_how_cells_are_filled() {
    let place = place();
    let made = fit(&place, "gaps.csv", "m", &["--missing", "impute"]).expect_status(0);
    assert!(made.err.contains("gaps.csv: missing cells were filled: 12 of x by"), "{made:?}");
    let predicted = place.run(&["predict", "m", "held.csv", "--keep", "x,z"]).expect_status(0);
    assert!(predicted.err.contains("held.csv: missing cells were filled: 4 of x by"), "{predicted:?}");
    assert!(predicted.out.contains("NaN,"), "a kept cell stays missing: {predicted:?}");
    // A missing cell of x raises z by 10: the indicator alone can tell.
    for line in predicted.out.lines().skip(1) {
        let cells: Vec<f64> = line.split(',').map(|cell| cell.parse().unwrap()).collect();
        assert!((cells[1] - cells[2]).abs() < 1.0, "{line}");
    }
    let scores = place.run(&["evaluate", "m", "gaps.csv", "--max-rmse", "0.3"]).expect_status(0);
    assert!(scores.err.contains("12 of x by"), "{scores:?}");
    let told = place.run(&["inspect", "m"]).expect_status(0);
    assert!(told.out.contains("if missing") && told.out.contains("x is missing"), "{told:?}");
    place.run(&["report", "m", "gaps.csv", "--out", "r.html"]).expect_status(0);
    let page = String::from_utf8(place.read("r.html")).unwrap();
    assert!(page.contains("A missing cell counts as the median of its column") && page.contains("12 of x by"));
    place.run(&["truncate", "m", "--grades", "1", "--out", "short"]).expect_status(0);
    let staged = place.run(&["predict", "m", "held.csv", "--grades", "1"]).expect_status(0);
    assert_eq!(staged.out, place.run(&["predict", "short", "held.csv"]).expect_status(0).out);
    let exported = place.run(&["export", "m", "--format", "onnx"]).expect_status(0);
    assert!(exported.out.contains("missing cells: the file reads 3 numbers a row"), "{exported:?}");
}

#[test]
fn what_the_model_says_gives_way_to_what_the_user_says() {
    let place = place();
    fit(&place, "gaps.csv", "m", &["--missing", "impute"]).expect_status(0);
    let refused = place.run(&["predict", "m", "held.csv", "--missing", "refuse"]);
    refused.expect_refusal(&["held.csv: column 'x', line 5", "expected a finite number"]);
    let dropped = place.run(&["predict", "m", "held.csv", "--missing", "drop"]).expect_status(0);
    assert_eq!(dropped.out.lines().count(), 1 + 16, "{dropped:?}");
    // Rows without a target are left out of what needs it.
    place.write("few.csv", "x,y,z\n1,0.5,0.8\n,0.5,10.5\n2,0.5,NA\n");
    let scores = place.run(&["evaluate", "m", "few.csv"]).expect_status(0);
    assert!(scores.err.contains("few.csv: 1 of its 3 rows lack a target or weight and were left out"), "{scores:?}");
}

#[test]
fn a_column_that_was_whole_in_the_fit_is_filled_with_a_warning() {
    let place = place();
    fit(&place, "gaps.csv", "m", &["--missing", "impute"]).expect_status(0);
    place.write("new.csv", "x,y\n1,0.5\n2,NA\n");
    let predicted = place.run(&["predict", "m", "new.csv"]).expect_status(0);
    assert!(predicted.err.contains("the fit met no missing cell of y"), "{predicted:?}");
    assert_eq!(predicted.out.lines().count(), 3);
}

#[test]
fn what_cannot_be_filled_is_refused() {
    let place = place();
    place.write("whole.csv", table(0..60, Some(0.0)));
    fit(&place, "whole.csv", "plain", &[]).expect_status(0);
    place.write("row.csv", "x,y,is\n1,0.5,\n");
    let refusal = ["the model does not say what stands for missing cells", "fit it with --missing impute"];
    place.run(&["predict", "plain", "row.csv", "--missing", "impute"]).expect_refusal(&refusal);
    place.write("none.csv", "x,y,z\n,1,2\nNA,2,3\n,3,1\n");
    let empty = fit(&place, "none.csv", "m", &["--missing", "impute"]);
    empty.expect_refusal(&["none.csv: column 'x' holds no finite number", "--ignore x"]);
    place.write("text.csv", "x,y,z\n1,1,2\nabc,2,3\n,3,1\n");
    fit(&place, "text.csv", "m", &["--missing", "impute"]).expect_refusal(&["column 'x', line 3", "\"abc\""]);
}

#[test]
fn a_fit_with_missing_cells_goes_on_to_the_bytes_of_the_fit_in_one_go() {
    let place = place();
    let begin = |out: &str, grades: &str| {
        let shape = ["--missing", "impute", "--grades", grades, "--no-refit", "--iterations", "20"];
        let named =
            ["fit", "gaps.csv", "--target", "z", "--out", out, "--quiet", "--activation", "tanh", "--solver", "lbfgs"];
        place.run(&[&named[..], &shape].concat()).expect_status(0);
    };
    begin("whole", "2");
    begin("begun", "1");
    let on = ["fit", "gaps.csv", "--continue", "begun", "--out", "m", "--quiet", "--grades", "2"];
    place.run(&on).expect_status(0);
    assert!(place.read("m.safetensors") == place.read("whole.safetensors"));
    let other = place.run(&[&on[..], &["--force", "--missing", "drop"]].concat());
    assert_eq!(other.status, Some(2), "{other:?}");
    assert!(other.err.contains("these are not the rows that the model was fitted on"), "{other:?}");
}

#[test]
fn classes_are_learned_from_rows_with_missing_cells() {
    let place = Place::new();
    let row = |i: usize| {
        format!(
            "{},{}\n",
            if i.is_multiple_of(4) { "NA".into() } else { i.to_string() },
            if i.is_multiple_of(4) { "gone" } else { "there" }
        )
    };
    place.write("t.csv", "x,kind\n".to_owned() + &(0..60).map(row).collect::<String>());
    let made =
        place.run(&[&["fit", "t.csv", "--target", "kind", "--out", "m", "--missing", "impute"][..], &QUICK].concat());
    made.expect_status(0);
    place.write("new.csv", "x\nNA\n7\n");
    let labels = place.run(&["predict", "m", "new.csv"]).expect_status(0).out;
    let label = |line: usize| labels.lines().nth(line).unwrap().split(',').next().unwrap().to_owned();
    assert_eq!((label(1), label(2)), ("gone".into(), "there".into()));
}
