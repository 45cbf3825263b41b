//! Loss and gradient of one grade over all rows.

mod gauss_newton;

use std::ops::Range;

use crate::buffer::Buffer;
use crate::dense;
use crate::elementwise::{add_column_sums, bias_and_activate, keeps_slope, multiply_by_slope, sum_lanes};
use crate::gemm::{Accumulate, gemm, gemm_and, tiled, transpose};
use crate::tile::Finish;
use crate::{Activation, HiddenLayer, Real, Shape, View, ViewMut};

/// The largest number of contiguous parts the rows are split into. Each part has its own gradient; the parts are added in
/// order. Their number depends on the shape and the rows, not on the number of threads, so neither do the bits of the result.
pub const LANES: usize = 4;

/// Lanes are halved while they have fewer rows than this, if a layer is so wide that its products need many rows to pay for
/// copies of its weights, and its gradient is dear to add up.
const MIN_LANE_ROWS: usize = 128;

/// The most rows that go through all layers together.
const MAX_BLOCK_ROWS: usize = 256;

/// Row blocks are made no smaller than this: products of fewer rows do not pay.
const MIN_BLOCK_ROWS: usize = 32;

/// The same where the weights do not stay in the cache: every block reads them and its gradient again.
const MIN_STREAMED_ROWS: usize = 128;

/// What one block's features and their gradients may take, in bytes: they should stay in the second-level cache.
const BLOCK_BYTES: usize = 768 * 1024;

/// From this many multiply-adds on, about 100 microseconds of work, an evaluation is worth waking other threads for.
const PARALLEL_FROM: usize = 6_000_000;

/// A loss that is a sum over rows.
pub trait Loss<T>: Sync {
    /// Replaces `outputs` by the derivative of the loss with respect to them, and returns the rows' part of the loss.
    ///
    /// `outputs` holds rows `first_row, first_row + 1, ...` of the grade's outputs, row-major.
    fn evaluate(&self, first_row: usize, outputs: &mut [T]) -> f64;

    /// The rows' part of the loss alone. `outputs` may be overwritten; what is left there is not read.
    ///
    /// Worth implementing where the derivative costs extra.
    fn value(&self, first_row: usize, outputs: &mut [T]) -> f64 {
        self.evaluate(first_row, outputs)
    }
}

/// Evaluates the loss of one grade and its gradient, in memory that is allocated once.
///
/// ```
/// use multigrade_kernels::{Activation, Evaluator, Loss, Shape};
///
/// /// Half the sum of squares: its derivative is the output itself.
/// struct HalfSquares;
/// impl Loss<f64> for HalfSquares {
///     fn evaluate(&self, _first_row: usize, outputs: &mut [f64]) -> f64 {
///         outputs.iter().map(|o| 0.5 * o * o).sum()
///     }
/// }
///
/// let shape = Shape::new(1, vec![(1, Activation::Identity)], 0, 1);
/// let mut evaluator = Evaluator::new(shape);
/// // g(x) = 3 (2 x + 1) + 0 at x = 1 is 9.
/// let mut gradient = [0.0; 4];
/// let loss = evaluator.loss_and_gradient(&[2.0, 1.0, 3.0, 0.0], &[1.0], &[], &HalfSquares, &mut gradient);
/// assert_eq!(loss, 40.5);
/// assert_eq!(gradient, [27.0, 27.0, 27.0, 9.0]);
/// ```
#[derive(Clone, Debug)]
pub struct Evaluator<T> {
    shape: Shape,
    block_rows: usize,
    /// Where the shape of a hidden layer asks for it, its weights transposed, at their place among the parameters.
    transposed: Buffer<T>,
    lanes: [Lane<T>; LANES],
}

