//! Small networks to prove something about.
#![allow(dead_code)] // each test file uses some of them

use multigrade::{
    Activation, Grade, History, InputColumn, Layer, Matrix, Multigrade, OutputColumn, Readout, Scaling, Schema,
};
use rand::distr::Distribution;
use rand::{RngExt, SeedableRng};
use rand_distr::StandardNormal;
use rand_xoshiro::Xoshiro256PlusPlus;

/// A model with one output from its grades and scalings.
pub(crate) fn model(names: &[&str], input: Scaling, output: Scaling, grades: Vec<Grade>) -> Multigrade {
    let schema = Schema {
        inputs: names.iter().map(|name| InputColumn { name: (*name).into(), min: 0.0, max: 1.0 }).collect(),
        outputs: vec![OutputColumn { name: "y".into() }],
        ..Schema::default()
    };
    Multigrade::new(schema, input, output, grades, History::default(), serde_json::json!({})).unwrap()
}

/// The piecewise linear interpolant of `(knots, values)` on an interval, as one hinge for each inner knot.
pub(crate) fn interpolant(knots: &[f64], values: &[f64]) -> Multigrade {
    let n = knots.len() - 1;
    let slope = |i: usize| (values[i + 1] - values[i]) / (knots[i + 1] - knots[i]);
    let hinges = (0..n).map(|i| if i == 0 { slope(0) } else { slope(i) - slope(i - 1) }).collect();
    let layer = Layer::new(
        Matrix::new(n, 1, vec![1.0; n]).unwrap(),
        knots[..n].iter().map(|knot| -knot).collect(),
        Activation::Relu,
    );
    let readout = Readout::new(Matrix::new(1, n, hinges).unwrap(), vec![values[0]]).unwrap();
    let grade = Grade::new(vec![vec![layer.unwrap()]], false, readout).unwrap();
    model(&["x"], Scaling::identity(1), Scaling::identity(1), vec![grade])
}

/// The interpolant of `f` on `n` equal cells of `[0, 1]`.
pub(crate) fn interpolant_of(f: impl Fn(f64) -> f64, n: usize) -> Multigrade {
    let knots: Vec<f64> = (0..=n).map(|i| i as f64 / n as f64).collect();
    interpolant(&knots, &knots.iter().map(|x| f(*x)).collect::<Vec<_>>())
}

/// A random network with every part that a ReLU network can have: scalings, several grades, branches, carried inputs.
pub(crate) fn random(names: &[&str], widths: &[usize], n_grades: usize, seed: u64) -> Multigrade {
    let mut random = Xoshiro256PlusPlus::seed_from_u64(seed);
    let mut normal = move || -> f64 { StandardNormal.sample(&mut random) };
    let d = names.len();
    let mut width = d;
    let mut grades = Vec::new();
    for k in 0..n_grades {
        let branches: Vec<Vec<Layer>> = (0..1 + k % 2)
            .map(|_| {
                let mut inputs = width;
                let mut layer = |&outputs: &usize| {
                    let scale = (2.0 / inputs as f64).sqrt();
                    let weights = (0..inputs * outputs).map(|_| scale * normal()).collect();
                    let weights = Matrix::new(outputs, inputs, weights).unwrap();
                    inputs = outputs;
                    Layer::new(weights, (0..outputs).map(|_| 0.5 * normal()).collect(), Activation::Relu).unwrap()
                };
                widths.iter().map(&mut layer).collect()
            })
            .collect();
        let carry = k % 3 == 1;
        width = branches.len() * widths[widths.len() - 1] + if carry { d } else { 0 };
        let weights = (0..width).map(|_| normal() / (width as f64).sqrt()).collect();
        let readout = Readout::new(Matrix::new(1, width, weights).unwrap(), vec![normal()]).unwrap();
        grades.push(Grade::new(branches, carry, readout).unwrap());
    }
    let scaling = |n: usize, normal: &mut dyn FnMut() -> f64| {
        let center = (0..n).map(|_| 0.3 * normal()).collect();
        Scaling::new(center, (0..n).map(|_| 0.5 + normal().abs()).collect()).unwrap()
    };
    let (input, output) = (scaling(d, &mut normal), scaling(1, &mut normal));
    model(names, input, output, grades)
}

/// Points in the box, with these shares of its sides.
pub(crate) fn points(sides: &[(f64, f64)], n: usize, seed: u64) -> Vec<Vec<f64>> {
    let mut random = Xoshiro256PlusPlus::seed_from_u64(seed);
    let mut point = || sides.iter().map(|(a, b)| random.random_range(*a..=*b)).collect();
    (0..n).map(|_| point()).collect()
}
