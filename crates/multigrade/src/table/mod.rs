//! Tables of numbers: reading them from CSV files, NumPy's arrays and Parquet files, and writing CSV files.
//!
//! A [`Table`] is read whole, column by column; [`TableBlocks`] reads one block of rows after the other. A column may hold
//! anything; only asking for its [`numbers`](Table::numbers) checks that every cell is a finite number, and the error names
//! the first cell that is not.
//!
//! # NumPy's files
//!
//! What begins like an `.npy` file, or like an `.npz` archive of such files, is read as one, whatever its name. An array `(n,)`
//! is one column, `(n, d)` has `d` columns, called `x1`, `x2`, ..., and an array of records has the columns that its fields
//! name. The columns of an archive are called like their arrays (`NAME`, or `NAME1`, `NAME2`, ... for several). Values are
//! floats of 32 or 64 bits, integers, booleans or texts, in either byte order and either order of axes. Declared sizes are
//! checked before anything is allocated, and archives unpack no further than the limit.
//!
//! # Parquet
//!
//! What begins like a Parquet file is read as one, whatever its name: columns of floats, integers, truths and texts, which may lack
//! cells, compressed by Snappy, Zstandard, gzip or not. Dates, decimal numbers and nested values are columns without numbers.
//! Declared sizes are checked as those of arrays are.
//!
//! # What is read of CSV files
//!
//! - Fields are separated by a comma, a semicolon or a tab ([`ReadOptions::delimiter`]); lines end with LF, CRLF or CR;
//!   the text is UTF-8, a byte order mark at its start is dropped.
//! - A field may be quoted with `"`; then it may hold delimiters, line ends, and `""` for a quote. Spaces around a field
//!   are not part of it.
//! - The first row names the columns or is data ([`ReadOptions::header`]). Without names, and for an empty name, a column
//!   is called `x1`, `x2`, ... after its place. Two columns with one name are an error.
//! - All rows have the same number of fields. Rows in which every field is empty are ignored at the start and at the end
//!   of the file; elsewhere their cells are missing. A line of nothing but spaces is blank and ignored wherever a row has
//!   two or more fields.
//! - A number is what [`f64::from_str`](std::str::FromStr) reads and finite: an optional sign, digits with an optional
//!   point, an optional exponent. Hexadecimal digits, underscores and thousands separators are not read. A number too
//!   small for `f64` reads as zero. For decimal commas see [`ReadOptions::decimal`].
//!
//! # Memory
//!
//! A column of numbers takes 8 bytes per row, any other column a few bytes. No file can take more than
//! [`ReadOptions::max_numbers`], [`MAX_ROW_BYTES`] and [`MAX_COLUMNS`] allow.

mod blocks;
mod cell;
mod column;
mod detect;
mod error;
mod lines;
mod names;
mod npy;
mod options;
mod parquet;
mod read;
mod records;
mod texts;
mod write;
mod zip;

use std::fs::File;
use std::io::Read;
use std::path::Path;

use column::Column;
use lines::Lines;
use names::Names;
use texts::Texts;

pub use blocks::TableBlocks;
pub use cell::Found;
pub use error::{TableError, TableProblem};
pub use lines::Unit;
pub use options::{DecimalMark, Delimiter, Header, MAX_COLUMNS, MAX_ROW_BYTES, ReadOptions};
pub use write::{CsvColumn, CsvWriter, WriteError, write_columns, write_csv};

/// A table with named columns: `n_rows()` rows, at least one, by `column_names().len()` columns, at least one.
///
/// ```
/// use multigrade::table::{ReadOptions, Table};
///
/// let file = "speed,engine,thrust\n10,A,1.5\n20,B,2.5\n";
/// let table = Table::parse("engine.csv", file.as_bytes(), &ReadOptions::default())?;
/// assert_eq!(table.numbers("thrust")?, [1.5, 2.5]);
/// assert_eq!(
///     table.numbers("engine").unwrap_err().to_string(),
///     "engine.csv: column 'engine' holds no finite number (line 2: found \"A\"); write numbers in its place"
/// );
/// # Ok::<(), multigrade::table::TableError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Table {
    name: String,
    names: Names,
    columns: Vec<Column>,
    lines: Lines,
    /// How many rows of the file stand before these.
    n_before: usize,
    texts: Vec<(usize, Texts)>,
}

/// What messages about the file at `path` begin with, and the file.
fn open(path: &Path) -> Result<(String, File), TableError> {
    let name = path.display().to_string();
    match File::open(path) {
        Ok(file) => Ok((name, file)),
        Err(error) => Err(TableProblem::from(error).in_table(&name)),
    }
}

