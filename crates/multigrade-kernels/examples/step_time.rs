//! Prints how long one full-batch step (loss, gradient, Adam update) takes, and what fraction of the processor's
//! multiply-add peak it reaches.
//!
//! ```text
//! cargo run --release --example step_time -p multigrade-kernels
//! ```

use std::time::{Duration, Instant};

use multigrade_kernels::elementwise::{AdamStep, adam_update};
use multigrade_kernels::{Activation, Evaluator, Loss, Real, Shape};

/// What one core of the machine these numbers are compared on can do, in floating-point operations per second.
const PEAK_F64: f64 = 59.1e9;

/// Each case runs for about this long; the best and the median step are printed.
const SECONDS_PER_CASE: f64 = 0.5;

struct MeanSquare<'a, T> {
    targets: &'a [T],
    columns: usize,
}

impl<T: Real> Loss<T> for MeanSquare<'_, T> {
    fn evaluate(&self, first_row: usize, outputs: &mut [T]) -> f64 {
        let targets = &self.targets[first_row * self.columns..][..outputs.len()];
        let scale = 2.0 / self.targets.len() as f64;
        let mut sum = T::ZERO;
        for (output, &target) in outputs.iter_mut().zip(targets) {
            let error = *output - target;
            sum += error * error;
            *output = error * T::from_f64(scale);
        }
        0.5 * scale * sum.to_f64()
    }
}

/// Numbers in `[-scale, scale]` that look random and are the same in every run.
fn numbers<T: Real>(count: usize, scale: f64, seed: u64) -> Vec<T> {
    let mut state = seed;
    let mut next = || {
        state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        T::from_f64(((state >> 11) as f64 / (1u64 << 52) as f64 - 1.0) * scale)
    };
    (0..count).map(|_| next()).collect()
}

fn measure<T: Real>(widths: &[usize], activation: Activation, rows: usize) {
    let [inputs, hidden @ .., outputs] = widths else { unreachable!("a network has inputs and outputs") };
    let shape = Shape::new(*inputs, hidden.iter().map(|&width| (width, activation)).collect(), 0, *outputs);
    let mut parameters: Vec<T> = numbers(shape.n_parameters(), 0.2, 1);
    let x: Vec<T> = numbers(rows * inputs, 1.0, 2);
    let targets: Vec<T> = numbers(rows * outputs, 1.0, 3);
    let loss = MeanSquare { targets: &targets, columns: *outputs };
    let mut gradient = vec![T::ZERO; shape.n_parameters()];
    let (mut mean, mut mean_square) = (gradient.clone(), gradient.clone());

    // Forward, backward to the weights, and backward to the inputs of every layer but the first.
    let weights: usize = widths.windows(2).map(|pair| pair[0] * pair[1]).sum();
    let operations = 2.0 * rows as f64 * (3 * weights - widths[0] * widths[1]) as f64;
    let peak = PEAK_F64 * 8.0 / size_of::<T>() as f64 * rayon::current_num_threads() as f64;

    let mut evaluator = Evaluator::new(shape);
    let mut times: Vec<Duration> = Vec::new();
    let start = Instant::now();
    let mut update = 0;
    while start.elapsed().as_secs_f64() < SECONDS_PER_CASE || times.len() < 20 {
        let step_start = Instant::now();
        update += 1;
        evaluator.loss_and_gradient(&parameters, &x, &[], &loss, &mut gradient);
        let step = AdamStep { rate: 1e-3, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, update };
        adam_update(&mut parameters, &gradient, &mut mean, &mut mean_square, &step);
        times.push(step_start.elapsed());
    }
    times.sort();
    let (best, median) = (times[0].as_secs_f64(), times[times.len() / 2].as_secs_f64());
    println!(
        "{:<16} {:<5} {:>5} rows  f{}  {} threads  {:>8.1} us best  {:>8.1} us median  {:>3.0} % of peak",
        widths.iter().map(usize::to_string).collect::<Vec<_>>().join("-"),
        activation.name(),
        rows,
        8 * size_of::<T>(),
        rayon::current_num_threads(),
        best * 1e6,
        median * 1e6,
        100.0 * operations / best / peak,
    );
}

fn main() {
    let cases: [(&[usize], Activation, usize); 8] = [
        (&[10, 32, 32, 1], Activation::Relu, 1000),
        (&[10, 32, 32, 1], Activation::Tanh, 1000),
        (&[10, 64, 64, 1], Activation::Relu, 1000),
        (&[10, 64, 64, 1], Activation::Tanh, 1000),
        (&[10, 64, 64, 1], Activation::Sin, 1000),
        (&[1, 64, 64, 1], Activation::Relu, 256),
        (&[1, 64, 64, 1], Activation::Relu, 4096),
        (&[784, 256, 256, 10], Activation::Relu, 256),
    ];
    for threads in [1, 2] {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("a thread pool");
        pool.install(|| {
            for (widths, activation, rows) in cases {
                measure::<f64>(widths, activation, rows);
                measure::<f32>(widths, activation, rows);
            }
        });
    }
}
