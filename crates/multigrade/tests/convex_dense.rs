//! Laws of dense convex grades: optimality, its proof, what budgets leave, symmetries.

mod common;

use common::numbers;
use multigrade::convex::dense::{self, DenseFit, DensePenalty, DenseSettings};
use multigrade::convex::{self, ConvexError, ConvexSettings, Penalty, Round};
use multigrade::{
    Activation, Bias, ConvexProblem, Flow, Grade, Layer, Matrix, NeuronClass, OptimalityProof, ProofError, ProofStatus,
    Readout, Samples, Skip,
};
use std::cell::Cell;

const KINDS: [(Bias, Skip); 5] = [
    (Bias::Penalised { scale: 1.0 }, Skip::None),
    (Bias::Penalised { scale: 0.5 }, Skip::Constant),
    (Bias::Penalised { scale: 1.0 }, Skip::Affine),
    (Bias::Free, Skip::Constant),
    (Bias::Free, Skip::Affine),
];

fn settings(kind: (Bias, Skip), penalty: DensePenalty) -> DenseSettings {
    DenseSettings { penalty, bias: kind.0, skip: kind.1, ..DenseSettings::default() }
}

fn fit_with(samples: &Samples, settings: DenseSettings) -> DenseFit {
    dense::fit(samples, &settings.validate().unwrap()).unwrap()
}

fn fit(samples: &Samples, kind: (Bias, Skip), penalty: f64) -> DenseFit {
    fit_with(samples, settings(kind, DensePenalty::Absolute(penalty)))
}

fn fit_share(samples: &Samples, kind: (Bias, Skip), share: f64) -> DenseFit {
    fit_with(samples, settings(kind, DensePenalty::OfLargest(share)))
}

fn verify(fit: &DenseFit, samples: &Samples) -> Result<(), ProofError> {
    let grade = fit.grade().unwrap();
    fit.proof.verify(samples.inputs(), samples.targets(), Some(samples.weights()), &grade)
}

/// A wave along a slanted direction with a crease, and noise.
fn creased_waves(n: usize, d: usize, seed: u64) -> Samples {
    let (x, noise) = (numbers(seed, n * d), numbers(seed + 1, n));
    let x: Vec<f64> = x.iter().map(|x| 2.0 * x - 1.0).collect();
    let value = |row: &[f64]| {
        let along: f64 = row.iter().enumerate().map(|(k, x)| x / (1.0 + k as f64)).sum();
        (3.0 * along).sin() + 0.5 * (row[0] - 0.3).abs()
    };
    let y = x.chunks(d).zip(&noise).map(|(row, u)| value(row) + 0.3 * (u - 0.5)).collect();
    Samples::new(d, 1, x, y, None).unwrap()
}

#[test]
fn the_gap_closes_and_the_proof_holds_for_every_bias_and_skip() {
    for (d, n) in [(1, 60), (2, 80), (3, 60)] {
        let samples = creased_waves(n, d, d as u64);
        for kind in KINDS {
            for share in [0.3, 0.03] {
                let fit = fit_share(&samples, kind, share);
                assert_eq!(fit.proof.status, ProofStatus::Proved, "d={d} {kind:?} {share}: {fit}");
                assert!(fit.proof.rel_gap.unwrap() <= 1e-6, "{fit}");
                assert!(fit.proof.neurons > 0 && fit.proof.neurons == fit.biases.len());
                assert_eq!(verify(&fit, &samples), Ok(()), "d={d} {kind:?} {share}");
            }
        }
    }
}

#[test]
fn with_one_input_and_free_biases_the_value_is_that_of_knot_generation() {
    for seed in 0..4 {
        let samples = creased_waves(70, 1, 10 + seed);
        for share in [0.3, 0.03, 0.003] {
            let line = ConvexSettings { penalty: Penalty::OfLargest(share), ..ConvexSettings::default() };
            let line = convex::fit(&samples, &line.validate().unwrap()).unwrap();
            let dense = fit_share(&samples, (Bias::Free, Skip::Affine), share);
            assert_eq!(dense.proof.status, ProofStatus::Proved, "{dense}");
            // The largest penalties, of which these are the shares, agree to a part in a million.
            assert!((dense.proof.primal / line.proof.primal - 1.0).abs() <= 3e-6, "{dense}\n{line}");
        }
    }
}

