//! Products of integers with two rows of weights at a time.
//!
//! Rows 2p and 2p + 1 share halfwords `(w1 << 8) | (w0 + 128)`: what is loaded once serves both, and a processor with instructions for two
//! halfwords multiplies two inputs by both rows in two of them. Halfwords of four inputs make two words, those of inputs k and k + 2, then
//! of k + 1 and k + 3, as inputs are found in the halves of a word that is expanded with and without a rotation. The rows of a pair are as
//! long as a multiple of 4; to an odd last row belongs one of zeros.

use bytemuck::cast_slice;

use super::order::{placed, settled};

/// Inputs whose products are summed up at a time: with two vectors of them, expanded, what is on the stack is 2 KiB at most. They are not in
/// the planned memory: each layer would have to hand a scratch on to those within it, and one layer at a time has it on the stack as well,
/// where it is in the peak that a device measures.
pub(crate) const PIECE: usize = if cfg!(all(target_os = "none", not(target_abi = "eabihf"))) { 144 } else { 288 };

/// Words that weights `[outputs, inputs]` take.
pub const fn packed_len(outputs: usize, inputs: usize) -> usize {
    outputs.div_ceil(2).saturating_mul(words_of_pair(inputs))
}

/// Words of a pair of rows.
pub(crate) const fn words_of_pair(inputs: usize) -> usize {
    inputs.div_ceil(4).saturating_mul(2)
}

/// Packs weights `[outputs, inputs]`, on a host, into [`packed_len`] words.
pub fn pack(weights: &[i8], inputs: usize, packed: &mut [i32]) {
    let pairs = packed.chunks_exact_mut(words_of_pair(inputs).max(1));
    for (pair, rows) in pairs.zip(weights.chunks(inputs.saturating_mul(2).max(1))) {
        let weight = |row: usize, k: usize| {
            let row = rows.get(row * inputs..).unwrap_or(&[]);
            i32::from(row.get(..inputs).unwrap_or(row).get(k).copied().unwrap_or(0))
        };
        let halfword = |k: usize| weight(1, k) << 8 | (weight(0, k) + 128);
        for (i, word) in pair.iter_mut().enumerate() {
            let k = i / 2 * 4 + i % 2;
            *word = halfword(k + 2) << 16 | halfword(k) & 0xffff;
        }
    }
}

/// Whether there are instructions for two halfwords. Their loops round sums in registers.
pub(crate) const DSP: bool = cfg!(all(target_arch = "arm", target_os = "none", target_abi = "eabihf"));

/// Vectors that share what is loaded of the weights: as many as there are registers for.
pub(crate) const TOGETHER: usize = if DSP { 3 } else { 2 };

/// `P` vectors of up to [`PIECE`] inputs, ready for products.
#[cfg(not(any(
    all(target_arch = "arm", target_os = "none", target_abi = "eabihf"),
    all(target_arch = "x86_64", feature = "std")
)))]
pub(crate) use Plain as Vectors;

#[cfg(all(target_arch = "x86_64", feature = "std"))]
pub(crate) use crate::kernels::x86::paired::Vectors;

#[cfg(all(target_arch = "arm", target_os = "none", target_abi = "eabihf"))]
pub(crate) use crate::kernels::dsp::Vectors;

/// The plain twin, for cores that multiply one pair of 32 bits at a time.
///
/// Of two vectors, both inputs k are one word, `x0 + x1 * 2^16`: a product with a weight is both products, and two of these are added up
/// before their halves go apart.
pub(crate) struct Plain<const P: usize> {
    /// Quads of inputs, in the order 0, 2, 1, 3, as their weights are. Of two vectors, what is added to products with row 0 lies behind each
    /// two of them.
    x: [[i32; 6]; PIECE / 4],
    /// Of the first vector, the sum times -128.
    offset: i32,
    /// Length in quads of inputs.
    quads: usize,
}

