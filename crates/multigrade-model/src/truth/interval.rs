//! Intervals of real numbers and the arithmetic that cannot leave them.
//!
//! The theorem of this file and of `elementary.rs`: **if `x` lies in `X` and `y` in `Y`, then the operation on the
//! numbers, where it is defined, lies in the operation on the intervals.** It rests on IEEE 754 binary64 arithmetic
//! in round-to-nearest with gradual underflow for `+ - * / sqrt`, and on nothing else: every end is the rounded result
//! moved outward by one neighbour unless the rounding error, computed exactly, shows that it is on the safe side.

use std::ops::{Add, Div, Mul, Neg, Sub};

/// A closed interval of real numbers: `lower <= upper`, `lower < ∞`, `upper > -∞`. Never empty, never NaN.
///
/// An infinite end stands for "unbounded"; the infinities themselves are not members. Sums, products, quotients and
/// roots have the tightest ends that f64 allows, except where a result is below `2^-960` or above `2^990` in
/// magnitude: there they may be one neighbour wider.
///
/// ```
/// use multigrade_model::truth::Interval;
/// let third = Interval::ONE / Interval::point(3.0).unwrap();
/// assert!(third.lower() < third.upper()); // 1/3 is no f64: its two neighbours enclose it
/// assert_eq!(third.lower().next_up(), third.upper());
/// assert_eq!(Interval::new(2.0, 1.0), None);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Interval {
    lower: f64,
    upper: f64,
}

/// `2^k`, exactly, for `-1022 <= k <= 1023`.
pub(super) const fn power_of_two(k: i64) -> f64 {
    f64::from_bits(((1023 + k) as u64) << 52)
}

/// Below this magnitude nothing in the exact error terms can overflow.
const LARGE: f64 = power_of_two(990);
/// Above this magnitude the error of a product is a multiple of `2^-1066`, hence a representable number.
const SMALL: f64 = power_of_two(-960);

/// A correctly rounded result and, where known, what was rounded away.
#[derive(Clone, Copy)]
pub(super) struct Rounded {
    /// The rounded result.
    pub(super) value: f64,
    /// The exact result minus `value` (for quotients and roots a number of that sign); NaN where it is not known.
    pub(super) error: f64,
}

impl Rounded {
    /// `a + b`; the error is exact (Knuth's TwoSum, which asks nothing of the magnitudes but that they are not huge).
    pub(super) const fn sum(a: f64, b: f64) -> Self {
        let value = a + b;
        if !(a.abs() < LARGE && b.abs() < LARGE) {
            return Self { value, error: f64::NAN };
        }
        let b_part = value - a;
        Self { value, error: (a - (value - b_part)) + (b - b_part) }
    }

    /// `a * b`; the error is exact (Dekker's product of halves). `0 * ∞ = 0`: the infinity is only a bound.
    const fn product(a: f64, b: f64) -> Self {
        if a == 0.0 || b == 0.0 {
            return Self { value: 0.0, error: 0.0 };
        }
        let value = a * b;
        if value == 0.0 {
            // Underflow: the exact product has the sign of a * b.
            return Self { value, error: a.signum() * b.signum() };
        }
        if !(a.abs() < LARGE && b.abs() < LARGE && value.abs() > SMALL && value.abs() < LARGE) {
            return Self { value, error: f64::NAN };
        }
        let ((a1, a2), (b1, b2)) = (halves(a), halves(b));
        Self { value, error: ((a1 * b1 - value) + a1 * b2 + a2 * b1) + a2 * b2 }
    }

    /// `a / b` for `b > 0`; the error has the sign of `a - value * b`.
    pub(super) const fn quotient(a: f64, b: f64) -> Self {
        let value = a / b;
        let back = Self::product(value, b);
        // Whether or not `value` is subnormal, `value * b` is between a/2 and 2a, or 0; so the difference of `a` and
        // the rounded product is exact (Sterbenz), and an unknown error of the product stays one (NaN).
        Self { value, error: (a - back.value) - back.error }
    }

    /// `√a` for `a >= 0`; the error has the sign of `a - value²`.
    fn root(a: f64) -> Self {
        let value = a.sqrt();
        let square = Self::product(value, value);
        Self { value, error: (a - square.value) - square.error }
    }

    /// A number not above the exact result. NaN is not `>= 0`, so an unknown error counts as a bad one.
    /// From an overflow to `∞` this makes the largest finite number, so `lower < ∞` survives.
    pub(super) const fn down(self) -> f64 {
        if self.error >= 0.0 { self.value } else { self.value.next_down() }
    }

    /// A number not below the exact result.
    pub(super) const fn up(self) -> f64 {
        if self.error <= 0.0 { self.value } else { self.value.next_up() }
    }
}

