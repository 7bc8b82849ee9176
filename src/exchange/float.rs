//! Operators of floats with run-time shapes, summed up in the order of the loops.

use std::vec;
use std::vec::Vec;

use crate::kernels::backend::widest;
use crate::quant::{Axis, Function, Strided};

/// An operator of floats; sizes as in the one of the same name in [`quant`](crate::quant), `range` being what its activation leaves.
#[derive(Clone, Debug)]
#[allow(missing_docs)]
pub enum Float {
    FullyConnected { inputs: usize, weights: Weights, range: [f32; 2] },
    Conv2d { height: Axis, width: Axis, channels: usize, weights: Weights, range: [f32; 2] },
    DepthwiseConv2d { height: Axis, width: Axis, channels: usize, multiplier: usize, weights: Weights, range: [f32; 2] },
    TransposeConv { height: Axis, width: Axis, channels: usize, weights: Weights, range: [f32; 2] },
    AveragePool { height: Axis, width: Axis, channels: usize, range: [f32; 2] },
    MaxPool { height: Axis, width: Axis, channels: usize, range: [f32; 2] },
    Add([f32; 2]),
    Mul([f32; 2]),
    PRelu(Vec<f32>),
    Mean { kept: Strided, summed: Strided, count: usize },
    Softmax { len: usize, beta: f32 },
    Lstm { inputs: usize, units: usize, gates: Gates, clip: f32 },
    Gru { inputs: usize, units: usize, gates: Gates },
    Each(Function),
}

/// The constants of a product.
#[derive(Clone, Debug)]
pub struct Weights {
    /// In the order of [`quant`](crate::quant).
    pub weights: Vec<f32>,
    /// One for each output.
    pub biases: Vec<f32>,
}

/// The constants of input gate, forget gate, candidate and output gate, one after another; or of reset gate, update gate and candidate.
#[derive(Clone, Debug)]
pub struct Gates {
    /// `[units, inputs]` of each.
    pub input: Vec<f32>,
    /// `[units, units]` of each.
    pub state: Vec<f32>,
    /// `[units]` of each; of a GRU, then those of the candidate's hidden product.
    pub biases: Vec<f32>,
}

impl Float {
    /// Whether weights are a part of it.
    pub fn has_weights(&self) -> bool {
        matches!(
            self,
            Self::FullyConnected { .. }
                | Self::Conv2d { .. }
                | Self::DepthwiseConv2d { .. }
                | Self::TransposeConv { .. }
                | Self::PRelu(_)
                | Self::Lstm { .. }
                | Self::Gru { .. }
        )
    }

    /// Long short-term memory, of which `each` is shown all cells after each step.
    pub(super) fn remember(&self, x: &[f32], y: &mut [f32], mut each: impl FnMut(&[f32])) {
        let Self::Lstm { inputs, units, gates: Gates { input, state, biases }, clip } = self else { return };
        let (mut before, mut cells) = (vec![0.0; *units], vec![0.0; *units]);
        for (x, y) in x.chunks_exact(*inputs).zip(y.chunks_exact_mut(*units)) {
            for ((unit, cell), y) in cells.iter_mut().enumerate().zip(&mut *y) {
                let [i, f, g, o] = [0, 1, 2, 3].map(|gate| {
                    let row = gate * units + unit;
                    dot(dot(biases[row], x, part(input, row, *inputs)), &before, part(state, row, *units))
                });
                let [i, f, o] = [i, f, o].map(|gate| of(Function::Logistic, gate));
                *cell = held(f * *cell + i * libm::tanhf(g), [-clip, *clip]);
                *y = o * libm::tanhf(*cell);
            }
            before.copy_from_slice(y);
            each(&cells);
        }
    }

