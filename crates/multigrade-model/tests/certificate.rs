//! What the checker accepts is true, and what is not exactly right is refused: the file, the tree, every bound.

mod nets;

use multigrade_model::truth::{
    Certificate, CertificateError, Claim, ClaimRefusal, Domain, Expression, Format, Interval, Kind, Leaf, MAX_CUTS,
    Node, Program, Refusal, Region, RegionError, Verdict, check,
};
use multigrade_model::*;
use proptest::prelude::*;

fn interval(lower: f64, upper: f64) -> Interval {
    Interval::new(lower, upper).expect("an interval")
}

fn leaf(name: &str) -> Node {
    let leaf = Leaf::NAMED.into_iter().find(|(n, _)| *n == name).expect("a leaf").1;
    Node::Leaf(leaf)
}

/// The tree that halves the interval `[0, 1]` so many times over.
fn halved(times: u32, node: Node) -> Vec<Node> {
    fn grow(tree: &mut Vec<Node>, lower: f64, width: f64, times: u32, node: Node) {
        if times == 0 {
            return tree.push(node);
        }
        tree.push(Node::Cut(0, lower + width / 2.0));
        grow(tree, lower, width / 2.0, times - 1, node);
        grow(tree, lower + width / 2.0, width / 2.0, times - 1, node);
    }
    let mut tree = Vec::new();
    grow(&mut tree, 0.0, 1.0, times, node);
    tree
}

/// A claim whose bounds are what its tree gives, as they are found by walking through it.
fn claim(model: &Multigrade, function: &str, domain: &str, grades: usize, tree: Vec<Node>) -> Claim {
    let program = Program::new(model, grades, 0).unwrap();
    let (f, domain) = (Expression::parse(function).unwrap(), Domain::parse(domain).unwrap());
    let mut open = vec![Region::root(&program, &f, &domain).unwrap()];
    let mut bounds: Vec<multigrade_model::truth::Bounds> = Vec::new();
    for node in &tree {
        let region = open.pop().unwrap();
        match node {
            Node::Cut(variable, at) => {
                let (left, right) = region.split(*variable, *at).unwrap();
                open.extend([right, left]);
            }
            Node::Leaf(leaf) => bounds.push(region.bound(*leaf).unwrap()),
            Node::Derived => panic!("a leaf of a derivation"),
        }
    }
    assert!(open.is_empty());
    let all = bounds.into_iter().reduce(|a, b| a.hull(b)).unwrap();
    let bounded = |x: Interval| x.is_bounded().then_some(x);
    Claim {
        grades,
        output: 0,
        kind: Kind::Bisection,
        exact: all.exact,
        f64: bounded(all.f64),
        f32: bounded(all.f32),
        tree,
        derivation: None,
    }
}

fn certificate(model: &Multigrade, function: &str, domain: &str, claims: Vec<Claim>) -> Certificate {
    Certificate { function: function.into(), domain: domain.into(), model: Certificate::digest_of(model), claims }
}

/// `x²` by tents, with a claim for each of three grades.
fn square() -> (Multigrade, Certificate) {
    let model = nets::tents(3);
    let claims = (1..=3).map(|k| claim(&model, "x^2", "x=0..1", k, halved(k as u32, leaf("kuhn curvature")))).collect();
    let certificate = certificate(&model, "x^2", "x=0..1", claims);
    (model, certificate)
}

#[track_caller]
fn refusal(certificate: &Certificate, model: &Multigrade) -> Refusal {
    match check(certificate, model) {
        Verdict::Refused(refusal) => refusal,
        Verdict::Proved(proved) => panic!("{proved:?}"),
    }
}

/// Why the last claim is refused.
#[track_caller]
fn reason(certificate: &Certificate, model: &Multigrade) -> ClaimRefusal {
    match refusal(certificate, model) {
        Refusal::Claim { reason, .. } => reason,
        other => panic!("{other}"),
    }
}

