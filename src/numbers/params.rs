//! What a network holds: tensors that are stored, parameters that are trained.

use rand_core::Rng;

use crate::numbers::{Init, Real, Zero, fingerprint, mix};

/// An ordered list of tensors over `T`: a network, an optimizer's moments, or a pair of both (a checkpoint).
/// It is what [`weights`](crate::weights) stores.
pub trait Tensors<T> {
    /// Number of scalars in all tensors together.
    const LEN: usize;
    /// Names the architecture: the kinds and shapes of the layers.
    const FINGERPRINT: u32;
    /// Names the network that stays as it is and on whose outputs this one has learned, [`OnFeatures`](crate::OnFeatures); 0 without one.
    const FEATURES: u32 = 0;
    /// Calls `f` for each tensor, in declaration order.
    fn visit(&self, f: &mut impl FnMut(&[T]));
    /// Calls `f` for each tensor, in declaration order.
    fn visit_mut(&mut self, f: &mut impl FnMut(&mut [T]));
}

/// A network's parameters, as an optimizer sees them: slices, without layers.
pub trait Params<T>: Tensors<T> {
    /// The parameters' shape, for gradients and moments; `()` for a part that is not trained.
    type Grads: Zero + Tensors<T>;
    /// Calls `f(parameters, gradients, moments)` for each tensor that is trained, in declaration order, perhaps in pieces.
    fn zip<const K: usize>(
        &mut self,
        grads: &mut Self::Grads,
        moments: [&mut Self::Grads; K],
        f: &mut impl FnMut(&mut [T], &mut [T], [&mut [T]; K]),
    );
    /// Draws the weights and zeroes the biases.
    fn init<R: Rng>(&mut self, init: Init, rng: &mut R);
}

impl<T> Tensors<T> for () {
    const LEN: usize = 0;
    const FINGERPRINT: u32 = fingerprint("nothing", &[]);
    fn visit(&self, _: &mut impl FnMut(&[T])) {}
    fn visit_mut(&mut self, _: &mut impl FnMut(&mut [T])) {}
}

impl<T: Real, A: Tensors<T>, B: Tensors<T>> Tensors<T> for (A, B) {
    const LEN: usize = A::LEN + B::LEN;
    const FINGERPRINT: u32 = mix(A::FINGERPRINT, B::FINGERPRINT);
    const FEATURES: u32 = match (A::FEATURES, B::FEATURES) {
        (features, 0) | (0, features) => features,
        (a, b) => mix(a, b),
    };
    fn visit(&self, f: &mut impl FnMut(&[T])) {
        self.0.visit(f);
        self.1.visit(f);
    }
    fn visit_mut(&mut self, f: &mut impl FnMut(&mut [T])) {
        self.0.visit_mut(f);
        self.1.visit_mut(f);
    }
}

impl<T: Real, A: Params<T>, B: Params<T>> Params<T> for (A, B) {
    type Grads = (A::Grads, B::Grads);
    #[inline]
    fn zip<const K: usize>(
        &mut self,
        grads: &mut Self::Grads,
        mut moments: [&mut Self::Grads; K],
        f: &mut impl FnMut(&mut [T], &mut [T], [&mut [T]; K]),
    ) {
        self.0.zip(&mut grads.0, moments.each_mut().map(|m| &mut m.0), f);
        self.1.zip(&mut grads.1, moments.each_mut().map(|m| &mut m.1), f);
    }
    fn init<R: Rng>(&mut self, init: Init, rng: &mut R) {
        self.0.init(init, rng);
        self.1.init(init, rng);
    }
}

/// Exclusive references, so that `(&mut network, &mut optimizer)` is a checkpoint.
impl<T, P: Tensors<T>> Tensors<T> for &mut P {
    const LEN: usize = P::LEN;
    const FINGERPRINT: u32 = P::FINGERPRINT;
    const FEATURES: u32 = P::FEATURES;
    fn visit(&self, f: &mut impl FnMut(&[T])) {
        (**self).visit(f);
    }
    fn visit_mut(&mut self, f: &mut impl FnMut(&mut [T])) {
        (**self).visit_mut(f);
    }
}

/// A shared reference is a part that lies elsewhere, in flash perhaps: nothing of it is stored.
impl<T, P: Tensors<T>> Tensors<T> for &P {
    const LEN: usize = 0;
    const FINGERPRINT: u32 = mix(fingerprint("borrowed", &[]), P::FINGERPRINT);
    fn visit(&self, _: &mut impl FnMut(&[T])) {}
    fn visit_mut(&mut self, _: &mut impl FnMut(&mut [T])) {}
}

/// `Params` for a layer that trains nothing.
macro_rules! untrained {
    ([$($generics:tt)*] $Layer:ty) => {
        impl<$($generics)*> $crate::numbers::Params<T> for $Layer {
            type Grads = ();
            fn zip<const MOMENTS: usize>(
                &mut self,
                (): &mut (),
                _: [&mut (); MOMENTS],
                _: &mut impl FnMut(&mut [T], &mut [T], [&mut [T]; MOMENTS]),
            ) {
            }
            fn init<R: rand_core::Rng>(&mut self, _: $crate::numbers::Init, _: &mut R) {}
        }
    };
}
pub(crate) use untrained;

/// `Tensors` and `Params` for a layer that holds nothing at all.
macro_rules! stateless {
    ([$($generics:tt)*] $Layer:ty, $fingerprint:expr) => {
        impl<$($generics)*> $crate::numbers::Tensors<T> for $Layer {
            const LEN: usize = 0;
            const FINGERPRINT: u32 = $fingerprint;
            fn visit(&self, _: &mut impl FnMut(&[T])) {}
            fn visit_mut(&mut self, _: &mut impl FnMut(&mut [T])) {}
        }
        $crate::numbers::untrained!([$($generics)*] $Layer);
    };
}
pub(crate) use stateless;

untrained!([T: Real, P: Tensors<T>] &P);
