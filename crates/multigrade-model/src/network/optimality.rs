//! Proofs that a trained grade is, or is nearly, the best of its kind.

mod cones;
mod lines;
mod twofold;

use super::Grade;
use serde::{Deserialize, Serialize};
use std::fmt;
use twofold::Twofold;

/// How far a one-hidden-layer ReLU grade can be from the global optimum of its training problem.
///
/// For rows `x_i` in `R^d`, targets `y_i` in `R^m`, weights `w_i > 0` and the penalty `β`, the problem is
///
/// ```text
/// P* = min  1/2 sum_i w_i |y_i - f(x_i)|² + β sum_j ‖v_j‖ |a_j|,     f(x) = c + C x + sum_j a_j relu(v_j'x + b_j)
/// ```
///
/// over any number of neurons of a [`NeuronClass`], which says which inputs a neuron reads, what `‖v_j‖` counts and
/// which part of `c + C x` there is, unpenalised. Every `V` of one vector for each row that is orthogonal to the
/// unpenalised part gives a lower bound. With
///
/// ```text
/// omega(V) = max over neurons of the class with ‖v‖ <= 1 of |sum_i V_i relu(v'x_i + b)|
/// D(V) = sum_i <V_i, y_i> - 1/2 sum_i |V_i|² / w_i <= P*             whenever omega(V) <= β
/// ```
///
/// so a candidate of value `primal` is within `gap = primal - dual` of the optimum; and since the loss is strongly
/// convex in the values of the fit, these are within [`fit_rmse_bound`](Self::fit_rmse_bound) of those of *the*
/// optimal fit. Any upper bound of `omega` will do; how it is found depends on the class:
///
/// - [`OneInput`](NeuronClass::OneInput): exactly, as the maximum over the inputs; between two data `omega` is linear.
/// - [`Dense`](NeuronClass::Dense): the directions `(v, b)` are divided into cones until a linear majorant on each is
///   small enough, or the budget of cones is spent; then the bound is weak but valid.
///
/// Sums of the objectives are computed with about 31 digits from the weights of the candidate and rounded once. All
/// numbers are claims until [`verify`](Self::verify) has recomputed them from the data.
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
    /// candidate with neurons `lower` is `β`, and `upper` as much more as the tolerance allows.
    pub oracle: OracleBounds,
    /// The neurons that the optimum ranges over.
    pub class: NeuronClass,
    /// What the gap amounts to.
    pub status: ProofStatus,
    /// The relative gap that was asked for.
    pub tolerance: f64,
    /// Neurons of the candidate that do anything.
    pub neurons: usize,
    /// Cones that the bound of `omega` looked at; 0 where it needs none.
    pub cones: u64,
    /// `V`, row-major `(rows, m)`; for [`OneInput`](NeuronClass::OneInput) the rows are the distinct rows of inputs, in
    /// lexicographic order. It is made orthogonal to the unpenalised part and scaled into the constraint before it is used.
    pub dual_point: Vec<f64>,
}

/// A training problem: data, neurons, penalty.
#[derive(Clone, Copy, Debug)]
pub struct ConvexProblem<'a> {
    /// Inputs, row-major `(n, d)`; `d` is what the candidate reads.
    pub x: &'a [f64],
    /// Targets, row-major `(n, m)`; `m` is what the candidate answers.
    pub y: &'a [f64],
    /// A weight of at least 0 for each row; all 1 when absent. Rows of weight 0 are left out.
    pub weights: Option<&'a [f64]>,
    /// The neurons that the optimum ranges over.
    pub class: NeuronClass,
    /// The penalty `β`, at least 0.
    pub penalty: f64,
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
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum NeuronClass {
    /// ReLU neurons that read one input each, with free biases and a free affine part. With a single input these are
    /// all ReLU neurons. `‖v‖` of a neuron that reads input `i` is `s_i |v|` with the weighted standard deviation `s_i` of
    /// this input (1 if it is constant): the penalty means the same in all units of the inputs.
    ///
    /// The slopes of the affine part range up to `1024 max |y| / s_i`, or twice those of the candidate. Without a limit inputs
    /// that depend on each other up to rounding could fit their own rounding errors.
    OneInput,
    /// ReLU neurons that read all inputs; one output.
    Dense {
        /// What `‖v‖` counts.
        bias: Bias,
        /// The unpenalised part.
        skip: Skip,
    },
}

/// How the bias `b` of a neuron `relu(v'x + b)` enters its norm.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Bias {
    /// Not at all: the norm is `|v|_2`. Neurons with `v = 0` make constants free, whatever the [`Skip`].
    Free,
    /// The norm is `|(v, b / scale)|_2`, that of a neuron whose bias is the weight of an input that is always `scale`.
    Penalised {
        /// Positive: the size of inputs that a bias is compared with.
        scale: f64,
    },
}

