//! Laws of convex grades of several inputs, whose neurons read one input each.

mod common;
#[path = "common/convex.rs"]
mod fits;

use common::numbers;
use fits::{fit, is_closed, try_fit, verify};
use multigrade::convex::{self, Choice, ConvexError, ConvexFit, ConvexSettings, Penalty};
use multigrade::{ConvexProblem, NeuronClass, OptimalityProof, ProofStatus, Samples};
use proptest::prelude::*;

/// Additive waves of the first inputs, the others without effect, with noise.
fn waves(n: usize, d: usize, m: usize, seed: u64) -> Samples {
    let (x, noise) = (numbers(seed, n * d), numbers(seed + 1, n * m));
    let wave = |i: usize, o: usize| {
        let row = &x[i * d..(i + 1) * d];
        (6.0 * row[0] + o as f64).sin() + if d > 1 { 2.0 * (row[1] - 0.4).abs() } else { 0.0 }
    };
    let y = (0..n * m).map(|k| wave(k / m, k % m) + 0.4 * (noise[k] - 0.5)).collect();
    Samples::new(d, m, x, y, None).unwrap()
}

/// `1/2 sum_i w_i |y_i - f(x_i)|² + β sum_j s_j |a_j|`, term by term from the neurons.
fn objective(samples: &Samples, fit: &ConvexFit) -> f64 {
    let row = |i: usize| {
        let x = samples.inputs_of(i);
        let output = |o: usize| {
            let neurons = fit.hinges.iter().map(|h| h.change[o] * (x[h.input] - h.knot).max(0.0));
            let affine = fit.linear.row(o).iter().zip(x).map(|(c, x)| c * x);
            fit.intercept[o] + affine.sum::<f64>() + neurons.sum::<f64>()
        };
        let errors = samples.targets_of(i).iter().enumerate().map(|(o, y)| (y - output(o)).powi(2));
        0.5 * samples.weights()[i] * errors.sum::<f64>()
    };
    (0..samples.rows()).map(row).sum::<f64>() + fit.penalty * fit.variation()
}

/// Rows with ties and weights, in columns that may be constant, equal or dependent.
fn problems() -> impl Strategy<Value = Samples> {
    (2usize..5, 1usize..3).prop_flat_map(|(d, m)| {
        let place = prop_oneof![(-3..3i32).prop_map(f64::from), -10.0..10.0f64];
        let targets = prop::collection::vec(-3.0..3.0f64, m);
        let row = (prop::collection::vec(place, d), targets, 0.05..20.0f64);
        let rows = prop::collection::vec(row, 1..50);
        (rows, 0..8u8).prop_map(move |(mut rows, dependence)| {
            for (x, ..) in &mut rows {
                match dependence {
                    0 => x[1] = 7.0,
                    1 => x[1] = x[0],
                    2 => x[1] = 1.8 * x[0] + 32.0,
                    3 if d > 2 => x[2] = 0.3 * x[0] - x[1],
                    4 => x[0] = 1e10 + 1e8 * x[0],
                    _ => {}
                }
            }
            let x = rows.iter().flat_map(|r| r.0.clone()).collect();
            let y = rows.iter().flat_map(|r| r.1.clone()).collect();
            Samples::new(d, m, x, y, Some(rows.iter().map(|r| r.2).collect())).unwrap()
        })
    })
}

fn shares() -> impl Strategy<Value = f64> {
    (-5.0..0.3f64).prop_map(|e| 10f64.powf(e))
}

fn size(samples: &Samples) -> f64 {
    samples.targets().iter().map(|y| 20.0 * y * y).sum()
}

/// The samples with another column at the end.
fn with_column(samples: &Samples, column: impl Fn(&[f64]) -> f64) -> Samples {
    let d = samples.n_inputs();
    let rows = samples.inputs().chunks(d);
    let x = rows.flat_map(|row| row.iter().copied().chain([column(row)])).collect();
    Samples::new(d + 1, samples.n_targets(), x, samples.targets().to_vec(), Some(samples.weights().to_vec())).unwrap()
}

