//! Arm Cortex-M.

use cortex_m::interrupt::InterruptNumber;
use cortex_m::peripheral::{NVIC, SCB, SYST, syst::SystClkSource};
pub use cortex_m_rt::entry;

/// A peripheral's interrupt, which ends the core's sleep and runs nothing.
#[derive(Clone, Copy)]
pub struct Wakeup(u16);

// SAFETY: `new` was promised that there is one of this number.
unsafe impl InterruptNumber for Wakeup {
    fn number(self) -> u16 {
        self.0
    }
}

impl Wakeup {
    /// Lets the interrupt wake the core; from now on no interrupt has a handler run.
    ///
    /// # Safety
    /// The core must have an interrupt of this number.
    pub unsafe fn new(number: u16) -> Self {
        cortex_m::interrupt::disable();
        // SAFETY: the core takes no interrupt any more, so that no critical section is broken.
        unsafe { NVIC::unmask(Self(number)) };
        Self(number)
    }

    /// Sleeps until `ready`, which the interrupt announces.
    pub fn sleep_until(self, ready: impl Fn() -> bool) {
        loop {
            // Before the look: one that comes after it is not missed.
            NVIC::unpend(self);
            if ready() {
                return;
            }
            cortex_m::asm::wfi();
        }
    }
}

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
