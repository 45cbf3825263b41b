//! `multigrade evaluate`

use std::io::{self, Write};

use multigrade::Norms;
use multigrade::report::significant;
use multigrade::table::ReadOptions;
use serde::Serialize;

use super::predict::shorter;
use super::{evaluate_classes, print_json, use_threads, warn};
use crate::args::EvaluateArgs;
use crate::data::{self, Columns};
use crate::failure::{Failure, Status};
use crate::grid::{Grid, count, printable};
use crate::{files, summary};

#[derive(Serialize)]
struct Document {
    rows: usize,
    outputs: Vec<OutputDocument>,
}

#[derive(Serialize)]
struct OutputDocument {
    name: String,
    /// Root mean square of the target about its mean.
    target_spread: f64,
    grades: Vec<GradeDocument>,
}

#[derive(Serialize)]
struct GradeDocument {
    grade: usize,
    #[serde(flatten)]
    norms: Norms,
    /// `1 - l2² / target_spread²`; none for a constant target.
    r2: Option<f64>,
}

pub(crate) fn run(args: &EvaluateArgs) -> Result<Status, Failure> {
    use_threads(&args.threads)?;
    let model = shorter(files::load(&args.model)?, args.grades)?;
    let columns = Columns::of_model(&model, args.weights.as_ref(), &args.table)?;
    let options = ReadOptions { texts: columns.outputs.clone(), ..args.table.options(columns.missing) };
    let table = columns.whole_rows(data::read(&args.data, &options)?)?;
    let samples = columns.samples(&table)?;
    columns.filled(&table, &columns.inputs)?.iter().for_each(|text| warn(text));
    if let Some(classes) = &columns.classes {
        return evaluate_classes::run(&model, classes, &samples, table.name(), args);
    }
    if args.min_accuracy.is_some() {
        return Err("--min-accuracy is for classifiers; the model makes numbers: use --max-rmse".to_string().into());
    }
    let stages = summary::staged_norms(&model, &samples)?;
    let outputs = model.schema().output_names().into_iter().enumerate().map(|(j, name)| {
        let target_spread = spread(&samples, j);
        let grade = |(grade, norms): (usize, &Vec<Norms>)| GradeDocument {
            grade,
            norms: norms[j],
            r2: (target_spread > 0.0).then(|| 1.0 - (norms[j].l2 / target_spread).powi(2)),
        };
        OutputDocument { name: name.to_owned(), target_spread, grades: stages.iter().enumerate().map(grade).collect() }
    });
    let document = Document { rows: samples.rows(), outputs: outputs.collect() };
    if args.json {
        print_json(&document)?;
    } else {
        print(&mut io::stdout().lock(), &document, table.name())?;
    }
    let limit = args.max_rmse.unwrap_or(f64::INFINITY);
    let rmse = |output: &OutputDocument| output.grades.last().map_or(f64::NAN, |grade| grade.norms.l2);
    let mut status = Status::Done;
    for output in &document.outputs {
        // An error that is no number is not within any limit.
        let is_within = rmse(output) <= limit;
        if !is_within {
            eprintln!("{}: RMSE {} is larger than {limit}", printable(&output.name), significant(rmse(output), 4));
            status = Status::NotReached;
        }
    }
    Ok(status)
}

/// Root mean square of output `j` about its mean.
fn spread(samples: &multigrade::Samples, j: usize) -> f64 {
    let values: Vec<f64> = samples.targets().iter().skip(j).step_by(samples.n_targets()).copied().collect();
    let total: f64 = samples.weights().iter().sum();
    // About the first value, so that a large offset costs no digits.
    let mean = values.iter().zip(samples.weights()).map(|(y, w)| w / total * (y - values[0])).sum::<f64>();
    let about_mean: Vec<f64> = values.iter().map(|y| (y - values[0]) - mean).collect();
    Norms::of(&about_mean, Some(samples.weights())).l2
}

fn print(out: &mut impl Write, document: &Document, table: &str) -> io::Result<()> {
    for output in &document.outputs {
        let rows = count(document.rows, "row");
        writeln!(out, "{}: residual on {rows} of {}", printable(&output.name), printable(table))?;
        let mut grid = Grid::new(1);
        grid.row(["grade", "mean |r| (L1)", "RMSE (L2)", "largest (Linf)", "R2"]);
        for grade in &output.grades {
            let name = if grade.grade == 0 { "0 (mean)".to_owned() } else { grade.grade.to_string() };
            let r2 = grade.r2.map_or("-".to_owned(), |r2| format!("{r2:.6}"));
            let Norms { l1, l2, linf } = grade.norms;
            grid.row([name, significant(l1, 4), significant(l2, 4), significant(linf, 4), r2]);
        }
        writeln!(out, "{grid}")?;
    }
    Ok(())
}
