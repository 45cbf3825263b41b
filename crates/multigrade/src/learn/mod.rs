//! Networks learned from a formula: trained grade by grade on fresh points of the box, then proved.
//!
//! ```text
//! for k = 1, 2, ...:   draw points of the box, evaluate the formula, train grade k on what f_{k-1} left there
//! proof                f - f_k within bounds on the whole box, for every k
//! projection           if asked for: F_k = the nearest number to F_{k-1} within the proved tube around f_k,
//!                      so that |f - F_k| <= |f - F_{k-1}| at every point; and the proof again
//! ```
//!
//! Training promises nothing about points between the samples; the proof does, for every point of the box. Networks that are
//! [constructed](crate::construct) from the formula are far more accurate; trained ones are what people have.

mod project;
mod settings;

pub use settings::LearnSettings;

use crate::construct::Points;
use crate::fit::{Climb, FitError, NextGrade, Proposal, Rows, Scalings, Stop};
use crate::grade::GradeTask;
use crate::observer::{Event, Observer, Progress};
use crate::plan::Planner;
use crate::prove::{Goal, ProveError, ProveSettings, Proven, prove};
use crate::samples::{Samples, SamplesError};
use crate::settings::{FitSettings, Grades, SettingsError, Valid};
use crate::training::Stream;
use multigrade_model::truth::{Domain, Expression, Format, Interval};
use multigrade_model::{
    Grade, GradeRecord, History, InputColumn, ModelError, Multigrade, Norms, Note, OutputColumn, Schema,
};
use rand::distr::{Distribution, Uniform};
use std::time::Instant;

/// A further grade is not begun once the largest error at the points that judge is below this share of the tolerance: what
/// the proof adds has to fit in between.
const ENOUGH: f64 = 0.7;

/// Points are drawn from a box that is wider by this share of each side, at both ends, and moved to the nearest point of the
/// box: errors are largest at its faces.
const BEYOND: f64 = 0.03;

