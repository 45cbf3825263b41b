//! A formula as the parts that need neurons, and the affine combinations between them.

use super::super::cube::{between, exact};
use super::super::wiring::Form;
use super::Unable;
use multigrade_model::truth::{Binary, Expression, Function, Interval, Op, Part};
use std::collections::HashMap;

/// A quantity that is not an affine combination of others.
#[derive(Clone, PartialEq)]
pub(super) enum Atom {
    /// Variable `i`.
    Input(usize),
    /// A function of one quantity.
    Curve(Curve),
    /// `u v`.
    Product {
        /// The subformula.
        node: usize,
        factors: [Form; 2],
    },
    /// `max(u, v)`, or `min(u, v)`.
    Extremum { node: usize, largest: bool, operands: [Form; 2] },
}

/// A function of the value of a subformula.
#[derive(Clone, PartialEq)]
pub(super) struct Curve {
    pub(super) part: Part,
    pub(super) of: usize,
    /// The value of `of`.
    pub(super) argument: Form,
    /// The function of that value.
    pub(super) function: Expression,
}

/// Which parts of a formula that depend on one variable only become one curve.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Collapse {
    /// All of them, sums too.
    Sums,
    /// Those whose last operation is no sum.
    Terms,
    /// None: every operation by itself.
    Nothing,
}

impl Collapse {
    pub(super) const ALL: [Self; 3] = [Self::Sums, Self::Terms, Self::Nothing];
}

/// Atoms, each over earlier ones; forms are over atoms.
#[derive(Clone, PartialEq)]
pub(super) struct Graph {
    pub(super) atoms: Vec<Atom>,
    pub(super) root: Form,
}

struct Reader<'a> {
    formula: &'a Expression,
    starts: Vec<usize>,
    collapse: Collapse,
    atoms: Vec<Atom>,
    inputs: Vec<usize>,
    /// Forms of subformulas that were read already, by their symbols.
    known: HashMap<String, Form>,
}

impl Graph {
    pub(super) fn of(formula: &Expression, collapse: Collapse) -> Result<Self, Unable> {
        let atoms: Vec<Atom> = (0..formula.variables().len()).map(Atom::Input).collect();
        let inputs = (0..atoms.len()).collect();
        let starts = formula.starts();
        let mut reader = Reader { formula, starts, collapse, atoms, inputs, known: HashMap::new() };
        let root = reader.read(formula.symbols().len() - 1)?;
        Ok(Self { atoms: reader.atoms, root })
    }
}

