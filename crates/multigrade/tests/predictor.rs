//! The fast evaluation stays within the rounding error of the reference evaluation.

use multigrade::{
    Activation, FitSettings, Grade, GradeSettings, Grades, Layer, Multigrade, Precision, Predictor, Samples, Solver,
    SparseMatrix, fit, silent,
};

/// A value and a bound on how far rounding in precision `u` may move it.
#[derive(Clone, Copy)]
struct Rounded {
    value: f64,
    error: f64,
}

/// Running error of `b + sum w x` (Higham, *Accuracy and Stability of Numerical Algorithms*, section 3.1): any order of
/// `n` products and sums errs by at most `2 (n + 2) u` times the sum of magnitudes; rounding of stored weights and of
/// the inputs counts among these.
fn affine(weights: &[(usize, f64)], bias: f64, x: &[Rounded], u: f64) -> Rounded {
    let pairs = || weights.iter().map(|(j, w)| (w, x[*j]));
    let value = bias + pairs().map(|(w, x)| w * x.value).sum::<f64>();
    let size = bias.abs() + pairs().map(|(w, x)| w.abs() * (x.value.abs() + x.error)).sum::<f64>();
    let carried: f64 = pairs().map(|(w, x)| w.abs() * x.error).sum();
    Rounded { value, error: carried * (1.0 + 4.0 * u) + 2.0 * (weights.len() as f64 + 3.0) * u * size }
}

/// An activation moves an error by its slope, and errs by a few units in the last place itself.
fn activate(activation: Activation, z: Rounded, u: f64) -> Rounded {
    let value = activation.apply(z.value);
    let slope = if activation == Activation::Square { 2.0 * (z.value.abs() + z.error) } else { 1.0 };
    Rounded { value, error: slope * z.error + 8.0 * u * (value.abs() + z.error + f64::MIN_POSITIVE) }
}

fn bounded(model: &Multigrade, x: &[f64], u: f64) -> Vec<Rounded> {
    let scaling = model.input_scaling().center().iter().zip(model.input_scaling().scale());
    let inputs: Vec<Rounded> = x
        .iter()
        .zip(scaling)
        .map(|(x, (c, s))| {
            let value = (x - c) / s;
            Rounded { value, error: 4.0 * u * value.abs() }
        })
        .collect();
    let layer = |l: &Layer, h: &[Rounded]| -> Vec<Rounded> {
        (0..l.outputs())
            .map(|i| activate(l.activation(), affine(&l.weights().terms(i).collect::<Vec<_>>(), l.bias()[i], h, u), u))
            .collect()
    };
    let mut h = inputs.clone();
    let mut sum = vec![Rounded { value: 0.0, error: 0.0 }; model.n_outputs()];
    for grade in model.grades() {
        let mut features = Vec::new();
        for branch in grade.branches() {
            features.extend(branch.iter().fold(h.clone(), |h, l| layer(l, &h)));
        }
        if grade.carry_inputs() {
            features.extend_from_slice(&inputs);
        }
        h = features;
        for (j, s) in sum.iter_mut().enumerate() {
            let weights: Vec<_> = grade.readout().weights().row(j).iter().copied().enumerate().collect();
            let g = affine(&weights, grade.readout().bias()[j], &h, u);
            let value = s.value + g.value;
            *s = Rounded { value, error: s.error + g.error + u * value.abs() };
        }
    }
    let scaling = model.output_scaling().center().iter().zip(model.output_scaling().scale());
    let restore = |(s, (c, scale)): (&Rounded, (&f64, &f64))| {
        let value = c + scale * s.value;
        Rounded { value, error: scale * s.error + 4.0 * u * (c.abs() + (scale * s.value).abs()) }
    };
    sum.iter().zip(scaling).map(restore).collect()
}

fn model(activation: Activation) -> Multigrade {
    let x: Vec<f64> = (0..240).map(|i| f64::from(i * i % 241) / 120.0 - 1.0).collect();
    let y = x.chunks(2).flat_map(|x| [100.0 + (3.0 * x[0]).sin() * x[1], x[0] - x[1]]).collect();
    let samples = Samples::new(2, 2, x, y, None).unwrap();
    let grade = GradeSettings {
        widths: vec![9, 7],
        activations: Some(vec![activation; 2]),
        weight_decay: Some(1e-3),
        branches: Some(2),
        solver: Some(Solver::Lbfgs { iterations: 10 }),
    };
    let settings = FitSettings { grades: Grades::List(vec![grade; 3]), ..FitSettings::default() };
    fit(&samples, None, &settings.validate().unwrap(), &mut silent()).unwrap().model
}

