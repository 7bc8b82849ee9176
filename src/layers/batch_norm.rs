//! Batch normalisation.

use core::marker::PhantomData;

use rand_core::Rng;

use crate::layers::activation::probabilities;
use crate::layers::{
    Activation, Descend, Forward, InRows, Layer, Linear, Memory, Mode, OutRow, PairActs, Plan, Streamed,
};
use crate::numbers::{Array, Init, Params, Real, Tensor, Tensors, Zero, all_finite, fingerprint, mix};

/// Share of a batch's statistics in the running ones.
const MOMENTUM: f64 = 0.1;
/// Added to a variance, keeps the quotient finite.
pub(crate) const EPSILON: f64 = 1e-5;

/// The layer `L` with its outputs normalised, channel by channel, and then the activation `F` (Ioffe and Szegedy 2015):
/// `y = f(γ·(z − mean) / √(variance + ε) + β)` with `z = L(x)`, ε = 10⁻⁵.
///
/// `L` is a [`Dense`](crate::Dense), a [`Conv2d`](crate::Conv2d), a [`Conv1d`](crate::Conv1d) or a
/// [`DepthwiseConv2d`](crate::DepthwiseConv2d) without activation: `BatchNorm<Conv2d<1, 8, 3>, Relu>`. So there always is a layer to
/// [fold](crate::Fold) it into; for a device it then costs nothing.
///
/// In training, mean and variance are those of the batch, over examples and pixels: of the examples that are computed together, which
/// in a `ParallelTrainer` is a shard (Hoffer et al. 2017). So the batch size matters here, and a batch of one pixel teaches nothing.
/// After each step the running statistics move a tenth of the way to the batch's, with `n / (n − 1)` times its variance as in PyTorch;
/// if gradients are accumulated over several batches, to the last one's. Inference takes the running statistics.
///
/// Backpropagation, with `x̂ = (z − mean) / √(variance + ε)`, `δ = ∂loss/∂y ⊙ f'` and sums over the batch's `n` pixels:
/// `∂loss/∂β = Σ δ`, `∂loss/∂γ = Σ δ·x̂`, `∂loss/∂z = γ / √(variance + ε)·(δ − (∂loss/∂β + x̂·∂loss/∂γ) / n)`. A sum is first taken
/// over each example's pixels, then over the examples.
///
/// Costs four scalars for each channel beside `L`; a pass keeps `z`, once for each example, and backpropagation as much again.
#[derive(Clone, Debug, PartialEq)]
pub struct BatchNorm<L: Affine<T>, F = Linear, T: Real = f32> {
    /// The layer whose outputs are normalised.
    pub layer: L,
    /// γ and β.
    pub scale: Scale<L::Channels>,
    /// Running mean of the layer's outputs.
    pub mean: L::Channels,
    /// Running variance of the layer's outputs.
    pub variance: L::Channels,
    activation: PhantomData<fn() -> F>,
}

/// What a normalised value is multiplied by, and what is added.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Scale<V> {
    /// γ, of each channel.
    pub gamma: V,
    /// β, of each channel.
    pub beta: V,
}

/// A layer `z = x·w + b`, with a bias for each channel, that a normalisation of `z` can be folded into.
pub trait Affine<T: Real>: Params<T> {
    /// A scalar for each channel.
    type Channels: Tensor<Elem = T> + Copy;
    /// The same layer with an activation.
    type With<F: Activation>;
    /// Writes the layer whose outputs are `f(scale·z + shift)`.
    fn scaled<F: Activation>(&self, scale: &Self::Channels, shift: &Self::Channels, to: &mut Self::With<F>);
}

/// `to = row·scale + shift` for each `row` of as many scalars as there are channels.
pub(crate) fn scale_rows<T: Real, const O: usize>(rows: &[[T; O]], scale: &[T; O], shift: &[T; O], to: &mut [[T; O]]) {
    for (row, to) in rows.iter().zip(to) {
        for (((to, w), scale), shift) in to.iter_mut().zip(row).zip(scale).zip(shift) {
            *to = *w * *scale + *shift;
        }
    }
}

