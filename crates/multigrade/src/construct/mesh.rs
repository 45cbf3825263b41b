//! Adaptive nested Freudenthal meshes on the unit cube.
//!
//! Level `l` has cells of side `2^-l`. A node that is new on level `l >= 1` is the middle of an edge of level `l - 1`, and
//! its surplus is `f(node) - (f(a) + f(b)) / 2`, `a` and `b` the ends of that edge: it does not depend on which other nodes
//! are there. With all nodes up to level `l`, `Σ surplus φ` is the interpolant `I_l f`. So whatever nodes are left out,
//!
//! ```text
//! f - p = (f - I_l f) + Σ over nodes left out on levels <= l of surplus φ       on a cell of level l
//! ```
//!
//! as long as no added node of a finer level has its hat in the cell. A node left out is never forgotten: it is part of
//! every later bound, and may be added in any later grade.

use super::cube::{Cube, between, exact};
use super::kuhn::{self, MAX_DIMENSION};
use super::target::{Enclosure, Target};
use super::wiring::{Form, Wiring};
use super::{Built, ConstructError, Scheme, center_and_radius, power_of_two_above};
use multigrade_model::truth::{Decoration, Interval};
use std::collections::{HashMap, HashSet};

/// Finest level.
const MAX_LEVEL: u32 = 24;
/// A surplus below this share of the radius may be left out.
const NEGLIGIBLE: f64 = 0.03;
/// What part of the window all that is left out may make up before it has to be added.
const LEFT_OUT: f64 = 0.25;

/// A cell or a node: level and place in units of `2^-level`. A node is named by the level on which it is new.
type Key = (u32, [u32; MAX_DIMENSION]);

/// A node that was added.
#[derive(Clone, Copy, Debug)]
struct Node {
    key: Key,
    surplus: f64,
}

/// Why an approximant was not found.
pub(super) enum Trouble {
    /// More nodes than allowed.
    Budget,
    /// The observer or the clock says stop.
    Stopped,
    /// The target has no such approximant.
    Target(ConstructError),
}

pub(super) struct Mesh<'a> {
    target: &'a dyn Target,
    cube: &'a Cube,
    dimension: usize,
    scheme: Scheme,
    lanes: usize,
    max_nodes: usize,
    wiring: Wiring,
    orders: Vec<Vec<usize>>,
    values: HashMap<Key, Interval>,
    deviations: HashMap<Key, Interval>,
    added: HashMap<Key, f64>,
    /// Cells in which a finer level has a hat.
    divided: HashSet<Key>,
    center: f64,
    threshold: f64,
}

/// A cell to look at: the range of what was left out on its level and above, and those nodes.
struct Frame {
    cell: Key,
    left_out: Interval,
    nodes: Vec<Key>,
}

impl<'a> Mesh<'a> {
    pub(super) fn new(target: &'a dyn Target, cube: &'a Cube, scheme: Scheme, lanes: usize, max_nodes: usize) -> Self {
        let dimension = cube.dimension();
        Self {
            target,
            cube,
            dimension,
            scheme,
            lanes,
            max_nodes,
            wiring: Wiring::new(dimension),
            orders: kuhn::orders(dimension),
            values: HashMap::new(),
            deviations: HashMap::new(),
            added: HashMap::new(),
            divided: HashSet::new(),
            center: 0.0,
            threshold: 0.0,
        }
    }

    /// The next grade, whose approximant deviates by at most `tolerance`.
    pub(super) fn grade(&mut self, tolerance: f64, stop: &dyn Fn() -> bool) -> Result<Built, Trouble> {
        let window = self.window(tolerance);
        let mut nodes = Vec::new();
        let range = loop {
            if let Some(range) = self.pass(window, &mut nodes, stop)? {
                break range;
            }
        };
        nodes.sort_by_key(|node: &Node| node.key);
        let (center, radius) = center_and_radius(range);
        self.wire(&nodes, center, radius).map_err(|e| Trouble::Target(e.into()))
    }

