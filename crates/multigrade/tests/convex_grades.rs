//! Laws of convex grades inside the loop over grades: what is proved stays with the model and can be checked.

mod common;

use common::numbers;
use multigrade::convex::dense::{DensePenalty, DenseSettings};
use multigrade::convex::{self, Choice, ConvexSettings, Penalty};
use multigrade::report::{About, ReportData, ReportRows};
use multigrade::{
    Activation, Event, FitSettings, Fitted, Flow, GradeSettings, Grades, Multigrade, NeuronClass, Precision, Predictor,
    ProofError, ProofStatus, ReadoutRule, Samples, Solver, Stop, fit, silent, verify_proofs,
};
use proptest::prelude::*;

/// `n` rows of a noisy wave in one input, `m` outputs of different size.
fn waves(n: usize, m: usize) -> Samples {
    let (x, noise) = (numbers(3, n), numbers(4, n * m));
    let y = |k: usize| 10f64.powi(3 * (k % m) as i32) * ((8.0 + (k % m) as f64) * x[k / m]).sin() + 0.3 * noise[k];
    Samples::new(1, m, x.iter().map(|x| 50.0 + 7.0 * x).collect(), (0..n * m).map(y).collect(), None).unwrap()
}

fn convex(penalty: Penalty) -> FitSettings {
    let solver = Some(Solver::Convex(ConvexSettings { penalty, ..ConvexSettings::default() }));
    FitSettings { solver, ..FitSettings::default() }
}

fn automatic() -> FitSettings {
    convex(ConvexSettings::default().penalty)
}

fn run(samples: &Samples, settings: FitSettings) -> Fitted {
    fit(samples, None, &settings.validate().unwrap(), &mut silent()).unwrap()
}

#[test]
fn a_saved_proof_is_the_proof_bit_for_bit_and_holds_for_the_rows_of_the_fit_and_no_others() {
    for (m, validation) in [(1, 0.2), (2, 0.2), (1, 0.0)] {
        for refit in [true, false] {
            let samples = waves(90, m);
            let fitted = run(&samples, FitSettings { validation, refit: Some(refit), ..automatic() });
            let model = Multigrade::from_bytes("m", &fitted.model.to_bytes()).unwrap();
            assert_eq!(model, fitted.model);
            assert_eq!(verify_proofs(&model, &samples), [(1, Ok(()))]);
            let (_, claim) = model.proofs().next().unwrap();
            assert_eq!(claim.proof.status, ProofStatus::Proved);
            assert!(claim.proof.rel_gap.unwrap() <= 1e-9 && claim.proof.neurons > 2, "{claim:?}");

            let mut targets = samples.targets().to_vec();
            targets[3] += 1e-3;
            let other = Samples::new(1, m, samples.inputs().to_vec(), targets, None).unwrap();
            let held_out = !refit && fitted.held_out.contains(&(3 / m));
            assert_eq!(verify_proofs(&model, &other)[0].1.is_ok(), held_out, "{m} {validation} {refit}");
        }
    }
}

#[test]
fn a_proof_that_was_altered_in_the_file_does_not_hold() {
    let samples = waves(60, 1);
    let model = run(&samples, automatic()).model;
    let claim = |change: fn(&mut multigrade::GradeProof)| {
        let mut history = model.history().clone();
        change(history.grades[1].proof.as_mut().unwrap());
        let (schema, settings) = (model.schema().clone(), model.settings().clone());
        let scalings = (model.input_scaling().clone(), model.output_scaling().clone());
        let altered =
            Multigrade::new(schema, scalings.0, scalings.1, model.grades().to_vec(), history, settings).unwrap();
        verify_proofs(&altered, &samples).remove(0).1
    };
    assert_eq!(claim(|_| {}), Ok(()));
    assert!(matches!(claim(|c| c.proof.primal *= 0.99), Err(ProofError::Differs { .. })));
    assert!(matches!(claim(|c| c.proof.penalty *= 1.1), Err(ProofError::Differs { .. })));
    assert!(matches!(claim(|c| c.proof.dual_point[5] *= -1.0), Err(ProofError::Differs { .. })));
    assert!(matches!(claim(|c| c.scale[0] = 3.0), Err(ProofError::Candidate { .. })));
    assert!(claim(|c| c.scale.clear()).is_err());
}

