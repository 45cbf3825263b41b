//! `fit --continue`: the answer is that of a fit in one go, bit for bit, and other data are refused.

mod place;

use place::{Answer, Place, smooth};

const SHAPE: [&str; 8] = ["--activation", "tanh", "--weight-decay", "1e-4", "--solver", "lbfgs", "--iterations", "20"];

fn place() -> Place {
    let place = Place::new();
    place.write("t.csv", smooth(60));
    place
}

fn fit(place: &Place, out: &str, more: &[&str]) -> Answer {
    place.run(&[&["fit", "t.csv", "--target", "z", "--out", out, "--quiet", "--no-report"], &SHAPE[..], more].concat())
}

fn go_on(place: &Place, more: &[&str]) -> Answer {
    place.run(
        &[&["fit", "t.csv", "--continue", "begun", "--out", "m", "--quiet", "--no-report", "--force"], more].concat(),
    )
}

#[test]
fn a_fit_that_goes_on_writes_the_bytes_of_the_fit_in_one_go() {
    for more in [&[][..], &["--no-refit"], &["--no-refit", "--validation", "0"], &["--seed", "5"]] {
        let place = place();
        fit(&place, "whole", &[more, &["--grades", "3"]].concat()).expect_status(0);
        fit(&place, "begun", &[more, &["--grades", "1"]].concat()).expect_status(0);
        go_on(&place, &["--grades", "3"]).expect_status(0);
        assert!(place.read("m.safetensors") == place.read("whole.safetensors"), "{more:?}");
    }
}

#[test]
fn further_grades_of_a_list_are_named_one_by_one() {
    let place = place();
    let grade = |widths: &'static str| ["--grade", widths];
    fit(&place, "whole", &[grade("6"), grade("4,4"), grade("5")].concat()).expect_status(0);
    fit(&place, "begun", &grade("6")).expect_status(0);
    go_on(&place, &[grade("4,4"), grade("5")].concat()).expect_status(0);
    assert!(place.read("m.safetensors") == place.read("whole.safetensors"));
    go_on(&place, &["--grades", "3"]).expect_refusal(&["a list of 1 grades", "name each further grade with --grade"]);
}

#[test]
fn classes_weights_and_held_out_rows_go_on_too() {
    let place = Place::new();
    let row = |i: usize| format!("{},{},{},{}\n", i % 9, i / 9, i % 3, if i % 9 > i / 9 { "up" } else { "down" });
    let table = |rows: std::ops::Range<usize>| "x,y,w,kind\n".to_owned() + &rows.map(row).collect::<String>();
    place.write("t.csv", table(0..60));
    place.write("held.csv", table(30..80));
    let common = ["--validation", "held.csv", "--weights", "w"];
    let begin = |out: &str, grades: &str| {
        let columns = ["fit", "t.csv", "--target", "kind", "--out", out, "--quiet", "--no-report", "--grades", grades];
        place.run(&[&columns[..], &SHAPE, &common].concat()).expect_status(0);
    };
    begin("whole", "2");
    begin("begun", "1");
    go_on(&place, &[&common[..], &["--grades", "2"]].concat()).expect_status(0);
    assert!(place.read("m.safetensors") == place.read("whole.safetensors"));
    for missing in [&common[..2], &common[2..]] {
        go_on(&place, &[missing, &["--grades", "2"]].concat())
            .expect_refusal(&["not the rows that the model was fitted on"]);
    }
}

#[test]
fn other_data_and_other_settings_are_refused_in_words() {
    let place = place();
    fit(&place, "begun", &["--grades", "1"]).expect_status(0);
    let model = place.read("begun.safetensors");
    let names = place.names();
    let table = smooth(60);
    let moved = table.replacen("0.125,0,", "0.12500000000000003,0,", 1);
    assert_ne!(moved, table);
    let swapped = {
        let mut lines: Vec<&str> = table.lines().collect();
        lines.swap(7, 8);
        lines.join("\n")
    };
    for (what, table) in [("an input by its last bit", moved), ("two rows", swapped), ("a row more", smooth(61))] {
        place.write("t.csv", table);
        let answer = go_on(&place, &["--grades", "2"]);
        assert!(answer.err.contains("fingerprint differs"), "{what}: {answer:?}");
        answer.expect_refusal(&["not the rows that the model was fitted on"]);
    }
    place.write("t.csv", table);
    go_on(&place, &["--target", "z"]).expect_refusal(&["--target", "--continue"]);
    go_on(&place, &["--solver", "adam"]).expect_refusal(&["--solver", "--continue"]);
    go_on(&place, &["--seed", "1"]).expect_refusal(&["--seed", "--continue"]);
    go_on(&place, &["--validation", "0.5"]).expect_refusal(&["--validation", "leave it out"]);
    go_on(&place, &["--grade", "8"]).expect_refusal(&["fitted with a number of grades", "--grades N"]);
    let same = ["fit", "t.csv", "--continue", "begun", "--grades", "2", "--out", "begun", "--force"];
    place.run(&same).expect_refusal(&["never overwrites it"]);
    assert_eq!(place.names(), names);
    assert!(place.read("begun.safetensors") == model);
    place.write("square.safetensors", include_bytes!("../../../testdata/certificates/square.safetensors"));
    let built = ["fit", "t.csv", "--continue", "square", "--out", "m"];
    place.run(&built).expect_refusal(&["--continue", "holds no settings of a fit"]);
}
