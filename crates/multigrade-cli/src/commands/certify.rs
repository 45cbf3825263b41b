//! `multigrade certify`

use std::io::Write;
use std::path::{Path, PathBuf};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use multigrade::attack::{Extremes, WorstPoint};
use multigrade::prove::{Found, Goal, ProveSettings, ProveStop, Proven, Worst, prove};
use multigrade::report::significant;
use multigrade::truth::{Decoration, Domain, Expression, Format, Interval, ProvedBounds};
use multigrade::{Event, Flow, Multigrade, Observer};
use serde::Serialize;

use super::check::outward;
use super::{print_json, use_threads};
use crate::args::CertifyArgs;
use crate::failure::{Failure, Status};
use crate::grid::{Grid, list, printable, wrapped};
use crate::{files, interrupt};

pub(crate) fn run(args: &CertifyArgs) -> Result<Status, Failure> {
    let path = files::find(&args.model)?;
    let out = args.out.clone().unwrap_or_else(|| files::beside(&path, "certificate.json"));
    files::check(&out, args.run.force, &[&path])?;
    let f = Expression::parse(&args.function).map_err(|error| format!("--function: {error}"))?;
    let domain = Domain::parse(&args.domain).map_err(|error| format!("--domain: {error}"))?;
    let settings = ProveSettings {
        goal: args.tol.map_or(ProveSettings::default().goal, Goal::Within),
        time_limit: args.time_limit.seconds,
        boxes: args.boxes,
        ..ProveSettings::default()
    };
    let settings = settings.validate()?;
    use_threads(&args.run.threads)?;
    let model = files::load(&path)?;
    let output = output(&model, args.output.as_deref())?;

    let mut progress = ProofProgress::start(args.run.quiet)?;
    let proven = prove(&model, output, &f, &domain, &settings, &mut progress)?;
    progress.bar.finish_and_clear();
    if let Some((certificate, _)) = &proven.certificate {
        interrupt::uninterrupted(|| certificate.save(&out, args.run.force))?;
    }
    let document = Document::new(&model, output, &f, &domain, &proven, args.tol, &out);
    if args.run.json {
        print_json(&document)?;
    } else {
        document.print(&mut std::io::stdout().lock())?;
    }
    Ok(document.status())
}

/// The number of the output that is meant.
fn output(model: &Multigrade, name: Option<&str>) -> Result<usize, Failure> {
    let names = model.schema().output_names();
    match name {
        None if names.len() == 1 => Ok(0),
        None => Err(format!("the model has the outputs {}; name one of them with --output", list(&names)).into()),
        Some(name) => names.iter().position(|n| *n == name).ok_or_else(|| {
            format!("--output: the model has no output '{}', only {}", printable(name), list(&names)).into()
        }),
    }
}

/// What is proved, on standard error while it runs.
struct ProofProgress {
    bar: ProgressBar,
}

impl ProofProgress {
    fn start(is_quiet: bool) -> Result<Self, Failure> {
        interrupt::listen("the best bound so far")?;
        let target = if is_quiet { ProgressDrawTarget::hidden() } else { ProgressDrawTarget::stderr() };
        let style = ProgressStyle::with_template("{prefix} {spinner} {elapsed}: {wide_msg}");
        let style = style.unwrap_or_else(|_| ProgressStyle::default_spinner());
        Ok(Self { bar: ProgressBar::no_length().with_style(style) }.shown_on(target))
    }

    fn shown_on(self, target: ProgressDrawTarget) -> Self {
        self.bar.set_draw_target(target);
        self
    }
}

impl Observer for ProofProgress {
    fn event(&mut self, event: &Event) -> Flow {
        if let Event::Proving { grade, boxes, bound, measured } = event {
            let bound = if bound.is_finite() { significant(*bound, 4) } else { "none yet".into() };
            self.bar.set_prefix(format!("grade {grade}"));
            self.bar.set_message(format!("bound {bound}, measured {}, {boxes} boxes", significant(*measured, 4)));
            self.bar.tick();
        }
        if interrupt::is_requested() { Flow::Stop } else { Flow::Continue }
    }
}

/// What is printed, as JSON or as text.
#[derive(Serialize)]
struct Document {
    function: String,
    domain: String,
    output: String,
    tolerance: Option<f64>,
    /// Whether there is a bound, and one within the tolerance if one was given.
    reached: bool,
    stop: &'static str,
    certificate: Option<PathBuf>,
    grades: Vec<GradeDocument>,
}

#[derive(Serialize)]
struct GradeDocument {
    grade: usize,
    proved: Option<ProvedDocument>,
    measured: Option<MeasuredDocument>,
    boxes: usize,
    worst_box: Option<BoxDocument>,
}

/// Bounds of `f - f_k`, lower and upper.
#[derive(Serialize)]
struct ProvedDocument {
    exact: [f64; 2],
    f64: Option<[f64; 2]>,
    f32: Option<[f64; 2]>,
}

impl ProvedDocument {
    fn new(bounds: &ProvedBounds) -> Self {
        let ends = |x: Interval| [x.lower(), x.upper()];
        let format = |format| bounds.evaluated(format).map(ends);
        Self { exact: ends(bounds.exact()), f64: format(Format::F64), f32: format(Format::F32) }
    }

    /// The bound of `|f - f_k|` for exact and f64 evaluation; infinite if there is none for f64.
    fn bound(&self) -> f64 {
        magnitude(self.exact).max(self.f64.map_or(f64::INFINITY, magnitude))
    }
}

fn magnitude([lower, upper]: [f64; 2]) -> f64 {
    upper.max(-lower)
}

