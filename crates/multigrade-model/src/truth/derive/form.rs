//! Affine forms over the quantities of a network, and how a network is read as such forms.
//!
//! Whatever a neuron computes is `constant + Σ coefficient * atom`, up to an error. Atoms are the inputs, one quantity for
//! each ReLU that takes both signs, what each neuron is off by (rounding of a format, or of this arithmetic), and what a
//! derivation concludes: squares and values of subformulas. A conclusion trades one atom for another, everywhere.

use std::collections::{HashMap, VecDeque};

use super::super::derivation::Role;
use super::super::interval::{Interval, Rounded, power_of_two};
use super::super::program::{Computed, Format, Program, sum_rounding, up_product, up_sum};
use super::DerivationError;

/// The number `constant + Σ terms[a] * atom a`, up to `error`, an infinite one where nothing is known.
#[derive(Clone, Debug, Default)]
pub(super) struct Form {
    pub(super) constant: f64,
    /// One for each atom; those beyond the end are 0.
    pub(super) terms: Vec<f64>,
    pub(super) error: f64,
}

impl Form {
    pub(super) fn atom(a: usize) -> Self {
        let mut terms = vec![0.0; a + 1];
        terms[a] = 1.0;
        Self { terms, ..Self::default() }
    }

    pub(super) fn coefficient(&self, a: usize) -> f64 {
        self.terms.get(a).copied().unwrap_or(0.0)
    }
}

/// `2^-53` and the smallest positive number: how far the operations of this file may be off.
const FORMAT: Format = Format::F64;

/// A coefficient of a sum of forms.
#[derive(Clone, Copy)]
struct Coefficient {
    value: f64,
    /// An upper bound of the sum of the magnitudes of the summands.
    size: f64,
    is_exact: bool,
}

impl Coefficient {
    fn add(&mut self, weight: f64, x: f64) {
        if x == 0.0 || weight == 0.0 {
            return;
        }
        let product = weight * x;
        let sum = Rounded::sum(self.value, product);
        // Within these limits nothing underflows; the error of the sum is NaN where it is not known.
        let is_shift = is_power_of_two(weight) || is_power_of_two(x);
        self.is_exact &= is_shift && product.abs() >= f64::MIN_POSITIVE && sum.error == 0.0;
        self.size = up_sum(self.size, product.abs().next_up());
        self.value = sum.value;
    }
}

/// Whether products with `x` are exact, but for underflow and overflow.
fn is_power_of_two(x: f64) -> bool {
    x.is_normal() && x.to_bits().trailing_zeros() >= 52
}

/// What is known of the atoms.
#[derive(Clone, Debug, Default)]
pub(super) struct Atoms {
    ranges: Vec<Interval>,
}

impl Atoms {
    pub(super) fn add(&mut self, range: Interval) -> usize {
        self.ranges.push(range);
        self.ranges.len() - 1
    }

    /// Another quantity takes the place of an atom that no form has.
    fn set(&mut self, a: usize, range: Interval) {
        self.ranges[a] = range;
    }

    /// An upper bound of `|coefficient| * |atom|`.
    pub(super) fn share(&self, form: &Form, a: usize) -> f64 {
        up_product(form.coefficient(a).abs(), self.ranges[a].magnitude())
    }

    /// An upper bound of `|constant| + Σ |coefficient * atom| + error`.
    pub(super) fn size(&self, form: &Form) -> f64 {
        let terms = form.terms.iter().zip(&self.ranges).filter(|(c, _)| **c != 0.0);
        let start = up_sum(form.constant.abs(), form.error);
        terms.fold(start, |sum, (c, range)| up_sum(sum, up_product(c.abs(), range.magnitude())))
    }

    /// Encloses the values.
    pub(super) fn range(&self, form: &Form) -> Interval {
        if !form.error.is_finite() {
            return Interval::ENTIRE;
        }
        let terms = form.terms.iter().zip(&self.ranges).filter(|(c, _)| **c != 0.0);
        let start = Interval::exact(form.constant) + around(form.error);
        terms.fold(start, |sum, (c, range)| sum + Interval::exact(*c) * *range)
    }

