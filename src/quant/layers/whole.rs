//! A part of a network that waits for all rows.

use crate::infer::{Arena, arena_len};
use crate::layers::{Forward, InRows, LastRows, Memory, Plan, Streamed};
use crate::numbers::{Array, Zero};

/// `N` over all rows of its input at once. In a [`Stream`](crate::Stream) it holds as many rows as there are, and runs with each that comes
/// from then on, in an arena of `BYTES` bytes, those of [`arena_len`]: of an image's last layers, whose planes are small, that is less than
/// the rows that each of them would keep.
#[derive(Clone, Copy, Debug)]
pub struct Whole<N, const BYTES: usize>(pub N);

impl<X: Array, N: Forward<X>, const BYTES: usize> Forward<X> for Whole<N, BYTES> {
    type Out = N::Out;
    const CHECK: () = assert!(BYTES >= arena_len::<N, X>(), "`Whole` needs the `arena_len` of its network");
    const PLAN: Plan = N::PLAN;

    #[inline]
    fn infer(&self, x: &X, memory: Memory) {
        self.0.infer(x, memory);
    }
    #[inline]
    fn infer_inside(&self, memory: Memory) {
        self.0.infer_inside(memory);
    }
}

/// The rows that came, and memory for what is made of them.
pub struct Rows<X, const BYTES: usize> {
    rows: LastRows<X>,
    arena: Arena<BYTES>,
}

impl<X: Zero, const BYTES: usize> Zero for Rows<X, BYTES> {
    const ZERO: Self = Self { rows: LastRows::ZERO, arena: Arena::ZERO };
    fn clear(&mut self) {
        self.rows.clear();
    }
}

impl<X: InRows, N: Forward<X, Out: InRows<Row = <N as Forward<X>>::Out>>, const BYTES: usize> Streamed<X>
    for Whole<N, BYTES>
{
    type State = Rows<X, BYTES>;
    type Late<P: Array> = X::Each<P>;

    #[inline]
    fn place<'s>(state: &'s mut Self::State, _: &'s mut N::Out) -> &'s mut X::Row {
        state.rows.next()
    }
    #[inline]
    fn advance(&self, Rows { rows, arena }: &mut Self::State, y: &mut N::Out) -> bool {
        rows.take(|x| *y = *arena.predict(&self.0, x))
    }
}
