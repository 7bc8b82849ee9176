//! Normalisation of each example for itself.

use rand_core::Rng;

use const_panic::concat_panic;

use crate::layers::{EPSILON, Forward, InRows, Layer, Memory, Mode, Plan, WithChannels, are_small, in_place};
use crate::numbers::{Array, Init, Params, Real, Tensor, Tensors, Zero, fingerprint};

/// `γ·(x − μ)/√(σ² + ε) + β` over the `N` numbers of an example, or the `N` channels of each pixel or instant, which have the mean μ and the
/// variance σ² (Ba, Kiros and Hinton 2016); `nn.LayerNorm(N)`, ε = 10⁻⁵.
///
/// Training and inference are the same, at any batch size, so it may learn on a device where a [`BatchNorm`](crate::BatchNorm) may not. It does
/// not fold into another layer. Costs `2·N` scalars; a pass of training keeps the input, from which backpropagation takes μ and σ² anew:
/// with `x̂ = (x − μ)/√(σ² + ε)` and `d = dy·γ`, `∂loss/∂x = (d − mean d − x̂·mean(d·x̂)) / √(σ² + ε)`.
#[derive(Clone, Debug, PartialEq)]
pub struct LayerNorm<const N: usize, T = f32> {
    /// γ, 1 at first.
    pub gamma: [T; N],
    /// β, 0 at first.
    pub beta: [T; N],
}

impl<const N: usize, T: Real> Zero for LayerNorm<N, T> {
    const ZERO: Self = Self { gamma: Zero::ZERO, beta: Zero::ZERO };
    fn clear(&mut self) {
        self.gamma.clear();
        self.beta.clear();
    }
}

impl<const N: usize, T: Real> Tensors<T> for LayerNorm<N, T> {
    const LEN: usize = 2 * N;
    const FINGERPRINT: u32 = fingerprint("LayerNorm", &[N]);
    fn visit(&self, f: &mut impl FnMut(&[T])) {
        f(&self.gamma);
        f(&self.beta);
    }
    fn visit_mut(&mut self, f: &mut impl FnMut(&mut [T])) {
        f(&mut self.gamma);
        f(&mut self.beta);
    }
}

impl<const N: usize, T: Real> Params<T> for LayerNorm<N, T> {
    type Grads = Self;
    fn zip<const K: usize>(
        &mut self,
        grads: &mut Self,
        mut moments: [&mut Self; K],
        f: &mut impl FnMut(&mut [T], &mut [T], [&mut [T]; K]),
    ) {
        f(&mut self.gamma, &mut grads.gamma, moments.each_mut().map(|m| m.gamma.as_mut_slice()));
        f(&mut self.beta, &mut grads.beta, moments.map(|m| m.beta.as_mut_slice()));
    }
    fn init<R: Rng>(&mut self, _: Init, _: &mut R) {
        self.gamma = [T::ONE; N];
        self.beta.clear();
    }
}

impl<const N: usize, T: Real> LayerNorm<N, T> {
    /// Normalises rows of `N` where they lie.
    #[inline]
    fn normalise(&self, rows: &mut [T]) {
        for row in rows.chunks_exact_mut(N.max(1)) {
            let (mean, inverse) = statistics(row);
            for ((y, gamma), beta) in row.iter_mut().zip(&self.gamma).zip(&self.beta) {
                *y = (*y - mean) * inverse * *gamma + *beta;
            }
        }
    }
}

/// μ and `1/√(σ² + ε)`.
#[inline(never)] // One copy in flash for all rows.
fn statistics<T: Real>(row: &[T]) -> (T, T) {
    let count = T::of(row.len() as f64);
    let mean = row.iter().fold(T::EMPTY_SUM, |sum, x| sum + *x) / count;
    let squares = row.iter().fold(T::EMPTY_SUM, |sum, x| sum + (*x - mean) * (*x - mean));
    (mean, T::ONE / (squares / count + T::of(EPSILON)).sqrt())
}

impl<X: Tensor<Elem = T> + WithChannels<N>, const N: usize, T: Real> Forward<X> for LayerNorm<N, T> {
    type Out = X;
    const CHECK: () = if N != X::CHANNELS {
        concat_panic!(
            display: "LayerNorm: the input has ", X::CHANNELS, display: " channels, write `LayerNorm<", X::CHANNELS,
            display: ">`, not `LayerNorm<", N, display: ">`"
        );
    };
    const PLAN: Plan = Plan::in_place::<X>();

    #[inline]
    fn infer(&self, x: &X, mut memory: Memory) {
        memory.reborrow().write(|y| *y = *x);
        Forward::<X>::infer_inside(self, memory);
    }
    #[inline]
    fn infer_inside(&self, memory: Memory) {
        memory.write(|y: &mut X| self.normalise(y.flat_mut()));
    }
}

in_place!([X: Tensor<Elem = T> + WithChannels<N> + InRows, const N: usize, T: Real] X, LayerNorm<N, T>, |layer, row| {
    layer.normalise(row.flat_mut());
});

impl<X: Tensor<Elem = T> + WithChannels<N>, const N: usize, T: Real> Layer<X> for LayerNorm<N, T> {
    type Acts<const B: usize> = ();
    type Scratch<const B: usize> = ();

    #[inline]
    fn forward<const B: usize>(&self, x: &[X; B], (): &mut (), y: &mut [X; B], _: Mode) {
        X::flatten_mut(y).copy_from_slice(X::flatten(x));
        self.normalise(X::flatten_mut(y));
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
        let rows = X::flatten(x).chunks_exact(N.max(1)).zip(X::flatten(dy).chunks_exact(N.max(1)));
        let count = T::of(N as f64);
        for ((x, dy), dx) in rows.zip(X::flatten_mut(dx).chunks_exact_mut(N.max(1))) {
            let (mean, inverse) = statistics(x);
            let (mut sum, mut product) = (T::EMPTY_SUM, T::EMPTY_SUM);
            for (((d, dy), x), gamma) in dx.iter_mut().zip(dy).zip(x).zip(&self.gamma) {
                *d = *dy * *gamma;
                sum += *d;
                product += *d * ((*x - mean) * inverse);
            }
            let (sum, product) = (sum / count, product / count);
            for (d, x) in dx.iter_mut().zip(x) {
                *d = (*d - sum - (*x - mean) * inverse * product) * inverse;
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
        for (x, dy) in X::flatten(x).chunks_exact(N.max(1)).zip(X::flatten(dy).chunks_exact(N.max(1))) {
            let (mean, inverse) = statistics(x);
            for (((gamma, beta), x), dy) in grads.gamma.iter_mut().zip(&mut grads.beta).zip(x).zip(dy) {
                *gamma += *dy * ((*x - mean) * inverse);
                *beta += *dy;
            }
        }
    }
    #[inline]
    fn gradients_are_finite<const B: usize>(&self, x: &[X; B], (): &(), _: &[X; B], dy: &[X; B], (): &()) -> bool {
        are_small(X::flatten(x), X::flatten(dy))
    }
}
