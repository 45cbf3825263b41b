//! The finished fit: knots, slopes, affine part, path, proof.

use super::knots::norm;
use multigrade_model::{Activation, Grade, Layer, Matrix, ModelError, OptimalityProof, Readout};
use std::fmt;

/// The globally optimal one-hidden-layer ReLU network whose neurons read one input each, for a penalty `β`, with a proof.
///
/// ```text
/// f(x) = c + C x + sum_j a_j relu(x_{i(j)} - t_j)
/// ```
///
/// Among all networks of this kind and any width, `f` minimises half the weighted squared error plus `β sum_j s_{i(j)} |a_j|`,
/// where the unit `s_i` is the standard deviation of input `i`. It is a sum of one linear spline per input, which trades
/// its error against the total variation of the slopes. With one input these are all ReLU networks.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct ConvexFit {
    /// The neurons, by input and then by knot.
    pub hinges: Vec<Hinge>,
    /// The value `c` of the affine part at 0, length `m`.
    pub intercept: Vec<f64>,
    /// The slopes `C` of the affine part, `(m, d)`: those of `f` left of all knots.
    pub linear: Matrix,
    /// The unit `s_i` of each input: its weighted standard deviation; 1 for a constant input.
    pub units: Vec<f64>,
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

/// One neuron `a relu(x_i - t)`: from `t` on, the slope in input `i` changes by `a`.
#[derive(Clone, Debug, PartialEq)]
pub struct Hinge {
    /// The input `i` that the neuron reads, from 0.
    pub input: usize,
    /// The knot `t`.
    pub knot: f64,
    /// The change of slope `a`, length `m`.
    pub change: Vec<f64>,
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
    /// `sum_j s_{i(j)} |a_j|`, the total variation of the slopes in units of the inputs.
    pub variation: f64,
    /// Relative duality gap as the solver measured it.
    pub rel_gap: f64,
    /// What the choice compares, smallest is best; infinite where the rule does not allow the penalty.
    pub score: f64,
}

