//! The candidate: its neurons, its unpenalised part, its value.

use super::{Bias, ProofError, Rows, Skip, Twofold};
use crate::network::{Activation, Grade};

/// A network of one hidden ReLU layer with one output.
pub(super) struct Candidate<'a> {
    bias: Bias,
    grade: &'a Grade,
}

/// Value of a candidate.
pub(super) struct Value {
    pub(super) total: Twofold,
    /// The loss that remains when each stored number is moved by a few of its rounding errors.
    pub(super) rounding: f64,
    pub(super) neurons: usize,
}

/// A neuron `a relu(v'x + b)`.
pub(super) struct Neuron {
    pub(super) v: Vec<f64>,
    pub(super) b: f64,
    pub(super) a: f64,
}

impl<'a> Candidate<'a> {
    pub(super) fn new(grade: &'a Grade, bias: Bias, skip: Skip) -> Result<Self, ProofError> {
        let expected = "one hidden ReLU layer on all inputs, with one output and the stated unpenalised part";
        let not = |found| Err(ProofError::Candidate { found, expected });
        let [branch] = grade.branches() else { return not("has several branches") };
        let [layer] = branch.as_slice() else { return not("has several hidden layers") };
        if layer.activation() != Activation::Relu {
            return not("has another activation");
        }
        if grade.readout().bias().len() != 1 {
            return not("has several outputs");
        }
        let (hidden, carried) = (layer.outputs(), if grade.carry_inputs() { layer.inputs() } else { 0 });
        if grade.n_features() != hidden + carried {
            return not("does not carry the inputs that it reads");
        }
        let is_free = |skip_has: bool, numbers: &[f64]| skip_has || numbers.iter().all(|&a| a == 0.0);
        if !is_free(skip != Skip::None || bias == Bias::Free, grade.readout().bias()) {
            return not("has a constant part");
        }
        if !is_free(skip == Skip::Affine, &grade.readout().weights().row(0)[hidden..]) {
            return not("has a linear part");
        }
        Ok(Self { bias, grade })
    }

    /// Length of the inputs.
    pub(super) fn inputs(&self) -> usize {
        self.grade.inputs()
    }

    pub(super) fn neurons(&self) -> impl Iterator<Item = Neuron> {
        let (layer, readout) = (&self.grade.branches()[0][0], self.grade.readout().weights().row(0));
        (0..layer.outputs()).map(move |j| {
            let mut v = vec![0.0; layer.inputs()];
            layer.weights().terms(j).for_each(|(k, weight)| v[k] = weight);
            Neuron { v, b: layer.bias()[j], a: readout[j] }
        })
    }

    fn slope(&self) -> &'a [f64] {
        &self.grade.readout().weights().row(0)[self.grade.n_hidden_features()..]
    }

    /// `1/2 sum_i w_i (y_i - f(x_i))² + β sum_j ‖v_j‖ |a_j|`.
    pub(super) fn value(&self, rows: &Rows<'_>, penalty: f64) -> Value {
        let neurons: Vec<Neuron> = self.neurons().filter(|neuron| neuron.a != 0.0).collect();
        let (mut loss, mut rounding) = (Twofold::ZERO, 0.0);
        for &i in &rows.kept {
            let x = rows.x(i);
            let (mut fit, mut size) =
                (Twofold::from(self.grade.readout().bias()[0]), self.grade.readout().bias()[0].abs());
            for (&c, &x) in self.slope().iter().zip(x) {
                fit = fit + Twofold::from(c) * x;
                size += (c * x).abs();
            }
            for neuron in &neurons {
                let (active, terms) = neuron.active(x);
                if let Some(active) = active {
                    fit = fit + active * neuron.a;
                    size += terms * neuron.a.abs();
                }
            }
            let off = Twofold::from(rows.y[i]) - fit;
            loss = loss + off * off * (0.5 * rows.weight(i));
            let moved = 2f64.powi(-50) * (rows.y[i].abs() + size);
            rounding += 0.5 * rows.weight(i) * moved * moved;
        }
        let norms: Twofold = neurons.iter().map(|neuron| neuron.norm(self.bias) * neuron.a.abs()).sum();
        let working = neurons.iter().filter(|neuron| neuron.norm(self.bias).is_above(Twofold::ZERO)).count();
        Value { total: loss + norms * penalty, rounding, neurons: working }
    }
}

impl Neuron {
    /// The preactivation where it is positive, and the sum of the magnitudes of its terms.
    fn active(&self, x: &[f64]) -> (Option<Twofold>, f64) {
        let (mut plain, mut size) = (self.b, self.b.abs());
        for (&v, &x) in self.v.iter().zip(x) {
            plain += v * x;
            size += (v * x).abs();
        }
        // Far on the negative side rounding cannot change the sign.
        if plain < -1e-13 * (self.v.len() + 2) as f64 * size {
            return (None, size);
        }
        let terms = self.v.iter().zip(x).map(|(&v, &x)| Twofold::from(v) * x);
        let sum = terms.fold(Twofold::from(self.b), |sum, term| sum + term);
        (sum.is_above(Twofold::ZERO).then_some(sum), size)
    }

    /// `‖v‖`, in which the bias counts as the class says.
    pub(super) fn norm(&self, bias: Bias) -> Twofold {
        let square: Twofold = self.v.iter().map(|&v| Twofold::from(v) * v).sum();
        match bias {
            Bias::Free => square.sqrt(),
            Bias::Penalised { scale } => {
                let b = Twofold::from(self.b) / Twofold::from(scale);
                (square + b * b).sqrt()
            }
        }
    }
}
