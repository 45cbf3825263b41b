//! Logistic regression on top of logits that stay as they are: the readout of a classifier's grade, and its baseline.
//!
//! With `s_i` the logits so far, `F(A, c) = sum_i w_i CE(s_i + A h_i + c, class_i) + penalty/2 |A|²` is convex, and
//! `F(0, 0)` is the loss before the grade. A method that never climbs, started no higher, ends with a loss that is no larger.
//!
//! The method is L-BFGS with backtracking. Its first matrix is the inverse of `κ HᵀWH + penalty`, which bounds the
//! Hessian from above (D. Böhning, *Multinomial logistic regression algorithm*, Ann. Inst. Stat. Math. 44, 1992): `κ = 1/4`
//! with one logit, else `1/2`.

use crate::features::Slice;
use crate::front::{Logits, slopes};
use crate::least_squares::{LinearMap, informative_columns, weighted_means};
use faer::Mat;
use faer::linalg::solvers::{Llt, Solve};
use multigrade_kernels::{Accumulate, View, ViewMut, gemm};
use rayon::prelude::*;
use std::collections::VecDeque;

/// Rows of a block; partial sums are added in the order of blocks.
const BLOCK_ROWS: usize = 512;
/// Steps of the method at most.
const STEPS: usize = 100;
/// The method ends where the next step promises less than this fraction of the objective.
const LITTLE: f64 = 1e-5;
/// Pairs that L-BFGS remembers.
const MEMORY: usize = 20;
/// Sufficient decrease of a step, and halvings tried for it.
const ARMIJO: f64 = 1e-4;
const HALVINGS: usize = 30;
/// Multiplications beyond which the first matrix is diagonal.
const GRAM_WORK: usize = 50_000_000_000;

/// Minimises `F` for each of several penalties, beginning each time with the lowest of: nothing, `start`, and the map for
/// the penalty before. `features` are `(n, p)`, `weights` sum to 1.
pub(crate) fn logistic_path(
    features: &[f64],
    p: usize,
    logits: &Logits,
    weights: &[f64],
    penalties: &[f64],
    start: Option<&LinearMap>,
) -> Vec<LinearMap> {
    let problem = Problem::new(features, p, logits, weights);
    let zero = vec![0.0; problem.n_parameters()];
    let start = start.map(|map| problem.parameters(map));
    let mut before: Option<Vec<f64>> = None;
    let solve = |&penalty: &f64| {
        let penalties = problem.penalties(penalty);
        let first = [Some(&zero), start.as_ref(), before.as_ref()].into_iter().flatten();
        let first = first.map(|theta| (problem.evaluate(theta, &penalties).0, theta));
        let lowest = first.fold((f64::INFINITY, &zero), |best, next| if next.0 < best.0 { next } else { best }).1;
        let theta = problem.minimise(lowest.clone(), &penalties);
        let map = problem.map(&theta);
        before = Some(theta);
        map
    };
    penalties.iter().map(solve).collect()
}

/// The problem in columns of mean 0 and variance 1. Parameters are `(m, q + 1)`, the bias last.
struct Problem<'a> {
    /// Standardised columns `(n, q)`.
    columns: Vec<f64>,
    chosen: Vec<usize>,
    centers: Vec<f64>,
    scales: Vec<f64>,
    p: usize,
    m: usize,
    logits: &'a Logits,
    weights: &'a [f64],
}

impl<'a> Problem<'a> {
    fn new(features: &[f64], p: usize, logits: &'a Logits, weights: &'a [f64]) -> Self {
        let all = weighted_means(features, p, weights);
        let (chosen, scales) = informative_columns(&Slice(features, p), weights, &all);
        let centers: Vec<f64> = chosen.iter().map(|&j| all[j]).collect();
        let row = |h: &[f64]| -> Vec<f64> {
            chosen.iter().zip(&centers).zip(&scales).map(|((&j, c), s)| (h[j] - c) / s).collect()
        };
        let columns = features.chunks_exact(p.max(1)).flat_map(row).collect();
        Self { columns, chosen, centers, scales, p, m: logits.values.len() / weights.len(), logits, weights }
    }

