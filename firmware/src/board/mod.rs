//! The board, chosen by a feature of this crate.
//!
//! Another board is one more file here, its feature in `Cargo.toml` and its memory in `build.rs`. It has `NAME`, `COUNTED` and
//! `COUNTS_PER_TICK` for [`count`](crate::count), a `#[defmt::global_logger]` (or a crate that has one) and `exit`.

#[cfg(not(feature = "microbit"))]
mod mps2_an386;
#[cfg(not(feature = "microbit"))]
pub use mps2_an386::*;

#[cfg(feature = "microbit")]
mod microbit;
#[cfg(feature = "microbit")]
pub use microbit::*;

/// For a board in QEMU: logs and ends through semihosting.
mod emulated {
    use defmt_semihosting as _;

    /// Ends the program; the emulator's exit status says whether it succeeded.
    pub fn exit(success: bool) -> ! {
        semihosting::process::exit(if success { 0 } else { 1 })
    }

    /// With `-icount shift=0` an instruction takes one emulated nanosecond.
    pub const COUNTED: &str = "instructions";

    /// Instructions in a tick of a timer.
    pub const fn instructions_per_tick(clock_hz: u32) -> f32 {
        1e9 / clock_hz as f32
    }
}
