//! The exact oracle: whether a neuron is worth more than the penalty, by branch and bound over cones of directions.

use super::cloud::Cloud;

/// What a search for a neuron worth more than a threshold came to.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Verdict {
    /// No neuron is, up to rounding.
    None,
    /// A direction that is, not normalised.
    Better(Vec<f64>),
    /// Not known within the budget.
    Unknown,
}

/// Looks for `w` with `|sum_i v_i relu(<x_i, w>)| > threshold |w|`, in at most `budget` cones; `is_cut` is asked now and then
/// whether to give up.
///
/// A cone is spanned by `P` directions, its corners. A row on whose one side all corners lie is linear or zero on it; the
/// others are bounded by a linear majorant: `v relu` with `v > 0` by interpolation of the corners, with `v < 0` by the
/// tangent at the middle. Halving the longest edge needs no new products: what a row is at the new corner is the mean
/// of what it is at the two ends.
pub(super) fn better_neuron(
    cloud: &Cloud,
    v: &[f64],
    threshold: f64,
    budget: u64,
    is_cut: &dyn Fn() -> bool,
) -> Verdict {
    match cloud.p {
        1 => Hunt::<1>::run(cloud, v, threshold, budget, is_cut),
        2 => Hunt::<2>::run(cloud, v, threshold, budget, is_cut),
        3 => Hunt::<3>::run(cloud, v, threshold, budget, is_cut),
        4 => Hunt::<4>::run(cloud, v, threshold, budget, is_cut),
        5 => Hunt::<5>::run(cloud, v, threshold, budget, is_cut),
        6 => Hunt::<6>::run(cloud, v, threshold, budget, is_cut),
        7 => Hunt::<7>::run(cloud, v, threshold, budget, is_cut),
        _ => Verdict::Unknown,
    }
}

type Corners<const P: usize> = [[f64; P]; P];

/// A row that is active on a part of a cone: what it is at the corners, itself, and its `v`.
#[derive(Clone, Copy)]
struct Row<const P: usize> {
    at: [f64; P],
    x: [f64; P],
    v: f64,
}

struct Hunt<'a, const P: usize> {
    /// The lists of the cones on the way down, one after the other.
    rows: Vec<Row<P>>,
    norm: usize,
    threshold: f64,
    left: u64,
    is_cut: &'a dyn Fn() -> bool,
}

/// Why a hunt ended early.
enum End<const P: usize> {
    Found([f64; P]),
    Budget,
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

impl<'a, const P: usize> Hunt<'a, P> {
    fn run(cloud: &Cloud, v: &[f64], threshold: f64, budget: u64, is_cut: &'a dyn Fn() -> bool) -> Verdict {
        let mut hunt = Self { rows: Vec::new(), norm: cloud.norm, threshold, left: budget, is_cut };
        // With free biases a corner has |v|_1 = 1, and no kink lies beyond this bias.
        let reach = (0..cloud.n).map(|i| {
            let last = cloud.column(P - 1)[i];
            (0..cloud.norm).map(|k| (cloud.column(k)[i] / last).abs()).fold(0.0, f64::max)
        });
        let reach = if cloud.norm < P { reach.fold(0.0, f64::max) } else { 0.0 };
        for sign in [1.0, -1.0] {
            for corners in roots::<P>(cloud.norm, reach) {
                hunt.rows.clear();
                hunt.rows.extend(v.iter().enumerate().map(|(i, v)| {
                    let x: [f64; P] = std::array::from_fn(|k| cloud.column(k)[i]);
                    Row { at: std::array::from_fn(|j| dot(&corners[j], &x)), x, v: sign * v }
                }));
                match hunt.visit(&corners, [0.0; P], 0..cloud.n, None) {
                    Ok(()) => {}
                    Err(End::Found(w)) => return Verdict::Better(w.to_vec()),
                    Err(End::Budget) => return Verdict::Unknown,
                }
            }
        }
        Verdict::None
    }

