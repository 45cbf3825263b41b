//! Tables in the format Parquet, read without the libraries of that format: see ARCHITECTURE.md.
//!
//! A file ends with a description of its columns and of where their pages are. Rows stand in groups, in each of which every column
//! has a chunk: a sequence of pages, the first of which may be a dictionary that the others point into. Nothing is allocated
//! because the file says so: rows and columns are compared with the limit of numbers, places and lengths with the length of the
//! file, and what unpacks, all together, with the limit of memory.

mod encoding;
mod packing;
mod thrift;

use encoding::{Kind, Runs, Value, Values, plain, values};
use packing::Packing;
use thrift::{Fields, structure};

use super::cell::Found;
use super::column::Column;
use super::error::{TableProblem, shown};
use super::lines::Lines;
use super::names::Names;
use super::options::{MAX_COLUMNS, ReadOptions};
use super::read::Content;
use super::texts::Texts;

const MAGIC: &[u8] = b"PAR1";

/// Longest text of a cell, in bytes.
const MAX_TEXT: usize = 1 << 16;

/// Bytes that may be read and unpacked for each number of the limit: parts of a file may overlap, and little may unpack to much.
const WORK: usize = 32;

/// Most values of a dictionary: writers give it up far below that, and each takes more memory than it has bytes.
const MAX_DICTIONARY: usize = 1 << 22;

/// Longest page, unpacked.
const MAX_PAGE: usize = 1 << 28;

/// Most values in what stands before a page, and in the description at the end whatever the limit of numbers.
const VALUES: usize = 1 << 16;

fn wrong(reason: impl Into<String>) -> TableProblem {
    TableProblem::Binary { format: "Parquet table", reason: reason.into() }
}

fn cut_off() -> TableProblem {
    wrong("its parts are not where it says; was it altered or cut off?")
}

/// Whether these are the first bytes of such a file, and not of a text whose first column is called `PAR1`.
pub(super) fn begins(start: &[u8]) -> bool {
    let is_text = |byte: u8| byte >= b' ' || matches!(byte, b'\t' | b'\n' | b'\r');
    start.starts_with(MAGIC) && start.get(MAGIC.len()).is_some_and(|next| !is_text(*next))
}

/// What is known of a column before any of its pages is read.
struct Description {
    name: String,
    /// What it holds, or in words what cannot be read.
    kind: Result<Kind, &'static str>,
    /// Whether cells may be missing.
    is_optional: bool,
    /// Its leaves in the file: one, or those of a nested value.
    n_leaves: usize,
}

/// The table of a whole file.
pub(super) fn read(file: &[u8], options: &ReadOptions) -> Result<Content, TableProblem> {
    let body = file.strip_suffix(MAGIC).ok_or_else(cut_off)?;
    let (body, length) = body.split_last_chunk().ok_or_else(cut_off)?;
    let start = body.len().checked_sub(u32::from_le_bytes(*length) as usize).ok_or_else(cut_off)?;
    let (pages, mut end) = body.split_at(start);
    let mut left = VALUES.saturating_add(options.max_numbers / 10);
    let about = structure(&mut end, &mut left).ok_or_else(|| match left {
        0 => wrong("what it says about itself takes more memory than the limit of numbers allows"),
        _ => cut_off(),
    })?;
    let descriptions = descriptions(&about)?;
    let n_rows = about.size(3).ok_or_else(cut_off)?;
    if n_rows == 0 {
        return Err(wrong("there is no row in it"));
    }
    if n_rows.checked_mul(descriptions.len()).is_none_or(|numbers| numbers > options.max_numbers) {
        let (columns, limit) = (descriptions.len(), options.max_numbers);
        return Err(wrong(format!("it says that it holds {n_rows} rows of {columns}, the limit is {limit} numbers")));
    }
    let names = Names::new(descriptions.iter().map(|description| description.name.as_str()))?;
    let groups: Vec<&Fields> = about.list(4).unwrap_or_default().iter().filter_map(|group| group.as_fields()).collect();
    let mut left = options.max_numbers.saturating_mul(WORK);
    let (mut columns, mut texts, mut leaf) = (Vec::new(), Vec::new(), 0);
    for (description, name) in descriptions.iter().zip(names.as_slice()) {
        let kept = options.texts.contains(name).then(Texts::default);
        let column = match description.kind {
            Ok(kind) => {
                let mut cells = Cells {
                    kind,
                    column: Column::Numbers(Vec::new()),
                    texts: kept,
                    n_rows: 0,
                    gaps: options.gaps,
                    max_numbers: options.max_numbers,
                };
                let mut reader = Reader { pages, kind, is_optional: description.is_optional, left: &mut left };
                let read = reader.column(&groups, leaf, n_rows, &mut cells);
                read.map_err(|problem| within(problem, name))?;
                texts.extend(cells.texts.map(|kept| (columns.len(), kept)));
                cells.column
            }
            Err(what) => Column::Spoiled { line: 1, found: Found::Text(what.to_owned()), n_bad: n_rows },
        };
        leaf += description.n_leaves;
        columns.push(column);
    }
    Ok(Content { names, columns, lines: Lines::of_rows(0, n_rows), n_before: 0, texts })
}

