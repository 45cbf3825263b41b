//! Settings of a fit: plain fields, checked once, then trusted.

use crate::convex::ConvexSettings;
use crate::convex::dense::{DensePenalty, DenseSettings};
use multigrade_model::{Activation, Skip};
use serde::{Deserialize, Serialize};

/// Settings that passed their check. There is no other way to make one.
#[derive(Clone, Debug, PartialEq)]
pub struct Valid<S>(S);

impl<S> Valid<S> {
    /// For settings whose own `validate` has just checked them.
    pub(crate) fn new(settings: S) -> Self {
        Self(settings)
    }
}

impl<S> std::ops::Deref for Valid<S> {
    type Target = S;

    fn deref(&self) -> &S {
        &self.0
    }
}

/// How a multigrade network is fitted to samples.
///
/// With `w_i` the weights scaled to sum 1, `s` the scale of the residual and `Θ` the weights (not the biases) of
/// a branch, the hidden stack of a grade is trained on
///
/// ```text
/// J(Θ, b) = 1/2 sum_i w_i |r_i / s - g(h_i)|² + weight_decay/2 |Θ|²
/// ```
///
/// and then the readout is solved: `min_{A, c} sum_i w_i |r_i / s - A h_i - c|² + λ |A|²`, where `λ` is the weight decay
/// or, with held-out rows, it or one of four larger values, whichever is best on them.
///
/// Where nothing is said about the grades but how many there may be at most, two more things are tried on held-out rows: with
/// one input the [convex grade](crate::convex) beside the trained ones, and with two or three, where training learns
/// nothing and the nearest row knows better, a layer of up to 4096 random waves. A note says what was chosen.
///
/// | field | default | meaning |
/// |---|---|---|
/// | `grades` | automatic, at most 8 | how many grades and what each looks like |
/// | `validation` | 0.2 | share of the weight held out, in `[0, 1)` |
/// | `refit` | `None`: for small tables | train again on all rows once the plan is chosen |
/// | `first_solvers` | none | solvers of the first grades, one each |
/// | `solver` | `None`: L-BFGS for small tables, Adam for large ones | trains the hidden stacks |
/// | `activation`, `weight_decay` | `None`: chosen by validation | for every grade that names none |
/// | `branches` | `None`: 5 up to 2,000 rows, 3 up to 10,000, else 1; 4 for classes of many inputs; always 1 for listed grades | networks averaged in every grade that names none |
/// | `readout` | least squares | how the readout is found |
/// | `keep` | best | which of a solver's iterates is the answer |
/// | `standardise_data` | true | bring inputs and targets to mean 0 and variance 1 before the first grade |
/// | `rescale` | true | bring the residual to unit size before each grade |
/// | `standardise_features` | true | bring the features to mean 0 and variance 1 before each grade |
/// | `carry_inputs` | true | hand the inputs to the readout and to the next grade, beside the features |
/// | `single_grade` | false | train all hidden layers as one grade, with the updates of all |
/// | `initialisation` | scaled normal | distribution of the first weights |
/// | `init_key` | per grade | whether each grade draws its own first weights |
/// | `generator` | xoshiro256++ | where first weights and orders of rows come from |
/// | `precision` | f64 | numbers in which hidden stacks are trained |
/// | `seed` | 0 | fixes every random choice |
/// | `memory` | 1 GiB | features of all rows that take more are computed again when they are read |
/// | `time_limit` | none | seconds after which no further update is made |
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct FitSettings {
    /// How many grades and what each looks like.
    pub grades: Grades,
    /// Share of the weight held out for validation, in `[0, 1)`. Not used when held-out samples are given.
    pub validation: f64,
    /// Whether to train again on all rows once the plan is chosen; `None` decides by the number of rows.
    pub refit: Option<bool>,
    /// Solvers of the first grades, in turn, where these name none; `solver` serves the grades after them.
    pub first_solvers: Vec<Solver>,
    /// Solver of every other grade that names none; `None` chooses by the number of rows.
    pub solver: Option<Solver>,
    /// Activation of every grade that names none; `None` leaves the choice to validation.
    pub activation: Option<Activation>,
    /// Weight decay of every grade that names none, at least 0; `None` leaves the choice to validation.
    pub weight_decay: Option<f64>,
    /// Networks averaged in every grade that names no number, at least 1; `None` chooses by the number of rows.
    pub branches: Option<usize>,
    /// How the readout is found.
    pub readout: ReadoutRule,
    /// Which of a solver's iterates is the answer.
    pub keep: Keep,
    /// Whether inputs and targets are brought to mean 0 and variance 1 before the first grade.
    pub standardise_data: bool,
    /// Whether the residual is brought to unit root mean square before each grade.
    pub rescale: bool,
    /// Whether the features are brought to mean 0 and variance 1 before each grade. The scaling is folded into the
    /// first layer of the grade.
    pub standardise_features: bool,
    /// Whether the inputs stand beside the features, for the readout and for the next grade.
    pub carry_inputs: bool,
    /// Train the hidden layers of all grades as one grade, end to end, with the updates of all: the comparison that
    /// multigrade learning is measured against. Needs a list of grades.
    pub single_grade: bool,
    /// Distribution of the first weights.
    pub initialisation: Initialisation,
    /// Whether each grade draws its own first weights.
    pub init_key: InitKey,
    /// Where first weights and orders of rows come from.
    pub generator: Generator,
    /// Numbers in which hidden stacks are trained. Readouts and residuals are always `f64`.
    pub precision: Precision,
    /// Fixes every random choice.
    pub seed: u64,
    /// Memory for the features of all rows, in bytes: beyond it they are computed again from the inputs, part by part, whenever
    /// they are read. It changes nothing about the model, not one bit, and is not stored with it. Held-out rows have a limit of
    /// their own; convex grades and the readouts of classifiers need all features at once.
    #[serde(skip_serializing)]
    pub memory: usize,
    /// Seconds after which no further update is made; the grades done so far are the answer. A limit that bites voids
    /// repeatability.
    pub time_limit: Option<f64>,
}

