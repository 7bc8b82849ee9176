//! The one trait of a network's parts, and how parts are put together.

use crate::params::untrained;
use crate::train::all_finite;
use crate::{Params, Real, Tensor, Tensors, Zero};

/// One stage of a network: reads a batch of `X`, writes a batch of [`Out`](Self::Out). `B` is the batch size.
///
/// A layer is also its own parameters, so `network.clone()` is a copy of the weights and `size_of::<Network>()` is what they cost.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot take an input of shape `{X}`",
    label = "this layer does not fit the output `{X}` of what stands before it",
    note = "each layer's input must have the shape of the output of the layer before it: `Dense<I, O>` reads `[T; I]` and writes `[T; O]`"
)]
pub trait Layer<X: Tensor>: Params<X::Elem> {
    /// What one example becomes.
    type Out: Tensor<Elem = X::Elem>;
    /// What a pass keeps between the input and the output: `()` for a single layer.
    type Acts<const B: usize>: Zero;
    /// What backpropagation needs beside: `()` for a single layer.
    type Scratch<const B: usize>: Zero;
    /// Conditions on shapes that the type system cannot express. Evaluated when a [`Pass`](crate::Pass) of the network is named.
    const CHECK: () = ();

    /// Writes the output `y` of the batch `x`.
    fn forward<const B: usize>(&self, x: &[X; B], acts: &mut Self::Acts<B>, y: &mut [Self::Out; B], mode: Mode);

