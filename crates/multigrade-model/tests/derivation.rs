//! Compiled networks: what a derivation proves is true, and what is not so is refused.

use multigrade_model::truth::{
    Certificate, Claim, Derivation, DerivationError, Derived, Domain, Expression, Interval, Kind, Leaf, Node, Part,
    Program, Role, Rule, Source, Step, Verdict, check,
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
    let schema = Schema {
        inputs: names.iter().map(input).collect(),
        outputs: vec![OutputColumn { name: "f".into() }],
        ..Schema::default()
    };
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
    (network(&["x"], layers, readout), Derivation { formula: None, roles, steps })
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
        formula: None,
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

/// Layers that compute the square of `a`, in [0, 1], by `m` tents, and carry another quantity; both as rows over the
/// last one.
fn tower(layers: &mut Vec<Vec<Row>>, a: &Row, carried: &Row, m: usize) -> (Row, Row) {
    let shifted = |(w, b): &Row, by: f64| (w.clone(), b + by);
    layers.push(vec![shifted(a, 0.25), shifted(a, -0.5), shifted(a, 1.0), shifted(carried, 5.0)]);
    let mut scale = 0.25;
    let sum = |scale: f64, by: f64| (vec![-2.0 * scale, 4.0 * scale, 1.0, 0.0], 0.5 * scale + by);
    for _ in 1..m {
        let tent = vec![2.0, -4.0, 0.0, 0.0];
        layers.push(vec![(tent.clone(), -0.25), (tent, -1.0), sum(scale, 0.0), (vec![0.0, 0.0, 0.0, 1.0], 0.0)]);
        scale /= 4.0;
    }
    (sum(scale, -1.0), (vec![0.0, 0.0, 0.0, 1.0], -5.0))
}

/// What is squared again seems to be between -2.5 and 3 by its summands, and is between -0.53 and 0.5.
#[test]
fn a_square_of_a_sum_with_a_square_has_the_range_of_the_sum() {
    let (function, domain) = ("(3*x^2-2.5*x)^2", "x=0..1");
    for (m, n) in [(5, 6), (8, 8), (12, 10)] {
        let x: Row = (vec![1.0], 0.0);
        let mut layers = Vec::new();
        let (square, x) = tower(&mut layers, &x, &x, m);
        let z: Row = ((0..4).map(|i| 3.0 * square.0[i] - 2.5 * x.0[i]).collect(), 3.0 * square.1 - 2.5 * x.1);
        layers.push(vec![z.clone(), (z.0, z.1 + 4.0)]);
        // |z| = 2 max(z, 0) - z.
        let a: Row = (vec![2.0, -1.0], 4.0);
        let (again, _) = tower(&mut layers, &a, &(vec![0.0; 2], 0.0), n - 1);
        let tents: Vec<usize> = (0..m).map(|j| 4 * j + 1).collect();
        let (fold, first) = (4 * m, 4 * m + 2);
        let others: Vec<usize> = (0..n - 1).map(|j| first + 4 * j + 1).collect();
        let roles = tents.iter().map(|j| (*j, Role::Tent)).chain([(fold, Role::Fold)]);
        let roles = roles.chain(others.iter().map(|j| (*j, Role::Tent))).collect();
        let end = first + 4 * (n - 1);
        let terms = vec![(Source::Square(1), 1.0)];
        let (part, error) = (Part::Value(8), [-1e-13, 1e-13]);
        let steps = vec![
            Step { before: fold, rule: Rule::Square { fold: None, tents } },
            Step { before: end, rule: Rule::Square { fold: Some(fold), tents: others } },
            Step { before: end, rule: Rule::Curve { part, of: 1, constant: 0.0, terms, cuts: vec![], error } },
        ];
        let model = network(&["x"], layers, again);
        let derivation = Derivation { formula: None, roles, steps };
        let found = derived(&model, function, domain, &derivation).unwrap();
        let bounds = found.bound(found.sides());
        // z is too large by up to 3 * 4^-(m+1), so its square is off by that times 2 * 0.53, and its own 4^-n.
        let (noise, own) = (3.0 * 0.25f64.powi(m as i32 + 1), 0.25f64.powi(n as i32));
        let expected = 1.1 * noise + noise * noise + own + 1e-12;
        assert!(bounds.exact.magnitude() <= expected, "{m}, {n}: {:?} {expected:e}", bounds.exact);
        let seen = measured(&model, function, domain, 1 << 12);
        assert!(seen <= bounds.f64.magnitude(), "{m}, {n}: {seen:e} {:?}", bounds.f64);
        assert!(seen >= 0.2 * expected, "{m}, {n}: {seen:e} {expected:e}");
    }
}

/// `abs(x)`, `max(x, y)` and so on need one ReLU each, and nothing is lost.
#[test]
fn kinks_are_exact() {
    let curve = |node: usize, of: usize, terms: Vec<(Source, f64)>| Rule::Curve {
        part: Part::Value(node),
        of,
        constant: 0.0,
        terms,
        cuts: vec![0.0],
        error: [-1e-15, 1e-15],
    };
    // |x| = 2 relu(x) - x, from relu(x) and relu(x + 3).
    let absolute = network(&["x"], vec![vec![(vec![1.0], 0.0), (vec![1.0], 3.0)]], (vec![2.0, -1.0], 3.0));
    let rule = curve(1, 0, vec![(Source::Neuron(0), 1.0)]);
    // max(x, y) = x + relu(y - x), min(x, y) = x - relu(x - y).
    let pair = |sign: f64| {
        let rows = vec![(vec![-sign, sign], 0.0), (vec![1.0, 0.0], 3.0)];
        network(&["x", "y"], vec![rows], (vec![sign, 1.0], -3.0))
    };
    let extremum = Rule::Extremum { node: 2, hinge: 0 };
    let cases = [
        (absolute, "abs(x)", "x=-2..1", Role::Fold, rule, 2),
        (pair(1.0), "max(x, y)", "x=-2..1, y=-1..2", Role::Hinge, extremum.clone(), 2),
        (pair(-1.0), "min(x, y)", "x=-2..1, y=-1..2", Role::Hinge, extremum, 2),
    ];
    for (model, function, domain, role, rule, before) in cases {
        let derivation = Derivation { formula: None, roles: vec![(0, role)], steps: vec![Step { before, rule }] };
        let found = derived(&model, function, domain, &derivation).unwrap();
        let bounds = found.bound(found.sides());
        assert!(bounds.exact.magnitude() <= 1e-14, "{function}: {:?}", bounds.exact);
        assert!(bounds.f64.magnitude() <= 1e-14, "{function}: {:?}", bounds.f64);
        assert!(measured(&model, function, domain, 64) <= bounds.f64.magnitude(), "{function}");
    }
}

/// `exp(c x)` by its chords on `pieces` equal pieces of [0, 1]; the ReLU of a piece starts at its left end.
fn chords(c: f64, pieces: usize) -> (Multigrade, Derivation) {
    let knot = |i: usize| i as f64 / pieces as f64;
    let slope = |i: usize| ((c * knot(i + 1)).exp() - (c * knot(i)).exp()) * pieces as f64;
    let mut rows = vec![(vec![1.0], 1.0)];
    let (mut weights, mut terms) = (vec![slope(0)], vec![(Source::Argument, slope(0))]);
    for i in 1..pieces {
        rows.push((vec![1.0], -knot(i)));
        weights.push(slope(i) - slope(i - 1));
        terms.push((Source::Neuron(i), slope(i) - slope(i - 1)));
    }
    // Chords lie above by at most h² max f'' / 8.
    let error = c * c * c.exp() / (8.0 * (pieces * pieces) as f64) + 1e-14;
    let rule = Rule::Curve {
        part: Part::Value(3),
        of: 1,
        constant: 1.0,
        terms,
        cuts: (1..pieces).map(knot).collect(),
        error: [-error, 1e-14],
    };
    let derivation = Derivation {
        formula: None,
        roles: (1..pieces).map(|i| (i, Role::Hinge)).collect(),
        steps: vec![Step { before: pieces, rule }],
    };
    (network(&["x"], vec![rows], (weights, 1.0 - slope(0))), derivation)
}

#[test]
fn chords_of_a_curve_are_off_by_their_second_derivative() {
    for (c, pieces) in [(1.0, 1), (1.0, 4), (2.0, 16), (0.5, 64)] {
        let (model, mut derivation) = chords(c, pieces);
        // The formula is exp(c * x); the argument of the curve is x itself.
        let function = format!("exp({c:?}*x)");
        let found = derived(&model, &function, "x=0..1", &derivation).unwrap();
        let bounds = found.bound(found.sides());
        let limit = c * c * c.exp() / (8.0 * (pieces * pieces) as f64) + 1e-13;
        assert!(bounds.exact.magnitude() <= limit, "{pieces}: {:?} {limit:e}", bounds.exact);
        assert!(bounds.exact.upper() <= 1e-13, "chords lie above: {:?}", bounds.exact);
        assert!(measured(&model, &function, "x=0..1", 1 << 12) <= bounds.f64.magnitude());
        // On a part of the box the bound is that part's own.
        let left = found.bound(&[Interval::new(0.0, 1.0 / 64.0).unwrap()]);
        assert!(left.exact.magnitude() <= bounds.exact.magnitude());
        // Half of the error is not enough.
        if let Rule::Curve { error, .. } = &mut derivation.steps[0].rule {
            error[0] /= 2.0;
        }
        let refused = derived(&model, &function, "x=0..1", &derivation).unwrap_err();
        assert!(refused.to_string().contains("is not within"), "{refused}");
    }
}

/// Whatever the weights are, what is proved is true: weights are moved at random, the derivation stays.
#[test]
fn a_bound_holds_for_altered_networks_or_there_is_none() {
    let mut state = 7u64;
    let mut random = move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 11) as f64 / (1u64 << 53) as f64
    };
    let cases = [
        (square(5), "x^2", "x=0..1", 1 << 10),
        (product(4), "x*y", "x=0..1, y=0..1", 40),
        (chords(1.0, 5), "exp(1*x)", "x=0..1", 1 << 10),
        (newton([4; 2]), "1/x", "x=1..2", 1 << 10),
    ];
    let mut proved = 0;
    for ((model, derivation), function, domain, n) in cases {
        for round in 0..120 {
            let size = 10f64.powi(-(round % 12) - 1);
            let mut moved = |x: f64| if random() < 0.2 { x + size * (random() - 0.5) } else { x };
            let grade = &model.grades()[0];
            let layers = grade.branches()[0].iter().map(|layer| {
                let rows = layer.bias().len();
                let (weights, bias) = (layer.weights(), layer.bias());
                let row = |i: usize| {
                    let mut row = vec![0.0; weights.cols()];
                    weights.terms(i).for_each(|(j, w)| row[j] = w);
                    row
                };
                (0..rows).map(|i| (row(i).into_iter().map(&mut moved).collect(), moved(bias[i]))).collect()
            });
            let layers: Vec<Vec<Row>> = layers.collect();
            let readout = grade.readout();
            let row = readout.weights().row(0).iter().map(|w| moved(*w)).collect();
            let bias = moved(readout.bias()[0]);
            let names = model.schema().input_names();
            let altered = network(&names, layers, (row, bias));
            if let Ok(found) = derived(&altered, function, domain, &derivation) {
                let bound = found.bound(found.sides()).f64.magnitude();
                let seen = measured(&altered, function, domain, n);
                assert!(seen <= bound, "{function}, {size:e}: {seen:e} above {bound:e}");
                proved += usize::from(bound < 1.0);
            }
        }
    }
    assert!(proved > 100, "{proved}");
}

