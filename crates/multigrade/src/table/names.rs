use std::collections::HashMap;

use super::error::{TableProblem, shown};

/// The names of the columns: all different, none empty.
#[derive(Clone, Debug)]
pub(super) struct Names {
    names: Vec<String>,
    positions: HashMap<String, usize>,
    /// Whether there was no header to name them.
    by_place: bool,
}

/// Longer names are looked up, but not compared with others: the comparison takes time with the square of the length.
const LONGEST_COMPARED: usize = 200;

/// How many characters of names a message lists.
const LONGEST_LIST: usize = 300;

impl Names {
    /// Takes the names of a header; an empty one becomes `x` and the place of its column.
    pub(super) fn new<'a>(header: impl Iterator<Item = &'a str>) -> Result<Self, TableProblem> {
        let mut names = Vec::new();
        let mut positions = HashMap::new();
        for (position, name) in header.enumerate() {
            let name = if name.is_empty() { stand_in(position) } else { name.to_owned() };
            if let Some(first) = positions.insert(name.clone(), position) {
                return Err(TableProblem::DuplicateColumn { name, first: first + 1, second: position + 1 });
            }
            names.push(name);
        }
        Ok(Self { names, positions, by_place: false })
    }

    /// The names of a table without header: `x1`, `x2`, and so on.
    pub(super) fn by_place(n_columns: usize) -> Self {
        let names: Vec<String> = (0..n_columns).map(stand_in).collect();
        let positions = names.iter().cloned().zip(0..).collect();
        Self { names, positions, by_place: true }
    }

    pub(super) fn as_slice(&self) -> &[String] {
        &self.names
    }

    /// Whether the file named no column.
    pub(super) fn are_by_place(&self) -> bool {
        self.by_place
    }

    pub(super) fn position(&self, name: &str) -> Result<usize, TableProblem> {
        self.positions.get(name).copied().ok_or_else(|| self.unknown(name))
    }

    fn unknown(&self, name: &str) -> TableProblem {
        let nearest = self.nearest(name);
        if let [column] = self.as_slice() {
            let words: Vec<&str> = column.split_whitespace().collect();
            if words.contains(&name) || words.len() > 1 && nearest.is_none() {
                return TableProblem::NamesBetweenSpaces { name: name.to_owned(), column: column.clone() };
            }
        }
        TableProblem::NoSuchColumn { name: name.to_owned(), nearest, columns: self.list() }
    }

    /// The name that a slip of the hand may have turned into `name`: at most a third of its letters differ.
    fn nearest(&self, name: &str) -> Option<String> {
        if name.len() > LONGEST_COMPARED {
            return None;
        }
        let wanted = name.trim().to_lowercase();
        let slips = (wanted.chars().count() / 3).max(1);
        self.names
            .iter()
            .filter(|candidate| candidate.len() <= LONGEST_COMPARED)
            .map(|candidate| (strsim::damerau_levenshtein(&wanted, &candidate.to_lowercase()), candidate))
            .filter(|&(distance, _)| distance <= slips)
            .min_by_key(|&(distance, _)| distance)
            .map(|(_, candidate)| candidate.clone())
    }

    fn list(&self) -> String {
        let mut list = String::new();
        for (position, name) in self.names.iter().enumerate() {
            if list.len() > LONGEST_LIST {
                return format!("{list}, ... and {} more", self.names.len() - position);
            }
            list += if position == 0 { "" } else { ", " };
            list += &shown(name);
        }
        if self.by_place {
            list += " (called after their places, since the first row was read as data; with --header it names them)";
        }
        list
    }
}

fn stand_in(position: usize) -> String {
    format!("x{}", position + 1)
}
