//! A box with the network specialised to it, and bounds for `f - network` over the box.
//!
//! Coordinates on a box are `t` in `[-1, 1]^d`, `x_i = (middle of side i) + (half its width) t_i`, middle and half
//! width as real numbers. The theorem about a [`Form`]: at every point of the box (or simplex) the exact value of the
//! neuron is `center + Σ coefficients · (t, ε) + θ` with `|θ| <= error` and noises `ε` in `[-1, 1]` that are functions
//! of the point, the same for all neurons.

use std::sync::Arc;

use super::domain::Domain;
use super::enclosure::{Decoration, Jet};
use super::expression::Expression;
use super::interval::{Interval, Rounded, power_of_two};
use super::program::{
    Computed, Format, Input, Known, Net, Program, Term, UNDERFLOW, enlarged, sum_rounding, up_product, up_sum,
};

/// Most variables for which a box is cut into its `d!` Kuhn simplices.
pub const MAX_KUHN_VARIABLES: usize = 4;

const UNIT: Interval = Interval::raw(-1.0, 1.0);
/// Numbers of noises times neurons, about: memory for one pass through the network.
const COEFFICIENTS: usize = 1 << 18;
/// Forms whose numbers are larger are replaced by intervals, so that nothing overflows in them.
const LARGE: f64 = power_of_two(900);
/// A relaxation is worth a noise of its own if its share of the range is larger than this; else it is rounding dirt.
const NEGLIGIBLE: f64 = power_of_two(-32);

/// Networks of at most as many neurons are kept as they are: there is nothing to gain, and rounding is bounded best where
/// nothing is known from larger boxes.
const FEW: usize = 16;

/// What a leaf is cut into.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Shape {
    /// The box itself.
    Box,
    /// The `d!` simplices of its points with `t_i >= t_j >= …`, one for each order of the variables.
    Kuhn,
}

/// How `f` is enclosed over a leaf.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Order {
    /// By its values; asks that `f` is [`Decoration::Defined`].
    Value,
    /// By a value and slopes; asks for [`Decoration::Continuous`].
    Slope,
    /// By values, gradient and second derivatives; asks for [`Decoration::C11`].
    Curvature,
}

/// The way in which the bounds over a box are found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Leaf {
    /// What the box is cut into.
    pub shape: Shape,
    /// How the function is enclosed.
    pub order: Order,
}

impl Leaf {
    /// Every leaf, with its name in certificates.
    pub const NAMED: [(&str, Self); 6] = [
        ("box value", Self { shape: Shape::Box, order: Order::Value }),
        ("box slope", Self { shape: Shape::Box, order: Order::Slope }),
        ("box curvature", Self { shape: Shape::Box, order: Order::Curvature }),
        ("kuhn value", Self { shape: Shape::Kuhn, order: Order::Value }),
        ("kuhn slope", Self { shape: Shape::Kuhn, order: Order::Slope }),
        ("kuhn curvature", Self { shape: Shape::Kuhn, order: Order::Curvature }),
    ];

    /// Its name in certificates.
    pub fn name(self) -> &'static str {
        Self::NAMED.iter().find(|(_, leaf)| *leaf == self).map_or("", |(name, _)| name)
    }
}

/// Encloses `f(x) - network(x)` for all `x` of a box, for the three meanings of the network.
///
/// Unbounded where nothing is known, such as in a format in which something may overflow or that is not followed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bounds {
    /// Stored weights, real arithmetic.
    pub exact: Interval,
    /// Evaluated in binary64.
    pub f64: Interval,
    /// Evaluated in binary32.
    pub f32: Interval,
}

impl Bounds {
    /// The smallest bounds that enclose both.
    pub fn hull(self, other: Self) -> Self {
        Self { exact: self.exact.hull(other.exact), f64: self.f64.hull(other.f64), f32: self.f32.hull(other.f32) }
    }
}

/// A function, a network and a box that do not fit each other.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum RegionError {
    /// The box has no side for an input of the network.
    #[error("the box has no side for the input '{name}' of the model; write {name}=lower..upper")]
    NoSide {
        /// Name of the input.
        name: String,
    },
    /// The box has a side that is no input of the network.
    #[error("the box has a side for '{name}', which is no input of the model (its inputs: {inputs})")]
    NoInput {
        /// Name of the side.
        name: String,
        /// Names of the inputs.
        inputs: String,
    },
    /// The function has a variable that is no input of the network.
    #[error("the function has the variable '{name}', which is no input of the model (its inputs: {inputs})")]
    NoVariable {
        /// Name of the variable.
        name: String,
        /// Names of the inputs.
        inputs: String,
    },
    /// A cut that does not divide the box.
    #[error("cannot cut variable number {variable} at {at}: {expected}")]
    Cut {
        /// Number of the variable, from 0.
        variable: usize,
        /// Where.
        at: f64,
        /// What would do.
        expected: String,
    },
    /// A leaf that asks more of the function than is known of it there.
    #[error(
        "the leaf '{leaf}' asks for a function that is {needed:?} on its box, but it is only known to be {found:?}"
    )]
    Decoration {
        /// Name of the leaf.
        leaf: &'static str,
        /// What it asks for.
        needed: Decoration,
        /// What is known.
        found: Decoration,
    },
    /// Too many variables for simplices.
    #[error("the leaf '{leaf}' is for at most {MAX_KUHN_VARIABLES} variables, found {found}")]
    Variables {
        /// Name of the leaf.
        leaf: &'static str,
        /// Number of variables.
        found: usize,
    },
}

/// What does not change from box to box.
#[derive(Debug)]
struct Problem {
    names: Vec<String>,
    /// Its arguments are the inputs of the network, in order.
    expression: Expression,
    inputs: Vec<Input>,
    followed: [bool; 2],
}

/// A box, and the part of the network that matters there.
///
/// Specialising keeps every value of the network at every point of the box, up to what `Known` says, and drops what is
/// exactly 0 in all meanings that are followed, what only repeats another neuron, and what no longer reaches the output.
/// A neuron whose sources are all decided becomes a sum of inputs, with the rounding known for it, so they are dropped too.
#[derive(Clone, Debug)]
pub struct Region {
    problem: Arc<Problem>,
    sides: Vec<Interval>,
    /// Encloses the middle of each side and half its width.
    halves: Vec<(Interval, Interval)>,
    /// The inputs of the network, with their slopes.
    inputs: Vec<(Form, f64)>,
    net: Arc<Net>,
    output: Output,
}

