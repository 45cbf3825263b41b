//! Whether two formulas are the same function on a box: as quotients of polynomials.
//!
//! The quantities of the polynomials, atoms, are variables, π, e, and values of functions; two of these are the same atom
//! if they apply the same function to the same operands. Where a formula is defined, all that it divides by is not 0, so
//! neither is any denominator here, and `a / b = c / d` follows from `a d = c b`. What holds for all values of the
//! atoms holds for those that they have.

use std::collections::BTreeMap;

use super::super::enclosure::Decoration;
use super::super::expression::{Binary, Expression, Function, Op};
use super::super::interval::Interval;

/// Most operations on exponents.
const MAX_WORK: usize = 1 << 24;
/// The highest power that is multiplied out.
const MAX_POWER: u32 = 64;

/// Exponents of atoms, in their order, none of them 0.
type Monomial = Vec<(usize, u32)>;

/// Coefficients, none of them 0.
#[derive(Clone, Debug, PartialEq)]
struct Polynomial(BTreeMap<Monomial, i128>);

#[derive(Clone, Debug)]
struct Quotient {
    above: Polynomial,
    below: Polynomial,
}

/// Formulas as quotients; `None` stands for numbers or polynomials too large, and for choices.
struct Algebra<'a> {
    sides: &'a [Interval],
    atoms: Vec<(Op, Vec<Quotient>)>,
    work: usize,
}

/// Whether `f` and `g`, whose variables are the sides of the box, are both defined all over it, and seen to be the same
/// function: by what holds for sums, products, quotients and integer powers, and for `exp` and `ln` of them. Functions that
/// are not seen to be the same may be so.
///
/// ```
/// use multigrade_model::truth::{Domain, Expression, are_same};
/// let domain = Domain::parse("x=1..2, y=1..2").unwrap();
/// let read = |text: &str| Expression::parse(text).unwrap().with_variables(domain.names()).unwrap();
/// assert!(are_same(&read("x/(x+y)"), &read("1/(1+exp(ln(y)-ln(x)))"), domain.sides()));
/// assert!(!are_same(&read("x/y"), &read("y/x"), domain.sides()));
/// ```
pub fn are_same(f: &Expression, g: &Expression, sides: &[Interval]) -> bool {
    let is_defined = |e: &Expression| e.range(sides).decoration() >= Decoration::Defined;
    let mut algebra = Algebra { sides, atoms: Vec::new(), work: MAX_WORK };
    let mut compare = || {
        let (f, g) = (algebra.quotient(f)?, algebra.quotient(g)?);
        algebra.is_same(&f, &g)
    };
    is_defined(f) && is_defined(g) && compare() == Some(true)
}

impl Polynomial {
    fn number(n: i128) -> Self {
        Self((n != 0).then(|| (Monomial::new(), n)).into_iter().collect())
    }

    /// The only term.
    fn term(&self) -> Option<(&Monomial, i128)> {
        let (monomial, coefficient) = self.0.first_key_value()?;
        (self.0.len() == 1).then_some((monomial, *coefficient))
    }

    fn add(&mut self, monomial: Monomial, coefficient: i128) -> Option<()> {
        let sum = self.0.get(&monomial).copied().unwrap_or(0).checked_add(coefficient)?;
        if sum == 0 {
            self.0.remove(&monomial);
        } else {
            self.0.insert(monomial, sum);
        }
        Some(())
    }

    fn plus(mut self, sign: i128, other: &Self) -> Option<Self> {
        for (monomial, coefficient) in &other.0 {
            self.add(monomial.clone(), coefficient.checked_mul(sign)?)?;
        }
        Some(self)
    }

    /// The greatest number that divides all coefficients and `start`.
    fn content(&self, start: i128) -> i128 {
        self.0.values().fold(start, |a, b| gcd(a, *b))
    }

    /// Divided by a number that divides all coefficients.
    fn divided(mut self, by: i128) -> Self {
        self.0.values_mut().for_each(|c| *c /= by);
        self
    }
}

/// The greatest common divisor, above 0 unless both are 0.
fn gcd(a: i128, b: i128) -> i128 {
    let (mut a, mut b) = (a.unsigned_abs(), b.unsigned_abs());
    while b != 0 {
        (a, b) = (b, a % b);
    }
    // Only that of two numbers -2^127 is too large; 1 divides them too.
    i128::try_from(a).unwrap_or(1)
}

