//! Fast evaluation of a model on many rows.

use crate::forward::{BLOCK_ROWS, Scratch, Stage};
use crate::settings::Precision;
use multigrade_kernels::Real;
use multigrade_model::{ModelError, Multigrade, Scaling};
use rayon::prelude::*;

/// Evaluates a model on many rows, in blocks, on all threads of the current thread pool.
///
/// The values differ from [`Multigrade::eval_reference`] by rounding only, and do not depend on the number of threads. The
/// last bits of a row's value may depend on how many rows are evaluated with it: rows that are evaluated in several calls get
/// the values of one call if every call but the last has a multiple of [`Predictor::BLOCK_ROWS`] rows.
///
/// ```
/// use multigrade::{FitSettings, Precision, Predictor, Samples, fit, silent};
/// let x: Vec<f64> = (0..50).map(|i| f64::from(i) / 49.0).collect();
/// let y: Vec<f64> = x.iter().map(|x| x * x).collect();
/// let samples = Samples::new(1, 1, x, y, None).unwrap();
/// let settings = FitSettings { grades: multigrade::Grades::Count(1), ..FitSettings::default() };
/// let model = fit(&samples, None, &settings.validate().unwrap(), &mut silent()).unwrap().model;
/// let predictor = Predictor::new(&model, Precision::F64);
/// let values = predictor.predict(&[0.5]).unwrap();
/// assert!((values[0] - 0.25).abs() < 1e-2);
/// ```
pub struct Predictor {
    stages: Stages,
    input_scaling: Scaling,
    output_scaling: Scaling,
}

enum Stages {
    F64(Vec<Stage<f64>>),
    F32(Vec<Stage<f32>>),
}

impl Predictor {
    /// How many rows are evaluated together.
    pub const BLOCK_ROWS: usize = BLOCK_ROWS;

    /// A predictor for all grades of the model; use [`Multigrade::truncate`] for fewer.
    pub fn new(model: &Multigrade, precision: Precision) -> Self {
        let stages = match precision {
            Precision::F64 => Stages::F64(model.grades().iter().map(Stage::new).collect()),
            Precision::F32 => Stages::F32(model.grades().iter().map(Stage::new).collect()),
        };
        Self { stages, input_scaling: model.input_scaling().clone(), output_scaling: model.output_scaling().clone() }
    }

    /// `f_K` of rows `(n, d)`, row-major; the answer is `(n, m)`, row-major, in the units of the table.
    ///
    /// # Errors
    /// [`ModelError::Shape`] if `inputs` is not made of rows of `d` numbers.
    pub fn predict(&self, inputs: &[f64]) -> Result<Vec<f64>, ModelError> {
        Ok(self.run(inputs, false)?.pop().expect("there is one result without stages"))
    }

    /// `[f_1, ..., f_K]` of rows `(n, d)`, each `(n, m)`, row-major: the prediction after every grade.
    ///
    /// # Errors
    /// [`ModelError::Shape`] if `inputs` is not made of rows of `d` numbers.
    pub fn staged(&self, inputs: &[f64]) -> Result<Vec<Vec<f64>>, ModelError> {
        self.run(inputs, true)
    }

    fn run(&self, inputs: &[f64], staged: bool) -> Result<Vec<Vec<f64>>, ModelError> {
        let d = self.input_scaling.columns();
        if !inputs.len().is_multiple_of(d) {
            return Err(ModelError::Shape { what: "input rows", expected: d, found: inputs.len() % d });
        }
        Ok(match &self.stages {
            Stages::F64(stages) => self.evaluate(stages, inputs, staged),
            Stages::F32(stages) => self.evaluate(stages, inputs, staged),
        })
    }

    /// All stages, or the last alone. Each block of rows goes through all grades before the next one starts.
    fn evaluate<T: Real>(&self, stages: &[Stage<T>], inputs: &[f64], staged: bool) -> Vec<Vec<f64>> {
        let (d, m) = (self.input_scaling.columns(), self.output_scaling.columns());
        let rows = inputs.len() / d;
        let n_results = if staged { stages.len() } else { 1 };
        let widest = stages.iter().map(Stage::n_features).max().unwrap_or(0).max(d);
        // Laid out block by block, so that each block writes one contiguous part.
        let mut results = vec![0.0; rows * m * n_results];
        let block_results = BLOCK_ROWS * m * n_results;
        results.par_chunks_mut(block_results.max(1)).zip(inputs.par_chunks(BLOCK_ROWS * d)).for_each_init(
            || (Scratch::default(), vec![T::ZERO; BLOCK_ROWS * widest], vec![T::ZERO; BLOCK_ROWS * widest]),
            |(scratch, h, next), (results, inputs)| {
                let rows = inputs.len() / d;
                let mut scaled = inputs.to_vec();
                self.input_scaling.standardise(&mut scaled);
                let x: Vec<T> = scaled.iter().map(|&x| T::from_f64(x)).collect();
                h[..x.len()].copy_from_slice(&x);
                let mut width = d;
                let mut sum = vec![T::ZERO; rows * m];
                let mut correction = vec![T::ZERO; rows * m];
                let mut write = |k: usize, sum: &[T]| {
                    let result = &mut results[k * rows * m..(k + 1) * rows * m];
                    result.iter_mut().zip(sum).for_each(|(r, s)| *r = s.to_f64());
                    self.output_scaling.restore(result);
                };
                for (k, stage) in stages.iter().enumerate() {
                    let features = &mut next[..rows * stage.n_features()];
                    stage.features(&h[..rows * width], &x, rows, features, scratch);
                    stage.correction(features, rows, &mut correction);
                    sum.iter_mut().zip(&correction).for_each(|(s, &g)| *s += g);
                    width = stage.n_features();
                    std::mem::swap(h, next);
                    if staged {
                        write(k, &sum);
                    }
                }
                if !staged {
                    write(0, &sum);
                }
            },
        );
        let block = |k: usize| {
            let parts = results.chunks(block_results.max(1)).flat_map(move |block| {
                let size = block.len() / n_results;
                block[k * size..(k + 1) * size].iter().copied()
            });
            parts.collect()
        };
        (0..n_results).map(block).collect()
    }
}
