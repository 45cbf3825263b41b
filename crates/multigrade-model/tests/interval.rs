//! The theorems of interval arithmetic, checked against correctly rounded arithmetic of 320 bits.

use dashu_float::FBig;
use dashu_float::ops::CubicRoot;
use dashu_float::round::mode::HalfEven;
use multigrade_model::truth::Interval;
use proptest::prelude::*;

type Big = FBig<HalfEven, 2>;

/// Enough for every sum and product of two f64 of moderate exponents to be exact, and for the rest to be decisive.
const BITS: usize = 320;

fn big(x: f64) -> Big {
    Big::try_from(x).expect("finite").with_precision(BITS).value()
}

fn not_above(x: f64, y: &Big) -> bool {
    x == f64::NEG_INFINITY || (x < f64::INFINITY && big(x) <= *y)
}

fn encloses(x: Interval, y: &Big) -> bool {
    not_above(x.lower(), y) && not_above(-x.upper(), &-y.clone())
}

/// How many gaps between neighbouring f64 an interval spans.
fn gaps(x: Interval) -> u64 {
    let position = |x: f64| if x < 0.0 { -((-x).to_bits() as i128) } else { x.abs().to_bits() as i128 };
    (position(x.upper()) - position(x.lower())) as u64
}

fn point(x: f64) -> Interval {
    Interval::point(x).expect("finite")
}

fn valid(x: Interval) -> bool {
    Interval::new(x.lower(), x.upper()) == Some(x)
}

/// Finite numbers of every kind: any bit pattern, subnormals, small integers, powers of two, multiples of π/2,
/// numbers near 1, and their neighbours.
fn number() -> impl Strategy<Value = f64> {
    let plain = prop_oneof![
        4 => any::<u64>().prop_map(f64::from_bits),
        4 => -40.0..40.0f64,
        2 => -1.0..1.0f64,
        1 => (-1e-3..1e-3f64).prop_map(|x| 1.0 + x),
        1 => (-1000..1000i32).prop_map(f64::from),
        1 => (-1074..1024i32).prop_map(|k| if k < -1022 { f64::from_bits(1 << (k + 1074)) } else { 2f64.powi(k) }),
        2 => (-40_000_000..40_000_000i64).prop_map(|k| k as f64 * std::f64::consts::FRAC_PI_2),
        1 => (-20..20i64).prop_map(|k| k as f64 * std::f64::consts::FRAC_PI_2),
        1 => -1e-300..1e-300f64,
        1 => (0..4096u64).prop_map(f64::from_bits),
        1 => -750.0..750.0f64,
        1 => prop::sample::select(vec![0.0, -0.0, f64::MAX, f64::MIN, f64::MIN_POSITIVE, f64::MAX.sqrt()]),
    ];
    (plain, -1..=1i32, any::<bool>())
        .prop_map(|(x, step, negative)| {
            let x = match step {
                -1 => x.next_down(),
                1 => x.next_up(),
                _ => x,
            };
            if negative { -x } else { x }
        })
        .prop_filter("finite", |x| x.is_finite())
}

/// Intervals of every kind: thin, narrow, wide, unbounded.
fn interval() -> impl Strategy<Value = Interval> {
    let end = prop_oneof![8 => number(), 1 => Just(f64::INFINITY), 1 => Just(f64::NEG_INFINITY)];
    prop_oneof![
        2 => number().prop_map(point),
        1 => (number(), 0.0..1e-9f64).prop_filter_map("finite", |(x, r)| Interval::new(x, x + r * x.abs())),
        1 => (-30.0..30.0f64, 0.0..9.0f64).prop_filter_map("finite", |(x, w)| Interval::new(x, x + w)),
        2 => (end.clone(), end).prop_filter_map("an interval", |(a, b)| Interval::new(a.min(b), a.max(b))),
    ]
}

/// A number of the interval, for `t` in [0, 1].
fn member(x: Interval, t: f64) -> f64 {
    let (lower, upper) = (x.lower().max(f64::MIN), x.upper().min(f64::MAX));
    ((1.0 - t) * lower + t * upper).clamp(lower, upper)
}

/// A function of one variable: its name, its interval version, its oracle (`None` outside its domain) and the widest
/// result of a thin argument, in gaps.
struct Function {
    name: &'static str,
    enclose: fn(Interval) -> Interval,
    exact: fn(&Big) -> Option<Big>,
    gaps: u64,
}