    /// Given `dy = ∂loss/∂y`, writes `∂loss/∂parameters` to `grads` (or adds it there, as [`Mode`] says) and `∂loss/∂x` to `dx`,
    /// each where asked for. Overwrites `dy`. The order of every sum is that of the examples and indices.
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
    fn side(mut self, salt: u64) -> Self {
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

/// What a pair keeps in a forward pass: `a`'s and `b`'s own, and the batch between them.
pub struct PairActs<A, M, B> {
    pub(crate) a: A,
    pub(crate) between: M,
    pub(crate) b: B,
}

impl<A: Zero, M: Zero, B: Zero> Zero for PairActs<A, M, B> {
    const ZERO: Self = Self { a: A::ZERO, between: M::ZERO, b: B::ZERO };
    fn clear(&mut self) {
        self.a.clear();
        self.between.clear();
        self.b.clear();
    }
}

impl<X: Tensor, L: Layer<X>, R: Layer<L::Out>> Layer<X> for (L, R) {
    type Out = R::Out;
    type Acts<const B: usize> = PairActs<L::Acts<B>, [L::Out; B], R::Acts<B>>;
    type Scratch<const B: usize> = PairActs<L::Scratch<B>, [L::Out; B], R::Scratch<B>>;
    const CHECK: () = {
        let ((), ()) = (L::CHECK, R::CHECK);
    };

    #[inline]
    fn forward<const B: usize>(&self, x: &[X; B], acts: &mut Self::Acts<B>, y: &mut [R::Out; B], mode: Mode) {
        self.0.forward(x, &mut acts.a, &mut acts.between, mode.side(1));
        self.1.forward(&acts.between, &mut acts.b, y, mode.side(2));
    }

    #[inline]
    fn backward<const B: usize>(
        &self,
        x: &[X; B],
        acts: &Self::Acts<B>,
        y: &[R::Out; B],
        dy: &mut [R::Out; B],
        scratch: &mut Self::Scratch<B>,
        dx: Option<&mut [X; B]>,
        grads: Option<&mut Self::Grads>,
        mode: Mode,
    ) {
        let (left, right) = match grads {
            Some((left, right)) => (Some(left), Some(right)),
            None => (None, None),
        };
        let left_trains = left.is_some() && size_of::<L::Grads>() > 0;
        let between = &mut scratch.between;
        if left_trains || dx.is_some() {
            self.1.backward(&acts.between, &acts.b, y, dy, &mut scratch.b, Some(between), right, mode.side(2));
            self.0.backward(x, &acts.a, &acts.between, between, &mut scratch.a, dx, left, mode.side(1));
        } else {
            self.1.backward(&acts.between, &acts.b, y, dy, &mut scratch.b, None, right, mode.side(2));
        }
    }

    #[inline]
    fn gradients_are_finite<const B: usize>(
        &self,
        x: &[X; B],
        acts: &Self::Acts<B>,
        dy: &[R::Out; B],
        scratch: &Self::Scratch<B>,
        grads: &Self::Grads,
    ) -> bool {
        self.0.gradients_are_finite(x, &acts.a, &scratch.between, &scratch.a, &grads.0)
            && self.1.gradients_are_finite(&acts.between, &acts.b, dy, &scratch.b, &grads.1)
    }

    #[inline]
    fn observe<const B: usize>(&mut self, acts: &Self::Acts<B>) {
        self.0.observe(&acts.a);
        self.1.observe(&acts.b);
    }
}

/// `chain![A, B, C]` is the type of the network `A`, then `B`, then `C`: the pairs `((A, B), C)`.
///
/// A shape mistake is a compile error that names both shapes:
///
/// ```compile_fail,E0277
/// use nerve::prelude::*;
///
/// type Net = chain![Dense<4, 10, Sigmoid>, Dense<9, 3>]; // 10 outputs into 9 inputs
/// static PASS: Pass<Net, [f32; 4]> = Pass::ZERO;
/// ```
#[macro_export]
macro_rules! chain {
    ($a:ty $(,)?) => { $a };
    ($a:ty, $b:ty $(, $rest:ty)* $(,)?) => { $crate::chain!(($a, $b) $(, $rest)*) };
}

/// A layer or network that keeps its weights while others train: no gradients, no moments, and it computes as in inference, so that
/// nothing is dropped out and statistics stay. It still passes gradients on to what stands before it, and is stored like `L` itself.
#[derive(Clone, Debug, PartialEq)]
pub struct Frozen<L>(pub L);

impl<L: Zero> Zero for Frozen<L> {
    const ZERO: Self = Self(L::ZERO);
    fn clear(&mut self) {
        self.0.clear();
    }
}

impl<T, L: Tensors<T>> Tensors<T> for Frozen<L> {
    const LEN: usize = L::LEN;
    const FINGERPRINT: u32 = L::FINGERPRINT;
    fn visit(&self, f: &mut impl FnMut(&[T])) {
        self.0.visit(f);
    }
    fn visit_mut(&mut self, f: &mut impl FnMut(&mut [T])) {
        self.0.visit_mut(f);
    }
}

untrained!([T: Real, L: Tensors<T>] Frozen<L>);

/// `Layer` by the layer that `$inner` finds in `self`, without its gradients.
macro_rules! layer_without_grads {
    ($This:ty, |$this:ident| $inner:expr) => {
        impl<X: Tensor, L: Layer<X>> Layer<X> for $This {
            type Out = L::Out;
            type Acts<const B: usize> = L::Acts<B>;
            type Scratch<const B: usize> = L::Scratch<B>;
            const CHECK: () = L::CHECK;

            #[inline]
            fn forward<const B: usize>(&self, x: &[X; B], acts: &mut L::Acts<B>, y: &mut [L::Out; B], _: Mode) {
                let $this = self;
                $inner.forward(x, acts, y, Mode::Inference);
            }
            #[inline]
            fn backward<const B: usize>(
                &self,
                x: &[X; B],
                acts: &L::Acts<B>,
                y: &[L::Out; B],
                dy: &mut [L::Out; B],
                scratch: &mut L::Scratch<B>,
                dx: Option<&mut [X; B]>,
                _: Option<&mut ()>,
                _: Mode,
            ) {
                let $this = self;
                $inner.backward(x, acts, y, dy, scratch, dx, None, Mode::Inference);
            }
        }
    };
}
layer_without_grads!(Frozen<L>, |this| this.0);
// A borrowed network runs where it lies, in flash for a `static`, and is frozen.
layer_without_grads!(&L, |this| (**this));
