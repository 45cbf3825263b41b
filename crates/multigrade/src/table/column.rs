use super::cell::{Found, NumberReader};
use super::error::TableProblem;
use super::lines::Unit;
use super::records::Cell;

/// One column: its numbers, or, once it holds anything else, no more than what a message about it needs.
#[derive(Clone, Debug)]
pub(super) enum Column {
    Numbers(Vec<f64>),
    /// Numbers, with NaN where a cell is missing; kept if [`ReadOptions::gaps`](super::ReadOptions::gaps) asks for it.
    Gaps {
        numbers: Vec<f64>,
        line: u64,
        found: Found,
        n_bad: usize,
    },
    Spoiled {
        line: u64,
        found: Found,
        n_bad: usize,
    },
}

impl Column {
    pub(super) fn push(&mut self, cell: Cell<'_>, reader: &mut NumberReader, gaps: bool) {
        match (reader.number(cell.text, cell.line), &mut *self) {
            (Some(number), Self::Numbers(numbers) | Self::Gaps { numbers, .. }) => numbers.push(number),
            (Some(_), Self::Spoiled { .. }) => {}
            (None, Self::Spoiled { n_bad, .. }) => *n_bad += 1,
            (None, _) => self.spoil(reader.describe(cell.text), cell.line, 1, gaps),
        }
    }

    /// Takes up the number of a row, which counts as bad unless it is finite.
    pub(super) fn push_number(&mut self, number: f64, row: u64, gaps: bool) {
        match self {
            _ if !number.is_finite() => self.spoil(Found::of_number(number), row, 1, gaps),
            Self::Numbers(numbers) | Self::Gaps { numbers, .. } => numbers.push(number),
            Self::Spoiled { .. } => {}
        }
    }

    /// Takes up `count` cells that are not numbers, the first of them `found` on `line`. With `gaps`, cells that are missing
    /// leave the column its numbers.
    pub(super) fn spoil(&mut self, found: Found, line: u64, count: usize, gaps: bool) {
        let is_gap = gaps && found.is_missing();
        match self {
            Self::Numbers(numbers) | Self::Gaps { numbers, .. } if is_gap => {
                numbers.resize(numbers.len() + count, f64::NAN);
                match self {
                    Self::Numbers(numbers) => {
                        let numbers = std::mem::take(numbers);
                        *self = Self::Gaps { numbers, line, found, n_bad: count };
                    }
                    Self::Gaps { n_bad, .. } | Self::Spoiled { n_bad, .. } => *n_bad += count,
                }
            }
            Self::Numbers(_) => *self = Self::Spoiled { line, found, n_bad: count },
            Self::Gaps { n_bad, .. } => *self = Self::Spoiled { line, found, n_bad: *n_bad + count },
            Self::Spoiled { n_bad, .. } => *n_bad += count,
        }
    }

    /// The numbers of the rows read so far, which leave this column; what was found in it stays known. As in a column that
    /// is read whole, a cell that spoiled it spoils it for all rows that follow.
    pub(super) fn take(&mut self) -> Self {
        match self {
            Self::Numbers(numbers) => {
                numbers.shrink_to_fit();
                Self::Numbers(std::mem::take(numbers))
            }
            Self::Gaps { numbers, line, found, n_bad } => {
                let numbers = std::mem::take(numbers);
                match numbers.iter().any(|number| number.is_nan()) {
                    true => Self::Gaps { numbers, line: *line, found: found.clone(), n_bad: *n_bad },
                    false => Self::Numbers(numbers),
                }
            }
            Self::Spoiled { .. } => self.clone(),
        }
    }

    /// Whether the cell of a row is missing.
    pub(super) fn is_gap(&self, row: usize) -> bool {
        matches!(self, Self::Gaps { numbers, .. } if numbers[row].is_nan())
    }

    /// The column with these rows only.
    pub(super) fn select(&self, rows: &[usize]) -> Self {
        let (numbers, line, found) = match self {
            Self::Numbers(numbers) => return Self::Numbers(rows.iter().map(|&row| numbers[row]).collect()),
            Self::Gaps { numbers, line, found, .. } => (numbers, line, found),
            Self::Spoiled { .. } => return self.clone(),
        };
        let numbers: Vec<f64> = rows.iter().map(|&row| numbers[row]).collect();
        match numbers.iter().filter(|number| number.is_nan()).count() {
            0 => Self::Numbers(numbers),
            n_bad => Self::Gaps { numbers, line: *line, found: found.clone(), n_bad },
        }
    }

    /// How many numbers are held in memory.
    pub(super) fn n_kept(&self) -> usize {
        match self {
            Self::Numbers(numbers) | Self::Gaps { numbers, .. } => numbers.len(),
            Self::Spoiled { .. } => 0,
        }
    }

    /// The numbers, with NaN where a cell is missing.
    pub(super) fn numbers_or_gaps(&self, name: &str, unit: Unit, n_rows: usize) -> Result<&[f64], TableProblem> {
        match self {
            Self::Gaps { numbers, .. } => Ok(numbers),
            Self::Numbers(_) | Self::Spoiled { .. } => self.numbers(name, unit, n_rows),
        }
    }

    pub(super) fn numbers(&self, name: &str, unit: Unit, n_rows: usize) -> Result<&[f64], TableProblem> {
        match self {
            Self::Numbers(numbers) => Ok(numbers),
            Self::Gaps { line, found, n_bad, .. } | Self::Spoiled { line, found, n_bad } => {
                Err(TableProblem::NotNumbers {
                    column: name.to_owned(),
                    unit,
                    line: *line,
                    found: found.clone(),
                    n_bad: *n_bad,
                    n_rows,
                })
            }
        }
    }
}