/// Beyond these arguments the oracle would need minutes for a result that no f64 can hold.
fn moderate(x: &Big) -> bool {
    *x < big(800.0) && *x > big(-800.0)
}

const FUNCTIONS: [Function; 9] = [
    Function { name: "sin", enclose: Interval::sin, exact: |x| Some(x.sin()), gaps: 6 },
    Function { name: "cos", enclose: Interval::cos, exact: |x| Some(x.cos()), gaps: 6 },
    Function { name: "exp", enclose: Interval::exp, exact: |x| moderate(x).then(|| x.exp()), gaps: 6 },
    Function { name: "ln", enclose: Interval::ln, exact: |x| (*x > Big::ZERO).then(|| x.ln()), gaps: 8 },
    Function { name: "sqrt", enclose: Interval::sqrt, exact: |x| (*x >= Big::ZERO).then(|| x.sqrt()), gaps: 1 },
    Function { name: "cbrt", enclose: Interval::cbrt, exact: |x| Some(x.cbrt()), gaps: 4 },
    Function { name: "tanh", enclose: Interval::tanh, exact: |x| moderate(x).then(|| x.tanh()), gaps: 18 },
    Function { name: "atan", enclose: Interval::atan, exact: |x| Some(x.atan()), gaps: 10 },
    Function {
        name: "abs",
        enclose: Interval::abs,
        exact: |x| Some(if *x < Big::ZERO { -x } else { x.clone() }),
        gaps: 0,
    },
];

type Operation = fn(Interval, Interval) -> Interval;
const OPERATIONS: [(&str, Operation); 6] = [
    ("+", |x, y| x + y),
    ("-", |x, y| x - y),
    ("*", |x, y| x * y),
    ("/", |x, y| x / y),
    ("min", Interval::min),
    ("max", Interval::max),
];

/// The operation on exact numbers; `None` for a division by zero.
fn exactly(operation: &str, x: f64, y: f64) -> Option<Big> {
    // Sums of f64 span at most 2100 bits.
    let (a, b) = (big(x).with_precision(2200).value(), big(y).with_precision(2200).value());
    match operation {
        "+" => Some(a + b),
        "-" => Some(a - b),
        "*" => Some(a * b),
        "/" => (y != 0.0).then(|| big(x) / big(y)),
        "min" => Some(a.min(b)),
        _ => Some(a.max(b)),
    }
}

