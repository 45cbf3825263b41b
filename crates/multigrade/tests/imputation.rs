//! What is learned about missing cells: from training rows alone, whatever the order of rows and the way weights are written.

use multigrade::{FitError, FitSettings, Grades, Imputation, Samples, fit, indicating, medians, silent, split};
use proptest::prelude::*;

const NAN: f64 = f64::NAN;

/// Rows of two columns, the first of which has missing cells, as samples with zeros in their place.
fn samples(rows: &[f64], weights: Option<&[f64]>) -> Samples {
    let imputation = indicating(2, rows, weights).unwrap();
    let (inputs, d) = (imputation.fill(rows), imputation.n_inputs());
    let samples = Samples::new(d, 1, inputs, vec![0.0; rows.len() / 2], weights.map(<[f64]>::to_vec)).unwrap();
    samples.imputed_by(imputation).unwrap()
}

fn refilled(rows: &[f64], imputation: &Imputation) -> Samples {
    let (inputs, d) = (imputation.fill(rows), imputation.n_inputs());
    Samples::new(d, 1, inputs, vec![0.0; rows.len() / 2], None).unwrap().imputed_by(imputation.clone()).unwrap()
}

/// Cells of which some are missing, and ugly ones.
fn cells() -> impl Strategy<Value = Vec<f64>> {
    let cell =
        prop_oneof![3 => -9.0..9.0_f64, 1 => Just(NAN), 1 => prop::sample::select(vec![0.0, -0.0, 1e300, -1e300])];
    prop::collection::vec((cell, -9.0..9.0_f64), 2..60)
        .prop_map(|rows| rows.into_iter().flat_map(|(x, y)| [x, y]).collect())
}

proptest! {
    #[test]
    fn the_split_does_not_depend_on_what_stands_for_missing_cells(rows in cells(), share in 0.0..0.9_f64, key: u64, fill in -9.0..9.0_f64) {
        let first = samples(&rows, None);
        let imputation = Imputation::new(vec![fill; 2], first.imputation().unwrap().indicators().to_vec()).unwrap();
        prop_assert_eq!(split(&first, share, key), split(&refilled(&rows, &imputation), share, key));
    }

    #[test]
    fn a_fill_is_a_cell_of_the_training_rows_with_half_of_them_on_either_side(rows in cells(), key: u64) {
        let samples = samples(&rows, None);
        let fill = medians(&samples, 0.3, key).unwrap().fills()[0];
        let train = split(&samples, 0.3, key).train;
        let there: Vec<f64> = train.iter().map(|&row| rows[2 * row]).filter(|x| !x.is_nan()).collect();
        prop_assert!(there.contains(&fill) || (there.is_empty() && fill == 0.0));
        let (below, above) = (there.iter().filter(|x| **x < fill).count(), there.iter().filter(|x| **x > fill).count());
        prop_assert!(2 * below <= there.len() && 2 * above <= there.len(), "{below} {above} of {}", there.len());
    }

    #[test]
    fn a_weight_of_two_is_the_row_twice_and_a_weight_of_zero_no_row(rows in cells(), key: u64) {
        let weights: Vec<f64> = (0..rows.len() / 2).map(|i| (i % 3) as f64).collect();
        let often: Vec<f64> = rows.chunks(2).zip(&weights).flat_map(|(row, w)| row.repeat(*w as usize)).collect();
        prop_assert_eq!(medians(&samples(&rows, Some(&weights)), 0.2, key), medians(&samples(&often, None), 0.2, key));
    }
}

#[test]
fn samples_and_their_imputation_have_the_same_inputs() {
    let plain = Samples::new(2, 1, vec![1.0, 2.0], vec![3.0], None).unwrap();
    let wrong = plain.clone().imputed_by(Imputation::new(vec![0.0; 2], vec![0]).unwrap()).unwrap_err();
    assert_eq!(wrong.to_string(), "the rows have 2 inputs, the imputation makes 3");
    assert_eq!(medians(&plain, 0.2, 0), None);
    assert!(indicating(2, &[1.0, 2.0, 3.0], None).is_err());
    assert!(indicating(2, &[1.0, 2.0], Some(&[1.0, 1.0])).is_err());
    for (fills, indicators) in
        [(vec![NAN], vec![]), (vec![0.0], vec![1]), (vec![0.0; 3], vec![1, 1]), (vec![0.0; 3], vec![2, 0])]
    {
        assert!(Imputation::new(fills, indicators).is_err());
    }
}

#[test]
fn rows_are_not_judged_by_held_out_rows_that_are_filled_in_another_way() {
    let rows = [NAN, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0];
    let train = samples(&rows, None);
    let filled = |fill| refilled(&rows, &Imputation::new(vec![fill; 2], vec![0]).unwrap());
    let plain = Samples::new(3, 1, train.inputs().to_vec(), train.targets().to_vec(), None).unwrap();
    let settings = FitSettings { grades: Grades::Count(1), ..FitSettings::default() }.validate().unwrap();
    for (samples, held_out) in [(&train, &filled(9.0)), (&train, &plain), (&plain, &train)] {
        let error = fit(samples, Some(held_out), &settings, &mut silent()).err();
        assert_eq!(error, Some(FitError::ImputationsDiffer));
    }
    assert!(fit(&train, Some(&filled(0.0)), &settings, &mut silent()).is_ok());
}

#[test]
fn indicators_have_names_of_their_own() {
    let imputation = Imputation::new(vec![0.0; 2], vec![0]).unwrap();
    let names = ["x".to_owned(), "x is missing".to_owned()];
    assert_eq!(imputation.input_names(&names), ["x", "x is missing", "x is missing'"]);
}
