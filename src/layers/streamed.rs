//! The forward pass of inference row by row.

use crate::layers::{Forward, Places};
use crate::numbers::{Array, Scalar, Zero};

/// A tensor whose rows come one after another: an image `[[[T; C]; W]; H]` by its rows of pixels, a signal `[[T; C]; L]` by its instants.
/// A row of numbers `[T; N]` comes as a whole.
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no rows that could come one after another",
    note = "a stream takes a signal `[[T; C]; L]`, an image `[[[T; C]; W]; H]`, or numbers `[T; N]`"
)]
pub trait InRows: Array {
    /// What comes at a time.
    type Row: Array<Elem = Self::Elem>;
    /// As many of something as there are rows.
    type Each<P: Array>: Places<P>;
    /// How many rows there are.
    const ROWS: usize;
    /// All rows.
    fn rows_mut(&mut self) -> &mut [Self::Row];
}

impl<T: Scalar, const N: usize> InRows for [T; N] {
    type Row = Self;
    type Each<P: Array> = [P; 1];
    const ROWS: usize = 1;
    #[inline(always)]
    fn rows_mut(&mut self) -> &mut [Self] {
        core::slice::from_mut(self)
    }
}

macro_rules! in_rows {
    ([$($generics:tt)*] $Row:ty) => {
        impl<T: Scalar, $($generics)* const L: usize> InRows for [$Row; L] {
            type Row = $Row;
            type Each<P: Array> = [P; L];
            const ROWS: usize = L;
            #[inline(always)]
            fn rows_mut(&mut self) -> &mut [$Row] {
                self
            }
        }
    };
}
in_rows!([const C: usize,] [T; C]);
in_rows!([const C: usize, const W: usize,] [[T; C]; W]);

/// A row of what `L` makes of `X`.
pub type OutRow<L, X> = <<L as Forward<X>>::Out as InRows>::Row;

/// A part of a network that takes the rows of `X` one after another, each as soon as it is there, and keeps those that it still needs. A
/// [`Stream`](crate::Stream) runs it.
///
/// The rows that it makes have the bits of those that [`Forward`] makes of the whole.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot run row by row over `{X}`",
    label = "this layer needs more of `{X}` at once than the last rows that came",
    note = "a stream has convolutions, pooling, activations and recurrent layers over rows, means over all of them, and anything behind \
            `Flatten`, `Last` or `GlobalAvgPool`"
)]
pub trait Streamed<X: InRows>: Forward<X, Out: InRows> {
    /// What it keeps from row to row.
    type State: Zero;
    /// At least as many of something as the rows that it makes come late.
    type Late<P: Array>: Places<P>;
    /// Rows of `X` for one that it makes.
    const STRIDE: usize = 1;
    /// Conditions beside [`Forward::CHECK`]. Evaluated when the memory of a [`Stream`](crate::Stream) is named.
    const STREAMS: () = ();

    /// Where the next row is to be written: in the state or, where rows are changed in place, in the next one that it makes.
    fn place<'s>(state: &'s mut Self::State, y: &'s mut OutRow<Self, X>) -> &'s mut X::Row;
    /// Takes the row that was written; says whether it has made one.
    fn advance(&self, state: &mut Self::State, y: &mut OutRow<Self, X>) -> bool;
    /// Behind the last row: whether it has made one more.
    #[inline]
    fn finish(&self, _: &mut Self::State, _: &mut OutRow<Self, X>) -> bool {
        false
    }
}

/// [`Streamed`] for a layer that changes each row in place, without a state.
macro_rules! in_place {
    ([$($generics:tt)*] $X:ty, $Layer:ty, |$this:ident, $row:ident| $change:expr) => {
        impl<$($generics)*> $crate::layers::Streamed<$X> for $Layer {
            type State = ();
            type Late<P: $crate::numbers::Array> = [P; 0];

            #[inline(always)]
            fn place<'s>(
                (): &'s mut (),
                y: &'s mut <$X as $crate::layers::InRows>::Row,
            ) -> &'s mut <$X as $crate::layers::InRows>::Row {
                y
            }
            #[inline(always)]
            fn advance(&self, (): &mut (), $row: &mut <$X as $crate::layers::InRows>::Row) -> bool {
                let $this = self;
                let () = $change;
                true
            }
        }
    };
}
pub(crate) use in_place;
