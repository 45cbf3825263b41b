//! Products of small matrices, tile by tile, with a tile's sums in registers.
//!
//! The large-matrix path of the linear-algebra library copies its operands into a packed form first. For the widths
//! and row blocks of a shallow grade that copy is a sizeable part of the work; here nothing is copied.
//!
//! Every entry is summed in order of the inner index, whatever tile it falls into, so its bits do not depend on how
//! many rows or columns are multiplied at once.

#![allow(clippy::needless_range_loop)] // loops of known length over indices become straight-line vector code

use std::mem::MaybeUninit;

use crate::elementwise::relu;
use crate::simd::{Isa, dispatched, multiply_add};
use crate::{Real, View, ViewMut};

/// What is done to a product in the registers, before it is stored.
#[derive(Clone, Copy)]
pub(crate) enum Finish<'a, T> {
    /// Adds the bias of each column and takes the positive part; NaN stays NaN.
    BiasRelu(&'a [T]),
    /// Keeps what lies where these features, row-major like the product, are above 0 or NaN, and sets the rest to 0.
    ReluSlope(&'a [T]),
}

dispatched! {
    /// Overwrites `out` by what `finish` makes of `a b`.
    ///
    /// # Panics
    ///
    /// As [`multiply`], or if bias or features have another shape than rows or all of `out`.
    pub(crate) fn multiply_and<T>(finish: Finish<'_, T>, out: ViewMut<'_, T>, a: View<'_, T>, b: View<'_, T>)
        => multiply_and_body
}

#[inline(always)]
fn multiply_and_body<T: Real, I: Isa>(finish: Finish<'_, T>, out: ViewMut<'_, T>, a: View<'_, T>, b: View<'_, T>) {
    match finish {
        Finish::BiasRelu(bias) => {
            assert!(bias.len() == b.columns(), "a bias of {} for {} columns", bias.len(), out.columns());
            all_tiles::<T, I, _>(BiasRelu(bias), out, false, false, a, b);
        }
        Finish::ReluSlope(features) => {
            let (rows, width) = (out.rows(), out.columns());
            assert!(features.len() == rows * width, "{} features for {rows} rows of {width}", features.len());
            all_tiles::<T, I, _>(ReluSlope { features, width }, out, false, false, a, b);
        }
    }
}

/// What becomes of entries of a product that lie side by side, from `row` and `column` on.
///
/// They go in and out by value, all of them read before one is written: otherwise the compiler keeps them in memory.
trait InRegisters<T>: Copy {
    /// # Safety
    ///
    /// The entries must lie inside the product, with whose shape the finish was compared.
    unsafe fn line<const COLUMNS: usize>(self, row: usize, column: usize, sums: [T; COLUMNS]) -> [T; COLUMNS];
}

/// Leaves a product as it is.
#[derive(Clone, Copy)]
struct Plain;

impl<T> InRegisters<T> for Plain {
    #[inline(always)]
    unsafe fn line<const COLUMNS: usize>(self, _: usize, _: usize, sums: [T; COLUMNS]) -> [T; COLUMNS] {
        sums
    }
}

#[derive(Clone, Copy)]
struct BiasRelu<'a, T>(&'a [T]);

impl<T: Real> InRegisters<T> for BiasRelu<'_, T> {
    #[inline(always)]
    unsafe fn line<const COLUMNS: usize>(self, _: usize, column: usize, mut sums: [T; COLUMNS]) -> [T; COLUMNS] {
        // SAFETY: the bias has an entry for each column of the product.
        let bias = unsafe { *self.0.as_ptr().add(column).cast::<[T; COLUMNS]>() };
        for j in 0..COLUMNS {
            sums[j] = relu(sums[j] + bias[j]);
        }
        sums
    }
}

#[derive(Clone, Copy)]
struct ReluSlope<'a, T> {
    features: &'a [T],
    width: usize,
}

impl<T: Real> InRegisters<T> for ReluSlope<'_, T> {
    #[inline(always)]
    unsafe fn line<const COLUMNS: usize>(self, row: usize, column: usize, mut sums: [T; COLUMNS]) -> [T; COLUMNS] {
        // SAFETY: the features have the shape of the product.
        let features = unsafe { *self.features.as_ptr().add(row * self.width + column).cast::<[T; COLUMNS]>() };
        for j in 0..COLUMNS {
            sums[j] = if features[j] <= T::ZERO { T::ZERO } else { sums[j] };
        }
        sums
    }
}