/// Added to the products of two inputs of two vectors, makes 16 bits of each: from -32512 to 32768 they can be.
const LEVEL: i32 = 0x7fff - 0x1_0000;

/// Whether a core has registers for little more than a sum and where its factors are: the Cortex-M0.
pub(crate) const FEW_REGISTERS: bool = cfg!(all(target_arch = "arm", not(target_has_atomic = "32")));

impl<const P: usize> Plain<P> {
    #[inline(always)]
    pub(crate) fn new() -> Self {
        const { assert!(P == 1 || P == 2) };
        Self { x: [[0; 6]; PIECE / 4], offset: 0, quads: 0 }
    }

    /// Of each vector, `length` inputs are set from now on, at most [`PIECE`].
    #[inline(always)]
    pub(crate) fn begin(&mut self, length: usize) {
        self.quads = length.div_ceil(4);
        self.offset = 0;
    }

    /// The inputs from `first` on are `x`, as many of each vector; both are multiples of 4, unless `x` are the last ones.
    #[inline(never)]
    pub(crate) fn put(&mut self, first: usize, x: [&[i8]; P]) {
        let mut quads = self.x.get_mut(first / 4..).unwrap_or_default().iter_mut();
        let [(x, x_rest), (y, y_rest)] = [x[0], x[P - 1]].map(|x| x.as_chunks::<4>());
        for ((x, y), quad) in x.iter().zip(y).zip(&mut quads) {
            self.offset += set::<P>(quad, [*x, *y]);
        }
        if !x_rest.is_empty()
            && let Some(quad) = quads.next()
        {
            let last = [x_rest, y_rest].map(|x| [0, 1, 2, 3].map(|at| x.get(at).copied().unwrap_or(0)));
            self.offset += set::<P>(quad, last);
        }
    }

    /// The inputs of each vector are windows of `rows` rows, `step` apart, which begin at `starts` in `x`; rows of a window are multiples
    /// of 4 long.
    #[inline(never)]
    pub(crate) fn put_windows(&mut self, x: &[i8], starts: [usize; P], len: usize, [rows, step]: [usize; 2]) {
        for row in 0..rows {
            let skip = row.wrapping_mul(step);
            let of = |start: usize| x.get(start.wrapping_add(skip)..).and_then(|x| x.get(..len)).unwrap_or(&[]);
            self.put(row.wrapping_mul(len), starts.map(of));
        }
    }

    /// Whether [`round`](Self::round) makes anything.
    pub(crate) const ROUNDS: bool = false;

    /// Outputs at once, where there is a loop for it; says whether it has made them.
    #[inline(always)]
    pub(crate) fn round(&self, _: &[i32], _: &[i32], _: (&[i32], &[i8]), _: i8, _: &mut [i8]) -> bool {
        false
    }

    /// Adds to `sums[row]` the products of each vector with rows of packed weights, modulo 2³². A pair of rows begins `stride` words after
    /// the one before it.
    #[inline(never)]
    pub(crate) fn add_products(&self, weights: &[i32], stride: usize, sums: &mut [[i32; P]]) {
        const { assert!(cfg!(target_endian = "little"), "weights are read byte by byte") };
        let x = self.x.get(..self.quads).unwrap_or(&self.x);
        let mut pairs = weights;
        for sums in sums.as_chunks_mut::<2>().0 {
            let Some(weights) = pairs.as_chunks().0.get(..x.len()) else { return };
            pairs = pairs.get(stride..).unwrap_or(&[]);
            if P == 1 {
                let [even, odd] = if FEW_REGISTERS { one_by_words(x, weights) } else { one(x, cast_slice(weights)) };
                sums[0][0] = sums[0][0].wrapping_add(even.wrapping_add(self.offset));
                sums[1][0] = sums[1][0].wrapping_add(odd);
            } else {
                let weights = cast_slice(weights);
                let [even, odd] = sums.each_ref().map(|sums| [sums[0], sums[P - 1]]);
                let [even, odd] = if FEW_REGISTERS {
                    let ([even], [odd]) = (two::<1, 0>(x, weights, [even]), two::<1, 1>(x, weights, [odd]));
                    [even, odd]
                } else {
                    two::<2, 0>(x, weights, [even, odd])
                };
                for (sum, row) in sums.iter_mut().zip([even, odd]) {
                    (sum[0], sum[P - 1]) = (row[0], row[1]);
                }
            }
        }
    }
}

