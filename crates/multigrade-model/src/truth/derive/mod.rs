//! Derivations, checked: the rules by which a compiled network is seen to compute a formula.
//!
//! The network is read as affine forms over atoms (`form.rs`). Each step of the [`Derivation`] is a lemma about some of
//! them, whose premises are compared with the forms that were read: what differs, by rounding or otherwise, goes into
//! the error. The steps say which part of the formula they compute; parts that are affine in others follow by
//! themselves (`linear.rs`). In the end the output is compared with the formula, and the errors of the parts are carried
//! through the formula on each box (`sweep.rs`).
//!
//! All of this is done for each meaning of the network: in a floating-point format every neuron has an error of its own.

mod curve;
mod form;
mod linear;
mod same;
mod sweep;

use std::collections::HashMap;

use super::derivation::{Derivation, Part, Role, Rule, Source, Step};
use super::domain::Domain;
use super::enclosure::Decoration;
use super::expression::{Binary, Expression, Function, Op};
use super::interval::{Interval, power_of_two};
use super::program::{Format, Program, up_product, up_sum};
use super::region::{Bounds, RegionError, fit};
use curve::{Bend, BendKind, Curve, Errors, Mix};
use form::{Form, Open, Reading, Unit, around};
use linear::{Linear, Quantity};
pub use same::are_same;
use sweep::{Graph, Node, Operation};

/// Most quantities inside each other that a curve is made of.
const MAX_NESTING: usize = 64;
/// Most tents of a square: `4^-500` is far above the smallest numbers.
const MAX_TENTS: usize = 500;
/// A smaller share of a form is what is left over from cancelled terms, and no summand.
const LITTLE: f64 = power_of_two(-40);
/// Most operations, about, on pieces of all curves.
const MAX_WORK: usize = 1 << 30;

/// A network, a formula and a box for which a derivation holds; what it proves depends on the part of the box.
#[derive(Clone, Debug)]
pub struct Derived {
    names: Vec<String>,
    sides: Vec<Interval>,
    /// For real arithmetic and for each of [`Format::ALL`]; none where nothing is known.
    graphs: [Option<Graph>; 3],
}

/// A derivation that does not hold.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum DerivationError {
    /// Function, box and network do not fit.
    #[error(transparent)]
    Misfit(#[from] RegionError),
    /// A ReLU without a role.
    #[error("neuron {neuron} takes both signs ({range:?}) and has no role")]
    Open {
        /// Its number.
        neuron: usize,
        /// What is known of its argument.
        range: Interval,
    },
    /// The steps refer to a formula of which it is not seen that it is the same function.
    #[error("the formula of the derivation, {formula}, is not seen to be the same function")]
    Formula {
        /// Its text.
        formula: String,
    },
    /// A neuron may overflow in a floating-point format.
    #[error("a neuron may overflow")]
    Overflow,
    /// More ReLUs with roles, or more pieces of curves, than are looked at.
    #[error("the derivation is too large")]
    Large,
    /// Something that a step or a role speaks of is not there.
    #[error("step {step}: {what}")]
    Step {
        /// Number of the step, from 0; the number of steps stands for the end.
        step: usize,
        /// What is wrong.
        what: String,
    },
}

/// A square that was concluded.
struct Square {
    /// Places of the forms of the square and of what it is the square of.
    value: usize,
    argument: usize,
    /// What it may be larger by.
    off: Interval,
}

/// A derivation, as far as it was read, for one meaning of the network.
struct Reader<'a> {
    expression: &'a Expression,
    starts: Vec<usize>,
    /// The first subformula that is the same, symbol for symbol.
    first: Vec<usize>,
    sides: &'a [Interval],
    reading: Reading<'a>,
    squares: Vec<Square>,
    nodes: Vec<Node>,
    /// Places of the forms of the nodes.
    values: Vec<usize>,
    parts: HashMap<Part, usize>,
    /// By their nodes: the forms of reciprocals times what they are reciprocals of, and what these products are off by.
    defects: HashMap<usize, (usize, Interval)>,
    /// How much may still be done.
    work: usize,
}

impl Derived {
    /// Reads the network and checks every step.
    ///
    /// # Errors
    /// [`DerivationError`] where a step does not hold in real arithmetic. A format in which it does not has no bounds.
    pub fn new(
        program: &Program,
        expression: &Expression,
        domain: &Domain,
        derivation: &Derivation,
    ) -> Result<Self, DerivationError> {
        let (sides, expression) = fit(program, expression, domain)?;
        let expression = match &derivation.formula {
            Some(formula) => rewritten(&expression, formula, &sides)
                .ok_or_else(|| DerivationError::Formula { formula: formula.clone() })?,
            None => expression,
        };
        let (formula, whole) = (&expression, &sides);
        let read = move |format| Reader::new(program, formula, whole, format)?.run(derivation, program.n_neurons());
        // Side by side: each takes as long as the others.
        let (exact, [f64, f32]) = std::thread::scope(|scope| {
            let formats = Format::ALL.map(|format| {
                let is_followed = program.followed[format as usize];
                is_followed.then(|| scope.spawn(move || read(Some(format)).ok()))
            });
            (read(None), formats.map(|thread| thread.and_then(|thread| thread.join().ok().flatten())))
        });
        let exact = exact?;
        Ok(Self { names: program.names.clone(), sides, graphs: [Some(exact), f64, f32] })
    }

