//! A network as a list of neurons, and what computing it in a floating-point format can do to each of them.

use super::interval::{Rounded, power_of_two};
use crate::network::{Activation, Multigrade};

/// A floating-point format in which a network may be evaluated: rounding to nearest, gradual underflow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// IEEE 754 binary64.
    F64,
    /// IEEE 754 binary32.
    F32,
}

impl Format {
    /// Both, in the order in which arrays hold what belongs to them.
    pub const ALL: [Self; 2] = [Self::F64, Self::F32];

    /// `u`: rounding a number `x` of the normal range moves it by at most `u |x|`.
    const fn unit(self) -> f64 {
        match self {
            Self::F64 => power_of_two(-53),
            Self::F32 => power_of_two(-24),
        }
    }

    /// The smallest positive number; rounding below the normal range moves a number by at most half of it.
    pub(super) const fn tiny(self) -> f64 {
        match self {
            Self::F64 => f64::from_bits(1),
            Self::F32 => power_of_two(-149),
        }
    }

    const fn largest(self) -> f64 {
        match self {
            Self::F64 => f64::MAX,
            Self::F32 => f32::MAX as f64,
        }
    }

    /// The nearest number of the format; infinite beyond its range.
    const fn round(self, x: f64) -> f64 {
        match self {
            Self::F64 => x,
            Self::F32 => x as f32 as f64,
        }
    }

    /// An upper bound of `γ_k = k u / (1 - k u)`; infinite from `k u = 1/2` on.
    pub(super) fn gamma(self, k: usize) -> f64 {
        let part = k as f64 * self.unit(); // exact, as is 1 - part: a multiple of u below 1
        if part < 0.5 { Rounded::quotient(part, 1.0 - part).up() } else { f64::INFINITY }
    }
}

/// An upper bound of `a + b`: the neighbour above the rounded sum, as it may have been rounded down. Adding 0 is exact.
pub(super) fn up_sum(a: f64, b: f64) -> f64 {
    match (a, b) {
        (0.0, x) | (x, 0.0) => x,
        _ => (a + b).next_up(),
    }
}

/// An upper bound of `a * b`; 0 if one of them is 0, also if the other is infinite: the infinity is only a bound.
pub(super) fn up_product(a: f64, b: f64) -> f64 {
    if a == 0.0 || b == 0.0 { 0.0 } else { (a * b).next_up() }
}

/// More than a million additions and products together lose by underflow.
pub(super) const UNDERFLOW: f64 = power_of_two(-1000);

/// An upper bound of a sum of `n` numbers that are not negative, each with up to four roundings in it. The computed sum is at
/// least `(1 - u)^(n + 4)` of the exact one, whose inverse is below `(1 + 2 (n + 6) u)(1 - u)` for `n < 2^26`.
pub(super) fn enlarged(sum: f64, n: usize) -> f64 {
    sum * (1.0 + (n + 6) as f64 * f64::EPSILON)
}

/// `weight` times the value of an earlier neuron, or of an input.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Term {
    /// Inputs come first, then neurons.
    pub(super) source: u32,
    /// Never 0.
    pub(super) weight: f64,
}

/// `bias + Σ terms`, and its positive part if `relu`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Neuron {
    /// One past the last of its terms; the first follows those of the neuron before.
    pub(super) end: u32,
    pub(super) relu: bool,
    pub(super) bias: f64,
    pub(super) known: Option<Known>,
}

/// What stays known of a neuron on a box after its sources were replaced by theirs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Known {
    /// How far `bias + Σ terms` is at most from what the network has there.
    pub(super) slack: f64,
    /// For each format an upper bound of `|computed - exact|`, before the positive part.
    pub(super) rounding: [f64; 2],
}

/// Neurons in an order in which each reads only inputs and earlier neurons. The last one is the output.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Net {
    pub(super) neurons: Vec<Neuron>,
    pub(super) terms: Vec<Term>,
}

impl Net {
    /// The terms of neuron `j`.
    pub(super) fn terms_of(&self, j: usize) -> &[Term] {
        let start = if j == 0 { 0 } else { self.neurons[j - 1].end as usize };
        &self.terms[start..self.neurons[j].end as usize]
    }

