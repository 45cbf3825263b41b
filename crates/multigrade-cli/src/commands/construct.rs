//! `multigrade construct`

use std::fs;
use std::io::Write;

use multigrade::construct::{ConstructSettings, Constructed, Scheme, Side, Stop, construct};
use multigrade::report::significant;
use multigrade::truth::{Domain, Expression, Format, Interval, ProvedBounds};
use multigrade::{Event, Flow, Observer, write_atomically};
use serde::Serialize;

use super::{print_json, use_threads, warn};
use crate::args::{ConstructArgs, SchemeArg, SideArg};
use crate::failure::{Failure, Status};
use crate::files::ConstructFiles;
use crate::grid::{Grid, count, printable, wrapped};
use crate::interrupt;
use crate::progress::Progress;
use crate::run_record::Clock;
use crate::summary;

#[derive(Serialize)]
struct Document {
    function: String,
    domain: String,
    tolerance: f64,
    scheme: Scheme,
    /// Whether the tolerance is proved.
    reached: bool,
    stop: &'static str,
    grades: Vec<GradeDocument>,
    files: Vec<String>,
}

/// What is proved, and what was measured at points, after a grade.
#[derive(Serialize)]
struct GradeDocument {
    grade: usize,
    nodes: usize,
    layers: usize,
    relus: usize,
    width: usize,
    /// Half width of the tube that is known to contain the function.
    deviation: f64,
    exact: Option<[f64; 2]>,
    f64: Option<[f64; 2]>,
    f32: Option<[f64; 2]>,
    measured_l1: f64,
    measured_l2: f64,
    measured_l4: f64,
    measured_maximum: f64,
}

pub(crate) fn run(args: &ConstructArgs) -> Result<Status, Failure> {
    let clock = Clock::start();
    let settings = ConstructSettings {
        scheme: match args.scheme {
            SchemeArg::Monotone => Scheme::Monotone,
            SchemeArg::Plain => Scheme::Plain,
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
    let settings = settings.validate()?;
    let expression = Expression::parse(&args.expression).map_err(|error| format!("the formula: {error}"))?;
    let domain = Domain::parse(&args.domain).map_err(|error| format!("--domain: {error}"))?;
    let files = ConstructFiles::new(&args.out);
    files.check(args.run.force)?;
    use_threads(&args.run.threads)?;
    let what = printable(&format!("building {expression} on {domain} to {}", args.tol));
    let mut progress = Progress::on(&what, vec!["f".into()], args.run.quiet)?;
    let mut observer = |event: &Event| -> Flow { progress.event(event) };
    let made = construct(&expression, &domain, args.tol, &settings, &mut observer)?;
    progress.finish();
    save(&made, &files, &clock, args.run.force)?;
    if args.run.json {
        print_json(&document(&made, &expression, &domain, args, settings.scheme, &files))?;
    } else {
        print(&made, &expression, &domain, &files)?;
    }
    if made.stop == Stop::Reached {
        return Ok(Status::Done);
    }
    warn(&format!("the tolerance {} is not proved: {}", args.tol, made.stop.sentence()));
    Ok(Status::NotReached)
}

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

/// What is proved after grade `k`.
fn proved(made: &Constructed, k: usize) -> Option<&ProvedBounds> {
    made.certificate.as_ref()?.1.bounds().iter().find(|bounds| bounds.grades() == k)
}

fn written(made: &Constructed, files: &ConstructFiles) -> Vec<(String, &'static str)> {
    let mut written = vec![(files.model.display().to_string(), "the model")];
    if made.certificate.is_some() {
        written.push((files.certificate.display().to_string(), "the proof, for multigrade check"));
    }
    written.push((files.run.display().to_string(), "how it ran"));
    written
}

fn document(
    made: &Constructed,
    expression: &Expression,
    domain: &Domain,
    args: &ConstructArgs,
    scheme: Scheme,
    files: &ConstructFiles,
) -> Document {
    let ends = |x: Interval| [x.lower(), x.upper()];
    let grade = |facts: &multigrade::construct::GradeFacts| {
        let bounds = proved(made, facts.grade);
        let of = |format| bounds.and_then(|b| b.evaluated(format)).map(ends);
        GradeDocument {
            grade: facts.grade,
            nodes: facts.nodes,
            layers: facts.layers,
            relus: facts.relus,
            width: facts.width,
            deviation: facts.deviation,
            exact: bounds.map(|b| ends(b.exact())),
            f64: of(Format::F64),
            f32: of(Format::F32),
            measured_l1: facts.measured.norms.l1,
            measured_l2: facts.measured.norms.l2,
            measured_l4: facts.measured.l4,
            measured_maximum: facts.measured.norms.linf,
        }
    };
    Document {
        function: expression.to_string(),
        domain: domain.to_string(),
        tolerance: args.tol,
        scheme,
        reached: made.stop == Stop::Reached,
        stop: made.stop.sentence(),
        grades: made.grades.iter().map(grade).collect(),
        files: written(made, files).into_iter().map(|(path, _)| path).collect(),
    }
}

fn print(made: &Constructed, expression: &Expression, domain: &Domain, files: &ConstructFiles) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    let last = made.grades.last();
    let sentence = match last.and_then(|facts| proved(made, facts.grade)) {
        Some(bounds) => format!(
            "Proved: for every point of {domain}, {expression} and the network after grade {} differ by at most {}.",
            bounds.grades(),
            super::check::meanings(bounds)
        ),
        None => format!("Nothing is proved of {expression} on {domain}."),
    };
    writeln!(out, "{}\n", wrapped(&printable(&sentence), 2))?;
    let mut grid = Grid::new(1);
    grid.row(["grade", "proved", "measured", "L1", "L2", "L4", "nodes", "layers", "ReLUs", "width"]);
    for facts in &made.grades {
        let norms = facts.measured.norms;
        let bound = proved(made, facts.grade).map_or("-".into(), |b| super::check::outward(b.exact().magnitude()));
        let measured = [norms.linf, norms.l1, norms.l2, facts.measured.l4].map(|x| significant(x, 4));
        let sizes = [facts.nodes, facts.layers, facts.relus, facts.width].map(|n| n.to_string());
        let row = [facts.grade.to_string(), bound].into_iter().chain(measured).chain(sizes);
        grid.row(row.collect::<Vec<_>>());
    }
    writeln!(out, "{grid}")?;
    let parameters = count(made.model.n_parameters(), "stored number");
    writeln!(out, "The model has {parameters}. Measured columns are about points, not about all of the box.\n")?;
    Ok(summary::write_files(&mut out, &written(made, files))?)
}
