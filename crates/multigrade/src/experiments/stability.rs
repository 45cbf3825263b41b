//! How steadily training goes: rises of the loss, spread over seeds, and how sharply the loss bends.

use super::curvature::smoothness;
use super::data::{Data, Waves};
use super::measure::measured_fit;
use super::methods::seed;
use super::rates::{PROBLEMS, published};
use super::record::{Outcome, Record};
use super::report::{ABSENT, Figure, Line, Report, Section, Spread, Table, number, shown};
use super::{Scale, Task};
use crate::fit::Fitted;
use crate::front::Front;
use crate::observer::{Event, Flow, Observer};
use crate::{FitError, FitSettings, Samples, Scaling};

const MULTIGRADE: &str = "multigrade";
const SINGLE: &str = "single grade";
const METHODS: [&str; 2] = [MULTIGRADE, SINGLE];
const GRADES: usize = 4;
const RATES: [f64; 4] = [0.003, 0.01, 0.03, 0.1];

/// Updates of each grade, and runs per cell.
fn effort(scale: Scale) -> (u32, u64) {
    match scale {
        Scale::Quick => (2000, 3),
        Scale::Full => (50_000, 10),
    }
}

pub(super) fn tasks(scale: Scale) -> Vec<Task> {
    let (passes, repetitions) = effort(scale);
    let mut tasks = Vec::new();
    for (waves, problem) in PROBLEMS {
        for method in METHODS {
            for rate in RATES {
                for repetition in 0..repetitions {
                    let settings = match method {
                        MULTIGRADE => published(GRADES, 1, passes, rate),
                        _ => published(1, GRADES, passes * GRADES as u32, rate),
                    };
                    tasks.push(Task {
                        problem: problem.into(),
                        method: method.into(),
                        rate: Some(rate),
                        seed: seed(repetition),
                        settings: FitSettings { seed: seed(repetition), ..settings },
                        work: Box::new(move |settings, observer| run(waves, settings, observer)),
                    });
                }
            }
        }
    }
    tasks
}

/// How often and how far the loss rises from one update to the next, within grades.
#[derive(Default)]
struct Rises {
    grade: usize,
    last: f64,
    least: f64,
    updates: u64,
    rises: u64,
    /// Largest ratio of the loss to the smallest before it in the same grade.
    largest: f64,
}

impl Rises {
    fn see(&mut self, grade: usize, loss: f64) {
        if self.grade != grade {
            *self = Self { grade, last: loss, least: loss, ..*self };
            return;
        }
        self.updates += 1;
        self.rises += u64::from(loss > self.last);
        self.least = self.least.min(loss);
        self.largest = self.largest.max(loss / self.least);
        self.last = loss;
    }
}

fn run(waves: Waves, settings: &FitSettings, observer: &mut dyn Observer) -> Result<Outcome, FitError> {
    let problem = Data::Waves(waves).problem();
    let mut rises = Rises { largest: 1.0, ..Rises::default() };
    let mut listen = |event: &Event| -> Flow {
        if let Event::Progress { grade, objective, .. } = event {
            rises.see(*grade, *objective);
        }
        observer.event(event)
    };
    let (mut outcome, fitted) = measured_fit(&problem, false, settings, &mut listen)?;
    outcome.note("share of updates that raise the loss", rises.rises as f64 / rises.updates.max(1) as f64);
    outcome.note("largest rise", rises.largest);
    if let Some(fitted) = fitted.filter(|_| !outcome.diverged) {
        for (k, alpha) in smoothnesses(&fitted, &problem.train).into_iter().enumerate() {
            if let Some(alpha) = alpha {
                outcome.note(&name(k), alpha);
            }
        }
    }
    Ok(outcome)
}

fn name(k: usize) -> String {
    format!("smoothness, grade {}", k + 1)
}

/// The smoothness of the loss of each grade where its training ended.
fn smoothnesses(fitted: &Fitted, train: &Samples) -> Vec<Option<f64>> {
    let identity = Scaling::identity;
    let mut front =
        Front::start(train, &identity(train.n_inputs()), &identity(train.n_targets()), FitSettings::default().memory);
    let measure = |grade| {
        let alpha = smoothness(grade, &front.features.all(), &front.residuals);
        front = front.after(grade);
        alpha
    };
    fitted.model.grades().iter().map(measure).collect()
}

