//! What the outputs of a classifier mean: labels, probabilities, and how good they are.

use super::ModelError;
use serde::{Deserialize, Serialize};

/// The name of a class, of the type it had in the data.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Label {
    /// True or false.
    Boolean(bool),
    /// A whole number.
    Integer(i64),
    /// Any other finite number.
    Number(f64),
    /// Text.
    Text(String),
}

impl std::fmt::Display for Label {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Boolean(value) => value.fmt(f),
            Self::Integer(value) => value.fmt(f),
            Self::Number(value) => value.fmt(f),
            Self::Text(value) => value.fmt(f),
        }
    }
}

/// The classes that a model tells apart: its outputs are their logits.
///
/// With two classes there is one output `s`, the logit of the second: `P(second) = 1 / (1 + exp(-s))`. (Two outputs would
/// hold the same knowledge twice: only their difference would count.) With `K > 2` there is one output for each class, and
/// `P(class) = exp(s_class) / sum_j exp(s_j)`; adding a number to all outputs changes nothing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Classes {
    /// Name of the target column.
    pub target: String,
    /// The labels, at least two, all different as text; class `c` is `labels[c]`.
    pub labels: Vec<Label>,
}

impl Classes {
    /// Classes of the target column `target`.
    ///
    /// # Errors
    /// [`ModelError::Classes`] unless there are at least two labels, all finite and different as text.
    ///
    /// ```
    /// use multigrade_model::{Classes, Label};
    /// let classes = Classes::new("species", ["cat", "dog"].map(|name| Label::Text(name.into())).to_vec())?;
    /// assert_eq!((classes.n_outputs(), classes.output_names()), (1, vec!["species=dog".to_string()]));
    /// assert_eq!(classes.probabilities(&[0.0]), [0.5, 0.5]);
    /// # Ok::<(), multigrade_model::ModelError>(())
    /// ```
    pub fn new(target: impl Into<String>, labels: Vec<Label>) -> Result<Self, ModelError> {
        let classes = Self { target: target.into(), labels };
        classes.validate()?;
        Ok(classes)
    }

    pub(super) fn validate(&self) -> Result<(), ModelError> {
        let refuse = |reason: String| Err(ModelError::Classes { target: self.target.clone(), reason });
        if self.labels.len() < 2 {
            let found = self.labels.first().map_or("no class".into(), |label| format!("a single class, '{label}'"));
            return refuse(format!("found {found}, expected at least two"));
        }
        if self.labels.iter().any(|label| matches!(label, Label::Number(x) if !x.is_finite())) {
            return refuse("a label is not a finite number".into());
        }
        let mut texts: Vec<String> = self.labels.iter().map(Label::to_string).collect();
        texts.sort_unstable();
        match texts.windows(2).find(|pair| pair[0] == pair[1]) {
            Some(pair) => refuse(format!("two labels read '{}'", pair[0])),
            None => Ok(()),
        }
    }

    /// Number of classes `K`.
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    /// Whether there are no classes, which [`Classes::new`] refuses.
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty()
    }

    /// Number of outputs of the model: 1 for two classes, else `K`.
    pub fn n_outputs(&self) -> usize {
        if self.labels.len() == 2 { 1 } else { self.labels.len() }
    }

    /// Names of the outputs: `species=dog` is the logit of the class `dog` of the target `species`.
    pub fn output_names(&self) -> Vec<String> {
        let first = self.labels.len() - self.n_outputs();
        self.labels[first..].iter().map(|label| format!("{}={label}", self.target)).collect()
    }

    /// Probabilities `(n, K)` from logits `(n, outputs)`, both row-major. Rows sum to 1 up to rounding; a logit that is NaN
    /// makes its row NaN.
    pub fn probabilities(&self, logits: &[f64]) -> Vec<f64> {
        let mut probabilities = Vec::with_capacity(logits.len() / self.n_outputs() * self.len());
        for row in logits.chunks_exact(self.n_outputs()) {
            push_probabilities(row, &mut probabilities);
        }
        probabilities
    }

    /// The most probable class of each row of probabilities `(n, K)`; the first of equals.
    pub fn decide(&self, probabilities: &[f64]) -> Vec<usize> {
        probabilities.chunks_exact(self.len()).map(most_probable).collect()
    }
}

