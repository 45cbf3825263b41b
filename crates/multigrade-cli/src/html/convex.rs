//! What the report says about convex grades: the proof, the hinges, and what each input adds.

use multigrade::ProofStatus;
use multigrade::report::{ConvexRow, Curve, OutputFit, ReportData, significant};

use super::axis::{Range, is_drawable};
use super::frame::{Frame, FrameSpec, Px, SMALL, WIDE, line_through};
use super::markup::Markup;
use super::points::{Dot, PLAIN, Selection, draw_dots};
use super::tables::scrolling;
use super::words::{plural, with_unit};

/// Hinges shown in the table; of more, those of the largest change of slope.
const HINGES: usize = 200;

/// What is proved about every convex grade, one paragraph and one table each.
pub(super) fn section(out: &mut Markup, data: &ReportData) {
    for row in &data.grades {
        let Some(convex) = &row.convex else { continue };
        out.tag("h3").text(format_args!("Grade {}: a convex grade", row.grade));
        out.tag("p").class("sentence").text(format_args!("{}.", convex.line));
        let outputs: Vec<(&str, Option<&str>)> =
            data.outputs.iter().map(|o| (o.name.as_str(), o.unit.as_deref())).collect();
        out.tag("p").text(format_args!("{} {}.", meaning(convex), capitalised(&convex.details(&outputs))));
        hinges(out, data, convex);
    }
}

/// What the line of the proof means.
fn meaning(row: &ConvexRow) -> &'static str {
    match row.status {
        ProofStatus::Proved => {
            "Training a grade of one ReLU layer under weight decay has a global optimum. P is the value of this grade in \
             that problem, on standardised columns; the proof bounds how far it is above the optimum over any number of \
             neurons of the class named here."
        }
        ProofStatus::RoundingFloor => {
            "P is the value of this grade in its training problem, on standardised columns. What is left between it and \
             the bound below it is rounding error: there is nothing more to prove."
        }
        _ => {
            "P is the value of this grade in its training problem, on standardised columns. Its distance from the optimum \
             is bounded, but not as closely as was asked for: this grade is NOT proved optimal."
        }
    }
}

fn capitalised(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or(String::new(), |first| first.to_uppercase().chain(letters).collect())
}

/// The neurons that read one feature each: where the slope changes, and by how much.
fn hinges(out: &mut Markup, data: &ReportData, row: &ConvexRow) {
    if row.hinges.is_empty() {
        return;
    }
    let size = |i: &usize| row.hinges[*i].slope_change.iter().fold(0.0, |size: f64, change| size.max(change.abs()));
    let mut shown: Vec<usize> = (0..row.hinges.len()).collect();
    if shown.len() > HINGES {
        shown.sort_by(|a, b| size(b).total_cmp(&size(a)));
        shown.truncate(HINGES);
        shown.sort_unstable();
    }
    out.tag("p").class("caption").body(|caption| {
        caption.tag("b").text("Hinges. ");
        caption.text("Each neuron bends the fit at one place of one feature, by the change of slope given here. ");
        if shown.len() < row.hinges.len() {
            caption.text(format_args!("Shown are the {} of {} that bend it most.", shown.len(), row.hinges.len()));
        }
    });
    scrolling(out, "Hinges", |table| {
        table.tag("thead").body(|head| {
            head.tag("tr").body(|tr| {
                tr.tag("th").attr("scope", "col").text("feature");
                tr.tag("th").attr("scope", "col").text("knot");
                for output in &data.outputs {
                    tr.tag("th").attr("scope", "col").text(format_args!("slope change of {}", output.name));
                }
            });
        });
        table.tag("tbody").body(|body| {
            for hinge in shown.iter().map(|&i| &row.hinges[i]) {
                body.tag("tr").body(|tr| {
                    tr.tag("th").attr("scope", "row").text(&hinge.feature);
                    tr.tag("td").text(significant(hinge.knot, 5));
                    for change in &hinge.slope_change {
                        tr.tag("td").text(significant(*change, 4));
                    }
                });
            }
        });
    });
}

