//! What a network holds: tensors that are stored, parameters that are trained.

use rand_core::Rng;

use crate::kernels::SHORT;
use crate::{Init, Real, Tensor, Zero};

/// An ordered list of tensors over `T`: a network, an optimizer's moments, or a pair of both (a checkpoint).
/// It is what [`weights`](crate::weights) stores.
pub trait Tensors<T> {
    /// Number of scalars in all tensors together.
    const LEN: usize;
    /// Names the architecture: the kinds and shapes of the layers.
    const FINGERPRINT: u32;
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
        grads: &Self::Grads,
        moments: [&mut Self::Grads; K],
        f: &mut impl FnMut(&mut [T], &[T], [&mut [T]; K]),
    );
    /// Draws the weights and zeroes the biases.
    fn init<R: Rng>(&mut self, init: Init, rng: &mut R);
}

/// FNV-1a over a kind of layer and its dimensions.
pub(crate) const fn fingerprint(kind: &str, dimensions: &[usize]) -> u32 {
    let mut hash = 0x811c_9dc5;
    let mut i = 0;
    while i < kind.len() {
        hash = fnv(hash, kind.as_bytes()[i]);
        i += 1;
    }
    let mut i = 0;
    while i < dimensions.len() {
        hash = mix(hash, dimensions[i] as u32);
        i += 1;
    }
    hash
}

/// One more word into a fingerprint.
pub(crate) const fn mix(mut hash: u32, word: u32) -> u32 {
    let bytes = word.to_le_bytes();
    let mut i = 0;
    while i < bytes.len() {
        hash = fnv(hash, bytes[i]);
        i += 1;
    }
    hash
}

const fn fnv(hash: u32, byte: u8) -> u32 {
    (hash ^ byte as u32).wrapping_mul(0x0100_0193)
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
        grads: &Self::Grads,
        mut moments: [&mut Self::Grads; K],
        f: &mut impl FnMut(&mut [T], &[T], [&mut [T]; K]),
    ) {
        self.0.zip(&grads.0, moments.each_mut().map(|m| &mut m.0), f);
        self.1.zip(&grads.1, moments.each_mut().map(|m| &mut m.1), f);
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

/// `Zero`, `Tensors` and `Params` for a layer of weights `w`, an array of any rank, and biases `b`.
macro_rules! weights_and_biases {
    ([$($generics:tt)*] $Layer:ty, scalars: $len:expr, fingerprint: $fingerprint:expr, fan_in: $fan_in:expr, fan_out: $fan_out:expr) => {
        impl<$($generics)*> $crate::Zero for $Layer {
            const ZERO: Self = Self::new($crate::Zero::ZERO, $crate::Zero::ZERO);
            fn clear(&mut self) {
                self.w.clear();
                self.b.clear();
            }
        }
        impl<$($generics)*> $crate::Tensors<T> for $Layer {
            const LEN: usize = $len;
            const FINGERPRINT: u32 = $fingerprint;
            fn visit(&self, f: &mut impl FnMut(&[T])) {
                f(self.w.flat());
                f(&self.b);
            }
            fn visit_mut(&mut self, f: &mut impl FnMut(&mut [T])) {
                f(self.w.flat_mut());
                f(&mut self.b);
            }
        }
        impl<$($generics)*> $crate::Params<T> for $Layer {
            type Grads = Self;
            #[inline]
            fn zip<const MOMENTS: usize>(
                &mut self,
                grads: &Self,
                mut moments: [&mut Self; MOMENTS],
                f: &mut impl FnMut(&mut [T], &[T], [&mut [T]; MOMENTS]),
            ) {
                $crate::params::zip_weights(&mut self.w, &grads.w, moments.each_mut().map(|m| &mut m.w), f);
                f(&mut self.b, &grads.b, moments.each_mut().map(|m| m.b.as_mut_slice()));
            }
            fn init<R: rand_core::Rng>(&mut self, init: $crate::Init, rng: &mut R) {
                init.fill(self.w.flat_mut(), $fan_in, $fan_out, rng);
                self.b.clear();
            }
        }
    };
}
pub(crate) use weights_and_biases;

/// Calls `f` for all weights at once; on a desktop for each row of a few, as the next forward pass will read them: a vector that reads what
/// two stores have just written waits for both.
#[inline(always)]
pub(crate) fn zip_weights<T: Real, R: Tensor<Elem = T>, const I: usize, const K: usize>(
    w: &mut [R; I],
    grads: &[R; I],
    moments: [&mut [R; I]; K],
    f: &mut impl FnMut(&mut [T], &[T], [&mut [T]; K]),
) {
    if cfg!(target_os = "none") || R::LEN < 4 || I * R::LEN > SHORT {
        f(w.flat_mut(), grads.flat(), moments.map(|m| m.flat_mut()));
        return;
    }
    let mut moments = moments.map(|m| m.iter_mut());
    for (w, g) in w.iter_mut().zip(grads) {
        f(w.flat_mut(), g.flat(), moments.each_mut().map(|m| m.next().map_or(&mut [][..], R::flat_mut)));
    }
}

/// `Params` for a layer that trains nothing.
macro_rules! untrained {
    ([$($generics:tt)*] $Layer:ty) => {
        impl<$($generics)*> $crate::Params<T> for $Layer {
            type Grads = ();
            fn zip<const MOMENTS: usize>(
                &mut self,
                (): &(),
                _: [&mut (); MOMENTS],
                _: &mut impl FnMut(&mut [T], &[T], [&mut [T]; MOMENTS]),
            ) {
            }
            fn init<R: rand_core::Rng>(&mut self, _: $crate::Init, _: &mut R) {}
        }
    };
}
pub(crate) use untrained;

/// `Tensors` and `Params` for a layer that holds nothing at all.
macro_rules! stateless {
    ([$($generics:tt)*] $Layer:ty, $fingerprint:expr) => {
        impl<$($generics)*> $crate::Tensors<T> for $Layer {
            const LEN: usize = 0;
            const FINGERPRINT: u32 = $fingerprint;
            fn visit(&self, _: &mut impl FnMut(&[T])) {}
            fn visit_mut(&mut self, _: &mut impl FnMut(&mut [T])) {}
        }
        $crate::params::untrained!([$($generics)*] $Layer);
    };
}
pub(crate) use stateless;

untrained!([T: Real, P: Tensors<T>] &P);
