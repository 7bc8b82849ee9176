//! A step of gradient descent for networks H-H-10, from 442 parameters to 68,362: for each line of the log, its parameters, a region.
#![no_std]
#![no_main]

use core::hint::black_box;

use defmt::println;
use nerve::prelude::*;
use nerve_firmware::arch::region;
use nerve_firmware::{board, entry};
use rand_core::SeedableRng;
use rand_pcg::Pcg32;
use static_cell::ConstStaticCell;

type Net<const H: usize> = chain![Dense<H, H, Relu>, Dense<H, 10>];

/// Steps of networks with so many hidden neurons.
macro_rules! steps {
    ($($H:literal)*) => {$({
        static NET: ConstStaticCell<Net<$H>> = ConstStaticCell::new(Net::ZERO);
        static TRAINER: ConstStaticCell<Trainer<Net<$H>, [f32; $H]>> = ConstStaticCell::new(Trainer::ZERO);
        step(NET.take(), TRAINER.take());
    })*};
}

fn step<const H: usize>(net: &mut Net<H>, trainer: &mut Trainer<Net<H>, [f32; H]>) {
    net.init(Init::HeUniform, &mut Pcg32::seed_from_u64(1));
    let (x, mut optimizer) = ([[0.5; H]], Sgd::new(black_box(0.001)));
    println!("{=usize}", <Net<H> as Tensors<f32>>::LEN);
    let loss = region(|| trainer.step(net, &mut optimizer, &CrossEntropy, black_box(&x), black_box(&[1])));
    defmt::assert!(loss.is_ok());
}

#[entry]
fn main() -> ! {
    steps!(16 32 64 128 256);
    board::exit(true)
}
