//! What the first lines of a file say about its format.

use super::cell::{either_mark, is_missing_mark};
use super::error::TableProblem;
use super::options::{Delimiter, Header};
use super::records::{Cell, Record, Records};

/// How many bytes detection may look at.
pub(super) const SAMPLE_BYTES: usize = 1 << 20;
const SAMPLE_ROWS: usize = 200;

/// The first bytes of files that are often taken for a CSV file, and what they are.
const KINDS: [(&[u8], &str); 5] = [
    (b"PK\x03\x04", "a zip archive or a spreadsheet (.xlsx, .ods)"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"\x89HDF", "an HDF5 file"),
    (b"\xff\xfe", "text in UTF-16"),
    (b"\xfe\xff", "text in UTF-16"),
];

/// Refuses a file whose first bytes are those of another format.
pub(super) fn refuse_other_formats(start: &[u8]) -> Result<(), TableProblem> {
    match KINDS.iter().find(|(magic, _)| start.starts_with(magic)) {
        Some(&(_, kind)) => Err(TableProblem::NotText { line: 1, guess: Some(kind) }),
        None => Ok(()),
    }
}

/// The first lines of a file.
pub(super) struct Sample<'a> {
    pub(super) bytes: &'a [u8],
    /// The bytes are the whole file.
    pub(super) is_whole: bool,
}

impl Sample<'_> {
    /// The delimiter that [`ReadOptions::delimiter`](super::ReadOptions::delimiter) describes; a comma where there is
    /// one column.
    pub(super) fn delimiter(&self) -> Delimiter {
        let fits = Delimiter::ALL.map(|delimiter| (delimiter, self.fit(delimiter)));
        let usable = fits.into_iter().filter(|(_, fit)| fit.agreeing > 0.5);
        let best = usable.reduce(|best, next| if next.1.is_better_than(&best.1) { next } else { best });
        best.map_or(Delimiter::Comma, |(delimiter, _)| delimiter)
    }

    /// Whether the first row names the columns.
    pub(super) fn has_header(&self, header: Header, delimiter: Delimiter) -> bool {
        match header {
            Header::Auto => self.starts_with_names(delimiter),
            Header::Yes => true,
            Header::No => false,
        }
    }

    /// The rule of [`Header::Auto`].
    fn starts_with_names(&self, delimiter: Delimiter) -> bool {
        let (rows, _) = self.rows(delimiter);
        let mut rows = rows.iter().filter(|row| !row.is_empty());
        let Some(first) = rows.next() else { return false };
        let kinds: Vec<Kind> = first.cells().map(Kind::of).collect();
        let stands_over_number = rows.next().is_some_and(|second| {
            kinds
                .iter()
                .zip(second.cells())
                .any(|(&above, below)| above == Kind::Name && Kind::of(below) == Kind::Number)
        });
        kinds.contains(&Kind::Name) && (stands_over_number || !kinds.contains(&Kind::Number))
    }

    fn fit(&self, delimiter: Delimiter) -> Fit {
        let (rows, broken) = self.rows(delimiter);
        let mut sizes: Vec<usize> = rows.iter().filter(|row| !row.is_blank_line()).map(Record::n_fields).collect();
        sizes.sort_unstable();
        let agreeing = sizes.chunk_by(|a, b| a == b).filter(|run| run[0] > 1).map(<[usize]>::len).max().unwrap_or(0);
        let numbers = rows.iter().flat_map(Record::cells).filter(|cell| either_mark(cell.text).is_some()).count();
        Fit {
            agreeing: ratio(agreeing, sizes.len() + usize::from(broken)),
            numbers: ratio(numbers, sizes.iter().sum()),
        }
    }

    /// The complete rows of the sample, and whether the text after them cannot be read with this delimiter.
    fn rows(&self, delimiter: Delimiter) -> (Vec<Record>, bool) {
        let mut records = Records::new(self.bytes, delimiter);
        let mut rows = Vec::new();
        while rows.len() < SAMPLE_ROWS {
            let mut row = Record::default();
            match records.read(&mut row) {
                Ok(true) => rows.push(row),
                Ok(false) => break,
                Err(_) => return (rows, true),
            }
        }
        let last_is_cut = !self.is_whole && rows.len() < SAMPLE_ROWS;
        if last_is_cut && rows.len() > 1 {
            rows.pop();
        }
        (rows, false)
    }
}

/// How well a delimiter fits the sample.
struct Fit {
    /// The part of the rows with the most usual number of fields above one.
    agreeing: f64,
    /// The part of the cells that are numbers.
    numbers: f64,
}

impl Fit {
    fn is_better_than(&self, other: &Self) -> bool {
        (self.agreeing, self.numbers) > (other.agreeing, other.numbers)
    }
}

fn ratio(part: usize, whole: usize) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}

/// What a field can tell about the row it is in.
#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Number,
    Missing,
    Name,
}

impl Kind {
    fn of(cell: Cell<'_>) -> Self {
        match cell.text {
            text if is_missing_mark(text) => Self::Missing,
            text if either_mark(text).is_some() => Self::Number,
            _ => Self::Name,
        }
    }
}