    /// The sides of the whole box, in the order of the inputs of the network.
    pub fn sides(&self) -> &[Interval] {
        &self.sides
    }

    /// The names of the inputs.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// Encloses `f - network` on a part of the box; nothing is known outside.
    ///
    /// # Panics
    /// If there is not one side for each input.
    pub fn bound(&self, sides: &[Interval]) -> Bounds {
        assert_eq!(sides.len(), self.sides.len(), "one side for each input");
        let is_part = self.sides.iter().zip(sides).all(|(whole, part)| whole.encloses(*part));
        let [exact, f64, f32] = self.graphs.each_ref().map(|graph| match graph {
            Some(graph) if is_part => graph.bound(sides),
            _ => Interval::ENTIRE,
        });
        Bounds { exact, f64, f32 }
    }
}

/// The formula with this text, if it is the same function.
fn rewritten(expression: &Expression, formula: &str, sides: &[Interval]) -> Option<Expression> {
    let other = Expression::parse(formula).ok()?.with_variables(expression.variables()).ok()?;
    are_same(expression, &other, sides).then_some(other)
}

/// For each subformula the first one that is the same.
fn first_of_each(expression: &Expression) -> Vec<usize> {
    let (mut first, mut stack): (Vec<usize>, Vec<usize>) = (Vec::new(), Vec::new());
    let mut known = HashMap::new();
    for (i, op) in expression.symbols().iter().enumerate() {
        let operands = stack.split_off(stack.len() - op.arity());
        let name = match op {
            Op::Number(n) => expression.digits(*n).to_owned(),
            op => format!("{op:?}"),
        };
        first.push(*known.entry((name, operands)).or_insert(i));
        stack.push(first[i]);
    }
    first
}

impl<'a> Reader<'a> {
    fn new(
        program: &'a Program,
        expression: &'a Expression,
        sides: &'a [Interval],
        format: Option<Format>,
    ) -> Result<Self, DerivationError> {
        Ok(Self {
            expression,
            starts: expression.starts(),
            first: first_of_each(expression),
            sides,
            reading: Reading::new(program, sides, format)?,
            squares: Vec::new(),
            nodes: Vec::new(),
            values: Vec::new(),
            parts: HashMap::new(),
            defects: HashMap::new(),
            work: MAX_WORK,
        })
    }

    fn run(mut self, derivation: &Derivation, neurons: usize) -> Result<Graph, DerivationError> {
        let roles: HashMap<usize, Role> = derivation.roles.iter().copied().collect();
        let mut steps = derivation.steps.iter().enumerate().peekable();
        for j in 0..=neurons {
            while let Some((step, Step { rule, .. })) = steps.next_if(|(_, step)| step.before <= j) {
                self.conclude(rule).map_err(|what| DerivationError::Step { step, what })?;
            }
            if j < neurons {
                let role = roles.get(&j).copied();
                self.reading.read(j, role)?;
                if let Some(bounds) = self.path(j) {
                    self.reading.narrow(j, bounds);
                }
            }
        }
        let fail = |what| DerivationError::Step { step: derivation.steps.len(), what };
        if steps.next().is_some() {
            return Err(fail(format!("a step comes after the last of {neurons} neurons")));
        }
        let root = self.value(self.starts.len() - 1).map_err(fail)?;
        let atoms = &self.reading.atoms;
        let rest = atoms.range(&atoms.combine(0.0, &[(1.0, self.reading.output()), (-1.0, &self.form(&root))]));
        Ok(Graph { nodes: self.nodes, root, rest })
    }

