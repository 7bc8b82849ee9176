//! Optimizers: rules over `(parameter, gradient, moments)` that know no layer.
//!
//! Each owns its moments, which have the shape of the network's trained part, so that they can lie in a `static` and be stored
//! with the weights: `weights::save(&(&mut network, &mut optimizer), …)` is a checkpoint. The public fields may be changed between steps.
//! Weight decay applies to every parameter, biases included, as in PyTorch.

use crate::kernels;
use crate::layers::Descend;
use crate::numbers::{Params, Real, Tensors, Zero, fingerprint, mix};
pub use crate::training::ema::Ema;

/// Changes parameters, given the sum of the gradients of some examples.
pub trait Optimizer<P: Params<T>, T: Real> {
    /// One step along the gradients times `scale`; with `scale = 1 / examples` that is the batch's mean.
    fn step(&mut self, params: &mut impl Descent<P, T>, scale: T);
    /// Sets the learning rate, as a [`Schedule`](crate::Schedule) gives it.
    fn set_learning_rate(&mut self, learning_rate: T);
}

/// Parameters and their gradients, which are stored beside them, `(&mut network, &mut gradients)`, or computed while they are asked for.
pub trait Descent<P: Params<T>, T> {
    /// Calls `f(parameters, gradients, moments)`, as [`Params::zip`] does.
    fn each<const K: usize>(&mut self, moments: [&mut P::Grads; K], f: &mut Descend<T, K>);
    /// Calls `f` with each piece of the gradients, in the same order.
    fn visit(&mut self, f: &mut dyn FnMut(&[T]));
    /// The parameters.
    fn params(&self) -> &P;
}

impl<P: Params<T>, T> Descent<P, T> for (&mut P, &mut P::Grads) {
    #[inline]
    fn each<const K: usize>(&mut self, moments: [&mut P::Grads; K], f: &mut Descend<T, K>) {
        self.0.zip(self.1, moments, &mut |w, g, moments| f(w, g, moments));
    }
    fn visit(&mut self, mut f: &mut dyn FnMut(&[T])) {
        self.1.visit(&mut f);
    }
    fn params(&self) -> &P {
        self.0
    }
}

/// Gradient descent: `w −= η·g`. No moments.
#[derive(Clone, Debug)]
pub struct Sgd<T = f32> {
    /// η.
    pub learning_rate: T,
    /// λ: `λ·w` is added to the gradient.
    pub weight_decay: T,
}

impl<T: Real> Sgd<T> {
    /// Without weight decay.
    pub const fn new(learning_rate: T) -> Self {
        Self { learning_rate, weight_decay: T::ZERO }
    }
}

impl<P: Params<T>, T: Real> Optimizer<P, T> for Sgd<T> {
    #[inline]
    fn step(&mut self, params: &mut impl Descent<P, T>, scale: T) {
        let step = self.learning_rate * scale;
        params.each([], &mut |w, g, []| {
            if self.weight_decay != T::ZERO {
                decay(w, T::ONE - self.learning_rate * self.weight_decay);
            }
            kernels::subtract_scaled(w, step, g);
        });
    }
    fn set_learning_rate(&mut self, learning_rate: T) {
        self.learning_rate = learning_rate;
    }
}

#[inline(never)] // One copy in flash for all tensors, of what few networks need.
fn decay<T: Real>(w: &mut [T], keep: T) {
    w.iter_mut().for_each(|w| *w *= keep);
}

impl<T: Real> Tensors<T> for Sgd<T> {
    const LEN: usize = 0;
    const FINGERPRINT: u32 = fingerprint("Sgd", &[]);
    fn visit(&self, _: &mut impl FnMut(&[T])) {}
    fn visit_mut(&mut self, _: &mut impl FnMut(&mut [T])) {}
}

/// `Tensors` for an optimizer: its moments, in the order given.
macro_rules! stores {
    ($Name:ident: $($field:ident),*) => {
        impl<P: Params<T>, T: Real> Tensors<T> for $Name<P, T> {
            const LEN: usize = $(stores!(@len $field) +)* 0;
            const FINGERPRINT: u32 = mix(fingerprint(stringify!($Name), &[]), P::Grads::FINGERPRINT);
            fn visit(&self, f: &mut impl FnMut(&[T])) {
                $(stores!(@visit self, f, $field);)*
            }
            fn visit_mut(&mut self, f: &mut impl FnMut(&mut [T])) {
                $(stores!(@visit_mut self, f, $field);)*
            }
        }
    };
    (@len powers) => { 2 };
    (@len $field:ident) => { P::Grads::LEN };
    (@visit $this:ident, $f:ident, powers) => { $f(&$this.powers) };
    (@visit $this:ident, $f:ident, $field:ident) => { $this.$field.visit($f) };
    (@visit_mut $this:ident, $f:ident, powers) => { $f(&mut $this.powers) };
    (@visit_mut $this:ident, $f:ident, $field:ident) => { $this.$field.visit_mut($f) };
}