/// A problem of one column.
fn within(problem: TableProblem, column: &str) -> TableProblem {
    match problem {
        TableProblem::Binary { format, reason } => {
            TableProblem::Binary { format, reason: format!("column '{}': {reason}", shown(column)) }
        }
        other => other,
    }
}

/// The columns at the top of the tree of columns.
fn descriptions(about: &Fields) -> Result<Vec<Description>, TableProblem> {
    let schema: Option<Vec<&Fields>> =
        about.list(2).unwrap_or_default().iter().map(|element| element.as_fields()).collect();
    let (root, mut elements) = match schema.as_deref() {
        Some([root, elements @ ..]) => (root.size(5).unwrap_or(0), elements),
        _ => return Err(cut_off()),
    };
    if root > MAX_COLUMNS {
        return Err(wrong(format!("found {root} columns, a table may have at most {MAX_COLUMNS}")));
    }
    let mut columns = Vec::new();
    for _ in 0..root {
        let element = elements.first().ok_or_else(cut_off)?;
        let (n_leaves, after) = leaves(elements).ok_or_else(cut_off)?;
        elements = after;
        let name = String::from_utf8_lossy(element.bytes(4).unwrap_or_default()).into_owned();
        let is_repeated = element.integer(3) == Some(2);
        let kind = match element.size(5).unwrap_or(0) {
            0 if !is_repeated => kind(element),
            _ => Err("a list or another nested value"),
        };
        columns.push(Description { name, kind, is_optional: element.integer(3) == Some(1), n_leaves });
    }
    if columns.is_empty() {
        return Err(wrong("there is no column in it"));
    }
    Ok(columns)
}

/// How many leaves the first of these elements has, and the elements behind its last one.
fn leaves<'a, 'b>(mut elements: &'a [&'b Fields<'b>]) -> Option<(usize, &'a [&'b Fields<'b>])> {
    // Elements that are still to come, those inside them included.
    let (mut open, mut n) = (1_usize, 0);
    while open > 0 {
        let (element, after) = elements.split_first()?;
        elements = after;
        let children = element.size(5).unwrap_or(0);
        n += usize::from(children == 0);
        open = (open - 1).checked_add(children)?;
    }
    Some((n, elements))
}

/// What a column of this element holds.
fn kind(element: &Fields) -> Result<Kind, &'static str> {
    let logical = element.fields(10);
    let (converted, member) = (element.integer(6), logical.and_then(Fields::member));
    match (converted, member) {
        (Some(5), _) | (_, Some(5)) => return Err("a decimal number of fixed point"),
        (Some(6..=10), _) | (_, Some(6..=8)) => return Err("a date or time"),
        (Some(20 | 21), _) | (_, Some(13..=15)) => return Err("a value that is neither number nor text"),
        _ => {}
    }
    let is_signed = logical.and_then(|logical| logical.fields(10)).and_then(|whole| whole.bool(2)).unwrap_or(true);
    let is_signed = is_signed && !matches!(converted, Some(11..=14));
    match element.integer(1) {
        Some(0) => Ok(Kind::Bool),
        Some(1) => Ok(Kind::Whole(4, is_signed)),
        Some(2) => Ok(Kind::Whole(8, is_signed)),
        Some(3) => Err("a date or time"),
        Some(4) => Ok(Kind::F32),
        Some(5) => Ok(Kind::F64),
        Some(6) => Ok(Kind::Text),
        _ => Err("a value that is neither number nor text"),
    }
}

/// A column as far as it is read.
struct Cells {
    kind: Kind,
    column: Column,
    texts: Option<Texts>,
    n_rows: usize,
    gaps: bool,
    max_numbers: usize,
}

