//! `multigrade inspect`

use std::io::{self, Write};
use std::path::Path;

use multigrade::report::{self, significant};
use multigrade::{Grade, History, Imputation, Multigrade, Schema, verify_proofs};
use serde::Serialize;

use super::print_json;
use crate::args::InspectArgs;
use crate::class_summary::percent;
use crate::data::{self, Columns};
use crate::failure::{Failure, Status};
use crate::files;
use crate::grid::{Grid, count, list, printable, wrapped};

#[derive(Serialize)]
struct Document<'a> {
    file: String,
    bytes: usize,
    schema: &'a Schema,
    parameters: usize,
    grades: Vec<GradeDocument>,
    history: &'a History,
    settings: &'a serde_json::Value,
    #[serde(skip_serializing_if = "Option::is_none")]
    proofs: Option<Vec<Verdict>>,
}

/// Whether the proof of a convex grade holds on the rows of the fit.
#[derive(Serialize)]
struct Verdict {
    grade: usize,
    holds: bool,
    line: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<String>,
}

/// The shape of one grade.
#[derive(Serialize)]
struct GradeDocument {
    hidden: String,
    parameters: usize,
    branches: usize,
    inputs: usize,
    features: usize,
    carries_inputs: bool,
}

impl GradeDocument {
    fn new(grade: &Grade) -> Self {
        Self {
            hidden: grade.describe(),
            parameters: grade.n_parameters(),
            branches: grade.branches().len(),
            inputs: grade.inputs(),
            features: grade.n_features(),
            carries_inputs: grade.carry_inputs(),
        }
    }
}

pub(crate) fn run(args: &InspectArgs) -> Result<Status, Failure> {
    let file = files::find(&args.model)?;
    let model = files::load(&file)?;
    let document = Document {
        file: file.display().to_string(),
        bytes: model.to_bytes().len(),
        schema: model.schema(),
        parameters: model.n_parameters(),
        grades: model.grades().iter().map(GradeDocument::new).collect(),
        history: model.history(),
        settings: model.settings(),
        proofs: args.verify.as_ref().map(|data| verify(&model, data, args)).transpose()?,
    };
    match (args.json, &document.proofs) {
        (true, _) => print_json(&document)?,
        (false, None) => print(&mut io::stdout().lock(), &file, &model, document.bytes)?,
        (false, Some(verdicts)) => print_verdicts(&mut io::stdout().lock(), verdicts)?,
    }
    let all_hold = document.proofs.iter().flatten().all(|verdict| verdict.holds);
    let is_asked_in_vain = document.proofs.as_ref().is_some_and(Vec::is_empty);
    if is_asked_in_vain {
        eprintln!("{}: no grade has a proof; --solver convex finds grades with one", printable(&document.file));
    }
    Ok(if all_hold && !is_asked_in_vain { Status::Done } else { Status::NotReached })
}

/// Recomputes every proof from the rows that the grades were fitted on.
fn verify(model: &Multigrade, data: &Path, args: &InspectArgs) -> Result<Vec<Verdict>, Failure> {
    let columns = Columns::of_model(model, args.weights.as_ref(), &args.table)?;
    let table = data::read(data, &args.table.options(columns.missing))?;
    let samples = columns.samples(&columns.whole_rows(table)?)?;
    let verified = verify_proofs(model, &samples);
    let mut verdicts = Vec::with_capacity(verified.len());
    for ((_, claim), (grade, proof)) in model.proofs().zip(verified) {
        let (holds, problem) = (proof.is_ok(), proof.err().map(|problem| problem.to_string()));
        verdicts.push(Verdict { grade, holds, line: claim.proof.to_string(), problem });
    }
    Ok(verdicts)
}

fn print_verdicts(out: &mut impl Write, verdicts: &[Verdict]) -> Result<(), Failure> {
    for Verdict { grade, line, problem, .. } in verdicts {
        let text = match problem {
            None => format!("grade {grade}: verified. {line}"),
            Some(problem) => format!(
                "grade {grade}: NOT verified: {problem}. The table must hold the rows of the fit; if the \
                 fit used --weights, name them here too."
            ),
        };
        writeln!(out, "{}", wrapped(&text, 2))?;
    }
    Ok(())
}

