//! Where a ReLU network has its kinks along a segment.

use multigrade_model::{Activation, Layer, Multigrade};

/// Shares `t` in `(0, 1)`, ascending, at which some ReLU of the network changes sign on the segment from `from` to `to`, of
/// length `d` both: between them the network is affine, up to rounding, if all its activations are piecewise linear. Kinks
/// that the later layers do not see are among them.
///
/// At most `at_most`; the ones of the first layers are found first. Computed in f64, so they are hints and no statement.
pub fn breakpoints(model: &Multigrade, from: &[f64], to: &[f64], at_most: usize) -> Vec<f64> {
    let d = model.n_inputs();
    let scaled = |x: &[f64]| {
        let mut x = x.to_vec();
        model.input_scaling().standardise(&mut x);
        x.extend_from_within(..);
        x
    };
    // Rows [scaled inputs | features | outputs of the finished branches | the branch at work].
    let mut trace = Trace { shares: vec![0.0, 1.0], rows: vec![scaled(from), scaled(to)], at_most };
    for grade in model.grades() {
        let (mut first, read) = (d + grade.inputs(), d..d + grade.inputs());
        for branch in grade.branches() {
            trace.rows.iter_mut().for_each(|row| row.extend_from_within(read.clone()));
            branch.iter().for_each(|layer| trace.pass(layer, first));
            first = trace.rows[0].len();
        }
        for row in &mut trace.rows {
            if grade.carry_inputs() {
                row.extend_from_within(..d);
            }
            row.drain(read.clone());
        }
    }
    let inner = 1..trace.shares.len() - 1;
    trace.shares[inner].to_vec()
}

/// A piecewise linear path: its corners, each a share of the segment and a row of values there.
struct Trace {
    shares: Vec<f64>,
    rows: Vec<Vec<f64>>,
    at_most: usize,
}

impl Trace {
    /// Sends the entries from `first` on through a layer; new corners where a ReLU changes sign.
    fn pass(&mut self, layer: &Layer, first: usize) {
        for row in &mut self.rows {
            let z: Vec<f64> = (0..layer.outputs())
                .map(|i| {
                    let terms = layer.weights().terms(i);
                    terms.fold(layer.bias()[i], |sum, (j, w)| sum + w * row[first + j])
                })
                .collect();
            row.truncate(first);
            row.extend(z);
        }
        if layer.activation() == Activation::Relu {
            self.cut_at_zeros(first);
        }
        for z in self.rows.iter_mut().flat_map(|row| &mut row[first..]) {
            *z = layer.activation().apply(*z);
        }
    }

    /// New corners where an entry from `first` on changes its sign.
    fn cut_at_zeros(&mut self, first: usize) {
        let (shares, rows) = (std::mem::take(&mut self.shares), std::mem::take(&mut self.rows));
        let mut room = (self.at_most + 2).saturating_sub(shares.len());
        let mut corners = shares.into_iter().zip(rows);
        let Some((mut a, mut row)) = corners.next() else { return };
        for (b, next) in corners {
            let ends = row[first..].iter().zip(&next[first..]);
            let mut parts: Vec<f64> = ends.filter(|(u, v)| *u * *v < 0.0).map(|(u, v)| u / (u - v)).collect();
            parts.sort_by(f64::total_cmp);
            let mut new = Vec::new();
            let mut last = a;
            for part in parts {
                let share = a + part * (b - a);
                if share > last && share < b && new.len() < room {
                    new.push((share, row.iter().zip(&next).map(|(u, v)| u + part * (v - u)).collect()));
                    last = share;
                }
            }
            room -= new.len();
            self.push(a, row);
            new.into_iter().for_each(|(share, row)| self.push(share, row));
            (a, row) = (b, next);
        }
        self.push(a, row);
    }

    fn push(&mut self, share: f64, row: Vec<f64>) {
        self.shares.push(share);
        self.rows.push(row);
    }
}
