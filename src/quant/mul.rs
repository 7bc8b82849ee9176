//! Product of the elements of two tensors.

use super::{Multiplier, Output};

/// Product of the elements of two tensors, rounded twice ([`Multiplier::twice`]).
#[derive(Clone, Copy, Debug)]
pub struct Mul {
    /// Zero points of the inputs.
    pub zero_points: [i8; 2],
    /// The scales of the inputs, divided by that of the output, in `f32`.
    pub multiplier: Multiplier,
    /// What is written.
    pub output: Output,
}

impl Mul {
    /// As many products as `y` is long; `a` and `b` are repeated if they are shorter.
    #[inline(never)]
    pub fn run(&self, a: &[i8], b: &[i8], y: &mut [i8]) {
        for ((a, b), y) in a.iter().cycle().zip(b.iter().cycle()).zip(y) {
            *y = self.product(*a, *b);
        }
    }

    /// [`run`](Self::run) in the place of `a`.
    #[inline(never)]
    pub fn run_in_place(&self, a: &mut [i8], b: &[i8]) {
        for (a, b) in a.iter_mut().zip(b.iter().cycle()) {
            *a = self.product(*a, *b);
        }
    }

    #[inline(always)]
    fn product(&self, a: i8, b: i8) -> i8 {
        let [zero_a, zero_b] = self.zero_points.map(i32::from);
        self.output.of(self.multiplier.twice((i32::from(a) - zero_a) * (i32::from(b) - zero_b)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::quant::samples;

    #[test]
    fn is_that_of_litert() {
        let mul = Mul {
            zero_points: [-7, 20],
            multiplier: Multiplier::new((0.05_f32 * 0.08 / 0.3).into()),
            output: Output { zero_point: -60, least: -60, greatest: 127 },
        };
        let (x, mut y) = (samples::x::<16>(), [0; 8]);
        mul.run(&x[..8], &x[8..], &mut y);
        assert_eq!(y, [82, -2, -49, -60, -34, 28, -60, 74]);
    }
}
