//! Rows of inputs and targets, checked once.

use crate::split::row_hash;
use multigrade_model::Imputation;
use sha2::{Digest, Sha256};

/// Inputs `(n, d)`, targets `(n, m)` and a weight per row, all finite; row-major.
///
/// A weight of 2 means the same as the row standing there twice; rows of weight 0 are left out.
///
/// ```
/// use multigrade::Samples;
/// let samples = Samples::new(1, 1, vec![0.0, 1.0, 2.0], vec![0.0, 1.0, 4.0], None).unwrap();
/// assert_eq!((samples.rows(), samples.inputs_of(2), samples.targets_of(2)), (3, &[2.0][..], &[4.0][..]));
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Samples {
    n_inputs: usize,
    n_targets: usize,
    inputs: Vec<f64>,
    targets: Vec<f64>,
    weights: Vec<f64>,
    /// Number of classes, if the only target is the number of a class.
    n_classes: Option<usize>,
    /// How missing cells became inputs.
    imputation: Option<Imputation>,
}

/// Samples that cannot be used.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum SamplesError {
    /// No rows, no inputs or no targets.
    #[error("there are no {what}; at least one is needed")]
    Empty {
        /// What is missing: rows, inputs or targets.
        what: &'static str,
    },
    /// The length of a buffer is not rows times columns.
    #[error("{what}: {found} numbers, expected {rows} rows of {columns}")]
    Length {
        /// Inputs, targets or weights.
        what: &'static str,
        /// Numbers found.
        found: usize,
        /// Number of rows, from the inputs.
        rows: usize,
        /// Number of columns.
        columns: usize,
    },
    /// A number is NaN or infinite.
    #[error("{what}, row {row}, column {column}: found {found}, expected a finite number")]
    NotFinite {
        /// Inputs, targets or weights.
        what: &'static str,
        /// Row, from 1.
        row: usize,
        /// Column, from 1.
        column: usize,
        /// The number.
        found: f64,
    },
    /// A class that does not exist.
    #[error("row {row} has class {found}; classes are numbered from 0 and there are {expected}")]
    Class {
        /// Row, from 1.
        row: usize,
        /// Number of the class.
        found: usize,
        /// Number of classes.
        expected: usize,
    },
    /// Inputs that no imputation of these columns makes.
    #[error("the rows have {found} inputs, the imputation makes {expected}")]
    Imputation {
        /// Number of inputs.
        found: usize,
        /// Number of inputs that the imputation makes.
        expected: usize,
    },
    /// A weight is negative, or all are zero.
    #[error("weights: row {row} has weight {found}; weights must not be negative and at least one must be positive")]
    Weight {
        /// Row, from 1.
        row: usize,
        /// The weight.
        found: f64,
    },
}

impl Samples {
    /// Samples from row-major buffers: `inputs` of length `n * n_inputs`, `targets` of length `n * n_targets`, and
    /// `n` weights (all 1 when absent).
    ///
    /// # Errors
    /// [`SamplesError`] if a length does not fit, a number is not finite or no row has a positive weight.
    pub fn new(
        n_inputs: usize,
        n_targets: usize,
        inputs: Vec<f64>,
        targets: Vec<f64>,
        weights: Option<Vec<f64>>,
    ) -> Result<Self, SamplesError> {
        for (what, empty) in [("inputs", n_inputs == 0), ("targets", n_targets == 0), ("rows", inputs.is_empty())] {
            if empty {
                return Err(SamplesError::Empty { what });
            }
        }
        let rows = inputs.len() / n_inputs;
        let mut weights = weights.unwrap_or_else(|| vec![1.0; rows]);
        for (what, data, columns) in
            [("inputs", &inputs, n_inputs), ("targets", &targets, n_targets), ("weights", &weights, 1)]
        {
            if data.len() != rows * columns {
                return Err(SamplesError::Length { what, found: data.len(), rows, columns });
            }
            if let Some(i) = data.iter().position(|x| !x.is_finite()) {
                let (row, column) = (i / columns + 1, i % columns + 1);
                return Err(SamplesError::NotFinite { what, row, column, found: data[i] });
            }
        }
        if let Some(i) = weights.iter().position(|w| *w < 0.0) {
            return Err(SamplesError::Weight { row: i + 1, found: weights[i] });
        }
        if weights.iter().all(|w| *w == 0.0) {
            return Err(SamplesError::Weight { row: 1, found: 0.0 });
        }
        // Only ratios matter; sums of huge weights would overflow.
        let largest = weights.iter().copied().fold(0.0, f64::max);
        if largest > 1e100 {
            weights.iter_mut().for_each(|w| *w /= largest);
        }
        let samples = Self { n_inputs, n_targets, inputs, targets, weights, n_classes: None, imputation: None };
        let kept: Vec<usize> = (0..rows).filter(|&i| samples.weights[i] > 0.0).collect();
        Ok(if kept.len() == rows { samples } else { samples.select(&kept) })
    }

