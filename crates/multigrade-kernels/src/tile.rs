//! Products of small matrices, tile by tile, with a tile's sums in registers.
//!
//! The large-matrix path of the linear-algebra library copies its operands into a packed form first. For the widths
//! and row blocks of a shallow grade that copy is a sizeable part of the work; here nothing is copied.
//!
//! Every entry is summed in order of the inner index, whatever tile it falls into, so its bits do not depend on how
//! many rows or columns are multiplied at once.

#![allow(clippy::needless_range_loop)] // loops of known length over indices become straight-line vector code

use std::mem::MaybeUninit;

use crate::register::Register;
use crate::simd::{Isa, dispatched};
use crate::{Real, View, ViewMut};

/// What is done to a product in the registers, before it is stored.
#[derive(Clone, Copy)]
pub enum Finish<'a, T> {
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

/// What becomes of entries of a product that lie side by side, a register full from `row` and `column` on.
trait InRegisters<T>: Copy {
    /// # Safety
    ///
    /// The entries must lie inside the product, with whose shape the finish was compared, and the processor must have
    /// the registers.
    unsafe fn line<R: Register<T>>(self, row: usize, column: usize, sums: R) -> R;
}

/// Leaves a product as it is.
#[derive(Clone, Copy)]
struct Plain;

impl<T> InRegisters<T> for Plain {
    #[inline(always)]
    unsafe fn line<R: Register<T>>(self, _: usize, _: usize, sums: R) -> R {
        sums
    }
}

#[derive(Clone, Copy)]
struct BiasRelu<'a, T>(&'a [T]);

impl<T: Real> InRegisters<T> for BiasRelu<'_, T> {
    #[inline(always)]
    unsafe fn line<R: Register<T>>(self, _: usize, column: usize, sums: R) -> R {
        // SAFETY: the bias has an entry for each column of the product; the caller vouches for the registers.
        unsafe {
            let biased = sums.add(R::load(self.0.as_ptr().add(column)));
            biased.where_positive(biased)
        }
    }
}

#[derive(Clone, Copy)]
struct ReluSlope<'a, T> {
    features: &'a [T],
    width: usize,
}

impl<T: Real> InRegisters<T> for ReluSlope<'_, T> {
    #[inline(always)]
    unsafe fn line<R: Register<T>>(self, row: usize, column: usize, sums: R) -> R {
        // SAFETY: the features have the shape of the product; the caller vouches for the registers.
        unsafe { sums.where_positive(R::load(self.features.as_ptr().add(row * self.width + column))) }
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
    match I::VECTOR_BYTES {
        64 => sweep::<T, T::Register64, F, 8>(finish, out, flipped, add, a, b),
        32 => sweep::<T, T::Register32, F, 4>(finish, out, flipped, add, a, b),
        _ => sweep::<T, T::Register16, F, 4>(finish, out, flipped, add, a, b),
    }
}