fn assert_same_value(a: &ConvexFit, b: &ConvexFit, factor: f64, samples: &Samples) -> Result<(), TestCaseError> {
    let apart = (a.proof.primal - b.proof.primal / factor).abs();
    prop_assert!(apart <= 1e-8 * a.proof.primal + 1e-17 * size(samples), "{a}\n{b}");
    Ok(())
}

type Column<'a> = dyn Fn(&[f64]) -> f64 + 'a;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn the_gap_closes_and_the_proof_holds_whatever_the_columns_weights_ties_and_outputs(samples in problems(), share in shares()) {
        let fit = try_fit(&samples, Penalty::OfLargest(share));
        prop_assert!(is_closed(&fit), "{fit}\n{samples:?}");
        prop_assert!(fit.proof.dual <= fit.proof.primal * (1.0 + 1e-14) + 1e-26 * size(&samples), "{fit:?}");
        prop_assert_eq!(fit.proof.neurons, fit.hinges.len());
        prop_assert_eq!(verify(&fit, &samples), Ok(()));
        let large = samples.inputs().iter().any(|x| x.abs() > 100.0);
        let rounding = if large { 1e-10 } else { 1e-17 };
        prop_assert!((objective(&samples, &fit) - fit.proof.primal).abs() <= 1e-9 * fit.proof.primal + rounding * size(&samples));
    }

    #[test]
    fn no_network_is_below_the_dual_bound(samples in problems(), share in shares(), seed: u64) {
        let mut other = try_fit(&samples, Penalty::OfLargest(share));
        let bound = other.proof.dual;
        let mut random = numbers(seed, 4096).into_iter();
        other.hinges.iter_mut().for_each(|h| h.change.iter_mut().for_each(|a| *a *= 2.0 * random.next().unwrap()));
        other.intercept.iter_mut().for_each(|c| *c += 0.2 * random.next().unwrap() - 0.1);
        prop_assert!(objective(&samples, &other) >= bound * (1.0 - 1e-12) - 1e-17 * size(&samples));
    }

    #[test]
    fn small_changes_of_the_optimum_do_not_improve_it(samples in problems(), share in shares(), seed: u64, step in -9.0..-1.0f64) {
        prop_assume!(samples.inputs().iter().all(|x| x.abs() < 100.0));
        let best = try_fit(&samples, Penalty::OfLargest(share));
        let step = 10f64.powf(step);
        let mut random = numbers(seed, 8192).into_iter().map(|u| step * (2.0 * u - 1.0));
        let mut other = best.clone();
        other.hinges.iter_mut().for_each(|h| h.knot += random.next().unwrap());
        other.hinges.iter_mut().flat_map(|h| &mut h.change).chain(&mut other.intercept).chain(other.linear.as_mut_slice())
            .for_each(|a| *a += random.next().unwrap());
        let allowance = 1e-9 * best.proof.primal + 1e-17 * size(&samples);
        prop_assert!(objective(&samples, &other) >= objective(&samples, &best) - allowance);
    }

    #[test]
    fn a_constant_or_repeated_column_changes_nothing(samples in problems(), share in shares(), scale in 0.1..10.0f64) {
        let before = try_fit(&samples, Penalty::OfLargest(share));
        prop_assume!(before.penalty > 1e-9);
        let columns: [&Column<'_>; 4] = [&|_| 3.7, &|x| x[0], &|x| -x[0], &|x| scale * x[0] + 1.0];
        for column in columns {
            let wider = with_column(&samples, column);
            let after = fit(&wider, before.penalty);
            assert_same_value(&before, &after, 1.0, &samples)?;
            prop_assert!(after.hinges.iter().all(|h| h.input < samples.n_inputs()));
            prop_assert_eq!(verify(&after, &wider), Ok(()));
        }
    }

    #[test]
    fn with_one_input_and_a_constant_the_fit_is_that_of_the_input_alone(samples in problems(), share in shares()) {
        let d = samples.n_inputs();
        let x: Vec<f64> = samples.inputs().iter().step_by(d).copied().collect();
        let alone = Samples::new(1, samples.n_targets(), x, samples.targets().to_vec(), Some(samples.weights().to_vec())).unwrap();
        let (a, b) = (try_fit(&alone, Penalty::OfLargest(share)), try_fit(&with_column(&alone, |_| 1.0), Penalty::OfLargest(share)));
        prop_assume!(a.largest_penalty > 1e-9);
        prop_assert!((a.largest_penalty / b.largest_penalty - 1.0).abs() < 1e-9);
        assert_same_value(&a, &b, 1.0, &samples)?;
    }

    #[test]
    fn the_order_of_rows_and_columns_changes_nothing(samples in problems(), share in shares(), seed: u64) {
        let (d, keys) = (samples.n_inputs(), numbers(seed, samples.rows()));
        let mut order: Vec<usize> = (0..samples.rows()).collect();
        order.sort_by(|&i, &j| keys[i].total_cmp(&keys[j]));
        let rows = samples.select(&order);
        let x = rows.inputs().chunks(d).flat_map(|row| row.iter().rev().copied().collect::<Vec<_>>()).collect();
        let turned = Samples::new(d, samples.n_targets(), x, rows.targets().to_vec(), Some(rows.weights().to_vec())).unwrap();
        let (a, b, c) = (
            try_fit(&samples, Penalty::OfLargest(share)),
            try_fit(&rows, Penalty::OfLargest(share)),
            try_fit(&turned, Penalty::OfLargest(share)),
        );
        assert_same_value(&a, &b, 1.0, &samples)?;
        assert_same_value(&a, &c, 1.0, &samples)?;
    }

    #[test]
    fn rows_twice_are_rows_of_weight_two(samples in problems(), share in shares()) {
        let penalty = share * convex::largest_penalty(&samples);
        prop_assume!(penalty > 1e-9);
        let twice = samples.followed_by(&samples).unwrap();
        let (a, b) = (fit(&samples, penalty), fit(&twice, 2.0 * penalty));
        assert_same_value(&a, &b, 2.0, &samples)?;
    }

    #[test]
    fn the_fit_follows_scales_of_inputs_and_targets(samples in problems(), share in shares(), s in 0.01..100.0f64, c in 0.01..100.0f64, shift in -50.0..50.0f64) {
        let penalty = share * convex::largest_penalty(&samples);
        prop_assume!(penalty > 1e-9 && samples.inputs().iter().all(|x| x.abs() < 100.0));
        let (d, m) = (samples.n_inputs(), samples.n_targets());
        let x = samples.inputs().iter().enumerate().map(|(k, x)| if k % d == 0 { s * (x + shift) } else { -x }).collect();
        // An affine function beside the targets is free.
        let y = samples.targets().iter().enumerate().map(|(k, y)| c * (y + 0.3 * samples.inputs_of(k / m)[1])).collect();
        let scaled = Samples::new(d, m, x, y, Some(samples.weights().to_vec())).unwrap();
        let (a, b) = (fit(&samples, penalty), fit(&scaled, c * penalty));
        assert_same_value(&a, &b, c * c, &samples)?;
    }

    #[test]
    fn at_the_largest_penalty_there_are_no_neurons_and_below_it_there_are(samples in problems()) {
        let largest = convex::largest_penalty(&samples);
        prop_assume!(largest > 1e-6);
        for share in [1.0 + 1e-9, 2.0, 1e6] {
            let fit = fit(&samples, share * largest);
            prop_assert!(fit.hinges.is_empty() && is_closed(&fit), "{share}: {fit}");
        }
        prop_assert!(!fit(&samples, 0.999 * largest).hinges.is_empty());
    }

    #[test]
    fn a_second_grade_on_the_same_inputs_is_zero(samples in problems(), share in -4.0..-0.1f64) {
        let first = try_fit(&samples, Penalty::OfLargest(10f64.powf(share)));
        prop_assume!(!first.hinges.is_empty() && first.penalty > 1e-6);
        prop_assume!(samples.inputs().iter().all(|x| x.abs() < 100.0));
        let residual: Vec<f64> = samples.targets().iter().zip(first.predict(samples.inputs())).map(|(y, f)| y - f).collect();
        let left = Samples::new(samples.n_inputs(), samples.n_targets(), samples.inputs().to_vec(), residual, Some(samples.weights().to_vec())).unwrap();
        let exhausted = convex::largest_penalty(&left) / first.penalty;
        prop_assert!((exhausted - 1.0).abs() <= 1e-6, "{exhausted}");
        prop_assert!(fit(&left, first.penalty * (1.0 + 1e-6)).hinges.is_empty());
        prop_assert!((first.proof.oracle.upper / first.penalty - 1.0).abs() <= 1e-6, "{first:?}");
    }

    #[test]
    fn equal_outputs_are_one_output_at_a_smaller_penalty(samples in problems(), share in shares(), m in 2usize..4) {
        let single: Vec<f64> = samples.targets().iter().step_by(samples.n_targets()).copied().collect();
        let make = |m: usize| {
            let y = single.iter().flat_map(|&y| vec![y; m]).collect();
            Samples::new(samples.n_inputs(), m, samples.inputs().to_vec(), y, Some(samples.weights().to_vec())).unwrap()
        };
        let (one, many) = (make(1), make(m));
        let penalty = share * convex::largest_penalty(&one);
        prop_assume!(penalty > 1e-9);
        let (a, b) = (fit(&one, penalty), fit(&many, penalty * (m as f64).sqrt()));
        assert_same_value(&a, &b, m as f64, &samples)?;
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
        prop_assert!(rmse <= early.proof.fit_rmse_bound + best.proof.fit_rmse_bound + 1e-12, "{rmse} {early}");
    }

    #[test]
    fn an_altered_proof_or_problem_is_refused(samples in problems(), share in -3.0..-0.2f64, which in 0usize..11, entry: prop::sample::Index) {
        let fit = try_fit(&samples, Penalty::OfLargest(10f64.powf(share)));
        prop_assume!(fit.proof.neurons > 0 && fit.proof.status == ProofStatus::Proved && fit.proof.primal > 1e-6);
        let (mut false_claim, mut x, mut y) = (fit.clone(), samples.inputs().to_vec(), samples.targets().to_vec());
        let proof = &mut false_claim.proof;
        match which {
            0 => proof.primal *= 0.999,
            1 => proof.dual *= 1.001,
            2 => proof.gap *= 0.5,
            3 => proof.penalty *= 1.001,
            4 => proof.rel_gap = Some(0.0),
            5 => proof.fit_rmse_bound *= 0.999,
            6 => {
                let largest = proof.dual_point.iter().fold(0.0f64, |a, v| a.max(v.abs()));
                let heavy: Vec<usize> = (0..proof.dual_point.len()).filter(|&i| proof.dual_point[i].abs() > 0.1 * largest).collect();
                proof.dual_point[heavy[entry.index(heavy.len())]] *= 1.01;
            }
            7 => { let k = entry.index(false_claim.hinges.len()); false_claim.hinges[k].change[0] += 1e-3; }
            8 => false_claim.intercept[0] += 1e-3,
            9 => { let i = false_claim.hinges[0].input; x.iter_mut().skip(i).step_by(samples.n_inputs()).for_each(|x| *x *= 1.001); }
            _ => y[entry.index(samples.targets().len())] += 0.01,
        }
        let grade = false_claim.grade().unwrap();
        prop_assert!(false_claim.proof.verify(&x, &y, Some(samples.weights()), &grade).is_err(), "alteration {which} of {fit}");
    }

    #[test]
    fn curves_and_intercept_sum_to_the_prediction_and_have_mean_zero(samples in problems(), share in shares()) {
        prop_assume!(samples.inputs().iter().all(|x| x.abs() < 100.0));
        let fit = try_fit(&samples, Penalty::OfLargest(share));
        let (m, parts) = (samples.n_targets(), fit.contributions(&samples).unwrap());
        let total: f64 = samples.weights().iter().sum();
        let at = |curve: &convex::Contribution, x: f64, o: usize| {
            let j = curve.places.partition_point(|&p| p <= x).clamp(1, curve.places.len().max(2) - 1);
            let value = |k: usize| curve.values.row(k)[o];
            if curve.places.len() == 1 { return value(0); }
            let share = (x - curve.places[j - 1]) / (curve.places[j] - curve.places[j - 1]);
            value(j - 1) + share * (value(j) - value(j - 1))
        };
        let fitted = fit.predict(samples.inputs());
        let steep = 1.0 + fit.hinges.iter().flat_map(|h| &h.change).chain(fit.linear.as_slice()).fold(0.0f64, |a, c| a.max(c.abs()));
        for o in 0..m {
            for i in 0..samples.rows() {
                let sum: f64 = parts.curves.iter().map(|c| at(c, samples.inputs_of(i)[c.input], o)).sum();
                prop_assert!((parts.intercept[o] + sum - fitted[i * m + o]).abs() <= 1e-11 * steep);
            }
            for curve in &parts.curves {
                let values: Vec<f64> = (0..samples.rows()).map(|i| at(curve, samples.inputs_of(i)[curve.input], o)).collect();
                let mean: f64 = values.iter().zip(samples.weights()).map(|(v, w)| w / total * v).sum();
                let square: f64 = values.iter().zip(samples.weights()).map(|(v, w)| w / total * v * v).sum();
                prop_assert!(mean.abs() <= 1e-11 * steep && (square.sqrt() - curve.spread[o]).abs() <= 1e-10 * steep);
            }
        }
    }
}

