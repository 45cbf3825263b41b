//! How a convex fit goes on, and whether it should.

use crate::Flow;
use std::cell::Cell;

/// A convex fit after a round.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Round {
    /// Share of the work that is done, in `[0, 1]`: by the digits of the gap and the penalties of a path; absent where
    /// nobody knows.
    pub done: Option<f64>,
    /// Value `P` of the candidate.
    pub value: f64,
    /// Its relative duality gap, where that is known.
    pub rel_gap: Option<f64>,
}

/// Tells an observer of each round, and remembers that the fit should end.
pub(super) struct Watch<'a> {
    observer: &'a dyn Fn(&Round) -> Flow,
    is_cut: Cell<bool>,
    /// The part of the work that is under way, from and to.
    part: Cell<(f64, f64)>,
}

impl<'a> Watch<'a> {
    pub(super) fn new(observer: &'a dyn Fn(&Round) -> Flow) -> Self {
        Self { observer, is_cut: Cell::new(false), part: Cell::new((0.0, 1.0)) }
    }

    /// The part of the work that the next rounds do; ends as it began for what nobody waits for.
    pub(super) fn begin(&self, from: f64, to: f64) {
        self.part.set((from, to));
    }

    /// What is left of the work begun last, in `count` equal parts: the range of part `i`.
    pub(super) fn share(&self, (from, to): (f64, f64), i: usize, count: usize) {
        let at = |i: usize| from + (to - from) * i as f64 / count.max(1) as f64;
        self.begin(at(i), at(i + 1));
    }

    pub(super) fn part(&self) -> (f64, f64) {
        self.part.get()
    }

    pub(super) fn is_cut(&self) -> bool {
        self.is_cut.get()
    }

    /// Reports a round whose gap is to fall to `tolerance`; true if the fit should end with what it has.
    pub(super) fn tell(&self, value: f64, gap: f64, tolerance: f64) -> bool {
        let (from, to) = self.part.get();
        let digits = (gap.clamp(tolerance, 1.0).ln() / tolerance.ln()).clamp(0.0, 1.0);
        let done = Some(from + (to - from) * digits);
        self.report(&Round { done, value, rel_gap: Some(gap.max(0.0)) })
    }

    /// Reports a round; true if the fit should end with what it has.
    pub(super) fn report(&self, round: &Round) -> bool {
        if !self.is_cut() && (self.observer)(round) == Flow::Stop {
            self.is_cut.set(true);
        }
        self.is_cut()
    }
}
