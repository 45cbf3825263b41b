//! The network so far, and its best values for the neurons it has.

use super::cloud::{Cloud, dot, length};
use faer::Mat;
use faer::linalg::solvers::Solve;

/// A neuron `sign relu(<x, w>)`, whose norm is its penalty.
#[derive(Clone, Debug)]
pub(super) struct Neuron {
    pub(super) w: Vec<f64>,
    pub(super) sign: f64,
    /// Rows whose kink the neuron is held on.
    tight: Vec<usize>,
}

/// Neurons, what they leave of the targets, what that is worth.
#[derive(Clone)]
pub(super) struct Network<'a> {
    cloud: &'a Cloud,
    pub(super) penalty: f64,
    pub(super) neurons: Vec<Neuron>,
    /// Preactivations of each neuron.
    h: Vec<Vec<f64>>,
    pub(super) residual: Vec<f64>,
    pub(super) value: f64,
}

impl<'a> Network<'a> {
    pub(super) fn new(cloud: &'a Cloud, penalty: f64) -> Self {
        let residual = cloud.y.clone();
        let value = 0.5 * dot(&residual, &residual);
        Self { cloud, penalty, neurons: Vec::new(), h: Vec::new(), residual, value }
    }

    fn size(&self, j: usize) -> f64 {
        self.cloud.size(&self.neurons[j].w)
    }

    /// Preactivations, residual and objective of other weights for the same neurons; `None` stands for a neuron left out.
    fn appraise(&self, w: &[Vec<f64>]) -> (Vec<Vec<f64>>, Vec<f64>, f64) {
        let mut fit = vec![0.0; self.cloud.n];
        let mut all = Vec::with_capacity(w.len());
        let mut norms = 0.0;
        for (neuron, w) in self.neurons.iter().zip(w) {
            let mut h = Vec::new();
            self.cloud.preactivations(w, &mut h);
            fit.iter_mut().zip(&h).for_each(|(f, h)| *f += neuron.sign * h.max(0.0));
            norms += self.cloud.size(w);
            all.push(h);
        }
        self.cloud.project(&mut fit);
        let residual: Vec<f64> = self.cloud.y.iter().zip(&fit).map(|(y, f)| y - f).collect();
        let value = 0.5 * dot(&residual, &residual) + self.penalty * norms;
        (all, residual, value)
    }

    fn weights(&self) -> Vec<Vec<f64>> {
        self.neurons.iter().map(|n| n.w.clone()).collect()
    }

    /// Brings residual and objective up to date.
    pub(super) fn refresh(&mut self) {
        (self.h, self.residual, self.value) = self.appraise(&self.weights());
    }

    fn keep(&mut self, keep: &[bool]) {
        let mut flags = keep.iter();
        self.neurons.retain(|_| *flags.next().unwrap_or(&true));
    }

    /// Adds neurons of norm 1 with the signs of their values, then finds the best amplitudes of all neurons, directions
    /// fixed, one after the other.
    pub(super) fn join(&mut self, candidates: impl IntoIterator<Item = (Vec<f64>, f64)>) {
        let old = self.neurons.len();
        for (w, sign) in candidates {
            let mut neuron = Neuron { w, sign, tight: Vec::new() };
            if let Some(row) = self.cloud.kink_through(&neuron.w) {
                neuron.hold(self.cloud, row);
            }
            self.neurons.push(neuron);
        }
        let columns: Vec<Vec<f64>> = self
            .neurons
            .iter()
            .map(|neuron| {
                let mut h = Vec::new();
                self.cloud.preactivations(&neuron.w, &mut h);
                h.iter_mut().for_each(|h| *h = neuron.sign * h.max(0.0));
                self.cloud.project(&mut h);
                h
            })
            .collect();
        let squares: Vec<f64> = columns.iter().map(|c| dot(c, c)).collect();
        let mut amplitude: Vec<f64> = (0..self.neurons.len()).map(|j| if j < old { 1.0 } else { 0.0 }).collect();
        for _ in 0..30 {
            let mut moved = 0.0f64;
            for j in 0..columns.len() {
                if squares[j] <= 0.0 {
                    amplitude[j] = 0.0;
                    continue;
                }
                let slope = dot(&self.residual, &columns[j]) - self.penalty * self.size(j);
                let next = (amplitude[j] + slope / squares[j]).max(0.0);
                let change = next - amplitude[j];
                if change != 0.0 {
                    self.residual.iter_mut().zip(&columns[j]).for_each(|(r, c)| *r -= change * c);
                    moved = moved.max(change * change * squares[j]);
                    amplitude[j] = next;
                }
            }
            if moved <= 1e-6 * self.value {
                break;
            }
        }
        for (neuron, a) in self.neurons.iter_mut().zip(&amplitude) {
            neuron.w.iter_mut().for_each(|w| *w *= a);
        }
        self.keep(&amplitude.iter().map(|a| *a > 1e-12).collect::<Vec<_>>());
        self.refresh();
    }