#[test]
fn targets_that_are_affine_need_no_neurons() {
    let x = numbers(5, 180);
    for line in [(0.0, 0.0), (7.0, 0.0), (1e9, -3.7), (0.1, 1e-9)] {
        let y = x.chunks(3).map(|x| line.0 + line.1 * (x[0] - 2.0 * x[1])).collect();
        let samples = Samples::new(3, 1, x.clone(), y, None).unwrap();
        for penalty in [Penalty::OfLargest(0.5), Penalty::OfLargest(1e-6), ConvexSettings::default().penalty] {
            let fit = try_fit(&samples, penalty);
            assert!(fit.hinges.is_empty() && is_closed(&fit), "{line:?}: {fit}");
        }
    }
}

#[test]
fn fewer_rows_than_inputs_are_met_by_an_affine_function() {
    let samples = Samples::new(5, 1, numbers(1, 20), vec![1.0, -2.0, 0.5, 3.0], None).unwrap();
    let fit = try_fit(&samples, Penalty::OfLargest(0.1));
    assert!(fit.hinges.is_empty() && is_closed(&fit), "{fit}");
    for (f, y) in fit.predict(samples.inputs()).iter().zip(samples.targets()) {
        assert!((f - y).abs() < 1e-12);
    }
}

#[test]
fn without_penalty_several_inputs_are_refused() {
    for penalty in [Penalty::Absolute(0.0), Penalty::OfLargest(0.0)] {
        let settings = ConvexSettings { penalty, ..ConvexSettings::default() }.validate().unwrap();
        let error = convex::fit(&waves(20, 2, 1, 1), &settings).unwrap_err();
        assert_eq!(error, ConvexError::NoPenalty { inputs: 2 });
        assert!(error.to_string().contains("choose a positive penalty"));
    }
}

