//! A network laid out in a row, evaluated in f64 or f32 at several points side by side.

use multigrade_model::{Activation, Multigrade, Weights};
use std::ops::{Add, Div, Mul, Sub};

/// A number format.
pub(crate) trait Real:
    Copy + Send + Sync + Add<Output = Self> + Sub<Output = Self> + Mul<Output = Self> + Div<Output = Self>
{
    /// The nearest number of the format.
    fn round(x: f64) -> Self;
    fn wide(self) -> f64;
}

impl Real for f64 {
    fn round(x: f64) -> Self {
        x
    }

    fn wide(self) -> f64 {
        self
    }
}

impl Real for f32 {
    fn round(x: f64) -> Self {
        x as Self
    }

    fn wide(self) -> f64 {
        f64::from(self)
    }
}

/// The sums of a layer: a bias and terms `(index, weight)` each.
struct Sums<T> {
    /// Bias, and where the terms end; they begin where those of the sum before end.
    rows: Vec<(T, u32)>,
    terms: Vec<(u32, T)>,
    activation: Activation,
}

impl<T: Real> Sums<T> {
    fn of(weights: &Weights, bias: &[f64], activation: Activation) -> Self {
        let mut sums = Self { rows: Vec::new(), terms: Vec::new(), activation };
        for (i, &b) in bias.iter().enumerate() {
            sums.terms.extend(weights.terms(i).map(|(j, w)| (j as u32, T::round(w))));
            sums.rows.push((T::round(b), sums.terms.len() as u32));
        }
        sums
    }

    fn pass<const N: usize>(&self, h: &[[T; N]], out: &mut Vec<[T; N]>) {
        let mut start = 0;
        for &(bias, end) in &self.rows {
            let mut sum = [bias; N];
            for &(j, w) in &self.terms[start as usize..end as usize] {
                let h = &h[j as usize];
                (0..N).for_each(|n| sum[n] = sum[n] + w * h[n]);
            }
            // Exact for ReLU and identity; the others are computed in f64 and rounded.
            out.push(sum.map(|z| T::round(self.activation.apply(z.wide()))));
            start = end;
        }
    }
}

struct Stage<T> {
    branches: Vec<Vec<Sums<T>>>,
    carries: bool,
    readout: Sums<T>,
}

/// One output of a network: every number rounded to the format, every sum started with the bias and continued in index
/// order, every operation rounded once. In f64 that is [`Multigrade::eval_reference`], bit for bit.
pub(crate) struct Flat<T> {
    inputs: Vec<(T, T)>,
    stages: Vec<Stage<T>>,
    output: (T, T),
}

impl<T: Real> Flat<T> {
    pub(crate) fn new(model: &Multigrade, grades: usize, output: usize) -> Self {
        let pairs = |scaling: &multigrade_model::Scaling| -> Vec<(T, T)> {
            let (center, scale) = (scaling.center().iter(), scaling.scale().iter());
            center.zip(scale).map(|(c, s)| (T::round(*c), T::round(*s))).collect()
        };
        let stages = model.grades().iter().take(grades).map(|grade| {
            let layers = |branch: &multigrade_model::Branch| -> Vec<Sums<T>> {
                branch.iter().map(|l| Sums::of(l.weights(), l.bias(), l.activation())).collect()
            };
            let row = grade.readout().weights().row(output).iter().enumerate();
            let terms: Vec<(u32, T)> = row.map(|(j, w)| (j as u32, T::round(*w))).collect();
            let rows = vec![(T::round(grade.readout().bias()[output]), terms.len() as u32)];
            Stage {
                branches: grade.branches().iter().map(layers).collect(),
                carries: grade.carry_inputs(),
                readout: Sums { rows, terms, activation: Activation::Identity },
            }
        });
        Self {
            inputs: pairs(model.input_scaling()),
            stages: stages.collect(),
            output: pairs(model.output_scaling())[output],
        }
    }

    /// The values at `N` points.
    pub(crate) fn eval<const N: usize>(&self, points: [&[f64]; N]) -> [f64; N] {
        let scaled = |(i, (c, s)): (usize, &(T, T))| points.map(|x| (T::round(x[i]) - *c) / *s);
        let inputs: Vec<[T; N]> = self.inputs.iter().enumerate().map(scaled).collect();
        let (mut h, mut sum, mut correction) = (inputs.clone(), [T::round(0.0); N], Vec::with_capacity(1));
        let (mut layer, mut next) = (Vec::new(), Vec::new());
        for stage in &self.stages {
            let mut features = Vec::new();
            for branch in &stage.branches {
                layer.clone_from(&h);
                for sums in branch {
                    next.clear();
                    sums.pass(&layer, &mut next);
                    std::mem::swap(&mut layer, &mut next);
                }
                features.extend_from_slice(&layer);
            }
            if stage.carries {
                features.extend_from_slice(&inputs);
            }
            h = features;
            correction.clear();
            stage.readout.pass(&h, &mut correction);
            (0..N).for_each(|n| sum[n] = sum[n] + correction[0][n]);
        }
        let (c, s) = self.output;
        sum.map(|z| (c + s * z).wide())
    }
}
