//! A loss for embeddings.

use crate::numbers::{Real, Tensor};
use crate::training::{Loss, TrainError};

/// Draws an embedding `y` to a `positive` one, of the same word, face or machine, and away from a `negative` one, until the squared
/// distances differ by a margin: `max(0, |y − positive|² − |y − negative|² + margin)` (Schroff, Kalenichenko and Philbin 2015).
///
/// The target is `[positive, negative]`, embeddings that the network has made of other examples: of those that are nearest the wrong way
/// round the network learns most. They are constants here, so each example takes its turn as `y`. What is compared may be a mean of several
/// embeddings, a prototype.
#[derive(Clone, Copy, Debug)]
pub struct Triplet<T = f32> {
    /// Above 0; 0.2 where embeddings have a length of about 1.
    pub margin: T,
}

impl<T: Real, Y: Tensor<Elem = T>> Loss<Y, [Y; 2]> for Triplet<T> {
    fn loss(&self, y: &Y, [positive, negative]: &[Y; 2], dy: &mut Y) -> Result<T, TrainError> {
        let mut loss = self.margin;
        for ((y, positive), negative) in y.flat().iter().zip(positive.flat()).zip(negative.flat()) {
            loss += (*y - *positive) * (*y - *positive) - (*y - *negative) * (*y - *negative);
        }
        if loss <= T::ZERO {
            dy.clear();
            return Ok(T::ZERO);
        }
        for ((dy, positive), negative) in dy.flat_mut().iter_mut().zip(positive.flat()).zip(negative.flat()) {
            *dy = T::of(2.0) * (*negative - *positive);
        }
        Ok(loss)
    }
}
