//! Names at the right end of lines, moved apart where they would overlap.

use super::frame::{Frame, LINE, Px, shortened};
use super::markup::Markup;

/// Width of a figure whose lines carry their names, and the room that long names take.
pub(super) const NAMED: f64 = 440.0;
pub(super) const NAMES: f64 = 140.0;

/// A label at the right end of a line: what it says, its class, and where the line ends.
pub(super) struct EndLabel {
    pub(super) text: String,
    pub(super) class: &'static str,
    pub(super) at: f64,
}

/// Writes the labels of lines that end at the right edge of the frame.
pub(super) fn draw_labels(svg: &mut Markup, frame: Frame, labels: &[EndLabel]) {
    let wanted: Vec<f64> = labels.iter().map(|label| label.at).collect();
    let places = spread_out(&wanted, frame.y.end(), frame.y.start());
    let room = NAMED - frame.x.end() - 12.0;
    for (label, place) in labels.iter().zip(places) {
        let from = frame.x.end();
        let leader = format!("M{} {}L{} {}", Px(from + 1.0), Px(label.at), Px(from + 9.0), Px(place));
        svg.tag("path").class("leader").attr("d", leader).empty();
        svg.tag("g").class(label.class).body(|g| {
            g.tag("text").class("name").attr("x", Px(from + 12.0)).attr("y", Px(place + 4.0)).body(|text| {
                text.text(shortened(&label.text, room));
                text.tag("title").text(&label.text);
            });
        });
    }
}

/// Moves labels apart so that none is nearer than a line to the next, all between `top` and `bottom` if they fit.
///
/// Returns one place for each wanted place, in the same order.
fn spread_out(wanted: &[f64], top: f64, bottom: f64) -> Vec<f64> {
    let mut order: Vec<usize> = (0..wanted.len()).collect();
    order.sort_by(|&a, &b| wanted[a].total_cmp(&wanted[b]));
    let mut places = wanted.to_vec();
    let mut lowest = top;
    for &i in &order {
        places[i] = places[i].max(lowest);
        lowest = places[i] + LINE;
    }
    let mut highest = bottom;
    for &i in order.iter().rev() {
        places[i] = places[i].min(highest);
        highest = places[i] - LINE;
    }
    places
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_that_are_spread_out_do_not_overlap_and_keep_their_order() {
        let wanted = [50.0, 50.0, 10.0, 99.0, 98.0];
        let places = spread_out(&wanted, 0.0, 100.0);
        let mut sorted = places.clone();
        sorted.sort_by(f64::total_cmp);
        assert!(sorted.windows(2).all(|pair| pair[1] - pair[0] >= LINE), "{places:?}");
        assert!(sorted.iter().all(|place| (0.0..=100.0).contains(place)), "{places:?}");
        assert!(places[4] < places[3] && places[2] < places[0]);
    }
}
