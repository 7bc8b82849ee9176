//! An inference of LeNet-5, for `cargo xtask bench`.
#![no_std]
#![no_main]

use nerve::prelude::*;
use nerve_firmware::entry;
use nerve_firmware::measure::{image, inference};
use nerve_firmware::networks::cnn::{Image, LeNet5};
use static_cell::ConstStaticCell;

static NET: LeNet5 = include_weights!(LeNet5, "../../data/lenet5.nrv");
static PASS: ConstStaticCell<Pass<LeNet5, Image>> = ConstStaticCell::new(Pass::ZERO);
static X: Image = image();

#[entry]
fn main() -> ! {
    inference(&NET, PASS.take(), &X)
}
