//! What one command writes, another one reads, and they agree.

mod place;

use place::{Answer, Place, QUICK, smooth};

fn numbers(column: &[String]) -> Vec<f64> {
    column.iter().map(|cell| cell.parse().unwrap()).collect()
}

fn column(answer: &Answer, name: &str) -> Vec<String> {
    answer.columns().into_iter().find(|(found, _)| found == name).unwrap().1
}

#[test]
fn the_error_of_the_predictions_is_the_error_that_evaluate_prints() {
    let place = Place::with_model();
    let predicted = place.run(&["predict", "m", "smooth.csv", "--keep", "all"]).expect_status(0);
    let (truth, values) = (numbers(&column(&predicted, "z")), numbers(&column(&predicted, "z_predicted")));
    let residuals: Vec<f64> = truth.iter().zip(&values).map(|(y, p)| y - p).collect();
    let rmse = (residuals.iter().map(|r| r * r).sum::<f64>() / residuals.len() as f64).sqrt();
    let largest = residuals.iter().fold(0.0, |a: f64, r| a.max(r.abs()));

    let errors = place.run(&["evaluate", "m", "smooth.csv", "--json"]).expect_status(0).json();
    assert_eq!(errors["rows"], 45);
    let last = errors["outputs"][0]["grades"].as_array().unwrap().last().unwrap().clone();
    assert!((last["l2"].as_f64().unwrap() - rmse).abs() < 1e-12, "{last} {rmse}");
    assert!((last["linf"].as_f64().unwrap() - largest).abs() < 1e-12);
    let spread = errors["outputs"][0]["target_spread"].as_f64().unwrap();
    assert!((last["r2"].as_f64().unwrap() - (1.0 - (rmse / spread).powi(2))).abs() < 1e-12);
}

#[test]
fn staged_predictions_end_in_the_prediction_and_start_with_that_of_the_first_grade() {
    let place = Place::with_model();
    let staged = place.run(&["predict", "m", "smooth.csv", "--staged"]).expect_status(0);
    let names: Vec<String> = staged.columns().into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["z@1", "z@2"]);
    let plain = place.run(&["predict", "m", "smooth.csv"]).expect_status(0);
    assert_eq!(column(&staged, "z@2"), column(&plain, "z"));
    let first = place.run(&["predict", "m", "smooth.csv", "--grades", "1"]).expect_status(0);
    assert_eq!(column(&staged, "z@1"), column(&first, "z"));
    assert_ne!(first.out, plain.out);
}

#[test]
fn the_first_grades_of_a_model_are_a_model() {
    let place = Place::with_model();
    place.run(&["truncate", "m", "--grades", "1", "--out", "one"]).expect_status(0);
    let short = place.run(&["predict", "one", "smooth.csv"]).expect_status(0);
    assert_eq!(short.out, place.run(&["predict", "m", "smooth.csv", "--grades", "1"]).expect_status(0).out);
    let about = place.run(&["inspect", "one", "--json"]).expect_status(0).json();
    assert_eq!(about["file"], "one.safetensors", "the file that was read");
    assert_eq!(about["grades"].as_array().unwrap().len(), 1);
    assert_eq!(about["history"]["grades"].as_array().unwrap().len(), 2, "grade 0 and grade 1");
}

#[test]
fn the_model_does_not_depend_on_the_number_of_threads_the_folder_or_the_order_of_options() {
    let place = Place::with_model();
    let model = place.read("m.safetensors");
    for threads in ["1", "2", "4"] {
        let name = format!("threads{threads}");
        place.fit("smooth.csv", "z", &name, &["--threads", threads]).expect_status(0);
        assert!(place.read(&format!("{name}.safetensors")) == model, "{threads} threads");
    }
    let elsewhere = Place::new();
    elsewhere.write("renamed.csv", smooth(45));
    elsewhere.fit("renamed.csv", "z", "other", &["--no-report"]).expect_status(0);
    assert!(elsewhere.read("other.safetensors") == model);
    assert_eq!(elsewhere.names(), ["other.run.json", "other.safetensors", "renamed.csv"]);
}

