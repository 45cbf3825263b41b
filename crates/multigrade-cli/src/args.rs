//! What may be typed, and nothing else: every command's options, in the order of its help page.

mod construct;
mod examples;
mod export;
mod fit;

use std::path::PathBuf;

use clap::error::{ContextKind, ContextValue};
use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;
use multigrade::Multigrade;
use multigrade::table::{DecimalMark, Delimiter, Header, ReadOptions};

use crate::failure::Failure;

pub(crate) use construct::{ConstructArgs, SchemeArg, SideArg, StrategyArg};
pub(crate) use export::{ExportArgs, FormatArg};
pub(crate) use fit::{
    BatchArg, ClassArg, ConvexArgs, FitArgs, GeneratorArg, GradesArg, InitArg, PenaltyArg, ReadoutArg, SolverArg,
    TaskArg, TrainingArgs, ValidationArg,
};

/// Examples stand above the options: they are what most readers look for.
const TEMPLATE: &str = "{about}\n\n{usage-heading} {usage}{after-help}\n\n{all-args}";

/// Build deep networks grade by grade: each grade fits what the grades before it left over.
#[derive(Debug, Parser)]
#[command(name = "multigrade", version, help_template = TEMPLATE, after_help = examples::TOP)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Options behind which names stand.
const LISTS: [&str; 6] = ["-t", "--target", "-f", "--features", "--ignore", "--keep"];

impl Cli {
    /// What was typed. Ends the program where that makes no sense, or help was asked for.
    pub(crate) fn read() -> Self {
        Self::try_parse().unwrap_or_else(|mut error| {
            let typed: Vec<String> = std::env::args_os().map(|word| word.to_string_lossy().into_owned()).collect();
            if let Some(option) = list_with_spaces(&error, &typed) {
                let tip = format!("names behind {option} are separated by commas, without spaces");
                error.insert(ContextKind::Suggested, ContextValue::StyledStrs(vec![tip.into()]));
            }
            error.exit()
        })
    }
}

/// The option behind which the word stands that is one too many, if it takes a list of names.
fn list_with_spaces<'a>(error: &clap::Error, typed: &'a [String]) -> Option<&'a str> {
    let Some(ContextValue::String(surplus)) = error.get(ContextKind::InvalidArg) else { return None };
    let at = typed.iter().position(|word| word == surplus && !word.starts_with('-'))?;
    let option = typed[..at].iter().rev().find(|word| word.starts_with('-'))?;
    let name = option.split('=').next()?;
    LISTS.contains(&name).then_some(name)
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Demo(DemoArgs),
    Fit(Box<FitArgs>),
    Predict(PredictArgs),
    Evaluate(EvaluateArgs),
    Inspect(InspectArgs),
    Truncate(TruncateArgs),
    Report(ReportArgs),
    Construct(ConstructArgs),
    Certify(CertifyArgs),
    Check(CheckArgs),
    Export(ExportArgs),
    Reproduce(ReproduceArgs),
    Completions(CompletionsArgs),
}

/// Fit the engine data that come with the program and show what to do next.
#[derive(Args, Debug)]
#[command(help_template = TEMPLATE, after_help = examples::DEMO)]
pub(crate) struct DemoArgs {
    /// Folder for the files it makes
    #[arg(short, long, value_name = "DIR", default_value = "multigrade-demo")]
    pub(crate) out: PathBuf,
    /// Number that fixes every random choice
    #[arg(long, default_value_t = 0, value_name = "N", allow_negative_numbers = true)]
    pub(crate) seed: u64,
    #[command(flatten)]
    pub(crate) time_limit: TimeLimitArg,
    #[command(flatten)]
    pub(crate) run: RunArgs,
}

