//! Learns new classes on top of an integer network: only a last layer learns, in floats, from what the others make of a few inputs.
//!
//! `build.rs` has cut the network. `cargo xtask test "new digits"` leaves the inputs where this looks, and compares what it has learned with the host.
#![no_std]
#![no_main]

use core::ffi::CStr;
use core::hint::black_box;

use bytemuck::bytes_of_mut;
use defmt::println;
use nerve::Array;
use nerve::prelude::*;
use nerve_firmware::networks::adapt::{Learning, RATE, ROUNDS};
use nerve_firmware::{arch, board, entry, memory};
use rand_core::SeedableRng;
use rand_pcg::Pcg32;
use semihosting::fs::{self, File};
use semihosting::io::Read;
use static_cell::ConstStaticCell;

#[allow(dead_code, missing_docs, unused_imports)]
mod model {
    include!(concat!(env!("OUT_DIR"), "/cut.rs"));
}
use model::{FEATURES, Features, Head, Input, Net, Output, Row};

const ARENA_LEN: usize = arena_len::<Net, Input>();
const FILE: usize = weights::file_len::<f32, Head>();

static ARENA: ConstStaticCell<Arena<ARENA_LEN>> = ConstStaticCell::new(Arena::ZERO);
static INPUT: ConstStaticCell<Input> = ConstStaticCell::new(Input::ZERO);
static HEAD: ConstStaticCell<Head> = ConstStaticCell::new(Head::ZERO);
static LEARNING: ConstStaticCell<Learning<Head, Row, { Output::LEN }>> = ConstStaticCell::new(Learning::new(RATE));
/// A weights file of the head.
static FILE_BUFFER: ConstStaticCell<[u8; FILE]> = ConstStaticCell::new([0; FILE]);

#[entry]
fn main() -> ! {
    memory::paint_stack();
    let done = run();
    if let Err(error) = done {
        defmt::error!("{=str}", error);
    }
    board::exit(done.is_ok())
}

fn run() -> Result<(), &'static str> {
    let (arena, x, head, learning, file) =
        (ARENA.take(), INPUT.take(), HEAD.take(), LEARNING.take(), FILE_BUFFER.take());
    let mut rng = Pcg32::seed_from_u64(0);
    let read = File::open(c"target/adapt/head.nrv").and_then(|mut head| head.read_exact(file));
    read.map_err(|_| MISSING)?;
    weights::load(head, file).map_err(|_| "head.nrv is of another network")?;
    each(c"target/adapt/given.bin", x, |x, class| learning.keep(*arena.predict(&FEATURES, x), class, &mut rng))?;
    for round in 0..ROUNDS {
        each(c"target/adapt/shown.bin", x, |x, class| {
            let row = arch::region(|| {
                let row = *arena.predict(&FEATURES, x);
                learning.step(head, &row, class).map(|()| row)
            })?;
            if round == 0 { learning.keep(row, class, &mut rng) } else { Ok(()) }
        })?;
    }
    arch::region(|| _ = black_box(arena.predict(&(&FEATURES, &*head), black_box(x))));
    let learned = weights::save(head, file).map_err(|_| "a weight is not finite")?;
    fs::write(c"target/adapt/device.nrv", learned).map_err(|_| "what was learned could not be written")?;
    println!(
        "RAM: {=usize} bytes of variables, {=usize} of stack; {=usize} of them are the integer network's, {=usize} the head's, {=usize} those of \
         learning and of what is kept",
        memory::statics(),
        memory::peak_stack(),
        arena_len::<Features, Input>(),
        size_of::<Head>(),
        size_of::<Learning<Head, Row, { Output::LEN }>>()
    );
    Ok(())
}

const MISSING: &str = "no inputs: `cargo xtask test \"new digits\"` leaves them where this program looks";

/// Calls `learn` with each input of a file and its class.
fn each(
    file: &CStr,
    x: &mut Input,
    mut learn: impl FnMut(&Input, usize) -> Result<(), TrainError>,
) -> Result<(), &'static str> {
    let (mut file, mut class) = (File::open(file).map_err(|_| MISSING)?, [0]);
    while file.read_exact(bytes_of_mut(x)).is_ok() && file.read_exact(&mut class).is_ok() {
        learn(x, class[0].into()).map_err(|_| "a loss or gradient is not finite, or there is no such class")?;
    }
    Ok(())
}
