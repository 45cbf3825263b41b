//! Forward passes for prediction.

use rayon::prelude::*;

use crate::elementwise::bias_and_activate;
use crate::gemm::{Accumulate, gemm};
use crate::{Activation, Real, Shape, View, ViewMut};

/// Rows that go through all layers together.
const BLOCK_ROWS: usize = 256;

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

/// Writes the last hidden features $h_L$ of every row to `out`, `(n, last width)` row-major.
///
/// `parameters` are the hidden layers' (`shape.n_hidden_parameters()` numbers, or all of the shape's), `inputs` is
/// `(n, inputs)` row-major. Row blocks are fixed and run in parallel: the bits do not depend on the number of threads.
///
/// # Panics
///
/// If the sizes do not fit together.
pub fn last_hidden_features<T: Real>(shape: &Shape, parameters: &[T], inputs: &[T], out: &mut [T]) {
    assert!(
        [shape.n_hidden_parameters(), shape.n_parameters()].contains(&parameters.len()),
        "{} parameters, expected {} (hidden layers) or {} (all)",
        parameters.len(),
        shape.n_hidden_parameters(),
        shape.n_parameters()
    );
    assert!(
        inputs.len().is_multiple_of(shape.inputs()),
        "{} input entries are not whole rows of {}",
        inputs.len(),
        shape.inputs()
    );
    let rows = inputs.len() / shape.inputs();
    let width = shape.last_width();
    assert!(out.len() == rows * width, "{} feature entries, expected {rows} rows of {width}", out.len());
    let scratch = || {
        let size = BLOCK_ROWS.min(rows) * shape.max_width();
        (vec![T::ZERO; size], vec![T::ZERO; size])
    };
    out.par_chunks_mut(BLOCK_ROWS * width).zip(inputs.par_chunks(BLOCK_ROWS * shape.inputs())).for_each_init(
        scratch,
        |(current, next), (out, inputs)| {
            block_features(shape, parameters, inputs, out, current, next);
        },
    );
}

/// The last hidden features of one block of rows. `current` and `next` hold a block of the widest layer.
fn block_features<T: Real>(
    shape: &Shape,
    parameters: &[T],
    inputs: &[T],
    out: &mut [T],
    current: &mut Vec<T>,
    next: &mut Vec<T>,
) {
    let rows = inputs.len() / shape.inputs();
    let last = shape.layers().len() - 1;
    for (index, layer) in shape.layers().iter().enumerate() {
        let source = if index == 0 { inputs } else { &current[..rows * layer.inputs] };
        let source = View::row_major(source, rows, layer.inputs);
        let weights = &parameters[layer.weights.clone()];
        let bias = &parameters[layer.bias.clone()];
        if index == last {
            dense(out, source, weights, bias, layer.activation);
        } else {
            dense(&mut next[..rows * layer.outputs], source, weights, bias, layer.activation);
            std::mem::swap(current, next);
        }
    }
}