/// Predict the outputs for the rows of a table, as CSV.
#[derive(Args, Debug)]
#[command(help_template = TEMPLATE, after_help = examples::PREDICT)]
pub(crate) struct PredictArgs {
    /// Model file
    pub(crate) model: PathBuf,
    /// Table with the model's input columns (CSV, Parquet or NumPy; - reads standard input)
    pub(crate) data: PathBuf,
    /// File to write; standard output without it
    #[arg(short, long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
    /// Number columns of DATA to write before the predictions, separated by commas, or all
    #[arg(long, value_name = "COLS|all", value_delimiter = ',')]
    pub(crate) keep: Vec<String>,
    /// Use the first K grades only
    #[arg(long, value_name = "K", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) grades: Option<u32>,
    /// Write the prediction after every grade: thrust@1, thrust@2, ...
    #[arg(long)]
    pub(crate) staged: bool,
    /// Numbers to compute in
    #[arg(long, value_enum, default_value_t = PrecisionArg::F64)]
    pub(crate) precision: PrecisionArg,
    /// Overwrite FILE
    #[arg(long)]
    pub(crate) force: bool,
    #[command(flatten)]
    pub(crate) threads: ThreadsArg,
    #[command(flatten)]
    pub(crate) table: TableArgs,
}

/// Measure a model on the rows of a table.
#[derive(Args, Debug)]
#[command(help_template = TEMPLATE, after_help = examples::EVALUATE)]
pub(crate) struct EvaluateArgs {
    /// Model file
    pub(crate) model: PathBuf,
    /// Table with the model's input and output columns (CSV, Parquet or NumPy; - reads standard input)
    pub(crate) data: PathBuf,
    /// Column with the weights of the rows
    #[arg(long, value_name = "COL")]
    pub(crate) weights: Option<String>,
    /// Use the first K grades only
    #[arg(long, value_name = "K", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) grades: Option<u32>,
    /// Exit with status 1 if the RMSE of an output is larger than this
    #[arg(long, value_name = "X", allow_negative_numbers = true, value_parser = error_limit)]
    pub(crate) max_rmse: Option<f64>,
    /// Exit with status 1 if the accuracy of a classifier is smaller than this
    #[arg(long, value_name = "X", allow_negative_numbers = true)]
    pub(crate) min_accuracy: Option<f64>,
    /// Print one JSON document instead of tables
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) threads: ThreadsArg,
    #[command(flatten)]
    pub(crate) table: TableArgs,
}

/// Show what a model is and how it came to be.
#[derive(Args, Debug)]
#[command(help_template = TEMPLATE, after_help = examples::INSPECT)]
pub(crate) struct InspectArgs {
    /// Model file
    pub(crate) model: PathBuf,
    /// Table that the model was fitted on: recompute the proofs of its convex grades from it
    #[arg(long, value_name = "DATA")]
    pub(crate) verify: Option<PathBuf>,
    /// Column with the weights of the rows, if the fit used one
    #[arg(long, value_name = "COL", requires = "verify")]
    pub(crate) weights: Option<String>,
    /// Print one JSON document instead of tables
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) table: TableArgs,
}

/// Write the first grades of a model as a model of its own.
#[derive(Args, Debug)]
#[command(help_template = TEMPLATE, after_help = examples::TRUNCATE)]
pub(crate) struct TruncateArgs {
    /// Model file
    pub(crate) model: PathBuf,
    /// Number of grades to keep
    #[arg(long, value_name = "K", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) grades: u32,
    /// Model file to write
    #[arg(short, long, value_name = "FILE")]
    pub(crate) out: PathBuf,
    /// Overwrite FILE
    #[arg(long)]
    pub(crate) force: bool,
}

/// Write the HTML report of a model again, from the table it was fitted on.
#[derive(Args, Debug)]
#[command(help_template = TEMPLATE, after_help = examples::REPORT)]
pub(crate) struct ReportArgs {
    /// Model file
    pub(crate) model: PathBuf,
    /// Table that the model was fitted on
    pub(crate) data: PathBuf,
    /// File to write; beside the model without it
    #[arg(short, long, value_name = "FILE.html")]
    pub(crate) out: Option<PathBuf>,
    /// Column with the weights of the rows, if the fit used one
    #[arg(long, value_name = "COL")]
    pub(crate) weights: Option<String>,
    /// Table of held-out rows, if the fit used one
    #[arg(long, value_name = "FILE")]
    pub(crate) validation: Option<PathBuf>,
    /// Overwrite an existing file
    #[arg(long)]
    pub(crate) force: bool,
    /// Print what the report says as one JSON document; write HTML only with --out
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) table: TableArgs,
}

