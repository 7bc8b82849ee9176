//! A factor and an addend for each channel.

use core::array::{from_mut, from_ref};
use core::marker::PhantomData;

use const_panic::concat_panic;
use rand_core::Rng;

use crate::layers::activation::probabilities;
use crate::layers::{
    Activation, Forward, InRows, Layer, Linear, Memory, Mode, Plan, WithChannels, are_small, in_place,
};
use crate::numbers::{Array, Init, Params, Real, Tensor, Tensors, Zero, fingerprint, mix};

/// `y = f(scale·x + shift)` with a trained factor and addend for each of `C` channels, activation `F`, over scalars `T`.
///
/// Behind a network that stays as it is, that is a way to adapt it with little memory: the scales and biases of its last layer go on learning, as
/// corrections (biases alone: Cai et al., NeurIPS 2020, "TinyTL"; the scales and shifts of normalisations alone: Frankle, Schwab and Morcos, ICLR 2021;
/// of features: Lian et al., NeurIPS 2022, "SSF"). [Imported](crate::guide::new_classes) modules have it in their `Head` where they are asked for it.
///
/// [`init`](Params::init) makes scales 1 and shifts 0, which change nothing. Costs `2·C` scalars; a pass of training keeps the output.
/// With `δ = ∂loss/∂y ⊙ f'`, `∂loss/∂scale = Σ δ·x` and `∂loss/∂shift = Σ δ` over examples and pixels, in this order, `∂loss/∂x = δ·scale`.
#[derive(Clone, Debug, PartialEq)]
pub struct ScaleShift<const C: usize, F = Linear, T = f32> {
    /// Factors.
    pub scale: [T; C],
    /// Addends.
    pub shift: [T; C],
    activation: PhantomData<fn() -> F>,
}

impl<const C: usize, F, T> ScaleShift<C, F, T> {
    /// With the given factors and addends.
    pub const fn new(scale: [T; C], shift: [T; C]) -> Self {
        Self { scale, shift, activation: PhantomData }
    }
}

impl<const C: usize, F: Activation, T: Real> ScaleShift<C, F, T> {
    /// Over pixels where they lie.
    #[inline]
    fn apply(&self, pixels: &mut [T]) {
        for pixel in pixels.chunks_exact_mut(C.max(1)) {
            pixel.iter_mut().zip(&self.scale).zip(&self.shift).for_each(|((y, a), b)| *y = *a * *y + *b);
        }
        F::forward(pixels, C);
    }
}

impl<const C: usize, F, T: Real> Zero for ScaleShift<C, F, T> {
    const ZERO: Self = Self::new(Zero::ZERO, Zero::ZERO);
    fn clear(&mut self) {
        self.scale.clear();
        self.shift.clear();
    }
}

impl<const C: usize, F: Activation, T: Real> Tensors<T> for ScaleShift<C, F, T> {
    const LEN: usize = 2 * C;
    const FINGERPRINT: u32 = mix(fingerprint("ScaleShift", &[C]), F::FINGERPRINT);
    fn visit(&self, f: &mut impl FnMut(&[T])) {
        f(&self.scale);
        f(&self.shift);
    }
    fn visit_mut(&mut self, f: &mut impl FnMut(&mut [T])) {
        f(&mut self.scale);
        f(&mut self.shift);
    }
}

impl<const C: usize, F: Activation, T: Real> Params<T> for ScaleShift<C, F, T> {
    type Grads = Self;
    fn zip<const K: usize>(
        &mut self,
        grads: &mut Self,
        mut moments: [&mut Self; K],
        f: &mut impl FnMut(&mut [T], &mut [T], [&mut [T]; K]),
    ) {
        f(&mut self.scale, &mut grads.scale, moments.each_mut().map(|m| m.scale.as_mut_slice()));
        f(&mut self.shift, &mut grads.shift, moments.map(|m| m.shift.as_mut_slice()));
    }
    fn init<R: Rng>(&mut self, _: Init, _: &mut R) {
        self.scale = [T::ONE; C];
        self.shift.clear();
    }
}

impl<X: Tensor<Elem = T> + WithChannels<C>, const C: usize, F: Activation, T: Real> Forward<X> for ScaleShift<C, F, T> {
    type Out = X;
    const CHECK: () = if C != X::CHANNELS {
        concat_panic!(
            display: "ScaleShift: the input has ", X::CHANNELS, display: " channels, write `ScaleShift<", X::CHANNELS,
            display: ">`, not `ScaleShift<", C, display: ">`"
        );
    };
    const PLAN: Plan = Plan::in_place::<X>();

    #[inline]
    fn infer(&self, x: &X, memory: Memory) {
        memory.write(|y| self.forward(from_ref(x), &mut (), from_mut(y), Mode::Inference));
    }
    #[inline]
    fn infer_inside(&self, memory: Memory) {
        memory.write(|y: &mut X| self.apply(y.flat_mut()));
    }
}

in_place!(
    [X: Tensor<Elem = T> + WithChannels<C> + InRows, const C: usize, F: Activation, T: Real] X, ScaleShift<C, F, T>,
    |layer, row| layer.apply(row.flat_mut())
);

impl<X: Tensor<Elem = T> + WithChannels<C>, const C: usize, F: Activation, T: Real> Layer<X> for ScaleShift<C, F, T> {
    type Acts<const B: usize> = ();
    type Scratch<const B: usize> = ();
    const PROBABILITIES: Option<&'static str> = probabilities::<F>();

    #[inline]
    fn forward<const B: usize>(&self, x: &[X; B], (): &mut (), y: &mut [X; B], _: Mode) {
        y.clone_from(x);
        self.apply(X::flatten_mut(y));
    }
    #[inline]
    fn backward<const B: usize>(
        &self,
        _: &[X; B],
        (): &(),
        y: &[X; B],
        dy: &mut [X; B],
        (): &mut (),
        dx: Option<&mut [X; B]>,
        _: Mode,
    ) {
        F::backward(X::flatten(y), X::flatten_mut(dy), C);
        let Some(dx) = dx else { return };
        let pixels = X::flatten_mut(dx).chunks_exact_mut(C.max(1)).zip(X::flatten(dy).chunks_exact(C.max(1)));
        for (dx, dy) in pixels {
            dx.iter_mut().zip(dy).zip(&self.scale).for_each(|((dx, dy), scale)| *dx = *dy * *scale);
        }
    }
    #[inline]
    fn gradients<const B: usize>(
        &self,
        x: &[X; B],
        (): &(),
        _: &[X; B],
        dy: &[X; B],
        (): &(),
        grads: &mut Self,
        add: bool,
    ) {
        if !add {
            grads.clear();
        }
        for (x, dy) in X::flatten(x).chunks_exact(C.max(1)).zip(X::flatten(dy).chunks_exact(C.max(1))) {
            let sums = grads.scale.iter_mut().zip(&mut grads.shift);
            for ((dscale, dshift), (x, dy)) in sums.zip(x.iter().zip(dy)) {
                *dscale += *dy * *x;
                *dshift += *dy;
            }
        }
    }
    #[inline]
    fn gradients_are_finite<const B: usize>(&self, x: &[X; B], (): &(), _: &[X; B], dy: &[X; B], (): &()) -> bool {
        are_small(X::flatten(x), X::flatten(dy))
    }
}