impl Cells {
    fn push(&mut self, value: Option<Value>) -> Result<(), TableProblem> {
        self.n_rows += 1;
        let row = self.n_rows as u64;
        let text = match value {
            Some(Value::Number(number)) => {
                self.column.push_number(number, row, self.gaps);
                self.texts.is_some().then(|| match self.kind {
                    // As other formats write it.
                    Kind::Bool => (number != 0.0).to_string(),
                    _ => number.to_string(),
                })
            }
            Some(Value::Text(bytes)) => {
                let text = String::from_utf8_lossy(&bytes);
                let found = if text.trim().is_empty() { Found::Empty } else { Found::Text(shown(text.trim())) };
                self.column.spoil(found, row, 1, self.gaps);
                Some(text.into_owned())
            }
            None => {
                self.column.spoil(Found::Empty, row, 1, self.gaps);
                Some(String::new())
            }
        };
        if let (Some(texts), Some(text)) = (&mut self.texts, text) {
            texts.push(text.trim());
            if texts.n_kept() > self.max_numbers {
                let limit = self.max_numbers;
                return Err(wrong(format!("its texts take more memory than {limit} numbers, the limit")));
            }
        }
        Ok(())
    }
}

/// Reads the pages of one column.
struct Reader<'a> {
    /// The file up to its description.
    pages: &'a [u8],
    kind: Kind,
    is_optional: bool,
    /// Bytes that may still be read and unpacked.
    left: &'a mut usize,
}

impl<'a> Reader<'a> {
    /// All chunks of a column, whose leaf has this number.
    fn column(
        &mut self,
        groups: &[&Fields],
        leaf: usize,
        n_rows: usize,
        cells: &mut Cells,
    ) -> Result<(), TableProblem> {
        for group in groups {
            let chunk = group.list(1).and_then(|chunks| chunks.get(leaf)?.as_fields()).ok_or_else(cut_off)?;
            if chunk.bytes(1).is_some() {
                return Err(wrong("its values are in another file; write the table to one file"));
            }
            let chunk = chunk.fields(3).ok_or_else(|| wrong("it is encrypted, or says nothing about its pages"))?;
            let end = group.size(3).and_then(|rows| rows.checked_add(cells.n_rows));
            let end = end.filter(|end| *end <= n_rows).ok_or_else(cut_off)?;
            self.chunk(chunk, end, cells)?;
        }
        if cells.n_rows == n_rows { Ok(()) } else { Err(cut_off()) }
    }

    /// The pages of a chunk, up to the row `end`.
    fn chunk(&mut self, chunk: &Fields, end: usize, cells: &mut Cells) -> Result<(), TableProblem> {
        let packing = Packing::of(chunk.integer(4).ok_or_else(cut_off)?)?;
        let data = chunk.size(9).ok_or_else(cut_off)?;
        // Some writers say 0 where there is no dictionary.
        let start = chunk.size(11).filter(|place| *place >= MAGIC.len()).map_or(data, |place| place.min(data));
        let length = chunk.size(7).ok_or_else(cut_off)?;
        self.take(length)?;
        let mut rest = start.checked_add(length).and_then(|end| self.pages.get(start..end)).ok_or_else(cut_off)?;
        let mut dictionary = Vec::new();
        while cells.n_rows < end {
            let page = structure(&mut rest, &mut VALUES.clone()).ok_or_else(cut_off)?;
            let (unpacked, packed) = page.size(2).zip(page.size(3)).ok_or_else(cut_off)?;
            let bytes = thrift::bytes(&mut rest, packed).ok_or_else(cut_off)?;
            let page = Page { about: &page, bytes, unpacked, packing };
            match page.about.integer(1) {
                Some(0) => self.data(&page, &dictionary, end, cells)?,
                Some(2) => {
                    // The old one goes before the new one comes.
                    dictionary.clear();
                    dictionary = self.dictionary(&page)?;
                }
                Some(3) => self.data_of_version_2(&page, &dictionary, end, cells)?,
                _ => {}
            }
        }
        Ok(())
    }

    fn take(&mut self, bytes: usize) -> Result<(), TableProblem> {
        *self.left =
            self.left.checked_sub(bytes).ok_or_else(|| wrong("it unpacks to more than the limit of numbers allows"))?;
        Ok(())
    }