#[test]
fn tents_come_within_the_fourth_part_of_the_error_at_each_grade_and_that_is_proved() {
    let (model, certificate) = square();
    let proved = check(&certificate, &model).proved().expect("a proof");
    assert_eq!((proved.function(), proved.domain()), ("x^2", "x=0..1"));
    for (k, bounds) in (1..).zip(proved.bounds()) {
        // 0 <= p_k - x^2 <= 4^-(k+1), and both are attained.
        let exact = bounds.exact();
        let largest = 0.25f64.powi(k + 1);
        assert!(exact.encloses(interval(-largest, 0.0)), "{exact:?}");
        // Some 20 roundings of numbers below 8 in the analysis.
        let dirt = 20.0 * 8.0 * f64::EPSILON;
        assert!(exact.lower() >= -largest - dirt && exact.upper() <= dirt, "{exact:?}");
        assert_eq!(bounds.grades(), k as usize);
        let f64 = bounds.evaluated(Format::F64).unwrap();
        let f32 = bounds.evaluated(Format::F32).unwrap();
        assert!(f64.encloses(exact) && f64.width() <= exact.width() + 1e-14);
        assert!(f32.encloses(exact) && f32.width() <= exact.width() + 1e-5);
    }
}

#[test]
fn a_bound_that_is_too_small_by_one_part_in_a_million_is_refused() {
    let (model, certificate) = square();
    for (which, meaning) in ["exact", "f64", "f32"].into_iter().enumerate() {
        for lower in [false, true] {
            let mut false_one = certificate.clone();
            let claim = &mut false_one.claims[2];
            let bound = match which {
                0 => &mut claim.exact,
                1 => claim.f64.as_mut().unwrap(),
                _ => claim.f32.as_mut().unwrap(),
            };
            let shift = 1e-6 * bound.magnitude();
            *bound = if lower {
                interval(bound.lower() + shift, bound.upper().max(bound.lower() + shift))
            } else {
                interval(bound.lower().min(bound.upper() - shift), bound.upper() - shift)
            };
            match reason(&false_one, &model) {
                ClaimRefusal::Bound { meaning: found, .. } => assert_eq!(found, meaning),
                other => panic!("{other}"),
            }
        }
    }
}

#[test]
fn the_bounds_found_are_accepted_and_the_next_smaller_numbers_are_not() {
    let (model, certificate) = square();
    assert!(check(&certificate, &model).proved().is_some());
    for part in 0..6 {
        let mut false_one = certificate.clone();
        let claim = &mut false_one.claims[0];
        let bound = [Some(&mut claim.exact), claim.f64.as_mut(), claim.f32.as_mut()].into_iter().nth(part / 2);
        let bound = bound.flatten().unwrap();
        *bound = match part % 2 {
            0 => interval(bound.lower().next_up(), bound.upper()),
            _ => interval(bound.lower(), bound.upper().next_down()),
        };
        assert!(matches!(reason(&false_one, &model), ClaimRefusal::Bound { entry: 0..8, .. }));
    }
}

#[test]
fn what_is_not_claimed_is_not_proved() {
    let (model, mut certificate) = square();
    for claim in &mut certificate.claims {
        (claim.f64, claim.f32) = (None, None);
    }
    let proved = check(&certificate, &model).proved().expect("a proof");
    assert!(proved.bounds().iter().all(|b| Format::ALL.iter().all(|format| b.evaluated(*format).is_none())));
}

#[test]
fn a_tree_with_too_few_or_too_many_entries_is_refused() {
    let (model, certificate) = square();
    for n in 0..certificate.claims[2].tree.len() {
        let mut short = certificate.clone();
        short.claims[2].tree.truncate(n);
        assert!(matches!(reason(&short, &model), ClaimRefusal::Missing { entries, .. } if entries == n));
    }
    for node in [leaf("box value"), Node::Cut(0, 0.5)] {
        let mut long = certificate.clone();
        long.claims[2].tree.push(node);
        assert!(matches!(reason(&long, &model), ClaimRefusal::Extra { used: 15, entries: 16 }));
    }
    let mut empty = certificate.clone();
    empty.claims.clear();
    assert_eq!(refusal(&empty, &model), Refusal::Empty);
}

