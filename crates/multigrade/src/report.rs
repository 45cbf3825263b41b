//! What a report says, as plain data: measured norms, points, settings and notes, without layout.
//!
//! One [`ReportData`] feeds every rendering (terminal, HTML, JSON) of a fit, one [`ApproximationReport`] that of a network
//! that approximates a formula. All fields are public; only their constructors look at a model.

mod approximation;
mod classes;
mod convex;
mod extent;
mod headline;
mod measure;

pub use approximation::{
    ApproximationReport, ApproximationRow, BuiltRow, MeasuredRow, Picture, PointNorms, ProvedRow, RateRow, Side,
    Values, magnitude,
};
pub use classes::{ClassReport, ClassRow};
pub use convex::{ConvexRow, Curve, Hinge};
pub use extent::Extent;
pub(crate) use extent::two_sided;
pub use headline::{Comparison, Headline, RowKind, significant};
pub use measure::{About, ReportRows, settings};

use serde::Serialize;

use crate::Norms;

/// Everything a report shows about one fitted model.
///
/// Outputs are listed once, in [`ReportData::outputs`]; every `Vec<Norms>` in here holds one entry for each of them, in
/// that order. Names and texts are stored as they are: escaping is the business of whoever prints them.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct ReportData {
    /// What the report is about, for example `thrust, fuel of b777_engine.csv`.
    pub title: String,
    /// Where the rows came from and how many there were.
    pub source: Source,
    /// The inputs in the order of the model, with their values at the points shown.
    pub inputs: Vec<InputColumn>,
    /// The outputs in the order of the model, with the points shown; none of a classifier.
    pub outputs: Vec<OutputFit>,
    /// Row 0 is the centred target before any grade; then one row for each grade of the model, in order.
    pub grades: Vec<GradeRow>,
    /// What simple methods reach on the same rows, for comparison.
    pub baselines: Vec<BaselineRow>,
    /// Scores, confusion and calibration of a classifier, whose norms are those of `[class] - P(class)`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub classes: Option<ClassReport>,
    /// The frequency content of the residual: one entry for each output when there is a single input, else empty.
    pub spectra: Vec<Spectrum>,
    /// The settings of the run, in the order to show them.
    pub settings: Vec<Entry>,
    /// What was chosen and why, in plain sentences.
    pub notes: Vec<String>,
    /// What the reader must know before trusting the result, in plain sentences.
    pub warnings: Vec<String>,
    /// Versions that the result depends on, for example `multigrade` and the schema of the model file.
    pub versions: Vec<Entry>,
}

/// Where the rows came from, and what each was used for.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Source {
    /// The name of the file, or the expression that was sampled.
    pub name: String,
    /// Rows the finished model was fitted on.
    pub n_train: usize,
    /// Rows beside those, held out from fitting (until the end if [`Source::refit`] is set) unless
    /// [`Source::validation_kind`] says otherwise.
    pub n_validation: usize,
    /// What the rows are that every field called `validation` in this report is about.
    pub validation_kind: RowKind,
    /// Columns of the table, used or not.
    pub n_columns: usize,
    /// Whether the held-out rows decided which grade was best or when to stop: their residual is then slightly optimistic.
    pub validation_chose: bool,
    /// Whether the finished model was fitted again on all rows, the held-out ones among them. Everything that this report
    /// says about held-out rows is then measured with the model before that, which had not seen them.
    pub refit: bool,
}

/// An input of the model and its values at the points shown.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct InputColumn {
    /// The name of the column.
    pub name: String,
    /// The unit, where it is known.
    pub unit: Option<String>,
    /// One value for each point of [`OutputFit::points`], in the same order.
    pub values: Vec<f64>,
}

/// An output of the model and how well it is met at the points shown.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct OutputFit {
    /// The name of the column.
    pub name: String,
    /// The unit, where it is known.
    pub unit: Option<String>,
    /// At most a few thousand points. All outputs show the same rows, in the same order.
    pub points: Vec<FitPoint>,
    /// The number of rows that [`OutputFit::points`] were drawn from; larger than their number if they are a selection.
    pub drawn_from: usize,
}

/// One row of the data beside what the model says about it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct FitPoint {
    /// The value in the data.
    pub truth: f64,
    /// The value of the finished model.
    pub predicted: f64,
    /// Whether the row is none of the training rows but one of [`Source::validation_kind`].
    pub validation: bool,
}

impl FitPoint {
    /// The residual `truth - predicted`.
    pub fn residual(&self) -> f64 {
        self.truth - self.predicted
    }
}

/// One grade, and the residual that was left once it was done.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct GradeRow {
    /// The number of the grade, from 1; 0 is the centred target before any grade.
    pub grade: usize,
    /// The hidden stack in words, for example `5 x tanh 32-32`; empty for grade 0.
    pub hidden: String,
    /// Weights and biases of this grade.
    pub parameters: usize,
    /// The norms of the training residual after this grade, one for each output.
    pub train: Vec<Norms>,
    /// The norms of the residual after this grade on the rows of [`Source::validation_kind`], one for each output; none
    /// without such rows.
    pub validation: Option<Vec<Norms>>,
    /// Updates of the weights that this grade took.
    pub updates: u64,
    /// The weight decay that this grade used.
    pub weight_decay: f64,
    /// Why this grade stopped.
    pub stop: String,
    /// The wall-clock time that this grade took, where it was measured.
    pub seconds: Option<f64>,
    /// What is proved about the grade, if it is a convex one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub convex: Option<ConvexRow>,
}

/// What a simple method reaches on the same rows.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct BaselineRow {
    /// The method, for example `linear`.
    pub name: String,
    /// What it does, in one sentence.
    pub about: String,
    /// The norms of its training residual, one for each output.
    pub train: Vec<Norms>,
    /// The norms of its residual on the rows of [`Source::validation_kind`], one for each output; none without such rows.
    pub validation: Option<Vec<Norms>>,
}

/// The frequency content of the residual of one output, for data with a single input.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Spectrum {
    /// Frequencies in cycles per unit of the input, increasing.
    pub frequencies: Vec<f64>,
    /// One curve for each grade shown, in order of the grades.
    pub curves: Vec<SpectrumCurve>,
}

/// The amplitudes of the residual after one grade.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct SpectrumCurve {
    /// The number of the grade; 0 is the centred target.
    pub grade: usize,
    /// One amplitude for each of [`Spectrum::frequencies`], in the units of the output.
    pub amplitudes: Vec<f64>,
}

/// A name and its value, both to be shown as they are.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Entry {
    /// What it is.
    pub name: String,
    /// Its value.
    pub value: String,
}

impl Entry {
    /// An entry that shows `name` and `value`.
    pub fn new(name: impl Into<String>, value: impl ToString) -> Self {
        Self { name: name.into(), value: value.to_string() }
    }
}
