//! The loop over grades.
//!
//! ```text
//! h_0 = x, r_0 = y
//! for k = 1, 2, ...:
//!     choose what grade k looks like
//!     train its hidden stack H_k on (h_{k-1}, r_{k-1}), solve its readout g_k
//!     h_k = H_k(h_{k-1}),  r_k = r_{k-1} - g_k(h_k)          the grade is frozen
//!     stop when the grade is trivial or held-out rows say that it does not help
//! ```

use crate::convex::ConvexError;
use crate::features::Slice;
use crate::front::{Front, class_scaling, standardisation};
use crate::grade::{Built, GradePlan, GradeTask, Origin, build_grade};
use crate::observer::{Cut, Event, Observer, Progress};
use crate::plan::Planner;
use crate::rival::{self, Rival};
use crate::settings::{FitSettings, Grades, ReadoutRule, Solver, Valid};
use crate::split::split;
use crate::{Samples, SamplesError, training};
use multigrade_model::{
    Classes, Grade, GradeRecord, GradeScores, History, InputColumn, ModelError, Multigrade, Note, OutputColumn,
    Scaling, Schema,
};
use std::time::Instant;

/// A grade that lowers the training loss by less than this fraction is trivial and not kept.
const TRIVIAL: f64 = 1e-12;

/// An automatic grade is kept if it lowers the held-out loss at least by this fraction (experiment, no theory): less
/// is within what another seed would change.
const WORTHWHILE: f64 = 0.02;

/// A fitted model and why the loop over grades ended.
#[derive(Clone, Debug)]
pub struct Fitted {
    /// The model; its history holds one record per grade.
    pub model: Multigrade,
    /// Why no further grade was added.
    pub stop: Stop,
    /// Wall-clock seconds spent on each grade, choosing and refitting included; 0 for grades that were there before. Not
    /// part of the model.
    pub seconds: Vec<f64>,
    /// Rows of the samples that were held out for validation; empty if held-out samples were given.
    pub held_out: Vec<usize>,
    /// What the grades say about the held-out rows, `(n, m)`, before any refit on them.
    pub held_out_predictions: Vec<f64>,
}

/// A fit that could not be made.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum FitError {
    /// The held-out samples have other columns than the samples.
    #[error("the held-out samples have {found} {what}, the samples {expected}; both need the same columns")]
    ColumnsDiffer {
        /// Inputs or targets.
        what: &'static str,
        /// Columns of the samples.
        expected: usize,
        /// Columns of the held-out samples.
        found: usize,
    },
    /// The held-out samples have missing cells filled in another way than the samples.
    #[error(
        "the missing cells of the held-out samples are filled in another way than those of the samples; fill both by one \
         imputation, learned from the samples"
    )]
    ImputationsDiffer,
    /// A grade has too many weights.
    #[error(
        "a grade of these settings has {found} weights, the limit is {limit}; use smaller widths or fewer branches"
    )]
    TooLarge {
        /// Number of weights and biases of all branches.
        found: usize,
        /// Largest number allowed.
        limit: usize,
    },
    /// A held-out row is so far from the others that no network can be judged on it.
    #[error(
        "held-out row {row}, {what} {column}: {found} is more than 1e100 times the spread of the training rows away from \
         their mean; correct or remove the row"
    )]
    HeldOutFar {
        /// Row, from 1.
        row: usize,
        /// Input or target.
        what: &'static str,
        /// Column, from 1.
        column: usize,
        /// The number.
        found: f64,
    },
    /// A grade has too many weights for its solver.
    #[error(
        "Levenberg-Marquardt trains at most {limit} weights of a branch at once, these widths have {found}; use smaller \
         widths or --solver lbfgs"
    )]
    TooLargeForLevenberg {
        /// Number of weights and biases of a branch, its readout included.
        found: usize,
        /// Largest number allowed.
        limit: usize,
    },
    /// A model cannot be continued on rows that it was not fitted on.
    #[error(
        "these are not the rows that the model was fitted on (their fingerprint differs from the model's); continue with \
         the same rows, in their order, the same weights, held-out rows and settings, or begin a new fit"
    )]
    OtherRows,
    /// Held-out or training rows with other classes.
    #[error("{0}")]
    Classes(String),
    /// A convex grade that has no fit.
    #[error(transparent)]
    Convex(#[from] ConvexError),
    /// What earlier grades left cannot be fitted.
    #[error("a convex grade cannot be fitted to what the grades before it left: {0}")]
    Residual(#[from] SamplesError),
    /// Numbers so large or small that the model cannot be written in `f64`.
    #[error("the model cannot be written in 64-bit numbers ({0}); rescale the columns to moderate units")]
    Model(#[from] ModelError),
}

/// Why the loop over grades ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Stop {
    /// Every grade that was asked for was built.
    Complete,
    /// One more grade did not lower the loss on held-out rows; it was not kept.
    NoImprovement,
    /// One more grade did not lower the training loss: nothing that the features could explain was left.
    Trivial,
    /// It is proved that one more convex grade would have no neurons, or could not lower the objective.
    Exhausted,
    /// The last grade has so many features that one more on them would take too long.
    Wide,
    /// The time limit.
    Time,
    /// The observer asked to stop.
    Interrupted,
}

impl Stop {
    /// The reason in words, as kept in the history.
    pub fn sentence(self) -> &'static str {
        match self {
            Self::Complete => "every grade that was asked for was built",
            Self::NoImprovement => "one more grade did not lower the loss on held-out rows",
            Self::Trivial => "one more grade did not lower the training loss",
            Self::Exhausted => "it is proved that one more convex grade would gain nothing",
            Self::Wide => "one more grade on so many features would take too long",
            Self::Time => "the time limit was reached",
            Self::Interrupted => "interrupted; the grades done so far were kept",
        }
    }

    /// Whether the fit was cut short, so that the model is not the one that was asked for.
    pub fn is_cut(self) -> bool {
        matches!(self, Self::Time | Self::Interrupted)
    }
}