#[test]
fn a_report_made_again_is_the_report_of_the_fit() {
    let place = Place::with_model();
    let fitted = place.fit("smooth.csv", "z", "again", &["--no-refit", "--json"]).expect_status(0).json();
    let report = place.run(&["report", "again", "smooth.csv", "--json"]).expect_status(0);
    assert_eq!(report.err, "");
    let report = report.json();
    assert_eq!(report["source"], fitted["source"]);
    assert_eq!(report["baselines"], fitted["baselines"]);
    for (a, b) in report["grades"].as_array().unwrap().iter().zip(fitted["grades"].as_array().unwrap()) {
        assert_eq!((&a["train"], &a["validation"]), (&b["train"], &b["validation"]));
    }
    place.run(&["report", "again", "smooth.csv", "--out", "r.html"]).expect_status(0);
    assert!(place.read("r.html").starts_with(b"<!"));
}

#[test]
fn a_report_on_other_rows_calls_none_of_them_held_out_and_compares_with_nothing() {
    let place = Place::with_model();
    place.write("fewer.csv", smooth(36));
    place.write("shifted.csv", smooth(45).replace("0,0,", "0,0.5,"));
    for table in ["fewer.csv", "shifted.csv"] {
        let answer = place.run(&["report", "m", table, "--json"]).expect_status(0);
        assert!(answer.err.contains("these are not the rows of the fit"), "{answer:?}");
        assert!(answer.err.contains("rows that the fit may have seen"), "{answer:?}");
        let report = answer.json();
        let errors = place.run(&["evaluate", "m", table, "--json"]).expect_status(0).json();
        let last = |list: &serde_json::Value| list.as_array().unwrap().last().unwrap().clone();
        let shown = last(&report["grades"])["validation"][0]["l2"].as_f64().unwrap();
        assert_eq!(Some(shown), last(&errors["outputs"][0]["grades"])["l2"].as_f64());
        assert_eq!(report["baselines"].as_array().unwrap().len(), 0);
        assert_eq!(report["warnings"].as_array().unwrap().len(), 1);
        assert_eq!(report["source"]["validation_kind"], "unknown");
        let answer = place.run(&["report", "m", table, "--out", "r.html", "--force"]).expect_status(0);
        assert!(answer.out.contains("rows of this table, which the fit may have seen"), "{answer:?}");
        let page = String::from_utf8(place.read("r.html")).unwrap();
        let about_rows = page.split("id=\"grades\"").next().unwrap();
        assert!(about_rows.contains("rows of this table") && !about_rows.contains("held-out rows"), "{table}");
    }
}

#[test]
fn a_report_without_the_held_out_file_or_the_weights_of_the_fit_asks_for_them() {
    let place = Place::new();
    let with_weights =
        |i: usize, line: &str| format!("{line},{}\n", if i == 0 { "w".to_owned() } else { i.to_string() });
    place.write("t.csv", smooth(36).lines().enumerate().map(|(i, line)| with_weights(i, line)).collect::<String>());
    place.write("held.csv", smooth(45).lines().enumerate().map(|(i, line)| with_weights(i, line)).collect::<String>());
    let options = ["--weights", "w", "--validation", "held.csv"];
    place.fit("t.csv", "z", "m", &options).expect_status(0);
    for given in [&options[..2], &options[2..], &[]] {
        let answer = place.run(&[&["report", "m", "t.csv", "--json"], given].concat()).expect_status(0);
        assert!(answer.err.contains("If the fit used --validation or --weights, name them here too"), "{answer:?}");
        assert_eq!(answer.json()["source"]["validation_kind"], "unknown");
    }
    let answer = place.run(&[&["report", "m", "t.csv", "--json"], &options[..]].concat()).expect_status(0);
    assert_eq!((answer.err.as_str(), &answer.json()["source"]["validation_kind"]), ("", &"held_out".into()));
}

#[test]
fn a_column_name_cannot_write_markup_into_the_report_or_commands_to_the_terminal() {
    let place = Place::new();
    let name = "<script>alert(1)</script>";
    place.write("t.csv", smooth(45).replacen("x,y,z", &format!("{name},\u{1b}[31my,z"), 1));
    let answer = place.fit("t.csv", "z", "m", &[]).expect_status(0);
    let page = String::from_utf8(place.read("m.html")).unwrap();
    assert!(!page.contains("<script") && page.contains("&lt;script&gt;"));
    let inspected = place.run(&["inspect", "m"]).expect_status(0);
    assert!(inspected.out.contains(name));
    assert!(!answer.out.contains('\u{1b}') && !inspected.out.contains('\u{1b}'));
}