/// Momentum (Polyak 1964, in PyTorch's form): `v = μ·v + g`, `w −= η·v`. One moment.
pub struct Momentum<P: Params<T>, T: Real = f32> {
    /// η.
    pub learning_rate: T,
    /// μ.
    pub momentum: T,
    /// λ: `λ·w` is added to the gradient.
    pub weight_decay: T,
    velocity: P::Grads,
}

impl<P: Params<T>, T: Real> Momentum<P, T> {
    /// Without weight decay; `momentum` is usually 0.9.
    pub const fn new(learning_rate: T, momentum: T) -> Self {
        Self { learning_rate, momentum, weight_decay: T::ZERO, velocity: P::Grads::ZERO }
    }
}

impl<P: Params<T>, T: Real> Optimizer<P, T> for Momentum<P, T> {
    #[inline]
    fn step(&mut self, params: &mut impl Descent<P, T>, scale: T) {
        let (rate, momentum, decay) = (self.learning_rate, self.momentum, self.weight_decay);
        params.each([&mut self.velocity], &mut |w, g, [v]| {
            for ((w, g), v) in w.iter_mut().zip(g).zip(v) {
                *v = momentum * *v + (scale * *g + decay * *w);
                *w -= rate * *v;
            }
        });
    }
    fn set_learning_rate(&mut self, learning_rate: T) {
        self.learning_rate = learning_rate;
    }
}
stores!(Momentum: velocity);

/// Nesterov's accelerated gradient (Nesterov 1983, in PyTorch's form): `v = μ·v + g`, `w −= η·(g + μ·v)`. One moment.
pub struct Nesterov<P: Params<T>, T: Real = f32> {
    /// η.
    pub learning_rate: T,
    /// μ.
    pub momentum: T,
    /// λ: `λ·w` is added to the gradient.
    pub weight_decay: T,
    velocity: P::Grads,
}

impl<P: Params<T>, T: Real> Nesterov<P, T> {
    /// Without weight decay; `momentum` is usually 0.9.
    pub const fn new(learning_rate: T, momentum: T) -> Self {
        Self { learning_rate, momentum, weight_decay: T::ZERO, velocity: P::Grads::ZERO }
    }
}

impl<P: Params<T>, T: Real> Optimizer<P, T> for Nesterov<P, T> {
    #[inline]
    fn step(&mut self, params: &mut impl Descent<P, T>, scale: T) {
        let (rate, momentum, decay) = (self.learning_rate, self.momentum, self.weight_decay);
        params.each([&mut self.velocity], &mut |w, g, [v]| {
            for ((w, g), v) in w.iter_mut().zip(g).zip(v) {
                let g = scale * *g + decay * *w;
                *v = momentum * *v + g;
                *w -= rate * (g + momentum * *v);
            }
        });
    }
    fn set_learning_rate(&mut self, learning_rate: T) {
        self.learning_rate = learning_rate;
    }
}
stores!(Nesterov: velocity);

/// RMSprop (Tieleman and Hinton 2012): `s = α·s + (1 − α)·g²`, `w −= η·g / (√s + ε)`. One moment.
pub struct RmsProp<P: Params<T>, T: Real = f32> {
    /// η.
    pub learning_rate: T,
    /// α, how slowly the mean square forgets.
    pub smoothing: T,
    /// ε, keeps the quotient finite.
    pub epsilon: T,
    /// λ: `λ·w` is added to the gradient.
    pub weight_decay: T,
    mean_square: P::Grads,
}

impl<P: Params<T>, T: Real> RmsProp<P, T> {
    /// α = 0.99, ε = 10⁻⁸, without weight decay.
    pub const fn new(learning_rate: T) -> Self {
        Self {
            learning_rate,
            smoothing: T::DEFAULTS.smoothing,
            epsilon: T::DEFAULTS.epsilon,
            weight_decay: T::ZERO,
            mean_square: P::Grads::ZERO,
        }
    }
}

