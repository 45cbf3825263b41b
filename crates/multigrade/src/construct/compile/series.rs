//! Chebyshev sums by squares: for functions that are analytic around the interval, far beyond the reach of splines.
//!
//! `T_2m = 2 T_m² - 1` and `T_2m+1 = (T_m + T_m+1)² - (T_2m + T_2m+2)/2 - 1 - x`: one square for each degree, and each only
//! as exact as what depends on it asks for. What is squared is divided by a little more than 1, so that enclosures of it
//! stay within [-1, 1].

use super::spline::Function;
use std::collections::BTreeMap;

/// Highest degree.
const MOST_DEGREES: usize = 32;
/// Points at which the coefficients are found.
const POINTS: usize = 128;
/// Most ReLUs of a square.
const MOST_TENTS: usize = 27;
/// How much larger than 1 polynomials may seem, their noise apart.
const ROOM: f64 = 0.01;

/// `constant + slope x + Σ weight * square`.
#[derive(Clone, Debug, Default)]
pub(super) struct Combination {
    pub(super) constant: f64,
    pub(super) slope: f64,
    pub(super) squares: BTreeMap<usize, f64>,
}

impl Combination {
    pub(super) fn plus(&mut self, factor: f64, other: &Self) {
        self.constant += factor * other.constant;
        self.slope += factor * other.slope;
        for (square, weight) in &other.squares {
            *self.squares.entry(*square).or_insert(0.0) += factor * weight;
        }
    }
}

/// How a polynomial is made.
#[derive(Clone, Debug)]
pub(super) struct Link {
    pub(super) degree: usize,
    /// The square is that of `(T_m + T_n) / (2 scale)`.
    pub(super) operands: [usize; 2],
    pub(super) scale: f64,
    /// ReLUs of the square.
    pub(super) tents: usize,
}

/// `Σ coefficient T_k(x)` for `x = (s - center) / radius`, or for `x = 2 (s / radius)² - 1`.
#[derive(Clone, Debug)]
pub(super) struct Series {
    pub(super) center: f64,
    pub(super) radius: f64,
    /// Tents of the square of `s / radius`, if there is one.
    pub(super) square: Option<usize>,
    pub(super) coefficients: Vec<f64>,
    pub(super) links: Vec<Link>,
    /// Bounds of the function minus the sum, as seen at points.
    pub(super) error: [f64; 2],
}

/// A function on an interval, as a function of `x` in [-1, 1].
struct Target<'a> {
    function: &'a Function<'a>,
    center: f64,
    radius: f64,
    is_even: bool,
}

impl Target<'_> {
    fn values(&self, at: &[f64]) -> Vec<f64> {
        let place = |x: &f64| match self.is_even {
            true => self.radius * (0.5 * (x + 1.0)).max(0.0).sqrt(),
            false => self.center + self.radius * x,
        };
        (self.function)(&at.iter().map(place).collect::<Vec<_>>())
    }

    fn coefficients(&self) -> Option<Vec<f64>> {
        let angle = |j: usize| std::f64::consts::PI * (j as f64 + 0.5) / POINTS as f64;
        let values = self.values(&(0..POINTS).map(|j| angle(j).cos()).collect::<Vec<_>>());
        let size = values.iter().fold(0.0f64, |m, v| m.max(v.abs()));
        let coefficient = |k: usize| {
            let sum: f64 = values.iter().enumerate().map(|(j, v)| v * (k as f64 * angle(j)).cos()).sum();
            let c = sum * if k == 0 { 1.0 } else { 2.0 } / POINTS as f64;
            // What is left of rounding.
            if c.abs() > 4e-16 * size { c } else { 0.0 }
        };
        size.is_finite().then(|| (0..POINTS / 2).map(coefficient).collect())
    }
}

