//! A view never reaches outside its slice, and products on views are products.

use std::panic::catch_unwind;

use multigrade_kernels::{Accumulate, Real, View, ViewMut, gemm};
use proptest::prelude::*;

/// Whether making the view panics.
fn refused(length: usize, sizes: [usize; 2], strides: [usize; 2]) -> bool {
    let data = vec![0.0; length];
    catch_unwind(|| View::new(&data, sizes[0], sizes[1], strides[0], strides[1])).is_err()
}

#[test]
fn a_view_that_would_reach_outside_its_slice_is_refused() {
    assert!(!refused(6, [2, 3], [3, 1]));
    assert!(refused(5, [2, 3], [3, 1]));
    assert!(!refused(6, [2, 3], [1, 2]));
    assert!(refused(6, [2, 3], [1, 3]));
    assert!(refused(6, [2, 3], [4, 1]));
    assert!(!refused(0, [0, 3], [3, 1]));
    assert!(!refused(0, [3, 0], [3, 1]));
    assert!(refused(0, [1, 1], [0, 0]));
    assert!(!refused(1, [1000, 1000], [0, 0]));
    // These products do not fit a usize.
    assert!(refused(8, [3, 1], [usize::MAX, 1]));
    assert!(refused(8, [2, 2], [usize::MAX, usize::MAX]));
    assert!(refused(8, [usize::MAX, usize::MAX], [1, 1]));
    assert!(catch_unwind(|| View::row_major(&[0.0; 5], 2, 3)).is_err());
    assert!(catch_unwind(|| View::row_major(&[0.0; 7], 2, 3)).is_err());
    assert!(catch_unwind(|| View::<f64>::row_major(&[], usize::MAX, 2)).is_err());
}

#[test]
fn windows_of_views_are_refused_outside_the_view_even_if_the_slice_goes_on() {
    let data: Vec<f64> = (0..20).map(f64::from).collect();
    let view = View::new(&data, 3, 2, 5, 2);
    assert_eq!(view.column_range(1..2).at(2, 0), 12.0);
    assert_eq!(view.row_range(1..3).at(1, 1), 12.0);
    assert_eq!(view.t().at(1, 2), 12.0);
    assert!(catch_unwind(|| view.column_range(1..3)).is_err());
    assert!(catch_unwind(|| view.row_range(2..4)).is_err());
    #[allow(clippy::reversed_empty_ranges)]
    let reversed = 2..1;
    assert!(catch_unwind(|| view.column_range(reversed)).is_err());
    assert!(catch_unwind(|| view.at(3, 0)).is_err());
    assert!(catch_unwind(|| view.at(0, 2)).is_err());
    let empty = view.column_range(2..2);
    assert_eq!((empty.rows(), empty.columns()), (3, 0));
    assert_eq!(view.row_range(3..3).rows(), 0);
}

#[test]
fn a_mutable_view_with_overlapping_or_missing_rows_is_refused() {
    let made = |length: usize, rows, columns, stride| {
        catch_unwind(|| {
            let mut data = vec![0.0; length];
            let view = ViewMut::new(&mut data, rows, columns, stride);
            (view.rows(), view.columns())
        })
        .ok()
    };
    assert_eq!(made(8, 2, 3, 5), Some((2, 3)));
    assert_eq!(made(7, 2, 3, 5), None);
    assert_eq!(made(8, 2, 3, 2), None);
    assert_eq!(made(8, 2, 1, usize::MAX), None);
    let columns_of = |range| {
        let mut data = [0.0; 6];
        ViewMut::row_major(&mut data, 2, 3).column_range(range).columns()
    };
    assert_eq!(columns_of(1..3), 2);
    assert_eq!(columns_of(3..3), 0);
    assert!(catch_unwind(|| columns_of(1..4)).is_err());
}

#[test]
fn products_of_shapes_that_do_not_fit_are_refused() {
    for [m, k, l, n, rows, columns] in [[2, 3, 2, 2, 2, 2], [2, 3, 3, 2, 3, 2], [2, 3, 3, 2, 2, 3]] {
        let (a, b) = (vec![1.0; m * k], vec![1.0; l * n]);
        let result = catch_unwind(|| {
            let mut out = vec![0.0; rows * columns];
            let out = ViewMut::row_major(&mut out, rows, columns);
            gemm(out, Accumulate::Add, View::row_major(&a, m, k), View::row_major(&b, l, n));
        });
        assert!(result.is_err());
    }
}

/// A matrix in memory that may be transposed and may have gaps.
#[derive(Clone, Debug)]
struct Stored {
    data: Vec<f64>,
    rows: usize,
    columns: usize,
    gap: usize,
    transposed: bool,
}

