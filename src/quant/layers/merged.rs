//! A tensor and a constant.

use core::marker::PhantomData;

use super::Merge;
use crate::layers::{Forward, Memory, Plan, in_place};
use crate::numbers::{Array, Scalar};

/// `X` merged with a constant, which is repeated if it is shorter, in the place of the input.
#[derive(Clone, Copy, Debug)]
pub struct Merged<Op: Merge, X> {
    op: Op,
    constant: &'static [Op::Elem],
    types: PhantomData<fn(X)>,
}

impl<Op: Merge, X> Merged<Op, X> {
    /// The input is the operator's first one.
    pub const fn new(op: Op, constant: &'static [Op::Elem]) -> Self {
        Self { op, constant, types: PhantomData }
    }
}

impl<X: Array<Elem = Op::Elem>, Op: Merge> Forward<X> for Merged<Op, X> {
    type Out = X;
    const PLAN: Plan = Plan::in_place::<X>();

    #[inline]
    fn infer(&self, x: &X, memory: Memory) {
        memory.write(|y: &mut X| {
            *y = *x;
            self.op.run_in_place(y.flat_mut(), self.constant);
        });
    }
    #[inline]
    fn infer_inside(&self, memory: Memory) {
        memory.write(|x: &mut X| self.op.run_in_place(x.flat_mut(), self.constant));
    }
}

// As a whole, which is one row.
in_place!([T: Scalar, Op: Merge<Elem = T>, const N: usize] [T; N], Merged<Op, [T; N]>, |merged, row| merged.op.run_in_place(row, merged.constant));
