//! What a fit does not depend on: how rows are written down, and whether it was made in one go.

mod common;

use common::numbers;
use multigrade::{
    Activation, Event, FitError, FitSettings, Fitted, Flow, GradeSettings, Grades, Multigrade, Samples, Solver, Stop,
    fit, resume, silent,
};
use proptest::prelude::*;

/// Rows of two inputs, each with a weight.
fn sampled(weights: &[u32]) -> Samples {
    let inputs = numbers(3, 2 * weights.len());
    let targets = inputs.chunks(2).map(|x| (4.0 * x[0]).sin() * x[1]).collect();
    Samples::new(2, 1, inputs, targets, Some(weights.iter().map(|w| f64::from(*w)).collect())).unwrap()
}

/// Each row as often as it weighs, in the order of a shuffle.
fn written_out(samples: &Samples, key: u64) -> Samples {
    let mut rows: Vec<usize> = (0..samples.rows()).flat_map(|i| vec![i; samples.weights()[i] as usize]).collect();
    let draws = numbers(key, rows.len());
    for i in (1..rows.len()).rev() {
        rows.swap(i, (draws[i] * (i + 1) as f64) as usize);
    }
    let all = samples.select(&rows);
    Samples::new(2, 1, all.inputs().to_vec(), all.targets().to_vec(), None).unwrap()
}

fn quick(grades: Grades) -> FitSettings {
    let solver = Some(Solver::Lbfgs { iterations: 25 });
    FitSettings { grades, solver, branches: Some(2), refit: Some(false), ..FitSettings::default() }
}

fn run(samples: &Samples, settings: &FitSettings) -> Fitted {
    fit(samples, None, &settings.clone().validate().unwrap(), &mut silent()).unwrap()
}

fn go_on(model: &Multigrade, samples: &Samples, settings: &FitSettings) -> Result<Fitted, FitError> {
    resume(model, samples, None, &settings.clone().validate().unwrap(), &mut silent())
}

/// The model that its file holds.
fn reloaded(model: &Multigrade) -> Multigrade {
    Multigrade::from_bytes("test", &model.to_bytes()).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(6))]

    #[test]
    fn a_weight_of_two_gives_the_same_network_as_the_row_twice_in_any_order(
        mut weights in prop::collection::vec(0u32..4, 20..40), key: u64, refit: bool,
    ) {
        weights[0] = 2;
        let samples = sampled(&weights);
        let settings = FitSettings { refit: Some(refit), ..quick(Grades::Count(2)) };
        let (weighted, repeated) = (run(&samples, &settings), run(&written_out(&samples, key), &settings));
        prop_assert_eq!(weighted.model.grades(), repeated.model.grades());
        prop_assert_eq!(weighted.model.output_scaling(), repeated.model.output_scaling());
    }
}

#[test]
fn predictions_of_held_out_rows_stand_in_the_order_of_these_rows() {
    let samples = written_out(&sampled(&[1, 2, 3, 1, 2, 3, 1, 1, 1, 2, 2, 2, 3, 3, 3, 1, 1, 1, 2, 2]), 5);
    let fitted = run(&samples, &quick(Grades::Count(1)));
    assert!(fitted.held_out.len() > 1);
    for (&row, value) in fitted.held_out.iter().zip(&fitted.held_out_predictions) {
        let expected = fitted.model.eval_reference(samples.inputs_of(row), 1).unwrap()[0];
        assert!((value - expected).abs() < 1e-12, "{value} {expected}");
    }
}

type Settings = fn(Grades) -> FitSettings;

#[test]
fn a_fit_that_goes_on_from_a_file_equals_the_fit_in_one_go() {
    let samples = sampled(&[1; 80]);
    let list = |count| {
        let grades = ["8:tanh", "6,6:relu", "5:sin"].map(|text| text.parse::<GradeSettings>().unwrap());
        Grades::List(grades[..count].to_vec())
    };
    let cases: [(&str, Settings); 3] = [
        ("as it is", quick),
        ("without held-out rows", |grades| FitSettings {
            validation: 0.0,
            activation: Some(Activation::Relu),
            ..quick(grades)
        }),
        ("with a refit", |grades| FitSettings { refit: Some(true), ..quick(grades) }),
    ];
    for (what, settings) in cases {
        for grades in [list, Grades::Count] as [fn(usize) -> Grades; 2] {
            let whole = run(&samples, &settings(grades(3))).model;
            let begun = run(&samples, &settings(grades(1))).model;
            let ended = go_on(&reloaded(&begun), &samples, &settings(grades(3))).unwrap();
            assert!(ended.model.grades().len() > 1, "{what}");
            assert_eq!(ended.model, whole, "{what}");
            assert_eq!(ended.model.to_bytes(), whole.to_bytes(), "{what}");
        }
    }
}

