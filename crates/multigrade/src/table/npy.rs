//! Arrays in the format of NumPy, `.npy`, and archives of them, `.npz`.
//!
//! An array `(n,)` is one column, `(n, d)` has `d` columns, one of records has a column for each field. Nothing is allocated
//! because a header says so: columns grow as numbers arrive, and what a header declares is checked against the limit of
//! numbers first.

use std::io::{self, BufRead, Read};

use super::cell::Found;
use super::column::Column;
use super::error::{TableProblem, shown};
use super::lines::Lines;
use super::names::Names;
use super::options::{MAX_COLUMNS, ReadOptions};
use super::read::Content;
use super::texts::Texts;

pub(super) const MAGIC: &[u8] = b"\x93NUMPY";

/// Longest header that is read; NumPy itself reads 10,000 characters.
const MAX_HEADER: usize = 1 << 20;

/// Longest text of a cell, in bytes of the file.
const MAX_TEXT: usize = 1 << 16;

fn wrong(reason: impl Into<String>) -> TableProblem {
    TableProblem::Binary { format: "NumPy array", reason: reason.into() }
}

/// The end of the file is no failure of the operating system.
fn cut_off(error: io::Error) -> TableProblem {
    match error.kind() {
        io::ErrorKind::UnexpectedEof => wrong("it ends before its last number; was it cut off?"),
        _ => error.into(),
    }
}

/// How one value stands in the file.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Kind {
    Float,
    Signed,
    Unsigned,
    Bool,
    /// Code points of 4 bytes.
    Text,
    /// Bytes of Latin text.
    Bytes,
}

#[derive(Clone, Copy, Debug)]
struct Type {
    kind: Kind,
    bytes: usize,
    is_big: bool,
}

/// A value of a cell.
enum Value {
    Number(f64),
    Text(String),
}

impl Type {
    /// From a name such as `<f8`.
    fn parse(name: &str) -> Result<Self, TableProblem> {
        let expected = "expected numbers (f4, f8, i1 to i8, u1 to u8, b1) or texts (U, S)";
        let unknown = || wrong(format!("values of type '{}'; {expected}", shown(name)));
        let mut letters = name.chars();
        let order = letters.next().ok_or_else(unknown)?;
        let kind = letters.next().ok_or_else(unknown)?;
        let size: usize = letters.as_str().parse().map_err(|_| unknown())?;
        let (kind, bytes) = match (kind, size) {
            ('f', 4 | 8) => (Kind::Float, size),
            ('i', 1 | 2 | 4 | 8) => (Kind::Signed, size),
            ('u', 1 | 2 | 4 | 8) => (Kind::Unsigned, size),
            ('b', 1) => (Kind::Bool, 1),
            ('U', 1..=MAX_TEXT) => (Kind::Text, 4 * size),
            ('S', 1..=MAX_TEXT) => (Kind::Bytes, size),
            _ => return Err(unknown()),
        };
        match order {
            '<' | '|' | '=' => Ok(Self { kind, bytes, is_big: false }),
            '>' => Ok(Self { kind, bytes, is_big: true }),
            _ => Err(unknown()),
        }
    }

    fn value(&self, bytes: &[u8]) -> Value {
        let mut word = [0; 8];
        if matches!(self.kind, Kind::Text | Kind::Bytes) {
            return Value::Text(self.text(bytes));
        }
        word[..bytes.len()].copy_from_slice(bytes);
        if self.is_big {
            word[..bytes.len()].reverse();
        }
        let unused = 64 - 8 * bytes.len() as u32;
        let bits = u64::from_le_bytes(word);
        Value::Number(match (self.kind, bytes.len()) {
            (Kind::Float, 4) => f64::from(f32::from_bits(bits as u32)),
            (Kind::Float, _) => f64::from_bits(bits),
            // The sign is moved to the top and back.
            (Kind::Signed, _) => ((bits << unused) as i64 >> unused) as f64,
            (Kind::Bool, _) => f64::from(u8::from(bits != 0)),
            _ => bits as f64,
        })
    }

