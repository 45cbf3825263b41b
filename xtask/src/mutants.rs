//! `cargo xtask mutants`: makes the checker wrong in one place after the other and sees whether a test notices.
//!
//! Each entry drops or weakens one inequality, one rounding or one condition that a proof rests on. The tests run on a
//! copy of the repository under `target/mutants`.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A file of the trusted part, a text that stands in it once, and what to write instead.
type Mutant = (&'static str, &'static str, &'static str);

const MUTANTS: &[Mutant] = &[
    // Rounding in a format.
    ("program.rs", "Self::F64 => power_of_two(-53)", "Self::F64 => power_of_two(-54)"),
    ("program.rs", "Self::F32 => power_of_two(-24)", "Self::F32 => power_of_two(-25)"),
    ("program.rs", "Self::F64 => f64::from_bits(1)", "Self::F64 => 0.0"),
    ("program.rs", "Self::F32 => power_of_two(-149)", "Self::F32 => power_of_two(-151)"),
    ("program.rs", "Self::F32 => f32::MAX as f64", "Self::F32 => f64::MAX"),
    ("program.rs", "Self::F32 => x as f32 as f64", "Self::F32 => x"),
    ("program.rs", "if part < 0.5 {", "if part < 0.9 {"),
    ("program.rs", "_ => (a + b).next_up()", "_ => a.max(b)"),
    ("program.rs", "{ 0.0 } else { (a * b).next_up() }", "{ 0.0 } else { 0.9 * (a * b) }"),
    ("program.rs", "error = up_sum(error, (center - self.center).abs());", ""),
    ("program.rs", "error = rounded(format, difference, error);", ""),
    ("program.rs", "let moved = up_sum(error, up_product(z, (scale - self.scale).abs()));", "let moved = error;"),
    ("program.rs", "let mut error = rounded(format, x, 0.0);", "let mut error = 0.0;"),
    ("program.rs", "error = rounded(format, z, error);\n", ""),
    ("program.rs", "if reach > format.largest() {", "if false {"),
    ("program.rs", "or_zero(moved * value.magnitude) + ", ""),
    ("program.rs", " + or_zero(rounded * value.error)", ""),
    ("program.rs", "rounded * (value.magnitude + value.error)", "rounded * (0.9 * value.magnitude)"),
    ("program.rs", "factor |= usize::from(!power_of_two);", ""),
    ("program.rs", "underflows += usize::from(!(power_of_two && rounded >= 1.0));", ""),
    (
        "program.rs",
        "underflows += usize::from(!(power_of_two && rounded >= 1.0));",
        "underflows += usize::from(!power_of_two);",
    ),
    ("program.rs", "error = up_sum(error, (rounded - bias).abs());", ""),
    (
        "program.rs",
        "total = up_sum(total, rounded.abs());\n        summands += 1;",
        "total = up_sum(total, rounded.abs());",
    ),
    ("program.rs", "if up_sum(total, local) <= format.largest() {", "if true {"),
    (
        "program.rs",
        "let f32 = net.terms.iter().all(|t| fits(t.weight)) && net.neurons.iter().all(|n| fits(n.bias));",
        "let f32 = true;",
    ),
    // The analysis of a region.
    ("region.rs", "form.error > radius ||", "true ||"),
    ("region.rs", "let error = up_sum(distance(center, c), distance(slope, s));", "let error = 0.0;"),
    (
        "region.rs",
        "let noise = up_sum(up_total(noises.iter().map(|c| c.abs())), form.error);",
        "let noise = form.error;",
    ),
    (
        "region.rs",
        "let noise = up_sum(up_total(noises.iter().map(|c| c.abs())), form.error);",
        "let noise = up_total(noises.iter().map(|c| c.abs()));",
    ),
    ("region.rs", "error += magnitude * source.error;", ""),
    ("region.rs", "enlarged(error + rounding, n + 1)", "error"),
    ("region.rs", "let off = up_sum(moved(total), slack);", "let off = 0.0;"),
    ("region.rs", "lower.abs() > 2.0 * off && upper.abs() > 2.0 * off", "true"),
    ("region.rs", "if lower >= 0.0 {\n            return Fate", "if lower >= -1e-3 {\n            return Fate"),
    // Neurons written as sums of inputs.
    ("region.rs", "slack += weight.abs() * (sum.slack + sum.bend);", ""),
    ("region.rs", "slack + (n as f64 + 4.0) * power_of_two(-53) * total + UNDERFLOW", "slack"),
    ("region.rs", "Fate::Open { lower, upper } if -lower <= NEGLIGIBLE * upper => -lower", "Fate::Open { .. } => 0.0"),
    (
        "region.rs",
        "_ => f64::INFINITY,\n            };\n            all.push",
        "_ => 0.0,\n            };\n            all.push",
    ),
    ("region.rs", "rounding: self.forms[d + j].before", "rounding: [0.0; 2]"),
    ("region.rs", "Some(known) => known.rounding", "Some(_) => [0.0; 2]"),
    ("region.rs", "let relu = fate != Fate::Affine;", "let relu = matches!(fate, Fate::Open { .. });"),
    ("region.rs", "bias += weight * sum.bias;", ""),
    ("region.rs", "if upper <= 0.0 {", "if upper <= 1e-3 {"),
    ("region.rs", "up_sum(upper, *p).clamp(0.0, *p)", "0.0"),
    ("region.rs", "let half = 0.5 * up_product", "let half = 0.49 * up_product"),
    ("region.rs", ".max(up_product(up_sum(1.0, -slope), upper))", ""),
    ("region.rs", "if ratio.is_nan() { 1.0 } else { ratio.clamp(0.0, 1.0) }", "0.9"),
    ("region.rs", "form.error = up_sum(form.error, half);", ""),
    ("region.rs", "form.error = up_sum(up_product(slope, form.error), rounding);", "form.error = rounding;"),
    ("region.rs", "let spread = up_sum(up_total(noises), form.error);", "let spread = form.error;"),
    ("region.rs", "let spread = up_sum(up_total(noises), form.error);", "let spread = up_total(noises);"),
    ("region.rs", "if overflows(format) { f64::INFINITY } else", "if false { f64::INFINITY } else"),
    ("region.rs", "form.rounding.iter().any(|p| p.is_infinite())", "form.rounding.iter().any(|p| p.is_nan())"),
    ("region.rs", "form.range == Interval::ZERO && form.rounding == [0.0; 2]", "form.range == Interval::ZERO"),
    ("region.rs", "if neuron.bias == 0.0 && !relu &&", "if !relu &&"),
    ("region.rs", "if neuron.bias == 0.0 && !relu &&", "if neuron.bias == 0.0 &&"),
    ("region.rs", "!relu && neuron.known.is_none() && j + 1 < n", "!relu && j + 1 < n"),
    ("region.rs", "(Some(Term { source, weight: 1.0 }), None)", "(Some(Term { source, .. }), None)"),
    // The difference of function and network.
    ("region.rs", "if found < needed {", "if false {"),
    (
        "region.rs",
        "Order::Slope => (f.enclose(&self.sides, 1), Decoration::Continuous)",
        "Order::Slope => (f.enclose(&self.sides, 1), Decoration::Defined)",
    ),
    (
        "region.rs",
        "Order::Curvature => (f.enclose(&self.sides, 2), Decoration::C11)",
        "Order::Curvature => (f.enclose(&self.sides, 2), Decoration::Continuous)",
    ),
    (
        "region.rs",
        "Order::Value => (f.enclose(&self.sides, 0), Decoration::Defined)",
        "Order::Value => (f.enclose(&self.sides, 0), Decoration::Unknown)",
    ),
    ("region.rs", "if !(side.lower() < at && at < side.upper()) {", "if !(side.lower() <= at && at <= side.upper()) {"),
    ("region.rs", "if known { exact + Interval::raw(-rounding, rounding) }", "if known { exact }"),
    ("region.rs", "sum = sum + jet.second(i, j) * r * self.halves[j].1 * UNIT;", ""),
    (
        "region.rs",
        "jet.second(i, i) * r * r * Interval::exact(0.5)",
        "jet.second(i, i) * r * r * Interval::exact(0.25)",
    ),
    ("region.rs", "if 2.0 * h >= -slope {", "if h >= -slope {"),
    ("region.rs", "if 2.0 * h >= -slope {", "if h >= 0.0 {"),
    ("region.rs", "Interval::exact(-4.0)", "Interval::exact(-8.0)"),
    ("region.rs", "jet.second(i, i) * area(i, i) * share;", "jet.second(i, i) * area(i, i) * Interval::raw(0.0, 0.5);"),
    ("region.rs", "twice * middle(i, j) * area(i, j) * share + off", "twice * middle(i, j) * area(i, j) * share"),
    ("region.rs", "twice * middle(i, j) * area(i, j) * share + off", "middle(i, j) * area(i, j) * share + off"),
    ("region.rs", "deviation = deviation + off;", ""),
    ("region.rs", "deviation = deviation + (jet.second(i, i) - middle(i, i)) * area(i, i) * UNIT;", ""),
    ("region.rs", "sum * Interval::exact(4.0)", "sum"),
    ("region.rs", "Interval::exact(0.25) * Interval::raw", "Interval::exact(0.2) * Interval::raw"),
    ("region.rs", "needed.fold(0.0, f64::max)", "largest"),
    (
        "region.rs",
        "linear - quadratic * Interval::exact(0.5) + output.noise()",
        "linear - quadratic * Interval::exact(0.5)",
    ),
    ("region.rs", "(0..=order.len()).map(|k|", "(0..order.len()).map(|k|"),
    (
        "region.rs",
        "(lowest.min(value), highest.max(value));\n    }\n    let off",
        "(value, value);\n    }\n    let off",
    ),
    // The checker.
    ("checker.rs", "if found != certificate.model {", "if false {"),
    ("checker.rs", "if certificate.claims.is_empty() {", "if false {"),
    ("checker.rs", "Node::Cut(..) if cuts == MAX_CUTS =>", "Node::Cut(..) if cuts == 2 * MAX_CUTS =>"),
    ("checker.rs", "if open.is_empty() { Ok(()) }", "if true { Ok(()) }"),
    ("checker.rs", "return Err(ClaimRefusal::Extra { used: entry, entries: claim.tree.len() });", "break;"),
    (
        "checker.rs",
        "filter(|claimed| !claimed.encloses(found))",
        "filter(|claimed| claimed.intersection(found).is_none())",
    ),
    ("checker.rs", "(\"f32\", claim.f32, found.f32)", "(\"f32\", claim.f32, found.f64)"),
    ("checker.rs", "(\"f64\", claim.f64, found.f64)", "(\"f64\", claim.f64, found.exact)"),
    ("checker.rs", "(\"exact\", Some(claim.exact), found.exact)", "(\"exact\", claim.f64, found.exact)"),
    ("checker.rs", ".flatten().all(|x| x.is_bounded()) {", ".flatten().all(|_| true) {"),
    ("checker.rs", "open.push((right, cuts + 1));\n", ""),
    // The forms of a derivation.
    ("derive/form.rs", "error = up_sum(error, up_product(weight.abs(), form.error));", ""),
    ("derive/form.rs", "if !c.is_exact {", "if false {"),
    ("derive/form.rs", "let gamma = FORMAT.gamma(k + 1);", "let gamma = 0.2 * FORMAT.gamma(1);"),
    ("derive/form.rs", "self.is_exact &= is_shift &&", "self.is_exact &="),
    ("derive/form.rs", "&& sum.error == 0.0;", ";"),
    (
        "derive/form.rs",
        "let start = Interval::exact(form.constant) + around(form.error);",
        "let start = Interval::exact(form.constant);",
    ),
    ("derive/form.rs", "let start = up_sum(form.constant.abs(), form.error);", "let start = form.constant.abs();"),
    ("derive/form.rs", "z.error = up_sum(z.error, below);", ""),
    ("derive/form.rs", "let error = up_sum(error, form.error);", ""),
    ("derive/form.rs", "Form { error: above, ..Form::default() }", "Form::default()"),
    ("derive/form.rs", "const LITTLE: f64 = power_of_two(-12);", "const LITTLE: f64 = 1.0;\n    z.error = 0.0;"),
    ("derive/form.rs", "reading.round(&mut z, input.rounding(format, side.magnitude(), difference, exact))?;", ""),
    ("derive/form.rs", "self.round(&mut z, error.max(in_f64))?;", ""),
    (
        "derive/form.rs",
        "Role::Fold => self.atoms.combine(0.0, &[(0.5, &argument), (0.5, &quantity)]),",
        "Role::Fold => quantity.clone(),",
    ),
    ("derive/form.rs", "&[(0.5, &argument), (-0.25, &quantity)]", "&[(0.5, &argument), (-0.2, &quantity)]"),
    ("derive/form.rs", "Role::Hinge => bounds.max(Interval::ZERO),", "Role::Hinge => Interval::ZERO,"),
    ("derive/form.rs", "Role::Fold => bounds.abs(),", "Role::Fold => Interval::ZERO,"),
    ("derive/form.rs", "relation.error = up_sum(own, up_sum(off, underflow));", "relation.error = off;"),
    ("derive/form.rs", "relation.error = up_sum(own, up_sum(off, underflow));", "relation.error = own;"),
    (
        "derive/form.rs",
        "(relation.terms[pivot], relation.terms[new]) = (0.0, 1.0 / c);",
        "(relation.terms[pivot], relation.terms[new]) = (0.0, 1.0);",
    ),
    // The rules.
    (
        "derive/mod.rs",
        "let mut off = up_sum(up_product(4.0, outside), up_product(outside, outside));",
        "let mut off = 0.0;",
    ),
    ("derive/mod.rs", "off = up_sum(off, up_product(scale, distance));", ""),
    ("derive/mod.rs", "let off = Interval::raw(0.0, scale / 4.0) + around(off);", "let off = around(off);"),
    (
        "derive/mod.rs",
        "let off = Interval::raw(0.0, scale / 4.0) + around(off);",
        "let off = Interval::raw(0.0, scale / 16.0) + around(off);",
    ),
    (
        "derive/mod.rs",
        "let own = square.off + around(up_product(e, up_sum(up_product(2.0, size), e)));",
        "let own = square.off;",
    ),
    ("derive/mod.rs", "off = off + by * own;", "off = off + own;"),
    ("derive/mod.rs", "Ok((definition, area * off + around(rounded)))", "Ok((definition, area * off))"),
    ("derive/mod.rs", "Ok((definition, area * off + around(rounded)))", "Ok((definition, around(rounded)))"),
    (
        "derive/mod.rs",
        "let range = close.unwrap_or(Interval::ENTIRE) + off;",
        "let range = close.unwrap_or(Interval::ENTIRE);",
    ),
    ("derive/mod.rs", "let range = close.unwrap_or(Interval::ENTIRE) + off;", "let range = Interval::ONE + off;"),
    ("derive/mod.rs", "(*v, b - value * a - *v * e.power(2))", "(*v, b - *v * e.power(2))"),
    ("derive/mod.rs", "(*v, b - value * a - *v * e.power(2))", "(*v, -value * a - *v * e.power(2))"),
    ("derive/mod.rs", "(*v, b - value * a - *v * e.power(2))", "(*v, b - value * a)"),
    ("derive/mod.rs", "(*v, b - value * a - *v * e.power(2))", "(*v, b - value * a + *v * e.power(2))"),
    ("derive/mod.rs", "if matches!(function.symbols(), [Op::Variable(0), Op::Power(-1)]) =>", "=>"),
    (
        "derive/mod.rs",
        "self.defects.insert(node, (value, off));",
        "self.defects.insert(node, (value, Interval::ZERO));",
    ),
    ("derive/mod.rs", "self.reciprocal(k - 1)?)).times(operands[0].constant)", "self.reciprocal(k - 1)?))"),
    ("derive/mod.rs", "let error = atoms.distance(self.reading.form(argument), &difference);", "let error = 0.0;"),
    ("derive/mod.rs", "sum.error = up_sum(sum.error, linear.constant.width());", ""),
    ("derive/mod.rs", "sum.error = up_sum(sum.error, up_product(coefficient.width(), atoms.size(form)));", ""),
    (
        "derive/mod.rs",
        "let rest = atoms.range(&atoms.combine(0.0, &[(1.0, self.reading.output()), (-1.0, &self.form(&root))]));",
        "let rest = Interval::ZERO;",
    ),
    ("derive/mod.rs", "Some(graph) if is_part =>", "Some(graph) if true =>"),
    ("derive/mod.rs", "mix.error = atoms.size(&rest);", ""),
    (
        "derive/mod.rs",
        "Op::Combine(Binary::Sub) => operands[0].clone().plus(minus, &operands[1]),",
        "Op::Combine(Binary::Sub) => operands[0].clone().plus(Interval::ONE, &operands[1]),",
    ),
    ("derive/mod.rs", "let range = around(up_sum(t.abs(), off));", "let range = around(t.abs());"),
    ("derive/mod.rs", "let range = around(up_sum(t.abs(), off));", "let range = around(off);"),
    ("derive/mod.rs", "if hinges[0] == hinges[1] {", "if false {"),
    ("derive/mod.rs", "&[(1.0, reading.form(u)), (-1.0, h), (1.0, opposite)]", "&[(1.0, reading.form(u)), (-1.0, h)]"),
    // Curves and sweeps.
    ("derive/curve.rs", "if known < Decoration::Defined {", "if false {"),
    ("derive/curve.rs", "if known >= Decoration::Continuous && is_inside {", "if is_inside {"),
    ("derive/curve.rs", "if known == Decoration::C11 {", "if true {"),
    ("derive/curve.rs", "claimed.encloses(gap) && (is_small", "(is_small"),
    ("derive/curve.rs", "errors.push((piece, noise - gap));", "errors.push((piece, -gap));"),
    ("derive/curve.rs", "errors.push((piece, noise - gap));", "errors.push((piece, noise + gap));"),
    ("derive/curve.rs", "line(above, -difference * Interval::raw(range.lower(), 0.0))", "line(above, Interval::ZERO)"),
    ("derive/curve.rs", "line(below, difference * Interval::raw(0.0, range.upper()))", "line(below, Interval::ZERO)"),
    (
        "derive/curve.rs",
        "let noise = around(up_product(below.abs().max(above.abs()), self.noise.magnitude()));",
        "let noise = Interval::ZERO;",
    ),
    ("derive/curve.rs", "second: TWO * (slope.power(2) + range * self.second),", "second: TWO * slope.power(2),"),
    ("derive/curve.rs", "noise: TWO * range * self.noise + self.noise.power(2) + off,", "noise: off,"),
    (
        "derive/curve.rs",
        "noise: TWO * range * self.noise + self.noise.power(2) + off,",
        "noise: TWO * range * self.noise + self.noise.power(2),",
    ),
    ("derive/curve.rs", "let slopes = sum.slope + sum.second * place.offset;", "let slopes = sum.slope;"),
    // Ranges of sums of one quantity.
    (
        "derive/curve.rs",
        "let found = place.range(sum.value, sum.slope, sum.second) + sum.noise;",
        "let found = place.range(sum.value, sum.slope, sum.second);",
    ),
    ("derive/curve.rs", "whole = Some(whole.map_or(found, |whole| whole.hull(found)));", "whole = Some(found);"),
    (
        "derive/curve.rs",
        "open.push((Interval::raw(piece.lower(), middle), depth + 1));\n                open.push((Interval::raw(middle,",
        "open.push((Interval::raw(middle,",
    ),
    (
        "derive/curve.rs",
        "ends.extend([range.lower(), range.upper()]);",
        "ends.extend([range.midpoint(), range.upper()]);",
    ),
    ("derive/form.rs", "_ => (0.0, bounds.abs()),", "_ => (0.0, Interval::raw(0.0, 0.25)),"),
    (
        "derive/mod.rs",
        "Role::Fold => Interval::raw(-1.0, 1.0),",
        "Role::Fold => return Some(Interval::raw(-1.0, 1.0)),",
    ),
    // Formulas that are the same.
    ("derive/mod.rs", "are_same(expression, &other, sides).then_some(other)", "Some(other)"),
    ("derive/same.rs", "is_defined(f) && is_defined(g)", "is_defined(g)"),
    ("derive/same.rs", "is_defined(f) && is_defined(g)", "is_defined(f)"),
    ("derive/same.rs", "if u.below == v.below {", "if true {"),
    ("derive/same.rs", "coefficient.checked_mul(sign)?", "coefficient.abs().checked_mul(sign)?"),
    ("derive/same.rs", "is_it = is_it && self.is_same(u, v)?;", "is_it = true;"),
    ("derive/same.rs", "if found.is_none() && self.atoms[a].0 == op {", "if found.is_none() {"),
    ("derive/same.rs", "if n < 0 { power.reciprocal()? } else { power }", "power"),
    ("derive/same.rs", "if exponent < 0 { power.reciprocal()? } else { power }", "power"),
    ("derive/same.rs", "[(a, 1)] if below == Polynomial::number(1) => Some(a),", "[(a, 1)] => Some(a),"),
    ("derive/same.rs", "self.sides[i as usize].lower() > 0.0", "self.sides[i as usize].is_bounded()"),
    (
        "derive/same.rs",
        "for (monomial, coefficient, sign) in [(m, c, 1), (n, d, -1)] {",
        "for (monomial, coefficient, sign) in [(m, c, 1), (n, d, 1)] {",
    ),
    ("derive/same.rs", "Quotient::atom(a, n)", "Quotient::atom(a, 1)"),
    ("derive/same.rs", "checked_sub(i32::try_from(part.len()).ok()?)?", "checked_sub(0)?"),
    ("derive/sweep.rs", "-self.rest - off.unwrap_or(Interval::ENTIRE)", "self.rest - off.unwrap_or(Interval::ENTIRE)"),
    ("derive/sweep.rs", "off = off + slope * errors[k];", ""),
    ("derive/sweep.rs", "pass(&mut slopes, u, slope * of_v);", ""),
    ("derive/sweep.rs", "pass(&mut slopes, operand, slope * jet.gradient()[0]);", ""),
    (
        "derive/sweep.rs",
        "let range = value + error.hull(Interval::ZERO);\n            ranges",
        "let range = value;\n            ranges",
    ),
    (
        "derive/sweep.rs",
        "Self { operation, error, range: value + error.hull(Interval::ZERO) }",
        "Self { operation, error, range: value }",
    ),
    (
        "derive/sweep.rs",
        "Some(one) => pass(&mut slopes, &operands[one], slope),",
        "Some(_) => pass(&mut slopes, &operands[0], slope),",
    ),
    ("derive/sweep.rs", "if u.lower() >= v.upper() {", "if u.upper() >= v.upper() {"),
    (
        "checker.rs",
        "work.checked_sub(region.work()).ok_or(ClaimRefusal::Work { entry })?",
        "work.saturating_sub(region.work())",
    ),
];

const FOLDER: &str = "crates/multigrade-model/src/truth";

/// The tests that should notice, those first that are nearest to the file.
fn tests(file: &str) -> [&'static str; 4] {
    match file {
        "program.rs" => ["--lib truth::", "--test region", "--test mesh", "--test certificate"],
        name if name.starts_with("derive/") => {
            ["--lib truth::", "--test derivation", "--test certificate", "--test mesh"]
        }
        "checker.rs" => ["--test certificate", "--test mesh", "--test region", "--lib truth::"],
        _ => ["--test region", "--test mesh", "--test certificate", "--lib truth::"],
    }
}

/// Whether all tests pass on the copy.
fn passes(copy: &Path, file: &str) -> Result<bool, String> {
    for test in tests(file) {
        if !cargo(copy, &format!("test -q -p multigrade-model {test}"))? {
            return Ok(false);
        }
    }
    Ok(true)
}

fn cargo(copy: &Path, arguments: &str) -> Result<bool, String> {
    // What the copy depends on is compiled already. Less optimisation: it is compiled often and runs for seconds.
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| copy.join("../.."), PathBuf::from);
    let mut command = Command::new("cargo");
    command.args(arguments.split_whitespace()).current_dir(copy).env("CARGO_TARGET_DIR", target);
    command.env("CARGO_PROFILE_DEV_OPT_LEVEL", "1").env("CARGO_PROFILE_DEV_DEBUG", "0");
    let status = command.stdout(Stdio::null()).stderr(Stdio::null()).status();
    status.map(|status| status.success()).map_err(|error| format!("cannot run cargo: {error}"))
}

