//! How good a classifier is on rows: scores after every grade and of simple methods, confusion, calibration.

use crate::front::{Logits, standardisation};
use crate::least_squares::weighted_means;
use crate::logistic::logistic_path;
use crate::nearest::{is_affordable, nearest_row};
use crate::{Classes, ModelError, Multigrade, Precision, Predictor, Samples, Scores};
use rayon::prelude::*;
use serde::Serialize;

/// Bins of the confidence, of equal width.
const BINS: usize = 10;

/// What a simple method reaches on the same rows.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ClassBaseline {
    /// The method.
    pub name: String,
    /// What it does, in one sentence.
    pub about: String,
    /// Scores on the rows it learned from.
    pub train: Scores,
    /// Scores on held-out rows, if there are any.
    pub validation: Option<Scores>,
}

/// Rows of each class by the class they were taken for.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Confusion {
    /// `weights[c][j]`: the weight of the rows of class `c` for which class `j` is the most probable.
    pub weights: Vec<Vec<f64>>,
}

/// How often the most probable class is the right one, beside how probable it was said to be.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Calibration {
    /// Bins of the probability of the most probable class that hold any row, increasing.
    pub bins: Vec<CalibrationBin>,
    /// Mean over the rows of `|accuracy - confidence|` of their bin: the expected calibration error.
    pub error: f64,
}

/// Rows whose most probable class has a probability in `(lower, upper]`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct CalibrationBin {
    /// Lower end.
    pub lower: f64,
    /// Upper end.
    pub upper: f64,
    /// Number of rows.
    pub rows: usize,
    /// Weight of these rows.
    pub weight: f64,
    /// Mean probability of their most probable class.
    pub confidence: f64,
    /// Share of them for which that class is the right one.
    pub accuracy: f64,
}

impl Confusion {
    /// Of probabilities `(n, K)` for the classes of `samples`.
    pub fn of(classes: &Classes, probabilities: &[f64], samples: &Samples) -> Self {
        let mut weights = vec![vec![0.0; classes.len()]; classes.len()];
        for (row, decided) in classes.decide(probabilities).into_iter().enumerate() {
            weights[samples.class_of(row)][decided] += samples.weights()[row];
        }
        Self { weights }
    }
}

impl Calibration {
    /// Of probabilities `(n, K)` for the classes of `samples`.
    pub fn of(classes: &Classes, probabilities: &[f64], samples: &Samples) -> Self {
        let (mut rows, mut sums) = ([0; BINS], [[0.0; 3]; BINS]);
        let decided = classes.decide(probabilities);
        for (row, (p, decided)) in probabilities.chunks_exact(classes.len()).zip(decided).enumerate() {
            let (confidence, w) = (p[decided], samples.weights()[row]);
            let bin = ((confidence * BINS as f64).ceil() as usize).clamp(1, BINS) - 1;
            rows[bin] += 1;
            let is_right = f64::from(u8::from(samples.class_of(row) == decided));
            sums[bin].iter_mut().zip([w, w * confidence, w * is_right]).for_each(|(s, x)| *s += x);
        }
        let bin = |b: usize| {
            let [weight, confidence, right] = sums[b];
            let end = |k: usize| k as f64 / BINS as f64;
            let (confidence, accuracy) = (confidence / weight, right / weight);
            CalibrationBin { lower: end(b), upper: end(b + 1), rows: rows[b], weight, confidence, accuracy }
        };
        let bins: Vec<CalibrationBin> = (0..BINS).filter(|&b| rows[b] > 0).map(bin).collect();
        let total: f64 = bins.iter().map(|bin| bin.weight).sum();
        let error = bins.iter().map(|bin| bin.weight / total * (bin.accuracy - bin.confidence).abs()).sum();
        Self { bins, error }
    }
}

/// Scores of `f_0, f_1, ..., f_K` of a classifier on samples of its classes.
///
/// # Errors
/// [`ModelError::Shape`] if the samples have other inputs than the model.
pub fn staged_scores(model: &Multigrade, samples: &Samples) -> Result<Vec<Scores>, ModelError> {
    let first = model.output_scaling().center().repeat(samples.rows());
    let stages = Predictor::new(model, Precision::F64).staged(samples.inputs())?;
    let scores = |logits: &Vec<f64>| Scores::of_logits(logits, &samples.classes(), samples.weights());
    Ok(std::iter::once(&first).chain(&stages).map(scores).collect())
}

/// The majority class, the nearest neighbour in standardised inputs (unless there are so many rows that finding
/// neighbours takes long) and logistic regression on the inputs: each learned from `train`, measured on both sets of rows.
///
/// # Errors
/// [`ModelError`] if numbers are too large to be standardised.
///
/// # Panics
/// If the samples are not those of `classes`.
pub fn class_baselines(
    classes: &Classes,
    train: &Samples,
    held_out: Option<&Samples>,
) -> Result<Vec<ClassBaseline>, ModelError> {
    let (d, k) = (train.n_inputs(), classes.len());
    let total: f64 = train.weights().iter().sum();
    let weights: Vec<f64> = train.weights().iter().map(|w| w / total).collect();
    let row = |name: &str, about: &str, probabilities: &(dyn Fn(&Samples) -> Vec<f64> + Sync)| {
        let scores = |samples: &Samples| Scores::of(&probabilities(samples), &samples.classes(), samples.weights());
        ClassBaseline { name: name.into(), about: about.into(), train: scores(train), validation: held_out.map(scores) }
    };
    let one_hot = |class: usize| (0..k).map(move |c| f64::from(u8::from(c == class)));
    let indicators: Vec<f64> = train.classes().into_iter().flat_map(one_hot).collect();
    let shares = weighted_means(&indicators, k, &weights);
    let mut rows =
        vec![row("majority class", "the shares of the classes, everywhere", &|samples| shares.repeat(samples.rows()))];

    let scaling = standardisation(train.inputs(), d, train.weights())?;
    let scaled = |samples: &Samples| {
        let mut inputs = samples.inputs().to_vec();
        scaling.standardise(&mut inputs);
        inputs
    };
    let asked = train.rows() + held_out.map_or(0, Samples::rows);
    if is_affordable(train, asked) {
        let known = scaled(train);
        let class = |x: &[f64]| one_hot(train.class_of(nearest_row(&known, d, x)));
        let nearest = |samples: &Samples| scaled(samples).par_chunks_exact(d).flat_map_iter(class).collect();
        rows.push(row("nearest neighbour", "the class of the nearest training row, inputs standardised", &nearest));
    }

    let logits = Logits { classes: train.classes(), values: vec![0.0; train.rows() * classes.n_outputs()] };
    // The usual strength: that of a unit normal prior of the weights.
    let penalty = 1.0 / total.max(1.0);
    let map = logistic_path(&scaled(train), d, &logits, &weights, &[penalty], None).remove(0);
    let logistic = |samples: &Samples| classes.probabilities(&map.values(&scaled(samples), d));
    rows.push(row("logistic regression", "logits linear in the inputs", &logistic));
    Ok(rows)
}
