//! The figure of the time that each grade took.

use multigrade::report::{GradeRow, ReportData, significant};

use super::axis::is_drawable;
use super::frame::{LINE, Px, WIDE};
use super::markup::Markup;

/// The time that each grade took, as bars.
pub(super) fn figure(out: &mut Markup, data: &ReportData) {
    let rows: Vec<(&GradeRow, f64)> = data
        .grades
        .iter()
        .filter_map(|row| Some((row, row.seconds?)))
        .filter(|(_, seconds)| *seconds >= 0.0 && is_drawable(*seconds))
        .collect();
    let longest = rows.iter().map(|(_, seconds)| *seconds).fold(0.0, f64::max);
    if longest <= 0.0 {
        return;
    }
    const BAR: f64 = 20.0;
    let (left, right) = (70.0, 80.0);
    let height = BAR * rows.len() as f64 + 8.0;
    let total = significant(rows.iter().map(|(_, seconds)| seconds).sum(), 3);
    out.tag("figure").body(|figure| {
        let view = format!("0 0 {} {}", Px(WIDE), Px(height));
        let spoken = format!("Seconds for each grade; {total} in total.");
        figure.tag("svg").attr("viewBox", view).attr("role", "img").attr("aria-label", spoken).body(|svg| {
            for (i, (row, seconds)) in rows.iter().enumerate() {
                let top = 4.0 + BAR * i as f64;
                let length = (WIDE - left - right) * seconds / longest;
                let base = Px(top + LINE - 2.0);
                svg.tag("text")
                    .class("tick end")
                    .attr("x", Px(left - 6.0))
                    .attr("y", base)
                    .text(format_args!("grade {}", row.grade));
                let bar = svg.tag("rect").class("bar").attr("x", Px(left)).attr("y", Px(top + 2.0));
                bar.attr("width", Px(length.max(0.5))).attr("height", Px(BAR - 6.0)).empty();
                svg.tag("text")
                    .class("tick")
                    .attr("x", Px(left + length + 6.0))
                    .attr("y", base)
                    .text(format_args!("{} s", significant(*seconds, 3)));
            }
        });
        figure.tag("figcaption").body(|caption| {
            caption.tag("b").text("Time for each grade. ");
            caption.text(format_args!("Wall-clock seconds, {total} in total."));
        });
    });
}
