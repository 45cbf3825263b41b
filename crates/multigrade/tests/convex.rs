//! Laws of convex grades of one input: optimality, its proof, symmetries, choice of the penalty.

mod common;
#[path = "common/convex.rs"]
mod fits;

use common::numbers;
use fits::{fit, is_closed, try_fit, verify};
use multigrade::convex::{self, Choice, ConvexError, ConvexFit, ConvexSettings, Hinge, Penalty, Round};
use multigrade::{Flow, Matrix, ProofError, ProofStatus, Samples};
use proptest::prelude::*;
use std::cell::Cell;

/// `1/2 sum_i w_i |y_i - f(x_i)|² + β s sum_j |a_j|`, term by term from the neurons.
fn objective(samples: &Samples, fit: &ConvexFit) -> f64 {
    let row = |i: usize| {
        let x = samples.inputs_of(i)[0];
        let output = |o: usize| {
            let neurons = fit.hinges.iter().map(|h| h.change[o] * (x - h.knot).max(0.0));
            fit.intercept[o] + fit.linear.row(o)[0] * x + neurons.sum::<f64>()
        };
        let errors = samples.targets_of(i).iter().enumerate().map(|(o, y)| (y - output(o)).powi(2));
        0.5 * samples.weights()[i] * errors.sum::<f64>()
    };
    (0..samples.rows()).map(row).sum::<f64>() + fit.penalty * fit.variation()
}

/// Weighted standard deviation.
fn spread(x: &[f64], w: &[f64]) -> f64 {
    let total: f64 = w.iter().sum();
    let mean = x.iter().zip(w).map(|(x, w)| w * x).sum::<f64>() / total;
    (x.iter().zip(w).map(|(x, w)| w * (x - mean).powi(2)).sum::<f64>() / total).sqrt()
}

/// A wavy target with noise: `n` rows, `m` outputs.
fn waves(n: usize, m: usize, seed: u64) -> Samples {
    let (x, noise) = (numbers(seed, n), numbers(seed + 1, n * m));
    let y = (0..n * m).map(|k| ((7.0 + (k % m) as f64) * x[k / m]).sin() + 0.4 * (noise[k] - 0.5)).collect();
    Samples::new(1, m, x, y, None).unwrap()
}

/// Rows with ties and weights: `(x, targets, weight)`.
fn problems() -> impl Strategy<Value = Samples> {
    (1usize..4).prop_flat_map(|m| {
        let place = prop_oneof![(-5..5i32).prop_map(f64::from), -10.0..10.0f64];
        let row = (place, prop::collection::vec(-3.0..3.0f64, m), 0.05..20.0f64);
        prop::collection::vec(row, 1..60).prop_map(move |rows| {
            let x = rows.iter().map(|r| r.0).collect();
            let y = rows.iter().flat_map(|r| r.1.clone()).collect();
            Samples::new(1, m, x, y, Some(rows.iter().map(|r| r.2).collect())).unwrap()
        })
    })
}

