//! Enclosures of expressions and of their derivatives over boxes, with what is guaranteed of the function there.

use super::expression::{Binary, Comparison, Expression, Function, Literal, Op};
use super::interval::Interval;

const ZERO: Interval = Interval::ZERO;
const ONE: Interval = Interval::ONE;

/// What is guaranteed of a function on a box. Each guarantee includes the ones before it, except for `Nowhere`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Decoration {
    /// Proved to be undefined at every point.
    Nowhere,
    /// Nothing: the function may be undefined somewhere.
    Unknown,
    /// Defined at every point.
    Defined,
    /// Defined and Lipschitz near every point.
    Continuous,
    /// Continuously differentiable, with a gradient that is Lipschitz near every point (`C^{1,1}`).
    C11,
}

use Decoration::{C11, Continuous, Defined, Nowhere, Unknown};

impl Decoration {
    /// What this operand leaves to a result that needs its value but, all over the box, does not vary with it.
    fn as_condition(self) -> Self {
        if self >= Defined { C11 } else { self }
    }

    /// That of a partial function which is undefined on part of its argument, perhaps on all of it.
    fn partial(nowhere: bool) -> Self {
        if nowhere { Nowhere } else { Unknown }
    }
}

/// An interval that encloses the values of a function where it is defined, and what is guaranteed of the function.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Decorated {
    interval: Interval,
    decoration: Decoration,
}

impl Decorated {
    /// Encloses every value.
    pub fn interval(self) -> Interval {
        self.interval
    }

    /// What is guaranteed of the function.
    pub fn decoration(self) -> Decoration {
        self.decoration
    }
}

/// Enclosures of the values and derivatives of a function of `d` variables over a box.
#[derive(Clone, Debug, PartialEq)]
pub struct Jet {
    decoration: Decoration,
    dimension: usize,
    /// The value; the `d` slopes; the lower triangle of the Hessian, row after row.
    entries: Vec<Interval>,
}

impl Jet {
    /// Encloses the values.
    pub fn value(&self) -> Decorated {
        Decorated { interval: self.entries[0], decoration: self.decoration }
    }

    /// Encloses the slopes: for any `x`, `y` in the box there are `g_i` in `gradient()[i]` such that
    /// `f(y) - f(x) = Σ g_i (y_i - x_i)`. Whole lines unless the function is [`Decoration::Continuous`].
    ///
    /// This speaks of the function on the box alone: `abs(x)` has slope 1 on `[0, 1]`. So the slopes at a single
    /// point `c` are a gradient fit for Taylor's formula on a larger box only if `c` is not on a face of that box.
    pub fn gradient(&self) -> &[Interval] {
        &self.entries[1..=self.dimension]
    }

    /// Encloses `∂²f/∂x_i∂x_j` over the box, one-sided at its faces. The whole line unless the function is
    /// [`Decoration::C11`] and second derivatives were asked for.
    ///
    /// # Panics
    /// If there is no variable `i` or `j`.
    pub fn second(&self, i: usize, j: usize) -> Interval {
        assert!(i.max(j) < self.dimension, "no variable {}", i.max(j));
        let at = 1 + self.dimension + i.max(j) * (i.max(j) + 1) / 2 + i.min(j);
        self.entries.get(at).copied().unwrap_or(Interval::ENTIRE)
    }

    /// Slopes are a theorem only where the function is Lipschitz, second derivatives only where it is `C^{1,1}`.
    fn forget_what_is_not_guaranteed(&mut self) {
        let kept = match self.decoration {
            C11 => self.entries.len(),
            Continuous => 1 + self.dimension,
            _ => 1,
        };
        self.entries.iter_mut().skip(kept).for_each(|entry| *entry = Interval::ENTIRE);
    }
}