/// Veltkamp's splitting: `x = x1 + x2` with at most 26 significant bits each, so that products of halves are exact.
const fn halves(x: f64) -> (f64, f64) {
    let c = 134_217_729.0 * x; // 2^27 + 1
    let first = c - (c - x);
    (first, x - first)
}

impl Interval {
    /// All real numbers.
    pub const ENTIRE: Self = Self { lower: f64::NEG_INFINITY, upper: f64::INFINITY };
    /// The number 0.
    pub const ZERO: Self = Self { lower: 0.0, upper: 0.0 };
    /// The number 1.
    pub const ONE: Self = Self { lower: 1.0, upper: 1.0 };
    /// Encloses π = 3.14159265358979323…: the nearest f64 is 3.14159265358979311….
    pub const PI: Self = Self { lower: std::f64::consts::PI, upper: std::f64::consts::PI.next_up() };
    /// Encloses e = 2.718281828459045235…: the nearest f64 is 2.718281828459045090….
    pub const E: Self = Self { lower: std::f64::consts::E, upper: std::f64::consts::E.next_up() };

    /// `[lower, upper]`, or `None` if that is not an interval: the only door through which ends from outside come in.
    pub const fn new(lower: f64, upper: f64) -> Option<Self> {
        // Stated positively, so that NaN fails it.
        if lower <= upper && lower < f64::INFINITY && upper > f64::NEG_INFINITY {
            Some(Self { lower, upper })
        } else {
            None
        }
    }

    /// The number `x`, or `None` if it is not finite.
    pub const fn point(x: f64) -> Option<Self> {
        Self::new(x, x)
    }

    /// `[lower, upper]` where the caller's argument shows that this is an interval.
    pub(super) const fn raw(lower: f64, upper: f64) -> Self {
        debug_assert!(Self::new(lower, upper).is_some());
        Self { lower, upper }
    }

    /// The number `x`, which the caller knows to be finite.
    pub(super) const fn exact(x: f64) -> Self {
        Self::raw(x, x)
    }

    /// The lower end; `-∞` if unbounded below.
    pub const fn lower(self) -> f64 {
        self.lower
    }

    /// The upper end; `∞` if unbounded above.
    pub const fn upper(self) -> f64 {
        self.upper
    }

    /// Whether the number `x` is a member.
    pub const fn contains(self, x: f64) -> bool {
        self.lower <= x && x <= self.upper && x.is_finite()
    }

    /// Whether every member of `other` is a member.
    pub const fn encloses(self, other: Self) -> bool {
        self.lower <= other.lower && other.upper <= self.upper
    }

    /// Whether both ends are finite.
    pub const fn is_bounded(self) -> bool {
        self.lower.is_finite() && self.upper.is_finite()
    }

    /// Encloses `{c x}` for the number `c`, which the caller knows to be finite.
    #[inline]
    pub(super) const fn scaled(self, c: f64) -> Self {
        let (lower, upper) = if c >= 0.0 { (self.lower, self.upper) } else { (self.upper, self.lower) };
        Self::raw(Rounded::product(c, lower).down(), Rounded::product(c, upper).up())
    }

    /// A finite member near the middle (no promise how near).
    pub const fn midpoint(self) -> f64 {
        let (lower, upper) = (self.lower.max(f64::MIN), self.upper.min(f64::MAX));
        (0.5 * lower + 0.5 * upper).clamp(lower, upper)
    }

    /// An upper bound of `upper - lower`.
    pub const fn width(self) -> f64 {
        Rounded::sum(self.upper, -self.lower).up()
    }

    /// An upper bound of `|x|`.
    pub const fn magnitude(self) -> f64 {
        self.upper.max(-self.lower)
    }

    /// The smallest interval that encloses both.
    pub const fn hull(self, other: Self) -> Self {
        Self::raw(self.lower.min(other.lower), self.upper.max(other.upper))
    }

    /// The numbers in both, if any.
    pub const fn intersection(self, other: Self) -> Option<Self> {
        Self::new(self.lower.max(other.lower), self.upper.min(other.upper))
    }

    /// Encloses `{|x|}`, exactly.
    pub const fn abs(self) -> Self {
        if self.lower >= 0.0 {
            self
        } else if self.upper <= 0.0 {
            self.negated()
        } else {
            Self::raw(0.0, self.magnitude())
        }
    }

    /// Encloses `{min(x, y)}`, exactly.
    pub const fn min(self, other: Self) -> Self {
        Self::raw(self.lower.min(other.lower), self.upper.min(other.upper))
    }

    /// Encloses `{max(x, y)}`, exactly.
    pub const fn max(self, other: Self) -> Self {
        Self::raw(self.lower.max(other.lower), self.upper.max(other.upper))
    }

