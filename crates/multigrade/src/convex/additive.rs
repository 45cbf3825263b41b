//! Convex grades of several inputs whose neurons read one input each: sums of one linear spline per input.

mod affine;
mod factor;
mod gram;

use super::answer::{Neurons, count_kinks};
use super::knots::{Knots, bends, norm};
use super::problem::{Merit, Problem, Sweep};
use super::rows::{Rows, largest, power_of_two};
use crate::Samples;
use affine::{Affine, dot};
use gram::Gram;
use multigrade_model::Matrix;

/// One input: its distinct values, standardised.
#[derive(Clone, Debug)]
pub(super) struct Column {
    /// Distinct values in their own units, ascending.
    places: Vec<f64>,
    /// `(places - mean) / unit`.
    z: Vec<f64>,
    /// Which of them each row has.
    place_of: Vec<u32>,
    pub(super) unit: f64,
    mean: f64,
    /// Where its places begin in the buffers of a [`Sweep`].
    start: usize,
    /// Whether neurons read it: not if it is constant or has the standardised values of an earlier column, up to sign.
    is_read: bool,
}

/// Where a knot is: at a place of a column. Ordered by column, then place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    column: u32,
    index: u32,
}

/// The rows of a problem with several inputs: columns sorted, standardised and without their affine part.
///
/// With powers of two `c`, `ω`: `y = affine + c y'`, `w = ω w'`. All rows of a table carry the root of their weight:
/// `y` holds `sqrt(w') y'`.
pub(super) struct Table {
    columns: Vec<Column>,
    root_weight: Vec<f64>,
    /// What the best affine function leaves, one column per output.
    y: Vec<Vec<f64>>,
    affine: Affine,
    /// Coordinates of the best affine function in the basis, in units of the data, per output.
    straight: Vec<Vec<f64>>,
    total: f64,
    /// Half the weighted squares within rows of equal inputs: lost whatever the fit.
    spread: f64,
    unit_y: f64,
    unit_w: f64,
    /// Size of the largest target in units of `y'`.
    largest_target: f64,
}

/// Knots wait for a later round while their `|u|` is below this share of the largest: with many columns, most of what the
/// first residual asks for is answered by the strongest few. Experiment, no theory.
const FIRST: f64 = 0.3;

impl Column {
    /// Column `input` of the rows, in multiples of `unit` if there is one, else of its standard deviation.
    fn new(rows: &Rows, input: usize, start: usize, unit: Option<f64>) -> Self {
        let d = rows.x.len() / rows.w.len();
        let mut order: Vec<(f64, u32)> = rows.x.iter().skip(input).step_by(d).copied().zip(0..).collect();
        order.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        let (mut places, mut place_of, mut weight) = (Vec::new(), vec![0; order.len()], Vec::new());
        for tied in order.chunk_by(|a, b| a.0 == b.0) {
            tied.iter().for_each(|&(_, i)| place_of[i as usize] = places.len() as u32);
            weight.push(tied.iter().map(|&(_, i)| rows.w[i as usize]).sum::<f64>());
            places.push(tied[0].0);
        }
        let (first, last) = (places[0], places[places.len() - 1]);
        let centre = first + (last - first) / 2.0;
        let scale = power_of_two((last - first) / 2.0);
        let total: f64 = weight.iter().sum();
        let raw = |x: f64| (x - centre) / scale;
        let mean = places.iter().zip(&weight).map(|(&x, w)| w * raw(x)).sum::<f64>() / total;
        let inertia: f64 = places.iter().zip(&weight).map(|(&x, w)| w * (raw(x) - mean).powi(2)).sum();
        let unit = unit.unwrap_or(if inertia > 0.0 { scale * (inertia / total).sqrt() } else { 1.0 });
        let z = places.iter().map(|&x| (raw(x) - mean) * (scale / unit)).collect();
        let is_read = places.len() > 1;
        Self { places, z, place_of, unit, mean: centre + scale * mean, start, is_read }
    }

    fn at_row(&self, i: usize) -> f64 {
        self.z[self.place_of[i] as usize]
    }

