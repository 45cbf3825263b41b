//! The rows of a problem in one input, merged, sorted and brought to unit size.

use super::answer::{Neurons, count_kinks};
use super::knots::{Knots, Normal, bends, norm};
use super::normal::Tridiagonal;
use super::problem::{Merit, Problem, Sweep};
use super::rows::{Rows, largest, power_of_two};
use crate::Samples;
use multigrade_model::Matrix;

/// Weighted means of the targets at the distinct `x`, ascending, in units in which all numbers are about 1.
///
/// With powers of two `s`, `c`, `ω` (so that scaling does not round) and the least-squares line `l`:
/// `x = centre + s z`, `y = l + c y'`, `w = ω w'`. In these units the objective is `P / (ω c²)` and the penalty
/// `β / (ω c s)`.
#[derive(Clone, Debug)]
pub(super) struct Line {
    /// Distinct inputs in their own units.
    pub(super) x: Vec<f64>,
    pub(super) z: Vec<f64>,
    pub(super) w: Vec<f64>,
    /// What the least-squares line leaves, one column per output.
    pub(super) y: Vec<Vec<f64>>,
    /// Mean and slope (by `z`, about `mean_z`) of the least-squares line of each output, in units of `y`.
    lines: Vec<(f64, f64)>,
    mean_z: f64,
    total: f64,
    inertia: f64,
    /// Half the weighted squares within rows of equal `x`: lost whatever the fit.
    pub(super) spread: f64,
    unit_x: f64,
    unit_y: f64,
    unit_w: f64,
    /// The unit in which the penalty counts `x`: its weighted standard deviation, 1 if it is constant.
    unit: f64,
    /// Size of the largest target in units of `y'`.
    largest_target: f64,
}

impl Line {
    pub(super) fn new(samples: &Samples) -> Self {
        let m = samples.n_targets();
        let Rows { x, w, y, spread, unit_w } = Rows::new(samples);
        let largest_target = largest(&y);
        let centre = x[0] + (x[x.len() - 1] - x[0]) / 2.0;
        let unit_x = power_of_two((x[x.len() - 1] - x[0]) / 2.0);
        let z: Vec<f64> = x.iter().map(|x| (x - centre) / unit_x).collect();
        let total: f64 = w.iter().sum();
        let mean_z = w.iter().zip(&z).map(|(w, z)| w * z).sum::<f64>() / total;
        let inertia = w.iter().zip(&z).map(|(w, z)| w * (z - mean_z).powi(2)).sum();
        let mut line = Self {
            x,
            z,
            w,
            y,
            lines: vec![(0.0, 0.0); m],
            mean_z,
            total,
            inertia,
            spread,
            unit_x,
            unit_y: 1.0,
            unit_w,
            unit: 1.0,
            largest_target,
        };
        if line.inertia > 0.0 {
            line.unit = line.unit_x * (line.inertia / line.total).sqrt();
        }
        line.subtract_lines();
        line.unit_y = power_of_two(largest(&line.y));
        line.y.iter_mut().flatten().for_each(|y| *y /= line.unit_y);
        line.spread /= line.unit_y * line.unit_y;
        line.largest_target /= line.unit_y;
        line
    }

    /// Takes the least-squares line from every column, twice: the second time it is the rounding of the first.
    fn subtract_lines(&mut self) {
        for (column, fitted) in self.y.iter_mut().zip(&mut self.lines) {
            for _ in 0..2 {
                let (sum, moment) = column
                    .iter()
                    .zip(self.w.iter().zip(&self.z))
                    .fold((0.0, 0.0), |(s, t), (y, (w, z))| (s + w * y, t + w * y * (z - self.mean_z)));
                let slope = if self.inertia > 0.0 { moment / self.inertia } else { 0.0 };
                let mean = sum / self.total;
                column.iter_mut().zip(&self.z).for_each(|(y, z)| *y -= mean + slope * (z - self.mean_z));
                *fitted = (fitted.0 + mean, fitted.1 + slope);
            }
        }
    }