dispatched! {
    /// Adds `a b` to `out`, or overwrites it unless `add`; if `flipped`, `out` is read as its transpose.
    ///
    /// # Panics
    ///
    /// If the shapes do not fit, the entries of a row of `b` are not adjacent, or `b` has fewer than
    /// [`MIN_COLUMNS`] columns.
    pub(crate) fn multiply<T>(out: ViewMut<'_, T>, flipped: bool, add: bool, a: View<'_, T>, b: View<'_, T>)
        => multiply_body
}

/// The fewest columns of the right factor that [`multiply`] takes: a widest register full of f32.
pub(crate) const MIN_COLUMNS: usize = 16;

#[inline(always)]
fn multiply_body<T: Real, I: Isa>(out: ViewMut<'_, T>, flipped: bool, add: bool, a: View<'_, T>, b: View<'_, T>) {
    all_tiles::<T, I, _>(Plain, out, flipped, add, a, b);
}

#[inline(always)]
fn all_tiles<T: Real, I: Isa, F: InRegisters<T>>(
    finish: F,
    out: ViewMut<'_, T>,
    flipped: bool,
    add: bool,
    a: View<'_, T>,
    b: View<'_, T>,
) {
    // Two registers wide; as many rows as the registers hold: 8 of 32, 4 of 16.
    match (I::VECTOR_BYTES, size_of::<T>()) {
        (64, 8) => sweep::<T, I, F, 8, 16, 8>(finish, out, flipped, add, a, b),
        (64, 4) => sweep::<T, I, F, 8, 32, 16>(finish, out, flipped, add, a, b),
        (32, 8) => sweep::<T, I, F, 4, 8, 4>(finish, out, flipped, add, a, b),
        (32, 4) => sweep::<T, I, F, 4, 16, 8>(finish, out, flipped, add, a, b),
        (_, 8) => sweep::<T, I, F, 4, 4, 2>(finish, out, flipped, add, a, b),
        (_, _) => sweep::<T, I, F, 4, 8, 4>(finish, out, flipped, add, a, b),
    }
}

/// Covers the product with tiles of `WIDE` columns, the rest with tiles of `NARROW` columns.
#[inline(always)]
fn sweep<T: Real, I: Isa, F: InRegisters<T>, const ROWS: usize, const WIDE: usize, const NARROW: usize>(
    finish: F,
    mut out: ViewMut<'_, T>,
    flipped: bool,
    add: bool,
    a: View<'_, T>,
    b: View<'_, T>,
) {
    let shape = if flipped { [out.columns(), out.rows()] } else { [out.rows(), out.columns()] };
    assert!(shape == [a.rows(), b.columns()] && a.columns() == b.rows(), "the shapes of a product do not fit");
    assert!(b.columns() >= MIN_COLUMNS && NARROW <= MIN_COLUMNS && b.strides()[1] == 1);
    if a.is_empty() {
        return;
    }
    let stride = out.row_stride();
    let strides = if flipped { [1, stride] } else { [stride, 1] };
    let mut product = Product { finish, out: out.as_mut_ptr(), strides, add, a, b };
    let columns = b.columns();
    let mut column = 0;
    while column < columns {
        let rest = columns - column;
        // The last tile may begin before `column`, to end at the edge; what it computes twice is stored once.
        if rest > NARROW && columns >= WIDE {
            let start = column.min(columns - WIDE);
            product.column_tiles::<I, ROWS, WIDE>(start, column - start);
            column = start + WIDE;
        } else {
            let start = column.min(columns - NARROW);
            product.column_tiles::<I, ROWS, NARROW>(start, column - start);
            column = start + NARROW;
        }
    }
}

/// A product under way. `out` and `strides` describe a matrix of `a.rows()` rows and `b.columns()` columns.
struct Product<'a, T, F> {
    finish: F,
    out: *mut T,
    strides: [usize; 2],
    add: bool,
    a: View<'a, T>,
    b: View<'a, T>,
}