/// The network over a box or simplex: `center + Σ slopes t + θ`, `|θ| <= spread`, and the distance of what is computed
/// in each of [`Format::ALL`] from it.
#[derive(Clone, Debug)]
struct Output {
    center: f64,
    slopes: Vec<f64>,
    spread: f64,
    /// Encloses the values.
    range: Interval,
    rounding: [f64; 2],
}

/// The sides of the box and the function, both in the order of the inputs of the network.
pub(super) fn fit(
    program: &Program,
    expression: &Expression,
    domain: &Domain,
) -> Result<(Vec<Interval>, Expression), RegionError> {
    let inputs = || program.names.join(", ");
    if let Some(name) = domain.names().iter().find(|name| !program.names.contains(name)) {
        return Err(RegionError::NoInput { name: name.clone(), inputs: inputs() });
    }
    let side = |name: &String| {
        let place = domain.names().iter().position(|n| n == name);
        place.map(|i| domain.sides()[i]).ok_or_else(|| RegionError::NoSide { name: name.clone() })
    };
    let sides = program.names.iter().map(side).collect::<Result<Vec<_>, _>>()?;
    let expression =
        expression.with_variables(&program.names).map_err(|name| RegionError::NoVariable { name, inputs: inputs() })?;
    Ok((sides, expression))
}

/// The two parts of a box on both sides of `at`, both with their common face.
pub(super) fn cut_box(
    sides: &[Interval],
    variable: usize,
    at: f64,
) -> Result<(Vec<Interval>, Vec<Interval>), RegionError> {
    let fail = |expected| Err(RegionError::Cut { variable, at, expected });
    let Some(side) = sides.get(variable) else {
        return fail(format!("there are {} variables, counted from 0", sides.len()));
    };
    if !(side.lower() < at && at < side.upper()) {
        return fail(format!("the place is not strictly between {} and {}", side.lower(), side.upper()));
    }
    let part = |side: Interval| {
        let mut sides = sides.to_vec();
        sides[variable] = side;
        sides
    };
    Ok((part(Interval::raw(side.lower(), at)), part(Interval::raw(at, side.upper()))))
}

/// The sides of a box, `name=lower..upper`.
pub(super) fn write_box(f: &mut std::fmt::Formatter<'_>, names: &[String], sides: &[Interval]) -> std::fmt::Result {
    for (i, (name, side)) in names.iter().zip(sides).enumerate() {
        write!(f, "{}{name}={:?}..{:?}", if i == 0 { "" } else { ", " }, side.lower(), side.upper())?;
    }
    Ok(())
}

impl Region {
    /// The whole box.
    ///
    /// # Errors
    /// [`RegionError`] unless the box has a side for each input of the network and no others, and the variables of the
    /// function are among them. They are matched by name.
    pub fn root(program: &Program, expression: &Expression, domain: &Domain) -> Result<Self, RegionError> {
        let (sides, expression) = fit(program, expression, domain)?;
        let problem = Problem {
            names: program.names.clone(),
            expression,
            inputs: program.inputs.clone(),
            followed: program.followed,
        };
        let halves: Vec<_> = sides.iter().map(|side| halves(*side)).collect();
        let inputs = (0..sides.len()).map(|i| problem.input(i, sides[i], halves[i])).collect();
        Ok(Self::new(Arc::new(problem), sides, halves, inputs, &program.net))
    }

    /// A box on which `net` is the network.
    fn new(
        problem: Arc<Problem>,
        sides: Vec<Interval>,
        halves: Vec<(Interval, Interval)>,
        inputs: Vec<(Form, f64)>,
        net: &Net,
    ) -> Self {
        let pass = Pass::run(problem.followed, net, &inputs, None);
        let (output, net) = (pass.output(), pass.specialised());
        Self { problem, sides, halves, inputs, net: Arc::new(net), output }
    }

    /// The two parts of the box on both sides of `at`, both with their common face.
    ///
    /// # Errors
    /// [`RegionError::Cut`] unless `at` is strictly inside the side of the variable.
    pub fn split(&self, variable: usize, at: f64) -> Result<(Self, Self), RegionError> {
        let (left, right) = cut_box(&self.sides, variable, at)?;
        let part = |sides: Vec<Interval>| {
            let (mut both, mut inputs) = (self.halves.clone(), self.inputs.clone());
            both[variable] = halves(sides[variable]);
            inputs[variable] = self.problem.input(variable, sides[variable], both[variable]);
            Self::new(Arc::clone(&self.problem), sides, both, inputs, &self.net)
        };
        Ok((part(left), part(right)))
    }

    /// The sides of the box, in the order of the inputs of the network.
    pub fn sides(&self) -> &[Interval] {
        &self.sides
    }

    /// Number of neurons that matter on the box.
    pub fn n_neurons(&self) -> usize {
        self.net.neurons.len()
    }

    /// Number of weights that matter on the box: 16 bytes each are kept.
    pub fn n_weights(&self) -> usize {
        self.net.terms.len()
    }

    /// Bounds of `f - network` over the box.
    ///
    /// # Errors
    /// [`RegionError::Decoration`] and [`RegionError::Variables`] if the leaf is not allowed here.
    pub fn bound(&self, leaf: Leaf) -> Result<Bounds, RegionError> {
        let d = self.sides.len();
        let f = &self.problem.expression;
        let (jet, needed) = match leaf.order {
            Order::Value => (f.enclose(&self.sides, 0), Decoration::Defined),
            Order::Slope => (f.enclose(&self.sides, 1), Decoration::Continuous),
            Order::Curvature => (f.enclose(&self.sides, 2), Decoration::C11),
        };
        let found = jet.value().decoration();
        if found < needed {
            return Err(RegionError::Decoration { leaf: leaf.name(), needed, found });
        }
        match leaf.shape {
            Shape::Box => {
                let exact = match leaf.order {
                    Order::Value => jet.value().interval() - self.output.range,
                    Order::Slope => self.slope_on_box(&jet),
                    Order::Curvature => self.curvature_on_box(&jet),
                };
                Ok(self.output.widened(exact, self.problem.followed))
            }
            Shape::Kuhn if d > MAX_KUHN_VARIABLES => Err(RegionError::Variables { leaf: leaf.name(), found: d }),
            Shape::Kuhn => {
                let corners: Vec<Interval> = match leaf.order {
                    Order::Curvature => (0..1 << d).map(|corner| self.value_at_corner(corner)).collect(),
                    _ => Vec::new(),
                };
                let bounds = orders(d).into_iter().map(|order| {
                    let output = Pass::run(self.problem.followed, &self.net, &self.inputs, Some(&order)).output();
                    let exact = match leaf.order {
                        Order::Value => jet.value().interval() - output.range,
                        Order::Slope => self.slope_on_simplex(&output, &jet, &order),
                        Order::Curvature => self.curvature_on_simplex(&output, &jet, &corners, &order),
                    };
                    output.widened(exact, self.problem.followed)
                });
                Ok(bounds.reduce(Bounds::hull).unwrap_or_else(|| unreachable!("there is an order of the variables")))
            }
        }
    }

