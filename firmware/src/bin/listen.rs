//! Hears words in sound that the host has left in a file, as a microphone would give it: `cargo xtask listen`.
#![no_std]
#![no_main]

use core::hint::black_box;

use bytemuck::bytes_of_mut;
use defmt::println;
use nerve::prelude::*;
use nerve_firmware::arch::Timer;
use nerve_firmware::networks::listen::{CLASSES, Listener, Net, STEP};
use nerve_firmware::{board, count, entry, memory};
use semihosting::fs::File;
use semihosting::io::Read;
use static_cell::ConstStaticCell;

static NET: Net = include_weights!(Net, "../../data/listen.nrv");
static LISTENER: ConstStaticCell<Listener> = ConstStaticCell::new(Listener::ZERO);
static SAMPLES: ConstStaticCell<[i16; STEP]> = ConstStaticCell::new([0; STEP]);

#[entry]
fn main() -> ! {
    memory::paint_stack();
    board::exit(run())
}

fn run() -> bool {
    let (Some(mut timer), Ok(mut sound)) = (Timer::take(), File::open(c"target/listen/samples.bin")) else {
        defmt::error!("no sound: `cargo xtask listen` leaves it where this program looks");
        return false;
    };
    let (listener, samples) = (LISTENER.take(), SAMPLES.take());
    let (mut frames, mut sum, mut most) = (0u32, 0u64, 0);
    while sound.read_exact(bytes_of_mut(samples)).is_ok() {
        let mut heard = None;
        let cost = count::once(&mut timer, || {
            listener.push(&NET, black_box(&*samples), |time, class| heard = Some((time, class)))
        });
        if let Some((time, class)) = heard {
            println!("{} ms: {=str}", time, CLASSES.get(class).unwrap_or(&""));
        }
        (frames, sum, most) = (frames + 1, sum + u64::from(cost), most.max(cost));
    }
    println!(
        "10 ms of sound: {=u64} {=str} in the mean, {} at most; stream and frontend in RAM {=usize} bytes, stack {=usize} bytes, flash {=usize} bytes",
        sum / u64::from(frames.max(1)),
        board::COUNTED,
        most,
        size_of::<Listener>(),
        memory::peak_stack(),
        memory::flash()
    );
    frames > 0
}
