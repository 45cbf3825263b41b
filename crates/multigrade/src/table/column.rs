use super::cell::Found;
use super::error::TableProblem;

/// One column: its numbers, or, once it holds anything else, no more than what a message about it needs.
#[derive(Clone, Debug)]
pub(super) enum Column {
    Numbers(Vec<f64>),
    Spoiled { line: u64, found: Found, n_bad: usize },
}

impl Column {
    pub(super) fn push(&mut self, cell: Result<f64, Found>, line: u64) {
        match (self, cell) {
            (Self::Numbers(numbers), Ok(number)) => numbers.push(number),
            (Self::Spoiled { .. }, Ok(_)) => {}
            (column, Err(found)) => column.spoil(found, line, 1),
        }
    }

    /// Takes up `n_bad` cells that are not numbers, the first of them `found` on `line`.
    pub(super) fn spoil(&mut self, found: Found, line: u64, n_bad: usize) {
        match self {
            Self::Numbers(_) => *self = Self::Spoiled { line, found, n_bad },
            Self::Spoiled { n_bad: so_far, .. } => *so_far += n_bad,
        }
    }

    pub(super) fn numbers(&self, name: &str, n_rows: usize) -> Result<&[f64], TableProblem> {
        match self {
            Self::Numbers(numbers) => Ok(numbers),
            Self::Spoiled { line, found, n_bad } => Err(TableProblem::NotNumbers {
                column: name.to_owned(),
                line: *line,
                found: found.clone(),
                n_bad: *n_bad,
                n_rows,
            }),
        }
    }
}
