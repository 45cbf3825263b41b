//! The nearest neighbour: what needs no model.

use crate::Samples;

/// Multiplications that finding nearest neighbours may cost; beyond it they are left out.
const WORK: usize = 10_000_000_000;

/// Whether the neighbours of `asked` rows among those of `train` are found in reasonable time.
pub(crate) fn is_affordable(train: &Samples, asked: usize) -> bool {
    train.rows().saturating_mul(asked).saturating_mul(train.n_inputs()) <= WORK
}

/// The row of `known` `(n, d)` that is nearest to `x`; the first of equals.
pub(crate) fn nearest_row(known: &[f64], d: usize, x: &[f64]) -> usize {
    // Absolute values: a NaN with its sign bit set would come first in the total order.
    let distance = |row: &[f64]| row.iter().zip(x).map(|(a, b)| (a - b) * (a - b)).sum::<f64>().abs();
    let distances = known.chunks_exact(d).map(distance).enumerate();
    distances.min_by(|a, b| a.1.total_cmp(&b.1)).map_or(0, |(i, _)| i)
}
