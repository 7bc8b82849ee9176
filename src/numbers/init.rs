//! Random initial weights.

use rand_core::Rng;

use crate::numbers::Real;

/// How weights are drawn, for a layer with `fan_in` inputs and `fan_out` outputs per unit. Biases start at zero.
///
/// The same seed of the same generator gives the same bits on every target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum Init {
    /// Uniform in ±√(6 / (fan_in + fan_out)): for sigmoid, tanh and softmax (Glorot and Bengio 2010).
    GlorotUniform,
    /// Normal with variance 2 / (fan_in + fan_out).
    GlorotNormal,
    /// Uniform in ±√(6 / fan_in): for ReLU and its kind (He et al. 2015).
    HeUniform,
    /// Normal with variance 2 / fan_in.
    HeNormal,
}

impl Init {
    pub(crate) fn fill<T: Real, R: Rng>(self, weights: &mut [T], fan_in: usize, fan_out: usize, rng: &mut R) {
        let fan = match self {
            Init::GlorotUniform | Init::GlorotNormal => fan_in + fan_out,
            Init::HeUniform | Init::HeNormal => fan_in,
        };
        let deviation = (T::of(2.0) / T::of(fan as f64)).sqrt();
        match self {
            Init::GlorotUniform | Init::HeUniform => {
                let limit = T::of(3.0).sqrt() * deviation;
                for w in weights {
                    *w = limit * (uniform::<T>(rng) * T::of(2.0) - T::ONE);
                }
            }
            Init::GlorotNormal | Init::HeNormal => {
                for w in weights {
                    *w = deviation * normal::<T>(rng);
                }
            }
        }
    }
}

/// A random matrix whose rows are orthogonal and of length 1, every direction as likely (Saxe et al. 2014): rows of normal numbers,
/// each less its part along those before it (Gram and Schmidt).
pub(crate) fn orthogonal<T: Real, R: Rng, const N: usize>(rows: &mut [[T; N]; N], rng: &mut R) {
    for i in 0..N {
        let (before, rest) = rows.split_at_mut(i);
        let Some(row) = rest.first_mut() else { return };
        row.fill_with(|| normal(rng));
        // Twice, since rounding leaves something of the parts that were large.
        for other in before.iter().chain(before.iter()) {
            let along = dot(row, other);
            for (v, other) in row.iter_mut().zip(other) {
                *v -= along * *other;
            }
        }
        let length = dot(row, row).sqrt();
        if length > T::ZERO {
            row.iter_mut().for_each(|v| *v /= length);
        }
    }
}

fn dot<T: Real>(a: &[T], b: &[T]) -> T {
    let mut sum = T::ZERO;
    for (a, b) in a.iter().zip(b) {
        sum += *a * *b;
    }
    sum
}

/// Uniform in [0, 1), a multiple of 2⁻²⁴.
pub(crate) fn uniform<T: Real>(rng: &mut impl Rng) -> T {
    T::of(f64::from(rng.next_u32() >> 8) / f64::from(1 << 24))
}

/// Normal with mean 0 and variance 1 (Box and Muller 1958).
pub(crate) fn normal<T: Real>(rng: &mut impl Rng) -> T {
    let radius = (T::of(-2.0) * (T::ONE - uniform::<T>(rng)).ln()).sqrt();
    radius * (T::of(core::f64::consts::TAU) * uniform::<T>(rng)).cos()
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand_core::SeedableRng;
    use rand_pcg::Pcg32;

    fn moments(init: Init, fan_in: usize, fan_out: usize) -> (f64, f64, f64) {
        let mut weights = [0f64; 40_000];
        init.fill(&mut weights, fan_in, fan_out, &mut Pcg32::seed_from_u64(1));
        let mean = weights.iter().sum::<f64>() / weights.len() as f64;
        let variance = weights.iter().map(|w| (w - mean).powi(2)).sum::<f64>() / weights.len() as f64;
        (mean, variance, weights.iter().fold(0.0, |a, w| a.max(w.abs())))
    }

    #[test]
    fn variance_and_range_are_those_of_the_papers() {
        for (init, variance, limit) in [
            (Init::GlorotUniform, 2.0 / 50.0, (6.0f64 / 50.0).sqrt()),
            (Init::GlorotNormal, 2.0 / 50.0, f64::MAX),
            (Init::HeUniform, 2.0 / 20.0, (6.0f64 / 20.0).sqrt()),
            (Init::HeNormal, 2.0 / 20.0, f64::MAX),
        ] {
            let (mean, found, largest) = moments(init, 20, 30);
            assert!(mean.abs() < 0.01 * variance.sqrt() * 3.0, "{init:?} mean {mean}");
            assert!((found / variance - 1.0).abs() < 0.03, "{init:?} variance {found}, not {variance}");
            assert!(largest <= limit && largest > 1.7 * variance.sqrt(), "{init:?} largest {largest}");
        }
    }
}