impl<T: Real, F: InRegisters<T>> Product<'_, T, F> {
    /// All rows of `COLUMNS` columns from `column` on; the first `skipped` of them are not stored.
    #[inline(always)]
    fn column_tiles<I: Isa, const ROWS: usize, const COLUMNS: usize>(&mut self, column: usize, skipped: usize) {
        let rows = self.a.rows();
        let mut row = 0;
        while ROWS > 4 && rows - row >= ROWS {
            self.tile::<I, ROWS, COLUMNS>(row, column, skipped);
            row += ROWS;
        }
        while rows - row >= 4 {
            self.tile::<I, 4, COLUMNS>(row, column, skipped);
            row += 4;
        }
        if rows - row >= 2 {
            self.tile::<I, 2, COLUMNS>(row, column, skipped);
            row += 2;
        }
        if rows > row {
            self.tile::<I, 1, COLUMNS>(row, column, skipped);
        }
    }

    #[inline(always)]
    fn tile<I: Isa, const ROWS: usize, const COLUMNS: usize>(&mut self, row: usize, column: usize, skipped: usize) {
        // Once per tile, so it costs nothing next to the tile's products.
        assert!(row + ROWS <= self.a.rows() && column + COLUMNS <= self.b.columns(), "a tile leaves its matrices");
        let [a_row, a_column] = self.a.strides();
        let [b_row, _] = self.b.strides();
        let mut sums = [[T::ZERO; COLUMNS]; ROWS];
        // SAFETY: `row + ROWS` and `column + COLUMNS` were just checked against the shapes of `a` and `b`, so by the
        // views' invariant every element read lies inside their slices; entries of a row of `b` are adjacent.
        unsafe {
            let a = self.a.as_ptr().add(row * a_row);
            let b = self.b.as_ptr().add(column);
            for inner in 0..self.a.columns() {
                let b = *b.add(inner * b_row).cast::<[T; COLUMNS]>();
                for i in 0..ROWS {
                    let factor = *a.add(i * a_row + inner * a_column);
                    for j in 0..COLUMNS {
                        sums[i][j] = multiply_add::<T, I>(factor, b[j], sums[i][j]);
                    }
                }
            }
        }
        let [out_row, out_column] = self.strides;
        let contiguous = out_column == 1 && skipped == 0;
        // Not initialised: zeros would be written for every tile, and are read for none.
        let mut aside = MaybeUninit::<[[T; COLUMNS]; ROWS]>::uninit();
        // SAFETY: rows up to `row + ROWS` and columns up to `column + COLUMNS` exist in `out` (its shape was compared
        // with those of `a` and `b`), and it is borrowed mutably for as long as the product is under way. Where `aside`
        // is read, `put` has written all of it.
        unsafe {
            let out = self.out.add(row * out_row + column * out_column);
            // One way out of the registers for all tiles: with two, the compiler keeps the sums in memory.
            let (target, stride) = if contiguous { (out, out_row) } else { (aside.as_mut_ptr().cast(), COLUMNS) };
            let finish = |i: usize, sums: [T; COLUMNS]| self.finish.line(row + i, column, sums);
            put(sums, finish, target, stride, contiguous && self.add);
            if !contiguous {
                scatter(aside.assume_init_ref(), out, self.strides, skipped, self.add);
            }
        }
    }
}

/// Stores a tile whose rows are contiguous and `stride` entries apart.
///
/// # Safety
///
/// All entries of the tile must be valid for writing (and hold numbers if `add`), and nobody else may use them.
#[inline(always)]
unsafe fn put<T: Real, const ROWS: usize, const COLUMNS: usize>(
    sums: [[T; COLUMNS]; ROWS],
    finish: impl Fn(usize, [T; COLUMNS]) -> [T; COLUMNS],
    out: *mut T,
    stride: usize,
    add: bool,
) {
    // SAFETY: the caller vouches for the entries of the tile.
    unsafe {
        if add {
            for i in 0..ROWS {
                for j in 0..COLUMNS {
                    *out.add(i * stride + j) += sums[i][j];
                }
            }
        } else {
            for i in 0..ROWS {
                *out.add(i * stride).cast::<[T; COLUMNS]>() = finish(i, sums[i]);
            }
        }
    }
}

