//! Products of one vector with four rows of packed weights at a time, 8 inputs in a vector of weights. As those of
//! [pairs](super::paired), with each two inputs twice, for both pairs of rows. The twin is [`fours::Bytes`](crate::kernels::fours).

use bytemuck::cast_slice;
use fearless_simd::{Level, dispatch, i16x16, i32x8, prelude::*};

use super::widest;
use crate::kernels::fours::words_of_four;

const LANES: usize = 16;

/// Inputs whose products are summed up at a time: room for more takes longer to clear.
pub(crate) const PIECE: usize = 288;

/// Up to [`PIECE`] inputs, expanded.
pub(crate) struct Vector {
    /// Of each quad, the inputs 0, 2, 0, 2, 1, 3, 1, 3; zeros behind the last one, up to a whole number of lanes.
    x: [i16; 2 * PIECE],
    length: usize,
}

impl Vector {
    #[inline(always)]
    pub(crate) fn new() -> Self {
        const { assert!((2 * PIECE).is_multiple_of(LANES)) };
        Self { x: [0; 2 * PIECE], length: 0 }
    }

    /// Sets the inputs, at most [`PIECE`].
    #[inline(always)]
    pub(crate) fn set(&mut self, x: &[i8]) {
        self.length = x.len().min(PIECE);
        widest(
            #[inline(always)]
            || {
                let (quads, rest) = x.as_chunks::<4>();
                let last = [[0, 1, 2, 3].map(|i| rest.get(i).copied().unwrap_or(0)), [0; 4]];
                let (to, to_last) = self.x.as_chunks_mut().0.split_at_mut(quads.len().min(PIECE / 4));
                to.iter_mut().zip(quads).for_each(|(to, quad)| *to = twice(*quad));
                to_last.iter_mut().zip(last).for_each(|(to, quad)| *to = twice(quad));
            },
        );
    }

    /// Adds to `sums[row]` the products with rows of packed weights, modulo 2³². Four rows begin `stride` words after the four before them.
    #[inline(always)]
    pub(crate) fn add_products(&self, weights: &[i32], stride: usize, sums: &mut [[i32; 1]]) {
        self.add_products_at(Level::new(), weights, stride, sums);
    }

    fn add_products_at(&self, level: Level, weights: &[i32], stride: usize, sums: &mut [[i32; 1]]) {
        dispatch!(level, simd => self.add_products_with(simd, weights, stride, sums));
    }

    #[inline(always)]
    fn add_products_with<S: Simd>(&self, simd: S, weights: &[i32], stride: usize, sums: &mut [[i32; 1]]) {
        let x = self.x.as_chunks::<LANES>().0;
        for (sums, weights) in sums.chunks_mut(4).zip(weights.chunks(stride.max(1))) {
            let weights: &[i16] = cast_slice(weights.get(..words_of_four(self.length)).unwrap_or(weights));
            let mut products = [i32x8::splat(simd, 0); 2];
            let mut add = |x: &[i16; LANES], weights: &[i16; LANES]| {
                let [x, weights] = [x, weights].map(|values| i16x16::load_array_ref(simd, values));
                products[0] += x.pairwise_dot_product((weights & 255) - 128);
                products[1] += x.pairwise_dot_product(weights >> 8);
            };
            let (whole, rest) = weights.as_chunks::<LANES>();
            for (x, weights) in x.iter().zip(whole) {
                add(x, weights);
            }
            if let (false, Some(x)) = (rest.is_empty(), x.get(whole.len())) {
                let mut last = [0; LANES];
                last.iter_mut().zip(rest).for_each(|(last, rest)| *last = *rest);
                add(x, &last);
            }
            let [even, odd] = products.map(|lanes| {
                let (low, high) = simd.split_i32x8(lanes);
                low + high
            });
            let of_rows: [i32; 4] = (simd.zip_low_i32x4(even, odd) + simd.zip_high_i32x4(even, odd)).into();
            sums.iter_mut().zip(of_rows).for_each(|([sum], more)| *sum = sum.wrapping_add(more));
        }
    }
}

/// Each two of four inputs twice.
#[inline(always)]
fn twice(quad: [i8; 4]) -> [i16; 8] {
    let [a, b, c, d] = quad.map(i16::from);
    [a, c, a, c, b, d, b, d]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::fours::{Bytes, pack_fours};
    use crate::kernels::paired::packed_len;
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
        let mut vector = Vector::new();
        for _ in 0..300 {
            let (outputs, inputs) =
                (3 + 4 * below(3) + below(2), [1 + below(40), 1 + below(PIECE as u32), PIECE][below(3)]);
            let mut bytes = |count: usize| -> Vec<i8> { (0..count).map(|_| below(256) as u8 as i8).collect() };
            let (w, x) = (bytes(outputs * inputs), bytes(inputs));
            let mut packed = vec![0; packed_len(outputs, inputs)];
            pack_fours(&w, inputs, &mut packed);
            vector.set(&x);
            let plain = Bytes::new(&x);
            let rows = packed.chunks(words_of_four(inputs));
            let expected: Vec<_> =
                rows.flat_map(|four| plain.with_four(four)).map(|sum| [sum - 7]).take(outputs).collect();
            for level in levels.into_iter().flatten() {
                let mut sums = vec![[-7]; outputs];
                vector.add_products_at(level, &packed, words_of_four(inputs), &mut sums);
                assert_eq!(sums, expected, "{level:?} {outputs} {inputs}");
            }
        }
    }
}
