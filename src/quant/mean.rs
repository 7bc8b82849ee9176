//! Mean over axes.

use super::{Multiplier, Output, Strided};

/// Outputs that are summed up together, side by side.
const BLOCK: usize = 16;

/// Mean over axes. The sum, less the zero points in it, is rounded twice ([`Multiplier::twice`]).
#[derive(Clone, Copy, Debug)]
pub struct Mean {
    /// The elements that are the first ones of a sum, as many as there are outputs.
    pub kept: Strided,
    /// From the first element of a sum to the others.
    pub summed: Strided,
    /// Zero point of the input times the number of elements of a sum.
    pub zero: i32,
    /// From a sum to an output, as [`Mean::multiplier`] makes it.
    pub multiplier: Multiplier,
    /// What is written.
    pub output: Output,
}

impl Mean {
    /// The quotient of the scales of input and output, divided by the number of elements in a sum: the mantissa, moved to the left by as many
    /// bits as the number has without its first one, is divided by the number, rounded down.
    pub fn multiplier(x_scale: f32, y_scale: f32, count: usize) -> Multiplier {
        let Multiplier { mantissa, shift } = Multiplier::new(f64::from(x_scale) / f64::from(y_scale));
        let bits = count.checked_ilog2().unwrap_or(0).min(32).min((31 + i32::from(shift)).unsigned_abs());
        let mantissa = (i64::from(mantissa) << bits).checked_div(count as i64).unwrap_or(0);
        Multiplier { mantissa: mantissa as i32, shift: shift - bits as i8 }
    }

    /// The means, in row-major order.
    #[inline(never)]
    pub fn run(&self, x: &[i8], y: &mut [i8]) {
        let (runs, len) = self.kept.runs();
        for (place, y) in runs.places().zip(y.chunks_mut(len)) {
            for (block, y) in y.chunks_mut(BLOCK).enumerate() {
                let mut sums = [0_i32; BLOCK];
                let summed = Strided { first: place.wrapping_add(block.wrapping_mul(BLOCK)), ..self.summed };
                for place in summed.places() {
                    let x = x.get(place..).and_then(|rest| rest.get(..y.len())).unwrap_or(&[]);
                    for (sum, x) in sums.iter_mut().zip(x) {
                        *sum = sum.wrapping_add((*x).into());
                    }
                }
                for (y, sum) in y.iter_mut().zip(sums) {
                    *y = self.output.of(self.multiplier.twice(sum.wrapping_sub(self.zero)));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::quant::{AXES, samples};

    #[test]
    fn over_an_image_is_that_of_litert() {
        let strided = |lengths: [usize; 2], steps: [isize; 2]| {
            let mut strided = Strided { lengths: [1; AXES], steps: [0; AXES], first: 0 };
            strided.lengths[AXES - 2..].copy_from_slice(&lengths);
            strided.steps[AXES - 2..].copy_from_slice(&steps);
            strided
        };
        let mean = Mean {
            kept: strided([1, 4], [0, 1]),
            summed: strided([3, 3], [12, 4]),
            zero: -7 * 9,
            multiplier: Mean::multiplier(0.05, 0.02, 9),
            output: samples::output(11),
        };
        let mut y = [0; 4];
        mean.run(&samples::x::<36>(), &mut y);
        assert_eq!(y, [7, 29, 50, 0]);
    }
}
