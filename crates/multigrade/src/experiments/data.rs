//! The data of the experiments, generated anew as their papers' programs generate them.

use crate::Samples;
use crate::training::Mersenne;
use std::f64::consts::PI;

/// A regression problem: rows to train on, rows that choose, rows that nothing sees but the final number.
#[derive(Clone, Debug)]
pub struct Problem {
    /// Rows to train on.
    pub train: Samples,
    /// Rows that stopping and tuning look at.
    pub validation: Samples,
    /// Rows that judge.
    pub test: Samples,
}

/// Where the rows of an experiment come from.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Data {
    /// Synthetic regression of *Multi-grade deep learning* (arXiv 2302.00150): 5000 equispaced training rows, 1000
    /// equispaced test rows without noise. The 1000 validation rows are *training* rows whose targets have noise of
    /// deviation 0.01 on top, so no validation error falls below the size of that noise, and a validation row is no
    /// evidence about unseen inputs.
    Xu {
        /// Which target.
        target: XuTarget,
        /// Whether the training targets have noise of deviation 0.05.
        noise: bool,
    },
    /// Twenty waves of frequencies 10, 20, ..., 200 on `[0, 1)`, of *Addressing spectral bias of deep neural networks by
    /// multi-grade deep learning* (arXiv 2410.16105): 6000 equispaced training rows, 2000 random validation rows and
    /// 2000 random test rows.
    Spectral(Amplitudes),
    /// Forty waves of frequencies 10, 20, ..., 400 along a closed curve in the plane, from the same paper:
    /// `(r cos 2πt, r sin 2πt)` with `r = 1 + sin(2πqt)/2`. 12,000 training rows, 4000 validation and 4000 test rows.
    Manifold {
        /// Petals of the curve; 0 is the circle.
        q: u32,
        /// Amplitudes of the waves; increasing or varying.
        amplitudes: Amplitudes,
    },
    /// Three or five waves of *Why multi-grade deep learning outperforms single-grade* (arXiv 2507.20351), section 6:
    /// 1024 equispaced training rows and 10,000 equispaced test rows. The paper draws its 1024 validation inputs with a
    /// generator that we do not have; ours are 1024 other uniform ones.
    Waves(Waves),
}

/// The targets of [`Data::Xu`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum XuTarget {
    /// `sin(100 x)` on `[0, 1]`.
    Sine,
    /// `x sin(100 x)` on `[0, 1]`.
    GrowingSine,
    /// A composition of kinks on `[-1, 1]`, example 3 of the paper: with `a = |cos(15π(x - 0.3)) - 0.7|`, then
    /// `a = |cos(2π(a - 0.5)) - 0.5|`, `a = 1.3 - |a - 1.3|`, `a = 0.9 - |a - 0.9|`, the target is `(x + 1) a`.
    Kinks,
}

/// The amplitudes `A_i`, `i = 0, 1, ...`, of a sum of waves `A_i(x) sin(2π κ_i x + φ_i)`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Amplitudes {
    /// All 1.
    Constant,
    /// From 1 down, in equal steps: to 0.05 for twenty waves, to 0.025 for forty.
    Decreasing,
    /// `exp(-x) cos(i x)`.
    Varying,
    /// In equal steps up to 1: from 0.05 for twenty waves, from 0.025 for forty.
    Increasing,
}

/// The sums of waves of [`Data::Waves`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Waves {
    /// Frequencies 1, 5.5, 10.
    Three,
    /// Frequencies 1, 8.25, 15.5, 22.75, 30.
    Five,
}

