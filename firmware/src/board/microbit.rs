//! BBC micro:bit, an nRF51822 with a Cortex-M0, as QEMU emulates it.

pub use super::emulated::{COUNTED, exit};

/// For the log.
pub const NAME: &str = "micro:bit (Cortex-M0, emulated)";

/// The SysTick timer runs at 16 MHz.
pub const COUNTS_PER_TICK: f32 = super::emulated::instructions_per_tick(16_000_000);
