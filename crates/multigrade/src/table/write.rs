use std::fmt::Write as _;
use std::io::{self, Write};

use super::error::{count, shown};
use super::options::Delimiter;

/// Why a table could not be written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WriteError {
    /// The values do not fill whole rows, or there are no columns.
    #[error("cannot write {} in rows of {}", count(*.n_values, "value"), count(*.n_columns, "column"))]
    Shape {
        /// How many values there are.
        n_values: usize,
        /// How many names, and so columns, there are.
        n_columns: usize,
    },
    /// A name that could not be read back: empty, or with a zero byte.
    #[error("column {column}: '{}' cannot be a column name", shown(.name))]
    Name {
        /// The column's place, from 1.
        column: usize,
        /// The name.
        name: String,
    },
    /// The writer failed.
    #[error("cannot write the table: {0}")]
    Io(#[from] io::Error),
}

/// Writes `names` and below them `rows`, row by row: `n * names.len()` values for `n` rows.
///
/// Every number is written in the shortest form that [`Table`](super::Table) reads back to the same bits, `-0` included,
/// with a decimal point; from 1e16 on and below 1e-5 with an exponent. A number that is not finite is written as `NaN`,
/// `inf` or `-inf`. A name is quoted where it would otherwise be read differently. Lines end with LF.
///
/// # Errors
///
/// [`WriteError::Shape`] when `rows` does not consist of whole rows, [`WriteError::Name`] for a name that cannot be read
/// back, and what `writer` reports.
///
/// ```
/// use multigrade::table::{Delimiter, write_csv};
///
/// let mut file = Vec::new();
/// write_csv(&mut file, Delimiter::Comma, &["speed", "lift, drag"], &[1.5, 1e-7, 20.0, -0.0])?;
/// assert_eq!(file, b"speed,\"lift, drag\"\n1.5,1e-7\n20,-0\n");
/// # Ok::<(), multigrade::table::WriteError>(())
/// ```
pub fn write_csv(
    writer: impl Write,
    delimiter: Delimiter,
    names: &[impl AsRef<str>],
    rows: &[f64],
) -> Result<(), WriteError> {
    if names.is_empty() || !rows.len().is_multiple_of(names.len()) {
        return Err(WriteError::Shape { n_values: rows.len(), n_columns: names.len() });
    }
    let mut lines = Lines::start(writer, delimiter, names)?;
    for row in rows.chunks_exact(names.len()) {
        lines.row(|line, column| push_number(line, row[column]))?;
    }
    lines.finish()
}

/// A column to be written.
#[derive(Clone, Debug, PartialEq)]
pub enum CsvColumn {
    /// Numbers, written as by [`write_csv`].
    Numbers(Vec<f64>),
    /// Texts, quoted where they would otherwise be read differently.
    Texts(Vec<String>),
}

/// Writes columns side by side under their names; as [`write_csv`], with texts too.
///
/// # Errors
///
/// As [`write_csv`]; [`WriteError::Shape`] when the columns differ in length.
///
/// ```
/// use multigrade::table::{CsvColumn, Delimiter, write_columns};
///
/// let mut file = Vec::new();
/// let columns = [CsvColumn::Texts(vec!["a, b".into(), "c".into()]), CsvColumn::Numbers(vec![0.5, 1.0])];
/// write_columns(&mut file, Delimiter::Comma, &["class", "P"], &columns)?;
/// assert_eq!(file, b"class,P\n\"a, b\",0.5\nc,1\n");
/// # Ok::<(), multigrade::table::WriteError>(())
/// ```
pub fn write_columns(
    writer: impl Write,
    delimiter: Delimiter,
    names: &[impl AsRef<str>],
    columns: &[CsvColumn],
) -> Result<(), WriteError> {
    if columns.is_empty() {
        return Err(WriteError::Shape { n_values: 0, n_columns: names.len() });
    }
    let mut rows = CsvWriter::start(writer, delimiter, names)?;
    rows.write(columns)?;
    rows.finish()
}

/// Writes a table block of rows by block of rows; as [`write_columns`].
///
/// ```
/// use multigrade::table::{CsvColumn, CsvWriter, Delimiter};
///
/// let mut file = Vec::new();
/// let mut rows = CsvWriter::start(&mut file, Delimiter::Comma, &["y"])?;
/// rows.write(&[CsvColumn::Numbers(vec![0.5, 1.0])])?;
/// rows.write(&[CsvColumn::Numbers(vec![-2.0])])?;
/// rows.finish()?;
/// assert_eq!(file, b"y\n0.5\n1\n-2\n");
/// # Ok::<(), multigrade::table::WriteError>(())
/// ```
pub struct CsvWriter<W> {
    lines: Lines<W>,
}

