//! Loss and gradient are right, for every shape, precision and number of threads.

mod gauss_newton;
mod reference;

use std::panic::{AssertUnwindSafe, catch_unwind};

use multigrade_kernels::{Activation, Evaluator, Loss, Real, Shape, View, dense};
use proptest::prelude::*;
use reference::{Case, HalfSquares, convert};

fn evaluate<T: Real>(case: &Case) -> (f64, Vec<T>) {
    let mut evaluator = Evaluator::<T>::new(case.shape.clone());
    // What an earlier evaluation left must not show.
    let mut gradient = vec![T::from_f64(f64::NAN); case.shape.n_parameters()];
    let (parameters, inputs, carried) = (convert(&case.parameters), convert(&case.inputs), convert::<T>(&case.carried));
    let loss = case.loss::<T>();
    let value = evaluator.loss_and_gradient(&parameters, &inputs, &carried, &loss, &mut gradient);
    let alone = evaluator.loss(&parameters, &inputs, &carried, &loss);
    assert_eq!(value.to_bits(), alone.to_bits(), "the loss does not depend on whether the gradient is asked for");
    let first = gradient.clone();
    evaluator.loss_and_gradient(&parameters, &inputs, &carried, &loss, &mut gradient);
    assert_eq!(bits(&first), bits(&gradient), "a second evaluation gives the same bits");
    (value, gradient)
}

fn bits<T: Real>(numbers: &[T]) -> Vec<u64> {
    numbers.iter().map(|x| x.to_f64().to_bits()).collect()
}

fn check<T: Real>(case: &Case) {
    let (loss, gradient) = evaluate::<T>(case);
    let (expected_loss, expected) = reference::loss_and_gradient::<T>(case);
    assert!(expected_loss.contains(loss), "loss {loss} is not within {expected_loss:?}");
    for (index, (found, expected)) in gradient.iter().zip(&expected).enumerate() {
        assert!(
            expected.contains(found.to_f64()),
            "derivative {index} is {found}, not within {expected:?}; {:?}, {} rows",
            case.shape,
            case.rows
        );
    }
    let features = last_features::<T>(case);
    for (found, expected) in features.iter().zip(reference::last_features::<T>(case)) {
        assert!(expected.contains(found.to_f64()), "feature {found} is not within {expected:?}");
    }
}

/// The last hidden features, one dense layer after the other.
fn last_features<T: Real>(case: &Case) -> Vec<T> {
    let parameters: Vec<T> = convert(&case.parameters);
    case.shape.layers().iter().fold(convert(&case.inputs), |h: Vec<T>, layer| {
        let mut out = vec![T::from_f64(f64::NAN); case.rows * layer.outputs];
        let (weights, bias) = (&parameters[layer.weights.clone()], &parameters[layer.bias.clone()]);
        let weights = View::row_major(weights, layer.outputs, layer.inputs).t();
        dense(&mut out, View::row_major(&h, case.rows, layer.inputs), weights, bias, layer.activation, None);
        out
    })
}

fn any_activation() -> impl Strategy<Value = Activation> {
    prop::sample::select(Activation::ALL.to_vec())
}

fn width() -> impl Strategy<Value = usize> {
    prop::sample::select(vec![1, 2, 3, 5, 7, 8, 13, 16, 17, 31])
}

fn any_shape() -> impl Strategy<Value = Shape> {
    let hidden = prop::collection::vec((width(), any_activation()), 1..4);
    (width(), hidden, prop::sample::select(vec![0, 1, 5]), prop::sample::select(vec![1, 2, 7]))
        .prop_map(|(inputs, hidden, carried, outputs)| Shape::new(inputs, hidden, carried, outputs))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(120))]
    #[test]
    fn loss_gradient_and_features_are_within_the_rounding_bound_of_a_plain_reference(
        shape in any_shape(),
        rows in prop_oneof![Just(0usize), Just(1), Just(3), Just(5), 6usize..60],
        seed in any::<u64>(),
    ) {
        let case = Case::random(shape, rows, seed);
        check::<f64>(&case);
        check::<f32>(&case);
    }
}

#[test]
fn many_rows_in_several_lanes_and_blocks_are_within_the_rounding_bound() {
    for (rows, activation) in [(257, Activation::Relu), (1000, Activation::Tanh), (2500, Activation::Sin)] {
        let shape = Shape::new(3, vec![(11, activation), (6, Activation::Square)], 2, 2);
        let case = Case::random(shape, rows, 42);
        check::<f64>(&case);
        check::<f32>(&case);
    }
}

#[test]
fn the_gradient_is_the_limit_of_finite_differences() {
    for activation in [Activation::Tanh, Activation::Sin, Activation::Square, Activation::Identity] {
        let shape = Shape::new(3, vec![(5, activation), (4, Activation::Sin)], 2, 2);
        let case = Case::random(shape, 23, 7);
        let (_, gradient) = evaluate::<f64>(&case);
        let mut evaluator = Evaluator::new(case.shape.clone());
        let mut at = |index: usize, move_by: f64| {
            let mut parameters = case.parameters.clone();
            parameters[index] += move_by;
            evaluator.loss(&parameters, &case.inputs, &case.carried, &case.loss())
        };
        for (index, &derivative) in gradient.iter().enumerate() {
            // Richardson: the error of the central difference is h^2, that of this combination h^4 times a fifth
            // derivative below 1e6 here, and rounding adds about 1e-16 * 100 / h.
            let central = |at: &mut dyn FnMut(usize, f64) -> f64, h: f64| (at(index, h) - at(index, -h)) / (2.0 * h);
            let (coarse, fine) = (central(&mut at, 2e-3), central(&mut at, 1e-3));
            let difference = (4.0 * fine - coarse) / 3.0;
            let tolerance = 1e-6 * (1.0 + derivative.abs());
            assert!((difference - derivative).abs() <= tolerance, "{activation}: {difference} is not {derivative}");
        }
    }
}

