//! A model as one chain of layers, each of which reads the one before it and nothing else.
//!
//! Grades are a sum, and features and inputs skip layers. Many programs that read networks know neither sums nor skips: so
//! whatever a later layer needs travels along. Through a layer of ReLU neurons a value `q` passes as `relu(q)` and
//! `relu(-q)`, whose difference is `q` exactly; beside other neurons it passes as it is.
//!
//! No weight is multiplied with another, and no two sums become one, so the chain makes the roundings that certificates speak
//! about (docs/certificate-format.md, "What evaluation in a format means") and no others. One thing has to be seen for that: a
//! correction `g_k` is computed twice, for `relu(g_k)` and `relu(-g_k)`, and a runtime may add in another order the second time.
//! Where the two results have different signs, both parts are above 0 or neither is. But every later step, up to the output, is
//! monotone in each of them, and with either part replaced by 0 it is what one of the two results gives: the output lies
//! between two that are covered, and so within the proved bounds.

use crate::Multigrade;
use multigrade_kernels::Real;
use multigrade_model::{Activation, Branch, Layer, Scaling};

/// How a value is found in a layer: as a sum of units, each with its sign.
type Value = Vec<(usize, f64)>;

/// `constant + sum of weight * unit` over units of the layer before, each of which occurs once.
#[derive(Clone, Debug)]
pub(super) struct Affine {
    pub(super) constant: f64,
    pub(super) terms: Vec<(usize, f64)>,
}

