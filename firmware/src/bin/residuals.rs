//! Classifies Fashion-MNIST's clothes with the residual CNN.
#![no_std]
#![no_main]

use nerve::prelude::*;
use nerve_firmware::networks::cnn::{Image, Residuals};
use nerve_firmware::{board, entry, images, memory};
use static_cell::ConstStaticCell;

static NET: Residuals = include_weights!(Residuals, "../../data/residuals.nrv");
static ARENA: ConstStaticCell<Arena<{ arena_len::<Residuals, Image>() }>> = ConstStaticCell::new(Arena::ZERO);
/// What variables and stack may take together.
const RAM: usize = 84 * 1024;

#[entry]
fn main() -> ! {
    memory::paint_stack();
    let success = images::run("residual CNN", &NET, ARENA.take(), c"target/images/residuals.bin", RAM);
    board::exit(success)
}
