//! A model as one chain of layers, each of which reads the one before it and nothing else.
//!
//! Grades are a sum, and features and inputs skip layers. Many programs that read networks know neither sums nor skips: so
//! whatever a later layer needs travels along. Through a layer of ReLU neurons a value `q` passes as `relu(q)` and
//! `relu(-q)`, whose difference is `q` exactly; beside other neurons it passes as it is. The scaling of the inputs becomes
//! part of the first layer, that of the outputs part of the last one.

use crate::Multigrade;
use multigrade_kernels::Real;
use multigrade_model::{Activation, Branch, Scaling};

/// `constant + sum of weight * unit` over units of the layer before.
#[derive(Clone, Debug, Default)]
pub(super) struct Affine {
    pub(super) constant: f64,
    pub(super) terms: Vec<(usize, f64)>,
}

impl Affine {
    fn unit(index: usize) -> Self {
        Self { constant: 0.0, terms: vec![(index, 1.0)] }
    }

    fn plus(&mut self, factor: f64, other: &Self) {
        self.constant += factor * other.constant;
        self.terms.extend(other.terms.iter().map(|&(unit, weight)| (unit, factor * weight)));
    }

    /// `constant + sum of weight * value`, with one term for each unit.
    fn combination<'a>(constant: f64, parts: impl Iterator<Item = (f64, &'a Self)>) -> Self {
        let mut sum = Self { constant, terms: Vec::new() };
        parts.for_each(|(factor, part)| sum.plus(factor, part));
        sum.terms.sort_by_key(|(unit, _)| *unit);
        sum.terms.dedup_by(|(unit, weight), (first, total)| {
            let same = unit == first;
            if same {
                *total += *weight;
            }
            same
        });
        sum
    }

    fn scaled(&self, factor: f64, constant: f64) -> Self {
        Self::combination(constant, std::iter::once((factor, self)))
    }

    fn evaluate<T: Real>(&self, units: &[T]) -> T {
        let terms = self.terms.iter();
        terms.fold(T::from_f64(self.constant), |sum, &(unit, weight)| sum + T::from_f64(weight) * units[unit])
    }
}

/// Neurons of one layer with the same activation.
#[derive(Debug)]
pub(super) struct Group {
    pub(super) activation: Activation,
    pub(super) neurons: Vec<Affine>,
}

/// Layers in order; each has one or more groups, whose units are laid side by side.
#[derive(Debug)]
pub(super) struct Chain {
    pub(super) inputs: usize,
    pub(super) layers: Vec<Vec<Group>>,
    /// For every grade, the layer after which its prediction is known (0: the inputs) and the prediction.
    pub(super) stages: Vec<(usize, Vec<Affine>)>,
}

/// A layer under construction: units take their place when all of them are known.
#[derive(Default)]
struct Builder {
    neurons: Vec<(Activation, Affine)>,
}

/// How a value of the layer before is found in the new one: sums of neurons, by their number in the builder.
type Carried = Vec<(usize, f64)>;

impl Builder {
    fn neuron(&mut self, activation: Activation, affine: Affine) -> Carried {
        self.neurons.push((activation, affine));
        vec![(self.neurons.len() - 1, 1.0)]
    }

    fn carry(&mut self, value: &Affine, among_relu: bool) -> Carried {
        if !among_relu {
            return self.neuron(Activation::Identity, value.clone());
        }
        let plus = self.neuron(Activation::Relu, value.clone())[0].0;
        let minus = self.neuron(Activation::Relu, value.scaled(-1.0, 0.0))[0].0;
        vec![(plus, 1.0), (minus, -1.0)]
    }

    /// The groups of the layer, and the place of each neuron.
    fn finish(self) -> (Vec<Group>, Vec<usize>) {
        let mut groups: Vec<Group> = Vec::new();
        let mut within = Vec::with_capacity(self.neurons.len());
        for (activation, affine) in self.neurons {
            let g = groups.iter().position(|group| group.activation == activation).unwrap_or_else(|| {
                groups.push(Group { activation, neurons: Vec::new() });
                groups.len() - 1
            });
            within.push((g, groups[g].neurons.len()));
            groups[g].neurons.push(affine);
        }
        let starts: Vec<usize> = groups
            .iter()
            .scan(0, |start, group| {
                let own = *start;
                *start += group.neurons.len();
                Some(own)
            })
            .collect();
        let places = within.into_iter().map(|(g, i)| starts[g] + i).collect();
        (groups, places)
    }
}

