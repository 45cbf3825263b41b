//! What a report says about a convex grade: the proof in words and numbers, its hinges, what each input adds.

use super::significant;
use crate::{Grade, GradeProof, Layer, Multigrade, ProofStatus};
use multigrade_model::{Activation, NeuronClass};
use serde::Serialize;

/// A convex grade: what is proved about it, and what it consists of.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ConvexRow {
    /// The line of the proof: value, what is proved about it, neurons.
    pub line: String,
    /// What the gap amounts to.
    pub status: ProofStatus,
    /// The neurons that the optimum ranges over.
    pub class: NeuronClass,
    /// Whether the grade reads a single feature: then neurons of one feature are all there are.
    pub reads_one: bool,
    /// Value of the grade in its training problem, on standardised features and targets.
    pub primal: f64,
    /// What no grade of the class falls below.
    pub dual: f64,
    /// Their difference and an allowance for rounding.
    pub gap: f64,
    /// The gap divided by the value; none where that says nothing.
    pub rel_gap: Option<f64>,
    /// The relative gap that was asked for.
    pub tolerance: f64,
    /// For each output and in its units: how far the fit can be from that of the optimum, root mean square over the rows.
    pub fit_rmse_bound: Vec<f64>,
    /// The penalty of the neurons.
    pub penalty: f64,
    /// The smallest penalty with which there would be no neurons.
    pub largest_penalty: f64,
    /// `largest_penalty` divided by the penalty of the convex grade before.
    pub head_room: Option<f64>,
    /// Neurons that do anything.
    pub neurons: usize,
    /// The neurons that read one feature each, by feature and place.
    pub hinges: Vec<Hinge>,
    /// What each input adds, if the features are the inputs and every neuron reads one of them.
    pub curves: Vec<Curve>,
}

/// A neuron that reads one feature: there the slope of the correction changes.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Hinge {
    /// The feature, for example `mach` or `hinge of mach at 0.52`.
    pub feature: String,
    /// The place of the kink, in units of the feature; of an input in those of the table.
    pub knot: f64,
    /// By how much the slope changes there, for each output, in units of the output per unit of the feature.
    pub slope_change: Vec<f64>,
}

/// What one input adds to the outputs: a polygon, in units of the table.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Curve {
    /// Position of the input in the model.
    pub input: usize,
    /// Ends of the range and kinks inside it, ascending.
    pub x: Vec<f64>,
    /// Whether there is a kink at each `x`.
    pub is_kink: Vec<bool>,
    /// For each output its values at `x`: with a single input those of the approximation after the grade, else
    /// differences to the value at the mean of the input.
    pub values: Vec<Vec<f64>>,
}

/// A feature of a grade by name, with the affine map from its numbers to the units shown.
struct Feature {
    name: String,
    input: Option<usize>,
    center: f64,
    scale: f64,
}

impl ConvexRow {
    /// What is to be said about grade `k` of `model`; none if it is no convex grade.
    pub(super) fn of(model: &Multigrade, k: usize) -> Option<Self> {
        let (_, claim) = model.proofs().find(|(grade, _)| *grade == k)?;
        let grade = model.grades().get(k.checked_sub(1)?)?;
        let GradeProof { largest_penalty, head_room, proof, .. } = claim;
        let features = features(model, k);
        let scales = model.output_scaling().scale();
        let outputs = (scales.len() as f64).sqrt();
        let hinges = hinges(grade, &features, scales);
        let reads_inputs = k == 1 && proof.class == NeuronClass::OneInput;
        Some(Self {
            line: proof.to_string(),
            status: proof.status,
            class: proof.class,
            reads_one: grade.inputs() == 1,
            primal: proof.primal,
            dual: proof.dual,
            gap: proof.gap,
            rel_gap: proof.rel_gap,
            tolerance: proof.tolerance,
            fit_rmse_bound: scales.iter().map(|scale| outputs * scale * proof.fit_rmse_bound).collect(),
            penalty: proof.penalty,
            largest_penalty: *largest_penalty,
            head_room: *head_room,
            neurons: proof.neurons,
            curves: if reads_inputs { curves(model, grade, &features, &hinges) } else { Vec::new() },
            hinges: hinges.into_iter().map(|(_, hinge)| hinge).collect(),
        })
    }

    /// What the optimum ranges over, in words.
    fn kind(&self) -> &'static str {
        match self.class {
            NeuronClass::OneInput if self.reads_one => "all ReLU networks with one hidden layer",
            NeuronClass::OneInput => "networks of ReLU neurons that read one feature each",
            NeuronClass::Dense { .. } => "networks of ReLU neurons that read all features",
            _ => "networks of its class",
        }
    }

    /// The class, the penalty, and what the bound means in the units of the outputs, in one sentence without a full stop.
    pub fn details(&self, outputs: &[(&str, Option<&str>)]) -> String {
        let mut text = format!("among {}; penalty {}", self.kind(), significant(self.penalty, 3));
        if self.largest_penalty > 0.0 && self.penalty > 0.0 {
            text += &format!(", {} of the largest useful one", significant(self.penalty / self.largest_penalty, 2));
        }
        let bounds = outputs.iter().zip(&self.fit_rmse_bound).map(|((name, unit), bound)| {
            let unit = unit.map_or(String::new(), |unit| format!(" {unit}"));
            format!("{} {}{unit}", name, significant(*bound, 2))
        });
        text += &format!("; distance to the optimal fit at most: {} (RMSE)", bounds.collect::<Vec<_>>().join(", "));
        if let Some(room) = self.head_room {
            text += &format!("; head room {} over the penalty of the grade before", significant(room, 3));
        }
        text
    }
}

