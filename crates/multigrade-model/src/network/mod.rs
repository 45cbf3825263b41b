//! Layers, grades, scaling, schema, evaluation, history and the model file.

mod activation;
mod any_number;
mod classes;
mod evaluate;
mod file;
mod grade;
mod grade_proof;
mod history;
mod imputation;
mod layer;
mod matrix;
mod model;
mod norms;
mod optimality;
mod scaling;
mod schema;
mod weights;

pub use activation::Activation;
pub use classes::{Classes, Label, Scores, cross_entropy};
pub use file::{AtomicFile, FileError, remove_leftovers, write_atomically};
pub use grade::{Branch, Grade, Readout};
pub use grade_proof::{GradeProblem, GradeProof};
pub use history::{GradeRecord, GradeScores, History, Note};
pub use imputation::Imputation;
pub use layer::Layer;
pub use matrix::Matrix;
pub use model::{ModelError, Multigrade};
pub use norms::Norms;
pub use optimality::{Bias, ConvexProblem, NeuronClass, OptimalityProof, OracleBounds, ProofError, ProofStatus, Skip};
pub use scaling::Scaling;
pub use schema::{InputColumn, OutputColumn, Schema};
pub use weights::{SparseMatrix, Weights};
