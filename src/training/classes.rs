//! Cross-entropy for classes that are rare, doubtful or easy.

use crate::numbers::{Real, Tensor};
use crate::training::loss::log_sum_exp;
use crate::training::{Loss, TrainError};

/// The loss `L` times the weight of the example's class: rare classes count more. With the weights `examples / (classes · examples of the
/// class)` all classes together count the same.
///
/// The mean is over the examples, whatever they weigh; PyTorch's `nn.CrossEntropyLoss(weight=…)` divides by their weights.
#[derive(Clone, Copy, Debug)]
pub struct ClassWeights<L, const C: usize, T = f32> {
    /// What is weighted.
    pub loss: L,
    /// For each class, 0 or more.
    pub weights: [T; C],
}

impl<Y: Tensor, L: Loss<Y, usize>, const C: usize> Loss<Y, usize> for ClassWeights<L, C, Y::Elem> {
    const LOGITS: Option<&'static str> = L::LOGITS;
    fn loss(&self, y: &Y, target: &usize, dy: &mut Y) -> Result<Y::Elem, TrainError> {
        let loss = self.loss.loss(y, target, dy)?;
        let Some(weight) = self.weights.get(*target).copied() else {
            return Err(TrainError::ClassOutOfRange { class: *target, classes: C });
        };
        dy.flat_mut().iter_mut().for_each(|dy| *dy *= weight);
        Ok(loss * weight)
    }
}

/// [`CrossEntropy`](crate::CrossEntropy) to targets that are not quite sure: `1 − smoothing + smoothing / C` for the class and
/// `smoothing / C` for each other one (Szegedy et al. 2016); `nn.CrossEntropyLoss(label_smoothing=…)`.
#[derive(Clone, Copy, Debug)]
pub struct LabelSmoothing<T = f32> {
    /// From 0 to 1, usually 0.1.
    pub smoothing: T,
}

impl<T: Real, const C: usize> Loss<[T; C], usize> for LabelSmoothing<T> {
    const LOGITS: Option<&'static str> = Some("LabelSmoothing");
    fn loss(&self, z: &[T; C], target: &usize, dz: &mut [T; C]) -> Result<T, TrainError> {
        let Some(of_class) = z.get(*target).copied() else {
            return Err(TrainError::ClassOutOfRange { class: *target, classes: C });
        };
        let total = log_sum_exp(z, dz);
        let share = self.smoothing / T::of(C as f64);
        let mut others = T::ZERO;
        for ((class, z), dz) in z.iter().enumerate().zip(dz) {
            others += *z;
            *dz -= if class == *target { T::ONE - self.smoothing + share } else { share };
        }
        Ok(total - (T::ONE - self.smoothing) * of_class - share * others)
    }
}

/// Cross-entropy of which little is left where the class is told already: `−(1 − p)^γ · ln p`, `p` being the softmax's probability of the
/// class (Lin et al. 2017). With γ = 0 it is [`CrossEntropy`](crate::CrossEntropy).
#[derive(Clone, Copy, Debug)]
pub struct Focal<T = f32> {
    /// γ, 0 or more, usually 2.
    pub gamma: T,
}

impl<T: Real, const C: usize> Loss<[T; C], usize> for Focal<T> {
    const LOGITS: Option<&'static str> = Some("Focal");
    fn loss(&self, z: &[T; C], target: &usize, dz: &mut [T; C]) -> Result<T, TrainError> {
        let Some(of_class) = z.get(*target).copied() else {
            return Err(TrainError::ClassOutOfRange { class: *target, classes: C });
        };
        let ln_p = of_class - log_sum_exp(z, dz);
        // Of small numbers, not 1 − p, of which little would be left of a p near 1.
        let (mut p, mut others) = (T::ZERO, T::ZERO);
        for (class, q) in dz.iter().enumerate() {
            if class == *target {
                p = *q;
            } else {
                others += *q;
            }
        }
        let factor = if self.gamma == T::ZERO {
            T::ONE
        } else if others > T::ZERO {
            (self.gamma * others.ln()).exp()
        } else {
            T::ZERO
        };
        // ∂loss/∂zⱼ = p·∂loss/∂p · (δⱼ − qⱼ).
        let bend = if others > T::ZERO { self.gamma * p * factor / others * ln_p } else { T::ZERO };
        let slope = bend - factor;
        for (class, dz) in dz.iter_mut().enumerate() {
            *dz = if class == *target { slope * others } else { -slope * *dz };
        }
        Ok(-factor * ln_p)
    }
}
