//! An operator between two tensors.

use core::marker::PhantomData;

use super::Operator;
use crate::layers::{Forward, InRows, Memory, Plan, Streamed, length_of};
use crate::numbers::{Array, Scalar, Zero};
use crate::quant::{Dequantize, FullyConnected, Quantize, Recurrent, RecurrentOperator, Softmax, Weighted};

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
    const PLAN: Plan = Plan::apart::<X>(length_of::<Y>()).with_scratch(Op::SCRATCH);

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
streamed!([const I: usize, const O: usize, const L: usize] Weighted<FullyConnected, i32>, [[i8; I]; L], [[i8; O]; L]);
streamed!([const C: usize, const L: usize] Softmax, [[i8; C]; L], [[i8; C]; L]);
streamed!([const C: usize, const L: usize] Quantize, [[f32; C]; L], [[i8; C]; L]);
streamed!([const C: usize, const L: usize] Dequantize, [[i8; C]; L], [[f32; C]; L]);
streamed!([const C: usize, const W: usize, const L: usize] Quantize, [[[f32; C]; W]; L], [[[i8; C]; W]; L]);
streamed!([const C: usize, const W: usize, const L: usize] Dequantize, [[[i8; C]; W]; L], [[[f32; C]; W]; L]);

/// What a recurrent operator keeps: the step that comes, its outputs, and 16 bits for each unit.
pub struct Memories<const I: usize, const UNITS: usize> {
    x: [i8; I],
    before: [i8; UNITS],
    kept: [i16; UNITS],
    begun: bool,
}

impl<const I: usize, const UNITS: usize> Zero for Memories<I, UNITS> {
    const ZERO: Self = Self { x: [0; I], before: [0; UNITS], kept: [0; UNITS], begun: false };
    fn clear(&mut self) {
        self.kept = [0; UNITS];
        self.begun = false;
    }
}

/// The state is carried on without end.
impl<Op: RecurrentOperator, const I: usize, const UNITS: usize, const L: usize> Streamed<[[i8; I]; L]>
    for Integer<Recurrent<Op, UNITS>, [[i8; I]; L], [[i8; UNITS]; L]>
{
    type State = Memories<I, UNITS>;
    type Late<P: Array> = [P; 0];

    #[inline]
    fn place<'s>(state: &'s mut Self::State, _: &'s mut [i8; UNITS]) -> &'s mut [i8; I] {
        &mut state.x
    }
    #[inline]
    fn advance(&self, Memories { x, before, kept, begun }: &mut Self::State, y: &mut [i8; UNITS]) -> bool {
        let known: &[i8] = if *begun { before } else { &[] };
        self.op.op.step(&self.op.input, &self.op.state, x, known, kept, y);
        (*before, *begun) = (*y, true);
        true
    }
}
