//! Building one grade: train the hidden stacks, solve the readouts, average.

use crate::front::{Front, standardisation};
use crate::least_squares::ridge;
use crate::observer::Progress;
use crate::settings::{FitSettings, InitKey, Precision, ReadoutRule, Solver};
use crate::training::{Outcome, Rows, Stop, Stream, Task, initial_parameters, train};
use multigrade_kernels::{Real, Shape};
use multigrade_model::{Activation, Grade, Layer, Matrix, ModelError, Readout, Scaling};
use rayon::prelude::*;

/// Everything that decides what a grade looks like and how it is trained.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct GradePlan {
    pub(crate) hidden: Vec<(usize, Activation)>,
    pub(crate) weight_decay: f64,
    pub(crate) branches: usize,
    pub(crate) solver: Solver,
}

/// What every grade is built from: what the grades before it left over, and the circumstances of the fit.
#[derive(Clone, Copy)]
pub(crate) struct GradeTask<'a, 'observer> {
    /// Number of the grade, from 1.
    pub(crate) k: usize,
    pub(crate) front: &'a Front,
    pub(crate) held_out: Option<&'a Front>,
    pub(crate) settings: &'a FitSettings,
    pub(crate) progress: &'a Progress<'observer>,
}

/// A grade and how its training went.
pub(crate) struct Built {
    pub(crate) grade: Grade,
    pub(crate) updates: u64,
    pub(crate) stop: Stop,
}

/// Builds a grade for the residual that the task's front holds.
///
/// Each branch is trained on `r / s`, the residual brought to unit size, with its own readout; with the rule
/// [`ReadoutRule::LeastSquares`] that readout is then solved for. The correction is the mean over the branches, and by
/// convexity it obeys what each of them obeys:
/// `|r - mean_b g_b|² <= mean_b |r - g_b|² <= |r|²`, column by column of the residual.
pub(crate) fn build_grade(plan: &GradePlan, task: &GradeTask) -> Result<Built, ModelError> {
    match task.settings.precision {
        Precision::F64 => build::<f64>(plan, task),
        Precision::F32 => build::<f32>(plan, task),
    }
}

fn build<T: Real>(plan: &GradePlan, task: &GradeTask) -> Result<Built, ModelError> {
    let &GradeTask { k, front, held_out, settings, progress } = task;
    let standard = if settings.standardise_features {
        standardisation(&front.features, front.p, &front.weights)?
    } else {
        Scaling::identity(front.p)
    };
    let scales = residual_scales(front, settings.rescale);
    let carried = if settings.carry_inputs { front.d } else { 0 };
    let shape = Shape::new(front.p, plan.hidden.clone(), carried, front.m);
    let rows = training_rows::<T>(front, &standard, &scales, carried);
    let held_rows = held_out.map(|front| training_rows::<T>(front, &standard, &scales, carried));
    let key_grade = if settings.init_key == InitKey::Same { 1 } else { k as u64 };
    let branches: Vec<(Vec<Layer>, Vec<f64>, Outcome<T>)> = (0..plan.branches)
        .into_par_iter()
        .map(|b| {
            let stream = Stream::Initial { seed: settings.seed, grade: key_grade, branch: b as u64 };
            let start = initial_parameters(&shape, settings.initialisation, stream);
            let mut task = Task::new(&shape, &rows, held_rows.as_ref(), plan.weight_decay);
            let outcome = train(&plan.solver, &mut task, start, stream.key(), k, progress);
            let parameters: Vec<f64> = outcome.parameters.iter().map(|p| p.to_f64()).collect();
            let layers = hidden_layers(&shape, &parameters, &standard)?;
            Ok((layers, parameters, outcome))
        })
        .collect::<Result<_, ModelError>>()?;
    let updates = branches.iter().map(|(_, _, outcome)| outcome.updates).sum();
    // The reason that the branches share, or the first that is not the plain end of the budget.
    let stops = branches.iter().map(|(_, _, outcome)| outcome.stop);
    let stop = stops.clone().find(|s| *s != Stop::Budget).unwrap_or(Stop::Budget);
    let readouts = match settings.readout {
        ReadoutRule::AsTrained => branches.iter().map(|(_, p, _)| trained_readout(&shape, p)).collect(),
        ReadoutRule::LeastSquares => {
            let layers = branches.iter().map(|(layers, _, _)| layers);
            solved_readouts(layers, front, &scales, carried, plan.weight_decay)?
        }
    };
    let readout = average(&readouts, shape.last_width(), carried, &scales)?;
    let stacks = branches.into_iter().map(|(layers, _, _)| layers).collect();
    Ok(Built { grade: Grade::new(stacks, carried > 0, readout)?, updates, stop })
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
    let mut inputs = front.features.clone();
    standard.standardise(&mut inputs);
    let cast = |numbers: &[f64]| numbers.iter().map(|&x| T::from_f64(x)).collect::<Vec<T>>();
    let targets = front.residuals.chunks_exact(front.m);
    let targets = targets.flat_map(|row| row.iter().zip(scales).map(|(r, s)| T::from_f64(r / s))).collect();
    Rows {
        inputs: cast(&inputs),
        carried: if carried > 0 { cast(&front.inputs) } else { Vec::new() },
        targets,
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

/// Readout of one branch on `[its features, carried inputs]`, for the rescaled residual: weights `(m, w + d)`, bias.
type BranchReadout = (Vec<f64>, Vec<f64>);

fn trained_readout(shape: &Shape, parameters: &[f64]) -> BranchReadout {
    let readout = shape.readout();
    (parameters[readout.weights.clone()].to_vec(), parameters[readout.bias.clone()].to_vec())
}

fn solved_readouts<'a>(
    branches: impl Iterator<Item = &'a Vec<Layer>>,
    front: &Front,
    scales: &[f64],
    carried: usize,
    penalty: f64,
) -> Result<Vec<BranchReadout>, ModelError> {
    let targets: Vec<f64> =
        front.residuals.chunks_exact(front.m).flat_map(|r| r.iter().zip(scales).map(|(r, s)| r / s)).collect();
    let branches: Vec<&Vec<Layer>> = branches.collect();
    branches
        .into_par_iter()
        .map(|layers| {
            let p = layers[layers.len() - 1].outputs() + carried;
            // The features as the finished model computes them, so that the promise holds for that model.
            let blank = Readout::new(Matrix::zeros(front.m, p), vec![0.0; front.m])?;
            let branch = Grade::new(vec![layers.clone()], carried > 0, blank)?;
            let features = front.after(&branch).features;
            let map = ridge(&features, p, &targets, front.m, &front.weights, penalty);
            Ok((map.weights, map.bias))
        })
        .collect()
}

/// The mean of the branches' readouts on their features side by side, in the units of the scaled outputs.
fn average(readouts: &[BranchReadout], width: usize, carried: usize, scales: &[f64]) -> Result<Readout, ModelError> {
    let (count, m) = (readouts.len(), scales.len());
    let mut weights = Matrix::zeros(m, count * width + carried);
    let mut bias = vec![0.0; m];
    for (b, (a, c)) in readouts.iter().enumerate() {
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