impl Data {
    /// The rows.
    ///
    /// ```
    /// use multigrade::experiments::{Amplitudes, Data};
    /// let problem = Data::Spectral(Amplitudes::Decreasing).problem();
    /// assert_eq!((problem.train.rows(), problem.validation.rows(), problem.test.rows()), (6000, 2000, 2000));
    /// assert!((problem.train.targets()[0] + 3.010539).abs() < 1e-6);
    /// ```
    pub fn problem(self) -> Problem {
        match self {
            Self::Xu { target, noise } => xu(target, noise),
            Self::Spectral(amplitudes) => {
                let sum = amplitudes.waves(20);
                half_open(6000, 2000, |x| (vec![x], sum(x)))
            }
            Self::Manifold { q, amplitudes } => {
                let sum = amplitudes.waves(40);
                half_open(12_000, 4000, |t| {
                    let r = 1.0 + 0.5 * (2.0 * PI * f64::from(q) * t).sin();
                    (vec![r * (2.0 * PI * t).cos(), r * (2.0 * PI * t).sin()], sum(t))
                })
            }
            Self::Waves(waves) => {
                let row = |x: f64| (vec![x], waves.at(x));
                let mut random = Mersenne::new(1);
                Problem {
                    train: samples(equispaced(0.0, 1.0, 1024).map(row)),
                    validation: samples((0..1024).map(|_| row(random.unit()))),
                    test: samples(equispaced(0.0, 1.0, 10_000).map(row)),
                }
            }
        }
    }
}

impl Data {
    /// Number of inputs.
    pub(super) fn n_inputs(self) -> usize {
        if matches!(self, Self::Manifold { .. }) { 2 } else { 1 }
    }
}

/// Rows from pairs of inputs and a target.
pub(super) fn samples(rows: impl Iterator<Item = (Vec<f64>, f64)>) -> Samples {
    let (mut inputs, mut targets, mut columns) = (Vec::new(), Vec::new(), 1);
    for (x, y) in rows {
        columns = x.len();
        inputs.extend(x);
        targets.push(y);
    }
    Samples::new(columns, 1, inputs, targets, None).expect("generated rows are finite and of equal length")
}

/// `n` points from `low` to `high`, both included, rounded as NumPy's `linspace` rounds them.
pub(super) fn equispaced(low: f64, high: f64, n: u32) -> impl Iterator<Item = f64> {
    let step = (high - low) / f64::from(n - 1);
    (0..n).map(move |i| if i == n - 1 { high } else { f64::from(i) * step + low })
}

/// Training rows at `j / n` and random others, as in arXiv 2410.16105.
fn half_open(n: u32, others: usize, row: impl Fn(f64) -> (Vec<f64>, f64)) -> Problem {
    let random = |seed: u32| {
        let mut random = Mersenne::new(seed);
        samples((0..others).map(|_| row(random.unit())))
    };
    let step = 1.0 / f64::from(n);
    Problem { train: samples((0..n).map(|j| row(f64::from(j) * step))), validation: random(0), test: random(1) }
}

impl XuTarget {
    fn at(self, x: f64) -> f64 {
        match self {
            Self::Sine => (100.0 * x).sin(),
            Self::GrowingSine => x * (100.0 * x).sin(),
            Self::Kinks => {
                let a = ((15.0 * PI * (x - 0.3)).cos() - 0.7).abs();
                let a = ((2.0 * PI * (a - 0.5)).cos() - 0.5).abs();
                let a = 1.3 - (a - 1.3).abs();
                (x + 1.0) * (0.9 - (a - 0.9).abs())
            }
        }
    }

    fn low(self) -> f64 {
        if self == Self::Kinks { -1.0 } else { 0.0 }
    }
}

/// One generator draws the noise of the training rows, the validation rows and their noise, in this order.
fn xu(target: XuTarget, noise: bool) -> Problem {
    const ROWS: u32 = 5000;
    let mut random = Mersenne::new(0);
    let x: Vec<f64> = equispaced(target.low(), 1.0, ROWS).collect();
    let y: Vec<f64> = x.iter().map(|&x| target.at(x) + if noise { 0.05 * random.normal() } else { 0.0 }).collect();
    let chosen = random.permutation(ROWS);
    let validation = chosen.iter().take(ROWS as usize / 5).map(|&i| i as usize);
    Problem {
        validation: samples(validation.map(|i| (vec![x[i]], y[i] + 0.01 * random.normal()))),
        train: samples(x.iter().zip(&y).map(|(&x, &y)| (vec![x], y))),
        test: samples(equispaced(target.low(), 1.0, 1000).map(|x| (vec![x], target.at(x)))),
    }
}