impl Stored {
    fn random(rows: usize, columns: usize, gap: usize, transposed: bool, seed: u64) -> Self {
        let (lines, length) = if transposed { (columns, rows) } else { (rows, columns) };
        let mut state = seed;
        let mut next = || {
            state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            // Representable in f32, so that both precisions multiply the same numbers.
            f64::from((state >> 40) as f32 / (1u32 << 23) as f32 - 1.0)
        };
        Self { data: (0..lines * (length + gap)).map(|_| next()).collect(), rows, columns, gap, transposed }
    }

    fn view<'a, T: Real>(&self, data: &'a [T]) -> View<'a, T> {
        if self.transposed {
            View::new(data, self.rows, self.columns, 1, self.rows + self.gap)
        } else {
            View::new(data, self.rows, self.columns, self.columns + self.gap, 1)
        }
    }
}

fn check_product<T: Real>(a: &Stored, b: &Stored, out_gap: usize, accumulate: Accumulate) -> Result<(), TestCaseError> {
    let convert = |data: &[f64]| data.iter().map(|&x| T::from_f64(x)).collect::<Vec<T>>();
    let (a_data, b_data) = (convert(&a.data), convert(&b.data));
    let (a, b) = (a.view(&a_data), b.view(&b_data));
    let (m, k, n) = (a.rows(), a.columns(), b.columns());
    let stride = n + out_gap;
    let before = match accumulate {
        Accumulate::Replace => T::from_f64(f64::NAN),
        Accumulate::Add => T::from_f64(0.375),
    };
    let mut out = vec![before; m * stride];
    gemm(ViewMut::new(&mut out, m, n, stride), accumulate, a, b);
    for i in 0..m {
        for j in 0..n {
            let start = if accumulate == Accumulate::Add { before.to_f64() } else { 0.0 };
            let terms = || (0..k).map(|l| a.at(i, l).to_f64() * b.at(l, j).to_f64());
            let exact = terms().sum::<f64>() + start;
            // k products and k sums in some order, in T and, for the reference, in f64: at most (k + 1) u each.
            let u = T::UNIT_ROUNDOFF.to_f64() + f64::UNIT_ROUNDOFF;
            let tolerance = 1.01 * (k + 1) as f64 * u * (terms().map(f64::abs).sum::<f64>() + start);
            let found = out[i * stride + j].to_f64();
            prop_assert!((found - exact).abs() <= tolerance, "({i}, {j}): {found} is not {exact}");
        }
        let gap = &out[i * stride + n..(i + 1) * stride];
        let untouched = |x: &T| x.to_f64().to_bits() == before.to_f64().to_bits();
        prop_assert!(gap.iter().all(untouched), "memory between the rows was written");
    }
    Ok(())
}

fn size() -> impl Strategy<Value = usize> {
    prop_oneof![0usize..4, Just(1), 4usize..20, Just(31), Just(37), Just(64), Just(101)]
}

proptest! {
    #[test]
    fn a_product_is_within_the_rounding_bound_for_any_shape_stride_and_precision(
        (m, k, n) in (size(), size(), size()),
        gaps in [0usize..3, 0usize..3, 0usize..3],
        transposed in [any::<bool>(), any::<bool>()],
        add in any::<bool>(),
        seed in any::<u64>(),
    ) {
        let accumulate = if add { Accumulate::Add } else { Accumulate::Replace };
        let a = Stored::random(m, k, gaps[0], transposed[0], seed);
        let b = Stored::random(k, n, gaps[1], transposed[1], seed ^ 0xabcdef);
        check_product::<f64>(&a, &b, gaps[2], accumulate)?;
        check_product::<f32>(&a, &b, gaps[2], accumulate)?;
    }
}

#[test]
fn nan_and_infinity_pass_through_a_product() {
    for (m, k, n) in [(1, 1, 1), (3, 1, 2), (5, 4, 1), (1, 7, 9), (33, 17, 40)] {
        for bad in [f64::NAN, f64::INFINITY] {
            let mut a = vec![0.0; m * k];
            a[(m - 1) * k + k / 2] = bad;
            let (b, mut out) = (vec![0.0; k * n], vec![1.0; m * n]);
            let (a, b) = (View::row_major(&a, m, k), View::row_major(&b, k, n));
            gemm(ViewMut::row_major(&mut out, m, n), Accumulate::Replace, a, b);
            assert!(out[(m - 1) * n..].iter().all(|x| x.is_nan()), "{bad} times 0 is NaN");
            assert!(out[..(m - 1) * n].iter().all(|&x| x == 0.0), "the other rows do not see it");
        }
    }
}
