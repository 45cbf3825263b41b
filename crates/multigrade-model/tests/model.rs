//! Laws of the network type and its file.

use multigrade_model::{
    Activation, FileError, Grade, GradeRecord, History, InputColumn, Layer, Matrix, ModelError, Multigrade, Norms,
    OutputColumn, Readout, Scaling, Schema, SparseMatrix, Weights, write_atomically,
};
use proptest::prelude::*;

/// The layers of each branch of a grade (outputs, activation, whether sparse), and whether inputs are carried.
type GradePlan = (Vec<Vec<(usize, Activation, bool)>>, bool);

/// The shape of a random model: inputs, outputs and grades.
#[derive(Clone, Debug)]
struct Plan {
    d: usize,
    m: usize,
    grades: Vec<GradePlan>,
}

fn plans() -> impl Strategy<Value = Plan> {
    let activation = prop::sample::select(Activation::ALL.to_vec());
    let branch = prop::collection::vec((1usize..4, activation, any::<bool>()), 1..3);
    let grade = (prop::collection::vec(branch, 1..3), any::<bool>());
    (1usize..4, 1usize..3, prop::collection::vec(grade, 0..4)).prop_map(|(d, m, grades)| Plan { d, m, grades })
}

/// Builds the model, taking numbers from `next`.
fn build(plan: &Plan, mut next: impl FnMut() -> f64) -> Multigrade {
    let mut width = plan.d;
    let mut grades = Vec::new();
    for (branches, carry) in &plan.grades {
        let mut stacks = Vec::new();
        let mut features = 0;
        for branch in branches {
            let (mut input, mut layers) = (width, Vec::new());
            for &(out, activation, sparse) in branch {
                let weights: Weights = if sparse {
                    // Rows that keep every second entry; one may be left without any.
                    let row = |i: usize| (0..input).filter(|j| (i + j).is_multiple_of(2)).collect::<Vec<_>>();
                    let rows = (0..out).map(|i| row(i).into_iter().map(|j| (j, next())).collect());
                    SparseMatrix::new(input, rows.collect()).unwrap().into()
                } else {
                    Matrix::new(out, input, (0..input * out).map(|_| next()).collect()).unwrap().into()
                };
                let bias = (0..out).map(|_| next()).collect();
                layers.push(Layer::new(weights, bias, activation).unwrap());
                input = out;
            }
            features += input;
            stacks.push(layers);
        }
        width = features + if *carry { plan.d } else { 0 };
        let readout = Matrix::new(plan.m, width, (0..plan.m * width).map(|_| next()).collect()).unwrap();
        let readout = Readout::new(readout, (0..plan.m).map(|_| next()).collect()).unwrap();
        grades.push(Grade::new(stacks, *carry, readout).unwrap());
    }
    let schema = Schema {
        inputs: (0..plan.d).map(|i| InputColumn { name: format!("x{i}"), min: -1.0, max: 1.0 }).collect(),
        outputs: (0..plan.m).map(|i| OutputColumn { name: format!("y{i}") }).collect(),
        ..Schema::default()
    };
    let scaling = |n: usize, next: &mut dyn FnMut() -> f64| {
        let center = (0..n).map(|_| next()).collect();
        let scale = (0..n).map(|_| next().abs().max(f64::MIN_POSITIVE)).collect();
        Scaling::new(center, scale).unwrap()
    };
    let (input, output) = (scaling(plan.d, &mut next), scaling(plan.m, &mut next));
    // A residual can overflow: what was measured is kept as it was.
    let norms = Norms { l1: next().abs(), l2: f64::INFINITY, linf: next().abs() };
    let record = |grade| GradeRecord {
        grade,
        hidden: "tanh 3".into(),
        parameters: 7,
        solver: "L-BFGS".into(),
        readout: "least squares".into(),
        weight_decay: 1e-7,
        updates: 12,
        stop: "budget".into(),
        loss_before: 1.0,
        loss_after: 0.1,
        train: vec![norms; plan.m],
        validation: None,
        scores: None,
        proof: None,
    };
    let history = History { grades: (0..=grades.len()).map(record).collect(), ..History::default() };
    Multigrade::new(schema, input, output, grades, history, serde_json::json!({"seed": 1})).unwrap()
}

/// Moderate numbers for laws about values.
fn moderate(seed: u64) -> impl FnMut() -> f64 {
    let mut state = seed | 1;
    move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 11) as f64 / (1u64 << 53) as f64 * 2.0 - 1.0
    }
}

