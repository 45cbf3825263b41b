//! Input that cannot be used is refused with status 2, in words that help, and leaves no file behind. Input that is
//! only odd works.

mod place;

use place::{Place, QUICK, smooth};

/// Tables that cannot be fitted, and what the message must say.
const BAD_TABLES: [(&str, &[&str]); 9] = [
    ("", &["t.csv", "nothing in it"]),
    ("x,y,z\n", &["t.csv", "no data", "line 1 names 3 columns"]),
    ("x,y,z\n0,1,2\na,2,3\n1,2,4\n", &["t.csv", "column 'x', line 3", "\"a\"", "--ignore x"]),
    ("x,y,z\n0,1,2\n1,NaN,3\n1,2,4\n", &["t.csv", "column 'y', line 3", "\"NaN\""]),
    ("x,y,z\n0,1,2\n1,2,-inf\n1,2,4\n", &["t.csv", "column 'z', line 3", "\"-inf\""]),
    ("x,y,z\n0,1,2\n1,,2\n1,2,4\n", &["t.csv", "column 'y', line 3", "empty"]),
    ("x,y,z\n0,1,2\n1,2\n1,2,4\n", &["t.csv", "line 3 has 2 fields", "line 1 has 3"]),
    ("x,x,z\n0,1,2\n1,2,3\n", &["t.csv", "columns 1 and 2 are both called 'x'"]),
    ("z\n1\n2\n", &["t.csv", "no column is left to learn from"]),
];

#[test]
fn a_table_that_cannot_be_used_is_named_with_its_line_and_column() {
    for (table, words) in BAD_TABLES {
        let place = Place::new();
        place.write("t.csv", table);
        place.fit("t.csv", "z", "m", &[]).expect_refusal(words);
        assert_eq!(place.names(), ["t.csv"], "{table:?}");
    }
}

#[test]
fn a_missing_file_and_a_folder_are_told_apart() {
    let place = Place::new();
    place.fit("nothing.csv", "z", "m", &[]).expect_refusal(&["nothing.csv", "no such file"]);
    std::fs::create_dir(place.path("folder.csv")).unwrap();
    place.fit("folder.csv", "z", "m", &[]).expect_refusal(&["folder.csv", "folder"]);
    assert_eq!(place.names(), ["folder.csv"]);
}

#[test]
fn tables_that_are_only_odd_are_fitted() {
    let rows = |f: &dyn Fn(f64, f64) -> String| -> String {
        (0..40).map(|i| f(f64::from(i % 8) / 7.0, f64::from(i / 8) / 4.0)).collect()
    };
    let wide: String = (0..4)
        .map(|i| (0..12).map(|j| ((i * 7 + j * 5) % 11).to_string()).collect::<Vec<_>>().join(",") + "\n")
        .collect();
    let header = (1..12).map(|j| format!("x{j}")).collect::<Vec<_>>().join(",") + ",z\n";
    let tables = [
        ("one row", "x,y,z\n0,1,2\n".to_owned(), "target 'z' is 2 in the only row"),
        ("two rows", "x,y,z\n0,1,2\n1,1,3\n".to_owned(), "input 'y' is 1 in every row"),
        ("a row again and again", "x,z\n0,1\n1,2\n0,2\n0,3\n1,1\n".to_owned(), "only 2 rows with different inputs"),
        ("fewer rows than inputs", header + &wide, "only 4 rows for 11 inputs"),
        (
            "constant target",
            "x,y,z\n".to_owned() + &rows(&|x, y| format!("{x},{y},5\n")),
            "target 'z' is 5 in every row",
        ),
        (
            "constant input",
            "x,c,z\n".to_owned() + &rows(&|x, _| format!("{x},7,{}\n", x * x)),
            "input 'c' is 7 in every row",
        ),
        (
            "equal inputs",
            "x,y,z\n".to_owned() + &rows(&|x, _| format!("{x},{x},{}\n", x * x)),
            "inputs 'x' and 'y' are equal",
        ),
        ("large offset", "x,y,z\n".to_owned() + &rows(&|x, y| format!("{x},{y},{}\n", 1e9 + (3.0 * x).sin() + y)), ""),
    ];
    for (name, table, warning) in tables {
        let place = Place::new();
        place.write("t.csv", table);
        let answer = place.fit("t.csv", "z", "m", &[]).expect_status(0);
        assert!(answer.err.contains(warning), "{name}: {answer:?}");
        let page = String::from_utf8(place.read("m.html")).unwrap().replace("&#39;", "'");
        assert!(page.contains(warning), "{name}");
        let errors = place.run(&["evaluate", "m", "t.csv", "--json"]).expect_status(0).json();
        let grades = errors["outputs"][0]["grades"].as_array().unwrap();
        assert!(grades.iter().all(|grade| grade["l2"].as_f64().unwrap().is_finite()), "{name}: {errors}");
        let predicted = place.run(&["predict", "m", "t.csv"]).expect_status(0);
        assert_eq!(predicted.columns()[0].0, "z", "{name}");
    }
}

