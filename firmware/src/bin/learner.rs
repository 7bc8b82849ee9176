//! A classifier of Iris flowers that learns from its host over a serial line and keeps what it learned in flash.
//!
//! The host's program is `cargo run --release --example device`.
#![no_std]
#![no_main]

use core::convert::Infallible;

use nerve::checkpoint::CheckpointStore;
use nerve::prelude::*;
use nerve_firmware::networks::iris::{Input, Net};
use nerve_firmware::{board, entry, memory};
use nerve_learner::{Device, Learner, Line, Memory};
use static_cell::ConstStaticCell;

const FILE: usize = weights::file_len::<f32, Net>();
const ARENA: usize = arena_len::<Net, Input>();
/// The longest frame, which a piece of a weights file fills.
const FRAME: usize = 256;
const LEARNING_RATE: f32 = 0.02;

/// The network as it was trained on the desktop.
const FACTORY: &[u8] = include_bytes!("../../data/iris.nrv");
static MEMORY: ConstStaticCell<Memory<Net, Input, 3, FILE, ARENA>> = ConstStaticCell::new(Memory::ZERO);
static LINE: ConstStaticCell<Line<FRAME>> = ConstStaticCell::new(Line::EMPTY);

#[entry]
fn main() -> ! {
    memory::paint_stack();
    let Err(error) = serve();
    defmt::error!("{=str}", error);
    board::exit(false)
}

fn serve() -> Result<Infallible, &'static str> {
    let (mut uart, flash) = board::take().ok_or("no UART or flash")?;
    let store = CheckpointStore::new(flash, board::STORE, board::ENDURANCE)
        .map_err(|_| "no checkpoints in this range of flash")?;
    let device = Device { board: board::NAME, memory: || (memory::statics(), memory::peak_stack()) };
    let mut learner = Learner::new(MEMORY.take(), store, FACTORY, LEARNING_RATE, device)
        .map_err(|_| "the factory's weights are of another network")?;
    let line = LINE.take();
    defmt::info!("{=str} listens", board::NAME);
    loop {
        if let Some(response) = line.push(&mut learner, uart.read()) {
            uart.write(response.frame);
            if response.restart {
                board::restart();
            }
        }
    }
}
