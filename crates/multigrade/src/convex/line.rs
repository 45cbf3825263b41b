//! The rows of a problem in one input, merged, sorted and brought to unit size.

use crate::Samples;
use crate::convex::knots::Knots;

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
    centre: f64,
    unit_x: f64,
    unit_y: f64,
    unit_w: f64,
    /// Size of the largest target in units of `y'`.
    largest_target: f64,
}

/// What a candidate is worth, in units of the line; `primal` and `dual` without the spread.
#[derive(Clone, Copy, Debug)]
pub(super) struct Merit {
    pub(super) loss: f64,
    pub(super) bend: f64,
    pub(super) primal: f64,
    pub(super) dual: f64,
    pub(super) omega: f64,
}

/// Buffers of [`Line::measure`]: the dual point `V` and the correlations `u`, one column per output.
#[derive(Clone, Debug, Default)]
pub(super) struct Sweep {
    pub(super) v: Vec<f64>,
    pub(super) u: Vec<f64>,
    /// `|u|` of all outputs.
    pub(super) size: Vec<f64>,
}

/// The largest power of two that is at most `value`; 1 for 0.
fn power_of_two(value: f64) -> f64 {
    if value == 0.0 {
        return 1.0;
    }
    // Within a range where the inverse is finite too.
    f64::from_bits(value.to_bits() & (0x7ff << 52)).clamp(2f64.powi(-1000), 2f64.powi(1000))
}

impl Line {
    pub(super) fn new(samples: &Samples) -> Self {
        let (rows, m) = (samples.rows(), samples.n_targets());
        let input = samples.inputs();
        let mut order: Vec<usize> = (0..rows).collect();
        order.sort_by(|&i, &j| input[i].total_cmp(&input[j]));
        let unit_w = power_of_two(samples.weights().iter().copied().fold(0.0, f64::max));

        let (mut x, mut w, mut y, mut spread) = (Vec::new(), Vec::new(), vec![Vec::new(); m], 0.0);
        for tied in order.chunk_by(|&i, &j| input[i] == input[j]) {
            let weight = |i: usize| samples.weights()[i] / unit_w;
            let total: f64 = tied.iter().map(|&i| weight(i)).sum();
            x.push(input[tied[0]]);
            w.push(total);
            for (o, column) in y.iter_mut().enumerate() {
                // Deviations from one of them, so that equal targets have exactly their value as mean.
                let first = samples.targets_of(tied[0])[o];
                let off = |i: usize| samples.targets_of(i)[o] - first;
                let mean = tied.iter().map(|&i| weight(i) * off(i)).sum::<f64>() / total;
                spread += tied.iter().map(|&i| 0.5 * weight(i) * (off(i) - mean).powi(2)).sum::<f64>();
                column.push(first + mean);
            }
        }
        let centre = x[0] + (x[x.len() - 1] - x[0]) / 2.0;
        let unit_x = power_of_two((x[x.len() - 1] - x[0]) / 2.0);
        let z: Vec<f64> = x.iter().map(|x| (x - centre) / unit_x).collect();
        let total: f64 = w.iter().sum();
        let mean_z = w.iter().zip(&z).map(|(w, z)| w * z).sum::<f64>() / total;
        let inertia = w.iter().zip(&z).map(|(w, z)| w * (z - mean_z).powi(2)).sum();
        let largest = y.iter().flatten().fold(0.0, |a: f64, y| a.max(y.abs()));
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
            centre,
            unit_x,
            unit_y: 1.0,
            unit_w,
            largest_target: largest,
        };
        line.subtract_lines();
        let left = line.y.iter().flatten().fold(0.0, |a: f64, y| a.max(y.abs()));
        line.unit_y = power_of_two(left);
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

    pub(super) fn len(&self) -> usize {
        self.z.len()
    }

    pub(super) fn outputs(&self) -> usize {
        self.y.len()
    }

    /// Sum of the weights, in their own units.
    pub(super) fn weight(&self) -> f64 {
        self.total * self.unit_w
    }

    /// Factor from penalties in units of the line to penalties of the slope in units of the data.
    pub(super) fn penalty_unit(&self) -> f64 {
        self.unit_w * self.unit_y * self.unit_x
    }

    /// The weighted standard deviation of the input; 1 if it is constant.
    pub(super) fn input_unit(&self) -> f64 {
        if self.inertia > 0.0 { self.unit_x * (self.inertia / self.total).sqrt() } else { 1.0 }
    }

    /// Factor from objectives in units of the line to their own.
    pub(super) fn objective_unit(&self) -> f64 {
        self.unit_w * self.unit_y * self.unit_y
    }

    /// Factor from slopes in units of the line to their own.
    pub(super) fn slope_unit(&self) -> f64 {
        self.unit_y / self.unit_x
    }

    /// The dual point in its own units, row-major.
    pub(super) fn dual_point(&self, sweep: &Sweep) -> Vec<f64> {
        let (n, m) = (self.len(), self.outputs());
        let unit = self.unit_w * self.unit_y;
        (0..n).flat_map(|i| (0..m).map(move |o| unit * sweep.v[o * n + i])).collect()
    }

    /// What rounding of the targets alone can make of `omega`: penalties below it fit rounding errors.
    pub(super) fn noise(&self) -> f64 {
        2f64.powi(-48) * self.largest_target * self.total
    }

    /// `y` of output `o` for the value `fit` of the spline at `z`.
    pub(super) fn restored(&self, o: usize, z: f64, fit: f64) -> f64 {
        let (mean, slope) = self.lines[o];
        mean + slope * (z - self.mean_z) + self.unit_y * fit
    }

    pub(super) fn normalised(&self, x: f64) -> f64 {
        (x - self.centre) / self.unit_x
    }

    /// Objective, dual bound and correlations of the spline through `knots`, in two passes per output.
    pub(super) fn measure(&self, knots: &Knots, penalty: f64, sweep: &mut Sweep) -> Merit {
        let (n, m) = (self.len(), self.outputs());
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
        let bend = knots.total_bend(&self.z, m);
        let best = if vv > 0.0 { vy / vv } else { 0.0 };
        let largest = if omega > 0.0 { penalty / omega } else { f64::INFINITY };
        let s = best.clamp(-largest, largest);
        Merit { loss, bend, primal: loss + penalty * bend, dual: s * vy - 0.5 * s * s * vv, omega }
    }

    /// Fills `v` with the weighted residual `w (y - f)`.
    fn residual(&self, knots: &Knots, o: usize, v: &mut [f64]) -> Sums {
        let m = self.outputs();
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

/// Sums over a weighted residual `v = w r`: `Σ v`, `Σ v (z - mean)`, `Σ v r`.
struct Sums {
    plain: f64,
    moment: f64,
    square: f64,
}
