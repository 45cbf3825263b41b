//! Exported networks are the model.

use multigrade::export::{ExportError, OnnxOptions, onnx};
use multigrade::{
    Activation, Grade, History, InputColumn, Layer, Matrix, Multigrade, OutputColumn, Precision, Readout, Scaling,
    Schema,
};
use proptest::prelude::*;
use rand::{RngExt, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;

/// Widths and activations of the layers of each branch, and whether the grade carries the inputs.
type Plan = (Vec<Vec<(usize, Activation)>>, bool);

/// A network with everything a model can have: scalings, grades of branches of different depth, carried inputs or not.
fn network(d: usize, m: usize, grades: &[Plan], seed: u64) -> Multigrade {
    let mut random = Xoshiro256PlusPlus::seed_from_u64(seed);
    let mut draw = move |scale: f64| scale * (2.0 * random.random::<f64>() - 1.0);
    let mut width = d;
    let mut built = Vec::new();
    for (stacks, carry) in grades {
        let mut branches = Vec::new();
        for stack in stacks {
            let mut inputs = width;
            let mut layers = Vec::new();
            for &(outputs, activation) in stack {
                let scale = 1.0 / (inputs as f64).sqrt();
                let weights =
                    Matrix::new(outputs, inputs, (0..inputs * outputs).map(|_| draw(scale)).collect()).unwrap();
                layers.push(Layer::new(weights, (0..outputs).map(|_| draw(0.5)).collect(), activation).unwrap());
                inputs = outputs;
            }
            branches.push(layers);
        }
        width = stacks.iter().map(|stack| stack[stack.len() - 1].0).sum::<usize>() + if *carry { d } else { 0 };
        let weights = Matrix::new(m, width, (0..m * width).map(|_| draw(1.0)).collect()).unwrap();
        let readout = Readout::new(weights, (0..m).map(|_| draw(1.0)).collect()).unwrap();
        built.push(Grade::new(branches, *carry, readout).unwrap());
    }
    let schema = Schema {
        inputs: (0..d).map(|j| InputColumn { name: format!("x{j}"), min: -1.0, max: 5.0 }).collect(),
        outputs: (0..m).map(|j| OutputColumn { name: format!("y{j}") }).collect(),
        ..Schema::default()
    };
    let input = Scaling::new(vec![2.0; d], vec![1.7; d]).unwrap();
    let output = Scaling::new(vec![-3.0; m], vec![40.0; m]).unwrap();
    Multigrade::new(schema, input, output, built, History::default(), serde_json::json!({})).unwrap()
}

fn any_grades() -> impl Strategy<Value = Vec<Plan>> {
    let layer = (1usize..6, prop::sample::select(Activation::ALL.to_vec()));
    let stack = prop::collection::vec(layer, 1..4);
    prop::collection::vec((prop::collection::vec(stack, 1..4), any::<bool>()), 0..4)
}

proptest! {
    #[test]
    fn the_chain_of_an_onnx_file_says_what_the_model_says(
        d in 1usize..4, m in 1usize..3, grades in any_grades(), seed: u64, staged: bool,
    ) {
        let model = network(d, m, &grades, seed);
        // The operations of the model, in their order: not one bit is different.
        let exact = onnx(&model, OnnxOptions { precision: Precision::F64, staged }).unwrap().difference(&model);
        prop_assert_eq!(exact, 0.0);
        // Up to nine layers of a dozen terms, each rounded by 6e-8, in networks that may double an error per layer.
        let short = onnx(&model, OnnxOptions { precision: Precision::F32, staged }).unwrap().difference(&model);
        prop_assert!(short < 1e-4, "f32: {short}");
    }
}

#[test]
fn a_relu_network_is_a_plain_chain_of_products_and_relu() {
    let relu = |width| (width, Activation::Relu);
    let grades = [(vec![vec![relu(3), relu(4)], vec![relu(2)]], true), (vec![vec![relu(5)]], true)];
    let file = onnx(&network(2, 1, &grades, 1), OnnxOptions::default()).unwrap().bytes;
    let count = |word: &str| file.windows(word.len()).filter(|bytes| *bytes == word.as_bytes()).count();
    // The operator stands in field 4 of a node. The scalings are one node each at both ends, the sum of two grades one product.
    assert_eq!((count("\"\x04Gemm"), count("\"\x04Relu")), (3 + 2, 3));
    for once in ["Sub", "Div", "Mul", "Add"] {
        assert_eq!(count(&format!("\"\x03{once}")), 1, "{once}");
    }
    for absent in ["Concat", "Identity", "Tanh"] {
        assert_eq!(count(absent), 0, "{absent}");
    }
}

#[test]
fn a_scale_that_is_next_to_zero_in_f32_is_an_error_and_not_a_division_by_zero() {
    let model = network(1, 1, &[], 0);
    let scaled = |scale: f64| {
        let (input, output) = (Scaling::new(vec![0.0], vec![scale]).unwrap(), Scaling::identity(1));
        let settings = serde_json::json!({});
        Multigrade::new(model.schema().clone(), input, output, Vec::new(), History::default(), settings).unwrap()
    };
    for lost in [1e-320, 1e-50, 1e-40] {
        let error = onnx(&scaled(lost), OnnxOptions::default()).err().unwrap();
        assert_eq!(error, ExportError::Range { found: format!("{lost:e}") });
    }
    assert!(onnx(&scaled(1e-37), OnnxOptions::default()).is_ok());
}

#[test]
fn a_weight_beyond_f32_is_an_error_and_not_infinity() {
    let model = network(1, 1, &[], 0);
    let huge = Multigrade::new(
        model.schema().clone(),
        model.input_scaling().clone(),
        Scaling::new(vec![1e39], vec![1.0]).unwrap(),
        Vec::new(),
        History::default(),
        serde_json::json!({}),
    );
    let error = onnx(&huge.unwrap(), OnnxOptions::default()).err().unwrap();
    assert_eq!(error, ExportError::Range { found: "1e39".into() });
}
