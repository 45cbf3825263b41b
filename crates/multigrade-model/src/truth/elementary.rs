//! Elementary functions of intervals.
//!
//! No function of the mathematical library is trusted. An argument is reduced to a small remainder, exactly but for
//! an enclosed rest; a Taylor sum with its Lagrange (or alternating, or geometric) remainder is evaluated in interval
//! arithmetic, so every rounding error is enclosed by construction. What is left to argue is mathematics: the
//! remainder terms, written beside the code, and the digits of π and ln 2.

use super::interval::{Interval, Rounded, power_of_two};

/// `n * 2^k` with `n < 2^53`: exact.
const fn scaled(n: u64, k: i64) -> f64 {
    n as f64 * power_of_two(k)
}

/// π/2 = 0x1.921FB54'442D184'69898CC'51701B8'39A252049C111… cut into pieces of at most 28 bits and a rest.
const HALF_PI_PIECES: [f64; 4] =
    [scaled(0x192_1FB5, -24), scaled(0x444_2D18, -52), scaled(0x469_898C, -80), scaled(0xC51_701B, -108)];
const HALF_PI_REST: Interval = Interval::raw(scaled(0x8_39A2_5204_9C11, -160), scaled(0x8_39A2_5204_9C12, -160));

/// ln 2 = 0x0.B17217F7D1'CF79ABC9E3'B39803F2F6AF4… cut into pieces of 40 bits and a rest.
const LN_2_PIECES: [f64; 2] = [scaled(0xB1_7217_F7D1, -40), scaled(0xCF_79AB_C9E3, -80)];
const LN_2_REST: Interval = Interval::raw(scaled(0xB_3980_3F2F_6AF4, -132), scaled(0xB_3980_3F2F_6AF5, -132));

/// Encloses `x - k c` for the constant `c = Σ pieces + rest`.
///
/// The caller sees to it that `k` and the bits of a piece together fit into 53 bits, so `k * piece` is exact; the
/// errors of the sums are exact and join the rest. So the result loses no digit to cancellation.
fn reduce(x: f64, k: f64, pieces: &[f64], rest: Interval) -> Interval {
    let (mut sum, mut small) = (x, -(Interval::exact(k) * rest));
    for piece in pieces {
        let step = Rounded::sum(sum, -k * piece);
        sum = step.value;
        small = small + Interval::exact(step.error);
    }
    Interval::exact(sum) + small
}

/// `[±1/m!, …]`, N of them, for `m = first, first + step, …`; factorials up to 22! are exact in f64.
const fn inverse_factorials<const N: usize>(first: u64, step: u64, alternating: bool) -> [Interval; N] {
    let mut terms = [Interval::ZERO; N];
    let (mut i, mut m, mut factorial) = (0, 1, 1);
    while i < N {
        while m < first + i as u64 * step {
            m += 1;
            factorial *= m;
        }
        terms[i] = Interval::ONE.over(Interval::exact(factorial as f64));
        if alternating && i % 2 == 0 {
            terms[i] = terms[i].negated();
        }
        i += 1;
    }
    terms
}

/// `[±1/3, 1/5, ±1/7, …]`, N of them.
const fn inverse_odds<const N: usize>(alternating: bool) -> [Interval; N] {
    let mut terms = [Interval::ZERO; N];
    let mut i = 0;
    while i < N {
        terms[i] = Interval::ONE.over(Interval::exact((2 * i + 3) as f64));
        if alternating && i % 2 == 0 {
            terms[i] = terms[i].negated();
        }
        i += 1;
    }
    terms
}

/// Encloses `c_0 + c_1 x + … + θ c_n x^n`: a Taylor sum whose last term carries the factor `θ` of the remainder.
fn series(x: Interval, c: &[Interval], theta: Interval) -> Interval {
    let n = c.len() - 1;
    c[..n].iter().rfold(c[n] * theta, |sum, &c| c + x * sum)
}

const UNIT: Interval = Interval::raw(-1.0, 1.0);
/// Where an overflowing function is known to lie.
const HUGE: Interval = Interval::raw(f64::MAX, f64::INFINITY);

/// `sin r = r - r³/3! + … ± cos(ξ) r^19/19!`, for every `r` (Lagrange).
fn sin_series(r: Interval) -> Interval {
    const C: [Interval; 9] = inverse_factorials(3, 2, true);
    let square = r * r;
    r + r * square * series(square, &C, UNIT)
}

/// `cos r = 1 - r²/2! + … ± cos(ξ) r^18/18!`, for every `r` (Lagrange).
fn cos_series(r: Interval) -> Interval {
    const C: [Interval; 9] = inverse_factorials(2, 2, true);
    let square = r * r;
    Interval::ONE + square * series(square, &C, UNIT)
}

/// `e^r - 1 = r + r²/2! + … + e^ξ r^15/15!` with `e^ξ` in [1/2, 2] for `|r| <= ln 2` (Lagrange).
fn exp_minus_one_series(r: Interval) -> Interval {
    const C: [Interval; 14] = inverse_factorials(2, 1, false);
    r + r * r * series(r, &C, Interval::raw(0.5, 2.0))
}

