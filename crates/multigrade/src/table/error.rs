use std::io;

use super::cell::Found;
use super::lines::Unit;
use super::options::{MAX_COLUMNS, MAX_ROW_BYTES};

/// What is wrong with a table, and which table it is. Prints as `NAME: PROBLEM`.
#[derive(Debug, thiserror::Error)]
#[error("{table}: {problem}")]
pub struct TableError {
    /// The path as it was given, or the name passed to [`Table::parse`](super::Table::parse).
    pub table: String,
    /// What is wrong.
    // Boxed, so that a `Result<&[f64], _>` stays a few words long.
    // Not a `source`: the message above holds its text already.
    pub problem: Box<TableProblem>,
}

/// What is wrong with a table: what was found, where, and what to do. Lines count from 1, as in an editor.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TableProblem {
    /// There is nothing at that path.
    #[error("no such file; check the name and the folder (a relative path starts from the current folder)")]
    NoSuchFile,
    /// The path names a folder.
    #[error("this is a folder, not a file; name the table inside it")]
    Folder,
    /// The operating system refused to open or read the file.
    #[error("cannot be read: {0}")]
    Io(#[source] io::Error),
    /// There is no row at all.
    #[error("there is nothing in it; expected a row of column names, then rows of numbers")]
    Empty,
    /// There are column names, but no row of data.
    #[error("no data: line {line} names {} and no row follows; add rows, or say that there is no header if line {line} is data", count(*.n_columns, "column"))]
    NoRows {
        /// The line of the names.
        line: u64,
        /// How many names there are.
        n_columns: usize,
    },
    /// A row has more or fewer fields than the first one.
    #[error("line {line} has {}, but line {expected_from} has {expected}; every row needs the same number of fields {}", count(*.found, "field"), ragged_hint(*.expected))]
    Ragged {
        /// The line on which the row starts.
        line: u64,
        /// The number of its fields.
        found: usize,
        /// The number of fields of the first row.
        expected: usize,
        /// The line of that first row.
        expected_from: u64,
    },
    /// A field is not UTF-8 text.
    #[error(
        "line {line}, field {field}: \"{bytes}\" is not text in UTF-8; save the file in that encoding (it may be in Latin-1 or Windows-1252 now)"
    )]
    NotUtf8 {
        /// The line on which the field starts.
        line: u64,
        /// The field's place in its row, from 1.
        field: usize,
        /// Some of the field's bytes, escaped, ending with the first bad ones.
        bytes: String,
    },
    /// The file is not text.
    #[error("line {line}: this is not text{}; expected a CSV table in UTF-8", looks_like(*.guess))]
    NotText {
        /// The line with the byte that no text holds.
        line: u64,
        /// What the file looks like, if its first bytes tell.
        guess: Option<&'static str>,
    },
    /// A file of numbers that are not written as text cannot be read.
    #[error("this {format} cannot be read: {reason}")]
    Binary {
        /// What the file is.
        format: &'static str,
        /// What was found, and what was expected.
        reason: String,
    },
    /// A quote opens and the file ends before it closes.
    #[error("line {line}, field {field}: the quote (\") that opens here is never closed; close it, or remove it")]
    UnclosedQuote {
        /// The line of the opening quote.
        line: u64,
        /// The field's place in its row, from 1.
        field: usize,
    },
    /// A quoted field goes on after its closing quote.
    #[error(
        "line {line}, field {field}: text follows a closing quote; write a quote inside a quoted field twice (\"\"), or quote the whole field"
    )]
    TextAfterQuote {
        /// The line of that text.
        line: u64,
        /// The field's place in its row, from 1.
        field: usize,
    },
    /// A row is longer than [`MAX_ROW_BYTES`].
    #[error("the row that starts on line {line} is longer than {} MiB; is a quote not closed, or are there no line ends?", MAX_ROW_BYTES >> 20)]
    RowTooLong {
        /// The line on which the row starts.
        line: u64,
    },
    /// A row has more fields than [`MAX_COLUMNS`].
    #[error("line {line} has more than {MAX_COLUMNS} fields, the most a table may have")]
    TooManyColumns {
        /// The line on which the row starts.
        line: u64,
    },
    /// The table takes more memory than [`ReadOptions::max_numbers`](super::ReadOptions::max_numbers) allows.
    #[error("the rows up to line {line} take more memory than {limit} numbers, the limit; use fewer rows or columns")]
    TooLarge {
        /// The line at which the limit was passed.
        line: u64,
        /// The limit.
        limit: usize,
    },
    /// A file that is read whole has more bytes than [`ReadOptions::max_numbers`](super::ReadOptions::max_numbers) numbers.
    #[error(
        "it has more bytes than {limit} numbers, the limit; write it as several files, or as CSV, which is read row by row"
    )]
    TooManyBytes {
        /// The limit.
        limit: usize,
    },
    /// Two columns have one name.
    #[error("columns {first} and {second} are both called '{}'; give every column its own name (a column without a name is called x1, x2, ... after its place)", shown(.name))]
    DuplicateColumn {
        /// The name.
        name: String,
        /// The place of the first such column, from 1.
        first: usize,
        /// The place of the second, from 1.
        second: usize,
    },
    /// No column has the name asked for.
    #[error("no column '{}'{} Columns: {columns}", shown(.name), did_you_mean(.nearest.as_deref()))]
    NoSuchColumn {
        /// The name asked for.
        name: String,
        /// The column whose name is nearest, if any is near.
        nearest: Option<String>,
        /// The names there are, for reading; a long list is cut.
        columns: String,
    },
    /// There is one column only, whose name looks like several with spaces between them.
    #[error("no column '{}'; the table has one column only, called '{}': spaces do not separate columns; separate them by a comma, a semicolon or a tab", shown(.name), shown(.column))]
    NamesBetweenSpaces {
        /// The name asked for.
        name: String,
        /// The name of the only column.
        column: String,
    },
    /// Every row has a missing cell.
    #[error(
        "each of its {n_rows} rows has a missing cell in one of the columns {}; leave out a column that is mostly missing",
        shown(&.names.join(", "))
    )]
    AllGaps {
        /// The number of rows.
        n_rows: usize,
        /// The columns.
        names: Vec<String>,
    },
    /// A column that was asked for as numbers holds something else.
    #[error("{}", .found.message(.column, (*.unit, *.line), *.n_bad, *.n_rows))]
    NotNumbers {
        /// The column.
        column: String,
        /// What `line` counts.
        unit: Unit,
        /// The line of the first bad cell, or its row where the table is no text.
        line: u64,
        /// What stands there.
        found: Found,
        /// How many cells of the column are not finite numbers.
        n_bad: usize,
        /// How many cells the column has.
        n_rows: usize,
    },
}

