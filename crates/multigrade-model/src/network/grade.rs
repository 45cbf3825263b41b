//! One frozen grade: hidden features and a linear readout of them.

use super::{Layer, Matrix, ModelError};

/// Deeper stacks are not described layer by layer.
const MAX_DESCRIBED: usize = 8;

/// A stack of hidden layers, applied one after the other. All branches of a grade read the same input; their outputs
/// are laid side by side.
pub type Branch = Vec<Layer>;

/// The linear map `h -> A h + c` from the features of a grade to its correction.
#[derive(Clone, Debug, PartialEq)]
pub struct Readout {
    weights: Matrix,
    bias: Vec<f64>,
}

impl Readout {
    /// A readout with weights `A` of shape `(outputs, features)` and bias `c` of length `outputs`.
    ///
    /// # Errors
    /// [`ModelError::Shape`] if the lengths differ, [`ModelError::NotFinite`] if a number is NaN or infinite.
    pub fn new(weights: Matrix, bias: Vec<f64>) -> Result<Self, ModelError> {
        if weights.rows() != bias.len() {
            return Err(ModelError::Shape { what: "readout bias", expected: weights.rows(), found: bias.len() });
        }
        ModelError::check_finite("readout weights", weights.as_slice())?;
        ModelError::check_finite("readout bias", &bias)?;
        Ok(Self { weights, bias })
    }

    /// Weights `A`, shape `(outputs, features)`.
    pub fn weights(&self) -> &Matrix {
        &self.weights
    }

    /// Bias `c`, length `outputs`.
    pub fn bias(&self) -> &[f64] {
        &self.bias
    }
}

/// Grade `k`: hidden features `h_k = H_k(h_{k-1})` and the correction `g_k = A_k h_k + c_k`.
///
/// The features are the outputs of all branches side by side, followed by the raw (scaled) inputs `x` of the model
/// when the grade carries them:
///
/// ```text
/// h_k(x) = [ branch_1(h_{k-1}(x)), ..., branch_M(h_{k-1}(x)), x if carry_inputs ]
/// ```
///
/// One branch is the network of the papers. Several branches are networks trained apart whose average is the
/// correction; as a network they are one stack with block-diagonal weights.
#[derive(Clone, Debug, PartialEq)]
pub struct Grade {
    branches: Vec<Branch>,
    carry_inputs: bool,
    readout: Readout,
}

impl Grade {
    /// A grade from its branches and readout.
    ///
    /// # Errors
    /// [`ModelError::Shape`] if a layer does not fit the one before it, branches read inputs of different length, or
    /// the readout reads fewer columns than the branches make. How many raw inputs are carried is checked by
    /// [`Multigrade::new`](super::Multigrade::new), which knows their number.
    pub fn new(branches: Vec<Branch>, carry_inputs: bool, readout: Readout) -> Result<Self, ModelError> {
        let inputs = branches.first().and_then(|b| b.first()).map(Layer::inputs);
        let Some(inputs) = inputs else {
            return Err(ModelError::Empty { what: "grade" });
        };
        for branch in &branches {
            let mut width = inputs;
            if branch.is_empty() {
                return Err(ModelError::Empty { what: "branch" });
            }
            for layer in branch {
                if layer.inputs() != width {
                    return Err(ModelError::Shape { what: "layer input", expected: width, found: layer.inputs() });
                }
                width = layer.outputs();
            }
        }
        let grade = Self { branches, carry_inputs, readout };
        let (hidden, read) = (grade.n_hidden_features(), grade.readout.weights.cols());
        if read < hidden || (read > hidden && !carry_inputs) {
            return Err(ModelError::Shape { what: "readout input", expected: hidden, found: read });
        }
        Ok(grade)
    }

    /// The branches; at least one, each with at least one layer.
    pub fn branches(&self) -> &[Branch] {
        &self.branches
    }

    /// Whether the raw inputs stand beside the hidden features.
    pub fn carry_inputs(&self) -> bool {
        self.carry_inputs
    }

    /// The readout.
    pub fn readout(&self) -> &Readout {
        &self.readout
    }

    /// Length of the vectors `h_{k-1}` it reads.
    pub fn inputs(&self) -> usize {
        self.branches[0][0].inputs()
    }

    /// Number of features made by the branches, without carried inputs.
    pub fn n_hidden_features(&self) -> usize {
        self.branches.iter().map(|b| b[b.len() - 1].outputs()).sum()
    }

    /// Length of `h_k`: hidden features and carried inputs.
    pub fn n_features(&self) -> usize {
        self.readout.weights.cols()
    }

    /// Number of weights and biases, the readout's included.
    pub fn n_parameters(&self) -> usize {
        let hidden: usize = self.branches.iter().flatten().map(Layer::n_parameters).sum();
        hidden + self.readout.weights.as_slice().len() + self.readout.bias.len()
    }

    /// A short description such as `5 x tanh 32-32`, or `412 layers of width 7, 2 310 weights` where there are many layers;
    /// the width is that of the widest.
    pub fn describe(&self) -> String {
        let stack = |branch: &Branch| {
            if branch.len() > MAX_DESCRIBED {
                let width = branch.iter().map(|layer| layer.outputs()).max().unwrap_or(0);
                let weights: usize = branch.iter().map(|layer| layer.weights().values().len()).sum();
                return format!("{} layers of width {width}, {} weights", branch.len(), grouped(weights));
            }
            let mut text = String::new();
            for (i, layer) in branch.iter().enumerate() {
                if i == 0 || layer.activation() != branch[i - 1].activation() {
                    let gap = if i == 0 { "" } else { " " };
                    text += &format!("{gap}{} {}", layer.activation(), layer.outputs());
                } else {
                    text += &format!("-{}", layer.outputs());
                }
            }
            text
        };
        let first = stack(&self.branches[0]);
        if self.branches.iter().all(|b| stack(b) == first) {
            match self.branches.len() {
                1 => first,
                n => format!("{n} x {first}"),
            }
        } else {
            self.branches.iter().map(stack).collect::<Vec<_>>().join(" | ")
        }
    }
}

/// A number with its digits in groups of three.
fn grouped(n: usize) -> String {
    let digits = n.to_string();
    let groups = digits.as_bytes().rchunks(3).rev().map(|group| String::from_utf8_lossy(group));
    groups.collect::<Vec<_>>().join(" ")
}
