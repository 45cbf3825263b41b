//! The way from bytes to a table.

use std::io::{self, BufReader, Read};

use super::cell::{Found, NumberReader};
use super::column::Column;
use super::detect::{SAMPLE_BYTES, Sample, refuse_other_formats};
use super::error::TableProblem;
use super::lines::{Lines, Unit};
use super::names::Names;
use super::npy::ArrayTable;
use super::options::ReadOptions;
use super::records::{Record, Records};
use super::texts::Texts;
use super::{npy, parquet, zip};

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";
const BUFFER_BYTES: usize = 1 << 17;

/// What a file holds.
pub(super) struct Content {
    pub(super) names: Names,
    pub(super) columns: Vec<Column>,
    pub(super) lines: Lines,
    /// How many rows of the table stand before these.
    pub(super) n_before: usize,
    /// The texts of the columns that were named for it.
    pub(super) texts: Vec<(usize, Texts)>,
}

pub(super) fn read(source: impl Read, options: &ReadOptions) -> Result<Content, TableProblem> {
    match Reading::start(source, options)? {
        Reading::Whole(content) => Ok(content),
        mut rows => rows.next(usize::MAX)?.ok_or(TableProblem::Empty),
    }
}

/// A file whose first bytes have been read, so that its format is known.
pub(super) enum Reading<R> {
    Text(Box<TextRows<R>>),
    /// An array that stands row after row in its file.
    Array(Box<ArrayTable<BufReader<Start<R>>>>),
    /// What can only be read whole.
    Whole(Content),
}

/// A source and, before it, what was read of it.
type Start<R> = io::Chain<io::Cursor<Vec<u8>>, R>;

/// Reads the bytes of a whole file.
type WholeReader = fn(&[u8], &ReadOptions) -> Result<Content, TableProblem>;

impl<R: Read> Reading<R> {
    pub(super) fn start(mut source: R, options: &ReadOptions) -> Result<Self, TableProblem> {
        let mut start = Vec::new();
        source.by_ref().take(SAMPLE_BYTES as u64).read_to_end(&mut start)?;
        if start.starts_with(npy::MAGIC) {
            let source = BufReader::with_capacity(BUFFER_BYTES, io::Cursor::new(start).chain(source));
            let mut rows = ArrayTable::start(source, options)?;
            return match rows.is_by_columns() {
                true => rows.next(usize::MAX)?.map(Self::Whole).ok_or(TableProblem::Empty),
                false => Ok(Self::Array(Box::new(rows))),
            };
        }
        let whole = if zip::is_of_arrays(&start) { Some(npy::read_archive as WholeReader) } else { None };
        if let Some(read) = whole.or_else(|| parquet::begins(&start).then_some(parquet::read)) {
            // What these hold is listed at their end.
            let limit = (options.max_numbers as u64).saturating_mul(8).saturating_add(SAMPLE_BYTES as u64);
            source.take(limit).read_to_end(&mut start)?;
            if start.len() as u64 > limit {
                return Err(TableProblem::TooManyBytes { limit: options.max_numbers });
            }
            return read(&start, options).map(Self::Whole);
        }
        refuse_other_formats(&start)?;
        Ok(Self::Text(Box::new(TextRows::start(start, source, options)?)))
    }

    /// The next rows, at most `n`; none at the end, and of what was read whole.
    pub(super) fn next(&mut self, n: usize) -> Result<Option<Content>, TableProblem> {
        match self {
            Self::Text(rows) => rows.next(n),
            Self::Array(rows) => rows.next(n),
            Self::Whole(_) => Ok(None),
        }
    }

    /// The columns, which know what was found in all rows so far.
    pub(super) fn columns(&self) -> &[Column] {
        match self {
            Self::Text(rows) => &rows.block.columns,
            Self::Array(rows) => rows.columns(),
            Self::Whole(content) => &content.columns,
        }
    }

    /// Whether the column called `name` has held numbers only in all `n_rows` rows so far.
    pub(super) fn check(&self, name: &str, n_rows: usize) -> Result<(), TableProblem> {
        let (names, unit) = match self {
            Self::Text(rows) => (&rows.block.names, Unit::Line),
            Self::Array(rows) => (rows.names(), Unit::Row),
            Self::Whole(content) => (&content.names, content.lines.unit()),
        };
        self.columns()[names.position(name)?].numbers(name, unit, n_rows).map(drop)
    }
}

/// The rows of a text, read one after the other, and what is known of the columns so far.
pub(super) struct TextRows<R> {
    records: Records<BufReader<Start<R>>>,
    record: Record,
    /// The record belongs to the table, and is not in the block yet.
    is_next: bool,
    /// The rows that were read since the last block, and the columns of all rows.
    block: Content,
    numbers: NumberReader,
    max_numbers: usize,
    gaps: bool,
    /// The first row of the file, which says how many fields the others need.
    first_line: u64,
    /// The empty rows since the last row that was not: they count only if another row follows.
    empty: Lines,
    /// How many of them are in the block already.
    n_empty_used: usize,
    is_at_end: bool,
}