impl From<Cut> for Stop {
    fn from(cut: Cut) -> Self {
        match cut {
            Cut::Observer => Self::Interrupted,
            Cut::Time => Self::Time,
        }
    }
}

/// Fits a multigrade network to samples, grade by grade.
///
/// `held_out` are rows to validate on; without them a share of the samples is held out
/// ([`FitSettings::validation`]). Columns are called `x1, x2, ...` and `y1, y2, ...`; see
/// [`fit_named`] for other names. The same samples, settings and CPU features give the same model, byte for byte,
/// whatever the number of threads.
///
/// # Errors
/// [`FitError`] if the samples do not fit each other. A fit that ends early is not an error: see [`Fitted::stop`].
///
/// ```
/// use multigrade::{fit, silent, FitSettings, Grades, Samples};
/// let x: Vec<f64> = (0..200).map(|i| f64::from(i) / 199.0).collect();
/// let y: Vec<f64> = x.iter().map(|x| (6.0 * x).sin()).collect();
/// let samples = Samples::new(1, 1, x, y, None)?;
/// let settings = FitSettings { grades: Grades::Count(2), ..FitSettings::default() }.validate()?;
/// let fitted = fit(&samples, None, &settings, &mut silent())?;
/// let last = fitted.model.history().grades.last().unwrap();
/// assert!(last.train[0].l2 < 1e-2);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn fit(
    samples: &Samples,
    held_out: Option<&Samples>,
    settings: &Valid<FitSettings>,
    observer: &mut dyn Observer,
) -> Result<Fitted, FitError> {
    let names = |letter: char, count: usize| (1..=count).map(|i| format!("{letter}{i}")).collect::<Vec<_>>();
    let (inputs, outputs) = (names('x', samples.n_inputs()), names('y', samples.n_targets()));
    fit_named(samples, held_out, &inputs, &outputs, settings, observer)
}

/// [`fit`] with names for the inputs and outputs.
///
/// # Errors
/// As [`fit`], and if the numbers of names and columns differ.
pub fn fit_named(
    samples: &Samples,
    held_out: Option<&Samples>,
    inputs: &[String],
    outputs: &[String],
    settings: &Valid<FitSettings>,
    observer: &mut dyn Observer,
) -> Result<Fitted, FitError> {
    if let Some(held) = held_out {
        let pairs =
            [("inputs", samples.n_inputs(), held.n_inputs()), ("targets", samples.n_targets(), held.n_targets())];
        for (what, expected, found) in pairs {
            if expected != found {
                return Err(FitError::ColumnsDiffer { what, expected, found });
            }
        }
    }
    let model = Multigrade::new(
        schema(samples, inputs, outputs),
        Scaling::identity(samples.n_inputs()),
        Scaling::identity(samples.n_targets()),
        Vec::new(),
        History::default(),
        serde_json::Value::Null,
    )?;
    run(&model, samples, held_out, settings, observer)
}

