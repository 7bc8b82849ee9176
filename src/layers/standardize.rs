//! Input standardisation that travels with the weights.

use crate::layers::{Forward, Layer, Memory, Mode, Plan, in_place};
use crate::numbers::{Real, Tensors, Zero, fingerprint, untrained};

/// `(x − mean) / deviation` for each of `N` features, so that a network takes raw centimetres, or the integers of a network before it:
/// `new([zero_point; N], [scale; N])` makes of `[i8; N]` the numbers that they mean. Of a signal, `[[T; N]; L]`, each instant's `N` channels.
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
    pub fn fit<'a, E: Copy + Into<T> + 'a>(&mut self, examples: impl Iterator<Item = &'a [E; N]> + Clone) {
        let count = T::of(examples.clone().count() as f64);
        if count == T::ZERO {
            return;
        }
        for (i, (mean, inverse)) in self.mean.iter_mut().zip(&mut self.inverse_deviation).enumerate() {
            let mut sum = T::ZERO;
            for x in examples.clone() {
                sum += x[i].into();
            }
            *mean = sum / count;
            let mut squares = T::ZERO;
            for x in examples.clone() {
                let x: T = x[i].into();
                squares += (x - *mean) * (x - *mean);
            }
            let deviation = (squares / count).sqrt();
            *inverse = if deviation > T::ZERO { T::ONE / deviation } else { T::ONE };
        }
    }

    #[inline]
    fn run<E: Copy + Into<T>>(&self, x: &[E; N], y: &mut [T; N]) {
        for (((y, x), mean), inverse) in y.iter_mut().zip(x).zip(&self.mean).zip(&self.inverse_deviation) {
            *y = ((*x).into() - *mean) * *inverse;
        }
    }

    #[inline]
    fn run_inside(&self, y: &mut [T; N]) {
        let x = *y;
        self.run(&x, y);
    }

    #[inline]
    fn derive(&self, dy: &[[T; N]], dx: &mut [[T; N]]) {
        for (dy, dx) in dy.iter().zip(dx) {
            for ((dx, dy), inverse) in dx.iter_mut().zip(dy).zip(&self.inverse_deviation) {
                *dx = *dy * *inverse;
            }
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
        memory.write(|y| self.run(x, y));
    }
    #[inline]
    fn infer_inside(&self, memory: Memory) {
        memory.write(|y: &mut [T; N]| self.run_inside(y));
    }
}

in_place!([const N: usize, T: Real] [T; N], Standardize<N, T>, |layer, row| layer.run_inside(row));

impl<const N: usize, const L: usize> Forward<[[i8; N]; L]> for Standardize<N> {
    type Out = [[f32; N]; L];

    #[inline]
    fn infer(&self, x: &[[i8; N]; L], memory: Memory) {
        memory.write(|y: &mut [[f32; N]; L]| x.iter().zip(y).for_each(|(x, y)| self.run(x, y)));
    }
}

impl<const N: usize> Forward<[i8; N]> for Standardize<N> {
    type Out = [f32; N];

    #[inline]
    fn infer(&self, x: &[i8; N], memory: Memory) {
        memory.write(|y| self.run(x, y));
    }
}

/// The first layer of what learns on a network of integers.
impl<const N: usize> Layer<[i8; N]> for Standardize<N> {
    type Acts<const B: usize> = ();
    type Scratch<const B: usize> = ();

    #[inline]
    fn forward<const B: usize>(&self, x: &[[i8; N]; B], (): &mut (), y: &mut [[f32; N]; B], _: Mode) {
        x.iter().zip(y).for_each(|(x, y)| self.run(x, y));
    }
    #[inline]
    fn backward<const B: usize>(
        &self,
        _: &[[i8; N]; B],
        (): &(),
        _: &[[f32; N]; B],
        _: &mut [[f32; N]; B],
        (): &mut (),
        _: Option<&mut [[i8; N]; B]>,
        _: Mode,
    ) {
    }
}

impl<const N: usize, const L: usize> Layer<[[i8; N]; L]> for Standardize<N> {
    type Acts<const B: usize> = ();
    type Scratch<const B: usize> = ();

