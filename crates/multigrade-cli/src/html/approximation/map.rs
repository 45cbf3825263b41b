//! Heat maps over two variables.

use multigrade::report::{ApproximationReport, Values, magnitude, significant};

use super::curves::{selection, shown};
use super::stage;
use crate::bounds::above;
use crate::html::axis::{Range, is_drawable};
use crate::html::frame::{Frame, FrameSpec, Px, SMALL};
use crate::html::markup::Markup;

/// Maps of residuals.
const MAPS: usize = 8;

/// Colours of a scale.
const COLOURS: usize = 11;

/// Classes of a scale from low to high, and those of one with a middle.
const SEQUENTIAL: [&str; COLOURS] = ["v0", "v1", "v2", "v3", "v4", "v5", "v6", "v7", "v8", "v9", "v10"];
const DIVERGING: [&str; COLOURS] = ["d0", "d1", "d2", "d3", "d4", "d5", "d6", "d7", "d8", "d9", "d10"];

/// Room for the scale beside a map.
const SCALE: f64 = 76.0;

/// What one map shows.
struct Map<'a> {
    heading: String,
    values: &'a [f64],
    /// Ends of the scale, and what is written there.
    scale: [(f64, String); 2],
    classes: &'static [&'static str; COLOURS],
    /// Where the largest error was found.
    mark: Option<&'a [f64]>,
}

pub(super) fn figures(out: &mut Markup, report: &ApproximationReport, side: usize, values: &Values) {
    let Some(last) = report.last() else { return };
    let network = &values.stages[last.grade - 1];
    let all = || values.target.iter().chain(network).copied().filter(|v| is_drawable(*v));
    let (low, high) = all().fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), v| (low.min(v), high.max(v)));
    if low > high {
        return;
    }
    out.tag("figure").class("many").body(|figure| {
        figure.tag("div").class("panels").body(|panels| {
            for (heading, shown) in [("f".to_owned(), &values.target), (stage(last.grade), network)] {
                let scale = [low, high].map(|end| (end, significant(end, 3)));
                let map = Map { heading, values: shown, scale, classes: &SEQUENTIAL, mark: None };
                map.write(panels, report, side);
            }
        });
        figure.tag("figcaption").body(|caption| {
            caption.tag("b").text("The formula and the network. ");
            caption.text("Both in one scale of colours.");
        });
    });
    let rows = shown(report, MAPS);
    out.tag("figure").class("many").body(|figure| {
        figure.tag("div").class("panels").body(|panels| {
            for row in &rows {
                let residual = values.residual(row.grade);
                let largest = residual.iter().copied().filter(|r| is_drawable(*r)).fold(0.0, |a: f64, r| a.max(r.abs()));
                let (end, name) = match &row.proved {
                    Some(proved) => (magnitude(proved.exact), above(magnitude(proved.exact))),
                    None => (largest, significant(largest, 3)),
                };
                let map = Map {
                    heading: format!("f − {}", stage(row.grade)),
                    values: &residual,
                    scale: [(-end, format!("−{name}")), (end, name)],
                    classes: &DIVERGING,
                    mark: row.measured.as_ref().map(|measured| measured.at.as_slice()),
                };
                map.write(panels, report, side);
            }
        });
        figure.tag("figcaption").body(|caption| {
            caption.tag("b").text("What is left after each grade. ");
            let ends = if rows.iter().all(|row| row.proved.is_some()) {
                "The scale of each map ends at the proved bound of its grade (exact arithmetic)"
            } else {
                "The scale of each map ends at the proved bound of its grade, where there is one, else at the largest value \
                 shown"
            };
            caption.text(format_args!(
                "{ends}. A ring marks the largest error found. The values are those at the centers of {side} × {side} \
                 cells. {}",
                selection(report, rows.len())
            ));
        });
    });
}

