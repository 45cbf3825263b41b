//! Proofs of convex grades inside a model, and the problems that they speak about.

use super::{Activation, Branch, Grade, Layer, Matrix, ModelError, Multigrade, OptimalityProof, ProofError, Readout};
use serde::{Deserialize, Serialize};

/// How far a convex grade of a model is from the best of its kind.
///
/// The problem of grade `k` has the rows that the grade was fitted on, with their weights. Its inputs are the features
/// `h_{k-1}`, each divided by its [`scale`](Self::scale); its targets are what the grades before left of the standardised
/// targets, `r_{k-1} = (y - center) / scale - s_{k-1}`. Both are those of the reference evaluation, to the last bit.
///
/// The scales are powers of two, so dividing by them does not round: the candidate of the proof *is* the stored grade.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GradeProof {
    /// What each feature `h_{k-1}` is divided by: a power of two near its standard deviation, 1 for inputs of the model.
    pub scale: Vec<f64>,
    /// The smallest penalty with which the grade would have had no neurons.
    pub largest_penalty: f64,
    /// The head room that the features offered: [`largest_penalty`](Self::largest_penalty) divided by the penalty of the
    /// convex grade just before. Above 1, these features can explain what no neuron on its features could; absent where
    /// there is no such grade.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub head_room: Option<f64>,
    /// The proof itself.
    pub proof: OptimalityProof,
}

/// What a grade learns from: features `h_{k-1}` and residuals `r_{k-1}` of some rows, by the reference evaluation.
#[derive(Clone, Debug, PartialEq)]
pub struct GradeProblem {
    /// Features, row-major `(n, p)`.
    pub features: Vec<f64>,
    /// Number of features `p`.
    pub n_features: usize,
    /// What is left of the standardised targets, row-major `(n, m)`.
    pub residuals: Vec<f64>,
}

impl GradeProblem {
    /// The problem after `grades`, for standardised inputs `(n, d)` and standardised targets `(n, m)`.
    ///
    /// # Errors
    /// [`ModelError::Shape`] if the columns do not fit the grades.
    pub fn after(grades: &[Grade], inputs: &[f64], d: usize, targets: &[f64], m: usize) -> Result<Self, ModelError> {
        if let Some(grade) = grades.first().filter(|grade| grade.inputs() != d) {
            return Err(ModelError::Shape { what: "input row", expected: grade.inputs(), found: d });
        }
        if let Some(found) = grades.iter().map(|g| g.readout().bias().len()).find(|outputs| *outputs != m) {
            return Err(ModelError::Shape { what: "targets", expected: found, found: m });
        }
        if d == 0 || m == 0 || inputs.len() / d * m != targets.len() {
            return Err(ModelError::Shape {
                what: "targets",
                expected: inputs.len() / d.max(1) * m,
                found: targets.len(),
            });
        }
        let n_features = grades.last().map_or(d, Grade::n_features);
        let (mut features, mut residuals) = (Vec::with_capacity(inputs.len() / d * n_features), targets.to_vec());
        for (x, residual) in inputs.chunks_exact(d).zip(residuals.chunks_exact_mut(m)) {
            let mut h = x.to_vec();
            let mut sum = vec![0.0; m];
            for grade in grades {
                h = grade.features(&h, x);
                let correction = grade.readout().weights().affine(grade.readout().bias(), &h);
                sum.iter_mut().zip(correction).for_each(|(s, g)| *s += g);
            }
            residual.iter_mut().zip(sum).for_each(|(r, s)| *r -= s);
            features.extend(h);
        }
        Ok(Self { features, n_features, residuals })
    }

    /// The features, each divided by its scale.
    pub fn scaled_features(&self, scale: &[f64]) -> Vec<f64> {
        self.features
            .chunks_exact(self.n_features.max(1))
            .flat_map(|h| h.iter().zip(scale).map(|(h, s)| h / s))
            .collect()
    }
}

/// The grade of a model that a candidate on scaled features is, and back.
///
/// A candidate has one hidden ReLU layer and a readout of its neurons followed by all the features it reads. A grade of a
/// model hands the inputs `x` to its readout by itself; features beside them come from a second branch, which hands on
/// the first `p - d` features as they are. They stay readable for later grades.
impl GradeProof {
    /// The grade of a model with `d` inputs that the candidate on features divided by `scale` is.
    ///
    /// # Errors
    /// [`ModelError`] if a number leaves the range of `f64`.
    pub fn model_grade(candidate: &Grade, scale: &[f64], d: usize) -> Result<Grade, ModelError> {
        let handed_on = scale.len().saturating_sub(d);
        let layer = &candidate.branches()[0][0];
        let mut branches = vec![vec![rescaled_layer(layer, scale, |w, s| w / s)?]];
        if handed_on > 0 {
            branches.push(hand_on(handed_on, scale.len())?);
        }
        let readout = rescaled_readout(candidate.readout(), layer.outputs(), scale, |a, s| a / s)?;
        Grade::new(branches, true, readout)
    }

