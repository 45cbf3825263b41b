//! Compiled formulas in several grades: no point's residual grows, and every grade is proved.

mod common;
#[path = "common/formula.rs"]
mod formula;

use formula::points;
use multigrade::construct::{ConstructSettings, Constructed, Scheme, Stop, Strategy, construct};
use multigrade::truth::{Domain, Expression, Format, check};
use multigrade::{Precision, Predictor, silent};

fn build(text: &str, domain: &str, tolerance: f64, scheme: Scheme, grades: Option<usize>) -> Constructed {
    let (f, domain) = (Expression::parse(text).unwrap(), Domain::parse(domain).unwrap());
    let settings = ConstructSettings { strategy: Strategy::Compile, scheme, grades, ..ConstructSettings::default() };
    construct(&f, &domain, tolerance, &settings.validate().unwrap(), &mut silent())
        .unwrap_or_else(|error| panic!("{text}: {error}"))
}

const LINE: &str = "x=0..1";
const SQUARE: &str = "x=0..1, y=0..1";
const CUBE: &str = "x=0..1, y=0..1, z=0..1";
const TARGETS: [(&str, &str, f64); 8] = [
    ("x*y", SQUARE, 1e-4),
    ("sin(100*x)", LINE, 1e-3),
    ("sqrt(x)", LINE, 1e-3),
    ("exp(-x*y)*sin(3*z)", CUBE, 1e-3),
    ("max(sin(3*x), y^2-0.3)", SQUARE, 1e-3),
    ("1e5*(3+exp(x))/(2+y)", "x=-1..2, y=-1..1", 50.0),
    ("1e-6*cos(4*x)*x^2", "x=-2..1", 1e-9),
    ("abs(x-y)+max(x,0.3*y)", SQUARE, 1e-3),
];

#[test]
fn every_grade_is_proved_and_in_the_monotone_scheme_no_points_residual_grows() {
    for (text, domain, tolerance) in TARGETS {
        for scheme in [Scheme::Monotone, Scheme::Plain] {
            let made = build(text, domain, tolerance, scheme, (scheme == Scheme::Plain).then_some(3));
            assert_eq!(made.stop, Stop::Reached, "{text}, {scheme}");
            let (certificate, proved) = made.certificate.as_ref().unwrap();
            assert!(check(certificate, &made.model).proved().is_some(), "{text}");
            assert_eq!(proved.bounds().len(), made.grades.len(), "{text}");
            assert!(made.grades.windows(2).all(|pair| pair[1].bound < pair[0].bound), "{text}");
            let (inputs, values) = points(text, domain, 3, 100_000);
            let size = values.iter().fold(0.0f64, |m, y| m.max(y.abs()));
            let mut before = values.clone();
            let stages = Predictor::new(&made.model, Precision::F64).staged(&inputs).unwrap();
            for ((facts, bounds), stage) in made.grades.iter().zip(proved.bounds()).zip(&stages) {
                let after: Vec<f64> = values.iter().zip(stage).map(|(y, v)| y - v).collect();
                let worst = before.iter().zip(&after).map(|(b, a)| a.abs() - b.abs()).fold(f64::NEG_INFINITY, f64::max);
                let grew = scheme == Scheme::Monotone && worst > 1e-13 * size;
                assert!(!grew, "{text}: grade {}: a residual grew by {worst:e}", facts.grade);
                let bound = bounds.evaluated(Format::F64).unwrap().magnitude();
                let largest = after.iter().fold(0.0f64, |m, r| m.max(r.abs()));
                assert!(largest <= bound + 1e-13 * size, "{text}: grade {}: {largest:e} {bound:e}", facts.grade);
                let factor = if scheme == Scheme::Monotone { 2.0 } else { 1.0 };
                assert!(bound <= factor * facts.deviation * (1.0 + 1e-6), "{text}: {bound:e} {:e}", facts.deviation);
                before = after;
            }
            let singles = Predictor::new(&made.model, Precision::F32).staged(&inputs).unwrap();
            for (bounds, stage) in proved.bounds().iter().zip(&singles) {
                let bound = bounds.evaluated(Format::F32).map_or(f64::INFINITY, |bound| bound.magnitude());
                let largest = values.iter().zip(stage).fold(0.0f64, |m, (y, v)| m.max((y - v).abs()));
                assert!(largest <= bound + 1e-13 * size, "{text}: f32: {largest:e} {bound:e}");
            }
            let sizes: Vec<_> = made.grades.iter().map(|g| (g.nodes, g.width, format!("{:.2e}", g.bound))).collect();
            println!("{text} {scheme}: {sizes:?}");
        }
    }
}

#[test]
fn the_width_of_grades_depends_on_neither_tolerance_nor_their_number() {
    for (text, domain) in [("x*y", SQUARE), ("exp(-x*y)*sin(3*z)", CUBE)] {
        for scheme in [Scheme::Monotone, Scheme::Plain] {
            let width = |tolerance: f64, grades: usize| -> Vec<usize> {
                let made = build(text, domain, tolerance, scheme, Some(grades));
                let layers = made.model.grades().iter().flat_map(|grade| grade.branches()).flatten();
                layers.map(|layer| layer.outputs()).collect()
            };
            let first = width(1e-1, 2)[0];
            for (tolerance, grades) in [(1e-1, 2), (1e-2, 2), (1e-3, 3), (1e-4, 4)] {
                assert!(width(tolerance, grades).iter().all(|width| *width == first), "{text} to {tolerance}");
            }
            println!("{text} {scheme}: width {first}");
        }
    }
}

/// Built anew, the three took 42, 49 and 82 ReLUs.
#[test]
fn later_grades_go_on_with_the_towers_and_folds_of_earlier_ones() {
    for (text, domain, tolerance, most) in [
        ("x*y", SQUARE, 1e-4, 24),
        ("sin(100*x)", LINE, 1e-3, 37),
        ("exp(-x*y)*sin(3*z)", CUBE, 1e-3, 67),
        // As it is written, the quotient takes three products more.
        ("x*(y+2)/(x*(z+1)+2*x)", "x=1..2, y=0..1, z=0..1", 1e-3, 45),
    ] {
        let made = build(text, domain, tolerance, Scheme::Monotone, None);
        assert_eq!(made.stop, Stop::Reached, "{text}");
        let nodes: usize = made.grades.iter().map(|grade| grade.nodes).sum();
        println!("{text}: {nodes} ReLUs in {} grades", made.grades.len());
        assert!(nodes <= most, "{text}: {nodes} ReLUs");
    }
}

#[test]
fn what_is_exact_at_once_has_one_grade() {
    let made = build("abs(x-y)+max(x,0.3*y)", SQUARE, 1e-6, Scheme::Monotone, None);
    assert_eq!((made.grades.len(), made.stop), (1, Stop::Reached));
    let made = build("2*x-7", LINE, 1e-6, Scheme::Monotone, None);
    assert_eq!((made.grades.len(), made.stop), (1, Stop::Reached));
}
