//! Settings of learning from a formula.

use crate::settings::{FitSettings, GradeSettings, Grades, SettingsError, Solver, Valid, require};
use multigrade_model::Activation;
use serde::{Deserialize, Serialize};

/// How a network is learned from a formula.
///
/// | field | default | meaning |
/// |---|---|---|
/// | `fit` | ReLU grades, one branch, weight decay 1e-5 | how each grade is trained; `validation` and `refit` are not used |
/// | `rows` | 4,000 | fresh points of the box for every grade, and half as many to judge it on |
/// | `project` | false | whether the grades are projected, so that no point's residual ever grows |
/// | `boxes` | 200,000 | boxes that the proof for a grade may use |
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LearnSettings {
    /// How each grade is trained. Its time limit is that of training and proof together.
    pub fit: FitSettings,
    /// Fresh points of the box for every grade, at least 2; half as many judge it.
    pub rows: usize,
    /// Whether each grade projects the approximation onto the tube that the proof found, so that no point's residual grows.
    pub project: bool,
    /// Boxes that the proof of one claim may use, at least 1.
    pub boxes: usize,
}

/// Most points of one grade.
const MAX_ROWS: usize = 1 << 24;

impl Default for LearnSettings {
    fn default() -> Self {
        // A formula has no noise, so there is nothing to average away. Without any decay, huge weights cancel each other, and
        // the bound for f32 is lost to rounding.
        let fit = FitSettings {
            activation: Some(Activation::Relu),
            branches: Some(1),
            weight_decay: Some(1e-5),
            ..FitSettings::default()
        };
        Self { fit, rows: 4_000, project: false, boxes: 200_000 }
    }
}

impl LearnSettings {
    /// These settings, checked.
    ///
    /// # Errors
    /// [`SettingsError`] names the first field outside its documented range, or an activation that nothing can be proved
    /// of.
    pub fn validate(self) -> Result<Valid<Self>, SettingsError> {
        require((2..=MAX_ROWS).contains(&self.rows), "rows", self.rows, "a number from 2 to 16777216")?;
        require(self.boxes > 0, "boxes", self.boxes, "at least 1")?;
        let fit = &self.fit;
        let listed: &[GradeSettings] = if let Grades::List(list) = &fit.grades { list } else { &[] };
        let named = listed.iter().filter_map(|grade| grade.activations.as_ref()).flatten().chain(&fit.activation);
        for activation in named {
            let is_relu = *activation == Activation::Relu;
            require(is_relu, "activation", activation, "relu: bounds are proved for networks of ReLUs")?;
        }
        let solvers = fit.solver.iter().chain(&fit.first_solvers);
        for solver in solvers.chain(listed.iter().filter_map(|grade| grade.solver.as_ref())) {
            let expected = "lbfgs, lm, adam, gd or random: a formula has no rows of its own to be optimal on";
            require(!solver.is_convex(), "solver", solver, expected)?;
        }
        let held = fit.validation == FitSettings::default().validation && fit.refit.is_none();
        require(held, "validation", "a setting of it", "none: every grade is judged on fresh points")?;
        let one_by_one = !fit.single_grade;
        require(one_by_one, "single grade", "yes", "no: grades are learned and proved one after the other")?;
        let fit = fit.clone().validate()?;
        Ok(Valid::new(Self { fit: FitSettings::clone(&fit), ..self }))
    }

    /// What the planner of a fit is told about a box with so many sides: what is left open has a default here.
    pub(super) fn plan(&self, dimension: usize) -> FitSettings {
        let default = Self::default().fit;
        let grade = |given: &GradeSettings| GradeSettings {
            widths: if given.widths.is_empty() { widths(dimension) } else { given.widths.clone() },
            ..given.clone()
        };
        let list = match &self.fit.grades {
            Grades::Auto { at_most: count } | Grades::Count(count) => vec![grade(&GradeSettings::default()); *count],
            Grades::List(list) => list.iter().map(grade).collect(),
        };
        FitSettings {
            grades: Grades::List(list),
            activation: self.fit.activation.or(default.activation),
            branches: self.fit.branches.or(default.branches),
            weight_decay: self.fit.weight_decay.or(default.weight_decay),
            solver: self.fit.solver.clone().or(Some(Solver::Lbfgs { iterations: ITERATIONS })),
            ..self.fit.clone()
        }
    }
}

/// Iterations of L-BFGS for a grade (experiment, no theory).
const ITERATIONS: u32 = 500;

/// Hidden layers of a grade (experiment, no theory): more of them fit better, and are harder to prove.
fn widths(dimension: usize) -> Vec<usize> {
    if dimension == 1 { vec![32] } else { vec![24] }
}
