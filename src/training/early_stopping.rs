//! Training that ends when it no longer helps.

use crate::numbers::{Real, Tensors};
use crate::storage::weights;
use crate::storage::weights::{LoadError, SaveError};

/// Ends training when the held-out loss has not fallen for some epochs, and keeps the weights that it was least with.
///
/// ```
/// use nerve::{EarlyStopping, prelude::*, split};
/// # use rand_core::SeedableRng;
///
/// type Net = chain![Dense<2, 4, Tanh>, Dense<4, 2>];
/// # fn main() -> Result<(), Box<dyn core::error::Error>> {
/// # let mut rng = rand_pcg::Pcg32::seed_from_u64(1);
/// # let mut examples: Vec<_> = (0..40).map(|i| ([(i % 7) as f32, (i % 3) as f32], (i % 2) as usize)).collect();
/// # let (mut net, mut trainer) = (Net::ZERO, Trainer::<Net, [f32; 2], 4>::ZERO);
/// # net.init(Init::GlorotUniform, &mut rng);
/// let mut optimizer = Adam::new(0.01);
/// let (train, held_out) = split(&mut examples, 0.2, &mut rng);
/// let mut buffer = [0; weights::file_len::<f32, Net>()];
/// let mut best = EarlyStopping::new(5, &mut buffer);
/// for _epoch in 0..200 {
///     shuffle(train, &mut rng);
///     trainer.epoch(&mut net, &mut optimizer, &CrossEntropy, train.iter().map(|(x, class)| (x, class)))?;
///     let loss = trainer.evaluate(&net, &CrossEntropy, held_out.iter().map(|(x, class)| (x, class)), |_, _| ())?;
///     if best.stops(&net, loss)? {
///         break;
///     }
/// }
/// best.restore(&mut net)?;
/// # assert!(best.least() <= trainer.evaluate(&net, &CrossEntropy, held_out.iter().map(|(x, c)| (x, c)), |_, _| ())? + 1e-6);
/// # Ok(())
/// # }
/// ```
///
/// Costs a buffer of [`file_len`](weights::file_len) bytes, in which the best weights lie as a weights file.
pub struct EarlyStopping<'a, T = f32> {
    buffer: &'a mut [u8],
    file: Option<usize>,
    least: T,
    patience: u32,
    since: u32,
}

impl<'a, T: Real> EarlyStopping<'a, T> {
    /// Waits `patience` epochs for a lower loss, at least one.
    pub fn new(patience: u32, buffer: &'a mut [u8]) -> Self {
        Self { buffer, file: None, least: T::ZERO, patience: patience.max(1), since: 0 }
    }

    /// Takes the held-out `loss` of an epoch's `state`, usually the network, which is kept if the loss is the least so far; tells whether to
    /// stop. A loss that is infinite or NaN is no lower one.
    ///
    /// # Errors
    /// [`SaveError`] if the buffer is too small, or if something in `state` is infinite or NaN.
    pub fn stops(&mut self, state: &impl Tensors<T>, loss: T) -> Result<bool, SaveError> {
        if loss.is_finite() && (self.file.is_none() || loss < self.least) {
            // Until the file is whole there is none.
            self.file = None;
            self.file = Some(weights::save(state, self.buffer)?.len());
            (self.least, self.since) = (loss, 0);
        } else {
            self.since = self.since.saturating_add(1);
        }
        Ok(self.since >= self.patience)
    }

    /// The least loss so far; 0 before the first epoch.
    pub fn least(&self) -> T {
        self.least
    }

    /// Gives `state` the weights of the least loss; changes nothing before the first epoch.
    ///
    /// # Errors
    /// [`LoadError`] if `state` is of another type than what was kept.
    pub fn restore(&self, state: &mut impl Tensors<T>) -> Result<(), LoadError> {
        match self.file {
            Some(len) => weights::load(state, self.buffer.get(..len).unwrap_or(&[])),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layers::Dense;
    use crate::numbers::Zero;

    #[test]
    fn it_stops_after_its_patience_and_gives_the_best_weights_back() {
        let mut buffer = [0; weights::file_len::<f32, Dense<1, 1>>()];
        let mut net = Dense::<1, 1>::ZERO;
        let mut best = EarlyStopping::new(2, &mut buffer);
        best.restore(&mut net).unwrap();
        let losses = [(3.0, false), (1.0, false), (f32::NAN, false), (0.5, false), (0.5, false), (0.7, true)];
        for (epoch, (loss, stops)) in losses.into_iter().enumerate() {
            net.b = [epoch as f32];
            assert_eq!(best.stops(&net, loss).unwrap(), stops, "{epoch}");
        }
        best.restore(&mut net).unwrap();
        assert_eq!((net.b, best.least()), ([3.0], 0.5));
    }

    #[test]
    fn a_buffer_that_is_too_small_is_an_error() {
        let mut buffer = [0; 8];
        assert!(EarlyStopping::new(1, &mut buffer).stops(&Dense::<1, 1>::ZERO, 1.0f32).is_err());
    }
}
