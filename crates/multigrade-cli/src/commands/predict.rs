//! `multigrade predict`

use std::io::BufWriter;

use multigrade::table::{CsvColumn, Delimiter, Table, write_columns};
use multigrade::{Multigrade, Predictor, write_atomically};

use super::{use_threads, warn};
use crate::args::{MissingArg, PredictArgs};
use crate::data::{self, Columns};
use crate::failure::{Failure, Status};
use crate::files;

pub(crate) fn run(args: &PredictArgs) -> Result<Status, Failure> {
    let model_file = files::find(&args.model)?;
    if let Some(out) = &args.out {
        files::check(out, args.force, &[&model_file, &args.data])?;
    }
    use_threads(&args.threads)?;
    let model = shorter(files::load(&model_file)?, args.grades)?;
    let columns = Columns::of_model(&model, None, &args.table)?;
    let table = data::read(&args.data, &args.table.options(columns.missing))?;
    let read = data::model_inputs(&table, &model)?;
    let table = match columns.missing {
        MissingArg::Drop => data::whole_rows(table, &read, columns.missing)?,
        MissingArg::Refuse | MissingArg::Impute => table,
    };
    let inputs = columns.input_rows(&table, &read)?;
    columns.filled(&table, &read)?.iter().for_each(|text| warn(text));
    warn_outside(&model, &inputs, &table);

    let kept = kept_columns(&table, &args.keep)?;
    let names = names(&model, &kept, args.staged);
    let kept = kept.iter().map(|name| Ok(CsvColumn::Numbers(table.numbers_or_gaps(name)?.to_vec())));
    let predicted = predictions(&model, &inputs, args)?.into_iter().map(Ok);
    let columns = kept.chain(predicted).collect::<Result<Vec<_>, Failure>>()?;
    match &args.out {
        None => write_columns(BufWriter::new(std::io::stdout().lock()), Delimiter::Comma, &names, &columns)?,
        Some(path) => {
            let mut file = Vec::new();
            write_columns(&mut file, Delimiter::Comma, &names, &columns)?;
            write_atomically(path, &file, args.force)?;
        }
    }
    Ok(Status::Done)
}

/// The model with the first `grades` grades only.
pub(super) fn shorter(model: Multigrade, grades: Option<u32>) -> Result<Multigrade, Failure> {
    match grades {
        Some(k) => Ok(model.truncate(k as usize)?),
        None => Ok(model),
    }
}

/// Predicted columns: one for each output, or one for each grade and output; of a classifier the label and the probability
/// of each class.
fn predictions(model: &Multigrade, inputs: &[f64], args: &PredictArgs) -> Result<Vec<CsvColumn>, Failure> {
    let predictor = Predictor::new(model, args.precision.into());
    let stages = if args.staged { predictor.staged(inputs)? } else { vec![predictor.predict(inputs)?] };
    if stages.is_empty() {
        return Err("the model is a constant without any grade, so --staged has nothing to show".to_string().into());
    }
    let columns = |rows: &[f64], m: usize| -> Vec<CsvColumn> {
        (0..m).map(|j| CsvColumn::Numbers(rows.iter().skip(j).step_by(m).copied().collect())).collect()
    };
    let stage = |stage: &Vec<f64>| match &model.schema().classes {
        None => columns(stage, model.n_outputs()),
        Some(classes) => {
            let probabilities = classes.probabilities(stage);
            let labels = classes.decide(&probabilities).into_iter().map(|class| classes.labels[class].to_string());
            let mut label = vec![CsvColumn::Texts(labels.collect())];
            label.extend(columns(&probabilities, classes.len()));
            label
        }
    };
    Ok(stages.iter().flat_map(stage).collect())
}

/// The names of the columns written, all different. A prediction gives way to a kept column of the same name.
fn names(model: &Multigrade, kept: &[String], staged: bool) -> Vec<String> {
    let stages = if staged { 1..=model.grades().len() } else { 0..=0 };
    let outputs: Vec<String> = match &model.schema().classes {
        None => model.schema().output_names().into_iter().map(str::to_owned).collect(),
        Some(classes) => {
            let probabilities = classes.labels.iter().map(|label| format!("P({label})"));
            std::iter::once(classes.target.clone()).chain(probabilities).collect()
        }
    };
    let name = |output: &str, k: usize| if k > 0 { format!("{output}@{k}") } else { output.to_owned() };
    let predicted: Vec<String> = stages.flat_map(|k| outputs.iter().map(move |output| name(output, k))).collect();
    let mut names = kept.to_vec();
    for own in &predicted {
        let mut name = own.clone();
        while names.contains(&name) || (name != *own && predicted.contains(&name)) {
            name += "_predicted";
        }
        names.push(name);
    }
    names
}

fn kept_columns(table: &Table, keep: &[String]) -> Result<Vec<String>, Failure> {
    if keep != ["all"] || table.position("all").is_ok() {
        for (i, name) in keep.iter().enumerate() {
            table.position(name)?;
            if keep[..i].contains(name) {
                return Err(format!("--keep names the column '{name}' twice; name it once").into());
            }
        }
        return Ok(keep.to_vec());
    }
    let (kept, left): (Vec<_>, Vec<_>) =
        table.column_names().iter().cloned().partition(|name| table.numbers_or_gaps(name).is_ok());
    if !left.is_empty() {
        warn(&format!("left out of --keep all, since they hold other than numbers: {}", left.join(", ")));
    }
    Ok(kept)
}

/// Says how many rows lie where the model was not made for, and in which inputs.
fn warn_outside(model: &Multigrade, inputs: &[f64], table: &Table) {
    let schema = model.schema();
    let rows = || inputs.chunks_exact(model.n_inputs());
    let outside = rows().filter(|row| !schema.covers(row)).count();
    if outside == 0 {
        return;
    }
    let is_outside = |j: usize, row: &[f64]| !(schema.inputs[j].min <= row[j] && row[j] <= schema.inputs[j].max);
    let by_input = schema.inputs.iter().enumerate().filter_map(|(j, column)| {
        let count = rows().filter(|row| is_outside(j, row)).count();
        (count > 0).then(|| format!("{} outside {}..{} in {count}", column.name, column.min, column.max))
    });
    let all = table.n_rows();
    warn(&format!(
        "{outside} of {all} rows lie outside the box that the model was made for, where it can be far off ({})",
        by_input.collect::<Vec<_>>().join("; ")
    ));
}
