//! Making a network learn with the rounding of integers.

use crate::layers::rounded::Weighted;
use crate::layers::{
    Activation, Around, Avg, Branches, Conv, Dense, Depthwise, Dropout, Flatten, Gelu, GeluTanh, Geometry,
    GlobalAvgPool, Gru, HardSwish, HardTanh, Last, LeakyRelu, Linear, Lstm, Max, PRelu, Pool, Relu, Relu6, RoundedTo,
    RoundedWeights, Rounding, Sigmoid, Silu, Softmax, Standardize, Tanh,
};
use crate::numbers::{Real, Zero};

/// The network `N` with the rounding of `int8` between its layers and of its weights.
pub type Rounded<N, T = f32> = <N as Round<T>>::Rounded;

/// A network that can learn with rounding, where [`quantise`](crate::quantise) alone costs too much accuracy (Jacob et al. 2018,
/// "Quantization and Training of Neural Networks for Efficient Integer-Arithmetic-Only Inference").
///
/// Train it in floats, [`fold`](crate::Fold) its normalisations, then go on with [`Rounded`] for a few epochs, at a tenth of the learning rate:
///
/// ```
/// use nerve::{Round, Rounded, prelude::*};
///
/// type Net = chain![Dense<4, 10, Relu>, Dense<10, 3>];
///
/// # fn main() -> Result<(), TrainError> {
/// # let (mut net, x, classes) = (Net::ZERO, [[5.1, 3.5, 1.4, 0.2]; 8], [1; 8]);
/// let mut rounded = Rounded::<Net>::ZERO;
/// net.round_into(&mut rounded);
/// let mut trainer = Trainer::<Rounded<Net>, [f32; 4], 8>::ZERO;
/// trainer.step(&mut rounded, &mut Adam::new(0.001), &CrossEntropy, &x, &classes)?; // or `epoch`, as ever
/// net.take_from(&rounded); // its weights, not rounded: to store, to export
/// # Ok(())
/// # }
/// ```
///
/// `quantise(&Graph::of::<[f32; 4], _>(&rounded)?, …)` then takes the ranges that `rounded` has learned, and the integers agree with what it
/// computes, up to a step of an output now and then. The input's range comes from the examples: inputs are not rounded, unless `rounded` is
/// `chain![Rounding, Rounded<Net>]`. Nor are means over windows ([`AvgPool2d`](crate::AvgPool2d)). What a recurrent layer keeps is rounded where
/// the next layer reads it, and not from one step to the next.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot learn with rounding",
    note = "a `BatchNorm` is folded first: `Rounded<<Net as Fold>::Folded>`; functions that LiteRT has no operator of stay floats"
)]
pub trait Round<T: Real = f32> {
    /// The network with rounding.
    type Rounded: Zero;
    /// Writes the network with rounding, in place; its ranges are yet to be seen.
    fn round_into(&self, rounded: &mut Self::Rounded);
    /// Takes over what has been learned with rounding.
    fn take_from(&mut self, rounded: &Self::Rounded);
}

/// How a layer with this activation is rounded.
#[diagnostic::on_unimplemented(
    message = "the activation `{Self}` has no counterpart in LiteRT's integers",
    note = "take `Linear`, `Relu`, `Relu6`, `HardTanh`, `LeakyRelu`, `Sigmoid`, `Tanh` or `Softmax`"
)]
pub trait RoundActivation: Activation {
    /// What an operator of integers with weights has inside: the activation if it holds values between two ends, none otherwise.
    type Inside: Activation;
    /// What follows it.
    type After<T: Real>: Zero;
}

macro_rules! activations {
    ($($Name:ident: $Inside:ty, $After:ty;)*) => {$(
        impl RoundActivation for $Name {
            type Inside = $Inside;
            type After<T: Real> = $After;
        }
    )*};
}
activations! {
    Linear: Linear, Rounding<T>;
    Relu: Relu, Rounding<T>;
    Relu6: Relu6, Rounding<T>;
    HardTanh: HardTanh, Rounding<T>;
    LeakyRelu: Linear, (Rounding<T>, (LeakyRelu, Rounding<T>));
    Sigmoid: Linear, (Rounding<T>, (Sigmoid, RoundedTo<256, -128>));
    Softmax: Linear, (Rounding<T>, (Softmax, RoundedTo<256, -128>));
    Tanh: Linear, (Rounding<T>, (Tanh, RoundedTo<128, 0>));
}

