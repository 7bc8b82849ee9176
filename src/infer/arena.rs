//! The memory of inference.

use const_panic::concat_panic;

use crate::layers::{Forward, Memory};
use crate::numbers::{Array, Zero};

/// Bytes of an [`Arena`] for the network `N` and the input `X`: the largest that are needed at the same time.
pub const fn arena_len<N: Forward<X>, X: Array>() -> usize {
    let () = N::CHECK;
    N::PLAN.outside
}

/// Bytes of the stack that the largest scratch of the network's kernels takes, beside an [`Arena`] or a [`Stream`](crate::Stream): inputs of
/// integer layers, expanded to 16 bits, and sums. It is that of the processor that the program is compiled for, 1 to 2.5 KiB where there is
/// one, and an upper bound: small layers take less. Frames of calls take 1 KiB beside it at most.
///
/// ```
/// use nerve::prelude::*;
///
/// assert_eq!(nerve::scratch_len::<Dense<4, 10, Sigmoid>, [f32; 4]>(), 0);
/// ```
pub const fn scratch_len<N: Forward<X>, X: Array>() -> usize {
    N::PLAN.scratch
}

/// The memory in which one example at a time goes through a network: `BYTES` bytes, those of [`arena_len`].
///
/// ```
/// use nerve::prelude::*;
///
/// type Net = chain![Dense<4, 10, Sigmoid>, Dense<10, 3>];
///
/// let mut arena = Arena::<{ arena_len::<Net, [f32; 4]>() }>::ZERO; // 40 bytes and 12, each to a multiple of 8
/// let logits = arena.predict(&Net::ZERO, &[5.1, 3.5, 1.4, 0.2]);
/// # assert_eq!((logits, arena_len::<Net, [f32; 4]>()), (&[0.0; 3], 56));
/// ```
///
/// Each layer reads at one end of it and writes to the other, so that two neighbouring layers' outputs are there at a time and not all. The
/// input lies elsewhere. It may be a `static`, since [`ZERO`](Self::ZERO) is a constant, and networks may share it that run one after the
/// other: its length then is that of the largest.
///
/// Too little memory is a compile error that says how much it takes:
///
/// ```compile_fail,E0080
/// use nerve::prelude::*;
///
/// let mut arena = Arena::<32>::ZERO;
/// arena.predict(&Dense::<4, 10>::ZERO, &[0.0; 4]); // needs 40
/// ```
#[repr(align(8))]
pub struct Arena<const BYTES: usize>([u8; BYTES]);

impl<const BYTES: usize> Zero for Arena<BYTES> {
    const ZERO: Self = Self::ZERO;
    fn clear(&mut self) {
        self.0.fill(0);
    }
}

impl<const BYTES: usize> Arena<BYTES> {
    /// Empty memory.
    pub const ZERO: Self = Self([0; BYTES]);

    /// The network's output for one example. It has the bits of a batch's.
    #[inline]
    pub fn predict<N: Forward<X>, X: Array>(&mut self, network: &N, x: &X) -> &N::Out {
        const {
            if BYTES < arena_len::<N, X>() {
                concat_panic!(
                    display: "the arena has ", BYTES, display: " bytes and the network needs ", arena_len::<N, X>(),
                    display: ": `Arena<{ arena_len::<Net, Input>() }>`"
                );
            }
        }
        network.infer(x, Memory::new(&mut self.0));
        match Memory::new(&mut self.0).tensor() {
            Some(y) => y,
            // The compiler sees that this is never reached, and leaves it out; `panic_free` in the firmware does not link otherwise.
            None => unreachable!("the length was checked"),
        }
    }
}
