//! From an image to a row of numbers.

use const_panic::concat_panic;

use crate::layers::{Forward, InRows, Layer, Memory, Mode, Plan, Streamed};
use crate::numbers::{Array, Real, Tensor, Zero, fingerprint, stateless};

/// An input of any shape as its `N` numbers in row-major order: of an image, the channels of the first pixel first.
///
/// In a [`Stream`](crate::Stream) it holds as many rows as its input has, and gives them with each row that comes from then on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Flatten<const N: usize>;

impl<const N: usize> Zero for Flatten<N> {
    const ZERO: Self = Self;
    fn clear(&mut self) {}
}
stateless!([T: Real, const N: usize] Flatten<N>, fingerprint("Flatten", &[N]));

impl<X: Tensor, const N: usize> Forward<X> for Flatten<N> {
    type Out = [X::Elem; N];
    const PLAN: Plan = Plan::in_place::<X>();
    const CHECK: () = if X::LEN != N {
        concat_panic!(display: "Flatten: the input has ", X::LEN, display: " numbers, write `Flatten<", X::LEN, display: ">`, not `Flatten<", N, display: ">`");
    };

    #[inline]
    fn infer(&self, x: &X, memory: Memory) {
        memory.write(|y| *y = *x);
    }
    /// The numbers lie as they are to lie.
    #[inline]
    fn infer_inside(&self, _: Memory) {}
}

impl<X: Tensor + InRows, const N: usize> Streamed<X> for Flatten<N> {
    type State = LastRows<X>;
    type Late<P: Array> = X::Each<P>;

    #[inline]
    fn place<'s>(state: &'s mut LastRows<X>, _: &'s mut [X::Elem; N]) -> &'s mut X::Row {
        state.next()
    }
    #[inline]
    fn advance(&self, state: &mut LastRows<X>, y: &mut [X::Elem; N]) -> bool {
        state.take(|x| y.iter_mut().zip(x.flat()).for_each(|(y, x)| *y = *x))
    }
}

/// The last rows that came, as many as `X` has, in their order.
pub struct LastRows<X> {
    rows: X,
    came: usize,
}

impl<X: Zero> Zero for LastRows<X> {
    const ZERO: Self = Self { rows: X::ZERO, came: 0 };
    fn clear(&mut self) {
        self.came = 0;
    }
}

impl<X: InRows> LastRows<X> {
    /// Where the next row belongs.
    #[inline(always)]
    pub(crate) fn next(&mut self) -> &mut X::Row {
        match self.rows.rows_mut().last_mut() {
            Some(row) => row,
            None => unreachable!("a tensor has a row"),
        }
    }

    /// Takes the row in the place of the next one. Says whether there are as many as `X` has; then `f` is shown them.
    #[inline(always)]
    pub(crate) fn take(&mut self, f: impl FnOnce(&X)) -> bool {
        self.came = (self.came + 1).min(X::ROWS);
        let full = self.came == X::ROWS;
        if full {
            f(&self.rows);
        }
        self.rows.flat_mut().copy_within(X::Row::LEN.., 0);
        full
    }
}

impl<X: Tensor, const N: usize> Layer<X> for Flatten<N> {
    type Acts<const B: usize> = ();
    type Scratch<const B: usize> = ();

    #[inline]
    fn forward<const B: usize>(&self, x: &[X; B], (): &mut (), y: &mut [Self::Out; B], _: Mode) {
        for (x, y) in x.iter().zip(y) {
            y.copy_from_slice(x.flat());
        }
    }
    #[inline]
    fn backward<const B: usize>(
        &self,
        _: &[X; B],
        (): &(),
        _: &[Self::Out; B],
        dy: &mut [Self::Out; B],
        (): &mut (),
        dx: Option<&mut [X; B]>,
        _: Mode,
    ) {
        let Some(dx) = dx else { return };
        for (dy, dx) in dy.iter().zip(dx) {
            dx.flat_mut().copy_from_slice(dy);
        }
    }
}