impl Default for FitSettings {
    fn default() -> Self {
        Self {
            grades: Grades::Auto { at_most: 8 },
            validation: 0.2,
            refit: None,
            first_solvers: Vec::new(),
            solver: None,
            activation: None,
            weight_decay: None,
            branches: None,
            readout: ReadoutRule::LeastSquares,
            keep: Keep::Best,
            standardise_data: true,
            rescale: true,
            standardise_features: true,
            carry_inputs: true,
            single_grade: false,
            initialisation: Initialisation::ScaledNormal,
            init_key: InitKey::PerGrade,
            generator: Generator::Xoshiro256,
            precision: Precision::F64,
            seed: 0,
            memory: 1 << 30,
            time_limit: None,
        }
    }
}

impl FitSettings {
    /// The multigrade method as published: nothing is standardised or rescaled, the readout and the last iterate are
    /// what the solver left, no inputs are carried, and every grade starts from the same first weights
    /// `U(-1, 1) / sqrt(n)`, drawn by the Mersenne Twister. The published runs have seed 1.
    ///
    /// Y. Xu, *Multi-grade deep learning*, arXiv 2302.00150; R. Fang, Y. Xu, *Addressing spectral bias of deep neural
    /// networks by multi-grade deep learning*, arXiv 2410.16105, and the programs of both. For a published comparison
    /// with one grade, give a list of that one grade.
    pub fn published(grades: Vec<GradeSettings>, solver: Solver) -> Self {
        Self {
            grades: Grades::List(grades),
            validation: 0.0,
            solver: Some(solver),
            weight_decay: Some(0.0),
            branches: Some(1),
            readout: ReadoutRule::AsTrained,
            keep: Keep::Last,
            standardise_data: false,
            rescale: false,
            standardise_features: false,
            carry_inputs: false,
            initialisation: Initialisation::FanInUniform,
            init_key: InitKey::Same,
            generator: Generator::Mersenne,
            seed: 1,
            ..Self::default()
        }
    }
}

/// How many grades a fit builds and what each looks like.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Grades {
    /// Add grades while the validation loss falls; keep the best prefix.
    Auto {
        /// Largest number of grades, at least 1.
        at_most: usize,
    },
    /// This many grades, each chosen by validation.
    Count(usize),
    /// These grades in this order; what they leave open is chosen by validation.
    List(Vec<GradeSettings>),
}

