//! One file for each library.

#[cfg(feature = "burn")]
pub mod burn;
#[cfg(feature = "candle")]
pub mod candle;
#[cfg(feature = "dfdx")]
pub mod dfdx;
#[cfg(feature = "embedded-nn")]
pub mod embedded_nn;
#[cfg(feature = "mynn")]
pub mod mynn;
pub mod nerve;
#[path = "../../../../examples/cnn/networks.rs"]
#[allow(dead_code, reason = "only one of its networks is timed")]
mod networks;
pub mod pytorch;