/// Fits a classifier: the samples are [those of classes](Samples::of_classes), and the outputs of the model are their
/// logits (see [`Classes`]). Each grade adds to the logits of the grades before it and lowers the cross-entropy
/// `mean_i -ln P(class_i)`, as [`fit`] lowers the squared residual.
///
/// ```text
/// min over the hidden stack of   sum_i w_i CE(s_i + g(h_i), class_i) + weight_decay/2 |Θ|²,   then, for the readout,
/// min over A, c of               sum_i w_i CE(s_i + A h_i + c, class_i) + λ/2 |A|²            which is convex
/// ```
///
/// The second is solved by steps that never climb from a start that is no worse than nothing, so that the training loss
/// cannot rise from grade to grade. `f_0` are the logarithms of the shares of the classes.
///
/// # Errors
/// As [`fit`]; [`FitError::Classes`] unless every class has a row to train on, and for convex solvers, which fit squares.
///
/// ```
/// use multigrade::{fit_classes, silent, Classes, FitSettings, Grades, Label, Precision, Predictor, Samples};
/// let x: Vec<f64> = (0..60).map(|i| f64::from(i) / 59.0).collect();
/// let inside: Vec<usize> = x.iter().map(|x| usize::from((0.3..0.7).contains(x))).collect();
/// let samples = Samples::of_classes(1, x, &inside, 2, None)?;
/// let classes = Classes::new("place", vec![Label::Text("outside".into()), Label::Text("inside".into())])?;
/// let settings = FitSettings { grades: Grades::Count(1), branches: Some(1), ..FitSettings::default() }.validate()?;
/// let model = fit_classes(&samples, None, &["x".into()], &classes, &settings, &mut silent())?.model;
/// let logits = Predictor::new(&model, Precision::F64).predict(&[0.1, 0.5])?;
/// assert_eq!(classes.decide(&classes.probabilities(&logits)), [0, 1]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn fit_classes(
    samples: &Samples,
    held_out: Option<&Samples>,
    inputs: &[String],
    classes: &Classes,
    settings: &Valid<FitSettings>,
    observer: &mut dyn Observer,
) -> Result<Fitted, FitError> {
    for rows in [Some(samples), held_out].into_iter().flatten() {
        if (rows.n_inputs(), rows.n_classes()) != (inputs.len(), Some(classes.len())) {
            let (names, labels) = (inputs.len(), classes.len());
            return Err(FitError::Classes(format!(
                "the samples have {} inputs and {:?} classes, the names are for {names} and {labels}",
                rows.n_inputs(),
                rows.n_classes().unwrap_or(0)
            )));
        }
    }
    let mut schema = schema(samples, inputs, &classes.output_names());
    schema.classes = Some(classes.clone());
    let (x, y) = (Scaling::identity(inputs.len()), Scaling::identity(classes.n_outputs()));
    let model = Multigrade::new(schema, x, y, Vec::new(), History::default(), serde_json::Value::Null)?;
    run(&model, samples, held_out, settings, observer)
}

/// Adds the grades that `settings` ask for and `model` does not have: the answer is that of [`fit_named`] with the same
/// settings, bit for bit, if `model` is what these settings had made when they were stopped or asked for fewer grades.
///
/// The grades that are there are not trained again, unless the fit ends with a refit on all rows (see
/// [`FitSettings::refit`]): a model does not hold what held-out rows said about each grade, so the whole fit is made again.
/// A grade whose own training was cut short is trained again, from its beginning.
///
/// # Errors
/// As [`fit`], and [`FitError::OtherRows`] unless `samples` and `held_out` are those that the model was fitted on.
///
/// ```
/// use multigrade::{fit, resume, silent, FitSettings, Grades, Samples};
/// let x: Vec<f64> = (0..100).map(|i| f64::from(i) / 99.0).collect();
/// let y: Vec<f64> = x.iter().map(|x| (6.0 * x).sin()).collect();
/// let samples = Samples::new(1, 1, x, y, None)?;
/// let settings = |count| {
///     FitSettings { grades: Grades::Count(count), refit: Some(false), branches: Some(1), ..FitSettings::default() }.validate()
/// };
/// let one = fit(&samples, None, &settings(1)?, &mut silent())?.model;
/// let two = resume(&one, &samples, None, &settings(2)?, &mut silent())?.model;
/// assert_eq!(two.grades()[..1], one.grades()[..]);
/// assert_eq!(two, fit(&samples, None, &settings(2)?, &mut silent())?.model);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn resume(
    model: &Multigrade,
    samples: &Samples,
    held_out: Option<&Samples>,
    settings: &Valid<FitSettings>,
    observer: &mut dyn Observer,
) -> Result<Fitted, FitError> {
    let classes = model.schema().classes.as_ref().map(Classes::len);
    let n_targets = classes.map_or(model.n_outputs(), |_| 1);
    for rows in [Some(samples), held_out].into_iter().flatten() {
        if (rows.n_inputs(), rows.n_targets(), rows.n_classes()) != (model.n_inputs(), n_targets, classes) {
            return Err(FitError::OtherRows);
        }
    }
    if samples.imputation() != model.schema().imputation.as_ref() {
        return Err(FitError::OtherRows);
    }
    run(model, samples, held_out, settings, observer)
}