    /// Bounds for the argument of a tent or fold, if it is a sum of hinges whose arguments are multiples of each other, or
    /// of squares upon squares of one quantity: a function far smaller than its summands.
    fn path(&mut self, neuron: usize) -> Option<Interval> {
        let (reading, atoms) = (&self.reading, &self.reading.atoms);
        let it = reading.open(neuron)?;
        let goal = match it.role {
            Role::Tent => Interval::raw(0.0, 1.0),
            Role::Fold => Interval::raw(-1.0, 1.0),
            Role::Hinge => return None,
        };
        if goal.encloses(it.bounds) {
            return None;
        }
        // The argument of the first hinge in the sum; for squares, what those are squares of in the end.
        let mut place = self.argument_in(reading.form(it.argument))?;
        for _ in 0..MAX_NESTING {
            place = self.argument_in(reading.form(place)).unwrap_or(place);
        }
        let v = reading.form(place);
        let range = atoms.range(v);
        let argument = it.argument;
        let mut bends = Bends { reader: self, v, known: HashMap::new(), bends: Vec::new() };
        let sum = bends.mix(argument, 0).ok()?;
        let curve = Curve { bends: bends.bends, sum };
        curve.range(range, goal, &mut self.work)
    }

    /// The argument of the first hinge or square in a form.
    fn argument_in(&self, form: &Form) -> Option<usize> {
        let atoms = &self.reading.atoms;
        let little = up_product(atoms.size(form), LITTLE);
        let summands = (0..form.terms.len()).filter(|a| atoms.share(form, *a) > little);
        let mut arguments = summands.filter_map(|a| match self.reading.unit(a)? {
            Unit::Neuron(j) => self.reading.open(j).filter(|open| open.role == Role::Hinge).map(|open| open.argument),
            Unit::Square(k) => self.squares.get(k).map(|square| square.argument),
            Unit::Former => None,
        });
        arguments.next()
    }

    fn conclude(&mut self, rule: &Rule) -> Result<(), String> {
        match rule {
            Rule::Square { fold, tents } => self.square(*fold, tents),
            Rule::Product { node, squares, centers, radii } => self.product(*node, *squares, *centers, *radii),
            Rule::Defect { of, squares, centers, radii } => self.defect(*of, *squares, *centers, *radii),
            Rule::Newton { of, squares, centers, radii } => self.newton(*of, *squares, *centers, *radii),
            Rule::Curve { part, of, constant, terms, cuts, error } => {
                self.curve(*part, *of, *constant, terms, cuts, *error)
            }
            Rule::Extremum { node, hinge } => self.extremum(*node, *hinge),
            Rule::Clamp { hinges } => self.clamp(*hinges),
            Rule::Anew => {
                // Nodes to come speak of each other only. What was read stays, but former values may give way to new ones.
                self.values.iter().for_each(|value| self.reading.release(*value));
                self.parts.clear();
                self.defects.clear();
                self.nodes.clear();
                self.values.clear();
                Ok(())
            }
        }
    }

    /// The ReLU with this number.
    fn open(&self, neuron: usize) -> Result<Open, String> {
        self.reading.open(neuron).copied().ok_or_else(|| format!("neuron {neuron} has no role so far"))
    }

    /// The ReLU with this number and this role: places of its quantity and of its argument.
    fn open_as(&self, neuron: usize, role: Role) -> Result<(usize, usize), String> {
        let open = self.open(neuron)?;
        let is_it = open.role == role;
        is_it.then_some((open.quantity, open.argument)).ok_or_else(|| format!("neuron {neuron} is no {role:?}"))
    }