#[test]
fn a_target_far_from_zero_is_fitted_as_well_as_one_around_zero() {
    let place = Place::new();
    let table = |offset: f64| -> String {
        let row = |i: i32| (f64::from(i % 9) / 8.0, f64::from(i / 9) / 5.0);
        let rows = (0..54).map(row).map(|(x, y)| format!("{x},{y},{}\n", offset + (3.0 * x).sin() + y * y));
        "x,y,z\n".to_owned() + &rows.collect::<String>()
    };
    for (name, offset) in [("near", 0.0), ("far", 1e9)] {
        place.write(&format!("{name}.csv"), table(offset));
        place.fit(&format!("{name}.csv"), "z", name, &["--force"]).expect_status(0);
    }
    let rmse = |name: &str| {
        let errors = place.run(&["evaluate", name, &format!("{name}.csv"), "--json"]).expect_status(0).json();
        errors["outputs"][0]["grades"].as_array().unwrap().last().unwrap()["l2"].as_f64().unwrap()
    };
    assert!(rmse("far") < 10.0 * rmse("near") + 1e-6, "{} {}", rmse("far"), rmse("near"));
}

#[test]
fn columns_that_do_not_exist_or_have_two_parts_are_refused() {
    let place = Place::new();
    place.write("t.csv", "mach,thrust,w\n0,1,1\n1,3,-1\n2,2,1\n");
    let refused = |args: &[&str], words: &[&str]| {
        place.run(&[&["fit", "t.csv", "--out", "m"], args].concat()).expect_refusal(words);
        assert_eq!(place.names(), ["t.csv"]);
    };
    refused(&["--target", "trust"], &["no column 'trust'", "did you mean 'thrust'?", "mach, thrust, w"]);
    refused(&["--target", "thrust", "--features", "Mach"], &["no column 'Mach'", "did you mean 'mach'?"]);
    refused(&["--target", "thrust", "--features", "mach,thrust"], &["'thrust'", "--target", "--features"]);
    refused(&["--target", "thrust,thrust"], &["'thrust' twice"]);
    refused(&["--target", "thrust", "--ignore", "thrust"], &["'thrust'", "--target", "--ignore"]);
    refused(&["--target", "thrust", "--weights", "w"], &["column 'w', line 3", "-1", "at least 0"]);
}

#[test]
fn settings_out_of_range_are_refused_before_anything_is_read() {
    let place = Place::new();
    let refused = |args: &[&str], words: &[&str]| {
        place.run(&[&["fit", "unread.csv", "--target", "z", "--out", "m"], args].concat()).expect_refusal(words);
        assert!(place.names().is_empty());
    };
    refused(&["--validation", "1.5"], &["validation", "1.5", "[0, 1)"]);
    refused(&["--validation", "-0.5"], &["validation", "-0.5"]);
    refused(&["--activation", "gelu"], &["unknown activation 'gelu'", "relu, tanh, sin"]);
    refused(&["--grade", "32:gelu"], &["unknown activation 'gelu'"]);
    refused(&["--grade", "32,0"], &["widths"]);
    refused(&["--grade", "wide"], &["'wide' is not a width"]);
    refused(&["--grades", "0"], &["grades", "found 0"]);
    refused(&["--grades", "many"], &["auto"]);
    refused(&["--grades", "2", "--max-grades", "3"], &["--max-grades"]);
    refused(&["--grades", "2", "--grade", "8"], &["--grade"]);
    refused(&["--threads", "0"], &["--threads"]);
    refused(&["--time-limit", "-1"], &["time limit", "-1"]);
    refused(&["--time-limit", "nan"], &["time limit"]);
    refused(&["--weight-decay", "-1"], &["weight decay", "-1"]);
    refused(&["--branches", "0"], &["branches"]);
    refused(&["--epochs", "3"], &["--epochs", "--solver adam"]);
    refused(&["--solver", "adam", "--iterations", "3"], &["--iterations", "--solver lbfgs or --solver lm"]);
    refused(&["--solver", "adam", "--rate", "-1"], &["learning rate", "-1"]);
    refused(&["--solver", "adam", "--schedule", "linear:1"], &["linear:1", "exponential:TO"]);
    refused(&["--solver", "lbfgs", "--precision", "f32"], &["precision", "f64"]);
    refused(&["--single-grade"], &["--grade"]);
    refused(&["--seed", "-1"], &["--seed"]);
    refused(&["--unknown"], &["--unknown"]);
}

