//! Making a network ready for the device.

use crate::layers::{
    Activation, Affine, Around, Attention, BatchNorm, Branches, Conv, ConvTranspose2d, Dense, Depthwise, Dropout, Elu,
    Embedding, Flatten, Frozen, Gelu, GeluTanh, Geometry, GlobalAvgPool, Gru, HardSigmoid, HardSwish, HardTanh, Last,
    LayerNorm, LeakyRelu, Linear, Lstm, OnFeatures, PRelu, Pool, Pooling, Relu, Relu6, ScaleShift, Sigmoid, Silu,
    Softmax, Standardize, Tanh,
};
use crate::numbers::Real;

/// A network as a device runs it: each [`BatchNorm`] folded into the layer that it normalises, everything else as it is.
///
/// The outputs are those of inference up to rounding. What the folded network is called, the compiler checks:
///
/// ```
/// use nerve::{Fold, prelude::*};
///
/// type Trained = chain![BatchNorm<Conv2d<1, 8, 3>, Relu>, GlobalAvgPool, Dense<8, 3>];
/// type Deployed = chain![Conv2d<1, 8, 3, Relu>, GlobalAvgPool, Dense<8, 3>];
///
/// # let trained = Trained::ZERO;
/// let mut deployed = Deployed::ZERO;
/// trained.fold_into(&mut deployed); // then `weights::save(&deployed, …)`
/// ```
pub trait Fold {
    /// The network without normalisations.
    type Folded;
    /// Writes the folded network, in place.
    fn fold_into(&self, folded: &mut Self::Folded);
}

impl<L: Affine<T>, F: Activation, T: Real> Fold for BatchNorm<L, F, T> {
    type Folded = L::With<F>;
    fn fold_into(&self, folded: &mut Self::Folded) {
        let (factor, shift) = self.affine();
        self.layer.scaled(&factor, &shift, folded);
    }
}

impl<A: Fold, B: Fold> Fold for (A, B) {
    type Folded = (A::Folded, B::Folded);
    fn fold_into(&self, folded: &mut Self::Folded) {
        self.0.fold_into(&mut folded.0);
        self.1.fold_into(&mut folded.1);
    }
}

impl<L: Fold> Fold for Frozen<L> {
    type Folded = Frozen<L::Folded>;
    fn fold_into(&self, folded: &mut Self::Folded) {
        self.0.fold_into(&mut folded.0);
    }
}

impl<const FEATURES: u32, L: Fold> Fold for OnFeatures<FEATURES, L> {
    type Folded = OnFeatures<FEATURES, L::Folded>;
    fn fold_into(&self, folded: &mut Self::Folded) {
        self.0.fold_into(&mut folded.0);
    }
}

impl<L: Fold, J> Fold for Around<L, J> {
    type Folded = Around<L::Folded, J>;
    fn fold_into(&self, folded: &mut Self::Folded) {
        self.path.fold_into(&mut folded.path);
    }
}

impl<L: Fold, R: Fold, J> Fold for Branches<L, R, J> {
    type Folded = Branches<L::Folded, R::Folded, J>;
    fn fold_into(&self, folded: &mut Self::Folded) {
        self.left.fold_into(&mut folded.left);
        self.right.fold_into(&mut folded.right);
    }
}

/// Layers that stay as they are.
macro_rules! as_it_is {
    ($([$($generics:tt)*] $Layer:ty;)*) => {$(
        impl<$($generics)*> Fold for $Layer {
            type Folded = Self;
            fn fold_into(&self, folded: &mut Self) {
                folded.clone_from(self);
            }
        }
    )*};
}
as_it_is! {
    [const I: usize, const O: usize, F: Clone, T: Real] Dense<I, O, F, T>;
    [const C: usize, const O: usize, const KH: usize, const KW: usize, F: Clone, G: Geometry + Clone, T: Real] Conv<C, O, KH, KW, F, G, T>;
    [const C: usize, const KH: usize, const KW: usize, F: Clone, G: Geometry + Clone, T: Real] Depthwise<C, KH, KW, F, G, T>;
    [M: Pooling + Clone, const KH: usize, const KW: usize, G: Geometry + Clone] Pool<M, KH, KW, G>;
    [const N: usize, T: Real] Standardize<N, T>;
    [const N: usize] Flatten<N>;
    [const PERCENT: u32] Dropout<PERCENT>;
    [const I: usize, const H: usize, T: Real] Gru<I, H, T>;
    [const I: usize, const H: usize, T: Real] Lstm<I, H, T>;
    [] Last;
    [] GlobalAvgPool;
    [] Linear;
    [] Sigmoid;
    [] Tanh;
    [] Relu;
    [] LeakyRelu;
    [] Elu;
    [] Relu6;
    [] HardTanh;
    [] HardSigmoid;
    [] HardSwish;
    [] Silu;
    [] Gelu;
    [] GeluTanh;
    [const C: usize, T: Real] PRelu<C, T>;
    [const C: usize, F: Clone, T: Real] ScaleShift<C, F, T>;
    [const N: usize, T: Real] LayerNorm<N, T>;
    [const D: usize, const H: usize, T: Real] Attention<D, H, T>;
    [const V: usize, const D: usize, T: Real] Embedding<V, D, T>;
    [const C: usize, const O: usize, const K: usize, G: Clone, F: Clone, T: Real] ConvTranspose2d<C, O, K, G, F, T>;
    [] Softmax;
}
