//! The rows as points of a space of the fewest dimensions, in which the norm of a neuron is what it was.

use super::{Bias, Rows};

/// Points `z_i` and numbers `v_i` such that, up to [`allowance`](Self::allowance),
///
/// ```text
/// omega(V) = unit * max { |sum_i v_i relu(<z_i, u>)| : |(u_1, ..., u_norm)| <= 1 }
/// ```
///
/// With penalised biases the norm is that of all coordinates of `u`. With free biases the last coordinate of every
/// point is 1, that of `u` is the bias, not in the norm; the others have length at most 1. `V` is orthogonal to 1, and
/// so the bias need not go beyond 1 for coordinates in the norm of which the sum of magnitudes is 1.
pub(super) struct Space {
    /// Row-major `(rows, p)`.
    pub(super) points: Vec<f64>,
    pub(super) v: Vec<f64>,
    /// Coordinates of a direction.
    pub(super) p: usize,
    /// How many of them are in the norm, the first ones.
    pub(super) norm: usize,
    pub(super) unit: f64,
    /// What rounding anywhere on the way can add to a value of `omega`, in the unit of the space.
    pub(super) allowance: f64,
    /// Whether opposite directions have the same value.
    pub(super) even: bool,
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

fn length(a: &[f64]) -> f64 {
    dot(a, a).sqrt()
}

/// A power of two above `value`, by at most a factor of 2 unless that is tiny.
fn power_of_two_above(value: f64) -> f64 {
    f64::from_bits(value.to_bits() & (0x7ff << 52)).max(2f64.powi(-1000)) * 2.0
}

impl Space {
    /// The space for the values `v` of the kept rows; `even` if `V` is orthogonal to all inputs and to 1.
    pub(super) fn new(rows: &Rows<'_>, bias: Bias, v: Vec<f64>, even: bool) -> Self {
        let raw = augmented(rows, bias);
        let width = raw.len() / v.len();
        let row = |i: usize| &raw[i * width..(i + 1) * width];
        let longest = (0..v.len()).map(|i| length(row(i))).fold(0.0, f64::max);
        let axes = axes(&raw, width, longest);
        let unit_x = power_of_two_above(longest);
        let unit_v = power_of_two_above(v.iter().fold(0.0, |a: f64, v| a.max(v.abs())));
        let v: Vec<f64> = v.iter().map(|v| v / unit_v).collect();

        let free = bias == Bias::Free;
        let (norm, p) = (axes.len(), axes.len() + usize::from(free));
        let mut points = Vec::with_capacity(v.len() * p);
        let (mut sum, mut left_out) = (0.0, 0.0);
        for (i, v) in v.iter().enumerate() {
            let mut left = row(i).to_vec();
            for axis in &axes {
                let share = dot(&left, axis);
                left.iter_mut().zip(axis).for_each(|(l, a)| *l -= share * a);
                points.push(share / unit_x);
            }
            let own = if free { 1.0 + (norm as f64).sqrt() } else { length(row(i)) / unit_x };
            if free {
                points.push(1.0);
            }
            sum += v.abs() * own;
            left_out += v.abs() * length(&left) / unit_x;
        }
        // Sums of n terms, products of p, twice the angle of a root cone, and the axes' own rounding.
        let steps = (v.len() + 8 * width + 64) as f64 * (p.max(1) as f64).sqrt() * 2.0;
        let allowance = steps * f64::EPSILON * sum + left_out * (1.0 + 1e-9);
        Self { points, v, p, norm, unit: unit_x * unit_v, allowance, even }
    }
}

/// Rows `x_i` from their middle (free biases) or `(x_i, scale)` (penalised).
fn augmented(rows: &Rows<'_>, bias: Bias) -> Vec<f64> {
    let mut raw = Vec::new();
    match bias {
        Bias::Free => {
            let middle: Vec<f64> = (0..rows.d)
                .map(|k| {
                    let column = || rows.kept.iter().map(|&i| rows.x(i)[k]);
                    let (low, high) =
                        (column().fold(f64::INFINITY, f64::min), column().fold(f64::NEG_INFINITY, f64::max));
                    low + (high - low) / 2.0
                })
                .collect();
            for &i in &rows.kept {
                raw.extend(rows.x(i).iter().zip(&middle).map(|(x, m)| x - m));
            }
        }
        Bias::Penalised { scale } => {
            for &i in &rows.kept {
                raw.extend_from_slice(rows.x(i));
                raw.push(scale);
            }
        }
    }
    raw
}

/// An orthonormal basis of the span of the rows: each time the row that is farthest from the span so far.
fn axes(raw: &[f64], width: usize, longest: f64) -> Vec<Vec<f64>> {
    let mut left = raw.to_vec();
    let mut axes: Vec<Vec<f64>> = Vec::new();
    while axes.len() < width {
        let far = left.chunks(width).map(length).enumerate().fold((0, 0.0), |a, b| if b.1 > a.1 { b } else { a });
        if far.1 <= longest * 2f64.powi(-44) {
            break;
        }
        let mut axis = left[far.0 * width..(far.0 + 1) * width].to_vec();
        for _ in 0..2 {
            for other in &axes {
                let share = dot(&axis, other);
                axis.iter_mut().zip(other).for_each(|(a, o)| *a -= share * o);
            }
            let size = length(&axis);
            axis.iter_mut().for_each(|a| *a /= size);
        }
        for row in left.chunks_mut(width) {
            let share = dot(row, &axis);
            row.iter_mut().zip(&axis).for_each(|(l, a)| *l -= share * a);
        }
        axes.push(axis);
    }
    axes
}
