//! Convex grades: one-hidden-layer ReLU networks whose neurons read one input each, trained to proved global optimality.
//!
//! With free biases and a free affine part, the best such network of *any* width under weight decay is a sum of linear
//! splines, one for each input:
//!
//! ```text
//! min_f  1/2 sum_i w_i |y_i - f(x_i)|² + β sum_j s_j TV(f_j'),     f(x) = f_1(x_1) + ... + f_d(x_d)
//! ```
//!
//! The unit `s_j` is the weighted standard deviation of input `j`, so that the penalty means the same whatever an input
//! is measured in. With one input `f` is the best of *all* ReLU networks. ([`OptimalityProof`] states the problem in terms of
//! neurons.) [`fit`] finds it by knot generation, for one penalty or along a path, and hands back the network with a proof
//! that does not depend on how it was found.
//!
//! ```
//! use multigrade::Samples;
//! use multigrade::convex::{self, ConvexSettings, Penalty};
//!
//! let x: Vec<f64> = (0..50).map(f64::from).collect();
//! let y: Vec<f64> = x.iter().map(|x| (x - 20.0).abs() + 0.1 * x.sin()).collect();
//! let samples = Samples::new(1, 1, x.clone(), y.clone(), None)?;
//! let settings = ConvexSettings { penalty: Penalty::OfLargest(0.01), ..ConvexSettings::default() }.validate()?;
//!
//! let fit = convex::fit(&samples, &settings)?;
//! assert_eq!(fit.hinges.len(), 1);
//! assert!(fit.proof.rel_gap.unwrap() < 1e-9);
//! fit.proof.verify(&x, &y, None, &fit.grade()?)?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod additive;
mod answer;
mod contributions;
pub mod dense;
mod knots;
mod line;
mod normal;
mod path;
mod problem;
mod rows;
mod settings;
mod watch;

use crate::{Flow, Samples, Valid};
use additive::Table;
pub use answer::{ConvexFit, Hinge, PathPoint};
pub use contributions::{Contribution, Contributions};
use line::Line;
use multigrade_model::{ConvexProblem, ModelError, NeuronClass, OptimalityProof, ProofError};
use path::{Path, held_out_scores, penalties};
use problem::{Problem, Rule, Solved, Sweep, generate, interpolate};
pub use settings::{Choice, ConvexSettings, Penalty};
pub use watch::Round;
use watch::Watch;

/// Samples that have no convex fit.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ConvexError {
    /// Penalty 0 with several inputs.
    #[error(
        "penalty 0 with {inputs} inputs has no unique fit (with one input it interpolates); choose a positive penalty"
    )]
    NoPenalty {
        /// Number of inputs.
        inputs: usize,
    },
    /// More than one target.
    #[error(
        "a dense convex grade has one output, the samples have {found} targets; choose one, or neurons of one input"
    )]
    Outputs {
        /// Number of targets.
        found: usize,
    },
    /// Numbers beyond the range of `f64` on the way.
    #[error("the fit is not finite: inputs or targets span too many orders of magnitude; scale them first ({0})")]
    Range(#[from] ModelError),
    /// The objective is not finite.
    #[error(transparent)]
    Proof(#[from] ProofError),
}

/// The globally optimal ReLU network whose neurons read one input each, with its proof.
///
/// With one input, rows with equal `x` count as one row with their weighted mean, and time is one sort, then `O(n m)` for
/// each round of each penalty. With `d` inputs a round takes `O(n d m)` for the residual and its correlations and
/// `O(n a (a + d) + (K m)³)` for the best fit with `K` knots in `a` inputs. A penalty takes 4 to 20 rounds, fewer along a
/// path.
///
/// A fit that did not reach the tolerance is not an error: its [`proof`](ConvexFit::proof) says what was reached.
///
/// # Errors
/// [`ConvexError`] if the penalty is 0 and there are several inputs, or numbers leave the range of `f64`.
pub fn fit(samples: &Samples, settings: &Valid<ConvexSettings>) -> Result<ConvexFit, ConvexError> {
    fit_watched(samples, settings, &|_| Flow::Continue)
}

/// [`fit`] with an observer that is told of every round and may end the fit.
///
/// A fit that was ended is the best of what was done: the candidate of the penalty under way, or the best of those of the path
/// so far (by generalised cross-validation where the choice asked for could not be made any more). Its proof holds and says how
/// far from optimal it is.
///
/// # Errors
/// As [`fit`].
///
/// ```
/// use multigrade::convex::{self, ConvexSettings, Penalty};
/// use multigrade::{Flow, ProofStatus, Samples};
///
/// let x: Vec<f64> = (0..300).map(f64::from).collect();
/// let y: Vec<f64> = x.iter().map(|x| (0.1 * x).sin()).collect();
/// let samples = Samples::new(1, 1, x, y, None)?;
/// let settings = ConvexSettings { penalty: Penalty::OfLargest(1e-4), ..ConvexSettings::default() }.validate()?;
/// let good_enough = |round: &convex::Round| if round.rel_gap < Some(0.5) { Flow::Stop } else { Flow::Continue };
///
/// let fit = convex::fit_watched(&samples, &settings, &good_enough)?;
/// assert_eq!(fit.proof.status, ProofStatus::BoundOnly);
/// assert!(fit.proof.rel_gap < Some(0.5));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn fit_watched(
    samples: &Samples,
    settings: &Valid<ConvexSettings>,
    observer: &dyn Fn(&Round) -> Flow,
) -> Result<ConvexFit, ConvexError> {
    match samples.n_inputs() {
        1 => search(samples, &Line::new(samples), settings, &Watch::new(observer)),
        _ => search(samples, &Table::new(samples), settings, &Watch::new(observer)),
    }
}

