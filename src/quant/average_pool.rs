//! Mean of each window.

use super::{Axis, Output, Rows};

/// Mean of each window. What lies outside of the image is not counted. Input and output have one scale and one zero point.
///
/// The sum of the integers is divided by their number, rounded to the nearest integer, halves away from 0.
#[derive(Clone, Copy, Debug)]
pub struct AveragePool {
    /// From top to bottom.
    pub height: Axis,
    /// From left to right.
    pub width: Axis,
    /// Channels of input and output.
    pub channels: usize,
    /// What is written.
    pub output: Output,
}

impl AveragePool {
    /// `x`: `[height, width, channels]`, `y`: `[output height, output width, channels]`.
    pub fn run(&self, x: &[i8], y: &mut [i8]) {
        let rows = Rows { data: x, len: self.width.input.wrapping_mul(self.channels) };
        let length = self.width.output.wrapping_mul(self.channels);
        for (at, y) in y.chunks_exact_mut(length.max(1)).enumerate() {
            self.row(rows, at, y);
        }
    }

    /// Row `at` of the output, `[output width, channels]`.
    #[inline(never)]
    pub fn row(&self, x: Rows, at: usize, y: &mut [i8]) {
        let channels = self.channels.max(1);
        let rows = self.height.inside(at);
        for (column, y) in y.chunks_exact_mut(channels).enumerate() {
            let columns = self.width.inside(column);
            let count = rows.len().wrapping_mul(columns.len()) as i32;
            let start =
                column.wrapping_mul(self.width.stride).wrapping_add(columns.start).wrapping_sub(self.width.before);
            for (block, y) in y.chunks_mut(4).enumerate() {
                let first = start.wrapping_mul(channels).wrapping_add(block.wrapping_mul(4));
                let mut sums = [0; 4];
                for row in rows.clone().filter_map(|tap| self.height.at(at, tap)).map(|at| x.row(at)) {
                    let row = row.get(first..).unwrap_or(&[]);
                    let len = row.len().min(columns.len().wrapping_mul(channels));
                    add_fours(row.get(..len).unwrap_or(&[]), channels, &mut sums);
                }
                for (y, sum) in y.iter_mut().zip(sums) {
                    let sum = (sum as i32).wrapping_sub(count.wrapping_mul(128));
                    let half = if sum > 0 { count / 2 } else { -(count / 2) };
                    *y = self.output.held(sum.wrapping_add(half).checked_div(count).unwrap_or(0));
                }
            }
        }
    }
}

/// Adds the first four channels of all pixels, 128 more of each, two of them in a word.
#[inline(always)]
fn add_fours(x: &[i8], channels: usize, sums: &mut [u32; 4]) {
    /// Pixels of which two sums of bytes fit into a word.
    const RUN: usize = 256;
    for run in x.chunks(channels.saturating_mul(RUN)) {
        let mut lanes = [0_u32; 2];
        for pixel in run.chunks(channels) {
            let four = pixel.first_chunk().copied().unwrap_or_else(|| {
                let mut four = [0; 4];
                four.iter_mut().zip(pixel).for_each(|(to, x)| *to = *x);
                four
            });
            let four = u32::from_le_bytes(four.map(|x: i8| x as u8)) ^ 0x8080_8080;
            lanes[0] = lanes[0].wrapping_add(four & 0x00ff_00ff);
            lanes[1] = lanes[1].wrapping_add(four >> 8 & 0x00ff_00ff);
        }
        let [[a, c], [b, d]] = lanes.map(|lanes| [lanes & 0xffff, lanes >> 16]);
        sums.iter_mut().zip([a, b, c, d]).for_each(|(sum, lane)| *sum = sum.wrapping_add(lane));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::quant::samples;

    #[test]
    fn is_that_of_litert() {
        let pool = AveragePool {
            height: Axis::same(3, 2, 2, 1),
            width: Axis::same(4, 3, 2, 1),
            channels: 2,
            output: Output { zero_point: -7, least: -7, greatest: 113 },
        };
        let mut y = [0; 8];
        pool.run(&samples::x::<24>(), &mut y);
        assert_eq!(y, [-7, 14, 24, -3, 37, -7, 20, -7]);
    }
}