    /// Adds up neurons of equal sign that no row lies strictly between: the same function, and the norm can only fall.
    pub(super) fn merge(&mut self) {
        let side = |j: usize| -> Vec<i8> {
            let size = length(&self.neurons[j].w);
            let mut sides: Vec<i8> = self.h[j]
                .iter()
                .zip(&self.cloud.lengths)
                .map(|(h, l)| if h.abs() <= 1e-12 * l * size { 0 } else { h.signum() as i8 })
                .collect();
            self.neurons[j].tight.iter().for_each(|&k| sides[k] = 0);
            sides
        };
        let mut sides: Vec<Vec<i8>> = (0..self.neurons.len()).map(side).collect();
        let mut keep = vec![true; self.neurons.len()];
        for i in 0..keep.len() {
            for j in i + 1..keep.len() {
                let may = keep[i] && keep[j] && self.neurons[i].sign == self.neurons[j].sign;
                if !may || sides[i].iter().zip(&sides[j]).any(|(a, b)| a * b < 0) {
                    continue;
                }
                keep[j] = false;
                let other = self.neurons[j].clone();
                let one = &mut self.neurons[i];
                one.w.iter_mut().zip(&other.w).for_each(|(a, b)| *a += b);
                one.tight.retain(|k| other.tight.contains(k));
                let theirs = sides[j].clone();
                sides[i].iter_mut().zip(theirs).for_each(|(a, b)| *a = if *a == 0 { b } else { *a });
            }
        }
        if keep.contains(&false) {
            self.keep(&keep);
            self.refresh();
        }
    }

    /// Replaces nearly parallel neurons of equal sign by their sum where that lowers the objective.
    pub(super) fn fuse(&mut self) {
        let mut i = 0;
        while i < self.neurons.len() {
            let near = (i + 1..self.neurons.len()).find(|&j| {
                let (a, b) = (&self.neurons[i], &self.neurons[j]);
                a.sign == b.sign && dot(&a.w, &b.w) > 0.9999 * length(&a.w) * length(&b.w)
            });
            let fused = near.and_then(|j| {
                let mut other = self.clone();
                let gone = other.neurons.remove(j);
                other.neurons[i].w.iter_mut().zip(&gone.w).for_each(|(a, b)| *a += b);
                other.neurons[i].tight.clear();
                other.refresh();
                (other.value < self.value).then_some(other)
            });
            match fused {
                Some(other) => *self = other,
                None => i += 1,
            }
        }
    }

    /// Drops neurons whose best amplitude, all else fixed, is zero.
    pub(super) fn prune(&mut self) {
        let mut j = 0;
        while j < self.neurons.len() {
            let mut column: Vec<f64> = self.h[j].iter().map(|h| self.neurons[j].sign * h.max(0.0)).collect();
            self.cloud.project(&mut column);
            let square = dot(&column, &column);
            let slope = dot(&self.residual, &column) + square - self.penalty * self.size(j);
            if slope <= 1e-12 * square {
                self.neurons.remove(j);
                self.refresh();
            } else {
                j += 1;
            }
        }
    }

    /// Newton's method on the weights, each neuron restricted to the kinks it is held on, until the decrement is at most
    /// `enough`. The objective falls in every step.
    pub(super) fn newton(&mut self, enough: f64, max_steps: usize) {
        for _ in 0..max_steps {
            if self.neurons.is_empty() {
                return;
            }
            let Some((step, decrement)) = self.newton_step() else { return };
            if decrement <= enough.max(1e-15 * self.value) {
                return;
            }
            if !self.free_step(&step, decrement) && !self.step_to_walls(&step) {
                return;
            }
            let sizes: Vec<f64> = (0..self.neurons.len()).map(|j| self.size(j)).collect();
            let largest = sizes.iter().copied().fold(0.0, f64::max);
            if sizes.iter().any(|&s| s <= 1e-10 * largest) {
                self.keep(&sizes.iter().map(|&s| s > 1e-10 * largest).collect::<Vec<_>>());
                self.refresh();
            }
        }
    }

