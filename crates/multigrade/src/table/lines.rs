/// The line on which each row starts.
///
/// Most rows start one line after the row before, so only the rows that do not are stored.
#[derive(Clone, Debug, Default)]
pub(super) struct Lines {
    /// `(row, line)`: from this row on, lines rise by one per row. Rows ascend.
    starts: Vec<(usize, u64)>,
    n_rows: usize,
}

impl Lines {
    pub(super) fn n_rows(&self) -> usize {
        self.n_rows
    }

    pub(super) fn push(&mut self, line: u64) {
        if self.starts.last().map(|start| follow(start, self.n_rows)) != Some(line) {
            self.starts.push((self.n_rows, line));
        }
        self.n_rows += 1;
    }

    pub(super) fn truncate(&mut self, n_rows: usize) {
        self.n_rows = self.n_rows.min(n_rows);
        let kept = self.starts.partition_point(|&(row, _)| row < self.n_rows);
        self.starts.truncate(kept);
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
