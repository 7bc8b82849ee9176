//! Training that is taken back if it made things worse.

use crate::numbers::{Real, Tensors, all_finite};
use crate::storage::weights;
use crate::storage::weights::{LoadError, SaveError};
use crate::training::TrainError;

/// A copy of a network and its optimizer, to which they return if training did no good.
///
/// ```
/// use nerve::{Guard, prelude::*};
///
/// type Net = chain![Dense<2, 4, Tanh>, Dense<4, 2>];
/// # fn main() -> Result<(), Box<dyn core::error::Error>> {
/// # let mut net = Net::ZERO;
/// # let mut trainer = Trainer::<Net, [f32; 2]>::ZERO;
/// # let (held_out, new) = ([([0.0, 1.0], 1)], ([1.0, 0.0], 0));
/// let mut optimizer = Momentum::<Net>::new(0.05, 0.9);
/// let mut copy = [0; weights::file_len::<f32, (Net, Momentum<Net>)>()]; // in a `static` on a device
///
/// let examples = || held_out.iter().map(|(x, class)| (x, class));
/// let before = trainer.evaluate(&net, &CrossEntropy, examples(), |_, _| ())?;
/// let guard = Guard::begin(&mut (&mut net, &mut optimizer), before, &mut copy)?;
/// let trained = trainer.step(&mut net, &mut optimizer, &CrossEntropy, &[new.0], &[new.1]);
/// let after = trained.and_then(|_| trainer.evaluate(&net, &CrossEntropy, examples(), |_, _| ()));
/// let kept = guard.end(&mut (&mut net, &mut optimizer), after)?;
/// # Ok(())
/// # }
/// ```
///
/// Costs a buffer of [`file_len`](weights::file_len) bytes, in which the state lies as a weights file.
pub struct Guard<'a, T> {
    copy: &'a [u8],
    before: T,
}

impl<'a, T: Real> Guard<'a, T> {
    /// Copies `state`, usually `(&mut network, &mut optimizer)`, whose held-out loss is `before`.
    ///
    /// # Errors
    /// [`SaveError`] if the buffer is too small, or if something in `state` is infinite or NaN already.
    pub fn begin<P: Tensors<T>>(state: &mut P, before: T, buffer: &'a mut [u8]) -> Result<Self, SaveError> {
        Ok(Self { copy: weights::save(state, buffer)?, before })
    }

    /// Keeps what training made of `state` if its held-out loss `after` is finite and no larger than before and so is all of `state`
    /// finite; otherwise, and after an error, `state` has again the bits that it had. Tells whether it was kept.
    ///
    /// # Errors
    /// [`LoadError::Checksum`] if the copy was damaged in the meantime; then `state` is as training left it.
    pub fn end<P: Tensors<T>>(self, state: &mut P, after: Result<T, TrainError>) -> Result<bool, LoadError> {
        let kept = after.is_ok_and(|after| after <= self.before) && all_finite(state);
        if !kept {
            weights::load(state, self.copy)?;
        }
        Ok(kept)
    }
}
