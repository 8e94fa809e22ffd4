//! The protobuf wire format, as far as OSM PBF needs it: borrowed, bounded, without panics.

/// One field's value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Value<'a> {
    Varint(u64),
    Bytes(&'a [u8]),
    /// Four or eight bytes that nothing here reads.
    Fixed,
}

/// The bytes break the wire format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Malformed(pub &'static str);

/// The fields of a message, one after another.
#[derive(Clone, Copy, Debug)]
pub(super) struct Message<'a> {
    rest: &'a [u8],
}

impl<'a> Message<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// The next field's number and value, or `None` at the end.
    pub(super) fn next(&mut self) -> Result<Option<(u64, Value<'a>)>, Malformed> {
        if self.rest.is_empty() {
            return Ok(None);
        }
        let key = take_varint(&mut self.rest)?;
        let value = match key & 7 {
            0 => Value::Varint(take_varint(&mut self.rest)?),
            1 => self.take(8).map(|_| Value::Fixed)?,
            2 => {
                let n = take_varint(&mut self.rest)?;
                Value::Bytes(self.take(n)?)
            }
            5 => self.take(4).map(|_| Value::Fixed)?,
            _ => return Err(Malformed("a field of unknown type")),
        };
        Ok(Some((key >> 3, value)))
    }

    fn take(&mut self, n: u64) -> Result<&'a [u8], Malformed> {
        let n = usize::try_from(n).map_err(|_| Malformed("a field longer than memory"))?;
        if n > self.rest.len() {
            return Err(Malformed("a field that runs past its message"));
        }
        let (taken, rest) = self.rest.split_at(n);
        self.rest = rest;
        Ok(taken)
    }
}

fn take_varint(rest: &mut &[u8]) -> Result<u64, Malformed> {
    let mut value = 0_u64;
    for (i, &byte) in rest.iter().enumerate().take(10) {
        value |= u64::from(byte & 0x7f).checked_shl(7 * i as u32).unwrap_or(0);
        if byte < 0x80 {
            *rest = &rest[i + 1..];
            return Ok(value);
        }
    }
    Err(Malformed("a number that does not end"))
}

/// A packed row of varints.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Packed<'a> {
    rest: &'a [u8],
}

impl<'a> Packed<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// The next number, or `None` at the end.
    pub(super) fn next(&mut self) -> Result<Option<u64>, Malformed> {
        if self.rest.is_empty() { Ok(None) } else { take_varint(&mut self.rest).map(Some) }
    }

    /// The next number of a row that must not end yet.
    pub(super) fn expect(&mut self) -> Result<u64, Malformed> {
        self.next()?.ok_or(Malformed("a row that ends before the others"))
    }
}

/// Decodes a signed number (`sint64`).
pub(super) fn zigzag(value: u64) -> i64 {
    (value >> 1) as i64 ^ -((value & 1) as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_fields_and_rejects_what_runs_over() {
        let mut message = Message::new(&[0x08, 0x96, 0x01, 0x12, 0x02, b'h', b'i']);
        assert_eq!(message.next(), Ok(Some((1, Value::Varint(150)))));
        assert_eq!(message.next(), Ok(Some((2, Value::Bytes(b"hi")))));
        assert_eq!(message.next(), Ok(None));
        assert!(Message::new(&[0x12, 0x05, 0]).next().is_err());
        assert!(Message::new(&[0x0b]).next().is_err());
        assert!(Packed::new(&[0xff; 11]).next().is_err());
        assert_eq!([0, 1, 2, 3].map(zigzag), [0, -1, 1, -2]);
        assert_eq!(zigzag(u64::MAX), i64::MIN);
    }
}
