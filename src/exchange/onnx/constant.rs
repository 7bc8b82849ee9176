//! Constants, and what operators make of them when the model is read: exporters write computations of shapes.

use std::format;
use std::vec;
use std::vec::Vec;

use super::error::{Fault, ReadError, Reason};
use super::view::{places, row_major};
use super::wire::Message;
use crate::exchange::graph::Quantization;

/// A tensor whose elements are known.
#[derive(Clone, Debug, PartialEq)]
pub struct Constant {
    /// A length may be 0.
    pub shape: Vec<usize>,
    pub elements: Elements,
    /// Integers of eight bits without a sign.
    pub unsigned: bool,
    /// What floats were as integers.
    pub steps: Option<Quantization>,
}

/// Integers of any width, and truth values, have 64 bits here.
#[derive(Clone, Debug, PartialEq)]
pub enum Elements {
    Floats(Vec<f32>),
    Integers(Vec<i64>),
}

/// Numbers of types in the format.
pub mod data_type {
    pub const FLOAT: i64 = 1;
    pub const UINT8: i64 = 2;
    pub const INT8: i64 = 3;
    pub const INT32: i64 = 6;
    pub const INT64: i64 = 7;
    pub const BOOL: i64 = 9;
}

/// ONNX has no limit; this is that of the operators here.
pub const MAX_AXES: usize = 8;

/// Shapes above these lengths are nobody's.
pub fn product(shape: &[usize]) -> Option<usize> {
    let product = shape.iter().try_fold(1_usize, |product, length| product.checked_mul(*length));
    product.filter(|product| *product <= i32::MAX as usize / 8 && shape.len() <= MAX_AXES)
}

/// The shape of two that are repeated to each other.
pub fn broadcast(a: &[usize], b: &[usize]) -> Option<Vec<usize>> {
    let rank = a.len().max(b.len());
    let length = |shape: &[usize], axis: usize| (axis + shape.len()).checked_sub(rank).map_or(1, |at| shape[at]);
    let each = (0..rank).map(|axis| match (length(a, axis), length(b, axis)) {
        (a, b) if a == b || b == 1 => Some(a),
        (1, b) => Some(b),
        _ => None,
    });
    each.collect()
}

/// An axis, counted from the end if it is negative.
pub fn axis(named: i64, rank: usize) -> Result<usize, Fault> {
    let axis = if named < 0 { named.checked_add(rank as i64) } else { Some(named) };
    let axis = axis.and_then(|axis| usize::try_from(axis).ok()).filter(|axis| *axis < rank);
    axis.ok_or(Fault::Damaged("an axis is not there"))
}

/// Axes, each once, in ascending order.
pub fn axes(named: &[i64], rank: usize) -> Result<Vec<usize>, Fault> {
    let mut axes = named.iter().map(|named| axis(*named, rank)).collect::<Result<Vec<_>, _>>()?;
    axes.sort_unstable();
    axes.dedup();
    Ok(axes)
}

/// A shape as Reshape has it, for so many elements: 0 stands for the length that was there, -1 for what is left.
pub fn reshaped(from: &[usize], named: &[i64], allow_zero: bool) -> Result<Vec<usize>, Fault> {
    const WRONG: Fault = Fault::Damaged("a shape does not fit its elements");
    let (count, mut open) = (product(from).ok_or(WRONG)?, None);
    let mut shape = vec![];
    for (at, length) in named.iter().enumerate() {
        shape.push(match *length {
            0 if !allow_zero => *from.get(at).ok_or(WRONG)?,
            -1 if open.is_none() => {
                open = Some(at);
                1
            }
            length => usize::try_from(length).map_err(|_| WRONG)?,
        });
    }
    let known = product(&shape).ok_or(WRONG)?;
    if let Some(open) = open {
        shape[open] = count.checked_div(known).unwrap_or(0);
    }
    if product(&shape) == Some(count) { Ok(shape) } else { Err(WRONG) }
}

