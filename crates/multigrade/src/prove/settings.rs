//! What a prover is asked for.

use crate::attack::AttackSettings;
use crate::settings::{SettingsError, Valid, require};

/// When a bound is good enough.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Goal {
    /// `|f - f_k|` is proved to be at most this number, which is positive. If a larger error was measured, the bound is made
    /// tight to a factor 1.05.
    Within(f64),
    /// As `Within` the first number; then, with at most three times as many boxes again, the bound is made tight to the factor, above 1,
    /// that is the second.
    Tighter(f64, f64),
    /// The proved bound of `|f - f_k|` is at most this factor, above 1, times the largest error that was measured.
    Tight(f64),
    /// Both proved bounds, `lower <= f - f_k <= upper`, are closer to the lowest and highest errors measured than this
    /// share, positive, of the range between those.
    Ends(f64),
}

/// What a prover is asked for and what it may take.
#[derive(Clone, Debug, PartialEq)]
pub struct ProveSettings {
    /// When to stop; default `Tight(1.05)`.
    pub goal: Goal,
    /// Boxes that the proof of one claim may use; default 200,000, at least 1.
    pub boxes: usize,
    /// Seconds, or no limit; default none. A limit that bites makes the result depend on the speed of the machine.
    pub time_limit: Option<f64>,
    /// For each input in order, places where cutting the box helps, such as the grid lines of a mesh; default none. For a
    /// network of one input its kinks are used beside them.
    pub cuts: Vec<Vec<f64>>,
    /// How hard to look for errors before anything is proved; default that of [`AttackSettings`].
    pub attack: AttackSettings,
}

impl Default for ProveSettings {
    fn default() -> Self {
        Self {
            goal: Goal::Tight(1.05),
            boxes: 200_000,
            time_limit: None,
            cuts: Vec::new(),
            attack: AttackSettings::default(),
        }
    }
}

impl std::fmt::Display for Goal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Within(tolerance) => write!(f, "within {tolerance}"),
            Self::Tighter(tolerance, factor) => write!(f, "within {tolerance}, then tight to a factor {factor}"),
            Self::Tight(factor) => write!(f, "tight to a factor {factor}"),
            Self::Ends(share) => write!(f, "ends tight to a share {share}"),
        }
    }
}

impl ProveSettings {
    /// The settings, checked.
    ///
    /// # Errors
    /// The first setting outside its range.
    pub fn validate(mut self) -> Result<Valid<Self>, SettingsError> {
        let possible = match self.goal {
            Goal::Within(number) | Goal::Ends(number) => number > 0.0,
            Goal::Tighter(number, factor) => number > 0.0 && factor > 1.0,
            Goal::Tight(factor) => factor > 1.0,
        };
        require(possible, "goal", self.goal, "a positive number, or a factor above 1")?;
        require(self.boxes > 0, "boxes", self.boxes, "at least 1")?;
        require(self.attack.points > 0, "points", self.attack.points, "at least 1")?;
        if let Some(limit) = self.time_limit {
            require(limit > 0.0, "time limit", limit, "a positive number of seconds")?;
        }
        for cuts in &mut self.cuts {
            cuts.retain(|cut| !cut.is_nan());
            cuts.sort_by(f64::total_cmp);
            cuts.dedup();
        }
        Ok(Valid::new(self))
    }
}
