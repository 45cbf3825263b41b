//! Best first: the box that holds the bound up is cut, until no box does.

use multigrade_model::truth::{
    Bounds, Decoration, Interval, Leaf, MAX_CUTS, MAX_WORK, Order, Region, RegionError, Shape,
};
use rayon::prelude::*;
use std::cmp::Ordering;
use std::collections::BinaryHeap;

/// Boxes cut in one round. A constant, so that the result does not depend on the number of threads.
const ROUND: usize = 32;

/// Simplices are tried for at most this many variables: there are d! of them.
const SIMPLEX_VARIABLES: usize = 3;

/// Most weights of all boxes to be cut together: about a gigabyte.
const MOST_WEIGHTS: usize = 1 << 26;

/// Sides are not cut below this share of the whole box: what is not bounded there never will be.
const SMALLEST_SHARE: f64 = 1e-12;

/// A cut helps if what sticks out of the goal in the worse part is below this share of what did before.
const HELPFUL: f64 = 0.9;

/// What was found for a box, and how.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounded {
    pub(super) leaf: Leaf,
    pub(super) bounds: Bounds,
}

/// A box of the tree: one that was cut, or one with the best bound found for it (none where the function may be undefined).
#[derive(Clone, Copy, Debug)]
pub(super) enum Part {
    Leaf(Option<Bounded>),
    Cut { variable: usize, at: f64, children: [usize; 2] },
}

/// A box whose bound is not good enough yet.
struct Open {
    part: usize,
    region: Region,
    bounded: Option<Bounded>,
    /// How far the bound stuck out of the goal when it was found.
    excess: f64,
    /// How many cuts led to it.
    cuts: usize,
}

impl Ord for Open {
    /// The worst is the greatest; among equals the first, but the last among those without any bound, so that a place
    /// where there is none is found soon.
    fn cmp(&self, other: &Self) -> Ordering {
        let by_age = other.part.cmp(&self.part);
        let by_age = if self.excess == f64::INFINITY { by_age.reverse() } else { by_age };
        self.excess.total_cmp(&other.excess).then(by_age)
    }
}

impl PartialOrd for Open {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Open {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Open {}

/// How far the bounds of f64 evaluation stick out of the goal; infinite if there are none.
fn excess(bounded: Option<Bounded>, goal: Interval) -> f64 {
    bounded.map_or(f64::INFINITY, |Bounded { bounds, .. }| {
        (bounds.f64.upper() - goal.upper()).max(goal.lower() - bounds.f64.lower())
    })
}

/// A cut and what it leads to.
struct Division {
    variable: usize,
    at: f64,
    parts: [(Region, Option<Bounded>); 2],
}

/// A tree of boxes that grows where its bound is worst.
pub(super) struct Search<'a> {
    /// The bounds of `f - f_k` that no box has to improve on.
    goal: Interval,
    /// Places where cutting helps, for each variable in ascending order.
    cuts: &'a [Vec<f64>],
    /// The widths of the whole box.
    widths: Vec<f64>,
    parts: Vec<Part>,
    open: BinaryHeap<Open>,
    /// Weights of the networks of all boxes in `open`.
    weights: usize,
    /// What the checker will go through for the boxes so far, the most of it that it does, and what a round may add.
    work: usize,
    most_work: usize,
    round_work: usize,
    /// The box that could not be cut any more, if there was one.
    stuck: Option<Vec<Interval>>,
}

impl<'a> Search<'a> {
    pub(super) fn new(root: Region, goal: Interval, cuts: &'a [Vec<f64>]) -> Self {
        let widths = root.sides().iter().map(|side| side.width()).collect();
        let (parts, open) = (Vec::new(), BinaryHeap::new());
        let round_work = 2 * ROUND * work(&root);
        let mut search =
            Self { goal, cuts, widths, parts, open, weights: 0, work: 0, most_work: MAX_WORK, round_work, stuck: None };
        let bounded = search.best(&root, None);
        search.add(root, bounded, 0);
        search
    }

    /// Number of boxes, cut or not.
    pub(super) fn n_boxes(&self) -> usize {
        self.parts.len()
    }

