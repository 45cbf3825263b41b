//! How wrong a network is found to be: the largest error on many points, looked for where it hides.

mod flat;
mod search;
mod trace;

pub use trace::breakpoints;

use crate::predictor::Predictor;
use crate::settings::Precision;
use crate::training::Stream;
pub(crate) use flat::Flat;
use multigrade_model::truth::{Decoration, Expression, Interval};
use multigrade_model::{ModelError, Multigrade};
use rand::distr::{Distribution, Uniform};
use search::{ABREAST, Summit};

/// How hard to look for errors.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AttackSettings {
    /// Points spread over the box before the search near the worst of them; default 20,000, at least 1. Fewer are used
    /// where the network is so large that they would take more than about 1e9 products.
    pub points: usize,
    /// The number that fixes every random choice; default 0.
    pub seed: u64,
}

impl Default for AttackSettings {
    fn default() -> Self {
        Self { points: 20_000, seed: 0 }
    }
}

/// Products that the spread points may take together.
const WORK: usize = 1 << 30;

/// Points from which local searches start.
const STARTS: usize = 16;

/// A point and the error there.
#[derive(Clone, Debug, PartialEq)]
pub struct WorstPoint {
    /// `f(x) - f_k(x)`, moved towards 0 by all that is not known of `f(x)`; infinite where the network's value is not
    /// finite.
    pub error: f64,
    /// The point `x`, length `d`.
    pub at: Vec<f64>,
}

/// The lowest and the highest error found in one number format.
#[derive(Clone, Debug, PartialEq)]
pub struct Extremes {
    /// Where `f - f_k` is smallest; usually negative.
    pub lowest: WorstPoint,
    /// Where `f - f_k` is largest.
    pub highest: WorstPoint,
}

impl Extremes {
    /// The largest `|f - f_k|` found.
    pub fn largest(&self) -> f64 {
        self.lowest.error.abs().max(self.highest.error.abs())
    }

    /// Where it was found.
    pub fn worst(&self) -> &WorstPoint {
        if self.lowest.error.abs() > self.highest.error.abs() { &self.lowest } else { &self.highest }
    }

    /// Takes another point into account, and says whether it is a new extreme.
    pub(crate) fn include(&mut self, error: f64, at: &[f64]) -> bool {
        let is_new = error < self.lowest.error || error > self.highest.error;
        if is_new {
            let extreme = if error < self.lowest.error { &mut self.lowest } else { &mut self.highest };
            *extreme = WorstPoint { error, at: at.to_vec() };
        }
        is_new
    }
}

/// The largest errors `f - f_k` seen on finitely many points of a box: lower bounds of `sup |f - f_k|`, silent about
/// every other point.
///
/// Each is attained: the network's value is the one computed in that format, `f(x)` is enclosed, and the error is the
/// least that the enclosure allows.
#[derive(Clone, Debug, PartialEq)]
pub struct Measured {
    /// The network evaluated in f64, by [`Multigrade::eval_reference`].
    pub f64: Extremes,
    /// The network evaluated in f32: weights, scalings and inputs rounded to it, sums in index order.
    pub f32: Extremes,
    /// Points of the box on which the network was evaluated.
    pub points: usize,
}