/// The fit that goes on from `model`, which may have no grades yet and has the names of the columns.
fn run(
    model: &Multigrade,
    samples: &Samples,
    held_out: Option<&Samples>,
    settings: &Valid<FitSettings>,
    observer: &mut dyn Observer,
) -> Result<Fitted, FitError> {
    if held_out.is_some_and(|held| held.imputation() != samples.imputation()) {
        return Err(FitError::ImputationsDiffer);
    }
    let classes = model.schema().classes.as_ref();
    if let Some(classes) = classes {
        check_classes(samples, classes, settings)?;
    }
    let progress = Progress::new(observer, settings.time_limit);
    let share = if held_out.is_some() { 0.0 } else { settings.validation };
    let parts = split(samples, share, settings.seed);
    let own_split = !parts.held_out.is_empty();
    let (train, _) = samples.select(&parts.train).merged();
    let held = if own_split { Some(samples.select(&parts.held_out)) } else { held_out.cloned() };
    let held = held.map(|held| held.merged());
    let (held, places) = (held.as_ref().map(|(held, _)| held), held.as_ref().map(|(_, places)| places));
    let data = train.fingerprint(held);
    let known = &model.history().data;
    if !known.is_empty() && *known != data {
        return Err(FitError::OtherRows);
    }

    let mut planner = Planner::new(settings, &train);
    let mut scaling = Scalings::of(&train, settings)?;
    if let Some(held) = held {
        scaling.check(held)?;
    }
    let mut refit = own_split && settings.refit.unwrap_or(planner.is_small());
    let nothing = model.truncate(0)?;
    // A grade whose own training was cut short is made again, and so are those after it.
    let cut_short = model.history().grades.iter().find(|record| training::Stop::is_cut(&record.stop));
    let whole = cut_short.map_or(model.grades().len(), |record| record.grade.saturating_sub(1));
    let model = &model.truncate(whole.min(model.grades().len()))?;
    let mut old = model.grades();
    let rival_settings = rival::settings(settings, &train, held);
    let convex = match &rival_settings {
        Some(settings) => convex_climb(&nothing, &train, held, &scaling, settings, &progress)?,
        None => None,
    };
    if let Some((convex, _)) = &convex {
        let training = convex.records[convex.records.len() - 1].loss_after;
        let rival = |(left, held): (&Front, &Samples)| Rival::new(training, left.loss(), refit, &train, held);
        planner.rival = convex.held_out.as_ref().zip(held).map(rival);
        if model.proofs().next().is_some() {
            // It was chosen before. With more trained grades to choose from that is decided anew.
            let grades = match model.history().refit {
                true => refitted(convex, &nothing, samples, settings, &progress)?.0.grades,
                false => convex.grades.clone(),
            };
            if !grades.starts_with(old) && progress.cut().is_none() {
                return Err(FitError::OtherRows);
            }
            old = &[];
        }
    }
    let goes_on = !old.is_empty() && !refit;
    if goes_on {
        if model.history().refit
            || (&scaling.inputs, &scaling.outputs) != (model.input_scaling(), model.output_scaling())
        {
            return Err(FitError::OtherRows);
        }
        planner.resume(model);
    }
    let start = if goes_on { model } else { &nothing };
    let mut climb = climb(start, &train, held, &scaling, settings, &mut planner, &progress)?;
    // Grades that were cut short before their refit are those of this climb; refitted ones are those of the refit.
    let differs = |climb: &Climb| !climb.grades.starts_with(old) && progress.cut().is_none();
    if !model.history().refit && differs(&climb) {
        return Err(FitError::OtherRows);
    }
    let rival = planner.rival.take();
    let mut notes = planner.into_notes();
    if let (Some((convex, convex_notes)), Some(rival), Some(left)) = (convex, rival, &climb.held_out) {
        let (trained, grades) = (left.loss(), climb.grades.len());
        let text = rival.verdict(trained, grades, left.rows());
        if rival.is_better_than(trained) {
            (climb, notes) = (convex, convex_notes);
        }
        progress.send(&Event::Note(&text));
        notes.push(Note { grade: climb.grades.len(), text });
    }
    let held_out_predictions = match (held, places) {
        (Some(held), Some(places)) => {
            let (values, m) = (climb.predictions(held, &scaling.outputs), model.n_outputs());
            places.iter().flat_map(|&i| values[i * m..(i + 1) * m].iter().copied()).collect()
        }
        _ => Vec::new(),
    };
    if refit && progress.cut().is_none() {
        let (again, all_scaling) = refitted(&climb, &nothing, samples, settings, &progress)?;
        // A refit that was cut short is worth less than the finished grades without it.
        refit = progress.cut().is_none();
        if refit {
            (climb, scaling) = (again.with_validation_of(climb), all_scaling);
        }
    } else {
        refit = false;
    }
    if let Some(cut) = progress.cut() {
        climb.stop = cut.into();
    }
    if model.history().refit && differs(&climb) {
        return Err(FitError::OtherRows);
    }
    let history = History {
        train_rows: if refit { samples.rows() } else { parts.train.len() },
        validation_rows: places.map_or(0, Vec::len),
        refit,
        data,
        stop: climb.stop.sentence().into(),
        notes,
        grades: climb.records,
    };
    let document = serde_json::to_value(&**settings).unwrap_or_default();
    let columns = (model.schema().input_names(), model.schema().output_names());
    let names = |names: &[&str]| names.iter().map(|name| (*name).to_string()).collect::<Vec<_>>();
    let mut schema = schema(if refit { samples } else { &train }, &names(&columns.0), &names(&columns.1));
    schema.classes = classes.cloned();
    let model = Multigrade::new(schema, scaling.inputs, scaling.outputs, climb.grades, history, document)?;
    Ok(Fitted { model, stop: climb.stop, seconds: climb.seconds, held_out: parts.held_out, held_out_predictions })
}

