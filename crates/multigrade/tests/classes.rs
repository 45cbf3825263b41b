//! What is true of every classifier.

use multigrade::{
    Calibration, Classes, Confusion, Descent, FitError, FitSettings, Fitted, Grades, Keep, Label, Multigrade,
    Precision, Predictor, ReadoutRule, Samples, Scores, Solver, class_baselines, fit_classes, resume, silent, split,
    staged_scores,
};
use proptest::prelude::*;

/// Classes called `0, 1, ...`.
fn classes(count: usize) -> Classes {
    Classes::new("class", (0..count as i64).map(Label::Integer).collect()).unwrap()
}

/// Rows in the unit square; the class is the part of the spiral in which they lie, or a wrong one for each row of `noise`.
fn spiral(n: usize, count: usize, noise: usize) -> Samples {
    let mut inputs = Vec::new();
    let mut rows = Vec::new();
    for i in 0..n {
        let (x, y) = ((i as f64 * 0.754_877_666) % 1.0 - 0.5, (i as f64 * 0.569_840_291) % 1.0 - 0.5);
        let turn = (y.atan2(x) / std::f64::consts::TAU + 0.5 + 1.5 * x.hypot(y)) * count as f64;
        let wrong = usize::from(noise > 0 && i % noise == 0);
        inputs.extend([x, y]);
        rows.push((turn as usize + wrong) % count);
    }
    Samples::of_classes(2, inputs, &rows, count, None).unwrap()
}

fn names() -> Vec<String> {
    vec!["x".into(), "y".into()]
}

fn quick(grades: usize) -> FitSettings {
    FitSettings {
        grades: Grades::Count(grades),
        solver: Some(Solver::Lbfgs { iterations: 15 }),
        activation: Some(multigrade::Activation::Tanh),
        weight_decay: Some(1e-4),
        branches: Some(2),
        ..FitSettings::default()
    }
}

fn fitted(samples: &Samples, settings: &FitSettings) -> Fitted {
    let (classes, settings) = (classes(samples.n_classes().unwrap()), settings.clone().validate().unwrap());
    fit_classes(samples, None, &names(), &classes, &settings, &mut silent()).unwrap()
}

fn assert_never_rises(model: &Multigrade, samples: &Samples) {
    let records = &model.history().grades;
    for pair in records.windows(2) {
        assert!(pair[1].loss_after <= pair[0].loss_after && pair[1].loss_before == pair[0].loss_after);
    }
    // The records are those of the model that is handed on: f_0, f_1, ... on the rows it was trained on.
    for (record, scores) in records.iter().zip(staged_scores(model, samples).unwrap()) {
        let close = |a: f64, b: f64| (a - b).abs() <= 1e-10 * b.abs().max(1e-3);
        assert!(close(record.loss_after, scores.log_loss) && close(record.scores.unwrap().train.brier, scores.brier));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]
    #[test]
    fn the_training_cross_entropy_never_rises_whatever_the_solver_left_in_the_hidden_layers(
        count in 2usize..5, noise in 0usize..4, which in 0usize..3, huge: bool, seed in 0u64..50,
    ) {
        let solver = match which {
            0 => Solver::RandomFeatures,
            1 => Solver::Lbfgs { iterations: 4 },
            // A rate at which training diverges.
            _ => Solver::Adam(Descent { epochs: 3, batch: Some(16), rate: 50.0, ..Descent::default() }),
        };
        let samples = spiral(90, count, noise);
        let decay = if huge { 10.0 } else { 0.0 };
        let settings = FitSettings {
            validation: 0.0, solver: Some(solver), weight_decay: Some(decay), keep: Keep::Last, seed, ..quick(3)
        };
        assert_never_rises(&fitted(&samples, &settings).model, &samples);
    }

    #[test]
    fn no_class_is_held_out_whole(n in 4usize..60, count in 2usize..5, share in 0.0..0.95f64, key: u64) {
        let samples = spiral(n, count, 0);
        let parts = split(&samples, share, key);
        let of = |rows: &[usize]| -> Vec<bool> {
            (0..count).map(|class| rows.iter().any(|&row| samples.class_of(row) == class)).collect()
        };
        prop_assert_eq!(of(&parts.train), of(&(0..n).collect::<Vec<_>>()));
    }
}

