//! Operators that only move elements.

use std::vec;
use std::vec::Vec;

use super::{At, Filling, Kernel, LowerError, Unfit, row_major, strided};
use crate::exchange::graph::{Scalar, Slice, Value};
use crate::quant::{Nearest, ResizeNearest, Strided};

/// An error unless the types are the same, and of those that values have.
fn same_type(at: &At, x: &Value, y: &Value) -> Result<(), LowerError> {
    let known = matches!(x.scalar, Scalar::F32 | Scalar::I8 | Scalar::U8 | Scalar::I32);
    at.ensure(known && x.scalar == y.scalar, x, Unfit::Type(x.scalar))
}

fn pair<'g>(at: &At<'g>) -> Result<(&'g Value, &'g Value), LowerError> {
    let (x, y) = (at.input(0)?, at.output()?);
    same_type(at, x, y)?;
    Ok((x, y))
}

/// The part of `whole` that has the shape `part` and begins at `first`.
fn part(whole: &[usize], part: &[usize], first: usize) -> Strided {
    strided(part.iter().copied().zip(row_major(whole)), first)
}

/// The same elements.
pub fn reshape(at: &At) -> Result<Kernel, LowerError> {
    let (x, y) = pair(at)?;
    at.ensure(x.elements() == y.elements(), y, Unfit::Shape(x.shape.clone()))?;
    Ok(Kernel::Copy)
}

/// A margin.
pub fn pad(at: &At, margins: &[[usize; 2]]) -> Result<Kernel, LowerError> {
    let (x, y) = pair(at)?;
    at.ensure(x.scalar != Scalar::I32, x, Unfit::Type(x.scalar))?;
    at.ensure(margins.len() == x.shape.len(), x, Unfit::Contradiction("has more or fewer axes than margins"))?;
    let shape =
        x.shape.iter().zip(margins).map(|(n, [before, after])| n.saturating_add(*before).saturating_add(*after));
    at.makes(y, &shape.collect::<Vec<_>>())?;
    let first = margins.iter().zip(row_major(&y.shape)).map(|([before, _], step)| before * step as usize).sum();
    let filling = match (at.optional(1), x.scalar) {
        (None, Scalar::F32) => Filling::F32(0.0),
        (None, _) => Filling::I8(at.steps(y)?.1 as i8),
        (Some(value), _) => {
            at.ensure(value.scalar == x.scalar && value.elements() == 1, value, Unfit::Type(value.scalar))?;
            let Some(data) = &value.data else { return at.refuse(Some(value), Unfit::Computed) };
            match value.floats() {
                Some(number) => Filling::F32(number.first().copied().unwrap_or(0.0)),
                None => Filling::I8(data.first().copied().unwrap_or(0) as i8),
            }
        }
    };
    Ok(Kernel::Pad(part(&y.shape, &x.shape, first), filling))
}

/// Parts of the output. LiteRT wants those of integers to have the quantisation of the whole.
pub fn concatenation(at: &At, axis: usize) -> Result<Kernel, LowerError> {
    let y = at.output()?;
    let step = row_major(&y.shape).get(axis).copied().unwrap_or(0) as usize;
    let (mut parts, mut sum) = (vec![], 0_usize);
    for i in 0..at.node.inputs.len() {
        let x = at.input(i)?;
        same_type(at, x, y)?;
        if matches!(x.scalar, Scalar::I8 | Scalar::U8) {
            let same = at.steps(x)? == at.steps(y)?;
            at.ensure(same, x, Unfit::Quantization("the scale and zero point of the output"))?;
        }
        let end = along(at, x, y, axis, sum)?;
        parts.push(part(&y.shape, &x.shape, sum * step));
        sum = end;
    }
    at.ensure(Some(&sum) == y.shape.get(axis), y, Unfit::Contradiction("is not as long as its parts"))?;
    Ok(Kernel::Concatenation(parts))
}

/// What came before and the input along the one axis that they make longer.
pub fn ring(at: &At) -> Result<Kernel, LowerError> {
    let (x, y) = pair(at)?;
    let start = at.input(1)?;
    same_type(at, start, y)?;
    if matches!(x.scalar, Scalar::I8 | Scalar::U8) {
        let same = at.steps(x)? == at.steps(y)? && at.steps(start)? == at.steps(y)?;
        at.ensure(same, x, Unfit::Quantization("the scale and zero point of the output"))?;
    }
    let Some(axis) = x.shape.iter().zip(&y.shape).position(|(x, y)| x != y) else {
        return at.refuse(Some(y), Unfit::Contradiction("is not longer than the input"));
    };
    at.ensure(y.shape[..axis].iter().all(|length| *length == 1), y, Unfit::Case("a ring buffer inside of an axis"))?;
    let end = along(at, start, y, axis, 0)?;
    let end = along(at, x, y, axis, end)?;
    at.ensure(end == y.shape[axis], y, Unfit::Contradiction("is not as long as its parts"))?;
    start.data.clone().map_or_else(|| at.refuse(Some(start), Unfit::Computed), |start| Ok(Kernel::Ring(start)))
}

