//! What the next grade sees of a set of rows: features and residuals after the grades so far.

use crate::Samples;
use crate::features::{FeatureRows, Features, Slice, parts};
use crate::least_squares::means;
use multigrade_model::{Grade, ModelError, Norms, Scaling, Scores, cross_entropy};
use std::sync::Arc;

/// Features `h_k`, scaled inputs `x` and residuals `r_k` of some rows, in the units of the scaled outputs. The
/// features are kept where they fit the limit of memory, so a new grade does not evaluate the grades before it. The residual of classes is
/// `[class] - P(class)`: what the loss falls by, to first order, when a logit grows.
#[derive(Clone)]
pub(crate) struct Front {
    /// Scaled inputs `(n, d)`.
    pub(crate) inputs: Arc<Vec<f64>>,
    pub(crate) d: usize,
    /// Features `(n, p)`.
    pub(crate) features: Features,
    pub(crate) p: usize,
    /// Residuals `(n, m)`.
    pub(crate) residuals: Vec<f64>,
    pub(crate) m: usize,
    /// What residuals of classes come from.
    pub(crate) logits: Option<Logits>,
    /// Weights `(n)`; their sum is 1.
    pub(crate) weights: Vec<f64>,
}

/// Classes and logits `f_k` of some rows.
#[derive(Clone)]
pub(crate) struct Logits {
    /// Classes `(n)`.
    pub(crate) classes: Vec<usize>,
    /// Logits `(n, m)`.
    pub(crate) values: Vec<f64>,
}

impl Logits {
    /// `[class] - P(class)` for each logit.
    fn residuals(&self) -> Vec<f64> {
        let m = self.values.len() / self.classes.len();
        let mut residuals = self.values.clone();
        for (row, &class) in residuals.chunks_exact_mut(m).zip(&self.classes) {
            slopes(row, class);
            row.iter_mut().for_each(|slope| *slope = -*slope);
        }
        residuals
    }

    /// Cross-entropy of each row.
    fn losses(&self) -> impl Iterator<Item = f64> {
        let m = self.values.len() / self.classes.len();
        self.values.chunks_exact(m).zip(&self.classes).map(|(row, &class)| cross_entropy(row, class))
    }
}

/// Replaces a row of logits by the derivatives of its cross-entropy, `P(class) - [class]`, and returns the cross-entropy.
pub(crate) fn slopes(logits: &mut [f64], class: usize) -> f64 {
    if let [s] = logits {
        // With t = s or -s the loss is ln(1 + exp(t)).
        let t = if class == 0 { *s } else { -*s };
        let small = (-t.abs()).exp();
        let p = if t > 0.0 { 1.0 / (1.0 + small) } else { small / (1.0 + small) };
        *s = if class == 0 { p } else { -p };
        return t.max(0.0) + small.ln_1p();
    }
    let largest = logits.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let own = logits[class] - largest;
    let mut total = 0.0;
    for s in logits.iter_mut() {
        *s = (*s - largest).exp();
        total += *s;
    }
    logits.iter_mut().for_each(|s| *s /= total);
    logits[class] -= 1.0;
    total.ln() - own
}

impl Front {
    /// Before any grade: `h_0 = x`, `r_0 = y`. Features of later grades are kept if they fit `memory` bytes.
    pub(crate) fn start(samples: &Samples, input_scaling: &Scaling, output_scaling: &Scaling, memory: usize) -> Self {
        let mut inputs = samples.inputs().to_vec();
        input_scaling.standardise(&mut inputs);
        let inputs = Arc::new(inputs);
        let logits = samples
            .n_classes()
            .map(|_| Logits { classes: samples.classes(), values: output_scaling.center().repeat(samples.rows()) });
        let residuals = match &logits {
            Some(logits) => logits.residuals(),
            None => {
                let mut residuals = samples.targets().to_vec();
                output_scaling.standardise(&mut residuals);
                residuals
            }
        };
        Self {
            features: Features::of_inputs(inputs.clone(), samples.n_inputs(), memory),
            p: samples.n_inputs(),
            d: samples.n_inputs(),
            m: output_scaling.columns(),
            inputs,
            residuals,
            logits,
            weights: normalised(samples.weights()),
        }
    }

    /// After one more grade: `h_k = H_k(h_{k-1})` and `r_k = r_{k-1} - g_k(h_k)`.
    pub(crate) fn after(&self, grade: &Grade) -> Self {
        let (features, corrections) = self.features.after(grade);
        let logits = self.logits.as_ref().map(|Logits { classes, values }| Logits {
            classes: classes.clone(),
            values: values.iter().zip(&corrections).map(|(s, g)| s + g).collect(),
        });
        let residuals = match &logits {
            Some(logits) => logits.residuals(),
            None => self.residuals.iter().zip(corrections).map(|(r, g)| r - g).collect(),
        };
        let p = features.columns();
        Self { features, p, residuals, logits, inputs: self.inputs.clone(), weights: self.weights.clone(), ..*self }
    }

    pub(crate) fn rows(&self) -> usize {
        self.weights.len()
    }

