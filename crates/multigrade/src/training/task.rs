//! What a solver minimises.

use crate::front::slopes;
use multigrade_kernels::{Evaluator, Loss, Real, Shape};
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
        let logits = self.logits[rows.start * m..rows.end * m].chunks_exact(m);
        let known = self.classes[rows.clone()].iter().zip(&self.weights[rows]);
        let (mut loss, mut row) = (0.0, vec![0.0; m]);
        for ((outputs, logits), (&class, weight)) in outputs.chunks_exact_mut(m).zip(logits).zip(known) {
            let sums = outputs.iter().zip(logits).map(|(o, s)| o.to_f64() + s.to_f64());
            row.iter_mut().zip(sums).for_each(|(r, s)| *r = s);
            loss += weight.to_f64() * slopes(&mut row, class);
            outputs.iter_mut().zip(&row).for_each(|(o, slope)| *o = T::from_f64(weight.to_f64() * slope));
        }
        loss
    }
}

/// The loss that the rows call for.
fn loss_of<T: Real>(rows: &Rows<T>) -> Box<dyn Loss<T> + '_> {
    let (targets, weights) = (rows.targets.as_slice(), rows.weights.as_slice());
    match rows.classes.as_slice() {
        [] => Box::new(SquaredError { targets, weights }),
        classes => Box::new(CrossEntropy { logits: targets, classes, weights }),
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
        let loss = loss_of(rows);
        let value = self.evaluator.loss_and_gradient(parameters, &rows.inputs, &rows.carried, &*loss, gradient);
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

    /// `J` on all rows.
    pub(crate) fn value(&mut self, parameters: &[T]) -> f64 {
        self.loss(parameters, self.rows) + self.penalty(parameters)
    }

    /// The loss on the held-out rows, if there are any.
    pub(crate) fn held_out_loss(&mut self, parameters: &[T]) -> Option<f64> {
        self.held_out.map(|rows| self.loss(parameters, rows))
    }

    fn loss(&mut self, parameters: &[T], rows: &Rows<T>) -> f64 {
        self.evaluator.loss(parameters, &rows.inputs, &rows.carried, &*loss_of(rows))
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
