//! An operator between two tensors.

use core::marker::PhantomData;

use super::Operator;
use crate::layers::{Forward, InRows, Memory, Streamed};
use crate::numbers::{Array, Scalar};
use crate::quant::{Dequantize, Quantize};

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

/// `Streamed` for an operator that makes a row of each row.
macro_rules! streamed {
    ([$($generics:tt)*] $Op:ty, $X:ty, $Y:ty) => {
        impl<$($generics)*> Streamed<$X> for Integer<$Op, $X, $Y> {
            /// The row that comes.
            type State = <$X as InRows>::Row;
            type Late<P: Array> = [P; 0];

            #[inline]
            fn place<'s>(x: &'s mut Self::State, _: &'s mut <$Y as InRows>::Row) -> &'s mut Self::State {
                x
            }
            #[inline]
            fn advance(&self, x: &mut Self::State, y: &mut <$Y as InRows>::Row) -> bool {
                self.op.run(x.flat(), y.flat_mut());
                true
            }
        }
    };
}
streamed!([A: Scalar, B: Scalar, Op: Operator<A, B>, const I: usize, const O: usize] Op, [A; I], [B; O]);
streamed!([const C: usize, const L: usize] Quantize, [[f32; C]; L], [[i8; C]; L]);
streamed!([const C: usize, const L: usize] Dequantize, [[i8; C]; L], [[f32; C]; L]);
streamed!([const C: usize, const W: usize, const L: usize] Quantize, [[[f32; C]; W]; L], [[[i8; C]; W]; L]);
streamed!([const C: usize, const W: usize, const L: usize] Dequantize, [[[i8; C]; W]; L], [[[f32; C]; W]; L]);
