//! Products of integers side by side, of the taps of a kernel's window.

use super::order::{placed, settled};
use super::paired::DSP;

/// Taps that are taken at once: the width of most kernels, and as many as there are registers for.
pub(crate) const TAPS: usize = 3;

/// `sums[i] += Σ x[t][i]·w[t][i]` over the taps `(x, w)`, modulo 2³²; nothing if one of them is shorter than the sums.
///
/// A sum is loaded and stored once for three products: 3.9 instructions for each on a Cortex-M3. Four channels at a time, with
/// their sums in registers, took 6.
#[inline(never)]
pub(crate) fn add_taps([(a, u), (b, v), (c, w)]: &[(&[i8], &[i8]); TAPS], sums: &mut [[i32; 1]]) {
    let n = sums.len();
    let (Some(a), Some(b), Some(c)) = (a.get(..n), b.get(..n), c.get(..n)) else { return };
    let (Some(u), Some(v), Some(w)) = (u.get(..n), v.get(..n), w.get(..n)) else { return };
    // Where multiplications take halves of registers, one channel at a time is less: 3 % of a step of okay_nabu.
    let mut i = if DSP { 0 } else { add_in_twos([a, b, c], [u, v, w], sums) };
    while let (Some(a), Some(b), Some(c)) = (a.get(i), b.get(i), c.get(i))
        && let (Some(u), Some(v), Some(w)) = (u.get(i), v.get(i), w.get(i))
        && let Some([sum]) = sums.get_mut(i)
    {
        let all = with_products(*sum, [a, b, c], [u, v, w]);
        if DSP {
            [*sum, _] = settled([all, all]);
            i += 1;
        } else {
            // One index for all, rather than seven pointers that take turns in the registers.
            let [all, at] = settled([all, i as i32]);
            (*sum, i) = (all, at as usize + 1);
        }
    }
}

/// As [`add_taps`], two channels at a time, with a place in each slice; says how many it has done.
#[inline(always)]
fn add_in_twos(x: [&[i8]; TAPS], w: [&[i8]; TAPS], sums: &mut [[i32; 1]]) -> usize {
    let [[mut a, mut b, mut c], [mut u, mut v, mut w]] = [x, w].map(|taps| taps.map(|tap| tap.as_chunks::<2>().0));
    let (mut sums, _) = sums.as_chunks_mut::<2>();
    let count = sums.len();
    while let [now, rest @ ..] = sums {
        let ([a0, a1 @ ..], [b0, b1 @ ..], [c0, c1 @ ..]) = (placed(a), placed(b), placed(c)) else { break };
        let ([u0, u1 @ ..], [v0, v1 @ ..], [w0, w1 @ ..]) = (placed(u), placed(v), placed(w)) else { break };
        let [first, second] =
            [0, 1].map(|i| with_products(now[i][0], [&a0[i], &b0[i], &c0[i]], [&u0[i], &v0[i], &w0[i]]));
        *now = settled([first, second]).map(|sum| [sum]);
        (a, b, c, u, v, w, sums) = (a1, b1, c1, u1, v1, w1, rest);
    }
    2 * count
}

#[inline(always)]
fn with_products(sum: i32, [a, b, c]: [&i8; TAPS], [u, v, w]: [&i8; TAPS]) -> i32 {
    let product = |x: &i8, w: &i8| i32::from(*x) * i32::from(*w);
    sum.wrapping_add(product(a, u)).wrapping_add(product(b, v)).wrapping_add(product(c, w))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_are_those_of_each_tap() {
        let x = core::array::from_fn::<i8, 12, _>(|i| (i * 37) as i8);
        let w = core::array::from_fn::<i8, 12, _>(|i| (i * 91) as i8);
        for n in 0..4 {
            let taps = [0, 3, 7].map(|at| (&x[at..], &w[at..at + n.min(4)]));
            let mut sums = [[5], [-6], [i32::MAX], [0]];
            add_taps(&taps, &mut sums[..n]);
            for (i, [sum]) in sums[..n].iter().enumerate() {
                let products = taps.map(|(x, w)| i32::from(x[i]) * i32::from(w[i]));
                assert_eq!(*sum, [5, -6, i32::MAX, 0][i].wrapping_add(products.iter().sum()));
            }
        }
        let mut sums = [[1]; 3];
        add_taps(&[(&x, &w), (&x, &w), (&x[..2], &w)], &mut sums);
        assert_eq!(sums, [[1]; 3]);
    }
}