/// The product of two monomials.
fn merged(a: &Monomial, b: &Monomial) -> Option<Monomial> {
    let mut product: BTreeMap<usize, u32> = a.iter().copied().collect();
    for (atom, exponent) in b {
        let sum = product.entry(*atom).or_insert(0);
        *sum = sum.checked_add(*exponent)?;
    }
    Some(product.into_iter().collect())
}

impl Quotient {
    fn of(above: Polynomial) -> Self {
        Self { above, below: Polynomial::number(1) }
    }

    fn number(n: i128) -> Self {
        Self::of(Polynomial::number(n))
    }

    /// A power of an atom.
    fn atom(a: usize, exponent: u32) -> Self {
        Self::of(Polynomial(BTreeMap::from([(vec![(a, exponent)], 1)])))
    }

    /// The decimal number with this text.
    fn decimal(text: &str) -> Option<Self> {
        let (digits, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
        let (whole, part) = digits.split_once('.').unwrap_or((digits, ""));
        let value: i128 = format!("{whole}{part}").parse().ok()?;
        let power = exponent.parse::<i32>().ok()?.checked_sub(i32::try_from(part.len()).ok()?)?;
        let ten = 10i128.checked_pow(power.unsigned_abs())?;
        if power >= 0 {
            Some(Self::number(value.checked_mul(ten)?))
        } else {
            Some(Self { above: Polynomial::number(value), below: Polynomial::number(ten) })
        }
    }

    /// `1 / self`, unless that is 1 / 0.
    fn reciprocal(self) -> Option<Self> {
        (!self.above.0.is_empty()).then_some(Self { above: self.below, below: self.above })
    }
}

impl Algebra<'_> {
    fn product(&mut self, a: &Polynomial, b: &Polynomial) -> Option<Polynomial> {
        let pairs = (a.0.len() + 1).checked_mul(b.0.len() + 1)?;
        self.work = self.work.checked_sub(pairs.checked_mul(self.atoms.len() + 1)?)?;
        let mut product = Polynomial::number(0);
        for (m, c) in &a.0 {
            for (n, d) in &b.0 {
                product.add(merged(m, n)?, c.checked_mul(*d)?)?;
            }
        }
        Some(product)
    }

    fn times(&mut self, u: &Quotient, v: &Quotient) -> Option<Quotient> {
        Some(Quotient { above: self.product(&u.above, &v.above)?, below: self.product(&u.below, &v.below)? })
    }

    fn power(&mut self, u: &Quotient, n: u32) -> Option<Quotient> {
        if n > MAX_POWER {
            return None;
        }
        (0..n).try_fold(Quotient::number(1), |power, _| self.times(&power, u))
    }

    /// `u + sign v`.
    fn sum(&mut self, u: &Quotient, sign: i128, v: &Quotient) -> Option<Quotient> {
        if u.below == v.below {
            return Some(Quotient { above: u.above.clone().plus(sign, &v.above)?, below: u.below.clone() });
        }
        let (left, right) = (self.product(&u.above, &v.below)?, self.product(&v.above, &u.below)?);
        Some(Quotient { above: left.plus(sign, &right)?, below: self.product(&u.below, &v.below)? })
    }

    fn is_same(&mut self, u: &Quotient, v: &Quotient) -> Option<bool> {
        Some(self.product(&u.above, &v.below)? == self.product(&v.above, &u.below)?)
    }

    /// The number of the atom that applies `op` to these operands.
    fn atom(&mut self, op: Op, operands: Vec<Quotient>) -> Option<usize> {
        let mut found = None;
        for a in 0..self.atoms.len() {
            if found.is_none() && self.atoms[a].0 == op {
                let known = self.atoms[a].1.clone();
                let mut is_it = true;
                for (u, v) in known.iter().zip(&operands) {
                    is_it = is_it && self.is_same(u, v)?;
                }
                found = is_it.then_some(a);
            }
        }
        Some(found.unwrap_or_else(|| {
            self.atoms.push((op, operands));
            self.atoms.len() - 1
        }))
    }

