//! What constructions of known functions cost: pieces, layers, time.
//!
//!     cargo run --release -p multigrade --example construct_table

use multigrade::construct::{ConstructSettings, Scheme, Strategy, construct};
use multigrade::silent;
use multigrade::truth::{Domain, Expression};
use std::time::Instant;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let cases = [
        ("x^2", "x=0..1"),
        ("exp(x)", "x=0..1"),
        ("sqrt(x)", "x=0..1"),
        ("1/(1+25*(2*x-1)^2)", "x=0..1"),
        ("tanh(10*(2*x-1))", "x=0..1"),
        ("sin(2*pi*x)", "x=0..1"),
        ("sin(100*x)", "x=0..1"),
        ("sin(2*pi*x)*cos(3*y)", "x=0..1, y=0..1"),
        ("exp(-10000*(x-0.3)^2)", "x=0..1"),
        ("max(sin(3*x), y^2-0.3)", "x=0..1, y=0..1"),
        ("x*y*z", "x=0..1, y=0..1, z=0..1"),
    ];
    let args: Vec<String> = std::env::args().skip(1).collect();
    let tolerances: Vec<f64> = args.first().map_or(vec![1e-2], |a| a.split(',').map(|t| t.parse().unwrap()).collect());
    let wanted = args.get(1).cloned().unwrap_or_default();
    for (text, sides) in cases.into_iter().filter(|c| c.0.contains(&wanted)) {
        let (f, domain) = (Expression::parse(text)?, Domain::parse(sides)?);
        for &tolerance in &tolerances {
            for scheme in [Scheme::Plain, Scheme::Monotone] {
                let settings = ConstructSettings { strategy: Strategy::Mesh, scheme, ..ConstructSettings::default() }
                    .validate()?;
                let start = Instant::now();
                let made = construct(&f, &domain, tolerance, &settings, &mut silent())?;
                let seconds = start.elapsed().as_secs_f64();
                let nodes: Vec<usize> = made.grades.iter().map(|g| g.nodes).collect();
                let layers: usize = made.grades.iter().map(|g| g.layers).sum();
                let proved = made.certificate.as_ref().and_then(|(_, proved)| proved.bounds().last().copied());
                let bound = proved.map_or(f64::INFINITY, |bounds| bounds.exact().magnitude());
                println!(
                    "{text} {tolerance} {scheme}: {:?}, proved {bound:.4e}, nodes {nodes:?}, {layers} layers, {seconds:.3} s",
                    made.stop
                );
            }
        }
    }
    Ok(())
}
