//! The published run that can be compared digit by digit: spectral bias with decreasing amplitudes, all rows at once.

use super::data::{Amplitudes, Data};
use super::measure::measure;
use super::methods::relu;
use super::published::{GOLDEN, GOLDEN_SINGLE};
use super::record::{Outcome, Record};
use super::report::{ABSENT, Report, Section, Table};
use super::{Scale, Task};
use crate::observer::{Event, Flow, Observer};
use crate::{Descent, FitError, FitSettings, GradeSettings, Solver};

/// What an independent NumPy implementation gives after eight epochs, before the last pass: the values of
/// `testdata/published_reference.json`.
const SHORT: [f64; 4] = [0.9987870994651599, 0.9969684129978006, 0.9970509202940523, 0.9970098986686519];
const SHORT_SINGLE: f64 = 0.9997173590113763;

const PROBLEM: &str = "decreasing amplitudes";
const MULTIGRADE: &str = "multigrade";
const SINGLE: &str = "single grade";

fn epochs(scale: Scale) -> u32 {
    match scale {
        Scale::Quick => 8,
        Scale::Full => 300,
    }
}

pub(super) fn tasks(scale: Scale) -> Vec<Task> {
    let task = |method: &str, grades: Vec<GradeSettings>| {
        let solver = Solver::Adam(Descent::published(epochs(scale), None, 1e-3, 1e-4));
        Task {
            problem: PROBLEM.into(),
            method: method.into(),
            rate: None,
            seed: 1,
            settings: FitSettings::published(grades, solver),
            work: Box::new(run),
        }
    };
    vec![task(MULTIGRADE, vec![relu(&[256, 256]); 4]), task(SINGLE, vec![relu(&[256; 8])])]
}

/// The published programs record the error before a pass, so the last recorded one precedes the last pass.
fn run(settings: &FitSettings, observer: &mut dyn Observer) -> Result<Outcome, FitError> {
    let problem = Data::Spectral(Amplitudes::Decreasing).problem();
    let square = problem.train.targets().iter().map(|y| y * y).sum::<f64>() / problem.train.rows() as f64;
    let mut courses: Vec<Vec<f64>> = Vec::new();
    let mut listen = |event: &Event| -> Flow {
        if let Event::Progress { grade, objective, .. } = event {
            courses.resize(courses.len().max(*grade), Vec::new());
            courses[grade - 1].push(2.0 * objective / square);
        }
        observer.event(event)
    };
    let mut outcome = measure(&problem, false, settings, &mut listen)?;
    for (k, course) in courses.iter().enumerate() {
        if let [.., before_last, _] = course.as_slice() {
            outcome.note(&name(k), *before_last);
        }
    }
    Ok(outcome)
}

fn name(k: usize) -> String {
    format!("before the last pass, grade {}", k + 1)
}

pub(super) fn report(scale: Scale, records: &[Record]) -> Report {
    let (theirs, single, source) = match scale {
        Scale::Quick => (SHORT, SHORT_SINGLE, "NumPy"),
        Scale::Full => (GOLDEN, GOLDEN_SINGLE, "published"),
    };
    let ours = |method: &str, k: usize| {
        let record = records.iter().find(|record| record.method == method)?;
        record.outcome.values.get(&name(k)).copied()
    };
    let grades = theirs.iter().enumerate().map(|(k, &value)| (MULTIGRADE, k, value));
    let mut least = f64::INFINITY;
    let mut rows = Vec::new();
    for (method, k, theirs) in grades.chain([(SINGLE, 0, single)]) {
        let ours = ours(method, k);
        let agree = ours.map(|ours| digits(ours, theirs));
        least = agree.map_or(least, |agree| least.min(agree));
        rows.push(vec![
            format!("{method}, grade {}", k + 1),
            format!("{theirs:.15}"),
            ours.map_or(ABSENT.into(), |ours| format!("{ours:.15}")),
            agree.map_or(ABSENT.into(), |agree| format!("{agree:.1}")),
        ]);
    }
    let table = Table {
        title: format!("Error on the training rows before the last pass, {} epochs a grade", epochs(scale)),
        note: format!("Digits are -log10 of the relative difference; f64 has 15.9. Left: {source}."),
        columns: ["run", source, "here", "digits that agree"].map(Into::into).into(),
        words: 1,
        rows,
    };
    let about = "Weights, data and order of operations of the published program are followed exactly: spectral bias \
                 with decreasing amplitudes, 6000 rows, all at once, Adam from 1e-3 to 1e-4, four grades of two hidden \
                 layers of 256 ReLU neurons and one network of eight such layers. It is the grade loop of `fit` under \
                 `FitSettings::published`. With --full the numbers to meet are those printed in the notebooks of the \
                 program of arXiv 2410.16105; otherwise, after 8 epochs, those of our own NumPy implementation.";
    let findings =
        if least.is_finite() { vec![format!("All runs agree to at least {least:.1} digits.")] } else { vec![] };
    Report {
        about: vec![about.into()],
        sections: vec![Section { title: "Digits".into(), findings, tables: vec![table], figures: Vec::new() }],
    }
}

fn digits(ours: f64, theirs: f64) -> f64 {
    let difference = (ours - theirs).abs() / theirs.abs();
    if difference == 0.0 { 15.9 } else { (-difference.log10()).min(15.9) }
}
