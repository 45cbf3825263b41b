//! Compiled networks: what a derivation proves is true, and what is not so is refused.

use multigrade_model::truth::{
    Derivation, DerivationError, Derived, Domain, Expression, Part, Program, Role, Rule, Source, Step,
};
use multigrade_model::{
    Activation, Grade, History, InputColumn, Layer, Matrix, Multigrade, OutputColumn, Readout, Scaling, Schema,
};

/// A row: weights of the layer before, and a bias.
type Row = (Vec<f64>, f64);

/// One grade of ReLU layers and a readout, on inputs that are not scaled.
fn network(names: &[&str], layers: Vec<Vec<Row>>, readout: Row) -> Multigrade {
    let matrix = |rows: &[Row]| {
        let weights = rows.iter().flat_map(|(w, _)| w.clone()).collect();
        Matrix::new(rows.len(), rows[0].0.len(), weights).unwrap()
    };
    let layer = |rows: Vec<Row>| {
        let bias = rows.iter().map(|(_, b)| *b).collect();
        Layer::new(matrix(&rows), bias, Activation::Relu).unwrap()
    };
    let readout = Readout::new(matrix(std::slice::from_ref(&readout)), vec![readout.1]).unwrap();
    let grade = Grade::new(vec![layers.into_iter().map(layer).collect()], false, readout).unwrap();
    let input = |name: &&str| InputColumn { name: (*name).into(), min: 0.0, max: 1.0 };
    let schema = Schema { inputs: names.iter().map(input).collect(), outputs: vec![OutputColumn { name: "f".into() }] };
    let (inputs, outputs) = (Scaling::identity(names.len()), Scaling::identity(1));
    Multigrade::new(schema, inputs, outputs, vec![grade], History::default(), ().into()).unwrap()
}

/// `x²` on [0, 1] by `m` tents: each layer has the tower's head `g + 1/4`, the tent's ReLU and `1 +` the sum so far.
fn square(m: usize) -> (Multigrade, Derivation) {
    let mut layers = vec![vec![(vec![1.0], 0.25), (vec![1.0], -0.5), (vec![1.0], 1.0)]];
    let mut scale = 0.25;
    for _ in 1..m {
        let tent = vec![2.0, -4.0, 0.0];
        let sum = vec![-2.0 * scale, 4.0 * scale, 1.0];
        // 2 g - 4 r, from g + 1/4.
        layers.push(vec![(tent.clone(), -0.25), (tent, -1.0), (sum, 0.5 * scale)]);
        scale /= 4.0;
    }
    let readout = (vec![-2.0 * scale, 4.0 * scale, 1.0], -1.0 + 0.5 * scale - scale / 8.0);
    let tents: Vec<usize> = (0..m).map(|j| 3 * j + 1).collect();
    let roles = tents.iter().map(|j| (*j, Role::Tent)).collect();
    let curve = Rule::Curve {
        part: Part::Value(1),
        of: 0,
        constant: -scale / 8.0,
        terms: vec![(Source::Square(0), 1.0)],
        cuts: vec![],
        error: [scale / 8.0 - 1e-15, scale / 8.0 + 1e-15],
    };
    let steps = [Rule::Square { fold: None, tents }, curve];
    let steps = steps.into_iter().map(|rule| Step { before: 3 * m, rule }).collect();
    (network(&["x"], layers, readout), Derivation { roles, steps })
}

fn derived(
    model: &Multigrade,
    function: &str,
    domain: &str,
    derivation: &Derivation,
) -> Result<Derived, DerivationError> {
    let program = Program::new(model, 1, 0).unwrap();
    Derived::new(&program, &Expression::parse(function).unwrap(), &Domain::parse(domain).unwrap(), derivation)
}

/// The largest `|f - network|` on a grid.
fn measured(model: &Multigrade, function: &str, domain: &str, n: usize) -> f64 {
    let domain = Domain::parse(domain).unwrap();
    let f = Expression::parse(function).unwrap().with_variables(domain.names()).unwrap();
    let d = domain.sides().len();
    let points = (0..(n + 1).pow(d as u32)).map(|i| {
        let at = |j: usize| (i / (n + 1).pow(j as u32) % (n + 1)) as f64 / n as f64;
        let sides = domain.sides().iter().enumerate();
        sides.map(|(j, side)| side.lower() + at(j) * (side.upper() - side.lower())).collect::<Vec<f64>>()
    });
    points.map(|x| (f.eval(&x) - model.eval_staged(&x).unwrap().last().unwrap()[0]).abs()).fold(0.0, f64::max)
}