impl<P: Params<T>, T: Real> Optimizer<P, T> for RmsProp<P, T> {
    #[inline]
    fn step(&mut self, params: &mut impl Descent<P, T>, scale: T) {
        let (rate, alpha, epsilon, decay) = (self.learning_rate, self.smoothing, self.epsilon, self.weight_decay);
        params.each([&mut self.mean_square], &mut |w, g, [s]| {
            for ((w, g), s) in w.iter_mut().zip(g).zip(s) {
                let g = scale * *g + decay * *w;
                *s = alpha * *s + (T::ONE - alpha) * g * g;
                *w -= rate * g / (s.sqrt() + epsilon);
            }
        });
    }
    fn set_learning_rate(&mut self, learning_rate: T) {
        self.learning_rate = learning_rate;
    }
}
stores!(RmsProp: mean_square);

/// Adam (Kingma and Ba 2015): `m = β₁·m + (1 − β₁)·g`, `v = β₂·v + (1 − β₂)·g²`,
/// `w −= η·m̂ / (√v̂ + ε)` with `m̂ = m / (1 − β₁ᵗ)`, `v̂ = v / (1 − β₂ᵗ)`. Two moments.
pub struct Adam<P: Params<T>, T: Real = f32> {
    /// η.
    pub learning_rate: T,
    /// β₁, how slowly the mean gradient forgets.
    pub beta1: T,
    /// β₂, how slowly the mean square forgets.
    pub beta2: T,
    /// ε, keeps the quotient finite.
    pub epsilon: T,
    /// λ: `λ·w` is added to the gradient.
    pub weight_decay: T,
    m: P::Grads,
    v: P::Grads,
    powers: [T; 2],
}

/// Adam with decoupled weight decay (Loshchilov and Hutter 2019): as [`Adam`], and `w −= η·λ·w` beside the gradient. Two moments.
pub struct AdamW<P: Params<T>, T: Real = f32> {
    /// η.
    pub learning_rate: T,
    /// β₁, how slowly the mean gradient forgets.
    pub beta1: T,
    /// β₂, how slowly the mean square forgets.
    pub beta2: T,
    /// ε, keeps the quotient finite.
    pub epsilon: T,
    /// λ: `η·λ·w` is taken off each weight.
    pub weight_decay: T,
    m: P::Grads,
    v: P::Grads,
    powers: [T; 2],
}

/// The two Adams differ in where the weight decay enters.
macro_rules! adam {
    ($Name:ident, $weight_decay:expr, |$g:ident, $w:ident, $decay:ident, $rate:ident| $gradient:expr, $kept:expr) => {
        impl<P: Params<T>, T: Real> $Name<P, T> {
            /// β₁ = 0.9, β₂ = 0.999, ε = 10⁻⁸, and PyTorch's default weight decay.
            pub const fn new(learning_rate: T) -> Self {
                Self {
                    learning_rate,
                    beta1: T::DEFAULTS.beta1,
                    beta2: T::DEFAULTS.beta2,
                    epsilon: T::DEFAULTS.epsilon,
                    weight_decay: $weight_decay,
                    m: P::Grads::ZERO,
                    v: P::Grads::ZERO,
                    powers: [T::ONE; 2],
                }
            }
        }
        impl<P: Params<T>, T: Real> Optimizer<P, T> for $Name<P, T> {
            #[inline]
            fn step(&mut self, params: &mut impl Descent<P, T>, scale: T) {
                let ($rate, epsilon, $decay) = (self.learning_rate, self.epsilon, self.weight_decay);
                let (beta1, beta2) = (self.beta1, self.beta2);
                self.powers = [self.powers[0] * beta1, self.powers[1] * beta2];
                let step = $rate / (T::ONE - self.powers[0]);
                let correction = T::ONE / (T::ONE - self.powers[1]).sqrt();
                params.each([&mut self.m, &mut self.v], &mut |w, g, [m, v]| {
                    for (((w, g), m), v) in w.iter_mut().zip(g).zip(m).zip(v) {
                        let ($g, $w) = (scale * *g, *w);
                        let g = $gradient;
                        *m = beta1 * *m + (T::ONE - beta1) * g;
                        *v = beta2 * *v + (T::ONE - beta2) * g * g;
                        *w = $kept - step * *m / (v.sqrt() * correction + epsilon);
                    }
                });
            }
            fn set_learning_rate(&mut self, learning_rate: T) {
                self.learning_rate = learning_rate;
            }
        }
        stores!($Name: m, v, powers);
    };
}
adam!(Adam, T::ZERO, |g, w, decay, _rate| g + decay * w, w);
adam!(AdamW, T::DEFAULTS.weight_decay, |g, w, decay, rate| g, w - rate * decay * w);
