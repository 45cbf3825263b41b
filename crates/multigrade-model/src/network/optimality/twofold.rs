//! Numbers held as an unevaluated sum of two `f64`, about 31 digits.

use std::iter::Sum;
use std::ops::{Add, Div, Mul, Neg, Sub};

/// `high + low` with `|low| <= ulp(high) / 2`.
///
/// The operations are the classical error-free transformations (Dekker 1971; Joldes, Muller, Popescu 2017). Each has
/// relative error below `2^-100`, as long as nothing overflows or falls below `2^-900`.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Twofold {
    high: f64,
    low: f64,
}

impl Twofold {
    pub(super) const ZERO: Self = Self { high: 0.0, low: 0.0 };

    /// The sum of both parts, rounded once.
    pub(super) fn value(self) -> f64 {
        self.high + self.low
    }

    /// `a b` without error.
    pub(super) fn product(a: f64, b: f64) -> Self {
        product(a, b)
    }

    /// The square root, to the precision of the parts: one Newton step from the rounded one.
    pub(super) fn sqrt(self) -> Self {
        let root = self.high.sqrt();
        if root == 0.0 {
            return Self::ZERO;
        }
        let left = self - product(root, root);
        sum(root, left.value() / (2.0 * root))
    }

    pub(super) fn is_above(self, other: Self) -> bool {
        self.high > other.high || (self.high == other.high && self.low > other.low)
    }

    fn scaled(self, factor: f64) -> Self {
        let head = product(self.high, factor);
        sum(head.high, self.low.mul_add(factor, head.low))
    }
}

/// `a + b` without error.
fn sum(a: f64, b: f64) -> Twofold {
    let high = a + b;
    let part = high - a;
    Twofold { high, low: (a - (high - part)) + (b - part) }
}

/// `a b` without error.
fn product(a: f64, b: f64) -> Twofold {
    let high = a * b;
    Twofold { high, low: a.mul_add(b, -high) }
}

impl From<f64> for Twofold {
    fn from(high: f64) -> Self {
        Self { high, low: 0.0 }
    }
}

impl Neg for Twofold {
    type Output = Self;

    fn neg(self) -> Self {
        Self { high: -self.high, low: -self.low }
    }
}

impl Add for Twofold {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        let (head, tail) = (sum(self.high, other.high), sum(self.low, other.low));
        let first = sum(head.high, head.low + tail.high);
        sum(first.high, first.low + tail.low)
    }
}

impl Sub for Twofold {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        self + -other
    }
}

impl Mul for Twofold {
    type Output = Self;

    fn mul(self, other: Self) -> Self {
        let head = product(self.high, other.high);
        sum(head.high, self.high.mul_add(other.low, self.low.mul_add(other.high, head.low)))
    }
}

impl Mul<f64> for Twofold {
    type Output = Self;

    fn mul(self, factor: f64) -> Self {
        self.scaled(factor)
    }
}

impl Div for Twofold {
    type Output = Self;

    fn div(self, other: Self) -> Self {
        let first = self.high / other.high;
        let rest = self - other.scaled(first);
        let second = rest.high / other.high;
        let third = (rest - other.scaled(second)).high / other.high;
        let head = sum(first, second);
        sum(head.high, head.low + third)
    }
}

/// A sum of many terms: its rounded head, and what rounding took from it.
///
/// Of `n` terms the error is at most about `2^-104 n` of the largest partial sum. Faster than adding numbers held twofold,
/// as each step of the head waits for one addition only.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Running {
    head: f64,
    tail: f64,
}

impl Running {
    pub(super) fn add(&mut self, term: Twofold) {
        let next = sum(self.head, term.high);
        self.head = next.high;
        self.tail += next.low + term.low;
    }

    /// Adds the product of another sum, as it stands, and a factor.
    pub(super) fn add_product(&mut self, other: Self, factor: Twofold) {
        let mut term = product(other.head, factor.high);
        term.low += other.head * factor.low + other.tail * factor.high;
        self.add(term);
    }

    pub(super) fn value(self) -> Twofold {
        sum(self.head, self.tail)
    }
}

/// Sums of products side by side, one for each column of a table.
#[derive(Clone, Debug)]
pub(super) struct Moments {
    head: Vec<f64>,
    tail: Vec<f64>,
}

