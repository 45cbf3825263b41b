//! Finished grades, ready to be evaluated fast in one precision.

mod sparse;

use multigrade_kernels::{Accumulate, Activation, Real, View, ViewMut, dense, gemm};
use multigrade_model::{Branch, Grade, Matrix, Weights};
use rayon::prelude::*;
use sparse::SparseRun;

/// Rows that go through a grade together. A block of features of a few hundred columns stays in cache.
pub(crate) const BLOCK_ROWS: usize = 256;

struct DenseLayer<T> {
    /// `(inputs, outputs)`, row-major: the way round that is multiplied fastest.
    weights: Vec<T>,
    bias: Vec<T>,
    activation: Activation,
}

impl<T: Real> DenseLayer<T> {
    fn new(weights: &Matrix, bias: &[f64], activation: Activation) -> Self {
        Self {
            weights: (0..weights.cols())
                .flat_map(|j| (0..weights.rows()).map(move |i| T::from_f64(weights.row(i)[j])))
                .collect(),
            bias: bias.iter().map(|&b| T::from_f64(b)).collect(),
            activation,
        }
    }
}

/// A dense layer, or sparse layers that follow each other.
enum Step<T> {
    Dense(DenseLayer<T>),
    Sparse(SparseRun<T>),
}

impl<T: Real> Step<T> {
    fn of_branch(branch: &Branch) -> Vec<Self> {
        let mut steps = Vec::new();
        for layer in branch {
            match (layer.weights(), steps.last_mut()) {
                (Weights::Dense(weights), _) => {
                    steps.push(Self::Dense(DenseLayer::new(weights, layer.bias(), layer.activation())));
                }
                (Weights::Sparse(weights), Some(Self::Sparse(run))) => run.push(weights, layer),
                (Weights::Sparse(weights), _) => {
                    let mut run = SparseRun::default();
                    run.push(weights, layer);
                    steps.push(Self::Sparse(run));
                }
            }
        }
        steps
    }

    fn outputs(&self) -> usize {
        match self {
            Self::Dense(layer) => layer.bias.len(),
            Self::Sparse(run) => run.outputs(),
        }
    }
}

/// One grade in precision `T`.
pub(crate) struct Stage<T> {
    branches: Vec<Vec<Step<T>>>,
    carry_inputs: bool,
    readout: Vec<T>,
    bias: Vec<T>,
    n_features: usize,
    n_inputs: usize,
}

/// Buffers of one thread, reused from block to block.
#[derive(Default)]
pub(crate) struct Scratch<T> {
    current: Vec<T>,
    next: Vec<T>,
    columns: [Vec<T>; 2],
}

impl<T: Real> Stage<T> {
    pub(crate) fn new(grade: &Grade) -> Self {
        Self {
            branches: grade.branches().iter().map(Step::of_branch).collect(),
            carry_inputs: grade.carry_inputs(),
            readout: grade.readout().weights().as_slice().iter().map(|&a| T::from_f64(a)).collect(),
            bias: grade.readout().bias().iter().map(|&c| T::from_f64(c)).collect(),
            n_features: grade.n_features(),
            n_inputs: grade.inputs(),
        }
    }

    /// Length of `h_k`.
    pub(crate) fn n_features(&self) -> usize {
        self.n_features
    }

    /// `h_k` of a block of rows, from `h_{k-1}` and the scaled inputs `x`; all row-major.
    pub(crate) fn features(&self, h: &[T], x: &[T], rows: usize, out: &mut [T], scratch: &mut Scratch<T>) {
        let mut column = 0;
        for branch in &self.branches {
            let mut width = self.n_inputs;
            for (l, step) in branch.iter().enumerate() {
                let source = if l == 0 { h } else { &scratch.current[..rows * width] };
                let inputs = width;
                width = step.outputs();
                // What is all of the features needs no copy.
                let is_all = l + 1 == branch.len() && width == self.n_features;
                let next = if is_all {
                    &mut *out
                } else {
                    scratch.next.resize((rows * width).max(scratch.next.len()), T::ZERO);
                    &mut scratch.next[..rows * width]
                };
                match step {
                    Step::Dense(layer) => {
                        let source = View::row_major(source, rows, inputs);
                        let weights = View::row_major(&layer.weights, inputs, width);
                        dense(next, source, weights, &layer.bias, layer.activation, None);
                    }
                    Step::Sparse(run) => run.apply(source, rows, next, &mut scratch.columns),
                }
                if is_all {
                    return;
                }
                std::mem::swap(&mut scratch.current, &mut scratch.next);
            }
            self.place(&scratch.current[..rows * width], width, column, out);
            column += width;
        }
        if self.carry_inputs {
            self.place(x, self.n_features - column, column, out);
        }
    }

    /// Copies a block of `width` columns to the given column of `out`.
    fn place(&self, block: &[T], width: usize, column: usize, out: &mut [T]) {
        for (row, values) in out.chunks_exact_mut(self.n_features).zip(block.chunks_exact(width)) {
            row[column..column + width].copy_from_slice(values);
        }
    }

    /// `g_k = A_k h_k + c_k` of a block of rows, into `out` `(rows, m)`.
    pub(crate) fn correction(&self, features: &[T], rows: usize, out: &mut [T]) {
        let m = self.bias.len();
        for row in out.chunks_exact_mut(m) {
            row.copy_from_slice(&self.bias);
        }
        let weights = View::row_major(&self.readout, m, self.n_features).t();
        let features = View::row_major(features, rows, self.n_features);
        gemm(ViewMut::row_major(out, rows, m), Accumulate::Add, features, weights);
    }

    /// `h_k` and `g_k` of all rows, from `h_{k-1}` and the scaled inputs `x` with `d` columns.
    ///
    /// Blocks of rows are fixed and independent, so the bits do not depend on the number of threads.
    pub(crate) fn apply(&self, h: &[T], x: &[T], d: usize) -> (Vec<T>, Vec<T>) {
        let (rows, m) = (x.len() / d, self.bias.len());
        let mut features = vec![T::ZERO; rows * self.n_features];
        let mut corrections = vec![T::ZERO; rows * m];
        features
            .par_chunks_mut(BLOCK_ROWS * self.n_features)
            .zip(corrections.par_chunks_mut(BLOCK_ROWS * m))
            .zip(h.par_chunks(BLOCK_ROWS * self.n_inputs).zip(x.par_chunks(BLOCK_ROWS * d)))
            .for_each_init(Scratch::default, |scratch, ((features, corrections), (h, x))| {
                let rows = x.len() / d;
                self.features(h, x, rows, features, scratch);
                self.correction(features, rows, corrections);
            });
        (features, corrections)
    }
}