impl<L: Affine<T>, F, T: Real> BatchNorm<L, F, T> {
    /// What `z` is multiplied by, and what is added then, at inference: all that a device needs to know.
    pub(crate) fn affine(&self) -> (L::Channels, L::Channels) {
        let factor = factor(&self.scale.gamma, &self.variance);
        let mut shift = self.scale.beta;
        for ((shift, mean), factor) in shift.flat_mut().iter_mut().zip(self.mean.flat()).zip(factor.flat()) {
            *shift -= *mean * *factor;
        }
        (factor, shift)
    }
}

/// `γ / √(variance + ε)`.
fn factor<V: Tensor + Copy>(gamma: &V, variance: &V) -> V {
    let mut factor = *gamma;
    for (factor, variance) in factor.flat_mut().iter_mut().zip(variance.flat()) {
        *factor /= (*variance + V::Elem::of(EPSILON)).sqrt();
    }
    factor
}

impl<V: Tensor> Scale<V> {
    /// `self += other`.
    fn add(&mut self, other: &Self) {
        self.gamma.flat_mut().iter_mut().zip(other.gamma.flat()).for_each(|(sum, new)| *sum += *new);
        self.beta.flat_mut().iter_mut().zip(other.beta.flat()).for_each(|(sum, new)| *sum += *new);
    }
}

impl<V: Zero> Zero for Scale<V> {
    const ZERO: Self = Self { gamma: V::ZERO, beta: V::ZERO };
    fn clear(&mut self) {
        self.gamma.clear();
        self.beta.clear();
    }
}

impl<T: Real, V: Tensor<Elem = T>> Tensors<T> for Scale<V> {
    const LEN: usize = 2 * V::LEN;
    const FINGERPRINT: u32 = fingerprint("Scale", &[V::LEN]);
    fn visit(&self, f: &mut impl FnMut(&[T])) {
        f(self.gamma.flat());
        f(self.beta.flat());
    }
    fn visit_mut(&mut self, f: &mut impl FnMut(&mut [T])) {
        f(self.gamma.flat_mut());
        f(self.beta.flat_mut());
    }
}

impl<L: Affine<T> + Zero, F, T: Real> Zero for BatchNorm<L, F, T> {
    const ZERO: Self =
        Self { layer: L::ZERO, scale: Scale::ZERO, mean: Zero::ZERO, variance: Zero::ZERO, activation: PhantomData };
    fn clear(&mut self) {
        self.layer.clear();
        self.scale.clear();
        self.mean.clear();
        self.variance.clear();
    }
}

impl<L: Affine<T>, F: Activation, T: Real> Tensors<T> for BatchNorm<L, F, T> {
    const LEN: usize = L::LEN + 4 * L::Channels::LEN;
    const FINGERPRINT: u32 = mix(mix(fingerprint("BatchNorm", &[]), L::FINGERPRINT), F::FINGERPRINT);
    fn visit(&self, f: &mut impl FnMut(&[T])) {
        self.layer.visit(f);
        self.scale.visit(f);
        f(self.mean.flat());
        f(self.variance.flat());
    }
    fn visit_mut(&mut self, f: &mut impl FnMut(&mut [T])) {
        self.layer.visit_mut(f);
        self.scale.visit_mut(f);
        f(self.mean.flat_mut());
        f(self.variance.flat_mut());
    }
}

impl<L: Affine<T>, F: Activation, T: Real> Params<T> for BatchNorm<L, F, T> {
    type Grads = (L::Grads, Scale<L::Channels>);
    fn zip<const K: usize>(
        &mut self,
        (layer, scale): &mut Self::Grads,
        mut moments: [&mut Self::Grads; K],
        f: &mut impl FnMut(&mut [T], &mut [T], [&mut [T]; K]),
    ) {
        self.layer.zip(layer, moments.each_mut().map(|m| &mut m.0), f);
        f(self.scale.gamma.flat_mut(), scale.gamma.flat_mut(), moments.each_mut().map(|m| m.1.gamma.flat_mut()));
        f(self.scale.beta.flat_mut(), scale.beta.flat_mut(), moments.each_mut().map(|m| m.1.beta.flat_mut()));
    }
    fn init<R: Rng>(&mut self, init: Init, rng: &mut R) {
        self.layer.init(init, rng);
        self.scale.gamma.flat_mut().fill(T::ONE);
        self.scale.beta.clear();
        self.mean.clear();
        self.variance.flat_mut().fill(T::ONE);
    }
}