#[test]
fn what_is_not_so_is_refused() {
    let (model, good) = product(3);
    let refused = |derivation: &Derivation| {
        derived(&model, "x*y", "x=0..1, y=0..1", derivation).map(|_| ()).unwrap_err().to_string()
    };
    let with = |change: &dyn Fn(&mut Derivation)| {
        let mut derivation = good.clone();
        change(&mut derivation);
        derivation
    };
    // Without a role, without a step, with a step that comes too late.
    assert!(refused(&with(&|d| d.roles.truncate(1))).contains("takes both signs"));
    assert!(refused(&with(&|d| d.steps.truncate(2))).contains("no step says"));
    assert!(refused(&with(&|d| d.steps[2].before = 1000)).contains("after the last"));
    // Things that are not there.
    assert!(refused(&with(&|d| d.steps[0].before = 0)).contains("no role so far"));
    let product =
        |node, squares, radii| with(&|d| d.steps[2].rule = Rule::Product { node, squares, centers: [0.5; 2], radii });
    assert!(refused(&product(2, [0, 2], [0.5; 2])).contains("no square 2"));
    assert!(refused(&product(1, [0, 1], [0.5; 2])).contains("no operator"));
    assert!(refused(&product(9, [0, 1], [0.5; 2])).contains("no operator"));
    assert!(refused(&product(2, [0, 1], [0.0, 0.5])).contains("radii above 0"));
    assert!(refused(&product(2, [0, 1], [f64::NAN, 0.5])).contains("finite"));
    let extremum = |node, hinge| with(&|d| d.steps[2].rule = Rule::Extremum { node, hinge });
    assert!(refused(&extremum(2, 0)).contains("no maximum"));
    // A square of a neuron that is no fold.
    let wrong = with(&|d| d.steps[0].rule = Rule::Square { fold: Some(5 + 1), tents: vec![] });
    assert!(refused(&wrong).contains("is no Fold"));
    // What is merely false gives a bound that says so: the squares in the wrong order, the wrong radii.
    for derivation in [product(2, [1, 0], [0.5; 2]), product(2, [0, 1], [1.0; 2])] {
        let found = derived(&model, "x*y", "x=0..1, y=0..1", &derivation).unwrap();
        assert!(found.bound(found.sides()).exact.magnitude() > 0.1);
    }
    // Another function, and another box.
    let other = derived(&model, "x*y+0.01", "x=0..1, y=0..1", &good).unwrap();
    assert!(other.bound(other.sides()).exact.contains(0.01));
    assert!(derived(&model, "x*(y+1)", "x=0..1, y=0..1", &good).is_err());
    let wide = derived(&model, "x*y", "x=0..2, y=0..1", &good);
    assert!(wide.map_or(true, |found| found.bound(found.sides()).exact.magnitude() > 0.1));
}