/// What one grade looks like. `None` leaves the choice to validation.
///
/// The text form is that of the command line: widths separated by commas, an activation behind a colon that holds for
/// the widths before it.
///
/// ```
/// use multigrade::{Activation, GradeSettings};
/// let grade: GradeSettings = "256:sin,256:sin,128,64:relu".parse().unwrap();
/// assert_eq!(grade.widths, [256, 256, 128, 64]);
/// let a = grade.activations.unwrap();
/// assert_eq!((a[1], a[2], a[3]), (Activation::Sin, Activation::Relu, Activation::Relu));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct GradeSettings {
    /// Widths of the hidden layers; at least one, none 0.
    pub widths: Vec<usize>,
    /// Activations of the hidden layers, one per layer.
    pub activations: Option<Vec<Activation>>,
    /// Weight decay, at least 0.
    pub weight_decay: Option<f64>,
    /// Networks averaged in this grade, at least 1.
    pub branches: Option<usize>,
    /// Solver of this grade.
    pub solver: Option<Solver>,
}

/// The most weights, hidden layers and readout together, of a branch that Levenberg-Marquardt trains: a matrix of that many
/// rows and columns is made and factorised in each iteration.
pub const MAX_LEVENBERG: usize = 2000;

/// How the hidden stack of a grade is trained.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Solver {
    /// The hidden weights stay as they were drawn; only the readout is found.
    RandomFeatures,
    /// Full-batch L-BFGS with a strong Wolfe line search. For small tables; needs f64.
    Lbfgs {
        /// Largest number of iterations.
        iterations: u32,
    },
    /// Levenberg-Marquardt on the hidden layers with the readout projected out. For squared errors and grades of at most
    /// [`MAX_LEVENBERG`] weights a branch, which it brings further down than L-BFGS; needs f64.
    LevenbergMarquardt {
        /// Largest number of iterations.
        iterations: u32,
    },
    /// Mini-batch Adam (Kingma, Ba 2015) with `beta = (0.9, 0.999)`, `eps = 1e-8`.
    Adam(Descent),
    /// Plain gradient descent.
    GradientDescent(Descent),
    /// The globally optimal ReLU layer of its class, with a proof. Such a grade has no widths, activation, weight decay
    /// or branches: the penalty decides how many neurons there are.
    Convex(ConvexSettings),
    /// The same for neurons that read all features: for few of these, and one output. The unpenalised part is affine.
    ConvexDense {
        /// How the grade is fitted.
        settings: DenseSettings,
        /// Whether the penalty is the best of a few shares of the largest on held-out rows, where there are any.
        choose_penalty: bool,
    },
}

impl Solver {
    /// Whether grades of this solver are found by convex optimisation.
    pub fn is_convex(&self) -> bool {
        matches!(self, Self::Convex(_) | Self::ConvexDense { .. })
    }
}

/// Settings of solvers that walk along (mini-batch) gradients.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Descent {
    /// Passes over the rows.
    pub epochs: u32,
    /// Rows of a mini-batch; `None` takes all rows at once. The last, shorter batch is used too. Weights count inside a
    /// batch: each batch makes an update of the same size, however much its rows weigh together.
    pub batch: Option<usize>,
    /// First learning rate, positive.
    pub rate: f64,
    /// How the rate changes from epoch to epoch.
    pub schedule: Schedule,
    /// Epochs without a better held-out loss (or objective, without held-out rows) after which training stops.
    pub patience: Option<u32>,
}

impl Descent {
    /// The walk of the published method: the rate falls from `first` to `last` by a constant factor per epoch, in
    /// `epochs + 1` passes, of which the last has the rate `last`.
    pub fn published(epochs: u32, batch: Option<usize>, first: f64, last: f64) -> Self {
        let passes = epochs.saturating_add(1);
        // The schedule names the rate after the last pass, one step beyond `last`.
        let to = first * (last / first).powf(f64::from(passes) / f64::from(epochs));
        Self { epochs: passes, batch, rate: first, schedule: Schedule::Exponential { to }, patience: None }
    }
}

