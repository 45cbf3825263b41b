//! The network while it is written down: one ReLU after the other, and the registers that carry what is still needed.
//!
//! Every layer has one working ReLU. Beside it, each quantity that a later layer reads passes through a ReLU of its own,
//! shifted so that it is never negative. Which quantities these are follows from when each is read last.

use super::super::wiring::{Form, relu_layer};
use multigrade_model::{Grade, Layer, ModelError, Readout};

/// Room between a register and 0: more than rounding takes in any format.
const ROOM: f64 = 1.0 / 64.0;

/// A quantity: an input, a ReLU, or a combination that is carried as one.
#[derive(Clone)]
struct Value {
    /// What a ReLU is applied to, or what the combination is; nothing for an input.
    form: Form,
    is_relu: bool,
    /// Bounds that later combinations may rely on.
    range: [f64; 2],
    /// A bound from below, however coarsely it is found.
    floor: f64,
    /// The layer whose outputs the form reads.
    layer: usize,
}

/// A list of ReLUs and combinations of them, over inputs in the unit cube. Forms are over values; the first are the inputs.
#[derive(Clone)]
pub(super) struct Tape {
    inputs: usize,
    values: Vec<Value>,
    relus: usize,
    ends: Vec<End>,
}

/// Where a grade ends.
#[derive(Clone)]
struct End {
    /// Its last layer, from 1.
    layer: usize,
    correction: Form,
}

/// The network.
pub(super) struct Laid {
    pub(super) grades: Vec<Grade>,
    /// Number of each ReLU of the tape among the neurons.
    pub(super) places: Vec<usize>,
}

impl Tape {
    pub(super) fn new(inputs: usize) -> Self {
        let input = |_| Value { form: Form::default(), is_relu: false, range: [0.0, 1.0], floor: 0.0, layer: 0 };
        Self { inputs, values: (0..inputs).map(input).collect(), relus: 0, ends: Vec::new() }
    }

    /// Ends a grade with this correction. A further grade begins with a ReLU.
    pub(super) fn end(&mut self, correction: Form) {
        self.ends.push(End { layer: self.relus.max(1), correction });
    }

    /// How many ReLUs each grade has.
    pub(super) fn sizes(&self) -> Vec<usize> {
        let ends: Vec<usize> =
            std::iter::once(0).chain(self.ends.iter().map(|end| end.layer.min(self.relus))).collect();
        ends.windows(2).map(|pair| pair[1] - pair[0]).collect()
    }

    /// The number of layers.
    fn depth(&self) -> usize {
        self.ends.last().map_or(0, |end| end.layer)
    }

    /// How many ReLUs there are: the number of the next one.
    pub(super) fn relus(&self) -> usize {
        self.relus
    }

    /// Bounds of a form, from those of its values one by one.
    pub(super) fn range(&self, form: &Form) -> [f64; 2] {
        let mut range = [form.constant; 2];
        for &(value, weight) in &form.terms {
            let [a, b] = self.values[value].range.map(|end| weight * end);
            range = [range[0] + a.min(b), range[1] + a.max(b)];
        }
        range
    }

    /// Adds `max(form, 0)`; `most` bounds it from above.
    pub(super) fn relu(&mut self, form: Form, most: f64) -> Form {
        let range = [0.0, most];
        self.values.push(Value { form, is_relu: true, range, floor: 0.0, layer: self.relus });
        self.relus += 1;
        Form::neuron(self.values.len() - 1)
    }

    /// A combination as one quantity, so that it may be carried instead of its parts.
    pub(super) fn keep(&mut self, form: Form) -> Form {
        let range = self.range(&form);
        self.keep_within(form, range)
    }

    /// The same, where more is known about its range than its parts say.
    pub(super) fn keep_within(&mut self, form: Form, range: [f64; 2]) -> Form {
        self.keep_above(form, range, range[0])
    }

    /// The same, where it may fall to `floor` by what is added up on the way.
    pub(super) fn keep_above(&mut self, mut form: Form, range: [f64; 2], floor: f64) -> Form {
        form.terms.retain(|t| t.1 != 0.0);
        match form.terms[..] {
            [] => form,
            // What is known of a multiple of a value is known of the value.
            [(value, weight)] => {
                if value >= self.inputs {
                    let [a, b] = range.map(|end| (end - form.constant) / weight);
                    let value = &mut self.values[value];
                    value.range = [a.min(b), a.max(b)];
                    value.floor = value.floor.min(value.range[0]);
                }
                form
            }
            _ => {
                let floor = self.range(&form)[0].min(floor);
                self.values.push(Value { form, is_relu: false, range, floor, layer: self.relus });
                Form::neuron(self.values.len() - 1)
            }
        }
    }

