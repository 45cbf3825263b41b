//! The second kind of proof: how a network that was compiled from a formula computes what the formula says.
//!
//! Cutting the box cannot prove anything about towers of tents, whose number of linear pieces is two to the power of
//! their height. A derivation says instead which neurons make up a square, a curve or a maximum, and which part of the
//! formula that stands for. Nothing of it is believed: see [`Derived`](super::Derived).

use serde::{Deserialize, Serialize};

use crate::network::{Grade, Layer, Multigrade};

/// How the neurons of a program compute the parts of a formula.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Derivation {
    /// Another way to write the formula, to which the steps refer. That it is the same function is proved by algebra: by
    /// what holds for sums, products, quotients, integer powers, and for `exp` and `ln` of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub formula: Option<String>,
    /// The ReLUs that take both signs on the box, by their number among the neurons of the
    /// [`Program`](super::Program), in rising order, and how each is read. All others are copies or 0.
    pub roles: Vec<(usize, Role)>,
    /// What follows, in the order in which it is used.
    pub steps: Vec<Step>,
}

impl Derivation {
    /// The part about the first `grades` grades of the model that this derivation is about, which has one output.
    pub fn of_first(&self, model: &Multigrade, grades: usize) -> Self {
        let neurons = |grade: &Grade| grade.branches().iter().flatten().map(Layer::outputs).sum::<usize>() + 1;
        let end: usize = model.grades().iter().take(grades).map(neurons).sum();
        // A step before the first neuron of a later grade may be about it, or the last of these grades.
        let anew = self.steps.iter().scan(1, |k, step| {
            *k += usize::from(step.rule == Rule::Anew);
            Some(*k)
        });
        let kept = self.steps.iter().zip(anew).take_while(|(_, k)| *k <= grades).map(|(step, _)| step.clone());
        Self {
            formula: self.formula.clone(),
            roles: self.roles.iter().copied().take_while(|(neuron, _)| *neuron < end).collect(),
            steps: kept.collect(),
        }
    }
}

/// How a ReLU `h = max(z, 0)` is read: which quantity takes its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// `T(g)` with `g = z + 1/2` and the tent `T(g) = 2 g - 4 max(g - 1/2, 0)`, so `h = (2 g - T(g)) / 4`.
    Tent,
    /// `|z|`, so `h = (z + |z|) / 2`.
    Fold,
    /// `h` itself.
    Hinge,
}

/// A conclusion, drawn before neuron `before` is read (the number of neurons stands for the end).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// Number of the neuron.
    pub before: usize,
    /// The conclusion.
    pub rule: Rule,
}

/// A conclusion about quantities that are there already.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", deny_unknown_fields)]
pub enum Rule {
    /// A tower of tents computes a square: `S = a - Σ_j 4^-j T_j` for `a` in [0, 1], each tent over the one before and
    /// the first over `a`; `a² <= S <= a² + 4^-(m+1)` for `m` tents. Squares are numbered from 0 in the order of their
    /// steps.
    Square {
        /// The fold whose value is `a`, so that `S` is the square of its argument too; without it `a` is the argument
        /// of the first tent.
        fold: Option<usize>,
        /// The tents.
        tents: Vec<usize>,
    },
    /// Two squares compute a product `u v`: with `p = (u - c_u) / r_u`, `q = (v - c_v) / r_v`, it is
    /// `r_u r_v (S_plus - S_minus) + c_u v + c_v u - c_u c_v` where `S_plus` and `S_minus` are the squares of
    /// `(p + q) / 2` and `(p - q) / 2`.
    Product {
        /// The subformula `u * v`, or `u / v` where the second factor is [`Part::Reciprocal`] of `v`.
        node: usize,
        /// Numbers of the squares.
        squares: [usize; 2],
        /// `c_u` and `c_v`.
        centers: [f64; 2],
        /// `r_u` and `r_v`.
        radii: [f64; 2],
    },
    /// Two squares compute the product of `v` and of what stands for `1/v`, as in a product: a number close to 1.
    Defect {
        /// The subformula `v`, whose [`Part::Reciprocal`] was concluded as a function of `v` itself.
        of: usize,
        /// Numbers of the squares.
        squares: [usize; 2],
        /// The centers of `v` and of its reciprocal.
        centers: [f64; 2],
        /// Their radii.
        radii: [f64; 2],
    },
    /// A step of Newton's method: with the defect `p`, which is close to `v r`, the sum `r + r (1 - p)` stands for `1/v`
    /// better than `r` did, and from here on instead of it. Two squares compute the product, as in a product.
    Newton {
        /// The subformula `v`, whose defect was concluded.
        of: usize,
        /// Numbers of the squares.
        squares: [usize; 2],
        /// The centers of `r` and of `1 - p`.
        centers: [f64; 2],
        /// Their radii.
        radii: [f64; 2],
    },
    /// A sum of hinges, folds and squares that depend on one quantity only computes a function of it.
    Curve {
        /// What is computed.
        part: Part,
        /// The subformula whose function it is: the sum, and all in it, depend on its value only.
        of: usize,
        /// The sum is `constant + Σ coefficient * source`.
        constant: f64,
        /// The terms of the sum.
        terms: Vec<(Source, f64)>,
        /// Places where a hinge or a fold of the sum changes sign, and others where it helps to cut; in rising order.
        cuts: Vec<f64>,
        /// Bounds of the function minus the sum, in real arithmetic and with exact squares.
        error: [f64; 2],
    },
    /// Two hinges `h_1 = max(E - t, 0)` and `h_2 = max(-E - t, 0)` leave `E - h_1 + h_2 = clamp(E, -t, t)`: how far the network
    /// after a projection is from what it was projected onto.
    Clamp {
        /// The hinges.
        hinges: [usize; 2],
    },
    /// The neurons from here on compute the formula once more, as those of a later grade do: all that was concluded about its
    /// parts stays true of the quantities, but is no longer what is meant by the parts.
    Anew,
    /// A hinge computes a maximum or minimum: `max(u, v) = u + h` with `h = max(v - u, 0)`, `min(u, v) = u - h` with
    /// `h = max(u - v, 0)`.
    Extremum {
        /// The subformula.
        node: usize,
        /// The hinge.
        hinge: usize,
    },
}

/// What a curve stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Part {
    /// A subformula.
    Value(usize),
    /// The reciprocal of a subformula: the second factor of a quotient, the first of which may be a constant.
    Reciprocal(usize),
}

/// A term of a curve.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Source {
    /// The value of the subformula whose function the curve is.
    Argument,
    /// The quantity of a ReLU with a role: `|z|` for a fold, `max(z, 0)` for a hinge.
    Neuron(usize),
    /// A square, by its number.
    Square(usize),
}
