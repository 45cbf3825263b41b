//! Cuts CSV text into rows and fields.
//!
//! Written here rather than taken from a CSV library, because such a library reads every text as *some* table, while a
//! message needs the line of each field and the quote that never closes, and one row must not fill the memory.

use std::io::{self, BufRead};
use std::mem;

use super::error::TableProblem;
use super::options::{Delimiter, MAX_COLUMNS, MAX_ROW_BYTES};

/// One row, its fields unquoted.
#[derive(Default)]
pub(super) struct Record {
    /// The fields, end to end.
    text: String,
    fields: Vec<Field>,
    /// The line on which the row starts.
    line: u64,
}

struct Field {
    end: usize,
    line: u64,
    quoted: bool,
}

/// The content of a field: without its quotes, or without the spaces around it where it has no quotes.
#[derive(Clone, Copy)]
pub(super) struct Cell<'a> {
    pub(super) text: &'a str,
    /// The line on which the field starts.
    pub(super) line: u64,
    quoted: bool,
}

impl Record {
    pub(super) fn line(&self) -> u64 {
        self.line
    }

    pub(super) fn n_fields(&self) -> usize {
        self.fields.len()
    }

    pub(super) fn cells(&self) -> impl Iterator<Item = Cell<'_>> {
        let mut start = 0;
        self.fields.iter().map(move |field| {
            let text = &self.text[mem::replace(&mut start, field.end)..field.end];
            Cell { text: if field.quoted { text } else { text.trim() }, line: field.line, quoted: field.quoted }
        })
    }

    /// A row of spaces and delimiters only.
    pub(super) fn is_empty(&self) -> bool {
        self.cells().all(|cell| !cell.quoted && cell.text.is_empty())
    }

    /// An empty row without delimiters.
    pub(super) fn is_blank_line(&self) -> bool {
        self.n_fields() == 1 && self.is_empty()
    }
}

/// Reads rows one after the other.
pub(super) struct Records<R> {
    input: R,
    splitter: Splitter,
}

impl<R: BufRead> Records<R> {
    pub(super) fn new(input: R, delimiter: Delimiter) -> Self {
        Self { input, splitter: Splitter::new(delimiter) }
    }

    /// Reads the next row into `record`. `false`: there is none.
    pub(super) fn read(&mut self, record: &mut Record) -> Result<bool, TableProblem> {
        let mut row = Row::begin(mem::take(record), self.splitter.line);
        loop {
            let chunk = match self.input.fill_buf() {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                chunk => chunk?,
            };
            let at_end = chunk.is_empty();
            let (used, complete) =
                if at_end { (0, self.splitter.finish(&mut row)?) } else { self.splitter.scan(chunk, &mut row)? };
            self.input.consume(used);
            if complete || at_end {
                *record = row.into_record()?;
                return Ok(complete);
            }
        }
    }
}

/// A row that is being read: a [`Record`] whose bytes are not yet known to be UTF-8.
struct Row {
    bytes: Vec<u8>,
    fields: Vec<Field>,
    line: u64,
}

impl Row {
    /// A row that starts on `line` and reuses the memory of `record`.
    fn begin(record: Record, line: u64) -> Self {
        let Record { text, mut fields, .. } = record;
        let mut bytes = text.into_bytes();
        bytes.clear();
        fields.clear();
        Self { bytes, fields, line }
    }

    fn field_start(&self) -> usize {
        self.fields.last().map_or(0, |field| field.end)
    }

    fn field_number(&self) -> usize {
        self.fields.len() + 1
    }

    fn push(&mut self, bytes: &[u8]) -> Result<(), TableProblem> {
        if bytes.len() > MAX_ROW_BYTES - self.bytes.len() {
            return Err(TableProblem::RowTooLong { line: self.line });
        }
        self.bytes.extend_from_slice(bytes);
        Ok(())
    }

    fn end_field(&mut self, line: u64, quoted: bool) -> Result<(), TableProblem> {
        if self.fields.len() == MAX_COLUMNS {
            return Err(TableProblem::TooManyColumns { line: self.line });
        }
        self.fields.push(Field { end: self.bytes.len(), line, quoted });
        Ok(())
    }

