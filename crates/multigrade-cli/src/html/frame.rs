//! The frame of a figure: axes with round numbers, grid and labels, and the marks drawn inside.
//!
//! Figures are SVG without colours or sizes of text: both come from the style sheet, so that a figure follows light and
//! dark mode and print. Positions are in units of the view box and rounded to a tenth, which is below what an eye can
//! see and keeps files small.

use std::fmt::{self, Display};

use super::axis::{Axis, Range, Ticks, ten_to};
use super::markup::Markup;

/// The width of a character of a tick label, in units of the view box; digits are about this wide in every font.
const DIGIT: f64 = 7.4;

/// Width of a figure that stands alone. Text of 13 units is then readable on a phone.
pub(super) const WIDE: f64 = 400.0;

/// Width of one of many figures side by side.
pub(super) const SMALL: f64 = 320.0;

/// The distance between lines of text.
pub(super) const LINE: f64 = 15.0;

/// A position, shown to a tenth without needless zeros.
#[derive(Clone, Copy)]
pub(super) struct Px(pub(super) f64);

impl Display for Px {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Adding zero turns a negative zero into a positive one.
        let tenths = (self.0 * 10.0).round() + 0.0;
        if tenths % 10.0 == 0.0 { write!(f, "{}", tenths / 10.0) } else { write!(f, "{:.1}", tenths / 10.0) }
    }
}

/// What the axes of a figure show and how much room it takes.
pub(super) struct FrameSpec<'a> {
    /// Width of the view box.
    pub(super) width: f64,
    /// Height of the view box.
    pub(super) height: f64,
    /// Room to the right of the axes.
    pub(super) right: f64,
    /// Horizontal axis: range, round values, label.
    pub(super) x: (Range, Ticks, &'a str),
    /// Vertical axis: range, round values, label.
    pub(super) y: (Range, Ticks, &'a str),
    /// What a reader who cannot see the figure is told.
    pub(super) spoken: String,
}

/// The place of the data in a figure.
#[derive(Clone, Copy)]
pub(super) struct Frame {
    pub(super) x: Axis,
    pub(super) y: Axis,
}

impl FrameSpec<'_> {
    /// Writes the figure: frame first, then what `draw` adds on top.
    pub(super) fn write(&self, out: &mut Markup, draw: impl FnOnce(&mut Markup, Frame)) {
        let widest = self.y.1.marks.iter().map(|(_, label)| label.chars().count()).max().unwrap_or(1);
        let left = LINE + 13.0 + DIGIT * widest as f64;
        let (top, bottom) = (8.0, self.height - 2.0 * LINE - 8.0);
        let frame = Frame { x: self.x.0.between(left, self.width - self.right), y: self.y.0.between(bottom, top) };
        let view = format!("0 0 {} {}", Px(self.width), Px(self.height));
        out.tag("svg").attr("viewBox", view).attr("role", "img").attr("aria-label", &self.spoken).body(|svg| {
            self.write_axes(svg, frame);
            draw(svg, frame);
        });
    }

    fn write_axes(&self, svg: &mut Markup, Frame { x, y }: Frame) {
        let places = |ticks: &Ticks, axis: Axis| {
            let at = |(value, label): &(f64, String)| axis.at(*value).map(|place| (place, label.clone()));
            ticks.marks.iter().filter_map(at).collect::<Vec<_>>()
        };
        let (across, up) = (places(&self.x.1, x), places(&self.y.1, y));
        let mut grid = String::new();
        for (place, _) in &across {
            grid += &format!("M{} {}V{}", Px(*place), Px(y.start()), Px(y.end()));
        }
        for (place, _) in &up {
            grid += &format!("M{} {}H{}", Px(x.start()), Px(*place), Px(x.end()));
        }
        svg.tag("path").class("grid").attr("d", grid).empty();
        let corner = format!("M{} {}V{}H{}", Px(x.start()), Px(y.end()), Px(y.start()), Px(x.end()));
        svg.tag("path").class("axis").attr("d", corner).empty();
        for (place, label) in &across {
            svg.tag("text").class("tick mid").attr("x", Px(*place)).attr("y", Px(y.start() + LINE)).text(label);
        }
        for (place, label) in &up {
            svg.tag("text").class("tick end").attr("x", Px(x.start() - 5.0)).attr("y", Px(*place + 4.0)).text(label);
        }

        let (middle, foot) = (0.5 * (x.start() + x.end()), self.height - 6.0);
        let label = axis_label(self.x.2, self.x.1.exponent, x.end() - x.start());
        svg.tag("text").class("label mid").attr("x", Px(middle)).attr("y", Px(foot)).text(label);
        let (centre, edge) = (0.5 * (y.start() + y.end()), LINE - 3.0);
        let label = axis_label(self.y.2, self.y.1.exponent, y.start() - y.end());
        let turned = format!("translate({} {}) rotate(-90)", Px(edge), Px(centre));
        svg.tag("text").class("label mid").attr("transform", turned).text(label);
    }
}

