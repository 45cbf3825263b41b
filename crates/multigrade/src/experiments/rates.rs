//! How much the learning rate matters to plain gradient descent.

use super::data::{Data, Waves};
use super::measure::measure;
use super::methods::{constant, ours, relu, seed};
use super::record::Record;
use super::report::{ABSENT, Figure, Line, Report, Section, Spread, Table, number, shown};
use super::{Scale, Task};
use crate::{FitSettings, Initialisation, Solver};

const MULTIGRADE: &str = "multigrade, as published";
const SINGLE: &str = "single grade, same updates";
const OURS: &str = "ours, same parameters and updates";
const METHODS: [&str; 3] = [MULTIGRADE, SINGLE, OURS];

/// Grades of the published network, of 32 neurons each.
const GRADES: usize = 4;

/// The published rates span this interval.
const RATES: [f64; 9] = [0.001, 0.003, 0.01, 0.03, 0.06, 0.1, 0.2, 0.3, 0.5];

pub(super) const PROBLEMS: [(Waves, &str); 2] = [(Waves::Three, "three waves"), (Waves::Five, "five waves")];

/// Passes of each grade, and runs per cell.
fn effort(scale: Scale) -> (u32, u64) {
    match scale {
        Scale::Quick => (3000, 1),
        Scale::Full => (30_000, 5),
    }
}

/// The published method under gradient descent: normal first weights of variance `2/n`, biases 0.
pub(super) fn published(grades: usize, layers: usize, passes: u32, rate: f64) -> FitSettings {
    FitSettings {
        initialisation: Initialisation::He,
        generator: crate::Generator::Xoshiro256,
        ..FitSettings::published(vec![relu(&vec![32; layers]); grades], Solver::GradientDescent(constant(passes, rate)))
    }
}

pub(super) fn tasks(scale: Scale) -> Vec<Task> {
    let (passes, repetitions) = effort(scale);
    let settings = |method: &str, rate: f64| {
        let walk = Solver::GradientDescent(constant(passes, rate));
        match method {
            MULTIGRADE => published(GRADES, 1, passes, rate),
            SINGLE => published(1, GRADES, passes * GRADES as u32, rate),
            _ => ours(vec![relu(&[32]); GRADES], Some(walk)),
        }
    };
    let mut tasks = Vec::new();
    for (waves, problem) in PROBLEMS {
        for method in METHODS {
            for rate in RATES {
                for repetition in 0..repetitions {
                    tasks.push(Task {
                        problem: problem.into(),
                        method: method.into(),
                        rate: Some(rate),
                        seed: seed(repetition),
                        settings: FitSettings { seed: seed(repetition), ..settings(method, rate) },
                        work: Box::new(move |settings, observer| {
                            measure(&Data::Waves(waves).problem(), method == OURS, settings, observer)
                        }),
                    });
                }
            }
        }
    }
    tasks
}

/// A run counts as learned if less than this share of the target's square is left on the training rows.
const LEARNED: f64 = 0.1;

pub(super) fn report(scale: Scale, records: &[Record]) -> Report {
    let (passes, repetitions) = effort(scale);
    let about = format!(
        "Sums of sines on [0, 1], 1024 training rows, all at once, constant rates (arXiv 2507.20351, section 6; its \
         interval of rates). Multigrade: four grades of one hidden layer of 32 ReLU neurons, {passes} updates each. One \
         network of four such layers has as many updates as all grades together; in the paper it has as many as one \
         grade. The paper makes 1,000,000 updates a grade and says: three waves, loss below 1e-3 for rates in \
         [0.01, 0.3] with several grades and in [0.03, 0.08] with one; five waves, loss below 1e-2 for rates in \
         [0.08, 0.3] with several grades, and convergence near 0.005 alone with one. Runs per cell: {repetitions}."
    );
    let sections = PROBLEMS.iter().map(|(_, problem)| section(problem, records)).collect();
    Report { about: vec![about], sections }
}

/// Mean error on the training rows of the runs that stayed finite, and how many did not.
struct Cell {
    error: Option<Spread>,
    runs: usize,
    diverged: usize,
}

impl Cell {
    fn find(records: &[Record], problem: &str, method: &str, rate: f64) -> Self {
        let same = |r: &&Record| r.problem == problem && r.method == method && r.rate == Some(rate);
        let runs: Vec<&Record> = records.iter().filter(same).collect();
        let finite = runs.iter().filter(|r| !r.outcome.diverged);
        Self {
            error: Spread::of(finite.filter_map(|r| r.outcome.last_train())),
            runs: runs.len(),
            diverged: runs.iter().filter(|r| r.outcome.diverged).count(),
        }
    }

    /// Whether every run stayed finite and learned.
    fn learned(&self) -> bool {
        self.runs > 0 && self.diverged == 0 && self.error.is_some_and(|error| error.mean < LEARNED)
    }

    fn text(&self) -> String {
        match (self.runs, self.diverged) {
            (0, _) => ABSENT.into(),
            (runs, diverged) if diverged == runs => "diverged".into(),
            (_, 0) => shown(self.error),
            (runs, diverged) => format!("{} ({diverged} of {runs} diverged)", shown(self.error)),
        }
    }
}

fn section(problem: &str, records: &[Record]) -> Section {
    let cell = |method: &str, rate: f64| Cell::find(records, problem, method, rate);
    let rows = RATES
        .iter()
        .map(|&rate| {
            let texts = METHODS.iter().map(|method| cell(method, rate).text());
            std::iter::once(rate.to_string()).chain(texts).collect()
        })
        .collect();
    let columns = ["rate"].into_iter().chain(METHODS).map(Into::into).collect();
    let table = Table {
        title: format!("{problem}: error on the training rows"),
        note: "Relative squared error after the last update; a run that left the finite numbers diverged. The loss of \
               the paper is this error times half the mean square of the target: 0.710 for three waves, 1.226 for five."
            .into(),
        columns,
        words: 1,
        rows,
    };
    let findings = METHODS
        .iter()
        .map(|method| {
            let learned: Vec<f64> = RATES.into_iter().filter(|&rate| cell(method, rate).learned()).collect();
            let diverged = RATES.into_iter().filter(|&rate| cell(method, rate).diverged > 0).count();
            let range = match (learned.first(), learned.last()) {
                (Some(low), Some(high)) => format!("{} of {} rates, {low} to {high}", learned.len(), RATES.len()),
                _ => "no rate".into(),
            };
            let ends = if diverged > 0 { format!("; some run diverged at {diverged} rates") } else { String::new() };
            format!("{method}: less than {} of the target's square is left for {range}{ends}.", number(LEARNED))
        })
        .collect();
    let line = |method: &&str| {
        let points = RATES.iter().filter_map(|&rate| {
            let cell = cell(method, rate);
            let error = cell.error.filter(|_| cell.diverged == 0)?;
            Some((rate, error.mean))
        });
        Line { name: (*method).to_owned(), points: points.collect() }
    };
    let figure = Figure {
        title: format!("{problem}: error against the learning rate"),
        note: "Lines end where runs diverge.".into(),
        x: "learning rate".into(),
        log_x: true,
        y: "relative squared error".into(),
        lines: METHODS.iter().map(line).collect(),
    };
    Section { title: problem.into(), findings, tables: vec![table], figures: vec![figure] }
}