    /// Appends a neuron, leaving out terms of weight 0.
    pub(super) fn push(&mut self, terms: impl IntoIterator<Item = Term>, bias: f64, relu: bool) {
        self.terms.extend(terms.into_iter().filter(|term| term.weight != 0.0));
        self.neurons.push(Neuron { end: self.terms.len() as u32, relu, bias, known: None });
    }

    /// Says what is known of the last neuron.
    pub(super) fn know(&mut self, known: Known) {
        self.neurons.last_mut().into_iter().for_each(|neuron| neuron.known = Some(known));
    }
}

/// The first grades of a model and one of its outputs, written as a list of neurons.
///
/// An input is `(x - center) / scale`; each neuron is a bias and a sum of products, with or without the positive part;
/// so are each grade's correction `g_k`, the sum of the corrections, and `center + scale * sum`, the output.
///
/// ```
/// use multigrade_model::truth::Program;
/// use multigrade_model::*;
/// let layer = Layer::new(Matrix::new(1, 1, vec![2.0]).unwrap(), vec![-1.0], Activation::Relu)?;
/// let readout = Readout::new(Matrix::new(1, 1, vec![0.5]).unwrap(), vec![0.0])?;
/// let grade = Grade::new(vec![vec![layer]], false, readout)?;
/// let schema = Schema {
///     inputs: vec![InputColumn { name: "x".into(), min: 0.0, max: 1.0 }],
///     outputs: vec![OutputColumn { name: "y".into() }],
///     ..Schema::default()
/// };
/// let (scaling, history) = (Scaling::identity(1), History::default());
/// let model = Multigrade::new(schema, scaling.clone(), scaling, vec![grade], history, ().into())?;
/// let program = Program::new(&model, 1, 0)?;
/// assert_eq!(program.inputs(), ["x"]);
/// assert_eq!(program.n_neurons(), 4); // the layer's neuron, the correction, the sum, the output
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Program {
    pub(super) names: Vec<String>,
    pub(super) inputs: Vec<Input>,
    pub(super) net: Net,
    /// Which of [`Format::ALL`] are followed.
    pub(super) followed: [bool; 2],
}

/// A model, or a part of it, about which nothing can be proved here.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ProgramError {
    /// A layer with an activation that is not piecewise linear.
    #[error(
        "grade {grade}, branch {branch}, layer {layer} has the activation {found}; bounds are proved for relu and \
         identity only"
    )]
    Activation {
        /// Number of the grade, from 1.
        grade: usize,
        /// Number of the branch, from 1.
        branch: usize,
        /// Number of the layer, from 1.
        layer: usize,
        /// Its activation.
        found: Activation,
    },
    /// No such grade: grades are counted from 1, and 0 stands for the constant before the first.
    #[error("the model has {available} grades, asked for {asked}")]
    NoSuchGrade {
        /// Grades asked for.
        asked: usize,
        /// Grades of the model.
        available: usize,
    },
    /// No such output: outputs are counted from 0.
    #[error("the model has {available} outputs, asked for number {asked} (counted from 0)")]
    NoSuchOutput {
        /// Output asked for.
        asked: usize,
        /// Outputs of the model.
        available: usize,
    },
    /// More weights than can be handled.
    #[error("the model has more than {MAX_TERMS} weights that are not 0")]
    TooLarge,
}

/// Most terms of a program: with `n` below it, `(n + 1)(n + 2) u < 1` in f64.
const MAX_TERMS: usize = 1 << 26;