    fn quotient(&mut self, formula: &Expression) -> Option<Quotient> {
        let mut stack: Vec<Quotient> = Vec::new();
        for &op in formula.symbols() {
            let operands = stack.split_off(stack.len() - op.arity());
            let next = match (op, &operands[..]) {
                (Op::Number(i), _) => Quotient::decimal(formula.digits(i))?,
                (Op::Apply(Function::Neg), [u]) => self.sum(&Quotient::number(0), -1, u)?,
                (Op::Apply(Function::Exp), [u]) => self.exp(u)?,
                (Op::Apply(Function::Ln), [u]) => self.ln(u)?,
                (Op::Power(n), [u]) => {
                    let power = self.power(u, n.unsigned_abs())?;
                    if n < 0 { power.reciprocal()? } else { power }
                }
                (Op::Combine(Binary::Add), [u, v]) => self.sum(u, 1, v)?,
                (Op::Combine(Binary::Sub), [u, v]) => self.sum(u, -1, v)?,
                (Op::Combine(Binary::Mul), [u, v]) => self.times(u, v)?,
                (Op::Combine(Binary::Div), [u, v]) => {
                    let inverse = v.clone().reciprocal()?;
                    self.times(u, &inverse)?
                }
                (Op::If(_), _) => return None,
                _ => Quotient::atom(self.atom(op, operands)?, 1),
            };
            stack.push(next);
        }
        stack.pop()
    }

    /// `exp(Σ c m / b) = Π exp(m / b)^c` over the terms `c m` of the numerator, and `exp(ln w) = w`, as `w > 0` where its
    /// logarithm is defined.
    fn exp(&mut self, u: &Quotient) -> Option<Quotient> {
        let mut product = Quotient::number(1);
        for (monomial, coefficient) in &u.above.0 {
            let divisor = u.below.content(*coefficient);
            let (below, exponent) = (u.below.clone().divided(divisor), coefficient / divisor);
            let n = u32::try_from(exponent.unsigned_abs()).ok()?;
            let logarithm = match monomial[..] {
                [(a, 1)] if below == Polynomial::number(1) => Some(a),
                _ => None,
            };
            let power = match logarithm.map(|a| &self.atoms[a]) {
                Some((Op::Apply(Function::Ln), operands)) => {
                    let w = operands[0].clone();
                    self.power(&w, n)?
                }
                _ => {
                    let above = Polynomial(BTreeMap::from([(monomial.clone(), 1)]));
                    let a = self.atom(Op::Apply(Function::Exp), vec![Quotient { above, below }])?;
                    Quotient::atom(a, n)
                }
            };
            let power = if exponent < 0 { power.reciprocal()? } else { power };
            product = self.times(&product, &power)?;
        }
        Some(product)
    }

