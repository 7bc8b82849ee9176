//! Convolution.

use super::products::Products;
use super::{Axis, Output, Rows, Weights};
use crate::kernels::paired::{PIECE, Vectors};

/// Convolution of an image.
///
/// Its sums are rounded twice ([`Multiplier::twice`](super::Multiplier::twice)), with one scale as with one a channel. Two pixels of the
/// output are made at a time: weights are loaded once for both.
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
    /// `x`: `[height, width, channels]`, weights: `[outputs, kernel height, kernel width, channels]`, [packed](super::pack), `y`:
    /// `[output height, output width, outputs]`.
    pub fn run(&self, weights: &Weights<i32>, x: &[i8], y: &mut [i8]) {
        let rows = Rows { data: x, len: self.width.input.wrapping_mul(self.channels) };
        self.pixels(weights, rows, 0, y);
    }

    /// Row `at` of the output, `[output width, outputs]`.
    pub fn row(&self, weights: &Weights<i32>, x: Rows, at: usize, y: &mut [i8]) {
        let length = self.width.output.wrapping_mul(weights.outputs());
        if let Some(y) = y.get_mut(..length) {
            self.pixels(weights, x, at, y);
        }
    }

    /// Pixels from the first one of row `at` on, of that row and those after it.
    #[inline(never)]
    fn pixels(&self, weights: &Weights<i32>, x: Rows, at: usize, y: &mut [i8]) {
        let outputs = weights.outputs().max(1);
        let mut windows = Windows { conv: self, x, at: [at, 0], piece: [0; PIECE] };
        let mut pairs = y.chunks_exact_mut(outputs.saturating_mul(2));
        let mut products = Products::<2>::new();
        for y in &mut pairs {
            let (first, second) = y.split_at_mut_checked(outputs).unwrap_or_default();
            windows.next(&mut products, weights, [first, second]);
        }
        let last = pairs.into_remainder();
        if last.len() >= outputs {
            windows.next(&mut Products::<1>::new(), weights, [last]);
        }
    }
}

/// Goes through the windows, row by row.
struct Windows<'x> {
    conv: &'x Conv2d,
    x: Rows<'x>,
    /// Row and column of the next one.
    at: [usize; 2],
    /// For what does not lie in the image as it is needed.
    piece: [i8; PIECE],
}

impl Windows<'_> {
    /// Makes the outputs of the next `P` windows.
    #[inline(always)]
    fn next<const P: usize>(&mut self, products: &mut Products<P>, weights: &Weights<i32>, mut y: [&mut [i8]; P]) {
        let conv = self.conv;
        let windows = [(); P].map(|()| {
            let at = self.at;
            let [row, column] = &mut self.at;
            *column = column.wrapping_add(1);
            if *column >= conv.width.output {
                (*row, *column) = (row.wrapping_add(1), 0);
            }
            at
        });
        let taps = conv.height.kernel.wrapping_mul(conv.width.kernel);
        products.each(
            weights,
            taps.wrapping_mul(conv.channels),
            |vectors, first, length| {
                for (at, window) in windows.into_iter().enumerate() {
                    match conv.pixel(self.x, window).filter(|_| taps == 1) {
                        Some(x) => vectors.set(at, 0, x.get(first..).and_then(|x| x.get(..length)).unwrap_or(&[])),
                        None => self.set(vectors, at, window, first, length),
                    }
                }
            },
            |first, sums| {
                let mut y = y.each_mut().map(|y| {
                    let y = y.get_mut(first..).unwrap_or_default();
                    y.get_mut(..sums.len()).unwrap_or_default()
                });
                weights.round_twice(conv.output, first, sums, &mut y);
            },
        );
    }

    /// Sets a vector to elements of the window of an output pixel.
    #[inline(never)]
    fn set<const P: usize>(
        &mut self,
        vectors: &mut Vectors<P>,
        at: usize,
        window: [usize; 2],
        first: usize,
        length: usize,
    ) {
        let Self { conv, x, ref mut piece, .. } = *self;
        if conv.channels.is_multiple_of(4) {
            conv.parts(x, window, first, length, |first, length, part| match part {
                Some(part) => vectors.set(at, first, part),
                None => vectors.fill(at, first, length, conv.zero_point),
            });
            return;
        }
        conv.parts(x, window, first, length, |first, length, part| {
            let to = piece.get_mut(first..).and_then(|piece| piece.get_mut(..length)).unwrap_or_default();
            match part {
                Some(part) => to.iter_mut().zip(part).for_each(|(to, part)| *to = *part),
                None => to.fill(conv.zero_point),
            }
        });
        vectors.set(at, 0, piece.get(..length).unwrap_or(&[]));
    }
}

