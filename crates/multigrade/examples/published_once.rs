//! One run of the published method, from the data to the errors: what `bench/published.py` sets beside the published
//! programs.
//!
//! ```sh
//! cargo run --release -p multigrade --example published_once -- regression 20,20,40 1
//! cargo run --release -p multigrade --example published_once -- waves 300,300,300,300 1
//! cargo run --release -p multigrade --example published_once -- deep-waves 300 1
//! ```
//!
//! Problem, epochs of each grade, threads. `regression` is `sin(100 x)` in mini-batches of 32 rows (arXiv 2302.00150);
//! `waves` are twenty waves of decreasing amplitudes, all rows at once, four grades (arXiv 2410.16105), and `deep-waves` the
//! same with one deep network. Prints one line of JSON: the relative squared error on the training rows after each grade.

use std::error::Error;

use multigrade::experiments::{Amplitudes, Data, XuTarget};
use multigrade::{Activation, Descent, FitSettings, GradeSettings, Precision, Predictor, Samples, Solver, fit, silent};

type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

/// A grade with its own walk.
fn grade(widths: &[usize], activation: Activation, solver: Solver) -> GradeSettings {
    let activations = Some(vec![activation; widths.len()]);
    GradeSettings { widths: widths.into(), activations, solver: Some(solver), ..GradeSettings::default() }
}

/// Data and grades of the published program.
fn run_of(problem: &str, epochs: &[u32]) -> Outcome<(Samples, Vec<GradeSettings>)> {
    use Activation::{Relu, Sin};
    let waves = || Data::Spectral(Amplitudes::Decreasing).problem().train;
    let walk = |epochs: u32| Solver::Adam(Descent::published(epochs, None, 1e-3, 1e-4));
    match (problem, epochs) {
        ("regression", &[first, second, third]) => {
            let walk = |epochs: u32, rate: f64| Solver::Adam(Descent::published(epochs, Some(32), rate, 1e-4));
            let grades = vec![
                grade(&[256, 256], Sin, walk(first, 1e-1)),
                grade(&[128, 128, 64], Relu, walk(second, 1e-2)),
                grade(&[64, 32, 32], Relu, walk(third, 1e-2)),
            ];
            Ok((Data::Xu { target: XuTarget::Sine, noise: false }.problem().train, grades))
        }
        ("waves", epochs) => Ok((waves(), epochs.iter().map(|&n| grade(&[256, 256], Relu, walk(n))).collect())),
        ("deep-waves", &[epochs]) => Ok((waves(), vec![grade(&[256; 8], Relu, walk(epochs))])),
        _ => Err(format!("no problem '{problem}' with {} numbers of epochs", epochs.len()).into()),
    }
}

fn main() -> Outcome<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [problem, epochs, threads] = arguments.as_slice() else {
        return Err("expected: problem, epochs of each grade, threads".into());
    };
    rayon::ThreadPoolBuilder::new().num_threads(threads.parse()?).build_global()?;
    let epochs: Vec<u32> = epochs.split(',').map(str::parse).collect::<Result<_, _>>()?;
    let (train, grades) = run_of(problem, &epochs)?;
    // Every grade has its own solver, so that the common one is never asked.
    let common = grades[0].solver.clone().ok_or("no grades")?;
    let fitted = fit(&train, None, &FitSettings::published(grades, common).validate()?, &mut silent())?;
    let staged = Predictor::new(&fitted.model, Precision::F64).staged(train.inputs())?;
    let total: f64 = train.targets().iter().map(|y| y * y).sum();
    let error = |predictions: &Vec<f64>| {
        train.targets().iter().zip(predictions).map(|(y, p)| (y - p) * (y - p)).sum::<f64>() / total
    };
    println!("{}", serde_json::json!({ "train": staged.iter().map(error).collect::<Vec<_>>() }));
    Ok(())
}