    /// Encloses the center of the box.
    fn center(&self) -> Vec<Interval> {
        // The middle is in the side, so nothing outside the side is needed to enclose it.
        let middle = |(side, half): (&Interval, &(Interval, Interval))| half.0.intersection(*side).unwrap_or(*side);
        self.sides.iter().zip(&self.halves).map(middle).collect()
    }

    fn value_at_center(&self) -> Interval {
        self.problem.expression.range(&self.center()).interval()
    }

    /// `f` at a vertex of the box: bit `i` of `corner` says whether `t_i` is 1 or -1.
    fn value_at_corner(&self, corner: usize) -> Interval {
        let end = |(i, side): (usize, &Interval)| {
            Interval::exact(if corner >> i & 1 == 1 { side.upper() } else { side.lower() })
        };
        let point: Vec<Interval> = self.sides.iter().enumerate().map(end).collect();
        self.problem.expression.range(&point).interval()
    }

    /// `f(x) - N(x) = f(c) - n_0 + Σ (g_i r_i - n_i) t_i + θ` with slopes `g` of `f` over the box, half widths `r`, and
    /// `N = n_0 + Σ n_i t_i - θ` the network: the slopes of this difference in `t`.
    fn differences(&self, output: &Output, gradient: &[Interval]) -> Vec<Interval> {
        let slope = |(i, g): (usize, &Interval)| *g * self.halves[i].1 - Interval::exact(output.slopes[i]);
        gradient.iter().enumerate().map(slope).collect()
    }

    fn slope_on_box(&self, jet: &Jet) -> Interval {
        let output = &self.output;
        let start = self.value_at_center() - Interval::exact(output.center) + output.noise();
        self.differences(output, jet.gradient()).into_iter().fold(start, |sum, slope| sum + slope * UNIT)
    }

    /// The difference above is affine in `t` for fixed slopes, hence extremal at a vertex of the simplex.
    fn slope_on_simplex(&self, output: &Output, jet: &Jet, order: &[usize]) -> Interval {
        let start = self.value_at_center() - Interval::exact(output.center) + output.noise();
        let slopes = self.differences(output, jet.gradient());
        let at = |corner: usize| {
            let term = |(i, slope): (usize, &Interval)| if corner >> i & 1 == 1 { *slope } else { -*slope };
            slopes.iter().enumerate().map(term).fold(start, |sum, term| sum + term)
        };
        vertices(order).map(at).reduce(Interval::hull).unwrap_or(Interval::ENTIRE)
    }

    /// Taylor's formula at the center: `f(x) = f(c) + Σ f_i(c) r_i t_i + ½ Σ_ij H_ij r_i r_j t_i t_j`, where `H` is in
    /// the enclosure of the second derivatives over the box. The part that belongs to `t_i` alone is a quadratic.
    fn curvature_on_box(&self, jet: &Jet) -> Interval {
        let (output, d) = (&self.output, self.sides.len());
        let at_center = self.problem.expression.gradient(&self.center());
        let start = at_center.value().interval() - Interval::exact(output.center) + output.noise();
        let slopes = self.differences(output, at_center.gradient());
        (0..d).fold(start, |mut sum, i| {
            let r = self.halves[i].1;
            for j in 0..i {
                sum = sum + jet.second(i, j) * r * self.halves[j].1 * UNIT;
            }
            sum + quadratic(slopes[i], jet.second(i, i) * r * r * Interval::exact(0.5))
        })
    }

    /// Linear interpolation on a simplex. With barycentric coordinates `λ` of `x = Σ λ_v v`, an affine `l`, and Taylor's
    /// formula from `x` to each vertex, with matrices `H_v` in the enclosure of the second derivatives,
    ///
    /// ```text
    /// f(x) - l(x) = Σ λ_v (f - l)(v) - ½ Q,    Q = Σ_v λ_v (v - x)' H_v (v - x)
    /// ```
    ///
    /// Let `w` be the widths of the sides, and `y_i` in `[0, 1]` the position of `x_i` in its side. At a vertex coordinate
    /// `i` is at the upper end with probability `y_i` under `λ`, and there whenever a later one of the order is; so
    ///
    /// ```text
    /// V_ij = Σ_v λ_v (v_i - x_i)(v_j - x_j) = w_i w_j (min(y_i, y_j) - y_i y_j)  in  w_i w_j [0, 1/4]
    /// ```
    ///
    /// With `H_v = M + Δ_v`, `M` any matrix, the sum `Q` is `Σ_ij M_ij V_ij` and, by Cauchy and Schwarz, at most
    /// `Σ_ij max|Δ_ij| √(V_ii V_jj) <= Σ_ij max|Δ_ij| w_i w_j / 4` more. On the diagonal the factors `(v_i - x_i)²` are not
    /// negative, and `H_v` needs no such splitting. This encloses `Q` entry by entry. The other enclosure takes
    /// `Σ_ij M_ij V_ij` as a whole: it is `Σ_{u<v} λ_u λ_v (u - v)' M (u - v)`, which [`poles`] encloses.
    fn curvature_on_simplex(&self, output: &Output, jet: &Jet, corners: &[Interval], order: &[usize]) -> Interval {
        let at = |corner: usize| {
            let term = |(i, slope): (usize, &f64)| Interval::exact(if corner >> i & 1 == 1 { *slope } else { -*slope });
            let affine = output.slopes.iter().enumerate().map(term);
            corners[corner] - affine.fold(Interval::exact(output.center), |sum, term| sum + term)
        };
        let linear = vertices(order).map(at).reduce(Interval::hull).unwrap_or(Interval::ENTIRE);
        // In half widths r = w / 2: w_i w_j / 4 = r_i r_j.
        let area = |i: usize, j: usize| self.halves[i].1 * self.halves[j].1;
        let middle = |i: usize, j: usize| Interval::exact(jet.second(i, j).midpoint());
        let (share, twice) = (Interval::raw(0.0, 1.0), Interval::exact(2.0));
        let (mut by_entry, mut deviation) = (Interval::ZERO, Interval::ZERO);
        for i in 0..order.len() {
            by_entry = by_entry + jet.second(i, i) * area(i, i) * share;
            deviation = deviation + (jet.second(i, i) - middle(i, i)) * area(i, i) * UNIT;
            for j in 0..i {
                let off = twice * (jet.second(i, j) - middle(i, j)) * area(i, j) * UNIT;
                by_entry = by_entry + twice * middle(i, j) * area(i, j) * share + off;
                deviation = deviation + off;
            }
        }
        // (u - v)' M (u - v) for the vertices before and after the coordinates `between` are moved by w = 2 r.
        let edge = |between: &[usize]| {
            let pairs = between.iter().flat_map(|&i| between.iter().map(move |&j| (i, j)));
            let sum = pairs.fold(Interval::ZERO, |sum, (i, j)| sum + middle(i, j) * area(i, j));
            sum * Interval::exact(4.0)
        };
        let as_a_whole = poles(order.len(), |u, v| edge(&order[u..v])) + deviation;
        let quadratic = by_entry.intersection(as_a_whole).unwrap_or(by_entry);
        linear - quadratic * Interval::exact(0.5) + output.noise()
    }
}