/// Appends the probabilities of one row of logits.
fn push_probabilities(logits: &[f64], probabilities: &mut Vec<f64>) {
    if let [s] = logits {
        // Each from its own exponential: the smaller one keeps all its digits.
        probabilities.extend([1.0 / (1.0 + s.exp()), 1.0 / (1.0 + (-s).exp())]);
        return;
    }
    // Nothing overflows once the largest is taken away.
    let largest = logits.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let start = probabilities.len();
    probabilities.extend(logits.iter().map(|s| (s - largest).exp()));
    let total: f64 = probabilities[start..].iter().sum();
    probabilities[start..].iter_mut().for_each(|p| *p /= total);
}

fn most_probable(row: &[f64]) -> usize {
    (1..row.len()).fold(0, |best, c| if row[c] > row[best] { c } else { best })
}

/// `-ln P(class)` of one row of logits, without the detour over a probability that may round to 0.
///
/// ```
/// use multigrade_model::cross_entropy;
/// assert_eq!(cross_entropy(&[1000.0], 0), 1000.0);
/// assert_eq!(cross_entropy(&[0.0, 0.0, 0.0], 1), 3f64.ln());
/// ```
///
/// # Panics
/// If there is no such class.
pub fn cross_entropy(logits: &[f64], class: usize) -> f64 {
    if let [s] = logits {
        let against = if class == 0 { *s } else { -s };
        // ln(1 + exp(t)), without overflow.
        return against.max(0.0) + (-against.abs()).exp().ln_1p();
    }
    let largest = logits.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    largest - logits[class] + logits.iter().map(|s| (s - largest).exp()).sum::<f64>().ln()
}

/// How good probabilities are on rows whose class is known; weighted means.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Scores {
    /// Share of the rows whose most probable class is the right one.
    #[serde(with = "super::any_number")]
    pub accuracy: f64,
    /// Mean of `-ln P(right class)`, in nats; infinite where a right class was given probability 0.
    #[serde(with = "super::any_number")]
    pub log_loss: f64,
    /// Mean of `sum_c (P(c) - [c is right])^2`, between 0 and 2 (Brier, 1950).
    #[serde(with = "super::any_number")]
    pub brier: f64,
}

impl Scores {
    /// Scores of probabilities `(n, K)` for rows of these `classes` `(n)` and `weights` `(n)`.
    ///
    /// # Panics
    /// If a class is not below `K`.
    pub fn of(probabilities: &[f64], classes: &[usize], weights: &[f64]) -> Self {
        let loss = |row: &[f64], class: usize| -row[class].ln();
        Self::with(probabilities, classes, weights, |i, class| loss(row_of(probabilities, classes.len(), i), class))
    }

    /// Scores of logits `(n, outputs)`: as [`Scores::of`], but the log-loss stays finite.
    ///
    /// # Panics
    /// If there is no such class.
    pub fn of_logits(logits: &[f64], classes: &[usize], weights: &[f64]) -> Self {
        let n = classes.len();
        let mut probabilities = Vec::new();
        (0..n).for_each(|i| push_probabilities(row_of(logits, n, i), &mut probabilities));
        Self::with(&probabilities, classes, weights, |i, class| cross_entropy(row_of(logits, n, i), class))
    }

    fn with(probabilities: &[f64], classes: &[usize], weights: &[f64], loss: impl Fn(usize, usize) -> f64) -> Self {
        let total: f64 = weights.iter().sum();
        let (mut accuracy, mut log_loss, mut brier) = (0.0, 0.0, 0.0);
        for (i, (&class, w)) in classes.iter().zip(weights).enumerate() {
            let (row, w) = (row_of(probabilities, classes.len(), i), w / total);
            accuracy += if most_probable(row) == class { w } else { 0.0 };
            log_loss += w * loss(i, class);
            let square = |(c, p): (usize, &f64)| (p - f64::from(u8::from(c == class))).powi(2);
            brier += w * row.iter().enumerate().map(square).sum::<f64>();
        }
        Self { accuracy, log_loss, brier }
    }
}

/// Row `i` of `n` row-major rows.
fn row_of(rows: &[f64], n: usize, i: usize) -> &[f64] {
    let columns = rows.len() / n;
    &rows[i * columns..(i + 1) * columns]
}
