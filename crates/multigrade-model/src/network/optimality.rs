//! Proofs that a trained grade is, or is nearly, the best of its kind.

mod twofold;

use super::{Activation, Grade};
use serde::{Deserialize, Serialize};
use std::fmt;
use twofold::Twofold;

/// How far a one-hidden-layer ReLU grade can be from the global optimum of its training problem.
///
/// For rows `x_i` (one input), targets `y_i` in `R^m`, weights `w_i > 0` and the penalty `β`, the problem is
///
/// ```text
/// P* = min  1/2 sum_i w_i |y_i - f(x_i)|² + β sum_j |v_j| |a_j|,     f(x) = c + C x + sum_j a_j relu(v_j x + b_j)
/// ```
///
/// over any number of neurons; biases `b_j` and the affine part `c + C x` are free. Every vector `V` of the
/// span of the rows with `sum_i V_i = 0` and `sum_i V_i x_i = 0` gives a lower bound. With
///
/// ```text
/// u(t) = sum_i V_i relu(x_i - t),    omega(V) = max_t |u(t)| = max_k |u(x_k)|
/// D(V) = sum_i <V_i, y_i> - 1/2 sum_i |V_i|² / w_i <= P*             whenever omega(V) <= β
/// ```
///
/// so a candidate of value `primal` is within `gap = primal - dual` of the optimum; and since the loss is strongly
/// convex in the values of the fit, these are within [`fit_rmse_bound`](Self::fit_rmse_bound) of those of *the*
/// optimal fit.
///
/// All numbers are computed with about 31 digits from the weights of the candidate and rounded once. They are claims
/// until [`verify`](Self::verify) has recomputed them from the data.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct OptimalityProof {
    /// Value of the candidate: an upper bound of `P*`.
    pub primal: f64,
    /// The lower bound of `P*`.
    pub dual: f64,
    /// `primal - dual` and an allowance for rounding; never negative.
    pub gap: f64,
    /// `gap / primal`. Absent when `primal` is rounding error, or when nothing better than `P* >= 0` is known.
    pub rel_gap: Option<f64>,
    /// `sqrt(2 gap / (m sum_i w_i))`: bound on the weighted root mean square difference, over rows and outputs,
    /// between the candidate and the optimal fit.
    pub fit_rmse_bound: f64,
    /// The penalty `β`, at least 0.
    pub penalty: f64,
    /// Bounds on `omega` of the dual point before it is scaled into the constraint. For the dual point of an optimal
    /// candidate with neurons both are `β`.
    pub oracle: OracleBounds,
    /// The neurons that the optimum ranges over.
    pub class: NeuronClass,
    /// What the gap amounts to.
    pub status: ProofStatus,
    /// The relative gap that was asked for.
    pub tolerance: f64,
    /// Neurons of the candidate that do anything.
    pub neurons: usize,
    /// `V`: one vector of `R^m` for each distinct `x`, ascending, row-major. It is made orthogonal to `1` and `x` and
    /// scaled into the constraint before it is used.
    pub dual_point: Vec<f64>,
}

/// `lower <= omega(V) <= upper`; equal where `omega` is known exactly.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct OracleBounds {
    /// Value at the best neuron found.
    pub lower: f64,
    /// What no neuron of the class exceeds.
    pub upper: f64,
}

/// The neurons that an optimum ranges over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum NeuronClass {
    /// ReLU neurons that read one input each. With a single input these are all ReLU neurons.
    OneInput,
}

/// What a duality gap amounts to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ProofStatus {
    /// The relative gap is within the tolerance.
    Proved,
    /// The gap is as small as the rounding of the stored weights lets it be.
    RoundingFloor,
    /// The bound holds, but the gap is larger than the tolerance.
    BoundOnly,
}

/// A proof that cannot be made, or does not hold.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ProofError {
    /// A list of the wrong length.
    #[error("{what}: expected {expected} numbers, found {found}")]
    Length {
        /// The list.
        what: &'static str,
        /// Numbers needed.
        expected: usize,
        /// Numbers found.
        found: usize,
    },
    /// A number that is not allowed.
    #[error("{what}: number {index} is {found}, expected {expected}")]
    Number {
        /// The list.
        what: &'static str,
        /// Position from 1.
        index: usize,
        /// The number.
        found: f64,
        /// What it may be.
        expected: &'static str,
    },
    /// The grade is not a member of the class the proof speaks about.
    #[error("the grade {found}; the proof is about one hidden ReLU layer on one input with an affine part")]
    Candidate {
        /// What it is instead.
        found: &'static str,
    },
    /// The value of the candidate is too large for an `f64`.
    #[error("the objective is not finite: the data are too large; scale them first")]
    Overflow,
    /// A lower bound above the value: rounding errors of the data are larger than what is left to prove.
    #[error(
        "the lower bound {dual} is above the value {primal}: the inputs span too many orders of magnitude to prove anything"
    )]
    Contradiction {
        /// Value of the candidate.
        primal: f64,
        /// The bound.
        dual: f64,
    },
    /// A stored number is not what the data give.
    #[error("the proof does not hold: its {field} is {stored}, the data give {found}")]
    Differs {
        /// Name of the field.
        field: &'static str,
        /// What the proof says.
        stored: String,
        /// What was recomputed.
        found: String,
    },
}

