//! Figures of curves: the formula and its approximations over one variable, residuals in their proved bands, and how
//! magnitudes are distributed.

use multigrade::report::{ApproximationReport, ApproximationRow, Values};

use super::stage;
use crate::bounds::{above, below};
use crate::html::axis::{Range, Ticks};
use crate::html::frame::{Frame, FrameSpec, Px, SMALL, WIDE, line_through};
use crate::html::markup::Markup;
use crate::html::spectrum::{evenly, ramp};
use crate::html::words::plural;

/// Curves of one figure.
const CURVES: usize = 6;

/// Panels of one figure.
const PANELS: usize = 12;

/// Points of a curve of magnitudes.
const STEPS: usize = 160;

/// The grades that are shown, at most so many of them.
pub(super) fn shown(report: &ApproximationReport, at_most: usize) -> Vec<&ApproximationRow> {
    evenly(&report.grades, at_most)
}

/// The formula and `f_1, ..., f_K`.
pub(super) fn approximations(out: &mut Markup, report: &ApproximationReport, x: &[f64], values: &Values) {
    let rows = shown(report, CURVES);
    let drawn = rows.iter().flat_map(|row| &values.stages[row.grade - 1]).chain(&values.target);
    let (Some(across), Some(up)) = (Range::linear(x.iter().copied()), Range::linear(drawn.copied())) else { return };
    let spec = FrameSpec {
        width: WIDE,
        height: 300.0,
        right: 14.0,
        x: (across, across.ticks(5), &report.sides[0].name),
        y: (up, up.ticks(5), "value"),
        spoken: format!("{} and the network after {}.", report.function, plural(rows.len(), "grade")),
    };
    let keys: Vec<(&str, String)> = std::iter::once(("target", "f".to_owned()))
        .chain(rows.iter().enumerate().map(|(i, row)| (ramp(i, rows.len()), stage(row.grade))))
        .collect();
    out.tag("figure").body(|figure| {
        key(figure, &keys);
        spec.write(figure, |svg, frame| {
            curve(svg, frame, "target", x, &values.target, "f");
            for (i, row) in rows.iter().enumerate() {
                curve(svg, frame, ramp(i, rows.len()), x, &values.stages[row.grade - 1], &stage(row.grade));
            }
        });
        figure.tag("figcaption").body(|caption| {
            caption.tag("b").text("The formula and its approximations. ");
            caption.text("The stronger the line, the later the grade; later ones soon cannot be told from f. ");
            caption.text(selection(report, rows.len()));
        });
    });
}

/// What a reader must know if not all grades are shown.
pub(super) fn selection(report: &ApproximationReport, shown: usize) -> String {
    let all = report.grades.len();
    if shown < all { format!("Shown are {shown} of {all} grades.") } else { String::new() }
}

/// Lines and their names.
fn key(out: &mut Markup, keys: &[(&'static str, String)]) {
    out.tag("ul").class("key").body(|list| {
        for (class, name) in keys {
            list.tag("li").body(|li| {
                li.tag("svg").attr("viewBox", "0 0 36 14").attr("aria-hidden", "true").body(|svg| {
                    svg.tag("path").class(class).attr("d", "M2 7H34").empty();
                });
                li.text(name);
            });
        }
    });
}

fn curve(svg: &mut Markup, frame: Frame, class: &'static str, x: &[f64], y: &[f64], title: &str) {
    let line = x.iter().zip(y).map(|(x, y)| Some((frame.x.at(*x)?, frame.y.at(*y)?)));
    svg.tag("path").class(class).attr("d", line_through(line)).body(|path| path.tag("title").text(title));
}

/// The residual after each grade with the band that it is proved to stay in.
pub(super) fn residuals(out: &mut Markup, report: &ApproximationReport, x: &[f64], values: &Values) {
    let rows = shown(report, PANELS);
    out.tag("figure").class("many").body(|figure| {
        figure.tag("div").class("panels").body(|panels| {
            for row in &rows {
                let residual = values.residual(row.grade);
                let heading = format!("grade {}", row.grade);
                let panel = Panel { heading, name: &report.sides[0].name, x, residual: &residual, row };
                panel.write(panels);
            }
        });
        figure.tag("figcaption").body(|caption| {
            caption.tag("b").text("What is left after each grade. ");
            caption.text(format_args!(
                "The residual f − {} and, shaded, the band that it is proved to stay in (exact arithmetic). Each panel has \
                 its own vertical scale. {}",
                "fₖ",
                selection(report, rows.len())
            ));
        });
    });
}

/// The residual of the whole network along each axis through one point.
pub(super) fn slices(out: &mut Markup, report: &ApproximationReport, through: &[f64], slices: &[(Vec<f64>, Values)]) {
    let Some(row) = report.last() else { return };
    out.tag("figure").class("many").body(|figure| {
        figure.tag("div").class("panels").body(|panels| {
            for (side, (x, values)) in report.sides.iter().zip(slices) {
                let residual = values.residual(row.grade);
                let heading = format!("along {}", side.name);
                Panel { heading, name: &side.name, x, residual: &residual, row }.write(panels);
            }
        });
        let place = report.sides.iter().zip(through).map(|(side, x)| format!("{} = {x}", side.name));
        figure.tag("figcaption").body(|caption| {
            caption.tag("b").text("The residual through the worst point found. ");
            caption.text(format_args!(
                "f − {} along each variable, the others kept at {}; shaded, the band that it is proved to stay in (exact \
                 arithmetic).",
                stage(row.grade),
                place.collect::<Vec<_>>().join(", ")
            ));
        });
    });
}

/// One residual over one variable.
struct Panel<'a> {
    heading: String,
    name: &'a str,
    x: &'a [f64],
    residual: &'a [f64],
    row: &'a ApproximationRow,
}

impl Panel<'_> {
    fn write(&self, out: &mut Markup) {
        let Self { x, residual, row, .. } = *self;
        let band = row.proved.as_ref().map(|proved| proved.exact);
        let across = Range::linear(x.iter().copied());
        let up = Range::linear(residual.iter().copied().chain(band.into_iter().flatten()));
        let (Some(across), Some(up)) = (across, up) else { return };
        let spec = FrameSpec {
            width: SMALL,
            height: 220.0,
            right: 14.0,
            x: (across, across.ticks(4), self.name),
            y: (up, up.ticks(4), &format!("f − {}", stage(row.grade))),
            spoken: format!("Residual after grade {}, {}.", row.grade, self.heading),
        };
        out.tag("div").body(|div| {
            div.tag("p").class("panel").text(&self.heading);
            spec.write(div, |svg, frame| {
                if let Some(ends) = band {
                    draw_band(svg, frame, ends);
                }
                if let Some(zero) = frame.y.at(0.0) {
                    let line = format!("M{} {}H{}", Px(frame.x.start()), Px(zero), Px(frame.x.end()));
                    svg.tag("path").class("ideal").attr("d", line).empty();
                }
                curve(svg, frame, "residual", x, residual, "residual");
            });
        });
    }
}

