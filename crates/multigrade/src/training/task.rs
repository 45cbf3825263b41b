//! What a solver minimises.

use crate::front::slopes;
use crate::least_squares::ridge;
use multigrade_kernels::elementwise::exp;
use multigrade_kernels::{Evaluator, Loss, Real, Shape, View, dense};
use std::ops::Range;

/// Rows of one training task, in the precision of training; row-major.
pub(crate) struct Rows<T> {
    /// Standardised features of the grade before, `(n, p)`.
    pub(crate) inputs: Vec<T>,
    /// Inputs carried past the hidden layers, `(n, d)` or empty.
    pub(crate) carried: Vec<T>,
    /// Rescaled residuals, `(n, m)`; with classes, the logits so far.
    pub(crate) targets: Vec<T>,
    /// Classes `(n)`, or empty.
    pub(crate) classes: Vec<usize>,
    /// Weights, positive, `(n)`; their sum is 1.
    pub(crate) weights: Vec<T>,
}

impl<T: Real> Rows<T> {
    pub(crate) fn len(&self) -> usize {
        self.weights.len()
    }

    /// Copies the given rows into `batch`, weights scaled to sum 1.
    pub(crate) fn gather(&self, rows: &[u32], batch: &mut Self) {
        let n = self.len();
        let copy = |from: &[T], to: &mut Vec<T>| {
            let columns = from.len() / n;
            to.clear();
            for &row in rows {
                let start = row as usize * columns;
                to.extend_from_slice(&from[start..start + columns]);
            }
        };
        copy(&self.inputs, &mut batch.inputs);
        copy(&self.carried, &mut batch.carried);
        copy(&self.targets, &mut batch.targets);
        batch.classes.clear();
        if !self.classes.is_empty() {
            batch.classes.extend(rows.iter().map(|&row| self.classes[row as usize]));
        }
        copy(&self.weights, &mut batch.weights);
        let total: f64 = batch.weights.iter().map(|w| w.to_f64()).sum();
        batch.weights.iter_mut().for_each(|w| *w = T::from_f64(w.to_f64() / total));
    }

    pub(crate) fn empty() -> Self {
        let (inputs, carried, targets, weights) = Default::default();
        Self { inputs, carried, targets, classes: Vec::new(), weights }
    }
}

/// `1/2 sum_i w_i |o_i - y_i|²` and its derivative `w_i (o_i - y_i)`.
struct SquaredError<'a, T> {
    targets: &'a [T],
    weights: &'a [T],
}

impl<T: Real> Loss<T> for SquaredError<'_, T> {
    fn evaluate(&self, first_row: usize, outputs: &mut [T]) -> f64 {
        let m = self.targets.len() / self.weights.len();
        let rows = first_row..first_row + outputs.len() / m;
        let targets = self.targets[rows.start * m..rows.end * m].chunks_exact(m);
        let mut loss = 0.0;
        for ((outputs, targets), &weight) in outputs.chunks_exact_mut(m).zip(targets).zip(&self.weights[rows]) {
            for (o, &y) in outputs.iter_mut().zip(targets) {
                let error = *o - y;
                *o = weight * error;
                loss += (*o).to_f64() * error.to_f64();
            }
        }
        0.5 * loss
    }
}

/// `sum_i w_i CE(s_i + o_i, class_i)` with `s_i` the logits so far, and its derivative.
struct CrossEntropy<'a, T> {
    logits: &'a [T],
    classes: &'a [usize],
    weights: &'a [T],
}

