//! What layers of weights and biases share.

use crate::kernels::SHORT;
use crate::layers::Descend;
use crate::numbers::{Array, Real, Tensor};

/// `Zero`, `Tensors` and `Params` for a layer of weights `w`, an array of any rank, and biases `b`.
macro_rules! weights_and_biases {
    ([$($generics:tt)*] $Layer:ty, scalars: $len:expr, fingerprint: $fingerprint:expr, fan_in: $fan_in:expr, fan_out: $fan_out:expr) => {
        impl<$($generics)*> $crate::numbers::Zero for $Layer {
            const ZERO: Self = Self::new($crate::numbers::Zero::ZERO, $crate::numbers::Zero::ZERO);
            fn clear(&mut self) {
                self.w.clear();
                self.b.clear();
            }
        }
        impl<$($generics)*> $crate::numbers::Tensors<T> for $Layer {
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
        impl<$($generics)*> $crate::numbers::Params<T> for $Layer {
            type Grads = Self;
            #[inline]
            fn zip<const MOMENTS: usize>(
                &mut self,
                grads: &mut Self,
                mut moments: [&mut Self; MOMENTS],
                f: &mut impl FnMut(&mut [T], &mut [T], [&mut [T]; MOMENTS]),
            ) {
                $crate::layers::zip_weights(&mut self.w, &mut grads.w, moments.each_mut().map(|m| &mut m.w), f);
                f(&mut self.b, &mut grads.b, moments.each_mut().map(|m| m.b.as_mut_slice()));
            }
            fn init<R: rand_core::Rng>(&mut self, init: $crate::numbers::Init, rng: &mut R) {
                init.fill(self.w.flat_mut(), $fan_in, $fan_out, rng);
                self.b.clear();
            }
        }
        impl<$($generics)*> $crate::layers::rounded::Weighted<T> for $Layer {
            fn rounded(&self, to: &mut Self) {
                $crate::layers::rounded::round_columns(self.w.flat(), to.w.flat_mut(), &mut to.b);
                to.b = self.b;
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
    grads: &mut [R; I],
    moments: [&mut [R; I]; K],
    f: &mut impl FnMut(&mut [T], &mut [T], [&mut [T]; K]),
) {
    if cfg!(target_os = "none") || R::LEN < 4 || I * R::LEN > SHORT {
        f(w.flat_mut(), grads.flat_mut(), moments.map(|m| m.flat_mut()));
        return;
    }
    let mut moments = moments.map(|m| m.iter_mut());
    for (w, g) in w.iter_mut().zip(grads) {
        f(w.flat_mut(), g.flat_mut(), moments.each_mut().map(|m| m.next().map_or(&mut [][..], R::flat_mut)));
    }
}

/// How many rows of gradients lie on the stack at the same time.
const ROWS: usize = if cfg!(target_os = "none") { 4 } else { 16 };

/// Calls `f` for some rows of weights after the other, whose gradients `compute` writes, given the number of the first.
#[inline(always)]
pub(crate) fn in_rows<T: Real, const I: usize, const O: usize, const K: usize>(
    w: &mut [[T; O]; I],
    moments: [&mut [[T; O]; I]; K],
    f: &mut Descend<T, K>,
    mut compute: impl FnMut(usize, &mut [[T; O]]),
) {
    let mut gradients = [[T::ZERO; O]; ROWS];
    let mut moments = moments.map(|m| m.chunks_mut(ROWS));
    for (i, w) in w.chunks_mut(ROWS).enumerate() {
        let Some(gradients) = gradients.get_mut(..w.len()) else { return };
        compute(i * ROWS, gradients);
        let moments = moments.each_mut().map(|m| m.next().unwrap_or_default().as_flattened_mut());
        f(w.as_flattened_mut(), gradients.as_flattened_mut(), moments);
    }
}

/// Whether sums of products of an input and a derivative are certainly finite.
#[inline]
pub(crate) fn are_small<T: Real>(x: &[T], dy: &[T]) -> bool {
    T::are_small(x) && T::are_small(dy)
}
