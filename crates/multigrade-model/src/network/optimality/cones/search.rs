//! Branch and bound over cones of directions.

use super::Budget;
use super::space::Space;
use std::collections::BinaryHeap;
use std::ops::Range;

/// The most coordinates of a direction for which cones are tried: each more costs twenty times the cones.
pub(super) const MOST_COORDINATES: usize = 7;

/// Cones that are divided in the order of their bounds before the rest is searched depth first.
const BREADTH: usize = 512;

/// What a search has shown of `max |phi|`, without any allowance for rounding.
#[derive(Clone, Copy, Debug)]
pub(super) struct Found {
    pub(super) lower: f64,
    pub(super) upper: f64,
    pub(super) cones: u64,
}

/// Searches until `max |phi| <= enough`, or is known to 1 part in a million, or `budget` cones are spent.
///
/// `lower` is a value known to be attained.
pub(super) fn search(space: &Space, lower: f64, enough: f64, budget: &Budget<'_>) -> Found {
    match space.p {
        1 => Search::<1>::run(space, lower, enough, budget),
        2 => Search::<2>::run(space, lower, enough, budget),
        3 => Search::<3>::run(space, lower, enough, budget),
        4 => Search::<4>::run(space, lower, enough, budget),
        5 => Search::<5>::run(space, lower, enough, budget),
        6 => Search::<6>::run(space, lower, enough, budget),
        7 => Search::<7>::run(space, lower, enough, budget),
        _ => Found { lower, upper: f64::INFINITY, cones: 0 },
    }
}

/// The directions `sum_j l_j u_j`, `l >= 0`.
///
/// The spanning directions are corners of a division of the root simplices by midpoints, whose coordinates are dyadic:
/// no rounding, and so two halves cover the whole exactly.
#[derive(Clone, Debug)]
struct Cone<const P: usize> {
    corners: [[f64; P]; P],
    /// `sum v_i z_i` over the points on whose active side the whole cone lies.
    linear: [f64; P],
    /// `sign * phi` does not exceed it on the cone.
    bound: f64,
    sign: f64,
}

/// A cone that waits, with the points that are active on a part of it only.
struct Waiting<const P: usize> {
    cone: Cone<P>,
    points: Vec<u32>,
    number: u64,
}

struct Search<'a, const P: usize> {
    space: &'a Space,
    /// Points of the cones on the way down, one list after the other.
    lists: Vec<u32>,
    lower: f64,
    /// Largest bound of a cone that was not divided further.
    settled: f64,
    enough: f64,
    budget: u64,
    is_cut: &'a dyn Fn() -> bool,
    cones: u64,
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

impl<'a, const P: usize> Search<'a, P> {
    fn run(space: &'a Space, lower: f64, enough: f64, budget: &Budget<'a>) -> Found {
        let &Budget { cones: budget, is_cut } = budget;
        let mut search = Self { space, lists: Vec::new(), lower, settled: 0.0, enough, budget, is_cut, cones: 0 };
        let mut waiting = BinaryHeap::new();
        let all: Vec<u32> = (0..u32::try_from(space.v.len()).unwrap_or(u32::MAX)).collect();
        let (mut number, mut is_deep) = (0, false);
        for sign in [1.0, -1.0] {
            for corners in roots::<P>(space) {
                let cone = Cone { corners, linear: [0.0; P], bound: f64::INFINITY, sign };
                search.bound_and_keep(cone, &all, &mut waiting, &mut number);
            }
        }
        while let Some(top) = waiting.pop() {
            let is_done = search.is_settled(top.cone.bound) || search.cones >= search.budget;
            let Some(halves) = top.cone.halves().filter(|_| !is_done) else {
                search.settled = search.settled.max(top.cone.bound);
                continue;
            };
            is_deep |= waiting.len() >= BREADTH;
            if !is_deep {
                for half in halves {
                    search.bound_and_keep(half, &top.points, &mut waiting, &mut number);
                }
            } else {
                search.lists.clear();
                search.lists.extend_from_slice(&top.points);
                for half in halves {
                    search.descend(half, 0..top.points.len());
                }
            }
        }
        Found { lower: search.lower, upper: search.settled.max(search.lower), cones: search.cones }
    }

    /// A bound that need not be improved.
    fn is_settled(&self, bound: f64) -> bool {
        bound <= if self.lower <= self.enough { self.enough } else { self.lower * (1.0 + 1e-6) }
    }

