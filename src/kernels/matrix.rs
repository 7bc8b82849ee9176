//! The matrix loops, each beside a naive twin that says what it computes; tests hold the two together bit for bit.
//!
//! **One order of summation**: every sum runs over its index in ascending order, from its starting value (−0 if it has none). It is a
//! textbook's order, independent of the batch size, of tiles and of the width of vectors, so all of those may differ between targets and
//! the bits do not. Speed comes from computing neighbouring outputs side by side in registers (in vectors, where there are any),
//! never from splitting a sum. No product is fused with its addition.

use crate::kernels::backend::{Backend, Native, same, same_mut, same_one, same_one_mut};
use crate::numbers::Real;

/// Rows that are computed together.
const ROWS: usize = if cfg!(target_arch = "arm") { 1 } else { 4 };
/// Columns of a tile of several rows: fills the registers of AVX or SSE2.
const COLUMNS: usize = if cfg!(target_feature = "avx") { 16 } else { 8 };
/// Columns of a tile of one row.
const WIDE: usize = if cfg!(target_arch = "arm") {
    16
} else if cfg!(target_feature = "avx") {
    64
} else {
    32
};
/// A matrix of at most this many columns is one tile wide.
pub(crate) const NARROW: usize = 12;
/// Scalars that are done before a loop over the widest vectors would have begun.
pub(crate) const SHORT: usize = 64;

/// `y = b + x·w`.
#[inline]
pub(crate) fn affine<T: Real, const I: usize, const O: usize, const B: usize>(
    x: &[[T; I]; B],
    w: &[[T; O]; I],
    b: &[T; O],
    y: &mut [[T; O]; B],
) {
    let in_backend = |(x, y): (&[T; I], &mut [T; O])| match (same_one(x), same_one(w), same_one(b), same_one_mut(y)) {
        (Some(x), Some(w), Some(b), Some(y)) => Native::affine::<I, O>(x, w, b, y),
        _ => false,
    };
    if x.iter().zip(y.iter_mut()).all(in_backend) {
        return;
    }
    for y in y.iter_mut() {
        *y = *b;
    }
    product::<true, _, _>(&Rows(x), w, y);
}

/// `gw = xᵀ·dy` and `gb = Σ dy`, or `+=` if `ADD`.
#[inline]
pub(crate) fn gradients<const ADD: bool, T: Real, const I: usize, const O: usize, const B: usize>(
    x: &[[T; I]; B],
    dy: &[[T; O]; B],
    gw: &mut [[T; O]; I],
    gb: &mut [T; O],
) {
    // One example; on a device more of them too, the others then added.
    if (B == 1 || cfg!(target_os = "none"))
        && let (false, Some((first_x, x)), Some((first_dy, dy))) = (ADD, x.split_first(), dy.split_first())
        && first_gradients(first_x, first_dy, gw, gb)
    {
        if B > 1 {
            product::<true, _, _>(&Columns(x), dy, gw);
            sum_rows::<true, _, _>(dy, gb);
        }
        return;
    }
    outer_products::<ADD, _, _, _, _>(x, dy, gw);
    sum_rows::<ADD, _, _>(dy, gb);
}

/// The rows from `from` on of `gw = xᵀ·dy`, and `gb = Σ dy`.
#[inline(always)]
pub(crate) fn gradient_rows<T: Real, const I: usize, const O: usize, const B: usize>(
    x: &[[T; I]; B],
    dy: &[[T; O]; B],
    from: usize,
    gw: &mut [[T; O]],
    gb: &mut [T; O],
) {
    let data = x.as_flattened().get(from..).unwrap_or(&[]);
    if let ([dy], Some(data), Ok(gw)) = (dy.as_slice(), data.first_chunk::<4>(), <&mut [_; 4]>::try_from(&mut *gw))
        && first_gradients(data, dy, gw, gb)
    {
        return;
    }
    product::<false, _, _>(&Strided { data, row: 1, column: I }, dy, gw);
    sum_rows::<false, _, _>(dy, gb);
}

/// `gw = xᵀ·dy` and `gb = dy` of one example, if the target has a loop for it.
#[inline(always)]
fn first_gradients<T: Real, const I: usize, const O: usize>(
    x: &[T; I],
    dy: &[T; O],
    gw: &mut [[T; O]; I],
    gb: &mut [T; O],
) -> bool {
    match (same_one(x), same_one(dy), same_one_mut(gw), same_one_mut(gb)) {
        (Some(x), Some(dy), Some(gw), Some(gb)) => Native::gradients::<I, O>(x, dy, gw, gb),
        _ => false,
    }
}