/// `a` cut into two halves of at most 26 bits each, whose products are exact (Dekker 1971). Not for `|a| > 2^996`.
fn halves(a: f64) -> (f64, f64) {
    let shifted = 134_217_729.0 * a;
    let high = shifted - (shifted - a);
    (high, a - high)
}

impl Moments {
    pub(super) fn zero(columns: usize) -> Self {
        Self { head: vec![0.0; columns], tail: vec![0.0; columns] }
    }

    /// Adds `factor (x_j - middle_j) scale_j` to each sum `j`; scales are powers of two that keep the products moderate.
    ///
    /// Halves instead of fused products, which are calls where the processor is not known: the compiler lays the columns
    /// side by side.
    pub(super) fn add(&mut self, factor: Twofold, x: &[f64], middle: &[f64], scale: &[f64]) {
        let (first, second) = halves(factor.high);
        let sums = self.head.iter_mut().zip(&mut self.tail);
        for ((head, tail), ((&x, &middle), &scale)) in sums.zip(x.iter().zip(middle).zip(scale)) {
            let off = x - middle;
            let part = off - x;
            let (z, rest) = (off * scale, ((x - (off - part)) - (middle + part)) * scale);
            let (upper, lower) = halves(z);
            let term = factor.high * z;
            let error = ((first * upper - term) + first * lower + second * upper) + second * lower;
            let next = *head + term;
            let part = next - *head;
            *tail += ((*head - (next - part)) + (term - part)) + (error + (factor.high * rest + factor.low * z));
            *head = next;
        }
    }

    pub(super) fn values(&self) -> Vec<Twofold> {
        self.head.iter().zip(&self.tail).map(|(&head, &tail)| sum(head, tail)).collect()
    }
}

impl Sum for Twofold {
    fn sum<I: Iterator<Item = Self>>(terms: I) -> Self {
        terms.fold(Self::ZERO, Self::add)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn sums_side_by_side_are_the_sums_one_after_the_other(
            rows in prop::collection::vec((-1e3..1e3f64, -1e-14..1e-14f64, -1e6..1e6f64, -1.0..1.0f64), 1..60), middle in -1e6..1e6f64,
        ) {
            let (mut sums, mut largest) = (Moments::zero(2), 0.0);
            let (mut expected, mut running, mut plain) = ([Twofold::ZERO; 2], Running::default(), Running::default());
            for &(high, low, x, y) in &rows {
                let factor = sum(high, low);
                sums.add(factor, &[x, y], &[middle, 0.5], &[0.125, 4.0]);
                let off = [(Twofold::from(x) - Twofold::from(middle)) * 0.125, (Twofold::from(y) - Twofold::from(0.5)) * 4.0];
                expected = [expected[0] + factor * off[0], expected[1] + factor * off[1]];
                largest += high.abs() * (off[0].value().abs() + 4.0);
                plain.add(factor);
                running.add_product(plain, off[1]);
            }
            for (found, expected) in sums.values().into_iter().zip(expected) {
                prop_assert!((found - expected).value().abs() <= largest * 2f64.powi(-96));
            }
            let (mut sum, mut twice) = (Twofold::ZERO, Twofold::ZERO);
            for &(high, low, _, y) in &rows {
                sum = sum + super::sum(high, low);
                twice = twice + sum * ((Twofold::from(y) - Twofold::from(0.5)) * 4.0);
            }
            prop_assert!((running.value() - twice).value().abs() <= 6.0 * 60.0 * 60e3 * 2f64.powi(-96));
        }

        #[test]
        fn what_f64_cancels_survives(a in -1e9..1e9f64, b in 1e-9..1e9f64) {
            let (x, y) = (Twofold::from(a), Twofold::from(b));
            prop_assert_eq!((x + y - x).value(), b);
            let quotient = x / y;
            prop_assert!((quotient * y - x).value().abs() <= a.abs() * 2f64.powi(-98));
            let root = y.sqrt();
            prop_assert!((root * root - y).value().abs() <= b * 2f64.powi(-98));
            prop_assert_eq!((x * b - x * y).value(), 0.0);
        }
    }
}
