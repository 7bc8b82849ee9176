//! Matrix product.

use super::{Output, Weights};
#[cfg(all(target_arch = "arm", target_os = "none", not(target_has_atomic = "32")))]
use crate::kernels::armv6m::fours::{self, SCRATCH};
#[cfg(all(target_arch = "arm", target_os = "none", target_abi = "eabihf"))]
use crate::kernels::dsp::fours::{SCRATCH, round_once};
use crate::kernels::fours::{Bytes, words_of_four};
use crate::kernels::paired::words_of_pair;
#[cfg(all(target_arch = "x86_64", feature = "std"))]
use crate::kernels::x86::fours::add_products;

/// Inputs up to which they are read as they lie in memory on a desktop: half of those that lie in a vector, below which vectors take longer
/// than products. With twice as many hello_world takes 8 % longer.
#[cfg(all(target_arch = "x86_64", feature = "std"))]
const SHORT: usize = 8;

/// Outputs that are rounded at a time where nothing is expanded for them.
const FEW: usize = 16;

/// Outputs that are summed up at a time where something is.
#[cfg(all(target_arch = "x86_64", feature = "std"))]
const BLOCK: usize = 64;

#[cfg(not(any(
    all(target_arch = "arm", target_os = "none", any(target_abi = "eabihf", not(target_has_atomic = "32"))),
    all(target_arch = "x86_64", feature = "std")
)))]
const SCRATCH: usize = size_of::<[[i32; 1]; FEW]>();
#[cfg(all(target_arch = "x86_64", feature = "std"))]
const SCRATCH: usize = size_of::<[[i32; 1]; BLOCK]>();

/// Matrix product, of one or more vectors.
///
/// Its sums are rounded once ([`Multiplier::once`](super::Multiplier::once)). LiteRT's kernel multiplies in `f64` and rounds halves away from
/// 0, unlike its convolutions; [`Multiplier::exact`](super::Multiplier::exact) chooses multipliers that make the same of each sum.
#[derive(Clone, Copy, Debug)]
pub struct FullyConnected {
    /// Elements of a vector that is read.
    pub inputs: usize,
    /// What is written.
    pub output: Output,
}

/// The loop of a Cortex-M0, with [`Multiplier::once`](super::Multiplier::once) for what 16 bits do not tell.
#[cfg(all(target_arch = "arm", target_os = "none", not(target_has_atomic = "32")))]
#[inline(always)]
fn round_once(x: &[i8], weights: &[i32], biases: &[i32], of: (&[i32], &[i8]), zero_point: i8, y: &mut [i8]) -> bool {
    extern "C" fn exact(sum: i32, mantissa: i32, shift: i32, zero_point: i32) -> i32 {
        let product = super::Multiplier { mantissa, shift: shift as i8 }.once(sum, 0);
        product.saturating_add(zero_point).clamp(i8::MIN.into(), i8::MAX.into())
    }
    fours::round_once(x, weights, biases, of, zero_point, y, exact)
}

impl FullyConnected {
    /// Bytes on the stack: a block of sums, and a vector where it is expanded.
    pub(super) const SCRATCH: usize = SCRATCH;

    /// `x`: `[n, inputs]`, weights: `[outputs, inputs]`, packed [by four](super::pack_fours), `y`: `[n, outputs]`.
    #[inline(never)]
    pub fn run(&self, weights: &Weights<i32>, x: &[i8], y: &mut [i8]) {
        let (mut x, mut y) = (x, y);
        while let (Some((x_now, x_rest)), Some((y_now, y_rest))) =
            (x.split_at_checked(self.inputs.max(1)), y.split_at_mut_checked(weights.outputs().max(1)))
        {
            self.vector(weights, x_now, y_now);
            (x, y) = (x_rest, y_rest);
        }
    }

    /// The outputs of a vector, by a core's own loop where it makes them.
    #[cfg(all(target_arch = "arm", target_os = "none", any(target_abi = "eabihf", not(target_has_atomic = "32"))))]
    #[cfg_attr(target_abi = "eabihf", inline(never))]
    #[cfg_attr(not(target_abi = "eabihf"), inline(always))]
    fn vector(&self, weights: &Weights<i32>, x: &[i8], y: &mut [i8]) {
        let multipliers = (weights.mantissas, weights.shifts);
        let made = weights.rests.is_empty()
            && round_once(x, weights.weights, weights.biases, multipliers, self.output.zero_point, y);
        if made {
            self.output.hold(y);
        } else {
            self.in_fours(weights, x, y);
        }
    }

    /// The outputs of a vector, a block at a time, in vectors of a desktop.
    #[cfg(all(target_arch = "x86_64", feature = "std"))]
    #[inline(never)]
    fn vector(&self, weights: &Weights<i32>, x: &[i8], y: &mut [i8]) {
        let inputs = self.inputs;
        if inputs <= SHORT {
            return self.in_fours(weights, x, y);
        }
        let mut sums = [[0]; BLOCK];
        for (block, biases) in weights.biases.chunks(BLOCK).enumerate() {
            let first = block.wrapping_mul(BLOCK);
            let sums = sums.get_mut(..biases.len()).unwrap_or_default();
            sums.iter_mut().zip(biases).for_each(|(sum, bias)| *sum = [*bias]);
            add_products(x, weights.part(inputs, first, biases.len()).weights, sums);
            weights.round_once(self.output, first, sums, y);
        }
    }