    /// Columns and the bias.
    fn width(&self) -> usize {
        self.chosen.len() + 1
    }

    fn n_parameters(&self) -> usize {
        self.m * self.width()
    }

    /// `penalty |A|²` in scaled columns. Never quite 0, so that columns that depend on each other share their part.
    fn penalties(&self, penalty: f64) -> Vec<f64> {
        self.scales.iter().map(|s| (penalty / (s * s)).max(1e-12)).collect()
    }

    fn parameters(&self, map: &LinearMap) -> Vec<f64> {
        let mut theta = Vec::with_capacity(self.n_parameters());
        for (a, c) in map.weights.chunks_exact(self.p.max(1)).zip(&map.bias) {
            theta.extend(self.chosen.iter().zip(&self.scales).map(|(&j, s)| a[j] * s));
            let shift: f64 = self.chosen.iter().zip(&self.centers).map(|(&j, center)| a[j] * center).sum();
            theta.push(c + shift);
        }
        theta
    }

    fn map(&self, theta: &[f64]) -> LinearMap {
        let mut map = LinearMap { weights: vec![0.0; self.m * self.p], bias: vec![0.0; self.m] };
        for (i, own) in theta.chunks_exact(self.width()).enumerate() {
            map.bias[i] = own[self.width() - 1];
            for (k, &j) in self.chosen.iter().enumerate() {
                let a = own[k] / self.scales[k];
                map.weights[i * self.p + j] = a;
                map.bias[i] -= a * self.centers[k];
            }
        }
        map
    }

    /// `F` and its gradient.
    fn evaluate(&self, theta: &[f64], penalties: &[f64]) -> (f64, Vec<f64>) {
        let (n, m, q, width) = (self.weights.len(), self.m, self.chosen.len(), self.width());
        let a = View::row_major(theta, m, width).column_range(0..q);
        let block = |start: usize| {
            let rows = start..n.min(start + BLOCK_ROWS);
            let columns = View::row_major(&self.columns[rows.start * q..rows.end * q], rows.len(), q);
            let mut outputs = self.logits.values[rows.start * m..rows.end * m].to_vec();
            for row in outputs.chunks_exact_mut(m) {
                row.iter_mut().enumerate().for_each(|(j, o)| *o += theta[j * width + q]);
            }
            gemm(ViewMut::row_major(&mut outputs, rows.len(), m), Accumulate::Add, columns, a.t());
            let (mut loss, mut bias) = (0.0, vec![0.0; m]);
            let known = self.logits.classes[rows.clone()].iter().zip(&self.weights[rows.clone()]);
            for (row, (&class, &w)) in outputs.chunks_exact_mut(m).zip(known) {
                loss += w * slopes(row, class);
                for (slope, b) in row.iter_mut().zip(&mut bias) {
                    *slope *= w;
                    *b += *slope;
                }
            }
            let mut gradient = vec![0.0; m * q];
            let slopes = View::row_major(&outputs, rows.len(), m);
            gemm(ViewMut::row_major(&mut gradient, m, q), Accumulate::Replace, slopes.t(), columns);
            (loss, gradient, bias)
        };
        let starts: Vec<usize> = (0..n).step_by(BLOCK_ROWS).collect();
        let parts: Vec<_> = starts.par_iter().map(|&start| block(start)).collect();
        let (mut value, mut total) = (0.0, vec![0.0; theta.len()]);
        for (loss, gradient, bias) in parts {
            value += loss;
            for (j, own) in total.chunks_exact_mut(width).enumerate() {
                own[..q].iter_mut().zip(&gradient[j * q..]).for_each(|(t, g)| *t += g);
                own[q] += bias[j];
            }
        }
        for (own, theta) in total.chunks_exact_mut(width).zip(theta.chunks_exact(width)) {
            for ((g, a), penalty) in own.iter_mut().zip(theta).zip(penalties) {
                *g += penalty * a;
                value += 0.5 * penalty * a * a;
            }
        }
        (if value.is_nan() { f64::INFINITY } else { value }, total)
    }

