//! The functions stay within their stated errors of a reference that carries about 100 bits.

use crate::simd::{Avx2, Baseline};

use super::{exp_f32, exp_f64, sin_cos_f32, sin_cos_f64, tanh_f32, tanh_f64};

/// A number as the unevaluated sum of two: `high + low` with `|low| <= ulp(high) / 2`.
#[derive(Clone, Copy)]
struct Twofold {
    high: f64,
    low: f64,
}

impl Twofold {
    fn new(high: f64) -> Self {
        Self { high, low: 0.0 }
    }

    fn sum(a: f64, b: f64) -> Self {
        let high = a + b;
        let b_seen = high - a;
        Self { high, low: (a - (high - b_seen)) + (b - b_seen) }
    }

    fn plus(self, other: Self) -> Self {
        let highs = Self::sum(self.high, other.high);
        let lows = Self::sum(self.low, other.low);
        let carried = Self::sum(highs.high, highs.low + lows.high);
        Self::sum(carried.high, carried.low + lows.low)
    }

    fn times(self, other: Self) -> Self {
        let high = self.high * other.high;
        let rest = self.high.mul_add(other.high, -high);
        Self::sum(high, rest + (self.high * other.low + self.low * other.high))
    }

    fn over(self, divisor: Self) -> Self {
        let first = self.high / divisor.high;
        let rest = self.plus(divisor.times(Self::new(-first)));
        let second = rest.high / divisor.high;
        let rest = rest.plus(divisor.times(Self::new(-second)));
        Self::sum(first, second).plus(Self::new(rest.high / divisor.high))
    }
}

/// `e^y - 1`: the series at `y / 1024`, then ten times `e^(2a) - 1 = (e^a - 1) (e^a + 1)`.
fn expm1(y: f64) -> Twofold {
    let small = Twofold::new(y / 1024.0);
    let mut term = small;
    let mut value = small;
    for n in 2..20 {
        term = term.times(small).over(Twofold::new(f64::from(n)));
        value = value.plus(term);
    }
    for _ in 0..10 {
        value = value.times(value.plus(Twofold::new(2.0)));
    }
    value
}

fn exp(x: f64) -> Twofold {
    let one = Twofold::new(1.0);
    let large = expm1(x.abs()).plus(one);
    if x < 0.0 { one.over(large) } else { large }
}

fn tanh(x: f64) -> Twofold {
    let t = expm1(2.0 * x);
    t.over(t.plus(Twofold::new(2.0)))
}

/// Sine and cosine by their series, after multiples of pi/2 (known to 160 bits) were taken off. For `|x| <= 1000`.
fn sin_cos(x: f64) -> (Twofold, Twofold) {
    const HALF_PI: [f64; 3] = [std::f64::consts::FRAC_PI_2, 6.123233995736766e-17, -1.4973849048591833e-33];
    let k = (x / HALF_PI[0]).round();
    let part = |part: f64| Twofold::new(part).times(Twofold::new(-k));
    let r = HALF_PI.into_iter().fold(Twofold::new(x), |r, p| r.plus(part(p)));
    let minus_square = r.times(r).times(Twofold::new(-1.0));
    let series = |first: Twofold, start: i32| {
        let (mut term, mut value) = (first, first);
        for n in (start..start + 40).step_by(2) {
            term = term.times(minus_square).over(Twofold::new(f64::from(n * (n + 1))));
            value = value.plus(term);
        }
        value
    };
    let (s, c) = (series(r, 2), series(Twofold::new(1.0), 1));
    let minus = |v: Twofold| v.times(Twofold::new(-1.0));
    match (k as i64).rem_euclid(4) {
        0 => (s, c),
        1 => (c, minus(s)),
        2 => (minus(s), minus(c)),
        _ => (minus(c), s),
    }
}

/// The distance of `computed` from `exact` in units in the last place of an f64.
fn ulps_f64(computed: f64, exact: Twofold) -> f64 {
    let unit = exact.high.abs().next_up() - exact.high.abs();
    ((computed - exact.high) - exact.low).abs() / unit
}

