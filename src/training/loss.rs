//! Loss functions: the loss of one example and its derivative. A [`Trainer`](crate::Trainer) takes the mean over the batch.

use core::cmp::Ordering;

use crate::layers::{largest, sigmoid, softmax};
use crate::numbers::{Real, Tensor, Zero};
use crate::training::TrainError;

/// How far an output `Y` is from a `Target`.
pub trait Loss<Y: Tensor, Target = Y> {
    /// The loss's name if it takes logits and holds the softmax or sigmoid itself. A network that ends with one then does not compile.
    const LOGITS: Option<&'static str> = None;
    /// Writes `∂loss/∂y` to `dy` and returns the loss, both for one example.
    ///
    /// # Errors
    /// A target that cannot be, such as a class number past the last output.
    fn loss(&self, y: &Y, target: &Target, dy: &mut Y) -> Result<Y::Elem, TrainError>;
}

/// Softmax and cross-entropy on logits, `ln Σ eᶻ − Σ tᵢzᵢ` for targets that sum to 1. Stable for large logits; the derivative is
/// `softmax(z) − t`.
///
/// The target is a class number (`usize`), or one-hot or soft probabilities (`[T; C]`).
#[derive(Clone, Copy, Debug, Default)]
pub struct CrossEntropy;

/// Writes softmax(z) to `p` and returns `ln Σ eᶻ`.
#[inline]
pub(super) fn log_sum_exp<T: Real, const C: usize>(z: &[T; C], p: &mut [T; C]) -> T {
    let max = largest(z);
    // On a desktop in registers: a vector's load of what narrower stores have just written waits for them.
    let mut local = [T::ZERO; C];
    let row = if cfg!(target_os = "none") { &mut *p } else { &mut local };
    for (v, z) in row.iter_mut().zip(z) {
        *v = *z - max;
    }
    let sum = softmax(row);
    if !cfg!(target_os = "none") {
        *p = local;
    }
    max + sum.ln()
}

impl<T: Real, const C: usize> Loss<[T; C], usize> for CrossEntropy {
    const LOGITS: Option<&'static str> = Some("CrossEntropy");
    #[inline]
    fn loss(&self, z: &[T; C], target: &usize, dz: &mut [T; C]) -> Result<T, TrainError> {
        let class = *target;
        if class >= C {
            return Err(TrainError::ClassOutOfRange { class, classes: C });
        }
        let total = log_sum_exp(z, dz);
        if cfg!(target_os = "none") {
            dz[class] -= T::ONE;
        } else {
            // Neither a branch nor a store to one element, for which a vector's load would wait.
            for (i, dz) in (0u32..).zip(dz) {
                *dz -= [T::ZERO, T::ONE][usize::from(i == class as u32)];
            }
        }
        Ok(total - z[class])
    }
}

impl<T: Real, const C: usize> Loss<[T; C]> for CrossEntropy {
    const LOGITS: Option<&'static str> = Some("CrossEntropy");
    fn loss(&self, z: &[T; C], target: &[T; C], dz: &mut [T; C]) -> Result<T, TrainError> {
        let total = log_sum_exp(z, dz);
        let mut mass = T::ZERO;
        for t in target {
            mass += *t;
        }
        let mut loss = total * mass;
        for ((dz, z), t) in dz.iter_mut().zip(z).zip(target) {
            loss -= *t * *z;
            *dz = *dz * mass - *t;
        }
        Ok(loss)
    }
}

/// The mean over an example's outputs of `each(y, target) = (loss, slope)`.
#[inline]
fn mean<Y: Tensor>(
    y: &Y,
    target: &Y,
    dy: &mut Y,
    each: impl Fn(Y::Elem, Y::Elem) -> (Y::Elem, Y::Elem),
) -> Result<Y::Elem, TrainError> {
    let scale = Y::Elem::ONE / Y::Elem::of(Y::LEN as f64);
    let mut sum = <Y::Elem as Zero>::ZERO;
    for ((dy, y), t) in dy.flat_mut().iter_mut().zip(y.flat()).zip(target.flat()) {
        let (loss, slope) = each(*y, *t);
        sum += loss;
        *dy = slope * scale;
    }
    Ok(sum * scale)
}

