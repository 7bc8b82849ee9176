//! Convolution.

use core::ops::Range;

use super::dot::{dot, sum};
use super::{Axis, Output, Rows, Weights};

/// Outputs of a pixel that are summed up together.
const BLOCK: usize = 16;

/// Convolution of an image.
///
/// Its sums are rounded twice ([`Multiplier::twice`](super::Multiplier::twice)), with one scale as with one a channel.
#[derive(Clone, Copy, Debug)]
pub struct Conv2d {
    /// From top to bottom.
    pub height: Axis,
    /// From left to right.
    pub width: Axis,
    /// Channels of the input.
    pub channels: usize,
    /// Zero point of the input, which lies around the image.
    pub zero_point: i8,
    /// What is written.
    pub output: Output,
}

impl Conv2d {
    /// `x`: `[height, width, channels]`, weights: `[outputs, kernel height, kernel width, channels]`, `y`:
    /// `[output height, output width, outputs]`.
    pub fn run(&self, weights: &Weights, x: &[i8], y: &mut [i8]) {
        let rows = Rows { data: x, len: self.width.input.wrapping_mul(self.channels) };
        let length = self.width.output.wrapping_mul(weights.outputs());
        for (at, y) in y.chunks_exact_mut(length.max(1)).enumerate() {
            self.row(weights, rows, at, y);
        }
    }

    /// Row `at` of the output, `[output width, outputs]`.
    #[inline(never)]
    pub fn row(&self, weights: &Weights, x: Rows, at: usize, y: &mut [i8]) {
        let of_row = self.width.kernel.wrapping_mul(self.channels);
        let of_output = self.height.kernel.wrapping_mul(of_row);
        for (column, y) in y.chunks_exact_mut(weights.outputs().max(1)).enumerate() {
            let inside = self.width.inside(column);
            let [first, end] = [inside.start, inside.end].map(|tap| tap.wrapping_mul(self.channels));
            let start = self.width.at(column, inside.start).unwrap_or(0).wrapping_mul(self.channels);
            for (block, y) in y.chunks_mut(BLOCK).enumerate() {
                let output = block.wrapping_mul(BLOCK);
                let mut sums = [0_i32; BLOCK];
                for (sum, bias) in sums.iter_mut().zip(weights.biases.get(output..).unwrap_or(&[])) {
                    *sum = *bias;
                }
                let of_block = weights.weights.get(output.wrapping_mul(of_output)..).unwrap_or(&[]);
                for tap in 0..self.height.kernel {
                    let row = self.height.at(at, tap).map(|at| x.row(at).get(start..).unwrap_or(&[]));
                    let rows = of_block.get(tap.wrapping_mul(of_row)..).unwrap_or(&[]).chunks(of_output.max(1));
                    for (sum, w) in sums.iter_mut().zip(rows.take(y.len())) {
                        let w = w.get(..of_row).unwrap_or(&[]);
                        *sum = sum.wrapping_add(match row {
                            Some(x) => self.taps(x, w, first..end),
                            None => self.around(w),
                        });
                    }
                }
                for (i, (y, sum)) in y.iter_mut().zip(sums).enumerate() {
                    *y = self.output.of(weights.multiplier(output.wrapping_add(i)).twice(sum));
                }
            }
        }
    }

    /// The products of a window's row with a row of weights, of which those `inside` fall on the image, where `x` begins.
    #[inline(always)]
    fn taps(&self, x: &[i8], w: &[i8], inside: Range<usize>) -> i32 {
        let middle = w.get(inside.clone()).unwrap_or(&[]);
        let products = if self.width.dilation == 1 {
            dot(x, middle)
        } else {
            let pixels = x.chunks(self.channels.max(1)).step_by(self.width.dilation.max(1));
            let weights = middle.chunks_exact(self.channels.max(1));
            pixels.zip(weights).fold(0_i32, |total, (x, w)| total.wrapping_add(dot(x, w)))
        };
        if middle.len() == w.len() {
            return products;
        }
        let [before, after] = [w.get(..inside.start), w.get(inside.end..)].map(Option::unwrap_or_default);
        products.wrapping_add(self.around(before)).wrapping_add(self.around(after))
    }

    /// The products with what lies around the image.
    #[inline(always)]
    fn around(&self, w: &[i8]) -> i32 {
        sum(w).wrapping_mul(self.zero_point.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::quant::samples;
    use std::boxed::Box;

    #[test]
    fn is_that_of_litert() {
        let weights = samples::w::<24>();
        let biases = samples::folded([1000, -500], -7, |output| Box::new(weights[12 * output..][..12].iter()));
        let (mantissas, shifts) = samples::multipliers([0.01, 0.02], 0.2);
        let weights =
            Weights { weights: &weights, biases: &biases, mantissas: &mantissas, shifts: &shifts, rests: &[] };
        let conv = Conv2d {
            height: Axis::same(4, 3, 2, 1),
            width: Axis::same(4, 2, 1, 2),
            channels: 2,
            zero_point: -7,
            output: samples::output(5),
        };
        let mut y = [0; 16];
        conv.run(&weights, &samples::x::<32>(), &mut y);
        assert_eq!(y, [-13, 46, 20, 59, 54, -9, -41, -13, 1, 93, 5, 46, -30, -2, -17, -11]);
    }

    #[test]
    fn makes_a_row_of_the_last_rows_that_came() {
        let weights = samples::w::<24>();
        let (mantissas, shifts) = samples::multipliers([0.01, 0.02], 0.2);
        let weights =
            Weights { weights: &weights, biases: &[1000, -500], mantissas: &mantissas, shifts: &shifts, rests: &[] };
        let conv = Conv2d {
            height: Axis::same(9, 3, 2, 1),
            width: Axis::same(4, 2, 1, 2),
            channels: 2,
            zero_point: -7,
            output: samples::output(5),
        };
        let (x, mut whole) = (samples::x::<72>(), [0; 40]);
        conv.run(&weights, &x, &mut whole);
        let (mut ring, mut made) = ([0; 24], 0);
        for (at, row) in x.chunks(8).enumerate() {
            ring[at % 3 * 8..][..8].copy_from_slice(row);
            // The row is complete with its last one, or at the image's end.
            while made < 5 && (2 * made + 1).min(8) <= at {
                let mut y = [0; 8];
                conv.row(&weights, Rows { data: &ring, len: 8 }, made, &mut y);
                assert_eq!(y, whole[8 * made..][..8]);
                made += 1;
            }
        }
        assert_eq!(made, 5);
    }
}
