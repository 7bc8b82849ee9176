//! STM32F4 Discovery. The serial line is USART 2, for an adapter of 3.3 V: PA2 sends, PA3 receives.

use core::fmt;

use cortex_m as _; // Its critical section.
use defmt_rtt as _;
use embassy_stm32::mode::Blocking;
use embassy_stm32::usart::{Config, Uart};
use panic_probe as _;

pub struct Serial(Uart<'static, Blocking>);

pub fn serial() -> Serial {
    let chip = embassy_stm32::init(Default::default());
    defmt::info!("examples come and answers go at PA3 and PA2, 115,200 baud");
    match Uart::new_blocking(chip.USART2, chip.PA3, chip.PA2, Config::default()) {
        Ok(uart) => Serial(uart),
        Err(error) => defmt::panic!("{}", error),
    }
}

