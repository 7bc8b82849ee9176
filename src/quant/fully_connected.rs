//! Matrix product.

use super::products;
use super::{Output, Weights};
use crate::kernels::paired::Vectors;

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
    /// `x`: `[n, inputs]`, weights: `[outputs, inputs]`, [packed](super::pack), `y`: `[n, outputs]`.
    #[inline(never)]
    pub fn run(&self, weights: &Weights<i32>, x: &[i8], y: &mut [i8]) {
        /// Outputs at a time.
        const BLOCK: usize = 64;
        let mut vectors = Vectors::<1>::new();
        for (x, y) in x.chunks_exact(self.inputs.max(1)).zip(y.chunks_exact_mut(weights.outputs().max(1))) {
            products::each::<1, BLOCK>(
                &mut vectors,
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
