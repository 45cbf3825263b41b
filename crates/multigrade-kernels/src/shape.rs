//! The shape of one grade under training and the layout of its parameters.

use std::ops::Range;

use crate::Activation;

/// One grade under training: hidden layers on the inputs, and a linear readout on the last hidden features and on
/// columns that are carried past the hidden layers.
///
/// With $h_0 = x$ and hidden layers $l = 1, \dots, L$,
///
/// $$h_l = \sigma_l(W_l h_{l-1} + b_l), \qquad g(x, c) = A \, [h_L, c] + a .$$
///
/// # Parameters
///
/// All parameters lie in one flat slice: for each hidden layer the weights `(outputs, inputs)` row-major, then the
/// bias `(outputs)`; then the readout weights `(outputs, last width + carried)` row-major, then the readout bias.
///
/// ```
/// use multigrade_kernels::{Activation, Shape};
///
/// let shape = Shape::new(2, vec![(3, Activation::Tanh)], 1, 1);
/// assert_eq!(shape.layer(0).weights, 0..6);
/// assert_eq!(shape.layer(0).bias, 6..9);
/// assert_eq!(shape.readout().weights, 9..13);
/// assert_eq!(shape.readout().bias, 13..14);
/// assert_eq!(shape.n_parameters(), 14);
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Shape {
    inputs: usize,
    layers: Vec<HiddenLayer>,
    readout: Readout,
}

/// Where one hidden layer's parameters lie, and what it maps.
#[derive(Clone, Debug, PartialEq)]
pub struct HiddenLayer {
    /// Weights `(outputs, inputs)` row-major in the flat slice of parameters.
    pub weights: Range<usize>,
    /// Bias `(outputs)` in the flat slice of parameters.
    pub bias: Range<usize>,
    /// The number of columns it reads.
    pub inputs: usize,
    /// Its width.
    pub outputs: usize,
    /// What is applied to each entry of $W h + b$.
    pub activation: Activation,
}

/// Where the readout's parameters lie, and what it maps.
#[derive(Clone, Debug, PartialEq)]
pub struct Readout {
    /// Weights `(outputs, features + carried)` row-major in the flat slice of parameters.
    pub weights: Range<usize>,
    /// Bias `(outputs)` in the flat slice of parameters.
    pub bias: Range<usize>,
    /// The width of the last hidden layer.
    pub features: usize,
    /// The number of carried columns.
    pub carried: usize,
    /// The number of outputs of the grade.
    pub outputs: usize,
}

impl Shape {
    /// A grade with `inputs` columns, hidden layers of the given widths and activations, `carried` columns that go
    /// straight to the readout, and `outputs` outputs.
    ///
    /// # Panics
    ///
    /// If there is no hidden layer, a width, `inputs` or `outputs` is zero, or the parameters cannot be counted.
    #[track_caller]
    pub fn new(inputs: usize, hidden: Vec<(usize, Activation)>, carried: usize, outputs: usize) -> Self {
        assert!(inputs > 0, "a grade needs at least one input column");
        assert!(outputs > 0, "a grade needs at least one output");
        assert!(!hidden.is_empty(), "a grade needs at least one hidden layer");
        let mut offset = 0;
        let mut layers = Vec::with_capacity(hidden.len());
        let mut previous = inputs;
        for (index, &(width, activation)) in hidden.iter().enumerate() {
            assert!(width > 0, "hidden layer {index} has width 0");
            let (weights, bias) = affine(&mut offset, previous, width);
            layers.push(HiddenLayer { weights, bias, inputs: previous, outputs: width, activation });
            previous = width;
        }
        let read = previous.checked_add(carried).expect("the number of columns read overflows");
        let (weights, bias) = affine(&mut offset, read, outputs);
        let readout = Readout { weights, bias, features: previous, carried, outputs };
        Self { inputs, layers, readout }
    }

    /// The number of columns the first hidden layer reads.
    pub fn inputs(&self) -> usize {
        self.inputs
    }

    /// The hidden layers, first to last.
    pub fn layers(&self) -> &[HiddenLayer] {
        &self.layers
    }

    /// Hidden layer `index`, counted from 0.
    ///
    /// # Panics
    ///
    /// If there is no such layer.
    #[track_caller]
    pub fn layer(&self, index: usize) -> &HiddenLayer {
        &self.layers[index]
    }

    /// The readout.
    pub fn readout(&self) -> &Readout {
        &self.readout
    }

    /// The number of carried columns.
    pub fn carried(&self) -> usize {
        self.readout.carried
    }

    /// The number of outputs.
    pub fn outputs(&self) -> usize {
        self.readout.outputs
    }

    /// The width of the last hidden layer: the features the next grade may build on.
    pub fn last_width(&self) -> usize {
        self.readout.features
    }

    /// The length of the flat slice of parameters.
    pub fn n_parameters(&self) -> usize {
        self.readout.bias.end
    }

    /// The length of the hidden layers' part of the parameters, which comes first.
    pub fn n_hidden_parameters(&self) -> usize {
        self.readout.weights.start
    }

    /// The widest hidden layer.
    pub(crate) fn max_width(&self) -> usize {
        self.layers.iter().map(|layer| layer.outputs).max().unwrap_or(0)
    }
}

/// The next ranges of weights and bias; moves `offset` behind them.
#[track_caller]
fn affine(offset: &mut usize, inputs: usize, outputs: usize) -> (Range<usize>, Range<usize>) {
    let take = |offset: &mut usize, count: usize| {
        let start = *offset;
        *offset = start.checked_add(count).expect("the number of parameters overflows");
        start..*offset
    };
    let count = inputs.checked_mul(outputs).expect("the number of parameters overflows");
    (take(offset, count), take(offset, outputs))
}
