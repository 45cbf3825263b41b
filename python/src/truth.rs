//! Formulas, certificates and their check.

use std::path::PathBuf;

use multigrade::Multigrade;
use multigrade::construct::{ConstructSettings, Constructed, Stop};
use multigrade::learn::{LearnSettings, Learned};
use multigrade::prove::{Goal, ProveSettings, Proven, prove};
use multigrade::truth::{self, Domain, Format, Interval, Proved, Verdict};
use numpy::{PyArray1, PyReadonlyArray2};
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::error::Failure;
use crate::fit::document;
use crate::model::{Model, json};
use crate::threads::pool;
use crate::watch::{Reporter, watch};

/// A formula of named variables.
#[pyclass(frozen, module = "multigrade._native")]
pub(crate) struct Expression {
    formula: truth::Expression,
}

#[pymethods]
impl Expression {
    #[new]
    fn new(text: &str) -> Result<Self, Failure> {
        Ok(Self { formula: truth::Expression::parse(text)? })
    }

    #[getter]
    fn variables(&self) -> Vec<String> {
        self.formula.variables().to_vec()
    }

    fn __str__(&self) -> String {
        self.formula.to_string()
    }

    /// Values at rows whose columns are the variables in order.
    fn values<'py>(
        &self,
        py: Python<'py>,
        rows: PyReadonlyArray2<'py, f64>,
    ) -> Result<Bound<'py, PyArray1<f64>>, Failure> {
        let (array, expected) = (rows.as_array(), self.formula.variables().len());
        if array.ncols() != expected {
            let shape = array.dim();
            return Err(Failure::Value(format!(
                "X has shape {shape:?}; the expression reads rows of {expected} numbers"
            )));
        }
        let columns: Vec<Vec<f64>> = array.columns().into_iter().map(|column| column.to_vec()).collect();
        let mut values = vec![0.0; array.nrows()];
        let columns: Vec<&[f64]> = columns.iter().map(Vec::as_slice).collect();
        py.detach(|| self.formula.eval_block(&columns, &mut values));
        Ok(PyArray1::from_vec(py, values))
    }

    /// An enclosure of all values on a box.
    fn range(&self, domain: &str) -> Result<(f64, f64), Failure> {
        let domain = Domain::parse(domain)?;
        let missing = |name| Failure::Value(format!("the box has no side for the variable '{name}'"));
        let range = self.formula.with_variables(domain.names()).map_err(missing)?.range(domain.sides()).interval();
        Ok((range.lower(), range.upper()))
    }
}

/// A claim about a model, and how to prove it.
#[pyclass(frozen, module = "multigrade._native")]
pub(crate) struct Certificate {
    certificate: truth::Certificate,
}

#[pymethods]
impl Certificate {
    #[staticmethod]
    fn load(path: PathBuf) -> Result<Self, Failure> {
        Ok(Self { certificate: truth::Certificate::load(&path)? })
    }

    #[staticmethod]
    fn from_bytes(bytes: &[u8]) -> Result<Self, Failure> {
        Ok(Self { certificate: truth::Certificate::from_bytes("bytes", bytes)? })
    }

    fn to_bytes<'py>(&self, py: Python<'py>) -> Result<Bound<'py, PyBytes>, Failure> {
        Ok(PyBytes::new(py, &self.certificate.to_bytes()?))
    }

    #[getter]
    fn function(&self) -> &str {
        &self.certificate.function
    }

    #[getter]
    fn domain(&self) -> &str {
        &self.certificate.domain
    }

    #[getter]
    fn n_claims(&self) -> usize {
        self.certificate.claims.len()
    }

    fn save(&self, path: PathBuf, overwrite: bool) -> Result<(), Failure> {
        Ok(self.certificate.save(&path, overwrite)?)
    }

    /// The document of what the checker says about the certificate and a model.
    fn check(&self, py: Python<'_>, model: &Model) -> Result<String, Failure> {
        match py.detach(|| truth::check(&self.certificate, &model.network)) {
            Verdict::Proved(proved) => json(&statement(&proved, &model.network)),
            Verdict::Refused(refusal) => json(&serde_json::json!({"proved": false, "reason": refusal.to_string()})),
        }
    }
}

fn ends(bounds: Interval) -> [f64; 2] {
    [bounds.lower(), bounds.upper()]
}

fn statement(proved: &Proved, model: &Multigrade) -> serde_json::Value {
    let names = model.schema().output_names();
    let bounds = proved.bounds().iter().map(|bounds| {
        serde_json::json!({
            "grades": bounds.grades(),
            "output": names[bounds.output()],
            "exact": ends(bounds.exact()),
            "f64": bounds.evaluated(Format::F64).map(ends),
            "f32": bounds.evaluated(Format::F32).map(ends),
        })
    });
    serde_json::json!({
        "proved": true,
        "function": proved.function(),
        "domain": proved.domain(),
        "bounds": bounds.collect::<Vec<_>>(),
    })
}