/// A sum of splines of one input each, in the units of the data.
#[derive(Debug)]
pub(super) struct Neurons {
    pub(super) hinges: Vec<Hinge>,
    pub(super) intercept: Vec<f64>,
    pub(super) linear: Matrix,
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

/// Kinks of a spline with the values `value`, `(at.len(), m)`, at the nodes `places[at]`. For one output, kinks of the same
/// sign on neighbouring data become one between them: the values at the data and the total variation stay as they are. A
/// spline with knots at all data stays the interpolant.
fn kinks(places: &[f64], at: &[usize], value: &[f64], m: usize) -> Vec<Kink> {
    let x = |j: usize| places[at[j]];
    let slope = |j: usize, o: usize| (value[(j + 1) * m + o] - value[j * m + o]) / (x(j + 1) - x(j));
    let bend = |j: usize, o: usize| slope(j, o) - slope(j - 1, o);
    let is_interpolant = at.len() == places.len();
    let (mut kinks, mut j) = (Vec::new(), 1);
    while j + 1 < at.len() {
        // Between neighbours in floating point there is no room for a kink.
        let has_room = |j: usize| x(j + 1) - x(j) > 2f64.powi(-30) * x(j).abs().max(x(j + 1).abs());
        let has_neighbour = m == 1 && !is_interpolant && j + 2 < at.len() && at[j + 1] == at[j] + 1 && has_room(j);
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
pub(super) fn count_kinks(places: &[f64], at: &[usize], value: &[f64], m: usize) -> usize {
    kinks(places, at, value, m).len()
}

impl Neurons {
    /// `c + C x`, `C` of shape `(m, d)`.
    pub(super) fn affine(intercept: Vec<f64>, linear: Matrix) -> Self {
        Self { hinges: Vec::new(), intercept, linear }
    }

    /// Adds a spline of `input`, which comes after those of all inputs so far.
    ///
    /// The nodes are `places[at]`; `bending` are the values there up to an affine function, `value` those in the units of the
    /// data; both `(at.len(), m)`. Slopes are chosen from left to right such that the function *with the rounded numbers*
    /// passes through the values: errors do not add up over many neurons.
    pub(super) fn join(&mut self, input: usize, places: &[f64], at: &[usize], bending: &[f64], value: &[f64]) {
        let m = self.intercept.len();
        let x = |j: usize| places[at[j]];
        let kinks = kinks(places, at, bending, m);
        let mut hinges: Vec<Hinge> =
            kinks.iter().map(|kink| Hinge { input, knot: kink.place, change: Vec::with_capacity(m) }).collect();
        for o in 0..m {
            let known = |j: usize| value[j * m + o];
            let aim = kinks.first().map_or(at.len() - 1, |_| 1);
            let first = if at.len() > 1 { (known(aim) - known(0)) / (x(aim) - x(0)) } else { 0.0 };
            let intercept = (-first).mul_add(x(0), known(0));
            let (mut height, mut rise) = (Running::default(), Running::default());
            height.add(intercept);
            height.add_product(first, x(0));
            rise.add(first);
            let mut here = x(0);
            for (hinge, kink) in hinges.iter_mut().zip(&kinks) {
                let step = kink.place - here;
                height.add_product(rise.sum, step);
                height.add(rise.error * step);
                here = kink.place;
                let wanted = (known(kink.aim) - height.value()) / (x(kink.aim) - here);
                let change = (wanted - rise.sum) - rise.error;
                hinge.change.push(change);
                rise.add(change);
            }
            self.intercept[o] += intercept;
            self.linear.row_mut(o)[input] = first;
        }
        self.hinges.extend(hinges);
    }

    /// As a grade that hands its inputs to the readout.
    pub(super) fn grade(&self) -> Result<Grade, ModelError> {
        grade(&self.hinges, &self.intercept, &self.linear)
    }

    /// Values at the rows of `x`, row-major.
    pub(super) fn predict(&self, x: &[f64]) -> Vec<f64> {
        predict(&self.hinges, &self.intercept, &self.linear, x)
    }
}

/// The grade `x -> c + C x + sum_j a_j relu(x_{i(j)} - t_j)`.
fn grade(hinges: &[Hinge], intercept: &[f64], linear: &Matrix) -> Result<Grade, ModelError> {
    let (k, d, m) = (hinges.len(), linear.cols(), intercept.len());
    // A layer has at least one neuron: one that no readout listens to stands for none.
    let width = k.max(1);
    let mut weights = Matrix::zeros(width, d);
    weights.row_mut(0)[0] = 1.0;
    let mut bias = vec![0.0; width];
    let mut read = Matrix::zeros(m, width + d);
    for (j, hinge) in hinges.iter().enumerate() {
        weights.row_mut(j)[0] = 0.0;
        weights.row_mut(j)[hinge.input] = 1.0;
        bias[j] = -hinge.knot;
        hinge.change.iter().enumerate().for_each(|(o, &change)| read.row_mut(o)[j] = change);
    }
    for o in 0..m {
        read.row_mut(o)[width..].copy_from_slice(linear.row(o));
    }
    let layer = Layer::new(weights, bias, Activation::Relu)?;
    Grade::new(vec![vec![layer]], true, Readout::new(read, intercept.to_vec())?)
}

/// A spline of one input, ready for evaluation: value at the first knot of each piece and slope on it, `(knots + 1, m)`;
/// piece 0 lies left of all knots.
pub(super) struct Pieces {
    knots: Vec<f64>,
    heights: Vec<f64>,
    rises: Vec<f64>,
}

impl Pieces {
    /// The spline with slope `slope` and value `intercept + slope x` left of the hinges, which are in ascending order.
    pub(super) fn new(hinges: &[Hinge], intercept: &[f64], slope: &[f64]) -> Self {
        let m = intercept.len();
        let mut pieces =
            Self { knots: hinges.iter().map(|h| h.knot).collect(), heights: Vec::new(), rises: Vec::new() };
        let mut state: Vec<(Running, Running)> = vec![Default::default(); m];
        for (o, (height, rise)) in state.iter_mut().enumerate() {
            height.add(intercept[o]);
            height.add_product(slope[o], pieces.start(0));
            rise.add(slope[o]);
        }
        pieces.record(&state);
        for (j, hinge) in hinges.iter().enumerate() {
            let step = if j > 0 { hinge.knot - hinges[j - 1].knot } else { 0.0 };
            for (o, (height, rise)) in state.iter_mut().enumerate() {
                height.add_product(rise.sum, step);
                height.add(rise.error * step);
                rise.add(hinge.change[o]);
            }
            pieces.record(&state);
        }
        pieces
    }

    fn record(&mut self, state: &[(Running, Running)]) {
        self.heights.extend(state.iter().map(|s| s.0.value()));
        self.rises.extend(state.iter().map(|s| s.1.value()));
    }

    /// Where the height of a piece is taken.
    fn start(&self, piece: usize) -> f64 {
        self.knots.get(piece.saturating_sub(1)).copied().unwrap_or(0.0)
    }

    /// Adds the values at `x` to `sum`, length `m`.
    pub(super) fn add_to(&self, x: f64, sum: &mut [f64]) {
        let (m, piece) = (sum.len(), self.knots.partition_point(|&t| t <= x));
        let (heights, rises) = (&self.heights[piece * m..(piece + 1) * m], &self.rises[piece * m..(piece + 1) * m]);
        let step = x - self.start(piece);
        sum.iter_mut().zip(heights.iter().zip(rises)).for_each(|(s, (h, r))| *s += r.mul_add(step, *h));
    }
}

/// The hinges of one input, by knot.
pub(super) fn hinges_of(hinges: &[Hinge], input: usize) -> &[Hinge] {
    let first = hinges.partition_point(|h| h.input < input);
    &hinges[first..hinges.partition_point(|h| h.input <= input)]
}

fn predict(hinges: &[Hinge], intercept: &[f64], linear: &Matrix, x: &[f64]) -> Vec<f64> {
    let (d, m) = (linear.cols(), intercept.len());
    let column = |i: usize| {
        let slope: Vec<f64> = (0..m).map(|o| linear.row(o)[i]).collect();
        let start = if i == 0 { intercept.to_vec() } else { vec![0.0; m] };
        Pieces::new(hinges_of(hinges, i), &start, &slope)
    };
    let columns: Vec<Pieces> = (0..d).map(column).collect();
    let mut values = vec![0.0; x.len() / d * m];
    for (sum, row) in values.chunks_exact_mut(m).zip(x.chunks_exact(d)) {
        columns.iter().zip(row).for_each(|(pieces, &x)| pieces.add_to(x, sum));
    }
    values
}

impl ConvexFit {
    /// The fit as a grade: one hidden ReLU layer, whose neurons read one input each and whose readout reads the inputs too.
    ///
    /// A fit without neurons has one neuron of readout weight 0. The grade reads and answers in the units of the samples.
    ///
    /// # Errors
    /// [`ModelError::NotFinite`] if a number of the fit was changed to NaN or infinity.
    pub fn grade(&self) -> Result<Grade, ModelError> {
        grade(&self.hinges, &self.intercept, &self.linear)
    }

    /// The values `f(x)`, row-major `(n, m)`, at the rows of `x`, row-major `(n, d)`; linear beyond the data.
    ///
    /// Takes `O(K)` once and `O(d (log K + m))` for each row. A last row that is not whole is left out.
    pub fn predict(&self, x: &[f64]) -> Vec<f64> {
        predict(&self.hinges, &self.intercept, &self.linear, x)
    }

    /// What the penalty is charged on, `sum_j s_{i(j)} |a_j|`.
    pub fn variation(&self) -> f64 {
        self.hinges.iter().map(|h| self.units[h.input] * norm(&h.change)).sum()
    }
}

/// The line of the proof.
impl fmt::Display for ConvexFit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.proof.fmt(f)
    }
}
