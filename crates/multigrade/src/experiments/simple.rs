//! Simple methods, printed beside every result, also when they win.

use super::data::Problem;
use super::measure::error;
use super::record::Outcome;
use crate::Samples;
use rayon::prelude::*;

/// A method that needs no training.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Simple {
    /// The mean of the nearest training rows; how many is chosen by leaving out each training row in turn.
    Neighbours,
    /// Straight lines between neighbouring training rows; one input.
    Lines,
    /// The natural cubic spline through the training rows; one input.
    Spline,
}

/// Numbers of neighbours that are tried.
const NEIGHBOURS: [usize; 7] = [1, 2, 4, 8, 16, 32, 64];

impl Simple {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Neighbours => "nearest neighbours",
            Self::Lines => "linear interpolation",
            Self::Spline => "cubic spline",
        }
    }

    /// Those that work for so many inputs.
    pub(super) fn for_inputs(inputs: usize) -> &'static [Self] {
        if inputs == 1 { &[Self::Neighbours, Self::Lines, Self::Spline] } else { &[Self::Neighbours] }
    }

    pub(super) fn measure(self, problem: &Problem) -> Outcome {
        let train = &problem.train;
        let predict: Prediction<'_> = match self {
            Self::Neighbours => {
                let k = best_neighbours(train);
                Box::new(move |rows: &Samples| neighbour_means(train, rows, false, &[k]).remove(0))
            }
            Self::Lines => curve(Spline::polygon(train)),
            Self::Spline => curve(Spline::natural(train)),
        };
        let errors = |rows: &Samples| error(rows, &predict(rows));
        let (test, largest) = errors(&problem.test);
        Outcome {
            train: vec![errors(train).0],
            validation: vec![errors(&problem.validation).0],
            test: vec![test],
            largest: vec![largest],
            ..Outcome::default()
        }
    }
}

/// What a method says about rows.
type Prediction<'a> = Box<dyn Fn(&Samples) -> Vec<f64> + 'a>;

fn curve(spline: Spline) -> Prediction<'static> {
    Box::new(move |rows: &Samples| rows.inputs().iter().map(|&x| spline.at(x)).collect())
}

fn best_neighbours(train: &Samples) -> usize {
    let means = neighbour_means(train, train, true, &NEIGHBOURS);
    let errors: Vec<f64> = means.iter().map(|means| error(train, means).0).collect();
    let best = (0..errors.len()).min_by(|&a, &b| errors[a].total_cmp(&errors[b])).unwrap_or(0);
    NEIGHBOURS[best]
}

