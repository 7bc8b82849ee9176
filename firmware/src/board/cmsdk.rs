//! The UART of Arm's Cortex-M System Design Kit, as on the MPS2 and MPS3 boards.

use super::emulated::Register;
use crate::arch::Wakeup;

/// One of the board's UARTs.
pub struct Cmsdk {
    data: Register,
    state: Register,
    interrupts: Register,
    wakeup: Wakeup,
}

const TRANSMITTER_FULL: u32 = 1 << 0;
const RECEIVER_FULL: u32 = 1 << 1;
const RECEIVER_INTERRUPT: u32 = 1 << 1;

impl Cmsdk {
    /// Switches on the UART at `base`, whose receiver has this interrupt.
    ///
    /// # Safety
    /// There must be one, used by nobody else.
    pub unsafe fn new(base: usize, interrupt: u16) -> Self {
        // SAFETY: the registers of the UART, which is the caller's.
        let register = |offset| unsafe { Register::new(base + offset) };
        register(0x10).write(16); // The fastest; there is no wire.
        register(0x08).write(0b1011); // Transmitter and receiver, and the interrupt of the latter.
        // SAFETY: as above.
        let wakeup = unsafe { Wakeup::new(interrupt) };
        Self { data: register(0x00), state: register(0x04), interrupts: register(0x0c), wakeup }
    }

    /// Sleeps until a byte comes.
    pub fn read(&mut self) -> u8 {
        self.interrupts.write(RECEIVER_INTERRUPT); // Ends the last byte's.
        self.wakeup.sleep_until(|| self.state.read() & RECEIVER_FULL != 0);
        self.data.read() as u8
    }

    /// Sends all of `bytes`.
    pub fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            while self.state.read() & TRANSMITTER_FULL != 0 {}
            self.data.write(u32::from(*byte));
        }
    }
}
