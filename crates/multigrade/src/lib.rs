//! Multigrade neural network approximation: deep networks built grade by grade.
//!
//! ```text
//! h_0(x) = x
//! h_k(x) = H_k(h_{k-1}(x))                features of grade k: a shallow network on the features before it
//! f_k(x) = f_{k-1}(x) + A_k h_k(x) + c_k  fitted to the residual y - f_{k-1}; then grade k is frozen
//! ```
//!
//! [`fit`] learns such a network from [`Samples`]; [`Predictor`] evaluates it fast; [`convex`] finds the globally optimal
//! ReLU grade whose neurons read one input each, with a proof. The model type
//! [`Multigrade`] and its file belong to the crate `multigrade-model`, re-exported here.
#![forbid(unsafe_code)]

pub mod attack;
mod baselines;
mod classes;
pub mod construct;
pub mod convex;
mod convex_grade;
pub mod experiments;
pub mod export;
mod features;
mod fit;
mod forward;
mod front;
mod grade;
mod impute;
pub mod learn;
mod least_squares;
mod logistic;
mod nearest;
mod observer;
mod plan;
mod predictor;
pub mod prove;
pub mod report;
mod rival;
mod samples;
mod settings;
mod split;
pub mod table;
pub mod targets;
mod training;
mod verify;
mod waves;

pub use baselines::baselines;
pub use classes::{Calibration, CalibrationBin, ClassBaseline, Confusion, class_baselines, staged_scores};
pub use fit::{FitError, Fitted, Stop, fit, fit_classes, fit_named, resume};
pub use impute::{indicating, medians};
pub use multigrade_model::truth;
pub use multigrade_model::{
    Activation, AtomicFile, Bias, Branch, Classes, ConvexProblem, FileError, Grade, GradeProblem, GradeProof,
    GradeRecord, GradeScores, History, Imputation, InputColumn, Label, Layer, Matrix, ModelError, Multigrade,
    NeuronClass, Norms, Note, OptimalityProof, OracleBounds, OutputColumn, ProofError, ProofStatus, Readout, Scaling,
    Schema, Scores, Skip, SparseMatrix, Weights, remove_leftovers, write_atomically,
};
pub use observer::{Event, Flow, Observer, silent};
pub use predictor::Predictor;
pub use samples::{Samples, SamplesError};
pub use settings::{
    Descent, FitSettings, Generator, GradeSettings, Grades, InitKey, Initialisation, Keep, MAX_LEVENBERG, Precision,
    ReadoutRule, Schedule, SettingsError, Solver, Valid,
};
pub use split::{Split, split};
pub use verify::verify_proofs;
