//! What is true about a function: intervals and expressions whose every answer is a theorem.

mod elementary;
mod interval;

pub use interval::Interval;