#[test]
fn the_values_are_those_of_a_general_conic_solver() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../testdata/convex_dense_reference.json");
    let document: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let problems = document["problems"].as_array().unwrap();
    assert!(problems.len() >= 12);
    for problem in problems {
        let list = |name: &str| -> Vec<f64> { serde_json::from_value(problem[name].clone()).unwrap() };
        let d = problem["d"].as_u64().unwrap() as usize;
        let samples = Samples::new(d, 1, list("x"), list("y"), Some(list("w"))).unwrap();
        let bias = problem["bias"].as_f64().map_or(Bias::Free, |scale| Bias::Penalised { scale });
        let skip = serde_json::from_value(problem["skip"].clone()).unwrap();
        let exact = DenseSettings {
            tolerance: 1e-8,
            ..settings((bias, skip), DensePenalty::Absolute(problem["beta"].as_f64().unwrap()))
        };
        let fit = fit_with(&samples, exact);
        let expected = problem["value"].as_f64().unwrap();
        assert!((fit.proof.primal / expected - 1.0).abs() < 1e-7, "{expected}: {fit}");
        assert!(fit.proof.dual <= expected * (1.0 + 1e-7), "{expected}: {fit:?}");
        // The dual converges as the square root of the primal: the last digits of the proof are the dearest.
        assert!(fit.proof.rel_gap.unwrap() <= 2e-6, "{expected}: {fit}");
        assert_eq!(verify(&fit, &samples), Ok(()));
    }
}

#[test]
fn no_run_of_adam_is_below_the_fit_or_its_bound() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../testdata/convex_dense_adam.json");
    let document: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    for problem in document["problems"].as_array().unwrap() {
        let list = |name: &str| -> Vec<f64> { serde_json::from_value(problem[name].clone()).unwrap() };
        let d = problem["d"].as_u64().unwrap() as usize;
        let samples = Samples::new(d, 1, list("x"), list("y"), None).unwrap();
        let penalty = DensePenalty::Absolute(problem["beta"].as_f64().unwrap());
        let fit = fit_with(&samples, settings(KINDS[0], penalty));
        let best = problem["best"].as_f64().unwrap();
        assert_eq!(fit.proof.status, ProofStatus::Proved, "d={d}: {fit}");
        // Adam comes within rounding of some of these optima.
        assert!(
            fit.proof.primal <= best * (1.0 + 1e-9),
            "d={d}: {best} against {fit} {:e}",
            fit.proof.primal / best - 1.0
        );
        assert!(fit.proof.dual <= best, "d={d}: {best} against {fit}");
    }
}

fn problem<'a>(samples: &'a Samples, kind: (Bias, Skip), penalty: f64) -> ConvexProblem<'a> {
    let class = NeuronClass::Dense { bias: kind.0, skip: kind.1 };
    ConvexProblem { x: samples.inputs(), y: samples.targets(), weights: Some(samples.weights()), class, penalty }
}

/// A proof of a finished fit with another budget of cones.
fn proof_with(samples: &Samples, fit: &DenseFit, max_cones: u64) -> OptimalityProof {
    let NeuronClass::Dense { bias, skip } = fit.proof.class else { unreachable!("a dense fit") };
    let problem = problem(samples, (bias, skip), fit.penalty);
    let dual_point = fit.proof.dual_point.clone();
    OptimalityProof::new(&problem, &fit.grade().unwrap(), dual_point, fit.proof.tolerance, max_cones).unwrap()
}

/// `max |sum_i v_i relu(w'x_i)|` for three coordinates, from all places where a maximum can be: the best direction of a
/// cell, the best on a kink, the crossings of two kinks.
fn exhaustive(rows: &[[f64; 3]], v: &[f64]) -> f64 {
    let dot = |a: &[f64; 3], b: &[f64; 3]| a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
    let value = |w: [f64; 3]| {
        let size = dot(&w, &w).sqrt();
        let sum: f64 = rows.iter().zip(v).map(|(x, v)| v * dot(x, &w).max(0.0)).sum();
        if size > 1e-12 { (sum / size).abs() } else { 0.0 }
    };
    let mut best = 0.0f64;
    for (i, a) in rows.iter().enumerate() {
        for (j, b) in rows.iter().enumerate().filter(|(j, _)| *j != i) {
            let cross = [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]];
            best = best.max(value(cross));
            for sides in 0..4 {
                let mut slope = [0.0; 3];
                for (k, x) in rows.iter().enumerate() {
                    let is_active = if k == i {
                        sides & 1 == 1
                    } else if k == j {
                        sides & 2 == 2
                    } else {
                        dot(x, &cross) > 0.0
                    };
                    if is_active {
                        slope.iter_mut().zip(x).for_each(|(s, x)| *s += v[k] * x);
                    }
                }
                for sign in [1.0, -1.0] {
                    let slope = slope.map(|s| sign * s);
                    best = best.max(value(slope));
                    for wall in [a, b] {
                        let share = dot(&slope, wall) / dot(wall, wall);
                        best = best.max(value(std::array::from_fn(|k| slope[k] - share * wall[k])));
                    }
                }
            }
        }
    }
    best
}

