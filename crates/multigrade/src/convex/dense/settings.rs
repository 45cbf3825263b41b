//! Settings of a dense convex fit.

use crate::settings::require;
use crate::{Bias, SettingsError, Skip, Valid};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// How a dense convex grade is fitted.
///
/// | field | default | meaning |
/// |---|---|---|
/// | `penalty` | 0.1 of the largest | the penalty `β` |
/// | `bias` | free | whether biases count in the norms |
/// | `skip` | affine | the unpenalised part |
/// | `tolerance` | 1e-6 | relative duality gap at which a fit is done |
/// | `max_neurons` | 500 | neurons at which generation stops |
/// | `max_rounds` | 500 | rounds of column generation |
/// | `max_cones` | 20 million | cones looked at in each search for a better neuron, and in the proof |
/// | `time_limit` | none | time after which the fit ends with what it has |
/// | `seed` | 0 | of the directions that are tried first |
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DenseSettings {
    /// The penalty `β`.
    pub penalty: DensePenalty,
    /// Whether biases count in the norms of neurons.
    pub bias: Bias,
    /// The unpenalised part.
    pub skip: Skip,
    /// Relative duality gap at which a fit is done, in `(0, 1)`.
    pub tolerance: f64,
    /// Neurons at which generation stops, at least 1.
    pub max_neurons: usize,
    /// Rounds of column generation, at least 1. A fit takes 5 to 50.
    pub max_rounds: u32,
    /// Cones looked at in each search for a better neuron, and in the proof. A certificate for three inputs and 1000 rows
    /// takes about 1e5, each input more about twenty times as many.
    pub max_cones: u64,
    /// Time after which the fit ends with what it has; the proof then looks at a few thousand cones only.
    pub time_limit: Option<Duration>,
    /// Seed of the directions that are tried first.
    pub seed: u64,
}

/// The penalty `β` of a dense convex grade: of slopes in the units of the columns, not per standard deviation as with
/// [one-input neurons](crate::convex::Penalty). Scale columns of different units first, as [`fit`](crate::fit()) does.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DensePenalty {
    /// This penalty, positive.
    Absolute(f64),
    /// This share, positive, of the smallest penalty whose fit has no neurons (of its proved lower bound).
    OfLargest(f64),
}

impl Default for DenseSettings {
    fn default() -> Self {
        Self {
            penalty: DensePenalty::OfLargest(0.1),
            bias: Bias::Free,
            skip: Skip::Affine,
            tolerance: 1e-6,
            max_neurons: 500,
            max_rounds: 500,
            max_cones: 20_000_000,
            time_limit: None,
            seed: 0,
        }
    }
}

impl DenseSettings {
    /// These settings, checked.
    ///
    /// # Errors
    /// [`SettingsError`] names the first field outside its documented range.
    ///
    /// ```
    /// use multigrade::convex::dense::{DensePenalty, DenseSettings};
    /// let settings = DenseSettings { penalty: DensePenalty::Absolute(0.0), ..DenseSettings::default() };
    /// assert_eq!(settings.validate().unwrap_err().to_string(), "penalty: found 0, expected a positive number");
    /// ```
    pub fn validate(self) -> Result<Valid<Self>, SettingsError> {
        let positive = |v: f64| v > 0.0 && v.is_finite();
        let (DensePenalty::Absolute(penalty) | DensePenalty::OfLargest(penalty)) = self.penalty;
        require(positive(penalty), "penalty", penalty, "a positive number")?;
        if let Bias::Penalised { scale } = self.bias {
            require(positive(scale), "scale of the bias", scale, "a positive number")?;
        }
        let open_unit = self.tolerance > 0.0 && self.tolerance < 1.0;
        require(open_unit, "tolerance", self.tolerance, "a number in (0, 1)")?;
        require(self.max_neurons > 0, "max neurons", self.max_neurons, "at least 1")?;
        require(self.max_rounds > 0, "max rounds", self.max_rounds, "at least 1")?;
        Ok(Valid::new(self))
    }
}
