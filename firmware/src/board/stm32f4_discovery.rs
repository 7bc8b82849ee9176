//! STM32F4 Discovery, with an STM32F407VG. The host is at USART2: PA2 sends, PA3 receives.

use core::ops::Range;

use embassy_stm32::flash::{self, Blocking};
use embassy_stm32::mode;
use embassy_stm32::usart::{self, Config};

pub use super::real::{COUNTED, COUNTS_PER_TICK, exit};
pub use crate::arch::restart;

/// For the log.
pub const NAME: &str = "STM32F4 Discovery (Cortex-M4F)";
/// The chip's own flash.
pub type Flash = flash::Flash<'static, Blocking>;
/// Its last two sectors of 128 KiB.
pub const STORE: Range<u32> = 0xc_0000..0x10_0000;
/// Erase cycles of a sector, from the data sheet.
pub const ENDURANCE: u32 = 10_000;

super::real::uart!(usart::Uart<'static, mode::Blocking>);

/// The UART that the host is at, and the flash. To be called once. The core runs at the 16 MHz that it starts with.
pub fn take() -> Option<(Uart, Flash)> {
    let chip = embassy_stm32::init(Default::default());
    let uart = usart::Uart::new_blocking(chip.USART2, chip.PA3, chip.PA2, Config::default()).ok()?;
    Some((Uart(uart), flash::Flash::new_blocking(chip.FLASH)))
}
