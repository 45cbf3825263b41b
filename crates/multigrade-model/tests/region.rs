//! The bounds of regions, attacked with networks of every kind: exact values by arithmetic without rounding, computed
//! values in both formats and in several orders, at corners, on faces, near kinks and anywhere.

mod nets;

use dashu_float::FBig;
use dashu_float::round::mode::HalfEven;
use multigrade_model::truth::{Bounds, Domain, Expression, Format, Interval, Leaf, Program, Region};
use multigrade_model::*;
use proptest::prelude::*;

type Big = FBig<HalfEven, 2>;

/// Exact: sums and products of such numbers are not rounded.
fn big(x: f64) -> Big {
    Big::try_from(x).expect("finite").with_precision(0).value()
}

/// Whether the exact number lies in the interval.
fn encloses(x: Interval, y: &Big) -> bool {
    (x.lower() == f64::NEG_INFINITY || big(x.lower()) <= *y) && (x.upper() == f64::INFINITY || *y <= big(x.upper()))
}

fn schema(d: usize) -> Schema {
    let name = |i: usize| InputColumn { name: ["x", "y", "z", "w"][i].into(), min: 0.0, max: 1.0 };
    Schema {
        inputs: (0..d).map(name).collect(),
        outputs: vec![OutputColumn { name: "out".into() }],
        ..Schema::default()
    }
}

/// A source of numbers with a state that proptest draws.
struct Draw(u64);

impl Draw {
    fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ z >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ z >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ z >> 31
    }

    fn below(&mut self, n: usize) -> usize {
        (self.bits() % n as u64) as usize
    }

    /// In [-1, 1).
    fn unit(&mut self) -> f64 {
        (self.bits() >> 11) as f64 / (1u64 << 52) as f64 - 1.0
    }

    fn weight(&mut self, wild: bool) -> f64 {
        match self.below(if wild { 14 } else { 8 }) {
            0 => 0.0,
            1 => 1.0,
            2 => -1.0,
            3 => (self.below(9) as f64 - 4.0) / 4.0,
            4 => 2f64.powi(self.below(9) as i32 - 4),
            5..8 => 2.0 * self.unit(),
            8 => 1e-300 * self.unit(),
            9 => 1e30 * self.unit(),
            10 => f64::from_bits(self.bits() >> 12), // subnormal
            11 => 1e-45 * self.unit(),
            12 => 1.0 + f64::EPSILON,
            _ => 1e15 * self.unit(),
        }
    }

    fn matrix(&mut self, rows: usize, cols: usize, wild: bool) -> Matrix {
        let data = (0..rows * cols).map(|_| self.weight(wild)).collect();
        Matrix::new(rows, cols, data).expect("shape")
    }

    fn vector(&mut self, n: usize, wild: bool) -> Vec<f64> {
        (0..n).map(|_| self.weight(wild)).collect()
    }

    /// Scales are powers of two, so that the exact arithmetic can divide by them.
    fn scaling(&mut self, n: usize, wild: bool) -> Scaling {
        if self.below(2) == 0 {
            return Scaling::identity(n);
        }
        let scale = (0..n).map(|_| 2f64.powi(self.below(7) as i32 - 3)).collect();
        Scaling::new(self.vector(n, wild), scale).expect("a scaling")
    }

    fn model(&mut self, d: usize, wild: bool) -> Multigrade {
        let mut grades = Vec::new();
        let mut width = d;
        for _ in 0..1 + self.below(3) {
            let branches: Vec<Branch> = (0..1 + self.below(2))
                .map(|_| {
                    let mut inputs = width;
                    (0..1 + self.below(4))
                        .map(|_| {
                            let outputs = 1 + self.below(4);
                            let weights = self.matrix(outputs, inputs, wild);
                            inputs = outputs;
                            let activation = [Activation::Relu, Activation::Relu, Activation::Identity][self.below(3)];
                            Layer::new(weights, self.vector(outputs, wild), activation).expect("a layer")
                        })
                        .collect()
                })
                .collect();
            let carry = self.below(2) == 0;
            let hidden: usize = branches.iter().map(|b| b[b.len() - 1].outputs()).sum();
            width = hidden + if carry { d } else { 0 };
            let readout = Readout::new(self.matrix(1, width, wild), self.vector(1, wild)).expect("a readout");
            grades.push(Grade::new(branches, carry, readout).expect("a grade"));
        }
        let (inputs, outputs) = (self.scaling(d, wild), self.scaling(1, wild));
        Multigrade::new(schema(d), inputs, outputs, grades, History::default(), ().into()).expect("a model")
    }
}

