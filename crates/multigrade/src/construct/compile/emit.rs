//! From a plan to neurons, and to the derivation that says what they compute.

use super::super::cube::Cube;
use super::super::wiring::Form;
use super::budget::{Pair, Pick, Plan};
use super::curve::{Body, Recipe};
use super::graph::{Atom, Curve, Graph, enclose};
use super::series::{Series, Term};
use super::spline::{Tower, Zones};
use super::tape::{Laid, Tape};
use multigrade_model::ModelError;
use multigrade_model::truth::{Derivation, Interval, Role, Rule, Source, Step};
use std::collections::BTreeMap;

/// Writes one atom after the other. ReLUs have their numbers on the tape until the end.
struct Writer<'a> {
    graph: &'a Graph,
    plan: &'a Plan,
    tape: Tape,
    /// What computes each atom, over values of the tape.
    values: Vec<Option<Form>>,
    roles: Vec<(usize, Role)>,
    steps: Vec<Step>,
    squares: usize,
    /// For each atom, how many are below it.
    weight: Vec<usize>,
}

/// A network that is written but not laid out yet.
#[derive(Clone)]
pub(super) struct Written {
    formula: Option<String>,
    tape: Tape,
    roles: Vec<(usize, Role)>,
    steps: Vec<Step>,
}

/// How a grade follows from an approximant `p`, which is moved by `shift`.
pub(super) struct Rung<'a> {
    pub(super) graph: &'a Graph,
    pub(super) plan: &'a Plan,
    pub(super) shift: f64,
    /// `t`, if the grade projects the approximation onto the tube `p - t .. p + t`; else the grade ends at `p`.
    pub(super) tube: Option<f64>,
}

/// One grade that computes the formula; `formula` is what the derivation has to refer to, if not the formula as it was given.
pub(super) fn write(graph: &Graph, plan: &Plan, shift: f64, cube: &Cube, formula: Option<String>) -> Written {
    Written { formula, ..write_grades(&[Rung { graph, plan, shift, tube: None }], cube) }
}

/// A grade for each of the approximants, of which there is at least one.
///
/// Each computes the formula anew. The approximation so far is carried through the grade, and the correction is what it
/// takes to reach the approximant, or its tube.
pub(super) fn write_grades(rungs: &[Rung], cube: &Cube) -> Written {
    let mut writer = Writer::new(&rungs[0], cube);
    let mut before = Form::default();
    for (k, rung) in rungs.iter().enumerate() {
        if k > 0 {
            writer.begin(rung, cube);
            writer.step(Rule::Anew);
        }
        let approximant = writer.form(&rung.graph.root).shifted(rung.shift);
        let correction = match rung.tube {
            None => approximant.clone().plus(-1.0, &before),
            Some(t) => writer.soft_threshold(approximant.clone().plus(-1.0, &before), t),
        };
        let [lower, upper] = writer.tape.range(&approximant);
        let tube = rung.tube.unwrap_or(0.0);
        let after = if rung.tube.is_some() { before.plus(1.0, &correction) } else { approximant };
        writer.tape.end(correction);
        before = if k + 1 < rungs.len() { writer.tape.keep_within(after, [lower - tube, upper + tube]) } else { after };
    }
    Written { formula: None, tape: writer.tape, roles: writer.roles, steps: writer.steps }
}

impl Written {
    /// Neurons of the widest layer.
    pub(super) fn width(&self) -> usize {
        self.tape.width()
    }

    /// ReLUs that take both signs.
    pub(super) fn size(&self) -> usize {
        self.tape.relus()
    }

    /// The same of each grade.
    pub(super) fn sizes(&self) -> Vec<usize> {
        self.tape.sizes()
    }

