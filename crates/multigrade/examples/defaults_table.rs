//! Test errors of the default settings on the tables of `bench/peers_defaults.py --data-dir DIR`.
//!
//! `cargo run --release -p multigrade --example defaults_table -- DIR [NAME]`
use multigrade::table::{ReadOptions, Table};
use multigrade::{Event, FitSettings, Flow, Precision, Predictor, Samples, fit};
use std::error::Error;
use std::path::Path;
use std::time::Instant;

fn samples(path: &Path) -> Result<Samples, Box<dyn Error>> {
    let table = Table::read(path, &ReadOptions::default())?;
    let names = table.column_names();
    let (target, inputs) = names.split_last().ok_or("no columns")?;
    let columns = inputs.iter().map(|name| table.numbers(name)).collect::<Result<Vec<_>, _>>()?;
    let rows = (0..table.n_rows()).flat_map(|i| columns.iter().map(move |c| c[i])).collect();
    Ok(Samples::new(inputs.len(), 1, rows, table.numbers(target)?.to_vec(), None)?)
}

fn rmse(predicted: &[f64], truth: &[f64]) -> f64 {
    (predicted.iter().zip(truth).map(|(p, t)| (p - t).powi(2)).sum::<f64>() / truth.len() as f64).sqrt()
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let dir = Path::new(arguments.first().ok_or("usage: defaults_table DIR [NAME]")?);
    let mut names: Vec<String> = std::fs::read_dir(dir)?
        .filter_map(|e| Some(e.ok()?.file_name().to_str()?.strip_prefix("train_")?.strip_suffix(".csv")?.to_string()))
        .filter(|name| arguments.get(1).is_none_or(|wanted| name.contains(wanted.as_str())))
        .collect();
    names.sort();
    for name in names {
        let (train, test) =
            (samples(&dir.join(format!("train_{name}.csv")))?, samples(&dir.join(format!("test_{name}.csv")))?);
        let began = Instant::now();
        let verbose = arguments.get(2).is_some();
        let mut observer = |event: &Event| {
            if let (Event::Note(text), true) = (event, verbose) {
                eprintln!("  {text}");
            }
            Flow::Continue
        };
        let fitted = fit(&train, None, &FitSettings::default().validate()?, &mut observer)?;
        let seconds = began.elapsed().as_secs_f64();
        let truth = test.targets();
        let mean = truth.iter().sum::<f64>() / truth.len() as f64;
        let spread = rmse(&vec![mean; truth.len()], truth);
        let staged = Predictor::new(&fitted.model, Precision::F64).staged(test.inputs())?;
        let errors: Vec<String> = staged.iter().map(|p| format!("{:.3e}", rmse(p, truth) / spread)).collect();
        let last = staged.last().map_or(spread, |p| rmse(p, truth));
        println!(
            "{name:20} nRMSE per grade {} | RMSE {last:.4e} | {seconds:.1} s | {}",
            errors.join(" "),
            fitted.stop.sentence()
        );
    }
    Ok(())
}