/// The part of the function beside the neurons, fitted without penalty.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Skip {
    /// None; with free biases the same as `Constant`.
    None,
    /// A constant `c`.
    Constant,
    /// `c + C x`.
    Affine,
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
    #[error("the grade {found}; the proof is about {expected}")]
    Candidate {
        /// What it is instead.
        found: &'static str,
        /// What the class consists of.
        expected: &'static str,
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
    /// `dual_point` is as in the field of this name. Up to `max_cones` cones are looked at where the class needs them;
    /// more never make the bound worse. Cost for `OneInput`: one sort and `O(n m)`.
    ///
    /// # Errors
    /// [`ProofError`] if lengths do not fit, a number is not finite, a weight or the penalty is negative, or the grade is
    /// not a member of the class.
    pub fn new(
        problem: &ConvexProblem<'_>,
        candidate: &Grade,
        dual_point: Vec<f64>,
        tolerance: f64,
        max_cones: u64,
    ) -> Result<Self, ProofError> {
        Self::until(problem, candidate, dual_point, tolerance, max_cones, &|| false)
    }

    /// [`new`](Self::new), where the search over cones ends early once `is_cut` says so; it is asked every few thousand cones.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn until(
        problem: &ConvexProblem<'_>,
        candidate: &Grade,
        dual_point: Vec<f64>,
        tolerance: f64,
        max_cones: u64,
        is_cut: &dyn Fn() -> bool,
    ) -> Result<Self, ProofError> {
        problem.check()?;
        check_numbers("tolerance", &[tolerance], |v| v >= 0.0 && v.is_finite(), "a number of at least 0")?;
        check_numbers("dual point", &dual_point, f64::is_finite, "a finite number")?;
        let evidence = match problem.class {
            NeuronClass::OneInput => lines::weigh(problem, candidate, &dual_point)?,
            NeuronClass::Dense { bias, skip } => {
                let budget = Budget { cones: max_cones, is_cut };
                cones::weigh(problem, bias, skip, candidate, &dual_point, tolerance, &budget)?
            }
        };
        let outputs = candidate.readout().bias().len();
        Self::conclude(problem, &evidence, outputs, tolerance, dual_point)
    }

    fn conclude(
        problem: &ConvexProblem<'_>,
        evidence: &Evidence,
        outputs: usize,
        tolerance: f64,
        dual_point: Vec<f64>,
    ) -> Result<Self, ProofError> {
        let (primal, dual) = (evidence.primal.value(), evidence.dual.value());
        let oracle = evidence.oracle;
        if !(primal.is_finite() && dual.is_finite() && oracle.lower.is_finite() && oracle.upper.is_finite()) {
            return Err(ProofError::Overflow);
        }
        // Sums have relative error 2^-100 n or less; the allowance covers the one rounding of each result.
        let gap = (evidence.primal - evidence.dual).value().max(0.0) + primal * 2f64.powi(-52);
        let floor = evidence.rounding + primal * 2f64.powi(-44);
        if (evidence.dual - evidence.primal).value() > floor {
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
            fit_rmse_bound: (2.0 * gap / (evidence.weight.value() * outputs as f64)).sqrt(),
            penalty: problem.penalty,
            oracle,
            class: problem.class,
            status,
            tolerance,
            neurons: evidence.neurons,
            cones: evidence.cones,
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
    /// use multigrade_model::{Activation, Grade, Layer, Matrix, NeuronClass, OptimalityProof, ConvexProblem, Readout};
    /// // A V-shaped target, fitted by the line y = 2/3: the proof says how much that leaves.
    /// let (x, y) = ([-1.0, 0.0, 1.0], [1.0, 0.0, 1.0]);
    /// let layer = Layer::new(Matrix::new(1, 1, vec![1.0]).unwrap(), vec![-1.0], Activation::Relu)?;
    /// let readout = Readout::new(Matrix::new(1, 2, vec![0.0, 0.0]).unwrap(), vec![2.0 / 3.0])?;
    /// let line = Grade::new(vec![vec![layer]], true, readout)?;
    /// let residual = vec![1.0 / 3.0, -2.0 / 3.0, 1.0 / 3.0];
    /// let problem = ConvexProblem { x: &x, y: &y, weights: None, class: NeuronClass::OneInput, penalty: 1.0 };
    /// let proof = OptimalityProof::new(&problem, &line, residual, 1e-9, 0)?;
    /// assert_eq!((proof.neurons, proof.rel_gap.unwrap() < 1e-15), (0, true));
    /// assert!(proof.verify(&x, &y, None, &line).is_ok());
    ///
    /// let mut false_claim = proof.clone();
    /// false_claim.penalty = 0.01;
    /// assert!(false_claim.verify(&x, &y, None, &line).is_err());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn verify(&self, x: &[f64], y: &[f64], weights: Option<&[f64]>, candidate: &Grade) -> Result<(), ProofError> {
        let problem = ConvexProblem { x, y, weights, class: self.class, penalty: self.penalty };
        let fresh = Self::new(&problem, candidate, self.dual_point.clone(), self.tolerance, self.cones)?;
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
        if self.cones != fresh.cones {
            return Err(differs("number of cones", self.cones, fresh.cones));
        }
        if self.status != fresh.status {
            return Err(differs("status", format!("{:?}", self.status), format!("{:?}", fresh.status)));
        }
        Ok(())
    }
}

impl ConvexProblem<'_> {
    fn check(&self) -> Result<(), ProofError> {
        check_numbers("x", self.x, f64::is_finite, "a finite number")?;
        check_numbers("y", self.y, f64::is_finite, "a finite number")?;
        if let Some(weights) = self.weights {
            check_numbers("weights", weights, |w| w >= 0.0 && w.is_finite(), "a number of at least 0")?;
        }
        check_numbers("penalty", &[self.penalty], |v| v >= 0.0 && v.is_finite(), "a number of at least 0")
    }
}

/// How far a search may go.
struct Budget<'a> {
    cones: u64,
    is_cut: &'a dyn Fn() -> bool,
}

/// What a class contributes to a proof.
struct Evidence {
    primal: Twofold,
    /// The loss that remains when each stored number is moved by a few of its rounding errors.
    rounding: f64,
    neurons: usize,
    /// A lower bound of the optimal value.
    dual: Twofold,
    oracle: OracleBounds,
    /// Sum of the weights of the rows.
    weight: Twofold,
    cones: u64,
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