    /// `bias + Σ weight * form`. A coefficient comes from at most `k` products and `k` additions, so it is off by at most
    /// `γ_(k+1)` times the sum of the magnitudes of its summands, and by what `k` products may underflow; by nothing
    /// where products are by powers of two and additions are exact.
    pub(super) fn combine(&self, bias: f64, summands: &[(f64, &Form)]) -> Form {
        let length = summands.iter().map(|(_, form)| form.terms.len()).max().unwrap_or(0);
        let mut constant = Coefficient { value: bias, size: bias.abs(), is_exact: true };
        let mut terms = vec![Coefficient { value: 0.0, size: 0.0, is_exact: true }; length];
        let mut error = 0.0;
        for (weight, form) in summands {
            constant.add(*weight, form.constant);
            terms.iter_mut().zip(&form.terms).for_each(|(c, x)| c.add(*weight, *x));
            error = up_sum(error, up_product(weight.abs(), form.error));
        }
        let k = summands.len();
        let gamma = FORMAT.gamma(k + 1);
        let mut rounding = |c: &Coefficient, magnitude: f64| {
            if !c.is_exact {
                let underflow = 2.0 * k as f64 * FORMAT.tiny();
                error = up_sum(error, up_product(up_sum(up_product(gamma, c.size), underflow), magnitude));
            }
        };
        rounding(&constant, 1.0);
        terms.iter().zip(&self.ranges).for_each(|(c, range)| rounding(c, range.magnitude()));
        let sum = Form { constant: constant.value, terms: terms.into_iter().map(|c| c.value).collect(), error };
        let known = sum.error.is_finite() && sum.constant.is_finite() && sum.terms.iter().all(|c| c.is_finite());
        if known { sum } else { Form { error: f64::INFINITY, ..Form::default() } }
    }

    /// An upper bound of `|a - b|`.
    pub(super) fn distance(&self, a: &Form, b: &Form) -> f64 {
        self.size(&self.combine(0.0, &[(1.0, a), (-1.0, b)]))
    }
}

/// `[-r, r]`; the whole line if `r` is infinite or no number.
pub(super) fn around(r: f64) -> Interval {
    if r.is_finite() { Interval::raw(-r, r) } else { Interval::ENTIRE }
}

/// `max(z, 0)` where `z`, which has this range, takes one sign but for a little: `z` or 0, and what that may be off by.
fn decided(mut z: Form, range: Interval) -> Option<Form> {
    const LITTLE: f64 = power_of_two(-12);
    let (below, above) = ((-range.lower()).max(0.0), range.upper().max(0.0));
    if below <= LITTLE * above {
        z.error = up_sum(z.error, below);
        Some(z)
    } else {
        (above <= LITTLE * below).then(|| Form { error: above, ..Form::default() })
    }
}

/// Most ReLUs that take both signs: for each there are forms with a term for each.
const MAX_OPEN: usize = 4096;
/// Most atoms for rounding at a time. Errors cancel between neurons of a layer or two.
const MAX_NOISES: usize = 128;

/// What an atom stands for, if a conclusion may use it up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Unit {
    /// The quantity of a ReLU, by the number of its neuron.
    Neuron(usize),
    /// A square, by its number.
    Square(usize),
    /// The value of a subformula, as an earlier grade computes it.
    Former,
}

/// Encloses `min(2 g, 2 - 2 g)`, which is at most 1.
fn tent(g: Interval) -> Interval {
    let (up, down) = (g + g, Interval::exact(2.0) - (g + g));
    let tent = up.min(down);
    Interval::raw(tent.lower(), tent.upper().min(1.0))
}

/// A ReLU that takes both signs.
#[derive(Clone, Copy, Debug)]
pub(super) struct Open {
    pub(super) role: Role,
    /// Places of two forms: the quantity, and what it is a function of.
    pub(super) quantity: usize,
    pub(super) argument: usize,
    /// Encloses the argument.
    pub(super) bounds: Interval,
}

