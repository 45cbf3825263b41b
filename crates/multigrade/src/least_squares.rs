//! Ridge least squares: the readout of a grade, and the linear baseline.

use crate::features::{FeatureRows, Slice, parts};
use crate::front::ROUNDING;
use faer::linalg::solvers::{Solve, SolveLstsq};
use faer::{Mat, MatRef};
use multigrade_kernels::{Accumulate, View, ViewMut, gemm};
use rayon::prelude::*;

/// The linear map `h -> A h + c`: `weights` `(m, p)` row-major and `bias` `(m)`.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct LinearMap {
    pub(crate) weights: Vec<f64>,
    pub(crate) bias: Vec<f64>,
}

impl LinearMap {
    /// `A h_i + c` of every row, `(n, m)`.
    pub(crate) fn values(&self, features: &[f64], p: usize) -> Vec<f64> {
        let output =
            |h: &[f64], j: usize| self.bias[j] + self.weights[j * p..].iter().zip(h).map(|(a, h)| a * h).sum::<f64>();
        features.chunks_exact(p).flat_map(|h| (0..self.bias.len()).map(move |j| output(h, j))).collect()
    }

    /// `sum_i w_i |y_i - A h_i - c|²` of each of the maps, infinite where it is not a number.
    pub(crate) fn losses(maps: &[Self], features: &dyn FeatureRows, targets: &[f64], weights: &[f64]) -> Vec<f64> {
        let (p, m) = (features.columns(), targets.len() / weights.len());
        let mut losses = vec![0.0; maps.len()];
        for rows in parts(weights.len()) {
            let part = features.part(rows.clone());
            let (targets, weights) = (&targets[rows.start * m..rows.end * m], &weights[rows]);
            for (map, loss) in maps.iter().zip(&mut losses) {
                for ((h, y), w) in part.chunks_exact(p.max(1)).zip(targets.chunks_exact(m)).zip(weights) {
                    for (j, y) in y.iter().enumerate() {
                        let a = &map.weights[j * p..(j + 1) * p];
                        let g = map.bias[j] + a.iter().zip(h).map(|(a, h)| a * h).sum::<f64>();
                        *loss += w * (y - g) * (y - g);
                    }
                }
            }
        }
        losses.into_iter().map(|loss: f64| if loss.is_nan() { f64::INFINITY } else { loss }).collect()
    }
}

/// Up to this many multiplications the orthogonal factorisation is used; beyond it, where rows are plenty, the normal
/// equations: half the work, and their products run at the speed of the processor.
const QR_WORK: usize = 1_000_000_000;

/// Singular values below this fraction of a column's norm count as rounding: some hundred units in the last place.
const SMALLEST_RATIO: f64 = 1e-13;

/// Rows of a block of the normal equations; partial sums are added in the order of blocks.
const BLOCK_ROWS: usize = 1024;

/// Minimises `sum_i w_i |y_i - A h_i - c|² + penalty |A|²` over `A` and `c`.
///
/// `features` `(n, p)` and `targets` `(n, m)` are row-major, `weights` `(n)` sum to 1. See [`ridge_path`].
pub(crate) fn ridge(features: &[f64], p: usize, targets: &[f64], m: usize, weights: &[f64], penalty: f64) -> LinearMap {
    ridge_path(&Slice(features, p), targets, m, weights, &[penalty]).remove(0)
}

