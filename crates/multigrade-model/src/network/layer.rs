//! One hidden layer.

use super::{Activation, Matrix, ModelError};

/// A dense hidden layer `z -> σ(W z + b)`.
#[derive(Clone, Debug, PartialEq)]
pub struct Layer {
    weights: Matrix,
    bias: Vec<f64>,
    activation: Activation,
}

impl Layer {
    /// A layer with weights `W` of shape `(outputs, inputs)` and bias `b` of length `outputs`.
    ///
    /// # Errors
    /// [`ModelError::Shape`] if the lengths differ or there are no neurons, [`ModelError::NotFinite`] if a number is
    /// NaN or infinite.
    pub fn new(weights: Matrix, bias: Vec<f64>, activation: Activation) -> Result<Self, ModelError> {
        if bias.is_empty() || weights.rows() != bias.len() {
            return Err(ModelError::Shape { what: "layer bias", expected: weights.rows().max(1), found: bias.len() });
        }
        ModelError::check_finite("layer weights", weights.as_slice())?;
        ModelError::check_finite("layer bias", &bias)?;
        Ok(Self { weights, bias, activation })
    }

    /// Weights `W`, shape `(outputs, inputs)`.
    pub fn weights(&self) -> &Matrix {
        &self.weights
    }

    /// Bias `b`, length `outputs`.
    pub fn bias(&self) -> &[f64] {
        &self.bias
    }

    /// The activation `σ`.
    pub fn activation(&self) -> Activation {
        self.activation
    }

    /// Length of the vectors it reads.
    pub fn inputs(&self) -> usize {
        self.weights.cols()
    }

    /// Length of the vectors it makes.
    pub fn outputs(&self) -> usize {
        self.weights.rows()
    }

    /// Number of weights and biases.
    pub fn n_parameters(&self) -> usize {
        self.weights.as_slice().len() + self.bias.len()
    }

    /// `W z + b`, before the activation.
    pub(crate) fn preactivation(&self, z: &[f64]) -> Vec<f64> {
        self.weights.affine(&self.bias, z)
    }
}
