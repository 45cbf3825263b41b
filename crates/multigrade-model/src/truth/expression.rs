//! Expressions: what they are.

use super::interval::Interval;

/// A function of named variables, given by a formula.
///
/// Its text has numbers, names, `+ - * / ^`, parentheses, `pi`, `e`, the functions `sin cos exp ln sqrt cbrt tanh atan
/// abs`, `min` and `max` of two or more arguments, `clamp(x, low, high)` for `min(max(x, low), high)`, and
/// `if(a < b, u, v)` with `<`, `<=`, `>` or `>=`. As in mathematics, `-x^2` is `-(x^2)` and `2^3^2` is `2^(3^2)`.
///
/// `u^n` is a repeated product (or its reciprocal) where the exponent is an integer: a formula of at most 16 symbols
/// without variables whose value is exactly an integer. Every other power is `exp(v ln u)`, so it asks for `u > 0`,
/// or `u = 0` and `v > 0`.
///
/// Decimal numbers mean themselves, not the nearest f64, and `pi` and `e` the real numbers: [`range`](Self::range),
/// [`gradient`](Self::gradient) and [`hessian`](Self::hessian) are statements about real functions, while
/// [`eval`](Self::eval) computes as f64 does.
///
/// ```
/// use multigrade_model::truth::Expression;
/// let f = Expression::parse("sin(3*x) * exp(-y^2)")?;
/// assert_eq!(f.variables(), ["x", "y"]);
/// assert_eq!(f.eval(&[0.5, 0.0]), 1.5f64.sin());
/// assert_eq!(f.to_string(), "sin(3*x)*exp(-y^2)");
/// # Ok::<(), multigrade_model::truth::ParseError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Expression {
    /// Postfix order: operands before their operator.
    pub(super) ops: Vec<Op>,
    pub(super) numbers: Vec<Literal>,
    pub(super) variables: Vec<String>,
    /// The most values that wait for their operator at the same time.
    pub(super) height: usize,
}

/// A decimal number.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Literal {
    pub(super) text: String,
    pub(super) nearest: f64,
    /// The smallest interval that encloses the decimal number.
    pub(super) range: Interval,
}

/// A symbol of a formula written in postfix order: operands before their operator.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Op {
    /// A decimal number; see [`Expression::number`].
    Number(u32),
    /// A variable, by its place among the arguments.
    Variable(u32),
    /// π.
    Pi,
    /// e.
    E,
    /// A function of one operand.
    Apply(Function),
    /// The operand to an integer power.
    Power(i32),
    /// Two operands.
    Combine(Binary),
    /// Operands `a, b, u, v`: `u` where the comparison of `a` and `b` holds, else `v`.
    If(Comparison),
}

/// A function of one operand.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Function {
    /// `-x`.
    Neg,
    /// `sin`.
    Sin,
    /// `cos`.
    Cos,
    /// `exp`.
    Exp,
    /// `ln`.
    Ln,
    /// `sqrt`.
    Sqrt,
    /// `cbrt`.
    Cbrt,
    /// `tanh`.
    Tanh,
    /// `atan`.
    Atan,
    /// `abs`.
    Abs,
}

impl Function {
    pub(super) const NAMED: [(&str, Self); 9] = [
        ("sin", Self::Sin),
        ("cos", Self::Cos),
        ("exp", Self::Exp),
        ("ln", Self::Ln),
        ("sqrt", Self::Sqrt),
        ("cbrt", Self::Cbrt),
        ("tanh", Self::Tanh),
        ("atan", Self::Atan),
        ("abs", Self::Abs),
    ];
}

/// An operator, or a function of two operands.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Binary {
    /// `+`.
    Add,
    /// `-`.
    Sub,
    /// `*`.
    Mul,
    /// `/`.
    Div,
    /// A power that is no integer: `exp(v ln u)`.
    Pow,
    /// `min`.
    Min,
    /// `max`.
    Max,
}

/// A comparison of two operands.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Comparison {
    /// `<`.
    Less,
    /// `<=`.
    AtMost,
    /// `>`.
    Greater,
    /// `>=`.
    AtLeast,
}

impl Comparison {
    /// Two characters before one, so that a prefix search finds the longer sign.
    pub(super) const SIGNS: [(&str, Self); 4] =
        [("<=", Self::AtMost), (">=", Self::AtLeast), ("<", Self::Less), (">", Self::Greater)];
}

impl Op {
    /// How many operands it takes.
    pub fn arity(self) -> usize {
        match self {
            Self::Number(_) | Self::Variable(_) | Self::Pi | Self::E => 0,
            Self::Apply(_) | Self::Power(_) => 1,
            Self::Combine(_) => 2,
            Self::If(_) => 4,
        }
    }
}

