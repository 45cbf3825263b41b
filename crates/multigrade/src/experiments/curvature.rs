//! How sharply the loss of a network bends: exact products with its Hessian, and the Hessian's extreme eigenvalues.
//!
//! B. Pearlmutter: *Fast exact multiplication by the Hessian* (Neural Computation 6, 1994): the gradient's own
//! computation, differentiated along a direction. A ReLU bends nowhere but at its kink, which no row hits.

use crate::training::Mersenne;
use crate::{Activation, Grade};
use faer::{Mat, Side};
use multigrade_kernels::{Accumulate, View, ViewMut, gemm};

/// Steps of the Lanczos process; extreme eigenvalues converge long before.
const STEPS: usize = 40;

/// A dense network `o = W_L a_{L-1} + b_L`, `a_l = σ_l(W_l a_{l-1} + b_l)`, the readout being the last layer.
struct Dense {
    layers: Vec<DenseLayer>,
}

struct DenseLayer {
    inputs: usize,
    outputs: usize,
    /// `(outputs, inputs)`, row-major.
    weights: Vec<f64>,
    bias: Vec<f64>,
    activation: Activation,
}

/// A matrix `(rows, columns)`, row-major.
struct Rows {
    data: Vec<f64>,
    columns: usize,
}

impl Rows {
    fn view(&self) -> View<'_, f64> {
        View::row_major(&self.data, self.data.len() / self.columns, self.columns)
    }

    fn product(a: View<'_, f64>, b: View<'_, f64>) -> Self {
        let mut product = Self { data: vec![0.0; a.rows() * b.columns()], columns: b.columns() };
        product.add_product(a, b);
        product
    }

    fn add_product(&mut self, a: View<'_, f64>, b: View<'_, f64>) {
        let out = ViewMut::row_major(&mut self.data, a.rows(), b.columns());
        gemm(out, Accumulate::Add, a, b);
    }

    fn add_to_rows(&mut self, row: &[f64]) {
        self.data.chunks_exact_mut(self.columns).for_each(|r| r.iter_mut().zip(row).for_each(|(x, y)| *x += y));
    }

    fn map(&self, f: impl Fn(f64) -> f64) -> Self {
        Self { data: self.data.iter().map(|&x| f(x)).collect(), columns: self.columns }
    }

    fn times(mut self, other: &Self) -> Self {
        self.data.iter_mut().zip(&other.data).for_each(|(x, y)| *x *= y);
        self
    }

    fn plus(mut self, other: &Self) -> Self {
        self.data.iter_mut().zip(&other.data).for_each(|(x, y)| *x += y);
        self
    }

    fn column_sums(&self) -> Vec<f64> {
        let mut sums = vec![0.0; self.columns];
        self.data.chunks_exact(self.columns).for_each(|r| sums.iter_mut().zip(r).for_each(|(s, x)| *s += x));
        sums
    }
}

/// `σ'` and `σ''`.
fn slopes(activation: Activation, z: f64) -> (f64, f64) {
    match activation {
        Activation::Relu => (if z > 0.0 { 1.0 } else { 0.0 }, 0.0),
        Activation::Tanh => {
            let t = z.tanh();
            (1.0 - t * t, -2.0 * t * (1.0 - t * t))
        }
        Activation::Sin => (z.cos(), -z.sin()),
        Activation::Square => (2.0 * z, 2.0),
        Activation::Identity => (1.0, 0.0),
    }
}

fn value(activation: Activation, z: f64) -> f64 {
    match activation {
        Activation::Relu => z.max(0.0),
        Activation::Tanh => z.tanh(),
        Activation::Sin => z.sin(),
        Activation::Square => z * z,
        Activation::Identity => z,
    }
}

impl Dense {
    /// The only branch of a grade, with its readout. None for grades that are made otherwise.
    fn of(grade: &Grade) -> Option<Self> {
        let [branch] = grade.branches() else { return None };
        if grade.carry_inputs() {
            return None;
        }
        let hidden = branch.iter().map(|layer| {
            let mut weights = vec![0.0; layer.outputs() * layer.inputs()];
            for (i, row) in weights.chunks_exact_mut(layer.inputs()).enumerate() {
                layer.weights().terms(i).for_each(|(j, w)| row[j] = w);
            }
            DenseLayer {
                inputs: layer.inputs(),
                outputs: layer.outputs(),
                weights,
                bias: layer.bias().to_vec(),
                activation: layer.activation(),
            }
        });
        let readout = grade.readout();
        let last = DenseLayer {
            inputs: readout.weights().cols(),
            outputs: readout.weights().rows(),
            weights: readout.weights().as_slice().to_vec(),
            bias: readout.bias().to_vec(),
            activation: Activation::Identity,
        };
        Some(Self { layers: hidden.chain([last]).collect() })
    }

