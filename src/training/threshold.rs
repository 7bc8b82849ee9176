//! When an error is too large.

use core::cmp::Ordering;

use crate::numbers::{Real, Tensors, Zero, fingerprint};
use crate::storage::flash::{FromSource, Source, floats};

/// A limit, above which a value such as an autoencoder's error tells of an anomaly: a quantile of healthy values, chosen on the host, stored
/// with the weights, and kept up to date on the device.
///
/// ```
/// use nerve::{Threshold, prelude::*};
///
/// type Autoencoder = chain![Dense<8, 3, Tanh>, Dense<3, 8>];
/// /// One weights file.
/// type Detector = (Autoencoder, Threshold);
///
/// # fn main() -> Result<(), Box<dyn core::error::Error>> {
/// # let (net, mut healthy) = (Autoencoder::ZERO, [0.3, 0.1, 0.2, 0.4]);
/// // On the host: of 200 windows of a healthy machine one is taken for an anomaly.
/// let detector: Detector = (net, Threshold::fit(&mut healthy, 0.995).ok_or("no healthy errors")?);
/// let mut buffer = [0; weights::file_len::<f32, Detector>()];
/// let file = weights::save(&detector, &mut buffer)?;
///
/// // On the device:
/// # let error = 0.2;
/// let (net, mut threshold) = detector;
/// if threshold.is_exceeded(error) {
///     // An alarm.
/// }
/// threshold.adapt(error);
/// # Ok(())
/// # }
/// ```
///
/// [`adapt`](Self::adapt) follows what changes slowly, such as wear, season or a sensor's ageing: `limit += step·(quantile − [x ≤ limit])`, which stays
/// where it is in the mean if the share `quantile` of the values is below the limit (Robbins and Monro 1951). One value, an anomaly's too, moves
/// it by `step` at most.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Threshold<T = f32> {
    /// Limit, quantile and step.
    values: [T; 3],
}

impl<T: Real> Threshold<T> {
    /// The `quantile` (0 to 1) of `healthy` values, between two of them by their distance, as numpy's; the step is a twentieth of its distance
    /// from their median. None without values, or if one of them, or the quantile, is no such number. Sorts the values.
    pub fn fit(healthy: &mut [T], quantile: T) -> Option<Self> {
        let usable = quantile >= T::ZERO && quantile <= T::ONE && healthy.iter().all(|x| x.is_finite());
        if !usable {
            return None;
        }
        healthy.sort_unstable_by(|a, b| a.partial_cmp(b).unwrap_or(Ordering::Equal));
        let limit = between(healthy, quantile)?;
        let step = (limit - between(healthy, T::of(0.5))?).abs() / T::of(20.0);
        Some(Self { values: [limit, quantile, step] })
    }

    /// Where the limit is.
    pub fn limit(&self) -> T {
        self.values[0]
    }

    /// Whether `x` is above the limit, or is no number.
    pub fn is_exceeded(&self, x: T) -> bool {
        x.partial_cmp(&self.limit()).is_none_or(Ordering::is_gt)
    }

    /// Takes a value into account, whatever it was taken for. One that is no number changes nothing.
    pub fn adapt(&mut self, x: T) {
        let [limit, quantile, step] = &mut self.values;
        if x > *limit {
            *limit += *step * *quantile;
        } else if x <= *limit {
            *limit -= *step * (T::ONE - *quantile);
        }
    }
}

/// A quantile of sorted values.
fn between<T: Real>(sorted: &[T], quantile: T) -> Option<T> {
    let place = quantile.to_f64() * sorted.len().checked_sub(1)? as f64;
    let (below, part) = (place as usize, T::of(place % 1.0));
    let [x, above] = [below, below + 1].map(|at| sorted.get(at).or(sorted.last()).copied());
    let (x, above) = x.zip(above)?;
    Some(x + (above - x) * part)
}

impl<T: Real> Zero for Threshold<T> {
    const ZERO: Self = Self { values: [T::ZERO; 3] };
    fn clear(&mut self) {
        self.values.clear();
    }
}

impl<T: Real> Tensors<T> for Threshold<T> {
    const LEN: usize = 3;
    const FINGERPRINT: u32 = fingerprint("Threshold", &[]);
    fn visit(&self, f: &mut impl FnMut(&[T])) {
        f(&self.values);
    }
    fn visit_mut(&mut self, f: &mut impl FnMut(&mut [T])) {
        f(&mut self.values);
    }
}

impl<S: Source> FromSource<S> for Threshold {
    const NETWORK: Self = Self { values: floats(S::ELEMENTS, 0) };
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand_core::{Rng, SeedableRng};
    use rand_pcg::Pcg32;

    /// `numpy.quantile([3, 1, 4, 1, 5, 9, 2, 6], q)`.
    #[test]
    fn it_is_numpys_quantile() {
        for (quantile, expected) in [(0.0, 1.0), (0.1, 1.0), (0.5, 3.5), (0.8, 5.6), (0.99, 8.79), (1.0, 9.0)] {
            let found = Threshold::fit(&mut [3.0, 1.0, 4.0, 1.0, 5.0, 9.0, 2.0, 6.0], quantile).unwrap();
            assert!((found.limit() - expected).abs() < 1e-12, "{quantile}: {} {expected}", found.limit());
        }
        assert_eq!(Threshold::fit(&mut [7.0], 0.9).unwrap().limit(), 7.0);
        assert_eq!(Threshold::<f32>::fit(&mut [], 0.9), None);
        assert_eq!(Threshold::fit(&mut [1.0, f32::NAN], 0.9), None);
        assert_eq!(Threshold::fit(&mut [1.0], f64::NAN), None);
        assert_eq!(Threshold::fit(&mut [1.0], 1.5), None);
    }

    /// Uniform values, then ones that are twice as large.
    #[test]
    fn it_follows_what_changes_slowly() {
        let mut rng = Pcg32::seed_from_u64(1);
        let mut uniform = || f64::from(rng.next_u32()) / 2f64.powi(32);
        let mut healthy: [f64; 1000] = core::array::from_fn(|_| uniform());
        let mut threshold = Threshold::fit(&mut healthy, 0.9).unwrap();
        assert!((threshold.limit() - 0.9).abs() < 0.03);
        let mut above = 0;
        for i in 0..20_000 {
            let x = 2.0 * uniform();
            above += usize::from(i >= 10_000 && threshold.is_exceeded(x));
            threshold.adapt(x);
        }
        assert!((threshold.limit() - 1.8).abs() < 0.1, "{}", threshold.limit());
        assert!((900..1100).contains(&above), "{above}");
        let before = threshold;
        threshold.adapt(f64::NAN);
        assert_eq!(threshold, before);
        assert!(threshold.is_exceeded(f64::NAN));
    }
}