#[test]
fn the_bounds_of_the_oracle_enclose_what_exhaustive_search_finds() {
    for seed in 0..12 {
        let n = 5 + 2 * seed as usize;
        let x: Vec<f64> = numbers(seed, 2 * n).iter().map(|x| 2.0 * x - 1.0).collect();
        let v: Vec<f64> = numbers(seed + 50, n).iter().map(|x| 2.0 * x - 1.0).collect();
        let rows: Vec<[f64; 3]> = x.chunks(2).map(|x| [x[0], x[1], 1.0]).collect();
        let exact = exhaustive(&rows, &v);
        // Nothing but a tiny penalty for the zero network with V as targets: the search goes on until omega is known.
        let samples = Samples::new(2, 1, x, v.clone(), None).unwrap();
        let layer = Layer::new(Matrix::zeros(1, 2), vec![0.0], Activation::Relu).unwrap();
        let readout = Readout::new(Matrix::zeros(1, 1), vec![0.0]).unwrap();
        let zero = Grade::new(vec![vec![layer]], false, readout).unwrap();
        let proof = OptimalityProof::new(&problem(&samples, KINDS[0], 1e-9), &zero, v, 1e-6, 1_000_000).unwrap();
        assert!(proof.oracle.lower <= exact * (1.0 + 1e-12), "{exact} {:?}", proof.oracle);
        assert!(proof.oracle.upper >= exact * (1.0 - 1e-12), "{exact} {:?}", proof.oracle);
        assert!(proof.oracle.upper <= exact * (1.0 + 3e-6), "{exact} {:?}", proof.oracle);
        assert!(proof.oracle.lower >= exact * (1.0 - 3e-6), "{exact} {:?}", proof.oracle);
    }
}

#[test]
fn a_false_optimum_of_quick_looks_is_exposed_and_left() {
    let mut exposed = 0;
    for seed in 0..40 {
        let samples = creased_waves(16, 2, 100 + seed);
        let kind = KINDS[if seed % 2 == 0 { 0 } else { 2 }];
        // Without cones the fit stops where quick looks find nothing more.
        let quick = DenseSettings { max_cones: 0, ..settings(kind, DensePenalty::Absolute(0.01)) };
        let quick = fit_with(&samples, quick);
        assert_ne!(quick.proof.status, ProofStatus::Proved, "{quick}");
        let proof = proof_with(&samples, &quick, 10_000_000);
        let full = fit(&samples, kind, 0.01);
        assert_eq!(full.proof.status, ProofStatus::Proved, "{full}");
        assert!(proof.dual <= full.proof.primal && full.proof.dual <= proof.primal);
        if proof.oracle.lower > 0.01 * (1.0 + 1e-4) {
            exposed += 1;
            assert_eq!(proof.status, ProofStatus::BoundOnly, "{proof}");
            assert!(proof.rel_gap.is_none_or(|gap| gap > 1e-6), "{proof}");
            assert!(full.proof.primal < proof.primal, "{full}\n{proof}");
            assert!(full.repaired > 0, "{full}");
        }
    }
    assert!(exposed > 0, "no quick look was wrong: the test has lost its point");
}