    /// The text without the zeros that fill its cell.
    fn text(&self, bytes: &[u8]) -> String {
        let codes: Vec<u32> = match self.kind {
            Kind::Bytes => bytes.iter().map(|byte| u32::from(*byte)).collect(),
            _ => {
                let code = |c: &[u8]| {
                    let four = [c[0], c[1], c[2], c[3]];
                    if self.is_big { u32::from_be_bytes(four) } else { u32::from_le_bytes(four) }
                };
                bytes.chunks_exact(4).map(code).collect()
            }
        };
        let end = codes.iter().rposition(|code| *code != 0).map_or(0, |last| last + 1);
        codes[..end].iter().map(|code| char::from_u32(*code).unwrap_or(char::REPLACEMENT_CHARACTER)).collect()
    }
}

/// What a header says.
struct Header {
    /// One type for every column, or one for each field of a record, with its name.
    fields: Fields,
    fortran: bool,
    shape: Vec<usize>,
}

enum Fields {
    Same(Type),
    Named(Vec<(String, Type)>),
}

/// Columns with one number or text for each row.
pub(super) struct Array {
    /// Names of the fields of records.
    names: Option<Vec<String>>,
    pub(super) columns: Vec<Column>,
    texts: Vec<Option<Texts>>,
    pub(super) n_rows: usize,
}

/// Whether the texts of a column are kept, by its number and its name if it has one.
type IsKept<'a> = &'a dyn Fn(usize, Option<&str>) -> bool;

/// The rows of an array, read one after the other.
pub(super) struct ArrayRows<R> {
    source: R,
    types: Vec<Type>,
    /// Column after column instead of row after row.
    fortran: bool,
    n_rows: usize,
    /// How many rows have been read.
    n_before: usize,
    /// What was read since the last block, and the columns of all rows.
    array: Array,
    max_numbers: usize,
    gaps: bool,
    /// The bytes of a cell.
    bytes: Vec<u8>,
}

impl<R: BufRead> ArrayRows<R> {
    /// The array that `source` holds, which begins with [`MAGIC`].
    fn start(mut source: R, max_numbers: usize, gaps: bool, is_kept: IsKept) -> Result<Self, TableProblem> {
        let header = Header::read(&mut source)?;
        let (n_rows, width) = match header.shape[..] {
            [n] => (n, 1),
            [n, d] => (n, d),
            _ => {
                return Err(wrong(format!("found {} axes, expected one or two: rows and columns", header.shape.len())));
            }
        };
        let (names, types) = match header.fields {
            Fields::Same(kind) if width <= MAX_COLUMNS => (None, vec![kind; width]),
            Fields::Same(_) => {
                return Err(wrong(format!("found {width} columns, a table may have at most {MAX_COLUMNS}")));
            }
            Fields::Named(fields) if width == 1 => {
                let (names, types) = fields.into_iter().unzip();
                (Some(names), types)
            }
            Fields::Named(_) => return Err(wrong("found records along two axes, expected one")),
        };
        if n_rows == 0 || types.is_empty() {
            return Err(wrong("there is no number in it"));
        }
        let named = |j: usize| names.as_ref().map(|names: &Vec<String>| names[j].as_str());
        let texts = (0..types.len()).map(|j| is_kept(j, named(j)).then(Texts::default)).collect();
        let columns = vec![Column::Numbers(Vec::new()); types.len()];
        let bytes = vec![0; types.iter().map(|t| t.bytes).max().unwrap_or(0)];
        let array = Array { names, columns, texts, n_rows: 0 };
        let fortran = header.fortran && types.len() > 1;
        Ok(Self { source, types, fortran, n_rows, n_before: 0, array, max_numbers, gaps, bytes })
    }

