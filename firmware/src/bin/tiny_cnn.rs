//! Classifies MNIST's digits with the tiny CNN.
#![no_std]
#![no_main]

use nerve::prelude::*;
use nerve_firmware::networks::cnn::{Image, Tiny};
use nerve_firmware::{board, entry, images, memory};
use static_cell::ConstStaticCell;

static NET: Tiny = include_weights!(Tiny, "../../data/tiny.nrv");
static ARENA: ConstStaticCell<Arena<{ arena_len::<Tiny, Image>() }>> = ConstStaticCell::new(Arena::ZERO);
/// Twice the largest pair of neighbouring activations, behind the first convolution and the first pooling.
const RAM: usize = 2 * (size_of::<[[[f32; 8]; 28]; 28]>() + size_of::<[[[f32; 8]; 14]; 14]>());

#[entry]
fn main() -> ! {
    memory::paint_stack();
    let success = images::run("tiny CNN", &NET, ARENA.take(), c"target/images/tiny.bin", RAM);
    board::exit(success)
}