impl Table {
    /// The table in the file at `path`; messages about it begin with `path`.
    ///
    /// # Errors
    ///
    /// A file that cannot be read or is not a table; see [`TableProblem`].
    pub fn read(path: impl AsRef<Path>, options: &ReadOptions) -> Result<Self, TableError> {
        let (name, file) = open(path.as_ref())?;
        Self::parse(&name, file, options)
    }

    /// The table that `source` holds, read to its end in large pieces; messages about it begin with `name`.
    ///
    /// # Errors
    ///
    /// A source that cannot be read or is not a table; see [`TableProblem`].
    pub fn parse(name: &str, source: impl Read, options: &ReadOptions) -> Result<Self, TableError> {
        let content = read::read(source, options).map_err(|problem| problem.in_table(name))?;
        Ok(Self::of_content(name, content))
    }

    fn of_content(name: &str, content: read::Content) -> Self {
        let read::Content { names, columns, lines, n_before, texts } = content;
        Self { name: name.to_owned(), names, columns, lines, n_before, texts }
    }

    /// The path or name with which messages about this table begin.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The names of the columns, in the order of the file. All differ, none is empty.
    pub fn column_names(&self) -> &[String] {
        self.names.as_slice()
    }

    /// The number of rows, the header not counted.
    pub fn n_rows(&self) -> usize {
        self.lines.n_rows()
    }

    /// The place of the column called `name`, from 0. Upper and lower case differ.
    ///
    /// # Errors
    ///
    /// [`TableProblem::NoSuchColumn`], with the nearest name there is.
    pub fn position(&self, name: &str) -> Result<usize, TableError> {
        self.names.position(name).map_err(|problem| problem.in_table(&self.name))
    }

    /// The numbers of the column called `name`, one per row, all finite.
    ///
    /// # Errors
    ///
    /// [`TableProblem::NoSuchColumn`], or [`TableProblem::NotNumbers`] when a cell is anything but a finite number.
    pub fn numbers(&self, name: &str) -> Result<&[f64], TableError> {
        let column = &self.columns[self.position(name)?];
        column
            .numbers(name, self.lines.unit(), self.n_before + self.n_rows())
            .map_err(|problem| problem.in_table(&self.name))
    }

    /// The numbers of the column called `name`, with NaN where a cell is missing; the table has been read with
    /// [`ReadOptions::gaps`].
    ///
    /// # Errors
    ///
    /// As [`Table::numbers`], for a cell that is neither a finite number nor missing.
    pub fn numbers_or_gaps(&self, name: &str) -> Result<&[f64], TableError> {
        let column = &self.columns[self.position(name)?];
        column
            .numbers_or_gaps(name, self.lines.unit(), self.n_before + self.n_rows())
            .map_err(|problem| problem.in_table(&self.name))
    }

    /// The cells of the column called `name` as they stand in the file, without spaces around them; empty where a cell is.
    /// `None` unless [`ReadOptions::texts`] named the column and its cells are numbers or texts: dates in a Parquet file, say, are neither.
    ///
    /// # Errors
    ///
    /// [`TableProblem::NoSuchColumn`].
    ///
    /// ```
    /// use multigrade::table::{ReadOptions, Table};
    /// let options = ReadOptions { texts: vec!["engine".into()], ..ReadOptions::default() };
    /// let table = Table::parse("t.csv", &b"speed,engine\n10,A\n20,B\n"[..], &options)?;
    /// assert_eq!(table.texts("engine")?, Some(vec!["A", "B"]));
    /// assert_eq!(table.texts("speed")?, None);
    /// # Ok::<(), multigrade::table::TableError>(())
    /// ```
    pub fn texts(&self, name: &str) -> Result<Option<Vec<&str>>, TableError> {
        let position = self.position(name)?;
        let kept = self.texts.iter().find(|(column, _)| *column == position);
        Ok(kept.map(|(_, texts)| texts.cells(self.n_rows())))
    }

    /// The columns called `names` side by side, row-major `(n, names.len())`, as [`Samples::new`](crate::Samples::new)
    /// takes them.
    ///
    /// # Errors
    /// As [`Table::numbers`], for the first column that has one.
    ///
    /// ```
    /// use multigrade::table::{ReadOptions, Table};
    /// let table = Table::parse("t.csv", &b"a,b,c\n1,2,3\n4,5,6\n"[..], &ReadOptions::default())?;
    /// assert_eq!(table.rows(&["c", "a"])?, [3.0, 1.0, 6.0, 4.0]);
    /// # Ok::<(), multigrade::table::TableError>(())
    /// ```
    pub fn rows(&self, names: &[impl AsRef<str>]) -> Result<Vec<f64>, TableError> {
        let columns = names.iter().map(|name| self.numbers(name.as_ref())).collect::<Result<Vec<_>, _>>()?;
        Ok(self.side_by_side(&columns))
    }

