//! Neurons that read one input each, with free biases and a free affine part: `omega` is a maximum over the data.

use super::twofold::{Moments, Running, Twofold};
use super::{ConvexProblem, Evidence, OracleBounds, ProofError, check_length};
use crate::network::{Activation, Grade};
use std::cmp::Ordering;

/// The affine parts that the optimum ranges over have slopes of at most this many times `max |y| / s_i`, or twice those of the
/// candidate. Steeper ones matter only where inputs depend on each other up to rounding, and then they fit the rounding.
const STEEPEST: f64 = 1024.0;

/// Of an input of which no larger share is left by those before it, the dual point is not made more orthogonal than it is:
/// the correction would be rounding.
const DEPENDENT: f64 = 1e-6;

/// What a dual point proves about a candidate; one vector of `V` for each distinct row of inputs, in lexicographic order.
pub(super) fn weigh(
    problem: &ConvexProblem<'_>,
    candidate: &Grade,
    dual_point: &[f64],
) -> Result<Evidence, ProofError> {
    let columns = Lines::columns(candidate)?;
    let outputs = candidate.readout().bias().len();
    let rows = Rows::new(problem, candidate.inputs(), outputs)?;
    let places = rows.places();
    let inputs = Input::all(&places);
    let value = rows.value(&columns, candidate.readout().bias(), &inputs, problem.penalty);
    let limit = limits(&columns, candidate.readout().bias(), &inputs, places.largest);
    let bound = bound(&places, &inputs, limit, outputs, problem.penalty, dual_point)?;
    Ok(Evidence {
        primal: value.total,
        rounding: value.rounding,
        neurons: value.neurons,
        dual: bound.dual,
        oracle: OracleBounds { lower: bound.omega, upper: bound.omega },
        weight: rows.total_weight(),
        cones: 0,
    })
}

/// The rows of a problem and the order of their inputs.
struct Rows<'a> {
    x: &'a [f64],
    y: &'a [f64],
    weights: Option<&'a [f64]>,
    inputs: usize,
    outputs: usize,
    /// Rows of positive weight, ascending.
    order: Vec<usize>,
}

/// Value of a candidate.
struct Value {
    total: Twofold,
    /// The loss that remains when each stored number is moved by a few of its rounding errors.
    rounding: f64,
    neurons: usize,
}

/// A lower bound of the optimal value, and `omega` of the dual point it came from.
struct Bound {
    dual: Twofold,
    omega: f64,
}

/// The distinct rows of inputs, in lexicographic order; for each the total weight of its rows and the weighted mean of their
/// targets `(n, m)`.
struct Places {
    /// Row-major, `(n, d)`.
    x: Vec<f64>,
    inputs: usize,
    weight: Vec<Twofold>,
    mean: Vec<Twofold>,
    /// The loss that rows of equal inputs cause whatever the fit is.
    spread: Twofold,
    /// Size of the largest target.
    largest: f64,
}

impl<'a> Rows<'a> {
    fn new(problem: &ConvexProblem<'a>, inputs: usize, outputs: usize) -> Result<Self, ProofError> {
        let ConvexProblem { x, y, weights, .. } = *problem;
        let n = y.len() / outputs;
        check_length("y", n * outputs, y.len())?;
        check_length("x", n * inputs, x.len())?;
        check_length("weights", n, weights.map_or(n, <[f64]>::len))?;
        let mut order: Vec<usize> = (0..n).filter(|&i| weights.is_none_or(|w| w[i] > 0.0)).collect();
        if order.is_empty() {
            return Err(ProofError::Length { what: "rows of positive weight", expected: 1, found: 0 });
        }
        let row = |i: usize| &x[i * inputs..(i + 1) * inputs];
        // All numbers are finite, so the order is total; -0.0 and 0.0 are the same place.
        order.sort_by(|&i, &j| row(i).partial_cmp(row(j)).unwrap_or(Ordering::Equal));
        Ok(Self { x, y, weights, inputs, outputs, order })
    }

