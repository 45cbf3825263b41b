//! The published method, number for number: against an implementation in NumPy that shares nothing with ours
//! (`testdata/make_published_reference.py`).

use multigrade::experiments::{Amplitudes, Data, XuTarget};
use multigrade::{Descent, Event, FitSettings, Fitted, Flow, GradeSettings, Samples, Solver, fit};
use serde::Deserialize;

#[derive(Deserialize)]
struct Reference {
    draws: Draws,
    runs: Vec<Run>,
}

#[derive(Deserialize)]
struct Draws {
    synthetic: Vec<Synthetic>,
}

/// The last noise of the training rows, the last validation rows and their noise.
#[derive(Deserialize)]
struct Synthetic {
    noise: bool,
    train_noise: Vec<f64>,
    validation_rows: Vec<usize>,
    validation_noise: Vec<f64>,
}

#[derive(Deserialize)]
struct Run {
    name: String,
    first_target: f64,
    mean_square: f64,
    widths: Vec<Vec<usize>>,
    activations: Vec<Vec<String>>,
    epochs: u32,
    batch: Option<usize>,
    rate: f64,
    to: f64,
    /// Per grade, before each pass over the rows and after the last.
    errors: Vec<Vec<f64>>,
}

fn reference() -> Reference {
    serde_json::from_str(include_str!("../../../testdata/published_reference.json")).unwrap()
}

fn mean_square(samples: &Samples) -> f64 {
    samples.targets().iter().map(|y| y * y).sum::<f64>() / samples.rows() as f64
}

impl Run {
    fn settings(&self) -> FitSettings {
        let grade = |(widths, names): (&Vec<usize>, &Vec<String>)| GradeSettings {
            widths: widths.clone(),
            activations: Some(names.iter().map(|name| name.parse().unwrap()).collect()),
            ..GradeSettings::default()
        };
        let descent = Descent::published(self.epochs, self.batch, self.rate, self.to);
        FitSettings::published(self.widths.iter().zip(&self.activations).map(grade).collect(), Solver::Adam(descent))
    }

    /// The model, and per grade the relative squared error after each pass.
    fn fit(&self, train: &Samples) -> (Fitted, Vec<Vec<f64>>) {
        let mut errors = vec![Vec::new(); self.widths.len()];
        let square = mean_square(train);
        let mut observer = |event: &Event| {
            if let Event::Progress { grade, objective, .. } = event {
                errors[grade - 1].push(2.0 * objective / square);
            }
            Flow::Continue
        };
        let fitted = fit(train, None, &self.settings().validate().unwrap(), &mut observer).unwrap();
        (fitted, errors)
    }
}

/// Rounding differs from NumPy's: sums run in another order. On these few passes it does not grow beyond this.
const ROUNDING: f64 = 1e-11;

fn assert_close(ours: f64, theirs: f64, what: &str) {
    assert!((ours - theirs).abs() <= ROUNDING * theirs.abs(), "{what}: {ours} instead of {theirs}");
}

#[test]
fn the_published_method_makes_the_published_steps() {
    for run in reference().runs {
        let amplitudes = if run.name == "thin mini-batches" { Amplitudes::Constant } else { Amplitudes::Decreasing };
        let train = Data::Spectral(amplitudes).problem().train;
        assert_close(train.targets()[0], run.first_target, &run.name);
        assert_close(mean_square(&train), run.mean_square, &run.name);
        let (fitted, errors) = run.fit(&train);
        let records = &fitted.model.history().grades;
        assert_eq!(records.len(), run.errors.len() + 1, "{}", run.name);
        for (k, theirs) in run.errors.iter().enumerate() {
            // Ours are measured after each pass, theirs also before the first.
            assert_eq!(errors[k].len() + 1, theirs.len(), "{}", run.name);
            for (pass, (ours, theirs)) in errors[k].iter().zip(&theirs[1..]).enumerate() {
                assert_close(*ours, *theirs, &format!("{}, grade {}, pass {}", run.name, k + 1, pass + 1));
            }
            // What the finished model says is what training ended with.
            let finished = records[k + 1].train[0].l2.powi(2) / run.mean_square;
            assert_close(finished, theirs[theirs.len() - 1], &format!("{}, model of grade {}", run.name, k + 1));
        }
    }
}

#[test]
fn the_noise_and_the_validation_rows_of_the_synthetic_regression_are_the_published_ones() {
    for drawn in reference().draws.synthetic {
        let problem = Data::Xu { target: XuTarget::Sine, noise: drawn.noise }.problem();
        let (x, y) = (problem.train.inputs(), problem.train.targets());
        for (i, noise) in (4997..5000).zip(drawn.train_noise) {
            assert!((y[i] - (100.0 * x[i]).sin() - noise).abs() < 1e-15, "row {i}");
        }
        let validation = &problem.validation;
        for (i, (row, noise)) in (995..1000).zip(drawn.validation_rows.into_iter().zip(drawn.validation_noise)) {
            assert_eq!(validation.inputs()[i], x[row]);
            assert!((validation.targets()[i] - y[row] - noise).abs() < 1e-15, "row {i}");
        }
    }
}
