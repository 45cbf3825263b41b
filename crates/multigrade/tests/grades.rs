//! Laws of the loop over grades: every solver on every problem of one table.

mod common;

use common::numbers;
use multigrade::convex::{ConvexSettings, Penalty};
use multigrade::{
    Activation, Descent, Event, FitSettings, Fitted, Flow, GradeSettings, Grades, InitKey, Precision, Predictor,
    ReadoutRule, Samples, Schedule, Solver, Stop, fit, silent, split,
};
use proptest::prelude::*;

/// Samples of `f` at points of the unit cube.
fn sampled(n: usize, d: usize, m: usize, weighted: bool, f: impl Fn(&[f64], usize) -> f64) -> Samples {
    let inputs = numbers(7, n * d);
    let targets = inputs.chunks(d).flat_map(|x| (0..m).map(|j| f(x, j)).collect::<Vec<_>>()).collect();
    let weights = weighted.then(|| numbers(8, n).iter().map(|u| 0.1 + 3.0 * u).collect());
    Samples::new(d, m, inputs, targets, weights).unwrap()
}

/// The shared table of problems.
fn problems() -> Vec<(&'static str, Samples)> {
    vec![
        ("a sine", sampled(80, 1, 1, false, |x, _| (9.0 * x[0]).sin())),
        ("a kink with weights", sampled(60, 2, 1, true, |x, _| (x[0] - x[1]).abs())),
        ("two outputs of different size", sampled(70, 2, 2, false, |x, j| [1e6 * x[0] * x[1], 1e-6 * x[0].exp()][j])),
        ("noise", sampled(50, 3, 1, true, |x, _| (1e5 * x[0] * x[2]).sin())),
        ("a large offset", sampled(60, 1, 1, false, |x, _| 1e9 + (5.0 * x[0]).cos())),
        ("fewer rows than columns", sampled(4, 6, 1, false, |x, _| x[0])),
        ("a jump", sampled(90, 1, 1, false, |x, _| f64::from(x[0] > 0.4))),
    ]
}

/// The shared table of solvers.
fn solvers() -> Vec<Solver> {
    let descent = |epochs, batch, rate, schedule| Descent { epochs, batch, rate, schedule, patience: None };
    vec![
        Solver::RandomFeatures,
        Solver::Lbfgs { iterations: 15 },
        Solver::LevenbergMarquardt { iterations: 5 },
        Solver::Adam(descent(4, Some(16), 1e-2, Schedule::Constant)),
        Solver::Adam(descent(4, None, 1e-2, Schedule::Exponential { to: 1e-4 })),
        Solver::GradientDescent(descent(4, Some(7), 1e-2, Schedule::Cosine { to: 0.0 })),
        // A rate so large that it diverges: the promise holds whatever the solver did.
        Solver::GradientDescent(descent(30, None, 1e3, Schedule::Constant)),
        Solver::Convex(ConvexSettings::default()),
        Solver::Convex(ConvexSettings { penalty: Penalty::OfLargest(0.1), ..ConvexSettings::default() }),
    ]
}

fn list(count: usize, widths: &[usize], activation: Activation) -> Grades {
    let grade = GradeSettings {
        widths: widths.to_vec(),
        activations: Some(vec![activation; widths.len()]),
        weight_decay: Some(1e-6),
        branches: Some(2),
        solver: None,
    };
    Grades::List(vec![grade; count])
}

fn run(samples: &Samples, settings: FitSettings) -> Fitted {
    fit(samples, None, &settings.validate().unwrap(), &mut silent()).unwrap()
}

/// `1/m sum_i w_i |(y_i - f_k(x_i)) / scale|²` by the reference evaluation.
fn reference_loss(fitted: &Fitted, samples: &Samples, k: usize) -> f64 {
    let scale = fitted.model.output_scaling().scale();
    let total: f64 = samples.weights().iter().sum();
    let row = |i: usize| {
        let value = fitted.model.eval_reference(samples.inputs_of(i), k).unwrap();
        let errors = value.iter().zip(samples.targets_of(i)).zip(scale).map(|((f, y), s)| ((y - f) / s).powi(2));
        samples.weights()[i] / total * errors.sum::<f64>() / samples.n_targets() as f64
    };
    (0..samples.rows()).map(row).sum()
}

