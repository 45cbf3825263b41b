//! What is to be said of a network that approximates a formula on a box: bounds that are proved, errors that were
//! measured, and pictures, as plain data.

use multigrade_model::truth::{Decoration, Domain, Expression, Format, Interval, Proved, ProvedBounds};
use multigrade_model::{Activation, Grade, ModelError, Multigrade};
use serde::Serialize;

use super::extent::{Extent, extents};
use crate::Predictor;
use crate::attack;
use crate::construct::{self, Constructed, GradeFacts, Points};
use crate::prove::{ProveStop, Proven};
use crate::settings::Precision;

/// Everything a report says about a network beside the formula it approximates.
///
/// Three kinds of truth are kept apart: [`ApproximationRow::proved`] and [`ApproximationRow::extent`] hold at every point of
/// the box, [`ApproximationRow::measured`] and [`ApproximationRow::norms`] are about the points that were looked at.
#[derive(Clone, Debug, Serialize)]
pub struct ApproximationReport {
    /// The formula.
    pub function: String,
    /// The box.
    pub domain: String,
    /// Name of the output of the network.
    pub output: String,
    /// The sides of the box, in the order of the inputs of the network.
    pub sides: Vec<Side>,
    /// The bound that was asked for, if one was.
    pub tolerance: Option<f64>,
    /// Whether there is a bound, and one within the tolerance.
    pub reached: bool,
    /// Why the work ended, in words.
    pub stop: String,
    /// Number of points that the norms are about.
    pub points: usize,
    /// Root mean square and largest magnitude of the formula at these points.
    pub size: PointNorms,
    /// One row for each grade.
    pub grades: Vec<ApproximationRow>,
    /// What is drawn; not among the facts.
    #[serde(skip)]
    pub picture: Picture,
}

/// A side of the box.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Side {
    /// Name of the variable.
    pub name: String,
    /// Lower end.
    pub lower: f64,
    /// Upper end.
    pub upper: f64,
}

/// What is known of `f_k` and of grade `k`.
#[derive(Clone, Debug, Serialize)]
pub struct ApproximationRow {
    /// The number `k`, from 1.
    pub grade: usize,
    /// Hidden layers of this grade.
    pub layers: usize,
    /// ReLUs of this grade.
    pub relus: usize,
    /// Neurons of its widest layer.
    pub width: usize,
    /// How it was built, for constructed grades.
    pub built: Option<BuiltRow>,
    /// Bounds of `f - f_k` on the whole box, accepted by the checker.
    pub proved: Option<ProvedRow>,
    /// The largest `|f - f_k|` that was found.
    pub measured: Option<MeasuredRow>,
    /// Norms of `f - f_k` at spread points.
    pub norms: PointNorms,
    /// Enclosures of the network itself; none with activations other than `relu` and `identity`.
    pub extent: Option<Extent>,
}

/// How a grade was built.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct BuiltRow {
    /// Nodes, knots or folds that it added.
    pub nodes: usize,
    /// Deviation of the approximant `p_k` that was asked for.
    pub tolerance: f64,
    /// `t_k`: the deviation `sup |f - p_k|`, proved while building.
    pub deviation: f64,
    /// What the theory promises of full uniform meshes; for other grades nothing.
    pub rate: Option<RateRow>,
}

/// `sup |f - f_k| <= 2 ceil(sqrt d) w(2^-level)`, with the modulus `w(s) <= slope s` of `f` in unit-cube coordinates: the
/// geometric layer-wise rate of arXiv 2604.20219, in the uniform norm.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct RateRow {
    /// The mesh has `2^level` cells a side.
    pub level: u32,
    /// Lipschitz bound of `f` on the unit cube that the box is mapped to, proved.
    pub slope: f64,
    /// The bound of the rate.
    pub bound: f64,
}

/// Lower and upper bounds of `f - f_k`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct ProvedRow {
    /// For the stored weights in real arithmetic.
    pub exact: [f64; 2],
    /// For evaluation in f64, if that was proved.
    pub f64: Option<[f64; 2]>,
    /// For evaluation in f32, if that was proved.
    pub f32: Option<[f64; 2]>,
}

/// The largest errors that were found, each attained at a point.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct MeasuredRow {
    /// Of the network evaluated in f64.
    pub f64: f64,
    /// Of the network evaluated in f32.
    pub f32: f64,
    /// Where the first of them was found.
    pub at: Vec<f64>,
    /// How many points were looked at.
    pub points: usize,
}

/// Norms of values at points; means, not statements about other points.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct PointNorms {
    /// Mean magnitude.
    pub l1: f64,
    /// Root mean square.
    pub l2: f64,
    /// Fourth root of the mean fourth power.
    pub l4: f64,
    /// Largest magnitude.
    pub linf: f64,
}