impl Expression {
    /// Encloses the values over a box, one interval for each variable.
    ///
    /// # Panics
    /// If there is not one interval for each variable.
    ///
    /// ```
    /// use multigrade_model::truth::{Decoration, Expression, Interval};
    /// let f = Expression::parse("sqrt(x^2 + 1) - abs(x)")?;
    /// let range = f.range(&[Interval::new(-1.0, 2.0).unwrap()]);
    /// assert!(range.interval().contains(1.0)); // f(0)
    /// assert_eq!(range.decoration(), Decoration::Continuous); // the kink of |x|
    /// # Ok::<(), multigrade_model::truth::ParseError>(())
    /// ```
    pub fn range(&self, at: &[Interval]) -> Decorated {
        self.enclose(at, 0).value()
    }

    /// Encloses values and slopes over a box, one interval for each variable.
    ///
    /// # Panics
    /// If there is not one interval for each variable.
    ///
    /// ```
    /// use multigrade_model::truth::{Expression, Interval};
    /// let f = Expression::parse("abs(x)*y")?;
    /// let [x, y] = [Interval::new(-1.0, 1.0).unwrap(), Interval::point(3.0).unwrap()];
    /// assert_eq!(f.gradient(&[x, y]).gradient()[0], Interval::new(-3.0, 3.0).unwrap());
    /// # Ok::<(), multigrade_model::truth::ParseError>(())
    /// ```
    pub fn gradient(&self, at: &[Interval]) -> Jet {
        self.enclose(at, 1)
    }

    /// Encloses values, slopes and second derivatives over a box, one interval for each variable.
    ///
    /// # Panics
    /// If there is not one interval for each variable.
    ///
    /// ```
    /// use multigrade_model::truth::{Expression, Interval};
    /// let f = Expression::parse("x^3 + x*y")?;
    /// let jet = f.hessian(&[Interval::new(1.0, 2.0).unwrap(), Interval::ZERO]);
    /// assert_eq!(jet.second(0, 0), Interval::new(6.0, 12.0).unwrap());
    /// assert_eq!(jet.second(0, 1), Interval::ONE);
    /// # Ok::<(), multigrade_model::truth::ParseError>(())
    /// ```
    pub fn hessian(&self, at: &[Interval]) -> Jet {
        self.enclose(at, 2)
    }

    /// Encloses derivatives up to `order`, at most 2; the jet is to be asked for no others.
    pub(super) fn enclose(&self, at: &[Interval], order: usize) -> Jet {
        assert_eq!(at.len(), self.variables.len(), "one interval for each variable");
        let mut jet = Machine::run(&self.ops, &self.numbers, at, order, self.height);
        jet.forget_what_is_not_guaranteed();
        jet
    }

    /// The value of symbols without variables, if it is exactly known.
    pub(super) fn constant(ops: &[Op], numbers: &[Literal]) -> Option<f64> {
        let value = Machine::run(ops, numbers, &[], 0, ops.len()).value();
        let x = value.interval;
        (value.decoration >= Defined && x.lower() == x.upper()).then_some(x.lower())
    }
}

/// First and second partial derivatives of an operation with operands `u` and `v`.
struct Partials {
    u: Interval,
    v: Interval,
    uu: Interval,
    uv: Interval,
    vv: Interval,
}

impl Partials {
    const NONE: Self = Self { u: ZERO, v: ZERO, uu: ZERO, uv: ZERO, vv: ZERO };
}

/// A stack of jets in one piece of memory; the last operand is on top.
///
/// Why the slopes hold (THEORY: *continuous*): along a segment of the box every operand is Lipschitz, so almost
/// everywhere differentiable, with a derivative in `slopes · direction`; the rules below hold for such derivatives
/// (where `max(u, v)` is differentiable and `u = v`, both have its derivative), and integrating along the segment gives
/// the difference. Second derivatives are only used where no operation has a kink; there the rules are the classical ones.
struct Machine {
    dimension: usize,
    /// Entries of a jet.
    stride: usize,
    entries: Vec<Interval>,
    decorations: Vec<Decoration>,
}

