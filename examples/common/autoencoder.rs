//! The autoencoder 784-128-9-128-784: an encoder to nine numbers and a decoder from them.

use clap::ValueEnum;
use nerve::Layer;
use nerve::prelude::*;
use std::array::from_ref;

use crate::mnist::Pixels;

/// Learning rates of SGD, momentum and Adam.
pub const RATES: [f32; 3] = [2.0, 0.5, 0.002];
/// Digits in a picture.
pub const SHOWN: usize = 12;

/// What is left of an image between the two.
pub type Code = [f32; 9];

/// An image to nine numbers, with activation `F` of the hidden layer and `C` of the code.
pub type Encoder<F, C> = chain![Dense<784, 128, F>, Dense<128, 9, C>];
/// Nine numbers to an image.
pub type Decoder<F> = chain![Dense<9, 128, F>, Dense<128, 784, Sigmoid>];
/// Both, one after the other. Each is a network of its own: `.0` and `.1`.
pub type Autoencoder<F, C> = (Encoder<F, C>, Decoder<F>);

/// Sigmoids throughout.
pub type WithSigmoid = Autoencoder<Sigmoid, Sigmoid>;
/// ReLU in the hidden layers, nothing on the code.
pub type WithRelu = Autoencoder<Relu, Linear>;

/// Activation of the hidden layers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Hidden {
    Sigmoid,
    Relu,
}

/// What a network makes of images.
pub fn outputs<N: Layer<Pixels, Out = Pixels>>(net: &N, images: &[Pixels]) -> Vec<Pixels> {
    let mut pass = Box::new(Pass::<N, Pixels>::ZERO);
    images.iter().map(|image| pass.run(net, from_ref(image))[0]).collect()
}
