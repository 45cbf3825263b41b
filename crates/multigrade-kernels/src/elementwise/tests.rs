//! The loops that other processors take give what the loops of this one give.

use super::*;
use crate::simd::Baseline;
use std::f64::consts::{FRAC_PI_2, FRAC_PI_4, PI};

fn arguments<T: Real>() -> Vec<T> {
    let ugly = [0.0, -0.0, 5e-324, -1e-40, 1e-20, FRAC_PI_4, FRAC_PI_2, -PI, 20.5, -6e3, 1e6, -2e6, 1e20, 3e38];
    let ordinary = (0..300).map(|i| (f64::from(i) - 150.0) * 0.137);
    ugly.into_iter().chain(ordinary).map(T::from_f64).collect()
}

/// Both are within `ulps` units in the last place of the truth, so twice that of each other.
fn assert_close<T: Real>(one: &[T], other: &[T], ulps: f64) {
    assert_eq!(one.len(), other.len());
    for (a, b) in one.iter().zip(other) {
        let (a, b) = (a.to_f64(), b.to_f64());
        // A unit in the last place is at most 2 u times the number; numbers below the normal range have larger units.
        let tolerance = 2.0 * ulps * 2.0 * T::UNIT_ROUNDOFF.to_f64() * a.abs().max(b.abs()) + 1e-44;
        assert!((a - b).abs() <= tolerance, "{a:e} and {b:e}");
    }
}

fn the_baseline_agrees_with_this_processor<T: Real>() {
    let z: Vec<T> = arguments();
    let bias: Vec<T> = [0.25, -0.5].map(T::from_f64).to_vec();
    for (body, dispatched) in [
        (bias_relu_body::<T, Baseline> as fn(&mut [T], &[T]), bias_relu::<T> as fn(&mut [T], &[T])),
        (bias_tanh_body::<T, Baseline>, bias_tanh::<T>),
        (add_bias_body::<T, Baseline>, add_bias::<T>),
        (bias_square_body::<T, Baseline>, bias_square::<T>),
    ] {
        let (mut one, mut other) = (z[14..].to_vec(), z[14..].to_vec());
        body(&mut one, &bias);
        dispatched(&mut other, &bias);
        assert_close(&one, &other, 3.0);
    }
    let (mut one, mut other) = ((z.clone(), z.clone()), (z.clone(), z.clone()));
    sine_slope_body::<T, Baseline>(&mut one.0, &mut one.1);
    sine_slope::<T>(&mut other.0, &mut other.1);
    assert_close(&one.0, &other.0, 2.0);
    assert_close(&one.1, &other.1, 2.0);
    let mut alone = z.clone();
    sine::<T>(&mut alone);
    assert_eq!(alone, other.0);
    sine_body::<T, Baseline>(&mut alone[..0]);
    // Every product and every sum is rounded once more without the fused instruction.
    let (x, y) = (&z[14..], &one.1[14..]);
    let products: f64 = x.iter().zip(y).map(|(x, y)| (x.to_f64() * y.to_f64()).abs()).sum();
    let rounding = x.len() as f64 * f64::UNIT_ROUNDOFF * products;
    assert!((dot_body::<T, Baseline>(x, y) - dot::<T>(x, y)).abs() <= 2.0 * rounding);
}

#[test]
fn the_baseline_agrees_with_this_processor_in_both_precisions() {
    the_baseline_agrees_with_this_processor::<f32>();
    the_baseline_agrees_with_this_processor::<f64>();
}
