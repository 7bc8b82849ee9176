//! Mean and softmax.

use std::vec::Vec;

use super::{At, Kernel, LowerError, Unfit, row_major, strided};
use crate::exchange::float::Float;
use crate::quant::{Mean, Output, Softmax};

/// Means over axes.
pub fn mean(at: &At, axes: &[usize], keep: bool) -> Result<Kernel, LowerError> {
    let (x, y, integers) = at.pair()?;
    let shape = x.shape.iter().enumerate().filter_map(|(axis, length)| match axes.contains(&axis) {
        true => keep.then_some(1),
        false => Some(*length),
    });
    at.makes(y, &shape.collect::<Vec<_>>())?;
    let steps = row_major(&x.shape);
    let of = |summed: bool| {
        let axes = (0..x.shape.len()).filter(|axis| axes.contains(axis) == summed);
        strided(axes.map(|axis| (x.shape[axis], steps[axis])), 0)
    };
    let (kept, summed) = (of(false), of(true));
    let count = summed.lengths.iter().product();
    if !integers {
        return Ok(Kernel::Float(Float::Mean { kept, summed, count }));
    }
    let (from, to) = (at.steps(x)?, at.steps(y)?);
    Ok(Kernel::Mean(Mean {
        kept,
        summed,
        zero: from.1.wrapping_mul(count as i32),
        multiplier: Mean::multiplier(from.0, to.0, count),
        output: Output { zero_point: to.1 as i8, least: -128, greatest: 127 },
    }))
}

/// Softmax over the last axis.
pub fn softmax(at: &At, beta: f32) -> Result<Kernel, LowerError> {
    let (x, y, integers) = at.pair()?;
    at.makes(y, &x.shape)?;
    let len = x.shape.last().copied().unwrap_or(1);
    if !integers {
        return Ok(Kernel::Float(Float::Softmax { len, beta }));
    }
    let (scale, zero) = at.steps(y)?;
    let fits = (scale * 256.0 - 1.0).abs() <= 0.001 && zero == -128;
    at.ensure(fits, y, Unfit::Quantization("the scale 1/256 and the zero point -128"))?;
    let (scale, _) = at.steps(x)?;
    let above = f64::from(beta) * f64::from(scale) * f64::from(1 << 26) > 1.0;
    at.ensure(above, x, Unfit::Quantization("a larger scale"))?;
    Ok(Kernel::Softmax(Softmax::new(len, beta, scale)))
}