#[test]
fn a_tower_of_tents_is_a_square_within_half_of_its_last_step() {
    for m in 1..=20 {
        let (model, derivation) = square(m);
        let found = derived(&model, "x^2", "x=0..1", &derivation).unwrap();
        let bounds = found.bound(found.sides());
        let exact = 0.25f64.powi(m as i32 + 1) / 2.0;
        let bound = bounds.exact.magnitude();
        assert!(bound >= exact && bound <= exact + 1e-14, "{m}: {bound:e}, expected {exact:e}");
        assert!(bounds.f64.magnitude() <= exact + 1e-13, "{m}: {:?}", bounds.f64);
        // In f32, heads leave [0, 1] by 2^m roundings, which is more than their shift for tall towers.
        assert!(m > 14 || bounds.f32.magnitude() <= exact + 1e-5, "{m}: {:?}", bounds.f32);
        let seen = measured(&model, "x^2", "x=0..1", 1 << 12);
        assert!(seen <= bounds.f64.magnitude(), "{m}: {seen:e} {:e}", bounds.f64.magnitude());
    }
}

/// `x y` on the unit square by two towers of `m` ReLUs each, side by side: `s_± = (x ± y - (1 ± 1)/2)` are the folds'
/// arguments for centers and radii of 1/2.
fn product(m: usize) -> (Multigrade, Derivation) {
    // First layer: the folds' ReLUs, their arguments shifted, x and y.
    let (plus, minus) = ((vec![1.0, 1.0], -1.0), (vec![1.0, -1.0], 0.0));
    let shifted = |(w, b): &Row| (w.clone(), b + 2.0);
    let mut layers = vec![vec![plus.clone(), shifted(&plus), minus.clone(), shifted(&minus), (vec![1.0, 1.0], 1.0)]];
    // |a| = 2 relu(a) - a; from then on: head + 1/4, tent, for both towers, and 4 + the sum of both so far.
    let mut scale = 0.25;
    // The heads in terms of the layer before, and what they add to x y = (S_+ - S_-)/4 + (x + y)/2 - 1/4.
    let mut heads: [Row; 2] = [(vec![2.0, -1.0, 0.0, 0.0, 0.0], 2.0), (vec![0.0, 0.0, 2.0, -1.0, 0.0], 2.0)];
    let mut sum: Row = (vec![0.5, -0.25, -0.5, 0.25, 0.5], 3.25 + 0.5 - 0.5);
    for _ in 1..m {
        let mut layer = Vec::new();
        for (w, b) in &heads {
            layer.push((w.clone(), b + 0.25));
            layer.push((w.clone(), b - 0.5));
        }
        layer.push(sum);
        layers.push(layer);
        let tent = |i: usize| {
            let mut w = vec![0.0; 5];
            (w[2 * i], w[2 * i + 1]) = (2.0, -4.0);
            (w, -0.5)
        };
        heads = [tent(0), tent(1)];
        let by = scale / 4.0;
        sum = (vec![-2.0 * by, 4.0 * by, 2.0 * by, -4.0 * by, 1.0], 0.0);
        scale /= 4.0;
    }
    sum.1 -= 4.0 - 0.5 + 0.5 - 0.5 + 0.5;
    let roles = (0..m).flat_map(|j| {
        let role = if j == 0 { Role::Fold } else { Role::Tent };
        let places = if j == 0 { [0, 2] } else { [5 * j + 1, 5 * j + 3] };
        places.map(|place| (place, role))
    });
    let tents = |side: usize| (1..m).map(|j| 5 * j + 1 + 2 * side).collect();
    let steps = [
        Rule::Square { fold: Some(0), tents: tents(0) },
        Rule::Square { fold: Some(2), tents: tents(1) },
        Rule::Product { node: 2, squares: [0, 1], centers: [0.5; 2], radii: [0.5; 2] },
    ];
    let derivation = Derivation {
        roles: roles.collect(),
        steps: steps.into_iter().map(|rule| Step { before: 5 * m, rule }).collect(),
    };
    (network(&["x", "y"], layers, sum), derivation)
}

#[test]
fn two_towers_are_a_product_within_their_last_steps() {
    for m in 1..=12 {
        let (model, derivation) = product(m);
        let found = derived(&model, "x*y", "x=0..1, y=0..1", &derivation).unwrap();
        let bounds = found.bound(found.sides());
        // Each square is too large by at most 4^-m, and they are subtracted.
        let exact = 0.25f64.powi(m as i32 + 1);
        let seen = measured(&model, "x*y", "x=0..1, y=0..1", 64);
        assert!(bounds.exact.magnitude() <= exact + 1e-14, "{m}: {:?} {exact:e} {seen:e}", bounds.exact);
        assert!(seen <= bounds.f64.magnitude(), "{m}: {seen:e} {:?}", bounds.f64);
    }
}
