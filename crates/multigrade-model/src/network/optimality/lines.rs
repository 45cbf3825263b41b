//! Neurons that read one input each, with free biases and a free affine part: `omega` is a maximum over the data.

use super::twofold::Twofold;
use super::{ConvexProblem, Evidence, OracleBounds, ProofError, check_length};
use crate::network::{Activation, Grade};
use std::cmp::Ordering;

/// The affine parts that the optimum ranges over have slopes of at most this many times `max |y| / s_i`. Steeper ones
/// matter only where inputs depend on each other up to rounding, and then they fit the rounding.
const STEEPEST: f64 = 1024.0;

/// What a dual point proves about a candidate; one vector of `V` for each distinct row of inputs, in lexicographic order.
pub(super) fn weigh(
    problem: &ConvexProblem<'_>,
    candidate: &Grade,
    dual_point: &[f64],
) -> Result<Evidence, ProofError> {
    let columns = Lines::columns(candidate)?;
    let outputs = candidate.readout().bias().len();
    let rows = Rows::new(problem, candidate.inputs(), outputs)?;
    let places = rows.places();
    let inputs: Vec<Input> = (0..rows.inputs).map(|i| Input::new(&places, i)).collect();
    let value = rows.value(&columns, candidate.readout().bias(), &inputs, problem.penalty);
    let bound = bound(&places, &inputs, outputs, problem.penalty, dual_point)?;
    Ok(Evidence {
        primal: value.total,
        rounding: value.rounding,
        neurons: value.neurons,
        dual: bound.dual,
        oracle: OracleBounds { lower: bound.omega, upper: bound.omega },
        weight: rows.total_weight(),
        cones: 0,
    })
}

/// The rows of a problem and the order of their inputs.
struct Rows<'a> {
    x: &'a [f64],
    y: &'a [f64],
    weights: Option<&'a [f64]>,
    inputs: usize,
    outputs: usize,
    /// Rows of positive weight, ascending.
    order: Vec<usize>,
}

/// Value of a candidate.
struct Value {
    total: Twofold,
    /// The loss that remains when each stored number is moved by a few of its rounding errors.
    rounding: f64,
    neurons: usize,
}

/// A lower bound of the optimal value, and `omega` of the dual point it came from.
struct Bound {
    dual: Twofold,
    omega: f64,
}

/// The distinct rows of inputs, in lexicographic order; for each the total weight of its rows and the weighted mean of their
/// targets `(n, m)`.
struct Places {
    /// Row-major, `(n, d)`.
    x: Vec<f64>,
    inputs: usize,
    weight: Vec<Twofold>,
    mean: Vec<Twofold>,
    /// The loss that rows of equal inputs cause whatever the fit is.
    spread: Twofold,
    /// Size of the largest target.
    largest: f64,
}

impl<'a> Rows<'a> {
    fn new(problem: &ConvexProblem<'a>, inputs: usize, outputs: usize) -> Result<Self, ProofError> {
        let ConvexProblem { x, y, weights, .. } = *problem;
        let n = y.len() / outputs;
        check_length("y", n * outputs, y.len())?;
        check_length("x", n * inputs, x.len())?;
        check_length("weights", n, weights.map_or(n, <[f64]>::len))?;
        let mut order: Vec<usize> = (0..n).filter(|&i| weights.is_none_or(|w| w[i] > 0.0)).collect();
        if order.is_empty() {
            return Err(ProofError::Length { what: "rows of positive weight", expected: 1, found: 0 });
        }
        let row = |i: usize| &x[i * inputs..(i + 1) * inputs];
        // All numbers are finite, so the order is total; -0.0 and 0.0 are the same place.
        order.sort_by(|&i, &j| row(i).partial_cmp(row(j)).unwrap_or(Ordering::Equal));
        Ok(Self { x, y, weights, inputs, outputs, order })
    }

    fn row(&self, i: usize) -> &[f64] {
        &self.x[i * self.inputs..(i + 1) * self.inputs]
    }

    fn weight(&self, row: usize) -> f64 {
        self.weights.map_or(1.0, |w| w[row])
    }

    fn total_weight(&self) -> Twofold {
        self.order.iter().map(|&i| Twofold::from(self.weight(i))).sum()
    }

    fn targets(&self, row: usize) -> &[f64] {
        &self.y[row * self.outputs..(row + 1) * self.outputs]
    }

