//! What a fit found, for the terminal and as JSON.

use std::io::{self, Write};

use multigrade::report::{BaselineRow, ClassReport, GradeRow, Headline, ReportData, RowKind, Source, significant};
use multigrade::{Fitted, ModelError, Multigrade, Norms, Precision, Predictor, Samples, Stop, baselines};
use serde::Serialize;

use crate::class_summary;
use crate::files::FitFiles;
use crate::grid::{Grid, wrapped};

/// Significant digits in tables.
const DIGITS: usize = 4;

/// Norms on rows that neither training nor any choice saw.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct TestRows {
    pub(crate) rows: usize,
    /// Of `f_0, f_1, ..., f_K`, one for each output.
    grades: Vec<Vec<Norms>>,
    /// Of each baseline, one for each output.
    baselines: Vec<Vec<Norms>>,
}

impl TestRows {
    /// Measures `model` and the baselines fitted on `learned` on the rows of `test`.
    pub(crate) fn measure(model: &Multigrade, learned: &Samples, test: &Samples) -> Result<Self, ModelError> {
        let baselines = baselines(learned, Some(test))?;
        Ok(Self {
            rows: test.rows(),
            grades: staged_norms(model, test)?,
            baselines: baselines.into_iter().filter_map(|row| row.validation).collect(),
        })
    }

    /// The result on these rows.
    pub(crate) fn headline(&self, data: &ReportData, output: usize) -> Option<Headline> {
        let mut data = data.clone();
        (data.source.n_validation, data.source.validation_kind) = (self.rows, RowKind::Test);
        for (row, norms) in data.grades.iter_mut().zip(&self.grades) {
            row.validation = Some(norms.clone());
        }
        for (row, norms) in data.baselines.iter_mut().zip(&self.baselines) {
            row.validation = Some(norms.clone());
        }
        data.headline(output)
    }
}

/// The norms of the residual of `f_0, f_1, ..., f_K` on `samples`, one for each output.
pub(crate) fn staged_norms(model: &Multigrade, samples: &Samples) -> Result<Vec<Vec<Norms>>, ModelError> {
    let m = model.n_outputs();
    let mean = model.output_scaling().center().repeat(samples.rows());
    let stages = Predictor::new(model, Precision::F64).staged(samples.inputs())?;
    let norms = |predicted: &Vec<f64>, j: usize| {
        let pairs = samples.targets().iter().zip(predicted).skip(j).step_by(m);
        Norms::of(&pairs.map(|(y, p)| y - p).collect::<Vec<_>>(), Some(samples.weights()))
    };
    let stages = std::iter::once(&mean).chain(&stages);
    Ok(stages.map(|predicted| (0..m).map(|j| norms(predicted, j)).collect()).collect())
}

/// The answer of `fit --json` and `demo --json`.
#[derive(Serialize)]
pub(crate) struct FitDocument<'a> {
    files: Vec<String>,
    source: &'a Source,
    stop: &'a str,
    interrupted: bool,
    refit: bool,
    outputs: Vec<Headline>,
    grades: &'a [GradeRow],
    baselines: &'a [BaselineRow],
    #[serde(skip_serializing_if = "Option::is_none")]
    classes: Option<&'a ClassReport>,
    #[serde(skip_serializing_if = "Option::is_none")]
    test: Option<&'a TestRows>,
    notes: &'a [String],
    warnings: &'a [String],
}

impl<'a> FitDocument<'a> {
    pub(crate) fn new(fitted: &'a Fitted, data: &'a ReportData, test: Option<&'a TestRows>, files: &FitFiles) -> Self {
        let history = fitted.model.history();
        Self {
            files: files.all().map(|path| path.display().to_string()).collect(),
            source: &data.source,
            stop: &history.stop,
            interrupted: fitted.stop == Stop::Interrupted,
            refit: history.refit,
            outputs: headlines(data, test),
            grades: &data.grades,
            baselines: &data.baselines,
            classes: data.classes.as_ref(),
            test,
            notes: &data.notes,
            warnings: &data.warnings,
        }
    }
}

fn headlines(data: &ReportData, test: Option<&TestRows>) -> Vec<Headline> {
    let headline = |j| test.map_or_else(|| data.headline(j), |test| test.headline(data, j));
    (0..data.outputs.len()).filter_map(headline).collect()
}