impl Machine {
    fn run(ops: &[Op], numbers: &[Literal], at: &[Interval], order: usize, height: usize) -> Jet {
        let d = at.len();
        let stride = 1 + if order > 0 { d } else { 0 } + if order > 1 { d * (d + 1) / 2 } else { 0 };
        let (entries, decorations) = (Vec::with_capacity(height * stride), Vec::with_capacity(height));
        let mut machine = Self { dimension: d, stride, entries, decorations };
        for &op in ops {
            match op {
                Op::Number(i) => machine.push(numbers[i as usize].range),
                Op::Pi => machine.push(Interval::PI),
                Op::E => machine.push(Interval::E),
                Op::Variable(i) => {
                    machine.push(at[i as usize]);
                    if order > 0 {
                        let first = machine.entries.len() - stride;
                        machine.entries[first + 1 + i as usize] = ONE;
                    }
                }
                Op::Apply(function) => machine.unary(|u| function.value(u), |u, y| function.derivatives(u, y)),
                Op::Power(n) => machine.unary(|u| power(u, n), |u, _| power_derivatives(u, n)),
                Op::Combine(Binary::Min) => machine.extremum(|u, v| u.upper() <= v.lower(), Interval::min),
                Op::Combine(Binary::Max) => machine.extremum(|u, v| u.lower() >= v.upper(), Interval::max),
                Op::Combine(binary) => machine.binary(binary),
                Op::If(comparison) => machine.choose(comparison),
            }
        }
        Jet { decoration: machine.decorations[0], dimension: d, entries: machine.entries }
    }

    /// Puts a constant on top.
    fn push(&mut self, value: Interval) {
        self.entries.push(value);
        self.entries.resize(self.entries.len() + self.stride - 1, ZERO);
        self.decorations.push(C11);
    }

    /// The jets of the last `N` operands, and their decorations, which are taken away.
    fn operands<const N: usize>(&mut self) -> ([usize; N], [Decoration; N]) {
        let n = self.decorations.len() - N;
        let decorations = std::array::from_fn(|i| self.decorations[n + i]);
        self.decorations.truncate(n);
        (std::array::from_fn(|i| (n + i) * self.stride), decorations)
    }

    /// Ends an operation whose result was written over its first operand.
    fn finish(&mut self, decoration: Decoration) {
        self.decorations.push(decoration);
        self.entries.truncate(self.decorations.len() * self.stride);
    }

    fn unary(
        &mut self,
        value: impl Fn(Interval) -> (Interval, Decoration),
        derivatives: impl Fn(Interval, Interval) -> (Interval, Interval),
    ) {
        let ([at], [decoration]) = self.operands();
        let jet = &mut self.entries[at..];
        let (y, own) = value(jet[0]);
        if jet.len() > 1 {
            let (u, uu) = derivatives(jet[0], y);
            chain(jet, &[], &Partials { u, uu, ..Partials::NONE }, self.dimension);
        }
        jet[0] = y;
        self.finish(decoration.min(own));
    }

    fn binary(&mut self, binary: Binary) {
        let ([_, at], [of_u, of_v]) = self.operands();
        let (below, jet_v) = self.entries.split_at_mut(at);
        let jet_u = &mut below[at - self.stride..];
        let (u, v) = (jet_u[0], jet_v[0]);
        let (y, own) = binary.value(u, v);
        if self.stride > 1 {
            chain(jet_u, jet_v, &binary.partials(u, v, y), self.dimension);
        }
        jet_u[0] = y;
        self.finish(of_u.min(of_v).min(own));
    }

    /// The smaller or larger of two; `first_wins(u, v)` says that `u` is it, all over the box.
    fn extremum(&mut self, first_wins: fn(Interval, Interval) -> bool, value: fn(Interval, Interval) -> Interval) {
        let ([first, second], [of_u, of_v]) = self.operands();
        let (u, v) = (self.entries[first], self.entries[second]);
        let decoration = if first_wins(u, v) {
            of_u.min(of_v.as_condition())
        } else if first_wins(v, u) {
            self.entries.copy_within(second..second + self.stride, first);
            of_v.min(of_u.as_condition())
        } else {
            self.hull(first, second);
            self.entries[first] = value(u, v);
            of_u.min(of_v).min(Continuous)
        };
        self.finish(decoration);
    }

