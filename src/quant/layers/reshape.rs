//! Another shape.

use core::marker::PhantomData;

use crate::layers::{Forward, Memory, Plan};
use crate::numbers::Array;

/// The elements of `X` as a `Y`, which has as many of them. Moves nothing.
#[derive(Clone, Copy, Debug)]
pub struct Reshape<X, Y>(PhantomData<fn(X) -> Y>);

impl<X, Y> Reshape<X, Y> {
    /// It has no state.
    #[allow(clippy::new_without_default)] // As the other layers are made.
    pub const fn new() -> Self {
        Self(PhantomData)
    }
}

impl<X: Array, Y: Array<Elem = X::Elem>> Forward<X> for Reshape<X, Y> {
    type Out = Y;
    const CHECK: () = assert!(X::LEN == Y::LEN, "`Reshape` needs as many elements as before");
    const PLAN: Plan = Plan::in_place::<X>();

    #[inline]
    fn infer(&self, x: &X, memory: Memory) {
        memory.write(|y: &mut Y| y.flat_mut().iter_mut().zip(x.flat()).for_each(|(y, x)| *y = *x));
    }
    #[inline]
    fn infer_inside(&self, _: Memory) {}
}