/// Encloses `{Σ_{u<v} c_uv λ_u λ_v}` over all `λ >= 0` of sum 1, for `c(u, v)` with `u < v <= last`.
fn poles(last: usize, c: impl Fn(usize, usize) -> Interval) -> Interval {
    let pairs = || (0..=last).flat_map(move |v| (0..v).map(move |u| (u, v)));
    let all: Vec<(usize, usize, Interval)> = pairs().map(|(u, v)| (u, v, c(u, v))).collect();
    let most = |part: fn(Interval) -> f64| {
        let c: Vec<_> = all.iter().map(|&(u, v, c)| (u, v, part(c).max(0.0))).collect();
        Interval::exact(0.25) * Interval::raw(0.0, pole(last, &c))
    };
    most(Interval::upper) - most(|c| -c.lower())
}

/// A `C` with `Σ_{u<v} c_uv λ_u λ_v <= C / 4` for all `λ >= 0` of sum 1, where `c >= 0`.
///
/// Choose any `a_v` in `[0, 1]`, and `C` such that `c_uv <= C (a_u (1 - a_v) + a_v (1 - a_u))` for all pairs. Then the
/// sum is at most `C (Σ a_v λ_v)(Σ (1 - a_v) λ_v)`, and the two factors have sum 1. Good `a` are 0 and 1 at the two ends
/// of the largest `c`, and between them for other vertices.
fn pole(last: usize, c: &[(usize, usize, f64)]) -> f64 {
    let Some(&(p, q, largest)) = c.iter().max_by(|x, y| x.2.total_cmp(&y.2)) else { return 0.0 };
    if !(largest > 0.0 && largest.is_finite()) {
        return largest;
    }
    let of = |u: usize, v: usize| c.iter().find(|x| (x.0, x.1) == (u.min(v), u.max(v))).map_or(0.0, |x| x.2);
    let place = |v: usize| {
        let ratio = of(p, v) / (of(p, v) + of(q, v));
        if ratio.is_nan() { 0.5 } else { ratio.clamp(0.0, 1.0) }
    };
    let a: Vec<Interval> = (0..=last).map(|v| Interval::exact(place(v))).collect();
    let needed = c.iter().filter(|x| x.2 > 0.0).map(|&(u, v, c)| {
        let weight = a[u] * (Interval::ONE - a[v]) + a[v] * (Interval::ONE - a[u]);
        (Interval::exact(c) / weight).upper()
    });
    needed.fold(0.0, f64::max)
}

impl std::fmt::Display for Region {
    /// The sides of the box, `name=lower..upper`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write_box(f, &self.problem.names, &self.sides)
    }
}

impl Output {
    /// Encloses the noise.
    fn noise(&self) -> Interval {
        Interval::raw(-self.spread, self.spread)
    }

    /// The bounds for all meanings, from those for exact evaluation.
    fn widened(&self, exact: Interval, followed: [bool; 2]) -> Bounds {
        let [f64, f32] = Format::ALL.map(|format| {
            let rounding = self.rounding[format as usize];
            let known = followed[format as usize] && rounding.is_finite();
            if known { exact + Interval::raw(-rounding, rounding) } else { Interval::ENTIRE }
        });
        Bounds { exact, f64, f32 }
    }
}

/// Encloses the middle of a side and half its width.
fn halves(side: Interval) -> (Interval, Interval) {
    let (lower, upper) = (Interval::exact(side.lower()), Interval::exact(side.upper()));
    let half = Interval::exact(0.5);
    (lower * half + upper * half, upper * half - lower * half)
}

/// Encloses `{a t + h t² : |t| <= 1}`.
fn quadratic(a: Interval, h: Interval) -> Interval {
    /// The largest value, where `|a| <= slope`: `slope s + h s²` for `s = |t|`, which grows up to `s = -slope / 2h` if
    /// `h < 0` and for ever if not. Its value there is `slope² / -4h`.
    fn largest(slope: f64, h: f64) -> f64 {
        if 2.0 * h >= -slope {
            return up_sum(slope, h);
        }
        let (slope, h) = (Interval::exact(slope), Interval::exact(h));
        (slope * slope / (h * Interval::exact(-4.0))).upper()
    }
    if !(a.is_bounded() && h.is_bounded()) {
        return Interval::ENTIRE;
    }
    Interval::raw(-largest(a.magnitude(), -h.lower()), largest(a.magnitude(), h.upper()))
}

