//! The options of `multigrade fit`: first what everybody needs, then one heading for each part of the method.

use std::path::PathBuf;
use std::str::FromStr;

use clap::{Args, ValueEnum};
use multigrade::{Activation, GradeSettings, Schedule};

use super::{PrecisionArg, RunArgs, TEMPLATE, TableArgs, TimeLimitArg, examples};

/// Options that a fit which goes on takes from its model.
const SETTINGS: [&str; 12] = [
    "target",
    "features",
    "ignore",
    "task",
    "seed",
    "activation",
    "weight_decay",
    "branches",
    "single_grade",
    "TrainingArgs",
    "ConvexArgs",
    "MethodArgs",
];

/// Learn the target columns of a table from its other columns, or a formula, with a proof.
#[derive(Args, Debug)]
#[command(help_template = TEMPLATE, after_help = examples::FIT)]
pub(crate) struct FitArgs {
    /// Table to learn from (CSV with a header line, Parquet or NumPy)
    #[arg(required_unless_present = "function")]
    pub(crate) data: Option<PathBuf>,
    /// Columns to learn, separated by commas
    #[arg(short, long, required_unless_present_any = ["function", "start"], value_name = "COLS", value_delimiter = ',')]
    pub(crate) target: Vec<String>,
    /// Model file to write; .safetensors is added
    #[arg(short, long, value_name = "MODEL")]
    pub(crate) out: PathBuf,
    /// Go on from this model, with the table it was fitted on and its settings: to the end of an interrupted fit, to as
    /// many grades as --grades says, or with the further ones of --grade
    #[arg(long = "continue", value_name = "MODEL", conflicts_with_all = SETTINGS)]
    pub(crate) start: Option<PathBuf>,
    /// What the target is: numbers, or classes. auto takes a target whose cells are all texts for classes
    #[arg(long, value_enum, default_value_t = TaskArg::Auto)]
    pub(crate) task: TaskArg,
    /// Columns to learn from; all others without it
    #[arg(short, long, value_name = "COLS", value_delimiter = ',')]
    pub(crate) features: Vec<String>,
    /// Columns to leave out
    #[arg(long, value_name = "COLS", value_delimiter = ',')]
    pub(crate) ignore: Vec<String>,
    /// Column with the weights of the rows; a weight of 2 is like the row twice
    #[arg(long, value_name = "COL")]
    pub(crate) weights: Option<String>,
    /// Share of the rows to hold out, or a table of held-out rows
    #[arg(long, value_name = "SHARE|FILE", default_value = "0.2", allow_hyphen_values = true)]
    pub(crate) validation: ValidationArg,
    /// Number that fixes every random choice
    #[arg(long, default_value_t = 0, value_name = "N", allow_negative_numbers = true)]
    pub(crate) seed: u64,
    /// Write no HTML report
    #[arg(long)]
    pub(crate) no_report: bool,
    /// Memory for what the finished grades make of the rows; what takes more is computed again when it is needed. The
    /// result does not depend on it
    #[arg(long, value_name = "MIB", default_value_t = 1024)]
    pub(crate) memory: u32,
    #[command(flatten)]
    pub(crate) time_limit: TimeLimitArg,
    #[command(flatten)]
    pub(crate) run: RunArgs,
    #[command(flatten)]
    pub(crate) formula: FormulaArgs,
    #[command(flatten)]
    pub(crate) shape: ShapeArgs,
    #[command(flatten)]
    pub(crate) training: TrainingArgs,
    #[command(flatten)]
    pub(crate) convex: ConvexArgs,
    #[command(flatten)]
    pub(crate) method: MethodArgs,
    #[command(flatten)]
    pub(crate) table: TableArgs,
}

/// Options that only tables have.
const OF_TABLES: [&str; 19] = [
    "data",
    "missing",
    "start",
    "target",
    "task",
    "features",
    "ignore",
    "weights",
    "validation",
    "refit",
    "no_refit",
    "penalty",
    "convex_class",
    "gap",
    "single_grade",
    "delimiter",
    "decimal",
    "header",
    "no_header",
];

#[derive(Args, Debug)]
#[command(next_help_heading = "Learning a formula instead of a table, with a proof")]
pub(crate) struct FormulaArgs {
    /// Formula to learn, on fresh points of the box for every grade; ReLU grades, each of them proved
    #[arg(short = 'F', long, value_name = "EXPR", allow_hyphen_values = true, requires = "domain", conflicts_with_all = OF_TABLES)]
    pub(crate) function: Option<String>,
    /// The box: a side for each variable, such as x=0..1,y=-2..2
    #[arg(short, long, value_name = "BOX", requires = "function")]
    pub(crate) domain: Option<String>,
    /// Largest difference between formula and network to be proved; exit with status 1 if that fails
    #[arg(long, value_name = "E", requires = "function", allow_negative_numbers = true)]
    pub(crate) tol: Option<f64>,
    /// Project the grades onto proved tubes, so that no point's residual ever grows
    #[arg(long, requires = "function")]
    pub(crate) project: bool,
    /// Points of the box for each grade [default: 4000]
    #[arg(long, value_name = "N", requires = "function")]
    pub(crate) rows: Option<usize>,
    /// Boxes that the proof for a grade may use [default: 200000]
    #[arg(long, value_name = "N", requires = "function")]
    pub(crate) boxes: Option<usize>,
}

