//! From an image to a row of numbers.

use const_panic::concat_panic;

use crate::layers::{Forward, Layer, Memory, Mode, Plan};
use crate::numbers::{Real, Tensor, Zero, fingerprint, stateless};

/// An input of any shape as its `N` numbers in row-major order: of an image, the channels of the first pixel first.
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
        _: Option<&mut ()>,
        _: Mode,
    ) {
        let Some(dx) = dx else { return };
        for (dy, dx) in dy.iter().zip(dx) {
            dx.flat_mut().copy_from_slice(dy);
        }
    }
}
