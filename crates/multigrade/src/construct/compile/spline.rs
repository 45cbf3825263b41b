//! Tower splines: continuous piecewise quadratic functions from one hinge a knot and one tower of tents for each sign of
//! the curvature.
//!
//! On a zone between neighbouring knots let the function be the chord minus `kappa z (1 - z)`, `z` from 0 to 1. A
//! piecewise affine `W` on the same knots climbs or falls by `sqrt(kappa / K)` on the zone, within [0, 1]. With the square
//! `S` of `W`, `K (W - S)` has the wanted curvature everywhere, and the chords of `L = p + K W (1 - W)` do the rest: the
//! spline is `L - K (W - S)`. `L` and `W` of both signs are sums of the same hinges.

/// A function of one variable, at several points.
pub(super) type Function<'a> = dyn Fn(&[f64]) -> Vec<f64> + 'a;

/// A continuous piecewise quadratic function.
#[derive(Clone, Debug)]
pub(super) struct Zones {
    pub(super) knots: Vec<f64>,
    /// Values at the knots.
    pub(super) values: Vec<f64>,
    /// Of each zone: the spline is its chord minus `kappa z (1 - z)`.
    pub(super) bends: Vec<f64>,
    /// Bounds of the function minus the spline, as seen at points.
    pub(super) error: [f64; 2],
}

/// Which curvatures the zones may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Bend {
    Both,
    Convex,
    Concave,
}

impl Bend {
    pub(super) const ALL: [Self; 3] = [Self::Both, Self::Convex, Self::Concave];

    fn clip(self, bend: f64) -> f64 {
        match self {
            Self::Both => bend,
            Self::Convex => bend.max(0.0),
            Self::Concave => bend.min(0.0),
        }
    }
}

/// The tower of one sign of the curvature.
#[derive(Clone, Debug)]
pub(super) struct Tower {
    /// `K`, negative for the concave zones.
    pub(super) height: f64,
    /// `W` at the knots.
    pub(super) path: Vec<f64>,
}

/// Points on [0, 1] at which a zone is looked at while it is sought; denser towards its ends, where roots bend.
fn places(n: usize) -> Vec<f64> {
    (0..=n).map(|i| 0.5 - 0.5 * (std::f64::consts::PI * i as f64 / n as f64).cos()).collect()
}

/// Zones that are found greedily: each as long as its error allows.
pub(super) fn zones(f: &Function, [a, b]: [f64; 2], error: f64, bend: Bend, most: usize) -> Option<Zones> {
    let grid = places(24);
    let mut zones = Zones { knots: vec![a], values: f(&[a]), bends: Vec::new(), error: [0.0; 2] };
    if !zones.values[0].is_finite() {
        return None;
    }
    let (mut t, mut value, mut guess) = (a, zones.values[0], b - a);
    while t < b {
        if zones.bends.len() >= most {
            return None;
        }
        let trial = |width: f64| fit(f, t, value, width, &grid, bend);
        let (mut good, mut bad) = (None, None);
        let mut width = guess.min(b - t);
        // The error of a zone grows like the third power of its width, where the function is smooth.
        let (mut power, mut last): (f64, Option<(f64, f64)>) = (3.0, None);
        for _ in 0..16 {
            let found = trial(width)?;
            let ratio = error / found.error.max(1e-300);
            if ratio >= 1.0 {
                good = Some((width, found));
                if width >= b - t {
                    break;
                }
            } else {
                bad = Some(width);
            }
            if let Some((width_before, error_before)) = last.replace((width, found.error)) {
                let seen = (found.error / error_before).ln() / (width / width_before).ln();
                power = if seen.is_finite() { seen.clamp(0.4, 4.0) } else { 3.0 };
            }
            let step = width * ratio.powf(1.0 / power).clamp(1e-3, 4.0);
            let next = match (good, bad) {
                (Some((low, _)), Some(high)) => {
                    if high - low < 0.004 * high {
                        break;
                    }
                    step.clamp(low + 0.1 * (high - low), high - 0.1 * (high - low))
                }
                (Some(_), None) => step.max(1.02 * width),
                _ => step.min(0.9 * width),
            };
            width = next.min(b - t);
        }
        let (width, found) = good?;
        let end = if width >= b - t { b } else { t + width };
        if end <= t {
            return None;
        }
        zones.knots.push(end);
        zones.values.push(found.value);
        zones.bends.push(found.bend);
        (t, value, guess) = (end, found.value, 1.1 * width);
    }
    zones.error = zones.errors(f);
    Some(zones)
}

