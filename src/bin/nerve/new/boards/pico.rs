//! Raspberry Pi Pico or Pico 2. The serial line is UART 0: GP0 (pin 1) sends, GP1 (pin 2) receives.

use core::fmt;

use cortex_m as _; // Its critical section.
use defmt_rtt as _;
use embassy_rp::uart::{Blocking, Config, Uart};
use panic_probe as _;

pub struct Serial(Uart<'static, Blocking>);

pub fn serial() -> Serial {
    let chip = embassy_rp::init(Default::default());
    defmt::info!("examples come and answers go at GP1 and GP0, 115,200 baud");
    Serial(Uart::new_blocking(chip.UART0, chip.PIN_0, chip.PIN_1, Config::default()))
}