    fn bound_and_keep(
        &mut self,
        mut cone: Cone<P>,
        points: &[u32],
        waiting: &mut BinaryHeap<Waiting<P>>,
        number: &mut u64,
    ) {
        if self.cones >= self.budget {
            self.settled = self.settled.max(cone.bound);
            return;
        }
        self.lists.clear();
        self.lists.extend_from_slice(points);
        let left = self.bound(&mut cone, 0..points.len());
        if self.is_settled(cone.bound) {
            self.settled = self.settled.max(cone.bound);
        } else {
            *number += 1;
            waiting.push(Waiting { cone, points: self.lists[left].to_vec(), number: *number });
        }
    }

    /// Bounds a cone and, if need be, its halves. `points` is the part of the lists that the cone looks at.
    fn descend(&mut self, mut cone: Cone<P>, points: Range<usize>) {
        if self.cones >= self.budget {
            self.settled = self.settled.max(cone.bound);
            return;
        }
        let start = self.lists.len();
        let left = self.bound(&mut cone, points);
        let is_done = self.is_settled(cone.bound);
        match if is_done { None } else { cone.halves() } {
            Some(halves) => halves.into_iter().for_each(|half| self.descend(half, left.clone())),
            None => self.settled = self.settled.max(cone.bound),
        }
        self.lists.truncate(start);
    }

    /// Bounds a cone by a linear majorant; the points that stay undecided go to the end of the lists.
    ///
    /// A point on whose one side all corners lie is linear or zero on the cone. Of the others, `v relu` with `v > 0` is
    /// convex and lies below the interpolation of its values at the corners; with `v < 0` it is concave and lies
    /// below any tangent: first that at the middle, and if that is not enough, [better ones](Self::best_tangents).
    fn bound(&mut self, cone: &mut Cone<P>, points: Range<usize>) -> Range<usize> {
        self.cones += 1;
        if self.cones.is_multiple_of(1 << 13) && (self.is_cut)() {
            // From here as if that had been the budget all along.
            self.budget = self.cones;
        }
        let start = self.lists.len();
        let (middle, along) = cone.middle(self.space.norm);
        let (mut convex, mut tangents) = ([0.0; P], [0.0; P]);
        let mut value = 0.0;
        for k in points {
            let point = self.lists[k];
            let (z, v) = (self.point(point), cone.sign * self.space.v[point as usize]);
            let at: [f64; P] = std::array::from_fn(|j| dot(&z, &cone.corners[j]));
            let (low, high) = at.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), &a| (l.min(a), h.max(a)));
            if low >= 0.0 {
                cone.linear.iter_mut().zip(&z).for_each(|(sum, z)| *sum += v * z);
            } else if high > 0.0 {
                self.lists.push(point);
                let centre = dot(&z, &middle);
                value += v * centre.max(0.0);
                if v > 0.0 {
                    convex.iter_mut().zip(&at).for_each(|(sum, a)| *sum += v * a.max(0.0));
                } else if centre > 0.0 {
                    tangents.iter_mut().zip(&z).for_each(|(sum, z)| *sum += v * z);
                }
            }
        }
        let norm = dot(&middle[..self.space.norm], &middle[..self.space.norm]).sqrt();
        self.lower = self.lower.max((value + dot(&cone.linear, &middle)) / norm);
        let fixed: [f64; P] = std::array::from_fn(|j| convex[j] + dot(&cone.linear, &cone.corners[j]));
        let with = |slopes: &[f64; P]| std::array::from_fn(|j| fixed[j] + dot(slopes, &cone.corners[j]));
        let height: [f64; P] = with(&tangents);
        let mut bound = largest(&cone.corners, &height, &along, self.space.norm);
        if !self.is_settled(bound) {
            let (slopes, guess) = self.best_tangents(cone, &middle, &fixed, start);
            let height = with(&slopes);
            let other = largest(&cone.corners, &height, &along, self.space.norm);
            let direct = beyond(&guess, &cone.corners, &height, &along, self.space.norm);
            for better in [other, direct] {
                // Not `min`, which would prefer a number to NaN.
                bound = if better < bound { better } else { bound };
            }
        }
        cone.bound = if bound < cone.bound { bound } else { cone.bound };
        start..self.lists.len()
    }

    /// For the concave undecided points, tangents `s_i v_i <z_i, u>` with `s_i` in `[0, 1]` that make the majorant flat:
    /// the sum of them, and the majorant as a vector of the coordinates in the norm.
    ///
    /// At a maximum that lies on kinks neither side's tangent bounds anything, but one between them does. Coordinates of
    /// a direction `u = (v, b)` with free bias are `(v, b - <m, v>)`, where `m` makes the last vanish at the middle.
    fn best_tangents(&self, cone: &Cone<P>, middle: &[f64; P], fixed: &[f64; P], start: usize) -> ([f64; P], [f64; P]) {
        let norm = self.space.norm;
        let mut tilt = [0.0; P];
        if norm < P {
            let square = dot(&middle[..norm], &middle[..norm]);
            tilt[..norm].iter_mut().zip(middle).for_each(|(t, m)| *t = m * middle[P - 1] / square);
        }
        let upright = |z: &[f64; P]| -> [f64; P] {
            std::array::from_fn(
                |k| if k < norm { z[k] + tilt[k] * if norm < P { z[P - 1] } else { 0.0 } } else { z[k] },
            )
        };
        // The majorant without tangents, as a vector: it has the given heights at the corners.
        let mut whole = upright(&solve(cone.corners, *fixed).unwrap_or([0.0; P]));
        let concave: Vec<([f64; P], [f64; P])> = self.lists[start..]
            .iter()
            .filter(|&&point| cone.sign * self.space.v[point as usize] < 0.0)
            .map(|&point| {
                let v = cone.sign * self.space.v[point as usize];
                let slope = self.point(point).map(|z| v * z);
                (slope, upright(&slope))
            })
            .collect();
        let mut shares: Vec<f64> =
            concave.iter().map(|(slope, _)| if dot(slope, middle) < 0.0 { 1.0 } else { 0.0 }).collect();
        for (share, (_, row)) in shares.iter().zip(&concave) {
            whole.iter_mut().zip(row).for_each(|(w, r)| *w += share * r);
        }
        for _ in 0..3 {
            for (share, (_, row)) in shares.iter_mut().zip(&concave) {
                let square = dot(row, row);
                if square > 0.0 {
                    let next = (*share - dot(&whole, row) / square).clamp(0.0, 1.0);
                    whole.iter_mut().zip(row).for_each(|(w, r)| *w += (next - *share) * r);
                    *share = next;
                }
            }
        }
        let mut slopes = [0.0; P];
        for (share, (slope, _)) in shares.iter().zip(&concave) {
            slopes.iter_mut().zip(slope).for_each(|(s, z)| *s += share * z);
        }
        whole[norm..].fill(0.0);
        (slopes, whole)
    }

    fn point(&self, point: u32) -> [f64; P] {
        let from = point as usize * P;
        std::array::from_fn(|k| self.space.points[from + k])
    }
}

