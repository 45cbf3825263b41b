//! The finished fit: knots, slopes, affine part, path, proof.

use super::generate::Solved;
use super::knots::norm;
use super::line::Line;
use multigrade_model::{Activation, Grade, Layer, Matrix, ModelError, OptimalityProof, Readout};
use std::fmt;

/// The globally optimal one-hidden-layer ReLU network of one input for a penalty `β`, with a proof.
///
/// ```text
/// f(x) = c + C x + sum_j a_j relu(x - t_j)
/// ```
///
/// Among all networks of any width, `f` minimises half the weighted squared error plus `β sum_j |a_j|`. It is the
/// linear spline that trades its error against the total variation of its slope.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct ConvexFit {
    /// The kinks `t_j`, ascending; one neuron each.
    pub knots: Vec<f64>,
    /// The changes of slope `a_j`, `(neurons, m)`.
    pub slopes: Matrix,
    /// The value `c` of the affine part at 0, length `m`.
    pub intercept: Vec<f64>,
    /// The slope `C` of the affine part, length `m`: that of `f` left of all kinks.
    pub slope: Vec<f64>,
    /// The penalty `β`.
    pub penalty: f64,
    /// The smallest penalty whose fit has no neurons. At least the penalty that rounding of the targets is worth.
    pub largest_penalty: f64,
    /// How far from optimal the fit can be.
    pub proof: OptimalityProof,
    /// The penalties tried, from the largest down; empty if the penalty was given.
    pub path: Vec<PathPoint>,
    /// Rounds of knot generation for the penalty chosen.
    pub rounds: u32,
}

/// The optimal fit for one penalty of a path.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct PathPoint {
    /// The penalty `β`.
    pub penalty: f64,
    /// Neurons of the fit.
    pub neurons: usize,
    /// Degrees of freedom: trace of the map from targets to fitted values, divided by the number of outputs.
    pub freedom: f64,
    /// `1/2 sum_i w_i |y_i - f(x_i)|²`.
    pub loss: f64,
    /// `sum_j |a_j|`, the total variation of the slope.
    pub variation: f64,
    /// Relative duality gap as the solver measured it.
    pub rel_gap: f64,
    /// What the choice compares, smallest is best; infinite where the rule does not allow the penalty.
    pub score: f64,
}

/// The neurons of a spline, in the units of the data.
#[derive(Debug)]
pub(super) struct Neurons {
    pub(super) knots: Vec<f64>,
    pub(super) slopes: Matrix,
    pub(super) intercept: Vec<f64>,
    pub(super) slope: Vec<f64>,
}

/// A sum with its rounding error kept apart.
#[derive(Clone, Copy, Debug, Default)]
struct Running {
    sum: f64,
    error: f64,
}

impl Running {
    fn add(&mut self, term: f64) {
        let sum = self.sum + term;
        let part = sum - self.sum;
        self.error += (self.sum - (sum - part)) + (term - part);
        self.sum = sum;
    }

    fn add_product(&mut self, a: f64, b: f64) {
        let product = a * b;
        self.add(product);
        self.error += a.mul_add(b, -product);
    }

    fn value(self) -> f64 {
        self.sum + self.error
    }
}

/// A kink, and the next place on the piece to its right where the value of the spline is known.
struct Kink {
    place: f64,
    aim: usize,
}

/// Kinks of a spline with nodes `(x, value)`. For one output, kinks of the same sign on neighbouring data become one
/// between them: the values at the data and the total variation stay as they are.
fn kinks(line: &Line, at: &[usize], value: &[f64]) -> Vec<Kink> {
    let m = line.outputs();
    let x = |j: usize| line.x[at[j]];
    let slope = |j: usize, o: usize| (value[(j + 1) * m + o] - value[j * m + o]) / (x(j + 1) - x(j));
    let bend = |j: usize, o: usize| slope(j, o) - slope(j - 1, o);
    let (mut kinks, mut j) = (Vec::new(), 1);
    while j + 1 < at.len() {
        // Between neighbours in floating point there is no room for a kink.
        let has_room = |j: usize| x(j + 1) - x(j) > 2f64.powi(-30) * x(j).abs().max(x(j + 1).abs());
        let has_neighbour = m == 1 && j + 2 < at.len() && at[j + 1] == at[j] + 1 && has_room(j);
        if has_neighbour && bend(j, 0) * bend(j + 1, 0) > 0.0 {
            let (a, b) = (bend(j, 0), bend(j + 1, 0));
            let place = x(j) + (x(j + 1) - x(j)) * (b / (a + b));
            kinks.push(Kink { place, aim: j + 2 });
            j += 2;
        } else {
            if (0..m).any(|o| bend(j, o) != 0.0) {
                kinks.push(Kink { place: x(j), aim: j + 1 });
            }
            j += 1;
        }
    }
    kinks
}

/// Number of neurons of a spline.
pub(super) fn count_neurons(line: &Line, solved: &Solved) -> usize {
    kinks(line, &solved.knots.at, &solved.knots.value).len()
}

