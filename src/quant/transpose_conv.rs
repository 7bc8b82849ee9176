//! Transposed convolution.

use super::{Axis, Output, Weights};

/// Transposed convolution of an image: each tap of each window of the output that a convolution would read is added up from that window's
/// pixel.
///
/// Its sums are rounded twice ([`Multiplier::twice`](super::Multiplier::twice)), with one scale as with one a channel.
#[derive(Clone, Copy, Debug)]
pub struct TransposeConv {
    /// From top to bottom of the output; its windows are the rows of the input.
    pub height: Axis,
    /// From left to right of the output; its windows are the columns of the input.
    pub width: Axis,
    /// Channels of the input.
    pub channels: usize,
    /// Zero point of the input. It is not in the biases, since not all taps come to every pixel.
    pub zero_point: i8,
    /// What is written.
    pub output: Output,
}

impl TransposeConv {
    /// `x`: `[height, width, channels]`, weights: `[outputs, kernel height, kernel width, channels]`, `y`: `[output height, output width,
    /// outputs]`.
    #[inline(never)]
    pub fn run(&self, weights: &Weights, x: &[i8], y: &mut [i8]) {
        let outputs = weights.outputs().max(1);
        let of_row = self.width.kernel.wrapping_mul(self.channels).max(1);
        let of_output = of_row.wrapping_mul(self.height.kernel).max(1);
        let rows = y.chunks_exact_mut(self.width.input.wrapping_mul(outputs).max(1));
        for (row, y) in rows.enumerate() {
            for (column, y) in y.chunks_exact_mut(outputs).enumerate() {
                let of_outputs = weights.weights.chunks_exact(of_output).zip(weights.biases);
                for (output, (y, (w, bias))) in y.iter_mut().zip(of_outputs).enumerate() {
                    let sum = self.sum(w.chunks_exact(of_row), x, [row, column], *bias);
                    *y = self.output.of(weights.multiplier(output).twice(sum));
                }
            }
        }
    }

    /// Of one output of a pixel, by the rows of its weights.
    #[inline(always)]
    fn sum<'w>(&self, w: impl Iterator<Item = &'w [i8]>, x: &[i8], at: [usize; 2], bias: i32) -> i32 {
        let mut sum = bias;
        for (tap, w) in w.enumerate() {
            let Some(row) = self.height.window(at[0], tap) else { continue };
            for (tap, w) in w.chunks_exact(self.channels.max(1)).enumerate() {
                let Some(column) = self.width.window(at[1], tap) else { continue };
                let first = row.wrapping_mul(self.width.output).wrapping_add(column).wrapping_mul(self.channels);
                for (x, w) in x.get(first..).unwrap_or(&[]).iter().zip(w) {
                    let x = i32::from(*x) - i32::from(self.zero_point);
                    sum = sum.wrapping_add(x * i32::from(*w));
                }
            }
        }
        sum
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::quant::samples;
    use rand_core::{Rng, SeedableRng};
    use rand_pcg::Pcg32;
    use std::vec::Vec;

    fn axis(rng: &mut Pcg32) -> Axis {
        let (kernel, output) = (samples::between(rng, 1, 4), samples::between(rng, 1, 5));
        let before = samples::between(rng, 0, kernel);
        let [stride, dilation] = [(); 2].map(|()| samples::between(rng, 1, 3));
        Axis { input: samples::between(rng, 1, 12), kernel, stride, dilation, before, output }
    }

    /// Each pixel is added to all pixels that its window would read.
    fn plain(op: &TransposeConv, weights: &Weights, x: &[i8]) -> Vec<i8> {
        let TransposeConv { height, width, channels, zero_point, output } = *op;
        let outputs = weights.biases.len();
        let biases = weights.biases.iter().map(|bias| i64::from(*bias));
        let mut sums: Vec<i64> = biases.cycle().take(height.input * width.input * outputs).collect();
        for (pixel, x) in x.chunks_exact(channels).enumerate() {
            let window = [pixel / width.output, pixel % width.output];
            for (at, w) in weights.weights.chunks_exact(channels).enumerate() {
                let tap = [at / width.kernel % height.kernel, at % width.kernel];
                let [row, column] = [(height, 0), (width, 1)].map(|(axis, i)| {
                    let place = (window[i] * axis.stride + tap[i] * axis.dilation).checked_sub(axis.before);
                    place.filter(|place| *place < axis.input)
                });
                let (Some(row), Some(column)) = (row, column) else { continue };
                let sum = &mut sums[(row * width.input + column) * outputs + at / (height.kernel * width.kernel)];
                *sum +=
                    x.iter().zip(w).map(|(x, w)| (i64::from(*x) - i64::from(zero_point)) * i64::from(*w)).sum::<i64>();
            }
        }
        let of = |(at, sum): (usize, &i64)| {
            let y = samples::twice(weights.multiplier(at % outputs), *sum) + i64::from(output.zero_point);
            y.clamp(output.least.into(), output.greatest.into()) as i8
        };
        sums.iter().enumerate().map(of).collect()
    }

    #[test]
    fn is_its_plain_twin() {
        let mut rng = Pcg32::seed_from_u64(1);
        for _ in 0..300 {
            let (height, width) = (axis(&mut rng), axis(&mut rng));
            let [channels, outputs] = [(); 2].map(|()| samples::between(&mut rng, 1, 5));
            let x = samples::integers(&mut rng, height.output * width.output * channels);
            let weights = samples::integers(&mut rng, outputs * height.kernel * width.kernel * channels);
            let biases: Vec<i32> = (0..outputs).map(|_| rng.next_u32() as i32 >> 18).collect();
            let factors = if rng.next_u32() % 2 == 0 { 1 } else { outputs };
            let multipliers: Vec<_> = (0..factors).map(|_| samples::multiplier(&mut rng)).collect();
            let mantissas: Vec<_> = multipliers.iter().map(|multiplier| multiplier.mantissa).collect();
            let shifts: Vec<_> = multipliers.iter().map(|multiplier| multiplier.shift).collect();
            let weights =
                Weights { weights: &weights, biases: &biases, mantissas: &mantissas, shifts: &shifts, rests: &[] };
            let zeros = samples::integers(&mut rng, 2);
            let output = Output { least: -100, ..samples::output(zeros[1]) };
            let op = TransposeConv { height, width, channels, zero_point: zeros[0], output };
            let mut y = std::vec![0; height.input * width.input * outputs];
            op.run(&weights, &x, &mut y);
            assert_eq!(y, plain(&op, &weights, &x), "{op:?}");
        }
    }
}
