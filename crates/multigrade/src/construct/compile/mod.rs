//! Formulas into small deep networks: squares and products by towers of tents, functions of one quantity by folds, hinges
//! and towers.

mod budget;
mod curve;
mod emit;
mod graph;
mod spline;
mod tape;

use super::cube::Cube;
use budget::{Pick, Plan};
use emit::Written;
use graph::{Atom, Collapse, Graph};
use multigrade_model::truth::{Derivation, Domain, Expression, Part};
use multigrade_model::{Grade, ModelError};

/// Why a formula cannot be compiled; the mesh strategy may still do it.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Unable {
    /// A choice between formulas that depends on several variables.
    #[error("'{part}' chooses by a comparison of several variables; compiled formulas choose by min and max only")]
    Choice {
        /// The part.
        part: String,
    },
    /// A power whose base and exponent both vary.
    #[error("'{part}' is a power whose base and exponent both vary; write it as exp(v*ln(u))")]
    Power {
        /// The part.
        part: String,
    },
    /// A part whose range is not bounded, or cannot be shown to be.
    #[error("no bound of '{part}' is found on the box; choose a smaller box, or write it so that its factors stay bounded")]
    Unbounded {
        /// The part.
        part: String,
    },
    /// A part on whose errors the result depends without bound.
    #[error("the result depends on '{part}' with an unbounded slope somewhere in the box; choose a smaller box")]
    Steep {
        /// The part.
        part: String,
    },
    /// A part that would need too many neurons.
    #[error("'{part}' would be needed to {error:.1e}, which takes more neurons than the strategy allows, or is beyond f64")]
    Fine {
        /// The part.
        part: String,
        /// The error it may have.
        error: f64,
    },
}

/// A compiled formula.
pub(super) struct Compiled {
    pub(super) grade: Grade,
    pub(super) derivation: Derivation,
    /// ReLUs that take both signs.
    pub(super) counted: usize,
}

/// The smallest network for the formula, whose variables are the sides of the box in order, that keeps the tolerance by
/// the errors of its parts.
pub(super) fn compile(
    formula: &Expression,
    domain: &Domain,
    cube: &Cube,
    tolerance: f64,
) -> Result<Result<Compiled, Unable>, ModelError> {
    let name = |atom: &Atom| match atom {
        Atom::Curve(curve) => match curve.part {
            Part::Value(node) => formula.subformula(node).to_string(),
            Part::Reciprocal(node) => format!("1/({})", formula.subformula(node)),
        },
        Atom::Product { node, .. } | Atom::Extremum { node, .. } => formula.subformula(*node).to_string(),
        Atom::Input(i) => formula.variables()[*i].clone(),
    };
    let mut best: Option<Written> = None;
    let (mut trouble, mut width) = (None, 0);
    for collapse in Collapse::ALL {
        let made = Graph::of(formula, collapse).and_then(|graph| {
            let plan = budget::plan(&graph, domain.sides(), tolerance, &name)?;
            let written = emit::write(&graph, &plan, cube);
            Ok((written.width().max(emit::write(&graph, &widest(&plan), cube).width()), written))
        });
        match made {
            Ok((wide, written)) => {
                width = width.max(wide);
                if best.as_ref().is_none_or(|b| written.size() < b.size()) {
                    best = Some(written);
                }
            }
            Err(found) => trouble = trouble.or(Some(found)),
        }
    }
    let Some(written) = best else {
        let part = formula.to_string();
        return Ok(Err(trouble.unwrap_or(Unable::Unbounded { part })));
    };
    let counted = written.size();
    let (laid, derivation) = written.lay(width, 0.0)?;
    Ok(Ok(Compiled { grade: laid.grade, derivation, counted }))
}

/// The plan with all the registers that its parts may need at other tolerances.
fn widest(plan: &Plan) -> Plan {
    let pick = |pick: &Pick| match pick {
        Pick::Curve(recipe) if !recipe.is_exact() => Pick::Curve(recipe.widest(!recipe.folds.is_empty())),
        other => other.clone(),
    };
    Plan { picks: plan.picks.iter().map(pick).collect(), ranges: plan.ranges.clone() }
}