    fn n_parameters(&self) -> usize {
        self.layers.iter().map(|l| l.weights.len() + l.bias.len()).sum()
    }

    /// The gradient of `1/(2n) |o - y|²`, and its derivative along `direction`: the product with the Hessian. Both laid
    /// out layer by layer, weights before bias.
    fn gradient_and_product(&self, x: &Rows, y: &[f64], direction: &[f64]) -> (Vec<f64>, Vec<f64>) {
        let n = x.data.len() / x.columns;
        // Features and arguments with their derivatives along the direction.
        let mut features = vec![(x.map(|x| x), x.map(|_| 0.0))];
        let mut arguments = Vec::new();
        let mut rest = direction;
        let mut along = Vec::new();
        for layer in &self.layers {
            let (dw, after) = rest.split_at(layer.weights.len());
            let (db, after) = after.split_at(layer.bias.len());
            rest = after;
            along.push(dw);
            let (a, ra) = &features[features.len() - 1];
            let (w, dw) = (layer.view(&layer.weights), layer.view(dw));
            let mut z = Rows::product(a.view(), w.t());
            z.add_to_rows(&layer.bias);
            let mut rz = Rows::product(ra.view(), w.t());
            rz.add_product(a.view(), dw.t());
            rz.add_to_rows(db);
            let ra = z.map(|z| slopes(layer.activation, z).0).times(&rz);
            features.push((z.map(|z| value(layer.activation, z)), ra));
            arguments.push((z, rz));
        }
        let (output, along_output) = &features[self.layers.len()];
        let mut delta = Rows { data: output.data.iter().zip(y).map(|(o, y)| (o - y) / n as f64).collect(), columns: 1 };
        delta.columns = output.columns;
        let mut r_delta = along_output.map(|r| r / n as f64);
        let (mut gradient, mut product) = (Vec::new(), Vec::new());
        for (l, layer) in self.layers.iter().enumerate().rev() {
            let (z, rz) = &arguments[l];
            let slope = z.map(|z| slopes(layer.activation, z).0);
            let bend = z.map(|z| slopes(layer.activation, z).1);
            r_delta = r_delta.times(&slope).plus(&delta.map(|d| d).times(&bend).times(rz));
            delta = delta.times(&slope);
            let (a, ra) = &features[l];
            let mut part = Rows::product(r_delta.view().t(), a.view());
            part.add_product(delta.view().t(), ra.view());
            // Layers come last to first; each part is turned round with the whole at the end.
            product.extend(r_delta.column_sums().into_iter().rev());
            product.extend(part.data.into_iter().rev());
            gradient.extend(delta.column_sums().into_iter().rev());
            gradient.extend(Rows::product(delta.view().t(), a.view()).data.into_iter().rev());
            let mut next = Rows::product(r_delta.view(), layer.view(&layer.weights));
            next.add_product(delta.view(), layer.view(along[l]));
            delta = Rows::product(delta.view(), layer.view(&layer.weights));
            r_delta = next;
        }
        gradient.reverse();
        product.reverse();
        (gradient, product)
    }
}

impl DenseLayer {
    fn view<'a>(&self, weights: &'a [f64]) -> View<'a, f64> {
        View::row_major(weights, self.outputs, self.inputs)
    }
}

/// The largest magnitude of an eigenvalue of the Hessian of `1/(2n) |g(h) - r|²` with respect to all weights and biases
/// of a grade: the local smoothness `α` of its loss. Gradient descent with rates above `2/α` cannot stay there.
///
/// `h` `(n, p)` are the features that the grade reads, `r` `(n, m)` the residual that it fits. None for grades of several
/// branches or with carried inputs, and where numbers are not finite.
pub(super) fn smoothness(grade: &Grade, h: &[f64], r: &[f64]) -> Option<f64> {
    let dense = Dense::of(grade)?;
    let x = Rows { data: h.to_vec(), columns: grade.inputs() };
    let largest = lanczos(dense.n_parameters(), |v| dense.gradient_and_product(&x, r, v).1);
    largest.is_finite().then_some(largest)
}