/// `g = xᵀ·dy`, or `g += xᵀ·dy` if `ADD`.
#[inline(always)]
fn outer_products<const ADD: bool, T: Real, const I: usize, const O: usize, const B: usize>(
    x: &[[T; I]; B],
    dy: &[[T; O]; B],
    g: &mut [[T; O]; I],
) {
    if let ([x], [dy]) = (x.as_slice(), dy.as_slice())
        && !cfg!(target_arch = "arm")
    {
        for (g, x) in g.iter_mut().zip(x) {
            for (g, dy) in g.iter_mut().zip(dy) {
                *g = if ADD { *g + *x * *dy } else { *x * *dy };
            }
        }
        return;
    }
    product::<ADD, _, _>(&Columns(x), dy, g);
}

/// `g = Σ rows`, or `g += Σ rows` if `ADD`.
#[inline]
pub(crate) fn sum_rows<const ADD: bool, T: Real, const O: usize>(rows: &[[T; O]], g: &mut [T; O]) {
    let mut rows = rows.iter();
    if !ADD {
        *g = rows.next().copied().unwrap_or([T::ZERO; O]);
    }
    for row in rows {
        for (g, v) in g.iter_mut().zip(row) {
            *g += *v;
        }
    }
}

/// `dx = dy·wᵀ`, or `dx += dy·wᵀ` if `ADD`.
#[inline]
pub(crate) fn times_transposed<const ADD: bool, T: Real, const I: usize, const O: usize, const B: usize>(
    dy: &[[T; O]; B],
    w: &[[T; O]; I],
    dx: &mut [[T; I]; B],
) {
    // A device has no vectors that this is for, and no such stack.
    if B < 4 || I < WIDTH || cfg!(target_os = "none") {
        for (dx, dy) in dx.iter_mut().zip(dy) {
            dot_products::<ADD, _, _>(dy, w, dx);
        }
        return;
    }
    if !ADD {
        dx.as_flattened_mut().fill(T::EMPTY_SUM);
    }
    /// Block of `wᵀ` that is laid out anew when enough rows share it, and the rows that do so at the same time: 8 KiB of stack in f32.
    const DEPTH: usize = 32;
    const WIDTH: usize = 32;
    const HEIGHT: usize = 32;
    let (mut block, mut sums) = ([[T::ZERO; WIDTH]; DEPTH], [[T::ZERO; WIDTH]; HEIGHT]);
    for o in (0..O).step_by(DEPTH) {
        let depth = DEPTH.min(O - o);
        for (i, w) in w.chunks(WIDTH).enumerate() {
            for (j, w) in w.iter().enumerate() {
                for (row, w) in block.iter_mut().zip(&w[o..o + depth]) {
                    row[j] = *w;
                }
            }
            let columns = i * WIDTH..i * WIDTH + w.len();
            for (dx, dy) in dx.chunks_mut(HEIGHT).zip(dy.chunks(HEIGHT)) {
                let sums = &mut sums[..dx.len()];
                for (sums, dx) in sums.iter_mut().zip(dx.iter()) {
                    sums[..w.len()].copy_from_slice(&dx[columns.clone()]);
                }
                let dy = Strided { data: &dy.as_flattened()[o..], row: O, column: 1 };
                product::<true, _, _>(&dy, &block[..depth], sums);
                for (sums, dx) in sums.iter().zip(dx) {
                    dx[columns.clone()].copy_from_slice(&sums[..w.len()]);
                }
            }
        }
    }
}

#[inline(always)]
fn dot_products<const ADD: bool, T: Real, const O: usize>(dy: &[T; O], w: &[[T; O]], dx: &mut [T]) {
    if dot_products_in_backend::<ADD, _, _>(dy, w, dx) {
        return;
    }
    for (dx, w) in dx.iter_mut().zip(w) {
        let mut sum = if ADD { *dx } else { T::EMPTY_SUM };
        for (dy, w) in dy.iter().zip(w) {
            sum += *dy * *w;
        }
        *dx = sum;
    }
}

/// `dx = dy·wᵀ` for one row, or `dx += dy·wᵀ` if `ADD`, if the target has a loop for it.
#[inline(always)]
fn dot_products_in_backend<const ADD: bool, T: Real, const O: usize>(dy: &[T; O], w: &[[T; O]], dx: &mut [T]) -> bool {
    match (same_one(dy), same(w), same_mut(dx)) {
        (Some(dy), Some(w), Some(dx)) => Native::dot_products::<ADD, O>(dy, w, dx),
        _ => false,
    }
}