    /// Let `q(a) = a - Σ_(j=1..m) 4^-j T^j(a)`; it is the interpolant of `a²` on `2^m` equal pieces of [0, 1], so
    /// `0 <= q(a) - a² <= 4^-(m+1)`. Here the tents have arguments `a_1`, which is off `a` by at most `e_1`, and
    /// `a_(j+1)`, off the tent before by at most `e_(j+1)`. `T` changes by at most twice what its argument changes by, so
    /// tent `j` is off `T^j(a)` by at most `Σ_(i<=j) 2^(j-i+1) e_i`, and the sum by at most `Σ_i 4^(1-i) e_i`. If `a` is
    /// outside [0, 1] by `r`, then the nearest number inside takes its place: `e_1` grows by `r`, `q` is off by `r`
    /// more, and `a²` by `2 r + r²`.
    fn square(&mut self, fold: Option<usize>, tents: &[usize]) -> Result<(), String> {
        let first = fold.or(tents.first().copied());
        let fold = fold.map(|neuron| self.open_as(neuron, Role::Fold)).transpose()?;
        let tents = tents.iter().map(|neuron| self.open_as(*neuron, Role::Tent)).collect::<Result<Vec<_>, _>>()?;
        if tents.len() > MAX_TENTS {
            return Err(format!("a square of more than {MAX_TENTS} tents"));
        }
        let (head, argument) = match (fold, tents.first()) {
            (Some((value, argument)), _) => (value, argument),
            (None, Some((_, argument))) => (*argument, *argument),
            (None, None) => return Err("a square needs a fold or a tent".into()),
        };
        let (reading, atoms) = (&self.reading, &self.reading.atoms);
        let known = |open: Option<Open>, range: Interval| {
            open.and_then(|open| range.intersection(open.bounds)).unwrap_or(range)
        };
        let first = first.map(|neuron| self.open(neuron)).transpose()?;
        let range = atoms.range(reading.form(head));
        let range = if fold.is_none() { known(first, range) } else { range };
        let outside = (-range.lower()).max((range - Interval::ONE).upper()).max(0.0);
        let mut off = up_sum(up_product(4.0, outside), up_product(outside, outside));
        let (mut before, mut scale) = (head, 1.0);
        for (value, argument) in &tents {
            if *argument != before {
                let distance = atoms.distance(reading.form(*argument), reading.form(before));
                off = up_sum(off, up_product(scale, distance));
            }
            (before, scale) = (*value, scale / 4.0);
        }
        let off = Interval::raw(0.0, scale / 4.0) + around(off);
        // Powers of 4 are exact.
        let mut scale = 1.0;
        let mut parts = vec![(1.0, reading.form(head))];
        for (value, _) in &tents {
            scale /= 4.0;
            parts.push((-scale, reading.form(*value)));
        }
        let definition = atoms.combine(0.0, &parts);
        let of = known(first, atoms.range(reading.form(argument)));
        // A tower that an earlier square has the first tents of has no own one to give away.
        let own = self.reading.own_atom(tents.first().map_or(head, |(value, _)| *value));
        let is_own = |a: &usize| matches!(self.reading.unit(*a), Some(Unit::Neuron(_)));
        let pivot = own.filter(is_own).or_else(|| self.largest_unit(&definition));
        let unit = Some(Unit::Square(self.squares.len()));
        let value = match pivot.filter(|pivot| definition.coefficient(*pivot) != 0.0) {
            Some(pivot) => Form::atom(self.reading.replace(&definition, pivot, of.power(2) + off, unit)),
            None => definition,
        };
        let value = self.reading.keep(value);
        self.squares.push(Square { value, argument, off });
        Ok(())
    }

    /// The atom with the largest share of the form, among those that a conclusion may use up. Tents are kept, for a tower may
    /// go on from them, and folds as long as there is something else.
    fn largest_unit(&self, form: &Form) -> Option<usize> {
        let atoms = &self.reading.atoms;
        let little = up_product(atoms.size(form), LITTLE);
        let largest = |takes: fn(Option<Role>) -> bool| {
            let may_go = |a: &usize| match self.reading.unit(*a) {
                Some(Unit::Neuron(j)) => takes(self.reading.open(j).map(|open| open.role)),
                Some(Unit::Square(_) | Unit::Former) => takes(None),
                None => false,
            };
            let units = (0..form.terms.len()).filter(|a| form.terms[*a] != 0.0).filter(may_go);
            let units = units.filter(|a| atoms.share(form, *a) >= little);
            units.max_by(|a, b| atoms.share(form, *a).total_cmp(&atoms.share(form, *b)))
        };
        largest(|role| matches!(role, None | Some(Role::Hinge))).or_else(|| largest(|role| role == Some(Role::Fold)))
    }

    /// Subformula `i` as an affine function of inputs and nodes.
    fn value(&self, i: usize) -> Result<Linear, String> {
        let mut stack: Vec<Result<Linear, String>> = Vec::new();
        for k in *self.starts.get(i).ok_or_else(|| format!("the formula has no subformula {i}"))?..=i {
            let op = self.expression.symbols()[k];
            let operands = stack.split_off(stack.len() - op.arity());
            let node = self.parts.get(&Part::Value(self.first[k]));
            stack.push(match node {
                Some(node) => Ok(Linear::quantity(Quantity::Node(*node))),
                None => {
                    operands.into_iter().collect::<Result<Vec<_>, _>>().and_then(|operands| self.affine(k, &operands))
                }
            });
        }
        stack.pop().unwrap_or_else(|| Err("an empty formula".into()))
    }

    /// What an operation makes of affine functions, if that is affine again.
    fn affine(&self, k: usize, operands: &[Linear]) -> Result<Linear, String> {
        let minus = -Interval::ONE;
        let constant = |i: usize| operands[i].as_constant();
        Ok(match self.expression.symbols()[k] {
            Op::Number(n) => Linear::constant(self.expression.number(n)),
            Op::Pi => Linear::constant(Interval::PI),
            Op::E => Linear::constant(Interval::E),
            Op::Variable(i) => Linear::quantity(Quantity::Input(i as usize)),
            Op::Apply(Function::Neg) => operands[0].times(minus),
            Op::Combine(Binary::Add) => operands[0].clone().plus(Interval::ONE, &operands[1]),
            Op::Combine(Binary::Sub) => operands[0].clone().plus(minus, &operands[1]),
            Op::Combine(Binary::Mul) if constant(0).is_some() => operands[1].times(operands[0].constant),
            Op::Combine(Binary::Mul) if constant(1).is_some() => operands[0].times(operands[1].constant),
            Op::Combine(Binary::Div) if constant(1).is_some_and(|c| !c.contains(0.0)) => {
                operands[0].times(Interval::ONE / operands[1].constant)
            }
            _ if operands.iter().all(|operand| operand.as_constant().is_some()) => {
                let range = self.expression.subformula(k).range(self.sides);
                if range.decoration() < Decoration::Defined {
                    return Err(format!("the constant subformula {k} is undefined"));
                }
                Linear::constant(range.interval())
            }
            // The divisor is the subformula before.
            Op::Combine(Binary::Div) if constant(0).is_some() => {
                Linear::quantity(Quantity::Node(self.reciprocal(k - 1)?)).times(operands[0].constant)
            }
            op => return Err(format!("no step says what subformula {k} ({op:?}) is, and it is not affine")),
        })
    }

