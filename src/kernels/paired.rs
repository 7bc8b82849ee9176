//! Products of integers with two rows of weights at a time.
//!
//! Rows 2p and 2p + 1 share halfwords `(w1 << 8) | (w0 + 128)`: what is loaded once serves both, and a processor with instructions for two
//! halfwords multiplies two inputs by both rows in two of them. Halfwords of four inputs make two words, those of inputs k and k + 2, then
//! of k + 1 and k + 3, as inputs are found in the halves of a word that is expanded with and without a rotation. The rows of a pair are as
//! long as a multiple of 4; to an odd last row belongs one of zeros.

use bytemuck::cast_slice;

use super::order::{placed, settled};

/// Inputs whose products are summed up at a time: vectors of them, expanded, take 2 KiB at most on a device. They lie on the stack, where one
/// layer at a time has them, and [`Plan::scratch`](crate::Plan) counts them.
pub(crate) const PIECE: usize = if cfg!(all(target_os = "none", not(target_abi = "eabihf"))) {
    144
} else if cfg!(target_os = "none") {
    288
} else {
    576
};

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
        for (i, word) in pair.iter_mut().enumerate() {
            *word = word_of(rows, inputs, i);
        }
    }
}

/// Word `i` of the first two of some rows.
pub(super) fn word_of(rows: &[i8], inputs: usize, i: usize) -> i32 {
    let weight = |row: usize, k: usize| {
        let row = rows.get(row * inputs..).unwrap_or(&[]);
        i32::from(row.get(..inputs).unwrap_or(row).get(k).copied().unwrap_or(0))
    };
    let halfword = |k: usize| weight(1, k) << 8 | (weight(0, k) + 128);
    let k = i / 2 * 4 + i % 2;
    halfword(k + 2) << 16 | halfword(k) & 0xffff
}

/// Whether there are instructions for two halfwords. Their loops round sums in registers.
pub(crate) const DSP: bool = cfg!(all(target_arch = "arm", target_os = "none", target_abi = "eabihf"));

/// Vectors that share what is loaded of the weights: as many as there are registers for.
pub(crate) const TOGETHER: usize = if cfg!(all(target_arch = "x86_64", feature = "std")) { 4 } else { 3 };

/// `P` vectors of up to [`PIECE`] inputs, ready for products.
#[cfg(not(any(
    all(target_arch = "arm", target_os = "none", any(target_abi = "eabihf", not(target_has_atomic = "32"))),
    all(target_arch = "x86_64", feature = "std")
)))]
pub(crate) use Plain as Vectors;

#[cfg(all(target_arch = "x86_64", feature = "std"))]
pub(crate) use crate::kernels::x86::paired::Vectors;

#[cfg(all(target_arch = "arm", target_os = "none", target_abi = "eabihf"))]
pub(crate) use crate::kernels::dsp::Vectors;

#[cfg(all(target_arch = "arm", target_os = "none", not(target_has_atomic = "32")))]
pub(crate) use crate::kernels::armv6m::Vectors;

#[cfg(not(all(target_arch = "arm", target_os = "none", target_abi = "eabihf")))]
impl<const P: usize> Vectors<P> {
    /// Whether [`round`](Self::round) makes anything.
    pub(crate) const ROUNDS: bool = false;

    /// Outputs at once, where there is a loop for it; says whether it has made them.
    #[inline(always)]
    pub(crate) fn round(&self, _: &[i32], _: &[i32], _: (&[i32], &[i8]), _: i8, _: &mut [i8]) -> bool {
        false
    }

    /// As [`round`](Self::round), of a run of windows.
    #[inline(always)]
    pub(crate) fn round_run(
        &mut self,
        _: (&[i8], Run),
        _: &[i32],
        _: &[i32],
        _: (&[i32], &[i8]),
        _: i8,
        _: &mut [i8],
    ) -> bool {
        false
    }
}

