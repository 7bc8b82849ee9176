//! Pooling.

use super::weighted::axis;
use super::{At, Kernel, LowerError, Unfit, float_range};
use crate::exchange::float::Float;
use crate::exchange::graph::{Pool, Value};
use crate::quant::{AveragePool, Axis, MaxPool};

/// Means.
pub fn average(at: &At, pool: &Pool) -> Result<Kernel, LowerError> {
    let (y, [height, width], channels, integers) = windows(at, pool)?;
    if !integers {
        let range = float_range(pool.activation);
        return Ok(Kernel::Float(Float::AveragePool { height, width, channels, range }));
    }
    Ok(Kernel::AveragePool(AveragePool { height, width, channels, output: at.range(y, pool.activation)? }))
}

/// Largest values.
pub fn max(at: &At, pool: &Pool) -> Result<Kernel, LowerError> {
    let (y, [height, width], channels, integers) = windows(at, pool)?;
    if !integers {
        let range = float_range(pool.activation);
        return Ok(Kernel::Float(Float::MaxPool { height, width, channels, range }));
    }
    Ok(Kernel::MaxPool(MaxPool { height, width, channels, output: at.range(y, pool.activation)? }))
}

type Windows<'g> = (&'g Value, [Axis; 2], usize, bool);

fn windows<'g>(at: &At<'g>, pool: &Pool) -> Result<Windows<'g>, LowerError> {
    let (x, y, integers) = at.pair()?;
    let &[1, height, width, channels] = &x.shape[..] else {
        return at.refuse(Some(x), Unfit::Case("another shape than that of one image"));
    };
    let positive = pool.strides.iter().chain(&pool.window).all(|n| *n > 0 && *n <= i32::MAX as usize);
    at.ensure(positive, x, Unfit::Contradiction("has a stride or window out of range"))?;
    let sizes = [height, width];
    let axes = [0, 1].map(|i| axis(pool.padding, sizes[i], pool.window[i], pool.strides[i], 1));
    at.makes(y, &[1, axes[0].output, axes[1].output, channels])?;
    if integers {
        let (from, to) = (at.steps(x)?, at.steps(y)?);
        // As near as LiteRT demands.
        let near = (from.0 - to.0).abs() <= 1e-6 && from.1 == to.1;
        at.ensure(near, y, Unfit::Quantization("the scale and zero point of the input"))?;
    }
    Ok((y, axes, channels, integers))
}
