//! Curves: functions of one quantity from folds, hinges and towers, as a list of sizes and errors to choose from.

use super::super::tube::{Gate, shortest_path};
use super::series::{Series, series};
use super::spline::{Bend, Tower, Zones, zones};
use multigrade_model::truth::{Binary, Expression, Function, Interval, Op};

/// Most zones of a curve.
pub(super) const MOST_ZONES: usize = 2_000;
/// Most tents of a tower: beyond, they are smaller than rounding.
const MOST_TENTS: usize = 26;
/// The share of a function's size below which sums of polynomials are looked at: above, splines are smaller.
const ANALYTIC: f64 = 1e-5;
/// The ratio of neighbouring errors for which zones are sought.
const STEP: f64 = 1.22;

/// `|slope * s + shift|` of the quantity `s` so far.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Fold {
    pub(super) slope: f64,
    pub(super) shift: f64,
}

/// A curve as it can be built.
#[derive(Clone, Debug)]
pub(super) struct Recipe {
    pub(super) folds: Vec<Fold>,
    pub(super) body: Body,
    /// Added to the sum.
    pub(super) shift: f64,
    /// Bounds of the function minus the sum with exact squares.
    pub(super) exact: [f64; 2],
    /// The same with the squares that the towers compute.
    pub(super) error: f64,
    /// A curve with as many registers as any for this function may need, whatever the error.
    pub(super) widest: Option<Box<Self>>,
}

/// A function of the quantity behind the folds.
#[derive(Clone, Debug)]
pub(super) enum Body {
    /// Towers, each with its number of tents.
    Spline(Zones, Vec<(Tower, usize)>),
    Series(Series),
}

impl Body {
    /// Bounds of the function minus the sum with exact squares, as seen at points.
    fn error(&self) -> [f64; 2] {
        match self {
            Self::Spline(zones, _) => zones.error,
            Self::Series(series) => series.error,
        }
    }

    /// Bounds of what the sum is too large by, because the squares are.
    fn noise(&self) -> [f64; 2] {
        match self {
            Self::Spline(_, towers) => towers.iter().fold([0.0; 2], |[a, b], (tower, k)| {
                let noise = tower.height * 0.25f64.powi(*k as i32 + 1);
                [a + noise.min(0.0), b + noise.max(0.0)]
            }),
            Self::Series(series) => series.noise(),
        }
    }

    /// How much more is claimed, as a share of the noise: proofs about polynomials of high degree need room.
    fn room(&self, claim: f64) -> f64 {
        match self {
            // Without a share of the noise, exact curves would claim less than enclosures can show.
            Self::Spline(..) => 0.1 * claim,
            Self::Series(_) => 8.0 * claim,
        }
    }

    fn size(&self) -> usize {
        match self {
            Self::Spline(zones, towers) => zones.bends.len() - 1 + towers.iter().map(|t| t.1).sum::<usize>(),
            Self::Series(series) => series.size(),
        }
    }
}

impl Recipe {
    fn new(folds: &[Fold], body: Body, size: f64, claim: f64) -> Self {
        let ([low, high], [under, over]) = (body.error(), body.noise());
        let pad = claim * (high - low) + body.room(claim) * (over - under) + 4e-16 * size;
        let (low, high) = (low - pad, high + pad);
        // What is too large by its noise leaves a rest that is too small.
        let (least, most) = (low - over, high - under);
        let shift = 0.5 * (least + most);
        let exact = [low - shift - 1e-16 * size, high - shift + 1e-16 * size];
        let error = 0.5 * (most - least) + 1e-16 * size;
        Self { folds: folds.to_vec(), body, shift, exact, error, widest: None }
    }

    /// ReLUs that take both signs.
    pub(super) fn size(&self) -> usize {
        self.folds.len() + self.body.size()
    }

    /// With so many tents more where a later grade would go on with a tower.
    pub(super) fn grown(&self, more: usize) -> Self {
        let mut grown = self.clone();
        if let Body::Spline(zones, towers) = &mut grown.body
            && zones.bends.len() == 1
        {
            towers.iter_mut().for_each(|(_, tents)| *tents += more);
        }
        grown
    }

    /// Whether more zones would not help.
    fn is_exact(&self) -> bool {
        let Body::Spline(zones, _) = &self.body else { return false };
        let size = zones.values.iter().fold(0.0f64, |m, v| m.max(v.abs()));
        zones.bends.len() == 1 && zones.error.iter().all(|e| e.abs() <= 1e-12 * size)
    }