/// Windows that lie side by side in an image.
#[cfg_attr(not(all(target_arch = "arm", target_os = "none", target_abi = "eabihf")), allow(dead_code))]
#[derive(Clone, Copy)]
pub(crate) struct Run {
    /// Where the first one begins, and elements from one to the next.
    pub(crate) start: usize,
    pub(crate) advance: usize,
    /// Elements of a row of a window.
    pub(crate) len: usize,
    /// Rows, and elements from one to the next.
    pub(crate) rows: [usize; 2],
}

/// Calls `put(first, x)` with row after row of windows of `rows` rows, `step` apart, which begin at `starts` in `x`; the row of each of them is
/// that from element `first` on.
#[cfg_attr(all(target_arch = "arm", target_os = "none", target_abi = "eabihf"), allow(dead_code))]
#[inline(always)]
pub(crate) fn each_row<const P: usize>(
    x: &[i8],
    starts: [usize; P],
    len: usize,
    [rows, step]: [usize; 2],
    mut put: impl FnMut(usize, [&[i8]; P]),
) {
    for row in 0..rows {
        let skip = row.wrapping_mul(step);
        let of = |start: usize| x.get(start.wrapping_add(skip)..).and_then(|x| x.get(..len)).unwrap_or(&[]);
        put(row.wrapping_mul(len), starts.map(of));
    }
}

/// The plain twin, for cores that multiply one pair of 32 bits at a time.
///
/// Of three vectors, inputs x, y and z are two words, `x + y * 2^21` and `z + y * 2^11`. What two products with a weight each add up to modulo
/// 2³², `X + Y * 2^21` and `Z + Y * 2^11`, is enough to tell three sums of 21 bits, so that a product takes two thirds of a
/// multiplication. With two vectors in a word, whose halves have to go apart after two inputs, kws and resnet8 take 19 % more instructions
/// on a Cortex-M3, vww 17 %.
pub(crate) struct Plain<const P: usize> {
    /// Quads of inputs, in the order 0, 2, 1, 3, as their weights are. Of three vectors, both words of each input: two times four of a quad.
    x: [i32; 2 * PIECE],
    /// Of one vector, the sum times -128.
    offset: i32,
    /// Length in quads of inputs.
    quads: usize,
}

/// Quads of inputs whose products with weights of 8 bits have a sum of 21 bits, less 2²⁰ at least and 2²⁰ at most.
pub(crate) const RUN: usize = (1 << (20 - 14)) / 4;

/// Whether a core has registers for little more than a sum and where its factors are: the Cortex-M0.
pub(crate) const FEW_REGISTERS: bool = cfg!(all(target_arch = "arm", not(target_has_atomic = "32")));

impl<const P: usize> Plain<P> {
    #[inline(always)]
    pub(crate) fn new() -> Self {
        const { assert!(P == 1 || P == 3) };
        Self { x: [0; 2 * PIECE], offset: 0, quads: 0 }
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
        let [(x, x_rest), (y, y_rest), (z, z_rest)] = [x[0], x[P / 2], x[P - 1]].map(|x| x.as_chunks::<4>());
        let first = first / 4;
        for (i, ((x, y), z)) in x.iter().zip(y).zip(z).enumerate() {
            self.set(first.wrapping_add(i), [x, y, z]);
        }
        if !x_rest.is_empty() {
            let last = [x_rest, y_rest, z_rest].map(|x| [0, 1, 2, 3].map(|at| x.get(at).copied().unwrap_or(0)));
            self.set(first.wrapping_add(x.len()), last.each_ref());
        }
    }

    /// Writes quad `at` of each vector.
    #[inline(always)]
    fn set(&mut self, at: usize, [x, y, z]: [&[i8; 4]; 3]) {
        if P == 1 {
            if let Some(quad) = self.x.as_chunks_mut().0.get_mut(at) {
                *quad = [0, 2, 1, 3].map(|at| i32::from(x[at]));
                self.offset -= quad.iter().sum::<i32>() << 7;
            }
        } else if let Some(quad) = self.x.as_chunks_mut().0.as_chunks_mut().0.get_mut(at) {
            *quad = [[0, 2], [1, 3]].map(|two| {
                let [[a, b], [c, d]] = two.map(|at| {
                    let [x, y, z] = [x, y, z].map(|x| i32::from(x[at]));
                    [x + (y << 21), z + (y << 11)]
                });
                [a, b, c, d]
            });
        }
    }

