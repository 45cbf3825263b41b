//! From a plan to neurons, and to the derivation that says what they compute.

use super::super::cube::{Cube, between};
use super::super::wiring::Form;
use super::budget::{Pair, Pick, Plan};
use super::curve::{Body, Recipe};
use super::graph::{Atom, Curve, Graph, enclose};
use super::newton::Newton;
use super::series::{Series, Term};
use super::spline::{Tower, Zones};
use super::tape::{Laid, Tape};
use multigrade_model::ModelError;
use multigrade_model::truth::{Derivation, Interval, Role, Rule, Source, Step};
use std::collections::BTreeMap;

/// A tower as far as it is written.
#[derive(Clone)]
struct Rising {
    fold: Option<usize>,
    tents: Vec<usize>,
    head: Form,
}

/// A sum over towers of affine functions of the inputs: a later grade goes on from it.
#[derive(Clone)]
struct Known {
    /// The arguments of the towers, and what the sum begins with.
    of: Vec<Form>,
    heights: Vec<f64>,
    towers: Vec<Rising>,
    sum: Form,
}

/// Writes one atom after the other. ReLUs have their numbers on the tape until the end.
#[derive(Clone)]
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
    /// What grades have in common: sums over towers, and folds with their arguments, all of affine functions of the inputs.
    known: Vec<Known>,
    folds: Vec<(Form, usize, Form)>,
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
    write_grades(&[Rung { graph, plan, shift, tube: None }], cube).of(formula)
}