/// All orders of the variables `0..d`.
fn orders(d: usize) -> Vec<Vec<usize>> {
    (0..d).fold(vec![Vec::new()], |shorter, variable| {
        let longer = |order: Vec<usize>| {
            (0..=order.len()).map(move |place| {
                let mut order = order.clone();
                order.insert(place, variable);
                order
            })
        };
        shorter.into_iter().flat_map(longer).collect()
    })
}

/// The vertices of the simplex `t_order[0] >= t_order[1] >= …`, as corners of the box: bit `i` is set where `t_i = 1`.
fn vertices(order: &[usize]) -> impl Iterator<Item = usize> {
    (0..=order.len()).map(|k| order[..k].iter().fold(0, |corner, i| corner | 1 << i))
}

/// An upper bound of the sum of numbers that are not negative.
fn up_total(numbers: impl Iterator<Item = f64>) -> f64 {
    let (mut sum, mut n) = (0.0, 0);
    for number in numbers {
        sum += number;
        n += 1;
    }
    enlarged(sum, n)
}

/// What is known of a neuron over the box or simplex. See the theorem at the top.
#[derive(Clone, Copy, Debug)]
struct Form {
    center: f64,
    /// Where its coefficients begin, and how many there are: those of the coordinates, then those of the noises.
    first: usize,
    count: usize,
    error: f64,
    /// An upper bound of `|center| + Σ |coefficients|`.
    size: f64,
    /// Encloses the exact values.
    range: Interval,
    /// For each format an upper bound of `|computed - exact|`.
    rounding: [f64; 2],
    /// The same before the positive part.
    before: [f64; 2],
}

/// What a neuron is on the box.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Fate {
    /// A sum, or the positive part of one that is not negative.
    Affine,
    /// The positive part of a sum with these bounds, `lower < 0 < upper`.
    Open { lower: f64, upper: f64 },
    /// The positive part of a sum that is not positive, but may be so when computed.
    Inactive,
    /// Exactly 0 in all meanings that are followed.
    Zero,
}

/// A neuron before its positive part, written as a sum of inputs: `bias + Σ weights z`, to within `slack`.
#[derive(Clone, Copy, Debug)]
struct Composed {
    /// Where its weights begin.
    first: usize,
    bias: f64,
    slack: f64,
    /// An upper bound of `|bias| + Σ |weights z|`.
    size: f64,
    /// How far the positive part may be from that; infinite if it may be anything else.
    bend: f64,
    /// It is such a sum in the network already, or a copy of one.
    is_old: bool,
}

impl Problem {
    /// Input `i`, `z = (x - center) / scale` with `x = middle + half t_i`, and its slope in `t_i`.
    fn input(&self, i: usize, side: Interval, (middle, half): (Interval, Interval)) -> (Form, f64) {
        let input = self.inputs[i];
        let (shift, scale) = (Interval::exact(input.center), Interval::exact(input.scale));
        let (center, slope) = ((middle - shift) / scale, half / scale);
        let range = (side - shift) / scale;
        let (c, s) = (center.midpoint(), slope.midpoint());
        let error = up_sum(distance(center, c), distance(slope, s));
        let bounds = (side.magnitude(), (side - shift).magnitude(), range.magnitude());
        let rounding = Format::ALL.map(|format| {
            if self.followed[format as usize] { input.rounding(format, bounds.0, bounds.1, bounds.2) } else { 0.0 }
        });
        let size = up_sum(c.abs(), s.abs());
        (Form { center: c, first: 0, count: 0, error, size, range, rounding, before: rounding }, s)
    }
}

/// One way through the network, from the inputs to the output.
struct Pass<'a> {
    net: &'a Net,
    followed: [bool; 2],
    n_inputs: usize,
    /// The order of the variables that makes the simplex; the box if there is none.
    order: Option<&'a [usize]>,
    most: usize,
    coefficients: Vec<f64>,
    /// Inputs, then neurons.
    forms: Vec<Form>,
    fates: Vec<Fate>,
    /// Number of coordinates and noises so far.
    symbols: usize,
}

impl<'a> Pass<'a> {
    fn run(followed: [bool; 2], net: &'a Net, inputs: &[(Form, f64)], order: Option<&'a [usize]>) -> Self {
        let (d, n) = (inputs.len(), net.neurons.len());
        let mut pass = Self {
            net,
            followed,
            n_inputs: d,
            order,
            most: d + COEFFICIENTS / n,
            coefficients: Vec::with_capacity((d + n) * (d + 1)),
            forms: Vec::with_capacity(d + n),
            fates: Vec::with_capacity(n),
            symbols: d,
        };
        for (i, &(form, slope)) in inputs.iter().enumerate() {
            let first = pass.coefficients.len();
            pass.coefficients.resize(first + d, 0.0);
            pass.coefficients[first + i] = slope;
            let form = pass.settled(Form { first, count: d, ..form });
            pass.forms.push(form);
        }
        for j in 0..n {
            pass.neuron(j);
        }
        pass
    }

    /// Replaces a form that is no better than its range by that range.
    fn settled(&mut self, mut form: Form) -> Form {
        let (lower, upper) = (form.range.lower(), form.range.upper());
        // Both differences are rounded; twice the radius is still not reached.
        if form.error <= 0.499 * (upper - lower) && form.size <= LARGE {
            return form;
        }
        let center = form.range.midpoint();
        let radius = distance(form.range, center);
        if form.error > radius || form.size.is_nan() || form.size > LARGE {
            self.coefficients.truncate(form.first);
            let fits = center.abs() < LARGE;
            form.center = if fits { center } else { 0.0 };
            form.error = if fits { radius } else { form.range.magnitude() };
            form.size = form.center.abs();
            form.count = 0;
        }
        form
    }

    /// Encloses the values of a form. Each end is a sum of two numbers, rounded once and moved to its neighbour outward.
    fn reach(&self, form: &Form) -> Interval {
        if form.size.is_nan() || form.size > LARGE {
            return Interval::ENTIRE;
        }
        let coefficients = &self.coefficients[form.first..form.first + form.count];
        let (slopes, noises) = coefficients.split_at(self.n_inputs.min(form.count));
        let noise = up_sum(up_total(noises.iter().map(|c| c.abs())), form.error);
        let (below, above) = match self.order {
            _ if slopes.is_empty() => (noise, noise),
            None => {
                let radius = up_sum(up_total(slopes.iter().map(|c| c.abs())), noise);
                (radius, radius)
            }
            Some(order) => {
                let (lowest, highest) = over_vertices(slopes, order);
                (up_sum(-lowest, noise), up_sum(highest, noise))
            }
        };
        Interval::raw((form.center - below).next_down(), (form.center + above).next_up())
    }