    /// The step and its decrement `-g'd`.
    fn newton_step(&self) -> Option<(Vec<Vec<f64>>, f64)> {
        let cloud = self.cloud;
        let bases: Vec<Vec<Vec<f64>>> = self.neurons.iter().map(|n| complement(cloud, &n.tight)).collect();
        let total: usize = bases.iter().map(Vec::len).sum();
        let mut columns = Vec::with_capacity(total);
        let mut gradient = Vec::with_capacity(total);
        for (j, neuron) in self.neurons.iter().enumerate() {
            let unit = self.penalty / self.size(j);
            let mut active: Vec<f64> = self.h[j].iter().map(|h| if *h > 0.0 { neuron.sign } else { 0.0 }).collect();
            neuron.tight.iter().for_each(|&k| active[k] = 0.0);
            for b in &bases[j] {
                let mut column = vec![0.0; cloud.n];
                for (k, &b) in b.iter().enumerate().filter(|(_, b)| **b != 0.0) {
                    column.iter_mut().zip(cloud.column(k)).for_each(|(c, x)| *c += b * x);
                }
                column.iter_mut().zip(&active).for_each(|(c, a)| *c *= a);
                gradient.push(unit * dot(&b[..cloud.norm], &neuron.w[..cloud.norm]) - dot(&column, &self.residual));
                cloud.project(&mut column);
                columns.push(column);
            }
        }
        let flat: Vec<f64> = columns.concat();
        let a = faer::MatRef::from_column_major_slice(&flat, cloud.n, total);
        let mut hessian: Mat<f64> = a.transpose() * a;
        let mut start = 0;
        for (j, neuron) in self.neurons.iter().enumerate() {
            let size = self.size(j);
            let along: Vec<f64> =
                bases[j].iter().map(|b| dot(&b[..cloud.norm], &neuron.w[..cloud.norm]) / size).collect();
            for (r, br) in bases[j].iter().enumerate() {
                for (s, bs) in bases[j].iter().enumerate() {
                    let bend = dot(&br[..cloud.norm], &bs[..cloud.norm]) - along[r] * along[s];
                    hessian[(start + r, start + s)] += self.penalty / size * bend;
                }
            }
            start += bases[j].len();
        }
        let trace: f64 = (0..total).map(|k| hessian[(k, k)]).sum();
        let right = Mat::from_fn(total, 1, |k, _| -gradient[k]);
        let mut ridge = 1e-13 * trace / total as f64;
        let solution = loop {
            (0..total).for_each(|k| hessian[(k, k)] += ridge);
            if let Ok(factor) = hessian.llt(faer::Side::Lower) {
                break factor.solve(&right);
            }
            ridge *= 100.0;
            if ridge > trace || ridge.is_nan() {
                return None;
            }
        };
        let decrement = -(0..total).map(|k| gradient[k] * solution[(k, 0)]).sum::<f64>();
        if !decrement.is_finite() {
            return None;
        }
        let mut rest = 0;
        let step = bases.iter().map(|basis| {
            let mut d = vec![0.0; cloud.p];
            for b in basis {
                d.iter_mut().zip(b).for_each(|(d, b)| *d += solution[(rest, 0)] * b);
                rest += 1;
            }
            d
        });
        Some((step.collect(), decrement))
    }

    /// Weights after a step of length `t` (for each neuron its own); a neuron that would turn round becomes zero.
    fn moved(&self, step: &[Vec<f64>], t: impl Fn(usize) -> f64) -> Vec<Vec<f64>> {
        let norm = self.cloud.norm;
        let one = |(j, neuron): (usize, &Neuron)| {
            let w: Vec<f64> = neuron.w.iter().zip(&step[j]).map(|(w, d)| w + t(j) * d).collect();
            if dot(&w[..norm], &neuron.w[..norm]) <= 0.0 { vec![0.0; w.len()] } else { w }
        };
        self.neurons.iter().enumerate().map(one).collect()
    }

    fn accept(&mut self, w: Vec<Vec<f64>>, (h, residual, value): (Vec<Vec<f64>>, Vec<f64>, f64)) {
        self.neurons.iter_mut().zip(w).for_each(|(neuron, w)| neuron.w = w);
        (self.h, self.residual, self.value) = (h, residual, value);
    }

