//! Sparse layers that follow each other, evaluated on a block of rows.

use multigrade_kernels::{Activation, Real};
use multigrade_model::{Layer, SparseMatrix};

struct SparseLayer<T> {
    /// Where the weights of each output start, and where those of the last one end.
    starts: Vec<usize>,
    columns: Vec<u32>,
    weights: Vec<T>,
    bias: Vec<T>,
    activation: Activation,
}

/// Sparse layers that follow each other. Each neuron's values on the block of rows lie side by side, so that a weight is
/// one pass over contiguous numbers.
#[derive(Default)]
pub(super) struct SparseRun<T> {
    layers: Vec<SparseLayer<T>>,
}

impl<T: Real> SparseRun<T> {
    /// Adds a layer with these weights behind the others.
    pub(super) fn push(&mut self, weights: &SparseMatrix, layer: &Layer) {
        let terms = || (0..weights.rows()).flat_map(|i| weights.row(i));
        let ends = (0..weights.rows()).scan(0, |end, i| {
            *end += weights.row(i).count();
            Some(*end)
        });
        self.layers.push(SparseLayer {
            starts: std::iter::once(0).chain(ends).collect(),
            columns: terms().map(|(column, _)| column as u32).collect(),
            weights: terms().map(|(_, weight)| T::from_f64(weight)).collect(),
            bias: layer.bias().iter().map(|&b| T::from_f64(b)).collect(),
            activation: layer.activation(),
        });
    }

    /// Length of the vectors it makes.
    pub(super) fn outputs(&self) -> usize {
        self.layers.last().map_or(0, |layer| layer.bias.len())
    }

    /// Applies the layers to a block of rows, row-major on both sides. `columns` is memory to work in.
    pub(super) fn apply(&self, source: &[T], rows: usize, out: &mut [T], columns: &mut [Vec<T>; 2]) {
        let [current, next] = columns;
        transpose(source, source.len() / rows, current);
        for layer in &self.layers {
            next.clear();
            for (i, &bias) in layer.bias.iter().enumerate() {
                let start = next.len();
                next.resize(start + rows, bias);
                let sum = &mut next[start..];
                for t in layer.starts[i]..layer.starts[i + 1] {
                    let (weight, from) = (layer.weights[t], layer.columns[t] as usize * rows);
                    sum.iter_mut().zip(&current[from..from + rows]).for_each(|(s, h)| *s += weight * *h);
                }
                activate(layer.activation, sum);
            }
            std::mem::swap(current, next);
        }
        let outputs = self.outputs();
        for (j, column) in current.chunks_exact(rows).enumerate() {
            column.iter().enumerate().for_each(|(i, &h)| out[i * outputs + j] = h);
        }
    }
}

/// The columns of row-major rows, one after the other.
fn transpose<T: Real>(source: &[T], width: usize, columns: &mut Vec<T>) {
    columns.clear();
    columns.extend((0..width).flat_map(|j| source.iter().skip(j).step_by(width).copied()));
}

fn activate<T: Real>(activation: Activation, values: &mut [T]) {
    match activation {
        Activation::Identity => {}
        // As everywhere: NaN stays NaN.
        Activation::Relu => values.iter_mut().for_each(|z| *z = if *z < T::ZERO { T::ZERO } else { *z }),
        Activation::Square => values.iter_mut().for_each(|z| *z *= *z),
        Activation::Tanh | Activation::Sin => {
            values.iter_mut().for_each(|z| *z = T::from_f64(activation.apply(z.to_f64())));
        }
    }
}