#[test]
fn an_interrupted_fit_goes_on_where_it_was() {
    let samples = sampled(&[1; 80]);
    let settings = quick(Grades::Auto { at_most: 3 });
    let mut after_one = |event: &Event| match event {
        Event::GradeFinished { .. } => Flow::Stop,
        _ => Flow::Continue,
    };
    let valid = settings.clone().validate().unwrap();
    let interrupted = fit(&samples, None, &valid, &mut after_one).unwrap();
    assert_eq!((interrupted.stop, interrupted.model.grades().len()), (Stop::Interrupted, 1));
    let whole = run(&samples, &settings);
    assert_eq!(go_on(&reloaded(&interrupted.model), &samples, &settings).unwrap().model, whole.model);
}

#[test]
fn a_fit_that_is_interrupted_anywhere_ends_as_the_fit_in_one_go() {
    let x = numbers(9, 40);
    let y = x.iter().map(|x| (6.0 * x).sin()).collect();
    // Settings that say nothing of the grades: held against the convex grade, and trained again on all rows.
    let open = FitSettings { grades: Grades::Auto { at_most: 1 }, ..FitSettings::default() };
    let cases = [
        ("one input, defaults", Samples::new(1, 1, x, y, None).unwrap(), open),
        ("two inputs, a refit", sampled(&[1; 60]), FitSettings { refit: Some(true), ..quick(Grades::Count(2)) }),
        ("two inputs, no refit", sampled(&[1; 60]), quick(Grades::Count(2))),
    ];
    for (what, samples, settings) in cases {
        let valid = settings.clone().validate().unwrap();
        let stopped_at = |last: usize| {
            let mut events = 0;
            let mut observer = |_: &Event| {
                events += 1;
                if events < last { Flow::Continue } else { Flow::Stop }
            };
            let fitted = fit(&samples, None, &valid, &mut observer).unwrap();
            (fitted, events)
        };
        let (whole, events) = stopped_at(usize::MAX);
        for last in [1, events / 20, events / 4, events / 2, 3 * events / 4, 19 * events / 20] {
            let begun = stopped_at(last).0;
            assert_eq!(begun.stop, Stop::Interrupted, "{what}, {last} of {events}");
            let ended = go_on(&reloaded(&begun.model), &samples, &settings);
            assert_eq!(ended.map(|ended| ended.model), Ok(whole.model.clone()), "{what}, {last} of {events}");
        }
    }
}

#[test]
fn a_grade_that_was_left_out_is_not_tried_again() {
    let samples = sampled(&[1; 30]);
    // A linear target leaves nothing for the second grade; the third is not reached with grades left over.
    let linear: Vec<f64> = samples.inputs().chunks(2).map(|x| x[0]).collect();
    let samples = Samples::new(2, 1, samples.inputs().to_vec(), linear, None).unwrap();
    let grade = |width| GradeSettings {
        widths: vec![width],
        activations: Some(vec![Activation::Identity]),
        weight_decay: Some(0.1),
        ..GradeSettings::default()
    };
    let settings = |count| FitSettings { validation: 0.0, ..quick(Grades::List((1..=count).map(grade).collect())) };
    let (begun, whole) = (run(&samples, &settings(2)).model, run(&samples, &settings(4)).model);
    assert_eq!(go_on(&begun, &samples, &settings(4)).unwrap().model, whole);
}

#[test]
fn a_model_does_not_go_on_with_rows_it_was_not_fitted_on() {
    let (samples, others) = (sampled(&[1; 40]), sampled(&[1; 41]));
    // The same targets, so that no norm differs, but one input is another by the last bit.
    let mut moved = samples.inputs().to_vec();
    moved[7] = moved[7].next_up();
    let moved = Samples::new(2, 1, moved, samples.targets().to_vec(), None).unwrap();
    let wide = Samples::new(3, 1, numbers(1, 90), numbers(2, 30), None).unwrap();
    for refit in [true, false] {
        let settings = |count| FitSettings { refit: Some(refit), ..quick(Grades::Count(count)) };
        let model = run(&samples, &settings(1)).model;
        for rows in [&others, &wide, &moved] {
            assert_eq!(go_on(&model, rows, &settings(2)).unwrap_err(), FitError::OtherRows, "refit {refit}");
        }
    }
}
