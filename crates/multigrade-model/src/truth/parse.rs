//! Reading expressions and boxes from text.

use super::expression::{Binary, Comparison, Expression, Function, Literal, Op};
use super::interval::Interval;

/// Longest text of an expression or a box, in bytes.
pub const MAX_LENGTH: usize = 1 << 16;
/// Deepest nesting: of parentheses, calls, signs and exponents together (`clamp` counts twice).
pub const MAX_DEPTH: usize = 100;
/// Most variables of an expression or a box.
pub const MAX_VARIABLES: usize = 100;
/// Longest exponent, in symbols, that is looked at for being an integer.
const MAX_EXPONENT: usize = 16;

/// A text that is not what it should be: where, and what would be right there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParseError {
    text: String,
    at: usize,
    message: String,
}

impl ParseError {
    /// Where in the text the trouble begins, in bytes.
    pub fn position(&self) -> usize {
        self.at
    }

    /// What was found and what was expected.
    pub fn message(&self) -> &str {
        &self.message
    }
}

impl std::error::Error for ParseError {}

impl std::fmt::Display for ParseError {
    /// The message, then the text around the place (if there is a text) with a caret under the place.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        const AROUND: usize = 40;
        if self.text.is_empty() {
            return f.write_str(&self.message);
        }
        let before = self.text[..self.at].chars().count();
        // Invisible characters may also turn the direction of what follows them.
        let acts = |c: char| c.is_control() || (!c.is_ascii() && c.escape_debug().len() > 1);
        let shown = |c: char| if acts(c) { ' ' } else { c };
        let skipped = before.saturating_sub(AROUND);
        let excerpt: String = self.text.chars().skip(skipped).take(2 * AROUND).map(shown).collect();
        write!(f, "{}\n  {excerpt}\n  {:>width$}", self.message, '^', width = before - skipped + 1)
    }
}

/// A place in a text, moving forward.
pub(super) struct Reader<'a> {
    text: &'a str,
    pub(super) at: usize,
}

impl<'a> Reader<'a> {
    /// At the start of the text, unless that is too long.
    pub(super) fn new(text: &'a str) -> Result<Self, ParseError> {
        if text.len() > MAX_LENGTH {
            let message = format!("the text has {} bytes, expected at most {MAX_LENGTH}", text.len());
            return Err(ParseError { text: String::new(), at: 0, message });
        }
        let mut reader = Self { text, at: 0 };
        reader.skip_space();
        Ok(reader)
    }

    pub(super) fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    pub(super) fn fail(&self, at: usize, message: String) -> ParseError {
        ParseError { text: self.text.to_owned(), at, message }
    }

    /// The error that something else was expected here.
    pub(super) fn expected(&self, what: &str) -> ParseError {
        let found = self.rest().chars().next().map_or("the end".to_owned(), |c| format!("'{}'", c.escape_debug()));
        self.fail(self.at, format!("expected {what}, found {found}"))
    }

    fn skip_space(&mut self) {
        self.at += self.rest().len() - self.rest().trim_start().len();
    }

    fn advance(&mut self, length: usize) -> &'a str {
        let token = &self.rest()[..length];
        self.at += length;
        self.skip_space();
        token
    }

    /// Whether `sign` stands here; if so, moves behind it.
    pub(super) fn take(&mut self, sign: &str) -> bool {
        let here = self.rest().starts_with(sign);
        if here {
            self.advance(sign.len());
        }
        here
    }

    pub(super) fn require(&mut self, sign: &str, what: &str) -> Result<(), ParseError> {
        if self.take(sign) { Ok(()) } else { Err(self.expected(what)) }
    }

    /// A letter or underscore, then letters, digits and underscores.
    pub(super) fn name(&mut self) -> Option<&'a str> {
        let rest = self.rest();
        rest.starts_with(|c: char| c.is_alphabetic() || c == '_').then(|| {
            let end = rest.find(|c: char| !(c.is_alphanumeric() || c == '_'));
            self.advance(end.unwrap_or(rest.len()))
        })
    }

    /// Digits with at most one point among them and perhaps an exponent. Of two points in a row, neither belongs to
    /// the number, so that `0..1` is two numbers.
    pub(super) fn number(&mut self) -> Result<Option<Literal>, ParseError> {
        let (start, rest) = (self.at, self.rest().as_bytes());
        let digits = |from: usize| rest[from..].iter().take_while(|c| c.is_ascii_digit()).count();
        let mut end = digits(0);
        if rest.get(end) == Some(&b'.') && rest.get(end + 1) != Some(&b'.') && end + digits(end + 1) > 0 {
            end += 1 + digits(end + 1);
        }
        if end == 0 {
            return Ok(None);
        }
        if matches!(rest.get(end), Some(b'e' | b'E')) {
            let sign = usize::from(matches!(rest.get(end + 1), Some(b'+' | b'-')));
            let power = digits(rest.len().min(end + 1 + sign));
            end += if power > 0 { 1 + sign + power } else { 0 };
        }
        let text = self.advance(end);
        let literal = Literal::new(text);
        literal
            .map(Some)
            .ok_or_else(|| self.fail(start, format!("the number {text} is too large, expected less than 1.8e308")))
    }
}

