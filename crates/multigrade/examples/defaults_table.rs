//! Test errors of the default settings on the files that `bench/peers_defaults.py --data-dir DIR` writes.
//!
//! ```sh
//! cargo run --release -p multigrade --example defaults_table -- DIR [NAME]
//! ```
//!
//! For each file: the test error after each grade, divided by the spread of the targets, and seconds. Then the figures of
//! the peers' table: that error for functions; for the engine deck, whose files are the folds of a cross-validation, the
//! test error in the units of the column, averaged over the folds.

use multigrade::table::{ReadOptions, Table};
use multigrade::{FitSettings, Precision, Predictor, Samples, fit, silent};
use std::collections::BTreeMap;
use std::error::Error;
use std::path::Path;
use std::time::Instant;

fn samples(path: &Path) -> Result<Samples, Box<dyn Error>> {
    let table = Table::read(path, &ReadOptions::default())?;
    let (target, inputs) = table.column_names().split_last().ok_or("no columns")?;
    Ok(Samples::new(inputs.len(), 1, table.rows(inputs)?, table.rows(&[target])?, None)?)
}

fn rmse(predicted: &[f64], truth: &[f64]) -> f64 {
    (predicted.iter().zip(truth).map(|(p, t)| (p - t).powi(2)).sum::<f64>() / truth.len() as f64).sqrt()
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let folder = Path::new(arguments.first().ok_or("usage: defaults_table DIR [NAME]")?);
    let mut names: Vec<String> = std::fs::read_dir(folder)?
        .filter_map(|e| Some(e.ok()?.file_name().to_str()?.strip_prefix("train_")?.strip_suffix(".csv")?.to_string()))
        .filter(|name| arguments.get(1).is_none_or(|wanted| name.contains(wanted.as_str())))
        .collect();
    names.sort();
    let mut figures: BTreeMap<String, Vec<(f64, f64)>> = BTreeMap::new();
    for name in names {
        let file = |part: &str| samples(&folder.join(format!("{part}_{name}.csv")));
        let (train, test) = (file("train")?, file("test")?);
        let began = Instant::now();
        let fitted = fit(&train, None, &FitSettings::default().validate()?, &mut silent())?;
        let seconds = began.elapsed().as_secs_f64();
        let truth = test.targets();
        let mean = truth.iter().sum::<f64>() / truth.len() as f64;
        let spread = rmse(&vec![mean; truth.len()], truth);
        let staged = Predictor::new(&fitted.model, Precision::F64).staged(test.inputs())?;
        let errors: Vec<f64> = staged.iter().map(|predicted| rmse(predicted, truth)).collect();
        let shown: Vec<String> = errors.iter().map(|e| format!("{:.2e}", e / spread)).collect();
        println!("{name:20} {:>8.1} s   {}", seconds, shown.join("  "));
        let last = errors.last().copied().unwrap_or(spread);
        let (figure, value) = match name.split_once("_fold") {
            Some((table, _)) => (format!("{table} (RMSE)"), last),
            None => (format!("{name} (nRMSE)"), last / spread),
        };
        figures.entry(figure).or_default().push((value, seconds));
    }
    println!("\nmultigrade {}, default settings", env!("CARGO_PKG_VERSION"));
    for (figure, values) in figures {
        let mean = |part: fn(&(f64, f64)) -> f64| values.iter().map(part).sum::<f64>() / values.len() as f64;
        println!("{figure:24} {:>10.3e}   {:.1} s a fit", mean(|v| v.0), mean(|v| v.1));
    }
    Ok(())
}
