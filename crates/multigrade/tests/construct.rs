//! Networks built from formulas: what is promised of every grade, measured where it could fail.

mod common;
#[path = "common/targets.rs"]
mod targets;

use common::numbers;
use multigrade::attack::{AttackSettings, attack};
use multigrade::construct::{
    ConstructError, ConstructSettings, Constructed, Scheme, Side, Stop, Strategy, construct, construct_lipschitz,
};
use multigrade::prove::{Goal, ProveSettings, ProveStop, enclose};
use multigrade::truth::{Domain, Expression, Format, check};
use multigrade::{Precision, Predictor, silent};
use targets::TARGETS;

fn build(text: &str, domain: &str, tolerance: f64, settings: ConstructSettings) -> Constructed {
    try_build(text, domain, tolerance, settings).unwrap()
}

fn try_build(
    text: &str,
    domain: &str,
    tolerance: f64,
    settings: ConstructSettings,
) -> Result<Constructed, ConstructError> {
    let (f, domain) = (Expression::parse(text).unwrap(), Domain::parse(domain).unwrap());
    construct(&f, &domain, tolerance, &settings.validate().unwrap(), &mut silent())
}

fn monotone() -> ConstructSettings {
    ConstructSettings { strategy: Strategy::Mesh, ..ConstructSettings::default() }
}

fn plain() -> ConstructSettings {
    ConstructSettings { scheme: Scheme::Plain, ..monotone() }
}

/// Points of the box: 100,000 spread ones, and a grid that contains the nodes of the mesh, whose planes are given.
fn points(domain: &Domain, planes: &[Vec<f64>]) -> Vec<f64> {
    let d = domain.names().len();
    let place = |z: &[f64]| -> Vec<f64> {
        z.iter().zip(domain.sides()).map(|(z, side)| side.lower() + z * (side.upper() - side.lower())).collect()
    };
    let is_on_grid = |n: usize| {
        let mut sides = planes.iter().zip(domain.sides());
        sides.all(|(planes, side)| {
            planes.iter().all(|x| ((x - side.lower()) / (side.upper() - side.lower()) * n as f64).fract() == 0.0)
        })
    };
    // Knots of one variable may be anywhere.
    let n = if d == 1 { 1 << 12 } else { (0..9).map(|l| 1 << l).find(|&n| is_on_grid(n)).expect("a dyadic mesh") };
    let grid = (0..(n + 1usize).pow(d as u32)).map(|i| {
        let z: Vec<f64> = (0..d).map(|j| (i / (n + 1).pow(j as u32) % (n + 1)) as f64 / n as f64).collect();
        place(&z)
    });
    let random = numbers(1, 100_000 * d);
    let spread: Vec<Vec<f64>> = random.chunks(d).map(place).collect();
    grid.chain(spread).flatten().collect()
}

