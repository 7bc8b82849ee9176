//! What a product with weights reads from flash.

use super::lessening::Lessening;
use super::{Multiplier, Output};
#[cfg(all(target_arch = "arm", target_os = "none", not(target_has_atomic = "32")))]
use crate::kernels::armv6m::round;
use crate::kernels::backend::widest;
#[cfg(all(target_arch = "arm", target_os = "none", target_abi = "eabihf"))]
use crate::kernels::dsp::round_four;
use crate::kernels::paired::{DSP, FEW_REGISTERS, packed_len};

/// Whether sums are rounded output by output: without it vww takes 4 % more instructions on a Cortex-M3 and on RISC-V. On a desktop, vectors of
/// outputs are.
const BY_OUTPUT: bool = cfg!(target_os = "none") && !DSP && !FEW_REGISTERS;

/// Weights and what belongs to each output channel.
#[derive(Clone, Copy, Debug)]
pub struct Weights<'a, W = i8> {
    /// In the order that the operator names, packed where it says so. Their zero point is 0.
    pub weights: &'a [W],
    /// One for each output. The input's zero point is in it: `bias - zero_point * (sum of the output's weights)`.
    pub biases: &'a [i32],
    /// [Multipliers](Multiplier), one for each output or one for all: the scale of the input times that of the weights, divided by that of
    /// the output, in `f64` from left to right; of a matrix product, near that ([`Multiplier::exact`]).
    pub mantissas: &'a [i32],
    /// The other part of the multipliers.
    pub shifts: &'a [i8],
    /// Of a matrix product, the bits that come after its mantissas where 31 are not enough ([`Multiplier::exact`]). Empty otherwise.
    pub rests: &'a [u32],
}

impl Weights<'_, i32> {
    /// Those of the `count` outputs from `first` on, an even one, of rows of `inputs` weights; multipliers stay those of all.
    #[inline(always)]
    pub(super) fn part(&self, inputs: usize, first: usize, count: usize) -> Self {
        Self {
            weights: self.weights.get(packed_len(first, inputs)..).unwrap_or(&[]),
            biases: self.biases.get(first..).and_then(|biases| biases.get(..count)).unwrap_or(&[]),
            ..*self
        }
    }
}

/// An output of its sum, by [`Multiplier::twice`], within 8 bits.
#[cfg(all(target_arch = "arm", target_os = "none", not(target_has_atomic = "32")))]
extern "C" fn exact(sum: i32, mantissa: i32, shift: i32, zero_point: i32) -> i32 {
    let product = Multiplier { mantissa, shift: shift as i8 }.twice(sum);
    product.saturating_add(zero_point).clamp(i8::MIN.into(), i8::MAX.into())
}

