//! How large a residual is: the mean of its magnitude, its root mean square, its largest magnitude.

use serde::{Deserialize, Serialize};

/// The three sizes of the residual of one output, in the units of that output.
///
/// With weights $w_i \ge 0$ (all 1 when there are none) and $W = \sum_i w_i$:
///
/// $$ L_1 = \frac1W \sum_i w_i |r_i|, \qquad
///    L_2 = \sqrt{\frac1W \sum_i w_i r_i^2}, \qquad
///    L_\infty = \max_{w_i > 0} |r_i| . $$
///
/// These are averages, so they do not grow with the number of rows, and always `l1 <= l2 <= linf`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Norms {
    /// The weighted mean of `|r|` (mean absolute error).
    #[serde(with = "super::any_number")]
    pub l1: f64,
    /// The root of the weighted mean of `r^2` (root mean square error).
    #[serde(with = "super::any_number")]
    pub l2: f64,
    /// The largest `|r|` among rows of positive weight.
    #[serde(with = "super::any_number")]
    pub linf: f64,
}

impl Norms {
    /// What is known when there was nothing to measure, or when a residual was not a number.
    const UNKNOWN: Self = Self { l1: f64::NAN, l2: f64::NAN, linf: f64::NAN };

    /// The norms of the residuals `(n)` of one output, weighted by `weights` `(n)` if there are any.
    ///
    /// The sums are compensated, so the rounding error does not grow with `n`; residuals are scaled by the largest
    /// first, so squares neither overflow nor vanish. Rows of weight zero count as absent. All three norms are NaN when
    /// no row is left or when a residual is NaN, and infinite when a residual is infinite.
    ///
    /// ```
    /// use multigrade_model::Norms;
    ///
    /// let norms = Norms::of(&[3.0, -4.0, 0.0, 0.0], None);
    /// assert_eq!(norms, Norms { l1: 1.75, l2: 2.5, linf: 4.0 });
    /// ```
    ///
    /// # Panics
    ///
    /// If there are weights, but not one for each residual: `Samples` never lets that through.
    pub fn of(residuals: &[f64], weights: Option<&[f64]>) -> Self {
        if let Some(weights) = weights {
            assert_eq!(weights.len(), residuals.len(), "one weight for each residual");
        }
        let weight = |row: usize| weights.map_or(1.0, |weights| weights[row]);
        let rows = || residuals.iter().enumerate().map(|(row, r)| (weight(row), r.abs())).filter(|(w, _)| *w > 0.0);

        if rows().next().is_none() || rows().any(|(_, r)| r.is_nan()) {
            return Self::UNKNOWN;
        }
        let largest = rows().map(|(_, r)| r).fold(0.0, f64::max);
        let heaviest = rows().map(|(w, _)| w).fold(0.0, f64::max);
        if largest == 0.0 || largest.is_infinite() {
            return Self { l1: largest, l2: largest, linf: largest };
        }

        // Both ratios are at most 1, so nothing below can overflow.
        let total = sum(rows().map(|(w, _)| w / heaviest));
        let mean = |power: i32| sum(rows().map(|(w, r)| w / heaviest * (r / largest).powi(power))) / total;
        // In exact arithmetic l1 <= l2 <= linf; `min` keeps the last bit from saying otherwise.
        let l2 = (largest * mean(2).sqrt()).min(largest);
        let l1 = (largest * mean(1)).min(l2);
        Self { l1, l2, linf: largest }
    }
}