    fn row(&self, i: usize) -> &[f64] {
        &self.x[i * self.inputs..(i + 1) * self.inputs]
    }

    fn weight(&self, row: usize) -> f64 {
        self.weights.map_or(1.0, |w| w[row])
    }

    fn total_weight(&self) -> Twofold {
        self.order.iter().map(|&i| Twofold::from(self.weight(i))).sum()
    }

    fn targets(&self, row: usize) -> &[f64] {
        &self.y[row * self.outputs..(row + 1) * self.outputs]
    }

    fn places(&self) -> Places {
        let mut places = Places {
            x: Vec::new(),
            inputs: self.inputs,
            weight: Vec::new(),
            mean: Vec::new(),
            spread: Twofold::ZERO,
            largest: 0.0,
        };
        for rows in self.order.chunk_by(|&i, &j| self.row(i) == self.row(j)) {
            let weight: Twofold = rows.iter().map(|&i| Twofold::from(self.weight(i))).sum();
            for o in 0..self.outputs {
                let target = |i: usize| Twofold::from(self.targets(i)[o]);
                let mean = match rows {
                    [single] => target(*single),
                    _ => rows.iter().map(|&i| target(i) * self.weight(i)).sum::<Twofold>() / weight,
                };
                for &i in rows.iter().filter(|_| rows.len() > 1) {
                    let off = target(i) - mean;
                    places.spread = places.spread + off * off * (0.5 * self.weight(i));
                }
                places.largest = places.largest.max(mean.value().abs());
                places.mean.push(mean);
            }
            places.x.extend(self.row(rows[0]));
            places.weight.push(weight);
        }
        places
    }

    /// `1/2 sum_i w_i |y_i - f(x_i)|² + β sum_j s_j |v_j| |a_j|`.
    fn value(&self, columns: &[Lines], bias: &[f64], inputs: &[Input], penalty: f64) -> Value {
        let m = self.outputs;
        let places: Vec<&[usize]> = self.order.chunk_by(|&i, &j| self.row(i) == self.row(j)).collect();
        let mut fitted = Vec::with_capacity(places.len() * m);
        for rows in &places {
            let row = self.row(rows[0]);
            for (o, &bias) in bias.iter().enumerate() {
                let (mut fit, mut size) = (Running::default(), bias.abs());
                fit.add(Twofold::from(bias));
                for (column, &x) in columns.iter().zip(row) {
                    fit.add(Twofold::product(column.slope[o], x));
                    size += (column.slope[o] * x).abs();
                }
                fitted.push((fit.value(), size));
            }
        }
        let (mut norm, mut neurons) = (Twofold::ZERO, 0);
        for (column, input) in columns.iter().zip(inputs).filter(|(column, _)| !column.kinks.is_empty()) {
            let mut walk = Walk::new(column, m);
            norm = norm + walk.norm * input.unit;
            neurons += walk.working;
            for &k in &input.order {
                let k = k as usize;
                let x = self.row(places[k][0])[input.number];
                walk.advance(x);
                for (o, (fit, size)) in fitted[k * m..(k + 1) * m].iter_mut().enumerate() {
                    *fit = *fit + walk.value(o, x);
                    *size += walk.magnitude(o, x);
                }
            }
        }
        let (mut loss, mut rounding) = (Twofold::ZERO, 0.0);
        for (rows, fitted) in places.iter().zip(fitted.chunks_exact(m)) {
            for &i in *rows {
                for (&target, (fit, size)) in self.targets(i).iter().zip(fitted) {
                    let off = Twofold::from(target) - *fit;
                    loss = loss + off * off * (0.5 * self.weight(i));
                    let moved = 2f64.powi(-50) * (target.abs() + size);
                    rounding += 0.5 * self.weight(i) * moved * moved;
                }
            }
        }
        Value { total: loss + norm * penalty, rounding, neurons }
    }
}