    /// The form of an affine function: its coefficients are the middles, and what they may be off by is its error.
    fn form(&self, linear: &Linear) -> Form {
        let atoms = &self.reading.atoms;
        let forms: Vec<(Interval, Form)> = linear
            .terms
            .iter()
            .map(|(quantity, coefficient)| match *quantity {
                Quantity::Input(i) => (*coefficient, Form::atom(i)),
                Quantity::Node(k) => (*coefficient, self.reading.form(self.values[k]).clone()),
            })
            .collect();
        let summands: Vec<(f64, &Form)> = forms.iter().map(|(c, form)| (c.midpoint(), form)).collect();
        let mut sum = atoms.combine(linear.constant.midpoint(), &summands);
        sum.error = up_sum(sum.error, linear.constant.width());
        for (coefficient, form) in &forms {
            sum.error = up_sum(sum.error, up_product(coefficient.width(), atoms.size(form)));
        }
        sum
    }

    /// A part of the formula is `definition` as the network computes it; a unit of it gives way to the new node.
    fn define(&mut self, part: Part, operation: Operation, error: Interval, definition: Form) -> Result<(), String> {
        let node = Node::new(operation, error, self.sides, &self.ranges());
        let seen = self.reading.atoms.range(&definition);
        // The range is that of exact and computed values; atoms are computed ones.
        let range = node.range.intersection(seen).unwrap_or(node.range);
        if !error.is_bounded() || !node.range.is_bounded() {
            return Err("nothing finite is known of its values".into());
        }
        let value = match self.largest_unit(&definition) {
            Some(pivot) => Form::atom(self.reading.replace(&definition, pivot, range, None)),
            None => definition,
        };
        if self.parts.insert(self.named(part), self.nodes.len()).is_some() {
            return Err(format!("{part:?} was concluded before"));
        }
        self.values.push(self.reading.keep(value));
        self.nodes.push(node);
        Ok(())
    }

    /// The ranges of the nodes so far.
    fn ranges(&self) -> Vec<Interval> {
        self.nodes.iter().map(|node| node.range).collect()
    }

    /// The same for all subformulas that are the same.
    fn named(&self, part: Part) -> Part {
        let first = |i: usize| self.first.get(i).copied().unwrap_or(i);
        match part {
            Part::Value(i) => Part::Value(first(i)),
            Part::Reciprocal(i) => Part::Reciprocal(first(i)),
        }
    }

    /// The operator of subformula `i`, and its two operands.
    fn operands(&self, i: usize) -> Result<(Binary, usize, usize), String> {
        match self.expression.symbols().get(i) {
            Some(Op::Combine(binary)) => Ok((*binary, self.starts[i - 1] - 1, i - 1)),
            _ => Err(format!("subformula {i} has no operator with two operands")),
        }
    }

    /// The node that the reciprocal of a subformula is.
    fn reciprocal(&self, of: usize) -> Result<usize, String> {
        let node = self.parts.get(&self.named(Part::Reciprocal(of))).copied();
        node.ok_or_else(|| format!("no step says what 1/(subformula {of}) is"))
    }

    fn product(&mut self, node: usize, squares: [usize; 2], c: [f64; 2], r: [f64; 2]) -> Result<(), String> {
        let (binary, left, right) = self.operands(node)?;
        let u = self.value(left)?;
        let v = match binary {
            Binary::Mul => self.value(right)?,
            Binary::Div => Linear::quantity(Quantity::Node(self.reciprocal(right)?)),
            _ => return Err(format!("subformula {node} is no product")),
        };
        let (definition, error) = self.multiplied([self.form(&u), self.form(&v)], squares, c, r)?;
        self.define(Part::Value(node), Operation::Product(u, v), error, definition)
    }

