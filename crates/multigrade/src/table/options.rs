use std::fmt;

/// The character between two fields of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delimiter {
    /// `,`
    Comma,
    /// `;`
    Semicolon,
    /// The tab character.
    Tab,
}

impl Delimiter {
    /// Every delimiter, in the order in which detection prefers them when nothing else decides.
    pub const ALL: [Self; 3] = [Self::Tab, Self::Semicolon, Self::Comma];

    /// The delimiter as the byte that stands in the file.
    pub fn byte(self) -> u8 {
        match self {
            Self::Comma => b',',
            Self::Semicolon => b';',
            Self::Tab => b'\t',
        }
    }
}

/// Whether the first row names the columns.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Header {
    /// Decide from the first two rows.
    ///
    /// A field is *a name* when it is neither empty, nor a number (`NaN` and `inf` included), nor a usual mark of a
    /// missing value (`NA`, `N/A`, `n/a`, `NULL`, `null`, `-`, `?`). The first row is a header when it holds a name and,
    /// besides, either holds no number at all or has a name directly above a number of the second row.
    ///
    /// So `a,b` / `1,2` and `x,2019,2020` / `1,2,3` have a header; `1,2` / `3,4` and `red,1` / `blue,2` have none.
    /// Columns named by numbers only (`2019,2020`) look like data: say [`Header::Yes`].
    #[default]
    Auto,
    /// The first row holds the names.
    Yes,
    /// The first row is data; the columns are called `x1`, `x2`, and so on.
    No,
}

/// The character between the whole and the fractional part of a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DecimalMark {
    /// `1.5`
    Point,
    /// `1,5`
    Comma,
}

impl DecimalMark {
    pub(super) fn other(self) -> Self {
        match self {
            Self::Point => Self::Comma,
            Self::Comma => Self::Point,
        }
    }
}

impl fmt::Display for DecimalMark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Point => "point",
            Self::Comma => "comma",
        })
    }
}

/// How to read a table. The default detects everything.
///
/// ```
/// use multigrade::table::{Delimiter, Header, ReadOptions};
///
/// let options = ReadOptions { delimiter: Some(Delimiter::Tab), header: Header::No, ..ReadOptions::default() };
/// assert_eq!(options.decimal, None);
/// ```
#[derive(Clone, Debug)]
pub struct ReadOptions {
    /// The delimiter; `None` (the default) detects it from the first lines.
    ///
    /// Detection takes the delimiter that cuts the largest part of the first rows (up to 200 rows, 1 MiB) into the same
    /// number of fields, two or more; among equals the one that makes the most cells numbers, and then the first of
    /// [`Delimiter::ALL`]. Where no delimiter does so for more than half of the rows, the table has one column.
    pub delimiter: Option<Delimiter>,
    /// Whether the first row names the columns. Default: [`Header::Auto`].
    pub header: Header,
    /// The decimal mark; `None` (the default) detects it.
    ///
    /// With `;` as delimiter, the first number of the file that has a point or a comma decides for all; a later number
    /// with the other mark is a bad cell of its column. With any other delimiter the mark is a point.
    pub decimal: Option<DecimalMark>,
    /// The most numbers to hold in memory, 8 bytes each. Default: 2^28 (2 GiB).
    ///
    /// A row that does not start on the line after the row before it counts as two numbers more.
    pub max_numbers: usize,
    /// Columns whose texts are kept too, for [`Table::texts`](super::Table::texts). Default: none. A name that the table
    /// does not have is ignored.
    pub texts: Vec<String>,
    /// Whether a column may have missing cells (empty, NaN, or a mark such as `NA`) beside its numbers, for
    /// [`Table::without_gaps`](super::Table::without_gaps). Default: no, such a column holds no numbers.
    pub gaps: bool,
}

impl Default for ReadOptions {
    fn default() -> Self {
        let texts = Vec::new();
        Self { delimiter: None, header: Header::Auto, decimal: None, max_numbers: 1 << 28, texts, gaps: false }
    }
}

/// The longest row in bytes, 16 MiB: what a file without line ends, or with an unclosed quote, can cost in memory.
pub const MAX_ROW_BYTES: usize = 1 << 24;

/// The most columns a table may have, 65536. Every column costs some memory even when the file holds no row for it.
pub const MAX_COLUMNS: usize = 1 << 16;