#[test]
fn the_number_of_threads_does_not_change_a_bit() {
    for (rows, widths) in [(1000, [64, 48]), (1003, [32, 100]), (4099, [17, 31])] {
        let hidden = vec![(widths[0], Activation::Tanh), (widths[1], Activation::Sin)];
        let case = Case::random(Shape::new(7, hidden, 3, 2), rows, 5);
        let with_threads = |threads: usize| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("a thread pool");
            pool.install(|| {
                let (loss, gradient) = evaluate::<f64>(&case);
                let (single_loss, single_gradient) = evaluate::<f32>(&case);
                (bits(&gradient), bits(&single_gradient), [loss.to_bits(), single_loss.to_bits()])
            })
        };
        let alone = with_threads(1);
        assert!(alone == with_threads(2) && alone == with_threads(4));
    }
}

#[test]
fn a_nan_anywhere_in_the_inputs_gives_a_nan_loss() {
    for activation in Activation::ALL {
        let shape = Shape::new(3, vec![(5, activation), (4, activation)], 1, 1);
        for row in [0, 1, 150, 299] {
            let mut case = Case::random(shape.clone(), 300, 3);
            case.inputs[row * 3 + 1] = f64::NAN;
            assert!(evaluate::<f64>(&case).0.is_nan(), "{activation}, row {row}");
            assert!(evaluate::<f32>(&case).0.is_nan(), "{activation}, row {row}");
            let mut case = Case::random(shape.clone(), 300, 3);
            case.carried[row] = f64::NAN;
            let (loss, gradient) = evaluate::<f64>(&case);
            assert!(loss.is_nan() && gradient.iter().any(|g| g.is_nan()), "{activation}, row {row}");
        }
    }
}

#[test]
fn no_rows_cost_nothing_and_pull_nowhere() {
    let case = Case::random(Shape::new(2, vec![(3, Activation::Tanh)], 0, 1), 0, 1);
    let (loss, gradient) = evaluate::<f64>(&case);
    assert_eq!(loss, 0.0);
    assert!(gradient.iter().all(|&g| g == 0.0));
}

/// Remembers which rows it saw.
struct Seen(std::sync::Mutex<Vec<(usize, usize)>>);

impl Loss<f64> for Seen {
    fn evaluate(&self, first_row: usize, outputs: &mut [f64]) -> f64 {
        self.0.lock().expect("no test thread panicked").push((first_row, outputs.len() / 2));
        0.0
    }
}

#[test]
fn the_loss_sees_every_row_once() {
    for rows in [1, 2, 3, 4, 5, 257, 1000, 2049] {
        let case = Case::random(Shape::new(2, vec![(70, Activation::Relu)], 0, 2), rows, 1);
        let seen = Seen(Vec::new().into());
        Evaluator::new(case.shape.clone()).loss(&case.parameters, &case.inputs, &[], &seen);
        let mut blocks = seen.0.into_inner().expect("no test thread panicked");
        blocks.sort_unstable();
        let mut next = 0;
        for (first, count) in blocks {
            assert_eq!(first, next);
            next += count;
        }
        assert_eq!(next, rows);
    }
}

#[test]
fn slices_of_the_wrong_length_are_refused() {
    let shape = Shape::new(2, vec![(3, Activation::Relu)], 1, 1);
    let n = shape.n_parameters();
    let refused = |parameters: usize, inputs: usize, carried: usize, gradient: usize| {
        let loss = HalfSquares { targets: vec![0.0; 4], outputs: 1 };
        let mut evaluator = Evaluator::<f64>::new(shape.clone());
        let call = || {
            let mut gradient = vec![0.0; gradient];
            let (p, x, c) = (vec![0.0; parameters], vec![0.0; inputs], vec![0.0; carried]);
            evaluator.loss_and_gradient(&p, &x, &c, &loss, &mut gradient)
        };
        catch_unwind(AssertUnwindSafe(call)).is_err()
    };
    assert!(!refused(n, 8, 4, n));
    assert!(refused(n - 1, 8, 4, n));
    assert!(refused(n, 7, 4, n));
    assert!(refused(n, 8, 3, n));
    assert!(refused(n, 8, 4, n + 1));
    let layer = |activation: Activation, out: usize, inputs: usize, bias: usize| {
        let call = || {
            let (x, w) = ([0.0; 8], [0.0; 9]);
            let (mut out, weights) = (vec![0.0; out], View::row_major(&w[..inputs * 3], inputs, 3));
            dense(&mut out, View::row_major(&x, 4, 2), weights, &vec![0.0; bias], activation, None);
        };
        catch_unwind(call).is_err()
    };
    for activation in [Activation::Sin, Activation::Relu] {
        assert!(!layer(activation, 12, 2, 3));
        assert!(layer(activation, 11, 2, 3) && layer(activation, 12, 3, 3) && layer(activation, 12, 2, 2));
    }
}

#[test]
fn a_grade_without_layers_or_with_empty_ones_is_refused() {
    let refused = |inputs, hidden: &[usize], outputs| {
        let hidden = hidden.iter().map(|&width| (width, Activation::Relu)).collect();
        catch_unwind(|| Shape::new(inputs, hidden, 0, outputs)).is_err()
    };
    assert!(!refused(1, &[1], 1));
    assert!(refused(0, &[1], 1));
    assert!(refused(1, &[], 1));
    assert!(refused(1, &[2, 0], 1));
    assert!(refused(1, &[1], 0));
    assert!(refused(usize::MAX, &[3], 1));
}
