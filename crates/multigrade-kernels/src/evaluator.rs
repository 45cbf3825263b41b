//! Loss and gradient of one grade over all rows.

use crate::dense::dense_with_slopes;
use crate::elementwise::{add_column_sums, axpy, bias_and_activate, keeps_slope, multiply_by_slope};
use crate::gemm::{Accumulate, gemm};
use crate::{Activation, Real, Shape, View, ViewMut};

/// The number of contiguous parts the rows are split into. Each part has its own gradient; the parts are added in
/// order. It does not depend on the number of threads, so neither do the bits of the result.
pub const LANES: usize = 4;

/// The most rows that go through all layers together.
const MAX_BLOCK_ROWS: usize = 256;

/// Row blocks are made no smaller than this: products of fewer rows do not pay.
const MIN_BLOCK_ROWS: usize = 32;

/// What one block's features and their gradients may take, in bytes: they should stay in the second-level cache.
const BLOCK_BYTES: usize = 768 * 1024;

/// From this many multiply-adds on, an evaluation is worth waking other threads for.
const PARALLEL_FROM: usize = 1_000_000;

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
    lanes: [Lane<T>; LANES],
}

/// One part of the rows: its own memory, its own gradient.
#[derive(Clone, Debug)]
struct Lane<T> {
    /// Per hidden layer, the features of one block.
    features: Vec<Vec<T>>,
    /// Per hidden layer, the derivatives its activation keeps; empty where it keeps none.
    slopes: Vec<Vec<T>>,
    /// The outputs of one block, then the derivative of the loss with respect to them.
    outputs: Vec<T>,
    /// The derivatives with respect to a layer's features and to those of the layer before it.
    delta: Vec<T>,
    next_delta: Vec<T>,
    gradient: Vec<T>,
    loss: f64,
}

/// What all blocks of an evaluation read.
#[derive(Clone, Copy)]
struct Problem<'a, T> {
    shape: &'a Shape,
    parameters: &'a [T],
    inputs: &'a [T],
    carried: &'a [T],
    loss: &'a dyn Loss<T>,
    rows: usize,
    block_rows: usize,
}

impl<T: Real> Evaluator<T> {
    /// An evaluator for grades of this shape.
    pub fn new(shape: Shape) -> Self {
        let block_rows = block_rows::<T>(&shape);
        let lanes = std::array::from_fn(|_| Lane::new(&shape, block_rows));
        Self { shape, block_rows, lanes }
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
        let rows = self.check(parameters, inputs, carried);
        let work = rows.saturating_mul(3 * expected);
        self.run(parameters, inputs, carried, loss, rows, work, Lane::loss_and_gradient);
        let [first, rest @ ..] = &self.lanes;
        gradient.copy_from_slice(&first.gradient);
        for lane in rest {
            axpy(T::ONE, &lane.gradient, gradient);
        }
        self.total_loss()
    }

    /// The loss over all rows, without its gradient; bit for bit what [`Self::loss_and_gradient`] returns if the loss
    /// has no [`Loss::value`] of its own.
    ///
    /// # Panics
    ///
    /// If a slice does not have the length the shape and the number of rows ask for.
    pub fn loss(&mut self, parameters: &[T], inputs: &[T], carried: &[T], loss: &dyn Loss<T>) -> f64 {
        let rows = self.check(parameters, inputs, carried);
        let work = rows.saturating_mul(self.shape.n_parameters());
        self.run(parameters, inputs, carried, loss, rows, work, Lane::loss);
        self.total_loss()
    }

