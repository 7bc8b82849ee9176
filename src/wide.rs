//! Matrix products in the widest vectors that the machine turns out to have: AVX-512 or AVX2, which a program finds out at run time.
//!
//! Without this, a build for any x86-64 has vectors of four scalars, and one for AVX-512 has eight, since LLVM avoids its sixteen
//! on most processors. The code is compiled once for networks of all shapes. Sums are those of [`kernels`](crate::kernels): one product after
//! the other is added, none is fused. Its twin is the loop there, which runs on all other machines; the test below compares the two.

use fearless_simd::{Level, prelude::*};

use crate::kernels::Strided;

/// `c = a·b`, or `c += a·b` if `add`, for the first columns of `c`; returns how many it has done, perhaps none.
/// `b` and `c` are rows of `width` scalars.
pub fn product(add: bool, a: Strided<f32>, b: &[f32], c: &mut [f32], width: usize) -> usize {
    product_at(Level::new(), add, a, b, c, width)
}

fn product_at(level: Level, add: bool, a: Strided<f32>, b: &[f32], c: &mut [f32], width: usize) -> usize {
    if width == 0 || b.is_empty() || a.row != 1 && a.column != 1 {
        0
    } else if let Some(simd) = level.as_avx512() {
        columns(simd, add, a, b, c, width)
    } else if let Some(simd) = level.as_avx2() {
        columns(simd, add, a, b, c, width)
    } else {
        0
    }
}

/// Rows of `b` that are copied at a time.
const DEPTH: usize = 128;

fn columns<S: Simd>(simd: S, add: bool, a: Strided<f32>, b: &[f32], c: &mut [f32], width: usize) -> usize {
    // Rows a kilobyte or more apart fall on few places of the cache, at worst, 4 KiB apart, on two; enough uses pay for a copy that does not.
    let copy = width >= 256 && b.len() >= 16 * width && c.len() >= 16 * width;
    let depth = if copy { DEPTH } else { b.len() / width };
    let mut done = 0;
    for (i, b) in b.chunks(depth * width).enumerate() {
        let a = Strided { data: &a.data[i * depth * a.column..], ..a };
        done = if copy { copied_columns(simd, add || i > 0, a, b, c, width) } else { 0 };
        done = columns_from(simd, add || i > 0, a, b, c, width, done);
    }
    done
}

/// As many columns as there are in whole pairs of vectors, each pair copied so that it lies in one piece: 16 KiB of stack.
fn copied_columns<S: Simd>(simd: S, add: bool, a: Strided<f32>, b: &[f32], c: &mut [f32], width: usize) -> usize {
    let pair = 2 * S::f32s::LEN;
    let mut copy = [0.0; DEPTH * 32];
    let mut n = 0;
    while n + pair <= width {
        for (copy, b) in copy.chunks_exact_mut(pair).zip(b.chunks_exact(width)) {
            copy.copy_from_slice(&b[n..n + pair]);
        }
        let b = Strided { data: &copy[..b.len() / width * pair], row: pair, column: 1 };
        rows::<S, 4, 2>(simd, add, a, b, c, width, n);
        n += pair;
    }
    n
}

fn columns_from<S: Simd>(
    simd: S,
    add: bool,
    a: Strided<f32>,
    b: &[f32],
    c: &mut [f32],
    width: usize,
    mut n: usize,
) -> usize {
    while n + 2 * S::f32s::LEN <= width {
        rows::<S, 4, 2>(simd, add, a, Strided { data: &b[n..], row: width, column: 1 }, c, width, n);
        n += 2 * S::f32s::LEN;
    }
    if n + S::f32s::LEN <= width {
        rows::<S, 8, 1>(simd, add, a, Strided { data: &b[n..], row: width, column: 1 }, c, width, n);
        n += S::f32s::LEN;
    }
    n
}

/// All rows of `C` vectors of columns, `R` rows at a time: as many sums as it takes to wait for none.
/// `b` begins at column `n`.
fn rows<S: Simd, const R: usize, const C: usize>(
    simd: S,
    add: bool,
    a: Strided<f32>,
    b: Strided<f32>,
    c: &mut [f32],
    width: usize,
    n: usize,
) {
    simd.vectorize(
        #[inline(always)]
        || {
            let place = (width, n);
            let mut m = 0;
            let mut rows = c.chunks_exact_mut(R * width);
            for c in &mut rows {
                tile::<S, R, C>(simd, add, a.skip_rows(m), b, c, place);
                m += R;
            }
            let mut rows = rows.into_remainder().chunks_exact_mut(4 * width);
            for c in &mut rows {
                tile::<S, 4, C>(simd, add, a.skip_rows(m), b, c, place);
                m += 4;
            }
            let mut rows = rows.into_remainder().chunks_exact_mut(2 * width);
            for c in &mut rows {
                tile::<S, 2, C>(simd, add, a.skip_rows(m), b, c, place);
                m += 2;
            }
            for c in rows.into_remainder().chunks_exact_mut(width) {
                tile::<S, 1, C>(simd, add, a.skip_rows(m), b, c, place);
                m += 1;
            }
        },
    );
}

