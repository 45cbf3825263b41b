//! The model: schema, scaling, frozen grades, history.

use super::{Grade, History, Scaling, Schema};

/// A multigrade network, however it was made: trained, constructed or read from a file.
///
/// In scaled variables `z = (x - center_in) / scale_in` the approximation after `k` grades is
/// `s_k(z) = g_1(z) + ... + g_k(z)`, and `f_k(x) = center_out + scale_out * s_k(z)`.
#[derive(Clone, Debug, PartialEq)]
pub struct Multigrade {
    pub(super) schema: Schema,
    pub(super) input_scaling: Scaling,
    pub(super) output_scaling: Scaling,
    pub(super) grades: Vec<Grade>,
    pub(super) history: History,
    pub(super) settings: serde_json::Value,
}

/// A model whose parts do not fit each other.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ModelError {
    /// Two lengths that must agree differ.
    #[error("{what}: expected length {expected}, found {found}")]
    Shape {
        /// The part in question.
        what: &'static str,
        /// Length that fits the other parts.
        expected: usize,
        /// Length found.
        found: usize,
    },
    /// A part that needs at least one element has none.
    #[error("{what} is empty")]
    Empty {
        /// The part in question.
        what: &'static str,
    },
    /// A number is NaN or infinite.
    #[error("{what}: number {index} is {found}, expected a finite number")]
    NotFinite {
        /// The part in question.
        what: &'static str,
        /// Position of the number, row after row.
        index: usize,
        /// The number.
        found: f64,
    },
    /// A scale is not positive.
    #[error("scaling: found scale {found}, expected a positive number")]
    Scale {
        /// The scale.
        found: f64,
    },
    /// A column has no name, or the name of another one.
    #[error("column '{name}': every input needs a name of its own, and so does every output")]
    Name {
        /// The name.
        name: String,
    },
    /// An input range is not an interval.
    #[error("input '{name}': range [{min}, {max}] is not an interval of finite numbers")]
    Range {
        /// Name of the input.
        name: String,
        /// Lower end.
        min: f64,
        /// Upper end.
        max: f64,
    },
    /// Classes that cannot be told apart.
    #[error("classes of '{target}': {reason}")]
    Classes {
        /// Name of the target column.
        target: String,
        /// What was found, and what was expected.
        reason: String,
    },
    /// An imputation that cannot be one.
    #[error("imputation: {reason}")]
    Imputation {
        /// What was found, and what was expected.
        reason: String,
    },
    /// More grades asked for than there are.
    #[error("grades: asked for {asked}, but the number of grades of the model is {available}")]
    NoSuchGrade {
        /// Number of grades asked for.
        asked: usize,
        /// Number of grades of the model.
        available: usize,
    },
}

impl ModelError {
    pub(super) fn check_finite(what: &'static str, numbers: &[f64]) -> Result<(), Self> {
        match numbers.iter().position(|x| !x.is_finite()) {
            Some(index) => Err(Self::NotFinite { what, index, found: numbers[index] }),
            None => Ok(()),
        }
    }

    fn check_length(what: &'static str, expected: usize, found: usize) -> Result<(), Self> {
        if expected == found { Ok(()) } else { Err(Self::Shape { what, expected, found }) }
    }
}

impl Multigrade {
    /// A model from its parts; the only way to make one, so every model is consistent.
    ///
    /// `settings` is the document of settings that made the model, kept as it is for the reader of the file.
    ///
    /// # Errors
    /// [`ModelError`] if the parts do not fit each other or a number is not finite.
    pub fn new(
        schema: Schema,
        input_scaling: Scaling,
        output_scaling: Scaling,
        grades: Vec<Grade>,
        history: History,
        settings: serde_json::Value,
    ) -> Result<Self, ModelError> {
        let (d, m) = (schema.inputs.len(), schema.outputs.len());
        if d == 0 {
            return Err(ModelError::Empty { what: "list of inputs" });
        }
        if m == 0 {
            return Err(ModelError::Empty { what: "list of outputs" });
        }
        for names in [schema.input_names(), schema.output_names()] {
            if let Some(i) = (0..names.len()).find(|&i| names[i].is_empty() || names[..i].contains(&names[i])) {
                return Err(ModelError::Name { name: names[i].into() });
            }
        }
        for c in &schema.inputs {
            if !(c.min <= c.max && c.min.is_finite() && c.max.is_finite()) {
                return Err(ModelError::Range { name: c.name.clone(), min: c.min, max: c.max });
            }
        }
        if let Some(classes) = &schema.classes {
            classes.validate()?;
            ModelError::check_length("list of outputs of a classifier", classes.n_outputs(), m)?;
        }
        if let Some(imputation) = &schema.imputation {
            imputation.validate()?;
            ModelError::check_length("list of inputs of an imputation", imputation.n_inputs(), d)?;
        }
        input_scaling.validate()?;
        output_scaling.validate()?;
        ModelError::check_length("input scaling", d, input_scaling.columns())?;
        ModelError::check_length("output scaling", m, output_scaling.columns())?;
        let mut width = d;
        for grade in &grades {
            ModelError::check_length("grade input", width, grade.inputs())?;
            let carried = if grade.carry_inputs() { d } else { 0 };
            width = grade.n_hidden_features() + carried;
            ModelError::check_length("readout input", width, grade.n_features())?;
            ModelError::check_length("readout output", m, grade.readout().weights().rows())?;
        }
        Ok(Self { schema, input_scaling, output_scaling, grades, history, settings })
    }

    /// Names and ranges of inputs and outputs.
    pub fn schema(&self) -> &Schema {
        &self.schema
    }

    /// Scaling of the inputs.
    pub fn input_scaling(&self) -> &Scaling {
        &self.input_scaling
    }

    /// Scaling of the outputs.
    pub fn output_scaling(&self) -> &Scaling {
        &self.output_scaling
    }

    /// The frozen grades, first to last. Without any the model is the constant `center_out`.
    pub fn grades(&self) -> &[Grade] {
        &self.grades
    }

    /// How the model came to be.
    pub fn history(&self) -> &History {
        &self.history
    }

    /// The settings that made it, as a JSON document.
    pub fn settings(&self) -> &serde_json::Value {
        &self.settings
    }

    /// Number of inputs `d`.
    pub fn n_inputs(&self) -> usize {
        self.schema.inputs.len()
    }

    /// Number of outputs `m`.
    pub fn n_outputs(&self) -> usize {
        self.schema.outputs.len()
    }

    /// Number of weights and biases of all grades.
    pub fn n_parameters(&self) -> usize {
        self.grades.iter().map(Grade::n_parameters).sum()
    }

    /// The model that stops after grade `k`: `f_k`. Its numbers are those of this model, unchanged.
    ///
    /// # Errors
    /// [`ModelError::NoSuchGrade`] if there are fewer than `k` grades.
    pub fn truncate(&self, k: usize) -> Result<Self, ModelError> {
        self.check_grade(k)?;
        let mut shorter = self.clone();
        shorter.grades.truncate(k);
        shorter.history.grades.retain(|record| record.grade <= k);
        shorter.history.notes.retain(|note| note.grade <= k);
        if k < self.grades.len() {
            shorter.history.stop = format!("truncated at grade {k} of {}", self.grades.len());
        }
        Ok(shorter)
    }

    pub(super) fn check_grade(&self, k: usize) -> Result<(), ModelError> {
        if k <= self.grades.len() {
            Ok(())
        } else {
            Err(ModelError::NoSuchGrade { asked: k, available: self.grades.len() })
        }
    }
}