impl<W: Write> CsvWriter<W> {
    /// Begins a table with columns of these names.
    ///
    /// # Errors
    ///
    /// [`WriteError::Name`] for a name that cannot be read back.
    pub fn start(writer: W, delimiter: Delimiter, names: &[impl AsRef<str>]) -> Result<Self, WriteError> {
        Ok(Self { lines: Lines::start(writer, delimiter, names)? })
    }

    /// Writes rows: these columns side by side.
    ///
    /// # Errors
    ///
    /// [`WriteError::Shape`] when there are not as many columns as names or they differ in length, and what the writer
    /// reports.
    pub fn write(&mut self, columns: &[CsvColumn]) -> Result<(), WriteError> {
        let length = |column: &CsvColumn| match column {
            CsvColumn::Numbers(numbers) => numbers.len(),
            CsvColumn::Texts(texts) => texts.len(),
        };
        let n_rows = columns.first().map_or(0, length);
        if self.lines.n_columns != columns.len() || columns.iter().any(|column| length(column) != n_rows) {
            let n_values = columns.iter().map(length).sum();
            return Err(WriteError::Shape { n_values, n_columns: self.lines.n_columns });
        }
        for row in 0..n_rows {
            self.lines.row(|line, column| match &columns[column] {
                CsvColumn::Numbers(numbers) => push_number(line, numbers[row]),
                CsvColumn::Texts(texts) => push_name(line, &texts[row]),
            })?;
        }
        Ok(())
    }

    /// Writes what is left.
    ///
    /// # Errors
    ///
    /// What the writer reports.
    pub fn finish(self) -> Result<(), WriteError> {
        self.lines.finish()
    }
}

/// Writes one line after the other, the names first.
struct Lines<W> {
    writer: W,
    /// The line that is not written yet.
    line: String,
    delimiter: Delimiter,
    n_columns: usize,
}

impl<W: Write> Lines<W> {
    fn start(writer: W, delimiter: Delimiter, names: &[impl AsRef<str>]) -> Result<Self, WriteError> {
        Ok(Self { writer, line: header(delimiter, names)?, delimiter, n_columns: names.len() })
    }

    /// A row, whose cells `push` appends to the line.
    fn row(&mut self, push: impl Fn(&mut String, usize)) -> Result<(), WriteError> {
        self.end_line()?;
        for column in 0..self.n_columns {
            if column > 0 {
                self.line.push(self.delimiter.byte().into());
            }
            push(&mut self.line, column);
        }
        Ok(())
    }

    fn end_line(&mut self) -> io::Result<()> {
        self.line.push('\n');
        self.writer.write_all(self.line.as_bytes())?;
        self.line.clear();
        Ok(())
    }

    fn finish(mut self) -> Result<(), WriteError> {
        self.end_line()?;
        Ok(self.writer.flush()?)
    }
}

fn header(delimiter: Delimiter, names: &[impl AsRef<str>]) -> Result<String, WriteError> {
    let mut line = String::new();
    for (column, name) in names.iter().map(AsRef::as_ref).enumerate() {
        if name.is_empty() || name.contains('\0') {
            return Err(WriteError::Name { column: column + 1, name: name.to_owned() });
        }
        if column > 0 {
            line.push(delimiter.byte().into());
        }
        push_name(&mut line, name);
    }
    Ok(line)
}

fn push_name(line: &mut String, name: &str) {
    // Any delimiter, not only this table's, so that detection cannot be misled; a byte order mark, because one at the
    // start of a file is dropped.
    let ends_with_space = name.trim().len() < name.len();
    if ends_with_space || name.starts_with('\u{feff}') || name.contains(['"', ',', ';', '\t', '\n', '\r']) {
        line.push('"');
        line.push_str(&name.replace('"', "\"\""));
        line.push('"');
    } else {
        line.push_str(name);
    }
}

fn push_number(line: &mut String, value: f64) {
    let is_short = value == 0.0 || !value.is_finite() || (1e-5..1e16).contains(&value.abs());
    // Writing to a string cannot fail.
    let _ = if is_short { write!(line, "{value}") } else { write!(line, "{value:e}") };
}
