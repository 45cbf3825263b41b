//! Knot generation: the optimal spline, or sum of splines, for one penalty.

use super::answer::Neurons;
use super::knots::{Knots, Normal};
use super::watch::Watch;
use crate::Samples;

/// When to stop.
#[derive(Clone, Copy)]
pub(super) struct Rule<'a> {
    pub(super) tolerance: f64,
    pub(super) max_rounds: u32,
    pub(super) watch: &'a Watch<'a>,
}

/// What a candidate is worth, in units of the problem; `primal` and `dual` without the spread.
#[derive(Clone, Copy, Debug)]
pub(super) struct Merit {
    pub(super) loss: f64,
    pub(super) bend: f64,
    pub(super) primal: f64,
    pub(super) dual: f64,
    pub(super) omega: f64,
}

impl Merit {
    /// The merit of a candidate whose dual point has `<V, y>`, `|V|²` and `omega`.
    pub(super) fn new(loss: f64, bend: f64, penalty: f64, vy: f64, vv: f64, omega: f64) -> Self {
        let best = if vv > 0.0 { vy / vv } else { 0.0 };
        let largest = if omega > 0.0 { penalty / omega } else { f64::INFINITY };
        let s = best.clamp(-largest, largest);
        Self { loss, bend, primal: loss + penalty * bend, dual: s * vy - 0.5 * s * s * vv, omega }
    }
}

/// Buffers of [`Problem::measure`]: the dual point `V` and the correlations `u`, one column per output.
#[derive(Clone, Debug, Default)]
pub(super) struct Sweep {
    pub(super) v: Vec<f64>,
    pub(super) u: Vec<f64>,
    /// `|u|` of all outputs.
    pub(super) size: Vec<f64>,
}

/// A spline and what it is worth, in units of the problem.
#[derive(Clone, Debug)]
pub(super) struct Solved<P> {
    pub(super) knots: Knots<P>,
    pub(super) merit: Merit,
    pub(super) penalty: f64,
    pub(super) rounds: u32,
}

/// Rows, brought to unit size, and the splines among which the optimum lies.
///
/// Factors lead from units of the problem to those of the data, in which inputs count in multiples of their unit.
pub(super) trait Problem: Sized {
    /// Where a knot is.
    type Place: Copy;

    /// Least squares over the splines with given knots.
    type Normal: Normal;

    /// Number of outputs.
    fn outputs(&self) -> usize;

    /// Sum of the weights, in their own units.
    fn weight(&self) -> f64;

    /// The unit of each input: its weighted standard deviation.
    fn units(&self) -> Vec<f64>;

    /// Factor of penalties.
    fn penalty_unit(&self) -> f64;

    /// Factor of objectives.
    fn objective_unit(&self) -> f64;

    /// Half the weighted squares within rows that cannot be told apart: lost whatever the fit.
    fn spread(&self) -> f64;

    /// What rounding of the targets alone can make of `omega`: penalties below it fit rounding errors.
    fn noise(&self) -> f64;

    /// An estimate of the mean squared error of the interpolant at new rows, in units of the problem; infinite where there is
    /// no interpolant or there are too few rows to tell.
    fn error_between(&self) -> f64;

    /// The same problem for other rows, with the same units of the inputs.
    fn on(&self, samples: &Samples) -> Self;

    /// Number of distinct values of the first input below `x`.
    fn rank(&self, x: f64) -> usize;

    /// The zero spline without knots.
    fn none(&self) -> Knots<Self::Place>;

    /// The spline through all data, if there is one whatever the targets are; optimal for penalty 0.
    fn interpolant(&self) -> Option<Knots<Self::Place>>;

    /// Least squares over the splines with these knots.
    fn normal(&self, knots: &Knots<Self::Place>) -> Self::Normal;

    /// Objective, dual bound and correlations of a spline.
    fn measure(&self, knots: &Knots<Self::Place>, penalty: f64, sweep: &mut Sweep) -> Merit;