/// A program, read neuron after neuron.
pub(super) struct Reading<'a> {
    program: &'a Program,
    /// The format in which it is evaluated; none for real arithmetic.
    format: Option<Format>,
    pub(super) atoms: Atoms,
    /// Which atoms are neither inputs nor rounding nor values of subformulas of this grade, and are still in use.
    units: Vec<Option<Unit>>,
    /// The atoms for rounding, the oldest first.
    noises: VecDeque<usize>,
    /// All forms in use; first those of inputs and neurons.
    forms: Vec<Option<Form>>,
    /// Upper bounds of the magnitudes of inputs and neurons.
    magnitudes: Vec<f64>,
    /// The last reader of each input and neuron.
    last: Vec<usize>,
    open: HashMap<usize, Open>,
}

impl<'a> Reading<'a> {
    /// Before the first neuron; `sides` belong to the inputs of the program.
    pub(super) fn new(
        program: &'a Program,
        sides: &[Interval],
        format: Option<Format>,
    ) -> Result<Self, DerivationError> {
        let (d, n) = (sides.len(), program.net.neurons.len());
        let mut last = vec![0; d + n];
        for j in 0..n {
            program.net.terms_of(j).iter().for_each(|term| last[term.source as usize] = j);
        }
        last[d + n - 1] = n;
        let (atoms, units, noises, forms) = (Atoms::default(), Vec::new(), VecDeque::new(), vec![None; d + n]);
        let magnitudes = vec![f64::INFINITY; d + n];
        let open = HashMap::new();
        let mut reading = Self { program, format, atoms, units, noises, forms, magnitudes, last, open };
        for side in sides {
            reading.atom(*side, None);
        }
        for (i, (input, side)) in program.inputs.iter().zip(sides).enumerate() {
            let (center, scale) = (input.center, input.scale);
            let mut z = reading.atoms.combine(-(center / scale), &[(1.0 / scale, &Form::atom(i))]);
            if (center, scale) != (0.0, 1.0) {
                // 1 / scale and center / scale are each off by a relative 2^-53, or by half of the smallest number.
                let underflow = up_product(FORMAT.tiny(), up_sum(1.0, side.magnitude()));
                let off = up_sum(up_product(FORMAT.gamma(2), reading.atoms.size(&z)), underflow);
                z.error = up_sum(z.error, off);
            }
            if let Some(format) = format {
                let difference = (*side - Interval::exact(center)).magnitude();
                let exact = reading.atoms.range(&z).magnitude();
                reading.round(&mut z, input.rounding(format, side.magnitude(), difference, exact))?;
            }
            reading.set(i, z);
        }
        Ok(reading)
    }

    fn atom(&mut self, range: Interval, unit: Option<Unit>) -> usize {
        self.units.push(unit);
        self.atoms.add(range)
    }

    /// What the atom stands for, if a conclusion may use it up.
    pub(super) fn unit(&self, a: usize) -> Option<Unit> {
        self.units[a]
    }

    /// The atom of which the form is a multiple, if it is one.
    pub(super) fn own_atom(&self, place: usize) -> Option<usize> {
        let mut terms = (0..).zip(&self.form(place).terms).filter(|(_, c)| **c != 0.0).map(|(a, _)| a);
        let a = terms.next()?;
        terms.next().is_none().then_some(a)
    }

    /// The value of a subformula may be used up from now on.
    pub(super) fn release(&mut self, place: usize) {
        if let Some(a) = self.own_atom(place).filter(|a| *a >= self.program.inputs.len()) {
            self.units[a] = self.units[a].or(Some(Unit::Former));
        }
    }

    /// The ReLU with this number, if it was read and has a role.
    pub(super) fn open(&self, neuron: usize) -> Option<&Open> {
        self.open.get(&neuron)
    }

