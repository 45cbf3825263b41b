//! Neurons of one input with free biases and a free affine part: `omega` is a maximum over the data.

use super::twofold::Twofold;
use super::{ConvexProblem, Evidence, OracleBounds, ProofError, check_length};
use crate::network::{Activation, Grade};

/// What a dual point proves about a candidate; one vector of `V` for each distinct `x`, ascending.
pub(super) fn weigh(
    problem: &ConvexProblem<'_>,
    candidate: &Grade,
    dual_point: &[f64],
) -> Result<Evidence, ProofError> {
    let outputs = candidate.readout().bias().len();
    let rows = Rows::new(problem, outputs)?;
    let value = rows.value(candidate, problem.penalty)?;
    let bound = rows.bound(problem.penalty, dual_point)?;
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
    outputs: usize,
    /// Rows of positive weight, by ascending `x`.
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

/// The distinct `x`, ascending; for each the total weight of its rows and the weighted mean of their targets `(n, m)`.
struct Places {
    x: Vec<f64>,
    weight: Vec<Twofold>,
    mean: Vec<Twofold>,
    /// The loss that rows of equal `x` cause whatever the fit is.
    spread: Twofold,
}

impl<'a> Rows<'a> {
    fn new(problem: &ConvexProblem<'a>, outputs: usize) -> Result<Self, ProofError> {
        let ConvexProblem { x, y, weights, .. } = *problem;
        check_length("y", x.len() * outputs, y.len())?;
        check_length("weights", x.len(), weights.map_or(x.len(), <[f64]>::len))?;
        let mut order: Vec<usize> = (0..x.len()).filter(|&i| weights.is_none_or(|w| w[i] > 0.0)).collect();
        if order.is_empty() {
            return Err(ProofError::Length { what: "rows of positive weight", expected: 1, found: 0 });
        }
        order.sort_by(|&i, &j| x[i].total_cmp(&x[j]));
        // -0.0 sorts before 0.0 and is the same place; nothing else compares equal across a sort by total order.
        Ok(Self { x, y, weights, outputs, order })
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
        let mut places = Places { x: Vec::new(), weight: Vec::new(), mean: Vec::new(), spread: Twofold::ZERO };
        for rows in self.order.chunk_by(|&i, &j| self.x[i] == self.x[j]) {
            let weight: Twofold = rows.iter().map(|&i| Twofold::from(self.weight(i))).sum();
            for o in 0..self.outputs {
                let target = |i: usize| Twofold::from(self.targets(i)[o]);
                let mean = rows.iter().map(|&i| target(i) * self.weight(i)).sum::<Twofold>() / weight;
                for &i in rows {
                    let off = target(i) - mean;
                    places.spread = places.spread + off * off * (0.5 * self.weight(i));
                }
                places.mean.push(mean);
            }
            places.x.push(self.x[rows[0]]);
            places.weight.push(weight);
        }
        places
    }

    /// `1/2 sum_i w_i |y_i - f(x_i)|² + β sum_j |v_j| |a_j|`.
    fn value(&self, candidate: &Grade, penalty: f64) -> Result<Value, ProofError> {
        let mut walk = Walk::new(candidate)?;
        let (mut loss, mut rounding) = (Twofold::ZERO, 0.0);
        for &i in &self.order {
            walk.advance(self.x[i]);
            for (o, &target) in self.targets(i).iter().enumerate() {
                let off = Twofold::from(target) - walk.value(o, self.x[i]);
                loss = loss + off * off * (0.5 * self.weight(i));
                let moved = 2f64.powi(-50) * (target.abs() + walk.magnitude(o, self.x[i]));
                rounding += 0.5 * self.weight(i) * moved * moved;
            }
        }
        Ok(Value { total: loss + walk.norm * penalty, rounding, neurons: walk.working })
    }

    /// The bound that a dual point gives after projection and scaling.
    fn bound(&self, penalty: f64, dual_point: &[f64]) -> Result<Bound, ProofError> {
        let (places, m) = (self.places(), self.outputs);
        check_length("dual point", places.x.len() * m, dual_point.len())?;
        let columns: Vec<Vec<Twofold>> =
            (0..m).map(|o| project(&places, dual_point.iter().skip(o).step_by(m))).collect();

        let (mut linear, mut quadratic) = (Twofold::ZERO, Twofold::ZERO);
        for (o, column) in columns.iter().enumerate() {
            for (k, &v) in column.iter().enumerate() {
                linear = linear + v * places.mean[k * m + o];
                quadratic = quadratic + v * v / places.weight[k];
            }
        }
        let own: Twofold =
            dual_point.iter().enumerate().map(|(i, &v)| Twofold::from(v) * v / places.weight[i / m]).sum();
        // A dual point that is all affine leaves rounding errors, which must not be scaled up to a bound.
        if !quadratic.is_above(own * 2f64.powi(-60)) {
            return Ok(Bound { dual: places.spread, omega: 0.0 });
        }
        let omega = omega(&places, &columns);
        // s V is feasible for |s| <= β / omega; D(s V) = s <V, Y> - s² |V|² / 2 is largest at <V, Y> / |V|².
        let best = (linear / quadratic).value();
        let largest = if omega.value() > 0.0 { penalty / omega.value() } else { f64::INFINITY };
        // One part in 2^50 inside the constraint, so that rounding cannot push it out.
        let s = best.clamp(-largest, largest) * (1.0 - 2f64.powi(-50));
        let gain = linear * s - quadratic * (0.5 * s * s);
        // V = 0 is always feasible.
        let dual = if gain.is_above(Twofold::ZERO) { places.spread + gain } else { places.spread };
        Ok(Bound { dual, omega: omega.value() })
    }
}

/// The part of a column orthogonal to `1` and `x`, corrected by multiples of `w` and `w x`.
fn project<'a>(places: &Places, column: impl Iterator<Item = &'a f64>) -> Vec<Twofold> {
    let mut v: Vec<Twofold> = column.map(|&v| Twofold::from(v)).collect();
    let total: Twofold = places.weight.iter().copied().sum();
    let rows = || places.weight.iter().zip(&places.x);
    let centre = rows().map(|(&w, &x)| w * x).sum::<Twofold>() / total;
    let from_centre = |x: f64| Twofold::from(x) - centre;
    let inertia: Twofold = rows().map(|(&w, &x)| w * (from_centre(x) * from_centre(x))).sum();
    let mean = v.iter().copied().sum::<Twofold>() / total;
    let moment: Twofold = v.iter().zip(&places.x).map(|(&v, &x)| v * from_centre(x)).sum();
    let slope = if places.x.len() > 1 { moment / inertia } else { Twofold::ZERO };
    for (v, (&w, &x)) in v.iter_mut().zip(rows()) {
        *v = *v - w * (mean + slope * from_centre(x));
    }
    v
}

