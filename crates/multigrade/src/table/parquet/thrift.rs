//! The compact protocol of Thrift, in which Parquet writes about its data: a tree of fields with numbers for names.

/// Most values inside each other; Parquet needs eight.
const MAX_DEPTH: usize = 16;

/// A value of any type.
#[derive(Debug)]
pub(super) enum Value<'a> {
    Bool(bool),
    Integer(i64),
    /// No reader here needs these.
    Double,
    Bytes(&'a [u8]),
    /// The structures in a list; of lists of anything else nothing is read.
    List(Vec<Self>),
    Struct(Fields<'a>),
}

/// The fields of a structure by their numbers.
#[derive(Debug, Default)]
pub(super) struct Fields<'a>(Vec<(i16, Value<'a>)>);

impl<'a> Fields<'a> {
    fn get(&self, number: i16) -> Option<&Value<'a>> {
        self.0.iter().find(|(n, _)| *n == number).map(|(_, value)| value)
    }

    pub(super) fn integer(&self, number: i16) -> Option<i64> {
        if let Some(Value::Integer(n)) = self.get(number) { Some(*n) } else { None }
    }

    /// A count or place: an integer that is not negative.
    pub(super) fn size(&self, number: i16) -> Option<usize> {
        self.integer(number).and_then(|n| usize::try_from(n).ok())
    }

    pub(super) fn bool(&self, number: i16) -> Option<bool> {
        if let Some(Value::Bool(b)) = self.get(number) { Some(*b) } else { None }
    }

    pub(super) fn bytes(&self, number: i16) -> Option<&'a [u8]> {
        if let Some(Value::Bytes(bytes)) = self.get(number) { Some(bytes) } else { None }
    }

    pub(super) fn fields(&self, number: i16) -> Option<&Self> {
        if let Some(Value::Struct(fields)) = self.get(number) { Some(fields) } else { None }
    }

    pub(super) fn list(&self, number: i16) -> Option<&[Value<'a>]> {
        if let Some(Value::List(values)) = self.get(number) { Some(values) } else { None }
    }

    /// The number of the first field: which member of a union it is.
    pub(super) fn member(&self) -> Option<i16> {
        self.0.first().map(|(number, _)| *number)
    }
}

impl<'a> Value<'a> {
    pub(super) fn as_fields(&self) -> Option<&Fields<'a>> {
        if let Self::Struct(fields) = self { Some(fields) } else { None }
    }
}

/// The structure at the start of `rest`, which moves behind it; none if it cannot be read, or has more than `left` values, which
/// then is 0. A value may have one byte in the file, and takes some eighty in memory.
pub(super) fn structure<'a>(rest: &mut &'a [u8], left: &mut usize) -> Option<Fields<'a>> {
    fields(rest, 0, left)
}

pub(super) fn byte(rest: &mut &[u8]) -> Option<u8> {
    let (first, after) = rest.split_first()?;
    *rest = after;
    Some(*first)
}

pub(super) fn bytes<'a>(rest: &mut &'a [u8], n: usize) -> Option<&'a [u8]> {
    let (taken, after) = rest.split_at_checked(n)?;
    *rest = after;
    Some(taken)
}

/// Seven bits a byte, the lowest first.
pub(super) fn varint(rest: &mut &[u8]) -> Option<u64> {
    let mut number = 0;
    for shift in (0..64).step_by(7) {
        let next = byte(rest)?;
        number |= u64::from(next & 0x7f) << shift;
        if next & 0x80 == 0 {
            return Some(number);
        }
    }
    None
}

/// 0, -1, 1, -2, ... as 0, 1, 2, 3, ...
pub(super) fn zigzag(rest: &mut &[u8]) -> Option<i64> {
    varint(rest).map(|n| (n >> 1) as i64 ^ -((n & 1) as i64))
}

fn fields<'a>(rest: &mut &'a [u8], depth: usize, left: &mut usize) -> Option<Fields<'a>> {
    let (mut fields, mut number) = (Fields::default(), 0_i16);
    loop {
        let head = byte(rest)?;
        let (step, kind) = (i16::from(head >> 4), head & 0x0f);
        if kind == 0 {
            return Some(fields);
        }
        number = match step {
            0 => i16::try_from(zigzag(rest)?).ok()?,
            step => number.checked_add(step)?,
        };
        // A truth stands in the type of its field.
        let value = match kind {
            1 | 2 => Value::Bool(kind == 1),
            _ => value(kind, rest, depth + 1, left)?,
        };
        *left = left.checked_sub(1)?;
        fields.0.push((number, value));
    }
}

fn value<'a>(kind: u8, rest: &mut &'a [u8], depth: usize, left: &mut usize) -> Option<Value<'a>> {
    if depth > MAX_DEPTH {
        return None;
    }
    Some(match kind {
        1 | 2 => Value::Bool(byte(rest)? == 1),
        3 => Value::Integer(i64::from(byte(rest)? as i8)),
        4..=6 => Value::Integer(zigzag(rest)?),
        7 => bytes(rest, 8).map(|_| Value::Double)?,
        8 => {
            let length = usize::try_from(varint(rest)?).ok()?;
            Value::Bytes(bytes(rest, length)?)
        }
        9 | 10 => {
            let head = byte(rest)?;
            let length = match head >> 4 {
                15 => usize::try_from(varint(rest)?).ok()?,
                few => usize::from(few),
            };
            // Grows as values arrive: each takes a byte at least, whatever the length says.
            let mut values = Vec::new();
            for _ in 0..length {
                let value = value(head & 0x0f, rest, depth + 1, left)?;
                if matches!(value, Value::Struct(_)) {
                    *left = left.checked_sub(1)?;
                    values.push(value);
                }
            }
            Value::List(values)
        }
        12 => Value::Struct(fields(rest, depth, left)?),
        // Maps and what is unknown stand nowhere in Parquet.
        _ => return None,
    })
}
