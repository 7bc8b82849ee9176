//! Softmax.

use super::Multiplier;
use super::multiplier::{high, round_shift};

/// `exp(beta * x)` divided by its sum, over vectors. The output's scale is 1/256, its zero point -128.
///
/// In fixed point throughout: the differences to the largest element have 5 bits before the point, their exponentials none, their sum 12.
#[derive(Clone, Copy, Debug)]
pub struct Softmax {
    /// Elements of a vector.
    pub len: usize,
    /// `beta` times the scale of the input times 2²⁶.
    pub multiplier: Multiplier,
    /// Elements that are this much less than the largest one, or more, count as 0 (exclusive, negative).
    pub least: i32,
}

impl Softmax {
    /// Of inputs of this scale.
    pub fn new(len: usize, beta: f32, scale: f32) -> Self {
        let real = f64::from(beta) * f64::from(scale) * f64::from(1 << 26);
        let multiplier = Multiplier::new(real.min(f64::from(i32::MAX)));
        // 31 in fixed point with 5 bits before the point, as far as the multiplier's shift leaves it.
        let least = -((31_i64 << 26).wrapping_shr(multiplier.shift.max(0).unsigned_abs().into()) as i32);
        Self { len, multiplier, least }
    }

    /// `x` and `y`: `[n, len]`.
    #[inline(never)]
    pub fn run(&self, x: &[i8], y: &mut [i8]) {
        let len = self.len.max(1);
        for (x, y) in x.chunks_exact(len).zip(y.chunks_exact_mut(len)) {
            let largest = x.iter().copied().max().unwrap_or(0);
            let sum =
                x.iter().fold(0_i32, |sum, x| sum.wrapping_add(round_shift(self.exp(*x, largest).unwrap_or(0), 12)));
            // The sum is `2^(12 - zeros) * (1 + fraction)`.
            let zeros = sum.leading_zeros();
            let fraction = (sum as u32).wrapping_shl(zeros).wrapping_sub(1 << 31) as i32;
            let scale = reciprocal(fraction);
            let shift = 35_u32.wrapping_sub(zeros).min(31);
            for (y, x) in y.iter_mut().zip(x) {
                let share = self.exp(*x, largest).map_or(0, |exp| round_shift(high(scale, exp), shift));
                *y = (share - 128).clamp(-128, 127) as i8;
            }
        }
    }

    /// Of the difference; `None` if it counts as 0.
    #[inline(never)]
    fn exp(&self, x: i8, largest: i8) -> Option<i32> {
        let difference = i32::from(x) - i32::from(largest);
        (difference >= self.least).then(|| exp(self.multiplier.twice(difference)))
    }
}

/// `exp(x)` for `x` from -32 to 0, with 5 bits before the point, as a fraction of 2³¹.
///
/// `x` is a multiple of 1/4, and a rest from -1/4 to 0 whose exponential is a polynomial around -1/8; each bit of the multiple is a factor.
fn exp(x: i32) -> i32 {
    /// exp(-2⁻²), exp(-2⁻¹), .. exp(-2⁴)
    const FACTORS: [i32; 7] = [1_672_461_947, 1_302_514_674, 790_015_084, 290_630_308, 39_332_535, 720_401, 242];
    const QUARTER: i32 = 1 << 24;
    const EIGHTH: i32 = 1 << 28;
    /// exp(-1/8)
    const MIDDLE: i32 = 1_895_147_668;
    const THIRD: i32 = 715_827_883;

    if x == 0 {
        return i32::MAX;
    }
    let rest = (x & (QUARTER - 1)) - QUARTER;
    let r = (rest << 5) + EIGHTH;
    let r2 = high(r, r);
    let r3 = high(r2, r);
    let r4 = high(r2, r2);
    let polynomial = r + round_shift(high(round_shift(r4, 2) + r3, THIRD) + r2, 1);
    let multiple = rest.wrapping_sub(x);
    let start = MIDDLE + high(MIDDLE, polynomial);
    FACTORS.iter().enumerate().fold(start, |y, (bit, factor)| {
        if multiple.wrapping_shr(24 + bit as u32) & 1 == 1 { high(y, *factor) } else { y }
    })
}

/// `1 / (1 + x)` for `x` from 0 to 1, both fractions of 2³¹, by Newton's iteration on the half of the denominator.
#[inline(always)]
fn reciprocal(x: i32) -> i32 {
    /// 48/17, with 2 bits before the point.
    const START: i32 = 1_515_870_810;
    /// -32/17, with 2 bits before the point.
    const SLOPE: i32 = -1_010_580_540;

    let half = ((i64::from(x) + i64::from(i32::MAX) + 1) >> 1) as i32;
    let start = START.wrapping_add(high(half, SLOPE));
    (0..3).fold(start, |y, _| newton(half, y)).saturating_mul(2)
}

/// `y` and what is missing to `1 / half`, about; both with 2 bits before the point.
#[inline(never)]
fn newton(half: i32, y: i32) -> i32 {
    const ONE: i32 = 1 << 29;
    let error = ONE.wrapping_sub(high(half, y));
    y.wrapping_add(high(y, error).saturating_mul(4))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::quant::samples;

    #[test]
    fn is_that_of_litert() {
        let mut y = [0; 12];
        Softmax::new(6, 1.0, 0.02).run(&samples::x::<12>(), &mut y);
        assert_eq!(y, [-125, -121, -113, -97, -63, 7, 48, -126, -123, -118, -108, -85]);
    }
}
