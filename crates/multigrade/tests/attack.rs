//! What is measured is attained, and the worst points are found.

mod networks;

use multigrade::attack::{AttackSettings, attack, breakpoints};
use multigrade::truth::{Domain, Expression};
use multigrade::{Multigrade, Scaling};
use networks::{interpolant_of, points, random};
use proptest::prelude::*;

fn measure(model: &Multigrade, f: &str, domain: &str) -> multigrade::attack::Measured {
    let domain = Domain::parse(domain).unwrap();
    let f = Expression::parse(f).unwrap().with_variables(domain.names()).unwrap();
    let grades = model.grades().len();
    attack(model, grades, 0, &f, domain.sides(), &AttackSettings::default()).unwrap().unwrap()
}

#[test]
fn the_worst_errors_of_interpolants_are_found() {
    // 0 <= p - x^2 <= h^2/4, attained in the middle of every cell.
    let measured = measure(&interpolant_of(|x| x * x, 7), "x^2", "x=0..1");
    let largest = 1.0 / (4.0 * 49.0);
    assert!((measured.f64.lowest.error + largest).abs() < 1e-9 * largest, "{measured:?}");
    assert!(measured.f64.highest.error < 1e-15);
    // The root leaves its first chord by sqrt(h)/4, at h/4: far from every grid when h is small.
    let measured = measure(&interpolant_of(f64::sqrt, 1000), "sqrt(x)", "x=0..1");
    let largest = 1e-3f64.sqrt() / 4.0;
    assert!((measured.f64.largest() - largest).abs() < 1e-6 * largest, "{measured:?}");
    assert!((measured.f64.worst().at[0] - 2.5e-4).abs() < 1e-6);
}

#[test]
fn a_narrow_hill_off_every_grid_is_climbed_to_its_top() {
    let zero = networks::model(&["x", "y"], Scaling::identity(2), Scaling::identity(1), Vec::new());
    let measured = measure(&zero, "exp(-200*((x-0.3137)^2+(y-0.7071)^2))", "x=0..1, y=0..1");
    assert!(measured.f64.highest.error > 1.0 - 1e-6, "{measured:?}");
    let at = &measured.f64.highest.at;
    assert!((at[0] - 0.3137).abs() + (at[1] - std::f64::consts::FRAC_1_SQRT_2).abs() < 1e-3, "{at:?}");
}

#[test]
fn points_where_the_function_is_undefined_do_not_count() {
    let zero = networks::model(&["x"], Scaling::identity(1), Scaling::identity(1), Vec::new());
    let measured = measure(&zero, "sqrt(x)", "x=-1..1");
    assert!((measured.f64.largest() - 1.0).abs() < 1e-9, "{measured:?}");
    let f = Expression::parse("sqrt(x)").unwrap();
    let domain = Domain::parse("x=-2..-1").unwrap();
    assert_eq!(attack(&zero, 0, 0, &f, domain.sides(), &AttackSettings::default()).unwrap(), None);
}

#[test]
fn the_measurement_does_not_depend_on_the_number_of_threads() {
    let model = random(&["x", "y"], &[16, 16], 2, 5);
    let on = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| measure(&model, "sin(3*x)*y", "x=-1..1, y=0..2"))
    };
    assert_eq!(on(1), on(3));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn an_error_that_was_measured_is_attained_at_its_point(seed in 0u64..1000, d in 1usize..4, n_grades in 1usize..4) {
        let names = &["x", "y", "z"][..d];
        let model = random(names, &[5, 4], n_grades, seed);
        let f = Expression::parse("sin(5*x) + exp(x/2)").unwrap().with_variables(names).unwrap();
        let sides: Vec<_> = Domain::parse("x=-1..1, y=0..3, z=1..1.1").unwrap().sides()[..d].to_vec();
        let settings = AttackSettings { points: 500, seed };
        let measured = attack(&model, n_grades, 0, &f, &sides, &settings).unwrap().unwrap();
        for point in [&measured.f64.lowest, &measured.f64.highest] {
            prop_assert!(point.at.iter().zip(&sides).all(|(x, side)| side.contains(*x)));
            let error = f.eval(&point.at) - model.eval_reference(&point.at, n_grades).unwrap()[0];
            prop_assert!((error - point.error).abs() <= 1e-14 * (1.0 + f.eval(&point.at).abs()));
        }
        // f32 has a unit roundoff of 6e-8: nearly the same extremes, for numbers of moderate size.
        prop_assert!((measured.f32.largest() - measured.f64.largest()).abs() < 1e-4 * (1.0 + measured.f64.largest()));
    }

    #[test]
    fn between_its_kinks_a_network_is_affine(seed in 0u64..1000, d in 1usize..4, n_grades in 1usize..4) {
        let model = random(&["x", "y", "z"][..d], &[6, 5], n_grades, seed);
        let ends = points(&vec![(-1.0, 1.0); d], 2, seed);
        let value = |share: f64| {
            let x: Vec<f64> = ends[0].iter().zip(&ends[1]).map(|(a, b)| a + share * (b - a)).collect();
            model.eval_reference(&x, n_grades).unwrap()[0]
        };
        let mut shares = breakpoints(&model, &ends[0], &ends[1], 10_000);
        shares.insert(0, 0.0);
        shares.push(1.0);
        for pair in shares.windows(2) {
            prop_assert!(pair[0] < pair[1]);
            let at = |part: f64| value(pair[0] + part * (pair[1] - pair[0]));
            let chord = 0.7 * at(0.0) + 0.3 * at(1.0);
            prop_assert!((at(0.3) - chord).abs() < 1e-11 * (1.0 + chord.abs()), "{} {chord}", at(0.3));
        }
    }
}