#[test]
fn a_cut_that_does_not_divide_the_box_is_refused() {
    let (model, certificate) = square();
    for at in [0.0, 1.0, -1.0, 2.0, 0.5, f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        // The second cut of the tree is in [0, 1/2].
        let mut bad = certificate.clone();
        bad.claims[2].tree[1] = Node::Cut(0, at);
        let ClaimRefusal::Node { entry: 1, source: RegionError::Cut { variable: 0, .. }, region } =
            reason(&bad, &model)
        else {
            panic!("{at}");
        };
        assert_eq!(region, "x=0.0..0.5");
    }
    let mut bad = certificate.clone();
    bad.claims[2].tree[0] = Node::Cut(1, 0.5);
    assert!(matches!(reason(&bad, &model), ClaimRefusal::Node { entry: 0, .. }));
}

#[test]
fn more_cuts_on_top_of_each_other_than_allowed_are_refused_and_as_many_are_not() {
    let model = nets::tents(1);
    let chain = |cuts: usize| {
        // Always the right part is cut, at numbers that come closer and closer to 1.
        let mut tree: Vec<Node> = Vec::new();
        for i in 0..cuts {
            tree.extend([Node::Cut(0, 1.0 - 0.9f64.powi(i as i32 + 1)), leaf("box value")]);
        }
        tree.push(leaf("box value"));
        tree
    };
    let proof = claim(&model, "x^2", "x=0..1", 1, chain(MAX_CUTS));
    assert!(check(&certificate(&model, "x^2", "x=0..1", vec![proof.clone()]), &model).proved().is_some());
    let tree = chain(MAX_CUTS + 1);
    let deep = certificate(&model, "x^2", "x=0..1", vec![Claim { tree, ..proof }]);
    assert_eq!(reason(&deep, &model), ClaimRefusal::Depth { entry: 2 * MAX_CUTS });
}

#[test]
fn a_leaf_that_asks_more_than_is_known_of_the_function_is_refused() {
    let model = nets::tents(1);
    let wide = |function, tree| {
        let all = interval(-100.0, 100.0);
        let claim = Claim {
            grades: 1,
            output: 0,
            kind: Kind::Bisection,
            exact: all,
            f64: None,
            f32: None,
            tree,
            derivation: None,
        };
        certificate(&model, function, "x=-1..1", vec![claim])
    };
    let cases = [
        ("abs(x)", vec!["box curvature", "kuhn curvature"], vec!["box value", "kuhn value", "box slope", "kuhn slope"]),
        ("max(x, 0)^2", vec!["box curvature", "kuhn curvature"], vec!["box slope"]),
        ("if(x < 0, 1, x)", vec!["box curvature", "kuhn curvature", "box slope", "kuhn slope"], vec!["box value"]),
        ("cbrt(x)", vec!["box curvature", "box slope", "kuhn slope"], vec!["box value", "kuhn value"]),
        ("1/(x + 2)", vec![], vec!["box value", "box slope", "box curvature", "kuhn curvature"]),
        ("sqrt(x)", vec!["box value", "box slope", "kuhn value", "kuhn curvature"], vec![]),
        ("1/x", vec!["box value", "kuhn value"], vec![]),
        ("ln(x - 7)", vec!["box value", "kuhn value"], vec![]),
    ];
    for (function, forbidden, allowed) in cases {
        for name in forbidden {
            let refused = reason(&wide(function, vec![leaf(name)]), &model);
            assert!(
                matches!(refused, ClaimRefusal::Node { source: RegionError::Decoration { .. }, .. }),
                "{function}, {name}: {refused}"
            );
        }
        for name in allowed {
            assert!(check(&wide(function, vec![leaf(name)]), &model).proved().is_some(), "{function}, {name}");
        }
    }
    // A cut at the kink makes it allowed on both sides.
    let cut = wide("abs(x)", vec![Node::Cut(0, 0.0), leaf("box curvature"), leaf("kuhn curvature")]);
    assert!(check(&cut, &model).proved().is_some());
}

