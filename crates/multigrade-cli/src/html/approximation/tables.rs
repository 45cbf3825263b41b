//! The tables of grades.

use multigrade::report::{ApproximationReport, ApproximationRow, significant};

use crate::bounds::{above, below, of_size};
use crate::html::markup::Markup;
use crate::html::tables::scrolling;

/// A number, or a dash where there is none.
fn number(value: Option<f64>) -> String {
    value.filter(|value| value.is_finite()).map_or("–".to_owned(), |value| significant(value, 4))
}

/// A bound, rounded so that it holds as printed.
fn bound(ends: Option<[f64; 2]>) -> String {
    ends.map_or("–".to_owned(), of_size)
}

/// A column: its name, whether it belongs to a group, and its cells.
type Column = (&'static str, Box<dyn Fn(&ApproximationRow) -> String>);

/// Columns under a common heading.
struct Group {
    heading: &'static str,
    columns: Vec<Column>,
}

fn group(heading: &'static str, columns: Vec<Column>) -> Group {
    Group { heading, columns }
}

fn column(name: &'static str, cell: impl Fn(&ApproximationRow) -> String + 'static) -> Column {
    (name, Box::new(cell))
}

/// What is proved and what was measured of `f - f_k`.
pub(super) fn errors(out: &mut Markup, report: &ApproximationReport) {
    let mut groups = Vec::new();
    if report.grades.iter().any(|row| row.built.is_some()) {
        groups.push(group(
            "approximant pₖ",
            vec![
                column("asked for", |row| number(row.built.map(|built| built.tolerance))),
                column("proved", |row| row.built.map_or("–".to_owned(), |built| above(built.deviation))),
            ],
        ));
    }
    groups.push(group(
        "proved bound of |f − fₖ|",
        vec![
            column("exact", |row| bound(row.proved.map(|proved| proved.exact))),
            column("in f64", |row| bound(row.proved.and_then(|proved| proved.f64))),
            column("in f32", |row| bound(row.proved.and_then(|proved| proved.f32))),
        ],
    ));
    groups.push(group(
        "largest found",
        vec![
            column("in f64", |row| number(row.measured.as_ref().map(|measured| measured.f64))),
            column("in f32", |row| number(row.measured.as_ref().map(|measured| measured.f32))),
        ],
    ));
    groups.push(group(
        "measured norms",
        vec![
            column("L1", |row| number(Some(row.norms.l1))),
            column("L2", |row| number(Some(row.norms.l2))),
            column("L4", |row| number(Some(row.norms.l4))),
        ],
    ));
    let searched = report.grades.iter().filter_map(|row| row.measured.as_ref()).map(|m| m.points).max();
    out.tag("p").class("caption").body(|caption| {
        caption.tag("b").text("Errors. ");
        caption.text("Proved columns hold at every point of the box, the others are measured. ");
        if report.grades.iter().any(|row| row.built.is_some()) {
            caption.text(
                "The approximant of a grade is what its network is built to follow; its deviation from f is proved while \
                 building. ",
            );
        }
        if let Some(points) = searched {
            caption.text(format_args!(
                "The largest error was looked for at up to {points} points, among them corners, kinks and the way uphill \
                 from the worst; "
            ));
        }
        caption.text(format_args!(
            "L1, L2 and L4 are means over {} spread points: of |r|, and the roots of those of r² and r⁴.",
            report.points
        ));
    });
    table(out, "Errors", report, &groups);
}

/// What each grade is as a network.
pub(super) fn networks(out: &mut Markup, report: &ApproximationReport) {
    let mut size = Vec::new();
    if report.grades.iter().any(|row| row.built.is_some()) {
        size.push(column("new nodes", |row| row.built.map_or("–".to_owned(), |built| built.nodes.to_string())));
    }
    size.push(column("layers", |row| row.layers.to_string()));
    size.push(column("widest", |row| row.width.to_string()));
    size.push(column("ReLUs", |row| row.relus.to_string()));
    let extent = |of: fn(&multigrade::report::Extent) -> String| {
        move |row: &ApproximationRow| row.extent.as_ref().map_or("–".to_owned(), of)
    };
    size.push(column("both signs, at most", extent(|extent| extent.two_sided.to_string())));
    let network = vec![
        column("range from", extent(|extent| below(extent.range[0]))),
        column("to", extent(|extent| above(extent.range[1]))),
        column("Lipschitz, at most", extent(|extent| above(extent.lipschitz))),
    ];
    let mut groups = vec![group("this grade", size), group("network after it, fₖ (proved)", network)];
    let rates: Vec<_> = report.grades.iter().filter_map(|row| row.built?.rate).collect();
    if !rates.is_empty() {
        let cell = |row: &ApproximationRow| {
            row.built.and_then(|built| built.rate).map_or("–".to_owned(), |rate| above(rate.bound))
        };
        groups.push(group("rate", vec![column("bound", cell)]));
    }
    out.tag("p").class("caption").body(|caption| {
        caption.tag("b").text("Networks. ");
        caption.text(
            "Range, Lipschitz constant (Euclidean) and the number of ReLUs whose input takes both signs on the box are \
             enclosed by interval arithmetic with outward rounding: proved upper bounds, not always attained. A solver for \
             mixed-integer programs needs a binary variable for those ReLUs only. ",
        );
        if let Some(rate) = rates.first() {
            let factor = 2.0 * (report.sides.len() as f64).sqrt().ceil();
            caption.text(format_args!(
                "The rate is the statement sup|f − fₖ| ≤ {factor} ω(2⁻ˡ) for grades that interpolate on the full uniform \
                 mesh of 2ˡ cells a side (the geometric layer-wise rate of arXiv 2604.20219, in the uniform norm), with the \
                 modulus ω(s) ≤ {} s proved for f on the unit cube; the bounds proved above are smaller.",
                above(rate.slope)
            ));
        }
    });
    table(out, "Networks", report, &groups);
}

fn table(out: &mut Markup, label: &str, report: &ApproximationReport, groups: &[Group]) {
    scrolling(out, label, |table| {
        table.tag("thead").body(|head| {
            head.tag("tr").body(|tr| {
                tr.tag("th").attr("rowspan", 2).attr("scope", "col").text("grade");
                for group in groups {
                    let th = tr.tag("th").attr("colspan", group.columns.len()).attr("scope", "colgroup");
                    th.text(group.heading);
                }
            });
            head.tag("tr").body(|tr| {
                for (name, _) in groups.iter().flat_map(|group| &group.columns) {
                    tr.tag("th").attr("scope", "col").text(name);
                }
            });
        });
        table.tag("tbody").body(|body| {
            for row in &report.grades {
                let is_last = report.last().is_some_and(|last| last.grade == row.grade);
                body.tag("tr").class(if is_last { "answer" } else { "" }).body(|tr| {
                    tr.tag("th").attr("scope", "row").text(row.grade);
                    for (_, cell) in groups.iter().flat_map(|group| &group.columns) {
                        tr.tag("td").text(cell(row));
                    }
                });
            }
        });
    });
}