#[test]
fn a_certificate_with_a_derivation_is_checked_and_belongs_to_its_kind() {
    let (model, derivation) = product(6);
    let found = derived(&model, "x*y", "x=0..1, y=0..1", &derivation).unwrap();
    let bounds = found.bound(found.sides());
    let claim = Claim {
        grades: 1,
        output: 0,
        kind: Kind::Derivation,
        exact: bounds.exact,
        f64: Some(bounds.f64),
        f32: Some(bounds.f32),
        tree: vec![Node::Cut(1, 0.5), Node::Derived, Node::Derived],
        derivation: Some(derivation),
    };
    let certificate = |claim: &Claim| Certificate {
        function: "x*y".into(),
        domain: "x=0..1, y=0..1".into(),
        model: Certificate::digest_of(&model),
        claims: vec![claim.clone()],
    };
    let read = Certificate::from_bytes("c", &certificate(&claim).to_bytes().unwrap()).unwrap();
    assert_eq!(read, certificate(&claim));
    let proved = check(&read, &model).proved().unwrap();
    assert_eq!(proved.bounds()[0].exact(), bounds.exact);
    let refused = |claim: Claim| match check(&certificate(&claim), &model) {
        Verdict::Refused(refusal) => refusal.to_string(),
        Verdict::Proved(_) => panic!("proved"),
    };
    let half = Interval::new(bounds.exact.lower() / 2.0, bounds.exact.upper() / 2.0).unwrap();
    assert!(refused(Claim { exact: half, ..claim.clone() }).contains("is claimed to be in"));
    assert!(refused(Claim { tree: vec![Node::Cut(1, 0.5), Node::Derived], ..claim.clone() }).contains("more parts"));
    assert!(refused(Claim { derivation: None, ..claim.clone() }).contains("belong to proofs"));
    assert!(refused(Claim { kind: Kind::Bisection, ..claim.clone() }).contains("belong to proofs"));
    let leaf = Node::Leaf(Leaf::NAMED[0].1);
    assert!(refused(Claim { tree: vec![leaf], ..claim.clone() }).contains("belong to proofs"));
    let bisection = Claim { kind: Kind::Bisection, derivation: None, tree: vec![Node::Derived], ..claim };
    assert!(refused(bisection).contains("belong to proofs"));
}

