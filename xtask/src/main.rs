//! Development commands of this repository; `cargo xtask` lists them.

mod audit;
mod instructions;
mod mutants;
mod versions;

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

const USAGE: &str = "\
Usage: cargo xtask COMMAND

Commands:
  test           everything that must hold: formatting, lints, tests, documentation with its examples, certificates
                 under a second checker, the Python package (needs python3 with venv, and packages from its registry);
                 licences and origins of dependencies where cargo-deny is installed
  second-checker the part of it that checks certificates by docs/check_certificate.py
  python         the last part of it: wheel, tests and examples of the Python package
  dependencies   licences, origins, duplicates and known advisories of all dependencies (needs cargo-deny and a network)
  semver         the public interface beside that of the newest release (needs cargo-semver-checks and a release with a tag v*)
  audit          lines of code that a proof rests on
  mutants [TEXT] make the checker wrong in one place after the other (those that contain TEXT) and see whether a test
                 notices (half an hour)
  bench defaults test errors of the default settings beside those of other libraries, on the same rows
                 (needs python3 with numpy, scipy, scikit-learn and lightgbm; takes some ten minutes)
  bench speed    steps, predictions and fits beside PyTorch, ONNX Runtime and scikit-learn where they are installed; writes
                 its part of docs/benchmarks.md (needs python3 with numpy; takes some ten minutes)
  bench published
                 processor time of the published programs for the same training; where they lie is said in
                 bench/published.py; writes its part of docs/benchmarks.md (needs python3 with numpy; some ten minutes)
  bench          all three
  instructions   instructions of the hot paths beside those in bench/instructions.txt (needs valgrind); --write writes them
                 down anew";

/// One step of a command: what it is, the program and its arguments, and variables of its environment.
struct Step<'a> {
    what: &'a str,
    program: &'a str,
    arguments: Vec<String>,
    variables: &'a [(&'a str, &'a str)],
}

impl<'a> Step<'a> {
    fn new(what: &'a str, command: &'a str) -> Self {
        let mut words = command.split_whitespace();
        let program = words.next().unwrap_or_default();
        Self { what, program, arguments: words.map(String::from).collect(), variables: &[] }
    }

    fn run(&self) -> Result<(), String> {
        eprintln!("==> {}: {} {}", self.what, self.program, self.arguments.join(" "));
        let mut command = Command::new(self.program);
        command.current_dir(root()).args(&self.arguments).envs(self.variables.iter().copied());
        match command.status() {
            Ok(status) if status.success() => Ok(()),
            Ok(status) => Err(format!("{} failed ({status})", self.what)),
            Err(error) => Err(format!("{}: cannot run {}: {error}", self.what, self.program)),
        }
    }
}

/// The top of the repository: this file is in `xtask/src`.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().map_or_else(PathBuf::new, Path::to_path_buf)
}

/// Every test there is, the quick checks first.
fn test() -> Result<(), String> {
    let strict_docs = Step {
        variables: &[("RUSTDOCFLAGS", "-D warnings")],
        ..Step::new("documentation", "cargo doc --workspace --no-deps --locked")
    };
    let steps = [
        Step::new("formatting", "cargo fmt --all --check"),
        Step::new("lints", "cargo clippy --workspace --all-targets --locked -- -D warnings"),
        strict_docs,
        Step::new("tests", "cargo test --workspace --locked"),
    ];
    steps.iter().try_for_each(Step::run)?;
    // Advisories change from day to day, and asking for them needs a network: `cargo xtask dependencies` does.
    match has_deny() {
        true => Step::new("dependencies", &format!("{DENY} licenses bans sources")).run()?,
        false => eprintln!("==> dependencies: not checked, cargo-deny is not installed (cargo install cargo-deny)"),
    }
    step("the example of the README", &built("examples/engine").display().to_string(), "", &[])?;
    check_again()?;
    python()
}

const DENY: &str = "cargo deny --locked --workspace check";

/// Whether cargo-deny is there.
fn has_deny() -> bool {
    let asked = Command::new("cargo").args(["deny", "--version"]).output();
    asked.is_ok_and(|answer| answer.status.success())
}

/// All that cargo-deny checks.
fn dependencies() -> Result<(), String> {
    match has_deny() {
        true => Step::new("dependencies", DENY).run(),
        false => Err("cargo-deny is not installed; install it with cargo install cargo-deny".into()),
    }
}

/// Where everything that is built goes.
fn target() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from)
}

/// A program that `cargo test --workspace` has built. Building it alone would compile the libraries below it once more,
/// with the features that it needs and not those that all of the workspace needs.
fn built(name: &str) -> PathBuf {
    target().join("debug").join(format!("{name}{}", std::env::consts::EXE_SUFFIX))
}

/// A command whose last arguments are paths.
fn step(what: &str, program: &str, arguments: &str, paths: &[&Path]) -> Result<(), String> {
    let mut arguments: Vec<String> = arguments.split_whitespace().map(String::from).collect();
    arguments.extend(paths.iter().map(|path| path.display().to_string()));
    Step { what, program, arguments, variables: &[] }.run()
}

