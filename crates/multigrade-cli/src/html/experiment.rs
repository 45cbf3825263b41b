//! The page of an experiment: what was done, what the numbers say, tables and figures.

use multigrade::experiments::{Figure, Line, Report, Section, Table};
use multigrade::report::significant;

use super::axis::Range;
use super::frame::{Frame, FrameSpec, Shape, line_through};
use super::labels::{EndLabel, NAMED, NAMES, draw_labels};
use super::markup::Markup;
use super::tables::scrolling;
use super::write_head;

/// Hue and mark of each line, in turn.
const STYLES: [(&str, Shape); 9] = [
    ("l2", Shape::Circle),
    ("linf", Shape::Triangle),
    ("l1", Shape::Square),
    ("simple", Shape::Circle),
    ("plain", Shape::Triangle),
    ("l2", Shape::Square),
    ("linf", Shape::Circle),
    ("l1", Shape::Triangle),
    ("simple", Shape::Square),
];

/// The page as a complete HTML document.
pub(crate) fn render(title: &str, report: &Report) -> String {
    let mut page = Markup::document();
    page.tag("html").attr("lang", "en").body(|html| {
        html.tag("head").body(|head| write_head(head, title));
        html.tag("body").body(|body| {
            body.tag("header").body(|header| {
                header.tag("p").class("kind").text("multigrade experiment");
                header.tag("h1").text(title);
                for paragraph in &report.about {
                    header.tag("p").class("source").text(paragraph);
                }
                header.tag("nav").attr("aria-label", "Contents").body(|nav| {
                    for (i, section) in report.sections.iter().enumerate() {
                        nav.tag("a").attr("href", format_args!("#section-{}", i + 1)).text(&section.title);
                    }
                });
            });
            body.tag("main").body(|main| {
                for (i, section) in report.sections.iter().enumerate() {
                    write_section(main, i + 1, section);
                }
            });
            body.tag("footer")
                .body(|footer| footer.tag("p").text("All numbers are measured. They are evidence, not proof."));
        });
    });
    page.finish()
}

fn write_section(main: &mut Markup, number: usize, section: &Section) {
    main.tag("section").attr("id", format_args!("section-{number}")).body(|out| {
        out.tag("h2").text(&section.title);
        if !section.findings.is_empty() {
            out.tag("ul").class("notes").body(|list| {
                for finding in &section.findings {
                    list.tag("li").text(finding);
                }
            });
        }
        for table in &section.tables {
            write_table(out, table);
        }
        out.tag("div").class("pair").body(|pair| section.figures.iter().for_each(|figure| write_figure(pair, figure)));
    });
}

fn write_table(out: &mut Markup, table: &Table) {
    out.tag("p").class("caption").body(|caption| {
        caption.tag("b").text(format_args!("{}. ", table.title));
        caption.text(&table.note);
    });
    scrolling(out, &table.title, |markup| {
        markup.tag("thead").body(|head| {
            head.tag("tr").body(|tr| {
                for column in &table.columns {
                    tr.tag("th").attr("scope", "col").text(column);
                }
            });
        });
        markup.tag("tbody").body(|body| {
            for row in &table.rows {
                body.tag("tr").body(|tr| {
                    for (i, cell) in row.iter().enumerate() {
                        if i == 0 {
                            tr.tag("th").attr("scope", "row").text(cell);
                        } else {
                            tr.tag("td").text(cell);
                        }
                    }
                });
            }
        });
    });
}

fn write_figure(out: &mut Markup, figure: &Figure) {
    let lines: Vec<&Line> = figure.lines.iter().filter(|line| !line.points.is_empty()).collect();
    let all = || lines.iter().flat_map(|line| line.points.iter().copied());
    let x = all().map(|point| point.0);
    let x = if figure.log_x { Range::log(x) } else { Range::linear(x) };
    let (Some(x), Some(y)) = (x, Range::log(all().map(|point| point.1))) else { return };
    let x_ticks = if figure.log_x { x.ticks(6) } else { x.whole_ticks(8) };
    let spec = FrameSpec {
        width: NAMED,
        height: 330.0,
        right: NAMES,
        x: (x, x_ticks, &figure.x),
        y: (y, y.ticks(6), &figure.y),
        spoken: format!("{}: {}.", figure.title, spoken(&lines)),
    };
    out.tag("figure").body(|markup| {
        spec.write(markup, |svg, frame| {
            let mut labels = Vec::new();
            for (line, &(class, shape)) in lines.iter().zip(STYLES.iter().cycle()) {
                svg.tag("g").class(class).body(|g| draw_line(g, frame, line, shape));
                let at = line.points.last().and_then(|point| frame.y.at(point.1));
                labels.extend(at.map(|at| EndLabel { text: line.name.clone(), class, at }));
            }
            draw_labels(svg, frame, &labels);
        });
        markup.tag("figcaption").body(|caption| {
            caption.tag("b").text(format_args!("{}. ", figure.title));
            caption.text(&figure.note);
        });
    });
}

/// The course of every line, for readers who cannot see the figure.
fn spoken(lines: &[&Line]) -> String {
    let course = |line: &&Line| {
        let (first, last) = (line.points.first()?, line.points.last()?);
        Some(format!("{} from {} to {}", line.name, significant(first.1, 3), significant(last.1, 3)))
    };
    lines.iter().filter_map(course).collect::<Vec<_>>().join("; ")
}

fn draw_line(g: &mut Markup, frame: Frame, line: &Line, shape: Shape) {
    let place = |point: &(f64, f64)| Some((frame.x.at(point.0)?, frame.y.at(point.1)?));
    g.tag("path").class("held").attr("d", line_through(line.points.iter().map(place))).empty();
    for point in &line.points {
        let Some((x, y)) = place(point) else { continue };
        g.tag("path").class("dot").attr("d", shape.outline(x, y)).body(|path| {
            path.tag("title").text(format_args!("{}, {}: {}", line.name, point.0, significant(point.1, 4)));
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::html::wellformed::elements;

    #[test]
    fn a_page_is_well_formed_whatever_its_texts_say() {
        let evil = "</td><script>alert(1)</script>".to_owned();
        let line = Line { name: evil.clone(), points: vec![(1.0, 1e-3), (2.0, f64::NAN), (3.0, 0.0), (4.0, 1e-5)] };
        let section = Section {
            title: evil.clone(),
            findings: vec![evil.clone()],
            tables: vec![Table {
                columns: vec![evil.clone()],
                words: 1,
                rows: vec![vec![evil.clone()]],
                ..Table::default()
            }],
            figures: vec![Figure { x: evil.clone(), lines: vec![line, Line::default()], ..Figure::default() }],
        };
        let report = Report { about: vec![evil.clone()], sections: vec![section, Section::default()] };
        let page = render(&evil, &report);
        let names: Vec<String> = elements(&page).unwrap().into_iter().map(|element| element.name).collect();
        assert!(names.iter().any(|name| name == "svg") && !names.iter().any(|name| name == "script"));
    }
}
