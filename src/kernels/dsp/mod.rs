//! Loops over integers in assembly, for a Cortex-M that multiplies two pairs of 16 bits at once (DSP extension): M4F, M7, M33.
//!
//! Each function looks at lengths before its `unsafe` block. Its safe twin is the loop in `quant` that runs on all other targets; the
//! same-bits test compares the two on a device.
#![allow(unsafe_code)]

mod depthwise;

pub(crate) use depthwise::Windows;