/// One part of the rows: its own memory, its own gradient.
#[derive(Clone, Debug)]
struct Lane<T> {
    /// Per hidden layer, the features of one block.
    features: Vec<Buffer<T>>,
    /// Per hidden layer, the derivatives its activation keeps; empty where it keeps none.
    slopes: Vec<Buffer<T>>,
    /// The outputs of one block, then the derivative of the loss with respect to them.
    outputs: Buffer<T>,
    /// The derivatives with respect to what a layer adds up before its activation, and those of the layer after it.
    delta: Buffer<T>,
    next_delta: Buffer<T>,
    gradient: Buffer<T>,
    /// The derivatives of one output in the rows of one block, and the Gauss-Newton matrix; empty until they are asked for.
    jacobian: Buffer<T>,
    matrix: Buffer<T>,
    loss: f64,
}

/// What the caller asks for.
#[derive(Clone, Copy)]
struct Request<'a, T> {
    parameters: &'a [T],
    inputs: &'a [T],
    carried: &'a [T],
    /// Of the rows, where the Gauss-Newton matrix is asked for.
    weights: &'a [T],
    loss: &'a dyn Loss<T>,
}

/// What all blocks of an evaluation read.
#[derive(Clone, Copy)]
struct Problem<'a, T> {
    shape: &'a Shape,
    request: Request<'a, T>,
    transposed: &'a [T],
    rows: usize,
    block_rows: usize,
    n_lanes: usize,
}

impl<T: Real> Evaluator<T> {
    /// An evaluator for grades of this shape.
    pub fn new(shape: Shape) -> Self {
        let block_rows = block_rows::<T>(&shape);
        let lanes = std::array::from_fn(|_| Lane::new(&shape, block_rows));
        let transposed = Buffer::zeros(shape.n_hidden_parameters());
        Self { shape, block_rows, transposed, lanes }
    }

    /// The shape it was made for.
    pub fn shape(&self) -> &Shape {
        &self.shape
    }

    /// The loss over all rows; its gradient with respect to the parameters overwrites `gradient`.
    ///
    /// `parameters` and `gradient` are laid out as [`Shape`] says, `inputs` is `(n, inputs)` and `carried`
    /// `(n, carried)`, both row-major. A NaN or an infinity on the way shows in the result; nothing is hidden.
    ///
    /// # Panics
    ///
    /// If a slice does not have the length the shape and the number of rows ask for.
    pub fn loss_and_gradient(
        &mut self,
        parameters: &[T],
        inputs: &[T],
        carried: &[T],
        loss: &dyn Loss<T>,
        gradient: &mut [T],
    ) -> f64 {
        let expected = self.shape.n_parameters();
        assert!(gradient.len() == expected, "gradient of length {}, expected {expected}", gradient.len());
        let lanes = self.run(Request { parameters, inputs, carried, weights: &[], loss }, 3, Lane::loss_and_gradient);
        sum_lanes(gradient, lanes.iter().map(|lane| &*lane.gradient));
        total_loss(lanes)
    }

    /// The loss over all rows, without its gradient; bit for bit what [`Self::loss_and_gradient`] returns if the loss
    /// has no [`Loss::value`] of its own.
    ///
    /// # Panics
    ///
    /// If a slice does not have the length the shape and the number of rows ask for.
    pub fn loss(&mut self, parameters: &[T], inputs: &[T], carried: &[T], loss: &dyn Loss<T>) -> f64 {
        total_loss(self.run(Request { parameters, inputs, carried, weights: &[], loss }, 1, Lane::loss))
    }

    /// The number of rows, after all lengths were found consistent.
    fn check(&self, request: &Request<'_, T>) -> usize {
        let shape = &self.shape;
        let Request { parameters, inputs, carried, .. } = request;
        let expected = shape.n_parameters();
        assert!(parameters.len() == expected, "{} parameters, expected {expected}", parameters.len());
        assert!(
            inputs.len().is_multiple_of(shape.inputs()),
            "{} input entries are not whole rows of {}",
            inputs.len(),
            shape.inputs()
        );
        let rows = inputs.len() / shape.inputs();
        assert!(
            carried.len() == rows * shape.carried(),
            "{} carried entries, expected {rows} rows of {}",
            carried.len(),
            shape.carried()
        );
        rows
    }

