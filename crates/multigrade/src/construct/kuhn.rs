//! Bounds of `f - p` on the cells of a Freudenthal mesh, `p` interpolating `f` at their corners.

use super::cube::exact;
use super::target::Enclosure;
use multigrade_model::truth::{Decoration, Interval};

/// Largest number of variables of a mesh: a cell of `d` of them has `d!` simplices.
pub(super) const MAX_DIMENSION: usize = 4;

/// All orders of `0..d`.
pub(super) fn orders(d: usize) -> Vec<Vec<usize>> {
    if d == 0 {
        return vec![Vec::new()];
    }
    let insert = |order: Vec<usize>| (0..d).map(move |at| [&order[..at], &[d - 1], &order[at..]].concat());
    orders(d - 1).into_iter().flat_map(insert).collect()
}

/// Encloses `f - p` on a cell with sides `widths`, `p` affine on each of its simplices and equal to `f` at its corners;
/// `corners[c]` encloses the value at the corner with upper ends in the variables whose bits are set in `c`.
///
/// On a simplex with corners `v_i`, `x = Σ λ_i v_i`, and any matrix `M`:
/// `f - p = -1/2 Σ_{i<j} λ_i λ_j e_ij' M e_ij - rest`, `|rest| <= 1/8 Σ_jk |H - M|_jk w_j w_k`.
pub(super) fn deviation(
    orders: &[Vec<usize>],
    enclosure: &Enclosure,
    corners: &[Interval],
    widths: &[Interval],
) -> Interval {
    let value = corners.iter().skip(1).fold(corners[0], |hull, c| hull.hull(*c));
    let natural = enclosure.value - value;
    let each = orders.iter().map(|order| match enclosure.decoration {
        Decoration::C11 => curved(order, enclosure, widths),
        Decoration::Continuous => sloped(order, enclosure, corners, widths),
        _ => natural,
    });
    let sharper = each.reduce(Interval::hull).unwrap_or(natural);
    natural.intersection(sharper).unwrap_or(sharper)
}

fn curved(order: &[usize], enclosure: &Enclosure, widths: &[Interval]) -> Interval {
    let d = order.len();
    let scaled = |j: usize, k: usize| enclosure.second(j, k) * widths[j] * widths[k];
    let mut rest = exact(0.0);
    let mut middle = [[0.0; MAX_DIMENSION]; MAX_DIMENSION];
    for (j, row) in middle.iter_mut().enumerate().take(d) {
        for (k, m) in row.iter_mut().enumerate().take(d) {
            let entry = scaled(j, k);
            *m = entry.midpoint();
            rest = rest + (entry - exact(*m)).abs();
        }
    }
    let rest = rest / exact(8.0);
    // Forms of the edges: from corner i to corner j the variables order[i..j] go up.
    let mut edges = [[0.0; MAX_DIMENSION + 1]; MAX_DIMENSION + 1];
    let mut size = 0.0f64;
    for i in 0..=d {
        for j in i + 1..=d {
            let steps = &order[i..j];
            let form: f64 = steps.iter().flat_map(|&p| steps.iter().map(move |&q| middle[p][q])).sum();
            (edges[i][j], edges[j][i]) = (form, form);
            size = size.max(form.abs());
        }
    }
    let (low, high) = stationary(&edges, d + 1);
    // The stationary values are computed with a few dozen roundings of numbers no larger than `size`.
    let slack = 1e-12 * size + f64::MIN_POSITIVE;
    let quadratic = Interval::new(low - slack, high + slack).unwrap_or(Interval::ENTIRE);
    -quadratic + rest.hull(-rest)
}

/// Least and largest value of `1/2 Σ_{i<j} λ_i λ_j a_ij` over the simplex of `n` weights. On each face an extreme value
/// inside solves `A λ = μ 1`, and is `μ / 4` with `Σ λ = 1`.
fn stationary(a: &[[f64; MAX_DIMENSION + 1]; MAX_DIMENSION + 1], n: usize) -> (f64, f64) {
    let (mut low, mut high) = (0.0f64, 0.0f64);
    for face in 0u32..1 << n {
        if face.count_ones() < 2 {
            continue;
        }
        let members: Vec<usize> = (0..n).filter(|i| face >> i & 1 == 1).collect();
        let Some(y) = solve(a, &members) else { continue };
        let sum: f64 = y.iter().sum();
        // A little outside counts too: the value is then one of a slightly larger simplex.
        if sum != 0.0 && y.iter().all(|y| y / sum >= -1e-9) {
            let value = 0.25 / sum;
            if value.is_finite() {
                (low, high) = (low.min(value), high.max(value));
            }
        }
    }
    (low, high)
}

/// `y` with `A y = 1` on the members, by elimination with pivots; `None` where the matrix is singular: then extreme
/// values are taken on smaller faces too.
fn solve(a: &[[f64; MAX_DIMENSION + 1]; MAX_DIMENSION + 1], members: &[usize]) -> Option<Vec<f64>> {
    let n = members.len();
    let mut rows: Vec<Vec<f64>> =
        members.iter().map(|&i| members.iter().map(|&j| a[i][j]).chain([1.0]).collect()).collect();
    let size = rows.iter().flat_map(|r| &r[..n]).fold(0.0f64, |m, x| m.max(x.abs()));
    for c in 0..n {
        let pivot = (c..n).max_by(|&i, &j| rows[i][c].abs().total_cmp(&rows[j][c].abs()))?;
        rows.swap(c, pivot);
        if rows[c][c].abs() <= 1e-14 * size {
            return None;
        }
        for i in (0..n).filter(|&i| i != c) {
            let factor = rows[i][c] / rows[c][c];
            let pivot = rows[c].clone();
            rows[i].iter_mut().zip(pivot).skip(c).for_each(|(x, p)| *x -= factor * p);
        }
    }
    Some((0..n).map(|i| rows[i][n] / rows[i][i]).collect())
}

/// With slopes alone. Along the edges of the simplex, in order, `f` rises by `D_m`, so `p` does; with slopes `G_m` over the
/// edge `f - p <= Σ τ_m (G_m - D_m)⁺` from the lowest corner and `<= Σ (1 - τ_m) (D_m - G_m)⁺` from the highest; any
/// mean of the two holds.
fn sloped(order: &[usize], enclosure: &Enclosure, corners: &[Interval], widths: &[Interval]) -> Interval {
    let mut corner = 0;
    let mut gaps = Vec::with_capacity(order.len());
    for &axis in order {
        let next = corner | 1 << axis;
        let rise = corners[next] - corners[corner];
        let slope = enclosure.slopes[axis] * widths[axis];
        let above = Interval::new(slope.upper(), slope.upper()).unwrap_or(Interval::ENTIRE) - rise;
        let below = rise - Interval::new(slope.lower(), slope.lower()).unwrap_or(Interval::ENTIRE);
        gaps.push((exact(above.upper().max(0.0)), exact(below.upper().max(0.0))));
        corner = next;
    }
    let zero = exact(0.0);
    let total = gaps.iter().fold((zero, zero), |sum, gap| (sum.0 + gap.0, sum.1 + gap.1));
    let share = total.1.upper() / (total.0.upper() + total.1.upper());
    let share = exact(if share.is_finite() { share.clamp(0.0, 1.0) } else { 0.5 });
    let other = exact(1.0) - share;
    let bound = gaps.iter().fold(zero, |sum, gap| sum + (share * gap.0).max(other * gap.1)).upper();
    Interval::new(-bound, bound).unwrap_or(Interval::ENTIRE)
}
