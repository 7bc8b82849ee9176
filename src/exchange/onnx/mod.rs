//! Models of the Open Neural Network Exchange (ONNX), feature `onnx`, on the host: read into a [graph](crate::graph), and written of a
//! trained network.
//!
//! ```
//! use nerve::{onnx, prelude::*};
//!
//! type Net = chain![Conv2d<1, 8, 3, Relu>, MaxPool2d<2, 14, 14>, Flatten<1568>, Dense<1568, 10>];
//! type Image = [[[f32; 1]; 28]; 28];
//!
//! # fn main() -> Result<(), Box<dyn core::error::Error>> {
//! # let net = Net::ZERO;
//! let file = onnx::export::<Image, _>(&net)?;
//! let graph = onnx::read(&file)?;
//! # assert_eq!(graph.tensors[graph.inputs[0]].shape, [1, 28, 28, 1]);
//! # Ok(())
//! # }
//! ```
//!
//! # Reading
//!
//! [`read`] takes what PyTorch's exporters and others write, in opset 13 or later, for networks that the graph has operators for. Inputs and
//! outputs keep their axes and their order: an image of PyTorch is `[1, channels, height, width]`. Inside, channels are last. So such an
//! image is transposed first; a model that begins with `x.permute(0, 3, 1, 2)` takes images as cameras give them, and nothing is moved.
//! The weights behind a Flatten are put in order instead of the elements. Normalisations lie in the weights before them, computations of
//! constants and shapes are done when the model is read, and an open batch is 1. What is not supported is named, all of it.
//!
//! Integer models are read in QDQ form, as `onnxruntime.quantization` writes them: operators between DequantizeLinear and QuantizeLinear become
//! those of integers, with LiteRT's rounding, which may be a unit apart from onnxruntime's for each operator. Weights have no zero point
//! (`QuantType.QInt8`), activations may be signed or not. What would have to be computed in floats is refused by name.
//!
//! A file may come from anyone: it is held against the format and its own length. Data in other files are refused.
//!
//! # Writing
//!
//! The model of [`export`] has one `input` and one `output`, in batches of any size, with the axes of the network here: an image is rows of
//! pixels of channels. Inside, convolutions have their channels first, as ONNX wants them. Dropout and normalisation are those of inference.
//! Outputs agree with those here up to rounding, which differs with the order of summation.

mod constant;
mod error;
mod folded;
mod gelu;
mod operators;
mod quantised;
mod read;
mod view;
mod windows;
mod wire;
mod write;

pub use crate::exchange::Unsupported;
pub use error::{ReadError, Reason, Refusal};
pub use read::read;
pub use write::export;
