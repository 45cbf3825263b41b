//! The shortest path in a tube: a continuous piecewise affine function with as few pieces as possible between two
//! piecewise affine bounds.
//!
//! Greedy, link after link (Imai, Iri 1986). What `k` links reach is bounded on the right by a *window*: the part of the
//! furthest `k`-th link between its last support on one chain and the point where it leaves the tube through the other
//! one. Say it leaves through the upper chain at `B`, supported by the lower chain at `A`. Whatever reaches further has
//! to cross the window from above: it is at least `A` at `A`, at most `B` at `B`, above the lower chain from `A` on and
//! below the upper chain from `B` on; what these conditions leave out holds by itself. So the next link is the furthest
//! line through gates, where the gates of each chain begin at the window's end on that side.

/// A place `x` where the tube is `[lower, upper]`; between neighbouring gates its bounds are affine.
#[derive(Clone, Copy, Debug)]
pub(super) struct Gate {
    pub(super) x: f64,
    pub(super) lower: f64,
    pub(super) upper: f64,
}

type Point = (f64, f64);

/// The line through `through` with this slope.
#[derive(Clone, Copy, Debug)]
struct Line {
    through: Point,
    slope: f64,
}

impl Line {
    fn at(self, x: f64) -> f64 {
        self.through.1 + self.slope * (x - self.through.0)
    }
}

fn slope(a: Point, b: Point) -> f64 {
    (b.1 - a.1) / (b.0 - a.0)
}

/// The lines that pass above all lower points and below all upper points seen so far.
#[derive(Default)]
struct Stab {
    /// Upper hull of the lower points, and lower hull of the upper points: the only ones that can still touch a line.
    lower: Vec<Point>,
    upper: Vec<Point>,
    /// The steepest line, its support on the upper chain; the flattest, its support on the lower chain.
    steepest: Option<(Line, Point)>,
    flattest: Option<(Line, Point)>,
}

/// Adds the rightmost point to a hull that is above (`sign = 1`) or below (`sign = -1`) its points.
fn extend_hull(hull: &mut Vec<Point>, point: Point, sign: f64) {
    while let [.., a, b] = hull.as_slice() {
        if sign * (slope(*a, *b) - slope(*b, point)) > 0.0 {
            break;
        }
        hull.pop();
    }
    hull.push(point);
}

impl Stab {
    /// Whether a line is left that is at least `y` at `x`; only then the condition is added. Points come by ascending `x`.
    fn above(&mut self, (x, y): Point) -> bool {
        if self.steepest.is_some_and(|(line, _)| line.at(x) < y) {
            return false;
        }
        if self.flattest.is_none_or(|(line, _)| line.at(x) < y) {
            let left = self.upper.iter().filter(|b| b.0 < x);
            if let Some(support) = left.copied().max_by(|a, b| slope(*a, (x, y)).total_cmp(&slope(*b, (x, y)))) {
                self.flattest = Some((Line { through: (x, y), slope: slope(support, (x, y)) }, (x, y)));
            }
        }
        extend_hull(&mut self.lower, (x, y), 1.0);
        true
    }

    /// The same for lines that are at most `y` at `x`.
    fn below(&mut self, (x, y): Point) -> bool {
        if self.flattest.is_some_and(|(line, _)| line.at(x) > y) {
            return false;
        }
        if self.steepest.is_none_or(|(line, _)| line.at(x) > y) {
            let left = self.lower.iter().filter(|a| a.0 < x);
            if let Some(support) = left.copied().min_by(|a, b| slope(*a, (x, y)).total_cmp(&slope(*b, (x, y)))) {
                self.steepest = Some((Line { through: (x, y), slope: slope(support, (x, y)) }, (x, y)));
            }
        }
        extend_hull(&mut self.upper, (x, y), -1.0);
        true
    }

