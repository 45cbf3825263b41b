//! The options of `multigrade export`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::{PrecisionArg, TEMPLATE, examples};

/// Write a model in the format of other programs.
#[derive(Args, Debug)]
#[command(help_template = TEMPLATE, after_help = examples::EXPORT)]
pub(crate) struct ExportArgs {
    /// Model file
    pub(crate) model: PathBuf,
    /// Format of the file; onnx is a plain chain of Gemm and activations between the scalings
    #[arg(long, value_enum)]
    pub(crate) format: FormatArg,
    /// File to write; beside the model without it
    #[arg(short, long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
    /// Use the first K grades only
    #[arg(long, value_name = "K", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) grades: Option<u32>,
    /// Make the prediction after every grade an output too
    #[arg(long)]
    pub(crate) staged: bool,
    /// Numbers of inputs, weights and outputs
    #[arg(long, value_enum, default_value_t = PrecisionArg::F32)]
    pub(crate) precision: PrecisionArg,
    /// Certificate of the model: it is checked, and what it proves of the file is printed too
    #[arg(long, value_name = "FILE")]
    pub(crate) certificate: Option<PathBuf>,
    /// Overwrite FILE
    #[arg(long)]
    pub(crate) force: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum FormatArg {
    Onnx,
}