impl Program {
    /// The first `grades` grades of the model and its output number `output` (from 0). Both formats are followed.
    ///
    /// # Errors
    /// [`ProgramError`]: a layer that is neither `relu` nor `identity`, no such grade or output, too many weights.
    pub fn new(model: &Multigrade, grades: usize, output: usize) -> Result<Self, ProgramError> {
        let available = model.grades().len();
        if grades > available {
            return Err(ProgramError::NoSuchGrade { asked: grades, available });
        }
        if output >= model.n_outputs() {
            return Err(ProgramError::NoSuchOutput { asked: output, available: model.n_outputs() });
        }
        let scaling = model.input_scaling();
        let inputs = scaling.center().iter().zip(scaling.scale()).map(|(&center, &scale)| Input { center, scale });
        let d = model.n_inputs() as u32;
        let mut net = Net::default();
        let dense = |sources: &[u32], weights: &[f64]| -> Vec<Term> {
            sources.iter().zip(weights).map(|(&source, &weight)| Term { source, weight }).collect()
        };
        let mut features: Vec<u32> = (0..d).collect();
        let mut corrections = Vec::with_capacity(grades);
        for (g, grade) in model.grades()[..grades].iter().enumerate() {
            let mut next = Vec::with_capacity(grade.n_features());
            for (b, branch) in grade.branches().iter().enumerate() {
                let mut h = features.clone();
                for (l, layer) in branch.iter().enumerate() {
                    let relu = match layer.activation() {
                        Activation::Relu => true,
                        Activation::Identity => false,
                        found => {
                            return Err(ProgramError::Activation { grade: g + 1, branch: b + 1, layer: l + 1, found });
                        }
                    };
                    let first = d + net.neurons.len() as u32;
                    for (i, &bias) in layer.bias().iter().enumerate() {
                        let terms = layer.weights().terms(i).map(|(j, weight)| Term { source: h[j], weight });
                        net.push(terms, bias, relu);
                        if net.terms.len() > MAX_TERMS || net.neurons.len() > MAX_TERMS {
                            return Err(ProgramError::TooLarge);
                        }
                    }
                    h = (first..d + net.neurons.len() as u32).collect();
                }
                next.extend(h);
            }
            if grade.carry_inputs() {
                next.extend(0..d);
            }
            features = next;
            corrections.push(d + net.neurons.len() as u32);
            let readout = grade.readout();
            net.push(dense(&features, readout.weights().row(output)), readout.bias()[output], false);
        }
        let sum = d + net.neurons.len() as u32;
        net.push(corrections.iter().map(|&source| Term { source, weight: 1.0 }), 0.0, false);
        let scaling = model.output_scaling();
        let last = Term { source: sum, weight: scaling.scale()[output] };
        net.push([last], scaling.center()[output], false);
        if net.terms.len() > MAX_TERMS {
            return Err(ProgramError::TooLarge);
        }
        // An infinite weight would make NaN even of an exact 0.
        let fits = |x: f64| Format::F32.round(x).is_finite();
        let f32 = net.terms.iter().all(|t| fits(t.weight)) && net.neurons.iter().all(|n| fits(n.bias));
        let names = model.schema().input_names().into_iter().map(String::from).collect();
        Ok(Self { names, inputs: inputs.collect(), net, followed: [true, f32] })
    }

    /// The same program without bounds for evaluation in `format`: a little faster, and parts that only that format's
    /// rounding keeps alive are dropped earlier.
    pub fn without(mut self, format: Format) -> Self {
        self.followed[format as usize] = false;
        self
    }

    /// Names of the inputs, in order.
    pub fn inputs(&self) -> &[String] {
        &self.names
    }

    /// Number of neurons.
    pub fn n_neurons(&self) -> usize {
        self.net.neurons.len()
    }
}

/// The scaling `z = (x - center) / scale` of an input.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Input {
    pub(super) center: f64,
    pub(super) scale: f64,
}

/// Upper bounds of the magnitude of an exact value and of its distance from the computed one.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Computed {
    pub(super) magnitude: f64,
    pub(super) error: f64,
}

impl Input {
    /// An upper bound of `|computed z - z|`, where `x`, `x - center` and `z` have at most the given magnitudes. The
    /// computed `z` rounds `x` to the format, subtracts, divides, each with one rounding; or it does so in f64 and
    /// rounds `z` to the format. Infinite where something may overflow.
    pub(super) fn rounding(self, format: Format, x: f64, difference: f64, z: f64) -> f64 {
        let error = self.stepwise(format, x, difference, z);
        match format {
            Format::F64 => error,
            Format::F32 => error.max(rounded(format, z, self.stepwise(Format::F64, x, difference, z))),
        }
    }