/// The climb with convex grades that trained grades are held against, with its notes; nothing where the rows have no such
/// fit.
fn convex_climb(
    nothing: &Multigrade,
    train: &Samples,
    held_out: Option<&Samples>,
    scaling: &Scalings,
    settings: &FitSettings,
    progress: &Progress,
) -> Result<Option<(Climb, Vec<Note>)>, FitError> {
    let mut planner = Planner::new(settings, train);
    match climb(nothing, train, held_out, scaling, settings, &mut planner, progress) {
        Ok(climb) if climb.grades.is_empty() => Ok(None),
        Ok(climb) => Ok(Some((climb, planner.into_notes()))),
        // Training asks for less than convex optimisation does.
        Err(FitError::Convex(_) | FitError::Residual(_)) => Ok(None),
        Err(error) => Err(error),
    }
}

/// The grades of a climb again, on all rows, and the scalings of these.
fn refitted(
    climb: &Climb,
    nothing: &Multigrade,
    samples: &Samples,
    settings: &FitSettings,
    progress: &Progress,
) -> Result<(Climb, Scalings), FitError> {
    let all = samples.merged().0;
    let scaling = Scalings::of(&all, settings)?;
    let mut plans = Repeat { plans: climb.plans.clone().into_iter(), stop: climb.stop };
    Ok((self::climb(nothing, &all, None, &scaling, settings, &mut plans, progress)?, scaling))
}

/// Scalings of inputs and outputs, fixed by the rows that the grades are trained on.
pub(crate) struct Scalings {
    pub(crate) inputs: Scaling,
    pub(crate) outputs: Scaling,
}

impl Scalings {
    pub(crate) fn of(samples: &Samples, settings: &FitSettings) -> Result<Self, ModelError> {
        let inputs = match settings.standardise_data {
            true => standardisation(samples.inputs(), samples.n_inputs(), samples.weights())?,
            false => Scaling::identity(samples.n_inputs()),
        };
        let inputs = match samples.n_classes() {
            Some(_) if settings.standardise_data => {
                class_scaling(&inputs, &Slice(samples.inputs(), samples.n_inputs()), samples.rows())?
            }
            _ => inputs,
        };
        let outputs = match (samples.n_classes(), settings.standardise_data) {
            (Some(classes), _) => first_logits(samples, classes)?,
            (None, true) => standardisation(samples.targets(), samples.n_targets(), samples.weights())?,
            (None, false) => Scaling::identity(samples.n_targets()),
        };
        Ok(Self { inputs, outputs })
    }

    /// Refuses rows whose squares would overflow.
    fn check(&self, held_out: &Samples) -> Result<(), FitError> {
        let inputs = Some(("input", &self.inputs, held_out.inputs()));
        let targets = held_out.n_classes().is_none().then(|| ("target", &self.outputs, held_out.targets()));
        for (what, scaling, numbers) in inputs.into_iter().chain(targets) {
            let mut scaled = numbers.to_vec();
            scaling.standardise(&mut scaled);
            if let Some(i) = scaled.iter().position(|z| z.is_nan() || z.abs() > 1e100) {
                let (row, column) = (i / scaling.columns() + 1, i % scaling.columns() + 1);
                return Err(FitError::HeldOutFar { row, what, column, found: numbers[i] });
            }
        }
        Ok(())
    }
}