/// `R` rows by `C` vectors from column `n` on, held in registers over all `k`.
#[inline(always)]
fn tile<S: Simd, const R: usize, const C: usize>(
    simd: S,
    add: bool,
    a: Strided<f32>,
    b: Strided<f32>,
    c: &mut [f32],
    (width, n): (usize, usize),
) {
    let columns = n..n + C * S::f32s::LEN;
    let mut sums = [[S::f32s::splat(simd, 0.0); C]; R];
    if add {
        for (sums, c) in sums.iter_mut().zip(c.chunks_exact(width)) {
            for (sum, c) in sums.iter_mut().zip(c[columns.clone()].chunks_exact(S::f32s::LEN)) {
                *sum = S::f32s::from_slice(simd, c);
            }
        }
    } else {
        let b = vectors::<S, C>(simd, b.data);
        for (r, sums) in sums.iter_mut().enumerate() {
            let a = S::f32s::splat(simd, a.data[r * a.row]);
            for (sum, b) in sums.iter_mut().zip(b) {
                *sum = a * b;
            }
        }
    }
    let depth = b.data.len().div_ceil(b.row);
    let steps = if add { 0..depth } else { 1..depth };
    if a.column == 1 {
        let rows: [_; R] = core::array::from_fn(|r| &a.data[r * a.row..][..depth]);
        for k in steps {
            let b = vectors::<S, C>(simd, &b.data[k * b.row..]);
            for (sums, a) in sums.iter_mut().zip(&rows) {
                add_products(sums, S::f32s::splat(simd, a[k]), b);
            }
        }
    } else {
        for k in steps {
            let b = vectors::<S, C>(simd, &b.data[k * b.row..]);
            for (sums, a) in sums.iter_mut().zip(&a.data[k * a.column..][..R]) {
                add_products(sums, S::f32s::splat(simd, *a), b);
            }
        }
    }
    for (sums, c) in sums.iter().zip(c.chunks_exact_mut(width)) {
        for (sum, c) in sums.iter().zip(c[columns.clone()].chunks_exact_mut(S::f32s::LEN)) {
            sum.store_slice(c);
        }
    }
}

#[inline(always)]
fn vectors<S: Simd, const C: usize>(simd: S, scalars: &[f32]) -> [S::f32s; C] {
    let mut vectors = [S::f32s::splat(simd, 0.0); C];
    for (vector, scalars) in vectors.iter_mut().zip(scalars[..C * S::f32s::LEN].chunks_exact(S::f32s::LEN)) {
        *vector = S::f32s::from_slice(simd, scalars);
    }
    vectors
}

#[inline(always)]
fn add_products<V: Copy + core::ops::Add<Output = V> + core::ops::Mul<Output = V>, const C: usize>(
    sums: &mut [V; C],
    a: V,
    b: [V; C],
) {
    for (sum, b) in sums.iter_mut().zip(b) {
        *sum = *sum + a * b;
    }
}

/// [`Real`](crate::Real)'s methods that say whether there are vectors, for `f32`.
macro_rules! methods {
    () => {
        fn product_in_vectors(
            add: bool,
            a: $crate::kernels::Strided<f32>,
            b: &[f32],
            c: &mut [f32],
            width: usize,
        ) -> usize {
            $crate::wide::product(add, a, b, c, width)
        }
        #[inline(always)]
        fn subtract_scaled(w: &mut [f32], a: f32, g: &[f32]) -> bool {
            $crate::short::subtract_scaled(w, a, g);
            true
        }
        #[inline(always)]
        fn dot_products<const O: usize>(dy: &[f32; O], w: &[[f32; O]], dx: &mut [f32]) -> bool {
            $crate::short::dot_products(dy, w, dx);
            true
        }
        #[inline(always)]
        fn exp_in_place(row: &mut [f32]) -> bool {
            $crate::short::exp(row);
            true
        }
    };
}
pub(crate) use methods;

#[cfg(test)]
mod tests {
    use super::*;
    use rand_core::{Rng, SeedableRng};
    use rand_pcg::Pcg32;
    use std::vec::Vec;

    /// Every level of the machine from AVX2 on, every remainder of rows and columns, a stored by rows and by columns.
    #[test]
    fn every_width_gives_the_bits_of_the_loop() {
        let best = Level::new();
        let levels = [best.as_avx512().map(Level::Avx512), best.as_avx2().map(Level::Avx2)];
        let mut rng = Pcg32::seed_from_u64(1);
        let mut random =
            |count: usize| -> Vec<f32> { (0..count).map(|_| rng.next_u32() as f32 / 2f32.powi(31) - 1.0).collect() };
        for level in levels.into_iter().flatten() {
            let mut done = 0;
            for (rows, depth, width) in
                [(1, 1, 16), (2, 3, 33), (3, 1, 8), (5, 7, 24), (8, 9, 100), (15, 4, 48), (21, 40, 71), (17, 300, 281)]
            {
                for (row, column) in [(depth, 1), (1, rows), (depth + 3, 1), (1, rows + 2)] {
                    for add in [false, true] {
                        let (a, b) = (random((rows + 2) * (depth + 3)), random(depth * width));
                        let mut c = random(rows * width);
                        let mut expected = c.clone();
                        let a = Strided { data: &a, row, column };
                        let columns = product_at(level, add, a, &b, &mut c, width);
                        for m in 0..rows {
                            for n in 0..columns {
                                let mut sum = expected[m * width + n];
                                for k in 0..depth {
                                    let product = a.data[m * row + k * column] * b[k * width + n];
                                    sum = if k == 0 && !add { product } else { sum + product };
                                }
                                expected[m * width + n] = sum;
                            }
                        }
                        assert!(c == expected, "{level:?} {rows} {depth} {width} {row} {column} {add}");
                        done += columns;
                    }
                }
            }
            assert!(done > 0);
        }
    }
}
