//! What the errors of the parts of a formula do to the whole, box by box.
//!
//! With `v_k` for the value of a part and `w_k = op(w) + e_k` for what the network computes in its place, the differences
//! `w_k - v_k` obey `Δ_k = Σ G Δ + e_k` over the operands, for some slopes `G` of the operation between true and computed
//! operands (mean value theorem; one of the operands for extrema, or a mixture). So the output is off by `Σ A_k e_k`
//! with the products of slopes `A_k` that a reverse sweep encloses. The mixtures of extrema enter linearly, so the
//! ends, one operand or the other, are the worst cases.

use super::super::expression::Expression;
use super::super::interval::Interval;
use super::curve::{Errors, errors_on};
use super::linear::Linear;

/// Most extrema whose operands are tried one by one; others take a mixture.
const MAX_CHOICES: usize = 6;

/// A part of the formula, and how far the network is from it, given its operands as the network computes them.
#[derive(Clone, Debug)]
pub(super) struct Node {
    pub(super) operation: Operation,
    /// Encloses computed minus exact.
    pub(super) error: Interval,
    /// Encloses exact and computed values on the whole box.
    pub(super) range: Interval,
}

#[derive(Clone, Debug)]
pub(super) enum Operation {
    Product(Linear, Linear),
    /// A function of one operand, with errors on pieces of its range.
    Curve {
        function: Expression,
        operand: Linear,
        errors: Errors,
    },
    Extremum {
        is_maximum: bool,
        operands: [Linear; 2],
    },
}

/// The formula as a network computes it.
#[derive(Clone, Debug)]
pub(super) struct Graph {
    pub(super) nodes: Vec<Node>,
    /// The formula, in inputs and nodes.
    pub(super) root: Linear,
    /// Encloses the output of the network minus the root.
    pub(super) rest: Interval,
}

impl Operation {
    /// Encloses values and the error for operands in these ranges; `error` is that of the whole box.
    fn range(&self, inputs: &[Interval], nodes: &[Interval], error: Interval) -> (Interval, Interval) {
        match self {
            Self::Product(u, v) => (u.range(inputs, nodes) * v.range(inputs, nodes), error),
            Self::Curve { function, operand, errors } => {
                let at = operand.range(inputs, nodes);
                (function.range(&[at]).interval(), errors_on(errors, at, error))
            }
            Self::Extremum { is_maximum, operands } => {
                let [u, v] = operands.each_ref().map(|operand| operand.range(inputs, nodes));
                (if *is_maximum { u.max(v) } else { u.min(v) }, error)
            }
        }
    }

    /// Which operand an extremum is, all over these ranges.
    fn decided(is_maximum: bool, [u, v]: [Interval; 2]) -> Option<usize> {
        let (u, v) = if is_maximum { (u, v) } else { (v, u) };
        if u.lower() >= v.upper() { Some(0) } else { (v.lower() >= u.upper()).then_some(1) }
    }
}

impl Node {
    /// With the range that follows from those of the operands.
    pub(super) fn new(operation: Operation, error: Interval, inputs: &[Interval], nodes: &[Interval]) -> Self {
        let (value, _) = operation.range(inputs, nodes, error);
        Self { operation, error, range: value + error.hull(Interval::ZERO) }
    }
}

impl Graph {
    /// Encloses `f - network` where the inputs lie in a part of the box.
    pub(super) fn bound(&self, inputs: &[Interval]) -> Interval {
        let (mut ranges, mut errors) = (Vec::with_capacity(self.nodes.len()), Vec::with_capacity(self.nodes.len()));
        for node in &self.nodes {
            let (value, error) = node.operation.range(inputs, &ranges, node.error);
            let range = value + error.hull(Interval::ZERO);
            ranges.push(range.intersection(node.range).unwrap_or(range));
            errors.push(error);
        }
        let is_open = |node: &Node| match &node.operation {
            Operation::Extremum { is_maximum, operands } => {
                let at = operands.each_ref().map(|operand| operand.range(inputs, &ranges));
                Operation::decided(*is_maximum, at).is_none()
            }
            _ => false,
        };
        let open: Vec<usize> = (0..self.nodes.len()).filter(|k| is_open(&self.nodes[*k])).take(MAX_CHOICES).collect();
        let off = (0..1usize << open.len())
            .map(|choice| {
                let choose = |k: usize| open.iter().position(|o| *o == k).map(|bit| choice >> bit & 1);
                self.sweep(inputs, &ranges, &errors, choose)
            })
            .reduce(Interval::hull);
        -self.rest - off.unwrap_or(Interval::ENTIRE)
    }

