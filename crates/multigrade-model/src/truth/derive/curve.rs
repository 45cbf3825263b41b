//! Functions of one quantity: what a sum of hinges, folds and squares has to do with them.
//!
//! On a piece `I = [c - r, c + r]` of the range of the quantity `v`, everything is a polynomial of degree 2 in `v - c`
//! with a remainder in its last coefficient, plus noise. Taylor's formula bounds the difference of the function and the
//! sum; a piece on which that is not within the claimed bounds is cut in two.

use super::super::enclosure::Decoration;
use super::super::expression::Expression;
use super::super::interval::Interval;
use super::super::program::{up_product, up_sum};
use super::form::around;

const TWO: Interval = Interval::exact(2.0);
/// Most pieces of a curve.
const MAX_PIECES: usize = 1 << 20;
/// Most times that a piece is cut in two.
const MAX_DEPTH: usize = 60;
/// Most times that a piece is cut in two for the range of a sum.
const MAX_HALVINGS: usize = 12;
/// A piece over more than this many others takes the bound of the whole curve.
const MAX_LOCAL: usize = 4096;

/// Pieces of a range, and the error on each.
pub(super) type Errors = Vec<(Interval, Interval)>;

/// A quantity of a curve: a function of `scale * v + shift + Σ coefficient * earlier quantity`, up to `error`.
#[derive(Clone, Debug)]
pub(super) struct Bend {
    pub(super) argument: Mix,
    pub(super) kind: BendKind,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum BendKind {
    /// The tent `min(2 z, 2 - 2 z)`.
    Tent,
    /// `|z|`.
    Fold,
    /// `max(z, 0)`.
    Hinge,
    /// `z²` plus a number of this interval.
    Square(Interval),
}

/// `scale * v + shift + Σ coefficient * bend`, up to `error`.
#[derive(Clone, Debug, Default)]
pub(super) struct Mix {
    pub(super) scale: f64,
    pub(super) shift: f64,
    pub(super) bends: Vec<(usize, f64)>,
    pub(super) error: f64,
}

/// `value + slope (v - c) + second/2 (v - c)²` for some numbers of these intervals, plus a number of `noise`.
#[derive(Clone, Copy)]
struct Local {
    value: Interval,
    slope: Interval,
    second: Interval,
    noise: Interval,
    /// How much of the noise comes from a bend of undecided sign.
    open: f64,
}

/// The place of a piece: `v - c` for all of it, and the square of that.
#[derive(Clone, Copy)]
struct Place {
    center: f64,
    offset: Interval,
    square: Interval,
}

impl Place {
    fn new(piece: Interval) -> Self {
        let center = piece.midpoint();
        let offset = piece - Interval::exact(center);
        Self { center, offset, square: offset.power(2) }
    }

    /// Encloses a polynomial of degree 2.
    fn range(&self, value: Interval, slope: Interval, second: Interval) -> Interval {
        value + slope * self.offset + second * self.square * Interval::exact(0.5)
    }
}

impl Local {
    const ZERO: Self = {
        let zero = Interval::ZERO;
        Self { value: zero, slope: zero, second: zero, noise: zero, open: 0.0 }
    };

    fn plus(self, factor: f64, other: &Self) -> Self {
        Self {
            value: self.value + other.value.scaled(factor),
            slope: self.slope + other.slope.scaled(factor),
            second: self.second + other.second.scaled(factor),
            noise: self.noise + other.noise.scaled(factor),
            open: up_sum(self.open, up_product(factor.abs(), other.open)),
        }
    }

    /// `below * z` for negative and `above * z` for positive `z`: where the sign is open, the nearer one and what it is
    /// off by. Noise of `z` passes with the steeper slope.
    fn bent(self, place: &Place, below: f64, above: f64) -> Self {
        let range = place.range(self.value, self.slope, self.second);
        let noise = around(up_product(below.abs().max(above.abs()), self.noise.magnitude()));
        let line = |slope: f64, off: Interval| {
            let [value, slope, second] = [self.value, self.slope, self.second].map(|x| x.scaled(slope));
            Self { value, slope, second, noise: noise + off, open: up_sum(self.open, off.magnitude()) }
        };
        let difference = Interval::exact(above) - Interval::exact(below);
        if range.lower() >= 0.0 {
            line(above, Interval::ZERO)
        } else if range.upper() <= 0.0 {
            line(below, Interval::ZERO)
        } else if -range.lower() <= range.upper() {
            line(above, -difference * Interval::raw(range.lower(), 0.0))
        } else {
            line(below, difference * Interval::raw(0.0, range.upper()))
        }
    }

