//! From a window to its last step.

use core::array::{from_mut, from_ref};

use const_panic::concat_panic;

use crate::layers::{Forward, Layer, Memory, Mode, in_place};
use crate::numbers::{Real, Tensor, Zero, fingerprint, stateless};

/// The last of `L` steps, `[X; L]` to `X`: after a [`Gru`](crate::Gru) or [`Lstm`](crate::Lstm), the state that has seen the whole window.
/// In a [`Stream`](crate::Stream) each step is the last one when it comes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Last;

impl Zero for Last {
    const ZERO: Self = Self;
    fn clear(&mut self) {}
}
stateless!([T: Real] Last, fingerprint("Last", &[]));

impl<X: Tensor, const L: usize> Forward<[X; L]> for Last {
    type Out = X;
    const CHECK: () = if L == 0 {
        concat_panic!("Last: the window has no step");
    };

    #[inline]
    fn infer(&self, x: &[X; L], memory: Memory) {
        memory.write(|y| self.forward(from_ref(x), &mut (), from_mut(y), Mode::Inference));
    }
}

in_place!([const C: usize, const L: usize, T: Real] [[T; C]; L], Last, |_layer, _row| ());

impl<X: Tensor, const L: usize> Layer<[X; L]> for Last {
    type Acts<const B: usize> = ();
    type Scratch<const B: usize> = ();

    #[inline]
    fn forward<const B: usize>(&self, x: &[[X; L]; B], (): &mut (), y: &mut [X; B], _: Mode) {
        for (x, y) in x.iter().zip(y) {
            if let Some(x) = x.last() {
                *y = *x;
            }
        }
    }
    #[inline]
    fn backward<const B: usize>(
        &self,
        _: &[[X; L]; B],
        (): &(),
        _: &[X; B],
        dy: &mut [X; B],
        (): &mut (),
        dx: Option<&mut [[X; L]; B]>,
        _: Mode,
    ) {
        let Some(dx) = dx else { return };
        dx.clear();
        for (dy, dx) in dy.iter().zip(dx) {
            if let Some(dx) = dx.last_mut() {
                *dx = *dy;
            }
        }
    }
}