    /// What two squares compute of the product of two forms, and what that is off by. With `p = (u - c_u) / r_u` and
    /// `q = (v - c_v) / r_v`, `p q = ((p + q) / 2)² - ((p - q) / 2)²`. If the argument of a square is off such a half by
    /// `e`, then its square is by `e (2 |a| + e)`.
    fn multiplied(
        &self,
        forms: [Form; 2],
        squares: [usize; 2],
        c: [f64; 2],
        r: [f64; 2],
    ) -> Result<(Form, Interval), String> {
        if !r.iter().chain(&c).all(|x| x.is_finite()) || !r.iter().all(|r| *r > 0.0) {
            return Err("centers and radii: expected finite numbers, and radii above 0".into());
        }
        let atoms = &self.reading.atoms;
        let half = |i: usize| Interval::exact(0.5) / Interval::exact(r[i]);
        let (cu, cv, ru, rv) =
            (Interval::exact(c[0]), Interval::exact(c[1]), Interval::exact(r[0]), Interval::exact(r[1]));
        let mut values = Vec::new();
        let mut off = Interval::ZERO;
        let area = ru * rv;
        for (number, sign) in squares.into_iter().zip([1.0, -1.0]) {
            let square = self.squares.get(number).ok_or_else(|| format!("there is no square {number} so far"))?;
            let by = Interval::exact(sign);
            let shift = -(half(0) * cu + by * half(1) * cv);
            let mut half_sum = atoms
                .combine(shift.midpoint(), &[(half(0).midpoint(), &forms[0]), (sign * half(1).midpoint(), &forms[1])]);
            let moved = [0, 1].map(|i| up_product(half(i).width(), atoms.size(&forms[i])));
            half_sum.error = up_sum(half_sum.error, up_sum(shift.width(), up_sum(moved[0], moved[1])));
            let argument = self.reading.form(square.argument);
            let opposite = atoms.combine(0.0, &[(-1.0, &half_sum)]);
            let e = atoms.distance(argument, &half_sum).min(atoms.distance(argument, &opposite));
            let size = atoms.range(argument).magnitude();
            let own = square.off + around(up_product(e, up_sum(up_product(2.0, size), e)));
            off = off + by * own;
            values.push(self.reading.form(square.value).clone());
        }
        let shift = -(cu * cv);
        let scale = area.midpoint();
        let parts = [(scale, &values[0]), (-scale, &values[1]), (c[1], &forms[0]), (c[0], &forms[1])];
        let definition = atoms.combine(shift.midpoint(), &parts);
        // The definition has `scale` for the area and a rounded constant.
        let sizes = up_sum(atoms.size(&values[0]), atoms.size(&values[1]));
        let rounded = up_sum(up_product(area.width(), sizes), shift.width());
        Ok((definition, area * off + around(rounded)))
    }

    /// The node that stands for the reciprocal of a subformula, its operand and its errors on pieces of that. It has to be a
    /// function of the subformula itself: pieces of another operand say nothing of what it is multiplied with.
    fn inverse(&mut self, of: usize) -> Result<(usize, Linear, Errors), String> {
        let node = self.reciprocal(of)?;
        match &self.nodes[node].operation {
            Operation::Curve { function, operand, errors }
                if matches!(function.symbols(), [Op::Variable(0), Op::Power(-1)]) =>
            {
                self.work = self.work.checked_sub(errors.len()).ok_or("more pieces of curves than are looked at")?;
                Ok((node, operand.clone(), errors.clone()))
            }
            _ => Err(format!("1/(subformula {of}) is no curve over subformula {of} itself")),
        }
    }

    /// Let `r = 1/v + e`. The product `v r = 1 + v e`, computed up to an error of its own, becomes an atom whose range says so.
    fn defect(&mut self, of: usize, squares: [usize; 2], c: [f64; 2], r: [f64; 2]) -> Result<(), String> {
        let (node, operand, errors) = self.inverse(of)?;
        let close = errors.iter().map(|(v, e)| Interval::ONE + *v * *e).reduce(Interval::hull);
        let forms = [self.form(&operand), self.reading.form(self.values[node]).clone()];
        let (definition, off) = self.multiplied(forms, squares, c, r)?;
        let range = close.unwrap_or(Interval::ENTIRE) + off;
        let pivot = self.largest_unit(&definition).ok_or("its squares are used up")?;
        let value = Form::atom(self.reading.replace(&definition, pivot, range, None));
        let value = self.reading.keep(value);
        self.defects.insert(node, (value, off));
        Ok(())
    }