    /// The inputs of each vector are windows of some rows, so many bytes apart, which begin at `starts` in `x`; rows of a window are multiples
    /// of 4 long.
    #[inline(never)]
    pub(crate) fn put_windows(&mut self, x: &[i8], starts: [usize; P], len: usize, rows: [usize; 2]) {
        each_row(x, starts, len, rows, |first, x| self.put(first, x));
    }

    /// Adds to `sums[row]` the products of each vector with rows of packed weights, modulo 2³². A pair of rows begins `stride` words after
    /// the one before it.
    #[inline(never)]
    pub(crate) fn add_products(&self, weights: &[i32], stride: usize, sums: &mut [[i32; P]]) {
        const { assert!(cfg!(target_endian = "little"), "weights are read byte by byte") };
        let pairs = sums.as_chunks_mut::<2>().0;
        let mut rows = weights;
        if P == 1 {
            let x = self.x.as_chunks().0;
            let x = x.get(..self.quads).unwrap_or(x);
            for sums in pairs {
                let Some(weights) = rows.as_chunks::<2>().0.get(..x.len()) else { return };
                rows = rows.get(stride..).unwrap_or(&[]);
                let [even, odd] = one(x, cast_slice(weights));
                sums[0][0] = sums[0][0].wrapping_add(even.wrapping_add(self.offset));
                sums[1][0] = sums[1][0].wrapping_add(odd);
            }
            return;
        }
        let x = self.x.as_chunks().0.as_chunks().0;
        for x in x.get(..self.quads).unwrap_or(x).chunks(RUN) {
            let (offset, mut rows_now) = (offset(x), rows);
            rows = rows.get(2 * RUN..).unwrap_or(&[]);
            for sums in &mut *pairs {
                let Some(weights) = rows_now.as_chunks::<2>().0.get(..x.len()) else { return };
                rows_now = rows_now.get(stride..).unwrap_or(&[]);
                let mixed = three(x, cast_slice(weights), [offset, [0, 0]]);
                for (sums, mixed) in sums.iter_mut().zip(mixed) {
                    for (sum, part) in sums.iter_mut().zip(apart(mixed)) {
                        *sum = sum.wrapping_sub(part);
                    }
                }
            }
        }
    }
}

/// Calls `step` with each quad and its weights, four quads a turn.
#[inline(always)]
pub(super) fn each<X, W>(x: &[X], weights: &[W], mut step: impl FnMut(&X, &W)) {
    // With loops of its own, a core comes here for what is unusual.
    if DSP || FEW_REGISTERS {
        return x.iter().zip(weights).for_each(|(x, w)| step(x, w));
    }
    let ((x, last), (w, last_w)) = (x.as_chunks::<4>(), weights.as_chunks::<4>());
    let turns = x.len().min(w.len());
    let (mut x, mut w) = (x.get(..turns).unwrap_or(x), w.get(..turns).unwrap_or(w));
    // Without places of their own ad01 takes 17 % more instructions on a Cortex-M3, resnet8 15 %.
    while let ([[x0, x1, x2, x3], more_x @ ..], [[w0, w1, w2, w3], more_w @ ..]) = (placed(x), placed(w)) {
        step(x0, w0);
        step(x1, w1);
        step(x2, w2);
        step(x3, w3);
        (x, w) = (more_x, more_w);
    }
    for (x, w) in last.iter().zip(last_w) {
        step(x, w);
    }
}

/// The products of a vector with both rows, without the offset.
#[inline(always)]
fn one(x: &[[i32; 4]], weights: &[[u8; 8]]) -> [i32; 2] {
    let mut sums = [0, 0];
    each(x, weights, |[x0, x2, x1, x3], w| {
        for ([x, y], [w0, w1, v0, v1]) in [[x0, x2], [x1, x3]].into_iter().zip(w.as_chunks::<4>().0) {
            let [even, odd] = [sums[0] + x * i32::from(*w0), sums[1] + x * i32::from(*w1 as i8)];
            sums = settled([even + y * i32::from(*v0), odd + y * i32::from(*v1 as i8)]);
        }
    });
    sums
}