    /// Whether the boxes to be cut take more memory than they should, or a further round more work than the checker does.
    pub(super) fn is_full(&self) -> bool {
        self.weights > MOST_WEIGHTS || self.work + self.round_work > self.most_work
    }

    /// Allows wider bounds.
    pub(super) fn relax(&mut self, goal: Interval) {
        self.goal = self.goal.hull(goal);
    }

    /// The box that holds the bound up, if any does.
    pub(super) fn worst(&self) -> Option<&[Interval]> {
        self.stuck.as_deref().or_else(|| self.open.peek().map(|open| open.region.sides()))
    }

    /// Whether the worst box is too small to be cut.
    pub(super) fn is_stuck(&self) -> bool {
        self.stuck.is_some()
    }

    /// The boxes, children after their parents; the first is the whole box.
    pub(super) fn into_parts(self) -> Vec<Part> {
        self.parts
    }

    /// The bound of `|f - f_k|` that the worst box leaves.
    pub(super) fn bound(&self) -> f64 {
        let worst = self.open.peek().map(|open| open.bounded);
        worst.map_or(self.goal.magnitude(), |bounded| bounded.map_or(f64::INFINITY, |b| b.bounds.f64.magnitude()))
    }

    /// The smallest bounds around those of all boxes; none if one of them has none.
    pub(super) fn bounds(&self) -> Option<Bounds> {
        let leaves = self.parts.iter().filter_map(|part| match part {
            Part::Leaf(bounded) => Some(bounded.map(|b| b.bounds)),
            Part::Cut { .. } => None,
        });
        leaves.reduce(|a, b| Some(a?.hull(b?))).flatten()
    }

    /// Cuts the worst boxes, and says whether that is of use: not if the goal is reached or the worst box cannot be cut.
    pub(super) fn improve(&mut self) -> bool {
        let mut worst = Vec::with_capacity(ROUND);
        while worst.len() < ROUND
            && let Some(open) = self.open.pop()
        {
            self.weights -= open.region.n_weights();
            // The goal may have become easier since.
            if excess(open.bounded, self.goal) > 0.0 {
                worst.push(open);
            }
        }
        let divisions: Vec<Option<Division>> = worst.par_iter().map(|open| self.divide(open)).collect();
        for (open, division) in worst.iter().zip(divisions) {
            let Some(Division { variable, at, parts }) = division else {
                if self.stuck.is_none() {
                    self.stuck = Some(open.region.sides().to_vec());
                }
                continue;
            };
            let children = parts.map(|(region, bounded)| self.add(region, bounded, open.cuts + 1));
            self.parts[open.part] = Part::Cut { variable, at, children };
        }
        self.stuck.is_none() && !self.open.is_empty()
    }

    fn add(&mut self, region: Region, bounded: Option<Bounded>, cuts: usize) -> usize {
        let part = self.parts.len();
        self.work += work(&region);
        self.parts.push(Part::Leaf(bounded));
        let excess = excess(bounded, self.goal);
        if excess > 0.0 {
            self.weights += region.n_weights();
            self.open.push(Open { part, region, bounded, excess, cuts });
        }
        part
    }

    /// The cut, among one for each variable, that leaves the least sticking out of the goal; none where no cut can help.
    /// Where no cut lowers the worst part by much, the widest side is cut: cutting slices off a box that stays as bad as it
    /// was would never end.
    fn divide(&self, open: &Open) -> Option<Division> {
        if open.cuts == MAX_CUTS || open.bounded.is_none() && is_undefined(&open.region) {
            return None;
        }
        let mut best: Option<(bool, f64, f64, Division)> = None;
        for variable in 0..self.widths.len() {
            let Some(at) = self.place(open.region.sides()[variable], variable) else { continue };
            let Ok((left, right)) = open.region.split(variable, at) else { continue };
            let parts = [left, right].map(|region| {
                let bounded = self.best(&region, open.bounded);
                (region, bounded)
            });
            let left_over = parts.each_ref().map(|(_, bounded)| excess(*bounded, self.goal).max(0.0));
            let helps = left_over[0].max(left_over[1]) < HELPFUL * open.excess;
            let left_over = left_over[0] + left_over[1];
            let share = open.region.sides()[variable].width() / self.widths[variable];
            let better = best.as_ref().is_none_or(|(helped, least, widest, _)| match (helps, helped) {
                (true, true) => left_over < *least,
                (false, false) => share > *widest,
                _ => helps,
            });
            if better {
                best = Some((helps, left_over, share, Division { variable, at, parts }));
            }
        }
        best.map(|(.., division)| division)
    }