    fn neuron(&mut self, j: usize) {
        let neuron = self.net.neurons[j];
        let is_output = j + 1 == self.net.neurons.len();
        let mut form = self.sum(j);
        form.before = match neuron.known {
            Some(known) => known.rounding,
            None => Format::ALL.map(|format| self.rounding(j, format, is_output)),
        };
        form.rounding = form.before;
        form = self.settled(form);
        let mut fate = if neuron.relu { self.positive_part(&mut form) } else { Fate::Affine };
        if form.range == Interval::ZERO && form.rounding == [0.0; 2] && !is_output {
            fate = Fate::Zero;
        }
        self.forms.push(form);
        self.fates.push(fate);
    }

    /// An upper bound of `|computed - exact|` for neuron `j`, before the positive part.
    fn rounding(&self, j: usize, format: Format, is_output: bool) -> f64 {
        if !self.followed[format as usize] {
            return 0.0;
        }
        let values = self.net.terms_of(j).iter().map(|term| {
            let source = &self.forms[term.source as usize];
            (term.weight, Computed { magnitude: source.range.magnitude(), error: source.rounding[format as usize] })
        });
        let bias = self.net.neurons[j].bias;
        let error = sum_rounding(format, bias, values.clone());
        // The output's scaling may also be computed in f64, from a sum that was computed in f32.
        if is_output { error.max(sum_rounding(Format::F64, bias, values)) } else { error }
    }

    /// `bias + Σ terms` as a form with its range.
    ///
    /// Each coefficient is a sum of at most `n` products and, for the center, the bias: computing it moves it by at most
    /// `γ_{n+1} <= (n + 2) u` of the sum of its terms' magnitudes, and by underflow `n` times `2^-1075`: for all of them
    /// together less than [`UNDERFLOW`]. The same holds for the ends of the range, in interval arithmetic without rounding
    /// outward; where that leaves the sign open, it is done again with rounding outward, which keeps exact ends exact.
    fn sum(&mut self, j: usize) -> Form {
        let (neuron, terms) = (self.net.neurons[j], self.net.terms_of(j));
        let (bias, slack) = (neuron.bias, neuron.known.map_or(0.0, |known| known.slack));
        let first = self.coefficients.len();
        if let ([Term { source, weight: 1.0 }], 0.0, 0.0) = (terms, bias, slack) {
            let form = self.forms[*source as usize];
            self.coefficients.extend_from_within(form.first..form.first + form.count);
            return Form { first, ..form };
        }
        let count = terms.iter().map(|term| self.forms[term.source as usize].count).max().unwrap_or(0);
        self.coefficients.resize(first + count, 0.0);
        let (before, sum) = self.coefficients.split_at_mut(first);
        let (mut center, mut error, mut size) = (bias, slack, bias.abs());
        let (mut lower, mut upper, mut total) = (bias, bias, bias.abs());
        for &Term { source, weight } in terms {
            let source = &self.forms[source as usize];
            let of_source = &before[source.first..source.first + source.count];
            sum.iter_mut().zip(of_source).for_each(|(sum, c)| *sum += weight * c);
            center += weight * source.center;
            let (range, magnitude) = (source.range, weight.abs());
            let (low, high) =
                if weight > 0.0 { (range.lower(), range.upper()) } else { (range.upper(), range.lower()) };
            (lower, upper) = (lower + weight * low, upper + weight * high);
            total += magnitude * range.magnitude();
            error += magnitude * source.error;
            size += magnitude * source.size;
        }
        let n = terms.len();
        // (n + 2) u of a sum that may be larger than computed by 2 (n + 2) u of itself, and the rounding of this product.
        let moved = |size: f64| (n as f64 + 4.0) * power_of_two(-53) * size + UNDERFLOW;
        let off = up_sum(moved(total), slack);
        let range = if total < LARGE && lower.abs() > 2.0 * off && upper.abs() > 2.0 * off {
            Interval::raw((lower - off).next_down(), (upper + off).next_up())
        } else {
            terms.iter().fold(Interval::exact(bias), |range, &Term { source, weight }| {
                range + Interval::exact(weight) * self.forms[source as usize].range
            }) + Interval::raw(-slack, slack)
        };
        let rounding = moved(size);
        let error = enlarged(error + rounding, n + 1);
        let size = enlarged(size + rounding, n + 1);
        let mut form = Form { center, first, count, error, size, range, rounding: [0.0; 2], before: [0.0; 2] };
        form.range = self.reach(&form).intersection(range).unwrap_or(range);
        form
    }

    /// Turns the form of `z` into that of `max(z, 0)`.
    ///
    /// The positive part is nonexpansive, so the error of a format does not grow; where `z <= u <= 0` and the computed
    /// `z` is within `p`, the computed positive part is at most `max(u + p, 0)`.
    fn positive_part(&mut self, form: &mut Form) -> Fate {
        let (lower, upper) = (form.range.lower(), form.range.upper());
        if lower >= 0.0 {
            return Fate::Affine;
        }
        if upper <= 0.0 {
            for p in &mut form.rounding {
                *p = if p.is_finite() { up_sum(upper, *p).clamp(0.0, *p) } else { f64::INFINITY };
            }
            self.coefficients.truncate(form.first);
            (form.center, form.count, form.error, form.size) = (0.0, 0, 0.0, 0.0);
            form.range = Interval::ZERO;
            return Fate::Inactive;
        }
        form.range = Interval::raw(0.0, upper);
        self.relax(form, lower, upper);
        Fate::Open { lower, upper }
    }