fn shares() -> impl Strategy<Value = f64> {
    (-6.0..0.3f64).prop_map(|e| 10f64.powf(e))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn the_gap_closes_and_the_proof_holds_whatever_the_weights_ties_and_outputs(samples in problems(), share in shares()) {
        let fit = try_fit(&samples, Penalty::OfLargest(share));
        prop_assert!(is_closed(&fit), "{fit}\n{samples:?}");
        let size: f64 = samples.targets().iter().map(|y| 20.0 * y * y).sum();
        prop_assert!(fit.proof.dual <= fit.proof.primal * (1.0 + 1e-14) + 1e-26 * size, "{fit:?}");
        prop_assert_eq!(fit.proof.neurons, fit.hinges.len());
        prop_assert_eq!(verify(&fit, &samples), Ok(()));
        prop_assert!((objective(&samples, &fit) - fit.proof.primal).abs() <= 1e-9 * fit.proof.primal + 1e-18 * size);
    }

    #[test]
    fn no_network_is_below_the_dual_bound(samples in problems(), share in shares(), seed: u64) {
        let best = try_fit(&samples, Penalty::OfLargest(share));
        let (m, width) = (samples.n_targets(), 5);
        let random = numbers(seed, width * (m + 1) + 2 * m);
        let mut other = best.clone();
        let knots = random[..width].iter().map(|u| 22.0 * u - 11.0);
        let changes = random[width..width * (m + 1)].chunks(m).map(|row| row.iter().map(|u| 4.0 * u - 2.0).collect());
        other.hinges = knots.zip(changes).map(|(knot, change)| Hinge { input: 0, knot, change }).collect();
        other.intercept = random[width * (m + 1)..][..m].iter().map(|u| 4.0 * u - 2.0).collect();
        other.linear = Matrix::new(m, 1, random[width * (m + 1) + m..].iter().map(|u| 2.0 * u - 1.0).collect()).unwrap();
        prop_assert!(objective(&samples, &other) >= best.proof.dual * (1.0 - 1e-12));
    }

    #[test]
    fn small_changes_of_the_optimum_do_not_improve_it(samples in problems(), share in shares(), seed: u64, size in -9.0..-1.0f64) {
        let best = try_fit(&samples, Penalty::OfLargest(share));
        let size = 10f64.powf(size);
        let mut random = numbers(seed, 4096).into_iter().map(|u| size * (2.0 * u - 1.0));
        let mut other = best.clone();
        other.hinges.iter_mut().for_each(|h| h.knot += random.next().unwrap());
        other.hinges.iter_mut().flat_map(|h| &mut h.change).chain(&mut other.intercept).chain(other.linear.as_mut_slice())
            .for_each(|a| *a += random.next().unwrap());
        let allowance = 1e-9 * best.proof.primal + 1e-18 * samples.targets().iter().map(|y| 20.0 * y * y).sum::<f64>();
        prop_assert!(objective(&samples, &other) >= objective(&samples, &best) - allowance);
    }

    #[test]
    fn without_penalty_the_fit_passes_through_the_means(samples in problems()) {
        let fit = fit(&samples, 0.0);
        let fitted = fit.predict(samples.inputs());
        let (x, m) = (samples.inputs(), samples.n_targets());
        for i in 0..samples.rows() {
            let tied: Vec<usize> = (0..samples.rows()).filter(|&j| x[j] == x[i]).collect();
            let weight: f64 = tied.iter().map(|&j| samples.weights()[j]).sum();
            for o in 0..m {
                let mean = tied.iter().map(|&j| samples.weights()[j] * samples.targets_of(j)[o]).sum::<f64>() / weight;
                // The affine part may be steep where neighbours are close.
                let bends: f64 = fit.hinges.iter().map(|h| h.change[o].abs()).sum();
                let rounding = 1e-15 * (fit.intercept[o].abs() + 20.0 * fit.linear.row(o)[0].abs() + 20.0 * bends) + 1e-12;
                prop_assert!((fitted[i * m + o] - mean).abs() <= rounding, "{} against {mean}", fitted[i * m + o]);
            }
        }
        prop_assert!(is_closed(&fit), "{fit}");
        prop_assert!(fit.hinges.len() <= samples.rows().saturating_sub(2));
    }

    #[test]
    fn at_the_largest_penalty_there_are_no_neurons_and_below_it_there_are(samples in problems()) {
        let largest = convex::largest_penalty(&samples);
        let spread = samples.targets().iter().fold(0.0f64, |a, y| a.max(y.abs()));
        let distinct: std::collections::BTreeSet<u64> = samples.inputs().iter().map(|x| (x + 0.0).to_bits()).collect();
        prop_assume!(distinct.len() > 2 && largest > 1e-6 * spread);
        for share in [1.0 + 1e-9, 2.0, 1e6] {
            let fit = fit(&samples, share * largest);
            prop_assert!(fit.hinges.is_empty() && fit.proof.neurons == 0, "{share}: {fit}");
            prop_assert!(is_closed(&fit), "{fit}");
        }
        prop_assert!(!fit(&samples, 0.999 * largest).hinges.is_empty());
    }

    #[test]
    fn a_second_grade_on_the_same_input_is_zero(samples in problems(), share in -4.0..-0.1f64) {
        let first = try_fit(&samples, Penalty::OfLargest(10f64.powf(share)));
        prop_assume!(!first.hinges.is_empty() && first.penalty > 1e-6);
        let residual: Vec<f64> = samples.targets().iter().zip(first.predict(samples.inputs())).map(|(y, f)| y - f).collect();
        let left = Samples::new(1, samples.n_targets(), samples.inputs().to_vec(), residual, Some(samples.weights().to_vec())).unwrap();
        let exhausted = convex::largest_penalty(&left) / first.penalty;
        prop_assert!((exhausted - 1.0).abs() <= 1e-6, "{exhausted}");
        prop_assert!(fit(&left, first.penalty * (1.0 + 1e-6)).hinges.is_empty());
        let oracle = first.proof.oracle;
        prop_assert!((oracle.upper / first.penalty - 1.0).abs() <= 1e-6, "{oracle:?}");
    }

    #[test]
    fn the_order_of_rows_changes_nothing(samples in problems(), share in shares(), seed: u64) {
        let keys = numbers(seed, samples.rows());
        let mut order: Vec<usize> = (0..samples.rows()).collect();
        order.sort_by(|&i, &j| keys[i].total_cmp(&keys[j]));
        let (a, b) = (try_fit(&samples, Penalty::OfLargest(share)), try_fit(&samples.select(&order), Penalty::OfLargest(share)));
        assert_same_fit(&a, &b, &samples, 1.0)?;
    }

    #[test]
    fn rows_twice_are_rows_of_weight_two(samples in problems(), share in shares()) {
        let penalty = share * convex::largest_penalty(&samples);
        prop_assume!(penalty > 1e-9);
        let twice = samples.followed_by(&samples).unwrap();
        let doubled = samples.weights().iter().map(|w| 2.0 * w).collect();
        let heavy = Samples::new(1, samples.n_targets(), samples.inputs().to_vec(), samples.targets().to_vec(), Some(doubled)).unwrap();
        let (a, b, c) = (fit(&samples, penalty), fit(&twice, 2.0 * penalty), fit(&heavy, 2.0 * penalty));
        assert_same_fit(&a, &b, &samples, 2.0)?;
        assert_same_fit(&a, &c, &samples, 2.0)?;
    }

    #[test]
    fn the_fit_follows_scales_of_inputs_and_targets(samples in problems(), share in shares(), s in 0.01..100.0f64, c in 0.01..100.0f64, shift in -50.0..50.0f64) {
        let penalty = share * convex::largest_penalty(&samples);
        prop_assume!(penalty > 1e-9);
        let m = samples.n_targets();
        let x = samples.inputs().iter().map(|x| s * (x + shift)).collect();
        // An affine function beside the targets is free.
        let y = samples.targets().iter().enumerate().map(|(k, y)| c * (y + 0.3 * samples.inputs()[k / m])).collect();
        let scaled = Samples::new(1, m, x, y, Some(samples.weights().to_vec())).unwrap();
        let (a, b) = (fit(&samples, penalty), fit(&scaled, c * penalty));
        let tolerance = 1e-8 * a.proof.primal + 1e-12;
        prop_assert!((b.proof.primal / (c * c) - a.proof.primal).abs() <= tolerance, "{a}\n{b}");
        let weight: f64 = samples.weights().iter().sum();
        let apart = a.predict(samples.inputs()).iter().zip(b.predict(scaled.inputs())).enumerate()
            .map(|(k, (f, g))| samples.weights()[k / m] / weight * (g / c - 0.3 * samples.inputs()[k / m] - f).powi(2)).sum::<f64>();
        prop_assert!((apart / m as f64).sqrt() <= a.proof.fit_rmse_bound + b.proof.fit_rmse_bound / c + 1e-12);
    }

    #[test]
    fn the_error_of_an_early_stop_is_within_its_bound(samples in problems(), share in shares(), tolerance in -4.0..-0.5f64) {
        let loose = ConvexSettings { penalty: Penalty::OfLargest(share), tolerance: 10f64.powf(tolerance), ..ConvexSettings::default() };
        let early = convex::fit(&samples, &loose.validate().unwrap()).unwrap();
        let best = try_fit(&samples, Penalty::OfLargest(share));
        let m = samples.n_targets();
        let weight: f64 = samples.weights().iter().sum();
        let apart: f64 = early.predict(samples.inputs()).iter().zip(best.predict(samples.inputs())).enumerate()
            .map(|(k, (f, g))| samples.weights()[k / m] * (f - g).powi(2)).sum();
        let rmse = (apart / (weight * m as f64)).sqrt();
        prop_assert!(rmse <= early.proof.fit_rmse_bound + best.proof.fit_rmse_bound + 1e-13, "{rmse} {early}");
    }

    #[test]
    fn equal_outputs_are_one_output_at_a_smaller_penalty(samples in problems(), share in shares(), m in 2usize..5) {
        let single: Vec<f64> = samples.targets().iter().step_by(samples.n_targets()).copied().collect();
        let make = |m: usize| {
            let y = single.iter().flat_map(|&y| vec![y; m]).collect();
            Samples::new(1, m, samples.inputs().to_vec(), y, Some(samples.weights().to_vec())).unwrap()
        };
        let (one, many) = (make(1), make(m));
        let penalty = share * convex::largest_penalty(&one);
        prop_assume!(penalty > 1e-9);
        let (a, b) = (fit(&one, penalty), fit(&many, penalty * (m as f64).sqrt()));
        prop_assert!((b.proof.primal / m as f64 - a.proof.primal).abs() <= 1e-8 * a.proof.primal + 1e-14, "{a}\n{b}");
    }

    #[test]
    fn an_altered_proof_is_refused(samples in problems(), share in -3.0..-0.2f64, which in 0usize..9, entry: prop::sample::Index) {
        let fit = try_fit(&samples, Penalty::OfLargest(10f64.powf(share)));
        prop_assume!(fit.proof.neurons > 0 && fit.proof.status == ProofStatus::Proved && fit.proof.primal > 1e-6);
        let mut false_claim = fit.clone();
        let proof = &mut false_claim.proof;
        match which {
            0 => proof.primal *= 0.999,
            1 => proof.dual *= 1.001,
            2 => proof.gap *= 0.5,
            3 => proof.penalty *= 1.001,
            4 => proof.rel_gap = Some(0.0),
            5 => proof.fit_rmse_bound *= 0.999,
            6 => {
                // The largest entry or any that matters.
                let largest = proof.dual_point.iter().fold(0.0f64, |a, v| a.max(v.abs()));
                let heavy: Vec<usize> = (0..proof.dual_point.len()).filter(|&i| proof.dual_point[i].abs() > 0.1 * largest).collect();
                proof.dual_point[heavy[entry.index(heavy.len())]] *= 1.01;
            }
            7 => { let k = entry.index(false_claim.hinges.len()); false_claim.hinges[k].change[0] += 1e-3; }
            _ => false_claim.intercept[0] += 1e-3,
        }
        prop_assert!(verify(&false_claim, &samples).is_err(), "alteration {which} of {fit}");
    }
}

