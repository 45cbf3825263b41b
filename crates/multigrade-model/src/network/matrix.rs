//! A dense matrix that owns its numbers.

/// A dense row-major matrix of `f64`, shape `(rows, cols)`.
///
/// ```
/// use multigrade_model::Matrix;
/// let a = Matrix::new(2, 3, vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0]).unwrap();
/// assert_eq!(a.row(1), [4.0, 5.0, 6.0]);
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Matrix {
    rows: usize,
    cols: usize,
    data: Vec<f64>,
}

impl Matrix {
    /// A matrix of the given shape, or `None` if `data` does not have `rows * cols` numbers.
    pub fn new(rows: usize, cols: usize, data: Vec<f64>) -> Option<Self> {
        (rows.checked_mul(cols) == Some(data.len())).then_some(Self { rows, cols, data })
    }

    /// The zero matrix of shape `(rows, cols)`.
    pub fn zeros(rows: usize, cols: usize) -> Self {
        Self { rows, cols, data: vec![0.0; rows * cols] }
    }

    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Number of columns.
    pub fn cols(&self) -> usize {
        self.cols
    }

    /// Row `i` as a slice of length `cols`.
    ///
    /// # Panics
    /// If `i >= rows`.
    pub fn row(&self, i: usize) -> &[f64] {
        &self.data[i * self.cols..(i + 1) * self.cols]
    }

    /// Row `i` as a mutable slice of length `cols`.
    ///
    /// # Panics
    /// If `i >= rows`.
    pub fn row_mut(&mut self, i: usize) -> &mut [f64] {
        &mut self.data[i * self.cols..(i + 1) * self.cols]
    }

    /// All numbers, row after row.
    pub fn as_slice(&self) -> &[f64] {
        &self.data
    }

    /// All numbers, row after row, to write.
    pub fn as_mut_slice(&mut self) -> &mut [f64] {
        &mut self.data
    }

    /// `self * v + start`, each sum started with `start` and continued in index order, never fused.
    ///
    /// This order is the meaning of a stored network and the one that exported C code uses.
    pub(crate) fn affine(&self, start: &[f64], v: &[f64]) -> Vec<f64> {
        debug_assert_eq!((start.len(), v.len()), (self.rows, self.cols));
        let sum = |(i, &s): (usize, &f64)| self.row(i).iter().zip(v).fold(s, |sum, (w, x)| sum + w * x);
        start.iter().enumerate().map(sum).collect()
    }

    /// `self * other`.
    pub(crate) fn times(&self, other: &Self) -> Self {
        debug_assert_eq!(self.cols, other.rows);
        let mut product = Self::zeros(self.rows, other.cols);
        for i in 0..self.rows {
            for (j, &a) in self.row(i).iter().enumerate() {
                for (p, b) in product.row_mut(i).iter_mut().zip(other.row(j)) {
                    *p += a * b;
                }
            }
        }
        product
    }
}
