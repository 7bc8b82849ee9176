//! A tensor and a constant.

use core::marker::PhantomData;

use super::InPlace;
use crate::layers::{Forward, InRows, Memory, Plan, Streamed};
use crate::numbers::{Array, Zero};

/// `X` merged with a constant, which is repeated if it is shorter, in the place of the input.
#[derive(Clone, Copy, Debug)]
pub struct Merged<Op: InPlace, X> {
    op: Op,
    constant: &'static [Op::Elem],
    types: PhantomData<fn(X)>,
}

impl<Op: InPlace, X> Merged<Op, X> {
    /// The input is the operator's first one.
    pub const fn new(op: Op, constant: &'static [Op::Elem]) -> Self {
        Self { op, constant, types: PhantomData }
    }
}

impl<X: Array<Elem = Op::Elem>, Op: InPlace> Forward<X> for Merged<Op, X> {
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

/// The number of the row that comes.
pub struct RowNumber(usize);

impl Zero for RowNumber {
    const ZERO: Self = Self(0);
    fn clear(&mut self) {
        self.0 = 0;
    }
}

impl<X: InRows<Elem = Op::Elem>, Op: InPlace> Streamed<X> for Merged<Op, X> {
    type State = RowNumber;
    type Late<P: Array> = [P; 0];

    #[inline]
    fn place<'s>(_: &'s mut RowNumber, y: &'s mut X::Row) -> &'s mut X::Row {
        y
    }
    #[inline]
    fn advance(&self, RowNumber(at): &mut RowNumber, y: &mut X::Row) -> bool {
        // A constant that is longer than a row has one for each.
        let of_row = self.constant.chunks(X::Row::LEN.max(1)).nth(*at);
        self.op.run_in_place(y.flat_mut(), of_row.unwrap_or(self.constant));
        let rows = self.constant.len().checked_div(X::Row::LEN).unwrap_or(0).max(1);
        *at = (*at + 1) % rows;
        true
    }
}