/// The exact value of `f_k`.
fn exact(model: &Multigrade, x: &[Big], k: usize) -> Big {
    let affine = |weights: &Weights, bias: &[f64], h: &[Big]| -> Vec<Big> {
        let row = |(i, b): (usize, &f64)| weights.terms(i).fold(big(*b), |sum, (j, w)| sum + big(w) * &h[j]);
        bias.iter().enumerate().map(row).collect()
    };
    let (center, scale) = (model.input_scaling().center(), model.input_scaling().scale());
    let scaled = |(i, x): (usize, &Big)| (x - big(center[i])) * big(1.0 / scale[i]);
    let inputs: Vec<Big> = x.iter().enumerate().map(scaled).collect();
    let mut h = inputs.clone();
    let mut sum = big(0.0);
    for grade in &model.grades()[..k] {
        let mut features = Vec::new();
        for branch in grade.branches() {
            let mut v = h.clone();
            for layer in branch {
                v = affine(layer.weights(), layer.bias(), &v);
                if layer.activation() == Activation::Relu {
                    v.iter_mut().filter(|v| **v < big(0.0)).for_each(|v| *v = big(0.0));
                }
            }
            features.extend(v);
        }
        if grade.carry_inputs() {
            features.extend(inputs.iter().cloned());
        }
        h = features;
        sum += affine(&grade.readout().weights().clone().into(), grade.readout().bias(), &h).remove(0);
    }
    big(model.output_scaling().center()[0]) + big(model.output_scaling().scale()[0]) * sum
}

/// A format to compute in, and the order of its sums.
trait Real: Copy + PartialOrd + std::ops::Neg<Output = Self> {
    fn round(x: f64) -> Self;
    fn wide(self) -> f64;
    fn plus(self, y: Self) -> Self;
    fn times(self, y: Self) -> Self;
    fn over(self, y: Self) -> Self;
    fn fused(self, y: Self, z: Self) -> Self;
}

macro_rules! real {
    ($t:ty) => {
        impl Real for $t {
            fn round(x: f64) -> Self {
                x as $t
            }
            fn wide(self) -> f64 {
                f64::from(self)
            }
            fn plus(self, y: Self) -> Self {
                self + y
            }
            fn times(self, y: Self) -> Self {
                self * y
            }
            fn over(self, y: Self) -> Self {
                self / y
            }
            fn fused(self, y: Self, z: Self) -> Self {
                self.mul_add(y, z)
            }
        }
    };
}
real!(f32);
real!(f64);

#[derive(Clone, Copy, Debug)]
enum Sum {
    Forward,
    Backward,
    Pairwise,
    Fused,
}

fn add<T: Real>(order: Sum, bias: T, pairs: &[(T, T)]) -> T {
    match order {
        Sum::Forward => pairs.iter().fold(bias, |sum, (w, h)| sum.plus(w.times(*h))),
        Sum::Backward => pairs.iter().rev().fold(T::round(0.0), |sum, (w, h)| sum.plus(w.times(*h))).plus(bias),
        Sum::Fused => pairs.iter().rev().fold(bias, |sum, (w, h)| w.fused(*h, sum)),
        Sum::Pairwise => {
            let mut parts: Vec<T> = pairs.iter().map(|(w, h)| w.times(*h)).chain([bias]).collect();
            while parts.len() > 1 {
                parts = parts.chunks(2).map(|c| if c.len() == 2 { c[0].plus(c[1]) } else { c[0] }).collect();
            }
            parts[0]
        }
    }
}

