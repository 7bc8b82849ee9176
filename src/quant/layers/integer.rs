//! An operator between two tensors.

use core::marker::PhantomData;

use super::Operator;
use crate::layers::{Forward, Memory};
use crate::numbers::Array;

/// An operator that makes `Y` of `X`, both in memory at the same time.
#[derive(Clone, Copy, Debug)]
pub struct Integer<Op, X, Y> {
    op: Op,
    types: PhantomData<fn(X) -> Y>,
}

impl<Op, X, Y> Integer<Op, X, Y> {
    /// The operator's sizes must be those of the types; where they are not, a part of the output is not written.
    pub const fn new(op: Op) -> Self {
        Self { op, types: PhantomData }
    }
}

impl<X: Array, Y: Array, Op: Operator<X::Elem, Y::Elem>> Forward<X> for Integer<Op, X, Y> {
    type Out = Y;

    #[inline]
    fn infer(&self, x: &X, memory: Memory) {
        memory.write(|y: &mut Y| self.op.run(x.flat(), y.flat_mut()));
    }
}
