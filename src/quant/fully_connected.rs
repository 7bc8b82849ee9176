//! Matrix product.

use core::ops::Range;

use super::products;
use super::{Output, Weights};
#[cfg(all(target_arch = "arm", target_os = "none", not(target_has_atomic = "32")))]
use crate::kernels::armv6m::round_once;
use crate::kernels::bytes::Bytes;
#[cfg(all(target_arch = "arm", target_os = "none", target_abi = "eabihf"))]
use crate::kernels::dsp::round_once;
use crate::kernels::paired::{DSP, FEW_REGISTERS, Vectors, words_of_pair};

/// Whether outputs are made [in pairs](FullyConnected::in_pairs): by cores without loops of their own.
const PAIRS: bool = cfg!(not(all(target_arch = "x86_64", feature = "std"))) && !DSP && !FEW_REGISTERS;

/// Numbers of inputs of which they are made so too: on a desktop up to half of those that lie in a vector, below which vectors take longer than
/// products. With twice as many hello_world takes 8 % longer.
const SHORT: Range<usize> = if cfg!(all(target_arch = "x86_64", feature = "std")) { 0..9 } else { 0..0 };

/// Outputs that are rounded at a time where nothing is expanded for them.
const FEW: usize = 16;

/// Outputs that are summed up at a time.
const BLOCK: usize = 64;

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

impl FullyConnected {
    /// Bytes on the stack: a block of sums, and a vector where it is expanded.
    pub(super) const SCRATCH: usize =
        if PAIRS { size_of::<[[i32; 1]; FEW]>() } else { size_of::<(Vectors<1>, [[i32; 1]; BLOCK])>() };

    /// `x`: `[n, inputs]`, weights: `[outputs, inputs]`, [packed](super::pack), `y`: `[n, outputs]`.
    #[inline(never)]
    pub fn run(&self, weights: &Weights<i32>, x: &[i8], y: &mut [i8]) {
        let (mut x, mut y) = (x, y);
        while let (Some((x_now, x_rest)), Some((y_now, y_rest))) =
            (x.split_at_checked(self.inputs.max(1)), y.split_at_mut_checked(weights.outputs().max(1)))
        {
            if self.in_registers(weights, x_now, y_now) {
            } else if PAIRS || SHORT.contains(&self.inputs) {
                self.in_pairs(weights, x_now, y_now);
            } else {
                self.in_blocks(weights, x_now, y_now);
            }
            (x, y) = (x_rest, y_rest);
        }
    }

    /// The outputs of a vector by a core's own loop; says whether it has made them.
    #[cfg(all(target_arch = "arm", target_os = "none", any(target_abi = "eabihf", not(target_has_atomic = "32"))))]
    #[inline(never)]
    fn in_registers(&self, weights: &Weights<i32>, x: &[i8], y: &mut [i8]) -> bool {
        let multipliers = (weights.mantissas, weights.shifts);
        let made = weights.rests.is_empty()
            && round_once(x, weights.weights, weights.biases, multipliers, self.output.zero_point, y);
        if made {
            self.output.hold(y);
        }
        made
    }

    /// A core without such a loop.
    #[cfg(not(all(
        target_arch = "arm",
        target_os = "none",
        any(target_abi = "eabihf", not(target_has_atomic = "32"))
    )))]
    #[inline(always)]
    fn in_registers(&self, _: &Weights<i32>, _: &[i8], _: &mut [i8]) -> bool {
        false
    }

    /// The outputs of a vector that is read as it lies in memory. With a vector that is expanded, and blocks of 64 outputs, Iris takes 70 % more
    /// instructions on a Cortex-M3.
    #[inline(never)]
    fn in_pairs(&self, weights: &Weights<i32>, x: &[i8], y: &mut [i8]) {
        let x = Bytes::new(x);
        let stride = words_of_pair(self.inputs);
        let mut rows = weights.weights;
        for (block, biases) in weights.biases.chunks(FEW).enumerate() {
            let mut sums = [[0]; FEW];
            for (sums, biases) in sums.as_chunks_mut::<4>().0.iter_mut().zip(biases.chunks(4)) {
                let Some((first, rest)) = rows.split_at_checked(stride) else { return };
                // The last pair may be alone.
                let (second, rest) = rest.split_at_checked(stride).unwrap_or((first, &[]));
                rows = rest;
                for ((sum, bias), products) in sums.iter_mut().zip(biases).zip(x.products([first, second])) {
                    *sum = [products.wrapping_add(*bias)];
                }
            }
            weights.round_once(self.output, block.wrapping_mul(FEW), sums.get(..biases.len()).unwrap_or(&[]), y);
        }
    }

    /// The outputs of a vector, some at a time.
    #[inline(never)]
    fn in_blocks(&self, weights: &Weights<i32>, x: &[i8], y: &mut [i8]) {
        products::each(
            (&mut Vectors::<1>::new(), &mut [[0]; BLOCK]),
            weights,
            self.inputs,
            |vectors, first, length| {
                let piece = x.get(first..).and_then(|x| x.get(..length)).unwrap_or(&[]);
                vectors.put(0, [piece]);
            },
            |first, sums| weights.round_once(self.output, first, sums, y),
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::paired::{pack, packed_len};
    use crate::quant::samples;
    use rand_core::{Rng, SeedableRng};
    use rand_pcg::Pcg32;
    use std::boxed::Box;
    use std::vec;
    use std::vec::Vec;

    #[test]
    fn pairs_and_blocks_give_the_bytes_of_a_naive_loop() {
        let mut rng = Pcg32::seed_from_u64(1);
        for turn in 0..100 {
            let mut below = |n: u32| (rng.next_u32() % n) as usize;
            let (outputs, inputs) = (1 + below(150), 1 + [below(12), below(700)][turn % 2]);
            let scales = [1, outputs][below(2)];
            let mut bytes = |count: usize| -> Vec<i8> { (0..count).map(|_| below(256) as u8 as i8).collect() };
            let (w, x) = (bytes(outputs * inputs), bytes(inputs));
            let mut packed = vec![0; packed_len(outputs, inputs)];
            pack(&w, inputs, &mut packed);
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
            let [mut pairs, mut blocks] = [0, 1].map(|y| vec![y; outputs]);
            op.in_pairs(&weights, &x, &mut pairs);
            op.in_blocks(&weights, &x, &mut blocks);
            assert!(pairs == expected && blocks == expected, "{outputs} {inputs} {scales} {}", rests.len());
        }
    }

    #[test]
    fn is_that_of_litert() {
        let weights = samples::w::<24>();
        let biases = samples::folded([100, -2000, 3000, 0], 3, |output| Box::new(weights[6 * output..][..6].iter()));
        let (mantissas, shifts) = samples::multipliers([0.01, 0.02, 0.03, 0.04], 0.25);
        let packed = samples::packed::<16>(&weights, 6);
        let weights = Weights { weights: &packed, biases: &biases, mantissas: &mantissas, shifts: &shifts, rests: &[] };
        let mut y = [0; 4];
        FullyConnected { inputs: 6, output: samples::output(-20) }.run(&weights, &samples::x::<6>(), &mut y);
        assert_eq!(y, [12, -35, -62, -89]);
    }
}
