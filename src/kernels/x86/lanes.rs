//! Products of integers with pairs of rows of packed weights side by side, as many as lie in a vector: there are no lanes to be added up,
//! and sums are rounded in registers. With inputs side by side vww takes 1.4 times as long.
//!
//! To lay the weights out so takes as long as the products of some vectors.

use bytemuck::{cast, cast_slice};
use fearless_simd::{i32x4, prelude::*};

use super::paired::Vectors;
use super::rounded::{Constants, MOST, Multipliers, lanes};
use super::{put, with_lanes};
use crate::kernels::paired::{PIECE, TOGETHER};

/// Pairs of rows side by side, of up to [`PIECE`] inputs.
pub(crate) struct Lanes {
    /// A word of each pair, then the next one.
    words: [i32; MOST * PIECE / 2],
    /// Of even rows and of odd ones.
    constants: [Constants; 2],
    pairs: usize,
}

impl Lanes {
    pub(crate) fn new() -> Self {
        Self { words: [0; MOST * PIECE / 2], constants: [Constants::ZERO; 2], pairs: 0 }
    }

    /// Takes rows of packed weights from the first pair on, as many as lie side by side, and the constants of each row, its bias, mantissa and
    /// shift; returns how many rows.
    #[inline(never)]
    pub(crate) fn set(&mut self, weights: &[i32], stride: usize, constants: impl Iterator<Item = [i32; 3]>) -> usize {
        self.pairs = weights.len() / stride.max(1);
        let width = with_lanes!(self.pairs, simd => self.set_with(simd, weights, stride));
        for (row, constants) in constants.take(2 * width).enumerate() {
            self.constants[row % 2].set(row / 2, constants);
        }
        2 * width
    }

    /// Four words of four pairs at a time; returns how many pairs lie side by side.
    #[inline(always)]
    fn set_with<S: Simd>(&mut self, simd: S, weights: &[i32], stride: usize) -> usize {
        let width = super::width(simd);
        for (pairs, lane) in weights.chunks(stride.saturating_mul(4).max(1)).zip((0..width).step_by(4)) {
            let mut pairs = pairs.chunks(stride.max(1)).map(|pair| pair.as_chunks::<4>());
            let Some(first) = pairs.next() else { return width };
            // In the place of pairs that are not there is any other.
            let pairs = [(); 3].map(|()| pairs.next().unwrap_or(first));
            let [(a, a_rest), (b, b_rest), (c, c_rest), (d, d_rest)] = [first, pairs[0], pairs[1], pairs[2]];
            let mut to = self.words.chunks_exact_mut(width).map(|words| words.get_mut(lane..).unwrap_or_default());
            for (((a, b), c), d) in a.iter().zip(b).zip(c).zip(d) {
                for (words, to) in transposed(simd, [a, b, c, d]).into_iter().zip(&mut to) {
                    put(to, &words);
                }
            }
            for ((((a, b), c), d), to) in a_rest.iter().zip(b_rest).zip(c_rest).zip(d_rest).zip(to) {
                put(to, &[*a, *b, *c, *d]);
            }
        }
        width
    }

    /// The outputs of these rows, those from `first` on of `outputs` of each window, held in a range; `next` sets vectors to the next windows.
    #[inline(never)]
    pub(crate) fn make(
        &self,
        x: &mut Vectors<TOGETHER>,
        next: impl FnMut(&mut Vectors<TOGETHER>),
        (zero_point, range): (i8, [i8; 2]),
        (first, outputs): (usize, usize),
        y: &mut [i8],
    ) {
        with_lanes!(self.pairs, simd => self.make_with(simd, x, next, (zero_point, range), (first, outputs), y));
    }

    #[inline(always)]
    fn make_with<S: Simd>(
        &self,
        simd: S,
        x: &mut Vectors<TOGETHER>,
        mut next: impl FnMut(&mut Vectors<TOGETHER>),
        (zero_point, range): (i8, [i8; 2]),
        (first, outputs): (usize, usize),
        y: &mut [i8],
    ) {
        let [even, odd] = &self.constants;
        let (even, odd) =
            (Multipliers::new(simd, even, zero_point, range), Multipliers::new(simd, odd, zero_point, range));
        for y in y.chunks_mut(outputs.saturating_mul(TOGETHER).max(1)) {
            next(x);
            let mut bytes = [S::i32s::splat(simd, 0); TOGETHER];
            // Not `map` of an array, whose closure would be compiled for any x86-64.
            for (bytes, [of_even, of_odd]) in bytes.iter_mut().zip(self.sums(simd, x)) {
                *bytes = (even.round(of_even) & 255) | (odd.round(of_odd) << 8);
            }
            let [a, b, c, d] = bytes;
            let mut y = y.chunks_mut(outputs.max(1));
            for made in [a.narrow(b), c.narrow(d)] {
                let made: &[i8] = cast_slice(made.as_slice());
                for (made, y) in made.chunks_exact(2 * super::width(simd)).zip(&mut y) {
                    put(y.get_mut(first..).unwrap_or_default(), made);
                }
            }
        }
    }

    /// The sums of each vector, of even rows and of odd ones.
    #[inline(always)]
    fn sums<S: Simd>(&self, simd: S, x: &Vectors<TOGETHER>) -> [[S::i32s; 2]; TOGETHER] {
        let [even, odd] = &self.constants;
        let mut sums = [[lanes(simd, &even.biases), lanes(simd, &odd.biases)]; TOGETHER];
        let [a, b, c, d] = x.words();
        for ((((words, a), b), c), d) in self.words.chunks_exact(super::width(simd)).zip(a).zip(b).zip(c).zip(d) {
            let words = S::i32s::from_slice(simd, words).bitcast::<S::i16s>();
            let rows = [(words & 255) - 128, words >> 8];
            for (sums, x) in sums.iter_mut().zip([a, b, c, d]) {
                let x = S::i32s::splat(simd, cast(*x)).bitcast::<S::i16s>();
                for (sum, row) in sums.iter_mut().zip(rows) {
                    *sum += x.pairwise_dot_product(row);
                }
            }
        }
        sums
    }
}

#[inline(always)]
fn transposed<S: Simd>(simd: S, rows: [&[i32; 4]; 4]) -> [[i32; 4]; 4] {
    let [a, b, c, d] = rows.map(|row| i32x4::load_array_ref(simd, row));
    let [low, high] =
        [[simd.zip_low_i32x4(a, c), simd.zip_low_i32x4(b, d)], [simd.zip_high_i32x4(a, c), simd.zip_high_i32x4(b, d)]];
    let columns = [low, high].map(|[ac, bd]| [simd.zip_low_i32x4(ac, bd), simd.zip_high_i32x4(ac, bd)]);
    let [[a, b], [c, d]] = columns.map(|columns| columns.map(|column| column.into()));
    [a, b, c, d]
}
