//! The normal equations of a sum of linear splines, with the affine functions projected out.

use super::factor::Factor;
use super::{Place, Table};
use crate::convex::knots::{Knots, Normal};

/// Ridge of the factors as a share of the squared length of a hat function *before* the affine functions are projected out:
/// what the projection leaves may be nothing but rounding, which is relative to what was there. Steps go from where the
/// descent stands, so the ridge slows them down and does not bias them.
const RIDGE: f64 = 1e-13;

/// Gram matrix (the same for all outputs) and right side of least squares over sums of splines with given knots, in the
/// basis of hat functions: the value at a knot is that above the chord between the ends of its column.
///
/// Hat functions overlap with their neighbours only, which keeps the matrix far better conditioned than that of the
/// neurons themselves. The affine functions are projected out: each step ends at their best.
pub(in crate::convex) struct Gram {
    knots: Vec<Knot>,
    /// `(knots, knots)`, symmetric.
    matrix: Vec<f64>,
    /// Squared lengths of the hat functions before the projection; those of merged hats within a factor of 2.
    square: Vec<f64>,
    /// Values of a spline, and the products of the hats with what it leaves, both `(knots, m)`. From there on the loss is known
    /// by differences: columns that nearly depend on each other have values so large that their own products would hide it.
    base: Vec<f64>,
    right: Vec<f64>,
    m: usize,
    factor: Option<Factor>,
}

/// A knot with the ends of its column.
#[derive(Clone, Copy)]
struct Knot {
    column: u32,
    z: f64,
    first: f64,
    last: f64,
}

/// The hat functions of one column: those of the pieces between its knots, as rows see them.
struct Hats<'a> {
    place_of: &'a [u32],
    /// For each place the hats that do not vanish on its piece, as numbers of knots, with their values there.
    at_place: Vec<[(u32, f64); 2]>,
}

/// No hat.
const NONE: u32 = u32::MAX;

impl<'a> Hats<'a> {
    /// `start` is the number of the first of these knots among all.
    fn new(table: &'a Table, knots: &[Place], start: usize) -> Self {
        let column = &table.columns[knots[0].column as usize];
        let last = column.z.len() - 1;
        let nodes: Vec<usize> =
            std::iter::once(0).chain(knots.iter().map(|k| k.index as usize)).chain([last]).collect();
        let mut at_place = Vec::with_capacity(column.z.len());
        for (piece, ends) in nodes.windows(2).enumerate() {
            let (from, to) = (column.z[ends[0]], column.z[ends[1]]);
            let name = |node: usize| if (1..=knots.len()).contains(&node) { (start + node - 1) as u32 } else { NONE };
            let until = if ends[1] == last { last + 1 } else { ends[1] };
            for z in &column.z[ends[0]..until] {
                let share = (z - from) / (to - from);
                at_place.push([(name(piece), 1.0 - share), (name(piece + 1), share)]);
            }
        }
        Self { place_of: &column.place_of, at_place }
    }
}

impl Gram {
    /// One pass over the rows: `O(n a (a + d))` for `a` columns with knots.
    pub(super) fn new(table: &Table, knots: &Knots<Place>) -> Self {
        let (k, m, rank) = (knots.at.len(), table.y.len(), table.affine.rank);
        let mut hats = Vec::new();
        for group in knots.at.chunk_by(|a, b| a.column == b.column) {
            let start = hats.iter().map(|(_, count): &(_, usize)| count).sum();
            hats.push((Hats::new(table, group, start), group.len()));
        }
        let (mut matrix, mut along, mut right) = (vec![0.0; k * k], vec![0.0; k * rank], vec![0.0; k * m]);
        let residual: Vec<Vec<f64>> = (0..m).map(|o| table.residual(knots, o)).collect();
        let mut entries: Vec<(usize, f64)> = Vec::new();
        for (i, root) in table.root_weight.iter().enumerate() {
            entries.clear();
            for (hats, _) in &hats {
                let pair = hats.at_place[hats.place_of[i] as usize];
                entries.extend(pair.iter().filter(|h| h.0 != NONE).map(|h| (h.0 as usize, root * h.1)));
            }
            let basis = table.affine.row(i);
            for (at, &(j, value)) in entries.iter().enumerate() {
                along[j * rank..(j + 1) * rank].iter_mut().zip(basis).for_each(|(b, q)| *b += value * q);
                for o in 0..m {
                    right[j * m + o] += value * residual[o][i];
                }
                let row = &mut matrix[j * k..(j + 1) * k];
                entries[at..].iter().for_each(|&(l, other)| row[l] += value * other);
            }
        }
        let square = (0..k).map(|j| matrix[j * k + j]).collect();
        for j in 0..k {
            for l in j..k {
                let projected = super::affine::dot(&along[j * rank..(j + 1) * rank], &along[l * rank..(l + 1) * rank]);
                matrix[j * k + l] -= projected;
                matrix[l * k + j] = matrix[j * k + l];
            }
        }
        let knot = |p: &Place| {
            let z = &table.columns[p.column as usize].z;
            Knot { column: p.column, z: z[p.index as usize], first: z[0], last: z[z.len() - 1] }
        };
        let (places, base) = (knots.at.iter().map(knot).collect(), knots.value.clone());
        Self { knots: places, matrix, square, base, right, m, factor: None }
    }