/// Parts of the input.
pub fn split(at: &At, axis: usize) -> Result<Kernel, LowerError> {
    let x = at.input(0)?;
    let step = row_major(&x.shape).get(axis).copied().unwrap_or(0) as usize;
    let (mut parts, mut sum) = (vec![], 0_usize);
    for output in &at.node.outputs {
        let Some(y) = at.graph.tensors.get(*output) else { return at.refuse(None, Unfit::Missing) };
        same_type(at, x, y)?;
        let end = along(at, y, x, axis, sum)?;
        parts.push(part(&x.shape, &y.shape, sum * step));
        sum = end;
    }
    at.ensure(Some(&sum) == x.shape.get(axis), x, Unfit::Contradiction("is not as long as its parts"))?;
    Ok(Kernel::Gather(parts))
}

/// Where a part ends that begins at `sum`; an error if it does not lie in the whole.
fn along(at: &At, part: &Value, whole: &Value, axis: usize, sum: usize) -> Result<usize, LowerError> {
    let others = part.shape.iter().zip(&whole.shape).enumerate().all(|(i, (part, whole))| i == axis || part == whole);
    let same_rank = part.shape.len() == whole.shape.len();
    let ends = part.shape.get(axis).zip(whole.shape.get(axis)).map(|(part, whole)| (sum.saturating_add(*part), whole));
    match ends {
        Some((end, whole)) if others && same_rank && end <= *whole => Ok(end),
        _ => at.refuse(Some(part), Unfit::Contradiction("does not lie in the whole")),
    }
}

/// Elements at regular distances.
pub fn strided_slice(at: &At, slices: &[Slice]) -> Result<Kernel, LowerError> {
    let (x, y) = pair(at)?;
    let inside = |slice: &Slice, length: usize| {
        let last = slice.len.checked_sub(1)?.checked_mul(slice.step.unsigned_abs())?;
        let last = if slice.step < 0 { slice.begin.checked_sub(last)? } else { slice.begin.checked_add(last)? };
        (slice.begin < length && last < length).then_some(())
    };
    let fits = slices.len() == x.shape.len()
        && slices.iter().zip(&x.shape).all(|(slice, length)| inside(slice, *length).is_some());
    at.ensure(fits, x, Unfit::Contradiction("a slice lies outside"))?;
    at.makes(y, &slices.iter().filter(|slice| !slice.drop).map(|slice| slice.len).collect::<Vec<_>>())?;
    let steps = row_major(&x.shape);
    let first = slices.iter().zip(&steps).map(|(slice, step)| slice.begin * *step as usize).sum();
    let axes = slices.iter().zip(&steps).map(|(slice, step)| (slice.len, slice.step.wrapping_mul(*step)));
    Ok(Kernel::Gather(vec![strided(axes, first)]))
}

/// Axes in another order.
pub fn transpose(at: &At, order: &[usize]) -> Result<Kernel, LowerError> {
    let (x, y) = pair(at)?;
    let mut sorted = order.to_vec();
    sorted.sort_unstable();
    at.ensure(sorted.into_iter().eq(0..x.shape.len()), x, Unfit::Contradiction("has other axes than the order"))?;
    at.makes(y, &order.iter().map(|axis| x.shape[*axis]).collect::<Vec<_>>())?;
    let steps = row_major(&x.shape);
    Ok(Kernel::Gather(vec![strided(order.iter().map(|axis| (x.shape[*axis], steps[*axis])), 0)]))
}

/// Another height and width.
pub fn resize(at: &At, align_corners: bool, half_pixel_centers: bool) -> Result<Kernel, LowerError> {
    let (x, y) = pair(at)?;
    let (&[1, height, width, channels], &[1, to_height, to_width, to_channels]) = (&x.shape[..], &y.shape[..]) else {
        return at.refuse(Some(x), Unfit::Case("another shape than that of one image"));
    };
    at.ensure(channels == to_channels, y, Unfit::Shape(vec![1, to_height, to_width, channels]))?;
    let nearest = |from, to| Nearest::new(from, to, align_corners, half_pixel_centers);
    let (height, width) = (nearest(height, to_height), nearest(width, to_width));
    Ok(Kernel::ResizeNearest(ResizeNearest { height, width, channels }))
}
