//! Networks that keep their weights.

use crate::layers::{Forward, InRows, Layer, Memory, Mode, OutRow, Plan, Streamed};
use crate::numbers::{Array, Real, Tensors, Zero, untrained};

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
    const FEATURES: u32 = L::FEATURES;
    fn visit(&self, f: &mut impl FnMut(&[T])) {
        self.0.visit(f);
    }
    fn visit_mut(&mut self, f: &mut impl FnMut(&mut [T])) {
        self.0.visit_mut(f);
    }
}

untrained!([T: Real, L: Tensors<T>] Frozen<L>);

/// The first layer of a head, that gives meaning to the integers of the network before it, with the name of that network: its weights files and
/// checkpoints have it too, so that a head of other features is refused. It does not learn, and is stored like `L` itself.
///
/// [Imported](crate::guide::new_classes) modules begin their `Head` with one.
#[derive(Clone, Debug, PartialEq)]
pub struct OnFeatures<const FEATURES: u32, L>(pub L);

impl<const FEATURES: u32, L: Zero> Zero for OnFeatures<FEATURES, L> {
    const ZERO: Self = Self(L::ZERO);
    fn clear(&mut self) {
        self.0.clear();
    }
}

impl<const FEATURES: u32, T, L: Tensors<T>> Tensors<T> for OnFeatures<FEATURES, L> {
    const LEN: usize = L::LEN;
    const FINGERPRINT: u32 = L::FINGERPRINT;
    const FEATURES: u32 = FEATURES;
    fn visit(&self, f: &mut impl FnMut(&[T])) {
        self.0.visit(f);
    }
    fn visit_mut(&mut self, f: &mut impl FnMut(&mut [T])) {
        self.0.visit_mut(f);
    }
}

untrained!([const FEATURES: u32, T: Real, L: Tensors<T>] OnFeatures<FEATURES, L>);

/// `Layer` by the layer that `$inner` finds in `self`, without its gradients.
macro_rules! layer_without_grads {
    ($This:ty, [$($generics:tt)*], |$this:ident| $inner:expr) => {
        impl<$($generics)* X: Array, L: Forward<X>> Forward<X> for $This {
            type Out = L::Out;
            const CHECK: () = L::CHECK;
            const PLAN: Plan = L::PLAN;

            #[inline]
            fn infer(&self, x: &X, memory: Memory) {
                let $this = self;
                $inner.infer(x, memory);
            }
            #[inline]
            fn infer_inside(&self, memory: Memory) {
                let $this = self;
                $inner.infer_inside(memory);
            }
        }

        impl<$($generics)* X: InRows, L: Streamed<X>> Streamed<X> for $This {
            type State = L::State;
            type Late<P: Array> = L::Late<P>;
            const STRIDE: usize = L::STRIDE;
            const STREAMS: () = L::STREAMS;

            #[inline]
            fn place<'s>(state: &'s mut L::State, y: &'s mut OutRow<L, X>) -> &'s mut X::Row {
                L::place(state, y)
            }
            #[inline]
            fn advance(&self, state: &mut L::State, y: &mut OutRow<L, X>) -> bool {
                let $this = self;
                $inner.advance(state, y)
            }
            #[inline]
            fn finish(&self, state: &mut L::State, y: &mut OutRow<L, X>) -> bool {
                let $this = self;
                $inner.finish(state, y)
            }
        }

        impl<$($generics)* X: Array, L: Layer<X>> Layer<X> for $This {
            type Acts<const B: usize> = L::Acts<B>;
            type Scratch<const B: usize> = L::Scratch<B>;
            const PROBABILITIES: Option<&'static str> = L::PROBABILITIES;

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
                _: Mode,
            ) {
                let $this = self;
                $inner.backward(x, acts, y, dy, scratch, dx, Mode::Inference);
            }
        }
    };
}
layer_without_grads!(Frozen<L>, [], |this| this.0);
layer_without_grads!(OnFeatures<FEATURES, L>, [const FEATURES: u32,], |this| this.0);
// A borrowed network runs where it lies, in flash for a `static`, and is frozen.
layer_without_grads!(&L, [], |this| (**this));
