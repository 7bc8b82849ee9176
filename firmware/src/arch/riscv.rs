//! RISC-V, 32-bit.

pub use riscv_rt::entry;

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