#[test]
fn another_model_function_box_grade_output_or_name_is_refused() {
    let (model, certificate) = square();
    let changed = |change: &dyn Fn(&mut Certificate)| {
        let mut changed = certificate.clone();
        change(&mut changed);
        refusal(&changed, &model)
    };
    let of_claim = |refusal: Refusal| match refusal {
        Refusal::Claim { reason, .. } => reason,
        other => panic!("{other}"),
    };
    assert!(matches!(refusal(&certificate, &nets::tents(4)), Refusal::OtherModel { .. }));
    assert!(matches!(changed(&|c| c.model = c.model.to_uppercase()), Refusal::OtherModel { .. }));
    assert!(matches!(changed(&|c| c.function = "x^2 +".into()), Refusal::Function(_)));
    assert!(matches!(changed(&|c| c.domain = "x=1..0".into()), Refusal::Domain(_)));
    assert!(matches!(of_claim(changed(&|c| c.function = "1.0001*x^2".into())), ClaimRefusal::Bound { .. }));
    assert!(matches!(of_claim(changed(&|c| c.domain = "x=0..1.001".into())), ClaimRefusal::Bound { .. }));
    assert!(matches!(of_claim(changed(&|c| c.function = "y^2".into())), ClaimRefusal::Misfit(_)));
    assert!(matches!(of_claim(changed(&|c| c.domain = "y=0..1".into())), ClaimRefusal::Misfit(_)));
    assert!(matches!(of_claim(changed(&|c| c.domain = "x=0..1, y=0..1".into())), ClaimRefusal::Misfit(_)));
    assert!(matches!(of_claim(changed(&|c| c.claims[2].grades = 2)), ClaimRefusal::Bound { .. }));
    assert!(matches!(of_claim(changed(&|c| c.claims[2].grades = 4)), ClaimRefusal::Program(_)));
    assert!(matches!(of_claim(changed(&|c| c.claims[0].output = 1)), ClaimRefusal::Program(_)));
    let infinite = interval(f64::NEG_INFINITY, f64::INFINITY);
    assert_eq!(of_claim(changed(&|c| c.claims[1].exact = infinite)), ClaimRefusal::Unbounded);
    assert_eq!(of_claim(changed(&|c| c.claims[1].f64 = Some(infinite))), ClaimRefusal::Unbounded);
    assert_eq!(of_claim(changed(&|c| c.claims[1].f32 = Some(infinite))), ClaimRefusal::Unbounded);
}

#[test]
fn variables_are_matched_by_name_whatever_their_order() {
    // The network computes x + 2 y + 1.
    let layer = nets::layer(&[vec![1.0, 2.0]], &[1.0]);
    let grade = Grade::new(vec![vec![layer]], false, nets::readout(&[1.0], 0.0)).unwrap();
    let model = nets::model(2, vec![grade]);
    for (function, domain) in [("2*y + x", "x=0..1, y=0..3"), ("x + 2*y", "y=0..3, x=0..1")] {
        // Cut number 1 is y of the model; 2.5 is not inside the side of x.
        let tree = vec![Node::Cut(1, 2.5), leaf("box slope"), leaf("box slope")];
        let claim = claim(&model, function, domain, 1, tree);
        assert!(claim.exact.width() < 1e-12 && claim.exact.contains(-1.0), "{claim:?}");
        assert!(check(&certificate(&model, function, domain, vec![claim]), &model).proved().is_some());
    }
}

#[test]
fn only_piecewise_linear_networks_are_spoken_about() {
    for activation in Activation::ALL {
        let layer = Layer::new(Matrix::new(1, 1, vec![1.0]).unwrap(), vec![0.0], activation).unwrap();
        let grade = Grade::new(vec![vec![layer]], false, nets::readout(&[1.0], 0.0)).unwrap();
        let result = Program::new(&nets::model(1, vec![grade]), 1, 0);
        match activation {
            Activation::Relu | Activation::Identity => assert!(result.is_ok()),
            found => assert_eq!(
                result,
                Err(multigrade_model::truth::ProgramError::Activation { grade: 1, branch: 1, layer: 1, found })
            ),
        }
    }
}

#[test]
fn the_file_keeps_every_bit_and_equal_certificates_have_equal_bytes() {
    let (model, certificate) = square();
    let bytes = certificate.to_bytes().unwrap();
    let again = Certificate::from_bytes("c", &bytes).unwrap();
    assert_eq!(again, certificate);
    assert_eq!(again.to_bytes().unwrap(), bytes);
    assert!(check(&again, &model).proved().is_some());
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("c.json");
    certificate.save(&path, false).unwrap();
    assert_eq!(Certificate::load(&path).unwrap(), certificate);
    assert!(matches!(certificate.save(&path, false), Err(CertificateError::File(FileError::Exists { .. }))));
    assert!(Certificate::load(&folder.path().join("none")).is_err());
}