    /// Whether it says the same as `other`, up to sign and rounding.
    fn repeats(&self, other: &Self) -> bool {
        let n = self.place_of.len();
        let close = |sign: f64| {
            (0..n).all(|i| (self.at_row(i) - sign * other.at_row(i)).abs() <= 1e-12 * (1.0 + self.at_row(i).abs()))
        };
        self.places.len() == other.places.len() && (close(1.0) || close(-1.0))
    }
}

impl Table {
    pub(super) fn new(samples: &Samples) -> Self {
        Self::with_units(samples, &vec![None; samples.n_inputs()])
    }

    fn with_units(samples: &Samples, units: &[Option<f64>]) -> Self {
        let rows = Rows::new(samples);
        let root_weight: Vec<f64> = rows.w.iter().map(|w| w.sqrt()).collect();
        let mut columns: Vec<Column> = Vec::new();
        for (input, &unit) in units.iter().enumerate() {
            let start = columns.last().map_or(0, |c| c.start + c.z.len());
            let mut column = Column::new(&rows, input, start, unit);
            column.is_read &= !columns.iter().any(|c| c.is_read && column.repeats(c));
            columns.push(column);
        }
        let affine = Affine::new(&columns, &root_weight);
        let largest_target = largest(&rows.y);
        let (mut y, mut straight) = (rows.y, Vec::new());
        for column in &mut y {
            column.iter_mut().zip(&root_weight).for_each(|(y, root)| *y *= root);
            straight.push(affine.coordinates(column));
            affine.project_out(column);
        }
        let unit_y = power_of_two(largest(&y));
        y.iter_mut().flatten().for_each(|y| *y /= unit_y);
        Self {
            columns,
            root_weight,
            y,
            affine,
            straight,
            total: rows.w.iter().sum(),
            spread: rows.spread / (unit_y * unit_y),
            unit_y,
            unit_w: rows.unit_w,
            largest_target: largest_target / unit_y,
        }
    }

    /// For each column with knots: its number, the places of its nodes (ends and knots) and its values there, `(nodes, m)`.
    fn splines<'a>(&'a self, knots: &'a Knots<Place>) -> impl Iterator<Item = (usize, Vec<usize>, Vec<f64>)> + 'a {
        let m = self.y.len();
        let mut start = 0;
        knots.at.chunk_by(|a, b| a.column == b.column).map(move |group| {
            let column = group[0].column as usize;
            let last = self.columns[column].z.len() - 1;
            let at = std::iter::once(0).chain(group.iter().map(|p| p.index as usize)).chain([last]).collect();
            let values = &knots.value[start * m..(start + group.len()) * m];
            start += group.len();
            (column, at, [&vec![0.0; m][..], values, &vec![0.0; m][..]].concat())
        })
    }

    /// Subtracts `share` times the splines from the rows of output `o`.
    fn subtract(&self, knots: &Knots<Place>, o: usize, share: f64, rows: &mut [f64]) {
        let m = self.y.len();
        for (column, at, value) in self.splines(knots) {
            let column = &self.columns[column];
            let mut at_place = vec![0.0; column.z.len()];
            for (j, ends) in at.windows(2).enumerate() {
                let (from, start) = (column.z[ends[0]], value[j * m + o]);
                let slope = (value[(j + 1) * m + o] - start) / (column.z[ends[1]] - from);
                let piece = ends[0]..=ends[1];
                for (place, z) in at_place[piece.clone()].iter_mut().zip(&column.z[piece]) {
                    *place = share * (start + slope * (z - from));
                }
            }
            for ((row, root), &place) in rows.iter_mut().zip(&self.root_weight).zip(&column.place_of) {
                *row -= root * at_place[place as usize];
            }
        }
    }

    /// What the splines and the best affine function beside them leave of output `o`.
    fn residual(&self, knots: &Knots<Place>, o: usize) -> Vec<f64> {
        let mut rows = self.y[o].clone();
        self.subtract(knots, o, 1.0, &mut rows);
        self.affine.project_out(&mut rows);
        rows
    }

