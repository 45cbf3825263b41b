//! Loss and gradient of a grade by plain loops, every number with a bound of what rounding may have done to the
//! kernels' version of it (running error analysis).

use multigrade_kernels::{Activation, Loss, Real, Shape};

/// A number the kernels know up to `error`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounded {
    pub(crate) value: f64,
    pub(crate) error: f64,
}

impl Bounded {
    pub(crate) const ZERO: Self = Self { value: 0.0, error: 0.0 };

    pub(crate) fn exact(value: f64) -> Self {
        Self { value, error: 0.0 }
    }

    pub(crate) fn contains(self, found: f64) -> bool {
        (found - self.value).abs() <= self.error
    }

    fn largest(self) -> f64 {
        self.value.abs() + self.error
    }
}

/// Half the sum of squared differences from the targets, `(n, outputs)` row-major.
pub(crate) struct HalfSquares<T> {
    pub(crate) targets: Vec<T>,
    pub(crate) outputs: usize,
}

impl<T: Real> Loss<T> for HalfSquares<T> {
    fn evaluate(&self, first_row: usize, outputs: &mut [T]) -> f64 {
        let targets = &self.targets[first_row * self.outputs..][..outputs.len()];
        let mut sum = 0.0;
        for (output, &target) in outputs.iter_mut().zip(targets) {
            *output -= target;
            sum += 0.5 * output.to_f64() * output.to_f64();
        }
        sum
    }
}

/// The numbers a grade is evaluated on.
pub(crate) struct Case {
    pub(crate) shape: Shape,
    pub(crate) rows: usize,
    pub(crate) parameters: Vec<f64>,
    pub(crate) inputs: Vec<f64>,
    pub(crate) carried: Vec<f64>,
    pub(crate) targets: Vec<f64>,
}

impl Case {
    /// A case whose numbers look random and are representable in f32.
    pub(crate) fn random(shape: Shape, rows: usize, seed: u64) -> Self {
        let mut state = seed;
        let mut numbers = |count: usize, scale: f32| -> Vec<f64> {
            let mut next = || {
                state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
                f64::from(((state >> 40) as f32 / (1u32 << 23) as f32 - 1.0) * scale)
            };
            (0..count).map(|_| next()).collect()
        };
        let parameters = numbers(shape.n_parameters(), 0.8);
        let inputs = numbers(rows * shape.inputs(), 1.0);
        let carried = numbers(rows * shape.carried(), 1.0);
        let targets = numbers(rows * shape.outputs(), 1.0);
        Self { shape, rows, parameters, inputs, carried, targets }
    }

    pub(crate) fn loss<T: Real>(&self) -> HalfSquares<T> {
        HalfSquares { targets: convert(&self.targets), outputs: self.shape.outputs() }
    }
}

pub(crate) fn convert<T: Real>(numbers: &[f64]) -> Vec<T> {
    numbers.iter().map(|&x| T::from_f64(x)).collect()
}

/// Rounding of the kernels in precision `T` and of this reference, together.
struct Rounding {
    unit: f64,
    smallest: f64,
}

impl Rounding {
    /// `start + sum of a b`, in any order of summation, for at most `extra` sums more than there are terms.
    fn dot(&self, start: Bounded, pairs: impl Iterator<Item = (Bounded, Bounded)>, extra: usize) -> Bounded {
        let (mut value, mut error, mut magnitude, mut count) = (start.value, start.error, start.largest(), extra + 1);
        for (a, b) in pairs {
            value += a.value * b.value;
            error += a.value.abs() * b.error + b.value.abs() * a.error + a.error * b.error;
            magnitude += a.largest() * b.largest();
            count += 1;
        }
        let gamma = count as f64 * self.unit / (1.0 - count as f64 * self.unit);
        Bounded { value, error: error + gamma * magnitude + count as f64 * self.smallest }
    }

    /// One more operation with at most `ulps` units in the last place of error, each at most 2 u of the number.
    fn rounded(&self, value: f64, error: f64, ulps: f64) -> Bounded {
        Bounded { value, error: error + 2.0 * ulps * self.unit * (value.abs() + error) + self.smallest }
    }

    /// The activation at `z` and its derivative.
    fn activate(&self, activation: Activation, z: Bounded) -> (Bounded, Bounded) {
        let value = activation.apply(z.value);
        let slope = activation.derivative(z.value);
        match activation {
            Activation::Relu => {
                // Where rounding may have moved z across the kink, the slope may be 0 or 1.
                let error = if z.value.abs() <= z.error { 1.0 } else { 0.0 };
                (Bounded { value, error: z.error }, Bounded { value: slope, error })
            }
            Activation::Tanh => {
                let h = self.rounded(value, z.error, 4.0);
                (h, self.rounded(slope, h.error * (2.0 * h.value.abs() + h.error) + 2.0 * self.unit, 2.0))
            }
            Activation::Sin => (self.rounded(value, z.error, 3.0), self.rounded(slope, z.error, 3.0)),
            Activation::Square => {
                let error = z.error * (2.0 * z.value.abs() + z.error);
                (self.rounded(value, error, 1.0), self.rounded(slope, 2.0 * z.error, 1.0))
            }
            Activation::Identity => (z, Bounded::exact(1.0)),
        }
    }

    fn product(&self, a: Bounded, b: Bounded) -> Bounded {
        let error = a.value.abs() * b.error + b.value.abs() * a.error + a.error * b.error;
        self.rounded(a.value * b.value, error, 1.0)
    }
}

/// What is known of one row: features of every layer, slopes of every layer, outputs.
struct Row {
    features: Vec<Vec<Bounded>>,
    slopes: Vec<Vec<Bounded>>,
    outputs: Vec<Bounded>,
}

