//! What stands in place of missing cells.

use super::ModelError;
use serde::{Deserialize, Serialize};

/// How a row of a table with missing cells becomes a row of inputs.
///
/// A model with an imputation reads `c` columns of a table and has `d = c + k` inputs. A missing cell of column `j` becomes
/// [`fills`](Self::fills)`[j]`; behind the columns stand `k` *indicators*, which are 1 where the cell of the column
/// [`indicators`](Self::indicators)`[i]` was missing and 0 elsewhere. So a network can tell a value that was there from one that
/// was put there, and since it may answer an indicator by any constant, no choice of fill is wrong for it.
///
/// ```
/// use multigrade_model::Imputation;
/// let imputation = Imputation::new(vec![5.0, 7.0], vec![1])?;
/// assert_eq!(imputation.fill(&[1.0, 2.0, f64::NAN, f64::NAN]), [1.0, 2.0, 0.0, 5.0, 7.0, 1.0]);
/// # Ok::<(), multigrade_model::ModelError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Imputation {
    fills: Vec<f64>,
    indicators: Vec<usize>,
}

impl Imputation {
    /// An imputation from what stands for the missing cells of each column, and the columns that have an indicator.
    ///
    /// # Errors
    /// [`ModelError::Imputation`] unless all fills are finite and the columns of the indicators exist and increase.
    pub fn new(fills: Vec<f64>, indicators: Vec<usize>) -> Result<Self, ModelError> {
        let imputation = Self { fills, indicators };
        imputation.validate()?;
        Ok(imputation)
    }

    pub(super) fn validate(&self) -> Result<(), ModelError> {
        let refused = |reason: String| Err(ModelError::Imputation { reason });
        if let Some(j) = self.fills.iter().position(|fill| !fill.is_finite()) {
            return refused(format!("column {} is filled by {}, expected a finite number", j + 1, self.fills[j]));
        }
        if self.fills.is_empty() {
            return refused("there is no column".into());
        }
        let increase = self.indicators.windows(2).all(|pair| pair[0] < pair[1]);
        if !increase || self.indicators.last().is_some_and(|last| *last >= self.fills.len()) {
            let n = self.fills.len();
            return refused(format!(
                "the indicators are of {:?}, expected increasing numbers below {n}",
                self.indicators
            ));
        }
        Ok(())
    }

    /// What stands in place of a missing cell, for each column.
    pub fn fills(&self) -> &[f64] {
        &self.fills
    }

    /// The columns that have an indicator, counted from 0, increasing.
    pub fn indicators(&self) -> &[usize] {
        &self.indicators
    }

    /// Number of columns `c` of the table that are read.
    pub fn n_columns(&self) -> usize {
        self.fills.len()
    }

    /// Number of inputs `d = c + k` that are made of them.
    pub fn n_inputs(&self) -> usize {
        self.fills.len() + self.indicators.len()
    }

    /// The inputs `(n, c + k)` of rows `(n, c)`, row-major, whose missing cells are NaN.
    ///
    /// # Panics
    /// If `rows` does not consist of whole rows.
    pub fn fill(&self, rows: &[f64]) -> Vec<f64> {
        let c = self.n_columns();
        assert!(rows.len().is_multiple_of(c), "rows of {c} numbers");
        let mut inputs = Vec::with_capacity(rows.len() / c * self.n_inputs());
        for row in rows.chunks_exact(c) {
            inputs.extend(row.iter().zip(&self.fills).map(|(x, fill)| if x.is_nan() { *fill } else { *x }));
            inputs.extend(self.indicators.iter().map(|&j| f64::from(u8::from(row[j].is_nan()))));
        }
        inputs
    }

    /// The names of the inputs: those of the columns, then `NAME is missing` for each indicator, with `'` behind it where a
    /// column has that name.
    ///
    /// # Panics
    /// If there are fewer names than columns.
    pub fn input_names(&self, columns: &[String]) -> Vec<String> {
        let mut names = columns[..self.n_columns()].to_vec();
        for &j in &self.indicators {
            let mut name = format!("{} is missing", columns[j]);
            while names.contains(&name) {
                name.push('\'');
            }
            names.push(name);
        }
        names
    }
}
