//! Integer networks: operators on `i8`, with the bits of LiteRT's reference kernels (`OpResolverType.BUILTIN_REF` of
//! `ai-edge-litert` 2.3.0).
//!
//! An integer `q` means the real number `scale * (q - zero_point)`. The scales of an operator's inputs and outputs come together in
//! [multipliers](Multiplier), the zero point of an input goes into the biases, so that a device never sees a floating-point number.
//!
//! Each operator is a small value of sizes and multipliers; `run` takes slices, of an image row by row, channels last, one example at a time.
//! Convolutions and pooling make one `row` of their output from the [`Rows`] that it needs: `run` does so for all of them, a stream as they
//! come. There is one copy of each loop, whatever the sizes. Where a slice is shorter than the sizes say, less is computed; nothing panics.

mod add;
mod average_pool;
mod axis;
mod conv;
mod depthwise;
mod embedding;
mod fixed;
mod fully_connected;
mod functions;
mod gru;
mod layers;
mod lessening;
mod lstm;
mod max_pool;
mod mean;
mod mul;
mod multiplier;
mod output;
mod prelu;
mod products;
mod quantize;
mod resize;
mod rows;
#[cfg(test)]
mod samples;
mod softmax;
mod strided;
mod table;
mod transpose_conv;
pub(crate) mod typed;
mod weights;

pub use add::{Add, Addend};
pub use average_pool::AveragePool;
pub use axis::Axis;
pub use conv::Conv2d;
pub use depthwise::DepthwiseConv2d;
pub use embedding::{Cast, Embedding};
pub use fully_connected::FullyConnected;
pub use functions::Function;
pub use gru::Gru;
pub use layers::{
    AddFloats, Constant, Each, InPlace, Integer, Kept, Merge, Merged, MulFloats, Operator, Padded, Recurrent,
    RecurrentOperator, Reshape, RowOperator, Steps, Weighted, Whole, Windowed,
};
pub use lstm::Lstm;
pub use max_pool::MaxPool;
pub use mean::Mean;
pub use mul::Mul;
pub use multiplier::Multiplier;
pub use output::Output;
pub use prelu::PRelu;
pub use quantize::{Dequantize, Quantize};
pub use resize::{Nearest, ResizeNearest};
pub use rows::Rows;
pub use softmax::Softmax;
pub use strided::{AXES, Strided};
pub use table::Table;
pub use transpose_conv::TransposeConv;
pub use typed::Input;
pub use weights::Weights;

pub use crate::kernels::fours::pack_fours;
pub use crate::kernels::paired::{pack, packed_len};
