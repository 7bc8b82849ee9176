//! Learning-rate schedules.

use crate::numbers::Real;

/// The learning rate as a function of the epoch or step, counted from 0.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum Schedule<T = f32> {
    /// Always the same.
    Constant(T),
    /// Multiplied by `factor` after every `every` epochs.
    Step {
        /// Where it starts.
        initial: T,
        /// Multiplier, below 1.
        factor: T,
        /// Epochs between two changes; 0 counts as 1.
        every: u32,
    },
    /// Multiplied by `factor` after each epoch.
    Exponential {
        /// Where it starts.
        initial: T,
        /// Multiplier, below 1.
        factor: T,
    },
    /// Rises linearly to `peak` over `warm_up` epochs, then falls along half a cosine to 0 at `total` (Loshchilov and Hutter 2017).
    Cosine {
        /// The highest rate.
        peak: T,
        /// Epochs of rising.
        warm_up: u32,
        /// Epochs in all.
        total: u32,
    },
}

impl<T: Real> Schedule<T> {
    /// The rate for epoch (or step) `epoch`.
    pub fn at(&self, epoch: u32) -> T {
        let of = |n: u32| T::of(f64::from(n));
        match *self {
            Schedule::Constant(rate) => rate,
            Schedule::Step { initial, factor, every } => {
                initial * num_traits::pow(factor, (epoch / every.max(1)) as usize)
            }
            Schedule::Exponential { initial, factor } => initial * num_traits::pow(factor, epoch as usize),
            Schedule::Cosine { peak, warm_up, .. } if epoch < warm_up => peak * of(epoch + 1) / of(warm_up),
            Schedule::Cosine { total, .. } if epoch >= total => T::ZERO,
            Schedule::Cosine { peak, warm_up, total } => {
                let turn = T::of(core::f64::consts::PI) * of(epoch - warm_up) / of(total - warm_up);
                peak * T::of(0.5) * (T::ONE + turn.cos())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_passes_through_its_known_points() {
        let near = |a: f64, b: f64| assert!((a - b).abs() < 1e-12, "{a} {b}");
        near(Schedule::Constant(0.1).at(99), 0.1);
        let step = Schedule::Step { initial: 1.0, factor: 0.1, every: 30 };
        near(step.at(29), 1.0);
        near(step.at(30), 0.1);
        near(step.at(60), 0.01);
        near(Schedule::Exponential { initial: 2.0, factor: 0.5 }.at(3), 0.25);
        let cosine = Schedule::Cosine { peak: 1.0, warm_up: 4, total: 12 };
        near(cosine.at(0), 0.25);
        near(cosine.at(3), 1.0);
        near(cosine.at(4), 1.0);
        near(cosine.at(8), 0.5);
        near(cosine.at(10), 0.5 * (1.0 - 0.5f64.sqrt()));
        near(cosine.at(12), 0.0);
        near(cosine.at(99), 0.0);
    }
}
