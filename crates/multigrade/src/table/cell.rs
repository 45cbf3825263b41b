use std::fmt;

use super::error::shown;
use super::lines::Unit;
use super::options::{DecimalMark, Delimiter};

/// The content of a cell that is not a finite number.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Found {
    /// Nothing, or only spaces.
    Empty,
    /// `NaN` in any spelling that Rust reads.
    NotANumber(String),
    /// An infinity, written as such.
    Infinite(String),
    /// A number beyond the range of `f64`, such as `1e400`.
    TooLarge(String),
    /// A number with the decimal mark that this table does not use, and the line that decided which one it uses, if
    /// one did.
    OtherMark(String, DecimalMark, Option<u64>),
    /// Digits grouped by threes, such as `1,000`; and the mark between the groups where it may be a decimal mark.
    Grouped(String, Option<DecimalMark>),
    /// Numbers with spaces between them, in a table of one column.
    SeveralNumbers(String),
    /// Anything else. Like all texts here it is cut to what a message shows.
    Text(String),
}

impl fmt::Display for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => write!(f, "the cell is empty"),
            Self::NotANumber(text)
            | Self::Infinite(text)
            | Self::Grouped(text, _)
            | Self::SeveralNumbers(text)
            | Self::Text(text) => {
                write!(f, "found \"{text}\"")
            }
            Self::TooLarge(text) => {
                write!(f, "found \"{text}\", which is beyond the range of a 64-bit number (about 1.8e308)")
            }
            Self::OtherMark(text, mark, None) => {
                write!(f, "found \"{text}\" with a decimal {mark}, but the decimal mark is the {}", mark.other())
            }
            Self::OtherMark(text, mark, Some(line)) => {
                write!(f, "found \"{text}\" with a decimal {mark}, but line {line} has a decimal {}", mark.other())
            }
        }
    }
}

impl Found {
    /// A number that is not finite, from a file that holds numbers.
    pub(super) fn of_number(number: f64) -> Self {
        if number.is_nan() { Self::NotANumber("NaN".into()) } else { Self::Infinite(number.to_string()) }
    }

    /// Whether the cell says that there is no value: it is empty, NaN, or a usual mark such as `NA`.
    pub(super) fn is_missing(&self) -> bool {
        match self {
            Self::Empty | Self::NotANumber(_) => true,
            Self::Text(text) => is_missing_mark(text),
            _ => false,
        }
    }

    /// Says that `n_bad` of the `n_rows` cells of `column` are not finite numbers, the first of them this one on the
    /// line (or in the row) of that number, and what to do.
    pub(super) fn message(&self, column: &str, place: (Unit, u64), n_bad: usize, n_rows: usize) -> String {
        let line = format!("{} {}", place.0, place.1);
        let name = shown(column);
        let share = if n_bad == 1 { String::new() } else { format!(" ({n_bad} of its {n_rows} cells are not)") };
        match self {
            Self::OtherMark(_, _, Some(_)) => {
                format!("column '{name}', {line}: {self}; use one decimal mark in the whole file")
            }
            Self::OtherMark(_, mark, None) => {
                format!("column '{name}', {line}: {self}; change it, or read the file with --decimal {mark}")
            }
            Self::Grouped(_, None) => format!(
                "column '{name}', {line}: {self}, expected a finite number{share}; remove the thousands separators"
            ),
            Self::Grouped(_, Some(mark)) => format!(
                "column '{name}', {line}: {self}, expected a finite number{share}; remove the thousands separators; \
                 or, if the {mark} is the decimal mark of every number in the file, read it with --decimal {mark}"
            ),
            Self::SeveralNumbers(_) => format!(
                "column '{name}', {line}: {self}, expected one finite number; \
                 separate columns by a comma, a semicolon or a tab"
            ),
            Self::TooLarge(_) => {
                format!("column '{name}', {line}: {self}; give the column another unit, or remove the row")
            }
            _ if self.is_missing() && n_bad < n_rows => format!(
                "column '{name}', {line}: {self}, expected a finite number{share}; put a number there, or remove the row; \
                 --missing drop leaves such rows out, a fit with --missing impute fills them"
            ),
            _ if n_bad == n_rows && n_rows > 1 => {
                format!("column '{name}' holds no finite number ({line}: {self}); write numbers in its place")
            }
            _ => format!(
                "column '{name}', {line}: {self}, expected a finite number{share}; \
                 put a number there, or remove the row"
            ),
        }
    }
}