    /// Mean square of what interpolation of the neighbours `reach` places away misses, in units of what noise of variance 1
    /// would make of it; over the rows that have such neighbours, infinite if there are none.
    fn left_out(&self, reach: usize) -> f64 {
        let (mut sum, mut count) = (0.0, 0);
        for i in reach..self.len().saturating_sub(reach) {
            let (a, b) = (i - reach, i + reach);
            let t = (self.z[i] - self.z[a]) / (self.z[b] - self.z[a]);
            let noise = 1.0 / self.w[i] + (1.0 - t) * (1.0 - t) / self.w[a] + t * t / self.w[b];
            for y in &self.y {
                let off = y[i] - ((1.0 - t) * y[a] + t * y[b]);
                sum += off * off / noise;
                count += 1;
            }
        }
        if count > 0 { sum / f64::from(count) } else { f64::INFINITY }
    }

    pub(super) fn len(&self) -> usize {
        self.z.len()
    }

    /// `y` of output `o` for the value `fit` of the spline at `z`.
    pub(super) fn restored(&self, o: usize, z: f64, fit: f64) -> f64 {
        let (mean, slope) = self.lines[o];
        mean + slope * (z - self.mean_z) + self.unit_y * fit
    }

    /// Fills `v` with the weighted residual `w (y - f)`.
    fn residual(&self, knots: &Knots<usize>, o: usize, v: &mut [f64]) -> Sums {
        let m = self.y.len();
        let mut sums = Sums { plain: 0.0, moment: 0.0, square: 0.0 };
        let pieces = knots.at.windows(2).enumerate();
        for (j, ends) in pieces {
            let (first, last) = (ends[0], ends[1]);
            let start = knots.value[j * m + o];
            let slope = (knots.value[(j + 1) * m + o] - start) / (self.z[last] - self.z[first]);
            let end = if last + 1 == self.len() { last + 1 } else { last };
            let rows = self.z[first..end].iter().zip(&self.w[first..end]).zip(&self.y[o][first..end]);
            for (v, ((z, w), y)) in v[first..end].iter_mut().zip(rows) {
                let r = y - (start + slope * (z - self.z[first]));
                *v = w * r;
                sums.plain += *v;
                sums.moment += *v * (z - self.mean_z);
                sums.square += *v * r;
            }
        }
        sums
    }

    /// Makes `v` orthogonal to `1` and `z`, fills `u_i = sum_{k>i} v_k (z_k - z_i)`; gives `<V, y>` and `|V|²`.
    fn correlate(&self, o: usize, sums: &Sums, v: &mut [f64], u: &mut [f64]) -> (f64, f64) {
        let mean = sums.plain / self.total;
        let slope = if self.inertia > 0.0 { sums.moment / self.inertia } else { 0.0 };
        let (mut vy, mut vv) = (0.0, 0.0);
        let (mut sum, mut correlation, mut right) = (0.0, 0.0, self.z[self.len() - 1]);
        for i in (0..self.len()).rev() {
            let (z, w) = (self.z[i], self.w[i]);
            correlation += sum * (right - z);
            u[i] = correlation;
            right = z;
            let projected = v[i] - w * (mean + slope * (z - self.mean_z));
            v[i] = projected;
            sum += projected;
            vy += projected * self.y[o][i];
            vv += projected * projected / w;
        }
        // Zero but for rounding.
        u[0] = 0.0;
        (vy, vv)
    }
}

impl Problem for Line {
    type Place = usize;
    type Normal = Tridiagonal;

    fn outputs(&self) -> usize {
        self.y.len()
    }

    fn weight(&self) -> f64 {
        self.total * self.unit_w
    }

    fn units(&self) -> Vec<f64> {
        vec![self.unit]
    }

    fn penalty_unit(&self) -> f64 {
        self.unit_w * self.unit_y * (self.unit_x / self.unit)
    }