    /// The grades, with layers of equal width, and how their neurons are read.
    pub(super) fn lay(self, width: usize) -> Result<(Laid, Derivation), ModelError> {
        let laid = self.tape.lay(width)?;
        let place = |relu: usize| laid.places[relu];
        let source = |source: Source| match source {
            Source::Neuron(relu) => Source::Neuron(place(relu)),
            other => other,
        };
        let step = |step: Step| {
            let before = step.before.checked_sub(1).map_or(0, |last| place(last) + 1);
            let rule = match step.rule {
                Rule::Square { fold, tents } => {
                    Rule::Square { fold: fold.map(place), tents: tents.into_iter().map(place).collect() }
                }
                Rule::Curve { part, of, constant, terms, cuts, error } => {
                    let terms = terms.into_iter().map(|(s, weight)| (source(s), weight)).collect();
                    Rule::Curve { part, of, constant, terms, cuts, error }
                }
                Rule::Extremum { node, hinge } => Rule::Extremum { node, hinge: place(hinge) },
                Rule::Clamp { hinges } => Rule::Clamp { hinges: hinges.map(place) },
                other @ (Rule::Product { .. } | Rule::Anew) => other,
            };
            Step { before, rule }
        };
        let roles = self.roles.into_iter().map(|(relu, role)| (place(relu), role)).collect();
        let steps = self.steps.into_iter().map(step).collect();
        Ok((laid, Derivation { formula: self.formula, roles, steps }))
    }
}

impl<'a> Writer<'a> {
    fn new(rung: &Rung<'a>, cube: &Cube) -> Self {
        let (graph, plan, tape) = (rung.graph, rung.plan, Tape::new(cube.dimension()));
        let (values, weight) = (Vec::new(), Vec::new());
        let mut writer = Self { graph, plan, tape, values, roles: Vec::new(), steps: Vec::new(), squares: 0, weight };
        writer.begin(rung, cube);
        writer
    }

    /// Begins to write an approximant: of its atoms only the inputs are there.
    fn begin(&mut self, rung: &Rung<'a>, cube: &Cube) {
        (self.graph, self.plan) = (rung.graph, rung.plan);
        self.weight.clear();
        for atom in &self.graph.atoms {
            let own = usize::from(!matches!(atom, Atom::Input(_)));
            let below = |form: &Form| form.terms.iter().map(|t| self.weight[t.0]).sum::<usize>();
            let sum = own + atom.operands().iter().map(below).sum::<usize>();
            self.weight.push(sum.min(1 << 30));
        }
        let input = |atom: &Atom| match atom {
            Atom::Input(k) => Some(Form::neuron(*k).scaled(cube.scale(*k)).shifted(cube.at(*k, 0.0))),
            _ => None,
        };
        self.values = self.graph.atoms.iter().map(input).collect();
    }

    /// `max(e - t, 0) - max(-e - t, 0)`.
    fn soft_threshold(&mut self, e: Form, t: f64) -> Form {
        let e = self.tape.keep(e);
        let [lower, upper] = self.tape.range(&e);
        let (up, h) = self.relu(e.clone().shifted(-t), (upper - t).max(0.0), Role::Hinge);
        let (down, opposite) = self.relu(e.scaled(-1.0).shifted(-t), (-lower - t).max(0.0), Role::Hinge);
        self.step(Rule::Clamp { hinges: [up, down] });
        h.plus(-1.0, &opposite)
    }

    /// An affine combination of atoms; those that take most registers first, so that few results wait.
    fn form(&mut self, form: &Form) -> Form {
        let mut order: Vec<(usize, f64)> = form.terms.iter().copied().filter(|t| t.1 != 0.0).collect();
        order.sort_by_key(|t| std::cmp::Reverse(self.weight[t.0]));
        let mut sum = Form::default().shifted(form.constant);
        for (atom, weight) in order {
            let value = self.atom(atom);
            sum = sum.plus(weight, &value);
            if !matches!(self.graph.atoms[atom], Atom::Input(_)) {
                sum = self.tape.keep(sum);
            }
        }
        sum
    }