#[derive(Clone, Copy)]
struct Fit {
    error: f64,
    bend: f64,
    value: f64,
}

/// The best bend on a zone; `None` where the function is not finite.
fn fit(f: &Function, t: f64, value: f64, width: f64, grid: &[f64], bend: Bend) -> Option<Fit> {
    let points: Vec<f64> = grid.iter().map(|u| t + u * width).collect();
    let values = f(&points);
    if !values.iter().all(|v| v.is_finite()) {
        return None;
    }
    let last = values[values.len() - 1];
    let rest: Vec<(f64, f64)> =
        grid.iter().zip(&values).map(|(u, v)| (v - value - (last - value) * u, u * (1.0 - u))).collect();
    let worst = |k: f64| rest.iter().fold(0.0f64, |m, (r, q)| m.max((r + k * q).abs()));
    // The worst error is convex in the bend; the least squares bend is close to the best one.
    let (rq, qq) = rest.iter().fold((0.0, 0.0), |(rq, qq), (r, q)| (rq + r * q, qq + q * q));
    let start = -rq / qq;
    let spread = 4.0 * worst(start);
    let (mut low, mut high) = (start - spread, start + spread);
    for _ in 0..16 {
        let (a, b) = (low + 0.382 * (high - low), high - 0.382 * (high - low));
        if worst(a) <= worst(b) { high = b } else { low = a }
    }
    let size = values.iter().fold(0.0f64, |m, v| m.max(v.abs()));
    let best = if worst(start) <= worst(0.5 * (low + high)) { start } else { 0.5 * (low + high) };
    // Bends of the size of rounding would cost a tower each.
    let bend = bend.clip(if best.abs() > 1e-13 * size { best } else { 0.0 });
    Some(Fit { error: worst(bend), bend, value: last })
}

impl Zones {
    /// Bounds of the function minus the spline, from many points.
    fn errors(&self, f: &Function) -> [f64; 2] {
        let grid = places(64);
        let mut range = [0.0f64; 2];
        for (i, bend) in self.bends.iter().enumerate() {
            let (t, width) = (self.knots[i], self.knots[i + 1] - self.knots[i]);
            let points: Vec<f64> = grid.iter().map(|u| t + u * width).collect();
            for (u, v) in grid.iter().zip(f(&points)) {
                let r = v - self.values[i] - (self.values[i + 1] - self.values[i]) * u + bend * u * (1.0 - u);
                range = [range[0].min(r), range[1].max(r)];
            }
        }
        range
    }

    /// A polygon.
    pub(super) fn polygon(corners: Vec<(f64, f64)>, f: &Function) -> Self {
        let (knots, values): (Vec<f64>, Vec<f64>) = corners.into_iter().unzip();
        let bends = vec![0.0; knots.len() - 1];
        let mut zones = Self { knots, values, bends, error: [0.0; 2] };
        zones.error = zones.errors(f);
        zones
    }

    /// The tower for the zones of one sign, the lowest that has a path; `None` if there are no such zones.
    pub(super) fn tower(&self, sign: f64) -> Option<Tower> {
        let bends: Vec<f64> = self.bends.iter().map(|b| (sign * b).max(0.0)).collect();
        let most = bends.iter().fold(0.0f64, |m, b| m.max(*b));
        if most == 0.0 {
            return None;
        }
        let tower = |factor: f64| {
            let height = most * factor * (1.0 + 1e-9);
            path(&bends, height).map(|path| Tower { height: sign * height, path })
        };
        [1.0, 1.1, 1.2, 1.35, 1.5, 2.0, 2.5, 3.0, 4.0].into_iter().find_map(tower)
    }
}

/// `W` at the knots, within [0, 1] by a margin that rounding does not use up.
fn path(bends: &[f64], height: f64) -> Option<Vec<f64>> {
    let mut path = vec![2e-10];
    for bend in bends {
        let (w, step) = (path[path.len() - 1], (bend / height).sqrt());
        let next = if w + step <= 1.0 - 1e-10 { w + step } else { w - step };
        if next < 1e-10 {
            return None;
        }
        path.push(if step == 0.0 { w } else { next });
    }
    Some(path)
}
