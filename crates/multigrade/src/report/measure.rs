//! Fills a report from a model, its history and the rows it was fitted on.

use super::{
    BaselineRow, ClassReport, ConvexRow, Entry, FitPoint, GradeRow, InputColumn, OutputFit, ReportData, RowKind,
    Source, Spectrum, SpectrumCurve,
};
use crate::settings::{Grades, Precision, Solver};
use crate::split::row_hash;
use crate::{ModelError, Multigrade, Predictor, Samples, Schema, Stop, baselines};
use serde::Deserialize;

/// Points shown in the figures; more would neither be seen nor be quick to load.
const MAX_POINTS: usize = 2000;

/// Rows of largest residual that are shown for each output in any case.
const WORST_POINTS: usize = 20;

/// Columns for which a note names what stands for missing cells.
const NAMED_FILLS: usize = 8;

/// Frequencies of the spectrum, and rows it is computed from.
const MAX_FREQUENCIES: usize = 200;
const MAX_SPECTRUM_ROWS: usize = 10_000;

/// The rows that a report speaks about.
#[derive(Clone, Copy, Debug)]
pub struct ReportRows<'a> {
    /// Rows that the grades were chosen and trained on.
    pub train: &'a Samples,
    /// Rows held out from that.
    pub held_out: Option<&'a Samples>,
    /// What the model that never saw the held-out rows says about them, `(n, m)`: see
    /// [`Fitted::held_out_predictions`](crate::Fitted::held_out_predictions).
    pub held_out_predictions: Option<&'a [f64]>,
}

/// What a report needs to know beside the model and the rows.
#[derive(Clone, Debug, Default)]
pub struct About {
    /// Name of the file or function that the rows came from.
    pub source: String,
    /// Columns of that table, used or not.
    pub n_columns: usize,
    /// Wall-clock seconds of each grade, if they were measured.
    pub seconds: Vec<f64>,
    /// Warnings to show, in plain sentences.
    pub warnings: Vec<String>,
}

impl ReportData {
    /// A report on `model`: residual norms from its history, baselines and points from `rows`.
    ///
    /// # Errors
    /// [`ModelError`] if the rows do not have the columns of the model.
    pub fn measure(model: &Multigrade, rows: &ReportRows, about: &About) -> Result<Self, ModelError> {
        let history = model.history();
        let classes = model.schema().classes.as_ref();
        let outputs = classes.map_or_else(|| model.schema().output_names().join(", "), |c| c.target.clone());
        let (inputs, outputs_shown) = match classes {
            // What a classifier says is no number beside another one.
            Some(_) => (named_inputs(model), Vec::new()),
            None => points(model, rows)?,
        };
        Ok(Self {
            title: format!("{outputs} of {}", about.source),
            source: Source {
                name: about.source.clone(),
                n_train: history.train_rows,
                n_validation: history.validation_rows,
                validation_kind: RowKind::HeldOut,
                n_columns: about.n_columns,
                validation_chose: history.validation_rows > 0 && !is_single_convex(model),
                refit: history.refit,
            },
            inputs,
            outputs: outputs_shown,
            grades: grade_rows(model, &about.seconds),
            baselines: if classes.is_some() { Vec::new() } else { baseline_rows(history.refit, rows)? },
            classes: classes.map(|classes| ClassReport::measure(model, classes, rows)).transpose()?,
            spectra: if model.n_inputs() == 1 && classes.is_none() { spectra(model, rows.train)? } else { Vec::new() },
            settings: settings(model.settings()),
            notes: notes(model),
            warnings: about.warnings.clone(),
            versions: vec![Entry::new("multigrade", env!("CARGO_PKG_VERSION"))],
        })
    }
}

/// Baselines measured as the grades were: after a refit, the training norms are those of a fit to all rows.
fn baseline_rows(refit: bool, rows: &ReportRows) -> Result<Vec<BaselineRow>, ModelError> {
    let mut result = baselines(rows.train, rows.held_out)?;
    if let Some(all) = rows.held_out.filter(|_| refit).and_then(|held| rows.train.followed_by(held)) {
        for (row, on_all) in result.iter_mut().zip(baselines(&all, None)?) {
            row.train = on_all.train;
        }
    }
    Ok(result)
}

/// Whether the model is one convex grade whose penalty came from the training rows, and a proof ended the fit: held-out
/// rows decided nothing.
fn is_single_convex(model: &Multigrade) -> bool {
    model.grades().len() == 1 && model.proofs().count() == 1 && model.history().stop == Stop::Exhausted.sentence()
}

