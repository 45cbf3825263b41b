//! The way from bytes to a table.

use std::io::{self, BufReader, Read};

use super::cell::{Found, NumberReader};
use super::column::Column;
use super::detect::{SAMPLE_BYTES, Sample, refuse_other_formats};
use super::error::TableProblem;
use super::lines::Lines;
use super::names::Names;
use super::options::ReadOptions;
use super::records::{Record, Records};
use super::texts::Texts;
use super::{npy, zip};

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";
const BUFFER_BYTES: usize = 1 << 17;

/// What a file holds.
pub(super) struct Content {
    pub(super) names: Names,
    pub(super) columns: Vec<Column>,
    pub(super) lines: Lines,
    /// The texts of the columns that were named for it.
    pub(super) texts: Vec<(usize, Texts)>,
}

pub(super) fn read(mut source: impl Read, options: &ReadOptions) -> Result<Content, TableProblem> {
    let mut start = Vec::new();
    source.by_ref().take(SAMPLE_BYTES as u64).read_to_end(&mut start)?;
    if start.starts_with(npy::MAGIC) {
        return npy::read(BufReader::with_capacity(BUFFER_BYTES, start.chain(source)), options);
    }
    if zip::is_of_arrays(&start) {
        // The list of an archive stands at its end.
        let limit = (options.max_numbers as u64).saturating_mul(8).saturating_add(SAMPLE_BYTES as u64);
        source.take(limit).read_to_end(&mut start)?;
        return npy::read_archive(&start, options);
    }
    refuse_other_formats(&start)?;
    let text = start.strip_prefix(BYTE_ORDER_MARK).unwrap_or(&start);

    let sample = Sample { bytes: text, is_whole: start.len() < SAMPLE_BYTES };
    let delimiter = options.delimiter.unwrap_or_else(|| sample.delimiter());
    let has_header = sample.has_header(options.header, delimiter);

    let mut records = Records::new(BufReader::with_capacity(BUFFER_BYTES, text.chain(source)), delimiter);
    let mut record = Record::default();
    while records.read(&mut record)? {
        if !record.is_empty() {
            let numbers = NumberReader::new(delimiter, options.decimal, record.n_fields() == 1);
            return Rows::start(&record, has_header, numbers, options)?.read_rest(records, record);
        }
    }
    Err(TableProblem::Empty)
}

/// The table as far as it is read.
struct Rows {
    content: Content,
    numbers: NumberReader,
    max_numbers: usize,
    gaps: bool,
    /// The first row of the file, which says how many fields the others need.
    first_line: u64,
    /// How many empty rows were read since the last row that was not: they count only if another row follows.
    n_empty: usize,
}

impl Rows {
    fn start(
        first: &Record,
        has_header: bool,
        numbers: NumberReader,
        options: &ReadOptions,
    ) -> Result<Self, TableProblem> {
        let n_columns = first.n_fields();
        let names =
            if has_header { Names::new(first.cells().map(|cell| cell.text))? } else { Names::by_place(n_columns) };
        let columns = vec![Column::Numbers(Vec::new()); n_columns];
        let named = options.texts.iter().filter_map(|name| names.position(name).ok());
        let texts = named.map(|column| (column, Texts::default())).collect();
        let content = Content { names, columns, lines: Lines::default(), texts };
        let (max_numbers, gaps) = (options.max_numbers, options.gaps);
        let mut rows = Self { content, numbers, max_numbers, gaps, first_line: first.line(), n_empty: 0 };
        if !has_header {
            rows.push(first)?;
        }
        Ok(rows)
    }

    fn read_rest<R: io::BufRead>(
        mut self,
        mut records: Records<R>,
        mut record: Record,
    ) -> Result<Content, TableProblem> {
        while records.read(&mut record)? {
            self.push(&record)?;
        }
        self.finish()
    }

    fn push(&mut self, record: &Record) -> Result<(), TableProblem> {
        let n_columns = self.content.columns.len();
        if record.is_blank_line() && n_columns > 1 {
            return Ok(());
        }
        if record.n_fields() != n_columns {
            return Err(TableProblem::Ragged {
                line: record.line(),
                found: record.n_fields(),
                expected: n_columns,
                expected_from: self.first_line,
            });
        }
        self.content.lines.push(record.line());
        if record.is_empty() {
            self.n_empty += 1;
        } else {
            self.take_up_empty_rows();
            for (column, cell) in self.content.columns.iter_mut().zip(record.cells()) {
                column.push(cell, &mut self.numbers, self.gaps);
            }
            for (column, texts) in &mut self.content.texts {
                texts.push(record.cells().nth(*column).map_or("", |cell| cell.text));
            }
        }
        self.check_memory(record.line())
    }

    /// Makes the empty rows before the last row part of the table: a missing cell in every column.
    fn take_up_empty_rows(&mut self) {
        let Content { columns, lines, texts, .. } = &mut self.content;
        let first_empty = lines.n_rows() - 1 - self.n_empty;
        if self.n_empty > 0 {
            let line = lines.line_of_row(first_empty).unwrap_or(self.first_line);
            columns.iter_mut().for_each(|column| column.spoil(Found::Empty, line, self.n_empty, self.gaps));
            for (_, texts) in texts {
                (0..self.n_empty).for_each(|_| texts.push(""));
            }
        }
        self.n_empty = 0;
    }

    fn check_memory(&self, line: u64) -> Result<(), TableProblem> {
        let Content { columns, lines, texts, .. } = &self.content;
        let texts = texts.iter().map(|(_, texts)| texts.n_kept()).sum::<usize>();
        let kept = lines.n_kept() + columns.iter().map(Column::n_kept).sum::<usize>() + texts;
        if kept > self.max_numbers {
            return Err(TableProblem::TooLarge { line, limit: self.max_numbers });
        }
        Ok(())
    }

    fn finish(self) -> Result<Content, TableProblem> {
        let Content { names, mut columns, mut lines, texts } = self.content;
        lines.truncate(lines.n_rows() - self.n_empty);
        if lines.n_rows() == 0 {
            return Err(TableProblem::NoRows { line: self.first_line, n_columns: columns.len() });
        }
        for column in &mut columns {
            if let Column::Numbers(numbers) = column {
                numbers.shrink_to_fit();
            }
        }
        Ok(Content { names, columns, lines, texts })
    }
}