    /// The next rows, at most `n`. None at the end.
    fn next(&mut self, n: usize) -> Result<Option<Array>, TableProblem> {
        let rows = n.min(self.n_rows - self.n_before);
        if rows == 0 {
            return Ok(None);
        }
        let (n_rows, width, max_numbers) = (self.n_rows, self.types.len(), self.max_numbers);
        if rows.checked_mul(width).is_none_or(|numbers| numbers > max_numbers) {
            return Err(wrong(format!(
                "it says that it holds {n_rows} rows of {width}, the limit is {max_numbers} numbers"
            )));
        }
        let all = self.n_before..self.n_before + rows;
        if self.fortran {
            for j in 0..width {
                all.clone().try_for_each(|row| self.cell(row, j))?;
            }
        } else {
            for row in all {
                (0..width).try_for_each(|j| self.cell(row, j))?;
            }
        }
        self.n_before += rows;
        if self.n_before == self.n_rows && self.source.read(&mut [0])? != 0 {
            return Err(wrong("it goes on after its last number; expected one array"));
        }
        Ok(Some(Array {
            names: self.array.names.clone(),
            columns: self.array.columns.iter_mut().map(Column::take).collect(),
            texts: self.array.texts.iter_mut().map(|texts| texts.as_mut().map(std::mem::take)).collect(),
            n_rows: rows,
        }))
    }

    /// Reads the next cell, which stands in this row and column.
    fn cell(&mut self, row: usize, j: usize) -> Result<(), TableProblem> {
        let bytes = &mut self.bytes[..self.types[j].bytes];
        self.source.read_exact(bytes).map_err(cut_off)?;
        self.array.push(row, j, self.types[j].value(bytes), self.gaps);
        // Texts that unpack from a small archive may be long.
        match &self.array.texts[j] {
            Some(texts) if texts.n_kept() > self.max_numbers => {
                Err(wrong(format!("its texts take more memory than {} numbers, the limit", self.max_numbers)))
            }
            _ => Ok(()),
        }
    }
}

impl Array {
    fn push(&mut self, row: usize, j: usize, value: Value, gaps: bool) {
        let text = match value {
            Value::Number(number) => {
                self.columns[j].push_number(number, row as u64 + 1, gaps);
                self.texts[j].is_some().then(|| number.to_string())
            }
            Value::Text(text) => {
                self.columns[j].spoil(Found::Text(shown(&text)), row as u64 + 1, 1, gaps);
                Some(text)
            }
        };
        if let (Some(texts), Some(text)) = (&mut self.texts[j], text) {
            texts.push(text.trim());
        }
    }
}

/// The table that one array is, read block by block.
pub(super) struct ArrayTable<R> {
    names: Names,
    rows: ArrayRows<R>,
}

impl<R: BufRead> ArrayTable<R> {
    pub(super) fn start(source: R, options: &ReadOptions) -> Result<Self, TableProblem> {
        let stand_in = |j: usize| format!("x{}", j + 1);
        let is_kept = |j: usize, name: Option<&str>| {
            options.texts.iter().any(|kept| name.map_or_else(|| *kept == stand_in(j), |name| kept == name))
        };
        let rows = ArrayRows::start(source, options.max_numbers, options.gaps, &is_kept)?;
        let names = match &rows.array.names {
            Some(names) => Names::new(names.iter().map(String::as_str))?,
            None => Names::by_place(rows.types.len()),
        };
        Ok(Self { names, rows })
    }

    pub(super) fn names(&self) -> &Names {
        &self.names
    }

    /// The columns, which know what was found in all rows so far.
    pub(super) fn columns(&self) -> &[Column] {
        &self.rows.array.columns
    }

    /// Whether it can only be read whole.
    pub(super) fn is_by_columns(&self) -> bool {
        self.rows.fortran
    }

    /// The next rows, at most `n`. None at the end.
    pub(super) fn next(&mut self, n: usize) -> Result<Option<Content>, TableProblem> {
        let n_before = self.rows.n_before;
        Ok(self.rows.next(n)?.map(|array| content(self.names.clone(), n_before, vec![array])))
    }
}

/// A table of arrays with equally many rows, side by side, behind `n_before` other rows.
fn content(names: Names, n_before: usize, arrays: Vec<Array>) -> Content {
    let lines = Lines::of_rows(n_before, arrays.first().map_or(0, |array| array.n_rows));
    let (mut columns, mut texts) = (Vec::new(), Vec::new());
    for array in arrays {
        for (column, kept) in array.columns.into_iter().zip(array.texts) {
            texts.extend(kept.map(|kept| (columns.len(), kept)));
            columns.push(column);
        }
    }
    Content { names, columns, lines, n_before, texts }
}