    /// Runs `task` on every lane's rows, on several threads if the work is worth it, at `passes` multiply-adds per row
    /// and parameter; the answer is the lanes that were used.
    fn run(
        &mut self,
        request: Request<'_, T>,
        passes: usize,
        task: fn(&mut Lane<T>, Problem<'_, T>, Range<usize>),
    ) -> &[Lane<T>] {
        let rows = self.check(&request);
        let Self { shape, block_rows, transposed, lanes } = self;
        for layer in shape.layers().iter().filter(|layer| tiled(layer.inputs, layer.outputs)) {
            let weights = View::row_major(&request.parameters[layer.weights.clone()], layer.outputs, layer.inputs);
            transpose(&mut transposed[layer.weights.clone()], weights);
        }
        let n_lanes = n_lanes(shape, rows);
        let problem = Problem { shape, request, transposed, rows, block_rows: *block_rows, n_lanes };
        let run = |index: usize, lane: &mut Lane<T>| task(lane, problem, problem.lane_rows(index));
        let work = rows.saturating_mul(shape.n_parameters()).saturating_mul(passes);
        let lanes = &mut lanes[..n_lanes];
        match lanes {
            [a, b, c, d] if work >= PARALLEL_FROM => {
                rayon::join(|| rayon::join(|| run(0, a), || run(1, b)), || rayon::join(|| run(2, c), || run(3, d)));
            }
            [a, b] if work >= PARALLEL_FROM => {
                rayon::join(|| run(0, a), || run(1, b));
            }
            _ => lanes.iter_mut().enumerate().for_each(|(index, lane)| run(index, lane)),
        }
        lanes
    }
}

/// The number of lanes for so many rows.
fn n_lanes(shape: &Shape, rows: usize) -> usize {
    let all_tiled = shape.layers().iter().all(|layer| tiled(layer.inputs, layer.outputs));
    match rows / MIN_LANE_ROWS {
        _ if all_tiled => LANES,
        0 | 1 => 1,
        2 | 3 => 2,
        _ => LANES,
    }
}

fn total_loss<T>(lanes: &[Lane<T>]) -> f64 {
    lanes.iter().map(|lane| lane.loss).sum()
}

/// The largest number of rows, within limits, whose features and gradients stay in the cache.
fn block_rows<T>(shape: &Shape) -> usize {
    let kept: usize =
        shape.layers().iter().map(|layer| layer.outputs * if keeps_slope(layer.activation) { 2 } else { 1 }).sum();
    let row_bytes = (kept + 2 * shape.max_width() + shape.outputs()).saturating_mul(size_of::<T>());
    let weight_bytes = shape.n_parameters().saturating_mul(size_of::<T>());
    let least = if weight_bytes > 2 * BLOCK_BYTES { MIN_STREAMED_ROWS } else { MIN_BLOCK_ROWS };
    (BLOCK_BYTES / row_bytes.max(1) / 8 * 8).clamp(least, MAX_BLOCK_ROWS)
}

impl<'a, T: Real> Problem<'a, T> {
    /// The rows of lane `index`.
    fn lane_rows(&self, index: usize) -> Range<usize> {
        let boundary = |index: usize| (self.rows / self.n_lanes) * index + (self.rows % self.n_lanes).min(index);
        boundary(index)..boundary(index + 1)
    }

    /// Splits a lane's rows into blocks of nearly the same size.
    fn blocks(&self, rows: Range<usize>) -> impl Iterator<Item = Range<usize>> + use<T> {
        let blocks = rows.len().div_ceil(self.block_rows).max(1);
        let size = rows.len().div_ceil(blocks).max(1);
        let end = rows.end;
        rows.step_by(size).map(move |start| start..(start + size).min(end))
    }

    /// The weights of a hidden layer as a matrix `(inputs, outputs)`.
    fn transposed_weights(&self, layer: &HiddenLayer) -> View<'a, T> {
        if tiled(layer.inputs, layer.outputs) {
            View::row_major(&self.transposed[layer.weights.clone()], layer.inputs, layer.outputs)
        } else {
            View::row_major(&self.request.parameters[layer.weights.clone()], layer.outputs, layer.inputs).t()
        }
    }

