//! Runs the network of a LiteRT model over examples that the host has left in a file, and leaves the outputs in another one:
//! `cargo xtask emulate --model kws.tflite`. `build.rs` has made the network of the file. With `--stream`, or where the model has ring buffers,
//! it takes rows one after another instead, of a signal without end. With `--by-layer`, each layer is a region, behind its type in the log.
#![no_std]
#![no_main]

use core::hint::black_box;

use bytemuck::{bytes_of, bytes_of_mut};
use defmt::println;
use nerve::{prelude::*, scratch_len};
use nerve_firmware::{arch, board, entry, memory};
use semihosting::fs::File;
use semihosting::io::{Read, Write};
use static_cell::ConstStaticCell;

#[allow(dead_code, missing_docs, unused_imports)]
mod model {
    include!(concat!(env!("OUT_DIR"), "/model.rs"));
}
use model::{Input, NET, Net, Output};

/// Bytes of the network's constants in flash.
const CONSTANTS: usize = include_bytes!(concat!(env!("OUT_DIR"), "/model.nrv")).len();

/// What takes a whole example at a time.
#[cfg(not(stream))]
mod memory_of_the_network {
    use super::*;

    pub const NAME: &str = "arena";
    pub const MADE_OF: &str = "examples";
    pub type Taken = Input;
    pub type Given = Output;

    pub struct Pass(Arena<{ arena_len::<Net, Input>() }>);

    impl Pass {
        pub const ZERO: Self = Self(Arena::ZERO);

        pub fn push(&mut self, x: &Taken) -> Option<&Given> {
            Some(self.0.predict(&NET, x))
        }
        pub fn finish(&mut self) -> Option<&Given> {
            None
        }
    }
}

/// What takes a row at a time.
#[cfg(stream)]
mod memory_of_the_network {
    use super::*;
    use crate::model::{STREAMED, Streamed};
    use nerve::InRows;

    pub const NAME: &str = "stream";
    pub const MADE_OF: &str = "rows";
    pub type Taken = <Input as InRows>::Row;
    pub type Given = <Output as InRows>::Row;

    pub struct Pass(Stream<Streamed, Input>);

    impl Pass {
        pub const ZERO: Self = Self(Stream::ZERO);

        pub fn push(&mut self, row: &Taken) -> Option<&Given> {
            self.0.push(&STREAMED, row)
        }
        pub fn finish(&mut self) -> Option<&Given> {
            self.0.finish(&STREAMED)
        }
    }
}
use memory_of_the_network::{Given, MADE_OF, NAME, Pass, Taken};

/// Runs an example or a row as a region.
#[cfg(not(by_layer))]
#[inline(always)]
fn counted<R>(work: impl FnOnce() -> R) -> R {
    arch::region(work)
}

#[cfg(by_layer)]
mod by_layer {
    use core::any::type_name;

    use super::*;
    use nerve::{Array, Forward, Memory, Plan};

    /// Its layers are regions.
    pub fn counted<R>(work: impl FnOnce() -> R) -> R {
        work()
    }

    /// A layer that runs as a region.
    pub struct Counted<L>(pub L);

    impl<X: Array, L: Forward<X>> Forward<X> for Counted<L> {
        type Out = L::Out;
        const CHECK: () = L::CHECK;
        const PLAN: Plan = L::PLAN;

        #[inline]
        fn infer(&self, x: &X, memory: Memory) {
            println!("layer {=str}", type_name::<L>());
            arch::region(|| self.0.infer(x, memory));
        }
        #[inline]
        fn infer_inside(&self, memory: Memory) {
            println!("layer {=str}", type_name::<L>());
            arch::region(|| self.0.infer_inside(memory));
        }
    }
}
#[cfg(by_layer)]
use by_layer::{Counted, counted};

static PASS: ConstStaticCell<Pass> = ConstStaticCell::new(Pass::ZERO);
static TAKEN: ConstStaticCell<Taken> = ConstStaticCell::new(Taken::ZERO);

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
    let (pass, x) = (PASS.take(), TAKEN.take());
    let mut write = |y: Option<&Given>| {
        let written = y.is_none_or(|y| output.write_all(bytes_of(y)).is_ok());
        if !written {
            defmt::error!("the outputs could not be written");
        }
        written
    };
    let mut taken = 0;
    while input.read_exact(bytes_of_mut(x)).is_ok() {
        let x = black_box(&*x);
        if !write(counted(|| black_box(pass.push(x)))) {
            return false;
        }
        taken += 1;
    }
    while let Some(y) = pass.finish() {
        if !write(Some(y)) {
            return false;
        }
    }
    println!("{=usize} {=str} on {=str}", taken, MADE_OF, board::NAME);
    println!(
        "flash {=usize} bytes, of them {=usize} of the network; RAM {=usize} of the {=str}, {=usize} in statics, peak stack {=usize}, of \
         it {=usize} of scratch",
        memory::flash(),
        CONSTANTS,
        size_of::<Pass>(),
        NAME,
        memory::statics(),
        memory::peak_stack(),
        scratch_len::<Net, Input>()
    );
    taken > 0
}