/// Of three vectors, what makes row 0's sums, mixed, those with weights less 128.
#[inline(always)]
pub(crate) fn offset(x: &[[[i32; 4]; 2]]) -> [i32; 2] {
    x.as_flattened().iter().fold([0_i32; 2], |[left, right], [a, b, c, d]| {
        [left.wrapping_add((a + c) << 7), right.wrapping_add((b + d) << 7)]
    })
}

/// `sums` less the products of three vectors with both rows, mixed.
#[inline(always)]
fn three(x: &[[[i32; 4]; 2]], weights: &[[u8; 8]], mut sums: [[i32; 2]; 2]) -> [[i32; 2]; 2] {
    each(x, weights, |[even, odd], w| {
        let ([a, b], [c, d]) = (halves(even), halves(odd));
        for ([x, y], w) in [a, b, c, d].into_iter().zip(w.as_chunks::<2>().0) {
            for (row, sums) in sums.iter_mut().enumerate() {
                let w = if row == 0 { i32::from(w[0]) } else { i32::from(w[1] as i8) };
                *sums = settled([sums[0].wrapping_sub(x.wrapping_mul(w)), sums[1].wrapping_sub(y.wrapping_mul(w))]);
            }
        }
    });
    sums
}

#[inline(always)]
fn halves([a, b, c, d]: &[i32; 4]) -> [[&i32; 2]; 2] {
    [[a, b], [c, d]]
}

/// The three sums that are mixed in two words, from -2²⁰ to 2²⁰ - 1.
#[inline(always)]
fn apart([left, right]: [i32; 2]) -> [i32; 3] {
    let x = left << 11 >> 11;
    // The lower 11 bits of y, as they are in the other word.
    let lower = left.wrapping_sub(x) as u32 >> 10;
    let z = right.wrapping_sub(lower as i32) << 10 >> 10;
    [x, right.wrapping_sub(z) >> 11, z]
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
        for (outputs, inputs) in [(1, 1), (2, 4), (3, 5), (5, 10), (6, 27), (2, 64), (3, 68), (7, PIECE)] {
            let mut weights = [0; 7 * PIECE];
            weights.iter_mut().for_each(|w| *w = random());
            let mut packed = [0; 4 * PIECE];
            let packed = &mut packed[..packed_len(outputs, inputs)];
            pack(&weights[..outputs * inputs], inputs, packed);
            let mut vectors = Plain::<3>::new();
            let mut alone = Plain::<1>::new();
            vectors.begin(inputs);
            alone.begin(inputs);
            let mut x = [[0; PIECE]; 3];
            for x in &mut x {
                x.iter_mut().for_each(|x| *x = random());
            }
            let middle = inputs / 8 * 4;
            vectors.put(0, x.each_ref().map(|x| &x[..middle]));
            vectors.put(middle, x.each_ref().map(|x| &x[middle..inputs]));
            alone.put(0, [&x[0][..inputs]]);
            let mut sums = [[5, 6, 7]; 8];
            vectors.add_products(packed, words_of_pair(inputs), &mut sums[..outputs.next_multiple_of(2)]);
            let mut of_one = [[5]; 8];
            alone.add_products(packed, words_of_pair(inputs), &mut of_one[..outputs.next_multiple_of(2)]);
            assert!(of_one[..outputs].iter().zip(&sums).all(|(one, two)| one[0] == two[0]));
            for (w, sums) in weights.chunks(inputs).zip(&sums[..outputs]) {
                for (at, sum) in sums.iter().enumerate() {
                    let products = w.iter().zip(&x[at]).map(|(w, x)| i32::from(*w) * i32::from(*x));
                    assert_eq!(*sum, products.sum::<i32>() + 5 + at as i32);
                }
            }
        }
    }
}
