//! The search for parts of the box on which a derivation proves a good bound: the worst part is cut, again and again.

use multigrade_model::Multigrade;
use multigrade_model::truth::{
    Bounds, Claim, Derivation, DerivationError, Derived, Domain, Expression, Interval, Kind, MAX_CUTS, Node, Program,
};
use std::collections::BinaryHeap;

/// How much wider claims are than what was found, so that another checker need not round as this one does.
const MARGIN: f64 = 1e-9;

/// Part of the box: a leaf until it is cut.
struct Part {
    sides: Vec<Interval>,
    bounds: Bounds,
    cuts: usize,
    children: Option<(usize, f64, [usize; 2])>,
}

/// A leaf that can be cut, the one with the largest bound first.
#[derive(PartialEq)]
struct Open {
    bound: f64,
    part: usize,
}

impl Eq for Open {}

impl Ord for Open {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.bound.total_cmp(&other.bound).then(other.part.cmp(&self.part))
    }
}

impl PartialOrd for Open {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

/// Parts of the box and what is proved on each.
pub(super) struct Search {
    grades: usize,
    derived: Derived,
    derivation: Derivation,
    parts: Vec<Part>,
    open: BinaryHeap<Open>,
}

fn bound(bounds: &Bounds) -> f64 {
    let bound = bounds.f64.magnitude();
    if bound.is_nan() { f64::INFINITY } else { bound }
}

impl Search {
    /// The whole box, for the first so many grades.
    pub(super) fn new(
        model: &Multigrade,
        grades: usize,
        formula: &Expression,
        domain: &Domain,
        derivation: Derivation,
    ) -> Result<Self, DerivationError> {
        let program =
            Program::new(model, grades, 0).unwrap_or_else(|_| unreachable!("compiled grades are made of ReLUs"));
        let derived = Derived::new(&program, formula, domain, &derivation)?;
        let mut search = Self { grades, derived, derivation, parts: Vec::new(), open: BinaryHeap::new() };
        let sides = search.derived.sides().to_vec();
        search.add(sides, 0);
        Ok(search)
    }

    fn add(&mut self, sides: Vec<Interval>, cuts: usize) -> usize {
        let bounds = self.derived.bound(&sides);
        let part = self.parts.len();
        self.open.push(Open { bound: bound(&bounds), part });
        self.parts.push(Part { sides, bounds, cuts, children: None });
        part
    }

    /// The bound for evaluation in binary64, on the whole box.
    pub(super) fn bound(&self) -> f64 {
        self.open.peek().map_or(f64::INFINITY, |open| open.bound)
    }

    /// Bounds on the whole box.
    pub(super) fn bounds(&self) -> Bounds {
        let leaves = self.parts.iter().filter(|p| p.children.is_none()).map(|p| p.bounds);
        leaves.reduce(Bounds::hull).unwrap_or(self.parts[0].bounds)
    }

    /// Cuts the worst parts until the bound is at most `goal` or there are `most` parts.
    pub(super) fn improve(&mut self, goal: f64, most: usize) {
        while self.parts.len() < most && self.bound() > goal {
            let Some(worst) = self.open.pop() else { return };
            let part = worst.part;
            let whole = self.derived.sides();
            let sides = &self.parts[part].sides;
            let share = |i: &usize| sides[*i].width() / whole[*i].width();
            let longest = (0..sides.len()).max_by(|a, b| share(a).total_cmp(&share(b)).then(b.cmp(a)));
            let variable = longest.unwrap_or(0);
            let at = sides[variable].midpoint();
            let inside = sides[variable].lower() < at && at < sides[variable].upper();
            let cuts = self.parts[part].cuts + 1;
            let halves = [(sides[variable].lower(), at), (at, sides[variable].upper())];
            let halves = halves.map(|(a, b)| Interval::new(a, b));
            if !inside || cuts > MAX_CUTS {
                self.open.push(worst);
                return;
            }
            let children = halves.map(|half| {
                let mut sides = self.parts[part].sides.clone();
                sides[variable] = half.unwrap_or(sides[variable]);
                self.add(sides, cuts)
            });
            self.parts[part].children = Some((variable, at, children));
        }
    }

    fn tree(&self) -> Vec<Node> {
        let (mut tree, mut open) = (Vec::with_capacity(self.parts.len()), vec![0]);
        while let Some(part) = open.pop() {
            match self.parts[part].children {
                None => tree.push(Node::Derived),
                Some((variable, at, [left, right])) => {
                    tree.push(Node::Cut(variable, at));
                    open.extend([right, left]);
                }
            }
        }
        tree
    }

    /// What was found as a claim of a certificate; none if there is no finite bound.
    pub(super) fn claim(&self) -> Option<Claim> {
        let claimed = |bounds: Interval| {
            let slack = MARGIN * bounds.magnitude();
            Interval::new(bounds.lower() - slack, bounds.upper() + slack).filter(|bounds| bounds.is_bounded())
        };
        let bounds = self.bounds();
        Some(Claim {
            grades: self.grades,
            output: 0,
            kind: Kind::Derivation,
            exact: claimed(bounds.exact)?,
            f64: claimed(bounds.f64),
            f32: claimed(bounds.f32),
            tree: self.tree(),
            derivation: Some(self.derivation.clone()),
        })
    }
}
