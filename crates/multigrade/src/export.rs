//! Models in the formats of other programs.
//!
//! [`onnx`] writes a graph of plain matrix products and activations that every ONNX runtime reads, with the model's numbers and
//! roundings, so that proofs about the model hold for the file; [`Onnx::difference`] measures how far its numbers are from the model's.

mod chain;
mod onnx;
mod protobuf;

use crate::Multigrade;
use crate::settings::Precision;
use chain::Chain;
pub use onnx::{ExportError, OnnxOptions, onnx};
use rand::{RngExt, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;

/// The bytes of an ONNX file, and the network that they hold.
pub struct Onnx {
    /// The file.
    pub bytes: Vec<u8>,
    chain: Chain,
    precision: Precision,
}

/// Points at which [`Onnx::difference`] compares.
const POINTS: usize = 256;

impl Onnx {
    /// The largest difference between the exported network, evaluated in its precision, and the reference evaluation of
    /// `model`, at 256 random points of the box of the model's inputs, divided by the largest value of each output there.
    ///
    /// In f64 it is 0: the chain makes the model's operations. This is measured, not proved; a runtime that adds in another order
    /// rounds differently.
    pub fn difference(&self, model: &Multigrade) -> f64 {
        let mut random = Xoshiro256PlusPlus::seed_from_u64(0);
        let mut differences = vec![0.0_f64; model.n_outputs()];
        let mut largest = vec![0.0_f64; model.n_outputs()];
        for _ in 0..POINTS {
            let inputs = model.schema().inputs.iter();
            let x: Vec<f64> = inputs.map(|c| c.min + (c.max - c.min) * random.random::<f64>()).collect();
            // The point that both sides see: a file in f32 reads f32.
            let x: Vec<f64> = match self.precision {
                Precision::F64 => x,
                Precision::F32 => x.into_iter().map(|x| f64::from(x as f32)).collect(),
            };
            let Ok(expected) = model.eval_reference(&x, model.grades().len()) else { return f64::NAN };
            let found = match self.precision {
                Precision::F64 => self.chain.evaluate::<f64>(&x),
                Precision::F32 => self.chain.evaluate::<f32>(&x),
            };
            for (j, (f, e)) in found.iter().zip(&expected).enumerate() {
                let difference = (f - e).abs();
                // A NaN must not vanish in a maximum.
                differences[j] = if difference.is_nan() { f64::INFINITY } else { differences[j].max(difference) };
                largest[j] = largest[j].max(e.abs());
            }
        }
        let relative = differences.iter().zip(&largest).map(|(d, l)| if *l > 0.0 { d / l } else { *d });
        relative.fold(0.0, f64::max)
    }
}