    /// Parameters with no larger `F` than those given.
    fn minimise(&self, mut theta: Vec<f64>, penalties: &[f64]) -> Vec<f64> {
        let bound = Bound::new(self, penalties);
        let (mut value, mut gradient) = self.evaluate(&theta, penalties);
        let mut memory = Memory::default();
        for _ in 0..STEPS {
            let direction = memory.direction(&gradient, &bound);
            let slope = dot(&gradient, &direction);
            if -slope <= LITTLE * value || slope.is_nan() {
                break;
            }
            let step = |scale: f64| -> Vec<f64> { theta.iter().zip(&direction).map(|(t, d)| t + scale * d).collect() };
            let scales = (0..HALVINGS).map(|halvings| 0.5_f64.powi(halvings as i32));
            let found = scales.map(|scale| (scale, step(scale))).find_map(|(scale, next)| {
                let (lower, slopes) = self.evaluate(&next, penalties);
                (lower <= value + ARMIJO * scale * slope).then_some((next, lower, slopes))
            });
            match found {
                Some((next, lower, slopes)) => {
                    memory.remember(&theta, &next, &gradient, &slopes, &bound);
                    (theta, value, gradient) = (next, lower, slopes);
                }
                None if memory.pairs.is_empty() => break,
                None => memory.pairs.clear(),
            }
        }
        theta
    }
}

/// An upper bound of the Hessian, the same for every output, ready to be solved with.
struct Bound {
    factor: Option<Llt<f64>>,
    /// Of the columns, where there is no factor.
    diagonal: Vec<f64>,
    curvature: f64,
    width: usize,
}

impl Bound {
    fn new(problem: &Problem, penalties: &[f64]) -> Self {
        let (n, q) = (problem.weights.len(), problem.chosen.len());
        let curvature = if problem.m == 1 { 0.25 } else { 0.5 };
        let is_affordable = q > 0 && n.saturating_mul(q).saturating_mul(q) <= GRAM_WORK;
        let factor = is_affordable.then(|| {
            let gram = problem.gram();
            // Columns of variance 1 that depend on each other leave a singular matrix; this much more does no harm.
            let entry =
                |i: usize, k: usize| curvature * gram[i * q + k] + if i == k { penalties[k].max(1e-8) } else { 0.0 };
            Mat::from_fn(q, q, entry).llt(faer::Side::Lower).ok()
        });
        let diagonal = penalties.iter().map(|penalty| curvature + penalty).collect();
        Self { factor: factor.flatten(), diagonal, curvature, width: q + 1 }
    }

    /// The bound's inverse times a gradient.
    fn solve(&self, gradient: &[f64]) -> Vec<f64> {
        let (width, q) = (self.width, self.width - 1);
        let mut solution = gradient.to_vec();
        if let Some(factor) = &self.factor {
            let right = Mat::from_fn(q, gradient.len() / width, |k, j| gradient[j * width + k]);
            let solved = factor.solve(&right);
            for (j, own) in solution.chunks_exact_mut(width).enumerate() {
                (0..q).for_each(|k| own[k] = solved[(k, j)]);
            }
        } else {
            for own in solution.chunks_exact_mut(width) {
                own.iter_mut().zip(&self.diagonal).for_each(|(g, d)| *g /= d);
            }
        }
        solution.iter_mut().skip(q).step_by(width).for_each(|bias| *bias /= self.curvature);
        solution
    }
}

impl Problem<'_> {
    /// `ZᵀWZ` of the standardised columns `(q, q)`, summed over blocks in fixed order.
    fn gram(&self) -> Vec<f64> {
        let (n, q) = (self.weights.len(), self.chosen.len());
        let block = |start: usize| {
            let rows = start..n.min(start + BLOCK_ROWS);
            let columns = &self.columns[rows.start * q..rows.end * q];
            let weighted: Vec<f64> = columns
                .chunks_exact(q)
                .zip(&self.weights[rows.clone()])
                .flat_map(|(row, w)| row.iter().map(move |z| w * z))
                .collect();
            let mut gram = vec![0.0; q * q];
            let (left, right) = (View::row_major(&weighted, rows.len(), q), View::row_major(columns, rows.len(), q));
            gemm(ViewMut::row_major(&mut gram, q, q), Accumulate::Replace, left.t(), right);
            gram
        };
        let starts: Vec<usize> = (0..n).step_by(BLOCK_ROWS).collect();
        let mut total = vec![0.0; q * q];
        // A few blocks at a time: parallel, in fixed order, without a Gram matrix per block in memory.
        for starts in starts.chunks(8) {
            let grams: Vec<Vec<f64>> = starts.par_iter().map(|&start| block(start)).collect();
            for gram in grams {
                total.iter_mut().zip(gram).for_each(|(t, g)| *t += g);
            }
        }
        total
    }
}

