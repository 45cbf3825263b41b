//! `multigrade certify`

use std::io::Write;
use std::path::{Path, PathBuf};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use multigrade::prove::{Goal, ProveSettings, ProveStop, Proven, Worst, prove};
use multigrade::report::{ApproximationReport, ApproximationRow, significant};
use multigrade::truth::{Decoration, Domain, Expression};
use multigrade::{Event, Flow, Multigrade, Observer, write_atomically};
use serde::Serialize;

use super::approximation::check_command;
use super::{print_json, use_threads};
use crate::args::CertifyArgs;
use crate::bounds::{above, of_size};
use crate::failure::{Failure, Status};
use crate::grid::{Grid, count, list, printable, wrapped};
use crate::html::approximation::{Frame, render};
use crate::{files, interrupt};

pub(crate) fn run(args: &CertifyArgs) -> Result<Status, Failure> {
    let path = files::find(&args.model)?;
    let out = args.out.clone().unwrap_or_else(|| files::beside(&path, "certificate.json"));
    let page = (!args.no_report).then(|| page_beside(&out));
    for file in page.iter().chain([&out]) {
        files::check(file, args.run.force, &[&path])?;
    }
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
    let report = ApproximationReport::of_proof(&model, output, &proven, &f, &domain, args.tol)?;
    let document = Document::new(&report, &proven, &model, &out, page.as_deref());
    if let Some(page) = &page {
        let frame = document.frame(&model, &path, &out);
        let text = render(&report, &frame);
        interrupt::uninterrupted(|| write_atomically(page, text.as_bytes(), args.run.force))?;
    }
    if args.run.json {
        print_json(&document)?;
    } else {
        document.print(&mut std::io::stdout().lock())?;
    }
    Ok(document.status())
}

/// What an output of a classifier is called.
const LOGIT: &str = "logit";

/// The report beside a certificate: `c.html` for `c.json`.
fn page_beside(certificate: &Path) -> PathBuf {
    if certificate.extension().is_some_and(|found| found == "json") {
        certificate.with_extension("html")
    } else {
        files::beside(certificate, "html")
    }
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
struct Document<'a> {
    #[serde(flatten)]
    report: &'a ApproximationReport,
    #[serde(skip)]
    stop: ProveStop,
    /// What the network's outputs are called.
    #[serde(skip)]
    kind: &'static str,
    /// Boxes that were looked at for each grade.
    boxes: Vec<usize>,
    /// The box that holds the bound of the whole network up.
    worst_box: Option<BoxDocument>,
    certificate: Option<PathBuf>,
    html: Option<PathBuf>,
}

/// The box that holds a bound up.
#[derive(Serialize)]
pub(super) struct BoxDocument {
    sides: Vec<[f64; 2]>,
    /// What is known of the function there.
    function: &'static str,
}

impl BoxDocument {
    pub(super) fn new(worst: &Worst) -> Self {
        let function = match worst.decoration {
            Decoration::Nowhere => "undefined",
            Decoration::Unknown => "perhaps undefined",
            Decoration::Defined => "perhaps with a jump",
            Decoration::Continuous => "continuous",
            Decoration::C11 => "smooth",
        };
        Self { sides: worst.sides.iter().map(|side| [side.lower(), side.upper()]).collect(), function }
    }

    /// The box that holds the bound up, and why.
    pub(super) fn sentence(&self, report: &ApproximationReport) -> String {
        let names = report.sides.iter().map(|side| &side.name);
        let sides = names.zip(&self.sides).map(|(name, [a, b])| format!("{name}={a}..{b}"));
        let has_bound = report.last().is_some_and(|row| row.proved.is_some());
        let why = match (self.function, has_bound) {
            ("undefined", _) => "there f is undefined, so there is no bound",
            ("perhaps undefined", _) => "there f may be undefined, so there is no bound",
            ("perhaps with a jump", _) => "there f may jump",
            _ => "more boxes or more time may improve it",
        };
        format!("The box {} holds the bound up: {why}", sides.collect::<Vec<_>>().join(", "))
    }
}

impl<'a> Document<'a> {
    fn new(
        report: &'a ApproximationReport,
        proven: &Proven,
        model: &Multigrade,
        out: &Path,
        page: Option<&Path>,
    ) -> Self {
        Self {
            report,
            stop: proven.headline().stop,
            kind: if model.schema().classes.is_some() { LOGIT } else { "output" },
            boxes: proven.grades.iter().map(|(_, found)| found.boxes).collect(),
            worst_box: proven.headline().worst.as_ref().map(BoxDocument::new),
            certificate: proven.certificate.is_some().then(|| out.to_owned()),
            html: page.map(Path::to_owned),
        }
    }

