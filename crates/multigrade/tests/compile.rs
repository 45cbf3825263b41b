//! Compiled formulas: sizes, proofs, and errors at points.

use multigrade::construct::{
    ConstructError, ConstructSettings, Constructed, Scheme, Side, Stop, Strategy, Unable, construct,
};
use multigrade::truth::{Domain, Expression, Format};
use multigrade::{Precision, Predictor, silent};

fn try_build(text: &str, domain: &str, tolerance: f64) -> Result<Constructed, ConstructError> {
    let (f, domain) = (Expression::parse(text).unwrap(), Domain::parse(domain).unwrap());
    let settings =
        ConstructSettings { strategy: Strategy::Compile, scheme: Scheme::Plain, ..ConstructSettings::default() };
    construct(&f, &domain, tolerance, &settings.validate().unwrap(), &mut silent())
}

fn build(text: &str, domain: &str, tolerance: f64) -> Constructed {
    try_build(text, domain, tolerance).unwrap_or_else(|error| panic!("{text}: {error}"))
}

/// The largest error at points, among them corners and points of faces.
fn measured(made: &Constructed, text: &str, domain: &str, precision: Precision) -> f64 {
    let domain = Domain::parse(domain).unwrap();
    let f = Expression::parse(text).unwrap().with_variables(domain.names()).unwrap();
    let d = domain.names().len();
    let mut points = Vec::new();
    for n in 0..20_000u32 {
        for (i, side) in domain.sides().iter().enumerate() {
            let z = (0.5 + f64::from(n) * (2f64.sqrt() * (i as f64 + 1.3)).fract()).fract();
            let z = if n % 4 == 0 && (n / 4) % (i as u32 + 2) == 0 { z.round() } else { z };
            points.push(side.lower() + z * (side.upper() - side.lower()));
        }
    }
    let values = Predictor::new(&made.model, precision).predict(&points).unwrap();
    points.chunks(d).zip(&values).map(|(x, v)| (f.eval(x) - v).abs()).fold(0.0, f64::max)
}

/// Errors at points, beside what is proved of them; the formula itself is computed with rounding.
fn assert_no_point_exceeds_the_proof(made: &Constructed, text: &str, domain: &str) -> f64 {
    let (_, proved) = made.certificate.as_ref().unwrap();
    let bounds = &proved.bounds()[0];
    let slack = 1e-13 * made.grades[0].measured.norms.linf.max(1.0);
    let mut largest = 0.0;
    for (format, precision) in [(Format::F64, Precision::F64), (Format::F32, Precision::F32)] {
        if let Some(bound) = bounds.evaluated(format) {
            let found = measured(made, text, domain, precision);
            assert!(found <= bound.magnitude() + slack, "{text} in {format:?}: {found:e} above {bound:?}");
            largest = if format == Format::F64 { found } else { largest };
        }
    }
    largest
}

const LINE: &str = "x=0..1";
const SQUARE: &str = "x=0..1, y=0..1";
const CUBE: &str = "x=0..1, y=0..1, z=0..1";
const FRANKE: &str = "0.75*exp(-((9*x-2)^2+(9*y-2)^2)/4)+0.75*exp(-(9*x+1)^2/49-(9*y+1)/10)\
                      +0.5*exp(-((9*x-7)^2+(9*y-3)^2)/4)-0.2*exp(-(9*x-4)^2-(9*y-7)^2)";
const BOREHOLE: &str = "2*pi*Tu*(Hu-Hl)/(ln(r/rw)*(1+2*L*Tu/(ln(r/rw)*rw^2*Kw)+Tu/Tl))";
const BOREHOLE_BOX: &str = "rw=0.05..0.15, r=100..50000, Tu=63070..115600, Hu=990..1110, Tl=63.1..116, Hl=700..820, \
                            L=1120..1680, Kw=9855..12045";