/// Magnitudes for which the documentation promises the tightest ends.
fn is_moderate(x: f64) -> bool {
    x == 0.0 || (x.abs() > 1e-280 && x.abs() < 1e295)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn functions_of_numbers_enclose_the_exact_value_within_a_few_gaps(x in number()) {
        for f in &FUNCTIONS {
            let y = (f.enclose)(point(x));
            if let Some(exact) = (f.exact)(&big(x)) {
                prop_assert!(encloses(y, &exact), "{} {x:e} gave {y:?}", f.name);
                // Next to a multiple of π/2 the remainder itself has few correct digits when the argument is large.
                let easy = x.abs() < 100.0 && is_moderate(x) && is_moderate(y.lower());
                prop_assert!(!easy || gaps(y) <= f.gaps, "{} {x:e} gave {y:?}", f.name);
            }
        }
    }

    #[test]
    fn functions_of_intervals_enclose_the_exact_values_at_members(x in interval(), t in 0.0..=1.0f64) {
        for f in &FUNCTIONS {
            let y = (f.enclose)(x);
            prop_assert!(valid(y), "{} {x:?} gave {y:?}", f.name);
            for at in [member(x, t), member(x, 0.0), member(x, 1.0)] {
                if let Some(exact) = (f.exact)(&big(at)) {
                    prop_assert!(encloses(y, &exact), "{} {x:?} gave {y:?}, not the value at {at:e}", f.name);
                }
            }
        }
    }

    #[test]
    fn operations_on_numbers_have_the_tightest_ends(x in number(), y in number(), near in any::<bool>()) {
        let y = if near { x.next_up().clamp(f64::MIN, f64::MAX) } else { y };
        for (name, operation) in OPERATIONS {
            let z = operation(point(x), point(y));
            prop_assert!(valid(z));
            if let Some(exact) = exactly(name, x, y) {
                prop_assert!(encloses(z, &exact), "{x:e} {name} {y:e} gave {z:?}");
                if is_moderate(x) && is_moderate(y) && is_moderate(z.lower()) && is_moderate(z.upper()) {
                    let thin = z.lower() == z.upper();
                    prop_assert!(gaps(z) <= 1, "{x:e} {name} {y:e} gave {z:?}");
                    prop_assert!(thin || (big(z.lower()) < exact && exact < big(z.upper())));
                }
            }
        }
    }

    #[test]
    fn operations_on_intervals_enclose_the_results_on_members(
        x in interval(), y in interval(), s in 0.0..=1.0f64, t in 0.0..=1.0f64,
    ) {
        for (name, operation) in OPERATIONS {
            let z = operation(x, y);
            prop_assert!(valid(z), "{x:?} {name} {y:?} gave {z:?}");
            for (a, b) in [(s, t), (0.0, 0.0), (0.0, 1.0), (1.0, 0.0), (1.0, 1.0)] {
                let (a, b) = (member(x, a), member(y, b));
                if let Some(exact) = exactly(name, a, b) {
                    prop_assert!(encloses(z, &exact), "{x:?} {name} {y:?} gave {z:?}, not {a:e} {name} {b:e}");
                }
            }
        }
    }

    #[test]
    fn powers_enclose_repeated_products(x in interval(), t in 0.0..=1.0f64, n in -9..=9i32) {
        let y = x.power(n);
        prop_assert!(valid(y));
        let at = big(member(x, t));
        if n >= 0 || at != Big::ZERO {
            // One rounding in 2^-320 per factor: far below a gap, and exact for results that are f64.
            let product = (0..n.abs()).fold(big(1.0), |p, _| p * &at);
            let exact = if n < 0 { big(1.0) / product } else { product };
            prop_assert!(encloses(y, &exact), "{x:?}^{n} gave {y:?}, not the value at {}", member(x, t));
        }
    }

    #[test]
    fn operations_on_parts_lie_in_operations_on_wholes(
        a in (-1e9..1e9f64, 0.0..1e9f64), b in (-10.0..10.0f64, 0.0..5.0f64), s in 0.0..=1.0f64, t in 0.0..=1.0f64,
    ) {
        let [x, y] = [a, b].map(|(lower, width)| Interval::new(lower, lower + width).expect("an interval"));
        let part = |x: Interval| Interval::new(member(x, s.min(t)), member(x, s.max(t))).expect("an interval");
        for (name, operation) in OPERATIONS {
            prop_assert!(operation(x, y).encloses(operation(part(x), part(y))), "{x:?} {name} {y:?}");
        }
        for n in [-3, -2, 2, 3] {
            prop_assert!(y.power(n).encloses(part(y).power(n)));
        }
        // The part of an argument where a root or a logarithm has no value has no image to speak of.
        for f in FUNCTIONS.iter().filter(|_| part(y).upper() > 0.0) {
            // Ends are computed one by one, so monotony holds up to the allowance of a thin argument.
            let (mut whole, inner) = ((f.enclose)(y), (f.enclose)(part(y)));
            for _ in 0..f.gaps {
                whole = Interval::new(whole.lower().next_down(), whole.upper().next_up()).expect("an interval");
            }
            prop_assert!(whole.encloses(inner), "{} {y:?}", f.name);
        }
    }

    #[test]
    fn the_only_door_lets_in_intervals_and_nothing_else(a in any::<f64>(), b in any::<f64>()) {
        let is_interval = !(a.is_nan() || b.is_nan() || a > b || a == f64::INFINITY || b == f64::NEG_INFINITY);
        prop_assert_eq!(Interval::new(a, b).is_some(), is_interval);
        prop_assert_eq!(Interval::point(a).is_some(), a.is_finite());
    }

    #[test]
    fn hull_intersection_and_midpoint_are_those_of_sets(x in interval(), y in interval()) {
        let hull = x.hull(y);
        prop_assert!(valid(hull) && hull.encloses(x) && hull.encloses(y));
        prop_assert!(hull.lower() == x.lower() || hull.lower() == y.lower());
        prop_assert!(hull.upper() == x.upper() || hull.upper() == y.upper());
        match x.intersection(y) {
            Some(both) => prop_assert!(valid(both) && x.encloses(both) && y.encloses(both)),
            None => prop_assert!(x.upper() < y.lower() || y.upper() < x.lower()),
        }
        prop_assert!(x.contains(x.midpoint()));
        prop_assert!(!x.is_bounded() || big(x.upper()) - big(x.lower()) <= big(x.width().min(f64::MAX)) || x.width() == f64::INFINITY);
        prop_assert!(x.encloses(point(x.midpoint())));
    }
}