#[test]
fn a_proof_that_was_not_finished_says_so() {
    let samples = waves(300, 3, 1, 9);
    let settings = ConvexSettings { penalty: Penalty::OfLargest(1e-2), max_rounds: 2, ..ConvexSettings::default() };
    let fit = convex::fit(&samples, &settings.validate().unwrap()).unwrap();
    assert_eq!(fit.proof.status, ProofStatus::BoundOnly);
    assert!(fit.proof.rel_gap.is_none_or(|gap| gap > 1e-6));
    assert!(fit.to_string().contains("NOT proved to 1e-9"), "{fit}");
    assert_eq!(verify(&fit, &samples), Ok(()));
    // A dual point that says nothing proves nothing, and no relative gap is claimed.
    let nothing = fit.proof.dual_point.iter().map(|_| 0.0).collect();
    let problem = ConvexProblem {
        x: samples.inputs(),
        y: samples.targets(),
        weights: None,
        class: NeuronClass::OneInput,
        penalty: fit.penalty,
    };
    let empty = OptimalityProof::new(&problem, &fit.grade().unwrap(), nothing, 1e-9, 0).unwrap();
    assert_eq!((empty.status, empty.dual, empty.rel_gap), (ProofStatus::BoundOnly, 0.0, None));
}

#[test]
fn along_the_path_the_loss_falls_and_the_variation_rises() {
    for m in [1, 2] {
        let samples = waves(150, 3, m, 2);
        let fit = try_fit(&samples, Penalty::Path { points: 20, min_ratio: 1e-3, choice: Choice::Gcv });
        let value = |p: &convex::PathPoint| p.loss + p.penalty * p.variation;
        for pair in fit.path.windows(2) {
            assert!(pair[1].penalty < pair[0].penalty);
            assert!(pair[1].loss <= pair[0].loss * (1.0 + 1e-9), "{pair:?}");
            assert!(pair[1].variation >= pair[0].variation * (1.0 - 1e-9), "{pair:?}");
            assert!(value(&pair[1]) <= value(&pair[0]) * (1.0 + 1e-9), "{pair:?}");
        }
        for three in fit.path.windows(3) {
            let t = (three[1].penalty - three[2].penalty) / (three[0].penalty - three[2].penalty);
            let chord = t * value(&three[0]) + (1.0 - t) * value(&three[2]);
            assert!(value(&three[1]) >= chord * (1.0 - 1e-9), "{three:?}");
        }
        assert_eq!((fit.path[0].neurons, fit.path[0].freedom.round(), fit.path.len()), (0, 4.0, 20));
        assert!(fit.path.iter().all(|p| p.rel_gap <= 1e-9), "{:?}", fit.path);
    }
}

