//! Runs the network of a LiteRT model over examples that the host has left in a file, and leaves the outputs in another one:
//! `cargo xtask emulate --model kws.tflite`. `build.rs` has made the network of the file.
#![no_std]
#![no_main]

use core::hint::black_box;

use bytemuck::{bytes_of, bytes_of_mut};
use defmt::println;
use nerve::prelude::*;
use nerve_firmware::{arch, board, entry, memory};
use semihosting::fs::File;
use semihosting::io::{Read, Write};
use static_cell::ConstStaticCell;

#[allow(dead_code, missing_docs, unused_imports)]
mod model {
    include!(concat!(env!("OUT_DIR"), "/model.rs"));
}
use model::{Input, NET, Net};

/// Bytes of the network's constants in flash.
const CONSTANTS: usize = include_bytes!(concat!(env!("OUT_DIR"), "/model.nrv")).len();
const ARENA_LEN: usize = arena_len::<Net, Input>();

static ARENA: ConstStaticCell<Arena<ARENA_LEN>> = ConstStaticCell::new(Arena::ZERO);
static EXAMPLE: ConstStaticCell<Input> = ConstStaticCell::new(Input::ZERO);

#[entry]
fn main() -> ! {
    memory::paint_stack();
    board::exit(run())
}

fn run() -> bool {
    let (Ok(mut input), Ok(mut output)) =
        (File::open(c"target/model/input.bin"), File::create(c"target/model/output.bin"))
    else {
        defmt::error!("no examples: `cargo xtask emulate --model` leaves them where this program looks");
        return false;
    };
    let (arena, x) = (ARENA.take(), EXAMPLE.take());
    let mut examples = 0;
    while input.read_exact(bytes_of_mut(x)).is_ok() {
        let x = black_box(&*x);
        let y = if examples == 0 { arch::region(|| black_box(arena.predict(&NET, x))) } else { arena.predict(&NET, x) };
        if output.write_all(bytes_of(y)).is_err() {
            defmt::error!("the outputs could not be written");
            return false;
        }
        examples += 1;
    }
    println!("{=usize} examples on {=str}", examples, board::NAME);
    println!(
        "flash {=usize} bytes, of them {=usize} of the network; RAM {=usize} of the arena, {=usize} in statics, peak stack {=usize}",
        memory::flash(),
        CONSTANTS,
        ARENA_LEN,
        memory::statics(),
        memory::peak_stack()
    );
    examples > 0
}
