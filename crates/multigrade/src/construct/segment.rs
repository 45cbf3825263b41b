//! Bounds of `f - p` on segments of one variable, `p` affine.

use super::cube::{Cube, between, exact};
use super::target::{Enclosure, Target};
use multigrade_model::truth::{Decoration, Interval};

/// An affine function on `[a, b]` of the unit interval, by enclosures of its values at both ends.
#[derive(Clone, Copy, Debug)]
pub(super) struct Segment {
    pub(super) a: f64,
    pub(super) b: f64,
    pub(super) at_a: Interval,
    pub(super) at_b: Interval,
}

impl Segment {
    /// Bounds of `f - p` without cutting the segment.
    pub(super) fn deviation(&self, target: &dyn Target, cube: &Cube) -> Interval {
        let place = cube.enclose(0, between(self.a, self.b));
        let enclosure = target.enclose(&[place]);
        let residual = |z: f64, p: Interval| target.value(&[cube.enclose(0, exact(z))]) - p;
        // In units of the segment: x = x_a + λ h.
        let h = exact(cube.scale(0)) * (exact(self.b) - exact(self.a));
        let natural = enclosure.value - self.at_a.hull(self.at_b);
        let sharper = match enclosure.decoration {
            Decoration::C11 => {
                let ends = [residual(self.a, self.at_a), residual(self.b, self.at_b)];
                bent(ends, enclosure.second(0, 0) * h.power(2))
            }
            Decoration::Continuous => {
                let ends = [residual(self.a, self.at_a), residual(self.b, self.at_b)];
                steep(ends, enclosure.slopes[0] * h - (self.at_b - self.at_a))
            }
            _ => natural,
        };
        natural.intersection(sharper).unwrap_or(sharper)
    }

    fn halves(&self) -> [Self; 2] {
        let middle = 0.5 * (self.a + self.b);
        let share = (exact(middle) - exact(self.a)) / (exact(self.b) - exact(self.a));
        // Not a + share (b - a), which would double the width of the enclosure at every cut.
        let at_middle = (exact(1.0) - share) * self.at_a + share * self.at_b;
        [Self { b: middle, at_b: at_middle, ..*self }, Self { a: middle, at_a: at_middle, ..*self }]
    }

    fn is_tiny(&self) -> bool {
        self.b - self.a <= 1e-14 * self.b.abs().max(1e-3)
    }

    /// Bounds of `f - p`, cutting the segment until they lie inside `goal`, or what was seen at places where it was cut, or
    /// the pieces are tiny; cut at most `cuts` times on the way.
    pub(super) fn bounds(&self, target: &dyn Target, cube: &Cube, mut goal: Interval, cuts: &mut usize) -> Interval {
        let mut open = vec![*self];
        let mut range: Option<Interval> = None;
        while let Some(segment) = open.pop() {
            let found = segment.deviation(target, cube);
            if goal.encloses(found) || segment.is_tiny() || *cuts == 0 {
                range = Some(range.map_or(found, |range| range.hull(found)));
            } else {
                *cuts -= 1;
                let [left, right] = segment.halves();
                // No cut improves on what is so. Without this a stretch outside the goal would be cut to dust.
                goal = goal.hull(target.value(&[cube.enclose(0, exact(left.b))]) - left.at_b);
                open.extend([right, left]);
            }
        }
        range.unwrap_or(Interval::ENTIRE)
    }
}

/// Cuts the unit interval until on every piece `f` differs from its chord by less than `tolerance`; the cuts, with 0 and 1.
///
/// # Errors
/// The piece on which that never happens, and what is known of `f` there.
pub(super) fn survey(target: &dyn Target, cube: &Cube, tolerance: f64) -> Result<Vec<f64>, (Interval, Enclosure)> {
    let value = |z: f64| target.value(&[cube.enclose(0, exact(z))]);
    let mut cuts = vec![0.0];
    let mut open = vec![Segment { a: 0.0, b: 1.0, at_a: value(0.0), at_b: value(1.0) }];
    while let Some(segment) = open.pop() {
        if segment.deviation(target, cube).magnitude() <= tolerance {
            cuts.push(segment.b);
        } else if segment.is_tiny() {
            let place = cube.enclose(0, between(segment.a, segment.b));
            return Err((place, target.enclose(&[place])));
        } else {
            let middle = 0.5 * (segment.a + segment.b);
            let at_middle = value(middle);
            open.push(Segment { a: middle, at_a: at_middle, ..segment });
            open.push(Segment { b: middle, at_b: at_middle, ..segment });
        }
    }
    Ok(cuts)
}

/// Range of `r_a (1-λ) + r_b λ - λ(1-λ)/2 q` over `λ` in `[0, 1]`, `q` in `bend`: with `q = h² f''` this is `f - p`, as on a
/// segment `f` is its chord less `λ(1-λ)/2 h² f''(ξ)`.
fn bent([a, b]: [Interval; 2], bend: Interval) -> Interval {
    // For fixed λ the expression falls with q: one parabola bounds it from above, one from below.
    let highest = |a: f64, b: f64, q: f64| {
        // -q λ(1-λ)/2 has its maximum inside only if q < 0, at λ = 1/2 - (b - a)/q.
        let (a, b, q) = (exact(a), exact(b), exact(q));
        let share = exact(0.5) - (b - a) / q;
        let inside = share.intersection(Interval::new(0.0, 1.0).unwrap_or(share));
        let ends = a.max(b);
        match inside {
            Some(_) if q.upper() < 0.0 => {
                // The value there: the mean of the ends, less q/8, less (b - a)²/(2 q).
                let top = exact(0.5) * (a + b) - q / exact(8.0) - (b - a).power(2) / (exact(2.0) * q);
                ends.max(top).upper()
            }
            _ => ends.upper(),
        }
    };
    let upper = highest(a.upper(), b.upper(), bend.lower());
    let lower = -highest(-a.lower(), -b.lower(), -bend.upper());
    Interval::new(lower, upper).unwrap_or(Interval::ENTIRE)
}

/// Range of `r` with `r(0)`, `r(1)` as given and slopes in `slope`.
fn steep([a, b]: [Interval; 2], slope: Interval) -> Interval {
    // Below both lines: up from the left end, and down to the right end. Their crossing is the highest point.
    let highest = |a: f64, b: f64, up: f64, down: f64| {
        let (a, b, up, down) = (exact(a), exact(b), exact(up), exact(down));
        if up.lower() <= 0.0 || down.lower() <= 0.0 {
            a.max(b).upper()
        } else {
            // a + λ up = b + (1 - λ) down
            let top = (a * down + b * up + up * down) / (up + down);
            a.max(b).max(top).upper()
        }
    };
    let upper = highest(a.upper(), b.upper(), slope.upper(), -slope.lower());
    let lower = -highest(-a.lower(), -b.lower(), -slope.lower(), slope.upper());
    Interval::new(lower, upper).unwrap_or(Interval::ENTIRE)
}
