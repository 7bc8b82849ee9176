//! The runtime and one inference, class and all, with the weights in flash.
#![no_std]
#![no_main]

use core::hint::black_box;

#[cfg(target_arch = "arm")]
use cortex_m_rt::entry;
use nerve::prelude::*;
#[cfg(target_arch = "riscv32")]
use riscv_rt::entry;

type Net = chain![Standardize<4>, Dense<4, 10, Sigmoid>, Dense<10, 3>];
static NET: Net = include_weights!(Net, "../../data/iris.nrv");

#[entry]
fn main() -> ! {
    let mut pass = Pass::<Net, [f32; 4]>::ZERO;
    loop {
        black_box(argmax(pass.predict(&NET, black_box(&[5.1, 3.5, 1.4, 0.2]))));
    }
}

#[panic_handler]
fn panic(_: &core::panic::PanicInfo) -> ! {
    loop {}
}