impl Expression {
    /// The names of the variables, in the order in which arguments are given: that of their first appearance in the
    /// text unless [`with_variables`](Self::with_variables) changed it.
    pub fn variables(&self) -> &[String] {
        &self.variables
    }

    /// The same function, with its arguments in the order of `names`; a name that does not appear in the formula
    /// becomes an argument that does not matter.
    ///
    /// # Errors
    /// The first variable of the formula that is not among the names.
    ///
    /// ```
    /// use multigrade_model::truth::Expression;
    /// let f = Expression::parse("x - y").unwrap();
    /// assert_eq!(f.with_variables(&["y", "z", "x"]).unwrap().eval(&[1.0, 9.0, 5.0]), 4.0);
    /// assert_eq!(f.with_variables(&["x"]), Err("y".to_owned()));
    /// ```
    pub fn with_variables<S: AsRef<str>>(&self, names: &[S]) -> Result<Self, String> {
        let place = |name: &String| names.iter().position(|n| n.as_ref() == name).ok_or_else(|| name.clone());
        let places = self.variables.iter().map(place).collect::<Result<Vec<_>, _>>()?;
        let mut result = self.clone();
        for op in &mut result.ops {
            if let Op::Variable(i) = op {
                *i = places[*i as usize] as u32;
            }
        }
        result.variables = names.iter().map(|n| n.as_ref().to_owned()).collect();
        Ok(result)
    }

    /// The formula in postfix order. The subformula that ends at symbol `i` has number `i`; the whole formula is the
    /// last one.
    pub fn symbols(&self) -> &[Op] {
        &self.ops
    }

    /// Encloses the decimal number of [`Op::Number`].
    ///
    /// # Panics
    /// If there is no such number.
    pub fn number(&self, i: u32) -> Interval {
        self.numbers[i as usize].range
    }

    /// The text of the decimal number: numbers with the same text are the same, while two numbers may have the same
    /// enclosure.
    pub(super) fn digits(&self, i: u32) -> &str {
        &self.numbers[i as usize].text
    }

    /// The first symbol of each subformula: subformula `i` is `symbols()[starts[i]..=i]`.
    pub fn starts(&self) -> Vec<usize> {
        let (mut starts, mut stack) = (Vec::with_capacity(self.ops.len()), Vec::new());
        for (i, op) in self.ops.iter().enumerate() {
            let first = stack.split_off(stack.len() - op.arity()).first().copied().unwrap_or(i);
            starts.push(first);
            stack.push(first);
        }
        starts
    }

    /// Subformula `node` by itself, with the same arguments.
    ///
    /// # Panics
    /// If there is no such subformula.
    pub fn subformula(&self, node: usize) -> Self {
        let ops = self.ops[self.starts()[node]..=node].to_vec();
        Self { ops, ..self.clone() }
    }

    /// Subformula `node` as a function of the value `t` of subformula `of`: each of its places where that stands, symbol
    /// for symbol, is the one variable of the result. `None` if it has other variables still, or if there are no such
    /// subformulas.
    ///
    /// ```
    /// use multigrade_model::truth::Expression;
    /// let f = Expression::parse("y + sin(2*(x*y)) / (x*y)").unwrap();
    /// let node = f.symbols().len() - 2; // all behind the first +
    /// let of = f.symbols().len() - 3; // the last x*y
    /// assert_eq!(f.as_function_of(node, of).unwrap().to_string(), "sin(2*t)/t");
    /// assert_eq!(f.as_function_of(node + 1, of), None);
    /// ```
    pub fn as_function_of(&self, node: usize, of: usize) -> Option<Self> {
        let starts = self.starts();
        let pattern = &self.ops[*starts.get(of)?..=of];
        let same = |(a, b): (&Op, &Op)| match (a, b) {
            (Op::Number(i), Op::Number(j)) => self.digits(*i) == self.digits(*j),
            _ => a == b,
        };
        let (mut ops, mut at) = (Vec::new(), *starts.get(node)?);
        while at <= node {
            // In postfix order, symbols that make a formula make one wherever they stand.
            let end = at + pattern.len();
            if end <= node + 1 && self.ops[at..end].iter().zip(pattern).all(same) {
                ops.push(Op::Variable(0));
                at = end;
            } else if matches!(self.ops[at], Op::Variable(_)) {
                return None;
            } else {
                ops.push(self.ops[at]);
                at += 1;
            }
        }
        Some(Self { ops, numbers: self.numbers.clone(), variables: vec!["t".to_owned()], height: self.height })
    }

    /// `1 / self`.
    pub(super) fn reciprocal(mut self) -> Self {
        self.ops.push(Op::Power(-1));
        self
    }
}
