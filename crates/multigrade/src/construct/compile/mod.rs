//! Formulas into small deep networks: squares and products by towers of tents, functions of one quantity by folds, hinges
//! and towers.

mod budget;
mod curve;
mod emit;
mod graph;
mod ladder;
mod newton;
mod proof;
mod rewrite;
mod series;
mod spline;
mod tape;

use super::cube::Cube;
use super::{Built, ConstructError, assemble};
use budget::{Pair, Pick, Plan};
use emit::Written;
use graph::{Atom, Collapse, Graph};
pub(super) use ladder::Grades;
use multigrade_model::Multigrade;
use multigrade_model::truth::{
    Certificate, Claim, Derivation, DerivationError, Domain, Expression, Part, Proved, Verdict, are_same, check,
};
use proof::Search;

/// The share of the tolerance that the errors of the parts may add up to at first; rounding takes some of the rest.
const FIRST: f64 = 0.995;
/// Shares by which errors of curves that were seen at points are enlarged before they are claimed.
const CLAIMS: [f64; 3] = [0.01, 0.05, 0.3];
/// Ways to read the formula that take this many times the ReLUs of the smallest one are given up.
const CLOSE: f64 = 1.2;
/// How often the slack of a proof is fed back.
const ROUNDS: usize = 4;
/// The least slack that is worth another round.
const WORTH: f64 = 1.02;
/// Most parts of the box while the network is sought, and for the last proof.
const BOXES: usize = 400;
const TIGHT: usize = 2000;

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
    /// A part whose values are too large for the accuracy that it would be needed to.
    #[error(
        "'{part}' takes values up to {size:.1e} on the box and would be needed to {error:.1e}, which is beyond f64; \
         choose a smaller box, or write the formula so that intermediate values stay small"
    )]
    Huge {
        /// The part.
        part: String,
        /// The largest magnitude of its values.
        size: f64,
        /// The error it may have.
        error: f64,
    },
    /// A part that would need too many neurons.
    #[error(
        "'{part}' would be needed to {error:.1e}, which takes about {relus} ReLUs, more than the {most} that the strategy \
         allows; ask for a larger tolerance"
    )]
    Large {
        /// The part.
        part: String,
        /// The error it may have.
        error: f64,
        /// About how many ReLUs it would take.
        relus: usize,
        /// Most that are allowed.
        most: usize,
    },
    /// A part of which no network as exact as needed is found.
    #[error(
        "'{part}' would be needed to {error:.1e}, and no network as exact as that is found; ask for a larger tolerance"
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
    pub(super) grades: Vec<CompiledGrade>,
    /// What is proved of every grade; none if the proof was not found.
    pub(super) proof: Option<(Certificate, Proved)>,
}

/// What is known of a grade of a compiled formula.
pub(super) struct CompiledGrade {
    /// ReLUs that take both signs.
    pub(super) counted: usize,
    /// The error that was asked for of its approximant, and the one that was proved.
    pub(super) tolerance: f64,
    pub(super) deviation: f64,
    /// The bound for evaluation in binary64.
    pub(super) bound: f64,
}

/// A way to read the formula and to compute its parts.
struct Candidate {
    graph: Graph,
    plan: Plan,
    /// The formula as the derivation has to say it, if it is another one than that given.
    formula: Option<String>,
    /// Neurons of a layer that serve all ways and tolerances.
    width: usize,
    size: usize,
}

/// A formula with the box it is compiled on.
pub(super) struct Task<'a> {
    /// Its variables are the sides of the box, in order.
    pub(super) formula: &'a Expression,
    pub(super) domain: &'a Domain,
    pub(super) cube: &'a Cube,
    pub(super) tolerance: f64,
    pub(super) document: serde_json::Value,
    pub(super) grades: Grades,
}

/// A way to read the formula.
#[derive(Clone)]
struct Way {
    formula: Expression,
    /// Whether it is not the formula as it was given.
    is_rewritten: bool,
    graph: Graph,
}

/// A network with its derivation, as far as it is proved.
struct Attempt {
    candidate: Candidate,
    /// Added to the output.
    shift: f64,
    model: Multigrade,
    search: Search,
}

