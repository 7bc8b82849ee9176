//! A real factor as an integer and a shift.

use core::ops::RangeInclusive;

use crate::kernels::paired::FEW_REGISTERS;

/// Bits of a rest.
const REST: u32 = 22;

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

    /// The one, and the rest of its mantissa, whose [`once`](Self::once) makes of each sum in `sums` what `f64` makes of it: `sum * real`,
    /// rounded to the nearest integer, halves away from 0; at least where that lies in `results`. The rest is 0 if a mantissa of 31 bits
    /// does, as for almost all factors above 10⁻⁴; otherwise both are the mantissa of the `f64`.
    ///
    /// Both are monotonous, so that it is enough to look at the sums where the result changes. Where negative sums make halves, a greater
    /// mantissa does, and so a device need not tell halves from others.
    pub fn exact(real: f64, sums: RangeInclusive<i32>, results: RangeInclusive<i32>) -> (Self, u32) {
        /// From the nearest mantissa. Each step moves the sums where results change by 2⁻³⁰ of themselves.
        const STEPS: i32 = 16;

        let expected = |sum: i32| libm::round(f64::from(sum) * real);
        let agrees = |multiplier: &Self| {
            results.clone().all(|result| {
                let about = libm::round((f64::from(result) - 0.5) / real);
                if !(f64::from(*sums.start()) - 2.0..=f64::from(*sums.end()) + 2.0).contains(&about) {
                    return true;
                }
                let mut near = (about as i64 - 2..=about as i64 + 2).filter_map(|sum| i32::try_from(sum).ok());
                near.all(|sum| {
                    !sums.contains(&sum) || (multiplier.once(sum, 0) >= result) == (expected(sum) >= result.into())
                })
            })
        };
        let nearest = Self::new(real);
        let steps = (0..=STEPS).flat_map(|step| [step, -step]);
        let mut near = steps.map(|step| Self { mantissa: nearest.mantissa.saturating_add(step), ..nearest });
        if let Some(found) = near.find(|multiplier| multiplier.mantissa >= 0 && agrees(multiplier)) {
            return (found, 0);
        }
        let (fraction, shift) = libm::frexp(real);
        let whole = (fraction * (1_u64 << (31 + REST)) as f64) as u64;
        let multiplier = Self { mantissa: (whole >> REST) as i32, shift: shift.clamp(-31, 30) as i8 };
        (multiplier, whole as u32 & ((1 << REST) - 1))
    }

    /// `x` times the factor, rounded twice: to 32 bits of the product, halves up, then to the nearest integer, halves away from 0.
    #[inline(always)]
    pub fn twice(self, x: i32) -> i32 {
        let left = self.shift.max(0).unsigned_abs().into();
        let right = self.shift.min(0).unsigned_abs().into();
        round_shift(high(x.wrapping_shl(left), self.mantissa), right)
    }

    /// [`twice`](Self::twice) of a factor below 1/2, as almost all of sums are, on a device: half of the instructions. On a desktop, whose
    /// vectors have no branches, of none.
    #[inline(always)]
    pub(super) fn lessened(self, x: i32) -> Option<i32> {
        (cfg!(target_os = "none") && self.shift < 0).then(|| self.lessen(x))
    }

    /// [`twice`](Self::twice) with a shift below 0.
    #[inline(always)]
    fn lessen(self, x: i32) -> i32 {
        let product = high(x, self.mantissa);
        ((product + (product >> 31)).wrapping_shr(!i32::from(self.shift) as u32) + 1) >> 1
    }

    /// [`twice`](Self::twice) of what is not [lessened](Self::lessened).
    #[cfg_attr(target_os = "none", cold, inline(never))]
    #[cfg_attr(not(target_os = "none"), inline(always))]
    pub(super) fn not_lessened(self, x: i32) -> i32 {
        self.twice(x)
    }

    /// `zero_point` and what both [`twice`](Self::twice) and [`once`](Self::once) make of `x`, if 16 bits of both factors tell: as they do of
    /// 95 % of the sums that make 8 bits, in half of the instructions. For a core without products of 64 bits.
    ///
    /// With n = -shift, k = n - 6 and units of 2⁻²¹: `x / 2^k` is X + e, e in [0, 1), and `mantissa / 2¹⁶` is M + d, |d| <= 1/2. So their
    /// product is X·M and from -2¹⁴ (X·d) to less than 2¹⁴ + 2¹⁵ (e·(M + d)). Where `twice` rounds it for the first time, it changes by
    /// `2^(20 - n)`, 2¹⁴ at most. If no half between two integers lies from 2¹⁵ below X·M to 2¹⁶ above it, all that lies there is rounded
    /// to the same one.
    #[inline(always)]
    pub(super) fn of_16_bits(self, x: i32, zero_point: i32) -> Option<i32> {
        let k = (-6 - i32::from(self.shift)) as u32;
        if k > 25 || self.mantissa < 0 {
            return None;
        }
        let x = x >> k;
        if x != i32::from(x as i16) {
            return None;
        }
        let mantissa = ((self.mantissa >> 15) + 1) >> 1;
        // X·M takes 31 bits, the zero point 29.
        let most = x.wrapping_mul(mantissa).wrapping_add((zero_point << 21) + (1 << 20) + (1 << 16) - 1);
        ((most << 11) as u32 >= 3 << 26).then_some(most >> 21)
    }

    /// `x` times the factor, rounded once to the nearest integer, halves up. With a `rest`, which are 22 more bits of the mantissa, the product
    /// is rounded to 53 bits before, halves to even, as in `f64`, then halves away from 0.
    #[inline(always)]
    pub fn once(self, x: i32, rest: u32) -> i32 {
        let right = (31 - i32::from(self.shift)).unsigned_abs();
        if rest > 0 {
            return self.as_f64(x, rest, right + REST);
        }
        if right > 32 {
            // No more than the upper half of the product is left.
            return (upper(x, self.mantissa) + 1_i32.wrapping_shl(right - 33)).wrapping_shr(right - 32);
        }
        let half = 1_i64.wrapping_shl(right.wrapping_sub(1));
        (i64::from(x) * i64::from(self.mantissa) + half).wrapping_shr(right) as i32
    }

    /// [`once`](Self::once) of a factor below 1/4, without a rest, and the zero point.
    #[inline(always)]
    pub(super) fn lessened_once(self, zero_point: i8) -> Option<impl Fn(i32) -> i32> {
        let (right, addend) = ((-2 - i32::from(self.shift)) as u32, 2 * i32::from(zero_point) + 1);
        (self.shift < -1).then_some(move |x| (upper(x, self.mantissa).wrapping_shr(right) + addend) >> 1)
    }

    #[cold]
    #[inline(never)]
    fn as_f64(self, x: i32, rest: u32, right: u32) -> i32 {
        let mantissa = u128::from(self.mantissa.unsigned_abs()) << REST | u128::from(rest);
        let product = u128::from(x.unsigned_abs()) * mantissa;
        let surplus = 75_u32.saturating_sub(product.leading_zeros());
        let odd = product.wrapping_shr(surplus) & 1;
        let nearly_half = 1_u128.wrapping_shl(surplus).wrapping_sub(1) >> 1;
        let rounded = product.wrapping_add(nearly_half + if surplus > 0 { odd } else { 0 }).wrapping_shr(surplus);
        let y = (rounded.wrapping_shl(surplus) + 1_u128.wrapping_shl(right.wrapping_sub(1))).wrapping_shr(right) as i32;
        if x < 0 { y.wrapping_neg() } else { y }
    }
}