#[test]
fn no_flipped_bit_and_no_cut_goes_unnoticed() {
    let (_, certificate) = square();
    let bytes = certificate.to_bytes().unwrap();
    for at in 0..bytes.len() {
        for bit in 0..8 {
            let mut altered = bytes.clone();
            altered[at] ^= 1 << bit;
            assert!(Certificate::from_bytes("c", &altered).is_err(), "byte {at}, bit {bit}");
        }
        assert!(Certificate::from_bytes("c", &bytes[..at]).is_err(), "cut at {at}");
    }
    // A change that keeps the text a certificate is called what it is.
    let text = String::from_utf8(bytes).unwrap().replacen("\"grades\":2", "\"grades\":1", 1);
    assert!(matches!(Certificate::from_bytes("c", text.as_bytes()), Err(CertificateError::Altered { .. })));
}

/// A file with the right digest, whatever else it holds.
fn signed(text: &str) -> Vec<u8> {
    use sha2::{Digest, Sha256};
    let zeros = "0".repeat(64);
    assert_eq!(text.matches(&zeros).count(), 1);
    let digest: String = Sha256::digest(text).iter().map(|b| format!("{b:02x}")).collect();
    text.replacen(&zeros, &digest, 1).into_bytes()
}

#[test]
fn a_file_that_is_not_exactly_a_certificate_is_refused_also_with_the_right_digest() {
    let claim =
        r#"{"grades":1,"output":0,"kind":"bisection","exact":[-1,1],"f64":null,"f32":null,"tree":["box value"]}"#;
    let file = |claims: &str, more: &str, version: &str| {
        signed(&format!(
            r#"{{"format":"multigrade-certificate","version":{version},"function":"x","domain":"x=0..1","model":"m","digest":"sha256:{}","claims":[{claims}]{more}}}"#,
            "0".repeat(64)
        ))
    };
    assert_eq!(Certificate::from_bytes("c", &file(claim, "", "1")).unwrap().claims.len(), 1);
    assert!(matches!(
        Certificate::from_bytes("c", &file(claim, "", "2")),
        Err(CertificateError::Newer { found: 2, .. })
    ));
    let nested = |open: &str, close: &str, n: usize| open.repeat(n) + &close.repeat(n);
    let bad = [
        claim.replace("[-1,1]", "[1,-1]"),
        claim.replace("[-1,1]", "[null,1]"),
        claim.replace("[-1,1]", "[-1e999,1]"),
        claim.replace("[-1,1]", "[NaN,1]"),
        claim.replace("[-1,1]", "[-1,1,2]"),
        claim.replace("[-1,1]", "null"),
        claim.replace("bisection", "faith"),
        claim.replace("box value", "box magic"),
        claim.replace("\"box value\"", "[0,0.5,1]"),
        claim.replace("\"box value\"", "[-1,0.5]"),
        claim.replace("\"box value\"", "[0.5,0.5]"),
        claim.replace("\"box value\"", "[0,null]"),
        claim.replace("\"box value\"", "null"),
        claim.replace("\"box value\"", &nested("[", "]", 100_000)),
        claim.replace("\"box value\"", &nested("{\"a\":", "}", 100_000)),
        claim.replace("\"grades\":1,", ""),
        claim.replace("\"f32\":null,", ""),
        claim.replace("\"grades\":1", "\"grades\":-1"),
        claim.replace("\"grades\":1", "\"grades\":1,\"grades\":2"),
        claim.replace("\"grades\":1", "\"more\":0,\"grades\":1"),
    ];
    for bad in bad {
        let shown = &bad[..bad.len().min(200)];
        match Certificate::from_bytes("c", &file(&bad, "", "1")) {
            Err(CertificateError::NotACertificate { .. }) => {}
            other => panic!("{shown}: {other:?}"),
        }
    }
    assert!(Certificate::from_bytes("c", &file(claim, ",\"more\":1", "1")).is_err());
    assert!(Certificate::from_bytes("c", &file(claim, "", "0")).is_err());
    assert!(Certificate::from_bytes("c", &file(claim, "", "1.5")).is_err());
}

