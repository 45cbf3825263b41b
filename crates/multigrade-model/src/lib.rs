//! What a multigrade network is.
//!
//! A multigrade network approximates `f: D → R^m` by a sum of corrections, each composed on the features of the ones
//! before it:
//!
//! ```text
//! h_0(x) = x                              (the scaled inputs)
//! h_k(x) = H_k(h_{k-1}(x))                features of grade k, handed to the next grade
//! g_k(x) = A_k h_k(x) + c_k               the correction of grade k
//! f_k(x) = g_1(x) + ... + g_k(x)          the approximation after k grades
//! ```
//!
//! (Zhang, Shen, Xu, *Multigrade Neural Network Approximation*, arXiv 2601.16884.) A finished grade is frozen, so
//! every prefix of the sum stays a valid model: [`Multigrade::truncate`] is always allowed.
//!
//! This crate says what such a network *means* ([`Multigrade::eval_reference`]) and how it is kept in a file
//! ([`Multigrade::save`], [`Multigrade::load`]). [`OptimalityProof`] recomputes how far a convex grade of one input can be
//! from the best one; [`truth`] proves on a whole box how far it is from a formula. The crate contains no training
//! code and no unsafe code.
#![forbid(unsafe_code)]

pub mod network;
pub mod truth;

pub use network::{
    Activation, AtomicFile, Bias, Branch, Classes, ConvexProblem, FileError, Grade, GradeProblem, GradeProof,
    GradeRecord, GradeScores, History, Imputation, InputColumn, Label, Layer, Matrix, ModelError, Multigrade,
    NeuronClass, Norms, Note, OptimalityProof, OracleBounds, OutputColumn, ProofError, ProofStatus, Readout, Scaling,
    Schema, Scores, Skip, SparseMatrix, Weights, cross_entropy, remove_leftovers, write_atomically,
};
