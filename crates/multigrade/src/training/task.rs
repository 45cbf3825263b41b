//! What a solver minimises.

use crate::features::{FeatureRows, Features, parts};
use crate::front::slopes;
use crate::least_squares::ridge_path;
use multigrade_kernels::elementwise::exp;
use multigrade_kernels::{Evaluator, Loss, Real, Shape, View, dense};
use multigrade_model::Scaling;
use std::borrow::Cow;
use std::ops::Range;

/// Standardised features of the grade before, `(n, p)`, row-major.
pub(crate) enum Inputs<T> {
    /// In memory.
    Kept(Vec<T>),
    /// Made from the features whenever they are read.
    Computed { features: Features, standard: Scaling },
}

impl<T: Real> Inputs<T> {
    /// The same of all `n` rows in memory.
    pub(crate) fn kept(&self, n: usize) -> Self {
        let mut kept = Vec::with_capacity(n * self.columns(n));
        parts(n).for_each(|rows| kept.extend_from_slice(&self.part(rows, n)));
        Self::Kept(kept)
    }

    /// How many columns `n` rows have.
    fn columns(&self, n: usize) -> usize {
        match self {
            Self::Kept(inputs) => inputs.len() / n,
            Self::Computed { features, .. } => features.columns(),
        }
    }

    /// Those of one of the [`parts`] of `n` rows.
    fn part(&self, rows: Range<usize>, n: usize) -> Cow<'_, [T]> {
        match self {
            Self::Kept(inputs) => {
                let p = self.columns(n);
                Cow::Borrowed(&inputs[rows.start * p..rows.end * p])
            }
            Self::Computed { features, standard } => {
                Cow::Owned(standardised(features.part(rows).into_owned(), standard))
            }
        }
    }
}

fn standardised<T: Real>(mut features: Vec<f64>, standard: &Scaling) -> Vec<T> {
    standard.standardise(&mut features);
    features.iter().map(|&x| T::from_f64(x)).collect()
}

/// Rows of one training task, in the precision of training; row-major.
pub(crate) struct Rows<T> {
    pub(crate) inputs: Inputs<T>,
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
        match (&self.inputs, &mut batch.inputs) {
            (Inputs::Kept(inputs), Inputs::Kept(batch)) => copy(inputs, batch),
            (Inputs::Computed { features, standard }, batch) => {
                *batch = Inputs::Kept(standardised(features.gather(rows), standard));
            }
            (Inputs::Kept(_), Inputs::Computed { .. }) => unreachable!("a batch is in memory"),
        }
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
        let (carried, targets, weights) = Default::default();
        Self { inputs: Inputs::Kept(Vec::new()), carried, targets, classes: Vec::new(), weights }
    }

    /// What a pass over one of the [`parts`] of the rows reads.
    fn part(&self, rows: Range<usize>) -> Part<'_, T> {
        let n = self.len();
        let of = |values: &'_ [T]| -> Range<usize> {
            let columns = values.len() / n;
            rows.start * columns..rows.end * columns
        };
        let (targets, weights) = (&self.targets[of(&self.targets)], &self.weights[rows.clone()]);
        let loss = match self.classes.as_slice() {
            [] => RowsLoss::Squares(SquaredError { targets, weights }),
            classes => RowsLoss::Classes(CrossEntropy { logits: targets, classes: &classes[rows.clone()], weights }),
        };
        let carried = &self.carried[of(&self.carried)];
        Part { inputs: self.inputs.part(rows, n), carried, weights, loss }
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

impl<T: Real> Loss<T> for RowsLoss<'_, T> {
    fn evaluate(&self, first_row: usize, outputs: &mut [T]) -> f64 {
        match self {
            Self::Squares(loss) => loss.evaluate(first_row, outputs),
            Self::Classes(loss) => loss.evaluate(first_row, outputs),
        }
    }
}

/// One of the parts of the rows.
struct Part<'a, T: Real> {
    inputs: Cow<'a, [T]>,
    carried: &'a [T],
    weights: &'a [T],
    loss: RowsLoss<'a, T>,
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
    /// Gradient and Gauss-Newton matrix of one part of the rows; empty until there are several.
    part_gradient: Vec<T>,
    part_matrix: Vec<T>,
}

