//! Integer loops in assembly, for a Cortex-M that multiplies two pairs of 16 bits at once (DSP extension): M4F, M7, M33.
//!
//! Each function takes what it reads and writes as references, and looks at lengths before its `unsafe` block. Its safe twin is the plain
//! loop in `kernels` or `quant` that runs on all other targets; the same-bits test compares the two on a device.
#![allow(unsafe_code)]

mod add;
mod depthwise;
pub(crate) mod fours;
mod paired;
mod round;
mod rows;

pub(crate) use add::Factors;
pub(crate) use depthwise::{Across, FACTORS, Kind, Shape, Windows, expand_weights};
pub(crate) use paired::Vectors;
pub(crate) use round::round_four;
pub(crate) use rows::copy_rows;
