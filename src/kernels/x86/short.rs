//! Short rows in the vectors that the build knows of, without a branch or a call: a step of a small network is one long chain of
//! operations that wait for one another, and what the compiler makes of loops over ten scalars lengthens it.
//!
//! The twins are the loops in [`kernels`](crate::kernels) and `exp` in [`real`](crate::real), whose bits these have.

use fearless_simd::{Level, f32x4, f32x8, prelude::*};

use crate::numbers::EXP;

/// In the vectors of AVX2 or those of SSE2, which every x86-64 has. Not `fearless_simd::dispatch!`, which would call a function of its own.
macro_rules! with_vectors {
    ($simd:ident => $compute:block) => {
        if let Some($simd) = Level::baseline().as_avx2() {
            $compute
        } else if let Some($simd) = Level::baseline().as_sse2() {
            $compute
        }
    };
}

/// Puts the result for a scalar of the row `$y` and its neighbour in `$x` into `$y`: for eight at a time, then four, then one.
macro_rules! elementwise {
    ($y:expr, $x:expr, |$old:pat_param, $other:pat_param| $new:expr) => {
        with_vectors!(simd => {
            let ((y_8, y), (x_8, x)) = ($y.as_chunks_mut::<8>(), $x.as_chunks::<8>());
            for (y, x) in y_8.iter_mut().zip(x_8) {
                let ($old, $other) = (f32x8::load_array(simd, *y), f32x8::load_array(simd, *x));
                *y = $new.to_array();
            }
            let ((y_4, y), (x_4, x)) = (y.as_chunks_mut::<4>(), x.as_chunks::<4>());
            for (y, x) in y_4.iter_mut().zip(x_4) {
                let ($old, $other) = (f32x4::load_array(simd, *y), f32x4::load_array(simd, *x));
                *y = $new.to_array();
            }
            for (y, x) in y.iter_mut().zip(x) {
                let ($old, $other) = (*y, *x);
                *y = $new;
            }
        })
    };
}

/// `y = a·x`.
#[inline(always)]
pub fn scale(y: &mut [f32], a: f32, x: &[f32]) {
    elementwise!(y, x, |_, x| x * a);
}

/// `w -= a·g`.
#[inline(always)]
pub fn subtract_scaled(w: &mut [f32], a: f32, g: &[f32]) {
    elementwise!(w, g, |w, g| w - g * a);
}

/// `dx[i] = Σⱼ dy[j]·w[i][j]`, eight sums side by side.
#[inline(always)]
pub fn dot_products<const O: usize>(dy: &[f32; O], w: &[[f32; O]], dx: &mut [f32]) {
    with_vectors!(simd => {
        let ((dx_8, dx), (w_8, w)) = (dx.as_chunks_mut::<8>(), w.as_chunks::<8>());
        for (dx, w) in dx_8.iter_mut().zip(w_8) {
            let mut sums = f32x8::splat(simd, -0.0);
            for (o, dy) in dy.iter().enumerate() {
                sums += f32x8::load_array(simd, w.each_ref().map(|w| w[o])) * *dy;
            }
            *dx = sums.to_array();
        }
        for (dx, w) in dx.iter_mut().zip(w) {
            let mut sum = -0.0;
            for (dy, w) in dy.iter().zip(w) {
                sum += *dy * *w;
            }
            *dx = sum;
        }
    })
}

/// `eˣ` in place.
#[inline(always)]
pub fn exp(row: &mut [f32]) {
    with_vectors!(simd => {
        let (chunks, rest) = row.as_chunks_mut::<8>();
        for chunk in chunks {
            *chunk = exp_lanes(simd, f32x8::load_array(simd, *chunk)).to_array();
        }
        let (chunks, rest) = rest.as_chunks_mut::<4>();
        for chunk in chunks {
            *chunk = exp_lanes(simd, f32x4::load_array(simd, *chunk)).to_array();
        }
        if !rest.is_empty() {
            let mut last = [0.0; 4];
            for (last, v) in last.iter_mut().zip(rest.iter()) {
                *last = *v;
            }
            let last = exp_lanes(simd, f32x4::load_array(simd, last)).to_array();
            for (v, last) in rest.iter_mut().zip(last) {
                *v = last;
            }
        }
    })
}

/// As `exp` in `real`, but arguments past the ends are told apart beside the calculation, not before it.
#[inline(always)]
fn exp_lanes<S: Simd, V: SimdFloat<S, Element = f32>>(simd: S, x: V) -> V {
    let [lowest, highest, log2_e, round, ln_2_high, ln_2_low, c4, c3, c2, c1, c0, one] = EXP;
    let rounded = x * log2_e + round;
    let n = rounded - round;
    let (high, low) = (x - n * ln_2_high, n * ln_2_low);
    let r = high - low;
    let r2 = r * r;
    let p = (r2 * c4 + (r * c3 + c2)) * r2 + (r * c1 + c0);
    let e_to_r = p * r2 - low + high + one;
    let two_to_n = V::from_bits((rounded.to_bits() << 23) + V::Bits::splat(simd, one.to_bits()));
    let (below, above) = (x.simd_lt(lowest), x.simd_gt(highest));
    let end = below.select(V::splat(simd, crate::numbers::exp(lowest)), V::splat(simd, crate::numbers::exp(highest)));
    (below | above).select(end, e_to_r * two_to_n)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::vec::Vec;

    #[test]
    fn every_length_gives_the_bits_of_the_loop() {
        // From −100 to 100, past both ends, and what is special.
        let special = [f32::NEG_INFINITY, f32::INFINITY, -1e30, 1e30, -0.0, 1e-40, -87.3, 88.3, f32::NAN];
        let values: Vec<f32> = (-5000..5000).map(|i| i as f32 * 0.02003).chain(special).collect();
        let bits =
            |row: &[f32]| -> Vec<Option<u32>> { row.iter().map(|v| (!v.is_nan()).then(|| v.to_bits())).collect() };
        for length in 0..20 {
            for row in values.chunks(length.max(1)).map(|row| &row[..length.min(row.len())]) {
                let other: Vec<f32> = row.iter().map(|v| 0.37 - v * 1.7).collect();
                let mut y = row.to_vec();
                exp(&mut y);
                let expected: Vec<f32> = row.iter().map(|v| crate::numbers::exp(*v)).collect();
                assert_eq!(bits(&y), bits(&expected), "exp {row:?}");
                y.copy_from_slice(row);
                subtract_scaled(&mut y, 0.3, &other);
                let expected: Vec<f32> = row.iter().zip(&other).map(|(w, g)| w - 0.3 * g).collect();
                assert_eq!(bits(&y), bits(&expected), "subtract {row:?}");
                scale(&mut y, 0.3, row);
                let expected: Vec<f32> = row.iter().map(|x| 0.3 * x).collect();
                assert_eq!(bits(&y), bits(&expected), "scale {row:?}");
            }
        }
    }
}