/// Copies what git knows of the repository, as it is on the disk.
fn copy_tree(root: &Path, copy: &Path) -> Result<(), String> {
    let listed = Command::new("git").args(["ls-files", "-z"]).current_dir(root).output();
    let listed = listed.map_err(|error| format!("cannot run git: {error}"))?;
    for name in String::from_utf8_lossy(&listed.stdout).split('\0').filter(|name| !name.is_empty()) {
        let fail = |error: std::io::Error| format!("{name}: {error}");
        let target = copy.join(name);
        target.parent().map_or(Ok(()), std::fs::create_dir_all).map_err(fail)?;
        if root.join(name).is_file() {
            std::fs::copy(root.join(name), target).map_err(fail)?;
        }
    }
    Ok(())
}

/// Runs the tests on every mutant whose file or text contains `wanted`, and fails if one of them passes.
pub(crate) fn run(root: &Path, wanted: &str) -> Result<(), String> {
    let copy = root.join("target/mutants/tree");
    copy_tree(root, &copy)?;
    if !passes(&copy, "")? {
        return Err("the tests fail without any mutant".to_owned());
    }
    let mut survivors = 0;
    let chosen: Vec<&Mutant> = MUTANTS.iter().filter(|m| m.0.contains(wanted) || m.1.contains(wanted)).collect();
    for (i, (file, from, to)) in chosen.iter().enumerate() {
        let path = copy.join(FOLDER).join(file);
        let text = std::fs::read_to_string(&path).map_err(|error| format!("{file}: {error}"))?;
        if text.matches(from).count() != 1 {
            return Err(format!("{file}: '{from}' stands there {} times, expected once", text.matches(from).count()));
        }
        let write = |text: &str| std::fs::write(&path, text).map_err(|error| format!("{file}: {error}"));
        write(&text.replacen(from, to, 1))?;
        let passes = passes(&copy, file)?;
        // A mutant that does not compile says nothing about the tests.
        let compiles = passes || cargo(&copy, "build -q -p multigrade-model --lib")?;
        write(&text)?;
        let verdict = match (compiles, passes) {
            (false, _) => "DOES NOT COMPILE",
            (_, true) => "SURVIVES",
            _ => "noticed",
        };
        survivors += usize::from(!compiles || passes);
        println!("{:>3}/{} {verdict:<9} {file}: {} -> {to}", i + 1, chosen.len(), from.escape_debug());
    }
    if survivors == 0 { Ok(()) } else { Err(format!("{survivors} mutants are not noticed by any test")) }
}
