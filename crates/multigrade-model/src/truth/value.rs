//! Values of expressions in f64 arithmetic: fast, and no statement about the real function.

use super::expression::{Binary, Comparison, Expression, Function, Op};

/// Points evaluated together: enough to hide the dispatch on the operator, few enough to stay in the cache.
const BLOCK: usize = 512;

impl Expression {
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

impl Comparison {
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
