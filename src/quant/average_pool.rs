//! Mean of each window.

use super::{Axis, Output, Rows};

/// Channels that are summed up together, side by side.
const BLOCK: usize = 16;

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
        let rows = self.height.inside(at);
        for (column, y) in y.chunks_exact_mut(self.channels.max(1)).enumerate() {
            let columns = self.width.inside(column);
            let count = rows.len().wrapping_mul(columns.len()) as i32;
            for (block, y) in y.chunks_mut(BLOCK).enumerate() {
                let mut sums = [0_i32; BLOCK];
                for row in rows.clone().filter_map(|tap| self.height.at(at, tap)).map(|at| x.row(at)) {
                    for pixel in columns.clone().filter_map(|tap| self.width.at(column, tap)) {
                        let first = pixel.wrapping_mul(self.channels).wrapping_add(block.wrapping_mul(BLOCK));
                        let x = row.get(first..).and_then(|rest| rest.get(..y.len())).unwrap_or(&[]);
                        for (sum, x) in sums.iter_mut().zip(x) {
                            *sum = sum.wrapping_add((*x).into());
                        }
                    }
                }
                for (y, sum) in y.iter_mut().zip(sums) {
                    let half = if sum > 0 { count / 2 } else { -(count / 2) };
                    *y = self.output.held(sum.wrapping_add(half).checked_div(count).unwrap_or(0));
                }
            }
        }
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