/// The table of the arrays of an archive: each column has the name of its array, with a number behind it where the array has
/// several columns.
pub(super) fn read_archive(archive: &[u8], options: &ReadOptions) -> Result<Content, TableProblem> {
    let (mut names, mut arrays, mut left) = (Vec::new(), Vec::<Array>::new(), options.max_numbers);
    for entry in super::zip::entries(archive)? {
        let Some(name) = entry.name.strip_suffix(".npy") else {
            return Err(wrong(format!("the archive holds '{}', expected arrays (.npy)", shown(&entry.name))));
        };
        let is_kept = |j: usize, field: Option<&str>| {
            let numbered = format!("{name}{}", j + 1);
            options.texts.iter().any(|kept| *kept == field.unwrap_or(name) || *kept == numbered)
        };
        let mut source = io::BufReader::new(entry.open(archive)?);
        if source.fill_buf().map_err(cut_off)?.get(..MAGIC.len()) != Some(MAGIC) {
            return Err(wrong(format!("'{}' in the archive is no NumPy array", shown(&entry.name))));
        }
        let array =
            ArrayRows::start(&mut source, left, options.gaps, &is_kept).and_then(|mut rows| rows.next(usize::MAX));
        let array = array.map_err(|problem| problem.within(name))?.ok_or_else(|| wrong("there is no number in it"))?;
        if let Some(first) = arrays.first()
            && first.n_rows != array.n_rows
        {
            return Err(wrong(format!(
                "the array '{}' has {} rows, the first one has {}; all arrays of a table need the same number",
                shown(name),
                array.n_rows,
                first.n_rows
            )));
        }
        left -= array.n_rows * array.columns.len();
        match &array.names {
            Some(fields) => names.extend(fields.iter().cloned()),
            None if array.columns.len() == 1 => names.push(name.to_owned()),
            None => names.extend((1..=array.columns.len()).map(|j| format!("{name}{j}"))),
        }
        arrays.push(array);
    }
    if names.len() > MAX_COLUMNS {
        return Err(wrong(format!("found {} columns, a table may have at most {MAX_COLUMNS}", names.len())));
    }
    if arrays.is_empty() {
        return Err(wrong("the archive holds no array"));
    }
    Ok(content(Names::new(names.iter().map(String::as_str))?, 0, arrays))
}

impl Header {
    fn read(source: &mut impl Read) -> Result<Self, TableProblem> {
        let mut start = [0; 8];
        source.read_exact(&mut start).map_err(cut_off)?;
        let mut length = [0; 4];
        let n_bytes = match start[6] {
            1 => 2,
            2 | 3 => 4,
            version => return Err(wrong(format!("version {version} of the format, expected 1, 2 or 3"))),
        };
        source.read_exact(&mut length[..n_bytes]).map_err(cut_off)?;
        let length = u32::from_le_bytes(length) as usize;
        if length > MAX_HEADER {
            return Err(wrong(format!("a header of {length} bytes, expected at most {MAX_HEADER}")));
        }
        let mut text = Vec::new();
        source.take(length as u64).read_to_end(&mut text)?;
        if text.len() < length {
            return Err(wrong("it ends within its header; was it cut off?"));
        }
        let text = String::from_utf8(text).map_err(|_| wrong("its header is no text"))?;
        Self::parse(&text)
    }

