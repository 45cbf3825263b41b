//! How much of the tolerance each part may use: the smallest network within it.
//!
//! Replace the parts by what computes them, one after the other. Each step changes the result by at most the error of the
//! part times the largest slope of the rest of the formula in it, over ranges widened by the errors so far. The sum of
//! these products is to stay within the tolerance, and the number of ReLUs to be small: a Lagrange multiplier weighs one
//! against the other, over lists of sizes and errors of each part.

use super::super::cube::{between, exact};
use super::super::wiring::Form;
use super::Unable;
use super::curve::{MOST_ZONES, Recipe, front, recipes};
use super::graph::{Atom, Graph, enclose};
use super::newton::{Newton, refined};
use multigrade_model::truth::{Interval, Part};

/// Most kinks of which every choice of branches is looked at; beyond, both branches count.
const BRANCHED: usize = 6;
/// The least errors that are looked at, as a share of what a part may use if it is the only one: of several, each may
/// need to be this many times better for each of them.
const FINER: f64 = 8.0;
const FINEST: f64 = 60.0;
/// How much more errors of products count, if there are other parts: they oscillate so fast that no part of the box that
/// a proof looks at is without them, while those of curves are small in many.
const LOOSE: f64 = 4.0;
/// The share of its size that no part can be asked to be exact to.
const FLOOR: f64 = 4e-15;
/// Rounds in which ranges are fitted to errors.
const ROUNDS: usize = 3;

/// A product as it can be built.
#[derive(Clone, Debug)]
pub(super) struct Pair {
    pub(super) centers: [f64; 2],
    pub(super) radii: [f64; 2],
    /// ReLUs of each tower, its fold among them.
    pub(super) tents: [usize; 2],
    /// Whether a shift of the result takes away that one tower errs more than the other: the result rises, or falls,
    /// with the product everywhere.
    pub(super) is_balanced: bool,
}

impl Pair {
    /// For factors in these ranges.
    pub(super) fn new(factors: [Interval; 2], tents: [usize; 2], is_balanced: bool) -> Self {
        let centers = factors.map(Interval::midpoint);
        let radius = |k: usize| {
            let (range, center) = (factors[k], centers[k]);
            (range.upper() - center).max(center - range.lower()) * (1.0 + 1e-12) + 1e-300
        };
        Self { centers, radii: [radius(0), radius(1)], tents, is_balanced }
    }

    /// ReLUs that take both signs.
    pub(super) fn size(&self) -> usize {
        self.tents[0] + self.tents[1]
    }

    pub(super) fn error(&self) -> f64 {
        let [plus, minus] = self.tents.map(|n| 0.25f64.powi(n as i32));
        self.radii[0] * self.radii[1] * if self.is_balanced { 0.5 * (plus + minus) } else { plus.max(minus) }
    }
}

/// How an atom is built.
#[derive(Clone, Debug)]
pub(super) enum Pick {
    /// Without error.
    Exact,
    Curve(Recipe),
    Newton(Newton),
    Product(Pair),
}

impl Pick {
    pub(super) fn size(&self) -> usize {
        match self {
            Self::Exact => 0,
            Self::Curve(recipe) => recipe.size(),
            Self::Newton(newton) => newton.size(),
            Self::Product(pair) => pair.size(),
        }
    }

    pub(super) fn error(&self) -> f64 {
        match self {
            Self::Exact => 0.0,
            Self::Curve(recipe) => recipe.error,
            Self::Newton(newton) => newton.error,
            Self::Product(pair) => pair.error(),
        }
    }
}

impl Pick {
    /// Size and error.
    pub(super) fn cost(&self) -> (usize, f64) {
        (self.size(), self.error())
    }

    /// With so many tents more where a later grade would go on with a tower.
    fn grown(&self, more: usize) -> Self {
        match self {
            Self::Product(pair) => Self::Product(Pair { tents: pair.tents.map(|n| n + more), ..pair.clone() }),
            Self::Curve(recipe) => Self::Curve(recipe.grown(more)),
            other => other.clone(),
        }
    }
}

/// How every atom is built.
#[derive(Clone)]
pub(super) struct Plan {
    pub(super) picks: Vec<Pick>,
    /// Encloses what is computed for each atom.
    pub(super) ranges: Vec<Interval>,
}

impl Plan {
    /// The plan of a later grade, whose towers are higher by so many tents.
    pub(super) fn grown(&self, more: usize) -> Self {
        let picks = self.picks.iter().map(|pick| pick.grown(more)).collect();
        Self { picks, ranges: self.ranges.clone() }
    }

    fn size(&self) -> usize {
        self.picks.iter().map(Pick::size).sum()
    }
}

/// Ranges of the atoms, each widened by its error.
fn ranges(
    graph: &Graph,
    sides: &[Interval],
    errors: &[f64],
    name: &dyn Fn(&Atom) -> String,
) -> Result<Vec<Interval>, Unable> {
    let mut ranges: Vec<Interval> = Vec::with_capacity(graph.atoms.len());
    for (atom, error) in graph.atoms.iter().zip(errors) {
        let range = atom.range(sides, &ranges) + between(-error, *error);
        if !range.is_bounded() {
            return Err(Unable::Unbounded { part: name(atom) });
        }
        if range.magnitude() > 1e100 {
            return Err(Unable::Huge { part: name(atom), size: range.magnitude(), error: *error });
        }
        ranges.push(range);
    }
    Ok(ranges)
}