/// The model with two thirds of the weights of each branch's layers, stored sparsely; of every second branch only in its
/// first layer.
fn thinned(model: &Multigrade) -> Multigrade {
    let thin = |(b, l, layer): (usize, usize, &Layer)| {
        if b % 2 == 1 && l > 0 {
            return layer.clone();
        }
        let row = |i: usize| layer.weights().terms(i).filter(|(j, _)| !(i + j).is_multiple_of(3)).collect();
        let weights = SparseMatrix::new(layer.inputs(), (0..layer.outputs()).map(row).collect()).unwrap();
        Layer::new(weights, layer.bias().to_vec(), layer.activation()).unwrap()
    };
    let grade = |grade: &Grade| {
        let branches = grade.branches().iter().enumerate();
        let branches =
            branches.map(|(b, branch)| branch.iter().enumerate().map(|(l, layer)| thin((b, l, layer))).collect());
        Grade::new(branches.collect(), grade.carry_inputs(), grade.readout().clone()).unwrap()
    };
    Multigrade::new(
        model.schema().clone(),
        model.input_scaling().clone(),
        model.output_scaling().clone(),
        model.grades().iter().map(grade).collect(),
        model.history().clone(),
        model.settings().clone(),
    )
    .unwrap()
}

#[test]
fn predictions_differ_from_the_reference_by_no_more_than_rounding_in_both_precisions() {
    for (activation, sparse) in Activation::ALL.into_iter().flat_map(|a| [(a, false), (a, true)]) {
        let dense = model(activation);
        let model = if sparse { thinned(&dense) } else { dense };
        let k = model.grades().len();
        let rows: Vec<f64> = (0..1200).map(|i| f64::from(i % 173) / 80.0 - 1.1).collect();
        let (double, single) = (Predictor::new(&model, Precision::F64), Predictor::new(&model, Precision::F32));
        let (double, single) = (double.predict(&rows).unwrap(), single.predict(&rows).unwrap());
        let mut differ = false;
        for (i, x) in rows.chunks(2).enumerate() {
            let reference = model.eval_reference(x, k).unwrap();
            let bound = |u: f64| bounded(&model, x, u);
            let (fine, coarse) = (bound(f64::EPSILON / 2.0), bound(f64::from(f32::EPSILON) / 2.0));
            for j in 0..2 {
                let (r, f, c) = (reference[j], double[2 * i + j], single[2 * i + j]);
                // Both evaluations round, so both may move by the bound.
                assert!((r - f).abs() <= 2.0 * fine[j].error, "{activation}: {r} {f} {}", fine[j].error);
                assert!((r - c).abs() <= fine[j].error + coarse[j].error, "{activation}: {r} {c} {}", coarse[j].error);
                differ |= r != c;
            }
        }
        assert!(differ, "single precision was really used");
    }
}

#[test]
fn staged_predictions_are_those_of_truncated_models_bit_for_bit() {
    let model = model(Activation::Relu);
    let rows: Vec<f64> = (0..1400).map(|i| f64::from(i % 97) / 48.0 - 1.0).collect();
    let staged = Predictor::new(&model, Precision::F64).staged(&rows).unwrap();
    assert_eq!(staged.len(), model.grades().len());
    for (k, values) in staged.iter().enumerate() {
        let short = Predictor::new(&model.truncate(k + 1).unwrap(), Precision::F64);
        assert_eq!(&short.predict(&rows).unwrap(), values);
    }
    let none = Predictor::new(&model.truncate(0).unwrap(), Precision::F64).predict(&rows[..4]).unwrap();
    assert_eq!(none, model.output_scaling().center().repeat(2));
}

#[test]
fn rows_of_a_wrong_length_are_refused_and_no_rows_give_no_values() {
    let predictor = Predictor::new(&model(Activation::Tanh), Precision::F64);
    assert!(predictor.predict(&[1.0, 2.0, 3.0]).is_err());
    assert!(predictor.predict(&[]).unwrap().is_empty());
    assert!(predictor.staged(&[]).unwrap().iter().all(Vec::is_empty));
}

#[test]
fn rows_given_in_several_calls_get_the_values_of_one_call() {
    let model = model(Activation::Sin);
    let n = 5 * Predictor::BLOCK_ROWS + 3;
    let rows: Vec<f64> = (0..2 * n).map(|i| (i as f64 * 0.37).sin()).collect();
    for precision in [Precision::F64, Precision::F32] {
        let predictor = Predictor::new(&model, precision);
        let whole = predictor.predict(&rows).unwrap();
        for calls in 1..4 {
            let parts =
                rows.chunks(2 * calls * Predictor::BLOCK_ROWS).flat_map(|rows| predictor.predict(rows).unwrap());
            assert!(parts.map(f64::to_bits).eq(whole.iter().map(|value| value.to_bits())));
        }
    }
}
