//! The normal equations of a linear spline in the basis of hat functions.

use super::knots::{Normal, bends};
use super::line::Line;

/// Gram matrix (tridiagonal, the same for all outputs) and right side of least squares over splines with given knots.
#[derive(Clone, Debug)]
pub(super) struct Tridiagonal {
    place: Vec<f64>,
    diagonal: Vec<f64>,
    /// `off[j]` couples knots `j` and `j + 1`.
    off: Vec<f64>,
    /// `(knots, m)`.
    right: Vec<f64>,
    m: usize,
}

impl Tridiagonal {
    /// One pass over the data per output.
    pub(super) fn new(line: &Line, at: &[usize]) -> Self {
        let (k, m) = (at.len(), line.y.len());
        let place: Vec<f64> = at.iter().map(|&i| line.z[i]).collect();
        let mut normal = Self { place, diagonal: vec![0.0; k], off: vec![0.0; k], right: vec![0.0; k * m], m };
        for o in 0..m {
            for j in 0..k - 1 {
                let end = if j + 2 == k { at[j + 1] + 1 } else { at[j + 1] };
                let piece = at[j]..end;
                let (from, per_length) = (normal.place[j], 1.0 / (normal.place[j + 1] - normal.place[j]));
                let (mut ll, mut lr, mut rr, mut ly, mut ry) = (0.0, 0.0, 0.0, 0.0, 0.0);
                let rows = line.z[piece.clone()].iter().zip(&line.w[piece.clone()]).zip(&line.y[o][piece]);
                for ((z, w), y) in rows {
                    let r = (z - from) * per_length;
                    let l = 1.0 - r;
                    let (wl, wr) = (w * l, w * r);
                    ll += wl * l;
                    lr += wl * r;
                    rr += wr * r;
                    ly += wl * y;
                    ry += wr * y;
                }
                if o == 0 {
                    normal.diagonal[j] += ll;
                    normal.diagonal[j + 1] += rr;
                    normal.off[j] = lr;
                }
                normal.right[j * m + o] += ly;
                normal.right[(j + 1) * m + o] += ry;
            }
        }
        normal
    }

    /// Entry `o` of row `j` of `G v`.
    fn times(&self, v: &[f64], j: usize, o: usize) -> f64 {
        let (m, i) = (self.m, j * self.m + o);
        let left = if j > 0 { self.off[j - 1] * v[i - m] } else { 0.0 };
        let right = if j + 1 < self.place.len() { self.off[j] * v[i + m] } else { 0.0 };
        left + self.diagonal[j] * v[i] + right
    }

    /// Right side of the problem in which the penalty is `β sum_j <direction_j, bend_j>`.
    fn directed(&self, direction: &[f64], penalty: f64) -> Vec<f64> {
        let m = self.m;
        let mut right = self.right.clone();
        for j in 1..self.place.len() - 1 {
            let (a, b, c) = self.second_difference(j);
            for o in 0..m {
                let force = penalty * direction[j * m + o];
                right[(j - 1) * m + o] -= force * a;
                right[j * m + o] -= force * b;
                right[(j + 1) * m + o] -= force * c;
            }
        }
        right
    }

    /// The bend at knot `j` in terms of the values at `j - 1`, `j`, `j + 1`.
    fn second_difference(&self, j: usize) -> (f64, f64, f64) {
        let (a, c) = (1.0 / (self.place[j] - self.place[j - 1]), 1.0 / (self.place[j + 1] - self.place[j]));
        (a, -(a + c), c)
    }

    fn hessian(&self, block: impl Fn(usize, usize, usize) -> f64, penalty: f64) -> Band {
        let (m, count) = (self.m, self.place.len());
        let mut band = Band::new(count * m, 3 * m - 1);
        for j in 0..count {
            for o in 0..m {
                band.add(j * m + o, j * m + o, self.diagonal[j]);
                if j > 0 {
                    band.add(j * m + o, (j - 1) * m + o, self.off[j - 1]);
                }
            }
        }
        for j in 1..count - 1 {
            let (a, b, c) = self.second_difference(j);
            let stiffness: Vec<f64> = (0..m * m).map(|i| penalty * block(j, i / m, i % m)).collect();
            for (p, at_p) in [a, b, c].into_iter().enumerate() {
                for (q, at_q) in [a, b, c].into_iter().enumerate().take(p + 1) {
                    for o in 0..m {
                        for k in 0..if p == q { o + 1 } else { m } {
                            let entry = stiffness[o * m + k] * at_p * at_q;
                            band.add((j + p - 1) * m + o, (j + q - 1) * m + k, entry);
                        }
                    }
                }
            }
        }
        band
    }

