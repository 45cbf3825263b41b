//! What a fit does that is told nothing about its grades, where training meets waves too late.

mod common;

use common::numbers;
use multigrade::{
    FitSettings, Fitted, Grades, Multigrade, Samples, Solver, Stop, convex, fit, resume, silent, verify_proofs,
};

fn run(samples: &Samples, settings: &FitSettings) -> Fitted {
    fit(samples, None, &settings.clone().validate().unwrap(), &mut silent()).unwrap()
}

/// `n` rows of a function of one input.
fn curve(n: usize, f: impl Fn(f64) -> f64) -> Samples {
    let x = numbers(5, n);
    let y = x.iter().map(|x| f(*x)).collect();
    Samples::new(1, 1, x, y, None).unwrap()
}

/// `n` rows on the unit circle, of a wave with so many periods.
fn circle(n: usize, periods: f64) -> Samples {
    let turns = numbers(6, n);
    let x = turns.iter().flat_map(|t| [(std::f64::consts::TAU * t).cos(), (std::f64::consts::TAU * t).sin()]).collect();
    let y = turns.iter().map(|t| (std::f64::consts::TAU * periods * t).sin()).collect();
    Samples::new(2, 1, x, y, None).unwrap()
}

/// Root mean square of the residual on the held-out rows.
fn held_out_error(fitted: &Fitted, samples: &Samples) -> f64 {
    let held = samples.select(&fitted.held_out);
    let square = |(y, p): (&f64, &f64)| (y - p) * (y - p);
    let pairs = held.targets().iter().zip(&fitted.held_out_predictions);
    (pairs.map(square).sum::<f64>() / held.rows() as f64).sqrt()
}

fn convex_settings() -> Solver {
    Solver::Convex(convex::ConvexSettings::default())
}

fn verdict(model: &Multigrade) -> &str {
    let mut verdicts = model.history().notes.iter().filter(|note| note.text.starts_with("one input: "));
    &verdicts.next_back().unwrap().text
}

#[test]
fn on_one_input_the_default_is_never_worse_on_held_out_rows_than_the_convex_grade() {
    let noise = |x: f64| numbers(x.to_bits(), 1)[0] - 0.5;
    type Target = Box<dyn Fn(f64) -> f64>;
    let targets: [(&str, Target); 4] = [
        ("a slow wave", Box::new(|x| (6.0 * x).sin())),
        ("a fast wave", Box::new(|x| (60.0 * x).sin())),
        ("a kink", Box::new(|x| (x - 0.3).abs())),
        ("noise on a line", Box::new(move |x| x + noise(x))),
    ];
    let settings = FitSettings { grades: Grades::Auto { at_most: 2 }, refit: Some(false), ..FitSettings::default() };
    let chosen: Vec<bool> = targets
        .iter()
        .map(|(name, f)| {
            let samples = curve(80, f);
            let fitted = run(&samples, &settings);
            let convex = run(&samples, &FitSettings { solver: Some(convex_settings()), ..settings.clone() });
            let (own, best) = (held_out_error(&fitted, &samples), held_out_error(&convex, &samples));
            // Both are computed from residuals, so only rounding may differ.
            assert!(own <= best * (1.0 + 1e-9), "{name}: {own} {best}");
            let is_convex = fitted.model.proofs().next().is_some();
            assert_eq!(verdict(&fitted.model).starts_with("one input: the best linear spline"), is_convex, "{name}");
            is_convex
        })
        .collect();
    assert!(chosen.contains(&true) && chosen.contains(&false), "{chosen:?}");
}