/// Finite numbers with random bits: subnormal, huge, negative zero.
fn any_bits(seed: u64) -> impl FnMut() -> f64 {
    let mut state = seed;
    move || {
        loop {
            state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mut z = state;
            z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            let x = f64::from_bits(z ^ (z >> 31));
            if x.is_finite() {
                return x;
            }
        }
    }
}

/// Every stored number, as bits.
fn bits(model: &Multigrade) -> Vec<u64> {
    let mut numbers: Vec<&f64> = Vec::new();
    for scaling in [model.input_scaling(), model.output_scaling()] {
        numbers.extend(scaling.center().iter().chain(scaling.scale()));
    }
    for grade in model.grades() {
        for layer in grade.branches().iter().flatten() {
            numbers.extend(layer.weights().values().iter().chain(layer.bias()));
        }
        numbers.extend(grade.readout().weights().as_slice().iter().chain(grade.readout().bias()));
    }
    for record in &model.history().grades {
        numbers.extend(record.train.iter().flat_map(|n| [&n.l1, &n.l2, &n.linf]));
    }
    numbers.iter().map(|x| x.to_bits()).collect()
}

proptest! {
    #[test]
    fn every_bit_of_every_number_survives_the_file(plan in plans(), seed: u64) {
        let model = build(&plan, any_bits(seed));
        let bytes = model.to_bytes();
        let read = Multigrade::from_bytes("m", &bytes).unwrap();
        prop_assert_eq!(bits(&read), bits(&model));
        prop_assert_eq!(&read.to_bytes(), &bytes);
    }

    #[test]
    fn truncation_evaluates_to_the_staged_value_bit_for_bit(plan in plans(), seed: u64) {
        let model = build(&plan, moderate(seed));
        let x: Vec<f64> = (0..plan.d).map(|i| 0.3 * i as f64 - 0.4).collect();
        let staged = model.eval_staged(&x).unwrap();
        prop_assert_eq!(staged.len(), plan.grades.len());
        for (k, value) in staged.iter().enumerate() {
            let short = model.truncate(k + 1).unwrap();
            prop_assert_eq!(&short.eval_reference(&x, k + 1).unwrap(), value);
            prop_assert_eq!(&model.eval_reference(&x, k + 1).unwrap(), value);
            let read = Multigrade::from_bytes("m", &short.to_bytes()).unwrap();
            prop_assert_eq!(&read.eval_reference(&x, k + 1).unwrap(), value);
        }
        prop_assert_eq!(model.truncate(0).unwrap().eval_reference(&x, 0).unwrap(), model.output_scaling().center());
        let asked = plan.grades.len() + 1;
        prop_assert_eq!(model.truncate(asked).unwrap_err(), ModelError::NoSuchGrade { asked, available: asked - 1 });
    }

    #[test]
    fn the_gradient_agrees_with_central_differences_of_smooth_networks(plan in plans(), seed: u64) {
        // ReLU has kinks, where differences and the one-sided slope rightly disagree.
        let mut plan = plan;
        for (_, activation, _) in plan.grades.iter_mut().flat_map(|(b, _)| b).flatten() {
            if *activation == Activation::Relu { *activation = Activation::Tanh; }
        }
        let mut next = moderate(seed);
        // Scales of about one keep the third derivative, and with it the error of the difference, moderate.
        let model = build(&plan, || { let x = next(); x + 0.5 * x.signum() });
        let x: Vec<f64> = (0..plan.d).map(|i| 0.2 * i as f64 - 0.1).collect();
        let gradient = model.gradient(&x).unwrap();
        // Towers of squares can be so steep that a step of 1e-5 is not small: a difference then says nothing.
        prop_assume!(gradient.as_slice().iter().all(|slope| slope.abs() < 1e3));
        let k = plan.grades.len();
        for i in 0..plan.d {
            let step = 1e-5;
            let at = |t: f64| { let mut y = x.clone(); y[i] += t; model.eval_reference(&y, k).unwrap() };
            let (up, down, up2, down2) = (at(step), at(-step), at(2.0 * step), at(-2.0 * step));
            for j in 0..plan.m {
                let near = (up[j] - down[j]) / (2.0 * step);
                let far = (up2[j] - down2[j]) / (4.0 * step);
                // The difference of two difference quotients estimates their truncation error; rounding adds eps/step.
                let size = 1.0 + gradient.row(j)[i].abs() + up[j].abs();
                let allowed = 4.0 * (near - far).abs() + 1e-8 * size;
                prop_assert!((near - gradient.row(j)[i]).abs() <= allowed, "{near} {} {allowed}", gradient.row(j)[i]);
            }
        }
    }

    #[test]
    fn no_flipped_bit_goes_unnoticed(plan in plans(), seed: u64, position: prop::sample::Index, bit in 0u8..8) {
        let model = build(&plan, moderate(seed));
        let mut bytes = model.to_bytes();
        let at = position.index(bytes.len());
        bytes[at] ^= 1 << bit;
        // A change of the header that means the same, such as another kind of white space, is the same model.
        if let Ok(read) = Multigrade::from_bytes("m", &bytes) {
            prop_assert_eq!(read, model);
        }
    }

    #[test]
    fn no_cut_off_file_is_read_and_arbitrary_bytes_never_panic(plan in plans(), cut: prop::sample::Index, noise in prop::collection::vec(any::<u8>(), 0..200)) {
        let bytes = build(&plan, moderate(1)).to_bytes();
        let cut = cut.index(bytes.len());
        let found = Multigrade::from_bytes("m", &bytes[..cut]);
        prop_assert!(matches!(found, Err(FileError::NotAModel { .. })), "{found:?}");
        prop_assert!(Multigrade::from_bytes("m", &noise).is_err());
    }
}

