//! Matrix product.

use super::products;
use super::{Output, Weights};
#[cfg(all(target_arch = "arm", target_os = "none", target_abi = "eabihf"))]
use crate::kernels::paired::PIECE;
use crate::kernels::paired::Vectors;

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
    /// Bytes on the stack: a vector, expanded, and a block of sums.
    pub(super) const SCRATCH: usize = size_of::<(Vectors<1>, [[i32; 1]; BLOCK])>();

    /// `x`: `[n, inputs]`, weights: `[outputs, inputs]`, [packed](super::pack), `y`: `[n, outputs]`.
    #[inline(never)]
    pub fn run(&self, weights: &Weights<i32>, x: &[i8], y: &mut [i8]) {
        let mut vectors = Vectors::<1>::new();
        let (mut x, mut y) = (x, y);
        while let (Some((x_now, x_rest)), Some((y_now, y_rest))) =
            (x.split_at_checked(self.inputs.max(1)), y.split_at_mut_checked(weights.outputs().max(1)))
        {
            (x, y) = (x_rest, y_rest);
            #[cfg(all(target_arch = "arm", target_os = "none", target_abi = "eabihf"))]
            if self.in_registers(&mut vectors, weights, x_now, y_now) {
                continue;
            }
            self.in_blocks(&mut vectors, weights, x_now, y_now);
        }
    }

    /// The outputs of a vector, some at a time.
    #[inline(never)]
    fn in_blocks(&self, vectors: &mut Vectors<1>, weights: &Weights<i32>, x: &[i8], y: &mut [i8]) {
        products::each(
            (vectors, &mut [[0]; BLOCK]),
            weights,
            self.inputs,
            |vectors, first, length| {
                let piece = x.get(first..).and_then(|x| x.get(..length)).unwrap_or(&[]);
                vectors.put(0, [piece]);
            },
            |first, sums| weights.round_once(self.output, first, sums, y),
        );
    }

    /// The outputs of a vector, if this loop can make them. Without it ad01 takes 5 % more instructions,
    /// hello_world 60 %.
    #[cfg(all(target_arch = "arm", target_os = "none", target_abi = "eabihf"))]
    #[inline(always)]
    fn in_registers(&self, vectors: &mut Vectors<1>, weights: &Weights<i32>, x: &[i8], y: &mut [i8]) -> bool {
        if self.inputs > PIECE || !weights.rests.is_empty() {
            return false;
        }
        vectors.begin(self.inputs);
        vectors.put(0, [x]);
        let multipliers = (weights.mantissas, weights.shifts);
        let made = vectors.round_once(weights.weights, weights.biases, multipliers, self.output.zero_point, y);
        if made {
            self.output.hold(y);
        }
        made
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::quant::samples;
    use std::boxed::Box;

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
