//! Gradients over several batches.

#[cfg(feature = "rayon")]
use core::borrow::Borrow;

use crate::layers::Layer;
use crate::numbers::{Array, Float, Real, Zero};
use crate::training::trainer::descend;
use crate::training::{Loss, Optimizer, TrainError, Trainer};

/// A [`Trainer`] that adds gradients up over as many batches as you like, for one step on their mean: the bits of one large batch without its
/// memory, or a new example together with some that were [kept](crate::Replay).
///
/// ```
/// use nerve::prelude::*;
///
/// type Net = chain![Dense<2, 4, Tanh>, Dense<4, 2>];
/// # fn main() -> Result<(), TrainError> {
/// # let (mut net, new, kept) = (Net::ZERO, [0.5, 1.0], [([0.1, 0.2], 0), ([0.4, 0.9], 1)]);
/// let mut accumulator = Accumulator::<Net, [f32; 2]>::ZERO;
/// accumulator.accumulate(&net, &CrossEntropy, &[new], &[1])?;
/// for (x, class) in kept {
///     accumulator.accumulate(&net, &CrossEntropy, &[x], &[class])?;
/// }
/// accumulator.apply(&mut net, &mut Sgd::new(0.05))?;
/// # Ok(())
/// # }
/// ```
///
/// Costs the trained parameters once more.
pub struct Accumulator<N: Layer<X>, X: Array, const B: usize = 1> {
    /// Passes forward and back, and the limit of gradients.
    pub trainer: Trainer<N, X, B>,
    gradients: N::Grads,
    accumulated: u32,
}

impl<N: Layer<X>, X: Array, const B: usize> Accumulator<N, X, B> {
    /// Nothing accumulated, no clipping, seed 0.
    pub const ZERO: Self = Self { trainer: Trainer::ZERO, gradients: Zero::ZERO, accumulated: 0 };

    /// Adds the derivatives of the batch's losses to the gradients; returns the mean loss. The network is not changed.
    ///
    /// # Errors
    /// [`TrainError`]; nothing of this batch is added.
    #[inline]
    pub fn accumulate<Target>(
        &mut self,
        network: &N,
        loss: &impl Loss<N::Out, Target>,
        x: &[X; B],
        targets: &[Target; B],
    ) -> Result<Float<X>, TrainError> {
        let sum = self.trainer.backward.run(network, loss, x, targets.each_ref().map(Some))?;
        self.trainer.backward.gradients(network, x, &mut self.gradients, self.accumulated > 0);
        self.accumulated += B as u32;
        Ok(sum / Float::<X>::of(B as f64))
    }

    /// Steps along the mean of the accumulated gradients and starts anew. Does nothing if there are none.
    ///
    /// # Errors
    /// [`TrainError::NonFiniteGradient`]; what had been accumulated is dropped.
    #[inline]
    pub fn apply(&mut self, network: &mut N, optimizer: &mut impl Optimizer<N, Float<X>>) -> Result<(), TrainError> {
        let examples = core::mem::take(&mut self.accumulated);
        if examples == 0 {
            return Ok(());
        }
        descend((&mut *network, &mut self.gradients), optimizer, false, self.trainer.clip, examples)?;
        self.trainer.backward.show(network);
        Ok(())
    }

    /// The sum of the gradients accumulated since the last [`apply`](Self::apply).
    pub fn gradients(&self) -> &N::Grads {
        &self.gradients
    }

    /// [`gradients`](Self::gradients), to add those of a penalty before [`apply`](Self::apply): once for each example that was accumulated.
    pub fn gradients_mut(&mut self) -> &mut N::Grads {
        &mut self.gradients
    }

    /// The gradients of up to `B` examples, in place of those that were there; returns the sum of the losses.
    #[cfg(feature = "rayon")]
    pub(super) fn gradients_of<Target>(
        &mut self,
        network: &N,
        loss: &impl Loss<N::Out, Target>,
        examples: &[(impl Borrow<X>, &Target)],
    ) -> Result<Float<X>, TrainError> {
        self.accumulated = examples.len() as u32;
        self.trainer.gradients_of(network, loss, examples, &mut self.gradients)
    }

    /// Adds what `other` has accumulated. `network` lends its shape alone.
    #[cfg(feature = "rayon")]
    pub(super) fn add(&mut self, network: &mut N, other: &mut Self) {
        network.zip(&mut other.gradients, [&mut self.gradients], &mut |_, from, [to]| {
            for (to, from) in to.iter_mut().zip(from) {
                *to += *from;
            }
        });
        self.accumulated += other.accumulated;
    }
}