/// The significant digits of a decimal number and the power of ten of the first: equal for equal numbers, and
/// `(power, digits)` in the order of the numbers.
fn canonical(text: &str) -> (i64, Vec<u8>) {
    let (mantissa, power) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
    // A power that does not fit is far beyond any text's number of digits.
    let power = power.parse::<i64>().unwrap_or(if power.starts_with('-') { i64::MIN / 2 } else { i64::MAX / 2 });
    let point = mantissa.find('.').unwrap_or(mantissa.len()) as i64;
    let mut digits: Vec<u8> = mantissa.bytes().filter(u8::is_ascii_digit).collect();
    let zeros = digits.iter().take_while(|d| **d == b'0').count();
    digits.drain(..zeros);
    while digits.last() == Some(&b'0') {
        digits.pop();
    }
    if digits.is_empty() { (i64::MIN, digits) } else { (power + point - zeros as i64, digits) }
}

impl Literal {
    /// The number that a text of digits, point and exponent stands for; `None` if it is beyond the largest f64.
    ///
    /// The standard library reads the nearest f64; its exact decimal expansion (at most 767 digits) shows on which
    /// side of it the number lies, hence between which neighbours.
    fn new(text: &str) -> Option<Self> {
        let nearest = text.parse::<f64>().ok().filter(|x| x.is_finite())?;
        let range = match canonical(text).cmp(&canonical(&format!("{nearest:.800e}"))) {
            std::cmp::Ordering::Less => Interval::new(nearest.next_down(), nearest)?,
            std::cmp::Ordering::Equal => Interval::point(nearest)?,
            std::cmp::Ordering::Greater => Interval::new(nearest, nearest.next_up())?,
        };
        Some(Self { text: text.to_owned(), nearest, range })
    }
}

/// Whether a name means something in expressions, so that no variable can have it.
pub(super) fn is_reserved(name: &str) -> bool {
    ["pi", "e", "if", "min", "max", "clamp"].contains(&name) || Function::NAMED.iter().any(|(n, _)| *n == name)
}

/// Recursive descent; one method per level of binding.
struct Parser<'a> {
    reader: Reader<'a>,
    depth: usize,
    ops: Vec<Op>,
    numbers: Vec<Literal>,
    variables: Vec<String>,
}

type Parsed = Result<(), ParseError>;