    /// The step whatever kinks it crosses, if the objective falls enough.
    fn free_step(&mut self, step: &[Vec<f64>], decrement: f64) -> bool {
        for t in [1.0, 0.5, 0.25] {
            let w = self.moved(step, |_| t);
            let trial = self.appraise(&w);
            if trial.2 <= self.value - 0.25 * t * decrement {
                self.accept(w, trial);
                return true;
            }
        }
        false
    }

    /// Each neuron goes to the first kink on its way at most, and is held there.
    fn step_to_walls(&mut self, step: &[Vec<f64>]) -> bool {
        let cloud = self.cloud;
        let mut walls = Vec::new();
        let mut slope = Vec::new();
        for (j, neuron) in self.neurons.iter().enumerate() {
            cloud.preactivations(&step[j], &mut slope);
            let (mut first, mut row) = (f64::INFINITY, None);
            for (k, (h, d)) in self.h[j].iter().zip(&slope).enumerate() {
                if h * d < 0.0 && -h / d < first && !neuron.tight.contains(&k) {
                    (first, row) = (-h / d, Some(k));
                }
            }
            walls.push((first, row));
        }
        let mut t = 1.0;
        for _ in 0..40 {
            let w = self.moved(step, |j| f64::min(t, walls[j].0));
            let trial = self.appraise(&w);
            if trial.2 < self.value - 1e-16 * self.value {
                for (neuron, (w, (place, row))) in self.neurons.iter_mut().zip(w.into_iter().zip(walls)) {
                    let is_zero = w.iter().all(|&w| w == 0.0);
                    neuron.w = w;
                    if let Some(row) = row.filter(|_| place <= t && !is_zero) {
                        neuron.hold(cloud, row);
                    }
                }
                self.refresh();
                return true;
            }
            t *= 0.5;
        }
        // Kinks that neurons stand at already and would cross.
        let mut is_held = false;
        for (neuron, (place, row)) in self.neurons.iter_mut().zip(walls) {
            if let Some(row) = row.filter(|_| place <= 1e-9) {
                is_held |= neuron.hold(cloud, row);
            }
        }
        self.refresh();
        is_held
    }
}

impl Neuron {
    /// Moves to the kink of a row and stays there, and on those of rows that say the same; false if nothing would be left.
    fn hold(&mut self, cloud: &Cloud, row: usize) -> bool {
        if complement(cloud, &self.tight).len() < 2 {
            return false;
        }
        self.tight.push(row);
        let basis = complement(cloud, &self.tight);
        self.w = projected(&basis, &self.w);
        let mut h = Vec::new();
        cloud.preactivations(&self.w, &mut h);
        let size = length(&self.w);
        for (k, h) in h.iter().enumerate() {
            let length = cloud.lengths[k];
            if h.abs() <= 1e-13 * length * size && !self.tight.contains(&k) {
                let point = cloud.point(k);
                if basis.iter().all(|b| dot(b, &point).abs() <= 1e-11 * length) {
                    self.tight.push(k);
                }
            }
        }
        true
    }
}

/// An orthonormal basis of the directions on the kinks of some rows.
fn complement(cloud: &Cloud, rows: &[usize]) -> Vec<Vec<f64>> {
    let p = cloud.p;
    let unit = |k: usize| (0..p).map(|i| if i == k { 1.0 } else { 0.0 }).collect::<Vec<f64>>();
    if rows.is_empty() {
        return (0..p).map(unit).collect();
    }
    let mut all: Vec<Vec<f64>> = Vec::new();
    let mut join = |v: Vec<f64>, least: f64| {
        let (mut v, whole) = (v.clone(), length(&v));
        for _ in 0..2 {
            for q in &all {
                let share = dot(&v, q);
                v.iter_mut().zip(q).for_each(|(v, q)| *v -= share * q);
            }
        }
        let left = length(&v);
        if left > least * whole {
            v.iter_mut().for_each(|v| *v /= left);
            all.push(v);
        }
        all.len()
    };
    let mut held = 0;
    for &row in rows {
        held = join(cloud.point(row), 1e-10);
    }
    // The unit vectors that are farthest from the span so far, first.
    for least in [0.5, 0.1, 1e-3, 1e-8] {
        for k in 0..p {
            if join(unit(k), least) == p {
                return all.split_off(held);
            }
        }
    }
    all.split_off(held)
}

fn projected(basis: &[Vec<f64>], w: &[f64]) -> Vec<f64> {
    let mut p = vec![0.0; w.len()];
    for b in basis {
        let share = dot(b, w);
        p.iter_mut().zip(b).for_each(|(p, b)| *p += share * b);
    }
    p
}