fn assert_same_fit(a: &ConvexFit, b: &ConvexFit, samples: &Samples, factor: f64) -> Result<(), TestCaseError> {
    let size: f64 = samples.targets().iter().map(|y| 20.0 * y * y).sum();
    let apart = (a.proof.primal - b.proof.primal / factor).abs();
    prop_assert!(apart <= 1e-9 * a.proof.primal + 1e-18 * size, "{a}\n{b}");
    let worst = a
        .predict(samples.inputs())
        .iter()
        .zip(b.predict(samples.inputs()))
        .map(|(f, g)| (f - g).abs())
        .fold(0.0, f64::max);
    let weight: f64 = samples.weights().iter().sum();
    let lightest = samples.weights().iter().copied().fold(f64::INFINITY, f64::min);
    // The bound is on a weighted mean over all rows and outputs; a single one may carry all of it.
    let bound =
        (a.proof.fit_rmse_bound + b.proof.fit_rmse_bound) * (weight * samples.n_targets() as f64 / lightest).sqrt();
    prop_assert!(worst <= bound + 1e-12, "{worst} > {bound}");
    Ok(())
}

#[test]
fn the_values_are_those_of_a_general_conic_solver() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../testdata/convex_reference.json");
    let text = std::fs::read_to_string(path).unwrap();
    let document: serde_json::Value = serde_json::from_str(&text).unwrap();
    let problems = document["problems"].as_array().unwrap();
    assert!(problems.len() >= 10);
    for problem in problems {
        let list = |name: &str| -> Vec<f64> { serde_json::from_value(problem[name].clone()).unwrap() };
        let m = problem["m"].as_u64().unwrap() as usize;
        let samples = Samples::new(1, m, list("x"), list("y"), Some(list("w"))).unwrap();
        // There the penalty is one of the slope itself.
        let fit = fit(&samples, problem["beta"].as_f64().unwrap() / spread(samples.inputs(), samples.weights()));
        let expected = problem["value"].as_f64().unwrap();
        assert!((fit.proof.primal / expected - 1.0).abs() < 1e-7, "{expected}: {fit}");
        assert!(is_closed(&fit), "{fit}");
    }
}

