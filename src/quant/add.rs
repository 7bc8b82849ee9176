//! Sum of two tensors.

use super::{Multiplier, Output};

/// Bits that the inputs gain before they are brought to a common scale.
const SHIFT: u32 = 20;

/// Sum of two tensors. Both are brought to twice the larger scale of the two, with 20 more bits, then the sum to the scale of the output.
///
/// Each of the three steps is rounded twice ([`Multiplier::twice`]).
#[derive(Clone, Copy, Debug)]
pub struct Add {
    /// The first one.
    pub a: Addend,
    /// The second one.
    pub b: Addend,
    /// From the common scale to that of the output.
    pub multiplier: Multiplier,
    /// What is written.
    pub output: Output,
}

/// What one input of a sum is multiplied by.
#[derive(Clone, Copy, Debug)]
pub struct Addend {
    /// Its zero point.
    pub zero_point: i8,
    /// To the common scale, a half at most.
    pub multiplier: Multiplier,
}

impl Addend {
    #[inline(always)]
    fn scaled(self, x: i8) -> i32 {
        self.multiplier.twice((i32::from(x) - i32::from(self.zero_point)) << SHIFT)
    }
}

impl Add {
    /// From the three scales. The quotients are those of `f32`, except that the last one's is of `f64`.
    pub fn new([a, b]: [(f32, i8); 2], scale: f32, output: Output) -> Self {
        let twice_max = 2.0 * f64::from(a.0.max(b.0));
        let addend = |(scale, zero_point): (f32, i8)| Addend {
            zero_point,
            multiplier: Multiplier::new(f64::from(scale) / twice_max),
        };
        let multiplier = Multiplier::new(twice_max / f64::from((1 << SHIFT) as f32 * scale));
        Self { a: addend(a), b: addend(b), multiplier, output }
    }

    /// As many sums as `y` is long; `a` and `b` are repeated if they are shorter.
    #[inline(never)]
    pub fn run(&self, a: &[i8], b: &[i8], y: &mut [i8]) {
        for ((a, b), y) in a.iter().cycle().zip(b.iter().cycle()).zip(y) {
            *y = self.sum(*a, *b);
        }
    }

    /// [`run`](Self::run) in the place of `a`.
    #[inline(never)]
    pub fn run_in_place(&self, a: &mut [i8], b: &[i8]) {
        for (a, b) in a.iter_mut().zip(b.iter().cycle()) {
            *a = self.sum(*a, *b);
        }
    }

    #[inline(always)]
    fn sum(&self, a: i8, b: i8) -> i8 {
        self.output.of(self.multiplier.twice(self.a.scaled(a).wrapping_add(self.b.scaled(b))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::quant::samples;

    #[test]
    fn is_that_of_litert() {
        let add = Add::new([(0.05, -7), (0.08, 20)], 0.11, samples::output(-3));
        let (x, mut y) = (samples::x::<16>(), [0; 8]);
        add.run(&x[..8], &x[8..], &mut y);
        assert_eq!(y, [-124, -80, -36, 8, 51, 95, -47, -120]);
        y.copy_from_slice(&x[..8]);
        add.run_in_place(&mut y, &x[8..]);
        assert_eq!(y, [-124, -80, -36, 8, 51, 95, -47, -120]);
    }
}
