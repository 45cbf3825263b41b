//! Limited-memory BFGS on the full batch.
//!
//! Nocedal, Wright: *Numerical Optimization*, 2nd ed., algorithms 7.4 (two-loop recursion), 3.5 and 3.6 (line search
//! for the strong Wolfe conditions, with cubic interpolation, equation 3.59).

use super::driver::{Solver, Step};
use super::task::Task;
use multigrade_kernels::Real;
use multigrade_kernels::elementwise::{axpy, dot};
use std::collections::VecDeque;

/// Pairs kept. More pairs than the usual 5 to 10 pay here: an evaluation costs far more than the recursion.
const MEMORY: usize = 20;
/// Sufficient decrease.
const ARMIJO: f64 = 1e-4;
/// Curvature condition; 0.9 is the usual choice for quasi-Newton directions.
const CURVATURE: f64 = 0.9;
/// Evaluations in one line search.
const MAX_EVALUATIONS: u32 = 20;
/// Relative decrease below which an iteration counts as standing still (experiment, no theory).
const STILL: f64 = 1e-9;
/// Iterations standing still in a row before the solver says that it has converged.
const STILL_ITERATIONS: u32 = 5;

/// `s = θ' - θ`, `y = ∇J' - ∇J`, `1 / sᵀy`.
struct Pair<T> {
    s: Vec<T>,
    y: Vec<T>,
    curvature: f64,
}

pub(crate) struct Lbfgs<T> {
    pairs: VecDeque<Pair<T>>,
    /// Memory for the next pair, once there was one to spare.
    spare: Option<Pair<T>>,
    /// `J` and `∇J` at the current parameters, once known.
    value: Option<f64>,
    gradient: Vec<T>,
    direction: Vec<T>,
    trial: Vec<T>,
    trial_gradient: Vec<T>,
    still: u32,
}

/// A point of the line search: step length, value, slope along the direction.
#[derive(Clone, Copy)]
struct Point {
    step: f64,
    value: f64,
    slope: f64,
}

/// Minimiser of the cubic through two points with slopes, kept well inside the interval.
fn interpolate(a: Point, b: Point) -> f64 {
    let d1 = a.slope + b.slope - 3.0 * (a.value - b.value) / (a.step - b.step);
    let d2 = (b.step - a.step).signum() * (d1 * d1 - a.slope * b.slope).max(0.0).sqrt();
    let t = b.step - (b.step - a.step) * (b.slope + d2 - d1) / (b.slope - a.slope + 2.0 * d2);
    let (low, high) = (a.step.min(b.step), a.step.max(b.step));
    let margin = 0.1 * (high - low);
    if t.is_finite() { t.clamp(low + margin, high - margin) } else { 0.5 * (low + high) }
}

impl<T: Real> Lbfgs<T> {
    pub(crate) fn new(n: usize) -> Self {
        let zeros = vec![T::ZERO; n];
        Self {
            pairs: VecDeque::with_capacity(MEMORY),
            spare: None,
            value: None,
            gradient: zeros.clone(),
            direction: zeros.clone(),
            trial: zeros.clone(),
            trial_gradient: zeros,
            still: 0,
        }
    }

    /// `direction = -H ∇J` by the two-loop recursion.
    fn choose_direction(&mut self) {
        for (d, &g) in self.direction.iter_mut().zip(&self.gradient) {
            *d = -g;
        }
        let mut alphas = [0.0; MEMORY];
        for (pair, alpha) in self.pairs.iter().rev().zip(&mut alphas) {
            *alpha = pair.curvature * dot(&pair.s, &self.direction);
            axpy(T::from_f64(-*alpha), &pair.y, &mut self.direction);
        }
        if let Some(last) = self.pairs.back() {
            let scale = T::from_f64(1.0 / (last.curvature * dot(&last.y, &last.y)));
            self.direction.iter_mut().for_each(|d| *d *= scale);
        }
        for (pair, alpha) in self.pairs.iter().zip(alphas[..self.pairs.len()].iter().rev()) {
            let beta = pair.curvature * dot(&pair.y, &self.direction);
            axpy(T::from_f64(alpha - beta), &pair.s, &mut self.direction);
        }
    }