/// Begin, step and length of what a slice takes of an axis.
pub fn slice(length: usize, begin: i64, end: i64, step: i64) -> Option<(usize, isize, usize)> {
    if length == 0 {
        return Some((0, 1, 0));
    }
    let length = length as i64;
    let (low, high) = if step > 0 { (0, length) } else { (-1, length - 1) };
    let inside = |n: i64| if n < 0 { n.saturating_add(length) } else { n };
    let (begin, end) = (inside(begin).clamp(0, high), inside(end).clamp(low, high));
    let span = if step > 0 { end - begin } else { begin - end };
    if step == 0 {
        return None;
    }
    let count = u64::try_from(span).unwrap_or(0).div_ceil(step.unsigned_abs());
    let step = if count > 1 { step } else { 1 };
    Some((begin.try_into().ok()?, step.try_into().ok()?, count.try_into().ok()?))
}

/// A function of two elements; none where it has no result.
type Binary<T> = fn(T, T) -> Option<T>;

impl Constant {
    pub fn new(shape: Vec<usize>, elements: Elements) -> Self {
        Self { shape, elements, unsigned: false, steps: None }
    }

    pub fn integers(shape: Vec<usize>, integers: Vec<i64>) -> Self {
        Self::new(shape, Elements::Integers(integers))
    }

    pub fn floats(shape: Vec<usize>, floats: Vec<f32>) -> Self {
        Self::new(shape, Elements::Floats(floats))
    }

    pub fn len(&self) -> usize {
        match &self.elements {
            Elements::Floats(floats) => floats.len(),
            Elements::Integers(integers) => integers.len(),
        }
    }

    pub fn as_floats(&self) -> Result<&[f32], Fault> {
        match &self.elements {
            Elements::Floats(floats) => Ok(floats),
            Elements::Integers(_) => Err(Fault::Damaged("a constant should be of floats")),
        }
    }

    pub fn as_integers(&self) -> Result<&[i64], Fault> {
        match &self.elements {
            Elements::Integers(integers) => Ok(integers),
            Elements::Floats(_) => Err(Fault::Damaged("a constant should be of integers")),
        }
    }

    /// A TensorProto.
    pub fn read(tensor: Message) -> Result<Self, Fault> {
        if tensor.i64(14)? == 1 {
            return Err(Fault::Refused(Reason::External));
        }
        let wrong = |what: &str| Fault::Read(ReadError::Damaged(format!("a tensor {what}")));
        let shape = tensor.i64s(1)?.into_iter().map(|n| usize::try_from(n).map_err(|_| wrong("has a negative length")));
        let shape = shape.collect::<Result<Vec<_>, _>>()?;
        let count = product(&shape).ok_or_else(|| wrong("is too large"))?;
        let kind = tensor.i64(2)?;
        let raw = tensor.message(9)?.map(|raw| raw.0);
        fn each<const N: usize, T>(raw: &[u8], of: fn([u8; N]) -> T) -> Vec<T> {
            raw.as_chunks().0.iter().copied().map(of).collect()
        }
        let elements = match (kind, raw) {
            (data_type::FLOAT, Some(raw)) => Elements::Floats(each(raw, f32::from_le_bytes)),
            (data_type::FLOAT, None) => Elements::Floats(tensor.f32s(4)?),
            (data_type::INT64, Some(raw)) => Elements::Integers(each(raw, i64::from_le_bytes)),
            (data_type::INT64, None) => Elements::Integers(tensor.i64s(7)?),
            (data_type::INT32, Some(raw)) => Elements::Integers(each(raw, |n| i32::from_le_bytes(n).into())),
            (data_type::INT8, Some(raw)) => Elements::Integers(each(raw, |n| i8::from_le_bytes(n).into())),
            (data_type::UINT8 | data_type::BOOL, Some(raw)) => Elements::Integers(each(raw, |[n]| n.into())),
            (data_type::INT32 | data_type::INT8 | data_type::UINT8 | data_type::BOOL, None) => {
                Elements::Integers(tensor.i64s(5)?)
            }
            (other, _) => return Err(Fault::Refused(Reason::Type(other))),
        };
        let constant = Self { unsigned: kind == data_type::UINT8, ..Self::new(shape, elements) };
        if constant.len() == count { Ok(constant) } else { Err(wrong("has more or fewer elements than its shape")) }
    }

    /// Elements at these places.
    pub fn taken(&self, shape: Vec<usize>, at: &[usize]) -> Self {
        let elements = match &self.elements {
            Elements::Floats(floats) => Elements::Floats(at.iter().map(|at| floats[*at]).collect()),
            Elements::Integers(integers) => Elements::Integers(at.iter().map(|at| integers[*at]).collect()),
        };
        Self::new(shape, elements)
    }

