//! What the next grade sees of a set of rows: features and residuals after the grades so far.

use crate::Samples;
use crate::forward::Stage;
use crate::least_squares::weighted_means;
use multigrade_model::{Grade, ModelError, Norms, Scaling};

/// Features `h_k`, scaled inputs `x` and residuals `r_k` of some rows, in the units of the scaled outputs. The
/// features are kept, so a new grade never evaluates the grades before it.
#[derive(Clone)]
pub(crate) struct Front {
    /// Scaled inputs `(n, d)`.
    pub(crate) inputs: Vec<f64>,
    pub(crate) d: usize,
    /// Features `(n, p)`.
    pub(crate) features: Vec<f64>,
    pub(crate) p: usize,
    /// Residuals `(n, m)`.
    pub(crate) residuals: Vec<f64>,
    pub(crate) m: usize,
    /// Weights `(n)`; their sum is 1.
    pub(crate) weights: Vec<f64>,
}

impl Front {
    /// Before any grade: `h_0 = x`, `r_0 = y`.
    pub(crate) fn start(samples: &Samples, input_scaling: &Scaling, output_scaling: &Scaling) -> Self {
        let mut inputs = samples.inputs().to_vec();
        input_scaling.standardise(&mut inputs);
        let mut residuals = samples.targets().to_vec();
        output_scaling.standardise(&mut residuals);
        Self {
            features: inputs.clone(),
            p: samples.n_inputs(),
            d: samples.n_inputs(),
            m: samples.n_targets(),
            inputs,
            residuals,
            weights: normalised(samples.weights()),
        }
    }

    /// After one more grade: `h_k = H_k(h_{k-1})` and `r_k = r_{k-1} - g_k(h_k)`.
    pub(crate) fn after(&self, grade: &Grade) -> Self {
        let stage = Stage::<f64>::new(grade);
        let (features, corrections) = stage.apply(&self.features, &self.inputs, self.d);
        let residuals = self.residuals.iter().zip(corrections).map(|(r, g)| r - g).collect();
        Self { features, p: stage.n_features(), residuals, ..self.clone_without_features() }
    }

    fn clone_without_features(&self) -> Self {
        Self {
            inputs: self.inputs.clone(),
            weights: self.weights.clone(),
            features: Vec::new(),
            residuals: Vec::new(),
            ..*self
        }
    }

    pub(crate) fn rows(&self) -> usize {
        self.weights.len()
    }

    /// `1/m sum_i w_i |r_i|²`: 1 before the first grade, on the rows that fixed the scaling.
    pub(crate) fn loss(&self) -> f64 {
        self.row_losses().zip(&self.weights).map(|(loss, w)| w * loss).sum()
    }

    /// `1/m |r_i|²` of each row.
    pub(crate) fn row_losses(&self) -> impl Iterator<Item = f64> {
        self.residuals.chunks_exact(self.m).map(|r| r.iter().map(|r| r * r).sum::<f64>() / self.m as f64)
    }

    /// Norms of the residual of each output, in the units of the table.
    pub(crate) fn norms(&self, output_scaling: &Scaling) -> Vec<Norms> {
        let scales = output_scaling.scale().iter().enumerate();
        let column = |(j, scale): (usize, &f64)| -> Vec<f64> {
            self.residuals.iter().skip(j).step_by(self.m).map(|r| r * scale).collect()
        };
        scales.map(|output| Norms::of(&column(output), Some(&self.weights))).collect()
    }
}

/// Weights divided by their sum.
fn normalised(weights: &[f64]) -> Vec<f64> {
    let total: f64 = weights.iter().sum();
    weights.iter().map(|w| w / total).collect()
}

/// A column that varies by no more than this fraction of its largest magnitude varies by rounding: some hundred units in
/// the last place.
pub(crate) const ROUNDING: f64 = 1e-14;

/// The scaling that brings row-major columns to weighted mean 0 and variance 1. Columns that are constant, to within
/// rounding, are centred alone: blown up to variance 1, rounding would be taken for information.
pub(crate) fn standardisation(rows: &[f64], columns: usize, weights: &[f64]) -> Result<Scaling, ModelError> {
    standardisation_above(0.0, rows, columns, weights)
}

/// [`standardisation`] of features, whose magnitudes can be compared: one that varies by rounding of the largest of them
/// counts as constant.
pub(crate) fn feature_standardisation(features: &[f64], p: usize, weights: &[f64]) -> Result<Scaling, ModelError> {
    let largest = features.iter().fold(0.0, |largest: f64, x| largest.max(x.abs()));
    standardisation_above(ROUNDING * largest, features, p, weights)
}

fn standardisation_above(floor: f64, rows: &[f64], columns: usize, weights: &[f64]) -> Result<Scaling, ModelError> {
    let weights = normalised(weights);
    let mut centers = weighted_means(rows, columns, &weights);
    let mut scales = vec![1.0; columns];
    for j in 0..columns {
        let column = || rows.iter().skip(j).step_by(columns);
        if column().all(|x| *x == rows[j]) {
            centers[j] = rows[j];
            continue;
        }
        // Dividing by the largest deviation first keeps squares of huge and tiny numbers finite and positive.
        let largest = column().map(|x| (x - centers[j]).abs()).fold(0.0, f64::max);
        if largest <= floor.max(ROUNDING * column().map(|x| x.abs()).fold(0.0, f64::max)) {
            continue;
        }
        let square = |(x, w): (&f64, &f64)| w * ((x - centers[j]) / largest).powi(2);
        scales[j] = largest * column().zip(&weights).map(square).sum::<f64>().sqrt();
    }
    Scaling::new(centers, scales)
}