#[test]
fn a_wave_that_training_does_not_meet_is_a_convex_grade_with_its_proof_and_no_time_is_lost_on_training() {
    let x: Vec<f64> = (0..1500).map(|i| f64::from(i) / 1500.0).collect();
    let y = x.iter().map(|x| (200.0 * x).sin()).collect();
    let samples = Samples::new(1, 1, x, y, None).unwrap();
    let fitted = run(&samples, &FitSettings::default());
    assert_eq!((fitted.model.grades().len(), fitted.stop), (1, Stop::Exhausted));
    assert_eq!(verify_proofs(&fitted.model, &samples), [(1, Ok(()))]);
    let text = verdict(&fitted.model);
    assert!(text.contains("of a first network on a few rows, where training was given up"), "{text}");
    // The grade is the one that is asked for by name.
    let named = run(&samples, &FitSettings { solver: Some(convex_settings()), ..FitSettings::default() });
    assert_eq!(fitted.model.grades(), named.model.grades());
}

#[test]
fn settings_that_say_what_grades_look_like_are_followed_without_a_convex_grade() {
    let samples = curve(60, |x| (60.0 * x).sin());
    let says = [
        FitSettings { activation: Some(multigrade::Activation::Tanh), ..FitSettings::default() },
        FitSettings { solver: Some(Solver::Lbfgs { iterations: 5 }), ..FitSettings::default() },
        FitSettings { grades: Grades::Count(1), branches: Some(1), ..FitSettings::default() },
    ];
    for settings in says {
        let settings = match settings.grades {
            Grades::Count(_) => settings,
            _ => FitSettings { grades: Grades::Auto { at_most: 1 }, ..settings },
        };
        assert_eq!(run(&samples, &settings).model.proofs().count(), 0);
    }
}

#[test]
fn a_fit_of_one_input_goes_on_as_if_made_in_one_go_whatever_was_chosen_before() {
    for (what, samples) in [("convex", curve(50, |x| (60.0 * x).sin())), ("trained", curve(40, |x| (4.0 * x).sin()))] {
        for refit in [false, true] {
            let settings = |at_most| FitSettings {
                grades: Grades::Auto { at_most },
                refit: Some(refit),
                ..FitSettings::default()
            };
            let (begun, whole) = (run(&samples, &settings(1)).model, run(&samples, &settings(2)).model);
            let valid = settings(2).validate().unwrap();
            let ended = resume(&begun, &samples, None, &valid, &mut silent()).unwrap().model;
            assert_eq!(ended.to_bytes(), whole.to_bytes(), "{what}, refit {refit}");
        }
    }
}

#[test]
fn fast_waves_on_a_curve_in_the_plane_are_found_by_random_waves_whatever_the_number_of_threads() {
    // 40 periods on 1040 rows left to learn from: 26 rows for each.
    let samples = circle(1300, 40.0);
    let fits = [1, 2].map(|threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| run(&samples, &FitSettings { refit: Some(false), ..FitSettings::default() }))
    });
    assert_eq!(fits[0].model.to_bytes(), fits[1].model.to_bytes());
    let fitted = &fits[0];
    assert_eq!((fitted.model.grades().len(), fitted.stop), (1, Stop::Wide));
    // The nearest row is 1/1040 of a turn away, and the wave moves by 0.24 between rows; random waves are to do far better.
    let error = held_out_error(fitted, &samples);
    assert!(error < 1e-3, "{error}");
    let notes = &fitted.model.history().notes;
    assert!(notes[0].text.contains("random waves of frequency"), "{notes:?}");
    // A further grade is not tried when the fit goes on.
    let settings = FitSettings { refit: Some(false), ..FitSettings::default() }.validate().unwrap();
    let again = resume(&fitted.model, &samples, None, &settings, &mut silent()).unwrap();
    assert_eq!(again.model.to_bytes(), fitted.model.to_bytes());
}

#[test]
fn noise_on_a_curve_gets_no_random_waves() {
    let circle = circle(1300, 1.0);
    let noise = numbers(9, 1300);
    let samples = Samples::new(2, 1, circle.inputs().to_vec(), noise, None).unwrap();
    let settings = FitSettings { grades: Grades::Auto { at_most: 1 }, refit: Some(false), ..FitSettings::default() };
    let fitted = run(&samples, &settings);
    assert!(fitted.model.history().grades.iter().all(|record| !record.solver.contains("waves")));
}
