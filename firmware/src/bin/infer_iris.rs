//! An inference of Iris 4-10-3, for `cargo xtask bench`.
#![no_std]
#![no_main]

use nerve::prelude::*;
use nerve_firmware::entry;
use nerve_firmware::measure::inference;
use nerve_firmware::networks::iris::{Input, Net};
use static_cell::ConstStaticCell;

static NET: Net = include_weights!(Net, "../../data/iris.nrv");
static PASS: ConstStaticCell<Pass<Net, Input>> = ConstStaticCell::new(Pass::ZERO);
static X: Input = [5.1, 3.5, 1.4, 0.2];

#[entry]
fn main() -> ! {
    inference(&NET, PASS.take(), &X)
}
