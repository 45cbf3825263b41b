//! `exp`, `tanh`, `sin` and `cos` without branches, so that loops over them become vector code.
//!
//! Each function reduces its argument to a short interval and evaluates a minimax polynomial there. The coefficients
//! were computed with the Remez exchange in 60-digit arithmetic and then rounded, and leave less than a tenth of a
//! unit in the last place.
//!
//! Largest errors seen against double-double arithmetic, in units in the last place: tanh 2.25 (f64) and 2.28 (f32),
//! sine and cosine 1.43 (f64) and 1.56 (f32), exp 0.95 (f64) and 0.97 (f32). The tests hold them to 3, 2 and 2.

#![allow(clippy::excessive_precision)] // nine digits name an f32, and the parts of pi/2 are exact

use crate::Real;
use crate::simd::{Isa, multiply_add};

/// `c[0] + c[1] x + c[2] x² + ...` by Horner's rule.
#[inline(always)]
fn polynomial<T: Real, I: Isa, const N: usize>(x: T, coefficients: &[T; N]) -> T {
    let mut value = coefficients[N - 1];
    for &coefficient in coefficients[..N - 1].iter().rev() {
        value = multiply_add::<T, I>(value, x, coefficient);
    }
    value
}

macro_rules! transcendental {
    (
        $type:ident, $bits:ident, $signed:ident, $exp:ident, $tanh:ident, $sin_cos:ident,
        // Adding and subtracting 1.5 * 2^(p-1) rounds to an integer and leaves it in the low bits.
        rounder: $rounder:expr, mantissa: $mantissa:expr, exponent_bias: $bias:expr,
        // exp is 0 below the first and infinite above the second.
        exp_range: [$exp_low:expr, $exp_high:expr],
        // tanh is 1 from here on.
        tanh_saturates: $saturates:expr,
        // ln 2 in two parts; integers below 2^7 times the first are exact.
        ln2: [$ln2_high:expr, $ln2_low:expr],
        // (e^r - 1 - r) / r^2 for |r| <= ln(2) / 2.
        expm1: $expm1:expr,
        // pi / 2 in parts; integers up to 2 / pi times `reach` times all but the last part are exact.
        half_pi: [$($half_pi:expr),*], reach: $reach:expr,
        // Below this the reduced argument has lost digits, unless nothing was subtracted.
        trusted_from: $trusted_from:expr,
        // (sin(r) / r - 1) / r^2 and (cos r - 1 + r^2 / 2) / r^4 in r^2, for |r| <= pi / 4.
        sin: $sin:expr, cos: $cos:expr,
    ) => {
        /// `e^x = 2^k e^r` with `|r| <= ln(2) / 2`. The power is applied in two halves, so that results below the normal range
        /// come out; they are rounded twice. NaN stays NaN.
        #[inline(always)]
        pub(crate) fn $exp<I: Isa>(x: $type) -> $type {
            // Written so that NaN is kept.
            let x = if x > $exp_high { $exp_high } else { x };
            let x = if x < $exp_low { $exp_low } else { x };
            let shifted = multiply_add::<$type, I>(x, std::$type::consts::LOG2_E, $rounder);
            let k = shifted - $rounder;
            let r = multiply_add::<$type, I>(k, -$ln2_high, x);
            let r = multiply_add::<$type, I>(k, -$ln2_low, r);
            let q = polynomial::<$type, I, _>(r, &$expm1);
            let p = multiply_add::<$type, I>(r * r, q, r);
            let k = (shifted.to_bits() as $signed).wrapping_sub(($rounder as $type).to_bits() as $signed);
            let half = k >> 1;
            let power = |k: $signed| $type::from_bits((k.wrapping_add($bias) as $bits) << $mantissa);
            (1.0 + p) * power(half) * power(k.wrapping_sub(half))
        }

        /// `tanh(x)`: with `t = e^(2|x|) - 1`, `tanh |x| = t / (t + 2)`.
        ///
        /// `t` and not `e^(2|x|)` is computed, so that nothing cancels near 0. NaN stays NaN, the sign of zero stays.
        #[inline(always)]
        pub(crate) fn $tanh<I: Isa>(x: $type) -> $type {
            let magnitude = x.abs();
            // Written so that NaN is kept.
            let magnitude = if magnitude > $saturates { $saturates } else { magnitude };
            let y = 2.0 * magnitude;
            let shifted = multiply_add::<$type, I>(y, std::$type::consts::LOG2_E, $rounder);
            let k = shifted - $rounder;
            let r = multiply_add::<$type, I>(k, -$ln2_high, y);
            let r = multiply_add::<$type, I>(k, -$ln2_low, r);
            let power = $type::from_bits(shifted.to_bits().wrapping_add($bias) << $mantissa);
            let q = polynomial::<$type, I, _>(r, &$expm1);
            let p = multiply_add::<$type, I>(r * r, q, r);
            let t = multiply_add::<$type, I>(power, p, power - 1.0);
            (t / (t + 2.0)).copysign(x)
        }

        /// `sin(x)`, `cos(x)`, and whether they are good: `x` must not be so large, nor so close to a multiple of
        /// pi/2, that the reduced argument loses digits.
        #[inline(always)]
        pub(crate) fn $sin_cos<I: Isa>(x: $type) -> ($type, $type, bool) {
            let shifted = multiply_add::<$type, I>(x, std::$type::consts::FRAC_2_PI, $rounder);
            let k = shifted - $rounder;
            let mut r = x;
            $( r = multiply_add::<$type, I>(k, -$half_pi, r); )*
            let good = (x.abs() <= $reach) & ((r.abs() >= $trusted_from) | (k == 0.0));
            let square = r * r;
            let s = polynomial::<$type, I, _>(square, &$sin);
            let s = multiply_add::<$type, I>(r * square, s, r);
            let c = polynomial::<$type, I, _>(square, &$cos);
            let c = multiply_add::<$type, I>(square, c, -0.5);
            let c = multiply_add::<$type, I>(square, c, 1.0);
            // x = k pi/2 + r: an odd k swaps sine and cosine, k modulo 4 decides the signs.
            let quadrant = shifted.to_bits();
            let odd = quadrant & 1 == 1;
            let (sine, cosine) = if odd { (c, s) } else { (s, c) };
            let top = $bits::BITS - 1;
            let sine_sign = (quadrant >> 1) << top;
            let cosine_sign = (quadrant.wrapping_add(1) >> 1) << top;
            (
                $type::from_bits(sine.to_bits() ^ sine_sign),
                $type::from_bits(cosine.to_bits() ^ cosine_sign),
                good,
            )
        }
    };
}

