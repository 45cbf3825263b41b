//! Building one grade: train the hidden stacks, solve the readouts, average.

use crate::Samples;
use crate::convex::ConvexSettings;
use crate::convex::dense::DenseSettings;
use crate::convex_grade::{build_convex, build_dense};
use crate::features::fit_into;
use crate::fit::{FitError, Scalings};
use crate::front::{Front, Logits, class_scaling, feature_standardisation};
use crate::least_squares::{LinearMap, ridge_path};
use crate::logistic::logistic_path;
use crate::observer::Progress;
use crate::settings::{FitSettings, MAX_LEVENBERG, Precision, ReadoutRule, Solver};
use crate::training::{Inputs, Outcome, Randomness, Rows, Stop, Task, Terms, train};
use multigrade_kernels::{Real, Shape};
use multigrade_model::{Activation, Grade, GradeProof, GradeRecord, Layer, Matrix, ModelError, Readout, Scaling};
use rayon::prelude::*;

/// Everything that decides what a grade looks like and how it is found.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum GradePlan {
    Trained(TrainedPlan),
    Convex(ConvexSettings),
    Dense(DenseSettings),
}

/// Everything that decides what a trained grade looks like and how it is trained.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct TrainedPlan {
    pub(crate) hidden: Vec<(usize, Activation)>,
    pub(crate) weight_decay: f64,
    pub(crate) branches: usize,
    pub(crate) solver: Solver,
    /// Typical length of the first layer's weight vectors, for random waves.
    pub(crate) frequency: Option<f64>,
    /// What held-out rows decided while the grade was built before, for building it again without them.
    pub(crate) replay: Option<Vec<Verdict>>,
}

/// Most weights and biases of a grade under training, all branches together: 8 GB in f64, of which training holds some
/// dozen copies at worst.
const MAX_PARAMETERS: usize = 1 << 30;

impl GradePlan {
    /// The solver in words.
    pub(crate) fn solver(&self) -> String {
        match self {
            Self::Trained(TrainedPlan { frequency: Some(frequency), .. }) => {
                format!("random waves of frequency {frequency:.0}")
            }
            Self::Trained(plan) => plan.solver.to_string(),
            Self::Convex(settings) => Solver::Convex(settings.clone()).to_string(),
            Self::Dense(settings) => {
                Solver::ConvexDense { settings: settings.clone(), choose_penalty: false }.to_string()
            }
        }
    }

    /// The weight decay; a convex grade has its penalty instead.
    pub(crate) fn weight_decay(&self) -> f64 {
        match self {
            Self::Trained(plan) => plan.weight_decay,
            Self::Convex(_) | Self::Dense(_) => 0.0,
        }
    }
}

impl TrainedPlan {
    /// Whether the branches together stay below [`MAX_PARAMETERS`].
    fn check_size(&self, inputs: usize, carried: usize, outputs: usize) -> Result<(), FitError> {
        let layers = self.hidden.iter().scan(inputs, |width, &(next, _)| {
            let size = width.saturating_add(1).saturating_mul(next);
            *width = next;
            Some(size)
        });
        let readout = |width: usize| width.saturating_add(carried + 1).saturating_mul(outputs);
        let branch = layers.fold(readout(self.hidden[self.hidden.len() - 1].0), usize::saturating_add);
        if matches!(self.solver, Solver::LevenbergMarquardt { .. }) && branch > MAX_LEVENBERG {
            return Err(FitError::TooLargeForLevenberg { found: branch, limit: MAX_LEVENBERG });
        }
        match branch.saturating_mul(self.branches) {
            found if found > MAX_PARAMETERS => Err(FitError::TooLarge { found, limit: MAX_PARAMETERS }),
            _ => Ok(()),
        }
    }
}

/// What held-out rows decided for one branch.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Verdict {
    /// Steps after which the branch was best.
    steps: u32,
    /// Penalty of its readout.
    penalty: f64,
}

/// Penalties of the readout that are tried on held-out rows beside the weight decay: with many features and few rows,
/// a decay that suits the hidden layers can be far too small for the readout.
const PENALTIES: [f64; 4] = [1e-6, 1e-4, 1e-2, 1.0];

/// What every grade is built from: what the grades before it left over, and the circumstances of the fit.
#[derive(Clone, Copy)]
pub(crate) struct GradeTask<'a, 'observer> {
    /// Number of the grade, from 1.
    pub(crate) k: usize,
    pub(crate) origin: Origin<'a>,
    pub(crate) front: &'a Front,
    pub(crate) held_out: Option<&'a Front>,
    pub(crate) settings: &'a FitSettings,
    pub(crate) progress: &'a Progress<'observer>,
}

