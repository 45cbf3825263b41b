//! Numbers that the papers' programs print, each with its source. What could not be read is not here.

/// A published number.
#[derive(Clone, Copy, Debug)]
pub(super) struct Published {
    pub(super) value: f64,
    /// Where it stands, and on which rows if not on the test rows.
    pub(super) source: &'static str,
    /// Seconds that it took by the clock, as printed beside it.
    pub(super) seconds: Option<f64>,
}

const XU: &str = "[X]";
const SPECTRAL: &str = "[S]";
const SPECTRAL_VALIDATION: &str = "[S], validation rows";

/// What the sources stand for.
pub(super) const SOURCES: &str = "Published numbers: [X] output in the notebook of the program of arXiv 2302.00150; \
    [S] output in the notebooks of the program of arXiv 2410.16105. A dash: no number could be read there.";

/// The error of the published multigrade run on a problem.
pub(super) fn multigrade(problem: &str) -> Option<Published> {
    Some(match problem {
        "sin(100x)" => Published { value: 1.119e-5, source: XU, seconds: Some(24.05) },
        "decreasing amplitudes" => Published { value: 6.537e-6, source: SPECTRAL, seconds: Some(27_629.0) },
        "circle" => Published { value: 2.110e-4, source: SPECTRAL, seconds: Some(15_969.0) },
        _ => return None,
    })
}

/// The error of the published run of one deep network on a problem.
pub(super) fn single(problem: &str) -> Option<Published> {
    Some(match problem {
        "constant amplitudes" => Published { value: 0.1181, source: SPECTRAL, seconds: None },
        "decreasing amplitudes" => Published { value: 5.869e-3, source: SPECTRAL_VALIDATION, seconds: None },
        "circle" => Published { value: 0.5429, source: SPECTRAL, seconds: None },
        _ => return None,
    })
}

/// Errors on the training rows of the published run of 300 epochs, all rows at once: per grade, and of one deep network.
pub(super) const GOLDEN: [f64; 4] = [0.9894037709605112, 0.9434624353892586, 0.8480570167885384, 0.682737222964943];
pub(super) const GOLDEN_SINGLE: f64 = 0.950634380913416;
