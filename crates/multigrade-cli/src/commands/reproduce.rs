//! `multigrade reproduce`: the experiments of the papers, run again.

use std::io::Write;
use std::path::{Path, PathBuf};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use multigrade::experiments::{self, Experiment, Follower, Record, Report, Scale, Step};
use multigrade::{Event, Flow, Observer, write_atomically};
use serde::{Deserialize, Serialize};

use super::{print_json, use_threads, warn};
use crate::args::ReproduceArgs;
use crate::failure::{Failure, Status};
use crate::files;
use crate::grid::{Grid, count, wrapped};
use crate::html::experiment::render;
use crate::{interrupt, markdown};

pub(crate) fn run(args: &ReproduceArgs) -> Result<Status, Failure> {
    if args.name == "list" {
        return list(args.run.json);
    }
    let scale = if args.full { Scale::Full } else { Scale::Quick };
    let chosen: Vec<&'static Experiment> = match args.name.as_str() {
        "all" => experiments::all().iter().collect(),
        name => vec![experiments::by_name(name).ok_or_else(|| unknown(name))?],
    };
    let folder = Folder::prepare(args, &chosen, scale)?;
    use_threads(&args.run.threads)?;
    interrupt::listen("the results so far")?;
    let mut done = Vec::new();
    let mut complete = true;
    for experiment in chosen {
        let known = folder.known(experiment, scale);
        let mut progress = Progress::start(args.run.quiet, experiment, scale, &folder);
        let records = experiment.run(scale, &known, &mut progress)?;
        progress.finish()?;
        complete &= records.len() == experiment.n_runs(scale);
        let document = Document::new(experiment, scale, records);
        folder.write(&document)?;
        done.push(document);
        if interrupt::is_requested() {
            break;
        }
    }
    if let Some(path) = &args.markdown {
        write_atomically(path, page(&args.name, scale, &done, &folder).as_bytes(), args.run.force)?;
    }
    if args.run.json {
        print_json(&Documents { experiments: &done })?;
    } else {
        done.iter().try_for_each(|document| print(document, &folder))?;
    }
    if complete {
        return Ok(Status::Done);
    }
    warn("interrupted; the same command goes on with the runs that are missing");
    Ok(Status::NotReached)
}

fn unknown(name: &str) -> String {
    let names: Vec<&str> = experiments::all().iter().map(|experiment| experiment.name).collect();
    format!("'{name}' is no experiment; expected {}, all or list", names.join(", "))
}

fn list(json: bool) -> Result<Status, Failure> {
    #[derive(Serialize)]
    struct Entry {
        name: &'static str,
        title: &'static str,
        quick_runs: usize,
        full_runs: usize,
    }
    let entry = |e: &Experiment| Entry {
        name: e.name,
        title: e.title,
        quick_runs: e.n_runs(Scale::Quick),
        full_runs: e.n_runs(Scale::Full),
    };
    let entries: Vec<Entry> = experiments::all().iter().map(entry).collect();
    if json {
        print_json(&serde_json::json!({ "experiments": entries }))?;
        return Ok(Status::Done);
    }
    let mut grid = Grid::new(2);
    grid.row(["name", "what it is", "quick runs", "full runs"]);
    for entry in &entries {
        grid.row([entry.name, entry.title, &entry.quick_runs.to_string(), &entry.full_runs.to_string()]);
    }
    write!(std::io::stdout().lock(), "{grid}")?;
    Ok(Status::Done)
}

/// Everything about one experiment, as written to its JSON file.
#[derive(Serialize)]
struct Document {
    name: &'static str,
    title: &'static str,
    scale: Scale,
    records: Vec<Record>,
    report: Report,
}

impl Document {
    fn new(experiment: &Experiment, scale: Scale, records: Vec<Record>) -> Self {
        let report = experiment.report(scale, &records);
        Self { name: experiment.name, title: experiment.title, scale, records, report }
    }
}

#[derive(Serialize)]
struct Documents<'a> {
    experiments: &'a [Document],
}

/// What is read back of a [`Document`].
#[derive(Deserialize)]
struct Kept {
    name: String,
    records: Vec<Record>,
}