    /// Where `f - p` may lie. Where `f` bends one way all over, `p` may lie on one side, with twice the room.
    fn window(&mut self, tolerance: f64) -> Interval {
        let d = self.dimension;
        let level = [0, 6, 3, 2, 1][d];
        let (mut low, mut high) = (0.0f64, 0.0f64);
        for index in 0..(1u32 << level).pow(d as u32) {
            let mut cell = [0; MAX_DIMENSION];
            for (i, c) in cell.iter_mut().enumerate().take(d) {
                *c = index >> (level as usize * i) & ((1 << level) - 1);
            }
            let at = |shift: f64| -> Vec<f64> {
                let z = |i: usize| (f64::from(cell[i]) + shift) / f64::from(1u32 << level);
                (0..d).map(|i| self.cube.at(i, z(i))).collect()
            };
            let bend =
                self.target.sample(&at(0.5)) - 0.5 * (self.target.sample(&at(0.0)) + self.target.sample(&at(1.0)));
            (low, high) = (low.min(bend), high.max(bend));
        }
        let (near, far) = (0.05 * tolerance, 1.95 * tolerance);
        if low.abs() > 20.0 * high {
            between(-far, near)
        } else if high > 20.0 * low.abs() {
            between(-near, far)
        } else {
            between(-tolerance, tolerance)
        }
    }

    /// Looks at every cell once and adds nodes where the window is left. The range of `f - p`, unless nodes were added.
    fn pass(
        &mut self,
        window: Interval,
        nodes: &mut Vec<Node>,
        stop: &dyn Fn() -> bool,
    ) -> Result<Option<Interval>, Trouble> {
        let radius = 0.5 * window.width();
        let zero = exact(0.0);
        let share = exact(LEFT_OUT) * window;
        let mut open = vec![self.frame((0, [0; MAX_DIMENSION]), zero, &[])];
        let mut range: Option<Interval> = None;
        let (mut again, before, mut seen) = (false, nodes.len(), 0u32);
        while let Some(frame) = open.pop() {
            seen = seen.wrapping_add(1);
            if seen.is_multiple_of(4096) && stop() {
                return Err(Trouble::Stopped);
            }
            if !self.divided.contains(&frame.cell) {
                let found = self.deviation(frame.cell).map_err(Trouble::Target)? + frame.left_out;
                if window.encloses(found) {
                    range = Some(range.map_or(found, |range| range.hull(found)));
                    continue;
                }
                if !share.encloses(frame.left_out) {
                    // What was left out has changed for this cell: the next pass looks at it again.
                    frame.nodes.iter().for_each(|&node| self.add(node, nodes));
                    again = true;
                    continue;
                }
                if frame.cell.0 == MAX_LEVEL {
                    let place = self.place(frame.cell);
                    let found = self.target.enclose(&place);
                    return Err(Trouble::Target(ConstructError::at(&place, &found)));
                }
                let large: Vec<Key> = self.new_nodes(frame.cell);
                for node in large {
                    if self.surplus(node).magnitude() > NEGLIGIBLE * radius {
                        self.add(node, nodes);
                    }
                }
                if self.added.len() > self.max_nodes || self.deviations.len() > 40 * self.max_nodes {
                    return Err(Trouble::Budget);
                }
            }
            for child in self.children(frame.cell) {
                open.push(self.frame(child, frame.left_out, &frame.nodes));
            }
        }
        Ok(range.filter(|_| !again && nodes.len() == before))
    }

    /// The frame of a cell from what its parent left out.
    fn frame(&mut self, cell: Key, left_out: Interval, nodes: &[Key]) -> Frame {
        let mut nodes = nodes.to_vec();
        let mut range = exact(0.0);
        for corner in 0..1usize << self.dimension {
            let node = self.corner(cell, corner);
            if canonical(node, self.dimension) != node {
                continue;
            }
            let mut rest = self.surplus(node);
            match self.added.get(&node) {
                Some(&surplus) => rest = rest - exact(surplus),
                None if rest != exact(0.0) => nodes.push(node),
                None => {}
            }
            // On a simplex the hats of a level add up to at most 1.
            range = range.hull(rest);
        }
        Frame { cell, left_out: left_out + range, nodes }
    }

    fn corner(&self, (level, cell): Key, corner: usize) -> Key {
        let mut place = cell;
        for (i, p) in place.iter_mut().enumerate().take(self.dimension) {
            *p += (corner >> i & 1) as u32;
        }
        (level, place)
    }

