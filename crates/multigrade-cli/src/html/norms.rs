//! The figure of residual norms: what every grade left over, and what simple methods leave.

use multigrade::norms::Norms;
use multigrade::report::{GradeRow, ReportData, significant};

use super::axis::Range;
use super::frame::{Frame, FrameSpec, Px, Shape, line_through};
use super::labels::{EndLabel, NAMED, NAMES, draw_labels};
use super::markup::Markup;
use super::words::{spaced, with_unit};

/// The three norms in the order and with the signs they are drawn with.
struct NormStyle {
    label: &'static str,
    class: &'static str,
    shape: Shape,
    of: fn(&Norms) -> f64,
}

const NORMS: [NormStyle; 3] = [
    NormStyle { label: "L∞", class: "linf", shape: Shape::Triangle, of: |n| n.linf },
    NormStyle { label: "L2", class: "l2", shape: Shape::Circle, of: |n| n.l2 },
    NormStyle { label: "L1", class: "l1", shape: Shape::Square, of: |n| n.l1 },
];

/// The norms of one output that a row measured, on training or on held-out rows.
fn measured(train: &[Norms], validation: Option<&[Norms]>, held_out: bool, output: usize) -> Option<Norms> {
    if held_out { validation?.get(output).copied() } else { train.get(output).copied() }
}

fn after(row: &GradeRow, held_out: bool, output: usize) -> Option<Norms> {
    measured(&row.train, row.validation.as_deref(), held_out, output)
}

/// Residual norms after each grade on a logarithmic axis, with what simple methods reach.
pub(super) fn figure(out: &mut Markup, data: &ReportData, output: usize) {
    let fit = &data.outputs[output];
    let has_held_out = data.grades.iter().any(|row| after(row, true, output).is_some());
    let baselines: Vec<(&str, f64)> = data
        .baselines
        .iter()
        .filter_map(|row| {
            let norms = measured(&row.train, row.validation.as_deref(), has_held_out, output)?;
            Some((row.name.as_str(), norms.l2))
        })
        .collect();

    let sides = [false, true];
    let curves = sides.iter().flat_map(|&side| data.grades.iter().filter_map(move |row| after(row, side, output)));
    let values = curves.flat_map(|n| [n.l1, n.l2, n.linf]).chain(baselines.iter().map(|(_, rmse)| *rmse));
    let (Some(y), Some(x)) = (Range::log(values), Range::linear(data.grades.iter().map(|row| row.grade as f64))) else {
        out.tag("p").class("empty").text("No figure of the residual: no norm of it is positive and finite.");
        return;
    };

    let unit = fit.unit.as_deref();
    let spec = FrameSpec {
        width: NAMED,
        height: 330.0,
        right: NAMES,
        x: (x, x.whole_ticks(8), "after grade"),
        y: (y, y.ticks(6), &with_unit("residual", unit)),
        spoken: format!(
            "Residual of {} after each grade, logarithmic: {}. The numbers are in the table of residuals.",
            fit.name,
            spoken_course(data, has_held_out, output)
        ),
    };
    out.tag("figure").body(|figure| {
        norms_key(figure, has_held_out, !baselines.is_empty());
        spec.write(figure, |svg, frame| {
            let mut labels = draw_baselines(svg, frame, &baselines, unit);
            draw_kept(svg, frame, data);
            labels.extend(draw_norms(svg, frame, data, output));
            draw_labels(svg, frame, &labels);
        });
        figure.tag("figcaption").body(|caption| {
            caption.tag("b").text("Residual after each grade. ");
            caption.text("What is left of ");
            caption.text(&fit.name);
            caption.text(": the largest magnitude (L∞), the root mean square (L2, also called RMSE) and the mean magnitude (L1). ");
            caption.text("The axis is logarithmic: equal steps are equal factors. Grade 0 is the centred target itself. ");
            if has_held_out {
                caption.text("A gap that opens between the training and the held-out rows is overfitting. ");
            }
            if !baselines.is_empty() {
                caption.text("A model is worth its cost where its L2 lies well below the dashed lines.");
            }
        });
    });
}

fn spoken_course(data: &ReportData, held_out: bool, output: usize) -> String {
    let rows: Vec<(usize, f64)> =
        data.grades.iter().filter_map(|row| Some((row.grade, after(row, held_out, output)?.l2))).collect();
    let kind = if held_out { "held-out" } else { "training" };
    match (rows.first(), rows.last()) {
        (Some(first), Some(last)) if first.0 != last.0 => format!(
            "{kind} RMSE {} after grade {}, {} after grade {}",
            significant(first.1, 3),
            first.0,
            significant(last.1, 3),
            last.0
        ),
        (Some(only), _) => format!("{kind} RMSE {} after grade {}", significant(only.1, 3), only.0),
        _ => "no norms".to_owned(),
    }
}

