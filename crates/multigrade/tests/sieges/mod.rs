//! Attacks on proofs: random formulas and networks are proved to be near each other, and everything is tried to find a point
//! that is farther off, or a forgery that is believed. Shared by a short test and `examples/siege.rs`.

use multigrade::attack::{AttackSettings, attack};
use multigrade::prove::{ProveSettings, prove};
use multigrade::truth::{Certificate, Domain, Expression, Format, Interval, Node, Proved, Verdict, check};
use multigrade::{Activation, FitSettings, GradeSettings, Grades, Multigrade, Samples, Solver, fit_named, silent};
use rand::{Rng, RngExt, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;

/// What was tried and found.
#[derive(Clone, Copy, Debug, Default)]
pub struct Tally {
    /// Networks of which something was proved.
    pub proofs: usize,
    /// Networks of which nothing was proved, since the formula may be undefined on the box.
    pub unproved: usize,
    /// Points at which a proved bound was compared with the network.
    pub points: usize,
    /// Points beyond a proved bound: a defect.
    pub violations: usize,
    /// Forgeries that were handed to the checker.
    pub forgeries: usize,
    /// Forgeries that it believed: a defect.
    pub believed: usize,
}

const NAMES: [&str; 4] = ["x", "y", "z", "w"];
const FUNCTIONS: [&str; 9] = ["sin", "cos", "exp", "ln", "sqrt", "cbrt", "tanh", "atan", "abs"];
const OPERATORS: [&str; 5] = ["+", "-", "*", "/", "^"];
const CONSTANTS: [&str; 10] = ["0", "1", "-1", "0.5", "3", "1e-300", "1e300", "-7.25e10", "2.5e-9", "1e5"];

/// A formula of `d` variables with every kind of node.
fn formula(random: &mut impl Rng, d: usize, depth: u32) -> String {
    let mut part = |depth| formula(random, d, depth);
    if depth == 0 {
        return match random.random_range(0..4) {
            0 => CONSTANTS[random.random_range(0..CONSTANTS.len())].to_owned(),
            _ => NAMES[random.random_range(0..d)].to_owned(),
        };
    }
    let (a, b) = (part(depth - 1), part(depth - 1));
    match random.random_range(0..10) {
        0..=3 => format!("{}({a})", FUNCTIONS[random.random_range(0..FUNCTIONS.len())]),
        4 => format!("min({a}, {b})"),
        5 => format!("max({a}, {b})"),
        6 => format!("if({a} < {b}, {a}, {b})"),
        7 => format!("({a})^{}", random.random_range(2..5)),
        _ => format!("({a}) {} ({b})", OPERATORS[random.random_range(0..4)]),
    }
}

/// A box with a side for each variable: around the origin, far from it, tiny or wide.
fn domain(random: &mut impl Rng, d: usize) -> (String, Vec<(f64, f64)>) {
    let side = |random: &mut dyn Rng| {
        let center = [0.0, 0.5, -3.0, 1e3, -1e6][random.random_range(0..5)];
        let radius = [1.0, 0.3, 1e-3, 1e-7, 20.0][random.random_range(0..5)];
        (center - radius, center + radius)
    };
    let sides: Vec<(f64, f64)> = (0..d).map(|_| side(random)).collect();
    let texts: Vec<String> = sides.iter().zip(NAMES).map(|((a, b), name)| format!("{name}={a:?}..{b:?}")).collect();
    (texts.join(", "), sides)
}

/// A network trained for a moment on values of the formula where they are numbers of moderate size, else on a wave.
fn trained(f: &Expression, sides: &[(f64, f64)], random: &mut impl Rng, seed: u64) -> Option<Multigrade> {
    let d = sides.len();
    let rows: Vec<f64> = (0..60).flat_map(|_| sides.to_vec()).map(|(a, b)| random.random_range(a..=b)).collect();
    let columns: Vec<Vec<f64>> = (0..d).map(|j| rows.iter().skip(j).step_by(d).copied().collect()).collect();
    let mut values = vec![0.0; 60];
    f.eval_block(&columns.iter().map(Vec::as_slice).collect::<Vec<_>>(), &mut values);
    if !values.iter().all(|value| value.abs() < 1e100) {
        let scaled = |j: usize, x: f64| (x - sides[j].0) / (sides[j].1 - sides[j].0);
        values = rows.chunks(d).map(|row| (5.0 * scaled(0, row[0])).sin() + scaled(d - 1, row[d - 1])).collect();
    }
    let samples = Samples::new(d, 1, rows, values, None).ok()?;
    let grade = |width| GradeSettings {
        widths: vec![width],
        activations: Some(vec![Activation::Relu]),
        weight_decay: Some(1e-3),
        ..GradeSettings::default()
    };
    let list = (0..random.random_range(1..4)).map(|_| grade(random.random_range(2..9))).collect();
    let settings = FitSettings {
        grades: Grades::List(list),
        solver: Some(Solver::Lbfgs { iterations: 15 }),
        validation: 0.0,
        seed,
        ..FitSettings::default()
    };
    let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    let settings = settings.validate().ok()?;
    fit_named(&samples, None, &names(&NAMES[..d]), &names(&["f"]), &settings, &mut silent()).ok().map(|made| made.model)
}

/// The largest and smallest errors found by looking hard, and whether they lie within what is proved.
fn assault(tally: &mut Tally, model: &Multigrade, verdict: &Verdict, f: &Expression, domain: &Domain, seed: u64) {
    let Verdict::Proved(proved) = verdict else { return };
    let f = f.with_variables(domain.names()).unwrap_or_else(|name| panic!("the box has no side for '{name}'"));
    for bounds in proved.bounds() {
        let settings = AttackSettings { points: 3000, seed };
        let measured = attack(model, bounds.grades(), bounds.output(), &f, domain.sides(), &settings);
        let Ok(Some(measured)) = measured else { continue };
        for (format, extremes) in [(Format::F64, &measured.f64), (Format::F32, &measured.f32)] {
            let Some(claimed) = bounds.evaluated(format) else { continue };
            for point in [&extremes.lowest, &extremes.highest] {
                tally.violations += usize::from(!claimed.contains(point.error));
            }
            tally.points += measured.points;
        }
    }
}

/// A proof must not survive this.
fn forge(certificate: &Certificate, random: &mut impl Rng) -> Certificate {
    let mut forged = certificate.clone();
    let k = random.random_range(0..forged.claims.len());
    let claim = &mut forged.claims[k];
    let narrower = |x: Interval| {
        let (a, b) = (x.lower(), x.upper());
        // By more than the room that the prover leaves in its claims, a billionth: a claim within that is still true.
        let step = (1e-3 * b - 1e-3 * a).max(1e-6 * a.abs().max(b.abs())).max(f64::MIN_POSITIVE);
        Interval::new(a + step, b.max(a + step)).unwrap_or_else(|| panic!("{x:?} cannot be made narrower"))
    };
    match random.random_range(0..6) {
        0 => claim.exact = narrower(claim.exact),
        1 if claim.f64.is_some() => claim.f64 = claim.f64.map(narrower),
        2 if claim.f32.is_some() => claim.f32 = claim.f32.map(narrower),
        3 => claim.tree.truncate(claim.tree.len() - 1),
        4 => claim.tree.push(claim.tree[claim.tree.len() - 1]),
        _ => {
            // A cut beyond the box, or a tree that begins with one.
            let at = random.random_range(0..claim.tree.len());
            claim.tree[at] = Node::Cut(random.random_range(0..6), 1e300);
        }
    }
    forged
}

/// A network of which something was proved, and what.
// The short test looks at the tally alone.
#[allow(dead_code)]
pub struct Besieged {
    pub model: Multigrade,
    pub proved: Proved,
    pub f: Expression,
    pub domain: Domain,
}

/// One formula, one box, one trained network: prove, attack, reload, forge. None where nothing was proved.
pub fn besiege(seed: u64, tally: &mut Tally) -> Option<Besieged> {
    let mut random = Xoshiro256PlusPlus::seed_from_u64(seed);
    let d = 1 + (seed % 4) as usize;
    let depth = random.random_range(1..5);
    let text = formula(&mut random, d, depth);
    let (sides_text, sides) = domain(&mut random, d);
    let f = Expression::parse(&text).unwrap_or_else(|error| panic!("{text}: {error}"));
    let domain = Domain::parse(&sides_text).unwrap_or_else(|error| panic!("{sides_text}: {error}"));
    let model = trained(&f.with_variables(domain.names()).unwrap(), &sides, &mut random, seed)?;
    let settings =
        ProveSettings { boxes: 300, attack: AttackSettings { points: 500, seed }, ..ProveSettings::default() };
    let proven = prove(&model, 0, &f, &domain, &settings.validate().unwrap(), &mut silent());
    let proven = proven.unwrap_or_else(|error| panic!("{text} on {sides_text}: {error}"));
    let Some((certificate, _)) = proven.certificate else {
        tally.unproved += 1;
        return None;
    };
    tally.proofs += 1;
    // What counts is what the files say.
    let (bytes, file) = (model.to_bytes(), certificate.to_bytes().unwrap());
    let (model, certificate) =
        (Multigrade::from_bytes("m", &bytes).unwrap(), Certificate::from_bytes("c", &file).unwrap());
    let verdict = check(&certificate, &model);
    assert!(matches!(verdict, Verdict::Proved(_)), "{text} on {sides_text}: {verdict:?}");
    assault(tally, &model, &verdict, &f, &domain, seed);

    let mut refused = |certificate: &Certificate, model: &Multigrade| {
        tally.forgeries += 1;
        tally.believed += usize::from(matches!(check(certificate, model), Verdict::Proved(_)));
    };
    for _ in 0..6 {
        refused(&forge(&certificate, &mut random), &model);
    }
    // Another model with the same inputs and outputs, unless this one has no grade either.
    if !model.grades().is_empty() {
        refused(&certificate, &model.truncate(0).unwrap_or_else(|error| panic!("{error}")));
    }
    for _ in 0..20 {
        let mut flipped = (bytes.clone(), file.clone());
        let at = random.random_range(0..bytes.len());
        flipped.0[at] ^= 1 << random.random_range(0..8);
        let at = random.random_range(0..file.len());
        flipped.1[at] ^= 1 << random.random_range(0..8);
        for (model, certificate) in [(&flipped.0, &file), (&bytes, &flipped.1)] {
            let read = (Multigrade::from_bytes("m", model), Certificate::from_bytes("c", certificate));
            tally.forgeries += 1;
            if let (Ok(model), Ok(certificate)) = read {
                tally.believed += usize::from(matches!(check(&certificate, &model), Verdict::Proved(_)));
            }
        }
    }
    let Verdict::Proved(proved) = verdict else { return None };
    Some(Besieged { model, proved, f, domain })
}
