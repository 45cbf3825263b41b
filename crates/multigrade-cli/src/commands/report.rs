//! `multigrade report`

use std::io::Write;
use std::path::{Path, PathBuf};

use multigrade::report::{About, ReportData, ReportRows, RowKind, significant};
use multigrade::table::{ReadOptions, Table};
use multigrade::{FitSettings, Multigrade, Samples, split, staged_scores, write_atomically};

use super::{print_json, warn};
use crate::args::ReportArgs;
use crate::data::{self, Columns};
use crate::failure::{Failure, Status};
use crate::grid::wrapped;
use crate::{files, html, summary};

pub(crate) fn run(args: &ReportArgs) -> Result<Status, Failure> {
    let model_file = files::find(&args.model)?;
    let model = files::load(&model_file)?;
    let out = match (&args.out, args.json) {
        (Some(path), _) => Some(path.clone()),
        (None, true) => None,
        (None, false) => Some(files::beside(&model_file, "html")),
    };
    if let Some(path) = &out {
        let read = [Some(&model_file), Some(&args.data), args.validation.as_ref()];
        let read: Vec<&Path> = read.into_iter().flatten().map(PathBuf::as_path).collect();
        files::check(path, args.force, &read)?;
    }
    let data = report(&model, args)?;
    data.warnings.iter().for_each(|text| warn(text));
    if let Some(path) = &out {
        write_atomically(path, html::render(&data).as_bytes(), args.force)?;
    }
    if args.json {
        print_json(&data)?;
    } else {
        print(&data, out.as_deref())?;
    }
    Ok(Status::Done)
}

fn report(model: &Multigrade, args: &ReportArgs) -> Result<ReportData, Failure> {
    let columns = Columns::of_model(model, args.weights.as_ref(), &args.table)?;
    let options = ReadOptions { texts: columns.outputs.clone(), ..args.table.options(columns.missing) };
    let whole = |path: &Path| -> Result<Table, Failure> { columns.whole_rows(data::read(path, &options)?) };
    let table = whole(&args.data)?;
    let samples = columns.samples(&table)?;
    let rows = match &args.validation {
        Some(path) => Rows { train: samples.clone(), held_out: Some(columns.samples(&whole(path)?)?) },
        None => Rows::again(model, &samples),
    };
    let difference = rows.difference(model)?;
    let is_of_the_fit = difference.is_none();
    let about = About {
        source: data::file_name(&args.data),
        n_columns: table.column_names().len(),
        warnings: difference
            .into_iter()
            .chain(columns.filled(&table, &columns.inputs)?)
            .chain(data::oddities(&samples, &columns))
            .collect(),
        ..About::default()
    };
    if is_of_the_fit {
        let rows = ReportRows { train: &rows.train, held_out: rows.held_out.as_ref(), held_out_predictions: None };
        Ok(ReportData::measure(model, &rows, &about)?)
    } else if columns.classes.is_some() {
        classes_of_others(model, &samples, &about)
    } else {
        report_on_others(model, &samples, &about)
    }
}

/// A report on rows that are not just those of the fit: it may have seen any of them.
fn report_on_others(model: &Multigrade, samples: &Samples, about: &About) -> Result<ReportData, Failure> {
    let rows = ReportRows { train: samples, held_out: None, held_out_predictions: None };
    let mut data = ReportData::measure(model, &rows, about)?;
    for (row, norms) in data.grades.iter_mut().zip(summary::staged_norms(model, samples)?) {
        row.validation = Some(norms);
    }
    data.outputs.iter_mut().flat_map(|output| &mut output.points).for_each(|point| point.validation = true);
    (data.source.n_validation, data.source.validation_kind) = (samples.rows(), RowKind::Unknown);
    data.source.validation_chose = false;
    data.source.refit = false;
    // Simple methods would have to be fitted on the rows of the fit.
    data.baselines.clear();
    data.notes = model.history().notes.iter().map(|note| note.text.clone()).collect();
    Ok(data)
}