/// `f_k` computed in a format; with `wide` both scalings are computed in f64.
fn computed<T: Real>(model: &Multigrade, x: &[f64], k: usize, order: Sum, wide: bool) -> f64 {
    let affine = |weights: &Weights, bias: &[f64], h: &[T]| -> Vec<T> {
        let row = |(i, b): (usize, &f64)| {
            let pairs: Vec<(T, T)> = weights.terms(i).map(|(j, w)| (T::round(w), h[j])).collect();
            add(order, T::round(*b), &pairs)
        };
        bias.iter().enumerate().map(row).collect()
    };
    let scaled = |i: usize| {
        let (c, s) = (model.input_scaling().center()[i], model.input_scaling().scale()[i]);
        if wide {
            return T::round((x[i] - c) / s);
        }
        T::round(x[i]).plus(-T::round(c)).over(T::round(s))
    };
    let inputs: Vec<T> = (0..x.len()).map(scaled).collect();
    let mut h = inputs.clone();
    let mut sum = T::round(0.0);
    for grade in &model.grades()[..k] {
        let mut features = Vec::new();
        for branch in grade.branches() {
            let mut v = h.clone();
            for layer in branch {
                v = affine(layer.weights(), layer.bias(), &v);
                if layer.activation() == Activation::Relu {
                    v.iter_mut().filter(|v| **v < T::round(0.0)).for_each(|v| *v = T::round(0.0));
                }
            }
            features.extend(v);
        }
        if grade.carry_inputs() {
            features.extend_from_slice(&inputs);
        }
        h = features;
        sum = sum.plus(affine(&grade.readout().weights().clone().into(), grade.readout().bias(), &h)[0]);
    }
    let (c, s) = (model.output_scaling().center()[0], model.output_scaling().scale()[0]);
    if wide { c + s * sum.wide() } else { add(order, T::round(c), &[(T::round(s), sum)]).wide() }
}

/// Checks the bounds of `f - f_k` at a point, for all meanings. `f` is the exact value of the function there.
fn check_at(
    model: &Multigrade,
    k: usize,
    bounds: &Bounds,
    x: &[f64],
    f: &Big,
    network: &Big,
) -> Result<(), TestCaseError> {
    let residual = f - network;
    prop_assert!(encloses(bounds.exact, &residual), "exact: {} at {x:?} not in {:?}", residual, bounds.exact);
    for order in [Sum::Forward, Sum::Backward, Sum::Pairwise, Sum::Fused] {
        let mut values = Vec::new();
        if bounds.f64.is_bounded() {
            values.push(("f64", bounds.f64, computed::<f64>(model, x, k, order, false)));
        }
        if bounds.f32.is_bounded() {
            values.push(("f32", bounds.f32, computed::<f32>(model, x, k, order, false)));
            values.push(("f32 with scaling in f64", bounds.f32, computed::<f32>(model, x, k, order, true)));
        }
        for (what, range, value) in values {
            prop_assert!(value.is_finite(), "{what} overflows at {x:?}");
            prop_assert!(encloses(range, &(f - big(value))), "{what}, {order:?}: {value} at {x:?} not in {range:?}");
        }
    }
    Ok(())
}

/// Points of a box: its vertices, points on faces, and others.
fn points(draw: &mut Draw, sides: &[Interval]) -> Vec<Vec<f64>> {
    let d = sides.len();
    let mut points: Vec<Vec<f64>> = (0..1 << d)
        .map(|corner: usize| {
            (0..d).map(|i| if corner >> i & 1 == 1 { sides[i].upper() } else { sides[i].lower() }).collect()
        })
        .collect();
    for _ in 0..8 {
        let coordinate = |side: &Interval| match draw.below(6) {
            0 => side.lower(),
            1 => side.upper(),
            2 => side.midpoint(),
            _ => (side.lower() + (draw.unit() * 0.5 + 0.5) * (side.upper() - side.lower()))
                .clamp(side.lower(), side.upper()),
        };
        points.push(sides.iter().map(coordinate).collect());
    }
    points
}

