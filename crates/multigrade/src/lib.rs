//! x
pub mod targets;
