//! What is learned from a table about its missing cells.

use crate::{Imputation, ModelError, Samples, split};

/// The imputation with an indicator for every column of `inputs` `(n, columns)` that has a missing cell (NaN) in a row whose
/// weight is not 0; missing cells become 0. With the samples that it makes, [`medians`] finds better fills.
///
/// # Errors
/// [`ModelError::Shape`] if `inputs` does not consist of rows of `columns` numbers, one for each weight.
pub fn indicating(columns: usize, inputs: &[f64], weights: Option<&[f64]>) -> Result<Imputation, ModelError> {
    let n = inputs.len() / columns.max(1);
    let expected = weights.map_or(n, <[f64]>::len) * columns;
    if inputs.len() != expected {
        return Err(ModelError::Shape { what: "inputs", expected, found: inputs.len() });
    }
    let counts = |row: usize| weights.is_none_or(|weights| weights[row] > 0.0);
    let is_missing = |row: usize, j: usize| inputs[row * columns + j].is_nan();
    let has_missing = |j: &usize| (0..n).any(|row| counts(row) && is_missing(row, *j));
    Imputation::new(vec![0.0; columns], (0..columns).filter(has_missing).collect())
}

/// The imputation of `samples` whose fills are the medians of the cells that are there, in the rows that a fit with these
/// held-out `share` and `key` trains on; nothing if the samples have no imputation.
///
/// A median is a value of its column (the lower one of two): it cannot overflow, a whole number where all are, where rows are
/// dense, and untouched by a few cells that are far off, which move a mean anywhere. Weights count as rows. A column without any
/// cell in these rows is filled with 0.
///
/// ```
/// use multigrade::{Samples, indicating, medians};
/// let rows = [1.0, f64::NAN, 3.0, 1000.0];
/// let imputation = indicating(1, &rows, None)?;
/// let samples = Samples::new(2, 1, imputation.fill(&rows), vec![0.0; 4], None)?.imputed_by(imputation)?;
/// assert_eq!(medians(&samples, 0.0, 0).unwrap().fill(&rows), [1.0, 0.0, 3.0, 1.0, 3.0, 0.0, 1000.0, 0.0]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn medians(samples: &Samples, share: f64, key: u64) -> Option<Imputation> {
    let imputation = samples.imputation()?;
    let train = split(samples, share, key).train;
    let indicator = |j: usize| imputation.indicators().binary_search(&j).ok().map(|i| imputation.n_columns() + i);
    let fill = |j: usize| {
        let is_there = |row: &&usize| indicator(j).is_none_or(|i| samples.inputs_of(**row)[i] == 0.0);
        // Adding 0.0 makes -0.0 and 0.0 the same content.
        let cell = |&row: &usize| (samples.inputs_of(row)[j] + 0.0, samples.weights()[row]);
        median(train.iter().filter(is_there).map(cell).collect())
    };
    let fills = (0..imputation.n_columns()).map(fill).collect();
    Imputation::new(fills, imputation.indicators().to_vec()).ok()
}

/// The smallest value such that it and all smaller ones have at least half of the weight; 0 of nothing.
fn median(mut weighted: Vec<(f64, f64)>) -> f64 {
    // Sums of weights must not depend on the order of the rows either.
    weighted.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1)));
    let total: f64 = weighted.iter().map(|(_, weight)| weight).sum();
    let mut sum = 0.0;
    let reaches_half = |(_, weight): &&(f64, f64)| {
        sum += weight;
        sum >= total / 2.0
    };
    weighted.iter().find(reaches_half).map_or(0.0, |(value, _)| *value)
}