#[test]
fn a_fit_stopped_early_is_not_proved_and_lies_within_its_bound() {
    for (k, kind) in KINDS.into_iter().enumerate() {
        let samples = creased_waves(60, 2, 60 + k as u64);
        let best = fit_share(&samples, kind, 0.03);
        let weight = samples.rows() as f64;
        for max_rounds in [1, 2, 4] {
            let early = DenseSettings { max_rounds, ..settings(kind, DensePenalty::Absolute(best.penalty)) };
            let early = fit_with(&samples, early);
            assert!(early.proof.primal >= best.proof.dual && best.proof.primal >= early.proof.dual);
            if early.proof.primal > best.proof.primal * (1.0 + 1e-5) {
                assert_eq!(early.proof.status, ProofStatus::BoundOnly, "{early}");
                assert!(early.proof.rel_gap.is_none_or(|gap| gap > 1e-6), "{early}");
            }
            let fits = early.predict(samples.inputs()).into_iter().zip(best.predict(samples.inputs()));
            let apart: f64 = fits.map(|(f, g)| (f - g).powi(2)).sum();
            let bound = early.proof.fit_rmse_bound + best.proof.fit_rmse_bound;
            assert!((apart / weight).sqrt() <= bound, "{early}\n{best}");
        }
    }
}

#[test]
fn a_spent_budget_leaves_a_valid_bound_and_a_larger_one_never_a_worse() {
    for (k, kind) in KINDS.into_iter().enumerate() {
        let samples = creased_waves(80, 2 + k % 2, 70 + k as u64);
        let fit = fit_share(&samples, kind, 0.1);
        assert_eq!(fit.proof.status, ProofStatus::Proved);
        let mut last = f64::INFINITY;
        for max_cones in [0, 1, 10, 40, 100, 300, 1000, 10_000_000] {
            let proof = proof_with(&samples, &fit, max_cones);
            assert!(proof.oracle.lower <= proof.oracle.upper && proof.oracle.upper <= last, "{max_cones}: {proof:?}");
            assert!(proof.oracle.upper >= fit.proof.oracle.lower && proof.cones <= max_cones);
            assert!(proof.dual <= fit.proof.primal);
            last = proof.oracle.upper;
            if max_cones <= 10 {
                assert_eq!(proof.status, ProofStatus::BoundOnly, "{proof}");
                assert!(proof.rel_gap.is_none_or(|gap| gap > 1e-6), "{proof}");
            }
        }
        assert_eq!(proof_with(&samples, &fit, 10_000_000).status, ProofStatus::Proved);
    }
}

#[test]
fn many_inputs_give_a_bound_and_no_claim() {
    let samples = creased_waves(120, 12, 3);
    let fit = fit_share(&samples, KINDS[0], 0.3);
    assert_eq!(fit.proof.status, ProofStatus::BoundOnly);
    assert!(fit.proof.rel_gap.is_none_or(|gap| gap > 0.05), "{fit}");
    assert!(fit.proof.oracle.upper >= fit.proof.oracle.lower && fit.proof.cones == 0);
    assert!(fit.to_string().contains("NOT proved"), "{fit}");
    assert_eq!(verify(&fit, &samples), Ok(()));
}

#[test]
fn at_an_optimum_each_neuron_is_worth_the_penalty_and_no_direction_more() {
    for (k, kind) in KINDS.into_iter().enumerate() {
        let samples = creased_waves(70, 2, 80 + k as u64);
        let fit = fit_share(&samples, kind, 0.05);
        let v: Vec<f64> = samples.targets().iter().zip(fit.predict(samples.inputs())).map(|(y, f)| y - f).collect();
        let size = |w: &[f64], b: f64| match kind.0 {
            Bias::Free => w[0].hypot(w[1]),
            Bias::Penalised { scale } => w[0].hypot(w[1]).hypot(b / scale),
        };
        let worth = |w: &[f64], b: f64| {
            let active = samples.inputs().chunks(2).zip(&v).map(|(x, v)| v * (w[0] * x[0] + w[1] * x[1] + b).max(0.0));
            active.sum::<f64>() / size(w, b)
        };
        for (j, &a) in fit.amplitudes.iter().enumerate() {
            let worth = worth(fit.weights.row(j), fit.biases[j]) * a.signum();
            assert!((worth / fit.penalty - 1.0).abs() <= 1e-6, "{kind:?}: {worth} for {}", fit.penalty);
        }
        let free = match kind {
            (Bias::Penalised { .. }, Skip::None) => 0,
            (_, Skip::Affine) => 3,
            _ => 1,
        };
        for k in 0..free {
            let sum: f64 = samples.inputs().chunks(2).zip(&v).map(|(x, v)| v * [1.0, x[0], x[1]][k]).sum();
            assert!(sum.abs() <= 1e-9, "{kind:?}: {sum}");
        }
        for w in numbers(k as u64, 3 * 20_000).chunks(3) {
            let worth = worth(&[w[0] - 0.5, w[1] - 0.5], 2.0 * w[2] - 1.0);
            assert!(worth.abs() <= fit.proof.oracle.upper, "{kind:?}: {worth}");
        }
    }
}

