//! Convolution of each channel for itself.

#[cfg(all(target_arch = "arm", target_os = "none", target_abi = "eabihf"))]
mod pairs;
#[cfg(all(target_arch = "x86_64", feature = "std"))]
mod wide;

use super::{Axis, Multiplier, Output, Rows, Weights};
use crate::kernels::paired::DSP;

/// Outputs that are summed up together, side by side. Where there is a faster loop few come here, and one at a time is the least code.
const BLOCK: usize = if DSP { 1 } else { 16 };

/// Taps of a window whose places are looked up once for all channels.
const TAPS: usize = 32;

/// Convolution of each channel for itself; channel `c` makes the outputs `c * multiplier` to `(c + 1) * multiplier - 1`.
///
/// Its sums are rounded twice ([`Multiplier::twice`](super::Multiplier::twice)), with one scale as with one a channel.
#[derive(Clone, Copy, Debug)]
pub struct DepthwiseConv2d {
    /// From top to bottom.
    pub height: Axis,
    /// From left to right.
    pub width: Axis,
    /// Channels of the input.
    pub channels: usize,
    /// Outputs of a channel.
    pub multiplier: usize,
    /// Zero point of the input, which lies around the image.
    pub zero_point: i8,
    /// What is written.
    pub output: Output,
}

impl DepthwiseConv2d {
    /// `x`: `[height, width, channels]`, weights: `[kernel height, kernel width, outputs]`, `y`: `[output height, output width, outputs]`.
    pub fn run(&self, weights: &Weights, x: &[i8], y: &mut [i8]) {
        let rows = Rows { data: x, len: self.width.input.wrapping_mul(self.channels) };
        self.rows(weights, rows, 0, y);
    }

    /// Row `at` of the output, `[output width, outputs]`.
    pub fn row(&self, weights: &Weights, x: Rows, at: usize, y: &mut [i8]) {
        if DSP && self.multiplier == 1 && self.width.output == 1 {
            // One pixel, as a signal has, is not worth the expansion of its weights: 4 times as many instructions.
            return self.quads(weights, x, [at, 0], y);
        }
        self.rows(weights, x, at, y);
    }

    /// The rows of the output from `at` on.
    #[inline(never)]
    fn rows(&self, weights: &Weights, x: Rows, at: usize, y: &mut [i8]) {
        #[cfg(all(target_arch = "arm", target_os = "none", target_abi = "eabihf"))]
        if self.rows_of_pairs(weights, x, at, y) {
            return;
        }
        #[cfg(all(target_arch = "x86_64", feature = "std"))]
        self.rows_of_lanes(weights, x, at, y);
        #[cfg(not(all(target_arch = "x86_64", feature = "std")))]
        self.plain_rows(weights, x, at, y);
    }

    #[cfg_attr(all(target_arch = "x86_64", feature = "std"), allow(dead_code))]
    #[inline(always)]
    fn plain_rows(&self, weights: &Weights, x: Rows, at: usize, y: &mut [i8]) {
        let length = self.width.output.wrapping_mul(weights.outputs());
        for (row, y) in y.chunks_exact_mut(length.max(1)).enumerate() {
            self.plain_row(weights, x, at.wrapping_add(row), y);
        }
    }

    #[inline(always)]
    fn plain_row(&self, weights: &Weights, x: Rows, at: usize, y: &mut [i8]) {
        // One copy of the loop for both cases.
        let (together, step) = if self.multiplier == 1 { (weights.outputs(), 1) } else { (self.multiplier, 0) };
        for (column, y) in y.chunks_exact_mut(weights.outputs().max(1)).enumerate() {
            if self.multiplier == 1 && !DSP {
                self.quads(weights, x, [at, column], y);
                continue;
            }
            for (channel, y) in y.chunks_exact_mut(together.max(1)).enumerate() {
                self.pixel(weights, x, [at, column], [channel, step], y);
            }
        }
    }

