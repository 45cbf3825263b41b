//! Neurons that read all inputs: `omega` is bounded on cones of directions.

mod candidate;
mod search;
mod space;
mod span;
mod spectral;

use super::twofold::Twofold;
use super::{Bias, Budget, ConvexProblem, Evidence, OracleBounds, ProofError, Skip, check_length};
use crate::network::Grade;
use candidate::{Candidate, Neuron};
use search::{Found, MOST_COORDINATES, search};
use space::Space;
use span::Span;

/// What a dual point proves about a candidate; one number of `V` for each row.
pub(super) fn weigh(
    problem: &ConvexProblem<'_>,
    bias: Bias,
    skip: Skip,
    candidate: &Grade,
    dual_point: &[f64],
    tolerance: f64,
    budget: &Budget<'_>,
) -> Result<Evidence, ProofError> {
    if let Bias::Penalised { scale } = bias {
        super::check_numbers("scale of the bias", &[scale], |v| v > 0.0 && v.is_finite(), "a positive number")?;
    }
    let candidate = Candidate::new(candidate, bias, skip)?;
    let rows = Rows::new(problem, candidate.inputs())?;
    check_length("dual point", rows.n, dual_point.len())?;
    let value = candidate.value(&rows, problem.penalty);
    let span = Span::new(&rows, bias, skip);
    let v = span.project(&rows, dual_point);

    let (mut linear, mut quadratic, mut own) = (Twofold::ZERO, Twofold::ZERO, Twofold::ZERO);
    for &i in &rows.kept {
        linear = linear + v[i] * rows.y[i];
        quadratic = quadratic + v[i] * v[i] / Twofold::from(rows.weight(i));
        own = own + Twofold::from(dual_point[i]) * dual_point[i] / Twofold::from(rows.weight(i));
    }
    let mut evidence = Evidence {
        primal: value.total,
        rounding: value.rounding,
        neurons: value.neurons,
        dual: Twofold::ZERO,
        oracle: OracleBounds { lower: 0.0, upper: 0.0 },
        weight: rows.total_weight(),
        cones: 0,
    };
    // A dual point that is all affine leaves rounding errors, which must not be scaled up to a bound.
    if !quadratic.is_above(own * 2f64.powi(-60)) {
        return Ok(evidence);
    }
    let oracle = Oracle::new(&rows, bias, skip, &v);
    let enough = largest_useful(linear, quadratic, value.total, problem.penalty, tolerance);
    (evidence.oracle, evidence.cones) = oracle.bounds(&candidate, enough, budget);
    let omega = evidence.oracle.upper;
    // s V is feasible for |s| <= β / omega; D(s V) = s <V, Y> - s² |V|² / 2 is largest at <V, Y> / |V|².
    let best = (linear / quadratic).value();
    let largest = if omega == 0.0 { f64::INFINITY } else { problem.penalty / omega };
    if !(best.is_finite() && largest >= 0.0) {
        return Err(ProofError::Overflow);
    }
    // One part in 2^50 inside the constraint, so that rounding cannot push it out.
    let s = best.clamp(-largest, largest) * (1.0 - 2f64.powi(-50));
    let gain = linear * s - quadratic * (0.5 * s * s);
    // V = 0 is always feasible.
    if gain.is_above(Twofold::ZERO) {
        evidence.dual = gain;
    }
    Ok(evidence)
}

/// The largest value of `omega` with which the gap is within the tolerance; smaller ones prove nothing more that counts.
///
/// `D(s V) >= (1 - tolerance) P` from some `s` on, up to `s = <V, Y> / |V|²`; with `s = β / omega`.
fn largest_useful(linear: Twofold, quadratic: Twofold, primal: Twofold, penalty: f64, tolerance: f64) -> f64 {
    let target = primal * (1.0 - 0.99 * tolerance.min(1.0));
    let rest = linear * linear - quadratic * target * 2.0;
    let root = if rest.is_above(Twofold::ZERO) { rest.sqrt().value() } else { 0.0 };
    let s =
        if root > 0.0 { 2.0 * target.value() / (linear.value().abs() + root) } else { (linear / quadratic).value() };
    if s > 0.0 { penalty / s } else { f64::INFINITY }
}

