//! Sums of products.

/// The sum of `x[i] * w[i]`, modulo 2³².
#[inline(always)]
pub(super) fn dot(x: &[i8], w: &[i8]) -> i32 {
    x.iter().zip(w).fold(0, |sum: i32, (x, w)| sum.wrapping_add(i32::from(*x) * i32::from(*w)))
}

/// The sum of `w[i]`, modulo 2³².
#[inline(always)]
pub(super) fn sum(w: &[i8]) -> i32 {
    w.iter().fold(0, |sum: i32, w| sum.wrapping_add((*w).into()))
}