    fn objective_unit(&self) -> f64 {
        self.unit_w * self.unit_y * self.unit_y
    }

    fn spread(&self) -> f64 {
        self.spread
    }

    fn noise(&self) -> f64 {
        2f64.powi(-48) * self.largest_target * self.total
    }

    /// From what interpolation of the neighbours says about a row that is left out (for noise of variance `s`, deviations are
    /// measured in its units): with the next neighbours that is `s + b`, with those after them `s + r b`, where the curvature
    /// makes `r` 16, kinks 4. At a new row between all the others it is `5/3 s`, its own noise included, and
    /// `3/2 b / r`.
    fn error_between(&self) -> f64 {
        let [near, far] = [1, 2].map(|reach| self.left_out(reach));
        if !(near.is_finite() && far.is_finite()) {
            return f64::INFINITY;
        }
        let ratio = (far / near).clamp(4.0, 16.0);
        let bias = ((far - near) / (ratio - 1.0)).clamp(0.0, near);
        5.0 / 3.0 * (near - bias) + 1.5 * bias / ratio
    }

    fn on(&self, samples: &Samples) -> Self {
        Self { unit: self.unit, ..Self::new(samples) }
    }

    fn rank(&self, x: f64) -> usize {
        self.x.partition_point(|&place| place < x)
    }

    fn none(&self) -> Knots<usize> {
        Knots::none(self.len(), self.y.len())
    }

    fn interpolant(&self) -> Option<Knots<usize>> {
        Some(Knots::interpolant(self))
    }

    fn normal(&self, knots: &Knots<usize>) -> Tridiagonal {
        Tridiagonal::new(self, &knots.at)
    }

    /// In two passes per output.
    fn measure(&self, knots: &Knots<usize>, penalty: f64, sweep: &mut Sweep) -> Merit {
        let (n, m) = (self.len(), self.y.len());
        for buffer in [&mut sweep.v, &mut sweep.u] {
            buffer.resize(n * m, 0.0);
        }
        sweep.size.clear();
        sweep.size.resize(n, 0.0);
        let (mut loss, mut vy, mut vv) = (0.0, 0.0, 0.0);
        for o in 0..m {
            let (v, u) = (&mut sweep.v[o * n..(o + 1) * n], &mut sweep.u[o * n..(o + 1) * n]);
            let sums = self.residual(knots, o, v);
            loss += 0.5 * sums.square;
            let (a, b) = self.correlate(o, &sums, v, u);
            vy += a;
            vv += b;
            for (size, u) in sweep.size.iter_mut().zip(u.iter()) {
                *size = if m == 1 { u.abs() } else { size.hypot(*u) };
            }
        }
        let omega = sweep.size.iter().copied().fold(0.0, f64::max);
        let place: Vec<f64> = knots.at.iter().map(|&i| self.z[i]).collect();
        let bend = bends(&place, &knots.value, m).chunks(m).map(norm).sum();
        Merit::new(loss, bend, penalty, vy, vv, omega)
    }

    fn insert_maxima(&self, knots: &mut Knots<usize>, penalty: f64, sweep: &Sweep) -> usize {
        knots.insert_maxima(self, penalty, &sweep.u, &sweep.size)
    }

    fn trace(&self, knots: &Knots<usize>, penalty: f64) -> f64 {
        let m = self.y.len();
        if penalty == 0.0 {
            return (self.len() * m) as f64;
        }
        if knots.at.len() <= 2 {
            return (knots.at.len() * m) as f64;
        }
        let normal = Tridiagonal::new(self, &knots.at);
        let sizes: Vec<f64> = normal.bends(&knots.value).chunks(m).map(norm).collect();
        normal.degrees_of_freedom(&knots.direction, &sizes, penalty)
    }

    fn neurons(&self, knots: &Knots<usize>) -> usize {
        count_kinks(&self.x, &knots.at, &knots.value, self.y.len())
    }

