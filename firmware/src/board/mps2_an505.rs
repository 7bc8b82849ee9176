//! Arm MPS2 with FPGA image AN505, a Cortex-M33 in its secure state, as QEMU emulates it.

pub use super::emulated::{COUNTED, exit};

/// For the log.
pub const NAME: &str = "MPS2-AN505 (Cortex-M33, emulated)";

/// The SysTick timer runs at 20 MHz.
pub const COUNTS_PER_TICK: f32 = super::emulated::instructions_per_tick(20_000_000);
