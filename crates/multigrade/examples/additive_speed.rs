//! Seconds and gaps of additive convex fits: waves of the first inputs with noise 0.1, for some penalties and for a path.
//!
//! ```sh
//! cargo run --release -p multigrade --example additive_speed -- [ROWSxINPUTS ...]
//! ```

use multigrade::Samples;
use multigrade::convex::{self, Choice, ConvexSettings, Penalty};
use rand::{RngExt, SeedableRng};
use rand_distr::{Distribution, StandardNormal};
use std::error::Error;
use std::time::Instant;

fn samples(n: usize, d: usize) -> Result<Samples, Box<dyn Error>> {
    let mut random = rand_xoshiro::Xoshiro256PlusPlus::seed_from_u64(0);
    let x: Vec<f64> = (0..n * d).map(|_| random.random()).collect();
    let mut noise = || -> f64 { StandardNormal.sample(&mut random) };
    // Each further input matters half as much as the one before.
    let wave = |(j, x): (usize, &f64)| 0.5f64.powi(j as i32) * ((6 + j) as f64 * x).sin();
    let y = x.chunks(d).map(|row| row.iter().enumerate().map(wave).sum::<f64>() + 0.1 * noise()).collect();
    Ok(Samples::new(d, 1, x, y, None)?)
}

fn main() -> Result<(), Box<dyn Error>> {
    let asked: Vec<String> = std::env::args().skip(1).collect();
    let sizes = if asked.is_empty() { ["1000x20", "10000x20", "10000x100"].map(String::from).to_vec() } else { asked };
    println!(
        "{:>12} {:>9} {:>8} {:>7} {:>10} {:>10} {:>10}",
        "size", "penalty", "neurons", "rounds", "fit ms", "verify ms", "gap/P"
    );
    for size in sizes {
        let (n, d) = size.split_once('x').ok_or("sizes are written ROWSxINPUTS, as in 1000x20")?;
        let samples = samples(n.parse()?, d.parse()?)?;
        let path = Penalty::Path { points: 20, min_ratio: 1e-3, choice: Choice::Gcv };
        for penalty in [0.3, 0.1, 0.01].map(Penalty::OfLargest).into_iter().chain([path]) {
            let name = match &penalty {
                Penalty::OfLargest(share) => format!("{share:e}"),
                _ => "GCV path".into(),
            };
            let settings = ConvexSettings { penalty, ..ConvexSettings::default() }.validate()?;
            let began = Instant::now();
            let fit = convex::fit(&samples, &settings)?;
            let fitted = began.elapsed().as_secs_f64();
            let began = Instant::now();
            fit.proof.verify(samples.inputs(), samples.targets(), Some(samples.weights()), &fit.grade()?)?;
            let verified = began.elapsed().as_secs_f64();
            let gap = fit.proof.rel_gap.map_or("-".into(), |gap| format!("{gap:.1e}"));
            let (neurons, rounds) = (fit.proof.neurons, fit.rounds);
            println!(
                "{size:>12} {name:>9} {neurons:>8} {rounds:>7} {:>10.2} {:>10.2} {gap:>10}",
                1e3 * fitted,
                1e3 * verified
            );
        }
    }
    Ok(())
}
