//! A grade of random waves, for few inputs where training learns nothing.
//!
//! Gradient descent from usual first weights does not find waves of high frequency. A layer of enough random waves
//! `sin(w_j x + b_j)` spans them, if the lengths of the `w_j` suit the data: lengths and number are searched on held-out
//! rows, and only the readout is found.

use crate::fit::FitError;
use crate::front::Front;
use crate::grade::{Built, GradePlan, GradeTask, TrainedPlan, build_grade};
use crate::nearest::{is_affordable, nearest_row};
use crate::settings::Solver;
use multigrade_model::Activation;
use rayon::prelude::*;
use std::f64::consts::{PI, SQRT_2};

/// Most inputs: waves of random directions fill a space of many dimensions thinly.
const INPUTS: usize = 3;

/// Numbers of waves, each tried where the one before was worth it; with fewer rows than twice as many there is nothing to
/// judge them by.
const WIDTHS: [usize; 4] = [512, 1024, 2048, 4096];

/// Most features of all rows together: 400 MB.
const FEATURES: usize = 50_000_000;

/// The lowest frequency tried: about the highest that training meets by itself.
const LOWEST: f64 = 8.0;

/// Octaves of frequencies above it at most.
const OCTAVES: usize = 10;

/// Held-out loss, as a share of that of the constant, at which no more waves are tried.
const ENOUGH: f64 = 1e-6;

/// More waves are worth it if they leave less than this share of the held-out loss.
const WORTHWHILE: f64 = 0.9;

/// Weight decay of the readout; its penalty is chosen on held-out rows above it.
const DECAY: f64 = 1e-10;

/// Whether an automatic fit has come to these features by a grade of waves: no other default grade for few inputs has so many.
pub(crate) fn are_features_of(front: &Front) -> bool {
    front.d <= INPUTS && front.logits.is_none() && front.p >= WIDTHS[0]
}

/// A grade of random waves that is better on held-out rows than training was.
pub(crate) struct Found {
    pub(crate) loss: f64,
    pub(crate) plan: GradePlan,
    pub(crate) built: Built,
    /// Held-out loss of the nearest neighbour.
    pub(crate) neighbour: f64,
    pub(crate) width: usize,
    pub(crate) frequency: f64,
}

/// Searches for waves where training left the held-out loss `trained`.
///
/// Nothing is tried unless training explains less than half of the target and the nearest row knows it at least twice as
/// well: then there is something to learn.
pub(crate) fn search(task: &GradeTask, trained: f64) -> Result<Option<Found>, FitError> {
    let Some(held) = task.held_out else { return Ok(None) };
    let (samples, n) = (task.origin.samples, task.front.rows());
    let widths: Vec<usize> = WIDTHS.into_iter().filter(|width| 2 * width <= n && n * width <= FEATURES).collect();
    let is_eligible = task.front.d <= INPUTS && task.front.logits.is_none() && is_affordable(samples, held.rows());
    if widths.is_empty() || !is_eligible || trained < held.loss() / 2.0 {
        return Ok(None);
    }
    let (neighbour, distance) = neighbours(task.front, held);
    if neighbour > trained / 2.0 {
        return Ok(None);
    }
    let highest = PI / distance;
    let octaves =
        (0..OCTAVES).map(|octave| LOWEST * 2f64.powi(octave as i32)).take_while(|f| *f <= highest.max(LOWEST));
    let mut best: Option<Found> = None;
    for width in widths {
        let frequencies: Vec<f64> = match &best {
            None => octaves.clone().collect(),
            // More waves can afford to be faster.
            Some(best) => [SQRT_2, 2.0, 1.0].iter().map(|factor| factor * best.frequency).collect(),
        };
        let goal = best.as_ref().map_or(trained, |best| best.loss);
        let mut next: Option<Found> = None;
        for frequency in frequencies {
            if task.progress.cut().is_some() {
                return Ok(best);
            }
            let found = Found { neighbour, ..attempt(task, held, width, frequency)? };
            let is_fastest = next.as_ref().is_some_and(|next| best.is_some() && frequency > next.frequency);
            if next.as_ref().is_none_or(|next| found.loss < next.loss) {
                next = Some(found);
                if is_fastest {
                    // Losses have one valley: slower waves are worse.
                    break;
                }
            }
        }
        match next.filter(|next| next.loss < WORTHWHILE * goal) {
            Some(next) => best = Some(next),
            None => break,
        }
        if best.as_ref().is_some_and(|best| best.loss < ENOUGH * held.loss()) {
            break;
        }
    }
    Ok(best)
}

/// The grade of so many waves of this frequency.
fn attempt(task: &GradeTask, held: &Front, width: usize, frequency: f64) -> Result<Found, FitError> {
    task.progress.start(task.k, &format!("{width} random waves of frequency {frequency:.0}"), 0);
    let plan = GradePlan::Trained(TrainedPlan {
        hidden: vec![(width, Activation::Sin)],
        weight_decay: DECAY,
        branches: 1,
        solver: Solver::RandomFeatures,
        frequency: Some(frequency),
        replay: None,
    });
    let built = build_grade(&plan, task)?;
    let loss = held.after(&built.grade).loss();
    Ok(Found { loss, plan, built, neighbour: f64::INFINITY, width, frequency })
}

/// Held-out loss of the value at the nearest row, and the median distance of that row.
fn neighbours(front: &Front, held: &Front) -> (f64, f64) {
    let (d, m) = (front.d, front.m);
    let rows: Vec<(f64, f64)> = (0..held.rows())
        .into_par_iter()
        .map(|i| {
            let x = &held.inputs[i * d..(i + 1) * d];
            let near = nearest_row(&front.inputs, d, x);
            let square = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| (a - b) * (a - b)).sum::<f64>();
            let error = square(&held.residuals[i * m..(i + 1) * m], &front.residuals[near * m..(near + 1) * m]);
            (held.weights[i] * error / m as f64, square(x, &front.inputs[near * d..(near + 1) * d]).sqrt())
        })
        .collect();
    let loss = rows.iter().map(|row| row.0).sum();
    let mut distances: Vec<f64> = rows.into_iter().map(|row| row.1).collect();
    distances.sort_by(f64::total_cmp);
    (loss, distances[distances.len() / 2])
}
