//! Input standardisation that travels with the weights.

use core::array::{from_mut, from_ref};

use crate::layers::{Forward, Layer, Memory, Mode, Plan, in_place};
use crate::numbers::{Real, Tensors, Zero, fingerprint, untrained};

/// `(x − mean) / deviation` for each of `N` features, so that a network takes raw centimetres.
///
/// The figures are fitted to the training data once, are stored with the weights, and are not changed by an optimizer.
#[derive(Clone, Debug, PartialEq)]
pub struct Standardize<const N: usize, T = f32> {
    mean: [T; N],
    inverse_deviation: [T; N],
}

impl<const N: usize, T: Real> Standardize<N, T> {
    /// With figures of one's own. As a last layer, `new([-m / s], [s])` is `y·s + m`: it takes a network's output back to the units of
    /// targets with mean `m` and deviation `s`.
    pub const fn new(mean: [T; N], inverse_deviation: [T; N]) -> Self {
        Self { mean, inverse_deviation }
    }

    /// Takes mean and standard deviation (of the population, divided by n) from `examples`, in two passes.
    /// A feature that never changes keeps the deviation 1; without examples nothing changes.
    pub fn fit<'a>(&mut self, examples: impl Iterator<Item = &'a [T; N]> + Clone)
    where
        T: 'a,
    {
        let count = T::of(examples.clone().count() as f64);
        if count == T::ZERO {
            return;
        }
        for (i, (mean, inverse)) in self.mean.iter_mut().zip(&mut self.inverse_deviation).enumerate() {
            let mut sum = T::ZERO;
            for x in examples.clone() {
                sum += x[i];
            }
            *mean = sum / count;
            let mut squares = T::ZERO;
            for x in examples.clone() {
                squares += (x[i] - *mean) * (x[i] - *mean);
            }
            let deviation = (squares / count).sqrt();
            *inverse = if deviation > T::ZERO { T::ONE / deviation } else { T::ONE };
        }
    }
}

impl<const N: usize, T: Real> Zero for Standardize<N, T> {
    const ZERO: Self = Self { mean: Zero::ZERO, inverse_deviation: Zero::ZERO };
    fn clear(&mut self) {
        self.mean.clear();
        self.inverse_deviation.clear();
    }
}

impl<const N: usize, T: Real> Tensors<T> for Standardize<N, T> {
    const LEN: usize = 2 * N;
    const FINGERPRINT: u32 = fingerprint("Standardize", &[N]);
    fn visit(&self, f: &mut impl FnMut(&[T])) {
        f(&self.mean);
        f(&self.inverse_deviation);
    }
    fn visit_mut(&mut self, f: &mut impl FnMut(&mut [T])) {
        f(&mut self.mean);
        f(&mut self.inverse_deviation);
    }
}
untrained!([const N: usize, T: Real] Standardize<N, T>);

impl<const N: usize, T: Real> Forward<[T; N]> for Standardize<N, T> {
    type Out = [T; N];
    const PLAN: Plan = Plan::in_place::<[T; N]>();

    #[inline]
    fn infer(&self, x: &[T; N], memory: Memory) {
        memory.write(|y| self.forward(from_ref(x), &mut (), from_mut(y), Mode::Inference));
    }
    #[inline]
    fn infer_inside(&self, memory: Memory) {
        memory.write(|y: &mut [T; N]| {
            let x = *y;
            self.forward(from_ref(&x), &mut (), from_mut(y), Mode::Inference);
        });
    }
}

in_place!([const N: usize, T: Real] [T; N], Standardize<N, T>, |layer, row| {
    let x = *row;
    layer.forward(from_ref(&x), &mut (), from_mut(row), Mode::Inference);
});

impl<const N: usize, T: Real> Layer<[T; N]> for Standardize<N, T> {
    type Acts<const B: usize> = ();
    type Scratch<const B: usize> = ();

    #[inline]
    fn forward<const B: usize>(&self, x: &[[T; N]; B], (): &mut (), y: &mut [[T; N]; B], _: Mode) {
        for (x, y) in x.iter().zip(y) {
            for (((y, x), mean), inverse) in y.iter_mut().zip(x).zip(&self.mean).zip(&self.inverse_deviation) {
                *y = (*x - *mean) * *inverse;
            }
        }
    }
    #[inline]
    fn backward<const B: usize>(
        &self,
        _: &[[T; N]; B],
        (): &(),
        _: &[[T; N]; B],
        dy: &mut [[T; N]; B],
        (): &mut (),
        dx: Option<&mut [[T; N]; B]>,
        _: Option<&mut ()>,
        _: Mode,
    ) {
        let Some(dx) = dx else { return };
        for (dy, dx) in dy.iter().zip(dx) {
            for ((dx, dy), inverse) in dx.iter_mut().zip(dy).zip(&self.inverse_deviation) {
                *dx = *dy * *inverse;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fitted_data_has_mean_0_and_deviation_1_and_a_constant_feature_is_only_shifted() {
        let data = [[1.0f64, 5.0], [2.0, 5.0], [6.0, 5.0]];
        let mut layer = Standardize::<2, f64>::ZERO;
        layer.fit(data.iter());
        let mut y = data;
        layer.forward(&data, &mut (), &mut y, Mode::Inference);
        // Mean 3, squares 4 + 1 + 9 = 14, deviation √(14/3).
        let deviation = (14.0f64 / 3.0).sqrt();
        for (y, x) in y.iter().zip(&data) {
            assert!((y[0] - (x[0] - 3.0) / deviation).abs() < 1e-15);
            assert_eq!(y[1], 0.0);
        }
    }
}