    fn parse(text: &str) -> Result<Self, TableProblem> {
        let unclear = || wrong(format!("its header cannot be read: {}", shown(text.trim())));
        let mut parser = Literals { rest: text };
        let Some(Literal::Dictionary(entries)) = parser.value(0) else { return Err(unclear()) };
        let get = |key: &str| entries.iter().find(|(name, _)| name == key).map(|(_, value)| value);
        let (Some(descr), Some(Literal::Bool(fortran)), Some(Literal::Sequence(shape))) =
            (get("descr"), get("fortran_order"), get("shape"))
        else {
            return Err(unclear());
        };
        let shape = shape.iter().map(|n| match n {
            Literal::Number(n) => usize::try_from(*n).ok(),
            _ => None,
        });
        let fields = match descr {
            Literal::Text(name) => Fields::Same(Type::parse(name)?),
            Literal::Sequence(fields) if fields.len() <= MAX_COLUMNS => {
                let field = |field: &Literal| match field {
                    Literal::Sequence(parts) => match &parts[..] {
                        [Literal::Text(name), Literal::Text(kind)] => Ok((name.clone(), Type::parse(kind)?)),
                        _ => Err(wrong("a field of its records is no single value")),
                    },
                    _ => Err(unclear()),
                };
                Fields::Named(fields.iter().map(field).collect::<Result<_, _>>()?)
            }
            _ => return Err(unclear()),
        };
        Ok(Self { fields, fortran: *fortran, shape: shape.collect::<Option<_>>().ok_or_else(unclear)? })
    }
}

/// A literal of Python, as far as headers need them.
enum Literal {
    Text(String),
    Number(u64),
    Bool(bool),
    /// A tuple or a list.
    Sequence(Vec<Literal>),
    Dictionary(Vec<(String, Literal)>),
}

struct Literals<'a> {
    rest: &'a str,
}

impl Literals<'_> {
    /// The next literal; none for anything else, or more than a few inside each other.
    fn value(&mut self, depth: usize) -> Option<Literal> {
        if depth > 4 {
            return None;
        }
        match self.peek()? {
            '\'' | '"' => self.text().map(Literal::Text),
            '(' => self.sequence(')', depth).map(Literal::Sequence),
            '[' => self.sequence(']', depth).map(Literal::Sequence),
            '{' => self.dictionary(depth).map(Literal::Dictionary),
            'T' => self.skip("True").then_some(Literal::Bool(true)),
            'F' => self.skip("False").then_some(Literal::Bool(false)),
            _ => {
                let digits = self.rest.chars().take_while(char::is_ascii_digit).count();
                let (number, rest) = self.rest.split_at(digits);
                self.rest = rest;
                // Python 2 wrote `10L`.
                self.skip("L");
                number.parse().ok().map(Literal::Number)
            }
        }
    }

    fn peek(&mut self) -> Option<char> {
        self.rest = self.rest.trim_start();
        self.rest.chars().next()
    }

    fn skip(&mut self, word: &str) -> bool {
        self.rest = self.rest.trim_start();
        match self.rest.strip_prefix(word) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    /// A text in quotes; escapes other than of quotes and backslashes are not read.
    fn text(&mut self) -> Option<String> {
        let mut letters = self.rest.chars();
        let quote = letters.next()?;
        let mut text = String::new();
        loop {
            match letters.next()? {
                '\\' => text.push(letters.next().filter(|c| matches!(c, '\\' | '\'' | '"'))?),
                end if end == quote => break,
                letter => text.push(letter),
            }
        }
        self.rest = letters.as_str();
        Some(text)
    }

    fn sequence(&mut self, end: char, depth: usize) -> Option<Vec<Literal>> {
        self.rest = &self.rest[1..];
        let mut values = Vec::new();
        while self.peek()? != end {
            values.push(self.value(depth + 1)?);
            if !self.skip(",") && self.peek()? != end {
                return None;
            }
        }
        self.rest = &self.rest[1..];
        Some(values)
    }

    fn dictionary(&mut self, depth: usize) -> Option<Vec<(String, Literal)>> {
        self.rest = &self.rest[1..];
        let mut entries = Vec::new();
        while self.peek()? != '}' {
            let key = matches!(self.peek()?, '\'' | '"').then(|| self.text())??;
            if !self.skip(":") {
                return None;
            }
            entries.push((key, self.value(depth + 1)?));
            if !self.skip(",") && self.peek()? != '}' {
                return None;
            }
        }
        Some(entries)
    }
}