    /// Moves the spline from which the loss is known.
    fn settle(&mut self, value: &[f64]) {
        let pulled = self.pull(value);
        self.right.iter_mut().zip(&pulled).for_each(|(r, p)| *r -= p);
        self.base.copy_from_slice(value);
    }

    /// `G (value - base)`.
    fn pull(&self, value: &[f64]) -> Vec<f64> {
        self.times(&value.iter().zip(&self.base).map(|(v, b)| v - b).collect::<Vec<f64>>())
    }

    /// Neighbours of knot `j` in its column, with their places; an end of the column has no number.
    fn neighbours(&self, j: usize) -> [(Option<usize>, f64); 2] {
        let knot = self.knots[j];
        let beside = |l: Option<usize>| {
            l.and_then(|l| self.knots.get(l).map(|k| (l, k))).filter(|(_, k)| k.column == knot.column)
        };
        let side = |l: Option<usize>, end: f64| beside(l).map_or((None, end), |(l, k)| (Some(l), k.z));
        [side(j.checked_sub(1), knot.first), side(Some(j + 1), knot.last)]
    }

    /// The bend at knot `j` in terms of the values at its neighbours and itself; at most three.
    fn second_difference(&self, j: usize) -> [(Option<usize>, f64); 3] {
        let [(before, a), (after, c)] = self.neighbours(j);
        let (a, c) = (1.0 / (self.knots[j].z - a), 1.0 / (c - self.knots[j].z));
        [(before, a), (Some(j), -(a + c)), (after, c)]
    }

    /// `right - β sum_j <direction_j, bend_j> - G (value - base)`.
    fn force(&self, value: &[f64], direction: &[f64], penalty: f64) -> Vec<f64> {
        let (k, m) = (self.knots.len(), self.m);
        let mut force = self.right.clone();
        for j in 0..k {
            for (l, share) in self.second_difference(j) {
                let Some(l) = l else { continue };
                (0..m).for_each(|o| force[l * m + o] -= penalty * direction[j * m + o] * share);
            }
        }
        let pulled = self.pull(value);
        force.iter_mut().zip(&pulled).for_each(|(f, p)| *f -= p);
        force
    }

    /// `G v`, `(knots, m)`.
    fn times(&self, v: &[f64]) -> Vec<f64> {
        let (k, m) = (self.knots.len(), self.m);
        let mut product = vec![0.0; k * m];
        for (j, sum) in product.chunks_exact_mut(m).enumerate() {
            for (entry, values) in self.matrix[j * k..(j + 1) * k].iter().zip(v.chunks_exact(m)) {
                sum.iter_mut().zip(values).for_each(|(s, v)| *s += entry * v);
            }
        }
        product
    }

    /// Second derivatives of the loss and of a penalty with second derivatives `β block(j, o, k)` in the bend of knot `j`;
    /// `(knots m, knots m)`.
    fn hessian(&self, block: impl Fn(usize, usize, usize) -> f64, penalty: f64) -> Factor {
        let (k, m) = (self.knots.len(), self.m);
        let size = k * m;
        let mut matrix = vec![0.0; size * size];
        let mut ridge: Vec<f64> = (0..size).map(|i| RIDGE * self.square[i / m]).collect();
        for j in 0..k {
            for l in 0..k {
                (0..m).for_each(|o| matrix[(j * m + o) * size + l * m + o] = self.matrix[j * k + l]);
            }
        }
        for j in 0..k {
            let difference = self.second_difference(j);
            for (p, at_p) in difference {
                for (q, at_q) in difference {
                    let (Some(p), Some(q)) = (p, q) else { continue };
                    for o in 0..m {
                        for r in 0..m {
                            matrix[(p * m + o) * size + q * m + r] += penalty * block(j, o, r) * at_p * at_q;
                        }
                        if p == q {
                            ridge[p * m + o] += RIDGE * penalty * block(j, o, o) * at_p * at_p;
                        }
                    }
                }
            }
        }
        Factor::new(&matrix, &ridge)
    }

