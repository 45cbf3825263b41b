//! The finished dense fit.

use super::cloud::Cloud;
use super::master::Network;
use crate::{Bias, Samples, Skip};
use multigrade_model::{Activation, Grade, Layer, Matrix, ModelError, OptimalityProof, OracleBounds, Readout};
use std::fmt;

/// The globally optimal one-hidden-layer ReLU network of several inputs for a penalty `β`, with a proof, or how near to
/// it the network was shown to be.
///
/// ```text
/// f(x) = c + C x + sum_j a_j relu(v_j'x + b_j),     ‖v_j‖ = 1
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct DenseFit {
    /// Weights `v_j`, shape `(neurons, d)`.
    pub weights: Matrix,
    /// Biases `b_j`.
    pub biases: Vec<f64>,
    /// Readout weights `a_j`.
    pub amplitudes: Vec<f64>,
    /// The constant `c`; 0 if the unpenalised part has none.
    pub intercept: f64,
    /// The linear part `C`, length `d`; empty if the unpenalised part has none.
    pub slope: Vec<f64>,
    /// The penalty `β`.
    pub penalty: f64,
    /// Bounds of the smallest penalty whose fit has no neurons.
    pub largest_penalty: OracleBounds,
    /// How far from optimal the fit can be.
    pub proof: OptimalityProof,
    /// Rounds of column generation.
    pub rounds: u32,
    /// Rounds in which the quick look found no better neuron and the exact search did.
    pub repaired: u32,
}

/// A network in the units of the data.
pub(super) struct Parts {
    pub(super) weights: Matrix,
    pub(super) biases: Vec<f64>,
    pub(super) amplitudes: Vec<f64>,
    pub(super) intercept: f64,
    pub(super) slope: Vec<f64>,
}

impl Parts {
    /// The neurons of a network, with the unpenalised part fitted to what they leave of the samples.
    pub(super) fn new(samples: &Samples, cloud: &Cloud, network: Option<&Network<'_>>, bias: Bias, skip: Skip) -> Self {
        let d = samples.n_inputs();
        let neurons = network.map_or(&[][..], |n| &n.neurons);
        let mut parts = Self {
            weights: Matrix::zeros(neurons.len(), d),
            biases: Vec::new(),
            amplitudes: Vec::new(),
            intercept: 0.0,
            slope: Vec::new(),
        };
        for (j, neuron) in neurons.iter().enumerate() {
            let (v, b, a) = cloud.restored(&neuron.w);
            parts.weights.row_mut(j).copy_from_slice(&v);
            parts.biases.push(b);
            parts.amplitudes.push(neuron.sign * a);
        }
        if skip != Skip::None || bias == Bias::Free {
            parts.fit_rest(samples, skip);
        }
        parts
    }

    fn value(&self, x: &[f64]) -> f64 {
        let linear: f64 = self.slope.iter().zip(x).map(|(c, x)| c * x).sum();
        let neuron = |j: usize| {
            let z = self.weights.row(j).iter().zip(x).fold(self.biases[j], |z, (v, x)| z + v * x);
            self.amplitudes[j] * z.max(0.0)
        };
        self.intercept + linear + (0..self.biases.len()).map(neuron).sum::<f64>()
    }

    /// Least squares for the unpenalised part, twice: the second time for the rounding of the first.
    fn fit_rest(&mut self, samples: &Samples, skip: Skip) {
        let (n, d) = (samples.rows(), samples.n_inputs());
        let features = if skip == Skip::Affine { samples.inputs().to_vec() } else { vec![0.0; n] };
        let width = if skip == Skip::Affine { d } else { 1 };
        if skip == Skip::Affine {
            self.slope = vec![0.0; d];
        }
        let total: f64 = samples.weights().iter().sum();
        let shares: Vec<f64> = samples.weights().iter().map(|w| w / total).collect();
        for _ in 0..2 {
            let left: Vec<f64> = (0..n).map(|i| samples.targets_of(i)[0] - self.value(samples.inputs_of(i))).collect();
            let map = crate::least_squares::ridge(&features, width, &left, 1, &shares, 0.0);
            self.intercept += map.bias[0];
            self.slope.iter_mut().zip(&map.weights).for_each(|(c, more)| *c += more);
        }
    }

    pub(super) fn grade(&self) -> Result<Grade, ModelError> {
        grade(&self.weights, &self.biases, &self.amplitudes, self.intercept, &self.slope)
    }
}

fn grade(
    weights: &Matrix,
    biases: &[f64],
    amplitudes: &[f64],
    intercept: f64,
    slope: &[f64],
) -> Result<Grade, ModelError> {
    // A layer has at least one neuron: one that the readout does not listen to stands for none.
    let (weights, biases, mut read) = if biases.is_empty() {
        (Matrix::zeros(1, weights.cols()), vec![0.0], vec![0.0])
    } else {
        (weights.clone(), biases.to_vec(), amplitudes.to_vec())
    };
    read.extend_from_slice(slope);
    let layer = Layer::new(weights, biases, Activation::Relu)?;
    let read = Matrix::new(1, read.len(), read).unwrap_or_else(|| Matrix::zeros(1, 1));
    Grade::new(vec![vec![layer]], !slope.is_empty(), Readout::new(read, vec![intercept])?)
}

impl DenseFit {
    /// The fit as a grade: one hidden ReLU layer, whose readout reads the inputs too if the unpenalised part is affine.
    ///
    /// A fit without neurons has one neuron of readout weight 0. The grade reads and answers in the units of the samples.
    ///
    /// # Errors
    /// [`ModelError`] if a field was changed to numbers that do not fit each other or are not finite.
    pub fn grade(&self) -> Result<Grade, ModelError> {
        grade(&self.weights, &self.biases, &self.amplitudes, self.intercept, &self.slope)
    }

    /// The values `f(x)` for row-major `(n, d)` inputs.
    pub fn predict(&self, x: &[f64]) -> Vec<f64> {
        let parts = Parts {
            weights: self.weights.clone(),
            biases: self.biases.clone(),
            amplitudes: self.amplitudes.clone(),
            intercept: self.intercept,
            slope: self.slope.clone(),
        };
        x.chunks(self.weights.cols()).map(|x| parts.value(x)).collect()
    }
}

/// The line of the proof.
impl fmt::Display for DenseFit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.proof.fmt(f)
    }
}
