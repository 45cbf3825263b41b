//! What is known of each grade: what follows from its construction, and what was measured at points.

use super::Built;
use super::target::Target;
use crate::predictor::Predictor;
use crate::settings::Precision;
use multigrade_model::truth::{Expression, Interval};
use multigrade_model::{Grade, GradeRecord, ModelError, Multigrade, Norms};

/// Points at which residuals are measured.
const POINTS: usize = 4_000;

/// Sizes of a residual at points: means, not statements about other points.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Measured {
    /// Mean, root mean square and largest magnitude.
    pub norms: Norms,
    /// The fourth root of the mean fourth power.
    pub l4: f64,
}

/// What is known of a grade.
#[derive(Clone, Copy, Debug)]
pub struct GradeFacts {
    /// Number of the grade, from 1.
    pub grade: usize,
    /// Deviation of the approximant that was asked for.
    pub tolerance: f64,
    /// `t_k`: the deviation of the approximant, proved while building, in exact arithmetic.
    pub deviation: f64,
    /// What follows from it for `|f - f_k|`: twice that in the monotone scheme.
    pub bound: f64,
    /// Nodes, knots or folds that it added; of a compiled formula, ReLUs that take both signs on the box.
    pub nodes: usize,
    /// Hidden layers.
    pub layers: usize,
    /// Hidden neurons.
    pub relus: usize,
    /// Neurons of its widest layer.
    pub width: usize,
    /// `l`, if its approximant interpolates on the uniform mesh of `2^l` cells a side, up to a constant.
    pub level: Option<u32>,
    /// The residual after this grade, at points.
    pub measured: Measured,
}

impl Measured {
    const UNKNOWN: Self = Self { norms: Norms { l1: f64::NAN, l2: f64::NAN, linf: f64::NAN }, l4: f64::NAN };

    pub(crate) fn of(residuals: &[f64]) -> Self {
        let norms = Norms::of(residuals, None);
        let largest = norms.linf.max(f64::MIN_POSITIVE);
        let mean = residuals.iter().map(|r| (r / largest).powi(4)).sum::<f64>() / residuals.len().max(1) as f64;
        Self { norms, l4: largest * mean.sqrt().sqrt() }
    }
}

impl GradeFacts {
    /// What follows from the construction; `factor` times the deviation is the bound.
    pub(super) fn of(grade: usize, built: &Built, tolerance: f64, factor: f64) -> Self {
        let facts = Self::of_grade(grade, &built.grade, tolerance, built.deviation, built.nodes);
        Self { bound: factor * built.deviation, level: built.level, ..facts }
    }

    /// The same of a grade whose deviation is its bound.
    pub(super) fn of_grade(number: usize, grade: &Grade, tolerance: f64, deviation: f64, nodes: usize) -> Self {
        let layers = grade.branches()[0].iter();
        Self {
            grade: number,
            tolerance,
            deviation,
            bound: deviation,
            nodes,
            layers: layers.len(),
            relus: layers.clone().map(|l| l.outputs()).sum(),
            width: layers.map(|l| l.outputs()).max().unwrap_or(0),
            level: None,
            measured: Measured::UNKNOWN,
        }
    }

    /// The record of this grade; `before` is the root mean square before it.
    pub(super) fn record(&self, grade: &Grade, before: f64) -> GradeRecord {
        let norms = self.measured.norms;
        GradeRecord {
            grade: self.grade,
            hidden: grade.describe(),
            parameters: grade.n_parameters(),
            solver: "construction".into(),
            readout: "constructed".into(),
            weight_decay: 0.0,
            updates: 0,
            stop: format!("{} nodes, deviation of the approximant {:.3e}", self.nodes, self.deviation),
            loss_before: before * before,
            loss_after: norms.l2 * norms.l2,
            train: vec![norms],
            validation: None,
            scores: None,
            proof: None,
        }
    }
}

/// The record before any grade.
pub(super) fn record_of_nothing(start: Measured) -> GradeRecord {
    let loss = start.norms.l2 * start.norms.l2;
    GradeRecord {
        grade: 0,
        hidden: "none".into(),
        parameters: 0,
        solver: "none".into(),
        readout: "none".into(),
        weight_decay: 0.0,
        updates: 0,
        stop: String::new(),
        loss_before: loss,
        loss_after: loss,
        train: vec![start.norms],
        validation: None,
        scores: None,
        proof: None,
    }
}

/// Points of the box with the target's values.
pub(crate) struct Points {
    inputs: Vec<f64>,
    values: Vec<f64>,
}

impl Points {
    /// Well spread points: multiples of powers of the root of `g^(d+1) = g + 1`, modulo 1.
    pub(super) fn new(target: &dyn Target, sides: &[Interval]) -> Self {
        let d = sides.len();
        let root = (0..60).fold(1.5f64, |g, _| (1.0 + g).powf(1.0 / (d as f64 + 1.0)));
        let z = |n: usize, i: usize| (0.5 + n as f64 * root.powi(-(i as i32 + 1))).fract();
        let at = |i: usize, z: f64| sides[i].lower() + (sides[i].upper() - sides[i].lower()) * z;
        let inputs: Vec<f64> = (0..POINTS).flat_map(|n| (0..d).map(move |i| at(i, z(n, i)))).collect();
        let values = inputs.chunks(d).map(|x| target.sample(x)).collect();
        Self { inputs, values }
    }

    /// Those of a formula whose arguments are the sides.
    pub(crate) fn of(target: &Expression, sides: &[Interval]) -> Self {
        Self::new(target, sides)
    }

    pub(crate) fn len(&self) -> usize {
        self.values.len()
    }

    /// The largest magnitude of the target.
    pub(super) fn size(&self) -> f64 {
        self.values.iter().fold(0.0, |size, y| size.max(y.abs()))
    }

    /// The residuals of `f_0 = 0, f_1, ..., f_K` at the points, for one output.
    pub(crate) fn residuals(&self, model: &Multigrade, output: usize) -> Result<Vec<Vec<f64>>, ModelError> {
        let m = model.n_outputs();
        let stages = Predictor::new(model, Precision::F64).staged(&self.inputs)?;
        let left = |values: &Vec<f64>| {
            let values = values.iter().skip(output).step_by(m);
            self.values.iter().zip(values).map(|(y, v)| y - v).collect()
        };
        Ok(std::iter::once(self.values.clone()).chain(stages.iter().map(left)).collect())
    }

    /// The norms of the residuals of `f_0 = 0, f_1, ..., f_K`.
    pub(crate) fn norms(&self, model: &Multigrade, output: usize) -> Result<Vec<Measured>, ModelError> {
        Ok(self.residuals(model, output)?.iter().map(|residuals| Measured::of(residuals)).collect())
    }
}
