//! Model files of every format are read for ever, and mean what they meant.

use multigrade_model::Multigrade;
use std::path::Path;

#[derive(serde::Deserialize)]
struct Expected {
    /// Without the cells that are missing.
    rows: Vec<Vec<Option<f64>>>,
    /// Per grade, per row, the outputs, by an independent implementation: `testdata/models/make_expected.py`.
    staged: Vec<Vec<Vec<f64>>>,
}

#[test]
fn the_model_file_of_every_format_is_read_and_means_the_same() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/models");
    let mut formats = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|e| e != "safetensors") {
            continue;
        }
        formats += 1;
        let model = Multigrade::load(&path).unwrap();
        let text = std::fs::read_to_string(path.with_extension("json")).unwrap();
        let expected: Expected = serde_json::from_str(&text).unwrap();
        assert_eq!(expected.staged.len(), model.grades().len());
        for (i, row) in expected.rows.iter().enumerate() {
            let row: Vec<f64> = row.iter().map(|cell| cell.unwrap_or(f64::NAN)).collect();
            let row = model.schema().imputation.as_ref().map_or(row.clone(), |imputation| imputation.fill(&row));
            for (k, value) in model.eval_staged(&row).unwrap().iter().enumerate() {
                for (j, v) in value.iter().enumerate() {
                    let e = expected.staged[k][i][j];
                    // Sums of some ten terms in another order, and another tanh: a few hundred roundings of terms
                    // that are at most a thousand times the scale of the output.
                    let size = model.output_scaling().scale()[j] + model.output_scaling().center()[j].abs() + e.abs();
                    assert!((v - e).abs() <= 1e-11 * size, "{}: grade {k}, row {i}: {v} {e}", path.display());
                }
            }
        }
    }
    assert!(formats >= 3, "the first format is kept: plain, with classes, with missing cells");
}

#[test]
fn a_kept_classifier_knows_its_classes_and_what_a_row_is_taken_for() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/models/format-1-classes.safetensors");
    let model = Multigrade::load(&path).unwrap();
    let classes = model.schema().classes.as_ref().unwrap();
    let labels: Vec<String> = classes.labels.iter().map(ToString::to_string).collect();
    assert_eq!((classes.target.as_str(), &labels[..]), ("kind", &["ash tall".into(), "elm".into(), "oak".into()][..]));
    // It was fitted to: oak where length + width < 7, else ash where length is the larger, else elm.
    for (row, kind) in [([1.0, 1.0], "oak"), ([9.0, 3.0], "ash tall"), ([3.0, 8.0], "elm")] {
        let probabilities = classes.probabilities(&model.eval_reference(&row, 2).unwrap());
        assert!((probabilities.iter().sum::<f64>() - 1.0).abs() < 1e-14);
        assert_eq!(labels[classes.decide(&probabilities)[0]], kind);
    }
}