impl Reader<'_> {
    fn op(&self, node: usize) -> Op {
        self.formula.symbols()[node]
    }

    fn operands(&self, node: usize) -> Vec<usize> {
        let mut operands = Vec::new();
        let mut end = node;
        for _ in 0..self.op(node).arity() {
            operands.push(end - 1);
            end = self.starts[end - 1];
        }
        operands.reverse();
        operands
    }

    /// The symbols of a subformula, as a key.
    fn key(&self, node: usize) -> String {
        let symbol = |op: &Op| match op {
            Op::Number(i) => format!("{:?}", self.formula.number(*i)),
            op => format!("{op:?}"),
        };
        self.formula.symbols()[self.starts[node]..=node].iter().map(symbol).collect::<Vec<_>>().join(" ")
    }

    /// The symbols that are variables in a subformula, one for each variable.
    fn variables(&self, node: usize) -> Vec<usize> {
        let mut found: Vec<(u32, usize)> = Vec::new();
        for at in self.starts[node]..=node {
            if let Op::Variable(i) = self.op(at)
                && !found.iter().any(|f| f.0 == i)
            {
                found.push((i, at));
            }
        }
        found.into_iter().map(|f| f.1).collect()
    }

    fn has_kinks(&self, node: usize) -> bool {
        (self.starts[node]..=node).any(|at| {
            matches!(
                self.op(at),
                Op::Apply(Function::Abs) | Op::Combine(Binary::Min) | Op::Combine(Binary::Max) | Op::If(_)
            )
        })
    }

    /// The value of a subformula without variables.
    fn constant(&self, node: usize) -> Result<f64, Unable> {
        let anywhere = vec![Interval::ZERO; self.inputs.len()];
        let range = Some(self.formula.subformula(node).range(&anywhere).interval()).filter(|r| r.is_bounded());
        range.map(Interval::midpoint).ok_or_else(|| self.unbounded(node))
    }

    fn text(&self, node: usize) -> String {
        self.formula.subformula(node).to_string()
    }

    fn unbounded(&self, node: usize) -> Unable {
        Unable::Unbounded { part: self.text(node) }
    }

    /// Whether a subformula is affine in its variables, by its symbols.
    fn is_affine(&self, node: usize) -> bool {
        let operands = self.operands(node);
        match self.op(node) {
            _ if self.variables(node).is_empty() => true,
            Op::Variable(_) => true,
            Op::Apply(Function::Neg) | Op::Combine(Binary::Add | Binary::Sub) | Op::Power(1) => {
                operands.iter().all(|o| self.is_affine(*o))
            }
            Op::Combine(Binary::Mul) => {
                operands.iter().any(|o| self.variables(*o).is_empty()) && operands.iter().all(|o| self.is_affine(*o))
            }
            Op::Combine(Binary::Div) => self.variables(operands[1]).is_empty() && self.is_affine(operands[0]),
            _ => false,
        }
    }

    fn read(&mut self, node: usize) -> Result<Form, Unable> {
        let key = self.key(node);
        if let Some(form) = self.known.get(&key) {
            return Ok(form.clone());
        }
        let form = self.read_new(node)?;
        self.known.insert(key, form.clone());
        Ok(form)
    }

    fn read_new(&mut self, node: usize) -> Result<Form, Unable> {
        let variables = self.variables(node);
        let (op, operands) = (self.op(node), self.operands(node));
        if variables.is_empty() {
            return Ok(Form::default().shifted(self.constant(node)?));
        }
        let is_sum = match op {
            Op::Apply(Function::Neg) | Op::Combine(Binary::Add | Binary::Sub) => true,
            Op::Combine(Binary::Mul) => operands.iter().any(|o| self.variables(*o).is_empty()),
            Op::Combine(Binary::Div) => self.variables(operands[1]).is_empty(),
            _ => false,
        };
        let collapses = match self.collapse {
            Collapse::Sums => true,
            Collapse::Terms => !is_sum,
            Collapse::Nothing => false,
        };
        let one = if let [one] = variables[..] { Some(one) } else { None };
        if let Some(one) = one
            && collapses
            && !self.is_affine(node)
            && !self.has_kinks(node)
        {
            return self.curve(node, one);
        }
        let is_constant = |o: usize| self.variables(o).is_empty();
        match op {
            Op::Variable(i) => Ok(Form::neuron(self.inputs[i as usize])),
            Op::Apply(Function::Neg) => Ok(self.read(operands[0])?.scaled(-1.0)),
            Op::Combine(Binary::Add) => Ok(self.read(operands[0])?.plus(1.0, &self.read(operands[1])?)),
            Op::Combine(Binary::Sub) => Ok(self.read(operands[0])?.plus(-1.0, &self.read(operands[1])?)),
            Op::Combine(Binary::Mul) if is_constant(operands[0]) => {
                Ok(self.read(operands[1])?.scaled(self.constant(operands[0])?))
            }
            Op::Combine(Binary::Mul) if is_constant(operands[1]) => {
                Ok(self.read(operands[0])?.scaled(self.constant(operands[1])?))
            }
            Op::Combine(Binary::Div) if is_constant(operands[1]) => {
                Ok(self.read(operands[0])?.scaled(1.0 / self.constant(operands[1])?))
            }
            Op::Combine(Binary::Mul | Binary::Div | Binary::Pow) => self.combine(node, op, &operands),
            Op::Combine(binary @ (Binary::Min | Binary::Max)) => {
                let both = [self.read(operands[0])?, self.read(operands[1])?];
                Ok(self.atom(Atom::Extremum { node, largest: binary == Binary::Max, operands: both }))
            }
            Op::Apply(_) | Op::Power(_) => {
                let of = self.behind_affine(operands[0], node);
                self.curve(node, of)
            }
            Op::If(_) => match one {
                Some(one) => self.curve(node, one),
                None => Err(Unable::Choice { part: self.text(node) }),
            },
            Op::Number(_) | Op::Pi | Op::E => unreachable!("constants are dealt with above"),
        }
    }

    /// Products, quotients and powers whose operands both vary, or powers and quotients with one that does.
    fn combine(&mut self, node: usize, op: Op, operands: &[usize]) -> Result<Form, Unable> {
        let is_inverse = op == Op::Combine(Binary::Div) && self.variables(operands[0]).is_empty();
        if is_inverse && self.collapse == Collapse::Nothing {
            let factor = self.constant(operands[0])?;
            return Ok(self.reciprocal(node, operands[1])?.scaled(factor));
        }
        for &of in operands {
            if !self.variables(of).is_empty() && self.formula.as_function_of(node, of).is_some() {
                let of = self.behind_affine(of, node);
                return self.curve(node, of);
            }
        }
        let u = match op {
            Op::Combine(Binary::Pow) => return Err(Unable::Power { part: self.text(node) }),
            _ => self.read(operands[0])?,
        };
        let v = match op {
            Op::Combine(Binary::Div) => self.reciprocal(node, operands[1])?,
            _ => self.read(operands[1])?,
        };
        Ok(self.atom(Atom::Product { node, factors: [u, v] }))
    }

    /// `1 / of`, where that is the divisor of `node`.
    fn reciprocal(&mut self, node: usize, of: usize) -> Result<Form, Unable> {
        let key = format!("1/ {}", self.key(of));
        if let Some(form) = self.known.get(&key) {
            return Ok(form.clone());
        }
        let argument = self.read(of)?;
        let function = Expression::parse("1/t").map_err(|_| self.unbounded(node))?;
        let form = self.atom(Atom::Curve(Curve { part: Part::Reciprocal(of), of, argument, function }));
        self.known.insert(key, form.clone());
        Ok(form)
    }

    /// From an operand down through signs, constant factors and constant summands, as long as `node` is a function of it.
    fn behind_affine(&self, operand: usize, node: usize) -> usize {
        let mut of = operand;
        loop {
            let operands = self.operands(of);
            let next = match self.op(of) {
                Op::Apply(Function::Neg) => operands[0],
                Op::Combine(Binary::Add | Binary::Sub | Binary::Mul) if self.variables(operands[0]).is_empty() => {
                    operands[1]
                }
                Op::Combine(Binary::Add | Binary::Sub | Binary::Mul | Binary::Div)
                    if self.variables(operands[1]).is_empty() =>
                {
                    operands[0]
                }
                _ => return of,
            };
            if self.formula.as_function_of(node, next).is_none() {
                return of;
            }
            of = next;
        }
    }

    fn curve(&mut self, node: usize, of: usize) -> Result<Form, Unable> {
        let function = self.formula.as_function_of(node, of).ok_or_else(|| self.unbounded(node))?;
        let argument = self.read(of)?;
        Ok(self.atom(Atom::Curve(Curve { part: Part::Value(node), of, argument, function })))
    }

    fn atom(&mut self, atom: Atom) -> Form {
        self.atoms.push(atom);
        Form::neuron(self.atoms.len() - 1)
    }
}