/// `atan f = f - f³/3 + … ± θ f^45/45` with `θ` in [0, 1] for `|f| <= 1` (alternating, decreasing).
fn atan_series(f: Interval) -> Interval {
    const C: [Interval; 22] = inverse_odds(true);
    let square = f * f;
    f + f * square * series(square, &C, Interval::raw(0.0, 1.0))
}

/// `artanh f = f + f³/3 + … + θ f^25/25`; the tail is below `f^25/25 (1 + f² + …)`, so `θ` is in [1, 2] for `f² <= 1/2`.
fn artanh_series(f: Interval) -> Interval {
    const C: [Interval; 12] = inverse_odds(false);
    let square = f * f;
    f + f * square * series(square, &C, Interval::raw(1.0, 2.0))
}

/// `(k, r)` with `x = k π/2 + r` and `|r| < 1`; `None` for `|x| > 2^25`, where `k` may be too long for [`reduce`].
fn quarter_turns(x: f64) -> Option<(i64, Interval)> {
    if x.abs() > power_of_two(25) {
        return None;
    }
    // |k| < 2^25, and rounding x * 2/π moves k by at most 2^-27 from the nearest integer: |r| <= π/4 + 2^-26.
    let k = (x * std::f64::consts::FRAC_2_PI).round_ties_even();
    Some((k as i64, reduce(x, k, &HALF_PI_PIECES, HALF_PI_REST)))
}

/// Encloses `{sin(x + shift π/2)}`.
fn wave(x: Interval, shift: i64) -> Interval {
    let (Some((k, r)), Some((l, s))) = (quarter_turns(x.lower()), quarter_turns(x.upper())) else {
        return UNIT;
    };
    let at = |k: i64, r| match (k + shift).rem_euclid(4) {
        0 => sin_series(r),
        1 => cos_series(r),
        2 => -sin_series(r),
        _ => -cos_series(r),
    };
    let ends = if k == l && r == s { at(k, r) } else { at(k, r).hull(at(l, s)) };
    // A multiple of π/2 can lie in the interval only from `first` to `last`: lower = k π/2 + r, so (k-1) π/2 is below
    // it because r > -1, (k+1) π/2 is above it because r < 1, and k π/2 is below it if r > 0. Likewise for upper.
    let first = if r.lower() <= 0.0 { k } else { k + 1 };
    let last = if s.upper() >= 0.0 { l } else { l - 1 };
    let turns_at = |quarter| (first..=last.min(first + 3)).any(|k| (k + shift).rem_euclid(4) == quarter);
    let lower = if turns_at(3) { -1.0 } else { ends.lower().max(-1.0) };
    let upper = if turns_at(1) { 1.0 } else { ends.upper().min(1.0) };
    Interval::raw(lower, upper)
}

/// `(k, s)` with `e^x = 2^k (1 + s)` and `k = 0` near 0, for `|x| <= 800`.
fn exp_parts(x: f64) -> (i64, Interval) {
    // |k| <= 1155 has 11 bits, a piece has 40; |r| <= (1/2 + 2^-40) ln 2.
    let k = (x * std::f64::consts::LOG2_E).round_ties_even();
    (k as i64, exp_minus_one_series(reduce(x, k, &LN_2_PIECES, LN_2_REST)))
}

/// `2^k y`, in two steps because `2^k` itself may be out of range.
fn shifted(y: Interval, k: i64) -> Interval {
    y * Interval::exact(power_of_two(k / 2)) * Interval::exact(power_of_two(k - k / 2))
}

fn exp_at(x: f64) -> Interval {
    if x > 800.0 {
        return HUGE; // e^800 > 10^347
    }
    if x < -800.0 {
        return Interval::raw(0.0, f64::from_bits(1));
    }
    let (k, s) = exp_parts(x);
    shifted(Interval::ONE + s, k)
}

/// `(m, k)` with `x = m 2^k` and `1 <= m < 2`, for finite `x > 0`.
fn mantissa(x: f64) -> (f64, i64) {
    if x < f64::MIN_POSITIVE {
        let (m, k) = mantissa(x * power_of_two(54));
        return (m, k - 54);
    }
    (f64::from_bits((x.to_bits() & ((1 << 52) - 1)) | 1023 << 52), (x.to_bits() >> 52) as i64 - 1023)
}

/// `ln x = k ln 2 + 2 artanh((m-1)/(m+1))` for `x = m 2^k`, `m` in [1/√2, √2], so `f² < 0.03`.
fn ln_at(x: f64) -> Interval {
    if x == 0.0 {
        return -HUGE;
    }
    if x == f64::INFINITY {
        return HUGE;
    }
    let (mut m, mut k) = mantissa(x);
    if m > std::f64::consts::SQRT_2 {
        (m, k) = (m / 2.0, k + 1);
    }
    let m = Interval::exact(m);
    let artanh = artanh_series((m - Interval::ONE) / (m + Interval::ONE));
    artanh + artanh - reduce(0.0, k as f64, &LN_2_PIECES, LN_2_REST)
}

