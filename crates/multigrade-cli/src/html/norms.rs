//! The figure of residual norms: what every grade left over, and what simple methods leave.

use multigrade::Norms;
use multigrade::report::{BaselineRow, GradeRow, OutputFit, ReportData, RowKind, significant};

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

/// The rows that residuals were measured on.
#[derive(Clone, Copy, PartialEq)]
enum Rows {
    Training,
    /// Those of [`Source::validation_kind`](multigrade::report::Source::validation_kind).
    Validation,
}

/// Residual norms after each grade on a logarithmic axis, with what simple methods reach.
pub(super) fn figure(out: &mut Markup, data: &ReportData, output: usize) {
    View::new(data, output).write(out);
}

/// What the figure shows of a report.
struct View<'a> {
    data: &'a ReportData,
    fit: &'a OutputFit,
    output: usize,
    /// The rows that a model is judged by: others than the training rows if there are any.
    judges: Rows,
    /// Names and root mean squares.
    baselines: Vec<(&'a str, f64)>,
}

impl<'a> View<'a> {
    fn new(data: &'a ReportData, output: usize) -> Self {
        let pick = |train: &[Norms], validation: Option<&[Norms]>, rows: Rows| match rows {
            Rows::Training => train.get(output).copied(),
            Rows::Validation => validation?.get(output).copied(),
        };
        let has_validation =
            data.grades.iter().any(|row| pick(&[], row.validation.as_deref(), Rows::Validation).is_some());
        let judges = if has_validation { Rows::Validation } else { Rows::Training };
        let baseline = |row: &'a BaselineRow| {
            let norms = pick(&row.train, row.validation.as_deref(), judges)?;
            Some((row.name.as_str(), norms.l2))
        };
        let baselines = data.baselines.iter().filter_map(baseline).collect();
        Self { data, fit: &data.outputs[output], output, judges, baselines }
    }

    /// Every grade that was measured on these rows, with its norms.
    fn course(&self, rows: Rows) -> Vec<(&'a GradeRow, Norms)> {
        let norms = |row: &'a GradeRow| match rows {
            Rows::Training => row.train.get(self.output).copied(),
            Rows::Validation => row.validation.as_ref()?.get(self.output).copied(),
        };
        self.data.grades.iter().filter_map(|row| Some((row, norms(row)?))).collect()
    }

    fn all_norms(&self) -> impl Iterator<Item = f64> {
        let courses = [Rows::Training, Rows::Validation].into_iter().flat_map(|rows| self.course(rows));
        courses.flat_map(|(_, norms)| [norms.l1, norms.l2, norms.linf])
    }

    fn name_of(&self, rows: Rows) -> &'static str {
        match rows {
            Rows::Training => RowKind::Training.name(),
            Rows::Validation => self.data.source.validation_kind.name(),
        }
    }

    fn write(&self, out: &mut Markup) {
        let y = Range::log(self.all_norms().chain(self.baselines.iter().map(|(_, rmse)| *rmse)));
        let x = Range::linear(self.data.grades.iter().map(|row| row.grade as f64));
        let (Some(y), Some(x)) = (y, x) else {
            out.tag("p").class("empty").text("No figure of the residual: no norm of it is positive and finite.");
            return;
        };
        let spec = FrameSpec {
            width: NAMED,
            height: 330.0,
            right: NAMES,
            x: (x, x.whole_ticks(8), "after grade"),
            y: (y, y.ticks(6), &with_unit("residual", self.fit.unit.as_deref())),
            spoken: format!("Residual of {} after each grade, logarithmic: {}.", self.fit.name, self.in_words()),
        };
        out.tag("figure").body(|figure| {
            self.write_key(figure);
            spec.write(figure, |svg, frame| {
                let mut labels = self.draw_baselines(svg, frame);
                labels.extend(self.draw_norms(svg, frame));
                draw_labels(svg, frame, &labels);
            });
            figure.tag("figcaption").body(|caption| self.write_caption(caption));
        });
    }

    /// The course of the root mean square, for readers who cannot see the figure.
    fn in_words(&self) -> String {
        let course = self.course(self.judges);
        let step =
            |(row, norms): &(&GradeRow, Norms)| format!("{} after grade {}", significant(norms.l2, 3), row.grade);
        let steps: Vec<String> = match course.as_slice() {
            [first, .., last] => vec![step(first), step(last)],
            few => few.iter().map(step).collect(),
        };
        format!("RMSE on {}: {}", self.name_of(self.judges), steps.join(", "))
    }

    /// Which mark means what. Written in HTML, so that it wraps on narrow pages.
    fn write_key(&self, out: &mut Markup) {
        let item = |key: &mut Markup, marks: &[(&'static str, String)], text: String| {
            key.tag("li").body(|li| {
                li.tag("svg").attr("viewBox", "0 0 36 14").attr("aria-hidden", "true").body(|svg| {
                    for (class, path) in marks {
                        svg.tag("path").class(class).attr("d", path).empty();
                    }
                });
                li.text(text);
            });
        };
        let (line, mark) = ("M2 7H34".to_owned(), Shape::Circle.outline(18.0, 7.0));
        out.tag("ul").class("key").body(|key| {
            if self.judges == Rows::Validation {
                let marks = [("l2 held", line.clone()), ("l2 dot", mark.clone())];
                item(key, &marks, self.name_of(Rows::Validation).to_owned());
            }
            item(key, &[("l2 train", line.clone()), ("l2 ring", mark)], self.name_of(Rows::Training).to_owned());
            if !self.baselines.is_empty() {
                item(key, &[("base", line)], format!("L2 of simple methods, {}", self.name_of(self.judges)));
            }
        });
    }

    fn write_caption(&self, caption: &mut Markup) {
        caption.tag("b").text("Residual after each grade. ");
        caption.text(format_args!(
            "What is left of {}: the largest magnitude (L∞), the root mean square (L2, also called RMSE) and the mean \
             magnitude (L1). The axis is logarithmic: equal steps are equal factors. Grade 0 is the centred target \
             itself. ",
            self.fit.name
        ));
        if self.judges == Rows::Validation && self.data.source.validation_kind != RowKind::Unknown {
            caption.text(format_args!(
                "A gap that opens between the training and the {} is overfitting. ",
                self.name_of(self.judges)
            ));
        }
        if self.all_norms().any(|norm| norm == 0.0) {
            caption.text("A residual of exactly zero is drawn as a triangle on the lower edge. ");
        }
        if !self.baselines.is_empty() {
            caption.text("A model is worth its cost where its L2 lies well below the dashed lines.");
        }
    }

    fn draw_baselines(&self, svg: &mut Markup, frame: Frame) -> Vec<EndLabel> {
        let unit = spaced(self.fit.unit.as_deref());
        let mut labels = Vec::new();
        for (name, rmse) in &self.baselines {
            let Some(at) = frame.y.at(*rmse) else { continue };
            let line = format!("M{} {}H{}", Px(frame.x.start()), Px(at), Px(frame.x.end()));
            svg.tag("path").class("base").attr("d", line).body(|path| {
                path.tag("title").text(format_args!("{name}: RMSE {}{unit}", significant(*rmse, 4)));
            });
            labels.push(EndLabel { text: (*name).to_owned(), class: "simple", at });
        }
        labels
    }

    fn draw_norms(&self, svg: &mut Markup, frame: Frame) -> Vec<EndLabel> {
        for rows in [Rows::Training, Rows::Validation] {
            for style in &NORMS {
                svg.tag("g").class(style.class).body(|g| self.draw_curve(g, frame, rows, style));
            }
        }
        let end = |style: &NormStyle| {
            let (row, norms) = *self.course(self.judges).last()?;
            Some(EndLabel {
                text: style.label.to_owned(),
                class: style.class,
                at: place(frame, row, (style.of)(&norms))?.1,
            })
        };
        NORMS.iter().filter_map(end).collect()
    }

    fn draw_curve(&self, g: &mut Markup, frame: Frame, rows: Rows, style: &NormStyle) {
        let unit = spaced(self.fit.unit.as_deref());
        let (line_class, mark_class) = match rows {
            Rows::Training => ("train", "ring"),
            Rows::Validation => ("held", "dot"),
        };
        let course = self.course(rows);
        let line = line_through(course.iter().map(|(row, norms)| place(frame, row, (style.of)(norms))));
        g.tag("path").class(line_class).attr("d", line).empty();
        for (row, norms) in course {
            let value = (style.of)(&norms);
            let Some((x, y)) = place(frame, row, value) else { continue };
            let shape = if value == 0.0 { Shape::Below } else { style.shape };
            g.tag("path").class(mark_class).attr("d", shape.outline(x, y)).body(|path| {
                let (label, rows) = (style.label, self.name_of(rows));
                let value = significant(value, 4);
                path.tag("title").text(format_args!("{label} after grade {}, {rows}: {value}{unit}", row.grade));
            });
        }
    }
}

/// The place of a norm. Zero has none on a logarithmic axis; it is shown on the lower edge.
fn place(frame: Frame, row: &GradeRow, value: f64) -> Option<(f64, f64)> {
    let x = frame.x.at(row.grade as f64)?;
    let y = if value == 0.0 { frame.y.start() } else { frame.y.at(value)? };
    Some((x, y))
}
