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

impl Serial {
    /// Waits for a byte; one that was damaged on the line is left out.
    pub fn read(&mut self) -> u8 {
        let mut byte = [0];
        while self.0.blocking_read(&mut byte).is_err() {}
        byte[0]
    }
}

impl fmt::Write for Serial {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0.blocking_write(text.as_bytes()).map_err(|_| fmt::Error)
    }
}
