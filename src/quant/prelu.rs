//! A leaky ReLU with slopes of its own.

use super::{Multiplier, Output};

/// `x` where it is positive, elsewhere a slope times `x`: each rounded twice ([`Multiplier::twice`]).
#[derive(Clone, Copy, Debug)]
pub struct PRelu {
    /// Zero points of the input and of the slopes.
    pub zero_points: [i8; 2],
    /// The scale of the input, divided by that of the output, in `f32`.
    pub positive: Multiplier,
    /// The scale of the input times that of the slopes, divided by that of the output, in `f32`.
    pub negative: Multiplier,
    /// What is written.
    pub output: Output,
}

impl PRelu {
    /// As many outputs as `y` is long; the slopes are repeated if they are fewer.
    #[inline(never)]
    pub fn run(&self, x: &[i8], slopes: &[i8], y: &mut [i8]) {
        for ((x, slope), y) in x.iter().zip(slopes.iter().cycle()).zip(y) {
            *y = self.of(*x, *slope);
        }
    }

    /// [`run`](Self::run) in the place of `x`.
    #[inline(never)]
    pub fn run_in_place(&self, x: &mut [i8], slopes: &[i8]) {
        for (x, slope) in x.iter_mut().zip(slopes.iter().cycle()) {
            *x = self.of(*x, *slope);
        }
    }

    #[inline(always)]
    fn of(&self, x: i8, slope: i8) -> i8 {
        let [zero, zero_slope] = self.zero_points.map(i32::from);
        let x = i32::from(x) - zero;
        self.output.of(match x {
            0.. => self.positive.twice(x),
            _ => self.negative.twice(x * (i32::from(slope) - zero_slope)),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::quant::samples;
    use rand_core::SeedableRng;
    use rand_pcg::Pcg32;

    #[test]
    fn is_its_plain_twin() {
        let mut rng = Pcg32::seed_from_u64(1);
        for _ in 0..300 {
            let (channels, pixels) = (samples::between(&mut rng, 1, 9), samples::between(&mut rng, 1, 12));
            let x = samples::integers(&mut rng, channels * pixels);
            let slopes = samples::integers(&mut rng, channels);
            let zeros = samples::integers(&mut rng, 3);
            let op = PRelu {
                zero_points: [zeros[0], zeros[1]],
                positive: samples::multiplier(&mut rng),
                negative: samples::multiplier(&mut rng),
                output: samples::output(zeros[2]),
            };
            let expected = x.iter().enumerate().map(|(at, x)| {
                let [x, slope] =
                    [(*x, zeros[0]), (slopes[at % channels], zeros[1])].map(|(x, zero)| i64::from(x) - i64::from(zero));
                let y = if x < 0 { samples::twice(op.negative, x * slope) } else { samples::twice(op.positive, x) };
                (y + i64::from(zeros[2])).clamp(-128, 127) as i8
            });
            let expected: std::vec::Vec<i8> = expected.collect();
            let (mut y, mut in_place) = (std::vec![0; x.len()], x.clone());
            op.run(&x, &slopes, &mut y);
            op.run_in_place(&mut in_place, &slopes);
            assert_eq!((&y, &in_place), (&expected, &expected), "{op:?}");
        }
    }
}