/// The upper half of twice the product, rounded to the nearest integer, halves up: `x` times the fraction `mantissa / 2³¹`.
#[inline(always)]
pub(super) fn high(x: i32, mantissa: i32) -> i32 {
    match SHORT {
        false => high_of_any(x, mantissa),
        true if takes_32_bits(x) => rarely(high_of_any, x, mantissa),
        true => high_of_halves(x, mantissa),
    }
}

/// The upper half of the product.
#[inline(always)]
fn upper(x: i32, mantissa: i32) -> i32 {
    match SHORT {
        false => upper_of_any(x, mantissa),
        true if takes_32_bits(x) => rarely(upper_of_any, x, mantissa),
        true => upper_of_halves(x, mantissa),
    }
}

/// Whether there is no product of 64 bits: on a Cortex-M0.
pub(super) const SHORT: bool = FEW_REGISTERS;

#[inline(always)]
fn takes_32_bits(x: i32) -> bool {
    (x ^ (x << 1)) < 0
}

/// `f`, out of the way.
#[cold]
#[inline(never)]
fn rarely(f: impl Fn(i32, i32) -> i32, x: i32, mantissa: i32) -> i32 {
    f(x, mantissa)
}

#[inline(always)]
fn high_of_any(x: i32, mantissa: i32) -> i32 {
    ((i64::from(x) * i64::from(mantissa) + (1 << 30)) >> 31) as i32
}

