//! Uphill from a point, where the error has ridges and no derivative.

use super::{Extremes, Measured, Target, WorstPoint};
use crate::training::Stream;
use rand::distr::Distribution;
use rand_distr::StandardNormal;
use rayon::prelude::*;

/// Steps of one search. A step that helps makes the next one larger, one that does not makes it smaller.
const STEPS: usize = 300;

/// A point to start from and which error to make larger: `1.0` for `f - f_k`, `-1.0` for its negative.
pub(super) struct Summit {
    pub(super) at: Vec<f64>,
    pub(super) sign: f64,
}

/// The worst points of every search, of each format apart. `spread` points have been looked at before.
pub(super) fn climb(target: &Target, starts: &[Summit], seed: u64, spread: usize) -> Option<Measured> {
    let paths: Vec<_> = starts.par_iter().enumerate().map(|(i, start)| path(target, start, seed, i as u64)).collect();
    let mut found: [Option<Extremes>; 2] = [None, None];
    for (at, errors) in paths.into_iter().flatten() {
        for (found, error) in found.iter_mut().zip(errors) {
            let here = || WorstPoint { error, at: at.clone() };
            found.get_or_insert_with(|| Extremes { lowest: here(), highest: here() }).include(error, &at);
        }
    }
    let [f64, f32] = found;
    Some(Measured { f64: f64?, f32: f32?, points: spread + starts.len() * (STEPS + 1) })
}

/// The points that were best when they were found, with their errors in f64 and f32: a walk with random steps whose size
/// follows its luck, so that it creeps along ridges too.
fn path(target: &Target, start: &Summit, seed: u64, number: u64) -> Vec<(Vec<f64>, [f64; 2])> {
    let mut random = Stream::Search { seed, number }.generator();
    let mut best: Vec<(Vec<f64>, [f64; 2])> = Vec::new();
    let Some(errors) = target.errors(&start.at) else { return best };
    let mut value = start.sign * errors[0];
    let mut x = start.at.clone();
    best.push((x.clone(), errors));
    let mut step = 0.05;
    for i in 0..STEPS {
        let d = target.sides.len();
        let along = i % (2 * d); // every other step changes one coordinate alone
        let moved: Vec<f64> = (0..d)
            .map(|j| {
                let draw: f64 = StandardNormal.sample(&mut random);
                let share = if along.is_multiple_of(2) || along / 2 == j { step * draw } else { 0.0 };
                let side = target.sides[j];
                (x[j] + share * (side.upper() - side.lower())).clamp(side.lower(), side.upper())
            })
            .collect();
        match target.errors(&moved) {
            Some(errors) if start.sign * errors[0] > value => {
                value = start.sign * errors[0];
                best.push((moved.clone(), errors));
                x = moved;
                step = f64::min(step * 2.0, 0.2);
            }
            // One success in five keeps the size.
            _ => step *= 0.84,
        }
    }
    best
}