    fn into_record(self) -> Result<Record, TableProblem> {
        let Self { bytes, fields, line } = self;
        let text = String::from_utf8(bytes)
            .map_err(|error| not_utf8(error.as_bytes(), error.utf8_error().valid_up_to(), &fields))?;
        // The parts of one character in two fields are no text either, though they join to a valid whole.
        match fields.iter().find(|field| !text.is_char_boundary(field.end)) {
            Some(cut) => Err(not_utf8(text.as_bytes(), text.floor_char_boundary(cut.end), &fields)),
            None => Ok(Record { text, fields, line }),
        }
    }
}

fn not_utf8(bytes: &[u8], bad: usize, fields: &[Field]) -> TableProblem {
    let place = fields.partition_point(|field| field.end <= bad);
    let start = if place == 0 { 0 } else { fields[place - 1].end };
    let (end, line) = fields.get(place).map_or((bytes.len(), 0), |field| (field.end, field.line));
    let shown = &bytes[start.max(bad.saturating_sub(20))..end.min(bad + 4)];
    TableProblem::NotUtf8 { line, field: place + 1, bytes: shown.escape_ascii().to_string() }
}

/// Where in a field the splitter stands.
#[derive(Clone, Copy, PartialEq)]
enum Place {
    /// Before anything but spaces.
    Start,
    /// In a field without quotes.
    Plain,
    /// Between the quotes.
    Quoted,
    /// Right after a quote that closes the field, unless another quote follows.
    Quote,
    /// After the closing quote and a space.
    Closed,
}

struct Splitter {
    delimiter: u8,
    /// The line of the next byte.
    line: u64,
    place: Place,
    /// The last byte was a CR: a following LF belongs to the same line end.
    after_cr: bool,
    /// The line on which the field starts; for a quoted field, the line of its quote.
    field_line: u64,
}

impl Splitter {
    fn new(delimiter: Delimiter) -> Self {
        Self { delimiter: delimiter.byte(), line: 1, place: Place::Start, after_cr: false, field_line: 1 }
    }

    /// Reads from `chunk` up to the end of the row, if it is there: how many bytes, and whether the row is complete.
    fn scan(&mut self, chunk: &[u8], row: &mut Row) -> Result<(usize, bool), TableProblem> {
        let mut at = 0;
        while let Some(&byte) = chunk.get(at) {
            let plain = self.plain_run(&chunk[at..]);
            if plain > 0 {
                row.push(&chunk[at..at + plain])?;
                self.after_cr = false;
                at += plain;
                continue;
            }
            at += 1;
            if self.step(byte, row)? {
                return Ok((at, true));
            }
        }
        Ok((at, false))
    }

    /// How many bytes at the start of `chunk` are content and nothing else.
    fn plain_run(&self, chunk: &[u8]) -> usize {
        let ends = |byte: u8| match self.place {
            Place::Plain => byte == self.delimiter || byte == b'\n' || byte == b'\r' || byte == 0,
            Place::Quoted => byte == b'"' || byte == b'\n' || byte == b'\r' || byte == 0,
            Place::Start | Place::Quote | Place::Closed => true,
        };
        chunk.iter().position(|&byte| ends(byte)).unwrap_or(chunk.len())
    }

    /// Takes one byte; `true` when it ends the row.
    fn step(&mut self, byte: u8, row: &mut Row) -> Result<bool, TableProblem> {
        let ends_crlf = mem::take(&mut self.after_cr) && byte == b'\n';
        if matches!(byte, b'\n' | b'\r') && !ends_crlf {
            self.line += 1;
        }
        self.after_cr = byte == b'\r';
        match (self.place, byte) {
            (_, 0) => Err(TableProblem::NotText { line: self.line, guess: None }),
            (Place::Quoted, b'"') => self.go(Place::Quote),
            (Place::Quoted, _) => row.push(&[byte]).map(|()| false),
            // The LF of a CRLF that ended the row before.
            (_, b'\n') if ends_crlf => Ok(false),
            (Place::Start, b'"') => {
                // Spaces before the quote are not part of the field.
                row.bytes.truncate(row.field_start());
                self.go(Place::Quoted)
            }
            (Place::Quote, b'"') => {
                self.place = Place::Quoted;
                row.push(b"\"").map(|()| false)
            }
            (_, b'\n' | b'\r') => self.end_field(row).map(|()| true),
            (_, delimiter) if delimiter == self.delimiter => self.end_field(row).map(|()| false),
            (Place::Start, b' ' | b'\t') => row.push(&[byte]).map(|()| false),
            (Place::Quote | Place::Closed, b' ' | b'\t') => self.go(Place::Closed),
            (Place::Quote | Place::Closed, _) => {
                Err(TableProblem::TextAfterQuote { line: self.line, field: row.field_number() })
            }
            (Place::Start | Place::Plain, _) => {
                self.place = Place::Plain;
                row.push(&[byte]).map(|()| false)
            }
        }
    }

