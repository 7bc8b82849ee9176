//! Transposed convolution.

use super::{Axis, Output, Weights};

/// Transposed convolution of an image: each tap of each window of the output that a convolution would read is added up from that window's
/// pixel.
///
/// Its sums are rounded twice ([`Multiplier::twice`](super::Multiplier::twice)), with one scale as with one a channel.
#[derive(Clone, Copy, Debug)]
pub struct TransposeConv {
    /// From top to bottom of the output; its windows are the rows of the input.
    pub height: Axis,
    /// From left to right of the output; its windows are the columns of the input.
    pub width: Axis,
    /// Channels of the input.
    pub channels: usize,
    /// Zero point of the input. It is not in the biases, since not all taps come to every pixel.
    pub zero_point: i8,
    /// What is written.
    pub output: Output,
}

impl TransposeConv {
    /// `x`: `[height, width, channels]`, weights: `[outputs, kernel height, kernel width, channels]`, `y`: `[output height, output width,
    /// outputs]`.
    #[inline(never)]
    pub fn run(&self, weights: &Weights, x: &[i8], y: &mut [i8]) {
        let outputs = weights.outputs().max(1);
        let of_row = self.width.kernel.wrapping_mul(self.channels).max(1);
        let of_output = of_row.wrapping_mul(self.height.kernel).max(1);
        let rows = y.chunks_exact_mut(self.width.input.wrapping_mul(outputs).max(1));
        for (row, y) in rows.enumerate() {
            for (column, y) in y.chunks_exact_mut(outputs).enumerate() {
                let of_outputs = weights.weights.chunks_exact(of_output).zip(weights.biases);
                for (output, (y, (w, bias))) in y.iter_mut().zip(of_outputs).enumerate() {
                    let sum = self.sum(w.chunks_exact(of_row), x, [row, column], *bias);
                    *y = self.output.of(weights.multiplier(output).twice(sum));
                }
            }
        }
    }

    /// Of one output of a pixel, by the rows of its weights.
    #[inline(always)]
    fn sum<'w>(&self, w: impl Iterator<Item = &'w [i8]>, x: &[i8], at: [usize; 2], bias: i32) -> i32 {
        let mut sum = bias;
        for (tap, w) in w.enumerate() {
            let Some(row) = self.height.window(at[0], tap) else { continue };
            for (tap, w) in w.chunks_exact(self.channels.max(1)).enumerate() {
                let Some(column) = self.width.window(at[1], tap) else { continue };
                let first = row.wrapping_mul(self.width.output).wrapping_add(column).wrapping_mul(self.channels);
                for (x, w) in x.get(first..).unwrap_or(&[]).iter().zip(w) {
                    let x = i32::from(*x) - i32::from(self.zero_point);
                    sum = sum.wrapping_add(x * i32::from(*w));
                }
            }
        }
        sum
    }
}