    /// `J` and its slope at `parameters + step * direction`; leaves that point and its gradient in the trial buffers.
    fn try_step(&mut self, task: &mut Task<T>, parameters: &[T], step: f64) -> Point {
        self.trial.copy_from_slice(parameters);
        axpy(T::from_f64(step), &self.direction, &mut self.trial);
        let value = task.value_and_gradient(&self.trial, task.rows, &mut self.trial_gradient);
        Point { step, value, slope: dot(&self.trial_gradient, &self.direction) }
    }

    /// A step that satisfies the strong Wolfe conditions, or failing that the best decrease found.
    fn line_search(&mut self, task: &mut Task<T>, parameters: &[T], start: Point, first: f64) -> Option<Point> {
        let enough = |p: Point| p.value <= start.value + ARMIJO * p.step * start.slope;
        let flat = |p: Point| p.slope.abs() <= -CURVATURE * start.slope;
        let (mut low, mut high): (Point, Option<Point>) = (start, None);
        let mut step = first;
        for _ in 0..MAX_EVALUATIONS {
            let point = self.try_step(task, parameters, step);
            if !point.value.is_finite() || !point.slope.is_finite() {
                // Beyond the finite numbers: come back towards what is known to be good.
                step = low.step + 0.1 * (step - low.step);
                continue;
            }
            if !enough(point) || point.value >= low.value && low.step > 0.0 {
                high = Some(point);
            } else if flat(point) {
                return Some(point);
            } else {
                if point.slope * (high.map_or(f64::INFINITY, |h| h.step) - low.step) >= 0.0 {
                    high = Some(low);
                }
                low = point;
            }
            step = match high {
                Some(high) => interpolate(low, high),
                None => 2.0 * point.step,
            };
        }
        // The last trial need not be the best one: evaluate `low` again so that the buffers hold it.
        (low.step > 0.0).then(|| self.try_step(task, parameters, low.step))
    }

    fn remember(&mut self, parameters: &[T]) {
        let zeros = || vec![T::ZERO; parameters.len()];
        let mut pair = self.spare.take().unwrap_or_else(|| Pair { s: zeros(), y: zeros(), curvature: 0.0 });
        let subtract = |out: &mut [T], a: &[T], b: &[T]| {
            out.iter_mut().zip(a.iter().zip(b)).for_each(|(out, (&a, &b))| *out = a - b);
        };
        subtract(&mut pair.s, &self.trial, parameters);
        subtract(&mut pair.y, &self.trial_gradient, &self.gradient);
        let product = dot(&pair.s, &pair.y);
        // Positive curvature keeps the inverse Hessian positive definite.
        if product > f64::EPSILON * dot(&pair.y, &pair.y) {
            pair.curvature = 1.0 / product;
            if self.pairs.len() == MEMORY {
                self.spare = self.pairs.pop_front();
            }
            self.pairs.push_back(pair);
        } else {
            self.spare = Some(pair);
        }
    }
}

impl<T: Real> Solver<T> for Lbfgs<T> {
    fn step(&mut self, task: &mut Task<T>, parameters: &mut [T]) -> Step {
        let rows = task.rows;
        let value = match self.value {
            Some(value) => value,
            None => task.value_and_gradient(parameters, rows, &mut self.gradient),
        };
        self.choose_direction();
        let slope = dot(&self.gradient, &self.direction);
        let start = Point { step: 0.0, value, slope };
        let first = if self.pairs.is_empty() { 1.0 / dot(&self.gradient, &self.gradient).sqrt().max(1.0) } else { 1.0 };
        let found = if slope < 0.0 { self.line_search(task, parameters, start, first) } else { None };
        let step = |objective: f64, converged: bool| Step {
            updates: 1,
            objective: Some(objective),
            converged,
            learning_rate: None,
        };
        let Some(point) = found else {
            // Without a decrease along the quasi-Newton direction, start afresh from the gradient once; without one
            // along the gradient, this is a minimum to within rounding.
            let converged = self.pairs.is_empty();
            self.pairs.clear();
            self.value = Some(value);
            return step(value, converged);
        };
        self.remember(parameters);
        parameters.copy_from_slice(&self.trial);
        std::mem::swap(&mut self.gradient, &mut self.trial_gradient);
        self.value = Some(point.value);
        self.still = if value - point.value <= STILL * value.abs() { self.still + 1 } else { 0 };
        step(point.value, self.still >= STILL_ITERATIONS)
    }
}