transcendental! {
    f64, u64, i64, exp_f64, tanh_f64, sin_cos_f64,
    rounder: 6_755_399_441_055_744.0, mantissa: 52, exponent_bias: 1023,
    exp_range: [-746.0, 710.0],
    tanh_saturates: 20.0,
    ln2: [0.6931471803691238, 1.9082149292705877e-10],
    expm1: [
        0.5,
        0.16666666666666677,
        0.0416666666666667,
        0.008333333333321532,
        0.0013888888888866837,
        0.00019841269886400787,
        2.4801587360605535e-05,
        2.7557243911961735e-06,
        2.7557242685645416e-07,
        2.5109147269535708e-08,
        2.0924474188566497e-09,
    ],
    half_pi: [1.5707963267341256, 6.077100506303966e-11, 2.0222662487959506e-21],
    reach: 1_048_576.0,
    trusted_from: 5.960464477539063e-8, // 2^-24
    sin: [
        -0.1666666666666664,
        0.008333333333323575,
        -0.000198412698300642,
        2.7557313621771677e-06,
        -2.505072963516614e-08,
        1.5894416118120822e-10,
    ],
    cos: [
        0.04166666666666665,
        -0.0013888888888882785,
        2.480158729457783e-05,
        -2.7557315719792157e-07,
        2.0875894650411434e-09,
        -1.1367797641000073e-11,
    ],
}

transcendental! {
    f32, u32, i32, exp_f32, tanh_f32, sin_cos_f32,
    rounder: 12_582_912.0, mantissa: 23, exponent_bias: 127,
    exp_range: [-104.0, 89.0],
    tanh_saturates: 10.0,
    ln2: [0.693145751953125, 1.42860677e-6],
    expm1: [0.5, 0.166666672, 0.0416662395, 0.00833328627, 0.00139486999, 0.00019907704],
    half_pi: [1.5703125, 0.0004837512969970703, 7.549533620476723e-08, 2.56334407e-12],
    reach: 4096.0,
    trusted_from: 3.814697265625e-6, // 2^-18
    sin: [-0.166666672, 0.00833332911, -0.000198392532, 2.71727322e-6],
    cos: [0.0416666679, -0.00138888857, 2.47999051e-5, -2.72365298e-7],
}

#[cfg(test)]
mod tests;