/// The trace that `freedom` claims to be, by differences of whole fits.
#[test]
fn the_freedom_of_a_fit_is_the_divergence_of_its_values() {
    for m in [1, 2] {
        let samples = waves(40, 2, m, 6);
        let fit_at =
            |y: Vec<f64>, penalty| fit(&Samples::new(2, m, samples.inputs().to_vec(), y, None).unwrap(), penalty);
        let path = try_fit(&samples, Penalty::Path { points: 10, min_ratio: 1e-2, choice: Choice::Gcv }).path;
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
            let trace: f64 = (0..40 * m).map(slope).sum();
            assert!((trace / m as f64 - point.freedom).abs() < 0.02 * point.freedom, "{trace} against {point:?}");
        }
    }
}

#[test]
fn the_choices_find_the_function_behind_the_noise() {
    let (n, d) = (400, 3);
    let (x, noise) = (numbers(11, n * d), numbers(12, n));
    let truth = |x: &[f64]| (8.0 * x[0]).sin() + 2.0 * (x[1] - 0.4).abs();
    let y: Vec<f64> = x.chunks(d).zip(&noise).map(|(x, u)| truth(x) + 0.5 * (u - 0.5)).collect();
    let sigma = 0.5 / 12f64.sqrt();
    let samples = Samples::new(d, 1, x.clone(), y, None).unwrap();
    for choice in [
        Choice::Gcv,
        Choice::HeldOut { share: 0.3, seed: 1 },
        Choice::BlockCv { folds: 4, block: 5 },
        Choice::Discrepancy { noise: sigma },
    ] {
        let fit = try_fit(&samples, Penalty::Path { points: 20, min_ratio: 1e-3, choice: choice.clone() });
        let squares: f64 = fit.predict(&x).iter().zip(x.chunks(d)).map(|(f, x)| (f - truth(x)).powi(2)).sum();
        let error = (squares / n as f64).sqrt();
        // The noise left over is less than half of what was there.
        assert!(error < 0.5 * sigma && is_closed(&fit), "{choice:?}: {error} {fit}");
    }
}