fn print(out: &mut impl Write, path: &Path, model: &Multigrade, bytes: usize) -> Result<(), Failure> {
    let (schema, history) = (model.schema(), model.history());
    let title = format!(
        "{}: {} from {}; {}, {} parameters, {} kB",
        path.display(),
        list(&schema.output_names()),
        list(&schema.input_names()),
        count(model.grades().len(), "grade"),
        model.n_parameters(),
        bytes.div_ceil(1000),
    );
    writeln!(out, "{}", wrapped(&title, 2))?;
    let refit = if history.refit { ", then trained again on all rows" } else { "" };
    let held_out = history.validation_rows;
    writeln!(out, "fitted on {}; {held_out} held out{refit}\n", count(history.train_rows, "row"))?;

    let mut inputs = Grid::new(1);
    let fills = schema.imputation.as_ref().map_or(&[][..], Imputation::fills);
    let header = (!fills.is_empty()).then_some("if missing");
    inputs.row(["input", "from", "to"].into_iter().chain(header));
    for (j, column) in schema.inputs.iter().enumerate() {
        // An indicator is always there.
        let fill = header.map(|_| fills.get(j).map_or("-".to_owned(), f64::to_string));
        inputs.row([column.name.clone(), column.min.to_string(), column.max.to_string()].into_iter().chain(fill));
    }
    writeln!(out, "{inputs}")?;
    if let Some(classes) = &schema.classes {
        let labels: Vec<String> = classes.labels.iter().map(ToString::to_string).collect();
        writeln!(
            out,
            "{}\n",
            wrapped(&format!("{} classes of {}: {}", labels.len(), classes.target, list(&labels)), 2)
        )?;
        writeln!(out, "{}", class_grades(model))?;
    }
    // The outputs of a classifier are logits, whose errors say little.
    let outputs = if schema.classes.is_some() { Vec::new() } else { schema.output_names() };
    for (j, name) in outputs.iter().enumerate() {
        writeln!(out, "{}: root mean square error after each grade", printable(name))?;
        writeln!(out, "{}", grades(model, j))?;
    }
    for (grade, claim) in model.proofs() {
        writeln!(out, "{}", wrapped(&format!("grade {grade} is convex: {}", claim.proof), 2))?;
    }
    if model.proofs().next().is_some() {
        writeln!(out, "(--verify DATA recomputes this from the table of the fit)\n")?;
    }
    let mut settings = Grid::new(2);
    for entry in report::settings(model.settings()) {
        settings.row([entry.name, entry.value]);
    }
    writeln!(out, "Settings:\n{settings}")?;
    writeln!(out, "Notes:")?;
    for note in
        history.notes.iter().map(|note| note.text.clone()).chain([format!("no further grade: {}", history.stop)])
    {
        writeln!(out, "{}", wrapped(&format!("- {note}"), 2))?;
    }
    Ok(())
}

fn class_grades(model: &Multigrade) -> Grid {
    let mut grid = Grid::new(3);
    let header = ["accuracy (training)", "log-loss (training)", "accuracy (held out)", "log-loss (held out)"];
    grid.row(["grade", "network", "solver"].into_iter().chain(header));
    for record in &model.history().grades {
        let Some(scores) = record.scores else { continue };
        let is_first = record.grade == 0;
        let name = if is_first { "the shares of the classes".into() } else { record.hidden.clone() };
        let solver = if is_first { "-".into() } else { record.solver.clone() };
        let sets = std::iter::once(scores.train).chain(scores.validation);
        let cells = sets.flat_map(|scores| [percent(scores.accuracy), significant(scores.log_loss, 4)]);
        grid.row([record.grade.to_string(), name, solver].into_iter().chain(cells));
    }
    grid
}

fn grades(model: &Multigrade, output: usize) -> Grid {
    let mut grid = Grid::new(3);
    grid.row(["grade", "network", "solver", "parameters", "updates", "weight decay", "training", "held out"]);
    for record in &model.history().grades {
        let shown = |norms: &Vec<multigrade::Norms>| norms.get(output).map_or("-".into(), |n| significant(n.l2, 4));
        let held_out = record.validation.as_ref().map_or("-".into(), shown);
        let is_mean = record.grade == 0;
        grid.row([
            record.grade.to_string(),
            if is_mean { "the mean".into() } else { record.hidden.clone() },
            if is_mean { "-".into() } else { record.solver.clone() },
            record.parameters.to_string(),
            record.updates.to_string(),
            if is_mean || record.proof.is_some() { "-".into() } else { format!("{:e}", record.weight_decay) },
            shown(&record.train),
            held_out,
        ]);
    }
    grid
}