    /// Encloses `Σ A_k e_k`, where some of the open extrema are one operand.
    fn sweep(
        &self,
        inputs: &[Interval],
        ranges: &[Interval],
        errors: &[Interval],
        choose: impl Fn(usize) -> Option<usize>,
    ) -> Interval {
        let mut slopes = vec![Interval::ZERO; self.nodes.len()];
        let mut off = Interval::ZERO;
        let pass = |slopes: &mut [Interval], operand: &Linear, factor: Interval| {
            for (k, coefficient) in operand.nodes() {
                slopes[k] = slopes[k] + coefficient * factor;
            }
        };
        pass(&mut slopes, &self.root, Interval::ONE);
        for (k, node) in self.nodes.iter().enumerate().rev() {
            let slope = slopes[k];
            if slope == Interval::ZERO {
                continue;
            }
            off = off + slope * errors[k];
            match &node.operation {
                Operation::Product(u, v) => {
                    let [of_u, of_v] = [u, v].map(|operand| operand.range(inputs, ranges));
                    pass(&mut slopes, u, slope * of_v);
                    pass(&mut slopes, v, slope * of_u);
                }
                Operation::Curve { function, operand, .. } => {
                    // Without a node in it, the operand is exact.
                    if operand.nodes().next().is_some() {
                        // The whole line where the function may not be Lipschitz.
                        let jet = function.gradient(&[operand.range(inputs, ranges)]);
                        pass(&mut slopes, operand, slope * jet.gradient()[0]);
                    }
                }
                Operation::Extremum { is_maximum, operands } => {
                    let at = operands.each_ref().map(|operand| operand.range(inputs, ranges));
                    match Operation::decided(*is_maximum, at).or_else(|| choose(k)) {
                        Some(one) => pass(&mut slopes, &operands[one], slope),
                        None => {
                            let mixed = slope * Interval::raw(0.0, 1.0);
                            operands.iter().for_each(|operand| pass(&mut slopes, operand, mixed));
                        }
                    }
                }
            }
        }
        off
    }
}

#[cfg(test)]
mod tests {
    use super::super::form::around;
    use super::super::linear::Quantity;
    use super::*;
    use proptest::prelude::*;

    /// `input * x + Σ node * y_k + constant`.
    fn linear(constant: f64, input: f64, nodes: &[(usize, f64)]) -> Linear {
        let quantity = |q, by| Linear::quantity(q).times(Interval::exact(by));
        let start =
            Linear::constant(Interval::exact(constant)).plus(Interval::ONE, &quantity(Quantity::Input(0), input));
        nodes.iter().fold(start, |sum, (k, by)| sum.plus(Interval::ONE, &quantity(Quantity::Node(*k), *by)))
    }

    fn value(linear: &Linear, x: f64, nodes: &[f64]) -> f64 {
        let of = |q: &Quantity| match *q {
            Quantity::Input(_) => x,
            Quantity::Node(k) => nodes[k],
        };
        linear.terms.iter().fold(linear.constant.midpoint(), |sum, (q, c)| sum + c.midpoint() * of(q))
    }

    /// The values of all nodes at `x`, each off by its share of its error.
    fn run(nodes: &[Node], x: f64, shares: &[f64]) -> Vec<f64> {
        let mut values: Vec<f64> = Vec::new();
        for (node, share) in nodes.iter().zip(shares) {
            let exact = match &node.operation {
                Operation::Product(u, v) => value(u, x, &values) * value(v, x, &values),
                Operation::Curve { function, operand, .. } => function.eval(&[value(operand, x, &values)]),
                Operation::Extremum { is_maximum, operands } => {
                    let [u, v] = operands.each_ref().map(|operand| value(operand, x, &values));
                    if *is_maximum { u.max(v) } else { u.min(v) }
                }
            };
            values.push(exact + share * node.error.upper());
        }
        values
    }

