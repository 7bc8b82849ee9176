//! Sums to bytes, as many side by side as lie in a vector.

use fearless_simd::prelude::*;

/// Lanes of the widest vectors of 32 bits.
pub(crate) const MOST: usize = 16;

/// What belongs to outputs side by side; lanes without an output are 0.
#[derive(Clone, Copy)]
pub(crate) struct Constants {
    pub(super) biases: [i32; MOST],
    mantissas: [i32; MOST],
    shifts: [i32; MOST],
}

impl Constants {
    pub(crate) const ZERO: Self = Self { biases: [0; MOST], mantissas: [0; MOST], shifts: [0; MOST] };

    /// Of one lane: bias, mantissa and shift.
    #[inline(always)]
    pub(super) fn set(&mut self, lane: usize, constants: [i32; 3]) {
        for (lanes, constant) in [&mut self.biases, &mut self.mantissas, &mut self.shifts].into_iter().zip(constants) {
            if let Some(to) = lanes.get_mut(lane) {
                *to = constant;
            }
        }
    }
}

/// Multipliers, ready for sums.
#[derive(Clone, Copy)]
pub(super) struct Multipliers<S: Simd> {
    mantissas: S::i32s,
    left: S::i32s,
    /// Bits to the right, but for the last one.
    right: S::i32s,
    /// Where nothing is shifted to the right.
    whole: S::mask32s,
    zero_point: i32,
    range: [i32; 2],
}

impl<S: Simd> Multipliers<S> {
    /// Results are held in a range of 8 bits.
    #[inline(always)]
    pub(super) fn new(simd: S, constants: &Constants, zero_point: i8, range: [i8; 2]) -> Self {
        let zero_point = zero_point.into();
        let shifts = lanes(simd, &constants.shifts);
        let right = shifts.min(0) * -1;
        Self {
            mantissas: lanes(simd, &constants.mantissas),
            left: shifts.max(0),
            right: (right - 1).max(0),
            whole: right.simd_eq(0),
            zero_point,
            range: range.map(|end| i32::from(end) - zero_point),
        }
    }

    /// A sum times a factor: to 32 bits of the product, halves up, then to the nearest integer, halves away from 0. Then the zero point is
    /// added, and held in the range.
    #[inline(always)]
    pub(super) fn round(&self, sums: S::i32s) -> S::i32s {
        let (low, high) = (sums << self.left).widening_mul(self.mantissas);
        let product = ((low + (1 << 30)) >> 31).narrow((high + (1 << 30)) >> 31);
        let rounded = (((product + (product >> 31)) >> self.right) + 1) >> 1;
        let [least, greatest] = self.range;
        self.whole.select(product, rounded).max(least).min(greatest) + self.zero_point
    }
}

/// The first ones, as many as lie in a vector.
#[inline(always)]
pub(super) fn lanes<S: Simd>(simd: S, values: &[i32; MOST]) -> S::i32s {
    S::i32s::from_slice(simd, &values[..S::i32s::LEN])
}

#[cfg(test)]
mod tests {
    use super::*;
    use fearless_simd::{Level, dispatch};
    use rand_core::{Rng, SeedableRng};
    use rand_pcg::Pcg32;

    #[test]
    fn sums_are_rounded_twice() {
        let mut rng = Pcg32::seed_from_u64(1);
        let level = Level::new();
        for turn in 0..20_000 {
            let shift = [0, 1, -1, -31, 30, (rng.next_u32() % 62) as i8 - 31][turn % 6];
            let mantissa = [1 << 30, i32::MAX, (1 << 30) + (rng.next_u32() >> 2) as i32, 0][turn % 4];
            let any = rng.next_u32() as i32;
            let sum = [i32::MIN, i32::MAX, 0, any, any >> 8, any >> 16, any >> 24][turn % 7];
            let (zero_point, least) = (rng.next_u32() as i8, [-128, -7][turn % 2]);
            let mut constants = Constants::ZERO;
            constants.set(3, [sum, mantissa, shift.into()]);
            let expected = twice(sum, mantissa, shift).saturating_add(zero_point.into());
            let made = |made: i32| assert_eq!(made, expected.max(least.into()).min(127), "{sum} {mantissa} {shift}");
            dispatch!(level, simd => made(round(simd, &constants, zero_point, [least, 127])));
            if let Some(avx2) = level.as_avx2() {
                made(round(avx2, &constants, zero_point, [least, 127]));
            }
            if let Some(sse2) = level.as_sse2() {
                made(round(sse2, &constants, zero_point, [least, 127]));
            }
        }
    }

    /// To 32 bits of the product, halves up, then to the nearest integer, halves away from 0.
    fn twice(sum: i32, mantissa: i32, shift: i8) -> i32 {
        let sum = sum.wrapping_shl(shift.max(0).unsigned_abs().into());
        let product = (i64::from(sum) * i64::from(mantissa) + (1 << 30)) >> 31;
        let right = i32::from(-shift.min(0));
        (product as f64 / 2.0_f64.powi(right)).round() as i32
    }

    /// Lane 3, whose sum is the bias.
    fn round<S: Simd>(simd: S, constants: &Constants, zero_point: i8, range: [i8; 2]) -> i32 {
        Multipliers::new(simd, constants, zero_point, range).round(lanes(simd, &constants.biases))[3]
    }
}
