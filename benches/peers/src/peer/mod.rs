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
pub mod pytorch;
