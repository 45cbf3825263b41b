//! A noisy sine, fitted with the fewest assumptions: the path of penalties, the one chosen, and its proof.
//!
//! ```sh
//! cargo run --release -p multigrade --example convex_sine
//! ```

use multigrade::Samples;
use multigrade::convex::{self, ConvexSettings};
use rand::{RngExt, SeedableRng};
use rand_distr::{Distribution, StandardNormal};
use std::error::Error;

fn main() -> Result<(), Box<dyn Error>> {
    let target = |x: f64| (4.0 * std::f64::consts::PI * x).sin();
    let mut random = rand_xoshiro::Xoshiro256PlusPlus::seed_from_u64(1);
    let x: Vec<f64> = (0..500).map(|_| random.random()).collect();
    let mut noise = || -> f64 { StandardNormal.sample(&mut random) };
    let y: Vec<f64> = x.iter().map(|&x| target(x) + 0.1 * noise()).collect();
    let samples = Samples::new(1, 1, x.clone(), y.clone(), None)?;

    let fit = convex::fit(&samples, &ConvexSettings::default().validate()?)?;
    println!("{:>11} {:>8} {:>8} {:>11} {:>11} {:>9}", "penalty", "neurons", "freedom", "RMS residual", "GCV", "gap/P");
    for point in &fit.path {
        let rms = (2.0 * point.loss / x.len() as f64).sqrt();
        let chosen = if point.penalty == fit.penalty { "  <- chosen" } else { "" };
        println!(
            "{:>11.3e} {:>8} {:>8.0} {rms:>11.5} {:>11.6} {:>9.0e}{chosen}",
            point.penalty, point.neurons, point.freedom, point.score, point.rel_gap
        );
    }
    println!("\n{fit}");
    fit.proof.verify(&x, &y, None, &fit.grade()?)?;
    println!("The proof was recomputed from the data and the weights of the network, and holds.");

    let grid: Vec<f64> = (0..1000).map(|i| (f64::from(i) + 0.5) / 1000.0).collect();
    let squares: f64 = fit.predict(&grid).iter().zip(&grid).map(|(f, &x)| (f - target(x)).powi(2)).sum();
    println!("RMS error against the sine without noise: {:.4}", (squares / 1000.0).sqrt());
    Ok(())
}
