//! The experiments of the papers on multigrade learning, and ours, from their data to tables beside the published numbers.

mod data;

pub use data::{Amplitudes, Data, Problem, Waves, XuTarget};