    fn places(&self) -> Places {
        let mut places = Places {
            x: Vec::new(),
            inputs: self.inputs,
            weight: Vec::new(),
            mean: Vec::new(),
            spread: Twofold::ZERO,
            largest: 0.0,
        };
        for rows in self.order.chunk_by(|&i, &j| self.row(i) == self.row(j)) {
            let weight: Twofold = rows.iter().map(|&i| Twofold::from(self.weight(i))).sum();
            for o in 0..self.outputs {
                let target = |i: usize| Twofold::from(self.targets(i)[o]);
                let mean = match rows {
                    [single] => target(*single),
                    _ => rows.iter().map(|&i| target(i) * self.weight(i)).sum::<Twofold>() / weight,
                };
                for &i in rows.iter().filter(|_| rows.len() > 1) {
                    let off = target(i) - mean;
                    places.spread = places.spread + off * off * (0.5 * self.weight(i));
                }
                places.largest = places.largest.max(mean.value().abs());
                places.mean.push(mean);
            }
            places.x.extend(self.row(rows[0]));
            places.weight.push(weight);
        }
        places
    }

    /// `1/2 sum_i w_i |y_i - f(x_i)|² + β sum_j s_j |v_j| |a_j|`.
    fn value(&self, columns: &[Lines], bias: &[f64], inputs: &[Input], penalty: f64) -> Value {
        let m = self.outputs;
        let places: Vec<&[usize]> = self.order.chunk_by(|&i, &j| self.row(i) == self.row(j)).collect();
        let mut fitted = vec![(Twofold::ZERO, 0.0); places.len() * m];
        for (fit, &bias) in fitted.iter_mut().zip(bias.iter().cycle()) {
            *fit = (Twofold::from(bias), bias.abs());
        }
        let (mut norm, mut neurons) = (Twofold::ZERO, 0);
        for (column, input) in columns.iter().zip(inputs) {
            let mut walk = Walk::new(column);
            norm = norm + walk.norm * input.unit;
            neurons += walk.working;
            for &k in &input.order {
                let x = self.row(places[k][0])[input.number];
                walk.advance(x);
                for (o, (fit, size)) in fitted[k * m..(k + 1) * m].iter_mut().enumerate() {
                    *fit = *fit + walk.value(o, x);
                    *size += walk.magnitude(o, x);
                }
            }
        }
        let (mut loss, mut rounding) = (Twofold::ZERO, 0.0);
        for (rows, fitted) in places.iter().zip(fitted.chunks_exact(m)) {
            for &i in *rows {
                for (&target, (fit, size)) in self.targets(i).iter().zip(fitted) {
                    let off = Twofold::from(target) - *fit;
                    loss = loss + off * off * (0.5 * self.weight(i));
                    let moved = 2f64.powi(-50) * (target.abs() + size);
                    rounding += 0.5 * self.weight(i) * moved * moved;
                }
            }
        }
        Value { total: loss + norm * penalty, rounding, neurons }
    }
}

/// One input at the distinct rows.
struct Input {
    number: usize,
    /// The distinct rows by ascending input.
    order: Vec<usize>,
    /// The unit of the penalty: the weighted standard deviation; 1 if the input is constant.
    unit: Twofold,
    mean: Twofold,
    is_constant: bool,
}

impl Input {
    fn new(places: &Places, number: usize) -> Self {
        let x = |k: usize| places.x[k * places.inputs + number];
        let mut order: Vec<usize> = (0..places.weight.len()).collect();
        if places.inputs > 1 {
            order.sort_by(|&i, &j| x(i).partial_cmp(&x(j)).unwrap_or(Ordering::Equal));
        }
        let is_constant = x(order[0]) == x(order[order.len() - 1]);
        let total: Twofold = places.weight.iter().copied().sum();
        // Deviations from one of them: their squares do not overflow or vanish before those of the spread do.
        let base = x(order[order.len() / 2]);
        let off = |k: usize| Twofold::from(x(k)) - Twofold::from(base);
        let reach = off(order[0]).abs().value().max(off(order[order.len() - 1]).abs().value());
        let scale = if is_constant { 1.0 } else { 1.0 / reach };
        let weight = places.weight.iter().enumerate();
        let mean = weight.clone().map(|(k, &w)| w * off(k)).sum::<Twofold>() / total;
        let inertia: Twofold = weight
            .map(|(k, &w)| {
                let z = (off(k) - mean) * scale;
                w * (z * z)
            })
            .sum();
        let unit = if is_constant { Twofold::from(1.0) } else { (inertia / total).sqrt() * reach };
        Self { number, order, unit, mean: Twofold::from(base) + mean, is_constant }
    }
}

