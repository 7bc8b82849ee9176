//! Arm Cortex-M.

use cortex_m::peripheral::{SCB, SYST, syst::SystClkSource};
pub use cortex_m_rt::entry;

/// The SysTick timer, which counts down over 24 bits.
pub struct Timer(SYST);

impl Timer {
    /// The most ticks that it counts.
    pub const MAX: u32 = 0x00ff_ffff;

    /// The only one; none if the core's peripherals are in use.
    pub fn take() -> Option<Self> {
        let mut timer = cortex_m::Peripherals::take()?.SYST;
        timer.set_clock_source(SystClkSource::Core);
        timer.set_reload(Self::MAX);
        timer.clear_current();
        timer.enable_counter();
        Some(Self(timer))
    }

    /// Ticks that `work` takes, which must be fewer than [`MAX`](Self::MAX).
    pub fn ticks(&mut self, work: impl FnOnce()) -> u32 {
        self.0.clear_current();
        let before = SYST::get_current();
        work();
        before.wrapping_sub(SYST::get_current()) & Self::MAX
    }
}

/// Runs `work` as a region that the plugin `m4-cycles` counts.
#[inline(always)]
pub fn region<R>(work: impl FnOnce() -> R) -> R {
    // SAFETY: both are hints that execute as NOP; an `asm!` without options is also a barrier to moving memory accesses.
    unsafe { core::arch::asm!(".inst.n 0xbf50") };
    let result = work();
    // SAFETY: as above.
    unsafe { core::arch::asm!(".inst.n 0xbf60") };
    result
}

/// Starts the program from its reset vector.
pub fn restart() -> ! {
    SCB::sys_reset()
}

unsafe extern "C" {
    static __vector_table: u32;
    static _stack_end: u32;
}

/// The first byte of the program in flash.
pub fn program_start() -> *const u32 {
    &raw const __vector_table
}

/// The first byte after the variables: the stack grows down to here.
pub fn stack_end() -> *const u32 {
    &raw const _stack_end
}