/// [`ridge`] for several penalties, for little more than the work of one.
///
/// Eliminating `c` leaves a problem in centred columns. Each column is scaled to unit norm; the penalty is then never
/// taken below a rounding-sized fraction of the largest column, so that columns which depend on each other share their
/// part instead of cancelling.
///
/// The normal equations lose half the digits, so they are used only for tables so large that the factorisation of the
/// features themselves would be slow. Features that are not in memory are computed three times.
pub(crate) fn ridge_path(
    features: &dyn FeatureRows,
    targets: &[f64],
    m: usize,
    weights: &[f64],
    penalties: &[f64],
) -> Vec<LinearMap> {
    let (n, p) = (weights.len(), features.columns());
    let centers = means(features, weights);
    let target_centers = weighted_means(targets, m, weights);
    let (columns, scales) = informative_columns(features, weights, &centers);
    let system = System {
        features,
        p,
        targets,
        m,
        weights,
        centers: &centers,
        target_centers: &target_centers,
        columns: &columns,
        scales: &scales,
    };
    let solutions: Vec<Mat<f64>> = match columns.len() {
        0 => penalties.iter().map(|_| Mat::zeros(0, m)).collect(),
        q if n.saturating_mul(q).saturating_mul(q.min(n)) <= QR_WORK || q > n => system.by_factorisation(penalties),
        _ => system.by_normal_equations(penalties),
    };
    solutions.iter().map(|solution| system.map(solution)).collect()
}

/// The columns of `features` that vary by more than rounding, and their standard deviations.
pub(crate) fn informative_columns(
    features: &dyn FeatureRows,
    weights: &[f64],
    centers: &[f64],
) -> (Vec<usize>, Vec<f64>) {
    let p = features.columns();
    let mut scales = vec![0.0; p];
    for rows in parts(weights.len()) {
        let weights = &weights[rows.clone()];
        for (row, &w) in features.part(rows).chunks_exact(p.max(1)).zip(weights) {
            for ((s, x), c) in scales.iter_mut().zip(row).zip(centers) {
                *s += w * (x - c) * (x - c);
            }
        }
    }
    let largest = scales.iter().copied().fold(0.0, f64::max);
    // A column that varies by rounding alone carries no information.
    let informative = |s: f64| s > largest * ROUNDING * ROUNDING;
    let columns: Vec<usize> = (0..p).filter(|&j| informative(scales[j])).collect();
    let scales = columns.iter().map(|&j| scales[j].sqrt()).collect();
    (columns, scales)
}

/// Weighted means of row-major columns; `weights` sum to 1.
pub(crate) fn weighted_means(rows: &[f64], columns: usize, weights: &[f64]) -> Vec<f64> {
    means(&Slice(rows, columns), weights)
}

/// Weighted means of columns; `weights` sum to 1.
///
/// The mean of the differences to the first row is added to that row, so that an offset of 1e9 costs no digits.
pub(crate) fn means(features: &dyn FeatureRows, weights: &[f64]) -> Vec<f64> {
    let columns = features.columns();
    if columns == 0 {
        return Vec::new();
    }
    let (mut first, mut sums) = (Vec::new(), vec![0.0; columns]);
    for rows in parts(weights.len()) {
        let (part, weights) = (features.part(rows.clone()), &weights[rows]);
        if first.is_empty() {
            first = part[..columns].to_vec();
        }
        for (row, &w) in part.chunks_exact(columns).zip(weights) {
            for ((s, x), f) in sums.iter_mut().zip(row).zip(&first) {
                *s += w * (x - f);
            }
        }
    }
    sums.iter().zip(&first).map(|(s, f)| f + s).collect()
}

/// The centred, scaled, weighted problem.
struct System<'a> {
    features: &'a dyn FeatureRows,
    p: usize,
    targets: &'a [f64],
    m: usize,
    weights: &'a [f64],
    centers: &'a [f64],
    target_centers: &'a [f64],
    columns: &'a [usize],
    scales: &'a [f64],
}