/// The features that grade `k` reads.
fn features(model: &Multigrade, k: usize) -> Vec<Feature> {
    let inputs = || {
        let scaling = model.input_scaling();
        let numbers = scaling.center().iter().zip(scaling.scale());
        model.schema().inputs.iter().zip(numbers).enumerate().map(|(i, (column, (&center, &scale)))| Feature {
            name: column.name.clone(),
            input: Some(i),
            center,
            scale,
        })
    };
    let mut features: Vec<Feature> = inputs().collect();
    for (g, grade) in model.grades()[..k - 1].iter().enumerate() {
        let mut next = Vec::new();
        for branch in grade.branches() {
            let last = &branch[branch.len() - 1];
            for j in 0..last.outputs() {
                let read = if branch.len() == 1 { single(last, j) } else { None };
                next.push(match (last.activation(), read.map(|(i, weight)| (&features[i], weight))) {
                    (Activation::Identity, Some((feature, _))) => Feature { name: feature.name.clone(), ..*feature },
                    (Activation::Relu, Some((feature, weight))) if feature.input.is_some() => {
                        let knot = knot(weight, last.bias()[j], feature);
                        Feature::plain(format!("hinge of {} at {}", feature.name, significant(knot, 4)))
                    }
                    _ => Feature::plain(format!("neuron {} of grade {}", j + 1, g + 1)),
                });
            }
        }
        if grade.carry_inputs() {
            next.extend(inputs());
        }
        features = next;
    }
    features
}

impl Feature {
    fn plain(name: String) -> Self {
        Self { name, input: None, center: 0.0, scale: 1.0 }
    }
}

/// The feature that neuron `j` reads, with its weight, if there is exactly one.
fn single(layer: &Layer, j: usize) -> Option<(usize, f64)> {
    let mut read = layer.weights().terms(j).filter(|(_, weight)| *weight != 0.0);
    read.next().filter(|_| read.next().is_none())
}

fn knot(weight: f64, bias: f64, feature: &Feature) -> f64 {
    feature.center - feature.scale * (bias / weight)
}

/// The neurons that read one feature and are read, each with the position of its feature.
fn hinges(grade: &Grade, features: &[Feature], scales: &[f64]) -> Vec<(usize, Hinge)> {
    let layer = &grade.branches()[0][0];
    let neuron = |j: usize| {
        let (i, weight) = single(layer, j)?;
        let feature = &features[i];
        let change =
            |(o, scale): (usize, &f64)| grade.readout().weights().row(o)[j] * weight.abs() * scale / feature.scale;
        let slope_change: Vec<f64> = scales.iter().enumerate().map(change).collect();
        let is_read = slope_change.iter().any(|change| *change != 0.0);
        let knot = knot(weight, layer.bias()[j], feature);
        is_read.then(|| (i, Hinge { feature: feature.name.clone(), knot, slope_change }))
    };
    let mut hinges: Vec<(usize, Hinge)> = (0..layer.outputs()).filter_map(neuron).collect();
    hinges.sort_by(|a, b| a.0.cmp(&b.0).then(a.1.knot.total_cmp(&b.1.knot)));
    hinges
}

/// What each input adds through the affine part and its hinges.
fn curves(model: &Multigrade, grade: &Grade, features: &[Feature], hinges: &[(usize, Hinge)]) -> Vec<Curve> {
    let (m, hidden) = (model.n_outputs(), grade.n_hidden_features());
    let layer = &grade.branches()[0][0];
    let curve = |i: usize| {
        let column = &model.schema().inputs[i];
        let own = hinges.iter().filter(|(feature, _)| *feature == i).map(|(_, hinge)| hinge.knot);
        let mut x: Vec<(f64, bool)> = own.filter(|t| *t > column.min && *t < column.max).map(|t| (t, true)).collect();
        x.dedup();
        x.insert(0, (column.min, false));
        x.push((column.max, false));
        let alone = |x: f64, o: usize| {
            let z = (x - features[i].center) / features[i].scale;
            let read = grade.readout().weights().row(o);
            let neurons = (0..layer.outputs()).filter_map(|j| Some((j, single(layer, j).filter(|own| own.0 == i)?.1)));
            let bent = neurons.map(|(j, weight)| read[j] * weight.mul_add(z, layer.bias()[j]).max(0.0));
            bent.sum::<f64>() + read[hidden + i] * z
        };
        let values = |o: usize| {
            let (center, scale) = (model.output_scaling().center()[o], model.output_scaling().scale()[o]);
            let start = match model.n_inputs() {
                1 => center + scale * grade.readout().bias()[o],
                _ => -scale * alone(features[i].center, o),
            };
            x.iter().map(|(x, _)| start + scale * alone(*x, o)).collect::<Vec<f64>>()
        };
        Curve {
            input: i,
            values: (0..m).map(values).collect(),
            is_kink: x.iter().map(|(_, is_kink)| *is_kink).collect(),
            x: x.iter().map(|(x, _)| *x).collect(),
        }
    };
    (0..model.n_inputs()).map(curve).collect()
}