fn small() -> Multigrade {
    let branch = vec![(2, Activation::Relu, false), (2, Activation::Relu, true)];
    build(&Plan { d: 1, m: 1, grades: vec![(vec![branch], true)] }, moderate(3))
}

#[test]
fn a_newer_format_is_refused_by_its_version() {
    let bytes = small().to_bytes();
    let text = String::from_utf8_lossy(&bytes).into_owned();
    assert!(text.contains("format_version\\\":1,"));
    let newer: Vec<u8> = {
        let from = b"format_version\\\":1,";
        let at = bytes.windows(from.len()).position(|w| w == from).unwrap();
        let mut newer = bytes.clone();
        newer[at + from.len() - 2] = b'9';
        newer
    };
    let error = Multigrade::from_bytes("m.safetensors", &newer).unwrap_err();
    assert!(matches!(error, FileError::Newer { found: 9, .. }), "{error}");
    assert!(error.to_string().contains("use a newer multigrade"));
}

#[test]
fn unknown_extensions_and_version_zero_are_refused() {
    let altered = |from: &str, to: &str| {
        let bytes = small().to_bytes();
        let at = bytes.windows(from.len()).position(|w| w == from.as_bytes()).unwrap();
        [&bytes[..at], to.as_bytes(), &bytes[at + from.len()..]].concat()
    };
    // The same length, so that the header still fits.
    let error = Multigrade::from_bytes("m", &altered("format_version\\\":1", "format_version\\\":0")).unwrap_err();
    assert!(matches!(error, FileError::NotAModel { .. }), "{error}");
    let needs = altered("\\\"made_by\\\":\\\"multigrade", "\\\"requires\\\":[\\\"sp\\\"],\\\"m\\\":\\\"");
    let error = Multigrade::from_bytes("m", &needs);
    assert!(error.is_err());
}

#[test]
fn columns_without_a_name_of_their_own_are_refused() {
    let model = small();
    let input = |name: &str| InputColumn { name: name.into(), min: 0.0, max: 1.0 };
    let output = |name: &str| OutputColumn { name: name.into() };
    for (inputs, outputs) in [
        (vec![input("a"), input("a")], vec![output("y")]),
        (vec![input("")], vec![output("y")]),
        (vec![input("a")], vec![output("")]),
    ] {
        let (d, m) = (inputs.len(), outputs.len());
        let schema = Schema { inputs, outputs, ..Schema::default() };
        let (x, y) = (Scaling::identity(d), Scaling::identity(m));
        let made = Multigrade::new(schema, x, y, Vec::new(), model.history().clone(), ().into());
        assert!(matches!(made, Err(ModelError::Name { .. })), "{made:?}");
    }
}

#[test]
fn parts_that_do_not_fit_are_refused_with_both_lengths() {
    let layer = |out, input| Layer::new(Matrix::zeros(out, input), vec![0.0; out], Activation::Tanh).unwrap();
    let readout = |m, p| Readout::new(Matrix::zeros(m, p), vec![0.0; m]).unwrap();
    let mismatch = Grade::new(vec![vec![layer(3, 2), layer(1, 4)]], false, readout(1, 1)).unwrap_err();
    assert_eq!(mismatch, ModelError::Shape { what: "layer input", expected: 3, found: 4 });
    assert!(Grade::new(vec![], false, readout(1, 1)).is_err());
    assert!(Grade::new(vec![vec![layer(3, 2)]], false, readout(1, 4)).is_err());
    assert!(Layer::new(Matrix::zeros(1, 1), vec![f64::NAN], Activation::Relu).is_err());
    assert!(Scaling::new(vec![0.0], vec![0.0]).is_err());
    assert!(Scaling::new(vec![f64::INFINITY], vec![1.0]).is_err());
    let error = small().eval_reference(&[1.0, 2.0], 1).unwrap_err();
    assert_eq!(error.to_string(), "input row: expected length 1, found 2");
}