#[test]
fn hostile_data_are_fitted_to_the_same_gap() {
    let n = 400;
    let (u, noise) = (numbers(3, n), numbers(4, n));
    let wave = |x: f64, i: usize| (12.0 * x).sin() + 0.2 * (noise[i] - 0.5);
    let make = |x: Vec<f64>, y: Vec<f64>| Samples::new(1, 1, x, y, None).unwrap();
    let y: Vec<f64> = u.iter().enumerate().map(|(i, &x)| wave(x, i)).collect();
    let cases = [
        (
            "half within 1e-9",
            make(u.iter().enumerate().map(|(i, x)| if i % 2 == 0 { *x } else { 0.5 + 1e-9 * x }).collect(), y.clone()),
        ),
        ("Cauchy inputs", make(u.iter().map(|x| (3.0 * (x - 0.5)).tan()).collect(), y.clone())),
        ("a large offset", make(u.iter().map(|x| 1e10 + 1e8 * x).collect(), y.clone())),
        ("large targets", make(u.clone(), y.iter().map(|y| 1e12 * y).collect())),
        ("small targets on an offset", make(u.clone(), y.iter().map(|y| 1.0 + 1e-6 * y).collect())),
        ("many ties", make(u.iter().map(|x| (50.0 * x).floor()).collect(), y.clone())),
        ("tiny inputs", make(u.iter().map(|x| 1e-150 * x).collect(), y.clone())),
        ("neighbours in f64", make((0..n).map(|i| 1.0 + i as f64 * f64::EPSILON).collect(), y.clone())),
    ];
    for (name, samples) in cases {
        for share in [0.5, 1e-2, 1e-4, 1e-6] {
            let fit = try_fit(&samples, Penalty::OfLargest(share));
            assert!(is_closed(&fit), "{name}, {share}: {fit}");
            assert_eq!(verify(&fit, &samples), Ok(()), "{name}");
        }
    }
}