impl std::fmt::Display for Solver {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut walk = |name: &str, d: &Descent| {
            let batch = d.batch.map_or("all rows".into(), |b| format!("{b} rows"));
            write!(f, "{name}, {} epochs, batches of {batch}, rate {}", d.epochs, d.rate)
        };
        match self {
            Self::RandomFeatures => f.write_str("random features"),
            Self::Lbfgs { iterations } => write!(f, "L-BFGS, {iterations} iterations"),
            Self::LevenbergMarquardt { iterations } => write!(f, "Levenberg-Marquardt, {iterations} iterations"),
            Self::Adam(d) => walk("Adam", d),
            Self::GradientDescent(d) => walk("gradient descent", d),
            Self::Convex(settings) => write!(f, "convex, {}", settings.penalty),
            Self::ConvexDense { choose_penalty: true, .. } => f.write_str("convex dense, penalty by held-out rows"),
            Self::ConvexDense { settings, .. } => match settings.penalty {
                DensePenalty::Absolute(penalty) => write!(f, "convex dense, penalty {penalty}"),
                DensePenalty::OfLargest(share) => write!(f, "convex dense, penalty {share} of the largest"),
            },
        }
    }
}

impl Default for Descent {
    fn default() -> Self {
        Self { epochs: 100, batch: Some(256), rate: 1e-3, schedule: Schedule::Constant, patience: None }
    }
}

/// Learning rate of epoch `k` of `K`, from the first rate `η`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Schedule {
    /// `η`.
    Constant,
    /// `η (to/η)^(k/K)`: falls by a constant factor per epoch, the schedule of the published method.
    Exponential {
        /// Rate that epoch `K` would have; positive.
        to: f64,
    },
    /// `to + (η - to) (1 + cos(π k/K)) / 2`.
    Cosine {
        /// Rate that epoch `K` would have; not negative.
        to: f64,
    },
}

impl Schedule {
    /// The rate of epoch `k = 0, 1, ...` of `epochs`.
    ///
    /// ```
    /// use multigrade::Schedule;
    /// assert_eq!(Schedule::Exponential { to: 1e-4 }.rate(1e-2, 0, 10), 1e-2);
    /// assert!((Schedule::Exponential { to: 1e-4 }.rate(1e-2, 5, 10) - 1e-3).abs() < 1e-15);
    /// ```
    pub fn rate(self, first: f64, k: u32, epochs: u32) -> f64 {
        let t = f64::from(k) / f64::from(epochs.max(1));
        match self {
            Self::Constant => first,
            Self::Exponential { to } => first * ((to.ln() - first.ln()) * t).exp(),
            Self::Cosine { to } => to + (first - to) * 0.5 * (1.0 + (std::f64::consts::PI * t).cos()),
        }
    }
}

/// How the readout of a grade is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReadoutRule {
    /// Ridge least squares on the finished features, so that the training loss cannot rise.
    LeastSquares,
    /// What the solver left, as in the published method. Carries no promise.
    AsTrained,
}

/// Which of a solver's iterates is the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Keep {
    /// The best: by the loss on held-out rows if there are any, by the objective otherwise.
    Best,
    /// The last whose numbers are finite, as in the published method.
    Last,
}

/// Where first weights and orders of rows come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Generator {
    /// The generator xoshiro256++, with a stream of its own for every purpose.
    Xoshiro256,
    /// The Mersenne Twister, seeded as in the published method: with the lower 32 bits of the `seed` for first weights
    /// (plus `k - 1` for grade `k` and [`InitKey::PerGrade`]; plus 2^16 `b` for branch `b`), and with that plus `e` for
    /// the order of the rows in epoch `e = 1, 2, ...`. Needs [`Initialisation::FanInUniform`].
    Mersenne,
}

/// Distribution of the first weights and biases of a layer with `n` inputs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Initialisation {
    /// Weights `N(0, 2/n)` for ReLU and `N(0, 1/n)` for others, biases `U(-1/2, 1/2)`, readout bias 0.
    ScaledNormal,
    /// Weights and biases `U(-1, 1) / sqrt(n)`, the choice of the published method.
    FanInUniform,
    /// Weights `N(0, 2/n)` also of the readout, biases 0, the choice of the published experiments with gradient descent.
    He,
}

/// Whether grades start from different weights.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum InitKey {
    /// Each grade draws its own.
    PerGrade,
    /// Every grade starts from the same stream of random numbers, as in the published method.
    Same,
}

