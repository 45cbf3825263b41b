//! The rows of a dense problem as a cloud of points, brought to unit size, with the unpenalised part projected out.

use crate::{Bias, Samples, Skip};

/// Points, targets and the map back to the units of the data.
///
/// A row of weight `w` counts as the point `sqrt(w) (x, 1)`: `relu` is positively homogeneous. With free biases the
/// points are centred, turned to as few coordinates as they span, and followed by the coordinate `sqrt(w)`; the norm of
/// a neuron is that of its first [`norm`](Self::norm) coordinates. With penalised biases the rows `(x, scale)` are
/// turned; all coordinates count. Powers of two `s`, `c`, `ω` scale inputs, targets and weights.
pub(super) struct Cloud {
    /// Column-major `(n, p)`.
    points: Vec<f64>,
    pub(super) n: usize,
    pub(super) p: usize,
    pub(super) norm: usize,
    /// Targets without the unpenalised part.
    pub(super) y: Vec<f64>,
    /// `|y|²` before that, to tell rounding from data.
    pub(super) whole: f64,
    /// Lengths of the points.
    pub(super) lengths: Vec<f64>,
    /// Orthonormal columns that span the unpenalised part.
    free: Vec<Vec<f64>>,
    frame: Frame,
}

/// Where the coordinates of a cloud lie in the space of the data.
struct Frame {
    bias: Bias,
    middle: Vec<f64>,
    /// Rows of length `d` (free biases) or `d + 1`.
    axes: Vec<Vec<f64>>,
    unit_x: f64,
    unit_y: f64,
    unit_w: f64,
}

/// A power of two about as large as `value`; 1 for 0.
fn power_of_two(value: f64) -> f64 {
    if value == 0.0 {
        return 1.0;
    }
    f64::from_bits(value.to_bits() & (0x7ff << 52)).clamp(2f64.powi(-1000), 2f64.powi(1000))
}

/// In four strands, which the compiler can put side by side.
pub(super) fn dot(a: &[f64], b: &[f64]) -> f64 {
    let (mut sums, parts) = ([0.0; 8], a.len() / 8 * 8);
    for (a, b) in a[..parts].chunks_exact(8).zip(b[..parts].chunks_exact(8)) {
        for k in 0..8 {
            sums[k] += a[k] * b[k];
        }
    }
    let rest: f64 = a[parts..].iter().zip(&b[parts..]).map(|(a, b)| a * b).sum();
    sums.iter().sum::<f64>() + rest
}

pub(super) fn length(a: &[f64]) -> f64 {
    dot(a, a).sqrt()
}

fn subtract(from: &mut [f64], share: f64, other: &[f64]) {
    from.iter_mut().zip(other).for_each(|(f, o)| *f -= share * o);
}

/// An orthonormal basis of the span of vectors, in the order of what they add to it.
fn basis(mut left: Vec<Vec<f64>>, threshold: f64) -> Vec<Vec<f64>> {
    let width = left.first().map_or(0, Vec::len);
    let mut axes: Vec<Vec<f64>> = Vec::new();
    let longest = left.iter().map(|v| length(v)).fold(0.0, f64::max);
    while axes.len() < width {
        let far = left.iter().map(|v| length(v)).enumerate().fold((0, 0.0), |a, b| if b.1 > a.1 { b } else { a });
        if far.1 <= threshold * longest {
            break;
        }
        let mut axis = left[far.0].clone();
        for _ in 0..2 {
            for other in &axes {
                let share = dot(&axis, other);
                subtract(&mut axis, share, other);
            }
            let size = length(&axis);
            axis.iter_mut().for_each(|a| *a /= size);
        }
        left.iter_mut().for_each(|v| {
            let share = dot(v, &axis);
            subtract(v, share, &axis);
        });
        axes.push(axis);
    }
    axes
}

impl Cloud {
    pub(super) fn new(samples: &Samples, bias: Bias, skip: Skip) -> Self {
        let n = samples.rows();
        let unit_w = power_of_two(samples.weights().iter().copied().fold(0.0, f64::max));
        let root: Vec<f64> = samples.weights().iter().map(|w| (w / unit_w).sqrt()).collect();
        let (mut rows, middle) = located(samples, bias);
        let unit_x = power_of_two(rows.iter().map(|r| length(r)).fold(0.0, f64::max));
        rows.iter_mut().flatten().for_each(|x| *x /= unit_x);
        let axes = basis(rows.clone(), 2f64.powi(-44));
        let is_free = bias == Bias::Free;
        let (norm, p) = (axes.len(), axes.len() + usize::from(is_free));
        let mut points = vec![0.0; n * p];
        for (i, row) in rows.iter().enumerate() {
            for (k, axis) in axes.iter().enumerate() {
                points[k * n + i] = root[i] * dot(row, axis);
            }
            if is_free {
                points[norm * n + i] = root[i];
            }
        }
        let largest = samples.targets().iter().fold(0.0, |a: f64, y| a.max(y.abs()));
        let unit_y = power_of_two(largest);
        let mut y: Vec<f64> = samples.targets().iter().zip(&root).map(|(y, r)| r * (y / unit_y)).collect();

        let mut columns = Vec::new();
        if skip != Skip::None || is_free {
            columns.push(root.clone());
        }
        if skip == Skip::Affine {
            columns.extend(points.chunks(n).take(norm).map(<[f64]>::to_vec));
        }
        let free = spanning(columns);
        let whole = dot(&y, &y);
        let frame = Frame { bias, middle, axes, unit_x, unit_y, unit_w };
        let lengths =
            (0..n).map(|i| (0..p).map(|k| points[k * n + i] * points[k * n + i]).sum::<f64>().sqrt()).collect();
        let mut cloud = Self { points, n, p, norm, y: Vec::new(), whole, lengths, free, frame };
        cloud.project(&mut y);
        cloud.y = y;
        cloud
    }