/// `max_k |u(x_k)|`, `u(t) = sum_i V_i relu(x_i - t)`: between two places `u` is linear, and outside it vanishes.
fn omega(places: &Places, columns: &[Vec<Twofold>]) -> Twofold {
    let mut state = vec![(Twofold::ZERO, Twofold::ZERO); columns.len()];
    let mut largest = Twofold::ZERO;
    for k in (0..places.x.len() - 1).rev() {
        let step = Twofold::from(places.x[k + 1]) - Twofold::from(places.x[k]);
        let mut square = Twofold::ZERO;
        for ((sum, u), column) in state.iter_mut().zip(columns) {
            *sum = *sum + column[k + 1];
            *u = *u + *sum * step;
            square = square + *u * *u;
        }
        let size = if columns.len() == 1 { state[0].1.abs() } else { square.sqrt() };
        // After the projection u vanishes at the first place; what is left there is the rounding of the sums.
        if k > 0 && size.is_above(largest) {
            largest = size;
        }
    }
    largest
}

/// The candidate as a piecewise linear function, walked from left to right.
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

struct Kink {
    weight: f64,
    bias: f64,
    readout: Vec<f64>,
}

impl Walk {
    fn new(candidate: &Grade) -> Result<Self, ProofError> {
        let expected = "one hidden ReLU layer on one input with an affine part";
        let not = |found| Err(ProofError::Candidate { found, expected });
        let [branch] = candidate.branches() else { return not("has several branches") };
        let [layer] = branch.as_slice() else { return not("has several hidden layers") };
        if layer.activation() != Activation::Relu {
            return not("has another activation");
        }
        if layer.inputs() != 1 {
            return not("reads several inputs");
        }
        let hidden = layer.outputs();
        if !candidate.carry_inputs() || candidate.n_features() != hidden + 1 {
            return not("does not hand its input to the readout");
        }
        let readout = candidate.readout();
        let outputs = readout.bias().len();
        let start = |o: usize| (Twofold::from(readout.bias()[o]), Twofold::from(readout.weights().row(o)[hidden]));
        let piece: Vec<_> = (0..outputs).map(start).collect();
        let magnitude = piece.iter().map(|(a, b)| (a.abs().value(), b.abs().value())).collect();
        let mut walk = Self { ahead: Vec::new(), piece, magnitude, norm: Twofold::ZERO, working: 0 };
        for j in 0..hidden {
            let column: Vec<f64> = (0..outputs).map(|o| readout.weights().row(o)[j]).collect();
            let weight = layer.weights().terms(j).map(|(_, w)| w).sum();
            walk.join(Kink { weight, bias: layer.bias()[j], readout: column });
        }
        walk.ahead.sort_by(|a, b| (-b.bias / b.weight).total_cmp(&(-a.bias / a.weight)));
        Ok(walk)
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
