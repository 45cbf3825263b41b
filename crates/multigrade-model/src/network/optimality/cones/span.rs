//! The span of the unpenalised part on the rows.

use super::{Bias, Rows, Skip, Twofold};

/// Columns that span what is fitted without penalty, orthonormal with the weights of the rows.
pub(super) struct Span {
    columns: Vec<Vec<Twofold>>,
}

impl Span {
    pub(super) fn new(rows: &Rows<'_>, bias: Bias, skip: Skip) -> Self {
        let mut span = Self { columns: Vec::new() };
        if skip != Skip::None || bias == Bias::Free {
            span.join(rows, vec![Twofold::from(1.0); rows.n]);
        }
        if skip == Skip::Affine {
            for k in 0..rows.d {
                span.join(rows, (0..rows.n).map(|i| Twofold::from(rows.x(i)[k])).collect());
            }
        }
        span
    }

    /// Adds a column unless it lies in the span up to the precision of the arithmetic.
    fn join(&mut self, rows: &Rows<'_>, mut column: Vec<Twofold>) {
        let length = |column: &[Twofold]| inner(rows, column, column).sqrt();
        let whole = length(&column);
        for _ in 0..2 {
            for q in &self.columns {
                let share = inner(rows, q, &column);
                subtract(rows, &mut column, share, |i| q[i]);
            }
        }
        let left = length(&column);
        if left.is_above(whole * 2f64.powi(-85)) {
            column.iter_mut().for_each(|c| *c = *c / left);
            self.columns.push(column);
        }
    }

    /// The part of a dual point orthogonal to the span: corrected by multiples of weight times column.
    pub(super) fn project(&self, rows: &Rows<'_>, dual_point: &[f64]) -> Vec<Twofold> {
        let mut v: Vec<Twofold> = dual_point.iter().map(|&v| Twofold::from(v)).collect();
        for _ in 0..2 {
            for q in &self.columns {
                let share: Twofold = rows.kept.iter().map(|&i| q[i] * v[i]).sum();
                subtract(rows, &mut v, share, |i| q[i] * rows.weight(i));
            }
        }
        v
    }
}

fn inner(rows: &Rows<'_>, a: &[Twofold], b: &[Twofold]) -> Twofold {
    rows.kept.iter().map(|&i| a[i] * b[i] * rows.weight(i)).sum()
}

fn subtract(rows: &Rows<'_>, from: &mut [Twofold], share: Twofold, column: impl Fn(usize) -> Twofold) {
    for &i in &rows.kept {
        from[i] = from[i] - share * column(i);
    }
}