    /// Let `r = 1/v + e`, the defect be `p = v r + a`, and what is computed of `r (1 - p)` be off by `b`. Then the sum is
    /// `r (2 - v r) - r a + b`, where `r (2 - v r) = (1/v + e) (1 - v e) = 1/v - v e²`.
    fn newton(&mut self, of: usize, squares: [usize; 2], c: [f64; 2], r: [f64; 2]) -> Result<(), String> {
        let (node, operand, errors) = self.inverse(of)?;
        let (p, a) = self.defects.get(&node).copied().ok_or("no step says what its defect is")?;
        let (atoms, value) = (&self.reading.atoms, self.reading.form(self.values[node]));
        let rest = atoms.combine(1.0, &[(-1.0, self.reading.form(p))]);
        let (product, b) = self.multiplied([value.clone(), rest], squares, c, r)?;
        let definition = atoms.combine(0.0, &[(1.0, value), (1.0, &product)]);
        let better = |(v, e): &(Interval, Interval)| {
            let value = Interval::ONE / *v + *e;
            (*v, b - value * a - *v * e.power(2))
        };
        let errors: Errors = errors.iter().map(better).collect();
        let all = curve::hull(&errors);
        let Operation::Curve { function, .. } = &self.nodes[node].operation else { return Err("no curve".into()) };
        let operation = Operation::Curve { function: function.clone(), operand, errors };
        let part = self.named(Part::Reciprocal(of));
        self.parts.remove(&part);
        self.define(part, operation, all, definition)
    }

    fn extremum(&mut self, node: usize, hinge: usize) -> Result<(), String> {
        let (binary, left, right) = self.operands(node)?;
        let (is_maximum, sign) = match binary {
            Binary::Max => (true, 1.0),
            Binary::Min => (false, -1.0),
            _ => return Err(format!("subformula {node} is no maximum or minimum")),
        };
        let operands = [self.value(left)?, self.value(right)?];
        let [u, v] = operands.each_ref().map(|linear| self.form(linear));
        let (value, argument) = self.open_as(hinge, Role::Hinge)?;
        let atoms = &self.reading.atoms;
        let difference = atoms.combine(0.0, &[(sign, &v), (-sign, &u)]);
        let error = atoms.distance(self.reading.form(argument), &difference);
        let definition = atoms.combine(0.0, &[(1.0, &u), (sign, self.reading.form(value))]);
        self.define(Part::Value(node), Operation::Extremum { is_maximum, operands }, around(error), definition)
    }

    /// Let `u` and `v` be the arguments of the hinges and `u + v = -2 t`, whatever the sign of `t`. Then
    /// `u + t - max(u, 0) + max(v, 0)` is `u + t` where both are at most 0, `t` where only `u` is above, `-t` where only `v` is,
    /// and `-u - t` where both are: it lies in `[-|t|, |t|]`. It changes by at most what `v` changes by.
    fn clamp(&mut self, hinges: [usize; 2]) -> Result<(), String> {
        if hinges[0] == hinges[1] {
            return Err(format!("neuron {} twice", hinges[0]));
        }
        let [(h, u), (opposite, v)] = [self.open_as(hinges[0], Role::Hinge)?, self.open_as(hinges[1], Role::Hinge)?];
        let (reading, atoms) = (&self.reading, &self.reading.atoms);
        let sum = atoms.combine(0.0, &[(1.0, reading.form(u)), (1.0, reading.form(v))]);
        let t = -0.5 * sum.constant;
        // Half of a number may be rounded.
        let off = atoms.size(&Form { constant: sum.constant + 2.0 * t, ..sum });
        let (h, opposite) = (reading.form(h), reading.form(opposite));
        let definition = atoms.combine(t, &[(1.0, reading.form(u)), (-1.0, h), (1.0, opposite)]);
        let range = around(up_sum(t.abs(), off));
        if !range.is_bounded() {
            return Err("nothing finite is known of the sum of the arguments".into());
        }
        let pivot = self.largest_unit(h).ok_or("the first hinge is used up")?;
        if definition.coefficient(pivot) == 0.0 {
            return Err("the first hinge cancels".into());
        }
        self.reading.replace(&definition, pivot, range, None);
        Ok(())
    }

