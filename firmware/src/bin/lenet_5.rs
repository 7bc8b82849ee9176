//! Classifies MNIST's digits with LeNet-5.
#![no_std]
#![no_main]

use nerve::prelude::*;
use nerve_firmware::networks::cnn::{Image, LeNet5};
use nerve_firmware::{board, entry, images, memory};
use static_cell::ConstStaticCell;

static NET: LeNet5 = include_weights!(LeNet5, "../../data/lenet5.nrv");
static ARENA: ConstStaticCell<Arena<{ arena_len::<LeNet5, Image>() }>> = ConstStaticCell::new(Arena::ZERO);
/// What variables and stack may take together.
const RAM: usize = 48 * 1024;

#[entry]
fn main() -> ! {
    memory::paint_stack();
    let success = images::run("LeNet-5", &NET, ARENA.take(), c"target/images/lenet5.bin", RAM);
    board::exit(success)
}
