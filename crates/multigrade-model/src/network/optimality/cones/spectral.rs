//! A bound of `omega` by an eigenvalue: for any number of inputs, weak.

use super::space::Space;

/// `max |phi| <= bound`, from `relu(z) = (z + |z|) / 2` and
///
/// ```text
///  v |z| <=  v (z² / (2 t) + t / 2)     for v > 0 and any t > 0
/// -v |z| <= -v z² / |z_i|               for v > 0, because |z| <= |z_i|
/// ```
///
/// so that a sum of them is at most a quadratic form and a constant. With free biases directions are up to `sqrt(2)` long.
pub(super) fn bound(space: &Space) -> f64 {
    let longest = if space.norm < space.p { 2f64.sqrt() } else { 1.0 };
    let mut linear = vec![0.0; space.p];
    for (z, v) in space.points.chunks(space.p).zip(&space.v) {
        linear.iter_mut().zip(z).for_each(|(sum, z)| *sum += v * z);
    }
    let linear = dot(&linear, &linear).sqrt();
    let kinked = [1.0, -1.0].map(|sign| kinked(space, sign));
    let positive = [1.0, -1.0].map(|sign| {
        let reach = |(z, v): (&[f64], &f64)| (sign * v).max(0.0) * dot(z, z).sqrt();
        space.points.chunks(space.p).zip(&space.v).map(reach).sum::<f64>()
    });
    let one = |k: usize| f64::min(0.5 * linear + 0.5 * kinked[k], positive[k]);
    longest * f64::max(one(0), one(1)) * (1.0 + 1e-12)
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// A bound of `sum_i sign v_i |<z_i, u>|` for `|u| <= 1`; the `t_i` are improved a few times.
fn kinked(space: &Space, sign: f64) -> f64 {
    let (p, n) = (space.p, space.v.len());
    let point = |i: usize| &space.points[i * p..(i + 1) * p];
    let size: Vec<f64> = (0..n).map(|i| dot(point(i), point(i)).sqrt()).collect();
    let mut t: Vec<f64> = size.iter().map(|s| s / (p as f64).sqrt()).collect();
    let mut best = f64::INFINITY;
    for round in 0..if p > 40 { 3 } else { 12 } {
        let mut form = vec![0.0; p * p];
        let (mut constant, mut magnitude) = (0.0, 0.0);
        for i in (0..n).filter(|&i| size[i] > 0.0) {
            let v = sign * space.v[i];
            let factor = if v > 0.0 { v / (2.0 * t[i]) } else { v / size[i] };
            constant += 0.5 * v.max(0.0) * t[i];
            magnitude += factor.abs() * size[i] * size[i];
            for (a, za) in point(i).iter().enumerate() {
                form[a * p..(a + 1) * p].iter_mut().zip(point(i)).for_each(|(f, zb)| *f += factor * za * zb);
            }
        }
        let (value, direction) = largest_eigenvalue(form, p);
        let rounding = (n + 100 * p * p) as f64 * f64::EPSILON * magnitude;
        let bound = constant + (value + rounding).max(0.0);
        if bound < best {
            best = bound;
        }
        for i in 0..n {
            let z = dot(point(i), &direction[(round % 2) * p..][..p]);
            t[i] = (0.7 * t[i] * t[i] + 0.3 * z * z + 1e-12 * size[i] * size[i]).sqrt();
        }
    }
    best
}

/// A number that no eigenvalue of a symmetric matrix exceeds (but for rounding), and the two directions of the largest
/// ones one after the other, by Jacobi's rotations and Gershgorin's discs.
fn largest_eigenvalue(mut a: Vec<f64>, p: usize) -> (f64, Vec<f64>) {
    let mut axes = vec![0.0; p * p];
    (0..p).for_each(|i| axes[i * p + i] = 1.0);
    for _ in 0..12 {
        for i in 0..p {
            for j in i + 1..p {
                rotate(&mut a, &mut axes, p, i, j);
            }
        }
    }
    let disc = |i: usize| a[i * p + i] + (0..p).filter(|&j| j != i).map(|j| a[i * p + j].abs()).sum::<f64>();
    let mut order: Vec<usize> = (0..p).collect();
    order.sort_by(|&i, &j| a[j * p + j].total_cmp(&a[i * p + i]));
    let column = |k: usize| order[k.min(p - 1)];
    let direction = (0..2).flat_map(|k| (0..p).map(move |row| (row, k))).map(|(row, k)| axes[row * p + column(k)]);
    ((0..p).map(disc).fold(f64::NEG_INFINITY, f64::max), direction.collect())
}

/// Makes entry `(i, j)` of a symmetric matrix zero.
fn rotate(a: &mut [f64], axes: &mut [f64], p: usize, i: usize, j: usize) {
    let off = a[i * p + j];
    if off == 0.0 {
        return;
    }
    let theta = (a[j * p + j] - a[i * p + i]) / (2.0 * off);
    let t = theta.signum() / (theta.abs() + theta.hypot(1.0));
    let c = 1.0 / t.hypot(1.0);
    let s = t * c;
    for k in 0..p {
        let (x, y) = (a[i * p + k], a[j * p + k]);
        (a[i * p + k], a[j * p + k]) = (c * x - s * y, s * x + c * y);
    }
    for k in 0..p {
        let (x, y) = (a[k * p + i], a[k * p + j]);
        (a[k * p + i], a[k * p + j]) = (c * x - s * y, s * x + c * y);
        let (x, y) = (axes[k * p + i], axes[k * p + j]);
        (axes[k * p + i], axes[k * p + j]) = (c * x - s * y, s * x + c * y);
    }
}