impl<W> Weights<'_, W> {
    /// Number of outputs.
    #[inline(always)]
    pub fn outputs(&self) -> usize {
        self.biases.len()
    }

    #[inline(always)]
    pub(super) fn multiplier(&self, output: usize) -> Multiplier {
        let mantissa = self.mantissas.get(output).or(self.mantissas.last());
        let shift = self.shifts.get(output).or(self.shifts.last());
        Multiplier { mantissa: mantissa.copied().unwrap_or(0), shift: shift.copied().unwrap_or(0) }
    }

    /// Bias, mantissa and shift of the outputs from `first` on.
    #[cfg(all(target_arch = "x86_64", feature = "std"))]
    pub(super) fn constants(&self, first: usize) -> impl Iterator<Item = [i32; 3]> {
        self.biases.iter().enumerate().skip(first).map(|(output, bias)| {
            let Multiplier { mantissa, shift } = self.multiplier(output);
            [*bias, mantissa, shift.into()]
        })
    }

    /// Whether all multipliers are below 1: shifts to the right, or 0.
    pub(super) fn lessen(&self) -> bool {
        let mut multipliers = self.mantissas.iter().zip(self.shifts);
        self.mantissas.len() == self.shifts.len()
            && multipliers
                .all(|(mantissa, shift)| (*mantissa >= 1 << 30 && *shift < 0) || (*mantissa, *shift) == (0, 0))
    }

    /// `y[p][first + i]` of the sums `[i][p]`, by [`Multiplier::twice`], within 8 bits: they may have to be [held](Output::hold).
    #[inline(never)]
    pub(super) fn round_twice<const P: usize>(&self, output: Output, first: usize, sums: &[[i32; P]], y: &mut [i8]) {
        // One copy for any number of vectors: where sums are rounded in registers, few come here.
        if DSP {
            let Self { biases, mantissas, shifts, rests, .. } = *self;
            let any = Weights { weights: &[], biases, mantissas, shifts, rests };
            any.round_all(output, first, sums.as_flattened(), P, y);
            return;
        }
        if BY_OUTPUT && self.round_by_output(output, first, sums, y) {
            return;
        }
        let of = |all: usize| if all == 1 { 0 } else { first };
        let mantissas = self.mantissas.get(of(self.mantissas.len())..).unwrap_or(&[]);
        let shifts = self.shifts.get(of(self.shifts.len())..).unwrap_or(&[]);
        // Without this loop vww takes 13 % more instructions.
        #[cfg(all(target_arch = "arm", target_os = "none", not(target_has_atomic = "32")))]
        {
            let y = y.get_mut(first..).unwrap_or_default();
            if round(sums, (mantissas, shifts), output.zero_point, self.outputs(), y, exact) {
                return;
            }
        }
        let multipliers = mantissas.iter().zip(shifts);
        widest(
            #[inline(always)]
            || {
                for (at, y) in y.chunks_exact_mut(self.outputs().max(1)).take(P).enumerate() {
                    let y = y.get_mut(first..).unwrap_or_default().iter_mut().zip(sums);
                    if self.mantissas.len() == 1 {
                        let multiplier = self.multiplier(0);
                        y.for_each(|(y, sums)| *y = output.of_sum(multiplier, sums[at]));
                    } else {
                        y.zip(multipliers.clone()).for_each(|((y, sums), (mantissa, shift))| {
                            let multiplier = Multiplier { mantissa: *mantissa, shift: *shift };
                            *y = output.of_sum(multiplier, sums[at]);
                        });
                    }
                }
            },
        );
    }

    /// As [`round_twice`](Self::round_twice), with a look at each output's multiplier for all vectors, if there are as many multipliers as
    /// outputs and all vectors.
    #[inline(always)]
    fn round_by_output<const P: usize>(&self, output: Output, first: usize, sums: &[[i32; P]], y: &mut [i8]) -> bool {
        let count = sums.len();
        let end = first.wrapping_add(count);
        let (Some(mantissas), Some(shifts)) = (self.mantissas.get(first..end), self.shifts.get(first..end)) else {
            return false;
        };
        let mut rows = y.chunks_exact_mut(self.outputs().max(1));
        let mut rows = [(); P].map(|()| rows.next().and_then(|y| y.get_mut(first..end)).unwrap_or_default());
        if rows.iter().any(|row| row.len() != count) {
            return false;
        }
        for (i, ((sums, mantissa), shift)) in sums.iter().zip(mantissas).zip(shifts).enumerate() {
            let multiplier = Multiplier { mantissa: *mantissa, shift: *shift };
            let usual = Lessening::new(multiplier, output.zero_point);
            for (row, sum) in rows.iter_mut().zip(sums) {
                let Some(y) = row.get_mut(i) else { continue };
                *y = match &usual {
                    Some(usual) => usual.of(*sum),
                    None => output.of_sum(multiplier, *sum),
                };
            }
        }
        true
    }

    /// `y[first + i]` of `sums[i]`, by [`Multiplier::once`].
    #[inline(never)]
    pub(super) fn round_once(&self, output: Output, first: usize, sums: &[[i32; 1]], y: &mut [i8]) {
        let y = y.get_mut(first..).unwrap_or_default();
        let alike = self.rests.is_empty() && self.mantissas.len() == 1;
        match self.multiplier(0).lessened_once(output.zero_point) {
            // Without it ad01 takes 1 % more instructions on a Cortex-M3, hello_world 4 %.
            Some(of) if alike => y.iter_mut().zip(sums).for_each(|(y, [sum])| *y = output.held(of(*sum))),
            _ => y.iter_mut().zip(sums).zip(first..).for_each(|((y, [sum]), i)| {
                *y = output.of(self.multiplier(i).once(*sum, self.rest(i)));
            }),
        }
    }

    #[inline(always)]
    pub(super) fn rest(&self, output: usize) -> u32 {
        self.rests.get(output).or(self.rests.last()).copied().unwrap_or(0)
    }
}