/// `dx += dy·wᵀ` for one row, if the target has a loop for it; `false` if not.
#[inline(always)]
pub(crate) fn add_dot_products<T: Real, const I: usize, const O: usize>(
    dy: &[T; O],
    w: &[[T; O]; I],
    dx: &mut [T; I],
) -> bool {
    dot_products_in_backend::<true, _, _>(dy, w, dx)
}

/// `w -= scale·g`.
#[inline]
pub(crate) fn subtract_scaled<T: Real>(w: &mut [T], scale: T, g: &[T]) {
    if let (Some(w), Some([scale]), Some(g)) = (same_mut(w), same(core::slice::from_ref(&scale)), same(g))
        && Native::subtract_scaled(w, *scale, g)
    {
        return;
    }
    // Four at a time on a Cortex-M, then two: loads side by side pipeline, and no operation waits for the one before it.
    const CHUNK: usize = if cfg!(target_arch = "arm") { 4 } else { 1 };
    const PAIR: usize = if cfg!(target_arch = "arm") { 2 } else { 1 };
    let (w, g) = subtract_scaled_chunks::<CHUNK, T>(w, scale, g);
    let (w, g) = subtract_scaled_chunks::<PAIR, T>(w, scale, g);
    subtract_scaled_chunks::<1, T>(w, scale, g);
}

/// `w -= scale·g` for whole chunks; returns what is left.
#[inline(always)]
fn subtract_scaled_chunks<'a, const N: usize, T: Real>(w: &'a mut [T], scale: T, g: &'a [T]) -> (&'a mut [T], &'a [T]) {
    let ((w, w_rest), (g, g_rest)) = (w.as_chunks_mut::<N>(), g.as_chunks::<N>());
    for (w, g) in w.iter_mut().zip(g) {
        let (old, change) = (*w, g.map(|g| scale * g));
        *w = core::array::from_fn(|i| old[i] - change[i]);
    }
    (w_rest, g_rest)
}

/// The left factor of a product, laid out in memory in any way.
pub(crate) trait Matrix<T> {
    /// The scalar in row `m` and column `k`.
    fn at(&self, m: usize, k: usize) -> T;
    /// Where its scalars lie.
    fn strided(&self) -> Strided<'_, T>;
}

/// A matrix as it is written.
pub(crate) struct Rows<'a, T, const N: usize>(pub &'a [[T; N]]);

impl<T: Real, const N: usize> Matrix<T> for Rows<'_, T, N> {
    #[inline(always)]
    fn at(&self, m: usize, k: usize) -> T {
        self.0[m][k]
    }
    #[inline(always)]
    fn strided(&self) -> Strided<'_, T> {
        Strided { data: self.0.as_flattened(), row: N, column: 1 }
    }
}

/// A matrix turned over: row `m` is column `m`.
struct Columns<'a, T, const N: usize>(&'a [[T; N]]);

impl<T: Real, const N: usize> Matrix<T> for Columns<'_, T, N> {
    #[inline(always)]
    fn at(&self, m: usize, k: usize) -> T {
        self.0[k][m]
    }
    #[inline(always)]
    fn strided(&self) -> Strided<'_, T> {
        Strided { data: self.0.as_flattened(), row: 1, column: N }
    }
}

/// A matrix within a slice: `(m, k)` is `data[m·row + k·column]`. What lies outside is 0, which never happens; it saves a device the code of
/// a panic.
#[derive(Clone, Copy)]
pub struct Strided<'a, T> {
    pub data: &'a [T],
    pub row: usize,
    pub column: usize,
}

impl<T> Strided<'_, T> {
    /// Without the rows before row `m`.
    #[inline(always)]
    pub fn skip_rows(self, m: usize) -> Self {
        Self { data: self.data.get(m * self.row..).unwrap_or(&[]), ..self }
    }
}

impl<T: Real> Matrix<T> for Strided<'_, T> {
    #[inline(always)]
    fn at(&self, m: usize, k: usize) -> T {
        self.data.get(m * self.row + k * self.column).copied().unwrap_or(T::ZERO)
    }
    #[inline(always)]
    fn strided(&self) -> Strided<'_, T> {
        *self
    }
}