#[test]
fn numbers_with_the_same_enclosure_are_not_the_same() {
    // Two numbers between the same neighbours: their sines differ by 1e-21, and that counts.
    let f = "(sin(0.1*x) - sin(0.09999999999999999999*x))*1e300";
    let model = network(&["x"], vec![vec![(vec![1.0], 1.0)]], (vec![0.0], 0.0));
    let curve = |node: usize, of: usize| Derivation {
        formula: None,
        roles: vec![],
        steps: vec![Step {
            before: 1,
            rule: Rule::Curve {
                part: Part::Value(node),
                of,
                constant: 0.0,
                terms: vec![],
                cuts: vec![],
                error: [-1.1, 1.1],
            },
        }],
    };
    assert!(derived(&model, f, "x=0..1", &curve(3, 1)).is_err());
    assert!(derived(&model, f, "x=0..1", &curve(3, 2)).is_err());
    let g = "((0.1*x) - (0.09999999999999999999*x))*1e300";
    assert!(derived(&model, g, "x=0..1", &curve(8, 2)).is_err());
    let bounds = derived(&model, g, "x=0..1", &Derivation::default()).map(|found| found.bound(found.sides()).exact);
    assert!(bounds.map_or(true, |bounds| bounds.magnitude() >= 1e279));
}

#[test]
fn a_derivation_may_speak_of_another_text_of_the_same_function_only() {
    let (model, good) = product(6);
    let with = |formula: &str| Derivation { formula: Some(formula.into()), ..good.clone() };
    let bound = |function: &str, formula: &str| {
        let found = derived(&model, function, "x=0..1, y=0..1", &with(formula));
        found.map(|found| found.bound(found.sides()).exact.magnitude())
    };
    let itself = derived(&model, "x*y", "x=0..1, y=0..1", &good).unwrap();
    let itself = itself.bound(itself.sides()).exact.magnitude();
    assert_eq!(bound("x*y", "x*y"), Ok(itself));
    assert_eq!(bound("((x+y)^2 - (x-y)^2)/4", "x*y"), Ok(itself));
    assert_eq!(bound("0.5*x*y + y*x*5e-1", "x*y"), Ok(itself));
    // Another function; one that is not defined everywhere, or not seen to be so; other variables; no formula.
    let others = [
        ("x*y", "y*x+1e-30"),
        ("x^2*y/x", "x*y"),
        ("x*y+0*sqrt(x-y)", "x*y"),
        ("x*y", "x*z"),
        ("x*y", "x*"),
        ("x*y", ""),
    ];
    for (function, formula) in others {
        assert!(matches!(bound(function, formula), Err(DerivationError::Formula { .. })), "{function} by {formula}");
    }
    // The steps are about that text.
    assert!(bound("x*y", "0.5*(2*x*y)").is_err());
}

#[test]
fn scaled_inputs_are_rounded() {
    // x/3 is not the nearest f64 to 1/3 times x.
    let schema = Schema {
        inputs: vec![InputColumn { name: "x".into(), min: 0.0, max: 1.0 }],
        outputs: vec![OutputColumn { name: "f".into() }],
        ..Schema::default()
    };
    let layer = Layer::new(Matrix::new(1, 1, vec![1.0]).unwrap(), vec![1.0], Activation::Relu).unwrap();
    let readout = Readout::new(Matrix::new(1, 1, vec![1.0]).unwrap(), vec![-1.0]).unwrap();
    let grade = Grade::new(vec![vec![layer]], false, readout).unwrap();
    let scaling = Scaling::new(vec![0.0], vec![3.0]).unwrap();
    let model =
        Multigrade::new(schema, scaling, Scaling::identity(1), vec![grade], History::default(), ().into()).unwrap();
    let third = "0.333333333333333314829616256247390992939472198486328125*x";
    let found = derived(&model, third, "x=0..1", &Derivation::default()).unwrap();
    let off = found.bound(found.sides()).exact.magnitude();
    assert!((1.85e-17..1e-14).contains(&off), "{off:e}");
}

#[test]
fn coefficients_that_would_be_rounded_or_are_no_numbers_are_refused() {
    let (model, good) = chords(1.0, 2);
    type Terms = Vec<(Source, f64)>;
    let with = |change: &dyn Fn(&mut f64, &mut Terms)| {
        let mut derivation = good.clone();
        if let Rule::Curve { constant, terms, .. } = &mut derivation.steps[0].rule {
            change(constant, terms);
        }
        derived(&model, "exp(1*x)", "x=0..1", &derivation).map(|_| ()).unwrap_err().to_string()
    };
    assert!(with(&|_, terms| terms.push((Source::Argument, 1.0))).contains("twice"));
    assert!(with(&|_, terms| terms[1].1 = f64::INFINITY).contains("no finite number"));
    assert!(with(&|constant, _| *constant = f64::NAN).contains("no finite number"));
    let tower = Derivation {
        formula: None,
        roles: vec![(1, Role::Tent)],
        steps: vec![Step { before: 2, rule: Rule::Square { fold: None, tents: vec![1; 501] } }],
    };
    assert!(derived(&model, "exp(1*x)", "x=0..1", &tower).unwrap_err().to_string().contains("more than 500 tents"));
}

