//! Dense forward, backward and update kernels for multigrade networks.
//!
//! Everything a solver does in every step lives here: products, activations with their derivatives, the loss and
//! gradient of one grade, the update of its parameters. The crate knows neither tables nor grades that are finished;
//! it sees one [`Shape`], one flat slice of parameters and slices of rows.
//!
//! * [`Evaluator`]: loss and gradient of one grade over all rows.
//! * [`dense()`]: one layer, for prediction.
//! * [`gemm()`] on checked [`View`]s, and the [`elementwise`] kernels, for everything else.
//!
//! # Determinism
//!
//! The rows are split into [`LANES`](evaluator::LANES) fixed lanes and fixed blocks, and partial sums are added in a
//! fixed order. The same inputs give the same bits for any number of threads, on machines with the same CPU features.
//!
//! # Panics
//!
//! Sizes that do not fit together are a mistake of the caller: they are checked before anything is computed and
//! reported by a panic that names them.
//!
//! # Unsafe code
//!
//! This is the only crate of the project that has any, for two reasons: calls of functions compiled for CPU features
//! that were detected at run time, and handing checked views to the linear-algebra library.
#![warn(missing_docs)]

mod buffer;
pub mod dense;
pub mod elementwise;
pub mod evaluator;
pub mod gemm;
mod real;
mod register;
pub mod shape;
mod simd;
mod tile;
mod transcendental;
pub mod view;

pub use dense::dense;
pub use evaluator::{Evaluator, Loss};
pub use gemm::{Accumulate, gemm};
pub use multigrade_model::network::Activation;
pub use real::Real;
pub use shape::{HiddenLayer, Readout, Shape};
pub use view::{View, ViewMut};
