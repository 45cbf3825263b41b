//! One dense layer.

use crate::elementwise::bias_and_activate;
use crate::gemm::{Accumulate, gemm, gemm_and};
use crate::tile::Finish;
use crate::{Activation, Real, View, ViewMut};

/// One dense layer on a block of rows: $\text{out} = \sigma(X W + b)$.
///
/// `inputs` is `(n, inputs)`, `weights` `(inputs, outputs)`, fastest if its rows are contiguous, `bias` `(outputs)`, `out`
/// `(n, outputs)` row-major. Slopes $\sigma'$ are written to `slopes`, `(n, outputs)`, for those activations that
/// [keep them](crate::elementwise::keeps_slope), if it is given.
///
/// ```
/// use multigrade_kernels::{Activation, View, dense};
///
/// let mut out = [0.0; 2];
/// let (inputs, weights) = (View::row_major(&[1.0, -3.0], 2, 1), View::row_major(&[2.0], 1, 1));
/// dense(&mut out, inputs, weights, &[1.0], Activation::Relu, None);
/// assert_eq!(out, [3.0, 0.0]);
/// ```
///
/// # Panics
///
/// If the sizes do not fit together.
#[track_caller]
pub fn dense<T: Real>(
    out: &mut [T],
    inputs: View<'_, T>,
    weights: View<'_, T>,
    bias: &[T],
    activation: Activation,
    slopes: Option<&mut [T]>,
) {
    assert!(bias.len() == weights.columns(), "{} biases for {} outputs", bias.len(), weights.columns());
    if activation == Activation::Relu {
        return gemm_and(Finish::BiasRelu(bias), out, inputs, weights);
    }
    gemm(ViewMut::row_major(out, inputs.rows(), weights.columns()), Accumulate::Replace, inputs, weights);
    bias_and_activate(out, bias, activation, slopes);
}