/// `tanh x = s / (s + 2) = 1 - 2 / (s + 2)` with `s = e^2x - 1`; the first form keeps digits near 0.
fn tanh_at(x: f64) -> Interval {
    if x < 0.0 {
        return -tanh_at(-x);
    }
    if x > 20.0 {
        return Interval::raw(1.0f64.next_down(), 1.0); // 1 - tanh 20 < 2 e^-40 < 10^-16 / 10
    }
    let two = Interval::exact(2.0);
    let (k, s) = exp_parts(2.0 * x);
    if k == 0 {
        return s / (s + two);
    }
    Interval::ONE - two / (shifted(Interval::ONE + s, k) + Interval::ONE)
}

/// `atan x = π/4 + atan((x-1)/(x+1)) = π/2 - atan(1/x)` for `x > 0`, which brings the argument below √2 - 1.
fn atan_at(x: f64) -> Interval {
    if x < 0.0 {
        return -atan_at(-x);
    }
    let half_pi = Interval::PI * Interval::exact(0.5);
    if x == f64::INFINITY {
        return half_pi;
    }
    let (one, x) = (Interval::ONE, Interval::exact(x));
    match x.lower() {
        ..0.4142 => atan_series(x),
        ..2.4142 => half_pi * Interval::exact(0.5) + atan_series((x - one) / (x + one)),
        _ => half_pi - atan_series(one / x),
    }
}

/// Two interval Newton steps: with `g(t) = t³ - m` and the root `y` in `Y`, `y = c - g(c) / (3 ξ²)` for a `ξ` between
/// `c` and `y`, both in `Y`.
fn cbrt_at(x: f64) -> Interval {
    if x < 0.0 {
        return -cbrt_at(-x);
    }
    if x == 0.0 || x == f64::INFINITY {
        return if x == 0.0 { Interval::ZERO } else { HUGE };
    }
    let (m, k) = mantissa(x);
    let m = m * power_of_two(k.rem_euclid(3)); // in [1, 8), so the root is in [1, 2]
    let mut guess = 1.0 + (m - 1.0) / 7.0;
    for _ in 0..7 {
        guess -= (guess * guess * guess - m) / (3.0 * guess * guess);
    }
    let c = Interval::exact(guess.clamp(1.0, 2.0));
    let excess = c.power(3) - Interval::exact(m);
    let mut root = Interval::raw(1.0, 2.0);
    for _ in 0..2 {
        root = c - excess / (Interval::exact(3.0) * root.hull(c).power(2));
    }
    root * Interval::exact(power_of_two(k.div_euclid(3)))
}

impl Interval {
    /// Encloses the values of an increasing function that `f` encloses at single arguments.
    fn increasing(self, f: fn(f64) -> Self) -> Self {
        let lower = f(self.lower());
        let upper = if self.lower() == self.upper() { lower } else { f(self.upper()) };
        Self::raw(lower.lower(), upper.upper())
    }

    /// Encloses `{sin x}`. `[-1, 1]` if an end is beyond ±2^25.
    pub fn sin(self) -> Self {
        wave(self, 0)
    }

    /// Encloses `{cos x}`. `[-1, 1]` if an end is beyond ±2^25.
    pub fn cos(self) -> Self {
        wave(self, 1)
    }

    /// Encloses `{e^x}`.
    pub fn exp(self) -> Self {
        self.increasing(exp_at)
    }

    /// Encloses `{ln x : x > 0}`; the whole line if there is no such `x`.
    pub fn ln(self) -> Self {
        if self.upper() <= 0.0 {
            return Self::ENTIRE;
        }
        Self::raw(self.lower().max(0.0), self.upper()).increasing(ln_at)
    }

    /// Encloses `{∛x}`, which is negative for negative `x`.
    pub fn cbrt(self) -> Self {
        self.increasing(cbrt_at)
    }

    /// Encloses `{tanh x}`, within `[-1, 1]`.
    pub fn tanh(self) -> Self {
        let y = self.increasing(tanh_at);
        Self::raw(y.lower().max(-1.0), y.upper().min(1.0))
    }

    /// Encloses `{atan x}`.
    pub fn atan(self) -> Self {
        self.increasing(atan_at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use dashu_float::{FBig, round::mode::HalfEven};

    /// Wrong last digits would be far below what any result shows, but they would still be wrong.
    #[test]
    fn the_pieces_and_the_rest_enclose_the_constants() {
        type Big = FBig<HalfEven, 2>;
        let big = |x: f64| Big::try_from(x).expect("finite").with_precision(300).value();
        let half_pi = big(1.0).atan() * big(2.0);
        let ln_2 = big(2.0).ln();
        for (constant, pieces, rest) in
            [(half_pi, &HALF_PI_PIECES[..], HALF_PI_REST), (ln_2, &LN_2_PIECES[..], LN_2_REST)]
        {
            let left = pieces.iter().fold(constant, |left, piece| left - big(*piece));
            assert!(big(rest.lower()) < left && left < big(rest.upper()), "{left} in {rest:?}");
        }
    }
}