/// What bounds `omega`.
struct Oracle<'a> {
    rows: &'a Rows<'a>,
    bias: Bias,
    v: Vec<f64>,
    space: Space,
}

impl<'a> Oracle<'a> {
    fn new(rows: &'a Rows<'a>, bias: Bias, skip: Skip, v: &[Twofold]) -> Self {
        let v: Vec<f64> = rows.kept.iter().map(|&i| v[i].value()).collect();
        let space = Space::new(rows, bias, v.clone(), skip == Skip::Affine);
        Self { rows, bias, v, space }
    }

    /// Bounds of `omega`, and the cones they took. The search ends when the upper bound is at most `enough`.
    fn bounds(&self, candidate: &Candidate<'_>, enough: f64, budget: &Budget<'_>) -> (OracleBounds, u64) {
        let space = &self.space;
        if space.norm == 0 {
            // All neurons are constants, and these are free.
            return (OracleBounds { lower: 0.0, upper: 0.0 }, 0);
        }
        let attained = candidate.neurons().map(|neuron| self.at(&neuron)).fold(0.0, f64::max) / space.unit;
        let simple = spectral::bound(space);
        let enough = enough / space.unit - space.allowance;
        let mut found = Found { lower: attained, upper: f64::INFINITY, cones: 0 };
        if simple > enough && space.p <= MOST_COORDINATES {
            found = search(space, attained, enough, budget);
        }
        let upper = (found.upper.min(simple) + space.allowance) * space.unit * (1.0 + 4.0 * f64::EPSILON);
        let lower = (found.lower - space.allowance).max(0.0) * space.unit;
        (OracleBounds { lower: lower.min(upper), upper }, found.cones)
    }

    /// The value of `omega`'s objective at a neuron of norm 1, up to rounding.
    fn at(&self, neuron: &Neuron) -> f64 {
        let norm = neuron.norm(self.bias).value();
        if norm == 0.0 {
            return 0.0;
        }
        let active = |i: usize| neuron.v.iter().zip(self.rows.x(i)).fold(neuron.b, |z, (v, x)| z + v * x).max(0.0);
        let sum: f64 = self.rows.kept.iter().zip(&self.v).map(|(&i, v)| v * active(i)).sum();
        (sum / norm).abs()
    }
}

/// The rows of a problem.
struct Rows<'a> {
    x: &'a [f64],
    y: &'a [f64],
    weights: Option<&'a [f64]>,
    n: usize,
    d: usize,
    /// Rows of positive weight.
    kept: Vec<usize>,
}

impl<'a> Rows<'a> {
    fn new(problem: &ConvexProblem<'a>, d: usize) -> Result<Self, ProofError> {
        let ConvexProblem { x, y, weights, .. } = *problem;
        let n = y.len();
        check_length("x", n * d, x.len())?;
        check_length("weights", n, weights.map_or(n, <[f64]>::len))?;
        let kept: Vec<usize> = (0..n).filter(|&i| weights.is_none_or(|w| w[i] > 0.0)).collect();
        if kept.is_empty() {
            return Err(ProofError::Length { what: "rows of positive weight", expected: 1, found: 0 });
        }
        Ok(Self { x, y, weights, n, d, kept })
    }

    fn x(&self, row: usize) -> &'a [f64] {
        &self.x[row * self.d..(row + 1) * self.d]
    }

    fn weight(&self, row: usize) -> f64 {
        self.weights.map_or(1.0, |w| w[row])
    }

    fn total_weight(&self) -> Twofold {
        self.kept.iter().map(|&i| Twofold::from(self.weight(i))).sum()
    }
}