impl<const P: usize> Cone<P> {
    /// The sum of the corners, and how far each corner goes along it (in the coordinates of the norm).
    fn middle(&self, norm: usize) -> ([f64; P], [f64; P]) {
        let mut middle = [0.0; P];
        for corner in &self.corners {
            middle.iter_mut().zip(corner).for_each(|(m, c)| *m += c);
        }
        let size = dot(&middle[..norm], &middle[..norm]).sqrt();
        (middle, std::array::from_fn(|j| dot(&self.corners[j][..norm], &middle[..norm]) / size))
    }

    /// The two halves across the longest edge; none if it is too short to be halved without rounding.
    fn halves(&self) -> Option<[Self; 2]> {
        let (mut ends, mut longest) = ((0, 0), 0.0);
        for i in 0..P {
            for j in i + 1..P {
                let square: f64 = self.corners[i].iter().zip(&self.corners[j]).map(|(a, b)| (a - b).powi(2)).sum();
                if square > longest {
                    (ends, longest) = ((i, j), square);
                }
            }
        }
        if longest < 2f64.powi(-80) {
            return None;
        }
        let middle = std::array::from_fn(|k| 0.5 * (self.corners[ends.0][k] + self.corners[ends.1][k]));
        let half = |end: usize| {
            let mut half = self.clone();
            half.corners[end] = middle;
            half
        };
        Some([half(ends.0), half(ends.1)])
    }
}