/// What each input adds to one output through the first grade, if that is a convex one of its inputs.
pub(super) fn figure(out: &mut Markup, data: &ReportData, output: usize) {
    let convex = data.grades.iter().find_map(|row| row.convex.as_ref());
    let Some(curves) = convex.map(|row| row.curves.as_slice()).filter(|curves| !curves.is_empty()) else { return };
    let fit = &data.outputs[output];
    let is_single = data.inputs.len() == 1;
    let values = curves.iter().filter_map(|curve| curve.values.get(output)).flatten().copied();
    let truths = fit.points.iter().map(|point| point.truth).filter(|_| is_single);
    let Some(y) = Range::linear(values.chain(truths)) else { return };
    out.tag("figure").class(if is_single { "" } else { "many" }).body(|figure| {
        figure.tag("div").class("panels").body(|panels| {
            for curve in curves {
                panel(panels, data, output, curve, y);
            }
        });
        let kinks = curves.iter().flat_map(|curve| &curve.is_kink).filter(|is_kink| **is_kink).count();
        figure.tag("figcaption").body(|caption| {
            if is_single {
                caption.tag("b").text("The fit and its knots. ");
                caption.text("The first grade is a linear spline; ");
            } else {
                caption.tag("b").text("What each input adds. ");
                caption.text(
                    "The first grade is a sum of linear splines, one of each input, shown relative to the mean of the input. \
                     All panels share the vertical axis; ",
                );
            }
            caption.text(format_args!("circles mark its {}, where the slope changes.", plural(kinks, "knot")));
        });
    });
}

fn panel(out: &mut Markup, data: &ReportData, output: usize, curve: &Curve, y: Range) {
    let (fit, input) = (&data.outputs[output], &data.inputs[curve.input]);
    let is_single = data.inputs.len() == 1;
    let Some(x) = Range::linear(curve.x.iter().copied()) else { return };
    let (width, height) = if is_single { (WIDE, 300.0) } else { (SMALL, 240.0) };
    let spec = FrameSpec {
        width,
        height,
        right: 14.0,
        x: (x, x.ticks(4), &with_unit(&input.name, input.unit.as_deref())),
        y: (y, y.ticks(4), &with_unit(&fit.name, fit.unit.as_deref())),
        spoken: format!("What {} adds to {} in the first grade, with its knots.", input.name, fit.name),
    };
    let Some(values) = curve.values.get(output) else { return };
    spec.write(out, |svg, frame| {
        if is_single {
            let selection = Selection::of(fit, PLAIN, 4 * data.outputs.len(), |point| is_drawable(point.truth));
            let dots: Vec<Dot> =
                selection.shown.iter().filter_map(|&i| dot(fit, input.values.get(i).copied(), i)).collect();
            draw_dots(svg, frame, &dots);
        }
        let places = curve.x.iter().zip(values);
        let line = places.clone().map(|(x, value)| Some((frame.x.at(*x)?, frame.y.at(*value)?)));
        svg.tag("path").class("model").attr("d", line_through(line)).empty();
        svg.tag("g").class("linf").body(|g| {
            for ((x, value), _) in places.zip(&curve.is_kink).filter(|(_, is_kink)| **is_kink) {
                let slopes = slopes_around(curve, values, *x);
                mark(g, frame, (*x, *value), &format!("{} = {}{slopes}", input.name, significant(*x, 5)));
            }
        });
    });
}

fn dot(fit: &OutputFit, x: Option<f64>, i: usize) -> Option<Dot> {
    let point = &fit.points[i];
    Some(Dot { x: x.filter(|x| is_drawable(*x))?, y: point.truth, validation: point.validation, title: None })
}

fn mark(g: &mut Markup, frame: Frame, at: (f64, f64), title: &str) {
    let (Some(x), Some(y)) = (frame.x.at(at.0), frame.y.at(at.1)) else { return };
    g.tag("path").class("knot").attr("d", knot_outline(x, y)).body(|path| path.tag("title").text(title));
}

/// A circle, smaller than the marks of other figures: there can be many.
fn knot_outline(x: f64, y: f64) -> String {
    const R: f64 = 2.6;
    format!("M{} {}a{R} {R} 0 1 0 {} 0a{R} {R} 0 1 0 -{} 0z", Px(x - R), Px(y), 2.0 * R, 2.0 * R)
}

/// The slopes on both sides of a knot, for its tooltip.
fn slopes_around(curve: &Curve, values: &[f64], x: f64) -> String {
    let Some(k) = curve.x.iter().position(|at| *at == x).filter(|k| *k > 0 && k + 1 < curve.x.len()) else {
        return String::new();
    };
    let slope = |k: usize| (values[k + 1] - values[k]) / (curve.x[k + 1] - curve.x[k]);
    format!(": slope {} before, {} after", significant(slope(k - 1), 4), significant(slope(k), 4))
}
