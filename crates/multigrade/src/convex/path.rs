//! A path of penalties and the choice of one.

use super::answer::PathPoint;
use super::problem::{Problem, Rule, Solved, Sweep, generate, interpolate};
use super::settings::Choice;
use crate::{Samples, split};

/// Optimal splines for falling penalties, the last of them the interpolant if there is one.
pub(super) struct Path<'a, P: Problem> {
    problem: &'a P,
    rule: Rule<'a>,
    pub(super) solved: Vec<Solved<P::Place>>,
}

/// `points` penalties from `largest` to `min_ratio largest`, equally spaced in logarithm.
pub(super) fn penalties(largest: f64, points: usize, min_ratio: f64) -> Vec<f64> {
    let last = (points - 1) as f64;
    (0..points).map(|i| largest * min_ratio.powf(i as f64 / last)).collect()
}

impl<'a, P: Problem> Path<'a, P> {
    /// Each fit starts from the knots of the one before. A path that is cut ends with the penalty under way.
    pub(super) fn new(problem: &'a P, penalties: &[f64], rule: Rule<'a>, sweep: &mut Sweep) -> Self {
        let mut path = Self { problem, rule, solved: Vec::new() };
        let work = rule.watch.part();
        for (i, &penalty) in penalties.iter().enumerate() {
            rule.watch.share(work, i, penalties.len());
            let start = path.solved.last().map_or_else(|| problem.none(), |s| s.knots.clone());
            path.solved.push(generate(problem, penalty, start, rule, sweep));
            if rule.watch.is_cut() {
                return path;
            }
        }
        path.solved.extend(interpolate(problem, sweep));
        path
    }

    /// Loss of a fit in units of the data.
    fn loss(&self, solved: &Solved<P::Place>) -> f64 {
        (solved.merit.loss + self.problem.spread()) * self.problem.objective_unit()
    }

    /// The summary of each fit. The score is generalised cross-validation; for an interpolant that leaves no residual, where
    /// that is 0/0, the error to expect between the rows.
    pub(super) fn summary(&self) -> Vec<PathPoint> {
        let problem = self.problem;
        let (total, m) = (problem.weight(), problem.outputs() as f64);
        let point = |solved: &Solved<P::Place>| {
            let (loss, freedom) = (self.loss(solved), problem.trace(&solved.knots, solved.penalty) / m);
            let share = 1.0 - freedom / total;
            let mean = 2.0 * loss / (total * m);
            let is_exact = solved.penalty == 0.0 && problem.spread() == 0.0;
            let score = match share > 0.0 {
                _ if is_exact => problem.error_between() * problem.objective_unit(),
                true => mean / (share * share),
                false => f64::INFINITY,
            };
            let whole = solved.merit.primal + problem.spread();
            let gap = (solved.merit.primal - solved.merit.dual).max(0.0);
            PathPoint {
                penalty: solved.penalty * problem.penalty_unit(),
                neurons: problem.neurons(&solved.knots),
                freedom,
                loss,
                variation: solved.merit.bend * problem.objective_unit() / problem.penalty_unit(),
                rel_gap: if gap > 0.0 { gap / whole } else { 0.0 },
                score,
            }
        };
        self.solved.iter().map(point).collect()
    }

    /// Between two neighbours of the path, the fit on the far side of the last penalty that still `holds`.
    ///
    /// Halves the interval in logarithm; `holds` is true at `index`, false at `index + 1`.
    pub(super) fn refine(
        &self,
        index: usize,
        holds: impl Fn(&Solved<P::Place>) -> bool,
        sweep: &mut Sweep,
    ) -> (Solved<P::Place>, Solved<P::Place>) {
        let mut inside = self.solved[index].clone();
        let mut outside = self.solved[index + 1].clone();
        // Down to 1 part in 1e4 of the penalty; towards the interpolant, 2^-40 of the last penalty stands for 0.
        let floor = inside.penalty * 2f64.powi(-40);
        for _ in 0..40 {
            let low = outside.penalty.max(floor);
            if low >= inside.penalty * (1.0 - 1e-4) {
                break;
            }
            let middle = (inside.penalty * low).sqrt();
            self.rule.watch.begin(1.0, 1.0);
            let solved = generate(self.problem, middle, inside.knots.clone(), self.rule, sweep);
            if self.rule.watch.is_cut() {
                break;
            }
            if holds(&solved) { inside = solved } else { outside = solved }
        }
        (inside, outside)
    }