/// The rows that the grades are built from, and what was made of them so far.
#[derive(Clone, Copy)]
pub(crate) struct Origin<'a> {
    pub(crate) samples: &'a Samples,
    pub(crate) scaling: &'a Scalings,
    pub(crate) grades: &'a [Grade],
    /// Of `f_0` and of every grade.
    pub(crate) records: &'a [GradeRecord],
}

/// A grade and how its training went.
pub(crate) struct Built {
    pub(crate) grade: Grade,
    pub(crate) updates: u64,
    /// Why training ended, in words.
    pub(crate) stop: &'static str,
    /// The plan to build it again by, with what held-out rows decided.
    pub(crate) replay: GradePlan,
    pub(crate) proof: Option<GradeProof>,
}

impl Built {
    /// The hidden stack in words.
    pub(crate) fn describe(&self) -> String {
        match &self.proof {
            // A layer has at least one neuron, here one that nothing reads.
            Some(claim) if claim.proof.neurons == 0 => "linear".into(),
            _ => self.grade.describe(),
        }
    }
}

/// Builds a grade for the residual that the task's front holds: see [`build_trained`] and [`build_convex`].
pub(crate) fn build_grade(plan: &GradePlan, task: &GradeTask) -> Result<Built, FitError> {
    match plan {
        GradePlan::Trained(plan) => build_trained(plan, task),
        GradePlan::Convex(settings) => build_convex(settings, task),
        GradePlan::Dense(settings) => build_dense(settings, task),
    }
}

/// Trains a grade for the residual that the task's front holds.
///
/// Each branch is trained on `r / s`, the residual brought to unit size, with its own readout; with the rule
/// [`ReadoutRule::LeastSquares`] that readout is then solved for. The correction is the mean over the branches, and by
/// convexity it obeys what each of them obeys:
/// `|r - mean_b g_b|² <= mean_b |r - g_b|² <= |r|²`, column by column of the residual.
fn build_trained(plan: &TrainedPlan, task: &GradeTask) -> Result<Built, FitError> {
    match task.settings.precision {
        Precision::F64 => build::<f64>(plan, task),
        Precision::F32 => build::<f32>(plan, task),
    }
}

fn build<T: Real>(plan: &TrainedPlan, task: &GradeTask) -> Result<Built, FitError> {
    let &GradeTask { k, front, held_out, settings, progress, .. } = task;
    plan.check_size(front.p, front.d, front.m)?;
    let standard = match settings.standardise_features {
        true => feature_standardisation(&front.features, &front.weights)?,
        false => Scaling::identity(front.p),
    };
    let standard = match &front.logits {
        Some(_) if settings.standardise_features => class_scaling(&standard, &front.features, front.rows())?,
        _ => standard,
    };
    // Logits have a unit of their own: that of the loss.
    let scales = residual_scales(front, settings.rescale && front.logits.is_none());
    let carried = if settings.carry_inputs { front.d } else { 0 };
    let shape = Shape::new(front.p, plan.hidden.clone(), carried, front.m);
    let rows = training_rows::<T>(front, &standard, &scales, carried);
    let held_rows = held_out.map(|front| training_rows::<T>(front, &standard, &scales, carried));
    let branches: Vec<(Vec<Layer>, Vec<f64>, Outcome<T>)> = (0..plan.branches)
        .into_par_iter()
        .map(|b| {
            let randomness = Randomness::new(settings, k, b);
            let mut start = randomness.parameters(&shape, settings.initialisation);
            if let Some(frequency) = plan.frequency {
                make_waves(&shape, frequency, &mut start);
            }
            let mut task = Task::new(&shape, &rows, held_rows.as_ref(), plan.weight_decay);
            let limit = plan.replay.as_ref().map(|verdicts| verdicts[b].steps);
            let terms = Terms { keep: settings.keep, limit, grade: k, randomness };
            let outcome = train(&plan.solver, &mut task, start, &terms, progress);
            let parameters: Vec<f64> = outcome.parameters.iter().map(|p| p.to_f64()).collect();
            let layers = hidden_layers(&shape, &parameters, &standard)?;
            Ok((layers, parameters, outcome))
        })
        .collect::<Result<_, ModelError>>()?;
    let updates = branches.iter().map(|(_, _, outcome)| outcome.updates).sum();
    // The reason that the branches share, or the first that is not the plain end of the budget.
    let stops = branches.iter().map(|(_, _, outcome)| outcome.stop);
    let stop = stops.clone().find(|s| *s != Stop::Budget).unwrap_or(Stop::Budget);
    let readouts: Vec<BranchReadout> = match settings.readout {
        ReadoutRule::AsTrained => branches.iter().map(|(_, p, _)| trained_readout(&shape, p)).collect(),
        ReadoutRule::LeastSquares => branches
            .par_iter()
            .enumerate()
            .map(|(b, (layers, parameters, _))| {
                let penalty = plan.replay.as_ref().map(|verdicts| verdicts[b].penalty);
                let trained = trained_readout(&shape, parameters);
                solved_readout(layers, task, &scales, carried, penalty, plan.weight_decay, trained)
            })
            .collect::<Result<_, ModelError>>()?,
    };
    let outcomes = branches.iter().map(|(_, _, outcome)| outcome.steps);
    let verdicts = outcomes.zip(&readouts).map(|(steps, r)| Verdict { steps, penalty: r.penalty }).collect();
    let readout = average(&readouts, shape.last_width(), carried, &scales)?;
    let stacks = branches.into_iter().map(|(layers, _, _)| layers).collect();
    let replay = GradePlan::Trained(TrainedPlan { replay: Some(verdicts), ..plan.clone() });
    Ok(Built { grade: Grade::new(stacks, carried > 0, readout)?, updates, stop: stop.name(), replay, proof: None })
}

