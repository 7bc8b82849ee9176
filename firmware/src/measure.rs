//! Programs that run or train a network once, for `cargo xtask bench`: their size beyond [`nothing`]'s is what the network takes. They print
//! the peak of the stack, and the sizes of the network and of the input.

/// `pairs![a, b, c]` is the value of a `chain!`: `((a, b), c)`.
macro_rules! pairs {
    ($a:expr $(,)?) => { $a };
    ($a:expr, $b:expr $(, $rest:expr)* $(,)?) => { pairs!(($a, $b) $(, $rest)*) };
}

pub mod integers;
pub mod mobilenet;

use core::hint::black_box;

use defmt::println;
use nerve::frontend::{Htk, LogMel};
use nerve::prelude::*;
use nerve::{Array, Forward, Layer, Loss, Tensor};

use crate::networks::cnn::Image;
use crate::{arch, board, memory};

/// The network of the tables of peers, some of whom apply softmax.
pub type Mnist<Last = Linear> = chain![Dense<784, 100, Sigmoid>, Dense<100, 10, Last>];

/// [`Mnist`] with some weights, made when it is compiled.
pub const fn mnist() -> Mnist {
    (Dense::new(numbers(1, 0.2), [0.0; 100]), Dense::new(numbers(2, 0.2), [0.0; 10]))
}

/// Numbers between −`scale` and `scale`.
pub const fn numbers<const M: usize, const N: usize>(seed: u32, scale: f32) -> [[f32; N]; M] {
    let mut numbers = [[0.0; N]; M];
    let (mut state, mut i) = (seed, 0);
    while i < M * N {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        numbers[i / N][i % N] = scale * ((state >> 8) as f32 / (1 << 23) as f32 - 1.0);
        i += 1;
    }
    numbers
}

/// 28 rows of 28 pixels.
pub const fn image() -> Image {
    let (mut image, rows, mut i) = (Image::ZERO, numbers::<28, 28>(1, 0.5), 0);
    while i < 28 * 28 {
        image[i / 28][i % 28] = [rows[i / 28][i % 28] + 0.5];
        i += 1;
    }
    image
}

/// Runs `net`, whose weights, so many bytes, are in flash.
pub fn inference<const BYTES: usize, N: Forward<X>, X: Array>(
    net: &N,
    weights: usize,
    arena: &mut Arena<BYTES>,
    x: &X,
) -> ! {
    let (net, x) = (black_box(net), black_box(x));
    region([weights, size_of::<X>()], || {
        black_box(arena.predict(net, x));
    })
}

/// Takes a step of gradient descent.
pub fn sgd_step<N: Layer<X>, X: Tensor<Elem = f32>>(net: &mut N, trainer: &mut Trainer<N, X>, x: &[X; 1]) -> !
where
    CrossEntropy: Loss<N::Out, usize>,
{
    let (net, x, mut optimizer) = (black_box(net), black_box(x), Sgd::new(black_box(0.01)));
    region([size_of::<N>(), size_of::<X>()], || {
        // Nothing here is not finite; if it were, the step would be shorter and the table would show it.
        black_box(trainer.step(net, &mut optimizer, &CrossEntropy, x, black_box(&[1])).is_ok());
    })
}

/// 16 kHz, windows of 25 ms every 10 ms.
pub type Ear = LogMel<400, 160, 512, 40, Htk<16_000, 20, 8_000>>;

/// Makes one frame of the samples since the last one.
pub fn frame(ear: &mut Ear, samples: &[i16; 400]) -> ! {
    let (before, since) = samples.split_at(240);
    ear.push(before, |_| ());
    let (ear, since) = (black_box(ear), black_box(since));
    region([0, size_of_val(since)], || ear.push(since, |bands| _ = black_box(bands)))
}

/// A program that does [`inference`]: the network's type and weights, the input's type and values, and the bytes of the weights where the
/// network only refers to them.
#[macro_export]
macro_rules! inference {
    ($Net:ty = $net:expr, $X:ty = $x:expr) => {
        nerve_firmware::inference!($Net = $net, $X = $x, size_of::<$Net>());
    };
    ($Net:ty = $net:expr, $X:ty = $x:expr, $weights:expr) => {
        static NET: $Net = $net;
        static ARENA: static_cell::ConstStaticCell<Arena<{ arena_len::<$Net, $X>() }>> =
            static_cell::ConstStaticCell::new(Arena::ZERO);
        static X: $X = $x;

        #[nerve_firmware::entry]
        fn main() -> ! {
            nerve_firmware::measure::inference(&NET, $weights, ARENA.take(), &X)
        }
    };
}

/// A program that does an [`sgd_step`], likewise.
#[macro_export]
macro_rules! sgd_step {
    ($Net:ty = $net:expr, $X:ty = $x:expr) => {
        static NET: static_cell::ConstStaticCell<$Net> = static_cell::ConstStaticCell::new($net);
        static TRAINER: static_cell::ConstStaticCell<Trainer<$Net, $X>> =
            static_cell::ConstStaticCell::new(Trainer::ZERO);
        static X: [$X; 1] = [$x];

        #[nerve_firmware::entry]
        fn main() -> ! {
            nerve_firmware::measure::sgd_step(NET.take(), TRAINER.take(), &X)
        }
    };
}

/// What the others are compared with.
pub fn nothing() -> ! {
    region([0; 2], || ())
}

#[inline(always)]
fn region([net, x]: [usize; 2], work: impl FnOnce()) -> ! {
    memory::paint_stack();
    arch::region(work);
    println!("{=usize} {=usize} {=usize}", memory::peak_stack(), net, x);
    board::exit(true)
}
