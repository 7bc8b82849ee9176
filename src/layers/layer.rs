//! The trait of a network's parts with which it learns.

use crate::layers::Forward;
use crate::numbers::{Array, Float, Params, Tensor, Zero, all_finite};

/// One stage of a network that learns: its [`Forward`] pass, over batches and with what is kept for backpropagation, and backpropagation.
/// Reads a batch of `X`, writes a batch of [`Out`](Forward::Out). `B` is the batch size.
///
/// A layer is also its own parameters, so `network.clone()` is a copy of the weights and `size_of::<Network>()` is what they cost.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot take an input of shape `{X}`",
    label = "this layer does not fit the output `{X}` of what stands before it",
    note = "each layer's input must have the shape of the output of the layer before it: `Dense<I, O>` reads `[T; I]` and writes `[T; O]`"
)]
pub trait Layer<X: Array>: Params<Float<X>> + Forward<X, Out: Tensor<Elem = Float<X>>> {
    /// What a pass keeps between the input and the output: `()` for a single layer.
    type Acts<const B: usize>: Zero;
    /// What backpropagation needs beside: `()` for a single layer.
    type Scratch<const B: usize>: Zero;

    /// The name of the softmax or sigmoid with which the layer ends, if it does: some [losses](crate::Loss) hold them already.
    const PROBABILITIES: Option<&'static str> = None;

    /// Writes the output `y` of the batch `x`.
    fn forward<const B: usize>(&self, x: &[X; B], acts: &mut Self::Acts<B>, y: &mut [Self::Out; B], mode: Mode);

    /// Given `dy = ∂loss/∂y`, writes `∂loss/∂parameters` to `grads` (or adds it there, as [`Mode`] says) and `∂loss/∂x` to `dx`,
    /// each where asked for; an input of integers has no derivative, and nothing is written to `dx` then. Overwrites `dy`. The order of every sum is that of the examples and indices.
    #[allow(clippy::too_many_arguments)]
    fn backward<const B: usize>(
        &self,
        x: &[X; B],
        acts: &Self::Acts<B>,
        y: &[Self::Out; B],
        dy: &mut [Self::Out; B],
        scratch: &mut Self::Scratch<B>,
        dx: Option<&mut [X; B]>,
        grads: Option<&mut Self::Grads>,
        mode: Mode,
    );

    /// Whether all gradients are finite that [`backward`](Self::backward) has just written (not added), given what it was given.
    /// A layer that can tell without a look at each of them says how.
    #[inline]
    fn gradients_are_finite<const B: usize>(
        &self,
        x: &[X; B],
        acts: &Self::Acts<B>,
        dy: &[Self::Out; B],
        scratch: &Self::Scratch<B>,
        grads: &Self::Grads,
    ) -> bool {
        let _ = (x, acts, dy, scratch);
        all_finite(grads)
    }

    /// After a step of training, takes over what the step's last pass has shown beside the derivatives: the running statistics of a
    /// [`BatchNorm`](crate::BatchNorm).
    #[inline]
    fn observe<const B: usize>(&mut self, acts: &Self::Acts<B>) {
        let _ = acts;
    }
}

/// Whether a pass classifies or learns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// [`Dropout`](crate::Dropout) passes everything on.
    Inference,
    /// Random choices depend on `seed` and the example's number alone, hence not on how examples are grouped into batches.
    Training {
        /// Whether gradients are added to those of earlier batches. If not, they overwrite what was there.
        accumulate: bool,
        /// Chooses the stream of random numbers.
        seed: u64,
        /// Number of the batch's first example since training began.
        first_example: u64,
        /// How many of the batch's examples count, the first ones. The others are left from before.
        examples: usize,
    },
}

impl Mode {
    /// Another, independent stream for one of a pair's sides.
    pub(super) fn side(mut self, salt: u64) -> Self {
        if let Mode::Training { seed, .. } = &mut self {
            *seed = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(salt);
        }
        self
    }

    /// Whether gradients are added to those that are there.
    #[inline]
    pub fn accumulates(self) -> bool {
        matches!(self, Mode::Training { accumulate: true, .. })
    }
}
