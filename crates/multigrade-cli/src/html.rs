//! The report as one HTML file that needs nothing else: no network, no scripts, no fonts.
//!
//! Figures are SVG inside the page, so they are sharp at any width and follow the reader's light or dark mode through
//! the style sheet. The text of the page is written for somebody who has the file and nothing else.

pub(crate) mod approximation;
mod axis;
mod classes;
mod convex;
pub(crate) mod experiment;
mod fit;
mod frame;
mod labels;
mod markup;
mod norms;
mod points;
mod residual;
mod spectrum;
mod tables;
mod timing;
mod words;

use multigrade::report::{Headline, ReportData, RowKind, significant};

use markup::Markup;
use words::{plural, with_unit};

const STYLE: &str = include_str!("html/style.css");

/// The page may style itself and do nothing else, whatever a column name tries.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'";

/// The report as a complete HTML document. The same data give the same bytes.
pub(crate) fn render(data: &ReportData) -> String {
    let mut page = Markup::document();
    page.tag("html").attr("lang", "en").body(|html| {
        html.tag("head").body(|head| write_head(head, &data.title));
        html.tag("body").body(|body| {
            body.tag("header").body(|header| write_header(header, data));
            body.tag("main").body(|main| {
                write_results(main, data);
                if let Some(report) = &data.classes {
                    classes::section(main, data, report);
                }
                for output in 0..data.outputs.len() {
                    write_output(main, data, output);
                }
                write_grades(main, data);
                write_run(main, data);
            });
            body.tag("footer").body(|footer| write_footer(footer, data));
        });
    });
    page.finish()
}

fn write_head(head: &mut Markup, title: &str) {
    head.tag("meta").attr("charset", "utf-8").empty();
    head.tag("meta").attr("name", "viewport").attr("content", "width=device-width, initial-scale=1").empty();
    head.tag("meta").attr("name", "color-scheme").attr("content", "light dark").empty();
    head.tag("meta").attr("http-equiv", "Content-Security-Policy").attr("content", POLICY).empty();
    head.tag("title").text(format_args!("{title} - multigrade report"));
    head.style(STYLE);
}

fn write_header(header: &mut Markup, data: &ReportData) {
    header.tag("p").class("kind").text("multigrade report");
    header.tag("h1").text(&data.title);
    header.tag("p").class("source").text(source_sentence(data));
    if !data.warnings.is_empty() {
        header.tag("section").class("warnings").attr("aria-label", "Warnings").body(|section| {
            section.tag("h2").text(if data.warnings.len() == 1 { "Warning" } else { "Warnings" });
            section.tag("ul").body(|list| {
                for warning in &data.warnings {
                    list.tag("li").text(warning);
                }
            });
        });
    }
    header.tag("nav").attr("aria-label", "Contents").body(|nav| {
        for (output, fit) in data.outputs.iter().enumerate() {
            nav.tag("a").attr("href", format_args!("#output-{}", output + 1)).text(&fit.name);
        }
        if let Some(report) = &data.classes {
            nav.tag("a").attr("href", "#classes").text(&report.target);
        }
        nav.tag("a").attr("href", "#grades").text("Grades");
        if has_run(data) {
            nav.tag("a").attr("href", "#run").text("Settings and notes");
        }
    });
}

fn source_sentence(data: &ReportData) -> String {
    let source = &data.source;
    let (fitted, others) = (plural(source.n_train, "row"), plural(source.n_validation, "row"));
    let whose = if source.refit { " of them first" } else { "" };
    let mut sentence = match source.validation_kind {
        RowKind::Unknown => format!("From {}: {others}, which the fit may have seen; it had {fitted}", source.name),
        _ if source.n_validation == 0 => format!("From {}: {fitted} to fit", source.name),
        _ => format!("From {}: {fitted} to fit, {}{whose} held out", source.name, source.n_validation),
    };
    sentence += &format!("; {}, {}", plural(data.inputs.len(), "input"), targets(data));
    let used = data.inputs.len() + data.outputs.len() + usize::from(data.classes.is_some());
    if source.n_columns > used {
        sentence += &format!(", {} not used", plural(source.n_columns - used, "column"));
    }
    sentence + "."
}

/// What is learned: outputs, or the classes of one.
fn targets(data: &ReportData) -> String {
    match &data.classes {
        Some(report) => format!("{} classes of {}", report.labels.len(), report.target),
        None => plural(data.outputs.len(), "output"),
    }
}

/// The result for every output: one sentence and the numbers behind it.
fn write_results(main: &mut Markup, data: &ReportData) {
    main.tag("section").class("results").attr("aria-label", "Results").body(|section| {
        if let Some(report) = &data.classes {
            classes::write_result(section, report);
        }
        for output in 0..data.outputs.len() {
            match data.headline(output) {
                Some(headline) => write_result(section, &headline),
                None => section
                    .tag("p")
                    .class("empty")
                    .text(format_args!("{}: nothing was measured, so there is no result.", data.outputs[output].name)),
            }
        }
    });
    let caution = caution(data);
    if !caution.is_empty() {
        main.tag("p").class("caution").text(caution);
    }
}

