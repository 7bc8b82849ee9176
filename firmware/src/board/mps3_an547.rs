//! Arm MPS3 with FPGA image AN547, a Cortex-M55 in its secure state, as QEMU emulates it.

pub use super::cmsdk::Cmsdk as Uart;
pub use super::emulated::{COUNTED, ENDURANCE, Flash, STORE, exit};
pub use crate::arch::restart;

/// For the log.
pub const NAME: &str = "MPS3-AN547 (Cortex-M55, emulated)";

/// The SysTick timer runs at 32 MHz.
pub const COUNTS_PER_TICK: f32 = super::emulated::instructions_per_tick(32_000_000);

/// The UART that the host is at, and the flash. To be called once.
pub fn take() -> Option<(Uart, Flash)> {
    // SAFETY: this is UART 0, and nothing else uses it.
    Some((unsafe { Uart::new(0x5930_3000, 43) }, Flash::open()?))
}