#[test]
fn no_points_residual_grows_and_every_norm_falls_for_every_kind_of_target() {
    for (text, sides, tolerance) in TARGETS {
        let made = build(text, sides, tolerance, monotone());
        let domain = Domain::parse(sides).unwrap();
        let f = Expression::parse(text).unwrap().with_variables(domain.names()).unwrap();
        let (points, d) = (points(&domain, &made.hints), domain.names().len());
        let columns: Vec<Vec<f64>> = (0..d).map(|i| points.iter().skip(i).step_by(d).copied().collect()).collect();
        let mut values = vec![0.0; points.len() / d];
        f.eval_block(&columns.iter().map(Vec::as_slice).collect::<Vec<_>>(), &mut values);
        let size = values.iter().fold(1.0f64, |m, y| m.max(y.abs()));
        // A parabola starts from its interpolant on two pieces, which is no projection of 0; then it only falls.
        let is_folded = made.grades[0].width == 2;
        let mut before: Vec<f64> = values.clone();
        for (k, staged) in Predictor::new(&made.model, Precision::F64).staged(&points).unwrap().iter().enumerate() {
            let after: Vec<f64> = values.iter().zip(staged).map(|(y, v)| y - v).collect();
            // Rounding of a few thousand additions to numbers of this size.
            let worst = before.iter().zip(&after).map(|(b, a)| a.abs() - b.abs()).fold(f64::NEG_INFINITY, f64::max);
            let is_start = is_folded && k == 0;
            assert!(is_start || worst <= 1e-11 * size, "{text}: grade {}: a residual grew by {worst:e}", k + 1);
            let bound = made.grades[k].bound;
            assert!(after.iter().all(|r| r.abs() <= bound + 1e-11 * size), "{text}: grade {}: above {bound:e}", k + 1);
            for power in [1, 2, 4] {
                let norm = |r: &[f64]| r.iter().map(|r| r.abs().powi(power)).sum::<f64>();
                assert!(is_start || norm(&after) < norm(&before), "{text}: grade {}: L{power} did not fall", k + 1);
            }
            before = after;
        }
        assert_eq!(made.stop, Stop::Reached, "{text}");
        let (certificate, proved) = made.certificate.unwrap();
        assert!(proved.bounds().last().unwrap().exact().magnitude() <= tolerance * (1.0 + 1e-8), "{text}");
        assert!(check(&certificate, &made.model).proved().is_some(), "{text}");
        for bounds in proved.bounds() {
            let settings = AttackSettings { points: 2_000, seed: 1 };
            let measured = attack(&made.model, bounds.grades(), 0, &f, domain.sides(), &settings).unwrap().unwrap();
            for (extremes, format) in [(&measured.f64, Format::F64), (&measured.f32, Format::F32)] {
                let within = bounds.evaluated(format).expect("a bound");
                for point in [&extremes.lowest, &extremes.highest] {
                    assert!(within.contains(point.error), "{text}: {point:?} is outside {within:?} ({format:?})");
                }
            }
        }
    }
}

#[test]
fn bounds_of_constructed_networks_are_hardly_larger_than_errors_that_are_attained() {
    for (text, sides, tolerance, factor) in [
        ("exp(x)", "x=0..1", 1e-3, 1.05),
        ("sin(2*pi*x)", "x=0..1", 1e-2, 1.05),
        ("x*y", "x=0..1, y=0..1", 1e-1, 1.3),
        ("sin(3*x)*cos(2*y)", "x=0..1, y=-1..1", 3e-1, 1.3),
        ("x*y*z", "x=0..1, y=0..1, z=0..1", 5e-1, 2.0),
    ] {
        let made = build(text, sides, tolerance, monotone());
        let (f, domain) = (Expression::parse(text).unwrap(), Domain::parse(sides).unwrap());
        let settings =
            ProveSettings { goal: Goal::Tight(factor), cuts: made.hints.clone(), ..ProveSettings::default() };
        let settings = settings.validate().unwrap();
        let found = enclose(&made.model, made.grades.len(), 0, &f, &domain, &settings, &mut silent()).unwrap();
        assert_eq!(found.stop, ProveStop::Reached, "{text}");
        assert!(found.bound() <= factor * found.measured.unwrap().f64.largest(), "{text}");
    }
}

#[test]
fn the_square_is_built_fold_by_fold_and_every_fold_divides_its_error_by_four_exactly() {
    let made = build("x^2", "x=0..1", 1e-6, monotone());
    assert_eq!(made.model.grades().len(), 9);
    let tent = |z: f64| if z <= 0.5 { 2.0 * z } else { 2.0 - 2.0 * z };
    for i in 0..=4096 {
        let x = f64::from(i) / 4096.0;
        let (mut p, mut t) = (x, x);
        for (k, value) in made.model.eval_staged(&[x]).unwrap().iter().enumerate() {
            t = tent(t);
            p -= 0.25f64.powi(k as i32 + 1) * t;
            assert_eq!(value[0], p, "grade {} at {x}", k + 1);
        }
    }
    for (k, facts) in made.grades.iter().enumerate() {
        assert_eq!(facts.bound, 0.25f64.powi(k as i32 + 2));
        assert_eq!((facts.width, facts.layers), (2, 1));
        // The largest error is attained in the middle of a piece.
        let middle = 0.5f64.powi(k as i32 + 2);
        let error = made.model.eval_reference(&[middle], k + 1).unwrap()[0] - middle * middle;
        assert_eq!(error, facts.bound);
    }
}

