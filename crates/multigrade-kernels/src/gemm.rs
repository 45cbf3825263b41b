//! Matrix products on views.

use crate::elementwise::{bias_and_activate, multiply_by_slope};
use crate::simd::{Isa, dispatched};
use crate::tile::{self, Finish};
use crate::{Activation, Real, View, ViewMut};

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
    let add = accumulate == Accumulate::Add;
    match plan(&a, &b) {
        Plan::Direct => T::multiply(out, false, add, a, b),
        Plan::Flipped => T::multiply(out, true, add, b.t(), a.t()),
        Plan::Packed => {
            let mut copy = [T::ZERO; MAX_PACKED];
            let copy = &mut copy[..b.rows() * b.columns()];
            transpose(copy, b.t());
            T::multiply(out, false, add, a, View::row_major(copy, b.rows(), b.columns()));
        }
        Plan::Library => library(out, add, a, b),
    }
}

/// Writes what `finish` makes of `a b` to `out`, `(m, n)` row-major, whatever it holds.
///
/// # Panics
///
/// If the shapes do not fit together.
#[track_caller]
pub(crate) fn gemm_and<T: Real>(finish: Finish<'_, T>, out: &mut [T], a: View<'_, T>, b: View<'_, T>) {
    let view = ViewMut::row_major(out, a.rows(), b.columns());
    if !a.is_empty() && !b.is_empty() && a.columns() == b.rows() && matches!(plan(&a, &b), Plan::Direct) {
        return T::multiply_and(finish, view, a, b);
    }
    gemm(view, Accumulate::Replace, a, b);
    match finish {
        Finish::BiasRelu(bias) => bias_and_activate(out, bias, Activation::Relu, None),
        Finish::ReluSlope(features) => multiply_by_slope(out, Activation::Relu, features, &[]),
    }
}

/// The longest inner dimension that is multiplied in tiles: beyond, a panel of the right factor, two registers wide,
/// leaves the first-level cache between one tile and the next.
const MAX_INNER: usize = 512;

/// The largest right factor, in entries, that is multiplied in tiles: beyond, the library's copies pay for themselves.
const MAX_TILED: usize = 16 * 1024;

/// The largest right factor that is transposed on the stack.
const MAX_PACKED: usize = 4096;

/// The fewest rows for which transposing the right factor pays.
const MIN_ROWS_TO_PACK: usize = 16;

/// Whether a right factor of `inner` rows and `columns` columns is worth having row-major, because it is then
/// multiplied in tiles.
pub(crate) fn tiled(inner: usize, columns: usize) -> bool {
    columns >= tile::MIN_COLUMNS && inner <= MAX_INNER && inner * columns <= MAX_TILED
}

/// How a product is computed.
enum Plan {
    /// In tiles, along the rows of the right factor.
    Direct,
    /// In tiles, as the transpose of the product of the transposes.
    Flipped,
    /// In tiles, after transposing the right factor.
    Packed,
    /// By the linear-algebra library.
    Library,
}

/// The way for these shapes and strides; none of the shapes is empty.
fn plan<T: Real>(a: &View<'_, T>, b: &View<'_, T>) -> Plan {
    // Entries computed for nothing per column wanted: tiles are whole registers wide.
    let waste = |columns: usize| (columns.next_multiple_of(tile::MIN_COLUMNS) - columns) as f64 / columns as f64;
    let direct = b.strides()[1] == 1 && tiled(b.rows(), b.columns());
    let flipped = a.strides()[0] == 1 && tiled(a.columns(), a.rows());
    let packed = a.rows() >= MIN_ROWS_TO_PACK && b.rows() * b.columns() <= MAX_PACKED && tiled(b.rows(), b.columns());
    match (direct, flipped) {
        (true, true) if waste(a.rows()) < waste(b.columns()) => Plan::Flipped,
        (true, _) => Plan::Direct,
        (false, true) => Plan::Flipped,
        (false, false) if packed => Plan::Packed,
        (false, false) => Plan::Library,
    }
}

dispatched! {
    /// Writes the transpose of `matrix` to `out`, row-major.
    ///
    /// # Panics
    ///
    /// If `out` has another number of entries.
    pub(crate) fn transpose<T>(out: &mut [T], matrix: View<'_, T>) => transpose_body
}

/// Rows and columns of the blocks that are transposed in registers.
const BLOCK: usize = 8;

#[inline(always)]
fn transpose_body<T: Real, I: Isa>(out: &mut [T], matrix: View<'_, T>) {
    let (rows, columns) = (matrix.rows(), matrix.columns());
    assert!(out.len() == rows * columns, "the transpose of {rows} x {columns} needs other than {} entries", out.len());
    for row in (0..rows).step_by(BLOCK) {
        for column in (0..columns).step_by(BLOCK) {
            if let Some(block) = matrix.block::<BLOCK>(row, column) {
                for j in 0..BLOCK {
                    let line: [T; BLOCK] = std::array::from_fn(|i| block[i][j]);
                    out[(column + j) * rows + row..][..BLOCK].copy_from_slice(&line);
                }
            } else {
                for j in column..columns.min(column + BLOCK) {
                    for i in row..rows.min(row + BLOCK) {
                        out[j * rows + i] = matrix.at(i, j);
                    }
                }
            }
        }
    }
}

/// The product by the linear-algebra library; no size is zero.
fn library<T: Real>(mut out: ViewMut<'_, T>, add: bool, a: View<'_, T>, b: View<'_, T>) {
    let sizes = [a.rows(), a.columns(), b.columns()];
    let strides = [out.row_stride(), 1];
    // SAFETY: the views guarantee that every element lies inside its slice; `out` borrows its slice mutably, so it is
    // disjoint from the others, and its rows do not overlap. No size is zero.
    unsafe {
        T::product(sizes, (out.as_mut_ptr(), strides), add, (a.as_ptr(), a.strides()), (b.as_ptr(), b.strides()));
    }
}