    fn squared(self, place: &Place, off: Interval) -> Self {
        let range = place.range(self.value, self.slope, self.second);
        let slope = self.slope + self.second * place.offset;
        Self {
            value: self.value.power(2),
            slope: TWO * self.value * self.slope,
            second: TWO * (slope.power(2) + range * self.second),
            noise: TWO * range * self.noise + self.noise.power(2) + off,
            open: up_product(self.open, up_product(2.0, up_sum(range.magnitude(), self.noise.magnitude()))),
        }
    }
}

/// A sum that stands for a function of one quantity.
#[derive(Clone, Debug)]
pub(super) struct Curve {
    pub(super) bends: Vec<Bend>,
    pub(super) sum: Mix,
}

impl Mix {
    fn local(&self, place: &Place, bends: &[Local]) -> Local {
        let start = Local {
            value: Interval::exact(self.scale) * Interval::exact(place.center) + Interval::exact(self.shift),
            slope: Interval::exact(self.scale),
            noise: around(self.error),
            ..Local::ZERO
        };
        self.bends.iter().fold(start, |sum, (i, coefficient)| sum.plus(*coefficient, &bends[*i]))
    }
}

impl Curve {
    /// About how many operations a piece takes.
    pub(super) fn work(&self) -> usize {
        let mixed = self.bends.iter().map(|bend| bend.argument.bends.len()).sum::<usize>() + self.sum.bends.len();
        self.bends.len() + mixed
    }

    fn local(&self, place: &Place) -> Local {
        let mut bends: Vec<Local> = Vec::with_capacity(self.bends.len());
        for bend in &self.bends {
            let z = bend.argument.local(place, &bends);
            bends.push(match bend.kind {
                // 1 - 2 |z - 1/2|.
                BendKind::Tent => {
                    let shifted = Local { value: z.value - Interval::exact(0.5), ..z };
                    let bent = shifted.bent(place, 2.0, -2.0);
                    Local { value: bent.value + Interval::ONE, ..bent }
                }
                BendKind::Fold => z.bent(place, -1.0, 1.0),
                BendKind::Hinge => z.bent(place, 0.0, 1.0),
                BendKind::Square(off) => z.squared(place, off),
            });
        }
        self.sum.local(place, &bends)
    }

    /// Encloses the sum where the quantity lies in `range`, from pieces between the places where a bend of that quantity
    /// alone changes sign; with squares in it, from smaller pieces where the sum cannot be seen to stay within `goal`.
    /// `None` if that takes more than `work` operations.
    pub(super) fn range(&self, range: Interval, goal: Interval, work: &mut usize) -> Option<Interval> {
        let plain = self.bends.iter().map(|bend| &bend.argument).filter(|z| z.bends.is_empty());
        let mut ends: Vec<f64> = plain.map(|z| -z.shift / z.scale).collect();
        ends.retain(|end| range.lower() < *end && *end < range.upper());
        ends.extend([range.lower(), range.upper()]);
        ends.sort_by(f64::total_cmp);
        let is_affine = !self.bends.iter().any(|bend| matches!(bend.kind, BendKind::Square(_)));
        let mut open: Vec<(Interval, usize)> =
            ends.windows(2).map(|ends| (Interval::raw(ends[0], ends[1]), 0)).collect();
        let mut whole: Option<Interval> = None;
        while let Some((piece, depth)) = open.pop() {
            *work = work.checked_sub(self.work())?;
            let place = Place::new(piece);
            let sum = self.local(&place);
            let found = place.range(sum.value, sum.slope, sum.second) + sum.noise;
            if is_affine || depth == MAX_HALVINGS || goal.encloses(found) {
                whole = Some(whole.map_or(found, |whole| whole.hull(found)));
            } else {
                let middle = piece.midpoint();
                open.push((Interval::raw(piece.lower(), middle), depth + 1));
                open.push((Interval::raw(middle, piece.upper()), depth + 1));
            }
        }
        whole
    }