/// The last hidden features of every row.
pub(crate) fn last_features<T: Real>(case: &Case) -> Vec<Bounded> {
    let rounding = rounding::<T>();
    (0..case.rows).flat_map(|row| forward(&rounding, case, row).features.pop().expect("a layer")).collect()
}

/// Loss and gradient, with bounds for kernels in precision `T`.
pub(crate) fn loss_and_gradient<T: Real>(case: &Case) -> (Bounded, Vec<Bounded>) {
    let rounding = rounding::<T>();
    let shape = &case.shape;
    let mut loss = Bounded::ZERO;
    // Per parameter, the terms its derivative is the sum of.
    let mut terms: Vec<Vec<(Bounded, Bounded)>> = vec![Vec::with_capacity(case.rows); shape.n_parameters()];
    for row in 0..case.rows {
        let known = forward(&rounding, case, row);
        let errors: Vec<Bounded> = known
            .outputs
            .iter()
            .zip(&case.targets[row * shape.outputs()..])
            .map(|(output, target)| rounding.rounded(output.value - target, output.error, 1.0))
            .collect();
        for &e in &errors {
            loss = rounding.dot(loss, [(Bounded::exact(0.5 * e.value), e)].into_iter(), 0);
            loss.error += 0.5 * e.error * e.largest();
        }
        backward(&rounding, case, row, &known, &errors, &mut terms);
    }
    let gradient = terms.into_iter().map(|terms| rounding.dot(Bounded::ZERO, terms.into_iter(), 16)).collect();
    (loss, gradient)
}

fn rounding<T: Real>() -> Rounding {
    let single = T::UNIT_ROUNDOFF.to_f64() > 1e-10;
    Rounding {
        unit: T::UNIT_ROUNDOFF.to_f64() + f64::UNIT_ROUNDOFF,
        smallest: if single { f32::MIN_POSITIVE.into() } else { f64::MIN_POSITIVE },
    }
}

fn forward(rounding: &Rounding, case: &Case, row: usize) -> Row {
    let shape = &case.shape;
    let parameter = |index: usize| Bounded::exact(case.parameters[index]);
    let mut current: Vec<Bounded> = input_row(case, row);
    let (mut features, mut slopes) = (Vec::new(), Vec::new());
    for layer in shape.layers() {
        let neuron = |k: usize| {
            let weights = (0..layer.inputs).map(|i| parameter(layer.weights.start + k * layer.inputs + i));
            let bias = parameter(layer.bias.start + k);
            let z = rounding.dot(bias, weights.zip(current.iter().copied()), 0);
            rounding.activate(layer.activation, z)
        };
        let (h, s): (Vec<_>, Vec<_>) = (0..layer.outputs).map(neuron).unzip();
        features.push(h.clone());
        slopes.push(s);
        current = h;
    }
    current.extend(carried_row(case, row));
    let readout = shape.readout();
    let outputs = (0..readout.outputs)
        .map(|o| {
            let weights = (0..current.len()).map(|i| parameter(readout.weights.start + o * current.len() + i));
            rounding.dot(parameter(readout.bias.start + o), weights.zip(current.iter().copied()), 1)
        })
        .collect();
    Row { features, slopes, outputs }
}

fn backward(
    rounding: &Rounding,
    case: &Case,
    row: usize,
    known: &Row,
    errors: &[Bounded],
    terms: &mut [Vec<(Bounded, Bounded)>],
) {
    let shape = &case.shape;
    let parameter = |index: usize| Bounded::exact(case.parameters[index]);
    let readout = shape.readout();
    let mut read = known.features.last().expect("a layer").clone();
    read.extend(carried_row(case, row));
    for (o, &e) in errors.iter().enumerate() {
        terms[readout.bias.start + o].push((e, Bounded::exact(1.0)));
        for (i, &h) in read.iter().enumerate() {
            terms[readout.weights.start + o * read.len() + i].push((e, h));
        }
    }
    let mut delta: Vec<Bounded> = (0..readout.features)
        .map(|i| {
            let weight = |o: usize| parameter(readout.weights.start + o * read.len() + i);
            rounding.dot(Bounded::ZERO, errors.iter().enumerate().map(|(o, &e)| (weight(o), e)), 0)
        })
        .collect();
    for (index, layer) in shape.layers().iter().enumerate().rev() {
        for (d, &slope) in delta.iter_mut().zip(&known.slopes[index]) {
            *d = rounding.product(*d, slope);
        }
        let inputs = if index == 0 { input_row(case, row) } else { known.features[index - 1].clone() };
        for (k, &d) in delta.iter().enumerate() {
            terms[layer.bias.start + k].push((d, Bounded::exact(1.0)));
            for (i, &h) in inputs.iter().enumerate() {
                terms[layer.weights.start + k * layer.inputs + i].push((d, h));
            }
        }
        let back = |i: usize| {
            let weight = |k: usize| parameter(layer.weights.start + k * layer.inputs + i);
            rounding.dot(Bounded::ZERO, delta.iter().enumerate().map(|(k, &d)| (weight(k), d)), 0)
        };
        delta = (0..layer.inputs).map(back).collect();
    }
}

fn input_row(case: &Case, row: usize) -> Vec<Bounded> {
    let columns = case.shape.inputs();
    case.inputs[row * columns..][..columns].iter().map(|&x| Bounded::exact(x)).collect()
}

fn carried_row(case: &Case, row: usize) -> impl Iterator<Item = Bounded> {
    let columns = case.shape.carried();
    case.carried[row * columns..][..columns].iter().map(|&x| Bounded::exact(x))
}
