//! A fit that Python can watch and stop.

use multigrade::convex::{self, ConvexSettings};
use multigrade::{
    Classes, FitSettings, History, InputColumn, Multigrade, OutputColumn, Samples, Scaling, Schema, fit_classes,
    fit_named, resume,
};
use numpy::{PyArray1, PyArray2, PyReadonlyArray1, PyReadonlyArray2};
use pyo3::prelude::*;

use crate::error::Failure;
use crate::model::{Model, json, matrix, rows_of};
use crate::threads::pool;
use crate::watch::{Reporter, watch};

/// The model, why its fit ended, seconds of each grade, held-out rows and predictions for them, and the exception that
/// ended the fit early, if one did.
type Answer<'py> = (Model, String, Vec<f64>, Bound<'py, PyArray1<usize>>, Bound<'py, PyArray2<f64>>, Option<PyErr>);

/// Fits a model to rows `(n, d)` and targets `(n, m)`. `settings` is the JSON document of the library's settings;
/// With `labels`, a JSON list, `targets` `(n, 1)` holds the places of the rows' classes in it.
/// `observer`, if given, is called with each event as a JSON document and ends the fit by returning a true value. With
/// `start`, the fit goes on from that model.
#[pyfunction]
#[pyo3(signature = (inputs, targets, weights, held_out, names, labels, settings, threads, observer, start))]
#[expect(clippy::too_many_arguments, reason = "called from one place in Python")]
pub(crate) fn fit<'py>(
    py: Python<'py>,
    inputs: PyReadonlyArray2<'py, f64>,
    targets: PyReadonlyArray2<'py, f64>,
    weights: Option<PyReadonlyArray1<'py, f64>>,
    held_out: Option<(PyReadonlyArray2<'py, f64>, PyReadonlyArray2<'py, f64>)>,
    names: (Vec<String>, Vec<String>),
    labels: Option<&str>,
    settings: &str,
    threads: Option<usize>,
    observer: Option<Bound<'py, PyAny>>,
    start: Option<&Model>,
) -> Result<Answer<'py>, Failure> {
    let settings = document::<FitSettings>(settings)?.validate()?;
    let weights = weights.map(|w| w.as_array().iter().copied().collect());
    let classes = labels.map(|labels| classes(&names.1, labels)).transpose()?;
    let n_classes = classes.as_ref().map(Classes::len);
    let samples = samples(&inputs, &targets, weights, n_classes)?;
    let held_out = held_out.map(|(x, y)| self::samples(&x, &y, None, n_classes)).transpose()?;
    let pool = pool(threads)?;
    let (held_out, (inputs, outputs)) = (held_out.as_ref(), &names);
    let work = |observer: &mut Reporter| {
        pool.install(|| match (start, &classes) {
            (Some(start), _) => resume(&start.network, &samples, held_out, &settings, observer),
            (None, Some(classes)) => fit_classes(&samples, held_out, inputs, classes, &settings, observer),
            (None, None) => fit_named(&samples, held_out, inputs, outputs, &settings, observer),
        })
    };
    let (fitted, exception) = watch(py, work, observer.as_ref())?;
    let m = fitted.model.n_outputs();
    Ok((
        fitted.model.into(),
        fitted.stop.sentence().into(),
        fitted.seconds,
        PyArray1::from_vec(py, fitted.held_out),
        matrix(py, fitted.held_out_predictions, m)?,
        exception,
    ))
}

/// The globally optimal network of hinges for rows `(n, d)` and targets `(n, m)`, with the documents of its proof and of
/// the penalties that were tried.
#[pyfunction]
pub(crate) fn fit_convex<'py>(
    py: Python<'py>,
    inputs: PyReadonlyArray2<'py, f64>,
    targets: PyReadonlyArray2<'py, f64>,
    weights: Option<PyReadonlyArray1<'py, f64>>,
    names: (Vec<String>, Vec<String>),
    settings: &str,
) -> Result<(Model, String), Failure> {
    let settings = document::<ConvexSettings>(settings)?.validate()?;
    let samples = samples(&inputs, &targets, weights.map(|w| w.as_array().iter().copied().collect()), None)?;
    let fit = py.detach(|| convex::fit(&samples, &settings))?;
    let column = |(j, name): (usize, String)| {
        let values = samples.inputs().iter().skip(j).step_by(samples.n_inputs());
        let (min, max) = values.fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), &x| (a.min(x), b.max(x)));
        InputColumn { name, min, max }
    };
    let schema = Schema {
        inputs: names.0.into_iter().enumerate().map(column).collect(),
        outputs: names.1.into_iter().map(|name| OutputColumn { name }).collect(),
        ..Schema::default()
    };
    let history = History {
        train_rows: samples.rows(),
        stop: "the optimum for the penalty was found; the proof says how closely".into(),
        ..History::default()
    };
    let identity = (Scaling::identity(samples.n_inputs()), Scaling::identity(samples.n_targets()));
    let settings = serde_json::to_value(&*settings).unwrap_or_default();
    let model = Multigrade::new(schema, identity.0, identity.1, vec![fit.grade()?], history, settings)?;
    let about = serde_json::json!({
        "penalty": fit.penalty,
        "largest_penalty": fit.largest_penalty,
        "rounds": fit.rounds,
        "knots": fit.hinges.iter().map(|hinge| (hinge.input, hinge.knot, &hinge.change)).collect::<Vec<_>>(),
        "primal": fit.proof.primal,
        "dual": fit.proof.dual,
        "gap": fit.proof.gap,
        "rel_gap": fit.proof.rel_gap,
        "fit_rmse_bound": fit.proof.fit_rmse_bound,
        "status": fit.proof.status,
        "path": fit.path.iter().map(|p| (p.penalty, p.neurons, p.loss)).collect::<Vec<_>>(),
    });
    Ok((model.into(), json(&about)?))
}

/// Settings from their document, which Python made: what is wrong with it is not the user's fault.
pub(crate) fn document<S: serde::de::DeserializeOwned>(text: &str) -> Result<S, Failure> {
    serde_json::from_str(text).map_err(|error| Failure::Value(format!("settings: {error}")))
}

/// The classes of the target of this name.
fn classes(target: &[String], labels: &str) -> Result<Classes, Failure> {
    Ok(Classes::new(target.concat(), document(labels)?)?)
}

fn samples(
    inputs: &PyReadonlyArray2<f64>,
    targets: &PyReadonlyArray2<f64>,
    weights: Option<Vec<f64>>,
    n_classes: Option<usize>,
) -> Result<Samples, Failure> {
    let (d, m) = (inputs.as_array().ncols(), targets.as_array().ncols());
    if let Some(n_classes) = n_classes {
        let classes: Vec<usize> = targets.as_array().iter().map(|&class| class as usize).collect();
        return Ok(Samples::of_classes(d, rows_of(inputs).into_owned(), &classes, n_classes, weights)?);
    }
    Ok(Samples::new(d, m, rows_of(inputs).into_owned(), rows_of(targets).into_owned(), weights)?)
}
