//! The scalar type of a network: `f32` on a device, `f64` where gradients are checked.

use core::fmt::Debug;
use core::ops::Neg;

use num_traits::NumAssign;

use crate::numbers::Scalar;
use crate::numbers::elementary::{exp, ln, tanh};

/// A real scalar. Implemented for `f32` and `f64`.
///
/// Every function gives the same bits on every target: `+ − × ÷ √` are correctly rounded by IEEE 754, and all others are computed
/// in software from those, by [`libm`] or here. That is why this is not `num_traits::Float`, which calls the platform's
/// own functions wherever a crate in the build turns `std` on.
///
/// The errors below are the worst of all arguments, beside the `f64` value:
/// `cargo test --release --lib every_argument -- --ignored --nocapture` prints them.
pub trait Real:
    Scalar<Float = Self>
    + NumAssign
    + Neg<Output = Self>
    + Copy
    + PartialOrd
    + Debug
    + serde::Serialize
    + serde::de::DeserializeOwned
{
    /// One.
    const ONE: Self;
    /// What a sum starts from: −0, since `−0 + x` is `x` for every `x` (and `0 + x` is not for −0), so that nothing need be added.
    const EMPTY_SUM: Self;
    /// What optimizers default to, here because [`of`](Self::of) is no `const fn` and an optimizer is to be made in a `static`.
    const DEFAULTS: Defaults<Self>;
    /// Names the type in a weights file: its size in bytes.
    const TAG: u8 = size_of::<Self>() as u8;

    /// The nearest value to `x`.
    fn of(x: f64) -> Self;
    /// The same value in `f64`, exactly.
    fn to_f64(self) -> f64;
    /// `eˣ`. For `f32` within 0.895 units in the last place (ULP) between −87 and 88, and held at the values there beyond (so never 0 or ∞).
    fn exp(self) -> Self;
    /// `eˣ − 1`, exact also near 0.
    fn exp_m1(self) -> Self;
    /// Natural logarithm. For `f32` within 0.887 ULP.
    fn ln(self) -> Self;
    /// `ln(1 + x)`, exact also near 0.
    fn ln_1p(self) -> Self;
    /// Square root, correctly rounded: the bits are the same with the feature `std`, which makes it the processor's.
    fn sqrt(self) -> Self;
    /// Cosine of an angle in radians.
    fn cos(self) -> Self;
    /// Hyperbolic tangent. For `f32` within 1.325 ULP.
    fn tanh(self) -> Self;
    /// The error function, `2/√π · ∫₀ˣ e^−t² dt`.
    fn erf(self) -> Self;
    /// Neither infinite nor NaN.
    fn is_finite(self) -> bool;
    /// Whether all are between −2⁴⁰ and 2⁴⁰: sums of their products are finite.
    #[doc(hidden)]
    fn are_small(values: &[Self]) -> bool;

    /// Absolute value.
    fn abs(self) -> Self {
        if self < Self::ZERO { -self } else { self }
    }
    /// The larger of two; `self` if `other` is NaN.
    fn max(self, other: Self) -> Self {
        if other > self { other } else { self }
    }
}

/// The limit of [`Real::are_small`].
const SMALL: f64 = (1u64 << 40) as f64;

/// Usual settings of optimizers.
pub struct Defaults<T> {
    pub(crate) beta1: T,
    pub(crate) beta2: T,
    pub(crate) smoothing: T,
    pub(crate) epsilon: T,
    pub(crate) weight_decay: T,
}

macro_rules! defaults {
    () => {
        Defaults { beta1: 0.9, beta2: 0.999, smoothing: 0.99, epsilon: 1e-8, weight_decay: 0.01 }
    };
}

impl Real for f32 {
    const ONE: Self = 1.0;
    const EMPTY_SUM: Self = -0.0;
    const DEFAULTS: Defaults<Self> = defaults!();

    fn of(x: f64) -> Self {
        x as f32
    }
    fn to_f64(self) -> f64 {
        f64::from(self)
    }
    #[inline]
    fn exp(self) -> Self {
        exp(self)
    }
    fn exp_m1(self) -> Self {
        libm::expm1f(self)
    }
    fn ln(self) -> Self {
        ln(self)
    }
    fn ln_1p(self) -> Self {
        libm::log1pf(self)
    }
    #[inline]
    fn sqrt(self) -> Self {
        #[cfg(feature = "std")]
        return Self::sqrt(self);
        #[cfg(not(feature = "std"))]
        libm::sqrtf(self)
    }
    fn cos(self) -> Self {
        libm::cosf(self)
    }
    #[inline]
    fn tanh(self) -> Self {
        tanh(self)
    }
    fn erf(self) -> Self {
        libm::erff(self)
    }
    /// A look at the bits: without a floating-point unit a comparison is a call.
    #[inline]
    fn is_finite(self) -> bool {
        const EXPONENT: u32 = f32::INFINITY.to_bits();
        self.to_bits() & EXPONENT != EXPONENT
    }
    #[inline]
    fn are_small(values: &[Self]) -> bool {
        const LIMIT: u32 = (SMALL as f32).to_bits();
        values.iter().fold(0, |largest, v| (v.to_bits() << 1).max(largest)) < LIMIT << 1
    }
}

impl Real for f64 {
    const ONE: Self = 1.0;
    const EMPTY_SUM: Self = -0.0;
    const DEFAULTS: Defaults<Self> = defaults!();

    fn of(x: f64) -> Self {
        x
    }
    fn to_f64(self) -> f64 {
        self
    }
    fn exp(self) -> Self {
        libm::exp(self)
    }
    fn exp_m1(self) -> Self {
        libm::expm1(self)
    }
    fn ln(self) -> Self {
        libm::log(self)
    }
    fn ln_1p(self) -> Self {
        libm::log1p(self)
    }
    #[inline]
    fn sqrt(self) -> Self {
        #[cfg(feature = "std")]
        return Self::sqrt(self);
        #[cfg(not(feature = "std"))]
        libm::sqrt(self)
    }
    fn cos(self) -> Self {
        libm::cos(self)
    }
    fn tanh(self) -> Self {
        libm::tanh(self)
    }
    fn erf(self) -> Self {
        libm::erf(self)
    }
    fn is_finite(self) -> bool {
        self.is_finite()
    }
    fn are_small(values: &[Self]) -> bool {
        values.iter().all(|v| v.abs() < SMALL)
    }
}