#[test]
fn where_a_neuron_may_overflow_there_is_no_bound_even_if_nothing_reads_it() {
    let model = network(&["x"], vec![vec![(vec![1.0], 1.0), (vec![1.7e308], 1.7e308)]], (vec![1.0, 0.0], -1.0));
    let found = derived(&model, "x", "x=0..1", &Derivation::default()).unwrap();
    let bounds = found.bound(found.sides());
    assert!(bounds.exact.magnitude() < 1e-14);
    assert!(!bounds.f64.is_bounded() && !bounds.f32.is_bounded());
}

/// `c (u + t - max(u, 0) + max(v, 0))` for `u = a x + b` and `v = -u - 2 t + d`, and a derivation with its clamp.
fn clamp(a: f64, b: f64, t: f64, d: f64, c: f64) -> (Multigrade, Derivation) {
    let opposite = -b - 2.0 * t + d;
    let room = 2.0 * a.abs() + b.abs() + 1.0;
    let layer = vec![(vec![a], b), (vec![-a], opposite), (vec![a], b + room)];
    let model = network(&["x"], vec![layer], (vec![-c, c, c], c * (t - room)));
    let steps = vec![Step { before: 3, rule: Rule::Clamp { hinges: [0, 1] } }];
    (model, Derivation { formula: None, roles: vec![(0, Role::Hinge), (1, Role::Hinge)], steps })
}

proptest::proptest! {
    #[test]
    fn what_two_hinges_leave_is_clamped_whatever_their_arguments(
        a in -2.0..2.0f64, b in -2.0..2.0f64, t in -0.5..1.0f64, c in -3.0..3.0f64,
        d in proptest::prop_oneof![proptest::prelude::Just(0.0), -1e-3..1e-3f64, -1.0..1.0f64],
    ) {
        let (model, derivation) = clamp(a, b, t, d, c);
        // Without terms in common, the arguments do not cancel to a number.
        let found = derived(&model, "0*x", "x=-1..1", &derivation).unwrap();
        let bounds = found.bound(found.sides());
        let most = c.abs() * (t.abs() + d.abs());
        proptest::prop_assert!(bounds.exact.magnitude() <= most + 1e-13, "{:?} {}", bounds.exact, most);
        for i in 0..=400 {
            let x = -1.0 + f64::from(i) / 200.0;
            let value = model.eval_staged(&[x]).unwrap()[0][0];
            proptest::prop_assert!(bounds.f64.contains(-value), "{} at {} not in {:?}", value, x, bounds.f64);
            let u = a * x + b;
            let exact = c * (u + t - u.max(0.0) + (-u - 2.0 * t + d).max(0.0));
            let near = Interval::new(bounds.exact.lower() - 1e-14, bounds.exact.upper() + 1e-14).unwrap();
            proptest::prop_assert!(near.contains(-exact), "{} at {} not in {:?}", exact, x, bounds.exact);
        }
    }
}

#[test]
fn a_clamp_is_as_wide_as_its_hinges_say_and_needs_two_of_them() {
    let (model, derivation) = clamp(1.0, -0.25, 0.25, 0.0, 1.0);
    let found = derived(&model, "0*x", "x=-1..1", &derivation).unwrap();
    let bound = found.bound(found.sides()).exact.magnitude();
    assert!((0.25..0.25 + 1e-15).contains(&bound), "{bound:e}");
    let with = |rule: Rule| {
        let steps = vec![Step { before: 3, rule }];
        let derivation = Derivation { steps, ..derivation.clone() };
        derived(&model, "0*x", "x=-1..1", &derivation).map(|_| ()).unwrap_err().to_string()
    };
    assert!(with(Rule::Clamp { hinges: [0, 0] }).contains("neuron 0 twice"));
    assert!(with(Rule::Clamp { hinges: [0, 2] }).contains("neuron 2 has no role so far"));
    let twice = Derivation { steps: vec![derivation.steps[0].clone(); 2], ..derivation.clone() };
    assert!(derived(&model, "0*x", "x=-1..1", &twice).unwrap_err().to_string().contains("first hinge"));
    let fold = Derivation { roles: vec![(0, Role::Fold), (1, Role::Hinge)], ..derivation };
    assert!(derived(&model, "0*x", "x=-1..1", &fold).unwrap_err().to_string().contains("is no Hinge"));
}

#[test]
fn parts_are_concluded_once_unless_they_are_computed_anew() {
    let (model, good) = square(4);
    let with = |rules: &[&Rule]| {
        let steps = rules.iter().map(|rule| Step { before: 12, rule: (*rule).clone() }).collect();
        derived(&model, "x^2", "x=0..1", &Derivation { steps, ..good.clone() })
    };
    let (square, curve, anew) = (&good.steps[0].rule, &good.steps[1].rule, &Rule::Anew);
    assert!(with(&[square, curve, curve]).unwrap_err().to_string().contains("was concluded before"));
    assert!(with(&[square, curve, anew]).unwrap_err().to_string().contains("no step says"));
    let once = with(&[square, curve]).unwrap();
    let again = with(&[square, curve, anew, curve]).unwrap();
    let bounds = [&once, &again].map(|found| found.bound(found.sides()).exact.magnitude());
    assert!((bounds[0] - bounds[1]).abs() <= 1e-14, "{bounds:?}");
    // The first grades of a derivation end where the next one begins.
    let whole =
        Derivation { steps: [square, anew, curve].map(|r| Step { before: 12, rule: r.clone() }).into(), ..good };
    assert_eq!(whole.of_first(&model, 1).steps.len(), 1);
    assert_eq!(whole.of_first(&model, 2), whole);
}