    /// Searches a cone. `linear` is the value at the corners of the rows that are linear on the parent, `part` the
    /// parent's other rows; `halved = (end, a, b)` says that corner `end` is the middle of the parent's `a` and `b`.
    fn visit(
        &mut self,
        corners: &Corners<P>,
        mut linear: [f64; P],
        part: std::ops::Range<usize>,
        halved: Option<(usize, usize, usize)>,
    ) -> Result<(), End<P>> {
        if self.left == 0 || (self.left.is_multiple_of(1 << 14) && (self.is_cut)()) {
            return Err(End::Budget);
        }
        self.left -= 1;
        let start = self.rows.len();
        let mut convex = [0.0; P];
        let mut tangents = [0.0; P];
        let mut bent = 0.0;
        for k in part {
            let mut row = self.rows[k];
            if let Some((end, a, b)) = halved {
                row.at[end] = 0.5 * (row.at[a] + row.at[b]);
            }
            let (mut low, mut high, mut centre) = (row.at[0], row.at[0], 0.0);
            for &a in &row.at {
                low = if a < low { a } else { low };
                high = if a > high { a } else { high };
                centre += a;
            }
            if low >= 0.0 {
                linear.iter_mut().zip(&row.at).for_each(|(l, a)| *l += row.v * a);
            } else if high > 0.0 {
                self.rows.push(row);
                bent += row.v * centre.max(0.0);
                if row.v > 0.0 {
                    convex.iter_mut().zip(&row.at).for_each(|(m, a)| *m += row.v * a.max(0.0));
                } else if centre > 0.0 {
                    tangents.iter_mut().zip(&row.at).for_each(|(m, a)| *m += row.v * a);
                }
            }
        }
        let outcome = self.divide(corners, linear, convex, tangents, bent, start);
        self.rows.truncate(start);
        outcome
    }

    fn divide(
        &mut self,
        corners: &Corners<P>,
        linear: [f64; P],
        convex: [f64; P],
        tangents: [f64; P],
        bent: f64,
        start: usize,
    ) -> Result<(), End<P>> {
        let middle: [f64; P] = std::array::from_fn(|k| corners.iter().map(|c| c[k]).sum());
        let size = dot(&middle[..self.norm], &middle[..self.norm]).sqrt();
        if bent + linear.iter().sum::<f64>() > self.threshold * size {
            return Err(End::Found(middle));
        }
        let along: [f64; P] = std::array::from_fn(|j| dot(&corners[j][..self.norm], &middle[..self.norm]) / size);
        let fixed: [f64; P] = std::array::from_fn(|j| convex[j] + linear[j]);
        let height: [f64; P] = std::array::from_fn(|j| fixed[j] + tangents[j]);
        if (0..P).all(|j| height[j] <= self.threshold * along[j])
            || self.is_flat(corners, &middle, &along, &fixed, start)
        {
            return Ok(());
        }
        let (mut ends, mut longest) = ((0, 0), 0.0);
        for a in 0..P {
            for b in a + 1..P {
                let square: f64 = corners[a].iter().zip(&corners[b]).map(|(a, b)| (a - b) * (a - b)).sum();
                if square > longest {
                    (ends, longest) = ((a, b), square);
                }
            }
        }
        if longest < 2f64.powi(-80) {
            return Ok(());
        }
        let (a, b) = ends;
        let middle: [f64; P] = std::array::from_fn(|k| 0.5 * (corners[a][k] + corners[b][k]));
        let rows = start..self.rows.len();
        for end in [a, b] {
            let (mut half, mut value) = (*corners, linear);
            half[end] = middle;
            value[end] = 0.5 * (linear[a] + linear[b]);
            self.visit(&half, value, rows.clone(), Some((end, a, b)))?;
        }
        Ok(())
    }