#[test]
fn every_part_of_a_spiral_is_learned_and_probabilities_are_no_worse_than_the_baselines() {
    for count in [2, 3] {
        let (samples, test) = (spiral(500, count, 0), spiral(900, count, 0));
        let model = fitted(&samples, &FitSettings { solver: None, ..quick(2) }).model;
        let classes = model.schema().classes.clone().unwrap();
        assert_eq!(model.n_outputs(), if count == 2 { 1 } else { 3 });
        let logits = Predictor::new(&model, Precision::F64).predict(test.inputs()).unwrap();
        let rows: Vec<usize> = (0..test.rows()).map(|row| test.class_of(row)).collect();
        let ours = Scores::of_logits(&logits, &rows, test.weights());
        let baselines = class_baselines(&classes, &samples, Some(&test)).unwrap();
        assert!(
            baselines.iter().all(|row| ours.accuracy >= row.validation.unwrap().accuracy),
            "{ours:?} {baselines:?}"
        );
        assert!(ours.accuracy > 0.9, "{ours:?}");
        assert_never_rises(&model, &samples);
    }
}

#[test]
fn a_weight_of_two_is_the_row_twice_in_any_order() {
    let once = spiral(60, 3, 5);
    let weights: Vec<f64> = (0..60).map(|row| 1.0 + (row % 3) as f64).collect();
    let rows: Vec<usize> = (0..60).collect();
    let of = |rows: &[usize]| -> (Vec<f64>, Vec<usize>) {
        (
            rows.iter().flat_map(|&r| once.inputs_of(r).to_vec()).collect(),
            rows.iter().map(|&r| once.class_of(r)).collect(),
        )
    };
    let repeated: Vec<usize> = rows.iter().rev().flat_map(|&row| vec![row; 1 + row % 3]).collect();
    let ((x, c), (xx, cc)) = (of(&rows), of(&repeated));
    let weighted = Samples::of_classes(2, x, &c, 3, Some(weights)).unwrap();
    let repeated = Samples::of_classes(2, xx, &cc, 3, None).unwrap();
    let settings = FitSettings { activation: None, weight_decay: None, ..quick(2) };
    let (a, b) = (fitted(&weighted, &settings).model, fitted(&repeated, &settings).model);
    assert_eq!((a.grades(), a.output_scaling()), (b.grades(), b.output_scaling()));
}

#[test]
fn the_model_is_the_same_to_the_byte_for_any_number_of_threads_and_goes_on_as_if_never_stopped() {
    let samples = spiral(700, 3, 7);
    let settings = FitSettings { refit: Some(false), ..quick(2) };
    let with = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| fitted(&samples, &settings).model)
    };
    let model = with(1);
    assert_eq!(model.to_bytes(), with(3).to_bytes());
    let begun = fitted(&samples, &FitSettings { grades: Grades::Count(1), ..settings.clone() }).model;
    let begun = Multigrade::from_bytes("begun", &begun.to_bytes()).unwrap();
    let resumed = resume(&begun, &samples, None, &settings.validate().unwrap(), &mut silent()).unwrap().model;
    assert_eq!(resumed, model);
}

#[test]
fn a_hundred_classes_are_learned_and_held_out_predictions_are_logits() {
    let rows: Vec<usize> = (0..600).map(|i| i % 100).collect();
    let inputs = rows.iter().enumerate().flat_map(|(i, &c)| [(c / 10) as f64 + 0.01 * (i % 7) as f64, (c % 10) as f64]);
    let samples = Samples::of_classes(2, inputs.collect(), &rows, 100, None).unwrap();
    let fitted = fitted(&samples, &FitSettings { branches: Some(1), ..quick(1) });
    assert_eq!(fitted.held_out_predictions.len(), 100 * fitted.held_out.len());
    let scores = fitted.model.history().grades.last().unwrap().scores.unwrap();
    assert!(scores.train.accuracy > 0.9, "{scores:?}");
}