/// `bias + Σ weight * form`; a form has a coefficient for x and for each ReLU so far.
fn mix(bias: f64, parts: &[(f64, &Row)]) -> Row {
    let length = parts.iter().map(|(_, (c, _))| c.len()).max().unwrap();
    let coefficient = |i: usize| parts.iter().map(|(w, (c, _))| w * c.get(i).copied().unwrap_or(0.0)).sum();
    ((0..length).map(coefficient).collect(), bias + parts.iter().map(|(w, (_, b))| w * b).sum::<f64>())
}

/// ReLUs one after the other, each in a layer of its own, which carries x and all earlier ones: `q` as `q + 8`.
#[derive(Default)]
struct Line {
    layers: Vec<Vec<Row>>,
    roles: Vec<(usize, Role)>,
    steps: Vec<Step>,
    squares: usize,
}

impl Line {
    fn x() -> Row {
        (vec![1.0], 0.0)
    }

    /// A form over the outputs of the last layer, of which all but the last one are shifted.
    fn row(&self, (c, b): &Row) -> Row {
        let n = self.layers.len();
        let mut weights = c.clone();
        weights.resize(n + 1, 0.0);
        let shift = 8.0 * weights[..n].iter().sum::<f64>();
        (weights, b - shift)
    }

    fn neurons(&self) -> usize {
        self.layers.iter().map(Vec::len).sum()
    }

    fn relu(&mut self, z: &Row, role: Role) -> (usize, Row) {
        let n = self.layers.len();
        let carried = (0..=n).map(|i| {
            let mut form = (vec![0.0; n + 1], 8.0);
            form.0[i] = 1.0;
            self.row(&form)
        });
        let layer: Vec<Row> = carried.chain([self.row(z)]).collect();
        let number = self.neurons() + layer.len() - 1;
        self.layers.push(layer);
        self.roles.push((number, role));
        let mut h = (vec![0.0; n + 2], 0.0);
        h.0[n + 1] = 1.0;
        (number, h)
    }

    fn conclude(&mut self, rule: Rule) {
        self.steps.push(Step { before: self.neurons(), rule });
    }

    /// The square of a form in [-1, 1], by a fold and so many tents.
    fn square(&mut self, z: &Row, tents: usize) -> (usize, Row) {
        let (fold, h) = self.relu(z, Role::Fold);
        let mut head = mix(0.0, &[(2.0, &h), (-1.0, z)]);
        let (mut sum, mut scale, mut made) = (head.clone(), 1.0, Vec::new());
        for _ in 0..tents {
            let (tent, h) = self.relu(&mix(-0.5, &[(1.0, &head)]), Role::Tent);
            head = mix(0.0, &[(2.0, &head), (-4.0, &h)]);
            scale /= 4.0;
            sum = mix(0.0, &[(1.0, &sum), (-scale, &head)]);
            made.push(tent);
        }
        self.conclude(Rule::Square { fold: Some(fold), tents: made });
        self.squares += 1;
        (self.squares - 1, sum)
    }

    /// The product of two forms, and the squares it is made of.
    fn product(&mut self, u: &Row, v: &Row, c: [f64; 2], r: [f64; 2], tents: usize) -> ([usize; 2], Row) {
        let half = |sign: f64| {
            let shift = -0.5 * (c[0] / r[0] + sign * c[1] / r[1]);
            mix(shift, &[(0.5 / r[0], u), (sign * 0.5 / r[1], v)])
        };
        let (plus, a) = self.square(&half(1.0), tents);
        let (minus, b) = self.square(&half(-1.0), tents);
        let area = r[0] * r[1];
        ([plus, minus], mix(-c[0] * c[1], &[(area, &a), (-area, &b), (c[1], u), (c[0], v)]))
    }

    fn network(self, output: &Row) -> (Multigrade, Derivation) {
        let readout = self.row(output);
        let derivation = Derivation { formula: None, roles: self.roles, steps: self.steps };
        (network(&["x"], self.layers, readout), derivation)
    }
}

/// `1/x` on [1, 2] by a step of Newton's method from the chord `r = 3/2 - x/2`, which is too large by up to 0.0858; `1 - x r` is
/// between -1/8 and 0.
fn newton(tents: [usize; 2]) -> (Multigrade, Derivation) {
    newton_within(tents, -0.0625, 0.0925)
}

/// The same with this center and radius for `1 - x r`.
fn newton_within(tents: [usize; 2], center: f64, radius: f64) -> (Multigrade, Derivation) {
    let (mut line, x, r) = (Line::default(), Line::x(), (vec![-0.5], 1.5));
    let part = Part::Reciprocal(1);
    let terms = vec![(Source::Argument, -0.5)];
    // Pieces on which the product of the chord and x is hardly larger than it is.
    let cuts = (1..32).map(|i| 1.0 + f64::from(i) / 32.0).collect();
    line.conclude(Rule::Curve { part, of: 1, constant: 1.5, terms, cuts, error: [-0.0858, 1e-12] });
    let (centers, radii) = ([1.5, 0.75], [0.5, 0.25]);
    let (squares, p) = line.product(&x, &r, centers, radii, tents[0]);
    line.conclude(Rule::Defect { of: 1, squares, centers, radii });
    let (centers, radii) = ([0.75, center], [0.25, radius]);
    let (squares, product) = line.product(&r, &mix(1.0, &[(-1.0, &p)]), centers, radii, tents[1]);
    line.conclude(Rule::Newton { of: 1, squares, centers, radii });
    line.network(&mix(0.0, &[(1.0, &r), (1.0, &product)]))
}

