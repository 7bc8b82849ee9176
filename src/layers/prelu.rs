//! A leaky ReLU that learns its slope.

use core::array::{from_mut, from_ref};

use const_panic::concat_panic;
use rand_core::Rng;

use crate::layers::{Forward, InRows, Layer, Memory, Mode, Plan, WithChannels, are_small, in_place};
use crate::numbers::{Array, Init, Params, Real, Tensor, Tensors, Zero, fingerprint};

/// `x` above 0, `a·x` below, with a trained `a` for each of `C` channels, or one for all of them if `C` is 1 (He et al. 2015); `nn.PReLU(C)`.
///
/// [`init`](Params::init) makes `a` ¼. A leaky ReLU with a slope of one's own is `Frozen(PRelu::new([0.2]))`. Costs `C` scalars; a pass of
/// training keeps the input, since with an `a` below 0 the output does not tell it: `∂loss/∂a = Σ dy·x` over the `x` below 0.
#[derive(Clone, Debug, PartialEq)]
pub struct PRelu<const C: usize, T = f32> {
    /// Slopes.
    pub a: [T; C],
}

impl<const C: usize, T> PRelu<C, T> {
    /// With the given slopes.
    pub const fn new(a: [T; C]) -> Self {
        Self { a }
    }
}

impl<const C: usize, T: Real> PRelu<C, T> {
    /// Over pixels where they lie.
    #[inline]
    fn apply(&self, pixels: &mut [T]) {
        for pixel in pixels.chunks_exact_mut(C.max(1)) {
            pixel.iter_mut().zip(&self.a).for_each(|(y, a)| *y = leaky(*y, *a));
        }
    }
}

impl<const C: usize, T: Real> Zero for PRelu<C, T> {
    const ZERO: Self = Self { a: Zero::ZERO };
    fn clear(&mut self) {
        self.a.clear();
    }
}

impl<const C: usize, T: Real> Tensors<T> for PRelu<C, T> {
    const LEN: usize = C;
    const FINGERPRINT: u32 = fingerprint("PRelu", &[C]);
    fn visit(&self, f: &mut impl FnMut(&[T])) {
        f(&self.a);
    }
    fn visit_mut(&mut self, f: &mut impl FnMut(&mut [T])) {
        f(&mut self.a);
    }
}

impl<const C: usize, T: Real> Params<T> for PRelu<C, T> {
    type Grads = Self;
    fn zip<const K: usize>(
        &mut self,
        grads: &mut Self,
        moments: [&mut Self; K],
        f: &mut impl FnMut(&mut [T], &mut [T], [&mut [T]; K]),
    ) {
        f(&mut self.a, &mut grads.a, moments.map(|m| m.a.as_mut_slice()));
    }
    fn init<R: Rng>(&mut self, _: Init, _: &mut R) {
        self.a = [T::of(0.25); C];
    }
}

impl<X: Tensor<Elem = T> + WithChannels<C>, const C: usize, T: Real> Forward<X> for PRelu<C, T> {
    type Out = X;
    const CHECK: () = if C != 1 && C != X::CHANNELS {
        concat_panic!(
            display: "PRelu: the input has ", X::CHANNELS, display: " channels, write `PRelu<", X::CHANNELS,
            display: ">` or `PRelu<1>`, not `PRelu<", C, display: ">`"
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

in_place!([X: Tensor<Elem = T> + WithChannels<C> + InRows, const C: usize, T: Real] X, PRelu<C, T>, |layer, row| layer.apply(row.flat_mut()));

impl<X: Tensor<Elem = T> + WithChannels<C>, const C: usize, T: Real> Layer<X> for PRelu<C, T> {
    type Acts<const B: usize> = ();
    type Scratch<const B: usize> = ();

    #[inline]
    fn forward<const B: usize>(&self, x: &[X; B], (): &mut (), y: &mut [X; B], _: Mode) {
        let pixels = X::flatten_mut(y).chunks_exact_mut(C.max(1)).zip(X::flatten(x).chunks_exact(C.max(1)));
        for (y, x) in pixels {
            y.iter_mut().zip(x).zip(&self.a).for_each(|((y, x), a)| *y = leaky(*x, *a));
        }
    }
    #[inline]
    fn backward<const B: usize>(
        &self,
        x: &[X; B],
        (): &(),
        _: &[X; B],
        dy: &mut [X; B],
        (): &mut (),
        dx: Option<&mut [X; B]>,
        _: Mode,
    ) {
        let Some(dx) = dx else { return };
        let (x, dy) = (X::flatten(x), X::flatten(dy));
        let pixels = X::flatten_mut(dx).chunks_exact_mut(C.max(1));
        for ((dx, x), dy) in pixels.zip(x.chunks_exact(C.max(1))).zip(dy.chunks_exact(C.max(1))) {
            for (((dx, x), dy), a) in dx.iter_mut().zip(x).zip(dy).zip(&self.a) {
                *dx = if *x > T::ZERO { *dy } else { *a * *dy };
            }
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
        let pixels = X::flatten(x).chunks_exact(C.max(1)).zip(X::flatten(dy).chunks_exact(C.max(1)));
        for (x, dy) in pixels {
            for ((da, x), dy) in grads.a.iter_mut().zip(x).zip(dy) {
                if *x <= T::ZERO {
                    *da += *dy * *x;
                }
            }
        }
    }
    #[inline]
    fn gradients_are_finite<const B: usize>(&self, x: &[X; B], (): &(), _: &[X; B], dy: &[X; B], (): &()) -> bool {
        are_small(X::flatten(x), X::flatten(dy))
    }
}

#[inline(always)]
fn leaky<T: Real>(x: T, a: T) -> T {
    if x > T::ZERO { x } else { a * x }
}
