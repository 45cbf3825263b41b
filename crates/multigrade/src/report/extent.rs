//! What interval arithmetic says of a network on a box: its values, its slopes, and which ReLUs may take both signs.
//!
//! The box is cut, the part with the most undecided ReLUs first. On each part every neuron has a value, its value at the
//! center and its slopes, all enclosed with outward rounding; a ReLU of unknown sign has a slope in `[0, 1]`. A value lies in
//! the natural enclosure and in that of the mean value theorem. What holds on every part holds on the box.

use std::collections::BinaryHeap;

use multigrade_model::truth::Interval;
use multigrade_model::{Activation, Multigrade};
use rayon::prelude::*;
use serde::Serialize;

/// Terms of sums that may be looked at altogether: below a second of one core.
const WORK: usize = 4 << 20;

/// Parts that are cut side by side; fixed, so that the answer does not depend on the number of threads.
const ROUND: usize = 16;

/// Upper bounds for `f_k` on a box, proved by interval arithmetic with outward rounding.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Extent {
    /// `f_k(x)` lies between these.
    pub range: [f64; 2],
    /// The slope of `f_k` along each input lies between these, wherever there is one.
    pub slopes: Vec<[f64; 2]>,
    /// `|f_k(x) - f_k(y)| <= lipschitz |x - y|` in the Euclidean norm.
    pub lipschitz: f64,
    /// At most so many ReLUs of grade `k` alone take both signs; all others are affine on the box.
    pub two_sided: usize,
}

/// One [`Extent`] for each of `f_1, ..., f_K`; none if an activation is neither `relu` nor `identity`. There is one side
/// for each input.
pub(super) fn extents(model: &Multigrade, output: usize, sides: &[Interval]) -> Option<Vec<Extent>> {
    let net = Net::new(model, output)?;
    let signs = vec![Signs::default(); net.neurons.len()];
    let owners = owners(model, &net);
    let outputs = net.outputs.clone();
    let mut survey = Survey { signs, open: BinaryHeap::new(), settled: Vec::new(), parts: 0 };
    let mut work = net.terms.len();
    survey.take(Part::new(&net, sides.to_vec(), &outputs));
    while work < WORK {
        let cut: Vec<Part> = (0..ROUND).map_while(|_| survey.open.pop()).collect();
        if cut.is_empty() {
            break;
        }
        work += cut.iter().map(|part| 2 * (part.net.terms.len() + part.net.forms.len()) + 8).sum::<usize>();
        let halves: Vec<Vec<Part>> = cut.par_iter().map(|part| part.halves(sides, &outputs)).collect();
        halves.into_iter().flatten().for_each(|part| survey.take(part));
    }
    Some(survey.finish(&owners, model.grades().len(), sides.len()))
}

/// At most so many ReLUs of a network of one output take both signs on the box; none as for [`extents`].
pub(crate) fn two_sided(model: &Multigrade, sides: &[Interval]) -> Option<usize> {
    extents(model, 0, sides).map(|grades| grades.iter().map(|extent| extent.two_sided).sum())
}

/// The grade of every ReLU, from 0; none for other neurons.
fn owners(model: &Multigrade, net: &Net) -> Vec<Option<usize>> {
    let mut grade = 0;
    let own = |(j, neuron): (usize, &Neuron)| {
        while grade < model.grades().len() && j > net.outputs[grade] as usize {
            grade += 1;
        }
        neuron.relu.then_some(grade)
    };
    net.neurons.iter().enumerate().map(own).collect()
}

#[derive(Clone, Copy)]
struct Term {
    /// Forms come first, then neurons.
    source: u32,
    weight: f64,
}

/// `bias + Σ terms`, and its positive part if `relu`.
#[derive(Clone, Copy)]
struct Neuron {
    /// Its number in the whole network.
    name: u32,
    /// One past the last of its terms.
    end: u32,
    relu: bool,
    bias: f64,
}

/// `center + Σ slopes (x - origin)`, the same for all points of a part up to the width of these enclosures.
#[derive(Clone)]
struct Form {
    center: Interval,
    slopes: Vec<Interval>,
}