#[test]
fn exact_results_stay_numbers() {
    let of = |f: fn(Interval) -> Interval, x: f64, y: f64| assert_eq!(f(point(x)), point(y), "at {x}");
    of(Interval::cos, 0.0, 1.0);
    of(Interval::sin, 0.0, 0.0);
    of(Interval::exp, 0.0, 1.0);
    of(Interval::ln, 1.0, 0.0);
    of(Interval::tanh, 0.0, 0.0);
    of(Interval::atan, 0.0, 0.0);
    of(Interval::cbrt, -27.0, -3.0);
    of(Interval::sqrt, 2.25, 1.5);
    assert_eq!(point(-3.0).power(3), point(-27.0));
    assert_eq!(point(2.0).power(-2), point(0.25));
    assert_eq!(point(0.0).power(0), Interval::ONE);
    assert_eq!(point(3.0) - point(1.0) - point(2.0), Interval::ZERO);
    assert_eq!(point(6.0) / point(4.0), point(1.5));
    assert_eq!(Interval::ZERO * Interval::ENTIRE, Interval::ZERO);
    assert_eq!(point(5e-324) * point(5e-324), Interval::new(0.0, 5e-324).unwrap());
}

#[test]
fn wide_arguments_reach_the_extrema_between_their_ends_and_no_others() {
    let wide = |a, b| Interval::new(a, b).unwrap();
    assert_eq!(wide(0.0, 4.0).sin().upper(), 1.0);
    assert!(wide(0.0, 4.0).sin().lower() > -0.757);
    assert_eq!(wide(2.0, 5.0).sin().lower(), -1.0);
    assert!(wide(2.0, 5.0).sin().upper() < 0.91);
    assert_eq!(wide(-7.0, 0.0).sin(), wide(-1.0, 1.0));
    assert_eq!(wide(-1.0, 1.0).cos().upper(), 1.0);
    assert_eq!(wide(3.0, 3.3).cos().lower(), -1.0);
    assert!(wide(3.0, 3.3).cos().upper() < -0.98);
    assert!(wide(1.58, 4.7).sin().upper() < 1.0 && wide(1.58, 4.7).sin().lower() > -1.0);
    // Both neighbours of a multiple of π/2: the extremum lies between them though neither attains it.
    let turn = std::f64::consts::FRAC_PI_2;
    assert_eq!(wide(turn, turn.next_up()).sin().upper(), 1.0);
    // Arguments too large to reduce are still enclosed, and neighbours below the limit are still tight.
    assert_eq!(point(1e300).sin(), wide(-1.0, 1.0));
    assert!(gaps(point(3e7).sin()) < 10);
}

#[test]
fn functions_keep_their_bounds_at_the_ends_of_the_line() {
    assert!(Interval::ENTIRE.tanh() == Interval::new(-1.0, 1.0).unwrap());
    assert!(Interval::ENTIRE.atan().width() < 3.15);
    assert_eq!(Interval::ENTIRE.exp(), Interval::new(0.0, f64::INFINITY).unwrap());
    assert_eq!(point(1e4).exp(), Interval::new(f64::MAX, f64::INFINITY).unwrap());
    assert_eq!(point(-1e4).exp(), Interval::new(0.0, 5e-324).unwrap());
    assert_eq!(Interval::new(0.0, 1.0).unwrap().ln().lower(), f64::NEG_INFINITY);
    assert_eq!(Interval::new(-1.0, 1.0).unwrap().ln().upper(), 0.0);
    assert_eq!(Interval::new(-4.0, 4.0).unwrap().sqrt(), Interval::new(0.0, 2.0).unwrap());
    assert_eq!(Interval::ONE / Interval::new(0.0, 2.0).unwrap(), Interval::new(0.5, f64::INFINITY).unwrap());
    assert_eq!(Interval::ONE / Interval::new(-2.0, -0.0).unwrap(), Interval::new(f64::NEG_INFINITY, -0.5).unwrap());
    assert_eq!(Interval::ONE / Interval::new(-1.0, 2.0).unwrap(), Interval::ENTIRE);
}

#[test]
fn pi_and_e_lie_between_their_neighbours() {
    let pi = big(1.0).atan() * big(4.0);
    assert!(encloses(Interval::PI, &pi) && gaps(Interval::PI) == 1);
    assert!(encloses(Interval::E, &big(1.0).exp()) && gaps(Interval::E) == 1);
}
