//! Formulas into small deep networks: squares and products by towers of tents, functions of one quantity by folds, hinges
//! and towers.

mod budget;
mod curve;
mod emit;
mod graph;
mod proof;
mod spline;
mod tape;

use super::cube::Cube;
use super::{Built, ConstructError, assemble};
use budget::{Pick, Plan};
use emit::Written;
use graph::{Atom, Collapse, Graph};
use multigrade_model::Multigrade;
use multigrade_model::truth::{Certificate, DerivationError, Domain, Expression, Part, Proved};
use proof::Search;

/// The share of the tolerance that the errors of the parts may add up to at first; rounding takes some of the rest.
const FIRST: f64 = 0.995;
/// Shares by which errors of curves that were seen at points are enlarged before they are claimed.
const CLAIMS: [f64; 3] = [0.01, 0.05, 0.3];
/// How often the slack of a proof is fed back.
const ROUNDS: usize = 4;
/// The least slack that is worth another round.
const WORTH: f64 = 1.02;
/// Most parts of the box while the network is sought, and for the last proof.
const BOXES: usize = 400;
const TIGHT: usize = 1000;

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
    /// A part that is the same everywhere, though variables stand in it.
    #[error("'{part}' reads a quantity that does not vary on the box; write its value instead")]
    Constant {
        /// The part.
        part: String,
    },
    /// A part whose range is not bounded, or cannot be shown to be.
    #[error(
        "no bound of '{part}' is found on the box; choose a smaller box, or write it so that its factors stay bounded"
    )]
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
    #[error(
        "'{part}' would be needed to {error:.1e}, which takes more neurons than the strategy allows, or is beyond f64"
    )]
    Fine {
        /// The part.
        part: String,
        /// The error it may have.
        error: f64,
    },
}

/// A compiled formula.
pub(super) struct Compiled {
    pub(super) model: Multigrade,
    /// ReLUs that take both signs.
    pub(super) counted: usize,
    /// What is proved of it; none if the proof was not found.
    pub(super) proof: Option<(Certificate, Proved)>,
    /// The bound for evaluation in binary64.
    pub(super) bound: f64,
}

/// A formula with the box it is compiled on.
pub(super) struct Task<'a> {
    /// Its variables are the sides of the box, in order.
    pub(super) formula: &'a Expression,
    pub(super) domain: &'a Domain,
    pub(super) cube: &'a Cube,
    pub(super) tolerance: f64,
    pub(super) document: serde_json::Value,
}

/// A network with its derivation, as far as it is proved.
struct Attempt {
    model: Multigrade,
    counted: usize,
    search: Search,
}

impl Task<'_> {
    /// The smallest network for the formula that is found, with a proof.
    pub(super) fn compile(&self) -> Result<Compiled, ConstructError> {
        let mut best: Option<Attempt> = None;
        let (mut budget, mut claim) = (FIRST * self.tolerance, CLAIMS[0]);
        let mut refusals = 0;
        for _ in 0..ROUNDS {
            let (written, width) = self.candidate(budget, claim)?;
            let attempt = match self.attempt(written, width)? {
                Ok(attempt) => attempt,
                // An error that was seen at points is too small to be proved.
                Err(refusal) => match CLAIMS.get(refusals + 1) {
                    Some(larger) => {
                        (refusals, claim) = (refusals + 1, *larger);
                        continue;
                    }
                    None => return Err(ConstructError::Derivation(refusal.to_string())),
                },
            };
            let bound = attempt.search.bound();
            let keeps = bound <= self.tolerance;
            let improves = best.as_ref().is_none_or(|b| {
                let before = (b.search.bound() > self.tolerance, b.counted);
                (!keeps, attempt.counted) < before
            });
            if improves {
                best = Some(attempt);
            } else if keeps {
                break;
            }
            let ratio = (self.tolerance / bound).powf(0.95);
            if !ratio.is_finite() || ratio == 0.0 || keeps && ratio < WORTH {
                break;
            }
            budget *= if keeps { ratio } else { 0.99 * ratio };
        }
        let Some(mut best) = best else {
            return Err(ConstructError::Derivation("no error of a curve could be proved".into()));
        };
        best.search.improve(0.0, TIGHT);
        let proof = best.search.certificate(&best.model, self.formula, self.domain);
        Ok(Compiled { model: best.model, counted: best.counted, proof, bound: best.search.bound() })
    }

    /// The smallest of the ways to read the formula, and a width that serves all of them at other tolerances too.
    fn candidate(&self, budget: f64, claim: f64) -> Result<(Written, usize), Unable> {
        let name = |atom: &Atom| self.name(atom);
        let mut best: Option<Written> = None;
        let (mut trouble, mut width) = (None, 0);
        let mut seen: Vec<Graph> = Vec::new();
        for collapse in Collapse::ALL {
            let graph = match Graph::of(self.formula, collapse) {
                Ok(graph) if seen.contains(&graph) => continue,
                Ok(graph) => graph,
                Err(found) => {
                    trouble = trouble.or(Some(found));
                    continue;
                }
            };
            let plan = budget::plan(&graph, self.domain.sides(), budget, claim, &name);
            let made = plan.map(|plan| {
                let written = emit::write(&graph, &plan, self.cube);
                (written.width().max(emit::write(&graph, &widest(&plan), self.cube).width()), written)
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
            seen.push(graph);
        }
        let part = || self.formula.to_string();
        best.map(|best| (best, width)).ok_or_else(|| trouble.unwrap_or_else(|| Unable::Unbounded { part: part() }))
    }

    /// Lays the network out and proves what it keeps, shifted so that its errors are balanced.
    fn attempt(&self, written: Written, width: usize) -> Result<Result<Attempt, DerivationError>, ConstructError> {
        let counted = written.size();
        let mut shift = 0.0;
        loop {
            let (laid, derivation) = written.clone().lay(width, shift)?;
            let (grade, hints) = (laid.grade, Vec::new());
            let built = Built { grade, deviation: self.tolerance, nodes: counted, hints, level: None };
            let model = assemble(self.domain, self.cube, vec![built], self.document.clone())?;
            let mut search = match Search::new(&model, self.formula, self.domain, derivation) {
                Ok(search) => search,
                Err(refusal) => return Ok(Err(refusal)),
            };
            search.improve(0.97 * self.tolerance, BOXES);
            let bounds = search.bounds().f64;
            let off = bounds.midpoint();
            if shift != 0.0 || !bounds.is_bounded() || off.abs() <= 0.02 * bounds.magnitude() {
                return Ok(Ok(Attempt { model, counted, search }));
            }
            shift = off;
        }
    }

    /// The text of a part of the formula.
    fn name(&self, atom: &Atom) -> String {
        match atom {
            Atom::Curve(curve) => match curve.part {
                Part::Value(node) => self.formula.subformula(node).to_string(),
                Part::Reciprocal(node) => format!("1/({})", self.formula.subformula(node)),
            },
            Atom::Product { node, .. } | Atom::Extremum { node, .. } => self.formula.subformula(*node).to_string(),
            Atom::Input(i) => self.formula.variables()[*i].clone(),
        }
    }
}

/// The plan with all the registers that its parts may need at other tolerances.
fn widest(plan: &Plan) -> Plan {
    let pick = |pick: &Pick| match pick {
        Pick::Curve(recipe) => Pick::Curve(recipe.widest.as_ref().map_or_else(|| recipe.clone(), |w| (**w).clone())),
        other => other.clone(),
    };
    Plan { picks: plan.picks.iter().map(pick).collect(), ranges: plan.ranges.clone() }
}
