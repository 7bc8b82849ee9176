//! The runtime, inference and training with gradient descent.
#![no_std]
#![no_main]

use core::hint::black_box;

#[cfg(target_arch = "arm")]
use cortex_m_rt::entry;
use nerve::prelude::*;
#[cfg(target_arch = "riscv32")]
use riscv_rt::entry;
use static_cell::ConstStaticCell;

type Net = chain![Standardize<4>, Dense<4, 10, Sigmoid>, Dense<10, 3>];
static NET: ConstStaticCell<Net> = ConstStaticCell::new(Net::ZERO);
static TRAINER: ConstStaticCell<Trainer<Net, [f32; 4]>> = ConstStaticCell::new(Trainer::ZERO);
static PASS: ConstStaticCell<Pass<Net, [f32; 4]>> = ConstStaticCell::new(Pass::ZERO);

#[entry]
fn main() -> ! {
    let (net, trainer, pass) = (NET.take(), TRAINER.take(), PASS.take());
    let mut optimizer = Sgd::new(0.01);
    loop {
        let (x, class) = (black_box(&[[5.1, 3.5, 1.4, 0.2]]), black_box(&[0]));
        black_box(trainer.step(net, &mut optimizer, &CrossEntropy, x, class).is_ok());
        black_box(argmax(pass.predict(net, &x[0])));
    }
}

#[panic_handler]
fn panic(_: &core::panic::PanicInfo) -> ! {
    loop {}
}
