//! BBC micro:bit of 2016. The serial line is that of the debugger, at the same USB port.

use core::fmt;

use cortex_m as _; // Its critical section.
use defmt_rtt as _;
use embedded_io::{Read, Write};
use nrf51_hal::gpio::{Level, p0};
use nrf51_hal::pac::{Peripherals, UART0};
use nrf51_hal::uart::{Baudrate, Parity, Pins, Uart};
use panic_probe as _;

pub struct Serial(Uart<UART0>);

pub fn serial() -> Serial {
    let Some(chip) = Peripherals::take() else { defmt::panic!("the serial line is taken once") };
    let pins = p0::Parts::new(chip.GPIO);
    let pins = Pins {
        txd: pins.p0_24.into_push_pull_output(Level::High).degrade(),
        rxd: pins.p0_25.into_floating_input().degrade(),
        cts: None,
        rts: None,
    };
    defmt::info!("examples come and answers go at the debugger's serial line, 115,200 baud");
    let start = |uart, pins| Uart::new(uart, pins, Parity::EXCLUDED, Baudrate::BAUD115200);
    // The driver begins with a zero byte, which QEMU loses as long as the UART is off, and then waits for it: so once more, now that it is on.
    let (uart, pins) = start(chip.UART0, pins).free();
    Serial(start(uart, pins))
}

impl Serial {
    /// Waits for a byte.
    pub fn read(&mut self) -> u8 {
        let mut byte = [0];
        let Ok(_) = self.0.read(&mut byte);
        byte[0]
    }
}

impl fmt::Write for Serial {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let Ok(()) = self.0.write_all(text.as_bytes());
        Ok(())
    }
}