#[test]
fn the_discrepancy_principle_leaves_exactly_the_noise() {
    let samples = waves(200, 2, 1, 21);
    let choice = Choice::Discrepancy { noise: 0.12 };
    let fit = try_fit(&samples, Penalty::Path { points: 25, min_ratio: 1e-4, choice });
    let squares: f64 = fit.predict(samples.inputs()).iter().zip(samples.targets()).map(|(f, y)| (f - y).powi(2)).sum();
    let left = (squares / 200.0).sqrt() / 0.12;
    assert!((0.999..=1.0 + 1e-12).contains(&left), "{left}");
}

#[test]
fn a_budget_of_neurons_is_kept_and_used() {
    let samples = waves(150, 3, 1, 31);
    for budget in [0, 1, 2, 3, 5, 8, 13] {
        let choice = Choice::Neurons(budget);
        let fit = try_fit(&samples, Penalty::Path { points: 30, min_ratio: 1e-4, choice });
        assert!(fit.hinges.len() <= budget && fit.hinges.len() + 2 >= budget, "{budget}: {fit}");
        assert!(is_closed(&fit));
    }
}

#[test]
fn the_grade_and_the_prediction_are_the_same_function() {
    let samples = waves(80, 3, 2, 41);
    let fit = try_fit(&samples, Penalty::OfLargest(1e-2));
    let grade = fit.grade().unwrap();
    assert_eq!((grade.inputs(), grade.n_hidden_features(), grade.carry_inputs()), (3, fit.hinges.len(), true));
    let layer = &grade.branches()[0][0];
    for x in [[-3.0, 0.2, 9.0], [0.0; 3], [0.1, 0.9, 0.5], [fit.hinges[0].knot, 0.4, 1.0]] {
        let pre = |j: usize| layer.weights().terms(j).map(|(k, w)| w * x[k]).sum::<f64>() + layer.bias()[j];
        let features: Vec<f64> = (0..layer.outputs()).map(|j| pre(j).max(0.0)).chain(x).collect();
        for (o, value) in fit.predict(&x).iter().enumerate() {
            let sum: f64 = grade.readout().weights().row(o).iter().zip(&features).map(|(a, h)| a * h).sum();
            assert!((grade.readout().bias()[o] + sum - value).abs() < 1e-10, "{x:?}");
        }
    }
}

