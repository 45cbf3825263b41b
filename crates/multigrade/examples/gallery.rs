//! Formulas as networks: sizes by strategy and by tolerance, as the page `docs/gallery.md` and its picture.
//!
//! ```sh
//! cargo run --release -p multigrade --example gallery -- docs      # writes docs/gallery.md and docs/gallery.svg
//! ```
//!
//! Every size is that of a network whose bound was proved and checked; where no strategy kept a tolerance, there is no number.

use multigrade::construct::{ConstructSettings, Scheme, Stop, Strategy, construct};
use multigrade::learn::{LearnSettings, learn};
use multigrade::report::{ApproximationReport, ApproximationRow, significant};
use multigrade::truth::{Domain, Expression};
use multigrade::{FitSettings, Grades, silent};
use std::fmt::Write;
use std::path::PathBuf;
use std::time::Instant;

/// A formula, its box, the tolerances of its mesh, and hidden layers of its trained grades.
struct Subject {
    formula: &'static str,
    domain: &'static str,
    mesh: &'static [f64],
    grades: &'static [&'static str],
}

const SUBJECTS: [Subject; 10] = [
    Subject { formula: "x^2", domain: "x=0..1", mesh: &[1e-1, 1e-2, 1e-3, 1e-4], grades: &["24", "24", "24"] },
    Subject { formula: "sqrt(x)", domain: "x=0..1", mesh: &[1e-1, 1e-2, 1e-3, 1e-4], grades: &["24", "24", "24"] },
    Subject { formula: "sin(100*x)", domain: "x=0..1", mesh: &[1e-1, 1e-2, 1e-3], grades: &["64", "64", "64"] },
    Subject { formula: "exp(x)", domain: "x=0..1", mesh: &[1e-1, 1e-2, 1e-3, 1e-4], grades: &["24", "24", "24"] },
    Subject {
        formula: "1/(1+25*(2*x-1)^2)",
        domain: "x=0..1",
        mesh: &[1e-1, 1e-2, 1e-3, 1e-4],
        grades: &["24", "24", "24"],
    },
    Subject { formula: "1/x", domain: "x=1..26", mesh: &[1e-1, 1e-2, 1e-3, 1e-4], grades: &["24", "24", "24"] },
    Subject { formula: "x*y", domain: "x=0..1, y=0..1", mesh: &[1e-1, 1e-2], grades: &["16", "16", "16"] },
    Subject {
        formula: "max(sin(3*x), y^2-0.3)",
        domain: "x=0..1, y=0..1",
        mesh: &[1e-1, 1e-2],
        grades: &["16", "16", "16"],
    },
    Subject {
        formula: "0.75*exp(-(9*x-2)^2/4-(9*y-2)^2/4)+0.75*exp(-(9*x+1)^2/49-(9*y+1)/10)\
                  +0.5*exp(-(9*x-7)^2/4-(9*y-3)^2/4)-0.2*exp(-(9*x-4)^2-(9*y-7)^2)",
        domain: "x=0..1, y=0..1",
        mesh: &[1e-1],
        grades: &["24", "24", "24"],
    },
    Subject { formula: "exp(-x*y)*sin(3*z)", domain: "x=0..1, y=0..1, z=0..1", mesh: &[1e-1], grades: &["16", "16"] },
];

const TOLERANCES: [f64; 6] = [1e-1, 1e-2, 1e-3, 1e-4, 1e-5, 1e-6];

/// Those of several grades.
const LADDERS: [f64; 3] = [1e-2, 1e-3, 1e-4];

/// Seconds for the proof of a trained network.
const SECONDS: f64 = 6.0;

/// A network of one strategy.
struct Entry {
    strategy: &'static str,
    tolerance: f64,
    bound: f64,
    relus: usize,
    layers: usize,
    width: usize,
}

fn built(subject: &Subject, strategy: Strategy, scheme: Scheme, tolerance: f64) -> Option<Entry> {
    let (f, domain) = (Expression::parse(subject.formula).ok()?, Domain::parse(subject.domain).ok()?);
    let settings = ConstructSettings { strategy, scheme, ..ConstructSettings::default() };
    let made = construct(&f, &domain, tolerance, &settings.validate().ok()?, &mut silent()).ok()?;
    let report = ApproximationReport::of_construction(&made, &f, &domain, tolerance).ok()?;
    let last = report.last().filter(|_| made.stop == Stop::Reached)?;
    let two_sided = |row: &ApproximationRow| row.extent.as_ref().map_or(0, |extent| extent.two_sided);
    let relus = match strategy {
        // Enclosures of deep networks see more of them than there are.
        Strategy::Compile => made.grades.iter().map(|grade| grade.nodes).sum(),
        _ => report.grades.iter().map(two_sided).sum(),
    };
    Some(Entry {
        strategy: match (strategy, scheme) {
            (Strategy::Mesh, _) => "mesh",
            (_, Scheme::Plain) => "compile",
            (_, Scheme::Monotone) => "monotone",
        },
        tolerance,
        bound: last.proved.as_ref()?.bound(),
        relus,
        layers: report.grades.iter().map(|row| row.layers).sum(),
        width: report.grades.iter().map(|row| row.width).max()?,
    })
}

