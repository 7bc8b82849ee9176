//! The trait of a network's parts with which it learns.

use crate::layers::Forward;
use crate::numbers::{Array, Float, Params, Tensor, Zero};

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

    /// Given `dy = ∂loss/∂y`, writes `∂loss/∂x` to `dx` where asked for; an input of integers has no derivative, and nothing is written to `dx`
    /// then. Leaves in `dy` and `scratch` what the gradients are made of. The order of every sum is that of the examples and indices.
    #[allow(clippy::too_many_arguments)]
    fn backward<const B: usize>(
        &self,
        x: &[X; B],
        acts: &Self::Acts<B>,
        y: &[Self::Out; B],
        dy: &mut [Self::Out; B],
        scratch: &mut Self::Scratch<B>,
        dx: Option<&mut [X; B]>,
        mode: Mode,
    );

    /// After [`backward`](Self::backward), given what it was given and has left, writes `∂loss/∂parameters` to `grads`, or adds it there.
    #[inline]
    #[allow(clippy::too_many_arguments)]
    fn gradients<const B: usize>(
        &self,
        x: &[X; B],
        acts: &Self::Acts<B>,
        y: &[Self::Out; B],
        dy: &[Self::Out; B],
        scratch: &Self::Scratch<B>,
        grads: &mut Self::Grads,
        add: bool,
    ) {
        const { assert!(size_of::<Self::Grads>() == 0, "a layer with parameters needs `Layer::gradients`") };
        let _ = (x, acts, y, dy, scratch, grads, add);
    }

    /// After [`backward`](Self::backward) likewise, calls `f(parameters, gradients, moments)` as [`Params::zip`] does, for gradients that are
    /// stored nowhere: computed piece by piece on the stack, with the bits of [`gradients`](Self::gradients). `f` may change the parameters.
    ///
    /// A layer that does not say how has all its gradients on the stack at once.
    #[inline]
    #[allow(clippy::too_many_arguments)]
    fn descend<const B: usize, const K: usize>(
        &mut self,
        x: &[X; B],
        acts: &Self::Acts<B>,
        y: &[Self::Out; B],
        dy: &[Self::Out; B],
        scratch: &Self::Scratch<B>,
        moments: [&mut Self::Grads; K],
        f: &mut Descend<Float<X>, K>,
    ) {
        if size_of::<Self::Grads>() > 0 {
            let mut grads = Self::Grads::ZERO;
            self.gradients(x, acts, y, dy, scratch, &mut grads, false);
            self.zip(&mut grads, moments, &mut |w, g, moments| f(w, g, moments));
        }
    }

    /// After [`backward`](Self::backward) likewise, whether all gradients are certainly finite, as sums of products of small numbers are. If not,
    /// a trainer computes them once more to look at each.
    #[inline]
    fn gradients_are_finite<const B: usize>(
        &self,
        x: &[X; B],
        acts: &Self::Acts<B>,
        y: &[Self::Out; B],
        dy: &[Self::Out; B],
        scratch: &Self::Scratch<B>,
    ) -> bool {
        let _ = (x, acts, y, dy, scratch);
        size_of::<Self::Grads>() == 0
    }

    /// After a step of training, takes over what the step's last pass has shown beside the derivatives: the running statistics of a
    /// [`BatchNorm`](crate::BatchNorm).
    #[inline]
    fn observe<const B: usize>(&mut self, acts: &Self::Acts<B>) {
        let _ = acts;
    }
}

/// What [`Layer::descend`] calls with a piece of the parameters, of their gradients, which it may change, and of moments of the same shape.
pub type Descend<'f, T, const K: usize> = dyn FnMut(&mut [T], &mut [T], [&mut [T]; K]) + 'f;

/// After [`Layer::backward`], given what it was given and has left, calls `f` with each piece of the gradients. One copy in flash of what few
/// steps need.
#[cold]
#[inline(never)]
pub(crate) fn each_gradient<X: Array, L: Layer<X>, const B: usize>(
    layer: &mut L,
    x: &[X; B],
    acts: &L::Acts<B>,
    y: &[L::Out; B],
    dy: &[L::Out; B],
    scratch: &L::Scratch<B>,
    f: &mut dyn FnMut(&[Float<X>]),
) {
    layer.descend(x, acts, y, dy, scratch, [], &mut |_, g, []| f(g));
}

/// Whether a pass classifies or learns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// [`Dropout`](crate::Dropout) passes everything on.
    Inference,
    /// Random choices depend on `seed` and the example's number alone, hence not on how examples are grouped into batches.
    Training {
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

    /// Whether it is for learning.
    #[inline]
    pub(super) fn trains(self) -> bool {
        matches!(self, Mode::Training { .. })
    }
}