#[test]
fn what_cannot_be_written_is_refused_before_anything_is_computed() {
    let place = Place::new();
    place.write("t.csv", smooth(45));
    let refused = |out: &str, words: &[&str]| {
        // So many iterations would not end.
        let endless = ["--solver", "gd", "--epochs", "4000000000", "--quiet"];
        let args = [&["fit", "t.csv", "--target", "z", "--out", out], &endless[..]].concat();
        place.run(&args).expect_refusal(words);
    };
    refused("nowhere/m", &["nowhere/m.safetensors", "no such folder"]);
    refused("t.csv/m", &["t.csv", "not a folder"]);
    refused(".", &["folder"]);
    if cfg!(target_os = "linux") {
        refused("/proc/m", &["/proc", "cannot be written"]);
    }
    assert_eq!(place.names(), ["t.csv"]);
    for name in ["m.safetensors", "m.html", "m.run.json"] {
        place.write(name, "mine");
        refused("m", &[name, "exists", "--force"]);
        assert_eq!(place.names(), [name, "t.csv"]);
        assert_eq!(place.read(name), b"mine");
        std::fs::remove_file(place.path(name)).unwrap();
    }
}

#[test]
fn files_are_overwritten_with_force_only() {
    let place = Place::with_model();
    let model = place.read("m.safetensors");
    place.fit("smooth.csv", "z", "m", &["--seed", "1"]).expect_refusal(&["exists", "--force"]);
    assert_eq!(place.read("m.safetensors"), model);
    place.fit("smooth.csv", "z", "m", &["--seed", "1", "--force"]).expect_status(0);
    assert_ne!(place.read("m.safetensors"), model);

    let all = ["m.html", "m.run.json", "m.safetensors", "smooth.csv"];
    place.run(&["predict", "m", "smooth.csv", "--out", "x.html"]).expect_status(0);
    place.run(&["predict", "m", "smooth.csv", "--out", "x.html"]).expect_refusal(&["x.html", "exists", "--force"]);
    std::fs::remove_file(place.path("x.html")).unwrap();
    place.run(&["report", "m", "smooth.csv"]).expect_refusal(&["m.html", "exists"]);
    place.run(&["truncate", "m", "--grades", "1", "--out", "m"]).expect_refusal(&["m.safetensors", "exists"]);
    assert_eq!(place.names(), all);
}

#[test]
fn a_model_file_that_is_not_as_it_was_written_is_refused_wherever_it_was_changed() {
    let place = Place::with_model();
    let bytes = place.read("m.safetensors");
    let refused = |bytes: &[u8], words: &[&str]| {
        place.write("bad.safetensors", bytes);
        place.run(&["inspect", "bad.safetensors"]).expect_refusal(&[&["bad.safetensors"], words].concat());
    };
    for step in 0..40 {
        let mut flipped = bytes.clone();
        flipped[step * (bytes.len() - 1) / 39] ^= 1 << (step % 8);
        refused(&flipped, &[]);
    }
    let mut flipped = bytes.clone();
    *flipped.last_mut().unwrap() ^= 1;
    refused(&flipped, &["altered"]);
    for length in [0, 7, 8, 300, bytes.len() / 2, bytes.len() - 1] {
        refused(&bytes[..length], &["not a multigrade model", "cut off"]);
    }
    refused(smooth(45).as_bytes(), &["not a multigrade model"]);

    let key = br#"format_version\":1"#;
    let at = bytes.windows(key.len()).position(|window| window == key).unwrap();
    let mut newer = bytes.clone();
    newer[at + key.len() - 1] = b'9';
    refused(&newer, &["version 9", "newer multigrade"]);
}

#[test]
fn a_model_that_does_not_exist_is_said_to_be_missing_by_every_command() {
    let place = Place::new();
    place.write("t.csv", smooth(45));
    for args in [
        &["predict", "no", "t.csv"][..],
        &["evaluate", "no", "t.csv"],
        &["inspect", "no"],
        &["truncate", "no", "--grades", "1", "--out", "x"],
        &["report", "no", "t.csv"],
    ] {
        place.run(args).expect_refusal(&["no: no such file", ".safetensors"]);
    }
    assert_eq!(place.names(), ["t.csv"]);
}