    /// `b` is read by sums and products of two tensors.
    pub fn run(&self, x: &[f32], b: &[f32], y: &mut [f32]) {
        match self {
            Self::FullyConnected { inputs, weights, range } => {
                for (x, y) in x.chunks_exact(*inputs).zip(y.chunks_exact_mut(weights.biases.len())) {
                    let rows = weights.weights.chunks_exact(*inputs).zip(&weights.biases);
                    for (y, (w, bias)) in y.iter_mut().zip(rows) {
                        *y = held(dot(0.0, x, w) + bias, *range);
                    }
                }
            }
            Self::Conv2d { height, width, channels, weights, range } => {
                let of_output = height.kernel * width.kernel * channels;
                let lanes = side_by_side(&weights.weights, of_output);
                windows([height, width], weights.biases.len(), y, |taps, y| {
                    let blocks = y.chunks_mut(LANES).zip(weights.biases.chunks(LANES));
                    for ((y, biases), w) in blocks.zip(lanes.chunks_exact(of_output)) {
                        let mut sums = [0.0; LANES];
                        for (tap, pixel) in taps {
                            for (x, w) in part(x, *pixel, *channels).iter().zip(part(w, *tap, *channels)) {
                                sums.iter_mut().zip(w).for_each(|(sum, w)| *sum += x * w);
                            }
                        }
                        for ((y, sum), bias) in y.iter_mut().zip(sums).zip(biases) {
                            *y = held(sum + bias, *range);
                        }
                    }
                });
            }
            Self::DepthwiseConv2d { height, width, channels, multiplier, weights, range } => {
                let outputs = weights.biases.len();
                windows([height, width], outputs, y, |taps, y| {
                    y.fill(0.0);
                    for (tap, pixel) in taps {
                        let (x, w) = (part(x, *pixel, *channels), part(&weights.weights, *tap, outputs));
                        if *multiplier == 1 {
                            y.iter_mut().zip(x).zip(w).for_each(|((y, x), w)| *y += x * w);
                        } else {
                            let channels = y.chunks_mut(*multiplier).zip(w.chunks(*multiplier)).zip(x);
                            channels.for_each(|((y, w), x)| y.iter_mut().zip(w).for_each(|(y, w)| *y += x * w));
                        }
                    }
                    y.iter_mut().zip(&weights.biases).for_each(|(y, bias)| *y = held(*y + bias, *range));
                });
            }
            Self::TransposeConv { height, width, channels, weights, range } => {
                let (outputs, taps) = (weights.biases.len(), height.kernel * width.kernel);
                for (i, y) in y.chunks_exact_mut(outputs).enumerate() {
                    let (row, column) = (i / width.input, i % width.input);
                    for (output, (y, bias)) in y.iter_mut().zip(&weights.biases).enumerate() {
                        let mut sum = 0.0;
                        // The pixels in ascending order.
                        for tap in (0..taps).rev() {
                            let [tap_y, tap_x] = [tap / width.kernel, tap % width.kernel];
                            let at = height.window(row, tap_y).zip(width.window(column, tap_x));
                            if let Some((row, column)) = at {
                                let pixel = part(x, row * width.output + column, *channels);
                                sum = dot(sum, pixel, part(&weights.weights, output * taps + tap, *channels));
                            }
                        }
                        *y = held(sum + bias, *range);
                    }
                }
            }
            Self::AveragePool { height, width, channels, range } => {
                windows([height, width], *channels, y, |taps, y| {
                    for (channel, y) in y.iter_mut().enumerate() {
                        let sum = taps.iter().fold(0.0, |sum, (_, pixel)| sum + x[pixel * channels + channel]);
                        *y = held(sum / taps.len() as f32, *range);
                    }
                });
            }
            Self::MaxPool { height, width, channels, range } => {
                windows([height, width], *channels, y, |taps, y| {
                    for (channel, y) in y.iter_mut().enumerate() {
                        let values = taps.iter().map(|(_, pixel)| x[pixel * channels + channel]);
                        *y = held(values.fold(f32::MIN, f32::max), *range);
                    }
                });
            }
            Self::Add(range) => pairs(x, b, y, |a, b| held(a + b, *range)),
            Self::Mul(range) => pairs(x, b, y, |a, b| held(a * b, *range)),
            Self::PRelu(slopes) => pairs(x, slopes, y, |x, slope| if x > 0.0 { x } else { x * slope }),
            Self::Mean { kept, summed, count } => {
                for (first, y) in kept.places().zip(y) {
                    let places = Strided { first, ..*summed };
                    let sum = places.places().filter_map(|place| x.get(place)).fold(0.0, |sum, x| sum + x);
                    *y = sum / *count as f32;
                }
            }
            Self::Softmax { len, beta } => {
                for (x, y) in x.chunks_exact(*len).zip(y.chunks_exact_mut(*len)) {
                    let largest = x.iter().copied().fold(f32::MIN, f32::max);
                    let mut sum = 0.0;
                    for (x, y) in x.iter().zip(&mut *y) {
                        *y = libm::expf((x - largest) * beta);
                        sum += *y;
                    }
                    y.iter_mut().for_each(|y| *y /= sum);
                }
            }
            Self::Lstm { .. } => self.remember(x, y, |_| ()),
            Self::Gru { inputs, units, gates: Gates { input, state, biases } } => {
                let mut before = vec![0.0; *units];
                for (x, y) in x.chunks_exact(*inputs).zip(y.chunks_exact_mut(*units)) {
                    for (unit, y) in y.iter_mut().enumerate() {
                        let of_input = |gate: usize| {
                            let row = gate * units + unit;
                            dot(biases[row], x, part(input, row, *inputs))
                        };
                        let with_state = |sum, gate: usize| dot(sum, &before, part(state, gate * units + unit, *units));
                        let [r, z] = [0, 1].map(|gate| of(Function::Logistic, with_state(of_input(gate), gate)));
                        let n = libm::tanhf(of_input(2) + r * with_state(biases[3 * units + unit], 2));
                        *y = n + z * (before[unit] - n);
                    }
                    before.copy_from_slice(y);
                }
            }
            Self::Each(function) => {
                for (x, y) in x.iter().zip(y) {
                    *y = of(*function, *x);
                }
            }
        }
    }
}