/// The trained network after each grade.
fn trained(subject: &Subject) -> Vec<Entry> {
    let try_it = || -> Option<Vec<Entry>> {
        let (f, domain) = (Expression::parse(subject.formula).ok()?, Domain::parse(subject.domain).ok()?);
        let list = subject.grades.iter().map(|text| text.parse().ok()).collect::<Option<Vec<_>>>()?;
        let fit =
            FitSettings { grades: Grades::List(list), time_limit: Some(2.0 * SECONDS), ..LearnSettings::default().fit };
        let settings = LearnSettings { fit, ..LearnSettings::default() }.validate().ok()?;
        let learned = learn(&f, &domain, None, &settings, &mut silent()).ok()?;
        let report = ApproximationReport::of_proof(&learned.model, 0, &learned.proven, &f, &domain, None).ok()?;
        let (mut relus, mut layers, mut width) = (0, 0, 0);
        let row = report.grades.iter().filter_map(|row| {
            relus += row.extent.as_ref()?.two_sided;
            (layers, width) = (layers + row.layers, width.max(row.width));
            let bound = row.proved.as_ref()?.bound();
            Some(Entry { strategy: "trained", tolerance: bound, bound, relus, layers, width })
        });
        Some(row.collect())
    };
    try_it().unwrap_or_default()
}

fn table(text: &mut String, subject: &Subject, entries: &[Entry]) {
    let _ = writeln!(text, "### `{}` on `{}`\n", subject.formula.replace('|', r"\|"), subject.domain);
    text.push_str(
        "| tolerance | compiled: ReLUs | layers x width | proved | monotone grades: ReLUs | layers x width | proved \
         | mesh: ReLUs | layers x width | proved |\n",
    );
    text.push_str("|---|---|---|---|---|---|---|---|---|---|\n");
    for tolerance in TOLERANCES {
        let cell = |strategy: &str| {
            let entry = entries.iter().find(|e| e.strategy == strategy && e.tolerance == tolerance);
            entry.map_or("- | - | -".to_owned(), |e| {
                format!("{} | {} x {} | {}", e.relus, e.layers, e.width, significant(e.bound, 3))
            })
        };
        let cells = ["compile", "monotone", "mesh"].map(cell).join(" | ");
        let _ = writeln!(text, "| {tolerance:e} | {cells} |");
    }
    let trained = entries.iter().filter(|e| e.strategy == "trained");
    let words: Vec<String> =
        trained.map(|e| format!("{} ReLUs {} ({} layers)", e.relus, significant(e.bound, 3), e.layers)).collect();
    let words = if words.is_empty() { "nothing was proved".to_owned() } else { words.join("; ") };
    let _ = writeln!(text, "\nTrained, proved after each grade: {words}.\n");
}

/// Size against accuracy, a panel for each formula.
fn picture(all: &[(&Subject, Vec<Entry>)]) -> String {
    const PANEL: [f64; 2] = [250.0, 190.0];
    const MARGIN: [f64; 2] = [44.0, 34.0];
    let columns = 3;
    let rows = all.len().div_ceil(columns);
    let (w, h) = (columns as f64 * (PANEL[0] + MARGIN[0]) + 20.0, rows as f64 * (PANEL[1] + 2.0 * MARGIN[1]) + 40.0);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {w} {h}\" font-family=\"sans-serif\" font-size=\"11\">\n\
         <title>ReLUs that take both signs against the proved error</title>\n\
         <rect width=\"{w}\" height=\"{h}\" fill=\"#ffffff\"/>\n"
    );
    let marks = [("compile", "#0b6e4f"), ("mesh", "#b3541e"), ("trained", "#4a4e9e")];
    for (i, (name, color)) in marks.iter().enumerate() {
        let x = MARGIN[0] + 110.0 * i as f64;
        let _ = writeln!(
            svg,
            "<circle cx=\"{x}\" cy=\"18\" r=\"4\" fill=\"{color}\"/><text x=\"{}\" y=\"22\">{name}</text>",
            x + 9.0
        );
    }
    for (i, (subject, entries)) in all.iter().enumerate() {
        let left = MARGIN[0] + (i % columns) as f64 * (PANEL[0] + MARGIN[0]);
        let top = 40.0 + MARGIN[1] + (i / columns) as f64 * (PANEL[1] + 2.0 * MARGIN[1]);
        // Errors from 1 to 1e-7, sizes from 1 to 1e5.
        let x = |bound: f64| left + PANEL[0] * (-bound.clamp(1e-7, 1.0).log10() / 7.0);
        let y = |relus: usize| top + PANEL[1] * (1.0 - (relus.max(1) as f64).log10() / 5.0);
        let short: String = subject.formula.chars().take(34).collect();
        let title = if short.len() < subject.formula.len() { "Franke's function".to_owned() } else { short };
        let title = title.replace('&', "&amp;").replace('<', "&lt;");
        let _ = writeln!(svg, "<text x=\"{left}\" y=\"{}\" font-size=\"12\">{title}</text>", top - 8.0);
        for k in 0..=7 {
            let at = x(10f64.powi(-k));
            let bottom = top + PANEL[1];
            let _ = writeln!(svg, "<path d=\"M{at} {top}V{bottom}\" stroke=\"#dddddd\"/>");
            if k % 2 == 0 {
                let _ = writeln!(svg, "<text x=\"{at}\" y=\"{}\" text-anchor=\"middle\">1e-{k}</text>", bottom + 14.0);
            }
        }
        for k in 0..=5 {
            let at = y(10usize.pow(k));
            let right = left + PANEL[0];
            let _ = writeln!(svg, "<path d=\"M{left} {at}H{right}\" stroke=\"#dddddd\"/>");
            let _ = writeln!(svg, "<text x=\"{}\" y=\"{}\" text-anchor=\"end\">1e{k}</text>", left - 5.0, at + 4.0);
        }
        for (name, color) in marks {
            let points: Vec<(f64, f64)> =
                entries.iter().filter(|e| e.strategy == name).map(|e| (x(e.bound), y(e.relus))).collect();
            let path: Vec<String> = points.iter().map(|(x, y)| format!("{x:.1} {y:.1}")).collect();
            if let [first, rest @ ..] = path.as_slice() {
                let lines: String = rest.iter().map(|p| format!("L{p}")).collect();
                let _ = writeln!(svg, "<path d=\"M{first}{lines}\" fill=\"none\" stroke=\"{color}\"/>");
            }
            for (x, y) in points {
                let _ = writeln!(svg, "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"3\" fill=\"{color}\"/>");
            }
        }
    }
    svg + "</svg>\n"
}

