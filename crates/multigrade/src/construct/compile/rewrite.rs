//! Other ways to write a formula: one of them may need fewer neurons.
//!
//! A formula is read as a sum of products of powers of *factors*, the parts that are neither sums nor products. Products of
//! exponentials become one, quotients are divided through by what numerator and denominator share, common factors are
//! taken out, and products of positive factors may become the exponential of a sum of logarithms. None of this needs to be
//! right: the derivation names the formula that was compiled, and the checker proves that it is the same function.

use multigrade_model::truth::{Binary, Domain, Expression, Function, Op};
use std::collections::HashMap;

/// Longest formula that is rewritten, in symbols.
const LONGEST: usize = 400;
/// The least number of factors whose product may be written by logarithms.
const LOGARITHMS: usize = 3;

/// Powers of factors, by their texts, in the order in which they appear.
#[derive(Clone, Debug, Default, PartialEq)]
struct Product {
    is_negative: bool,
    powers: Vec<(String, i32)>,
}

type Sum = Vec<Product>;

impl Product {
    fn factor(text: String) -> Self {
        Self { is_negative: false, powers: vec![(text, 1)] }
    }

    fn times(mut self, other: &Self) -> Self {
        self.is_negative ^= other.is_negative;
        other.powers.iter().for_each(|(factor, power)| self.multiply(factor, *power));
        self
    }

    fn multiply(&mut self, factor: &str, power: i32) {
        match self.powers.iter().position(|(f, _)| f == factor) {
            Some(at) if self.powers[at].1 + power == 0 => drop(self.powers.remove(at)),
            Some(at) => self.powers[at].1 += power,
            None => self.powers.push((factor.to_owned(), power)),
        }
    }

    fn raised(mut self, n: i32) -> Self {
        self.is_negative &= n % 2 != 0;
        self.powers.iter_mut().for_each(|(_, power)| *power *= n);
        self.powers.retain(|(_, power)| *power != 0);
        self
    }

    fn power_of(&self, factor: &str) -> i32 {
        self.powers.iter().find(|(f, _)| f == factor).map_or(0, |(_, power)| *power)
    }
}

/// How a formula is written anew.
#[derive(Clone, Copy)]
struct Way {
    /// Quotients are divided through.
    divides: bool,
    /// Products of positive factors are exponentials of sums.
    by_logarithms: bool,
}

struct Writer<'a> {
    formula: &'a Expression,
    starts: Vec<usize>,
    domain: &'a Domain,
    way: Way,
    /// The sums and the arguments of exponentials that are factors, by their texts.
    sums: HashMap<String, Sum>,
    exponents: HashMap<String, Sum>,
}

/// The formula in other words, those that differ; its variables are the sides of the box.
pub(super) fn variants(formula: &Expression, domain: &Domain) -> Vec<Expression> {
    let mut found = vec![formula.clone()];
    if domain.names().len() > 1 && formula.symbols().len() <= LONGEST {
        for (divides, by_logarithms) in [(false, false), (true, false), (true, true)] {
            let way = Way { divides, by_logarithms };
            let (sums, exponents) = (HashMap::new(), HashMap::new());
            let mut writer = Writer { formula, starts: formula.starts(), domain, way, sums, exponents };
            let sum = writer.read(formula.symbols().len() - 1);
            let text = writer.text(&sum);
            let other = Expression::parse(&text).ok().and_then(|e| e.with_variables(domain.names()).ok());
            found.extend(other.filter(|other| found.iter().all(|f| f.to_string() != other.to_string())));
        }
    }
    found.remove(0);
    found
}

