//! What a row becomes does not depend on the rows beside it.

use multigrade_kernels::{Activation, Real, View, dense};
use proptest::prelude::*;

/// Rows of a block.
const ROWS: usize = 256;

fn numbers<T: Real>(n: usize, seed: u64) -> Vec<T> {
    let mut state = seed | 1;
    let next = |_| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        T::from_f64((state >> 11) as f64 / 2f64.powi(52) - 1.0)
    };
    (0..n).map(next).collect()
}

/// Whether rows of a block, brought into another order, between other rows, become what they were.
fn is_row_by_row<T: Real>(inputs: usize, outputs: usize, activation: Activation, seed: u64) -> bool {
    let (rows, weights, bias) =
        (numbers::<T>(ROWS * inputs, seed), numbers::<T>(inputs * outputs, seed + 1), numbers::<T>(outputs, seed + 2));
    let apply = |rows: &[T]| {
        let mut out = vec![T::ZERO; ROWS * outputs];
        let weights = View::row_major(&weights, inputs, outputs);
        dense(&mut out, View::row_major(rows, ROWS, inputs), weights, &bias, activation, None);
        out
    };
    let straight = apply(&rows);
    // Every third row, padded with rows of zeros.
    let places: Vec<usize> = (0..ROWS).filter(|i| (i + seed as usize).is_multiple_of(3)).rev().collect();
    let mut gathered: Vec<T> = places.iter().flat_map(|&i| rows[i * inputs..(i + 1) * inputs].to_vec()).collect();
    gathered.resize(ROWS * inputs, T::ZERO);
    let found = apply(&gathered);
    let bits = |row: &[T]| row.iter().map(|x| x.to_f64().to_bits()).collect::<Vec<_>>();
    places.iter().enumerate().all(|(at, &i)| {
        bits(&found[at * outputs..(at + 1) * outputs]) == bits(&straight[i * outputs..(i + 1) * outputs])
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn a_row_of_a_block_of_256_becomes_the_same_whatever_its_place_and_its_neighbours(
        inputs in prop_oneof![1..40_usize, 100..200_usize, 500..900_usize],
        outputs in prop_oneof![1..40_usize, 100..200_usize, 500..600_usize],
        activation in prop::sample::select(Activation::ALL.as_slice()),
        seed in 0..1_000_000_u64,
    ) {
        prop_assert!(is_row_by_row::<f64>(inputs, outputs, activation, seed));
        prop_assert!(is_row_by_row::<f32>(inputs, outputs, activation, seed));
    }
}
