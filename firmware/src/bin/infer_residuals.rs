//! An inference of the residual CNN, for `cargo xtask bench`.
#![no_std]
#![no_main]

use nerve::prelude::*;
use nerve_firmware::entry;
use nerve_firmware::measure::{image, inference};
use nerve_firmware::networks::cnn::{Image, Residuals};
use static_cell::ConstStaticCell;

static NET: Residuals = include_weights!(Residuals, "../../data/residuals.nrv");
static PASS: ConstStaticCell<Pass<Residuals, Image>> = ConstStaticCell::new(Pass::ZERO);
static X: Image = image();

#[entry]
fn main() -> ! {
    inference(&NET, PASS.take(), &X)
}
