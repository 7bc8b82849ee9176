//! Training a network over fixed memory.

use core::borrow::Borrow;
use core::hint::black_box;

use const_panic::concat_panic;

use crate::layers::{Layer, Mode};
use crate::numbers::{Array, Float, Real, Tensors, Zero, all_finite, sum_of_squares};
use crate::training::{Clip, Loss, Optimizer, Pass, TrainError};

/// The memory of training with batches of up to `B` examples: a [`Pass`], what backpropagation needs, and the gradients.
///
/// Backpropagation only computes derivatives: [`accumulate`](Self::accumulate) adds them up, over as many batches as you like, and
/// [`apply`](Self::apply) hands their mean to an optimizer. [`step`](Self::step) and [`epoch`](Self::epoch) do both.
pub struct Trainer<N: Layer<X>, X: Array, const B: usize = 1> {
    buffers: Buffers<N, X, B>,
    batch: [X; B],
    /// The limit of gradients.
    pub clip: Clip<Float<X>>,
}

/// What backpropagation writes.
struct Buffers<N: Layer<X>, X: Array, const B: usize> {
    pass: Pass<N, X, B>,
    dy: [N::Out; B],
    scratch: N::Scratch<B>,
    gradients: N::Grads,
    accumulated: u32,
    examples: u64,
    seed: u64,
}

/// Whether a network's outputs are what a loss takes; if not, it does not compile.
const fn accept<X: Array, N: Layer<X>, Target, L: Loss<N::Out, Target>>() {
    if let (Some(loss), Some(activation)) = (L::LOGITS, N::PROBABILITIES) {
        concat_panic!(
            display: "`", display: loss, display: "` takes logits and holds the softmax or sigmoid itself: drop the `", display: activation,
            display: "` with which the network ends, and put it behind the trained network where probabilities are wanted; or drop `",
            display: loss, display: "` for a loss of probabilities, such as `Mse`"
        );
    }
}

/// The mean loss of some examples.
pub(super) fn mean<T: Real>(sum: T, examples: u32) -> Result<T, TrainError> {
    if examples == 0 { Err(TrainError::NoExamples) } else { Ok(sum / T::of(f64::from(examples))) }
}

#[inline(never)] // One copy in flash for all tensors.
fn hold<T: Real>(gradients: &mut [T], limit: T) {
    for g in gradients {
        // What the compiler does not see through it does not unroll: a sixth of the code.
        let g = black_box(g);
        if *g > limit {
            *g = limit;
        } else if *g < -limit {
            *g = -limit;
        }
    }
}

impl<N: Layer<X>, X: Array, const B: usize> Buffers<N, X, B> {
    /// The gradients of the examples that have a target, the first ones, added to what is there if `accumulate`; returns the sum of the losses.
    #[inline]
    fn backpropagate<Target, L: Loss<N::Out, Target>>(
        &mut self,
        network: &N,
        loss: &L,
        x: &[X; B],
        targets: [Option<&Target>; B],
        accumulate: bool,
    ) -> Result<Float<X>, TrainError> {
        const { accept::<X, N, Target, L>() };
        if !accumulate {
            self.accumulated = 0;
        }
        let examples = targets.iter().flatten().count();
        let mode = Mode::Training { accumulate, seed: self.seed, first_example: self.examples, examples };
        network.forward(x, &mut self.pass.acts, &mut self.pass.y, mode);
        let mut sum = Float::<X>::EMPTY_SUM;
        for ((y, dy), target) in self.pass.y.iter().zip(&mut self.dy).zip(targets) {
            match target {
                Some(target) => sum += loss.loss(y, target, dy)?,
                None => dy.clear(),
            }
        }
        if !sum.is_finite() {
            return Err(TrainError::NonFiniteLoss);
        }
        let Self { pass, dy, scratch, gradients, .. } = self;
        network.backward(x, &pass.acts, &pass.y, dy, scratch, None, Some(gradients), mode);
        self.examples += examples as u64;
        Ok(sum)
    }

    /// Whether the gradients are finite that have just been written for the batch `x`.
    #[inline]
    fn gradients_are_finite(&self, network: &N, x: &[X; B]) -> bool {
        network.gradients_are_finite(x, &self.pass.acts, &self.dy, &self.scratch, &self.gradients)
    }
}

impl<N: Layer<X>, X: Array, const B: usize> Trainer<N, X, B> {
    /// Nothing accumulated, no clipping, seed 0.
    pub const ZERO: Self = Self {
        buffers: Buffers {
            pass: Pass::ZERO,
            dy: Zero::ZERO,
            scratch: Zero::ZERO,
            gradients: Zero::ZERO,
            accumulated: 0,
            examples: 0,
            seed: 0,
        },
        batch: Zero::ZERO,
        clip: Clip::Off,
    };