const INSTALL: &str = "-m pip install --quiet --disable-pip-version-check";

/// The programs of an environment for Python with pinned versions of tools and libraries; it is made if it is not there.
fn environment() -> Result<PathBuf, String> {
    let venv = target().join("venv");
    let bin = venv.join(if cfg!(windows) { "Scripts" } else { "bin" });
    if !bin.join("python").exists() && !bin.join("python.exe").exists() {
        step("an environment for Python", "python3", "-m venv", &[&venv])?;
    }
    let python = bin.join("python").display().to_string();
    let install = format!("{INSTALL} --requirement python/requirements.txt");
    step("tools and libraries for Python", &python, &install, &[])?;
    Ok(bin)
}

/// Certificates of the program, proved again by a checker that shares nothing with it, and altered ones refused.
fn second_checker() -> Result<(), String> {
    Step::new("the program", "cargo test --workspace --locked --no-run").run()?;
    check_again()
}

/// The second checker, on the program as it is built.
fn check_again() -> Result<(), String> {
    let python = environment()?.join("python").display().to_string();
    let program = built("multigrade");
    step("the second checker of certificates", &python, "docs/check_certificate_test.py", &[&program])
}

/// The Python package as users get it: a wheel, built with the profile of the tests and installed in an environment of its
/// own with pinned versions of everything else.
fn python() -> Result<(), String> {
    let (bin, wheels) = (environment()?, target().join("wheels"));
    let (python, maturin) = (bin.join("python").display().to_string(), bin.join("maturin").display().to_string());
    // A wheel of an earlier version would be installed as well.
    match std::fs::remove_dir_all(&wheels) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            return Err(format!("{}: {error}", wheels.display()));
        }
        _ => {}
    }
    let build = "build --manifest-path python/Cargo.toml --profile dev --locked --out";
    step("the wheel", &maturin, build, &[&wheels])?;
    let found = std::fs::read_dir(&wheels).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    let found = found.map_err(|error| format!("{}: {error}", wheels.display()))?;
    let wheel = found.first().map(|entry| entry.path()).ok_or("the wheel was not written")?;
    step("the package", &python, &format!("{INSTALL} --no-deps --force-reinstall"), &[&wheel])?;
    step("tests of the package", &python, "-m pytest --config-file python/pyproject.toml python/tests", &[])?;
    step("examples in its documentation", &python, "-m pytest -q --doctest-modules --pyargs multigrade", &[])
}

/// Instructions of the hot paths.
fn count_instructions(write: bool) -> Result<(), String> {
    Step::new("build", "cargo build --release --locked -p multigrade --example speed").run()?;
    instructions::run(&root(), write)
}

/// Steps, predictions and fits beside other programs.
fn bench_speed() -> Result<(), String> {
    let steps = [
        Step::new("build", "cargo build --release --locked -p multigrade --example speed"),
        Step::new("build", "cargo build --release --locked -p multigrade-cli"),
        Step::new("speed", "python3 bench/speed.py"),
    ];
    steps.iter().try_for_each(Step::run)
}

/// Processor time of the published programs for the same training.
fn bench_published() -> Result<(), String> {
    let steps = [
        Step::new("build", "cargo build --release --locked -p multigrade --example published_once"),
        Step::new("published", "python3 bench/published.py"),
    ];
    steps.iter().try_for_each(Step::run)
}

/// Test errors of the default settings beside other libraries.
fn bench_defaults() -> Result<(), String> {
    let data = root().join("target/bench/defaults");
    let mut peers = Step::new("peers", "python3 bench/peers_defaults.py");
    let results = root().join("target/bench/peers_defaults.json");
    for (name, path) in [("--data-dir", &data), ("--results", &results)] {
        peers.arguments.extend([name.into(), path.display().to_string()]);
    }
    let mut ours = Step::new("multigrade", "cargo run --release --locked -p multigrade --example defaults_table --");
    ours.arguments.push(data.display().to_string());
    [peers, ours].iter().try_for_each(Step::run)
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let result = match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["test"] => test(),
        ["second-checker"] => second_checker(),
        ["python"] => python(),
        ["bench"] => bench_defaults().and_then(|()| bench_speed()).and_then(|()| bench_published()),
        ["instructions"] => count_instructions(false),
        ["instructions", "--write"] => count_instructions(true),
        ["bench", "defaults"] => bench_defaults(),
        ["bench", "speed"] => bench_speed(),
        ["bench", "published"] => bench_published(),
        ["dependencies"] => dependencies(),
        ["semver"] => versions::semver(&root()),
        ["audit"] => audit::run(&root()),
        ["mutants"] => mutants::run(&root(), ""),
        ["mutants", wanted] => mutants::run(&root(), wanted),
        [] | ["help" | "-h" | "--help"] => {
            println!("{USAGE}");
            return ExitCode::SUCCESS;
        }
        _ => Err(format!("unknown command '{}'\n\n{USAGE}", arguments.join(" "))),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("xtask: {message}");
            ExitCode::FAILURE
        }
    }
}