    fn curve(
        &mut self,
        part: Part,
        of: usize,
        constant: f64,
        terms: &[(Source, f64)],
        cuts: &[f64],
        error: [f64; 2],
    ) -> Result<(), String> {
        if self.parts.contains_key(&self.named(part)) {
            return Err(format!("{part:?} was concluded before"));
        }
        let claimed = Interval::new(error[0], error[1]).filter(|e| e.is_bounded());
        let claimed = claimed.ok_or("the claimed error is no bounded interval")?;
        let (Part::Value(what) | Part::Reciprocal(what)) = part;
        let function = self.expression.as_function_of(what, of);
        let function = function.ok_or_else(|| format!("subformula {what} is no function of subformula {of}"))?;
        let function = match part {
            Part::Value(_) => function,
            Part::Reciprocal(_) => function.reciprocal(),
        };
        let operand = self.value(of)?;
        let v = self.form(&operand);
        let mut bends = Bends { reader: self, v: &v, known: HashMap::new(), bends: Vec::new() };
        let mut sum = Mix { shift: constant, ..Mix::default() };
        if !constant.is_finite() || terms.iter().any(|(_, coefficient)| !coefficient.is_finite()) {
            return Err("a coefficient is no finite number".into());
        }
        for (source, coefficient) in terms {
            match *source {
                // Sums of coefficients would have to be rounded.
                Source::Argument if sum.scale != 0.0 => return Err("the argument stands twice in the sum".into()),
                Source::Argument => sum.scale = *coefficient,
                Source::Neuron(j) => sum.bends.push((bends.bend(Unit::Neuron(j), 0)?, *coefficient)),
                Source::Square(k) => sum.bends.push((bends.bend(Unit::Square(k), 0)?, *coefficient)),
            }
        }
        let curve = Curve { bends: bends.bends, sum };
        let forms: Vec<Form> = terms
            .iter()
            .map(|(source, _)| match *source {
                Source::Argument => Ok(v.clone()),
                Source::Square(k) => Ok(self.reading.form(self.squares[k].value).clone()),
                Source::Neuron(j) => Ok(self.reading.form(self.open(j)?.quantity).clone()),
            })
            .collect::<Result<_, String>>()?;
        let summands: Vec<(f64, &Form)> = terms.iter().zip(&forms).map(|((_, c), form)| (*c, form)).collect();
        let definition = self.reading.atoms.combine(constant, &summands);
        let range = operand.range(self.sides, &self.ranges());
        let errors = curve.errors(&function, range, cuts, claimed, &mut self.work);
        let errors = errors.ok_or_else(|| {
            format!("{function} minus its curve is not within [{:?}, {:?}] on {range:?}", error[0], error[1])
        })?;
        let all = curve::hull(&errors);
        self.define(part, Operation::Curve { function, operand, errors }, all, definition)
    }
}

/// The quantities that a curve is made of, each after those it depends on.
struct Bends<'r, 'a> {
    reader: &'r Reader<'a>,
    /// The quantity whose function the curve is.
    v: &'r Form,
    known: HashMap<Unit, usize>,
    bends: Vec<Bend>,
}

impl Bends<'_, '_> {
    fn bend(&mut self, unit: Unit, depth: usize) -> Result<usize, String> {
        let reader = self.reader;
        let (argument, kind) = match unit {
            Unit::Former => return Err("a value of an earlier grade is no part of a curve".into()),
            Unit::Square(k) => {
                let square = reader.squares.get(k).ok_or_else(|| format!("there is no square {k} so far"))?;
                (square.argument, BendKind::Square(square.off))
            }
            Unit::Neuron(j) => {
                let open = reader.open(j)?;
                let kind = match open.role {
                    Role::Tent => BendKind::Tent,
                    Role::Fold => BendKind::Fold,
                    Role::Hinge => BendKind::Hinge,
                };
                (open.argument, kind)
            }
        };
        if let Some(i) = self.known.get(&unit) {
            return Ok(*i);
        }
        if depth > MAX_NESTING {
            return Err(format!("a curve of more than {MAX_NESTING} quantities inside each other"));
        }
        let argument = self.mix(argument, depth)?;
        self.bends.push(Bend { argument, kind });
        self.known.insert(unit, self.bends.len() - 1);
        Ok(self.bends.len() - 1)
    }

    /// A form as an affine function of the curve's quantity and of bends; the rest is its error.
    fn mix(&mut self, place: usize, depth: usize) -> Result<Mix, String> {
        let (reader, v) = (self.reader, self.v);
        let (reading, atoms) = (&reader.reading, &reader.reading.atoms);
        let form = reading.form(place);
        let mut rest = form.clone();
        let mut mix = Mix::default();
        let little = up_product(atoms.size(form), LITTLE);
        for a in 0..form.terms.len() {
            let unit = reading.unit(a).filter(|unit| *unit != Unit::Former);
            if let Some(unit) = unit.filter(|_| v.coefficient(a) == 0.0 && atoms.share(form, a) > little) {
                mix.bends.push((self.bend(unit, depth + 1)?, form.terms[a]));
                rest.terms[a] = 0.0;
            }
        }
        // The multiple of v that fits the input or node with the largest share in it.
        let lead = (0..v.terms.len()).max_by(|a, b| atoms.share(v, *a).total_cmp(&atoms.share(v, *b)));
        let scale = lead.map_or(0.0, |a| rest.coefficient(a) / v.terms[a]);
        if scale.is_finite() {
            mix.scale = scale;
        }
        rest = atoms.combine(0.0, &[(1.0, &rest), (-mix.scale, v)]);
        mix.shift = std::mem::take(&mut rest.constant);
        mix.error = atoms.size(&rest);
        Ok(mix)
    }
}
