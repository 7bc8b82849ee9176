//! The functions that a [`Table`](super::Table) is made of.

use core::f32::consts::{FRAC_1_SQRT_2, FRAC_2_SQRT_PI};

use super::Multiplier;

/// A function of one element, from one quantisation to another.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Function {
    /// The same number: rounded twice ([`Multiplier::twice`]); the quotient of the scales is one of `f64`.
    Requantize,
    /// `x` held between two numbers: as above, but the quotient of the scales is one of `f32`. The bounds are quantised in `f32`, halves away
    /// from 0.
    Clamp {
        /// 0, or -1.
        least: f32,
        /// 1, 6, or infinity.
        greatest: f32,
    },
    /// `x` where it is positive, elsewhere `alpha * x`: each rounded twice ([`Multiplier::twice`]), quotients of `f32`.
    LeakyRelu {
        /// The slope below 0.
        alpha: f32,
    },
    /// `1 / (1 + exp(-x))`: in `f32`, then rounded to the nearest integer, halves away from 0.
    Logistic,
    /// Hyperbolic tangent: in `f32`, then rounded to the nearest integer, halves away from 0.
    Tanh,
    /// `x * min(max(x + 3, 0), 6) / 6`: in fixed point with 16 bits.
    HardSwish,
    /// `x` where it is positive, elsewhere `exp(x) - 1`: as [`Tanh`](Self::Tanh).
    Elu,
    /// `x` times the normal distribution: as [`Tanh`](Self::Tanh).
    Gelu {
        /// By a hyperbolic tangent.
        approximate: bool,
    },
}

/// Scale, zero point and least value (-128 for `i8`, 0 for `u8`) of integers.
type Steps = (f32, i32, i32);

impl Function {
    /// The values of all 256 bytes, for a [`Table`](super::Table).
    pub fn table(self, x: Steps, y: Steps) -> [i8; 256] {
        core::array::from_fn(|byte| {
            let value = if x.2 < 0 { i32::from(byte as u8 as i8) } else { byte as i32 };
            self.of(value - x.1, x.0, y).max(y.2).min(y.2 + 255) as i8
        })
    }

    /// In `f32`; of functions that are computed in integers, `x`.
    pub(crate) fn real(self, x: f32) -> f32 {
        match self {
            Self::Logistic => 1.0 / (1.0 + libm::expf(-x)),
            Self::Tanh => libm::tanhf(x),
            Self::Elu if x < 0.0 => libm::expm1f(x),
            Self::Gelu { approximate: false } => 0.5 * x * libm::erfcf(-x * FRAC_1_SQRT_2),
            Self::Gelu { approximate: true } => {
                let inner = FRAC_2_SQRT_PI * FRAC_1_SQRT_2 * (x + 0.044715 * x * x * x);
                0.5 * x * (1.0 + libm::tanhf(inner))
            }
            _ => x,
        }
    }

    /// Of `x` steps from 0.
    fn of(self, x: i32, scale: f32, (y_scale, y_zero, _): Steps) -> i32 {
        let scaled = |factor: f64| Multiplier::new(factor).twice(x);
        let nearest = |y: f32| (libm::roundf(y * (1.0 / y_scale)) + y_zero as f32) as i32;
        match self {
            Self::Requantize => scaled(f64::from(scale) / f64::from(y_scale)).saturating_add(y_zero),
            Self::Clamp { least, greatest } => {
                let bound = |real: f32| (libm::roundf(real / y_scale) as i32).saturating_add(y_zero);
                let y = scaled((scale / y_scale).into()).saturating_add(y_zero);
                y.max(bound(least)).min(bound(greatest))
            }
            Self::LeakyRelu { alpha } => {
                let y = if x >= 0 {
                    scaled((scale / y_scale).into())
                } else {
                    let y = scaled((scale * alpha / y_scale).abs().into());
                    if alpha < 0.0 { -y } else { y }
                };
                y.saturating_add(y_zero)
            }
            Self::Logistic | Self::Tanh | Self::Elu | Self::Gelu { .. } => nearest(self.real(scale * x as f32)),
            Self::HardSwish => hard_swish(x, scale, y_scale).saturating_add(y_zero),
        }
    }
}

/// The input with 7 more bits is multiplied by the ratio of the scales, and by a slope that grows from 0 at -3 to 1 at 3.
///
/// Multiplications by constants are rounded to the nearest integer, halves up; that of the two is rounded towards 0; the last shift to the
/// nearest integer, halves away from 0.
fn hard_swish(x: i32, scale: f32, y_scale: f32) -> i32 {
    let x = i32::from((x << 7) as i16);
    let fine = scale * (1.0 / 128.0);
    let (factor, shift) = short(fine / y_scale);
    let value = high(x, factor);
    let (slope, slope_shift) = short(fine / (3.0 / 32768.0));
    // The last bit of a shift to the left comes last, since it may saturate.
    let mut ramp = x;
    if slope_shift > 0 {
        ramp = saturated(i64::from(ramp) << (slope_shift - 1).min(31));
    }
    ramp = high(ramp, slope);
    if slope_shift > 0 {
        ramp = saturated(i64::from(ramp) << 1);
    }
    if slope_shift < 0 {
        ramp = round_shift(ramp, slope_shift);
    }
    let ramp = (ramp + (1 << 15)) >> 1;
    round_shift(ramp * value / (1 << 15), shift)
}

/// A factor's upper 15 bits and its shift.
fn short(real: f32) -> (i32, i32) {
    let Multiplier { mantissa, shift } = Multiplier::new(real.into());
    ((mantissa.saturating_add(1 << 15) >> 16).min(i16::MAX.into()), shift.into())
}

fn high(x: i32, factor: i32) -> i32 {
    (x * factor + (1 << 14)) >> 15
}

fn saturated(x: i64) -> i32 {
    x.max(i16::MIN.into()).min(i16::MAX.into()) as i32
}

/// `x * 2^shift` for a negative shift.
fn round_shift(x: i32, shift: i32) -> i32 {
    super::multiplier::round_shift(x, shift.min(0).unsigned_abs())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::quant::{Table, samples};

    #[test]
    fn are_those_of_litert() {
        for (function, y_scale, y_zero, expected) in [
            (Function::Logistic, 1.0 / 256.0, -128, [-127, -122, -92, 3, 95, 122, 127, -127]),
            (Function::Tanh, 1.0 / 128.0, 0, [-128, -128, -121, 6, 122, 127, 127, -128]),
            (Function::Clamp { least: 0.0, greatest: 6.0 }, 0.03, -100, [-100, -100, -100, -98, -37, 25, 87, -100]),
            (Function::HardSwish, 0.03, -50, [-50, -50, -62, -49, 2, 75, 127, -50]),
            (Function::LeakyRelu { alpha: 0.1 }, 0.03, -50, [-68, -62, -56, -48, 13, 75, 127, -68]),
            (Function::Requantize, 0.03, -50, [-128, -128, -110, -48, 13, 75, 127, -128]),
        ] {
            let (values, mut y) = (function.table((0.05, -7, -128), (y_scale, y_zero, -128)), [0; 8]);
            Table { values: &values }.run(&samples::x::<8>(), &mut y);
            assert_eq!(y, expected, "{function:?}");
        }
    }
}
