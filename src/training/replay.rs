//! A few examples of the past, to learn from beside new ones.

use heapless::Vec;
use rand_core::Rng;

use crate::training::TrainError;

/// Up to `N` examples of `C` classes, against forgetting: train on some of [`iter`](Self::iter) beside each new example.
///
/// What is kept is a class-balanced reservoir (Chrysakis and Moens 2020): each class has an equal share as far as it has been seen,
/// and within a class that fills its share every example seen is kept with the same probability. So a long stream of
/// one class does not drive out the others. With `C = 1` this is reservoir sampling (Vitter 1985).
pub struct Replay<X, const N: usize, const C: usize> {
    examples: Vec<(X, usize), N>,
    seen: [u32; C],
    /// Classes that have been the largest, and hence no longer grow.
    full: [bool; C],
}

impl<X, const N: usize, const C: usize> Replay<X, N, C> {
    /// Without examples.
    pub const fn new() -> Self {
        Self { examples: Vec::new(), seen: [0; C], full: [false; C] }
    }

    /// Keeps an example in place of another, or not.
    ///
    /// # Errors
    /// [`TrainError::ClassOutOfRange`] if `class` is not below `C`.
    pub fn insert(&mut self, x: X, class: usize, rng: &mut impl Rng) -> Result<(), TrainError> {
        let error = TrainError::ClassOutOfRange { class, classes: C };
        let seen = self.seen.get_mut(class).ok_or(error)?;
        *seen = seen.saturating_add(1);
        let seen = *seen;
        let Err(example) = self.examples.push((x, class)) else { return Ok(()) };
        let mut kept = [0u32; C];
        for (_, class) in &self.examples {
            if let Some(kept) = kept.get_mut(*class) {
                *kept += 1;
            }
        }
        let most = kept.iter().copied().max().unwrap_or(0);
        let largest = kept.iter().position(|kept| *kept == most).unwrap_or(0);
        for (full, kept) in self.full.iter_mut().zip(&kept) {
            *full |= *kept == most;
        }
        let own = kept.get(class).copied().unwrap_or(0);
        let (from, nth) = if self.full.get(class) == Some(&true) {
            (class, below(seen, rng)) // Kept with probability own / seen.
        } else {
            (largest, below(most, rng))
        };
        if from != class || nth < own {
            let mut of_class = self.examples.iter_mut().filter(|(_, class)| *class == from);
            if let Some(slot) = of_class.nth(nth as usize) {
                *slot = example;
            }
        }
        Ok(())
    }

    /// The examples kept, as [`Trainer::epoch`](crate::Trainer::epoch) takes them.
    pub fn iter(&self) -> impl Iterator<Item = (&X, &usize)> {
        self.examples.iter().map(|(x, class)| (x, class))
    }
}

impl<X, const N: usize, const C: usize> Default for Replay<X, N, C> {
    fn default() -> Self {
        Self::new()
    }
}

/// Uniform in 0 to `n − 1`, to within 2⁻³² per value.
fn below(n: u32, rng: &mut impl Rng) -> u32 {
    ((u64::from(rng.next_u32()) * u64::from(n)) >> 32) as u32
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand_core::SeedableRng;
    use rand_pcg::Pcg32;

    #[test]
    fn a_long_stream_of_one_class_leaves_the_others_their_share() {
        let mut rng = Pcg32::seed_from_u64(1);
        let mut replay = Replay::<u32, 30, 3>::new();
        for i in 0..3000 {
            replay.insert(i, if i < 40 { i as usize % 2 } else { 2 }, &mut rng).unwrap();
        }
        for class in 0..3 {
            assert_eq!(replay.iter().filter(|(_, c)| **c == class).count(), 10, "class {class}");
        }
        assert!(replay.insert(0, 3, &mut rng).is_err());
    }

    #[test]
    fn with_one_class_every_example_is_kept_equally_often() {
        let mut rng = Pcg32::seed_from_u64(2);
        let mut kept = [0u32; 50];
        for _ in 0..5000 {
            let mut replay = Replay::<usize, 10, 1>::new();
            for i in 0..50 {
                replay.insert(i, 0, &mut rng).unwrap();
            }
            replay.iter().for_each(|(i, _)| kept[*i] += 1);
        }
        // 1000 expected, deviation 28.
        assert!(kept.iter().all(|n| (860..1140).contains(n)), "{kept:?}");
    }
}
