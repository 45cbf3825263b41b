//! Grades for targets of one variable: knots where they help most.
//!
//! The knots of the finest approximant are those of a path with the fewest pieces in the tube around the target. Coarser
//! approximants keep some of them, as few as their tolerance allows, so that telescoping adds no pieces.

use super::cube::{Cube, between, exact};
use super::hinges::Hinges;
use super::segment::{Segment, survey};
use super::target::Target;
use super::tube::{Gate, shortest_path};
use super::wiring::Wiring;
use super::{Built, ConstructError, Scheme, center_and_radius, power_of_two_above};
use multigrade_model::truth::Interval;

/// What part of the tolerance the target may bend between neighbouring samples, seen from the middle of a stretch. A kink near
/// an end of the stretch may bend it twice as much.
const BEND: f64 = 4e-3;
/// How far above the largest sampled deviation the proved bound may lie.
const SLACK: f64 = 5e-3;
/// Cuts that the proof of one approximant may make.
const CUTS: usize = 1 << 21;

/// A place in the unit interval and an approximate value.
type Sample = (f64, f64);

pub(super) struct Line<'a> {
    target: &'a dyn Target,
    cube: &'a Cube,
    scheme: Scheme,
    lanes: usize,
    wiring: Wiring,
    /// Places and approximate values.
    samples: Vec<(f64, f64)>,
    /// The corners of the approximants to come, the finest first; those of each are among those of the one before it.
    plans: Vec<Vec<(f64, f64)>>,
    /// Knots of the finest approximant, in the units of the variable.
    knots: Vec<f64>,
    /// What the grades so far have added up to: the approximant of the last one, less its center.
    parts: Vec<Hinges>,
    center: f64,
    /// Threshold of the last grade.
    threshold: f64,
    /// The smallest deviation asked for.
    finest: f64,
}

impl<'a> Line<'a> {
    /// For approximants with these deviations from the target, falling; there is at least one.
    pub(super) fn new(
        target: &'a dyn Target,
        cube: &'a Cube,
        ladder: &[f64],
        scheme: Scheme,
        lanes: usize,
    ) -> Result<Self, ConstructError> {
        let finest = ladder[ladder.len() - 1];
        let (samples, path) = finest_path(target, cube, finest)?;
        let mut plans = vec![path];
        for &rung in ladder.iter().rev().skip(1) {
            plans.push(coarser(&plans[plans.len() - 1], &samples, rung));
        }
        let inner = &plans[0][1..plans[0].len() - 1];
        let knots = inner.iter().map(|corner| cube.at(0, corner.0)).collect();
        let wiring = Wiring::new(1);
        let (parts, center, threshold) = (Vec::new(), 0.0, 0.0);
        Ok(Self { target, cube, scheme, lanes, wiring, samples, plans, knots, parts, center, threshold, finest })
    }

    /// The knots of the finest approximant, in the units of the variable.
    pub(super) fn cuts(&self) -> Vec<f64> {
        self.knots.clone()
    }

    /// The next grade; there is one for each rung of the ladder.
    pub(super) fn grade(&mut self) -> Result<Built, ConstructError> {
        let points = self.plans.pop().unwrap_or_default();
        let places: Vec<f64> = points.iter().map(|p| p.0).collect();
        let before = self.sum(&places);
        let step: Vec<_> = points.iter().zip(&before).map(|(p, b)| (p.0, p.1 - b.midpoint())).collect();
        let part = Hinges::through(&step);
        self.parts.push(part.clone());
        let range = self.deviation(&points);
        let (center, radius) = center_and_radius(range);
        let shift = center - self.center;
        self.center += shift;
        let floor = power_of_two_above(self.threshold + part.largest_partial_sum() + shift.abs());
        self.wiring.shift(part.start + shift);
        let x = self.wiring.x(0).clone();
        self.wiring.accumulate(part.slope, &x);
        for bends in part.bends.chunks(self.lanes) {
            let x = self.wiring.x(0).clone();
            let work: Vec<_> = bends.iter().map(|(knot, _)| x.clone().shifted(-knot)).collect();
            let hinges = self.wiring.layer(&work, floor)?;
            hinges.iter().zip(bends).for_each(|(hinge, (_, bend))| self.wiring.accumulate(*bend, hinge));
        }
        // Rounding of the constants in the biases.
        self.threshold = radius + 8.0 * f64::EPSILON * floor;
        let grade = match self.scheme {
            Scheme::Monotone => self.wiring.soft_threshold(self.threshold, floor)?,
            Scheme::Plain => self.wiring.telescope()?,
        };
        Ok(Built { grade, deviation: self.threshold, nodes: part.bends.len(), hints: Vec::new(), level: None })
    }

    /// Encloses the sum of the parts so far.
    fn sum(&self, places: &[f64]) -> Vec<Interval> {
        let mut sum = vec![exact(0.0); places.len()];
        for part in &self.parts {
            sum.iter_mut().zip(part.enclose(places)).for_each(|(s, p)| *s = *s + p);
        }
        sum
    }