    fn answer(&self, knots: &Knots<usize>) -> Neurons {
        let m = self.y.len();
        let value: Vec<f64> = knots
            .at
            .iter()
            .zip(knots.value.chunks_exact(m))
            .flat_map(|(&i, values)| values.iter().enumerate().map(move |(o, &v)| self.restored(o, self.z[i], v)))
            .collect();
        let mut neurons = Neurons::affine(vec![0.0; m], Matrix::zeros(m, 1));
        neurons.join(0, &self.x, &knots.at, &knots.value, &value);
        neurons
    }

    fn dual_point(&self, sweep: &Sweep) -> Vec<f64> {
        let (n, m) = (self.len(), self.y.len());
        let unit = self.unit_w * self.unit_y;
        (0..n).flat_map(|i| (0..m).map(move |o| unit * sweep.v[o * n + i])).collect()
    }
}

/// Sums over a weighted residual `v = w r`: `Σ v`, `Σ v (z - mean)`, `Σ v r`.
struct Sums {
    plain: f64,
    moment: f64,
    square: f64,
}

impl Knots<usize> {
    /// The zero spline without inner knots.
    fn none(n: usize, m: usize) -> Self {
        let at = if n > 1 { vec![0, n - 1] } else { vec![0] };
        let k = at.len();
        Self { at, value: vec![0.0; k * m], direction: vec![0.0; k * m] }
    }

    /// The spline through all data.
    fn interpolant(line: &Line) -> Self {
        let (n, m) = (line.len(), line.y.len());
        let value: Vec<f64> = (0..n).flat_map(|i| line.y.iter().map(move |column| column[i])).collect();
        let mut knots = Self { at: (0..n).collect(), direction: vec![0.0; value.len()], value };
        let bend = bends(&line.z, &knots.value, m);
        knots.point_along(&bend, m);
        knots
    }

    /// Value of output `o` at `z`; linear beyond the ends.
    fn value_at(&self, line: &Line, z: f64, o: usize) -> f64 {
        let m = line.y.len();
        let Some(last) = self.at.len().checked_sub(2) else { return self.value[o] };
        let j = self.at.partition_point(|&i| line.z[i] <= z).saturating_sub(1).min(last);
        let (a, b) = (line.z[self.at[j]], line.z[self.at[j + 1]]);
        let (start, end) = (self.value[j * m + o], self.value[(j + 1) * m + o]);
        if b > a { start + (end - start) * ((z - a) / (b - a)) } else { start }
    }

    /// Inserts knots at every local maximum of `|u|` above the penalty, bending towards `u`; gives their number.
    ///
    /// `size` holds `|u|`, `u` one column per output. Knots nearer to each other than `2^-44` of the unit would have
    /// slopes made of rounding errors and are left out.
    fn insert_maxima(&mut self, line: &Line, penalty: f64, u: &[f64], size: &[f64]) -> usize {
        let (n, m) = (line.len(), line.y.len());
        let (threshold, separation) = (penalty * (1.0 + 1e-12), 2f64.powi(-44));
        let mut grown = Self::empty();
        for j in 0..self.at.len() {
            grown.push(self.at[j], &self.value[j * m..(j + 1) * m], &self.direction[j * m..(j + 1) * m]);
            let Some(&next) = self.at.get(j + 1) else { break };
            for i in self.at[j] + 1..next {
                let is_maximum = size[i] > threshold && size[i] >= size[i - 1] && size[i] >= size[i + 1];
                let free = |k: usize| (line.z[k] - line.z[i]).abs() > separation;
                if is_maximum && free(grown.at[grown.at.len() - 1]) && free(next) {
                    let value: Vec<f64> = (0..m).map(|o| self.value_at(line, line.z[i], o)).collect();
                    let direction: Vec<f64> = (0..m).map(|o| u[o * n + i] / size[i]).collect();
                    grown.push(i, &value, &direction);
                }
            }
        }
        let inserted = grown.at.len() - self.at.len();
        *self = grown;
        inserted
    }
}
