//! Four channels at a time, with instructions for pairs of 16 bits.

use super::DepthwiseConv2d;
use crate::kernels::dsp::{Windows, expand_weights};
use crate::quant::{Rows, Weights};

/// Words of scratch: what belongs to four outputs, and the part of an image's rows that their windows need, expanded. 2 KiB hold rows of 55
/// pixels for a kernel of 3x3; longer rows are made in pieces, and kernels of which nothing fits by the plain loop.
pub(super) const SCRATCH: usize = 512;
/// Words of four outputs' biases and factors.
const FACTORS: usize = 16;
/// The order of four channels, as SXTB16 takes them apart.
const ORDER: [usize; 4] = [0, 2, 1, 3];

impl DepthwiseConv2d {
    /// Makes the rows of the output from `at` on, if this loop can: at least four outputs; one, or a multiple of four, of a channel; no
    /// dilation along rows, sums and factors in the usual range.
    pub(super) fn rows_of_pairs(&self, weights: &Weights, x: Rows, at: usize, y: &mut [i8]) -> bool {
        let outputs = weights.outputs();
        let pairs = self.height.kernel.div_ceil(2);
        let of_column = pairs.saturating_mul(4);
        let of_window = self.width.kernel.saturating_mul(of_column).saturating_add(FACTORS);
        // With a window below.
        let two = !self.height.kernel.is_multiple_of(2) && self.height.stride == 1 && self.height.dilation == 1;
        let constants = if two { of_window.saturating_mul(2) } else { of_window };
        let mut scratch = [0; SCRATCH];
        let Some((constants, columns)) = scratch.split_at_mut_checked(constants) else { return false };
        let room = columns.len().checked_div(of_column).unwrap_or(0);
        let (Some(last), Some(more)) = (outputs.checked_sub(4), room.checked_sub(self.width.kernel)) else {
            return false;
        };
        let most = more.checked_div(self.width.stride).unwrap_or(0).wrapping_add(1);
        let one_channel = self.multiplier != 1;
        let usual = self.width.kernel > 0 && self.width.dilation == 1 && self.in_range(weights);
        if !usual || (one_channel && (self.multiplier == 0 || !self.multiplier.is_multiple_of(4))) {
            return false;
        }
        let length = self.width.output.wrapping_mul(outputs);
        let rows = y.len().checked_div(length).unwrap_or(0);
        let mut start = 0;
        while start < self.width.output {
            let count = most.min(self.width.output - start);
            let (from, inside) = self.inside(start, count);
            columns.fill(u32::from(i16::from(self.zero_point) as u16) * 0x1_0001);
            for first in (0..outputs).step_by(4) {
                // The last four may be made twice in part.
                let first = first.min(last);
                let channel = if one_channel { first / self.multiplier } else { first };
                let from = from.wrapping_mul(self.channels).wrapping_add(channel);
                let (window, below) = constants.split_at_mut(of_window.min(constants.len()));
                self.constants(weights, first, [window, below]);
                let mut windows = Windows {
                    constants: [window, below],
                    columns,
                    of_column,
                    inside,
                    windows: (count, self.width.stride),
                    steps: (self.channels, outputs),
                    one_channel,
                    around: self.zero_point,
                };
                let row = |row: usize, tap: usize| {
                    self.height.at(at.wrapping_add(row), tap).map(|at| x.place(at).wrapping_add(from))
                };
                let y = y.get_mut(start.wrapping_mul(outputs).wrapping_add(first)..).unwrap_or(&mut []);
                let apart = self.height.dilation.wrapping_mul(x.len);
                windows.run(x.data, (row, apart), rows, (y, length));
            }
            start += count;
        }
        self.output.hold(y);
        true
    }

    /// Whether sums can be doubled, and factors are shifts to the right.
    fn in_range(&self, weights: &Weights) -> bool {
        let products = self.height.kernel.saturating_mul(self.width.kernel).saturating_mul(1 << 14);
        let room = (1_usize << 30).saturating_sub(products) as u32;
        weights.biases.iter().enumerate().all(|(output, bias)| {
            let multiplier = weights.multiplier(output);
            bias.unsigned_abs() < room && multiplier.mantissa >= 0 && (-22..0).contains(&multiplier.shift)
        })
    }

    /// The constants of [`Windows`] for the outputs from `first` on. Nothing if there is no room.
    fn constants(&self, weights: &Weights, first: usize, [window, below]: [&mut [u32]; 2]) {
        let [biases, of_window @ .., mantissas, addends, shifts] = window.as_chunks_mut::<4>().0 else { return };
        for (lane, output) in ORDER.into_iter().enumerate() {
            let output = first.wrapping_add(output);
            let multiplier = weights.multiplier(output);
            let shift = multiplier.shift.min(-1).unsigned_abs();
            biases[lane] = (2 * weights.biases.get(output).copied().unwrap_or(0)) as u32;
            mantissas[lane] = multiplier.mantissa as u32;
            addends[lane] = ((1 << (shift - 1)) + (i32::from(self.output.zero_point) << shift)) as u32;
            shifts[lane] = shift.into();
        }
        let sizes = [self.height.kernel, self.width.kernel, weights.outputs()];
        if let [b, of_below @ .., m, a, s] = below.as_chunks_mut::<4>().0 {
            (*b, *m, *a, *s) = (*biases, *mantissas, *addends, *shifts);
            expand_weights(weights.weights, sizes, first, of_window, of_below);
        } else {
            expand_weights(weights.weights, sizes, first, of_window, &mut []);
        }
    }

    /// Where the columns begin that `count` windows from `start` on need, and the first of them in the image and the number of those.
    #[inline(always)]
    fn inside(&self, start: usize, count: usize) -> (usize, (usize, usize)) {
        let all = count.saturating_sub(1).wrapping_mul(self.width.stride).wrapping_add(self.width.kernel);
        let start = start.wrapping_mul(self.width.stride);
        let before = self.width.before.saturating_sub(start).min(all);
        let first = start.wrapping_add(before).saturating_sub(self.width.before);
        let inside = self.width.input.saturating_sub(first).min(all - before);
        (first, (before, inside))
    }
}