    fn atom(&mut self, atom: usize) -> Form {
        if let Some(value) = &self.values[atom] {
            return value.clone();
        }
        let (graph, plan) = (self.graph, self.plan);
        let value = match (&graph.atoms[atom], &plan.picks[atom]) {
            (Atom::Curve(curve), Pick::Curve(recipe)) => self.curve(curve, recipe, plan.ranges[atom]),
            (Atom::Product { node, factors }, Pick::Product(pair)) => {
                self.product(*node, factors, pair, plan.ranges[atom])
            }
            (Atom::Extremum { node, largest, operands }, _) => self.extremum(*node, *largest, operands),
            _ => Form::default(),
        };
        self.values[atom] = Some(value.clone());
        value
    }

    /// Both operands, kept; the one that takes more registers is computed first.
    fn both(&mut self, forms: &[Form; 2]) -> [Form; 2] {
        let weight = |form: &Form| form.terms.iter().map(|t| self.weight[t.0]).sum::<usize>();
        let [u, v] = forms;
        if weight(u) >= weight(v) {
            let u = self.kept(u);
            [u, self.kept(v)]
        } else {
            let v = self.kept(v);
            [self.kept(u), v]
        }
    }

    fn kept(&mut self, form: &Form) -> Form {
        let value = self.form(form);
        self.tape.keep(value)
    }

    fn relu(&mut self, form: Form, most: f64, role: Role) -> (usize, Form) {
        let number = self.tape.relus();
        self.roles.push((number, role));
        (number, self.tape.relu(form, most))
    }

    fn step(&mut self, rule: Rule) {
        self.steps.push(Step { before: self.tape.relus(), rule });
    }

    fn extremum(&mut self, node: usize, largest: bool, operands: &[Form; 2]) -> Form {
        let [u, v] = self.both(operands);
        let sign = if largest { 1.0 } else { -1.0 };
        let difference = v.plus(-1.0, &u).scaled(sign);
        let most = self.tape.range(&difference)[1].max(0.0);
        let (hinge, h) = self.relu(difference, most, Role::Hinge);
        self.step(Rule::Extremum { node, hinge });
        self.tape.keep(u.plus(sign, &h))
    }

    /// `|form|` for a form in [-most, most].
    fn fold(&mut self, form: Form, most: f64) -> (usize, Form) {
        let (number, h) = self.relu(form.clone(), most, Role::Fold);
        let value = form.scaled(-1.0).plus(2.0, &h);
        (number, self.tape.keep_within(value, [0.0, most]))
    }

    /// `n` tents over `head`; each is taken from `sum`, multiplied by `height` and its power of 1/4.
    fn tents(&mut self, mut head: Form, mut sum: Form, height: f64, n: usize) -> (Vec<usize>, Form) {
        let mut tents = Vec::with_capacity(n);
        for j in 1..=n {
            let (tent, h) = self.relu(head.clone().shifted(-0.5), 0.5, Role::Tent);
            // In f32 heads leave [0, 1] by a rounding that every tent doubles.
            let next = head.scaled(2.0).plus(-4.0, &h);
            head = self.tape.keep_above(next, [0.0, 1.0], -(2f64.powi(j as i32 - 20)));
            sum = self.tape.keep(sum.plus(-height * 0.25f64.powi(j as i32), &head));
            tents.push(tent);
        }
        (tents, sum)
    }

    fn square(&mut self, fold: Option<usize>, tents: Vec<usize>) -> usize {
        self.step(Rule::Square { fold, tents });
        self.squares += 1;
        self.squares - 1
    }

