//! A tensor that is always the same.

use core::marker::PhantomData;

use crate::layers::{Forward, Memory};
use crate::numbers::Array;

/// `Y` from flash, whatever the input: a path of branches.
#[derive(Clone, Copy, Debug)]
pub struct Constant<Y: Array> {
    values: &'static [Y::Elem],
    types: PhantomData<fn() -> Y>,
}

impl<Y: Array> Constant<Y> {
    /// As many values as `Y` has; what has no value is not written.
    pub const fn new(values: &'static [Y::Elem]) -> Self {
        Self { values, types: PhantomData }
    }
}

impl<X: Array, Y: Array> Forward<X> for Constant<Y> {
    type Out = Y;

    #[inline]
    fn infer(&self, _: &X, memory: Memory) {
        memory.write(|y: &mut Y| y.flat_mut().iter_mut().zip(self.values).for_each(|(y, x)| *y = *x));
    }
}
