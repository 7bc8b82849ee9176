//! The library's loops beside a textbook's, compiled alike: for each name in the log a region of ours, then one of the plain loops.
//!
//! Fails where the two sums of a product differ in a bit: both add in the textbook's order.
#![no_std]
#![no_main]
// Loops over indices are the point.
#![allow(clippy::needless_range_loop)]

use core::hint::black_box;

use defmt::println;
use nerve::prelude::*;
use nerve::{Layer, Mode, Real};
use nerve_firmware::arch::region;
use nerve_firmware::measure::numbers;
use nerve_firmware::networks::iris::Input;
use nerve_firmware::{board, entry};
use static_cell::ConstStaticCell;

type Wide = Dense<64, 32>;
static WIDE: Wide = Dense::new(numbers(1, 0.2), [0.1; 32]);
static WIDE_GRADS: ConstStaticCell<Wide> = ConstStaticCell::new(Wide::ZERO);
static WIDE_PLAIN_GRADS: ConstStaticCell<[[f32; 32]; 64]> = ConstStaticCell::new([[0.0; 32]; 64]);

const SIDE: usize = 8;
type Filter = Conv2d<4, 8, 3>;
type Image<const C: usize> = [[[f32; C]; SIDE]; SIDE];
static FILTER: Filter = filter();
static FILTER_GRADS: ConstStaticCell<Filter> = ConstStaticCell::new(Filter::ZERO);
static FILTER_PLAIN_GRADS: ConstStaticCell<Filter> = ConstStaticCell::new(Filter::ZERO);

type Net = chain![Dense<4, 10, Sigmoid>, Dense<10, 3>];
static TRAINER: ConstStaticCell<Trainer<Net, Input>> = ConstStaticCell::new(Trainer::ZERO);

const LEARN: Mode = Mode::Training { seed: 1, first_example: 0, examples: 1 };

const fn filter() -> Filter {
    let (numbers, mut w, mut i) = (numbers::<36, 8>(1, 0.2), [[[[0.0; 8]; 4]; 3]; 3], 0);
    while i < 36 {
        w[i / 12][i / 4 % 3][i % 4] = numbers[i];
        i += 1;
    }
    Filter::new(w, [0.1; 8])
}

fn image<const C: usize>(seed: u32) -> Image<C> {
    let numbers = numbers::<64, C>(seed, 1.0);
    core::array::from_fn(|row| core::array::from_fn(|column| numbers[SIDE * row + column]))
}

#[entry]
fn main() -> ! {
    let same_bits = dense() & convolution();
    iris_step();
    board::exit(same_bits)
}

fn dense() -> bool {
    let ([x], [dy]): ([[f32; 64]; 1], [[f32; 32]; 1]) = (numbers(2, 1.0), numbers(3, 1.0));
    let (net, x, y) = (black_box(&WIDE), &black_box([x]), &mut [[0.0; 32]]);
    println!("64x32 forward");
    region(|| net.forward(x, &mut (), black_box(&mut *y), Mode::Inference));
    let plain_y = &mut [0.0; 32];
    region(|| plain::dense(&x[0], &net.w, &net.b, black_box(&mut *plain_y)));
    let mut same_bits = y[0] == *plain_y;

    let (dy, grads, plain_grads) = (&mut black_box([dy]), WIDE_GRADS.take(), WIDE_PLAIN_GRADS.take());
    println!("64x32 weight gradients");
    region(|| net.gradients(x, &(), y, dy, &(), black_box(&mut *grads), false));
    region(|| plain::dense_weight_gradients(&x[0], &dy[0], black_box(&mut *plain_grads)));
    same_bits &= grads.w == *plain_grads;

    let (dx, plain_dx) = (&mut [[0.0; 64]], &mut [0.0; 64]);
    println!("64x32 input gradients");
    region(|| net.backward(x, &(), y, dy, &mut (), Some(black_box(&mut *dx)), LEARN));
    region(|| plain::dense_input_gradients(&dy[0], &net.w, black_box(&mut *plain_dx)));
    same_bits & (dx[0] == *plain_dx)
}