/// Prove how far a ReLU network is from a function, on a whole box.
#[derive(Args, Debug)]
#[command(help_template = TEMPLATE, after_help = examples::CERTIFY)]
pub(crate) struct CertifyArgs {
    /// Model file
    pub(crate) model: PathBuf,
    /// Function, a formula in the names of the model's inputs
    #[arg(short, long, value_name = "EXPR", allow_hyphen_values = true)]
    pub(crate) function: String,
    /// Box, a side for each input of the model, such as x=0..1,y=-2..2
    #[arg(short, long, value_name = "BOX")]
    pub(crate) domain: String,
    /// Output that is to be like the function; not needed if there is one only
    #[arg(long, value_name = "NAME")]
    pub(crate) output: Option<String>,
    /// Bound to prove; exit with status 1 if that fails. Without it the bound is made tight
    #[arg(long, value_name = "E", allow_negative_numbers = true)]
    pub(crate) tol: Option<f64>,
    /// Boxes that the proof for a grade may use
    #[arg(long, value_name = "N", default_value_t = 200_000)]
    pub(crate) boxes: usize,
    /// Certificate to write, with the report beside it; MODEL.certificate.json without it
    #[arg(short, long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
    /// Write no HTML report
    #[arg(long)]
    pub(crate) no_report: bool,
    #[command(flatten)]
    pub(crate) time_limit: TimeLimitArg,
    #[command(flatten)]
    pub(crate) run: RunArgs,
}

/// Prove again what a certificate says of a model, on every point of its box.
#[derive(Args, Debug)]
#[command(help_template = TEMPLATE, after_help = examples::CHECK)]
pub(crate) struct CheckArgs {
    /// Certificate file
    pub(crate) certificate: PathBuf,
    /// Model file
    pub(crate) model: PathBuf,
    /// Print one JSON document instead of text
    #[arg(long)]
    pub(crate) json: bool,
}

/// Run the experiments of the papers on multigrade learning again, beside ours and simple methods.
#[derive(Args, Debug)]
#[command(help_template = TEMPLATE, after_help = examples::REPRODUCE)]
pub(crate) struct ReproduceArgs {
    /// Name of an experiment, all of them, or list
    #[arg(value_name = "NAME|all|list")]
    pub(crate) name: String,
    /// Small networks where the published ones take hours, and fewer runs of the long ones: minutes (this is the default)
    #[arg(long, conflicts_with = "full")]
    pub(crate) quick: bool,
    /// The published sizes and several seeds: hours or days
    #[arg(long)]
    pub(crate) full: bool,
    /// Folder for the files it makes
    #[arg(short, long, value_name = "DIR", default_value = "multigrade-reproduced")]
    pub(crate) out: PathBuf,
    /// Write all reports as one Markdown file, too; full runs that are in the folder stand there instead of quick ones
    #[arg(long, value_name = "FILE.md")]
    pub(crate) markdown: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) run: RunArgs,
}

/// Print a script that completes commands and options in a shell.
#[derive(Args, Debug)]
#[command(help_template = TEMPLATE, after_help = examples::COMPLETIONS)]
pub(crate) struct CompletionsArgs {
    /// The shell
    pub(crate) shell: Shell,
}

/// Options of every command that computes for a while and writes files.
#[derive(Args, Debug)]
pub(crate) struct RunArgs {
    /// Overwrite existing files
    #[arg(long)]
    pub(crate) force: bool,
    /// Print one JSON document instead of tables
    #[arg(long)]
    pub(crate) json: bool,
    /// No progress on standard error
    #[arg(short, long)]
    pub(crate) quiet: bool,
    #[command(flatten)]
    pub(crate) threads: ThreadsArg,
}

