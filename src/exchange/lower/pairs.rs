//! Operators of two tensors.

use std::vec::Vec;

use super::{At, Kernel, LowerError, Unfit, float_range};
use crate::exchange::float::Float;
use crate::exchange::graph::{Activation, Value};
use crate::quant::{Add, Mul, Multiplier, PRelu};

/// Sums.
pub fn add(at: &At, activation: Activation) -> Result<Kernel, LowerError> {
    let (a, b, y, integers) = repeated(at)?;
    if !integers {
        return Ok(Kernel::Float(Float::Add(float_range(activation))));
    }
    let [a, b] = [at.steps(a)?, at.steps(b)?].map(|(scale, zero)| (scale, zero as i8));
    Ok(Kernel::Add(Add::new([a, b], at.steps(y)?.0, at.range(y, activation)?)))
}

/// Products.
pub fn mul(at: &At, activation: Activation) -> Result<Kernel, LowerError> {
    let (a, b, y, integers) = repeated(at)?;
    if !integers {
        return Ok(Kernel::Float(Float::Mul(float_range(activation))));
    }
    let [a, b, to] = [at.steps(a)?, at.steps(b)?, at.steps(y)?];
    Ok(Kernel::Mul(Mul {
        zero_points: [a.1 as i8, b.1 as i8],
        multiplier: Multiplier::new((a.0 * b.0 / to.0).into()),
        output: at.range(y, activation)?,
    }))
}

/// A leaky ReLU, whose slopes repeat.
pub fn prelu(at: &At) -> Result<Kernel, LowerError> {
    let (x, slopes, y, integers) = repeated(at)?;
    at.makes(y, &x.shape)?;
    let Some(data) = &slopes.data else { return at.refuse(Some(slopes), Unfit::Computed) };
    if !integers {
        return Ok(Kernel::Float(Float::PRelu(slopes.floats().unwrap_or_default())));
    }
    let [x, of_slopes, to] = [at.steps(x)?, at.steps(slopes)?, at.steps(y)?];
    let op = PRelu {
        zero_points: [x.1 as i8, of_slopes.1 as i8],
        positive: Multiplier::new((x.0 / to.0).into()),
        negative: Multiplier::new((x.0 * of_slopes.0 / to.0).into()),
        output: at.range(y, Activation::None)?,
    };
    Ok(Kernel::PRelu(op, data.iter().map(|byte| *byte as i8).collect::<Vec<_>>()))
}

type Pair<'g> = (&'g Value, &'g Value, &'g Value, bool);

/// Each input has the output's shape or repeats to it as a whole: one element, or the last axes.
fn repeated<'g>(at: &At<'g>) -> Result<Pair<'g>, LowerError> {
    let (a, y, integers) = at.pair()?;
    let b = at.input(1)?;
    at.ensure(b.scalar == a.scalar, b, Unfit::Type(b.scalar))?;
    for value in [a, b] {
        let ones = value.shape.iter().take_while(|length| **length == 1).count();
        let fits = value.shape.len() <= y.shape.len() && y.shape.ends_with(&value.shape[ones..]);
        at.ensure(fits, value, Unfit::Case("repeating another axis than the first ones"))?;
    }
    let whole = a.elements() == y.elements() || b.elements() == y.elements();
    at.ensure(whole, y, Unfit::Case("repeating both inputs"))?;
    Ok((a, b, y, integers))
}