#[test]
fn many_rows_and_several_outputs_are_fitted_to_the_same_gap() {
    for (n, m) in [(300, 5), (600, 8), (3000, 2), (6000, 3), (10_000, 3)] {
        let samples = waves(n, m, n as u64);
        // With eight outputs many knots lie just inside the constraint, with bends that vanish slowly.
        for share in [0.1, 0.03, 1e-2, 1e-4] {
            let fit = try_fit(&samples, Penalty::OfLargest(share));
            assert!(is_closed(&fit), "{n} rows, {m} outputs, {share}: {fit}");
        }
    }
}

#[test]
fn targets_on_a_line_need_no_neurons() {
    let x: Vec<f64> = numbers(5, 60).iter().map(|u| 1e3 * u).collect();
    for line in [(0.0, 0.0), (7.0, 0.0), (1e9, -3.7), (0.1, 1e-9)] {
        let samples = Samples::new(1, 1, x.clone(), x.iter().map(|x| line.0 + line.1 * x).collect(), None).unwrap();
        for penalty in [Penalty::OfLargest(0.5), Penalty::OfLargest(1e-6), ConvexSettings::default().penalty] {
            let fit = try_fit(&samples, penalty);
            assert!(fit.hinges.is_empty(), "{line:?}: {fit}");
            assert!(is_closed(&fit), "{line:?}: {fit}");
        }
    }
}

#[test]
fn few_rows_give_a_constant_or_a_line() {
    let constant = fit(&Samples::new(1, 2, vec![3.0, 3.0], vec![1.0, 2.0, 3.0, 4.0], None).unwrap(), 0.5);
    assert_eq!((constant.predict(&[-1.0, 9.0]), constant.proof.primal), (vec![2.0, 3.0, 2.0, 3.0], 2.0));
    let line = fit(&Samples::new(1, 1, vec![1.0, 2.0], vec![1.0, 3.0], None).unwrap(), 0.5);
    assert_eq!((line.predict(&[0.0, 4.0]), line.hinges.len()), (vec![-1.0, 7.0], 0));
    assert!(is_closed(&constant) && is_closed(&line));
}

#[test]
fn a_proof_that_was_not_finished_says_so() {
    let samples = waves(300, 1, 9);
    let settings = ConvexSettings { penalty: Penalty::OfLargest(1e-3), max_rounds: 2, ..ConvexSettings::default() };
    let fit = convex::fit(&samples, &settings.validate().unwrap()).unwrap();
    assert_eq!(fit.proof.status, ProofStatus::BoundOnly);
    assert!(fit.proof.rel_gap.is_none_or(|gap| gap > 1e-6));
    assert!(fit.to_string().contains("NOT proved to 1e-9"), "{fit}");
    assert_eq!(verify(&fit, &samples), Ok(()));
}

#[test]
fn the_summary_is_one_line_with_the_bound_and_the_neurons() {
    let fit = try_fit(&waves(100, 1, 1), Penalty::OfLargest(0.3));
    let text = fit.to_string();
    assert!(text.starts_with("P = ") && text.contains(", proved within ") && !text.contains('\n'), "{text}");
    assert!(text.ends_with(&format!("RMSE of the global optimum; {} neurons", fit.hinges.len())), "{text}");
}

#[test]
fn along_the_path_the_loss_falls_the_variation_rises_and_the_end_interpolates() {
    for m in [1, 3] {
        let samples = waves(120, m, 2);
        let fit = try_fit(&samples, ConvexSettings::default().penalty);
        let value = |p: &convex::PathPoint| p.loss + p.penalty * p.variation;
        for pair in fit.path.windows(2) {
            assert!(pair[1].penalty < pair[0].penalty);
            assert!(pair[1].loss <= pair[0].loss * (1.0 + 1e-9), "{pair:?}");
            assert!(pair[1].variation >= pair[0].variation * (1.0 - 1e-9), "{pair:?}");
            assert!(value(&pair[1]) <= value(&pair[0]) * (1.0 + 1e-9), "{pair:?}");
        }
        // The optimal value is concave in the penalty.
        for three in fit.path.windows(3) {
            let t = (three[1].penalty - three[2].penalty) / (three[0].penalty - three[2].penalty);
            let chord = t * value(&three[0]) + (1.0 - t) * value(&three[2]);
            assert!(value(&three[1]) >= chord * (1.0 - 1e-9), "{three:?}");
        }
        let (first, last) = (fit.path[0], fit.path[fit.path.len() - 1]);
        assert_eq!((first.neurons, first.freedom.round(), last.penalty), (0, 2.0, 0.0));
        assert!(last.loss < 1e-20 && last.freedom == 120.0, "{last:?}");
        assert!(fit.path.iter().all(|p| p.rel_gap <= 1e-9), "{:?}", fit.path);
        assert!(fit.path.iter().all(|p| p.freedom >= 2.0 - 1e-9 && p.freedom <= 120.0), "{:?}", fit.path);
    }
}

