//! Networks from and for other frameworks, on a host: PyTorch's weights, ONNX, LiteRT. Uses all other rooms.

#[cfg(feature = "litert")]
pub mod codegen;
#[cfg(feature = "litert")]
mod cost;
#[cfg(feature = "litert")]
mod cut;
#[cfg(any(feature = "litert", feature = "safetensors"))]
#[cfg_attr(not(feature = "onnx"), allow(dead_code))] // Reading weights needs a part of it.
mod describe;
#[cfg(feature = "litert")]
pub mod executor;
#[cfg(feature = "litert")]
pub mod float;
#[cfg(feature = "litert")]
mod fold;
#[cfg(feature = "litert")]
pub mod graph;
#[cfg(feature = "litert")]
pub mod import;
#[cfg(feature = "litert")]
pub mod litert;
#[cfg(feature = "litert")]
pub mod lower;
#[cfg(feature = "litert")]
mod network;
#[cfg(feature = "onnx")]
pub mod onnx;
#[cfg(feature = "safetensors")]
pub mod pytorch;
#[cfg(feature = "litert")]
pub mod quantise;
#[cfg(feature = "litert")]
mod typed;

#[cfg(any(feature = "litert", feature = "safetensors"))]
pub use describe::{Describe, Description, Unsupported};
#[cfg(feature = "onnx")]
pub(crate) use describe::{Joined, Parameter, shape};
#[cfg(any(feature = "onnx", feature = "safetensors"))]
pub(crate) use describe::{Kind, Module};

/// Writes all that is refused.
#[cfg(feature = "litert")]
fn one_a_line(f: &mut core::fmt::Formatter, refusals: &[impl core::fmt::Display]) -> core::fmt::Result {
    for (i, refusal) in refusals.iter().enumerate() {
        write!(f, "{}{refusal}", if i > 0 { "\n" } else { "" })?;
    }
    Ok(())
}
