//! The figure of the frequencies that are left in the residual.

use multigrade::report::{OutputFit, ReportData, Spectrum};

use super::axis::{Range, is_drawable};
use super::frame::{FrameSpec, line_through};
use super::labels::{EndLabel, NAMED, NAMES, draw_labels};
use super::markup::Markup;
use super::words::{plural, with_unit};

/// Grades whose spectrum is drawn.
const CURVES: usize = 6;

/// Frequencies of a spectrum that can be told apart in a figure this wide.
const BINS: usize = 400;

/// What is drawn of one grade.
struct Curve {
    grade: usize,
    /// Frequencies and amplitudes.
    peaks: Vec<(f64, f64)>,
}

/// The amplitudes of the residual over frequency, one curve for each grade.
pub(super) fn figure(out: &mut Markup, data: &ReportData, fit: &OutputFit, spectrum: &Spectrum) {
    let curves: Vec<Curve> = evenly(&spectrum.curves, CURVES)
        .into_iter()
        .map(|curve| Curve { grade: curve.grade, peaks: peaks(&spectrum.frequencies, &curve.amplitudes) })
        .collect();
    let places = || curves.iter().flat_map(|curve| curve.peaks.iter());
    let (x, y) = (Range::linear(places().map(|peak| peak.0)), Range::log(places().map(|peak| peak.1)));
    let (Some(x), Some(y)) = (x, y) else { return };
    let per = data.inputs.first().and_then(|input| input.unit.as_deref()).unwrap_or("unit of the input");
    let spec = FrameSpec {
        width: NAMED,
        height: 330.0,
        right: 0.6 * NAMES,
        x: (x, x.ticks(5), &format!("cycles per {per}")),
        y: (y, y.ticks(6), &with_unit("amplitude", fit.unit.as_deref())),
        spoken: format!(
            "Amplitude of the residual of {} over frequency, one curve for each of {}.",
            fit.name,
            plural(curves.len(), "grade")
        ),
    };
    out.tag("figure").body(|figure| {
        spec.write(figure, |svg, frame| {
            let mut labels = Vec::new();
            for (i, curve) in curves.iter().enumerate() {
                let line = line_through(curve.peaks.iter().map(|(f, a)| Some((frame.x.at(*f)?, frame.y.at(*a)?))));
                svg.tag("path").class(ramp(i, curves.len())).attr("d", line).body(|path| {
                    path.tag("title").text(format_args!("after grade {}", curve.grade));
                });
                let last = curve.peaks.iter().rev().find_map(|(_, a)| frame.y.at(*a));
                labels.extend(last.map(|at| EndLabel { text: format!("grade {}", curve.grade), class: "plain", at }));
            }
            draw_labels(svg, frame, &labels);
        });
        figure.tag("figcaption").body(|caption| {
            caption.tag("b").text("Which frequencies are left. ");
            caption.text(
                "The amplitude of each frequency in the residual after each grade; the stronger the line, the later \
                 the grade. A peak that stays is a frequency that the grades could not reach. ",
            );
            if curves.len() < spectrum.curves.len() {
                caption.text(format_args!("Shown are {} of {} grades.", curves.len(), spectrum.curves.len()));
            }
        });
    });
}

/// At most `limit` of the items, evenly spread, the first and the last among them.
pub(super) fn evenly<T>(items: &[T], limit: usize) -> Vec<&T> {
    if items.len() <= limit {
        return items.iter().collect();
    }
    (0..limit).map(|i| &items[i * (items.len() - 1) / (limit - 1)]).collect()
}

/// The class of the `i`-th of `n` curves; the last one is always the strongest.
pub(super) fn ramp(i: usize, n: usize) -> &'static str {
    const CLASSES: [&str; CURVES] = ["ramp r1", "ramp r2", "ramp r3", "ramp r4", "ramp r5", "ramp r6"];
    CLASSES[(i + CURVES).saturating_sub(n).min(CURVES - 1)]
}

/// The largest amplitude in each of a limited number of groups of neighbouring frequencies, so that no peak is lost.
fn peaks(frequencies: &[f64], amplitudes: &[f64]) -> Vec<(f64, f64)> {
    let pairs: Vec<(f64, f64)> = frequencies
        .iter()
        .copied()
        .zip(amplitudes.iter().copied())
        .filter(|(f, a)| is_drawable(*f) && is_drawable(*a))
        .collect();
    let group = pairs.len().div_ceil(BINS).max(1);
    let peak = |group: &[(f64, f64)]| group.iter().copied().max_by(|a, b| a.1.total_cmp(&b.1));
    pairs.chunks(group).filter_map(peak).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_peak_is_lost_when_frequencies_are_grouped() {
        let frequencies: Vec<f64> = (0..10_000).map(f64::from).collect();
        let mut amplitudes = vec![1e-6; 10_000];
        (amplitudes[777], amplitudes[778]) = (5.0, f64::NAN);
        let shown = peaks(&frequencies, &amplitudes);
        assert!(shown.len() <= BINS && shown.contains(&(777.0, 5.0)));
    }

    #[test]
    fn the_first_and_the_last_curve_are_always_shown_and_the_last_is_the_strongest() {
        let grades: Vec<usize> = (0..=40).collect();
        let shown = evenly(&grades, CURVES);
        assert_eq!((shown.len(), *shown[0], *shown[CURVES - 1]), (CURVES, 0, 40));
        assert_eq!([ramp(0, 1), ramp(1, 2), ramp(5, 6)], ["ramp r6"; 3]);
        assert_eq!(ramp(0, 6), "ramp r1");
    }
}
