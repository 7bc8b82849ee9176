//! A step of gradient descent for the signal GRU, for `cargo xtask bench`.
#![no_std]
#![no_main]

use nerve::prelude::*;
use nerve_firmware::entry;
use nerve_firmware::measure::{numbers, sgd_step};
use nerve_firmware::networks::signal::{Recurrent, Window};
use static_cell::ConstStaticCell;

static NET: ConstStaticCell<Recurrent> = ConstStaticCell::new(include_weights!(Recurrent, "../../data/signal-gru.nrv"));
static TRAINER: ConstStaticCell<Trainer<Recurrent, Window>> = ConstStaticCell::new(Trainer::ZERO);
static X: [Window; 1] = [numbers(1, 1.0)];

#[entry]
fn main() -> ! {
    sgd_step(NET.take(), TRAINER.take(), &X)
}
