//! Features of rows: kept in memory, or computed again from the inputs whenever they are read.

use std::borrow::Cow;
use std::ops::Range;
use std::sync::Arc;

use crate::forward::{BLOCK_ROWS, Scratch, Stage};
use multigrade_model::Grade;
use rayon::prelude::*;

/// Every pass over all rows is made in parts of so many rows, whose sums are added in order, whether features are kept or not:
/// hence the bits do not depend on it. A multiple of [`BLOCK_ROWS`]; the features of a part are some tens of megabytes at
/// most.
pub(crate) const PART_ROWS: usize = 16_384;

/// The parts of `n` rows.
pub(crate) fn parts(n: usize) -> impl Iterator<Item = Range<usize>> {
    (0..n).step_by(PART_ROWS).map(move |start| start..n.min(start + PART_ROWS))
}

/// Whether `p` features of `n` rows fit a limit in bytes, with the copy of them that training reads.
pub(crate) fn fit_into(limit: usize, n: usize, p: usize) -> bool {
    n.saturating_mul(p).saturating_mul(2 * size_of::<f64>()) <= limit
}

/// Rows of numbers, read part by part.
pub(crate) trait FeatureRows: Sync {
    /// How many columns there are.
    fn columns(&self) -> usize;

    /// One of the [`parts`], row-major.
    fn part(&self, rows: Range<usize>) -> Cow<'_, [f64]>;
}

/// Row-major rows of so many columns.
pub(crate) struct Slice<'a>(pub(crate) &'a [f64], pub(crate) usize);

impl FeatureRows for Slice<'_> {
    fn columns(&self) -> usize {
        self.1
    }

    fn part(&self, rows: Range<usize>) -> Cow<'_, [f64]> {
        Cow::Borrowed(&self.0[rows.start * self.1..rows.end * self.1])
    }
}

/// The features `h_k` of some rows after `k` grades.
#[derive(Clone)]
pub(crate) struct Features {
    /// Scaled inputs `(n, d)`.
    inputs: Arc<Vec<f64>>,
    d: usize,
    stages: Vec<Arc<Stage<f64>>>,
    /// The features `(n, p)`, where they fit the limit.
    kept: Option<Arc<Vec<f64>>>,
    /// What features may take, in bytes.
    limit: usize,
}

impl Features {
    /// Before any grade the features are the scaled inputs `(n, d)`.
    pub(crate) fn of_inputs(inputs: Arc<Vec<f64>>, d: usize, limit: usize) -> Self {
        Self { inputs, d, stages: Vec::new(), kept: None, limit }
    }

    /// What features may take, in bytes.
    pub(crate) fn limit(&self) -> usize {
        self.limit
    }

    fn n_rows(&self) -> usize {
        self.inputs.len() / self.d
    }

    /// The features after one more grade, and its corrections `(n, m)`.
    pub(crate) fn after(&self, grade: &Grade) -> (Self, Vec<f64>) {
        let stage = Arc::new(Stage::<f64>::new(grade));
        let n = self.n_rows();
        let keep = fit_into(self.limit, n, stage.n_features());
        let mut kept = Vec::with_capacity(if keep { n * stage.n_features() } else { 0 });
        let mut corrections = Vec::with_capacity(n * grade.readout().bias().len());
        for rows in parts(n) {
            let x = &self.inputs[rows.start * self.d..rows.end * self.d];
            let (features, own) = stage.apply(&self.part(rows), x, self.d);
            corrections.extend(own);
            if keep {
                kept.extend(features);
            }
        }
        let kept = keep.then(|| Arc::new(kept));
        let stages = self.stages.iter().cloned().chain([stage]).collect();
        (Self { stages, kept, ..self.clone() }, corrections)
    }

    /// The features of all rows at once, for what cannot do with parts.
    pub(crate) fn all(&self) -> Cow<'_, [f64]> {
        match self.in_memory() {
            Some(features) => Cow::Borrowed(features),
            None => Cow::Owned(parts(self.n_rows()).flat_map(|rows| self.part(rows).into_owned()).collect()),
        }
    }

    fn in_memory(&self) -> Option<&[f64]> {
        match (&self.kept, self.stages.is_empty()) {
            (Some(kept), _) => Some(kept),
            (None, true) => Some(&self.inputs),
            (None, false) => None,
        }
    }

    /// The features of these rows, in this order.
    ///
    /// Computed again, they go through the grades in blocks of [`BLOCK_ROWS`], filled up where there are fewer: as the kernels
    /// multiply, a row then becomes what it does among its neighbours. Only the rows after the last full block have to be
    /// computed among theirs.
    pub(crate) fn gather(&self, rows: &[u32]) -> Vec<f64> {
        let p = self.columns();
        let mut gathered = Vec::with_capacity(rows.len() * p);
        if let Some(features) = self.in_memory() {
            rows.iter().for_each(|&row| gathered.extend_from_slice(&features[row as usize * p..][..p]));
            return gathered;
        }
        let last = self.n_rows() / BLOCK_ROWS * BLOCK_ROWS;
        for block in rows.chunks(BLOCK_ROWS) {
            let mut inputs: Vec<f64> =
                block.iter().flat_map(|&row| &self.inputs[row as usize * self.d..][..self.d]).copied().collect();
            inputs.resize(BLOCK_ROWS * self.d, 0.0);
            let mut features = self.computed(&inputs);
            features.truncate(block.len() * p);
            if block.iter().any(|&row| row as usize >= last) {
                let tail = self.computed(&self.inputs[last * self.d..]);
                for (features, &row) in features.chunks_exact_mut(p).zip(block) {
                    if let Some(at) = (row as usize).checked_sub(last) {
                        features.copy_from_slice(&tail[at * p..][..p]);
                    }
                }
            }
            gathered.extend(features);
        }
        gathered
    }

    /// The features of rows with these scaled inputs, block by block.
    fn computed(&self, inputs: &[f64]) -> Vec<f64> {
        let (d, p) = (self.d, self.columns());
        let widest = self.stages.iter().map(|stage| stage.n_features()).max().unwrap_or(d).max(d);
        let mut out = vec![0.0; inputs.len() / d * p];
        out.par_chunks_mut(BLOCK_ROWS * p).zip(inputs.par_chunks(BLOCK_ROWS * d)).for_each_init(
            || (Scratch::default(), vec![0.0; BLOCK_ROWS * widest], vec![0.0; BLOCK_ROWS * widest]),
            |(scratch, h, next), (out, x)| {
                let rows = x.len() / d;
                h[..x.len()].copy_from_slice(x);
                let mut width = d;
                for stage in &self.stages {
                    let features = &mut next[..rows * stage.n_features()];
                    stage.features(&h[..rows * width], x, rows, features, scratch);
                    width = stage.n_features();
                    std::mem::swap(h, next);
                }
                out.copy_from_slice(&h[..rows * p]);
            },
        );
        out
    }
}

impl FeatureRows for Features {
    fn columns(&self) -> usize {
        self.stages.last().map_or(self.d, |stage| stage.n_features())
    }

    fn part(&self, rows: Range<usize>) -> Cow<'_, [f64]> {
        let p = self.columns();
        match self.in_memory() {
            Some(features) => Cow::Borrowed(&features[rows.start * p..rows.end * p]),
            None => Cow::Owned(self.computed(&self.inputs[rows.start * self.d..rows.end * self.d])),
        }
    }
}