impl Parser<'_> {
    /// Runs `parse` so many levels deeper.
    fn deeper(&mut self, levels: usize, parse: fn(&mut Self) -> Parsed) -> Parsed {
        if self.depth + levels > MAX_DEPTH {
            return Err(self.reader.fail(self.reader.at, format!("expected at most {MAX_DEPTH} levels of nesting")));
        }
        self.depth += levels;
        parse(self)?;
        self.depth -= levels;
        Ok(())
    }

    fn combine(&mut self, binary: Binary) {
        self.ops.push(Op::Combine(binary));
    }

    fn sum(&mut self) -> Parsed {
        self.product()?;
        loop {
            let binary = match () {
                () if self.reader.take("+") => Binary::Add,
                () if self.reader.take("-") => Binary::Sub,
                () => return Ok(()),
            };
            self.product()?;
            self.combine(binary);
        }
    }

    fn product(&mut self) -> Parsed {
        self.signed()?;
        loop {
            let binary = match () {
                () if self.reader.take("*") => Binary::Mul,
                () if self.reader.take("/") => Binary::Div,
                () => return Ok(()),
            };
            self.signed()?;
            self.combine(binary);
        }
    }

    fn signed(&mut self) -> Parsed {
        if !self.reader.take("-") {
            return self.power();
        }
        self.deeper(1, Self::signed)?;
        self.ops.push(Op::Apply(Function::Neg));
        Ok(())
    }

    fn power(&mut self) -> Parsed {
        self.atom()?;
        if !self.reader.take("^") {
            return Ok(());
        }
        let (start, numbers) = (self.ops.len(), self.numbers.len());
        self.deeper(1, Self::signed)?;
        match self.integer_from(start) {
            Some(n) => {
                self.ops.truncate(start);
                self.numbers.truncate(numbers);
                self.ops.push(Op::Power(n));
            }
            None => self.combine(Binary::Pow),
        }
        Ok(())
    }

    /// The integer that the symbols from `start` on are exactly equal to, if so.
    fn integer_from(&self, start: usize) -> Option<i32> {
        let ops = &self.ops[start..];
        if ops.len() > MAX_EXPONENT || ops.iter().any(|op| matches!(op, Op::Variable(_))) {
            return None;
        }
        let value = Expression::constant(ops, &self.numbers)?;
        let fits = value.fract() == 0.0 && value.abs() <= f64::from(1 << 30);
        fits.then_some(value as i32)
    }

    fn atom(&mut self) -> Parsed {
        if let Some(literal) = self.reader.number()? {
            self.ops.push(Op::Number(self.numbers.len() as u32));
            self.numbers.push(literal);
            return Ok(());
        }
        if self.reader.take("(") {
            self.deeper(1, Self::sum)?;
            return self.reader.require(")", "an operator or ')'");
        }
        let start = self.reader.at;
        let Some(name) = self.reader.name() else {
            return Err(self.reader.expected("a number, a name, '-' or '('"));
        };
        match name {
            "pi" => self.ops.push(Op::Pi),
            "e" => self.ops.push(Op::E),
            _ if is_reserved(name) => return self.call(name),
            _ if self.reader.rest().starts_with('(') => {
                let known: Vec<_> = Function::NAMED.iter().map(|(name, _)| *name).collect();
                let message =
                    format!("unknown function '{name}', expected one of {}, min, max, clamp, if", known.join(", "));
                return Err(self.reader.fail(start, message));
            }
            _ => return self.variable(name, start),
        }
        Ok(())
    }

    fn variable(&mut self, name: &str, start: usize) -> Parsed {
        let known = self.variables.iter().position(|v| v == name);
        let index = known.unwrap_or(self.variables.len());
        if index == MAX_VARIABLES {
            return Err(self.reader.fail(start, format!("expected at most {MAX_VARIABLES} variables")));
        }
        if known.is_none() {
            self.variables.push(name.to_owned());
        }
        self.ops.push(Op::Variable(index as u32));
        Ok(())
    }

    fn call(&mut self, name: &str) -> Parsed {
        self.reader.require("(", &format!("'(' after the function {name}"))?;
        match name {
            "if" => self.deeper(1, Self::choice)?,
            "min" => self.deeper(1, |parser| parser.fold(Binary::Min))?,
            "max" => self.deeper(1, |parser| parser.fold(Binary::Max))?,
            // As min(max(x, low), high) would.
            "clamp" => self.deeper(2, Self::clamp)?,
            _ => {
                self.deeper(1, Self::sum)?;
                let function = Function::NAMED.iter().find(|(n, _)| *n == name);
                self.ops.extend(function.map(|(_, f)| Op::Apply(*f)));
            }
        }
        self.reader.require(")", "an operator or ')'")
    }

    fn comma(&mut self) -> Parsed {
        self.reader.require(",", "an operator or ','")
    }

    fn fold(&mut self, binary: Binary) -> Parsed {
        self.sum()?;
        self.comma()?;
        loop {
            self.sum()?;
            self.combine(binary);
            if !self.reader.take(",") {
                return Ok(());
            }
        }
    }

    fn clamp(&mut self) -> Parsed {
        self.sum()?;
        for binary in [Binary::Max, Binary::Min] {
            self.comma()?;
            self.sum()?;
            self.combine(binary);
        }
        Ok(())
    }

    fn choice(&mut self) -> Parsed {
        self.sum()?;
        let Some((_, comparison)) = Comparison::SIGNS.into_iter().find(|(sign, _)| self.reader.take(sign)) else {
            return Err(self.reader.expected("an operator or one of <, <=, >, >="));
        };
        self.sum()?;
        for _ in 0..2 {
            self.comma()?;
            self.sum()?;
        }
        self.ops.push(Op::If(comparison));
        Ok(())
    }
}

impl Expression {
    /// Reads a formula; its grammar is described at [`Expression`].
    ///
    /// # Errors
    /// A text that is not a formula, or one beyond [`MAX_LENGTH`], [`MAX_DEPTH`] or [`MAX_VARIABLES`].
    ///
    /// ```
    /// use multigrade_model::truth::Expression;
    /// let error = Expression::parse("2 * (x + )").unwrap_err();
    /// assert_eq!(error.to_string(), "\
    /// expected a number, a name, '-' or '(', found ')'
    ///   2 * (x + )
    ///            ^");
    /// ```
    pub fn parse(text: &str) -> Result<Self, ParseError> {
        let reader = Reader::new(text)?;
        let mut parser = Parser { reader, depth: 0, ops: Vec::new(), numbers: Vec::new(), variables: Vec::new() };
        parser.sum()?;
        if !parser.reader.rest().is_empty() {
            return Err(parser.reader.expected("an operator or the end"));
        }
        let Parser { ops, numbers, variables, .. } = parser;
        let mut waiting = 0;
        let heights = ops.iter().map(|op| {
            waiting = waiting + 1 - op.arity();
            waiting
        });
        let height = heights.max().unwrap_or(0);
        Ok(Self { ops, numbers, variables, height })
    }
}
