//! Levenberg-Marquardt on the hidden layers, with the readout projected out.
//!
//! The readout that is best for given hidden layers is a least-squares solution, so the objective is one of the hidden
//! layers alone (Golub, Pereyra, *SIAM J. Numer. Anal.* 10, 1973: variable projection). With the readout at its best, the
//! Gauss-Newton step of both together, damped in the hidden layers only, is the step of Kaufman (*BIT* 15, 1975) for it.
//! The damping goes by the ratio of the actual to the predicted decrease (Nielsen, IMM-REP-1999-05).

use super::driver::{Solver, Step};
use super::task::Task;
use faer::linalg::solvers::Solve;
use faer::{Mat, Side};
use multigrade_kernels::Real;

/// The first damping, as a share of each diagonal entry (experiment, no theory).
const FIRST_DAMPING: f64 = 1e-2;
/// Entries of the diagonal count as at least this share of the largest: neurons that no row feels do not run away.
const LEAST_DIAGONAL: f64 = 1e-8;
/// Steps refused in a row after which the parameters are a minimum to within rounding.
const MOST_REFUSED: u32 = 20;
/// Relative decrease below which an iteration counts as standing still (experiment, no theory).
const STILL: f64 = 1e-9;
/// Iterations standing still in a row before the solver says that it has converged.
const STILL_ITERATIONS: u32 = 5;

pub(crate) struct Levenberg<T> {
    /// `J` at the current parameters, once known.
    value: Option<f64>,
    gradient: Vec<T>,
    /// Lower triangle of the Gauss-Newton matrix, `(p, p)`.
    matrix: Vec<T>,
    trial: Vec<T>,
    damping: f64,
    /// What a refused step multiplies the damping by.
    growth: f64,
    still: u32,
}

impl<T: Real> Levenberg<T> {
    pub(crate) fn new(n: usize) -> Self {
        Self {
            value: None,
            gradient: vec![T::ZERO; n],
            matrix: vec![T::ZERO; n * n],
            trial: vec![T::ZERO; n],
            damping: FIRST_DAMPING,
            growth: 2.0,
            still: 0,
        }
    }

    /// `δ` with `(G + damping D) δ = -∇J`, and the decrease `δᵀ(damping D δ - ∇J) / 2` that the model promises; `None` where
    /// the matrix is not positive definite. `D` is the diagonal in the hidden layers and next to nothing in the readout.
    fn proposal(&self, hidden: usize) -> Option<(Vec<f64>, f64)> {
        let p = self.gradient.len();
        let diagonal = |i: usize| self.matrix[i * p + i].to_f64();
        let largest = (0..p).map(diagonal).fold(0.0, f64::max);
        let damping: Vec<f64> = (0..p)
            .map(
                |i| if i < hidden { self.damping * diagonal(i).max(LEAST_DIAGONAL * largest) } else { 1e-14 * largest },
            )
            .collect();
        let damped = Mat::from_fn(p, p, |i, j| {
            let entry = self.matrix[i.max(j) * p + i.min(j)].to_f64();
            if i == j { entry + damping[i] } else { entry }
        });
        let gradient = Mat::from_fn(p, 1, |i, _| -self.gradient[i].to_f64());
        let solution = damped.llt(Side::Lower).ok()?.solve(&gradient);
        let step: Vec<f64> = (0..p).map(|i| solution[(i, 0)]).collect();
        let promise = |i: usize| 0.5 * step[i] * (damping[i] * step[i] - self.gradient[i].to_f64());
        let promised: f64 = (0..p).map(promise).sum();
        (step.iter().all(|s| s.is_finite()) && promised >= 0.0).then_some((step, promised))
    }

    fn refuse(&mut self) {
        self.damping *= self.growth;
        self.growth *= 2.0;
    }
}