/// Looks for the largest `|f - f_k|` of output `output` over the box with these sides: at corners, on a grid, at random
/// points, at the kinks of the network along random lines, and uphill from the worst of all these.
///
/// The arguments of `f` are the model's inputs, in order ([`Expression::with_variables`] puts them so). Points where `f`
/// is not proved to be defined do not count. The same for any number of threads. `None` if `f` is defined at none of
/// the points.
///
/// # Errors
/// [`ModelError::NoSuchGrade`] for more grades than there are, [`ModelError::Shape`] if there is not one side and one
/// variable for each input, or no such output.
///
/// ```
/// use multigrade::attack::{AttackSettings, attack};
/// use multigrade::truth::{Domain, Expression};
/// # let x: Vec<f64> = (0..50).map(|i| f64::from(i) / 49.0).collect();
/// # let y: Vec<f64> = x.iter().map(|x| x * x).collect();
/// # let samples = multigrade::Samples::new(1, 1, x, y, None).unwrap();
/// # let settings = multigrade::FitSettings { grades: multigrade::Grades::Count(1), ..Default::default() };
/// # let model = multigrade::fit(&samples, None, &settings.validate().unwrap(), &mut multigrade::silent()).unwrap().model;
/// let f = Expression::parse("x^2").unwrap();
/// let domain = Domain::parse("x=0..1").unwrap();
/// let measured = attack(&model, 1, 0, &f, domain.sides(), &AttackSettings::default()).unwrap().unwrap();
/// assert!(measured.f64.largest() > 0.0);
/// ```
pub fn attack(
    model: &Multigrade,
    grades: usize,
    output: usize,
    f: &Expression,
    sides: &[Interval],
    settings: &AttackSettings,
) -> Result<Option<Measured>, ModelError> {
    let model = model.truncate(grades)?;
    let check = |what, expected, found| {
        if expected == found { Ok(()) } else { Err(ModelError::Shape { what, expected, found }) }
    };
    check("sides of the box", model.n_inputs(), sides.len())?;
    check("variables of the function", model.n_inputs(), f.variables().len())?;
    check("number of the output", model.n_outputs() - 1, output.max(model.n_outputs() - 1))?;
    let flat = (Flat::new(&model, grades, output), Flat::new(&model, grades, output));
    let target = Target { model, output, f, sides, flat };
    let budget = settings.points.min(WORK / target.model.n_parameters().max(1)).max(64);
    let mut points = target.corners(budget / 8);
    points.extend(target.grid(budget / 4));
    let mut random = Stream::Attack { seed: settings.seed }.generator();
    points.extend(target.random(budget / 4, &mut random));
    points.extend(target.along_lines(budget / 4, &mut random));
    let starts = target.worst_of(&points)?;
    Ok(search::climb(&target, &starts, settings.seed, points.len()))
}

/// What is attacked.
struct Target<'a> {
    /// Truncated to the grades in question.
    model: Multigrade,
    output: usize,
    f: &'a Expression,
    sides: &'a [Interval],
    flat: (Flat<f64>, Flat<f32>),
}

