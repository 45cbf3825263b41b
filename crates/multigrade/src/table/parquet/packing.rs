//! How pages are compressed. What a page says about its length is a limit, not a reason to allocate.

use std::io::Read;

use flate2::read::MultiGzDecoder;
use ruzstd::decoding::StreamingDecoder;

use super::thrift::{byte, bytes, varint};
use super::wrong;
use crate::table::TableProblem;

/// Bytes that Zstandard may look back, if the page is not longer: what its usual levels do.
const ZSTD_WINDOW: u64 = 1 << 22;

/// A compression, by its number in the file.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Packing {
    None,
    Snappy,
    Gzip,
    Zstandard,
}

impl Packing {
    pub(super) fn of(codec: i64) -> Result<Self, TableProblem> {
        let name = match codec {
            0 => return Ok(Self::None),
            1 => return Ok(Self::Snappy),
            2 => return Ok(Self::Gzip),
            6 => return Ok(Self::Zstandard),
            3 => "LZO".to_owned(),
            4 => "Brotli".to_owned(),
            5 | 7 => "LZ4".to_owned(),
            _ => format!("method {codec}"),
        };
        Err(wrong(format!("compressed by {name}, expected Snappy, Zstandard, gzip or nothing; write the file so")))
    }

    /// The `length` bytes that were packed.
    pub(super) fn unpack(self, packed: &[u8], length: usize) -> Result<Vec<u8>, TableProblem> {
        // Some writers pack nothing to nothing.
        if length == 0 {
            return Ok(Vec::new());
        }
        let unpacked = match self {
            Self::None => Some(packed.to_vec()),
            Self::Snappy => snappy(packed, length),
            Self::Gzip => read(MultiGzDecoder::new(packed), length),
            Self::Zstandard => {
                let window = ZSTD_WINDOW.max(length as u64);
                let decoder = StreamingDecoder::new_with_max_window_size(packed, window).ok();
                decoder.and_then(|decoder| read(decoder, length))
            }
        };
        unpacked
            .filter(|bytes| bytes.len() == length)
            .ok_or_else(|| wrong("what is compressed in it cannot be unpacked; was it altered or cut off?"))
    }
}

fn read(source: impl Read, length: usize) -> Option<Vec<u8>> {
    let mut unpacked = Vec::new();
    source.take(length as u64 + 1).read_to_end(&mut unpacked).ok()?;
    Some(unpacked)
}

/// Snappy's raw format: the length, then literals and copies of what came before.
fn snappy(mut rest: &[u8], length: usize) -> Option<Vec<u8>> {
    if varint(&mut rest)? != length as u64 {
        return None;
    }
    let number = |bytes: &[u8]| bytes.iter().rev().fold(0, |n, byte| n << 8 | usize::from(*byte));
    let mut unpacked = Vec::new();
    while !rest.is_empty() {
        let tag = byte(&mut rest)?;
        let upper = usize::from(tag >> 2);
        let (count, back) = match tag & 3 {
            0 => {
                let count = match upper {
                    0..60 => upper,
                    long => number(bytes(&mut rest, long - 59)?),
                };
                (count + 1, None)
            }
            1 => ((upper & 7) + 4, Some((upper >> 3) << 8 | usize::from(byte(&mut rest)?))),
            2 => (upper + 1, Some(number(bytes(&mut rest, 2)?))),
            _ => (upper + 1, Some(number(bytes(&mut rest, 4)?))),
        };
        if count > length - unpacked.len() {
            return None;
        }
        match back {
            None => unpacked.extend_from_slice(bytes(&mut rest, count)?),
            Some(back) => {
                let from = unpacked.len().checked_sub(back).filter(|_| back > 0)?;
                // What is copied may reach into what it makes.
                (from..from + count).for_each(|i| unpacked.push(unpacked[i]));
            }
        }
    }
    Some(unpacked)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_may_repeat_what_it_makes() {
        // The length, a literal of two letters, seven letters from two back (as the short and as a longer kind of copy).
        assert_eq!(snappy(b"\x09\x04ab\x0d\x02", 9), Some(b"ababababa".to_vec()));
        assert_eq!(snappy(b"\x09\x04ab\x1a\x02\x00", 9), Some(b"ababababa".to_vec()));
    }

    #[test]
    fn copies_from_before_the_start_and_lengths_that_lie_are_no_snappy() {
        for bytes in [
            &b"\x09\x04ab\x0d\x03"[..],
            b"\x09\x04ab\x0d\x00",
            b"\x03\x04ab\x0d\x02",
            b"\x09\xfc\xff\xff\xff\xffab",
            b"",
        ] {
            assert_eq!(snappy(bytes, 9).filter(|unpacked| unpacked.len() == 9), None, "{bytes:?}");
        }
    }
}
