//! Networks learned from formulas: what is proved of every grade, and that projected grades never move away.

mod common;
#[path = "common/formula.rs"]
mod formula;

use formula::points;
use multigrade::learn::{LearnError, LearnSettings, Learned, learn};
use multigrade::prove::ProveStop;
use multigrade::truth::{Domain, Expression, Format, check};
use multigrade::{FitSettings, Grades, Precision, Predictor, Stop, silent};

/// Grades as on the command line, such as `16` and `8,8`.
fn settings(grades: &[&str], project: bool) -> LearnSettings {
    let list = grades.iter().map(|text| text.parse().unwrap()).collect();
    let fit = FitSettings { grades: Grades::List(list), ..LearnSettings::default().fit };
    LearnSettings { fit, rows: 400, project, boxes: 4_000 }
}

fn try_learn(text: &str, sides: &str, tolerance: Option<f64>, settings: LearnSettings) -> Result<Learned, LearnError> {
    let (f, domain) = (Expression::parse(text).unwrap(), Domain::parse(sides).unwrap());
    learn(&f, &domain, tolerance, &settings.validate().unwrap(), &mut silent())
}

fn learned(text: &str, sides: &str, settings: LearnSettings) -> Learned {
    try_learn(text, sides, None, settings).unwrap()
}

#[test]
fn no_residual_of_any_grade_exceeds_its_proved_bound_in_any_format() {
    for (text, sides, grades) in [
        ("sin(6*x)", "x=0..1", &["12", "8,8"][..]),
        ("abs(x-0.3)+x^2", "x=-1..2", &["8", "8"]),
        ("exp(-x*y)*sin(3*y)", "x=0..1, y=0..1", &["12", "6"]),
        ("x*y-z", "x=0..1, y=-1..1, z=0..2", &["6", "6"]),
    ] {
        for project in [false, true] {
            let made = learned(text, sides, settings(grades, project));
            assert_eq!((made.stop, made.is_projected), (Stop::Complete, project), "{text}");
            let (certificate, proved) = made.proven.certificate.as_ref().unwrap();
            assert_eq!(proved.bounds().len(), grades.len(), "{text}");
            assert!(check(certificate, &made.model).proved().is_some(), "{text}");
            let (inputs, values) = points(text, sides, 7, 20_000);
            for (format, precision) in [(Format::F64, Precision::F64), (Format::F32, Precision::F32)] {
                let stages = Predictor::new(&made.model, precision).staged(&inputs).unwrap();
                for (bounds, stage) in proved.bounds().iter().zip(stages) {
                    let bound = bounds.evaluated(format).unwrap().magnitude();
                    let largest = values.iter().zip(stage).map(|(y, v)| (y - v).abs()).fold(0.0, f64::max);
                    let k = bounds.grades();
                    assert!(largest <= bound + 1e-13, "{text}, grade {k}, {format:?}: {largest:e} above {bound:e}");
                    assert!(largest >= 0.1 * bound, "{text}, grade {k}, {format:?}: {largest:e} far below {bound:e}");
                }
            }
        }
    }
}

#[test]
fn no_points_residual_grows_from_grade_to_projected_grade() {
    let wide = |settings: LearnSettings| {
        let fit = FitSettings { branches: Some(2), carry_inputs: false, ..settings.fit };
        LearnSettings { fit, ..settings }
    };
    for (text, sides, settings) in [
        ("sin(9*x)", "x=0..1", settings(&["4", "12", "16"], true)),
        ("1e6*exp(x)+3e7", "x=-1..1", settings(&["3,4", "8,6"], true)),
        ("1e-9*sin(3*x)*y", "x=0..1, y=-1..1", settings(&["5", "8", "8"], true)),
        ("max(sin(3*x), y^2-0.3)", "x=0..1, y=0..1", wide(settings(&["4,4", "4,6"], true))),
        ("x*y+z", "x=0..1, y=-1..1, z=0..2", wide(settings(&["2", "6"], true))),
    ] {
        let made = learned(text, sides, settings);
        assert!(made.is_projected, "{text}");
        let (inputs, values) = points(text, sides, 7, 100_000);
        let size = values.iter().fold(0.0f64, |m, y| m.max(y.abs()));
        let start = made.model.output_scaling().center()[0];
        let mut before: Vec<f64> = values.iter().map(|y| y - start).collect();
        let mut moved = 0;
        for (k, stage) in Predictor::new(&made.model, Precision::F64).staged(&inputs).unwrap().iter().enumerate() {
            let after: Vec<f64> = values.iter().zip(stage).map(|(y, v)| y - v).collect();
            let worst = before.iter().zip(&after).map(|(b, a)| a.abs() - b.abs()).fold(f64::NEG_INFINITY, f64::max);
            // Rounding of a few hundred additions to numbers of this size.
            assert!(worst <= 1e-12 * size, "{text}: grade {}: a residual grew by {worst:e}", k + 1);
            moved += before.iter().zip(&after).filter(|(b, a)| a.abs() < 0.9 * b.abs()).count();
            before = after;
        }
        assert!(moved > 10_000, "{text}: the projection moved {moved} residuals");
    }
}