    fn stepwise(self, format: Format, x: f64, difference: f64, z: f64) -> f64 {
        let (center, scale) = (format.round(self.center), format.round(self.scale));
        let mut error = rounded(format, x, 0.0);
        if self.center != 0.0 {
            error = up_sum(error, (center - self.center).abs());
            error = rounded(format, difference, error);
        }
        if self.scale != 1.0 {
            // y^/s^ - y/s = (y^ - y)/s^ + (y/s)(s - s^)/s^, then one more rounding.
            let moved = up_sum(error, up_product(z, (scale - self.scale).abs()));
            error = if scale > 0.0 { Rounded::quotient(moved, scale).up() } else { f64::INFINITY };
            error = rounded(format, z, error);
        }
        if center.is_finite() && scale.is_finite() { error } else { f64::INFINITY }
    }
}

/// The distance of the rounded from the exact number, where a number at most `error` away from the exact one, whose
/// magnitude is at most `magnitude`, is rounded. Infinite where that may overflow.
fn rounded(format: Format, magnitude: f64, error: f64) -> f64 {
    let reach = up_sum(magnitude, error);
    if reach == 0.0 {
        return 0.0;
    }
    if reach > format.largest() {
        return f64::INFINITY;
    }
    up_sum(error, up_sum(up_product(format.unit(), reach), format.tiny()))
}

/// An upper bound of `|computed - exact|` for `bias + Σ weight * value`, where weights, bias and values are rounded,
/// the sum may be taken in any order and products may be fused with additions. Infinite where something may overflow.
///
/// With hats for what is computed, `ŵ` and `b̂` for rounded weights and bias, and sums over the terms,
///
/// ```text
/// Σ ŵ ĥ + b̂ - (Σ w h + b) = Σ ŵ (ĥ - h) + Σ (ŵ - w) h + (b̂ - b)
/// ```
///
/// and evaluating `Σ ŵ ĥ + b̂` multiplies each of its `m` summands that are not exactly 0 by at most `k` factors
/// `1 + δ`, `|δ| <= u`: `m - 1` additions, and its product, unless `ŵ` is a power of two. The sum moves by at most
/// `γ_k T`, `T = Σ |ŵ ĥ| + |b̂|`; intermediate results stay below `(1 + γ_k) T`. Additions do not underflow inexactly;
/// a product or fused step may, by `tiny / 2`, grown by at most `1 + γ_k < 2` later; it cannot where `ŵ` is a power of
/// two that is at least 1.
pub(super) fn sum_rounding(format: Format, bias: f64, terms: impl Iterator<Item = (f64, Computed)>) -> f64 {
    let (mut summands, mut factor, mut underflows, mut carried) = (0, 0, 0, 0);
    let (mut error, mut total) = (0.0, 0.0);
    for (weight, value) in terms {
        if value.magnitude == 0.0 && value.error == 0.0 {
            continue;
        }
        let rounded = format.round(weight);
        // The difference of a number and its neighbour in f32 is exact.
        let moved = (rounded - weight).abs();
        let rounded = rounded.abs();
        if moved > 0.0 || value.error > 0.0 {
            error += or_zero(moved * value.magnitude) + or_zero(rounded * value.error);
            carried += 1;
        }
        total += or_zero(rounded * (value.magnitude + value.error));
        let power_of_two = rounded.is_normal() && rounded.to_bits().trailing_zeros() >= 52;
        summands += 1;
        factor |= usize::from(!power_of_two);
        underflows += usize::from(!(power_of_two && rounded >= 1.0));
    }
    if carried > 0 {
        error = enlarged(error, carried) + UNDERFLOW;
    }
    total = enlarged(total, summands);
    let mut tiny = format.tiny();
    if total < power_of_two(-900) {
        // What products below all numbers lost.
        total += summands as f64 * f64::from_bits(1);
    } else {
        // Arithmetic with subnormal numbers is slow.
        tiny = tiny.max(f64::MIN_POSITIVE);
    }
    if bias != 0.0 {
        let rounded = format.round(bias);
        error = up_sum(error, (rounded - bias).abs());
        total = up_sum(total, rounded.abs());
        summands += 1;
    }
    let steps = factor + if summands > 0 { summands - 1 } else { 0 };
    let gamma = format.gamma(steps);
    let local = up_sum(up_product(gamma, total), up_product(underflows as f64, tiny));
    if up_sum(total, local) <= format.largest() { up_sum(error, local) } else { f64::INFINITY }
}