/// Values of the formula and of every `f_k` at the same places.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Values {
    /// `f`.
    pub target: Vec<f64>,
    /// `f_1, ..., f_K`.
    pub stages: Vec<Vec<f64>>,
}

impl Values {
    /// `f - f_k`, for `k` from 1.
    pub fn residual(&self, k: usize) -> Vec<f64> {
        self.target.iter().zip(&self.stages[k - 1]).map(|(target, value)| target - value).collect()
    }
}

/// What is drawn of an approximation.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Picture {
    /// Nothing.
    #[default]
    None,
    /// One variable: values along the box.
    Curves {
        /// Places, ascending.
        x: Vec<f64>,
        /// The values there.
        values: Values,
    },
    /// Two variables: values at the centers of `side * side` equal cells, row after row; the first variable runs along a row.
    Map {
        /// Cells in a row.
        side: usize,
        /// The values there.
        values: Values,
    },
    /// More variables: values along each axis through one point, and how the residuals are distributed.
    Slices {
        /// The point.
        through: Vec<f64>,
        /// For each variable, places along it and the values there.
        slices: Vec<(Vec<f64>, Values)>,
        /// For each grade, magnitudes of the residual at spread points, ascending.
        spread: Vec<Vec<f64>>,
    },
}

/// Places along one variable.
const ALONG: usize = 1200;

/// Cells of a map in each direction, at most and at least.
const CELLS: [usize; 2] = [80, 24];

/// Products that one picture may take.
const WORK: usize = 1 << 29;

/// Parts of the box on which the slopes of the formula are enclosed.
const PARTS: usize = 4096;

/// A network and the formula it approximates.
struct Subject<'a> {
    model: &'a Multigrade,
    output: usize,
    /// Its arguments are the inputs of the network, in order.
    function: Expression,
    sides: Vec<Interval>,
    proved: &'a [ProvedBounds],
    attacked: Vec<Option<&'a attack::Measured>>,
    built: &'a [GradeFacts],
}

impl ApproximationReport {
    /// The report on a construction of `function` on `domain`.
    ///
    /// # Errors
    /// [`ModelError::Shape`] if formula and box are not those of the construction.
    pub fn of_construction(
        made: &Constructed,
        function: &Expression,
        domain: &Domain,
        tolerance: f64,
    ) -> Result<Self, ModelError> {
        let mut subject = Subject::new(&made.model, 0, function, domain, made.certificate.as_ref().map(|c| &c.1))?;
        subject.attacked = made.attacked.iter().map(Option::as_ref).collect();
        subject.built = &made.grades;
        let reached = made.stop == construct::Stop::Reached;
        subject.report(function, domain, Some(tolerance), reached, made.stop.sentence())
    }

    /// The report on what was proved of an output (from 0) of a model.
    ///
    /// # Errors
    /// [`ModelError::Shape`] if formula and box do not fit the model.
    pub fn of_proof(
        model: &Multigrade,
        output: usize,
        proven: &Proven,
        function: &Expression,
        domain: &Domain,
        tolerance: Option<f64>,
    ) -> Result<Self, ModelError> {
        let mut subject = Subject::new(model, output, function, domain, proven.certificate.as_ref().map(|c| &c.1))?;
        subject.attacked = proven.grades.iter().map(|(_, found)| found.measured.as_ref()).collect();
        let bound = subject.bounds(model.grades().len()).map_or(f64::INFINITY, |proved| proved.bound());
        let reached = bound.is_finite() && tolerance.is_none_or(|tolerance| bound <= tolerance);
        let stop = match proven.headline().stop {
            ProveStop::Reached => "the goal was reached",
            ProveStop::Boxes => "the boxes were used up",
            ProveStop::Time => "the time limit was reached",
            ProveStop::Interrupted => "interrupted; this is the best bound so far",
            ProveStop::Stuck => "no cut of the box that holds the bound up helps",
        };
        subject.report(function, domain, tolerance, reached, stop)
    }

    /// The row of the whole network.
    pub fn last(&self) -> Option<&ApproximationRow> {
        self.grades.last()
    }
}

impl From<&ProvedBounds> for ProvedRow {
    fn from(bounds: &ProvedBounds) -> Self {
        let ends = |x: Interval| [x.lower(), x.upper()];
        let format = |format| bounds.evaluated(format).map(ends);
        Self { exact: ends(bounds.exact()), f64: format(Format::F64), f32: format(Format::F32) }
    }
}

impl ProvedRow {
    /// The bound of `|f - f_k|` in real arithmetic and in f64; infinite if there is none for f64.
    pub fn bound(&self) -> f64 {
        magnitude(self.exact).max(self.f64.map_or(f64::INFINITY, magnitude))
    }
}