#[test]
fn inputs_are_matched_by_name_and_without_names_by_place() {
    let place = Place::with_model();
    let expected = place.run(&["predict", "m", "smooth.csv"]).expect_status(0).out;
    let rows: Vec<Vec<String>> =
        smooth(45).lines().skip(1).map(|line| line.split(',').map(str::to_owned).collect()).collect();
    let turned: String = rows.iter().map(|row| format!("{},{},{}\n", row[2], row[1], row[0])).collect();
    place.write("turned.csv", format!("z,y,x\n{turned}"));
    let bare: String = rows.iter().map(|row| format!("{},{}\n", row[0], row[1])).collect();
    place.write("bare.csv", &bare);
    assert_eq!(place.run(&["predict", "m", "turned.csv"]).expect_status(0).out, expected);
    assert_eq!(place.run(&["predict", "m", "bare.csv"]).expect_status(0).out, expected);
    assert_eq!(place.run(&["predict", "m", "bare.csv", "--no-header"]).expect_status(0).out, expected);
    place.run(&["predict", "m", "turned.csv", "--out", "p.csv"]).expect_status(0);
    assert_eq!(place.read("p.csv"), expected.as_bytes());
}

#[test]
fn rows_outside_the_box_are_counted_in_a_warning_and_predicted_all_the_same() {
    let place = Place::with_model();
    place.write("far.csv", "x,y\n0.5,0.5\n7,0.5\n0.5,-3\n");
    let answer = place.run(&["predict", "m", "far.csv"]).expect_status(0);
    assert!(answer.err.contains("2 of 3 rows lie outside"), "{answer:?}");
    assert!(answer.err.contains("x outside 0..1 in 1; y outside 0..1 in 1"), "{answer:?}");
    assert_eq!(answer.out.lines().count(), 4);
    assert_eq!(place.run(&["predict", "m", "smooth.csv"]).expect_status(0).err, "");
}

#[test]
fn single_precision_predicts_nearly_the_same() {
    let place = Place::with_model();
    let double = place.run(&["predict", "m", "smooth.csv"]).expect_status(0);
    let single = place.run(&["predict", "m", "smooth.csv", "--precision", "f32"]).expect_status(0);
    let pairs = numbers(&column(&double, "z")).into_iter().zip(numbers(&column(&single, "z")));
    assert!(double.out != single.out && pairs.into_iter().all(|(a, b)| (a - b).abs() < 1e-4));
}

#[test]
fn evaluate_ends_with_status_1_when_an_error_is_larger_than_allowed() {
    let place = Place::with_model();
    place.run(&["evaluate", "m", "smooth.csv", "--max-rmse", "10"]).expect_status(0);
    let answer = place.run(&["evaluate", "m", "smooth.csv", "--max-rmse", "1e-12"]).expect_status(1);
    assert!(answer.err.contains("z: RMSE") && answer.out.contains("RMSE"));
}

#[test]
fn every_json_document_holds_the_keys_that_the_help_names() {
    let place = Place::with_model();
    let fit = [&["fit", "smooth.csv", "--target", "z", "--out", "j", "--json"], &QUICK[..]].concat();
    for args in [
        &fit[..],
        &["evaluate", "m", "smooth.csv", "--json"],
        &["inspect", "m", "--json"],
        &["report", "m", "smooth.csv", "--json"],
        &["demo", "--out", "d", "--time-limit", "1", "--json", "--quiet"],
    ] {
        let help = place.run(&[args[0], "--help"]).expect_status(0).out.replace('\n', " ");
        let keys = help.split("JSON keys: ").nth(1).unwrap().split(['.', ';']).next().unwrap();
        let document = place.run(args).expect_status(0).json();
        let mut found: Vec<&str> = document.as_object().unwrap().keys().map(String::as_str).collect();
        let mut named: Vec<&str> = keys.split(',').map(str::trim).collect();
        found.sort_unstable();
        named.sort_unstable();
        assert_eq!(found, named, "{}", args[0]);
    }
}

#[test]
fn weights_count_like_repeated_rows_and_the_weight_is_no_input() {
    let place = Place::new();
    let with_weights: Vec<String> =
        smooth(45).lines().enumerate().map(|(i, line)| format!("{line},{}", if i == 0 { "w" } else { "2" })).collect();
    place.write("w.csv", with_weights.join("\n"));
    place.fit("w.csv", "z", "m", &["--weights", "w"]).expect_status(0);
    let about = place.run(&["inspect", "m", "--json"]).expect_status(0).json();
    let inputs = about["schema"]["inputs"].as_array().unwrap();
    assert_eq!(inputs.iter().map(|c| c["name"].as_str().unwrap()).collect::<Vec<_>>(), ["x", "y"]);
    let report = place.run(&["report", "m", "w.csv", "--weights", "w", "--out", "r.html"]).expect_status(0);
    assert_eq!(report.err, "");
}