impl Writer<'_> {
    fn read(&mut self, node: usize) -> Sum {
        let op = self.formula.symbols()[node];
        let mut operands = Vec::new();
        let mut end = node;
        for _ in 0..op.arity() {
            operands.insert(0, end - 1);
            end = self.starts[end - 1];
        }
        let opaque = || vec![Product::factor(self.formula.subformula(node).to_string())];
        match op {
            Op::Number(_) | Op::Variable(_) | Op::Pi | Op::E | Op::If(_) => opaque(),
            Op::Apply(Function::Neg) => negative(self.read(operands[0])),
            Op::Apply(Function::Exp) => {
                let sum = self.read(operands[0]);
                vec![self.exponential(sum)]
            }
            Op::Apply(Function::Ln) => {
                let sum = self.read(operands[0]);
                self.logarithm(sum)
            }
            Op::Apply(function) => {
                let text = self.operand(operands[0]);
                vec![Product::factor(format!("{}({text})", format!("{function:?}").to_lowercase()))]
            }
            Op::Power(n) => vec![self.product(operands[0]).raised(n)],
            Op::Combine(Binary::Add) => [self.read(operands[0]), self.read(operands[1])].concat(),
            Op::Combine(Binary::Sub) => [self.read(operands[0]), negative(self.read(operands[1]))].concat(),
            Op::Combine(Binary::Mul) => {
                let left = self.product(operands[0]);
                vec![left.times(&self.product(operands[1]))]
            }
            Op::Combine(Binary::Div) => {
                let left = self.product(operands[0]);
                vec![left.times(&self.product(operands[1]).raised(-1))]
            }
            Op::Combine(Binary::Pow) => {
                let [base, exponent] = [self.operand(operands[0]), self.operand(operands[1])];
                vec![Product::factor(format!("(({base})^({exponent}))"))]
            }
            Op::Combine(extremum @ (Binary::Min | Binary::Max)) => {
                let [u, v] = [self.operand(operands[0]), self.operand(operands[1])];
                vec![Product::factor(format!("{}({u}, {v})", format!("{extremum:?}").to_lowercase()))]
            }
        }
    }

    fn operand(&mut self, node: usize) -> String {
        let sum = self.read(node);
        self.text(&sum)
    }

    fn product(&mut self, node: usize) -> Product {
        let sum = self.read(node);
        self.as_product(sum)
    }

    fn as_product(&mut self, sum: Sum) -> Product {
        match <[Product; 1]>::try_from(sum) {
            Ok([product]) => product,
            Err(sum) => {
                let text = format!("({})", self.text(&sum));
                self.sums.insert(text.clone(), sum);
                Product::factor(text)
            }
        }
    }

    fn exponential(&mut self, sum: Sum) -> Product {
        let text = format!("exp({})", self.text(&sum));
        self.exponents.insert(text.clone(), sum);
        Product::factor(text)
    }

    fn logarithm(&mut self, sum: Sum) -> Sum {
        match &sum[..] {
            [product] if self.is_positive(product) => {
                let ln = |(factor, power): &(String, i32)| {
                    let mut term = Product { is_negative: *power < 0, powers: Vec::new() };
                    if power.abs() != 1 {
                        term.multiply(&power.abs().to_string(), 1);
                    }
                    term.multiply(&format!("ln({})", bare(factor)), 1);
                    term
                };
                product.powers.iter().map(ln).collect()
            }
            _ => vec![Product::factor(format!("ln({})", self.text(&sum)))],
        }
    }

    /// Whether all factors are above 0 all over the box.
    fn is_positive(&self, product: &Product) -> bool {
        !product.is_negative && product.powers.iter().all(|(factor, _)| self.least(factor) > 0.0)
    }

    /// A lower bound of a factor.
    fn least(&self, factor: &str) -> f64 {
        let read = Expression::parse(factor).ok().and_then(|e| e.with_variables(self.domain.names()).ok());
        read.map_or(f64::NAN, |e| e.range(self.domain.sides()).interval().lower())
    }

    fn text(&mut self, sum: &Sum) -> String {
        let sum: Sum = sum.iter().cloned().map(|product| self.simplified(product)).collect();
        let mut text = String::new();
        for product in self.grouped(sum) {
            text += match (product.is_negative, text.is_empty()) {
                (true, true) => "-",
                (true, false) => " - ",
                (false, true) => "",
                (false, false) => " + ",
            };
            text += &written(&product);
        }
        if text.is_empty() { "0".to_owned() } else { text }
    }

    /// The product with one exponential at most, divided through, or as the exponential of a sum.
    fn simplified(&mut self, mut product: Product) -> Product {
        if self.way.divides {
            product = self.divided(product);
        }
        let (exponentials, rest): (Vec<_>, Vec<_>) =
            product.powers.iter().cloned().partition(|(factor, _)| self.exponents.contains_key(factor));
        if exponentials.iter().map(|(_, power)| power.unsigned_abs()).sum::<u32>() > 1 {
            let scaled = |(factor, power): &(String, i32)| {
                let by = Product { is_negative: *power < 0, powers: Vec::new() };
                let by = if power.abs() == 1 { by } else { by.times(&Product::factor(power.abs().to_string())) };
                self.exponents[factor].iter().map(|term| by.clone().times(term)).collect::<Sum>()
            };
            let sum: Sum = exponentials.iter().flat_map(scaled).collect();
            let exponential = self.exponential(sum);
            product = Product { is_negative: product.is_negative, powers: rest }.times(&exponential);
        }
        if self.way.by_logarithms {
            let (constant, vary): (Vec<_>, Vec<_>) = product.powers.iter().cloned().partition(|(f, _)| is_constant(f));
            let powers = Product { is_negative: false, powers: vary };
            if powers.powers.len() >= LOGARITHMS && self.is_positive(&powers) {
                let sum = self.logarithm(vec![powers]);
                let exponential = self.exponential(sum);
                product = Product { is_negative: product.is_negative, powers: constant }.times(&exponential);
            }
        }
        product
    }

    /// `n f / (Σ f p)` as `n / Σ p`, for all factors that the numerator shares with a term of the sum, and likewise for
    /// factors of the denominator.
    fn divided(&mut self, mut product: Product) -> Product {
        let denominators =
            product.powers.iter().filter(|(factor, power)| *power == -1 && self.sums.contains_key(factor));
        let found =
            denominators.map(|(name, _)| (name, self.shared(&product, name))).find(|(_, s)| !s.powers.is_empty());
        let Some((name, shared)) = found.map(|(name, shared)| (name.clone(), shared)) else { return product };
        let inverse = shared.raised(-1);
        let sum: Sum = self.sums[&name].iter().map(|term| term.clone().times(&inverse)).collect();
        product.powers.retain(|(factor, _)| *factor != name);
        let denominator = self.as_product(sum).raised(-1);
        product.times(&inverse).times(&denominator)
    }

    /// The powers of a product that a term of the sum `name` has, too.
    fn shared(&self, product: &Product, name: &str) -> Product {
        let has = |term: &Product, (factor, power): &(String, i32)| term.power_of(factor).signum() == power.signum();
        let is_shared = |power: &&(String, i32)| {
            power.0 != name && !is_constant(&power.0) && self.sums[name].iter().any(|term| has(term, power))
        };
        Product { is_negative: false, powers: product.powers.iter().filter(is_shared).cloned().collect() }
    }

    /// Takes out the factor that most terms share, again and again.
    fn grouped(&mut self, sum: Sum) -> Sum {
        let mut best: Option<(usize, String, i32)> = None;
        for (factor, power) in sum.iter().flat_map(|product| &product.powers).filter(|(f, _)| !is_constant(f)) {
            let shares = sum.iter().filter(|product| product.power_of(factor).signum() == power.signum()).count();
            if shares > best.as_ref().map_or(1, |b| b.0) {
                best = Some((shares, factor.clone(), power.signum()));
            }
        }
        let Some((_, factor, sign)) = best else { return sum };
        let (with, mut rest): (Sum, Sum) = sum.into_iter().partition(|p| p.power_of(&factor).signum() == sign);
        let least = with.iter().map(|p| p.power_of(&factor).abs()).min().unwrap_or(1);
        let mut common = Product::factor(factor).raised(sign * least);
        let inverse = common.clone().raised(-1);
        let inner: Sum = with.into_iter().map(|product| product.times(&inverse)).collect();
        common = common.times(&self.as_product(inner));
        rest.push(common);
        self.grouped(rest)
    }
}

