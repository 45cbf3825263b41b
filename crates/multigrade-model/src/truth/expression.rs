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

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Op {
    Number(u32),
    Variable(u32),
    Pi,
    E,
    Apply(Function),
    Power(i32),
    Combine(Binary),
    /// Operands `a, b, u, v`: `u` where the comparison of `a` and `b` holds, else `v`.
    If(Comparison),
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Function {
    Neg,
    Sin,
    Cos,
    Exp,
    Ln,
    Sqrt,
    Cbrt,
    Tanh,
    Atan,
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

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Binary {
    Add,
    Sub,
    Mul,
    Div,
    Pow,
    Min,
    Max,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Comparison {
    Less,
    AtMost,
    Greater,
    AtLeast,
}

impl Comparison {
    /// Two characters before one, so that a prefix search finds the longer sign.
    pub(super) const SIGNS: [(&str, Self); 4] =
        [("<=", Self::AtMost), (">=", Self::AtLeast), ("<", Self::Less), (">", Self::Greater)];
}

impl Op {
    /// How many operands it takes.
    pub(super) fn arity(self) -> usize {
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
}