/// The bound that a dual point gives after projection and scaling.
fn bound(places: &Places, inputs: &[Input], m: usize, penalty: f64, dual_point: &[f64]) -> Result<Bound, ProofError> {
    check_length("dual point", places.weight.len() * m, dual_point.len())?;
    let span = Span::new(places, inputs);
    let mut columns = Vec::new();
    let mut free = Twofold::ZERO;
    for o in 0..m {
        let mut column = dual_point.iter().skip(o).step_by(m).map(|&v| Twofold::from(v)).collect::<Vec<_>>();
        free = free + span.project_out(&mut column);
        columns.push(column);
    }
    let (mut linear, mut quadratic) = (Twofold::ZERO, Twofold::ZERO);
    for (o, column) in columns.iter().enumerate() {
        for (k, &v) in column.iter().enumerate() {
            linear = linear + v * places.mean[k * m + o];
            quadratic = quadratic + v * v / places.weight[k];
        }
    }
    let own: Twofold = dual_point.iter().enumerate().map(|(i, &v)| Twofold::from(v) * v / places.weight[i / m]).sum();
    // A dual point that is all affine leaves rounding errors, which must not be scaled up to a bound.
    if !quadratic.is_above(own * 2f64.powi(-60)) {
        return Ok(Bound { dual: places.spread, omega: 0.0 });
    }
    let omega = inputs.iter().fold(Twofold::ZERO, |largest, input| {
        let own = omega(places, input, &columns);
        if own.is_above(largest) { own } else { largest }
    });
    // s V is feasible for |s| <= β / omega; D(s V) = s <V, Y> - s² |V|² / 2 is largest at <V, Y> / |V|².
    let best = (linear / quadratic).value();
    let largest = if omega.value() > 0.0 { penalty / omega.value() } else { f64::INFINITY };
    // One part in 2^50 inside the constraint, so that rounding cannot push it out.
    let s = best.clamp(-largest, largest) * (1.0 - 2f64.powi(-50));
    // What an affine part within its limits could gain from what the projection left.
    let leak = free * (s.abs() * STEEPEST * places.largest);
    let gain = linear * s - quadratic * (0.5 * s * s) - leak;
    // V = 0 is always feasible.
    let dual = if gain.is_above(Twofold::ZERO) { places.spread + gain } else { places.spread };
    Ok(Bound { dual, omega: omega.value() })
}

/// The affine functions on the distinct rows: `1` and the standardised inputs `z`, and a triangle that approximates their
/// least squares. What it is off is measured, never assumed.
struct Span<'a> {
    places: &'a Places,
    inputs: &'a [Input],
    /// `z` rounded, row-major `(n, d + 1)` with a first column of ones.
    basis: Vec<f64>,
    /// Lower triangle of the Cholesky factor of `Z'WZ`; rows of columns that depend on earlier ones are zero.
    triangle: Vec<f64>,
}

impl<'a> Span<'a> {
    fn new(places: &'a Places, inputs: &'a [Input]) -> Self {
        let (n, size) = (places.weight.len(), inputs.len() + 1);
        let mut span = Self { places, inputs, basis: Vec::with_capacity(n * size), triangle: vec![0.0; size * size] };
        for k in 0..n {
            span.basis.push(1.0);
            span.basis.extend(inputs.iter().map(|input| standardised(places, k, input).value()));
        }
        for (row, weight) in span.basis.chunks_exact(size).zip(&places.weight) {
            let weight = weight.value();
            for (j, z) in row.iter().enumerate() {
                let factor = weight * z;
                span.triangle[j * size..=j * size + j].iter_mut().zip(row).for_each(|(t, z)| *t += factor * z);
            }
        }
        span.factor();
        span
    }

