//! Uphill from a point, where the error has ridges and no derivative.

use super::{Extremes, Measured, Target, WorstPoint};
use crate::training::Stream;
use multigrade_model::truth::Interval;
use rand::distr::Distribution;
use rand_distr::StandardNormal;
use rayon::prelude::*;

/// Steps of one search. A step that helps makes the next one larger, one that does not makes it smaller.
const STEPS: usize = 300;

/// Searches that go on side by side.
pub(super) const ABREAST: usize = 8;

/// A point to start from and which error to make larger: `1.0` for `f - f_k`, `-1.0` for its negative.
#[derive(Clone)]
pub(super) struct Summit {
    pub(super) at: Vec<f64>,
    pub(super) sign: f64,
}

/// The worst points of every search, of each format apart. `spread` points have been looked at before.
pub(super) fn climb(target: &Target, starts: &[Summit], seed: u64, spread: usize) -> Option<Measured> {
    let groups: Vec<_> =
        starts.par_chunks(ABREAST).enumerate().map(|(i, group)| paths(target, group, seed, i)).collect();
    let mut found: [Option<Extremes>; 2] = [None, None];
    for (at, errors) in groups.into_iter().flatten().flatten() {
        for (found, error) in found.iter_mut().zip(errors) {
            let here = || WorstPoint { error, at: at.clone() };
            found.get_or_insert_with(|| Extremes { lowest: here(), highest: here() }).include(error, &at);
        }
    }
    let [f64, f32] = found;
    Some(Measured { f64: f64?, f32: f32?, points: spread + starts.len() * (STEPS + 1) })
}

/// A point with its errors in f64 and f32.
type Found = (Vec<f64>, [f64; 2]);

/// A walk with random steps whose size follows its luck, so that it creeps along ridges too.
struct Path<R> {
    random: R,
    sign: f64,
    x: Vec<f64>,
    /// The points that were best when they were found; none if the function is undefined where the walk starts.
    best: Vec<Found>,
    step: f64,
}

impl<R: rand::Rng> Path<R> {
    /// Where to look next: every other step changes one coordinate alone.
    fn next(&mut self, i: usize, sides: &[Interval]) -> Vec<f64> {
        let along = i % (2 * sides.len());
        let coordinate = |(j, side): (usize, &Interval)| {
            let draw: f64 = StandardNormal.sample(&mut self.random);
            let share = if along.is_multiple_of(2) || along / 2 == j { self.step * draw } else { 0.0 };
            (self.x[j] + share * (side.upper() - side.lower())).clamp(side.lower(), side.upper())
        };
        sides.iter().enumerate().map(coordinate).collect()
    }

    fn judge(&mut self, at: Vec<f64>, errors: Option<[f64; 2]>) {
        let highest = self.best.last().map_or(f64::INFINITY, |(_, errors)| self.sign * errors[0]);
        match errors {
            Some(errors) if self.sign * errors[0] > highest => {
                self.best.push((at.clone(), errors));
                self.x = at;
                self.step = f64::min(self.step * 2.0, 0.2);
            }
            // One success in five keeps the size.
            _ => self.step *= 0.84,
        }
    }
}

/// The best points of up to [`ABREAST`] searches, the group's number being `group`.
fn paths(target: &Target, starts: &[Summit], seed: u64, group: usize) -> Vec<Vec<Found>> {
    let at: Vec<&[f64]> = starts.iter().map(|start| start.at.as_slice()).collect();
    let first = target.errors(&at);
    let path = |(i, (start, errors)): (usize, (&Summit, Option<[f64; 2]>))| Path {
        random: Stream::Search { seed, number: (group * ABREAST + i) as u64 }.generator(),
        sign: start.sign,
        x: start.at.clone(),
        best: errors.map(|errors| (start.at.clone(), errors)).into_iter().collect(),
        step: 0.05,
    };
    let mut paths: Vec<_> = starts.iter().zip(first).enumerate().map(path).collect();
    for i in 0..STEPS {
        let moved: Vec<Vec<f64>> = paths.iter_mut().map(|path| path.next(i, target.sides)).collect();
        let errors = target.errors(&moved.iter().map(Vec::as_slice).collect::<Vec<_>>());
        for ((path, at), errors) in paths.iter_mut().zip(moved).zip(errors) {
            path.judge(at, errors);
        }
    }
    paths.into_iter().map(|path| path.best).collect()
}
