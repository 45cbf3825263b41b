//! Settings of the methods that experiments compare.

use crate::{Activation, Descent, FitSettings, GradeSettings, Grades, Keep, Schedule, Solver};

/// A grade of ReLU layers.
pub(super) fn relu(widths: &[usize]) -> GradeSettings {
    grade(widths, &vec![Activation::Relu; widths.len()])
}

pub(super) fn grade(widths: &[usize], activations: &[Activation]) -> GradeSettings {
    GradeSettings { widths: widths.into(), activations: Some(activations.into()), ..GradeSettings::default() }
}

/// The seed of repetition `0, 1, ...`: far apart, because seeds of the Mersenne Twister that follow each other share the
/// orders of rows. The published runs have the first.
pub(super) fn seed(repetition: u64) -> u64 {
    1 + 100_000 * repetition
}

/// The published method with the best iterate on validation rows instead of the last.
pub(super) fn stopped_early(grades: Vec<GradeSettings>, solver: Solver) -> FitSettings {
    FitSettings { keep: Keep::Best, ..FitSettings::published(grades, solver) }
}

/// Our settings where shapes and updates are given: readouts solved, residuals rescaled, data and features standardised,
/// the best iterate on validation rows. No inputs are carried, so that the parameters are as many as published.
pub(super) fn ours(grades: Vec<GradeSettings>, solver: Option<Solver>) -> FitSettings {
    FitSettings {
        grades: Grades::List(grades),
        validation: 0.0,
        solver,
        weight_decay: Some(1e-7),
        branches: Some(1),
        carry_inputs: false,
        ..FitSettings::default()
    }
}

/// A walk of so many passes with a constant rate.
pub(super) fn constant(passes: u32, rate: f64) -> Descent {
    Descent { epochs: passes, batch: None, rate, schedule: Schedule::Constant, patience: None }
}
