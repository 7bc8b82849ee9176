//! What work costs: instructions on an emulated board, cycles on a real one.

use cortex_m::peripheral::{SYST, syst::SystClkSource};

use crate::board::COUNTS_PER_TICK;

/// Calls of the work, so that a tick of many instructions still gives a fine mean.
const CALLS: u32 = 1000;

/// Mean cost of one call of `work`, in [`COUNTED`](crate::board::COUNTED). All calls together must take less than 2²⁴ ticks.
pub fn mean(timer: &mut SYST, mut work: impl FnMut()) -> u32 {
    timer.set_clock_source(SystClkSource::Core);
    timer.set_reload(0x00ff_ffff);
    timer.clear_current();
    timer.enable_counter();
    let before = SYST::get_current();
    for _ in 0..CALLS {
        work();
    }
    let ticks = before.wrapping_sub(SYST::get_current()) & 0x00ff_ffff;
    timer.disable_counter();
    (ticks as f32 * COUNTS_PER_TICK / CALLS as f32) as u32
}