/// A product of bounds; 0 if it is `0 * ∞`: the infinity is only a bound.
fn or_zero(product: f64) -> f64 {
    if product.is_nan() { 0.0 } else { product }
}

#[cfg(test)]
mod tests {
    use super::*;
    use dashu_float::{FBig, round::mode::HalfEven};
    use proptest::prelude::*;

    type Big = FBig<HalfEven, 2>;

    /// 2,000 bits: sums and products of a few numbers are exact, quotients far more than needed.
    fn big(x: f64) -> Big {
        Big::try_from(x).expect("finite").with_precision(2000).value()
    }

    /// The distance of the worst of several orders from the exact sum. Single operations of f32 are computed in f64 and
    /// rounded: harmless, since 53 >= 2 * 24 + 2.
    fn worst(format: Format, bias: f64, terms: &[(f64, f64, f64)]) -> Big {
        let exact = terms.iter().fold(big(bias), |sum, (w, h, _)| sum + big(*w) * big(*h));
        let products: Vec<(f64, f64)> = terms.iter().map(|(w, _, computed)| (format.round(*w), *computed)).collect();
        let b = format.round(bias);
        let mul = |w: f64, h: f64| format.round(w * h);
        let add = |x: f64, y: f64| format.round(x + y);
        // Fused: exact in f64 for f32 would need more bits, so this order is for f64 alone.
        let fused = |sum: f64, (w, h): &(f64, f64)| w.mul_add(*h, sum);
        let mut results = vec![
            products.iter().fold(b, |sum, (w, h)| add(sum, mul(*w, *h))),
            products.iter().rev().fold(b, |sum, (w, h)| add(sum, mul(*w, *h))),
            add(products.iter().fold(0.0, |sum, (w, h)| add(sum, mul(*w, *h))), b),
            add(products.iter().rev().fold(0.0, |sum, (w, h)| add(sum, mul(*w, *h))), b),
        ];
        if format == Format::F64 {
            results.extend([products.iter().fold(b, fused), products.iter().rev().fold(b, fused)]);
        }
        let distance = |x: f64| {
            let distance = big(x) - &exact;
            if distance < big(0.0) { -distance } else { distance }
        };
        results.into_iter().map(distance).fold(big(0.0), |a, b| if a > b { a } else { b })
    }

    fn bound(format: Format, bias: f64, terms: &[(f64, f64, f64)]) -> f64 {
        let values = terms.iter().map(|(w, h, computed)| {
            let error = if h == computed { 0.0 } else { (h - computed).abs().next_up() };
            (*w, Computed { magnitude: h.abs(), error })
        });
        sum_rounding(format, bias, values)
    }

