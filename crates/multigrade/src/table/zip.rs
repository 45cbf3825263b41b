//! Zip archives, as far as NumPy writes them: entries that are stored or deflated, of any size, without passwords.

use std::io::{self, Read};

use flate2::read::DeflateDecoder;

use super::error::{TableProblem, shown};

/// Most entries that are listed.
const MAX_ENTRIES: usize = 1 << 16;

/// How the list of entries ends, how its entries and how the entries themselves begin.
const END: &[u8] = b"PK\x05\x06";
const END_64: &[u8] = b"PK\x06\x06";
const LISTED: &[u8] = b"PK\x01\x02";
const LOCAL: &[u8] = b"PK\x03\x04";

/// What stands in place of a size or offset that needs 64 bits.
const ELSEWHERE: u64 = 0xffff_ffff;

/// One file in an archive.
pub(super) struct Entry {
    pub(super) name: String,
    method: u64,
    checksum: u32,
    /// Bytes in the archive.
    packed: u64,
    /// Bytes when unpacked.
    size: u64,
    offset: u64,
}

fn wrong(reason: impl Into<String>) -> TableProblem {
    TableProblem::Binary { format: "zip archive", reason: reason.into() }
}

fn cut_off() -> TableProblem {
    wrong("its list of entries cannot be read; was it cut off?")
}

/// The little-endian number of `n` bytes at a place.
fn number(bytes: &[u8], at: usize, n: usize) -> Result<u64, TableProblem> {
    let field = at.checked_add(n).and_then(|end| bytes.get(at..end)).ok_or_else(cut_off)?;
    let mut word = [0; 8];
    word[..n].copy_from_slice(field);
    Ok(u64::from_le_bytes(word))
}

fn place(number: u64) -> Result<usize, TableProblem> {
    usize::try_from(number).map_err(|_| cut_off())
}

/// Whether these are the first bytes of an archive whose first entry is a NumPy array.
pub(super) fn is_of_arrays(start: &[u8]) -> bool {
    let name = || {
        let length = usize::try_from(number(start, 26, 2).ok()?).ok()?;
        start.get(30..30 + length)
    };
    start.starts_with(LOCAL) && name().is_some_and(|name| name.ends_with(b".npy"))
}

/// The files of an archive, in the order of its list, which stands at its end.
pub(super) fn entries(archive: &[u8]) -> Result<Vec<Entry>, TableProblem> {
    // A comment of up to 65,535 bytes may follow.
    let from = archive.len().saturating_sub(65_557);
    let end = archive[from..].windows(END.len()).rposition(|bytes| bytes == END).map(|at| from + at);
    let end = end.ok_or_else(cut_off)?;
    let (mut count, mut at) = (number(archive, end + 10, 2)?, number(archive, end + 16, 4)?);
    if (count == 0xffff || at == ELSEWHERE) && end >= 20 {
        let end_64 = place(number(archive, end - 20 + 8, 8)?)?;
        if archive.get(end_64..).is_none_or(|bytes| !bytes.starts_with(END_64)) {
            return Err(cut_off());
        }
        (count, at) = (number(archive, end_64.saturating_add(32), 8)?, number(archive, end_64.saturating_add(48), 8)?);
    }
    if count > MAX_ENTRIES as u64 {
        return Err(wrong(format!("it lists {count} entries, expected at most {MAX_ENTRIES}")));
    }
    let (mut at, mut entries) = (place(at)?, Vec::new());
    for _ in 0..count {
        if archive.get(at..).is_none_or(|bytes| !bytes.starts_with(LISTED)) {
            return Err(cut_off());
        }
        let field = |offset: usize, n: usize| number(archive, at + offset, n);
        let (name, extra, comment) = (place(field(28, 2)?)?, place(field(30, 2)?)?, place(field(32, 2)?)?);
        let text = archive.get(at + 46..at + 46 + name).ok_or_else(cut_off)?;
        let extras = archive.get(at + 46 + name..at + 46 + name + extra).ok_or_else(cut_off)?;
        if field(8, 2)? & 1 != 0 {
            return Err(wrong("it is encrypted"));
        }
        let mut sizes = [field(24, 4)?, field(20, 4)?, field(42, 4)?];
        longer(extras, &mut sizes)?;
        let [size, packed, offset] = sizes;
        let name_of = String::from_utf8_lossy(text).into_owned();
        entries.push(Entry {
            name: name_of,
            method: field(10, 2)?,
            checksum: field(16, 4)? as u32,
            packed,
            size,
            offset,
        });
        at += 46 + name + extra + comment;
    }
    Ok(entries)
}

/// Replaces sizes that need 64 bits by those of the extra field that holds them, in its order.
fn longer(extras: &[u8], sizes: &mut [u64; 3]) -> Result<(), TableProblem> {
    let mut at = 0;
    while at + 4 <= extras.len() {
        let (kind, length) = (number(extras, at, 2)?, place(number(extras, at + 2, 2)?)?);
        if kind == 1 {
            let mut field = at + 4;
            for size in sizes.iter_mut().filter(|size| **size == ELSEWHERE) {
                *size = number(extras, field, 8)?;
                field += 8;
            }
        }
        at += 4 + length;
    }
    Ok(())
}

impl Entry {
    /// The content, unpacked as it is read; its length and checksum are compared at its end.
    pub(super) fn open<'a>(&self, archive: &'a [u8]) -> Result<impl Read + use<'a>, TableProblem> {
        let at = place(self.offset)?;
        if archive.get(at..).is_none_or(|bytes| !bytes.starts_with(LOCAL)) {
            return Err(cut_off());
        }
        let start = at + 30 + place(number(archive, at + 26, 2)?)? + place(number(archive, at + 28, 2)?)?;
        let end = start.checked_add(place(self.packed)?);
        let content = end.and_then(|end| archive.get(start..end)).ok_or_else(cut_off)?;
        let source: Box<dyn Read + 'a> = match self.method {
            0 => Box::new(content),
            8 => Box::new(DeflateDecoder::new(content)),
            method => {
                let name = shown(&self.name);
                return Err(wrong(format!("'{name}' is packed by method {method}, expected stored or deflated")));
            }
        };
        Ok(Compared { source, left: self.size, checksum: self.checksum, sum: flate2::Crc::new() })
    }
}

/// A source whose length and checksum are known.
struct Compared<R> {
    source: R,
    left: u64,
    checksum: u32,
    sum: flate2::Crc,
}

impl<R: Read> Read for Compared<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.source.read(buffer)?;
        self.sum.update(&buffer[..n]);
        let is_whole = n > 0 || buffer.is_empty() || (self.left == 0 && self.sum.sum() == self.checksum);
        match self.left.checked_sub(n as u64) {
            Some(left) if is_whole => {
                self.left = left;
                Ok(n)
            }
            _ => Err(io::Error::new(io::ErrorKind::InvalidData, "an entry of the archive was altered or cut off")),
        }
    }
}