/// One input at the distinct rows.
struct Input {
    number: usize,
    /// The distinct rows by ascending input.
    order: Vec<u32>,
    /// The unit of the penalty: the weighted standard deviation; 1 if the input is constant.
    unit: f64,
    /// Near the weighted mean.
    middle: f64,
    /// 1 divided by the power of two next below the unit; 0 if the input is constant.
    scale: f64,
}

impl Input {
    fn all(places: &Places) -> Vec<Self> {
        let orders: Vec<Vec<u32>> = (0..places.inputs).map(|number| places.order(number)).collect();
        let first = &places.x[..places.inputs];
        let reach = |(number, order): (usize, &Vec<u32>)| {
            places.x(order[order.len() - 1] as usize, number) - places.x(order[0] as usize, number)
        };
        let reach: Vec<f64> = orders.iter().enumerate().map(reach).collect();
        let inverse = |reach: &f64| if *reach > 0.0 { 1.0 / power_of_two(*reach) } else { 0.0 };
        let scale: Vec<f64> = reach.iter().map(inverse).collect();
        let mut sums = Moments::zero(places.inputs);
        for (row, &weight) in places.rows() {
            sums.add(weight, row, first, &scale);
        }
        let total: Twofold = places.weight.iter().copied().sum();
        let means = sums.values().into_iter().zip(first.iter().zip(&scale));
        let middle: Vec<f64> = means
            .map(|(sum, (&first, &scale))| if scale > 0.0 { first + (sum / total).value() / scale } else { first })
            .collect();
        let mut squares = vec![Running::default(); places.inputs];
        for (row, weight) in places.rows() {
            for (sum, ((x, middle), scale)) in squares.iter_mut().zip(row.iter().zip(&middle).zip(&scale)) {
                let z = (x - middle) * scale;
                sum.add(Twofold::from(weight.value() * z * z));
            }
        }
        let input = |(number, order): (usize, Vec<u32>)| {
            let spread = (squares[number].value() / total).sqrt().value();
            let unit = if scale[number] > 0.0 { spread / scale[number] } else { 1.0 };
            let scale = if scale[number] > 0.0 { 1.0 / power_of_two(unit) } else { 0.0 };
            Self { number, order, unit, middle: middle[number], scale }
        };
        orders.into_iter().enumerate().map(input).collect()
    }
}

/// The largest power of two that is at most `value`, within a range where the inverse is finite too.
fn power_of_two(value: f64) -> f64 {
    f64::from_bits(value.to_bits() & (0x7ff << 52)).clamp(2f64.powi(-1000), 2f64.powi(1000))
}

impl Places {
    fn x(&self, k: usize, input: usize) -> f64 {
        self.x[k * self.inputs + input]
    }

    /// Inputs and weight of each.
    fn rows(&self) -> impl Iterator<Item = (&[f64], &Twofold)> {
        self.x.chunks_exact(self.inputs).zip(&self.weight)
    }

    /// By ascending `input`; of equal ones the earlier first.
    fn order(&self, input: usize) -> Vec<u32> {
        let count = u32::try_from(self.weight.len()).unwrap_or(u32::MAX);
        if self.inputs == 1 {
            return (0..count).collect();
        }
        let mut places: Vec<(f64, u32)> = (0..count).map(|k| (self.x(k as usize, input) + 0.0, k)).collect();
        places.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        places.into_iter().map(|(_, k)| k).collect()
    }
}