    /// One fold if there may be any, three knots, a tower of each sign.
    fn widest(&self, [a, b]: [f64; 2], is_folded: bool) -> Self {
        let knots = [0.0, 1.0, 2.0, 3.0, 4.0].map(|i| a + (b - a) * i / 4.0).to_vec();
        let (values, bends) = (vec![0.0, 1.0, -1.0, 0.5, 0.0], vec![1.0, -1.0, 0.5, -0.5]);
        let zones = Zones { knots, values, bends, error: [0.0; 2] };
        let towers = [1.0, -1.0].into_iter().filter_map(|sign| zones.tower(sign)).map(|t| (t, 1)).collect();
        let folds = if is_folded { vec![Fold { slope: 1.0, shift: 0.0 }] } else { Vec::new() };
        Self { folds, body: Body::Spline(zones, towers), ..self.clone() }
    }

    /// Where the function changes its formula: knots and folds, as values of the argument within a range.
    pub(super) fn cuts(&self, range: Interval) -> Vec<f64> {
        let mut cuts = match &self.body {
            Body::Spline(zones, _) => zones.knots.clone(),
            Body::Series(_) => Vec::new(),
        };
        for fold in self.folds.iter().rev() {
            let back = |s: f64| [(s - fold.shift) / fold.slope, (-s - fold.shift) / fold.slope];
            let mirrored: Vec<f64> = cuts.iter().filter(|s| **s >= 0.0).flat_map(|s| back(*s)).collect();
            cuts = mirrored;
            cuts.push(-fold.shift / fold.slope);
        }
        cuts.retain(|t| range.lower() < *t && *t < range.upper());
        cuts.sort_by(f64::total_cmp);
        cuts.dedup();
        cuts
    }
}

/// The values of a function at points.
type Values<'a> = dyn Fn(&[f64]) -> Vec<f64> + 'a;

/// A function on an interval, behind folds that it is symmetric about.
struct Base<'a> {
    folds: Vec<Fold>,
    range: [f64; 2],
    function: Box<Values<'a>>,
}

/// The values of a formula of one variable.
fn values(function: &Expression, at: &[f64]) -> Vec<f64> {
    let mut values = vec![0.0; at.len()];
    function.eval_block(&[at], &mut values);
    values
}

/// Curves for a function over a range, by falling error from at most `most` to about `least`, and rising size; `claim` is
/// the share by which errors seen at points are enlarged.
pub(super) fn recipes(function: &Expression, range: Interval, least: f64, most: f64, claim: f64) -> Vec<Recipe> {
    let mut found: Vec<Recipe> = Vec::new();
    let (mut may_fold, mut ends) = (false, [range.lower(), range.upper()]);
    for base in bases(function, range) {
        (may_fold, ends) = if base.folds.is_empty() { (may_fold, ends) } else { (true, base.range) };
        let size = (base.function)(&sampled(base.range)).iter().fold(0.0f64, |m, v| m.max(v.abs()));
        let mut error = most;
        let mut smallest = usize::MAX;
        while error > 0.4 * least {
            let mut limit = MOST_ZONES;
            if error < ANALYTIC * size {
                for sum in series(&*base.function, base.range, !base.folds.is_empty(), 0.94 * error) {
                    limit = limit.min(sum.size() + 1);
                    found.push(Recipe::new(&base.folds, Body::Series(sum), size, claim));
                }
            }
            for bend in Bend::ALL {
                let limit = limit.min(smallest.saturating_mul(8));
                if let Some(zones) = zones(&*base.function, base.range, error, bend, limit) {
                    smallest = smallest.min(zones.bends.len());
                    let signs = [1.0, -1.0].map(|sign| zones.bends.iter().any(|b| sign * b > 0.0));
                    towered(&base.folds, zones, size, [least, most], claim, &mut found);
                    if signs != [true, true] {
                        break;
                    }
                }
            }
            if let Some(zones) = polygon(&base, error) {
                found.push(Recipe::new(&base.folds, Body::Spline(zones, Vec::new()), size, claim));
            }
            if found.iter().any(|r| r.is_exact() && r.error <= 0.4 * least) {
                break;
            }
            error /= STEP;
        }
    }
    let widest = match found.iter().find(|r| r.is_exact()) {
        Some(exact) => Some(exact.clone()),
        None => found.first().map(|r| r.widest(ends, may_fold)),
    };
    found.retain(|recipe| recipe.error <= most);
    let mut kept = front(found, |recipe| (recipe.size(), recipe.error));
    kept.iter_mut().for_each(|recipe| recipe.widest = widest.clone().map(Box::new));
    kept
}