/// A grade for each of the approximants, of which there is at least one.
///
/// Each computes the formula anew, but goes on with folds and towers of affine functions of the inputs. The approximation so
/// far is carried through the grade, and the correction is what it takes to reach the approximant, or its tube.
pub(super) fn write_grades(rungs: &[Rung], cube: &Cube) -> Written {
    let mut writer = Writer::new(&rungs[0], cube);
    let mut before = Form::default();
    for (k, rung) in rungs.iter().enumerate() {
        if k > 0 {
            writer.begin(rung, cube);
            writer.step(Rule::Anew);
        }
        let approximant = writer.approximant(rung);
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
    /// The same for a formula in other words, which the derivation has to name.
    pub(super) fn of(self, formula: Option<String>) -> Self {
        Self { formula, ..self }
    }

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
                other @ (Rule::Product { .. } | Rule::Defect { .. } | Rule::Newton { .. } | Rule::Anew) => other,
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
        let (values, weight, roles, steps) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        let (known, folds) = (Vec::new(), Vec::new());
        let mut writer = Self { graph, plan, tape, values, roles, steps, squares: 0, weight, known, folds };
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

    /// The formula. A grade has a ReLU at least: if earlier ones have all that this one needs, it is computed again.
    fn approximant(&mut self, rung: &Rung<'a>) -> Form {
        let before = self.clone();
        let approximant = self.form(&rung.graph.root);
        if rung.tube.is_some() || self.tape.relus() > before.tape.relus() {
            return approximant.shifted(rung.shift);
        }
        *self = Self { known: Vec::new(), folds: Vec::new(), ..before };
        self.form(&rung.graph.root).shifted(rung.shift)
    }

    /// The form over values of the tape, if it is affine in the inputs.
    fn exact(&self, form: &Form) -> Option<Form> {
        let mut sum = Form::default().shifted(form.constant);
        for &(atom, weight) in form.terms.iter().filter(|t| t.1 != 0.0) {
            let Atom::Input(_) = self.graph.atoms[atom] else { return None };
            sum = sum.plus(weight, self.values[atom].as_ref()?);
        }
        Some(sum)
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
        let range = plan.ranges[atom];
        let value = match (&graph.atoms[atom], &plan.picks[atom]) {
            (Atom::Curve(curve), Pick::Curve(recipe)) => {
                let s = self.kept(&curve.argument);
                self.curve(curve, s, recipe, range)
            }
            (Atom::Curve(curve), Pick::Newton(newton)) => {
                let v = self.kept(&curve.argument);
                self.newton(curve, v, newton, range)
            }
            (Atom::Product { node, factors }, Pick::Product(pair)) => self.product(*node, factors, pair, range),
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

    /// Makes it a tower of `n` tents; each new one is taken from `sum`, multiplied by `height` and its power of 1/4.
    fn tents(&mut self, tower: &mut Rising, mut sum: Form, height: f64, n: usize) -> Form {
        for j in tower.tents.len() + 1..=n {
            let (tent, h) = self.relu(tower.head.clone().shifted(-0.5), 0.5, Role::Tent);
            // In f32 heads leave [0, 1] by a rounding that every tent doubles.
            let next = tower.head.scaled(2.0).plus(-4.0, &h);
            tower.head = self.tape.keep_above(next, [0.0, 1.0], -(2f64.powi(j as i32 - 20)));
            sum = self.tape.keep(sum.plus(-height * 0.25f64.powi(j as i32), &tower.head));
            tower.tents.push(tent);
        }
        sum
    }

    /// Towers and the sum over them, from what `start` makes, or, for affine functions of the inputs, from where an earlier
    /// grade left the same.
    fn risen(
        &mut self,
        of: Option<Vec<Form>>,
        heights: &[f64],
        tents: &[usize],
        start: impl FnOnce(&mut Self) -> (Vec<Rising>, Form),
    ) -> (Vec<Rising>, Form) {
        let is_lower = |known: &Known| known.towers.iter().zip(tents).all(|(tower, n)| tower.tents.len() <= *n);
        let fits = |known: &Known| Some(&known.of) == of.as_ref() && known.heights == heights && is_lower(known);
        let (mut towers, mut sum) = match self.known.iter().position(fits) {
            Some(i) => {
                let known = self.known.swap_remove(i);
                (known.towers, known.sum)
            }
            None => start(self),
        };
        for (tower, (height, n)) in towers.iter_mut().zip(heights.iter().zip(tents)) {
            sum = self.tents(tower, sum, *height, *n);
        }
        // The square uses up the first tent, or, without one, what it is the square of.
        if let Some(of) = of.filter(|_| towers.iter().all(|tower| tower.tents.len() > 1)) {
            let (heights, towers, sum) = (heights.to_vec(), towers.clone(), sum.clone());
            self.known.push(Known { of, heights, towers, sum });
        }
        (towers, sum)
    }

    fn square(&mut self, fold: Option<usize>, tents: Vec<usize>) -> usize {
        self.step(Rule::Square { fold, tents });
        self.squares += 1;
        self.squares - 1
    }

    fn product(&mut self, node: usize, factors: &[Form; 2], pair: &Pair, range: Interval) -> Form {
        let exact = [0, 1].map(|k| self.exact(&factors[k]));
        let both = self.both(factors);
        let (squares, product) = self.multiplied(both, exact, pair);
        self.step(Rule::Product { node, squares, centers: pair.centers, radii: pair.radii });
        self.tape.keep_within(product, [range.lower(), range.upper()])
    }

    /// The product, and its two squares; `exact` are the factors in terms of the inputs.
    fn multiplied(&mut self, [u, v]: [Form; 2], exact: [Option<Form>; 2], pair: &Pair) -> ([usize; 2], Form) {
        let ([cu, cv], [ru, rv]) = (pair.centers, pair.radii);
        let half = |sign: f64, u: &Form, v: &Form| {
            let p = u.clone().shifted(-cu).scaled(0.5 / ru);
            p.plus(sign * 0.5 / rv, &v.clone().shifted(-cv))
        };
        let affine = |u: &Form, v: &Form| u.scaled(cv).plus(cu, v).shifted(-cu * cv);
        let of = match &exact {
            [Some(u), Some(v)] => Some(vec![half(1.0, u, v), half(-1.0, u, v), affine(u, v)]),
            _ => None,
        };
        let heights = [ru * rv, -ru * rv];
        let (towers, sum) = self.risen(of, &heights, &pair.tents.map(|n| n - 1), |writer| {
            let mut sum = affine(&u, &v);
            let towers = [1.0, -1.0].map(|sign| {
                let (fold, head) = writer.fold(half(sign, &u, &v), 1.0);
                sum = std::mem::take(&mut sum).plus(sign * ru * rv, &head);
                Rising { fold: Some(fold), tents: Vec::new(), head }
            });
            (towers.to_vec(), writer.tape.keep(sum))
        });
        let squares = [0, 1].map(|k| self.square(towers[k].fold, towers[k].tents.clone()));
        (squares, sum)
    }

    fn newton(&mut self, curve: &Curve, v: Form, newton: &Newton, range: Interval) -> Form {
        let argument = enclose(&curve.argument, &self.plan.ranges);
        let off = newton.start.error();
        let close = Interval::ONE / argument + between(-off, off);
        let r = match &*newton.start {
            Pick::Newton(start) => self.newton(curve, v.clone(), start, close),
            Pick::Curve(recipe) => self.curve(curve, v.clone(), recipe, close),
            Pick::Exact | Pick::Product(_) => unreachable!("a reciprocal starts from a curve"),
        };
        let (of, [first, second]) = (curve.of, &newton.products);
        let (squares, p) = self.multiplied([v, r.clone()], [None, None], first);
        self.step(Rule::Defect { of, squares, centers: first.centers, radii: first.radii });
        let least = [-second.radii[1], second.radii[1]];
        let rest = self.tape.keep_within(p.scaled(-1.0).shifted(1.0), least);
        let (squares, product) = self.multiplied([r.clone(), rest], [None, None], second);
        self.step(Rule::Newton { of, squares, centers: second.centers, radii: second.radii });
        self.tape.keep_within(r.plus(1.0, &product), [range.lower(), range.upper()])
    }

    fn curve(&mut self, curve: &Curve, mut s: Form, recipe: &Recipe, range: Interval) -> Form {
        let argument = enclose(&curve.argument, &self.plan.ranges);
        let mut exact = self.exact(&curve.argument);
        let mut source = Source::Argument;
        let mut ends = [argument.lower(), argument.upper()];
        for (i, fold) in recipe.folds.iter().enumerate() {
            let bent = |s: &Form| s.scaled(fold.slope).shifted(fold.shift);
            ends = ends.map(|end| (fold.slope * end + fold.shift).abs());
            let most = ends[0].max(ends[1]);
            ends = [0.0, most];
            let of = exact.as_ref().map(bent);
            let known = of.as_ref().and_then(|of| self.folds.iter().find(|fold| fold.0 == *of)).cloned();
            let (number, folded) = match known {
                Some((_, number, folded)) => (number, folded),
                None => self.fold(bent(&s), most),
            };
            // Where nothing follows on the last fold, the curve uses it up.
            let is_kept = i + 1 < recipe.folds.len() || recipe.size() > recipe.folds.len();
            if let Some(of) = of.filter(|of| is_kept && !self.folds.iter().any(|fold| fold.0 == *of)) {
                self.folds.push((of, number, folded.clone()));
            }
            exact = exact.map(|_| folded.clone());
            (s, source) = (folded, Source::Neuron(number));
        }
        let (sum, constant, terms) = match &recipe.body {
            Body::Spline(zones, towers) => self.spline(s, exact, source, zones, towers, recipe.shift),
            Body::Series(series) => self.series(s, source, series, recipe.shift),
        };
        let cuts = recipe.cuts(argument);
        self.step(Rule::Curve { part: curve.part, of: curve.of, constant, terms, cuts, error: recipe.exact });
        self.tape.keep_within(sum, [range.lower(), range.upper()])
    }

    /// Hinges and towers over `s`, which is `source` in the terms of the rule: the sum, its constant and its terms. `exact` is
    /// `s` in terms of the inputs and of folds that grades have in common.
    fn spline(
        &mut self,
        s: Form,
        exact: Option<Form>,
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
        let pieces = |s: &Form| -> Vec<Form> { sums.iter().map(|v| s.scaled(line(v).0).shifted(line(v).1)).collect() };
        let mut forms = pieces(&s);
        // Hinges differ from grade to grade.
        let of = exact.filter(|_| m == 1).map(|s| pieces(&s));
        // The same in the terms of the rule, where the sum is that of the chords minus the paths' share.
        let share = |k: usize| if k == 0 { 1.0 } else { -towers[k - 1].0.height };
        let combined = |of: &dyn Fn(&[f64]) -> f64| -> f64 {
            sums.iter().enumerate().map(|(k, values)| share(k) * of(values)).sum()
        };
        let mut terms = vec![(source, combined(&|v| line(v).0))];
        let constant = combined(&|v| line(v).1) + shift;
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
        let paths = forms.split_off(1);
        let sum = forms.remove(0);
        let (heights, counts): (Vec<f64>, Vec<usize>) = towers.iter().map(|(tower, n)| (tower.height, *n)).unzip();
        let (risen, sum) = self.risen(of, &heights, &counts, |writer| {
            // Paths that wait for an earlier tower are carried too.
            let head = |path| Rising { fold: None, tents: Vec::new(), head: writer.tape.keep_within(path, [0.0, 1.0]) };
            (paths.into_iter().map(head).collect(), sum)
        });
        // All at the end: what is carried meanwhile keeps the bounds that it has as a sum of tents.
        for (tower, height) in risen.into_iter().zip(heights) {
            let square = self.square(None, tower.tents);
            terms.push((Source::Square(square), height));
        }
        (sum.shifted(shift), constant, terms)
    }

    /// Squares upon squares over `s`: the same.
    fn series(&mut self, s: Form, source: Source, series: &Series, shift: f64) -> (Form, f64, Vec<(Source, f64)>) {
        let by = 1.0 / series.radius;
        let (mut x, mut of_x) = (s.shifted(-series.center).scaled(by), (source, by, -series.center * by));
        if let Some(n) = series.square {
            let mut tower = Rising { fold: None, tents: Vec::new(), head: x.clone() };
            let square = self.tents(&mut tower, x, 1.0, n);
            of_x = (Source::Square(self.square(None, tower.tents)), 2.0, -1.0);
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
            let mut tower = Rising { fold: Some(fold), tents: Vec::new(), head: a.clone() };
            let square = self.tents(&mut tower, a, 1.0, link.tents - 1);
            self.square(tower.fold, tower.tents);
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