    /// Repeated to a shape.
    pub fn repeated(&self, shape: &[usize]) -> Result<Self, Fault> {
        if broadcast(&self.shape, shape).as_deref() != Some(shape) || product(shape).is_none() {
            return Err(Fault::Damaged("shapes do not fit together"));
        }
        if self.shape == shape {
            return Ok(self.clone());
        }
        let ahead = shape.len() - self.shape.len();
        let mut steps = vec![0; ahead];
        let own = row_major(&self.shape);
        steps.extend(self.shape.iter().zip(own).map(|(length, step)| if *length == 1 { 0 } else { step as isize }));
        Ok(self.taken(shape.into(), &places(shape, &steps, 0)))
    }

    /// Axes in another order.
    pub fn transposed(&self, order: &[usize]) -> Self {
        let steps = row_major(&self.shape);
        let shape: Vec<usize> = order.iter().map(|axis| self.shape[*axis]).collect();
        let steps: Vec<isize> = order.iter().map(|axis| steps[*axis] as isize).collect();
        let at = places(&shape, &steps, 0);
        self.taken(shape, &at)
    }

    /// Along each axis: begin, step, length.
    pub fn sliced(&self, slices: &[(usize, isize, usize)]) -> Self {
        let own = row_major(&self.shape);
        let first = slices.iter().zip(&own).map(|((begin, ..), step)| begin * step).sum();
        let shape: Vec<usize> = slices.iter().map(|(.., length)| *length).collect();
        let steps: Vec<isize> =
            slices.iter().zip(&own).map(|((_, step, _), own)| step.wrapping_mul(*own as isize)).collect();
        let at = places(&shape, &steps, first);
        self.taken(shape, &at)
    }

    /// The same elements in another shape, which has as many.
    pub fn shaped(self, shape: Vec<usize>) -> Self {
        let steps = self.steps.filter(|steps| steps.scales.len() == 1);
        Self { shape, steps, ..self }
    }

    /// A function of each pair of elements, one for floats and one for integers; none is refused.
    pub fn with(
        &self,
        other: &Self,
        floats: Option<Binary<f32>>,
        integers: Option<Binary<i64>>,
    ) -> Result<Self, Fault> {
        const WRONG: Fault = Fault::Damaged("a computation of constants has no result");
        let shape = broadcast(&self.shape, &other.shape).ok_or(Fault::Damaged("shapes do not fit together"))?;
        let (a, b) = (self.repeated(&shape)?, other.repeated(&shape)?);
        let elements = match (&a.elements, &b.elements, floats, integers) {
            (Elements::Floats(a), Elements::Floats(b), Some(f), _) => {
                Elements::Floats(a.iter().zip(b).map(|(a, b)| f(*a, *b)).collect::<Option<_>>().ok_or(WRONG)?)
            }
            (Elements::Integers(a), Elements::Integers(b), _, Some(f)) => {
                Elements::Integers(a.iter().zip(b).map(|(a, b)| f(*a, *b)).collect::<Option<_>>().ok_or(WRONG)?)
            }
            _ => return Err(WRONG),
        };
        Ok(Self::new(shape, elements))
    }

    /// As another type.
    pub fn cast(&self, kind: i64) -> Result<Self, Fault> {
        let elements = match (&self.elements, kind) {
            (Elements::Floats(_), data_type::FLOAT) | (Elements::Integers(_), data_type::INT64) => {
                self.elements.clone()
            }
            (Elements::Integers(n), data_type::FLOAT) => Elements::Floats(n.iter().map(|n| *n as f32).collect()),
            (Elements::Floats(x), data_type::INT64 | data_type::INT32) => {
                Elements::Integers(x.iter().map(|x| *x as i64).collect())
            }
            (Elements::Integers(n), data_type::INT32) => {
                Elements::Integers(n.iter().map(|n| *n as i32 as i64).collect())
            }
            (Elements::Integers(n), data_type::BOOL) => {
                Elements::Integers(n.iter().map(|n| (*n != 0).into()).collect())
            }
            (Elements::Floats(x), data_type::BOOL) => {
                Elements::Integers(x.iter().map(|x| (*x != 0.0).into()).collect())
            }
            (_, other) => return Err(Fault::Refused(Reason::Type(other))),
        };
        Ok(Self::new(self.shape.clone(), elements))
    }
}