#[test]
fn tables_that_do_not_fit_the_model_are_refused() {
    let place = Place::with_model();
    place.write("other.csv", "x,Y,z\n0,1,2\n1,2,3\n");
    place.run(&["predict", "m", "other.csv"]).expect_refusal(&["no column 'y'", "did you mean 'Y'?"]);
    place.write("inputs.csv", "x,y\n0,1\n1,2\n");
    place.run(&["evaluate", "m", "inputs.csv"]).expect_refusal(&["no column 'z'"]);
    place.write("bare.csv", "0,1,2\n1,2,3\n");
    place.run(&["predict", "m", "bare.csv"]).expect_refusal(&["3 columns and no header", "x, y"]);
    place.run(&["predict", "m", "smooth.csv", "--grades", "9"]).expect_refusal(&["grades", "2", "9"]);
    place.run(&["predict", "m", "smooth.csv", "--keep", "q"]).expect_refusal(&["no column 'q'"]);
    place.run(&["truncate", "m", "--grades", "9", "--out", "x"]).expect_refusal(&["grades", "2", "9"]);
    let held_out = place.run(
        &[&["fit", "smooth.csv", "--target", "z", "--out", "x", "--validation", "inputs.csv"], &QUICK[..]].concat(),
    );
    held_out.expect_refusal(&["inputs.csv", "no column 'z'"]);
    assert!(!place.names().iter().any(|name| name.starts_with("x.") || name.starts_with('.')));
}

#[test]
fn a_file_that_a_command_reads_is_never_overwritten() {
    let place = Place::with_model();
    place.write("held.csv", smooth(36));
    let names = place.names();
    let kept = ["smooth.csv", "held.csv", "m.safetensors"].map(|name| (name, place.read(name)));
    let fit = ["fit", "smooth.csv", "--target", "z", "--validation", "held.csv", "--out"];
    for args in [
        &[&fit[..], &["smooth.csv"]].concat()[..],
        &[&fit[..], &["./held.csv"]].concat(),
        &["predict", "m", "smooth.csv", "--out", "smooth.csv"],
        &["predict", "m", "smooth.csv", "--out", "m.safetensors"],
        &["report", "m", "smooth.csv", "--out", "smooth.csv"],
        &["report", "m", "smooth.csv", "--validation", "held.csv", "--out", "held.csv"],
        &["report", "m", "smooth.csv", "--out", "./m.safetensors"],
    ] {
        for force in [&[][..], &["--force"]] {
            place.run(&[args, force].concat()).expect_refusal(&["never overwrites it", "name another one"]);
        }
    }
    assert_eq!(place.names(), names);
    assert!(kept.iter().all(|(name, bytes)| place.read(name) == *bytes));
}

#[cfg(unix)]
#[test]
fn a_link_is_followed_and_what_is_no_regular_file_is_not_replaced() {
    use std::os::unix::fs::symlink;
    let place = Place::with_model();
    std::fs::create_dir(place.path("models")).unwrap();
    place.write("models/m.safetensors", "old");
    symlink("models/m.safetensors", place.path("l.safetensors")).unwrap();
    symlink("models/nothing", place.path("dangling.html")).unwrap();
    symlink("smooth.csv", place.path("data.csv")).unwrap();

    place.fit("smooth.csv", "z", "l", &[]).expect_refusal(&["l.safetensors", "exists", "--force"]);
    place.fit("smooth.csv", "z", "l", &["--force"]).expect_status(0);
    assert!(place.path("l.safetensors").is_symlink());
    assert!(place.read("models/m.safetensors") == place.read("m.safetensors"));

    let refused = |out: &str, words: &[&str]| {
        place.run(&["predict", "m", "smooth.csv", "--force", "--out", out]).expect_refusal(words);
    };
    refused("/dev/null", &["/dev/null", "not a regular file"]);
    refused("dangling.html", &["dangling.html", "leads to no file"]);
    refused("data.csv", &["data.csv", "never overwrites it"]);
}

