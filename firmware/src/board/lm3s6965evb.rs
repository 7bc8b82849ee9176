//! Stellaris LM3S6965 evaluation board, a Cortex-M3, as QEMU emulates it.

use super::emulated::Register;
pub use super::emulated::{COUNTED, ENDURANCE, Flash, STORE, exit};
use crate::arch::Wakeup;
pub use crate::arch::restart;

/// For the log.
pub const NAME: &str = "LM3S6965EVB (Cortex-M3, emulated)";

/// The SysTick timer runs at 12.5 MHz, which is what the PLL's divider gives after a reset.
pub const COUNTS_PER_TICK: f32 = super::emulated::instructions_per_tick(12_500_000);

/// UART 0, a PL011.
pub struct Uart {
    data: Register,
    flags: Register,
    wakeup: Wakeup,
}

const RECEIVER_EMPTY: u32 = 1 << 4;
const TRANSMITTER_FULL: u32 = 1 << 5;

impl Uart {
    /// Sleeps until a byte comes.
    pub fn read(&mut self) -> u8 {
        self.wakeup.sleep_until(|| self.flags.read() & RECEIVER_EMPTY == 0);
        self.data.read() as u8
    }

    /// Sends all of `bytes`.
    pub fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            while self.flags.read() & TRANSMITTER_FULL != 0 {}
            self.data.write(u32::from(*byte));
        }
    }
}

/// The UART that the host is at, and the flash. To be called once.
pub fn take() -> Option<(Uart, Flash)> {
    // SAFETY: these are registers of UART 0 and of the system control, and nothing else uses them.
    let register = |address| unsafe { Register::new(address) };
    let clock_gates = register(0x400f_e104);
    clock_gates.write(clock_gates.read() | 1);
    register(0x4000_c02c).write(0x70); // 8 bits, with FIFOs.
    register(0x4000_c030).write(0x301); // UART, transmitter and receiver on.
    register(0x4000_c038).write(1 << 4); // Interrupt of the receiver.
    // SAFETY: it is that of UART 0.
    let wakeup = unsafe { Wakeup::new(5) };
    Some((Uart { data: register(0x4000_c000), flags: register(0x4000_c018), wakeup }, Flash::open()?))
}