/// The largest magnitude of an eigenvalue of a symmetric matrix of size `n` that `product` multiplies with.
fn lanczos(n: usize, product: impl Fn(&[f64]) -> Vec<f64>) -> f64 {
    let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    let mut random = Mersenne::new(1);
    let mut vector: Vec<f64> = (0..n).map(|_| random.normal()).collect();
    let (mut basis, mut diagonal, mut beside) = (Vec::<Vec<f64>>::new(), Vec::new(), Vec::new());
    for _ in 0..STEPS.min(n) {
        let length = dot(&vector, &vector).sqrt();
        if !basis.is_empty() {
            // An invariant subspace holds the extreme eigenvalues that the start vector can see.
            if length <= 1e-12 * diagonal.iter().fold(0.0, |m: f64, d: &f64| m.max(d.abs())) {
                break;
            }
            beside.push(length);
        }
        vector.iter_mut().for_each(|v| *v /= length);
        let mut next = product(&vector);
        diagonal.push(dot(&next, &vector));
        basis.push(vector);
        // Twice is enough to keep the basis orthogonal to rounding.
        for _ in 0..2 {
            for b in &basis {
                let share = dot(&next, b);
                next.iter_mut().zip(b).for_each(|(x, b)| *x -= share * b);
            }
        }
        vector = next;
    }
    let k = diagonal.len();
    let entry = |i: usize, j: usize| match i.abs_diff(j) {
        0 => diagonal[i],
        1 => beside[i.min(j)],
        _ => 0.0,
    };
    let matrix = Mat::from_fn(k, k, entry);
    if !diagonal.iter().all(|d| d.is_finite()) {
        return f64::NAN;
    }
    let eigenvalues = matrix.self_adjoint_eigenvalues(Side::Lower).unwrap_or_default();
    eigenvalues.into_iter().map(f64::abs).fold(f64::NAN, f64::max)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn network(activation: Activation) -> (Dense, Rows, Vec<f64>) {
        let mut random = Mersenne::new(3);
        let mut layer = |inputs: usize, outputs: usize, activation| DenseLayer {
            inputs,
            outputs,
            weights: (0..inputs * outputs).map(|_| 0.7 * random.normal()).collect(),
            bias: (0..outputs).map(|_| 0.3 * random.normal()).collect(),
            activation,
        };
        let layers = vec![layer(2, 5, activation), layer(5, 4, activation), layer(4, 1, Activation::Identity)];
        let x = Rows { data: (0..24).map(|_| random.normal()).collect(), columns: 2 };
        let y = (0..12).map(|_| random.normal()).collect();
        (Dense { layers }, x, y)
    }

    fn moved(dense: &Dense, direction: &[f64], step: f64) -> Dense {
        let mut rest = direction.iter();
        let mut shifted = |numbers: &[f64]| numbers.iter().map(|x| x + step * rest.next().unwrap()).collect::<Vec<_>>();
        let layer = |l: &DenseLayer| {
            let (weights, bias) = (shifted(&l.weights), shifted(&l.bias));
            DenseLayer { weights, bias, ..*l }
        };
        Dense { layers: dense.layers.iter().map(layer).collect() }
    }

    #[test]
    fn products_with_the_hessian_are_the_change_of_the_gradient() {
        for activation in Activation::ALL {
            let (dense, x, y) = network(activation);
            let mut random = Mersenne::new(4);
            let direction: Vec<f64> = (0..dense.n_parameters()).map(|_| random.normal()).collect();
            let (_, product) = dense.gradient_and_product(&x, &y, &direction);
            let step = 1e-5;
            let gradient = |step: f64| moved(&dense, &direction, step).gradient_and_product(&x, &y, &direction).0;
            let (after, before) = (gradient(step), gradient(-step));
            let scale = product.iter().fold(0.0, |m: f64, p| m.max(p.abs()));
            for (i, p) in product.iter().enumerate() {
                let difference = (after[i] - before[i]) / (2.0 * step);
                assert!((p - difference).abs() < 1e-7 * scale, "{activation}, parameter {i}: {p} {difference}");
            }
        }
    }

    #[test]
    fn lanczos_finds_the_largest_magnitude_also_of_a_negative_eigenvalue() {
        let eigenvalues: Vec<f64> = (0..200).map(|i| if i == 17 { -9.0 } else { f64::from(i) / 30.0 }).collect();
        let largest = lanczos(200, |v| v.iter().zip(&eigenvalues).map(|(x, e)| x * e).collect());
        assert!((largest - 9.0).abs() < 1e-8, "{largest}");
        assert_eq!(lanczos(3, |v| vec![0.0; v.len()]), 0.0);
    }
}
