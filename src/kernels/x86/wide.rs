//! Matrix products in the widest vectors that the machine turns out to have: AVX-512 or AVX2, which a program finds out at run time.
//!
//! Without this, a build for any x86-64 has vectors of four scalars, and one for AVX-512 has eight, since LLVM avoids its sixteen
//! on most processors. The code is compiled once for networks of all shapes. Sums are those of [`kernels`](crate::kernels): one product after
//! the other is added, none is fused. Its twin is the loop there, which runs on all other machines; the test below compares the two.

use fearless_simd::{Level, prelude::*};

use crate::kernels::Strided;

/// `c = a·b`, or `c += a·b` if `add`, for the first columns of `c`; returns how many it has done, perhaps none.
/// `b` and `c` are rows of `width` scalars, those of `c` fewer than four or a multiple of four.
pub fn product(add: bool, a: Strided<f32>, b: &[f32], c: &mut [f32], width: usize) -> usize {
    product_at(Level::new(), add, a, b, c, width)
}

fn product_at(level: Level, add: bool, a: Strided<f32>, b: &[f32], c: &mut [f32], width: usize) -> usize {
    if b.is_empty() || c.is_empty() || a.row != 1 && a.column != 1 {
        return 0;
    }
    match (level.as_avx512(), level.as_avx2()) {
        (Some(simd), _) if width >= 16 => product_with(simd, add, a, b, c, width),
        (_, Some(simd)) if width >= 8 => product_with(simd, add, a, b, c, width),
        _ => 0,
    }
}

fn product_with<S: Simd>(simd: S, add: bool, a: Strided<f32>, b: &[f32], c: &mut [f32], width: usize) -> usize {
    if c.len() < 4 * width {
        few_rows(simd, add, a, b, c, width);
        return width;
    }
    columns(simd, add, a, b, c, width)
}

/// All columns, in panels of nearly equal numbers of vectors, so many that no sum waits for the one before it; only the last may be less
/// than whole.
fn few_rows<S: Simd>(simd: S, add: bool, a: Strided<f32>, b: &[f32], c: &mut [f32], width: usize) {
    simd.vectorize(
        #[inline(always)]
        || {
            let most = if c.len() == width { 8 } else { 4 };
            let mut n = 0;
            while n < width {
                let vectors = (width - n).div_ceil(S::f32s::LEN);
                let vectors = vectors.div_ceil(vectors.div_ceil(most));
                let place = (width, n, (vectors * S::f32s::LEN).min(width - n));
                let b = Strided { data: &b[n..], row: width, column: 1 };
                match (c.len() / width, vectors) {
                    (1, 1) => tile::<S, 1, 1>(simd, add, a, b, c, place),
                    (1, 2) => tile::<S, 1, 2>(simd, add, a, b, c, place),
                    (1, 3) => tile::<S, 1, 3>(simd, add, a, b, c, place),
                    (1, 4) => tile::<S, 1, 4>(simd, add, a, b, c, place),
                    (1, 5) => tile::<S, 1, 5>(simd, add, a, b, c, place),
                    (1, 6) => tile::<S, 1, 6>(simd, add, a, b, c, place),
                    (1, 7) => tile::<S, 1, 7>(simd, add, a, b, c, place),
                    (1, _) => tile::<S, 1, 8>(simd, add, a, b, c, place),
                    (2, 1) => tile::<S, 2, 1>(simd, add, a, b, c, place),
                    (2, 2) => tile::<S, 2, 2>(simd, add, a, b, c, place),
                    (2, 3) => tile::<S, 2, 3>(simd, add, a, b, c, place),
                    (2, _) => tile::<S, 2, 4>(simd, add, a, b, c, place),
                    (_, 1) => tile::<S, 3, 1>(simd, add, a, b, c, place),
                    (_, 2) => tile::<S, 3, 2>(simd, add, a, b, c, place),
                    (_, 3) => tile::<S, 3, 3>(simd, add, a, b, c, place),
                    (_, _) => tile::<S, 3, 4>(simd, add, a, b, c, place),
                }
                n += place.2;
            }
        },
    );
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
            let place = (width, n, C * S::f32s::LEN);
            let mut m = 0;
            let mut rows = c.chunks_exact_mut(R * width);
            for c in &mut rows {
                tile::<S, R, C>(simd, add, a.skip_rows(m), b, c, place);
                m += R;
            }
            for c in rows.into_remainder().chunks_exact_mut(4 * width) {
                tile::<S, 4, C>(simd, add, a.skip_rows(m), b, c, place);
                m += 4;
            }
        },
    );
}

/// `R` rows by `C` vectors from column `n` on, held in registers over all `k`. The last vector ends with the last column: where columns
/// are no whole number of vectors, it shares some with the vector before, and both hold the same sums there.
#[inline(always)]
fn tile<S: Simd, const R: usize, const C: usize>(
    simd: S,
    add: bool,
    a: Strided<f32>,
    b: Strided<f32>,
    c: &mut [f32],
    (width, n, columns): (usize, usize, usize),
) {
    assert!((C - 1) * S::f32s::LEN < columns && S::f32s::LEN <= columns);
    let last = columns - S::f32s::LEN;
    let start = |i: usize| if i < C - 1 { i * S::f32s::LEN } else { last };
    let vectors = |scalars: &[f32]| -> [S::f32s; C] {
        let scalars = &scalars[..columns];
        core::array::from_fn(|i| S::f32s::from_slice(simd, &scalars[start(i)..][..S::f32s::LEN]))
    };
    let mut sums = [[S::f32s::splat(simd, 0.0); C]; R];
    if add {
        for (sums, c) in sums.iter_mut().zip(c.chunks_exact(width)) {
            *sums = vectors(&c[n..]);
        }
    } else {
        let b = vectors(b.data);
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
            let b = vectors(&b.data[k * b.row..]);
            for (sums, a) in sums.iter_mut().zip(&rows) {
                add_products(sums, S::f32s::splat(simd, a[k]), b);
            }
        }
    } else {
        for k in steps {
            let b = vectors(&b.data[k * b.row..]);
            for (sums, a) in sums.iter_mut().zip(&a.data[k * a.column..][..R]) {
                add_products(sums, S::f32s::splat(simd, *a), b);
            }
        }
    }
    for (sums, c) in sums.iter().zip(c.chunks_exact_mut(width)) {
        for (i, sum) in sums.iter().enumerate() {
            sum.store_slice(&mut c[n + start(i)..][..S::f32s::LEN]);
        }
    }
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

#[cfg(test)]
mod tests {
    use super::*;
    use rand_core::{Rng, SeedableRng};
    use rand_pcg::Pcg32;
    use std::vec::Vec;

    /// Rows, products of a sum, columns.
    const SHAPES: [(usize, usize, usize); 15] = [
        (1, 1, 16),
        (1, 30, 100),
        (1, 5, 133),
        (1, 8, 281),
        (2, 3, 33),
        (2, 4, 15),
        (2, 9, 128),
        (3, 1, 8),
        (3, 6, 150),
        (3, 7, 65),
        (4, 7, 24),
        (8, 9, 100),
        (12, 4, 48),
        (16, 300, 281),
        (20, 40, 71),
    ];

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
            for (rows, depth, width) in SHAPES {
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