/// Stores the columns of a tile from `skipped` on, with any strides.
///
/// # Safety
///
/// The entries stored must be valid for reading and writing, and nobody else may use them.
#[inline(never)]
unsafe fn scatter<T: Real, const ROWS: usize, const COLUMNS: usize>(
    sums: &[[T; COLUMNS]; ROWS],
    out: *mut T,
    [out_row, out_column]: [usize; 2],
    skipped: usize,
    add: bool,
) {
    for (i, sums) in sums.iter().enumerate() {
        for (j, &sum) in sums.iter().enumerate().skip(skipped) {
            // SAFETY: the caller vouches for row `i` and column `j` of the tile.
            let out = unsafe { &mut *out.add(i * out_row + j * out_column) };
            *out = if add { *out + sum } else { sum };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simd::Baseline;

    /// Small whole numbers: their products and sums are exact, so every way of computing them agrees to the bit.
    fn whole<T: Real>(count: usize, step: usize) -> Vec<T> {
        (0..count).map(|i| T::from_f64((i * step % 13) as f64 - 6.0)).collect()
    }

    type Way<T> = fn(ViewMut<'_, T>, bool, bool, View<'_, T>, View<'_, T>);

    fn every_way_agrees<T: Real>() {
        for (m, k, n) in [(1, 1, 16), (3, 5, 17), (8, 2, 31), (13, 7, 33), (15, 40, 48), (22, 3, 65)] {
            let (a, b) = (whole::<T>(m * k, 5), whole::<T>(k * n, 7));
            let (a, b) = (View::row_major(&a, m, k), View::row_major(&b, k, n));
            for add in [false, true] {
                let before = if add { T::ONE } else { T::from_f64(f64::NAN) };
                let mut expected = vec![before; m * n];
                for i in 0..m {
                    for j in 0..n {
                        let sum = (0..k).map(|l| a.at(i, l) * b.at(l, j)).fold(T::ZERO, |sum, term| sum + term);
                        expected[i * n + j] = if add { before + sum } else { sum };
                    }
                }
                let ways: &[Way<T>] = &[
                    multiply::<T>,
                    multiply_body::<T, Baseline>,
                    #[cfg(target_arch = "x86_64")]
                    multiply_body::<T, crate::simd::Avx2>,
                    #[cfg(target_arch = "x86_64")]
                    multiply_body::<T, crate::simd::Avx512>,
                ];
                for way in ways {
                    let mut out = vec![before; m * n];
                    way(ViewMut::row_major(&mut out, m, n), false, add, a, b);
                    assert_eq!(out, expected, "{m} x {k} x {n}");
                    let mut out = vec![before; n * m];
                    way(ViewMut::row_major(&mut out, n, m), true, add, a, b);
                    for i in 0..m {
                        for j in 0..n {
                            assert_eq!(out[j * m + i], expected[i * n + j], "flipped {m} x {k} x {n}");
                        }
                    }
                }
            }
        }
    }

    type WayAnd<T> = fn(Finish<'_, T>, ViewMut<'_, T>, View<'_, T>, View<'_, T>);

    fn every_finish_agrees<T: Real>() {
        for (m, k, n) in [(1, 1, 16), (3, 5, 17), (8, 2, 31), (13, 7, 33), (15, 40, 48), (22, 3, 65)] {
            let (a, b) = (whole::<T>(m * k, 5), whole::<T>(k * n, 7));
            let (mut bias, mut features) = (whole::<T>(n, 3), whole::<T>(m * n, 11));
            (bias[n / 2], features[m * n / 2]) = (T::from_f64(f64::NAN), T::from_f64(f64::NAN));
            let (a, b) = (View::row_major(&a, m, k), View::row_major(&b, k, n));
            let mut product = vec![T::ZERO; m * n];
            multiply(ViewMut::row_major(&mut product, m, n), false, false, a, b);
            let (mut above, mut masked) = (product.clone(), product);
            crate::elementwise::bias_and_activate(&mut above, &bias, crate::Activation::Relu, None);
            crate::elementwise::multiply_by_slope(&mut masked, crate::Activation::Relu, &features, &[]);
            let ways: &[WayAnd<T>] = &[
                multiply_and::<T>,
                multiply_and_body::<T, Baseline>,
                #[cfg(target_arch = "x86_64")]
                multiply_and_body::<T, crate::simd::Avx2>,
                #[cfg(target_arch = "x86_64")]
                multiply_and_body::<T, crate::simd::Avx512>,
            ];
            for way in ways {
                for (finish, expected) in [(Finish::BiasRelu(&bias), &above), (Finish::ReluSlope(&features), &masked)] {
                    let mut out = vec![T::from_f64(f64::NAN); m * n];
                    way(finish, ViewMut::row_major(&mut out, m, n), a, b);
                    let same = |(x, y): (&T, &T)| x.to_f64().to_bits() == y.to_f64().to_bits();
                    assert!(out.iter().zip(expected).all(same), "{m} x {k} x {n}");
                }
            }
        }
    }

    #[test]
    fn what_is_done_in_the_registers_is_what_a_second_pass_would_do() {
        every_finish_agrees::<f64>();
        every_finish_agrees::<f32>();
    }

    #[test]
    fn tiles_of_every_size_cover_the_product_exactly_once() {
        every_way_agrees::<f64>();
        every_way_agrees::<f32>();
    }
}
