//! The Gauss-Newton matrix of one grade.

use std::ops::Range;

use super::{Evaluator, Lane, Problem, Request, total_loss};
use crate::buffer::Buffer;
use crate::elementwise::{multiply_by_slope, sum_lanes};
use crate::gemm::{Accumulate, gemm};
use crate::{Loss, Real, View, ViewMut};

/// Columns of the matrix that are made together: few enough for the right factor of their product to be multiplied in tiles.
const STRIP: usize = 64;

impl<T: Real> Evaluator<T> {
    /// [`Evaluator::loss_and_gradient`], and the lower triangle of the Gauss-Newton matrix
    ///
    /// $$ G = \sum_i w_i \sum_j \nabla_\theta g_j(x_i) \, \nabla_\theta g_j(x_i)^\top , $$
    ///
    /// the Hessian of $\tfrac12 \sum_i w_i |g(x_i) - y_i|^2$ but for the curvature of $g$ itself. `weights` `(n)` must not be
    /// negative; `matrix` is `(p, p)` for $p$ parameters, and what it holds above the diagonal is left open. The memory for
    /// it, five times `matrix` in all, is allocated at the first call.
    ///
    /// ```
    /// use multigrade_kernels::{Activation, Evaluator, Loss, Shape};
    /// # struct HalfSquares;
    /// # impl Loss<f64> for HalfSquares {
    /// #     fn evaluate(&self, _first_row: usize, outputs: &mut [f64]) -> f64 {
    /// #         outputs.iter().map(|o| 0.5 * o * o).sum()
    /// #     }
    /// # }
    /// let mut evaluator = Evaluator::new(Shape::new(1, vec![(1, Activation::Identity)], 0, 1));
    /// // g(x) = 3 (2 x + 1) + 0 at x = 1 has the derivatives 3, 3, 3, 1.
    /// let (mut gradient, mut matrix) = ([0.0; 4], [0.0; 16]);
    /// let parameters = [2.0, 1.0, 3.0, 0.0];
    /// evaluator.gauss_newton(&parameters, &[1.0], &[], &[1.0], &HalfSquares, &mut gradient, &mut matrix);
    /// assert_eq!([matrix[0], matrix[4], matrix[8], matrix[12], matrix[15]], [9.0, 9.0, 9.0, 3.0, 1.0]);
    /// ```
    ///
    /// # Panics
    ///
    /// As [`Evaluator::loss_and_gradient`], and if `weights` or `matrix` has another length.
    #[allow(clippy::too_many_arguments)] // one more than the gradient alone, and each is a different thing
    pub fn gauss_newton(
        &mut self,
        parameters: &[T],
        inputs: &[T],
        carried: &[T],
        weights: &[T],
        loss: &dyn Loss<T>,
        gradient: &mut [T],
        matrix: &mut [T],
    ) -> f64 {
        let p = self.shape.n_parameters();
        assert!(gradient.len() == p, "gradient of length {}, expected {p}", gradient.len());
        assert!(matrix.len() == p * p, "matrix of length {}, expected {p} x {p}", matrix.len());
        let rows = inputs.len() / self.shape.inputs();
        assert!(weights.len() == rows, "{} weights, expected {rows}", weights.len());
        let request = Request { parameters, inputs, carried, weights, loss };
        let lanes = self.run(request, p * self.shape.outputs(), Lane::gauss_newton);
        sum_lanes(gradient, lanes.iter().map(|lane| &*lane.gradient));
        sum_lanes(matrix, lanes.iter().map(|lane| &*lane.matrix));
        total_loss(lanes)
    }
}

impl<T: Real> Lane<T> {
    /// Loss, gradient and Gauss-Newton matrix of `rows`.
    fn gauss_newton(&mut self, problem: Problem<'_, T>, rows: Range<usize>) {
        let p = problem.shape.n_parameters();
        if self.matrix.len() != p * p {
            self.matrix = Buffer::zeros(p * p);
            self.jacobian = Buffer::zeros(problem.block_rows * p);
        }
        self.matrix.fill(T::ZERO);
        self.gradient.fill(T::ZERO);
        self.loss = 0.0;
        for block in problem.blocks(rows) {
            self.forward(problem, &block, true);
            let outputs = &mut self.outputs[..block.len() * problem.shape.outputs()];
            self.loss += problem.request.loss.evaluate(block.start, outputs);
            self.backward(problem, &block, Accumulate::Add);
            for output in 0..problem.shape.outputs() {
                self.differentiate(problem, &block, output);
                self.add_products(block.len(), p);
            }
        }
    }

