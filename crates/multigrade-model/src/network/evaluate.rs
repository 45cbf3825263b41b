//! Reference evaluation: the meaning of a model.

use super::{Branch, Grade, Matrix, ModelError, Multigrade};

/// Hidden features of one branch, and with `jacobian` the chain rule through it: `J` becomes `dh/dx`.
fn through(branch: &Branch, input: &[f64], jacobian: Option<&Matrix>) -> (Vec<f64>, Option<Matrix>) {
    let (mut h, mut j) = (input.to_vec(), jacobian.cloned());
    for layer in branch {
        let z = layer.preactivation(&h);
        j = j.map(|j| {
            let mut product = layer.weights().times(&j);
            for (i, &zi) in z.iter().enumerate() {
                let slope = layer.activation().derivative(zi);
                product.row_mut(i).iter_mut().for_each(|p| *p *= slope);
            }
            product
        });
        h = z.into_iter().map(|zi| layer.activation().apply(zi)).collect();
    }
    (h, j)
}

/// Stacks matrices of equal width on top of each other.
fn stack(parts: Vec<Matrix>, cols: usize) -> Matrix {
    let data: Vec<f64> = parts.iter().flat_map(|p| p.as_slice().iter().copied()).collect();
    Matrix::new(data.len() / cols, cols, data).expect("parts have `cols` columns")
}

impl Grade {
    /// Features `h_k` of one row from `h_{k-1}` and the scaled inputs `x`.
    pub(super) fn features(&self, h: &[f64], x: &[f64]) -> Vec<f64> {
        let mut features: Vec<f64> = self.branches().iter().flat_map(|b| through(b, h, None).0).collect();
        if self.carry_inputs() {
            features.extend_from_slice(x);
        }
        features
    }
}

impl Multigrade {
    fn check_row(&self, x: &[f64]) -> Result<(), ModelError> {
        if x.len() == self.n_inputs() {
            Ok(())
        } else {
            Err(ModelError::Shape { what: "input row", expected: self.n_inputs(), found: x.len() })
        }
    }

    /// `f_k(x)` for one row `x` of length `d`: the meaning of this model. Length `m`.
    ///
    /// Every sum starts with the bias and goes on in index order, every operation is rounded once, nothing is fused,
    /// and activations are those of the standard library. Faster evaluations differ from this one by rounding only.
    ///
    /// # Errors
    /// [`ModelError::Shape`] if `x` has not `d` numbers, [`ModelError::NoSuchGrade`] if `k` exceeds the number of grades.
    pub fn eval_reference(&self, x: &[f64], k: usize) -> Result<Vec<f64>, ModelError> {
        self.check_grade(k)?;
        let mut staged = self.eval_staged_up_to(x, k)?;
        Ok(staged.pop().unwrap_or_else(|| self.output_scaling.center().to_vec()))
    }

    /// `[f_1(x), ..., f_K(x)]` for one row: every prefix of the sum of grades, in the order and rounding of
    /// [`Multigrade::eval_reference`].
    ///
    /// # Errors
    /// [`ModelError::Shape`] if `x` has not `d` numbers.
    pub fn eval_staged(&self, x: &[f64]) -> Result<Vec<Vec<f64>>, ModelError> {
        self.eval_staged_up_to(x, self.grades.len())
    }

    fn eval_staged_up_to(&self, x: &[f64], k: usize) -> Result<Vec<Vec<f64>>, ModelError> {
        self.check_row(x)?;
        let mut inputs = x.to_vec();
        self.input_scaling.standardise(&mut inputs);
        let mut h = inputs.clone();
        let mut sum = vec![0.0; self.n_outputs()];
        let mut staged = Vec::with_capacity(k);
        for grade in &self.grades[..k] {
            h = grade.features(&h, &inputs);
            let correction = grade.readout().weights().affine(grade.readout().bias(), &h);
            sum.iter_mut().zip(correction).for_each(|(s, g)| *s += g);
            let mut value = sum.clone();
            self.output_scaling.restore(&mut value);
            staged.push(value);
        }
        Ok(staged)
    }

    /// Jacobian `df_K/dx` at one row, shape `(m, d)`, in the units of the table.
    ///
    /// For ReLU networks it is exact wherever the network is differentiable; on a kink the slope of the inactive
    /// side is used.
    ///
    /// # Errors
    /// [`ModelError::Shape`] if `x` has not `d` numbers.
    pub fn gradient(&self, x: &[f64]) -> Result<Matrix, ModelError> {
        self.check_row(x)?;
        let (d, m) = (self.n_inputs(), self.n_outputs());
        let mut inputs = x.to_vec();
        self.input_scaling.standardise(&mut inputs);
        let mut identity = Matrix::zeros(d, d);
        for (i, s) in self.input_scaling.scale().iter().enumerate() {
            identity.row_mut(i)[i] = 1.0 / s;
        }
        let (mut h, mut j) = (inputs.clone(), identity.clone());
        let mut total = Matrix::zeros(m, d);
        for grade in &self.grades {
            let (mut features, mut slopes) = (Vec::new(), Vec::new());
            for branch in grade.branches() {
                let (f, s) = through(branch, &h, Some(&j));
                features.extend(f);
                slopes.extend(s);
            }
            if grade.carry_inputs() {
                features.extend_from_slice(&inputs);
                slopes.push(identity.clone());
            }
            (h, j) = (features, stack(slopes, d));
            let correction = grade.readout().weights().times(&j);
            total.as_mut_slice().iter_mut().zip(correction.as_slice()).for_each(|(t, c)| *t += c);
        }
        for (i, s) in self.output_scaling.scale().iter().enumerate() {
            total.row_mut(i).iter_mut().for_each(|t| *t *= s);
        }
        Ok(total)
    }
}
