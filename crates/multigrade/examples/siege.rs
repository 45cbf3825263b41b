//! Attacks the proofs at length: random formulas on random boxes, a trained network for each, everything tried to break what
//! is proved of it, and forgeries of the proof.
//!
//! ```sh
//! cargo run --release -p multigrade --example siege -- 400
//! ```

#[path = "../tests/sieges/mod.rs"]
#[allow(unreachable_pub)]
mod sieges;

use sieges::{Tally, besiege};

fn main() {
    let count = std::env::args().nth(1).and_then(|text| text.parse().ok()).unwrap_or(400);
    let mut tally = Tally::default();
    for seed in 0..count {
        let before = (tally.violations, tally.believed);
        besiege(seed, &mut tally);
        if (tally.violations, tally.believed) != before {
            println!("seed {seed}: {tally:?}");
        }
        if (seed + 1) % 50 == 0 {
            println!("{} formulas: {tally:?}", seed + 1);
        }
    }
    assert_eq!((tally.violations, tally.believed), (0, 0), "a proof was broken, or a forgery believed");
    println!("no proved bound was exceeded, and every forgery was refused");
}