#[derive(serde::Deserialize)]
struct Minimum {
    function: String,
    tolerance: f64,
    pieces: usize,
}

/// The number of affine pieces of a function of one variable, from its slopes between places finer than the pieces.
fn knots(made: &Constructed) -> usize {
    made.grades.last().unwrap().nodes
}

#[test]
fn plain_networks_of_one_variable_have_hardly_more_pieces_than_any_function_needs() {
    let all: Vec<Minimum> = serde_json::from_str(include_str!("../../../testdata/minimum_pieces.json")).unwrap();
    for Minimum { function, tolerance, pieces } in all {
        // Parabolas are folded, not cut; sin(100 x) to 1e-4 takes longer than a test should.
        if function == "x^2" || pieces > 1000 {
            continue;
        }
        let made = build(&function, "x=0..1", tolerance, plain());
        assert_eq!(made.stop, Stop::Reached, "{function} {tolerance}");
        let ours = knots(&made) + 1;
        assert!(ours >= pieces, "{function} {tolerance}: {ours} pieces, fewer than the minimum {pieces}");
        assert!(ours as f64 <= 1.1 * pieces as f64, "{function} {tolerance}: {ours} pieces, minimum {pieces}");
    }
}

#[test]
fn a_kink_on_the_edge_of_the_tube_and_an_inflection_in_the_middle_of_a_sample_do_not_cost_the_tolerance() {
    // Enclosures once grew at every cut beside the kink; the second target is straight at the samples of a coarse survey.
    for (text, sides) in [("min(max(x, 1-2*x), max(sin(5*x), 0.2))", "x=0..2"), ("sin(2*pi*x)", "x=-0.6875..1.3125")] {
        let made = build(text, sides, 1e-2, plain());
        assert_eq!(made.stop, Stop::Reached, "{text}");
        let (_, proved) = made.certificate.as_ref().unwrap();
        assert!(proved.bounds().last().unwrap().exact().magnitude() <= 1.0001e-2, "{text}");
    }
}

#[test]
fn proofs_are_tight_to_a_quarter_where_that_takes_few_boxes() {
    for (text, sides, tolerance) in
        [("sin(3*x)*cos(2*y)", "x=0..1, y=-1..1", 5e-2), ("exp(-(x^2+y^2))", "x=-1..1, y=-1..1", 5e-2)]
    {
        for settings in [plain(), monotone()] {
            let made = build(text, sides, tolerance, settings);
            let (_, proved) = made.certificate.as_ref().unwrap();
            let bound = proved.bounds().last().unwrap().exact().magnitude();
            let found = made.attacked.last().unwrap().as_ref().unwrap().f64.largest();
            assert!(found <= bound && bound <= 1.26 * found, "{text}: {bound:e} {found:e}");
        }
    }
}

#[test]
fn the_widest_layer_does_not_depend_on_the_tolerance() {
    let width = |text: &str, sides: &str, tolerance: f64, lanes: usize| {
        let settings = ConstructSettings { lanes: Some(lanes), ..monotone() };
        let made = build(text, sides, tolerance, settings);
        made.grades.iter().map(|g| g.width).max().unwrap()
    };
    for lanes in [1, 2] {
        for tolerance in [1e-1, 1e-2, 1e-3, 1e-4] {
            assert_eq!(width("sin(2*pi*x)", "x=0..1", tolerance, lanes), (2 + lanes).max(4), "{lanes} {tolerance}");
        }
    }
    for tolerance in [1e-1, 1e-2] {
        assert_eq!(width("sin(3*x)*cos(2*y)", "x=0..1, y=0..1", tolerance, 1), 2 + 1 + 4, "{tolerance}");
    }
    for tolerance in [5e-1, 2e-1] {
        let settings = ConstructSettings { lanes: Some(1), ..plain() };
        let made = build("x*y*z", "x=0..1, y=0..1, z=0..1", tolerance, settings);
        assert_eq!(made.grades[0].width, 3 + 1 + 4, "{tolerance}");
    }
}

