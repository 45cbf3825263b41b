//! The weights of a layer: all of them, or only those that count.

use super::{Matrix, ModelError};

/// The weights of a hidden layer, shape `(outputs, inputs)`.
///
/// A constructed network has thousands of layers in which a neuron reads two or three others: there, absent weights are
/// not stored, not multiplied and add no rounding.
#[derive(Clone, Debug, PartialEq)]
pub enum Weights {
    /// Every weight, zero or not.
    Dense(Matrix),
    /// The weights that are there; the others are 0.
    Sparse(SparseMatrix),
}

/// A matrix of which only some entries are stored, row after row; the others are 0.
///
/// ```
/// use multigrade_model::SparseMatrix;
/// let a = SparseMatrix::new(3, vec![vec![(0, 1.0), (2, 5.0)], vec![]]).unwrap();
/// assert_eq!((a.rows(), a.cols(), a.values()), (2, 3, [1.0, 5.0].as_slice()));
/// assert_eq!(a.row(0).collect::<Vec<_>>(), [(0, 1.0), (2, 5.0)]);
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct SparseMatrix {
    cols: usize,
    /// Where each row starts among the entries, and where the last one ends.
    starts: Vec<usize>,
    columns: Vec<u32>,
    values: Vec<f64>,
}

impl SparseMatrix {
    /// A matrix with `cols` columns from the entries `(column, value)` of each row, columns in increasing order.
    ///
    /// # Errors
    /// [`ModelError::Shape`] if a column is not among `0..cols` or the columns of a row do not increase.
    pub fn new(cols: usize, rows: Vec<Vec<(usize, f64)>>) -> Result<Self, ModelError> {
        let mut matrix = Self { cols, starts: vec![0], columns: Vec::new(), values: Vec::new() };
        for row in rows {
            let mut lowest = 0;
            for (column, value) in row {
                let fits = (lowest..cols).contains(&column);
                let index = u32::try_from(column).ok().filter(|_| fits);
                let Some(index) = index else {
                    return Err(ModelError::Shape { what: "column of a sparse row", expected: lowest, found: column });
                };
                matrix.columns.push(index);
                matrix.values.push(value);
                lowest = column + 1;
            }
            matrix.starts.push(matrix.values.len());
        }
        Ok(matrix)
    }

    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.starts.len() - 1
    }

    /// Number of columns.
    pub fn cols(&self) -> usize {
        self.cols
    }

    /// The stored entries `(column, value)` of row `i`, columns increasing.
    ///
    /// # Panics
    /// If `i >= rows`.
    pub fn row(&self, i: usize) -> impl Iterator<Item = (usize, f64)> + '_ {
        let range = self.starts[i]..self.starts[i + 1];
        self.columns[range.clone()].iter().map(|&j| j as usize).zip(self.values[range].iter().copied())
    }

    /// The stored values, row after row.
    pub fn values(&self) -> &[f64] {
        &self.values
    }

    /// The columns of the stored values.
    pub(super) fn columns(&self) -> &[u32] {
        &self.columns
    }
}

impl From<Matrix> for Weights {
    fn from(matrix: Matrix) -> Self {
        Self::Dense(matrix)
    }
}

impl From<SparseMatrix> for Weights {
    fn from(matrix: SparseMatrix) -> Self {
        Self::Sparse(matrix)
    }
}

impl Weights {
    /// Number of rows: the outputs of the layer.
    pub fn rows(&self) -> usize {
        match self {
            Self::Dense(matrix) => matrix.rows(),
            Self::Sparse(matrix) => matrix.rows(),
        }
    }

    /// Number of columns: the inputs of the layer.
    pub fn cols(&self) -> usize {
        match self {
            Self::Dense(matrix) => matrix.cols(),
            Self::Sparse(matrix) => matrix.cols(),
        }
    }

    /// The stored weights `(input, weight)` of output `i`, inputs increasing; those of a dense layer include its zeros.
    ///
    /// # Panics
    /// If `i >= rows`.
    pub fn terms(&self, i: usize) -> impl Iterator<Item = (usize, f64)> + '_ {
        let (dense, sparse) = match self {
            Self::Dense(matrix) => (Some(matrix.row(i).iter().copied().enumerate()), None),
            Self::Sparse(matrix) => (None, Some(matrix.row(i))),
        };
        dense.into_iter().flatten().chain(sparse.into_iter().flatten())
    }

    /// The stored weights, row after row.
    pub fn values(&self) -> &[f64] {
        match self {
            Self::Dense(matrix) => matrix.as_slice(),
            Self::Sparse(matrix) => matrix.values(),
        }
    }

    /// `self * v + start`, each sum started with `start` and continued in index order over the stored weights, never
    /// fused.
    pub(super) fn affine(&self, start: &[f64], v: &[f64]) -> Vec<f64> {
        match self {
            Self::Dense(matrix) => matrix.affine(start, v),
            Self::Sparse(matrix) => {
                let sum = |(i, &s): (usize, &f64)| matrix.row(i).fold(s, |sum, (j, w)| sum + w * v[j]);
                start.iter().enumerate().map(sum).collect()
            }
        }
    }

    /// `self * other`.
    pub(super) fn times(&self, other: &Matrix) -> Matrix {
        match self {
            Self::Dense(matrix) => matrix.times(other),
            Self::Sparse(matrix) => {
                let mut product = Matrix::zeros(matrix.rows(), other.cols());
                for i in 0..matrix.rows() {
                    for (j, a) in matrix.row(i) {
                        product.row_mut(i).iter_mut().zip(other.row(j)).for_each(|(p, b)| *p += a * b);
                    }
                }
                product
            }
        }
    }
}
