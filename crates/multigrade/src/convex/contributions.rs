//! What a fit says about each input: curves for plots and a list for reading.

use super::answer::{ConvexFit, Pieces, hinges_of};
use crate::Samples;
use multigrade_model::{Matrix, ModelError};
use std::fmt::Write;

/// A fit as a sum of one curve per input: `f(x) = intercept + sum_i curve_i(x_i)`.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Contributions {
    /// The weighted mean of the fit over the samples, length `m`.
    pub intercept: Vec<f64>,
    /// One curve for each input, in their order.
    pub curves: Vec<Contribution>,
}

/// What one input adds to the fit: a piecewise linear curve whose weighted mean over the samples is 0.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Contribution {
    /// The input, from 0.
    pub input: usize,
    /// Smallest value in the samples, the knots between, largest value: ascending; one value if the input is constant.
    pub places: Vec<f64>,
    /// The curve at these places, `(places, m)`; between them it is linear.
    pub values: Matrix,
    /// Weighted standard deviation of the curve over the samples, length `m`: how much of the fit this input makes.
    pub spread: Vec<f64>,
}

impl ConvexFit {
    /// The fit as one centred curve per input, over the range of `samples`.
    ///
    /// # Errors
    /// [`ModelError::Shape`] if the samples have another number of inputs.
    ///
    /// ```
    /// use multigrade::Samples;
    /// use multigrade::convex::{self, ConvexSettings, Penalty};
    /// let x: Vec<f64> = (0..100).flat_map(|i| [f64::from(i % 10), f64::from(i / 10)]).collect();
    /// let y = x.chunks(2).map(|x| (x[0] - 4.0).abs() + 0.5 * x[1]).collect();
    /// let samples = Samples::new(2, 1, x, y, None)?;
    /// let settings = ConvexSettings { penalty: Penalty::OfLargest(1e-3), ..ConvexSettings::default() }.validate()?;
    /// let curves = convex::fit(&samples, &settings)?.contributions(&samples)?.curves;
    /// assert_eq!(curves[0].places, [0.0, 4.0, 9.0]);
    /// assert_eq!(curves[1].places, [0.0, 9.0]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn contributions(&self, samples: &Samples) -> Result<Contributions, ModelError> {
        let (d, m) = (self.linear.cols(), self.intercept.len());
        if samples.n_inputs() != d {
            return Err(ModelError::Shape { what: "inputs of the samples", expected: d, found: samples.n_inputs() });
        }
        let total: f64 = samples.weights().iter().sum();
        let mut all = Contributions { intercept: self.intercept.clone(), curves: Vec::new() };
        for input in 0..d {
            let slope: Vec<f64> = (0..m).map(|o| self.linear.row(o)[input]).collect();
            let hinges = hinges_of(&self.hinges, input);
            let pieces = Pieces::new(hinges, &vec![0.0; m], &slope);
            let column = || samples.inputs().iter().skip(input).step_by(d).copied();
            let (first, last) = column().fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), x| (a.min(x), b.max(x)));
            let at = |x: f64| {
                let mut value = vec![0.0; m];
                pieces.add_to(x, &mut value);
                value
            };
            let start = at(first);
            // Deviations from the first value: a large offset does not drown them.
            let off = |x: f64| at(x).into_iter().zip(&start).map(|(v, s)| v - s).collect::<Vec<f64>>();
            let (mut mean, mut spread) = (vec![0.0; m], vec![0.0; m]);
            for (x, w) in column().zip(samples.weights()) {
                mean.iter_mut().zip(off(x)).for_each(|(mean, v)| *mean += w / total * v);
            }
            for (x, w) in column().zip(samples.weights()) {
                let squares = off(x).into_iter().zip(&mean).map(|(v, mean)| w / total * (v - mean).powi(2));
                spread.iter_mut().zip(squares).for_each(|(spread, s)| *spread += s);
            }
            spread.iter_mut().for_each(|s| *s = s.sqrt());
            let mut places = vec![first];
            places.extend(hinges.iter().map(|h| h.knot).filter(|&t| t > first && t < last));
            places.extend((last > first).then_some(last));
            let mut values = Matrix::zeros(places.len(), m);
            for (k, &x) in places.iter().enumerate() {
                let row = values.row_mut(k).iter_mut();
                row.zip(off(x).iter().zip(&mean)).for_each(|(value, (v, mean))| *value = v - mean);
            }
            all.intercept.iter_mut().zip(start.iter().zip(&mean)).for_each(|(c, (s, mean))| *c += s + mean);
            all.curves.push(Contribution { input, places, values, spread });
        }
        Ok(all)
    }

    /// The fit as a list to read: for each input its slope left of all knots, then where the slope changes and by how much.
    ///
    /// `names` are those of the inputs; `x1`, `x2`, ... stand for missing ones. Numbers have six digits; several outputs
    /// stand side by side.
    pub fn listing(&self, names: &[&str]) -> String {
        let mut text = format!("value at 0: {}\n", numbers(self.intercept.iter().copied(), false));
        for input in 0..self.linear.cols() {
            let name = names.get(input).map_or_else(|| format!("x{}", input + 1), ToString::to_string);
            let slope = (0..self.intercept.len()).map(|o| self.linear.row(o)[input]);
            // Writing to a String cannot fail.
            let _ = writeln!(text, "{name}: slope {}", numbers(slope, false));
            for hinge in hinges_of(&self.hinges, input) {
                let change = numbers(hinge.change.iter().copied(), true);
                let _ = writeln!(text, "  at {}: {change}", numbers([hinge.knot].into_iter(), false));
            }
        }
        text
    }
}

/// Six digits each, separated by spaces.
fn numbers(values: impl Iterator<Item = f64>, with_sign: bool) -> String {
    let one = |value: f64| {
        let rounded: f64 = format!("{value:.5e}").parse().unwrap_or(value);
        if with_sign { format!("{rounded:+}") } else { rounded.to_string() }
    };
    values.map(one).collect::<Vec<_>>().join(" ")
}