/// Covers the product with tiles two registers wide, the rest with tiles of one register.
#[inline(always)]
fn sweep<T: Real, R: Register<T>, F: InRegisters<T>, const ROWS: usize>(
    finish: F,
    mut out: ViewMut<'_, T>,
    flipped: bool,
    add: bool,
    a: View<'_, T>,
    b: View<'_, T>,
) {
    let shape = if flipped { [out.columns(), out.rows()] } else { [out.rows(), out.columns()] };
    assert!(shape == [a.rows(), b.columns()] && a.columns() == b.rows(), "the shapes of a product do not fit");
    assert!(b.columns() >= MIN_COLUMNS && R::LANES <= MIN_COLUMNS && b.strides()[1] == 1);
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
        if rest > R::LANES && columns >= 2 * R::LANES {
            let start = column.min(columns - 2 * R::LANES);
            product.column_tiles::<R, ROWS, 2>(start, column - start);
            column = start + 2 * R::LANES;
        } else {
            let start = column.min(columns - R::LANES);
            product.column_tiles::<R, ROWS, 1>(start, column - start);
            column = start + R::LANES;
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
    /// All rows of `WIDE` registers of columns from `column` on; the first `skipped` columns are not stored.
    #[inline(always)]
    fn column_tiles<R: Register<T>, const ROWS: usize, const WIDE: usize>(&mut self, column: usize, skipped: usize) {
        let rows = self.a.rows();
        let mut row = 0;
        while ROWS > 4 && rows - row >= ROWS {
            self.tile::<R, ROWS, WIDE>(row, column, skipped);
            row += ROWS;
        }
        while rows - row >= 4 {
            self.tile::<R, 4, WIDE>(row, column, skipped);
            row += 4;
        }
        if rows - row >= 2 {
            self.tile::<R, 2, WIDE>(row, column, skipped);
            row += 2;
        }
        if rows > row {
            self.tile::<R, 1, WIDE>(row, column, skipped);
        }
    }

    #[inline(always)]
    fn tile<R: Register<T>, const ROWS: usize, const WIDE: usize>(
        &mut self,
        row: usize,
        column: usize,
        skipped: usize,
    ) {
        // Once per tile, so it costs nothing next to the tile's products.
        let is_inside = row + ROWS <= self.a.rows() && column + WIDE * R::LANES <= self.b.columns();
        assert!(is_inside, "a tile leaves its matrices");
        let [a_row, a_column] = self.a.strides();
        let [b_row, _] = self.b.strides();
        let [out_row, out_column] = self.strides;
        // SAFETY: who calls has asked `level` whether the processor has the registers of `R`.
        // `row + ROWS` and `column + WIDE` registers were just checked against the shapes of `a` and `b`, so by the
        // views' invariant every element read lies inside their slices; entries of a row of `b` are adjacent. These
        // rows and columns exist in `out` (its shape was compared with those of `a` and `b`), and it is borrowed
        // mutably for as long as the product is under way.
        unsafe {
            let mut sums = [[R::splat(T::ZERO); WIDE]; ROWS];
            let a = self.a.as_ptr().add(row * a_row);
            let b = self.b.as_ptr().add(column);
            for inner in 0..self.a.columns() {
                let b: [R; WIDE] = std::array::from_fn(|j| R::load(b.add(inner * b_row + j * R::LANES)));
                for i in 0..ROWS {
                    let factor = R::splat(*a.add(i * a_row + inner * a_column));
                    for j in 0..WIDE {
                        sums[i][j] = sums[i][j].add_product(factor, b[j]);
                    }
                }
            }
            let out = self.out.add(row * out_row + column * out_column);
            let is_contiguous = out_column == 1 && skipped == 0;
            // Not initialised: zeros would be written for every tile, and are read for none.
            let mut aside = MaybeUninit::<[[R; WIDE]; ROWS]>::uninit();
            // One way out of the registers for all tiles: with two, the compiler keeps the sums in memory.
            let (target, stride) =
                if is_contiguous { (out, out_row) } else { (aside.as_mut_ptr().cast(), WIDE * R::LANES) };
            for i in 0..ROWS {
                for j in 0..WIDE {
                    let target = target.add(i * stride + j * R::LANES);
                    let made = self.finish.line(row + i, column + j * R::LANES, sums[i][j]);
                    if is_contiguous && self.add { R::load(target).add(made).store(target) } else { made.store(target) }
                }
            }
            if !is_contiguous {
                scatter(target, [ROWS, stride], out, self.strides, skipped, self.add);
            }
        }
    }
}

/// Stores the columns of a tile from `skipped` on, with any strides.
///
/// # Safety
///
/// `sums` must hold the rows of the tile, `width` numbers each, one behind the other. The entries stored must be valid for reading and writing,
/// and nobody else may use them.
#[inline(never)]
unsafe fn scatter<T: Real>(
    sums: *const T,
    [rows, width]: [usize; 2],
    out: *mut T,
    [out_row, out_column]: [usize; 2],
    skipped: usize,
    add: bool,
) {
    for i in 0..rows {
        for j in skipped..width {
            // SAFETY: the caller vouches for row `i` and column `j` of the tile.
            unsafe {
                let (sum, out) = (*sums.add(i * width + j), out.add(i * out_row + j * out_column));
                *out = if add { *out + sum } else { sum };
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simd::Baseline;
    #[cfg(target_arch = "x86_64")]
    use crate::simd::{Avx2, Avx512, Level, level};

    /// Small whole numbers: their products and sums are exact, so every way of computing them agrees to the bit.
    fn whole<T: Real>(count: usize, step: usize) -> Vec<T> {
        (0..count).map(|i| T::from_f64((i * step % 13) as f64 - 6.0)).collect()
    }

    type Way<T> = fn(ViewMut<'_, T>, bool, bool, View<'_, T>, View<'_, T>);

    /// The product as every kind of processor computes it that this one can stand for.
    fn ways<T: Real>() -> Vec<Way<T>> {
        #[allow(unused_mut)]
        let mut ways: Vec<Way<T>> = vec![multiply::<T>, multiply_body::<T, Baseline>];
        #[cfg(target_arch = "x86_64")]
        match level() {
            Level::Avx512 => ways.extend([multiply_body::<T, Avx2> as Way<T>, multiply_body::<T, Avx512>]),
            Level::Avx2 => ways.push(multiply_body::<T, Avx2>),
            Level::Baseline => {}
        }
        ways
    }

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
                for way in ways::<T>() {
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

    fn finished_ways<T: Real>() -> Vec<WayAnd<T>> {
        #[allow(unused_mut)]
        let mut ways: Vec<WayAnd<T>> = vec![multiply_and::<T>, multiply_and_body::<T, Baseline>];
        #[cfg(target_arch = "x86_64")]
        match level() {
            Level::Avx512 => ways.extend([multiply_and_body::<T, Avx2> as WayAnd<T>, multiply_and_body::<T, Avx512>]),
            Level::Avx2 => ways.push(multiply_and_body::<T, Avx2>),
            Level::Baseline => {}
        }
        ways
    }

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
            for way in finished_ways::<T>() {
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
