//! What `exp` and `tanh` cost, and newlib's where the configuration `newlib` links it: for each line of the log a region
//! of [`ARGUMENTS`] calls, and the worst error of [`ROUNDS`] times as many in units in the last place.
#![no_std]
#![no_main]

use core::hint::black_box;

use defmt::println;
use nerve::Real;
use nerve_firmware::arch::region;
use nerve_firmware::measure::numbers;
use nerve_firmware::{board, entry};

const ARGUMENTS: usize = 1000;
/// Times that many: the arguments whose worst error is printed.
const ROUNDS: u32 = 8;

#[cfg(newlib)]
mod newlib {
    unsafe extern "C" {
        pub safe fn expf(x: f32) -> f32;
        pub safe fn tanhf(x: f32) -> f32;
    }
}

#[inline(always)]
fn measure(name: &str, by: &str, scale: f32, f: impl Fn(f32) -> f32, exact: fn(f64) -> f64) {
    let mut worst = 0.0;
    for round in 1..=ROUNDS {
        let [x]: [[f32; ARGUMENTS]; 1] = numbers(round, scale);
        let (x, mut y) = (black_box(x), [0.0; ARGUMENTS]);
        let mut calls = || {
            for (y, x) in black_box(&mut y).iter_mut().zip(&x) {
                *y = f(*x);
            }
        };
        if round == 1 {
            region(calls)
        } else {
            calls()
        }
        let errors = x.iter().zip(&y).map(|(x, y)| {
            let exact = exact(f64::from(*x));
            let nearest = Real::abs(exact as f32);
            let ulp = f64::from(f32::from_bits(nearest.to_bits() + 1)) - f64::from(nearest);
            (Real::abs(f64::from(*y) - exact) / ulp) as f32
        });
        worst = errors.fold(worst, f32::max);
    }
    println!("{=str},{=str},{=f32}", name, by, worst);
}

#[entry]
fn main() -> ! {
    measure("exp", "nerve", 20.0, Real::exp, Real::exp);
    measure("tanh", "nerve", 2.0, Real::tanh, Real::tanh);
    #[cfg(newlib)]
    {
        measure("exp", "newlib", 20.0, |x| newlib::expf(x), Real::exp);
        measure("tanh", "newlib", 2.0, |x| newlib::tanhf(x), Real::tanh);
    }
    board::exit(true)
}
