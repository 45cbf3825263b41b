//! Loops over the entries of activations, gradients and parameters.
//!
//! Compiled for AVX-512, for AVX2 and for the baseline of the target; the processor at hand decides at run time.
//! Where a loop sums, the order of summation is fixed by the lengths alone.

use crate::evaluator::LANES;
use crate::simd::{Isa, dispatched, multiply_add};
use crate::{Activation, Real};

/// Sums run in this many independent partial sums, enough to fill the widest registers several times.
const PARTIAL_SUMS: usize = 32;

/// Columns that are summed together.
const STRIP: usize = 64;

/// The entries whose sine and cosine are computed before one looks whether they may be trusted.
const SINE_CHUNK: usize = 64;

/// Whether the derivative of `activation` must be kept from the forward pass: true for sine and square, whose output
/// does not determine it.
pub fn keeps_slope(activation: Activation) -> bool {
    matches!(activation, Activation::Sin | Activation::Square)
}

/// Adds `bias` to every row of `values` and applies `activation` in place: $z_{ij} \to \sigma(z_{ij} + b_j)$.
///
/// `values` holds rows of `bias.len()` entries. If `slopes` is given and [`keeps_slope`] holds, $\sigma'(z)$ is
/// written there; otherwise it is not touched.
///
/// Errors of the functions, in units in the last place: tanh at most 3, sine and cosine at most 2, the others at most
/// one rounding. NaN gives NaN for every activation; so does an infinite argument of sine.
///
/// # Panics
///
/// If `values` is not made of whole rows, or `slopes` (where it is needed) has another length than `values`.
pub fn bias_and_activate<T: Real>(values: &mut [T], bias: &[T], activation: Activation, slopes: Option<&mut [T]>) {
    check_rows(values.len(), bias.len());
    match (activation, slopes) {
        (Activation::Relu, _) => bias_relu(values, bias),
        (Activation::Tanh, _) => bias_tanh(values, bias),
        (Activation::Identity, _) => add_bias(values, bias),
        (Activation::Square, None) => bias_square(values, bias),
        (Activation::Square, Some(slopes)) => {
            check_same(slopes.len(), values.len(), "slopes");
            bias_square_slope(values, bias, slopes);
        }
        (Activation::Sin, None) => {
            add_bias(values, bias);
            sine(values);
        }
        (Activation::Sin, Some(slopes)) => {
            check_same(slopes.len(), values.len(), "slopes");
            add_bias(values, bias);
            sine_slope(values, slopes);
        }
    }
}

/// Multiplies `gradient` by the derivative of `activation`: $g \to g \, \sigma'(z)$.
///
/// `features` are the outputs $\sigma(z)$ of the forward pass and `slopes` what it kept; `slopes` is read for sine and
/// square only, `features` for the other activations only. ReLU has derivative 0 at $z \le 0$.
///
/// # Panics
///
/// If the slice that is read has another length than `gradient`.
pub fn multiply_by_slope<T: Real>(gradient: &mut [T], activation: Activation, features: &[T], slopes: &[T]) {
    match activation {
        Activation::Relu => {
            check_same(features.len(), gradient.len(), "features");
            mask(gradient, features);
        }
        Activation::Tanh => {
            check_same(features.len(), gradient.len(), "features");
            multiply_by_tanh_slope(gradient, features);
        }
        Activation::Sin | Activation::Square => {
            check_same(slopes.len(), gradient.len(), "slopes");
            multiply(gradient, slopes);
        }
        Activation::Identity => {}
    }
}

/// Applies the exponential function to every entry; at most 2 units in the last place off. Results below the normal range
/// may be off by one more of their own units.
pub fn exp<T: Real>(values: &mut [T]) {
    exp_in_place(values);
}

/// Applies the hyperbolic tangent to every entry; at most 3 units in the last place off.
pub fn tanh<T: Real>(values: &mut [T]) {
    tanh_in_place(values);
}

/// Replaces every entry by its sine and writes its cosine to `cosines`; at most 2 units in the last place off.
///
/// # Panics
///
/// If the lengths differ.
pub fn sin_cos<T: Real>(values: &mut [T], cosines: &mut [T]) {
    check_same(cosines.len(), values.len(), "cosines");
    sine_slope(values, cosines);
}

/// Adds the sum of every column of `rows` to `sums`; `rows` holds rows of `sums.len()` entries.
///
/// # Panics
///
/// If `rows` is not made of whole rows.
pub fn add_column_sums<T: Real>(sums: &mut [T], rows: &[T]) {
    check_rows(rows.len(), sums.len());
    column_sums(sums, rows);
}

