//! The tables of the report. A table that is wider than the page scrolls inside its own box.

use multigrade::Norms;
use multigrade::report::{BaselineRow, Entry, GradeRow, ReportData, RowKind, significant};

use super::markup::Markup;

/// A box that a wide table scrolls in; it can be reached with the keyboard.
pub(super) fn scrolling(out: &mut Markup, label: &str, write: impl FnOnce(&mut Markup)) {
    out.tag("div").class("scroll").attr("role", "region").attr("aria-label", label).attr("tabindex", 0).body(|div| {
        div.tag("table").body(write);
    });
}

/// One row of the table of residuals: a grade or a baseline.
struct Row {
    name: String,
    about: String,
    train: Option<Norms>,
    validation: Option<Norms>,
    class: &'static str,
}

impl Row {
    fn of_grade(row: &GradeRow, output: usize, answer: Option<usize>) -> Self {
        let is_answer = Some(row.grade) == answer;
        let remark = if is_answer { "; the model ends here" } else { "" };
        Self {
            name: format!("grade {}", row.grade),
            about: format!("{}{remark}", hidden(row)),
            train: row.train.get(output).copied(),
            validation: row.validation.as_ref().and_then(|norms| norms.get(output).copied()),
            class: if is_answer { "answer" } else { "" },
        }
    }

    fn of_baseline(row: &BaselineRow, output: usize) -> Self {
        Self {
            name: row.name.clone(),
            about: row.about.clone(),
            train: row.train.get(output).copied(),
            validation: row.validation.as_ref().and_then(|norms| norms.get(output).copied()),
            class: "",
        }
    }
}

/// The hidden layers of a grade, in words; there are none before the first.
fn hidden(row: &GradeRow) -> &str {
    if row.grade == 0 { "the centred target" } else { &row.hidden }
}

/// The residual norms of one output: every grade, then every baseline.
pub(super) fn residuals(out: &mut Markup, data: &ReportData, output: usize) {
    let fit = &data.outputs[output];
    let answer = data.answer().map(|row| row.grade);
    let grades: Vec<Row> = data.grades.iter().map(|row| Row::of_grade(row, output, answer)).collect();
    let baselines: Vec<Row> = data.baselines.iter().map(|row| Row::of_baseline(row, output)).collect();
    if grades.is_empty() && baselines.is_empty() {
        return;
    }

    let has_validation = grades.iter().chain(&baselines).any(|row| row.validation.is_some());
    let judged = |row: &Row| if has_validation { row.validation } else { row.train };
    let model = data.headline(output).map(|headline| headline.norms.l2);
    out.tag("p").class("caption").body(|caption| {
        caption.tag("b").text("Residual norms. ");
        caption.text("L1 is the mean magnitude of the residual, L2 its root mean square, L∞ its largest magnitude");
        if let Some(unit) = &fit.unit {
            caption.text(format_args!(", all in {unit}"));
        }
        caption.text(". ");
        if model.is_some() {
            caption.text("The column L2 ÷ model says how many times larger the L2 is than that of the model.");
        }
    });
    scrolling(out, &format!("Residuals of {}", fit.name), |table| {
        table.tag("thead").body(|head| {
            head.tag("tr").body(|tr| {
                tr.tag("th").attr("rowspan", 2).attr("scope", "col").text("grade or method");
                if has_validation {
                    tr.tag("th").attr("colspan", 3).attr("scope", "colgroup").text(data.source.validation_kind.name());
                }
                tr.tag("th").attr("colspan", 3).attr("scope", "colgroup").text(RowKind::Training.name());
                tr.tag("th").attr("rowspan", 2).attr("scope", "col").text("L2 ÷ model");
                tr.tag("th").class("words").attr("rowspan", 2).attr("scope", "col").text("what it is");
            });
            head.tag("tr").body(|tr| {
                for _ in 0..if has_validation { 2 } else { 1 } {
                    for norm in ["L1", "L2", "L∞"] {
                        tr.tag("th").attr("scope", "col").text(norm);
                    }
                }
            });
        });
        for rows in [&grades, &baselines] {
            table.tag("tbody").body(|body| {
                for row in rows {
                    let ratio = judged(row).zip(model).map(|(norms, model)| norms.l2 / model);
                    residual_row(body, row, has_validation, ratio);
                }
            });
        }
    });
}

fn residual_row(body: &mut Markup, row: &Row, has_validation: bool, ratio: Option<f64>) {
    body.tag("tr").class(row.class).body(|tr| {
        tr.tag("th").attr("scope", "row").text(&row.name);
        if has_validation {
            norm_cells(tr, row.validation);
        }
        norm_cells(tr, row.train);
        match ratio {
            Some(ratio) if ratio.is_finite() => tr.tag("td").text(significant(ratio, 3)),
            _ => tr.tag("td").text("–"),
        }
        tr.tag("td").class("words").text(&row.about);
    });
}

fn norm_cells(tr: &mut Markup, norms: Option<Norms>) {
    let values = norms.map_or([None; 3], |norms| [norms.l1, norms.l2, norms.linf].map(Some));
    for value in values {
        tr.tag("td").text(value.map_or("–".to_owned(), |value| significant(value, 4)));
    }
}

/// What each grade is and what it cost.
pub(super) fn grades(out: &mut Markup, data: &ReportData) {
    if data.grades.is_empty() {
        out.tag("p").class("empty").text("There is no grade.");
        return;
    }
    let is_timed = data.grades.iter().any(|row| row.seconds.is_some());
    scrolling(out, "Grades", |table| {
        table.tag("thead").body(|head| {
            head.tag("tr").body(|tr| {
                for (class, name) in [
                    ("", "grade"),
                    ("words", "hidden layers"),
                    ("", "parameters"),
                    ("", "updates"),
                    ("", "weight decay"),
                ] {
                    tr.tag("th").class(class).attr("scope", "col").text(name);
                }
                if is_timed {
                    tr.tag("th").attr("scope", "col").text("seconds");
                }
                tr.tag("th").class("words").attr("scope", "col").text("stopped because");
            });
        });
        table.tag("tbody").body(|body| {
            for row in &data.grades {
                body.tag("tr").body(|tr| {
                    tr.tag("th").attr("scope", "row").text(row.grade);
                    tr.tag("td").class("words").text(hidden(row));
                    tr.tag("td").text(row.parameters);
                    tr.tag("td").text(row.updates);
                    let has_decay = row.convex.is_none();
                    tr.tag("td").text(if has_decay { as_set(row.weight_decay) } else { "–".to_owned() });
                    if is_timed {
                        tr.tag("td").text(row.seconds.map_or("–".to_owned(), |seconds| significant(seconds, 3)));
                    }
                    tr.tag("td").class("words").text(&row.stop);
                });
            }
        });
    });
}

/// A number that somebody chose, as it was chosen: `1e-5` and not `1.00e-5`.
fn as_set(value: f64) -> String {
    if value == 0.0 || (1e-3..1e6).contains(&value) { value.to_string() } else { format!("{value:e}") }
}

/// Names and values, in the order given.
pub(super) fn entries(out: &mut Markup, title: &str, entries: &[Entry]) {
    if entries.is_empty() {
        return;
    }
    out.tag("h3").text(title);
    scrolling(out, title, |table| {
        table.tag("tbody").body(|body| {
            for Entry { name, value } in entries {
                body.tag("tr").body(|tr| {
                    tr.tag("th").attr("scope", "row").text(name);
                    tr.tag("td").class("words").text(value);
                });
            }
        });
    });
}
