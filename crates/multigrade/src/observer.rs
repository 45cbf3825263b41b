//! What happens during a fit, for progress bars, logs and callbacks.

use multigrade_model::GradeRecord;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

/// Something that happened during a fit.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Event<'a> {
    /// Work on a grade begins.
    GradeStarted {
        /// Number of the grade, from 1.
        grade: usize,
        /// What is being done, such as `choosing among 8 settings`.
        doing: &'a str,
        /// Updates that this work takes at most.
        updates: u64,
    },
    /// Some updates were made.
    Progress {
        /// Number of the grade, from 1.
        grade: usize,
        /// Updates made since the work began, by all networks under training together.
        updates: u64,
        /// Objective of the network that reports.
        objective: f64,
        /// Its learning rate, for solvers that have one.
        learning_rate: Option<f64>,
    },
    /// A grade was frozen and kept.
    GradeFinished {
        /// What is known of it.
        record: &'a GradeRecord,
    },
    /// A bound is being proved and became better, or the boxes more.
    Proving {
        /// Number of the grade `k` whose approximation `f_k` it bounds.
        grade: usize,
        /// Boxes so far.
        boxes: usize,
        /// The bound of `|f - f_k|` proved so far; infinite until there is one.
        bound: f64,
        /// The largest error measured.
        measured: f64,
    },
    /// A decision in plain words.
    Note(&'a str),
}

/// What an observer wants to happen next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flow {
    /// Go on.
    Continue,
    /// Finish with the grades done so far.
    Stop,
}

/// Receives [`Event`]s. Any `FnMut(&Event) -> Flow` is one.
pub trait Observer: Send {
    /// Called for each event, from one thread at a time.
    fn event(&mut self, event: &Event) -> Flow;
}

impl<F: FnMut(&Event) -> Flow + Send> Observer for F {
    fn event(&mut self, event: &Event) -> Flow {
        self(event)
    }
}

/// The observer that ignores everything.
pub fn silent() -> impl Observer {
    |_: &Event| Flow::Continue
}

/// Why a fit was cut short.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cut {
    Observer,
    Time,
}

/// The observer shared by the networks under training, and the two reasons to stop early.
pub(crate) struct Progress<'a> {
    observer: Mutex<&'a mut dyn Observer>,
    stopped: AtomicBool,
    deadline: Option<Instant>,
    updates: AtomicU64,
}

impl<'a> Progress<'a> {
    /// `limit` in seconds.
    pub(crate) fn new(observer: &'a mut dyn Observer, limit: Option<f64>) -> Self {
        // A limit too large to be a point in time is no limit.
        let limit = limit.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
        let deadline = limit.and_then(|limit| Instant::now().checked_add(limit));
        Self { observer: Mutex::new(observer), stopped: AtomicBool::new(false), deadline, updates: AtomicU64::new(0) }
    }

    pub(crate) fn send(&self, event: &Event) {
        // A poisoned lock means that an observer panicked: its caller will see that panic.
        let Ok(mut observer) = self.observer.lock() else { return };
        if observer.event(event) == Flow::Stop {
            self.stopped.store(true, Relaxed);
        }
    }

    pub(crate) fn start(&self, grade: usize, doing: &str, updates: u64) {
        self.updates.store(0, Relaxed);
        self.send(&Event::GradeStarted { grade, doing, updates });
    }

    pub(crate) fn advance(&self, grade: usize, updates: u64, objective: f64, learning_rate: Option<f64>) {
        let updates = self.updates.fetch_add(updates, Relaxed) + updates;
        self.send(&Event::Progress { grade, updates, objective, learning_rate });
    }

    pub(crate) fn cut(&self) -> Option<Cut> {
        if self.stopped.load(Relaxed) {
            Some(Cut::Observer)
        } else if self.deadline.is_some_and(|d| Instant::now() >= d) {
            Some(Cut::Time)
        } else {
            None
        }
    }
}
