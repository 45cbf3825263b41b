//! The texts of a column, each different one once.

use std::collections::HashMap;

/// The cells of one column as they stand in the file, without spaces around them.
#[derive(Clone, Debug, Default)]
pub(super) struct Texts {
    /// The different texts, in the order of their first cell.
    distinct: Vec<String>,
    places: HashMap<String, u32>,
    cells: Vec<u32>,
    bytes: usize,
}

impl Texts {
    pub(super) fn push(&mut self, text: &str) {
        let place = match self.places.get(text) {
            Some(&place) => place,
            None => {
                let place = self.distinct.len() as u32;
                self.distinct.push(text.to_owned());
                self.places.insert(text.to_owned(), place);
                self.bytes += 2 * text.len() + 64;
                place
            }
        };
        self.cells.push(place);
    }

    /// What is held in memory, in numbers of 8 bytes.
    pub(super) fn n_kept(&self) -> usize {
        self.bytes / 8 + self.cells.len() / 2
    }

    /// The cells of these rows.
    pub(super) fn select(&self, rows: &[usize]) -> Self {
        let mut kept = Self::default();
        rows.iter().for_each(|&row| kept.push(&self.distinct[self.cells[row] as usize]));
        kept
    }

    pub(super) fn cells(&self, n_rows: usize) -> Vec<&str> {
        self.cells[..n_rows].iter().map(|&place| self.distinct[place as usize].as_str()).collect()
    }
}
