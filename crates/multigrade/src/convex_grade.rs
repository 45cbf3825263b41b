//! Building one convex grade: the globally optimal ReLU layer on the features, with its proof.

use crate::Flow;
use crate::Samples;
use crate::convex::dense::{self, DenseSettings};
use crate::convex::{self, Choice, ConvexSettings, Penalty, Round};
use crate::features::Slice;
use crate::fit::FitError;
use crate::front::feature_standardisation;
use crate::grade::{Built, GradePlan, GradeTask};
use crate::settings::Valid;
use multigrade_model::{Grade, GradeProblem, GradeProof, OptimalityProof, ProofStatus};
use std::cell::Cell;

/// Parts in which the work on a convex grade is reported.
pub(crate) const PARTS: u64 = 100;

/// The training problem of a convex grade, in the units of its proof.
pub(crate) struct ConvexTask {
    /// Features divided by `scale`, residuals and weights.
    pub(crate) samples: Samples,
    /// Powers of two.
    scale: Vec<f64>,
}

impl ConvexTask {
    /// The problem that the grades so far leave: features and residuals by the reference evaluation, so that a proof
    /// about them can be checked anywhere.
    pub(crate) fn new(task: &GradeTask) -> Result<Self, FitError> {
        let &GradeTask { origin, front, settings, .. } = task;
        let (d, m) = (front.d, front.m);
        let mut targets = origin.samples.targets().to_vec();
        origin.scaling.outputs.standardise(&mut targets);
        let problem = GradeProblem::after(origin.grades, &front.inputs, d, &targets, m)?;
        let p = problem.n_features;
        let mut scale = vec![1.0; p];
        if settings.standardise_features {
            let standard = feature_standardisation(&Slice(&problem.features, p), &front.weights)?;
            // The inputs, which come last, are standardised already.
            scale[..p - d].iter_mut().zip(standard.scale()).for_each(|(scale, s)| *scale = power_of_two(*s));
        }
        let features = problem.scaled_features(&scale);
        let weights = Some(origin.samples.weights().to_vec());
        let samples = Samples::new(p, m, features, problem.residuals, weights)?;
        Ok(Self { samples, scale })
    }

    /// The smallest penalty with which a grade on these features has no neurons.
    pub(crate) fn largest_penalty(&self) -> f64 {
        convex::largest_penalty(&self.samples)
    }
}

/// The power of two nearest to `spread` in ratio; 1 where that would leave moderate numbers.
fn power_of_two(spread: f64) -> f64 {
    let exponent = spread.log2().round();
    if exponent.abs() <= 300.0 { exponent.exp2() } else { 1.0 }
}

/// Hands the rounds of a fit on to the observer of all grades.
fn watch(task: &GradeTask) -> impl Fn(&Round) -> Flow {
    let done = Cell::new(0);
    move |round: &Round| {
        let now = round.done.map_or(0, |done| (done * PARTS as f64) as u64).max(done.get());
        task.progress.advance(task.k, now - done.replace(now), round.value, None);
        if task.progress.cut().is_some() { Flow::Stop } else { Flow::Continue }
    }
}

/// Builds the convex grade for the residual that the grades so far leave.
pub(crate) fn build_convex(settings: &ConvexSettings, task: &GradeTask) -> Result<Built, FitError> {
    let problem = ConvexTask::new(task)?;
    let watch = watch(task);
    let fit = convex::fit_watched(&problem.samples, &Valid::new(in_units_of_the_problem(settings, task)), &watch)?;
    let updates = fit.rounds.into();
    finish(task, problem, &fit.grade()?, fit.proof, fit.largest_penalty, updates, GradePlan::Convex(settings.clone()))
}

/// Builds the convex grade of neurons that read all features.
pub(crate) fn build_dense(settings: &DenseSettings, task: &GradeTask) -> Result<Built, FitError> {
    let problem = ConvexTask::new(task)?;
    let watch = watch(task);
    let fit = dense::fit_watched(&problem.samples, &Valid::new(settings.clone()), &watch)?;
    let (updates, largest) = (fit.rounds.into(), fit.largest_penalty.lower);
    finish(task, problem, &fit.grade()?, fit.proof, largest, updates, GradePlan::Dense(settings.clone()))
}

/// The grade of the model that a candidate is, with its proof.
fn finish(
    task: &GradeTask,
    problem: ConvexTask,
    candidate: &Grade,
    proof: OptimalityProof,
    largest_penalty: f64,
    updates: u64,
    replay: GradePlan,
) -> Result<Built, FitError> {
    let grade = GradeProof::model_grade(candidate, &problem.scale, task.front.d)?;
    let before = task.origin.records.last().and_then(|record| record.proof.as_ref());
    let head_room = before.map(|before| largest_penalty / before.proof.penalty).filter(|room| room.is_finite());
    let stop = match proof.status {
        ProofStatus::Proved => "proved optimal",
        ProofStatus::RoundingFloor => "optimal up to rounding",
        _ => "not proved: a bound only",
    };
    let proof = Some(GradeProof { scale: problem.scale, largest_penalty, head_room, proof });
    Ok(Built { grade, updates, stop, replay, proof })
}

/// The settings for standardised targets: a noise level is given in the units of the targets.
fn in_units_of_the_problem(settings: &ConvexSettings, task: &GradeTask) -> ConvexSettings {
    let mut settings = settings.clone();
    if let Penalty::Path { choice: Choice::Discrepancy { noise }, .. } = &mut settings.penalty {
        let scales = task.origin.scaling.outputs.scale();
        let mean_square = scales.iter().map(|s| (*noise / s).powi(2)).sum::<f64>() / scales.len() as f64;
        *noise = mean_square.sqrt();
    }
    settings
}

/// Why one more convex grade would gain nothing, where that is proved.
///
/// After a convex grade of the input itself, the sum of all grades is a linear spline of that input whatever ReLU grades
/// follow, and the proof says that no spline has a smaller objective. On other features, a grade has no neurons
/// if its penalty is at least [`ConvexTask::largest_penalty`].
pub(crate) fn futility(penalty: &Penalty, task: &GradeTask) -> Result<Option<String>, FitError> {
    let done = one_input_is_done(penalty, task);
    let (None, Penalty::Absolute(penalty), true) = (&done, penalty, task.k > 1) else { return Ok(done) };
    let largest = ConvexTask::new(task)?.largest_penalty();
    Ok((largest <= *penalty).then(|| {
        format!(
            "grade {} would have no neurons: on these features that takes a penalty below {largest:.3e}, and it is \
             {penalty:e}",
            task.k
        )
    }))
}

/// The first reason of [`futility`], for any class of neurons.
pub(crate) fn one_input_is_done(penalty: &Penalty, task: &GradeTask) -> Option<String> {
    let before = task.origin.records.last().and_then(|record| record.proof.as_ref())?;
    let is_shown = matches!(before.proof.status, ProofStatus::Proved | ProofStatus::RoundingFloor);
    let is_smaller = matches!(penalty, Penalty::Absolute(penalty) if *penalty < before.proof.penalty);
    (task.k == 2 && task.front.d == 1 && is_shown && !is_smaller).then(|| {
        "one grade is the right model for one input: every ReLU network of one input, however deep, is a linear \
         spline, and grade 1 is the best of all splines at its penalty"
            .into()
    })
}