    /// [`Table::rows`] with NaN where a cell is missing, as [`Imputation::fill`](crate::Imputation::fill) takes them.
    ///
    /// # Errors
    /// As [`Table::numbers_or_gaps`], for the first column that has one.
    ///
    /// ```
    /// use multigrade::table::{ReadOptions, Table};
    /// let options = ReadOptions { gaps: true, ..ReadOptions::default() };
    /// let table = Table::parse("t.csv", &b"a,b\n1,NA\n2,5\n"[..], &options)?;
    /// assert!(table.rows_or_gaps(&["a", "b"])?[1].is_nan());
    /// # Ok::<(), multigrade::table::TableError>(())
    /// ```
    pub fn rows_or_gaps(&self, names: &[impl AsRef<str>]) -> Result<Vec<f64>, TableError> {
        let columns = names.iter().map(|name| self.numbers_or_gaps(name.as_ref())).collect::<Result<Vec<_>, _>>()?;
        Ok(self.side_by_side(&columns))
    }

    fn side_by_side(&self, columns: &[&[f64]]) -> Vec<f64> {
        (0..self.n_rows()).flat_map(|row| columns.iter().map(move |column| column[row])).collect()
    }

    /// This table without the rows in which a cell of one of the columns called `names` is missing, and their number. The table
    /// has been read with [`ReadOptions::gaps`]; a kept text is missing where it is empty or a mark such as `NA`.
    ///
    /// # Errors
    /// [`TableProblem::NoSuchColumn`], and [`TableProblem::AllGaps`] if no row would be left.
    ///
    /// ```
    /// use multigrade::table::{ReadOptions, Table};
    /// let options = ReadOptions { gaps: true, ..ReadOptions::default() };
    /// let table = Table::parse("t.csv", &b"a,b,c\n1,NA,\n2,5,\n3,,7\n"[..], &options)?;
    /// let (whole, dropped) = table.without_gaps(&["a", "b"])?;
    /// assert_eq!((whole.numbers("a")?, whole.numbers("b")?, dropped), (&[2.0][..], &[5.0][..], 2));
    /// assert_eq!(whole.line_of_row(0), Some(3));
    /// # Ok::<(), multigrade::table::TableError>(())
    /// ```
    pub fn without_gaps(&self, names: &[impl AsRef<str>]) -> Result<(Self, usize), TableError> {
        let columns = names.iter().map(|name| self.position(name.as_ref())).collect::<Result<Vec<_>, _>>()?;
        let mut is_whole = vec![true; self.n_rows()];
        for &j in &columns {
            is_whole.iter_mut().enumerate().for_each(|(row, whole)| *whole &= !self.columns[j].is_gap(row));
            let is_text = matches!(self.columns[j], Column::Spoiled { .. });
            if let (Some((_, texts)), true) = (self.texts.iter().find(|(column, _)| *column == j), is_text) {
                let cells = texts.cells(self.n_rows());
                is_whole.iter_mut().zip(cells).for_each(|(whole, text)| *whole &= !cell::is_missing_mark(text));
            }
        }
        let rows: Vec<usize> = (0..self.n_rows()).filter(|&row| is_whole[row]).collect();
        if rows.is_empty() {
            let names = columns.iter().map(|&j| self.column_names()[j].clone()).collect();
            return Err(TableProblem::AllGaps { n_rows: self.n_rows(), names }.in_table(&self.name));
        }
        let whole = self.select(&rows);
        Ok((whole, self.n_rows() - rows.len()))
    }

    /// The table of these rows, from 0, in this order.
    fn select(&self, rows: &[usize]) -> Self {
        Self {
            name: self.name.clone(),
            names: self.names.clone(),
            columns: self.columns.iter().map(|column| column.select(rows)).collect(),
            lines: self.lines.select(rows),
            n_before: self.n_before,
            texts: self.texts.iter().map(|(column, texts)| (*column, texts.select(rows))).collect(),
        }
    }

    /// The line of the file on which row `row` (from 0) starts, from 1; where the file is no text, the number of the row, from
    /// 1. `None` when there is no such row.
    pub fn line_of_row(&self, row: usize) -> Option<u64> {
        self.lines.line_of_row(row)
    }

    /// Where row `row` (from 0) stands, in words: `line 12`, or `row 11` of a file that is no text.
    pub fn place_of_row(&self, row: usize) -> String {
        format!("{} {}", self.lines.unit(), self.lines.line_of_row(row).unwrap_or_default())
    }

    /// Whether the file named the columns.
    pub fn has_names(&self) -> bool {
        !self.names.are_by_place()
    }
}