/// $y \to y + \alpha x$.
///
/// # Panics
///
/// If the lengths differ.
pub fn axpy<T: Real>(alpha: T, x: &[T], y: &mut [T]) {
    check_same(x.len(), y.len(), "x");
    axpy_loop(alpha, x, y);
}

/// Writes the sum of the lanes, added from first to last, to `sum`.
///
/// # Panics
///
/// If the lengths differ.
pub(crate) fn sum_lanes<'a, T: Real>(sum: &mut [T], mut lanes: impl ExactSizeIterator<Item = &'a [T]>) {
    let mut next = || {
        let lane = lanes.next()?;
        check_same(lane.len(), sum.len(), "a lane");
        Some(lane)
    };
    match [next(), next(), next(), next()] {
        [Some(a), Some(b), Some(c), Some(d)] => sum_lanes_loop(sum, [a, b, c, d]),
        few => {
            sum.fill(T::ZERO);
            few.into_iter().flatten().for_each(|lane| axpy_loop(T::ONE, lane, sum));
        }
    }
}

/// $\sum_i x_i y_i$, with products and sums in f64 for both precisions.
///
/// # Panics
///
/// If the lengths differ.
pub fn dot<T: Real>(x: &[T], y: &[T]) -> f64 {
    check_same(x.len(), y.len(), "x");
    dot_loop(x, y)
}

/// The constants of one Adam update.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AdamStep {
    /// The learning rate, at least 0.
    pub rate: f64,
    /// How much of the mean gradient is kept, in `[0, 1)`.
    pub beta1: f64,
    /// How much of the mean squared gradient is kept, in `[0, 1)`.
    pub beta2: f64,
    /// Added to the root of the mean squared gradient, above 0.
    pub epsilon: f64,
    /// The number of this update, counted from 1; it corrects the bias of the two means, which start at 0.
    pub update: u64,
}

/// One Adam update of `parameters` in place (Kingma and Ba, *Adam*, arXiv 1412.6980, algorithm 1).
///
/// With $m \to \beta_1 m + (1 - \beta_1) g$ and $v \to \beta_2 v + (1 - \beta_2) g^2$,
///
/// $$p \to p - \eta \, \frac{m / (1 - \beta_1^t)}{\sqrt{v / (1 - \beta_2^t)} + \varepsilon} .$$
///
/// # Panics
///
/// If the lengths differ.
pub fn adam_update<T: Real>(
    parameters: &mut [T],
    gradient: &[T],
    mean: &mut [T],
    mean_square: &mut [T],
    step: &AdamStep,
) {
    check_same(gradient.len(), parameters.len(), "gradient");
    check_same(mean.len(), parameters.len(), "mean");
    check_same(mean_square.len(), parameters.len(), "mean_square");
    let power = |beta: f64| beta.powf(step.update as f64);
    adam_loop(
        parameters,
        gradient,
        mean,
        mean_square,
        AdamScalars {
            rate: T::from_f64(step.rate / (1.0 - power(step.beta1))),
            beta1: T::from_f64(step.beta1),
            rest1: T::from_f64(1.0 - step.beta1),
            beta2: T::from_f64(step.beta2),
            rest2: T::from_f64(1.0 - step.beta2),
            correction2: T::from_f64(1.0 / (1.0 - power(step.beta2))),
            epsilon: T::from_f64(step.epsilon),
        },
    );
}

/// [`AdamStep`] in the precision of the parameters, with the corrections worked out.
#[derive(Clone, Copy)]
struct AdamScalars<T> {
    rate: T,
    beta1: T,
    rest1: T,
    beta2: T,
    rest2: T,
    correction2: T,
    epsilon: T,
}

#[track_caller]
fn check_rows(length: usize, columns: usize) {
    let whole = if columns == 0 { length == 0 } else { length.is_multiple_of(columns) };
    assert!(whole, "{length} entries are not whole rows of {columns}");
}

#[track_caller]
fn check_same(length: usize, expected: usize, what: &str) {
    assert!(length == expected, "{what} has {length} entries, expected {expected}");
}

/// `max(z, 0)`, but NaN stays NaN, so that training that has gone wrong is seen.
#[inline(always)]
pub(crate) fn relu<T: Real>(z: T) -> T {
    if z <= T::ZERO { T::ZERO } else { z }
}