    /// Adds a rounding error of at most `error`, as an atom, and makes the error of the form part of it: what two neurons have
    /// in common cancels in their difference. Where a neuron may overflow nothing is known of the network, even if no other
    /// reads it: 0 * ∞ is no number.
    fn round(&mut self, form: &mut Form, error: f64) -> Result<(), DerivationError> {
        if !error.is_finite() {
            return Err(DerivationError::Overflow);
        }
        let error = up_sum(error, form.error);
        if error > 0.0 && error.is_finite() {
            form.error = 0.0;
            let a = self.noise(form, around(error));
            form.terms.resize(form.terms.len().max(a + 1), 0.0);
            form.terms[a] = 1.0;
        }
        Ok(())
    }

    /// An atom for rounding. There are so many at a time; the oldest one becomes part of the errors of its forms.
    fn noise(&mut self, form: &mut Form, range: Interval) -> usize {
        if self.noises.len() < MAX_NOISES {
            let a = self.atom(range, None);
            self.noises.push_back(a);
            return a;
        }
        self.noises.rotate_left(1);
        let a = self.noises[MAX_NOISES - 1];
        let magnitude = self.atoms.ranges[a].magnitude();
        for form in self.forms.iter_mut().flatten().chain([form]).filter(|form| form.coefficient(a) != 0.0) {
            let coefficient = std::mem::take(&mut form.terms[a]);
            form.error = up_sum(form.error, up_product(coefficient.abs(), magnitude));
        }
        self.atoms.set(a, range);
        a
    }

    /// Keeps a form, to be rewritten by conclusions to come.
    pub(super) fn keep(&mut self, form: Form) -> usize {
        self.forms.push(Some(form));
        self.forms.len() - 1
    }

    pub(super) fn form(&self, place: usize) -> &Form {
        const NOTHING: &Form = &Form { constant: 0.0, terms: Vec::new(), error: f64::INFINITY };
        self.forms[place].as_ref().unwrap_or(NOTHING)
    }

    /// What the last neuron computes.
    pub(super) fn output(&self) -> &Form {
        self.form(self.last.len() - 1)
    }

    /// Reads neuron `j`; a ReLU needs a role where it may take both signs.
    pub(super) fn read(&mut self, j: usize, role: Option<Role>) -> Result<(), DerivationError> {
        let (d, neuron) = (self.program.inputs.len(), self.program.net.neurons[j]);
        let terms = self.program.net.terms_of(j);
        let sources = terms.iter().map(|t| (t.weight, self.form(t.source as usize)));
        let mut z = self.atoms.combine(neuron.bias, &sources.collect::<Vec<_>>());
        let rounding = self.format.map_or(0.0, |format| {
            let value = |source: u32| Computed { magnitude: self.magnitudes[source as usize], error: 0.0 };
            let values = terms.iter().map(|t| (t.weight, value(t.source)));
            let error = sum_rounding(format, neuron.bias, values.clone());
            // The output's scaling may also be computed in f64, from a sum that was computed in f32.
            let is_output = j + 1 == self.program.net.neurons.len();
            let in_f64 = if is_output { sum_rounding(Format::F64, neuron.bias, values) } else { 0.0 };
            error.max(in_f64)
        });
        self.round(&mut z, rounding)?;
        for source in terms.iter().map(|t| t.source as usize).filter(|s| self.last[*s] == j) {
            self.forms[source] = None;
        }
        let range = self.atoms.range(&z);
        let h = match role {
            _ if !neuron.relu => z,
            Some(_) if self.open.len() == MAX_OPEN => return Err(DerivationError::Large),
            Some(role) => self.divide(j, role, z),
            None => decided(z, range).ok_or(DerivationError::Open { neuron: j, range })?,
        };
        self.set(d + j, h);
        Ok(())
    }

    fn set(&mut self, source: usize, value: Form) {
        self.magnitudes[source] = self.atoms.range(&value).magnitude();
        self.forms[source] = Some(value);
    }