impl Conv2d {
    /// The pixel of the image on which the first tap of a window falls.
    #[inline(always)]
    fn pixel<'x>(&self, x: Rows<'x>, [row, column]: [usize; 2]) -> Option<&'x [i8]> {
        let (row, column) = (self.height.at(row, 0)?, self.width.at(column, 0)?);
        x.row(row).get(column.wrapping_mul(self.channels)..)
    }

    /// Goes through the `length` elements of a window from `first` on: calls `part` with the place of a part, its length, and it itself if
    /// it lies in the image. Where there are four channels or eight and so on, these are multiples of 4.
    #[inline(always)]
    fn parts(
        &self,
        x: Rows,
        [row, column]: [usize; 2],
        first: usize,
        length: usize,
        mut part: impl FnMut(usize, usize, Option<&[i8]>),
    ) {
        let Self { height, width, channels, .. } = *self;
        // Taps that lie side by side are one run.
        let taps = if width.dilation == 1 { width.kernel } else { 1 };
        let run = taps.wrapping_mul(channels).max(1);
        let margin = width.before.wrapping_mul(channels);
        let mut tap = [0, 0];
        let mut skip = first;
        while skip >= run {
            skip = skip.wrapping_sub(run);
            tap = next(tap, taps, width.kernel);
        }
        let mut at = 0;
        while at < length {
            let mut here = run.wrapping_sub(skip).min(length.wrapping_sub(at));
            let pixel = column.wrapping_mul(width.stride).wrapping_add(tap[1].wrapping_mul(width.dilation));
            // From the left margin's beginning on.
            let left = pixel.wrapping_mul(channels).wrapping_add(skip);
            let row = height.at(row, tap[0]).map_or(&[][..], |row| x.row(row));
            (skip, tap) = (0, next(tap, taps, width.kernel));
            if row.is_empty() {
                part(at, here, None);
                at = at.wrapping_add(here);
                continue;
            }
            let before = margin.saturating_sub(left).min(here);
            if before > 0 {
                part(at, before, None);
                (at, here) = (at.wrapping_add(before), here.wrapping_sub(before));
            }
            let found = row.get(left.saturating_sub(margin)..).unwrap_or(&[]);
            let found = found.get(..here).unwrap_or(found);
            if !found.is_empty() {
                part(at, found.len(), Some(found));
            }
            if found.len() < here {
                part(at.wrapping_add(found.len()), here.wrapping_sub(found.len()), None);
            }
            at = at.wrapping_add(here);
        }
    }
}

/// The tap after `taps` others, row by row.
#[inline(always)]
fn next([row, column]: [usize; 2], taps: usize, kernel: usize) -> [usize; 2] {
    let column = column.wrapping_add(taps);
    if column >= kernel { [row.wrapping_add(1), 0] } else { [row, column] }
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
        let packed = samples::packed::<12>(&weights, 12);
        let weights = Weights { weights: &packed, biases: &biases, mantissas: &mantissas, shifts: &shifts, rests: &[] };
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
        let packed = samples::packed::<12>(&weights, 12);
        let weights =
            Weights { weights: &packed, biases: &[1000, -500], mantissas: &mantissas, shifts: &shifts, rests: &[] };
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
