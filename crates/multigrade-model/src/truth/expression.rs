//! Expressions: what they are, their values in f64, their text.

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

    fn name(self) -> &'static str {
        Self::NAMED.iter().find(|(_, f)| *f == self).map_or("-", |(name, _)| name)
    }
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

    fn sign(self) -> &'static str {
        Self::SIGNS.iter().find(|(_, c)| *c == self).map_or("", |(sign, _)| sign)
    }

    /// `a ? b`, and `None` where one of them is not a number.
    fn holds(self, a: f64, b: f64) -> Option<bool> {
        a.partial_cmp(&b).map(|order| match self {
            Self::Less => order.is_lt(),
            Self::AtMost => order.is_le(),
            Self::Greater => order.is_gt(),
            Self::AtLeast => order.is_ge(),
        })
    }
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

/// Points evaluated together: enough to hide the dispatch on the operator, few enough to stay in the cache.
const BLOCK: usize = 512;

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

    /// The value at a point, in f64 arithmetic; NaN where it is undefined, infinite where it is too large.
    ///
    /// # Panics
    /// If the point does not have one coordinate for each variable.
    pub fn eval(&self, point: &[f64]) -> f64 {
        let columns: Vec<&[f64]> = point.iter().map(std::slice::from_ref).collect();
        let mut value = [0.0];
        self.eval_block(&columns, &mut value);
        value[0]
    }

    /// The values at `values.len()` points at once; `columns[i][j]` is variable `i` of point `j`.
    ///
    /// # Panics
    /// If there is not one column for each variable, each with one entry for each value.
    pub fn eval_block(&self, columns: &[&[f64]], values: &mut [f64]) {
        assert_eq!(columns.len(), self.variables.len(), "one column for each variable");
        assert!(columns.iter().all(|c| c.len() == values.len()), "one entry for each value");
        let mut stack = vec![0.0; self.height * BLOCK.min(values.len())];
        for (i, block) in values.chunks_mut(BLOCK).enumerate() {
            self.eval_chunk(columns, i * BLOCK, &mut stack, block);
        }
    }

    fn eval_chunk(&self, columns: &[&[f64]], start: usize, stack: &mut [f64], values: &mut [f64]) {
        let n = values.len();
        let mut top = 0; // where the next operand goes
        for &op in &self.ops {
            let first = top - n * op.arity();
            let (u, rest) = stack[first..].split_at_mut(n);
            match op {
                Op::Number(i) => u.fill(self.numbers[i as usize].nearest),
                Op::Variable(i) => u.copy_from_slice(&columns[i as usize][start..start + n]),
                Op::Pi => u.fill(std::f64::consts::PI),
                Op::E => u.fill(std::f64::consts::E),
                Op::Apply(function) => function.apply(u),
                Op::Power(exponent) => u.iter_mut().for_each(|u| *u = power(*u, exponent)),
                Op::Combine(binary) => binary.apply(u, &rest[..n]),
                Op::If(comparison) => {
                    for (j, a) in u.iter_mut().enumerate() {
                        *a = match comparison.holds(*a, rest[j]) {
                            Some(true) => rest[n + j],
                            Some(false) => rest[2 * n + j],
                            None => f64::NAN,
                        };
                    }
                }
            }
            top = first + n;
        }
        values.copy_from_slice(&stack[..n]);
    }
}

impl Function {
    fn apply(self, u: &mut [f64]) {
        let mut each = |f: fn(f64) -> f64| u.iter_mut().for_each(|u| *u = f(*u));
        match self {
            Self::Neg => u.iter_mut().for_each(|u| *u = -*u),
            Self::Sqrt => u.iter_mut().for_each(|u| *u = u.sqrt()),
            Self::Abs => u.iter_mut().for_each(|u| *u = u.abs()),
            Self::Sin => each(f64::sin),
            Self::Cos => each(f64::cos),
            Self::Exp => each(f64::exp),
            Self::Ln => each(|u| if u > 0.0 { u.ln() } else { f64::NAN }),
            Self::Cbrt => each(f64::cbrt),
            Self::Tanh => each(f64::tanh),
            Self::Atan => each(f64::atan),
        }
    }
}