/// Where the files of the experiments go.
struct Folder {
    path: PathBuf,
}

impl Folder {
    /// The folder, made if need be. Files in it that an earlier run did not make are overwritten with `--force` alone.
    fn prepare(args: &ReproduceArgs, chosen: &[&Experiment], scale: Scale) -> Result<Self, Failure> {
        let path = args.out.clone();
        std::fs::create_dir_all(&path).map_err(|error| format!("{}: cannot be made: {error}", path.display()))?;
        let folder = Self { path };
        for experiment in chosen {
            let own = args.run.force || folder.is_own(experiment, scale);
            for extension in ["json", "csv", "html"] {
                files::check(&folder.file(experiment.name, scale, extension), own, &[])?;
            }
        }
        if let Some(markdown) = &args.markdown {
            files::check(markdown, args.run.force, &[])?;
        }
        Ok(folder)
    }

    fn file(&self, name: &str, scale: Scale, extension: &str) -> PathBuf {
        self.path.join(format!("{name}-{}.{extension}", word(scale)))
    }

    fn kept(path: &Path) -> Option<Kept> {
        serde_json::from_slice(&std::fs::read(path).ok()?).ok()
    }

    fn is_own(&self, experiment: &Experiment, scale: Scale) -> bool {
        Self::kept(&self.file(experiment.name, scale, "json")).is_some_and(|kept| kept.name == experiment.name)
    }

    /// The records of earlier runs.
    fn known(&self, experiment: &Experiment, scale: Scale) -> Vec<Record> {
        let kept = Self::kept(&self.file(experiment.name, scale, "json"));
        kept.filter(|kept| kept.name == experiment.name).map_or(Vec::new(), |kept| kept.records)
    }

    /// The full runs of an experiment, if earlier commands have made all of them.
    fn complete(&self, name: &str) -> Option<Document> {
        let experiment = experiments::by_name(name)?;
        let records = experiment.holding(Scale::Full, &self.known(experiment, Scale::Full));
        (records.len() == experiment.n_runs(Scale::Full)).then(|| Document::new(experiment, Scale::Full, records))
    }

    fn write(&self, document: &Document) -> Result<(), Failure> {
        let file = |extension: &str| self.file(document.name, document.scale, extension);
        write_atomically(&file("json"), &serde_json::to_vec_pretty(document)?, true)?;
        write_atomically(&file("csv"), &csv(&document.records)?, true)?;
        write_atomically(&file("html"), render(document.title, &document.report).as_bytes(), true)?;
        Ok(())
    }
}

/// One line per run and grade.
fn csv(records: &[Record]) -> Result<Vec<u8>, Failure> {
    let mut file = Vec::new();
    let head = "problem,method,rate,seed,grade,train,validation,test,largest,parameters,updates,cpu_seconds,diverged";
    writeln!(file, "{head}")?;
    let quoted = |text: &str| format!("\"{}\"", text.replace('"', "\"\""));
    for record in records {
        let outcome = &record.outcome;
        let rate = record.rate.map_or(String::new(), |rate| rate.to_string());
        let seconds = outcome.cpu_seconds.map_or(String::new(), |seconds| seconds.to_string());
        let run = format!("{},{},{rate},{}", quoted(&record.problem), quoted(&record.method), record.seed);
        let cost = format!("{},{},{seconds},{}", outcome.parameters, outcome.updates, outcome.diverged);
        for k in 0..outcome.test.len().max(1) {
            let error = |errors: &[f64]| errors.get(k).map_or(String::new(), f64::to_string);
            let errors =
                [&outcome.train, &outcome.validation, &outcome.test, &outcome.largest].map(|errors| error(errors));
            writeln!(file, "{run},{},{},{cost}", k + 1, errors.join(","))?;
        }
    }
    Ok(file)
}