    /// `max(z, 0)` as its role says, with a new atom for its quantity.
    fn divide(&mut self, neuron: usize, role: Role, z: Form) -> Form {
        let argument = match role {
            Role::Tent => self.atoms.combine(0.5, &[(1.0, &z)]),
            Role::Fold | Role::Hinge => z,
        };
        let bounds = self.atoms.range(&argument);
        let range = match role {
            Role::Tent => tent(bounds),
            Role::Fold => bounds.abs(),
            Role::Hinge => bounds.max(Interval::ZERO),
        };
        let quantity = Form::atom(self.atom(range, Some(Unit::Neuron(neuron))));
        let h = match role {
            Role::Tent => self.atoms.combine(0.0, &[(0.5, &argument), (-0.25, &quantity)]),
            Role::Fold => self.atoms.combine(0.0, &[(0.5, &argument), (0.5, &quantity)]),
            Role::Hinge => quantity.clone(),
        };
        let [quantity, argument] = [quantity, argument].map(|form| self.keep(form));
        self.open.insert(neuron, Open { role, quantity, argument, bounds });
        h
    }

    /// Makes use of better bounds for the argument of a tent or fold, which was just read.
    pub(super) fn narrow(&mut self, neuron: usize, bounds: Interval) {
        if let Some(open) = self.open.get_mut(&neuron)
            && let Some(bounds) = open.bounds.intersection(bounds)
        {
            open.bounds = bounds;
            let source = self.program.inputs.len() + neuron;
            // `max(g - 1/2, 0)` for a tent, `max(z, 0)` for a fold.
            let (least, range) = match open.role {
                Role::Tent => (0.5, tent(bounds)),
                _ => (0.0, bounds.abs()),
            };
            let most = (bounds - Interval::exact(least)).upper().max(0.0);
            self.magnitudes[source] = self.magnitudes[source].min(most);
            let atom = self.forms[open.quantity].as_ref().map_or(0, |form| form.terms.len() - 1);
            self.atoms.ranges[atom] = range;
        }
    }