impl System<'_> {
    /// Row `i` of `sqrt(W) [H, y]`, with row `at` of `part` as its features.
    fn row<'b>(&'b self, i: usize, part: &'b [f64], at: usize) -> impl Iterator<Item = f64> + 'b {
        let root = self.weights[i].sqrt();
        let feature = move |(&j, scale): (&usize, &f64)| root * ((part[at * self.p + j] - self.centers[j]) / scale);
        let target = move |j: usize| root * (self.targets[i * self.m + j] - self.target_centers[j]);
        self.columns.iter().zip(self.scales).map(feature).chain((0..self.m).map(target))
    }

    /// The map in the units of features and targets, from a solution in scaled columns.
    fn map(&self, solution: &Mat<f64>) -> LinearMap {
        let (p, m) = (self.p, self.m);
        let mut map = LinearMap { weights: vec![0.0; m * p], bias: self.target_centers.to_vec() };
        for (k, &j) in self.columns.iter().enumerate() {
            for i in 0..m {
                let a = solution[(k, i)] / self.scales[k];
                map.weights[i * p + j] = a;
                map.bias[i] -= a * self.centers[j];
            }
        }
        // Features so large that their squares overflow cannot be fitted; the mean can.
        if map.weights.iter().chain(&map.bias).all(|x| x.is_finite()) {
            map
        } else {
            LinearMap { weights: vec![0.0; m * p], bias: self.target_centers.to_vec() }
        }
    }

    /// Ridge in scaled coordinates: `penalty |A|² = sum_k penalty / scale_k² |a_k|²`, not below `floor`.
    fn penalties(&self, penalty: f64, floor: f64) -> impl Fn(usize) -> f64 {
        move |k| (penalty / (self.scales[k] * self.scales[k])).max(floor)
    }

    /// More rows than columns: Householder QR of `sqrt(W) [H, y]`, whose triangle takes the place of the rows; then, for
    /// each penalty, QR with column pivoting of that triangle with the rows `sqrt(penalty) e_k` below. Without pivoting,
    /// columns that depend on each other leave diagonal entries lost in rounding.
    fn by_factorisation(&self, penalties: &[f64]) -> Vec<Mat<f64>> {
        let (n, q, m) = (self.weights.len(), self.columns.len(), self.m);
        let mut rows = Mat::zeros(n, q + m);
        for range in parts(n) {
            let part = self.features.part(range.clone());
            for (at, i) in range.enumerate() {
                self.row(i, &part, at).enumerate().for_each(|(k, x)| rows[(i, k)] = x);
            }
        }
        if n > q + m {
            rows = rows.qr().thin_R().to_owned();
        }
        let (a, b) = (rows.get(.., ..q), rows.get(.., q..));
        let solve = |&penalty: &f64| {
            let penalties = self.penalties(penalty, SMALLEST_RATIO * SMALLEST_RATIO);
            if q > a.nrows() { short_and_wide(a, b, &penalties) } else { stacked(a, b, &penalties) }
        };
        penalties.iter().map(solve).collect()
    }

    /// Cholesky factorisation of `HᵀWH + penalty`, summed over blocks of rows in fixed order.
    fn by_normal_equations(&self, penalties: &[f64]) -> Vec<Mat<f64>> {
        let (n, q, m) = (self.weights.len(), self.columns.len(), self.m);
        let mut total = vec![0.0; q * (q + m)];
        for range in parts(n) {
            let (first, part) = (range.start, self.features.part(range.clone()));
            let block = |start: usize| {
                let rows = start..range.end.min(start + BLOCK_ROWS);
                let mut weighted = Vec::with_capacity(rows.len() * (q + m));
                rows.clone().for_each(|i| weighted.extend(self.row(i, &part, i - first)));
                let all = View::row_major(&weighted, rows.len(), q + m);
                let mut gram = vec![0.0; q * (q + m)];
                gemm(ViewMut::row_major(&mut gram, q, q + m), Accumulate::Replace, all.column_range(0..q).t(), all);
                gram
            };
            let starts: Vec<usize> = range.clone().step_by(BLOCK_ROWS).collect();
            // A few blocks at a time: parallel, in fixed order, without a Gram matrix per block in memory.
            for starts in starts.chunks(8) {
                let grams: Vec<Vec<f64>> = starts.par_iter().map(|&start| block(start)).collect();
                for gram in grams {
                    total.iter_mut().zip(gram).for_each(|(t, g)| *t += g);
                }
            }
        }
        let right = Mat::from_fn(q, m, |k, j| total[k * (q + m) + q + j]);
        let solve = |&penalty: &f64| {
            let penalties = self.penalties(penalty, f64::EPSILON * (q as f64) * 16.0);
            // Scaled columns have unit diagonal, so a ridge of 1 always suffices.
            for extra in [0.0, 1e-14, 1e-12, 1e-10, 1e-8, 1e-6, 1e-4, 1e-2, 1.0] {
                let diagonal = |i: usize, k: usize| if i == k { penalties(k).max(extra) } else { 0.0 };
                let gram = Mat::from_fn(q, q, |i, k| total[i * (q + m) + k] + diagonal(i, k));
                if let Ok(factor) = gram.llt(faer::Side::Lower) {
                    return factor.solve(&right);
                }
            }
            Mat::zeros(q, m)
        };
        penalties.iter().map(solve).collect()
    }
}

