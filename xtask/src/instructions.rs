//! `cargo xtask instructions`: how many instructions the hot paths take, beside those that were written down.
//!
//! A clock on a shared machine says little; the number of instructions is the same on each run. The counter (Valgrind's
//! cachegrind) knows no AVX-512, so what is counted is the code for AVX2.

use std::path::Path;
use std::process::Command;

/// What is counted, as arguments of the example `speed`, and how often for one figure.
const CASES: [(&str, usize); 6] = [
    ("step 1-64-64-1 relu 256 f32", 20),
    ("step 1-64-64-1 tanh 256 f32", 20),
    ("step 1-64-64-1 sin 256 f64", 10),
    ("step 784-256-256-10 relu 256 f32", 2),
    ("step 7-17-13-3 relu 256 f64", 50),
    ("predict FOLDER 4096 f32", 5),
];

/// Figures may be above those written down by this share before it counts as a loss: compilers differ by less.
const ALLOWED: f64 = 0.03;

/// Where the figures are written down, relative to the root.
const FILE: &str = "bench/instructions.txt";

/// Instructions of `times` repetitions, and of everything around them.
fn count(program: &Path, case: &str, times: usize) -> Result<u64, String> {
    let counter = ["--tool=cachegrind", "--cache-sim=no", "--cachegrind-out-file=/dev/null"];
    let mut command = Command::new("valgrind");
    command.args(counter).arg(program).arg("work").args(case.split_whitespace()).arg(times.to_string());
    // A second thread would wait by spinning, for as many instructions as chance wants.
    let output = command.env("RAYON_NUM_THREADS", "1").output().map_err(|e| format!("cannot run valgrind: {e}"))?;
    let text = String::from_utf8_lossy(&output.stderr);
    let figure = text
        .lines()
        .find_map(|line| line.split_once("refs:").map(|(_, number)| number))
        .map(|n| n.trim().replace(',', ""));
    figure.and_then(|n| n.parse().ok()).ok_or_else(|| format!("valgrind says no number for '{case}':\n{text}"))
}

/// Counts every case; with `write` the figures are written down, else compared with those that are.
pub(crate) fn run(root: &Path, write: bool) -> Result<(), String> {
    if Command::new("valgrind").arg("--version").output().is_err() {
        println!("valgrind is not installed: nothing counted");
        return Ok(());
    }
    let program = root.join("target/release/examples/speed");
    let folder = root.join("target/bench/speed");
    std::fs::create_dir_all(&folder).map_err(|e| format!("{}: {e}", folder.display()))?;
    let made = Command::new(&program).arg("network").arg(&folder).status();
    made.ok().filter(|s| s.success()).ok_or_else(|| format!("{} does not run; build it first", program.display()))?;
    let known = std::fs::read_to_string(root.join(FILE)).unwrap_or_default();
    let (mut text, mut losses) = (String::new(), Vec::new());
    for (case, times) in CASES {
        let words = case.replace("FOLDER", &folder.display().to_string());
        let each = (count(&program, &words, 2 * times)? - count(&program, &words, times)?) / times as u64;
        let before = known.lines().find_map(|line| line.strip_prefix(case)?.trim().parse::<u64>().ok());
        let change = before.map(|before| each as f64 / before as f64 - 1.0);
        let shown = change.map_or("new".into(), |change| format!("{:+.1} %", 100.0 * change));
        println!("{case:<36} {each:>12}  {shown}");
        text += &format!("{case} {each}\n");
        if change.is_some_and(|change| change > ALLOWED) {
            losses.push(case);
        }
    }
    if write {
        return std::fs::write(root.join(FILE), text).map_err(|e| format!("{FILE}: {e}"));
    }
    match losses.is_empty() {
        true => Ok(()),
        false => Err(format!(
            "more instructions than {FILE} has: {}; make them fewer, or write the figures down anew with 'cargo xtask \
             instructions --write' and say why",
            losses.join(", ")
        )),
    }
}