fn negative(mut sum: Sum) -> Sum {
    sum.iter_mut().for_each(|product| product.is_negative ^= true);
    sum
}

/// A text without the parentheses around all of it.
fn bare(text: &str) -> &str {
    text.strip_prefix('(')
        .and_then(|rest| rest.strip_suffix(')'))
        .filter(|t| Expression::parse(t).is_ok())
        .unwrap_or(text)
}

/// The variables of a factor.
fn variables(factor: &str) -> Vec<String> {
    Expression::parse(factor).map_or(Vec::new(), |e| e.variables().to_vec())
}

fn is_constant(factor: &str) -> bool {
    variables(factor).is_empty()
}

/// Powers of factors that have the same variables.
type Group<'a> = (Vec<String>, Vec<&'a (String, i32)>);

/// Constants first; then factors that have the same one variable together, so that they may become one curve.
fn written(product: &Product) -> String {
    let mut groups: Vec<Group> = Vec::new();
    for power in &product.powers {
        let names = variables(&power.0);
        match groups.iter_mut().find(|(of, _)| names.len() < 2 && *of == names) {
            Some((_, powers)) => powers.push(power),
            None => groups.push((names, vec![power])),
        }
    }
    groups.sort_by_key(|(names, _)| !names.is_empty());
    let part = |powers: &[&(String, i32)]| {
        let side = |sign: i32| {
            let of = powers.iter().filter(|p| p.1 * sign > 0);
            let text = |(factor, power): &(String, i32)| match power.abs() {
                1 => factor.clone(),
                n => format!("{factor}^{n}"),
            };
            of.map(|p| text(p)).collect::<Vec<_>>()
        };
        let (above, below) = (side(1), side(-1));
        let above = if above.is_empty() { "1".to_owned() } else { above.join("*") };
        if below.is_empty() { above } else { format!("({above}/({}))", below.join("*")) }
    };
    let parts: Vec<String> = groups.iter().map(|(_, powers)| part(powers)).collect();
    if parts.is_empty() { "1".to_owned() } else { parts.join("*") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written_as(formula: &str, domain: &str) -> Vec<String> {
        let domain = Domain::parse(domain).unwrap();
        let formula = Expression::parse(formula).unwrap().with_variables(domain.names()).unwrap();
        variants(&formula, &domain).iter().map(Expression::to_string).collect()
    }

    #[test]
    fn quotients_are_divided_through_and_products_become_sums() {
        let box_ = "x=1..2, y=1..2, z=1..2";
        assert_eq!(written_as("x*x*y", box_), ["x^2*y"]);
        assert_eq!(written_as("exp(x)*exp(-y)", box_), ["exp(x - y)"]);
        assert_eq!(written_as("x*y + x*z", box_), ["x*(y + z)"]);
        assert_eq!(written_as("x*(y+z)/(x*z+2)", box_)[1], "(y + z)*(1/(z + 2*(1/x)))");
        assert_eq!(written_as("ln(x/y)*z", box_), ["(ln(x) - ln(y))*z"]);
        assert!(written_as("x*y*z", box_).contains(&"exp(ln(x) + ln(y) + ln(z))".to_owned()));
        assert_eq!(written_as("sin(x+y)", box_), [""; 0]);
    }

    #[test]
    fn rewritten_formulas_have_the_same_values() {
        let box_ = "x=1..2, y=1..2, z=1..2";
        for formula in [
            "2*pi*x*(y-z)/(ln(y/z+3)*(1+2*x*z/(ln(y/z+3)*y^2*z)+x/y))",
            "x*exp(-y)^2*exp(z)/(exp(x)+x*exp(z))",
            "-(x-y)*-(x-z)^3/(-x*y-1)",
            "(x+y)^-2*(x*y/z)^2+min(x*x, y)*abs(x-z)",
            "x^y*sqrt(x*y)/x/y+if(x*x < y, x, y)",
        ] {
            let domain = Domain::parse(box_).unwrap();
            let f = Expression::parse(formula).unwrap().with_variables(domain.names()).unwrap();
            for other in variants(&f, &domain) {
                for at in [[1.1, 1.9, 1.3], [1.7, 1.2, 1.6], [2.0, 1.5, 1.0]] {
                    let (u, v) = (f.eval(&at), other.eval(&at));
                    assert!((u - v).abs() <= 1e-12 * u.abs().max(1.0), "{formula} and {other} at {at:?}: {u}, {v}");
                }
            }
        }
    }
}
