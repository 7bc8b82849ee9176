//! Largest value of each window.

use super::{Axis, Output, Rows};

/// Largest value of each window. Input and output have one scale and one zero point.
#[derive(Clone, Copy, Debug)]
pub struct MaxPool {
    /// From top to bottom.
    pub height: Axis,
    /// From left to right.
    pub width: Axis,
    /// Channels of input and output.
    pub channels: usize,
    /// What is written.
    pub output: Output,
}

impl MaxPool {
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
            y.fill(self.output.least);
            for row in rows.clone().filter_map(|tap| self.height.at(at, tap)).map(|at| x.row(at)) {
                for pixel in self.width.inside(column).filter_map(|tap| self.width.at(column, tap)) {
                    let x = row.get(pixel.wrapping_mul(self.channels)..).unwrap_or(&[]);
                    for (y, x) in y.iter_mut().zip(x) {
                        *y = (*y).max(*x);
                    }
                }
            }
            for y in y {
                *y = (*y).min(self.output.greatest);
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
        let pool = MaxPool {
            height: Axis::same(3, 2, 2, 1),
            width: Axis::same(4, 3, 2, 1),
            channels: 2,
            output: Output { zero_point: -7, least: -7, greatest: 113 },
        };
        let mut y = [0; 8];
        pool.run(&samples::x::<24>(), &mut y);
        assert_eq!(y, [71, 108, 105, 108, 111, 74, 111, -7]);
    }
}