    /// Chooses the random numbers of layers such as [`Dropout`](crate::Dropout), and starts counting examples from 0.
    pub fn set_seed(&mut self, seed: u64) {
        (self.buffers.seed, self.buffers.examples) = (seed, 0);
    }

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
        let sum =
            self.buffers.backpropagate(network, loss, x, targets.each_ref().map(Some), self.buffers.accumulated > 0)?;
        self.buffers.accumulated += B as u32;
        Ok(sum / Float::<X>::of(B as f64))
    }

    /// Steps along the mean of the accumulated gradients and starts anew. Does nothing if there are none.
    ///
    /// # Errors
    /// [`TrainError::NonFiniteGradient`]; what had been accumulated is dropped.
    #[inline]
    pub fn apply(&mut self, network: &mut N, optimizer: &mut impl Optimizer<N, Float<X>>) -> Result<(), TrainError> {
        match core::mem::take(&mut self.buffers.accumulated) {
            0 => Ok(()),
            examples => self.descend(network, optimizer, all_finite::<Float<X>>(&self.buffers.gradients), examples),
        }
    }

    /// Steps along the mean of the gradients of some examples, if they are finite.
    #[inline]
    fn descend(
        &mut self,
        network: &mut N,
        optimizer: &mut impl Optimizer<N, Float<X>>,
        finite: bool,
        examples: u32,
    ) -> Result<(), TrainError> {
        if !finite {
            return Err(TrainError::NonFiniteGradient);
        }
        let buffers = &mut self.buffers;
        let mut scale = Float::<X>::ONE / Float::<X>::of(f64::from(examples));
        match self.clip {
            Clip::Off => {}
            Clip::Norm(limit) => {
                let norm = scale * sum_of_squares::<Float<X>>(&buffers.gradients).sqrt();
                if norm > limit {
                    scale *= limit / norm;
                }
            }
            Clip::Value(limit) => {
                let limit = limit * Float::<X>::of(f64::from(examples));
                buffers.gradients.visit_mut(&mut |tensor| hold(tensor, limit));
            }
        }
        optimizer.step(network, &buffers.gradients, scale);
        network.observe(&buffers.pass.acts);
        Ok(())
    }

    /// One step on the mean gradient of a batch; returns the mean loss before the step. Gradients accumulated before are dropped.
    ///
    /// # Errors
    /// [`TrainError`], before a weight changes.
    #[inline]
    pub fn step<Target>(
        &mut self,
        network: &mut N,
        optimizer: &mut impl Optimizer<N, Float<X>>,
        loss: &impl Loss<N::Out, Target>,
        x: &[X; B],
        targets: &[Target; B],
    ) -> Result<Float<X>, TrainError> {
        let sum = self.buffers.backpropagate(network, loss, x, targets.each_ref().map(Some), false)?;
        self.descend(network, optimizer, self.buffers.gradients_are_finite(network, x), B as u32)?;
        Ok(sum / Float::<X>::of(B as f64))
    }

    /// One [`step`](Self::step) for every `B` examples, and one for the rest; returns the mean loss.
    ///
    /// Give the examples in another order each epoch: [`shuffle`](crate::shuffle) a list of references or indices. Inputs may be values too, as
    /// [`augmented`](crate::augment::augmented) makes them.
    ///
    /// # Errors
    /// [`TrainError`], before the step that would have followed it; [`TrainError::NoExamples`] if there are none.
    pub fn epoch<'a, Target: 'a>(
        &mut self,
        network: &mut N,
        optimizer: &mut impl Optimizer<N, Float<X>>,
        loss: &impl Loss<N::Out, Target>,
        examples: impl IntoIterator<Item = (impl Borrow<X>, &'a Target)>,
    ) -> Result<Float<X>, TrainError> {
        let mut examples = examples.into_iter();
        let (mut sum, mut count) = (Float::<X>::ZERO, 0u32);
        loop {
            let (targets, filled) = self.gather(&mut examples);
            if filled == 0 {
                break;
            }
            sum += self.buffers.backpropagate(network, loss, &self.batch, targets, false)?;
            let finite = self.buffers.gradients_are_finite(network, &self.batch);
            self.descend(network, optimizer, finite, filled)?;
            count += filled;
        }
        mean(sum, count)
    }

    /// The mean loss over `examples`, without training; `each` is shown every output beside its target.
    ///
    /// # Errors
    /// [`TrainError`] if a loss is not finite, a target cannot be, or there are no examples.
    pub fn evaluate<'a, Target: 'a>(
        &mut self,
        network: &N,
        loss: &impl Loss<N::Out, Target>,
        examples: impl IntoIterator<Item = (impl Borrow<X>, &'a Target)>,
        mut each: impl FnMut(&N::Out, &Target),
    ) -> Result<Float<X>, TrainError> {
        let mut examples = examples.into_iter();
        let (mut sum, mut count) = (Float::<X>::ZERO, 0u32);
        loop {
            let (targets, filled) = self.gather(&mut examples);
            if filled == 0 {
                break;
            }
            sum += self.losses(network, loss, targets, &mut each)?;
            count += filled;
        }
        if !sum.is_finite() {
            return Err(TrainError::NonFiniteLoss);
        }
        mean(sum, count)
    }

    /// The sum of the gradients accumulated since the last [`apply`](Self::apply), or of the step just made.
    pub fn gradients(&self) -> &N::Grads {
        &self.buffers.gradients
    }

    /// [`gradients`](Self::gradients), to add those of a penalty before [`apply`](Self::apply): once for each example that was accumulated.
    pub fn gradients_mut(&mut self) -> &mut N::Grads {
        &mut self.buffers.gradients
    }

    /// The gradients of up to `B` examples, in place of those that were there; returns the sum of the losses.
    #[cfg(feature = "rayon")]
    pub(crate) fn gradients_of<Target>(
        &mut self,
        network: &N,
        loss: &impl Loss<N::Out, Target>,
        seed: u64,
        first_example: u64,
        examples: &[(impl Borrow<X>, &Target)],
    ) -> Result<Float<X>, TrainError> {
        let (targets, filled) = self.gather(&mut examples.iter().map(|(x, target)| (x.borrow(), *target)));
        (self.buffers.seed, self.buffers.examples) = (seed, first_example);
        let sum = self.buffers.backpropagate(network, loss, &self.batch, targets, false)?;
        self.buffers.accumulated = filled;
        Ok(sum)
    }

    /// The sum of the losses of up to `B` examples.
    #[cfg(feature = "rayon")]
    pub(crate) fn loss_of<Target>(
        &mut self,
        network: &N,
        loss: &impl Loss<N::Out, Target>,
        examples: &[(impl Borrow<X>, &Target)],
    ) -> Result<Float<X>, TrainError> {
        let (targets, _) = self.gather(&mut examples.iter().map(|(x, target)| (x.borrow(), *target)));
        self.losses(network, loss, targets, |_, _| ())
    }

    /// Adds what `other` has accumulated. `network` lends its shape alone.
    #[cfg(feature = "rayon")]
    pub(crate) fn add_gradients(&mut self, network: &mut N, other: &Self) {
        network.zip(&other.buffers.gradients, [&mut self.buffers.gradients], &mut |_, from, [to]| {
            for (to, from) in to.iter_mut().zip(from) {
                *to += *from;
            }
        });
        self.buffers.accumulated += other.buffers.accumulated;
    }

    /// Shows the network the last pass, as [`apply`](Self::apply) does.
    #[cfg(feature = "rayon")]
    pub(crate) fn show(&self, network: &mut N) {
        network.observe(&self.buffers.pass.acts);
    }

    /// The outputs of the last pass.
    #[cfg(feature = "rayon")]
    pub(crate) fn outputs(&self) -> &[N::Out; B] {
        &self.buffers.pass.y
    }

    /// The sum of the losses of the gathered batch; `each` is shown every output that has a target.
    fn losses<Target, L: Loss<N::Out, Target>>(
        &mut self,
        network: &N,
        loss: &L,
        targets: [Option<&Target>; B],
        mut each: impl FnMut(&N::Out, &Target),
    ) -> Result<Float<X>, TrainError> {
        const { accept::<X, N, Target, L>() };
        let mut sum = Float::<X>::ZERO;
        let y = self.buffers.pass.run(network, &self.batch);
        for ((y, target), dy) in y.iter().zip(targets).zip(&mut self.buffers.dy) {
            if let Some(target) = target {
                sum += loss.loss(y, target, dy)?;
                each(y, target);
            }
        }
        Ok(sum)
    }

    /// Copies up to `B` inputs into the batch.
    fn gather<'a, Target: 'a>(
        &mut self,
        examples: &mut impl Iterator<Item = (impl Borrow<X>, &'a Target)>,
    ) -> ([Option<&'a Target>; B], u32) {
        let (mut targets, mut filled) = ([None; B], 0);
        for ((slot, target), (x, t)) in self.batch.iter_mut().zip(&mut targets).zip(examples) {
            slot.flat_mut().copy_from_slice(x.borrow().flat());
            *target = Some(t);
            filled += 1;
        }
        (targets, filled)
    }
}