impl Amplitudes {
    /// The sum of `count` waves of frequencies 10, 20, ...
    fn waves(self, count: u32) -> impl Fn(f64) -> f64 {
        let mut random = Mersenne::new(0);
        let phases: Vec<f64> = (0..count).map(|_| random.uniform(0.0, 2.0 * PI)).collect();
        let least = 1.0 / f64::from(count);
        let amplitude = move |i: u32, x: f64| {
            let step = f64::from(i) * ((1.0 - least) / f64::from(count - 1));
            match self {
                Self::Constant => 1.0,
                Self::Decreasing if i == count - 1 => least,
                Self::Decreasing => 1.0 - step,
                Self::Increasing if i == count - 1 => 1.0,
                Self::Increasing => least + step,
                Self::Varying => (-x).exp() * (f64::from(i) * x).cos(),
            }
        };
        move |x| {
            let wave =
                |(i, phase): (u32, &f64)| amplitude(i, x) * (2.0 * PI * f64::from(10 * (i + 1)) * x + phase).sin();
            (0..count).zip(&phases).map(wave).sum()
        }
    }
}

impl Waves {
    fn at(self, x: f64) -> f64 {
        let waves: &[(f64, f64)] = match self {
            Self::Three => &[(1.0, 6.0652933), (5.5, 1.9772031), (10.0, 3.9774444)],
            Self::Five => {
                &[(1.0, 3.6096928), (8.25, 0.6263458), (15.5, 2.4702985), (22.75, 5.618288), (30.0, 3.7483382)]
            }
        };
        waves.iter().map(|(frequency, phase)| (2.0 * PI * frequency * x + phase).sin()).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_data_have_the_mean_squares_and_first_values_of_the_published_programs() {
        let spectral = |amplitudes| Data::Spectral(amplitudes);
        let manifold = |amplitudes| Data::Manifold { q: 4, amplitudes };
        let xu = |target| Data::Xu { target, noise: false };
        let cases = [
            (spectral(Amplitudes::Constant), 10.0, -5.808902),
            (spectral(Amplitudes::Decreasing), 3.5875, -3.010539),
            (spectral(Amplitudes::Varying), 2.43657, -5.808902),
            (spectral(Amplitudes::Increasing), 3.5875, -3.088808),
            (manifold(Amplitudes::Increasing), 6.91875, -5.228142),
            (manifold(Amplitudes::Varying), 4.66866, -10.180933),
            (xu(XuTarget::Sine), 0.50211, 0.0),
            (xu(XuTarget::GrowingSine), 0.16883, 0.0),
            (xu(XuTarget::Kinks), 0.33396, 0.0),
            (Data::Waves(Waves::Three), 1.4201, f64::NAN),
            (Data::Waves(Waves::Five), 2.4521, f64::NAN),
        ];
        for (data, square, first) in cases {
            let train = data.problem().train;
            let found = train.targets().iter().map(|y| y * y).sum::<f64>() / train.rows() as f64;
            // The reference values are rounded to five or six digits.
            assert!((found - square).abs() < 1e-4 * square, "{data:?}: mean square {found} instead of {square}");
            let wrong = (train.targets()[0] - first).abs() > 1e-6;
            assert!(!wrong, "{data:?}: first value {} instead of {first}", train.targets()[0]);
        }
    }

    #[test]
    fn a_manifold_is_closed_and_has_its_petals() {
        let train = Data::Manifold { q: 4, amplitudes: Amplitudes::Increasing }.problem().train;
        let radius = |row: usize| train.inputs_of(row).iter().map(|x| x * x).sum::<f64>().sqrt();
        let peaks = (1..train.rows() - 1).filter(|&i| radius(i) > radius(i - 1) && radius(i) >= radius(i + 1)).count();
        assert_eq!(peaks, 4);
        let (first, last) = (train.inputs_of(0), train.inputs_of(train.rows() - 1));
        assert!(first.iter().zip(last).all(|(a, b)| (a - b).abs() < 0.01));
    }
}
