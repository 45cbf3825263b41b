//! `multigrade predict`

mod output;
mod rows;

use multigrade::table::{CsvColumn, CsvWriter, Delimiter};
use multigrade::{Multigrade, Predictor};

use super::{use_threads, warn};
use crate::args::PredictArgs;
use crate::data::{self, Columns};
use crate::failure::{Failure, Status};
use crate::files;
use output::Output;
use rows::{Block, Rows};

pub(crate) fn run(args: &PredictArgs) -> Result<Status, Failure> {
    let model_file = files::find(&args.model)?;
    if let Some(out) = &args.out {
        files::check(out, args.force, &[&model_file, &args.data])?;
    }
    use_threads(&args.threads)?;
    let model = shorter(files::load(&model_file)?, args.grades)?;
    let answers = Answers::new(&model, args)?;

    let all = args.keep == ["all"];
    let copy = if all { data::copy_of_stream(&args.data)? } else { None };
    let columns = Columns::of_model(&model, None, &args.table)?;
    let blocks = || data::blocks(&args.data, copy.as_ref(), &args.table.options(columns.missing));
    let kept = if all { rows::number_columns(&model, &columns, blocks()?, &args.keep)? } else { args.keep.clone() };
    let mut rows = Rows::new(&model, &columns, blocks()?, &kept)?;
    let mut output = Output::new(args)?;
    let mut table = CsvWriter::start(&mut output, Delimiter::Comma, &names(&model, &kept, args.staged))?;
    let mut outside = Outside::default();
    while let Some(Block { inputs, kept: mut columns }) = rows.next()? {
        outside.count(&model, &inputs);
        columns.extend(answers.columns(&inputs)?);
        if let Err(error) = table.write(&columns) {
            return Err(output.failure(error));
        }
    }
    let finished = table.finish();
    rows.warn_of_gaps();
    outside.warn(&model);
    if let Err(error) = finished {
        return Err(output.failure(error));
    }
    output.finish()?;
    Ok(Status::Done)
}

/// The model with the first `grades` grades only.
pub(super) fn shorter(model: Multigrade, grades: Option<u32>) -> Result<Multigrade, Failure> {
    match grades {
        Some(k) => Ok(model.truncate(k as usize)?),
        None => Ok(model),
    }
}

/// What a model says of rows.
struct Answers<'a> {
    model: &'a Multigrade,
    predictor: Predictor,
    staged: bool,
}

impl<'a> Answers<'a> {
    fn new(model: &'a Multigrade, args: &PredictArgs) -> Result<Self, Failure> {
        if args.staged && model.grades().is_empty() {
            return Err("the model is a constant without any grade, so --staged has nothing to show"
                .to_string()
                .into());
        }
        Ok(Self { model, predictor: Predictor::new(model, args.precision.into()), staged: args.staged })
    }

    /// Predicted columns: one for each output, or one for each grade and output; of a classifier the label and the
    /// probability of each class.
    fn columns(&self, inputs: &[f64]) -> Result<Vec<CsvColumn>, Failure> {
        let stages = if self.staged { self.predictor.staged(inputs)? } else { vec![self.predictor.predict(inputs)?] };
        let columns = |rows: &[f64], m: usize| -> Vec<CsvColumn> {
            (0..m).map(|j| CsvColumn::Numbers(rows.iter().skip(j).step_by(m).copied().collect())).collect()
        };
        let stage = |stage: &Vec<f64>| match &self.model.schema().classes {
            None => columns(stage, self.model.n_outputs()),
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

/// How many rows lie where the model was not made for, and in which inputs.
#[derive(Default)]
struct Outside {
    n_rows: usize,
    outside: usize,
    by_input: Vec<usize>,
}

impl Outside {
    fn count(&mut self, model: &Multigrade, inputs: &[f64]) {
        let schema = model.schema();
        self.by_input.resize(schema.inputs.len(), 0);
        for row in inputs.chunks_exact(model.n_inputs()) {
            self.n_rows += 1;
            self.outside += usize::from(!schema.covers(row));
            for ((x, column), count) in row.iter().zip(&schema.inputs).zip(&mut self.by_input) {
                *count += usize::from(!(column.min <= *x && *x <= column.max));
            }
        }
    }

    fn warn(&self, model: &Multigrade) {
        let Self { n_rows, outside, by_input } = self;
        if *outside == 0 {
            return;
        }
        let by_input = model.schema().inputs.iter().zip(by_input).filter(|(_, count)| **count > 0);
        let by_input = by_input
            .map(|(column, count)| format!("{} outside {}..{} in {count}", column.name, column.min, column.max))
            .collect::<Vec<_>>()
            .join("; ");
        warn(&format!(
            "{outside} of {n_rows} rows lie outside the box that the model was made for, where it can be far off ({by_input})"
        ));
    }
}
