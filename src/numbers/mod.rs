//! Scalars, arrays of them, and the parameters that a network is made of.
//!
//! What belongs here is true of a number or of a list of numbers, whatever network it is part of: arithmetic and elementary functions
//! with the same bits on every target, tensors, how parameters are drawn, visited and named in a file. Uses no other room.

mod elementary;
mod fingerprint;
mod finite;
mod init;
mod params;
mod real;
mod tensor;

#[cfg(any(
    all(target_arch = "arm", target_os = "none", target_abi = "eabihf"),
    all(target_arch = "x86_64", feature = "std")
))]
pub(crate) use elementary::EXP;
#[cfg(all(target_arch = "x86_64", feature = "std"))]
pub(crate) use elementary::exp;
pub(crate) use fingerprint::{fingerprint, mix};
pub(crate) use finite::{add_squares, all_finite, is_finite};
pub use init::Init;
pub(crate) use init::{normal, orthogonal, uniform};
pub use params::{Params, Tensors};
pub(crate) use params::{stateless, untrained};
pub use real::Real;
pub use tensor::{Array, Float, Scalar, Tensor, Zero};