impl Binary {
    fn apply(self, u: &mut [f64], v: &[f64]) {
        let pairs = u.iter_mut().zip(v);
        match self {
            Self::Add => pairs.for_each(|(u, v)| *u += v),
            Self::Sub => pairs.for_each(|(u, v)| *u -= v),
            Self::Mul => pairs.for_each(|(u, v)| *u *= v),
            // What the enclosures call undefined is NaN here too, not an infinity.
            Self::Div => pairs.for_each(|(u, v)| *u = if *v == 0.0 { f64::NAN } else { *u / v }),
            Self::Pow => {
                pairs.for_each(|(u, v)| *u = if *u > 0.0 || *u == 0.0 && *v > 0.0 { u.powf(*v) } else { f64::NAN })
            }
            // Not f64::min and max, which would drop a NaN.
            Self::Min => pairs.for_each(|(u, v)| *u = if *u < *v || u.is_nan() { *u } else { *v }),
            Self::Max => pairs.for_each(|(u, v)| *u = if *u > *v || u.is_nan() { *u } else { *v }),
        }
    }
}

/// `u^n` by repeated squaring, so that it is the same number everywhere.
fn power(u: f64, n: i32) -> f64 {
    if u.is_nan() || u == 0.0 && n < 0 {
        return f64::NAN;
    }
    let (mut result, mut square, mut left) = (1.0, u, n.unsigned_abs());
    while left > 0 {
        if left % 2 == 1 {
            result *= square;
        }
        square *= square;
        left /= 2;
    }
    if n < 0 { 1.0 / result } else { result }
}

/// How tightly a piece of text holds together.
#[derive(Clone, Copy, PartialEq, PartialOrd)]
enum Binding {
    Sum,
    Product,
    Sign,
    Power,
    Atom,
}

/// Text of an operand and what it may be put beside.
struct Piece {
    text: String,
    binding: Binding,
    /// `min` or `max` if the text is a call of it that may take further arguments.
    open: Option<Binary>,
}

impl Piece {
    fn new(text: String, binding: Binding) -> Self {
        Self { text, binding, open: None }
    }

    /// The text, in parentheses if it binds less tightly than asked for.
    fn at_least(self, binding: Binding) -> String {
        if self.binding >= binding { self.text } else { format!("({})", self.text) }
    }

    fn infix(self, sign: &str, right: Self, binding: Binding, of_right: Binding) -> Self {
        // The left text grows in place: a sum of n terms is written in O(n).
        let mut text = self.at_least(binding);
        text.push_str(sign);
        text.push_str(&right.at_least(of_right));
        Self::new(text, binding)
    }

    fn combine(mut self, binary: Binary, right: Self) -> Self {
        let name = match binary {
            Binary::Add => return self.infix(" + ", right, Binding::Sum, Binding::Product),
            Binary::Sub => return self.infix(" - ", right, Binding::Sum, Binding::Product),
            Binary::Mul => return self.infix("*", right, Binding::Product, Binding::Sign),
            Binary::Div => return self.infix("/", right, Binding::Product, Binding::Sign),
            Binary::Pow => {
                let exponent = right.at_least(Binding::Sign);
                return Self::new(format!("{}^{exponent}", self.at_least(Binding::Atom)), Binding::Power);
            }
            Binary::Min => "min",
            Binary::Max => "max",
        };
        if self.open == Some(binary) {
            self.text.pop();
        } else {
            self.text = format!("{name}({}", self.text);
        }
        self.text.push_str(&format!(", {})", right.text));
        Self { text: self.text, binding: Binding::Atom, open: Some(binary) }
    }
}

impl std::fmt::Display for Expression {
    /// A canonical text: parsing it gives the same expression (with the variables in the order of their appearance).
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut stack: Vec<Piece> = Vec::with_capacity(self.height);
        for &op in &self.ops {
            let mut operands = stack.split_off(stack.len() - op.arity()).into_iter();
            let mut next = || operands.next().unwrap_or_else(|| unreachable!("an operator has its operands"));
            let atom = |text: &str| Piece::new(text.to_owned(), Binding::Atom);
            stack.push(match op {
                Op::Number(i) => atom(&self.numbers[i as usize].text),
                Op::Variable(i) => atom(&self.variables[i as usize]),
                Op::Pi => atom("pi"),
                Op::E => atom("e"),
                Op::Apply(Function::Neg) => Piece::new(format!("-{}", next().at_least(Binding::Sign)), Binding::Sign),
                Op::Apply(function) => atom(&format!("{}({})", function.name(), next().text)),
                Op::Power(n) => Piece::new(format!("{}^{n}", next().at_least(Binding::Atom)), Binding::Power),
                Op::Combine(binary) => {
                    let left = next();
                    left.combine(binary, next())
                }
                Op::If(comparison) => {
                    let (a, b, u, v) = (next().text, next().text, next().text, next().text);
                    atom(&format!("if({a} {} {b}, {u}, {v})", comparison.sign()))
                }
            });
        }
        stack.iter().try_for_each(|piece| f.write_str(&piece.text))
    }
}
