//! `multigrade fit`

use std::io::Write;
use std::path::Path;

use multigrade::convex::{self, ConvexSettings};
use multigrade::report::{About, ReportData, ReportRows, significant};
use multigrade::table::{ReadOptions, Table};
use multigrade::{Fitted, Norms, Samples, Stop, fit_classes, fit_named, resume, write_atomically};

use super::{learn, print_json, use_threads, warn};
use crate::args::{FitArgs, SolverArg, ValidationArg};
use crate::data::{self, Columns};
use crate::failure::{Failure, Status};
use crate::files::FitFiles;
use crate::grid::{count, wrapped};
use crate::progress::Progress;
use crate::run_record::Clock;
use crate::summary::{self, FitDocument};
use crate::{files, html, interrupt};

pub(crate) fn run(args: &FitArgs) -> Result<Status, Failure> {
    let clock = Clock::start();
    let Some(data) = &args.data else { return learn::run(args, &clock) };
    let start = args.start.as_deref().map(files::find).transpose()?;
    let model = start.as_deref().map(files::load).transpose()?;
    let settings = model.as_ref().map_or_else(|| args.settings(), |model| args.continued(model))?.validate()?;
    let files = FitFiles::new(&args.out, !args.no_report);
    let validation_file = match &args.validation {
        ValidationArg::Share(_) => None,
        ValidationArg::File(path) => Some(path.as_path()),
    };
    let read: Vec<&Path> = [data.as_path()].into_iter().chain(validation_file).chain(start.as_deref()).collect();
    files.check(args.run.force, &read)?;
    use_threads(&args.run.threads)?;
    // Any target may turn out to be classes.
    let known = model.as_ref().map(|model| Columns::of_model(model, args.weights.as_ref(), &args.table)).transpose()?;
    let missing = args.table.missing(model.as_ref())?;
    let texts = known.as_ref().map_or(&args.target, |columns| &columns.outputs).clone();
    let options = ReadOptions { texts, ..args.table.options(missing) };
    let table = data::read(data, &options)?;
    // Whether the target is one of classes is seen from its cells.
    let table = data::whole_rows(table, &args.target, missing)?;
    let mut columns = known.map_or_else(|| Columns::chosen(&table, args), Ok)?;
    let table = columns.whole_rows(table)?;
    columns
        .learn_imputation(&table, &settings, validation_file.is_none())
        .map_err(|failure| columns.with_way_out(failure, args))?;
    let columns = columns;
    let samples = |table: &Table| columns.samples(table).map_err(|failure| columns.with_way_out(failure, args));
    let held_out = match validation_file {
        Some(path) => Some(samples(&columns.whole_rows(data::read(path, &options)?)?)?),
        None => None,
    };
    let samples = samples(&table)?;
    let warnings: Vec<String> =
        columns.filled(&table, &columns.inputs)?.into_iter().chain(data::oddities(&samples, &columns)).collect();
    warnings.iter().for_each(|text| warn(text));

    let mut progress = Progress::start(&columns, samples.rows(), args.run.quiet)?;
    let (held, inputs) = (held_out.as_ref(), &columns.input_names());
    let fitted = match (&model, &columns.classes) {
        (Some(model), _) => resume(model, &samples, held, &settings, &mut progress)?,
        (None, Some(classes)) => fit_classes(&samples, held, inputs, classes, &settings, &mut progress)?,
        (None, None) => fit_named(&samples, held, inputs, &columns.outputs, &settings, &mut progress)?,
    };
    progress.finish();

    let about = About {
        source: data::file_name(data),
        n_columns: table.column_names().len(),
        seconds: fitted.seconds.clone(),
        warnings,
    };
    save(&fitted, &files, &clock, args.run.force)?;
    let mut data = report(&fitted, &samples, held_out.as_ref(), &about)?;
    if !args.training.solver.contains(&SolverArg::Convex) {
        data.notes.extend(recommendation(&fitted, &samples, held_out.as_ref(), &data));
    }
    write_report(&data, &files, args.run.force)?;
    if args.run.json {
        print_json(&FitDocument::new(&fitted, &data, None, &files))?;
    } else {
        print(&table, &columns, &data, &files)?;
    }
    Ok(status(&fitted, &files))
}

