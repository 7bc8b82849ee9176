//! ESP32-C3. The serial line is UART 0, which the board's USB bridge has: GPIO21 sends, GPIO20 receives.

use core::fmt;

use esp_backtrace as _;
use esp_hal::Blocking;
use esp_hal::uart::{Config, Uart};

esp_bootloader_esp_idf::esp_app_desc!();

pub struct Serial(Uart<'static, Blocking>);

pub fn serial() -> Serial {
    let chip = esp_hal::init(esp_hal::Config::default());
    match Uart::new(chip.UART0, Config::default()) {
        Ok(uart) => Serial(uart.with_rx(chip.GPIO20).with_tx(chip.GPIO21)),
        Err(error) => panic!("{error:?}"),
    }
}

impl Serial {
    /// Waits for a byte; one that was damaged on the line is left out.
    pub fn read(&mut self) -> u8 {
        let mut byte = [0];
        while self.0.read(&mut byte).is_err() {}
        byte[0]
    }
}

impl fmt::Write for Serial {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let mut bytes = text.as_bytes();
        while !bytes.is_empty() {
            let sent = self.0.write(bytes).map_err(|_| fmt::Error)?;
            bytes = bytes.get(sent..).unwrap_or_default();
        }
        Ok(())
    }
}