impl<T: Real> Solver<T> for Levenberg<T> {
    fn step(&mut self, task: &mut Task<T>, parameters: &mut [T]) -> Step {
        let value = match self.value {
            Some(value) => value,
            None => {
                // The readout that was drawn may be better than one that rounding spoiled.
                self.trial.copy_from_slice(parameters);
                task.solve_readout(&mut self.trial);
                if task.value(&self.trial) <= task.value(parameters) {
                    parameters.copy_from_slice(&self.trial);
                }
                task.gauss_newton(parameters, &mut self.gradient, &mut self.matrix)
            }
        };
        let step = |objective: f64, converged: bool| Step {
            updates: 1,
            objective: Some(objective),
            converged,
            learning_rate: None,
        };
        for _ in 0..MOST_REFUSED {
            let Some((change, promised)) = self.proposal(task.n_hidden_parameters()) else {
                self.refuse();
                continue;
            };
            for ((trial, &old), change) in self.trial.iter_mut().zip(&*parameters).zip(change) {
                *trial = T::from_f64(old.to_f64() + change);
            }
            task.solve_readout(&mut self.trial);
            let trial_value = task.value(&self.trial);
            if trial_value.is_nan() || trial_value >= value {
                self.refuse();
                continue;
            }
            let ratio = (value - trial_value) / promised.max(f64::MIN_POSITIVE);
            self.damping *= (1.0 - (2.0 * ratio - 1.0).powi(3)).max(1.0 / 3.0);
            self.growth = 2.0;
            parameters.copy_from_slice(&self.trial);
            self.value = Some(task.gauss_newton(parameters, &mut self.gradient, &mut self.matrix));
            self.still = if value - trial_value <= STILL * value.abs() { self.still + 1 } else { 0 };
            return step(trial_value, self.still >= STILL_ITERATIONS);
        }
        self.value = Some(value);
        step(value, true)
    }
}

#[cfg(test)]
mod tests {
    use super::super::initial::Randomness;
    use super::super::task::{Inputs, Rows};
    use super::*;
    use crate::settings::{FitSettings, Initialisation};
    use multigrade_kernels::{Activation, Shape};

    /// `sin(3 x) + x z` on a grid, with weights that differ.
    fn rows() -> Rows<f64> {
        let (mut inputs, mut targets, mut weights) = (Vec::new(), Vec::new(), Vec::new());
        for i in 0..12 {
            for j in 0..12 {
                let (x, z) = (f64::from(i) / 5.5 - 1.0, f64::from(j) / 5.5 - 1.0);
                inputs.extend([x, z]);
                targets.push((3.0 * x).sin() + x * z);
                weights.push(f64::from(1 + (i + j) % 3));
            }
        }
        let total: f64 = weights.iter().sum();
        weights.iter_mut().for_each(|w| *w /= total);
        Rows { carried: inputs.clone(), inputs: Inputs::Kept(inputs), targets, classes: Vec::new(), weights }
    }

    fn start(shape: &Shape) -> Vec<f64> {
        Randomness::new(&FitSettings::default(), 1, 0).parameters(shape, Initialisation::ScaledNormal)
    }

    #[test]
    fn no_step_raises_the_objective_and_after_each_the_readout_is_at_its_best() {
        for activation in [Activation::Tanh, Activation::Relu, Activation::Sin] {
            let rows = rows();
            let shape = Shape::new(2, vec![(6, activation), (4, activation)], 2, 1);
            let mut task = Task::new(&shape, &rows, None, 1e-6);
            let mut parameters = start(&shape);
            let mut solver = Levenberg::new(shape.n_parameters());
            let mut before = task.value(&parameters);
            for _ in 0..15 {
                let step = solver.step(&mut task, &mut parameters);
                let now = task.value(&parameters);
                assert!(now <= before && step.objective == Some(now), "{activation}: {now} after {before}");
                // The objective is a parabola in each weight of the readout; at its best all its slopes are rounding.
                let readout = &solver.gradient[shape.n_hidden_parameters()..];
                assert!(readout.iter().all(|g| g.abs() < 1e-10), "{activation}: {readout:?}");
                before = now;
            }
        }
    }

    #[test]
    fn a_smooth_network_ends_at_a_minimum_that_its_gradient_confirms() {
        let rows = rows();
        let shape = Shape::new(2, vec![(5, Activation::Tanh)], 2, 1);
        let mut task = Task::new(&shape, &rows, None, 1e-4);
        let mut parameters = start(&shape);
        let mut solver = Levenberg::new(shape.n_parameters());
        let converged = (0..300).any(|_| solver.step(&mut task, &mut parameters).converged);
        let mut gradient = vec![0.0; parameters.len()];
        task.value_and_gradient(&parameters, &rows, &mut gradient);
        let size = gradient.iter().fold(0.0f64, |size, g| size.max(g.abs()));
        // A relative decrease of 1e-9 is that of a gradient whose square is about as small.
        assert!(converged && size < 1e-5, "{converged}, {size:e}");
    }
}