/// The report on a fit that has just ended.
pub(super) fn report(
    fitted: &Fitted,
    samples: &Samples,
    held_out: Option<&Samples>,
    about: &About,
) -> Result<ReportData, Failure> {
    let is_held_out = |row: &usize| fitted.held_out.binary_search(row).is_ok();
    let train: Vec<usize> = (0..samples.rows()).filter(|row| !is_held_out(row)).collect();
    let own_held_out = (!fitted.held_out.is_empty()).then(|| samples.select(&fitted.held_out));
    let held_out = held_out.or(own_held_out.as_ref());
    let rows = ReportRows {
        train: &samples.select(&train),
        held_out,
        held_out_predictions: held_out.map(|_| fitted.held_out_predictions.as_slice()),
    };
    Ok(ReportData::measure(&fitted.model, &rows, about)?)
}

/// Rows up to which a convex grade is tried for the sake of a recommendation: well below a second.
const TRIED: usize = 20_000;

/// For one input, where it holds: that one convex grade does as well, with a proof.
fn recommendation(fitted: &Fitted, samples: &Samples, held_out: Option<&Samples>, data: &ReportData) -> Option<String> {
    let is_eligible = samples.n_inputs() == 1
        && samples.n_targets() == 1
        && samples.n_classes().is_none()
        && samples.rows() <= TRIED
        && fitted.model.proofs().next().is_none();
    if !is_eligible {
        return None;
    }
    let is_train = |row: &usize| fitted.held_out.binary_search(row).is_err();
    let train = samples.select(&(0..samples.rows()).filter(is_train).collect::<Vec<_>>());
    let own = (!fitted.held_out.is_empty()).then(|| samples.select(&fitted.held_out));
    let held_out = held_out.or(own.as_ref())?;
    let best = convex::fit(&train, &ConvexSettings::default().validate().ok()?).ok()?;
    let predicted = best.predict(held_out.inputs());
    let residuals: Vec<f64> = held_out.targets().iter().zip(predicted).map(|(y, f)| y - f).collect();
    let (rmse, own) = (Norms::of(&residuals, Some(held_out.weights())).l2, data.headline(0)?.norms.l2);
    (rmse <= 1.1 * own).then(|| {
        format!(
            "One input: --solver convex finds the best ReLU network of any width in a single grade, with a proof; on the \
             held-out rows its RMSE is {} ({} here).",
            significant(rmse, 3),
            significant(own, 3)
        )
    })
}

/// Writes the model and the record of the run as soon as there are any: simple methods and figures, which follow, can
/// take a while on a large table.
pub(super) fn save(fitted: &Fitted, files: &FitFiles, clock: &Clock, force: bool) -> Result<(), Failure> {
    let run = clock.record(fitted).to_json()?;
    interrupt::uninterrupted(|| {
        fitted.model.save(&files.model, force)?;
        Ok(write_atomically(&files.run, &run, force)?)
    })
}

/// Writes the HTML report, if one is wanted.
pub(super) fn write_report(data: &ReportData, files: &FitFiles, force: bool) -> Result<(), Failure> {
    let Some(path) = &files.report else { return Ok(()) };
    let page = html::render(data);
    Ok(interrupt::uninterrupted(|| write_atomically(path, page.as_bytes(), force))?)
}

/// An interrupted fit is not the one that was asked for; one that a time limit ended is.
pub(super) fn status(fitted: &Fitted, files: &FitFiles) -> Status {
    if fitted.stop != Stop::Interrupted {
        return Status::Done;
    }
    let grades = count(fitted.model.grades().len(), "grade");
    warn(&format!("interrupted: {} holds the {grades} done so far", files.model.display()));
    Status::NotReached
}

fn print(table: &Table, columns: &Columns, data: &ReportData, files: &FitFiles) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    let held_out = match data.source.n_validation {
        0 => "none".to_owned(),
        n => n.to_string(),
    };
    let rows = count(table.n_rows(), "row");
    let title = format!("{}: {rows} of {}, {held_out} held out", columns.about(), table.name());
    writeln!(out, "{}\n", wrapped(&title, 2))?;
    summary::write(&mut out, data, None)?;
    let mut written = vec![(files.model.display().to_string(), "the model")];
    if let Some(path) = &files.report {
        written.push((path.display().to_string(), "a report to read in a browser"));
    }
    written.push((files.run.display().to_string(), "how it ran"));
    Ok(summary::write_files(&mut out, &written)?)
}
