//! The demo: the main job on real data, as a newcomer runs it.

mod place;

use place::Place;

#[test]
fn the_demo_measures_itself_on_rows_that_no_choice_saw_and_its_next_commands_work() {
    let place = Place::new();
    let answer = place.run(&["demo"]).expect_status(0);

    // A sentence for each output, and each simple method beside it, whoever wins.
    for output in ["thrust", "sfc"] {
        assert!(answer.out.contains(&format!("{output}: RMSE ")), "{}", answer.out);
    }
    assert_eq!(answer.out.matches("on 211 test rows, ").count(), 2, "{}", answer.out);
    let lines: Vec<Vec<&str>> = answer.out.lines().map(|line| line.split_whitespace().collect()).collect();
    for method in [&["-", "mean"][..], &["-", "linear"], &["-", "nearest", "neighbour"]] {
        let shown = lines.iter().filter(|words| words.starts_with(method) && words.len() == method.len() + 4);
        assert_eq!(shown.count(), 2, "{method:?}: {}", answer.out);
    }
    assert!(answer.err.lines().any(|line| line.starts_with("grade 1: ")), "{}", answer.err);

    // The error that it prints is the one that anybody can measure on the test rows it wrote.
    let errors = place.run(&["evaluate", "multigrade-demo/b777.safetensors", "multigrade-demo/b777-test.csv"]);
    let errors = errors.expect_status(0).out;
    let thrust: Vec<&str> = errors.lines().take_while(|line| !line.is_empty()).collect();
    let rmse = thrust.last().unwrap().split_whitespace().nth(2).unwrap();
    assert!(lines.iter().any(|words| words.iter().nth_back(1) == Some(&rmse)), "{rmse}: {}", answer.out);

    // What it suggests works as printed. The fit has the settings of the demo and takes as long.
    let suggested = answer.out.lines().skip_while(|line| *line != "Try next:").skip(1);
    let suggested: Vec<Vec<&str>> = suggested
        .filter_map(|line| line.trim().strip_prefix(env!("CARGO_BIN_EXE_multigrade"))?.strip_prefix(' '))
        .map(|line| line.split(' ').collect())
        .collect();
    let names: Vec<&str> = suggested.iter().map(|words| words[0]).collect();
    assert_eq!(names, ["evaluate", "predict", "inspect", "report", "fit", "check"]);
    for mut words in suggested {
        if words[0] == "fit" {
            words.extend(["--time-limit", "2"]);
        }
        place.run(&words).expect_status(0);
    }

    // The second act: built from a formula, proved, and checked from its files.
    let said = answer.out.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(said.contains("Proved: for every point of x=-1..1, y=-1..1, exp(-x^2 - y^2) and the network"), "{said}");
    assert!(said.contains("Checked: the certificate and the model were read back from their files"), "{said}");
    for name in ["hill.safetensors", "hill.certificate.json", "hill.html", "hill.run.json"] {
        assert!(place.path("multigrade-demo").join(name).is_file(), "{name}");
    }

    // Running it again is no trouble; a folder with files of others is left alone.
    let quick = ["demo", "--time-limit", "1", "--quiet"];
    place.run(&quick).expect_status(0);
    std::fs::remove_file(place.path("multigrade-demo/b777.run.json")).unwrap();
    place.run(&quick).expect_refusal(&["multigrade-demo/b777.safetensors", "exists", "--force"]);
    place.run(&[&quick[..], &["--force"]].concat()).expect_status(0);
}
