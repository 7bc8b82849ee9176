//! A step of gradient descent for the signal CNN, for `cargo xtask bench`.
#![no_std]
#![no_main]

use nerve::prelude::*;
use nerve_firmware::entry;
use nerve_firmware::measure::{numbers, sgd_step};
use nerve_firmware::networks::signal::{Cnn, Window};
use static_cell::ConstStaticCell;

static NET: ConstStaticCell<Cnn> = ConstStaticCell::new(include_weights!(Cnn, "../../data/signal-cnn.nrv"));
static TRAINER: ConstStaticCell<Trainer<Cnn, Window>> = ConstStaticCell::new(Trainer::ZERO);
static X: [Window; 1] = [numbers(1, 1.0)];

#[entry]
fn main() -> ! {
    sgd_step(NET.take(), TRAINER.take(), &X)
}