#[derive(Args, Debug)]
#[command(next_help_heading = "What the grades look like (without these, held-out rows decide)")]
pub(crate) struct ShapeArgs {
    /// Number of grades; auto adds them while held-out rows gain
    #[arg(long, value_name = "auto|N", conflicts_with = "grade")]
    pub(crate) grades: Option<GradesArg>,
    /// Largest number of grades for --grades auto [default: 8]
    #[arg(long, value_name = "N", conflicts_with = "grade")]
    pub(crate) max_grades: Option<usize>,
    /// Hidden widths and activation of a grade, such as 64,64:tanh; once for each grade
    #[arg(long, value_name = "WIDTHS[:ACT]")]
    pub(crate) grade: Vec<GradeSettings>,
    /// Activation of the grades that name none: relu, tanh, sin, square, identity
    #[arg(long, value_name = "ACT")]
    pub(crate) activation: Option<Activation>,
    /// Weight decay of every grade
    #[arg(long, value_name = "X", allow_negative_numbers = true)]
    pub(crate) weight_decay: Option<f64>,
    /// Networks trained apart and averaged in every grade
    #[arg(long, value_name = "N")]
    pub(crate) branches: Option<usize>,
    /// Train the layers of all --grade options end to end instead, for comparison
    #[arg(long, requires = "grade")]
    pub(crate) single_grade: bool,
}

#[derive(Args, Debug)]
#[command(next_help_heading = "Training")]
pub(crate) struct TrainingArgs {
    /// How hidden layers are found; lm (Levenberg-Marquardt) is for small ones; convex proves that its are the best of their class; random leaves them as drawn.
    /// One for all grades, or one each: the last serves all later ones
    /// [default: lbfgs up to 10000 rows, then adam]
    #[arg(long, value_enum, value_delimiter = ',')]
    pub(crate) solver: Vec<SolverArg>,
    /// Iterations of lbfgs [default: 500] or lm [default: 100]
    #[arg(long, value_name = "N")]
    pub(crate) iterations: Option<u32>,
    /// Passes of adam or gd over the rows [default: 100]
    #[arg(long, value_name = "N")]
    pub(crate) epochs: Option<u32>,
    /// Rows of a mini-batch of adam or gd [default: 256]
    #[arg(long, value_name = "N|all")]
    pub(crate) batch: Option<BatchArg>,
    /// First learning rate of adam or gd [default: 0.001]
    #[arg(long, value_name = "X", allow_negative_numbers = true)]
    pub(crate) rate: Option<f64>,
    /// Learning rate: constant, or falling to a last one: exponential:TO, cosine:TO
    #[arg(long, value_name = "SCHEDULE", value_parser = schedule)]
    pub(crate) schedule: Option<Schedule>,
    /// Epochs without gain after which adam or gd stops
    #[arg(long, value_name = "N")]
    pub(crate) patience: Option<u32>,
    /// Train on all rows again once the grades are chosen [default: up to 10000 rows]
    #[arg(long, overrides_with = "no_refit")]
    pub(crate) refit: bool,
    /// Keep the model that did not see the held-out rows
    #[arg(long, overrides_with = "refit")]
    pub(crate) no_refit: bool,
    /// Numbers to train in
    #[arg(long, value_enum, default_value_t = PrecisionArg::F64)]
    pub(crate) precision: PrecisionArg,
}

#[derive(Args, Debug)]
#[command(next_help_heading = "Convex grades (--solver convex)")]
pub(crate) struct ConvexArgs {
    /// Penalty of the neurons: gcv, held-out, blocks:N (for noise that is alike over N neighbours), noise:SD,
    /// neurons:N, relative:X (share of the largest useful one), or the penalty itself [default: gcv]
    #[arg(long, value_name = "RULE", allow_hyphen_values = true)]
    pub(crate) penalty: Option<PenaltyArg>,
    /// What a neuron reads: one feature (any number of features, exact), or all of them (few features, one target) [default: one-input]
    #[arg(long, value_enum)]
    pub(crate) convex_class: Option<ClassArg>,
    /// Relative gap to the global optimum that is to be proved [default: 1e-9, dense 1e-6]
    #[arg(long, value_name = "X", allow_negative_numbers = true)]
    pub(crate) gap: Option<f64>,
}