/// Those of which no other is both as small and as exact, by rising size; `of` gives size and error.
pub(super) fn front<T>(mut found: Vec<T>, of: impl Fn(&T) -> (usize, f64)) -> Vec<T> {
    found.sort_by(|a, b| of(a).0.cmp(&of(b).0).then(of(a).1.total_cmp(&of(b).1)));
    let mut kept: Vec<T> = Vec::new();
    for item in found {
        if kept.last().is_none_or(|last| of(&item).1 < of(last).1) {
            kept.push(item);
        }
    }
    kept
}

/// Adds towers of all useful heights.
fn towered(folds: &[Fold], zones: Zones, size: f64, [least, most]: [f64; 2], claim: f64, found: &mut Vec<Recipe>) {
    let (up, down) = (zones.tower(1.0), zones.tower(-1.0));
    if zones.bends.iter().any(|b| *b > 0.0) && up.is_none() || zones.bends.iter().any(|b| *b < 0.0) && down.is_none() {
        return;
    }
    let noise = |tower: &Tower, k: usize| tower.height.abs() * 0.25f64.powi(k as i32 + 1);
    let highest = up.iter().chain(&down).fold(0.0f64, |m, t| m.max(t.height.abs()));
    for k in 0..=MOST_TENTS {
        // The noise of one tent more or less in the higher tower; the other one follows.
        let allowed = highest * 0.25f64.powi(k as i32 + 1);
        let tents = |t: Tower| {
            let k = (1..MOST_TENTS).find(|k| noise(&t, *k) <= 1.5 * allowed).unwrap_or(MOST_TENTS);
            (t, k)
        };
        let towers: Vec<(Tower, usize)> = up.iter().chain(&down).cloned().map(tents).collect();
        let recipe = Recipe::new(folds, Body::Spline(zones.clone(), towers), size, claim);
        if recipe.error <= most {
            let is_last = recipe.error < 0.4 * least || allowed < 0.02 * recipe.error;
            found.push(recipe);
            if is_last {
                return;
            }
        }
    }
}

fn sampled([a, b]: [f64; 2]) -> Vec<f64> {
    (0..=64).map(|i| a + (b - a) * f64::from(i) / 64.0).collect()
}

/// A polygon with as few corners as the error allows; only where that is few.
fn polygon(base: &Base, error: f64) -> Option<Zones> {
    const GATES: usize = 600;
    let [a, b] = base.range;
    let places: Vec<f64> = (0..=GATES)
        .map(|i| {
            let u = f64::from(i as u32) / f64::from(GATES as u32);
            a + (b - a) * (0.5 * u * u * (3.0 - 2.0 * u) + 0.5 * u)
        })
        .collect();
    let values = (base.function)(&places);
    let gate = |(x, y): (&f64, &f64)| Gate { x: *x, lower: y - error, upper: y + error };
    if !values.iter().all(|v| v.is_finite()) {
        return None;
    }
    let corners = shortest_path(&places.iter().zip(&values).map(gate).collect::<Vec<_>>());
    (corners.len() <= 14).then(|| Zones::polygon(corners, &*base.function))
}

/// The function as it stands, and behind the folds that it is symmetric about.
fn bases(function: &Expression, range: Interval) -> Vec<Base<'_>> {
    let ends = [range.lower(), range.upper()];
    let plain = Base { folds: Vec::new(), range: ends, function: Box::new(move |at| values(function, at)) };
    let waves = waves(function, ends);
    if !waves.is_empty() {
        let half_waves = (ends[1] - ends[0]) * waves[0].folds[0].slope.abs();
        return if half_waves <= 2.0 { waves.into_iter().chain([plain]).collect() } else { waves };
    }
    match mirror(function, ends) {
        Some(center) => {
            let (left, right) = (center - ends[0], ends[1] - center);
            let side = if right >= left { 1.0 } else { -1.0 };
            let folded = move |at: &[f64]| values(function, &at.iter().map(|s| center + side * s).collect::<Vec<_>>());
            let folds = vec![Fold { slope: 1.0, shift: -center }];
            vec![Base { folds, range: [0.0, left.max(right)], function: Box::new(folded) }, plain]
        }
        None => vec![plain],
    }
}