/// The largest `|f - f_k|` that was found.
#[derive(Serialize)]
struct MeasuredDocument {
    f64: f64,
    f32: f64,
    at: Vec<f64>,
    points: usize,
}

#[derive(Serialize)]
struct BoxDocument {
    sides: Vec<[f64; 2]>,
    /// What is known of the function there.
    function: &'static str,
}

impl BoxDocument {
    fn new(worst: &Worst) -> Self {
        let function = match worst.decoration {
            Decoration::Nowhere => "undefined",
            Decoration::Unknown => "perhaps undefined",
            Decoration::Defined => "perhaps with a jump",
            Decoration::Continuous => "continuous",
            Decoration::C11 => "smooth",
        };
        Self { sides: worst.sides.iter().map(|side| [side.lower(), side.upper()]).collect(), function }
    }
}

impl Document {
    fn new(
        model: &Multigrade,
        output: usize,
        f: &Expression,
        domain: &Domain,
        proven: &Proven,
        tolerance: Option<f64>,
        out: &Path,
    ) -> Self {
        let proved = proven.certificate.as_ref().map_or(&[][..], |(_, proved)| proved.bounds());
        let grade = |(k, found): &(usize, Found)| GradeDocument {
            grade: *k,
            proved: proved.iter().find(|bounds| bounds.grades() == *k).map(ProvedDocument::new),
            measured: found.measured.as_ref().map(|m| {
                let WorstPoint { error, at } = m.f64.worst();
                MeasuredDocument { f64: error.abs(), f32: Extremes::largest(&m.f32), at: at.clone(), points: m.points }
            }),
            boxes: found.boxes,
            worst_box: found.worst.as_ref().map(BoxDocument::new),
        };
        let grades: Vec<GradeDocument> = proven.grades.iter().map(grade).collect();
        let bound = grades.last().and_then(|grade| grade.proved.as_ref()).map_or(f64::INFINITY, ProvedDocument::bound);
        Self {
            function: f.to_string(),
            domain: domain.to_string(),
            output: model.schema().output_names()[output].to_owned(),
            tolerance,
            reached: bound.is_finite() && tolerance.is_none_or(|tolerance| bound <= tolerance),
            stop: match proven.headline().stop {
                ProveStop::Reached => "reached",
                ProveStop::Boxes => "boxes",
                ProveStop::Time => "time",
                ProveStop::Interrupted => "interrupted",
                _ => "stuck",
            },
            certificate: proven.certificate.is_some().then(|| out.to_owned()),
            grades,
        }
    }

    fn status(&self) -> Status {
        if self.reached && self.stop != "interrupted" { Status::Done } else { Status::NotReached }
    }
}

impl Document {
    fn print(&self, out: &mut impl Write) -> Result<(), Failure> {
        let title = format!("bounds of |f - {}| for f = {} on {}", self.output, self.function, self.domain);
        writeln!(out, "{}\n", wrapped(&printable(&title), 2))?;
        let mut grid = Grid::new(1);
        grid.row(["grade", "proved: exact", "f64", "f32", "measured", "boxes"]);
        for grade in &self.grades {
            let proved = grade.proved.as_ref();
            let bound = |ends: Option<[f64; 2]>| ends.map_or("none".to_owned(), |ends| outward(magnitude(ends)));
            grid.row([
                grade.grade.to_string(),
                bound(proved.map(|p| p.exact)),
                bound(proved.and_then(|p| p.f64)),
                bound(proved.and_then(|p| p.f32)),
                grade.measured.as_ref().map_or("none".to_owned(), |m| significant(m.f64, DIGITS)),
                grade.boxes.to_string(),
            ]);
        }
        write!(out, "{grid}")?;
        for line in self.remarks() {
            writeln!(out, "\n{}", wrapped(&printable(&line), 2))?;
        }
        Ok(())
    }

    /// What is to be said about the bound of the whole model.
    fn remarks(&self) -> Vec<String> {
        let Some(last) = self.grades.last() else { return Vec::new() };
        let names: Vec<&str> = self.domain.split(", ").filter_map(|side| side.split('=').next()).collect();
        let mut remarks = Vec::new();
        if let Some(tolerance) = self.tolerance {
            let reached = if self.reached { "proved" } else { "not proved" };
            remarks.push(format!("tolerance {tolerance}: {reached}"));
        }
        if let Some(measured) = &last.measured {
            let at: Vec<String> = names.iter().zip(&measured.at).map(|(name, x)| format!("{name}={x}")).collect();
            remarks.push(format!("the largest error found is at {}", at.join(", ")));
        }
        if let Some(worst) = &last.worst_box {
            let sides = names.iter().zip(&worst.sides).map(|(name, [a, b])| format!("{name}={a}..{b}"));
            let sides = sides.collect::<Vec<_>>().join(", ");
            let why = match (worst.function, last.proved.is_some()) {
                ("undefined", _) => "there f is undefined, so there is no bound",
                ("perhaps undefined", _) => "there f may be undefined, so there is no bound",
                ("perhaps with a jump", _) => "there f may jump",
                _ => "more boxes or more time may improve it",
            };
            remarks.push(format!("the box {sides} holds the bound up: {why}"));
        }
        match self.stop {
            "boxes" => remarks.push("the search ended when its boxes were used up (--boxes)".into()),
            "time" => remarks.push("the search ended when its time was over (--time-limit)".into()),
            "interrupted" => remarks.push("interrupted: this is the best bound so far".into()),
            _ => {}
        }
        if let Some(path) = &self.certificate {
            remarks.push(format!("wrote {}; `multigrade check` verifies it again", path.display()));
        }
        remarks
    }
}

/// Digits of errors and bounds that are printed.
const DIGITS: usize = 4;
