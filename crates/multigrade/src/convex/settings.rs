//! Settings of a convex fit: plain fields, checked once.

use crate::settings::require;
use crate::{SettingsError, Valid};
use serde::{Deserialize, Serialize};

/// How a convex grade is fitted.
///
/// | field | default | meaning |
/// |---|---|---|
/// | `penalty` | path of 40 points to 1e-5, generalised cross-validation | the penalty `β` or how it is chosen |
/// | `tolerance` | 1e-9 | relative duality gap at which a fit is done |
/// | `max_rounds` | 1000 | rounds of knot generation for one penalty |
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ConvexSettings {
    /// The penalty `β` or how it is chosen.
    pub penalty: Penalty,
    /// Relative duality gap at which a fit is done, in `(0, 1)`. Below about `1e-12` rounding decides.
    pub tolerance: f64,
    /// Rounds of knot generation for one penalty, at least 1. A fit takes 4 to 20; each costs `O(n m)`.
    pub max_rounds: u32,
}

/// The penalty `β` of the total variation of the slopes, for inputs in units of their standard deviation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Penalty {
    /// This penalty, at least 0. With 0 the fit of one input is the piecewise linear interpolant of the (mean) targets;
    /// several inputs need a positive penalty.
    Absolute(f64),
    /// This share of the smallest penalty whose fit has no neurons; at least 0.
    OfLargest(f64),
    /// The best of a path of penalties, equally spaced in logarithm. With one input it ends at the interpolant.
    Path {
        /// Positive penalties of the path, at least 2.
        points: usize,
        /// Smallest positive penalty as a share of the largest, in `(0, 1)`.
        min_ratio: f64,
        /// What is best.
        choice: Choice,
    },
}

/// How a penalty is chosen from a path.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Choice {
    /// Smallest `(RSS / W) / (1 - df / W)²`, the generalised cross-validation score, for independent noise. `RSS` is
    /// the weighted mean over outputs, `W` the sum of the weights, which count as numbers of rows. It cannot judge an
    /// interpolant that leaves nothing (0/0), whose score is an estimate of its error between the rows instead, from how much
    /// rows differ from interpolation of their neighbours: data without noise are interpolated.
    Gcv,
    /// Smallest squared error on rows held out (chosen by content, as in [`split`](crate::split)).
    HeldOut {
        /// Share of the weight held out, in `(0, 1)`.
        share: f64,
        /// Key of the choice of rows.
        seed: u64,
    },
    /// Smallest squared error when blocks of neighbouring `x` (of the first input) are left out in turn, for noise that is
    /// correlated along `x`.
    BlockCv {
        /// Number of parts, at least 2.
        folds: usize,
        /// Distinct `x` in one block, at least 1: longer than the noise is correlated.
        block: usize,
    },
    /// The largest penalty whose residual is no larger than noise of this standard deviation (the discrepancy
    /// principle; smooths slightly more than need be).
    Discrepancy {
        /// Standard deviation of the noise of a row of weight 1, positive.
        noise: f64,
    },
    /// The smallest penalty on the path whose fit has at most this many neurons.
    Neurons(usize),
}

impl std::fmt::Display for Penalty {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Absolute(penalty) => write!(f, "penalty {penalty}"),
            Self::OfLargest(share) => write!(f, "penalty {share} of the largest"),
            Self::Path { choice, .. } => match choice {
                Choice::Gcv => f.write_str("penalty by generalised cross-validation"),
                Choice::HeldOut { .. } => f.write_str("penalty by held-out rows"),
                Choice::BlockCv { folds, block } => {
                    write!(f, "penalty by cross-validation in {folds} parts, blocks of {block}")
                }
                Choice::Discrepancy { noise } => write!(f, "penalty by the noise level {noise}"),
                Choice::Neurons(budget) => write!(f, "penalty by at most {budget} neurons"),
            },
        }
    }
}

impl Default for ConvexSettings {
    fn default() -> Self {
        let penalty = Penalty::Path { points: 40, min_ratio: 1e-5, choice: Choice::Gcv };
        Self { penalty, tolerance: 1e-9, max_rounds: 1000 }
    }
}

impl ConvexSettings {
    /// These settings, checked.
    ///
    /// # Errors
    /// [`SettingsError`] names the first field outside its documented range.
    ///
    /// ```
    /// use multigrade::convex::{ConvexSettings, Penalty};
    /// let settings = ConvexSettings { penalty: Penalty::Absolute(-1.0), ..ConvexSettings::default() };
    /// assert_eq!(settings.validate().unwrap_err().to_string(), "penalty: found -1, expected a number of at least 0");
    /// ```
    pub fn validate(self) -> Result<Valid<Self>, SettingsError> {
        let open_unit = |v: f64| v > 0.0 && v < 1.0;
        require(open_unit(self.tolerance), "tolerance", self.tolerance, "a number in (0, 1)")?;
        require(self.max_rounds > 0, "max rounds", self.max_rounds, "at least 1")?;
        match &self.penalty {
            &Penalty::Absolute(v) | &Penalty::OfLargest(v) => {
                require(v >= 0.0 && v.is_finite(), "penalty", v, "a number of at least 0")?;
            }
            Penalty::Path { points, min_ratio, choice } => {
                require(*points >= 2, "points of the path", points, "at least 2")?;
                require(open_unit(*min_ratio), "smallest ratio of the path", min_ratio, "a number in (0, 1)")?;
                choice.check()?;
            }
        }
        Ok(Valid::new(self))
    }
}

impl Choice {
    fn check(&self) -> Result<(), SettingsError> {
        match *self {
            Self::Gcv | Self::Neurons(_) => Ok(()),
            Self::HeldOut { share, .. } => {
                require(share > 0.0 && share < 1.0, "held-out share", share, "a share in (0, 1)")
            }
            Self::BlockCv { folds, block } => {
                require(folds >= 2, "folds", folds, "at least 2")?;
                require(block >= 1, "block", block, "at least 1")
            }
            Self::Discrepancy { noise } => {
                require(noise > 0.0 && noise.is_finite(), "noise", noise, "a positive standard deviation")
            }
        }
    }
}
