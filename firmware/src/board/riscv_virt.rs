//! QEMU's board `virt` with one 32-bit RISC-V core.

pub use super::emulated::{COUNTED, exit};

/// For the log.
pub const NAME: &str = "RISC-V virt (RV32IMAC, emulated)";

/// The timer counts instructions.
pub const COUNTS_PER_TICK: f32 = 1.0;