/// Neurons in an order in which each reads only forms and earlier ones.
#[derive(Clone, Default)]
struct Net {
    /// Where the forms have their centers.
    origin: Vec<Interval>,
    forms: Vec<Form>,
    neurons: Vec<Neuron>,
    terms: Vec<Term>,
    /// Names of the neurons that are `f_1, ..., f_K`.
    outputs: Vec<u32>,
}

impl Net {
    fn new(model: &Multigrade, output: usize) -> Option<Self> {
        let scaling = model.input_scaling();
        let d = model.n_inputs() as u32;
        let mut net = Self { origin: scaling.center().iter().map(|x| exact(*x)).collect(), ..Self::default() };
        for (i, scale) in scaling.scale().iter().enumerate() {
            let mut slopes = vec![Interval::ZERO; d as usize];
            slopes[i] = Interval::ONE / exact(*scale);
            net.forms.push(Form { center: Interval::ZERO, slopes });
        }
        let target = (model.output_scaling().center()[output], model.output_scaling().scale()[output]);
        let mut features: Vec<u32> = (0..d).collect();
        let mut sum: Option<u32> = None;
        for grade in model.grades() {
            let mut next = Vec::with_capacity(grade.n_features());
            for branch in grade.branches() {
                let mut h = features.clone();
                for layer in branch {
                    let relu = match layer.activation() {
                        Activation::Relu => true,
                        Activation::Identity => false,
                        _ => return None,
                    };
                    let made = (0..layer.outputs()).map(|i| {
                        let terms = layer.weights().terms(i).map(|(j, weight)| (h[j], weight));
                        net.push(terms, layer.bias()[i], relu)
                    });
                    h = made.collect();
                }
                next.extend(h);
            }
            if grade.carry_inputs() {
                next.extend(0..d);
            }
            features = next;
            let readout = grade.readout();
            let weights = readout.weights().row(output).iter().copied();
            // The sum of the corrections so far, then in the units of the output.
            let correction = features.iter().copied().zip(weights).chain(sum.map(|sum| (sum, 1.0)));
            let total = net.push(correction.collect::<Vec<_>>(), readout.bias()[output], false);
            sum = Some(total);
            let value = net.push([(total, target.1)], target.0, false);
            net.outputs.push(value - d);
        }
        Some(net)
    }

    /// Appends a neuron and returns its place as a source.
    fn push(&mut self, terms: impl IntoIterator<Item = (u32, f64)>, bias: f64, relu: bool) -> u32 {
        let terms = terms.into_iter().filter(|(_, weight)| *weight != 0.0);
        self.terms.extend(terms.map(|(source, weight)| Term { source, weight }));
        let name = self.neurons.len() as u32;
        self.neurons.push(Neuron { name, end: self.terms.len() as u32, relu, bias });
        self.forms.len() as u32 + name
    }

    /// Where the neuron of this name is now.
    fn place(&self, name: u32) -> Option<usize> {
        self.neurons.binary_search_by_key(&name, |neuron| neuron.name).ok()
    }

    fn terms_of(&self, j: usize) -> &[Term] {
        let start = if j == 0 { 0 } else { self.neurons[j - 1].end as usize };
        &self.terms[start..self.neurons[j].end as usize]
    }
}

/// What is known of a form or a neuron on a part of the box: its values, and a form around the center of the part.
#[derive(Clone)]
struct Known {
    value: Interval,
    form: Form,
}

/// Which signs the sum in a ReLU may have somewhere.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Signs {
    positive: bool,
    negative: bool,
}

/// A part of the box, and what matters of the network there.
struct Part {
    sides: Vec<Interval>,
    net: Net,
    /// Undecided ReLUs that matter, and the order in which the part was made, for ties.
    undecided: usize,
    number: usize,
    /// Decided here, by name.
    decided: Vec<(u32, Signs)>,
    /// What is known of `f_1, ..., f_K`.
    outputs: Vec<Known>,
}

