//! The affine functions of the inputs on the rows, as an orthonormal basis.

use super::Column;
use faer::Mat;

/// Columns of `sqrt(W) [1, Z]` that depend on the others up to this share of their length count as dependent.
const DEPENDENT: f64 = 1e-12;

/// An orthonormal basis `Q` of the span of `sqrt(W) [1, Z]`.
pub(super) struct Affine {
    /// `(n, rank)`, row-major.
    basis: Vec<f64>,
    pub(super) rank: usize,
    /// `sqrt(W) [1, Z] E = Q R` for the columns `E` that were picked.
    triangle: Mat<f64>,
    picked: Vec<usize>,
}

impl Affine {
    /// By Householder QR with column pivoting, `O(n d²)`.
    pub(super) fn new(columns: &[Column], root_weight: &[f64]) -> Self {
        let n = root_weight.len();
        let entry = |i: usize, k: usize| if k == 0 { 1.0 } else { columns[k - 1].at_row(i) };
        let qr = Mat::from_fn(n, columns.len() + 1, |i, k| root_weight[i] * entry(i, k)).col_piv_qr();
        let triangle = qr.thin_R().to_owned();
        let largest = triangle[(0, 0)].abs();
        let size = triangle.nrows();
        let rank = (0..size).find(|&k| triangle[(k, k)].abs() <= DEPENDENT * largest).unwrap_or(size);
        let thin = qr.compute_thin_Q();
        let basis = (0..n).flat_map(|i| (0..rank).map(move |k| (i, k))).map(|(i, k)| thin[(i, k)]).collect();
        let picked = qr.P().arrays().0[..rank].to_vec();
        Self { basis, rank, triangle, picked }
    }

    pub(super) fn row(&self, i: usize) -> &[f64] {
        &self.basis[i * self.rank..(i + 1) * self.rank]
    }

    /// `Q' r`.
    pub(super) fn coordinates(&self, r: &[f64]) -> Vec<f64> {
        let mut sum = vec![0.0; self.rank];
        for (row, r) in self.basis.chunks_exact(self.rank).zip(r) {
            sum.iter_mut().zip(row).for_each(|(s, q)| *s += q * r);
        }
        sum
    }

    /// `r <- r - Q Q' r`, twice: the second time it is the rounding of the first.
    pub(super) fn project_out(&self, r: &mut [f64]) {
        for _ in 0..2 {
            let along = self.coordinates(r);
            for (row, r) in self.basis.chunks_exact(self.rank).zip(r.iter_mut()) {
                *r -= dot(row, &along);
            }
        }
    }

    /// The coefficients of `1` and of the columns for the coordinates `Q' r`: 0 for columns that depend on others.
    pub(super) fn coefficients(&self, coordinates: &[f64]) -> Vec<f64> {
        let mut solved = coordinates.to_vec();
        for k in (0..self.rank).rev() {
            solved[k] /= self.triangle[(k, k)];
            for i in 0..k {
                solved[i] -= self.triangle[(i, k)] * solved[k];
            }
        }
        let mut all = vec![0.0; self.triangle.ncols()];
        self.picked.iter().zip(&solved).for_each(|(&k, &c)| all[k] = c);
        all
    }
}

/// `<a, b>` in four lanes, which the compiler may lay side by side.
pub(super) fn dot(a: &[f64], b: &[f64]) -> f64 {
    let mut lanes = [0.0; 4];
    let (a, b) = (a.chunks_exact(4), b.chunks_exact(4));
    let rest: f64 = a.remainder().iter().zip(b.remainder()).map(|(a, b)| a * b).sum();
    for (a, b) in a.zip(b) {
        for k in 0..4 {
            lanes[k] += a[k] * b[k];
        }
    }
    (lanes[0] + lanes[1]) + (lanes[2] + lanes[3]) + rest
}
