//! The page of a network that approximates a formula: what is proved, how to check it again, pictures, and the grades.

mod curves;
mod errors;
mod map;
mod tables;

use multigrade::report::{ApproximationReport, ApproximationRow, Picture, significant};

use super::markup::Markup;
use super::words::plural;
use super::write_head;
use crate::bounds::{above, below, meanings, of_size};

/// What a page says that is not in the report.
pub(crate) struct Frame {
    /// How the network came to be.
    pub(crate) origin: String,
    /// The command that proves the bounds again, if there is a certificate.
    pub(crate) check: Option<String>,
    /// What the reader must know first.
    pub(crate) warnings: Vec<String>,
}

/// The page as a complete HTML document. The same report gives the same bytes.
pub(crate) fn render(report: &ApproximationReport, frame: &Frame) -> String {
    let mut page = Markup::document();
    page.tag("html").attr("lang", "en").body(|html| {
        html.tag("head").body(|head| write_head(head, &report.function));
        html.tag("body").body(|body| {
            body.tag("header").body(|header| write_header(header, report, frame));
            body.tag("main").body(|main| {
                write_result(main, report, frame);
                main.tag("section").attr("id", "pictures").body(|section| write_pictures(section, report));
                main.tag("section").attr("id", "grades").body(|section| {
                    section.tag("h2").text("Grades");
                    tables::errors(section, report);
                    tables::networks(section, report);
                });
            });
            body.tag("footer").body(write_footer);
        });
    });
    page.finish()
}

fn write_header(header: &mut Markup, report: &ApproximationReport, frame: &Frame) {
    header.tag("p").class("kind").text("multigrade report of an approximation");
    header.tag("h1").text(&report.function);
    header.tag("p").class("source").text(format_args!("On the box {}. {}.", report.domain, frame.origin));
    if !frame.warnings.is_empty() {
        header.tag("section").class("warnings").attr("aria-label", "Warnings").body(|section| {
            section.tag("h2").text(if frame.warnings.len() == 1 { "Warning" } else { "Warnings" });
            section.tag("ul").body(|list| frame.warnings.iter().for_each(|text| list.tag("li").text(text)));
        });
    }
    header.tag("nav").attr("aria-label", "Contents").body(|nav| {
        for (place, name) in [("#result", "Result"), ("#pictures", "Pictures"), ("#grades", "Grades")] {
            nav.tag("a").attr("href", place).text(name);
        }
    });
}

/// A name as it is drawn and written: `f1` for the network after grade 1.
fn stage(k: usize) -> String {
    let digits = k.to_string();
    let lowered = digits.bytes().map(|digit| char::from_u32(0x2080 + u32::from(digit - b'0')).unwrap_or('_'));
    format!("f{}", lowered.collect::<String>())
}

fn write_result(main: &mut Markup, report: &ApproximationReport, frame: &Frame) {
    main.tag("section").class("results").attr("id", "result").attr("aria-label", "Result").body(|section| {
        section.tag("article").class("result").body(|card| {
            card.tag("p").class("sentence").body(|sentence| write_sentence(sentence, report));
            card.tag("dl").body(|list| {
                for (name, value) in tiles(report) {
                    list.tag("div").body(|div| {
                        div.tag("dt").text(name);
                        div.tag("dd").text(value);
                    });
                }
            });
        });
        if let Some(command) = &frame.check {
            section.tag("article").class("result").body(|card| {
                card.tag("p").class("sentence").text("Nobody has to believe this page. Prove the bounds again:");
                card.tag("pre").body(|pre| pre.tag("code").text(command));
                card.tag("p").class("caution").text(
                    "The command reads the two files, recomputes every bound with outward rounding and believes nothing \
                     that either of them says about itself.",
                );
            });
        }
    });
}

fn write_sentence(out: &mut Markup, report: &ApproximationReport) {
    match report.last().and_then(|row| Some((row, row.proved.as_ref()?))) {
        Some((row, proved)) => {
            out.tag("b").text("Proved:");
            out.text(format_args!(
                " at every point of {}, {} and the network after grade {} differ by at most {}.",
                report.domain,
                report.function,
                row.grade,
                meanings(proved)
            ));
        }
        None => {
            out.tag("b").text("Nothing is proved");
            out.text(format_args!(" of {} on {}.", report.function, report.domain));
        }
    }
}

/// The numbers of the whole network, with what kind of truth each is.
fn tiles(report: &ApproximationReport) -> Vec<(String, String)> {
    let mut tiles = Vec::new();
    let mut tile = |name: &str, value: String| tiles.push((name.to_owned(), value));
    if let Some(tolerance) = report.tolerance {
        let verdict = if report.reached { "proved" } else { "not proved" };
        tile(&format!("tolerance asked for: {verdict}"), tolerance.to_string());
    }
    let Some(last) = report.last() else { return tiles };
    if let Some(proved) = &last.proved {
        tile("proved, exact", of_size(proved.exact));
        proved.f64.iter().for_each(|ends| tile("proved, in f64", of_size(*ends)));
        proved.f32.iter().for_each(|ends| tile("proved, in f32", of_size(*ends)));
    }
    if let Some(measured) = &last.measured {
        tile("largest error found (measured)", significant(measured.f64, 4));
    }
    if let Some(extent) = &last.extent {
        tile("range, within", format!("{} … {}", below(extent.range[0]), above(extent.range[1])));
        tile("Lipschitz constant, at most", above(extent.lipschitz));
    }
    let total = |of: fn(&ApproximationRow) -> usize| report.grades.iter().map(of).sum::<usize>().to_string();
    tile("hidden layers", total(|row| row.layers));
    tile("widest layer", report.grades.iter().map(|row| row.width).max().unwrap_or(0).to_string());
    tile("ReLUs", total(|row| row.relus));
    if last.extent.is_some() {
        tile("of both signs, at most", total(|row| row.extent.as_ref().map_or(0, |extent| extent.two_sided)));
    }
    tiles
}

fn write_pictures(section: &mut Markup, report: &ApproximationReport) {
    section.tag("h2").text("Pictures");
    match &report.picture {
        Picture::None => errors::figure(section, report),
        Picture::Curves { x, values } => {
            section.tag("div").class("pair").body(|pair| {
                errors::figure(pair, report);
                curves::approximations(pair, report, x, values);
            });
            curves::residuals(section, report, x, values);
        }
        Picture::Map { side, values } => {
            errors::figure(section, report);
            map::figures(section, report, *side, values);
        }
        Picture::Slices { through, slices, spread } => {
            section.tag("div").class("pair").body(|pair| {
                errors::figure(pair, report);
                curves::spread(pair, spread);
            });
            curves::slices(section, report, through, slices);
        }
    }
    section.tag("p").class("caption").text(format_args!(
        "Pictures and norms show the network as computed in f64 at finitely many points; the norms are over {}.",
        plural(report.points, "point")
    ));
}

fn write_footer(footer: &mut Markup) {
    footer.tag("p").text(
        "Proved: for every point of the box, by computation with outward rounding; the bounds of the error were accepted by \
         the checker and stand in the certificate, those of range, slopes and signs by interval arithmetic alone. Measured: \
         at the points that were looked at; silent about all others.",
    );
}

#[cfg(test)]
mod tests;
