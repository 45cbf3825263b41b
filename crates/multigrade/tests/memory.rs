//! A limit of memory changes nothing about a model: features that are computed again are those that would have been kept.

mod common;

use common::numbers;
use multigrade::convex::{ConvexSettings, Penalty};
use multigrade::{
    Activation, Classes, Descent, FitSettings, GradeSettings, Grades, Label, Precision, ReadoutRule, Samples, Schedule,
    Solver, fit, fit_classes, resume, silent,
};
use proptest::prelude::*;

fn samples(n: usize, d: usize, m: usize) -> Samples {
    let inputs = numbers(3, n * d);
    let target = |x: &[f64], j: usize| (5.0 * x[0] + j as f64).sin() * x[d - 1] + 0.1 * (90.0 * x[0]).cos();
    let targets = inputs.chunks(d).flat_map(|x| (0..m).map(|j| target(x, j)).collect::<Vec<_>>()).collect();
    let weights = numbers(4, n).iter().map(|u| 0.5 + u).collect();
    Samples::new(d, m, inputs, targets, Some(weights)).unwrap()
}

/// Calls `f` in a pool of its own.
fn on_threads<A: Send>(threads: usize, f: impl FnOnce() -> A + Send) -> A {
    rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap().install(f)
}

/// The bytes of the model that these settings make within a limit of memory, in bytes.
fn model(samples: &Samples, settings: &FitSettings, memory: usize, threads: usize) -> Vec<u8> {
    let settings = FitSettings { memory, ..settings.clone() }.validate().unwrap();
    on_threads(threads, || fit(samples, None, &settings, &mut silent()).unwrap().model.to_bytes())
}

