//! Cholesky factors of dense matrices, and their update when knots are taken out.

use super::affine::dot;

/// An upper triangle `R` with `R'R = A`.
#[derive(Clone, Debug)]
pub(super) struct Factor {
    /// Row-major, `size` numbers in a row; below the diagonal 0.
    rows: Vec<f64>,
    size: usize,
}

impl Factor {
    /// The factor of a symmetric matrix (row-major, its upper half is read) whose diagonal is first enlarged by `ridge`,
    /// positive numbers. A pivot that rounding made smaller than that is replaced by it.
    pub(super) fn new(matrix: &[f64], ridge: &[f64]) -> Self {
        let (mut rows, size) = (matrix.to_vec(), ridge.len());
        for (k, &ridge) in ridge.iter().enumerate() {
            let (done, from) = rows.split_at_mut(k * size);
            let row = &mut from[..size];
            row[..k].fill(0.0);
            row[k] += ridge;
            for above in done.chunks_exact(size) {
                let factor = above[k];
                if factor != 0.0 {
                    row[k..].iter_mut().zip(&above[k..]).for_each(|(r, a)| *r -= factor * a);
                }
            }
            let pivot = row[k].max(ridge).max(f64::MIN_POSITIVE).sqrt();
            row[k] = pivot;
            row[k + 1..].iter_mut().for_each(|r| *r /= pivot);
        }
        Self { rows, size }
    }

    /// `A^-1 right`, in place.
    pub(super) fn solve(&self, right: &mut [f64]) {
        let size = self.size;
        for k in 0..size {
            let row = &self.rows[k * size..(k + 1) * size];
            right[k] /= row[k];
            let value = right[k];
            right[k + 1..].iter_mut().zip(&row[k + 1..]).for_each(|(r, a)| *r -= value * a);
        }
        for k in (0..size).rev() {
            let row = &self.rows[k * size..(k + 1) * size];
            right[k] = (right[k] - dot(&row[k + 1..], &right[k + 1..])) / row[k];
        }
    }

    /// The factor of `T'AT`, where `T` takes out unknown `b`: its value becomes the share `before` of that of unknown
    /// `b - 1` and the share `after` of that of unknown `b + 1`.
    ///
    /// Columns of `R` are combined likewise; plane rotations make it a triangle again. `O(size²)`.
    pub(super) fn merge(&mut self, b: usize, before: Option<f64>, after: Option<f64>) {
        let size = self.size;
        for row in self.rows.chunks_exact_mut(size).take(b + 1) {
            let own = row[b];
            if let Some(share) = before {
                row[b - 1] += share * own;
            }
            if let Some(share) = after {
                row[b + 1] += share * own;
            }
        }
        let kept = size - 1;
        for i in 0..size {
            let start = i * size;
            self.rows.copy_within(start..start + b, i * kept);
            self.rows.copy_within(start + b + 1..start + size, i * kept + b);
        }
        for k in b - usize::from(before.is_some())..kept {
            let (upper, lower) = self.rows[k * kept..(k + 2) * kept].split_at_mut(kept);
            let (x, y) = (upper[k], lower[k]);
            let length = x.hypot(y);
            if length == 0.0 {
                continue;
            }
            let (c, s) = (x / length, y / length);
            for (p, q) in upper[k..].iter_mut().zip(&mut lower[k..]) {
                (*p, *q) = (c * *p + s * *q, c * *q - s * *p);
            }
            lower[k] = 0.0;
        }
        self.rows.truncate(kept * kept);
        self.size = kept;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn gram(columns: &[Vec<f64>]) -> Vec<f64> {
        columns.iter().flat_map(|a| columns.iter().map(|b| dot(a, b))).collect()
    }

    proptest! {
        #[test]
        fn a_merged_factor_is_the_factor_of_the_merged_matrix(
            entries in prop::collection::vec(-1.0..1.0f64, 60), b in 0usize..6, before in 0.0..1.0f64, ends in 0usize..4,
        ) {
            let mut columns: Vec<Vec<f64>> = entries.chunks(10).map(<[f64]>::to_vec).collect();
            let right: Vec<f64> = entries[..5].to_vec();
            let mut factor = Factor::new(&gram(&columns), &[1e-14; 6]);
            let shares = (
                (b > 0 && ends != 1).then_some(before),
                (b < 5 && ends != 2).then_some(1.0 - before),
            );
            factor.merge(b, shares.0, shares.1);
            let own = columns[b].clone();
            for (k, share) in [(b.wrapping_sub(1), shares.0), (b + 1, shares.1)] {
                if let Some(share) = share {
                    columns[k].iter_mut().zip(&own).for_each(|(c, o)| *c += share * o);
                }
            }
            columns.remove(b);
            let matrix = gram(&columns);
            let mut solved = right.clone();
            factor.solve(&mut solved);
            for (row, expected) in matrix.chunks(5).zip(&right) {
                let size: f64 = row.iter().zip(&solved).map(|(a, x)| (a * x).abs()).sum();
                prop_assert!((dot(row, &solved) - expected).abs() <= 1e-9 * (1.0 + size));
            }
        }
    }
}