/// What the affine part may be at most: its value where all inputs are at their middle, then its slopes in the units of
/// [`Input::scale`].
fn limits(columns: &[Lines], bias: &[f64], inputs: &[Input], largest: f64) -> Vec<f64> {
    let most = |values: &mut dyn Iterator<Item = f64>| values.fold(0.0, f64::max);
    let centre = |(o, bias): (usize, &f64)| {
        let terms = columns.iter().zip(inputs).map(|(column, input)| column.slope[o] * input.middle);
        let (value, size) = terms.fold((*bias, bias.abs()), |(value, size), t| (value + t, size + t.abs()));
        2.0 * value.abs() + 2f64.powi(-40) * size
    };
    let mut limits = vec![most(&mut bias.iter().enumerate().map(centre)).max(STEEPEST * largest)];
    for (column, input) in columns.iter().zip(inputs) {
        let own = 2.0 * most(&mut column.slope.iter().map(|c| c.abs()));
        let limit = own.max(STEEPEST * largest / input.unit) / input.scale;
        limits.push(if input.scale > 0.0 { limit } else { 0.0 });
    }
    limits
}

/// The bound that a dual point gives after projection and scaling.
fn bound(
    places: &Places,
    inputs: &[Input],
    limit: Vec<f64>,
    m: usize,
    penalty: f64,
    dual_point: &[f64],
) -> Result<Bound, ProofError> {
    check_length("dual point", places.weight.len() * m, dual_point.len())?;
    let span = Span::new(places, inputs, limit);
    let mut columns = Vec::new();
    let mut free = 0.0;
    for o in 0..m {
        let mut column = dual_point.iter().skip(o).step_by(m).map(|&v| Twofold::from(v)).collect::<Vec<_>>();
        free += span.project_out(&mut column);
        columns.push(column);
    }
    let (mut linear, mut quadratic) = (Twofold::ZERO, Twofold::ZERO);
    for (o, column) in columns.iter().enumerate() {
        for (k, &v) in column.iter().enumerate() {
            linear = linear + v * places.mean[k * m + o];
            quadratic = quadratic + v * v / places.weight[k];
        }
    }
    let own: Twofold = dual_point.iter().enumerate().map(|(i, &v)| Twofold::from(v) * v / places.weight[i / m]).sum();
    // A dual point that is all affine leaves rounding errors, which must not be scaled up to a bound.
    if !quadratic.is_above(own * 2f64.powi(-60)) {
        return Ok(Bound { dual: places.spread, omega: 0.0 });
    }
    // Rounded a few times after sums of twice the digits; the scale of the dual point leaves room for that.
    let omega = inputs.iter().map(|input| omega(places, input, &columns)).fold(0.0, f64::max);
    // s V is feasible for |s| <= β / omega; D(s V) = s <V, Y> - s² |V|² / 2 is largest at <V, Y> / |V|².
    let best = (linear / quadratic).value();
    let largest = if omega > 0.0 { penalty / omega } else { f64::INFINITY };
    // One part in 2^50 inside the constraint, so that rounding cannot push it out.
    let s = best.clamp(-largest, largest) * (1.0 - 2f64.powi(-50));
    // What an affine part within its limits could gain from what the projection left.
    let leak = free * s.abs();
    let gain = linear * s - quadratic * (0.5 * s * s) - Twofold::from(leak);
    // V = 0 is always feasible.
    let dual = if gain.is_above(Twofold::ZERO) { places.spread + gain } else { places.spread };
    Ok(Bound { dual, omega })
}

/// The affine functions on the distinct rows: `1` and the inputs `z` about their middle, in powers of two; and a triangle that
/// approximates their least squares. What it is off is measured, never assumed.
struct Span<'a> {
    places: &'a Places,
    middle: Vec<f64>,
    scale: Vec<f64>,
    /// The triangle `R` of `sqrt(W) [1, Z] = Q R` by rows; rows of columns that depend on earlier ones are zero.
    triangle: Vec<f64>,
    /// What an affine part may be at most in each column.
    limit: Vec<f64>,
    /// Bound of `|z|` in each column.
    reach: Vec<f64>,
}

