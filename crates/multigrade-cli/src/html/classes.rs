//! The section about a classifier: scores, which classes are taken for which, and whether probabilities are true.

use multigrade::report::{ClassReport, ReportData, significant};
use multigrade::{Calibration, Scores};

use super::axis::Range;
use super::frame::{FrameSpec, Px, WIDE};
use super::markup::Markup;
use super::words::plural;
use crate::class_summary::percent;

/// Most classes whose confusion is shown.
const SHOWN: usize = 30;

/// The result as a card.
pub(super) fn write_result(out: &mut Markup, report: &ClassReport) {
    out.tag("article").class("result").body(|card| {
        card.tag("p").class("sentence").text(format_args!("{}.", report.sentence()));
        let Some(answer) = report.grades.last() else { return };
        let scores = answer.validation.unwrap_or(answer.train);
        card.tag("dl").body(|list| {
            let tiles = [
                ("accuracy", percent(scores.accuracy)),
                ("log-loss", significant(scores.log_loss, 4)),
                ("Brier score", significant(scores.brier, 4)),
                ("calibration error", significant(report.calibration.error, 3)),
            ];
            for (name, value) in tiles {
                list.tag("div").body(|div| {
                    div.tag("dt").text(name);
                    div.tag("dd").text(value);
                });
            }
        });
    });
}

/// Everything else about the classes.
pub(super) fn section(main: &mut Markup, data: &ReportData, report: &ClassReport) {
    main.tag("section").attr("id", "classes").body(|section| {
        section.tag("h2").text(&report.target);
        section.tag("div").class("pair").body(|pair| calibration(pair, report));
        confusion(section, report);
        scores(section, data, report);
    });
}

fn calibration(out: &mut Markup, report: &ClassReport) {
    let Calibration { bins, error } = &report.calibration;
    let Some(range) = Range::linear([0.0, 1.0]) else { return };
    let rows = format!("{} ({})", plural(report.rows, "row"), report.kind.name());
    let spec = FrameSpec {
        width: WIDE,
        height: 400.0,
        right: 14.0,
        x: (range, range.ticks(5), "probability of the most probable class"),
        y: (range, range.ticks(5), "share of rows where it is right"),
        spoken: format!("How often the most probable class is right, by its probability, on {rows}."),
    };
    out.tag("figure").body(|figure| {
        spec.write(figure, |svg, frame| {
            let ends = (frame.x.at(0.0), frame.y.at(0.0), frame.x.at(1.0), frame.y.at(1.0));
            if let (Some(x0), Some(y0), Some(x1), Some(y1)) = ends {
                let diagonal = format!("M{} {}L{} {}", Px(x0), Px(y0), Px(x1), Px(y1));
                svg.tag("path").class("ideal").attr("d", diagonal).empty();
            }
            for bin in bins {
                let (Some(x), Some(y)) = (frame.x.at(bin.confidence), frame.y.at(bin.accuracy)) else { continue };
                let share = bin.weight / bins.iter().map(|bin| bin.weight).sum::<f64>();
                let title = format!(
                    "{}: said {}, right {}",
                    plural(bin.rows, "row"),
                    percent(bin.confidence),
                    percent(bin.accuracy)
                );
                // The area of a dot is the share of its rows.
                svg.tag("circle")
                    .class("dot l2")
                    .attr("cx", Px(x))
                    .attr("cy", Px(y))
                    .attr("r", Px(3.0 + 15.0 * share.sqrt()))
                    .body(|dot| dot.tag("title").text(title));
            }
        });
        figure.tag("figcaption").body(|caption| {
            caption.tag("b").text("Calibration. ");
            caption.text(format_args!(
                "Probabilities that are true put every dot on the diagonal; below it the model is too sure of itself. Larger \
                 dots stand for more of the {rows}. Expected calibration error {}.",
                significant(*error, 3)
            ));
        });
    });
}

fn confusion(out: &mut Markup, report: &ClassReport) {
    let shown = report.labels.len().min(SHOWN);
    out.tag("h3").text("Which classes are taken for which");
    super::tables::scrolling(out, "Confusion", |table| {
        table.tag("thead").body(|head| {
            head.tag("tr").body(|row| {
                row.tag("th").attr("scope", "col").text("class");
                for label in &report.labels[..shown] {
                    row.tag("th").attr("scope", "col").text(label);
                }
            });
        });
        table.tag("tbody").body(|body| {
            for (class, weights) in report.confusion.weights[..shown].iter().enumerate() {
                body.tag("tr").body(|row| {
                    row.tag("th").attr("scope", "row").text(&report.labels[class]);
                    for (decided, weight) in weights[..shown].iter().enumerate() {
                        cell(row, *weight, class == decided);
                    }
                });
            }
        });
    });
    let mut remark = format!(
        "Each line is a class, each column what its rows are taken for ({}, {}).",
        plural(report.rows, "row"),
        report.kind.name()
    );
    if shown < report.labels.len() {
        remark += &format!(" The first {shown} of {} classes are shown.", report.labels.len());
    }
    out.tag("p").class("caption").text(remark);
}

/// One number of the confusion: right where a class is taken for itself.
fn cell(row: &mut Markup, weight: f64, is_right: bool) {
    let class = match (is_right, weight > 0.0) {
        (true, _) => "right",
        (false, true) => "wrong",
        (false, false) => "",
    };
    let number = if weight == weight.round() { format!("{weight}") } else { significant(weight, 3) };
    row.tag("td").class(class).text(number);
}

fn scores(out: &mut Markup, data: &ReportData, report: &ClassReport) {
    let has_held_out = report.grades.iter().any(|row| row.validation.is_some());
    out.tag("h3").text("Scores");
    super::tables::scrolling(out, "Scores", |table| {
        table.tag("thead").body(|head| {
            head.tag("tr").body(|row| {
                row.tag("th").attr("scope", "col").text("grade");
                row.tag("th").class("words").attr("scope", "col").text("network");
                let sets =
                    if has_held_out { &["training", data.source.validation_kind.name()][..] } else { &["training"] };
                for set in sets {
                    for name in ["accuracy", "log-loss", "Brier score"] {
                        row.tag("th").attr("scope", "col").text(format_args!("{name}, {set}"));
                    }
                }
            });
        });
        table.tag("tbody").body(|body| {
            let mut line = |number: String, name: &str, train: Scores, validation: Option<Scores>| {
                body.tag("tr").body(|row| {
                    row.tag("td").text(number);
                    row.tag("td").class("words").text(name);
                    for scores in std::iter::once(train).chain(validation) {
                        let Scores { accuracy, log_loss, brier } = scores;
                        let cells = [percent(accuracy), significant(log_loss, 4), significant(brier, 4)];
                        cells.iter().for_each(|cell| row.tag("td").text(cell));
                    }
                });
            };
            for row in &report.grades {
                let name = if row.grade == 0 { "the shares of the classes" } else { &row.hidden };
                line(row.grade.to_string(), name, row.train, row.validation);
            }
            for row in &report.baselines {
                line("-".into(), &row.name, row.train, row.validation);
            }
        });
    });
}