/// The page about all experiments. Where full runs are there, they stand instead of quick ones.
fn page(name: &str, scale: Scale, done: &[Document], folder: &Folder) -> String {
    let is_quick = |document: &&Document| document.scale == Scale::Quick;
    let full: Vec<Document> = done.iter().filter(is_quick).filter_map(|quick| folder.complete(quick.name)).collect();
    let better = |own: &'_ Document| full.iter().position(|full| full.name == own.name);
    let shown: Vec<&Document> = done.iter().map(|own| better(own).map_or(own, |i| &full[i])).collect();
    let titles: Vec<String> = shown.iter().map(|shown| format!("{} ({})", shown.title, word(shown.scale))).collect();
    let reports = titles.iter().map(String::as_str).zip(shown.iter().map(|shown| &shown.report));
    let commands: Vec<String> =
        full.iter().map(|full| format!("`multigrade reproduce {} --full`", full.name)).collect();
    markdown::document(&introduction(name, scale, &commands), &reports.collect::<Vec<_>>())
}

fn word(scale: Scale) -> &'static str {
    match scale {
        Scale::Quick => "quick",
        Scale::Full => "full",
    }
}

/// `before` are the commands that made the full runs of the page.
fn introduction(name: &str, scale: Scale, before: &[String]) -> String {
    let scale = word(scale);
    let before = if before.is_empty() { String::new() } else { format!(", after {}", before.join(" and ")) };
    format!(
        "Written by `multigrade reproduce {name} --{scale} --markdown FILE`{before}. Full runs have the published sizes; \
         quick ones take minutes, with fewer runs per cell, and not the published sizes everywhere. Every number is \
         computed from runs of this program, or is a published one beside which its source stands. The columns *as \
         published* follow the published method step for step; *ours* are our settings with the same parameters and \
         updates, and our defaults. One deep network and simple methods stand beside them, also when they win."
    )
}

fn print(document: &Document, folder: &Folder) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{}: {}\n", document.name, document.title)?;
    for section in &document.report.sections {
        for finding in &section.findings {
            writeln!(out, "- {}", wrapped(finding, 2))?;
        }
    }
    let scale = document.scale;
    for extension in ["html", "csv", "json"] {
        writeln!(out, "  {}", folder.file(document.name, scale, extension).display())?;
    }
    Ok(writeln!(out)?)
}

/// A bar over the runs where standard error is a terminal, a line for each elsewhere; writes what is known after each run,
/// so that a process that is killed loses the runs that it was making and no other.
struct Progress<'a> {
    bar: ProgressBar,
    is_quiet: bool,
    experiment: &'static Experiment,
    scale: Scale,
    folder: &'a Folder,
    failure: Option<Failure>,
}

impl<'a> Progress<'a> {
    fn start(is_quiet: bool, experiment: &'static Experiment, scale: Scale, folder: &'a Folder) -> Self {
        let target = if is_quiet { ProgressDrawTarget::hidden() } else { ProgressDrawTarget::stderr() };
        let style = ProgressStyle::with_template("{prefix} [{bar:16}] {pos}/{len} in {elapsed}: {wide_msg}");
        let style = style.unwrap_or_else(|_| ProgressStyle::default_bar());
        let bar = ProgressBar::with_draw_target(Some(0), target).with_style(style.progress_chars("=> "));
        bar.set_prefix(experiment.name);
        if !is_quiet {
            eprintln!("{}: {}", experiment.name, count(experiment.n_runs(scale), "run"));
        }
        Self { bar, is_quiet, experiment, scale, folder, failure: None }
    }

    fn finish(self) -> Result<(), Failure> {
        self.bar.finish_and_clear();
        self.failure.map_or(Ok(()), Err)
    }
}

impl Observer for Progress<'_> {
    fn event(&mut self, _: &Event) -> Flow {
        if interrupt::is_requested() || self.failure.is_some() { Flow::Stop } else { Flow::Continue }
    }
}

impl Follower for Progress<'_> {
    fn step(&mut self, step: &Step) {
        self.bar.set_length(step.of as u64);
        self.bar.set_position(step.run as u64 - 1);
        self.bar.set_message(step.what.to_owned());
        if !self.is_quiet && self.bar.is_hidden() {
            eprintln!("  {} of {}: {}", step.run, step.of, step.what);
        }
    }

    fn save(&mut self, records: &[Record]) {
        let document = Document::new(self.experiment, self.scale, records.to_vec());
        if let Err(failure) = self.folder.write(&document) {
            self.failure.get_or_insert(failure);
        }
    }
}
