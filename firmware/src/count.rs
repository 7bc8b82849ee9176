//! What work costs: instructions on an emulated board, cycles on a real one.

use crate::arch::Timer;
use crate::board::COUNTS_PER_TICK;

/// Calls of the work, so that a tick of many instructions still gives a fine mean.
const CALLS: u32 = 100;

/// Cost of `work`, which takes less than [`Timer::MAX`] ticks, but many.
pub fn once(timer: &mut Timer, work: impl FnOnce()) -> u32 {
    (timer.ticks(work) as f32 * COUNTS_PER_TICK) as u32
}

/// Mean cost of one call of `work`, in [`COUNTED`](crate::board::COUNTED). All calls together must take less than [`Timer::MAX`] ticks.
pub fn mean(timer: &mut Timer, mut work: impl FnMut()) -> u32 {
    let ticks = timer.ticks(|| {
        for _ in 0..CALLS {
            work();
        }
    });
    (ticks as f32 * COUNTS_PER_TICK / CALLS as f32) as u32
}
