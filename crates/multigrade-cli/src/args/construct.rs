//! The options of `multigrade construct`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::{RunArgs, TEMPLATE, TimeLimitArg, examples};

/// Build a network from a formula, to a tolerance that is proved on a whole box.
#[derive(Args, Debug)]
#[command(help_template = TEMPLATE, after_help = examples::CONSTRUCT)]
pub(crate) struct ConstructArgs {
    /// The formula, such as "sin(3*x)*exp(-y^2)"
    #[arg(value_name = "EXPR", allow_hyphen_values = true)]
    pub(crate) expression: String,
    /// The box: a side for each variable, such as "x=0..1, y=-2..2"
    #[arg(short, long, value_name = "BOX")]
    pub(crate) domain: String,
    /// Largest difference between formula and network, anywhere in the box
    #[arg(short, long, value_name = "E", allow_negative_numbers = true)]
    pub(crate) tol: f64,
    /// Model file to write; .safetensors is added
    #[arg(short, long, value_name = "NAME", default_value = "network")]
    pub(crate) out: PathBuf,
    /// Compile the formula step by step, or lay a mesh; auto takes the smaller one
    #[arg(long, value_enum, default_value_t = StrategyArg::Auto)]
    pub(crate) strategy: StrategyArg,
    /// How grades follow each other: monotone, no point's residual ever grows; or plain, the smallest network
    /// [default: plain for --strategy compile, else monotone]
    #[arg(long, value_enum)]
    pub(crate) scheme: Option<SchemeArg>,
    /// Number of grades; without it their tolerances fall by a factor of 16. A compiled formula has one in the plain scheme,
    /// and at most 4, whose tolerances fall by 10, in the monotone one
    #[arg(long, value_name = "N")]
    pub(crate) grades: Option<usize>,
    /// Nodes built side by side: more of them make the network wider and less deep
    #[arg(long, value_name = "N")]
    pub(crate) lanes: Option<usize>,
    /// Keep the network on this side of the formula everywhere
    #[arg(long, value_enum, value_name = "SIDE")]
    pub(crate) one_sided: Option<SideArg>,
    /// Most nodes of a mesh
    #[arg(long, value_name = "N", default_value_t = 200_000)]
    pub(crate) max_nodes: usize,
    /// Write no HTML report
    #[arg(long)]
    pub(crate) no_report: bool,
    #[command(flatten)]
    pub(crate) time_limit: TimeLimitArg,
    #[command(flatten)]
    pub(crate) run: RunArgs,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum StrategyArg {
    Auto,
    Mesh,
    Compile,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum SchemeArg {
    Monotone,
    Plain,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum SideArg {
    Above,
    Below,
}