impl Neurons {
    /// The neurons of a solved spline.
    ///
    /// Slopes are chosen from left to right such that the function *with the rounded numbers* passes through the values
    /// of the spline: errors do not add up over many neurons.
    pub(super) fn new(line: &Line, solved: &Solved) -> Self {
        let (at, m) = (&solved.knots.at, line.outputs());
        let value: Vec<f64> = at
            .iter()
            .enumerate()
            .flat_map(|(j, &i)| {
                let values = &solved.knots.value[j * m..(j + 1) * m];
                values.iter().enumerate().map(move |(o, &v)| line.restored(o, line.z[i], v))
            })
            .collect();
        let x = |j: usize| line.x[at[j]];
        let kinks = if solved.knots.inner() > 0 { kinks(line, at, &solved.knots.value) } else { Vec::new() };
        let mut slopes = Matrix::zeros(kinks.len(), m);
        let (mut intercept, mut slope) = (Vec::new(), Vec::new());
        for o in 0..m {
            let known = |j: usize| value[j * m + o];
            let aim = kinks.first().map_or(at.len() - 1, |_| 1);
            let first = if at.len() > 1 { (known(aim) - known(0)) / (x(aim) - x(0)) } else { 0.0 };
            intercept.push((-first).mul_add(x(0), known(0)));
            slope.push(first);
            let (mut height, mut rise) = (Running::default(), Running::default());
            height.add(intercept[o]);
            height.add_product(first, x(0));
            rise.add(first);
            let mut here = x(0);
            for (row, kink) in kinks.iter().enumerate() {
                let step = kink.place - here;
                height.add_product(rise.sum, step);
                height.add(rise.error * step);
                here = kink.place;
                let wanted = (known(kink.aim) - height.value()) / (x(kink.aim) - here);
                let change = (wanted - rise.sum) - rise.error;
                slopes.row_mut(row)[o] = change;
                rise.add(change);
            }
        }
        Self { knots: kinks.iter().map(|k| k.place).collect(), slopes, intercept, slope }
    }

    /// The grade `x -> c + C x + sum_j a_j relu(x - t_j)`.
    pub(super) fn grade(&self) -> Result<Grade, ModelError> {
        grade(&self.knots, &self.slopes, &self.intercept, &self.slope)
    }
}

fn grade(knots: &[f64], slopes: &Matrix, intercept: &[f64], slope: &[f64]) -> Result<Grade, ModelError> {
    // A layer has at least one neuron: one that no readout listens to stands for none.
    let bias: Vec<f64> = if knots.is_empty() { vec![0.0] } else { knots.iter().map(|t| -t).collect() };
    let (width, m) = (bias.len(), intercept.len());
    let mut read = Matrix::zeros(m, width + 1);
    for (o, &slope) in slope.iter().enumerate() {
        let row = read.row_mut(o);
        for (j, weight) in row[..knots.len()].iter_mut().enumerate() {
            *weight = slopes.row(j)[o];
        }
        row[width] = slope;
    }
    let mut ones = Matrix::zeros(width, 1);
    ones.as_mut_slice().fill(1.0);
    let layer = Layer::new(ones, bias, Activation::Relu)?;
    Grade::new(vec![vec![layer]], true, Readout::new(read, intercept.to_vec())?)
}

impl ConvexFit {
    /// The fit as a grade: one hidden ReLU layer on one input, whose readout reads the input too.
    ///
    /// A fit without neurons has one neuron of readout weight 0. The grade reads and answers in the units of the samples.
    ///
    /// # Errors
    /// [`ModelError::NotFinite`] if a number of the fit was changed to NaN or infinity.
    pub fn grade(&self) -> Result<Grade, ModelError> {
        grade(&self.knots, &self.slopes, &self.intercept, &self.slope)
    }

    /// The values `f(x)`, row-major `(x.len(), m)`; linear beyond the data.
    ///
    /// Takes `O(K)` once and `O(log K + m)` for each `x`.
    pub fn predict(&self, x: &[f64]) -> Vec<f64> {
        let m = self.intercept.len();
        // Value at the first kink of each piece and slope on it; piece 0 lies left of all kinks.
        let (mut heights, mut rises) = (Vec::new(), Vec::new());
        let mut state: Vec<(Running, Running)> = vec![Default::default(); m];
        for (o, (height, rise)) in state.iter_mut().enumerate() {
            let start = self.knots.first().copied().unwrap_or(0.0);
            height.add(self.intercept[o]);
            height.add_product(self.slope[o], start);
            rise.add(self.slope[o]);
        }
        let mut record = |state: &[(Running, Running)]| {
            heights.extend(state.iter().map(|s| s.0.value()));
            rises.extend(state.iter().map(|s| s.1.value()));
        };
        record(&state);
        for (j, &place) in self.knots.iter().enumerate() {
            let step = if j > 0 { place - self.knots[j - 1] } else { 0.0 };
            for (o, (height, rise)) in state.iter_mut().enumerate() {
                height.add_product(rise.sum, step);
                height.add(rise.error * step);
                rise.add(self.slopes.row(j)[o]);
            }
            record(&state);
        }
        let value = |&x: &f64| {
            let piece = self.knots.partition_point(|&t| t <= x);
            let start = self.knots.get(piece.saturating_sub(1)).copied().unwrap_or(0.0);
            let (heights, rises) = (&heights[piece * m..(piece + 1) * m], &rises[piece * m..(piece + 1) * m]);
            heights.iter().zip(rises).map(move |(h, r)| r.mul_add(x - start, *h)).collect::<Vec<_>>()
        };
        x.iter().flat_map(value).collect()
    }

    /// The penalty of the fit's neurons, `sum_j |a_j|`.
    pub fn variation(&self) -> f64 {
        (0..self.knots.len()).map(|j| norm(self.slopes.row(j))).sum()
    }
}

/// The line of the proof.
impl fmt::Display for ConvexFit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.proof.fmt(f)
    }
}