    /// For each value the last layer whose outputs have to provide it.
    fn last_uses(&self) -> Vec<usize> {
        let mut last = vec![0; self.values.len()];
        for End { layer, correction } in &self.ends {
            correction.terms.iter().for_each(|&(value, _)| last[value] = last[value].max(*layer));
        }
        for value in self.values.iter().rev() {
            for &(part, _) in &value.form.terms {
                last[part] = last[part].max(value.layer);
            }
        }
        last
    }

    /// Neurons of each layer.
    fn widths(&self) -> Vec<usize> {
        let last = self.last_uses();
        let alive = |layer: usize| {
            let carried = |(i, v): (usize, &Value)| {
                let born = if v.is_relu { v.layer + 1 } else { v.layer };
                (i < self.inputs || born < layer) && last[i] >= layer
            };
            self.values.iter().enumerate().filter(|v| carried(*v)).count() + usize::from(layer <= self.relus)
        };
        (1..=self.depth()).map(alive).collect()
    }

    /// Neurons of the widest layer.
    pub(super) fn width(&self) -> usize {
        self.widths().into_iter().max().unwrap_or(0)
    }

    /// The grades, their layers filled up with idle neurons to `width`.
    pub(super) fn lay(&self, width: usize) -> Result<Laid, ModelError> {
        let last = self.last_uses();
        // What each value is in terms of the last layer's neurons.
        let mut forms: Vec<Option<Form>> = (0..self.inputs).map(|i| Some(Form::neuron(i))).collect();
        forms.resize(self.values.len(), None);
        let mut shifts: Vec<Option<f64>> = vec![None; self.values.len()];
        let express = |forms: &[Option<Form>], form: &Form| {
            let mut sum = Form::default().shifted(form.constant);
            for &(value, weight) in &form.terms {
                sum = sum.plus(weight, forms[value].as_ref().expect("a value lives until its last use"));
            }
            sum
        };
        let (mut layers, mut places): (Vec<Layer>, Vec<usize>) = (Vec::new(), Vec::new());
        let (mut columns, mut next, mut neurons) = (self.inputs, self.inputs, 0);
        let (mut grades, mut ends) = (Vec::with_capacity(self.ends.len()), self.ends.iter().peekable());
        // The last round has the readout of the last grade only.
        for layer in 1..=self.depth() + 1 {
            // Combinations of the outputs of the layer before; at last the ReLU that reads them.
            let mut work = None;
            while next < self.values.len() && work.is_none() {
                let value = &self.values[next];
                let form = express(&forms, &value.form);
                if value.is_relu {
                    work = Some((next, form));
                } else {
                    forms[next] = Some(form);
                }
                next += 1;
            }
            if let Some(end) = ends.next_if(|end| end.layer + 1 == layer) {
                let output = express(&forms, &end.correction);
                let mut weights = multigrade_model::Matrix::zeros(1, columns);
                output.terms.iter().for_each(|&(index, weight)| weights.row_mut(0)[index] = weight);
                let readout = Readout::new(weights, vec![output.constant])?;
                grades.push(Grade::new(vec![std::mem::take(&mut layers)], false, readout)?);
                neurons += 1;
            }
            if ends.peek().is_none() {
                break;
            }
            let mut rows = Vec::new();
            for value in 0..work.as_ref().map_or(next, |w| w.0) {
                let Some(form) = forms[value].take_if(|_| last[value] >= layer) else {
                    forms[value] = None;
                    continue;
                };
                let shift = *shifts[value].get_or_insert_with(|| {
                    let floor = self.values[value].floor.min(0.0);
                    let size = self.values[value].range.iter().fold(floor.abs(), |m, x| m.max(x.abs()));
                    rounded_up((ROOM * size).max(1e-300) - floor)
                });
                forms[value] = Some(Form::neuron(rows.len()).shifted(-shift));
                rows.push(form.shifted(shift));
            }
            if let Some((value, form)) = work {
                places.push(neurons + rows.len());
                forms[value] = Some(Form::neuron(rows.len()));
                rows.push(form);
            }
            rows.resize(width.max(rows.len()).max(1), Form::default());
            for row in &mut rows {
                row.terms.retain(|t| t.1 != 0.0);
            }
            layers.push(relu_layer(columns, &rows)?);
            columns = rows.len();
            neurons += columns;
        }
        Ok(Laid { grades, places })
    }
}

/// The smallest power of two that is at least `x`.
fn rounded_up(x: f64) -> f64 {
    2f64.powi(x.log2().ceil() as i32)
}