#[test]
fn a_second_grade_on_the_same_inputs_is_zero() {
    for (k, kind) in KINDS.into_iter().enumerate() {
        let samples = creased_waves(60, 2, 90 + k as u64);
        let fit = fit_share(&samples, kind, 0.1);
        let oracle = fit.proof.oracle;
        assert!((oracle.lower / fit.penalty - 1.0).abs() <= 1e-6 && oracle.upper / fit.penalty <= 1.0 + 1e-5);
        let left: Vec<f64> = samples.targets().iter().zip(fit.predict(samples.inputs())).map(|(y, f)| y - f).collect();
        let rest = Samples::new(2, 1, samples.inputs().to_vec(), left, None).unwrap();
        let second = self::fit(&rest, kind, fit.penalty * (1.0 + 1e-5));
        assert_eq!((second.proof.neurons, second.proof.status), (0, ProofStatus::Proved), "{second}");
    }
}

#[test]
fn at_the_largest_penalty_there_are_no_neurons_and_below_it_there_are() {
    for (k, kind) in KINDS.into_iter().enumerate() {
        let samples = creased_waves(50, 2, 110 + k as u64);
        let largest = fit_share(&samples, kind, 0.5).largest_penalty;
        assert!(largest.lower <= largest.upper && largest.upper <= largest.lower * (1.0 + 1e-5));
        let none = fit(&samples, kind, largest.upper);
        assert_eq!((none.proof.neurons, none.proof.status), (0, ProofStatus::Proved), "{none}");
        assert!(fit(&samples, kind, 0.99 * largest.lower).proof.neurons > 0);
    }
}

/// Objective and values of two fits that should be the same.
fn assert_same(a: &DenseFit, b: &DenseFit, x: &[f64], y: &[f64], factor: f64, values: f64) {
    assert_eq!((a.proof.status, b.proof.status), (ProofStatus::Proved, ProofStatus::Proved), "{a}\n{b}");
    assert!((b.proof.primal / factor / a.proof.primal - 1.0).abs() <= 1e-6, "{a}\n{b}");
    let n = a.predict(x).len() as f64;
    let apart: f64 = a.predict(x).iter().zip(b.predict(y)).map(|(f, g)| (f - g / values).powi(2)).sum();
    assert!((apart / n).sqrt() <= a.proof.fit_rmse_bound + b.proof.fit_rmse_bound / values, "{a}\n{b}");
}

#[test]
fn order_scale_turning_and_doubling_of_the_data_change_nothing() {
    let samples = creased_waves(50, 2, 7);
    let (x, y) = (samples.inputs(), samples.targets());
    let new = |x: Vec<f64>, y: Vec<f64>| Samples::new(2, 1, x, y, None).unwrap();
    for kind in KINDS {
        let penalty = 0.1 * fit_share(&samples, kind, 0.5).largest_penalty.lower;
        let plain = fit(&samples, kind, penalty);
        let order: Vec<usize> = (0..50).map(|i| (7 * i + 3) % 50).collect();
        let shuffled = fit(&samples.select(&order), kind, penalty);
        assert_same(&plain, &shuffled, x, x, 1.0, 1.0);
        let scaled = fit(&new(x.to_vec(), y.iter().map(|y| 300.0 * y).collect()), kind, 300.0 * penalty);
        assert_same(&plain, &scaled, x, x, 9e4, 300.0);
        let (c, s) = (0.6, 0.8);
        let turned: Vec<f64> = x.chunks(2).flat_map(|x| [c * x[0] - s * x[1], s * x[0] + c * x[1]]).collect();
        assert_same(&plain, &fit(&new(turned.clone(), y.to_vec()), kind, penalty), x, &turned, 1.0, 1.0);
        let mirrored: Vec<f64> = x.iter().map(|x| -x).collect();
        assert_same(&plain, &fit(&new(mirrored.clone(), y.to_vec()), kind, penalty), x, &mirrored, 1.0, 1.0);
        let twice = samples.followed_by(&samples).unwrap();
        assert_same(&plain, &fit(&twice, kind, 2.0 * penalty), x, x, 2.0, 1.0);
        if kind.0 == Bias::Free {
            let far: Vec<f64> = x.iter().map(|x| x + 1e4).collect();
            assert_same(&plain, &fit(&new(far.clone(), y.to_vec()), kind, penalty), x, &far, 1.0, 1.0);
        }
        if kind.1 == Skip::Affine {
            let tilted = x.chunks(2).zip(y).map(|(x, y)| y + 3.0 - 2.0 * x[0] + x[1]).collect();
            let tilted = fit(&new(x.to_vec(), tilted), kind, penalty);
            assert!((tilted.proof.primal / plain.proof.primal - 1.0).abs() <= 1e-6, "{plain}\n{tilted}");
        }
    }
}