/// What a pass keeps.
pub struct BatchNormActs<A, Z, V: Tensor> {
    layer: A,
    z: Z,
    mean: V,
    variance: V,
    /// Pixels that the statistics are taken from.
    count: V::Elem,
}

impl<A: Zero, Z: Zero, V: Tensor> Zero for BatchNormActs<A, Z, V> {
    const ZERO: Self =
        Self { layer: A::ZERO, z: Z::ZERO, mean: V::ZERO, variance: V::ZERO, count: <V::Elem as Zero>::ZERO };
    fn clear(&mut self) {
        self.layer.clear();
        self.z.clear();
        self.mean.clear();
        self.variance.clear();
        self.count.clear();
    }
}

/// `y = (z − mean)·factor + shift`, channel by channel.
#[inline(always)]
fn normalise<Z: Tensor, V: Tensor<Elem = Z::Elem>>(z: &[Z], mean: &V, factor: &V, shift: &V, y: &mut [Z]) {
    for (z, y) in Z::flatten(z).chunks_exact(V::LEN).zip(Z::flatten_mut(y).chunks_exact_mut(V::LEN)) {
        let channels = mean.flat().iter().zip(factor.flat()).zip(shift.flat());
        for ((y, z), ((mean, factor), shift)) in y.iter_mut().zip(z).zip(channels) {
            *y = (*z - *mean) * *factor + *shift;
        }
    }
}

/// The sums over the pixels of each example, which `add_pixels` takes, added up over the examples.
#[inline(always)]
fn sum<V: Tensor, E>(examples: impl Iterator<Item = E>, mut add_pixels: impl FnMut(E, &mut V)) -> V {
    let mut total = V::ZERO;
    for example in examples {
        let mut sum = V::ZERO;
        add_pixels(example, &mut sum);
        total.flat_mut().iter_mut().zip(sum.flat()).for_each(|(total, sum)| *total += *sum);
    }
    total
}

impl<X: Tensor<Elem = T>, L: Forward<X, Out: Tensor<Elem = T>> + Affine<T>, F: Activation, T: Real> Forward<X>
    for BatchNorm<L, F, T>
{
    type Out = L::Out;
    const CHECK: () = L::CHECK;
    const PLAN: Plan = Plan::apart::<X>(L::PLAN.outside).with_scratch(L::PLAN.scratch);

    fn infer(&self, x: &X, mut memory: Memory) {
        self.layer.infer(x, memory.reborrow());
        memory.write(|y: &mut L::Out| self.normalise(y.flat_mut()));
    }
}

impl<L: Affine<T>, F: Activation, T: Real> BatchNorm<L, F, T> {
    /// By the running statistics, in place.
    #[inline(always)]
    fn normalise(&self, z: &mut [T]) {
        let factor = factor(&self.scale.gamma, &self.variance);
        for z in z.chunks_exact_mut(L::Channels::LEN) {
            let channels = self.mean.flat().iter().zip(factor.flat()).zip(self.scale.beta.flat());
            for (z, ((mean, factor), shift)) in z.iter_mut().zip(channels) {
                *z = (*z - *mean) * *factor + *shift;
            }
        }
        F::forward(z, L::Channels::LEN);
    }
}