impl OptimalityProof {
    /// The proof that `dual_point` gives for a candidate, whatever it is worth.
    ///
    /// `x` has length `n`, `y` is row-major `(n, m)`, `weights` has length `n` (all 1 when absent); `dual_point` is
    /// row-major `(distinct x, m)` in ascending order of `x`. Cost: one sort and `O(n m)`.
    ///
    /// # Errors
    /// [`ProofError`] if lengths do not fit, a number is not finite, a weight or `penalty` is negative, or the grade is not
    /// one hidden ReLU layer on one input whose readout reads the input too.
    pub fn new(
        x: &[f64],
        y: &[f64],
        weights: Option<&[f64]>,
        candidate: &Grade,
        penalty: f64,
        tolerance: f64,
        dual_point: Vec<f64>,
    ) -> Result<Self, ProofError> {
        for (what, number) in [("penalty", penalty), ("tolerance", tolerance)] {
            check_numbers(what, &[number], |v| v >= 0.0 && v.is_finite(), "a number of at least 0")?;
        }
        let outputs = candidate.readout().bias().len();
        let rows = Rows::new(x, y, weights, outputs)?;
        let value = rows.value(candidate, penalty)?;
        let bound = rows.bound(penalty, &dual_point)?;
        Self::weigh(&rows, &value, &bound, penalty, tolerance, dual_point)
    }

    fn weigh(
        rows: &Rows,
        value: &Value,
        bound: &Bound,
        penalty: f64,
        tolerance: f64,
        dual_point: Vec<f64>,
    ) -> Result<Self, ProofError> {
        let (primal, dual) = (value.total.value(), bound.dual.value());
        if !(primal.is_finite() && dual.is_finite() && bound.omega.is_finite()) {
            return Err(ProofError::Overflow);
        }
        // Sums have relative error 2^-100 n or less; the allowance covers the one rounding of each result.
        let gap = (value.total - bound.dual).value().max(0.0) + primal * 2f64.powi(-52);
        let floor = value.rounding + primal * 2f64.powi(-44);
        if (bound.dual - value.total).value() > floor {
            return Err(ProofError::Contradiction { primal, dual });
        }
        let status = if gap <= tolerance * primal {
            ProofStatus::Proved
        } else if gap <= floor {
            ProofStatus::RoundingFloor
        } else {
            ProofStatus::BoundOnly
        };
        let informative = status == ProofStatus::Proved || (status == ProofStatus::BoundOnly && dual > 0.0);
        Ok(Self {
            primal,
            dual,
            gap,
            rel_gap: (informative && primal > 0.0).then(|| gap / primal),
            fit_rmse_bound: (2.0 * gap / (rows.total_weight().value() * rows.outputs as f64)).sqrt(),
            penalty,
            oracle: OracleBounds { lower: bound.omega, upper: bound.omega },
            class: NeuronClass::OneInput,
            status,
            tolerance,
            neurons: value.neurons,
            dual_point,
        })
    }