macro_rules! weighted {
    ([$($generics:tt)*] $Layer:ty, $Inside:ty) => {
        impl<$($generics)* F: RoundActivation, T: Real> Round<T> for $Layer
        where
            $Inside: Weighted<T>,
        {
            type Rounded = (RoundedWeights<$Inside>, F::After<T>);
            fn round_into(&self, (rounded, after): &mut Self::Rounded) {
                rounded.change(|layer| (layer.w, layer.b) = (self.w, self.b));
                after.clear();
            }
            fn take_from(&mut self, (rounded, _): &Self::Rounded) {
                (self.w, self.b) = (rounded.layer().w, rounded.layer().b);
            }
        }
    };
}
weighted!([const I: usize, const O: usize,] Dense<I, O, F, T>, Dense<I, O, F::Inside, T>);
weighted!(
    [const C: usize, const O: usize, const KH: usize, const KW: usize, G: Geometry,]
    Conv<C, O, KH, KW, F, G, T>, Conv<C, O, KH, KW, F::Inside, G, T>
);
weighted!(
    [const C: usize, const KH: usize, const KW: usize, G: Geometry,]
    Depthwise<C, KH, KW, F, G, T>, Depthwise<C, KH, KW, F::Inside, G, T>
);

macro_rules! recurrent {
    ($($Layer:ident),*) => {$(
        impl<const I: usize, const H: usize, T: Real> Round<T> for $Layer<I, H, T> {
            type Rounded = (RoundedWeights<Self>, Rounding<T>);
            fn round_into(&self, (rounded, after): &mut Self::Rounded) {
                rounded.change(|layer| layer.clone_from(self));
                after.clear();
            }
            fn take_from(&mut self, (rounded, _): &Self::Rounded) {
                self.clone_from(rounded.layer());
            }
        }
    )*};
}
recurrent!(Gru, Lstm);

impl<T: Real, A: Round<T>, B: Round<T>> Round<T> for (A, B) {
    type Rounded = (A::Rounded, B::Rounded);
    fn round_into(&self, (a, b): &mut Self::Rounded) {
        self.0.round_into(a);
        self.1.round_into(b);
    }
    fn take_from(&mut self, (a, b): &Self::Rounded) {
        self.0.take_from(a);
        self.1.take_from(b);
    }
}

impl<T: Real, L: Round<T>, J: Zero> Round<T> for Around<L, J> {
    type Rounded = (Around<L::Rounded, J>, Rounding<T>);
    fn round_into(&self, (rounded, after): &mut Self::Rounded) {
        self.path.round_into(&mut rounded.path);
        after.clear();
    }
    fn take_from(&mut self, (rounded, _): &Self::Rounded) {
        self.path.take_from(&rounded.path);
    }
}

impl<T: Real, L: Round<T>, R: Round<T>, J: Zero> Round<T> for Branches<L, R, J> {
    type Rounded = (Branches<L::Rounded, R::Rounded, J>, Rounding<T>);
    fn round_into(&self, (rounded, after): &mut Self::Rounded) {
        self.left.round_into(&mut rounded.left);
        self.right.round_into(&mut rounded.right);
        after.clear();
    }
    fn take_from(&mut self, (rounded, _): &Self::Rounded) {
        self.left.take_from(&rounded.left);
        self.right.take_from(&rounded.right);
    }
}

/// Layers whose outputs are some of their inputs, or follow from them in the same steps.
macro_rules! as_they_are {
    ($([$($generics:tt)*] $Layer:ty;)*) => {$(
        impl<T: Real, $($generics)*> Round<T> for $Layer {
            type Rounded = Self;
            fn round_into(&self, rounded: &mut Self) {
                rounded.clone_from(self);
            }
            fn take_from(&mut self, _: &Self) {}
        }
    )*};
}
as_they_are! {
    [const KH: usize, const KW: usize, G: Geometry + Clone] Pool<Max, KH, KW, G>;
    [const KH: usize, const KW: usize, G: Geometry + Clone] Pool<Avg, KH, KW, G>;
    [const N: usize] Flatten<N>;
    [const PERCENT: u32] Dropout<PERCENT>;
    [] Last;
    [] Linear;
}

/// Layers whose outputs are rounded.
macro_rules! rounded_after {
    ($([$($generics:tt)*] $Layer:ty, $After:ty;)*) => {$(
        impl<T: Real, $($generics)*> Round<T> for $Layer {
            type Rounded = (Self, $After);
            fn round_into(&self, (rounded, after): &mut Self::Rounded) {
                rounded.clone_from(self);
                after.clear();
            }
            fn take_from(&mut self, (rounded, _): &Self::Rounded) {
                self.clone_from(rounded);
            }
        }
    )*};
}
rounded_after! {
    [const N: usize] Standardize<N, T>, Rounding<T>;
    [const C: usize] PRelu<C, T>, Rounding<T>;
    [] GlobalAvgPool, Rounding<T>;
    [] Relu, Rounding<T>;
    [] Relu6, Rounding<T>;
    [] HardTanh, Rounding<T>;
    [] LeakyRelu, Rounding<T>;
    [] HardSwish, Rounding<T>;
    [] Silu, Rounding<T>;
    [] Gelu, Rounding<T>;
    [] GeluTanh, Rounding<T>;
    [] Sigmoid, RoundedTo<256, -128>;
    [] Softmax, RoundedTo<256, -128>;
    [] Tanh, RoundedTo<128, 0>;
}