#[derive(Args, Debug)]
pub(crate) struct TimeLimitArg {
    /// Stop after this time; what was reached by then is the answer
    #[arg(long = "time-limit", value_name = "SECONDS", allow_negative_numbers = true)]
    pub(crate) seconds: Option<f64>,
}

#[derive(Args, Debug)]
pub(crate) struct ThreadsArg {
    /// Threads to use; all cores without it. The result does not depend on it
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) threads: Option<u16>,
}

#[derive(Args, Debug)]
#[command(next_help_heading = "Reading the table")]
pub(crate) struct TableArgs {
    /// Character between columns; found out without it
    #[arg(long, value_enum)]
    pub(crate) delimiter: Option<DelimiterArg>,
    /// Decimal mark; found out without it
    #[arg(long, value_enum)]
    pub(crate) decimal: Option<DecimalArg>,
    /// The first line holds names, even if they are numbers; found out without it
    #[arg(long, conflicts_with = "no_header")]
    pub(crate) header: bool,
    /// The first line holds numbers: columns are called x1, x2, ...
    #[arg(long)]
    pub(crate) no_header: bool,
    /// Rows in which a column that is used has a missing cell (empty, NaN, NA, ...): an error, left out, or kept, with the
    /// median of the column's training rows and an input that tells. Rows without a target are then left out
    /// [default: refuse, or impute where the model was fitted so]
    #[arg(long, value_enum)]
    pub(crate) missing: Option<MissingArg>,
}

impl TableArgs {
    /// What happens to rows with missing cells in front of `model`, or in a fit that begins.
    ///
    /// # Errors
    /// Cells cannot be filled if the model does not say how.
    pub(crate) fn missing(&self, model: Option<&Multigrade>) -> Result<MissingArg, Failure> {
        let imputes = model.map(|model| model.schema().imputation.is_some());
        match (self.missing, imputes) {
            (None, Some(true)) => Ok(MissingArg::Impute),
            (Some(MissingArg::Impute), Some(false)) => {
                Err("--missing impute: the model does not say what stands for missing \
                 cells; fit it with --missing impute, or use --missing drop"
                    .to_owned()
                    .into())
            }
            (missing, _) => Ok(missing.unwrap_or(MissingArg::Refuse)),
        }
    }

    pub(crate) fn options(&self, missing: MissingArg) -> ReadOptions {
        ReadOptions {
            delimiter: self.delimiter.map(|delimiter| match delimiter {
                DelimiterArg::Comma => Delimiter::Comma,
                DelimiterArg::Semicolon => Delimiter::Semicolon,
                DelimiterArg::Tab => Delimiter::Tab,
            }),
            decimal: self.decimal.map(|mark| match mark {
                DecimalArg::Point => DecimalMark::Point,
                DecimalArg::Comma => DecimalMark::Comma,
            }),
            header: match (self.header, self.no_header) {
                (true, _) => Header::Yes,
                (_, true) => Header::No,
                _ => Header::Auto,
            },
            gaps: missing != MissingArg::Refuse,
            ..ReadOptions::default()
        }
    }
}

fn error_limit(text: &str) -> Result<f64, &'static str> {
    text.parse().ok().filter(|limit| *limit >= 0.0).ok_or("expected a number of at least 0")
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum MissingArg {
    Refuse,
    Drop,
    Impute,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum DelimiterArg {
    #[value(alias = ",")]
    Comma,
    #[value(alias = ";")]
    Semicolon,
    #[value(alias = "\t")]
    Tab,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum DecimalArg {
    Point,
    Comma,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum PrecisionArg {
    F64,
    F32,
}

impl From<PrecisionArg> for multigrade::Precision {
    fn from(precision: PrecisionArg) -> Self {
        match precision {
            PrecisionArg::F64 => Self::F64,
            PrecisionArg::F32 => Self::F32,
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn the_options_of_every_command_are_consistent() {
        super::Cli::command().debug_assert();
    }
}
