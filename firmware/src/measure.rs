//! Programs that run or train a network once, for `cargo xtask bench`: their size beyond [`nothing`]'s is what the network takes.

use core::hint::black_box;

use defmt::println;
use nerve::prelude::*;
use nerve::{Layer, Loss, Tensor};

use crate::networks::cnn::Image;
use crate::{arch, board, memory};

/// The network of the tables of peers.
pub type Mnist = chain![Dense<784, 100, Sigmoid>, Dense<100, 10>];

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

/// Runs `net`, whose weights are in flash.
pub fn inference<N: Layer<X>, X: Tensor<Elem = f32>>(net: &N, pass: &mut Pass<N, X>, x: &X) -> ! {
    let (net, x) = (black_box(net), black_box(x));
    region(|| {
        black_box(pass.predict(net, x));
    })
}

/// Takes a step of gradient descent.
pub fn sgd_step<N: Layer<X>, X: Tensor<Elem = f32>>(net: &mut N, trainer: &mut Trainer<N, X>, x: &[X; 1]) -> !
where
    CrossEntropy: Loss<N::Out, usize>,
{
    let (net, x, mut optimizer) = (black_box(net), black_box(x), Sgd::new(black_box(0.01)));
    region(|| {
        // Nothing here is not finite; if it were, the step would be shorter and the table would show it.
        black_box(trainer.step(net, &mut optimizer, &CrossEntropy, x, black_box(&[1])).is_ok());
    })
}

/// What the others are compared with.
pub fn nothing() -> ! {
    region(|| ())
}

#[inline(always)]
fn region(work: impl FnOnce()) -> ! {
    memory::paint_stack();
    arch::region(work);
    println!("{=usize}", memory::peak_stack());
    board::exit(true)
}
