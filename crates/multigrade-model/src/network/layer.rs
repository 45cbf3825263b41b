//! One hidden layer.

use super::{Activation, ModelError, Weights};

/// A hidden layer `z -> σ(W z + b)`; its weights `W` are dense or sparse.
#[derive(Clone, Debug, PartialEq)]
pub struct Layer {
    weights: Weights,
    bias: Vec<f64>,
    activation: Activation,
}

impl Layer {
    /// A layer with weights `W` of shape `(outputs, inputs)` and bias `b` of length `outputs`.
    ///
    /// # Errors
    /// [`ModelError::Shape`] if the lengths differ or there are no neurons, [`ModelError::NotFinite`] if a number is
    /// NaN or infinite.
    pub fn new(weights: impl Into<Weights>, bias: Vec<f64>, activation: Activation) -> Result<Self, ModelError> {
        let weights = weights.into();
        if bias.is_empty() || weights.rows() != bias.len() {
            return Err(ModelError::Shape { what: "layer bias", expected: weights.rows().max(1), found: bias.len() });
        }
        ModelError::check_finite("layer weights", weights.values())?;
        ModelError::check_finite("layer bias", &bias)?;
        Ok(Self { weights, bias, activation })
    }

    /// Weights `W`, shape `(outputs, inputs)`.
    pub fn weights(&self) -> &Weights {
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

    /// Number of stored weights and of biases.
    pub fn n_parameters(&self) -> usize {
        self.weights.values().len() + self.bias.len()
    }

    /// `W z + b`, before the activation.
    pub(crate) fn preactivation(&self, z: &[f64]) -> Vec<f64> {
        self.weights.affine(&self.bias, z)
    }
}
