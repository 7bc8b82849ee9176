//! Integer loops in assembly, for a core that has eight registers for numbers and products of 32 bits: Cortex-M0 and M0+.
//!
//! Each function takes what it reads and writes as references, and looks at lengths before its `unsafe` block. Its safe twin is the plain
//! loop in `kernels` or `quant` that runs on all other targets; the same-bits test compares the two on a device.
#![allow(unsafe_code)]

pub(crate) mod fours;
mod paired;
mod round;
mod taps;

pub(crate) use paired::Vectors;
pub(crate) use round::round;
pub(crate) use taps::{CHANNELS, Taps};