    fn inputs(&self, rows: &Range<usize>) -> View<'a, T> {
        let columns = self.shape.inputs();
        View::row_major(&self.request.inputs[rows.start * columns..rows.end * columns], rows.len(), columns)
    }

    fn carried(&self, rows: &Range<usize>) -> View<'a, T> {
        let columns = self.shape.carried();
        View::row_major(&self.request.carried[rows.start * columns..rows.end * columns], rows.len(), columns)
    }
}

impl<T: Real> Lane<T> {
    fn new(shape: &Shape, block_rows: usize) -> Self {
        let zeros = |columns: usize| Buffer::zeros(block_rows * columns);
        let slopes = |activation, width| zeros(if keeps_slope(activation) { width } else { 0 });
        Self {
            features: shape.layers().iter().map(|layer| zeros(layer.outputs)).collect(),
            slopes: shape.layers().iter().map(|layer| slopes(layer.activation, layer.outputs)).collect(),
            outputs: zeros(shape.outputs()),
            delta: zeros(shape.max_width()),
            next_delta: zeros(shape.max_width()),
            gradient: Buffer::zeros(shape.n_parameters()),
            jacobian: Buffer::zeros(0),
            matrix: Buffer::zeros(0),
            loss: 0.0,
        }
    }

    /// The loss of `rows` and its gradient.
    fn loss_and_gradient(&mut self, problem: Problem<'_, T>, rows: Range<usize>) {
        self.loss = 0.0;
        if rows.is_empty() {
            self.gradient.fill(T::ZERO);
        }
        let first_row = rows.start;
        for block in problem.blocks(rows) {
            self.forward(problem, &block, true);
            let outputs = &mut self.outputs[..block.len() * problem.shape.outputs()];
            self.loss += problem.request.loss.evaluate(block.start, outputs);
            let first = block.start == first_row;
            self.backward(problem, &block, if first { Accumulate::Replace } else { Accumulate::Add });
        }
    }

    /// The loss of `rows`.
    fn loss(&mut self, problem: Problem<'_, T>, rows: Range<usize>) {
        self.loss = 0.0;
        for block in problem.blocks(rows) {
            self.forward(problem, &block, false);
            let outputs = &mut self.outputs[..block.len() * problem.shape.outputs()];
            self.loss += problem.request.loss.value(block.start, outputs);
        }
    }

    /// Features and outputs of one block; with `keep_slopes` also what the backward pass needs.
    fn forward(&mut self, problem: Problem<'_, T>, block: &Range<usize>, keep_slopes: bool) {
        let (shape, rows) = (problem.shape, block.len());
        for (index, layer) in shape.layers().iter().enumerate() {
            let (before, after) = self.features.split_at_mut(index);
            let inputs = match before.last() {
                None => problem.inputs(block),
                Some(features) => View::row_major(&features[..rows * layer.inputs], rows, layer.inputs),
            };
            let size = rows * layer.outputs;
            let slopes = &mut self.slopes[index];
            let slopes = (keep_slopes && !slopes.is_empty()).then(|| &mut slopes[..size]);
            let bias = &problem.request.parameters[layer.bias.clone()];
            let (weights, out) = (problem.transposed_weights(layer), &mut after[0][..size]);
            dense(out, inputs, weights, bias, layer.activation, slopes);
        }
        let readout = shape.readout();
        let weights = readout_weights(shape, problem.request.parameters);
        let features = last_features(&self.features, shape, rows);
        let outputs = &mut self.outputs[..rows * readout.outputs];
        let view = ViewMut::row_major(outputs, rows, readout.outputs);
        gemm(view, Accumulate::Replace, features, weights.column_range(0..readout.features).t());
        if readout.carried > 0 {
            let view = ViewMut::row_major(outputs, rows, readout.outputs);
            let weights = weights.column_range(readout.features..weights.columns()).t();
            gemm(view, Accumulate::Add, problem.carried(block), weights);
        }
        bias_and_activate(outputs, &problem.request.parameters[readout.bias.clone()], Activation::Identity, None);
    }

