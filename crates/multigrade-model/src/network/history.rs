//! How a model came to be, grade by grade: the evidence that travels with it.

use super::{GradeProof, Norms, Scores};
use serde::{Deserialize, Serialize};

/// What is known of one grade after it was frozen. Grade 0 is the centred target before any grade.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GradeRecord {
    /// Number of the grade, from 1; 0 stands for `f_0`.
    pub grade: usize,
    /// Hidden stack in words, such as `5 x tanh 32-32`.
    pub hidden: String,
    /// Number of weights and biases of this grade.
    pub parameters: usize,
    /// Solver that trained the hidden stack.
    pub solver: String,
    /// How the readout was found: `least squares` or `as trained`.
    pub readout: String,
    /// Weight decay (ridge) used in this grade, in units of the standardised residual.
    pub weight_decay: f64,
    /// Updates of the parameters, all branches together.
    pub updates: u64,
    /// Why training of the hidden stack ended.
    pub stop: String,
    /// Mean squared standardised residual, or mean cross-entropy of a classifier, on the training rows before this grade.
    #[serde(with = "super::any_number")]
    pub loss_before: f64,
    /// The same after this grade. With a least-squares readout it is below `loss_before`.
    #[serde(with = "super::any_number")]
    pub loss_after: f64,
    /// Residual norms on the training rows, one per output.
    pub train: Vec<Norms>,
    /// Residual norms on held-out rows, one per output, if there were any.
    pub validation: Option<Vec<Norms>>,
    /// How good the probabilities of a classifier are after this grade. Its norms are those of `[class] - P(class)`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scores: Option<GradeScores>,
    /// How far the grade is from the best of its kind, for convex grades.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proof: Option<GradeProof>,
}

/// Scores of a classifier after a grade.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct GradeScores {
    /// On the training rows.
    pub train: Scores,
    /// On held-out rows, if there were any.
    pub validation: Option<Scores>,
}

/// A decision in plain words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Note {
    /// Number of the grade that it is about.
    pub grade: usize,
    /// What was decided, and why.
    pub text: String,
}

/// The whole history: one record per grade and what was decided on the way.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct History {
    /// Rows that the grades were trained on.
    pub train_rows: usize,
    /// Rows held out for validation.
    pub validation_rows: usize,
    /// Whether the grades were trained again on all rows after the plan was chosen on the held-out rows. The
    /// validation norms are then those of the models trained without the held-out rows.
    pub refit: bool,
    /// Fingerprint of the rows: SHA-256 of inputs, targets and weights of training and held-out rows, as `sha256:` and 64
    /// digits. Going on from the model takes the same rows. Empty in models that were not fitted to rows, or before there
    /// were fingerprints.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub data: String,
    /// Why no further grade was added.
    pub stop: String,
    /// Decisions in plain words: what was chosen and why.
    pub notes: Vec<Note>,
    /// One record per grade, after the record of `f_0`.
    pub grades: Vec<GradeRecord>,
}
