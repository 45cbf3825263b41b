//! One dense layer, for prediction.

use crate::elementwise::bias_and_activate;
use crate::gemm::{Accumulate, gemm};
use crate::{Activation, Real, View, ViewMut};

/// One dense layer on a block of rows: $\text{out} = \sigma(X W^\top + b)$.
///
/// `inputs` is `(n, inputs)`, `weights` `(outputs, inputs)` row-major, `bias` `(outputs)`, `out` `(n, outputs)`
/// row-major.
///
/// ```
/// use multigrade_kernels::{Activation, View, dense};
///
/// let mut out = [0.0; 2];
/// dense(&mut out, View::row_major(&[1.0, -3.0], 2, 1), &[2.0], &[1.0], Activation::Relu);
/// assert_eq!(out, [3.0, 0.0]);
/// ```
///
/// # Panics
///
/// If the sizes do not fit together.
#[track_caller]
pub fn dense<T: Real>(out: &mut [T], inputs: View<'_, T>, weights: &[T], bias: &[T], activation: Activation) {
    let weights = View::row_major(weights, bias.len(), inputs.columns());
    gemm(ViewMut::row_major(out, inputs.rows(), bias.len()), Accumulate::Replace, inputs, weights.t());
    bias_and_activate(out, bias, activation, None);
}