    /// Trace of the map from targets to fitted values at a minimiser whose bends have these directions and sizes: the
    /// degrees of freedom of the fit, over all outputs.
    ///
    /// For one output this is the number of knots, ends included.
    pub(super) fn degrees_of_freedom(&self, direction: &[f64], size: &[f64], penalty: f64) -> f64 {
        let (m, count) = (self.m, self.place.len());
        if m == 1 {
            return count as f64;
        }
        let turning = |j: usize, o: usize, k: usize| {
            let (s, identity) = (&direction[j * m..(j + 1) * m], if o == k { 1.0 } else { 0.0 });
            (identity - s[o] * s[k]) / size[j].max(f64::MIN_POSITIVE)
        };
        let mut band = self.hessian(turning, penalty);
        band.factor();
        let inverse = band.inverse_within_band();
        let entry = |j: usize, i: usize| (0..m).map(|o| inverse.get(j * m + o, i * m + o)).sum::<f64>();
        let diagonal: f64 = (0..count).map(|j| self.diagonal[j] * entry(j, j)).sum();
        let off: f64 = (1..count).map(|j| 2.0 * self.off[j - 1] * entry(j, j - 1)).sum();
        diagonal + off
    }
}

impl Normal for Tridiagonal {
    fn outputs(&self) -> usize {
        self.m
    }

    fn bends_at(&self, j: usize) -> bool {
        j > 0 && j + 1 < self.place.len()
    }

    fn bends(&self, value: &[f64]) -> Vec<f64> {
        bends(&self.place, value, self.m)
    }

    /// A spline without knot `b` between `a` and `c` has there `(1 - t)` of its value at `a` and `t` of
    /// that at `c`, so hat functions merge as `N_a + (1 - t) N_b`, `N_c + t N_b`. Only sums of nonnegative terms, no
    /// cancellation.
    fn keep(&mut self, keep: &[bool], _: &[f64]) {
        let m = self.m;
        let mut last = 0;
        for (j, &kept) in keep.iter().enumerate().skip(1) {
            if kept {
                last += 1;
                self.place[last] = self.place[j];
                self.diagonal[last] = self.diagonal[j];
                self.off[last] = self.off[j];
                self.right.copy_within(j * m..(j + 1) * m, last * m);
                continue;
            }
            let next = j + 1;
            let t = (self.place[j] - self.place[last]) / (self.place[next] - self.place[last]);
            let (left, own, right) = (self.off[last], self.diagonal[j], self.off[j]);
            self.diagonal[last] += (1.0 - t) * (2.0 * left + (1.0 - t) * own);
            self.off[last] = (1.0 - t) * right + t * left + t * (1.0 - t) * own;
            self.diagonal[next] += t * (2.0 * right + t * own);
            for o in 0..m {
                let own = self.right[j * m + o];
                self.right[last * m + o] += (1.0 - t) * own;
                self.right[next * m + o] += t * own;
            }
        }
        for column in [&mut self.place, &mut self.diagonal, &mut self.off] {
            column.truncate(last + 1);
        }
        self.right.truncate((last + 1) * m);
    }

    fn solve_directed(&mut self, _: &[f64], direction: &[f64], penalty: f64) -> Vec<f64> {
        let mut right = self.directed(direction, penalty);
        let mut pivot = self.diagonal.clone();
        for j in 1..pivot.len() {
            let factor = self.off[j - 1] / pivot[j - 1];
            pivot[j] -= factor * self.off[j - 1];
            right[j] -= factor * right[j - 1];
        }
        let last = pivot.len() - 1;
        right[last] /= pivot[last];
        for j in (0..last).rev() {
            right[j] = (right[j] - self.off[j] * right[j + 1]) / pivot[j];
        }
        right
    }