/// `s = θ' - θ`, `y = ∇F' - ∇F`, `1 / sᵀy`.
struct Pair {
    s: Vec<f64>,
    y: Vec<f64>,
    inverse: f64,
}

/// What L-BFGS knows of the curvature.
#[derive(Default)]
struct Memory {
    pairs: VecDeque<Pair>,
    /// Of the first matrix, from the last pair.
    scale: f64,
}

impl Memory {
    /// The quasi-Newton direction, by the two-loop recursion.
    fn direction(&self, gradient: &[f64], bound: &Bound) -> Vec<f64> {
        let mut direction: Vec<f64> = gradient.iter().map(|g| -g).collect();
        let mut alphas = Vec::with_capacity(self.pairs.len());
        for pair in self.pairs.iter().rev() {
            let alpha = pair.inverse * dot(&pair.s, &direction);
            add(&mut direction, -alpha, &pair.y);
            alphas.push(alpha);
        }
        direction = bound.solve(&direction);
        if !self.pairs.is_empty() {
            direction.iter_mut().for_each(|d| *d *= self.scale);
        }
        for (pair, alpha) in self.pairs.iter().zip(alphas.iter().rev()) {
            let beta = pair.inverse * dot(&pair.y, &direction);
            add(&mut direction, alpha - beta, &pair.s);
        }
        direction
    }

    fn remember(&mut self, theta: &[f64], next: &[f64], gradient: &[f64], slopes: &[f64], bound: &Bound) {
        let difference = |a: &[f64], b: &[f64]| -> Vec<f64> { a.iter().zip(b).map(|(a, b)| a - b).collect() };
        let (s, y) = (difference(next, theta), difference(slopes, gradient));
        let product = dot(&s, &y);
        let scale = product / dot(&y, &bound.solve(&y));
        if product > 0.0 && scale.is_finite() && scale > 0.0 {
            if self.pairs.len() == MEMORY {
                self.pairs.pop_front();
            }
            self.scale = scale;
            self.pairs.push_back(Pair { s, y, inverse: 1.0 / product });
        }
    }
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

fn add(to: &mut [f64], factor: f64, from: &[f64]) {
    to.iter_mut().zip(from).for_each(|(t, f)| *t += factor * f);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn problem(n: usize, p: usize, m: usize, numbers: &[f64]) -> (Vec<f64>, Logits, Vec<f64>) {
        let features: Vec<f64> =
            numbers.iter().cycle().take(n * p).enumerate().map(|(i, x)| x + (i % 7) as f64).collect();
        let classes = (0..n).map(|i| (i * i + i / 3) % if m == 1 { 2 } else { m }).collect();
        let values = numbers.iter().rev().cycle().take(n * m).copied().collect();
        (features, Logits { classes, values }, vec![1.0 / n as f64; n])
    }

    fn loss(map: &LinearMap, features: &[f64], p: usize, logits: &Logits, weights: &[f64]) -> f64 {
        let corrections = map.values(features, p);
        let m = map.bias.len();
        let mut sums: Vec<f64> = logits.values.iter().zip(corrections).map(|(s, g)| s + g).collect();
        let rows = sums.chunks_exact_mut(m).zip(&logits.classes).zip(weights);
        rows.map(|((row, &class), w)| w * slopes(row, class)).sum()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(40))]
        #[test]
        fn no_nearby_map_has_an_objective_that_is_much_smaller(
            numbers in prop::collection::vec(-3.0..3.0f64, 31), p in 1usize..5, m in prop::sample::select(vec![1usize, 3, 4]),
            penalty in 1e-4..1.0f64, direction in prop::collection::vec(-1.0..1.0f64, 20), downhill: bool, step in -9.0..0.0f64,
        ) {
            let (features, logits, weights) = problem(40, p, m, &numbers);
            let maps = logistic_path(&features, p, &logits, &weights, &[penalty], None);
            let problem = Problem::new(&features, p, &logits, &weights);
            let penalties = problem.penalties(penalty);
            let theta = problem.parameters(&maps[0]);
            let (value, gradient) = problem.evaluate(&theta, &penalties);
            prop_assert!(value <= problem.evaluate(&vec![0.0; theta.len()], &penalties).0);
            // Far and near, along any line and along the steepest.
            let to = if downhill { gradient.iter().map(|g| -g).collect() } else { direction };
            let size = dot(&to, &to).sqrt().max(1e-300);
            let moved: Vec<f64> = theta.iter().zip(&to).map(|(t, d)| t + step.exp2() * d / size).collect();
            prop_assert!(problem.evaluate(&moved, &penalties).0 >= value * (1.0 - 1e-3));
        }