/// Turns the first weights of a layer into waves `sin(w x + b)` with `E|w|² = frequency²` and all phases `|b| <= pi`.
fn make_waves<T: Real>(shape: &Shape, frequency: f64, parameters: &mut [T]) {
    let layer = &shape.layers()[0];
    parameters[layer.weights.clone()].iter_mut().for_each(|w| *w *= T::from_f64(frequency));
    parameters[layer.bias.clone()].iter_mut().for_each(|b| *b *= T::from_f64(std::f64::consts::TAU));
}

/// Root mean square of each column of the residual, or 1 where it is zero or must not be rescaled.
fn residual_scales(front: &Front, rescale: bool) -> Vec<f64> {
    let scale = |j: usize| {
        let column = front.residuals.iter().skip(j).step_by(front.m).zip(&front.weights);
        let square: f64 = column.map(|(r, w)| w * r * r).sum();
        if rescale && square > 0.0 { square.sqrt() } else { 1.0 }
    };
    (0..front.m).map(scale).collect()
}

fn training_rows<T: Real>(front: &Front, standard: &Scaling, scales: &[f64], carried: usize) -> Rows<T> {
    let cast = |numbers: &[f64]| numbers.iter().map(|&x| T::from_f64(x)).collect::<Vec<T>>();
    let targets = front.logits.as_ref().map_or(&front.residuals, |logits| &logits.values).chunks_exact(front.m);
    let targets = targets.flat_map(|row| row.iter().zip(scales).map(|(r, s)| T::from_f64(r / s))).collect();
    let inputs = Inputs::Computed { features: front.features.clone(), standard: standard.clone() };
    Rows {
        inputs: if fit_into(front.features.limit(), front.rows(), front.p) {
            inputs.kept(front.rows())
        } else {
            inputs
        },
        carried: if carried > 0 { cast(&front.inputs) } else { Vec::new() },
        targets,
        classes: front.logits.as_ref().map_or(Vec::new(), |logits| logits.classes.clone()),
        weights: cast(&front.weights),
    }
}

/// The hidden layers, with the standardisation of their inputs folded into the first:
/// `W (z - c)/s + b = (W/s) z + (b - (W/s) c)`.
fn hidden_layers(shape: &Shape, parameters: &[f64], standard: &Scaling) -> Result<Vec<Layer>, ModelError> {
    let layer = |(l, layer): (usize, &multigrade_kernels::HiddenLayer)| {
        let mut weights = parameters[layer.weights.clone()].to_vec();
        let mut bias = parameters[layer.bias.clone()].to_vec();
        if l == 0 {
            for (row, b) in weights.chunks_exact_mut(layer.inputs).zip(&mut bias) {
                for ((w, s), c) in row.iter_mut().zip(standard.scale()).zip(standard.center()) {
                    *w /= s;
                    *b -= *w * c;
                }
            }
        }
        let weights = Matrix::new(layer.outputs, layer.inputs, weights).expect("a layer's range has its size");
        Layer::new(weights, bias, layer.activation)
    };
    shape.layers().iter().enumerate().map(layer).collect()
}

/// Readout of one branch on `[its features, carried inputs]`, for the rescaled residual: `weights` `(m, w + d)`, `bias`.
struct BranchReadout {
    weights: Vec<f64>,
    bias: Vec<f64>,
    /// The penalty it was solved with; 0 for one that was trained.
    penalty: f64,
}

fn trained_readout(shape: &Shape, parameters: &[f64]) -> BranchReadout {
    let readout = shape.readout();
    let part = |range: std::ops::Range<usize>| parameters[range].to_vec();
    BranchReadout { weights: part(readout.weights.clone()), bias: part(readout.bias.clone()), penalty: 0.0 }
}