/// Polynomials, with the same in exact arithmetic.
type Exact = fn(&[Big]) -> Big;
const FUNCTIONS: [(&str, Exact); 5] = [
    ("0", |_| big(0.0)),
    ("3*x^2 - x", |p| big(3.0) * &p[0] * &p[0] - &p[0]),
    ("x^3 - 2*x*y + y^2", |p| &p[0] * &p[0] * &p[0] - big(2.0) * &p[0] * &p[1] + &p[1] * &p[1]),
    ("max(x, y) - x*y*z", |p| (if p[0] > p[1] { p[0].clone() } else { p[1].clone() }) - &p[0] * &p[1] * &p[2]),
    ("-x*y + z^2/2 - y^2*z", |p| &p[2] * &p[2] * big(0.5) - &p[0] * &p[1] - &p[1] * &p[1] * &p[2]),
];
const ARGUMENTS: [usize; 5] = [1, 1, 2, 3, 3];

fn attack(seed: u64, wild: bool) -> Result<(), TestCaseError> {
    let mut draw = Draw(seed);
    let which = draw.below(FUNCTIONS.len());
    let (text, function) = FUNCTIONS[which];
    let d = ARGUMENTS[which] + draw.below(4 - ARGUMENTS[which]);
    let model = draw.model(d, wild);
    let k = 1 + draw.below(model.grades().len());
    let width = [1.0, 4.0, 1e-3, 1e-12][draw.below(4)];
    let domain: Vec<String> = (0..d)
        .map(|i| {
            let lower = draw.unit() * 2.0;
            format!("{}={:?}..{:?}", ["x", "y", "z"][i], lower, lower + width)
        })
        .collect();
    let domain = Domain::parse(&domain.join(", ")).expect("a box");
    let expression = Expression::parse(text).expect("a formula");
    let program = Program::new(&model, k, 0).expect("piecewise linear");
    let mut region = Region::root(&program, &expression, &domain).expect("they fit");
    for _ in 0..4 {
        let points: Vec<(Vec<f64>, Big, Big)> = points(&mut draw, region.sides())
            .into_iter()
            .map(|x| {
                let exactly: Vec<Big> = x.iter().map(|x| big(*x)).collect();
                let (f, network) = (function(&exactly), exact(&model, &exactly, k));
                (x, f, network)
            })
            .collect();
        for (_, leaf) in Leaf::NAMED {
            if let Ok(bounds) = region.bound(leaf) {
                for (x, f, network) in &points {
                    check_at(&model, k, &bounds, x, f, network)?;
                }
            }
        }
        let variable = draw.below(d);
        let at = region.sides()[variable].midpoint() + 0.3 * draw.unit() * region.sides()[variable].width();
        let Ok((below, above)) = region.split(variable, at) else { break };
        region = if draw.below(2) == 0 { below } else { above };
    }
    Ok(())
}

proptest! {
    // A seed has no simpler cases.
    #![proptest_config(ProptestConfig { cases: 300, max_shrink_iters: 0, ..ProptestConfig::default() })]

    #[test]
    fn no_value_of_any_network_is_outside_its_bounds(seed: u64) {
        attack(seed, false)?;
    }

    #[test]
    fn no_value_of_a_network_with_extreme_weights_is_outside_its_bounds(seed: u64) {
        attack(seed, true)?;
    }
}

