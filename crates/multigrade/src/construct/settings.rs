//! Settings of a construction.

use crate::settings::{SettingsError, Valid, require};
use serde::{Deserialize, Serialize};

/// How a network is built from a formula.
///
/// | field | default | meaning |
/// |---|---|---|
/// | `strategy` | auto | whether the network is compiled from the formula or laid on a mesh |
/// | `scheme` | monotone | whether no point's residual may grow |
/// | `grades` | `None`: tolerances fall by 16, or by 10 where formulas are compiled | number of grades |
/// | `lanes` | `None`: 2 for one variable, else 4 | nodes built side by side: more width, less depth |
/// | `one_sided` | `None` | on which side of the target the network has to stay |
/// | `max_nodes` | 200,000 | nodes of a mesh |
/// | `time_limit` | none | seconds |
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ConstructSettings {
    /// Whether the network is compiled from the formula or laid on a mesh.
    pub strategy: Strategy,
    /// Whether no point's residual may grow.
    pub scheme: Scheme,
    /// Number of grades, at least 1; `None` lets the tolerances fall by a factor of 16 from grade to grade.
    pub grades: Option<usize>,
    /// Nodes built side by side, at least 1: more of them make a wider and less deep network.
    pub lanes: Option<usize>,
    /// On which side of the target the network has to stay, everywhere.
    pub one_sided: Option<Side>,
    /// Most nodes of a mesh, at least 1.
    pub max_nodes: usize,
    /// Seconds after which no further grade is begun; the grades done so far are the answer.
    pub time_limit: Option<f64>,
}

/// Where a network comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Strategy {
    /// Compiled or a mesh, whichever keeps the tolerance by proof with fewer ReLUs that take both signs.
    Auto,
    /// Interpolation between nodes: any continuous formula of up to four variables, any scheme.
    Mesh,
    /// A small deep network that computes what the formula says, step by step: one grade in the plain scheme, unless more are
    /// asked for; grades whose tolerances fall by 10 in the monotone one, at most 4 of them. Each grade
    /// computes the formula anew, but goes on with towers and folds of affine functions of the inputs.
    Compile,
}

impl std::fmt::Display for Strategy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Auto => "auto",
            Self::Mesh => "mesh",
            Self::Compile => "compile",
        })
    }
}

/// How corrections follow from approximants `p_k`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scheme {
    /// `g_k = S_t(p_k - f_{k-1})`: no point's residual ever grows.
    Monotone,
    /// `g_k = p_k - p_{k-1}`: the smallest network.
    Plain,
}

impl std::fmt::Display for Scheme {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Monotone => "monotone",
            Self::Plain => "plain",
        })
    }
}

/// A side of the target.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Side {
    /// The network is nowhere below the target.
    Above,
    /// The network is nowhere above the target.
    Below,
}

impl Default for ConstructSettings {
    fn default() -> Self {
        Self {
            strategy: Strategy::Auto,
            scheme: Scheme::Monotone,
            grades: None,
            lanes: None,
            one_sided: None,
            max_nodes: 200_000,
            time_limit: None,
        }
    }
}

impl ConstructSettings {
    /// These settings, checked.
    ///
    /// # Errors
    /// [`SettingsError`] names the first field outside its documented range.
    pub fn validate(self) -> Result<Valid<Self>, SettingsError> {
        let grades = self.grades.unwrap_or(1);
        require((1..=60).contains(&grades), "grades", grades, "a number from 1 to 60")?;
        let lanes = self.lanes.unwrap_or(1);
        require((1..=4096).contains(&lanes), "lanes", lanes, "a number from 1 to 4096")?;
        require(self.max_nodes > 0, "max nodes", self.max_nodes, "at least 1")?;
        if let Some(limit) = self.time_limit {
            require(limit > 0.0 && limit.is_finite(), "time limit", limit, "a positive number of seconds")?;
        }
        Ok(Valid::new(self))
    }
}