/// The distance of `computed` from `exact` in units in the last place of an f32.
fn ulps_f32(computed: f32, exact: f64) -> f64 {
    let near = (exact as f32).abs();
    (f64::from(computed) - exact).abs() / (f64::from(near.next_up()) - f64::from(near))
}

/// Numbers of both signs spread evenly over the range of exponents `exponents`.
fn spread(count: usize, exponents: std::ops::Range<f64>) -> impl Iterator<Item = f64> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut uniform = move || {
        state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (state >> 11) as f64 / (1u64 << 53) as f64
    };
    (0..count).map(move |i| {
        let exponent = exponents.start + (exponents.end - exponents.start) * uniform();
        let magnitude = exponent.exp2() * (1.0 + uniform());
        if i % 2 == 0 { magnitude } else { -magnitude }
    })
}

/// Numbers next to a multiple of pi/2, where the reduced argument is small.
fn near_zeros() -> impl Iterator<Item = f64> {
    (1..600).flat_map(|k| {
        let x = f64::from(k) * std::f64::consts::FRAC_PI_2;
        [x, x.next_up(), x.next_down(), x * (1.0 + 1e-9), x * (1.0 - 3e-6), x as f32 as f64]
    })
}

#[test]
fn exp_is_within_2_units_in_the_last_place_and_1_more_below_the_normal_range() {
    let ends = [709.78, 708.4, -708.3, 0.34657359027997264, -0.3465735902799726, 1.0397207708399179];
    for x in spread(100_000, -30.0..8.6).chain(ends).filter(|x| x.abs() < 708.0 || ends.contains(x)) {
        let exact = exp(x);
        for computed in [exp_f64::<Avx2>(x), exp_f64::<Baseline>(x)] {
            let error = ulps_f64(computed, exact);
            assert!(error <= 2.0, "exp({x:e}) = {computed:e} is {error:.2} units off");
        }
    }
    for x in spread(1_000_000, -30.0..5.6).map(|x| x as f32).filter(|x| (-103.0..88.7).contains(x)) {
        let exact = f64::from(x).exp();
        let limit = if exact < f64::from(f32::MIN_POSITIVE) { 3.0 } else { 2.0 };
        for computed in [exp_f32::<Avx2>(x), exp_f32::<Baseline>(x)] {
            let error = ulps_f32(computed, exact);
            assert!(error <= limit, "exp({x:e}) = {computed:e} is {error:.2} units off");
        }
    }
    for x in spread(10_000, 9.47..9.53).filter(|x| (-745.0..-708.5).contains(x)) {
        // The standard library is within one unit for every argument.
        for computed in [exp_f64::<Avx2>(x), exp_f64::<Baseline>(x)] {
            assert!((computed - x.exp()).abs() <= 4.0 * 5e-324, "exp({x:e}) = {computed:e}");
        }
    }
}

#[test]
fn exp_of_zero_infinities_and_nan_is_exact() {
    for (x, y) in
        [(0.0, 1.0), (-0.0, 1.0), (f64::INFINITY, f64::INFINITY), (f64::NEG_INFINITY, 0.0), (1e4, f64::INFINITY)]
    {
        assert_eq!([exp_f64::<Avx2>(x), exp_f64::<Baseline>(x)], [y; 2]);
        assert_eq!([exp_f32::<Avx2>(x as f32), exp_f32::<Baseline>(x as f32)], [y as f32; 2]);
    }
    assert!(exp_f64::<Avx2>(f64::NAN).is_nan() && exp_f64::<Baseline>(f64::NAN).is_nan());
    assert!(exp_f32::<Avx2>(f32::NAN).is_nan() && exp_f32::<Baseline>(f32::NAN).is_nan());
}

#[test]
fn tanh_is_within_3_units_in_the_last_place() {
    for x in spread(100_000, -30.0..5.0).chain([0.3465735902799726, 0.34657359027997264, 1.039720770839918, 19.1]) {
        let exact = tanh(x);
        for computed in [tanh_f64::<Avx2>(x), tanh_f64::<Baseline>(x)] {
            let error = ulps_f64(computed, exact);
            assert!(error <= 3.0, "tanh({x:e}) = {computed:e} is {error:.2} units off");
        }
    }
    for x in spread(1_000_000, -30.0..5.0).map(|x| x as f32) {
        let exact = f64::from(x).tanh();
        for computed in [tanh_f32::<Avx2>(x), tanh_f32::<Baseline>(x)] {
            let error = ulps_f32(computed, exact);
            assert!(error <= 3.0, "tanh({x:e}) = {computed:e} is {error:.2} units off");
        }
    }
}