/// Networks in which most neurons are decided on a small box, and become sums of inputs.
#[test]
fn no_value_of_a_deep_network_is_outside_its_bounds_on_small_boxes() {
    let mut draw = Draw(11);
    for (d, n) in [(1, 7), (2, 3), (2, 4)] {
        let model = nets::mesh(d, n, |x| 0.3 + x[0] * x[d - 1] - 0.7 * x[0]);
        let (f, domain) = (Expression::parse("0").unwrap(), ["x=0..1", "x=0..1, y=0..1"][d - 1]);
        let domain = Domain::parse(domain).unwrap();
        for _ in 0..3 {
            let mut region = Region::root(&Program::new(&model, 1, 0).unwrap(), &f, &domain).unwrap();
            for cuts in 0..8 {
                let side = region.sides()[cuts % d];
                // Near a plane of the mesh, where signs are nearly decided, or anywhere.
                let plane = (side.midpoint() * n as f64).round() / n as f64;
                let at = if draw.below(2) == 0 { plane } else { side.midpoint() + 0.3 * draw.unit() * side.width() };
                let Ok((below, above)) = region.split(cuts % d, at) else { continue };
                region = if draw.below(2) == 0 { below } else { above };
                if cuts < 3 {
                    continue;
                }
                let points = points(&mut draw, region.sides());
                for x in &points[..6] {
                    let exactly: Vec<Big> = x.iter().map(|x| big(*x)).collect();
                    let network = exact(&model, &exactly, 1);
                    for (_, leaf) in Leaf::NAMED {
                        let bounds = region.bound(leaf).unwrap();
                        check_at(&model, 1, &bounds, x, &big(0.0), &network)
                            .unwrap_or_else(|e| panic!("{region}: {e}"));
                    }
                }
            }
        }
    }
}

/// Checks a network at the vertices and some points of a box, against the leaf, with `f = 0`.
fn check_against_zero(model: &Multigrade, domain: &str, leaf: &str) -> Bounds {
    let (f, domain) = (Expression::parse("0").unwrap(), Domain::parse(domain).unwrap());
    let region = Region::root(&Program::new(model, 1, 0).unwrap(), &f, &domain).unwrap();
    let leaf = Leaf::NAMED.into_iter().find(|(name, _)| *name == leaf).unwrap().1;
    let bounds = region.bound(leaf).unwrap();
    for x in points(&mut Draw(1), region.sides()) {
        let exactly: Vec<Big> = x.iter().map(|x| big(*x)).collect();
        check_at(model, 1, &bounds, &x, &big(0.0), &exact(model, &exactly, 1)).unwrap_or_else(|e| panic!("{e}"));
    }
    bounds
}

fn layer(rows: usize, weights: &[f64], bias: &[f64]) -> Layer {
    let weights = Matrix::new(rows, weights.len() / rows, weights.to_vec()).unwrap();
    Layer::new(weights, bias.to_vec(), Activation::Relu).unwrap()
}

fn one_branch(d: usize, layers: Vec<Layer>, readout: &[f64]) -> Multigrade {
    let readout = Readout::new(Matrix::new(1, readout.len(), readout.to_vec()).unwrap(), vec![0.0]).unwrap();
    let grade = Grade::new(vec![layers], false, readout).unwrap();
    let (inputs, outputs) = (Scaling::identity(d), Scaling::identity(1));
    Multigrade::new(schema(d), inputs, outputs, vec![grade], History::default(), ().into()).unwrap()
}

#[test]
fn a_neuron_that_is_never_positive_may_be_so_when_computed() {
    // At the upper end 3 x - 1 is -1e-8, and 3e-8 for the nearest number of f32, if the product is fused.
    let model = one_branch(1, vec![layer(1, &[3.0], &[-1.0])], &[1e6]);
    for leaf in ["box value", "box slope", "kuhn curvature"] {
        let bounds = check_against_zero(&model, "x=0..0.33333333", leaf);
        assert!(bounds.exact.width() < 1e-9 && bounds.f32.lower() < -0.029 && bounds.f32.lower() > -0.3, "{bounds:?}");
    }
    // Ranges that reach over the kink by less than a thousandth.
    for domain in ["x=0..0.33334", "x=0.3332..1"] {
        for leaf in ["box value", "box slope", "kuhn curvature"] {
            check_against_zero(&model, domain, leaf);
        }
    }
    // A sign that is almost decided is not: max(3 x - 1, 0) - 3 x is not -1 at the lower end.
    let difference = one_branch(1, vec![layer(2, &[3.0, 3.0], &[-1.0, 0.0])], &[1e6, -1e6]);
    for leaf in ["box value", "box slope", "kuhn curvature"] {
        check_against_zero(&difference, "x=0.3332..1", leaf);
    }
    // Further away it cannot, and then nothing is left of it.
    let bounds = check_against_zero(&model, "x=0..0.3333", "box value");
    assert_eq!((bounds.f64, bounds.f32), (Interval::ZERO, Interval::ZERO));
}