#[test]
fn hostile_columns_are_fitted_to_the_same_gap() {
    let n = 300;
    let (u, noise) = (numbers(3, 3 * n), numbers(4, n));
    let make = |column: &dyn Fn(&[f64]) -> f64, targets: &dyn Fn(f64) -> f64| {
        let x = u.chunks(3).flat_map(|row| [column(row), row[1], row[2]]).collect();
        let wave = |(row, noise): (&[f64], &f64)| targets((12.0 * row[0]).sin() + row[1].powi(2) + 0.2 * (noise - 0.5));
        Samples::new(3, 1, x, u.chunks(3).zip(&noise).map(wave).collect(), None).unwrap()
    };
    let same = |y: f64| y;
    let cases = [
        ("half within 1e-9", make(&|x| if x[2] < 0.5 { x[0] } else { 0.5 + 1e-9 * x[0] }, &same)),
        ("Cauchy inputs", make(&|x| (3.0 * (x[0] - 0.5)).tan(), &same)),
        ("a large offset", make(&|x| 1e10 + 1e8 * x[0], &same)),
        ("large targets", make(&|x| x[0], &|y| 1e12 * y)),
        ("small targets on an offset", make(&|x| x[0], &|y| 1.0 + 1e-6 * y)),
        ("many ties", make(&|x| (20.0 * x[0]).floor(), &same)),
        ("tiny inputs", make(&|x| 1e-150 * x[0], &same)),
        ("nearly the second input", make(&|x| x[1] + 1e-5 * x[0], &same)),
        ("one outlier", make(&|x| if x[0] > 0.995 { 1e6 } else { x[0] }, &same)),
    ];
    for (name, samples) in cases {
        for share in [0.5, 1e-2, 1e-4] {
            let fit = try_fit(&samples, Penalty::OfLargest(share));
            assert!(is_closed(&fit), "{name}, {share}: {fit}");
            assert_eq!(verify(&fit, &samples), Ok(()), "{name}");
        }
    }
}