    /// Proved bounds of `f - p`, `p` the sum of the parts, which is affine between these points.
    fn deviation(&self, points: &[(f64, f64)]) -> Interval {
        let (mut low, mut high, mut i) = (f64::INFINITY, f64::NEG_INFINITY, 0);
        for &(x, y) in &self.samples {
            while i + 2 < points.len() && points[i + 1].0 < x {
                i += 1;
            }
            let (a, b) = (points[i], points[i + 1]);
            let residual = y - a.1 - (b.1 - a.1) / (b.0 - a.0) * (x - a.0);
            (low, high) = (low.min(residual), high.max(residual));
        }
        let slack = SLACK * 0.5 * (high - low) + 2.0 * BEND * self.finest;
        let goal = between(low - slack, high + slack);
        let places: Vec<f64> = points.iter().map(|p| p.0).collect();
        let values = self.sum(&places);
        let mut cuts = CUTS;
        let mut range: Option<Interval> = None;
        for i in 1..points.len() {
            let (a, b) = (places[i - 1], places[i]);
            let segment = Segment { a, b, at_a: values[i - 1], at_b: values[i] };
            let found = segment.bounds(self.target, self.cube, goal, &mut cuts);
            range = Some(range.map_or(found, |range| range.hull(found)));
        }
        range.unwrap_or(Interval::ENTIRE)
    }
}

/// Samples of the target, and the corners of a path with few pieces that keeps the tolerance.
fn finest_path(target: &dyn Target, cube: &Cube, tolerance: f64) -> Result<(Vec<Sample>, Vec<Sample>), ConstructError> {
    let reach = tolerance * (1.0 - SLACK - 2.0 * BEND);
    let attempt = |unseen: f64| {
        let cuts = survey(target, cube, unseen * tolerance).map_err(|(at, found)| ConstructError::at(&[at], &found))?;
        let samples = sample(target, cube, &cuts, BEND * tolerance);
        let gates: Vec<Gate> = samples.iter().map(|&(x, y)| Gate { x, lower: y - reach, upper: y + reach }).collect();
        let path = shortest_path(&gates);
        Ok::<_, ConstructError>((samples, path))
    };
    let (samples, path) = attempt(0.5)?;
    if keeps(target, cube, &path, tolerance) {
        return Ok((samples, path));
    }
    // Samples miss what happens between the cuts of the survey. Where that matters, its pieces are made as small as the
    // samples are close, which takes much longer, and is beyond rounding for the smallest tolerances.
    Ok(attempt(BEND).unwrap_or((samples, path)))
}

/// Whether the path is proved to be within the tolerance of the target.
fn keeps(target: &dyn Target, cube: &Cube, path: &[Sample], tolerance: f64) -> bool {
    let (goal, mut cuts) = (between(-tolerance, tolerance), CUTS);
    path.windows(2).all(|ends| {
        let segment = Segment { a: ends[0].0, b: ends[1].0, at_a: exact(ends[0].1), at_b: exact(ends[1].1) };
        goal.encloses(segment.bounds(target, cube, goal, &mut cuts))
    })
}

/// The longest chords between these corners that keep the tolerance at the samples.
fn coarser(corners: &[(f64, f64)], samples: &[(f64, f64)], tolerance: f64) -> Vec<(f64, f64)> {
    let fits = |i: usize, j: usize| {
        let (a, b) = (corners[i], corners[j]);
        let slope = (b.1 - a.1) / (b.0 - a.0);
        let inside = samples.partition_point(|s| s.0 < a.0)..samples.partition_point(|s| s.0 <= b.0);
        samples[inside].iter().all(|s| (s.1 - a.1 - slope * (s.0 - a.0)).abs() <= tolerance)
    };
    let last = corners.len() - 1;
    let (mut points, mut at) = (vec![corners[0]], 0);
    while at < last {
        let mut step = 1;
        while at + 2 * step <= last && fits(at, at + 2 * step) {
            step *= 2;
        }
        // The longest chord is between `step` and twice that, up to chords that fit by chance.
        let longest = (step + 1..2 * step).rev().find(|s| at + s <= last && fits(at, at + s)).unwrap_or(step);
        at += longest;
        points.push(corners[at]);
    }
    points
}

/// Places with approximate values, close enough that the function bends by at most `bend` between neighbours.
fn sample(target: &dyn Target, cube: &Cube, cuts: &[f64], bend: f64) -> Vec<(f64, f64)> {
    let at = |z: f64| (z, target.sample(&[cube.at(0, z)]));
    let mut samples = vec![at(cuts[0])];
    for pair in cuts.windows(2) {
        let mut open = vec![at(pair[1])];
        while let Some(&right) = open.last() {
            let left = samples[samples.len() - 1];
            let middle = at(0.5 * (left.0 + right.0));
            let is_bent = (middle.1 - 0.5 * (left.1 + right.1)).abs() > bend;
            if is_bent && right.0 - left.0 > 1e-13 * right.0.abs().max(1e-3) {
                open.push(middle);
            } else {
                samples.extend([middle, right]);
                open.pop();
            }
        }
    }
    samples
}