    #[test]
    fn the_bound_of_a_sum_is_attained_up_to_a_factor_in_every_part_of_it() {
        for format in Format::ALL {
            let (u, tiny) = match format {
                Format::F64 => (f64::EPSILON / 2.0, f64::from_bits(1)),
                Format::F32 => (f64::from(f32::EPSILON / 2.0), f64::from(f32::from_bits(1))),
            };
            let exact = |terms: &[(f64, f64)]| -> Vec<_> { terms.iter().map(|(w, h)| (*w, *h, *h)).collect() };
            // Their product is 1 + r + s + u: the last digit is followed by exactly a half.
            let (r, s) = if format == Format::F64 { (26, 27) } else { (12, 12) };
            let [r, s] = [r, s].map(|k| 1.0 + power_of_two(-k));
            let cases = [
                // Additions: a half of the last digit is lost each time.
                (0.0, exact(&[(1.0, 1.0), (1.0, u)]), 0.99),
                (0.0, exact(&[(1.0, 1.0), (1.0, u), (-1.0, -u)]), 0.99),
                (1.0, exact(&[(1.0, u), (1.0, u), (1.0, u)]), 0.99),
                // A product, and a product with an addition.
                (0.0, exact(&[(r, s)]), 0.99),
                (u, exact(&[(r, s)]), 0.99),
                // Underflow.
                (0.0, exact(&[(0.5, tiny)]), 0.2),
                (0.0, exact(&[(1.0 - u, 3.0 * tiny)]), 0.0),
                (0.0, exact(&[(0.5, tiny), (0.5, tiny)]), 0.2),
                // What comes in is off.
                (0.0, vec![(1024.0, 0.1, f64::from(0.1f32))], 0.99),
                (0.0, vec![(-3.0, 0.1, f64::from(0.1f32))], 0.1),
            ];
            for (bias, terms, share) in cases {
                let (worst, bound) = (worst(format, bias, &terms), bound(format, bias, &terms));
                assert!(worst <= big(bound), "{format:?} {bias} {terms:?}: {worst} {bound}");
                assert!(
                    worst >= big(share * (1.0 - 1e-6)) * big(bound),
                    "{format:?} {bias} {terms:?}: {worst} {bound}"
                );
            }
        }
        // Weights and biases that are no numbers of the format.
        for (bias, terms, share) in [
            (0.1, vec![], 0.99),
            (0.0, vec![(0.1, 1.0, 1.0)], 0.1),
            (0.0, vec![(0.1, 65536.0, 65536.0)], 0.1),
            (0.0, vec![(1e-50, 1.0, 1.0)], 1e-6),
            (1.0 + 2f64.powi(-25), vec![(1.0 + 2f64.powi(-24), 1.0, 1.0)], 0.1),
        ] {
            let (worst, bound) = (worst(Format::F32, bias, &terms), bound(Format::F32, bias, &terms));
            assert!(
                worst <= big(bound) && worst >= big(share * (1.0 - 1e-6)) * big(bound),
                "{bias} {terms:?}: {worst} {bound}"
            );
        }
    }

    #[test]
    fn what_is_exact_has_no_error_and_what_may_overflow_has_no_bound() {
        for format in Format::ALL {
            let big = format.largest();
            assert_eq!(bound(format, 0.0, &[]), 0.0);
            assert_eq!(bound(format, 1.0, &[]), 0.0);
            let copy = |w: f64, magnitude: f64, error: f64| {
                sum_rounding(format, 0.0, [(w, Computed { magnitude, error })].into_iter())
            };
            assert_eq!(copy(1.0, 3.0, 0.0), 0.0);
            assert_eq!(copy(-2.0, big / 4.0, 0.0), 0.0);
            assert_eq!(copy(0.3, 0.0, 0.0), 0.0);
            assert_eq!(copy(3.0, big / 2.0, 0.0), f64::INFINITY);
            assert_eq!(copy(1.0, big, big), f64::INFINITY);
            assert_eq!(copy(1.0, 1.0, f64::INFINITY), f64::INFINITY);
            // Each summand is within the range, the sum may not be: by additions, and by their rounding alone.
            assert_eq!(bound(format, big, &[(1.0, big, big)]), f64::INFINITY);
            assert_eq!(bound(format, big / 2.0, &[(1.0, big / 2.0, big / 2.0)]), f64::INFINITY);
            assert!(bound(format, big / 2.0, &[(1.0, big / 4.0, big / 4.0)]).is_finite());
            assert_eq!(format.gamma(1 << 23 << if format == Format::F64 { 29 } else { 0 }), f64::INFINITY);
            assert_eq!(rounded(format, big, big), f64::INFINITY);
            assert_eq!(rounded(format, 0.0, 0.0), 0.0);
            // The tie between the smallest number and 0.
            assert!(rounded(format, format.tiny() / 2.0, 0.0) >= format.tiny() / 2.0);
            let plain = Input { center: 0.0, scale: 1.0 };
            assert_eq!(plain.rounding(format, f64::INFINITY, f64::INFINITY, f64::INFINITY), f64::INFINITY);
        }
        let huge = Input { center: 1e39, scale: 1.0 };
        assert!(huge.rounding(Format::F64, 1.0, 1e39, 1e39).is_finite());
        assert_eq!(huge.rounding(Format::F32, 1.0, 1e39, 1e39), f64::INFINITY);
        for scale in [1e-60, 1e60] {
            let input = Input { center: 0.0, scale };
            assert!(input.rounding(Format::F64, 1.0, 1.0, 1.0 / scale).is_finite());
            assert_eq!(input.rounding(Format::F32, 1.0, 1.0, 1.0 / scale), f64::INFINITY);
        }
    }