    /// Trace of the map from targets to the fitted values beyond the affine part, over all outputs, at a minimiser whose
    /// bends have these directions. For one output this is the number of knots.
    pub(super) fn trace(&self, knots: &Knots<Place>, penalty: f64) -> f64 {
        let (k, m) = (self.knots.len(), self.m);
        if m == 1 || k == 0 {
            return k as f64;
        }
        let bend = self.bends(&knots.value);
        let size: Vec<f64> = bend.chunks(m).map(crate::convex::knots::norm).collect();
        let turning = |j: usize, o: usize, r: usize| {
            let (s, identity) = (&knots.direction[j * m..(j + 1) * m], if o == r { 1.0 } else { 0.0 });
            (identity - s[o] * s[r]) / size[j].max(f64::MIN_POSITIVE)
        };
        let factor = self.hessian(turning, penalty);
        let column = |i: usize| {
            let mut column = vec![0.0; k * m];
            (0..k).for_each(|l| column[l * m + i % m] = self.matrix[l * k + i / m]);
            factor.solve(&mut column);
            column[i]
        };
        (0..k * m).map(column).sum()
    }
}

impl Normal for Gram {
    fn outputs(&self) -> usize {
        self.m
    }

    fn bends_at(&self, _: usize) -> bool {
        true
    }

    fn bends(&self, value: &[f64]) -> Vec<f64> {
        let m = self.m;
        let mut bend = vec![0.0; value.len()];
        for j in 0..self.knots.len() {
            let [(before, a), (after, c)] = self.neighbours(j);
            let z = self.knots[j].z;
            for o in 0..m {
                let at = |l: Option<usize>| l.map_or(0.0, |l| value[l * m + o]);
                let own = value[j * m + o];
                bend[j * m + o] = (at(after) - own) / (c - z) - (own - at(before)) / (z - a);
            }
        }
        bend
    }

    /// A spline without knot `b` between `a` and `c` has there `(1 - t)` of its value at `a` and `t` of that at `c`, so hat
    /// functions merge as `N_a + (1 - t) N_b`, `N_c + t N_b`.
    fn keep(&mut self, keep: &[bool], value: &[f64]) {
        let m = self.m;
        self.settle(value);
        for j in (0..keep.len()).rev().filter(|&j| !keep[j]) {
            let k = self.knots.len();
            let [(before, a), (after, c)] = self.neighbours(j);
            let t = (self.knots[j].z - a) / (c - a);
            let shares = [before.map(|l| (l, 1.0 - t)), after.map(|l| (l, t))];
            for o in 0..m {
                let chord: f64 = shares.iter().flatten().map(|(l, share)| share * self.base[l * m + o]).sum();
                let drop = chord - self.base[j * m + o];
                (0..k).for_each(|i| self.right[i * m + o] -= self.matrix[i * k + j] * drop);
            }
            for (l, share) in shares.into_iter().flatten() {
                for i in 0..k {
                    self.matrix[l * k + i] += share * self.matrix[j * k + i];
                }
                for i in 0..k {
                    self.matrix[i * k + l] += share * self.matrix[i * k + j];
                }
                for o in 0..m {
                    self.right[l * m + o] += share * self.right[j * m + o];
                }
                self.square[l] += share * share * self.square[j];
            }
            if let Some(factor) = &mut self.factor {
                factor.merge(j, shares[0].map(|s| s.1), shares[1].map(|s| s.1));
            }
            for i in (0..k).filter(|&i| i != j) {
                let to = (if i > j { i - 1 } else { i }) * (k - 1);
                self.matrix.copy_within(i * k..i * k + j, to);
                self.matrix.copy_within(i * k + j + 1..(i + 1) * k, to + j);
            }
            self.matrix.truncate((k - 1) * (k - 1));
            self.right.drain(j * m..(j + 1) * m);
            self.base.drain(j * m..(j + 1) * m);
            self.square.remove(j);
            self.knots.remove(j);
        }
    }

    fn solve_directed(&mut self, value: &[f64], direction: &[f64], penalty: f64) -> Vec<f64> {
        let mut step = self.force(value, direction, penalty);
        let ridged = || Factor::new(&self.matrix, &self.square.iter().map(|s| RIDGE * s).collect::<Vec<f64>>());
        self.factor.get_or_insert_with(ridged).solve(&mut step);
        step.iter().zip(value).map(|(s, v)| s + v).collect()
    }

    fn solve_least_squares(&self) -> Vec<f64> {
        let mut step = self.right.clone();
        self.hessian(|_, _, _| 0.0, 0.0).solve(&mut step);
        step.iter().zip(&self.base).map(|(s, b)| s + b).collect()
    }

    fn newton_step(
        &self,
        value: &[f64],
        pull: &[f64],
        block: impl Fn(usize, usize, usize) -> f64,
        penalty: f64,
    ) -> Vec<f64> {
        let mut step = self.force(value, pull, penalty);
        self.hessian(block, penalty).solve(&mut step);
        step
    }

    fn change(&self, value: &[f64], step: &[f64]) -> (f64, f64) {
        let (here, along) = (self.pull(value), self.times(step));
        let linear = step.iter().zip(here.iter().zip(&self.right)).map(|(s, (h, r))| s * (h - r)).sum();
        let quadratic = step.iter().zip(&along).map(|(s, a)| s * a).sum();
        (linear, quadratic)
    }
}