/// Writes four inputs of each vector, and returns what belongs to the offset.
#[inline(always)]
fn set<const P: usize>(quad: &mut [i32; 6], [x, y]: [[i8; 4]; 2]) -> i32 {
    let [a, b, c, d] = core::array::from_fn(|at| i32::from(x[at]) + if P == 2 { i32::from(y[at]) << 16 } else { 0 });
    let level = |x: i32, y: i32| if P == 2 { LEVEL.wrapping_sub((x + y) << 7) } else { 0 };
    *quad = [a, c, level(a, c), b, d, level(b, d)];
    if P == 2 { 0 } else { -128 * (a + b + c + d) }
}

/// Calls `step` with each quad and its weights, four of them a turn.
#[inline(always)]
fn each<W>(x: &[[i32; 6]], weights: &[W], mut step: impl FnMut(&[i32; 6], &W)) {
    let ((x, last), (weights, last_weights)) = (x.as_chunks::<4>(), weights.as_chunks::<4>());
    let turns = x.len().min(weights.len());
    let (mut x, mut weights) = (x.get(..turns).unwrap_or(x), weights.get(..turns).unwrap_or(weights));
    // Without places of their own ad01 takes 17 % more instructions on a Cortex-M3, resnet8 15 %.
    while let ([[x0, x1, x2, x3], more @ ..], [[w0, w1, w2, w3], rest @ ..]) = (placed(x), placed(weights)) {
        step(x0, w0);
        step(x1, w1);
        step(x2, w2);
        step(x3, w3);
        (x, weights) = (more, rest);
    }
    last.iter().zip(last_weights).for_each(|(x, w)| step(x, w));
}

/// The products of a vector with both rows, without the offset.
#[inline(always)]
fn one(x: &[[i32; 6]], weights: &[[u8; 8]]) -> [i32; 2] {
    let mut sums = [0, 0];
    each(x, weights, |[x0, x2, _, x1, x3, _], w| {
        for ([x, y], [w0, w1, v0, v1]) in [[x0, x2], [x1, x3]].into_iter().zip(w.as_chunks::<4>().0) {
            let [even, odd] = [sums[0] + x * i32::from(*w0), sums[1] + x * i32::from(*w1 as i8)];
            sums = settled([even + y * i32::from(*v0), odd + y * i32::from(*v1 as i8)]);
        }
    });
    sums
}

/// [`one`], for a core that takes two instructions to load what has a sign: 7 % of ad01 on a Cortex-M0. The products with a halfword are
/// 256 times those with row 1, and those with its lower byte.
#[inline(always)]
fn one_by_words(x: &[[i32; 6]], weights: &[[i32; 2]]) -> [i32; 2] {
    const { assert!(PIECE < 1 << (23 - 14), "256 times a sum takes 32 bits") };
    let mut sums = [0_i32; 2];
    each(x, weights, |[x0, x2, _, x1, x3, _], [w, v]| {
        for (x, halfword) in [(x0, i32::from(*w as i16)), (x2, w >> 16), (x1, i32::from(*v as i16)), (x3, v >> 16)] {
            let [even, both] = [x * (halfword & 0xff), x * halfword];
            sums = settled([sums[0] + even, sums[1].wrapping_add(both)]);
        }
    });
    let [even, both] = sums;
    [even, both.wrapping_sub(even) >> 8]
}

