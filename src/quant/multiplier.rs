//! A real factor as an integer and a shift.

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