/// What cannot be learned, or not be proved.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum LearnError {
    /// The formula has a variable that the box has not.
    #[error("the formula has the variable '{name}', but the box has no side '{name}'; it has {sides}")]
    Variable {
        /// The variable.
        name: String,
        /// The names of the sides.
        sides: String,
    },
    /// A tolerance that is not a positive number.
    #[error("tolerance: found {found}, expected a positive number")]
    Tolerance {
        /// The tolerance.
        found: f64,
    },
    /// The formula has no finite value at a point of the box.
    #[error(
        "the function has the value {found} at {place}; choose a box in which it is defined and bounded everywhere"
    )]
    Undefined {
        /// The point.
        place: String,
        /// Its value there.
        found: f64,
    },
    /// The samples cannot be used.
    #[error(transparent)]
    Samples(#[from] SamplesError),
    /// The training failed.
    #[error(transparent)]
    Fit(#[from] FitError),
    /// Numbers so large that the parts do not make a model.
    #[error("the network cannot be stored: {0}")]
    Model(#[from] ModelError),
    /// The proof could not be tried.
    #[error(transparent)]
    Prove(#[from] ProveError),
}

/// A network learned from a formula, and what is proved of it.
#[derive(Clone, Debug)]
pub struct Learned {
    /// The network.
    pub model: Multigrade,
    /// What was proved and measured of every grade.
    pub proven: Proven,
    /// Why no further grade was added.
    pub stop: Stop,
    /// Whether the grades were projected, so that no point's residual grows. Where a tube is missing they are not.
    pub is_projected: bool,
    /// Seconds spent on training each grade.
    pub seconds: Vec<f64>,
}

impl Learned {
    /// The bound of `|formula - network|` that is proved on the box, in real arithmetic and for evaluation in f64; infinite if there
    /// is none.
    pub fn bound(&self) -> f64 {
        let proved = self.proven.certificate.as_ref().map(|(_, proved)| proved.bounds());
        let last = proved.and_then(|bounds| bounds.iter().find(|b| b.grades() == self.model.grades().len()));
        let sizes = last.map(|b| (b.exact().magnitude(), b.evaluated(Format::F64).map(|e| e.magnitude())));
        match sizes {
            Some((exact, Some(computed))) => exact.max(computed),
            _ => f64::INFINITY,
        }
    }
}

/// Trains a network on fresh points of the box for every grade, and proves how far every `f_k` is from the formula on the whole box.
///
/// With a `tolerance`, automatic grades end once the errors at points leave room for the proof, and the proof ends as soon as the tolerance is
/// proved; without one, bounds are made tight. Whether the tolerance is proved says [`Learned::bound`]. The same for any
/// number of threads, unless a time limit bites.
///
/// # Errors
/// [`LearnError`]: names that do not fit, a formula that is not finite at a point. A bound that is missed, or that does not exist
/// because the formula jumps, is no error: see [`Proven::headline`].
///
/// ```
/// use multigrade::learn::{LearnSettings, learn};
/// use multigrade::truth::{Domain, Expression};
/// use multigrade::{FitSettings, Grades, silent};
/// let (f, domain) = (Expression::parse("sin(3*x)")?, Domain::parse("x = 0..1")?);
/// let fit = FitSettings { grades: Grades::List(vec!["8".parse()?, "8".parse()?]), ..LearnSettings::default().fit };
/// let settings = LearnSettings { fit, rows: 500, ..LearnSettings::default() }.validate()?;
/// let learned = learn(&f, &domain, None, &settings, &mut silent())?;
/// let measured = learned.proven.headline().measured.as_ref().map_or(0.0, |m| m.f64.largest());
/// assert!(measured <= learned.bound() && learned.bound() < 0.1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn learn(
    formula: &Expression,
    domain: &Domain,
    tolerance: Option<f64>,
    settings: &Valid<LearnSettings>,
    observer: &mut dyn Observer,
) -> Result<Learned, LearnError> {
    let start = Instant::now();
    if let Some(found) = tolerance.filter(|tolerance| !(*tolerance > 0.0 && tolerance.is_finite())) {
        return Err(LearnError::Tolerance { found });
    }
    let target = formula.with_variables(domain.names()).map_err(|name| {
        let sides = domain.names().iter().map(|n| format!("'{n}'")).collect::<Vec<_>>().join(", ");
        LearnError::Variable { name, sides }
    })?;
    let task = Task { formula, target, domain, tolerance, settings, start };
    let Trained { model, stop, seconds } = task.train(observer)?;
    // The tube of the last grade is half as wide as the error that the projection may leave.
    let goal = task.goal(if settings.project { 0.5 } else { 1.0 });
    let proven = task.prove(&model, goal, if settings.project { 0.5 } else { 1.0 }, observer)?;
    let learned = Learned { model, proven, stop, is_projected: false, seconds };
    if !settings.project {
        return Ok(learned);
    }
    match task.projection(&learned)? {
        None => Ok(learned),
        Some(model) => {
            let proven = task.prove(&model, task.goal(1.0), 1.0, observer)?;
            Ok(Learned { model, proven, is_projected: true, ..learned })
        }
    }
}

/// What is to be learned.
struct Task<'a> {
    formula: &'a Expression,
    /// The formula; its variables are the sides of the box, in order.
    target: Expression,
    domain: &'a Domain,
    tolerance: Option<f64>,
    settings: &'a LearnSettings,
    start: Instant,
}

struct Trained {
    model: Multigrade,
    stop: Stop,
    seconds: Vec<f64>,
}

/// The plans of a fit, for a list of grades that ends by itself.
struct Plans<'a> {
    planner: Planner<'a>,
    is_automatic: bool,
}

impl NextGrade for Plans<'_> {
    fn next(&mut self, task: &GradeTask) -> Result<Result<Proposal, Stop>, FitError> {
        self.planner.next(task)
    }

    fn after_trivial(&mut self, task: &GradeTask) -> Option<Stop> {
        if self.is_automatic { Some(Stop::Trivial) } else { self.planner.after_trivial(task) }
    }

    fn is_automatic(&self) -> bool {
        self.is_automatic
    }
}

