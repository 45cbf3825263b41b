//! The loops over entries do what their formulas say.

use multigrade_kernels::elementwise::{
    AdamStep, adam_update, add_column_sums, axpy, bias_and_activate, dot, keeps_slope, multiply_by_slope, sin_cos, tanh,
};
use multigrade_kernels::{Activation, Real};
use proptest::prelude::*;

/// A unit in the last place is at most twice the unit roundoff times the number.
fn near<T: Real>(found: T, expected: f64, ulps: f64) -> bool {
    let unit = 2.0 * T::UNIT_ROUNDOFF.to_f64();
    (found.to_f64() - expected).abs() <= ulps * unit * expected.abs() + f64::from(f32::MIN_POSITIVE)
}

fn check_activation<T: Real>(activation: Activation, z: &[f64]) {
    let z: Vec<T> = z.iter().map(|&z| T::from_f64(z)).collect();
    for slopes_wanted in [false, true] {
        let mut values = z.clone();
        let mut slopes = vec![T::from_f64(0.125); z.len()];
        let bias = vec![T::ZERO; z.len()];
        bias_and_activate(&mut values, &bias, activation, slopes_wanted.then_some(&mut slopes[..]));
        let mut gradient = vec![T::from_f64(-0.75); z.len()];
        let slopes_kept = slopes_wanted && keeps_slope(activation);
        assert!(slopes_kept || slopes.iter().all(|&s| s == T::from_f64(0.125)));
        if slopes_wanted {
            multiply_by_slope(&mut gradient, activation, &values, &slopes);
        }
        for ((&z, &value), &g) in z.iter().zip(&values).zip(&gradient) {
            let exact = z.to_f64();
            // 3 units for the kernel, 1 for the standard library.
            assert!(near(value, activation.apply(exact), 4.0), "{activation}({exact:e}) = {value}");
            if slopes_wanted {
                let slope = activation.derivative(exact);
                // 1 - t^2 is formed from a t that is 4 units off: 2 |t| 4 (2 u) more in absolute terms.
                let absolute = if activation == Activation::Tanh { 16.0 * T::UNIT_ROUNDOFF.to_f64() } else { 0.0 };
                let expected = -0.75 * slope;
                assert!(
                    near(g, expected, 4.0) || (g.to_f64() - expected).abs() <= absolute,
                    "{activation}'({exact:e}): {g} is not {expected:e}"
                );
            }
        }
    }
}

