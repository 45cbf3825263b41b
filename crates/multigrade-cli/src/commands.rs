//! What each command does.

mod approximation;
pub(crate) mod certify;
pub(crate) mod check;
pub(crate) mod completions;
pub(crate) mod construct;
pub(crate) mod demo;
pub(crate) mod evaluate;
mod evaluate_classes;
pub(crate) mod export;
pub(crate) mod fit;
pub(crate) mod inspect;
mod learn;
pub(crate) mod predict;
pub(crate) mod report;
pub(crate) mod reproduce;
pub(crate) mod truncate;

use std::io::Write;

use serde::Serialize;

use crate::args::ThreadsArg;
use crate::failure::Failure;

/// Makes the pool of threads that everything runs on.
fn use_threads(threads: &ThreadsArg) -> Result<(), Failure> {
    let Some(count) = threads.threads else { return Ok(()) };
    let pool = rayon::ThreadPoolBuilder::new().num_threads(count.into());
    pool.build_global().map_err(|error| format!("--threads {count}: {error}").into())
}

/// Writes one JSON document to standard output.
fn print_json(document: &impl Serialize) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    serde_json::to_writer_pretty(&mut out, document)?;
    Ok(writeln!(out)?)
}

pub(crate) fn warn(text: &str) {
    eprintln!("warning: {}", crate::grid::printable(text));
}