impl<T: Real> Loss<T> for CrossEntropy<'_, T> {
    fn evaluate(&self, first_row: usize, outputs: &mut [T]) -> f64 {
        let m = self.logits.len() / self.weights.len();
        let rows = first_row..first_row + outputs.len() / m;
        let logits = &self.logits[rows.start * m..rows.end * m];
        outputs.iter_mut().zip(logits).for_each(|(o, &s)| *o += s);
        let known = || self.classes[rows.clone()].iter().zip(&self.weights[rows.clone()]);
        let mut loss = 0.0;
        if m == 1 {
            for (o, (&class, weight)) in outputs.iter_mut().zip(known()) {
                let mut row = [o.to_f64()];
                loss += weight.to_f64() * slopes(&mut row, class);
                *o = T::from_f64(weight.to_f64() * row[0]);
            }
            return loss;
        }
        // Cross-entropy is ln sum_j exp(s_j - max) - (s_class - max); the exponentials of all rows are taken at once.
        for (row, (&class, weight)) in outputs.chunks_exact_mut(m).zip(known()) {
            let largest = row.iter().copied().fold(row[0], |a, b| if b > a { b } else { a });
            row.iter_mut().for_each(|s| *s -= largest);
            loss -= weight.to_f64() * row[class].to_f64();
        }
        exp(outputs);
        for (row, (&class, &weight)) in outputs.chunks_exact_mut(m).zip(known()) {
            let total: f64 = row.iter().map(|e| e.to_f64()).sum();
            loss += weight.to_f64() * total.ln();
            let scale = weight / T::from_f64(total);
            row.iter_mut().for_each(|e| *e *= scale);
            row[class] -= weight;
        }
        loss
    }
}

/// The loss that the rows call for.
enum RowsLoss<'a, T> {
    Squares(SquaredError<'a, T>),
    Classes(CrossEntropy<'a, T>),
}

impl<'a, T: Real> RowsLoss<'a, T> {
    fn of(rows: &'a Rows<T>) -> Self {
        let (targets, weights) = (rows.targets.as_slice(), rows.weights.as_slice());
        match rows.classes.as_slice() {
            [] => Self::Squares(SquaredError { targets, weights }),
            classes => Self::Classes(CrossEntropy { logits: targets, classes, weights }),
        }
    }
}

impl<T: Real> Loss<T> for RowsLoss<'_, T> {
    fn evaluate(&self, first_row: usize, outputs: &mut [T]) -> f64 {
        match self {
            Self::Squares(loss) => loss.evaluate(first_row, outputs),
            Self::Classes(loss) => loss.evaluate(first_row, outputs),
        }
    }
}

/// The objective of one hidden stack and its readout:
/// `J(θ) = 1/2 sum_i w_i |g(h_i; θ) - y_i|² + weight_decay/2 |Θ|²` with `Θ` the weights without the biases; with classes,
/// the cross-entropy of `s_i + g(h_i; θ)` in place of the square.
pub(crate) struct Task<'a, T> {
    pub(crate) rows: &'a Rows<T>,
    pub(crate) held_out: Option<&'a Rows<T>>,
    pub(crate) weight_decay: f64,
    evaluator: Evaluator<T>,
    penalised: Vec<Range<usize>>,
}

impl<'a, T: Real> Task<'a, T> {
    pub(crate) fn new(shape: &Shape, rows: &'a Rows<T>, held_out: Option<&'a Rows<T>>, weight_decay: f64) -> Self {
        let hidden = shape.layers().iter().map(|layer| layer.weights.clone());
        let penalised = hidden.chain([shape.readout().weights.clone()]).collect();
        Self { rows, held_out, weight_decay, evaluator: Evaluator::new(shape.clone()), penalised }
    }

    pub(crate) fn n_parameters(&self) -> usize {
        self.evaluator.shape().n_parameters()
    }

    /// `J` on the given rows, and its gradient.
    pub(crate) fn value_and_gradient(&mut self, parameters: &[T], rows: &Rows<T>, gradient: &mut [T]) -> f64 {
        let loss = RowsLoss::of(rows);
        let value = self.evaluator.loss_and_gradient(parameters, &rows.inputs, &rows.carried, &loss, gradient);
        if self.weight_decay > 0.0 {
            let decay = T::from_f64(self.weight_decay);
            for range in &self.penalised {
                for (g, &p) in gradient[range.clone()].iter_mut().zip(&parameters[range.clone()]) {
                    *g += decay * p;
                }
            }
        }
        value + self.penalty(parameters)
    }

