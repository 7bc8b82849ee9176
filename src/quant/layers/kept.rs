//! An operator over what came last.

use core::marker::PhantomData;

use super::Operator;
use crate::layers::{Forward, Memory, Plan, Streamed, length_of};
use crate::numbers::{Array, Scalar, Zero};

/// An operator that makes `Y` of `W`: elements of the steps before, then those of `X`, one step. A ring buffer over time: in a
/// [`Stream`](crate::Stream) `W` is what it keeps; over one step alone it is the first one.
#[derive(Clone, Copy, Debug)]
pub struct Kept<Op, X, W: Array, Y> {
    op: Op,
    start: &'static [W::Elem],
    types: PhantomData<fn(X) -> Y>,
}

impl<Op, X, W: Array, Y> Kept<Op, X, W, Y> {
    /// `start` lies before the first step, again and again if it is shorter. The operator's sizes must be those of `W` and `Y`; where they
    /// are not, a part of the output is not written.
    pub const fn new(op: Op, start: &'static [W::Elem]) -> Self {
        Self { op, start, types: PhantomData }
    }
}

impl<A: Scalar, B: Scalar, Op: Operator<A, B>, const X: usize, const W: usize, const Y: usize> Forward<[A; X]>
    for Kept<Op, [A; X], [A; W], [B; Y]>
{
    type Out = [B; Y];
    const CHECK: () = assert!(X <= W, "`Kept` needs at least the elements of one step");
    const PLAN: Plan = Plan::apart::<[A; X]>(length_of::<[A; W]>() + length_of::<[B; Y]>()).with_scratch(Op::SCRATCH);

    #[inline]
    fn infer(&self, x: &[A; X], memory: Memory) {
        let Some((w, rest)) = memory.turned().split::<[A; W]>() else { return };
        self.begin(w);
        w.iter_mut().rev().zip(x.iter().rev()).for_each(|(w, x)| *w = *x);
        rest.write(|y: &mut [B; Y]| self.op.run(w, y));
    }
}

impl<A: Scalar, B: Scalar, Op, const X: usize, const W: usize, const Y: usize> Kept<Op, [A; X], [A; W], [B; Y]> {
    /// Writes what lies before the first step.
    #[inline]
    fn begin(&self, w: &mut [A; W]) {
        w.iter_mut().take(W - X).zip(self.start.iter().cycle()).for_each(|(w, x)| *w = *x);
    }
}

/// What a [`Kept`] keeps.
pub struct Steps<W> {
    elements: W,
    begun: bool,
}

impl<W: Zero> Zero for Steps<W> {
    const ZERO: Self = Self { elements: W::ZERO, begun: false };
    fn clear(&mut self) {
        self.begun = false;
    }
}

impl<A: Scalar, B: Scalar, Op: Operator<A, B>, const X: usize, const W: usize, const Y: usize> Streamed<[A; X]>
    for Kept<Op, [A; X], [A; W], [B; Y]>
{
    type State = Steps<[A; W]>;
    type Late<P: Array> = [P; 0];

    #[inline]
    fn place<'s>(state: &'s mut Self::State, _: &'s mut [B; Y]) -> &'s mut [A; X] {
        match state.elements.last_chunk_mut() {
            Some(last) => last,
            None => unreachable!("`CHECK` has compared the lengths"),
        }
    }
    #[inline]
    fn advance(&self, state: &mut Self::State, y: &mut [B; Y]) -> bool {
        if !core::mem::replace(&mut state.begun, true) {
            self.begin(&mut state.elements);
        }
        self.op.run_row(&state.elements, y);
        state.elements.copy_within(X.min(W).., 0);
        true
    }
}
