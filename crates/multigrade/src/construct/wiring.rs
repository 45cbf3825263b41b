//! Layers of constant width: what every constructed grade is made of.
//!
//! Every hidden layer hands on the inputs `x`, the state `E + B` and the outputs of some working neurons. `x` lies in the
//! unit cube, so ReLUs let it pass; `B` keeps the state nonnegative. Forms below say what a quantity is in terms of the
//! neurons of the layer before, so that a layer is written down by stating what each of its neurons computes.

use multigrade_model::{Activation, Grade, Layer, Matrix, ModelError, Readout, SparseMatrix};

/// An affine form of the outputs of the last layer.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Form {
    pub(super) terms: Vec<(usize, f64)>,
    pub(super) constant: f64,
}

impl Form {
    /// The output of one neuron.
    pub(super) fn neuron(index: usize) -> Self {
        Self { terms: vec![(index, 1.0)], constant: 0.0 }
    }

    pub(super) fn plus(mut self, factor: f64, other: &Self) -> Self {
        for &(index, weight) in &other.terms {
            match self.terms.binary_search_by_key(&index, |t| t.0) {
                Ok(at) => self.terms[at].1 += factor * weight,
                Err(at) => self.terms.insert(at, (index, factor * weight)),
            }
        }
        self.constant += factor * other.constant;
        self
    }

    pub(super) fn shifted(mut self, by: f64) -> Self {
        self.constant += by;
        self
    }

    pub(super) fn scaled(&self, by: f64) -> Self {
        Self::default().plus(by, self)
    }
}

/// What a layer of a tent map makes.
pub(super) struct Fold {
    /// What it read.
    pub(super) input: Form,
    /// `2t` for `t <= 1/2`, else `2 - 2t`.
    pub(super) tent: Form,
}

/// A network under construction, grade by grade.
pub(super) struct Wiring {
    inputs: usize,
    /// Length of the outputs of the last layer.
    width: usize,
    x: Vec<Form>,
    state: Form,
    branch: Vec<Layer>,
}

impl Wiring {
    /// For `d` inputs in the unit cube.
    pub(super) fn new(d: usize) -> Self {
        Self { inputs: d, width: d, x: (0..d).map(Form::neuron).collect(), state: Form::default(), branch: Vec::new() }
    }

    /// Input `i`.
    pub(super) fn x(&self, i: usize) -> &Form {
        &self.x[i]
    }

    /// Adds to the state.
    pub(super) fn accumulate(&mut self, factor: f64, form: &Form) {
        self.state = std::mem::take(&mut self.state).plus(factor, form);
    }

    /// Adds a constant to the state.
    pub(super) fn shift(&mut self, by: f64) {
        self.state.constant += by;
    }

    /// Adds a layer with working neurons `max(0, form)`, which it returns as forms of the new layer; `floor` bounds
    /// the state from below: `state + floor >= 0` on the unit cube.
    pub(super) fn layer(&mut self, work: &[Form], floor: f64) -> Result<Vec<Form>, ModelError> {
        let mut rows = self.x.clone();
        // A state that is affine in x needs no neuron: x is there.
        let is_affine = self.state.terms.iter().all(|t| t.0 < self.inputs);
        if !is_affine {
            rows.push(self.state.clone().shifted(floor));
            self.state = Form::neuron(self.inputs).shifted(-floor);
        }
        let first = rows.len();
        rows.extend_from_slice(work);
        self.x = (0..self.inputs).map(Form::neuron).collect();
        self.branch.push(relu_layer(self.width, &rows)?);
        self.width = rows.len();
        Ok((first..self.width).map(Form::neuron).collect())
    }

    /// Adds the layer of a tent map: two neurons `max(0, t)` and `max(0, t - 1/2)` for a form `t` in `[0, 1]`. Nothing else is
    /// handed on.
    pub(super) fn fold(&mut self, t: &Form) -> Result<Fold, ModelError> {
        self.branch.push(relu_layer(self.width, &[t.clone(), t.clone().shifted(-0.5)])?);
        self.width = 2;
        let [input, beyond] = [0, 1].map(Form::neuron);
        let tent = input.scaled(2.0).plus(-4.0, &beyond);
        Ok(Fold { input, tent })
    }

    /// Ends a grade of the monotone scheme: `g = max(E - t, 0) - max(-E - t, 0)`, and `E - g` is the next state.
    pub(super) fn soft_threshold(&mut self, t: f64, floor: f64) -> Result<Grade, ModelError> {
        let parts = [self.state.clone().shifted(-t), self.state.scaled(-1.0).shifted(-t)];
        let parts = self.layer(&parts, floor)?;
        let correction = Form::default().plus(1.0, &parts[0]).plus(-1.0, &parts[1]);
        self.accumulate(-1.0, &correction);
        self.finish(&correction)
    }

    /// Ends a grade of the plain scheme: the state is its correction, and the next state is 0.
    pub(super) fn telescope(&mut self) -> Result<Grade, ModelError> {
        if self.branch.is_empty() {
            self.layer(&[], 0.0)?;
        }
        let correction = std::mem::take(&mut self.state);
        self.finish(&correction)
    }

    /// The grade made of the layers so far, with this correction.
    pub(super) fn finish(&mut self, correction: &Form) -> Result<Grade, ModelError> {
        let mut weights = Matrix::zeros(1, self.width);
        correction.terms.iter().for_each(|&(index, weight)| weights.row_mut(0)[index] = weight);
        let readout = Readout::new(weights, vec![correction.constant])?;
        Grade::new(vec![std::mem::take(&mut self.branch)], false, readout)
    }
}

pub(super) fn relu_layer(inputs: usize, rows: &[Form]) -> Result<Layer, ModelError> {
    let weights = SparseMatrix::new(inputs, rows.iter().map(|row| row.terms.clone()).collect())?;
    Layer::new(weights, rows.iter().map(|row| row.constant).collect(), Activation::Relu)
}