/// Calls `f(entry, bias)` for every entry.
#[inline(always)]
fn with_bias<T: Real>(values: &mut [T], bias: &[T], f: impl Fn(T) -> T) {
    if bias.is_empty() {
        return;
    }
    for row in values.chunks_exact_mut(bias.len()) {
        for (z, &b) in row.iter_mut().zip(bias) {
            *z = f(*z + b);
        }
    }
}

#[inline(always)]
fn bias_relu_body<T: Real, I: Isa>(values: &mut [T], bias: &[T]) {
    with_bias(values, bias, relu);
}

#[inline(always)]
fn bias_tanh_body<T: Real, I: Isa>(values: &mut [T], bias: &[T]) {
    with_bias(values, bias, T::tanh_straight::<I>);
}

#[inline(always)]
fn add_bias_body<T: Real, I: Isa>(values: &mut [T], bias: &[T]) {
    with_bias(values, bias, |z| z);
}

#[inline(always)]
fn bias_square_body<T: Real, I: Isa>(values: &mut [T], bias: &[T]) {
    with_bias(values, bias, |z| z * z);
}

#[inline(always)]
fn bias_square_slope_body<T: Real, I: Isa>(values: &mut [T], bias: &[T], slopes: &mut [T]) {
    if bias.is_empty() {
        return;
    }
    let rows = values.chunks_exact_mut(bias.len()).zip(slopes.chunks_exact_mut(bias.len()));
    for (row, slope_row) in rows {
        for ((value, slope), &b) in row.iter_mut().zip(slope_row).zip(bias) {
            let z = *value + b;
            *value = z * z;
            *slope = z + z;
        }
    }
}

#[inline(always)]
fn exp_body<T: Real, I: Isa>(values: &mut [T]) {
    for x in values {
        *x = x.exp_straight::<I>();
    }
}

#[inline(always)]
fn tanh_body<T: Real, I: Isa>(values: &mut [T]) {
    for z in values {
        *z = z.tanh_straight::<I>();
    }
}

#[inline(always)]
fn sine_slope_body<T: Real, I: Isa>(values: &mut [T], cosines: &mut [T]) {
    let mut copy = [T::ZERO; SINE_CHUNK];
    for (values, cosines) in values.chunks_mut(SINE_CHUNK).zip(cosines.chunks_mut(SINE_CHUNK)) {
        let arguments = &mut copy[..values.len()];
        arguments.copy_from_slice(values);
        let mut all_good = true;
        for ((&z, sine), cosine) in arguments.iter().zip(&mut *values).zip(&mut *cosines) {
            let good;
            (*sine, *cosine, good) = z.sin_cos_straight::<I>();
            all_good &= good;
        }
        if !all_good {
            for ((&z, sine), cosine) in arguments.iter().zip(values).zip(cosines) {
                if !z.sin_cos_straight::<I>().2 {
                    (*sine, *cosine) = z.sin_cos_careful();
                }
            }
        }
    }
}

#[inline(always)]
fn sine_body<T: Real, I: Isa>(values: &mut [T]) {
    let mut cosines = [T::ZERO; SINE_CHUNK];
    for values in values.chunks_mut(SINE_CHUNK) {
        let cosines = &mut cosines[..values.len()];
        sine_slope_body::<T, I>(values, cosines);
    }
}

#[inline(always)]
fn mask_body<T: Real, I: Isa>(gradient: &mut [T], features: &[T]) {
    for (g, &h) in gradient.iter_mut().zip(features) {
        *g = if h <= T::ZERO { T::ZERO } else { *g };
    }
}

#[inline(always)]
fn tanh_slope_body<T: Real, I: Isa>(gradient: &mut [T], features: &[T]) {
    for (g, &h) in gradient.iter_mut().zip(features) {
        *g *= multiply_add::<T, I>(-h, h, T::ONE);
    }
}

#[inline(always)]
fn multiply_body<T: Real, I: Isa>(gradient: &mut [T], slopes: &[T]) {
    for (g, &slope) in gradient.iter_mut().zip(slopes) {
        *g *= slope;
    }
}

#[inline(always)]
fn column_sums_body<T: Real, I: Isa>(sums: &mut [T], rows: &[T]) {
    let width = sums.len();
    let (strips, rest) = sums.as_chunks_mut::<STRIP>();
    let narrow = width - rest.len();
    // Strip by strip, so that the sums stay in registers.
    for (strip, sums) in strips.iter_mut().enumerate() {
        let mut partial = *sums;
        for row in rows.chunks_exact(width) {
            let row = &row[strip * STRIP..][..STRIP];
            for j in 0..STRIP {
                partial[j] += row[j];
            }
        }
        *sums = partial;
    }
    if !rest.is_empty() {
        for row in rows.chunks_exact(width) {
            for (sum, &x) in rest.iter_mut().zip(&row[narrow..]) {
                *sum += x;
            }
        }
    }
}