    /// `if`: one branch where the comparison is decided all over the box; both, and perhaps a jump, where it is not.
    fn choose(&mut self, comparison: Comparison) {
        let ([a, b, u, v], [of_a, of_b, of_u, of_v]) = self.operands();
        let condition = of_a.as_condition().min(of_b.as_condition());
        let decoration = match comparison.decided(self.entries[a], self.entries[b]) {
            Some(true) => {
                self.entries.copy_within(u..u + self.stride, a);
                of_u
            }
            Some(false) => {
                self.entries.copy_within(v..v + self.stride, a);
                of_v
            }
            None => {
                self.hull(u, v);
                self.entries.copy_within(u..u + self.stride, a);
                // Undefined everywhere needs both branches: either may be the one that is never taken.
                if of_u == of_v { of_u.min(Defined) } else { of_u.min(of_v).clamp(Unknown, Defined) }
            }
        };
        self.finish(condition.min(decoration));
    }

    /// Widens the jet at `first` by the one at `second`.
    fn hull(&mut self, first: usize, second: usize) {
        for i in 0..self.stride {
            self.entries[first + i] = self.entries[first + i].hull(self.entries[second + i]);
        }
    }
}

/// The chain rule: turns the jet of `u` into that of `f(u, v)`, all but the value. An empty jet of `v` is that of 0.
fn chain(u: &mut [Interval], v: &[Interval], f: &Partials, d: usize) {
    let of_v = |i: usize| v.get(i).copied().unwrap_or(ZERO);
    // Second derivatives first, as they need the slopes of the operands.
    if u.len() > 1 + d {
        let mut at = 1 + d;
        for i in 1..=d {
            for j in 1..=i {
                let of_slopes = |a: Interval, b: Interval| if i == j { a.power(2) } else { a * b };
                let mixed = u[i] * of_v(j) + u[j] * of_v(i);
                u[at] = f.u * u[at]
                    + f.uu * of_slopes(u[i], u[j])
                    + f.v * of_v(at)
                    + f.uv * mixed
                    + f.vv * of_slopes(of_v(i), of_v(j));
                at += 1;
            }
        }
    }
    for (i, slope) in u.iter_mut().enumerate().skip(1).take(d) {
        *slope = f.u * *slope + f.v * of_v(i);
    }
}

impl Function {
    /// Encloses the values, with what is guaranteed of the function for all arguments in `u`.
    fn value(self, u: Interval) -> (Interval, Decoration) {
        match self {
            Self::Neg => (-u, C11),
            Self::Sin => (u.sin(), C11),
            Self::Cos => (u.cos(), C11),
            Self::Exp => (u.exp(), C11),
            Self::Tanh => (u.tanh(), C11),
            Self::Atan => (u.atan(), C11),
            Self::Ln => (u.ln(), if u.lower() > 0.0 { C11 } else { Decoration::partial(u.upper() <= 0.0) }),
            // Infinite slope at 0.
            Self::Sqrt if u.lower() == 0.0 => (u.sqrt(), Defined),
            Self::Sqrt => (u.sqrt(), if u.lower() > 0.0 { C11 } else { Decoration::partial(u.upper() < 0.0) }),
            Self::Cbrt => (u.cbrt(), if u.contains(0.0) { Defined } else { C11 }),
            Self::Abs => (u.abs(), if u.lower() < 0.0 && u.upper() > 0.0 { Continuous } else { C11 }),
        }
    }