/// Formulas, boxes, tolerances, and the most ReLUs that may take both signs: what was reached.
const TARGETS: [(&str, &str, f64, usize); 17] = [
    ("x^2", LINE, 1e-6, 9),
    ("x*y", SQUARE, 1e-4, 12),
    ("sin(100*x)", LINE, 1e-3, 22),
    ("exp(-x*y)*sin(3*z)", CUBE, 1e-3, 40),
    ("sqrt(x)", LINE, 1e-3, 13),
    ("1/(1+25*(2*x-1)^2)", LINE, 1e-4, 27),
    ("exp(x)", LINE, 1e-6, 31),
    ("exp(x)", LINE, 1e-10, 82),
    ("sin(2*pi*x)", LINE, 1e-6, 51),
    ("sin(2*pi*x)", LINE, 1e-10, 103),
    (FRANKE, SQUARE, 1e-3, 95),
    (BOREHOLE, BOREHOLE_BOX, 3.02, 47),
    ("max(sin(3*x), y^2-0.3)", SQUARE, 1e-3, 13),
    ("abs(x-0.3)", LINE, 1e-12, 12),
    ("clamp(2*x-0.5, 0.1, 0.9)", LINE, 1e-12, 12),
    ("abs(x-y)+max(x,0.3*y)", SQUARE, 1e-12, 12),
    ("max(min(x,y),min(max(x,y),z))", CUBE, 1e-12, 12),
];

#[test]
fn few_relus_keep_the_tolerance_by_proof_and_no_point_exceeds_the_proved_bound() {
    for (text, domain, tolerance, most) in TARGETS {
        let made = build(text, domain, tolerance);
        assert_eq!(made.stop, Stop::Reached, "{text}");
        let grade = &made.grades[0];
        assert!(grade.nodes <= most, "{text}: {} ReLUs", grade.nodes);
        let d = Domain::parse(domain).unwrap().names().len();
        assert!(grade.width <= d + 8, "{text}: width {}", grade.width);
        let found = assert_no_point_exceeds_the_proof(&made, text, domain);
        println!("{text}: {} ReLUs, width {}, proved {:.3e}, found {found:.3e}", grade.nodes, grade.width, grade.bound);
    }
}

/// Splines would take 79, 377 and 1,700 ReLUs for the first three.
#[test]
fn reciprocals_far_below_the_reach_of_splines_are_small_by_newtons_method() {
    for (text, domain, tolerance, most) in [
        ("1/x", "x=1..26", 1e-6, 56),
        ("1/x", "x=1..26", 1e-8, 87),
        ("1/x", "x=1..26", 1e-10, 112),
        ("1/(1+25*(2*x-1)^2)", LINE, 1e-8, 100),
        ("x/(1+y^2)", SQUARE, 1e-8, 95),
        ("x/y", "x=-1..1, y=-3..-1", 1e-9, 110),
    ] {
        let made = build(text, domain, tolerance);
        assert_eq!(made.stop, Stop::Reached, "{text}");
        assert!(made.grades[0].nodes <= most, "{text}: {} ReLUs", made.grades[0].nodes);
        let found = assert_no_point_exceeds_the_proof(&made, text, domain);
        println!("{text}: {} ReLUs, proved {:.3e}, found {found:.3e}", made.grades[0].nodes, made.grades[0].bound);
    }
}

#[test]
fn the_width_does_not_depend_on_the_tolerance() {
    for (text, domain) in [
        ("x*y", SQUARE),
        ("sin(5*x)", LINE),
        ("sin(100*x)", LINE),
        ("exp(-x*y)*sin(3*z)", CUBE),
        ("x*y*z", CUBE),
        ("exp(sin(3*x*y)+z^2)", CUBE),
        ("max(sin(3*x), y^2-0.3)", SQUARE),
        (FRANKE, SQUARE),
    ] {
        let width = |tolerance| build(text, domain, tolerance).grades[0].width;
        let widths = [1e-1, 1e-2, 1e-3, 1e-4].map(width);
        assert_eq!(widths, [widths[0]; 4], "{text}");
        assert!(widths[0] <= Domain::parse(domain).unwrap().names().len() + 8, "{text}: {widths:?}");
    }
}

/// A formula in x and y of operations of so many kinds, by a generator with this state.
fn random_formula(state: &mut u64, depth: usize, kinds: u64) -> String {
    let mut random = |n: u64| {
        *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (*state >> 33) % n
    };
    if depth == 0 {
        return ["x", "y", "0.7", "(x-y)", "(x+0.3)"][random(5) as usize].to_owned();
    }
    let (kind, scale) = (random(kinds), 1 + random(3));
    let mut part = || random_formula(state, depth - 1, kinds);
    match kind {
        0 => format!("({}+{})", part(), part()),
        1 => format!("({}-{})", part(), part()),
        2 | 3 => format!("({}*{})", part(), part()),
        4 => format!("sin({scale}*{})", part()),
        5 => format!("exp(-({})^2)", part()),
        6 => format!("max({},{})", part(), part()),
        7 => format!("min({},{})", part(), part()),
        8 => format!("abs({})", part()),
        9 => format!("({}/(2+cos({})))", part(), part()),
        10 => format!("tanh({scale}*{})", part()),
        12 => format!("({}/(3+tanh({})))", part(), part()),
        13 => format!("exp(-(({scale}*x-0.3)^2+(y+0.2)^2+{}^2))", part()),
        14 => format!("ln(2+({})^2)", part()),
        15 => format!("exp(tanh({}))*exp(-tanh({}))", part(), part()),
        16 => format!("(x+2)/((x+2)*(y+2)+{scale}*(x+2)+abs({}))", part()),
        17 => format!("(x+3)^{scale}*(y+2)/(x+4)*{}", part()),
        _ => format!("sqrt(1+({})^2)", part()),
    }
}