    fn go(&mut self, place: Place) -> Result<bool, TableProblem> {
        self.place = place;
        Ok(false)
    }

    fn end_field(&mut self, row: &mut Row) -> Result<(), TableProblem> {
        let quoted = matches!(self.place, Place::Quote | Place::Closed);
        row.end_field(self.field_line, quoted)?;
        self.place = Place::Start;
        self.field_line = self.line;
        Ok(())
    }

    /// Ends the last row, which has no line end; `false` when there is none.
    fn finish(&mut self, row: &mut Row) -> Result<bool, TableProblem> {
        if self.place == Place::Quoted {
            return Err(TableProblem::UnclosedQuote { line: self.field_line, field: row.field_number() });
        }
        if row.fields.is_empty() && row.bytes.is_empty() && self.place == Place::Start {
            return Ok(false);
        }
        self.end_field(row)?;
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use std::io::BufReader;

    use csv::{QuoteStyle, Terminator, WriterBuilder};
    use proptest::prelude::*;

    use super::{Delimiter, Record, Records, TableProblem};

    /// The fields of every row as `(line, text)`, read in pieces of `piece` bytes.
    fn fields(bytes: &[u8], delimiter: Delimiter, piece: usize) -> Result<Vec<Vec<(u64, String)>>, TableProblem> {
        let mut records = Records::new(BufReader::with_capacity(piece, bytes), delimiter);
        let (mut rows, mut record) = (Vec::new(), Record::default());
        while records.read(&mut record)? {
            rows.push(record.cells().map(|cell| (cell.line, cell.text.to_owned())).collect());
        }
        Ok(rows)
    }

    fn delimiters() -> impl Strategy<Value = Delimiter> {
        prop::sample::select(Delimiter::ALL.as_slice())
    }

    proptest! {
        #[test]
        fn what_another_program_wrote_comes_back_field_by_field_with_its_line(
            rows in prop::collection::vec(prop::collection::vec("[a,;\"\n\ré 1]{0,4}", 1..4), 1..6),
            delimiter in delimiters(),
            end in prop::sample::select([Terminator::CRLF, Terminator::Any(b'\n'), Terminator::Any(b'\r')].as_slice()),
            piece in 1..40_usize,
        ) {
            let mut writer = WriterBuilder::new()
                .delimiter(delimiter.byte()).terminator(end).flexible(true).quote_style(QuoteStyle::Always).from_writer(Vec::new());
            rows.iter().try_for_each(|row| writer.write_record(row)).unwrap();
            let bytes = writer.into_inner().unwrap();

            let mut line = 1;
            let mut expected = Vec::new();
            for row in &rows {
                let mut cells = Vec::new();
                for text in row {
                    cells.push((line, text.clone()));
                    // A line end is LF, CR or both.
                    line += text.replace("\r\n", "\n").matches(['\n', '\r']).count() as u64;
                }
                line += 1;
                expected.push(cells);
            }
            prop_assert_eq!(fields(&bytes, delimiter, piece).unwrap(), expected);
        }

        #[test]
        fn the_size_of_the_pieces_does_not_change_what_is_read(
            text in "[a,;\"\n\r 1\t]{0,30}", delimiter in delimiters(), piece in 1..30_usize,
        ) {
            let describe = |piece| format!("{:?}", fields(text.as_bytes(), delimiter, piece));
            prop_assert_eq!(describe(piece), describe(1000));
        }
    }

    #[test]
    fn spaces_around_a_field_are_dropped_and_those_in_its_quotes_are_kept() {
        let rows = fields(b" a b ,\t\" c \" , \"\" \n", Delimiter::Comma, 100).unwrap();
        let texts: Vec<_> = rows[0].iter().map(|(_, text)| text.as_str()).collect();
        assert_eq!(texts, ["a b", " c ", ""]);
    }

    #[test]
    fn halves_of_a_character_in_two_fields_are_not_text() {
        // Joined, the two bytes would be the letter é.
        let problem = fields(b"x\n1,\xc3,\xa9\n", Delimiter::Comma, 100).unwrap_err();
        assert_eq!(problem.to_string().split(';').next(), Some("line 2, field 2: \"\\xc3\" is not text in UTF-8"));
    }
}