fn placed(carried: &[Carried], places: &[usize]) -> Vec<Affine> {
    let affine = |parts: &Carried| Affine {
        constant: 0.0,
        terms: parts.iter().map(|&(neuron, weight)| (places[neuron], weight)).collect(),
    };
    carried.iter().map(affine).collect()
}

impl Chain {
    pub(super) fn new(model: &Multigrade) -> Self {
        let scaling = model.input_scaling();
        let scaled = |(j, (c, s)): (usize, (&f64, &f64))| Affine::unit(j).scaled(1.0 / s, -c / s);
        let mut inputs: Vec<Affine> = scaling.center().iter().zip(scaling.scale()).enumerate().map(scaled).collect();
        let mut sums = vec![Affine::default(); model.n_outputs()];
        let mut chain = Self { inputs: model.n_inputs(), layers: Vec::new(), stages: Vec::new() };
        let mut features = inputs.clone();
        for (k, grade) in model.grades().iter().enumerate() {
            let mut branches = vec![features; grade.branches().len()];
            let depth = grade.branches().iter().map(Vec::len).max().unwrap_or(0);
            let carried_later = model.grades()[k..].iter().any(multigrade_model::Grade::carry_inputs);
            for level in 0..depth {
                let carried = if carried_later { inputs.len() } else { 0 };
                let sum = if k > 0 { sums.len() } else { 0 };
                let mut values = [&inputs[..carried], &sums[..sum]].concat();
                chain.layer(grade.branches(), level, &mut branches, &mut values);
                sums.splice(..sum, values.split_off(carried));
                inputs.splice(..carried, values);
            }
            features = branches.concat();
            if grade.carry_inputs() {
                features.extend_from_slice(&inputs);
            }
            let weights = grade.readout().weights();
            for (j, sum) in sums.iter_mut().enumerate() {
                let parts = std::iter::once((1.0, &*sum)).chain(weights.row(j).iter().copied().zip(&features));
                *sum = Affine::combination(grade.readout().bias()[j], parts);
            }
            chain.stages.push((chain.layers.len(), restored(&sums, model.output_scaling())));
        }
        if chain.stages.is_empty() {
            chain.stages.push((0, restored(&sums, model.output_scaling())));
        }
        chain
    }

    /// Adds layer `level` of all branches; branches that have ended, and `values`, travel along.
    fn layer(&mut self, stacks: &[Branch], level: usize, branches: &mut [Vec<Affine>], values: &mut Vec<Affine>) {
        let among_relu = stacks.iter().filter_map(|stack| stack.get(level)).all(|l| l.activation() == Activation::Relu);
        let mut builder = Builder::default();
        let mut found: Vec<Vec<Carried>> = Vec::new();
        for (stack, features) in stacks.iter().zip(branches.iter()) {
            found.push(match stack.get(level) {
                None => features.iter().map(|value| builder.carry(value, among_relu)).collect(),
                Some(layer) => (0..layer.outputs())
                    .map(|i| {
                        let parts = layer.weights().terms(i).map(|(j, weight)| (weight, &features[j]));
                        builder.neuron(layer.activation(), Affine::combination(layer.bias()[i], parts))
                    })
                    .collect(),
            });
        }
        found.push(values.iter().map(|value| builder.carry(value, among_relu)).collect());
        let (groups, places) = builder.finish();
        for (features, found) in branches.iter_mut().zip(&found) {
            *features = placed(found, &places);
        }
        *values = placed(&found[stacks.len()], &places);
        self.layers.push(groups);
    }

    /// The prediction of the last grade for one row, added in the order of the units.
    pub(super) fn evaluate<T: Real>(&self, x: &[f64]) -> Vec<f64> {
        let mut units: Vec<T> = x.iter().map(|&x| T::from_f64(x)).collect();
        let (end, outputs) = &self.stages[self.stages.len() - 1];
        for layer in &self.layers[..*end] {
            let neurons = layer.iter().flat_map(|group| group.neurons.iter().map(|n| (group.activation, n)));
            units = neurons.map(|(activation, n)| T::from_f64(activation.apply(n.evaluate(&units).to_f64()))).collect();
        }
        outputs.iter().map(|output| output.evaluate(&units).to_f64()).collect()
    }
}

/// `center + scale * sum` of every output.
fn restored(sums: &[Affine], scaling: &Scaling) -> Vec<Affine> {
    let scales = scaling.center().iter().zip(scaling.scale());
    sums.iter().zip(scales).map(|(sum, (center, scale))| sum.scaled(*scale, *center)).collect()
}