/// `c[m][n] = Σₖ a(m, k)·b[k][n]`, added to what `c` holds if `ADD`, tile by tile.
#[inline(always)]
pub(crate) fn product<const ADD: bool, T: Real, const N: usize>(a: &impl Matrix<T>, b: &[[T; N]], c: &mut [[T; N]]) {
    let in_backend = |m: usize, c: &mut [[T; N]]| {
        let Strided { data, row, column } = a.strided().skip_rows(m);
        match (same(data), same(b), same_mut(c)) {
            (Some(data), Some(b), Some(c)) => Native::product::<ADD, N>(Strided { data, row, column }, b, c),
            _ => 0,
        }
    };
    let (fours, rest) = c.as_chunks_mut::<ROWS>();
    let n = in_backend(0, fours.as_flattened_mut());
    if n < N {
        for (i, c) in fours.iter_mut().enumerate() {
            if ROWS == 1 {
                row_of_tiles::<ADD, T, ROWS, WIDE, N>(a, b, c, i, n);
            } else {
                row_of_tiles::<ADD, T, ROWS, COLUMNS, N>(a, b, c, ROWS * i, n);
            }
        }
    }
    if rest.is_empty() {
        return;
    }
    let m = ROWS * fours.len();
    let n = in_backend(m, rest);
    if let Ok(c) = <&mut [_; 3]>::try_from(&mut *rest) {
        row_of_tiles::<ADD, T, 3, COLUMNS, N>(a, b, c, m, n);
    } else if let Ok(c) = <&mut [_; 2]>::try_from(&mut *rest) {
        row_of_tiles::<ADD, T, 2, COLUMNS, N>(a, b, c, m, n);
    } else if let Ok(c) = <&mut [_; 1]>::try_from(rest) {
        row_of_tiles::<ADD, T, 1, WIDE, N>(a, b, c, m, n);
    }
}

/// All columns from `n` on of `R` rows, of which `m` is the first.
#[inline(always)]
fn row_of_tiles<const ADD: bool, T: Real, const R: usize, const C: usize, const N: usize>(
    a: &impl Matrix<T>,
    b: &[[T; N]],
    c: &mut [[T; N]; R],
    m: usize,
    mut n: usize,
) {
    if N <= NARROW {
        tile::<ADD, T, R, N, N>(a, b, c, m, 0);
        return;
    }
    while n + C <= N {
        tile::<ADD, T, R, C, N>(a, b, c, m, n);
        n += C;
    }
    while C > 8 && n + 8 <= N {
        tile::<ADD, T, R, 8, N>(a, b, c, m, n);
        n += 8;
    }
    while n + 4 <= N {
        tile::<ADD, T, R, 4, N>(a, b, c, m, n);
        n += 4;
    }
    while n < N {
        tile::<ADD, T, R, 1, N>(a, b, c, m, n);
        n += 1;
    }
}