impl Weights<'_> {
    /// As [`round_twice`](Self::round_twice), of any number of `vectors`.
    #[inline(never)]
    fn round_all(&self, output: Output, first: usize, sums: &[i32], vectors: usize, y: &mut [i8]) {
        let fours = sums.chunks_exact(vectors.saturating_mul(4).max(1));
        let rest = fours.remainder().chunks_exact(vectors.max(1));
        for (at, y) in y.chunks_exact_mut(self.outputs().max(1)).take(vectors).enumerate() {
            let sum = |sums: &[i32], output: usize| {
                sums.get(output.wrapping_mul(vectors).wrapping_add(at)).copied().unwrap_or(0)
            };
            let mut next = first;
            for (y, sums) in y.get_mut(first..).unwrap_or_default().as_chunks_mut().0.iter_mut().zip(fours.clone()) {
                *y = self.round_four(output, next, [0, 1, 2, 3].map(|output| sum(sums, output)));
                next = next.wrapping_add(4);
            }
            for (y, sums) in y.get_mut(next..).unwrap_or_default().iter_mut().zip(rest.clone()) {
                *y = self.round(output, next, sum(sums, 0));
                next = next.wrapping_add(1);
            }
        }
    }

    /// The outputs from `first` on, of their sums.
    #[inline(always)]
    fn round_four(&self, output: Output, first: usize, sums: [i32; 4]) -> [i8; 4] {
        #[cfg(all(target_arch = "arm", target_os = "none", target_abi = "eabihf"))]
        {
            let Multiplier { mantissa, shift } = self.multiplier(0);
            let of_four = |mantissas: &[i32]| mantissas.get(first..)?.first_chunk::<4>().copied();
            let mantissas = of_four(self.mantissas).unwrap_or([mantissa; 4]);
            let shifts = self.shifts.get(first..).and_then(|shifts| shifts.first_chunk()).copied();
            if let Some(y) = round_four(sums, mantissas, shifts.unwrap_or([shift; 4]), output.zero_point) {
                return y;
            }
        }
        core::array::from_fn(|i| self.round(output, first.wrapping_add(i), sums[i]))
    }

    /// An output of its sum.
    #[inline(never)]
    pub(super) fn round(&self, output: Output, at: usize, sum: i32) -> i8 {
        output.of_sum(self.multiplier(at), sum)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::quant::samples;
    use rand_core::{Rng, SeedableRng};
    use rand_pcg::Pcg32;
    use std::vec;
    use std::vec::Vec;

    #[test]
    fn sums_are_rounded_alike_output_by_output() {
        let mut rng = Pcg32::seed_from_u64(6);
        for _ in 0..100 {
            let outputs = samples::between(&mut rng, 1, 40);
            let multipliers: Vec<_> = (0..outputs).map(|_| samples::multiplier(&mut rng)).collect();
            let mantissas: Vec<_> = multipliers.iter().map(|multiplier| multiplier.mantissa).collect();
            let shifts: Vec<_> = multipliers.iter().map(|multiplier| multiplier.shift).collect();
            let biases = vec![0; outputs];
            let (mantissas, shifts, biases) = (&mantissas[..], &shifts[..], &biases[..]);
            let weights = Weights::<i8> { weights: &[], biases, mantissas, shifts, rests: &[] };
            let output = Output { zero_point: rng.next_u32() as i8, least: -128, greatest: 127 };
            let first = samples::between(&mut rng, 0, outputs - 1);
            let sums: Vec<_> = (first..outputs).map(|_| [(); 3].map(|()| rng.next_u32() as i32 >> 12)).collect();
            let mut y = vec![0; 3 * outputs];
            let mut expected = y.clone();
            assert!(weights.round_by_output(output, first, &sums, &mut y));
            weights.round_twice(output, first, &sums, &mut expected);
            assert_eq!(y, expected);
            // Not all vectors, not all multipliers.
            assert!(!weights.round_by_output(output, first, &sums, &mut y[..2 * outputs]));
            assert!(!weights.round_by_output(output, first + 1, &sums, &mut y));
        }
    }
}