/// For each choice of branches at the kinks, the slopes of the formula in each atom.
fn slopes(graph: &Graph, ranges: &[Interval]) -> Vec<Vec<Interval>> {
    let kinks: Vec<usize> =
        (0..graph.atoms.len()).filter(|i| matches!(graph.atoms[*i], Atom::Extremum { .. })).collect();
    let choices = if kinks.len() <= BRANCHED { 1 << kinks.len() } else { 1 };
    (0..choices)
        .map(|choice: usize| {
            let branch = |atom: usize| {
                let place = kinks.iter().position(|k| *k == atom)?;
                (kinks.len() <= BRANCHED).then_some(choice >> place & 1)
            };
            let mut slopes = vec![Interval::ZERO; graph.atoms.len()];
            let add = |slopes: &mut Vec<Interval>, form: &Form, factor: Interval| {
                for &(atom, weight) in &form.terms {
                    slopes[atom] = slopes[atom] + factor * exact(weight);
                }
            };
            add(&mut slopes, &graph.root, Interval::ONE);
            for (i, atom) in graph.atoms.iter().enumerate().rev() {
                if slopes[i] == Interval::ZERO {
                    continue;
                }
                for (form, slope) in atom.operands().iter().zip(atom.slopes(ranges, branch(i))) {
                    let factor = slopes[i] * slope;
                    add(&mut slopes, form, factor);
                }
            }
            slopes
        })
        .collect()
}

fn largest(weights: &[Vec<f64>], atom: usize) -> f64 {
    weights.iter().fold(0.0, |m, w| m.max(w[atom]))
}

/// The smallest plan whose errors add up to at most `tolerance`.
pub(super) fn plan(
    graph: &Graph,
    sides: &[Interval],
    tolerance: f64,
    claim: f64,
    name: &dyn Fn(&Atom) -> String,
) -> Result<Plan, Unable> {
    let n = graph.atoms.len();
    let mut errors = vec![0.0; n];
    let mut best: Option<Plan> = None;
    let parts = graph.atoms.iter().filter(|a| matches!(a, Atom::Curve(_) | Atom::Product { .. })).count();
    for round in 0..ROUNDS {
        let wide = ranges(graph, sides, &errors, name)?;
        let arguments = |ranges: &[Interval]| -> Vec<Interval> {
            graph.atoms.iter().flat_map(Atom::operands).map(|form| enclose(form, ranges)).collect()
        };
        if best.as_ref().is_some_and(|b| arguments(&b.ranges) == arguments(&wide)) {
            break;
        }
        let slopes = slopes(graph, &wide);
        let loose = |i: usize| if parts > 1 && matches!(graph.atoms[i], Atom::Product { .. }) { LOOSE } else { 1.0 };
        let weight = |(i, slope): (usize, &Interval)| loose(i) * slope.magnitude();
        let weights: Vec<Vec<f64>> = slopes.iter().map(|s| s.iter().enumerate().map(weight).collect()).collect();
        let allowed: Vec<f64> = (0..n).map(|i| tolerance / largest(&weights, i).max(1e-300)).collect();
        if let Some(i) =
            (0..n).find(|i| largest(&weights, *i).is_infinite() && !matches!(graph.atoms[*i], Atom::Input(_)))
        {
            return Err(Unable::Steep { part: name(&graph.atoms[i]) });
        }
        if round == 0 {
            // A first guess of the errors widens the ranges; what is chosen later stays below it.
            for (i, atom) in graph.atoms.iter().enumerate() {
                let is_built = matches!(atom, Atom::Curve(_) | Atom::Product { .. });
                errors[i] = if is_built { allowed[i].min(0.05 * wide[i].width()) } else { 0.0 };
            }
            continue;
        }
        let mut options: Vec<Vec<Pick>> = Vec::with_capacity(n);
        for (i, atom) in graph.atoms.iter().enumerate() {
            let most = allowed[i].min(errors[i]).max(f64::MIN_POSITIVE);
            if !matches!(atom, Atom::Input(_) | Atom::Extremum { .. }) && allowed[i] < FLOOR * wide[i].magnitude() {
                return Err(Unable::Huge { part: name(atom), size: wide[i].magnitude(), error: allowed[i] });
            }
            let least = most / if parts == 1 { 2.0 } else { (FINER * parts as f64).min(FINEST) };
            let varies = |form: &Form| {
                let range = enclose(form, &wide);
                range.width() > 1e-13 * range.magnitude()
            };
            if !matches!(atom, Atom::Extremum { .. }) && !atom.operands().iter().all(varies) {
                return Err(Unable::Constant { part: name(atom) });
            }
            let list = match atom {
                Atom::Input(_) | Atom::Extremum { .. } => vec![Pick::Exact],
                Atom::Curve(curve) => {
                    let argument = enclose(&curve.argument, &wide);
                    let mut list: Vec<Pick> =
                        recipes(&curve.function, argument, least, most, claim).into_iter().map(Pick::Curve).collect();
                    if matches!(curve.part, Part::Reciprocal(_)) {
                        list.extend(refined(&curve.function, argument, least, most, claim));
                    }
                    front(list, Pick::cost)
                }
                Atom::Product { factors, .. } => {
                    let rises = slopes.iter().all(|s| s[i].lower() >= 0.0);
                    let is_balanced = rises || slopes.iter().all(|s| s[i].upper() <= 0.0);
                    pairs([0, 1].map(|k| enclose(&factors[k], &wide)), most, is_balanced)
                }
            };
            if list.is_empty() {
                let part = name(atom);
                return Err(match needed(atom, &wide, most, claim) {
                    Some(relus) => Unable::Large { part, error: most, relus, most: MOST_ZONES },
                    None => Unable::Fine { part, error: most },
                });
            }
            options.push(list);
        }
        let chosen = allocate(&options, &weights, tolerance);
        let Some(chosen) = chosen else {
            return Err(Unable::Fine { part: "the formula".into(), error: tolerance });
        };
        let picks: Vec<Pick> = options.iter().zip(&chosen).map(|(list, k)| list[*k].clone()).collect();
        errors = picks.iter().map(|p| 1.1 * p.error()).collect();
        let plan = Plan { picks, ranges: wide };
        if best.as_ref().is_none_or(|b| plan.size() <= b.size()) {
            best = Some(plan);
        }
    }
    best.ok_or(Unable::Fine { part: "the formula".into(), error: tolerance })
}

