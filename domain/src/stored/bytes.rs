//! Reading and writing the envelope's primitives: whole numbers as LEB128, in their shortest form only.
use super::DecodeError;

/// What is left to read.
pub(super) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(super) const fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    pub(super) fn byte(&mut self, what: &'static str) -> Result<u8, DecodeError> {
        self.array::<1>(what).map(|[byte]| byte)
    }

    pub(super) fn array<const N: usize>(&mut self, what: &'static str) -> Result<[u8; N], DecodeError> {
        let (array, rest) = self.rest.split_first_chunk::<N>().ok_or(DecodeError::Damaged(what))?;
        self.rest = rest;
        Ok(*array)
    }

    /// A whole number. A longer spelling than needed is damage: so an event has one spelling.
    pub(super) fn varint(&mut self, what: &'static str) -> Result<u64, DecodeError> {
        let mut value = 0_u64;
        for shift in (0..64).step_by(7) {
            let byte = self.byte(what)?;
            let bits = u64::from(byte & 0x7f);
            if (bits << shift) >> shift != bits || (shift > 0 && byte == 0) {
                break;
            }
            value |= bits << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(DecodeError::Damaged(what))
    }

    /// A whole number that may be negative.
    pub(super) fn signed(&mut self, what: &'static str) -> Result<i64, DecodeError> {
        let folded = self.varint(what)?;
        Ok((folded >> 1).cast_signed() ^ -(folded & 1).cast_signed())
    }

    /// Bytes with their length before them.
    pub(super) fn slice(&mut self, what: &'static str) -> Result<&'a [u8], DecodeError> {
        let length = usize::try_from(self.varint(what)?).map_err(|_| DecodeError::Damaged(what))?;
        let (slice, rest) = self.rest.split_at_checked(length).ok_or(DecodeError::Damaged(what))?;
        self.rest = rest;
        Ok(slice)
    }

    pub(super) fn text(&mut self, what: &'static str) -> Result<&'a str, DecodeError> {
        std::str::from_utf8(self.slice(what)?).map_err(|_| DecodeError::Damaged(what))
    }

    /// All that was not read.
    pub(super) const fn rest(self) -> &'a [u8] {
        self.rest
    }
}

pub(super) fn put_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value.to_le_bytes()[0] | 0x80);
        value >>= 7;
    }
    out.push(value.to_le_bytes()[0]);
}

/// Small numbers of either sign stay short: 0, -1, 1, -2 … are written as 0, 1, 2, 3 …
pub(super) fn put_signed(out: &mut Vec<u8>, value: i64) {
    put_varint(out, (value << 1 ^ value >> 63).cast_unsigned());
}

pub(super) fn put_slice(out: &mut Vec<u8>, slice: &[u8]) {
    put_varint(out, slice.len() as u64);
    out.extend_from_slice(slice);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_come_back() {
        for value in [0, 1, 127, 128, 16_383, 16_384, u64::from(u32::MAX), u64::MAX - 1, u64::MAX] {
            let mut out = vec![];
            put_varint(&mut out, value);
            let mut reader = Reader::new(&out);
            assert_eq!(reader.varint("a number"), Ok(value));
            assert!(reader.rest().is_empty());
        }
        for value in [0, -1, 1, -64, 64, i64::MIN, i64::MAX] {
            let mut out = vec![];
            put_signed(&mut out, value);
            assert_eq!(Reader::new(&out).signed("a number"), Ok(value));
        }
    }

    #[test]
    fn long_spellings_and_overflows_are_damage() {
        let damaged = Err(DecodeError::Damaged("a number"));
        for bytes in [&[0x80, 0][..], &[0xff, 0x80, 0], &[0x80; 11], &[0xff; 10], &[]] {
            assert_eq!(Reader::new(bytes).varint("a number"), damaged, "{bytes:?}");
        }
    }
}
