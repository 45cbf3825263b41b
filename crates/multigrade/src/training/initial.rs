//! Random numbers: one generator per purpose, so that nothing depends on the order of work.

use super::mersenne::Mersenne;
use crate::settings::{FitSettings, Generator, InitKey, Initialisation};
use multigrade_kernels::{Activation, Real, Shape};
use rand::distr::{Distribution, Uniform};
use rand::seq::SliceRandom;
use rand::{Rng, SeedableRng};
use rand_distr::StandardNormal;
use rand_xoshiro::Xoshiro256PlusPlus;

/// Everything random about one branch of a grade: its first weights and the order of the rows in each epoch.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Randomness {
    /// Streams named by `[seed, grade, branch]`.
    Streams([u64; 3]),
    /// The Mersenne Twister with this seed for the weights, and with the following ones for the orders.
    Mersenne(u32),
}

impl Randomness {
    /// Of branch `b` of grade `k`.
    pub(crate) fn new(settings: &FitSettings, k: usize, b: usize) -> Self {
        let grade = if settings.init_key == InitKey::Same { 1 } else { k as u64 };
        match settings.generator {
            Generator::Xoshiro256 => Self::Streams([settings.seed, grade, b as u64]),
            Generator::Mersenne => Self::Mersenne((settings.seed + grade - 1 + ((b as u64) << 16)) as u32),
        }
    }

    /// First parameters of a shape, in the order of its layout.
    pub(crate) fn parameters<T: Real>(self, shape: &Shape, rule: Initialisation) -> Vec<T> {
        match self {
            Self::Streams([seed, grade, branch]) => {
                initial_parameters(shape, rule, Stream::Initial { seed, grade, branch })
            }
            Self::Mersenne(seed) => mersenne_parameters(shape, seed),
        }
    }

    /// Brings the rows into the order of epoch `0, 1, ...`.
    pub(crate) fn shuffle(self, epoch: u32, order: &mut Vec<u32>) {
        match self {
            Self::Streams([seed, grade, branch]) => {
                let key = Stream::Initial { seed, grade, branch }.key();
                // A generator per epoch: an epoch's order does not depend on how the ones before it ended.
                order.shuffle(&mut Stream::Order { key, epoch }.generator());
            }
            Self::Mersenne(seed) => {
                let rows = order.len() as u32;
                *order = Mersenne::new(seed.wrapping_add(epoch).wrapping_add(1)).permutation(rows);
            }
        }
    }
}

/// Weights and biases `U(-1, 1) / sqrt(n)` of all layers and the readout, from one generator.
fn mersenne_parameters<T: Real>(shape: &Shape, seed: u32) -> Vec<T> {
    let mut random = Mersenne::new(seed);
    let hidden = shape.layers().iter().map(|layer| (layer.inputs, layer.weights.len() + layer.bias.len()));
    let readout = shape.readout();
    let last = (readout.features + readout.carried, readout.weights.len() + readout.bias.len());
    let affine = hidden.chain([last]);
    affine
        .flat_map(|(inputs, count)| {
            let scale = (1.0 / inputs as f64).sqrt();
            let draws: Vec<T> = (0..count).map(|_| T::from_f64(random.uniform(-1.0, 1.0) * scale)).collect();
            draws
        })
        .collect()
}

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
    /// Points of the box at which a grade learns a formula, or is judged.
    Points { seed: u64, grade: u64, judged: bool },
}

impl Stream {
    /// A number that names the stream; different streams have different names but for accidents of 64-bit hashing.
    fn key(self) -> u64 {
        let words = match self {
            Self::Initial { seed, grade, branch } => [1, seed, grade, branch],
            Self::Order { key, epoch } => [2, key, u64::from(epoch), 0],
            Self::Attack { seed } => [3, seed, 0, 0],
            Self::Search { seed, number } => [4, seed, number, 0],
            Self::Points { seed, grade, judged } => [5, seed, grade, u64::from(judged)],
        };
        words.iter().fold(0, |key, &word| Xoshiro256PlusPlus::seed_from_u64(key ^ word.rotate_left(32)).next_u64())
    }

    pub(crate) fn generator(self) -> Xoshiro256PlusPlus {
        Xoshiro256PlusPlus::seed_from_u64(self.key())
    }
}

/// First parameters of a shape, in the order of its layout.
fn initial_parameters<T: Real>(shape: &Shape, rule: Initialisation, stream: Stream) -> Vec<T> {
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
        Initialisation::He => {
            let deviation = (2.0 / inputs as f64).sqrt();
            for _ in 0..weights {
                let normal: f64 = StandardNormal.sample(&mut random);
                parameters.push(T::from_f64(deviation * normal));
            }
            parameters.resize(parameters.len() + biases, T::ZERO);
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