/// The label of an axis with the factor that its ticks are to be multiplied with, shortened to the room there is.
fn axis_label(label: &str, exponent: i32, room: f64) -> String {
    if exponent == 0 {
        return shortened(label, room);
    }
    let factor = format!(" (× {})", ten_to(exponent));
    shortened(label, room - DIGIT * factor.chars().count() as f64) + &factor
}

/// As much of a text as fits into `room` units, with an ellipsis where something is missing.
pub(super) fn shortened(text: &str, room: f64) -> String {
    // Characters beyond Latin and Greek are often wider; one and a half digits is the safe side of an estimate.
    let width = |c: char| if (c as u32) < 0x500 { 0.86 * DIGIT } else { 1.7 * DIGIT };
    if text.chars().map(width).sum::<f64>() <= room {
        return text.to_owned();
    }
    let mut used = width('…');
    let fits = |c: &char| {
        used += width(*c);
        used <= room
    };
    let mut short: String = text.chars().take_while(fits).collect();
    short.truncate(short.trim_end().len());
    short.push('…');
    short
}

/// The outline of a mark.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Shape {
    Circle,
    Square,
    Triangle,
    /// A triangle that points down: the value lies below the axis.
    Below,
}

impl Shape {
    /// The outline around a place, as the data of a path.
    pub(super) fn outline(self, x: f64, y: f64) -> String {
        const R: f64 = 4.0;
        match self {
            Self::Circle => {
                format!("M{} {}a{R} {R} 0 1 0 {} 0a{R} {R} 0 1 0 -{} 0z", Px(x - R), Px(y), 2.0 * R, 2.0 * R)
            }
            Self::Square => format!("M{} {}h{}v{}h-{}z", Px(x - R), Px(y - R), 2.0 * R, 2.0 * R, 2.0 * R),
            Self::Triangle => format!("M{} {}l{} {}h-{}z", Px(x), Px(y - R - 1.0), R + 1.0, 2.0 * R, 2.0 * (R + 1.0)),
            Self::Below => format!("M{} {}l{} -{}h-{}z", Px(x), Px(y), R + 1.0, 2.0 * R, 2.0 * (R + 1.0)),
        }
    }
}

/// A line through places, interrupted where a place is missing, as the data of a path.
pub(super) fn line_through(places: impl IntoIterator<Item = Option<(f64, f64)>>) -> String {
    let mut path = String::new();
    let mut next = 'M';
    for place in places {
        match place {
            Some((x, y)) => {
                path += &format!("{next}{} {}", Px(x), Px(y));
                next = 'L';
            }
            None => next = 'M',
        }
    }
    path
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_shown_to_a_tenth_without_needless_zeros() {
        let shown = [12.0, 12.04, -0.04, 12.06, -3.25].map(|v| Px(v).to_string());
        assert_eq!(shown, ["12", "12", "0", "12.1", "-3.3"]);
    }

    #[test]
    fn a_line_stops_where_a_value_is_missing_and_goes_on_after_it() {
        let line = line_through([Some((0.0, 1.0)), Some((1.0, 1.0)), None, None, Some((4.0, 1.0))]);
        assert_eq!(line, "M0 1L1 1M4 1");
    }

    #[test]
    fn long_names_are_shortened_by_whole_characters() {
        assert_eq!(shortened("thrust", 100.0), "thrust");
        assert_eq!(shortened(&"温度".repeat(40), 60.0).chars().last(), Some('…'));
        assert!(shortened(&"x".repeat(400), 60.0).chars().count() < 12);
    }
}