/// Checks the promise on the recorded losses and, independently, on the losses of the finished model.
fn assert_falls(fitted: &Fitted, samples: &Samples, what: &str) {
    let records = &fitted.model.history().grades;
    assert_eq!(records.len(), fitted.model.grades().len() + 1, "{what}");
    for pair in records.windows(2) {
        assert_eq!(pair[1].loss_before, pair[0].loss_after, "{what}");
        assert!(pair[1].loss_after < pair[1].loss_before, "{what}: {pair:?}");
    }
    let losses: Vec<f64> = (0..records.len()).map(|k| reference_loss(fitted, samples, k)).collect();
    for (k, loss) in losses.iter().enumerate() {
        // An output of size 1e9 is rounded to 1e-7 of its spread by the reference evaluation.
        let offset = fitted.model.output_scaling().center().iter().zip(fitted.model.output_scaling().scale());
        let rounding = offset.map(|(c, s)| 1e-14 * (c / s).abs()).fold(1e-12, f64::max);
        assert!((loss.sqrt() - records[k].loss_after.sqrt()).abs() <= rounding, "{what}: {loss} {records:?}");
    }
}

#[test]
fn the_training_loss_falls_at_every_grade_of_every_solver_on_every_problem() {
    for (name, samples) in problems() {
        for solver in solvers() {
            for activation in [Activation::Relu, Activation::Tanh, Activation::Sin, Activation::Square] {
                // Convex grades have no widths and no activation but ReLU.
                let grades = match solver.is_convex() {
                    true if activation != Activation::Relu => continue,
                    true => Grades::Count(3),
                    false => list(3, &[5, 4], activation),
                };
                let settings =
                    FitSettings { grades, solver: Some(solver.clone()), validation: 0.0, ..FitSettings::default() };
                assert_falls(&run(&samples, settings), &samples, &format!("{name}, {solver}, {activation}"));
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]
    #[test]
    fn the_training_loss_falls_whatever_the_stacks_weights_and_data(
        rows in prop::collection::vec((prop::array::uniform3(-1e3..1e3f64), 0.01..10.0f64), 1..40),
        widths in prop::collection::vec(1usize..9, 1..4),
        activation in prop::sample::select(Activation::ALL.to_vec()),
        (seed, branches, decay) in (any::<u64>(), 1usize..4, prop_oneof![Just(0.0), 1e-9..1e-1f64]),
        (rescale, carry, standardise, f32) in any::<(bool, bool, bool, bool)>(),
        duplicate: bool,
    ) {
        let mut rows = rows;
        if duplicate { rows.push(rows[0]); }
        let inputs = rows.iter().flat_map(|(r, _)| [r[0], r[1]]).collect();
        let samples = Samples::new(2, 1, inputs, rows.iter().map(|(r, _)| r[2]).collect(), Some(rows.iter().map(|r| r.1).collect())).unwrap();
        let grade = GradeSettings { activations: Some(vec![activation; widths.len()]), widths, weight_decay: Some(decay), branches: Some(branches), solver: None };
        let solver = if f32 {
            Solver::Adam(Descent { epochs: 3, batch: Some(8), ..Descent::default() })
        } else {
            Solver::Lbfgs { iterations: 5 }
        };
        let precision = if f32 { Precision::F32 } else { Precision::F64 };
        let settings = FitSettings {
            grades: Grades::List(vec![grade; 3]), solver: Some(solver), rescale, carry_inputs: carry,
            standardise_features: standardise, precision, seed, validation: 0.0, ..FitSettings::default()
        };
        let fitted = run(&samples, settings);
        for pair in fitted.model.history().grades.windows(2) {
            prop_assert!(pair[1].loss_after < pair[1].loss_before && pair[1].loss_before == pair[0].loss_after);
        }
    }
}

#[test]
fn the_model_is_the_same_to_the_byte_for_one_two_and_four_threads_and_on_every_run() {
    let samples = sampled(700, 3, 2, true, |x, j| (4.0 * x[0] + j as f64).sin() * x[1] + x[2].abs());
    let adam = Descent { epochs: 3, batch: Some(64), ..Descent::default() };
    let automatic = FitSettings {
        grades: Grades::Auto { at_most: 2 },
        solver: Some(Solver::Lbfgs { iterations: 12 }),
        ..FitSettings::default()
    };
    let stochastic = FitSettings {
        grades: list(2, &[17, 13], Activation::Relu),
        solver: Some(Solver::Adam(adam)),
        precision: Precision::F32,
        refit: Some(true),
        ..FitSettings::default()
    };
    for settings in [automatic, stochastic] {
        let bytes = |threads: usize| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            let model = pool.install(|| run(&samples, settings.clone())).model;
            let values = pool.install(|| Predictor::new(&model, Precision::F64).predict(samples.inputs()).unwrap());
            (model.to_bytes(), values)
        };
        let one = bytes(1);
        for threads in [1, 2, 4] {
            assert!(bytes(threads) == one, "{threads} threads");
        }
        let other = run(&samples, FitSettings { seed: 9, ..settings.clone() }).model.to_bytes();
        assert!(other != one.0, "another seed gives another model");
    }
}

#[test]
fn automatic_mode_keeps_only_grades_that_help_on_held_out_rows() {
    let samples = sampled(150, 1, 1, false, |x, _| (12.0 * x[0]).sin());
    let settings =
        FitSettings { solver: Some(Solver::Lbfgs { iterations: 60 }), refit: Some(false), ..FitSettings::default() };
    let fitted = run(&samples, settings);
    let records = &fitted.model.history().grades;
    assert!(fitted.model.grades().len() < 8, "stops by itself: {:?}", fitted.stop);
    assert_eq!(fitted.stop, Stop::NoImprovement);
    let held: Vec<f64> = records.iter().map(|r| r.validation.as_ref().unwrap()[0].l2).collect();
    assert!(held.len() > 1 && held.windows(2).all(|pair| pair[1] < pair[0]), "{held:?}");
}

#[test]
fn held_out_predictions_are_those_of_the_model_without_these_rows() {
    let samples = sampled(90, 1, 2, false, |x, j| 1e3 * (5.0 * x[0] + j as f64).sin());
    let settings =
        FitSettings { grades: list(2, &[6], Activation::Tanh), refit: Some(false), ..FitSettings::default() };
    let fitted = run(&samples, settings);
    let held = samples.select(&fitted.held_out);
    assert_eq!(fitted.held_out, split(&samples, 0.2, 0).held_out);
    let predicted = Predictor::new(&fitted.model, Precision::F64).predict(held.inputs()).unwrap();
    for (a, b) in predicted.iter().zip(&fitted.held_out_predictions) {
        assert!((a - b).abs() <= 1e-9, "{a} {b}");
    }
    let refitted = run(
        &samples,
        FitSettings { refit: Some(true), grades: list(2, &[6], Activation::Tanh), ..FitSettings::default() },
    );
    assert_eq!(refitted.held_out_predictions, fitted.held_out_predictions);
    assert_eq!(refitted.model.history().train_rows, 90);
    assert!(refitted.model.history().refit && refitted.model.history().validation_rows == 18);
}

#[test]
fn a_single_grade_has_the_same_depth_and_as_many_updates_as_the_grades_together() {
    let samples = sampled(64, 1, 1, false, |x, _| (7.0 * x[0]).sin());
    let descent = Descent { epochs: 5, batch: Some(16), ..Descent::default() };
    let settings = FitSettings {
        grades: list(3, &[6, 5], Activation::Relu),
        solver: Some(Solver::Adam(descent)),
        validation: 0.0,
        ..FitSettings::default()
    };
    let many = run(&samples, settings.clone());
    let one = run(&samples, FitSettings { single_grade: true, ..settings });
    assert_eq!(one.model.grades().len(), 1);
    assert_eq!(one.model.grades()[0].describe(), "2 x relu 6-5-6-5-6-5");
    let updates = |fitted: &Fitted| fitted.model.history().grades.iter().map(|r| r.updates).sum::<u64>();
    assert_eq!(updates(&one), updates(&many));
    assert_eq!(updates(&one), 2 * 3 * 5 * 4);
}

#[test]
fn with_the_same_key_every_grade_starts_from_the_same_weights() {
    let samples = sampled(40, 3, 1, false, |x, _| x[0] * x[1] + x[2].sin());
    let first_weights = |init_key| {
        let settings = FitSettings {
            grades: list(2, &[3], Activation::Sin),
            solver: Some(Solver::RandomFeatures),
            carry_inputs: false,
            standardise_features: false,
            init_key,
            validation: 0.0,
            ..FitSettings::default()
        };
        let grades = run(&samples, settings).model.grades().to_vec();
        // Two branches of three features feed the second grade, so its rows are longer; the first numbers drawn agree.
        let numbers = |k: usize| grades[k].branches()[0][0].weights().values()[0] * (grades[k].inputs() as f64).sqrt();
        (numbers(0), numbers(1))
    };
    let (a, b) = first_weights(InitKey::Same);
    assert!((a - b).abs() < 1e-14 && a != 0.0);
    let (a, b) = first_weights(InitKey::PerGrade);
    assert!((a - b).abs() > 1e-6);
}

#[test]
fn the_readout_as_trained_is_what_the_solver_left() {
    let samples = sampled(40, 1, 1, false, |x, _| (9.0 * x[0]).sin());
    let mut settings = FitSettings {
        grades: list(2, &[5], Activation::Relu),
        readout: ReadoutRule::AsTrained,
        rescale: false,
        solver: Some(Solver::GradientDescent(Descent { epochs: 1, batch: None, rate: 1e-12, ..Descent::default() })),
        validation: 0.0,
        ..FitSettings::default()
    };
    let left = run(&samples, settings.clone());
    // Random weights that hardly moved make the fit worse: this rule promises nothing.
    let records = &left.model.history().grades;
    assert!(records[1].loss_after > 1e-3 && records[1].readout == "as trained");
    settings.readout = ReadoutRule::LeastSquares;
    let solved = run(&samples, settings);
    assert_eq!(
        left.model.grades()[0].branches()[0][0].weights(),
        solved.model.grades()[0].branches()[0][0].weights(),
        "the rule changes the readout alone"
    );
    assert!(solved.model.history().grades[1].loss_after < records[1].loss_after);
}

#[test]
fn weights_of_two_fit_like_rows_that_stand_twice() {
    let once = sampled(40, 1, 1, false, |x, _| (6.0 * x[0]).sin());
    let weights: Vec<f64> = (0..40).map(|i| if i % 3 == 0 { 2.0 } else { 1.0 }).collect();
    let rows: Vec<usize> = (0..40).flat_map(|i| vec![i; weights[i] as usize]).collect();
    let weighted = Samples::new(1, 1, once.inputs().to_vec(), once.targets().to_vec(), Some(weights)).unwrap();
    let settings = FitSettings {
        grades: list(2, &[8], Activation::Tanh),
        solver: Some(Solver::RandomFeatures),
        ..FitSettings::default()
    };
    let (a, b) = (run(&weighted, settings.clone()), run(&once.select(&rows), settings));
    let x = numbers(3, 20);
    let values = |f: &Fitted| Predictor::new(&f.model, Precision::F64).predict(&x).unwrap();
    for (u, v) in values(&a).iter().zip(values(&b)) {
        assert!((u - v).abs() < 1e-6, "{u} {v}");
    }
}

#[test]
fn an_interrupted_fit_keeps_the_grades_done_so_far() {
    let samples = sampled(60, 1, 1, false, |x, _| (20.0 * x[0]).sin());
    let settings =
        FitSettings { grades: list(4, &[6], Activation::Tanh), ..FitSettings::default() }.validate().unwrap();
    let mut finished = 0;
    let mut stop_after_two = |event: &Event| {
        finished += usize::from(matches!(event, Event::GradeFinished { .. }));
        if finished >= 2 { Flow::Stop } else { Flow::Continue }
    };
    let fitted = fit(&samples, None, &settings, &mut stop_after_two).unwrap();
    assert_eq!((fitted.stop, fitted.model.grades().len()), (Stop::Interrupted, 2));
    assert!(fitted.stop.is_cut() && !fitted.model.history().refit);
    let fitted = fit(&samples, None, &settings, &mut |_: &Event| Flow::Stop).unwrap();
    assert_eq!(fitted.stop, Stop::Interrupted);
    assert!(fitted.model.eval_reference(&[0.5], fitted.model.grades().len()).unwrap()[0].is_finite());
}

#[test]
fn a_time_limit_that_bites_is_recorded() {
    let samples = sampled(60, 1, 1, false, |x, _| (20.0 * x[0]).sin());
    let fitted = run(&samples, FitSettings { time_limit: Some(1e-9), ..FitSettings::default() });
    assert_eq!(fitted.stop, Stop::Time);
    assert!(fitted.model.history().stop.contains("time limit"));
}

#[test]
fn targets_that_need_no_grade_get_none() {
    let constant = sampled(30, 2, 1, false, |_, _| 0.1);
    let fitted = run(&constant, FitSettings::default());
    assert_eq!((fitted.model.grades().len(), fitted.stop), (0, Stop::Trivial));
    assert_eq!(fitted.model.eval_reference(&[0.3, 0.4], 0).unwrap(), [0.1]);
    let one = Samples::new(1, 1, vec![2.0], vec![5.0], None).unwrap();
    assert_eq!(run(&one, FitSettings::default()).model.eval_reference(&[9.0], 0).unwrap(), [5.0]);
}

/// Root mean square error against noise-free targets on new points.
fn error_on_new_points(fitted: &Fitted, d: usize, f: impl Fn(&[f64]) -> f64) -> f64 {
    let points = numbers(99, 2000 * d);
    let predicted = Predictor::new(&fitted.model, Precision::F64).predict(&points).unwrap();
    let square = |(x, p): (&[f64], &f64)| (f(x) - p).powi(2);
    (points.chunks(d).zip(&predicted).map(square).sum::<f64>() / 2000.0).sqrt()
}

#[test]
fn a_refit_ends_where_held_out_rows_said_it_should() {
    // So little decay that training to the end fits the noise.
    let f = |x: &[f64]| (3.0 * x[0]).sin() + x[1];
    let samples = sampled(160, 2, 1, false, |x, _| f(x) + 1.5 * (numbers(x[0].to_bits(), 1)[0] - 0.5));
    let settings = FitSettings {
        grades: Grades::List(vec![GradeSettings { widths: vec![32, 32], ..GradeSettings::default() }]),
        activation: Some(Activation::Tanh),
        weight_decay: Some(1e-7),
        ..FitSettings::default()
    };
    let error = |refit, validation| {
        let settings = FitSettings { refit: Some(refit), validation, ..settings.clone() };
        error_on_new_points(&run(&samples, settings), 2, f)
    };
    let (without, with, to_the_end) = (error(false, 0.2), error(true, 0.2), error(false, 0.0));
    assert!(to_the_end > 2.0 * without, "the example would overfit: {to_the_end} {without}");
    assert!(with < 1.3 * without, "{with} {without}");
}

#[test]
fn the_readout_of_many_features_on_few_rows_is_chosen_on_held_out_rows() {
    let f = |x: &[f64]| x[0] * x[1];
    let samples = sampled(120, 2, 1, false, |x, _| f(x) + 0.4 * (numbers(x[0].to_bits(), 1)[0] - 0.5));
    let settings = FitSettings {
        grades: Grades::List(vec![GradeSettings { widths: vec![200], ..GradeSettings::default() }]),
        activation: Some(Activation::Relu),
        weight_decay: Some(0.0),
        solver: Some(Solver::RandomFeatures),
        ..FitSettings::default()
    };
    let chosen = error_on_new_points(&run(&samples, settings.clone()), 2, f);
    let interpolating = error_on_new_points(&run(&samples, FitSettings { validation: 0.0, ..settings }), 2, f);
    assert!(chosen < 0.2 && interpolating > 2.0 * chosen, "{chosen} {interpolating}");
}

#[test]
fn a_held_out_row_beyond_all_bounds_is_refused_and_named() {
    let samples = sampled(30, 1, 1, false, |x, _| x[0]);
    let held = Samples::new(1, 1, vec![0.5, 1e300], vec![0.5, 0.5], None).unwrap();
    let settings = FitSettings::default().validate().unwrap();
    let error = fit(&samples, Some(&held), &settings, &mut silent()).unwrap_err().to_string();
    assert!(error.contains("held-out row 2, input 1"), "{error}");
}

#[test]
fn a_column_that_varies_by_rounding_alone_counts_as_constant() {
    let base = numbers(7, 80);
    let inputs: Vec<f64> = base.iter().enumerate().flat_map(|(i, &x)| [x, [0.3, 0.1 * 3.0][i % 2]]).collect();
    let samples = Samples::new(2, 1, inputs, base.iter().map(|x| (5.0 * x).sin()).collect(), None).unwrap();
    let fitted = run(&samples, FitSettings { grades: list(2, &[8], Activation::Tanh), ..FitSettings::default() });
    let at = |k: f64| fitted.model.eval_reference(&[0.5, k], 2).unwrap()[0];
    assert!((at(0.3) - at(0.300_000_1)).abs() < 1e-3, "{} {}", at(0.3), at(0.300_000_1));
}

#[test]
fn huge_weights_mean_what_their_ratios_say() {
    let plain = sampled(40, 1, 1, false, |x, _| x[0].exp());
    let heavy = Samples::new(1, 1, plain.inputs().to_vec(), plain.targets().to_vec(), Some(vec![1e308; 40])).unwrap();
    let settings = FitSettings { grades: list(1, &[4], Activation::Tanh), ..FitSettings::default() };
    assert_eq!(run(&heavy, settings.clone()).model.to_bytes(), run(&plain, settings).model.to_bytes());
}

#[test]
fn settings_beyond_all_bounds_are_errors_and_not_crashes() {
    let samples = sampled(20, 1, 1, false, |x, _| x[0].sin());
    let grade = |widths: Vec<usize>| Grades::List(vec![GradeSettings { widths, ..GradeSettings::default() }]);
    for grades in [Grades::Count(usize::MAX), Grades::Auto { at_most: 1 << 40 }, grade(vec![usize::MAX; 2])] {
        assert!(FitSettings { grades, ..FitSettings::default() }.validate().is_err());
    }
    let wide = FitSettings { grades: grade(vec![60_000, 60_000]), ..FitSettings::default() }.validate().unwrap();
    let error = fit(&samples, None, &wide, &mut silent()).unwrap_err().to_string();
    assert!(error.contains("smaller widths"), "{error}");
    let long =
        FitSettings { time_limit: Some(1e20), grades: list(1, &[3], Activation::Relu), ..FitSettings::default() };
    assert_eq!(run(&samples, long).stop, Stop::Complete);
}

#[test]
fn a_fit_without_any_useful_grade_says_so_and_is_the_mean_of_all_rows() {
    // Every input is the same, so no feature can tell the rows apart.
    let samples = Samples::new(1, 1, vec![1.0; 4], vec![1.0, 2.0, 3.0, 6.0], None).unwrap();
    for grades in [Grades::Count(3), list(2, &[3], Activation::Tanh), Grades::Auto { at_most: 2 }] {
        let fitted = run(&samples, FitSettings { grades, ..FitSettings::default() });
        assert_eq!((fitted.model.grades().len(), fitted.stop), (0, Stop::Trivial));
        assert_eq!(fitted.model.eval_reference(&[1.0], 0).unwrap(), [3.0]);
    }
}

#[test]
fn names_that_do_not_fit_are_refused_before_the_work() {
    let samples = sampled(20, 2, 1, false, |x, _| x[0]);
    let names = |names: &[&str]| names.iter().map(ToString::to_string).collect::<Vec<_>>();
    let settings = FitSettings::default().validate().unwrap();
    for inputs in [names(&["a", "a"]), names(&["a"]), names(&["a", ""])] {
        let mut events = 0;
        let mut count = |_: &Event| {
            events += 1;
            Flow::Continue
        };
        assert!(multigrade::fit_named(&samples, None, &inputs, &names(&["y"]), &settings, &mut count).is_err());
        assert_eq!(events, 0);
    }
}

#[test]
fn an_offset_of_a_thousand_million_costs_no_digits_of_the_fit() {
    let plain = sampled(80, 1, 1, false, |x, _| (5.0 * x[0]).cos());
    let targets = plain.targets().iter().map(|y| 1e9 + y).collect();
    let offset = Samples::new(1, 1, plain.inputs().to_vec(), targets, None).unwrap();
    // Random features: training the hidden layers would amplify the last bits of the targets.
    let solver = Some(Solver::RandomFeatures);
    let settings = FitSettings { grades: list(2, &[8], Activation::Tanh), solver, ..FitSettings::default() };
    let error = |samples: &Samples| run(samples, settings.clone()).model.history().grades.last().unwrap().train[0].l2;
    // Half an ulp of 1e9 is 6e-8.
    assert!((error(&offset) - error(&plain)).abs() < 1e-6, "{} {}", error(&offset), error(&plain));
}

#[test]
fn constant_and_equal_columns_change_nothing_but_the_count_of_columns() {
    let samples = sampled(50, 1, 1, false, |x, _| (5.0 * x[0]).cos());
    let inputs = samples.inputs().iter().flat_map(|&x| [x, 7.0, x, 1e300]).collect();
    let wide = Samples::new(4, 1, inputs, samples.targets().to_vec(), None).unwrap();
    let fitted = run(&wide, FitSettings { grades: list(2, &[8], Activation::Tanh), ..FitSettings::default() });
    assert!(fitted.model.history().grades.last().unwrap().train[0].l2 < 0.05);
}