    /// Encloses `{√x : x >= 0}`; the whole line if there is no such `x`.
    pub fn sqrt(self) -> Self {
        if self.upper < 0.0 {
            return Self::ENTIRE;
        }
        Self::raw(Rounded::root(self.lower.max(0.0)).down(), Rounded::root(self.upper).up())
    }

    /// Encloses `{x^n}`: repeated products, `x^0 = 1`, `x^-n = 1 / x^n` for `x != 0`.
    pub fn power(self, n: i32) -> Self {
        if n < 0 {
            return Self::ONE / self.power_of(n.unsigned_abs());
        }
        self.power_of(n.unsigned_abs())
    }

    fn power_of(self, n: u32) -> Self {
        if n.is_multiple_of(2) {
            self.abs().growing_power(n)
        } else if self.upper <= 0.0 {
            -(-self).growing_power(n)
        } else if self.lower >= 0.0 {
            self.growing_power(n)
        } else {
            let (below, above) = (Self::raw(0.0, -self.lower), Self::raw(0.0, self.upper));
            Self::raw(-below.growing_power(n).upper, above.growing_power(n).upper)
        }
    }

    /// `x^n` for `x >= 0`, where products of ends are ends of products: repeated squaring loses nothing but rounding.
    fn growing_power(self, mut n: u32) -> Self {
        let (mut result, mut square) = (Self::ONE, self);
        while n > 0 {
            if n % 2 == 1 {
                result = result * square;
            }
            n /= 2;
            if n > 0 {
                square = square * square;
            }
        }
        result
    }

    pub(super) const fn negated(self) -> Self {
        Self::raw(-self.upper, -self.lower)
    }

    /// Encloses `{x / y : y != 0}` for `y >= 0`: each end is the quotient of two ends, chosen by the sign of `x`.
    const fn over_nonnegative(self, y: Self) -> Self {
        let lower = match (self.lower >= 0.0, y.lower > 0.0) {
            (true, _) => Rounded::quotient(self.lower, y.upper).down(),
            (false, true) => Rounded::quotient(self.lower, y.lower).down(),
            (false, false) => f64::NEG_INFINITY,
        };
        let upper = match (self.upper <= 0.0, y.lower > 0.0) {
            (true, _) => Rounded::quotient(self.upper, y.upper).up(),
            (false, true) => Rounded::quotient(self.upper, y.lower).up(),
            (false, false) => f64::INFINITY,
        };
        Self::raw(lower, upper)
    }

    /// [`Div`], for constants.
    pub(super) const fn over(self, y: Self) -> Self {
        if y.lower >= 0.0 && y.upper > 0.0 {
            self.over_nonnegative(y)
        } else if y.upper <= 0.0 && y.lower < 0.0 {
            self.negated().over_nonnegative(y.negated())
        } else {
            Self::ENTIRE
        }
    }
}

impl Neg for Interval {
    type Output = Self;

    /// Encloses `{-x}`, exactly.
    fn neg(self) -> Self {
        self.negated()
    }
}

impl Add for Interval {
    type Output = Self;

    /// Encloses `{x + y}`.
    fn add(self, y: Self) -> Self {
        Self::raw(Rounded::sum(self.lower, y.lower).down(), Rounded::sum(self.upper, y.upper).up())
    }
}

impl Sub for Interval {
    type Output = Self;

    /// Encloses `{x - y}`.
    fn sub(self, y: Self) -> Self {
        self + -y
    }
}

impl Mul for Interval {
    type Output = Self;

    /// Encloses `{x * y}`: a product is extremal at two ends, and the signs say which.
    fn mul(self, y: Self) -> Self {
        let x = self;
        if x.lower >= 0.0 {
            let below = if y.lower >= 0.0 { x.lower } else { x.upper };
            let above = if y.upper >= 0.0 { x.upper } else { x.lower };
            Self::raw(Rounded::product(below, y.lower).down(), Rounded::product(above, y.upper).up())
        } else if x.upper <= 0.0 {
            -(-x * y)
        } else if y.lower >= 0.0 || y.upper <= 0.0 {
            y * x
        } else {
            let lower = Rounded::product(x.lower, y.upper).down().min(Rounded::product(x.upper, y.lower).down());
            let upper = Rounded::product(x.lower, y.lower).up().max(Rounded::product(x.upper, y.upper).up());
            Self::raw(lower, upper)
        }
    }
}

impl Div for Interval {
    type Output = Self;

    /// Encloses `{x / y : y != 0}`; the whole line if 0 is inside `y` or is all of it.
    fn div(self, y: Self) -> Self {
        self.over(y)
    }
}