impl<R: Read> TextRows<R> {
    /// The text that begins with `start` and goes on in `source`.
    fn start(start: Vec<u8>, source: R, options: &ReadOptions) -> Result<Self, TableProblem> {
        let text = start.strip_prefix(BYTE_ORDER_MARK).unwrap_or(&start);
        let sample = Sample { bytes: text, is_whole: start.len() < SAMPLE_BYTES };
        let delimiter = options.delimiter.unwrap_or_else(|| sample.delimiter());
        let has_header = sample.has_header(options.header, delimiter);

        let skipped = (start.len() - text.len()) as u64;
        let mut start = io::Cursor::new(start);
        start.set_position(skipped);
        let mut records = Records::new(BufReader::with_capacity(BUFFER_BYTES, start.chain(source)), delimiter);
        let mut first = Record::default();
        while first.is_empty() {
            if !records.read(&mut first)? {
                return Err(TableProblem::Empty);
            }
        }
        let n_columns = first.n_fields();
        let names =
            if has_header { Names::new(first.cells().map(|cell| cell.text))? } else { Names::by_place(n_columns) };
        let columns = vec![Column::Numbers(Vec::new()); n_columns];
        let named = options.texts.iter().filter_map(|name| names.position(name).ok());
        let texts = named.map(|column| (column, Texts::default())).collect();
        Ok(Self {
            records,
            is_next: !has_header,
            block: Content { names, columns, lines: Lines::default(), n_before: 0, texts },
            numbers: NumberReader::new(delimiter, options.decimal, n_columns == 1),
            max_numbers: options.max_numbers,
            gaps: options.gaps,
            first_line: first.line(),
            record: first,
            empty: Lines::default(),
            n_empty_used: 0,
            is_at_end: false,
        })
    }

    /// The next rows, at most `n`. None at the end; an error if there is no row at all.
    pub(super) fn next(&mut self, n: usize) -> Result<Option<Content>, TableProblem> {
        while self.block.lines.n_rows() < n && !self.is_at_end {
            if self.is_next {
                self.take_up(n);
                self.check_memory()?;
            } else if self.records.read(&mut self.record)? {
                self.examine()?;
            } else {
                self.is_at_end = true;
            }
        }
        let n_before = self.block.n_before;
        let n_rows = self.block.lines.n_rows();
        if n_rows == 0 {
            let line = self.first_line;
            let n_columns = self.block.columns.len();
            return if n_before == 0 && self.is_at_end {
                Err(TableProblem::NoRows { line, n_columns })
            } else {
                Ok(None)
            };
        }
        self.block.n_before += n_rows;
        Ok(Some(Content {
            names: self.block.names.clone(),
            columns: self.block.columns.iter_mut().map(Column::take).collect(),
            lines: std::mem::take(&mut self.block.lines),
            n_before,
            texts: self.block.texts.iter_mut().map(|(column, texts)| (*column, std::mem::take(texts))).collect(),
        }))
    }

    /// Finds out whether the record belongs to the table.
    fn examine(&mut self) -> Result<(), TableProblem> {
        let n_columns = self.block.columns.len();
        if self.record.is_blank_line() && n_columns > 1 {
            return Ok(());
        }
        if self.record.n_fields() != n_columns {
            return Err(TableProblem::Ragged {
                line: self.record.line(),
                found: self.record.n_fields(),
                expected: n_columns,
                expected_from: self.first_line,
            });
        }
        if self.record.is_empty() {
            self.empty.push(self.record.line());
            return self.check_memory();
        }
        self.is_next = true;
        Ok(())
    }

    /// Brings the empty rows before the record, a missing cell in every column, and the record into the block, which may have
    /// `n` rows.
    fn take_up(&mut self, n: usize) {
        let Content { columns, lines, texts, .. } = &mut self.block;
        let n_empty = (self.empty.n_rows() - self.n_empty_used).min(n - lines.n_rows());
        if n_empty > 0 {
            let line_of = |row: usize| self.empty.line_of_row(self.n_empty_used + row).unwrap_or(self.first_line);
            columns.iter_mut().for_each(|column| column.spoil(Found::Empty, line_of(0), n_empty, self.gaps));
            (0..n_empty).for_each(|row| lines.push(line_of(row)));
            for (_, texts) in texts.iter_mut() {
                (0..n_empty).for_each(|_| texts.push(""));
            }
            self.n_empty_used += n_empty;
        }
        if lines.n_rows() == n {
            return;
        }
        self.empty = Lines::default();
        self.n_empty_used = 0;
        lines.push(self.record.line());
        for (column, cell) in columns.iter_mut().zip(self.record.cells()) {
            column.push(cell, &mut self.numbers, self.gaps);
        }
        for (column, texts) in texts {
            texts.push(self.record.cells().nth(*column).map_or("", |cell| cell.text));
        }
        self.is_next = false;
    }

    fn check_memory(&self) -> Result<(), TableProblem> {
        let Content { columns, lines, texts, .. } = &self.block;
        let texts = texts.iter().map(|(_, texts)| texts.n_kept()).sum::<usize>();
        let kept = lines.n_kept() + self.empty.n_kept() + columns.iter().map(Column::n_kept).sum::<usize>() + texts;
        if kept > self.max_numbers {
            return Err(TableProblem::TooLarge { line: self.record.line(), limit: self.max_numbers });
        }
        Ok(())
    }
}
