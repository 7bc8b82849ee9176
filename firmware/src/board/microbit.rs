//! BBC micro:bit, an nRF51822 with a Cortex-M0, as QEMU emulates it.

use super::emulated::Register;
pub use super::emulated::{COUNTED, ENDURANCE, Flash, STORE, exit};
use crate::arch::Wakeup;
pub use crate::arch::restart;

/// For the log.
pub const NAME: &str = "micro:bit (Cortex-M0, emulated)";

/// The SysTick timer runs at 16 MHz.
pub const COUNTS_PER_TICK: f32 = super::emulated::instructions_per_tick(16_000_000);

/// The nRF51's UART.
pub struct Uart {
    received: Register,
    sent: Register,
    receive: Register,
    send: Register,
    wakeup: Wakeup,
}

impl Uart {
    /// Sleeps until a byte comes.
    pub fn read(&mut self) -> u8 {
        self.wakeup.sleep_until(|| self.received.read() != 0);
        self.received.write(0);
        self.receive.read() as u8
    }

    /// Sends all of `bytes`.
    pub fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.sent.write(0);
            self.send.write(u32::from(*byte));
            while self.sent.read() == 0 {}
        }
    }
}

/// The UART that the host is at, and the flash. To be called once.
pub fn take() -> Option<(Uart, Flash)> {
    // SAFETY: these are registers of the UART, and nothing else uses them.
    let register = |offset: usize| unsafe { Register::new(0x4000_2000 + offset) };
    register(0x500).write(4); // Enable.
    register(0x524).write(0x01d7_e000); // 115,200 baud.
    register(0x000).write(1); // Start receiving.
    register(0x008).write(1); // Start sending.
    register(0x304).write(1 << 2); // Interrupt when a byte has come.
    // SAFETY: it is that of the UART.
    let wakeup = unsafe { Wakeup::new(2) };
    let (received, sent) = (register(0x108), register(0x11c));
    Some((Uart { received, sent, receive: register(0x518), send: register(0x51c), wakeup }, Flash::open()?))
}