/// The constant logits of least cross-entropy: the logarithms of the shares of the classes, whose mean is taken away, or of
/// their ratio for two classes.
fn first_logits(samples: &Samples, classes: usize) -> Result<Scaling, ModelError> {
    let mut shares = vec![0.0; classes];
    samples.classes().iter().zip(samples.weights()).for_each(|(&class, w)| shares[class] += w);
    let logs: Vec<f64> = shares.iter().map(|share| share.ln()).collect();
    let mean = logs.iter().sum::<f64>() / classes as f64;
    let center = match logs[..] {
        [first, second] => vec![second - first],
        _ => logs.iter().map(|log| log - mean).collect(),
    };
    let scale = vec![1.0; center.len()];
    Scaling::new(center, scale)
}

/// Refuses classes without rows, and settings that classes cannot follow.
fn check_classes(samples: &Samples, classes: &Classes, settings: &FitSettings) -> Result<(), FitError> {
    let mut rows = vec![0_usize; classes.len()];
    samples.classes().iter().for_each(|&class| rows[class] += 1);
    if let Some(missing) = rows.iter().position(|rows| *rows == 0) {
        return Err(FitError::Classes(format!(
            "class '{}' of '{}' has no row to learn from; every class needs one",
            classes.labels[missing], classes.target
        )));
    }
    let listed = match &settings.grades {
        Grades::List(list) => list.as_slice(),
        _ => &[],
    };
    let named = || listed.iter().filter_map(|grade| grade.solver.as_ref());
    let solvers = || settings.first_solvers.iter().chain(&settings.solver).chain(named());
    if solvers().any(Solver::is_convex) {
        return Err(FitError::Classes(
            "convex grades fit squared errors, not classes; use another solver, such as lbfgs".into(),
        ));
    }
    if solvers().any(|solver| matches!(solver, Solver::LevenbergMarquardt { .. })) {
        return Err(FitError::Classes(
            "Levenberg-Marquardt fits squared errors, not classes; use another solver, such as lbfgs".into(),
        ));
    }
    Ok(())
}

/// Names and ranges of the columns.
fn schema(samples: &Samples, inputs: &[String], outputs: &[String]) -> Schema {
    let input = |(j, name): (usize, &String)| {
        let column = samples.inputs().iter().skip(j).step_by(samples.n_inputs());
        let (min, max) = column.fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), &x| (a.min(x), b.max(x)));
        InputColumn { name: name.clone(), min, max }
    };
    Schema {
        inputs: inputs.iter().enumerate().map(input).collect(),
        outputs: outputs.iter().map(|name| OutputColumn { name: name.clone() }).collect(),
        classes: None,
        imputation: samples.imputation().cloned(),
    }
}

/// Says what the next grade looks like, or that there is none.
pub(crate) trait NextGrade {
    /// The next grade for what the grades so far left over, or why there is none.
    fn next(&mut self, task: &GradeTask) -> Result<Result<Proposal, Stop>, FitError>;

    /// What to do after a trivial grade: stop, for the reason given, or go on without it.
    fn after_trivial(&mut self, task: &GradeTask) -> Option<Stop>;

    /// Whether grades are added only while they help on held-out rows.
    fn is_automatic(&self) -> bool;
}

/// What the next grade looks like.
pub(crate) struct Proposal {
    pub(crate) plan: GradePlan,
    /// The grade itself, where choosing it has taken all the time there was.
    pub(crate) built: Option<Built>,
}

impl From<GradePlan> for Proposal {
    fn from(plan: GradePlan) -> Self {
        Self { plan, built: None }
    }
}

/// The plans of an earlier climb, again.
struct Repeat {
    plans: std::vec::IntoIter<GradePlan>,
    stop: Stop,
}

impl NextGrade for Repeat {
    fn next(&mut self, _: &GradeTask) -> Result<Result<Proposal, Stop>, FitError> {
        Ok(self.plans.next().map(Proposal::from).ok_or(self.stop))
    }

    fn after_trivial(&mut self, _: &GradeTask) -> Option<Stop> {
        None
    }

    fn is_automatic(&self) -> bool {
        false
    }
}

/// Rows, and what the grades so far left of them.
pub(crate) struct Rows<'a> {
    samples: &'a Samples,
    front: Front,
    pub(crate) held_out: Option<Front>,
}