impl Task<'_> {
    /// The smallest network for the formula that is found, with a proof.
    pub(super) fn compile(&self) -> Result<Compiled, ConstructError> {
        let others = rewrite::variants(self.formula, self.domain);
        let (ways, trouble) = self.ways(&others);
        Ok(self.finished(self.smallest(ways, trouble)?))
    }

    /// The network with the best proof that is found.
    fn finished(&self, mut best: Attempt) -> Compiled {
        best.search.improve(0.0, TIGHT);
        let proof = self.certificate(&best.model, best.search.claim().into_iter().collect());
        let bound = best.search.bound();
        let (counted, tolerance) = (best.candidate.size, self.tolerance);
        let grades = vec![CompiledGrade { counted, tolerance, deviation: bound, bound }];
        Compiled { model: best.model, grades, proof }
    }

    /// The smallest network of one grade in one of these ways; `trouble` was in the way of others.
    fn smallest(&self, mut ways: Vec<Way>, trouble: Option<Unable>) -> Result<Attempt, ConstructError> {
        let mut best: Option<Attempt> = None;
        let (mut budget, mut claim) = (FIRST * self.tolerance, CLAIMS[0]);
        let (mut refusals, mut width, mut fruitless) = (0, 0, false);
        for _ in 0..ROUNDS {
            let unable = |found: Option<Unable>| {
                let unbounded = || Unable::Unbounded { part: self.formula.to_string() };
                found.or_else(|| trouble.clone()).unwrap_or_else(unbounded)
            };
            let mut candidate = self.candidate(&mut ways, budget, claim).map_err(unable)?;
            width = width.max(candidate.width);
            candidate.width = width;
            let is_small = |b: &Attempt| b.search.bound() <= self.tolerance && b.candidate.size <= candidate.size;
            if best.as_ref().is_some_and(is_small) {
                break;
            }
            let attempt = match self.attempt(candidate)? {
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
                let before = (b.search.bound() > self.tolerance, b.candidate.size);
                (!keeps, attempt.candidate.size) < before
            });
            if improves {
                best = Some(attempt);
            } else if keeps || fruitless {
                break;
            } else {
                fruitless = best.as_ref().is_some_and(|b| b.search.bound() <= self.tolerance);
            }
            let ratio = (self.tolerance / bound).powf(0.95);
            if !ratio.is_finite() || ratio == 0.0 || keeps && ratio < WORTH {
                break;
            }
            budget *= if keeps { ratio } else { 0.99 * ratio };
        }
        best.ok_or_else(|| ConstructError::Derivation("no error of a curve could be proved".into()))
    }

    /// The claims as a certificate, checked; none without claims, or if the checker finds other bounds.
    fn certificate(&self, model: &Multigrade, claims: Vec<Claim>) -> Option<(Certificate, Proved)> {
        let (function, domain) = (self.formula.to_string(), self.domain.to_string());
        let certificate = Certificate { function, domain, model: Certificate::digest_of(model), claims };
        match check(&certificate, model) {
            Verdict::Proved(proved) => Some((certificate, proved)),
            Verdict::Refused(_) => None,
        }
    }

    /// The ways to read the formula, or one of these others; what was in the way of the first that cannot be.
    fn ways(&self, others: &[Expression]) -> (Vec<Way>, Option<Unable>) {
        let (mut ways, mut trouble): (Vec<Way>, _) = (Vec::new(), None);
        let is_same = |other: &&Expression| are_same(self.formula, other, self.domain.sides());
        let others = others.iter().filter(is_same).map(|other| (other, true));
        for (formula, is_rewritten) in std::iter::once((self.formula, false)).chain(others) {
            let first = ways.len();
            for collapse in Collapse::ALL {
                match Graph::of(formula, collapse) {
                    Ok(graph) if ways[first..].iter().any(|way| way.graph == graph) => {}
                    Ok(graph) => ways.push(Way { formula: formula.clone(), is_rewritten, graph }),
                    Err(found) => trouble = trouble.or(Some(found)),
                }
            }
        }
        (ways, trouble)
    }

    /// The smallest network of all ways, which are cut down to those worth another look.
    fn candidate(&self, ways: &mut Vec<Way>, budget: f64, claim: f64) -> Result<Candidate, Option<Unable>> {
        let mut made: Vec<(usize, Candidate)> = Vec::new();
        let (mut trouble, mut width) = (None, 0);
        for (i, way) in ways.iter().enumerate() {
            let plan = budget::plan(&way.graph, self.domain.sides(), budget, claim, &|atom| way.name(atom));
            match plan {
                Ok(plan) => {
                    width = width.max(self.width(&way.graph, &widest(&plan)));
                    let size = emit::write(&way.graph, &plan, 0.0, self.cube, None).size();
                    let (own, graph, formula) = (self.width(&way.graph, &plan), way.graph.clone(), way.text());
                    made.push((i, Candidate { graph, plan, formula, width: own, size }));
                }
                Err(found) => trouble = trouble.or(Some(found)),
            }
        }
        let Some(best) = made.iter().map(|(_, candidate)| candidate.size).min() else { return Err(trouble) };
        let is_close = |i: usize| made.iter().any(|(k, other)| *k == i && other.size as f64 <= CLOSE * best as f64);
        let close: Vec<bool> = (0..ways.len()).map(is_close).collect();
        let mut close = close.into_iter();
        ways.retain(|_| close.next().unwrap_or(false));
        let best = made.into_iter().map(|m| m.1).min_by_key(|candidate| candidate.size);
        best.map(|best| Candidate { width: width.max(best.width), ..best }).ok_or(None)
    }

    /// Neurons of the widest layer, whatever the number of grades if there are several.
    fn width(&self, graph: &Graph, plan: &Plan) -> usize {
        match self.grades {
            Grades::One => emit::write(graph, plan, 0.0, self.cube, None).width(),
            Grades::Projected | Grades::Telescoped => {
                // With a first, a last, and one between them, whose towers grow.
                let plans = [0, 1, 2].map(|k| plan.grown(k));
                let tube = self.grades.tube(0.0);
                let rungs = plans.each_ref().map(|plan| emit::Rung { graph, plan, shift: 0.0, tube });
                emit::write_grades(&rungs, self.cube).width()
            }
        }
    }

    /// Lays the network out and proves what it keeps, shifted so that its errors are balanced.
    fn attempt(&self, candidate: Candidate) -> Result<Result<Attempt, DerivationError>, ConstructError> {
        let mut shift = 0.0;
        loop {
            let formula = candidate.formula.clone();
            let written = emit::write(&candidate.graph, &candidate.plan, shift, self.cube, formula);
            let (model, derivation) = self.lay(written, candidate.width)?;
            let mut search = match Search::new(&model, 1, self.formula, self.domain, derivation) {
                Ok(search) => search,
                Err(refusal) => return Ok(Err(refusal)),
            };
            search.improve(0.97 * self.tolerance, BOXES);
            let bounds = search.bounds().f64;
            let off = bounds.midpoint();
            if shift != 0.0 || !bounds.is_bounded() || off.abs() <= 0.02 * bounds.magnitude() {
                return Ok(Ok(Attempt { candidate, shift, model, search }));
            }
            shift = off;
        }
    }

    /// The written network as a model, with its derivation.
    fn lay(&self, written: Written, width: usize) -> Result<(Multigrade, Derivation), ConstructError> {
        let (laid, derivation) = written.lay(width)?;
        let built = |grade| Built { grade, deviation: self.tolerance, nodes: 0, hints: Vec::new(), level: None };
        let built = laid.grades.into_iter().map(built).collect();
        Ok((assemble(self.domain, self.cube, built, self.document.clone())?, derivation))
    }
}