#[test]
fn where_something_may_overflow_in_a_format_there_is_no_bound_even_if_nothing_reads_it() {
    // The second neuron of the second layer is 1e60 x and has weight 0.
    let layers = vec![layer(2, &[1.0, 1e30], &[0.0, 0.0]), layer(2, &[1.0, 0.0, 0.0, 1e30], &[0.0, 0.0])];
    let model = one_branch(1, layers, &[1.0, 0.0]);
    let (f, domain) = (Expression::parse("x").unwrap(), Domain::parse("x=0..1").unwrap());
    let root = Region::root(&Program::new(&model, 1, 0).unwrap(), &f, &domain).unwrap();
    let slope = Leaf::NAMED[1].1;
    let bounds = root.bound(slope).unwrap();
    assert!(bounds.f64.width() < 1e-14 && !bounds.f32.is_bounded());
    let (below, above) = root.split(0, 1e-30).unwrap();
    assert!(below.bound(slope).unwrap().f32.is_bounded() && !above.bound(slope).unwrap().f32.is_bounded());
    assert!(computed::<f32>(&model, &[1e-30], 1, Sum::Forward, false).is_finite());
    // A weight or a scale beyond the format.
    for model in
        [one_branch(1, vec![layer(1, &[1e39], &[0.0])], &[0.0]), one_branch(1, vec![layer(1, &[0.0], &[1e39])], &[0.0])]
    {
        let bounds = Region::root(&Program::new(&model, 1, 0).unwrap(), &f, &domain).unwrap().bound(slope).unwrap();
        assert!(bounds.f64.is_bounded() && !bounds.f32.is_bounded());
    }
}

#[test]
fn a_format_that_is_not_followed_has_no_bound() {
    let model = one_branch(1, vec![layer(1, &[1.0], &[0.0])], &[1.0]);
    let (f, domain) = (Expression::parse("x").unwrap(), Domain::parse("x=0..1").unwrap());
    for format in Format::ALL {
        let program = Program::new(&model, 1, 0).unwrap().without(format);
        let bounds = Region::root(&program, &f, &domain).unwrap().bound(Leaf::NAMED[0].1).unwrap();
        assert_eq!([bounds.f64, bounds.f32].map(Interval::is_bounded), [Format::F32 == format, Format::F64 == format]);
    }
}

#[test]
fn more_open_neurons_than_noises_are_still_enclosed() {
    let mut draw = Draw(7);
    let n = 700;
    let kinks: Vec<f64> = (0..n).map(|_| draw.unit()).collect();
    let weights: Vec<f64> = (0..n).map(|_| draw.unit()).collect();
    let model = one_branch(1, vec![layer(n, &vec![1.0; n], &kinks)], &weights);
    for leaf in ["box value", "box slope", "kuhn curvature"] {
        check_against_zero(&model, "x=-1..1", leaf);
    }
    // All relaxations in one direction, so that each of them is needed.
    let model = one_branch(1, vec![layer(n, &vec![1.0; n], &vec![0.0; n])], &vec![1.0; n]);
    let bounds = check_against_zero(&model, "x=-1..1", "box slope");
    assert!(bounds.exact.encloses(Interval::new(-f64::from(n as u32), 0.0).unwrap()), "{bounds:?}");
    // What has no noise of its own is carried on, through the next open neuron too.
    let first = layer(n, &vec![1.0; n], &vec![0.0; n]);
    let model = one_branch(1, vec![first, layer(1, &vec![1.0; n], &[-f64::from(n as u32) / 2.0])], &[1.0]);
    let bounds = check_against_zero(&model, "x=-1..1", "box slope");
    assert!(bounds.exact.encloses(Interval::new(-f64::from(n as u32) / 2.0, 0.0).unwrap()), "{bounds:?}");
}