    /// The outputs of a pixel, one of a channel, four at a time: their sums are in registers, and where the taps lie is found once for all.
    #[inline(always)]
    fn quads(&self, weights: &Weights, x: Rows, [at, column]: [usize; 2], y: &mut [i8]) {
        let count = self.height.kernel.wrapping_mul(self.width.kernel);
        if count > TAPS {
            return self.pixel(weights, x, [at, column], [0, 1], y);
        }
        let mut places = [(&[][..], &[][..]); TAPS];
        let mut next = places.iter_mut();
        let mut w = weights.weights;
        for tap in 0..self.height.kernel {
            let row = self.height.at(at, tap).map_or(&[][..], |at| x.row(at));
            for tap in 0..self.width.kernel {
                let first = self.width.at(column, tap).map_or(usize::MAX, |at| at.wrapping_mul(self.channels));
                let Some(place) = next.next() else { return };
                *place = (row.get(first..).unwrap_or(&[]).as_chunks().0, w.as_chunks().0);
                w = w.get(weights.outputs()..).unwrap_or(&[]);
            }
        }
        let places = places.get(..count).unwrap_or(&[]);
        let around = [self.zero_point; 4];
        let Multiplier { mantissa, shift } = weights.multiplier(0);
        let of_all = ([mantissa; 4], [shift; 4]);
        let (whole, rest) = y.as_chunks_mut::<4>();
        let done = 4 * whole.len();
        for (quad, y) in whole.iter_mut().enumerate() {
            let mut sums = weights.biases.as_chunks::<4>().0.get(quad).copied().unwrap_or([0; 4]);
            for (x, w) in places {
                let x = x.get(quad).unwrap_or(&around);
                let w = w.get(quad).unwrap_or(&[0; 4]);
                for (sum, (x, w)) in sums.iter_mut().zip(x.iter().zip(w)) {
                    *sum = sum.wrapping_add(i32::from(*x) * i32::from(*w));
                }
            }
            let mantissas = weights.mantissas.as_chunks().0.get(quad).unwrap_or(&of_all.0);
            let shifts = weights.shifts.as_chunks().0.get(quad).unwrap_or(&of_all.1);
            for ((y, sum), (mantissa, shift)) in y.iter_mut().zip(sums).zip(mantissas.iter().zip(shifts)) {
                *y = self.output.of(Multiplier { mantissa: *mantissa, shift: *shift }.twice(sum));
            }
        }
        self.pixel(weights, x, [at, column], [done, 1], rest);
    }

    /// Outputs of a pixel, from those of `channel` on, each of the channel `step` after that of the one before it: 1 or 0.
    #[inline(never)]
    fn pixel(&self, weights: &Weights, x: Rows, [at, column]: [usize; 2], [channel, step]: [usize; 2], y: &mut [i8]) {
        for (block, y) in y.chunks_mut(BLOCK).enumerate() {
            let done = block.wrapping_mul(BLOCK);
            let start = channel.wrapping_mul(self.multiplier).wrapping_add(done);
            let input = channel.wrapping_add(done.wrapping_mul(step));
            let mut sums = [0; BLOCK];
            for (sum, bias) in sums.iter_mut().zip(weights.biases.get(start..).unwrap_or(&[])) {
                *sum = *bias;
            }
            let mut w = weights.weights.get(start..).unwrap_or(&[]);
            for tap in 0..self.height.kernel {
                let row = self.height.at(at, tap).map_or(&[][..], |at| x.row(at));
                for tap in 0..self.width.kernel {
                    let first = self.width.at(column, tap).map_or(usize::MAX, |at| at.wrapping_mul(self.channels));
                    let x = row.get(first..).unwrap_or(&[]);
                    for (output, (sum, w)) in sums.iter_mut().zip(w).enumerate() {
                        let x =
                            x.get(input.wrapping_add(output.wrapping_mul(step))).copied().unwrap_or(self.zero_point);
                        *sum = sum.wrapping_add(i32::from(x) * i32::from(*w));
                    }
                    w = w.get(weights.outputs()..).unwrap_or(&[]);
                }
            }
            for (output, (y, sum)) in y.iter_mut().zip(sums).enumerate() {
                *y = self.output.of(weights.multiplier(start.wrapping_add(output)).twice(sum));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::quant::samples;
    use std::boxed::Box;

    #[test]
    fn with_several_outputs_a_channel_is_that_of_litert() {
        let weights = samples::w::<24>();
        let biases =
            samples::folded([1000, -500, 0, 70], -7, |output| Box::new(weights.iter().skip(output).step_by(4)));
        let (mantissas, shifts) = samples::multipliers([0.01, 0.02, 0.015, 0.03], 0.2);
        let weights =
            Weights { weights: &weights, biases: &biases, mantissas: &mantissas, shifts: &shifts, rests: &[] };
        let conv = DepthwiseConv2d {
            height: Axis::same(3, 3, 2, 1),
            width: Axis::same(4, 2, 2, 1),
            channels: 2,
            multiplier: 2,
            zero_point: -7,
            output: samples::output(5),
        };
        let mut y = [0; 16];
        conv.run(&weights, &samples::x::<24>(), &mut y);
        assert_eq!(y, [-1, -70, 28, 25, 27, 75, -45, 117, 26, 21, 29, -63, -26, 75, 40, 95]);
    }

    #[test]
    fn with_one_scale_is_that_of_litert() {
        let weights = samples::w::<12>();
        let biases = samples::folded([1000, -500, 0], -7, |output| Box::new(weights.iter().skip(output).step_by(3)));
        let (mantissas, shifts) = samples::multipliers([0.01], 0.1);
        let weights =
            Weights { weights: &weights, biases: &biases, mantissas: &mantissas, shifts: &shifts, rests: &[] };
        let axis = Axis::valid(3, 2, 1, 1);
        let conv = DepthwiseConv2d {
            height: axis,
            width: axis,
            channels: 3,
            multiplier: 1,
            zero_point: -7,
            output: samples::output(5),
        };
        let mut y = [0; 12];
        conv.run(&weights, &samples::x::<27>(), &mut y);
        assert_eq!(y, [125, -13, 1, -25, -47, 11, -19, 84, 95, -16, -72, -18]);
    }
}
