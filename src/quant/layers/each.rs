//! A function of each element.

use core::marker::PhantomData;

use crate::layers::{Forward, InRows, Memory, Plan, in_place};
use crate::numbers::Array;
use crate::quant::Table;

/// A function of each element of `X`, by its values, in the place of the input.
#[derive(Clone, Copy, Debug)]
pub struct Each<X> {
    table: Table<'static>,
    types: PhantomData<fn(X)>,
}

impl<X> Each<X> {
    /// From the values of the function.
    pub const fn new(table: Table<'static>) -> Self {
        Self { table, types: PhantomData }
    }
}

impl<X: Array<Elem = i8>> Forward<X> for Each<X> {
    type Out = X;
    const PLAN: Plan = Plan::in_place::<X>();

    #[inline]
    fn infer(&self, x: &X, memory: Memory) {
        memory.write(|y: &mut X| self.table.run(x.flat(), y.flat_mut()));
    }
    #[inline]
    fn infer_inside(&self, memory: Memory) {
        memory.write(|x: &mut X| self.table.run_in_place(x.flat_mut()));
    }
}

in_place!([X: InRows<Elem = i8>] X, Each<X>, |each, row| each.table.run_in_place(row.flat_mut()));