fn convolution() -> bool {
    let (net, x, y) = (black_box(&FILTER), &black_box([image(4)]), &mut [image(0)]);
    println!("convolution 3x3, 8x8x4 to 8, forward");
    region(|| net.forward(x, &mut (), black_box(&mut *y), Mode::Inference));
    let plain_y = &mut image(0);
    region(|| plain::convolution(&x[0], &net.w, &net.b, black_box(&mut *plain_y)));
    let mut same_bits = y[0] == *plain_y;

    let (dy, grads, plain_grads) = (&mut black_box([image(5)]), FILTER_GRADS.take(), FILTER_PLAIN_GRADS.take());
    println!("convolution 3x3, 8x8x4 to 8, weight gradients");
    region(|| net.gradients(x, &(), y, dy, &(), black_box(&mut *grads), false));
    region(|| plain::convolution_weight_gradients(&x[0], &dy[0], black_box(&mut plain_grads.w)));
    same_bits &= grads.w == plain_grads.w;

    let dx: &mut [Image<4>; 1] = &mut [image(0)];
    println!("convolution 3x3, 8x8x4 to 8, input gradients");
    region(|| net.backward(x, &(), y, dy, &mut (), Some(black_box(&mut *dx)), LEARN));
    let plain_dx = &mut image(0);
    region(|| plain::convolution_input_gradients(&dy[0], &net.w, black_box(&mut *plain_dx)));
    same_bits & (dx[0] == *plain_dx)
}

fn iris_step() {
    let mut net: Net = (Dense::new(numbers(6, 0.6), [0.0; 10]), Dense::new(numbers(7, 0.6), [0.0; 3]));
    let (net, trainer, mut optimizer) = (black_box(&mut net), TRAINER.take(), Sgd::new(black_box(0.01)));
    let (x, class) = (black_box(&[[0.4, -1.1, 0.7, 0.2]]), black_box(&[1]));
    println!("Iris 4-10-3 SGD step");
    let loss = region(|| trainer.step(net, &mut optimizer, &CrossEntropy, x, class));
    defmt::assert!(loss.is_ok());
    region(|| black_box(plain::iris_step(net, &x[0], class[0], black_box(0.01))));
}

mod plain {
    use super::*;

    pub fn dense<const I: usize, const O: usize>(x: &[f32; I], w: &[[f32; O]; I], b: &[f32; O], y: &mut [f32; O]) {
        for o in 0..O {
            let mut sum = b[o];
            for i in 0..I {
                sum += x[i] * w[i][o];
            }
            y[o] = sum;
        }
    }

    pub fn dense_weight_gradients<const I: usize, const O: usize>(x: &[f32; I], dy: &[f32; O], g: &mut [[f32; O]; I]) {
        for i in 0..I {
            for o in 0..O {
                g[i][o] = x[i] * dy[o];
            }
        }
    }

    pub fn dense_input_gradients<const I: usize, const O: usize>(dy: &[f32; O], w: &[[f32; O]; I], dx: &mut [f32; I]) {
        for i in 0..I {
            let mut sum = 0.0;
            for o in 0..O {
                sum += dy[o] * w[i][o];
            }
            dx[i] = sum;
        }
    }

    /// The input's row or column that a kernel's meets, inside the image.
    fn inside(output: usize, tap: usize) -> Option<usize> {
        (output + tap).checked_sub(1).filter(|input| *input < SIDE)
    }

    pub fn convolution<const C: usize, const O: usize>(
        x: &Image<C>,
        w: &[[[[f32; O]; C]; 3]; 3],
        b: &[f32; O],
        y: &mut Image<O>,
    ) {
        for i in 0..SIDE {
            for j in 0..SIDE {
                for o in 0..O {
                    let mut sum = b[o];
                    for u in 0..3 {
                        let Some(row) = inside(i, u) else { continue };
                        for v in 0..3 {
                            let Some(column) = inside(j, v) else { continue };
                            for c in 0..C {
                                sum += x[row][column][c] * w[u][v][c][o];
                            }
                        }
                    }
                    y[i][j][o] = sum;
                }
            }
        }
    }

