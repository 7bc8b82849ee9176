//! Products of one vector with two rows of packed weights at a time, on cores that load a byte with its sign in one instruction.
//!
//! Inputs are read as they lie in memory: nothing is expanded, cleared or kept.

use bytemuck::cast_slice;

use super::order::settled;
use super::paired::each;

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

    /// With a pair of rows.
    #[inline(never)]
    pub(crate) fn products(&self, weights: &[i32]) -> [i32; 2] {
        const { assert!(cfg!(target_endian = "little"), "weights are read byte by byte") };
        let weights: &[[u8; 8]] = cast_slice(weights.as_chunks::<2>().0);
        let mut sums = [self.offset, 0];
        let Some((weights, rest)) = weights.split_at_checked(self.quads.len()) else { return sums };
        each(self.quads, weights, |x, w| sums = add_quad(sums, x, w));
        match rest.first() {
            Some(w) => add_quad(sums, &self.last, w),
            None => sums,
        }
    }
}

/// The sums and the products of four inputs.
#[inline(always)]
fn add_quad(mut sums: [i32; 2], [x0, x1, x2, x3]: &[i8; 4], weights: &[u8; 8]) -> [i32; 2] {
    for ([x, y], [w0, w1, v0, v1]) in [[x0, x2], [x1, x3]].into_iter().zip(weights.as_chunks::<4>().0) {
        let [x, y] = [x, y].map(|x| i32::from(*x));
        let [even, odd] = [sums[0] + x * i32::from(*w0), sums[1] + x * i32::from(*w1 as i8)];
        sums = settled([even + y * i32::from(*v0), odd + y * i32::from(*v1 as i8)]);
    }
    sums
}