fn grade_rows(model: &Multigrade, seconds: &[f64]) -> Vec<GradeRow> {
    let row = |record: &crate::GradeRecord| GradeRow {
        grade: record.grade,
        hidden: record.hidden.clone(),
        parameters: record.parameters,
        train: record.train.clone(),
        validation: record.validation.clone(),
        updates: record.updates,
        weight_decay: record.weight_decay,
        stop: record.stop.clone(),
        seconds: record.grade.checked_sub(1).and_then(|k| seconds.get(k).copied()),
        convex: ConvexRow::of(model, record.grade),
    };
    model.history().grades.iter().map(row).collect()
}

/// What stands for missing cells, if the model says so.
fn filling(schema: &Schema) -> Option<String> {
    let imputation = schema.imputation.as_ref()?;
    let fills =
        schema.columns().iter().zip(imputation.fills()).map(|(column, fill)| format!("{fill} for {}", column.name));
    let few: Vec<String> = fills.take(NAMED_FILLS).collect();
    let more = if imputation.n_columns() > NAMED_FILLS { ", ..." } else { "" };
    let indicators = match imputation.indicators().len() {
        0 => "no column of the fit had any".to_owned(),
        1 => "one column of the fit had some, and has an input that tells which".to_owned(),
        n => format!("{n} columns of the fit had some, and have inputs that tell which"),
    };
    Some(format!(
        "A missing cell counts as the median of its column's training rows ({}{more}); {indicators}.",
        few.join(", ")
    ))
}

fn notes(model: &Multigrade) -> Vec<String> {
    let history = model.history();
    let mut notes: Vec<String> = history.notes.iter().map(|note| note.text.clone()).collect();
    notes.extend(filling(model.schema()));
    notes.push(format!("No further grade: {}.", history.stop));
    if history.refit {
        notes.push(format!(
            "The grades were then trained again on all {} rows; held-out norms and held-out points are those of the \
             model that did not see these rows.",
            history.train_rows
        ));
    }
    notes
}

/// At most [`MAX_POINTS`] rows and the rows of the largest residuals, in the order of the table, with the prediction of
/// the finished model, or for held-out rows of the model that did not see them.
fn points(model: &Multigrade, rows: &ReportRows) -> Result<(Vec<InputColumn>, Vec<OutputFit>), ModelError> {
    let (d, m) = (model.n_inputs(), model.n_outputs());
    let predictor = Predictor::new(model, Precision::F64);
    let mut parts = vec![(rows.train, predictor.predict(rows.train.inputs())?, false)];
    if let Some(held) = rows.held_out {
        // The finished model may have seen these rows: they count as held out only with the predictions of one that
        // did not.
        parts.push(match rows.held_out_predictions {
            Some(predictions) => (held, predictions.to_vec(), true),
            None => (held, predictor.predict(held.inputs())?, !model.history().refit),
        });
    }
    let total: usize = parts.iter().map(|(samples, _, _)| samples.rows()).sum();
    let mut inputs = named_inputs(model);
    let mut outputs: Vec<OutputFit> = model
        .schema()
        .outputs
        .iter()
        .map(|column| OutputFit { name: column.name.clone(), drawn_from: total, ..OutputFit::default() })
        .collect();
    for (samples, predictions, validation) in &parts {
        for i in shown_rows(samples, predictions, MAX_POINTS * samples.rows() / total) {
            for (column, &x) in inputs.iter_mut().zip(&samples.inputs()[i * d..]) {
                column.values.push(x);
            }
            for (j, output) in outputs.iter_mut().enumerate() {
                let (truth, predicted) = (samples.targets_of(i)[j], predictions[i * m + j]);
                output.points.push(FitPoint { truth, predicted, validation: *validation });
            }
        }
    }
    Ok((inputs, outputs))
}

/// The inputs without values.
fn named_inputs(model: &Multigrade) -> Vec<InputColumn> {
    let names = model.schema().input_names().into_iter();
    names.map(|name| InputColumn { name: name.into(), ..InputColumn::default() }).collect()
}