/// The ridge readout of one branch, or its logistic regression, which begins with what training left. Its penalty is `penalty` if that is given; else the weight decay; or, with held-out
/// rows, the weight decay or one of the larger [`PENALTIES`], whichever is best on them.
fn solved_readout(
    layers: &[Layer],
    task: &GradeTask,
    scales: &[f64],
    carried: usize,
    penalty: Option<f64>,
    weight_decay: f64,
    trained: BranchReadout,
) -> Result<BranchReadout, ModelError> {
    let (front, m) = (task.front, task.front.m);
    let penalties = match (penalty, task.held_out) {
        (Some(penalty), _) => vec![penalty],
        (None, None) => vec![weight_decay],
        (None, Some(_)) => {
            let larger = PENALTIES.into_iter().filter(|p| *p > weight_decay);
            std::iter::once(weight_decay).chain(larger).collect()
        }
    };
    if let Some(logits) = &front.logits {
        return classifying_readout(layers, task, carried, logits, penalties, trained);
    }
    let rescaled = |front: &Front| -> Vec<f64> {
        front.residuals.chunks_exact(m).flat_map(|r| r.iter().zip(scales).map(|(r, s)| r / s)).collect()
    };
    let branch = without_readout(layers, carried, m)?;
    let features = front.features.after(&branch).0;
    let mut maps = ridge_path(&features, &rescaled(front), m, &front.weights, &penalties);
    let best = match task.held_out.filter(|_| maps.len() > 1) {
        None => 0,
        Some(held) => {
            let losses = LinearMap::losses(&maps, &held.features.after(&branch).0, &rescaled(held), &held.weights);
            (0..maps.len()).min_by(|&a, &b| losses[a].total_cmp(&losses[b])).unwrap_or(0)
        }
    };
    let map = maps.swap_remove(best);
    Ok(BranchReadout { weights: map.weights, bias: map.bias, penalty: penalties[best] })
}

/// The grade of one branch that corrects nothing: its features are those that the finished model computes, so that the
/// promise holds for that model.
fn without_readout(layers: &[Layer], carried: usize, m: usize) -> Result<Grade, ModelError> {
    let p = layers[layers.len() - 1].outputs() + carried;
    Grade::new(vec![layers.to_vec()], carried > 0, Readout::new(Matrix::zeros(m, p), vec![0.0; m])?)
}

/// The readout of a classifier's branch for the best of the penalties on held-out rows, or the first without such rows.
fn classifying_readout(
    layers: &[Layer],
    task: &GradeTask,
    carried: usize,
    logits: &Logits,
    mut penalties: Vec<f64>,
    trained: BranchReadout,
) -> Result<BranchReadout, ModelError> {
    let (front, m) = (task.front, task.front.m);
    let p = layers[layers.len() - 1].outputs() + carried;
    let branch = without_readout(layers, carried, m)?;
    let features = front.features.after(&branch).0;
    let start = LinearMap { weights: trained.weights, bias: trained.bias };
    // From the largest down: each begins with the one before, which is the safer side.
    penalties.reverse();
    let mut maps = logistic_path(&features.all(), p, logits, &front.weights, &penalties, Some(&start));
    let best = match task.held_out.filter(|_| maps.len() > 1) {
        None => maps.len() - 1,
        Some(held) => {
            let loss = |map: &LinearMap| -> Result<f64, ModelError> {
                let weights = Matrix::new(m, p, map.weights.clone()).expect("a map has a weight for each feature");
                let readout = Readout::new(weights, map.bias.clone())?;
                Ok(held.after(&Grade::new(vec![layers.to_vec()], carried > 0, readout)?).loss())
            };
            let losses: Vec<f64> = maps.iter().map(loss).collect::<Result<_, _>>()?;
            (0..maps.len()).min_by(|&a, &b| losses[a].total_cmp(&losses[b])).unwrap_or(0)
        }
    };
    let LinearMap { weights, bias } = maps.swap_remove(best);
    Ok(BranchReadout { weights, bias, penalty: penalties[best] })
}

/// The mean of the branches' readouts on their features side by side, in the units of the scaled outputs.
fn average(readouts: &[BranchReadout], width: usize, carried: usize, scales: &[f64]) -> Result<Readout, ModelError> {
    let (count, m) = (readouts.len(), scales.len());
    let mut weights = Matrix::zeros(m, count * width + carried);
    let mut bias = vec![0.0; m];
    for (b, BranchReadout { weights: a, bias: c, .. }) in readouts.iter().enumerate() {
        for j in 0..m {
            let share = scales[j] / count as f64;
            let (own, shared) = a[j * (width + carried)..(j + 1) * (width + carried)].split_at(width);
            let row = weights.row_mut(j);
            row[b * width..(b + 1) * width].iter_mut().zip(own).for_each(|(w, a)| *w = share * a);
            row[count * width..].iter_mut().zip(shared).for_each(|(w, a)| *w += share * a);
            bias[j] += share * c[j];
        }
    }
    Readout::new(weights, bias)
}