/// The largest magnitude between two ends.
pub fn magnitude([lower, upper]: [f64; 2]) -> f64 {
    upper.abs().max(lower.abs())
}

impl PointNorms {
    fn of(residuals: &[f64]) -> Self {
        let construct::Measured { norms, l4 } = construct::Measured::of(residuals);
        Self { l1: norms.l1, l2: norms.l2, l4, linf: norms.linf }
    }
}

impl<'a> Subject<'a> {
    fn new(
        model: &'a Multigrade,
        output: usize,
        function: &Expression,
        domain: &Domain,
        proved: Option<&'a Proved>,
    ) -> Result<Self, ModelError> {
        let names = model.schema().input_names();
        let shape = |what| ModelError::Shape { what, expected: names.len(), found: domain.names().len() };
        let side = |name: &&str| domain.names().iter().position(|n| n == name).map(|i| domain.sides()[i]);
        let sides: Option<Vec<Interval>> = names.iter().map(side).collect();
        let function = function.with_variables(&names).map_err(|_| shape("variables of the function"))?;
        Ok(Self {
            model,
            output,
            function,
            sides: sides.ok_or_else(|| shape("sides of the box"))?,
            proved: proved.map_or(&[], Proved::bounds),
            attacked: Vec::new(),
            built: &[],
        })
    }

    fn report(
        &self,
        function: &Expression,
        domain: &Domain,
        tolerance: Option<f64>,
        reached: bool,
        stop: &str,
    ) -> Result<ApproximationReport, ModelError> {
        let points = Points::of(&self.function, &self.sides);
        let residuals = points.residuals(self.model, self.output)?;
        let extents = extents(self.model, self.output, &self.sides);
        let slope = self.built.iter().any(|facts| facts.level.is_some()).then(|| self.slope()).flatten();
        let row = |(i, grade): (usize, &Grade)| {
            let (proved, built) = (self.bounds(i + 1), self.built.get(i));
            ApproximationRow {
                grade: i + 1,
                norms: PointNorms::of(&residuals[i + 1]),
                extent: extents.as_ref().and_then(|extents| extents.get(i).cloned()),
                measured: self.attacked.get(i).copied().flatten().map(MeasuredRow::new),
                built: built.map(|facts| BuiltRow {
                    nodes: facts.nodes,
                    tolerance: facts.tolerance,
                    deviation: facts.deviation,
                    rate: self.rate(facts.level, slope, proved),
                }),
                proved,
                ..ApproximationRow::of(grade)
            }
        };
        let side =
            |(name, side): (&str, &Interval)| Side { name: name.to_owned(), lower: side.lower(), upper: side.upper() };
        Ok(ApproximationReport {
            function: function.to_string(),
            domain: domain.to_string(),
            output: self.model.schema().output_names()[self.output].to_owned(),
            sides: self.model.schema().input_names().into_iter().zip(&self.sides).map(side).collect(),
            tolerance,
            reached,
            stop: stop.to_owned(),
            points: points.len(),
            size: PointNorms::of(&residuals[0]),
            grades: self.model.grades().iter().enumerate().map(row).collect(),
            picture: self.picture(&residuals[1..])?,
        })
    }

    /// What is proved of `f_k`.
    fn bounds(&self, k: usize) -> Option<ProvedRow> {
        self.proved.iter().find(|bounds| bounds.grades() == k).map(ProvedRow::from)
    }

    /// The rate of a full uniform mesh, where the proved bound keeps it.
    fn rate(&self, level: Option<u32>, slope: Option<f64>, proved: Option<ProvedRow>) -> Option<RateRow> {
        let (level, slope) = (level?, slope?);
        let factor = 2.0 * (self.sides.len() as f64).sqrt().ceil();
        let bound = factor * slope * 0.5f64.powi(level as i32);
        (magnitude(proved?.exact) <= bound).then_some(RateRow { level, slope, bound })
    }

    /// A Lipschitz bound of the formula on the unit cube that the box is mapped to; none where it is not known to be
    /// continuous and of finite slope.
    fn slope(&self) -> Option<f64> {
        let d = self.sides.len();
        let n = (PARTS as f64).powf(1.0 / d as f64).floor().max(1.0) as usize;
        let part = |index: usize| -> Option<Vec<Interval>> {
            let end = |side: &Interval, j: usize| match j {
                0 => side.lower(),
                j if j == n => side.upper(),
                j => side.lower() + side.width() * (j as f64 / n as f64),
            };
            let digit = |i: usize| index / n.pow(i as u32) % n;
            let cut = |(i, side): (usize, &Interval)| Interval::new(end(side, digit(i)), end(side, digit(i) + 1));
            self.sides.iter().enumerate().map(cut).collect()
        };
        let steepness = |index: usize| -> Option<f64> {
            let jet = self.function.gradient(&part(index)?);
            if jet.value().decoration() < Decoration::Continuous {
                return None;
            }
            let scaled = jet.gradient().iter().zip(&self.sides).map(|(slope, side)| {
                let length = Interval::point(side.width()).unwrap_or(Interval::ENTIRE);
                (slope.abs() * length) * (slope.abs() * length)
            });
            let slope = scaled.fold(Interval::ZERO, |sum, square| sum + square).sqrt().upper();
            slope.is_finite().then_some(slope)
        };
        (0..n.pow(d as u32)).try_fold(0.0, |largest: f64, index| Some(largest.max(steepness(index)?)))
    }