/// Minimises `|A x - B|² + sum_k penalty_k x_k²`, at least as many rows as columns.
fn stacked(a: MatRef<f64>, b: MatRef<f64>, penalties: &dyn Fn(usize) -> f64) -> Mat<f64> {
    let (rows, q) = a.shape();
    let stacked = Mat::from_fn(rows + q, q, |i, k| match i.checked_sub(rows) {
        None => a[(i, k)],
        Some(row) if row == k => penalties(k).sqrt(),
        Some(_) => 0.0,
    });
    let right = Mat::from_fn(rows + q, b.ncols(), |i, j| if i < rows { b[(i, j)] } else { 0.0 });
    stacked.col_piv_qr().solve_lstsq(&right)
}

/// The same with fewer rows than columns. With `x = D u`, `D = diag(1 / sqrt(penalty))`, the solution lies in the span of
/// the rows of `A D`: `(A D)ᵀ = Q R`, `u = Q v`, and `v` minimises `|Rᵀ v - B|² + |v|²`.
fn short_and_wide(a: MatRef<f64>, b: MatRef<f64>, penalties: &dyn Fn(usize) -> f64) -> Mat<f64> {
    let (rows, q) = a.shape();
    let root = |k: usize| 1.0 / penalties(k).sqrt();
    let qr = Mat::from_fn(q, rows, |k, i| a[(i, k)] * root(k)).qr();
    let v = stacked(qr.thin_R().transpose(), b, &|_| 1.0);
    let u = qr.compute_thin_Q() * v;
    Mat::from_fn(q, b.ncols(), |k, j| root(k) * u[(k, j)])
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn objective(map: &LinearMap, h: &[f64], p: usize, y: &[f64], m: usize, w: &[f64], penalty: f64) -> f64 {
        let mut sum = penalty * map.weights.iter().map(|a| a * a).sum::<f64>();
        for (i, &w) in w.iter().enumerate() {
            for j in 0..m {
                let g: f64 = (0..p).map(|k| map.weights[j * p + k] * h[i * p + k]).sum::<f64>() + map.bias[j];
                sum += w * (y[i * m + j] - g).powi(2);
            }
        }
        sum
    }

    type Problem = (usize, usize, Vec<f64>, Vec<f64>, Vec<f64>);

    fn problems() -> impl Strategy<Value = Problem> {
        (1usize..12, 0usize..6, 1usize..3).prop_flat_map(|(n, p, m)| {
            let numbers =
                |count| prop::collection::vec(prop_oneof![8 => -3.0..3.0f64, 1 => Just(0.0), 1 => Just(1e6)], count);
            let weights = prop::collection::vec(0.1..2.0f64, n).prop_map(|w| {
                let total: f64 = w.iter().sum();
                w.iter().map(|w| w / total).collect()
            });
            (Just(p), Just(m), numbers(n * p), numbers(n * m), weights)
        })
    }

    proptest! {
        #[test]
        fn no_nearby_map_has_a_smaller_objective((p, m, h, y, w) in problems(), penalty in prop_oneof![Just(0.0), 1e-8..1.0f64], k in 0usize..20, step in -1.0..1.0f64) {
            let map = ridge(&h, p, &y, m, &w, penalty);
            let best = objective(&map, &h, p, &y, m, &w, penalty);
            let mut moved = map.clone();
            let k = k % (map.weights.len() + map.bias.len());
            match k.checked_sub(map.weights.len()) {
                None => moved.weights[k] += step * 1e-3,
                Some(k) => moved.bias[k] += step * 1e-3,
            }
            let size = y.iter().map(|y| y * y).fold(1.0, f64::max);
            prop_assert!(best <= objective(&moved, &h, p, &y, m, &w, penalty) + 1e-10 * size);
        }

        #[test]
        fn the_objective_never_exceeds_that_of_the_mean((p, m, h, y, w) in problems(), penalty in 0.0..1.0f64) {
            let map = ridge(&h, p, &y, m, &w, penalty);
            let mean = LinearMap { weights: vec![0.0; m * p], bias: weighted_means(&y, m, &w) };
            let (a, b) = (objective(&map, &h, p, &y, m, &w, penalty), objective(&mean, &h, p, &y, m, &w, penalty));
            let size = y.iter().map(|y| y * y).fold(1.0, f64::max);
            prop_assert!(a <= b + 1e-10 * size, "{a} > {b}");
        }

        #[test]
        fn both_methods_give_the_same_map_on_well_conditioned_features(seed in prop::collection::vec(-1.0..1.0f64, 120)) {
            let (n, p, m) = (30, 3, 1);
            let weights = vec![1.0 / n as f64; n];
            let (h, y) = seed.split_at(n * p);
            let centers = weighted_means(h, p, &weights);
            let target_centers = weighted_means(y, m, &weights);
            let system = System { features: &Slice(h, p), p, targets: y, m, weights: &weights, centers: &centers, target_centers: &target_centers, columns: &[0, 1, 2], scales: &[1.0; 3] };
            let (a, b) = (system.by_factorisation(&[1e-3]).remove(0), system.by_normal_equations(&[1e-3]).remove(0));
            for k in 0..p {
                prop_assert!((a[(k, 0)] - b[(k, 0)]).abs() < 1e-9);
            }
        }
    }

    #[test]
    fn features_that_overflow_leave_the_mean() {
        let h = [1e200, -1e200, 3e200, f64::MAX];
        let map = ridge(&h, 1, &[1.0, 2.0, 3.0, 6.0], 1, &[0.25; 4], 0.0);
        assert!(map.weights[0].is_finite() && objective(&map, &[0.0; 4], 1, &[3.0; 4], 1, &[0.25; 4], 0.0) < 1.0);
        let map = ridge(&[f64::INFINITY, 1.0], 1, &[1.0, 3.0], 1, &[0.5; 2], 0.0);
        assert_eq!(map, LinearMap { weights: vec![0.0], bias: vec![2.0] });
    }

    #[test]
    fn equal_constant_and_huge_columns_leave_the_fit_exact() {
        let x: Vec<f64> = (0..20).map(|i| f64::from(i) / 7.0).collect();
        let h: Vec<f64> = x.iter().flat_map(|&x| [x, x, 5.0, 1e9 + x]).collect();
        let y: Vec<f64> = x.iter().map(|x| 3.0 * x - 1.0).collect();
        let w = vec![0.05; 20];
        let map = ridge(&h, 4, &y, 1, &w, 0.0);
        assert!(objective(&map, &h, 4, &y, 1, &w, 0.0) < 1e-10);
        assert_eq!(map.weights[2], 0.0);
    }
}
