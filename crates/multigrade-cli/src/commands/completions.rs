//! `multigrade completions`

use clap::CommandFactory;
use std::io::Write;

use crate::args::{Cli, CompletionsArgs};
use crate::failure::{Failure, Status};

pub(crate) fn run(args: &CompletionsArgs) -> Result<Status, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "multigrade", &mut script);
    std::io::stdout().write_all(&script)?;
    Ok(Status::Done)
}
