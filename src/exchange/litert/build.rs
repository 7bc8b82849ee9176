//! FlatBuffers, written from a tree of tables: <https://flatbuffers.dev/internals/>.
//!
//! Each table comes before what it refers to, since offsets only lead forwards.

use std::vec;
use std::vec::Vec;

/// A table's fields and their numbers.
pub type Fields = Vec<(usize, Field)>;

pub enum Field {
    /// One number, little endian, as long as its alignment.
    Number(Vec<u8>),
    /// Bytes of several numbers, and how many.
    Numbers(Vec<u8>, usize, Alignment),
    Table(Fields),
    Tables(Vec<Fields>),
}

/// Bytes that a vector's first element is aligned to.
pub type Alignment = usize;

impl Field {
    pub fn bool(value: bool) -> Self {
        Self::u8(value.into())
    }

    pub fn u8(value: u8) -> Self {
        Self::Number(vec![value])
    }

    pub fn i32(value: i32) -> Self {
        Self::Number(value.to_le_bytes().into())
    }

    pub fn f32(value: f32) -> Self {
        Self::Number(value.to_le_bytes().into())
    }

    pub fn i32s(values: impl IntoIterator<Item = i32>) -> Self {
        Self::numbers(values.into_iter().map(i32::to_le_bytes))
    }

    pub fn f32s(values: impl IntoIterator<Item = f32>) -> Self {
        Self::numbers(values.into_iter().map(f32::to_le_bytes))
    }

    pub fn i64s(values: impl IntoIterator<Item = i64>) -> Self {
        Self::numbers(values.into_iter().map(i64::to_le_bytes))
    }

    fn numbers<const N: usize>(values: impl Iterator<Item = [u8; N]>) -> Self {
        let values: Vec<_> = values.collect();
        Self::Numbers(values.as_flattened().into(), values.len(), N)
    }

    pub fn bytes(bytes: &[u8], alignment: Alignment) -> Self {
        Self::Numbers(bytes.into(), bytes.len(), alignment)
    }

    pub fn text(text: &str) -> Self {
        // A zero follows that is not counted.
        Self::Numbers([text.as_bytes(), &[0]].concat(), text.len(), 1)
    }
}

/// The file whose outermost table is `root`.
pub fn file(identifier: &[u8; 4], root: &Fields) -> Vec<u8> {
    let mut out = [&[0; 4], &identifier[..]].concat();
    let at = table(&mut out, root);
    refer(&mut out, 0, at);
    out
}

/// Appends a table; returns where it is.
fn table(out: &mut Vec<u8>, fields: &Fields) -> usize {
    let slots = fields.iter().map(|(number, _)| number + 1).max().unwrap_or(0);
    let mut inline = vec![0; 4];
    let mut distances = vec![0_u16; slots];
    let mut offsets = Vec::new();
    for (number, field) in fields {
        let bytes = if let Field::Number(bytes) = field { bytes } else { &vec![0; 4] };
        align(&mut inline, 0, bytes.len());
        distances[*number] = inline.len() as u16;
        if !matches!(field, Field::Number(_)) {
            offsets.push((inline.len(), field));
        }
        inline.extend(bytes);
    }
    let vtable = 4 + 2 * slots;
    align(out, vtable, 8);
    for size in [vtable, inline.len()] {
        out.extend((size as u16).to_le_bytes());
    }
    out.extend(distances.into_iter().flat_map(u16::to_le_bytes));
    let at = out.len();
    inline[..4].copy_from_slice(&(vtable as i32).to_le_bytes());
    out.extend(inline);
    for (distance, field) in offsets {
        let target = target(out, field);
        refer(out, at + distance, target);
    }
    at
}

/// Appends what an offset leads to; returns where it is.
fn target(out: &mut Vec<u8>, field: &Field) -> usize {
    let (at, count) = match field {
        Field::Table(fields) => return table(out, fields),
        Field::Number(_) => return out.len(),
        Field::Numbers(bytes, count, alignment) => {
            align(out, 4, 4.max(*alignment));
            let at = out.len();
            out.extend([0; 4]);
            out.extend(bytes);
            (at, *count)
        }
        Field::Tables(tables) => {
            align(out, 0, 4);
            let at = out.len();
            out.resize(at + 4 + 4 * tables.len(), 0);
            for (i, fields) in tables.iter().enumerate() {
                let target = table(out, fields);
                refer(out, at + 4 + 4 * i, target);
            }
            (at, tables.len())
        }
    };
    out[at..at + 4].copy_from_slice(&(count as u32).to_le_bytes());
    at
}

/// Fills up so that what follows `before` bytes is aligned.
fn align(out: &mut Vec<u8>, before: usize, alignment: usize) {
    let length = out.len() + before;
    out.resize(out.len() + length.next_multiple_of(alignment) - length, 0);
}

/// Lets the offset at `place` lead to `target`.
fn refer(out: &mut [u8], place: usize, target: usize) {
    out[place..place + 4].copy_from_slice(&((target - place) as u32).to_le_bytes());
}
