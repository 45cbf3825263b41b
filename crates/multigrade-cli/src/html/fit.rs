//! The figures that show the model beside the data: predicted against true, and both over a single input.

use multigrade::report::{FitPoint, InputColumn, OutputFit, ReportData, significant};

use super::axis::{Range, is_drawable};
use super::frame::{FrameSpec, Px, WIDE, line_through};
use super::markup::Markup;
use super::points::{self, Dot, Selection, TITLED, draw_dots};
use super::words::{plural, with_unit};

fn has_place(point: &FitPoint) -> bool {
    is_drawable(point.truth) && is_drawable(point.predicted)
}

fn title(point: &FitPoint) -> String {
    let FitPoint { truth, predicted, .. } = *point;
    let residual = significant(point.residual(), 3);
    format!("true {}, predicted {}, residual {residual}", significant(truth, 5), significant(predicted, 5))
}

/// Predicted against true values, with the diagonal.
pub(super) fn predicted_against_true(out: &mut Markup, data: &ReportData, fit: &OutputFit) {
    let selection = Selection::of(fit, TITLED, data.outputs.len(), has_place);
    let shown: Vec<&FitPoint> = selection.shown.iter().map(|&i| &fit.points[i]).collect();
    let Some(range) = Range::linear(shown.iter().flat_map(|point| [point.truth, point.predicted])) else { return };
    let unit = fit.unit.as_deref();
    let spec = FrameSpec {
        width: WIDE,
        height: 400.0,
        right: 14.0,
        x: (range, range.ticks(5), &with_unit("true", unit)),
        y: (range, range.ticks(5), &with_unit("predicted", unit)),
        spoken: format!("Predicted against true values of {} at {}.", fit.name, plural(shown.len(), "point")),
    };
    let dot = |point: &&FitPoint| Dot {
        x: point.truth,
        y: point.predicted,
        validation: point.validation,
        title: Some(title(point)),
    };
    let dots: Vec<Dot> = shown.iter().map(dot).collect();
    out.tag("figure").body(|figure| {
        points::key(figure, data, &fit.points);
        spec.write(figure, |svg, frame| {
            let from = (Px(frame.x.start()), Px(frame.y.start()));
            let diagonal = format!("M{} {}L{} {}", from.0, from.1, Px(frame.x.end()), Px(frame.y.end()));
            svg.tag("path").class("ideal").attr("d", diagonal).empty();
            draw_dots(svg, frame, &dots);
        });
        figure.tag("figcaption").body(|caption| {
            caption.tag("b").text("Predicted against true. ");
            caption.text("A perfect model puts every point on the diagonal; points above it are predicted too high. ");
            caption.text(selection.remark(fit));
        });
    });
}

/// The data and the model over the only input there is.
pub(super) fn over_input(out: &mut Markup, data: &ReportData, fit: &OutputFit, input: &InputColumn) {
    let selection = Selection::of(fit, TITLED, data.outputs.len(), has_place);
    let mut shown: Vec<(f64, &FitPoint)> =
        selection.shown.iter().filter_map(|&i| Some((*input.values.get(i)?, &fit.points[i]))).collect();
    shown.retain(|(x, _)| is_drawable(*x));
    shown.sort_by(|a, b| a.0.total_cmp(&b.0));
    let x = Range::linear(shown.iter().map(|(x, _)| *x));
    let y = Range::linear(shown.iter().flat_map(|(_, point)| [point.truth, point.predicted]));
    let (Some(x), Some(y)) = (x, y) else { return };
    let spec = FrameSpec {
        width: WIDE,
        height: 300.0,
        right: 14.0,
        x: (x, x.ticks(5), &with_unit(&input.name, input.unit.as_deref())),
        y: (y, y.ticks(5), &with_unit(&fit.name, fit.unit.as_deref())),
        spoken: format!("The data and the model of {} over {}.", fit.name, input.name),
    };
    let dot = |&(x, point): &(f64, &FitPoint)| Dot { x, y: point.truth, validation: point.validation, title: None };
    let dots: Vec<Dot> = shown.iter().map(dot).collect();
    out.tag("figure").body(|figure| {
        points::key(figure, data, &fit.points);
        spec.write(figure, |svg, frame| {
            draw_dots(svg, frame, &dots);
            let line = shown.iter().map(|(x, point)| Some((frame.x.at(*x)?, frame.y.at(point.predicted)?)));
            svg.tag("path").class("model").attr("d", line_through(line)).empty();
        });
        figure.tag("figcaption").body(|caption| {
            caption.tag("b").text("Data and model. ");
            caption.text("Dots are the data, the line joins the predictions at these dots. ");
            caption.text(selection.remark(fit));
        });
    });
}
