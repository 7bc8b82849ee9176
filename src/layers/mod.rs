//! What a network is made of: a file for each layer, and how layers are put together.
//!
//! A layer is a type that holds its parameters and computes with `kernels`; shapes are its const parameters. Activations, the geometry of
//! kernels that move, and the folding of normalisations belong here too. Uses `numbers` and `kernels`.

mod activation;
mod attention;
mod batch_norm;
mod branches;
mod conv;
mod conv_transpose;
mod dense;
mod depthwise;
mod dropout;
mod embedding;
mod flatten;
mod fold;
mod forward;
mod frozen;
mod gates;
mod geometry;
mod gru;
mod join;
mod last;
mod layer;
mod layer_norm;
mod lstm;
mod pair;
mod pool;
mod prelu;
mod ring;
mod round;
mod rounded;
mod scale_shift;
mod standardize;
mod streamed;
mod unfused;
mod weights_and_biases;

pub use activation::{
    Activation, Elu, HardSigmoid, HardTanh, LeakyRelu, Linear, Relu, Relu6, Sigmoid, Softmax, Tanh, argmax,
};
pub(crate) use activation::{largest, sigmoid, softmax};
pub use attention::Attention;
pub(crate) use batch_norm::EPSILON;
pub(crate) use batch_norm::scale_rows;
pub use batch_norm::{Affine, BatchNorm, Scale};
pub use branches::{Around, Branches, Residual};
pub use conv::{Conv, Conv1d, Conv2d};
pub(crate) use conv::{each_row, pixels, pixels_mut};
pub use conv_transpose::ConvTranspose2d;
pub use dense::Dense;
pub use depthwise::{Depthwise, DepthwiseConv2d};
pub use dropout::Dropout;
pub use embedding::Embedding;
pub use flatten::Flatten;
pub(crate) use flatten::LastRows;
pub use fold::Fold;
pub(crate) use forward::length_of;
pub use forward::{Forward, Memory, Plan};
pub use frozen::{Frozen, OnFeatures};
pub(crate) use geometry::{Geometry, OnImage, OnSignal};
pub use geometry::{SAME, Same, To, To1d};
pub use gru::Gru;
pub use join::{Concat, Join, JoinBackward, Sum, WithChannels};
pub use last::Last;
pub(crate) use layer::each_gradient;
pub use layer::{Descend, Layer, Mode};
pub use layer_norm::LayerNorm;
pub use lstm::Lstm;
pub use pair::PairActs;
pub(crate) use pool::Pooling;
pub use pool::{Avg, AvgPool1d, AvgPool2d, GlobalAvgPool, Max, MaxPool1d, MaxPool2d, Pool};
pub use prelu::PRelu;
pub(crate) use ring::Rows;
pub use ring::{Places, Queue, Ring};
pub use round::{Round, RoundActivation, Rounded};
#[cfg(feature = "litert")]
pub(crate) use rounded::steps;
pub use rounded::{RoundedTo, RoundedWeights, Rounding};
pub use scale_shift::ScaleShift;
pub use standardize::Standardize;
pub(crate) use streamed::in_place;
pub use streamed::{InRows, OutRow, Streamed};
pub use unfused::{Gelu, GeluTanh, HardSwish, Silu};
pub(crate) use weights_and_biases::{are_small, in_rows, weights_and_biases, zip_weights};