proptest! {
    #[test]
    fn arbitrary_bytes_are_no_certificate_and_never_panic(bytes: Vec<u8>) {
        prop_assert!(Certificate::from_bytes("c", &bytes).is_err());
    }
}

#[test]
fn a_certificate_that_the_format_cannot_hold_is_not_written() {
    let (_, mut certificate) = square();
    certificate.claims[0].exact = interval(0.0, f64::INFINITY);
    assert!(matches!(certificate.to_bytes(), Err(CertificateError::Unwritable { .. })));
}

#[test]
fn the_digest_of_a_model_depends_on_every_number_and_name_but_not_on_its_history_or_storage() {
    let model = |x: &[f64; 9], name: &str, carry: bool, activation| {
        let layer = Layer::new(Matrix::new(1, 1, vec![x[0]]).unwrap(), vec![x[1]], activation).unwrap();
        let weights = if carry { vec![x[2], x[3]] } else { vec![x[2]] };
        let grade = Grade::new(vec![vec![layer]], carry, nets::readout(&weights, x[4])).unwrap();
        let mut schema = nets::schema(1);
        schema.inputs[0].name = name.into();
        let inputs = Scaling::new(vec![x[5]], vec![x[6]]).unwrap();
        let outputs = Scaling::new(vec![x[7]], vec![x[8]]).unwrap();
        let history = History { train_rows: x[0] as usize, ..History::default() };
        Certificate::digest_of(&Multigrade::new(schema, inputs, outputs, vec![grade], history, ().into()).unwrap())
    };
    let numbers = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0];
    let relu = Activation::Relu;
    let mut seen = vec![model(&numbers, "x", true, relu)];
    let mut add = |digest: String| {
        assert!(!seen.contains(&digest));
        seen.push(digest);
    };
    for i in 0..9 {
        let mut other = numbers;
        other[i] += 0.5;
        add(model(&other, "x", true, relu));
    }
    add(model(&numbers, "y", true, relu));
    add(model(&numbers, "x", false, relu));
    add(model(&numbers, "x", true, Activation::Identity));
    let layer = |weights: Weights| Layer::new(weights, vec![1.0, 2.0], relu).unwrap();
    let dense = layer(Matrix::new(2, 1, vec![0.0, 3.0]).unwrap().into());
    let sparse = layer(SparseMatrix::new(1, vec![vec![], vec![(0, 3.0)]]).unwrap().into());
    let [dense, sparse] = [dense, sparse].map(|layer| {
        let grade = Grade::new(vec![vec![layer]], false, nets::readout(&[1.0, 1.0], 0.0)).unwrap();
        Certificate::digest_of(&nets::model(1, vec![grade]))
    });
    assert_eq!(dense, sparse);
    let mut with_history = nets::tents(2);
    let digest = Certificate::digest_of(&with_history);
    with_history = with_history.truncate(2).unwrap();
    assert_eq!(Certificate::digest_of(&with_history), digest);
}

/// Kept as written by the first version of the format.
#[test]
fn the_certificate_file_of_every_format_is_read_and_proved_again() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/certificates");
    let model = Multigrade::load(&folder.join("square.safetensors")).unwrap();
    let certificate = Certificate::load(&folder.join("square.certificate.json")).unwrap();
    let proved = check(&certificate, &model).proved().expect("a proof");
    assert_eq!(proved.bounds().len(), 3);
    assert_eq!(Certificate::digest_of(&nets::tents(3)), proved.model());
    // By derivations: these bounds were found by the second checker.
    for name in ["product", "chords", "reciprocal"] {
        let model = Multigrade::load(&folder.join(format!("{name}.safetensors"))).unwrap();
        let certificate = Certificate::load(&folder.join(format!("{name}.certificate.json"))).unwrap();
        assert!(check(&certificate, &model).proved().is_some(), "{name}");
    }
    for name in ["curve", "saddle"] {
        let model = Multigrade::load(&folder.join(format!("{name}.safetensors"))).unwrap();
        let certificate = Certificate::load(&folder.join(format!("{name}.certificate.json"))).unwrap();
        let proved = check(&certificate, &model).proved().expect("a proof");
        assert_eq!(proved.bounds().len(), model.grades().len());
    }
}
