//! Neurons that read all inputs: `omega` is bounded on cones of directions.

mod candidate;
mod span;

use super::twofold::Twofold;
use super::{Bias, ConvexProblem, Evidence, OracleBounds, ProofError, Skip, check_length};
use crate::network::Grade;
use candidate::Candidate;
use span::Span;

/// What a dual point proves about a candidate; one number of `V` for each row.
pub(super) fn weigh(
    problem: &ConvexProblem<'_>,
    bias: Bias,
    skip: Skip,
    candidate: &Grade,
    dual_point: &[f64],
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
    evidence.oracle.upper = trivial_bound(&rows, bias, &v);
    let omega = evidence.oracle.upper;
    // s V is feasible for |s| <= β / omega; D(s V) = s <V, Y> - s² |V|² / 2 is largest at <V, Y> / |V|².
    let best = (linear / quadratic).value();
    let largest = if omega > 0.0 { problem.penalty / omega } else { f64::INFINITY };
    // One part in 2^50 inside the constraint, so that rounding cannot push it out.
    let s = best.clamp(-largest, largest) * (1.0 - 2f64.powi(-50));
    let gain = linear * s - quadratic * (0.5 * s * s);
    // V = 0 is always feasible.
    if gain.is_above(Twofold::ZERO) {
        evidence.dual = gain;
    }
    Ok(evidence)
}

/// Sum of the values of all neurons that could be active, for both signs.
fn trivial_bound(rows: &Rows<'_>, bias: Bias, v: &[Twofold]) -> f64 {
    let length = |x: &[f64]| x.iter().map(|x| x * x).sum::<f64>().sqrt();
    let longest = rows.kept.iter().map(|&i| length(rows.x(i))).fold(0.0, f64::max);
    let reach = |i: usize| match bias {
        Bias::Free => 2.0 * longest,
        Bias::Penalised { scale } => length(rows.x(i)).hypot(scale),
    };
    let (mut up, mut down) = (0.0, 0.0);
    for &i in &rows.kept {
        let v = v[i].value();
        *(if v > 0.0 { &mut up } else { &mut down }) += v.abs() * reach(i);
    }
    f64::max(up, down) * (1.0 + 1e-9)
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