/// Numbers in which hidden stacks are trained.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Precision {
    /// 64-bit.
    F64,
    /// 32-bit: half the memory and time, about seven digits.
    F32,
}

/// The first setting outside its range.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{field}: found {found}, expected {expected}")]
pub struct SettingsError {
    /// Name of the field.
    pub field: String,
    /// Its value.
    pub found: String,
    /// What it may be.
    pub expected: &'static str,
}

/// Limits beyond which settings are a slip of the finger rather than a wish.
const MAX_GRADES: usize = 1_000;
const MAX_BRANCHES: usize = 1_000;
const MAX_LAYERS: usize = 1_000;
const MAX_WIDTH: usize = 1 << 16;

pub(crate) fn require(
    ok: bool,
    field: &str,
    found: impl ToString,
    expected: &'static str,
) -> Result<(), SettingsError> {
    if ok { Ok(()) } else { Err(SettingsError { field: field.into(), found: found.to_string(), expected }) }
}

fn check_decay(decay: Option<f64>) -> Result<(), SettingsError> {
    decay.map_or(Ok(()), |decay| {
        require(decay >= 0.0 && decay.is_finite(), "weight decay", decay, "a number of at least 0")
    })
}

fn check_branches(branches: Option<usize>) -> Result<(), SettingsError> {
    let count = branches.unwrap_or(1);
    require((1..=MAX_BRANCHES).contains(&count), "branches", count, "a number from 1 to 1000")
}

impl FitSettings {
    /// These settings, checked.
    ///
    /// # Errors
    /// [`SettingsError`] names the first field outside its documented range.
    ///
    /// ```
    /// use multigrade::FitSettings;
    /// let error = FitSettings { validation: 1.5, ..FitSettings::default() }.validate().unwrap_err();
    /// assert_eq!(error.to_string(), "validation: found 1.5, expected a share in [0, 1)");
    /// ```
    pub fn validate(self) -> Result<Valid<Self>, SettingsError> {
        require((0.0..1.0).contains(&self.validation), "validation", self.validation, "a share in [0, 1)")?;
        if let Some(limit) = self.time_limit {
            require(limit > 0.0 && limit.is_finite(), "time limit", limit, "a positive number of seconds")?;
        }
        for solver in self.first_solvers.iter().chain(&self.solver) {
            self.check_solver(solver)?;
        }
        check_decay(self.weight_decay)?;
        check_branches(self.branches)?;
        let drawn = self.generator == Generator::Xoshiro256 || self.initialisation == Initialisation::FanInUniform;
        require(drawn, "generator", "mersenne", "xoshiro256 with first weights other than fan-in uniform")?;
        match &self.grades {
            Grades::Auto { at_most: count } | Grades::Count(count) => {
                require((1..=MAX_GRADES).contains(count), "grades", count, "a number from 1 to 1000")?;
                require(!self.single_grade, "single grade", "a number of grades", "a list of grades (--grade WIDTHS)")?;
            }
            Grades::List(list) => {
                let count = list.len();
                require((1..=MAX_GRADES).contains(&count), "grades", count, "a list of 1 to 1000 grades")?;
                let named = list.iter().filter(|grade| grade.activations.is_some()).count();
                let all_or_none = named == 0 || named == count;
                let expected = "activations for all grades or for none in a single grade";
                require(!self.single_grade || all_or_none, "activations", format!("{named} of {count}"), expected)?;
                for (k, grade) in list.iter().enumerate() {
                    self.check_grade(k, grade)
                        .map_err(|e| SettingsError { field: format!("grade {}: {}", k + 1, e.field), ..e })?;
                }
            }
        }
        self.check_convex()?;
        Ok(Valid(self))
    }

    /// The solver that these settings name for a grade, counted from 0.
    fn solver_of<'a>(&'a self, k: usize, grade: Option<&'a GradeSettings>) -> Option<&'a Solver> {
        let own = grade.and_then(|grade| grade.solver.as_ref());
        own.or(self.first_solvers.get(k)).or(self.solver.as_ref())
    }

