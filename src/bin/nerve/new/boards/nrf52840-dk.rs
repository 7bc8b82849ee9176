//! nRF52840-DK. The serial line is that of the debugger, at the same USB port: P0.06 sends, P0.08 receives.

use core::fmt;

use cortex_m as _; // Its critical section.
use defmt_rtt as _;
use embassy_nrf::uarte::{Baudrate, Config, InterruptHandler, Uarte};
use embassy_nrf::{bind_interrupts, peripherals};
use panic_probe as _;

bind_interrupts!(struct Interrupts {
    UARTE0 => InterruptHandler<peripherals::UARTE0>;
});

pub struct Serial(Uarte<'static>);

pub fn serial() -> Serial {
    let chip = embassy_nrf::init(Default::default());
    let mut config = Config::default();
    config.baudrate = Baudrate::Baud115200;
    defmt::info!("examples come and answers go at the debugger's serial line, 115,200 baud");
    Serial(Uarte::new(chip.UARTE0, chip.P0_08, chip.P0_06, Interrupts, config))
}

