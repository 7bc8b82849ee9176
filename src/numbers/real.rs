//! The scalar type of a network: `f32` on a device, `f64` where gradients are checked.

use core::fmt::Debug;
use core::ops::Neg;

use num_traits::NumAssign;

use crate::kernels::Strided;
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
    Scalar + NumAssign + Neg<Output = Self> + Copy + PartialOrd + Debug + serde::Serialize + serde::de::DeserializeOwned
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
    /// Neither infinite nor NaN.
    fn is_finite(self) -> bool;
    /// Whether all are between −2⁴⁰ and 2⁴⁰: sums of their products are finite.
    #[doc(hidden)]
    fn are_small(values: &[Self]) -> bool;

    /// `c[j] += Σₖ a[k·stride]·b[k][j]` if the target has assembly for it; `false` if not.
    #[doc(hidden)]
    #[inline(always)]
    fn add_products<const N: usize>(_a: &[Self], _stride: usize, _b: &[[Self; N]], _c: &mut [Self; N]) -> bool {
        false
    }
    /// `y[j] = b[j] + Σᵢ x[i]·w[i][j]`, likewise.
    #[doc(hidden)]
    #[inline(always)]
    fn affine<const M: usize, const N: usize>(
        _x: &[Self; M],
        _w: &[[Self; N]; M],
        _b: &[Self; N],
        _y: &mut [Self; N],
    ) -> bool {
        false
    }
    /// `c[i][j] = a[i]·b[j]` and `copy = b`, likewise.
    #[doc(hidden)]
    #[inline(always)]
    fn products<const M: usize, const N: usize>(
        _a: &[Self; M],
        _b: &[Self; N],
        _c: &mut [[Self; N]; M],
        _copy: &mut [Self; N],
    ) -> bool {
        false
    }
    /// `c = a·b`, or `c += a·b` if `add`, for the first columns, if the machine has vectors for it that the build does not know of;
    /// returns how many columns it has done. `b` and `c` are rows of `width` scalars, those of `c` fewer than four or a multiple of four.
    #[doc(hidden)]
    #[inline(always)]
    fn product_in_vectors(_add: bool, _a: Strided<Self>, _b: &[Self], _c: &mut [Self], _width: usize) -> usize {
        0
    }
    /// `sums[r] += Σₖ a[k]·rows[r][k]` for 4 or 8 rows, if the target has assembly for it.
    #[doc(hidden)]
    #[inline(always)]
    fn add_dot_products<const R: usize, const N: usize>(
        _a: &[Self; N],
        _rows: &[[Self; N]; R],
        _sums: &mut [Self; R],
    ) -> bool {
        false
    }
    /// `y[r][o] += Σᵤ Σₖ x[r·step + u·width + k]·w[u][k][o]`, k over the scalars of a kernel's row, likewise.
    #[doc(hidden)]
    #[inline(always)]
    fn convolve_two<const KW: usize, const C: usize, const O: usize>(
        _x: &[Self],
        [_step, _width]: [usize; 2],
        _w: &[[[[Self; O]; C]; KW]],
        _y: &mut [[Self; O]; 2],
    ) -> bool {
        false
    }
    /// `y = a·x`, if there are vectors for a few scalars.
    #[doc(hidden)]
    #[inline(always)]
    fn scale(_y: &mut [Self], _a: Self, _x: &[Self]) -> bool {
        false
    }
    /// `w -= a·g`, if there are vectors for a few scalars.
    #[doc(hidden)]
    #[inline(always)]
    fn subtract_scaled(_w: &mut [Self], _a: Self, _g: &[Self]) -> bool {
        false
    }
    /// `dx[i] = Σⱼ dy[j]·w[i][j]`, likewise.
    #[doc(hidden)]
    #[inline(always)]
    fn dot_products<const O: usize>(_dy: &[Self; O], _w: &[[Self; O]], _dx: &mut [Self]) -> bool {
        false
    }
    /// `eˣ` in place, likewise.
    #[doc(hidden)]
    #[inline(always)]
    fn exp_in_place(_row: &mut [Self]) -> bool {
        false
    }
    /// `1 / (1 + e⁻ˣ)` in place, likewise.
    #[doc(hidden)]
    #[inline(always)]
    fn sigmoid_in_place(_row: &mut [Self]) -> bool {
        false
    }
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
    #[cfg(all(target_arch = "arm", target_os = "none", target_abi = "eabihf"))]
    crate::kernels::vfp::methods!();
    #[cfg(all(target_arch = "x86_64", feature = "std"))]
    crate::kernels::wide::methods!();
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
    fn is_finite(self) -> bool {
        self.is_finite()
    }
    fn are_small(values: &[Self]) -> bool {
        values.iter().all(|v| v.abs() < SMALL)
    }
}
