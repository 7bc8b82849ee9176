//! What layers, activations and losses cost that no network of the other programs has, at batch 1: for each line of the log, a region.
//!
//! A line is a name, the numbers that come out, the bytes of weights, those of the planned memory, and the peak of the stack.
#![no_std]
#![no_main]

use core::hint::black_box;

use defmt::println;
use nerve::prelude::*;
use nerve::{Array, Focal, Forward, LabelSmoothing, Loss, Triplet};
use nerve_firmware::arch::region;
use nerve_firmware::{board, entry, memory};
use static_cell::ConstStaticCell;

/// Enough for the largest.
const BYTES: usize = 8_192;
static ARENA: ConstStaticCell<Arena<BYTES>> = ConstStaticCell::new(Arena::ZERO);

type Row = [f32; 64];
type Signal = [[f32; 16]; 8];
type Window = [[f32; 16]; 32];
type Image = [[[f32; 8]; 7]; 7];

#[entry]
fn main() -> ! {
    let arena = ARENA.take();
    macro_rules! layers {
        ($($X:ty: $Layer:ty;)*) => {$({
            static NET: $Layer = <$Layer as nerve::Zero>::ZERO;
            inference::<$Layer, $X>(stringify!($Layer), arena, &NET);
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
        Window: Attention<16, 2>;
    }
    loss("CrossEntropy", &CrossEntropy, &3);
    loss("LabelSmoothing", &LabelSmoothing { smoothing: 0.1 }, &3);
    loss("Focal", &Focal { gamma: 2.0 }, &3);
    loss("Triplet", &Triplet { margin: 1.0 }, &[[0.5; 10], [-0.5; 10]]);
    board::exit(true)
}

/// Of numbers from -4 to 4.
fn numbers<X: Array<Elem = f32>>() -> X {
    let mut x = X::ZERO;
    for (at, x) in x.flat_mut().iter_mut().enumerate() {
        *x = (at % 17) as f32 * 0.5 - 4.0;
    }
    x
}

#[inline(never)]
fn inference<N: Forward<X>, X: Array<Elem = f32>>(name: &str, arena: &mut Arena<BYTES>, net: &N) {
    let (net, x) = (black_box(net), black_box(numbers::<X>()));
    memory::paint_stack();
    region(|| {
        black_box(arena.predict(net, black_box(&x)));
    });
    let stack = memory::peak_stack();
    let elements = <N::Out as Array>::LEN;
    println!("{=str}|{=usize}|{=usize}|{=usize}|{=usize}", name, elements, size_of::<N>(), arena_len::<N, X>(), stack);
}

/// The loss of ten numbers, and its derivatives.
#[inline(never)]
fn loss<Target>(name: &str, loss: &impl Loss<[f32; 10], Target>, target: &Target) {
    let (y, mut dy) = (black_box(numbers::<[f32; 10]>()), [0.0; 10]);
    let target = black_box(target);
    memory::paint_stack();
    region(|| {
        _ = black_box(loss.loss(&y, target, black_box(&mut dy)));
    });
    println!("{=str}|{=usize}|0|0|{=usize}", name, y.len(), memory::peak_stack());
}