    /// `1/m sum_i w_i |r_i|²`: 1 before the first grade, on the rows that fixed the scaling. Of classes the mean
    /// cross-entropy.
    pub(crate) fn loss(&self) -> f64 {
        self.row_losses().zip(&self.weights).map(|(loss, w)| w * loss).sum()
    }

    /// `1/m |r_i|²`, or the cross-entropy, of each row.
    pub(crate) fn row_losses(&self) -> Box<dyn Iterator<Item = f64> + '_> {
        match &self.logits {
            Some(logits) => Box::new(logits.losses()),
            None => {
                let squares = |r: &[f64]| r.iter().map(|r| r * r).sum::<f64>() / self.m as f64;
                Box::new(self.residuals.chunks_exact(self.m).map(squares))
            }
        }
    }

    /// Accuracy, log-loss and Brier score of classes.
    pub(crate) fn scores(&self) -> Option<Scores> {
        self.logits.as_ref().map(|logits| Scores::of_logits(&logits.values, &logits.classes, &self.weights))
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

/// A feature that varies by no more than this fraction of its largest magnitude has hardly six digits of information: weights
/// that blow it up would blow up the rounding of its evaluation to more than the corrections that they carry.
const FEATURE_DIGITS: f64 = 1e-10;

/// The scaling that brings row-major columns to weighted mean 0 and variance 1. Columns that are constant, to within
/// rounding, are centred alone: blown up to variance 1, rounding would be taken for information.
pub(crate) fn standardisation(rows: &[f64], columns: usize, weights: &[f64]) -> Result<Scaling, ModelError> {
    standardisation_above(0.0, ROUNDING, &Slice(rows, columns), weights)
}

/// Standardised values that a classifier reads are at most this large on the training rows (experiment, no theory): a pixel
/// that is dark but in a few rows would otherwise stand out by its rarity.
const LARGEST: f64 = 5.0;

/// Widths of columns that differ by less than this share are the same.
const SAME_WIDTH: f64 = 1e-9;

/// Brings columns of one unit to one scale, the root mean square of theirs.
///
/// Where most columns that span anything are equally wide, from their smallest to their largest value, as pixels are that can be
/// black and white, all columns up to that width are taken to have one unit. Each on a scale of its own, a pixel that is
/// never more than grey would be as loud as any other.
fn share_scales(scales: &mut [f64], rows: &dyn FeatureRows, n: usize) {
    let columns = scales.len();
    let mut ranges = vec![(f64::INFINITY, f64::NEG_INFINITY); columns];
    for part in parts(n) {
        for row in rows.part(part).chunks_exact(columns) {
            ranges.iter_mut().zip(row).for_each(|((low, high), &x)| (*low, *high) = (low.min(x), high.max(x)));
        }
    }
    let widths: Vec<f64> = ranges.iter().map(|(low, high)| high - low).collect();
    let mut sorted: Vec<f64> = widths.iter().copied().filter(|w| *w > 0.0).collect();
    sorted.sort_by(f64::total_cmp);
    let runs = sorted.chunk_by(|a, b| b - a <= SAME_WIDTH * b);
    let Some(widest) = runs.filter(|run| 2 * run.len() > sorted.len()).map(|run| run[run.len() - 1]).next() else {
        return;
    };
    let is_alike: Vec<bool> = widths.iter().map(|w| *w > 0.0 && *w <= widest).collect();
    let alike = || scales.iter().zip(&is_alike).filter(|(_, alike)| **alike).map(|(scale, _)| *scale);
    let largest = alike().fold(0.0, f64::max);
    let mean = alike().map(|scale| (scale / largest).powi(2)).sum::<f64>() / alike().count() as f64;
    let shared = largest * mean.sqrt();
    scales.iter_mut().zip(&is_alike).filter(|(_, alike)| **alike).for_each(|(scale, _)| *scale = shared);
}

/// The scaling of what a classifier reads: columns of one unit share a scale, and scales are so large that no value is beyond
/// [`LARGEST`].
pub(crate) fn class_scaling(scaling: &Scaling, rows: &dyn FeatureRows, n: usize) -> Result<Scaling, ModelError> {
    let mut scales = scaling.scale().to_vec();
    if !scales.is_empty() {
        share_scales(&mut scales, rows, n);
    }
    for part in parts(n) {
        for row in rows.part(part).chunks_exact(scaling.columns().max(1)) {
            for ((scale, x), center) in scales.iter_mut().zip(row).zip(scaling.center()) {
                *scale = scale.max((x - center).abs() / LARGEST);
            }
        }
    }
    Scaling::new(scaling.center().to_vec(), scales)
}

/// [`standardisation`] of features, whose magnitudes can be compared: one that varies by rounding of the largest of them
/// counts as constant.
pub(crate) fn feature_standardisation(features: &dyn FeatureRows, weights: &[f64]) -> Result<Scaling, ModelError> {
    standardisation_above(ROUNDING, FEATURE_DIGITS, features, weights)
}

/// [`standardisation`] of the columns that vary by more than the share `floor` of the largest magnitude of all, and more than
/// the share `relative` of their own.
fn standardisation_above(
    floor: f64,
    relative: f64,
    rows: &dyn FeatureRows,
    weights: &[f64],
) -> Result<Scaling, ModelError> {
    let (columns, weights) = (rows.columns(), normalised(weights));
    let mut centers = means(rows, &weights);
    let mut spreads = vec![Spread { is_constant: true, magnitude: 0.0, deviation: 0.0 }; columns];
    let mut first = Vec::new();
    for part in parts(weights.len()) {
        let part = rows.part(part);
        if first.is_empty() {
            first = part[..columns].to_vec();
        }
        for row in part.chunks_exact(columns.max(1)) {
            for (((spread, x), first), center) in spreads.iter_mut().zip(row).zip(&first).zip(&centers) {
                spread.is_constant &= x == first;
                spread.magnitude = spread.magnitude.max(x.abs());
                spread.deviation = spread.deviation.max((x - center).abs());
            }
        }
    }
    let floor = floor * spreads.iter().fold(0.0, |largest: f64, spread| largest.max(spread.magnitude));
    let varies = |s: &Spread| !s.is_constant && s.deviation > floor.max(relative * s.magnitude);
    // Dividing by the largest deviation first keeps squares of huge and tiny numbers finite and positive.
    let mut squares = vec![0.0; columns];
    for part in parts(weights.len()) {
        let weights = &weights[part.clone()];
        for (row, w) in rows.part(part).chunks_exact(columns.max(1)).zip(weights) {
            for (((square, x), center), spread) in squares.iter_mut().zip(row).zip(&centers).zip(&spreads) {
                *square += w * ((x - center) / spread.deviation).powi(2);
            }
        }
    }
    let scale = |(s, square): (&Spread, &f64)| if varies(s) { s.deviation * square.sqrt() } else { 1.0 };
    let scales = spreads.iter().zip(&squares).map(scale).collect();
    for ((center, spread), first) in centers.iter_mut().zip(&spreads).zip(&first) {
        if spread.is_constant {
            *center = *first;
        }
    }
    Scaling::new(centers, scales)
}

/// How much a column varies.
#[derive(Clone, Copy)]
struct Spread {
    is_constant: bool,
    /// Its largest magnitude.
    magnitude: f64,
    /// Its largest distance from its center.
    deviation: f64,
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn columns_of_one_unit_share_a_scale_and_no_value_is_beyond_five() {
        // Two pixels that are black and white, one that is white once in a hundred rows, one that is never more than grey,
        // one that is always black; and a length in another unit.
        let row = |i: usize| {
            let i = i as f64;
            [(i % 2.0), ((i / 2.0).floor() % 2.0), f64::from(i == 7.0), 0.3 * (i % 3.0) / 2.0, 0.0, 50.0 * (i % 5.0)]
        };
        let rows: Vec<f64> = (0..100).flat_map(row).collect();
        let own = standardisation(&rows, 6, &[1.0; 100]).unwrap();
        let shared = class_scaling(&own, &Slice(&rows, 6), 100).unwrap();
        let scale = shared.scale();
        let mean = (own.scale()[..4].iter().map(|s| s * s).sum::<f64>() / 4.0).sqrt();
        for j in [0, 1, 2, 3] {
            assert!((scale[j] - mean).abs() < 1e-15, "{scale:?}");
        }
        assert_eq!((scale[4], scale[5]), (own.scale()[4], own.scale()[5]));
        let mut values = rows.clone();
        shared.standardise(&mut values);
        assert!(values.iter().all(|z| z.abs() <= LARGEST));
        // Where no width is that of most columns, each keeps its own scale.
        let lengths: Vec<f64> = (0..40).flat_map(|i| [f64::from(i % 7), 2.5 * f64::from(i % 5)]).collect();
        let own = standardisation(&lengths, 2, &[1.0; 40]).unwrap();
        assert_eq!(class_scaling(&own, &Slice(&lengths, 2), 40).unwrap().scale(), own.scale());
    }

    proptest! {
        #[test]
        fn slopes_are_the_derivatives_of_the_cross_entropy_and_stay_finite(
            logits in prop::collection::vec(prop_oneof![4 => -5.0..5.0f64, 1 => Just(1e3), 1 => Just(-1e3)], 1..5), class in 0usize..5,
        ) {
            let class = class % logits.len().max(2);
            let mut found = logits.clone();
            let loss = slopes(&mut found, class);
            prop_assert!((loss - cross_entropy(&logits, class)).abs() <= 1e-12 * loss.max(1.0) && loss.is_finite());
            for j in 0..logits.len() {
                let at = |step: f64| {
                    let mut moved = logits.clone();
                    moved[j] += step;
                    cross_entropy(&moved, class)
                };
                let quotient = (at(1e-4) - at(-1e-4)) / 2e-4;
                prop_assert!((found[j] - quotient).abs() < 1e-6, "{found:?} {quotient}");
            }
        }
    }
}
