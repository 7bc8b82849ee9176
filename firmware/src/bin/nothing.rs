//! What the programs `infer_*` and `step_*` are compared with.
#![no_std]
#![no_main]

use nerve_firmware::{entry, measure};

#[entry]
fn main() -> ! {
    measure::nothing()
}