    /// Samples whose target is a class: `classes` `(n)` holds numbers below `n_classes`; the rest as [`Samples::new`].
    ///
    /// # Errors
    /// As [`Samples::new`], and [`SamplesError::Class`] for a number that is no class.
    ///
    /// ```
    /// use multigrade::Samples;
    /// let samples = Samples::of_classes(1, vec![0.0, 1.0, 2.0], &[0, 0, 1], 2, None).unwrap();
    /// assert_eq!((samples.n_classes(), samples.class_of(2)), (Some(2), 1));
    /// ```
    pub fn of_classes(
        n_inputs: usize,
        inputs: Vec<f64>,
        classes: &[usize],
        n_classes: usize,
        weights: Option<Vec<f64>>,
    ) -> Result<Self, SamplesError> {
        if let Some(row) = classes.iter().position(|class| *class >= n_classes) {
            return Err(SamplesError::Class { row: row + 1, found: classes[row], expected: n_classes });
        }
        let targets = classes.iter().map(|&class| class as f64).collect();
        Ok(Self { n_classes: Some(n_classes), ..Self::new(n_inputs, 1, inputs, targets, weights)? })
    }

    /// These samples, whose inputs `imputation` has [made](Imputation::fill) of rows with missing cells. A fit keeps it in
    /// its model.
    ///
    /// # Errors
    /// [`SamplesError::Imputation`] if it makes another number of inputs.
    pub fn imputed_by(self, imputation: Imputation) -> Result<Self, SamplesError> {
        let (found, expected) = (self.n_inputs, imputation.n_inputs());
        if found != expected {
            return Err(SamplesError::Imputation { found, expected });
        }
        Ok(Self { imputation: Some(imputation), ..self })
    }

    /// How missing cells became inputs, if some did.
    pub fn imputation(&self) -> Option<&Imputation> {
        self.imputation.as_ref()
    }

    /// Number of classes, if these samples were made by [`Samples::of_classes`].
    pub fn n_classes(&self) -> Option<usize> {
        self.n_classes
    }

    /// The class of a row of [`Samples::of_classes`].
    ///
    /// # Panics
    /// If `row >= rows`.
    pub fn class_of(&self, row: usize) -> usize {
        self.targets[row * self.n_targets] as usize
    }

    /// The classes of all rows.
    pub(crate) fn classes(&self) -> Vec<usize> {
        (0..self.rows()).map(|row| self.class_of(row)).collect()
    }

    /// Number of rows `n`.
    pub fn rows(&self) -> usize {
        self.weights.len()
    }

    /// Number of inputs `d`.
    pub fn n_inputs(&self) -> usize {
        self.n_inputs
    }

    /// Number of targets `m`.
    pub fn n_targets(&self) -> usize {
        self.n_targets
    }

    /// All inputs, row-major `(n, d)`.
    pub fn inputs(&self) -> &[f64] {
        &self.inputs
    }

    /// All targets, row-major `(n, m)`.
    pub fn targets(&self) -> &[f64] {
        &self.targets
    }

    /// Weights, one per row, all positive.
    pub fn weights(&self) -> &[f64] {
        &self.weights
    }