#[test]
fn a_step_of_newton_squares_the_error_of_a_reciprocal() {
    for tents in [3, 6, 12, 18] {
        let (model, derivation) = newton([tents; 2]);
        // 1/x - x e² for e = 3/2 - x/2 - 1/x, whose largest value is at √2; the products are off by a multiple of 4^-tents.
        let e = 1.5 - std::f64::consts::SQRT_2;
        let off = (0.125 + 0.023125) * 0.25f64.powi(tents as i32 + 1);
        let found = derived(&model, "1/x", "x=1..2", &derivation).unwrap();
        let bounds = found.bound(found.sides());
        let expected = 1.05 * std::f64::consts::SQRT_2 * e * e + 2.0 * off + 1e-12;
        assert!(bounds.exact.magnitude() <= expected, "{tents}: {:?} {expected:e}", bounds.exact);
        // What is missing is missing from below.
        assert!(bounds.exact.lower() >= -2.0 * off - 1e-12, "{tents}: {:?} {off:e}", bounds.exact);
        let seen = measured(&model, "1/x", "x=1..2", 1 << 12);
        assert!(seen <= bounds.f64.magnitude(), "{tents}: {seen:e} {:?}", bounds.f64);
        assert!(seen >= std::f64::consts::SQRT_2 * e * e - off - 1e-6, "{tents}: {seen:e}");
    }
}

/// The error of the chord is 0 at the ends, so next to them the errors of the products are all there is.
#[test]
fn what_each_product_of_a_step_is_off_by_is_within_the_bound_with_its_sign() {
    for tents in [[1, 12], [12, 1], [2, 3]] {
        let (model, derivation) = newton(tents);
        let found = derived(&model, "1/x", "x=1..2", &derivation).unwrap();
        let mut least = 0.0f64;
        for i in 0..256 {
            let ends = [1.0 + f64::from(i) / 256.0, 1.0 + f64::from(i + 1) / 256.0];
            let within = found.bound(&[Interval::new(ends[0], ends[1]).unwrap()]).f64;
            for k in 0..=16 {
                let x = ends[0] + f64::from(k) / 16.0 / 256.0;
                let off = 1.0 / x - model.eval_staged(&[x]).unwrap()[0][0];
                let is_within = within.lower() - 1e-15 <= off && off <= within.upper() + 1e-15;
                assert!(is_within, "{tents:?}: {off:e} at {x} is outside {within:?}");
                least = least.min(off);
            }
        }
        assert!(least < -1e-4, "{tents:?}: {least:e}");
    }
}

/// Of `1/(x + 1)` as a function of `x`, steps with `x` for `x + 1` would make something else.
#[test]
fn a_reciprocal_as_a_function_of_another_operand_has_no_defect() {
    let (mut line, x, r) = (Line::default(), Line::x(), (vec![-1.0 / 6.0], 2.0 / 3.0));
    let part = Part::Reciprocal(3);
    let terms = vec![(Source::Argument, -1.0 / 6.0)];
    let error = [-0.0169, 1e-12];
    line.conclude(Rule::Curve { part, of: 1, constant: 2.0 / 3.0, terms, cuts: vec![], error });
    let (centers, radii) = ([1.5, 0.42], [0.5, 0.1]);
    let (squares, p) = line.product(&x, &r, centers, radii, 8);
    line.conclude(Rule::Defect { of: 3, squares, centers, radii });
    let (centers, radii) = ([0.42, 0.4], [0.1, 0.2]);
    let (squares, product) = line.product(&r, &mix(1.0, &[(-1.0, &p)]), centers, radii, 8);
    line.conclude(Rule::Newton { of: 3, squares, centers, radii });
    let (model, derivation) = line.network(&mix(0.0, &[(1.0, &r), (1.0, &product)]));
    let refused = derived(&model, "1/(x+1)", "x=1..2", &derivation).unwrap_err().to_string();
    assert!(refused.contains("is no curve over subformula 3 itself"), "{refused}");
}

/// The defect reaches 1.125, and the towers of the second product are for 0.95 to 1.05: beyond, their arguments leave [0, 1],
/// and what they compute is no product.
#[test]
fn a_defect_beyond_the_radius_of_the_second_product_is_seen() {
    let (model, derivation) = newton_within([12, 1], 0.0, 0.05);
    let seen = measured(&model, "1/x", "x=1..2", 1 << 10);
    let found = derived(&model, "1/x", "x=1..2", &derivation).unwrap();
    for i in 0..64 {
        let part = [1.0 + f64::from(i) / 64.0, 1.0 + f64::from(i + 1) / 64.0];
        let within = found.bound(&[Interval::new(part[0], part[1]).unwrap()]).f64;
        for x in [part[0], 0.5 * (part[0] + part[1]), part[1]] {
            let off = 1.0 / x - model.eval_staged(&[x]).unwrap()[0][0];
            assert!(within.lower() - 1e-15 <= off && off <= within.upper() + 1e-15, "{off:e} at {x}: {within:?}");
        }
    }
    assert!(seen > 1e-3, "{seen:e}");
}

