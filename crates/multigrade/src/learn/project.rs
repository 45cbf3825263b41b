//! The tube projection over trained approximants: no point's residual grows.
//!
//! ```text
//! p_k            the trained network after k grades, with f - p_k proved to lie in [lower_k, upper_k]
//! q_k            p_k + (lower_k + upper_k) / 2, so that |f - q_k| <= t_k, half the width of that
//! F_k            F_{k-1} + S_t(q_k - F_{k-1}), the nearest number to F_{k-1} in [q_k - t_k, q_k + t_k]
//! ```
//!
//! Beside the trained neurons every layer of a grade has one more, which carries `q_k - F_{k-1}` as far as it is known, shifted
//! so that it is never negative; a last layer makes the two ReLUs of the soft threshold `S_t` and hands on what later
//! grades read.

use multigrade_model::truth::Interval;
use multigrade_model::{Activation, Grade, History, Layer, Matrix, ModelError, Multigrade, Readout, SparseMatrix};

type Terms = Vec<(usize, f64)>;

/// What rounding of a few numbers of size 1 takes.
const ROUNDING: f64 = 32.0 * f64::EPSILON;

/// The projection of a trained model of ReLU grades with one output, whose `f_k` has `f - f_k` in `tubes[k - 1]` on a box where the scaled
/// inputs have at most these magnitudes and `|f - f_0| <= size`. Grades without branches of equal depth, or with other
/// activations, do not occur.
pub(super) fn project(
    model: &Multigrade,
    tubes: &[Interval],
    inputs: &[f64],
    size: f64,
) -> Result<Multigrade, ModelError> {
    let unit = model.output_scaling().scale()[0];
    let mut state = State {
        center: 0.0,
        radius: size / unit,
        drift: 0.0,
        features: inputs.len(),
        places: (0..inputs.len()).collect(),
        carried: Terms::new(),
        shift: 0.0,
    };
    let mut grades = Vec::with_capacity(tubes.len());
    for (k, (grade, tube)) in model.grades().iter().zip(tubes).enumerate() {
        grades.push(state.grade(grade, *tube, unit, inputs, k == 0)?);
    }
    let (schema, settings) = (model.schema().clone(), model.settings().clone());
    let (x, y) = (model.input_scaling().clone(), model.output_scaling().clone());
    Multigrade::new(schema, x, y, grades, History::default(), settings)
}

/// What is known after a grade, in the units of the scaled output.
struct State {
    /// `q_k - p_k`.
    center: f64,
    /// A bound of `|f - F_k|`.
    radius: f64,
    /// A bound of what rounding of weights moved so far.
    drift: f64,
    /// Features of the projected network, and where the trained ones are among them.
    features: usize,
    places: Vec<usize>,
    /// `q_k - F_k` is this sum minus `shift`.
    carried: Terms,
    shift: f64,
}

impl State {
    fn grade(
        &mut self,
        grade: &Grade,
        tube: Interval,
        unit: f64,
        inputs: &[f64],
        is_first: bool,
    ) -> Result<Grade, ModelError> {
        let center = tube.midpoint() / unit;
        let exact = |x: f64| Interval::point(x).unwrap_or(Interval::ENTIRE);
        let half = (tube - exact(tube.midpoint())).magnitude();
        let hidden = grade.n_hidden_features();
        let (weights, bias) = (grade.readout().weights().row(0), grade.readout().bias()[0]);
        let (of_hidden, of_inputs) = weights.split_at(hidden);

        // The state: q_{k-1} - F_{k-1}, what the correction has of the inputs, and how far the center moves.
        let before = if is_first { 0.0 } else { self.radius };
        let constant = bias + (center - self.center) - self.shift;
        let affine: f64 = of_inputs.iter().zip(inputs).map(|(a, z)| (a * z).abs()).sum();
        let floor = power_of_two_above(before + affine + bias.abs() + center.abs() + self.center.abs() + self.drift);
        let mut state = self.carried.clone();
        let first_input = self.places.len() - of_inputs.len();
        state.extend(of_inputs.iter().enumerate().map(|(j, a)| (self.places[first_input + j], *a)));

        let depth = grade.branches()[0].len();
        let mut layers = Vec::with_capacity(depth + 1);
        let mut columns = self.features;
        for l in 0..depth {
            let (mut rows, mut biases, mut offset) = (Vec::new(), Vec::new(), 0);
            for branch in grade.branches() {
                let layer = &branch[l];
                for (i, bias) in layer.bias().iter().enumerate() {
                    let place = |j: usize| if l == 0 { self.places[j] } else { offset + j };
                    rows.push(layer.weights().terms(i).map(|(j, w)| (place(j), w)).collect());
                    biases.push(*bias);
                }
                offset += if l == 0 { 0 } else { layer.inputs() };
            }
            let register = rows.len();
            let (row, shift) = if l == 0 { (state.clone(), constant + floor) } else { (vec![(columns - 1, 1.0)], 0.0) };
            rows.push(row);
            biases.push(shift);
            layers.push(relus(columns, rows, biases)?);
            columns = register + 1;
        }

        // E = q_k - F_{k-1}; both are near f.
        let slack = ROUNDING * (floor + self.shift.abs() + center.abs());
        self.drift += slack;
        let radius = (half / unit).next_up() * (1.0 + 4.0 * f64::EPSILON) + 2.0 * self.drift;
        let shift = power_of_two_above(self.radius + radius);
        let difference: Terms = of_hidden.iter().copied().enumerate().chain([(hidden, 1.0)]).collect();
        let opposite = difference.iter().map(|(j, w)| (*j, -w)).collect();
        let mut rows: Vec<Terms> = (0..hidden).map(|j| vec![(j, 1.0)]).collect();
        rows.extend([difference.clone(), difference, opposite]);
        let mut biases = vec![0.0; hidden];
        biases.extend([shift - floor, -floor - radius, floor - radius]);
        layers.push(relus(columns, rows, biases)?);

        let carried = of_inputs.len();
        let mut correction = Matrix::zeros(1, hidden + 3 + carried);
        (correction.row_mut(0)[hidden + 1], correction.row_mut(0)[hidden + 2]) = (1.0, -1.0);
        self.features = hidden + 3 + carried;
        self.places = (0..hidden).chain(hidden + 3..self.features).collect();
        self.carried = vec![(hidden, 1.0), (hidden + 1, -1.0), (hidden + 2, 1.0)];
        // |f - F_k| <= 2 t_k, while |q_k - F_k| <= t_k.
        (self.center, self.shift, self.radius) = (center, shift, 2.0 * radius);
        Grade::new(vec![layers], grade.carry_inputs(), Readout::new(correction, vec![0.0])?)
    }
}

fn relus(inputs: usize, rows: Vec<Terms>, bias: Vec<f64>) -> Result<Layer, ModelError> {
    let row = |mut row: Terms| {
        row.retain(|term| term.1 != 0.0);
        row.sort_by_key(|term| term.0);
        row
    };
    Layer::new(SparseMatrix::new(inputs, rows.into_iter().map(row).collect())?, bias, Activation::Relu)
}

/// The smallest power of two of at least 1e-300 that is above `x`: adding and taking away such a number rounds little.
fn power_of_two_above(x: f64) -> f64 {
    2f64.powi(x.max(1e-300).log2().ceil() as i32 + 1)
}