    /// Inserts knots at local maxima of `|u|` above the penalty, bending towards `u`; gives their number.
    fn insert_maxima(&self, knots: &mut Knots<Self::Place>, penalty: f64, sweep: &Sweep) -> usize;

    /// Trace of the map from targets to fitted values, over all outputs, at a minimiser.
    fn trace(&self, knots: &Knots<Self::Place>, penalty: f64) -> f64;

    /// Number of neurons that it takes.
    fn neurons(&self, knots: &Knots<Self::Place>) -> usize;

    /// The whole fit in units of the data.
    fn answer(&self, knots: &Knots<Self::Place>) -> Neurons;

    /// The dual point that was measured, as the proof wants it.
    fn dual_point(&self, sweep: &Sweep) -> Vec<f64>;

    /// The smallest penalty whose fit is affine.
    fn largest_penalty(&self, sweep: &mut Sweep) -> f64 {
        self.measure(&self.none(), 0.0, sweep).omega.max(self.noise())
    }
}

/// Minimises `1/2 sum_i w_i |y_i - f(z_i)|² + β TV(f')` over all linear splines `f` (with several inputs: over all sums of
/// one spline each, `TV` summed too), starting from `knots`.
///
/// ```text
/// repeat
///   f <- the best spline with these knots            (Knots::descend; drops knots)
///   V <- w (y - f), made orthogonal to 1 and z;  u_i = sum_{k>i} V_k (z_k - z_i)
///   stop if P(f) - D(V) <= tolerance P(f)
///   insert every local maximum of |u| above β as a knot that bends towards u
/// ```
///
/// At the optimum `|u| <= β` everywhere, with equality at the knots. The objective falls in every round, and there are
/// finitely many sets of knots.
pub(super) fn generate<P: Problem>(
    problem: &P,
    penalty: f64,
    mut knots: Knots<P::Place>,
    rule: Rule,
    sweep: &mut Sweep,
) -> Solved<P::Place> {
    let mut rounds = 0;
    let (mut best_gap, mut stalled) = (f64::INFINITY, 0);
    let mut best: Option<(Knots<P::Place>, Merit)> = None;
    loop {
        let mut normal = problem.normal(&knots);
        knots.descend(&mut normal, penalty, stalled % 2 == 1);
        let merit = problem.measure(&knots, penalty, sweep);
        rounds += 1;
        let gap = merit.primal - merit.dual;
        // Near the end gaps are rounding errors, which rise and fall.
        if best.as_ref().is_none_or(|(_, best)| gap < best.primal - best.dual) {
            best = Some((knots.clone(), merit));
        }
        if gap < 0.99 * best_gap {
            (best_gap, stalled) = (gap, 0);
        } else {
            stalled += 1;
        }
        // Half of the tolerance: the proof recomputes the gap for weights rounded once more.
        let reached = gap <= 0.5 * rule.tolerance * (merit.primal + problem.spread());
        // A gap that has not moved for this long is rounding error.
        let value = (merit.primal + problem.spread()) * problem.objective_unit();
        let is_cut = rule.watch.tell(value, gap / (merit.primal + problem.spread()), 0.5 * rule.tolerance);
        let done = reached || is_cut || rounds >= rule.max_rounds || stalled > 30;
        // Without new knots a few further rounds can only take back rounding errors of the descent.
        if done || (problem.insert_maxima(&mut knots, penalty, sweep) == 0 && stalled > 4) {
            let (knots, merit) = best.unwrap_or((knots, merit));
            return Solved { knots, merit, penalty, rounds };
        }
    }
}

/// The spline through all data, optimal for penalty 0.
pub(super) fn interpolate<P: Problem>(problem: &P, sweep: &mut Sweep) -> Option<Solved<P::Place>> {
    let knots = problem.interpolant()?;
    let merit = problem.measure(&knots, 0.0, sweep);
    // The dual optimum is V = 0; what was measured is rounding.
    sweep.v.fill(0.0);
    Some(Solved { knots, merit, penalty: 0.0, rounds: 0 })
}