#[test]
fn on_one_input_one_grade_is_enough_and_the_fit_says_that_this_is_proved() {
    let samples = waves(120, 1);
    for settings in
        [automatic(), FitSettings { grades: Grades::Count(5), ..automatic() }, convex(Penalty::Absolute(0.01))]
    {
        let fitted = run(&samples, settings);
        assert_eq!((fitted.stop, fitted.model.grades().len()), (Stop::Exhausted, 1));
        let notes = &fitted.model.history().notes;
        assert!(notes.iter().any(|note| note.text.contains("one grade is the right model for one input")), "{notes:?}");
        assert!(!fitted.stop.is_cut() && fitted.model.history().stop.contains("proved"));
    }
}

#[test]
fn the_grade_is_the_optimal_fit_of_the_rows_whatever_their_units() {
    let samples = waves(150, 1);
    let share = Penalty::OfLargest(0.01);
    let fitted = run(&samples, FitSettings { validation: 0.0, ..convex(share.clone()) });
    let direct =
        convex::fit(&samples, &ConvexSettings { penalty: share, ..ConvexSettings::default() }.validate().unwrap())
            .unwrap();
    let x: Vec<f64> = (0..40).map(|i| 49.0 + 0.25 * f64::from(i)).collect();
    let values = Predictor::new(&fitted.model, Precision::F64).predict(&x).unwrap();
    for (a, b) in values.iter().zip(direct.predict(&x)) {
        assert!((a - b).abs() <= 1e-7 * (1.0 + b.abs()), "{a} {b}");
    }
}

#[test]
fn the_model_is_the_same_to_the_byte_for_any_number_of_threads_and_for_rows_that_stand_twice() {
    let samples = waves(200, 2);
    let bytes = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| run(&samples, automatic())).model.to_bytes()
    };
    let one = bytes(1);
    for threads in [1, 2, 4] {
        assert!(bytes(threads) == one, "{threads} threads");
    }
}

#[test]
fn an_interrupted_or_timed_out_convex_fit_is_an_outcome() {
    let samples = waves(80, 1);
    let settings = automatic().validate().unwrap();
    let fitted = fit(&samples, None, &settings, &mut |_: &Event| Flow::Stop).unwrap();
    assert_eq!(fitted.stop, Stop::Interrupted);
    let late = run(&samples, FitSettings { time_limit: Some(1e-9), ..automatic() });
    assert_eq!(late.stop, Stop::Time);
    for model in [fitted.model, late.model] {
        assert!(model.eval_reference(&[51.0], model.grades().len()).unwrap()[0].is_finite());
        assert!(verify_proofs(&model, &samples).iter().all(|(_, proof)| proof.is_ok()));
    }
}

/// A composite target in three inputs.
fn composite(n: usize) -> Samples {
    let (x, noise) = (numbers(5, 3 * n), numbers(6, n));
    let y = |i: usize| {
        let (a, b, c) = (x[3 * i], x[3 * i + 1], x[3 * i + 2]);
        ((3.0 * a - 2.0 * b).abs() - 0.8).abs() + c * c + 0.05 * noise[i]
    };
    Samples::new(3, 1, x.clone(), (0..n).map(y).collect(), None).unwrap()
}

#[test]
fn a_convex_grade_reads_the_features_of_any_grade_and_its_proof_holds_there() {
    let samples = composite(160);
    let trained = Solver::Lbfgs { iterations: 20 };
    let convex = automatic().solver.unwrap();
    for (first, then) in [(convex.clone(), convex.clone()), (trained.clone(), convex.clone()), (convex, trained)] {
        for activation in [Activation::Tanh, Activation::Relu] {
            let settings = FitSettings {
                grades: Grades::Count(2),
                first_solvers: vec![first.clone()],
                solver: Some(then.clone()),
                activation: (!first.is_convex() || !then.is_convex()).then_some(activation),
                branches: (!first.is_convex() || !then.is_convex()).then_some(2),
                ..FitSettings::default()
            };
            let fitted = run(&samples, settings);
            let model = Multigrade::from_bytes("m", &fitted.model.to_bytes()).unwrap();
            let proofs: Vec<usize> = model.proofs().map(|(grade, _)| grade).collect();
            let expected = [(1, &first), (2, &then)].into_iter().filter(|(_, solver)| solver.is_convex());
            assert_eq!(
                proofs,
                expected.map(|(grade, _)| grade).collect::<Vec<_>>(),
                "{first}, {then}: {:?}",
                fitted.stop
            );
            for (grade, proof) in verify_proofs(&model, &samples) {
                assert_eq!(proof, Ok(()), "{first}, {then}: grade {grade}");
            }
            // Grades after a convex one have something to gain here, and the proof says that they may.
            if let [_, (2, claim)] = model.proofs().collect::<Vec<_>>()[..] {
                assert!(claim.head_room.unwrap() > 1.0, "{claim:?}");
            }
        }
    }
}

