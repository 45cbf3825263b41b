//! Affine parts of a formula, in the inputs and in the values of its other parts.

use std::collections::BTreeMap;

use super::super::interval::Interval;

/// What a derivation speaks about: an input of the network, or the value of a part of the formula as it computes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Quantity {
    Input(usize),
    Node(usize),
}

/// `constant + Σ coefficient * quantity`, for some coefficients in the intervals.
#[derive(Clone, Debug)]
pub(super) struct Linear {
    pub(super) constant: Interval,
    pub(super) terms: BTreeMap<Quantity, Interval>,
}

impl Linear {
    pub(super) fn constant(constant: Interval) -> Self {
        Self { constant, terms: BTreeMap::new() }
    }

    pub(super) fn quantity(quantity: Quantity) -> Self {
        Self { constant: Interval::ZERO, terms: BTreeMap::from([(quantity, Interval::ONE)]) }
    }

    /// The constant, if it is one.
    pub(super) fn as_constant(&self) -> Option<Interval> {
        self.terms.is_empty().then_some(self.constant)
    }

    /// `self + factor * other`.
    pub(super) fn plus(mut self, factor: Interval, other: &Self) -> Self {
        self.constant = self.constant + factor * other.constant;
        for (quantity, coefficient) in &other.terms {
            let sum = self.terms.entry(*quantity).or_insert(Interval::ZERO);
            *sum = *sum + factor * *coefficient;
        }
        self
    }

    pub(super) fn times(&self, factor: Interval) -> Self {
        Self::constant(Interval::ZERO).plus(factor, self)
    }

    /// Encloses the values where inputs and nodes lie in these ranges.
    pub(super) fn range(&self, inputs: &[Interval], nodes: &[Interval]) -> Interval {
        let value = |quantity: &Quantity| match *quantity {
            Quantity::Input(i) => inputs[i],
            Quantity::Node(k) => nodes[k],
        };
        self.terms.iter().fold(self.constant, |sum, (q, coefficient)| sum + *coefficient * value(q))
    }

    /// The coefficients of nodes: what passes an error on.
    pub(super) fn nodes(&self) -> impl Iterator<Item = (usize, Interval)> + '_ {
        self.terms.iter().filter_map(|(quantity, coefficient)| match quantity {
            Quantity::Node(k) => Some((*k, *coefficient)),
            Quantity::Input(_) => None,
        })
    }
}