/// Encloses an affine combination.
pub(super) fn enclose(form: &Form, ranges: &[Interval]) -> Interval {
    let terms = form.terms.iter().filter(|t| t.1 != 0.0);
    terms.fold(exact(form.constant), |sum, &(atom, weight)| sum + exact(weight) * ranges[atom])
}

impl Atom {
    /// The forms it reads.
    pub(super) fn operands(&self) -> &[Form] {
        match self {
            Self::Input(_) => &[],
            Self::Curve(curve) => std::slice::from_ref(&curve.argument),
            Self::Product { factors, .. } => factors,
            Self::Extremum { operands, .. } => operands,
        }
    }

    /// Encloses its value, from enclosures of what it reads.
    pub(super) fn range(&self, sides: &[Interval], ranges: &[Interval]) -> Interval {
        match self {
            Self::Input(i) => sides[*i],
            Self::Curve(curve) => curve.function.range(&[enclose(&curve.argument, ranges)]).interval(),
            Self::Product { factors: [u, v], .. } => enclose(u, ranges) * enclose(v, ranges),
            Self::Extremum { largest, operands: [u, v], .. } => {
                let (u, v) = (enclose(u, ranges), enclose(v, ranges));
                if *largest { u.max(v) } else { u.min(v) }
            }
        }
    }

    /// Encloses its slopes in what it reads; `branch` is the operand that an extremum is taken to be.
    pub(super) fn slopes(&self, ranges: &[Interval], branch: Option<usize>) -> Vec<Interval> {
        match self {
            Self::Input(_) => Vec::new(),
            Self::Curve(curve) => curve.function.gradient(&[enclose(&curve.argument, ranges)]).gradient().to_vec(),
            Self::Product { factors: [u, v], .. } => vec![enclose(v, ranges), enclose(u, ranges)],
            Self::Extremum { largest, operands: [u, v], .. } => {
                let (u, v) = (enclose(u, ranges), enclose(v, ranges));
                let (above, below) = if *largest { (u, v) } else { (v, u) };
                let is_first = above.lower() >= below.upper();
                let is_second = above.upper() <= below.lower();
                let slope = |own: bool, other: bool, index: usize| match branch {
                    _ if own => Interval::ONE,
                    _ if other => Interval::ZERO,
                    Some(branch) if branch == index => Interval::ONE,
                    Some(_) => Interval::ZERO,
                    None => between(0.0, 1.0),
                };
                vec![slope(is_first, is_second, 0), slope(is_second, is_first, 1)]
            }
        }
    }
}
