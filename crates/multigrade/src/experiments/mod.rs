//! The experiments of the papers on multigrade learning, and ours: from their data to tables beside the published numbers.
//!
//! An [`Experiment`] is a list of runs and a way to read what they found. [`Experiment::run`] makes the runs that are not
//! known yet and returns one [`Record`] for each; [`Experiment::report`] turns records into tables, figures and
//! sentences. Every number in a report is computed from records, or is a published one that carries its source.
//!
//! ```
//! use multigrade::experiments::{self, Scale};
//! let golden = experiments::by_name("golden").ok_or("no such experiment")?;
//! assert_eq!(golden.n_runs(Scale::Quick), 2);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod clock;
mod comparison;
mod curvature;
mod data;
mod decay;
mod golden;
mod measure;
mod methods;
mod published;
mod rates;
mod record;
mod report;
mod simple;
mod stability;

pub use data::{Amplitudes, Data, Problem, Waves, XuTarget};
pub use record::Record;
pub use report::{Figure, Line, Report, Section, Table};

use crate::observer::{Event, Flow, Observer};
use crate::{FitError, FitSettings};
use record::Outcome;
use std::sync::{Mutex, PoisonError};

/// How much of an experiment is run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scale {
    /// Minutes: fewer passes, smaller networks where the published ones take hours, fewer seeds where runs are long.
    Quick,
    /// Hours: the published sizes, five seeds or more.
    Full,
}

/// An experiment that can be reproduced.
#[derive(Clone, Copy)]
pub struct Experiment {
    /// The name that [`by_name`] knows.
    pub name: &'static str,
    /// What it is, in a few words.
    pub title: &'static str,
    tasks: fn(Scale) -> Vec<Task>,
    report: fn(Scale, &[Record]) -> Report,
}

static ALL: [Experiment; 7] = [
    Experiment {
        name: "golden",
        title: "the published method, number for number",
        tasks: golden::tasks,
        report: golden::report,
    },
    Experiment {
        name: "xu",
        title: "synthetic regression with and without noise",
        tasks: comparison::xu_tasks,
        report: comparison::xu_report,
    },
    Experiment {
        name: "spectral",
        title: "spectral bias: twenty waves",
        tasks: comparison::spectral_tasks,
        report: comparison::spectral_report,
    },
    Experiment {
        name: "manifold",
        title: "forty waves along a closed curve",
        tasks: comparison::manifold_tasks,
        report: comparison::manifold_report,
    },
    Experiment {
        name: "rates",
        title: "how much the learning rate matters to gradient descent",
        tasks: rates::tasks,
        report: rates::report,
    },
    Experiment {
        name: "decay",
        title: "how fast the residual falls, from smooth to merely continuous targets",
        tasks: decay::tasks,
        report: decay::report,
    },
    Experiment {
        name: "stability",
        title: "rises of the loss, spread over seeds, local smoothness of grades and of one deep network",
        tasks: stability::tasks,
        report: stability::report,
    },
];

/// All experiments, in the order in which they are best read.
pub fn all() -> &'static [Experiment] {
    &ALL
}

/// The experiment of that name, if there is one.
pub fn by_name(name: &str) -> Option<&'static Experiment> {
    ALL.iter().find(|experiment| experiment.name == name)
}

type Work = Box<dyn Fn(&FitSettings, &mut dyn Observer) -> Result<Outcome, FitError> + Send + Sync>;

/// One run of an experiment.
struct Task {
    problem: String,
    method: String,
    /// The learning rate, where several are tried.
    rate: Option<f64>,
    seed: u64,
    settings: FitSettings,
    work: Work,
}

impl Task {
    /// Whether `record` is what came out of this run, made by this version of the program.
    fn is_done_by(&self, record: &Record) -> bool {
        let same = record.problem == self.problem && record.method == self.method && record.rate == self.rate;
        same && record.seed == self.seed && record.version == VERSION && record.settings == self.document()
    }

    /// What came out of this run, with all that says which run it was.
    fn record(&self, outcome: Outcome) -> Record {
        Record {
            problem: self.problem.clone(),
            method: self.method.clone(),
            rate: self.rate,
            seed: self.seed,
            settings: self.document(),
            version: VERSION.into(),
            outcome,
        }
    }

    fn document(&self) -> serde_json::Value {
        serde_json::to_value(&self.settings).unwrap_or_default()
    }
}

