//! A log-mel frame of sound, for `cargo xtask bench`.
#![no_std]
#![no_main]

use nerve::prelude::*;
use nerve_firmware::measure::{self, Ear, numbers};
use static_cell::ConstStaticCell;

static EAR: ConstStaticCell<Ear> = ConstStaticCell::new(Ear::ZERO);
static SAMPLES: [i16; 400] = {
    let ([noise], mut samples, mut i) = (numbers::<1, 400>(1, 10_000.0), [0; 400], 0);
    while i < 400 {
        samples[i] = noise[i] as i16;
        i += 1;
    }
    samples
};

#[nerve_firmware::entry]
fn main() -> ! {
    measure::frame(EAR.take(), &SAMPLES)
}
