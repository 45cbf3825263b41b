//! A model as Python sees it.

use std::borrow::Cow;
use std::path::PathBuf;
use std::sync::OnceLock;

use multigrade::export::{OnnxOptions, onnx};
use multigrade::{ModelError, Multigrade, Precision, Predictor, write_atomically};
use numpy::{PyArray1, PyArray2, PyArrayMethods, PyReadonlyArray2};
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::error::Failure;
use crate::threads::pool;

/// A multigrade network: frozen grades, scaling, names and history.
#[pyclass(frozen, module = "multigrade._native")]
pub(crate) struct Model {
    pub(crate) network: Multigrade,
    predictors: [OnceLock<Predictor>; 2],
}

impl From<Multigrade> for Model {
    fn from(network: Multigrade) -> Self {
        Self { network, predictors: [OnceLock::new(), OnceLock::new()] }
    }
}

impl Model {
    /// Made at the first use; building it again for every call would cost as much as a small table.
    fn predictor(&self, precision: Precision) -> &Predictor {
        let cell = match precision {
            Precision::F64 => &self.predictors[0],
            Precision::F32 => &self.predictors[1],
        };
        cell.get_or_init(|| Predictor::new(&self.network, precision))
    }

    /// What `work` finds on these rows, computed on threads of its own while other Python threads go on.
    fn evaluate<T: Send>(
        &self,
        py: Python<'_>,
        rows: &PyReadonlyArray2<f64>,
        precision: &str,
        threads: Option<usize>,
        work: impl FnOnce(&Predictor, &[f64]) -> Result<T, ModelError> + Send,
    ) -> Result<T, Failure> {
        let numbers = self.inputs(rows)?;
        let predictor = self.predictor(self::precision(precision)?);
        let pool = pool(threads)?;
        Ok(py.detach(|| pool.install(|| work(predictor, &numbers)))?)
    }

    /// The inputs of the network, row after row: the numbers of an array, with missing cells filled if the model says how.
    fn inputs<'a>(&self, rows: &'a PyReadonlyArray2<f64>) -> Result<Cow<'a, [f64]>, Failure> {
        let schema = self.network.schema();
        let (found, expected) = (rows.as_array().ncols(), schema.columns().len());
        if found != expected {
            let shape = rows.as_array().dim();
            return Err(Failure::Value(format!("X has shape {shape:?}; the model reads rows of {expected} numbers")));
        }
        let numbers = rows_of(rows);
        Ok(match &schema.imputation {
            Some(imputation) => imputation.fill(&numbers).into(),
            None => numbers,
        })
    }
}

/// `f64` or `f32`.
pub(crate) fn precision(name: &str) -> Result<Precision, Failure> {
    match name {
        "f64" => Ok(Precision::F64),
        "f32" => Ok(Precision::F32),
        _ => Err(Failure::Value(format!("precision: found '{name}', expected 'f64' or 'f32'"))),
    }
}

pub(crate) fn json(value: &impl serde::Serialize) -> Result<String, Failure> {
    serde_json::to_string(value).map_err(|error| Failure::Value(error.to_string()))
}

/// Row-major numbers as an array `(n, m)`, without a copy.
pub(crate) fn matrix(py: Python<'_>, numbers: Vec<f64>, m: usize) -> PyResult<Bound<'_, PyArray2<f64>>> {
    let rows = numbers.len() / m;
    PyArray1::from_vec(py, numbers).reshape([rows, m])
}

/// The numbers of an array, row after row: where they are if they lie that way, else copied.
pub(crate) fn rows_of<'a>(array: &'a PyReadonlyArray2<f64>) -> Cow<'a, [f64]> {
    match array.as_slice() {
        Ok(rows) => rows.into(),
        Err(_) => array.as_array().iter().copied().collect::<Vec<_>>().into(),
    }
}

#[pymethods]
impl Model {
    #[staticmethod]
    fn load(path: PathBuf) -> Result<Self, Failure> {
        Ok(Multigrade::load(&path)?.into())
    }

    #[staticmethod]
    fn from_bytes(bytes: &[u8]) -> Result<Self, Failure> {
        Ok(Multigrade::from_bytes("bytes", bytes)?.into())
    }

