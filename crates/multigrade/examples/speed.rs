//! One timing of ours: what `bench/speed.py` sets beside other programs, run by run.
//!
//! ```sh
//! cargo run --release -p multigrade --example speed -- step 1-64-64-1 relu 256 f32 1 0.5
//! cargo run --release -p multigrade --example speed -- peak f32 1 0.5
//! cargo run --release -p multigrade --example speed -- network FOLDER
//! cargo run --release -p multigrade --example speed -- predict FOLDER 200000 f32 1 0.5
//! cargo run --release -p multigrade --example speed -- work step 784-256-256-10 relu 256 f32 3
//! ```
//!
//! `step` is a full-batch step of Adam: loss, gradient, update; network, activation, rows, precision, threads, seconds.
//! `network` writes a network of four grades of 64 neurons on 8 inputs, `model.safetensors` and `model-32.onnx`, and
//! `predict` evaluates it. Each prints one line of JSON with microseconds: the least and the median over the given seconds.
//!
//! `work` does a fixed number of steps, or predictions of a batch, and prints nothing: for programs that count
//! instructions.

use std::error::Error;
use std::path::Path;
use std::time::Instant;

use multigrade::export::{OnnxOptions, onnx};
use multigrade::{
    Activation, FitSettings, GradeSettings, Grades, Multigrade, Precision, Predictor, Samples, Solver, fit, silent,
};
use multigrade_kernels::elementwise::{AdamStep, adam_update};
use multigrade_kernels::{Accumulate, Evaluator, Loss, Real, Shape, View, ViewMut, gemm};

type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

/// The fewest runs that a median is taken of.
const FEWEST: usize = 7;

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

/// Billions of multiplications and additions a second, on one thread, of a product that stays in the nearest cache: what
/// this processor can do in practice.
fn peak<T: Real>(seconds: f64) -> f64 {
    let (rows, inner, columns) = (32, 160, 32);
    let (a, b): (Vec<T>, Vec<T>) = (numbers(rows * inner, 1.0, 6), numbers(inner * columns, 1.0, 7));
    let mut out = vec![T::ZERO; rows * columns];
    let began = Instant::now();
    let mut best = f64::INFINITY;
    while began.elapsed().as_secs_f64() < seconds {
        let start = Instant::now();
        for _ in 0..100 {
            let (a, b) = (View::row_major(&a, rows, inner), View::row_major(&b, inner, columns));
            gemm(ViewMut::row_major(&mut out, rows, columns), Accumulate::Replace, a, b);
        }
        best = best.min(start.elapsed().as_secs_f64());
    }
    2e-9 * 100.0 * (rows * inner * columns) as f64 / best
}

/// How long, or how often, the work is repeated.
enum Repeat {
    Seconds(f64),
    Times(usize),
}

impl Repeat {
    fn of(&self, mut work: impl FnMut()) {
        match *self {
            Self::Times(times) => (0..times).for_each(|_| work()),
            Self::Seconds(seconds) => {
                let began = Instant::now();
                let mut times: Vec<f64> = Vec::new();
                while began.elapsed().as_secs_f64() < seconds || times.len() < FEWEST {
                    let start = Instant::now();
                    work();
                    times.push(start.elapsed().as_secs_f64() * 1e6);
                }
                times.sort_by(f64::total_cmp);
                println!("{}", serde_json::json!({ "best": times[0], "median": times[times.len() / 2] }));
            }
        }
    }
}

