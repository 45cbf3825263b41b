//! How the values of a page are written. Every decoder hands out one value after the other, so that a page of few bytes that stands
//! for many values takes no memory of theirs.

use super::thrift::{byte, bytes, varint, zigzag};

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Kind {
    Bool,
    /// Whole numbers of so many bytes, with a sign or without.
    Whole(usize, bool),
    F32,
    F64,
    Text,
}

/// A value as the file has it.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value {
    Number(f64),
    Text(Vec<u8>),
}

/// Values in turn; none at the end, or where the bytes make no sense.
pub(super) type Values<'a> = Box<dyn Iterator<Item = Value> + 'a>;

impl Kind {
    fn width(self) -> usize {
        match self {
            Self::Bool | Self::Text => 1,
            Self::Whole(width, _) => width,
            Self::F32 => 4,
            Self::F64 => 8,
        }
    }

    /// The number in little-endian bytes.
    fn number(self, bytes: &[u8]) -> f64 {
        let mut word = [0; 8];
        word[..bytes.len()].copy_from_slice(bytes);
        let bits = u64::from_le_bytes(word);
        match self {
            Self::F32 => f64::from(f32::from_bits(bits as u32)),
            Self::F64 => f64::from_bits(bits),
            _ => self.whole(bits as i64),
        }
    }

    /// The number whose lowest bits these are.
    fn whole(self, bits: i64) -> f64 {
        match self {
            Self::Whole(4, true) => f64::from(bits as i32),
            Self::Whole(4, false) => f64::from(bits as u32),
            Self::Whole(_, false) => (bits as u64) as f64,
            _ => bits as f64,
        }
    }
}

/// The values of a page, `n` at most, in an encoding, by its number in the file; none if columns of this kind have no such encoding.
pub(super) fn values<'a>(
    encoding: i64,
    kind: Kind,
    mut rest: &'a [u8],
    n: usize,
    dictionary: &'a [Value],
) -> Option<Values<'a>> {
    // A page of missing cells alone.
    if rest.is_empty() {
        return Some(Box::new(std::iter::empty()));
    }
    Some(match (encoding, kind) {
        (0, _) => plain(kind, rest),
        (2 | 8, _) => {
            let width = byte(&mut rest)?;
            Box::new(Runs::new(rest, width)?.map_while(|place| dictionary.get(place as usize).cloned()))
        }
        (3, Kind::Bool) => {
            let length = u32::from_le_bytes(*bytes(&mut rest, 4)?.first_chunk()?);
            let runs = Runs::new(rest.get(..length as usize)?, 1)?;
            Box::new(runs.map(|bit| Value::Number(bit as f64)))
        }
        (5, Kind::Whole(..)) => {
            Box::new(Differences::new(&mut rest, n)?.map(move |whole| Value::Number(kind.whole(whole))))
        }
        (6, Kind::Text) => Box::new(Lengths::new(rest, n)?.map(|text| Value::Text(text.to_vec()))),
        (7, Kind::Text) => {
            let prefixes = Differences::new(&mut rest, n)?;
            let suffixes = Lengths::new(after(&prefixes)?, n)?;
            let shared = prefixes.zip(suffixes).scan(Vec::new(), |before: &mut Vec<u8>, (prefix, suffix)| {
                let kept = usize::try_from(prefix).ok().filter(|kept| *kept <= before.len())?;
                before.truncate(kept);
                before.extend_from_slice(suffix);
                Some(Value::Text(before.clone()))
            });
            Box::new(shared)
        }
        (9, Kind::F32 | Kind::F64 | Kind::Whole(..)) => {
            let width = kind.width();
            let each = rest.len() / width;
            let gathered = move |i: usize| {
                let mut word = [0; 8];
                (0..width).for_each(|stream| word[stream] = rest[stream * each + i]);
                Value::Number(kind.number(&word[..width]))
            };
            Box::new((0..each).map(gathered))
        }
        _ => return None,
    })
}

/// One value behind the other; texts with their length before them, truths in bits.
pub(super) fn plain(kind: Kind, mut rest: &[u8]) -> Values<'_> {
    match kind {
        Kind::Bool => {
            let bits = rest.iter().flat_map(|byte| (0..8).map(move |i| byte >> i & 1));
            Box::new(bits.map(|bit| Value::Number(f64::from(bit))))
        }
        Kind::Text => Box::new(std::iter::from_fn(move || {
            let length = u32::from_le_bytes(*bytes(&mut rest, 4)?.first_chunk()?);
            bytes(&mut rest, length as usize).map(|text| Value::Text(text.to_vec()))
        })),
        _ => Box::new(rest.chunks_exact(kind.width()).map(move |bytes| Value::Number(kind.number(bytes)))),
    }
}

/// A number of up to 64 bits, from the bit `at` on; the lowest bits come first.
fn bits(bytes: &[u8], at: usize, width: usize) -> Option<u64> {
    let mut number = 0;
    for i in 0..width {
        let bit = at + i;
        number |= u64::from(bytes.get(bit / 8)? >> (bit % 8) & 1) << i;
    }
    Some(number)
}