/// The sum of finite terms, with Neumaier's compensation: the error is about one rounding, whatever the length.
fn sum(terms: impl Iterator<Item = f64>) -> f64 {
    let (mut total, mut lost) = (0.0_f64, 0.0_f64);
    for term in terms {
        let next = total + term;
        lost += if total.abs() >= term.abs() { (total - next) + term } else { (term - next) + total };
        total = next;
    }
    total + lost
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn residuals() -> impl Strategy<Value = Vec<f64>> {
        let ugly = prop_oneof![Just(0.0), Just(-0.0), Just(5e-324), Just(f64::MAX), Just(f64::MIN), Just(1e-200)];
        prop::collection::vec(prop_oneof![4 => -1e6..1e6, 1 => ugly], 1..40)
    }

    fn weighted() -> impl Strategy<Value = (Vec<f64>, Vec<f64>)> {
        residuals().prop_flat_map(|r| {
            let n = r.len();
            (Just(r), prop::collection::vec(prop_oneof![Just(0.0), 1e-3..1e3, Just(f64::MAX)], n))
        })
    }

    fn close(a: f64, b: f64) -> bool {
        (a - b).abs() <= 1e-14 * a.abs().max(b.abs())
    }

    proptest! {
        #[test]
        fn the_mean_is_at_most_the_root_mean_square_which_is_at_most_the_largest((r, w) in weighted()) {
            let norms = Norms::of(&r, Some(&w));
            if w.iter().all(|w| *w == 0.0) {
                prop_assert!(norms.l2.is_nan());
            } else {
                prop_assert!(0.0 <= norms.l1 && norms.l1 <= norms.l2 && norms.l2 <= norms.linf, "{norms:?}");
            }
        }

        #[test]
        fn doubling_every_residual_doubles_every_norm_exactly(r in prop::collection::vec(-1e6..1e6_f64, 1..40)) {
            let twice: Vec<f64> = r.iter().map(|r| 2.0 * r).collect();
            let (one, two) = (Norms::of(&r, None), Norms::of(&twice, None));
            prop_assert_eq!(two, Norms { l1: 2.0 * one.l1, l2: 2.0 * one.l2, linf: 2.0 * one.linf });
        }

        #[test]
        fn only_the_ratios_of_the_weights_matter((r, w) in weighted(), scale in 1e-3..1e3_f64) {
            let w: Vec<f64> = w.iter().map(|w| w.min(1e3)).collect();
            let scaled: Vec<f64> = w.iter().map(|w| w * scale).collect();
            let (a, b) = (Norms::of(&r, Some(&w)), Norms::of(&r, Some(&scaled)));
            prop_assert!(a.l1.is_nan() && b.l1.is_nan() || close(a.l1, b.l1) && close(a.l2, b.l2) && a.linf == b.linf);
        }

        #[test]
        fn a_row_of_weight_two_counts_like_the_same_row_twice(r in residuals()) {
            let mut doubled = r.clone();
            doubled.push(r[0]);
            let mut weights = vec![1.0; r.len()];
            weights[0] = 2.0;
            let (a, b) = (Norms::of(&r, Some(&weights)), Norms::of(&doubled, None));
            prop_assert!(close(a.l1, b.l1) && close(a.l2, b.l2) && a.linf == b.linf, "{a:?} {b:?}");
        }

        #[test]
        fn signs_do_not_matter(r in residuals()) {
            let flipped: Vec<f64> = r.iter().map(|r| -r).collect();
            prop_assert_eq!(Norms::of(&r, None), Norms::of(&flipped, None));
        }
    }

    #[test]
    fn no_rows_have_no_norms() {
        let nothing = Norms::of(&[], None);
        assert!(nothing.l1.is_nan() && nothing.l2.is_nan() && nothing.linf.is_nan());
        assert!(Norms::of(&[1.0, 2.0], Some(&[0.0, 0.0])).l1.is_nan());
    }

    #[test]
    fn a_residual_that_is_not_a_number_is_never_hidden() {
        assert!(Norms::of(&[1.0, f64::NAN], None).linf.is_nan());
        assert_eq!(Norms::of(&[1.0, f64::NEG_INFINITY], None).l1, f64::INFINITY);
        assert_eq!(Norms::of(&[1.0, f64::NAN], Some(&[1.0, 0.0])), Norms::of(&[1.0], None));
    }

    #[test]
    fn squares_of_huge_and_tiny_residuals_neither_overflow_nor_vanish() {
        let huge = Norms::of(&[1e200, -1e200], None);
        assert_eq!(huge, Norms { l1: 1e200, l2: 1e200, linf: 1e200 });
        let tiny = Norms::of(&[5e-324, 0.0, 0.0, 0.0], None);
        assert_eq!(tiny.linf, 5e-324);
        assert!(tiny.l1 <= tiny.l2 && tiny.l2 <= tiny.linf);
    }

    #[test]
    fn a_million_equal_residuals_average_to_themselves() {
        let norms = Norms::of(&vec![0.1; 1_000_000], None);
        assert_eq!(norms, Norms { l1: 0.1, l2: 0.1, linf: 0.1 });
    }
}
