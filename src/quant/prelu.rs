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
