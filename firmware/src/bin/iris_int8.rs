//! Classifies the held-out Iris flowers in floats and in integers, and says what both cost.
//!
//! Fails if integers recognise less than floats but for a flower.
#![no_std]
#![no_main]

use defmt::println;
use nerve::Quantised;
use nerve::prelude::*;
use nerve_firmware::arch::Timer;
use nerve_firmware::networks::iris::{Input, Net};
use nerve_firmware::{board, count, entry, memory};

#[allow(dead_code, missing_docs, unused_imports)]
mod iris {
    include!(concat!(env!("OUT_DIR"), "/iris.rs"));
}
#[allow(dead_code)]
mod flowers {
    include!("../../data/flowers.rs");
}
use flowers::HELD_OUT;

/// In flash, as the one in integers is.
static NET: Net = include_weights!(Net, "../../data/iris.nrv");

/// The compiler holds the imported model against the network that it was made of.
static INTEGERS: &Quantised<Net, iris::Input> = &iris::NET;

#[entry]
fn main() -> ! {
    memory::paint_stack();
    let success = run();
    board::exit(success)
}

fn run() -> bool {
    let Some(mut timer) = Timer::take() else { return false };
    let mut floats = Arena::<{ arena_len::<Net, Input>() }>::ZERO;
    let mut integers = Arena::<{ arena_len::<Quantised<Net, iris::Input>, iris::Input>() }>::ZERO;
    let mut right = [0; 2];
    for (x, class, _) in &HELD_OUT {
        right[0] += usize::from(argmax(floats.predict(&NET, x)) == *class);
        right[1] += usize::from(argmax(integers.predict(INTEGERS, &in_integers(x))) == *class);
    }
    let (x, q) = (HELD_OUT[0].0, in_integers(&HELD_OUT[0].0));
    let of_floats = count::mean(&mut timer, || {
        core::hint::black_box(floats.predict(&NET, core::hint::black_box(&x)));
    });
    let of_integers = count::mean(&mut timer, || {
        core::hint::black_box(integers.predict(INTEGERS, core::hint::black_box(&q)));
    });
    println!("nerve on {}: 4-10(sigmoid)-3", board::NAME);
    for (name, right, cost) in [("floats", right[0], of_floats), ("integers", right[1], of_integers)] {
        println!(
            "  in {=str}: {} of {} recognised, inference {} {=str}",
            name,
            right,
            HELD_OUT.len(),
            cost,
            board::COUNTED
        );
    }
    println!(
        "flash {} bytes, RAM in statics {}, peak stack {}",
        memory::flash(),
        memory::statics(),
        memory::peak_stack()
    );
    right[1] + 1 >= right[0]
}

/// As a sensor would give them.
fn in_integers(x: &Input) -> iris::Input {
    // Positive, so that the nearest integer is the one below half more.
    x.map(|x| ((x / iris::INPUT_SCALE + 0.5) as i32 + iris::INPUT_ZERO_POINT).clamp(-128, 127) as i8)
}
