//! Seconds and gaps of convex fits of `(1 + x) sin(8 π x)` with noise 0.1, for one penalty and for a path.
//!
//! ```sh
//! cargo run --release -p multigrade --example convex_speed -- [ROWS ...]
//! ```

use multigrade::Samples;
use multigrade::convex::{self, Choice, ConvexSettings, Penalty};
use rand::{RngExt, SeedableRng};
use rand_distr::{Distribution, StandardNormal};
use std::error::Error;
use std::time::Instant;

fn samples(n: usize) -> Result<Samples, Box<dyn Error>> {
    let mut random = rand_xoshiro::Xoshiro256PlusPlus::seed_from_u64(0);
    let mut x: Vec<f64> = (0..n).map(|_| random.random()).collect();
    x.sort_by(f64::total_cmp);
    let mut noise = || -> f64 { StandardNormal.sample(&mut random) };
    let y = x.iter().map(|x| (1.0 + x) * (8.0 * std::f64::consts::PI * x).sin() + 0.1 * noise()).collect();
    Ok(Samples::new(1, 1, x, y, None)?)
}

fn main() -> Result<(), Box<dyn Error>> {
    let rows: Vec<usize> = std::env::args().skip(1).map(|a| a.parse()).collect::<Result<_, _>>()?;
    println!(
        "{:>9} {:>9} {:>8} {:>7} {:>10} {:>10} {:>10}",
        "rows", "penalty", "neurons", "rounds", "fit, ms", "verify, ms", "gap/P"
    );
    for n in if rows.is_empty() { vec![1_000, 10_000, 100_000, 1_000_000] } else { rows } {
        let samples = samples(n)?;
        let path = Penalty::Path { points: 30, min_ratio: 1e-5, choice: Choice::Gcv };
        let one = [0.1, 1e-2, 1e-4].map(Penalty::OfLargest);
        for penalty in one.into_iter().chain([path]) {
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
                "{n:>9} {name:>9} {neurons:>8} {rounds:>7} {:>10.2} {:>10.2} {gap:>10}",
                1e3 * fitted,
                1e3 * verified
            );
        }
    }
    Ok(())
}