#[test]
fn the_projection_leaves_at_most_twice_the_tube_and_the_trained_network_may_leave_more_than_it_found() {
    let (text, sides) = ("sin(9*x)", "x=0..1");
    let trained = learned(text, sides, settings(&["4", "12", "16"], false));
    let projected = learned(text, sides, settings(&["4", "12", "16"], true));
    let bounds = |made: &Learned| made.proven.certificate.as_ref().unwrap().1.bounds().to_vec();
    for (tube, after) in bounds(&trained).iter().zip(bounds(&projected)) {
        // Half the width of the tube, by recentring; the proof of the projected network is tight to a quarter.
        assert!(after.exact().magnitude() <= 1.25 * tube.exact().width(), "{tube:?} {after:?}");
    }
    let (inputs, values) = points(text, sides, 7, 10_000);
    let stages = Predictor::new(&trained.model, Precision::F64).staged(&inputs).unwrap();
    let grew = (0..values.len()).filter(|&i| (values[i] - stages[1][i]).abs() > (values[i] - stages[0][i]).abs());
    assert!(grew.count() > 0, "training alone promises nothing for single points");
}

#[test]
fn automatic_grades_end_where_the_tolerance_is_proved_and_a_missed_one_leaves_the_best_bound() {
    let fit = FitSettings { grades: Grades::Auto { at_most: 4 }, ..LearnSettings::default().fit };
    let settings = LearnSettings { fit, rows: 1_000, ..LearnSettings::default() };
    let reached = try_learn("sin(3*x)", "x=0..1", Some(0.05), settings.clone()).unwrap();
    assert!(reached.bound() <= 0.05 && reached.model.grades().len() == 1, "{:?}", reached.bound());
    let missed = try_learn("sin(3*x)", "x=0..1", Some(1e-9), settings).unwrap();
    assert!(missed.bound() > 1e-9 && missed.bound() < 0.05, "{:?}", missed.bound());
    let (certificate, _) = missed.proven.certificate.as_ref().unwrap();
    assert!(check(certificate, &missed.model).proved().is_some());
}

#[test]
fn a_jump_is_never_bounded_away_a_pole_has_no_bound_and_many_variables_keep_the_best_bound() {
    let jump = learned("if(x < 0.3, -1, 1)", "x=0..1", settings(&["8"], true));
    assert!(jump.bound() >= 1.0 && jump.bound().is_finite(), "{:?}", jump.bound());
    assert!(jump.is_projected);
    let pole = learned("1/(x-0.3)", "x=0..1", settings(&["4"], true));
    assert!(pole.proven.certificate.is_none() && pole.bound() == f64::INFINITY && !pole.is_projected);
    assert_eq!(pole.proven.headline().stop, ProveStop::Stuck);
    let many = "a*b+c*d+p*q+r*s";
    let sides = "a=0..1, b=0..1, c=0..1, d=0..1, p=0..1, q=0..1, r=0..1, s=0..1";
    let made = learned(many, sides, LearnSettings { boxes: 50, ..settings(&["8"], false) });
    assert_eq!(made.proven.headline().stop, ProveStop::Boxes);
    let measured = made.proven.headline().measured.as_ref().unwrap().f64.largest();
    assert!(measured <= made.bound() && made.bound().is_finite());
}

#[test]
fn what_cannot_be_learned_is_refused_with_a_place_or_a_name() {
    let refused =
        |text: &str, tolerance| try_learn(text, "x=0..1", tolerance, settings(&["4"], false)).unwrap_err().to_string();
    assert!(refused("ln(x)", None).contains("at x=0"), "{}", refused("ln(x)", None));
    assert!(refused("x+q", None).contains("the variable 'q'"));
    assert!(refused("x", Some(0.0)).contains("expected a positive number"));
    let invalid = |settings: LearnSettings| settings.validate().unwrap_err().to_string();
    assert!(invalid(settings(&["4:tanh"], false)).contains("expected relu"));
    assert!(invalid(LearnSettings { rows: 1, ..LearnSettings::default() }).starts_with("rows: found 1"));
    assert!(invalid(LearnSettings { boxes: 0, ..LearnSettings::default() }).starts_with("boxes: found 0"));
}

#[test]
fn a_constant_is_learned_without_grades_and_the_network_is_the_same_for_any_number_of_threads() {
    let constant = learned("0*x+2", "x=0..1", settings(&["4"], true));
    assert!(constant.model.grades().is_empty() && constant.bound() <= 1e-12);
    let run = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let made = pool.install(|| learned("sin(6*x)*y", "x=0..1, y=0..1", settings(&["8", "6"], true)));
        (made.model.to_bytes(), made.proven.certificate.unwrap().0)
    };
    assert!(run(1) == run(2));
}