/// About `count` rows, picked by the hash of their inputs, which no regular table lines up with; and for each output the
/// few rows that are fitted worst.
fn shown_rows(samples: &Samples, predictions: &[f64], count: usize) -> Vec<usize> {
    let (n, m) = (samples.rows(), samples.n_targets());
    let mut order: Vec<usize> = (0..n).collect();
    order.sort_by_key(|&i| row_hash(0, samples.inputs_of(i)));
    let mut shown: Vec<usize> = order[..count.min(n)].to_vec();
    if count < n {
        for j in 0..m {
            let residual = |i: &usize| (samples.targets_of(*i)[j] - predictions[i * m + j]).abs();
            order.sort_by(|a, b| residual(b).total_cmp(&residual(a)));
            shown.extend(&order[..WORST_POINTS.min(n)]);
        }
    }
    shown.sort_unstable();
    shown.dedup();
    shown
}

/// Amplitudes `2/W |sum_i w_i r_i exp(-2πi f x_i)|` of the residual after each grade, at multiples of one cycle per
/// range of the input, up to half the mean sampling rate.
fn spectra(model: &Multigrade, train: &Samples) -> Result<Vec<Spectrum>, ModelError> {
    let range = model.schema().inputs[0].max - model.schema().inputs[0].min;
    let stride = train.rows().div_ceil(MAX_SPECTRUM_ROWS).max(1);
    let shown: Vec<usize> = (0..train.rows()).step_by(stride).collect();
    if range == 0.0 || shown.len() < 4 {
        return Ok(Vec::new());
    }
    let train = train.select(&shown);
    let m = model.n_outputs();
    let mut stages = Predictor::new(model, Precision::F64).staged(train.inputs())?;
    stages.insert(0, model.output_scaling().center().repeat(train.rows()));
    let highest = (train.rows() / 2).min(MAX_FREQUENCIES);
    let frequencies: Vec<f64> = (1..=highest).map(|k| k as f64 / range).collect();
    let weight: f64 = train.weights().iter().sum();
    let amplitude = |stage: &[f64], j: usize, frequency: f64| {
        let (mut re, mut im) = (0.0, 0.0);
        for (i, (&x, &w)) in train.inputs().iter().zip(train.weights()).enumerate() {
            let (s, c) = (std::f64::consts::TAU * frequency * (x - model.schema().inputs[0].min)).sin_cos();
            let r = w * (train.targets_of(i)[j] - stage[i * m + j]);
            re += r * c;
            im += r * s;
        }
        2.0 / weight * f64::hypot(re, im)
    };
    let curve = |(grade, stage): (usize, &Vec<f64>), j: usize| SpectrumCurve {
        grade,
        amplitudes: frequencies.iter().map(|&f| amplitude(stage, j, f)).collect(),
    };
    let spectrum = |j: usize| Spectrum {
        frequencies: frequencies.clone(),
        curves: stages.iter().enumerate().map(|stage| curve(stage, j)).collect(),
    };
    Ok((0..m).map(spectrum).collect())
}

/// The settings kept in a model ([`Multigrade::settings`]) in words, one entry for each.
///
/// ```
/// use multigrade::report::settings;
/// let entries = settings(&serde_json::json!({"carry_inputs": true, "time_limit": null, "branches": null}));
/// let text: Vec<String> = entries.iter().map(|entry| format!("{}: {}", entry.name, entry.value)).collect();
/// assert_eq!(text, ["branches: chosen by the program", "carry inputs: yes", "time limit: none"]);
/// ```
pub fn settings(document: &serde_json::Value) -> Vec<Entry> {
    let text = |name: &str, value: &serde_json::Value| match value {
        serde_json::Value::Null if name == "time_limit" => "none".into(),
        serde_json::Value::Null => "chosen by the program".into(),
        serde_json::Value::Bool(yes) => if *yes { "yes" } else { "no" }.into(),
        serde_json::Value::String(text) => text.replace('_', " "),
        serde_json::Value::Array(solvers) if name == "first_solvers" => {
            let each = solvers.iter().map(|s| Solver::deserialize(s).map_or_else(|_| s.to_string(), |s| s.to_string()));
            if solvers.is_empty() { "none named".into() } else { each.collect::<Vec<_>>().join("; ") }
        }
        other => match name {
            "grades" => Grades::deserialize(other).map_or_else(|_| other.to_string(), |g| g.to_string()),
            "solver" => Solver::deserialize(other).map_or_else(|_| other.to_string(), |s| s.to_string()),
            _ => other.to_string(),
        },
    };
    let entries = document.as_object().into_iter().flatten();
    entries.map(|(name, value)| Entry::new(name.replace('_', " "), text(name, value))).collect()
}
