//! The rows of a problem, merged and sorted.

use crate::Samples;
use std::cmp::Ordering;

/// Weighted means of the targets at the distinct rows of inputs, in lexicographic order.
pub(super) struct Rows {
    /// Inputs in their own units, row-major `(n, d)`.
    pub(super) x: Vec<f64>,
    /// Weights in multiples of `unit_w`, a power of two.
    pub(super) w: Vec<f64>,
    /// One column per output.
    pub(super) y: Vec<Vec<f64>>,
    /// Half the weighted squares within rows of equal inputs: lost whatever the fit.
    pub(super) spread: f64,
    pub(super) unit_w: f64,
}

impl Rows {
    pub(super) fn new(samples: &Samples) -> Self {
        let mut order: Vec<usize> = (0..samples.rows()).collect();
        let row = |i: usize| samples.inputs_of(i);
        // Inputs are finite, so this order is total; -0.0 and 0.0 are the same place.
        order.sort_by(|&i, &j| row(i).partial_cmp(row(j)).unwrap_or(Ordering::Equal));
        let unit_w = power_of_two(samples.weights().iter().copied().fold(0.0, f64::max));
        let y = vec![Vec::new(); samples.n_targets()];
        let mut rows = Self { x: Vec::new(), w: Vec::new(), y, spread: 0.0, unit_w };
        for tied in order.chunk_by(|&i, &j| row(i) == row(j)) {
            let weight = |i: usize| samples.weights()[i] / unit_w;
            let total: f64 = tied.iter().map(|&i| weight(i)).sum();
            rows.x.extend(row(tied[0]));
            rows.w.push(total);
            for (o, column) in rows.y.iter_mut().enumerate() {
                // Deviations from one of them, so that equal targets have exactly their value as mean.
                let first = samples.targets_of(tied[0])[o];
                let off = |i: usize| samples.targets_of(i)[o] - first;
                let mean = tied.iter().map(|&i| weight(i) * off(i)).sum::<f64>() / total;
                rows.spread += tied.iter().map(|&i| 0.5 * weight(i) * (off(i) - mean).powi(2)).sum::<f64>();
                column.push(first + mean);
            }
        }
        rows
    }
}

/// Size of the largest number.
pub(super) fn largest(columns: &[Vec<f64>]) -> f64 {
    columns.iter().flatten().fold(0.0, |a: f64, y| a.max(y.abs()))
}

/// The largest power of two that is at most `value`; 1 for 0.
pub(super) fn power_of_two(value: f64) -> f64 {
    if value == 0.0 {
        return 1.0;
    }
    // Within a range where the inverse is finite too.
    f64::from_bits(value.to_bits() & (0x7ff << 52)).clamp(2f64.powi(-1000), 2f64.powi(1000))
}