#[test]
fn what_cannot_be_read_is_answered_in_words_that_fit_the_command() {
    let place = Place::with_model();
    place.write("bad.csv", "wind speed,y,x,z\n1,2,3,4\nn/a,2,a,5\n");
    let fit = |target: &str, more: &[&str]| place.fit("bad.csv", target, "b", more);
    fit("z", &[]).expect_refusal(&["column 'wind speed', line 3", "leave the column out with --ignore 'wind speed'"]);
    fit("z", &["--features", "x,y"]).expect_refusal(&["column 'x', line 3", "leave the column out of --features"]);
    let target = fit("x", &["--features", "y"]);
    assert!(!target.err.contains("leave the column out"), "{target:?}");
    target.expect_refusal(&["column 'x', line 3"]);
    for command in ["predict", "evaluate", "report"] {
        let output = if command == "predict" { "--out=p.csv" } else { "--json" };
        let answer = place.run(&[command, "m", "bad.csv", output]);
        assert!(!answer.err.contains("--ignore") && !answer.err.contains("--features"), "{answer:?}");
        answer.expect_refusal(&["column 'x', line 3", "put a number there, or remove the row"]);
    }
    place.write("spaces.csv", "x y z\n1 2 3\n4 5 6\n");
    place.fit("spaces.csv", "z", "b", &[]).expect_refusal(&["one column only", "spaces do not separate columns"]);
}

#[test]
fn names_separated_by_spaces_are_answered_with_a_hint_of_commas() {
    let place = Place::new();
    let hint = "are separated by commas, without spaces";
    for (option, args) in [
        ("--target", &["fit", "t.csv", "--target", "thrust", "sfc", "--out", "m"][..]),
        ("--target", &["fit", "--target=thrust", "sfc", "t.csv", "--out", "m"]),
        ("-f", &["fit", "t.csv", "--target", "z", "--out", "m", "-f", "a", "b", "c"]),
        ("--keep", &["predict", "m", "t.csv", "--keep", "a", "b"]),
    ] {
        place.run(args).expect_refusal(&["unexpected argument", &format!("names behind {option} {hint}")]);
    }
    let surplus = place.run(&["inspect", "m", "n"]);
    assert!(!surplus.err.contains(hint), "{surplus:?}");
}

#[test]
fn an_error_limit_that_nothing_can_meet_or_miss_is_refused() {
    let place = Place::new();
    for limit in ["nan", "-1", "much"] {
        let answer = place.run(&["evaluate", "unread", "unread.csv", "--max-rmse", limit]);
        answer.expect_refusal(&["--max-rmse", limit, "expected a number of at least 0"]);
    }
}

#[test]
fn rows_with_missing_cells_are_left_out_when_asked_and_only_where_they_matter() {
    let place = Place::new();
    let is_gap = |i: usize| i % 7 == 3;
    let row = |i: usize| {
        let (x, y) = ((i % 9) as f64 / 8.0, (i / 9) as f64 / 4.0);
        let cell = if is_gap(i) { ["", "NA", "nan"][i % 3].to_owned() } else { x.to_string() };
        format!("{cell},{y},{},?\n", (3.0 * x).sin() + y * y)
    };
    let table = |rows: &mut dyn Iterator<Item = usize>| "x,y,z,note\n".to_owned() + &rows.map(row).collect::<String>();
    place.write("gaps.csv", table(&mut (0..45)));
    place.write("whole.csv", table(&mut (0..45).filter(|i| !is_gap(*i))));
    let used = ["--features", "x,y"];
    place.fit("gaps.csv", "z", "m", &used).expect_refusal(&["column 'x', line 5", "--missing drop"]);
    let drop = ["--missing", "drop"];
    let made = place.fit("gaps.csv", "z", "m", &[&used[..], &drop].concat()).expect_status(0);
    assert!(made.err.contains("gaps.csv: 6 of its 45 rows have a missing cell and were left out"), "{made:?}");
    place.fit("whole.csv", "z", "w", &used).expect_status(0);
    assert!(place.read("m.safetensors") == place.read("w.safetensors"));
    // A column that is not used may hold what it wants; one that is used is not filled.
    place.run(&["predict", "m", "gaps.csv"]).expect_refusal(&["column 'x', line 5", "--missing drop"]);
    let predicted = place.run(&[&["predict", "m", "gaps.csv"], &drop[..]].concat()).expect_status(0);
    assert_eq!(predicted.out, place.run(&["predict", "m", "whole.csv"]).expect_status(0).out);
    let scores =
        |name: &str| place.run(&["evaluate", "m", name, "--json", "--missing", "drop"]).expect_status(0).json();
    assert_eq!(scores("gaps.csv"), scores("whole.csv"));
    place.fit("gaps.csv", "z", "n", &drop).expect_refusal(&["each of its 45 rows has a missing cell", "note"]);
    place.write("bad.csv", "x,z\n1,2\nabc,3\n,4\n");
    place.fit("bad.csv", "z", "n", &drop).expect_refusal(&["column 'x', line 3", "\"abc\""]);
}
