//! The figure of errors: what is proved and what was measured after each grade.

use multigrade::report::{ApproximationReport, ApproximationRow, magnitude, significant};

use crate::bounds::above;
use crate::html::axis::Range;
use crate::html::frame::{Frame, FrameSpec, Px, Shape, line_through};
use crate::html::labels::{EndLabel, NAMED, NAMES, draw_labels};
use crate::html::markup::Markup;

/// One line of the figure.
struct Line {
    name: &'static str,
    class: &'static str,
    shape: Shape,
    of: fn(&ApproximationRow) -> Option<f64>,
}

const LINES: [Line; 4] = [
    Line {
        name: "proved",
        class: "linf",
        shape: Shape::Triangle,
        of: |row| Some(magnitude(row.proved.as_ref()?.exact)),
    },
    Line { name: "largest found", class: "simple", shape: Shape::Square, of: |row| Some(row.measured.as_ref()?.f64) },
    Line { name: "L2", class: "l2", shape: Shape::Circle, of: |row| Some(row.norms.l2) },
    Line { name: "L1", class: "l1", shape: Shape::Square, of: |row| Some(row.norms.l1) },
];

pub(super) fn figure(out: &mut Markup, report: &ApproximationReport) {
    let values = || report.grades.iter().flat_map(|row| LINES.iter().filter_map(|line| (line.of)(row)));
    let x = Range::linear(report.grades.iter().map(|row| row.grade as f64));
    let (Some(x), Some(y)) = (x, Range::log(values().chain(report.tolerance))) else {
        out.tag("p").class("empty").text("No figure of the errors: none is positive and finite.");
        return;
    };
    let spec = FrameSpec {
        width: NAMED,
        height: 330.0,
        right: NAMES * 0.8,
        x: (x, x.whole_ticks(8), "after grade"),
        y: (y, y.ticks(6), "error"),
        spoken: format!("Errors after each grade, logarithmic: {}.", spoken(report)),
    };
    out.tag("figure").body(|figure| {
        spec.write(figure, |svg, frame| {
            let mut labels = draw_tolerance(svg, frame, report);
            for line in &LINES {
                svg.tag("g").class(line.class).body(|g| draw(g, frame, report, line));
                let last = report.grades.last().and_then(line.of).and_then(|value| frame.y.at(value));
                labels.extend(last.map(|at| EndLabel { text: line.name.to_owned(), class: line.class, at }));
            }
            draw_labels(svg, frame, &labels);
        });
        figure.tag("figcaption").body(|caption| {
            caption.tag("b").text("Errors after each grade. ");
            caption.text(
                "The proved bound of |f − fₖ| holds everywhere on the box (exact arithmetic); the largest error found, the \
                 root mean square L2 and the mean magnitude L1 are measured. The axis is logarithmic. ",
            );
            if report.tolerance.is_some() {
                caption.text("The dashed line is the tolerance that was asked for.");
            }
        });
    });
}

fn spoken(report: &ApproximationReport) -> String {
    let course = |line: &Line| {
        let (first, last) = ((line.of)(report.grades.first()?)?, (line.of)(report.grades.last()?)?);
        Some(format!("{} from {} to {}", line.name, significant(first, 3), significant(last, 3)))
    };
    LINES.iter().filter_map(course).collect::<Vec<_>>().join("; ")
}

fn draw_tolerance(svg: &mut Markup, frame: Frame, report: &ApproximationReport) -> Vec<EndLabel> {
    let Some((tolerance, at)) = report.tolerance.and_then(|t| Some((t, frame.y.at(t)?))) else { return Vec::new() };
    let line = format!("M{} {}H{}", Px(frame.x.start()), Px(at), Px(frame.x.end()));
    svg.tag("path").class("base").attr("d", line).body(|path| {
        path.tag("title").text(format_args!("tolerance {tolerance}"));
    });
    vec![EndLabel { text: "tolerance".to_owned(), class: "plain", at }]
}

fn draw(g: &mut Markup, frame: Frame, report: &ApproximationReport, line: &Line) {
    let place = |row: &ApproximationRow| Some((frame.x.at(row.grade as f64)?, frame.y.at((line.of)(row)?)?));
    g.tag("path").class("held").attr("d", line_through(report.grades.iter().map(place))).empty();
    for row in &report.grades {
        let (Some((x, y)), Some(value)) = (place(row), (line.of)(row)) else { continue };
        let shown = if line.name == "proved" { above(value) } else { significant(value, 4) };
        g.tag("path").class("dot").attr("d", line.shape.outline(x, y)).body(|path| {
            path.tag("title").text(format_args!("{} after grade {}: {shown}", line.name, row.grade));
        });
    }
}