    /// Coordinate `k` of all points.
    pub(super) fn column(&self, k: usize) -> &[f64] {
        &self.points[k * self.n..(k + 1) * self.n]
    }

    pub(super) fn point(&self, i: usize) -> Vec<f64> {
        (0..self.p).map(|k| self.points[k * self.n + i]).collect()
    }

    /// Takes the unpenalised part from a vector of values.
    pub(super) fn project(&self, values: &mut [f64]) {
        for _ in 0..2 {
            for q in &self.free {
                let share = dot(values, q);
                subtract(values, share, q);
            }
        }
    }

    /// Fills `h` with the preactivations `X w`.
    pub(super) fn preactivations(&self, w: &[f64], h: &mut Vec<f64>) {
        h.clear();
        h.resize(self.n, 0.0);
        for (k, &w) in w.iter().enumerate() {
            h.iter_mut().zip(self.column(k)).for_each(|(h, x)| *h += w * x);
        }
    }

    /// `X' v` over the rows where `h > 0`.
    pub(super) fn gradient(&self, h: &[f64], v: &[f64]) -> Vec<f64> {
        let active: Vec<f64> = h.iter().zip(v).map(|(h, v)| if *h > 0.0 { *v } else { 0.0 }).collect();
        (0..self.p).map(|k| dot(self.column(k), &active)).collect()
    }

    /// The row on whose kink a neuron stands, up to rounding.
    pub(super) fn kink_through(&self, w: &[f64]) -> Option<usize> {
        let mut h = Vec::new();
        self.preactivations(w, &mut h);
        let size = length(w);
        let distance = |i: usize| h[i].abs() / (self.lengths[i] * size);
        let nearest = (0..self.n).min_by(|&i, &j| distance(i).total_cmp(&distance(j)));
        nearest.filter(|&i| distance(i) <= 1e-14)
    }

    /// The norm of a neuron.
    pub(super) fn size(&self, w: &[f64]) -> f64 {
        length(&w[..self.norm])
    }

    /// Factor from penalties of the cloud to those of the data.
    pub(super) fn penalty_unit(&self) -> f64 {
        self.frame.unit_w * self.frame.unit_y * self.frame.unit_x
    }

    /// Factor from values of the objective of the cloud to those of the data.
    pub(super) fn objective_unit(&self) -> f64 {
        self.frame.unit_w * self.frame.unit_y * self.frame.unit_y
    }

    /// What rounding of the targets can make of `omega`.
    pub(super) fn noise(&self) -> f64 {
        let reach = self.lengths.iter().copied().fold(0.0, f64::max);
        2f64.powi(-46) * self.whole.sqrt() * reach * (self.n as f64).sqrt()
    }

    /// A neuron in the units of the data: weights and bias of norm 1, and the readout weight without sign.
    pub(super) fn restored(&self, w: &[f64]) -> (Vec<f64>, f64, f64) {
        let frame = &self.frame;
        let size = self.size(w);
        let width = frame.axes.first().map_or(0, Vec::len);
        let mut v = vec![0.0; width];
        for (axis, w) in frame.axes.iter().zip(w) {
            v.iter_mut().zip(axis).for_each(|(v, a)| *v += a * w / size);
        }
        let b = match frame.bias {
            Bias::Free => w[self.norm] * frame.unit_x / size - dot(&v, &frame.middle),
            Bias::Penalised { scale } => v.pop().unwrap_or(0.0) * scale,
        };
        (v, b, frame.unit_y * size / frame.unit_x)
    }

    /// The dual point of a residual, in the units of the data.
    pub(super) fn dual_point(&self, residual: &[f64], weights: &[f64]) -> Vec<f64> {
        let unit = self.frame.unit_w * self.frame.unit_y;
        residual.iter().zip(weights).map(|(r, w)| unit * r * (w / self.frame.unit_w).sqrt()).collect()
    }
}

/// The rows `x - mean` (free biases) or `(x, scale)`, and the mean.
fn located(samples: &Samples, bias: Bias) -> (Vec<Vec<f64>>, Vec<f64>) {
    let (n, d) = (samples.rows(), samples.n_inputs());
    let mut middle = vec![0.0; d];
    if bias == Bias::Free {
        let first = samples.inputs_of(0);
        let total: f64 = samples.weights().iter().sum();
        for i in 0..n {
            let share = samples.weights()[i] / total;
            middle.iter_mut().zip(samples.inputs_of(i)).zip(first).for_each(|((m, x), f)| *m += share * (x - f));
        }
        middle.iter_mut().zip(first).for_each(|(m, f)| *m += f);
    }
    let row = |i: usize| -> Vec<f64> {
        let x = samples.inputs_of(i).iter().zip(&middle).map(|(x, m)| x - m);
        match bias {
            Bias::Free => x.collect(),
            Bias::Penalised { scale } => x.chain([scale]).collect(),
        }
    };
    ((0..n).map(row).collect(), middle)
}

/// Orthonormal columns that span the given ones.
fn spanning(columns: Vec<Vec<f64>>) -> Vec<Vec<f64>> {
    let mut free: Vec<Vec<f64>> = Vec::new();
    for column in columns {
        let whole = length(&column);
        let mut column = column;
        for _ in 0..2 {
            for q in &free {
                let share = dot(&column, q);
                subtract(&mut column, share, q);
            }
        }
        let left = length(&column);
        if left > 1e-12 * whole {
            column.iter_mut().for_each(|c| *c /= left);
            free.push(column);
        }
    }
    free
}