impl<'a> Rows<'a> {
    /// Before any grade. Features are kept if they fit `memory` bytes.
    pub(crate) fn new(samples: &'a Samples, held_out: Option<&Samples>, scaling: &Scalings, memory: usize) -> Self {
        let start = |samples: &Samples| Front::start(samples, &scaling.inputs, &scaling.outputs, memory);
        Self { samples, front: start(samples), held_out: held_out.map(start) }
    }

    /// After these grades as well.
    pub(crate) fn after(self, grades: &[Grade]) -> Self {
        let after = |front: Front| grades.iter().fold(front, |front, grade| front.after(grade));
        Self { front: after(self.front), held_out: self.held_out.map(after), ..self }
    }

    /// The record of what is left before any grade.
    pub(crate) fn first_record(&self, scaling: &Scalings) -> GradeRecord {
        record(0, None, &self.front, &self.front, self.held_out.as_ref(), scaling)
    }
}

/// The grades that were kept, with what is known of each.
pub(crate) struct Climb {
    pub(crate) grades: Vec<Grade>,
    plans: Vec<GradePlan>,
    /// Of `f_0` and of every grade.
    pub(crate) records: Vec<GradeRecord>,
    pub(crate) seconds: Vec<f64>,
    /// What is left of the held-out rows after the last grade.
    held_out: Option<Front>,
    pub(crate) stop: Stop,
}

impl Climb {
    /// Before any grade.
    pub(crate) fn new(first: GradeRecord) -> Self {
        let (grades, plans, records, seconds) = (Vec::new(), Vec::new(), vec![first], Vec::new());
        Self { grades, plans, records, seconds, held_out: None, stop: Stop::Complete }
    }

    /// Builds one more grade for what the grades so far left of the rows, and says whether there may be another one.
    pub(crate) fn add(
        &mut self,
        rows: &mut Rows,
        scaling: &Scalings,
        settings: &FitSettings,
        plans: &mut dyn NextGrade,
        progress: &Progress,
    ) -> Result<bool, FitError> {
        let (k, began) = (self.grades.len() + 1, Instant::now());
        let origin = Origin { samples: rows.samples, scaling, grades: &self.grades, records: &self.records };
        let (front, held) = (&rows.front, rows.held_out.as_ref());
        let task = GradeTask { k, origin, front, held_out: held, settings, progress };
        let Proposal { plan, built } = match plans.next(&task)? {
            Ok(proposal) => proposal,
            Err(stop) => return Ok(self.ended(stop)),
        };
        let mut built = match built {
            Some(built) => built,
            None => build_grade(&plan, &task)?,
        };
        match (progress.cut(), self.grades.is_empty()) {
            (Some(cut), false) => return Ok(self.ended(cut.into())),
            // The first grade is kept whatever became of it; its choice may have been cut short and not its training.
            (Some(cut), true) => built.stop = training::Stop::from(cut).name(),
            (None, _) => {}
        }
        let next = front.after(&built.grade); // h_k, r_k
        let next_held = held.map(|held| held.after(&built.grade));
        if is_trivial(settings.readout, front.loss(), next.loss()) {
            return Ok(plans.after_trivial(&task).is_none_or(|stop| self.ended(stop)));
        }
        let helps = match (held, &next_held) {
            (Some(before), Some(after)) => is_better(before, after),
            _ => true,
        };
        if plans.is_automatic() && !helps {
            return Ok(self.ended(Stop::NoImprovement));
        }
        let record = record(k, Some((&plan, &built, settings)), front, &next, next_held.as_ref(), scaling);
        progress.send(&Event::GradeFinished { record: &record });
        (rows.front, rows.held_out) = (next, next_held);
        self.records.push(record);
        self.grades.push(built.grade);
        self.plans.push(built.replay);
        self.seconds.push(began.elapsed().as_secs_f64());
        Ok(progress.cut().is_none_or(|cut| self.ended(cut.into())))
    }

    /// There is no further grade, for this reason.
    fn ended(&mut self, stop: Stop) -> bool {
        self.stop = stop;
        false
    }

    /// Predictions on the held-out rows, from what is left of their targets; for classes, their logits.
    fn predictions(&self, held_out: &Samples, scaling: &Scaling) -> Vec<f64> {
        let Some(left) = &self.held_out else { return Vec::new() };
        if let Some(logits) = &left.logits {
            return logits.values.clone();
        }
        let scales = scaling.scale().iter().cycle();
        let residuals = left.residuals.iter().zip(scales).map(|(r, s)| r * s);
        held_out.targets().iter().zip(residuals).map(|(y, r)| y - r).collect()
    }

