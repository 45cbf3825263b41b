//! The text of an expression.

use super::expression::{Binary, Comparison, Expression, Function, Op};

impl Function {
    fn name(self) -> &'static str {
        Self::NAMED.iter().find(|(_, f)| *f == self).map_or("-", |(name, _)| name)
    }
}

impl Comparison {
    fn sign(self) -> &'static str {
        Self::SIGNS.iter().find(|(_, c)| *c == self).map_or("", |(sign, _)| sign)
    }
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