fn step<T: Real>(widths: &[usize], activation: Activation, rows: usize, repeat: &Repeat) {
    let [inputs, hidden @ .., outputs] = widths else { return };
    let shape = Shape::new(*inputs, hidden.iter().map(|&width| (width, activation)).collect(), 0, *outputs);
    let mut parameters: Vec<T> = numbers(shape.n_parameters(), 0.2, 1);
    let x: Vec<T> = numbers(rows * inputs, 1.0, 2);
    let targets: Vec<T> = numbers(rows * outputs, 1.0, 3);
    let loss = MeanSquare { targets: &targets, columns: *outputs };
    let mut gradient = vec![T::ZERO; shape.n_parameters()];
    let (mut mean, mut mean_square) = (gradient.clone(), gradient.clone());
    let mut evaluator = Evaluator::new(shape);
    let mut update = 0;
    repeat.of(|| {
        update += 1;
        evaluator.loss_and_gradient(&parameters, &x, &[], &loss, &mut gradient);
        let step = AdamStep { rate: 1e-3, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, update };
        adam_update(&mut parameters, &gradient, &mut mean, &mut mean_square, &step);
    });
}

fn network(folder: &Path) -> Outcome<()> {
    let inputs: Vec<f64> = numbers(8 * 500, 1.0, 4);
    let targets = inputs.chunks_exact(8).map(|x| (3.0 * x[0] * x[1]).sin() + x[2] * x[3] + x[4..].iter().sum::<f64>());
    let samples = Samples::new(8, 1, inputs.clone(), targets.collect(), None)?;
    let grade =
        GradeSettings { widths: vec![64], activations: Some(vec![Activation::Relu]), ..GradeSettings::default() };
    let settings = FitSettings {
        grades: Grades::List(vec![grade; 4]),
        solver: Some(Solver::RandomFeatures),
        carry_inputs: false,
        branches: Some(1),
        ..FitSettings::default()
    };
    let model = fit(&samples, None, &settings.validate()?, &mut silent())?.model;
    model.save(&folder.join("model.safetensors"), true)?;
    let options = OnnxOptions { precision: Precision::F32, ..OnnxOptions::default() };
    Ok(std::fs::write(folder.join("model-32.onnx"), onnx(&model, options)?.bytes)?)
}

fn predict(folder: &Path, rows: usize, precision: Precision, repeat: &Repeat) -> Outcome<()> {
    let model = Multigrade::load(&folder.join("model.safetensors"))?;
    let predictor = Predictor::new(&model, precision);
    let inputs: Vec<f64> = numbers(rows * model.n_inputs(), 1.0, 5);
    repeat.of(|| drop(predictor.predict(&inputs)));
    Ok(())
}

fn precision(word: &str) -> Outcome<Precision> {
    match word {
        "f32" => Ok(Precision::F32),
        "f64" => Ok(Precision::F64),
        _ => Err(format!("'{word}' is not f32 or f64").into()),
    }
}

fn run(words: &[&str], threads: &str, repeat: &Repeat) -> Outcome<()> {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads.parse()?).build()?;
    match *words {
        ["step", widths, activation, rows, width] => {
            let widths = widths.split('-').map(str::parse).collect::<Result<Vec<usize>, _>>()?;
            let activation =
                Activation::ALL.into_iter().find(|a| a.name() == activation).ok_or("unknown activation")?;
            let (rows, width) = (rows.parse()?, precision(width)?);
            pool.install(|| match width {
                Precision::F32 => step::<f32>(&widths, activation, rows, repeat),
                Precision::F64 => step::<f64>(&widths, activation, rows, repeat),
            });
            Ok(())
        }
        ["predict", folder, rows, width] => {
            let (rows, width) = (rows.parse()?, precision(width)?);
            pool.install(|| predict(Path::new(folder), rows, width, repeat))
        }
        _ => Err("see the head of speed.rs".into()),
    }
}

fn main() -> Outcome<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["peak", width, _, seconds] => {
            let seconds = seconds.parse()?;
            let rate = match precision(width)? {
                Precision::F32 => peak::<f32>(seconds),
                Precision::F64 => peak::<f64>(seconds),
            };
            println!("{}", serde_json::json!({ "median": rate }));
            Ok(())
        }
        ["network", folder] => network(Path::new(folder)),
        ["work", ref words @ .., times] => run(words, "1", &Repeat::Times(times.parse()?)),
        [ref words @ .., threads, seconds] => run(words, threads, &Repeat::Seconds(seconds.parse()?)),
        _ => Err("see the head of speed.rs".into()),
    }
}