/// Which mark means what. Written in HTML, so that it wraps on narrow pages.
fn norms_key(out: &mut Markup, has_held_out: bool, has_baselines: bool) {
    out.tag("ul").class("key").body(|key| {
        for side in [true, false] {
            if side && !has_held_out {
                continue;
            }
            key.tag("li").body(|li| {
                li.tag("svg").attr("viewBox", "0 0 36 14").attr("aria-hidden", "true").body(|svg| {
                    let class = if side { "l2 held" } else { "l2 train" };
                    svg.tag("path").class(class).attr("d", "M2 7H34").empty();
                    svg.tag("path")
                        .class(if side { "l2 dot" } else { "l2 ring" })
                        .attr("d", Shape::Circle.outline(18.0, 7.0))
                        .empty();
                });
                li.text(if side { "held-out rows" } else { "training rows" });
            });
        }
        if has_baselines {
            key.tag("li").body(|li| {
                li.tag("svg").attr("viewBox", "0 0 36 14").attr("aria-hidden", "true").body(|svg| {
                    svg.tag("path").class("base").attr("d", "M2 7H34").empty();
                });
                li.text(if has_held_out {
                    "L2 of simple methods, held-out rows"
                } else {
                    "L2 of simple methods, training rows"
                });
            });
        }
    });
}

fn draw_baselines(svg: &mut Markup, frame: Frame, baselines: &[(&str, f64)], unit: Option<&str>) -> Vec<EndLabel> {
    let mut labels = Vec::new();
    for (name, rmse) in baselines {
        let Some(at) = frame.y.at(*rmse) else { continue };
        let line = format!("M{} {}H{}", Px(frame.x.start()), Px(at), Px(frame.x.end()));
        svg.tag("path").class("base").attr("d", line).body(|path| {
            path.tag("title").text(format_args!("{name}: RMSE {}{}", significant(*rmse, 4), spaced(unit)));
        });
        labels.push(EndLabel { text: (*name).to_owned(), class: "simple", at });
    }
    labels
}

/// A line where the finished model ends, if grades beyond it were tried.
fn draw_kept(svg: &mut Markup, frame: Frame, data: &ReportData) {
    let Some(answer) = data.answer() else { return };
    let tried_more = data.grades.iter().any(|row| !row.kept && row.grade > answer.grade);
    if let (true, Some(at)) = (tried_more, frame.x.at(answer.grade as f64)) {
        let line = format!("M{} {}V{}", Px(at), Px(frame.y.start()), Px(frame.y.end()));
        svg.tag("path").class("kept").attr("d", line).body(|path| {
            path.tag("title").text(format_args!("the model ends with grade {}", answer.grade));
        });
    }
}

fn draw_norms(svg: &mut Markup, frame: Frame, data: &ReportData, output: usize) -> Vec<EndLabel> {
    let unit = data.outputs[output].unit.as_deref();
    let mut labels: Vec<EndLabel> = Vec::new();
    for held_out in [false, true] {
        for style in &NORMS {
            let course: Vec<(&GradeRow, f64)> =
                data.grades.iter().filter_map(|row| Some((row, (style.of)(&after(row, held_out, output)?)))).collect();
            let place = |row: &GradeRow, value: f64| {
                let x = frame.x.at(row.grade as f64)?;
                // Zero has no place on this axis; it is shown on its lower edge, with a mark of its own.
                let y = if value == 0.0 { Some(frame.y.start()) } else { frame.y.at(value) };
                Some((x, y?))
            };
            let line = line_through(course.iter().map(|(row, value)| place(row, *value)));
            svg.tag("g").class(style.class).body(|g| {
                g.tag("path").class(if held_out { "held" } else { "train" }).attr("d", line).empty();
                for (row, value) in &course {
                    let Some((x, y)) = place(row, *value) else { continue };
                    let shape = if *value == 0.0 { Shape::Below } else { style.shape };
                    let class = if held_out { "dot" } else { "ring" };
                    g.tag("path").class(class).attr("d", shape.outline(x, y)).body(|path| {
                        path.tag("title").text(format_args!(
                            "{} after grade {}, {} rows: {}{}",
                            style.label,
                            row.grade,
                            if held_out { "held-out" } else { "training" },
                            significant(*value, 4),
                            spaced(unit)
                        ));
                    });
                }
            });
            if let Some((_, at)) = course.last().and_then(|(row, value)| place(row, *value)) {
                // Where both kinds of rows are drawn, the label stands at the held-out curve, which is drawn last.
                labels.retain(|label| label.text != style.label);
                labels.push(EndLabel { text: style.label.to_owned(), class: style.class, at });
            }
        }
    }
    labels
}