impl<'a> Span<'a> {
    fn new(places: &'a Places, inputs: &[Input], limit: Vec<f64>) -> Self {
        let size = inputs.len() + 1;
        let middle: Vec<f64> = inputs.iter().map(|input| input.middle).collect();
        let scale: Vec<f64> = inputs.iter().map(|input| input.scale).collect();
        let end = |input: &Input, k: u32| ((places.x(k as usize, input.number) - input.middle) * input.scale).abs();
        let farthest = |input: &Input| end(input, input.order[0]).max(end(input, input.order[input.order.len() - 1]));
        let reach = std::iter::once(1.0).chain(inputs.iter().map(farthest)).collect();
        let mut span = Self { places, middle, scale, triangle: vec![0.0; size * size], limit, reach };
        span.orthogonalise(inputs);
        span
    }

    /// Gram-Schmidt, one column after the other: its triangle is that of columns which differ from these by rounding,
    /// however nearly they depend on each other.
    fn orthogonalise(&mut self, inputs: &[Input]) {
        let size = inputs.len() + 1;
        let root: Vec<f64> = self.places.weight.iter().map(|w| w.value().sqrt()).collect();
        let mut basis: Vec<Vec<f64>> = Vec::new();
        for j in 0..size {
            let mut column = root.clone();
            if let Some(input) = j.checked_sub(1).map(|j| &inputs[j]) {
                for (k, c) in column.iter_mut().enumerate() {
                    *c *= (self.places.x(k, input.number) - input.middle) * input.scale;
                }
            }
            let whole = length(&column);
            for (i, q) in basis.iter().enumerate().filter(|(_, q)| !q.is_empty()) {
                let share = dot(q, &column);
                self.triangle[i * size + j] = share;
                column.iter_mut().zip(q).for_each(|(c, q)| *c -= share * q);
            }
            let left = length(&column);
            let is_new = left > DEPENDENT * whole;
            if is_new {
                self.triangle[j * size + j] = left;
                column.iter_mut().for_each(|c| *c /= left);
            } else {
                column = Vec::new();
            }
            basis.push(column);
        }
    }

    fn moments(&self, v: &[Twofold]) -> Left {
        let (mut sum, mut moments, mut size) = (Running::default(), Moments::zero(self.middle.len()), 0.0);
        for ((row, _), &v) in self.places.rows().zip(v) {
            sum.add(v);
            moments.add(v, row, &self.middle, &self.scale);
            size += v.value().abs();
        }
        let of_columns = std::iter::once(sum.value()).chain(moments.values()).map(Twofold::value).collect();
        Left { of_columns, rounding: 2f64.powi(-100) * v.len() as f64 * size }
    }

    /// Makes a column of `V` orthogonal to the span, as far as that goes: multiples of `w` times affine functions are taken
    /// off. Gives what affine parts within their limits can gain from the moments that are left.
    fn project_out(&self, v: &mut [Twofold]) -> f64 {
        let mut moments = self.moments(v);
        // Each time they shrink to the rounding of the triangle, at least a thousandfold.
        for _ in 0..8 {
            let (free, least) = (self.free(&moments), self.free(&Left { of_columns: Vec::new(), ..moments }));
            // A comparison with NaN ends it too.
            let matters = free > 4.0 * least;
            if !matters {
                break;
            }
            self.correct(v, moments.of_columns);
            moments = self.moments(v);
            let shrinks = self.free(&moments) < 0.25 * free;
            if !shrinks {
                break;
            }
        }
        self.free(&moments)
    }

    fn free(&self, moments: &Left) -> f64 {
        let left = moments.of_columns.iter().map(|m| m.abs()).chain(std::iter::repeat(0.0));
        let bounds = self.limit.iter().zip(&self.reach).zip(left);
        bounds.map(|((limit, reach), m)| limit * (m + moments.rounding * reach)).sum()
    }