    /// The outputs of a vector.
    #[cfg(not(any(
        all(target_arch = "arm", target_os = "none", any(target_abi = "eabihf", not(target_has_atomic = "32"))),
        all(target_arch = "x86_64", feature = "std")
    )))]
    #[inline(always)]
    fn vector(&self, weights: &Weights<i32>, x: &[i8], y: &mut [i8]) {
        self.in_fours(weights, x, y);
    }

    /// The outputs of a vector that is read as it lies in memory. With a vector that is expanded, and blocks of 64 outputs, Iris takes 70 % more
    /// instructions on a Cortex-M3.
    #[inline(never)]
    fn in_fours(&self, weights: &Weights<i32>, x: &[i8], y: &mut [i8]) {
        let x = Bytes::new(x);
        let mut rows = weights.weights;
        for (block, biases) in weights.biases.chunks(FEW).enumerate() {
            let mut sums = [[0]; FEW];
            for (sums, biases) in sums.as_chunks_mut::<4>().0.iter_mut().zip(biases.chunks(4)) {
                let products = if biases.len() > 2 {
                    let Some((four, rest)) = rows.split_at_checked(words_of_four(self.inputs)) else { return };
                    rows = rest;
                    x.with_four(four)
                } else {
                    let [even, odd] = x.with_pair(rows.get(..words_of_pair(self.inputs)).unwrap_or(rows));
                    [even, odd, 0, 0]
                };
                for ((sum, bias), products) in sums.iter_mut().zip(biases).zip(products) {
                    *sum = [products.wrapping_add(*bias)];
                }
            }
            weights.round_once(self.output, block.wrapping_mul(FEW), sums.get(..biases.len()).unwrap_or(&[]), y);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::quant::{pack_fours, packed_len, samples};
    use rand_core::{Rng, SeedableRng};
    use rand_pcg::Pcg32;
    use std::boxed::Box;
    use std::vec;
    use std::vec::Vec;

    #[test]
    fn loops_give_the_bytes_of_a_naive_one() {
        let mut rng = Pcg32::seed_from_u64(1);
        for turn in 0..100 {
            let mut below = |n: u32| (rng.next_u32() % n) as usize;
            let (outputs, inputs) = (1 + below(150), 1 + [below(12), below(700)][turn % 2]);
            let scales = [1, outputs][below(2)];
            let mut bytes = |count: usize| -> Vec<i8> { (0..count).map(|_| below(256) as u8 as i8).collect() };
            let (w, x) = (bytes(outputs * inputs), bytes(inputs));
            let mut packed = vec![0; packed_len(outputs, inputs)];
            pack_fours(&w, inputs, &mut packed);
            let biases: Vec<i32> = (0..outputs).map(|_| below(60_000) as i32 - 30_000).collect();
            let mantissas: Vec<i32> = (0..scales).map(|_| (1 << 30) + below(1 << 30) as i32).collect();
            let shifts: Vec<i8> = (0..scales).map(|_| 1 - below(16) as i8).collect();
            let rests: Vec<u32> = (0..below(3) / 2 * scales).map(|_| below(1 << 22) as u32).collect();
            let weights =
                Weights { weights: &packed, biases: &biases, mantissas: &mantissas, shifts: &shifts, rests: &rests };
            let output = samples::output(below(256) as u8 as i8);
            let expected = w.chunks(inputs).enumerate().map(|(at, w)| {
                let products = w.iter().zip(&x).map(|(w, x)| i32::from(*w) * i32::from(*x));
                output.of(weights.multiplier(at).once(biases[at] + products.sum::<i32>(), weights.rest(at)))
            });
            let expected: Vec<i8> = expected.collect();
            let op = FullyConnected { inputs, output };
            let [mut fours, mut chosen] = [0, 1].map(|y| vec![y; outputs]);
            op.in_fours(&weights, &x, &mut fours);
            op.run(&weights, &x, &mut chosen);
            assert!(fours == expected && chosen == expected, "{outputs} {inputs} {scales} {}", rests.len());
        }
    }

    #[test]
    fn is_that_of_litert() {
        let weights = samples::w::<24>();
        let biases = samples::folded([100, -2000, 3000, 0], 3, |output| Box::new(weights[6 * output..][..6].iter()));
        let (mantissas, shifts) = samples::multipliers([0.01, 0.02, 0.03, 0.04], 0.25);
        let mut packed = [0; 16];
        pack_fours(&weights, 6, &mut packed);
        let weights = Weights { weights: &packed, biases: &biases, mantissas: &mantissas, shifts: &shifts, rests: &[] };
        let mut y = [0; 4];
        FullyConnected { inputs: 6, output: samples::output(-20) }.run(&weights, &samples::x::<6>(), &mut y);
        assert_eq!(y, [12, -35, -62, -89]);
    }
}
