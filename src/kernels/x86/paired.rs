//! Products of integers with two rows of packed weights at a time, 16 inputs in a vector: VPMADDWD where the machine has it.
//!
//! A halfword `(w1 << 8) | (w0 + 128)` gives row 1's weight by a shift and row 0's by a mask, for all vectors together. The twin is
//! [`paired::Plain`](crate::kernels::paired), whose sums these are.

use bytemuck::cast_slice;
use fearless_simd::{Level, dispatch, i16x16, i32x8, prelude::*};

use super::widest;
use crate::kernels::paired::{PIECE, each_row};

const LANES: usize = 16;

/// Where four inputs are in packed weights.
const ORDER: [usize; 4] = [0, 2, 1, 3];

/// `P` vectors of up to [`PIECE`] inputs, expanded to 16 bits in the order of packed weights.
pub(crate) struct Vectors<const P: usize> {
    /// Zeros behind the last input, up to a whole number of lanes.
    x: [[i16; PIECE]; P],
    length: usize,
}

impl<const P: usize> Vectors<P> {
    #[inline(always)]
    pub(crate) fn new() -> Self {
        const { assert!(PIECE.is_multiple_of(LANES)) };
        Self { x: [[0; PIECE]; P], length: 0 }
    }

    /// Of each vector, `length` inputs are set from now on, at most [`PIECE`].
    #[inline(always)]
    pub(crate) fn begin(&mut self, length: usize) {
        self.length = length.min(PIECE);
        for x in &mut self.x {
            if let Some(last) = x.as_chunks_mut::<LANES>().0.get_mut(self.length / LANES) {
                *last = [0; LANES];
            }
        }
    }

    /// The inputs from `first` on are `x`, as many of each vector; both are multiples of 4, unless `x` are the last ones.
    #[inline(always)]
    pub(crate) fn put(&mut self, first: usize, x: [&[i8]; P]) {
        widest(
            #[inline(always)]
            || self.expand(first, x),
        );
    }

    /// The inputs of each vector are windows of some rows, so many bytes apart, which begin at `starts` in `x`; rows of a window are multiples
    /// of 4 long.
    #[inline(always)]
    pub(crate) fn put_windows(&mut self, x: &[i8], starts: [usize; P], len: usize, rows: [usize; 2]) {
        widest(
            #[inline(always)]
            || each_row(x, starts, len, rows, |first, x| self.expand(first, x)),
        );
    }

    #[inline(always)]
    fn expand(&mut self, first: usize, x: [&[i8]; P]) {
        for (to, x) in self.x.iter_mut().zip(x) {
            let to = to.get_mut(first..self.length.next_multiple_of(4)).unwrap_or_default();
            let (x, rest) = x.get(..to.len()).unwrap_or(x).as_chunks::<LANES>();
            let (to, to_rest) = to.split_at_mut(x.as_flattened().len());
            for (to, x) in to.as_chunks_mut::<LANES>().0.iter_mut().zip(x) {
                *to = core::array::from_fn(|i| x[i & !3 | ORDER[i & 3]].into());
            }
            for (to, x) in to_rest.as_chunks_mut::<4>().0.iter_mut().zip(rest.chunks(4)) {
                *to = ORDER.map(|i| x.get(i).copied().unwrap_or(0).into());
            }
        }
    }

    /// Inputs two by two, as words of packed weights have them.
    #[inline(always)]
    pub(super) fn words(&self) -> [&[[i16; 2]]; P] {
        let length = self.length.next_multiple_of(4);
        self.x.each_ref().map(|x| x.get(..length).unwrap_or(x).as_chunks().0)
    }

    /// Adds to `sums[row]` the products of each vector with rows of packed weights, modulo 2³². A pair of rows begins `stride` words after
    /// the one before it.
    #[inline(always)]
    pub(crate) fn add_products(&self, weights: &[i32], stride: usize, sums: &mut [[i32; P]]) {
        self.add_products_at(Level::new(), weights, stride, sums);
    }

    fn add_products_at(&self, level: Level, weights: &[i32], stride: usize, sums: &mut [[i32; P]]) {
        dispatch!(level, simd => self.add_products_with(simd, weights, stride, sums));
    }