proptest! {
    #[test]
    fn every_activation_and_its_derivative_are_those_of_the_model(
        z in prop::collection::vec(prop_oneof![-3.0..3.0f64, -100.0..100.0f64, -1e-6..1e-6f64, -1e7..1e7f64], 0..200),
    ) {
        for activation in Activation::ALL {
            check_activation::<f64>(activation, &z);
            check_activation::<f32>(activation, &z);
        }
    }

    #[test]
    fn bias_belongs_to_columns(rows in 0usize..5, bias in prop::collection::vec(-1.0..1.0f64, 1..40)) {
        for activation in Activation::ALL {
            let mut values = vec![0.5; rows * bias.len()];
            bias_and_activate(&mut values, &bias, activation, None);
            for row in values.chunks(bias.len()) {
                for (&value, &b) in row.iter().zip(&bias) {
                    prop_assert!(near(value, activation.apply(0.5 + b), 4.0));
                }
            }
        }
    }

    #[test]
    fn sums_over_columns_dots_and_axpy_are_within_the_rounding_bound(
        columns in 1usize..70,
        rows in 0usize..9,
        seed in any::<u32>(),
    ) {
        let number = |i: usize| f64::from((seed.wrapping_mul(2654435761).wrapping_add(i as u32 * 40503)) % 2001) / 1000.0 - 1.0;
        let entries: Vec<f64> = (0..rows * columns).map(number).collect();
        let u = f64::UNIT_ROUNDOFF;

        let mut sums = vec![0.25; columns];
        add_column_sums(&mut sums, &entries);
        for (j, &sum) in sums.iter().enumerate() {
            let column = || entries.iter().skip(j).step_by(columns);
            let magnitude = 0.25 + column().map(|x| x.abs()).sum::<f64>();
            let expected = 0.25 + column().sum::<f64>();
            prop_assert!((sum - expected).abs() <= 2.0 * rows as f64 * u * magnitude);
        }

        let other: Vec<f64> = entries.iter().map(|x| 0.5 - x).collect();
        let magnitude: f64 = entries.iter().zip(&other).map(|(x, y)| (x * y).abs()).sum();
        let expected: f64 = entries.iter().zip(&other).map(|(x, y)| x * y).sum();
        prop_assert!((dot(&entries, &other) - expected).abs() <= 2.0 * entries.len() as f64 * u * magnitude);
        let single: Vec<f32> = entries.iter().map(|&x| x as f32).collect();
        let expected: f64 = single.iter().map(|&x| f64::from(x) * f64::from(x)).sum();
        prop_assert!((dot(&single, &single) - expected).abs() <= 2.0 * single.len() as f64 * u * expected);

        let mut y = other.clone();
        axpy(-1.5, &entries, &mut y);
        for ((&y, &x), &before) in y.iter().zip(&entries).zip(&other) {
            prop_assert!((y - (before - 1.5 * x)).abs() <= 4.0 * u * (before.abs() + 1.5 * x.abs()));
        }
    }

    #[test]
    fn adam_follows_its_formula(gradients in prop::collection::vec(-2.0..2.0f64, 1..60), updates in 1u64..5) {
        let n = gradients.len();
        let (mut parameters, mut mean, mut mean_square) = (vec![0.5; n], vec![0.0; n], vec![0.0; n]);
        let (mut p, mut m, mut v) = (parameters.clone(), mean.clone(), mean_square.clone());
        for update in 1..=updates {
            let step = AdamStep { rate: 0.1, beta1: 0.9, beta2: 0.99, epsilon: 1e-8, update };
            adam_update(&mut parameters, &gradients, &mut mean, &mut mean_square, &step);
            for i in 0..n {
                m[i] = 0.9 * m[i] + 0.1 * gradients[i];
                v[i] = 0.99 * v[i] + 0.01 * gradients[i].powi(2);
                let mean = m[i] / (1.0 - 0.9f64.powi(update as i32));
                let square = v[i] / (1.0 - 0.99f64.powi(update as i32));
                p[i] -= 0.1 * mean / (square.sqrt() + 1e-8);
            }
        }
        for i in 0..n {
            // 1 - beta^t loses up to two digits to cancellation, a few operations each update one unit.
            prop_assert!((parameters[i] - p[i]).abs() <= 1e-12, "{} is not {}", parameters[i], p[i]);
        }
    }
}

#[test]
fn arguments_of_any_size_and_kind_are_handled_where_a_row_mixes_them() {
    let z = [0.3, 1e6, -1e300, 5e-324, -0.0, 3.0e8, std::f64::consts::PI, 1048577.0, -2.5];
    let (mut sines, mut cosines) = (z.to_vec(), z.to_vec());
    sin_cos(&mut sines, &mut cosines);
    for ((&z, &sine), &cosine) in z.iter().zip(&sines).zip(&cosines) {
        assert!(near(sine, z.sin(), 3.0) && near(cosine, z.cos(), 3.0), "{z:e}: {sine:e}, {cosine:e}");
    }
    let mut single: Vec<f32> = z.iter().map(|&z| z as f32).collect();
    let mut single_cosines = single.clone();
    sin_cos(&mut single, &mut single_cosines);
    for ((&z, &sine), &cosine) in z.iter().zip(&single).zip(&single_cosines) {
        let z = f64::from(z as f32);
        if z.is_finite() {
            assert!(near(sine, z.sin(), 3.0) && near(cosine, z.cos(), 3.0), "{z:e}: {sine:e}, {cosine:e}");
        } else {
            assert!(sine.is_nan() && cosine.is_nan());
        }
    }
    let mut values = [f64::INFINITY, f64::NEG_INFINITY, f64::NAN, 0.0];
    tanh(&mut values);
    assert_eq!(values[..2], [1.0, -1.0]);
    assert!(values[2].is_nan() && values[3] == 0.0);
}

#[test]
fn nan_stays_nan_in_every_activation_wherever_it_stands() {
    for activation in Activation::ALL {
        for position in 0..37 {
            let mut values = vec![0.5; 37];
            values[position] = f64::NAN;
            bias_and_activate(&mut values, &[0.25; 37], activation, None);
            let nans: Vec<usize> = (0..37).filter(|&i| values[i].is_nan()).collect();
            assert_eq!(nans, [position], "{activation}");
        }
    }
}

#[test]
fn relu_has_slope_zero_at_its_kink() {
    let mut gradient = [1.0; 3];
    let mut values = [-1.0, 0.0, 1.0];
    bias_and_activate(&mut values, &[0.0; 3], Activation::Relu, None);
    multiply_by_slope(&mut gradient, Activation::Relu, &values, &[]);
    assert_eq!(gradient, [0.0, 0.0, 1.0]);
}