#[test]
fn no_point_of_a_random_formula_exceeds_the_proved_bound() {
    let (mut state, domain) = (2026, "x=-1..1, y=-1..1");
    let mut proved = 0;
    for _ in 0..40 {
        let text = random_formula(&mut state, 3, 12);
        match try_build(&text, domain, 3e-2) {
            Ok(made) if made.certificate.is_some() => {
                assert_no_point_exceeds_the_proof(&made, &text, domain);
                proved += usize::from(made.stop == Stop::Reached);
            }
            Ok(_) => {}
            Err(error) => println!("{text}: {error}"),
        }
    }
    assert!(proved >= 30, "{proved} of 40");
}

/// Those whose formulas are rewritten among them.
#[test]
fn no_point_of_a_random_quotient_or_exponential_exceeds_the_proved_bound() {
    let (mut state, domain) = (41, "x=-1..1, y=-1..1");
    let (mut proved, mut rewritten) = (0, 0);
    for round in 0..44 {
        let tolerance = [1e-1, 3e-2, 1e-2][round % 3];
        let text = random_formula(&mut state, 2, 18);
        match try_build(&text, domain, tolerance) {
            Ok(made) if made.certificate.is_some() => {
                assert_no_point_exceeds_the_proof(&made, &text, domain);
                proved += usize::from(made.stop == Stop::Reached);
                let derivation = made.certificate.as_ref().and_then(|c| c.0.claims[0].derivation.as_ref());
                rewritten += usize::from(derivation.is_some_and(|d| d.formula.is_some()));
            }
            Ok(_) => {}
            Err(error) => println!("{text}: {error}"),
        }
    }
    assert!(proved >= 33 && rewritten >= 4, "{proved} of 44, {rewritten} rewritten");
}

#[test]
fn what_cannot_be_compiled_is_named() {
    let unable = |text: &str, domain: &str| match try_build(text, domain, 1e-3) {
        Err(ConstructError::Compile(unable)) => unable,
        other => panic!("{text}: {:?}", other.map(|made| made.stop)),
    };
    assert!(matches!(unable("1 + if(x < y, x, y)", SQUARE), Unable::Choice { part } if part == "if(x < y, x, y)"));
    assert!(matches!(unable("2*(x+1)^y", SQUARE), Unable::Power { part } if part == "(x + 1)^y"));
    assert!(matches!(unable("1/(x*y)", SQUARE), Unable::Unbounded { part } if part == "1/(x*y)"));
    assert!(matches!(unable("sqrt(x*y)", SQUARE), Unable::Steep { part } if part == "x*y"));
    assert!(matches!(unable("y*ln(x)", SQUARE), Unable::Unbounded { part } if part == "ln(x)"));
    assert!(matches!(unable("ln(exp(300*x)*y+1)", SQUARE), Unable::Huge { size, .. } if size > 1e100));
    let large = try_build("sqrt(x)*y", SQUARE, 1e-11).unwrap_err();
    match &large {
        ConstructError::Compile(Unable::Large { relus, most, .. }) => {
            assert!(relus > most);
            assert!(large.to_string().contains(&format!("about {relus} ReLUs")), "{large}");
        }
        other => panic!("{other:?}"),
    }
    let side = Some(Side::Above);
    let one_sided = ConstructSettings { strategy: Strategy::Compile, one_sided: side, ..ConstructSettings::default() };
    let (f, domain) = (Expression::parse("x").unwrap(), Domain::parse(LINE).unwrap());
    match construct(&f, &domain, 1e-3, &one_sided.validate().unwrap(), &mut silent()) {
        Err(error) => assert!(error.to_string().contains("a network on one side"), "{error}"),
        Ok(made) => panic!("{}", made.stop.sentence()),
    }
}