    /// `x` is rounded down, the scale up, and the quotient down by almost a half of its last digit: all parts are needed.
    #[test]
    fn the_rounding_of_a_scaled_input_needs_all_its_parts() {
        let [digit, bit] = [power_of_two(-23), power_of_two(-40)];
        let (x, scale) = (1.0 + digit / 2.0 - bit, 1.0 + 1439.5 * digit + bit);
        let computed = f64::from(x as f32 / scale as f32);
        let off = big(x) / big(scale) - big(computed);
        let bound = Input { center: 0.0, scale }.rounding(Format::F32, x, x, (x / scale).next_up());
        assert!(off <= big(bound) && off >= big(0.8) * big(bound), "{off} {bound}");
    }

    fn number() -> impl Strategy<Value = f64> {
        let plain = -2.0..2.0f64;
        let tiny = (1u64..1 << 40).prop_map(f64::from_bits);
        prop_oneof![
            4 => plain.clone(),
            1 => plain.clone().prop_map(|x| x * 1e30),
            1 => plain.clone().prop_map(|x| x * 1e-30),
            1 => plain.clone().prop_map(|x| x * 1e-43),
            1 => plain.clone().prop_map(|x| f64::from(x as f32)),
            1 => Just(1.0),
            1 => tiny,
            1 => (-60i32..60).prop_map(|k| 2f64.powi(k)),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 2000, ..ProptestConfig::default() })]

        #[test]
        fn no_sum_is_further_from_the_exact_one_than_its_bound(
            bias in number(), terms in prop::collection::vec((number(), number()), 0..6)
        ) {
            for format in Format::ALL {
                let terms: Vec<_> = terms.iter().map(|(w, h)| (*w, *h, format.round(*h))).collect();
                let bound = bound(format, bias, &terms);
                if bound.is_finite() {
                    prop_assert!(worst(format, bias, &terms) <= big(bound));
                }
            }
        }

        #[test]
        fn no_scaled_input_is_further_from_the_exact_one_than_its_bound(
            x in number(), center in prop_oneof![number(), Just(0.0)], scale in prop_oneof![number(), Just(1.0)]
        ) {
            let (input, scale) = (Input { center, scale: scale.abs() }, scale.abs());
            if scale == 0.0 || !(1e-40..1e40).contains(&scale) {
                return Ok(());
            }
            let exact = (big(x) - big(center)) / big(scale);
            let difference = Rounded::sum(x, -center).value;
            let bounds = (x.abs(), difference.abs().next_up(), (difference / scale).abs().next_up().next_up());
            for format in Format::ALL {
                let bound = input.rounding(format, bounds.0, bounds.1, bounds.2);
                let step = |y: f64| format.round(y);
                let centered = if center == 0.0 { step(x) } else { step(step(x) - step(center)) };
                let mut results = vec![if scale == 1.0 { centered } else { step(centered / step(scale)) }];
                results.push(step((x - center) / scale));
                for result in results.into_iter().filter(|_| bound.is_finite()) {
                    let off = big(result) - &exact;
                    let off = if off < big(0.0) { -off } else { off };
                    prop_assert!(off <= big(bound), "{format:?} {result} {bound}");
                }
            }
        }
    }
}