    /// Writes the derivatives of one output in the rows of a block, times the roots of their weights, to `jacobian`.
    fn differentiate(&mut self, problem: Problem<'_, T>, block: &Range<usize>, output: usize) {
        let (shape, rows) = (problem.shape, block.len());
        let (parameters, p) = (problem.request.parameters, shape.n_parameters());
        let jacobian = &mut self.jacobian[..rows * p];
        let readout = shape.readout();
        let own = readout.weights.start + output * (readout.features + readout.carried);
        let features = &self.features[self.features.len() - 1];
        let carried = &problem.request.carried[block.start * readout.carried..block.end * readout.carried];
        for (i, row) in jacobian.chunks_exact_mut(p).enumerate() {
            row[readout.weights.start..].fill(T::ZERO);
            let (hidden, past) = row[own..][..readout.features + readout.carried].split_at_mut(readout.features);
            hidden.copy_from_slice(&features[i * readout.features..][..readout.features]);
            past.copy_from_slice(&carried[i * readout.carried..][..readout.carried]);
            row[readout.bias.start + output] = T::ONE;
        }
        for (index, layer) in shape.layers().iter().enumerate().rev() {
            let width = layer.outputs;
            let delta = &mut self.delta[..rows * width];
            match shape.layers().get(index + 1) {
                None => {
                    delta.chunks_exact_mut(width).for_each(|row| row.copy_from_slice(&parameters[own..own + width]))
                }
                Some(next) => {
                    let after = View::row_major(&self.next_delta[..rows * next.outputs], rows, next.outputs);
                    let weights = View::row_major(&parameters[next.weights.clone()], next.outputs, width);
                    gemm(ViewMut::row_major(delta, rows, width), Accumulate::Replace, after, weights);
                }
            }
            let slopes = &self.slopes[index];
            let slopes = if slopes.is_empty() { &[] } else { &slopes[..rows * width] };
            multiply_by_slope(delta, layer.activation, &self.features[index][..rows * width], slopes);
            let inputs = match index.checked_sub(1) {
                None => &problem.request.inputs[block.start * layer.inputs..block.end * layer.inputs],
                Some(before) => &self.features[before][..rows * layer.inputs],
            };
            let deltas = delta.chunks_exact(width).zip(inputs.chunks_exact(layer.inputs));
            for (row, (delta, inputs)) in jacobian.chunks_exact_mut(p).zip(deltas) {
                for (out, &d) in row[layer.weights.clone()].chunks_exact_mut(layer.inputs).zip(delta) {
                    out.iter_mut().zip(inputs).for_each(|(out, &x)| *out = d * x);
                }
                row[layer.bias.clone()].copy_from_slice(delta);
            }
            std::mem::swap(&mut self.delta, &mut self.next_delta);
        }
        for (row, &weight) in jacobian.chunks_exact_mut(p).zip(&problem.request.weights[block.clone()]) {
            let root = weight.sqrt();
            row.iter_mut().for_each(|x| *x *= root);
        }
    }

    /// Adds the products of the columns of `jacobian`, on and below the diagonal.
    fn add_products(&mut self, rows: usize, p: usize) {
        let jacobian = View::row_major(&self.jacobian[..rows * p], rows, p);
        for start in (0..p).step_by(STRIP) {
            let end = p.min(start + STRIP);
            let below = ViewMut::row_major(&mut self.matrix[start * p..], p - start, p).column_range(start..end);
            let (left, right) = (jacobian.column_range(start..p).t(), jacobian.column_range(start..end));
            gemm(below, Accumulate::Add, left, right);
        }
    }
}