#[test]
fn a_known_network_has_its_known_values_and_slopes() {
    // f_2(x) = 10 + 2 (|z| + (|z| - 1 clipped below 0)) with z = (x - 1) / 2, by two grades of two and one ReLUs.
    let column = |weights: Vec<f64>| Matrix::new(weights.len(), 1, weights).unwrap();
    let first = Layer::new(column(vec![1.0, -1.0]), vec![0.0, 0.0], Activation::Relu).unwrap();
    let second = Layer::new(Matrix::new(1, 2, vec![1.0, 1.0]).unwrap(), vec![-1.0], Activation::Relu).unwrap();
    let readout = |row: Vec<f64>| Readout::new(Matrix::new(1, row.len(), row).unwrap(), vec![0.0]).unwrap();
    let grades = vec![
        Grade::new(vec![vec![first]], false, readout(vec![1.0, 1.0])).unwrap(),
        Grade::new(vec![vec![second]], false, readout(vec![1.0])).unwrap(),
    ];
    let schema = Schema {
        inputs: vec![InputColumn { name: "x".into(), min: -9.0, max: 9.0 }],
        outputs: vec![OutputColumn { name: "y".into() }],
        ..Schema::default()
    };
    let scaling = |center, scale| Scaling::new(vec![center], vec![scale]).unwrap();
    let history = History::default();
    let model = Multigrade::new(schema, scaling(1.0, 2.0), scaling(10.0, 2.0), grades, history, ().into()).unwrap();
    assert_eq!(model.eval_staged(&[7.0]).unwrap(), [[16.0], [20.0]]);
    assert_eq!(model.eval_staged(&[-1.0]).unwrap(), [[12.0], [12.0]]);
    assert_eq!(model.gradient(&[7.0]).unwrap().as_slice(), [2.0]);
    assert_eq!(model.gradient(&[-1.5]).unwrap().as_slice(), [-2.0]);
    assert!(model.schema().covers(&[9.0]) && !model.schema().covers(&[9.1]) && !model.schema().covers(&[f64::NAN]));
    assert_eq!(model.grades()[0].describe(), "relu 2");
}

#[test]
fn a_deep_grade_is_described_in_a_few_words() {
    let layer = |inputs: usize| {
        Layer::new(Matrix::new(7, inputs, vec![1.0; 7 * inputs]).unwrap(), vec![0.0; 7], Activation::Relu).unwrap()
    };
    let grade = |layers: usize| {
        let branch = (0..layers).map(|l| layer(if l == 0 { 1 } else { 7 })).collect();
        Grade::new(vec![branch], false, Readout::new(Matrix::zeros(1, 7), vec![0.0]).unwrap()).unwrap()
    };
    assert_eq!(grade(8).describe(), "relu 7-7-7-7-7-7-7-7");
    assert_eq!(grade(9).describe(), "9 layers of width 7, 399 weights");
    assert_eq!(grade(412).describe(), "412 layers of width 7, 20 146 weights");
}

#[test]
fn writing_leaves_the_old_file_or_the_new_one_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("m.safetensors");
    small().save(&path, false).unwrap();
    let refused = small().save(&path, false).unwrap_err();
    assert!(matches!(refused, FileError::Exists { .. }), "{refused}");
    write_atomically(&path, b"new", true).unwrap();
    assert_eq!(std::fs::read(&path).unwrap(), b"new");
    assert!(write_atomically(&folder.path().join("missing/m"), b"x", false).is_err());
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    let error = Multigrade::load(&path).unwrap_err().to_string();
    assert!(error.contains("not a multigrade model"), "{error}");
}