impl PartialEq for Part {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Part {}

impl PartialOrd for Part {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Part {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.undecided.cmp(&other.undecided).then(other.number.cmp(&self.number))
    }
}

/// The interval of one number; the whole line if it is not finite.
fn exact(x: f64) -> Interval {
    Interval::point(x).unwrap_or(Interval::ENTIRE)
}

impl Part {
    fn new(net: &Net, sides: Vec<Interval>, outputs: &[u32]) -> Self {
        let centers: Vec<Interval> = sides.iter().map(|side| exact(side.midpoint())).collect();
        let away: Vec<Interval> = sides.iter().zip(&centers).map(|(side, center)| *side - *center).collect();
        let moves: Vec<Interval> = centers.iter().zip(&net.origin).map(|(to, from)| *to - *from).collect();
        let moved = |form: &Form| {
            let form = Form { center: form.at(&moves), slopes: form.slopes.clone() };
            Known { value: form.at(&away), form }
        };
        let mut known: Vec<Known> = net.forms.iter().map(moved).collect();
        let mut fates = Vec::with_capacity(net.neurons.len());
        let mut decided = Vec::new();
        for (j, neuron) in net.neurons.iter().enumerate() {
            let mut made = sum(&known, net.terms_of(j), neuron.bias, sides.len());
            made.value = made.value.intersection(made.form.at(&away)).unwrap_or(made.value);
            let fate = if neuron.relu { rectify(&mut made) } else { Fate::Affine };
            if neuron.relu && fate != Fate::Undecided {
                decided.push((neuron.name, Signs { positive: fate == Fate::Affine, negative: fate == Fate::Zero }));
            }
            fates.push(fate);
            known.push(made);
        }
        let of = |name: &u32| net.place(*name).map(|j| known[net.forms.len() + j].clone());
        let values = outputs.iter().filter_map(of).collect();
        let rest = specialised(net, &fates, &known, centers, outputs);
        // What no longer matters is not looked at again.
        let dropped = net
            .neurons
            .iter()
            .zip(&fates)
            .filter(|(neuron, fate)| neuron.relu && **fate == Fate::Undecided && rest.place(neuron.name).is_none());
        decided.extend(dropped.map(|(neuron, _)| (neuron.name, Signs { positive: true, negative: true })));
        let undecided = rest.neurons.iter().filter(|neuron| neuron.relu).count();
        Self { sides, net: rest, undecided, number: 0, decided, outputs: values }
    }

    /// The halves along the side that is longest, relative to the whole box.
    fn halves(&self, whole: &[Interval], outputs: &[u32]) -> Vec<Self> {
        let share = |i: usize| self.sides[i].width() / whole[i].width();
        let longest = (0..self.sides.len()).rev().max_by(|&a, &b| share(a).total_cmp(&share(b)));
        let Some(i) = longest else { return Vec::new() };
        let (side, middle) = (self.sides[i], self.sides[i].midpoint());
        let ends = [(side.lower(), middle), (middle, side.upper())];
        let half = |(lower, upper)| {
            let mut sides = self.sides.clone();
            sides[i] = Interval::new(lower, upper).unwrap_or(side);
            Self::new(&self.net, sides, outputs)
        };
        ends.map(half).into()
    }

