//! A step of gradient descent for the tiny CNN, for `cargo xtask bench`.
#![no_std]
#![no_main]

use nerve::prelude::*;
use nerve_firmware::entry;
use nerve_firmware::measure::{image, sgd_step};
use nerve_firmware::networks::cnn::{Image, Tiny};
use static_cell::ConstStaticCell;

static NET: ConstStaticCell<Tiny> = ConstStaticCell::new(include_weights!(Tiny, "../../data/tiny.nrv"));
static TRAINER: ConstStaticCell<Trainer<Tiny, Image>> = ConstStaticCell::new(Trainer::ZERO);
static X: [Image; 1] = [image()];

#[entry]
fn main() -> ! {
    sgd_step(NET.take(), TRAINER.take(), &X)
}
