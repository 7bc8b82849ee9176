//! Stellaris LM3S6965 evaluation board, a Cortex-M3, as QEMU emulates it.

pub use super::emulated::{COUNTED, exit};

/// For the log.
pub const NAME: &str = "LM3S6965EVB (Cortex-M3, emulated)";

/// The SysTick timer runs at 12.5 MHz, which is what the PLL's divider gives after a reset.
pub const COUNTS_PER_TICK: f32 = super::emulated::instructions_per_tick(12_500_000);