fn of(function: Function, x: f32) -> f32 {
    match function {
        Function::Requantize => x,
        Function::Clamp { least, greatest } => held(x, [least, greatest]),
        Function::LeakyRelu { alpha } => {
            if x > 0.0 {
                x
            } else {
                alpha * x
            }
        }
        // Below -9 `exp(x)`, as in LiteRT: 1.2e-4 of it too much at most.
        Function::Logistic if x < -9.0 => libm::expf(x),
        Function::Logistic => 1.0 / (1.0 + libm::expf(-x)),
        Function::Tanh => libm::tanhf(x),
        Function::Elu | Function::Gelu { .. } => function.real(x),
        Function::HardSwish => x * held(x + 3.0, [0.0, 6.0]) / 6.0,
    }
}

fn held(x: f32, [least, greatest]: [f32; 2]) -> f32 {
    x.max(least).min(greatest)
}

fn dot(sum: f32, x: &[f32], w: &[f32]) -> f32 {
    x.iter().zip(w).fold(sum, |sum, (x, w)| sum + x * w)
}

/// Outputs that are summed up side by side. One after another resnet8 takes eight times as long.
const LANES: usize = 32;

/// Rows of weights side by side, for some outputs, then for the next ones.
fn side_by_side(weights: &[f32], of_output: usize) -> Vec<[f32; LANES]> {
    let blocks = weights.chunks(LANES * of_output);
    let words = blocks.flat_map(|rows| {
        (0..of_output).map(move |i| core::array::from_fn(|lane| rows.get(lane * of_output + i).copied().unwrap_or(0.0)))
    });
    words.collect()
}

fn part<T>(x: &[T], at: usize, len: usize) -> &[T] {
    &x[at * len..][..len]
}

fn pairs(a: &[f32], b: &[f32], y: &mut [f32], f: impl Fn(f32, f32) -> f32) {
    for ((a, b), y) in a.iter().cycle().zip(b.iter().cycle()).zip(y) {
        *y = f(*a, *b);
    }
}

/// Calls `f` for each output pixel, `outputs` elements, with its window's taps that lie in the image and the pixels that they read; `f` is always
/// inlined.
fn windows([height, width]: [&Axis; 2], outputs: usize, y: &mut [f32], f: impl Fn(&[(usize, usize)], &mut [f32])) {
    let mut taps = Vec::new();
    widest(
        #[inline(always)]
        || {
            for (i, y) in y.chunks_exact_mut(outputs).enumerate() {
                let (row, column) = (i / width.output, i % width.output);
                taps.clear();
                for tap_y in height.inside(row) {
                    for tap_x in width.inside(column) {
                        if let Some((at_y, at_x)) = height.at(row, tap_y).zip(width.at(column, tap_x)) {
                            taps.push((tap_y * width.kernel + tap_x, at_y * width.input + at_x));
                        }
                    }
                }
                f(&taps, y);
            }
        },
    );
}
