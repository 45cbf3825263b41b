//! The program `multigrade`: what is typed in `args`, what each command does in `commands`, and below them the pieces
//! that several commands share.

mod args;
mod bounds;
mod class_summary;
mod classes;
mod commands;
mod data;
mod failure;
mod files;
mod grid;
mod html;
mod interrupt;
mod markdown;
mod progress;
mod run_record;
mod settings;
mod summary;

use std::process::ExitCode;

use args::{Cli, Command};
use failure::Status;

fn main() -> ExitCode {
    let ended = match Cli::read().command {
        Command::Demo(args) => commands::demo::run(&args),
        Command::Fit(args) => commands::fit::run(&args),
        Command::Predict(args) => commands::predict::run(&args),
        Command::Evaluate(args) => commands::evaluate::run(&args),
        Command::Inspect(args) => commands::inspect::run(&args),
        Command::Truncate(args) => commands::truncate::run(&args),
        Command::Report(args) => commands::report::run(&args),
        Command::Construct(args) => commands::construct::run(&args),
        Command::Certify(args) => commands::certify::run(&args),
        Command::Check(args) => commands::check::run(&args),
        Command::Export(args) => commands::export::run(&args),
        Command::Reproduce(args) => commands::reproduce::run(&args),
        Command::Completions(args) => commands::completions::run(&args),
    };
    match ended {
        Ok(Status::Done) => ExitCode::SUCCESS,
        Ok(Status::NotReached) => ExitCode::from(1),
        // Whoever reads our output has seen enough: `multigrade predict ... | head` is no failure.
        Err(failure) if failure.is_closed_pipe() => ExitCode::SUCCESS,
        Err(failure) => {
            // Names, labels and cells of a hostile file may stand in it.
            let lines: Vec<String> = failure.to_string().lines().map(grid::printable).collect();
            eprintln!("error: {}", lines.join("\n"));
            ExitCode::from(2)
        }
    }
}
