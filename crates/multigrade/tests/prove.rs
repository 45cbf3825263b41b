//! What is proved is true, and nearly as good as what is measured.

mod networks;

use multigrade::prove::{Found, Goal, ProveSettings, ProveStop, enclose};
use multigrade::truth::{Decoration, Domain, Expression};
use multigrade::{Multigrade, silent};
use networks::{interpolant_of, random};
use proptest::prelude::*;

fn bounds(model: &Multigrade, f: &str, domain: &str, settings: ProveSettings) -> Found {
    let (f, domain) = (Expression::parse(f).unwrap(), Domain::parse(domain).unwrap());
    enclose(model, model.grades().len(), 0, &f, &domain, &settings.validate().unwrap(), &mut silent()).unwrap()
}

/// Every error that was measured lies within the bounds of its format.
fn assert_sound(found: &Found) {
    let (measured, bounds) = (found.measured.as_ref().unwrap(), found.bounds.unwrap());
    for (extremes, bounds) in [(&measured.f64, bounds.f64), (&measured.f32, bounds.f32)] {
        for point in [&extremes.lowest, &extremes.highest] {
            assert!(bounds.contains(point.error), "{point:?} {bounds:?}");
        }
    }
}

#[test]
fn bounds_of_interpolants_are_the_known_errors() {
    // On each of n cells: 0 <= p - x^2 <= 1/(4n^2), both attained.
    for n in [1, 3, 64] {
        let settings = ProveSettings { goal: Goal::Ends(1e-3), ..ProveSettings::default() };
        let found = bounds(&interpolant_of(|x| x * x, n), "x^2", "x=0..1", settings);
        assert_eq!(found.stop, ProveStop::Reached);
        assert_sound(&found);
        let exact = found.bounds.unwrap().exact;
        let largest = 1.0 / (4 * n * n) as f64;
        assert!((-1.001 * largest..=-largest).contains(&exact.lower()), "{exact:?}");
        assert!((0.0..=0.001 * largest).contains(&exact.upper()), "{exact:?}");
    }
}

#[test]
fn a_function_that_the_network_is_has_a_bound_of_rounding_size() {
    let found = bounds(&interpolant_of(|x| (x - 0.5).abs(), 2), "abs(x-0.5)", "x=0..1", ProveSettings::default());
    assert_eq!(found.stop, ProveStop::Reached);
    assert!(found.bound() < 1e-13, "{found:?}");
}

#[test]
fn a_jump_a_pole_and_an_undefined_point_hold_the_bound_up_where_they_are() {
    let model = interpolant_of(|x| x, 2);
    let jump = bounds(&model, "if(x < 0.3, x, x + 1)", "x=0..1", ProveSettings::default());
    assert_eq!(jump.stop, ProveStop::Reached); // the measured error is 1 too
    assert_sound(&jump);
    for (f, at) in [("1/(x-0.3)", 0.3), ("ln(x)", 0.0), ("x + 1e-3/abs(x-0.7)", 0.7)] {
        let found = bounds(&model, f, "x=0..1", ProveSettings::default());
        assert!(found.bounds.is_none(), "{f}");
        assert_eq!(found.stop, ProveStop::Stuck, "{f}");
        let side = found.worst.unwrap().sides[0];
        assert!(side.lower() <= at + 1e-9 && side.upper() >= at - 1e-9, "{f}: {side:?}");
    }
    let found = bounds(&model, "sqrt(x-0.7)", "x=0..1", ProveSettings::default());
    assert_eq!(found.stop, ProveStop::Stuck);
    let worst = found.worst.unwrap();
    assert!(worst.sides[0].upper() < 0.7 && worst.decoration == Decoration::Nowhere, "{worst:?}");
}

#[test]
fn bounds_do_not_depend_on_the_number_of_threads() {
    let model = random(&["x", "y"], &[16, 16], 2, 5);
    let on = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let settings = ProveSettings { boxes: 300, ..ProveSettings::default() };
        pool.install(|| format!("{:?}", bounds(&model, "sin(3*x)*y", "x=-1..1, y=0..2", settings.clone())))
    };
    assert_eq!(on(1), on(3));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn no_attack_finds_an_error_outside_the_proved_bounds(
        seed in 0u64..10_000,
        d in 1usize..4,
        n_grades in 1usize..4,
        f in prop::sample::select(vec![
            "sin(5*x)", "abs(x - 0.3) + exp(x/2)", "sqrt(x + 1)", "max(x, 0.5)^2", "tanh(10*x)", "if(x < 0.1, 0, x)",
        ]),
    ) {
        let model = random(&["x", "y", "z"][..d], &[5, 4], n_grades, seed);
        let domain = ["x=-1..1", "x=-1..1, y=0..3", "x=-1..1, y=0..3, z=1..1.1"][d - 1];
        let boxes = 40 + (seed % 200) as usize; // bounds are sound whenever the search ends
        let attack = multigrade::attack::AttackSettings { points: 2_000, seed };
        assert_sound(&bounds(&model, f, domain, ProveSettings { boxes, attack, ..ProveSettings::default() }));
    }
}
