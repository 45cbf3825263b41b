//! Matrix products on views.

use crate::{Real, View, ViewMut};

/// What a product does with the old content of its output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Accumulate {
    /// Overwrites it without reading it; the output may hold NaN.
    Replace,
    /// Adds to it.
    Add,
}

/// `out = a b` or `out += a b`, for `a` of shape `(m, k)` and `b` of shape `(k, n)`, on the calling thread.
///
/// With `k = 0` the product is zero. Each entry is within $k u \sum_l |a_{il} b_{lj}|$ of the exact sum, up to second
/// order in the unit roundoff $u$.
///
/// ```
/// use multigrade_kernels::{Accumulate, View, ViewMut, gemm};
///
/// let a = [1.0, 2.0, 3.0, 4.0];
/// let mut out = [0.0; 4];
/// gemm(ViewMut::row_major(&mut out, 2, 2), Accumulate::Replace, View::row_major(&a, 2, 2), View::row_major(&a, 2, 2).t());
/// assert_eq!(out, [5.0, 11.0, 11.0, 25.0]);
/// ```
///
/// # Panics
///
/// If the shapes do not fit together.
#[track_caller]
pub fn gemm<T: Real>(mut out: ViewMut<'_, T>, accumulate: Accumulate, a: View<'_, T>, b: View<'_, T>) {
    assert!(
        out.rows() == a.rows() && out.columns() == b.columns() && a.columns() == b.rows(),
        "product of {} x {} and {} x {} into {} x {}",
        a.rows(),
        a.columns(),
        b.rows(),
        b.columns(),
        out.rows(),
        out.columns()
    );
    if out.is_empty() {
        return;
    }
    if a.is_empty() {
        if accumulate == Accumulate::Replace {
            (0..out.rows()).for_each(|row| out.row_mut(row).fill(T::ZERO));
        }
        return;
    }
    let sizes = [a.rows(), a.columns(), b.columns()];
    let strides = [out.row_stride(), 1];
    // SAFETY: the views guarantee that every element lies inside its slice; `out` borrows its slice mutably, so it is
    // disjoint from the others, and its rows do not overlap. No size is zero.
    unsafe {
        T::product(
            sizes,
            (out.as_mut_ptr(), strides),
            accumulate == Accumulate::Add,
            (a.as_ptr(), a.strides()),
            (b.as_ptr(), b.strides()),
        );
    }
}
