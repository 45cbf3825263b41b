//! What a fit shows on standard error while it runs.

use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use multigrade::report::significant;
use multigrade::{Event, Flow, GradeRecord, GradeScores, Observer};

use crate::class_summary::percent;
use crate::data::Columns;
use crate::failure::Failure;
use crate::grid::{count, printable, wrapped};
use crate::interrupt;

const TEMPLATE: &str = "{prefix} [{bar:16}] {human_pos}/{human_len} in {elapsed}, < {eta} left: {wide_msg}";

/// How often the numbers beside the bar change; more often could not be read.
const PAUSE: Duration = Duration::from_millis(100);

/// A bar where standard error is a terminal, one line for each grade elsewhere, nothing when quiet.
pub(crate) struct Progress {
    bar: ProgressBar,
    outputs: Vec<String>,
    is_quiet: bool,
    doing: String,
    last_shown: Option<Instant>,
    last_grade: usize,
}

impl Progress {
    /// Begins to listen for Ctrl-C and says what is to be fitted.
    pub(crate) fn start(columns: &Columns, n_rows: usize, is_quiet: bool) -> Result<Self, Failure> {
        let what = format!("learning {}: {}", columns.about(), count(n_rows, "row"));
        Self::on(&what, columns.outputs.clone(), is_quiet)
    }

    /// Begins to listen for Ctrl-C and says what is to be done.
    pub(crate) fn on(what: &str, outputs: Vec<String>, is_quiet: bool) -> Result<Self, Failure> {
        interrupt::listen("the grades done so far")?;
        if !is_quiet {
            eprintln!("{}", wrapped(&format!("{what} (Ctrl-C stops and keeps the grades done so far)"), 2));
        }
        let target = if is_quiet { ProgressDrawTarget::hidden() } else { ProgressDrawTarget::stderr() };
        let style = ProgressStyle::with_template(TEMPLATE).unwrap_or_else(|_| ProgressStyle::default_bar());
        let bar = ProgressBar::with_draw_target(Some(0), target).with_style(style.progress_chars("=> "));
        Ok(Self { bar, outputs, is_quiet, doing: String::new(), last_shown: None, last_grade: 0 })
    }

    /// Removes the bar.
    pub(crate) fn finish(&self) {
        self.bar.finish_and_clear();
    }

    fn start_work(&mut self, grade: usize, doing: &str, updates: u64) {
        self.doing = doing.to_owned();
        self.bar.reset();
        self.bar.set_length(updates);
        self.bar.set_prefix(format!("grade {grade}"));
        self.bar.set_message(doing.to_owned());
        self.bar.enable_steady_tick(Duration::from_millis(250));
    }

    fn advance(&mut self, updates: u64, objective: f64, rate: Option<f64>) {
        if self.last_shown.is_some_and(|then| then.elapsed() < PAUSE) {
            return;
        }
        self.last_shown = Some(Instant::now());
        self.bar.set_position(updates);
        let rate = rate.map_or(String::new(), |rate| format!(", rate {}", significant(rate, 2)));
        self.bar.set_message(format!("loss {}{rate}; {}", significant(objective, 3), self.doing));
    }

    fn prove(&mut self, grade: usize, boxes: usize, bound: f64) {
        if self.last_shown.is_some_and(|then| then.elapsed() < PAUSE) {
            return;
        }
        self.last_shown = Some(Instant::now());
        self.bar.set_prefix(format!("proof of grade {grade}"));
        self.bar.set_message(format!("bound {} with {boxes} boxes", significant(bound, 3)));
    }

    fn finish_grade(&mut self, record: &GradeRecord) {
        // Grades that are trained again on all rows have been shown already.
        if self.is_quiet || record.grade <= self.last_grade {
            return;
        }
        self.last_grade = record.grade;
        let line = grade_line(record, &self.outputs);
        self.bar.suspend(|| eprintln!("{line}"));
    }
}

impl Observer for Progress {
    fn event(&mut self, event: &Event) -> Flow {
        match event {
            Event::GradeStarted { grade, doing, updates } => self.start_work(*grade, doing, *updates),
            Event::Progress { updates, objective, learning_rate, .. } => {
                self.advance(*updates, *objective, *learning_rate);
            }
            Event::Proving { grade, boxes, bound, .. } => self.prove(*grade, *boxes, *bound),
            Event::GradeFinished { record } => self.finish_grade(record),
            _ => {}
        }
        if interrupt::is_requested() { Flow::Stop } else { Flow::Continue }
    }
}

/// For example `grade 1: 5 x tanh 32-32; held-out RMSE thrust 812, sfc 1.21e-6`.
fn grade_line(record: &GradeRecord, outputs: &[String]) -> String {
    if let Some(GradeScores { train, validation }) = record.scores {
        let (kind, scores) = validation.map_or(("training", train), |scores| ("held-out", scores));
        let (loss, accuracy) = (significant(scores.log_loss, 4), percent(scores.accuracy));
        return format!("grade {}: {}; {kind} log-loss {loss}, accuracy {accuracy}", record.grade, record.hidden);
    }
    let (kind, norms) = match &record.validation {
        Some(norms) => ("held-out", norms),
        None => ("training", &record.train),
    };
    let errors = outputs.iter().zip(norms).map(|(name, norms)| format!("{name} {}", significant(norms.l2, 4)));
    let errors = errors.collect::<Vec<_>>().join(", ");
    printable(&format!("grade {}: {}; {kind} RMSE {errors}", record.grade, record.hidden))
}