    pub fn convolution_weight_gradients<const C: usize, const O: usize>(
        x: &Image<C>,
        dy: &Image<O>,
        g: &mut [[[[f32; O]; C]; 3]; 3],
    ) {
        for u in 0..3 {
            for v in 0..3 {
                for c in 0..C {
                    for o in 0..O {
                        let mut sum = 0.0;
                        for i in 0..SIDE {
                            let Some(row) = inside(i, u) else { continue };
                            for j in 0..SIDE {
                                let Some(column) = inside(j, v) else { continue };
                                sum += x[row][column][c] * dy[i][j][o];
                            }
                        }
                        g[u][v][c][o] = sum;
                    }
                }
            }
        }
    }

    pub fn convolution_input_gradients<const C: usize, const O: usize>(
        dy: &Image<O>,
        w: &[[[[f32; O]; C]; 3]; 3],
        dx: &mut Image<C>,
    ) {
        *dx = [[[0.0; C]; SIDE]; SIDE];
        for u in 0..3 {
            for v in 0..3 {
                for i in 0..SIDE {
                    let Some(row) = inside(i, u) else { continue };
                    for j in 0..SIDE {
                        let Some(column) = inside(j, v) else { continue };
                        for c in 0..C {
                            for o in 0..O {
                                dx[row][column][c] += dy[i][j][o] * w[u][v][c][o];
                            }
                        }
                    }
                }
            }
        }
    }

    /// Forward, backward and update. As the library does, it changes no weight if the loss or a gradient is not finite.
    pub fn iris_step((first, second): &mut Net, x: &Input, class: usize, rate: f32) -> Option<f32> {
        let (mut hidden, mut p) = ([0.0; 10], [0.0; 3]);
        dense(x, &first.w, &first.b, &mut hidden);
        for h in &mut hidden {
            *h = 1.0 / (1.0 + Real::exp(-*h));
        }
        dense(&hidden, &second.w, &second.b, &mut p);
        let max = p.into_iter().fold(p[0], f32::max);
        let mut sum = 0.0;
        for p in &mut p {
            *p = Real::exp(*p - max);
            sum += *p;
        }
        for p in &mut p {
            *p /= sum;
        }
        let loss = -Real::ln(p[class]);
        if !loss.is_finite() {
            return None;
        }
        p[class] -= 1.0;
        let (mut d_hidden, mut second_grads, mut first_grads) = ([0.0; 10], [[0.0; 3]; 10], [[0.0; 10]; 4]);
        dense_weight_gradients(&hidden, &p, &mut second_grads);
        dense_input_gradients(&p, &second.w, &mut d_hidden);
        for (d, h) in d_hidden.iter_mut().zip(&hidden) {
            *d *= *h * (1.0 - *h);
        }
        dense_weight_gradients(x, &d_hidden, &mut first_grads);
        for gradients in [first_grads.as_flattened(), &d_hidden, second_grads.as_flattened(), &p] {
            for gradient in gradients {
                if !gradient.is_finite() {
                    return None;
                }
            }
        }
        update(first, &first_grads, &d_hidden, rate);
        update(second, &second_grads, &p, rate);
        Some(loss)
    }

    fn update<const I: usize, const O: usize, F>(
        layer: &mut Dense<I, O, F>,
        w: &[[f32; O]; I],
        b: &[f32; O],
        rate: f32,
    ) {
        for i in 0..I {
            for o in 0..O {
                layer.w[i][o] -= rate * w[i][o];
            }
        }
        for o in 0..O {
            layer.b[o] -= rate * b[o];
        }
    }
}