/// For each number of neighbours the means of so many targets; with `without_self` row `i` is no neighbour of itself.
fn neighbour_means(train: &Samples, rows: &Samples, without_self: bool, counts: &[usize]) -> Vec<Vec<f64>> {
    let most = counts.iter().copied().max().unwrap_or(1).min(train.rows() - usize::from(without_self));
    let means = |i: usize| -> Vec<f64> {
        let x = rows.inputs_of(i);
        let distance = |j: usize| -> f64 { train.inputs_of(j).iter().zip(x).map(|(a, b)| (a - b) * (a - b)).sum() };
        let others = (0..train.rows()).filter(|&j| !(without_self && i == j));
        let mut near: Vec<(f64, usize)> = others.map(|j| (distance(j), j)).collect();
        if most < near.len() {
            near.select_nth_unstable_by(most, |a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
            near.truncate(most);
        }
        near.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        let mean = |k: usize| near.iter().take(k).map(|&(_, j)| train.targets_of(j)[0]).sum::<f64>() / k as f64;
        counts.iter().map(|&k| mean(k.min(most))).collect()
    };
    let per_row: Vec<Vec<f64>> = (0..rows.rows()).into_par_iter().map(means).collect();
    (0..counts.len()).map(|c| per_row.iter().map(|means| means[c]).collect()).collect()
}

/// A piecewise cubic function with continuous second derivatives, or a polygon: all its second derivatives are zero.
struct Spline {
    knots: Vec<f64>,
    values: Vec<f64>,
    /// Second derivatives at the knots.
    curvatures: Vec<f64>,
}

impl Spline {
    /// Straight lines through the rows; rows of equal input count once.
    fn polygon(train: &Samples) -> Self {
        let mut rows: Vec<(f64, f64)> = train.inputs().iter().copied().zip(train.targets().iter().copied()).collect();
        rows.sort_by(|a, b| a.0.total_cmp(&b.0));
        rows.dedup_by_key(|row| row.0);
        let (knots, values): (Vec<f64>, Vec<f64>) = rows.into_iter().unzip();
        Self { curvatures: vec![0.0; knots.len()], knots, values }
    }

    /// The natural spline: its second derivatives solve a tridiagonal system and are zero at both ends.
    fn natural(train: &Samples) -> Self {
        let mut spline = Self::polygon(train);
        let (x, y) = (&spline.knots, &spline.values);
        let n = x.len();
        let mut upper = vec![0.0; n];
        let mut right = vec![0.0; n];
        for i in 1..n.saturating_sub(1) {
            let (before, after) = (x[i] - x[i - 1], x[i + 1] - x[i]);
            let bend = (y[i + 1] - y[i]) / after - (y[i] - y[i - 1]) / before;
            let pivot = 2.0 * (before + after) - before * upper[i - 1];
            upper[i] = after / pivot;
            right[i] = (6.0 * bend - before * right[i - 1]) / pivot;
        }
        for i in (1..n.saturating_sub(1)).rev() {
            spline.curvatures[i] = right[i] - upper[i] * spline.curvatures[i + 1];
        }
        spline
    }

    /// The value; beyond the outermost knots the outermost piece goes on.
    fn at(&self, x: f64) -> f64 {
        let n = self.knots.len();
        if n == 1 {
            return self.values[0];
        }
        let i = self.knots.partition_point(|&k| k <= x).clamp(1, n - 1);
        let h = self.knots[i] - self.knots[i - 1];
        let (a, b) = ((self.knots[i] - x) / h, (x - self.knots[i - 1]) / h);
        let cubic = |t: f64, curvature: f64| (t * t * t - t) * curvature * h * h / 6.0;
        a * self.values[i - 1] + b * self.values[i] + cubic(a, self.curvatures[i - 1]) + cubic(b, self.curvatures[i])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(x: &[f64], f: impl Fn(f64) -> f64) -> Samples {
        Samples::new(1, 1, x.to_vec(), x.iter().map(|&x| f(x)).collect(), None).unwrap()
    }

    #[test]
    fn the_natural_spline_passes_through_its_knots_and_is_exact_for_a_natural_cubic() {
        // Second derivatives 0, 6, 0.
        let after = |t: f64| 1.0 + 3.0 * t + 3.0 * t * t - t * t * t;
        let cubic = |x: f64| if x <= 1.0 { x.powi(3) } else { after(x - 1.0) };
        let train = rows(&[2.0, 0.0, 1.0], cubic);
        let spline = Spline::natural(&train);
        for x in [0.0, 0.3, 1.0, 1.6, 2.0] {
            assert!((spline.at(x) - cubic(x)).abs() < 1e-14, "{x}: {} {}", spline.at(x), cubic(x));
        }
    }

    #[test]
    fn the_error_of_the_spline_falls_like_the_fourth_power_inside() {
        let error = |n: u32| {
            let x: Vec<f64> = (0..=n).map(|i| 6.0 * f64::from(i) / f64::from(n)).collect();
            let spline = Spline::natural(&rows(&x, f64::sin));
            (0..100).map(|i| 2.0 + f64::from(i) / 50.0).map(|x| (spline.at(x) - x.sin()).abs()).fold(0.0, f64::max)
        };
        let ratio = error(40) / error(80);
        assert!((14.0..18.0).contains(&ratio), "{ratio}");
    }

    #[test]
    fn one_neighbour_repeats_the_rows_and_more_average_noise() {
        let x: Vec<f64> = (0..200).map(f64::from).collect();
        let exact = rows(&x, |x| x);
        assert_eq!(neighbour_means(&exact, &exact, false, &[1])[0], exact.targets());
        let noisy = rows(&x, |x| if (x as u32).is_multiple_of(2) { 1.0 } else { -1.0 });
        assert!(best_neighbours(&noisy) > 1);
    }
}