    fn product(&mut self, node: usize, factors: &[Form; 2], pair: &Pair, range: Interval) -> Form {
        let [u, v] = self.both(factors);
        let ([cu, cv], [ru, rv]) = (pair.centers, pair.radii);
        let half = |sign: f64| {
            let p = u.clone().shifted(-cu).scaled(0.5 / ru);
            p.plus(sign * 0.5 / rv, &v.clone().shifted(-cv))
        };
        let (plus, minus) = (half(1.0), half(-1.0));
        let (fold_plus, a) = self.fold(plus, 1.0);
        let (fold_minus, b) = self.fold(minus, 1.0);
        let sum = u.scaled(cv).plus(cu, &v).shifted(-cu * cv).plus(ru * rv, &a).plus(-ru * rv, &b);
        let sum = self.tape.keep(sum);
        let (tents, sum) = self.tents(a, sum, ru * rv, pair.tents[0] - 1);
        let plus = self.square(Some(fold_plus), tents);
        let (tents, sum) = self.tents(b, sum, -ru * rv, pair.tents[1] - 1);
        let minus = self.square(Some(fold_minus), tents);
        self.step(Rule::Product { node, squares: [plus, minus], centers: pair.centers, radii: pair.radii });
        self.tape.keep_within(sum, [range.lower(), range.upper()])
    }

    fn curve(&mut self, curve: &Curve, recipe: &Recipe, range: Interval) -> Form {
        let mut s = self.kept(&curve.argument);
        let argument = enclose(&curve.argument, &self.plan.ranges);
        let mut source = Source::Argument;
        let mut ends = [argument.lower(), argument.upper()];
        for fold in &recipe.folds {
            let z = s.scaled(fold.slope).shifted(fold.shift);
            ends = ends.map(|end| (fold.slope * end + fold.shift).abs());
            let most = ends[0].max(ends[1]);
            ends = [0.0, most];
            let (number, folded) = self.fold(z, most);
            (s, source) = (folded, Source::Neuron(number));
        }
        let (sum, constant, terms) = match &recipe.body {
            Body::Spline(zones, towers) => self.spline(s, source, zones, towers, recipe.shift),
            Body::Series(series) => self.series(s, source, series, recipe.shift),
        };
        let cuts = recipe.cuts(argument);
        self.step(Rule::Curve { part: curve.part, of: curve.of, constant, terms, cuts, error: recipe.exact });
        self.tape.keep_within(sum, [range.lower(), range.upper()])
    }

    /// Hinges and towers over `s`, which is `source` in the terms of the rule: the sum, its constant and its terms.
    fn spline(
        &mut self,
        s: Form,
        source: Source,
        zones: &Zones,
        towers: &[(Tower, usize)],
        shift: f64,
    ) -> (Form, f64, Vec<(Source, f64)>) {
        let (knots, m) = (&zones.knots, zones.bends.len());
        // What the hinges make: the chords, and the path of each tower.
        let chords = |i: usize| {
            let bump = |(t, _): &(Tower, usize)| t.height * t.path[i] * (1.0 - t.path[i]);
            zones.values[i] + towers.iter().map(bump).sum::<f64>()
        };
        let mut sums: Vec<Vec<f64>> = vec![(0..=m).map(chords).collect()];
        sums.extend(towers.iter().map(|t| t.0.path.clone()));
        // Hinges look away from the flattest piece, so that nothing large has to cancel.
        let slope = |values: &[f64], i: usize| (values[i + 1] - values[i]) / (knots[i + 1] - knots[i]);
        let steepness = |i: &usize| slope(&sums[0], *i).abs();
        let flattest = (0..m).min_by(|a, b| steepness(a).total_cmp(&steepness(b))).unwrap_or(0);
        let line = |values: &[f64]| {
            let slope = slope(values, flattest);
            (slope, values[flattest] - slope * knots[flattest])
        };
        let mut forms: Vec<Form> = sums.iter().map(|v| s.scaled(line(v).0).shifted(line(v).1)).collect();
        // The same in the terms of the rule, where the sum is that of the chords minus the paths' share.
        let share = |k: usize| if k == 0 { 1.0 } else { -towers[k - 1].0.height };
        let combined = |of: &dyn Fn(&[f64]) -> f64| -> f64 {
            sums.iter().enumerate().map(|(k, values)| share(k) * of(values)).sum()
        };
        let mut terms = vec![(source, combined(&|v| line(v).0))];
        let constant = combined(&|v| line(v).1) + shift;
        forms[0] = std::mem::take(&mut forms[0]).shifted(shift);
        let (first, last) = (knots[0], knots[m]);
        for (i, &knot) in knots.iter().enumerate().take(m).skip(1) {
            let looks_right = i > flattest;
            let z = if looks_right { s.clone().shifted(-knot) } else { s.scaled(-1.0).shifted(knot) };
            let most = if looks_right { last - knot } else { knot - first };
            let (hinge, h) = self.relu(z, most, Role::Hinge);
            let turn = |values: &[f64]| slope(values, i) - slope(values, i - 1);
            for (form, values) in forms.iter_mut().zip(&sums) {
                *form = self.tape.keep(std::mem::take(form).plus(turn(values), &h));
            }
            terms.push((Source::Neuron(hinge), combined(&turn)));
        }
        let mut paths = forms.split_off(1).into_iter();
        let mut sum = forms.remove(0);
        // Paths that wait for an earlier tower are carried too.
        let mut heads: Vec<Form> = paths.by_ref().map(|p| self.tape.keep_within(p, [0.0, 1.0])).collect();
        let mut tents = Vec::new();
        for (k, (tower, n)) in towers.iter().enumerate() {
            let head = std::mem::take(&mut heads[k]);
            let (made, next) = self.tents(head, sum, tower.height, *n);
            sum = next;
            tents.push((made, tower.height));
        }
        // All at the end: what is carried meanwhile keeps the bounds that it has as a sum of tents.
        for (tents, height) in tents {
            let square = self.square(None, tents);
            terms.push((Source::Square(square), height));
        }
        (sum, constant, terms)
    }

