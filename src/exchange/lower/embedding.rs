//! Rows of a table for integers.

use super::{At, Kernel, LowerError, Unfit};
use crate::exchange::graph::Scalar;

/// Floats to integers of 32 bits.
pub fn cast(at: &At) -> Result<Kernel, LowerError> {
    let (x, y) = (at.input(0)?, at.output()?);
    at.ensure(x.scalar == Scalar::F32, x, Unfit::Type(x.scalar))?;
    at.ensure(y.scalar == Scalar::I32, y, Unfit::Type(y.scalar))?;
    at.makes(y, &x.shape)?;
    Ok(Kernel::Cast)
}

/// Of a table in the output's steps, since rows are taken as they are.
pub fn gather(at: &At) -> Result<Kernel, LowerError> {
    let (x, table, y) = (at.input(0)?, at.input(1)?, at.output()?);
    at.ensure(x.scalar == Scalar::I32, x, Unfit::Type(x.scalar))?;
    at.ensure(matches!(table.scalar, Scalar::F32 | Scalar::I8 | Scalar::U8), table, Unfit::Type(table.scalar))?;
    at.ensure(y.scalar == table.scalar, y, Unfit::Type(y.scalar))?;
    at.ensure(table.data.is_some(), table, Unfit::Computed)?;
    let Some((_, row)) = table.shape.split_first() else {
        return at.refuse(Some(table), Unfit::Contradiction("is a single number"));
    };
    at.makes(y, &[&x.shape, row].concat())?;
    if table.scalar != Scalar::F32 {
        let same = at.steps(table)? == at.steps(y)?;
        at.ensure(same, table, Unfit::Quantization("the scale and zero point of the output"))?;
    }
    Ok(Kernel::Embedding(row.iter().product()))
}