#[test]
fn sine_and_cosine_are_within_2_units_in_the_last_place_wherever_they_are_trusted() {
    let mut trusted = 0;
    for x in spread(50_000, -30.0..9.0).chain(near_zeros()) {
        let exact = sin_cos(x);
        for (sine, cosine, good) in [sin_cos_f64::<Avx2>(x), sin_cos_f64::<Baseline>(x)] {
            if good {
                trusted += 1;
                let error = ulps_f64(sine, exact.0).max(ulps_f64(cosine, exact.1));
                assert!(error <= 2.0, "sin, cos ({x:e}) = {sine:e}, {cosine:e}: {error:.2} units off");
            }
        }
    }
    // The standard library is within one unit for every argument.
    for x in spread(500_000, 5.0..19.0) {
        for (sine, cosine, good) in [sin_cos_f64::<Avx2>(x), sin_cos_f64::<Baseline>(x)] {
            if good {
                trusted += 1;
                let near = |v: f64| Twofold::new(v);
                let error = ulps_f64(sine, near(x.sin())).max(ulps_f64(cosine, near(x.cos())));
                assert!(error <= 3.0, "sin, cos ({x:e}) = {sine:e}, {cosine:e}: {error:.2} units off");
            }
        }
    }
    for x in spread(1_000_000, -30.0..12.0).chain(near_zeros()).map(|x| x as f32) {
        let exact = f64::from(x).sin_cos();
        for (sine, cosine, good) in [sin_cos_f32::<Avx2>(x), sin_cos_f32::<Baseline>(x)] {
            if good {
                trusted += 1;
                let error = ulps_f32(sine, exact.0).max(ulps_f32(cosine, exact.1));
                assert!(error <= 2.0, "sin, cos ({x:e}) = {sine:e}, {cosine:e}: {error:.2} units off");
            }
        }
    }
    // Nearly all arguments take the fast way: distrust must stay the exception.
    assert!(trusted > 3_050_000, "only {trusted} results are trusted");
}

#[test]
fn huge_arguments_and_those_that_are_not_finite_are_not_trusted_with_sine() {
    for x in [1e7, -1e9, 1e300, f64::MAX, f64::INFINITY, f64::NEG_INFINITY, f64::NAN] {
        assert!(!sin_cos_f64::<Avx2>(x).2 && !sin_cos_f64::<Baseline>(x).2, "{x}");
        let x = x as f32;
        assert!(!sin_cos_f32::<Avx2>(x).2 && !sin_cos_f32::<Baseline>(x).2, "{x}");
    }
}

#[test]
fn tanh_keeps_zeros_subnormals_infinities_and_nan() {
    for x in [0.0, 5e-324, 3e-310, f64::MIN_POSITIVE, 1e-200] {
        for computed in [tanh_f64::<Avx2>(x), tanh_f64::<Baseline>(x)] {
            assert_eq!(computed.to_bits(), x.to_bits());
        }
        for computed in [tanh_f64::<Avx2>(-x), tanh_f64::<Baseline>(-x)] {
            assert_eq!(computed.to_bits(), (-x).to_bits());
        }
    }
    for x in [20.0, 1e3, f64::MAX, f64::INFINITY] {
        assert_eq!([tanh_f64::<Avx2>(x), tanh_f64::<Baseline>(-x)], [1.0, -1.0]);
        assert_eq!([tanh_f32::<Avx2>(x as f32), tanh_f32::<Baseline>(-x as f32)], [1.0, -1.0]);
    }
    assert!(tanh_f64::<Avx2>(f64::NAN).is_nan() && tanh_f64::<Baseline>(f64::NAN).is_nan());
    assert!(tanh_f32::<Avx2>(f32::NAN).is_nan() && tanh_f32::<Baseline>(f32::NAN).is_nan());
}
