//! Convex grades: one-hidden-layer ReLU networks of one input, trained to proved global optimality.
//!
//! With one input, free biases and a free affine part, the best ReLU network of *any* width under weight decay is a
//! linear spline:
//!
//! ```text
//! min_f  1/2 sum_i w_i |y_i - f(x_i)|² + β TV(f')
//! ```
//!
//! ([`OptimalityProof`] states the problem in terms of neurons.) [`fit`] finds it by knot generation in `O(n)` per
//! round, for one penalty or along a path, and hands back the network with a proof that does not depend on how it was found.
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

mod answer;
mod generate;
mod knots;
mod line;
mod normal;
mod path;
mod settings;

use crate::{Samples, Valid};
pub use answer::{ConvexFit, Hinge, PathPoint};
use answer::{Neurons, grade};
use generate::{Rule, Solved, generate, interpolate};
use knots::Knots;
use line::{Line, Sweep};
use multigrade_model::{ConvexProblem, Matrix, ModelError, NeuronClass, OptimalityProof, ProofError};
use path::{Path, held_out_scores, penalties};
pub use settings::{Choice, ConvexSettings, Penalty};

/// Samples that have no convex fit.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ConvexError {
    /// More than one input.
    #[error("a convex grade reads one input, the samples have {found}; choose one column")]
    Inputs {
        /// Number of inputs.
        found: usize,
    },
    /// Numbers beyond the range of `f64` on the way.
    #[error("the fit is not finite: inputs or targets span too many orders of magnitude; scale them first ({0})")]
    Range(#[from] ModelError),
    /// The objective is not finite.
    #[error(transparent)]
    Proof(#[from] ProofError),
}

/// The globally optimal ReLU network of one input, with its proof.
///
/// Rows with equal `x` count as one row with their weighted mean. Time: one sort, then `O(n m)` for each round of each
/// penalty; a penalty takes 4 to 20 rounds, fewer along a path.
///
/// A fit that did not reach the tolerance is not an error: its [`proof`](ConvexFit::proof) says what was reached.
///
/// # Errors
/// [`ConvexError`] if there is more than one input, or numbers leave the range of `f64`.
pub fn fit(samples: &Samples, settings: &Valid<ConvexSettings>) -> Result<ConvexFit, ConvexError> {
    check_inputs(samples)?;
    let line = Line::new(samples);
    let rule = Rule { tolerance: settings.tolerance, max_rounds: settings.max_rounds };
    let mut sweep = Sweep::default();
    let noise = line.noise();
    let largest = generate::largest_penalty(&line, &mut sweep).max(noise);
    let unit = line.penalty_unit() / line.input_unit();
    let (solved, path) = match &settings.penalty {
        Penalty::Absolute(penalty) => (solve(&line, penalty / unit, rule, &mut sweep), Vec::new()),
        // Relative penalties below the rounding of the targets would fit rounding errors.
        Penalty::OfLargest(0.0) => (interpolate(&line, &mut sweep), Vec::new()),
        Penalty::OfLargest(share) => (solve(&line, (share * largest).max(noise), rule, &mut sweep), Vec::new()),
        Penalty::Path { points, min_ratio, choice } => {
            let grid: Vec<f64> =
                penalties(largest, *points, *min_ratio).into_iter().map(|penalty| penalty.max(noise)).collect();
            choose(samples, &line, &grid, choice, rule, &mut sweep)
        }
    };
    finish(samples, settings.tolerance, &line, &solved, path, largest * unit, &mut sweep)
}

/// The smallest penalty for which the fit of these samples has no neurons, `omega` of the residual of the best line.
///
/// For the residual of a fit with penalty `β` and at least one neuron this is `β` again: a second grade on the same input
/// with the same or a larger penalty is zero.
///
/// # Errors
/// [`ConvexError::Inputs`] if there is more than one input.
pub fn largest_penalty(samples: &Samples) -> Result<f64, ConvexError> {
    check_inputs(samples)?;
    let line = Line::new(samples);
    Ok(generate::largest_penalty(&line, &mut Sweep::default()) * line.penalty_unit() / line.input_unit())
}

fn check_inputs(samples: &Samples) -> Result<(), ConvexError> {
    match samples.n_inputs() {
        1 => Ok(()),
        found => Err(ConvexError::Inputs { found }),
    }
}

fn solve(line: &Line, penalty: f64, rule: Rule, sweep: &mut Sweep) -> Solved {
    if penalty == 0.0 {
        return interpolate(line, sweep);
    }
    generate(line, penalty, Knots::none(line.len(), line.outputs()), rule, sweep)
}

/// The best fit of a path, and the path with its scores.
fn choose(
    samples: &Samples,
    line: &Line,
    grid: &[f64],
    choice: &Choice,
    rule: Rule,
    sweep: &mut Sweep,
) -> (Solved, Vec<PathPoint>) {
    let path = Path::new(line, grid, rule, sweep);
    let mut summary = path.summary();
    let solved = match choice {
        Choice::Gcv => None,
        Choice::HeldOut { .. } | Choice::BlockCv { .. } => {
            let scores = held_out_scores(samples, line, choice, grid, rule, sweep);
            summary.iter_mut().zip(scores).for_each(|(point, score)| point.score = score);
            None
        }
        Choice::Discrepancy { noise } => {
            let target = 0.5 * line.weight() * line.outputs() as f64 * noise * noise;
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
    let solved = solved.unwrap_or_else(|| {
        // The first of equal scores: the smoothest fit.
        let best = (0..summary.len()).reduce(|best, i| if summary[i].score < summary[best].score { i } else { best });
        path.solved[best.unwrap_or(0)].clone()
    });
    (solved, summary)
}

fn finish(
    samples: &Samples,
    tolerance: f64,
    line: &Line,
    solved: &Solved,
    path: Vec<PathPoint>,
    largest_penalty: f64,
    sweep: &mut Sweep,
) -> Result<ConvexFit, ConvexError> {
    line.measure(&solved.knots, solved.penalty, sweep);
    let Neurons { hinges, intercept, slope } = Neurons::new(line, solved);
    let linear = Matrix::new(slope.len(), 1, slope).ok_or(ModelError::Empty { what: "affine part" })?;
    let problem = ConvexProblem {
        x: samples.inputs(),
        y: samples.targets(),
        weights: Some(samples.weights()),
        class: NeuronClass::OneInput,
        penalty: solved.penalty * line.penalty_unit(),
    };
    let candidate = grade(&hinges, &intercept, &linear)?;
    let proof = OptimalityProof::new(&problem, &candidate, line.dual_point(sweep), tolerance, 0)?;
    let unit = line.input_unit();
    let (units, penalty, rounds) = (vec![unit], problem.penalty / unit, solved.rounds);
    Ok(ConvexFit { hinges, intercept, linear, units, penalty, largest_penalty, proof, path, rounds })
}