#[test]
fn columns_that_say_nothing_new_change_nothing() {
    let samples = creased_waves(60, 2, 8);
    let (x, y) = (samples.inputs(), samples.targets().to_vec());
    for kind in [(Bias::Free, Skip::Affine), (Bias::Penalised { scale: 1.0 }, Skip::Affine)] {
        let penalty = 0.1 * fit_share(&samples, kind, 0.5).largest_penalty.lower;
        let plain = fit(&samples, kind, penalty);
        // A column twice, each divided by the root of 2, is a rotation of the column and nothing.
        let half = 0.5f64.sqrt();
        let twice: Vec<f64> = x.chunks(2).flat_map(|x| [half * x[0], x[1], half * x[0]]).collect();
        let twice = fit(&Samples::new(3, 1, twice, y.clone(), None).unwrap(), kind, penalty);
        assert_eq!(twice.proof.status, ProofStatus::Proved, "{twice}");
        assert!((twice.proof.primal / plain.proof.primal - 1.0).abs() <= 1e-6, "{plain}\n{twice}");
        if kind.0 == Bias::Free {
            let constant: Vec<f64> = x.chunks(2).flat_map(|x| [x[0], 5.0, x[1]]).collect();
            let constant = fit(&Samples::new(3, 1, constant, y.clone(), None).unwrap(), kind, penalty);
            assert!((constant.proof.primal / plain.proof.primal - 1.0).abs() <= 1e-6, "{plain}\n{constant}");
        }
    }
}

#[test]
fn data_without_a_task_need_no_neurons() {
    let x: Vec<f64> = numbers(5, 80).iter().map(|u| 10.0 * u).collect();
    let affine: Vec<f64> = x.chunks(2).map(|x| 4.0 - 3.0 * x[0] + 0.5 * x[1]).collect();
    let cases = [
        ((Bias::Free, Skip::Affine), x.clone(), affine.clone()),
        ((Bias::Penalised { scale: 1.0 }, Skip::Affine), x.clone(), affine),
        ((Bias::Free, Skip::Constant), x.clone(), vec![7.0; 40]),
        ((Bias::Penalised { scale: 1.0 }, Skip::None), x.clone(), vec![0.0; 40]),
        ((Bias::Free, Skip::None), vec![3.0; 80], numbers(6, 40)),
        ((Bias::Free, Skip::Affine), vec![1.0, 2.0], vec![5.0]),
    ];
    for (kind, x, y) in cases {
        let samples = Samples::new(2, 1, x, y, None).unwrap();
        let fit = fit_share(&samples, kind, 0.01);
        assert_eq!(fit.proof.neurons, 0, "{kind:?}: {fit}");
        let is_optimal = matches!(fit.proof.status, ProofStatus::Proved | ProofStatus::RoundingFloor);
        assert!(is_optimal, "{kind:?}: {fit}");
        assert_eq!(verify(&fit, &samples), Ok(()), "{kind:?}");
    }
}