/// What the reader must know about the held-out rows. Empty if there is nothing to know.
fn caution(data: &ReportData) -> String {
    let mut caution = String::new();
    if data.source.n_validation > 0 && data.source.validation_chose {
        caution += "The held-out rows were not fitted, but they decided where to stop: expect new rows to be met a \
                    little less well. ";
    }
    if data.source.n_validation > 0 && data.source.refit {
        caution += &format!(
            "After that the model was fitted again on all {} rows; all numbers about held-out rows are from before.",
            data.source.n_train
        );
    }
    caution
}

fn write_result(out: &mut Markup, headline: &Headline) {
    out.tag("article").class("result").body(|card| {
        card.tag("p").class("sentence").body(|p| {
            p.tag("b").text(format_args!("{}:", headline.output));
            p.text(format_args!(" {}.", headline.claim()));
        });
        card.tag("dl").body(|list| {
            let unit = headline.unit.as_deref();
            let mut tile = |name: &str, value: String| {
                list.tag("div").body(|div| {
                    div.tag("dt").text(name);
                    div.tag("dd").text(value);
                });
            };
            tile(&with_unit("RMSE", unit), significant(headline.norms.l2, 4));
            tile(&with_unit("largest", unit), significant(headline.norms.linf, 4));
            if let Some(explained) = headline.explained {
                tile("variance explained", percent(explained));
            }
            if let Some(best) = headline.strongest() {
                tile(&format!("RMSE of {}", best.baseline), significant(best.rmse, 4));
            }
        });
    });
}

/// A share as a percentage, with as many nines as are true.
fn percent(share: f64) -> String {
    let missing = 1.0 - share;
    if missing == 0.0 {
        return "100 %".to_owned();
    }
    if missing < 1e-12 {
        return "> 99.9999999999 %".to_owned();
    }
    if missing > 1.0 {
        return "none".to_owned();
    }
    // With this many decimals at least one unit of the last one is missing, so nothing rounds up to 100.
    let decimals = (-missing.log10()).floor().max(2.0) as usize - 1;
    format!("{:.decimals$} %", 100.0 * share)
}

fn write_output(main: &mut Markup, data: &ReportData, output: usize) {
    let shown = &data.outputs[output];
    main.tag("section").attr("id", format_args!("output-{}", output + 1)).body(|section| {
        section.tag("h2").text(with_unit(&shown.name, shown.unit.as_deref()));
        section.tag("div").class("pair").body(|pair| {
            norms::figure(pair, data, output);
            if let [input] = data.inputs.as_slice() {
                fit::over_input(pair, data, shown, input);
                convex::figure(pair, data, output);
                residual::figure(pair, data, shown);
            }
            if let Some(spectrum) = data.spectra.get(output) {
                spectrum::figure(pair, data, shown, spectrum);
            }
            fit::predicted_against_true(pair, data, shown);
        });
        tables::residuals(section, data, output);
        if data.inputs.len() > 1 {
            convex::figure(section, data, output);
            residual::figure(section, data, shown);
        }
    });
}

fn write_grades(main: &mut Markup, data: &ReportData) {
    main.tag("section").attr("id", "grades").body(|section| {
        section.tag("h2").text("Grades");
        section.tag("p").text(
            "A multigrade network is built one grade at a time: each grade fits what the grades before it left over, \
             and is then frozen. The answer is the sum of all grades.",
        );
        tables::grades(section, data);
        convex::section(section, data);
        timing::figure(section, data);
    });
}

/// Whether there is anything to say about the run itself.
fn has_run(data: &ReportData) -> bool {
    !(data.notes.is_empty() && data.settings.is_empty() && data.versions.is_empty())
}

fn write_run(main: &mut Markup, data: &ReportData) {
    if !has_run(data) {
        return;
    }
    main.tag("section").attr("id", "run").body(|section| {
        section.tag("h2").text("Settings and notes");
        if !data.notes.is_empty() {
            section.tag("ul").class("notes").body(|list| {
                for note in &data.notes {
                    list.tag("li").text(note);
                }
            });
        }
        section.tag("div").class("pair").body(|pair| {
            for (title, entries) in [("Settings", &data.settings), ("Versions", &data.versions)] {
                pair.tag("div").body(|div| tables::entries(div, title, entries));
            }
        });
    });
}

fn write_footer(footer: &mut Markup, data: &ReportData) {
    footer.tag("p").text(
        "All numbers in this report are measured on the rows named in it. They are evidence about other points, not \
         proof.",
    );
    if data.grades.iter().any(|row| row.convex.is_some()) {
        footer.tag("p").text(
            "What is proved about a convex grade is that hardly any grade of its kind fits the same rows better under the \
             same penalty. It is no statement about other points either.",
        );
    }
}

#[cfg(test)]
mod tests;
#[cfg(test)]
mod wellformed;
