//! `multigrade evaluate` of a classifier.

use std::io::{self, Write};

use multigrade::report::significant;
use multigrade::{
    Calibration, Classes, Confusion, ModelError, Multigrade, Precision, Predictor, Samples, Scores, staged_scores,
};
use serde::Serialize;

use super::print_json;
use crate::args::EvaluateArgs;
use crate::class_summary::{self, percent};
use crate::failure::{Failure, Status};
use crate::grid::{Grid, count, printable};

#[derive(Serialize)]
struct Document {
    rows: usize,
    target: String,
    classes: Vec<String>,
    grades: Vec<GradeDocument>,
    confusion: Confusion,
    calibration: Calibration,
}

#[derive(Serialize)]
struct GradeDocument {
    grade: usize,
    #[serde(flatten)]
    scores: Scores,
}

pub(super) fn run(
    model: &Multigrade,
    classes: &Classes,
    samples: &Samples,
    table: &str,
    args: &EvaluateArgs,
) -> Result<Status, Failure> {
    if args.max_rmse.is_some() {
        return Err("--max-rmse is for numbers; the model tells classes apart: use --min-accuracy".to_string().into());
    }
    let document = measure(model, classes, samples)?;
    if args.json {
        print_json(&document)?;
    } else {
        print(&mut io::stdout().lock(), &document, table)?;
    }
    let accuracy = document.grades.last().map_or(f64::NAN, |grade| grade.scores.accuracy);
    let limit = args.min_accuracy.unwrap_or(0.0);
    // An accuracy that is no number does not reach any limit.
    let is_reached = accuracy >= limit;
    if is_reached {
        return Ok(Status::Done);
    }
    eprintln!("{}: accuracy {accuracy} is smaller than {limit}", printable(&document.target));
    Ok(Status::NotReached)
}

fn measure(model: &Multigrade, classes: &Classes, samples: &Samples) -> Result<Document, ModelError> {
    let probabilities = classes.probabilities(&Predictor::new(model, Precision::F64).predict(samples.inputs())?);
    let grades = staged_scores(model, samples)?.into_iter().enumerate();
    Ok(Document {
        rows: samples.rows(),
        target: classes.target.clone(),
        classes: classes.labels.iter().map(ToString::to_string).collect(),
        grades: grades.map(|(grade, scores)| GradeDocument { grade, scores }).collect(),
        confusion: Confusion::of(classes, &probabilities, samples),
        calibration: Calibration::of(classes, &probabilities, samples),
    })
}

fn print(out: &mut impl Write, document: &Document, table: &str) -> io::Result<()> {
    let rows = count(document.rows, "row");
    writeln!(out, "{}: classes on {rows} of {}", printable(&document.target), printable(table))?;
    let mut grid = Grid::new(1);
    grid.row(["grade", "accuracy", "log-loss", "Brier score"]);
    for GradeDocument { grade, scores } in &document.grades {
        let name = if *grade == 0 { "0 (shares of the classes)".to_owned() } else { grade.to_string() };
        grid.row([name, percent(scores.accuracy), significant(scores.log_loss, 4), significant(scores.brier, 4)]);
    }
    writeln!(out, "{grid}")?;
    class_summary::confusion(out, &document.classes, &document.confusion)?;
    writeln!(out)?;
    class_summary::calibration(out, &document.calibration)
}