fn solvers() -> Vec<Solver> {
    let walk = |epochs, batch| Descent { epochs, batch, rate: 1e-2, schedule: Schedule::Constant, patience: None };
    vec![
        Solver::RandomFeatures,
        Solver::Lbfgs { iterations: 3 },
        Solver::LevenbergMarquardt { iterations: 2 },
        Solver::Adam(walk(2, Some(64))),
        Solver::Adam(walk(2, Some(300))),
        Solver::Adam(walk(2, None)),
        Solver::GradientDescent(walk(1, Some(37))),
        // A large penalty: a path of small ones on hundreds of features takes minutes.
        Solver::Convex(ConvexSettings { penalty: Penalty::OfLargest(0.3), ..ConvexSettings::default() }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn features_computed_again_give_the_model_of_features_that_were_kept_bit_for_bit(
        // Fewer rows than a block, whole blocks, and blocks with a rest.
        n in prop::sample::select([90_usize, 256, 300, 700].as_slice()),
        d in 1..4_usize,
        m in 1..3_usize,
        // The widest are multiplied by the linear-algebra library.
        widths in prop::collection::vec(prop::sample::select([1_usize, 7, 33, 64, 200].as_slice()), 2..4),
        layers in 1..3_usize,
        activation in prop::sample::select(Activation::ALL.as_slice()),
        solver in prop::sample::select(solvers()),
        single: bool,
        as_trained: bool,
        carry_inputs: bool,
        validation in prop::sample::select([0.0, 0.2].as_slice()),
    ) {
        let convex = matches!(solver, Solver::Convex(_));
        let small = convex || matches!(solver, Solver::LevenbergMarquardt { .. });
        let trains = !convex && solver != Solver::RandomFeatures;
        let grade = |(k, width): (usize, &usize)| GradeSettings {
            widths: vec![if small { (*width).min(7) } else { *width }; layers],
            activations: Some(vec![activation; layers]),
            weight_decay: Some(1e-6),
            branches: Some(1 + k % 2),
            solver: None,
        };
        let mut grades: Vec<GradeSettings> = widths.iter().enumerate().map(grade).collect();
        if convex {
            // Between grades that are trained.
            grades.iter_mut().for_each(|grade| grade.solver = Some(Solver::Lbfgs { iterations: 2 }));
            let convex = GradeSettings { solver: Some(solver.clone()), widths: Vec::new(), ..GradeSettings::default() };
            grades.insert(1, convex);
        }
        let needs_digits = matches!(solver, Solver::Lbfgs { .. } | Solver::LevenbergMarquardt { .. }) || convex;
        let settings = FitSettings {
            grades: Grades::List(grades),
            solver: (!convex).then(|| solver.clone()),
            readout: if as_trained && trains { ReadoutRule::AsTrained } else { ReadoutRule::LeastSquares },
            carry_inputs: carry_inputs || convex,
            precision: if single && !needs_digits { Precision::F32 } else { Precision::F64 },
            validation,
            ..FitSettings::default()
        };
        let samples = samples(n, d, m);
        let kept = model(&samples, &settings, usize::MAX, 2);
        for threads in [1, 2, 4] {
            prop_assert!(model(&samples, &settings, 0, threads) == kept, "{} threads", threads);
        }
    }
}

#[test]
fn default_settings_make_the_same_model_of_one_input_within_any_limit() {
    let samples = samples(200, 1, 1);
    let settings = FitSettings { grades: Grades::Auto { at_most: 2 }, ..FitSettings::default() };
    assert!(model(&samples, &settings, 0, 2) == model(&samples, &settings, settings.memory, 2));
}

#[test]
fn rows_of_several_parts_are_summed_in_the_same_order_whatever_is_kept() {
    let samples = samples(40_000, 2, 1);
    let grade = |width, solver| GradeSettings {
        widths: vec![width],
        activations: Some(vec![Activation::Tanh]),
        weight_decay: Some(1e-6),
        branches: Some(1),
        solver: Some(solver),
    };
    let walk = Descent { epochs: 1, batch: Some(1000), ..Descent::default() };
    let grades = vec![
        grade(40, Solver::Lbfgs { iterations: 2 }),
        grade(20, Solver::Adam(walk)),
        grade(8, Solver::LevenbergMarquardt { iterations: 1 }),
        grade(200, Solver::RandomFeatures),
    ];
    let settings = FitSettings { grades: Grades::List(grades), ..FitSettings::default() };
    let kept = model(&samples, &settings, usize::MAX, 2);
    // The second limit is enough for some of the grades.
    for (memory, threads) in [(0, 1), (20_000_000, 2)] {
        assert!(model(&samples, &settings, memory, threads) == kept, "{memory} bytes");
    }
}

#[test]
fn a_classifier_and_a_fit_that_goes_on_do_not_depend_on_what_is_kept() {
    let n = 600;
    let inputs = numbers(5, 2 * n);
    let rows: Vec<usize> = inputs.chunks(2).map(|x| ((4.0 * x[0]) as usize + usize::from(x[1] > 0.5)) % 3).collect();
    let samples = Samples::of_classes(2, inputs, &rows, 3, None).unwrap();
    let classes = Classes::new("class", (0..3).map(Label::Integer).collect()).unwrap();
    let names = vec!["x".to_owned(), "y".to_owned()];
    let made = |memory| {
        let settings = FitSettings {
            grades: Grades::Count(2),
            solver: Some(Solver::Adam(Descent { epochs: 3, ..Descent::default() })),
            activation: Some(Activation::Relu),
            weight_decay: Some(1e-4),
            memory,
            ..FitSettings::default()
        };
        let settings = settings.validate().unwrap();
        fit_classes(&samples, None, &names, &classes, &settings, &mut silent()).unwrap().model.to_bytes()
    };
    assert!(made(0) == made(usize::MAX));

    let rows = self::samples(500, 2, 1);
    let settings = |count, memory| {
        let grade = GradeSettings {
            widths: vec![20],
            activations: Some(vec![Activation::Relu]),
            weight_decay: Some(1e-6),
            branches: Some(1),
            solver: Some(Solver::Lbfgs { iterations: 3 }),
        };
        FitSettings { grades: Grades::List(vec![grade; count]), memory, ..FitSettings::default() }.validate().unwrap()
    };
    let whole = fit(&rows, None, &settings(3, usize::MAX), &mut silent()).unwrap().model;
    let first = fit(&rows, None, &settings(1, 0), &mut silent()).unwrap().model;
    let resumed = resume(&first, &rows, None, &settings(3, 0), &mut silent()).unwrap().model;
    assert!(resumed.to_bytes() == whole.to_bytes());
}
