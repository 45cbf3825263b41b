//! Networks that tests of certificates are about.

// Each test program uses its own part of this.
#![allow(dead_code)]

use multigrade_model::*;

/// Names of the inputs, in order.
pub(crate) const NAMES: [&str; 4] = ["x", "y", "z", "w"];

/// `d` inputs named `x, y, ...` and one output.
pub(crate) fn schema(d: usize) -> Schema {
    let input = |name: &&str| InputColumn { name: (*name).into(), min: 0.0, max: 1.0 };
    Schema {
        inputs: NAMES[..d].iter().map(input).collect(),
        outputs: vec![OutputColumn { name: "out".into() }],
        ..Schema::default()
    }
}

/// A model without scaling.
pub(crate) fn model(d: usize, grades: Vec<Grade>) -> Multigrade {
    let (inputs, outputs) = (Scaling::identity(d), Scaling::identity(1));
    Multigrade::new(schema(d), inputs, outputs, grades, History::default(), ().into()).expect("a model")
}

/// A layer of ReLUs from the rows of its weights and its biases.
pub(crate) fn layer(rows: &[Vec<f64>], bias: &[f64]) -> Layer {
    let weights = Matrix::new(rows.len(), rows[0].len(), rows.concat()).expect("shape");
    Layer::new(weights, bias.to_vec(), Activation::Relu).expect("a layer")
}

/// A readout with one output.
pub(crate) fn readout(weights: &[f64], bias: f64) -> Readout {
    let weights = Matrix::new(1, weights.len(), weights.to_vec()).expect("shape");
    Readout::new(weights, vec![bias]).expect("a readout")
}

/// `x²` on `[0, 1]` to `4^-(k+1)` with `k` grades of tents: `p_k = x - Σ_j 4^-j T^j(x)`, and `0 <= p_k - x² <= 4^-(k+1)`.
///
/// Two ReLUs make the tent `T(x) = 2 max(x, 0) - 4 max(x - 1/2, 0)`; a grade reads only what the one before it made.
pub(crate) fn tents(k: usize) -> Multigrade {
    let grade = |j: usize| {
        // The tent of what comes in: x for the first grade, the features of the tent before it for the others.
        let tent = if j == 0 { vec![1.0] } else { vec![2.0, -4.0] };
        let layer = layer(&[tent.clone(), tent], &[0.0, -0.5]);
        let share = -(0.25f64.powi(j as i32 + 1));
        let tent = [2.0 * share, -4.0 * share];
        // The first grade begins with x itself.
        let weights = if j == 0 { [tent[0] + 1.0, tent[1]] } else { tent };
        Grade::new(vec![vec![layer]], false, readout(&weights, 0.0)).expect("a grade")
    };
    model(1, (0..k).map(grade).collect())
}

/// The piecewise linear interpolant of `f` on the Kuhn simplices of `n` cells a side of `[0, 1]^d`, one node after the
/// other: every hat takes `d + 1` layers of at most `d + 5` neurons.
pub(crate) fn mesh(d: usize, n: usize, f: impl Fn(&[f64]) -> f64) -> Multigrade {
    let nodes = (0..(n + 1).pow(d as u32))
        .map(|index| (0..d as u32).map(|i| (index / (n + 1).pow(i) % (n + 1)) as f64 / n as f64).collect::<Vec<f64>>());
    let values: Vec<(Vec<f64>, f64)> = nodes.map(|node| (node.clone(), f(&node))).collect();
    let lift = values.iter().map(|(_, v)| (-v).max(0.0)).sum::<f64>();
    let mut layers: Vec<Layer> = Vec::new();
    // What the layer before it made: x, the sum (none at first), then hats or their parts.
    let mut width = d;
    let unit = |width: usize, entries: &[(usize, f64)]| {
        let mut row = vec![0.0; width];
        entries.iter().for_each(|(i, w)| row[*i] += w);
        row
    };
    let mut surplus = None;
    for (node, value) in &values {
        // The coordinates, and after them the hat itself.
        for (j, &position) in node.iter().chain([&0.0]).enumerate() {
            let mut rows: Vec<Vec<f64>> = (0..d).map(|i| unit(width, &[(i, 1.0)])).collect();
            let mut bias = vec![0.0; d];
            match (layers.is_empty(), j == 0, surplus) {
                (true, ..) => (rows.push(unit(width, &[])), bias.push(lift)),
                (_, true, Some(surplus)) => (rows.push(unit(width, &[(d, 1.0), (d + 1, surplus)])), bias.push(0.0)),
                _ => (rows.push(unit(width, &[(d, 1.0)])), bias.push(0.0)),
            };
            // The largest of 0, z_1, ..., z_j as a sum of parts: those that came before, and what z_j is above them.
            let parts = |side: usize| (0..j.min(2)).map(move |p| d + 1 + side * j.min(2) + p);
            if j < d {
                for (side, sign) in [(0, 1.0), (1, -1.0)] {
                    if j > 0 {
                        rows.push(unit(width, &parts(side).map(|p| (p, 1.0)).collect::<Vec<_>>()));
                        bias.push(0.0);
                    }
                    let mut entries: Vec<(usize, f64)> = parts(side).map(|p| (p, -1.0)).collect();
                    entries.push((j, sign * n as f64));
                    rows.push(unit(width, &entries));
                    bias.push(-sign * n as f64 * position);
                }
            } else {
                let entries: Vec<(usize, f64)> = (0..2).flat_map(parts).map(|p| (p, -1.0)).collect();
                rows.push(unit(width, &entries));
                bias.push(1.0);
            }
            layers.push(layer(&rows, &bias));
            width = rows.len();
        }
        surplus = Some(*value);
    }
    let mut weights = vec![0.0; width];
    (weights[d], weights[d + 1]) = (1.0, surplus.unwrap_or(0.0));
    model(d, vec![Grade::new(vec![layers], false, readout(&weights, -lift)).expect("a grade")])
}