#[test]
fn a_one_sided_network_is_never_on_the_other_side() {
    for (side, text) in [(Side::Above, "sin(2*pi*x)"), (Side::Below, "sin(2*pi*x)"), (Side::Above, "exp(x)")] {
        for scheme in [Scheme::Plain, Scheme::Monotone] {
            let settings = ConstructSettings { one_sided: Some(side), scheme, ..monotone() };
            let made = build(text, "x=0..1", 1e-2, settings);
            assert_eq!(made.stop, Stop::Reached, "{text} {side:?} {scheme}");
            let (_, proved) = made.certificate.unwrap();
            let bounds = proved.bounds().last().unwrap().evaluated(Format::F64).unwrap();
            match side {
                Side::Above => assert!(bounds.upper() <= 0.0 && bounds.lower() >= -1e-2, "{text} {scheme}: {bounds:?}"),
                Side::Below => assert!(bounds.lower() >= 0.0 && bounds.upper() <= 1e-2, "{text} {scheme}: {bounds:?}"),
            }
        }
    }
}

#[test]
fn a_function_with_declared_lipschitz_constants_is_approximated_under_that_condition() {
    let f = |x: &[f64]| (x[0] - 0.3).abs() + 0.5 * x[1];
    let domain = Domain::parse("x=0..1, y=0..2").unwrap();
    let settings = monotone().validate().unwrap();
    let made = construct_lipschitz(&f, &[1.0, 0.5], &domain, 0.1, &settings, &mut silent()).unwrap();
    assert!(made.bound <= 0.1 && made.constructed.certificate.is_none());
    for x in points(&domain, &made.constructed.hints).chunks(2) {
        let value = made.constructed.model.eval_reference(x, made.constructed.model.grades().len()).unwrap()[0];
        assert!((value - f(x)).abs() <= made.bound + 1e-12);
    }
    let wrong = construct_lipschitz(&f, &[1.0, f64::NAN], &domain, 0.1, &settings, &mut silent()).unwrap_err();
    assert!(wrong.to_string().contains("expected one finite number"), "{wrong}");
}

#[test]
fn what_cannot_be_approximated_is_refused_and_said_where() {
    let error = |text: &str, sides: &str, tolerance: f64| {
        try_build(text, sides, tolerance, monotone()).unwrap_err().to_string()
    };
    let jump = error("if(x < 0.25, 0, 1)", "x=0..1", 1e-2);
    assert!(jump.contains("jumps near 0.25"), "{jump}");
    let pole = error("1/(x-0.5)", "x=0..1", 1e-2);
    assert!(pole.contains("not finite, or too steep for f64, near 0.5"), "{pole}");
    let outside = error("ln(x)", "x=-1..1", 1e-2);
    assert!(outside.contains("not finite, or"), "{outside}");
    let unknown = error("x + q", "x=0..1", 1e-2);
    assert!(unknown.contains("the variable 'q'") && unknown.contains("'x'"), "{unknown}");
    for tolerance in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        let wrong = error("exp(x)", "x=0..1", tolerance);
        assert!(wrong.contains("expected a positive number"), "{wrong}");
    }
    let floor = error("1e6*exp(x)", "x=0..1", 1e-9);
    assert!(floor.contains("ask for at least"), "{floor}");
    let many = error("a+b+c+d+g", "a=0..1, b=0..1, c=0..1, d=0..1, g=0..1", 1e-2);
    assert!(many.contains("at most 4"), "{many}");
}

#[test]
fn a_budget_that_runs_out_leaves_the_grades_done_so_far_with_their_proof() {
    let settings = ConstructSettings { max_nodes: 150, ..monotone() };
    let made = build("sin(3*x)*cos(2*y)", "x=0..1, y=0..1", 1e-3, settings);
    assert_eq!(made.stop, Stop::Budget);
    assert!(!made.model.grades().is_empty());
    let (_, proved) = made.certificate.unwrap();
    let last = proved.bounds().last().unwrap();
    assert_eq!(last.grades(), made.model.grades().len());
    assert!(last.exact().magnitude() > 1e-3);
}

#[test]
fn the_same_formula_gives_the_same_bytes() {
    for (text, sides) in [("sin(2*pi*x)", "x=0..1"), ("x*y", "x=0..1, y=0..1")] {
        let bytes = || build(text, sides, 3e-2, monotone()).model.to_bytes();
        assert_eq!(bytes(), bytes(), "{text}");
    }
}
