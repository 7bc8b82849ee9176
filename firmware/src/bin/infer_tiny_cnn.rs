//! An inference of the tiny CNN, for `cargo xtask bench`.
#![no_std]
#![no_main]

use nerve::prelude::*;
use nerve_firmware::entry;
use nerve_firmware::measure::{image, inference};
use nerve_firmware::networks::cnn::{Image, Tiny};
use static_cell::ConstStaticCell;

static NET: Tiny = include_weights!(Tiny, "../../data/tiny.nrv");
static PASS: ConstStaticCell<Pass<Tiny, Image>> = ConstStaticCell::new(Pass::ZERO);
static X: Image = image();

#[entry]
fn main() -> ! {
    inference(&NET, PASS.take(), &X)
}
