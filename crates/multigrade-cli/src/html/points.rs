//! Points as dots: which of many to draw, how, and what to say about it.

use multigrade::report::{FitPoint, OutputFit, ReportData, RowKind};

use super::frame::{Frame, Px};
use super::markup::Markup;
use super::words::plural;

/// Points with a tooltip and points without in the whole file: they keep it near a megabyte.
pub(super) const TITLED: usize = 4_800;
pub(super) const PLAIN: usize = 16_000;

/// However many figures share them, each may show this many points.
const FEWEST: usize = 100;

/// The points of a figure, by their place in [`OutputFit::points`].
pub(super) struct Selection {
    /// Those that are drawn, in increasing order.
    pub(super) shown: Vec<usize>,
    /// How many more were to be drawn, but have no place because a value is not finite.
    undrawable: usize,
}

impl Selection {
    /// About `budget / figures` points that `is_drawable`: spread evenly over the rows, and the worst ones always.
    pub(super) fn of(fit: &OutputFit, budget: usize, figures: usize, is_drawable: impl Fn(&FitPoint) -> bool) -> Self {
        let mut shown = thinned(&fit.points, (budget / figures.max(1)).max(FEWEST));
        let wanted = shown.len();
        shown.retain(|&i| is_drawable(&fit.points[i]));
        Self { undrawable: wanted - shown.len(), shown }
    }

    /// What a reader must know about points that are missing. Empty if none are.
    pub(super) fn remark(&self, fit: &OutputFit) -> String {
        let rows = fit.drawn_from.max(fit.points.len());
        let mut remark = String::new();
        if self.shown.len() + self.undrawable < rows {
            remark = format!("Shown are {} of {}. ", self.shown.len(), plural(rows, "row"));
        }
        if self.undrawable > 0 {
            remark += &format!("Not drawn because a value is not finite: {}.", plural(self.undrawable, "row"));
        }
        remark
    }
}

/// Multiples of the golden ratio are spread evenly, and without a period that could meet the same rows of every block
/// of a gridded table.
fn thinned(points: &[FitPoint], limit: usize) -> Vec<usize> {
    const GOLDEN: f64 = 0.618_033_988_749_895;
    const WORST: usize = 10;
    if points.len() <= limit {
        return (0..points.len()).collect();
    }
    let share = limit as f64 / points.len() as f64;
    let mut chosen: Vec<usize> = (0..points.len()).filter(|i| (*i as f64 * GOLDEN).fract() < share).collect();
    let size = |i: usize| points[i].residual().abs();
    let mut by_size: Vec<usize> = (0..points.len()).filter(|&i| !size(i).is_nan()).collect();
    by_size.sort_by(|&a, &b| size(b).total_cmp(&size(a)));
    chosen.extend(by_size.into_iter().take(WORST));
    chosen.sort_unstable();
    chosen.dedup();
    chosen
}

/// One point of a figure.
pub(super) struct Dot {
    pub(super) x: f64,
    pub(super) y: f64,
    /// Whether it is none of the training rows.
    pub(super) validation: bool,
    /// What is shown when the mouse rests on it.
    pub(super) title: Option<String>,
}

/// Training rows are round, others square and on top.
pub(super) fn draw_dots(svg: &mut Markup, frame: Frame, dots: &[Dot]) {
    // Fewer points can be larger.
    let width = match dots.len() {
        0..=200 => 5,
        201..=800 => 4,
        _ => 3,
    };
    for validation in [false, true] {
        let class = if validation { "points unseen" } else { "points fitted" };
        svg.tag("g").class(class).attr("stroke-width", width).body(|g| {
            for dot in dots.iter().filter(|dot| dot.validation == validation) {
                let (Some(x), Some(y)) = (frame.x.at(dot.x), frame.y.at(dot.y)) else { continue };
                // Nothing but the caps of a line: the shortest way to write a dot. The line must have a length, since
                // printers leave out square caps of lines that have none.
                let path = g.tag("path").attr("d", format_args!("M{} {}h.1", Px(x), Px(y)));
                match &dot.title {
                    Some(title) => path.body(|path| path.tag("title").text(title)),
                    None => path.empty(),
                }
            }
        });
    }
}

/// Which dot means what, unless all are training rows.
pub(super) fn key(out: &mut Markup, data: &ReportData, points: &[FitPoint]) {
    let has = |validation| points.iter().any(|point| point.validation == validation);
    if !has(true) {
        return;
    }
    let kinds = [("points unseen", data.source.validation_kind), ("points fitted", RowKind::Training)];
    out.tag("ul").class("key").body(|key| {
        for (class, kind) in &kinds[..if has(false) { 2 } else { 1 }] {
            key.tag("li").body(|li| {
                li.tag("svg").class("short").attr("viewBox", "0 0 14 14").attr("aria-hidden", "true").body(|svg| {
                    svg.tag("g").class(class).attr("stroke-width", 6).body(|g| {
                        g.tag("path").attr("d", "M7 7h.1").empty();
                    });
                });
                li.text(kind.name());
            });
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grid(n: usize) -> Vec<FitPoint> {
        (0..n).map(|i| FitPoint { truth: i as f64, predicted: i as f64 - 1.0, validation: false }).collect()
    }

    #[test]
    fn a_selection_has_about_the_wanted_size_and_meets_every_column_of_a_grid() {
        let mut points = grid(10_000);
        points[4321].predicted = -7e5;
        let chosen = thinned(&points, 500);
        assert!((490..=520).contains(&chosen.len()), "{}", chosen.len());
        assert!(chosen.contains(&4321), "the worst point is always shown");
        assert!(chosen.is_sorted());
        for period in [2, 10, 20, 25] {
            let mut met = vec![false; period];
            chosen.iter().for_each(|i| met[i % period] = true);
            assert!(met.iter().all(|met| *met), "period {period}");
        }
    }

    #[test]
    fn missing_points_are_counted_and_said() {
        let fit = OutputFit { points: grid(3), drawn_from: 9, ..OutputFit::default() };
        let all = Selection::of(&fit, 1000, 1, |_| true);
        assert_eq!(all.remark(&fit), "Shown are 3 of 9 rows. ");
        let some = Selection::of(&fit, 1000, 1, |point| point.truth > 0.0);
        assert_eq!(some.remark(&fit), "Shown are 2 of 9 rows. Not drawn because a value is not finite: 1 row.");
        let complete = OutputFit { points: grid(3), drawn_from: 3, ..OutputFit::default() };
        assert_eq!(Selection::of(&complete, 1000, 1, |_| true).remark(&complete), "");
    }
}
