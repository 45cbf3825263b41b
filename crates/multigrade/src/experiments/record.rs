//! What came out of one run.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What one run was and what came out of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// The problem that was solved.
    pub problem: String,
    /// How it was solved.
    pub method: String,
    /// The learning rate, where several were tried.
    pub rate: Option<f64>,
    /// What fixed every random choice.
    pub seed: u64,
    /// All settings of the fit.
    pub settings: serde_json::Value,
    /// Version of the program.
    pub version: String,
    /// What came out.
    #[serde(flatten)]
    pub outcome: Outcome,
}

/// Errors, cost and whatever else an experiment measures. All numbers are finite; what is not is absent.
///
/// Errors are relative squared ones, `sum |y - f_k|² / sum |y|²`, as in the papers: 1 is the error of the zero function.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Outcome {
    /// Error on the training rows after each grade.
    pub train: Vec<f64>,
    /// Error on the validation rows after each grade.
    pub validation: Vec<f64>,
    /// Error on the test rows after each grade.
    pub test: Vec<f64>,
    /// Largest error `|y - f_k|` on the test rows after each grade.
    pub largest: Vec<f64>,
    /// Weights and biases.
    pub parameters: usize,
    /// Updates of them.
    pub updates: u64,
    /// Processor time in seconds, where the system says it. Differs from run to run.
    pub cpu_seconds: Option<f64>,
    /// Processor time in seconds, and relative squared error on the held-out rows of the fit, whenever a grade was
    /// finished: also one that was not kept in the end. Differs from run to run.
    #[serde(default)]
    pub trace: Vec<(f64, f64)>,
    /// Whether numbers left the finite ones, or a grade had to be left out because of them.
    pub diverged: bool,
    /// Other measurements by name.
    pub values: BTreeMap<String, f64>,
    /// Whether the run was cut short, so that it is no record.
    #[serde(skip)]
    pub interrupted: bool,
}

impl Outcome {
    /// Keeps a measurement if it is finite.
    pub(super) fn note(&mut self, name: &str, value: f64) {
        if value.is_finite() {
            self.values.insert(name.into(), value);
        }
    }

    /// Processor time in seconds until a grade was finished whose error on held-out rows is at most `error`.
    pub fn seconds_to(&self, error: f64) -> Option<f64> {
        self.trace.iter().find(|point| point.1 <= error).map(|point| point.0)
    }

    /// The error on the test rows of the finished model.
    pub fn last_test(&self) -> Option<f64> {
        self.test.last().copied()
    }

    /// The error on the validation rows of the finished model.
    pub fn last_validation(&self) -> Option<f64> {
        self.validation.last().copied()
    }

    /// The error on the training rows of the finished model.
    pub fn last_train(&self) -> Option<f64> {
        self.train.last().copied()
    }
}