    /// The number of rows, after all lengths were found consistent.
    fn check(&self, parameters: &[T], inputs: &[T], carried: &[T]) -> usize {
        let shape = &self.shape;
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

    /// Runs `task` on every lane's rows, on several threads if the work (in multiply-adds) is worth it.
    #[allow(clippy::too_many_arguments)]
    fn run(
        &mut self,
        parameters: &[T],
        inputs: &[T],
        carried: &[T],
        loss: &dyn Loss<T>,
        rows: usize,
        work: usize,
        task: fn(&mut Lane<T>, Problem<'_, T>, std::ops::Range<usize>),
    ) {
        let Self { shape, block_rows, lanes } = self;
        let problem = Problem { shape, parameters, inputs, carried, loss, rows, block_rows: *block_rows };
        let run = |index: usize, lane: &mut Lane<T>| task(lane, problem, problem.lane_rows(index));
        let [a, b, c, d] = lanes;
        if work >= PARALLEL_FROM && rayon::current_num_threads() > 1 {
            rayon::join(|| rayon::join(|| run(0, a), || run(1, b)), || rayon::join(|| run(2, c), || run(3, d)));
        } else {
            [a, b, c, d].into_iter().enumerate().for_each(|(index, lane)| run(index, lane));
        }
    }

    fn total_loss(&self) -> f64 {
        self.lanes.iter().map(|lane| lane.loss).sum()
    }
}

/// The largest number of rows, within limits, whose features and gradients stay in the cache.
fn block_rows<T>(shape: &Shape) -> usize {
    let kept: usize =
        shape.layers().iter().map(|layer| layer.outputs * if keeps_slope(layer.activation) { 2 } else { 1 }).sum();
    let row_bytes = (kept + 2 * shape.max_width() + shape.outputs()).saturating_mul(size_of::<T>());
    (BLOCK_BYTES / row_bytes.max(1) / 8 * 8).clamp(MIN_BLOCK_ROWS, MAX_BLOCK_ROWS)
}

impl<'a, T: Real> Problem<'a, T> {
    /// The rows of lane `index`.
    fn lane_rows(&self, index: usize) -> std::ops::Range<usize> {
        let boundary = |index: usize| (self.rows / LANES) * index + (self.rows % LANES).min(index);
        boundary(index)..boundary(index + 1)
    }

    /// Splits a lane's rows into blocks of nearly the same size.
    fn blocks(&self, rows: std::ops::Range<usize>) -> impl Iterator<Item = std::ops::Range<usize>> + use<T> {
        let blocks = rows.len().div_ceil(self.block_rows).max(1);
        let size = rows.len().div_ceil(blocks).max(1);
        let end = rows.end;
        rows.step_by(size).map(move |start| start..(start + size).min(end))
    }

    fn inputs(&self, rows: &std::ops::Range<usize>) -> View<'a, T> {
        let columns = self.shape.inputs();
        View::row_major(&self.inputs[rows.start * columns..rows.end * columns], rows.len(), columns)
    }

    fn carried(&self, rows: &std::ops::Range<usize>) -> View<'a, T> {
        let columns = self.shape.carried();
        View::row_major(&self.carried[rows.start * columns..rows.end * columns], rows.len(), columns)
    }
}

impl<T: Real> Lane<T> {
    fn new(shape: &Shape, block_rows: usize) -> Self {
        let zeros = |columns: usize| vec![T::ZERO; block_rows * columns];
        let slopes = |activation, width| if keeps_slope(activation) { zeros(width) } else { Vec::new() };
        Self {
            features: shape.layers().iter().map(|layer| zeros(layer.outputs)).collect(),
            slopes: shape.layers().iter().map(|layer| slopes(layer.activation, layer.outputs)).collect(),
            outputs: zeros(shape.outputs()),
            delta: zeros(shape.max_width()),
            next_delta: zeros(shape.max_width()),
            gradient: vec![T::ZERO; shape.n_parameters()],
            loss: 0.0,
        }
    }

    /// The loss of `rows` and its gradient.
    fn loss_and_gradient(&mut self, problem: Problem<'_, T>, rows: std::ops::Range<usize>) {
        self.loss = 0.0;
        self.gradient.fill(T::ZERO);
        for block in problem.blocks(rows) {
            self.forward(problem, &block, true);
            let outputs = &mut self.outputs[..block.len() * problem.shape.outputs()];
            self.loss += problem.loss.evaluate(block.start, outputs);
            self.backward(problem, &block);
        }
    }

    /// The loss of `rows`.
    fn loss(&mut self, problem: Problem<'_, T>, rows: std::ops::Range<usize>) {
        self.loss = 0.0;
        for block in problem.blocks(rows) {
            self.forward(problem, &block, false);
            let outputs = &mut self.outputs[..block.len() * problem.shape.outputs()];
            self.loss += problem.loss.value(block.start, outputs);
        }
    }

