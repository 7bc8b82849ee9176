//! An inference of 784-100-10, for `cargo xtask bench`.
#![no_std]
#![no_main]

use nerve::prelude::*;
use nerve_firmware::entry;
use nerve_firmware::measure::{Mnist, inference, mnist};
use static_cell::ConstStaticCell;

static NET: Mnist = mnist();
static PASS: ConstStaticCell<Pass<Mnist, [f32; 784]>> = ConstStaticCell::new(Pass::ZERO);
static X: [f32; 784] = [0.5; 784];

#[entry]
fn main() -> ! {
    inference(&NET, PASS.take(), &X)
}