    fn status(&self) -> Status {
        if self.report.reached && self.stop != ProveStop::Interrupted { Status::Done } else { Status::NotReached }
    }

    /// What the page says that is not in the report.
    fn frame(&self, model: &Multigrade, path: &Path, out: &Path) -> Frame {
        let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy();
        let (grades, output) = (count(model.grades().len(), "grade"), &self.report.output);
        let mut warnings = Vec::new();
        match self.report.tolerance {
            Some(tolerance) if !self.report.reached => {
                warnings.push(format!("The tolerance {tolerance} is not proved: {}.", self.report.stop));
            }
            None if !self.report.reached => warnings.push(format!("There is no bound: {}.", self.report.stop)),
            _ => {}
        }
        warnings.extend(self.held_up().filter(|_| !self.report.reached).map(|text| format!("{text}.")));
        Frame {
            origin: format!("The {} {output} of {name}, a network of {grades}", self.kind),
            check: self.certificate.as_ref().map(|_| check_command(out, path)),
            warnings,
        }
    }

    fn print(&self, out: &mut impl Write) -> Result<(), Failure> {
        let report = self.report;
        // A classifier's outputs are logits: nothing is said of probabilities.
        let what = if self.kind == LOGIT { "the logit " } else { "" };
        let title = format!("bounds of |f - {what}{}| for f = {} on {}", report.output, report.function, report.domain);
        writeln!(out, "{}\n", wrapped(&printable(&title), 2))?;
        let mut grid = Grid::new(1);
        grid.row([
            "grade",
            "proved: exact",
            "f64",
            "f32",
            "measured",
            "L2",
            "Lipschitz",
            "ReLUs",
            "both signs",
            "boxes",
        ]);
        for (row, boxes) in report.grades.iter().zip(&self.boxes) {
            grid.row(cells(row, *boxes));
        }
        write!(out, "{grid}")?;
        for line in self.remarks() {
            writeln!(out, "\n{}", wrapped(&printable(&line), 2))?;
        }
        Ok(())
    }

    fn held_up(&self) -> Option<String> {
        self.worst_box.as_ref().map(|worst| worst.sentence(self.report))
    }

    /// What is to be said about the bound of the whole model.
    fn remarks(&self) -> Vec<String> {
        let report = self.report;
        let Some(last) = report.last() else { return Vec::new() };
        let mut remarks = Vec::new();
        if let Some(tolerance) = report.tolerance {
            let reached = if report.reached { "proved" } else { "not proved" };
            remarks.push(format!("tolerance {tolerance}: {reached}"));
        }
        if let Some(measured) = &last.measured {
            let at = report.sides.iter().zip(&measured.at).map(|(side, x)| format!("{}={x}", side.name));
            remarks.push(format!("the largest error found is at {}", at.collect::<Vec<_>>().join(", ")));
        }
        remarks.extend(self.held_up());
        match self.stop {
            ProveStop::Boxes => remarks.push("the search ended when its boxes were used up (--boxes)".into()),
            ProveStop::Time => remarks.push("the search ended when its time was over (--time-limit)".into()),
            ProveStop::Interrupted => remarks.push("interrupted: this is the best bound so far".into()),
            _ => {}
        }
        if let Some(path) = &self.certificate {
            remarks.push(format!("wrote {}; `multigrade check` verifies it again", path.display()));
        }
        if let Some(path) = &self.html {
            remarks.push(format!("wrote {}, a report to read in a browser", path.display()));
        }
        remarks
    }
}

fn cells(row: &ApproximationRow, boxes: usize) -> [String; 10] {
    let none = || "none".to_owned();
    let proved = row.proved.as_ref();
    let bound = |ends: Option<[f64; 2]>| ends.map_or_else(none, of_size);
    let extent = row.extent.as_ref();
    [
        row.grade.to_string(),
        bound(proved.map(|proved| proved.exact)),
        bound(proved.and_then(|proved| proved.f64)),
        bound(proved.and_then(|proved| proved.f32)),
        row.measured.as_ref().map_or_else(none, |measured| significant(measured.f64, DIGITS)),
        significant(row.norms.l2, DIGITS),
        extent.map_or_else(none, |extent| above(extent.lipschitz)),
        row.relus.to_string(),
        extent.map_or_else(none, |extent| extent.two_sided.to_string()),
        boxes.to_string(),
    ]
}

/// Digits of errors that are printed.
const DIGITS: usize = 4;
