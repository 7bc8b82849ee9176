//! Products of one vector with four rows of weights at a time.
//!
//! Of each four rows, two [pairs](super::paired) lie together: a quad of inputs has four words, by turns one of either pair. The last two rows,
//! or the last one, are a pair alone. Fours take as many words as pairs.
//!
//! The loop here is for cores that load a byte with its sign in one instruction. Inputs are read as they lie in memory: nothing is expanded,
//! cleared or kept.

use bytemuck::cast_slice;

use super::order::settled;
use super::paired::{each, pack, word_of, words_of_pair};

/// Words of four rows.
pub(crate) const fn words_of_four(inputs: usize) -> usize {
    words_of_pair(inputs).saturating_mul(2)
}

/// Packs weights `[outputs, inputs]` of a matrix product, on a host, into [`packed_len`](super::paired::packed_len) words.
pub fn pack_fours(weights: &[i8], inputs: usize, packed: &mut [i32]) {
    let fours = packed.chunks_mut(words_of_four(inputs).max(1));
    for (four, rows) in fours.zip(weights.chunks(inputs.saturating_mul(4).max(1))) {
        match rows.get(2 * inputs..) {
            None | Some([]) => pack(rows, inputs, four),
            Some(other) => {
                for (i, words) in four.as_chunks_mut().0.iter_mut().enumerate() {
                    *words = [rows, other].map(|rows| word_of(rows, inputs, i));
                }
            }
        }
    }
}

/// A vector.
pub(crate) struct Bytes<'x> {
    quads: &'x [[i8; 4]],
    /// What lies behind the quads, and zeros.
    last: [i8; 4],
    /// The sum times -128.
    offset: i32,
}

impl<'x> Bytes<'x> {
    #[inline(always)]
    pub(crate) fn new(x: &'x [i8]) -> Self {
        let (quads, rest) = x.as_chunks();
        let last = [0, 1, 2, 3].map(|at| rest.get(at).copied().unwrap_or(0));
        Self { quads, last, offset: x.iter().fold(0, |sum, x| sum + i32::from(*x)) * -128 }
    }

    /// With four rows, which share what is loaded of the vector: with a pair after the other ad01 takes 11 % more instructions on a Cortex-M3,
    /// 9 % on RISC-V.
    #[inline(always)]
    pub(crate) fn with_four(&self, rows: &[i32]) -> [i32; 4] {
        let [[a, b], [c, d]] = self.products::<2, 8>(rows);
        [a, b, c, d]
    }

    /// With a pair of rows.
    #[inline(always)]
    pub(crate) fn with_pair(&self, rows: &[i32]) -> [i32; 2] {
        let [sums] = self.products::<1, 4>(rows);
        sums
    }

    /// With some pairs of rows that lie together, of which two inputs have so many bytes.
    #[inline(always)]
    fn products<const PAIRS: usize, const BYTES: usize>(&self, rows: &[i32]) -> [[i32; 2]; PAIRS] {
        const { assert!(cfg!(target_endian = "little"), "weights are read byte by byte") };
        let mut sums = [[self.offset, 0]; PAIRS];
        let rows: &[[[u8; BYTES]; 2]] = cast_slice(rows.as_chunks::<2>().0).as_chunks::<BYTES>().0.as_chunks().0;
        let Some((rows, last)) = rows.split_at_checked(self.quads.len()) else { return sums };
        each(self.quads, rows, |x, weights| sums = add_quad(sums, x, weights));
        match last {
            [last, ..] => add_quad(sums, &self.last, last),
            [] => sums,
        }
    }
}

/// The sums and the products of four inputs.
#[inline(always)]
fn add_quad<const PAIRS: usize, const BYTES: usize>(
    mut sums: [[i32; 2]; PAIRS],
    [x0, x1, x2, x3]: &[i8; 4],
    weights: &[[u8; BYTES]; 2],
) -> [[i32; 2]; PAIRS] {
    for ([x, y], weights) in [[x0, x2], [x1, x3]].into_iter().zip(weights) {
        let [x, y] = [x, y].map(|x| i32::from(*x));
        for (sums, [w0, w1, v0, v1]) in sums.iter_mut().zip(weights.as_chunks::<4>().0) {
            let [even, odd] = [sums[0] + x * i32::from(*w0), sums[1] + x * i32::from(*w1 as i8)];
            *sums = settled([even + y * i32::from(*v0), odd + y * i32::from(*v1 as i8)]);
        }
    }
    sums
}