    /// The values of an operand are on the wrong side somewhere, as long as its ranges overlap at all.
    #[test]
    fn an_extremum_is_one_operand_only_if_no_values_say_otherwise() {
        let interval = Interval::raw;
        let cases = [
            (interval(2.0, 3.0), interval(0.0, 2.0), Some(0), Some(1)),
            (interval(0.0, 1.0), interval(1.0, 4.0), Some(1), Some(0)),
            (interval(0.0, 3.0), interval(1.0, 2.0), None, None),
            (interval(1.0, 2.0), interval(0.0, 3.0), None, None),
            (interval(0.0, 2.0), interval(1.0, 3.0), None, None),
            (interval(1.0, 3.0), interval(0.0, 2.0), None, None),
        ];
        for (u, v, of_maximum, of_minimum) in cases {
            assert_eq!(Operation::decided(true, [u, v]), of_maximum, "max of {u:?} and {v:?}");
            assert_eq!(Operation::decided(false, [u, v]), of_minimum, "min of {u:?} and {v:?}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 1000, ..ProptestConfig::default() })]

        #[test]
        fn errors_of_the_parts_pass_through_the_formula_within_the_bound(
            c in prop::collection::vec(-2.0..2.0f64, 12), e in prop::collection::vec(0.0..0.3f64, 5), is_maximum: bool,
            shares in prop::collection::vec(prop_oneof![Just(-1.0), Just(1.0), -1.0..=1.0f64], 5), place in 0.0..=1.0f64,
            part in (0.0..0.7f64, 0.05..0.3f64),
        ) {
            let whole = [Interval::raw(-1.0, 1.0)];
            let sine = |operand: Linear, e: f64| Operation::Curve {
                function: Expression::parse("sin(2*t)").unwrap(),
                operand,
                errors: vec![(Interval::raw(-1e3, 1e3), around(e))],
            };
            let operations = [
                sine(linear(c[0], c[1], &[]), e[0]),
                Operation::Product(linear(c[2], 1.0, &[(0, 1.0)]), linear(c[3], 0.0, &[(0, c[4])])),
                Operation::Extremum { is_maximum, operands: [linear(0.0, c[5], &[(0, 1.0)]), linear(c[6], 0.0, &[(1, 1.0)])] },
                sine(linear(0.0, 0.0, &[(2, c[7]), (1, 0.5)]), e[3]),
                Operation::Product(linear(0.0, 0.0, &[(3, 1.0)]), linear(c[8], 0.0, &[(2, 1.0), (1, c[9])])),
            ];
            let mut nodes: Vec<Node> = Vec::new();
            for (operation, e) in operations.into_iter().zip(&e) {
                let ranges: Vec<Interval> = nodes.iter().map(|node| node.range).collect();
                nodes.push(Node::new(operation, around(*e), &whole, &ranges));
            }
            let graph = Graph { nodes, root: linear(0.0, c[10], &[(4, 1.0), (2, c[11])]), rest: Interval::ZERO };
            let lower = -1.0 + 2.0 * part.0;
            let piece = Interval::raw(lower, lower + part.1);
            let x = lower + place * part.1;
            let (exact, computed) = (run(&graph.nodes, x, &[0.0; 5]), run(&graph.nodes, x, &shares));
            for (node, values) in graph.nodes.iter().zip(exact.iter().zip(&computed)) {
                let wide = node.range + around(1e-12);
                prop_assert!(wide.contains(*values.0) && wide.contains(*values.1), "{:?} {:?}", node, values);
            }
            let off = value(&graph.root, x, &exact) - value(&graph.root, x, &computed);
            let bound = graph.bound(&[piece]) + around(1e-12);
            prop_assert!(bound.contains(off), "{} is outside {:?}", off, bound);
        }
    }
}
