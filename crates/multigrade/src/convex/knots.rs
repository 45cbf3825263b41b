//! Linear splines with knots at data, and the best one among those with given knots.

/// A spline of one input, or a sum of splines of one input each, by its values at knots.
#[derive(Clone, Debug)]
pub(super) struct Knots<P> {
    /// Where the knots are, in the order of [`Normal`].
    pub(super) at: Vec<P>,
    /// Values, `(knots, m)`.
    pub(super) value: Vec<f64>,
    /// Unit direction of the change of slope at each knot, `(knots, m)`; for one output its sign.
    pub(super) direction: Vec<f64>,
}

/// Least squares over the splines with given knots: what the descent has to know about the data.
pub(super) trait Normal {
    /// Number of outputs `m`.
    fn outputs(&self) -> usize;

    /// Whether the spline may bend at knot `j`, so that the knot can be taken out.
    fn bends_at(&self, j: usize) -> bool;

    /// Changes of slope at all knots, `(knots, m)`; zero where it cannot bend.
    fn bends(&self, value: &[f64]) -> Vec<f64>;

    /// Takes out knots; `value` is where the descent stands.
    fn keep(&mut self, keep: &[bool], value: &[f64]);

    /// Minimiser for one output of the loss and `β sum_j direction_j bend_j`; `value` is where the descent stands.
    fn solve_directed(&mut self, value: &[f64], direction: &[f64], penalty: f64) -> Vec<f64>;

    /// Minimiser without penalty.
    fn solve_least_squares(&self) -> Vec<f64>;

    /// Step from `value` to the minimiser of the second-order model in which the penalty has gradient `β pull_j` and
    /// second derivatives `β block(j, o, k)` in the bend of knot `j`.
    fn newton_step(
        &self,
        value: &[f64],
        pull: &[f64],
        block: impl Fn(usize, usize, usize) -> f64,
        penalty: f64,
    ) -> Vec<f64>;

    /// Slope of the loss along `step` and half its curvature twice: `<G v - r, d>` and `<d, G d>`.
    fn change(&self, value: &[f64], step: &[f64]) -> (f64, f64);
}

/// Length of a vector of outputs.
pub(super) fn norm(v: &[f64]) -> f64 {
    match v {
        [single] => single.abs(),
        _ => v.iter().map(|v| v * v).sum::<f64>().sqrt(),
    }
}