    fn picture(&self, residuals: &[Vec<f64>]) -> Result<Picture, ModelError> {
        let affordable = (WORK / self.model.n_parameters().max(1)).max(1);
        Ok(match self.sides.as_slice() {
            [] => Picture::None,
            [side] => {
                let x = along(*side, ALONG.min(affordable.max(100)));
                let values = self.values(&x.iter().map(|x| vec![*x]).collect::<Vec<_>>())?;
                Picture::Curves { x, values }
            }
            [across, up] => {
                let side = ((affordable as f64).sqrt() as usize).clamp(CELLS[1], CELLS[0]);
                let center = |of: &Interval, i: usize| of.lower() + of.width() * ((i as f64 + 0.5) / side as f64);
                let places = (0..side * side).map(|i| vec![center(across, i % side), center(up, i / side)]);
                Picture::Map { side, values: self.values(&places.collect::<Vec<_>>())? }
            }
            sides => {
                let through = self.worst();
                let n = (affordable / sides.len()).clamp(60, ALONG / 3);
                let slice = |(i, side): (usize, &Interval)| {
                    let x = along(*side, n);
                    let place = |x: &f64| {
                        let mut place = through.clone();
                        place[i] = *x;
                        place
                    };
                    let values = self.values(&x.iter().map(place).collect::<Vec<_>>())?;
                    Ok((x, values))
                };
                let slices = sides.iter().enumerate().map(slice).collect::<Result<_, ModelError>>()?;
                let sorted = |residuals: &Vec<f64>| {
                    let mut sizes: Vec<f64> = residuals.iter().map(|r| r.abs()).filter(|r| r.is_finite()).collect();
                    sizes.sort_by(f64::total_cmp);
                    sizes
                };
                Picture::Slices { through, slices, spread: residuals.iter().map(sorted).collect() }
            }
        })
    }

    /// The worst point found for the whole network, or the center.
    fn worst(&self) -> Vec<f64> {
        let center = || self.sides.iter().map(|side| side.midpoint()).collect();
        self.attacked.last().copied().flatten().map_or_else(center, |measured| measured.f64.worst().at.clone())
    }

    fn values(&self, places: &[Vec<f64>]) -> Result<Values, ModelError> {
        let rows: Vec<f64> = places.iter().flatten().copied().collect();
        let m = self.model.n_outputs();
        let stages = Predictor::new(self.model, Precision::F64).staged(&rows)?;
        let own = |values: &Vec<f64>| values.iter().skip(self.output).step_by(m).copied().collect();
        Ok(Values {
            target: places.iter().map(|place| self.function.eval(place)).collect(),
            stages: stages.iter().map(own).collect(),
        })
    }
}

/// `n` places from end to end of a side.
fn along(side: Interval, n: usize) -> Vec<f64> {
    let at = |i: usize| (side.lower() + side.width() * (i as f64 / (n - 1) as f64)).min(side.upper());
    (0..n).map(at).collect()
}

impl MeasuredRow {
    fn new(found: &attack::Measured) -> Self {
        let worst = found.f64.worst();
        Self { f64: worst.error.abs(), f32: found.f32.largest(), at: worst.at.clone(), points: found.points }
    }
}

impl ApproximationRow {
    /// What a grade is, without anything that would have to be proved or measured.
    fn of(grade: &Grade) -> Self {
        let layers = grade.branches().iter().map(Vec::len).max().unwrap_or(0);
        let width = |i: usize| grade.branches().iter().filter_map(|b| b.get(i)).map(|layer| layer.outputs()).sum();
        let relus = grade.branches().iter().flatten().filter(|layer| layer.activation() == Activation::Relu);
        Self {
            grade: 0,
            layers,
            relus: relus.map(|layer| layer.outputs()).sum(),
            width: (0..layers).map(width).max().unwrap_or(0),
            built: None,
            proved: None,
            measured: None,
            norms: PointNorms { l1: f64::NAN, l2: f64::NAN, l4: f64::NAN, linf: f64::NAN },
            extent: None,
        }
    }
}
