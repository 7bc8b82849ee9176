//! Another shape.

use core::marker::PhantomData;

use crate::layers::{Forward, InRows, LastRows, Memory, Plan, Streamed};
use crate::numbers::{Array, Scalar};

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

/// To numbers: holds as many rows as `X` has, and gives them with each row that comes from then on.
impl<T: Scalar, X: InRows<Elem = T>, const N: usize> Streamed<X> for Reshape<X, [T; N]> {
    type State = LastRows<X>;
    type Late<P: Array> = X::Each<P>;

    #[inline]
    fn place<'s>(state: &'s mut LastRows<X>, _: &'s mut [T; N]) -> &'s mut X::Row {
        state.next()
    }
    #[inline]
    fn advance(&self, state: &mut LastRows<X>, y: &mut [T; N]) -> bool {
        state.take(|x| y.iter_mut().zip(x.flat()).for_each(|(y, x)| *y = *x))
    }
}

/// Of an image of one column, a signal.
impl<T: Scalar, const C: usize, const L: usize> Streamed<[[[T; C]; 1]; L]> for Reshape<[[[T; C]; 1]; L], [[T; C]; L]> {
    type State = [[T; C]; 1];
    type Late<P: Array> = [P; 0];

    #[inline]
    fn place<'s>(x: &'s mut [[T; C]; 1], _: &'s mut [T; C]) -> &'s mut [[T; C]; 1] {
        x
    }
    #[inline]
    fn advance(&self, [x]: &mut [[T; C]; 1], y: &mut [T; C]) -> bool {
        *y = *x;
        true
    }
}

/// Of numbers, an image of one row.
impl<T: Scalar, const N: usize, const C: usize, const W: usize> Streamed<[T; N]> for Reshape<[T; N], [[[T; C]; W]; 1]> {
    type State = [T; N];
    type Late<P: Array> = [P; 0];

    #[inline]
    fn place<'s>(x: &'s mut [T; N], _: &'s mut [[T; C]; W]) -> &'s mut [T; N] {
        x
    }
    #[inline]
    fn advance(&self, x: &mut [T; N], y: &mut [[T; C]; W]) -> bool {
        y.flat_mut().iter_mut().zip(x).for_each(|(y, x)| *y = *x);
        true
    }
}
