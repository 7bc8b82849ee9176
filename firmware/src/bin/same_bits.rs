//! Prints the words of the same-bits program, as the host's program of that name does.
#![no_std]
#![no_main]

use nerve_firmware::{board, entry};

// The lengths are for the host, which compares.
#[allow(dead_code)]
#[path = "../../../host-tests/src/same_bits.rs"]
mod same_bits;

#[entry]
fn main() -> ! {
    same_bits::run(|word| defmt::println!("{=u32:08x}", word));
    board::exit(true)
}
