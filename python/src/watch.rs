//! Work that Python can watch and stop.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::time::{Duration, Instant};

use multigrade::{Event, Flow, Observer};
use pyo3::prelude::*;

use crate::error::Failure;

/// How long the calling thread waits for news before it looks for Ctrl-C.
const PATIENCE: Duration = Duration::from_millis(50);

/// Updates are told this often: a hundred thousand calls a second would cost more than the fit.
const PAUSE: Duration = Duration::from_millis(50);

/// Hands events to the thread that called from Python.
pub(crate) struct Reporter<'a> {
    events: Sender<String>,
    is_heard: bool,
    stop: &'a AtomicBool,
    last: Option<Instant>,
}

impl Observer for Reporter<'_> {
    fn event(&mut self, event: &Event) -> Flow {
        if self.is_heard {
            let is_update = matches!(event, Event::Progress { .. } | Event::Proving { .. });
            if !is_update || self.last.is_none_or(|then| then.elapsed() >= PAUSE) {
                if is_update {
                    self.last = Some(Instant::now());
                }
                // The receiver outlives every sender.
                let _ = self.events.send(document(event));
            }
        }
        if self.stop.load(Relaxed) { Flow::Stop } else { Flow::Continue }
    }
}

fn document(event: &Event) -> String {
    let value = match event {
        Event::GradeStarted { grade, doing, updates } => {
            serde_json::json!({"kind": "grade_started", "grade": grade, "doing": doing, "updates": updates})
        }
        Event::Progress { grade, updates, objective, learning_rate } => serde_json::json!({
            "kind": "progress", "grade": grade, "updates": updates, "objective": objective,
            "learning_rate": learning_rate,
        }),
        Event::GradeFinished { record } => {
            serde_json::json!({"kind": "grade_finished", "grade": record.grade, "record": record})
        }
        Event::Proving { grade, boxes, bound, measured } => serde_json::json!({
            "kind": "proving", "grade": grade, "updates": boxes, "objective": bound, "measured": measured,
        }),
        Event::Note(text) => serde_json::json!({"kind": "note", "doing": text}),
        _ => serde_json::json!({"kind": "other"}),
    };
    value.to_string()
}

/// Does the work in a thread of its own, while the calling thread, the only one that can, passes events on to Python
/// and looks for Ctrl-C. An exception asks the work to stop; what it has done by then is kept beside the exception.
pub(crate) fn watch<T: Send, E: Send + Into<Failure>>(
    py: Python<'_>,
    work: impl FnOnce(&mut Reporter) -> Result<T, E> + Send,
    observer: Option<&Bound<'_, PyAny>>,
) -> Result<(T, Option<PyErr>), Failure> {
    let observer = observer.map(|observer| observer.clone().unbind());
    let (stop, is_heard) = (AtomicBool::new(false), observer.is_some());
    let (sender, receiver) = mpsc::channel();
    let stop = &stop;
    let (result, exception) = py.detach(move || {
        std::thread::scope(|scope| {
            // The channel closes when the work is done, because the reporter is gone then.
            let worker = scope.spawn(move || work(&mut Reporter { events: sender, is_heard, stop, last: None }));
            let exception = listen(&receiver, observer.as_ref(), stop);
            (worker.join(), exception)
        })
    });
    match result {
        Ok(Ok(result)) => Ok((result, exception)),
        // What was asked to stop may have nothing to show for it: then the reason is what its caller must know.
        Ok(Err(error)) => Err(exception.map_or_else(|| error.into(), Failure::Python)),
        // A defect of the library, which Python sees as a PanicException.
        Err(panic) => std::panic::resume_unwind(panic),
    }
}

/// Passes events on until the channel closes; the first exception, if there is any.
fn listen(events: &Receiver<String>, observer: Option<&Py<PyAny>>, stop: &AtomicBool) -> Option<PyErr> {
    let mut exception = None;
    loop {
        let event = events.recv_timeout(PATIENCE);
        if let Err(RecvTimeoutError::Disconnected) = event {
            return exception;
        }
        let answer = Python::attach(|py| {
            py.check_signals()?;
            match (observer, event) {
                (Some(observer), Ok(event)) if exception.is_none() => observer.call1(py, (event,))?.is_truthy(py),
                _ => Ok(false),
            }
        });
        match answer {
            Ok(false) => {}
            Ok(true) => stop.store(true, Relaxed),
            Err(error) => {
                stop.store(true, Relaxed);
                exception.get_or_insert(error);
            }
        }
    }
}