    #[inline]
    fn forward<const B: usize>(&self, x: &[[[i8; N]; L]; B], (): &mut (), y: &mut [[[f32; N]; L]; B], _: Mode) {
        x.as_flattened().iter().zip(y.as_flattened_mut()).for_each(|(x, y)| self.run(x, y));
    }
    #[inline]
    fn backward<const B: usize>(
        &self,
        _: &[[[i8; N]; L]; B],
        (): &(),
        _: &[[[f32; N]; L]; B],
        _: &mut [[[f32; N]; L]; B],
        (): &mut (),
        _: Option<&mut [[[i8; N]; L]; B]>,
        _: Mode,
    ) {
    }
}

impl<const N: usize, T: Real> Layer<[T; N]> for Standardize<N, T> {
    type Acts<const B: usize> = ();
    type Scratch<const B: usize> = ();

    #[inline]
    fn forward<const B: usize>(&self, x: &[[T; N]; B], (): &mut (), y: &mut [[T; N]; B], _: Mode) {
        x.iter().zip(y).for_each(|(x, y)| self.run(x, y));
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
        _: Mode,
    ) {
        if let Some(dx) = dx {
            self.derive(dy, dx);
        }
    }
}

impl<const N: usize, const L: usize, T: Real> Forward<[[T; N]; L]> for Standardize<N, T> {
    type Out = [[T; N]; L];
    const PLAN: Plan = Plan::in_place::<[[T; N]; L]>();

    #[inline]
    fn infer(&self, x: &[[T; N]; L], memory: Memory) {
        memory.write(|y: &mut [[T; N]; L]| x.iter().zip(y).for_each(|(x, y)| self.run(x, y)));
    }
    #[inline]
    fn infer_inside(&self, memory: Memory) {
        memory.write(|y: &mut [[T; N]; L]| y.iter_mut().for_each(|row| self.run_inside(row)));
    }
}

in_place!([const N: usize, const L: usize, T: Real] [[T; N]; L], Standardize<N, T>, |layer, row| layer.run_inside(row));

impl<const N: usize, const L: usize, T: Real> Layer<[[T; N]; L]> for Standardize<N, T> {
    type Acts<const B: usize> = ();
    type Scratch<const B: usize> = ();

    #[inline]
    fn forward<const B: usize>(&self, x: &[[[T; N]; L]; B], (): &mut (), y: &mut [[[T; N]; L]; B], _: Mode) {
        x.as_flattened().iter().zip(y.as_flattened_mut()).for_each(|(x, y)| self.run(x, y));
    }
    #[inline]
    fn backward<const B: usize>(
        &self,
        _: &[[[T; N]; L]; B],
        (): &(),
        _: &[[[T; N]; L]; B],
        dy: &mut [[[T; N]; L]; B],
        (): &mut (),
        dx: Option<&mut [[[T; N]; L]; B]>,
        _: Mode,
    ) {
        if let Some(dx) = dx {
            self.derive(dy.as_flattened(), dx.as_flattened_mut());
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

    #[test]
    fn integers_are_taken_as_the_numbers_that_they_are() {
        let data = [[-128, 7], [127, 7], [3, 7]];
        let numbers = data.map(|x: [i8; 2]| x.map(f32::from));
        let (mut layer, mut of_numbers) = (Standardize::<2>::ZERO, Standardize::<2>::ZERO);
        layer.fit(data.iter());
        of_numbers.fit(numbers.iter());
        assert_eq!(layer, of_numbers);
        let (mut y, mut expected) = ([[0.0; 2]; 3], [[0.0; 2]; 3]);
        layer.forward(&data, &mut (), &mut y, Mode::Inference);
        layer.forward(&numbers, &mut (), &mut expected, Mode::Inference);
        assert_eq!(y, expected);
        Standardize::new([-128.0, 3.0], [0.5, 0.25]).forward(&data, &mut (), &mut y, Mode::Inference);
        assert_eq!(y, [[0.0, 1.0], [127.5, 1.0], [65.5, 1.0]]);
    }
}