impl Way {
    /// The formula as the derivation has to say it, if it is another one.
    fn text(&self) -> Option<String> {
        self.is_rewritten.then(|| self.formula.to_string())
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
        Pick::Product(pair) => Pick::Product(Pair { tents: [3; 2], ..pair.clone() }),
        Pick::Newton(_) | Pick::Exact => pick.clone(),
    };
    Plan { picks: plan.picks.iter().map(pick).collect(), ranges: plan.ranges.clone() }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The borehole function, to a hundredth of its range.
    #[test]
    fn formulas_are_compiled_as_they_are_written_and_smaller_in_other_words() {
        let text = "2*pi*Tu*(Hu-Hl)/(ln(r/rw)*(1+2*L*Tu/(ln(r/rw)*rw^2*Kw)+Tu/Tl))";
        let domain = "rw=0.05..0.15, r=100..50000, Tu=63070..115600, Hu=990..1110, Tl=63.1..116, Hl=700..820, \
                      L=1120..1680, Kw=9855..12045";
        let domain = Domain::parse(domain).unwrap();
        let formula = Expression::parse(text).unwrap().with_variables(domain.names()).unwrap();
        let cube = Cube::new(&domain);
        let (document, grades) = (serde_json::json!({}), Grades::One);
        let task = Task { formula: &formula, domain: &domain, cube: &cube, tolerance: 3.02, document, grades };
        // As it is written, but for the logarithm of a quotient.
        let others = rewrite::variants(&formula, &domain);
        let (ways, trouble) = task.ways(&others[..1]);
        let literal = task.finished(task.smallest(ways, trouble).unwrap());
        let rewritten = task.compile().unwrap();
        for (compiled, most) in [(&literal, 300), (&rewritten, 50)] {
            let (_, proved) = compiled.proof.as_ref().unwrap();
            assert!(proved.bounds()[0].exact().magnitude() <= 3.02);
            assert!(compiled.grades[0].counted <= most, "{} ReLUs", compiled.grades[0].counted);
        }
        println!("{} {}", literal.grades[0].counted, rewritten.grades[0].counted);
    }
}