/// About how many ReLUs a curve would take that takes more than are allowed: eight times the accuracy takes twice as many.
fn needed(atom: &Atom, ranges: &[Interval], error: f64, claim: f64) -> Option<usize> {
    let Atom::Curve(curve) = atom else { return None };
    let range = enclose(&curve.argument, ranges);
    let (mut error, mut factor) = (error, 1);
    for _ in 0..16 {
        (error, factor) = (8.0 * error, 2 * factor);
        if let Some(recipe) = recipes(&curve.function, range, 0.9 * error, error, claim).first() {
            return Some(factor * recipe.size()).filter(|relus| *relus > MOST_ZONES);
        }
    }
    None
}

/// Products by falling error.
fn pairs(factors: [Interval; 2], most: f64, is_balanced: bool) -> Vec<Pick> {
    let pair = |n: usize| {
        let both = [[n, n], [n + 1, n]].into_iter().take(if is_balanced { 2 } else { 1 });
        both.map(|tents| Pick::Product(Pair::new(factors, tents, is_balanced)))
    };
    (1..=28).flat_map(pair).filter(|p| p.error() <= most).collect()
}

/// For each part the place in its list: sizes rise, errors fall along each.
fn allocate(options: &[Vec<Pick>], weights: &[Vec<f64>], tolerance: f64) -> Option<Vec<usize>> {
    let total = |chosen: &[usize]| {
        let sum = |w: &Vec<f64>| -> f64 {
            let error = |i: usize| if w[i] == 0.0 { 0.0 } else { w[i] * options[i][chosen[i]].error() };
            (0..options.len()).map(error).sum()
        };
        weights.iter().map(sum).fold(0.0, f64::max)
    };
    let size = |chosen: &[usize]| -> usize { options.iter().zip(chosen).map(|(list, k)| list[*k].size()).sum() };
    let mut best: Option<Vec<usize>> = None;
    for step in 0..=160 {
        let price = 10f64.powf(f64::from(step) / 160.0 * 8.0 - 1.0) / tolerance;
        let chosen: Vec<usize> = options
            .iter()
            .enumerate()
            .map(|(i, list)| {
                let cost = |k: &usize| list[*k].size() as f64 + price * largest(weights, i) * list[*k].error();
                (0..list.len()).min_by(|a, b| cost(a).total_cmp(&cost(b))).unwrap_or(0)
            })
            .collect();
        if total(&chosen) <= tolerance && best.as_ref().is_none_or(|b| size(&chosen) < size(b)) {
            best = Some(chosen);
        }
    }
    let mut best = best?;
    // What the multiplier leaves: exchanges of a few ReLUs of one part for those of another.
    loop {
        let mut better: Option<Vec<usize>> = None;
        let mut look = |candidate: Vec<usize>, best: &Vec<usize>| {
            let is_smaller = size(&candidate) < better.as_ref().map_or(size(best), |b| size(b));
            if is_smaller && total(&candidate) <= tolerance {
                better = Some(candidate);
            }
        };
        for i in 0..options.len() {
            for down in 1..=best[i].min(4) {
                let mut lower = best.clone();
                lower[i] -= down;
                look(lower.clone(), &best);
                for j in (0..options.len()).filter(|j| *j != i) {
                    for up in 1..=3usize.min(options[j].len() - 1 - best[j]) {
                        let mut exchanged = lower.clone();
                        exchanged[j] += up;
                        look(exchanged, &best);
                    }
                }
            }
        }
        match better {
            Some(found) => best = found,
            None => return Some(best),
        }
    }
}
