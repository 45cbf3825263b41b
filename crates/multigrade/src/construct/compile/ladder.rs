//! Several grades: approximants of falling tolerance, each compiled by itself, and the corrections between them.

use super::super::{ConstructError, Scheme};
use super::emit::{Rung, write_grades};
use super::proof::Search;
use super::{Attempt, Candidate, Compiled, CompiledGrade, TIGHT, Task, rewrite};

/// Tubes are wider by this share than the error that was proved of their approximant alone: carried through a longer network it is
/// the same up to rounding.
const ROOM: f64 = 1e-9;
/// What rounding may take, as a share of the formula's largest value.
const ROUNDING: f64 = 1e-14;

/// How a compiled network comes in grades.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum Grades {
    /// It has one, which computes the formula.
    One,
    /// Each grade reaches its approximant.
    Telescoped,
    /// Each grade projects the approximation onto the tube around its approximant: no point's residual grows.
    Projected,
}

impl Grades {
    /// For several of them.
    pub(in super::super) fn of(scheme: Scheme) -> Self {
        match scheme {
            Scheme::Monotone => Self::Projected,
            Scheme::Plain => Self::Telescoped,
        }
    }

    /// What a grade is told about the tube of half width `t`.
    pub(super) fn tube(self, t: f64) -> Option<f64> {
        (self == Self::Projected).then_some(t)
    }
}

impl Attempt {
    fn rung(&self, tube: Option<f64>) -> Rung<'_> {
        let Candidate { graph, plan, .. } = &self.candidate;
        Rung { graph, plan, shift: self.shift, tube }
    }
}

impl Task<'_> {
    /// A network with a grade for each of the falling tolerances of its approximants; fewer if one is met early. `size` is
    /// about the largest value of the formula.
    pub(in super::super) fn climb(&self, tolerances: &[f64], size: f64) -> Result<Compiled, ConstructError> {
        let finest = tolerances.last().copied().unwrap_or(self.tolerance);
        // What the last grade is compiled from, the others are, too: the derivation speaks of one formula.
        let (mut ways, trouble) = self.ways(&rewrite::variants(self.formula, self.domain));
        let at = |tolerance: f64| Task { tolerance, document: self.document.clone(), ..*self };
        let best = at(finest).smallest(ways.clone(), trouble)?;
        ways.retain(|way| way.text() == best.candidate.formula);
        let mut best = Some(best);
        let mut rungs: Vec<(Attempt, f64, f64)> = Vec::with_capacity(tolerances.len());
        for &tolerance in tolerances {
            let last = best.take_if(|_| tolerance == finest);
            let mut attempt = last.map_or_else(|| at(tolerance).smallest(ways.clone(), None), Ok)?;
            attempt.search.improve(0.0, TIGHT);
            let deviation = attempt.search.bounds().exact.magnitude() * (1.0 + ROOM) + ROUNDING * size;
            if !deviation.is_finite() {
                return Err(ConstructError::Derivation("an approximant has no proved bound".into()));
            }
            // A grade that comes no closer than the one before would be trivial.
            if rungs.last().is_none_or(|rung| deviation < rung.2) {
                rungs.push((attempt, tolerance, deviation));
            }
            if deviation <= finest {
                break;
            }
        }
        let width = rungs.iter().map(|rung| rung.0.candidate.width).max().unwrap_or(0);
        let parts: Vec<Rung> = rungs.iter().map(|(attempt, _, t)| attempt.rung(self.grades.tube(*t))).collect();
        let formula = rungs.first().and_then(|rung| rung.0.candidate.formula.clone());
        let written = write_grades(&parts, self.cube).of(formula);
        let sizes = written.sizes();
        let (model, derivation) = self.lay(written, width)?;
        let (mut claims, mut grades) = (Vec::new(), Vec::new());
        for (k, ((_, tolerance, deviation), counted)) in rungs.iter().zip(sizes).enumerate() {
            let part = derivation.of_first(&model, k + 1);
            let mut search = Search::new(&model, k + 1, self.formula, self.domain, part)
                .map_err(|refusal| ConstructError::Derivation(refusal.to_string()))?;
            // What follows from the approximant alone; the projection may leave its tube beside that.
            let sides = if self.grades == Grades::Projected { 2.0 } else { 1.0 };
            search.improve(sides * deviation * (1.0 + 1e-7), TIGHT);
            let (tolerance, deviation, bound) = (*tolerance, *deviation, search.bound());
            grades.push(CompiledGrade { counted, tolerance, deviation, bound });
            claims.extend(search.claim());
        }
        let proof = self.certificate(&model, claims);
        Ok(Compiled { model, grades, proof })
    }
}
