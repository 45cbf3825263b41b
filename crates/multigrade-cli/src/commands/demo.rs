//! `multigrade demo`: the whole way once, on data that come with the program.

use std::io::Write;
use std::path::Path;

use multigrade::report::{About, ReportData};
use multigrade::table::{Delimiter, ReadOptions, Table, write_csv};
use multigrade::{FitSettings, Samples, fit_named, split, write_atomically};

use super::{fit, print_json, use_threads};
use crate::args::DemoArgs;
use crate::data::Columns;
use crate::failure::{Failure, Status};
use crate::files::{self, FitFiles};
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
    };
    let all = columns.samples(&Table::parse("b777_engine.csv", ENGINE, &ReadOptions::default())?)?;
    let parts = split(&all, TEST_SHARE, TEST_KEY);
    let (learned, test) = (all.select(&parts.train), all.select(&parts.held_out));

    let mut progress = Progress::start(&columns, learned.rows(), args.run.quiet)?;
    let fitted = fit_named(&learned, None, &columns.inputs, &columns.outputs, &settings, &mut progress)?;
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
    if args.run.json {
        print_json(&FitDocument::new(&fitted, &data, Some(&test_rows), &folder.files))?;
    } else {
        print(&folder, &data, &test_rows, all.rows())?;
    }
    Ok(fit::status(&fitted, &folder.files))
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
}

impl<'a> Folder<'a> {
    /// The folder at `path`, made if need be. Files in it are overwritten if a demo made them, or with `force`.
    fn prepare(path: &'a Path, force: bool) -> Result<Self, Failure> {
        std::fs::create_dir_all(path).map_err(|error| format!("{}: cannot be made: {error}", path.display()))?;
        let files = FitFiles::new(&path.join(MODEL), true);
        let may_overwrite = force || is_of_a_demo(&files.run);
        files.check(may_overwrite, &[])?;
        for name in [LEARNED, TEST] {
            files::check(&path.join(name), may_overwrite, &[])?;
        }
        Ok(Self { path, files })
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

fn print(folder: &Folder, data: &ReportData, test: &TestRows, n_rows: usize) -> Result<(), Failure> {
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
    ] {
        writeln!(out, "  {program} {command}")?;
    }
    Ok(writeln!(out, "\n{}", wrapped("Running the demo again overwrites the files that it made.", 0))?)
}