/// A certificate with the document of what it proves, if there is one.
type Theorem = Option<(Certificate, String)>;

/// What a search for a proof comes to: see [`certify`].
type Certified = (Theorem, Option<f64>, String, usize, Option<PyErr>);

fn theorem(found: Option<(truth::Certificate, Proved)>, model: &Multigrade) -> Result<Theorem, Failure> {
    let theorem = |(certificate, proved)| Ok((Certificate { certificate }, json(&statement(&proved, model))?));
    found.map(theorem).transpose()
}

/// Proves how far a model is from a formula on a box. The answer is the certificate with the document of what it proves,
/// if there is one; the largest error measured; why the search ended; boxes; and the exception that ended it early.
#[pyfunction]
#[pyo3(signature = (model, output, function, domain, tolerance, boxes, time_limit, threads, observer))]
#[expect(clippy::too_many_arguments, reason = "called from one place in Python")]
pub(crate) fn certify<'py>(
    py: Python<'py>,
    model: &Model,
    output: usize,
    function: &Expression,
    domain: &str,
    tolerance: Option<f64>,
    boxes: usize,
    time_limit: Option<f64>,
    threads: Option<usize>,
    observer: Option<Bound<'py, PyAny>>,
) -> Result<Certified, Failure> {
    let goal = tolerance.map_or(ProveSettings::default().goal, Goal::Within);
    let settings = ProveSettings { goal, boxes, time_limit, ..ProveSettings::default() }.validate()?;
    let domain = Domain::parse(domain)?;
    let pool = pool(threads)?;
    let work = |observer: &mut Reporter| {
        pool.install(|| prove(&model.network, output, &function.formula, &domain, &settings, observer))
    };
    let (proven, exception): (Proven, _) = watch(py, work, observer.as_ref())?;
    let (measured, stop, boxes) = {
        let found = proven.headline();
        (found.measured.as_ref().map(|measured| measured.f64.largest()), format!("{:?}", found.stop), found.boxes)
    };
    let answer = theorem(proven.certificate, &model.network)?;
    Ok((answer, measured, stop.to_lowercase(), boxes, exception))
}

/// Builds a network within the tolerance of a formula on a box. The answer is the network, the certificate with the
/// document of what it proves, whether the tolerance was reached, why it ended, and the exception that ended it early.
#[pyfunction]
#[pyo3(signature = (function, domain, tolerance, settings, threads, observer))]
pub(crate) fn construct<'py>(
    py: Python<'py>,
    function: &Expression,
    domain: &str,
    tolerance: f64,
    settings: &str,
    threads: Option<usize>,
    observer: Option<Bound<'py, PyAny>>,
) -> Result<(Model, Theorem, bool, String, Option<PyErr>), Failure> {
    let settings = document::<ConstructSettings>(settings)?.validate()?;
    let domain = Domain::parse(domain)?;
    let pool = pool(threads)?;
    let work = |observer: &mut Reporter| {
        pool.install(|| multigrade::construct::construct(&function.formula, &domain, tolerance, &settings, observer))
    };
    let (made, exception): (Constructed, _) = watch(py, work, observer.as_ref())?;
    let answer = theorem(made.certificate, &made.model)?;
    let is_reached = made.stop == Stop::Reached;
    Ok((made.model.into(), answer, is_reached, made.stop.sentence().into(), exception))
}

/// The network, the certificate with the document of what it proves, the bound of the whole network, whether its grades are
/// projected, why it ended, and the exception that ended it early.
type Trained = (Model, Theorem, f64, bool, String, Option<PyErr>);

/// Learns a network from fresh points of a formula on a box and proves every grade.
#[pyfunction]
#[pyo3(signature = (function, domain, tolerance, settings, threads, observer))]
pub(crate) fn learn<'py>(
    py: Python<'py>,
    function: &Expression,
    domain: &str,
    tolerance: Option<f64>,
    settings: &str,
    threads: Option<usize>,
    observer: Option<Bound<'py, PyAny>>,
) -> Result<Trained, Failure> {
    let settings = document::<LearnSettings>(settings)?.validate()?;
    let domain = Domain::parse(domain)?;
    let pool = pool(threads)?;
    let work = |observer: &mut Reporter| {
        pool.install(|| multigrade::learn::learn(&function.formula, &domain, tolerance, &settings, observer))
    };
    let (learned, exception): (Learned, _) = watch(py, work, observer.as_ref())?;
    let (bound, is_projected, stop) = (learned.bound(), learned.is_projected, learned.stop.sentence().into());
    let answer = theorem(learned.proven.certificate, &learned.model)?;
    Ok((learned.model.into(), answer, bound, is_projected, stop, exception))
}
