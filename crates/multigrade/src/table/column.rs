use super::cell::{Found, NumberReader};
use super::error::TableProblem;
use super::lines::Unit;
use super::records::Cell;

/// One column: its numbers, or, once it holds anything else, no more than what a message about it needs.
#[derive(Clone, Debug)]
pub(super) enum Column {
    Numbers(Vec<f64>),
    Spoiled { line: u64, found: Found, n_bad: usize },
}

impl Column {
    pub(super) fn push(&mut self, cell: Cell<'_>, reader: &mut NumberReader) {
        match (reader.number(cell.text, cell.line), &mut *self) {
            (Some(number), Self::Numbers(numbers)) => numbers.push(number),
            (Some(_), Self::Spoiled { .. }) => {}
            (None, Self::Spoiled { n_bad, .. }) => *n_bad += 1,
            (None, Self::Numbers(_)) => self.spoil(reader.describe(cell.text), cell.line, 1),
        }
    }

    /// Takes up the number of a row, which counts as bad unless it is finite.
    pub(super) fn push_number(&mut self, number: f64, row: u64) {
        match self {
            _ if !number.is_finite() => self.spoil(Found::of_number(number), row, 1),
            Self::Numbers(numbers) => numbers.push(number),
            Self::Spoiled { .. } => {}
        }
    }

    /// Takes up `n_bad` cells that are not numbers, the first of them `found` on `line`.
    pub(super) fn spoil(&mut self, found: Found, line: u64, n_bad: usize) {
        match self {
            Self::Numbers(_) => *self = Self::Spoiled { line, found, n_bad },
            Self::Spoiled { n_bad: so_far, .. } => *so_far += n_bad,
        }
    }

    /// How many numbers are held in memory.
    pub(super) fn n_kept(&self) -> usize {
        match self {
            Self::Numbers(numbers) => numbers.len(),
            Self::Spoiled { .. } => 0,
        }
    }

    pub(super) fn numbers(&self, name: &str, unit: Unit, n_rows: usize) -> Result<&[f64], TableProblem> {
        match self {
            Self::Numbers(numbers) => Ok(numbers),
            Self::Spoiled { line, found, n_bad } => Err(TableProblem::NotNumbers {
                column: name.to_owned(),
                unit,
                line: *line,
                found: found.clone(),
                n_bad: *n_bad,
                n_rows,
            }),
        }
    }
}