    /// `J` on all rows, its gradient, and the lower triangle of its Gauss-Newton matrix: the Hessian without the curvature
    /// of the network. Of squared errors only.
    pub(crate) fn gauss_newton(&mut self, parameters: &[T], gradient: &mut [T], matrix: &mut [T]) -> f64 {
        let Rows { inputs, carried, weights, .. } = self.rows;
        let loss = RowsLoss::of(self.rows);
        let value = self.evaluator.gauss_newton(parameters, inputs, carried, weights, &loss, gradient, matrix);
        let (decay, p) = (T::from_f64(self.weight_decay), parameters.len());
        for i in self.penalised.iter().cloned().flatten() {
            gradient[i] += decay * parameters[i];
            matrix[i * p + i] += decay;
        }
        value + self.penalty(parameters)
    }

    /// Replaces the readout among `parameters` by the one that minimises `J` for the hidden layers there.
    pub(crate) fn solve_readout(&self, parameters: &mut [T]) {
        let shape = self.evaluator.shape();
        let n = self.rows.len();
        let widen = |numbers: &[T]| numbers.iter().map(|x| x.to_f64()).collect::<Vec<f64>>();
        let mut features = self.rows.inputs.clone();
        for layer in shape.layers() {
            let weights = View::row_major(&parameters[layer.weights.clone()], layer.outputs, layer.inputs).t();
            let mut next = vec![T::ZERO; n * layer.outputs];
            let inputs = View::row_major(&features, n, layer.inputs);
            dense(&mut next, inputs, weights, &parameters[layer.bias.clone()], layer.activation, None);
            features = next;
        }
        let readout = shape.readout();
        let p = readout.features + readout.carried;
        let mut columns = Vec::with_capacity(n * p);
        for i in 0..n {
            columns.extend_from_slice(&features[i * readout.features..][..readout.features]);
            columns.extend_from_slice(&self.rows.carried[i * readout.carried..][..readout.carried]);
        }
        let (targets, weights) = (widen(&self.rows.targets), widen(&self.rows.weights));
        let map = ridge(&widen(&columns), p, &targets, readout.outputs, &weights, self.weight_decay);
        let narrow = |from: Vec<f64>, to: &mut [T]| to.iter_mut().zip(from).for_each(|(to, x)| *to = T::from_f64(x));
        narrow(map.weights, &mut parameters[readout.weights.clone()]);
        narrow(map.bias, &mut parameters[readout.bias.clone()]);
    }

    /// Where the parameters of the hidden layers end and those of the readout begin.
    pub(crate) fn n_hidden_parameters(&self) -> usize {
        self.evaluator.shape().n_hidden_parameters()
    }

    /// `J` on all rows.
    pub(crate) fn value(&mut self, parameters: &[T]) -> f64 {
        self.loss(parameters, self.rows) + self.penalty(parameters)
    }

    /// The loss on the held-out rows, if there are any.
    pub(crate) fn held_out_loss(&mut self, parameters: &[T]) -> Option<f64> {
        self.held_out.map(|rows| self.loss(parameters, rows))
    }

    fn loss(&mut self, parameters: &[T], rows: &Rows<T>) -> f64 {
        self.evaluator.loss(parameters, &rows.inputs, &rows.carried, &RowsLoss::of(rows))
    }

    fn penalty(&self, parameters: &[T]) -> f64 {
        if self.weight_decay == 0.0 {
            return 0.0;
        }
        let square = |p: &T| p.to_f64() * p.to_f64();
        let sum: f64 = self.penalised.iter().flat_map(|r| &parameters[r.clone()]).map(square).sum();
        0.5 * self.weight_decay * sum
    }
}