impl<X, L, F, T> Streamed<X> for BatchNorm<L, F, T>
where
    X: Tensor<Elem = T> + InRows,
    L: Streamed<X, Out: Tensor<Elem = T>> + Affine<T>,
    F: Activation,
    T: Real,
{
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
        self.layer.advance(state, y) && {
            self.normalise(y.flat_mut());
            true
        }
    }
    #[inline]
    fn finish(&self, state: &mut L::State, y: &mut OutRow<L, X>) -> bool {
        self.layer.finish(state, y) && {
            self.normalise(y.flat_mut());
            true
        }
    }
}

impl<X: Tensor<Elem = T>, L: Layer<X> + Affine<T>, F: Activation, T: Real> Layer<X> for BatchNorm<L, F, T> {
    type Acts<const B: usize> = BatchNormActs<L::Acts<B>, [L::Out; B], L::Channels>;
    /// Beside `L`'s own, the derivatives by `z`, and by γ and β.
    type Scratch<const B: usize> = PairActs<L::Scratch<B>, [L::Out; B], Scale<L::Channels>>;
    const PROBABILITIES: Option<&'static str> = probabilities::<F>();

    fn forward<const B: usize>(&self, x: &[X; B], acts: &mut Self::Acts<B>, y: &mut [L::Out; B], mode: Mode) {
        let channels = L::Channels::LEN;
        self.layer.forward(x, &mut acts.layer, &mut acts.z, mode);
        let (mean, variance) = match mode {
            Mode::Inference => (&self.mean, &self.variance),
            Mode::Training { examples, .. } => {
                let z = acts.z.iter().take(examples);
                acts.count = T::of((examples * L::Out::LEN / channels) as f64);
                acts.mean = sum::<L::Channels, _>(z.clone(), |z, sum| {
                    for pixel in z.flat().chunks_exact(channels) {
                        sum.flat_mut().iter_mut().zip(pixel).for_each(|(sum, z)| *sum += *z);
                    }
                });
                acts.mean.flat_mut().iter_mut().for_each(|mean| *mean /= acts.count);
                acts.variance = sum::<L::Channels, _>(z, |z, sum| {
                    for pixel in z.flat().chunks_exact(channels) {
                        for ((sum, z), mean) in sum.flat_mut().iter_mut().zip(pixel).zip(acts.mean.flat()) {
                            *sum += (*z - *mean) * (*z - *mean);
                        }
                    }
                });
                acts.variance.flat_mut().iter_mut().for_each(|variance| *variance /= acts.count);
                (&acts.mean, &acts.variance)
            }
        };
        normalise(&acts.z, mean, &factor(&self.scale.gamma, variance), &self.scale.beta, y);
        F::forward(L::Out::flatten_mut(y), channels);
    }