#[test]
fn a_dense_convex_grade_keeps_a_proof_that_names_its_class_and_holds() {
    let x = numbers(9, 2 * 70);
    let y = x.chunks(2).map(|x| (x[0] + x[1] - 1.0).abs()).collect();
    let samples = Samples::new(2, 1, x, y, None).unwrap();
    let given = DenseSettings { penalty: DensePenalty::OfLargest(0.05), ..DenseSettings::default() };
    for (settings, choose_penalty) in [(given, false), (DenseSettings::default(), true)] {
        let solver = Some(Solver::ConvexDense { settings, choose_penalty });
        let fitted = run(&samples, FitSettings { solver, grades: Grades::Count(1), ..FitSettings::default() });
        let model = Multigrade::from_bytes("m", &fitted.model.to_bytes()).unwrap();
        assert_eq!(verify_proofs(&model, &samples), [(1, Ok(()))]);
        let claim = model.proofs().next().unwrap().1;
        assert!(matches!(claim.proof.class, NeuronClass::Dense { .. }) && claim.proof.status == ProofStatus::Proved);
        // A fold along a diagonal is one neuron, which no sum of functions of one input can be.
        assert!(fitted.model.history().grades[1].train[0].l2 < 0.05);
    }
}

#[test]
fn a_grade_whose_penalty_is_too_large_for_its_features_is_not_tried() {
    let samples = composite(120);
    let one =
        run(&samples, FitSettings { validation: 0.0, grades: Grades::Count(1), ..convex(Penalty::OfLargest(0.02)) });
    let first = one.model.proofs().next().unwrap().1.proof.penalty;
    // A second grade under a penalty that nothing on its features can pay.
    let solver = |penalty: f64| {
        Solver::Convex(ConvexSettings { penalty: Penalty::Absolute(penalty), ..ConvexSettings::default() })
    };
    let settings = |then: f64| FitSettings {
        validation: 0.0,
        grades: Grades::Count(2),
        first_solvers: vec![solver(first)],
        solver: Some(solver(then)),
        ..FitSettings::default()
    };
    let useless = run(&samples, settings(1e6));
    assert_eq!((useless.stop, useless.model.grades().len()), (Stop::Exhausted, 1));
    assert!(useless.model.history().notes[0].text.contains("grade 2 would have no neurons"));
    assert_eq!(useless.model.grades(), one.model.grades());
    assert_eq!(run(&samples, settings(0.1 * first)).model.grades().len(), 2);
}

#[test]
fn settings_that_convex_grades_cannot_follow_are_refused_by_name() {
    let refused = |settings: FitSettings, words: &str| {
        let error = settings.validate().unwrap_err().to_string();
        assert!(error.contains(words), "{error}");
    };
    refused(FitSettings { activation: Some(Activation::Tanh), ..automatic() }, "activation: found tanh, expected relu");
    refused(FitSettings { weight_decay: Some(0.1), ..automatic() }, "weight decay: found 0.1, expected none");
    refused(FitSettings { branches: Some(3), ..automatic() }, "branches: found 3, expected 1");
    refused(FitSettings { precision: Precision::F32, ..automatic() }, "precision: found f32, expected f64");
    refused(FitSettings { carry_inputs: false, ..automatic() }, "carry inputs: found no");
    refused(FitSettings { readout: ReadoutRule::AsTrained, ..automatic() }, "readout: found as trained");
    let listed = Grades::List(vec![GradeSettings { widths: vec![8], ..GradeSettings::default() }]);
    refused(FitSettings { grades: listed.clone(), ..automatic() }, "grade 1: widths: found 8, expected none");
    refused(convex(Penalty::Absolute(-1.0)), "penalty: found -1, expected a number of at least 0");
    refused(convex(Penalty::Absolute(f64::NAN)), "penalty: found NaN");
    let noise = |noise| Penalty::Path { points: 9, min_ratio: 1e-3, choice: Choice::Discrepancy { noise } };
    refused(convex(noise(0.0)), "noise: found 0, expected a positive standard deviation");

    // What the other grades can follow is allowed beside a convex one.
    let mixed = FitSettings { first_solvers: vec![automatic().solver.unwrap()], solver: None, ..automatic() };
    for settings in [
        FitSettings { activation: Some(Activation::Tanh), ..mixed.clone() },
        FitSettings { weight_decay: Some(0.1), branches: Some(3), ..mixed.clone() },
        FitSettings { activation: Some(Activation::Relu), ..automatic() },
    ] {
        assert!(settings.validate().is_ok());
    }
    refused(FitSettings { grades: Grades::Count(1), weight_decay: Some(0.1), ..mixed }, "weight decay");
}