/// `sums` and the products of two vectors with `R` rows from `FIRST` on.
#[inline(always)]
fn two<const R: usize, const FIRST: usize>(x: &[[i32; 6]], weights: &[[u8; 8]], sums: [[i32; 2]; R]) -> [[i32; 2]; R] {
    let mut sums = sums.map(|[low, high]| [low.wrapping_add(high << 16), high]);
    // In a register, where there is one.
    let [constant, _] = if FEW_REGISTERS { [LEVEL, 0] } else { settled([LEVEL, 0]) };
    let mut add = |x: i32, y: i32, level: i32, w: &[u8; 4]| {
        for (row, [low, high]) in (FIRST..).zip(&mut sums) {
            let [w, v] = [w[row], w[2 + row]].map(|w| if row == 0 { i32::from(w) } else { i32::from(w as i8) });
            let level = if row == 0 { level } else { constant };
            let both = x.wrapping_mul(w).wrapping_add(level).wrapping_add(y.wrapping_mul(v));
            [*low, *high] = settled([low.wrapping_add(both), high.wrapping_add(both >> 16)]);
        }
    };
    each(x, weights, |[x0, x2, even, x1, x3, odd], w| {
        let [w, v] = [w.first_chunk(), w.last_chunk()].map(|w| w.unwrap_or(&[0; 4]));
        add(*x0, *x2, *even, w);
        add(*x1, *x3, *odd, v);
    });
    let added = 2 * x.len() as i32;
    sums.map(|[low, high]| [low.wrapping_sub(high << 16).wrapping_sub(0x7fff * added), high.wrapping_add(added)])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_are_those_of_plain_rows() {
        let mut seed = 1_u32;
        let mut random = || {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (seed >> 24) as i8
        };
        compare(&mut random);
        // All, or random ones, as large as they can be.
        compare(|| -128);
        compare(|| if random() < 0 { -128 } else { 127 });
    }

    fn compare(mut random: impl FnMut() -> i8) {
        for (outputs, inputs) in [(1, 1), (2, 4), (3, 5), (5, 10), (6, 27), (7, PIECE)] {
            let mut weights = [0; 7 * PIECE];
            weights.iter_mut().for_each(|w| *w = random());
            let mut packed = [0; 4 * PIECE];
            let packed = &mut packed[..packed_len(outputs, inputs)];
            pack(&weights[..outputs * inputs], inputs, packed);
            let mut vectors = Plain::<2>::new();
            let mut alone = Plain::<1>::new();
            vectors.begin(inputs);
            alone.begin(inputs);
            let mut x = [[0; PIECE]; 2];
            for x in &mut x {
                x.iter_mut().for_each(|x| *x = random());
            }
            let middle = inputs / 8 * 4;
            vectors.put(0, [&x[0][..middle], &x[1][..middle]]);
            vectors.put(middle, [&x[0][middle..inputs], &x[1][middle..inputs]]);
            alone.put(0, [&x[0][..inputs]]);
            let mut sums = [[5, 6]; 8];
            vectors.add_products(packed, words_of_pair(inputs), &mut sums[..outputs.next_multiple_of(2)]);
            let mut of_one = [[5]; 8];
            alone.add_products(packed, words_of_pair(inputs), &mut of_one[..outputs.next_multiple_of(2)]);
            assert!(of_one[..outputs].iter().zip(&sums).all(|(one, two)| one[0] == two[0]));
            for weights in packed.chunks(words_of_pair(inputs)).map(|pair| pair.as_chunks().0) {
                let x = &alone.x[..alone.quads];
                assert_eq!(one(x, cast_slice(weights)), one_by_words(x, weights));
            }
            for (w, sums) in weights.chunks(inputs).zip(&sums[..outputs]) {
                for (at, sum) in sums.iter().enumerate() {
                    let products = w.iter().zip(&x[at]).map(|(w, x)| i32::from(*w) * i32::from(*x));
                    assert_eq!(*sum, products.sum::<i32>() + 5 + at as i32);
                }
            }
        }
    }
}
