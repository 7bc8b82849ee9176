//! Sums to bytes, by a multiplier that is looked at once for several of them.

use super::Multiplier;

/// A factor of 1/4 at most and a zero point, ready for sums.
pub(super) struct Lessening {
    /// Twice the mantissa, less 2³².
    mantissa: i32,
    /// Bits to the right, but for the last one: 1 at least.
    right: u32,
    /// What is added before the last bit goes: a half, and the zero point.
    addend: i32,
}

impl Lessening {
    /// `None` if the factor is not in the usual range.
    #[inline(always)]
    pub(super) fn new(Multiplier { mantissa, shift }: Multiplier, zero_point: i8) -> Option<Self> {
        let (doubled, shift) = (mantissa << 1, i32::from(shift));
        // From 2³⁰ to 2³¹ - 1, two bits to the right at least.
        let usual = (shift + 1) & !mantissa & doubled < 0;
        usual.then(|| Self { mantissa: doubled, right: !shift as u32, addend: 2 * i32::from(zero_point) + 1 })
    }

    /// [`Multiplier::twice`] and the zero point, held within 8 bits.
    #[inline(always)]
    pub(super) fn of(&self, sum: i32) -> i8 {
        // The upper half of twice the product, halves up, and 1 less if it is negative: what makes it so belongs to the sum's upper half.
        let start = i64::from(sum.wrapping_add(sum >> 31)) << 32 | 1 << 31;
        let product = (start.wrapping_add(i64::from(sum) * i64::from(self.mantissa)) >> 32) as i32;
        ((product.wrapping_shr(self.right) + self.addend) >> 1).clamp(i8::MIN.into(), i8::MAX.into()) as i8
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::quant::samples;
    use rand_core::{Rng, SeedableRng};
    use rand_pcg::Pcg32;

    #[test]
    fn random_sums_are_rounded_twice() {
        let mut rng = Pcg32::seed_from_u64(5);
        for turn in 0..20_000 {
            let mantissa = [1 << 30, i32::MAX, (1 << 30) + (rng.next_u32() >> 2) as i32][turn % 3];
            let multiplier = Multiplier { mantissa, shift: -(samples::between(&mut rng, 2, 31) as i8) };
            let zero_point = rng.next_u32() as i8;
            let Some(ready) = Lessening::new(multiplier, zero_point) else { panic!("{multiplier:?} is a usual one") };
            let any = rng.next_u32() as i32;
            for sum in [i32::MIN, i32::MAX, 0, -1, 1, any, any >> 8, any >> 16, any >> 24] {
                let expected = samples::twice(multiplier, sum.into()) + i64::from(zero_point);
                assert_eq!(i64::from(ready.of(sum)), expected.clamp(-128, 127), "{multiplier:?} {sum}");
            }
        }
    }

    #[test]
    fn other_factors_are_left_to_others() {
        for (mantissa, shift) in [(1 << 30, -1), (1 << 30, 0), (i32::MAX, 7), (0, 0), ((1 << 30) - 1, -9), (-1, -9)] {
            assert!(Lessening::new(Multiplier { mantissa, shift }, 0).is_none());
        }
    }
}
