//! Vectors of x86-64: the widest that the machine turns out to have for matrices and integers, those that the build knows of for short
//! rows.

pub(crate) mod fours;
pub(crate) mod lanes;
pub(crate) mod paired;
mod rounded;
mod short;
pub(crate) mod taps;
mod wide;

use fearless_simd::{Level, dispatch, prelude::*};

use crate::kernels::backend::{Backend, Elementary};
use crate::kernels::{NARROW, SHORT, Strided};

/// Products that make it worth to ask the machine for wider vectors.
const MANY: usize = 4096;

/// x86-64 with `std`, which can ask the machine.
pub(crate) struct X86;

impl Backend for X86 {
    #[inline(always)]
    fn product<const ADD: bool, const N: usize>(a: Strided<f32>, b: &[[f32; N]], c: &mut [[f32; N]]) -> usize {
        if N > NARROW && b.len() * c.len() * N >= MANY {
            wide::product(ADD, a, b.as_flattened(), c.as_flattened_mut(), N)
        } else {
            0
        }
    }
    #[inline(always)]
    fn gradients<const M: usize, const N: usize>(
        x: &[f32; M],
        dy: &[f32; N],
        gw: &mut [[f32; N]; M],
        gb: &mut [f32; N],
    ) -> bool {
        let short = N > NARROW && N <= SHORT;
        if short {
            for (gw, x) in gw.iter_mut().zip(x) {
                short::scale(gw, *x, dy);
            }
            *gb = *dy;
        }
        short
    }
    #[inline(always)]
    fn dot_products<const ADD: bool, const N: usize>(a: &[f32; N], rows: &[[f32; N]], sums: &mut [f32]) -> bool {
        if !ADD {
            short::dot_products(a, rows, sums);
        }
        !ADD
    }
    #[inline(always)]
    fn subtract_scaled(w: &mut [f32], a: f32, g: &[f32]) -> bool {
        let short = w.len() <= SHORT;
        if short {
            short::subtract_scaled(w, a, g);
        }
        short
    }
    #[inline(always)]
    fn apply(f: Elementary, row: &mut [f32]) -> bool {
        let exp = f == Elementary::Exp;
        if exp {
            short::exp(row);
        }
        exp
    }
}

/// Computes `$op` with vectors for that many lanes of 32 bits: the widest of the machine, or those of AVX2 if these are wide enough.
macro_rules! with_lanes {
    ($lanes:expr, $simd:ident => $op:expr) => {
        match fearless_simd::Level::new().as_avx2() {
            Some($simd) if $lanes <= 8 => $simd.vectorize(
                #[inline(always)]
                || $op,
            ),
            _ => fearless_simd::dispatch!(fearless_simd::Level::new(), $simd => $op),
        }
    };
}
use with_lanes;

/// Lanes of 32 bits.
#[inline(always)]
fn width<S: Simd>(_: S) -> usize {
    S::i32s::LEN
}

/// Puts what is made to the beginning of `y`, or as much as has room.
#[inline(always)]
fn put<T: Copy>(y: &mut [T], made: &[T]) {
    match y.get_mut(..made.len()) {
        Some(y) => y.copy_from_slice(made),
        None => y.iter_mut().zip(made).for_each(|(y, made)| *y = *made),
    }
}

/// Does `work`, compiled for the widest vectors of the machine.
#[inline(always)]
pub(crate) fn widest<R>(work: impl FnOnce() -> R) -> R {
    dispatch!(Level::new(), _ => work())
}