    /// `V - W [1, Z] c` with `R'R c = moments`.
    fn correct(&self, v: &mut [Twofold], mut moments: Vec<f64>) {
        let size = moments.len();
        let t = |i: usize, j: usize| self.triangle[i * size + j];
        for i in 0..size {
            let sum: f64 = (0..i).map(|j| t(j, i) * moments[j]).sum();
            moments[i] = if t(i, i) > 0.0 { (moments[i] - sum) / t(i, i) } else { 0.0 };
        }
        for i in (0..size).rev() {
            let sum: f64 = (i + 1..size).map(|j| t(i, j) * moments[j]).sum();
            moments[i] = if t(i, i) > 0.0 { (moments[i] - sum) / t(i, i) } else { 0.0 };
        }
        let slopes: Vec<f64> = moments[1..].iter().zip(&self.scale).map(|(c, s)| c * s).collect();
        for ((row, &weight), v) in self.places.rows().zip(v) {
            let z = row.iter().zip(&self.middle).map(|(x, middle)| x - middle);
            let affine = moments[0] + z.zip(&slopes).map(|(z, c)| z * c).sum::<f64>();
            *v = *v - weight * affine;
        }
    }
}

/// Moments `[1, Z]'V`.
struct Left {
    of_columns: Vec<f64>,
    /// What rounding can make of a moment with a column of numbers of at most 1.
    rounding: f64,
}

/// In eight strands, which the compiler can put side by side.
fn dot(a: &[f64], b: &[f64]) -> f64 {
    let (mut sums, parts) = ([0.0; 8], a.len() / 8 * 8);
    for (a, b) in a[..parts].chunks_exact(8).zip(b[..parts].chunks_exact(8)) {
        for k in 0..8 {
            sums[k] += a[k] * b[k];
        }
    }
    let rest: f64 = a[parts..].iter().zip(&b[parts..]).map(|(a, b)| a * b).sum();
    sums.iter().sum::<f64>() + rest
}

fn length(a: &[f64]) -> f64 {
    dot(a, a).sqrt()
}

/// `max_k |u(x_k)| / s`, `u(t) = sum_i V_i relu(x_i - t)`: between two places `u` is linear, and outside it vanishes.
fn omega(places: &Places, input: &Input, columns: &[Vec<Twofold>]) -> f64 {
    let first = places.x(input.order[0] as usize, input.number);
    let mut state = vec![(Running::default(), Running::default()); columns.len()];
    let mut largest = 0.0;
    for pair in input.order.windows(2).rev() {
        let (k, next) = (pair[0] as usize, pair[1] as usize);
        let x = places.x(k, input.number);
        let step = Twofold::from(places.x(next, input.number)) - Twofold::from(x);
        let mut square = 0.0;
        for ((sum, u), column) in state.iter_mut().zip(columns) {
            sum.add(column[next]);
            u.add_product(*sum, step);
            let size = u.value().value();
            square += size * size;
        }
        let rounding = 1.0 + columns.len() as f64 * f64::EPSILON;
        let size = if columns.len() == 1 { state[0].1.value().value().abs() } else { square.sqrt() * rounding };
        // After the projection u vanishes at the first place; what is left there is what the projection left.
        if x > first && size > largest {
            largest = size;
        }
    }
    largest / input.unit
}

/// What a candidate does with one input.
struct Lines {
    /// Slope of the affine part, per output.
    slope: Vec<f64>,
    kinks: Vec<Kink>,
}

impl Lines {
    /// The candidate by inputs.
    fn columns(candidate: &Grade) -> Result<Vec<Self>, ProofError> {
        let expected = "one hidden ReLU layer whose neurons read one input each, with an affine part";
        let not = |found| Err(ProofError::Candidate { found, expected });
        let [branch] = candidate.branches() else { return not("has several branches") };
        let [layer] = branch.as_slice() else { return not("has several hidden layers") };
        if layer.activation() != Activation::Relu {
            return not("has another activation");
        }
        let (hidden, inputs) = (layer.outputs(), layer.inputs());
        if !candidate.carry_inputs() || candidate.n_features() != hidden + inputs {
            return not("does not hand its inputs to the readout");
        }
        let readout = candidate.readout();
        let column = |k: usize| (0..readout.bias().len()).map(|o| readout.weights().row(o)[k]).collect::<Vec<f64>>();
        let mut lines: Vec<Self> = (0..inputs).map(|i| Self { slope: column(hidden + i), kinks: Vec::new() }).collect();
        for j in 0..hidden {
            let mut read = layer.weights().terms(j).filter(|term| term.1 != 0.0);
            // A neuron without input is a constant, as good on one input as on another.
            let (input, weight) = read.next().unwrap_or((0, 0.0));
            if read.next().is_some() {
                return not("has a neuron that reads several inputs");
            }
            lines[input].kinks.push(Kink { weight, bias: layer.bias()[j], readout: column(j) });
        }
        Ok(lines)
    }
}

