//! What real boards have in common: the log goes to the debug probe, and the core counts its cycles.

use defmt_rtt as _;
use panic_probe as _;

/// Ends the program, and `probe-rs` with the same success; without a probe the core stands still.
pub fn exit(success: bool) -> ! {
    semihosting::process::exit(if success { 0 } else { 1 })
}

/// The SysTick timer runs at the core's clock.
pub const COUNTED: &str = "cycles";
/// See [`COUNTED`].
pub const COUNTS_PER_TICK: f32 = 1.0;

/// The board's `Uart`, by a driver that has the methods of embassy's blocking ones.
#[cfg(any(feature = "pico2", feature = "stm32f4-discovery"))]
macro_rules! uart {
    ($Driver:ty) => {
        /// The UART that the host is at.
        pub struct Uart($Driver);

        impl Uart {
            /// Waits for a byte; one that was damaged on the line is left out.
            pub fn read(&mut self) -> u8 {
                let mut byte = [0];
                while self.0.blocking_read(&mut byte).is_err() {}
                byte[0]
            }

            /// Sends all of `bytes`. What is lost on the line, the host asks for again.
            pub fn write(&mut self, bytes: &[u8]) {
                let _ = self.0.blocking_write(bytes).and_then(|()| self.0.blocking_flush());
            }
        }
    };
}
#[cfg(any(feature = "pico2", feature = "stm32f4-discovery"))]
pub(crate) use uart;