    fn children(&self, (level, cell): Key) -> Vec<Key> {
        let first = (level + 1, cell.map(|c| 2 * c));
        (0..1usize << self.dimension).map(|corner| self.corner(first, corner)).collect()
    }

    /// The nodes in a cell that are new on the next level.
    fn new_nodes(&self, (level, cell): Key) -> Vec<Key> {
        let d = self.dimension;
        let place = |index: usize| {
            let mut place = cell.map(|c| 2 * c);
            let mut rest = index;
            for p in place.iter_mut().take(d) {
                *p += (rest % 3) as u32;
                rest /= 3;
            }
            (level + 1, place)
        };
        (0..3usize.pow(d as u32)).map(place).filter(|&node| canonical(node, d) == node).collect()
    }

    fn value(&mut self, node: Key) -> Interval {
        let key = canonical(node, self.dimension);
        if let Some(&value) = self.values.get(&key) {
            return value;
        }
        let side = 0.5f64.powi(key.0 as i32);
        let at: Vec<_> = (0..self.dimension).map(|i| self.cube.enclose(i, exact(f64::from(key.1[i]) * side))).collect();
        let value = self.target.value(&at);
        self.values.insert(key, value);
        value
    }

    fn surplus(&mut self, node: Key) -> Interval {
        let (level, place) = node;
        if level == 0 {
            return self.value(node);
        }
        // Down and up along the odd places: the edge that this node halves.
        let end = |up: bool| {
            (
                level,
                place.map(|p| {
                    if p.is_multiple_of(2) {
                        p
                    } else if up {
                        p + 1
                    } else {
                        p - 1
                    }
                }),
            )
        };
        let ends = self.value(end(false)) + self.value(end(true));
        self.value(node) - exact(0.5) * ends
    }

    fn place(&self, (level, cell): Key) -> Vec<Interval> {
        let side = 0.5f64.powi(level as i32);
        let z = |i: usize| between(f64::from(cell[i]) * side, f64::from(cell[i] + 1) * side);
        (0..self.dimension).map(|i| self.cube.enclose(i, z(i))).collect()
    }

    /// Encloses `f - I_l f` on a cell of level `l`.
    fn deviation(&mut self, cell: Key) -> Result<Interval, ConstructError> {
        if let Some(&found) = self.deviations.get(&cell) {
            return Ok(found);
        }
        let place = self.place(cell);
        let enclosure: Enclosure = self.target.enclose(&place);
        if enclosure.decoration == Decoration::Nowhere {
            return Err(ConstructError::at(&place, &enclosure));
        }
        let corners: Vec<_> =
            (0..1usize << self.dimension).map(|corner| self.value(self.corner(cell, corner))).collect();
        let side = exact(0.5f64.powi(cell.0 as i32));
        let widths: Vec<_> = (0..self.dimension).map(|i| exact(self.cube.scale(i)) * side).collect();
        let found = if enclosure.decoration < Decoration::Defined {
            Interval::ENTIRE
        } else {
            kuhn::deviation(&self.orders, &enclosure, &corners, &widths)
        };
        self.deviations.insert(cell, found);
        Ok(found)
    }

    fn add(&mut self, key: Key, nodes: &mut Vec<Node>) {
        let surplus = self.surplus(key).midpoint();
        if surplus == 0.0 || self.added.contains_key(&key) {
            return;
        }
        self.added.insert(key, surplus);
        nodes.push(Node { key, surplus });
        // Its hat lies in the cells around it, so all cells above those are divided.
        let (level, place) = key;
        for corner in 0..1usize << self.dimension {
            let mut cell = place;
            for (i, c) in cell.iter_mut().enumerate().take(self.dimension) {
                *c = c.wrapping_sub((corner >> i & 1) as u32);
            }
            if cell.iter().take(self.dimension).any(|&c| c >= 1 << level) {
                continue;
            }
            for up in 1..=level {
                if !self.divided.insert((level - up, cell.map(|c| c >> up))) {
                    break;
                }
            }
        }
    }