#[test]
fn held_out_rows_can_come_from_a_file_of_their_own() {
    let place = Place::new();
    place.write("t.csv", smooth(36));
    place.write("held.csv", smooth(45));
    let fitted = place.fit("t.csv", "z", "m", &["--validation", "held.csv", "--json"]).expect_status(0).json();
    assert_eq!((&fitted["source"]["n_train"], &fitted["source"]["n_validation"]), (&36.into(), &45.into()));
    assert_eq!(fitted["refit"], false);
    // No share of t.csv was held out.
    assert_eq!(place.run(&["inspect", "m", "--json"]).expect_status(0).json()["settings"]["validation"], 0.0);
    let again = place.run(&["report", "m", "t.csv", "--validation", "held.csv", "--out", "r.html"]).expect_status(0);
    assert_eq!(again.err, "");
}

#[test]
fn numbers_go_to_standard_output_and_progress_to_standard_error() {
    let place = Place::new();
    place.write("t.csv", smooth(45));
    let quiet = place.fit("t.csv", "z", "quiet", &[]).expect_status(0);
    assert_eq!(quiet.err, "");
    let options: Vec<&str> = QUICK.into_iter().filter(|option| *option != "--quiet").collect();
    let loud =
        place.run(&[&["fit", "t.csv", "--target", "z", "--out", "loud"], &options[..]].concat()).expect_status(0);
    let lines: Vec<&str> = loud.err.lines().collect();
    assert!(lines[0].starts_with("learning z from x, y: 45 rows"), "{loud:?}");
    assert!(lines[1].starts_with("grade 1: ") && lines[2].starts_with("grade 2: ") && lines.len() == 3, "{loud:?}");
    assert_eq!(loud.out, quiet.out.replace("quiet", "loud"));
}

#[test]
fn no_two_columns_of_predictions_share_a_name_whatever_is_kept() {
    let place = Place::with_model();
    let kept = smooth(45).replacen("x,y,z", "x,y,z_predicted", 1);
    let both: String = kept
        .lines()
        .enumerate()
        .map(|(i, line)| format!("{line},{}\n", if i == 0 { "z".to_owned() } else { i.to_string() }))
        .collect();
    place.write("both.csv", both);
    let answer = place.run(&["predict", "m", "both.csv", "--keep", "all"]).expect_status(0);
    let names: Vec<String> = answer.columns().into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["x", "y", "z_predicted", "z", "z_predicted_predicted"]);
    let plain = place.run(&["predict", "m", "smooth.csv"]).expect_status(0);
    assert_eq!(column(&answer, "z_predicted_predicted"), column(&plain, "z"));

    // An output may itself be called like the prediction of another one.
    place.fit("both.csv", "z,z_predicted", "two", &[]).expect_status(0);
    let answer = place.run(&["predict", "two", "both.csv", "--keep", "z"]).expect_status(0);
    let names: Vec<String> = answer.columns().into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["z", "z_predicted_predicted", "z_predicted"]);
}

#[test]
fn a_header_of_numbers_can_be_read_as_such() {
    let place = Place::new();
    place.write("t.csv", smooth(45).replacen("x,y,z", "2019,2020,2021", 1));
    let fit = |more: &[&str]| place.fit("t.csv", "2021", "m", &[&["--no-report"], more].concat());
    fit(&[]).expect_refusal(&["no column '2021'", "with --header"]);
    fit(&["--header"]).expect_status(0);
    let predicted = place.run(&["predict", "m", "t.csv", "--header"]).expect_status(0);
    assert_eq!(predicted.columns()[0].0, "2021");
    fit(&["--header", "--no-header", "--force"]).expect_refusal(&["--header", "--no-header"]);
}

#[test]
fn a_column_that_holds_a_text_far_down_is_no_number_column_also_of_standard_input() {
    let place = Place::with_model();
    let mut table = smooth(20_000).replacen("x,y,z", "x,y,note", 1);
    table += "0.5,0.5,late\n";
    place.write("late.csv", &table);
    let from_file = place.run(&["predict", "m", "late.csv", "--keep", "all"]).expect_status(0);
    assert!(from_file.err.contains("note") && from_file.out.starts_with("x,y,z\n"), "{}", from_file.err);
    let mut child = place.command(&["predict", "m", "-", "--keep", "all"]);
    child.stdin(std::fs::File::open(place.path("late.csv")).unwrap());
    let output = child.output().unwrap();
    assert!(output.status.success() && output.stdout == from_file.out.as_bytes());
}
