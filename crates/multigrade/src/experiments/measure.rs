//! One fit and its errors.

use super::clock::cpu_seconds;
use super::data::Problem;
use super::record::Outcome;
use crate::fit::{Fitted, Stop, fit};
use crate::observer::{Event, Flow, Observer};
use crate::{FitError, FitSettings, Multigrade, Precision, Predictor, ReadoutRule, Samples};

/// Fits and measures; with `validation` the fit sees the validation rows of the problem, otherwise the training rows
/// alone. (The published method has no use for them: nothing stops it early.) A fit that diverged is an outcome like any other.
pub(super) fn measure(
    problem: &Problem,
    validation: bool,
    settings: &FitSettings,
    observer: &mut dyn Observer,
) -> Result<Outcome, FitError> {
    Ok(measured_fit(problem, validation, settings, observer)?.0)
}

/// [`measure`] with the fit itself, unless it diverged so far that no model could be written.
pub(super) fn measured_fit(
    problem: &Problem,
    validation: bool,
    settings: &FitSettings,
    observer: &mut dyn Observer,
) -> Result<(Outcome, Option<Fitted>), FitError> {
    let settings = settings.clone().validate().expect("settings of experiments keep to the ranges");
    let held_out = validation.then_some(&problem.validation);
    let began = cpu_seconds();
    let spent = || began.zip(cpu_seconds()).map(|(began, now)| now - began);
    let targets = problem.train.targets();
    let mean_square = targets.iter().map(|y| y * y).sum::<f64>() / targets.len() as f64;
    let mut trace = Vec::new();
    let mut trace_grades = |event: &Event| -> Flow {
        if let Event::GradeFinished { record } = event {
            let error = record.validation.iter().flatten().next().map(|norms| norms.l2.powi(2) / mean_square);
            trace.extend(spent().zip(error.filter(|error| error.is_finite())));
        }
        observer.event(event)
    };
    let fitted = match fit(&problem.train, held_out, &settings, &mut trace_grades) {
        Ok(fitted) => fitted,
        Err(FitError::Model(_)) => return Ok((Outcome { diverged: true, ..Outcome::default() }, None)),
        Err(error) => return Err(error),
    };
    let spent = spent();
    let mut outcome = errors(&fitted.model, problem);
    let records = &fitted.model.history().grades;
    outcome.parameters = fitted.model.n_parameters();
    outcome.updates = records.iter().map(|record| record.updates).sum();
    outcome.cpu_seconds = spent;
    outcome.trace = trace;
    outcome.interrupted = fitted.stop == Stop::Interrupted;
    // Grades whose readout is solved may be missing because nothing was left to fit.
    let is_missing = fitted.model.grades().len() < settings.n_listed_grades();
    outcome.diverged |= is_missing && settings.readout == ReadoutRule::AsTrained;
    outcome.diverged |= records.iter().any(|record| record.stop == crate::training::Stop::NotFinite.name());
    Ok((outcome, Some(fitted)))
}

/// Errors after each grade on all three sets of rows, up to the first that is not finite.
pub(super) fn errors(model: &Multigrade, problem: &Problem) -> Outcome {
    let (train, _) = staged_errors(model, &problem.train);
    let (validation, _) = staged_errors(model, &problem.validation);
    let (test, largest) = staged_errors(model, &problem.test);
    let finite = [&train, &validation, &test, &largest]
        .map(|errors| errors.iter().take_while(|e| e.is_finite()).count())
        .into_iter()
        .min()
        .unwrap_or(0);
    let cut = |errors: Vec<f64>| errors.into_iter().take(finite).collect::<Vec<_>>();
    let diverged = finite < model.grades().len();
    Outcome {
        train: cut(train),
        validation: cut(validation),
        test: cut(test),
        largest: cut(largest),
        diverged,
        ..Outcome::default()
    }
}

/// `sum |y - f_k|² / sum |y|²` and `max |y - f_k|` for every grade.
fn staged_errors(model: &Multigrade, samples: &Samples) -> (Vec<f64>, Vec<f64>) {
    let staged = Predictor::new(model, Precision::F64).staged(samples.inputs()).unwrap_or_default();
    staged.iter().map(|predictions| error(samples, predictions)).unzip()
}

/// Relative squared error and largest error of predictions.
pub(super) fn error(samples: &Samples, predictions: &[f64]) -> (f64, f64) {
    let total: f64 = samples.targets().iter().map(|y| y * y).sum();
    let residuals = samples.targets().iter().zip(predictions).map(|(y, p)| y - p);
    let square: f64 = residuals.clone().map(|r| r * r).sum();
    // Written so that a NaN stays one.
    let largest = residuals.fold(0.0, |largest: f64, r| if r.abs() <= largest { largest } else { r.abs() });
    (square / total, largest)
}

impl FitSettings {
    /// Grades that a list asks for; 0 where the number is not fixed.
    fn n_listed_grades(&self) -> usize {
        match &self.grades {
            crate::Grades::List(list) => list.len(),
            _ => 0,
        }
    }
}