/// Sums for a function on [a, b] with at most this error; also in the square of the quantity where the function is
/// even and `a` is 0.
pub(super) fn series(function: &Function, [a, b]: [f64; 2], is_even: bool, error: f64) -> Vec<Series> {
    let mut found = Vec::new();
    let plain = Target { function, center: 0.5 * (a + b), radius: 0.5 * (b - a) * (1.0 + 1e-12), is_even: false };
    let even = Target { function, center: 0.0, radius: b * (1.0 + 1e-12), is_even: true };
    for target in [Some(plain), (is_even && a == 0.0).then_some(even)].into_iter().flatten() {
        let Some(coefficients) = target.coefficients() else { continue };
        let tail = |n: usize| coefficients[n + 1..].iter().map(|c| c.abs()).sum::<f64>();
        let Some(least) = (1..=MOST_DEGREES).find(|n| tail(*n) <= 0.8 * error) else { continue };
        let sums =
            (least..=MOST_DEGREES.min(least + 2)).filter_map(|n| Series::new(&target, &coefficients[..=n], error));
        found.extend(sums.min_by_key(Series::size));
    }
    found
}

impl Series {
    fn new(target: &Target, coefficients: &[f64], error: f64) -> Option<Self> {
        let mut links = Vec::new();
        for (degree, _) in coefficients.iter().enumerate().filter(|(_, c)| **c != 0.0) {
            need(degree, &mut links);
        }
        let square = target.is_even.then_some(1);
        let (center, radius) = (target.center, target.radius);
        let coefficients = coefficients.to_vec();
        let mut series = Self { center, radius, square, coefficients, links, error: [0.0; 2] };
        series.error = series.errors(target);
        let left = error - 0.5 * (series.error[1] - series.error[0]);
        series.allotted(left)
    }

    /// ReLUs of all squares.
    pub(super) fn size(&self) -> usize {
        self.square.unwrap_or(0) + self.links.iter().map(|link| link.tents).sum::<usize>()
    }

    fn errors(&self, target: &Target) -> [f64; 2] {
        let angle = |j: u32| std::f64::consts::PI * f64::from(j) / 1000.0;
        let values = target.values(&(0..=1000).map(|j| angle(j).cos()).collect::<Vec<_>>());
        let mut range = [0.0f64; 2];
        for (j, v) in values.iter().enumerate() {
            let terms = self.coefficients.iter().enumerate();
            let sum: f64 = terms.map(|(k, c)| c * (k as f64 * angle(j as u32)).cos()).sum();
            range = [range[0].min(v - sum), range[1].max(v - sum)];
        }
        range
    }

    /// How the square of each link and the sum follow from `x` and the squares before.
    pub(super) fn combinations(&self) -> (Vec<Combination>, Combination) {
        let x = Combination { slope: 1.0, ..Combination::default() };
        let mut polynomials = BTreeMap::from([(1, x.clone())]);
        let mut arguments = Vec::new();
        for (square, link) in self.links.iter().enumerate() {
            let mut argument = Combination::default();
            link.operands.iter().for_each(|m| argument.plus(0.5 / link.scale, &polynomials[m]));
            arguments.push(argument);
            let mut polynomial = Combination::default();
            for (weight, of) in link.terms() {
                match of {
                    Term::One => polynomial.constant += weight,
                    Term::Square => drop(polynomial.squares.insert(square, weight)),
                    Term::Polynomial(k) => polynomial.plus(weight, &polynomials[&k]),
                }
            }
            polynomials.insert(link.degree, polynomial);
        }
        let mut sum = Combination { constant: self.coefficients[0], ..Combination::default() };
        for (k, c) in self.coefficients.iter().enumerate().skip(1).filter(|(_, c)| **c != 0.0) {
            sum.plus(*c, &polynomials[&k]);
        }
        (arguments, sum)
    }

    /// Bounds of what the sum is too large by, because the squares are.
    pub(super) fn noise(&self) -> [f64; 2] {
        self.noise_of(&self.combinations(), &self.counts().into_iter().map(too_large).collect::<Vec<_>>())
    }

    /// ReLUs of the squares, those of the square of the quantity first, with the ReLU of its fold.
    fn counts(&self) -> Vec<usize> {
        self.square.map(|tents| tents + 1).into_iter().chain(self.links.iter().map(|link| link.tents)).collect()
    }

