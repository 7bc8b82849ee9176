//! A step of gradient descent for Iris 4-10-3, for `cargo xtask bench`.
#![no_std]
#![no_main]

use nerve::prelude::*;
use nerve_firmware::entry;
use nerve_firmware::measure::sgd_step;
use nerve_firmware::networks::iris::{Input, Net};
use static_cell::ConstStaticCell;

static NET: ConstStaticCell<Net> = ConstStaticCell::new(include_weights!(Net, "../../data/iris.nrv"));
static TRAINER: ConstStaticCell<Trainer<Net, Input>> = ConstStaticCell::new(Trainer::ZERO);
static X: [Input; 1] = [[5.1, 3.5, 1.4, 0.2]];

#[entry]
fn main() -> ! {
    sgd_step(NET.take(), TRAINER.take(), &X)
}
