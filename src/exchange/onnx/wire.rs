//! Protocol Buffers' wire format, read in place: <https://protobuf.dev/programming-guides/encoding/>.

use std::vec::Vec;

use super::error::{ReadError, Result};

/// The bytes of a message.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Message<'a>(pub &'a [u8]);

/// What a field holds.
#[derive(Clone, Copy)]
pub enum Field<'a> {
    /// An integer.
    Number(u64),
    /// Four or eight bytes, or any number of them: text, a message, or several numbers.
    Bytes(&'a [u8]),
}

fn damaged() -> ReadError {
    ReadError::Damaged("a field is cut off, or none of the format".into())
}

/// The next number of seven bits a byte.
fn varint(bytes: &mut &[u8]) -> Result<u64> {
    let mut number = 0_u64;
    for shift in (0..64).step_by(7) {
        let (byte, rest) = bytes.split_first().ok_or_else(damaged)?;
        *bytes = rest;
        number |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Ok(number);
        }
    }
    Err(damaged())
}

fn take<'a>(bytes: &mut &'a [u8], length: u64) -> Result<&'a [u8]> {
    let length = usize::try_from(length).map_err(|_| damaged())?;
    let (taken, rest) = bytes.split_at_checked(length).ok_or_else(damaged)?;
    *bytes = rest;
    Ok(taken)
}

impl<'a> Message<'a> {
    /// Numbers of the fields, and what they hold.
    pub fn fields(self) -> impl Iterator<Item = Result<(u64, Field<'a>)>> {
        let mut rest = self.0;
        core::iter::from_fn(move || {
            let field = (!rest.is_empty()).then(|| next(&mut rest));
            if field.as_ref().is_some_and(Result::is_err) {
                rest = &[];
            }
            field
        })
    }

    /// What the fields of this number hold.
    pub fn all(self, number: u64) -> impl Iterator<Item = Result<Field<'a>>> {
        self.fields().filter_map(move |field| match field {
            Ok((found, field)) => (found == number).then_some(Ok(field)),
            Err(error) => Some(Err(error)),
        })
    }

    pub fn messages(self, number: u64) -> impl Iterator<Item = Result<Message<'a>>> {
        self.all(number).map(|field| match field? {
            Field::Bytes(bytes) => Ok(Message(bytes)),
            Field::Number(_) => Err(damaged()),
        })
    }

    pub fn texts(self, number: u64) -> impl Iterator<Item = Result<&'a str>> {
        self.messages(number)
            .map(|text| core::str::from_utf8(text?.0).map_err(|_| ReadError::Damaged("a name is not UTF-8".into())))
    }

    /// Of several, the last one counts.
    pub fn message(self, number: u64) -> Result<Option<Message<'a>>> {
        self.messages(number).last().transpose()
    }

    /// Empty if it is missing.
    pub fn text(self, number: u64) -> Result<&'a str> {
        Ok(self.texts(number).last().transpose()?.unwrap_or_default())
    }

    /// 0 if it is missing.
    pub fn i64(self, number: u64) -> Result<i64> {
        Ok(self.i64s(number)?.last().copied().unwrap_or(0))
    }

    pub fn i64s(self, number: u64) -> Result<Vec<i64>> {
        let mut numbers = Vec::new();
        for field in self.all(number) {
            match field? {
                Field::Number(number) => numbers.push(number as i64),
                Field::Bytes(mut packed) => {
                    while !packed.is_empty() {
                        numbers.push(varint(&mut packed)? as i64);
                    }
                }
            }
        }
        Ok(numbers)
    }

    pub fn f32s(self, number: u64) -> Result<Vec<f32>> {
        let mut numbers = Vec::new();
        for bytes in self.messages(number) {
            let (each, []) = bytes?.0.as_chunks() else { return Err(damaged()) };
            numbers.extend(each.iter().copied().map(f32::from_le_bytes));
        }
        Ok(numbers)
    }
}

fn next<'a>(rest: &mut &'a [u8]) -> Result<(u64, Field<'a>)> {
    let tag = varint(rest)?;
    let field = match tag & 7 {
        0 => Field::Number(varint(rest)?),
        1 => Field::Bytes(take(rest, 8)?),
        2 => {
            let length = varint(rest)?;
            Field::Bytes(take(rest, length)?)
        }
        5 => Field::Bytes(take(rest, 4)?),
        _ => return Err(damaged()),
    };
    Ok((tag >> 3, field))
}
