//! Which loop runs: that of the processor, if it has one, or the plain one.
//!
//! A back end is a file of its own with a type that implements [`Backend`]; [`Native`] names the one of the target. Loops are generic over
//! the scalar, back ends are for `f32`, and [`same`] leads from one to the other. All of it is decided when a network is compiled.

use core::any::TypeId;
use core::slice::{from_mut, from_ref};

use bytemuck::{Pod, try_cast_slice, try_cast_slice_mut};

use crate::kernels::Strided;
use crate::kernels::convolution::Window;
use crate::numbers::Real;

/// Faster loops for `f32`, with the bits of the plain ones beside which they are called. A function says whether it has done the work; a
/// back end leaves out what it has nothing better for.
pub(crate) trait Backend {
    /// `c = a·b`, or `c += a·b` if `ADD`, for the first columns; returns how many it has done. The rows of `c` are fewer than four or a
    /// multiple of four.
    #[inline(always)]
    fn product<const ADD: bool, const N: usize>(_a: Strided<f32>, _b: &[[f32; N]], _c: &mut [[f32; N]]) -> usize {
        0
    }
    /// `y[j] = b[j] + Σᵢ x[i]·w[i][j]`.
    #[inline(always)]
    fn affine<const M: usize, const N: usize>(
        _x: &[f32; M],
        _w: &[[f32; N]; M],
        _b: &[f32; N],
        _y: &mut [f32; N],
    ) -> bool {
        false
    }
    /// `gw[i][j] = x[i]·dy[j]` and `gb = dy`: the gradients of one example.
    #[inline(always)]
    fn gradients<const M: usize, const N: usize>(
        _x: &[f32; M],
        _dy: &[f32; N],
        _gw: &mut [[f32; N]; M],
        _gb: &mut [f32; N],
    ) -> bool {
        false
    }
    /// `sums[r] = Σₖ a[k]·rows[r][k]`, or `+=` if `ADD`.
    #[inline(always)]
    fn dot_products<const ADD: bool, const N: usize>(_a: &[f32; N], _rows: &[[f32; N]], _sums: &mut [f32]) -> bool {
        false
    }
    /// `y[p][o] = b[o] + Σ x[p·step + ..]·w[..][o]` over the windows of neighbouring pixels; without biases, `y[p][o] +=`.
    #[inline(always)]
    fn add_windows(_x: &[f32], _w: &[f32], _b: Option<&[f32]>, _y: &mut [f32], _window: Window) -> bool {
        false
    }
    /// `sums[c] += Σₜ x[t·steps[0] + c]·w[t·steps[1] + c]` over the taps of a kernel's row.
    #[inline(always)]
    fn add_taps(_sums: &mut [f32; 8], _x: &[f32], _w: &[f32], _steps: [usize; 2], _taps: usize) -> bool {
        false
    }
    /// `w -= a·g`, for a few scalars.
    #[inline(always)]
    fn subtract_scaled(_w: &mut [f32], _a: f32, _g: &[f32]) -> bool {
        false
    }
    /// `f(x)` in place.
    #[inline(always)]
    fn apply(_f: Elementary, _row: &mut [f32]) -> bool {
        false
    }
}

/// A function that a back end may have for a whole row.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Elementary {
    /// `eˣ`.
    Exp,
    /// `1 / (1 + e⁻ˣ)`.
    Sigmoid,
}

/// The back end of the target.
#[cfg(all(target_arch = "arm", target_os = "none", target_abi = "eabihf"))]
pub(crate) type Native = crate::kernels::vfp::Vfp;
#[cfg(all(target_arch = "x86_64", feature = "std"))]
pub(crate) type Native = crate::kernels::x86::X86;
#[cfg(not(any(
    all(target_arch = "arm", target_os = "none", target_abi = "eabihf"),
    all(target_arch = "x86_64", feature = "std")
)))]
pub(crate) type Native = Plain;

/// A target without faster loops.
#[allow(dead_code)] // Where there is another.
pub(crate) struct Plain;

impl Backend for Plain {}

/// The same slice, if `A` is `B`.
#[inline(always)]
pub(crate) fn same<A: Pod, B: Pod>(values: &[A]) -> Option<&[B]> {
    if TypeId::of::<A>() == TypeId::of::<B>() { try_cast_slice(values).ok() } else { None }
}

/// [`same`], to be written to.
#[inline(always)]
pub(crate) fn same_mut<A: Pod, B: Pod>(values: &mut [A]) -> Option<&mut [B]> {
    if TypeId::of::<A>() == TypeId::of::<B>() { try_cast_slice_mut(values).ok() } else { None }
}

/// [`same`], of one value.
#[inline(always)]
pub(super) fn same_one<A: Pod, B: Pod>(value: &A) -> Option<&B> {
    same(from_ref(value))?.first()
}

/// [`same_mut`], of one value.
#[inline(always)]
pub(super) fn same_one_mut<A: Pod, B: Pod>(value: &mut A) -> Option<&mut B> {
    same_mut(from_mut(value))?.first_mut()
}

/// `f(x)` in place, if the target has it for whole rows.
#[inline(always)]
pub(crate) fn apply<T: Real>(f: Elementary, row: &mut [T]) -> bool {
    same_mut(row).is_some_and(|row| Native::apply(f, row))
}

/// [`Backend::add_windows`].
#[inline(always)]
pub(super) fn add_windows<T: Real>(x: &[T], w: &[T], b: Option<&[T]>, y: &mut [T], window: Window) -> bool {
    match (same(x), same(w), same_mut(y)) {
        (Some(x), Some(w), Some(y)) => Native::add_windows(x, w, b.and_then(same), y, window),
        _ => false,
    }
}

/// [`Backend::add_taps`].
#[inline(always)]
pub(super) fn add_taps<T: Real>(sums: &mut [T; 8], x: &[T], w: &[T], steps: [usize; 2], taps: usize) -> bool {
    match (same_one_mut(sums), same(x), same(w)) {
        (Some(sums), Some(x), Some(w)) => Native::add_taps(sums, x, w, steps, taps),
        _ => false,
    }
}

/// Does `work`, compiled for the widest vectors that the machine turns out to have, where a program can ask for them. `work` is a closure
/// that is always inlined.
#[inline(always)]
pub(crate) fn widest<R>(work: impl FnOnce() -> R) -> R {
    #[cfg(all(target_arch = "x86_64", feature = "std"))]
    return crate::kernels::x86::widest(work);
    #[cfg(not(all(target_arch = "x86_64", feature = "std")))]
    work()
}
