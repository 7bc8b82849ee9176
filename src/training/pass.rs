//! Running a network over batches.

use crate::layers::{Layer, Mode};
use crate::numbers::{Array, Zero};

/// The memory of a forward pass over `B` examples of `X` through the network `N`, which keeps what backpropagation reads.
///
/// Costs the outputs of every layer, `B` times. A device that infers takes an [`Arena`](crate::Arena); this is for batches on a desktop.
pub struct Pass<N: Layer<X>, X: Array, const B: usize = 1> {
    pub(super) acts: N::Acts<B>,
    pub(super) y: [N::Out; B],
}

impl<N: Layer<X>, X: Array, const B: usize> Pass<N, X, B> {
    /// Empty memory.
    pub const ZERO: Self = {
        let ((), _) = (N::CHECK, N::PLAN);
        Self { acts: Zero::ZERO, y: Zero::ZERO }
    };

    /// The network's outputs for a batch. An example's output has the same bits in a batch of any size.
    #[inline]
    pub fn run(&mut self, network: &N, x: &[X; B]) -> &[N::Out; B] {
        network.forward(x, &mut self.acts, &mut self.y, Mode::Inference);
        &self.y
    }
}