    /// Whether a cut would divide it.
    fn is_divisible(&self) -> bool {
        self.sides.iter().all(|side| side.lower() < side.midpoint() && side.midpoint() < side.upper())
    }
}

/// `bias + Σ terms`.
fn sum(known: &[Known], terms: &[Term], bias: f64, d: usize) -> Known {
    let form = Form { center: exact(bias), slopes: vec![Interval::ZERO; d] };
    terms.iter().fold(Known { value: exact(bias), form }, |mut sum, term| {
        let (source, weight) = (&known[term.source as usize], exact(term.weight));
        sum.value = sum.value + weight * source.value;
        sum.form.center = sum.form.center + weight * source.form.center;
        let slopes = sum.form.slopes.iter_mut().zip(&source.form.slopes);
        slopes.for_each(|(sum, slope)| *sum = *sum + weight * *slope);
        sum
    })
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Fate {
    Affine,
    Zero,
    Undecided,
}

/// Turns what is known of a sum into what is known of its positive part.
fn rectify(made: &mut Known) -> Fate {
    if made.value.lower() >= 0.0 {
        return Fate::Affine;
    }
    let form = &mut made.form;
    if made.value.upper() <= 0.0 {
        (made.value, form.center) = (Interval::ZERO, Interval::ZERO);
        form.slopes.iter_mut().for_each(|slope| *slope = Interval::ZERO);
        return Fate::Zero;
    }
    (made.value, form.center) = (made.value.max(Interval::ZERO), form.center.max(Interval::ZERO));
    form.slopes.iter_mut().for_each(|slope| *slope = slope.hull(Interval::ZERO));
    Fate::Undecided
}

/// The network of a part: outputs, undecided ReLUs that reach them and what lies between; everything below is forms.
fn specialised(net: &Net, fates: &[Fate], known: &[Known], origin: Vec<Interval>, outputs: &[u32]) -> Net {
    let (n, first) = (net.neurons.len(), net.forms.len());
    let is_output: Vec<bool> = net.neurons.iter().map(|n| outputs.binary_search(&n.name).is_ok()).collect();
    let is_zero = |source: usize| source >= first && fates[source - first] == Fate::Zero;
    // What reads forms alone and is affine is a form.
    let mut is_form = vec![true; first];
    for j in 0..n {
        let reads_forms = || net.terms_of(j).iter().map(|t| t.source as usize).all(|s| is_form[s] || is_zero(s));
        is_form.push(fates[j] == Fate::Affine && !is_output[j] && reads_forms());
    }
    let mut reaches = is_output;
    for j in (0..n).rev().filter(|j| fates[*j] != Fate::Zero) {
        if reaches[j] && !is_form[first + j] {
            let read = net.terms_of(j).iter().map(|term| term.source as usize).filter(|source| *source >= first);
            read.for_each(|source| reaches[source - first] = true);
        }
    }
    let is_kept = |j: usize| reaches[j] && !is_form[first + j] && fates[j] != Fate::Zero;
    let kept: Vec<usize> = (0..n).filter(|&j| is_kept(j)).collect();
    let mut places: Vec<Option<u32>> = vec![None; first + n];
    let mut rest = Net { origin, ..Net::default() };
    for source in kept.iter().flat_map(|&j| net.terms_of(j)).map(|term| term.source as usize) {
        if is_form[source] && places[source].is_none() {
            places[source] = Some(rest.forms.len() as u32);
            rest.forms.push(known[source].form.clone());
        }
    }
    for j in kept {
        let terms = net.terms_of(j).iter();
        rest.terms.extend(terms.filter_map(|t| places[t.source as usize].map(|source| Term { source, ..*t })));
        places[first + j] = Some((rest.forms.len() + rest.neurons.len()) as u32);
        let relu = fates[j] == Fate::Undecided;
        rest.neurons.push(Neuron { relu, end: rest.terms.len() as u32, ..net.neurons[j] });
    }
    rest
}

impl Form {
    /// The values at points whose distances from the origin lie in these intervals.
    fn at(&self, away: &[Interval]) -> Interval {
        self.slopes.iter().zip(away).fold(self.center, |sum, (slope, by)| sum + *slope * *by)
    }
}

/// What was found so far.
struct Survey {
    signs: Vec<Signs>,
    /// Parts that a cut may improve.
    open: BinaryHeap<Part>,
    /// What is known of the outputs on the others.
    settled: Vec<Vec<Known>>,
    /// Number of parts so far.
    parts: usize,
}

impl Survey {
    fn take(&mut self, mut part: Part) {
        self.parts += 1;
        for (name, signs) in part.decided.drain(..) {
            let known = &mut self.signs[name as usize];
            known.positive |= signs.positive;
            known.negative |= signs.negative;
        }
        // With one kink the slopes on its two sides are what is enclosed.
        if part.undecided <= 1 || !part.is_divisible() {
            self.close(part);
        } else {
            part.number = self.parts;
            self.open.push(part);
        }
    }

    fn close(&mut self, part: Part) {
        for neuron in part.net.neurons.iter().filter(|neuron| neuron.relu) {
            self.signs[neuron.name as usize] = Signs { positive: true, negative: true };
        }
        self.settled.push(part.outputs);
    }

    fn finish(mut self, owners: &[Option<usize>], grades: usize, d: usize) -> Vec<Extent> {
        for part in std::mem::take(&mut self.open).into_sorted_vec() {
            self.close(part);
        }
        let ends = |x: Interval| [x.lower(), x.upper()];
        let extent = |k: usize| {
            let parts = || self.settled.iter().filter_map(|outputs| outputs.get(k));
            let hull = |of: &dyn Fn(&Known) -> Interval| {
                ends(parts().map(of).reduce(Interval::hull).unwrap_or(Interval::ENTIRE))
            };
            let steepness = |known: &Known| {
                let squares = known.form.slopes.iter().map(|slope| slope.abs() * slope.abs());
                squares.fold(Interval::ZERO, |sum, square| sum + square).sqrt().upper()
            };
            let is_two_sided =
                |(signs, owner): &(&Signs, &Option<usize>)| **owner == Some(k) && signs.positive && signs.negative;
            Extent {
                range: hull(&|known| known.value),
                slopes: (0..d).map(|i| hull(&|known| known.form.slopes[i])).collect(),
                lipschitz: parts().map(steepness).fold(0.0, f64::max),
                two_sided: self.signs.iter().zip(owners).filter(is_two_sided).count(),
            }
        };
        (0..grades).map(extent).collect()
    }
}

#[cfg(test)]
mod tests {
    use multigrade_model::truth::{Domain, Expression};

    use super::*;
    use crate::construct::{ConstructSettings, Scheme, Strategy, construct};
    use crate::{FitSettings, GradeSettings, Grades, Samples, Solver, fit, silent};

    fn constructed(formula: &str, domain: &str, tolerance: f64) -> (Multigrade, Domain) {
        let (f, domain) = (Expression::parse(formula).unwrap(), Domain::parse(domain).unwrap());
        let settings =
            ConstructSettings { strategy: Strategy::Mesh, scheme: Scheme::Plain, ..ConstructSettings::default() };
        let made = construct(&f, &domain, tolerance, &settings.validate().unwrap(), &mut silent()).unwrap();
        (made.model, domain)
    }

    /// `p_k = x - Σ 4^-j T^j(x)` has slopes from `2^-k` to `2 - 2^-k`; of its two ReLUs a grade, `max(0, t)` never and
    /// `max(0, t - 1/2)` always takes both signs.
    #[test]
    fn the_extent_of_tents_is_known() {
        let (model, domain) = constructed("x^2", "x=0..1", 1e-4);
        let extents = extents(&model, 0, domain.sides()).unwrap();
        assert_eq!(extents.len(), 6);
        for (k, extent) in (1..).zip(extents) {
            let smallest = 0.5f64.powi(k);
            let [low, high] = extent.slopes[0];
            assert!(low <= smallest && low >= smallest - 1e-9, "{k}: {extent:?}");
            assert!(high >= 2.0 - smallest && high <= 2.0 - smallest + 1e-9, "{k}: {extent:?}");
            assert!(extent.lipschitz >= high && extent.lipschitz <= high + 1e-9);
            assert!(extent.range[0] <= 0.0 && extent.range[1] >= 1.0 && extent.range[1] <= 1.0 + 1e-9, "{extent:?}");
            assert_eq!(extent.two_sided, 1);
        }
    }

    /// Knots of a plain network of one variable are hinges: each part has one at most in the end, so nothing is lost.
    #[test]
    fn slopes_of_one_variable_are_those_of_the_pieces() {
        let (model, domain) = constructed("sin(2*pi*x)", "x=0..1", 1e-2);
        let n = 20_000;
        let x: Vec<f64> = (0..=n).map(|i| i as f64 / n as f64).collect();
        let stages = crate::Predictor::new(&model, crate::Precision::F64).staged(&x).unwrap();
        for (extent, values) in extents(&model, 0, domain.sides()).unwrap().iter().zip(stages) {
            let slopes = || values.windows(2).map(|pair| (pair[1] - pair[0]) * n as f64);
            let (low, high) = slopes().fold((f64::MAX, f64::MIN), |(a, b), s| (a.min(s), b.max(s)));
            assert!(extent.slopes[0][0] <= low + 1e-9 && extent.slopes[0][1] >= high - 1e-9);
            assert!(extent.slopes[0][0] >= low - 1e-6 && extent.slopes[0][1] <= high + 1e-6, "{extent:?} {low} {high}");
        }
    }

    #[test]
    fn no_value_slope_or_sign_of_a_network_is_outside_its_extent() {
        let at = |i: usize, j: usize| ((i * (7 + 4 * j)) % 101) as f64 / 101.0;
        let x: Vec<f64> = (0..300).flat_map(|i| [at(i, 0), at(i, 1)]).collect();
        let y: Vec<f64> = x.chunks(2).map(|x| (5.0 * x[0]).sin() * (3.0 * x[1]).cos()).collect();
        let samples = Samples::new(2, 1, x, y, None).unwrap();
        let grade = |widths: &[usize]| GradeSettings {
            widths: widths.to_vec(),
            activations: Some(vec![Activation::Relu; widths.len()]),
            weight_decay: None,
            branches: None,
            solver: Some(Solver::RandomFeatures),
        };
        let settings =
            FitSettings { grades: Grades::List(vec![grade(&[9, 7]), grade(&[8])]), ..FitSettings::default() };
        let model = fit(&samples, None, &settings.validate().unwrap(), &mut silent()).unwrap().model;
        let domain = Domain::parse("x = 0..1, y = -0.5..1").unwrap();
        let extents = extents(&model, 0, domain.sides()).unwrap();
        let place = |i: usize| [at(i, 2), 1.5 * at(i, 3) - 0.5];
        for (k, extent) in (1..).zip(&extents) {
            let model = model.truncate(k).unwrap();
            for i in 0..2000 {
                let value = model.eval_reference(&place(i), k).unwrap()[0];
                assert!(extent.range[0] <= value && value <= extent.range[1]);
                let gradient = model.gradient(&place(i)).unwrap();
                let steepness = gradient.row(0).iter().map(|g| g * g).sum::<f64>().sqrt();
                assert!(steepness <= extent.lipschitz * (1.0 + 1e-12));
                for (slope, [low, high]) in gradient.row(0).iter().zip(&extent.slopes) {
                    let slack = 1e-12 * extent.lipschitz;
                    assert!(low - slack <= *slope && *slope <= high + slack, "{low} {slope} {high}");
                }
            }
        }
        // The first layer's sums are affine: those that change sign among the points are counted.
        let layer = &model.grades()[0].branches()[0][0];
        let signs = |i: usize| {
            let mut z = place(i).to_vec();
            model.input_scaling().standardise(&mut z);
            (0..layer.outputs()).map(move |j| {
                layer.weights().terms(j).fold(layer.bias()[j], |sum, (input, weight)| sum + weight * z[input]) > 0.0
            })
        };
        let first: Vec<bool> = signs(0).collect();
        let changes = |j: usize| (0..2000).any(|i| signs(i).nth(j) != Some(first[j]));
        let two_sided = (0..layer.outputs()).filter(|j| changes(*j)).count();
        assert!(two_sided > 0 && two_sided <= extents[0].two_sided && extents[0].two_sided <= 16);
    }

    #[test]
    fn a_network_that_is_not_piecewise_linear_has_no_extent() {
        let x: Vec<f64> = (0..50).map(|i| f64::from(i) / 49.0).collect();
        let y = x.iter().map(|x| (9.0 * x).sin()).collect();
        let samples = Samples::new(1, 1, x, y, None).unwrap();
        let settings = FitSettings {
            grades: Grades::Count(1),
            activation: Some(Activation::Tanh),
            solver: Some(Solver::RandomFeatures),
            ..FitSettings::default()
        };
        let model = fit(&samples, None, &settings.validate().unwrap(), &mut silent()).unwrap().model;
        assert_eq!(extents(&model, 0, &[Interval::ONE]), None);
    }
}
