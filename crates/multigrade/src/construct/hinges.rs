//! Continuous piecewise affine functions of one variable, as sums of hinges.

use super::cube::exact;
use multigrade_model::truth::Interval;

/// `z -> start + slope z + Σ bend max(0, z - knot)` on `[0, 1]`, knots ascending.
#[derive(Clone, Debug, Default)]
pub(super) struct Hinges {
    pub(super) start: f64,
    pub(super) slope: f64,
    pub(super) bends: Vec<(f64, f64)>,
}

impl Hinges {
    /// The function with these values at ascending places, the first of which is 0.
    pub(super) fn through(points: &[(f64, f64)]) -> Self {
        let slopes: Vec<f64> = points.windows(2).map(|p| (p[1].1 - p[0].1) / (p[1].0 - p[0].0)).collect();
        let bends = points[1..].iter().zip(slopes.windows(2)).map(|(p, s)| (p.0, s[1] - s[0]));
        Self { start: points[0].1, slope: slopes[0], bends: bends.filter(|b| b.1 != 0.0).collect() }
    }

    /// Encloses the values at ascending places of `[0, 1]`.
    pub(super) fn enclose(&self, places: &[f64]) -> Vec<Interval> {
        let mut bends = self.bends.iter().peekable();
        let (mut from, mut value, mut slope) = (exact(0.0), exact(self.start), exact(self.slope));
        let mut walk = |z: f64| {
            while let Some((knot, bend)) = bends.next_if(|b| b.0 < z) {
                value = value + slope * (exact(*knot) - from);
                from = exact(*knot);
                slope = slope + exact(*bend);
            }
            value = value + slope * (exact(z) - from);
            from = exact(z);
            value
        };
        places.iter().map(|&z| walk(z)).collect()
    }

    /// A bound on the magnitude on `[0, 1]` of every sum of the affine part and the first hinges.
    pub(super) fn largest_partial_sum(&self) -> f64 {
        let (mut from, mut value, mut slope) = (0.0, self.start, self.slope);
        // Each sum has its extremes at knots that are done, where it is final, and at 1.
        let mut largest = value.abs().max((value + slope).abs());
        for &(knot, bend) in &self.bends {
            value += slope * (knot - from);
            from = knot;
            slope += bend;
            largest = largest.max(value.abs()).max((value + slope * (1.0 - knot)).abs());
        }
        largest
    }
}
