//! Dense convex grades: one-hidden-layer ReLU networks of a few inputs, trained to proved global optimality.
//!
//! The problem, stated by [`OptimalityProof`] for [`NeuronClass::Dense`]:
//!
//! ```text
//! min  1/2 sum_i w_i (y_i - f(x_i))² + β sum_j ‖v_j‖ |a_j|,     f(x) = c + C x + sum_j a_j relu(v_j'x + b_j)
//! ```
//!
//! over any number of neurons. [`fit`] generates neurons (Boyd, Schiebinger, Recht 2017; Bach 2017): it fits those it
//! has, looks for one that would lower the objective, adds it, and merges neurons that act as one. That there is none
//! left is shown by branch and bound over cones of directions. With three inputs or fewer that takes milliseconds to
//! seconds; with six or more the proof will report a bound, and say so.
//!
//! ```
//! use multigrade::Samples;
//! use multigrade::convex::dense::{self, DensePenalty, DenseSettings};
//!
//! let x: Vec<f64> = (0..200).map(|k| (f64::from(k) * 0.618).fract() - 0.5).collect();
//! let y: Vec<f64> = x.chunks(2).map(|x| (x[0] + 0.5 * x[1]).max(0.0)).collect();
//! let samples = Samples::new(2, 1, x.clone(), y.clone(), None)?;
//! let settings = DenseSettings { penalty: DensePenalty::OfLargest(0.01), ..DenseSettings::default() }.validate()?;
//!
//! let fit = dense::fit(&samples, &settings)?;
//! assert!(fit.proof.rel_gap.unwrap() < 1e-6);
//! fit.proof.verify(&x, &y, None, &fit.grade()?)?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod answer;
mod cloud;
mod cones;
mod master;
mod scout;
mod settings;

use crate::convex::ConvexError;
use crate::convex::watch::{Round, Watch};
use crate::{Flow, Samples, Valid};
pub use answer::DenseFit;
use answer::Parts;
use cloud::{Cloud, dot};
use cones::{Verdict, better_neuron};
use master::Network;
use multigrade_model::{ConvexProblem, NeuronClass, OptimalityProof, OracleBounds};
use scout::{Candidate, Scout};
pub use settings::{DensePenalty, DenseSettings};
use std::time::Instant;

/// The globally optimal ReLU network of all inputs, with its proof.
///
/// A fit that did not reach the tolerance is not an error: its [`proof`](DenseFit::proof) says what was reached.
///
/// # Errors
/// [`ConvexError`] if there is more than one target, or numbers leave the range of `f64`.
pub fn fit(samples: &Samples, settings: &Valid<DenseSettings>) -> Result<DenseFit, ConvexError> {
    fit_watched(samples, settings, &|_| Flow::Continue)
}

/// [`fit`] with an observer that is told of every round and may end the fit: also in the middle of a search for a better neuron,
/// or for the proof. A fit that was ended is the network so far, and its proof says how far from optimal that is at most.
///
/// # Errors
/// As [`fit`].
pub fn fit_watched(
    samples: &Samples,
    settings: &Valid<DenseSettings>,
    observer: &dyn Fn(&Round) -> Flow,
) -> Result<DenseFit, ConvexError> {
    let started = Instant::now();
    let limited = |round: &Round| match settings.time_limit.is_some_and(|limit| started.elapsed() >= limit) {
        true => Flow::Stop,
        false => observer(round),
    };
    let watch = Watch::new(&limited);
    if samples.n_targets() != 1 {
        return Err(ConvexError::Outputs { found: samples.n_targets() });
    }
    let cloud = Cloud::new(samples, settings.bias, settings.skip);
    let unit = cloud.penalty_unit();
    let nothing_left = dot(&cloud.y, &cloud.y) <= 2f64.powi(-88) * cloud.whole;
    if cloud.norm == 0 || nothing_left {
        let penalty = match settings.penalty {
            DensePenalty::Absolute(penalty) => penalty,
            DensePenalty::OfLargest(share) => share * cloud.noise() * unit,
        };
        let none = OracleBounds { lower: 0.0, upper: cloud.noise() * unit };
        let penalties = Penalties { own: penalty, largest: none };
        return finish(samples, settings, &cloud, None, penalties, Outcome::default(), &watch);
    }
    let scout = Scout::new(&cloud, settings.seed);
    let value = std::cell::Cell::new(cloud.objective_unit() * 0.5 * dot(&cloud.y, &cloud.y));
    let is_cut = || watch.report(&Round { done: None, value: value.get(), rel_gap: None });
    let largest = largest_penalty(&cloud, &scout, settings.max_cones, &is_cut);
    let penalty = match settings.penalty {
        DensePenalty::Absolute(penalty) => penalty / unit,
        // Penalties below the rounding of the targets would fit rounding errors.
        DensePenalty::OfLargest(share) => (share * largest.lower).max(cloud.noise()),
    };
    let mut network = Network::new(&cloud, penalty);
    let told = |rounds: u32, now: f64| {
        value.set(cloud.objective_unit() * now);
        let done = Some(f64::from(rounds) / f64::from(settings.max_rounds));
        watch.report(&Round { done, value: value.get(), rel_gap: None })
    };
    let outcome = generate(&cloud, &scout, &mut network, settings, &told);
    let largest = OracleBounds { lower: largest.lower * unit, upper: largest.upper * unit };
    let penalties = Penalties { own: penalty * unit, largest };
    finish(samples, settings, &cloud, Some(&network), penalties, outcome, &watch)
}

/// How column generation went.
#[derive(Clone, Copy, Debug, Default)]
struct Outcome {
    rounds: u32,
    repaired: u32,
}