    fn solve_least_squares(&self) -> Vec<f64> {
        let mut right = self.right.clone();
        let mut band = self.hessian(|_, _, _| 0.0, 0.0);
        band.factor();
        band.solve(&mut right);
        right
    }

    fn newton_step(
        &self,
        value: &[f64],
        pull: &[f64],
        block: impl Fn(usize, usize, usize) -> f64,
        penalty: f64,
    ) -> Vec<f64> {
        let mut right = self.directed(pull, penalty);
        for (i, right) in right.iter_mut().enumerate() {
            *right -= self.times(value, i / self.m, i % self.m);
        }
        let mut band = self.hessian(block, penalty);
        band.factor();
        band.solve(&mut right);
        right
    }

    fn change(&self, value: &[f64], step: &[f64]) -> (f64, f64) {
        let (mut linear, mut quadratic) = (0.0, 0.0);
        for i in 0..value.len() {
            let (j, o) = (i / self.m, i % self.m);
            linear += step[i] * (self.times(value, j, o) - self.right[i]);
            quadratic += step[i] * self.times(step, j, o);
        }
        (linear, quadratic)
    }
}

/// A symmetric positive definite band matrix, lower half; after `factor` its Cholesky factor.
struct Band {
    size: usize,
    width: usize,
    rows: Vec<f64>,
}

impl Band {
    fn new(size: usize, width: usize) -> Self {
        Self { size, width, rows: vec![0.0; size * (width + 1)] }
    }

    fn index(&self, i: usize, j: usize) -> usize {
        debug_assert!(j <= i && i - j <= self.width);
        i * (self.width + 1) + self.width + j - i
    }

    fn get(&self, i: usize, j: usize) -> f64 {
        self.rows[self.index(i, j)]
    }

    fn add(&mut self, i: usize, j: usize, value: f64) {
        let k = self.index(i, j);
        self.rows[k] += value;
    }

    /// `A = L L'`. A pivot that rounding made negative is replaced by its rounding error.
    fn factor(&mut self) {
        for i in 0..self.size {
            let first = i.saturating_sub(self.width);
            for j in first..=i {
                let from = first.max(j.saturating_sub(self.width));
                let (row, other) = (self.index(i, from), self.index(j, from));
                let sum: f64 = (0..j - from).map(|k| self.rows[row + k] * self.rows[other + k]).sum();
                let k = self.index(i, j);
                let left = self.rows[k] - sum;
                self.rows[k] = if i == j {
                    left.max(self.rows[k].abs() * f64::EPSILON).max(f64::MIN_POSITIVE).sqrt()
                } else {
                    left / self.get(j, j)
                };
            }
        }
    }

    fn solve(&self, right: &mut [f64]) {
        for i in 0..self.size {
            let sum: f64 = (i.saturating_sub(self.width)..i).map(|j| self.get(i, j) * right[j]).sum();
            right[i] = (right[i] - sum) / self.get(i, i);
        }
        for i in (0..self.size).rev() {
            right[i] /= self.get(i, i);
            for j in i.saturating_sub(self.width)..i {
                right[j] -= self.get(i, j) * right[i];
            }
        }
    }

    /// The entries of `(L L')^-1` inside the band (Takahashi, Fagan, Chen 1973).
    fn inverse_within_band(&self) -> Self {
        let mut inverse = Self::new(self.size, self.width);
        for j in (0..self.size).rev() {
            let end = (j + self.width).min(self.size - 1);
            for i in (j..=end).rev() {
                let sum: f64 = (j + 1..=end)
                    .map(|k| self.get(k, j) * if k >= i { inverse.get(k, i) } else { inverse.get(i, k) })
                    .sum();
                let unit = if i == j { 1.0 / self.get(j, j) } else { 0.0 };
                inverse.add(i, j, (unit - sum) / self.get(j, j));
            }
        }
        inverse
    }
}