#[cfg(unix)]
#[test]
fn writing_follows_a_symbolic_link_and_replaces_nothing_but_regular_files() {
    let folder = tempfile::tempdir().unwrap();
    let [file, link, nowhere] = ["m", "link", "nowhere"].map(|name| folder.path().join(name));
    std::fs::write(&file, b"old").unwrap();
    std::os::unix::fs::symlink(&file, &link).unwrap();
    assert!(matches!(write_atomically(&link, b"new", false), Err(FileError::Exists { .. })));
    write_atomically(&link, b"new", true).unwrap();
    assert_eq!(std::fs::read(&file).unwrap(), b"new");
    assert!(link.is_symlink());

    std::os::unix::fs::symlink(folder.path().join("missing"), &nowhere).unwrap();
    let pipe = folder.path().join("socket");
    let _listener = std::os::unix::net::UnixListener::bind(&pipe).unwrap();
    for (path, words) in [
        (nowhere.as_path(), "leads to no file"),
        (pipe.as_path(), "not a regular file"),
        (folder.path(), "not a regular"),
    ] {
        for overwrite in [false, true] {
            match write_atomically(path, b"x", overwrite).unwrap_err() {
                FileError::Io { source, .. } => {
                    assert_eq!(source.kind(), std::io::ErrorKind::InvalidInput);
                    assert!(source.to_string().contains(words), "{source}");
                }
                other => panic!("{other}"),
            }
        }
    }
    assert!(nowhere.is_symlink() && std::fs::read_dir(folder.path()).unwrap().count() == 4);
}

proptest! {
    #[test]
    fn a_sparse_layer_means_what_the_dense_one_with_zeros_means(plan in plans(), seed: u64) {
        let model = build(&plan, moderate(seed));
        let dense = |layer: &Layer| {
            let mut matrix = Matrix::zeros(layer.outputs(), layer.inputs());
            for i in 0..layer.outputs() {
                layer.weights().terms(i).for_each(|(j, w)| matrix.row_mut(i)[j] = w);
            }
            Layer::new(matrix, layer.bias().to_vec(), layer.activation()).unwrap()
        };
        let grade = |g: &Grade| {
            let branches = g.branches().iter().map(|b| b.iter().map(dense).collect()).collect();
            Grade::new(branches, g.carry_inputs(), g.readout().clone()).unwrap()
        };
        let filled = Multigrade::new(
            model.schema().clone(), model.input_scaling().clone(), model.output_scaling().clone(),
            model.grades().iter().map(grade).collect(), model.history().clone(), model.settings().clone(),
        ).unwrap();
        let x: Vec<f64> = (0..plan.d).map(|i| 0.3 * i as f64 - 0.4).collect();
        prop_assert_eq!(model.eval_staged(&x).unwrap(), filled.eval_staged(&x).unwrap());
        prop_assert_eq!(model.gradient(&x).unwrap(), filled.gradient(&x).unwrap());
    }
}

#[test]
fn rows_of_a_sparse_matrix_with_columns_out_of_order_or_range_are_refused() {
    for row in [vec![(2, 1.0)], vec![(1, 1.0), (0, 1.0)], vec![(1, 1.0), (1, 2.0)]] {
        assert!(SparseMatrix::new(2, vec![row.clone()]).is_err(), "{row:?}");
    }
}

#[test]
fn ten_thousand_sparse_layers_are_few_tensors() {
    let layer = || {
        let rows = (0..4).map(|i| vec![(i, 1.0)]).collect();
        Layer::new(SparseMatrix::new(4, rows).unwrap(), vec![0.0; 4], Activation::Relu).unwrap()
    };
    let first = Layer::new(Matrix::zeros(4, 1), vec![1.0; 4], Activation::Relu).unwrap();
    let branch = std::iter::once(first).chain((0..10_000).map(|_| layer())).collect();
    let readout = Readout::new(Matrix::new(1, 4, vec![1.0; 4]).unwrap(), vec![0.0]).unwrap();
    let grade = Grade::new(vec![branch], false, readout).unwrap();
    let schema = Schema {
        inputs: vec![InputColumn { name: "x".into(), min: 0.0, max: 1.0 }],
        outputs: vec![OutputColumn { name: "y".into() }],
        ..Schema::default()
    };
    let one = Scaling::identity(1);
    let settings = serde_json::Value::Null;
    let model = Multigrade::new(schema, one.clone(), one, vec![grade], History::default(), settings).unwrap();
    let bytes = model.to_bytes();
    // Per layer: 4 weights, 4 biases, 8 integers of four bytes, 3 for its shape, its activation in the document.
    assert!(bytes.len() < 10_000 * (8 * 8 + 11 * 4 + 10) + 4_000, "{} bytes", bytes.len());
    assert_eq!(Multigrade::from_bytes("deep", &bytes).unwrap(), model);
}
