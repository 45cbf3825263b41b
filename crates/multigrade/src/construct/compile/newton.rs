//! Newton's method for reciprocals: from `r` for `1/v` to `r + r (1 - v r)`, whose error is `v` times the square of that of `r`.
//!
//! Two products of which the second is tiny, instead of an eightfold number of zones: far below the reach of splines, and for
//! functions whose poles are too close for sums of polynomials.

use super::super::cube::{between, exact};
use super::budget::{Pair, Pick};
use super::curve::{front, recipes};
use multigrade_model::truth::{Expression, Interval};

/// The relative error above which splines are smaller.
const WORTH: f64 = 1e-4;
/// Most tents of a tower.
const MOST_TENTS: usize = 27;
/// What the error of the start makes of the whole, as shares of it.
const SHARES: [f64; 3] = [0.2, 0.45, 0.75];
/// The ratio of neighbouring errors.
const STEP: f64 = 1.5;

/// A reciprocal in two products from a less exact one.
#[derive(Clone, Debug)]
pub(super) struct Newton {
    pub(super) start: Box<Pick>,
    /// `v r`, and `r (1 - v r)`.
    pub(super) products: [Pair; 2],
    pub(super) error: f64,
}

impl Newton {
    /// ReLUs that take both signs.
    pub(super) fn size(&self) -> usize {
        self.start.size() + self.products.iter().map(Pair::size).sum::<usize>()
    }

    /// With products that keep the error of the whole within `error`; none if rounding does not let them.
    fn new(range: Interval, start: &Pick, error: f64) -> Option<Self> {
        let r = Interval::ONE / range + between(-start.error(), start.error());
        let defect = range.magnitude() * start.error();
        let left = error - range.magnitude() * start.error() * start.error();
        if !(left > 0.0 && r.is_bounded()) {
            return None;
        }
        let product = |factors: [Interval; 2], most: f64| {
            (1..=MOST_TENTS).map(|n| Pair::new(factors, [n, n], false)).find(|pair| pair.error() <= most)
        };
        // Which share of what is left the first product should have depends on how many tents that leaves the second.
        let first = |share: f64| product([range, r], share * left / r.magnitude());
        let [first, second] = [0.5, 0.25, 0.75]
            .into_iter()
            .filter_map(|share| {
                let first = first(share)?;
                let off = defect + first.error();
                let second = product([r, between(-off, off)], left - r.magnitude() * first.error())?;
                Some([first, second])
            })
            .min_by_key(|both| both.iter().map(Pair::size).sum::<usize>())?;
        let own = r.magnitude() * first.error() + second.error();
        let error = range.magnitude() * start.error() * start.error() + own;
        Some(Self { start: Box::new(start.clone()), products: [first, second], error })
    }
}

/// Ways to compute `1/v` over a range by Newton's method, with errors from `most` to about `least`.
pub(super) fn refined(reciprocal: &Expression, range: Interval, least: f64, most: f64, claim: f64) -> Vec<Pick> {
    let size = range.magnitude();
    let is_worth = most * size < WORTH && least > 0.0;
    if !is_worth || range.contains(0.0) || exact(1.0 / least).magnitude().is_infinite() {
        return Vec::new();
    }
    let start = |share: f64, error: f64| (share * error / size).sqrt();
    let (from, to) = (start(0.5 * SHARES[0], least), start(1.2 * SHARES[SHARES.len() - 1], most));
    let curves = recipes(reciprocal, range, from, to, claim).into_iter().map(Pick::Curve);
    let starts = front(curves.chain(refined(reciprocal, range, from, to, claim)).collect(), Pick::cost);
    let mut found = Vec::new();
    let mut error = most;
    while error > 0.4 * least {
        for share in SHARES {
            let start = starts.iter().find(|pick| pick.error() <= start(share, error));
            found.extend(start.and_then(|start| Newton::new(range, start, error)).map(Pick::Newton));
        }
        error /= STEP;
    }
    found
}
