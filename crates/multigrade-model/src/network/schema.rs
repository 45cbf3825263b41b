//! What the columns of the inputs and outputs are.

use super::{Classes, Imputation};
use serde::{Deserialize, Serialize};

/// Names and ranges of the columns that a model reads and makes, in order.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Schema {
    /// Inputs, in the order in which the model reads them.
    pub inputs: Vec<InputColumn>,
    /// Outputs, in the order in which the model makes them.
    pub outputs: Vec<OutputColumn>,
    /// The classes whose logits the outputs are, if the model is a classifier.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub classes: Option<Classes>,
    /// How missing cells become inputs; without it every cell has to be there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub imputation: Option<Imputation>,
}

/// One input column.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InputColumn {
    /// Name, matched to the columns of a table.
    pub name: String,
    /// Smallest value the model was made for.
    pub min: f64,
    /// Largest value the model was made for. Outside `[min, max]` the model extrapolates.
    pub max: f64,
}

/// One output column.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OutputColumn {
    /// Name of the target.
    pub name: String,
}

impl Schema {
    /// Names of the inputs, in order.
    pub fn input_names(&self) -> Vec<&str> {
        self.inputs.iter().map(|c| c.name.as_str()).collect()
    }

    /// The inputs that are columns of a table: all but the indicators of an [`Imputation`], which stand behind them.
    pub fn columns(&self) -> &[InputColumn] {
        let n = self.imputation.as_ref().map_or(self.inputs.len(), Imputation::n_columns);
        &self.inputs[..n.min(self.inputs.len())]
    }

    /// Names of the outputs, in order.
    pub fn output_names(&self) -> Vec<&str> {
        self.outputs.iter().map(|c| c.name.as_str()).collect()
    }

    /// Whether every input of the row lies in the range the model was made for.
    pub fn covers(&self, row: &[f64]) -> bool {
        self.inputs.iter().zip(row).all(|(c, x)| c.min <= *x && *x <= c.max)
    }
}