/// The same for a classifier.
fn classes_of_others(model: &Multigrade, samples: &Samples, about: &About) -> Result<ReportData, Failure> {
    let rows = ReportRows { train: samples, held_out: None, held_out_predictions: None };
    let mut data = ReportData::measure(model, &rows, about)?;
    if let Some(report) = &mut data.classes {
        for (row, scores) in report.grades.iter_mut().zip(staged_scores(model, samples)?) {
            row.validation = Some(scores);
        }
        report.kind = RowKind::Unknown;
        report.baselines.clear();
    }
    (data.source.n_validation, data.source.validation_kind) = (samples.rows(), RowKind::Unknown);
    (data.source.validation_chose, data.source.refit) = (false, false);
    data.notes = model.history().notes.iter().map(|note| note.text.clone()).collect();
    Ok(data)
}

fn print(data: &ReportData, out: Option<&Path>) -> Result<(), Failure> {
    let mut stdout = std::io::stdout().lock();
    if let Some(classes) = &data.classes {
        writeln!(stdout, "{}", wrapped(&format!("{}.", classes.sentence()), 2))?;
    }
    for output in 0..data.outputs.len() {
        if let Some(headline) = data.headline(output) {
            writeln!(stdout, "{}", wrapped(&format!("{headline}."), 2))?;
        }
    }
    if let Some(path) = out {
        writeln!(stdout, "Written: {}", path.display())?;
    }
    Ok(())
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
        let parts = split(samples, settings.validation, settings.seed);
        Self {
            train: samples.select(&parts.train),
            held_out: (!parts.held_out.is_empty()).then(|| samples.select(&parts.held_out)),
        }
    }

    /// Says so if these are not the rows that the model was fitted on: other counts, or another training error.
    fn difference(&self, model: &Multigrade) -> Result<Option<String>, Failure> {
        const NAME: &str = "these are not the rows of the fit";
        const MEANING: &str = "If the fit used --validation or --weights, name them here too. Else training norms are \
                               those of the fit, the rows of this table are shown as rows that the fit may have seen, \
                               and simple methods, which would need the rows of the fit, are left out.";
        let history = model.history();
        let held_out = self.held_out.as_ref().map_or(0, Samples::rows);
        let train = self.train.rows() + if history.refit { held_out } else { 0 };
        if (train, held_out) != (history.train_rows, history.validation_rows) {
            let (train_then, held_out_then) = (history.train_rows, history.validation_rows);
            return Ok(Some(format!(
                "{NAME}: it had {train_then} to fit and {held_out_then} held out, this table would give {train} and \
                 {held_out}. {MEANING}"
            )));
        }
        if model.schema().classes.is_some() {
            let then = history.grades.last().and_then(|record| Some(record.scores?.train.log_loss));
            let now = staged_scores(model, &self.of_the_grades(model))?.last().map(|scores| scores.log_loss);
            let (Some(then), Some(now)) = (then, now) else { return Ok(None) };
            let is_same = (now - then).abs() <= 1e-6 * then.max(1e-6);
            let (then, now) = (significant(then, 4), significant(now, 4));
            return Ok(
                (!is_same).then(|| format!("{NAME}: its training log-loss was {then}, here it is {now}. {MEANING}"))
            );
        }
        let norms = history.grades.first().zip(history.grades.last());
        let norms = norms.into_iter().flat_map(|(first, last)| first.train.iter().zip(&last.train));
        let now = self.training_errors(model)?;
        for ((name, (spread, then)), now) in model.schema().output_names().into_iter().zip(norms).zip(now) {
            // Rounding aside, the same rows give the same error.
            if (now - then.l2).abs() > 1e-6 * spread.l2.max(then.l2) {
                let (then, now) = (significant(then.l2, 4), significant(now, 4));
                return Ok(Some(format!(
                    "{NAME}: its training RMSE of {name} was {then}, here it is {now}. {MEANING}"
                )));
            }
        }
        Ok(None)
    }

    /// The RMSE of every output on these rows.
    fn training_errors(&self, model: &Multigrade) -> Result<Vec<f64>, Failure> {
        let stages = summary::staged_norms(model, &self.of_the_grades(model))?;
        Ok(stages.last().into_iter().flatten().map(|norms| norms.l2).collect())
    }

    /// The rows that the finished grades were trained on.
    fn of_the_grades(&self, model: &Multigrade) -> Samples {
        let refitted = self.held_out.as_ref().filter(|_| model.history().refit);
        let all = refitted.and_then(|held_out| self.train.followed_by(held_out));
        all.unwrap_or_else(|| self.train.clone())
    }
}
