//! Attacks the proofs at length: random formulas on random boxes, a trained network for each, everything tried to break what
//! is proved of it, and forgeries of the proof.
//!
//! ```sh
//! cargo run --release -p multigrade --example siege -- 400
//! ```
//!
//! With a folder behind the number, the networks go there as ONNX files in both precisions, with the proved bounds and with points where
//! the formula is enclosed; `bench/onnx_siege.py` attacks them by another program.

#[path = "../tests/sieges/mod.rs"]
#[allow(unreachable_pub)]
mod sieges;

use multigrade::Precision;
use multigrade::attack::{AttackSettings, attack, breakpoints};
use multigrade::export::{OnnxOptions, onnx};
use multigrade::truth::{Decoration, Format, Interval};
use rand::{RngExt, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;
use sieges::{Besieged, Tally, besiege};
use std::path::Path;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let count = std::env::args().nth(1).and_then(|text| text.parse().ok()).unwrap_or(400);
    let folder = std::env::args().nth(2);
    let mut tally = Tally::default();
    for seed in 0..count {
        let before = (tally.violations, tally.believed);
        let besieged = besiege(seed, &mut tally);
        if let (Some(folder), Some(besieged)) = (&folder, besieged) {
            write(Path::new(folder), seed, &besieged)?;
        }
        if (tally.violations, tally.believed) != before {
            println!("seed {seed}: {tally:?}");
        }
        if (seed + 1) % 50 == 0 {
            println!("{} formulas: {tally:?}", seed + 1);
        }
    }
    assert_eq!((tally.violations, tally.believed), (0, 0), "a proof was broken, or a forgery believed");
    println!("no proved bound was exceeded, and every forgery was refused");
    Ok(())
}

/// `SEED-f64.onnx` and `SEED-f32.onnx` where they can be, `SEED.json` with the bounds, and `SEED.points`: for each point its
/// coordinates and the ends of an interval that holds the formula's value, in f64.
fn write(folder: &Path, seed: u64, it: &Besieged) -> Result<(), Box<dyn std::error::Error>> {
    std::fs::create_dir_all(folder)?;
    let bounds = &it.proved.bounds()[it.proved.bounds().len() - 1];
    let mut about = serde_json::json!({ "function": it.proved.function(), "domain": it.proved.domain() });
    for (name, format, precision) in [("f64", Format::F64, Precision::F64), ("f32", Format::F32, Precision::F32)] {
        let file = onnx(&it.model, OnnxOptions { precision, staged: false });
        let (Ok(file), Some(proved)) = (file, bounds.evaluated(format)) else { continue };
        std::fs::write(folder.join(format!("{seed}-{name}.onnx")), file.bytes)?;
        about[name] = serde_json::json!([proved.lower(), proved.upper()]);
    }
    std::fs::write(folder.join(format!("{seed}.json")), about.to_string())?;
    let bytes: Vec<u8> = points(it, seed)?.iter().flatten().flat_map(|x| x.to_le_bytes()).collect();
    Ok(std::fs::write(folder.join(format!("{seed}.points")), bytes)?)
}

/// Kinks of the network and the middles between them on random lines, random points, the worst points that the attack
/// found and neighbours of these; each with the enclosure of the formula, where it is defined.
fn points(it: &Besieged, seed: u64) -> Result<Vec<Vec<f64>>, Box<dyn std::error::Error>> {
    let mut random = Xoshiro256PlusPlus::seed_from_u64(seed);
    let sides = it.domain.sides();
    let f = it.f.with_variables(it.domain.names())?;
    let mut anywhere = || -> Vec<f64> {
        let draw = |side: &Interval| side.lower() + (side.upper() - side.lower()) * random.random::<f64>();
        sides.iter().map(draw).collect()
    };
    let mut points: Vec<Vec<f64>> = (0..1000).map(|_| anywhere()).collect();
    for _ in 0..50 {
        let (from, to) = (anywhere(), anywhere());
        let kinks = breakpoints(&it.model, &from, &to, 20);
        let middles = kinks.windows(2).map(|pair| (pair[0] + pair[1]) / 2.0);
        let at = |share: f64| from.iter().zip(&to).map(|(a, b)| a + share * (b - a)).collect();
        points.extend(kinks.iter().copied().chain(middles).map(at).collect::<Vec<_>>());
    }
    let settings = AttackSettings { points: 3000, seed };
    let grades = it.model.grades().len();
    if let Some(found) = attack(&it.model, grades, 0, &f, sides, &settings)? {
        for worst in [&found.f64, &found.f32].iter().flat_map(|of| [&of.lowest.at, &of.highest.at]) {
            points.push(worst.clone());
            for k in 0..100 {
                let (other, share) = (anywhere(), 0.5_f64.powi(2 + k / 2));
                points.push(worst.iter().zip(&other).map(|(a, b)| a + share * (b - a)).collect());
            }
        }
    }
    let with_value = |mut x: Vec<f64>| {
        x.iter_mut().zip(sides).for_each(|(x, side)| *x = x.clamp(side.lower(), side.upper()));
        let value = f.range(&x.iter().map(|&x| Interval::point(x)).collect::<Option<Vec<_>>>()?);
        let (is_defined, value) = (value.decoration() >= Decoration::Defined, value.interval());
        x.extend([value.lower(), value.upper()]);
        is_defined.then_some(x)
    };
    Ok(points.into_iter().filter_map(with_value).collect())
}
