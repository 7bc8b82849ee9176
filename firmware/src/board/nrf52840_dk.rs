//! Nordic nRF52840-DK. The host is at the board's own USB port: the debugger's serial line is wired to P0.06 and P0.08.

use core::ops::Range;

use embassy_nrf::nvmc::Nvmc;
use embassy_nrf::uarte::{Baudrate, Config, InterruptHandler, Uarte};
use embassy_nrf::{bind_interrupts, peripherals};

pub use super::real::{COUNTED, COUNTS_PER_TICK, exit};
pub use crate::arch::restart;

/// For the log.
pub const NAME: &str = "nRF52840-DK (Cortex-M4F)";
/// The chip's own flash.
pub type Flash = Nvmc<'static>;
/// Its last four pages of 4 KiB.
pub const STORE: Range<u32> = 0xf_c000..0x10_0000;
/// Erase cycles of a page, from the product specification.
pub const ENDURANCE: u32 = 10_000;

bind_interrupts!(struct Interrupts {
    UARTE0 => InterruptHandler<peripherals::UARTE0>;
});

/// The UART that the host is at.
pub struct Uart(Uarte<'static>);

impl Uart {
    /// Waits for a byte; one that was damaged on the line is left out.
    pub fn read(&mut self) -> u8 {
        let mut byte = [0];
        while self.0.blocking_read(&mut byte).is_err() {}
        byte[0]
    }

    /// Sends all of `bytes`. What is lost on the line, the host asks for again.
    pub fn write(&mut self, bytes: &[u8]) {
        let _ = self.0.blocking_write(bytes);
    }
}

/// The UART that the host is at, and the flash. To be called once.
pub fn take() -> Option<(Uart, Flash)> {
    let chip = embassy_nrf::init(Default::default());
    let mut config = Config::default();
    config.baudrate = Baudrate::Baud115200;
    let uart = Uarte::new(chip.UARTE0, chip.P0_08, chip.P0_06, Interrupts, config);
    Some((Uart(uart), Nvmc::new(chip.NVMC)))
}