    /// The logarithm of a product of powers of positive numbers is a sum.
    fn ln(&mut self, u: &Quotient) -> Option<Quotient> {
        let is_positive = |a: usize| match self.atoms[a].0 {
            Op::Variable(i) => self.sides[i as usize].lower() > 0.0,
            op => matches!(op, Op::Pi | Op::E),
        };
        let positive = |(m, c): &(&Monomial, i128)| *c > 0 && m.iter().all(|(a, _)| is_positive(*a));
        let (above, below) = (u.above.term().filter(positive), u.below.term().filter(positive));
        let (Some((m, c)), Some((n, d))) = (above, below) else {
            return Some(Quotient::atom(self.atom(Op::Apply(Function::Ln), vec![u.clone()])?, 1));
        };
        let mut sum = Quotient::number(0);
        for (monomial, coefficient, sign) in [(m, c, 1), (n, d, -1)] {
            let number = (coefficient != 1).then(|| (Quotient::number(coefficient), 1));
            let atom = |(a, e): &(usize, u32)| (Quotient::atom(*a, 1), i128::from(*e));
            for (part, exponent) in number.into_iter().chain(monomial.iter().map(atom)) {
                let part = self.atom(Op::Apply(Function::Ln), vec![part])?;
                sum = self.sum(&sum, sign * exponent, &Quotient::atom(part, 1))?;
            }
        }
        Some(sum)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn same(f: &str, g: &str) -> bool {
        let sides = [(0.5, 2.0), (1.0, 3.0), (-1.0, 1.0), (-2.0, -1.0)].map(|(a, b)| Interval::raw(a, b));
        let read = |text: &str| Expression::parse(text).unwrap().with_variables(&["x", "y", "z", "w"]).unwrap();
        are_same(&read(f), &read(g), &sides)
    }

    #[test]
    fn rewritten_formulas_are_the_same_and_others_are_not() {
        let pairs = [
            ("x*x", "x^2"),
            ("x/(x+0.5)", "1-0.5/(x+0.5)"),
            ("x/(x+y+4)", "1/(1+y/x+4/x)"),
            ("exp(x)*exp(-2*z)", "exp(x-2*z)"),
            ("exp(x)^2", "exp(2*x)"),
            ("exp(x/4+y/16)", "exp(x/4)*exp(0.0625*y)"),
            ("x/y/x^2", "exp(-ln(x)-ln(y))"),
            ("2*x*(z+2)", "exp(ln(2)+ln(x)+ln(z+2))"),
            ("ln(2*x^2/y)", "ln(2)+2*ln(x)-ln(y)"),
            ("sin(x*(y+z))", "sin(z*x+y*x)"),
            ("max(x+y, z*2)", "max(y+x, z+z)"),
            ("(x^2-y^2-4)/(x-y-9)", "((x-y)*(x+y)-4)*(1/(x-9-y))"),
            ("0.1*x", "1e-1*x"),
            ("tanh(x)^3/tanh(x)", "tanh(x)^2"),
            ("pi*x-x*pi", "0"),
        ];
        for (f, g) in pairs {
            assert!(same(f, g) && same(g, f), "{f} and {g}");
        }
        let others = [
            ("x*x", "x^3"),
            ("x", "x + 1e-30"),
            ("exp(x)*exp(y)", "exp(x*y)"),
            ("exp(x)^2", "exp(x^2)"),
            ("exp(-x)", "exp(x)"),
            ("ln(x*y)", "ln(x)*ln(y)"),
            ("ln(x/y)", "ln(x)+ln(y)"),
            ("ln(z^2+1)", "2*ln(z+1.5)"),
            ("exp(ln(x)/2)", "x"),
            ("exp(-ln(x))", "x"),
            ("x-y", "y-x"),
            ("x/y", "y/x"),
            ("sin(x)", "cos(x)"),
            ("sin(x)", "sin(y)"),
            ("exp(ln(w^2)/2)", "w"),
            ("x/2 + y/3", "(x + y)/2"),
            ("max(x, y)", "max(y, x)"),
            ("max(x, y)", "min(x, y)"),
            ("pi", "e"),
            ("0.3*x", "0.30000000000000004*x"),
            ("1.5e2*x", "15*x"),
            // Undefined somewhere.
            ("z/z", "1"),
            ("1", "z/z"),
            ("ln(z^2)", "2*ln(z)"),
            ("exp(ln(z))", "z"),
            ("sqrt(z)^2", "z"),
            // More than is looked at.
            ("if(x < y, x, y)", "if(x < y, x, y)"),
            ("1e-50*x", "1e-50*x"),
            ("(3*x+1e9*y)^60", "(3*x+1e9*y)^60"),
            ("x^100/x^100", "1"),
        ];
        for (f, g) in others {
            assert!(!same(f, g), "{f} and {g}");
        }
    }

    /// Formulas of few symbols are often the same by chance, so what is said of them is put to the test.
    fn formula() -> impl Strategy<Value = String> {
        let leaf = prop_oneof![Just("x"), Just("y"), Just("z"), Just("2"), Just("0.5")].prop_map(str::to_owned);
        leaf.prop_recursive(3, 10, 2, |inner| {
            let pair = (inner.clone(), inner.clone());
            prop_oneof![
                pair.clone().prop_map(|(a, b)| format!("({a}+{b})")),
                pair.clone().prop_map(|(a, b)| format!("({a}-{b})")),
                pair.clone().prop_map(|(a, b)| format!("({a}*{b})")),
                pair.prop_map(|(a, b)| format!("({a}/{b})")),
                inner.clone().prop_map(|a| format!("exp({a})")),
                inner.clone().prop_map(|a| format!("ln({a})")),
                inner.clone().prop_map(|a| format!("({a})^2")),
                inner.prop_map(|a| format!("({a})^-1")),
            ]
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 2000, ..ProptestConfig::default() })]

        #[test]
        fn formulas_that_are_the_same_have_the_same_values(
            f in formula(), g in formula(), at in (0.5..2.0f64, 1.0..3.0f64, -1.0..1.0f64)
        ) {
            let value = |text: &str| {
                let e = Expression::parse(text).unwrap().with_variables(&["x", "y", "z"]).unwrap();
                e.eval(&[at.0, at.1, at.2])
            };
            let (one, two) = (format!("({f})*({g})"), format!("exp(ln({f})+ln({g}))"));
            let (three, four) = (format!("({f})/({g})"), format!("1/(({g})/({f}))"));
            for (a, b) in [(&f, &g), (&one, &two), (&three, &four), (&f, &two)] {
                if same(a, b) {
                    let (u, v) = (value(a), value(b));
                    // What f64 cannot hold is not compared.
                    let is_held = u.is_finite() && v.is_finite();
                    prop_assert!(!is_held || (u - v).abs() <= 1e-9 * u.abs().max(1.0), "{} = {}, {} = {}", a, u, b, v);
                }
            }
        }
    }
}