fn draw_band(svg: &mut Markup, frame: Frame, [lower, upper]: [f64; 2]) {
    let (Some(low), Some(high)) = (frame.y.at(lower), frame.y.at(upper)) else { return };
    let (left, right) = (Px(frame.x.start()), Px(frame.x.end()));
    let outline = format!("M{left} {}H{right}V{}H{left}Z", Px(low), Px(high));
    svg.tag("path").class("band").attr("d", outline).body(|path| {
        path.tag("title").text(format_args!("proved: between {} and {}", below(lower), above(upper)));
    });
    let edges = format!("M{left} {}H{right}M{left} {}H{right}", Px(low), Px(high));
    svg.tag("path").class("edge").attr("d", edges).empty();
}

/// Which share of the points has a residual of at most each magnitude.
pub(super) fn spread(out: &mut Markup, spread: &[Vec<f64>]) {
    let numbered: Vec<(usize, &Vec<f64>)> = (1..).zip(spread).filter(|(_, sizes)| !sizes.is_empty()).collect();
    let curves = evenly(&numbered, CURVES);
    let Some(across) = Range::log(curves.iter().flat_map(|(_, sizes)| quantiles(sizes).map(|(_, size)| size))) else {
        return;
    };
    let up = Range::Linear { low: 0.0, high: 100.0 };
    let percent =
        Ticks { marks: (0..=4).map(|i| (25.0 * f64::from(i), format!("{} %", 25 * i))).collect(), exponent: 0 };
    let spec = FrameSpec {
        width: WIDE,
        height: 300.0,
        right: 14.0,
        x: (across, across.ticks(5), "magnitude of the residual"),
        y: (up, percent, "points at most there"),
        spoken: "How the magnitudes of the residuals are distributed, one curve for each grade.".to_owned(),
    };
    let keys: Vec<(&str, String)> =
        curves.iter().enumerate().map(|(i, (k, _))| (ramp(i, curves.len()), stage(*k))).collect();
    out.tag("figure").body(|figure| {
        key(figure, &keys);
        spec.write(figure, |svg, frame| {
            for (i, (k, sizes)) in curves.iter().enumerate() {
                let (share, size): (Vec<f64>, Vec<f64>) = quantiles(sizes).unzip();
                curve(svg, frame, ramp(i, curves.len()), &size, &share, &stage(*k));
            }
        });
        figure.tag("figcaption").body(|caption| {
            caption.tag("b").text("How the error is distributed. ");
            caption
                .text("For each magnitude, the share of the points at which the residual is at most that; measured.");
        });
    });
}

/// Shares in per cent and the magnitudes there.
fn quantiles(sizes: &[f64]) -> impl Iterator<Item = (f64, f64)> + '_ {
    (0..=STEPS).map(|i| (100.0 * i as f64 / STEPS as f64, sizes[i * (sizes.len() - 1) / STEPS]))
}