const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Where a series of runs stands.
#[derive(Clone, Copy, Debug)]
pub struct Step<'a> {
    /// Number of the run, from 1.
    pub run: usize,
    /// How many there are.
    pub of: usize,
    /// What is run: problem, method, rate, seed.
    pub what: &'a str,
}

/// Follows a series of runs.
pub trait Follower: Observer {
    /// Called before each run that is made.
    fn step(&mut self, step: &Step);

    /// Called after each run that was made, with all records that hold so far, in the order of the runs: what to save, so
    /// that nothing is lost.
    fn save(&mut self, records: &[Record]);
}

/// What the threads that make runs share.
struct Series<'f> {
    follower: &'f mut dyn Follower,
    /// In the order of the runs.
    records: Vec<Option<Record>>,
    /// Number of the next run, from 0.
    next: usize,
    is_stopped: bool,
    failure: Option<FitError>,
}

impl Series<'_> {
    /// The next run that is to be made.
    fn claim(&mut self, tasks: &[Task]) -> Option<usize> {
        while self.next < tasks.len() && self.records[self.next].is_some() {
            self.next += 1;
        }
        let claimed = self.next;
        let task = tasks.get(claimed).filter(|_| !self.is_stopped)?;
        self.next += 1;
        let rate = task.rate.map_or(String::new(), |rate| format!(", rate {rate}"));
        let what = format!("{}, {}{rate}, seed {}", task.problem, task.method, task.seed);
        self.follower.step(&Step { run: claimed + 1, of: tasks.len(), what: &what });
        Some(claimed)
    }

    /// Keeps what came out of a run, unless it was cut short.
    fn finish(&mut self, run: usize, task: &Task, outcome: Result<Outcome, FitError>) {
        match outcome {
            Ok(outcome) if outcome.interrupted => self.is_stopped = true,
            Ok(outcome) => {
                self.records[run] = Some(task.record(outcome));
                let known: Vec<Record> = self.records.iter().flatten().cloned().collect();
                self.follower.save(&known);
            }
            Err(error) => {
                self.is_stopped = true;
                self.failure.get_or_insert(error);
            }
        }
    }
}

/// Makes runs in this thread until none is left.
fn work(series: &Mutex<Series>, tasks: &[Task]) {
    // A lock is poisoned by a follower that panicked: the thread it panicked in says so.
    let claim = || series.lock().ok()?.claim(tasks);
    while let Some(run) = claim() {
        let mut forward = |event: &Event| match series.lock() {
            Ok(mut series) => series.follower.event(event),
            Err(_) => Flow::Stop,
        };
        let outcome = (tasks[run].work)(&tasks[run].settings, &mut forward);
        if let Ok(mut series) = series.lock() {
            series.finish(run, &tasks[run], outcome);
        }
    }
}

impl Experiment {
    /// How many runs it takes.
    pub fn n_runs(&self, scale: Scale) -> usize {
        (self.tasks)(scale).len()
    }

    /// One record for each run, in a fixed order: those in `known` that still hold, and new ones for the rest.
    ///
    /// As many runs are made at a time as there are threads in rayon's pool, each in one thread. Runs end early when the
    /// follower asks to stop; the records so far are returned, and the same call with them as `known` makes those that
    /// are missing.
    ///
    /// # Errors
    /// [`FitError`] if a run cannot be made.
    pub fn run(&self, scale: Scale, known: &[Record], follower: &mut dyn Follower) -> Result<Vec<Record>, FitError> {
        let tasks = (self.tasks)(scale);
        let holds = |task: &Task| known.iter().find(|record| task.is_done_by(record)).cloned();
        let records: Vec<Option<Record>> = tasks.iter().map(holds).collect();
        let missing = records.iter().filter(|record| record.is_none()).count();
        let series = Mutex::new(Series { follower, records, next: 0, is_stopped: false, failure: None });
        std::thread::scope(|scope| {
            for _ in 0..rayon::current_num_threads().min(missing) {
                // Where no thread can be had, the others make its runs, or this one.
                let Ok(pool) = rayon::ThreadPoolBuilder::new().num_threads(1).build() else { continue };
                let (series, tasks) = (&series, &tasks);
                scope.spawn(move || pool.install(|| work(series, tasks)));
            }
        });
        work(&series, &tasks);
        let Series { records, failure, .. } = series.into_inner().unwrap_or_else(PoisonError::into_inner);
        failure.map_or_else(|| Ok(records.into_iter().flatten().collect()), Err)
    }

    /// The records in `known` that still hold.
    pub fn holding(&self, scale: Scale, known: &[Record]) -> Vec<Record> {
        let tasks = (self.tasks)(scale);
        tasks.iter().filter_map(|task| known.iter().find(|record| task.is_done_by(record))).cloned().collect()
    }

