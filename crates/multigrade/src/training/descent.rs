//! Solvers that walk along (mini-batch) gradients: Adam and gradient descent.

use super::driver::{Solver, Step};
use super::initial::Randomness;
use super::task::{Rows, Task};
use crate::settings::Descent;
use multigrade_kernels::Real;
use multigrade_kernels::elementwise::{AdamStep, adam_update, axpy};

/// How a gradient becomes an update.
enum Rule<T> {
    /// Kingma, Ba: *Adam* (ICLR 2015), with bias correction and `eps` outside the root.
    Adam {
        mean: Vec<T>,
        square: Vec<T>,
        update: u64,
    },
    Gradient,
}

/// One pass over the rows per step, in mini-batches drawn without replacement.
pub(crate) struct Walk<'a, T> {
    settings: &'a Descent,
    rule: Rule<T>,
    epoch: u32,
    randomness: Randomness,
    order: Vec<u32>,
    batch: Rows<T>,
    gradient: Vec<T>,
    /// Whether `gradient` is the one over all rows at the current parameters.
    is_ahead: bool,
}

impl<'a, T: Real> Walk<'a, T> {
    pub(crate) fn adam(settings: &'a Descent, task: &Task<T>, randomness: Randomness) -> Self {
        let zeros = vec![T::ZERO; task.n_parameters()];
        Self::new(settings, Rule::Adam { mean: zeros.clone(), square: zeros, update: 0 }, task, randomness)
    }

    pub(crate) fn gradient(settings: &'a Descent, task: &Task<T>, randomness: Randomness) -> Self {
        Self::new(settings, Rule::Gradient, task, randomness)
    }

    fn new(settings: &'a Descent, rule: Rule<T>, task: &Task<T>, randomness: Randomness) -> Self {
        let n = u32::try_from(task.rows.len()).expect("samples have fewer than 2^32 rows");
        let gradient = vec![T::ZERO; task.n_parameters()];
        let (order, batch) = ((0..n).collect(), Rows::empty());
        Self { settings, rule, epoch: 0, randomness, order, batch, gradient, is_ahead: false }
    }

    fn update(&mut self, parameters: &mut [T], rate: f64) {
        match &mut self.rule {
            Rule::Adam { mean, square, update } => {
                *update += 1;
                let step = AdamStep { rate, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, update: *update };
                adam_update(parameters, &self.gradient, mean, square, &step);
            }
            Rule::Gradient => axpy(T::from_f64(-rate), &self.gradient, parameters),
        }
    }
}

impl<T: Real> Solver<T> for Walk<'_, T> {
    fn step(&mut self, task: &mut Task<T>, parameters: &mut [T]) -> Step {
        let n = self.order.len();
        let size = self.settings.batch.unwrap_or(n).clamp(1, n);
        let rate = self.settings.schedule.rate(self.settings.rate, self.epoch, self.settings.epochs);
        let rows = task.rows;
        let (mut updates, mut objective) = (0, None);
        if size == n {
            if !self.is_ahead {
                task.value_and_gradient(parameters, rows, &mut self.gradient);
            }
            self.update(parameters, rate);
            updates = 1;
            // The objective that is asked for after this update is the value that comes with the gradient of the next.
            self.is_ahead = self.epoch + 1 < self.settings.epochs;
            objective = self.is_ahead.then(|| task.value_and_gradient(parameters, rows, &mut self.gradient));
        } else {
            self.randomness.shuffle(self.epoch, &mut self.order);
            for start in (0..n).step_by(size) {
                rows.gather(&self.order[start..n.min(start + size)], &mut self.batch);
                task.value_and_gradient(parameters, &self.batch, &mut self.gradient);
                self.update(parameters, rate);
                updates += 1;
            }
        }
        self.epoch += 1;
        Step { updates, objective, converged: false, learning_rate: Some(rate) }
    }
}