    /// Fills `u` with the correlations `sum_k V_k relu(z_k - z)` at the places of a column.
    fn correlate(&self, column: &Column, v: &[f64], u: &mut [f64]) {
        u.fill(0.0);
        for ((v, root), &place) in v.iter().zip(&self.root_weight).zip(&column.place_of) {
            u[place as usize] += v * root;
        }
        let (mut sum, mut correlation, mut right) = (0.0, 0.0, column.z[column.z.len() - 1]);
        for (u, &z) in u.iter_mut().zip(&column.z).rev() {
            correlation += sum * (right - z);
            sum += *u;
            *u = correlation;
            right = z;
        }
        // Zero but for rounding.
        u[0] = 0.0;
    }

    /// Number of places of all columns.
    fn places(&self) -> usize {
        self.columns.last().map_or(0, |c| c.start + c.z.len())
    }

    /// The affine part of the whole fit for output `o`, in units of the data: its value where all `z` are 0, then the slopes
    /// by `z`.
    fn affine_part(&self, knots: &Knots<Place>, o: usize) -> Vec<f64> {
        let mut rows = vec![0.0; self.root_weight.len()];
        self.subtract(knots, o, self.unit_y, &mut rows);
        let straight: Vec<f64> =
            self.affine.coordinates(&rows).iter().zip(&self.straight[o]).map(|(r, s)| r + s).collect();
        self.affine.coefficients(&straight)
    }
}

impl Problem for Table {
    type Place = Place;
    type Normal = Gram;

    fn outputs(&self) -> usize {
        self.y.len()
    }

    fn weight(&self) -> f64 {
        self.total * self.unit_w
    }

    fn units(&self) -> Vec<f64> {
        self.columns.iter().map(|c| c.unit).collect()
    }

