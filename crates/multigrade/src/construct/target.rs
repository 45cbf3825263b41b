//! What is known about a target: enclosures of its values, slopes and second derivatives.

use multigrade_model::truth::{Decoration, Expression, Interval};

/// A function of `d` variables with enclosures.
pub(super) trait Target: Sync {
    /// Encloses the value at a point given by one (tiny) interval for each variable.
    fn value(&self, at: &[Interval]) -> Interval;

    /// What is known over a box.
    fn enclose(&self, at: &[Interval]) -> Enclosure;

    /// An approximate value at a point; no statement.
    fn sample(&self, at: &[f64]) -> f64;
}

/// What is known of a function over a box.
pub(super) struct Enclosure {
    pub(super) decoration: Decoration,
    pub(super) value: Interval,
    /// Slopes, if the function is continuous.
    pub(super) slopes: Vec<Interval>,
    /// Lower triangle of the Hessian, row after row, if the function is `C^{1,1}`.
    pub(super) hessian: Vec<Interval>,
}

impl Enclosure {
    pub(super) fn second(&self, i: usize, j: usize) -> Interval {
        self.hessian[i.max(j) * (i.max(j) + 1) / 2 + i.min(j)]
    }
}

impl Target for Expression {
    fn value(&self, at: &[Interval]) -> Interval {
        self.range(at).interval()
    }

    fn enclose(&self, at: &[Interval]) -> Enclosure {
        let d = at.len();
        let jet = self.hessian(at);
        let decorated = jet.value();
        let decoration = decorated.decoration();
        let hessian = if decoration == Decoration::C11 {
            (0..d).flat_map(|i| (0..=i).map(move |j| (i, j))).map(|(i, j)| jet.second(i, j)).collect()
        } else {
            Vec::new()
        };
        Enclosure { decoration, value: decorated.interval(), slopes: jet.gradient().to_vec(), hessian }
    }

    fn sample(&self, at: &[f64]) -> f64 {
        self.eval(at)
    }
}

/// A function with declared Lipschitz constants: `|f(x) - f(y)| <= Σ L_i |x_i - y_i|`, and values that are exact.
pub(super) struct Declared<'a, F> {
    pub(super) function: &'a F,
    pub(super) lipschitz: &'a [f64],
}

impl<F: Fn(&[f64]) -> f64 + Sync> Target for Declared<'_, F> {
    fn value(&self, at: &[Interval]) -> Interval {
        self.enclose(at).value
    }

    fn enclose(&self, at: &[Interval]) -> Enclosure {
        let middle: Vec<f64> = at.iter().map(|x| x.midpoint()).collect();
        let constants = || self.lipschitz.iter().map(|l| Interval::new(-l, *l).unwrap_or(Interval::ENTIRE));
        let spread = at.iter().zip(&middle).zip(constants());
        let value = Interval::point((self.function)(&middle)).map(|value| {
            spread.fold(value, |sum, ((x, m), slope)| sum + slope * (*x - Interval::point(*m).unwrap_or(*x)).abs())
        });
        let (value, decoration) = match value {
            Some(value) if value.is_bounded() => (value, Decoration::Continuous),
            _ => (Interval::ENTIRE, Decoration::Unknown),
        };
        Enclosure { decoration, value, slopes: constants().collect(), hessian: Vec::new() }
    }

    fn sample(&self, at: &[f64]) -> f64 {
        (self.function)(at)
    }
}