/// Random tanh features of three inputs, as a grade leaves them: the smaller the gain, the more they depend on each other.
fn features(n: usize, d: usize, gain: f64) -> Samples {
    let (x, w) = (numbers(n as u64, 3 * n), numbers(7, 4 * d));
    let sum = |x: &[f64], w: &[f64]| (0..3).map(|k| (4.0 * w[k] - 2.0) * x[k]).sum::<f64>() + 4.0 * w[3] - 2.0;
    let y = x.chunks(3).map(|x| (8.0 * x[0] * x[1]).sin() + (x[2] - 0.4).abs()).collect();
    let x = x.chunks(3).flat_map(|x| w.chunks(4).map(|w| (gain * sum(x, w)).tanh()).collect::<Vec<_>>()).collect();
    Samples::new(d, 1, x, y, None).unwrap()
}

/// More hats than dimensions that the affine part leaves: their Gram matrix is mostly rounding.
#[test]
fn the_gap_closes_where_the_features_leave_few_dimensions_to_the_knots() {
    for (n, d) in [(60, 50), (40, 38), (200, 150), (12, 9)] {
        let samples = features(n, d, 1.0);
        for share in [0.5, 0.1, 1e-2, 1e-3] {
            let fit = try_fit(&samples, Penalty::OfLargest(share));
            assert!(is_closed(&fit) && !fit.hinges.is_empty(), "{n} rows, {d} features, {share}: {fit}");
            assert_eq!(verify(&fit, &samples), Ok(()));
        }
    }
}

/// Slopes as steep as the features nearly depend on each other, which the proof has to allow for.
#[test]
fn nearly_dependent_features_have_a_proof_whose_bound_is_below_the_value() {
    for (n, d, gain) in [(200, 20, 0.1), (100, 20, 0.03), (200, 20, 0.01), (100, 80, 0.1)] {
        let samples = features(n, d, gain);
        for share in [0.5, 0.1, 1e-2, 1e-3] {
            let fit = try_fit(&samples, Penalty::OfLargest(share));
            assert!(fit.proof.gap <= 1e-6 * fit.proof.primal, "{n} rows, {d} features, {share}: {fit}");
            assert!(is_closed(&fit) || gain < 0.03 || d > n / 2, "{n} rows, {d} features, {share}: {fit}");
            assert_eq!(verify(&fit, &samples), Ok(()));
        }
    }
}

#[test]
fn the_listing_names_inputs_knots_and_changes_of_slope() {
    let x: Vec<f64> = (0..50).flat_map(|i| [f64::from(i), f64::from(i * 7 % 50)]).collect();
    let y = x.chunks(2).map(|x| (x[0] - 20.0).abs() + 0.5 * x[1]).collect();
    let samples = Samples::new(2, 1, x, y, None).unwrap();
    let listing = try_fit(&samples, Penalty::OfLargest(1e-9)).listing(&["speed"]);
    let expected = "value at 0: 20\nspeed: slope -1\n  at 20: +2\nx2: slope 0.5\n";
    assert_eq!(listing, expected);
}

#[test]
fn the_values_are_those_of_a_general_conic_solver() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../testdata/convex_reference.json");
    let document: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let problems = document["additive"].as_array().unwrap();
    assert!(problems.len() >= 8);
    for problem in problems {
        let list = |name: &str| -> Vec<f64> { serde_json::from_value(problem[name].clone()).unwrap() };
        let number = |name: &str| problem[name].as_u64().unwrap() as usize;
        let samples = Samples::new(number("d"), number("m"), list("x"), list("y"), Some(list("w"))).unwrap();
        let fit = fit(&samples, problem["beta"].as_f64().unwrap());
        let expected = problem["value"].as_f64().unwrap();
        assert!((fit.proof.primal / expected - 1.0).abs() < 1e-7, "{expected}: {fit}");
        assert!(is_closed(&fit), "{fit}");
    }
}