    /// Features and outputs of one block; with `keep_slopes` also what the backward pass needs.
    fn forward(&mut self, problem: Problem<'_, T>, block: &std::ops::Range<usize>, keep_slopes: bool) {
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
            dense_with_slopes(
                &mut after[0][..size],
                inputs,
                &problem.parameters[layer.weights.clone()],
                &problem.parameters[layer.bias.clone()],
                layer.activation,
                slopes,
            );
        }
        let readout = shape.readout();
        let weights = readout_weights(shape, problem.parameters);
        let features = last_features(&self.features, shape, rows);
        let outputs = &mut self.outputs[..rows * readout.outputs];
        let view = ViewMut::row_major(outputs, rows, readout.outputs);
        gemm(view, Accumulate::Replace, features, weights.column_range(0..readout.features).t());
        if readout.carried > 0 {
            let view = ViewMut::row_major(outputs, rows, readout.outputs);
            let weights = weights.column_range(readout.features..weights.columns()).t();
            gemm(view, Accumulate::Add, problem.carried(block), weights);
        }
        bias_and_activate(outputs, &problem.parameters[readout.bias.clone()], Activation::Identity, None);
    }

    /// Adds the gradient of one block, whose output derivatives lie in `outputs`.
    fn backward(&mut self, problem: Problem<'_, T>, block: &std::ops::Range<usize>) {
        let (shape, rows) = (problem.shape, block.len());
        self.readout_gradient(problem, block);
        let last = shape.layers().len() - 1;
        for (index, layer) in shape.layers().iter().enumerate().rev() {
            let width = layer.outputs;
            let delta = &mut self.delta[..rows * width];
            let (slopes, features) = (&self.slopes[index], &self.features[index][..rows * width]);
            let slopes = if slopes.is_empty() { &[] } else { &slopes[..rows * width] };
            if index == last {
                let outputs = View::row_major(&self.outputs[..rows * shape.outputs()], rows, shape.outputs());
                let weights = readout_weights(shape, problem.parameters).column_range(0..width);
                gemm(ViewMut::row_major(delta, rows, width), Accumulate::Replace, outputs, weights);
            }
            multiply_by_slope(delta, layer.activation, features, slopes);
            add_column_sums(&mut self.gradient[layer.bias.clone()], delta);
            let delta = View::row_major(&self.delta[..rows * width], rows, width);

            let inputs = match index.checked_sub(1) {
                None => problem.inputs(block),
                Some(before) => View::row_major(&self.features[before][..rows * layer.inputs], rows, layer.inputs),
            };
            let gradient = &mut self.gradient[layer.weights.clone()];
            gemm(ViewMut::row_major(gradient, width, layer.inputs), Accumulate::Add, delta.t(), inputs);

            if index > 0 {
                let weights = View::row_major(&problem.parameters[layer.weights.clone()], width, layer.inputs);
                let next = &mut self.next_delta[..rows * layer.inputs];
                gemm(ViewMut::row_major(next, rows, layer.inputs), Accumulate::Replace, delta, weights);
                std::mem::swap(&mut self.delta, &mut self.next_delta);
            }
        }
    }

    /// Adds the readout's part of the gradient of one block.
    fn readout_gradient(&mut self, problem: Problem<'_, T>, block: &std::ops::Range<usize>) {
        let (readout, rows) = (problem.shape.readout(), block.len());
        let columns = readout.features + readout.carried;
        let outputs = &self.outputs[..rows * readout.outputs];
        add_column_sums(&mut self.gradient[readout.bias.clone()], outputs);
        let outputs = View::row_major(outputs, rows, readout.outputs).t();
        let features = last_features(&self.features, problem.shape, rows);
        let weights = &mut self.gradient[readout.weights.clone()];
        let gradient = ViewMut::row_major(weights, readout.outputs, columns);
        gemm(gradient.column_range(0..readout.features), Accumulate::Add, outputs, features);
        if readout.carried > 0 {
            let gradient = ViewMut::row_major(weights, readout.outputs, columns);
            let gradient = gradient.column_range(readout.features..columns);
            gemm(gradient, Accumulate::Add, outputs, problem.carried(block));
        }
    }
}

/// The last hidden features of the block's rows.
fn last_features<'a, T: Real>(features: &'a [Vec<T>], shape: &Shape, rows: usize) -> View<'a, T> {
    let width = shape.last_width();
    View::row_major(&features[features.len() - 1][..rows * width], rows, width)
}

/// The readout weights `(outputs, features + carried)`.
fn readout_weights<'a, T: Real>(shape: &Shape, parameters: &'a [T]) -> View<'a, T> {
    let readout = shape.readout();
    View::row_major(&parameters[readout.weights.clone()], readout.outputs, readout.features + readout.carried)
}
