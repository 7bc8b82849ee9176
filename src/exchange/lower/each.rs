//! Functions of one element.

use std::boxed::Box;

use super::{At, Kernel, LowerError, Unfit};
use crate::exchange::float::Float;
use crate::exchange::graph::{Op, Scalar};
use crate::quant::{Dequantize, Function, Quantize};

/// Of integers, a table; of floats, a loop.
pub fn lower(at: &At) -> Result<Kernel, LowerError> {
    let (x, y) = (at.input(0)?, at.output()?);
    at.makes(y, &x.shape)?;
    let least = |scalar| if scalar == Scalar::U8 { 0 } else { -128 };
    let function = match at.node.op {
        Op::Logistic => Function::Logistic,
        Op::Tanh => Function::Tanh,
        Op::Relu => Function::Clamp { least: 0.0, greatest: f32::INFINITY },
        Op::Relu6 => Function::Clamp { least: 0.0, greatest: 6.0 },
        Op::ReluN1To1 => Function::Clamp { least: -1.0, greatest: 1.0 },
        Op::HardSwish => Function::HardSwish,
        Op::Elu => Function::Elu,
        Op::Gelu { approximate } => Function::Gelu { approximate },
        Op::LeakyRelu { alpha } => Function::LeakyRelu { alpha },
        _ => Function::Requantize,
    };
    if function != Function::Requantize {
        at.pair()?;
    }
    match (x.scalar, y.scalar) {
        (Scalar::F32, Scalar::F32) if function != Function::Requantize => Ok(Kernel::Float(Float::Each(function))),
        (Scalar::F32, Scalar::I8 | Scalar::U8) if at.node.op == Op::Quantize => {
            let (scale, zero) = at.steps(y)?;
            Ok(Kernel::Quantize(Quantize { scale, zero_point: zero as i16, least: least(y.scalar) }))
        }
        (Scalar::I8 | Scalar::U8, Scalar::F32) if at.node.op == Op::Dequantize => {
            let (scale, zero) = at.steps(x)?;
            Ok(Kernel::Dequantize(Dequantize { scale, zero_point: zero as i16, least: least(x.scalar) }))
        }
        (Scalar::I8 | Scalar::U8, Scalar::I8 | Scalar::U8) if at.node.op != Op::Dequantize => {
            let (from, to) = (at.steps(x)?, at.steps(y)?);
            let fits = function != Function::HardSwish || from.0 / 128.0 / to.0 < 1.0;
            at.ensure(fits, y, Unfit::Quantization("a larger scale"))?;
            let [from, to] = [(from, x.scalar), (to, y.scalar)]
                .map(|((scale, zero), scalar)| (scale, zero, i32::from(least(scalar))));
            Ok(Kernel::Table(Box::new(function.table(from, to))))
        }
        (Scalar::F32 | Scalar::I8 | Scalar::U8, other) => at.refuse(Some(y), Unfit::Type(other)),
        (other, _) => at.refuse(Some(x), Unfit::Type(other)),
    }
}
