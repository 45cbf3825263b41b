//! The theorems about expressions, checked against evaluation in 256 bits.

use std::ops::RangeInclusive;

use dashu_float::FBig;
use dashu_float::ops::CubicRoot;
use dashu_float::round::mode::HalfEven;
use multigrade_model::truth::{Decoration, Domain, Expression, Interval, MAX_DEPTH, MAX_LENGTH, MAX_VARIABLES};
use proptest::prelude::*;

type Big = FBig<HalfEven, 2>;

fn big(x: f64) -> Big {
    Big::try_from(x).expect("finite").with_precision(256).value()
}

fn parse(text: &str) -> Expression {
    Expression::parse(text).unwrap_or_else(|error| panic!("{error}"))
}

fn side(lower: f64, upper: f64) -> Interval {
    Interval::new(lower, upper).expect("an interval")
}

/// Whether `y` lies in the interval, up to the rounding of the oracle (whose numbers stay below 1e15).
fn encloses(x: Interval, y: &Big) -> bool {
    let slack = big(1e-40);
    (x.lower() == f64::NEG_INFINITY || big(x.lower()) <= y + &slack)
        && (x.upper() == f64::INFINITY || *y <= big(x.upper()) + &slack)
}

/// A formula of the tests' own, with a meaning of its own.
#[derive(Clone, Debug)]
enum Tree {
    Variable(usize),
    /// `digits / 10^places`
    Number(u32, usize),
    Constant(&'static str),
    Apply(&'static str, Box<Self>),
    Combine(&'static str, Box<[Self; 2]>),
    Power(Box<Self>, i32),
    Clamp(Box<[Self; 3]>),
    If(&'static str, Box<[Self; 4]>),
}

/// The oracle gave up: a number became too large for its precision.
struct TooLarge;

impl Tree {
    fn text(&self) -> String {
        match self {
            Self::Variable(i) => ["x", "y"][*i].to_owned(),
            Self::Number(digits, 0) => digits.to_string(),
            Self::Number(digits, places) => {
                let padded = format!("{digits:0>width$}", width = places + 1);
                let (whole, rest) = padded.split_at(padded.len() - places);
                format!("{whole}.{rest}")
            }
            Self::Constant(name) => (*name).to_owned(),
            Self::Apply(name, u) => format!("({name}({}))", u.text()),
            Self::Combine(name @ ("min" | "max"), uv) => format!("{name}({}, {})", uv[0].text(), uv[1].text()),
            Self::Combine(sign, uv) => format!("({} {sign} {})", uv[0].text(), uv[1].text()),
            Self::Power(u, n) => format!("({})^({n})", u.text()),
            Self::Clamp(u) => format!("clamp({}, {}, {})", u[0].text(), u[1].text(), u[2].text()),
            Self::If(sign, u) => {
                format!("if({} {sign} {}, {}, {})", u[0].text(), u[1].text(), u[2].text(), u[3].text())
            }
        }
    }

    /// The exact value, up to 2^-200; `None` where it is undefined.
    fn value(&self, at: &[f64]) -> Result<Option<Big>, TooLarge> {
        let zero = Big::ZERO;
        let value = match self {
            Self::Variable(i) => Some(big(at[*i])),
            Self::Number(digits, places) => Some(big(f64::from(*digits)) / big(10f64.powi(*places as i32))),
            Self::Constant("pi") => Some(big(1.0).atan() * big(4.0)),
            Self::Constant(_) => Some(big(1.0).exp()),
            Self::Apply(name, u) => match (u.value(at)?, *name) {
                (None, _) => None,
                (Some(u), "exp") if u > big(30.0) => return Err(TooLarge),
                (Some(u), "exp") if u < big(-60.0) => return Err(TooLarge),
                (Some(u), "tanh") if u > big(40.0) || u < big(-40.0) => return Err(TooLarge),
                (Some(u), name) => match name {
                    "-" => Some(-u),
                    "sin" => Some(u.sin()),
                    "cos" => Some(u.cos()),
                    "exp" => Some(u.exp()),
                    "tanh" => Some(u.tanh()),
                    "atan" => Some(u.atan()),
                    "cbrt" => Some(u.cbrt()),
                    "ln" => (u > zero).then(|| u.ln()),
                    "sqrt" => (u >= zero).then(|| u.sqrt()),
                    _ => Some(if u < zero { -u } else { u }),
                },
            },
            Self::Combine(sign, uv) => match (uv[0].value(at)?, uv[1].value(at)?, *sign) {
                (Some(u), Some(v), "+") => Some(u + v),
                (Some(u), Some(v), "-") => Some(u - v),
                (Some(u), Some(v), "*") => Some(u * v),
                (Some(u), Some(v), "/") => (v != zero).then(|| u / v),
                (Some(u), Some(v), "min") => Some(u.min(v)),
                (Some(u), Some(v), "max") => Some(u.max(v)),
                _ => None,
            },
            Self::Power(u, n) => u.value(at)?.and_then(|u| {
                let product = (0..n.abs()).fold(big(1.0), |p, _| p * &u);
                if *n >= 0 { Some(product) } else { (u != zero).then(|| big(1.0) / product) }
            }),
            Self::Clamp(u) => match (u[0].value(at)?, u[1].value(at)?, u[2].value(at)?) {
                (Some(u), Some(low), Some(high)) => Some(u.max(low).min(high)),
                _ => None,
            },
            Self::If(sign, u) => match (u[0].value(at)?, u[1].value(at)?) {
                (Some(a), Some(b)) => {
                    let holds = match *sign {
                        "<" => a < b,
                        "<=" => a <= b,
                        ">" => a > b,
                        _ => a >= b,
                    };
                    u[if holds { 2 } else { 3 }].value(at)?
                }
                _ => None,
            },
        };
        match value {
            Some(value) if value > big(1e15) || value < big(-1e15) => Err(TooLarge),
            // A zero forgets its precision.
            value => Ok(value.map(|value| value.with_precision(256).value())),
        }
    }

    /// Its expression, with `x` and `y` as arguments.
    fn expression(&self) -> Expression {
        parse(&self.text()).with_variables(&["x", "y"]).expect("no other variables")
    }
}

fn tree() -> impl Strategy<Value = Tree> {
    let leaf = prop_oneof![
        6 => (0..2usize).prop_map(Tree::Variable),
        2 => (0..200u32, 0..3usize).prop_map(|(digits, places)| Tree::Number(digits, places)),
        1 => prop::sample::select(vec!["pi", "e"]).prop_map(Tree::Constant),
    ];
    let names = vec!["-", "sin", "cos", "exp", "ln", "sqrt", "cbrt", "tanh", "atan", "abs"];
    leaf.prop_recursive(5, 24, 4, move |inner| {
        let four = prop::array::uniform4(inner.clone()).prop_map(Box::new);
        prop_oneof![
            6 => (prop::sample::select(names.clone()), inner.clone()).prop_map(|(name, u)| Tree::Apply(name, Box::new(u))),
            8 => (prop::sample::select(vec!["+", "-", "*", "/", "min", "max"]), [inner.clone(), inner.clone()])
                .prop_map(|(sign, uv)| Tree::Combine(sign, Box::new(uv))),
            3 => (inner.clone(), -4..5i32).prop_map(|(u, n)| Tree::Power(Box::new(u), n)),
            1 => prop::array::uniform3(inner).prop_map(|u| Tree::Clamp(Box::new(u))),
            1 => (prop::sample::select(vec!["<", "<=", ">", ">="]), four).prop_map(|(sign, u)| Tree::If(sign, u)),
        ]
    })
}

/// A box, often small and often with faces at 0 or 1, where kinks and poles like to be.
fn sides() -> impl Strategy<Value = [Interval; 2]> {
    let end = || prop_oneof![3 => -3.0..3.0f64, 1 => prop::sample::select(vec![-1.0, 0.0, 0.5, 1.0])];
    let width = || prop_oneof![0.0..1e-6f64, 0.0..0.2f64, 0.0..3.0f64, Just(1.0)];
    let one = move || (end(), width()).prop_map(|(lower, width)| side(lower, lower + width));
    [one(), one()]
}

fn member(x: Interval, t: f64) -> f64 {
    (x.lower() + t * (x.upper() - x.lower())).clamp(x.lower(), x.upper())
}

const UNIT: RangeInclusive<f64> = 0.0..=1.0;

proptest! {
    #![proptest_config(ProptestConfig { cases: 6000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_range_encloses_every_value_and_its_decoration_claims_nothing_false(
        tree in tree(), sides in sides(), s in UNIT, t in UNIT,
    ) {
        let range = tree.expression().range(&sides);
        if let Ok(value) = tree.value(&[member(sides[0], s), member(sides[1], t)]) {
            match value {
                Some(value) => {
                    prop_assert!(encloses(range.interval(), &value), "{} is {range:?}, not {value}", tree.text());
                    prop_assert!(range.decoration() != Decoration::Nowhere, "{} has a value", tree.text());
                }
                None => prop_assert!(range.decoration() <= Decoration::Unknown, "{} has no value", tree.text()),
            }
        }
    }

    #[test]
    fn slopes_enclose_the_difference_quotients_between_any_two_points(
        tree in tree(), sides in sides(), s in [UNIT, UNIT], t in [UNIT, UNIT],
    ) {
        let jet = tree.expression().gradient(&sides);
        let [from, to] = [s, t].map(|r| [member(sides[0], r[0]), member(sides[1], r[1])]);
        if let (Ok(Some(a)), Ok(Some(b))) = (tree.value(&from), tree.value(&to)) {
            let point = |x: f64| Interval::point(x).unwrap();
            let bound = (0..2)
                .map(|i| jet.gradient()[i] * (point(to[i]) - point(from[i])))
                .fold(Interval::ZERO, |sum, term| sum + term);
            prop_assert!(encloses(bound, &(b - a)), "{} over {sides:?}: {jet:?}", tree.text());
        }
    }

    #[test]
    fn second_derivatives_enclose_second_differences(tree in tree(), sides in sides(), s in UNIT, t in UNIT) {
        let jet = tree.expression().hessian(&sides);
        // Offsets that are exact in f64, so that the differences are those of a grid.
        let [h, k] = sides.map(|x| 2f64.powi((x.width() / 3.0).log2().floor().max(-30.0) as i32));
        let snap = |x: Interval, t: f64, h: f64| (member(x, t) / h).floor() * h;
        let (x, y) = (snap(sides[0], s, h), snap(sides[1], t, k));
        let inside = |x: f64, y: f64| sides[0].contains(x) && sides[1].contains(y);
        let corners = [(x, y), (x + h, y), (x - h, y), (x, y + k), (x, y - k), (x + h, y + k)];
        if corners.iter().all(|&(x, y)| inside(x, y)) {
            let values: Vec<_> = corners.iter().filter_map(|&(x, y)| tree.value(&[x, y]).ok().flatten()).collect();
            if let [middle, right, left, up, down, corner] = &values[..] {
                let step = |h: f64, k: f64| Interval::point(h).unwrap() * Interval::point(k).unwrap();
                let twice = middle * big(2.0);
                prop_assert!(encloses(jet.second(0, 0) * step(h, h), &(left + right - &twice)), "{}", tree.text());
                prop_assert!(encloses(jet.second(1, 1) * step(k, k), &(up + down - &twice)), "{}", tree.text());
                let mixed = corner + middle - right - up;
                prop_assert!(encloses(jet.second(0, 1) * step(h, k), &mixed), "{}", tree.text());
                prop_assert_eq!(jet.second(0, 1), jet.second(1, 0));
            }
        }
    }

    #[test]
    fn derivatives_of_every_order_agree_on_what_they_share(tree in tree(), sides in sides()) {
        let f = tree.expression();
        let (range, gradient, hessian) = (f.range(&sides), f.gradient(&sides), f.hessian(&sides));
        prop_assert_eq!(range, gradient.value());
        prop_assert_eq!(range, hessian.value());
        prop_assert_eq!(gradient.gradient(), hessian.gradient());
        prop_assert_eq!(gradient.second(1, 0), Interval::ENTIRE);
        let x = range.interval();
        prop_assert_eq!(Interval::new(x.lower(), x.upper()), Some(x));
    }

    #[test]
    fn printing_and_parsing_give_the_same_expression(tree in tree()) {
        let f = parse(&tree.text());
        let text = f.to_string();
        prop_assert_eq!(&parse(&text), &f, "{} printed as {}", tree.text(), text);
        prop_assert!(text.len() <= tree.text().len() + 20);
    }

    #[test]
    fn values_in_f64_are_near_the_exact_ones(tree in tree(), x in -3.0..3.0f64, y in -3.0..3.0f64) {
        let f = tree.expression();
        let at = [x, y].map(|x| Interval::point(x).unwrap());
        let (value, range) = (f.eval(&[x, y]), f.range(&at));
        if range.decoration() >= Decoration::Continuous && range.interval().width() < 1e-9 {
            let distance = (value - range.interval().midpoint()).abs();
            prop_assert!(distance <= 1e3 * range.interval().width() + 1e-9, "{} is {value}, {range:?}", tree.text());
        }
    }

    #[test]
    fn decimal_numbers_are_enclosed_as_tightly_as_f64_allows(
        digits in "[0-9]{1,30}", places in 0..40usize, power in -40..40i32,
    ) {
        let mut text = format!("{digits:0>width$}", width = places + 1);
        text.insert(text.len() - places, '.');
        text.push_str(&format!("0e{power}"));
        let x = parse(&text).range(&[]).interval();
        let ten = |n: i32| (0..n).fold(big(1.0), |p, _| p * big(10.0));
        let whole = digits.bytes().fold(Big::ZERO, |n, d| n * big(10.0) + big(f64::from(d - b'0')));
        let shift = power - places as i32;
        // Of quotients only the side is needed, so compare products.
        let (scale, exact) = if shift < 0 { (ten(-shift), whole) } else { (big(1.0), whole * ten(shift)) };
        prop_assert!(big(x.lower()) * &scale <= exact && exact <= big(x.upper()) * &scale, "{text} in {x:?}");
        prop_assert!(x.lower() == x.upper() || x.lower().next_up() == x.upper());
        if x.lower() < x.upper() {
            prop_assert!(big(x.lower()) * &scale < exact && exact < big(x.upper()) * &scale);
        }
    }

    #[test]
    fn no_text_makes_the_parser_panic(
        text in prop_oneof![
            any::<String>(),
            "[-+*/^(),<>=.0-9exypi ]{0,60}",
            "(sin\\(|if\\(|min\\(|max\\(|clamp\\(|x|y|1|2\\.5|\\)|,|<|\\+|-|\\^|\\.\\.| |=|é){0,30}",
        ],
    ) {
        match Expression::parse(&text) {
            Ok(f) => prop_assert_eq!(parse(&f.to_string()), f),
            Err(error) => prop_assert!(text.is_char_boundary(error.position()) && !error.to_string().is_empty()),
        }
        match Domain::parse(&text) {
            Ok(domain) => prop_assert_eq!(Domain::parse(&domain.to_string()), Ok(domain)),
            Err(error) => prop_assert!(text.is_char_boundary(error.position()) && !error.to_string().is_empty()),
        }
    }
}

#[test]
fn blocks_of_any_length_have_the_values_of_their_points() {
    let f = parse("if(x < y, sin(x)*y^3, max(x, 2) - min(y, x)/7) + clamp(x, -1, 1)^y + cbrt(x) - e^-x");
    for n in [0, 1, 2, 511, 512, 513, 1500] {
        let x: Vec<f64> = (0..n).map(|i| (i as f64 * 0.37).sin() * 3.0).collect();
        let y: Vec<f64> = (0..n).map(|i| (i as f64 * 0.11).cos() * 3.0).collect();
        let mut values = vec![0.0; n];
        f.eval_block(&[&x, &y], &mut values);
        for i in 0..n {
            assert_eq!(values[i].to_bits(), f.eval(&[x[i], y[i]]).to_bits(), "point {i} of {n}");
        }
    }
}

#[test]
fn operators_bind_as_in_mathematics() {
    let value = |text: &str| parse(text).eval(&[]);
    for (text, expected) in [
        ("-2^2", -4.0),
        ("2^3^2", 512.0),
        ("(2^3)^2", 64.0),
        ("2^-1", 0.5),
        ("2^-1^2", 0.5),
        ("2-3-4", -5.0),
        ("2-(3-4)", 3.0),
        ("24/4/2", 3.0),
        ("24/(4/2)", 12.0),
        ("2*-3", -6.0),
        ("--3", 3.0),
        ("1+2*3^2", 19.0),
        ("(-2)^3", -8.0),
        ("(-2)^(6/2)", -8.0),
        ("4^0.5", 2.0),
        ("if(1 <= 1, 2, 3)", 2.0),
        ("if(1 < 1, 2, 3)", 3.0),
        ("if(2 > 1, 2, 3)", 2.0),
        ("if(2 >= 3, 2, 3)", 3.0),
        ("min(3, 1, 2)", 1.0),
        ("max(3, 5, 4)", 5.0),
        ("clamp(7, 0, 1)", 1.0),
        ("1.5e2 + .5 + 2.", 152.5),
        ("ln(e)", 1.0),
    ] {
        assert_eq!(value(text), expected, "{text}");
    }
    for undefined in [
        "1/0",
        "atan(1/0)",
        "exp(ln(0))",
        "0^-1",
        "sqrt(-1)^0",
        "(-8)^(1/3)",
        "0^(-0.5)",
        "sqrt(-1)",
        "min(sqrt(-1), 0)",
        "max(0, sqrt(-1))",
        "if(sqrt(-1) < 0, 1, 1)",
    ] {
        assert!(value(undefined).is_nan(), "{undefined}");
    }
}

#[test]
fn texts_are_printed_with_no_more_parentheses_than_they_need() {
    for (text, printed) in [
        ("((x+1))*(y)", "(x + 1)*y"),
        ("-(x^2)", "-x^2"),
        ("(-x)^2", "(-x)^2"),
        ("(x^2)^3", "(x^2)^3"),
        ("x^(2^3)", "x^8"),
        ("x^y^2", "x^y^2"),
        ("(x^y)^z", "(x^y)^z"),
        ("x-(y+z)", "x - (y + z)"),
        ("x/(y*z)", "x/(y*z)"),
        ("x*-y", "x*-y"),
        ("-(x*y)", "-(x*y)"),
        ("(-x)*y", "-x*y"),
        ("min(min(x,y),z)", "min(x, y, z)"),
        ("min(x,min(y,z))", "min(x, min(y, z))"),
        ("clamp(x,0,1)", "min(max(x, 0), 1)"),
        ("if(x>=y,1,2)", "if(x >= y, 1, 2)"),
        ("0.1000000000000000055511151231257827", "0.1000000000000000055511151231257827"),
    ] {
        assert_eq!(parse(text).to_string(), printed);
    }
}

#[test]
fn decorations_fall_at_kinks_jumps_poles_and_branch_points() {
    use Decoration::{C11, Continuous, Defined, Nowhere, Unknown};
    for (text, lower, upper, expected) in [
        ("abs(x)", -1.0, 1.0, Continuous),
        ("abs(x)", 0.0, 1.0, C11),
        ("abs(x)", -1.0, 0.0, C11),
        ("max(x, 0)", -1.0, 1.0, Continuous),
        ("max(x, 0)", 0.0, 1.0, C11),
        ("min(x, 0)", -1.0, 1.0, Continuous),
        ("min(x, 1)", -1.0, 1.0, C11),
        ("clamp(x, 0, 1)", 0.25, 0.75, C11),
        ("clamp(x, 0, 1)", 0.5, 1.5, Continuous),
        ("sqrt(x)", 1.0, 4.0, C11),
        ("sqrt(x)", 0.0, 4.0, Defined),
        ("sqrt(x)", -1.0, 4.0, Unknown),
        ("sqrt(x)", -2.0, -1.0, Nowhere),
        ("sqrt(1 - x^2)", -1.0, 1.0, Defined),
        ("cbrt(x)", -1.0, 1.0, Defined),
        ("cbrt(x)", -2.0, -1.0, C11),
        ("ln(x)", 0.5, 1.0, C11),
        ("ln(x)", 0.0, 1.0, Unknown),
        ("ln(x)", -1.0, 0.0, Nowhere),
        ("1/x", 0.5, 1.0, C11),
        ("1/x", 0.0, 1.0, Unknown),
        ("1/x", -1.0, 1.0, Unknown),
        ("1/(x - x)", 2.0, 2.0, Nowhere),
        ("x^-2", -1.0, 1.0, Unknown),
        ("x^-2", -2.0, -1.0, C11),
        ("x^-1", 0.0, 0.0, Nowhere),
        ("x^0", -1.0, 1.0, C11),
        ("x^1", -1.0, 1.0, C11),
        ("x^0.5", 0.5, 1.0, C11),
        ("x^0.5", 0.0, 1.0, Defined),
        ("x^0.5", -1.0, 1.0, Unknown),
        ("x^0.5", -2.0, -1.0, Nowhere),
        ("x^-0.5", 0.0, 1.0, Unknown),
        ("x^-0.5", 0.0, 0.0, Nowhere),
        ("0^x", 0.5, 1.0, Defined),
        ("0^x", -1.0, 0.0, Nowhere),
        ("if(x < 0, 0, 1)", -1.0, 1.0, Defined),
        ("if(x < 0, 0, 1)", -1.0, 0.0, Defined),
        ("if(x < 0, 0, 1)", 0.0, 1.0, C11),
        ("if(x <= 0, 0, 1)", -1.0, 0.0, C11),
        ("if(x > 0, 0, 1)", -1.0, 0.0, C11),
        ("if(x >= 0, 0, 1)", 0.0, 1.0, C11),
        ("if(x < 0, sqrt(x), 1)", -1.0, 1.0, Unknown),
        ("if(x < 0, 1/0, 2)", -1.0, 1.0, Unknown),
        ("if(x < 0, 1/0, 1/0)", -1.0, 1.0, Nowhere),
        ("if(x < 0, 1/0, x)", 0.0, 1.0, C11),
        ("if(ln(x) < 5, 1, 1)", 0.0, 1.0, Unknown),
        ("if(ln(x) < 5, 1, 1)", -1.0, -0.5, Nowhere),
        ("if(sqrt(x) < 5, 1, 1)", 0.0, 1.0, C11),
        ("min(sqrt(x), -1)", 0.0, 1.0, C11),
        ("min(ln(x), -1000) + 1", -2.0, -1.0, Nowhere),
        ("max(9, ln(x))", 0.0, 1.0, Unknown),
        ("max(ln(x), 9)", 0.0, 1.0, Unknown),
        ("max(2, 1/x)", 1.0, 2.0, C11),
        ("max(2, 1/x)", -1.0, 2.0, Unknown),
        ("sin(abs(x))", -1.0, 1.0, Continuous),
        ("abs(x)*0", -1.0, 1.0, Continuous),
        ("exp(if(x < 0, 0, 1))", -1.0, 1.0, Defined),
        ("tanh(x)*atan(x) - cos(x)^2 + exp(x)", -1.0, 1.0, C11),
    ] {
        let f = parse(text).with_variables(&["x"]).unwrap();
        let jet = f.hessian(&[side(lower, upper)]);
        assert_eq!(jet.value().decoration(), expected, "{text} on [{lower}, {upper}]");
        assert!(expected >= Continuous || jet.gradient()[0] == Interval::ENTIRE, "{text}: no slopes across a jump");
        assert!(expected == C11 || jet.second(0, 0) == Interval::ENTIRE, "{text}: no second derivative at a kink");
    }
}

#[test]
fn slopes_and_second_derivatives_are_as_tight_as_their_formulas() {
    let at = |text: &str, lower, upper| parse(text).hessian(&[side(lower, upper)]);
    assert_eq!(at("abs(x)", -1.0, 2.0).gradient(), [side(-1.0, 1.0)]);
    assert_eq!(at("max(2*x, x)", -1.0, 2.0).gradient(), [side(1.0, 2.0)]);
    assert_eq!(at("x^4", -1.0, 2.0).second(0, 0), side(0.0, 48.0));
    assert_eq!(at("1/x", 1.0, 2.0).gradient(), [side(-1.0, -0.25)]);
    assert!(at("sin(x)", 1.0, 2.0).gradient()[0].encloses(side(2f64.cos(), 1f64.cos())));
    assert!(at("sin(x)", 1.0, 2.0).gradient()[0].width() < 0.957);
    assert!(at("sqrt(x)", 1.0, 4.0).second(0, 0).width() < 0.3);
    assert!(at("tanh(x)", -1.0, 1.0).gradient()[0].upper() <= 1.0);
    assert!(at("x^x", 1.0, 1.0).gradient()[0].width() < 1e-14);
}

#[test]
fn errors_point_at_the_place_and_say_what_belongs_there() {
    for (text, at, message) in [
        ("", 0, "expected a number, a name, '-' or '(', found the end"),
        ("1 +", 3, "expected a number, a name, '-' or '(', found the end"),
        ("2x", 1, "expected an operator or the end, found 'x'"),
        ("(x + 1", 6, "expected an operator or ')', found the end"),
        ("x + 1)", 5, "expected an operator or the end, found ')'"),
        ("sin x", 4, "expected '(' after the function sin, found 'x'"),
        ("min(x)", 5, "expected an operator or ',', found ')'"),
        ("clamp(x, 1)", 10, "expected an operator or ',', found ')'"),
        ("sin(x, y)", 5, "expected an operator or ')', found ','"),
        ("if(x, 1, 2)", 4, "expected an operator or one of <, <=, >, >=, found ','"),
        ("x < 1", 2, "expected an operator or the end, found '<'"),
        ("1 + 1e999", 4, "the number 1e999 is too large, expected less than 1.8e308"),
        ("x ** 2", 3, "expected a number, a name, '-' or '(', found '*'"),
        ("é + \u{1F600}", 5, "expected a number, a name, '-' or '(', found '\u{1F600}'"),
    ] {
        let error = Expression::parse(text).unwrap_err();
        assert_eq!((error.position(), error.message()), (at, message), "{text}");
        // The caret stands under the character, whatever its place in bytes.
        let caret = format!("\n  {text}\n  {:>1$}", '^', text[..at].chars().count() + 1);
        let expected = if text.is_empty() { message.to_owned() } else { message.to_owned() + &caret };
        assert_eq!(error.to_string(), expected);
    }
    let unknown = Expression::parse("1 + sinh(x)").unwrap_err();
    assert_eq!(unknown.position(), 4);
    assert!(unknown.message().starts_with("unknown function 'sinh', expected one of sin, cos, "));
    // Of a long text only the surroundings of the place are shown.
    let long = Expression::parse(&format!("{}?", "x + ".repeat(1000))).unwrap_err().to_string();
    assert!(long.len() < 300 && long.ends_with('^'), "{long}");
}

#[test]
fn limits_hold_and_leave_room_for_what_is_within_them() {
    let nested = |open: &str, n: usize, close: &str| format!("{}x{}", open.repeat(n), close.repeat(n));
    for (open, close, levels) in [("(", ")", 1), ("sin(", ")", 1), ("-", "", 1), ("2^", "", 1), ("clamp(", ",0,1)", 2)]
    {
        let within = Expression::parse(&nested(open, MAX_DEPTH / levels, close)).expect("within the limit");
        assert_eq!(parse(&within.to_string()), within);
        for too_deep in [MAX_DEPTH / levels + 1, 4000] {
            let error = Expression::parse(&nested(open, too_deep, close)).unwrap_err();
            assert!(error.message().contains("levels of nesting"), "{error}");
        }
    }
    let chain = |n: usize| format!("x{}", "+x".repeat(n));
    let longest = parse(&chain(MAX_LENGTH / 2 - 1));
    assert_eq!(longest.eval(&[1.0]), (MAX_LENGTH / 2) as f64);
    assert_eq!(longest.gradient(&[Interval::ONE]).gradient()[0].upper(), (MAX_LENGTH / 2) as f64);
    assert!(Expression::parse(&chain(MAX_LENGTH / 2)).unwrap_err().message().contains("at most 65536"));
    let sum = |n: usize| (0..n).map(|i| format!("v{i}")).collect::<Vec<_>>().join(" + ");
    assert_eq!(parse(&sum(MAX_VARIABLES)).variables().len(), MAX_VARIABLES);
    assert!(Expression::parse(&sum(MAX_VARIABLES + 1)).unwrap_err().message().contains("100 variables"));
    // Arguments in a row are no nesting, neither when read nor when printed.
    let wide = parse(&format!("min(x{})", ", x".repeat(5000)));
    assert_eq!(parse(&wide.to_string()), wide);
}

#[test]
fn a_domain_is_the_smallest_box_around_its_decimal_ends() {
    let domain = Domain::parse("x = -0.1..0.1, y=0.5 .. 1e1, z=0...25").unwrap();
    assert_eq!(domain.names(), ["x", "y", "z"]);
    let (tenth, sides) = (parse("0.1").range(&[]).interval(), domain.sides());
    assert!(tenth.lower() < tenth.upper() && tenth.upper() == 0.1, "the nearest f64 is above 1/10");
    assert_eq!(sides[0], side(-0.1, 0.1));
    assert_eq!(sides[1], side(0.5, 10.0));
    assert_eq!(sides[2], side(0.0, 0.25));
    // 0.3 lies above its nearest f64.
    assert_eq!(Domain::parse("x=0..0.3").unwrap().sides()[0].upper(), 0.3f64.next_up());
    assert_eq!(Domain::parse("x=-0.3..0").unwrap().sides()[0].lower(), (-0.3f64).next_down());
    assert_eq!(domain.to_string(), "x=-0.1..0.1, y=0.5..1e1, z=0...25");
    assert_eq!(Domain::parse(&domain.to_string()), Ok(domain));
}

#[test]
fn what_is_no_box_is_refused_at_the_place() {
    for (text, at, message) in [
        ("", 0, "expected the name of a variable, found the end"),
        ("x", 1, "expected '=', found the end"),
        ("x=0", 3, "expected '..', found the end"),
        ("x=0..", 5, "expected a number, found the end"),
        ("x=0..1,", 7, "expected the name of a variable, found the end"),
        ("x=0..1 y=0..1", 7, "expected ',' or the end, found 'y'"),
        ("x=0..1, x=0..2", 8, "'x' already has a side, expected another name"),
        ("pi=0..1", 0, "'pi' has a meaning in expressions, expected another name"),
        ("x=0..inf", 5, "expected a number, found 'i'"),
        ("x=0..1e400", 5, "the number 1e400 is too large, expected less than 1.8e308"),
    ] {
        let error = Domain::parse(text).unwrap_err();
        assert_eq!((error.position(), error.message()), (at, message), "{text}");
    }
    for empty in ["x=1..0", "x=1..1", "x=0.1..0.10", "x=0.1..0.10000000000000000001"] {
        assert!(Domain::parse(empty).unwrap_err().message().contains("a lower end below the upper end"), "{empty}");
    }
}
