//! The fully connected layer.

use core::array::{from_mut, from_ref};
use core::marker::PhantomData;

use crate::kernels;
use crate::layers::activation::probabilities;
use crate::layers::{
    Activation, Affine, Descend, Forward, Layer, Linear, Memory, Mode, Streamed, are_small, in_rows, scale_rows,
    weights_and_biases,
};
use crate::numbers::{Array, Real, Zero, fingerprint, mix};

/// `y = f(x·W + b)`: `I` inputs, `O` outputs, activation `F` over scalars `T`.
///
/// Weights are stored `w[input][output]`, so that neighbouring outputs lie side by side and several are computed at once.
/// Each output is the sum `b + x₀w₀ + x₁w₁ + …` in this order on every target and at every batch size.
///
/// Costs `(I·O + O)·size_of::<T>()` bytes, as much again for each of an optimizer's moments; a pass keeps `B·O` outputs. Backpropagation (Rumelhart, Hinton and Williams 1986): with `δ = ∂loss/∂y ⊙ f'`,
/// `∂loss/∂W = xᵀ·δ`, `∂loss/∂b = Σ δ`, `∂loss/∂x = δ·Wᵀ`.
#[derive(Clone, Debug, PartialEq)]
pub struct Dense<const I: usize, const O: usize, F = Linear, T = f32> {
    /// Weights, `w[input][output]`.
    pub w: [[T; O]; I],
    /// Biases.
    pub b: [T; O],
    activation: PhantomData<fn() -> F>,
}

impl<const I: usize, const O: usize, F, T> Dense<I, O, F, T> {
    /// A layer with the given weights, `w[input][output]`, and biases.
    pub const fn new(w: [[T; O]; I], b: [T; O]) -> Self {
        Self { w, b, activation: PhantomData }
    }
}

weights_and_biases!(
    [const I: usize, const O: usize, F: Activation, T: Real] Dense<I, O, F, T>,
    scalars: I * O + O,
    fingerprint: mix(fingerprint("Dense", &[I, O]), F::FINGERPRINT),
    fan_in: I,
    fan_out: O
);

impl<const I: usize, const O: usize, F: Activation, T: Real> Forward<[T; I]> for Dense<I, O, F, T> {
    type Out = [T; O];

    #[inline]
    fn infer(&self, x: &[T; I], memory: Memory) {
        memory.write(|y| self.forward(from_ref(x), &mut (), from_mut(y), Mode::Inference));
    }
}

impl<const I: usize, const O: usize, F: Activation, T: Real> Streamed<[T; I]> for Dense<I, O, F, T> {
    /// The inputs.
    type State = [T; I];
    type Late<P: Array> = [P; 0];

    #[inline]
    fn place<'s>(x: &'s mut [T; I], _: &'s mut [T; O]) -> &'s mut [T; I] {
        x
    }
    #[inline]
    fn advance(&self, x: &mut [T; I], y: &mut [T; O]) -> bool {
        self.forward(from_ref(x), &mut (), from_mut(y), Mode::Inference);
        true
    }
}

impl<const I: usize, const O: usize, F: Activation, T: Real> Layer<[T; I]> for Dense<I, O, F, T> {
    type Acts<const B: usize> = ();
    type Scratch<const B: usize> = ();
    const PROBABILITIES: Option<&'static str> = probabilities::<F>();

    #[inline]
    fn forward<const B: usize>(&self, x: &[[T; I]; B], (): &mut (), y: &mut [[T; O]; B], _: Mode) {
        kernels::affine(x, &self.w, &self.b, y);
        F::forward(y.as_flattened_mut(), O);
    }

    #[inline]
    fn backward<const B: usize>(
        &self,
        _: &[[T; I]; B],
        (): &(),
        y: &[[T; O]; B],
        dy: &mut [[T; O]; B],
        (): &mut (),
        dx: Option<&mut [[T; I]; B]>,
        _: Mode,
    ) {
        F::backward(y.as_flattened(), dy.as_flattened_mut(), O);
        if let Some(dx) = dx {
            kernels::times_transposed::<false, _, _, _, _>(dy, &self.w, dx);
        }
    }

    #[inline]
    fn gradients<const B: usize>(
        &self,
        x: &[[T; I]; B],
        (): &(),
        _: &[[T; O]; B],
        dy: &[[T; O]; B],
        (): &(),
        grads: &mut Self,
        add: bool,
    ) {
        if add {
            kernels::gradients::<true, _, _, _, _>(x, dy, &mut grads.w, &mut grads.b);
        } else {
            kernels::gradients::<false, _, _, _, _>(x, dy, &mut grads.w, &mut grads.b);
        }
    }

    // On a device one copy for looking at gradients and for a step along them.
    #[cfg_attr(not(target_os = "none"), inline)]
    #[cfg_attr(target_os = "none", inline(never))]
    fn descend<const B: usize, const K: usize>(
        &mut self,
        x: &[[T; I]; B],
        (): &(),
        _: &[[T; O]; B],
        dy: &[[T; O]; B],
        (): &(),
        mut moments: [&mut Self; K],
        f: &mut Descend<T, K>,
    ) {
        let mut b = [T::ZERO; O];
        let w = moments.each_mut().map(|m| &mut m.w);
        in_rows(&mut self.w, w, f, |from, rows| kernels::gradient_rows(x, dy, from, rows, &mut b));
        f(&mut self.b, &mut b, moments.map(|m| m.b.as_mut_slice()));
    }

    #[inline]
    fn gradients_are_finite<const B: usize>(
        &self,
        x: &[[T; I]; B],
        (): &(),
        _: &[[T; O]; B],
        dy: &[[T; O]; B],
        (): &(),
    ) -> bool {
        are_small(x.as_flattened(), dy.as_flattened())
    }
}

impl<const I: usize, const O: usize, T: Real> Affine<T> for Dense<I, O, Linear, T> {
    type Channels = [T; O];
    type With<F: Activation> = Dense<I, O, F, T>;
    fn scaled<F: Activation>(&self, scale: &[T; O], shift: &[T; O], to: &mut Self::With<F>) {
        scale_rows(&self.w, scale, &[T::ZERO; O], &mut to.w);
        scale_rows(&[self.b], scale, shift, core::slice::from_mut(&mut to.b));
    }
}
