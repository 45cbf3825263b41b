//! The figures of the residual against the inputs.

use multigrade::report::{FitPoint, InputColumn, OutputFit, ReportData};

use super::axis::{Range, is_drawable};
use super::frame::{FrameSpec, Px, SMALL, WIDE, line_through};
use super::markup::Markup;
use super::points::{Dot, PLAIN, Selection, draw_dots};
use super::words::with_unit;

/// Groups of neighbours that are averaged, and the fewest points in each that make an average worth drawing.
const GROUPS: usize = 10;
const FEWEST_IN_GROUP: usize = 3;

/// The residual against every input: side by side, on one vertical axis.
pub(super) fn figure(out: &mut Markup, data: &ReportData, fit: &OutputFit) {
    let panels = data.outputs.len() * data.inputs.len();
    let selection = Selection::of(fit, PLAIN, panels, |point| is_drawable(point.residual()));
    // Symmetric, so that the middle of every panel is zero.
    let residuals = selection.shown.iter().map(|&i| fit.points[i].residual());
    let Some(y) = Range::linear(residuals.flat_map(|r| [r, -r])) else { return };
    let is_single = data.inputs.len() == 1;
    let (width, height) = if is_single { (WIDE, 300.0) } else { (SMALL, 240.0) };
    out.tag("figure").class(if is_single { "" } else { "many" }).body(|figure| {
        figure.tag("div").class("panels").body(|panels| {
            for input in &data.inputs {
                let panel = Panel { fit, input, y, width, height };
                panel.write(panels, &selection);
            }
        });
        figure.tag("figcaption").body(|caption| {
            let title = if is_single { "Residual over the input. " } else { "Residual against each input. " };
            caption.tag("b").text(title);
            caption.text("True minus predicted. ");
            if !is_single {
                caption.text("All panels share the vertical axis. ");
            }
            caption.text("A pattern is something that another grade could still learn. ");
            if fit.points.len() >= GROUPS * FEWEST_IN_GROUP {
                caption.text(
                    "The line averages neighbouring points: where it leaves zero, the model is too high or too low. ",
                );
            }
            caption.text(selection.remark(fit));
        });
    });
}

struct Panel<'a> {
    fit: &'a OutputFit,
    input: &'a InputColumn,
    y: Range,
    width: f64,
    height: f64,
}

impl Panel<'_> {
    fn write(&self, out: &mut Markup, selection: &Selection) {
        let Self { fit, input, y, .. } = *self;
        let value = |i: usize| input.values.get(i).copied().filter(|x| is_drawable(*x));
        let Some(x) = Range::linear(selection.shown.iter().filter_map(|&i| value(i))) else {
            out.tag("p").class("empty").text(format_args!("{}: no finite values.", input.name));
            return;
        };
        let spec = FrameSpec {
            width: self.width,
            height: self.height,
            right: 14.0,
            x: (x, x.ticks(4), &with_unit(&input.name, input.unit.as_deref())),
            y: (y, y.ticks(4), &with_unit("residual", fit.unit.as_deref())),
            spoken: format!("Residual of {} against {}.", fit.name, input.name),
        };
        let dot = |i: usize| {
            let point = fit.points[i];
            Some(Dot { x: value(i)?, y: point.residual(), validation: point.validation, title: None })
        };
        let dots: Vec<Dot> = selection.shown.iter().filter_map(|&i| dot(i)).collect();
        // Averages are over all points at hand, not only over those drawn.
        let at_hand = |(i, point): (usize, &FitPoint)| Some((value(i)?, point.residual()));
        let averages =
            averages(fit.points.iter().enumerate().filter_map(at_hand).filter(|p| is_drawable(p.1)).collect());
        spec.write(out, |svg, frame| {
            if let Some(zero) = frame.y.at(0.0) {
                let line = format!("M{} {}H{}", Px(frame.x.start()), Px(zero), Px(frame.x.end()));
                svg.tag("path").class("ideal").attr("d", line).empty();
            }
            draw_dots(svg, frame, &dots);
            let line = line_through(averages.iter().map(|(x, r)| Some((frame.x.at(*x)?, frame.y.at(*r)?))));
            svg.tag("path").class("trend").attr("d", line).empty();
        });
    }
}

/// The averages of about [`GROUPS`] groups of neighbours, equal values never in different groups. Empty if there are
/// too few points.
fn averages(mut points: Vec<(f64, f64)>) -> Vec<(f64, f64)> {
    if points.len() < GROUPS * FEWEST_IN_GROUP {
        return Vec::new();
    }
    points.sort_by(|a, b| a.0.total_cmp(&b.0));
    let size = points.len().div_ceil(GROUPS);
    let mut means = Vec::new();
    let mut rest = points.as_slice();
    while !rest.is_empty() {
        let mut end = size.min(rest.len());
        while end < rest.len() && rest[end].0 == rest[end - 1].0 {
            end += 1;
        }
        let (group, later) = rest.split_at(end);
        let mean = |of: fn(&(f64, f64)) -> f64| group.iter().map(of).sum::<f64>() / group.len() as f64;
        means.push((mean(|p| p.0), mean(|p| p.1)));
        rest = later;
    }
    means
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_values_share_one_average() {
        let points: Vec<(f64, f64)> = (0..300).map(|i| (f64::from(i % 3), f64::from(i % 2))).collect();
        assert_eq!(averages(points), [(0.0, 0.5), (1.0, 0.5), (2.0, 0.5)]);
    }

    #[test]
    fn averages_follow_the_values_and_are_about_ten() {
        let means = averages((0..1000).map(|i| (f64::from(i), 3.0 * f64::from(i))).collect());
        assert_eq!(means.len(), GROUPS);
        assert!(means.iter().all(|(x, r)| (r - 3.0 * x).abs() < 1e-9));
        assert!(averages(vec![(0.0, 1.0); 29]).is_empty());
    }
}
