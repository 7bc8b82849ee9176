//! One training, epoch by epoch, with a progress bar.

use std::time::{Duration, Instant};

use anyhow::Result;
use indicatif::{ProgressBar, ProgressStyle};
use nerve::prelude::*;
use nerve::{Layer, Loss, ParallelTrainer, Tensor};
use rand_core::SeedableRng;
use rand_pcg::Pcg32;

use crate::options::{AnyOptimizer, Plan};
use crate::store;

/// Examples in a shard of a batch.
const SHARD: usize = 16;

/// A network that is being trained.
pub struct Session<N: Layer<X>, X: Tensor<Elem = f32>> {
    pub net: Box<N>,
    /// Mean losses on the training and the held-out examples after each epoch.
    pub losses: Vec<(f32, f32)>,
    /// Time of training alone, without evaluation.
    pub training_time: Duration,
    optimizer: AnyOptimizer<N>,
    trainer: ParallelTrainer<N, X, SHARD>,
    rng: Pcg32,
    order: Vec<usize>,
    bar: ProgressBar,
}

/// Inputs and their targets, side by side.
pub struct Examples<'a, X, Y> {
    pub x: &'a [X],
    pub y: &'a [Y],
}

impl<X, Y> Clone for Examples<'_, X, Y> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<X, Y> Copy for Examples<'_, X, Y> {}

impl<N, X> Session<N, X>
where
    N: Layer<X> + Zero,
    X: Tensor<Elem = f32>,
{
    /// Draws the weights, or reads them if the plan resumes.
    pub fn new(plan: &Plan, init: Init, bar: ProgressBar) -> Result<Self> {
        let mut rng = Pcg32::seed_from_u64(plan.seed);
        let mut net = Box::new(N::ZERO);
        net.init(init, &mut rng);
        if let Some(path) = &plan.resume {
            store::load(&mut *net, path)?;
        }
        Ok(Self {
            net,
            losses: Vec::new(),
            training_time: Duration::ZERO,
            optimizer: AnyOptimizer::new(plan),
            trainer: ParallelTrainer::new(plan.batch),
            rng,
            order: Vec::new(),
            bar,
        })
    }

    /// Trains on every example of `train` once, in random order, then shows `each` the outputs for `test` beside their targets.
    pub fn epoch<Y: Sync>(
        &mut self,
        loss: &(impl Loss<N::Out, Y> + Sync),
        train: Examples<X, Y>,
        test: Examples<X, Y>,
        each: impl FnMut(&N::Out, &Y) + Send,
    ) -> Result<()> {
        if self.order.len() != train.x.len() {
            self.order = (0..train.x.len()).collect();
        }
        shuffle(&mut self.order, &mut self.rng);
        let start = Instant::now();
        let examples = self.order.iter().map(|&i| (&train.x[i], &train.y[i]));
        let training = self.trainer.epoch(&mut *self.net, &mut self.optimizer, loss, examples)?;
        self.training_time += start.elapsed();
        let held_out = self.trainer.evaluate(&*self.net, loss, test.x.iter().zip(test.y), each)?;
        self.losses.push((training, held_out));
        self.bar.set_message(format!("{training:.4}, held out {held_out:.4}"));
        self.bar.inc(1);
        Ok(())
    }
}

/// A bar over the epochs of a training.
pub fn progress(name: &str, epochs: u32) -> Result<ProgressBar> {
    let template = format!("{name:10} {{wide_bar}} {{pos}}/{{len}} epochs, {{eta}} left, loss {{msg}}");
    Ok(ProgressBar::new(u64::from(epochs)).with_style(ProgressStyle::with_template(&template)?))
}