#[test]
fn few_equal_and_constant_rows_give_the_linear_or_constant_model() {
    let table: [(&[f64], &[f64], usize); 7] = [
        (&[2.0], &[5.0], 0),
        (&[1.0, 2.0], &[5.0, 7.0], 1),
        (&[1.0, 1.0, 1.0, 1.0], &[1.0, 2.0, 3.0, 6.0], 0),
        (&[1.0, 2.0, 1.0, 2.0, 2.0], &[1.0, 4.0, 3.0, 5.0, 9.0], 1),
        (&[0.0, 1.0, 2.0, 3.0], &[7.0, 7.0, 7.0, 7.0], 0),
        (&[0.0, 1.0, 2.0, 3.0], &[1.0, 3.0, 5.0, 7.0], 1),
        (&[0.0, 1e-300, 1.0], &[0.0, 1.0, 2.0], 1),
    ];
    for (x, y, grades) in table {
        let samples = Samples::new(1, 1, x.to_vec(), y.to_vec(), None).unwrap();
        let fitted = run(&samples, FitSettings { validation: 0.0, ..automatic() });
        assert_eq!(fitted.model.grades().len(), grades, "{x:?} {y:?} {:?}", fitted.stop);
        assert!(verify_proofs(&fitted.model, &samples).iter().all(|(_, proof)| proof.is_ok()), "{x:?} {y:?}");
        for value in Predictor::new(&fitted.model, Precision::F64).predict(x).unwrap() {
            assert!(value.is_finite());
        }
    }
    let none = Penalty::Path { points: 9, min_ratio: 1e-3, choice: Choice::Neurons(0) };
    let linear = run(&waves(50, 1), FitSettings { validation: 0.0, ..convex(none) }).model;
    assert_eq!(
        (linear.history().grades[1].hidden.as_str(), linear.proofs().next().unwrap().1.proof.neurons),
        ("linear", 0)
    );
}

#[test]
fn what_the_report_draws_is_the_model() {
    let samples = waves(130, 2);
    let fitted = run(&samples, FitSettings { validation: 0.0, ..automatic() });
    let rows = ReportRows { train: &samples, held_out: None, held_out_predictions: None };
    let data = ReportData::measure(&fitted.model, &rows, &About::default()).unwrap();
    let convex = data.grades[1].convex.as_ref().unwrap();
    assert_eq!(convex.hinges.len(), convex.neurons);
    let curve = &convex.curves[0];
    assert_eq!(curve.is_kink.iter().filter(|is_kink| **is_kink).count(), convex.neurons);
    let predicted = Predictor::new(&fitted.model, Precision::F64).predict(&curve.x).unwrap();
    for (o, values) in curve.values.iter().enumerate() {
        for (k, value) in values.iter().enumerate() {
            let scale = fitted.model.output_scaling().scale()[o];
            assert!((predicted[2 * k + o] - value).abs() <= 1e-9 * scale, "{o} {k}");
        }
        // The slope changes at a knot by what the table of hinges says.
        let slope = |k: usize| (values[k + 1] - values[k]) / (curve.x[k + 1] - curve.x[k]);
        let hinge = &convex.hinges[convex.neurons / 2];
        let k = curve.x.iter().position(|x| *x == hinge.knot).unwrap();
        let change = hinge.slope_change[o];
        assert!((slope(k) - slope(k - 1) - change).abs() <= 1e-6 * (1.0 + change.abs()), "{o}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]
    #[test]
    fn proofs_hold_whatever_the_rows_weights_and_penalties(
        rows in prop::collection::vec((-1e3..1e3f64, prop_oneof![Just(0.0), -1e3..1e3f64], 0.01..10.0f64), 1..50),
        share in -6.0..0.5f64,
        (twice, refit) in any::<(bool, bool)>(),
    ) {
        let mut rows = rows;
        if twice { rows.extend(rows.clone()); }
        let column = |f: fn(&(f64, f64, f64)) -> f64| rows.iter().map(f).collect::<Vec<f64>>();
        let samples = Samples::new(1, 1, column(|r| r.0), column(|r| r.1), Some(column(|r| r.2))).unwrap();
        let settings = FitSettings { refit: Some(refit), ..convex(Penalty::OfLargest(10f64.powf(share))) };
        let fitted = run(&samples, settings);
        for (grade, proof) in verify_proofs(&fitted.model, &samples) {
            prop_assert_eq!(proof, Ok(()), "grade {}", grade);
        }
        for pair in fitted.model.history().grades.windows(2) {
            prop_assert!(pair[1].loss_after < pair[1].loss_before && pair[1].loss_before == pair[0].loss_after);
        }
    }
}
