//! Functions of numbers with 16 bits, in fixed point as gemmlowp has them, which LiteRT's recurrent operators compute with.
//!
//! `bits` are those before the point: `x` means `x / 2^(15 - bits)`. Results are fractions of 2¹⁵, 1 being 2¹⁵ − 1.

use super::multiplier::round_shift;

const ONE: i32 = 32_767;

/// The nearest number of 16 bits.
#[inline(always)]
pub(super) fn held(x: i32) -> i16 {
    x.clamp(i16::MIN.into(), i16::MAX.into()) as i16
}

/// `1 / (1 + exp(-x))`, of a number with up to 6 bits before the point.
pub(super) fn logistic(x: i16, bits: u32) -> i16 {
    let y = reciprocal(exp(-i32::from(x).abs(), bits)).saturating_mul(2).min(ONE);
    (match x {
        0 => 1 << 14,
        1.. => y,
        ..0 => ONE - y,
    }) as i16
}

/// Hyperbolic tangent, of a number with up to 6 bits before the point.
pub(super) fn tanh(x: i16, bits: u32) -> i16 {
    if x == 0 {
        return 0;
    }
    // `(1 - e) / (1 + e)` is `2 / (1 + e) - 1`, with `e = exp(-2·|x|)`: the same integer with one bit more before the point.
    let y = (reciprocal(exp(-i32::from(x).abs(), bits + 1)) - (1 << 13)).saturating_mul(4).clamp(-ONE - 1, ONE);
    (if x < 0 { -y } else { y }) as i16
}

/// `exp(x)` for `x` from -2¹⁵ to 0.
///
/// `x` is a multiple of 1/4, and a rest from -1/4 to 0 whose exponential is a polynomial around -1/8; each bit of the multiple is a factor.
fn exp(x: i32, bits: u32) -> i32 {
    /// exp(-2⁻²), exp(-2⁻¹), .. exp(-2⁴)
    const FACTORS: [i32; 7] = [25_520, 19_875, 12_055, 4_435, 600, 11, 0];
    const EIGHTH: i32 = 1 << 12;
    /// exp(-1/8)
    const MIDDLE: i32 = 28_918;
    const THIRD: i32 = 10_923;

    let bits = bits.min(7);
    // Beyond 32, which only so many bits can say.
    if bits > 5 && x < -1 << (20 - bits) {
        return 0;
    }
    if x == 0 {
        return ONE;
    }
    let quarter = 1 << (13 - bits);
    let rest = (x & (quarter - 1)) - quarter;
    let r = (rest << bits) + EIGHTH;
    let r2 = high(r, r);
    let r3 = high(r2, r);
    let r4 = high(r2, r2);
    let polynomial = r + round_shift(high(round_shift(r4, 2) + r3, THIRD) + r2, 1);
    let multiple = rest - x;
    let start = MIDDLE + high(MIDDLE, polynomial);
    FACTORS.iter().take(2 + bits as usize).enumerate().fold(start, |y, (bit, factor)| {
        if multiple >> (13 - bits + bit as u32) & 1 == 1 { high(y, *factor) } else { y }
    })
}

/// `1 / (1 + x)` for `x` from 0 to 1, with 1 bit before the point, by Newton's iteration on the half of the denominator.
fn reciprocal(x: i32) -> i32 {
    /// 48/17, with 2 bits before the point.
    const START: i32 = 23_130;
    /// -32/17, with 2 bits before the point.
    const SLOPE: i32 = -15_420;

    let half = (x + ONE + 1) >> 1;
    let mut y = START + high(half, SLOPE);
    for _ in 0..3 {
        let error = (1 << 13) - high(half, y);
        y += 4 * high(y, error);
    }
    y
}

/// `a` times the fraction `b / 2¹⁵`, rounded to the nearest integer, halves up.
fn high(a: i32, b: i32) -> i32 {
    (a * b + (1 << 14)) >> 15
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn functions_are_near_those_of_numbers() {
        for bits in 0..=6 {
            for x in i16::MIN..=i16::MAX {
                let number = f64::from(x) / f64::from(1 << (15 - bits));
                let near = |found: i16, expected: f64| {
                    let difference = f64::from(found) - expected * 32_768.0;
                    assert!(difference.abs() < 13.0, "{bits} {x}: {found}, {expected}");
                };
                near(logistic(x, bits), 1.0 / (1.0 + (-number).exp()));
                near(tanh(x, bits), number.tanh());
            }
        }
    }
}