    fn backward<const B: usize>(
        &self,
        x: &[X; B],
        acts: &Self::Acts<B>,
        y: &[L::Out; B],
        dy: &mut [L::Out; B],
        scratch: &mut Self::Scratch<B>,
        dx: Option<&mut [X; B]>,
        mode: Mode,
    ) {
        let PairActs { a: scratch, between: dz, b: by_scale } = scratch;
        let channels = L::Channels::LEN;
        F::backward(L::Out::flatten(y), L::Out::flatten_mut(dy), channels);
        let Mode::Training { examples, .. } = mode else {
            let factor = factor(&self.scale.gamma, &self.variance);
            let pixels_of_dy = L::Out::flatten(dy).chunks_exact(channels);
            for (dy, dz) in pixels_of_dy.zip(L::Out::flatten_mut(dz).chunks_exact_mut(channels)) {
                dz.iter_mut().zip(dy).zip(factor.flat()).for_each(|((dz, dy), factor)| *dz = *dy * *factor);
            }
            self.layer.backward(x, &acts.layer, &acts.z, dz, scratch, dx, mode);
            return;
        };

        let mut one = L::Channels::ZERO;
        one.flat_mut().fill(T::ONE);
        let inverse = factor(&one, &acts.variance);
        normalise(&acts.z, &acts.mean, &inverse, &L::Channels::ZERO, dz);
        let dbeta = sum::<L::Channels, _>(dy.iter().take(examples), |dy, sum| {
            for dy in dy.flat().chunks_exact(channels) {
                sum.flat_mut().iter_mut().zip(dy).for_each(|(sum, dy)| *sum += *dy);
            }
        });
        let dgamma = sum::<L::Channels, _>(dy.iter().zip(dz.iter()).take(examples), |(dy, normalised), sum| {
            for (dy, normalised) in dy.flat().chunks_exact(channels).zip(normalised.flat().chunks_exact(channels)) {
                let products = dy.iter().zip(normalised);
                sum.flat_mut().iter_mut().zip(products).for_each(|(sum, (dy, normalised))| *sum += *dy * *normalised);
            }
        });
        let factor = factor(&self.scale.gamma, &acts.variance);
        let pixels_of_dy = L::Out::flatten(dy).chunks_exact(channels);
        for (dy, dz) in pixels_of_dy.zip(L::Out::flatten_mut(dz).chunks_exact_mut(channels)) {
            let derivatives = dbeta.flat().iter().zip(dgamma.flat()).zip(factor.flat());
            for ((dz, dy), ((dbeta, dgamma), factor)) in dz.iter_mut().zip(dy).zip(derivatives) {
                *dz = *factor * (*dy - (*dbeta + *dz * *dgamma) / acts.count);
            }
        }
        dz.iter_mut().skip(examples).for_each(Zero::clear);
        *by_scale = Scale { gamma: dgamma, beta: dbeta };
        self.layer.backward(x, &acts.layer, &acts.z, dz, scratch, dx, mode);
    }

    fn gradients<const B: usize>(
        &self,
        x: &[X; B],
        acts: &Self::Acts<B>,
        _: &[L::Out; B],
        _: &[L::Out; B],
        scratch: &Self::Scratch<B>,
        (layer, scale): &mut Self::Grads,
        add: bool,
    ) {
        if !add {
            scale.clear();
        }
        scale.add(&scratch.b);
        self.layer.gradients(x, &acts.layer, &acts.z, &scratch.between, &scratch.a, layer, add);
    }

    fn descend<const B: usize, const K: usize>(
        &mut self,
        x: &[X; B],
        acts: &Self::Acts<B>,
        _: &[L::Out; B],
        _: &[L::Out; B],
        scratch: &Self::Scratch<B>,
        mut moments: [&mut Self::Grads; K],
        f: &mut Descend<T, K>,
    ) {
        let layer = moments.each_mut().map(|m| &mut m.0);
        self.layer.descend(x, &acts.layer, &acts.z, &scratch.between, &scratch.a, layer, f);
        let mut by_scale = Scale::ZERO;
        by_scale.add(&scratch.b);
        let gamma = moments.each_mut().map(|m| m.1.gamma.flat_mut());
        f(self.scale.gamma.flat_mut(), by_scale.gamma.flat_mut(), gamma);
        f(self.scale.beta.flat_mut(), by_scale.beta.flat_mut(), moments.map(|m| m.1.beta.flat_mut()));
    }

    fn gradients_are_finite<const B: usize>(
        &self,
        x: &[X; B],
        acts: &Self::Acts<B>,
        _: &[L::Out; B],
        _: &[L::Out; B],
        scratch: &Self::Scratch<B>,
    ) -> bool {
        self.layer.gradients_are_finite(x, &acts.layer, &acts.z, &scratch.between, &scratch.a) && all_finite(&scratch.b)
    }

    fn observe<const B: usize>(&mut self, acts: &Self::Acts<B>) {
        self.layer.observe(&acts.layer);
        let share = T::of(MOMENTUM);
        let unbiased = if acts.count > T::ONE { acts.count / (acts.count - T::ONE) } else { T::ONE };
        for (mean, new) in self.mean.flat_mut().iter_mut().zip(acts.mean.flat()) {
            *mean += share * (*new - *mean);
        }
        for (variance, new) in self.variance.flat_mut().iter_mut().zip(acts.variance.flat()) {
            *variance += share * (*new * unbiased - *variance);
        }
    }
}