/// The smallest penalty for which the fit of these samples has no neurons, `omega` of the residual of the best affine
/// function.
///
/// For the residual of a fit with penalty `β` and at least one neuron this is `β` again: a second grade on the same inputs
/// with the same or a larger penalty is zero.
pub fn largest_penalty(samples: &Samples) -> f64 {
    fn of<P: Problem>(problem: &P) -> f64 {
        problem.largest_penalty(&mut Sweep::default()) * problem.penalty_unit()
    }
    match samples.n_inputs() {
        1 => of(&Line::new(samples)),
        _ => of(&Table::new(samples)),
    }
}

fn search<P: Problem>(
    samples: &Samples,
    problem: &P,
    settings: &Valid<ConvexSettings>,
    watch: &Watch<'_>,
) -> Result<ConvexFit, ConvexError> {
    let rule = Rule { tolerance: settings.tolerance, max_rounds: settings.max_rounds, watch };
    let mut sweep = Sweep::default();
    let (unit, noise) = (problem.penalty_unit(), problem.noise());
    let largest = problem.largest_penalty(&mut sweep);
    let one = |penalty: f64, sweep: &mut Sweep| generate(problem, penalty, problem.none(), rule, sweep);
    let (solved, path) = match settings.penalty {
        Penalty::Absolute(0.0) | Penalty::OfLargest(0.0) => {
            let through = interpolate(problem, &mut sweep);
            (through.ok_or(ConvexError::NoPenalty { inputs: samples.n_inputs() })?, Vec::new())
        }
        Penalty::Absolute(penalty) => (one(penalty / unit, &mut sweep), Vec::new()),
        // Relative penalties below the rounding of the targets would fit rounding errors.
        Penalty::OfLargest(share) => (one((share * largest).max(noise), &mut sweep), Vec::new()),
        Penalty::Path { points, min_ratio, ref choice } => {
            let grid: Vec<f64> =
                penalties(largest, points, min_ratio).into_iter().map(|penalty| penalty.max(noise)).collect();
            choose(samples, problem, &grid, choice, rule, &mut sweep)
        }
    };
    problem.measure(&solved.knots, solved.penalty, &mut sweep);
    let neurons = problem.answer(&solved.knots);
    let statement = ConvexProblem {
        x: samples.inputs(),
        y: samples.targets(),
        weights: Some(samples.weights()),
        class: NeuronClass::OneInput,
        penalty: solved.penalty * unit,
    };
    let dual_point = problem.dual_point(&sweep);
    let proof = OptimalityProof::new(&statement, &neurons.grade()?, dual_point, settings.tolerance, 0)?;
    Ok(ConvexFit {
        hinges: neurons.hinges,
        intercept: neurons.intercept,
        linear: neurons.linear,
        units: problem.units(),
        penalty: statement.penalty,
        largest_penalty: largest * unit,
        proof,
        path,
        rounds: solved.rounds,
    })
}

/// The best fit of a path, and the path with its scores.
fn choose<P: Problem>(
    samples: &Samples,
    problem: &P,
    grid: &[f64],
    choice: &Choice,
    rule: Rule,
    sweep: &mut Sweep,
) -> (Solved<P::Place>, Vec<PathPoint>) {
    let validates = matches!(choice, Choice::HeldOut { .. } | Choice::BlockCv { .. });
    rule.watch.begin(0.0, if validates { 0.5 } else { 1.0 });
    let path = Path::new(problem, grid, rule, sweep);
    let mut summary = path.summary();
    let solved = match choice {
        _ if rule.watch.is_cut() => None,
        Choice::Gcv => None,
        Choice::HeldOut { .. } | Choice::BlockCv { .. } => {
            rule.watch.begin(0.5, 1.0);
            let scores = held_out_scores(samples, problem, choice, grid, rule, sweep);
            if !rule.watch.is_cut() {
                summary.iter_mut().zip(scores).for_each(|(point, score)| point.score = score);
            }
            None
        }
        Choice::Discrepancy { noise } => {
            let target = 0.5 * problem.weight() * problem.outputs() as f64 * noise * noise;
            for point in &mut summary {
                point.score = if point.loss <= target { target - point.loss } else { f64::INFINITY };
            }
            Some(path.discrepancy(target, sweep))
        }
        Choice::Neurons(budget) => {
            for point in &mut summary {
                point.score = if point.neurons <= *budget { point.penalty } else { f64::INFINITY };
            }
            Some(path.within_neurons(*budget, sweep))
        }
    };
    let solved = solved.unwrap_or_else(|| path.solved[best_of(&summary)].clone());
    (solved, summary)
}

/// The first of the smallest scores: the smoothest fit.
fn best_of(summary: &[PathPoint]) -> usize {
    let best = (0..summary.len()).reduce(|best, i| if summary[i].score < summary[best].score { i } else { best });
    best.unwrap_or(0)
}