#[test]
fn a_kink_inside_a_box_costs_half_of_what_it_can_differ_from_a_line() {
    let model = one_branch(1, vec![layer(1, &[1.0], &[0.0])], &[1.0]);
    let bounds = check_against_zero(&model, "x=-1..1", "box value");
    // λ = 1/2, so the relaxation is x/2 + 1/4 ± 1/4; as a range it is cut at 0.
    assert_eq!(bounds.exact, Interval::new(-1.0, 0.0).unwrap());
    let f = Expression::parse("x/2").unwrap();
    let region = Region::root(&Program::new(&model, 1, 0).unwrap(), &f, &Domain::parse("x=-1..1").unwrap()).unwrap();
    for name in ["box slope", "box curvature", "kuhn slope", "kuhn curvature"] {
        let leaf = Leaf::NAMED.into_iter().find(|(n, _)| *n == name).unwrap().1;
        let exact = region.bound(leaf).unwrap().exact;
        // -|x|/2 is in [-1/2, 0].
        let wanted = Interval::new(-0.5, 0.0).unwrap();
        assert!(exact.encloses(wanted) && exact.width() < 0.5 + 1e-14, "{name}: {exact:?}");
    }
}

#[test]
fn a_neuron_without_lower_bound_is_enclosed_by_what_is_above() {
    // max(1 - 1e600 x, 0): 1 at 0, and 0 elsewhere.
    let up = || layer(1, &[1e200], &[0.0]);
    let model = one_branch(1, vec![up(), up(), layer(1, &[-1e200], &[1.0])], &[1.0]);
    for leaf in ["box value", "box slope", "kuhn curvature"] {
        let bounds = check_against_zero(&model, "x=0..1", leaf);
        assert!(bounds.exact.encloses(Interval::new(-1.0, 0.0).unwrap()), "{leaf}: {bounds:?}");
    }
}

#[test]
fn inputs_with_any_scaling_are_enclosed_where_nothing_else_is_rounded() {
    let mut draw = Draw(3);
    let high = |x: f64| Big::try_from(x).expect("finite").with_precision(500).value();
    let f = Expression::parse("0").unwrap();
    for _ in 0..500 {
        let (center, scale) = (draw.unit(), 0.1 + draw.unit().abs());
        let readout = Readout::new(Matrix::new(1, 1, vec![1.0]).unwrap(), vec![0.0]).unwrap();
        let copy = Layer::new(Matrix::new(1, 1, vec![1.0]).unwrap(), vec![0.0], Activation::Identity).unwrap();
        let grade = Grade::new(vec![vec![copy]], false, readout).unwrap();
        let (inputs, outputs) = (Scaling::new(vec![center], vec![scale]).unwrap(), Scaling::identity(1));
        let model = Multigrade::new(schema(1), inputs, outputs, vec![grade], History::default(), ().into()).unwrap();
        let lower = draw.unit();
        let domain = Domain::parse(&format!("x={:?}..{:?}", lower, lower + draw.unit().abs() + 1e-3)).unwrap();
        let region = Region::root(&Program::new(&model, 1, 0).unwrap(), &f, &domain).unwrap();
        for (name, leaf) in Leaf::NAMED {
            let bounds = region.bound(leaf).unwrap();
            for x in [region.sides()[0].lower(), region.sides()[0].upper()] {
                let exact = (high(center) - high(x)) / high(scale);
                // The quotient of the oracle is off by 2^-500 of its magnitude.
                let slack = high(1e-100);
                let (lower, upper) = (high(bounds.exact.lower()) - &slack, high(bounds.exact.upper()) + &slack);
                assert!(lower <= exact && exact <= upper, "{name}: {exact} {bounds:?}");
                for value in [
                    computed::<f32>(&model, &[x], 1, Sum::Forward, false),
                    computed::<f32>(&model, &[x], 1, Sum::Forward, true),
                ] {
                    assert!(bounds.f32.contains(-value), "{name}: {value} {bounds:?}");
                }
                assert!(bounds.f64.contains(-computed::<f64>(&model, &[x], 1, Sum::Forward, false)), "{name}");
            }
        }
    }
}