/// A bound of `max sum_j l_j height_j / |sum_j l_j u_j|` over `l >= 0` and 0, for corners `u_j` that go `along_j > 0`
/// in one direction.
///
/// Any vector `h` gives one: with `d_j = height_j - <h, u_j>`, `|h| + max(0, max_j d_j / along_j)`. Here `h = 0` and the
/// shortest vector that equals the heights at some corners, chosen such that it is a combination of them with positive
/// weights; without rounding that is the best.
fn largest<const P: usize>(corners: &[[f64; P]; P], height: &[f64; P], along: &[f64; P], norm: usize) -> f64 {
    let simple = (0..P).map(|j| height[j] / along[j]).fold(0.0, f64::max);
    let mut used = [true; P];
    loop {
        let share = balance(corners, height, &mut used, norm);
        let lowest = (0..P).filter(|&j| used[j]).min_by(|&i, &j| share[i].total_cmp(&share[j]));
        match lowest {
            None => return simple,
            Some(j) if share[j] < 0.0 => used[j] = false,
            Some(_) => {
                let mut h = [0.0; P];
                for (share, corner) in share.iter().zip(corners) {
                    h[..norm].iter_mut().zip(corner).for_each(|(h, c)| *h += share * c);
                }
                let better = beyond(&h, corners, height, along, norm);
                // Not `min`, which would prefer a number to NaN.
                return if better < simple { better } else { simple };
            }
        }
    }
}

/// The bound that a vector `h` of coordinates in the norm gives, see [`largest`].
fn beyond<const P: usize>(
    h: &[f64; P],
    corners: &[[f64; P]; P],
    height: &[f64; P],
    along: &[f64; P],
    norm: usize,
) -> f64 {
    let left = |j: usize| (height[j] - dot(&h[..norm], &corners[j][..norm])) / along[j];
    dot(h, h).sqrt() + (0..P).map(left).fold(0.0, |a, b| if b <= a { a } else { b })
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

/// Weights of the corners in use such that their combination has the given heights, by Cholesky; a corner that depends on
/// others is put out of use.
fn balance<const P: usize>(corners: &[[f64; P]; P], height: &[f64; P], used: &mut [bool; P], norm: usize) -> [f64; P] {
    let mut factor = [[0.0; P]; P];
    let mut share = [0.0; P];
    for i in 0..P {
        if !used[i] {
            continue;
        }
        let mut right = height[i];
        for j in 0..=i {
            if !used[j] {
                continue;
            }
            let square = dot(&corners[i][..norm], &corners[j][..norm]);
            let left = square - (0..j).map(|k| factor[i][k] * factor[j][k]).sum::<f64>();
            if i != j {
                factor[i][j] = left / factor[j][j];
                right -= factor[i][j] * share[j];
            } else if left > 1e-13 * square {
                factor[i][i] = left.sqrt();
                share[i] = right / factor[i][i];
            } else {
                used[i] = false;
                factor[i] = [0.0; P];
            }
        }
    }
    for i in (0..P).rev().filter(|&i| used[i]) {
        let above: f64 = (i + 1..P).filter(|&k| used[k]).map(|k| factor[k][i] * share[k]).sum();
        share[i] = (share[i] - above) / factor[i][i];
    }
    (0..P).filter(|&i| !used[i]).for_each(|i| share[i] = 0.0);
    share
}

/// Simplices whose cones cover all directions that matter; half of them where opposite directions have equal values.
fn roots<const P: usize>(space: &Space) -> Vec<[[f64; P]; P]> {
    let free = space.norm < P;
    let signs = space.norm - usize::from(space.even);
    let mut roots = Vec::new();
    for bits in 0..1usize << signs {
        let axis = |k: usize, last: f64| {
            let mut corner = [0.0; P];
            corner[k] = if bits >> k & 1 == 1 { -1.0 } else { 1.0 };
            if free {
                corner[P - 1] = last;
            }
            corner
        };
        if free {
            // The prism over a simplex, divided into as many simplices as that has corners.
            roots.extend(
                (0..space.norm)
                    .map(|turn| std::array::from_fn(|j| if j <= turn { axis(j, -1.0) } else { axis(j - 1, 1.0) })),
            );
        } else {
            roots.push(std::array::from_fn(|j| axis(j, 0.0)));
        }
    }
    roots
}

impl<const P: usize> PartialEq for Waiting<P> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl<const P: usize> Eq for Waiting<P> {}

impl<const P: usize> PartialOrd for Waiting<P> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

/// By bound; of equal ones the older first.
impl<const P: usize> Ord for Waiting<P> {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.cone.bound.total_cmp(&other.cone.bound).then(other.number.cmp(&self.number))
    }
}
