//! `multigrade construct`

use std::fs;
use std::io::Write;
use std::path::Path;

use multigrade::construct::{ConstructSettings, Constructed, Scheme, Side, Stop, Strategy, construct};
use multigrade::report::{ApproximationReport, ApproximationRow, significant};
use multigrade::truth::{Domain, Expression};
use multigrade::{Observer, Valid, write_atomically};
use serde::Serialize;

use super::{print_json, use_threads, warn};
use crate::args::{ConstructArgs, SchemeArg, SideArg, StrategyArg};
use crate::bounds::{above, meanings, of_size};
use crate::failure::{Failure, Status};
use crate::files::ConstructFiles;
use crate::grid::{Grid, count, printable, wrapped};
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
        save(made, files, clock, force)?;
        let report = ApproximationReport::of_construction(made, &self.expression, &self.domain, self.tolerance)?;
        write_page(&report, files, made, &self.settings, force)?;
        Ok(Work { report, stop: made.stop, written: written(made, files), parameters: made.model.n_parameters() })
    }
}

/// Writes what the construction made. The report, which takes a moment to measure, follows.
fn save(made: &Constructed, files: &ConstructFiles, clock: &Clock, force: bool) -> Result<(), Failure> {
    let stop = made.stop.sentence().to_owned();
    let run = clock.record_of(stop, Vec::new(), made.stop == Stop::Interrupted).to_json()?;
    interrupt::uninterrupted(|| {
        made.model.save(&files.model, force)?;
        match &made.certificate {
            Some((certificate, _)) => certificate.save(&files.certificate, force)?,
            // An older certificate would speak of another model.
            None if files.certificate.is_file() => fs::remove_file(&files.certificate)?,
            None => {}
        }
        Ok(write_atomically(&files.run, &run, force)?)
    })
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
    let check = made.certificate.as_ref().map(|_| check_command(&files.certificate, &files.model));
    let page = render(report, &Frame { origin, check, warnings });
    Ok(interrupt::uninterrupted(|| write_atomically(path, page.as_bytes(), force))?)
}

/// The command that proves a certificate again, in the folder of the two files if they share one.
pub(super) fn check_command(certificate: &Path, model: &Path) -> String {
    let shared = certificate.parent() == model.parent();
    let name = |path: &Path| match path.file_name().filter(|_| shared) {
        Some(name) => quoted(&name.to_string_lossy()),
        None => quoted(&path.to_string_lossy()),
    };
    format!("multigrade check {} {}", name(certificate), name(model))
}

/// `word` as a shell reads it back.
fn quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_alphanumeric() || "._-/+=:@%".contains(c);
    if !word.is_empty() && word.chars().all(is_plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

fn written(made: &Constructed, files: &ConstructFiles) -> Vec<(String, &'static str)> {
    let mut written = vec![(files.model.display().to_string(), "the model")];
    if made.certificate.is_some() {
        written.push((files.certificate.display().to_string(), "the proof, for multigrade check"));
    }
    if let Some(report) = &files.report {
        written.push((report.display().to_string(), "a report to read in a browser"));
    }
    written.push((files.run.display().to_string(), "how it ran"));
    written
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
        let report = &self.report;
        let (function, domain) = (&report.function, &report.domain);
        let sentence = match report.last().and_then(|row| Some((row.grade, row.proved.as_ref()?))) {
            Some((grade, proved)) => format!(
                "Proved: for every point of {domain}, {function} and the network after grade {grade} differ by at most {}.",
                meanings(proved)
            ),
            None => format!("Nothing is proved of {function} on {domain}."),
        };
        writeln!(out, "{}\n", wrapped(&printable(&sentence), 2))?;
        let mut grid = Grid::new(1);
        grid.row(["grade", "proved", "measured", "L2", "Lipschitz", "nodes", "layers", "width", "ReLUs", "both signs"]);
        report.grades.iter().for_each(|row| grid.row(cells(row)));
        writeln!(out, "{grid}")?;
        let stored = count(self.parameters, "stored number");
        let remark = format!(
            "The model has {stored}. Measured: the largest error found; L2 is over {} points. Lipschitz bounds and numbers of \
             ReLUs that take both signs are proved.",
            report.points
        );
        Ok(writeln!(out, "{}", wrapped(&remark, 2))?)
    }
}

fn cells(row: &ApproximationRow) -> [String; 10] {
    let none = || "-".to_owned();
    let extent = row.extent.as_ref();
    [
        row.grade.to_string(),
        row.proved.as_ref().map_or_else(none, |proved| of_size(proved.exact)),
        row.measured.as_ref().map_or_else(none, |measured| significant(measured.f64, 4)),
        significant(row.norms.l2, 4),
        extent.map_or_else(none, |extent| above(extent.lipschitz)),
        row.built.map_or_else(none, |built| built.nodes.to_string()),
        row.layers.to_string(),
        row.width.to_string(),
        row.relus.to_string(),
        extent.map_or_else(none, |extent| extent.two_sided.to_string()),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_of_a_check_can_be_pasted_into_a_shell() {
        let command = |certificate: &str, model: &str| check_command(Path::new(certificate), Path::new(model));
        assert_eq!(
            command("a/n.certificate.json", "a/n.safetensors"),
            "multigrade check n.certificate.json n.safetensors"
        );
        assert_eq!(command("c.json", "a/n.safetensors"), "multigrade check c.json a/n.safetensors");
        assert_eq!(command("it's mine.json", "m"), r"multigrade check 'it'\''s mine.json' m");
    }
}