    /// The same where squares are too large by at most these numbers.
    fn noise_of(&self, (arguments, sum): &(Vec<Combination>, Combination), large: &[f64]) -> [f64; 2] {
        let first = large.len() - self.links.len();
        let of_x = if first == 1 { 2.0 * large[0] } else { 0.0 };
        let mut noises: Vec<[f64; 2]> = Vec::with_capacity(self.links.len());
        let mixed = |mix: &Combination, noises: &[[f64; 2]]| {
            let own = [0.0f64.min(mix.slope * of_x), 0.0f64.max(mix.slope * of_x)];
            mix.squares.iter().fold(own, |range, (square, weight)| {
                let [a, b] = noises[*square].map(|end| weight * end);
                [range[0] + a.min(b), range[1] + a.max(b)]
            })
        };
        for (argument, large) in arguments.iter().zip(&large[first..]) {
            let [a, b] = mixed(argument, &noises);
            let largest = a.abs().max(b.abs());
            let spread = 2.0 * largest + largest * largest;
            noises.push([-spread, spread + large]);
        }
        mixed(sum, &noises)
    }

    /// Gives the squares as few ReLUs as keep the noise within `error`, if any do: one more to that which makes most of
    /// it, again and again.
    fn allotted(mut self, error: f64) -> Option<Self> {
        const LITTLE: f64 = 1e-9;
        let combinations = self.combinations();
        let spread = |large: &[f64]| {
            let [a, b] = self.noise_of(&combinations, large);
            0.5 * (b - a)
        };
        let n = self.counts().len();
        let weight = |i: usize| spread(&(0..n).map(|j| if i == j { LITTLE } else { 0.0 }).collect::<Vec<_>>());
        let weights: Vec<f64> = (0..n).map(weight).collect();
        let mut counts = vec![2; n];
        while spread(&counts.iter().map(|count| too_large(*count)).collect::<Vec<_>>()) > error {
            let share = |i: &usize| weights[*i] * too_large(counts[*i]);
            let most = (0..n).max_by(|i, j| share(i).total_cmp(&share(j)))?;
            if counts[most] == MOST_TENTS {
                return None;
            }
            counts[most] += 1;
        }
        let mut counts = counts.into_iter();
        self.square = self.square.and_then(|_| counts.next()).map(|count| count - 1);
        self.links.iter_mut().zip(counts).for_each(|(link, count)| link.tents = count);
        Some(self)
    }
}

/// How much larger a square by so many ReLUs may be than it should be.
fn too_large(count: usize) -> f64 {
    0.25f64.powi(count as i32)
}

/// What a polynomial is a sum of.
pub(super) enum Term {
    One,
    /// The square of the link.
    Square,
    Polynomial(usize),
}

impl Link {
    /// The polynomial as a sum.
    pub(super) fn terms(&self) -> Vec<(f64, Term)> {
        let area = self.scale * self.scale;
        match self.operands {
            [m, n] if m == n => vec![(2.0 * area, Term::Square), (-1.0, Term::One)],
            [m, n] => vec![
                (4.0 * area, Term::Square),
                (-0.5, Term::Polynomial(2 * m)),
                (-0.5, Term::Polynomial(2 * n)),
                (-1.0, Term::One),
                (-1.0, Term::Polynomial(1)),
            ],
        }
    }
}

/// Adds the links for `T_degree` to those that are there.
fn need(degree: usize, links: &mut Vec<Link>) {
    if degree < 2 || links.iter().any(|link| link.degree == degree) {
        return;
    }
    let (m, n) = (degree / 2, degree.div_ceil(2));
    need(m, links);
    need(n, links);
    if m != n {
        need(2 * m, links);
        need(2 * n, links);
    }
    let scale = if n == 1 { 1.0 } else { 1.0 + ROOM };
    links.push(Link { degree, operands: [m, n], scale, tents: 2 });
}