    /// This climb with the held-out norms and the time of an earlier one that followed the same plans.
    fn with_validation_of(mut self, earlier: Self) -> Self {
        if self.records.len() == earlier.records.len() {
            for (record, before) in self.records.iter_mut().zip(earlier.records) {
                record.validation = before.validation;
                if let (Some(scores), Some(before)) = (&mut record.scores, before.scores) {
                    scores.validation = before.validation;
                }
            }
        }
        for (own, before) in self.seconds.iter_mut().zip(earlier.seconds) {
            *own += before;
        }
        self
    }
}

/// Builds grades in turn, each for what its predecessors, beginning with those of `model`, left over.
///
/// With `f_0 = 0` and `h_0 = x`, grade `k` fits `r_{k-1} = y - f_{k-1}` on the features `h_{k-1}`; then
/// `h_k = H_k(h_{k-1})` and `r_k = r_{k-1} - g_k(h_k)`. Earlier numbers never change.
fn climb(
    model: &Multigrade,
    train: &Samples,
    held_out: Option<&Samples>,
    scaling: &Scalings,
    settings: &FitSettings,
    plans: &mut dyn NextGrade,
    progress: &Progress,
) -> Result<Climb, FitError> {
    let rows = Rows::new(train, held_out, scaling, settings.memory);
    let first = rows.first_record(scaling);
    if !model.grades().is_empty() && model.history().grades.first() != Some(&first) {
        return Err(FitError::OtherRows);
    }
    let mut climb = Climb::new(first);
    climb.grades = model.grades().to_vec();
    climb.seconds = vec![0.0; model.grades().len()];
    climb.records.extend(model.history().grades.iter().filter(|record| record.grade > 0).cloned());
    let mut rows = rows.after(&climb.grades);
    while climb.add(&mut rows, scaling, settings, plans, progress)? {}
    climb.held_out = rows.held_out;
    Ok(climb)
}

/// Whether a grade is not worth keeping: it does not lower the training loss, or leaves the finite numbers.
///
/// The readout rule "as trained" makes no promise, so there a grade that raises the loss is kept, as published.
fn is_trivial(rule: ReadoutRule, before: f64, after: f64) -> bool {
    match rule {
        ReadoutRule::LeastSquares => !after.is_finite() || after >= before * (1.0 - TRIVIAL),
        ReadoutRule::AsTrained => !after.is_finite() || after == before,
    }
}

/// Whether held-out rows say that a grade helps: the mean decrease of the squared residual is worthwhile, and more
/// than one standard error of that mean, so that a few lucky rows do not decide.
fn is_better(before: &Front, after: &Front) -> bool {
    let decreases: Vec<f64> = before.row_losses().zip(after.row_losses()).map(|(b, a)| b - a).collect();
    let weights = &before.weights;
    let mean: f64 = decreases.iter().zip(weights).map(|(d, w)| w * d).sum();
    let error = decreases.iter().zip(weights).map(|(d, w)| (w * (d - mean)).powi(2)).sum::<f64>().sqrt();
    mean > error && mean > WORTHWHILE * before.loss()
}

fn record(
    k: usize,
    built: Option<(&GradePlan, &Built, &FitSettings)>,
    before: &Front,
    after: &Front,
    held_out: Option<&Front>,
    scaling: &Scalings,
) -> GradeRecord {
    let readout = |plan: &GradePlan, settings: &FitSettings| match (plan, settings.readout) {
        (GradePlan::Convex(_) | GradePlan::Dense(_), _) => "with its neurons",
        (_, ReadoutRule::LeastSquares) if after.logits.is_some() => "logistic regression",
        (_, ReadoutRule::LeastSquares) => "least squares",
        (_, ReadoutRule::AsTrained) => "as trained",
    };
    GradeRecord {
        grade: k,
        hidden: built.map_or(String::new(), |(_, b, _)| b.describe()),
        parameters: built.map_or(0, |(_, b, _)| b.grade.n_parameters()),
        solver: built.map_or(String::new(), |(plan, _, _)| plan.solver()),
        readout: built.map_or(String::new(), |(plan, _, settings)| readout(plan, settings).into()),
        weight_decay: built.map_or(0.0, |(plan, _, _)| plan.weight_decay()),
        updates: built.map_or(0, |(_, b, _)| b.updates),
        stop: built.map_or(String::new(), |(_, b, _)| b.stop.into()),
        loss_before: before.loss(),
        loss_after: after.loss(),
        train: after.norms(&scaling.outputs),
        validation: held_out.map(|held| held.norms(&scaling.outputs)),
        scores: after.scores().map(|train| GradeScores { train, validation: held_out.and_then(Front::scores) }),
        proof: built.and_then(|(_, b, _)| b.proof.clone()),
    }
}