pub(super) fn report(scale: Scale, records: &[Record]) -> Report {
    let (passes, repetitions) = effort(scale);
    let about = format!(
        "The networks, data and gradient descent of the experiment on learning rates, {passes} updates a grade and as \
         many for one deep network as for all grades together; {repetitions} runs per cell. Counted is how often the loss \
         rises from one update to the next, and how far above its smallest value before. The smoothness α is the \
         largest magnitude of an eigenvalue of the Hessian of the loss with respect to all weights under training, where \
         training ended: exact products with the Hessian, Lanczos. Rates above 2/α cannot rest there. The claim of \
         arXiv 2507.20351 is that α is much smaller for each grade than for one deep network."
    );
    let sections = PROBLEMS.iter().map(|(_, problem)| section(problem, records)).collect();
    Report { about: vec![about], sections }
}

fn section(problem: &str, records: &[Record]) -> Section {
    let mut rows = Vec::new();
    let mut lines = Vec::new();
    let mut ratios = Vec::new();
    for method in METHODS {
        let mut points = Vec::new();
        for rate in RATES {
            let same = |r: &&Record| r.problem == problem && r.method == method && r.rate == Some(rate);
            let runs: Vec<&Outcome> = records.iter().filter(same).map(|r| &r.outcome).collect();
            if runs.is_empty() {
                continue;
            }
            let finite: Vec<&Outcome> = runs.iter().copied().filter(|run| !run.diverged).collect();
            let of = |name: &str| Spread::of(finite.iter().filter_map(|run| run.values.get(name).copied()));
            let error = Spread::of(finite.iter().filter_map(|run| run.last_train()));
            let alphas = (0..GRADES).map_while(|k| of(&name(k)).map(|alpha| number(alpha.mean)));
            let alphas: Vec<String> = alphas.collect();
            let largest = Spread::of(finite.iter().filter_map(|run| largest_smoothness(run)));
            ratios.push((method, rate, largest));
            rows.push(vec![
                method.into(),
                rate.to_string(),
                format!("{} of {}", runs.len() - finite.len(), runs.len()),
                shown(error),
                of("share of updates that raise the loss")
                    .map_or(ABSENT.into(), |s| format!("{:.1} %", 100.0 * s.mean)),
                of("largest rise").map_or(ABSENT.into(), |s| format!("{} times", number(s.mean))),
                if alphas.is_empty() { ABSENT.into() } else { alphas.join(", ") },
                largest.map_or(ABSENT.into(), |largest| number(2.0 / largest.mean)),
            ]);
            points.extend(error.map(|error| (rate, error.mean)));
        }
        lines.push(Line { name: method.into(), points });
    }
    let findings = RATES
        .iter()
        .filter_map(|&rate| {
            let alpha = |wanted: &str| {
                let found = ratios.iter().find(|(method, r, _)| *method == wanted && *r == rate)?;
                found.2
            };
            let (several, one) = (alpha(MULTIGRADE)?.mean, alpha(SINGLE)?.mean);
            let comparison = if several < one { "smaller" } else { "larger" };
            let ratio = number((one / several).max(several / one));
            Some(format!(
                "Rate {rate}: the largest smoothness of any grade is {}, that of one deep network {}: {ratio} times {comparison}.",
                number(several),
                number(one)
            ))
        })
        .collect();
    let columns = [
        "method",
        "rate",
        "diverged",
        "error on training rows",
        "updates that raise the loss",
        "largest rise",
        "α of each grade",
        "2/α",
    ];
    let table = Table {
        title: format!("{problem}: steadiness and smoothness"),
        note: "Mean and standard deviation over the runs that stayed finite; 2/α for the largest α.".into(),
        columns: columns.map(Into::into).into(),
        words: 1,
        rows,
    };
    let figure = Figure {
        title: format!("{problem}: error against the learning rate"),
        note: "Mean over the runs that stayed finite.".into(),
        x: "learning rate".into(),
        log_x: true,
        y: "relative squared error".into(),
        lines,
    };
    Section { title: problem.into(), findings, tables: vec![table], figures: vec![figure] }
}

fn largest_smoothness(run: &Outcome) -> Option<f64> {
    (0..GRADES).filter_map(|k| run.values.get(&name(k)).copied()).reduce(f64::max)
}
