//! One dense layer, for prediction.

use crate::elementwise::bias_and_activate;
use crate::gemm::{Accumulate, gemm, gemm_and};
use crate::tile::Finish;
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
    activated_product(out, inputs, weights.t(), bias, activation, None);
}

/// [`dense()`] with the weights as a matrix `(inputs, outputs)`, keeping the slopes where [`bias_and_activate`] does.
#[track_caller]
pub(crate) fn activated_product<T: Real>(
    out: &mut [T],
    inputs: View<'_, T>,
    weights: View<'_, T>,
    bias: &[T],
    activation: Activation,
    slopes: Option<&mut [T]>,
) {
    if activation == Activation::Relu {
        return gemm_and(Finish::BiasRelu(bias), out, inputs, weights);
    }
    gemm(ViewMut::row_major(out, inputs.rows(), weights.columns()), Accumulate::Replace, inputs, weights);
    bias_and_activate(out, bias, activation, slopes);
}
