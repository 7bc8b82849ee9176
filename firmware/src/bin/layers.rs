//! What layers and activations cost that no network of the other programs has: of an inference alone, in planned memory.
#![no_std]
#![no_main]

use core::hint::black_box;

use defmt::println;
use nerve::prelude::*;
use nerve::{Array, Forward};
use nerve_firmware::arch::Timer;
use nerve_firmware::{board, count, entry};
use static_cell::ConstStaticCell;

/// Enough for the largest.
const BYTES: usize = 8_192;
static ARENA: ConstStaticCell<Arena<BYTES>> = ConstStaticCell::new(Arena::ZERO);

type Row = [f32; 64];
type Signal = [[f32; 16]; 8];
type Image = [[[f32; 8]; 7]; 7];

#[entry]
fn main() -> ! {
    let done = run();
    board::exit(done.is_some())
}

fn run() -> Option<()> {
    let (mut timer, arena) = (Timer::take()?, ARENA.take());
    println!("{=str}, an inference on {=str}:", board::COUNTED, board::NAME);
    let of = |name: &str, elements: usize, cost: u32| {
        println!("{=str}: {}, {} an output", name, cost, cost as f32 / elements as f32);
    };
    macro_rules! layers {
        ($($X:ty: $Layer:ty;)*) => {$({
            let net = black_box(<$Layer>::ZERO);
            let elements = <<$Layer as Forward<$X>>::Out as Array>::LEN;
            of(stringify!($Layer), elements, cost::<$Layer, $X>(&mut timer, arena, &net));
        })*};
    }
    layers! {
        Row: Relu6;
        Row: HardTanh;
        Row: HardSigmoid;
        Row: HardSwish;
        Row: Silu;
        Row: Gelu;
        Row: GeluTanh;
        Row: PRelu<64>;
        Row: LayerNorm<64>;
        Signal: LayerNorm<16>;
        Signal: Softmax;
        [f32; 8]: Embedding<9, 16>;
        Image: ConvTranspose2d<8, 4, 4, To<14, 14, 2, 1>>;
    }
    Some(())
}

/// Of numbers from -4 to 4.
#[inline(never)]
fn cost<N: Forward<X>, X: Array<Elem = f32>>(timer: &mut Timer, arena: &mut Arena<BYTES>, net: &N) -> u32 {
    let mut x = X::ZERO;
    for (at, x) in x.flat_mut().iter_mut().enumerate() {
        *x = (at % 17) as f32 * 0.5 - 4.0;
    }
    count::once(timer, || {
        black_box(arena.predict(net, black_box(&x)));
    })
}