    /// The content of a page behind its first `skipped` bytes, which are not packed.
    fn unpacked(&mut self, page: &Page, skipped: usize, packing: Packing) -> Result<Vec<u8>, TableProblem> {
        if page.unpacked > MAX_PAGE {
            return Err(wrong(format!("a page of {} bytes, expected at most {MAX_PAGE}", page.unpacked)));
        }
        self.take(page.unpacked)?;
        let (bytes, length) = page.bytes.get(skipped..).zip(page.unpacked.checked_sub(skipped)).ok_or_else(cut_off)?;
        packing.unpack(bytes, length)
    }

    fn dictionary(&mut self, page: &Page) -> Result<Vec<Value>, TableProblem> {
        let n = page.about.fields(7).and_then(|about| about.size(1)).ok_or_else(cut_off)?;
        if n > MAX_DICTIONARY {
            return Err(wrong(format!("a dictionary of {n} values, expected at most {MAX_DICTIONARY}")));
        }
        let bytes = self.unpacked(page, 0, page.packing)?;
        self.take(n * size_of::<Value>())?;
        let values: Vec<Value> = plain(self.kind, &bytes).take(n).collect();
        if values.len() == n { Ok(values) } else { Err(cut_off()) }
    }

    /// A page of the first version: before the values, all packed together, stands which of them are there.
    fn data(&mut self, page: &Page, dictionary: &[Value], end: usize, cells: &mut Cells) -> Result<(), TableProblem> {
        let about = page.about.fields(5).ok_or_else(cut_off)?;
        let (n, encoding) = about.size(1).zip(about.integer(2)).ok_or_else(cut_off)?;
        // Before anything goes through that many values.
        if n > end - cells.n_rows {
            return Err(cut_off());
        }
        let bytes = self.unpacked(page, 0, page.packing)?;
        let mut rest = bytes.as_slice();
        let mut levels = None;
        if self.is_optional {
            if about.integer(3) != Some(3) {
                return Err(wrong("what is missing is written in a way of old; write the file anew"));
            }
            let length = thrift::bytes(&mut rest, 4).and_then(|length| length.first_chunk()).ok_or_else(cut_off)?;
            levels = Some(thrift::bytes(&mut rest, u32::from_le_bytes(*length) as usize).ok_or_else(cut_off)?);
        }
        self.cells(levels, values(encoding, self.kind, rest, n, dictionary), n, cells)
    }

    /// A page of the second version: which values are there stands before the packed ones.
    fn data_of_version_2(
        &mut self,
        page: &Page,
        dictionary: &[Value],
        end: usize,
        cells: &mut Cells,
    ) -> Result<(), TableProblem> {
        let about = page.about.fields(8).ok_or_else(cut_off)?;
        let (n, encoding) = about.size(1).zip(about.integer(4)).ok_or_else(cut_off)?;
        if n > end - cells.n_rows {
            return Err(cut_off());
        }
        let (levels, repeats) = about.size(5).zip(about.size(6)).ok_or_else(cut_off)?;
        let skipped = levels.checked_add(repeats).ok_or_else(cut_off)?;
        let packing = if about.bool(7).unwrap_or(true) { page.packing } else { Packing::None };
        let bytes = self.unpacked(page, skipped, packing)?;
        let levels = page.bytes.get(repeats..skipped).filter(|_| self.is_optional);
        self.cells(levels, values(encoding, self.kind, &bytes, n, dictionary), n, cells)
    }

    /// Hands on `n` cells: the values, and nothing where a level says that there is none.
    fn cells(
        &mut self,
        levels: Option<&[u8]>,
        values: Option<Values>,
        n: usize,
        cells: &mut Cells,
    ) -> Result<(), TableProblem> {
        let mut values =
            values.ok_or_else(|| wrong("its values are encoded in a way that is not read; write the file anew"))?;
        let mut levels = levels.map(|levels| Runs::new(levels, 1).ok_or_else(cut_off)).transpose()?;
        for _ in 0..n {
            let is_there = match &mut levels {
                Some(levels) => levels.next().ok_or_else(cut_off)? == 1,
                None => true,
            };
            let value = if is_there { Some(values.next().ok_or_else(cut_off)?) } else { None };
            if let Some(Value::Text(text)) = &value {
                if text.len() > MAX_TEXT {
                    return Err(wrong(format!("a text of {} bytes, expected at most {MAX_TEXT}", text.len())));
                }
                self.take(text.len())?;
            }
            cells.push(value)?;
        }
        Ok(())
    }
}

/// A page, packed as it is.
struct Page<'a> {
    about: &'a Fields<'a>,
    bytes: &'a [u8],
    /// Bytes of its content.
    unpacked: usize,
    packing: Packing,
}