    /// Some line that is left: midway between the extreme ones.
    fn any(&self) -> Option<Line> {
        match (self.steepest, self.flattest) {
            (Some((a, _)), Some((b, _))) => {
                let (da, db) = (a.at(0.0), b.at(0.0));
                Some(Line { through: (0.0, 0.5 * (da + db)), slope: 0.5 * (a.slope + b.slope) })
            }
            (Some((line, _)), None) | (None, Some((line, _))) => Some(line),
            (None, None) => None,
        }
    }
}

/// Where a link begins: the conditions that stand before those of the gates.
struct Window {
    /// A line is at least / at most this; gates of that chain count from beyond its `x`.
    above: Point,
    below: Point,
}

/// The corners of a path with the fewest pieces through the gates, from the first to the last; gates by ascending `x`, at
/// least two of them, none empty.
pub(super) fn shortest_path(gates: &[Gate]) -> Vec<Point> {
    let (first, last) = (gates[0], gates[gates.len() - 1]);
    let mut window = Window { above: (first.x, first.lower), below: (first.x, first.upper) };
    let mut links: Vec<Line> = Vec::new();
    loop {
        match link(gates, &window) {
            Link::Reaches(line) => {
                links.push(line);
                return corners(&links, first.x, last.x);
            }
            Link::Leaves(line, next) => {
                links.push(line);
                window = next;
            }
        }
    }
}

enum Link {
    /// A line that stays inside the tube to its end.
    Reaches(Line),
    /// The line that gets furthest, and the window on it.
    Leaves(Line, Window),
}

fn link(gates: &[Gate], window: &Window) -> Link {
    let mut stab = Stab::default();
    // Both conditions of the window, in order, with the gates of one chain between them.
    let start = gates.partition_point(|g| g.x <= window.above.0.min(window.below.0));
    let (mut above, mut below) = (Some(window.above), Some(window.below));
    let mut previous = gates[start.saturating_sub(1)];
    for &gate in &gates[start..] {
        if let Some(point) = above.take_if(|p| p.0 < gate.x) {
            stab.above(point);
        }
        if let Some(point) = below.take_if(|p| p.0 < gate.x) {
            stab.below(point);
        }
        if above.is_none() && !stab.above((gate.x, gate.lower)) {
            let (line, support) = stab.steepest.expect("a line that is too low exists");
            let exit = crossing(line, (previous.x, previous.lower), (gate.x, gate.lower), support.0);
            return Link::Leaves(line, Window { above: exit, below: support });
        }
        if below.is_none() && !stab.below((gate.x, gate.upper)) {
            let (line, support) = stab.flattest.expect("a line that is too high exists");
            let exit = crossing(line, (previous.x, previous.upper), (gate.x, gate.upper), support.0);
            return Link::Leaves(line, Window { above: support, below: exit });
        }
        previous = gate;
    }
    above.map(|point| stab.above(point));
    below.map(|point| stab.below(point));
    let flat = Line { through: window.above, slope: 0.0 };
    Link::Reaches(stab.any().unwrap_or(flat))
}

/// Where a line leaves through the edge from `a` to `b`; not before `from`.
fn crossing(line: Line, a: Point, b: Point, from: f64) -> Point {
    let (da, db) = (line.at(a.0) - a.1, line.at(b.0) - b.1);
    let share = if da == db { 0.0 } else { (da / (da - db)).clamp(0.0, 1.0) };
    let x = (a.0 + share * (b.0 - a.0)).max(from);
    (x, line.at(x))
}

/// The corners of the path along the links, in turn.
fn corners(links: &[Line], first: f64, last: f64) -> Vec<Point> {
    let mut corners = vec![(first, links[0].at(first))];
    for pair in links.windows(2) {
        let (a, b) = (pair[0], pair[1]);
        let x = b.through.0 + (a.at(b.through.0) - b.through.1) / (b.slope - a.slope);
        let before = corners[corners.len() - 1].0;
        if x > before && x < last {
            corners.push((x, b.at(x)));
        }
    }
    corners.push((last, links[links.len() - 1].at(last)));
    corners
}