    /// The largest penalty whose loss is at most `target`; the interpolant if none is.
    pub(super) fn discrepancy(&self, target: f64, sweep: &mut Sweep) -> Solved<P::Place> {
        let above = |solved: &Solved<P::Place>| self.loss(solved) > target;
        match self.solved.iter().position(|s| !above(s)) {
            Some(0) => self.solved[0].clone(),
            Some(first) => self.refine(first - 1, above, sweep).1,
            None => self.solved[self.solved.len() - 1].clone(),
        }
    }

    /// The smallest penalty with at most `budget` neurons before the first fit of the path with more.
    pub(super) fn within_neurons(&self, budget: usize, sweep: &mut Sweep) -> Solved<P::Place> {
        let fits = |solved: &Solved<P::Place>| self.problem.neurons(&solved.knots) <= budget;
        match self.solved.iter().position(|s| !fits(s)) {
            Some(0) => self.solved[0].clone(),
            Some(first) => self.refine(first - 1, fits, sweep).0,
            None => self.solved[self.solved.len() - 1].clone(),
        }
    }
}

/// Rows of one part of a cross-validation.
struct Fold {
    train: Vec<usize>,
    held_out: Vec<usize>,
}

fn folds(samples: &Samples, problem: &impl Problem, choice: &Choice) -> Vec<Fold> {
    match *choice {
        Choice::HeldOut { share, seed } => {
            let parts = split(samples, share, seed);
            vec![Fold { train: parts.train, held_out: parts.held_out }]
        }
        Choice::BlockCv { folds, block } => {
            let first = samples.inputs().iter().step_by(samples.n_inputs());
            let part: Vec<usize> = first.map(|&x| problem.rank(x) / block % folds).collect();
            (0..folds)
                .map(|k| {
                    let (held_out, train) = (0..samples.rows()).partition(|&i| part[i] == k);
                    Fold { train, held_out }
                })
                .collect()
        }
        Choice::Gcv | Choice::Discrepancy { .. } | Choice::Neurons(_) => Vec::new(),
    }
}

/// Mean squared error on rows left out, for each penalty (in units of the problem) and last for the interpolant.
///
/// The loss is a sum over rows, so a penalty for all rows is one for the kept rows times their share of the weight.
/// Infinite everywhere when nothing can be left out.
pub(super) fn held_out_scores<P: Problem>(
    samples: &Samples,
    problem: &P,
    choice: &Choice,
    penalties: &[f64],
    rule: Rule,
    sweep: &mut Sweep,
) -> Vec<f64> {
    let m = samples.n_targets();
    let (mut errors, mut weight) = (vec![0.0; penalties.len() + 1], 0.0);
    let (work, folds) = (rule.watch.part(), folds(samples, problem, choice));
    for (k, fold) in folds.iter().enumerate() {
        rule.watch.share(work, k, folds.len());
        if fold.train.is_empty() || fold.held_out.is_empty() {
            continue;
        }
        let (kept, left_out) = (problem.on(&samples.select(&fold.train)), samples.select(&fold.held_out));
        let factor = kept.weight() / problem.weight() * problem.penalty_unit() / kept.penalty_unit();
        let own: Vec<f64> = penalties.iter().map(|penalty| penalty * factor).collect();
        let path = Path::new(&kept, &own, rule, sweep);
        weight += left_out.weights().iter().sum::<f64>();
        for (error, solved) in errors.iter_mut().zip(&path.solved) {
            let fitted = kept.answer(&solved.knots).predict(left_out.inputs());
            let rows = fitted.chunks_exact(m).zip(left_out.targets().chunks_exact(m)).zip(left_out.weights());
            for ((fit, y), w) in rows {
                *error += w * fit.iter().zip(y).map(|(f, y)| (y - f).powi(2)).sum::<f64>();
            }
        }
    }
    errors.iter().map(|e| if weight > 0.0 { e / (weight * m as f64) } else { f64::INFINITY }).collect()
}