#[inline(always)]
fn upper_of_any(x: i32, mantissa: i32) -> i32 {
    ((i64::from(x) * i64::from(mantissa)) >> 32) as i32
}

/// [`high`], with products of 32 bits, of an `x` that takes 31.
#[inline(always)]
fn high_of_halves(x: i32, mantissa: i32) -> i32 {
    let [upper, middle, lower] = of_halves(x, mantissa);
    2 * upper + ((middle + (lower >> 16) + (1 << 14)) >> 15)
}

/// [`upper`], with products of 32 bits, of an `x` that takes 31.
#[inline(always)]
fn upper_of_halves(x: i32, mantissa: i32) -> i32 {
    let [upper, middle, lower] = of_halves(x, mantissa);
    upper + ((middle + (lower >> 16)) >> 16)
}

/// The product as `upper * 2³² + middle * 2¹⁶ + lower`. Lower halves of factors are from -2¹⁵ on, so that the two products in the middle
/// have a sum of 32 bits.
#[inline(always)]
fn of_halves(x: i32, mantissa: i32) -> [i32; 3] {
    let [x_low, m_low] = [x, mantissa].map(|x| i32::from(x as i16));
    let (x_high, m_high) = ((x - x_low) >> 16, ((mantissa >> 15) + 1) >> 1);
    [x_high * m_high, x_low * m_high + x_high * m_low, x_low * m_low]
}