/// Whether a text is a usual mark of a missing value.
pub(super) fn is_missing_mark(text: &str) -> bool {
    matches!(text, "" | "NA" | "N/A" | "n/a" | "NULL" | "null" | "-" | "?")
}

/// Reads cells as numbers and remembers which decimal mark the table uses.
pub(super) struct NumberReader {
    mark: Mark,
    one_column: bool,
}

enum Mark {
    Undecided,
    Given(DecimalMark),
    Seen(DecimalMark, u64),
}

impl NumberReader {
    pub(super) fn new(delimiter: Delimiter, given: Option<DecimalMark>, one_column: bool) -> Self {
        let mark = match (given, delimiter) {
            (Some(mark), _) => Mark::Given(mark),
            (None, Delimiter::Semicolon) => Mark::Undecided,
            (None, _) => Mark::Given(DecimalMark::Point),
        };
        Self { mark, one_column }
    }

    /// The finite number in `text`, which has no spaces around it and stands on `line`, if there is one.
    pub(super) fn number(&mut self, text: &str, line: u64) -> Option<f64> {
        let (number, mark) = either_mark(text)?;
        if !number.is_finite() {
            return None;
        }
        match (&self.mark, mark) {
            (_, None) => {}
            (Mark::Undecided, Some(mark)) => self.mark = Mark::Seen(mark, line),
            (&Mark::Given(used) | &Mark::Seen(used, _), Some(mark)) if used != mark => return None,
            (Mark::Given(_) | Mark::Seen(..), Some(_)) => {}
        }
        Some(number)
    }

    /// What `text` is, in which [`number`](Self::number) found no number.
    pub(super) fn describe(&self, text: &str) -> Found {
        let is_number = |word: &str| either_mark(word).is_some();
        match either_mark(text) {
            Some((number, _)) if !number.is_finite() => describe_non_finite(text, number),
            Some((_, Some(mark))) if is_grouped(text, mark) => Found::Grouped(shown(text), Some(mark)),
            Some((_, Some(mark))) => {
                let decided = if let Mark::Seen(_, line) = self.mark { Some(line) } else { None };
                Found::OtherMark(shown(text), mark, decided)
            }
            _ if text.is_empty() => Found::Empty,
            _ if is_grouped(text, DecimalMark::Comma) || is_grouped(text, DecimalMark::Point) => {
                Found::Grouped(shown(text), None)
            }
            _ if self.one_column && text.split_whitespace().take(2).all(is_number) => {
                Found::SeveralNumbers(shown(text))
            }
            _ => Found::Text(shown(text)),
        }
    }
}

fn describe_non_finite(text: &str, number: f64) -> Found {
    if number.is_nan() {
        Found::NotANumber(shown(text))
    } else if text.bytes().any(|byte| byte.is_ascii_digit()) {
        Found::TooLarge(shown(text))
    } else {
        Found::Infinite(shown(text))
    }
}

/// The number that `text` is with one of the decimal marks, and which mark it has, if any.
pub(super) fn either_mark(text: &str) -> Option<(f64, Option<DecimalMark>)> {
    if let Ok(number) = text.parse() {
        return Some((number, text.contains('.').then_some(DecimalMark::Point)));
    }
    // With a second mark of either kind the replaced text would have two points, which no number has.
    let with_point = text.contains(',').then(|| text.replace(',', "."))?;
    Some((with_point.parse().ok()?, Some(DecimalMark::Comma)))
}

/// Whether `mark` stands between groups of three digits, the first of them shorter at most and not zero: `-12,345`, and
/// `1.234.567,8` where the mark is the point.
fn is_grouped(text: &str, mark: DecimalMark) -> bool {
    let (mark, other) = match mark {
        DecimalMark::Comma => (',', '.'),
        DecimalMark::Point => ('.', ','),
    };
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let (whole, fraction) = unsigned.split_once(other).unwrap_or((unsigned, ""));
    let is_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let mut groups = whole.split(mark);
    let starts_well = groups
        .next()
        .is_some_and(|first| (1..=3).contains(&first.len()) && is_digits(first) && !first.starts_with('0'));
    starts_well
        && whole.contains(mark)
        && groups.all(|group| group.len() == 3 && is_digits(group))
        && is_digits(fraction)
}