#[test]
fn logits_so_far_are_kept_apart_from_corrections_where_classes_are_separable() {
    // Two points that any slope separates: the loss has no minimum, and every number must stay finite.
    let samples = Samples::of_classes(1, vec![-1.0, 1.0], &[0, 1], 2, None).unwrap();
    let settings = FitSettings { validation: 0.0, weight_decay: Some(0.0), ..quick(4) }.validate().unwrap();
    let model = fit_classes(&samples, None, &["x".into()], &classes(2), &settings, &mut silent()).unwrap().model;
    let last = model.history().grades.last().unwrap();
    assert!(last.loss_after.is_finite() && last.loss_after < 1e-3 && last.scores.unwrap().train.accuracy == 1.0);
}

#[test]
fn readouts_as_trained_need_no_held_out_rows() {
    let settings = FitSettings { readout: ReadoutRule::AsTrained, validation: 0.0, ..quick(1) };
    let samples = spiral(200, 2, 0);
    let model = fitted(&samples, &settings).model;
    assert!(staged_scores(&model, &samples).unwrap()[1].log_loss < 0.69);
}

#[test]
fn classes_that_cannot_be_told_apart_are_refused_in_words() {
    let one = Classes::new("species", vec![Label::Text("cat".into())]).unwrap_err();
    assert_eq!(one.to_string(), "classes of 'species': found a single class, 'cat', expected at least two");
    let twice = Classes::new("n", vec![Label::Integer(1), Label::Text("1".into())]).unwrap_err();
    assert_eq!(twice.to_string(), "classes of 'n': two labels read '1'");
    let samples = Samples::of_classes(1, vec![0.0, 1.0], &[0, 0], 2, None).unwrap();
    let fit = |settings: FitSettings| {
        let settings = settings.validate().unwrap();
        fit_classes(&samples, None, &["x".into()], &classes(2), &settings, &mut silent()).unwrap_err()
    };
    let missing = "class '1' of 'class' has no row to learn from; every class needs one";
    assert_eq!(fit(quick(1)).to_string(), missing);
    assert!(matches!(Samples::of_classes(1, vec![0.0], &[2], 2, None), Err(e) if e.to_string().contains("class 2")));
    let convex = FitSettings { solver: Some(Solver::Convex(Default::default())), ..FitSettings::default() };
    let both = Samples::of_classes(1, vec![0.0, 1.0], &[0, 1], 2, None).unwrap();
    let refused = fit_classes(&both, None, &["x".into()], &classes(2), &convex.validate().unwrap(), &mut silent());
    assert!(matches!(refused, Err(FitError::Classes(text)) if text.contains("use another solver")));
}

#[test]
fn confusion_and_calibration_count_every_row_once() {
    let classes = classes(2);
    let samples = Samples::of_classes(1, vec![0.0; 4], &[0, 1, 1, 1], 2, Some(vec![1.0, 2.0, 1.0, 4.0])).unwrap();
    let probabilities = [0.95, 0.05, 0.4, 0.6, 0.5, 0.5, 0.0, 1.0];
    let confusion = Confusion::of(&classes, &probabilities, &samples);
    assert_eq!(confusion.weights, [[1.0, 0.0], [1.0, 6.0]]);
    let calibration = Calibration::of(&classes, &probabilities, &samples);
    let bins: Vec<(f64, usize, f64)> = calibration.bins.iter().map(|bin| (bin.upper, bin.rows, bin.accuracy)).collect();
    assert_eq!(bins, [(0.5, 1, 0.0), (0.6, 1, 1.0), (1.0, 2, 1.0)]);
    assert!((calibration.error - (0.5 * 1.0 + 0.4 * 2.0 + 0.01 * 5.0) / 8.0).abs() < 1e-12);
}

#[test]
fn a_file_of_a_classifier_reads_back_equal_and_names_what_a_reader_must_know() {
    let model = fitted(&spiral(80, 3, 0), &quick(1)).model;
    let bytes = model.to_bytes();
    assert_eq!(Multigrade::from_bytes("spiral", &bytes).unwrap(), model);
    let text = String::from_utf8_lossy(&bytes);
    assert!(text.contains(r#"requires\":[\"classes\"]"#));
    assert_eq!(model.schema().output_names(), ["class=0", "class=1", "class=2"]);
}
