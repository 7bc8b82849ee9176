//! Raspberry Pi Pico 2, an RP2350 with Cortex-M33 cores of which the first is used. The host is at UART 0: GP0 sends, GP1 receives.

use core::ops::Range;

use embassy_rp::peripherals::FLASH;
use embassy_rp::uart::{self, Config};
use embassy_rp::flash;

pub use super::real::{COUNTED, COUNTS_PER_TICK, exit};
pub use crate::arch::restart;

/// For the log.
pub const NAME: &str = "Raspberry Pi Pico 2 (Cortex-M33)";
const FLASH_SIZE: usize = 4 << 20;
/// The flash chip beside the microcontroller.
pub type Flash = flash::Flash<'static, FLASH, flash::Blocking, FLASH_SIZE>;
/// Its last four sectors of 4 KiB.
pub const STORE: Range<u32> = 0x3f_c000..0x40_0000;
/// Erase cycles of a sector, from the data sheet of the W25Q32.
pub const ENDURANCE: u32 = 100_000;

super::real::uart!(uart::Uart<'static, uart::Blocking>);

/// The UART that the host is at, and the flash. To be called once.
pub fn take() -> Option<(Uart, Flash)> {
    let chip = embassy_rp::init(Default::default());
    let uart = uart::Uart::new_blocking(chip.UART0, chip.PIN_0, chip.PIN_1, Config::default());
    Some((Uart(uart), flash::Flash::new_blocking(chip.FLASH)))
}