        #[test]
        fn the_loss_never_exceeds_that_of_the_logits_so_far_from_any_start(
            numbers in prop::collection::vec(-3.0..3.0f64, 31), p in 1usize..5, m in prop::sample::select(vec![1usize, 3]), huge: bool, dark: bool,
        ) {
            let (mut features, logits, weights) = problem(30, p, m, &numbers);
            if dark {
                // A column that is 0 in all rows but one, and one that depends on another.
                features.iter_mut().skip(1).step_by(p).skip(1).for_each(|x| *x = 0.0);
            }
            let size = if huge { 1e8 } else { 1.0 };
            let start = LinearMap { weights: vec![size; m * p], bias: vec![-size; m] };
            let zero = LinearMap { weights: vec![0.0; m * p], bias: vec![0.0; m] };
            let before = loss(&zero, &features, p, &logits, &weights);
            for map in logistic_path(&features, p, &logits, &weights, &[1.0, 1e-3, 0.0], Some(&start)) {
                let after = loss(&map, &features, p, &logits, &weights);
                prop_assert!(after <= before * (1.0 + 1e-12), "{after} > {before}");
            }
        }
    }

    #[test]
    fn one_column_has_the_minimum_that_newtons_method_finds() {
        let features: Vec<f64> = (0..20).map(|i| f64::from(i) / 10.0 - 1.0).collect();
        let classes: Vec<usize> = (0..20).map(|i| usize::from(i > 12 || i == 3)).collect();
        let weights = vec![0.05; 20];
        let (mut a, mut c, penalty) = (0.0, 0.0, 0.01);
        for _ in 0..50 {
            let (mut g, mut h) = ([penalty * a, 0.0], [penalty, 0.0, 0.0]);
            for (x, &class) in features.iter().zip(&classes) {
                let p = 1.0 / (1.0 + f64::exp(-(a * x + c)));
                let (slope, curvature) = (0.05 * (p - class as f64), 0.05 * p * (1.0 - p));
                g = [g[0] + slope * x, g[1] + slope];
                h = [h[0] + curvature * x * x, h[1] + curvature * x, h[2] + curvature];
            }
            let det = h[0] * h[2] - h[1] * h[1];
            a -= (h[2] * g[0] - h[1] * g[1]) / det;
            c -= (h[0] * g[1] - h[1] * g[0]) / det;
        }
        let logits = Logits { classes, values: vec![0.0; 20] };
        let map = &logistic_path(&features, 1, &logits, &weights, &[penalty], None)[0];
        let exact = LinearMap { weights: vec![a], bias: vec![c] };
        let objective = |map: &LinearMap| {
            loss(map, &features, 1, &logits, &weights) + 0.5 * penalty * map.weights[0] * map.weights[0]
        };
        assert!(objective(map) >= objective(&exact) - 1e-14);
        assert!(objective(map) <= objective(&exact) * (1.0 + 2.0 * LITTLE), "{} {}", objective(map), objective(&exact));
    }
}
