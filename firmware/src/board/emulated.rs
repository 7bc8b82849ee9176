//! What all boards in QEMU have in common: they log and end through semihosting.

use defmt_semihosting as _;

/// Ends the program; the emulator's exit status says whether it succeeded.
pub fn exit(success: bool) -> ! {
    semihosting::process::exit(if success { 0 } else { 1 })
}

/// With `-icount shift=0` an instruction takes one emulated nanosecond.
pub const COUNTED: &str = "instructions";

/// Instructions in a tick of a timer.
#[cfg(target_arch = "arm")]
pub const fn instructions_per_tick(clock_hz: u32) -> f32 {
    1e9 / clock_hz as f32
}