    /// The candidate on features divided by [`scale`](Self::scale) that a grade of a model is.
    ///
    /// # Errors
    /// [`ProofError::Candidate`] if the grade has another shape or a scale is no power of two.
    pub fn candidate(&self, grade: &Grade) -> Result<Grade, ProofError> {
        let expected = "one hidden ReLU layer whose readout reads all that the layer reads";
        let not = |found| Err(ProofError::Candidate { found, expected });
        let p = self.scale.len();
        if grade.inputs() != p {
            return not("reads another number of features than the proof has scales");
        }
        if self.scale.iter().any(|s| !(s.is_normal() && *s > 0.0 && s.to_bits() << 12 == 0)) {
            return not("is compared by scales that are no powers of two");
        }
        let ([layer], rest) = (grade.branches()[0].as_slice(), &grade.branches()[1..]) else {
            return not("has several hidden layers");
        };
        let handed_on = grade.n_hidden_features() - layer.outputs();
        let is_handed_on = match rest {
            [] => true,
            [branch] => hand_on(handed_on, p).is_ok_and(|expected| *branch == expected),
            _ => false,
        };
        if !is_handed_on || grade.n_features() != layer.outputs() + p {
            return not("has several branches, or does not hand all it reads to the readout");
        }
        let made = rescaled_layer(layer, &self.scale, |w, s| w * s).and_then(|layer| {
            let readout = rescaled_readout(grade.readout(), layer.outputs(), &self.scale, |a, s| a * s)?;
            Grade::new(vec![vec![layer]], true, readout)
        });
        made.map_err(|_| ProofError::Overflow)
    }
}

fn rescaled_layer(layer: &Layer, scale: &[f64], by: impl Fn(f64, f64) -> f64) -> Result<Layer, ModelError> {
    let mut weights = Matrix::zeros(layer.outputs(), layer.inputs());
    for j in 0..layer.outputs() {
        layer.weights().terms(j).for_each(|(i, w)| weights.row_mut(j)[i] = by(w, scale[i]));
    }
    Layer::new(weights, layer.bias().to_vec(), layer.activation())
}

fn rescaled_readout(
    readout: &Readout,
    hidden: usize,
    scale: &[f64],
    by: impl Fn(f64, f64) -> f64,
) -> Result<Readout, ModelError> {
    let mut weights = readout.weights().clone();
    for o in 0..weights.rows() {
        weights.row_mut(o)[hidden..].iter_mut().zip(scale).for_each(|(a, &s)| *a = by(*a, s));
    }
    Readout::new(weights, readout.bias().to_vec())
}

/// The branch that hands on the first `count` of `p` features.
fn hand_on(count: usize, p: usize) -> Result<Branch, ModelError> {
    let mut weights = Matrix::zeros(count, p);
    (0..count).for_each(|j| weights.row_mut(j)[j] = 1.0);
    Ok(vec![Layer::new(weights, vec![0.0; count], Activation::Identity)?])
}

impl Multigrade {
    /// The proofs that the history keeps, with the number of their grade.
    pub fn proofs(&self) -> impl Iterator<Item = (usize, &GradeProof)> {
        self.history.grades.iter().filter_map(|record| Some((record.grade, record.proof.as_ref()?)))
    }

    /// Whether the proof of grade `k` holds for the stored grade on these rows, in the units of the table: inputs `x`
    /// `(n, d)`, targets `y` `(n, m)`, `n` weights (all 1 when absent).
    ///
    /// Recomputes features and residuals by the reference evaluation and the proof by [`OptimalityProof::verify`]. The
    /// rows have to be those that the grade was fitted on; for neurons that read all inputs in the same order too.
    ///
    /// # Errors
    /// [`ProofError`] if there is no proof of this grade, or it does not hold.
    pub fn verify_proof(&self, k: usize, x: &[f64], y: &[f64], weights: Option<&[f64]>) -> Result<(), ProofError> {
        let record = self.history.grades.iter().find(|record| record.grade == k);
        let found = record.and_then(|record| record.proof.as_ref());
        let (Some(claim), Some(grade)) = (found, k.checked_sub(1).and_then(|k| self.grades.get(k))) else {
            return Err(ProofError::Candidate { found: "has no proof", expected: "convex grades" });
        };
        let (mut inputs, mut targets) = (x.to_vec(), y.to_vec());
        self.input_scaling.standardise(&mut inputs);
        self.output_scaling.standardise(&mut targets);
        let problem = GradeProblem::after(&self.grades[..k - 1], &inputs, self.n_inputs(), &targets, self.n_outputs())
            .map_err(|_| ProofError::Length { what: "y", expected: x.len() / self.n_inputs(), found: y.len() })?;
        let candidate = claim.candidate(grade)?;
        claim.proof.verify(&problem.scaled_features(&claim.scale), &problem.residuals, weights, &candidate)
    }
}
