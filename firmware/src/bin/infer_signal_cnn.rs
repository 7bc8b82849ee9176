//! An inference of the signal CNN, for `cargo xtask bench`.
#![no_std]
#![no_main]

use nerve::prelude::*;
use nerve_firmware::entry;
use nerve_firmware::measure::{inference, numbers};
use nerve_firmware::networks::signal::{Cnn, Window};
use static_cell::ConstStaticCell;

static NET: Cnn = include_weights!(Cnn, "../../data/signal-cnn.nrv");
static PASS: ConstStaticCell<Pass<Cnn, Window>> = ConstStaticCell::new(Pass::ZERO);
static X: Window = numbers(1, 1.0);

#[entry]
fn main() -> ! {
    inference(&NET, PASS.take(), &X)
}
