//! `multigrade demo`: the whole way twice, from data that come with the program to a measured network, and from a formula to a
//! proved one.

use std::io::Write;
use std::path::Path;

use multigrade::construct::ConstructSettings;
use multigrade::report::{About, ReportData};
use multigrade::table::{Delimiter, ReadOptions, Table, write_csv};
use multigrade::truth::{self, Certificate, Proved, Verdict};
use multigrade::{FitSettings, Multigrade, Samples, Stop, fit_named, split, write_atomically};
use serde::Serialize;

use super::construct::{Task, Work};
use super::{fit, print_json, use_threads};
use crate::args::{DemoArgs, MissingArg};
use crate::bounds::of_size;
use crate::data::Columns;
use crate::failure::{Failure, Status};
use crate::files::{self, ConstructFiles, FitFiles};
use crate::grid::wrapped;
use crate::progress::Progress;
use crate::run_record::Clock;
use crate::summary::{self, FitDocument, TestRows};

const ENGINE: &[u8] = include_bytes!("../../../../testdata/b777_engine.csv");

/// Inputs and outputs of the engine data, with their units.
const INPUTS: [(&str, Option<&str>); 3] = [("mach", None), ("altitude", Some("km")), ("throttle", None)];
const OUTPUTS: [(&str, Option<&str>); 2] = [("thrust", Some("N")), ("sfc", Some("1/s"))];

/// Share of the rows that no choice sees, and the key that picks them: not a seed that anybody would fit with.
const TEST_SHARE: f64 = 0.2;
const TEST_KEY: u64 = 0x7e57_0f77_b777_0001;

/// What the files of the demo are called.
const MODEL: &str = "b777.safetensors";
const LEARNED: &str = "b777.csv";
const TEST: &str = "b777-test.csv";

/// The formula of the second act, its box, its tolerance, and what its files are called.
const FORMULA: &str = "exp(-x^2 - y^2)";
const BOX: &str = "x=-1..1, y=-1..1";
const TOLERANCE: f64 = 0.03;
const HILL: &str = "hill.safetensors";

pub(crate) fn run(args: &DemoArgs) -> Result<Status, Failure> {
    let clock = Clock::start();
    let settings =
        FitSettings { seed: args.seed, time_limit: args.time_limit.seconds, ..FitSettings::default() }.validate()?;
    let folder = Folder::prepare(&args.out, args.run.force)?;
    use_threads(&args.run.threads)?;
    let columns = Columns {
        inputs: INPUTS.iter().map(|(name, _)| (*name).to_owned()).collect(),
        outputs: OUTPUTS.iter().map(|(name, _)| (*name).to_owned()).collect(),
        weights: None,
        classes: None,
        missing: MissingArg::Refuse,
        imputation: None,
    };
    let all = columns.samples(&Table::parse("b777_engine.csv", ENGINE, &ReadOptions::default())?)?;
    let parts = split(&all, TEST_SHARE, TEST_KEY);
    let (learned, test) = (all.select(&parts.train), all.select(&parts.held_out));

    let mut progress = Progress::start(&columns, learned.rows(), args.run.quiet)?;
    let fitted = fit_named(&learned, None, &columns.inputs, &columns.outputs, &settings, &mut progress)?;
    let task = Task::new(FORMULA, BOX, TOLERANCE, ConstructSettings::default())?;
    let made = if fitted.stop == Stop::Interrupted { None } else { Some(task.build(&mut progress)?) };
    progress.finish();

    fit::save(&fitted, &folder.files, &clock, true)?;
    let about = About {
        source: LEARNED.to_owned(),
        n_columns: INPUTS.len() + OUTPUTS.len(),
        seconds: fitted.seconds.clone(),
        warnings: Vec::new(),
    };
    let mut data = fit::report(&fitted, &learned, None, &about)?;
    name_units(&mut data);
    let test_rows = TestRows::measure(&fitted.model, &learned, &test)?;
    fit::write_report(&data, &folder.files, true)?;
    folder.write_table(LEARNED, &columns, &learned)?;
    folder.write_table(TEST, &columns, &test)?;
    let hill = match &made {
        Some(made) => Some(Hill::new(task.write(made, &folder.hill, &clock, true)?, &folder.hill)?),
        None => None,
    };
    if args.run.json {
        let fit = FitDocument::new(&fitted, &data, Some(&test_rows), &folder.files);
        print_json(&Document { fit, formula: hill.as_ref().map(FormulaDocument::new) })?;
    } else {
        print(&folder, &data, &test_rows, hill.as_ref(), all.rows())?;
    }
    let status = fit::status(&fitted, &folder.files);
    Ok(if hill.is_some_and(|hill| hill.work.status() == Status::NotReached) { Status::NotReached } else { status })
}

/// What is printed as JSON.
#[derive(Serialize)]
struct Document<'a> {
    #[serde(flatten)]
    fit: FitDocument<'a>,
    /// The second act.
    formula: Option<FormulaDocument<'a>>,
}

#[derive(Serialize)]
struct FormulaDocument<'a> {
    #[serde(flatten)]
    report: &'a multigrade::report::ApproximationReport,
    /// Whether the checker accepted the files that were written.
    checked: bool,
}

impl<'a> FormulaDocument<'a> {
    fn new(hill: &'a Hill) -> Self {
        Self { report: &hill.work.report, checked: hill.checked.is_some() }
    }
}

/// The network of the second act, and what the checker says of its files.
struct Hill {
    work: Work,
    checked: Option<Proved>,
}

