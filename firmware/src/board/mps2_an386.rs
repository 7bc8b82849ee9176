//! Arm MPS2 with FPGA image AN386, a Cortex-M4F, as QEMU emulates it.

pub use super::emulated::{COUNTED, exit};

/// For the log.
pub const NAME: &str = "MPS2-AN386 (Cortex-M4F, emulated)";

/// The SysTick timer runs at 25 MHz.
pub const COUNTS_PER_TICK: f32 = super::emulated::instructions_per_tick(25_000_000);