    /// Where to cut a side: at the place nearest to the middle that is known to help (with one variable, the middle one of
    /// these places), else in the middle.
    fn place(&self, side: Interval, variable: usize) -> Option<f64> {
        let cuts = self.cuts.get(variable).map_or(&[][..], Vec::as_slice);
        let first = cuts.partition_point(|cut| *cut <= side.lower());
        let inside = &cuts[first..cuts.partition_point(|cut| *cut < side.upper()).max(first)];
        let at = side.midpoint();
        let known = if self.widths.len() == 1 {
            inside.get(inside.len() / 2)
        } else {
            inside.iter().min_by(|a, b| (*a - at).abs().total_cmp(&(*b - at).abs()))
        };
        if let Some(cut) = known {
            return Some(*cut);
        }
        let is_wide = side.width() > SMALLEST_SHARE * self.widths[variable];
        (is_wide && side.lower() < at && at < side.upper()).then_some(at)
    }

    /// The best bound among those that are tried: the leaf of the box that this one was cut from; if that is not good
    /// enough, every order on the box; then simplices with the best order.
    fn best(&self, region: &Region, parent: Option<Bounded>) -> Option<Bounded> {
        let better = |best: Option<Bounded>, leaf: Leaf| {
            if excess(best, self.goal) <= 0.0 || best.is_some_and(|b| b.leaf == leaf) {
                return best;
            }
            let new = attempt(region, leaf);
            if excess(new, self.goal) < excess(best, self.goal) { new } else { best }
        };
        let inherited = parent.and_then(|parent| attempt(region, parent.leaf));
        let orders = [Order::Curvature, Order::Slope, Order::Value];
        let best = orders.into_iter().fold(inherited, |best, order| better(best, Leaf { shape: Shape::Box, order }));
        match best {
            Some(Bounded { leaf, .. }) if region.sides().len() <= SIMPLEX_VARIABLES => {
                better(best, Leaf { shape: Shape::Kuhn, order: leaf.order })
            }
            _ => best,
        }
    }
}

/// What the checker counts for a box.
fn work(region: &Region) -> usize {
    region.n_neurons() + region.n_weights()
}

/// Whether the function is proved to be undefined all over a box.
fn is_undefined(region: &Region) -> bool {
    let leaf = Leaf { shape: Shape::Box, order: Order::Value };
    matches!(region.bound(leaf), Err(RegionError::Decoration { found: Decoration::Nowhere, .. }))
}

/// The bound of a leaf; none where it is not allowed.
fn attempt(region: &Region, leaf: Leaf) -> Option<Bounded> {
    region.bound(leaf).ok().map(|bounds| Bounded { leaf, bounds })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::construct::{ConstructSettings, construct};
    use crate::observer::silent;
    use multigrade_model::truth::{Domain, Expression, Program};

    #[test]
    fn no_tree_takes_more_work_than_the_checker_does() {
        let (f, domain) = (Expression::parse("sin(3*x)*cos(2*y)").unwrap(), Domain::parse("x=0..1, y=0..1").unwrap());
        let settings = ConstructSettings::default().validate().unwrap();
        let model = construct(&f, &domain, 0.2, &settings, &mut silent()).unwrap().model;
        let root = Region::root(&Program::new(&model, 1, 0).unwrap(), &f, &domain).unwrap();
        let mut search = Search::new(root, Interval::new(-1e-3, 1e-3).unwrap(), &[]);
        search.most_work = 3 * search.round_work;
        while !search.is_full() && search.improve() {}
        assert!(search.is_full() && search.work <= search.most_work, "{} of {}", search.work, search.most_work);
    }
}