    /// Writes or adds the gradient of one block, whose output derivatives lie in `outputs`.
    fn backward(&mut self, problem: Problem<'_, T>, block: &Range<usize>, accumulate: Accumulate) {
        let (shape, rows) = (problem.shape, block.len());
        self.readout_gradient(problem, block, accumulate);
        for (index, layer) in shape.layers().iter().enumerate().rev() {
            let width = layer.outputs;
            let delta = &mut self.delta[..rows * width];
            let (slopes, features) = (&self.slopes[index], &self.features[index][..rows * width]);
            let slopes = if slopes.is_empty() { &[] } else { &slopes[..rows * width] };
            // The derivative with respect to the features is the product of what comes after with the weights there.
            let (after, weights) = match shape.layers().get(index + 1) {
                None => (&self.outputs, readout_weights(shape, problem.request.parameters).column_range(0..width)),
                Some(next) => {
                    let weights = &problem.request.parameters[next.weights.clone()];
                    (&self.next_delta, View::row_major(weights, next.outputs, width))
                }
            };
            let after = View::row_major(&after[..rows * weights.rows()], rows, weights.rows());
            if layer.activation == Activation::Relu {
                gemm_and(Finish::ReluSlope(features), delta, after, weights);
            } else {
                gemm(ViewMut::row_major(delta, rows, width), Accumulate::Replace, after, weights);
                multiply_by_slope(delta, layer.activation, features, slopes);
            }
            bias_gradient(&mut self.gradient[layer.bias.clone()], delta, accumulate);
            let delta = View::row_major(&self.delta[..rows * width], rows, width);

            let inputs = match index.checked_sub(1) {
                None => problem.inputs(block),
                Some(before) => View::row_major(&self.features[before][..rows * layer.inputs], rows, layer.inputs),
            };
            let gradient = &mut self.gradient[layer.weights.clone()];
            gemm(ViewMut::row_major(gradient, width, layer.inputs), accumulate, delta.t(), inputs);
            std::mem::swap(&mut self.delta, &mut self.next_delta);
        }
    }

    /// Writes or adds the readout's part of the gradient of one block.
    fn readout_gradient(&mut self, problem: Problem<'_, T>, block: &Range<usize>, accumulate: Accumulate) {
        let (readout, rows) = (problem.shape.readout(), block.len());
        let columns = readout.features + readout.carried;
        let outputs = &self.outputs[..rows * readout.outputs];
        bias_gradient(&mut self.gradient[readout.bias.clone()], outputs, accumulate);
        let outputs = View::row_major(outputs, rows, readout.outputs).t();
        let features = last_features(&self.features, problem.shape, rows);
        let weights = &mut self.gradient[readout.weights.clone()];
        let gradient = ViewMut::row_major(weights, readout.outputs, columns);
        gemm(gradient.column_range(0..readout.features), accumulate, outputs, features);
        if readout.carried > 0 {
            let gradient = ViewMut::row_major(weights, readout.outputs, columns);
            let gradient = gradient.column_range(readout.features..columns);
            gemm(gradient, accumulate, outputs, problem.carried(block));
        }
    }
}

/// Writes or adds the sum over the rows of `delta`.
fn bias_gradient<T: Real>(gradient: &mut [T], delta: &[T], accumulate: Accumulate) {
    if accumulate == Accumulate::Replace {
        gradient.fill(T::ZERO);
    }
    add_column_sums(gradient, delta);
}

/// The last hidden features of the block's rows.
fn last_features<'a, T: Real>(features: &'a [Buffer<T>], shape: &Shape, rows: usize) -> View<'a, T> {
    let width = shape.last_width();
    View::row_major(&features[features.len() - 1][..rows * width], rows, width)
}

/// The readout weights `(outputs, features + carried)`.
fn readout_weights<'a, T: Real>(shape: &Shape, parameters: &'a [T]) -> View<'a, T> {
    let readout = shape.readout();
    View::row_major(&parameters[readout.weights.clone()], readout.outputs, readout.features + readout.carried)
}