#[derive(Args, Debug)]
#[command(next_help_heading = "Parts of the method")]
pub(crate) struct MethodArgs {
    /// How the readout of a grade is found
    #[arg(long, value_enum, default_value_t = ReadoutArg::LeastSquares)]
    pub(crate) readout: ReadoutArg,
    /// Take the last weights of a solver, not the best
    #[arg(long)]
    pub(crate) keep_last: bool,
    /// Leave inputs and targets as they are in the table
    #[arg(long)]
    pub(crate) no_standardise_data: bool,
    /// Leave the residual as large as it is before each grade
    #[arg(long)]
    pub(crate) no_rescale: bool,
    /// Hide the inputs from the readouts and the later grades
    #[arg(long)]
    pub(crate) no_carry: bool,
    /// Leave the features as they are before each grade
    #[arg(long)]
    pub(crate) no_standardise: bool,
    /// Distribution of the first weights
    #[arg(long, value_enum, default_value_t = InitArg::ScaledNormal)]
    pub(crate) init: InitArg,
    /// Start every grade from the same random numbers
    #[arg(long)]
    pub(crate) same_init: bool,
    /// Where first weights and orders of rows come from
    #[arg(long, value_enum, default_value_t = GeneratorArg::Xoshiro256)]
    pub(crate) generator: GeneratorArg,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum TaskArg {
    Auto,
    Regression,
    Classification,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum SolverArg {
    Lbfgs,
    Lm,
    Adam,
    Gd,
    Random,
    Convex,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ClassArg {
    OneInput,
    Dense,
}

/// The penalty of convex grades, or the rule that chooses it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum PenaltyArg {
    Gcv,
    HeldOut,
    Blocks(usize),
    Noise(f64),
    Neurons(usize),
    Relative(f64),
    Absolute(f64),
}

impl FromStr for PenaltyArg {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const EXPECTED: &str =
            "expected gcv, held-out, blocks:N, noise:SD, neurons:N, relative:X or a number, such as neurons:20";
        fn number<T: FromStr>(text: &str) -> Result<T, &'static str> {
            text.parse().map_err(|_| EXPECTED)
        }
        match text.split_once(':') {
            None if text == "gcv" => Ok(Self::Gcv),
            None if text == "held-out" => Ok(Self::HeldOut),
            None => number(text).map(Self::Absolute),
            Some(("blocks", n)) => number(n).map(Self::Blocks),
            Some(("noise", sd)) => number(sd).map(Self::Noise),
            Some(("neurons", n)) => number(n).map(Self::Neurons),
            Some(("relative", share)) => number(share).map(Self::Relative),
            Some(_) => Err(EXPECTED),
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ReadoutArg {
    LeastSquares,
    AsTrained,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum InitArg {
    ScaledNormal,
    FanInUniform,
    He,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum GeneratorArg {
    Xoshiro256,
    Mersenne,
}

/// `auto` or a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum GradesArg {
    Auto,
    Count(usize),
}

impl FromStr for GradesArg {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "auto" => Ok(Self::Auto),
            _ => text.parse().map(Self::Count).map_err(|_| "expected a number of grades or auto"),
        }
    }
}

/// `all` or a number of rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BatchArg {
    All,
    Rows(usize),
}

impl FromStr for BatchArg {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "all" => Ok(Self::All),
            _ => text.parse().map(Self::Rows).map_err(|_| "expected a number of rows or all"),
        }
    }
}

/// A share, or a file of held-out rows.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum ValidationArg {
    Share(f64),
    File(PathBuf),
}

impl FromStr for ValidationArg {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(text.parse().map_or_else(|_| Self::File(text.into()), Self::Share))
    }
}

impl std::fmt::Display for ValidationArg {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Share(share) => share.fmt(f),
            Self::File(path) => path.display().fmt(f),
        }
    }
}

fn schedule(text: &str) -> Result<Schedule, String> {
    let expected = || format!("'{text}' is no schedule; expected constant, exponential:TO or cosine:TO");
    let (name, to) = text.split_once(':').map_or((text, None), |(name, to)| (name, Some(to)));
    let to = to.map(str::parse::<f64>).transpose().map_err(|_| expected())?;
    match (name, to) {
        ("constant", None) => Ok(Schedule::Constant),
        ("exponential", Some(to)) => Ok(Schedule::Exponential { to }),
        ("cosine", Some(to)) => Ok(Schedule::Cosine { to }),
        _ => Err(expected()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_schedule_is_a_name_and_a_last_rate_unless_it_is_constant() {
        assert_eq!(schedule("cosine:1e-6"), Ok(Schedule::Cosine { to: 1e-6 }));
        assert_eq!(schedule("constant"), Ok(Schedule::Constant));
        for wrong in ["constant:1", "cosine", "exponential:", "linear:1", ""] {
            assert!(schedule(wrong).unwrap_err().contains("expected constant"), "{wrong}");
        }
    }

    #[test]
    fn what_is_no_number_is_a_file_of_held_out_rows() {
        assert_eq!("0.25".parse(), Ok(ValidationArg::Share(0.25)));
        assert_eq!("held.csv".parse(), Ok(ValidationArg::File("held.csv".into())));
    }
}
