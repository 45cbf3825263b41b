//! What a report says about a classifier.

use super::{ReportRows, RowKind};
use crate::{
    Calibration, ClassBaseline, Classes, Confusion, ModelError, Multigrade, Precision, Predictor, Scores,
    class_baselines,
};
use serde::Serialize;

/// How good the probabilities of a classifier are.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ClassReport {
    /// Name of the target.
    pub target: String,
    /// The labels, in the order of the classes.
    pub labels: Vec<String>,
    /// Scores after every grade; grade 0 gives every row the shares of the classes.
    pub grades: Vec<ClassRow>,
    /// What simple methods reach on the same rows.
    pub baselines: Vec<ClassBaseline>,
    /// The rows that confusion and calibration are about.
    pub kind: RowKind,
    /// The number of those rows.
    pub rows: usize,
    /// Which classes are taken for which.
    pub confusion: Confusion,
    /// Whether probabilities are what they say.
    pub calibration: Calibration,
}

/// Scores after one grade.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ClassRow {
    /// The number of the grade; 0 stands for the shares of the classes.
    pub grade: usize,
    /// The hidden stack in words; empty for grade 0.
    pub hidden: String,
    /// On the training rows.
    pub train: Scores,
    /// On held-out rows, if there are any.
    pub validation: Option<Scores>,
}

impl ClassReport {
    pub(super) fn measure(model: &Multigrade, classes: &Classes, rows: &ReportRows) -> Result<Self, ModelError> {
        let predictor = Predictor::new(model, Precision::F64);
        let is_refitted = model.history().refit;
        // Rows that the finished model was fitted on are no held-out rows, unless its predictions are from before.
        let held_out = rows.held_out.filter(|_| !is_refitted || rows.held_out_predictions.is_some());
        let shown = held_out.unwrap_or(rows.train);
        let logits = match (held_out, rows.held_out_predictions) {
            (Some(_), Some(logits)) => logits.to_vec(),
            _ => predictor.predict(shown.inputs())?,
        };
        let probabilities = classes.probabilities(&logits);
        let grades = model.history().grades.iter().filter_map(|record| {
            let scores = record.scores?;
            let (train, validation) = (scores.train, scores.validation);
            Some(ClassRow { grade: record.grade, hidden: record.hidden.clone(), train, validation })
        });
        Ok(Self {
            target: classes.target.clone(),
            labels: classes.labels.iter().map(ToString::to_string).collect(),
            grades: grades.collect(),
            baselines: baselines(classes, is_refitted, rows)?,
            kind: if held_out.is_some() { RowKind::HeldOut } else { RowKind::Training },
            rows: shown.rows(),
            confusion: Confusion::of(classes, &probabilities, shown),
            calibration: Calibration::of(classes, &probabilities, shown),
        })
    }

    /// The result in one sentence without a full stop, with simple methods on the same rows beside it:
    /// `species: accuracy 96.7 % and log-loss 0.112 on 30 held-out rows; nearest neighbour 93.3 %, majority class 33.3 %`.
    pub fn sentence(&self) -> String {
        let Some(answer) = self.grades.last() else { return format!("{}: nothing was measured", self.target) };
        let pick = |train: Scores, validation: Option<Scores>| match self.kind {
            RowKind::Training => Some(train),
            _ => validation,
        };
        let scores = pick(answer.train, answer.validation).unwrap_or(answer.train);
        let rows = self.kind.count(self.rows);
        let mut sentence = format!(
            "{}: accuracy {} and log-loss {} on {rows}",
            self.target,
            percent(scores.accuracy),
            super::significant(scores.log_loss, 3)
        );
        let others = self.baselines.iter().filter_map(|row| Some((&row.name, pick(row.train, row.validation)?)));
        for (i, (name, scores)) in others.enumerate() {
            sentence += &format!("{} {name} {}", if i == 0 { ";" } else { "," }, percent(scores.accuracy));
        }
        sentence
    }
}

/// A share as a percentage with three digits or more: `96.7 %`.
fn percent(share: f64) -> String {
    format!("{:.1} %", 100.0 * share)
}

/// Measured as the grades were: after a refit, the training scores are those of methods that learned from all rows.
fn baselines(classes: &Classes, refit: bool, rows: &ReportRows) -> Result<Vec<ClassBaseline>, ModelError> {
    let mut result = class_baselines(classes, rows.train, rows.held_out)?;
    if let Some(all) = rows.held_out.filter(|_| refit).and_then(|held| rows.train.followed_by(held)) {
        for (row, on_all) in result.iter_mut().zip(class_baselines(classes, &all, None)?) {
            row.train = on_all.train;
        }
    }
    Ok(result)
}
