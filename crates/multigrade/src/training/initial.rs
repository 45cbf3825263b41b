//! Random numbers: one generator per purpose, so that nothing depends on the order of work.

use crate::settings::Initialisation;
use multigrade_kernels::{Activation, Real, Shape};
use rand::distr::{Distribution, Uniform};
use rand::{Rng, SeedableRng};
use rand_distr::StandardNormal;
use rand_xoshiro::Xoshiro256PlusPlus;

/// A stream of random numbers, named by what it is for.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Stream {
    /// First weights of a branch of a grade.
    Initial { seed: u64, grade: u64, branch: u64 },
    /// Order of the rows in an epoch.
    Order { key: u64, epoch: u32 },
    /// Points at which an error is looked for.
    Attack { seed: u64 },
    /// Steps of one search for a larger error.
    Search { seed: u64, number: u64 },
}

impl Stream {
    /// A number that names the stream; different streams have different names but for accidents of 64-bit hashing.
    pub(crate) fn key(self) -> u64 {
        let words = match self {
            Self::Initial { seed, grade, branch } => [1, seed, grade, branch],
            Self::Order { key, epoch } => [2, key, u64::from(epoch), 0],
            Self::Attack { seed } => [3, seed, 0, 0],
            Self::Search { seed, number } => [4, seed, number, 0],
        };
        words.iter().fold(0, |key, &word| Xoshiro256PlusPlus::seed_from_u64(key ^ word.rotate_left(32)).next_u64())
    }

    pub(crate) fn generator(self) -> Xoshiro256PlusPlus {
        Xoshiro256PlusPlus::seed_from_u64(self.key())
    }
}

/// First parameters of a shape, in the order of its layout.
pub(crate) fn initial_parameters<T: Real>(shape: &Shape, rule: Initialisation, stream: Stream) -> Vec<T> {
    let mut random = stream.generator();
    let mut parameters = Vec::with_capacity(shape.n_parameters());
    let mut affine = |inputs: usize, weights: usize, biases: usize, activation: Option<Activation>| match rule {
        Initialisation::ScaledNormal => {
            let gain = if activation == Some(Activation::Relu) { 2.0 } else { 1.0 };
            let deviation = (gain / inputs as f64).sqrt();
            for _ in 0..weights {
                let normal: f64 = StandardNormal.sample(&mut random);
                parameters.push(T::from_f64(deviation * normal));
            }
            // Biases spread the kinks (or the steepest points) of the neurons over the standardised inputs.
            let half = if activation.is_some() { 0.5 } else { 0.0 };
            let spread = Uniform::new_inclusive(-half, half).expect("the ends are finite");
            parameters.extend(spread.sample_iter(&mut random).take(biases).map(T::from_f64));
        }
        Initialisation::FanInUniform => {
            let bound = 1.0 / (inputs as f64).sqrt();
            let uniform = Uniform::new_inclusive(-bound, bound).expect("the ends are finite");
            parameters.extend(uniform.sample_iter(&mut random).take(weights + biases).map(T::from_f64));
        }
    };
    for layer in shape.layers() {
        affine(layer.inputs, layer.weights.len(), layer.bias.len(), Some(layer.activation));
    }
    let readout = shape.readout();
    affine(readout.features + readout.carried, readout.weights.len(), readout.bias.len(), None);
    parameters
}