impl Target<'_> {
    /// The point whose coordinates are these shares of the sides.
    fn place(&self, shares: impl Iterator<Item = f64>) -> Vec<f64> {
        let coordinate = |(side, share): (&Interval, f64)| {
            let x = side.lower() * (1.0 - share) + side.upper() * share;
            x.clamp(side.lower(), side.upper())
        };
        self.sides.iter().zip(shares).map(coordinate).collect()
    }

    /// The first corners, as many as there are or as asked for.
    fn corners(&self, at_most: usize) -> Vec<Vec<f64>> {
        let d = self.sides.len();
        let n = if d < 20 { at_most.min(1 << d) } else { at_most };
        let bit = |corner: usize, i: usize| if i < 64 && corner >> i & 1 == 1 { 1.0 } else { 0.0 };
        (0..n).map(|corner| self.place((0..d).map(|i| bit(corner, i)))).collect()
    }

    /// A grid with equally many points along every side, faces included.
    fn grid(&self, at_most: usize) -> Vec<Vec<f64>> {
        let d = self.sides.len() as i32;
        let mut n = (at_most as f64).powf(1.0 / f64::from(d)) as usize;
        n = n.max(1);
        let digits = |i: usize| (0..d).map(move |j| (i / n.pow(j as u32) % n) as f64 / (n - 1).max(1) as f64);
        (0..n.pow(d as u32)).map(|i| self.place(digits(i))).collect()
    }

    fn random(&self, n: usize, random: &mut impl rand::Rng) -> Vec<Vec<f64>> {
        let share = Uniform::new_inclusive(0.0, 1.0).expect("0 < 1");
        (0..n)
            .map(|_| self.place((0..self.sides.len()).map(|_| share.sample(random)).collect::<Vec<_>>().into_iter()))
            .collect()
    }

    /// Kinks of the network, and the points halfway between them, on random chords of the box (the whole box if it is an
    /// interval).
    fn along_lines(&self, at_most: usize, random: &mut impl rand::Rng) -> Vec<Vec<f64>> {
        let mut points = Vec::new();
        let mut tries = 0;
        while points.len() < at_most && tries < at_most / 8 + 1 {
            tries += 1;
            let (from, to) = if self.sides.len() == 1 {
                (vec![self.sides[0].lower()], vec![self.sides[0].upper()])
            } else {
                let mut ends = self.random(2, random).into_iter();
                (ends.next().unwrap_or_default(), ends.next().unwrap_or_default())
            };
            let kinks = breakpoints(&self.model, &from, &to, at_most - points.len());
            let between = std::iter::once(0.0).chain(kinks.iter().copied()).zip(kinks.iter().copied().chain([1.0]));
            let shares = kinks.iter().copied().chain(between.map(|(a, b)| (a + b) / 2.0));
            points.extend(shares.map(|share| {
                let line = from.iter().zip(&to).zip(self.sides);
                line.map(|((a, b), side)| (a + share * (b - a)).clamp(side.lower(), side.upper())).collect::<Vec<_>>()
            }));
            if self.sides.len() == 1 {
                break;
            }
        }
        points
    }

    /// The points with the lowest and those with the highest errors, in f64.
    fn worst_of(&self, points: &[Vec<f64>]) -> Result<Vec<Summit>, ModelError> {
        let rows: Vec<f64> = points.iter().flatten().copied().collect();
        let values = Predictor::new(&self.model, Precision::F64).predict(&rows)?;
        let columns: Vec<Vec<f64>> = (0..self.sides.len()).map(|i| points.iter().map(|x| x[i]).collect()).collect();
        let mut errors = vec![0.0; points.len()];
        self.f.eval_block(&columns.iter().map(Vec::as_slice).collect::<Vec<_>>(), &mut errors);
        let m = self.model.n_outputs();
        errors.iter_mut().enumerate().for_each(|(i, e)| *e -= values[i * m + self.output]);
        let mut order: Vec<usize> = (0..points.len()).filter(|&i| !errors[i].is_nan()).collect();
        order.sort_by(|&i, &j| errors[i].total_cmp(&errors[j]).then(i.cmp(&j)));
        let lowest = order.iter().take(STARTS).map(|&i| Summit { at: points[i].clone(), sign: -1.0 });
        let highest = order.iter().rev().take(STARTS).map(|&i| Summit { at: points[i].clone(), sign: 1.0 });
        Ok(lowest.chain(highest).collect())
    }

    /// The errors in f64 and in f32 at up to [`ABREAST`] points; none where `f` may be undefined.
    fn errors(&self, points: &[&[f64]]) -> Vec<Option<[f64; 2]>> {
        let Some(last) = points.last() else { return Vec::new() };
        let abreast: [&[f64]; ABREAST] = std::array::from_fn(|i| *points.get(i).unwrap_or(last));
        let values = self.flat.0.eval(abreast).into_iter().zip(self.flat.1.eval(abreast));
        let errors = |(x, (double, single)): (&&[f64], (f64, f64))| {
            let exact = exact_value(self.f, x)?;
            Some([double, single].map(|value| least_error(exact, value)))
        };
        points.iter().zip(values).map(errors).collect()
    }
}

/// Encloses `f(x)`; `None` where `f` may be undefined.
pub(crate) fn exact_value(f: &Expression, x: &[f64]) -> Option<Interval> {
    let at: Option<Vec<Interval>> = x.iter().map(|&x| Interval::point(x)).collect();
    let exact = f.range(&at?);
    (exact.decoration() >= Decoration::Defined).then_some(exact.interval())
}

/// `exact - value`, moved towards 0 by what is not known of `exact`.
pub(crate) fn least_error(exact: Interval, value: f64) -> f64 {
    let Some(value) = Interval::point(value) else { return f64::INFINITY };
    let error = exact - value;
    if error.lower() > 0.0 { error.lower() } else { error.upper().min(0.0) }
}