    /// Makes what `definition` stands for an atom, in place of the unit `pivot`, in all forms: from `n = c p + rest`,
    /// up to the error of the definition, follows `p = (n - rest) / c`. Returns the new atom.
    pub(super) fn replace(&mut self, definition: &Form, pivot: usize, range: Interval, unit: Option<Unit>) -> usize {
        let new = self.atom(range, unit);
        self.units[pivot] = None;
        let c = definition.coefficient(pivot);
        let mut relation = Form { constant: -definition.constant / c, terms: vec![0.0; new + 1], error: 0.0 };
        relation.terms.iter_mut().zip(&definition.terms).for_each(|(r, x)| *r = -x / c);
        (relation.terms[pivot], relation.terms[new]) = (0.0, 1.0 / c);
        // Each quotient is off by a relative 2^-53, or by half of the smallest number.
        let off = up_product(FORMAT.gamma(1), self.atoms.size(&relation));
        let magnitudes = relation.terms.iter().zip(&self.atoms.ranges).filter(|(c, _)| **c != 0.0);
        let total = magnitudes.fold(1.0, |sum, (_, range)| up_sum(sum, range.magnitude()));
        let underflow = up_product(FORMAT.tiny(), total);
        let own = up_product(definition.error, (1.0 / c.abs()).next_up());
        relation.error = up_sum(own, up_sum(off, underflow));
        for form in self.forms.iter_mut().flatten().filter(|form| form.coefficient(pivot) != 0.0) {
            let weight = std::mem::take(&mut form.terms[pivot]);
            *form = self.atoms.combine(0.0, &[(1.0, form), (weight, &relation)]);
        }
        new
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use dashu_float::{FBig, round::mode::HalfEven};
    use proptest::prelude::*;

    type Big = FBig<HalfEven, 2>;

    /// 2,000 bits: sums and products of a few numbers are exact.
    fn big(x: f64) -> Big {
        Big::try_from(x).expect("finite").with_precision(2000).value()
    }

    fn distance(a: Big, b: Big) -> Big {
        if a > b { a - b } else { b - a }
    }

    /// The number that a form stands for, with an atom's value for each of them, and a share of its error.
    fn value(form: &Form, atoms: &[f64], share: f64) -> Big {
        let terms = form.terms.iter().zip(atoms);
        terms.fold(big(form.constant) + big(form.error) * big(share), |sum, (c, a)| sum + big(*c) * big(*a))
    }

    fn number() -> impl Strategy<Value = f64> {
        let plain = -2.0..2.0f64;
        prop_oneof![
            4 => plain.clone(),
            2 => (-8i32..8).prop_map(|k| 2f64.powi(k)),
            1 => Just(0.0),
            1 => Just(-1.0),
            1 => plain.clone().prop_map(|x| x * 1e20),
            1 => plain.prop_map(|x| x * 1e-20),
        ]
    }

    fn form(atoms: usize) -> impl Strategy<Value = Form> {
        let error = prop_oneof![Just(0.0), 0.0..1e-10f64];
        (number(), prop::collection::vec(number(), 0..=atoms), error).prop_map(|(constant, terms, error)| Form {
            constant,
            terms,
            error,
        })
    }

    fn atoms(values: &[f64]) -> Atoms {
        let mut atoms = Atoms::default();
        for x in values {
            atoms.add(around(x.abs()));
        }
        atoms
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 2000, ..ProptestConfig::default() })]

        #[test]
        fn no_sum_of_forms_is_further_from_the_exact_one_than_its_error(
            values in prop::collection::vec(number(), 4),
            parts in prop::collection::vec((number(), form(4), -1.0..=1.0f64), 0..5),
            bias in number(),
        ) {
            let atoms = atoms(&values);
            let summands: Vec<(f64, &Form)> = parts.iter().map(|(w, form, _)| (*w, form)).collect();
            let sum = atoms.combine(bias, &summands);
            let exact = parts.iter().fold(big(bias), |sum, (w, form, share)| sum + big(*w) * value(form, &values, *share));
            prop_assert!(distance(exact.clone(), value(&sum, &values, 0.0)) <= big(sum.error));
            let size = atoms.size(&sum);
            prop_assert!(distance(exact.clone(), big(0.0)) <= big(size));
            let range = atoms.range(&sum);
            prop_assert!(big(range.lower()) <= exact && exact <= big(range.upper()));
        }

        /// `n = c p + rest`, so a form in `p` is the same number when it is written in `n`.
        #[test]
        fn a_form_is_the_same_number_after_a_conclusion(
            values in prop::collection::vec(number(), 4), definition in form(4), other in form(4), share in -1.0..=1.0f64
        ) {
            if definition.coefficient(1) == 0.0 {
                return Ok(());
            }
            let program = Program {
                names: vec![],
                inputs: vec![],
                net: crate::truth::program::Net {
                    neurons: vec![crate::truth::program::Neuron { end: 0, relu: false, bias: 0.0, known: None }],
                    terms: vec![],
                },
                followed: [true, true],
            };
            let mut reading = Reading::new(&program, &[], None).unwrap();
            reading.atoms = atoms(&values);
            reading.units = vec![Some(Unit::Square(0)); 4];
            let place = reading.keep(other.clone());
            let new = value(&definition, &values, share);
            let range = around(reading.atoms.size(&definition));
            let atom = reading.replace(&definition, 1, range, None);
            prop_assert_eq!(atom, 4);
            let form = reading.form(place);
            prop_assert_eq!(form.coefficient(1), 0.0);
            // The new atom's value has more digits than an f64.
            let rest = Form { constant: form.constant, terms: form.terms.iter().take(4).copied().collect(), error: 0.0 };
            if form.error.is_finite() {
                let written = value(&rest, &values, 0.0) + big(form.coefficient(4)) * new;
                prop_assert!(distance(value(&other, &values, share), written) <= big(form.error));
            }
        }
    }
}