#[test]
fn kinks_through_many_rows_and_far_scales_are_fitted_to_the_same_gap() {
    let lattice: Vec<f64> = (0..98).map(|k| f64::from(if k % 2 == 0 { k / 2 % 7 } else { k / 14 })).collect();
    let value = |x: &[f64]| (x[0] - 3.0).abs() + (x[0] + x[1] - 6.0).max(0.0) + 0.1 * (5.0 * x[1]).sin();
    let waves = creased_waves(60, 2, 9);
    let scaled = |s: f64, c: f64| {
        let x = waves.inputs().iter().map(|x| s * x).collect();
        Samples::new(2, 1, x, waves.targets().iter().map(|y| c * y).collect(), None).unwrap()
    };
    let y = lattice.chunks(2).map(value).collect();
    let cases =
        [Samples::new(2, 1, lattice, y, None).unwrap(), scaled(1e-120, 1.0), scaled(1.0, 1e120), scaled(1e8, 1e-8)];
    for samples in cases {
        let fit = fit_share(&samples, (Bias::Free, Skip::Affine), 0.05);
        assert_eq!(fit.proof.status, ProofStatus::Proved, "{fit}");
        assert_eq!(verify(&fit, &samples), Ok(()));
    }
}

#[test]
fn an_altered_proof_is_refused() {
    let samples = creased_waves(60, 2, 12);
    for kind in KINDS {
        let fit = fit_share(&samples, kind, 0.05);
        let alterations: [fn(&mut DenseFit); 9] = [
            |f| f.proof.primal *= 0.999,
            |f| f.proof.dual *= 1.001,
            |f| f.proof.gap *= 0.5,
            |f| f.proof.penalty *= 1.001,
            |f| f.proof.rel_gap = Some(0.0),
            |f| f.proof.oracle.upper *= 0.999,
            |f| f.proof.dual_point[17] += 0.01,
            |f| f.amplitudes[0] *= 1.001,
            |f| f.biases[0] += 1e-3,
        ];
        for (k, alter) in alterations.into_iter().enumerate() {
            let mut altered = fit.clone();
            alter(&mut altered);
            assert!(verify(&altered, &samples).is_err(), "{kind:?}: alteration {k}");
        }
        let mut other = samples.inputs().to_vec();
        other[5] *= 1.001;
        let other = Samples::new(2, 1, other, samples.targets().to_vec(), None).unwrap();
        assert!(verify(&fit, &other).is_err());
    }
}

#[test]
fn a_candidate_outside_the_class_is_refused_with_the_reason() {
    let samples = creased_waves(20, 2, 13);
    let fit = fit_share(&samples, (Bias::Free, Skip::Affine), 0.1);
    let mut claim = fit.clone();
    claim.proof.class = NeuronClass::Dense { bias: Bias::Penalised { scale: 1.0 }, skip: Skip::None };
    let message = verify(&claim, &samples).unwrap_err().to_string();
    assert!(message.starts_with("the grade has a constant part; the proof is about"), "{message}");
}

#[test]
fn the_fit_is_the_same_to_the_bit_for_any_number_of_threads() {
    let samples = creased_waves(200, 2, 14);
    let run = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| fit_share(&samples, KINDS[0], 0.1))
    };
    let one = run(1);
    assert_eq!(one, run(3));
    assert_eq!(one, fit_share(&samples, KINDS[0], 0.1));
}

#[test]
fn a_fit_that_was_ended_anywhere_is_a_network_with_a_bound() {
    let samples = creased_waves(60, 5, 15);
    let settings =
        DenseSettings { max_cones: 300_000, ..settings((Bias::Free, Skip::Affine), DensePenalty::OfLargest(0.3)) };
    for asked in [0, 1, 4, 9, 30] {
        let calls = Cell::new(0);
        let observer = |_: &Round| {
            calls.set(calls.get() + 1);
            if calls.get() > asked { Flow::Stop } else { Flow::Continue }
        };
        let fit = dense::fit_watched(&samples, &settings.clone().validate().unwrap(), &observer).unwrap();
        assert!(calls.get() <= asked + 1, "asked again after the end");
        assert!(fit.proof.cones <= 8192 || calls.get() <= asked, "{} cones after the end", fit.proof.cones);
        assert_eq!(verify(&fit, &samples), Ok(()));
    }
}

#[test]
fn several_targets_are_refused_with_their_number() {
    let samples = Samples::new(1, 2, vec![0.0, 1.0], vec![0.0; 4], None).unwrap();
    let settings = DenseSettings::default().validate().unwrap();
    assert_eq!(dense::fit(&samples, &settings).unwrap_err(), ConvexError::Outputs { found: 2 });
}