    /// Whether some tangents of the concave rows make the majorant at most the threshold on the unit ball.
    ///
    /// A maximum on the kinks of concave rows needs a tangent between those of the two sides. The shares of the slopes,
    /// in `[0, 1]`, are chosen one after the other to make the majorant short as a vector. With free biases its
    /// coordinates are those of `(v, b - <m, v>)`, where `m` makes the last one vanish at the middle.
    fn is_flat(
        &self,
        corners: &Corners<P>,
        middle: &[f64; P],
        along: &[f64; P],
        fixed: &[f64; P],
        start: usize,
    ) -> bool {
        let norm = self.norm;
        let Some(mut whole) = solve(*corners, *fixed) else { return false };
        let mut tilt = [0.0; P];
        if norm < P {
            let square = dot(&middle[..norm], &middle[..norm]);
            tilt[..norm].iter_mut().zip(middle).for_each(|(t, m)| *t = m * middle[P - 1] / square);
        }
        let last = |z: &[f64; P]| if norm < P { z[P - 1] } else { 0.0 };
        let upright = |z: &[f64; P]| -> [f64; P] { std::array::from_fn(|k| z[k] + tilt[k] * last(z)) };
        whole = upright(&whole);
        let mut concave: Vec<([f64; P], [f64; P], f64, f64)> = self.rows[start..]
            .iter()
            .filter(|row| row.v < 0.0)
            .map(|row| {
                let direction = upright(&row.x).map(|x| row.v * x);
                let share = if row.at.iter().sum::<f64>() > 0.0 { 1.0 } else { 0.0 };
                (direction, row.at.map(|a| row.v * a), dot(&direction, &direction), share)
            })
            .collect();
        for (direction, _, _, share) in &concave {
            whole.iter_mut().zip(direction).for_each(|(w, d)| *w += share * d);
        }
        for _ in 0..3 {
            for (direction, _, square, share) in &mut concave {
                let next = (*share - dot(&whole, direction) / *square).clamp(0.0, 1.0);
                whole.iter_mut().zip(direction.iter()).for_each(|(w, d)| *w += (next - *share) * d);
                *share = next;
            }
        }
        let mut height = *fixed;
        for (_, at, _, share) in &concave {
            height.iter_mut().zip(at).for_each(|(h, a)| *h += share * a);
        }
        let left = |j: usize| (height[j] - dot(&whole[..norm], &corners[j][..norm])) / along[j];
        let size = dot(&whole[..norm], &whole[..norm]).sqrt();
        (0..P).all(|j| size + left(j) <= self.threshold && size <= self.threshold)
            || (0..P).all(|j| height[j] <= self.threshold * along[j])
    }
}

/// The vector with the given products with the rows, by elimination with pivots.
fn solve<const P: usize>(mut rows: [[f64; P]; P], mut right: [f64; P]) -> Option<[f64; P]> {
    for k in 0..P {
        let pivot = (k..P).fold(k, |best, i| if rows[i][k].abs() > rows[best][k].abs() { i } else { best });
        rows.swap(k, pivot);
        right.swap(k, pivot);
        if rows[k][k] == 0.0 {
            return None;
        }
        for i in k + 1..P {
            let (factor, above) = (rows[i][k] / rows[k][k], rows[k]);
            rows[i].iter_mut().zip(&above).skip(k).for_each(|(a, b)| *a -= factor * b);
            right[i] -= factor * right[k];
        }
    }
    for k in (0..P).rev() {
        let known: f64 = (k + 1..P).map(|j| rows[k][j] * right[j]).sum();
        right[k] = (right[k] - known) / rows[k][k];
    }
    Some(right)
}

/// The simplices whose cones cover all directions (with free biases: up to the given bias).
fn roots<const P: usize>(norm: usize, reach: f64) -> Vec<Corners<P>> {
    let mut roots = Vec::new();
    for bits in 0..1usize << norm {
        let corner = |k: usize, bias: f64| {
            let mut corner = [0.0; P];
            corner[k] = if bits >> k & 1 == 1 { -1.0 } else { 1.0 };
            if norm < P {
                corner[P - 1] = bias;
            }
            corner
        };
        if norm < P {
            // A prism over a simplex: as many simplices as that has corners.
            for turn in 0..norm {
                roots.push(std::array::from_fn(|j| if j <= turn { corner(j, -reach) } else { corner(j - 1, reach) }));
            }
        } else {
            roots.push(std::array::from_fn(|j| corner(j, 0.0)));
        }
    }
    roots
}
