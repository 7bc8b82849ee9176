//! The loops: what a layer computes, over plain arrays and slices.
//!
//! A fast loop lies beside its plain twin, which says what it computes and whose bits it has. Which of them runs is chosen here, and no
//! layer knows. Uses `numbers`.

#[cfg(all(target_arch = "arm", target_os = "none", not(target_has_atomic = "32")))]
pub(crate) mod armv6m;
mod axis;
pub(crate) mod backend;
pub(crate) mod convolution;
pub(crate) mod depthwise;
#[cfg(all(target_arch = "arm", target_os = "none", target_abi = "eabihf"))]
pub(crate) mod dsp;
pub(crate) mod fours;
mod matrix;
// The plain twin is for tests, where there is another.
#[cfg_attr(
    any(
        all(target_arch = "arm", target_os = "none", any(target_abi = "eabihf", not(target_has_atomic = "32"))),
        all(target_arch = "x86_64", feature = "std")
    ),
    allow(dead_code)
)]
mod order;
#[cfg_attr(
    any(
        all(target_arch = "arm", target_os = "none", any(target_abi = "eabihf", not(target_has_atomic = "32"))),
        all(target_arch = "x86_64", feature = "std")
    ),
    allow(dead_code)
)]
pub(crate) mod paired;
pub(crate) mod rows;
pub(crate) mod taps;
#[cfg(all(target_arch = "arm", target_os = "none", target_abi = "eabihf"))]
mod vfp;
#[cfg(all(target_arch = "x86_64", feature = "std"))]
pub(crate) mod x86;

pub use axis::Axis;
pub use matrix::Strided;
pub(crate) use matrix::*;