/// Sigmoid and binary cross-entropy on logits, `max(z, 0) − z·t + ln(1 + e^−|z|)`, mean over the outputs: each output is a
/// yes-or-no of its own with the probability `t`. The derivative is `sigmoid(z) − t`.
#[derive(Clone, Copy, Debug, Default)]
pub struct BinaryCrossEntropy;

impl<T: Real, Y: Tensor<Elem = T>> Loss<Y> for BinaryCrossEntropy {
    const LOGITS: Option<&'static str> = Some("BinaryCrossEntropy");
    fn loss(&self, z: &Y, target: &Y, dz: &mut Y) -> Result<T, TrainError> {
        mean(z, target, dz, |z, t| {
            let loss = z.max(T::ZERO) - z * t + (-z.abs()).exp().ln_1p();
            (loss, sigmoid(z) - t)
        })
    }
}

/// Mean squared error, `(y − t)²`, mean over the outputs.
#[derive(Clone, Copy, Debug, Default)]
pub struct Mse;

impl<T: Real, Y: Tensor<Elem = T>> Loss<Y> for Mse {
    #[inline]
    fn loss(&self, y: &Y, target: &Y, dy: &mut Y) -> Result<T, TrainError> {
        mean(y, target, dy, |y, t| ((y - t) * (y - t), T::of(2.0) * (y - t)))
    }
}

/// Mean absolute error, `|y − t|`, mean over the outputs; the derivative at 0 is taken as 0.
#[derive(Clone, Copy, Debug, Default)]
pub struct Mae;

impl<T: Real, Y: Tensor<Elem = T>> Loss<Y> for Mae {
    fn loss(&self, y: &Y, target: &Y, dy: &mut Y) -> Result<T, TrainError> {
        mean(y, target, dy, |y, t| {
            let slope = match y.partial_cmp(&t) {
                Some(Ordering::Greater) => T::ONE,
                Some(Ordering::Less) => -T::ONE,
                _ => T::ZERO,
            };
            ((y - t).abs(), slope)
        })
    }
}

/// Huber's loss, mean over the outputs: `½(y − t)²` up to `|y − t| = delta`, `delta·(|y − t| − ½ delta)` beyond (Huber 1964).
#[derive(Clone, Copy, Debug)]
pub struct Huber<T = f32> {
    /// Where the square becomes a line; above 0.
    pub delta: T,
}

impl<T: Real, Y: Tensor<Elem = T>> Loss<Y> for Huber<T> {
    fn loss(&self, y: &Y, target: &Y, dy: &mut Y) -> Result<T, TrainError> {
        let (delta, half) = (self.delta, T::of(0.5));
        mean(y, target, dy, |y, t| {
            let error = y - t;
            if error.abs() <= delta {
                (half * error * error, error)
            } else {
                (delta * (error.abs() - half * delta), if error > T::ZERO { delta } else { -delta })
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn large_logits_do_not_overflow() {
        let mut d = [0f32; 3];
        let loss = CrossEntropy.loss(&[1e4, -1e4, 0.0], &1, &mut d).unwrap();
        assert_eq!((loss, d[0], d[1]), (2e4, 1.0, -1.0));
        assert!(d[2] < 1e-37, "{d:?}");
        let mut d = [0f32; 2];
        let loss = BinaryCrossEntropy.loss(&[1e4, -1e4], &[0.0, 0.0], &mut d).unwrap();
        assert!((loss - 5e3).abs() < 1e-3 && d[0] == 0.5 && d[1].abs() < 1e-30, "{loss} {d:?}");
    }

    #[test]
    fn a_class_past_the_last_output_is_an_error() {
        let error = CrossEntropy.loss(&[0f32; 3], &3, &mut [0.0; 3]).unwrap_err();
        assert_eq!(error, TrainError::ClassOutOfRange { class: 3, classes: 3 });
    }

    #[test]
    fn a_class_number_and_its_one_hot_target_agree() {
        let z = [0.3f64, -1.2, 2.0];
        let (mut by_number, mut by_one_hot) = ([0.0; 3], [0.0; 3]);
        let a = CrossEntropy.loss(&z, &2, &mut by_number).unwrap();
        let b = CrossEntropy.loss(&z, &[0.0, 0.0, 1.0], &mut by_one_hot).unwrap();
        assert!((a - b).abs() < 1e-15);
        assert_eq!(by_number, by_one_hot);
    }
}
