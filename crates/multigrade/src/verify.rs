//! Proofs of convex grades, recomputed from the rows of the fit.

use crate::{FitSettings, Multigrade, ProofError, Samples, split};

/// Whether the proof of each convex grade of `model` holds: its number, and what is wrong if anything is.
///
/// `samples` are the rows, with their weights, that were given to the fit; which of them the grades were trained on
/// is worked out again from the settings that the model keeps. Features, residuals, objective and bound are recomputed by
/// the model crate ([`Multigrade::verify_proof`]), which shares no code with the solver.
///
/// ```
/// use multigrade::convex::ConvexSettings;
/// use multigrade::{fit, silent, verify_proofs, FitSettings, Samples, Solver};
/// let x: Vec<f64> = (0..100).map(|i| f64::from(i) / 99.0).collect();
/// let y: Vec<f64> = x.iter().map(|x| (6.0 * x).sin()).collect();
/// let samples = Samples::new(1, 1, x, y, None)?;
/// let solver = Some(Solver::Convex(ConvexSettings::default()));
/// let fitted = fit(&samples, None, &FitSettings { solver, ..FitSettings::default() }.validate()?, &mut silent())?;
/// let proofs = verify_proofs(&fitted.model, &samples);
/// assert_eq!(proofs, [(1, Ok(()))]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn verify_proofs(model: &Multigrade, samples: &Samples) -> Vec<(usize, Result<(), ProofError>)> {
    let history = model.history();
    let settings: FitSettings = serde_json::from_value(model.settings().clone()).unwrap_or_default();
    let is_whole = history.refit || history.train_rows == samples.rows();
    let rows = match is_whole {
        true => samples.merged().0,
        false => samples.select(&split(samples, settings.validation, settings.seed).train).merged().0,
    };
    let proof = |(grade, _)| (grade, model.verify_proof(grade, rows.inputs(), rows.targets(), Some(rows.weights())));
    model.proofs().map(proof).collect()
}
