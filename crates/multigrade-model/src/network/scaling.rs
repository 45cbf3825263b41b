//! Standardisation of columns, part of the model.

use super::ModelError;
use serde::{Deserialize, Serialize};

/// Per column `z = (x - center) / scale` and back `x = center + scale * z`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Scaling {
    center: Vec<f64>,
    scale: Vec<f64>,
}

impl Scaling {
    /// A scaling from its centers and scales, one of each per column.
    ///
    /// # Errors
    /// [`ModelError::Shape`] if the lengths differ, [`ModelError::NotFinite`] for NaN or infinite numbers,
    /// [`ModelError::Scale`] unless every scale is positive.
    pub fn new(center: Vec<f64>, scale: Vec<f64>) -> Result<Self, ModelError> {
        let scaling = Self { center, scale };
        scaling.validate()?;
        Ok(scaling)
    }

    /// The scaling that changes nothing.
    pub fn identity(columns: usize) -> Self {
        Self { center: vec![0.0; columns], scale: vec![1.0; columns] }
    }

    pub(crate) fn validate(&self) -> Result<(), ModelError> {
        if self.center.len() != self.scale.len() {
            return Err(ModelError::Shape { what: "scaling", expected: self.center.len(), found: self.scale.len() });
        }
        ModelError::check_finite("scaling center", &self.center)?;
        ModelError::check_finite("scaling scale", &self.scale)?;
        match self.scale.iter().find(|s| **s <= 0.0) {
            Some(&found) => Err(ModelError::Scale { found }),
            None => Ok(()),
        }
    }

    /// Centers, one per column.
    pub fn center(&self) -> &[f64] {
        &self.center
    }

    /// Scales, one per column, all positive.
    pub fn scale(&self) -> &[f64] {
        &self.scale
    }

    /// Number of columns.
    pub fn columns(&self) -> usize {
        self.center.len()
    }

    /// `(x - center) / scale`, column by column, for one row or row-major rows in place.
    pub fn standardise(&self, rows: &mut [f64]) {
        for row in rows.chunks_exact_mut(self.columns().max(1)) {
            for ((x, c), s) in row.iter_mut().zip(&self.center).zip(&self.scale) {
                *x = (*x - c) / s;
            }
        }
    }

    /// `center + scale * z`, column by column, for one row or row-major rows in place.
    pub fn restore(&self, rows: &mut [f64]) {
        for row in rows.chunks_exact_mut(self.columns().max(1)) {
            for ((z, c), s) in row.iter_mut().zip(&self.center).zip(&self.scale) {
                *z = c + s * *z;
            }
        }
    }
}