#[test]
fn a_step_of_newton_needs_a_reciprocal_and_its_defect() {
    let (model, good) = newton([4; 2]);
    let refused = |change: &dyn Fn(&mut Derivation)| {
        let mut derivation = good.clone();
        change(&mut derivation);
        derived(&model, "1/x", "x=1..2", &derivation).map(|_| ()).unwrap_err().to_string()
    };
    let at = |rule: &dyn Fn(&Rule) -> bool| good.steps.iter().position(|step| rule(&step.rule)).unwrap();
    let defect = at(&|rule| matches!(rule, Rule::Defect { .. }));
    let newton = at(&|rule| matches!(rule, Rule::Newton { .. }));
    assert!(refused(&|d| drop(d.steps.remove(0))).contains("no step says what 1/(subformula 1) is"));
    assert!(refused(&|d| drop(d.steps.remove(defect))).contains("defect"));
    assert!(refused(&|d| d.steps.push(Step { before: 10_000, rule: Rule::Anew })).contains("after the last"));
    assert!(refused(&|d| d.steps.insert(newton, Step { rule: Rule::Anew, ..d.steps[newton].clone() })).contains("1/("));
    let with = |step: usize, changed: [Option<f64>; 3]| {
        let mut derivation = good.clone();
        let [other, square, radius] = changed;
        match &mut derivation.steps[step].rule {
            Rule::Defect { of, squares, radii, .. } | Rule::Newton { of, squares, radii, .. } => {
                *of = other.map_or(*of, |other| other as usize);
                squares[0] = square.map_or(squares[0], |square| square as usize);
                radii[1] = radius.unwrap_or(radii[1]);
            }
            _ => unreachable!(),
        }
        derived(&model, "1/x", "x=1..2", &derivation)
    };
    for step in [defect, newton] {
        let error = |changed| with(step, changed).map(|_| ()).unwrap_err().to_string();
        assert!(error([Some(0.0), None, None]).contains("no step says what 1/(subformula 0) is"));
        assert!(error([Some(99.0), None, None]).contains("no step says what 1/(subformula 99) is"));
        assert!(error([None, Some(9.0), None]).contains("no square 9"));
        assert!(error([None, None, Some(0.0)]).contains("radii above 0"));
        // What is merely false gives a bound that says so: another square, a radius that is twice as large.
        for changed in [[None, Some(1.0), None], [None, None, Some(0.5)]] {
            let found = with(step, changed).map(|found| found.bound(found.sides()).exact.magnitude());
            assert!(found.as_ref().map_or(true, |bound| *bound > 0.02), "{found:?}");
        }
    }
    // Over 0, there is no reciprocal.
    assert!(derived(&model, "1/x", "x=-1..2", &good).is_err());
    // A constant over the reciprocal is its multiple.
    let found = derived(&model, "3/x", "x=1..2", &good).unwrap();
    let off = found.bound(found.sides()).exact;
    assert!(off.contains(1.0) && off.contains(2.0) && off.magnitude() < 2.1, "{off:?}");
}

/// Each of both grades has the square of the same fold: the second goes on with the tents of the first.
#[test]
fn a_later_grade_goes_on_with_the_towers_of_an_earlier_one() {
    let (model, good) = square(6);
    let Rule::Square { tents, .. } = &good.steps[0].rule else { panic!() };
    let Rule::Curve { part, of, constant, cuts, error, .. } = good.steps[1].rule.clone() else { panic!() };
    let square = |n: usize| Rule::Square { fold: None, tents: tents[..n].to_vec() };
    let curve = |k: usize| {
        let (terms, cuts) = (vec![(Source::Square(k), 1.0)], cuts.clone());
        Rule::Curve { part, of, constant, terms, cuts, error }
    };
    let with = |rules: &[Rule]| {
        let steps = rules.iter().map(|rule| Step { before: 18, rule: rule.clone() }).collect();
        derived(&model, "x^2", "x=0..1", &Derivation { steps, ..good.clone() })
    };
    let bound = |rules: &[Rule]| with(rules).map(|found| found.bound(found.sides()).exact.magnitude()).unwrap();
    let once = bound(&[square(6), curve(0)]);
    for earlier in [2, 3, 5, 6] {
        let again = bound(&[square(earlier), curve(0), Rule::Anew, square(6), curve(1)]);
        assert!((again - once).abs() <= 1e-14, "{earlier}: {again:e} {once:e}");
        let thrice = [square(2), curve(0), Rule::Anew, square(earlier), curve(1), Rule::Anew, square(6), curve(2)];
        assert!((bound(&thrice) - once).abs() <= 1e-14, "{earlier}: {:e} {once:e}", bound(&thrice));
        // A grade that stops short of the last tent is off by what is missing.
        let short = bound(&[square(6), curve(0), Rule::Anew, square(earlier), curve(1)]);
        assert!(short >= once - 1e-14, "{earlier}: {short:e} {once:e}");
    }
}

#[test]
fn what_a_relu_without_a_role_dips_below_zero_is_an_error_in_every_meaning() {
    // relu(x) for x, which is off by 2^-14 at the lower end, then a copy of it.
    let layers = vec![vec![(vec![1.0], 0.0)], vec![(vec![1.0], 1.0)]];
    let model = network(&["x"], layers, (vec![1.0], -1.0));
    let dip = 2f64.powi(-14);
    let found = derived(&model, "x", &format!("x=-{dip:?}..1"), &Derivation::default()).unwrap();
    let bounds = found.bound(found.sides());
    for bound in [bounds.exact, bounds.f64, bounds.f32] {
        assert!(bound.contains(-dip) && bound.magnitude() < 1.1 * dip, "{bound:?}");
    }
}
