//! What the programs share: the board, the log, and how a device measures itself.
#![no_std]

#[cfg(feature = "host")]
extern crate std;

#[cfg(not(feature = "host"))]
pub mod arch;
pub mod board;
#[cfg(not(feature = "host"))]
pub mod count;
pub mod gauge;
#[cfg(feature = "emulated")]
pub mod images;
pub mod learner;
#[cfg(not(feature = "host"))]
pub mod measure;
#[cfg(not(feature = "host"))]
pub mod memory;
/// The networks that the examples train.
#[path = "../../examples"]
pub mod networks {
    #[path = "adapt/learning.rs"]
    pub mod adapt;
    #[path = "anomaly/networks.rs"]
    pub mod anomaly;
    #[path = "cnn/networks.rs"]
    pub mod cnn;
    #[path = "iris/networks.rs"]
    pub mod iris;
    #[path = "listen/networks.rs"]
    pub mod listen;
    #[path = "signal/networks.rs"]
    pub mod signal;
}

#[cfg(not(feature = "host"))]
pub use arch::entry;
#[cfg(feature = "host")]
pub use board::memory;

/// Logs the panic and ends the program with a failure. Real boards have `panic-probe`.
#[cfg(feature = "emulated")]
#[panic_handler]
fn panic(info: &core::panic::PanicInfo) -> ! {
    defmt::error!("{}", defmt::Display2Format(info));
    board::exit(false)
}