    fn to_bytes<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, &self.network.to_bytes())
    }

    fn save(&self, path: PathBuf, overwrite: bool) -> Result<(), Failure> {
        Ok(self.network.save(&path, overwrite)?)
    }

    fn truncate(&self, grades: usize) -> Result<Self, Failure> {
        Ok(self.network.truncate(grades)?.into())
    }

    fn predict<'py>(
        &self,
        py: Python<'py>,
        rows: PyReadonlyArray2<'py, f64>,
        precision: &str,
        threads: Option<usize>,
    ) -> Result<Bound<'py, PyArray2<f64>>, Failure> {
        let values = self.evaluate(py, &rows, precision, threads, Predictor::predict)?;
        Ok(matrix(py, values, self.network.n_outputs())?)
    }

    fn staged<'py>(
        &self,
        py: Python<'py>,
        rows: PyReadonlyArray2<'py, f64>,
        precision: &str,
        threads: Option<usize>,
    ) -> Result<Vec<Bound<'py, PyArray2<f64>>>, Failure> {
        let stages = self.evaluate(py, &rows, precision, threads, Predictor::staged)?;
        let stages = stages.into_iter().map(|values| matrix(py, values, self.network.n_outputs()));
        Ok(stages.collect::<PyResult<_>>()?)
    }

    /// Probabilities `(n, K)` of the classes after the last grade, or after every grade.
    #[pyo3(signature = (rows, precision, threads, staged))]
    fn probabilities<'py>(
        &self,
        py: Python<'py>,
        rows: PyReadonlyArray2<'py, f64>,
        precision: &str,
        threads: Option<usize>,
        staged: bool,
    ) -> Result<Vec<Bound<'py, PyArray2<f64>>>, Failure> {
        let classes = self.network.schema().classes.as_ref();
        let classes = classes.ok_or_else(|| Failure::Value("the model is no classifier; use predict".into()))?;
        let work = |predictor: &Predictor, rows: &[f64]| {
            let stages = if staged { predictor.staged(rows)? } else { vec![predictor.predict(rows)?] };
            Ok(stages.iter().map(|logits| classes.probabilities(logits)).collect::<Vec<_>>())
        };
        let stages = self.evaluate(py, &rows, precision, threads, work)?;
        Ok(stages.into_iter().map(|values| matrix(py, values, classes.len())).collect::<PyResult<_>>()?)
    }

    /// Jacobians, one row of `m * d` numbers for each row, where `d` counts columns.
    fn gradient<'py>(
        &self,
        py: Python<'py>,
        rows: PyReadonlyArray2<'py, f64>,
    ) -> Result<Bound<'py, PyArray2<f64>>, Failure> {
        let numbers = self.inputs(&rows)?;
        let (d, m) = (self.network.n_inputs(), self.network.n_outputs());
        // Nobody can move an indicator of missing cells a little.
        let columns = self.network.schema().columns().len();
        let slopes = py.detach(|| {
            let jacobian = |row: &[f64]| {
                let slopes = self.network.gradient(row)?;
                Ok(slopes.as_slice().chunks_exact(d).flat_map(|row| row[..columns].to_vec()).collect::<Vec<_>>())
            };
            numbers.chunks_exact(d).map(jacobian).collect::<Result<Vec<_>, ModelError>>()
        })?;
        Ok(matrix(py, slopes.concat(), m * columns)?)
    }

    /// Writes an ONNX file; the answer is how far it is from the model, measured.
    fn to_onnx(
        &self,
        py: Python<'_>,
        path: PathBuf,
        precision: &str,
        staged: bool,
        overwrite: bool,
    ) -> Result<f64, Failure> {
        let options = OnnxOptions { precision: self::precision(precision)?, staged };
        let file = py.detach(|| onnx(&self.network, options))?;
        write_atomically(&path, &file.bytes, overwrite)?;
        Ok(py.detach(|| file.difference(&self.network)))
    }

    #[getter]
    fn n_grades(&self) -> usize {
        self.network.grades().len()
    }

    #[getter]
    fn n_parameters(&self) -> usize {
        self.network.n_parameters()
    }

    /// Names, ranges, history and settings, as one JSON document.
    fn about(&self) -> Result<String, Failure> {
        let hidden: Vec<String> = self.network.grades().iter().map(multigrade::Grade::describe).collect();
        json(&serde_json::json!({
            "inputs": self.network.schema().columns(),
            "imputation": self.network.schema().imputation,
            "outputs": self.network.schema().outputs,
            "classes": self.network.schema().classes,
            "hidden": hidden,
            "history": self.network.history(),
            "settings": self.network.settings(),
        }))
    }
}
