//! The learners' loop: frames from the host, and answers.

use core::convert::Infallible;

use nerve::checkpoint::CheckpointStore;
use nerve_learner::{Device, Learner, Line, Memory, Model};

use crate::{board, memory};

/// Serves the host without end. `factory` is the weights file of what learns, as it was trained on the desktop.
pub fn serve<M, const O: usize, const KEPT: usize, const FILE: usize, const ARENA: usize, const FRAME: usize>(
    memory: &mut Memory<M, O, KEPT, FILE, ARENA>,
    line: &mut Line<FRAME>,
    factory: &[u8],
    learning_rate: f32,
) -> !
where
    M: Model<O, KEPT>,
{
    memory::paint_stack();
    let Err(error) = run(memory, line, factory, learning_rate);
    defmt::error!("{=str}", error);
    board::exit(false)
}

fn run<M, const O: usize, const KEPT: usize, const FILE: usize, const ARENA: usize, const FRAME: usize>(
    memory: &mut Memory<M, O, KEPT, FILE, ARENA>,
    line: &mut Line<FRAME>,
    factory: &[u8],
    learning_rate: f32,
) -> Result<Infallible, &'static str>
where
    M: Model<O, KEPT>,
{
    let (mut uart, flash) = board::take().ok_or("no UART or flash")?;
    let store = CheckpointStore::new(flash, board::STORE, board::ENDURANCE)
        .map_err(|_| "no checkpoints in this range of flash")?;
    let device = Device { board: board::NAME, memory: || (memory::statics(), memory::peak_stack()) };
    let mut learner = Learner::new(memory, store, factory, learning_rate, device)
        .map_err(|_| "the factory's weights are of another network")?;
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
