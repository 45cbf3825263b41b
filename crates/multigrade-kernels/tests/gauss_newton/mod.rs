//! The Gauss-Newton matrix is the sum of the products of gradients, row by row.

use multigrade_kernels::{Activation, Evaluator, Loss, Real, Shape};
use proptest::prelude::*;

use crate::reference::{Case, convert};

/// The loss that is one output itself: its gradient is that of the output.
struct OneOutput {
    output: usize,
    outputs: usize,
}

impl<T: Real> Loss<T> for OneOutput {
    fn evaluate(&self, _first_row: usize, outputs: &mut [T]) -> f64 {
        for row in outputs.chunks_exact_mut(self.outputs) {
            for (j, o) in row.iter_mut().enumerate() {
                *o = if j == self.output { T::ONE } else { T::ZERO };
            }
        }
        0.0
    }
}

fn check<T: Real>(case: &Case, weights: &[f64]) {
    let (shape, p) = (&case.shape, case.shape.n_parameters());
    let mut evaluator = Evaluator::<T>::new(shape.clone());
    let (parameters, inputs, carried) = (convert(&case.parameters), convert(&case.inputs), convert::<T>(&case.carried));
    // The products of the gradients of each row and output, and those of their absolute values.
    let (mut expected, mut sizes) = (vec![0.0; p * p], vec![0.0; p * p]);
    for (i, weight) in weights.iter().enumerate() {
        let inputs = &inputs[i * shape.inputs()..][..shape.inputs()];
        let carried = &carried[i * shape.carried()..][..shape.carried()];
        for output in 0..shape.outputs() {
            let loss = OneOutput { output, outputs: shape.outputs() };
            let mut gradient = vec![T::ZERO; p];
            evaluator.loss_and_gradient(&parameters, inputs, carried, &loss, &mut gradient);
            for (row, a) in gradient.iter().enumerate() {
                for (column, b) in gradient[..=row].iter().enumerate() {
                    let product = weight * a.to_f64() * b.to_f64();
                    expected[row * p + column] += product;
                    sizes[row * p + column] += product.abs();
                }
            }
        }
    }
    let (mut gradient, mut matrix) = (vec![T::ZERO; p], vec![T::from_f64(f64::NAN); p * p]);
    let mut gradient_alone = gradient.clone();
    let loss = case.loss::<T>();
    let weights: Vec<T> = convert(weights);
    let value = evaluator.gauss_newton(&parameters, &inputs, &carried, &weights, &loss, &mut gradient, &mut matrix);
    let alone = evaluator.loss_and_gradient(&parameters, &inputs, &carried, &loss, &mut gradient_alone);
    assert_eq!(value.to_bits(), alone.to_bits());
    assert_eq!(gradient, gradient_alone);
    // A derivative passes through at most a few hundred roundings on either side, and the sum adds one for each row and
    // output.
    let unit = T::UNIT_ROUNDOFF.to_f64() * (2000.0 + (case.rows * shape.outputs()) as f64);
    // Terms cancel within a derivative, so its own size does not bound its rounding; the largest product does.
    let tolerance = unit * sizes.iter().copied().fold(1e-30, f64::max);
    for row in 0..p {
        for column in 0..=row {
            let (found, expected) = (matrix[row * p + column].to_f64(), expected[row * p + column]);
            assert!((found - expected).abs() <= tolerance, "({row}, {column}): {found} is not {expected}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]
    #[test]
    fn the_matrix_is_the_weighted_sum_of_products_of_gradients(
        hidden in prop::collection::vec(
            (prop::sample::select(vec![1usize, 2, 5, 8, 17]), prop::sample::select(Activation::ALL.to_vec())),
            1..4
        ),
        [inputs, outputs] in prop::sample::select(vec![[1usize, 1usize], [3, 1], [2, 3], [5, 2]]),
        carried in prop::sample::select(vec![0usize, 2]),
        rows in prop_oneof![Just(0usize), Just(1), Just(3), 4usize..40],
        seed in any::<u64>(),
    ) {
        let case = Case::random(Shape::new(inputs, hidden, carried, outputs), rows, seed);
        let weights: Vec<f64> = (0..rows).map(|i| f64::from((i % 5) as u8) * 0.25).collect();
        check::<f64>(&case, &weights);
    }
}

#[test]
fn many_rows_and_columns_in_several_strips_and_lanes_are_covered_once() {
    let shape = Shape::new(3, vec![(16, Activation::Tanh), (7, Activation::Relu)], 1, 2);
    let case = Case::random(shape, 700, 3);
    let weights: Vec<f64> = (0..700).map(|i| 1.0 / f64::from(i + 1)).collect();
    check::<f64>(&case, &weights);
}

#[test]
fn the_number_of_threads_does_not_change_a_bit_of_the_matrix() {
    let case = Case::random(Shape::new(4, vec![(20, Activation::Sin)], 2, 1), 3001, 8);
    let p = case.shape.n_parameters();
    let with_threads = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("a thread pool");
        pool.install(|| {
            let mut evaluator = Evaluator::<f64>::new(case.shape.clone());
            let (mut gradient, mut matrix) = (vec![0.0; p], vec![0.0; p * p]);
            let weights = vec![1.0; case.rows];
            let loss = case.loss::<f64>();
            let (parameters, inputs, carried) = (&case.parameters, &case.inputs, &case.carried);
            evaluator.gauss_newton(parameters, inputs, carried, &weights, &loss, &mut gradient, &mut matrix);
            let lower = (0..p).flat_map(|row| matrix[row * p..=row * p + row].to_vec());
            lower.map(f64::to_bits).collect::<Vec<_>>()
        })
    };
    let alone = with_threads(1);
    assert!(alone == with_threads(2) && alone == with_threads(4));
}