/// Runs of one value, and groups of eight values packed bit behind bit.
pub(super) struct Runs<'a> {
    rest: &'a [u8],
    width: usize,
    run: Run<'a>,
}

enum Run<'a> {
    Same { value: u64, left: u64 },
    Packed { bytes: &'a [u8], at: usize, left: u64 },
}

impl<'a> Runs<'a> {
    /// None for values wider than 32 bits.
    pub(super) fn new(rest: &'a [u8], width: u8) -> Option<Self> {
        let run = Run::Same { value: 0, left: if width == 0 { u64::MAX } else { 0 } };
        (width <= 32).then_some(Self { rest, width: width.into(), run })
    }

    fn next_run(&mut self) -> Option<Run<'a>> {
        let head = varint(&mut self.rest)?;
        let count = head >> 1;
        Some(if head & 1 == 0 {
            let bytes = bytes(&mut self.rest, self.width.div_ceil(8))?;
            Run::Same { value: bits(bytes, 0, 8 * bytes.len())?, left: count }
        } else {
            // The last group may be cut off where no value follows.
            let length = usize::try_from(count).ok()?.checked_mul(self.width)?.min(self.rest.len());
            Run::Packed { bytes: bytes(&mut self.rest, length)?, at: 0, left: count.checked_mul(8)? }
        })
    }
}

impl Iterator for Runs<'_> {
    type Item = u64;

    fn next(&mut self) -> Option<u64> {
        loop {
            match &mut self.run {
                Run::Same { left: 0, .. } | Run::Packed { left: 0, .. } => {}
                Run::Same { value, left } => {
                    *left -= 1;
                    return Some(*value);
                }
                Run::Packed { bytes, at, left } => {
                    let value = bits(bytes, *at, self.width)?;
                    (*at, *left) = (*at + self.width, *left - 1);
                    return Some(value);
                }
            }
            self.run = self.next_run()?;
        }
    }
}

/// Whole numbers as packed differences, in blocks of smaller blocks of one width each.
#[derive(Clone)]
struct Differences<'a> {
    rest: &'a [u8],
    /// Values in a smaller block, and smaller blocks in a block.
    small: usize,
    n_small: usize,
    /// Values not handed out yet.
    left: u64,
    next: i64,
    smallest: i64,
    /// Widths of the smaller blocks that follow in this block.
    widths: &'a [u8],
    /// The current one: its width, its bytes and how many of its values are read.
    width: usize,
    packed: &'a [u8],
    n_read: usize,
}

/// Most values of a block.
const MAX_BLOCK: u64 = 1 << 20;

impl<'a> Differences<'a> {
    /// Reads the head and leaves the rest of `rest` to the answer; none for more than `n` numbers.
    fn new(rest: &mut &'a [u8], n: usize) -> Option<Self> {
        let (block, n_small) = (varint(rest)?, varint(rest)?);
        let (left, next) = (varint(rest)?, zigzag(rest)?);
        let fits = left <= n as u64 && (1..=MAX_BLOCK).contains(&block) && (1..=block).contains(&n_small);
        let small = block.checked_div(n_small).filter(|small| fits && small * n_small == block && small % 8 == 0)?;
        let (small, n_small) = (small as usize, n_small as usize);
        let packed = &rest[..0];
        Some(Self { rest, small, n_small, left, next, smallest: 0, widths: packed, width: 0, packed, n_read: small })
    }

    /// The difference to the number after this one.
    fn difference(&mut self) -> Option<i64> {
        if self.n_read == self.small {
            if self.widths.is_empty() {
                self.smallest = zigzag(&mut self.rest)?;
                self.widths = bytes(&mut self.rest, self.n_small)?;
            }
            self.width = byte(&mut self.widths)?.into();
            if self.width > 64 {
                return None;
            }
            self.packed = bytes(&mut self.rest, self.small / 8 * self.width)?;
            self.n_read = 0;
        }
        let difference = bits(self.packed, self.n_read * self.width, self.width)?;
        self.n_read += 1;
        Some(self.smallest.wrapping_add(difference as i64))
    }
}

impl Iterator for Differences<'_> {
    type Item = i64;

    fn next(&mut self) -> Option<i64> {
        self.left = self.left.checked_sub(1)?;
        let number = self.next;
        if self.left > 0 {
            self.next = match self.difference() {
                Some(difference) => number.wrapping_add(difference),
                None => {
                    self.left = 0;
                    number
                }
            };
        }
        Some(number)
    }
}

/// What stands behind the numbers.
fn after<'a>(numbers: &Differences<'a>) -> Option<&'a [u8]> {
    let mut numbers = numbers.clone();
    numbers.by_ref().for_each(drop);
    Some(numbers.rest)
}

/// Texts whose lengths stand before all of them.
struct Lengths<'a> {
    lengths: Differences<'a>,
    rest: &'a [u8],
}

impl<'a> Lengths<'a> {
    fn new(mut rest: &'a [u8], n: usize) -> Option<Self> {
        let lengths = Differences::new(&mut rest, n)?;
        let rest = after(&lengths)?;
        Some(Self { lengths, rest })
    }
}

impl<'a> Iterator for Lengths<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let length = usize::try_from(self.lengths.next()?).ok()?;
        bytes(&mut self.rest, length)
    }
}
