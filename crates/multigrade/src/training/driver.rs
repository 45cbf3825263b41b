//! The driver: runs a solver's steps within a budget and keeps the best parameters.

use super::initial::Randomness;
use super::task::Task;
use super::{descent, lbfgs, levenberg};
use crate::observer::{Cut, Progress};
use crate::settings::{Keep, Solver as SolverSettings};
use multigrade_kernels::Real;

/// One step of a solver: an epoch or an iteration.
pub(crate) struct Step {
    /// Updates of the parameters that were made.
    pub(crate) updates: u64,
    /// The objective at the new parameters where the solver knows it.
    pub(crate) objective: Option<f64>,
    /// Whether the solver cannot improve any more.
    pub(crate) converged: bool,
    /// The learning rate that was used, for solvers that have one.
    pub(crate) learning_rate: Option<f64>,
}

/// A method that improves parameters step by step, in place.
pub(crate) trait Solver<T: Real> {
    fn step(&mut self, task: &mut Task<T>, parameters: &mut [T]) -> Step;
}

/// Why training of a hidden stack ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stop {
    Converged,
    Budget,
    HeldOut,
    NoImprovement,
    NotFinite,
    Time,
    Observer,
}

impl Stop {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Converged => "converged",
            Self::Budget => "all updates made",
            Self::HeldOut => "where held-out rows were best",
            Self::NoImprovement => "no improvement",
            Self::NotFinite => "left the finite numbers",
            Self::Time => "time limit",
            Self::Observer => "interrupted",
        }
    }

    /// Whether this is the name of a reason that cut training short.
    pub(crate) fn is_cut(name: &str) -> bool {
        [Self::Time, Self::Observer].iter().any(|stop| stop.name() == name)
    }
}

impl From<Cut> for Stop {
    fn from(cut: Cut) -> Self {
        match cut {
            Cut::Observer => Self::Observer,
            Cut::Time => Self::Time,
        }
    }
}

/// The parameters that are the answer, and how they were found.
pub(crate) struct Outcome<T> {
    pub(crate) parameters: Vec<T>,
    /// Steps that led to these parameters.
    pub(crate) steps: u32,
    pub(crate) updates: u64,
    pub(crate) stop: Stop,
}

/// Steps and updates that a solver makes at most on `n` rows.
pub(crate) fn budget(settings: &SolverSettings, n: usize) -> (u32, u64) {
    match settings {
        // Neither trains a hidden stack.
        SolverSettings::RandomFeatures | SolverSettings::Convex(_) | SolverSettings::ConvexDense { .. } => (0, 0),
        SolverSettings::Lbfgs { iterations } | SolverSettings::LevenbergMarquardt { iterations } => {
            (*iterations, u64::from(*iterations))
        }
        SolverSettings::Adam(d) | SolverSettings::GradientDescent(d) => {
            let batches = n.div_ceil(d.batch.unwrap_or(n).min(n).max(1));
            (d.epochs, u64::from(d.epochs) * batches as u64)
        }
    }
}

/// What training of one branch needs beside solver and task.
pub(crate) struct Terms {
    /// Which iterate is the answer.
    pub(crate) keep: Keep,
    /// Steps after which training stops although schedules go by the whole budget: so a refit ends where held-out rows
    /// said it should.
    pub(crate) limit: Option<u32>,
    /// Number of the grade, for reports.
    pub(crate) grade: usize,
    pub(crate) randomness: Randomness,
}

/// Minimises the task's objective from `parameters`.
///
/// The answer is the last iterate or the best: by the loss on held-out rows if the task has any, by the objective
/// otherwise. A step that leaves the finite numbers ends training and is not part of the answer.
pub(crate) fn train<T: Real>(
    settings: &SolverSettings,
    task: &mut Task<T>,
    parameters: Vec<T>,
    terms: &Terms,
    progress: &Progress,
) -> Outcome<T> {
    let &Terms { keep, limit, grade, randomness } = terms;
    let mut solver: Box<dyn Solver<T>> = match settings {
        SolverSettings::RandomFeatures | SolverSettings::Convex(_) | SolverSettings::ConvexDense { .. } => {
            return Outcome { parameters, steps: 0, updates: 0, stop: Stop::Converged };
        }
        SolverSettings::Lbfgs { .. } => Box::new(lbfgs::Lbfgs::new(task.n_parameters())),
        SolverSettings::LevenbergMarquardt { .. } => Box::new(levenberg::Levenberg::new(task.n_parameters())),
        SolverSettings::Adam(d) => Box::new(descent::Walk::adam(d, task, randomness)),
        SolverSettings::GradientDescent(d) => Box::new(descent::Walk::gradient(d, task, randomness)),
    };
    let patience = match settings {
        SolverSettings::Adam(d) | SolverSettings::GradientDescent(d) => d.patience,
        _ => None,
    };
    let steps = budget(settings, task.rows.len()).0.min(limit.unwrap_or(u32::MAX));
    let mut current = parameters;
    let mut kept = current.clone();
    let mut merit = task.held_out_loss(&current).unwrap_or_else(|| task.value(&current));
    let (mut updates, mut best_steps, mut kept_steps) = (0, 0, 0);
    let mut stop = if limit.is_some() { Stop::HeldOut } else { Stop::Budget };
    for done in 1..=steps {
        if let Some(cut) = progress.cut() {
            stop = cut.into();
            break;
        }
        let step = solver.step(task, &mut current);
        updates += step.updates;
        let objective = step.objective.unwrap_or_else(|| task.value(&current));
        progress.advance(grade, step.updates, objective, step.learning_rate);
        let now = task.held_out_loss(&current).unwrap_or(objective);
        if !(now.is_finite() && objective.is_finite()) {
            stop = Stop::NotFinite;
            break;
        }
        // Written so that a first merit that is not finite is replaced by the first that is.
        let is_best = now < merit || !merit.is_finite();
        if is_best {
            (merit, best_steps) = (now, done);
        }
        if is_best || keep == Keep::Last {
            kept.copy_from_slice(&current);
            kept_steps = done;
        }
        if step.converged {
            stop = Stop::Converged;
            break;
        }
        if patience.is_some_and(|p| done - best_steps >= p) {
            stop = Stop::NoImprovement;
            break;
        }
    }
    Outcome { parameters: kept, steps: kept_steps, updates, stop }
}