    /// Whether every number of this proof is what `x`, `y`, `weights` and the candidate give.
    ///
    /// Recomputes the objective from the weights of the grade, the dual constraint and the dual bound from the stored
    /// dual point, and all that follows from them. Nothing is shared with the solver that found the candidate.
    ///
    /// # Errors
    /// [`ProofError::Differs`] names the first field that does not hold; other errors as in [`new`](Self::new).
    ///
    /// ```
    /// use multigrade_model::{Activation, Grade, Layer, Matrix, OptimalityProof, Readout};
    /// // A V-shaped target, fitted by the line y = 2/3: the proof says how much that leaves.
    /// let (x, y) = ([-1.0, 0.0, 1.0], [1.0, 0.0, 1.0]);
    /// let layer = Layer::new(Matrix::new(1, 1, vec![1.0]).unwrap(), vec![-1.0], Activation::Relu)?;
    /// let readout = Readout::new(Matrix::new(1, 2, vec![0.0, 0.0]).unwrap(), vec![2.0 / 3.0])?;
    /// let line = Grade::new(vec![vec![layer]], true, readout)?;
    /// let residual = vec![1.0 / 3.0, -2.0 / 3.0, 1.0 / 3.0];
    /// let proof = OptimalityProof::new(&x, &y, None, &line, 1.0, 1e-9, residual)?;
    /// assert_eq!((proof.neurons, proof.rel_gap.unwrap() < 1e-15), (0, true));
    /// assert!(proof.verify(&x, &y, None, &line).is_ok());
    ///
    /// let mut false_claim = proof.clone();
    /// false_claim.penalty = 0.01;
    /// assert!(false_claim.verify(&x, &y, None, &line).is_err());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn verify(&self, x: &[f64], y: &[f64], weights: Option<&[f64]>, candidate: &Grade) -> Result<(), ProofError> {
        let fresh = Self::new(x, y, weights, candidate, self.penalty, self.tolerance, self.dual_point.clone())?;
        // The order of rows with equal x may change the last of 31 digits, hence at most the last bit of a result.
        let slack = 2f64.powi(-50);
        let size = fresh.primal.abs().max(fresh.dual.abs());
        let rmse = fresh.fit_rmse_bound;
        let (lower, upper) = (fresh.oracle.lower, fresh.oracle.upper);
        let numbers = [
            ("primal", self.primal, fresh.primal, size),
            ("dual", self.dual, fresh.dual, size),
            ("gap", self.gap, fresh.gap, fresh.gap + size * 2f64.powi(-40)),
            ("bound on the fit's error", self.fit_rmse_bound, rmse, rmse + (size * slack).sqrt()),
            ("lower bound of the oracle", self.oracle.lower, lower, lower),
            ("upper bound of the oracle", self.oracle.upper, upper, upper),
        ];
        for (field, stored, found, scale) in numbers {
            let equal = (stored - found).abs() <= slack * scale;
            if !equal {
                return Err(differs(field, stored, found));
            }
        }
        let relative_holds = match (self.rel_gap, fresh.rel_gap) {
            (None, None) => true,
            (Some(stored), Some(found)) => (stored - found).abs() <= slack * (found + 2f64.powi(-40)),
            _ => false,
        };
        if !relative_holds {
            return Err(differs("relative gap", format!("{:?}", self.rel_gap), format!("{:?}", fresh.rel_gap)));
        }
        if self.neurons != fresh.neurons {
            return Err(differs("number of neurons", self.neurons, fresh.neurons));
        }
        if self.class != fresh.class {
            return Err(differs("class", format!("{:?}", self.class), format!("{:?}", fresh.class)));
        }
        if self.status != fresh.status {
            return Err(differs("status", format!("{:?}", self.status), format!("{:?}", fresh.status)));
        }
        Ok(())
    }
}

/// One line: value, what is proved about it, neurons.
impl fmt::Display for OptimalityProof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "P = {}, ", significant(self.primal))?;
        match (self.status, self.rel_gap) {
            (ProofStatus::Proved, Some(gap)) => write!(f, "proved within {gap:.1e}")?,
            (ProofStatus::Proved, None) => f.write_str("proved")?,
            (ProofStatus::RoundingFloor, _) => f.write_str("optimal up to rounding")?,
            (ProofStatus::BoundOnly, Some(gap)) => {
                write!(f, "NOT proved to {:.0e}, within {gap:.1e}", self.tolerance)?;
            }
            (ProofStatus::BoundOnly, None) => write!(f, "NOT proved to {:.0e}", self.tolerance)?,
        }
        let plural = if self.neurons == 1 { "" } else { "s" };
        let rmse = self.fit_rmse_bound;
        write!(f, "; fit within {rmse:.0e} RMSE of the global optimum; {} neuron{plural}", self.neurons)
    }
}

/// Six digits, without an exponent where that is readable.
fn significant(value: f64) -> String {
    let exponent = if value == 0.0 { 0 } else { value.abs().log10().floor() as i32 };
    if (-4..9).contains(&exponent) {
        format!("{value:.*}", usize::try_from(5 - exponent).unwrap_or(0))
    } else {
        format!("{value:.5e}")
    }
}

fn differs(field: &'static str, stored: impl ToString, found: impl ToString) -> ProofError {
    ProofError::Differs { field, stored: stored.to_string(), found: found.to_string() }
}

fn check_numbers(
    what: &'static str,
    numbers: &[f64],
    allowed: impl Fn(f64) -> bool,
    expected: &'static str,
) -> Result<(), ProofError> {
    match numbers.iter().position(|&v| !allowed(v)) {
        Some(i) => Err(ProofError::Number { what, index: i + 1, found: numbers[i], expected }),
        None => Ok(()),
    }
}

fn check_length(what: &'static str, expected: usize, found: usize) -> Result<(), ProofError> {
    if expected == found { Ok(()) } else { Err(ProofError::Length { what, expected, found }) }
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
    fn new(x: &'a [f64], y: &'a [f64], weights: Option<&'a [f64]>, outputs: usize) -> Result<Self, ProofError> {
        check_length("y", x.len() * outputs, y.len())?;
        check_numbers("x", x, f64::is_finite, "a finite number")?;
        check_numbers("y", y, f64::is_finite, "a finite number")?;
        if let Some(weights) = weights {
            check_length("weights", x.len(), weights.len())?;
            check_numbers("weights", weights, |w| w >= 0.0 && w.is_finite(), "a number of at least 0")?;
        }
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
        check_numbers("dual point", dual_point, f64::is_finite, "a finite number")?;
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
        let not = |found| Err(ProofError::Candidate { found });
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
            walk.join(Kink { weight: layer.weights().row(j)[0], bias: layer.bias()[j], readout: column });
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
