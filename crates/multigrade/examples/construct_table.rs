//! What constructions on meshes cost and how tight their proofs are: a table for `docs/benchmarks.md`.
//!
//! ```sh
//! cargo run --release -p multigrade --example construct_table
//! cargo run --release -p multigrade --example construct_table -- 1e-1,1e-2,1e-3,1e-4 'sin(3*x)*cos(2*y)'
//! ```
//!
//! The targets are those of `tests/construct.rs`, each to its tolerance there, or to those given. "Found" is the largest
//! error at points, corners, breakpoints and by ascent from the worst of them: no proof can be tighter than proved / found.

#[path = "../tests/common/targets.rs"]
mod targets;

use std::collections::BTreeMap;
use std::time::Instant;

use multigrade::construct::{ConstructSettings, Scheme, Strategy, construct};
use multigrade::silent;
use multigrade::truth::{Domain, Expression};
use targets::TARGETS;

/// Errors below this share of the largest value are rounding, and their ratio says nothing.
const ROUNDING: f64 = 1e-12;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let given: Option<Vec<f64>> = args.first().map(|list| list.split(',').map(str::parse).collect()).transpose()?;
    let wanted = args.get(1).cloned().unwrap_or_default();
    let mut ratios: BTreeMap<usize, Vec<f64>> = BTreeMap::new();
    println!("| target | tolerance | scheme | proved | found | ratio | grades | nodes | widest layer | layers | s |");
    println!("|---|---|---|---|---|---|---|---|---|---|---|");
    for (text, sides, usual) in TARGETS.into_iter().filter(|target| target.0.contains(&wanted)) {
        let (f, domain) = (Expression::parse(text)?, Domain::parse(sides)?);
        for &tolerance in given.as_ref().unwrap_or(&vec![usual]) {
            for scheme in [Scheme::Plain, Scheme::Monotone] {
                let settings = ConstructSettings { strategy: Strategy::Mesh, scheme, ..ConstructSettings::default() };
                let start = Instant::now();
                let made = construct(&f, &domain, tolerance, &settings.validate()?, &mut silent())?;
                let seconds = start.elapsed().as_secs_f64();
                let proved = made.certificate.as_ref().and_then(|(_, proved)| proved.bounds().last().copied());
                let bound = proved.map_or(f64::INFINITY, |bounds| bounds.exact().magnitude());
                let found = made.attacked.last().and_then(|found| Some(found.as_ref()?.f64.largest())).unwrap_or(0.0);
                let is_rounding = found <= ROUNDING * f.range(domain.sides()).interval().magnitude();
                let ratio = if is_rounding { "-".to_owned() } else { format!("{:.3}", bound / found) };
                if !is_rounding {
                    ratios.entry(domain.names().len()).or_default().push(bound / found);
                }
                let facts = &made.grades;
                println!(
                    "| `{text}` | {tolerance} | {scheme} | {bound:.3e} | {found:.3e} | {ratio} | {} | {} | {} | {} | {seconds:.2} |",
                    facts.len(),
                    facts.iter().map(|grade| grade.nodes).sum::<usize>(),
                    facts.iter().map(|grade| grade.width).max().unwrap_or(0),
                    facts.iter().map(|grade| grade.layers).sum::<usize>(),
                );
            }
        }
    }
    for (d, mut ratios) in ratios {
        ratios.sort_by(f64::total_cmp);
        let (median, largest) = (ratios[ratios.len() / 2], ratios[ratios.len() - 1]);
        println!("\n{d} variables: median {median:.3}, largest {largest:.3}, of {}", ratios.len());
    }
    Ok(())
}
