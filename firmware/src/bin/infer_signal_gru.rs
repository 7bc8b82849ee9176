//! An inference of the signal GRU, for `cargo xtask bench`.
#![no_std]
#![no_main]

use nerve::prelude::*;
use nerve_firmware::entry;
use nerve_firmware::measure::{inference, numbers};
use nerve_firmware::networks::signal::{Recurrent, Window};
use static_cell::ConstStaticCell;

static NET: Recurrent = include_weights!(Recurrent, "../../data/signal-gru.nrv");
static PASS: ConstStaticCell<Pass<Recurrent, Window>> = ConstStaticCell::new(Pass::ZERO);
static X: Window = numbers(1, 1.0);

#[entry]
fn main() -> ! {
    inference(&NET, PASS.take(), &X)
}
