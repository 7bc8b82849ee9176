//! Products of integers side by side, of the taps of a kernel's window.

use super::order::settled;
use super::paired::FEW_REGISTERS;

/// Taps that are taken at once: the width of most kernels, and as many as there are registers for.
pub(crate) const TAPS: usize = 3;

/// `sums[i] += Σ x[t][i]·w[t][i]` over the taps `(x, w)`, modulo 2³²; nothing if one of them is shorter than the sums.
///
/// A sum is loaded and stored once for three products: 4.7 instructions for each on a Cortex-M3, 8 on a Cortex-M0. Four channels at a time,
/// with their sums in registers, took 6 and 14.
#[inline(never)]
pub(crate) fn add_taps([(a, u), (b, v), (c, w)]: &[(&[i8], &[i8]); TAPS], sums: &mut [[i32; 1]]) {
    let n = sums.len();
    let (Some(a), Some(b), Some(c)) = (a.get(..n), b.get(..n), c.get(..n)) else { return };
    let (Some(u), Some(v), Some(w)) = (u.get(..n), v.get(..n), w.get(..n)) else { return };
    let mut i = 0;
    while let (Some(a), Some(b), Some(c)) = (a.get(i), b.get(i), c.get(i))
        && let (Some(u), Some(v), Some(w)) = (u.get(i), v.get(i), w.get(i))
        && let Some([sum]) = sums.get_mut(i)
    {
        let product = |x: &i8, w: &i8| i32::from(*x) * i32::from(*w);
        let first = sum.wrapping_add(product(a, u));
        let all = first.wrapping_add(product(b, v)).wrapping_add(product(c, w));
        if FEW_REGISTERS {
            // One index for all, rather than seven pointers that take turns in the registers.
            let [all, at] = settled([all, i as i32]);
            (*sum, i) = (all, at as usize + 1);
        } else {
            [*sum, _] = settled([all, all]);
            i += 1;
        }
    }
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
