//! A fit that Python can watch and stop.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::time::{Duration, Instant};

use multigrade::{Event, FitError, FitSettings, Flow, Observer, Samples, fit_named, resume};
use numpy::{PyArray1, PyArray2, PyReadonlyArray1, PyReadonlyArray2};
use pyo3::prelude::*;

use crate::error::Failure;
use crate::model::{Model, matrix, rows_of};
use crate::threads::pool;

/// How long the calling thread waits for news before it looks for Ctrl-C.
const PATIENCE: Duration = Duration::from_millis(50);

/// Updates are told this often: a hundred thousand calls a second would cost more than the fit.
const PAUSE: Duration = Duration::from_millis(50);

/// The model, why its fit ended, seconds of each grade, held-out rows and predictions for them, and the exception that
/// ended the fit early, if one did.
type Answer<'py> = (Model, String, Vec<f64>, Bound<'py, PyArray1<usize>>, Bound<'py, PyArray2<f64>>, Option<PyErr>);

/// Fits a model to rows `(n, d)` and targets `(n, m)`. `settings` is the JSON document of the library's settings;
/// `observer`, if given, is called with each event as a JSON document and ends the fit by returning a true value. With
/// `start`, the fit goes on from that model.
#[pyfunction]
#[pyo3(signature = (inputs, targets, weights, held_out, names, settings, threads, observer, start))]
#[expect(clippy::too_many_arguments, reason = "called from one place in Python")]
pub(crate) fn fit<'py>(
    py: Python<'py>,
    inputs: PyReadonlyArray2<'py, f64>,
    targets: PyReadonlyArray2<'py, f64>,
    weights: Option<PyReadonlyArray1<'py, f64>>,
    held_out: Option<(PyReadonlyArray2<'py, f64>, PyReadonlyArray2<'py, f64>)>,
    names: (Vec<String>, Vec<String>),
    settings: &str,
    threads: Option<usize>,
    observer: Option<Bound<'py, PyAny>>,
    start: Option<&Model>,
) -> Result<Answer<'py>, Failure> {
    let settings: FitSettings =
        serde_json::from_str(settings).map_err(|error| Failure::Value(format!("settings: {error}")))?;
    let settings = settings.validate()?;
    let weights = weights.map(|w| w.as_array().iter().copied().collect());
    let samples = samples(&inputs, &targets, weights)?;
    let held_out = held_out.map(|(x, y)| self::samples(&x, &y, None)).transpose()?;
    let pool = pool(threads)?;
    let (held_out, (inputs, outputs)) = (held_out.as_ref(), &names);
    let work = |observer: &mut Reporter| {
        pool.install(|| match start {
            Some(start) => resume(&start.network, &samples, held_out, &settings, observer),
            None => fit_named(&samples, held_out, inputs, outputs, &settings, observer),
        })
    };
    let (fitted, exception) = watch(py, work, observer.as_ref())?;
    let m = samples.n_targets();
    Ok((
        fitted.model.into(),
        fitted.stop.sentence().into(),
        fitted.seconds,
        PyArray1::from_vec(py, fitted.held_out),
        matrix(py, fitted.held_out_predictions, m)?,
        exception,
    ))
}

fn samples(
    inputs: &PyReadonlyArray2<f64>,
    targets: &PyReadonlyArray2<f64>,
    weights: Option<Vec<f64>>,
) -> Result<Samples, Failure> {
    let (d, m) = (inputs.as_array().ncols(), targets.as_array().ncols());
    Ok(Samples::new(d, m, rows_of(inputs).into_owned(), rows_of(targets).into_owned(), weights)?)
}

/// Hands events to the thread that called from Python.
struct Reporter<'a> {
    events: Sender<String>,
    is_heard: bool,
    stop: &'a AtomicBool,
    last: Option<Instant>,
}

impl Observer for Reporter<'_> {
    fn event(&mut self, event: &Event) -> Flow {
        if self.is_heard {
            let is_update = matches!(event, Event::Progress { .. });
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
        Event::Note(text) => serde_json::json!({"kind": "note", "doing": text}),
        _ => serde_json::json!({"kind": "other"}),
    };
    value.to_string()
}

/// Does the work in a thread of its own, while the calling thread, the only one that can, passes events on to Python
/// and looks for Ctrl-C. An exception asks the work to stop; what it has done by then is kept beside the exception.
fn watch<T: Send>(
    py: Python<'_>,
    work: impl FnOnce(&mut Reporter) -> Result<T, FitError> + Send,
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
        Ok(result) => Ok((result?, exception)),
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
