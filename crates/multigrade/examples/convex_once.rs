//! One convex fit of a file, timed without reading: what the scripts in `bench/` compare with other programs.
//!
//! ```sh
//! cargo run --release -p multigrade --example convex_once -- TRAIN.csv PENALTY|gcv|dense:SHARE [TEST.csv]
//! ```
//!
//! The files hold numbers separated by commas, without a header; the last column is the target. `dense:SHARE` fits neurons of all
//! inputs with penalised biases and nothing unpenalised, at this share of the largest penalty. Prints one line of JSON.

use multigrade::convex::dense::{self, DensePenalty, DenseSettings};
use multigrade::convex::{self, Choice, ConvexSettings, Penalty};
use multigrade::{Bias, Samples, Skip};
use std::error::Error;
use std::time::Instant;

fn read(path: &str) -> Result<Samples, Box<dyn Error>> {
    let (mut x, mut y, mut inputs) = (Vec::new(), Vec::new(), 0);
    for line in std::fs::read_to_string(path)?.lines() {
        let mut row = line.split(',').map(str::parse).collect::<Result<Vec<f64>, _>>()?;
        y.extend(row.pop());
        inputs = row.len();
        x.append(&mut row);
    }
    Ok(Samples::new(inputs, 1, x, y, None)?)
}

fn once_dense(train: &Samples, share: f64) -> Result<(), Box<dyn Error>> {
    let (bias, skip, penalty) = (Bias::Penalised { scale: 1.0 }, Skip::None, DensePenalty::OfLargest(share));
    let settings = DenseSettings { bias, skip, penalty, ..DenseSettings::default() }.validate()?;
    let began = Instant::now();
    let fit = dense::fit(train, &settings)?;
    let numbers = serde_json::json!({
        "seconds": began.elapsed().as_secs_f64(),
        "value": fit.proof.primal,
        "relative_gap": fit.proof.rel_gap,
        "neurons": fit.proof.neurons,
        "penalty": fit.penalty,
    });
    println!("{numbers}");
    Ok(())
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [train, penalty, test @ ..] = arguments.as_slice() else {
        return Err("usage: convex_once TRAIN.csv PENALTY|gcv|dense:SHARE [TEST.csv]".into());
    };
    let train = read(train)?;
    if let Some(share) = penalty.strip_prefix("dense:") {
        return once_dense(&train, share.parse()?);
    }
    let penalty = match penalty.as_str() {
        "gcv" => Penalty::Path { points: 40, min_ratio: 1e-4, choice: Choice::Gcv },
        number => Penalty::Absolute(number.parse()?),
    };
    let settings = ConvexSettings { penalty, ..ConvexSettings::default() }.validate()?;
    let began = Instant::now();
    let fit = convex::fit(&train, &settings)?;
    let seconds = began.elapsed().as_secs_f64();
    let test = test.first().map(|path| read(path)).transpose()?;
    let rmse = test.map(|test| {
        let squares: f64 = fit.predict(test.inputs()).iter().zip(test.targets()).map(|(f, y)| (f - y).powi(2)).sum();
        (squares / test.rows() as f64).sqrt()
    });
    let numbers = serde_json::json!({
        "seconds": seconds,
        "value": fit.proof.primal,
        "relative_gap": fit.proof.rel_gap,
        "neurons": fit.proof.neurons,
        "test_rmse": rmse,
    });
    println!("{numbers}");
    Ok(())
}