/// The trace that `freedom` claims to be, by differences of whole fits.
#[test]
fn the_freedom_of_a_fit_is_the_divergence_of_its_values() {
    let samples = waves(40, 2, 6);
    let fit_at = |y: Vec<f64>, penalty| fit(&Samples::new(1, 2, samples.inputs().to_vec(), y, None).unwrap(), penalty);
    let path = try_fit(&samples, Penalty::Path { points: 12, min_ratio: 1e-3, choice: Choice::Gcv }).path;
    for point in [path[3], path[6], path[9]] {
        let h = 1e-5;
        let slope = |k: usize| {
            let moved = |by: f64| {
                let mut y = samples.targets().to_vec();
                y[k] += by;
                fit_at(y, point.penalty).predict(samples.inputs())[k]
            };
            (moved(h) - moved(-h)) / (2.0 * h)
        };
        let trace: f64 = (0..80).map(slope).sum();
        assert!((trace / 2.0 - point.freedom).abs() < 0.02 * point.freedom, "{trace} against {point:?}");
    }
}

#[test]
fn the_choices_find_the_function_behind_the_noise() {
    let n = 400;
    let (x, noise) = (numbers(11, n), numbers(12, n));
    let truth = |x: f64| (12.0 * x).sin();
    let y: Vec<f64> = x.iter().zip(&noise).map(|(x, u)| truth(*x) + 0.5 * (u - 0.5)).collect();
    let sigma = 0.5 / 12f64.sqrt();
    let samples = Samples::new(1, 1, x.clone(), y, None).unwrap();
    let error = |fit: &ConvexFit| {
        let squares: f64 = fit.predict(&x).iter().zip(&x).map(|(f, &x)| (f - truth(x)).powi(2)).sum();
        (squares / n as f64).sqrt()
    };
    for choice in [
        Choice::Gcv,
        Choice::HeldOut { share: 0.3, seed: 1 },
        Choice::BlockCv { folds: 5, block: 1 },
        Choice::BlockCv { folds: 4, block: 5 },
        Choice::Discrepancy { noise: sigma },
    ] {
        let fit = try_fit(&samples, Penalty::Path { points: 30, min_ratio: 1e-5, choice: choice.clone() });
        // The noise left over is less than half of what was there.
        assert!(error(&fit) < 0.5 * sigma, "{choice:?}: {} {fit}", error(&fit));
        assert!(is_closed(&fit) && fit.path.len() == 31);
    }
}

/// The same functions as in the experiments without noise, with noise: its variance is at most half again what is left.
#[test]
fn noisy_data_are_not_interpolated() {
    for (n, periods, noise) in
        [(60, 1.0, 0.3), (200, 3.0, 0.1), (1000, 15.9, 0.05), (5000, 15.9, 0.05), (3000, 15.9, 0.01)]
    {
        for seed in 0..4 {
            let (x, u) = (numbers(seed, n), numbers(seed + 100, 2 * n));
            let normal =
                |i: usize| (-2.0 * (1.0 - u[2 * i]).ln()).sqrt() * (std::f64::consts::TAU * u[2 * i + 1]).cos();
            let truth = |x: f64| (std::f64::consts::TAU * periods * x).sin();
            let y = x.iter().enumerate().map(|(i, &x)| truth(x) + noise * normal(i)).collect();
            let samples = Samples::new(1, 1, x.clone(), y, None).unwrap();
            let fit = try_fit(&samples, ConvexSettings::default().penalty);
            assert!(fit.penalty > 0.0, "{n} rows, noise {noise}: interpolated");
            let squares: f64 = fit.predict(&x).iter().zip(&x).map(|(f, &x)| (f - truth(x)).powi(2)).sum();
            assert!(
                (squares / n as f64).sqrt() < 0.7 * noise,
                "{n} rows, noise {noise}: {}",
                (squares / n as f64).sqrt()
            );
        }
    }
}

#[test]
fn a_fit_that_was_ended_is_the_best_so_far_and_its_proof_says_how_good() {
    let samples = waves(500, 1, 17);
    for penalty in [Penalty::OfLargest(1e-3), ConvexSettings::default().penalty] {
        let settings = ConvexSettings { penalty, ..ConvexSettings::default() }.validate().unwrap();
        for rounds in [1, 3, 6, 40] {
            let (told, done) = (Cell::new(0), Cell::new(0.0));
            let observer = |round: &Round| {
                let before = done.replace(round.done.unwrap());
                assert!((before..=1.0).contains(&done.get()), "{} after {before}", done.get());
                told.set(told.get() + 1);
                if told.get() == rounds { Flow::Stop } else { Flow::Continue }
            };
            let fit = convex::fit_watched(&samples, &settings, &observer).unwrap();
            assert!(told.get() <= rounds, "asked again after the end");
            assert_eq!(verify(&fit, &samples), Ok(()));
            let best = self::fit(&samples, fit.penalty);
            assert!(fit.proof.dual <= best.proof.primal && best.proof.primal <= fit.proof.primal * (1.0 + 1e-9));
            assert!(is_closed(&fit) || fit.proof.rel_gap.is_none_or(|gap| gap > 1e-9), "{fit}");
        }
    }
}

