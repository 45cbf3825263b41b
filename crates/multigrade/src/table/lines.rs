use std::fmt;

/// What is counted to say where a cell stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Unit {
    /// Lines of a text, from 1, the header included.
    #[default]
    Line,
    /// Rows of a table that is no text, from 1.
    Row,
}

impl fmt::Display for Unit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Line => "line",
            Self::Row => "row",
        })
    }
}

/// The line on which each row starts, or the row's own number where there are no lines.
///
/// Most rows start one line after the row before, so only the rows that do not are stored.
#[derive(Clone, Debug, Default)]
pub(super) struct Lines {
    /// `(row, line)`: from this row on, lines rise by one per row. Rows ascend.
    starts: Vec<(usize, u64)>,
    n_rows: usize,
    unit: Unit,
}

impl Lines {
    /// `n_rows` rows of a table that is no text, behind `n_before` others.
    pub(super) fn of_rows(n_before: usize, n_rows: usize) -> Self {
        Self { starts: vec![(0, n_before as u64 + 1)], n_rows, unit: Unit::Row }
    }

    /// These rows, each with the line it had.
    pub(super) fn select(&self, rows: &[usize]) -> Self {
        let mut kept = Self { starts: Vec::new(), n_rows: 0, unit: self.unit };
        rows.iter().filter_map(|&row| self.line_of_row(row)).for_each(|line| kept.push(line));
        kept
    }

    pub(super) fn unit(&self) -> Unit {
        self.unit
    }

    pub(super) fn n_rows(&self) -> usize {
        self.n_rows
    }

    /// How many numbers of 8 bytes are held in memory beyond the first row's.
    pub(super) fn n_kept(&self) -> usize {
        2 * self.starts.len().saturating_sub(1)
    }

    pub(super) fn push(&mut self, line: u64) {
        if self.starts.last().map(|start| follow(start, self.n_rows)) != Some(line) {
            self.starts.push((self.n_rows, line));
        }
        self.n_rows += 1;
    }

    pub(super) fn line_of_row(&self, row: usize) -> Option<u64> {
        if row >= self.n_rows {
            return None;
        }
        let after = self.starts.partition_point(|&(start, _)| start <= row);
        self.starts[..after].last().map(|start| follow(start, row))
    }
}

fn follow(&(start, line): &(usize, u64), row: usize) -> u64 {
    line + (row - start) as u64
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::Lines;

    proptest! {
        #[test]
        fn every_row_keeps_the_line_it_was_given(
            steps in prop::collection::vec(prop_oneof![3 => Just(1_u64), 1 => 1..9_u64], 0..60),
        ) {
            let given: Vec<u64> = steps.iter().scan(0, |line, step| { *line += step; Some(*line) }).collect();
            let mut lines = Lines::default();
            given.iter().for_each(|&line| lines.push(line));
            prop_assert_eq!(lines.n_rows(), given.len());
            for (row, &line) in given.iter().enumerate() {
                prop_assert_eq!(lines.line_of_row(row), Some(line));
            }
            prop_assert_eq!(lines.line_of_row(given.len()), None);
        }
    }

    #[test]
    fn rows_on_successive_lines_are_stored_once() {
        let mut lines = Lines::default();
        (2..1_000_002).for_each(|line| lines.push(line));
        assert_eq!(lines.starts, [(0, 2)]);
    }
}