    /// Encloses first and second derivative for arguments in `u` and values in `y`, where they exist.
    fn derivatives(self, u: Interval, y: Interval) -> (Interval, Interval) {
        let [two, three] = [2.0, 3.0].map(Interval::exact);
        match self {
            Self::Neg => (-ONE, ZERO),
            Self::Sin => (u.cos(), -y),
            Self::Cos => (-u.sin(), -y),
            Self::Exp => (y, y),
            Self::Ln => (ONE / u, -(ONE / u.power(2))),
            Self::Sqrt => (ONE / (two * y), -(ONE / (two * two * y * u))),
            Self::Cbrt => (ONE / (three * y.power(2)), -(two / (three * three * y.power(2) * u))),
            Self::Tanh => {
                let slope = ONE - y.power(2);
                (slope, -(two * y * slope))
            }
            Self::Atan => {
                let slope = ONE / (ONE + u.power(2));
                (slope, -(two * u * slope.power(2)))
            }
            Self::Abs if u.lower() >= 0.0 => (ONE, ZERO),
            Self::Abs if u.upper() <= 0.0 => (-ONE, ZERO),
            Self::Abs => (Interval::raw(-1.0, 1.0), ZERO),
        }
    }
}

fn power(u: Interval, n: i32) -> (Interval, Decoration) {
    let pole = n < 0 && u.contains(0.0);
    (u.power(n), if pole { Decoration::partial(u == ZERO) } else { C11 })
}

/// `n u^(n-1)` and `n (n-1) u^(n-2)`; parsing keeps `|n|` below `2^31 - 2`.
fn power_derivatives(u: Interval, n: i32) -> (Interval, Interval) {
    let factor = |n: i32| Interval::exact(f64::from(n));
    (factor(n) * u.power(n - 1), factor(n) * factor(n - 1) * u.power(n - 2))
}

impl Binary {
    /// Encloses the values, with what is guaranteed of the operation for all operands in `u` and `v`.
    fn value(self, u: Interval, v: Interval) -> (Interval, Decoration) {
        match self {
            Self::Add => (u + v, C11),
            Self::Sub => (u - v, C11),
            Self::Mul => (u * v, C11),
            Self::Div => (u / v, if v.contains(0.0) { Decoration::partial(v == ZERO) } else { C11 }),
            Self::Pow => {
                let decoration = if u.lower() > 0.0 {
                    C11
                } else if u.lower() == 0.0 && v.lower() > 0.0 {
                    Defined
                } else {
                    Decoration::partial(u.upper() < 0.0 || u.upper() == 0.0 && v.upper() <= 0.0)
                };
                ((v * u.ln()).exp(), decoration)
            }
            Self::Min => (u.min(v), Continuous),
            Self::Max => (u.max(v), Continuous),
        }
    }

    /// Encloses the partial derivatives for operands in `u` and `v` and values in `y`, where they exist.
    fn partials(self, u: Interval, v: Interval, y: Interval) -> Partials {
        let unknown = Interval::ENTIRE;
        match self {
            Self::Add => Partials { u: ONE, v: ONE, ..Partials::NONE },
            Self::Sub => Partials { u: ONE, v: -ONE, ..Partials::NONE },
            Self::Mul => Partials { u: v, v: u, uv: ONE, ..Partials::NONE },
            Self::Div => {
                let (inverse, square) = (ONE / v, ONE / v.power(2));
                Partials { u: inverse, v: -(y * inverse), uv: -square, vv: (y + y) * square, uu: ZERO }
            }
            Self::Pow => {
                let (ln, ratio) = (u.ln(), y / u);
                Partials {
                    u: v * ratio,
                    v: y * ln,
                    uu: v * (v - ONE) * (ratio / u),
                    uv: ratio * (ONE + v * ln),
                    vv: y * ln.power(2),
                }
            }
            // They have kinks and rules of their own.
            Self::Min | Self::Max => Partials { u: unknown, v: unknown, uu: unknown, uv: unknown, vv: unknown },
        }
    }
}

impl Comparison {
    /// Whether `a ? b` holds for all pairs, or for none.
    fn decided(self, a: Interval, b: Interval) -> Option<bool> {
        let (certain, impossible) = match self {
            Self::Less => (a.upper() < b.lower(), a.lower() >= b.upper()),
            Self::AtMost => (a.upper() <= b.lower(), a.lower() > b.upper()),
            Self::Greater => (a.lower() > b.upper(), a.upper() <= b.lower()),
            Self::AtLeast => (a.lower() >= b.upper(), a.upper() < b.lower()),
        };
        (certain || impossible).then_some(certain)
    }
}