    fn factor(&mut self) {
        let (size, total) = (self.inputs.len() + 1, self.triangle[0]);
        let t = &mut self.triangle;
        for i in 0..size {
            for j in 0..=i {
                let sum: f64 = (0..j).map(|k| t[i * size + k] * t[j * size + k]).sum();
                let left = t[i * size + j] - sum;
                let pivot = t[j * size + j];
                t[i * size + j] = match i == j {
                    // Columns of squared length `total` each: below this share they are rounding of the others.
                    true if left > 1e-13 * total => left.sqrt(),
                    true => 0.0,
                    false if pivot > 0.0 => left / pivot,
                    false => 0.0,
                };
            }
            if t[i * size + i] == 0.0 {
                t[i * size..i * size + i].fill(0.0);
            }
        }
    }

    /// `Z'V`.
    fn moments(&self, v: &[Twofold]) -> Vec<Twofold> {
        let mut sum = vec![v.iter().copied().sum()];
        for input in self.inputs {
            sum.push(v.iter().enumerate().map(|(k, &v)| v * standardised(self.places, k, input)).sum());
        }
        sum
    }

    /// Makes a column of `V` orthogonal to the span, as far as that goes: multiples of `w` times affine functions are taken
    /// off, twice. Gives the sum of the moments that are left.
    fn project_out(&self, v: &mut [Twofold]) -> Twofold {
        let size = self.inputs.len() + 1;
        for _ in 0..2 {
            let mut solved: Vec<f64> = self.moments(v).iter().map(|m| m.value()).collect();
            let t = |i: usize, j: usize| self.triangle[i * size + j];
            for i in 0..size {
                let sum: f64 = (0..i).map(|j| t(i, j) * solved[j]).sum();
                solved[i] = if t(i, i) > 0.0 { (solved[i] - sum) / t(i, i) } else { 0.0 };
            }
            for i in (0..size).rev() {
                let sum: f64 = (i + 1..size).map(|j| t(j, i) * solved[j]).sum();
                solved[i] = if t(i, i) > 0.0 { (solved[i] - sum) / t(i, i) } else { 0.0 };
            }
            for ((v, row), &weight) in v.iter_mut().zip(self.basis.chunks_exact(size)).zip(&self.places.weight) {
                let affine: f64 = row.iter().zip(&solved).map(|(z, c)| z * c).sum();
                *v = *v - weight * affine;
            }
        }
        self.moments(v).into_iter().map(Twofold::abs).sum()
    }
}

fn standardised(places: &Places, k: usize, input: &Input) -> Twofold {
    if input.is_constant {
        return Twofold::ZERO;
    }
    (Twofold::from(places.x[k * places.inputs + input.number]) - input.mean) * (1.0 / input.unit.value())
}

/// `max_k |u(x_k)| / s`, `u(t) = sum_i V_i relu(x_i - t)`: between two places `u` is linear, and outside it vanishes.
fn omega(places: &Places, input: &Input, columns: &[Vec<Twofold>]) -> Twofold {
    let x = |k: usize| places.x[input.order[k] * places.inputs + input.number];
    let mut state = vec![(Twofold::ZERO, Twofold::ZERO); columns.len()];
    let mut largest = Twofold::ZERO;
    for k in (0..input.order.len() - 1).rev() {
        let step = Twofold::from(x(k + 1)) - Twofold::from(x(k));
        let mut square = Twofold::ZERO;
        for ((sum, u), column) in state.iter_mut().zip(columns) {
            *sum = *sum + column[input.order[k + 1]];
            *u = *u + *sum * step;
            square = square + *u * *u;
        }
        let size = if columns.len() == 1 { state[0].1.abs() } else { square.sqrt() };
        // After the projection u vanishes at the first place; what is left there is what the projection left.
        if x(k) > x(0) && size.is_above(largest) {
            largest = size;
        }
    }
    largest / input.unit
}

/// What a candidate does with one input.
struct Lines {
    /// Slope of the affine part, per output.
    slope: Vec<f64>,
    kinks: Vec<Kink>,
}