/// The place about which the function is symmetric on the range, if there is one inside.
fn mirror(function: &Expression, [a, b]: [f64; 2]) -> Option<f64> {
    let grid = sampled([a, b]);
    let sampled = values(function, &grid);
    let size = sampled.iter().fold(0.0f64, |m, v| m.max(v.abs()));
    let inner = (1..grid.len() - 1).filter(|&i| {
        let (l, m, r) = (sampled[i - 1], sampled[i], sampled[i + 1]);
        m >= l && m >= r && (m > l || m > r) || m <= l && m <= r && (m < l || m < r)
    });
    let odd = |c: f64, s: f64| {
        let both = values(function, &[c + s, c - s]);
        both[0] - both[1]
    };
    for i in inner.take(4) {
        let (mut low, mut high) = (grid[i - 1], grid[i + 1]);
        let reach = 0.7 * (low - a).min(b - high);
        let is_positive = odd(low, reach) > 0.0;
        if reach <= 0.0 || (odd(high, reach) > 0.0) == is_positive {
            continue;
        }
        let mut center = grid[i];
        for _ in 0..60 {
            if (odd(center, reach) > 0.0) == is_positive {
                low = center
            } else {
                high = center
            }
            center = 0.5 * (low + high);
        }
        // The nearest number with few digits is what was meant, if it is as good.
        let rounded = (center * 1e9).round() / 1e9;
        for center in [rounded, center] {
            let most = (center - a).min(b - center);
            let is_even = |k: i32| odd(center, most * f64::from(k) / 12.0).abs() <= 1e-12 * size;
            if most > 0.0 && (1..=12).all(is_even) {
                return Some(center);
            }
        }
    }
    None
}

/// Folds of `sin` and `cos` of an affine function: reflections about turning points, down to about one half wave.
fn waves(function: &Expression, [a, b]: [f64; 2]) -> Vec<Base<'_>> {
    let symbols = function.symbols();
    let lag = match symbols[symbols.len() - 1] {
        Op::Apply(Function::Sin) => 0.5,
        Op::Apply(Function::Cos) => 0.0,
        _ => return Vec::new(),
    };
    if !is_affine(function) {
        return Vec::new();
    }
    let phase = values(&function.subformula(symbols.len() - 2), &[a, b]);
    let slope = (phase[1] - phase[0]) / (b - a) / std::f64::consts::PI;
    let shift = (phase[0] / std::f64::consts::PI - lag) - slope * a;
    let (low, high) = (slope * a + shift, slope * b + shift);
    let (low, high) = (low.min(high), low.max(high));
    // The function is cos(pi v) for v from low to high.
    if !(low.is_finite() && high.is_finite() && high - low < 1e6 && low.abs() < 1e9) || high - low < 1e-9 {
        return Vec::new();
    }
    let mut center: f64 = (0.5 * (low + high)).round();
    let mut reach = (high - center).max(center - low);
    let mut folds = vec![Fold { slope, shift: shift - center }];
    let mut sign = if center.rem_euclid(2.0) == 0.0 { 1.0 } else { -1.0 };
    let mut bases = Vec::new();
    loop {
        if reach <= 2.6 {
            let function = move |at: &[f64]| at.iter().map(|s| sign * (std::f64::consts::PI * s).cos()).collect();
            bases.push(Base { folds: folds.clone(), range: [0.0, reach], function: Box::new(function) });
        }
        if reach <= 1.0 + 1e-9 {
            return bases;
        }
        let candidates = [(0.5 * reach).floor().max(1.0), (0.5 * reach).ceil()];
        center = if candidates[0].max(reach - candidates[0]) <= candidates[1] { candidates[0] } else { candidates[1] };
        reach = center.max(reach - center);
        sign = if center.rem_euclid(2.0) == 0.0 { sign } else { -sign };
        folds.push(Fold { slope: 1.0, shift: -center });
    }
}

/// Whether the operand of the last operation is affine in the variable: it stands there once, behind signs, constant
/// summands and constant factors.
fn is_affine(function: &Expression) -> bool {
    let symbols = function.symbols();
    let inner = &symbols[..symbols.len() - 1];
    inner.iter().filter(|op| matches!(op, Op::Variable(_))).count() == 1
        && inner.iter().all(|op| {
            matches!(
                op,
                Op::Number(_)
                    | Op::Pi
                    | Op::E
                    | Op::Variable(_)
                    | Op::Apply(Function::Neg)
                    | Op::Combine(Binary::Add | Binary::Sub | Binary::Mul)
            ) || matches!(op, Op::Combine(Binary::Div)) && denominators_are_constant(function)
        })
}

/// Whether no division has the variable below the line.
fn denominators_are_constant(function: &Expression) -> bool {
    let (symbols, starts) = (function.symbols(), function.starts());
    (0..symbols.len()).filter(|i| symbols[*i] == Op::Combine(Binary::Div)).all(|i| {
        let below = starts[i - 1]..i;
        !symbols[below].iter().any(|op| matches!(op, Op::Variable(_)))
    })
}
