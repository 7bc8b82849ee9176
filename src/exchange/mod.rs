//! Networks from and for other frameworks, on a host: PyTorch's weights, ONNX. Uses all other rooms.

#[cfg_attr(not(feature = "onnx"), allow(dead_code))] // Reading weights needs a part of it.
mod describe;
#[cfg(feature = "onnx")]
pub mod onnx;
#[cfg(feature = "safetensors")]
pub mod pytorch;

pub use describe::{Describe, Description};
pub(crate) use describe::{Kind, Module};
#[cfg(feature = "onnx")]
pub(crate) use describe::{Parameter, shape};
