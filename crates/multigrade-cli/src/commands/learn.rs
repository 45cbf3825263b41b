//! `multigrade fit --function`: a formula is learned and every grade is proved.

use std::io::Write;

use multigrade::learn::{LearnSettings, Learned, learn};
use multigrade::report::{ApproximationReport, significant};
use multigrade::truth::{Domain, Expression};
use multigrade::{FitSettings, Stop, write_atomically};
use serde::Serialize;

use super::certify::BoxDocument;
use super::{approximation, print_json, use_threads, warn};
use crate::args::FitArgs;
use crate::failure::{Failure, Status};
use crate::files::ConstructFiles;
use crate::grid::{count, printable};
use crate::html::approximation::{Frame, render};
use crate::interrupt;
use crate::progress::Progress;
use crate::run_record::Clock;
use crate::summary;

/// What is printed as JSON.
#[derive(Serialize)]
struct Document<'a> {
    #[serde(flatten)]
    report: &'a ApproximationReport,
    /// Whether no point's residual grows from grade to grade.
    projected: bool,
    /// Why no further grade was learned.
    training: &'static str,
    /// The box that holds the bound of the whole network up, unless it is good enough.
    worst_box: Option<BoxDocument>,
    advice: Option<&'a str>,
    files: Vec<String>,
}

pub(super) fn run(args: &FitArgs, clock: &Clock) -> Result<Status, Failure> {
    let options = &args.formula;
    let (Some(function), Some(domain)) = (&options.function, &options.domain) else {
        return Err("name a table to learn from, or a formula with --function and --domain".to_string().into());
    };
    let f = Expression::parse(function).map_err(|error| format!("--function: {error}"))?;
    let domain = Domain::parse(domain).map_err(|error| format!("--domain: {error}"))?;
    let default = LearnSettings::default();
    let settings = LearnSettings {
        fit: FitSettings { validation: default.fit.validation, ..args.settings()? },
        rows: options.rows.unwrap_or(default.rows),
        project: options.project,
        boxes: options.boxes.unwrap_or(default.boxes),
    };
    let settings = settings.validate()?;
    let files = ConstructFiles::new(&args.out, !args.no_report);
    files.check(args.run.force)?;
    use_threads(&args.run.threads)?;
    let title = printable(&format!("learning {f} on {domain}"));
    let mut progress = Progress::on(&title, vec!["f".into()], args.run.quiet)?;
    let learned = learn(&f, &domain, options.tol, &settings, &mut progress)?;
    progress.finish();

    let stop = learned.model.history().stop.clone();
    let run = clock.record_of(stop, learned.seconds.clone(), learned.stop == Stop::Interrupted).to_json()?;
    approximation::save(&learned.model, learned.proven.certificate.as_ref(), &run, &files, args.run.force)?;
    let report = ApproximationReport::of_proof(&learned.model, 0, &learned.proven, &f, &domain, options.tol)?;
    let outcome = Outcome { learned: &learned, report: &report, wanted: options.project };
    outcome.write_page(&files, args.run.force)?;
    let written = files.written(learned.proven.certificate.is_some());
    let advice = outcome.advice();
    if args.run.json {
        let worst_box = learned.proven.headline().worst.as_ref().map(BoxDocument::new);
        let (projected, training) = (learned.is_projected, learned.stop.sentence());
        let files = written.iter().map(|(path, _)| path.clone()).collect();
        print_json(&Document { report: &report, projected, training, worst_box, advice: advice.as_deref(), files })?;
    } else {
        let mut out = std::io::stdout().lock();
        outcome.print(&mut out)?;
        summary::write_files(&mut out, &written)?;
    }
    Ok(match advice {
        None => Status::Done,
        Some(advice) => {
            warn(&advice);
            Status::NotReached
        }
    })
}

/// What was learned, and what there is to say about it.
struct Outcome<'a> {
    learned: &'a Learned,
    report: &'a ApproximationReport,
    /// Whether a projection was asked for.
    wanted: bool,
}

impl Outcome<'_> {
    /// What was not reached and what to try; nothing if all was.
    fn advice(&self) -> Option<String> {
        let (report, learned) = (self.report, self.learned);
        let what = match report.tolerance {
            Some(tolerance) if !report.reached => format!("the tolerance {tolerance} is not proved"),
            None if !report.reached => "nothing is proved".to_owned(),
            _ if learned.stop == Stop::Interrupted => return Some(format!("interrupted: {}", learned.stop.sentence())),
            _ if self.wanted && !learned.is_projected => {
                return Some("not projected: a grade has no proved bound, so there is no tube to project onto".into());
            }
            _ => return None,
        };
        let measured = report.last().and_then(|row| Some(row.measured.as_ref()?.f64));
        let (Some(tolerance), Some(measured)) = (report.tolerance, measured) else {
            return Some(match &learned.proven.headline().worst {
                Some(worst) => format!("{what}. {}", BoxDocument::new(worst).sentence(report)),
                None => format!("{what}: {}", report.stop),
            });
        };
        let construct = format!("multigrade construct '{}' needs no training", report.function);
        let shown = significant(measured, 3);
        Some(if measured > tolerance {
            format!(
                "{what}: an error of {shown} was found. Try more grades (--grades N), wider ones (--grade 64), more points \
                 (--rows N); {construct}"
            )
        } else {
            let held = learned.proven.headline().worst.as_ref().map(|worst| BoxDocument::new(worst).sentence(report));
            format!(
                "{what}, though no error above {shown} was found. {}. Try more boxes (--boxes N), more time, or fewer neurons; \
                 {construct}",
                held.unwrap_or_else(|| report.stop.clone())
            )
        })
    }

    fn write_page(&self, files: &ConstructFiles, force: bool) -> Result<(), Failure> {
        let Some(path) = &files.report else { return Ok(()) };
        let grades = count(self.learned.model.grades().len(), "grade");
        let how = if self.learned.is_projected { ", projected onto proved tubes" } else { "" };
        let origin = format!("A network of {grades}, trained on points of the box{how}");
        let has_proof = self.learned.proven.certificate.is_some();
        let check = has_proof.then(|| approximation::check_command(&files.certificate, &files.model));
        let warnings = self.advice().map(|text| format!("{text}.")).into_iter().collect();
        let page = render(self.report, &Frame { origin, check, warnings });
        Ok(interrupt::uninterrupted(|| write_atomically(path, page.as_bytes(), force))?)
    }

    /// What is proved, and the table of grades.
    fn print(&self, out: &mut impl Write) -> Result<(), Failure> {
        let monotone = if self.learned.is_projected { "No point's residual grows from grade to grade." } else { "" };
        approximation::print(out, self.report, self.learned.model.n_parameters(), monotone)
    }
}