impl Task<'_> {
    fn train(&self, observer: &mut dyn Observer) -> Result<Trained, LearnError> {
        let fit: FitSettings = self.settings.plan(self.domain.names().len());
        // Half of the time is for the proof.
        let progress = Progress::new(observer, fit.time_limit.map(|limit| 0.5 * limit));
        let is_automatic = matches!(self.settings.fit.grades, Grades::Auto { .. });
        let first = self.samples(1, false)?;
        let scaling = Scalings::of(&first, &fit)?;
        let mut plans = Plans { planner: Planner::new(&fit, &first), is_automatic };
        let judge = self.samples(1, true)?;
        let mut climb = Climb::new(Rows::new(&first, Some(&judge), &scaling, fit.memory).first_record(&scaling));
        let enough = self.tolerance.map_or(0.0, |tolerance| ENOUGH * self.share() * tolerance);
        loop {
            let k = climb.grades.len() + 1;
            let (train, judge) = (self.samples(k, false)?, self.samples(k, true)?);
            let mut rows = Rows::new(&train, Some(&judge), &scaling, fit.memory).after(&climb.grades);
            if !climb.add(&mut rows, &scaling, &fit, &mut plans, &progress)? {
                break;
            }
            let left = climb.records.last().and_then(|record| record.validation.as_ref()).map_or(0.0, |v| v[0].linf);
            if is_automatic && left <= enough {
                let text = format!("after grade {k} no error at {} fresh points is above {left:.3e}", judge.rows());
                progress.send(&Event::Note(&text));
                climb.stop = Stop::Complete;
                break;
            }
        }
        let text = format!(
            "learned from a formula: {} fresh points of the box for every grade, and {} to judge it on",
            self.settings.rows,
            judge.rows()
        );
        let mut notes = vec![Note { grade: 0, text }];
        notes.extend(plans.planner.into_notes());
        let history = History {
            data: String::new(),
            train_rows: self.settings.rows,
            validation_rows: judge.rows(),
            refit: false,
            stop: climb.stop.sentence().into(),
            notes,
            grades: climb.records,
        };
        let side = |(name, side): (&String, &Interval)| InputColumn {
            name: name.clone(),
            min: side.lower(),
            max: side.upper(),
        };
        let schema = Schema {
            inputs: self.domain.names().iter().zip(self.domain.sides()).map(side).collect(),
            outputs: vec![OutputColumn { name: "f".into() }],
            ..Schema::default()
        };
        let document = serde_json::json!({
            "learn": self.settings, "function": self.formula.to_string(), "domain": self.domain.to_string(), "tolerance": self.tolerance
        });
        let model = Multigrade::new(schema, scaling.inputs, scaling.outputs, climb.grades, history, document)?;
        Ok(Trained { model, stop: climb.stop, seconds: climb.seconds })
    }

    /// The share of the tolerance that the trained network may have: a projection may double its error.
    fn share(&self) -> f64 {
        if self.settings.project { 0.5 } else { 1.0 }
    }

    /// Points of the box for grade `k`, with the values of the formula.
    fn samples(&self, k: usize, judged: bool) -> Result<Samples, LearnError> {
        let (sides, rows) = (self.domain.sides(), self.settings.rows);
        let rows = if judged { rows.div_ceil(2) } else { rows };
        let seed = self.settings.fit.seed;
        let mut random = Stream::Points { seed, grade: k as u64, judged }.generator();
        let place = Uniform::new(-BEYOND, 1.0 + BEYOND).unwrap_or_else(|_| unreachable!("a range of positive length"));
        let mut inputs = Vec::with_capacity(rows * sides.len());
        for _ in 0..rows {
            for side in sides {
                let share = place.sample(&mut random).clamp(0.0, 1.0);
                inputs.push((side.lower() + share * side.width()).clamp(side.lower(), side.upper()));
            }
        }
        let mut values = Vec::with_capacity(rows);
        for x in inputs.chunks(sides.len()) {
            let value = self.target.eval(x);
            if !value.is_finite() {
                let at = self.domain.names().iter().zip(x).map(|(name, x)| format!("{name}={x}"));
                return Err(LearnError::Undefined { place: at.collect::<Vec<_>>().join(", "), found: value });
            }
            values.push(value);
        }
        Ok(Samples::new(sides.len(), 1, inputs, values, None)?)
    }

    fn goal(&self, share: f64) -> Goal {
        self.tolerance.map_or(ProveSettings::default().goal, |tolerance| Goal::Within(share * tolerance))
    }

    /// Proves every grade, in this share of the time that is left.
    fn prove(
        &self,
        model: &Multigrade,
        goal: Goal,
        share: f64,
        observer: &mut dyn Observer,
    ) -> Result<Proven, LearnError> {
        let left = |limit: f64| (share * (limit - self.start.elapsed().as_secs_f64())).max(0.5);
        let time_limit = self.settings.fit.time_limit.map(left);
        let settings = ProveSettings { goal, boxes: self.settings.boxes, time_limit, ..ProveSettings::default() };
        let settings = settings
            .validate()
            .map_err(|SettingsError { .. }| LearnError::Tolerance { found: self.tolerance.unwrap_or(f64::NAN) })?;
        Ok(prove(model, 0, self.formula, self.domain, &settings, observer)?)
    }

    /// The trained network with its grades projected; none if one of them has no proved tube, or the formula no bound.
    fn projection(&self, trained: &Learned) -> Result<Option<Multigrade>, LearnError> {
        let model = &trained.model;
        let Some((_, proved)) = &trained.proven.certificate else { return Ok(None) };
        let tube = |k: usize| proved.bounds().iter().find(|b| b.grades() == k).map(|b| b.exact());
        let Some(tubes) = (1..=model.grades().len()).map(tube).collect::<Option<Vec<Interval>>>() else {
            return Ok(None);
        };
        let exact = |x: f64| Interval::point(x).unwrap_or(Interval::ENTIRE);
        let size =
            (self.target.range(self.domain.sides()).interval() - exact(model.output_scaling().center()[0])).magnitude();
        if !size.is_finite() || tubes.is_empty() {
            return Ok(None);
        }
        let scaling = model.input_scaling();
        let scaled = self.domain.sides().iter().zip(scaling.center().iter().zip(scaling.scale()));
        let inputs: Vec<f64> = scaled.map(|(side, (c, s))| ((*side - exact(*c)) / exact(*s)).magnitude()).collect();
        let projected = project::project(model, &tubes, &inputs, size)?;
        Ok(Some(self.with_history(model, &projected)?))
    }

    /// The projected network with the history of the trained one, and norms that were measured anew.
    fn with_history(&self, trained: &Multigrade, projected: &Multigrade) -> Result<Multigrade, LearnError> {
        let points = Points::of(&self.target, self.domain.sides());
        let norms = points.norms(projected, 0)?;
        let unit = trained.output_scaling().scale()[0];
        let mut history = trained.history().clone();
        let text = format!(
            "projected onto proved tubes, which changes the norms; they were measured at {} points",
            points.len()
        );
        history.notes.push(Note { grade: trained.grades().len(), text });
        let mut before = history.grades[0].loss_after;
        let records = history.grades.iter_mut().skip(1).zip(projected.grades()).zip(&norms[1..]);
        for ((record, grade), norms) in records {
            let after = (norms.norms.l2 / unit).powi(2);
            *record = projected_record(record, grade, [before, after], norms.norms);
            before = after;
        }
        let (schema, settings) = (projected.schema().clone(), projected.settings().clone());
        let (x, y) = (projected.input_scaling().clone(), projected.output_scaling().clone());
        Ok(Multigrade::new(schema, x, y, projected.grades().to_vec(), history, settings)?)
    }
}

fn projected_record(trained: &GradeRecord, grade: &Grade, losses: [f64; 2], norms: Norms) -> GradeRecord {
    GradeRecord {
        hidden: grade.describe(),
        parameters: grade.n_parameters(),
        readout: "projection".into(),
        loss_before: losses[0],
        loss_after: losses[1],
        train: vec![norms],
        validation: None,
        ..trained.clone()
    }
}
