//! What the tests of convex grades of one-input neurons share.

use multigrade::convex::{self, ConvexFit, ConvexSettings, Penalty};
use multigrade::{ProofError, ProofStatus, Samples};

pub(crate) fn try_fit(samples: &Samples, penalty: Penalty) -> ConvexFit {
    convex::fit(samples, &ConvexSettings { penalty, ..ConvexSettings::default() }.validate().unwrap()).unwrap()
}

pub(crate) fn fit(samples: &Samples, penalty: f64) -> ConvexFit {
    try_fit(samples, Penalty::Absolute(penalty))
}

pub(crate) fn verify(fit: &ConvexFit, samples: &Samples) -> Result<(), ProofError> {
    let grade = fit.grade().unwrap();
    fit.proof.verify(samples.inputs(), samples.targets(), Some(samples.weights()), &grade)
}

/// Whether the gap is 1e-9 relative, or as small as rounding allows where nothing but rounding is left.
pub(crate) fn is_closed(fit: &ConvexFit) -> bool {
    match fit.proof.status {
        ProofStatus::Proved => fit.proof.rel_gap.is_none_or(|gap| gap <= 1e-9),
        ProofStatus::RoundingFloor => fit.proof.rel_gap.is_none(),
        _ => false,
    }
}
