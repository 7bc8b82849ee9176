//! Products of integers in assembly, for a Cortex-M with instructions for two halfwords (DSP): M4F, M7, M33.
//!
//! Each function takes what it reads and writes as references, and looks at lengths before its `unsafe` block. Its safe twin is the plain
//! loop beside which it lies in `kernels`; the same-bits test compares the two on a device.
#![allow(unsafe_code)]

mod paired;

pub(crate) use paired::{Vectors, round};