    /// Inputs of one row.
    ///
    /// # Panics
    /// If `row >= rows`.
    pub fn inputs_of(&self, row: usize) -> &[f64] {
        &self.inputs[row * self.n_inputs..(row + 1) * self.n_inputs]
    }

    /// Targets of one row.
    ///
    /// # Panics
    /// If `row >= rows`.
    pub fn targets_of(&self, row: usize) -> &[f64] {
        &self.targets[row * self.n_targets..(row + 1) * self.n_targets]
    }

    /// These rows, followed by those of `other`; `None` if the columns differ in number.
    pub fn followed_by(&self, other: &Self) -> Option<Self> {
        let columns = |samples: &Self| (samples.n_inputs, samples.n_targets, samples.n_classes);
        let fits = columns(self) == columns(other);
        fits.then(|| Self {
            inputs: [self.inputs(), other.inputs()].concat(),
            targets: [self.targets(), other.targets()].concat(),
            weights: [self.weights(), other.weights()].concat(),
            imputation: self.imputation.clone(),
            ..*self
        })
    }

    /// These samples with equal rows made one, whose weight is the sum of theirs, and where each row went.
    ///
    /// If anything was made one, or weights differ from 1, the rows come in an order that depends on their content alone:
    /// what is computed from the answer does not know whether a row had weight 2 or stood there twice.
    pub(crate) fn merged(&self) -> (Self, Vec<usize>) {
        let n = self.rows();
        let hashes: Vec<u64> = (0..n).map(|i| row_hash(0, self.inputs_of(i))).collect();
        let content = |i: usize| self.inputs_of(i).iter().chain(self.targets_of(i));
        let compare = |&i: &usize, &j: &usize| {
            let bits = |i: usize| content(i).map(|x| x.to_bits());
            hashes[i].cmp(&hashes[j]).then_with(|| bits(i).cmp(bits(j)))
        };
        let mut order: Vec<usize> = (0..n).collect();
        order.sort_by(compare);
        let groups: Vec<&[usize]> = order.chunk_by(|i, j| compare(i, j).is_eq()).collect();
        if groups.len() == n && self.weights.iter().all(|w| *w == 1.0) {
            return (self.clone(), (0..n).collect());
        }
        let mut places = vec![0; n];
        for (place, group) in groups.iter().enumerate() {
            group.iter().for_each(|&i| places[i] = place);
        }
        let firsts: Vec<usize> = groups.iter().map(|group| group[0]).collect();
        let weights = groups.iter().map(|group| group.iter().map(|&i| self.weights[i]).sum()).collect();
        (Self { weights, ..self.select(&firsts) }, places)
    }

    /// What tells these rows and the held-out ones from others: SHA-256 of shapes, inputs, targets and weights, in order.
    pub(crate) fn fingerprint(&self, held_out: Option<&Self>) -> String {
        let mut hash = Sha256::new();
        for samples in [Some(self), held_out].into_iter().flatten() {
            for length in [samples.rows(), samples.n_inputs(), samples.n_targets(), samples.n_classes().unwrap_or(0)] {
                hash.update((length as u64).to_le_bytes());
            }
            for numbers in [&samples.inputs, &samples.targets, &samples.weights] {
                // Adding 0.0 makes -0.0 and 0.0 the same content.
                numbers.iter().for_each(|x| hash.update((x + 0.0).to_le_bytes()));
            }
        }
        let digits: String = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
        format!("sha256:{digits}")
    }

    /// The given rows, in the given order.
    ///
    /// # Panics
    /// If a row does not exist.
    pub fn select(&self, rows: &[usize]) -> Self {
        Self {
            inputs: rows.iter().flat_map(|&i| self.inputs_of(i).iter().copied()).collect(),
            targets: rows.iter().flat_map(|&i| self.targets_of(i).iter().copied()).collect(),
            weights: rows.iter().map(|&i| self.weights[i]).collect(),
            imputation: self.imputation.clone(),
            ..*self
        }
    }
}