    /// The grade that adds these nodes and moves the center.
    fn wire(&mut self, nodes: &[Node], center: f64, radius: f64) -> Result<Built, multigrade_model::ModelError> {
        let shift = center - self.center;
        self.center += shift;
        // Partial sums of a level's hats are bounded by its largest surplus.
        let mut largest = [0.0f64; MAX_LEVEL as usize + 1];
        nodes.iter().for_each(|n| largest[n.key.0 as usize] = largest[n.key.0 as usize].max(n.surplus.abs()));
        let floor = power_of_two_above(self.threshold + largest.iter().sum::<f64>() + shift.abs());
        self.wiring.shift(shift);
        for batch in nodes.chunks(self.lanes) {
            let hats = self.hats(batch, floor)?;
            hats.iter().zip(batch).for_each(|(hat, node)| self.wiring.accumulate(node.surplus, hat));
        }
        self.threshold = radius + 8.0 * f64::EPSILON * floor;
        let grade = match self.scheme {
            Scheme::Monotone => self.wiring.soft_threshold(self.threshold, floor)?,
            Scheme::Plain => self.wiring.telescope()?,
        };
        let (hints, level) = (self.hints(nodes), self.uniform_level());
        Ok(Built { grade, deviation: self.threshold, nodes: nodes.len(), hints, level })
    }

    /// The level of the uniform mesh whose nodes are those added so far. They are nodes of the mesh of the finest level among
    /// them, so counting them is enough.
    fn uniform_level(&self) -> Option<u32> {
        let finest = self.added.keys().map(|key| key.0).max()?;
        let all = (1u128 << finest).saturating_add(1).saturating_pow(self.dimension as u32);
        (self.added.len() as u128 == all).then_some(finest)
    }

    /// `φ((x - node) / h)` for each node of the batch, `φ(z) = max(0, 1 - max(0, z_1, ..., z_d) - max(0, -z_1, ..., -z_d))`,
    /// by `d + 1` layers: running maxima `a <- a + max(0, z_j - a)`, both summands kept.
    fn hats(&mut self, batch: &[Node], floor: f64) -> Result<Vec<Form>, multigrade_model::ModelError> {
        let mut maxima: Vec<[Form; 2]> = vec![Default::default(); batch.len()];
        for j in 0..self.dimension {
            let mut work = Vec::new();
            for (node, [up, down]) in batch.iter().zip(&maxima) {
                let (level, place) = node.key;
                let z = self.wiring.x(j).scaled(2f64.powi(level as i32)).shifted(-f64::from(place[j]));
                if j > 0 {
                    work.push(up.clone());
                    work.push(down.clone());
                }
                work.push(z.clone().plus(-1.0, up));
                work.push(z.scaled(-1.0).plus(-1.0, down));
            }
            let neurons = self.wiring.layer(&work, floor)?;
            let per_node = neurons.len() / batch.len();
            for ([up, down], made) in maxima.iter_mut().zip(neurons.chunks(per_node)) {
                (*up, *down) = (Form::default(), Form::default());
                for pair in made.chunks(2) {
                    *up = std::mem::take(up).plus(1.0, &pair[0]);
                    *down = std::mem::take(down).plus(1.0, &pair[1]);
                }
            }
        }
        let work: Vec<Form> =
            maxima.iter().map(|[up, down]| Form::default().shifted(1.0).plus(-1.0, up).plus(-1.0, down)).collect();
        self.wiring.layer(&work, floor)
    }

    /// Where cells meet, in each variable, in its units.
    fn hints(&self, nodes: &[Node]) -> Vec<Vec<f64>> {
        let column = |i: usize| {
            let z = |n: &Node| f64::from(n.key.1[i]) * 0.5f64.powi(n.key.0 as i32);
            let mut cuts: Vec<f64> = nodes.iter().map(z).filter(|z| *z > 0.0 && *z < 1.0).collect();
            cuts.sort_by(f64::total_cmp);
            cuts.dedup();
            cuts.into_iter().map(|z| self.cube.at(i, z)).collect()
        };
        (0..self.dimension).map(column).collect()
    }
}

/// The name of a node: the level on which it is new.
fn canonical((mut level, mut place): Key, d: usize) -> Key {
    while level > 0 && place.iter().take(d).all(|p| p.is_multiple_of(2)) {
        level -= 1;
        place = place.map(|p| p / 2);
    }
    (level, place)
}