    /// For any `λ` in `[0, 1]` and `z` in `[lower, upper]` with `lower < 0 < upper`, the convex function
    /// `max(z, 0) - λ z` lies between 0, its value at 0, and the larger of its values `-λ lower` and `(1 - λ) upper` at the
    /// ends; call that `2 h`. So `max(z, 0)` is `λ z + h + h ε`.
    fn relax(&mut self, form: &mut Form, lower: f64, upper: f64) {
        let ratio = upper / (upper - lower);
        let slope = if ratio.is_nan() { 1.0 } else { ratio.clamp(0.0, 1.0) };
        let half = 0.5 * up_product(-slope, lower).max(up_product(up_sum(1.0, -slope), upper)).max(f64::MIN_POSITIVE);
        let coefficients = &mut self.coefficients[form.first..];
        coefficients.iter_mut().for_each(|c| *c *= slope);
        form.center = slope * form.center + half;
        // Each of these numbers was rounded, the center twice: by u of its magnitude, or by underflow.
        form.size = up_sum(form.size, half);
        let rounding = up_sum(up_product(4.0 * power_of_two(-53), form.size), UNDERFLOW);
        form.error = up_sum(up_product(slope, form.error), rounding);
        if half > NEGLIGIBLE * upper.max(-lower) && self.symbols < self.most && half < LARGE {
            // Coefficients of noises that came later than those of this form are 0.
            self.coefficients.resize(form.first + self.symbols, 0.0);
            self.coefficients.push(half);
            self.symbols += 1;
            form.count = self.symbols;
            form.size = up_sum(form.size, half);
        } else {
            form.error = up_sum(form.error, half);
        }
        *form = self.settled(*form);
    }

    /// The last neuron.
    fn output(&self) -> Output {
        let form = &self.forms[self.forms.len() - 1];
        let mut slopes = vec![0.0; self.n_inputs];
        let own = &self.coefficients[form.first..form.first + form.count];
        slopes.iter_mut().zip(own).for_each(|(slope, c)| *slope = *c);
        let noises = own.iter().skip(self.n_inputs).map(|c| c.abs());
        let spread = up_sum(up_total(noises), form.error);
        // Where one neuron may overflow, its product with 0 may be NaN.
        let overflows = |format: Format| self.forms.iter().any(|form| form.rounding[format as usize].is_infinite());
        let rounding =
            Format::ALL.map(|format| if overflows(format) { f64::INFINITY } else { form.rounding[format as usize] });
        Output { center: form.center, slopes, spread, range: form.range, rounding }
    }

    /// The network without what does not matter on the box.
    fn specialised(&self) -> Net {
        let (d, n) = (self.n_inputs, self.net.neurons.len());
        let (composed, weights) = self.composed();
        let mut net = Net::default();
        // Where each input and neuron is found now; none where it is exactly 0.
        let mut places: Vec<Option<u32>> = (0..d as u32).map(Some).collect();
        for (j, reaches) in self.reaches(&composed).into_iter().enumerate() {
            let (neuron, fate) = (self.net.neurons[j], self.fates[j]);
            if fate == Fate::Zero || !reaches {
                places.push(None);
                continue;
            }
            let relu = fate != Fate::Affine;
            let place = Some((d + net.neurons.len()) as u32);
            if let Some(sum) = composed[j].filter(|sum| !sum.is_old) {
                let weights = weights[sum.first..sum.first + d].iter().enumerate();
                net.push(weights.map(|(i, &weight)| Term { source: i as u32, weight }), sum.bias, relu);
                net.know(Known { slack: sum.slack, rounding: self.forms[d + j].before });
                places.push(place);
                continue;
            }
            let terms = self.net.terms_of(j).iter();
            let mut kept = terms.filter_map(|t| places[t.source as usize].map(|source| Term { source, ..*t }));
            let mut ahead = kept.clone();
            let copied = match (ahead.next(), ahead.next()) {
                (Some(Term { source, weight: 1.0 }), None)
                    if neuron.bias == 0.0 && !relu && neuron.known.is_none() && j + 1 < n =>
                {
                    Some(source)
                }
                _ => None,
            };
            places.push(copied.or_else(|| {
                net.push(kept.by_ref(), neuron.bias, relu);
                neuron.known.into_iter().for_each(|known| net.know(known));
                place
            }));
        }
        net
    }

    /// The neurons whose sources are inputs and other such neurons of decided sign, as sums of inputs, and their weights.
    ///
    /// With `h = bias_h + Σ weights_h z` to within `slack_h` for each source `h`, the exact sum is the composed one to within
    /// `Σ |w| slack_h`, and `(n + 2) u` of the sum of all magnitudes for computing the composed one.
    fn composed(&self) -> (Vec<Option<Composed>>, Vec<f64>) {
        let d = self.n_inputs;
        let mut all: Vec<Option<Composed>> = Vec::with_capacity(self.fates.len());
        let mut weights: Vec<f64> = Vec::new();
        // An underflow in a weight, times an input, is to be covered by UNDERFLOW too.
        let is_worth_it =
            self.fates.len() > FEW && self.forms[..d].iter().all(|form| form.range.magnitude() < power_of_two(32));
        for (j, &fate) in self.fates.iter().enumerate() {
            let first = weights.len();
            let sum = self.compose(j, &all, &mut weights).filter(|sum| {
                let form = &self.forms[d + j];
                let is_sharp = sum.slack <= form.error.max(NEGLIGIBLE * form.range.magnitude());
                sum.is_old || is_worth_it && is_sharp && form.before.iter().all(|p| p.is_finite())
            });
            if sum.is_none() {
                weights.truncate(first);
            }
            let bend = match fate {
                Fate::Affine => 0.0,
                // max(z, 0) - z is at most -lower.
                Fate::Open { lower, upper } if -lower <= NEGLIGIBLE * upper => -lower,
                _ => f64::INFINITY,
            };
            all.push(sum.map(|sum| Composed { bend, ..sum }));
        }
        (all, weights)
    }