    /// What the records say.
    pub fn report(&self, scale: Scale, records: &[Record]) -> Report {
        (self.report)(scale, records)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observer::{Event, Flow};
    use std::collections::HashSet;

    /// Stops at the first event and remembers which runs were begun.
    struct Impatient(Vec<usize>);

    /// Stops once it was given so many records to save.
    struct Saver(usize, Vec<Record>);

    impl Observer for Saver {
        fn event(&mut self, _: &Event) -> Flow {
            if self.1.len() < self.0 { Flow::Continue } else { Flow::Stop }
        }
    }

    impl Follower for Saver {
        fn step(&mut self, _: &Step) {}

        fn save(&mut self, records: &[Record]) {
            self.1 = records.to_vec();
        }
    }

    impl Observer for Impatient {
        fn event(&mut self, _: &Event) -> Flow {
            Flow::Stop
        }
    }

    impl Follower for Impatient {
        fn step(&mut self, step: &Step) {
            self.0.push(step.run);
        }

        fn save(&mut self, _: &[Record]) {}
    }

    /// What a run might have found.
    fn record(task: &Task) -> Record {
        let errors = vec![0.5, 0.25];
        task.record(Outcome { train: errors.clone(), validation: errors.clone(), test: errors, ..Outcome::default() })
    }

    #[test]
    fn every_run_has_a_name_of_its_own_and_settings_that_hold() {
        for experiment in all() {
            for scale in [Scale::Quick, Scale::Full] {
                let tasks = (experiment.tasks)(scale);
                let name = |t: &Task| (t.problem.clone(), t.method.clone(), t.rate.map(f64::to_bits), t.seed);
                let names: HashSet<_> = tasks.iter().map(name).collect();
                assert_eq!(names.len(), tasks.len(), "{}", experiment.name);
                for task in tasks {
                    assert!(task.settings.validate().is_ok(), "{}: {}", experiment.name, task.method);
                }
            }
        }
    }

    #[test]
    fn runs_that_are_known_are_not_made_again_and_only_the_missing_ones_are_begun() {
        let experiment = by_name("decay").unwrap();
        let mut known: Vec<Record> = (experiment.tasks)(Scale::Quick).iter().map(record).collect();
        let mut follower = Impatient(Vec::new());
        assert_eq!(experiment.run(Scale::Quick, &known, &mut follower).unwrap(), known);
        assert!(follower.0.is_empty());
        // Made with other settings: no longer known. Those after it are not lost.
        known[3].settings = serde_json::Value::Null;
        let records = experiment.run(Scale::Quick, &known, &mut follower).unwrap();
        known.remove(3);
        assert_eq!((records.as_slice(), follower.0.as_slice()), (&known[..], &[4][..]));
    }

    #[test]
    fn every_run_is_saved_as_soon_as_it_is_made_beside_those_that_were_known() {
        let experiment = by_name("decay").unwrap();
        let tasks = (experiment.tasks)(Scale::Quick);
        let known: Vec<Record> = tasks.iter().skip(2).map(record).collect();
        let mut follower = Saver(tasks.len() - 1, Vec::new());
        let records = experiment.run(Scale::Quick, &known, &mut follower).unwrap();
        assert_eq!(follower.1, records);
        assert!(records.len() > known.len() && records.ends_with(&known));
    }

    #[test]
    fn reports_need_no_complete_records_and_every_row_of_a_table_is_whole() {
        for experiment in all() {
            let records: Vec<Record> = (experiment.tasks)(Scale::Quick).iter().map(record).collect();
            for known in [&records[..], &records[..records.len() / 2], &[]] {
                let report = experiment.report(Scale::Quick, known);
                let tables: Vec<&Table> = report.sections.iter().flat_map(|section| &section.tables).collect();
                assert!(!tables.is_empty(), "{}", experiment.name);
                for table in tables {
                    assert!(table.rows.iter().all(|row| row.len() == table.columns.len()), "{}", table.title);
                }
            }
        }
    }

    #[test]
    fn records_survive_json() {
        let task = &(by_name("rates").unwrap().tasks)(Scale::Quick)[0];
        let mut record = record(task);
        record.outcome.note("ratio", 0.1);
        record.outcome.note("not a number", f64::NAN);
        let text = serde_json::to_string(&record).unwrap();
        assert_eq!(serde_json::from_str::<Record>(&text).unwrap(), record);
    }
}