impl Affine {
    /// `constant + sum of weight * value`. Signs change no digit of a weight.
    fn combination<'a>(constant: f64, parts: impl Iterator<Item = (f64, &'a Value)>) -> Self {
        let terms = parts.flat_map(|(weight, value)| value.iter().map(move |&(unit, sign)| (unit, weight * sign)));
        Self { constant, terms: terms.collect() }
    }

    fn of(value: &Value) -> Self {
        Self { constant: 0.0, terms: value.clone() }
    }

    fn negated(&self) -> Self {
        Self { constant: -self.constant, terms: self.terms.iter().map(|&(unit, weight)| (unit, -weight)).collect() }
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

/// Where the prediction of a grade is known.
#[derive(Debug)]
pub(super) struct Stage {
    /// The layer after which it is (0: the scaled inputs).
    pub(super) end: usize,
    /// Its summands, one number for each output: the sum of the grades before, if there are any, and the correction.
    pub(super) parts: Vec<Vec<Affine>>,
}

impl Stage {
    /// For each output the sum of its parts, of units that are all parts one after the other.
    pub(super) fn sums(&self) -> Vec<Affine> {
        let outputs = self.parts[0].len();
        let terms = |j| (0..self.parts.len()).map(|part| (part * outputs + j, 1.0)).collect();
        (0..outputs).map(|j| Affine { constant: 0.0, terms: terms(j) }).collect()
    }
}

/// The scaling of the inputs, layers in order, and after each grade the sum of its parts and the scaling of the outputs. Each
/// layer has one or more groups, whose units are laid side by side.
#[derive(Debug)]
pub(super) struct Chain {
    pub(super) inputs: Scaling,
    pub(super) layers: Vec<Vec<Group>>,
    /// For every grade; for a model without grades, its constant.
    pub(super) stages: Vec<Stage>,
    pub(super) outputs: Scaling,
}

/// A layer under construction: units take their place when all of them are known.
#[derive(Default)]
struct Builder {
    neurons: Vec<(Activation, Affine)>,
}

impl Builder {
    /// The new neuron, by its number in the builder.
    fn neuron(&mut self, activation: Activation, affine: Affine) -> Value {
        self.neurons.push((activation, affine));
        vec![(self.neurons.len() - 1, 1.0)]
    }

    fn carry(&mut self, affine: Affine, among_relu: bool) -> Value {
        if !among_relu {
            return self.neuron(Activation::Identity, affine);
        }
        let minus = self.neuron(Activation::Relu, affine.negated())[0].0;
        let plus = self.neuron(Activation::Relu, affine)[0].0;
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

fn placed(found: Vec<Value>, places: &[usize]) -> Vec<Value> {
    found.into_iter().map(|value| value.into_iter().map(|(neuron, sign)| (places[neuron], sign)).collect()).collect()
}

impl Chain {
    pub(super) fn new(model: &Multigrade) -> Self {
        let scalings = [model.input_scaling(), model.output_scaling()].map(Scaling::clone);
        let [inputs, outputs] = scalings;
        let mut chain = Self { inputs, layers: Vec::new(), stages: Vec::new(), outputs };
        let mut inputs: Vec<Value> = (0..model.n_inputs()).map(|j| vec![(j, 1.0)]).collect();
        // What is known of the sum of the grades before: units that hold it, and a correction that no layer has computed yet.
        let (mut sums, mut correction): (Vec<Value>, Vec<Affine>) = (Vec::new(), Vec::new());
        let mut features = inputs.clone();
        for (k, grade) in model.grades().iter().enumerate() {
            let mut branches = vec![features; grade.branches().len()];
            let depth = grade.branches().iter().map(Vec::len).max().unwrap_or(0);
            let carried_later = model.grades()[k..].iter().any(multigrade_model::Grade::carry_inputs);
            for level in 0..depth {
                let carried = if carried_later { inputs.len() } else { 0 };
                let values = inputs[..carried].iter().chain(&sums).map(Affine::of).chain(correction.drain(..));
                let mut values = chain.layer(grade.branches(), level, &mut branches, values.collect());
                let mut totals = values.split_off(carried);
                inputs.splice(..carried, values);
                // The sum before and the correction are added by whoever reads the sum.
                let newer = totals.split_off(totals.len().min(model.n_outputs()));
                totals.iter_mut().zip(newer).for_each(|(total, newer)| total.extend(newer));
                sums = totals;
            }
            features = branches.concat();
            if grade.carry_inputs() {
                features.extend_from_slice(&inputs);
            }
            let (weights, bias) = (grade.readout().weights(), grade.readout().bias());
            let row = |j| Affine::combination(bias[j], weights.row(j).iter().copied().zip(&features));
            correction = (0..model.n_outputs()).map(row).collect();
            let before: Vec<Affine> = sums.iter().map(Affine::of).collect();
            let parts = [before, correction.clone()].into_iter().filter(|part| !part.is_empty()).collect();
            chain.stages.push(Stage { end: chain.layers.len(), parts });
        }
        if chain.stages.is_empty() {
            let nothing = vec![Affine { constant: 0.0, terms: Vec::new() }; model.n_outputs()];
            chain.stages.push(Stage { end: 0, parts: vec![nothing] });
        }
        chain
    }

    /// Adds layer `level` of all branches; branches that have ended, and `values`, travel along. The answer is where the values are.
    fn layer(
        &mut self,
        stacks: &[Branch],
        level: usize,
        branches: &mut [Vec<Value>],
        values: Vec<Affine>,
    ) -> Vec<Value> {
        let among_relu = stacks.iter().filter_map(|stack| stack.get(level)).all(|l| l.activation() == Activation::Relu);
        let mut builder = Builder::default();
        for (stack, features) in stacks.iter().zip(branches.iter_mut()) {
            let neuron = |builder: &mut Builder, layer: &Layer, i| {
                let parts = layer.weights().terms(i).map(|(j, weight)| (weight, &features[j]));
                builder.neuron(layer.activation(), Affine::combination(layer.bias()[i], parts))
            };
            *features = match stack.get(level) {
                None => features.iter().map(|value| builder.carry(Affine::of(value), among_relu)).collect(),
                Some(layer) => (0..layer.outputs()).map(|i| neuron(&mut builder, layer, i)).collect(),
            };
        }
        let values: Vec<Value> = values.into_iter().map(|value| builder.carry(value, among_relu)).collect();
        let (groups, places) = builder.finish();
        for features in branches {
            *features = placed(std::mem::take(features), &places);
        }
        self.layers.push(groups);
        placed(values, &places)
    }

    /// The prediction of the last grade for one row, added in the order of the model.
    pub(super) fn evaluate<T: Real>(&self, x: &[f64]) -> Vec<f64> {
        let scales = self.inputs.center().iter().zip(self.inputs.scale());
        let scaled = |(x, (c, s)): (&f64, (&f64, &f64))| (T::from_f64(*x) - T::from_f64(*c)) / T::from_f64(*s);
        let mut units: Vec<T> = x.iter().zip(scales).map(scaled).collect();
        let stage = &self.stages[self.stages.len() - 1];
        for layer in &self.layers[..stage.end] {
            let neurons = layer.iter().flat_map(|group| group.neurons.iter().map(|n| (group.activation, n)));
            units = neurons.map(|(activation, n)| T::from_f64(activation.apply(n.evaluate(&units).to_f64()))).collect();
        }
        let scales = self.outputs.center().iter().zip(self.outputs.scale()).enumerate();
        let output = |(j, (c, s)): (usize, (&f64, &f64))| {
            let sum = stage.parts.iter().fold(T::from_f64(0.0), |sum, part| sum + part[j].evaluate(&units));
            (T::from_f64(*c) + T::from_f64(*s) * sum).to_f64()
        };
        scales.map(output).collect()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    /// Numbers of very different size, neighbours included.
    fn number() -> impl Strategy<Value = f32> {
        let near = (-3_i32..4).prop_map(|ulps| 1.0 + ulps as f32 * f32::EPSILON);
        (-1.0..1.0_f32, -30_i32..30, near, any::<bool>()).prop_map(|(digits, power, near, is_near)| {
            let digits = if is_near { near.copysign(digits) } else { digits };
            digits * 2_f32.powi(power)
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(20_000))]
        #[test]
        fn a_correction_in_two_parts_that_were_added_in_different_orders_stays_between_both(
            sum in number(), positive in number(), negative in number(),
        ) {
            let (plus, minus) = (positive.max(0.0), (-negative).max(0.0));
            let (one, other) = (sum + positive, sum + negative);
            for found in [(sum + plus) - minus, (sum - minus) + plus, sum + (plus - minus)] {
                prop_assert!(one.min(other) <= found && found <= one.max(other), "{one} {found} {other}");
            }
        }
    }
}