/// Writes the residual after every grade and of the baselines, the result in a sentence, and what was chosen.
pub(crate) fn write(out: &mut impl Write, data: &ReportData, test: Option<&TestRows>) -> io::Result<()> {
    for (j, headline) in headlines(data, test).iter().enumerate() {
        let unit = headline.unit.as_ref().map_or(String::new(), |unit| format!(" in {unit}"));
        writeln!(out, "{}", wrapped(&format!("{}: root mean square error{unit}", headline.output), 0))?;
        writeln!(out, "{}", residuals(data, test, j))?;
    }
    if let Some(classes) = &data.classes {
        class_summary::write(out, classes)?;
    }
    for headline in headlines(data, test) {
        writeln!(out, "{}", wrapped(&format!("{headline}."), 2))?;
    }
    write_proofs(out, data)?;
    if !data.notes.is_empty() {
        writeln!(out, "\nWhat was chosen, and why:")?;
    }
    for note in &data.notes {
        writeln!(out, "{}", wrapped(&format!("- {note}"), 2))?;
    }
    Ok(())
}

/// Writes what is proved about convex grades.
fn write_proofs(out: &mut impl Write, data: &ReportData) -> io::Result<()> {
    let outputs: Vec<(&str, Option<&str>)> =
        data.outputs.iter().map(|output| (output.name.as_str(), output.unit.as_deref())).collect();
    let convex: Vec<_> = data.grades.iter().filter_map(|row| Some((row.grade, row.convex.as_ref()?))).collect();
    if !convex.is_empty() {
        writeln!(out, "\nConvex grades (P is measured on standardised columns):")?;
    }
    for (grade, row) in convex {
        writeln!(out, "{}", wrapped(&format!("- grade {grade}: {}", row.line), 2))?;
        writeln!(out, "  {}", wrapped(&row.details(&outputs), 2))?;
    }
    Ok(())
}

fn residuals(data: &ReportData, test: Option<&TestRows>, j: usize) -> Grid {
    let has_held_out = data.grades.iter().any(|row| row.validation.is_some());
    let mut grid = Grid::new(2);
    let sets = [Some("training"), has_held_out.then_some("held out"), test.map(|_| "test")];
    let last = sets.iter().flatten().next_back().unwrap_or(&"training");
    let mut header = vec!["grade".to_owned(), "network".to_owned()];
    header.extend(sets.iter().flatten().map(|&name| name.to_owned()));
    header.push(format!("largest ({last})"));
    grid.row(header);

    let line = |grid: &mut Grid, number: String, name: &str, sets: [Option<&[Norms]>; 3]| {
        let norms: Vec<Norms> = sets.iter().flatten().filter_map(|norms| norms.get(j).copied()).collect();
        let largest = norms.last().map(|norms| significant(norms.linf, DIGITS));
        let errors = norms.iter().map(|norms| significant(norms.l2, DIGITS));
        grid.row([number, name.to_owned()].into_iter().chain(errors).chain(largest));
    };
    // Row 0 is the mean, which stands among the baselines too; it is shown where nothing else was found.
    let first = usize::from(data.grades.len() > 1);
    for (k, row) in data.grades.iter().enumerate().skip(first) {
        let name = if row.grade == 0 { "the mean" } else { &row.hidden };
        let test = test.and_then(|test| test.grades.get(k)).map(Vec::as_slice);
        line(&mut grid, row.grade.to_string(), name, [Some(&row.train), row.validation.as_deref(), test]);
    }
    grid.text("  simple methods on the same rows:");
    for (k, row) in data.baselines.iter().enumerate() {
        let test = test.and_then(|test| test.baselines.get(k)).map(Vec::as_slice);
        line(&mut grid, "-".to_owned(), &row.name, [Some(&row.train), row.validation.as_deref(), test]);
    }
    grid
}

/// Writes the names of the files that were made, one a line.
pub(crate) fn write_files(out: &mut impl Write, files: &[(String, &str)]) -> io::Result<()> {
    let mut grid = Grid::new(2);
    for (path, what) in files {
        grid.row([path.as_str(), what]);
    }
    write!(out, "\nWritten:\n{grid}")
}
