//! QEMU's board `virt` with one 32-bit RISC-V core.

use super::emulated::Register;
pub use super::emulated::{COUNTED, ENDURANCE, Flash, STORE, exit};
use crate::arch::Wakeup;

/// For the log.
pub const NAME: &str = "RISC-V virt (RV32IMAC, emulated)";

/// The timer counts instructions.
pub const COUNTS_PER_TICK: f32 = 1.0;

/// Where the interrupt controller's registers are.
pub const PLIC: usize = 0x0c00_0000;

/// A 16550.
pub struct Uart(*mut u8, Wakeup);

const DATA: usize = 0;
const INTERRUPTS: usize = 1;
const LINE_STATUS: usize = 5;
const RECEIVED: u8 = 1 << 0;
const CAN_SEND: u8 = 1 << 5;

impl Uart {
    fn is(&self, status: u8) -> bool {
        // SAFETY: the register of a UART that is ours alone, as `take` says.
        let line = unsafe { self.0.add(LINE_STATUS).read_volatile() };
        line & status != 0
    }

    /// Sleeps until a byte comes.
    pub fn read(&mut self) -> u8 {
        self.1.sleep_until(|| self.is(RECEIVED));
        // SAFETY: as above.
        unsafe { self.0.add(DATA).read_volatile() }
    }

    /// Sends all of `bytes`.
    pub fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            while !self.is(CAN_SEND) {}
            // SAFETY: as above.
            unsafe { self.0.add(DATA).write_volatile(*byte) };
        }
    }
}

/// The UART that the host is at, and the flash. To be called once.
pub fn take() -> Option<(Uart, Flash)> {
    // The board's only UART lies here, and nothing else uses it.
    let uart = 0x1000_0000 as *mut u8;
    // SAFETY: registers of the UART, and its interrupt.
    let wakeup = unsafe {
        uart.add(INTERRUPTS).write_volatile(RECEIVED);
        Wakeup::new(10)
    };
    Some((Uart(uart, wakeup), Flash::open()?))
}

/// Starts the program from its reset vector.
pub fn restart() -> ! {
    const RESET: u32 = 0x7777;
    // SAFETY: this is the board's test device, and nothing else uses it.
    unsafe { Register::new(0x0010_0000) }.write(RESET);
    loop {
        core::hint::spin_loop();
    }
}
