//! `multigrade report`

use std::io::Write;

use multigrade::report::{About, ReportData, ReportRows, significant};
use multigrade::{FitSettings, Multigrade, Precision, Predictor, Samples, split, write_atomically};

use super::{print_json, warn};
use crate::args::ReportArgs;
use crate::data::{self, Columns};
use crate::failure::{Failure, Status};
use crate::grid::wrapped;
use crate::{files, html};

pub(crate) fn run(args: &ReportArgs) -> Result<Status, Failure> {
    let model = files::load(&args.model)?;
    let out = match (&args.out, args.json) {
        (Some(path), _) => Some(path.clone()),
        (None, true) => None,
        (None, false) => Some(files::beside(&files::model_path(&args.model), "html")),
    };
    if let Some(path) = &out {
        files::check(path, args.force)?;
    }
    let options = args.table.options();
    let table = data::read(&args.data, &options)?;
    let columns = Columns::of_model(&model, args.weights.as_ref());
    let samples = columns.samples(&table)?;
    let rows = match &args.validation {
        Some(path) => Rows { train: samples, held_out: Some(columns.samples(&data::read(path, &options)?)?) },
        None => Rows::again(&model, &samples),
    };
    let warnings: Vec<String> = rows.difference(&model)?.into_iter().collect();
    warnings.iter().for_each(|text| warn(text));
    let about = About {
        source: data::file_name(&args.data),
        n_columns: table.column_names().len(),
        warnings,
        ..About::default()
    };
    let rows = ReportRows { train: &rows.train, held_out: rows.held_out.as_ref(), held_out_predictions: None };
    let data = ReportData::measure(&model, &rows, &about)?;
    if let Some(path) = &out {
        write_atomically(path, html::render(&data).as_bytes(), args.force)?;
    }
    if args.json {
        print_json(&data)?;
    } else {
        let mut stdout = std::io::stdout().lock();
        for output in 0..data.outputs.len() {
            if let Some(headline) = data.headline(output) {
                writeln!(stdout, "{}", wrapped(&format!("{headline}."), 2))?;
            }
        }
        if let Some(path) = &out {
            writeln!(stdout, "Written: {}", path.display())?;
        }
    }
    Ok(Status::Done)
}

/// The rows of a fit, as far as they can be known afterwards.
struct Rows {
    train: Samples,
    held_out: Option<Samples>,
}

impl Rows {
    /// The split that the settings kept in the model give.
    fn again(model: &Multigrade, samples: &Samples) -> Self {
        let settings: FitSettings = serde_json::from_value(model.settings().clone()).unwrap_or_default();
        // A model that held nothing out has a share too, if its rows were all alike.
        let share = if model.history().validation_rows == 0 { 0.0 } else { settings.validation };
        let parts = split(samples, share, settings.seed);
        Self {
            train: samples.select(&parts.train),
            held_out: (!parts.held_out.is_empty()).then(|| samples.select(&parts.held_out)),
        }
    }

    /// A warning if these are not the rows that the model was fitted on: other counts, or another training error.
    fn difference(&self, model: &Multigrade) -> Result<Option<String>, Failure> {
        let history = model.history();
        let held_out = self.held_out.as_ref().map_or(0, Samples::rows);
        let train = self.train.rows() + if history.refit { held_out } else { 0 };
        let found = format!("the table gives {train} rows to fit and {held_out} held out");
        if (train, held_out) != (history.train_rows, history.validation_rows) {
            return Ok(Some(format!(
                "these are not the rows of the fit: {found}, the fit had {} and {}. The norms of the grades are those \
                 of the fit; the figures and the simple methods are from this table.",
                history.train_rows, history.validation_rows
            )));
        }
        let Some(record) = history.grades.last() else { return Ok(None) };
        let known: Vec<f64> = record.train.iter().map(|norms| norms.l2).collect();
        let spread: Vec<f64> = history.grades[0].train.iter().map(|norms| norms.l2).collect();
        let now = self.training_errors(model, history.refit)?;
        for (j, name) in model.schema().output_names().iter().enumerate() {
            let differs = (now[j] - known[j]).abs() > 1e-6 * spread[j].max(known[j]);
            if differs {
                return Ok(Some(format!(
                    "these are not the rows of the fit: there the training RMSE of {name} was {}, here it is {}. The \
                     norms of the grades are those of the fit; the figures and the simple methods are from this table.",
                    significant(known[j], 4),
                    significant(now[j], 4)
                )));
            }
        }
        Ok(None)
    }

    /// The RMSE of every output on the rows that the finished grades were trained on.
    fn training_errors(&self, model: &Multigrade, refit: bool) -> Result<Vec<f64>, Failure> {
        let predictor = Predictor::new(model, Precision::F64);
        let m = model.n_outputs();
        let (mut squares, mut total) = (vec![0.0; m], 0.0);
        let parts = [Some(&self.train), self.held_out.as_ref().filter(|_| refit)];
        for samples in parts.into_iter().flatten() {
            let predicted = predictor.predict(samples.inputs())?;
            for ((y, p), w) in samples.targets().chunks(m).zip(predicted.chunks(m)).zip(samples.weights()) {
                squares.iter_mut().zip(y.iter().zip(p)).for_each(|(s, (y, p))| *s += w * (y - p) * (y - p));
                total += w;
            }
        }
        Ok(squares.iter().map(|s| (s / total).sqrt()).collect())
    }
}