/// The penalty of a fit and the largest one, in units of the data.
struct Penalties {
    own: f64,
    largest: OracleBounds,
}

/// Bounds of `omega` of the targets.
fn largest_penalty(cloud: &Cloud, scout: &Scout<'_>, max_cones: u64, is_cut: &dyn Fn() -> bool) -> OracleBounds {
    let positive: f64 = cloud.y.iter().zip(&cloud.lengths).map(|(v, l)| v.abs() * l).sum();
    let mut lower = scout.candidates(&cloud.y, 0.0, &[]).first().map_or(0.0, |c| c.value.abs());
    loop {
        let threshold = lower * (1.0 + 1e-6);
        match better_neuron(cloud, &cloud.y, threshold, max_cones, is_cut) {
            Verdict::Better(w) => {
                let improved = scout.improved(&w, &cloud.y).value.abs();
                lower = improved.max(threshold);
            }
            Verdict::None => return OracleBounds { lower, upper: threshold },
            Verdict::Unknown => return OracleBounds { lower, upper: positive.max(lower) },
        }
    }
}

/// Column generation from the network given.
///
/// ```text
/// repeat
///   candidates: neurons with |sum_i r_i relu(<x_i, w>)| > β |w|; first by quick looks, then by exact search
///   stop if there are none
///   add them, fit amplitudes, merge neurons that no row separates, Newton on all weights
/// ```
fn generate(
    cloud: &Cloud,
    scout: &Scout<'_>,
    network: &mut Network<'_>,
    settings: &DenseSettings,
    is_cut: &dyn Fn(u32, f64) -> bool,
) -> Outcome {
    let (penalty, tolerance) = (network.penalty, settings.tolerance);
    let mut outcome = Outcome::default();
    let (mut stalled, mut enough) = (0, f64::INFINITY);
    while outcome.rounds < settings.max_rounds
        && network.neurons.len() < settings.max_neurons
        && !is_cut(outcome.rounds, network.value)
    {
        outcome.rounds += 1;
        let known: Vec<&[f64]> = network.neurons.iter().map(|n| &*n.w).collect();
        let mut found = scout.candidates(&network.residual, penalty * (1.0 + 0.1 * tolerance), &known);
        if (found.is_empty() || stalled > 2) && enough > 0.0 {
            // The values for these neurons first, exactly.
            let before = network.value;
            network.newton(0.0, 60);
            enough = 0.0;
            if network.value < before {
                continue;
            }
        }
        if found.is_empty() || stalled > 2 {
            let value = network.value;
            let better = exact_candidates(cloud, scout, network, settings, &|| is_cut(outcome.rounds, value));
            if better.is_empty() {
                break;
            }
            outcome.repaired += u32::from(found.is_empty());
            found = better;
        }
        let before = network.value;
        network.join(found.into_iter().map(|c| (c.w, 1.0f64.copysign(c.value))));
        network.merge();
        network.fuse();
        enough = if stalled > 0 { 0.0 } else { 1e-3 * (before - network.value) };
        network.newton(enough, 30);
        network.merge();
        network.prune();
        stalled = if before - network.value < 1e-12 * before { stalled + 1 } else { 0 };
        if stalled > 8 {
            break;
        }
    }
    network.newton(0.0, 60);
    outcome
}

/// Neurons worth more than the penalty, by exact search: each of the first few is worth more than the one before, so
/// that what is small does not hide what is large.
fn exact_candidates(
    cloud: &Cloud,
    scout: &Scout<'_>,
    network: &Network<'_>,
    settings: &DenseSettings,
    is_cut: &dyn Fn() -> bool,
) -> Vec<Candidate> {
    let DenseSettings { tolerance, max_cones, .. } = *settings;
    let mut found: Vec<Candidate> = Vec::new();
    let mut threshold = network.penalty * (1.0 + 0.4 * tolerance);
    while found.len() < 6 {
        let Verdict::Better(w) = better_neuron(cloud, &network.residual, threshold, max_cones, is_cut) else { break };
        let candidate = scout.improved(&w, &network.residual);
        threshold = threshold.max(candidate.value.abs()) * (1.0 + 1e-3);
        found.push(candidate);
    }
    found
}

fn finish(
    samples: &Samples,
    settings: &DenseSettings,
    cloud: &Cloud,
    network: Option<&Network<'_>>,
    penalties: Penalties,
    outcome: Outcome,
    watch: &Watch<'_>,
) -> Result<DenseFit, ConvexError> {
    let Penalties { own: penalty, largest: largest_penalty } = penalties;
    let parts = Parts::new(samples, cloud, network, settings.bias, settings.skip);
    let class = NeuronClass::Dense { bias: settings.bias, skip: settings.skip };
    let problem =
        ConvexProblem { x: samples.inputs(), y: samples.targets(), weights: Some(samples.weights()), class, penalty };
    let residual = network.map_or(&cloud.y, |n| &n.residual);
    let dual_point = cloud.dual_point(residual, samples.weights());
    let value = 0.5 * cloud.objective_unit() * dot(residual, residual);
    let is_cut = || watch.report(&Round { done: None, value, rel_gap: None });
    let (candidate, tolerance) = (parts.grade()?, settings.tolerance);
    let proof = OptimalityProof::until(&problem, &candidate, dual_point, tolerance, settings.max_cones, &is_cut)?;
    let Parts { weights, biases, amplitudes, intercept, slope } = parts;
    let Outcome { rounds, repaired } = outcome;
    Ok(DenseFit { weights, biases, amplitudes, intercept, slope, penalty, largest_penalty, proof, rounds, repaired })
}