impl Map<'_> {
    fn write(&self, out: &mut Markup, report: &ApproximationReport, side: usize) {
        let [across, up] = [0, 1].map(|i| &report.sides[i]);
        let range = |of: &multigrade::report::Side| Range::Linear { low: of.lower, high: of.upper };
        let (x, y) = (range(across), range(up));
        let spec = FrameSpec {
            width: SMALL,
            height: 270.0,
            right: SCALE,
            x: (x, x.ticks(4), &across.name),
            y: (y, y.ticks(4), &up.name),
            spoken: format!(
                "{} over {} and {}: colours from {} to {}.",
                self.heading, across.name, up.name, self.scale[0].1, self.scale[1].1
            ),
        };
        out.tag("div").body(|div| {
            div.tag("p").class("panel").text(&self.heading);
            spec.write(div, |svg, frame| {
                svg.tag("g").class("map").body(|g| self.draw_cells(g, frame, side));
                self.draw_scale(svg, frame);
                self.draw_mark(svg, frame);
            });
        });
    }

    /// The colour of a value, from 0.
    fn colour(&self, value: f64) -> Option<usize> {
        let [(low, _), (high, _)] = self.scale;
        let share = if high > low { (value - low) / (high - low) } else { 0.5 };
        is_drawable(value).then(|| ((share * COLOURS as f64) as usize).min(COLOURS - 1))
    }

    /// One path for each colour: the runs of cells that have it.
    fn draw_cells(&self, g: &mut Markup, Frame { x, y }: Frame, side: usize) {
        let mut paths = vec![String::new(); COLOURS];
        let at = |start: f64, end: f64, i: usize| Px(start + (end - start) * i as f64 / side as f64);
        for (row, values) in self.values.chunks(side).enumerate() {
            let (foot, head) = (at(y.start(), y.end(), row), at(y.start(), y.end(), row + 1));
            let mut from = 0;
            for run in values.chunk_by(|a, b| self.colour(*a) == self.colour(*b)) {
                let to = from + run.len();
                if let Some(colour) = self.colour(run[0]) {
                    let (left, right) = (at(x.start(), x.end(), from), at(x.start(), x.end(), to));
                    paths[colour] += &format!("M{left} {foot}H{right}V{head}H{left}Z");
                }
                from = to;
            }
        }
        for (path, class) in paths.iter().zip(self.classes).filter(|(path, _)| !path.is_empty()) {
            g.tag("path").class(class).attr("d", path).empty();
        }
    }

    fn draw_scale(&self, svg: &mut Markup, Frame { x, y }: Frame) {
        let (left, right) = (x.end() + 10.0, x.end() + 20.0);
        let step = (y.end() - y.start()) / COLOURS as f64;
        svg.tag("g").class("map").body(|g| {
            for (i, class) in self.classes.iter().enumerate() {
                let (foot, head) = (y.start() + step * i as f64, y.start() + step * (i + 1) as f64);
                let outline = format!("M{} {}H{}V{}H{}Z", Px(left), Px(foot), Px(right), Px(head), Px(left));
                g.tag("path").class(class).attr("d", outline).empty();
            }
        });
        let middle = (self.classes == &DIVERGING).then(|| (0.5 * (y.start() + y.end()), "0".to_owned()));
        let ends = [(y.start(), self.scale[0].1.clone()), (y.end() + 8.0, self.scale[1].1.clone())];
        for (at, label) in ends.into_iter().chain(middle.map(|(at, label)| (at + 4.0, label))) {
            svg.tag("text").class("tick").attr("x", Px(right + 5.0)).attr("y", Px(at)).text(label);
        }
    }

    fn draw_mark(&self, svg: &mut Markup, frame: Frame) {
        let Some([across, up]) = self.mark else { return };
        let (Some(x), Some(y)) = (frame.x.at(*across), frame.y.at(*up)) else { return };
        const R: f64 = 5.0;
        let ring = format!("M{} {}a{R} {R} 0 1 0 {} 0a{R} {R} 0 1 0 -{} 0z", Px(x - R), Px(y), 2.0 * R, 2.0 * R);
        svg.tag("path").class("worst").attr("d", ring).body(|path| {
            path.tag("title").text(format_args!("largest error found, at {across}, {up}"));
        });
    }
}