#[test]
fn the_discrepancy_principle_leaves_exactly_the_noise() {
    let samples = waves(200, 2, 21);
    for noise in [0.05, 0.12, 0.3] {
        let choice = Choice::Discrepancy { noise };
        let fit = try_fit(&samples, Penalty::Path { points: 25, min_ratio: 1e-4, choice });
        let squares: f64 =
            fit.predict(samples.inputs()).iter().zip(samples.targets()).map(|(f, y)| (f - y).powi(2)).sum();
        let left = (squares / 400.0).sqrt() / noise;
        assert!((0.999..=1.0 + 1e-12).contains(&left), "{noise}: {left}");
    }
    // More noise than the best line leaves: the line. Less than ties leave: the interpolant.
    let line =
        try_fit(&samples, Penalty::Path { points: 9, min_ratio: 1e-2, choice: Choice::Discrepancy { noise: 9.0 } });
    assert!(line.hinges.is_empty());
    let tied = Samples::new(1, 1, vec![0.0, 0.0, 1.0, 2.0], vec![0.0, 1.0, 3.0, 0.0], None).unwrap();
    let through =
        try_fit(&tied, Penalty::Path { points: 9, min_ratio: 1e-2, choice: Choice::Discrepancy { noise: 0.01 } });
    assert_eq!((through.penalty, through.hinges.len()), (0.0, 1));
}

#[test]
fn a_budget_of_neurons_is_kept_and_used() {
    let samples = waves(150, 1, 31);
    for budget in [0, 1, 2, 3, 5, 8, 13, 30] {
        let choice = Choice::Neurons(budget);
        let fit = try_fit(&samples, Penalty::Path { points: 40, min_ratio: 1e-5, choice });
        assert!(fit.hinges.len() <= budget, "{budget}: {fit}");
        assert!(fit.hinges.len() + 2 >= budget, "{budget}: {fit}");
        assert!(is_closed(&fit));
    }
}

#[test]
fn the_grade_and_the_prediction_are_the_same_function() {
    let samples = waves(80, 2, 41);
    let fit = try_fit(&samples, Penalty::OfLargest(1e-3));
    let grade = fit.grade().unwrap();
    assert_eq!((grade.inputs(), grade.n_hidden_features(), grade.carry_inputs()), (1, fit.hinges.len(), true));
    let layer = &grade.branches()[0][0];
    for x in [-3.0, 0.0, 0.123, 0.5, fit.hinges[0].knot, 0.99, 4.0] {
        let hidden = (0..layer.outputs()).map(|j| (layer.weights().values()[j] * x + layer.bias()[j]).max(0.0));
        let features: Vec<f64> = hidden.chain([x]).collect();
        let value = fit.predict(&[x]);
        for (o, value) in value.iter().enumerate() {
            let readout = grade.readout();
            let sum: f64 = readout.weights().row(o).iter().zip(&features).map(|(a, h)| a * h).sum();
            assert!((readout.bias()[o] + sum - value).abs() < 1e-10 * (1.0 + x.abs()), "{x}");
        }
    }
}

#[test]
fn targets_beyond_the_range_of_squares_are_refused_and_not_misjudged() {
    let samples = Samples::new(1, 1, vec![0.0, 1.0, 2.0, 3.0], vec![1e200, -1e200, 1e200, 0.0], None).unwrap();
    let settings = ConvexSettings { penalty: Penalty::OfLargest(0.1), ..ConvexSettings::default() }.validate().unwrap();
    assert_eq!(convex::fit(&samples, &settings).unwrap_err(), ConvexError::Proof(ProofError::Overflow));
}

#[test]
fn settings_out_of_range_are_named() {
    let path = |points, min_ratio, choice| Penalty::Path { points, min_ratio, choice };
    let wrong = [
        (Penalty::Absolute(f64::NAN), "penalty"),
        (Penalty::OfLargest(-0.1), "penalty"),
        (path(1, 0.1, Choice::Gcv), "points of the path"),
        (path(5, 1.0, Choice::Gcv), "smallest ratio of the path"),
        (path(5, 0.1, Choice::HeldOut { share: 1.0, seed: 0 }), "held-out share"),
        (path(5, 0.1, Choice::BlockCv { folds: 1, block: 1 }), "folds"),
        (path(5, 0.1, Choice::BlockCv { folds: 2, block: 0 }), "block"),
        (path(5, 0.1, Choice::Discrepancy { noise: 0.0 }), "noise"),
    ];
    for (penalty, field) in wrong {
        let error = ConvexSettings { penalty, ..ConvexSettings::default() }.validate().unwrap_err();
        assert_eq!(error.field, field);
    }
    let error = ConvexSettings { tolerance: 0.0, ..ConvexSettings::default() }.validate().unwrap_err();
    assert_eq!(error.field, "tolerance");
}