    /// Bounds of the function minus the sum without its noise, the noise, and how open its bends are; `None` where the
    /// function may be undefined.
    fn compare(&self, function: &Expression, piece: Interval) -> Option<(Interval, Interval, f64)> {
        let place = Place::new(piece);
        let sum = self.local(&place);
        let jet = function.hessian(&[piece]);
        let known = jet.value().decoration();
        if known < Decoration::Defined {
            return None;
        }
        let mut gap = jet.value().interval() - place.range(sum.value, sum.slope, sum.second);
        let is_inside = piece.lower() < place.center && place.center < piece.upper();
        if known >= Decoration::Continuous && is_inside {
            // Slopes at a point are those of Taylor's formula, as it is inside the piece.
            let center = function.gradient(&[Interval::exact(place.center)]);
            let value = center.value().interval() - sum.value;
            let slopes = sum.slope + sum.second * place.offset;
            gap = closer(gap, value + (jet.gradient()[0] - slopes) * place.offset);
            if known == Decoration::C11 {
                let slope = center.gradient()[0] - sum.slope;
                gap = closer(gap, place.range(value, slope, jet.second(0, 0) - sum.second));
            }
        }
        Some((gap, sum.noise, sum.open))
    }

    /// The sum minus the function, piece after piece of `range`; `None` if the function may be undefined somewhere or if
    /// function minus sum cannot be seen to stay within `claimed`, its noise apart. `work` is how many operations on
    /// pieces may be spent on that.
    pub(super) fn errors(
        &self,
        function: &Expression,
        range: Interval,
        cuts: &[f64],
        claimed: Interval,
        work: &mut usize,
    ) -> Option<Errors> {
        // A bend may be open on pieces that are small enough for that not to matter.
        let little = 0.01 * claimed.width();
        let mut open = Vec::new();
        let mut lower = range.lower();
        for &cut in cuts.iter().filter(|cut| range.lower() < **cut && **cut < range.upper()) {
            if cut > lower {
                open.push((Interval::raw(lower, cut), 0));
                lower = cut;
            }
        }
        open.push((Interval::raw(lower, range.upper()), 0));
        open.reverse();
        let each = self.work() + function.symbols().len();
        let mut errors = Vec::new();
        while let Some((piece, depth)) = open.pop() {
            *work = work.checked_sub(each)?;
            let found = self.compare(function, piece);
            let middle = piece.midpoint();
            let is_small = depth == MAX_DEPTH || !(piece.lower() < middle && middle < piece.upper());
            match found {
                // The sum is what it stands for, minus the gap, plus the noise.
                Some((gap, noise, bent)) if claimed.encloses(gap) && (is_small || bent <= little) => {
                    errors.push((piece, noise - gap));
                }
                _ if is_small || errors.len() + open.len() > MAX_PIECES => return None,
                _ => {
                    open.push((Interval::raw(middle, piece.upper()), depth + 1));
                    open.push((Interval::raw(piece.lower(), middle), depth + 1));
                }
            }
        }
        Some(errors)
    }
}

/// Both enclose the same numbers.
fn closer(a: Interval, b: Interval) -> Interval {
    a.intersection(b).unwrap_or(a)
}

/// The hull of all errors.
pub(super) fn hull(errors: &[(Interval, Interval)]) -> Interval {
    errors.iter().map(|(_, error)| *error).reduce(Interval::hull).unwrap_or(Interval::ENTIRE)
}

/// The hull of the errors on the pieces that meet `range`; of `all` where these are many.
pub(super) fn errors_on(errors: &[(Interval, Interval)], range: Interval, all: Interval) -> Interval {
    let first = errors.partition_point(|(piece, _)| piece.upper() < range.lower());
    let end = errors.partition_point(|(piece, _)| piece.lower() <= range.upper());
    match errors.get(first..end) {
        Some(meeting) if !meeting.is_empty() && meeting.len() <= MAX_LOCAL => hull(meeting),
        _ => all,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The sum at `v`, with a share between 0 and 1 of what each square may be larger by, and of each error.
    fn value(curve: &Curve, v: f64, share: f64) -> f64 {
        let mut bends: Vec<f64> = Vec::new();
        let mix = |mix: &Mix, bends: &[f64]| {
            let own = mix.scale * v + mix.shift + mix.error * (2.0 * share - 1.0);
            mix.bends.iter().fold(own, |sum, (i, c)| sum + c * bends[*i])
        };
        for bend in &curve.bends {
            let z = mix(&bend.argument, &bends);
            bends.push(match bend.kind {
                BendKind::Tent => (2.0 * z).min(2.0 - 2.0 * z),
                BendKind::Fold => z.abs(),
                BendKind::Hinge => z.max(0.0),
                BendKind::Square(off) => z * z + off.lower() + share * (off.upper() - off.lower()),
            });
        }
        mix(&curve.sum, &bends)
    }

    fn mix(bends: usize) -> impl Strategy<Value = Mix> {
        let chosen = prop::collection::vec((0..bends.max(1), -1.0..1.0f64), 0..=bends.min(2));
        (-2.0..2.0f64, -1.0..1.0f64, chosen, prop_oneof![Just(0.0), 0.0..1e-3f64])
            .prop_map(|(scale, shift, bends, error)| Mix { scale, shift, bends, error })
    }

    fn kind() -> impl Strategy<Value = BendKind> {
        prop_oneof![
            Just(BendKind::Tent),
            Just(BendKind::Fold),
            Just(BendKind::Hinge),
            (0.0..1e-3f64).prop_map(|off| BendKind::Square(Interval::raw(-off / 3.0, off))),
        ]
    }

    fn curve() -> impl Strategy<Value = Curve> {
        let bend = |i: usize| (mix(i), kind()).prop_map(|(argument, kind)| Bend { argument, kind });
        ((bend(0), bend(1), bend(2), bend(3)), mix(4))
            .prop_map(|((a, b, c, d), sum)| Curve { bends: vec![a, b, c, d], sum })
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

        #[test]
        fn the_values_of_a_sum_are_within_its_range(
            curve in curve(), place in 0.0..=1.0f64, share in 0.0..=1.0f64, ends in (-1.0..0.5f64, 0.1..1.5f64),
            goal in prop_oneof![Just(0.1), Just(1.0), Just(10.0)],
        ) {
            let range = Interval::raw(ends.0, ends.0 + ends.1);
            let mut work = 1 << 22;
            if let Some(found) = curve.range(range, around(goal), &mut work) {
                for v in [range.lower(), range.upper(), ends.0 + place * ends.1] {
                    let value = value(&curve, v, share);
                    prop_assert!((found + around(1e-9)).contains(value), "{} at {}: {:?}", value, v, found);
                }
            }
        }

        #[test]
        fn the_error_of_a_curve_is_within_its_bounds_on_every_piece(
            curve in curve(), cuts in prop::collection::vec(-1.0..2.0f64, 0..4), place in 0.0..=1.0f64,
            share in 0.0..=1.0f64, claimed in prop_oneof![Just(1e12), Just(5.0), Just(0.7)]
        ) {
            let function = Expression::parse("sin(3*t) + abs(t - 0.3)").unwrap();
            let range = Interval::raw(-1.0, 2.0);
            // A wide claim holds; narrow ones are refused, or true.
            let (claimed, mut work) = (around(claimed), 1 << 30);
            let Some(errors) = curve.errors(&function, range, &cuts, claimed, &mut work) else {
                prop_assert!(claimed.upper() < 1e9);
                return Ok(());
            };
            prop_assert_eq!((errors[0].0.lower(), errors[errors.len() - 1].0.upper()), (-1.0, 2.0));
            prop_assert!(errors.windows(2).all(|pair| pair[0].0.upper() == pair[1].0.lower()));
            let all = hull(&errors);
            for (piece, error) in &errors {
                let v = piece.lower() + place * (piece.upper() - piece.lower());
                let off = value(&curve, v, share) - function.eval(&[v]);
                prop_assert!(error.lower() - 1e-12 <= off && off <= error.upper() + 1e-12, "{} at {}: {:?}", off, v, error);
                prop_assert!(errors_on(&errors, Interval::exact(v), all).encloses(*error));
            }
        }
    }
}