impl<'a, T: Real> Task<'a, T> {
    pub(crate) fn new(shape: &Shape, rows: &'a Rows<T>, held_out: Option<&'a Rows<T>>, weight_decay: f64) -> Self {
        let hidden = shape.layers().iter().map(|layer| layer.weights.clone());
        let penalised = hidden.chain([shape.readout().weights.clone()]).collect();
        let evaluator = Evaluator::new(shape.clone());
        let (part_gradient, part_matrix) = (Vec::new(), Vec::new());
        Self { rows, held_out, weight_decay, evaluator, penalised, part_gradient, part_matrix }
    }

    pub(crate) fn n_parameters(&self) -> usize {
        self.evaluator.shape().n_parameters()
    }

    /// `J` on the given rows, and its gradient.
    pub(crate) fn value_and_gradient(&mut self, parameters: &[T], rows: &Rows<T>, gradient: &mut [T]) -> f64 {
        let mut value = 0.0;
        for range in parts(rows.len()) {
            let is_first = range.start == 0;
            let Part { inputs, carried, loss, .. } = rows.part(range);
            let own = if is_first { &mut *gradient } else { sized(&mut self.part_gradient, gradient.len()) };
            value += self.evaluator.loss_and_gradient(parameters, &inputs, carried, &loss, own);
            if !is_first {
                add(gradient, &self.part_gradient);
            }
        }
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
        let mut value = 0.0;
        for range in parts(self.rows.len()) {
            let is_first = range.start == 0;
            let Part { inputs, carried, weights, loss } = self.rows.part(range);
            let (own, own_matrix) = match is_first {
                true => (&mut *gradient, &mut *matrix),
                false => (sized(&mut self.part_gradient, gradient.len()), sized(&mut self.part_matrix, matrix.len())),
            };
            value += self.evaluator.gauss_newton(parameters, &inputs, carried, weights, &loss, own, own_matrix);
            if !is_first {
                add(gradient, &self.part_gradient);
                add(matrix, &self.part_matrix);
            }
        }
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
        let readout = shape.readout();
        let widen = |numbers: &[T]| numbers.iter().map(|x| x.to_f64()).collect::<Vec<f64>>();
        let (targets, weights) = (widen(&self.rows.targets), widen(&self.rows.weights));
        let features = HiddenFeatures { shape, parameters: &*parameters, rows: self.rows };
        let map = ridge_path(&features, &targets, readout.outputs, &weights, &[self.weight_decay]).remove(0);
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
        let mut loss = 0.0;
        for range in parts(rows.len()) {
            let part = rows.part(range);
            loss += self.evaluator.loss(parameters, &part.inputs, part.carried, &part.loss);
        }
        loss
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

/// The buffer, brought to a length.
fn sized<T: Real>(buffer: &mut Vec<T>, length: usize) -> &mut [T] {
    buffer.resize(length, T::ZERO);
    buffer
}

fn add<T: Real>(total: &mut [T], part: &[T]) {
    total.iter_mut().zip(part).for_each(|(total, &x)| *total += x);
}

/// The last hidden features and the carried inputs side by side, for parameters under training.
struct HiddenFeatures<'a, T> {
    shape: &'a Shape,
    parameters: &'a [T],
    rows: &'a Rows<T>,
}

impl<T: Real> FeatureRows for HiddenFeatures<'_, T> {
    fn columns(&self) -> usize {
        self.shape.last_width() + self.shape.carried()
    }

    fn part(&self, rows: Range<usize>) -> Cow<'_, [f64]> {
        let n = rows.len();
        let part = self.rows.part(rows);
        let mut features = part.inputs.into_owned();
        for layer in self.shape.layers() {
            let weights = View::row_major(&self.parameters[layer.weights.clone()], layer.outputs, layer.inputs).t();
            let mut next = vec![T::ZERO; n * layer.outputs];
            let inputs = View::row_major(&features, n, layer.inputs);
            dense(&mut next, inputs, weights, &self.parameters[layer.bias.clone()], layer.activation, None);
            features = next;
        }
        let (width, carried) = (self.shape.last_width(), self.shape.carried());
        let mut columns = Vec::with_capacity(n * (width + carried));
        for i in 0..n {
            columns.extend(features[i * width..][..width].iter().map(|x| x.to_f64()));
            columns.extend(part.carried[i * carried..][..carried].iter().map(|x| x.to_f64()));
        }
        Cow::Owned(columns)
    }
}