/// Root mean square error at `test` of the fit, as a multiple of that of linear interpolation of the training points.
fn error_by_interpolation(penalty: &Penalty, target: &dyn Fn(f64) -> f64, train: &[f64], test: &[f64]) -> f64 {
    let y: Vec<f64> = train.iter().map(|&x| target(x)).collect();
    let samples = Samples::new(1, 1, train.to_vec(), y.clone(), None).unwrap();
    let fit = try_fit(&samples, penalty.clone());
    let interpolated = |x: f64| {
        let j = train.partition_point(|&t| t <= x).clamp(1, train.len() - 1);
        y[j - 1] + (y[j] - y[j - 1]) * (x - train[j - 1]) / (train[j] - train[j - 1])
    };
    let squares = |value: &dyn Fn(f64) -> f64| test.iter().map(|&x| (value(x) - target(x)).powi(2)).sum::<f64>();
    (squares(&|x| fit.predict(&[x])[0]) / squares(&interpolated)).sqrt()
}

/// The phases of the spectral-bias experiment: `RandomState(0).uniform(0, 2 pi, 20)` of NumPy.
const PHASES: [f64; 20] = [
    3.44829694, 4.49366732, 3.78727399, 3.42360201, 2.66190161, 4.05827240, 2.74944154, 5.60317502, 6.05487170,
    2.40923412, 4.97455513, 3.32314479, 3.56912924, 5.81569520, 0.44633272, 0.54744954, 0.12703594, 5.23150478,
    4.88930306, 5.46644755,
];

type Amplitude = fn(f64, f64) -> f64;

/// The noise-free data of the experiments with `sin 100 x` and with twenty frequencies, of the published sizes.
#[test]
fn without_noise_the_fit_is_as_good_as_interpolation() {
    use std::f64::consts::TAU;
    let grid = |n: usize, from: f64, to: f64| -> Vec<f64> {
        (0..n).map(|i| from + (to - from) * i as f64 / (n - 1) as f64).collect()
    };
    let folded = |x: f64| {
        let a = ((7.5 * TAU * (x - 0.3)).cos() - 0.7).abs();
        let a = ((TAU * (a - 0.5)).cos() - 0.5).abs();
        let a = 1.3 - (a - 1.3).abs();
        (x + 1.0) * (0.9 - (a - 0.9).abs())
    };
    let path = |choice| Penalty::Path { points: 40, min_ratio: 1e-5, choice };
    let none = Penalty::Absolute(0.0);
    let default = ConvexSettings::default().penalty;
    let [gcv, held_out] = [path(Choice::Gcv), path(Choice::HeldOut { share: 0.2, seed: 0 })];
    let check = |name: &str, penalties: &[&Penalty], target: &dyn Fn(f64) -> f64, train: &[f64], test: &[f64]| {
        for penalty in penalties {
            let ratio = error_by_interpolation(penalty, target, train, test);
            assert!(ratio <= 1.001, "{name}, {penalty:?}: {ratio}");
        }
    };
    let (train, test) = (grid(5000, 0.0, 1.0), grid(1000, 0.0, 1.0));
    check("sin 100x", &[&gcv, &default], &|x| (100.0 * x).sin(), &train, &test);
    check("x sin 100x", &[&held_out, &default], &|x| x * (100.0 * x).sin(), &train, &test);
    check("folded", &[&none, &default], &folded, &grid(5000, -1.0, 1.0), &grid(1000, -1.0, 1.0));
    let amplitudes: [(&str, Amplitude); 4] = [
        ("constant", |_, _| 1.0),
        ("decreasing", |i, _| 1.0 - 0.05 * i),
        ("varying", |i, x| (-x).exp() * (i * x).cos()),
        ("increasing", |i, _| 0.05 + 0.05 * i),
    ];
    let (train, test) = ((0..6000).map(|j| f64::from(j) / 6000.0).collect::<Vec<f64>>(), numbers(1, 2000));
    for (name, amplitude) in amplitudes {
        let target = |x: f64| {
            let wave =
                |(i, phase): (usize, &f64)| amplitude(i as f64, x) * (TAU * 10.0 * (i + 1) as f64 * x + phase).sin();
            PHASES.iter().enumerate().map(wave).sum()
        };
        check(name, &[&held_out, &default], &target, &train, &test);
    }
}
