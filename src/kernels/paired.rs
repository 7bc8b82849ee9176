//! Products of integers with two rows of weights at a time.
//!
//! Rows 2p and 2p + 1 share halfwords `(w1 << 8) | (w0 + 128)`: what is loaded once serves both, and a processor with instructions for two
//! halfwords multiplies two inputs by both rows in two of them. Halfwords of four inputs make two words, those of inputs k and k + 2, then
//! of k + 1 and k + 3, as inputs are found in the halves of a word that is expanded with and without a rotation. The rows of a pair are as
//! long as a multiple of 4; to an odd last row belongs one of zeros.

/// Inputs whose products are summed up at a time: with two vectors of them, expanded to 16 bits, what is on the stack is 2 KiB.
pub(crate) const PIECE: usize = 288;

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

/// Vectors that share what is loaded of the weights: as many as there are registers for.
pub(crate) const TOGETHER: usize =
    if cfg!(all(target_arch = "arm", target_os = "none", target_abi = "eabihf")) { 3 } else { 2 };

/// `P` vectors of up to [`PIECE`] inputs, ready for products.
#[cfg(not(all(target_arch = "arm", target_os = "none", target_abi = "eabihf")))]
pub(crate) use Plain as Vectors;

#[cfg(all(target_arch = "arm", target_os = "none", target_abi = "eabihf"))]
pub(crate) use crate::kernels::dsp::Vectors;

/// The plain twin: vectors as they are.
#[cfg_attr(all(target_arch = "arm", target_os = "none", target_abi = "eabihf"), allow(dead_code))]
pub(crate) struct Plain<const P: usize> {
    x: [[i8; PIECE]; P],
    /// Of each vector, the sum times -128.
    offsets: [i32; P],
    /// Length in quads of inputs.
    quads: usize,
}

#[cfg_attr(all(target_arch = "arm", target_os = "none", target_abi = "eabihf"), allow(dead_code))]
impl<const P: usize> Plain<P> {
    #[inline(always)]
    pub(crate) fn new() -> Self {
        Self { x: [[0; PIECE]; P], offsets: [0; P], quads: 0 }
    }

    /// Of each vector, `length` inputs are set from now on, at most [`PIECE`].
    #[inline(always)]
    pub(crate) fn begin(&mut self, length: usize) {
        self.quads = length.div_ceil(4);
        self.offsets = [0; P];
    }

    /// Of vector `at`, the inputs from `first` on are `x`; both are multiples of 4, unless `x` is the last.
    #[inline(always)]
    fn set(&mut self, at: usize, first: usize, x: &[i8]) {
        let (Some(to), Some(offset)) = (self.x.get_mut(at), self.offsets.get_mut(at)) else { return };
        let to = to.get_mut(first..).unwrap_or_default();
        let Some(to) = to.get_mut(..x.len().next_multiple_of(4)) else { return };
        let mut sum = 0;
        for (to, x) in to.iter_mut().zip(x.iter().copied().chain([0; 3])) {
            *to = x;
            sum += i32::from(x);
        }
        *offset -= 128 * sum;
    }

    /// The inputs from `first` on are `x`, as many of each vector; both are multiples of 4, unless `x` are the last ones.
    #[inline(always)]
    pub(crate) fn put(&mut self, first: usize, x: [&[i8]; P]) {
        for (at, x) in x.into_iter().enumerate() {
            self.set(at, first, x);
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
        for ([even, odd], weights) in sums.as_chunks_mut::<2>().0.iter_mut().zip(weights.chunks(stride.max(1))) {
            for (((even, odd), x), offset) in even.iter_mut().zip(odd).zip(&self.x).zip(self.offsets) {
                let [mut s0, mut s1] = [offset, 0];
                let quads = x.as_chunks::<4>().0.iter().take(self.quads);
                for (x, [a, b]) in quads.zip(weights.as_chunks::<2>().0) {
                    let x = x.map(i32::from);
                    s0 += x[0] * (a & 255) + x[1] * (b & 255) + x[2] * (a >> 16 & 255) + x[3] * (b >> 16 & 255);
                    s1 += x[0] * (a << 16 >> 24) + x[1] * (b << 16 >> 24) + x[2] * (a >> 24) + x[3] * (b >> 24);
                }
                *even = even.wrapping_add(s0);
                *odd = odd.wrapping_add(s1);
            }
        }
    }
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
        for (outputs, inputs) in [(1, 1), (2, 4), (3, 5), (5, 10), (6, 27), (7, PIECE)] {
            let mut weights = [0; 7 * PIECE];
            weights.iter_mut().for_each(|w| *w = random());
            let mut packed = [0; 4 * PIECE];
            let packed = &mut packed[..packed_len(outputs, inputs)];
            pack(&weights[..outputs * inputs], inputs, packed);
            let mut vectors = Plain::<2>::new();
            vectors.begin(inputs);
            let mut x = [[0; PIECE]; 2];
            for x in &mut x {
                x.iter_mut().for_each(|x| *x = random());
            }
            let middle = inputs / 8 * 4;
            vectors.put(0, [&x[0][..middle], &x[1][..middle]]);
            vectors.put(middle, [&x[0][middle..inputs], &x[1][middle..inputs]]);
            let mut sums = [[5, 6]; 8];
            vectors.add_products(packed, words_of_pair(inputs), &mut sums[..outputs.next_multiple_of(2)]);
            for (w, sums) in weights.chunks(inputs).zip(&sums[..outputs]) {
                for (at, sum) in sums.iter().enumerate() {
                    let products = w.iter().zip(&x[at]).map(|(w, x)| i32::from(*w) * i32::from(*x));
                    assert_eq!(*sum, products.sum::<i32>() + 5 + at as i32);
                }
            }
        }
    }
}