impl Lines {
    /// The candidate by inputs.
    fn columns(candidate: &Grade) -> Result<Vec<Self>, ProofError> {
        let expected = "one hidden ReLU layer whose neurons read one input each, with an affine part";
        let not = |found| Err(ProofError::Candidate { found, expected });
        let [branch] = candidate.branches() else { return not("has several branches") };
        let [layer] = branch.as_slice() else { return not("has several hidden layers") };
        if layer.activation() != Activation::Relu {
            return not("has another activation");
        }
        let (hidden, inputs) = (layer.outputs(), layer.inputs());
        if !candidate.carry_inputs() || candidate.n_features() != hidden + inputs {
            return not("does not hand its inputs to the readout");
        }
        let readout = candidate.readout();
        let column = |k: usize| (0..readout.bias().len()).map(|o| readout.weights().row(o)[k]).collect::<Vec<f64>>();
        let mut lines: Vec<Self> = (0..inputs).map(|i| Self { slope: column(hidden + i), kinks: Vec::new() }).collect();
        for j in 0..hidden {
            let mut read = layer.weights().terms(j).filter(|term| term.1 != 0.0);
            // A neuron without input is a constant, as good on one input as on another.
            let (input, weight) = read.next().unwrap_or((0, 0.0));
            if read.next().is_some() {
                return not("has a neuron that reads several inputs");
            }
            lines[input].kinks.push(Kink { weight, bias: layer.bias()[j], readout: column(j) });
        }
        Ok(lines)
    }
}

/// The candidate as a piecewise linear function of one input, walked from left to right.
struct Walk {
    /// Kinks still ahead, the next one last: place, and per output the change of intercept and slope there.
    ahead: Vec<Kink>,
    /// `(intercept, slope)` per output on the piece walked.
    piece: Vec<(Twofold, Twofold)>,
    /// The same sums with every term positive.
    magnitude: Vec<(f64, f64)>,
    /// `sum_j |v_j| |a_j|`.
    norm: Twofold,
    working: usize,
}

#[derive(Clone)]
struct Kink {
    weight: f64,
    bias: f64,
    readout: Vec<f64>,
}

impl Walk {
    fn new(lines: &Lines) -> Self {
        let piece = lines.slope.iter().map(|&slope| (Twofold::ZERO, Twofold::from(slope))).collect();
        let magnitude = lines.slope.iter().map(|slope| (0.0, slope.abs())).collect();
        let mut walk = Self { ahead: Vec::new(), piece, magnitude, norm: Twofold::ZERO, working: 0 };
        lines.kinks.iter().for_each(|kink| walk.join(kink.clone()));
        walk.ahead.sort_by(|a, b| (-b.bias / b.weight).total_cmp(&(-a.bias / a.weight)));
        walk
    }

    fn join(&mut self, kink: Kink) {
        let length = kink.readout.iter().map(|&a| Twofold::from(a) * a).sum::<Twofold>().sqrt();
        self.norm = self.norm + length * kink.weight.abs();
        if kink.weight == 0.0 {
            // A neuron without input is a constant, and constants are free.
            for ((intercept, _), &a) in self.piece.iter_mut().zip(&kink.readout) {
                *intercept = *intercept + Twofold::from(kink.bias.max(0.0)) * a;
            }
        } else if kink.readout.iter().any(|&a| a != 0.0) {
            self.working += 1;
            if kink.weight < 0.0 {
                self.add(&kink, 1.0);
            }
            self.ahead.push(kink);
        }
    }

    fn add(&mut self, kink: &Kink, sign: f64) {
        for ((intercept, slope), &a) in self.piece.iter_mut().zip(&kink.readout) {
            *intercept = *intercept + Twofold::from(kink.bias) * (sign * a);
            *slope = *slope + Twofold::from(kink.weight) * (sign * a);
        }
        for ((intercept, slope), a) in self.magnitude.iter_mut().zip(&kink.readout) {
            *intercept = (*intercept + sign * (kink.bias * a).abs()).max(0.0);
            *slope = (*slope + sign * (kink.weight * a).abs()).max(0.0);
        }
    }

    /// Walks to `x`, which must not lie left of where it stands.
    fn advance(&mut self, x: f64) {
        // The fused product is rounded once, so its sign is the sign of the preactivation.
        while let Some(kink) = self.ahead.pop_if(|k| k.weight.signum() * k.weight.mul_add(x, k.bias) > 0.0) {
            self.add(&kink, kink.weight.signum());
        }
    }

    fn value(&self, output: usize, x: f64) -> Twofold {
        let (intercept, slope) = self.piece[output];
        intercept + slope * x
    }

    /// Sum of the magnitudes of all terms of the value.
    fn magnitude(&self, output: usize, x: f64) -> f64 {
        let (intercept, slope) = self.magnitude[output];
        intercept + slope * x.abs()
    }
}
