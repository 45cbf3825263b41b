//! The search for parts of the box on which a derivation proves a good bound: the worst part is cut, again and again.

use multigrade_model::Multigrade;
use multigrade_model::truth::{
    Bounds, Claim, Derivation, DerivationError, Derived, Domain, Expression, Interval, Kind, MAX_CUTS, Node, Program,
};
use std::collections::BinaryHeap;

/// How much wider claims are than what was found, so that another checker need not round as this one does.
const MARGIN: f64 = 1e-9;

/// A cut that leaves the worse half with this share of the bound or more does not help.
const HELPFUL: f64 = 0.999;
/// So many cuts in a row that do not help are the last ones.
const PATIENCE: usize = 256;
/// How short a side may be, compared with the longest one, to be cut: as shares of the whole box.
const SLIMMEST: f64 = 1.0 / 64.0;

/// A half of a part, and what is proved on it.
type Half = (Vec<Interval>, Bounds);

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
        let bounds = search.derived.bound(&sides);
        search.add(sides, bounds, 0);
        Ok(search)
    }

    fn add(&mut self, sides: Vec<Interval>, bounds: Bounds, cuts: usize) -> usize {
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

    /// Cuts the worst parts until the bound is at most `goal`, or there are `most` parts, or cuts no longer help.
    pub(super) fn improve(&mut self, goal: f64, most: usize) {
        let mut fruitless = 0;
        while self.parts.len() < most && self.bound() > goal && fruitless < PATIENCE {
            let Some(worst) = self.open.pop() else { return };
            let cuts = self.parts[worst.part].cuts + 1;
            let Some((variable, at, halves)) = self.cut(&worst).filter(|_| cuts <= MAX_CUTS) else {
                self.open.push(worst);
                return;
            };
            let left = halves.iter().fold(0.0f64, |m, half| m.max(bound(&half.1)));
            fruitless = if left < HELPFUL * worst.bound { 0 } else { fruitless + 1 };
            let children = halves.map(|(sides, bounds)| self.add(sides, bounds, cuts));
            self.parts[worst.part].children = Some((variable, at, children));
        }
    }

    /// The cut of a part into halves that helps most; across its relatively longest side if none helps much.
    fn cut(&self, worst: &Open) -> Option<(usize, f64, [Half; 2])> {
        let (sides, whole) = (&self.parts[worst.part].sides, self.derived.sides());
        let halves = |variable: usize| {
            let side = sides[variable];
            let at = side.midpoint();
            let half = |lower: f64, upper: f64| {
                let mut sides = sides.clone();
                sides[variable] = Interval::new(lower, upper)?;
                let bounds = self.derived.bound(&sides);
                Some((sides, bounds))
            };
            let is_inside = side.lower() < at && at < side.upper();
            let both = is_inside.then(|| Some([half(side.lower(), at)?, half(at, side.upper())?])).flatten();
            both.map(|both| (variable, at, both))
        };
        let share = |i: usize| sides[i].width() / whole[i].width();
        let worse = |cut: &(usize, f64, [Half; 2])| cut.2.iter().fold(0.0f64, |m, half| m.max(bound(&half.1)));
        let longest = (0..sides.len()).fold(0.0f64, |m, i| m.max(share(i)));
        // Slices would not end.
        let cuts: Vec<_> = (0..sides.len()).filter(|i| share(*i) >= SLIMMEST * longest).filter_map(halves).collect();
        let best = cuts.iter().fold(f64::INFINITY, |m, cut| m.min(worse(cut)));
        let helps = best < HELPFUL * worst.bound;
        let chosen = |cut: &(usize, f64, [Half; 2])| if helps { worse(cut) == best } else { share(cut.0) == longest };
        cuts.into_iter().find(chosen)
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