impl Hill {
    /// Checks what was written, as anybody else would: from the two files.
    fn new(work: Work, files: &ConstructFiles) -> Result<Self, Failure> {
        let verdict = match files.certificate.is_file() {
            true => truth::check(&Certificate::load(&files.certificate)?, &Multigrade::load(&files.model)?),
            false => return Ok(Self { work, checked: None }),
        };
        let checked = match verdict {
            Verdict::Proved(proved) => Some(proved),
            Verdict::Refused(_) => None,
        };
        Ok(Self { work, checked })
    }
}

fn name_units(data: &mut ReportData) {
    for (column, (_, unit)) in data.inputs.iter_mut().zip(INPUTS) {
        column.unit = unit.map(str::to_owned);
    }
    for (column, (_, unit)) in data.outputs.iter_mut().zip(OUTPUTS) {
        column.unit = unit.map(str::to_owned);
    }
}

/// Where the demo puts its files.
struct Folder<'a> {
    path: &'a Path,
    files: FitFiles,
    hill: ConstructFiles,
}

impl<'a> Folder<'a> {
    /// The folder at `path`, made if need be. Files in it are overwritten if a demo made them, or with `force`.
    fn prepare(path: &'a Path, force: bool) -> Result<Self, Failure> {
        std::fs::create_dir_all(path).map_err(|error| format!("{}: cannot be made: {error}", path.display()))?;
        let files = FitFiles::new(&path.join(MODEL), true);
        let may_overwrite = force || is_of_a_demo(&files.run);
        let hill = ConstructFiles::new(&path.join(HILL), true);
        files.check(may_overwrite, &[])?;
        hill.check(may_overwrite)?;
        for name in [LEARNED, TEST] {
            files::check(&path.join(name), may_overwrite, &[])?;
        }
        Ok(Self { path, files, hill })
    }

    fn write_table(&self, name: &str, columns: &Columns, samples: &Samples) -> Result<(), Failure> {
        let rows: Vec<f64> = (0..samples.rows())
            .flat_map(|row| samples.inputs_of(row).iter().chain(samples.targets_of(row)).copied())
            .collect();
        let mut file = Vec::new();
        write_csv(&mut file, Delimiter::Comma, &[columns.inputs.clone(), columns.outputs.clone()].concat(), &rows)?;
        Ok(write_atomically(&self.path.join(name), &file, true)?)
    }

    fn file(&self, name: &str) -> String {
        self.path.join(name).display().to_string()
    }
}

/// Whether the record of a run says that a demo made it.
fn is_of_a_demo(run: &Path) -> bool {
    let record = std::fs::read(run).ok().and_then(|bytes| serde_json::from_slice::<serde_json::Value>(&bytes).ok());
    record.is_some_and(|record| record["arguments"][0] == "demo")
}

fn print(
    folder: &Folder,
    data: &ReportData,
    test: &TestRows,
    hill: Option<&Hill>,
    n_rows: usize,
) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    writeln!(
        out,
        "A jet engine (Boeing 777): thrust and fuel consumption (sfc) from mach number, altitude and throttle."
    )?;
    let source = &data.source;
    let learned = n_rows - test.rows;
    let about = format!(
        "{n_rows} rows: {learned} to learn from, {} of them held out to choose by; {} test rows that no choice saw.",
        source.n_validation, test.rows
    );
    writeln!(out, "{about}\n")?;
    summary::write(&mut out, data, Some(test))?;
    let FitFiles { model, report, run } = &folder.files;
    let report = report.as_ref().map_or(String::new(), |path| path.display().to_string());
    summary::write_files(
        &mut out,
        &[
            (model.display().to_string(), "the model"),
            (report, "a report to read in a browser"),
            (run.display().to_string(), "how it ran"),
            (folder.file(LEARNED), "the rows it learned from"),
            (folder.file(TEST), "the test rows"),
        ],
    )?;
    if let Some(hill) = hill {
        print_hill(&mut out, hill)?;
    }
    let (model, learned, test) = (model.display(), folder.file(LEARNED), folder.file(TEST));
    // As it was called, so that the commands work as printed also when it is not on the path.
    let program = std::env::args().next().unwrap_or_else(|| "multigrade".to_owned());
    writeln!(out, "\nTry next:")?;
    for command in [
        format!("evaluate {model} {test}"),
        format!("predict {model} {test} --keep all"),
        format!("inspect {model}"),
        format!("report {model} {learned} --out {}", folder.file("again.html")),
        format!("fit {learned} --target thrust --ignore sfc --out {}", folder.file("thrust")),
        format!("check {} {}", folder.hill.certificate.display(), folder.hill.model.display()),
    ] {
        writeln!(out, "  {program} {command}")?;
    }
    Ok(writeln!(out, "\n{}", wrapped("Running the demo again overwrites the files that it made.", 0))?)
}

/// The second act in a few lines.
fn print_hill(out: &mut impl Write, hill: &Hill) -> Result<(), Failure> {
    let report = &hill.work.report;
    let what = format!(
        "The second act needs no data: a network built from the formula {} on {}, with a proof that it is within {} \
         everywhere.",
        report.function, report.domain, TOLERANCE
    );
    writeln!(out, "\n{}\n", wrapped(&what, 0))?;
    hill.work.print(out)?;
    let bound = hill.checked.as_ref().and_then(|proved| proved.bounds().last());
    let verdict = match bound {
        Some(bounds) => format!(
            "Checked: the certificate and the model were read back from their files, and the bound {} was proved again.",
            of_size([bounds.exact().lower(), bounds.exact().upper()])
        ),
        None => "The checker does not accept the files that were written.".to_owned(),
    };
    writeln!(out, "{}", wrapped(&verdict, 2))?;
    Ok(summary::write_files(out, &hill.work.written)?)
}
