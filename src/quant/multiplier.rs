//! A real factor as an integer and a shift.

use core::ops::RangeInclusive;

/// A real factor above 0, as `mantissa * 2^(shift - 31)`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Multiplier {
    /// From 2³⁰ to 2³¹ - 1, or 0.
    pub mantissa: i32,
    /// From -31 to 30.
    pub shift: i8,
}

impl Multiplier {
    /// The nearest one to `real`: 31 bits, halves up. Factors below 2⁻³² become 0, those of 2³⁰ and more the greatest one.
    pub fn new(real: f64) -> Self {
        let (fraction, shift) = libm::frexp(real);
        let mantissa = libm::round(fraction * (1_u32 << 31) as f64) as i64;
        // What is rounded up to 1 is a half of the next power of two.
        let (mantissa, shift) = if mantissa == 1 << 31 { (1 << 30, shift + 1) } else { (mantissa, shift) };
        match shift {
            _ if mantissa <= 0 => Self { mantissa: 0, shift: 0 },
            ..-31 => Self { mantissa: 0, shift: 0 },
            -31..=30 => Self { mantissa: mantissa as i32, shift: shift as i8 },
            _ => Self { mantissa: i32::MAX, shift: 30 },
        }
    }

    /// The one whose [`once`](Self::once) makes of each sum in `sums` what `f64` makes of it: `sum * real`, rounded to the nearest integer,
    /// halves away from 0; at least where that lies in `results`. `None` if 31 bits are too few for this.
    ///
    /// Both are monotonous, so that it is enough to look at the sums where the result changes.
    pub fn exact(real: f64, sums: RangeInclusive<i32>, results: RangeInclusive<i32>) -> Option<Self> {
        /// Steps from the nearest mantissa. Each moves a result's first sum by 2⁻³⁰ of itself.
        const STEPS: i32 = 16;

        let nearest = Self::new(real);
        let expected = |sum: i64| libm::round(sum as f64 * real) as i64;
        let agrees = |multiplier: &Self| {
            results.clone().all(|result| {
                let about = libm::round((f64::from(result) - 0.5) / real);
                if !(f64::from(*sums.start()) - 2.0..=f64::from(*sums.end()) + 2.0).contains(&about) {
                    return true;
                }
                let mut near = about as i64 - 2..=about as i64 + 2;
                near.all(|sum| match i32::try_from(sum).ok().filter(|sum| sums.contains(sum)) {
                    Some(sum) => {
                        let (found, expected) = (i64::from(multiplier.once(sum)), expected(sum.into()));
                        (found >= result.into()) == (expected >= result.into())
                    }
                    None => true,
                })
            })
        };
        let mut steps = (0..=STEPS).flat_map(|step| [step, -step]);
        steps.find_map(|step| {
            let mantissa = nearest.mantissa.saturating_add(step);
            Some(Self { mantissa, ..nearest }).filter(|multiplier| mantissa >= 0 && agrees(multiplier))
        })
    }

    /// `x` times the factor, rounded twice: to 32 bits of the product, halves up, then to the nearest integer, halves away from 0.
    #[inline(always)]
    pub fn twice(self, x: i32) -> i32 {
        let left = self.shift.max(0).unsigned_abs().into();
        let right = self.shift.min(0).unsigned_abs().into();
        round_shift(high(x.wrapping_shl(left), self.mantissa), right)
    }

    /// `x` times the factor, rounded once to the nearest integer, halves away from 0.
    #[inline(always)]
    pub fn once(self, x: i32) -> i32 {
        let product = i64::from(x) * i64::from(self.mantissa);
        let right = (31 - i32::from(self.shift)).unsigned_abs();
        let half = 1_i64.wrapping_shl(right.wrapping_sub(1)) - i64::from(x < 0);
        (product + half).wrapping_shr(right) as i32
    }
}

/// The upper half of twice the product, rounded to the nearest integer, halves up: `x` times the fraction `mantissa / 2³¹`.
#[inline(always)]
pub(super) fn high(x: i32, mantissa: i32) -> i32 {
    ((i64::from(x) * i64::from(mantissa) + (1 << 30)) >> 31) as i32
}

/// `x / 2^shift`, rounded to the nearest integer, halves away from 0.
#[inline(always)]
pub(super) fn round_shift(x: i32, shift: u32) -> i32 {
    let below = 1_u32.wrapping_shl(shift).wrapping_sub(1) as i32;
    let up = (x & below) > (below >> 1) + i32::from(x < 0);
    x.wrapping_shr(shift) + i32::from(up)
}