/// `x / 2^shift`, rounded to the nearest integer, halves away from 0; `x` is not the least integer.
#[inline(always)]
pub(super) fn round_shift(x: i32, shift: u32) -> i32 {
    match shift {
        0 => x,
        _ => ((x + (x >> 31)).wrapping_shr(shift - 1) + 1) >> 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_one_is_taken() {
        assert_eq!(Multiplier::new(1.0), Multiplier { mantissa: 1 << 30, shift: 1 });
        assert_eq!(Multiplier::new(0.75), Multiplier { mantissa: 3 << 29, shift: 0 });
        assert_eq!(Multiplier::new(1.0 - 1e-12), Multiplier { mantissa: 1 << 30, shift: 1 });
        assert_eq!(Multiplier::new(1e-10), Multiplier { mantissa: 0, shift: 0 });
        assert_eq!(Multiplier::new(0.0), Multiplier { mantissa: 0, shift: 0 });
    }

    #[test]
    fn halves_are_rounded_up_once_and_away_from_0_twice() {
        for (x, expected) in [(1, 1), (-1, 0), (3, 2), (-3, -1), (2, 1), (-2, -1)] {
            assert_eq!(Multiplier::new(0.5).once(x, 0), expected);
        }
        // The first time up, to the half that is rounded the second time.
        for (x, expected) in [(2, 1), (-2, -1), (6, 2), (-6, -2), (7, 2), (-7, -2), (5, 2), (-5, -1)] {
            assert_eq!(Multiplier::new(0.25).twice(x), expected);
        }
    }

    #[test]
    fn the_steps_are_exact() {
        let mut seed = 1_u32;
        for _ in 0..100_000 {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let mantissa = (seed ^ seed >> 15) as i32 & i32::MAX;
            for x in [seed as i32, seed as i32 >> (seed >> 27), i32::MIN, i32::MAX] {
                let t = high(x, mantissa);
                assert_eq!(i64::from(t), (i64::from(x) * i64::from(mantissa) + (1 << 30)) >> 31);
                for mantissa in [mantissa, -mantissa, mantissa | 0x7fff_8000, mantissa & !0x7fff] {
                    for x in [x >> 1, (x >> 1) & !0x7fff, x >> 16] {
                        assert!(!takes_32_bits(x));
                        assert_eq!(high_of_halves(x, mantissa), high(x, mantissa), "{x} {mantissa}");
                        assert_eq!(upper_of_halves(x, mantissa), upper(x, mantissa), "{x} {mantissa}");
                    }
                }
                let lessening = Multiplier { mantissa, shift: !(seed >> 11) as i8 | -32 };
                assert_eq!(lessening.lessen(x), lessening.twice(x));
                let shift = seed >> 11 & 31;
                let away = (i64::from(t).abs() + (1_i64 << shift >> 1)) >> shift;
                assert_eq!(i64::from(round_shift(t, shift)), away * i64::from(t).signum(), "{t} {shift}");
            }
        }
    }

    #[test]
    fn where_16_bits_tell_the_result_is_the_exact_one() {
        let (mut seed, mut told, mut all) = (1_u32, 0, 0);
        let mut random = || {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            seed ^ seed >> 15
        };
        for turn in 0..60_000 {
            let usual = random() as i32 & i32::MAX | 1 << 30;
            let mantissa = [usual, usual, i32::MAX, 1 << 30, random() as i32][turn % 5];
            let multiplier = Multiplier { mantissa, shift: -((turn % 33) as i8) + 1 };
            // Near a half between two integers, and anything.
            let half = f64::from(random() as i32 >> 23) + 0.5;
            let real = f64::from(mantissa | 1) * libm::exp2(f64::from(multiplier.shift) - 31.0);
            let near = (half / real) as i32;
            let steps = 1_i32.checked_shl((turn % 33 / 3) as u32).unwrap_or(1);
            let around = [-1, 0, 1, steps, -steps].map(|step| near.saturating_add(step));
            for x in
                around.into_iter().chain([random() as i32, random() as i32 >> (random() >> 27), i32::MIN, i32::MAX])
            {
                let zero_point = random() as i8;
                let Some(y) = multiplier.of_16_bits(x, zero_point.into()) else { continue };
                assert_eq!(y, multiplier.twice(x) + i32::from(zero_point), "{multiplier:?} {x}");
                assert_eq!(y, multiplier.once(x, 0) + i32::from(zero_point), "{multiplier:?} {x}");
                assert_eq!(y, multiplier.once(x, (1 << REST) - 1) + i32::from(zero_point), "{multiplier:?} {x}");
            }
            if mantissa >= 1 << 30 && multiplier.shift <= -6 {
                let x = (f64::from(random() as i32 >> 23) / real) as i32;
                told += usize::from(multiplier.of_16_bits(x, 0).is_some());
                all += 1;
            }
        }
        assert!(told * 100 > all * 94, "{told} of {all}");
    }

    #[test]
    fn the_exact_one_makes_of_sums_what_f64_makes_of_them() {
        let (mut apart, mut rests) = (0, 0);
        let near = (0..400).map(|step| 1.3e-5 * (1.0 + f64::from(step) / 400.0));
        // Of powers of two, and of three times them, many sums make halves.
        for real in near.chain((0..20).flat_map(|n| [1.0, 3.0].map(|few| few * libm::exp2(f64::from(-n))))) {
            let (exact, rest) = Multiplier::exact(real, -(1 << 24)..=1 << 24, -128..=127);
            apart += usize::from(exact != Multiplier::new(real));
            rests += usize::from(rest > 0);
            for result in -128..=127 {
                let near = ((f64::from(result) - 0.5) / real).round() as i32;
                for sum in near - 2..=near + 2 {
                    assert_eq!(exact.once(sum, rest), (f64::from(sum) * real).round() as i32, "{real} {sum}");
                }
            }
        }
        // The nearest one is not always exact, and 31 bits are not always enough.
        assert!(rests > 0 && apart > rests);
    }
}