    /// Refuses settings that convex grades cannot follow.
    fn check_convex(&self) -> Result<(), SettingsError> {
        let is_convex = |solver: Option<&Solver>| solver.is_some_and(Solver::is_convex);
        let convex: Vec<bool> = match &self.grades {
            Grades::List(list) => (0..list.len()).map(|k| is_convex(self.solver_of(k, list.get(k)))).collect(),
            // From the last of the first solvers on, all grades are alike.
            Grades::Auto { at_most: count } | Grades::Count(count) => {
                (0..(self.first_solvers.len() + 1).min(*count)).map(|k| is_convex(self.solver_of(k, None))).collect()
            }
        };
        if !convex.contains(&true) {
            return Ok(());
        }
        require(self.carry_inputs, "carry inputs", "no", "yes with convex grades, whose readouts read the inputs")?;
        let solved = self.readout == ReadoutRule::LeastSquares;
        require(solved, "readout", "as trained", "least squares with convex grades, which have no other")?;
        require(
            !self.single_grade,
            "single grade",
            "a convex solver",
            "lbfgs, lm, adam, gd or random for a single grade",
        )?;
        if convex.contains(&false) {
            return Ok(());
        }
        let activation = self.activation.unwrap_or(Activation::Relu);
        let is_relu = activation == Activation::Relu;
        require(is_relu, "activation", activation, "relu, or none named: convex grades are ReLU grades")?;
        let decay = self.weight_decay.unwrap_or(0.0);
        require(decay == 0.0, "weight decay", decay, "none: a convex grade has a penalty instead")?;
        let branches = self.branches.unwrap_or(1);
        require(branches == 1, "branches", branches, "1: the optimum of a convex grade needs no averaging")?;
        require(self.precision == Precision::F64, "precision", "f32", "f64: a proof needs the digits")
    }

    fn check_grade(&self, k: usize, grade: &GradeSettings) -> Result<(), SettingsError> {
        if self.solver_of(k, Some(grade)).is_some_and(Solver::is_convex) {
            let expected = "none: a convex grade finds its own number of neurons (name a number of grades instead)";
            require(grade.widths.is_empty(), "widths", grade, expected)?;
            return grade.solver.as_ref().map_or(Ok(()), |solver| self.check_solver(solver));
        }
        let layers = grade.widths.len();
        require((1..=MAX_LAYERS).contains(&layers), "hidden layers", layers, "1 to 1000 of them")?;
        for width in &grade.widths {
            require((1..=MAX_WIDTH).contains(width), "widths", width, "widths from 1 to 65536")?;
        }
        if let Some(a) = &grade.activations {
            require(a.len() == grade.widths.len(), "activations", a.len(), "one per hidden layer")?;
        }
        check_decay(grade.weight_decay)?;
        check_branches(grade.branches)?;
        grade.solver.as_ref().map_or(Ok(()), |solver| self.check_solver(solver))
    }

    fn check_solver(&self, solver: &Solver) -> Result<(), SettingsError> {
        match solver {
            Solver::RandomFeatures => {
                let ok = self.readout == ReadoutRule::LeastSquares;
                require(ok, "readout", "as trained", "least squares with random features")
            }
            Solver::Convex(settings) => settings.clone().validate().map(drop),
            Solver::ConvexDense { settings, .. } => {
                let skip = settings.skip;
                require(skip == Skip::Affine, "skip", format!("{skip:?}"), "an affine part, as all grades have")?;
                settings.clone().validate().map(drop)
            }
            Solver::Lbfgs { iterations } | Solver::LevenbergMarquardt { iterations } => {
                require(*iterations > 0, "iterations", iterations, "at least 1")?;
                require(
                    self.precision == Precision::F64,
                    "precision",
                    "f32",
                    "f64 with lbfgs and lm, which need the digits",
                )
            }
            Solver::Adam(d) | Solver::GradientDescent(d) => {
                require(d.epochs > 0, "epochs", d.epochs, "at least 1")?;
                require(d.batch != Some(0), "batch", 0, "at least one row")?;
                require(d.rate > 0.0 && d.rate.is_finite(), "learning rate", d.rate, "a positive number")?;
                match d.schedule {
                    Schedule::Constant => Ok(()),
                    Schedule::Exponential { to } => {
                        require(to > 0.0 && to.is_finite(), "schedule", to, "a positive last rate")
                    }
                    Schedule::Cosine { to } => {
                        require(to >= 0.0 && to.is_finite(), "schedule", to, "a last rate of at least 0")
                    }
                }
            }
        }
    }
}