    fn compose(&self, j: usize, before: &[Option<Composed>], weights: &mut Vec<f64>) -> Option<Composed> {
        let (d, neuron, terms) = (self.n_inputs, self.net.neurons[j], self.net.terms_of(j));
        let first = weights.len();
        weights.resize(first + d, 0.0);
        let (known, own) = weights.split_at_mut(first);
        let magnitude = |i: usize| self.forms[i].range.magnitude();
        let (mut bias, mut slack) = (neuron.bias, neuron.known.map_or(0.0, |known| known.slack));
        let (mut total, mut is_old, mut is_exact) = (bias.abs(), true, true);
        for &Term { source, weight } in terms {
            let i = source as usize;
            if i < d {
                is_exact &= own[i] == 0.0;
                own[i] += weight;
                total += weight.abs() * magnitude(i);
                continue;
            }
            if self.fates[i - d] == Fate::Zero {
                continue;
            }
            is_old = false;
            let sum = before[i - d].filter(|sum| sum.bend.is_finite())?;
            let of_sum = &known[sum.first..sum.first + d];
            own.iter_mut().zip(of_sum).for_each(|(own, of_sum)| *own += weight * of_sum);
            bias += weight * sum.bias;
            slack += weight.abs() * (sum.slack + sum.bend);
            total += weight.abs() * sum.size;
        }
        // A copy is left to be dropped as such.
        let is_copy = neuron.bias == 0.0 && matches!(terms, [Term { weight: 1.0, .. }]);
        is_old |= is_copy;
        if !(is_old && is_exact || is_copy) {
            let n = terms.len();
            slack = enlarged(slack + (n as f64 + 4.0) * power_of_two(-53) * total + UNDERFLOW, n + 2);
        }
        let fits = total < LARGE && own.iter().all(|weight| weight.abs() < LARGE);
        let size = own.iter().enumerate().fold(bias.abs(), |size, (i, weight)| size + weight.abs() * magnitude(i));
        fits.then_some(Composed { first, bias, slack, size: enlarged(size, d), bend: 0.0, is_old })
    }

    /// Which neurons reach the output, or may overflow: those are watched until it is known that they do not.
    fn reaches(&self, composed: &[Option<Composed>]) -> Vec<bool> {
        let (d, n) = (self.n_inputs, self.net.neurons.len());
        let mut reaches: Vec<bool> =
            self.forms[d..].iter().map(|form| form.rounding.iter().any(|p| p.is_infinite())).collect();
        reaches[n - 1] = true;
        for (j, fate) in self.fates.iter().enumerate().rev() {
            if reaches[j] && *fate != Fate::Zero && composed[j].is_none_or(|sum| sum.is_old) {
                for term in self.net.terms_of(j).iter().filter(|term| term.source as usize >= d) {
                    reaches[term.source as usize - d] = true;
                }
            }
        }
        reaches
    }
}

/// A lower and an upper bound of `{Σ slopes t}` over the simplex: an affine function is extremal at a vertex.
///
/// From vertex to vertex, `2 d` additions of numbers whose sum stays below `S = Σ |slopes|`: each moves it by `u S`.
fn over_vertices(slopes: &[f64], order: &[usize]) -> (f64, f64) {
    let mut value = slopes.iter().fold(0.0, |sum, slope| sum - slope);
    let (mut lowest, mut highest) = (value, value);
    for &i in order {
        value += 2.0 * slopes[i];
        (lowest, highest) = (lowest.min(value), highest.max(value));
    }
    let off = (2 * order.len() + 2) as f64 * power_of_two(-53) * up_total(slopes.iter().map(|slope| slope.abs()));
    ((lowest - off).next_down(), (highest + off).next_up())
}

/// An upper bound of the distance of `x`, which may be outside, from any number of the interval.
fn distance(from: Interval, x: f64) -> f64 {
    let above = Rounded::sum(from.upper(), -x).up();
    let below = Rounded::sum(x, -from.lower()).up();
    above.max(below)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_quadratic_stays_within_its_range_and_attains_it(a in -2.0..2.0f64, h in -2.0..2.0f64) {
            let range = quadratic(Interval::exact(a), Interval::exact(h));
            let (mut lowest, mut highest) = (f64::INFINITY, f64::NEG_INFINITY);
            for k in -1000..=1000 {
                let t = f64::from(k) / 1000.0;
                let value = a * t + h * t * t;
                (lowest, highest) = (lowest.min(value), highest.max(value));
            }
            // The rounding of the values; the distance of the largest one from the nearest point, |h| / 2000^2.
            prop_assert!(range.lower() <= lowest + 1e-14 && highest <= range.upper() + 1e-14);
            prop_assert!(range.lower() >= lowest - 1e-6 && range.upper() <= highest + 1e-6);
        }

        #[test]
        fn a_quadratic_with_coefficients_in_intervals_encloses_those_with_any_members(
            a in -2.0..2.0f64, h in -2.0..2.0f64, wa in 0.0..1.0f64, wh in 0.0..1.0f64, t in -1.0..1.0f64
        ) {
            let range = quadratic(Interval::raw(a, a + wa), Interval::raw(h, h + wh));
            for (a, h) in [(a, h), (a + wa, h), (a, h + wh), (a + wa, h + wh)] {
                let value = a * t + h * t * t;
                prop_assert!(range.lower() <= value + 1e-14 && value <= range.upper() + 1e-14);
            }
        }

        #[test]
        fn no_sum_over_pairs_leaves_the_range_of_its_poles(
            c in prop::collection::vec(-1.0..1.0f64, 10), weights in prop::collection::vec(0.0..1.0f64, 5),
            last in 1usize..5, zero in 0usize..5
        ) {
            let of = |u: usize, v: usize| if v == zero { 0.0 } else { c[v * (v - 1) / 2 + u] };
            let range = poles(last, |u, v| Interval::exact(of(u, v)));
            let total: f64 = weights[..=last].iter().sum();
            for weights in [weights.clone(), weights.iter().map(|w| w * w * w).collect(), vec![1.0; 5]] {
                let total = if total == 0.0 { 1.0 } else { weights[..=last].iter().sum() };
                let pairs = (0..=last).flat_map(|v| (0..v).map(move |u| (u, v)));
                let sum: f64 = pairs.map(|(u, v)| of(u, v) * weights[u] * weights[v]).sum();
                let value = sum / (total * total);
                prop_assert!(range.lower() <= value + 1e-14 && value <= range.upper() + 1e-14, "{value} {range:?}");
            }
        }
    }

    /// A triangle with equal sides, where the largest entry alone is not enough: at its center the sum is 1/3.
    #[test]
    fn three_equal_entries_need_more_than_one_of_them() {
        let range = poles(2, |_, _| Interval::ONE);
        assert!(range.upper() >= 1.0 / 3.0 && range.upper() <= 0.5 && range.lower() == 0.0, "{range:?}");
        // Where one entry is as large as both others, it decides.
        let right = poles(2, |u, v| Interval::exact((v - u) as f64));
        assert_eq!(right, Interval::raw(0.0, 0.5));
    }
}