    fn penalty_unit(&self) -> f64 {
        self.unit_w * self.unit_y
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

    fn error_between(&self) -> f64 {
        f64::INFINITY
    }

    fn on(&self, samples: &Samples) -> Self {
        Self::with_units(samples, &self.columns.iter().map(|c| Some(c.unit)).collect::<Vec<_>>())
    }

    fn rank(&self, x: f64) -> usize {
        self.columns[0].places.partition_point(|&place| place < x)
    }

    fn none(&self) -> Knots<Place> {
        Knots::empty()
    }

    /// Which of the many sums of splines through the data bends least is not known.
    fn interpolant(&self) -> Option<Knots<Place>> {
        None
    }

    fn normal(&self, knots: &Knots<Place>) -> Gram {
        Gram::new(self, knots)
    }

    /// One pass over the rows for each column and output.
    fn measure(&self, knots: &Knots<Place>, penalty: f64, sweep: &mut Sweep) -> Merit {
        let (n, m, places) = (self.root_weight.len(), self.y.len(), self.places());
        sweep.v.resize(n * m, 0.0);
        sweep.u.resize(places * m, 0.0);
        sweep.size.clear();
        sweep.size.resize(places, 0.0);
        let (mut vy, mut vv) = (0.0, 0.0);
        for o in 0..m {
            let v = &mut sweep.v[o * n..(o + 1) * n];
            v.copy_from_slice(&self.residual(knots, o));
            vy += dot(v, &self.y[o]);
            vv += dot(v, v);
            for column in self.columns.iter().filter(|c| c.is_read) {
                let range = column.start..column.start + column.z.len();
                let u = &mut sweep.u[o * places..][range.clone()];
                self.correlate(column, v, u);
                for (size, u) in sweep.size[range].iter_mut().zip(u.iter()) {
                    *size = if m == 1 { u.abs() } else { size.hypot(*u) };
                }
            }
        }
        let omega = sweep.size.iter().copied().fold(0.0, f64::max);
        let bend_of = |(column, at, value): (usize, Vec<usize>, Vec<f64>)| {
            let place: Vec<f64> = at.iter().map(|&k| self.columns[column].z[k]).collect();
            bends(&place, &value, m).chunks(m).map(norm).sum::<f64>()
        };
        let bend = self.splines(knots).map(bend_of).sum();
        Merit::new(0.5 * vv, bend, penalty, vy, vv, omega)
    }

    fn insert_maxima(&self, knots: &mut Knots<Place>, penalty: f64, sweep: &Sweep) -> usize {
        let (m, places) = (self.y.len(), self.places());
        let omega = sweep.size.iter().copied().fold(0.0, f64::max);
        let (threshold, separation) = ((penalty * (1.0 + 1e-12)).max(FIRST * omega), 2f64.powi(-44));
        let old = std::mem::replace(knots, Knots::empty());
        let mut splines = self.splines(&old).peekable();
        for (c, column) in self.columns.iter().enumerate().filter(|(_, c)| c.is_read) {
            let (z, size) = (&column.z, &sweep.size[column.start..column.start + column.z.len()]);
            let none = || (c, vec![0, z.len() - 1], vec![0.0; 2 * m]);
            let (_, at, value) = splines.next_if(|s| s.0 == c).unwrap_or_else(none);
            let mut before = 0;
            for (j, ends) in at.windows(2).enumerate() {
                for i in ends[0] + 1..ends[1] {
                    let is_maximum = size[i] > threshold && size[i] >= size[i - 1] && size[i] >= size[i + 1];
                    if is_maximum && z[i] - z[before] > separation && z[ends[1]] - z[i] > separation {
                        let share = (z[i] - z[ends[0]]) / (z[ends[1]] - z[ends[0]]);
                        let at = |o: usize| (1.0 - share) * value[j * m + o] + share * value[(j + 1) * m + o];
                        let value: Vec<f64> = (0..m).map(at).collect();
                        let u = |o: usize| sweep.u[o * places + column.start + i] / size[i];
                        let direction: Vec<f64> = (0..m).map(u).collect();
                        knots.push(Place { column: c as u32, index: i as u32 }, &value, &direction);
                        before = i;
                    }
                }
                if j + 2 < at.len() {
                    let own = Place { column: c as u32, index: ends[1] as u32 };
                    let row = old.at.partition_point(|p| *p < own);
                    knots.push(own, &value[(j + 1) * m..(j + 2) * m], &old.direction[row * m..(row + 1) * m]);
                    before = ends[1];
                }
            }
        }
        knots.at.len() - old.at.len()
    }

    fn trace(&self, knots: &Knots<Place>, penalty: f64) -> f64 {
        let bending =
            if self.y.len() == 1 { knots.at.len() as f64 } else { Gram::new(self, knots).trace(knots, penalty) };
        bending + (self.affine.rank * self.y.len()) as f64
    }

    fn neurons(&self, knots: &Knots<Place>) -> usize {
        let m = self.y.len();
        self.splines(knots).map(|(c, at, value)| count_kinks(&self.columns[c].places, &at, &value, m)).sum()
    }

    fn answer(&self, knots: &Knots<Place>) -> Neurons {
        let (d, m) = (self.columns.len(), self.y.len());
        let parts: Vec<Vec<f64>> = (0..m).map(|o| self.affine_part(knots, o)).collect();
        let mut neurons = Neurons::affine(parts.iter().map(|p| p[0]).collect(), Matrix::zeros(m, d));
        let mut splines = self.splines(knots).peekable();
        for (c, column) in self.columns.iter().enumerate() {
            if let Some((_, at, bending)) = splines.next_if(|s| s.0 == c) {
                let restored = |(k, b): (usize, &f64)| parts[k % m][c + 1] * column.z[at[k / m]] + self.unit_y * b;
                let value: Vec<f64> = bending.iter().enumerate().map(restored).collect();
                neurons.join(c, &column.places, &at, &bending, &value);
                continue;
            }
            for (o, part) in parts.iter().enumerate() {
                let slope = part[c + 1] / column.unit;
                neurons.linear.row_mut(o)[c] = slope;
                neurons.intercept[o] -= slope * column.mean;
            }
        }
        neurons
    }

    fn dual_point(&self, sweep: &Sweep) -> Vec<f64> {
        let (n, m) = (self.root_weight.len(), self.y.len());
        let unit = self.unit_w * self.unit_y;
        let entry = |i: usize, o: usize| unit * self.root_weight[i] * sweep.v[o * n + i];
        (0..n).flat_map(|i| (0..m).map(move |o| entry(i, o))).collect()
    }
}