impl std::fmt::Display for Grades {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Auto { at_most } => write!(f, "automatic, at most {at_most}"),
            Self::Count(count) => write!(f, "{count}"),
            Self::List(list) => {
                let texts: Vec<String> = list.iter().map(ToString::to_string).collect();
                f.write_str(&texts.join("  "))
            }
        }
    }
}

/// The text form that [`GradeSettings`] is read from; what it cannot say (weight decay, branches, solver) is left out.
impl std::fmt::Display for GradeSettings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (l, width) in self.widths.iter().enumerate() {
            let comma = if l > 0 { "," } else { "" };
            write!(f, "{comma}{width}")?;
            if let Some(activation) = self.activations.as_ref().and_then(|a| a.get(l)) {
                let next = self.activations.as_ref().and_then(|a| a.get(l + 1));
                if next != Some(activation) {
                    write!(f, ":{activation}")?;
                }
            }
        }
        Ok(())
    }
}

impl std::str::FromStr for GradeSettings {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let expected = "expected widths and activations such as 64,64 or 64,64:tanh or 64:sin,32:relu";
        let (mut widths, mut activations) = (Vec::new(), Vec::new());
        for part in text.split(',') {
            let (width, activation) = part.split_once(':').map_or((part, None), |(w, a)| (w, Some(a)));
            let width: usize = width.trim().parse().map_err(|_| format!("'{part}' is not a width; {expected}"))?;
            widths.push(width);
            if let Some(name) = activation {
                activations.resize(widths.len(), name.trim().parse::<Activation>()?);
            }
        }
        let activations = match activations.len() {
            0 => None,
            n if n == widths.len() => Some(activations),
            _ => return Err(format!("'{text}': the last widths have no activation; {expected}")),
        };
        Ok(Self { widths, activations, ..Self::default() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_text_form_of_a_grade_reads_back_as_the_same_grade(
            layers in prop::collection::vec((1usize..300, prop::sample::select(Activation::ALL.to_vec())), 1..6),
            named: bool,
        ) {
            let (widths, activations): (Vec<_>, Vec<_>) = layers.into_iter().unzip();
            let grade = GradeSettings { widths, activations: named.then_some(activations), ..GradeSettings::default() };
            prop_assert_eq!(grade.to_string().parse::<GradeSettings>().unwrap(), grade);
        }

        #[test]
        fn settings_survive_json_and_never_panic_on_odd_numbers(validation: f64, limit: f64, rate: f64, decay: f64) {
            let descent = Descent { rate, ..Descent::default() };
            let grade = GradeSettings { widths: vec![3], weight_decay: Some(decay), ..GradeSettings::default() };
            let settings = FitSettings {
                validation, time_limit: Some(limit), solver: Some(Solver::Adam(descent)), grades: Grades::List(vec![grade]), ..FitSettings::default()
            };
            let all_good = (0.0..1.0).contains(&validation) && limit > 0.0 && limit.is_finite() && rate > 0.0 && rate.is_finite() && decay >= 0.0 && decay.is_finite();
            match settings.clone().validate() {
                Ok(valid) => {
                    prop_assert!(all_good);
                    let text = serde_json::to_string(&*valid).unwrap();
                    prop_assert_eq!(serde_json::from_str::<FitSettings>(&text).unwrap(), settings);
                }
                Err(_) => prop_assert!(!all_good),
            }
        }
    }

    #[test]
    fn a_wrong_grade_says_what_was_expected() {
        for text in ["", "64,", "64:tahn", "x", "-3", "64:tanh,32", "99999999999999999999"] {
            let error = text.parse::<GradeSettings>().unwrap_err();
            assert!(error.contains("expected"), "{text}: {error}");
        }
        let none = FitSettings { grades: Grades::List(vec![GradeSettings::default()]), ..FitSettings::default() };
        assert_eq!(
            none.validate().unwrap_err().to_string(),
            "grade 1: hidden layers: found 0, expected 1 to 1000 of them"
        );
    }
}
