//! RISC-V, 32-bit.

use crate::board::PLIC;
pub use riscv_rt::entry;

/// A peripheral's interrupt, which ends the core's sleep and runs nothing, since the core takes none.
#[derive(Clone, Copy)]
pub struct Wakeup(());

impl Wakeup {
    /// Lets the interrupt wake the core.
    ///
    /// # Safety
    /// The interrupt controller must have an interrupt of this number, below 32, and nothing else may use it.
    pub unsafe fn new(number: u32) -> Self {
        let (priority, enabled) = (PLIC + 4 * number as usize, PLIC + 0x2000);
        // SAFETY: registers of the interrupt controller, which is the caller's.
        unsafe {
            (priority as *mut u32).write_volatile(1);
            (enabled as *mut u32).write_volatile(1 << number);
            riscv::register::mie::set_mext();
        }
        Self(())
    }

    /// Sleeps until `ready`, which the interrupt announces for as long as it is.
    pub fn sleep_until(self, ready: impl Fn() -> bool) {
        while !ready() {
            riscv::asm::wfi();
        }
    }
}

/// The counter of instructions.
pub struct Timer(());

impl Timer {
    /// The most ticks that it counts.
    pub const MAX: u32 = u32::MAX;

    /// The only one.
    pub fn take() -> Option<Self> {
        Some(Self(()))
    }

    /// Ticks that `work` takes, which must be fewer than [`MAX`](Self::MAX).
    pub fn ticks(&mut self, work: impl FnOnce()) -> u32 {
        let before = riscv::register::minstret::read() as u32;
        work();
        (riscv::register::minstret::read() as u32).wrapping_sub(before)
    }
}

/// Runs `work` as a region that the plugin `m4-cycles` counts.
#[inline(always)]
pub fn region<R>(work: impl FnOnce() -> R) -> R {
    // SAFETY: both are hints that do nothing; an `asm!` without options is also a barrier to moving memory accesses.
    unsafe { core::arch::asm!("c.nop 1") };
    let result = work();
    // SAFETY: as above.
    unsafe { core::arch::asm!("c.nop 2") };
    result
}

unsafe extern "C" {
    static __stext: u32;
    static __estack: u32;
}

/// The first byte of the program in flash.
pub fn program_start() -> *const u32 {
    &raw const __stext
}

/// The first byte after the variables: the stack grows down to here.
pub fn stack_end() -> *const u32 {
    &raw const __estack
}