/// Changes of slope at all knots, `(knots, m)`; zero at the ends.
pub(super) fn bends(place: &[f64], value: &[f64], m: usize) -> Vec<f64> {
    let mut bend = vec![0.0; value.len()];
    for j in 1..place.len().saturating_sub(1) {
        let (left, right) = (place[j] - place[j - 1], place[j + 1] - place[j]);
        for o in 0..m {
            let (a, b, c) = (value[(j - 1) * m + o], value[j * m + o], value[(j + 1) * m + o]);
            bend[j * m + o] = (c - b) / right - (b - a) / left;
        }
    }
    bend
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

impl<P: Copy> Knots<P> {
    pub(super) fn empty() -> Self {
        Self { at: Vec::new(), value: Vec::new(), direction: Vec::new() }
    }

    pub(super) fn point_along(&mut self, bend: &[f64], m: usize) {
        for (direction, bend) in self.direction.chunks_mut(m).zip(bend.chunks(m)) {
            let size = norm(bend);
            if size > 0.0 {
                direction.iter_mut().zip(bend).for_each(|(d, b)| *d = b / size);
            }
        }
    }

    pub(super) fn push(&mut self, at: P, value: &[f64], direction: &[f64]) {
        self.at.push(at);
        self.value.extend_from_slice(value);
        self.direction.extend_from_slice(direction);
    }

    fn keep(&mut self, keep: &[bool], m: usize) {
        let rows = |data: &[f64]| -> Vec<f64> {
            data.chunks(m).zip(keep).filter(|(_, keep)| **keep).flat_map(|(row, _)| row.iter().copied()).collect()
        };
        (self.value, self.direction) = (rows(&self.value), rows(&self.direction));
        let mut kept = keep.iter();
        self.at.retain(|_| kept.next() == Some(&true));
    }

    /// Moves to the minimiser of the objective over the splines with these knots, and drops those that do not bend it.
    ///
    /// Splines that bend nowhere stay as they are: the data come without their affine part. `is_patient` keeps small bends
    /// that seem to vanish: with several outputs one that is dropped too early comes back in the next round, for ever.
    pub(super) fn descend(&mut self, normal: &mut impl Normal, penalty: f64, is_patient: bool) {
        if !self.bends_anywhere(normal) {
            return;
        }
        if normal.outputs() == 1 {
            self.walk(normal, penalty);
        } else {
            self.smooth(normal, penalty, is_patient);
            self.newton(normal, penalty);
        }
    }

    fn bends_anywhere(&self, normal: &impl Normal) -> bool {
        (0..self.at.len()).any(|j| normal.bends_at(j))
    }

    /// For each knot that bends, the share of the way to `target` after which its bend has lost its direction, if it does.
    fn vanishing(&self, normal: &impl Normal, bend: &[f64], target: &[f64]) -> Vec<Option<f64>> {
        let m = normal.outputs();
        let along = |bend: &[f64], j: usize| dot(&bend[j * m..(j + 1) * m], &self.direction[j * m..(j + 1) * m]);
        let share = |j: usize| {
            if !normal.bends_at(j) {
                return None;
            }
            let (before, after) = (along(bend, j).max(0.0), along(target, j));
            (after <= 0.0).then(|| if before > after { before / (before - after) } else { 0.0 })
        };
        (0..self.at.len()).map(share).collect()
    }

    /// The monotone active set for one output.
    ///
    /// Each step solves the problem in which every bend keeps its sign, and walks there until the first bend vanishes.
    /// That knot is dropped and the walk goes on. The objective never rises.
    fn walk(&mut self, normal: &mut impl Normal, penalty: f64) {
        let mut arrivals = 0;
        loop {
            let target = normal.solve_directed(&self.value, &self.direction, penalty);
            if target.iter().any(|t| !t.is_finite()) {
                // Numbers beyond the range of f64: the next round goes on from here.
                return;
            }
            let vanishing = self.vanishing(normal, &normal.bends(&self.value), &normal.bends(&target));
            let Some(reach) = vanishing.iter().flatten().copied().reduce(f64::min) else {
                self.value = target;
                arrivals += 1;
                // Twice more from there: what the ridge of a factor held back.
                if arrivals == 3 {
                    return;
                }
                continue;
            };
            self.value.iter_mut().zip(&target).for_each(|(v, t)| *v += reach * (t - *v));
            let keep: Vec<bool> = vanishing.iter().map(|t| t.is_none_or(|t| t > reach * (1.0 + 1e-12))).collect();
            normal.keep(&keep, &self.value);
            self.keep(&keep, 1);
        }
    }

    /// Brings several outputs near the minimiser and finds the knots that bend there.
    ///
    /// Replaces `|b|` by `sqrt(|b|² + μ²)` with falling `μ` and takes Newton steps for the pair of equations
    /// `p = b / sqrt(|b|² + μ²)` and stationarity (Chan, Golub, Mulet 1999), which stay well behaved where bends vanish.
    fn smooth(&mut self, normal: &mut impl Normal, penalty: f64, is_patient: bool) {
        let m = normal.outputs();
        let top = |bend: &[f64]| bend.chunks(m).map(norm).fold(0.0, f64::max);
        // Fresh knots bend by rounding errors only; without penalty they would bend by at least as much as they will.
        let mut softness = 0.1 * top(&normal.bends(&normal.solve_least_squares())).max(top(&normal.bends(&self.value)));
        let mut dual = vec![0.0; self.value.len()];
        let (mut before, mut size) = (vec![0.0; self.at.len()], vec![0.0; self.at.len()]);
        // Eight digits of separation between bends that vanish and bends that do not; 40 levels reach below rounding.
        for _ in 0..40 {
            let mut steps = 0;
            while steps < 50 && self.smooth_step(normal, penalty, softness, &mut dual) {
                steps += 1;
            }
            let bend = normal.bends(&self.value);
            (before, size) = (size, bend.chunks(m).map(norm).collect());
            if softness <= 1e-8 * top(&bend) {
                break;
            }
            softness *= 0.1;
        }
        let largest = size.iter().copied().fold(0.0, f64::max);
        // |b| < 2 μ means |p| < 0.9: inside the constraint, if the other half of the pair agrees. A bend that follows μ
        // down vanishes as well, however near to the constraint it is.
        let stays = |j: usize| {
            let follows = !is_patient && size[j] < 0.3 * before[j] && size[j] < 1e-4 * largest;
            let is_inside = size[j] < 2.0 * softness && norm(&dual[j * m..(j + 1) * m]) <= 0.95;
            !normal.bends_at(j) || !(follows || is_inside)
        };
        let keep: Vec<bool> = (0..self.at.len()).map(stays).collect();
        normal.keep(&keep, &self.value);
        self.keep(&keep, m);
        let bend = normal.bends(&self.value);
        self.point_along(&bend, m);
    }

    /// One step of [`smooth`](Self::smooth); false once the steps no longer matter at this softness.
    fn smooth_step(&mut self, normal: &impl Normal, penalty: f64, softness: f64, dual: &mut [f64]) -> bool {
        let m = normal.outputs();
        let bend = normal.bends(&self.value);
        let length: Vec<f64> = bend.chunks(m).map(|b| norm(b).hypot(softness)).collect();
        let pull: Vec<f64> = bend.iter().enumerate().map(|(i, b)| b / length[i / m]).collect();
        let block = |j: usize, o: usize, k: usize| {
            let (p, q) = (&dual[j * m..(j + 1) * m], &pull[j * m..(j + 1) * m]);
            let identity = if o == k { 1.0 } else { 0.0 };
            (identity - 0.5 * (p[o] * q[k] + q[o] * p[k])) / length[j]
        };
        let step = normal.newton_step(&self.value, &pull, block, penalty);
        let change = Change::new(normal, &self.value, &step, &bend, penalty, softness);
        let slope = change.slope();
        let negligible = -1e-5 * penalty * softness;
        let mut share = 1.0;
        while share > 1e-6 && change.after(share) > 1e-4 * share * slope {
            share *= 0.5;
        }
        if !(slope < 0.0 && share > 1e-6 && step.iter().all(|d| d.is_finite())) {
            return false;
        }
        self.value.iter_mut().zip(&step).for_each(|(v, d)| *v += share * d);
        let turned = normal.bends(&step);
        for j in 0..length.len() {
            let (p, q) = (&mut dual[j * m..(j + 1) * m], &pull[j * m..(j + 1) * m]);
            let d = &turned[j * m..(j + 1) * m];
            let along = dot(q, d);
            let next: Vec<f64> = (0..m).map(|o| q[o] + (d[o] - p[o] * along) / length[j]).collect();
            // The second-order model is convex as long as |p| <= 1.
            let size = norm(&next).max(1.0);
            p.iter_mut().zip(next).for_each(|(p, n)| *p = n / size);
        }
        slope < negligible
    }

    /// Newton's method for several outputs, near the minimiser and among knots that bend. A knot whose bend would turn
    /// round is dropped.
    fn newton(&mut self, normal: &mut impl Normal, penalty: f64) {
        let m = normal.outputs();
        let mut smallest = f64::INFINITY;
        // Quadratic convergence takes a handful of steps; each drop may take some more.
        for _ in 0..20 + 4 * self.at.len() {
            if !self.bends_anywhere(normal) {
                self.value = normal.solve_least_squares();
                return;
            }
            let bend = normal.bends(&self.value);
            self.point_along(&bend, m);
            // A bend that vanished on the way is stiff, not infinitely stiff.
            let smallest_bend = 1e-14 * bend.chunks(m).map(norm).fold(f64::MIN_POSITIVE, f64::max);
            let block = |j: usize, o: usize, k: usize| {
                let s = &self.direction[j * m..(j + 1) * m];
                let identity = if o == k { 1.0 } else { 0.0 };
                (identity - s[o] * s[k]) / norm(&bend[j * m..(j + 1) * m]).max(smallest_bend)
            };
            let step = normal.newton_step(&self.value, &self.direction, block, penalty);
            if step.iter().any(|d| !d.is_finite()) {
                // The smallest bend is too stiff for these digits.
                let size: Vec<f64> = bend.chunks(m).map(norm).collect();
                let bending = (0..size.len()).filter(|&j| normal.bends_at(j));
                let smallest = bending.min_by(|&i, &j| size[i].total_cmp(&size[j]));
                let keep: Vec<bool> = (0..size.len()).map(|j| Some(j) != smallest).collect();
                normal.keep(&keep, &self.value);
                self.keep(&keep, m);
                continue;
            }
            let target: Vec<f64> = self.value.iter().zip(&step).map(|(v, d)| v + d).collect();
            let turned = normal.bends(&target);
            let vanishing = self.vanishing(normal, &bend, &turned);
            if vanishing.iter().any(Option::is_some) {
                let reach = vanishing.iter().flatten().copied().fold(1.0, f64::min);
                let keep: Vec<bool> = vanishing.iter().map(|t| t.is_none_or(|t| t > reach * (1.0 + 1e-12))).collect();
                self.value.iter_mut().zip(&step).for_each(|(v, d)| *v += reach * d);
                normal.keep(&keep, &self.value);
                self.keep(&keep, m);
                smallest = f64::INFINITY;
                continue;
            }
            let change = Change::new(normal, &self.value, &step, &bend, penalty, 0.0);
            let (slope, scale) = (change.slope(), penalty * bend.chunks(m).map(norm).sum::<f64>());
            let mut share = 1.0;
            while share > 1e-6 && change.after(share) > 1e-4 * share * slope + 1e-14 * scale {
                share *= 0.5;
            }
            let turn = normal.bends(&step);
            let relative = |(d, b): (&[f64], &[f64])| if norm(b) > 0.0 { norm(d) / norm(b) } else { 0.0 };
            let size = turn.chunks(m).zip(bend.chunks(m)).map(relative).fold(0.0, f64::max);
            // Steps stop shrinking when they are rounding errors.
            if share <= 1e-6 || (size < 1e-6 && size >= 0.5 * smallest) {
                return;
            }
            smallest = smallest.min(size);
            self.value.iter_mut().zip(&step).for_each(|(v, d)| *v += share * d);
        }
    }
}

/// The objective along `value + t step`, as differences from its value at `t = 0`. Bends count as
/// `sqrt(|b|² + softness²)`.
struct Change {
    linear: f64,
    quadratic: f64,
    penalty: f64,
    softness: f64,
    bend: Vec<f64>,
    bend_step: Vec<f64>,
    m: usize,
}

impl Change {
    fn new(normal: &impl Normal, value: &[f64], step: &[f64], bend: &[f64], penalty: f64, softness: f64) -> Self {
        let (linear, quadratic) = normal.change(value, step);
        let m = normal.outputs();
        Self { linear, quadratic, penalty, softness, bend: bend.to_vec(), bend_step: normal.bends(step), m }
    }

    fn slope(&self) -> f64 {
        let pairs = self.bend.chunks(self.m).zip(self.bend_step.chunks(self.m));
        let slope = |(b, d): (&[f64], &[f64])| {
            let size = norm(b).hypot(self.softness);
            if size > 0.0 { dot(b, d) / size } else { norm(d) }
        };
        self.linear + self.penalty * pairs.map(slope).sum::<f64>()
    }

    fn after(&self, t: f64) -> f64 {
        let pairs = self.bend.chunks(self.m).zip(self.bend_step.chunks(self.m));
        let growth = |(b, d): (&[f64], &[f64])| {
            let after = b.iter().zip(d).map(|(b, d)| (b + t * d).powi(2)).sum::<f64>().sqrt().hypot(self.softness);
            let sum = after + norm(b).hypot(self.softness);
            // |b + td| - |b| without cancellation.
            if sum > 0.0 { (2.0 * t * dot(b, d) + t * t * dot(d, d)) / sum } else { 0.0 }
        };
        t * self.linear + 0.5 * t * t * self.quadratic + self.penalty * pairs.map(growth).sum::<f64>()
    }
}