/// The neurons of one input as a piecewise linear function, walked from left to right.
struct Walk {
    /// Kinks still ahead, the next one last: place, and per output the change of intercept and slope there.
    ahead: Vec<Kink>,
    /// `(intercept, slope)` per output on the piece walked.
    piece: Vec<(Twofold, Twofold)>,
    /// The same sums with every term positive.
    magnitude: Vec<(f64, f64)>,
    /// `sum_j |v_j| |a_j|`.
    norm: Twofold,
    working: usize,
}

#[derive(Clone)]
struct Kink {
    weight: f64,
    bias: f64,
    readout: Vec<f64>,
}

impl Walk {
    fn new(lines: &Lines, outputs: usize) -> Self {
        let (piece, magnitude) = (vec![(Twofold::ZERO, Twofold::ZERO); outputs], vec![(0.0, 0.0); outputs]);
        let mut walk = Self { ahead: Vec::new(), piece, magnitude, norm: Twofold::ZERO, working: 0 };
        lines.kinks.iter().for_each(|kink| walk.join(kink.clone()));
        walk.ahead.sort_by(|a, b| (-b.bias / b.weight).total_cmp(&(-a.bias / a.weight)));
        walk
    }

    fn join(&mut self, kink: Kink) {
        let length = kink.readout.iter().map(|&a| Twofold::from(a) * a).sum::<Twofold>().sqrt();
        self.norm = self.norm + length * kink.weight.abs();
        if kink.weight == 0.0 {
            // A neuron without input is a constant, and constants are free.
            for ((intercept, _), &a) in self.piece.iter_mut().zip(&kink.readout) {
                *intercept = *intercept + Twofold::from(kink.bias.max(0.0)) * a;
            }
        } else if kink.readout.iter().any(|&a| a != 0.0) {
            self.working += 1;
            if kink.weight < 0.0 {
                self.add(&kink, 1.0);
            }
            self.ahead.push(kink);
        }
    }

    fn add(&mut self, kink: &Kink, sign: f64) {
        for ((intercept, slope), &a) in self.piece.iter_mut().zip(&kink.readout) {
            *intercept = *intercept + Twofold::from(kink.bias) * (sign * a);
            *slope = *slope + Twofold::from(kink.weight) * (sign * a);
        }
        for ((intercept, slope), a) in self.magnitude.iter_mut().zip(&kink.readout) {
            *intercept = (*intercept + sign * (kink.bias * a).abs()).max(0.0);
            *slope = (*slope + sign * (kink.weight * a).abs()).max(0.0);
        }
    }

    /// Walks to `x`, which must not lie left of where it stands.
    fn advance(&mut self, x: f64) {
        // The fused product is rounded once, so its sign is the sign of the preactivation.
        while let Some(kink) = self.ahead.pop_if(|k| k.weight.signum() * k.weight.mul_add(x, k.bias) > 0.0) {
            self.add(&kink, kink.weight.signum());
        }
    }

    fn value(&self, output: usize, x: f64) -> Twofold {
        let (intercept, slope) = self.piece[output];
        intercept + slope * x
    }

    /// Sum of the magnitudes of all terms of the value.
    fn magnitude(&self, output: usize, x: f64) -> f64 {
        let (intercept, slope) = self.magnitude[output];
        intercept + slope * x.abs()
    }
}