impl TableProblem {
    /// The problem of one array of an archive.
    pub(super) fn within(self, array: &str) -> Self {
        match self {
            Self::Binary { format, reason } => {
                Self::Binary { format, reason: format!("the array '{}': {reason}", shown(array)) }
            }
            other => other,
        }
    }

    pub(super) fn in_table(self, table: &str) -> TableError {
        TableError { table: shown_at_most(table, 500), problem: Box::new(self) }
    }
}

impl From<io::Error> for TableProblem {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::NotFound => Self::NoSuchFile,
            io::ErrorKind::IsADirectory => Self::Folder,
            _ => Self::Io(error),
        }
    }
}

/// `text` fit for one line of a message: control characters escaped, cut after 60 characters.
pub(super) fn shown(text: &str) -> String {
    shown_at_most(text, 60)
}

pub(super) fn shown_at_most(text: &str, limit: usize) -> String {
    let mut line = String::new();
    let mut rest = text.chars();
    for character in rest.by_ref().take(limit) {
        match character {
            // `escape_debug` would escape quotes too, which are harmless here and hard to read escaped.
            '"' | '\'' | '\\' => line.push(character),
            // The minus of typesetting looks like the one of numbers, and is not.
            '\u{2212}' => line.extend(character.escape_unicode()),
            other => line.extend(other.escape_debug()),
        }
    }
    if rest.next().is_some() {
        line.push('…');
    }
    line
}

/// `1 column`, `2 columns`.
pub(super) fn count(n: usize, noun: &str) -> String {
    if n == 1 { format!("1 {noun}") } else { format!("{n} {noun}s") }
}

fn ragged_hint(expected: usize) -> &'static str {
    match expected {
        // The first row is not one of names, or no delimiter was found.
        1 => "(remove a title above the column names; name the delimiter where commas are decimal marks)",
        _ => "(is a delimiter missing or one too many, or does a text hold one without being in quotes?)",
    }
}

fn looks_like(guess: Option<&str>) -> String {
    guess.map_or(" (it holds a zero byte)".to_owned(), |kind| format!(" but looks like {kind}"))
}

fn did_you_mean(nearest: Option<&str>) -> String {
    nearest.map_or(".".to_owned(), |name| format!("; did you mean '{}'?", shown(name)))
}