#[inline(always)]
fn axpy_body<T: Real, I: Isa>(alpha: T, x: &[T], y: &mut [T]) {
    for (y, &x) in y.iter_mut().zip(x) {
        *y = multiply_add::<T, I>(alpha, x, *y);
    }
}

#[inline(always)]
fn sum_lanes_body<T: Real, I: Isa>(sum: &mut [T], [a, b, c, d]: [&[T]; LANES]) {
    for ((((sum, &a), &b), &c), &d) in sum.iter_mut().zip(a).zip(b).zip(c).zip(d) {
        *sum = ((a + b) + c) + d;
    }
}

#[inline(always)]
fn dot_body<T: Real, I: Isa>(x: &[T], y: &[T]) -> f64 {
    let mut partial = [0.0f64; PARTIAL_SUMS];
    let (x_chunks, x_rest) = x.as_chunks::<PARTIAL_SUMS>();
    let (y_chunks, y_rest) = y.as_chunks::<PARTIAL_SUMS>();
    for (x, y) in x_chunks.iter().zip(y_chunks) {
        for i in 0..PARTIAL_SUMS {
            partial[i] = multiply_add::<f64, I>(x[i].to_f64(), y[i].to_f64(), partial[i]);
        }
    }
    for ((sum, &x), &y) in partial.iter_mut().zip(x_rest).zip(y_rest) {
        *sum = multiply_add::<f64, I>(x.to_f64(), y.to_f64(), *sum);
    }
    let mut width = PARTIAL_SUMS;
    while width > 1 {
        width /= 2;
        for i in 0..width {
            partial[i] += partial[i + width];
        }
    }
    partial[0]
}

#[inline(always)]
fn adam_body<T: Real, I: Isa>(
    parameters: &mut [T],
    gradient: &[T],
    mean: &mut [T],
    mean_square: &mut [T],
    s: AdamScalars<T>,
) {
    let moments = mean.iter_mut().zip(mean_square);
    for ((p, &g), (m, v)) in parameters.iter_mut().zip(gradient).zip(moments) {
        *m = multiply_add::<T, I>(s.beta1, *m, s.rest1 * g);
        *v = multiply_add::<T, I>(s.beta2, *v, s.rest2 * g * g);
        *p -= s.rate * *m / ((*v * s.correction2).sqrt() + s.epsilon);
    }
}

dispatched! { fn bias_relu<T>(values: &mut [T], bias: &[T]) => bias_relu_body }
dispatched! { fn bias_tanh<T>(values: &mut [T], bias: &[T]) => bias_tanh_body }
dispatched! { fn add_bias<T>(values: &mut [T], bias: &[T]) => add_bias_body }
dispatched! { fn bias_square<T>(values: &mut [T], bias: &[T]) => bias_square_body }
dispatched! { fn bias_square_slope<T>(values: &mut [T], bias: &[T], slopes: &mut [T]) => bias_square_slope_body }
dispatched! { fn exp_in_place<T>(values: &mut [T]) => exp_body }
dispatched! { fn tanh_in_place<T>(values: &mut [T]) => tanh_body }
dispatched! { fn sine<T>(values: &mut [T]) => sine_body }
dispatched! { fn sine_slope<T>(values: &mut [T], cosines: &mut [T]) => sine_slope_body }
dispatched! { fn mask<T>(gradient: &mut [T], features: &[T]) => mask_body }
dispatched! { fn multiply_by_tanh_slope<T>(gradient: &mut [T], features: &[T]) => tanh_slope_body }
dispatched! { fn multiply<T>(gradient: &mut [T], slopes: &[T]) => multiply_body }
dispatched! { fn column_sums<T>(sums: &mut [T], rows: &[T]) => column_sums_body }
dispatched! { fn axpy_loop<T>(alpha: T, x: &[T], y: &mut [T]) => axpy_body }
dispatched! { fn sum_lanes_loop<T>(sum: &mut [T], lanes: [&[T]; LANES]) => sum_lanes_body }
dispatched! { fn dot_loop<T>(x: &[T], y: &[T]) -> f64 => dot_body }
dispatched! {
    fn adam_loop<T>(
        parameters: &mut [T],
        gradient: &[T],
        mean: &mut [T],
        mean_square: &mut [T],
        scalars: AdamScalars<T>,
    ) => adam_body
}

#[cfg(test)]
mod tests;
