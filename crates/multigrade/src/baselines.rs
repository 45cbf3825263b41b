//! What simple methods reach on the same rows: printed beside every result, also when they win.

use crate::front::standardisation;
use crate::least_squares::{ridge, weighted_means};
use crate::nearest::{is_affordable, nearest_row};
use crate::report::BaselineRow;
use crate::{ModelError, Norms, Samples};
use rayon::prelude::*;

/// The mean, the linear least-squares fit, the nearest neighbour in standardised inputs (unless there are so many rows
/// that finding neighbours takes long) and, for a single input, linear interpolation: each fitted on `train` and measured
/// on both sets of rows.
///
/// # Errors
/// [`ModelError`] if numbers are too large to be standardised.
///
/// ```
/// use multigrade::{baselines, Samples};
/// let line = Samples::new(1, 1, vec![0.0, 1.0, 2.0, 3.0], vec![1.0, 3.0, 5.0, 7.0], None).unwrap();
/// let rows = baselines(&line, None).unwrap();
/// let linear = rows.iter().find(|row| row.name == "linear").unwrap();
/// assert!(linear.train[0].linf < 1e-12);
/// ```
pub fn baselines(train: &Samples, held_out: Option<&Samples>) -> Result<Vec<BaselineRow>, ModelError> {
    let m = train.n_targets();
    let total: f64 = train.weights().iter().sum();
    let weights: Vec<f64> = train.weights().iter().map(|w| w / total).collect();
    let row = |name: &str, about: &str, predict: &(dyn Fn(&Samples) -> Vec<f64> + Sync)| BaselineRow {
        name: name.into(),
        about: about.into(),
        train: residual_norms(train, &predict(train)),
        validation: held_out.map(|held| residual_norms(held, &predict(held))),
    };
    let means = weighted_means(train.targets(), m, &weights);
    let mut rows =
        vec![row("mean", "the mean of the training rows, everywhere", &|samples| means.repeat(samples.rows()))];

    let scaling = standardisation(train.inputs(), train.n_inputs(), train.weights())?;
    let scaled = |samples: &Samples| {
        let mut inputs = samples.inputs().to_vec();
        scaling.standardise(&mut inputs);
        inputs
    };
    let d = train.n_inputs();
    let map = ridge(&scaled(train), d, train.targets(), m, &weights, 0.0);
    rows.push(row("linear", "least squares, linear in the inputs", &|samples| map.values(&scaled(samples), d)));

    let asked = train.rows() + held_out.map_or(0, Samples::rows);
    if is_affordable(train, asked) {
        let known = scaled(train);
        let value = |x: &[f64]| train.targets_of(nearest_row(&known, d, x)).to_vec();
        let nearest = |samples: &Samples| scaled(samples).par_chunks_exact(d).flat_map_iter(value).collect();
        rows.push(row("nearest neighbour", "the value of the nearest training row, inputs standardised", &nearest));
    }

    if d == 1 {
        let line = Interpolant::new(train);
        let interpolate = |samples: &Samples| samples.inputs().iter().flat_map(|&x| line.at(x)).collect();
        rows.push(row("linear interpolation", "straight lines between neighbouring training rows", &interpolate));
    }
    Ok(rows)
}

/// Norms of `target - prediction` for each output.
fn residual_norms(samples: &Samples, predictions: &[f64]) -> Vec<Norms> {
    let m = samples.n_targets();
    let column = |j: usize| -> Vec<f64> {
        let pairs = samples.targets().iter().zip(predictions).skip(j).step_by(m);
        pairs.map(|(y, p)| y - p).collect()
    };
    (0..m).map(|j| Norms::of(&column(j), Some(samples.weights()))).collect()
}

/// The piecewise linear function through the training rows of one input; rows of equal input are averaged.
struct Interpolant {
    knots: Vec<f64>,
    values: Vec<Vec<f64>>,
}

impl Interpolant {
    fn new(train: &Samples) -> Self {
        let mut order: Vec<usize> = (0..train.rows()).collect();
        order.sort_by(|&a, &b| train.inputs()[a].total_cmp(&train.inputs()[b]));
        let groups = order.chunk_by(|&a, &b| train.inputs()[a] == train.inputs()[b]);
        let (mut knots, mut values) = (Vec::new(), Vec::new());
        for group in groups {
            let weight: f64 = group.iter().map(|&i| train.weights()[i]).sum();
            let mean = |j: usize| group.iter().map(|&i| train.weights()[i] / weight * train.targets_of(i)[j]).sum();
            knots.push(train.inputs()[group[0]]);
            values.push((0..train.n_targets()).map(mean).collect());
        }
        Self { knots, values }
    }

    /// The value at `x`; beyond the outermost knots it stays constant.
    fn at(&self, x: f64) -> Vec<f64> {
        let right = self.knots.partition_point(|&k| k <= x);
        if right == 0 || right == self.knots.len() {
            return self.values[right.saturating_sub(1)].clone();
        }
        let t = (x - self.knots[right - 1]) / (self.knots[right] - self.knots[right - 1]);
        self.values[right - 1].iter().zip(&self.values[right]).map(|(a, b)| a + t * (b - a)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn curve(x: &[f64]) -> Samples {
        Samples::new(1, 1, x.to_vec(), x.iter().map(|x| x.abs()).collect(), None).unwrap()
    }

    #[test]
    fn interpolation_is_exact_at_the_knots_and_on_the_pieces_of_a_piecewise_linear_function() {
        let train = curve(&[-1.0, 0.0, 2.0, 0.0]);
        let held = curve(&[-0.5, 1.5, 2.0, 0.0]);
        let rows = baselines(&train, Some(&held)).unwrap();
        let line = rows.iter().find(|r| r.name == "linear interpolation").unwrap();
        assert!(line.train[0].linf == 0.0 && line.validation.as_ref().unwrap()[0].linf < 1e-15);
    }

    #[test]
    fn the_nearest_neighbour_repeats_training_rows_and_the_mean_has_the_spread_as_error() {
        let train = curve(&[-3.0, -1.0, 1.0, 3.0]);
        let rows = baselines(&train, None).unwrap();
        assert_eq!((rows[0].name.as_str(), rows[0].train[0].l2), ("mean", 1.0));
        assert_eq!(rows[2].train[0].linf, 0.0);
        assert!(rows.iter().all(|r| r.validation.is_none()));
    }

    #[test]
    fn one_row_and_constant_columns_have_baselines_too() {
        let one = Samples::new(2, 1, vec![5.0, 5.0], vec![7.0], None).unwrap();
        assert!(baselines(&one, Some(&one)).unwrap().iter().all(|r| r.train[0].linf == 0.0));
    }
}