    #[inline(always)]
    fn add_products_with<S: Simd>(&self, simd: S, weights: &[i32], stride: usize, sums: &mut [[i32; P]]) {
        let x = self.x.each_ref().map(|x| x.as_chunks::<LANES>().0);
        for ([even, odd], weights) in sums.as_chunks_mut::<2>().0.iter_mut().zip(weights.chunks(stride.max(1))) {
            let weights: &[i16] = cast_slice(weights);
            let weights = weights.get(..self.length.next_multiple_of(4)).unwrap_or(weights);
            let none = i32x8::splat(simd, 0);
            let mut products = [[none; 2]; P];
            let mut add = |at: usize, weights: &[i16; LANES]| {
                let weights = i16x16::load_array_ref(simd, weights);
                let (row_0, row_1) = ((weights & 255) - 128, weights >> 8);
                for (products, x) in products.iter_mut().zip(x) {
                    let Some(x) = x.get(at) else { continue };
                    let x = i16x16::load_array_ref(simd, x);
                    products[0] += x.pairwise_dot_product(row_0);
                    products[1] += x.pairwise_dot_product(row_1);
                }
            };
            let (whole, rest) = weights.as_chunks::<LANES>();
            for (at, weights) in whole.iter().enumerate() {
                add(at, weights);
            }
            if !rest.is_empty() {
                let mut last = [0; LANES];
                last.iter_mut().zip(rest).for_each(|(last, rest)| *last = *rest);
                add(whole.len(), &last);
            }
            for ((even, odd), products) in even.chunks_mut(2).zip(odd.chunks_mut(2)).zip(products.chunks(2)) {
                let [x, y] = [products.first(), products.last()].map(|of| of.copied().unwrap_or([none; 2]));
                let sums = sums_of(simd, [x[0], y[0], x[1], y[1]]);
                let (of_even, of_odd) = sums.split_at(2);
                even.iter_mut().zip(of_even).for_each(|(sum, more)| *sum = sum.wrapping_add(*more));
                odd.iter_mut().zip(of_odd).for_each(|(sum, more)| *sum = sum.wrapping_add(*more));
            }
        }
    }
}

/// The sums of four vectors' lanes. One by one, kws takes 6 % longer.
#[inline(always)]
fn sums_of<S: Simd>(simd: S, vectors: [i32x8<S>; 4]) -> [i32; 4] {
    let [a, b, c, d] = vectors.map(|vector| {
        let (low, high) = simd.split_i32x8(vector);
        low + high
    });
    let [ac, bd] = [[a, c], [b, d]].map(|[a, c]| simd.zip_low_i32x4(a, c) + simd.zip_high_i32x4(a, c));
    (simd.zip_low_i32x4(ac, bd) + simd.zip_high_i32x4(ac, bd)).into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::paired::{Plain, pack, packed_len, words_of_pair};
    use rand_core::{Rng, SeedableRng};
    use rand_pcg::Pcg32;
    use std::vec;
    use std::vec::Vec;

    #[test]
    fn random_shapes_give_the_sums_of_the_plain_loop() {
        let best = Level::new();
        let levels = [Some(best), best.as_avx2().map(Level::Avx2), best.as_sse2().map(Level::Sse2)];
        let mut rng = Pcg32::seed_from_u64(1);
        let mut below = |n: u32| (rng.next_u32() % n) as usize;
        let (mut vectors, mut plain) = (Vectors::<3>::new(), Plain::<3>::new());
        for _ in 0..300 {
            let (outputs, inputs) = (1 + below(9), [1 + below(40), 1 + below(PIECE as u32), PIECE][below(3)]);
            let mut bytes = |count: usize| -> Vec<i8> { (0..count).map(|_| below(256) as u8 as i8).collect() };
            let (w, x) = (bytes(outputs * inputs), [(); 3].map(|()| bytes(inputs)));
            let mut packed = vec![0; packed_len(outputs, inputs)];
            pack(&w, inputs, &mut packed);
            vectors.begin(inputs);
            plain.begin(inputs);
            let middle = below(1 + inputs as u32 / 4) * 4;
            if middle > 0 && inputs % middle == 0 && middle % 4 == 0 {
                let (all, starts) = (x.concat(), [0, inputs, 2 * inputs]);
                vectors.put_windows(&all, starts, middle, [inputs / middle, middle]);
                plain.put_windows(&all, starts, middle, [inputs / middle, middle]);
            } else {
                for part in [0..middle, middle..inputs] {
                    let x = x.each_ref().map(|x| &x[part.clone()]);
                    vectors.put(part.start, x);
                    plain.put(part.start, x);
                }
            }
            let mut expected = vec![[7, -7, 70]; outputs.next_multiple_of(2)];
            plain.add_products(&packed, words_of_pair(inputs), &mut expected);
            for level in levels.into_iter().flatten() {
                let mut sums = vec![[7, -7, 70]; outputs.next_multiple_of(2)];
                vectors.add_products_at(level, &packed, words_of_pair(inputs), &mut sums);
                assert_eq!(sums, expected, "{level:?} {outputs} {inputs}");
            }
        }
    }
}
