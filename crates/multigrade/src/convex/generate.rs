//! Knot generation: the optimal spline for one penalty.

use super::knots::Knots;
use super::line::{Line, Merit, Sweep};
use super::normal::Normal;

/// When to stop.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rule {
    pub(super) tolerance: f64,
    pub(super) max_rounds: u32,
}

/// A spline and what it is worth, in units of the line.
#[derive(Clone, Debug)]
pub(super) struct Solved {
    pub(super) knots: Knots,
    pub(super) merit: Merit,
    pub(super) penalty: f64,
    pub(super) rounds: u32,
}

/// Minimises `1/2 sum_i w_i |y_i - f(z_i)|² + β TV(f')` over all linear splines `f`, starting from `knots`.
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
pub(super) fn generate(line: &Line, penalty: f64, mut knots: Knots, rule: Rule, sweep: &mut Sweep) -> Solved {
    let mut rounds = 0;
    let (mut best_gap, mut stalled) = (f64::INFINITY, 0);
    loop {
        if line.len() > 2 {
            let mut normal = Normal::new(line, &knots.at);
            knots.descend(&mut normal, penalty);
        }
        let merit = line.measure(&knots, penalty, sweep);
        rounds += 1;
        let gap = merit.primal - merit.dual;
        if gap < 0.99 * best_gap {
            (best_gap, stalled) = (gap, 0);
        } else {
            stalled += 1;
        }
        // Half of the tolerance: the proof recomputes the gap for weights rounded once more.
        let reached = gap <= 0.5 * rule.tolerance * (merit.primal + line.spread);
        // A gap that has not moved for this long is rounding error.
        let done = reached || rounds >= rule.max_rounds || stalled > 30;
        if done || line.len() <= 2 || knots.insert_maxima(line, penalty, &sweep.u, &sweep.size) == 0 {
            return Solved { knots, merit, penalty, rounds };
        }
    }
}

/// The spline through all data, optimal for penalty 0.
pub(super) fn interpolate(line: &Line, sweep: &mut Sweep) -> Solved {
    let knots = Knots::interpolant(line);
    let merit = line.measure(&knots, 0.0, sweep);
    // The dual optimum is V = 0; what was measured is rounding.
    sweep.v.fill(0.0);
    Solved { knots, merit, penalty: 0.0, rounds: 0 }
}

/// The smallest penalty whose fit is the least-squares line, in units of the line.
pub(super) fn largest_penalty(line: &Line, sweep: &mut Sweep) -> f64 {
    let none = Knots::none(line.len(), line.outputs());
    line.measure(&none, 0.0, sweep).omega
}