/// `R` rows by `C` columns of sums, held in registers over all `k`.
#[inline(always)]
fn tile<const ADD: bool, T: Real, const R: usize, const C: usize, const N: usize>(
    a: &impl Matrix<T>,
    b: &[[T; N]],
    c: &mut [[T; N]; R],
    m: usize,
    n: usize,
) {
    let mut sums = [[T::ZERO; C]; R];
    if ADD {
        for (sum, c) in sums.iter_mut().zip(c.iter()) {
            sum.copy_from_slice(&c[n..n + C]);
        }
    } else if let Some(b) = b.first() {
        for (r, sum) in sums.iter_mut().enumerate() {
            let a = a.at(m + r, 0);
            for (sum, b) in sum.iter_mut().zip(&b[n..n + C]) {
                *sum = a * *b;
            }
        }
    }
    for (k, b) in b.iter().enumerate().skip(if ADD { 0 } else { 1 }) {
        let b = &b[n..n + C];
        let a: [T; R] = core::array::from_fn(|r| a.at(m + r, k));
        for (sum, a) in sums.iter_mut().zip(a) {
            for (sum, b) in sum.iter_mut().zip(b) {
                *sum += a * *b;
            }
        }
    }
    for (sum, c) in sums.iter().zip(c) {
        c[n..n + C].copy_from_slice(sum);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::numbers::Zero;
    use rand_core::{Rng, SeedableRng};
    use rand_pcg::Pcg32;

    mod naive {
        use crate::numbers::Real;

        pub fn affine<T: Real, const I: usize, const O: usize, const B: usize>(
            x: &[[T; I]; B],
            w: &[[T; O]; I],
            b: &[T; O],
            y: &mut [[T; O]; B],
        ) {
            for m in 0..B {
                for o in 0..O {
                    let mut sum = b[o];
                    for i in 0..I {
                        sum += x[m][i] * w[i][o];
                    }
                    y[m][o] = sum;
                }
            }
        }

        pub fn add_gradients<T: Real, const I: usize, const O: usize, const B: usize>(
            x: &[[T; I]; B],
            dy: &[[T; O]; B],
            gw: &mut [[T; O]; I],
            gb: &mut [T; O],
        ) {
            for o in 0..O {
                for m in 0..B {
                    gb[o] += dy[m][o];
                    for i in 0..I {
                        gw[i][o] += x[m][i] * dy[m][o];
                    }
                }
            }
        }

        pub fn add_times_transposed<T: Real, const I: usize, const O: usize, const B: usize>(
            dy: &[[T; O]; B],
            w: &[[T; O]; I],
            dx: &mut [[T; I]; B],
        ) {
            for m in 0..B {
                for i in 0..I {
                    for o in 0..O {
                        dx[m][i] += dy[m][o] * w[i][o];
                    }
                }
            }
        }
    }

    /// Numbers of different size, and zeros of both signs.
    fn fill(values: &mut [f32], rng: &mut Pcg32) {
        for v in values {
            let size = [0.0, 0.0625, 0.125, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0][(rng.next_u32() % 9) as usize];
            *v = (rng.next_u32() as f32 / 2f32.powi(31) - 1.0) * size;
        }
    }

    fn agree<const I: usize, const O: usize, const B: usize>() {
        let mut rng = Pcg32::seed_from_u64((I * 1_000_003 + O * 1009 + B) as u64);
        let (mut x, mut w, mut b, mut dy, mut g) =
            ([[0f32; I]; B], [[0f32; O]; I], [0f32; O], [[0f32; O]; B], [[0f32; O]; I]);
        fill(x.as_flattened_mut(), &mut rng);
        fill(w.as_flattened_mut(), &mut rng);
        fill(&mut b, &mut rng);
        fill(dy.as_flattened_mut(), &mut rng);
        fill(g.as_flattened_mut(), &mut rng);
        let bits = |v: &[f32]| {
            v.iter().fold(0xcbf2_9ce4_8422_2325u64, |h, v| (h ^ u64::from(v.to_bits())).wrapping_mul(0x100_0000_01b3))
        };

        let (mut y, mut expected) = (<[[f32; O]; B]>::ZERO, <[[f32; O]; B]>::ZERO);
        affine(&x, &w, &b, &mut y);
        naive::affine(&x, &w, &b, &mut expected);
        assert_eq!(bits(y.as_flattened()), bits(expected.as_flattened()), "affine {I} {O} {B}");

        let (mut expected, mut expected_b) = (g, b);
        gradients::<true, _, _, _, _>(&x, &dy, &mut g, &mut b);
        naive::add_gradients(&x, &dy, &mut expected, &mut expected_b);
        assert_eq!(bits(g.as_flattened()), bits(expected.as_flattened()), "add gradients {I} {O} {B}");
        assert_eq!(bits(&b), bits(&expected_b), "add bias gradients {I} {O} {B}");

        (expected, expected_b) = ([[f32::EMPTY_SUM; O]; I], [f32::EMPTY_SUM; O]);
        gradients::<false, _, _, _, _>(&x, &dy, &mut g, &mut b);
        naive::add_gradients(&x, &dy, &mut expected, &mut expected_b);
        assert_eq!(bits(g.as_flattened()), bits(expected.as_flattened()), "gradients {I} {O} {B}");
        assert_eq!(bits(&b), bits(&expected_b), "bias gradients {I} {O} {B}");

        let mut expected = x;
        times_transposed::<true, _, _, _, _>(&dy, &w, &mut x);
        naive::add_times_transposed(&dy, &w, &mut expected);
        assert_eq!(bits(x.as_flattened()), bits(expected.as_flattened()), "add transposed {I} {O} {B}");

        expected = [[f32::EMPTY_SUM; I]; B];
        times_transposed::<false, _, _, _, _>(&dy, &w, &mut x);
        naive::add_times_transposed(&dy, &w, &mut expected);
        assert_eq!(bits(x.as_flattened()), bits(expected.as_flattened()), "transposed {I} {O} {B}");
    }

    /// Every remainder of every tile: columns around 1, 4, 8, 12, 16, 32, 64; rows around 4; depth around 32.
    #[test]
    fn fast_and_naive_agree_bit_for_bit() {
        agree::<1, 1, 1>();
        agree::<4, 10, 1>();
        agree::<10, 3, 1>();
        agree::<4, 10, 7>();
        agree::<3, 12, 5>();
        agree::<5, 13, 4>();
        agree::<17, 29, 1>();
        agree::<16, 33, 6>();
        agree::<31, 65, 3>();
        agree::<33, 100, 1>();
        agree::<47, 71, 9>();
        agree::<64, 128, 8>();
    }
}
