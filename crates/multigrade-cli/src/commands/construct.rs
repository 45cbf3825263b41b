//! `multigrade construct`

use std::io::Write;

use multigrade::construct::{ConstructSettings, Constructed, Scheme, Side, Stop, Strategy, construct};
use multigrade::report::ApproximationReport;
use multigrade::truth::{Domain, Expression};
use multigrade::{Observer, Valid, write_atomically};
use serde::Serialize;

use super::{approximation, print_json, use_threads, warn};
use crate::args::{ConstructArgs, SchemeArg, SideArg, StrategyArg};
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
    scheme: Scheme,
    one_sided: Option<Side>,
    files: Vec<String>,
}

pub(crate) fn run(args: &ConstructArgs) -> Result<Status, Failure> {
    let clock = Clock::start();
    let settings = ConstructSettings {
        strategy: match args.strategy {
            StrategyArg::Auto => Strategy::Auto,
            StrategyArg::Mesh => Strategy::Mesh,
            StrategyArg::Compile => Strategy::Compile,
        },
        scheme: match (args.scheme, args.strategy) {
            (Some(SchemeArg::Plain), _) | (None, StrategyArg::Compile) => Scheme::Plain,
            (Some(SchemeArg::Monotone) | None, _) => Scheme::Monotone,
        },
        grades: args.grades,
        lanes: args.lanes,
        one_sided: args.one_sided.map(|side| match side {
            SideArg::Above => Side::Above,
            SideArg::Below => Side::Below,
        }),
        max_nodes: args.max_nodes,
        time_limit: args.time_limit.seconds,
    };
    let task = Task::new(&args.expression, &args.domain, args.tol, settings)?;
    let files = ConstructFiles::new(&args.out, !args.no_report);
    files.check(args.run.force)?;
    use_threads(&args.run.threads)?;
    let mut progress = Progress::on(&task.title(), vec!["f".into()], args.run.quiet)?;
    let made = task.build(&mut progress)?;
    progress.finish();
    let work = task.write(&made, &files, &clock, args.run.force)?;
    if args.run.json {
        let report = &work.report;
        let (scheme, one_sided) = (task.settings.scheme, task.settings.one_sided);
        let files = work.written.iter().map(|(path, _)| path.clone()).collect();
        print_json(&Document { report, scheme, one_sided, files })?;
    } else {
        let mut out = std::io::stdout().lock();
        work.print(&mut out)?;
        summary::write_files(&mut out, &work.written)?;
    }
    Ok(work.status())
}

/// What is to be built.
pub(super) struct Task {
    expression: Expression,
    domain: Domain,
    tolerance: f64,
    settings: Valid<ConstructSettings>,
}

/// What was built, written and found.
pub(super) struct Work {
    pub(super) report: ApproximationReport,
    /// The files, with what each is.
    pub(super) written: Vec<(String, &'static str)>,
    stop: Stop,
    parameters: usize,
}

impl Task {
    pub(super) fn new(
        formula: &str,
        domain: &str,
        tolerance: f64,
        settings: ConstructSettings,
    ) -> Result<Self, Failure> {
        let settings = settings.validate()?;
        let expression = Expression::parse(formula).map_err(|error| format!("the formula: {error}"))?;
        let domain = Domain::parse(domain).map_err(|error| format!("--domain: {error}"))?;
        Ok(Self { expression, domain, tolerance, settings })
    }

    /// What is done, in words.
    pub(super) fn title(&self) -> String {
        printable(&format!("building {} on {} to {}", self.expression, self.domain, self.tolerance))
    }

    pub(super) fn build(&self, observer: &mut dyn Observer) -> Result<Constructed, Failure> {
        Ok(construct(&self.expression, &self.domain, self.tolerance, &self.settings, observer)?)
    }

    /// Writes what was built and everything that is known of it.
    pub(super) fn write(
        &self,
        made: &Constructed,
        files: &ConstructFiles,
        clock: &Clock,
        force: bool,
    ) -> Result<Work, Failure> {
        let stop = made.stop.sentence().to_owned();
        let run = clock.record_of(stop, Vec::new(), made.stop == Stop::Interrupted).to_json()?;
        approximation::save(&made.model, made.certificate.as_ref(), &run, files, force)?;
        let report = ApproximationReport::of_construction(made, &self.expression, &self.domain, self.tolerance)?;
        write_page(&report, files, made, &self.settings, force)?;
        Ok(Work {
            report,
            stop: made.stop,
            written: files.written(made.certificate.is_some()),
            parameters: made.model.n_parameters(),
        })
    }
}

fn write_page(
    report: &ApproximationReport,
    files: &ConstructFiles,
    made: &Constructed,
    settings: &ConstructSettings,
    force: bool,
) -> Result<(), Failure> {
    let Some(path) = &files.report else { return Ok(()) };
    let side = match settings.one_sided {
        Some(Side::Above) => ", nowhere below the formula",
        Some(Side::Below) => ", nowhere above the formula",
        None => "",
    };
    let grades = count(made.model.grades().len(), "grade");
    let origin = format!("A network of {grades}, built from the formula ({} scheme{side})", settings.scheme);
    let warnings = (made.stop != Stop::Reached)
        .then(|| format!("The tolerance {} is not proved: {}.", report.tolerance.unwrap_or_default(), report.stop))
        .into_iter()
        .collect();
    let check = made.certificate.as_ref().map(|_| approximation::check_command(&files.certificate, &files.model));
    let page = render(report, &Frame { origin, check, warnings });
    Ok(interrupt::uninterrupted(|| write_atomically(path, page.as_bytes(), force))?)
}

impl Work {
    /// Whether the tolerance is proved; says so if not.
    pub(super) fn status(&self) -> Status {
        if self.stop == Stop::Reached {
            return Status::Done;
        }
        let tolerance = self.report.tolerance.unwrap_or_default();
        warn(&format!("the tolerance {tolerance} is not proved: {}", self.stop.sentence()));
        Status::NotReached
    }

    /// What is proved, and the table of grades.
    pub(super) fn print(&self, out: &mut impl Write) -> Result<(), Failure> {
        approximation::print(out, &self.report, self.parameters, "")
    }
}
