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

    pub(super) fn abs(self) -> Self {
        if self.high < 0.0 { -self } else { self }
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
