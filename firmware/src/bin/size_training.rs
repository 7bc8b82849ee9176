//! The runtime, reading the weights file, inference and training with gradient descent.
#![no_std]
#![no_main]

use core::hint::black_box;

use cortex_m_rt::entry;
use nerve::prelude::*;

type Net = chain![Standardize<4>, Dense<4, 10, Sigmoid>, Dense<10, 3>];
static WEIGHTS: &[u8] = include_bytes!("../../data/iris.nrv");

#[entry]
fn main() -> ! {
    let mut net = Net::ZERO;
    let mut trainer = Trainer::<Net, [f32; 4]>::ZERO;
    let mut optimizer = Sgd::new(0.01);
    let mut pass = Pass::<Net, [f32; 4]>::ZERO;
    loop {
        black_box(weights::load(&mut net, black_box(WEIGHTS)).is_ok());
        let (x, class) = (black_box(&[[5.1, 3.5, 1.4, 0.2]]), black_box(&[0]));
        black_box(trainer.step(&mut net, &mut optimizer, &CrossEntropy, x, class).is_ok());
        black_box(argmax(pass.predict(&net, &x[0])));
    }
}

#[panic_handler]
fn panic(_: &core::panic::PanicInfo) -> ! {
    loop {}
}
