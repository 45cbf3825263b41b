//! A network evaluated in f32.

use multigrade_model::{Layer, Multigrade};

/// The f32 nearest to a number.
fn round(x: f64) -> f32 {
    x as f32
}

/// The outputs at `x`, all grades together: every number of the model and of `x` rounded to f32, every sum started with
/// the bias and continued in index order, every operation rounded once.
pub(super) fn eval(model: &Multigrade, x: &[f64]) -> Vec<f32> {
    let scaling = model.input_scaling();
    let scaled = |((x, c), s): ((&f64, &f64), &f64)| (round(*x) - round(*c)) / round(*s);
    let inputs: Vec<f32> = x.iter().zip(scaling.center()).zip(scaling.scale()).map(scaled).collect();
    let mut h = inputs.clone();
    let mut sum = vec![0.0f32; model.n_outputs()];
    for grade in model.grades() {
        let mut features: Vec<f32> = Vec::new();
        for branch in grade.branches() {
            features.extend(branch.iter().fold(h.clone(), |h, layer| through(layer, &h)));
        }
        if grade.carry_inputs() {
            features.extend_from_slice(&inputs);
        }
        h = features;
        for (i, sum) in sum.iter_mut().enumerate() {
            let row = grade.readout().weights().row(i).iter().copied().enumerate();
            *sum += affine(row, grade.readout().bias()[i], &h);
        }
    }
    let scaling = model.output_scaling();
    let restored = |((z, c), s): ((&f32, &f64), &f64)| round(*c) + round(*s) * z;
    sum.iter().zip(scaling.center()).zip(scaling.scale()).map(restored).collect()
}

fn affine(weights: impl Iterator<Item = (usize, f64)>, bias: f64, h: &[f32]) -> f32 {
    weights.fold(round(bias), |sum, (j, w)| sum + round(w) * h[j])
}

fn through(layer: &Layer, h: &[f32]) -> Vec<f32> {
    let bias = layer.bias().iter().enumerate();
    let z = bias.map(|(i, &b)| affine(layer.weights().terms(i), b, h));
    // Exact for ReLU and identity; the others are computed in f64 and rounded.
    z.map(|z| round(layer.activation().apply(f64::from(z)))).collect()
}
