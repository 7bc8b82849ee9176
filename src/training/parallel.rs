//! Training with all of a desktop's cores.

use std::{borrow::Borrow, boxed::Box, vec::Vec};

use rayon::prelude::*;

use crate::layers::Layer;
use crate::numbers::{Array, Float, Real, Zero};
use crate::training::pace::Pace;
use crate::training::trainer::mean;
use crate::training::{Accumulator, Clip, Loss, Optimizer, TrainError};

/// Trains with batches of any size, in the current rayon pool and on every thread of it, where these are quicker than one: it tries both with
/// the first batches, and again from time to time.
///
/// A batch is cut into shards of `S` examples. Each shard's gradients are computed on their own and added in the shards' order, so
/// that the result depends on `S` but has the same bits with any number of threads. If a batch is one shard, they are the bits of
/// [`Trainer::epoch`](crate::Trainer::epoch).
///
/// Costs an [`Accumulator`] of `S` examples on the heap for each shard. In a debug build each is made on the stack first.
pub struct ParallelTrainer<N: Layer<X>, X: Array, const S: usize = 16> {
    shards: Vec<Box<Accumulator<N, X, S>>>,
    batch: usize,
    examples: u64,
    seed: u64,
    /// Of training, and of evaluation.
    paces: [Pace; 2],
    /// The limit of gradients.
    pub clip: Clip<Float<X>>,
}

impl<N, X, const S: usize> ParallelTrainer<N, X, S>
where
    N: Layer<X> + Send + Sync,
    X: Array,
{
    /// Memory for batches of `batch` examples (at least 1), seed 0.
    pub fn new(batch: usize) -> Self {
        let batch = batch.max(1);
        let shards = (0..batch.div_ceil(S)).map(|_| Box::new(Accumulator::ZERO)).collect();
        Self { shards, batch, examples: 0, seed: 0, paces: Default::default(), clip: Clip::Off }
    }

    /// Chooses the random numbers of layers such as [`Dropout`](crate::Dropout), and starts counting examples from 0.
    pub fn set_seed(&mut self, seed: u64) {
        (self.seed, self.examples) = (seed, 0);
    }

    /// One step for every batch and one for the rest; returns the mean loss.
    ///
    /// # Errors
    /// [`TrainError`], before the step that would have followed it; [`TrainError::NoExamples`] if there are none.
    pub fn epoch<'a, Target: Sync + 'a>(
        &mut self,
        network: &mut N,
        optimizer: &mut (impl Optimizer<N, Float<X>> + Send),
        loss: &(impl Loss<N::Out, Target> + Sync),
        examples: impl IntoIterator<Item = (impl Borrow<X> + Send + Sync, &'a Target)> + Send,
    ) -> Result<Float<X>, TrainError> {
        rayon::scope(|_| {
            let (mut sum, mut count) = (Float::<X>::ZERO, 0u32);
            let mut examples = examples.into_iter();
            loop {
                let batch: Vec<_> = examples.by_ref().take(self.batch).collect();
                if batch.is_empty() {
                    break;
                }
                let (first, seed) = (self.examples, self.seed);
                let sums = self.each_shard(0, &batch, |accumulator, index, shard| {
                    accumulator.trainer.set_example(seed, first + (index * S) as u64);
                    accumulator.gradients_of(network, loss, shard)
                });
                for shard in sums {
                    sum += shard?;
                }
                let [first, rest @ ..] = &mut self.shards[..batch.len().div_ceil(S)] else { break };
                for shard in rest.iter_mut() {
                    first.add(network, shard);
                }
                first.trainer.clip = self.clip;
                first.apply(network, optimizer)?;
                rest.iter().for_each(|shard| shard.trainer.backward.show(network));
                self.examples += batch.len() as u64;
                count += batch.len() as u32;
            }
            mean(sum, count)
        })
    }

    /// The mean loss over `examples`, without training; `each` is shown every output beside its target, in order.
    ///
    /// # Errors
    /// [`TrainError`] if a loss is not finite, a target cannot be, or there are no examples.
    pub fn evaluate<'a, Target: Sync + 'a>(
        &mut self,
        network: &N,
        loss: &(impl Loss<N::Out, Target> + Sync),
        examples: impl IntoIterator<Item = (impl Borrow<X> + Send + Sync, &'a Target)> + Send,
        mut each: impl FnMut(&N::Out, &Target) + Send,
    ) -> Result<Float<X>, TrainError> {
        rayon::scope(|_| {
            let (mut sum, mut count) = (Float::<X>::ZERO, 0u32);
            let mut examples = examples.into_iter();
            loop {
                let batch: Vec<_> = examples.by_ref().take(self.shards.len() * S).collect();
                if batch.is_empty() {
                    break;
                }
                let sums = self
                    .each_shard(1, &batch, |accumulator, _, shard| accumulator.trainer.loss_of(network, loss, shard));
                for shard in sums {
                    sum += shard?;
                }
                for (accumulator, shard) in self.shards.iter().zip(batch.chunks(S)) {
                    for (y, (_, target)) in accumulator.trainer.outputs().iter().zip(shard) {
                        each(y, target);
                    }
                }
                count += batch.len() as u32;
            }
            if !sum.is_finite() {
                return Err(TrainError::NonFiniteLoss);
            }
            mean(sum, count)
        })
    }

    /// What `work` returns for each shard, in order, at one of the paces.
    fn each_shard<E: Sync, R: Send>(
        &mut self,
        pace: usize,
        examples: &[E],
        work: impl Fn(&mut Accumulator<N, X, S>, usize, &[E]) -> R + Sync,
    ) -> Vec<R> {
        let Self { shards, paces, .. } = self;
        let mut run = |threads: bool| {
            if threads {
                let shards = shards.par_iter_mut().zip(examples.par_chunks(S)).enumerate();
                shards.map(|(index, (accumulator, shard))| work(accumulator, index, shard)).collect()
            } else {
                let shards = shards.iter_mut().zip(examples.chunks(S)).enumerate();
                shards.map(|(index, (accumulator, shard))| work(accumulator, index, shard)).collect()
            }
        };
        if examples.len() <= S || rayon::current_num_threads() == 1 {
            return run(false);
        }
        paces[pace].run(examples.len(), run)
    }
}