    /// Squares upon squares over `s`: the same.
    fn series(&mut self, s: Form, source: Source, series: &Series, shift: f64) -> (Form, f64, Vec<(Source, f64)>) {
        let by = 1.0 / series.radius;
        let (mut x, mut of_x) = (s.shifted(-series.center).scaled(by), (source, by, -series.center * by));
        if let Some(n) = series.square {
            let (tents, square) = self.tents(x.clone(), x, 1.0, n);
            of_x = (Source::Square(self.square(None, tents)), 2.0, -1.0);
            x = square.scaled(2.0).shifted(-1.0);
        }
        let (first, x) = (self.squares, self.tape.keep_within(x, [-1.0, 1.0]));
        let size = series.coefficients.iter().map(|c| c.abs()).sum::<f64>();
        let slope = series.coefficients.get(1).copied().unwrap_or(0.0);
        let mut sum = x.scaled(slope).shifted(series.coefficients[0] + shift);
        let mut polynomials = BTreeMap::from([(1, x)]);
        for link in &series.links {
            let mut z = Form::default();
            link.operands.iter().for_each(|m| z = std::mem::take(&mut z).plus(0.5 / link.scale, &polynomials[m]));
            let (fold, a) = self.fold(z, 1.0);
            let (tents, square) = self.tents(a.clone(), a, 1.0, link.tents - 1);
            self.square(Some(fold), tents);
            let mut polynomial = Form::default();
            for (weight, term) in link.terms() {
                polynomial = match term {
                    Term::One => polynomial.shifted(weight),
                    Term::Square => polynomial.plus(weight, &square),
                    Term::Polynomial(k) => polynomial.plus(weight, &polynomials[&k]),
                };
            }
            // As a sum of squares it may seem to be far larger than it is.
            polynomial = self.tape.keep_above(polynomial, [-1.01, 1.01], -9.0);
            if let Some(c) = series.coefficients.get(link.degree).filter(|c| **c != 0.0) {
                sum = self.tape.keep_above(sum.plus(*c, &polynomial), [-size, size], -10.0 * size);
            }
            polynomials.insert(link.degree, polynomial);
        }
        let (_, combination) = series.combinations();
        let (source, by, constant) = of_x;
        let mut terms = vec![(source, combination.slope * by)];
        terms.extend(combination.squares.iter().map(|(square, weight)| (Source::Square(first + square), *weight)));
        (sum, combination.constant + combination.slope * constant + shift, terms)
    }
}
