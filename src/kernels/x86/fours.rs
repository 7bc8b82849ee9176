//! Products of one vector with up to 16 rows of packed weights at a time, an input's with four of them in words side by side. The twin is
//! [`fours::Bytes`](crate::kernels::fours).
//!
//! Inputs are expanded in registers, for all 16 rows: nothing is cleared or kept. With an expanded copy of them, and four rows at a time,
//! ad01 takes 1.8 times as long, hello_world 1.3 times.

use fearless_simd::{i32x4, prelude::*};

use super::rounded::MOST;
use super::{put, with_lanes};
use crate::kernels::fours::words_of_four;

/// Where two inputs of four are for both pairs of four rows.
const FOURS: [usize; 8] = [0, 2, 0, 2, 1, 3, 1, 3];
/// Where they are for a pair alone.
const PAIR: [usize; 4] = [0, 2, 1, 3];

/// Adds to `sums[row]` the products of a vector with rows of weights [packed by four](crate::kernels::fours::pack_fours), modulo 2³².
#[inline(always)]
pub(crate) fn add_products(x: &[i8], weights: &[i32], sums: &mut [[i32; 1]]) {
    with_lanes!(x.len().div_ceil(2), simd => add_products_with(simd, x, weights, sums));
}

#[inline(always)]
fn add_products_with<S: Simd>(simd: S, x: &[i8], weights: &[i32], sums: &mut [[i32; 1]]) {
    let stride = words_of_four(x.len());
    let alone = if sums.len() % 4 > 2 { 0 } else { sums.len() % 4 };
    let (sums, of_pair) = sums.split_at_mut(sums.len() - alone);
    for (block, sums) in sums.chunks_mut(16).enumerate() {
        let row = |four: usize| weights.get((4 * block + four).wrapping_mul(stride)..).unwrap_or(&[]);
        let products = products(simd, x, [0, 1, 2, 3].map(row), &FOURS)
            .map(|[even, odd]| -> [i32; 4] { (simd.zip_low_i32x4(even, odd) + simd.zip_high_i32x4(even, odd)).into() });
        add(sums, products.as_flattened());
    }
    if alone > 0 {
        let pair = weights.get((sums.len() / 4).wrapping_mul(stride)..).unwrap_or(&[]);
        let [rows] = products(simd, x, [pair], &PAIR);
        add(of_pair, &rows.map(|lanes| lanes.as_slice().iter().fold(0_i32, |sum, lane| sum.wrapping_add(*lane))));
    }
}

#[inline(always)]
fn add(sums: &mut [[i32; 1]], products: &[i32]) {
    sums.iter_mut().zip(products).for_each(|([sum], product)| *sum = sum.wrapping_add(*product));
}

/// The products with even rows and odd ones of some runs of words, in which four inputs are halfwords in this `order`.
#[inline(always)]
fn products<S: Simd, const R: usize, const N: usize>(
    simd: S,
    x: &[i8],
    rows: [&[i32]; R],
    order: &[usize; N],
) -> [[i32x4<S>; 2]; R] {
    let width = super::width(simd);
    // Inputs that have a vector of words.
    let step = 2 * width / N * 4;
    let mut sums = [[S::i32s::splat(simd, 0); 2]; R];
    let expanded = |x: &[i8]| S::i16s::from_fn(simd, |i| x[i / N * 4 + order[i % N]].into());
    let add = |sums: &mut [S::i32s; 2], x: S::i16s, words: &[i32]| {
        let weights = S::i32s::from_slice(simd, words).bitcast::<S::i16s>();
        sums[0] += x.pairwise_dot_product((weights & 255) - 128);
        sums[1] += x.pairwise_dot_product(weights >> 8);
    };
    let mut words = rows.map(|row| row.chunks_exact(width));
    let whole = x.chunks_exact(step);
    let (at, rest) = (whole.len().wrapping_mul(width), whole.remainder());
    for x in whole {
        let x = expanded(x);
        for (sums, words) in sums.iter_mut().zip(&mut words) {
            if let Some(words) = words.next() {
                add(sums, x, words);
            }
        }
    }
    if !rest.is_empty() {
        let mut last = [0; 2 * MOST];
        put(&mut last, rest);
        let x = expanded(&last[..step]);
        for (sums, row) in sums.iter_mut().zip(rows) {
            let row = row.get(at..).unwrap_or(&[]);
            // What belongs to other rows meets zeros.
            let mut last = [0; MOST];
            put(&mut last, row.get(..width).unwrap_or(row));
            add(sums, x, &last[..width]);
        }
    }
    let quarter = |lanes: &S::i32s| {
        let quarters = lanes.as_slice().chunks_exact(4).map(|lanes| i32x4::from_slice(simd, lanes));
        quarters.fold(i32x4::splat(simd, 0), |sum, lanes| sum + lanes)
    };
    sums.each_ref().map(|rows| rows.each_ref().map(quarter))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::fours::pack_fours;
    use crate::kernels::paired::packed_len;
    use fearless_simd::Level;
    use rand_core::{Rng, SeedableRng};
    use rand_pcg::Pcg32;
    use std::vec;
    use std::vec::Vec;

    #[test]
    fn random_shapes_give_the_sums_of_a_naive_loop() {
        let mut rng = Pcg32::seed_from_u64(1);
        let mut below = |n: u32| (rng.next_u32() % n) as usize;
        for _ in 0..300 {
            let (outputs, inputs) = (1 + below(50), 1 + [below(40), below(700)][below(2)]);
            let mut bytes = |count: usize| -> Vec<i8> { (0..count).map(|_| below(256) as u8 as i8).collect() };
            let (w, x) = (bytes(outputs * inputs), bytes(inputs));
            let mut packed = vec![0; packed_len(outputs, inputs)];
            pack_fours(&w, inputs, &mut packed);
            let expected = w.chunks(inputs).map(|w| {
                let products = w.iter().zip(&x).map(|(w, x)| i32::from(*w) * i32::from(*x));
                [products.sum::<i32>() - 7]
            });
            let expected: Vec<_> = expected.collect();
            let [mut best, mut avx2, mut sse2] = [(); 3].map(|()| vec![[-7]; outputs]);
            add_products(&x, &packed, &mut best);
            match Level::new().as_avx2() {
                Some(simd) => add_products_with(simd, &x, &packed, &mut avx2),
                None => avx2.clone_from(&best),
            }
            match Level::new().as_sse2() {
                Some(simd) => add_products_with(simd, &x, &packed, &mut sse2),
                None => sse2.clone_from(&best),
            }
            assert!([best, avx2, sse2].iter().all(|sums| *sums == expected), "{outputs} {inputs}");
        }
    }
}