const HEAD: &str = "\
# Gallery: formulas as networks

Sizes are numbers of ReLUs that take both signs on the box; others only pass values on. Every error is *proved* on the whole box, in real arithmetic and for evaluation in f64, and the
certificates were accepted by the checker. `-`: not tried, or not reached. Made by `cargo run --release -p multigrade --example gallery -- docs`.

![ReLUs against the proved error, by strategy](gallery.svg)

## Which strategy

- **compile** (`construct --strategy compile`): the formula's own operations, as towers of tents, folds and hinges. Sizes grow with the logarithm of the accuracy for products and smooth
  functions. The choice for smooth formulas in any number of variables, and for kinks, which are exact. One ReLU a layer: small, narrow and deep.
- **mesh** (`construct --strategy mesh`): interpolation between nodes, up to four variables. Sizes grow like a power of the accuracy, `1/sqrt(e)` in one variable and `1/e` in two. The choice for rough tolerances, for
  formulas that the compiler refuses (`if` of several variables), for shallow tasks such as piecewise linear tables, and for functions known by a Lipschitz constant alone.
- **trained** (`fit --function`): what stochastic or quasi-Newton training reaches, proved afterwards. A few dozen ReLUs a grade in wide, shallow layers, errors around 1e-2 to 1e-3. The choice where the shape of the network is
  given (wide layers that run fast on a batch), not where accuracy is asked for. `--project` makes its grades monotone at up to twice the error.
- *Monotone grades* are compiled with `--scheme monotone`: no point's residual ever grows from grade to grade. A later grade goes on with the towers and folds of affine functions that earlier ones have, and computes the rest anew.
  All others are of the scheme `plain`, with one grade.
- Trained rows had 12 seconds each for training and proof, on a busy machine: with more time, or another machine, they differ. Grades that lowered no loss are missing.

## Sizes

";

fn main() {
    let folder = PathBuf::from(std::env::args().nth(1).unwrap_or_else(|| "docs".into()));
    let mut all = Vec::new();
    let mut text = HEAD.to_owned();
    for subject in &SUBJECTS {
        let start = Instant::now();
        let all_of = |strategy: Strategy, scheme: Scheme, tolerances: &[f64]| -> Vec<Entry> {
            tolerances.iter().filter_map(|t| built(subject, strategy, scheme, *t)).collect()
        };
        let mut entries = all_of(Strategy::Compile, Scheme::Plain, &TOLERANCES);
        entries.extend(all_of(Strategy::Compile, Scheme::Monotone, &LADDERS));
        entries.extend(all_of(Strategy::Mesh, Scheme::Plain, subject.mesh));
        entries.extend(trained(subject));
        eprintln!("{}: {:.1} s", subject.formula, start.elapsed().as_secs_f64());
        table(&mut text, subject, &entries);
        all.push((subject, entries));
    }
    let write = |name: &str, text: String| {
        let path = folder.join(name);
        match std::fs::write(&path, text) {
            Ok(()) => eprintln!("wrote {}", path.display()),
            Err(error) => eprintln!("{}: {error}", path.display()),
        }
    };
    write("gallery.svg", picture(&all));
    write("gallery.md", text.trim_end().to_owned() + "\n");
}
